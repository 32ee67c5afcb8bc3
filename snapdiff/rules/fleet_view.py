"""The fleet as rules between nodes ask it: a few facts of each node, never all snapshots at once.

In a healthy vxlan cluster every node's peers plus its own row are one table, so tables are kept by
their digest: 5,000 nodes hold one.
"""

from __future__ import annotations

import hashlib
import json
import typing as t
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field

from snapdiff import roles
from snapdiff.rules.registry import CannotTell
from snapdiff.rules.view import Network, NodeView, Overlay, interface

Row = tuple[str | None, str | None, str | None]  # pod subnet, VTEP MAC, underlay address
Table = Mapping[str, Row]  # by VTEP address
ENTRIES = ("route", "neighbour", "fdb")  # which entry each member of a Row comes from


@dataclass(frozen=True, slots=True, kw_only=True)
class Vtep:
    """A node's own end of the overlay, as its peers must have it."""

    link: str
    family: int
    address: str
    row: Row
    vni: int | None
    port: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """What rules between nodes need of one node."""

    node: str
    vteps: tuple[Vtep, ...]
    subnets: tuple[Network, ...]  # from its lease
    values: Mapping[str, Hashable]  # path to value, for what must be alike or unique
    tables: Mapping[int, str]  # family to the digest of its peers and its own row
    addresses: frozenset[str]  # of all its links but pods': to tell who a stale entry means
    spare: frozenset[tuple[str, str]]  # forwarding entries of no peer: MAC, underlay address
    groups: Mapping[str, str]  # what it has in common with others, as kernel or underlay
    blind: Mapping[str, str] = field(default_factory=dict)  # value path to why it is not known


@dataclass(slots=True)
class Fleet:
    """All nodes of a capture that could be read."""

    members: dict[str, Member] = field(default_factory=dict)
    tables: dict[str, Table] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)  # nodes not seen, and why
    partial: bool = False  # nodes were left out on purpose, so absence proves nothing
    cluster: Mapping[str, t.Any] = field(default_factory=dict)  # the API's word, by node

    def add(self, view: NodeView) -> None:
        """Take from a node what rules between nodes need, and let the rest go."""
        vteps = tuple(_vteps(view))
        digests = {}
        for family in sorted({one.family for one in vteps}):
            own = {one.address: one.row for one in vteps if one.family == family}
            links = {one.link for one in vteps if one.family == family}
            table = {**_peers(view, links), **own}
            text = json.dumps(table, sort_keys=True)
            digest = hashlib.sha256(text.encode()).hexdigest()
            self.tables.setdefault(digest, table)
            digests[family] = digest
        values, blind = _values(view)
        self.members[view.node] = Member(
            node=view.node,
            vteps=vteps,
            subnets=tuple(_quietly(view.subnets)),
            values=values,
            tables=digests,
            addresses=_addresses(view),
            spare=frozenset(
                (str(row.get("mac")), str(row.get("dst"))) for row in view.snapshot["fdb"].values()
            ),
            groups=_groups(view),
            blind=blind,
        )

    def table_of(self, node: str, family: int) -> Table:
        """Return a node's peers and its own row, by VTEP address."""
        digest = self.members[node].tables.get(family)
        return self.tables[digest] if digest else {}

    def counted(self, path: str) -> Counter[Hashable]:
        """Count the values of a place over nodes that have it, the most frequent first."""
        found = (one.values[path] for one in self.members.values() if path in one.values)
        return Counter(found)

    def holders(self, path: str, value: Hashable) -> list[str]:
        """Name the nodes that have *value* at *path*."""
        return [name for name, one in self.members.items() if one.values.get(path) == value]

    def paths(self) -> list[str]:
        """Return all places that any node has a value for."""
        return sorted({path for one in self.members.values() for path in one.values})

    def owner_of(self, address: str | None) -> str | None:
        """Return the node that has an address on one of its links, None where nobody seen has."""
        if address is None:
            return None
        return next((name for name, one in self.members.items() if address in one.addresses), None)


def _quietly(ask: t.Callable[[], t.Any]) -> t.Any:
    try:
        return ask()
    except CannotTell:
        return ()


def _vteps(view: NodeView) -> t.Iterator[Vtep]:
    for overlay in _quietly(lambda: view.overlays):
        if overlay.kind != "vxlan" or overlay.details.get("external"):
            continue
        family = 6 if overlay.family == 6 else 4
        own = [one for one in view.addresses(overlay.name) if one.version == family]
        subnets = [one for one in _quietly(view.subnets) if one.version == family]
        for address in own[:1]:
            subnet = next((one for one in subnets if address.ip in one), None)
            yield Vtep(
                link=overlay.name,
                family=family,
                address=str(address.ip),
                row=(
                    str(subnet) if subnet else None,
                    overlay.link.get("mac"),
                    overlay.details.get("local") or overlay.details.get("local6"),
                ),
                vni=overlay.details.get("id"),
                port=overlay.details.get("port"),
            )


def _peers(view: NodeView, links: set[str]) -> dict[str, Row]:
    rows = view.snapshot["peers"]
    return {
        key: (row.get("subnet"), row.get("mac"), row.get("underlay"))
        for key, row in rows.items()
        if row.get("dev") in links
    }


def _addresses(view: NodeView) -> frozenset[str]:
    found = set()
    for name, link in view.snapshot["links"].items():
        if name == "lo" or roles.named_role(name, link) in (roles.POD_PORT, roles.DUMMY):
            continue
        found |= {str(one.ip) for one in map(interface, link["addresses"]) if one is not None}
    return frozenset(found)


def _groups(view: NodeView) -> dict[str, str]:
    host = view.snapshot["host"]
    links = view.snapshot["links"]
    below = roles.underlays(links, view.snapshot["routes"])
    found = {"kernel": host.get("kernel"), "underlay": below[0] if below else None}
    if below:
        found["underlay kind"] = links[below[0]].get("kind")
    return {name: str(value) for name, value in found.items() if value is not None}


# What must be alike on all nodes, or unlike: place, and how to get it. The place names the link by
# its role, for links of one role may be called otherwise on another node.
def _values(view: NodeView) -> tuple[dict[str, Hashable], dict[str, str]]:
    values: dict[str, Hashable] = {}
    blind: dict[str, str] = {}
    for ask in (_of_lease, _of_links, _of_settings):
        try:
            values.update((path, value) for path, value in ask(view) if value is not None)
        except CannotTell as reason:
            blind[reason.path] = reason.why
    return values, blind


def _of_lease(view: NodeView) -> Iterable[tuple[str, Hashable]]:
    lease = view.lease or {}
    for key in sorted(lease):
        yield f"cni/subnet_env/{key}", lease[key]
    for member in ("Type", "VNI", "Port", "DirectRouting"):
        yield f"cni/net_conf/Backend/{member}", view.backend(member)
    yield "cni_config", tuple(sorted(view.section("cni_config"))) or None


def _of_links(view: NodeView) -> Iterable[tuple[str, Hashable]]:
    for overlay in view.overlays:
        yield from _of_overlay(overlay)
        below = view.underlay_of(overlay)
        if below is not None:
            yield "underlay/name", below[0]
            yield "underlay/mtu", below[1].get("mtu")
    for name, link in view.bridges.items():
        yield f"links/{name}/mtu", link.get("mtu")
        addresses = sorted(key for key in link["addresses"] if not key.startswith("fe80:"))
        yield f"links/{name}/addresses", tuple(addresses)
    yield "overlays", tuple(one.name for one in view.overlays)


def _of_overlay(overlay: Overlay) -> Iterable[tuple[str, Hashable]]:
    place = f"links/{overlay.name}"
    yield f"{place}/kind", overlay.kind or None
    yield f"{place}/mtu", overlay.mtu
    yield f"{place}/mac", overlay.link.get("mac")
    for member in ("id", "port", "learning", "gbp", "local", "local6"):
        value = overlay.details.get(member)
        if isinstance(value, (str, int, bool)):
            yield f"{place}/vxlan/{member}", value


def _of_settings(view: NodeView) -> Iterable[tuple[str, Hashable]]:
    for key, value in view.snapshot["sysctls"].items():
        yield f"sysctls/{key}", value
    host = view.snapshot["host"]
    for key in ("machine_id", "kernel"):
        yield f"host/{key}", host.get(key)
