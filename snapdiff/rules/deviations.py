"""Where a node's entries for a peer are not what the peer is.

Tables are compared by digest first, so only nodes that differ cost anything; never N times N.
"""

from __future__ import annotations

import typing as t
from collections import defaultdict

from snapdiff.model import covers
from snapdiff.rules.direct import has_direct, is_direct, lacking
from snapdiff.rules.registry import CannotTell

if t.TYPE_CHECKING:
    from collections.abc import Iterator

    from snapdiff.rules.fleet_view import Fleet, Member, Row, Vtep

MEMBERS = ("subnet", "mac", "underlay")  # of a Row, as the snapshot calls them


class Deviation(t.NamedTuple):  # a large mesh that is broken everywhere has millions
    """A node's entry for a peer that is not what the peer is."""

    holder: str
    peer: str
    address: str  # VTEP address
    kind: str  # missing, stale, extra
    member: str  # subnet, mac, underlay
    seen: str | None
    expected: str | None


def deviations(fleet: Fleet) -> tuple[Deviation, ...]:
    """Return what is missing, stale or extra in the tables of all nodes: asked for once a fleet."""
    found: tuple[Deviation, ...] = fleet.once("deviations", lambda: tuple(_found(fleet)))
    return found


def not_held(fleet: Fleet) -> Iterator[CannotTell]:
    """Yield what nodes did not look at of their entries for peers: what they lack is unknown."""
    names: dict[tuple[str, str], list[str]] = defaultdict(list)
    meshed = sum(bool(one.vteps) or one.ways.only for one in fleet.members.values())
    for name, member in fleet.members.items():
        if meshed - bool(member.vteps or member.ways.only) < 1:
            continue  # it has no peers that were seen
        if member.tables:
            for place in _blind(member).values():
                names[place].append(name)
            continue
        unread = _why(member, ("peers",))
        if unread is None and _has_direct(fleet):
            unread = _why(member, ("routes",))
        if unread is not None:
            names[unread].append(name)
    for (path, why), nodes in names.items():
        yield CannotTell(path, why, tuple(nodes))


def _why(member: Member, path: tuple[str, ...]) -> tuple[str, str] | None:
    return next((one for one in member.blind.items() if covers(one[0], path)), None)


def _blind(member: Member) -> dict[str, tuple[str, str]]:
    """Return which members of its peers' rows a node could not look at: the pattern, and why."""
    found = {name: _why(member, ("peers", "*", name)) for name in MEMBERS}
    return {name: place for name, place in found.items() if place is not None}


def _has_direct(fleet: Fleet) -> bool:
    found: bool = fleet.once(
        "has direct",
        lambda: has_direct((one.ways for one in fleet.members.values()), fleet.routes),
    )
    return found


def _hidden(fleet: Fleet, member: Member) -> frozenset[str]:
    """Return of which members nobody can say that a node lacks them.

    Where peers are reached directly they have no entries at all, and a node whose routes nobody
    read does not tell whom it reaches so.
    """
    found = frozenset(_blind(member))
    return frozenset(MEMBERS) if "subnet" in found and _has_direct(fleet) else found


def _found(fleet: Fleet) -> Iterator[Deviation]:
    subnets = {name: tuple(map(str, one.subnets)) for name, one in fleet.members.items()}
    for family in (4, 6):
        owners: dict[str, tuple[str, Vtep]] = {}
        for name, member in fleet.members.items():
            for vtep in member.vteps:
                if vtep.family == family:
                    owners[vtep.address] = (name, vtep)
        expected = {address: vtep.row for address, (_node, vtep) in owners.items()}
        differing: dict[tuple[str, frozenset[str]], list[Deviation]] = {}
        for name, member in fleet.members.items():
            digest = member.tables.get(family)
            if digest is None:
                continue
            hidden = _hidden(fleet, member)
            if (digest, hidden) not in differing:
                differing[digest, hidden] = [
                    one
                    for one in _against(fleet.tables[digest], expected, owners, fleet)
                    if one.kind != "missing" or one.member not in hidden
                ]
            for one in differing[digest, hidden]:
                if one.peer == name or _is_spare(one, expected, member.spare):
                    continue
                found = Deviation(name, *one[1:])
                if not _reached_directly(found, fleet, subnets.get(one.peer, ())):
                    yield found
    yield from _direct(fleet)


def _direct(fleet: Fleet) -> Iterator[Deviation]:
    """Yield what nodes without an overlay lack: a route to a peer's subnet by its address."""
    ways = {name: one.ways for name, one in fleet.members.items()}
    if not is_direct(ways, fleet.routes):
        return
    unread = {name for name, one in fleet.members.items() if _why(one, ("routes",)) is not None}
    for holder, peer, subnet, gateway in lacking(ways, fleet.routes):
        if holder in unread:
            continue
        address = subnet.partition("/")[0]
        if gateway is None:
            yield Deviation(holder, peer, address, "missing", "subnet", None, subnet)
        elif gateway not in fleet.members[peer].addresses:
            right = fleet.members[peer].ways.own[subnet]
            yield Deviation(holder, peer, address, "stale", "subnet", gateway, right)


def _reached_directly(one: Deviation, fleet: Fleet, subnets: tuple[str, ...]) -> bool:
    """Say whether a peer that an overlay does not lead to is reached without it."""
    table = fleet.routes.get(fleet.members[one.holder].ways.digest, {})
    peer = fleet.members.get(one.peer)
    if not table or one.kind != "missing" or peer is None:
        return False
    return any(table.get(subnet) in peer.addresses for subnet in subnets)


def _is_spare(
    one: Deviation, expected: t.Mapping[str, Row], spare: frozenset[tuple[str, str]]
) -> bool:
    """Say whether a forwarding entry is there, only without the neighbour that leads to it."""
    if (one.kind, one.member) != ("missing", "underlay"):
        return False
    _subnet, mac, underlay = expected[one.address]
    return (str(mac), str(underlay)) in spare


def _against(
    table: t.Mapping[str, Row],
    expected: t.Mapping[str, Row],
    owners: t.Mapping[str, tuple[str, Vtep]],
    fleet: Fleet,
) -> Iterator[Deviation]:
    for address, row in expected.items():
        found = table.get(address, (None, None, None))
        if found == row:
            continue
        peer = owners[address][0]
        for member, seen, right in zip(MEMBERS, found, row, strict=True):
            if seen is None and right is not None:
                if member == "underlay" and found[1] is None and found != (None, None, None):
                    continue  # without the neighbour nobody can tell which entry would be its
                yield Deviation("", peer, address, "missing", member, None, right)
            elif right is not None and seen != right:
                yield Deviation("", peer, address, "stale", member, seen, right)
    for address, row in table.items():
        if address not in expected:
            peer = fleet.owner_of(row[2]) or ""
            yield Deviation("", peer, address, "extra", "subnet", row[0] or address, None)
