"""Every node's way to every other: its three entries for a peer against the peer's live self.

Tables are compared by digest first, so only nodes that differ cost anything; never N times N.
"""

from __future__ import annotations

import itertools
from collections import defaultdict

from snapdiff.census import named
from snapdiff.model import Cell, Severity
from snapdiff.rules.blame import Group, blamed
from snapdiff.rules.deviations import MEMBERS, Deviation, deviations, not_held
from snapdiff.rules.fleet_view import ENTRIES, Fleet
from snapdiff.rules.registry import Breach, CannotTell, Result, rule
from snapdiff.rules.tunnel_deviations import MEMBERS as KEYS
from snapdiff.rules.tunnel_deviations import WORDS as WORDS_OF_KEYS
from snapdiff.rules.tunnel_deviations import deviations as tunnel_deviations

WORDS = {"subnet": "pod subnet", "mac": "VTEP MAC", "underlay": "underlay address"}
RESTART = (
    "restart the flannel pod of {node}; compare 'ip neigh show dev flannel.1' and 'bridge fdb'"
)
DIRECT = (
    "restart the flannel pod of {node}; compare 'ip route' there with the addresses of its peers"
)


def _is_direct(fleet: Fleet, holders: tuple[str, ...]) -> bool:
    """Say whether nodes reach their peers without an overlay, so that routes are all they have."""
    return all(fleet.members[one].ways.only for one in holders if one in fleet.members)


def _remedy(fleet: Fleet, holders: tuple[str, ...]) -> str | None:
    return DIRECT if _is_direct(fleet, holders) else None


def _grouped(fleet: Fleet, kind: str) -> tuple[list[Group], list[Group], list[Group]]:
    """Return deviations of a kind by who is to blame: holders, peers, and pairs."""
    sizes = {family: _size(fleet, family) for family in (4, 6)}
    return blamed(
        (one for one in deviations(fleet) if one.kind == kind),
        among=lambda address: (_family(address), sizes[_family(address)]),
        order=MEMBERS,
        lost=kind == "missing",
    )


def _size(fleet: Fleet, family: int) -> int:
    members = fleet.members.values()
    return sum(any(v.family == family for v in one.vteps) or one.ways.only for one in members)


def _family(address: str) -> int:
    return 6 if ":" in address else 4


def _entries(members: tuple[str, ...]) -> str:
    return ", ".join(ENTRIES[MEMBERS.index(name)] for name in members)


@rule(
    "peer-entries-missing",
    Severity.ERROR,
    entries=("X-06", "X-12", "N-23"),
    scope="pair",
    remedy=RESTART,
    explains=("overlay-flapped",),
)
def peer_entries_missing(fleet: Fleet) -> Result:
    """Have every node hold a route, a neighbour and a forwarding entry for every other node.

    Why: flannel writes the three once, when it hears of a peer, and does not look again. A link
    that flapped has lost routes and neighbours but kept forwarding entries; one made anew has none;
    a changed MAC flushes the neighbours alone.

    Source: flannel pkg/backend/vxlan/vxlan_network.go, handleSubnetEvents(); Linux neigh_ifdown().
    """
    yield from not_held(fleet)
    holders, peers, pairs = _grouped(fleet, "missing")
    for one in holders:
        yield Breach(
            path="peers/*/missing",
            message=f"{one.node} lacks the {_entries(one.members)} of {len(one.others)} peers: "
            f"{named(one.others)}",
            nodes=(one.node,),
            expected=_entries(one.members),
            about=frozenset(one.others),
            remedy=_remedy(fleet, (one.node,)),
        )
    for one in peers:
        yield Breach(
            path=f"peers/{one.first.address}/missing",
            message=f"{len(one.others)} nodes lack the {_entries(one.members)} of {one.node}: "
            f"{named(one.others)}",
            nodes=(one.node,),
            expected=_entries(one.members),
            about=frozenset(one.others),
            remedy=_remedy(fleet, one.others),
        )
    for one in pairs:
        yield Breach(
            path=f"peers/{one.first.address}/missing",
            message=f"{_they(one, 'lacks', 'lack')} the {_entries(one.members)} of {one.node}",
            nodes=one.others,
            peer=one.node,
            expected=_entries(one.members),
            about=frozenset((one.node,)),
            remedy=_remedy(fleet, one.others),
        )


@rule(
    "peer-entries-stale",
    Severity.ERROR,
    entries=("X-07", "X-08", "N-47"),
    scope="pair",
    remedy=RESTART,
    explains=("peer-entries-missing", "overlay-entries-lost"),
)
def peer_entries_stale(fleet: Fleet) -> Result:
    """Have every node hold the live VTEP MAC, underlay address and pod subnet of its peers.

    Why: packets to an old MAC or address are dropped by the peer, one way only, and nothing in the
    logs says so. Where all nodes hold the same old value, the peer changed and nobody was told;
    where few do, they missed the news. Compared with the live device, not with an annotation.

    Source: flannel-io/flannel#1473, #1788, #1822; rancher/rancher#21169.
    """
    yield from not_held(fleet)
    holders, peers, pairs = _grouped(fleet, "stale")
    for one in holders:
        yield Breach(
            path=f"peers/*/{one.members[0]}",
            message=f"{one.node} has an old {_words(fleet, one)} of {len(one.others)} peers: "
            f"{named(one.others)}",
            nodes=(one.node,),
            about=frozenset(one.others),
            remedy=_remedy(fleet, (one.node,)),
        )
    for one in peers:
        first = one.first
        yield Breach(
            path=f"peers/{first.address}/{first.member}",
            message=f"{one.node} has the {_word(fleet, one)} {first.expected}, but "
            f"{len(one.others)} nodes hold {first.seen}: {named(one.others)}",
            seen=first.seen,
            expected=first.expected,
            nodes=(one.node,),
            about=frozenset(one.others),
            remedy="restart the flannel pod of {node}, so that it publishes what it has",
        )
    for one in pairs:
        first = one.first
        yield Breach(
            path=f"peers/{first.address}/{first.member}",
            message=f"{_they(one, 'holds', 'hold')} the {_word(fleet, one)} {first.seen} of "
            f"{one.node}, which has {first.expected}",
            seen=first.seen,
            expected=first.expected,
            nodes=one.others,
            peer=one.node,
            about=frozenset((one.node,)),
            remedy=_remedy(fleet, one.others),
        )


def _they(one: Group, does: str, do: str) -> str:
    return f"{named(one.others)} {does if len(one.others) == 1 else do}"


def _word(fleet: Fleet, one: Group) -> str:
    """Return what is wrong in a word; a direct route has but the address that it leads via."""
    direct = _is_direct(fleet, (one.first.holder,))
    return "next-hop address" if direct else WORDS[one.first.member]


def _words(fleet: Fleet, one: Group) -> str:
    if _is_direct(fleet, (one.first.holder,)):
        return _word(fleet, one)
    return " and ".join(WORDS[name] for name in one.members)


@rule(
    "peer-entries-extra",
    Severity.WARNING,
    entries=("N-73", "X-12"),
    scope="pair",
    remedy="ip route del {seen} on the nodes named, once it is sure that no node has that subnet",
)
def peer_entries_extra(fleet: Fleet) -> Result:
    """Have no node hold entries for a pod subnet that no node of the cluster has.

    Why: events that flanneld missed leave routes behind; when the subnet is given out again, its
    traffic goes to a node that is gone.

    Exempt: an entry that may be of a node that was not seen, or not asked for: cannot tell.
    Source: flannel-io/flannel#2554, #1604.
    """
    holders, peers, pairs = _grouped(fleet, "extra")
    for one in [*holders, *peers, *pairs]:
        first = one.first
        if not one.node and not fleet.all_told("links"):
            yield CannotTell(f"peers/{first.address}", "it may be of a node that was not seen")
            continue
        nodes = one.others if one not in holders else (one.node,)
        yield Breach(
            path=f"peers/{first.address}",
            message=f"{named(nodes)} still has entries for {first.seen}, which no node has"
            + (f"; they lead to {one.node}" if one.node and one not in holders else ""),
            seen=first.seen,
            nodes=nodes,
            peer=one.node or None,
            about=frozenset({one.node} - {""}),
        )


MOST_CELLS = 2000  # of a picture that a person can use


def cells(fleet: Fleet) -> tuple[Cell, ...]:
    """Return the pairs of nodes whose entries are not complete and true, for the matrix."""
    found: dict[tuple[str, str], list[Deviation]] = defaultdict(list)
    tunnels = (one for one in tunnel_deviations(fleet) if not isinstance(one, CannotTell))
    for one in itertools.chain(deviations(fleet), tunnels):
        if one.kind == "extra" and not one.peer and not fleet.all_told("links"):
            continue  # of a node that was not seen, it may be
        if len(found) < MOST_CELLS or (one.holder, one.peer) in found:
            found[one.holder, one.peer or one.address.rpartition("/")[2]].append(one)
    return tuple(
        Cell(
            holder=holder,
            peer=peer,
            missing=_of_kind(rows, "missing"),
            stale=_of_kind(rows, "stale"),
            extra=any(one.kind == "extra" for one in rows),
        )
        for (holder, peer), rows in sorted(found.items())
    )


def _of_kind(rows: list[Deviation], kind: str) -> tuple[str, ...]:
    return tuple(
        entry
        for member, entry in zip((*MEMBERS, *KEYS), (*ENTRIES, *WORDS_OF_KEYS), strict=True)
        if any(one.kind == kind and one.member == member for one in rows)
    )
