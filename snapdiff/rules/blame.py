"""Who is to blame where entries for peers are wrong: one who holds them, the peer, or a pair."""

from __future__ import annotations

import typing as t
from collections import defaultdict
from dataclasses import dataclass

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from snapdiff.rules.deviations import Deviation


@dataclass(frozen=True, slots=True)
class Group:
    """Deviations that are one event, and the node that it is told of."""

    node: str  # who is to blame
    others: tuple[str, ...]
    first: Deviation
    members: tuple[str, ...]
    whole: bool  # all or most of its peers, or of its holders


def blamed(
    found: Iterable[Deviation],
    *,
    among: Callable[[str], tuple[t.Hashable, int]],
    order: tuple[str, ...],
    lost: bool = False,
) -> tuple[list[Group], list[Group], list[Group]]:
    """Return deviations of one kind by who is to blame: holders, peers, and pairs.

    A node that deviates from most of its peers is wrong itself; a peer that most nodes have wrong
    is what has changed; what is left are single pairs. Where holders account for all, and peers do
    not or are no fewer, the holders have *lost* what they had, if that is what is wrong. *among*
    gives the mesh that an address is of, and how many nodes are in it; *order* is that of an
    entry's members.
    """
    by_holder: dict[tuple[str, t.Hashable], list[Deviation]] = defaultdict(list)
    by_peer: dict[tuple[str, str], list[Deviation]] = defaultdict(list)
    sizes: dict[t.Hashable, int] = {}
    for one in found:
        mesh, sizes[mesh] = among(one.address)
        by_holder[one.holder, mesh].append(one)
        by_peer[one.peer, one.address].append(one)
    of_holders = [one for one in by_holder if _is_most(by_holder[one], sizes[one[1]])]
    of_peers = [
        (peer, address)
        for (peer, address), rows in by_peer.items()
        if 2 * len({one.holder for one in rows}) > sizes[among(address)[0]] - 1
        and len({one.holder for one in rows}) > 1
    ]
    all_of_peers = len(of_peers) == len(by_peer)
    if lost and len(of_holders) == len(by_holder) <= len(of_peers if all_of_peers else by_holder):
        of_peers = []
    peers, done = [], set()
    for peer, address in of_peers:
        rows = by_peer[peer, address]
        peers.append(_group(peer, {one.holder for one in rows}, rows, order, whole=True))
        done |= set(map(_pair, rows))
    holders, pairs = [], []
    for holder, mesh in of_holders:
        rest = [one for one in by_holder[holder, mesh] if _pair(one) not in done]
        if _is_most(rest, sizes[mesh]):
            holders.append(_group(holder, {one.peer for one in rest}, rest, order, whole=True))
            done |= set(map(_pair, rest))
    for (peer, _address), rows in by_peer.items():
        rest = [one for one in rows if _pair(one) not in done]
        if rest:
            pairs.append(_group(peer, {one.holder for one in rest}, rest, order, whole=False))
    return holders, peers, pairs


def _is_most(rows: list[Deviation], size: int) -> bool:
    """Say whether deviations of one holder are of most of its peers."""
    names = {one.address for one in rows}
    return len(names) > 1 and 2 * len(names) > size - 1


def _pair(one: Deviation) -> tuple[str, str, str]:
    return one.holder, one.peer, one.address


def _group(
    node: str, others: set[str], rows: list[Deviation], order: tuple[str, ...], *, whole: bool
) -> Group:
    members = tuple(name for name in order if any(one.member == name for one in rows))
    return Group(node, tuple(sorted(others - {""})), rows[0], members, whole)
