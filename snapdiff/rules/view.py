"""A node's snapshot as rules ask it: what is there, what is absent, what nobody looked at.

Whatever returns a value raises CannotTell where the place was not observed; None is *absent*.
"""

from __future__ import annotations

import ipaddress
import typing as t
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache

from snapdiff import canonical, roles, schema
from snapdiff.errors import SnapdiffError
from snapdiff.model import BODY, MOVING, Missing, Outcome, covers
from snapdiff.rules.registry import CannotTell

if t.TYPE_CHECKING:
    from snapdiff.model import Snapshot
    from snapdiff.store import Side

Address = ipaddress.IPv4Interface | ipaddress.IPv6Interface
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Link = Mapping[str, t.Any]

OLDER = "the collector of that time did not look at it"
# flannel's backends by the kind and the name of the link they make.
FLANNEL = {"vxlan": "vxlan", "wireguard": "wireguard", "ipip": "ipip", "tun": "udp"}


@lru_cache(maxsize=1 << 12)  # rules ask for the same few of a node
def interface(text: str) -> Address | None:
    """Return ``10.244.1.1/24`` as an address with its network; None for what is no such thing."""
    try:
        return ipaddress.ip_interface(text.partition(" peer ")[0])
    except ValueError:
        return None


@lru_cache(maxsize=1 << 12)
def network(text: str) -> Network | None:
    """Return a prefix as a network; None for what is no such thing."""
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlay:
    """A tunnel link of the node, and what it is tunnelled over."""

    name: str
    link: Link
    kind: str  # vxlan, wireguard, ipip, tun, geneve; "" where the kind is not observed
    family: int  # 4 or 6: of the outer packet
    owner: str  # flannel, calico, cilium, other

    @property
    def mtu(self) -> int | None:
        """Return the MTU in bytes."""
        found: int | None = self.link.get("mtu")
        return found

    @property
    def details(self) -> Mapping[str, t.Any]:
        """Return the details of the kind, as id and port of a vxlan."""
        found: Mapping[str, t.Any] = self.link.get(self.kind) or self.link.get("tunnel") or {}
        return found


class NodeView:
    """The facts of one node, with what follows from them."""

    def __init__(self, snapshot: Snapshot, config: Mapping[str, t.Any] | None = None) -> None:
        """Take a snapshot, and flannel's ``config`` as ``cluster.yml`` has it."""
        self.snapshot = snapshot
        self.node = snapshot.node
        self._config = config or {}

    def section(self, name: str) -> Mapping[str, t.Any]:
        """Return a section. Raises CannotTell where it was not looked at and is empty."""
        rows = self.snapshot[name]
        if not rows:
            self._look((name,))
        return rows

    def get(self, *path: str) -> t.Any:
        """Return the value at a place, None where it is absent.

        Raises CannotTell where it was not observed.
        """
        value: t.Any = self.snapshot.sections
        for part in path:
            # most are plain dicts, and asking an abstract class takes three times as long
            if (type(value) is not dict and not isinstance(value, Mapping)) or part not in value:
                self._look(path)
                return None
            value = value[part]
        return value

    def _look(self, path: tuple[str, ...]) -> None:
        found = next((one for one in self.blind.items() if covers(one[0], path)), None)
        if found is not None:
            raise CannotTell(*found)

    @cached_property
    def blind(self) -> dict[str, str]:
        """Return the patterns of what was not observed, and why; what came later than it too."""
        later = dict.fromkeys(schema.newer(self.snapshot.facts), OLDER)
        return {**later, **self.snapshot["not_observed"]}

    @property
    def links(self) -> Mapping[str, Link]:
        """Return all links."""
        return self.section("links")

    @cached_property
    def overlays(self) -> tuple[Overlay, ...]:
        """Return the overlay links, flannel's first."""
        links = self.links
        found = [_overlay(name, links[name]) for name in roles.overlays(links)]
        return tuple(sorted(found, key=lambda one: (one.owner != "flannel", one.name)))

    @property
    def flannel(self) -> tuple[Overlay, ...]:
        """Return the overlay links that flannel makes."""
        return tuple(one for one in self.overlays if one.owner == "flannel")

    @cached_property
    def bridges(self) -> dict[str, Link]:
        """Return the pod bridges by name."""
        links = self.links
        return {
            name: links[name]
            for name in links
            if roles.named_role(name, links[name]) == roles.POD_BRIDGE
        }

    @cached_property
    def ports(self) -> dict[str, Link]:
        """Return the host ends of pods' links by name."""
        return dict(canonical.pod_ports(self.snapshot))

    def ports_of(self, bridge: str) -> dict[str, Link]:
        """Return all links that are ports of *bridge*, pods' or not."""
        links = self.links
        return {name: links[name] for name in links if links[name].get("master") == bridge}

    @property
    def lease(self) -> Mapping[str, t.Any] | None:
        """Return flannel's ``subnet.env``, None where there is none."""
        found: Mapping[str, t.Any] | None = self.get("cni", "subnet_env")
        return found

    def subnets(self) -> list[Network]:
        """Return the node's pod subnets as its lease has them, IPv4 first."""
        lease = self.lease or {}
        keys = ("FLANNEL_SUBNET", "FLANNEL_IPV6_SUBNET")
        found = [network(str(lease[key])) for key in keys if lease.get(key)]
        return [one for one in found if one is not None]

    def networks(self) -> list[Network]:
        """Return the networks of all pods as the lease has them; it may list several."""
        lease = self.lease or {}
        keys = ("FLANNEL_NETWORK", "FLANNEL_IPV6_NETWORK")
        texts = [text for key in keys for text in str(lease.get(key, "")).split(",") if text]
        return [one for one in map(network, texts) if one is not None]

    @cached_property
    def net_conf(self) -> Mapping[str, t.Any]:
        """Return flannel's configuration: the node's own file, else the ConfigMap's.

        A node need not have the file, and not having looked is no reason to stop a rule that can
        do without: this raises nothing, and is empty where nobody tells. A ConfigMap of another
        backend than the node runs was not applied, and is none of its own.
        """
        own: Mapping[str, t.Any] | None = self.snapshot["cni"].get("net_conf")
        if own is not None:
            return own
        given: Mapping[str, t.Any] = self._config.get("net_conf") or {}
        return given if self._runs(str((given.get("Backend") or {}).get("Type")).lower()) else {}

    def _runs(self, backend: str) -> bool:
        """Say whether the node has the link of a backend; without one nobody knows what it runs."""
        try:
            return any(FLANNEL.get(one.kind) == backend for one in self.flannel)
        except CannotTell:
            return False

    @property
    def net_conf_name(self) -> str:
        """Return where that was read: ``net-conf``, or the ConfigMap by its name."""
        if self.snapshot["cni"].get("net_conf") is None and self.net_conf:
            return f"net-conf of the ConfigMap {self._config['name']}"
        return "net-conf"

    def backend(self, member: str) -> t.Any:
        """Return a member of Backend in the node's own file, None where it is absent."""
        own = self.snapshot["cni"].get("net_conf") or {}
        return (own.get("Backend") or {}).get(member)

    def asked(self, member: str) -> t.Any:
        """Return a member of net-conf's Backend, None where it is absent or nobody tells.

        It may come from the ConfigMap, which tells what a link should have, not what runs.
        """
        return (self.net_conf.get("Backend") or {}).get(member)

    def addresses(self, link: str) -> list[Address]:
        """Return the addresses of a link but link-local ones."""
        rows = self.links[link]["addresses"]
        found = [interface(key) for key in rows if not key.startswith("fe80:")]
        return [one for one in found if one is not None]


def _overlay(name: str, link: Link) -> Overlay:
    kind = str(link.get("kind", ""))
    details = link.get(kind) or {}
    six = "-v6" in name or "local6" in details or "group6" in details
    owners = (("flannel", "flannel"), ("cilium", "cilium"), ("vxlan.calico", "calico"))
    owner = next((word for mark, word in owners if name.startswith(mark)), "other")
    if "cali" in name or name == "tunl0":
        owner = "calico"
    return Overlay(name=name, link=link, kind=kind, family=6 if six else 4, owner=owner)


def look_at(
    side: Side, node: str, missing: list[Missing], config: Mapping[str, t.Any] | None = None
) -> NodeView | None:
    """Return a node of a capture; one that was not seen goes to *missing*, with the reason.

    Rules ask for most of a snapshot, so all rows are read here: one that does not fit the schema
    costs its own node, not the answer on the others.
    """
    row = side.capture.nodes[node]
    if row.outcome is Outcome.SKIPPED:
        return None
    if row.outcome is not Outcome.OK:
        missing.append(Missing(node=node, why=f"{row.outcome}: {row.why}"))
        return None
    try:
        snapshot = side.snapshot(node)
        for section in (*BODY, *MOVING):
            dict(snapshot[section])
    except SnapdiffError as error:
        missing.append(Missing(node=node, why=str(error)))
        return None
    return NodeView(snapshot, config)
