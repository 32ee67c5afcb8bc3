"""Ways to the pods of other nodes without an overlay: host-gw, and vxlan with DirectRouting.

As with VTEPs, a healthy node's routes plus its own subnet are the same table on every node, and are
kept by their digest.
"""

from __future__ import annotations

import hashlib
import json
import typing as t
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from snapdiff import roles
from snapdiff.rules.registry import CannotTell
from snapdiff.rules.view import network

if t.TYPE_CHECKING:
    from snapdiff.rules.view import NodeView

Routes = Mapping[str, str]  # pod subnet to the address of the node that has it


@dataclass(frozen=True, slots=True)
class Ways:
    """A node's routes to pods of others, less those over an overlay."""

    digest: str  # of the table of its routes and its own subnets
    own: Mapping[str, str]  # its own pod subnets, and the underlay address that they are behind
    only: bool  # it has no overlay: all its peers must be in the table


def ways_of(view: NodeView, tables: dict[str, Routes]) -> Ways:
    """Return a node's direct routes; their table goes into *tables*."""
    try:
        networks, subnets = view.networks(), view.subnets()
        overlays = {one.name for one in view.overlays}
    except CannotTell:
        return Ways("", {}, only=False)
    found: dict[str, str] = {}
    rows = view.snapshot["routes"].values()
    # of routes to one subnet the kernel takes that of the least metric: it is written last
    for route in sorted(rows, key=lambda row: row.get("metric") or 0, reverse=True):
        dst, gateway = str(route.get("dst", "")), route.get("gateway")
        if not isinstance(gateway, str) or route.get("dev") in overlays:
            continue
        if route.get("table", "main") != "main":
            continue
        place = network(dst) if "/" in dst and dst != "::/0" else None
        if place is not None and any(_within(place, one) for one in networks):
            found[str(place)] = gateway
    own = dict(_own(view, subnets))
    table = {**found, **own}
    digest = hashlib.sha256(json.dumps(table, sort_keys=True).encode()).hexdigest()
    tables.setdefault(digest, table)
    return Ways(digest, own, only=bool(own) and not overlays)


def _within(one: t.Any, other: t.Any) -> bool:
    return one.version == other.version and bool(one.subnet_of(other)) and one != other


def _own(view: NodeView, subnets: list[t.Any]) -> Iterator[tuple[str, str]]:
    links = view.links
    for name in roles.underlays(links, view.snapshot["routes"])[:1]:
        for subnet in subnets:
            for address in view.addresses(name):
                if address.version == subnet.version:
                    yield str(subnet), str(address.ip)
                    break


def is_direct(ways: Mapping[str, Ways], tables: Mapping[str, Routes]) -> bool:
    """Say whether nodes of the fleet reach each other without an overlay: some do."""
    return any(one.only and len(tables.get(one.digest, ())) > len(one.own) for one in ways.values())


def has_direct(ways: t.Iterable[Ways], tables: Mapping[str, Routes]) -> bool:
    """Say whether a node reaches any peer directly, be it beside an overlay or without one."""
    return any(len(tables.get(one.digest, ())) > len(one.own) for one in ways)


def lacking(
    ways: Mapping[str, Ways], tables: Mapping[str, Routes]
) -> Iterator[tuple[str, str, str, str | None]]:
    """Yield holder, peer, subnet, and the gateway that it has instead of the peer's, if any."""
    owners = {
        subnet: (node, address) for node, one in ways.items() for subnet, address in one.own.items()
    }
    expected = {subnet: address for subnet, (_node, address) in owners.items()}
    differing: dict[str, list[tuple[str, str | None]]] = {}
    for holder, one in ways.items():
        if not one.only:
            continue
        if one.digest not in differing:
            table = tables[one.digest]
            differing[one.digest] = [
                (subnet, table.get(subnet))
                for subnet, address in expected.items()
                if table.get(subnet) != address
            ]
        for subnet, gateway in differing[one.digest]:
            if owners[subnet][0] != holder:
                yield holder, owners[subnet][0], subnet, gateway
