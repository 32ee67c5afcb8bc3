"""What a change on one node made the others do: told below it, not beside it.

A node with another lease, VTEP MAC or underlay address makes every peer swap its entries for it:
that is one event, on the node that changed.
"""

from __future__ import annotations

import ipaddress
import typing as t
from collections import defaultdict
from dataclasses import replace

from snapdiff.drift import Drift, arrow
from snapdiff.model import Change, Severity

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

SHOWN = 3  # places that are told in full
PEER_TABLES = ("peers", "fdb", "neighbours")


def fold_spread(drifts: Iterable[Drift]) -> list[Drift]:
    """Return the drifts of all nodes with those that followed from another node's folded under it.

    The cause carries the mark that makes it sort before changes without effects.
    """
    given = list(drifts)
    owners: dict[str, int] = {}
    for index, one in enumerate(given):
        if one.severity > Severity.INFO:
            for mark in _marks(one.change):
                owners.setdefault(mark, index)
    effects: dict[int, list[Change]] = defaultdict(list)
    kept: list[int] = []
    for index, one in enumerate(given):
        cause = next((owners[mark] for mark in _of_peer(one.change) if mark in owners), None)
        if cause is None or given[cause].change.node == one.change.node:
            kept.append(index)
        else:
            effects[cause].append(one.change)
    return [
        replace(given[index], evidence=(*given[index].evidence, *_words(effects[index])))
        if index in effects
        else given[index]
        for index in kept
    ]


def _marks(change: Change) -> Iterator[str]:
    """Yield what other nodes know this node by, before and after the change."""
    values = [one for one in (change.before, change.after) if isinstance(one, str)]
    path = change.path
    if path[:2] == ("cni", "subnet_env") and "SUBNET" in path[-1]:
        yield from (mark for mark in map(_network_address, values) if mark)
    elif path[0] == "links" and change.role == "overlay" and path[2:] in (("mac",), ("addresses",)):
        yield from (one.partition("/")[0] for one in values)
    elif path[0] == "links" and change.role == "overlay" and len(path) == 2:
        row = change.before or change.after  # a VTEP that is gone, or new
        yield from (str(one) for one in [row.get("mac")] if one)
        yield from (key.partition("/")[0] for key in row["addresses"] if "." in key or ":" in key)
    elif path[0] == "links" and path[2:] in (("vxlan", "local"), ("vxlan", "local6")):
        yield from values


def _network_address(subnet: str) -> str | None:
    try:
        return str(ipaddress.ip_interface(subnet).network.network_address)
    except ValueError:
        return None


def _of_peer(change: Change) -> Iterator[str]:
    """Yield what an entry for a peer knows that peer by."""
    if change.path[0] not in PEER_TABLES or len(change.path) < 2:
        return
    if change.path[0] == "peers":
        yield change.path[1]
    for value in (change.before, change.after):
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict):
            yield from (str(value[name]) for name in ("mac", "lladdr", "dst") if name in value)


def _words(changes: list[Change]) -> Iterator[str]:
    places: dict[str, list[str]] = defaultdict(list)
    for change in changes:
        places[f"{change.place} {arrow(change)}"].append(change.node)
    told = sorted(places.items(), key=lambda pair: (-len(pair[1]), pair[0]))
    for text, nodes in told[:SHOWN]:
        more = f" and {len(nodes) - 5} more" if len(nodes) > 5 else ""
        yield f"so on {', '.join(sorted(nodes)[:5])}{more}: {text}"
    if len(told) > SHOWN:
        yield f"so {len(told) - SHOWN} more places on other nodes"
