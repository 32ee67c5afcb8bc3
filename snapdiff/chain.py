"""The chain of a node as the field draws it: eth0 - flannel.1 - cni0 - pods."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from snapdiff import canonical, roles

if t.TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from snapdiff.model import Snapshot


@dataclass(frozen=True, slots=True)
class Link:
    """A hop of the chain; *mtus* in bytes, more than one where pods differ, with their number."""

    name: str
    role: str
    mtus: Mapping[t.Any, int]
    addresses: tuple[str, ...] = ()

    @property
    def word(self) -> str:
        """Return the MTU as people say it; of pods with their number."""
        if self.role != roles.POD_PORT:
            return str(next(iter(self.mtus), None) or "?")
        return ", ".join(
            f"{number} at {mtu or '?'}" for mtu, number in sorted(self.mtus.items(), key=str)
        )


def chain(snapshot: Snapshot) -> tuple[Link, ...]:
    """Return the hops from the underlay to the pods; what a node has not is not in it."""
    return tuple(_hops(snapshot))


def has_pod_network(snapshot: Snapshot) -> bool:
    """Say whether anything of a pod network is on a node: a link of it, a lease, a CNI file.

    Where nobody could look, that is not known to be false.
    """
    if {"links", "cni", "cni_config"} & snapshot["not_observed"].keys():
        return True
    files = any(snapshot["cni"].values()) or bool(snapshot["cni_config"])
    return files or any(hop.role != roles.UNDERLAY for hop in _hops(snapshot))


def _hops(snapshot: Snapshot) -> Iterator[Link]:
    links = snapshot["links"]
    for name in roles.underlays(links, snapshot["routes"]):
        yield _one(name, roles.UNDERLAY, links[name])
    for name in roles.overlays(links):
        yield _one(name, roles.OVERLAY, links[name])
    for name in sorted(links):
        if roles.named_role(name, links[name]) == roles.POD_BRIDGE:
            yield _one(name, roles.POD_BRIDGE, links[name])
    ports = canonical.pod_ports(snapshot)
    for group in sorted(canonical.populations(ports)):
        rows = {name: row for name, row in ports.items() if roles.population_of(name) == group}
        yield Link(group, roles.POD_PORT, canonical.histogram(rows, "mtu"))


def _one(name: str, role: str, link: Mapping[str, t.Any]) -> Link:
    addresses = tuple(one for one in sorted(link["addresses"]) if not one.startswith("fe80:"))
    return Link(name, role, {link.get("mtu"): 1}, addresses)
