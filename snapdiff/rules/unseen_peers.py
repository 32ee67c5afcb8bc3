"""Entries for nodes that were not seen: nobody knows what is right, but all have the same."""

from __future__ import annotations

import typing as t
from collections import defaultdict

from snapdiff.census import named
from snapdiff.model import Severity
from snapdiff.rules.deviations import MEMBERS
from snapdiff.rules.fleet_view import ENTRIES
from snapdiff.rules.registry import Breach, Result, rule

if t.TYPE_CHECKING:
    from collections.abc import Iterator

    from snapdiff.rules.fleet_view import Fleet, Row

NONE: Row = (None, None, None)


@rule(
    "peer-entries-alike",
    Severity.WARNING,
    entries=("X-06", "X-07"),
    scope="fleet",
    remedy="restart the flannel pod of {node}; compare 'ip neigh show dev flannel.1' and 'bridge "
    "fdb'",
)
def peer_entries_alike(fleet: Fleet) -> Result:
    """Have the same entries on all nodes for a peer that was not seen.

    Why: the way to a node that could not be gathered cannot be held against the node. Where most
    others hold one and a few another, or none, these have not heard of it.

    Exempt: an entry that no more than half of the nodes hold; cannot tell, as of any extra one.
    Source: flannel pkg/backend/vxlan/vxlan_network.go, handleSubnetEvents().
    """
    for family in (4, 6):
        for address, rows in _foreign(fleet, family):
            usual, holders = max(rows.items(), key=lambda one: len(one[1]))
            if usual == NONE or 2 * len(holders) <= sum(map(len, rows.values())):
                continue
            for row, nodes in sorted(rows.items(), key=lambda one: one[1]):
                if row != usual:
                    yield _breach(address, row, usual, tuple(sorted(nodes)), len(holders))


def _breach(address: str, row: Row, usual: Row, nodes: tuple[str, ...], others: int) -> Breach:
    places = [number for number in range(len(ENTRIES)) if row[number] != usual[number]]
    words = ", ".join(ENTRIES[number] for number in places)
    lacks = all(row[number] is None for number in places)
    one = len(nodes) == 1
    verb = ("lacks" if one else "lack") if lacks else ("holds another" if one else "hold another")
    return Breach(
        path=f"peers/{address}/{'missing' if lacks else MEMBERS[places[0]]}",
        message=f"{named(nodes)} {verb} {words} "
        f"for {address}, which {others} others hold; its node was not seen",
        seen=None if lacks else row[places[0]],
        expected=usual[places[0]],
        nodes=nodes,
    )


def _is_of_peers(pattern: str) -> bool:
    return pattern == "links" or pattern.startswith("peers")


def _foreign(fleet: Fleet, family: int) -> Iterator[tuple[str, dict[Row, list[str]]]]:
    """Yield addresses that no node seen has, with the nodes by what they hold of each."""
    own = {one.address for member in fleet.members.values() for one in member.vteps}
    nodes: dict[str, list[str]] = defaultdict(list)  # by the digest of their tables
    for name, member in fleet.members.items():
        if family in member.tables and not any(map(_is_of_peers, member.blind)):
            nodes[member.tables[family]].append(name)
    addresses = {one for digest in nodes for one in fleet.tables[digest]} - own
    if fleet.all_told("links"):
        return  # then such an entry is an extra one
    for address in sorted(addresses):
        rows: dict[Row, list[str]] = defaultdict(list)
        for digest, names in nodes.items():
            rows[fleet.tables[digest].get(address, NONE)].extend(names)
        yield address, rows
