"""The routes that peers' rows tell, as rows of their own where the other side has such a row.

A route just like flannel's own is told by its peer's row alone; with another protocol, metric or
gateway it is a row among the routes. Between two captures that is a changed route, not one that
came or went.
"""

from __future__ import annotations

import typing as t
from collections import defaultdict

from snapdiff.collector import _peers

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    Row = Mapping[str, t.Any]
    Table = Mapping[str, Row]


def told(routes: Table, peers: Table, others: Table, keys: Iterable[str]) -> dict[str, Row]:
    """Return what *peers* tell of the routes that only *others* have as rows, by their keys.

    *routes* and *peers* are of one side, *others* the routes of the other; *keys* are those of
    routes that differ. A peer's row stands for one route, so of several rows it is the likest.
    """
    likely: dict[str, list[tuple[int, str]]] = defaultdict(list)
    rows: dict[str, Row] = {}
    for key in keys:
        if key in routes or key not in others:
            continue
        row = others[key]
        for address in _addresses(row):
            usual = _usual(address, peers, row)
            if usual is not None and not _stands(usual, routes):
                rows[address] = usual
                likely[address].append((_unlikeness(row, usual), key))
                break
    return {min(some)[1]: rows[address] for address, some in likely.items()}


def _addresses(row: Row) -> Iterator[str]:
    """Yield under which addresses a peer may tell a route: its gateway, or as flannel has it."""
    if row.get("table", "main") == "main" and row.get("type", "unicast") == "unicast":
        yield str(row.get("dst", "")).partition("/")[0]
        if isinstance(row.get("gateway"), str):
            yield row["gateway"]


def _usual(address: str, peers: Table, row: Row) -> Row | None:
    """Return flannel's own route behind a VTEP, if it leads where *row* does by the same link."""
    peer = peers.get(address, {})
    if (peer.get("subnet"), peer.get("dev")) != (row.get("dst"), row.get("dev")):
        return None
    six = _peers.USUAL_ROUTE_6 if row.get("family") == "inet6" else {}
    way = {"dst": row["dst"], "gateway": address, "dev": row["dev"], "family": row.get("family")}
    return {**_peers.USUAL_ROUTE, **six, **way}


def _stands(usual: Row, routes: Table) -> bool:
    """Say whether a side has the route that its peer tells as a row too, so that it is no usual."""
    names = ("dst", "gateway", "dev")
    return any(all(row.get(name) == usual[name] for name in names) for row in routes.values())


def _unlikeness(row: Row, usual: Row) -> int:
    return sum(row.get(name) != usual.get(name) for name in {*row, *usual})
