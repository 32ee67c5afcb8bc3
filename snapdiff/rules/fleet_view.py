"""The fleet as rules between nodes ask it: a few facts of each node, never all snapshots at once.

In a healthy vxlan cluster every node's peers plus its own row are one table, so tables are kept by
their digest: 5,000 nodes hold one.
"""

from __future__ import annotations

import hashlib
import json
import typing as t
from collections.abc import Mapping
from dataclasses import dataclass, field

from snapdiff import roles
from snapdiff.census import Census, take
from snapdiff.model import covers
from snapdiff.rules.detours import Detour, detours_of
from snapdiff.rules.direct import Ways, ways_of
from snapdiff.rules.flannel import in_use
from snapdiff.rules.registry import CannotTell
from snapdiff.rules.traits import Traits, place_of, traits_of
from snapdiff.rules.tunnels import Tunnel, peers_of, sealed, tunnels_of
from snapdiff.rules.view import Network, NodeView, Overlay, interface
from snapdiff.rules.ways import OddWays, odd_ways, over_links

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
    traits: Traits  # what must be alike or unique
    tables: Mapping[int, str]  # family to the digest of its peers and its own row
    addresses: frozenset[str]  # of all its links but pods': to tell who a stale entry means
    spare: frozenset[tuple[str, str]]  # forwarding entries of no peer: MAC, underlay address
    tunnels: tuple[Tunnel, ...]  # its own ends of flannel's wireguard
    keys: Mapping[str, str]  # such a link to the digest of its peers and its own row
    sealed: Mapping[str, str]  # such links that nobody could look into, and why
    ways: Ways  # its routes to pods of others without an overlay
    detours: tuple[Detour, ...]  # its routes that would lead peers away
    leading: frozenset[str]  # links that routes to pods of others lead over
    odd: tuple[OddWays, ...]  # routes over its overlays that may be of no node
    groups: Mapping[str, str]  # what it has in common with others, as kernel or underlay
    blind: Mapping[str, str] = field(default_factory=dict)  # what was not observed, and why


@dataclass(slots=True)
class Fleet:
    """All nodes of a capture that could be read."""

    members: dict[str, Member] = field(default_factory=dict)
    tables: dict[str, Table] = field(default_factory=dict)
    routes: dict[str, Mapping[str, str]] = field(default_factory=dict)  # by digest
    missing: dict[str, str] = field(default_factory=dict)  # nodes not seen, and why
    partial: bool = False  # nodes were left out on purpose, so absence proves nothing
    cluster: Mapping[str, t.Any] = field(default_factory=dict)  # the API's word, by node
    cluster_why: str = ""  # why the API gave none, where it was asked
    flannel: Mapping[str, t.Any] = field(default_factory=dict)  # its objects; empty: not asked
    inventory: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # groups, by node

    _made: dict[str, t.Any] = field(default_factory=dict)

    def once(self, name: str, make: t.Callable[[], t.Any]) -> t.Any:
        """Return what *make* makes of all nodes, kept for whoever asks again."""
        if name not in self._made:
            self._made[name] = make()
        return self._made[name]

    def add(self, view: NodeView) -> None:
        """Take from a node what rules between nodes need, and let the rest go."""
        vteps = tuple(_vteps(view))
        digests = {}
        for family in sorted({one.family for one in vteps}):
            own = {one.address: one.row for one in vteps if one.family == family}
            links = {one.link for one in vteps if one.family == family}
            digests[family] = self._keep({**_peers(view, links), **own})
        traits = traits_of(view)
        local = {family: traits.values.get(f"underlay/address/{family}") for family in (4, 6)}
        tunnels = tunnels_of(view, local)
        self.members[view.node] = Member(
            node=view.node,
            vteps=vteps,
            subnets=tuple(_quietly(view.subnets)),
            traits=traits,
            tables=digests,
            addresses=_addresses(view),
            spare=frozenset(
                (str(row.get("mac")), str(row.get("dst"))) for row in view.snapshot["fdb"].values()
            ),
            tunnels=tunnels,
            keys={
                one.link: self._keep({**peers_of(view, one.link), one.address: one.row})
                for one in tunnels
            },
            sealed=sealed(view) if "links" not in view.blind else {},
            ways=ways_of(view, self.routes),
            detours=detours_of(view),
            leading=_leading(view),
            odd=odd_ways(view),
            groups=traits.groups,
            blind=view.blind,
        )

    def _keep(self, table: Table) -> str:
        """Return the digest of a table, which is kept once."""
        text = json.dumps(table, sort_keys=True)
        digest = hashlib.sha256(text.encode()).hexdigest()
        self.tables.setdefault(digest, table)
        return digest

    def census(self, trait: str) -> Census:
        """Return who has which value of a trait; nodes that do not tell are not in it."""
        return take(
            (name, one.traits.values[trait])
            for name, one in self.members.items()
            if trait in one.traits.values
        )

    def names(self, *heads: str) -> list[str]:
        """Name all traits below *heads* that any node has."""
        found = {name for one in self.members.values() for name in one.traits.values}
        return sorted(name for name in found if name.startswith(heads))

    def place(self, trait: str, node: str) -> str:
        """Return where the snapshot of a node has a trait; a link that it lacks is ``*``."""
        return place_of(trait, self.members[node].traits.links)

    def all_told(self, path: str) -> bool:
        """Say whether every node was asked for and was reached, and told what is at a place."""
        parts = tuple(path.split("/"))
        told = all(_covered(parts, one.blind) is None for one in self.members.values())
        return told and not self.missing and not self.partial

    def unseen(self, trait: str) -> tuple[str, str] | None:
        """Return what kept nodes from telling a trait, and why; None where they all looked."""
        for name, one in self.members.items():
            if trait not in one.traits.values:
                found = _covered(tuple(self.place(trait, name).split("/")), one.blind)
                if found is not None:
                    return found
        return None

    @property
    def groups(self) -> Mapping[str, Mapping[str, str]]:
        """Return what nodes have in common with others, by node."""
        return {
            name: {**one.groups, **self.inventory.get(name, {})}
            for name, one in self.members.items()
        }

    def owner_of(self, address: str | None) -> str | None:
        """Return the node that has an address on one of its links, None where nobody seen has."""
        if address is None:
            return None
        return next((name for name, one in self.members.items() if address in one.addresses), None)


def _covered(path: tuple[str, ...], blind: Mapping[str, str]) -> tuple[str, str] | None:
    return next((found for found in blind.items() if covers(found[0], path)), None)


def _quietly(ask: t.Callable[[], t.Any]) -> t.Any:
    try:
        return ask()
    except CannotTell:
        return ()


def _in_use(view: NodeView) -> tuple[Overlay, ...]:
    """Return the overlays that peers have to know: flannel's where it is, less what it left."""
    return in_use(view) if view.flannel else view.overlays


def _leading(view: NodeView) -> frozenset[str]:
    """Name the links that routes to pods lead over; asked for only where there is a choice."""
    several = len(_quietly(lambda: view.overlays)) > 1
    return frozenset(over_links(view) if several else ())


def _vteps(view: NodeView) -> t.Iterator[Vtep]:
    for overlay in _quietly(lambda: _in_use(view)):
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
