"""Places that are called after a node's own values: its addresses, its subnets, its prefixes.

What befell all nodes alike has another place on each of them then, and is one event all the same.
"""

from __future__ import annotations

import typing as t
from collections.abc import Mapping

from snapdiff import below, canonical
from snapdiff.effects import network
from snapdiff.wording import NAMED

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from snapdiff.model import Change, Snapshot

OWN = "*"
SECTIONS = ("links", "routes", "rules")  # peers are called after other nodes
SUBNETS = ("FLANNEL_SUBNET", "FLANNEL_IPV6_SUBNET")


def values_of(*sides: Snapshot) -> frozenset[str]:
    """Return the addresses and networks of a node, before and after, and its pod subnets."""
    found: set[str | None] = set()
    for side in sides:
        links = side["links"]
        for name in links:
            if name != "lo" and not canonical.is_pod_port(name, links):
                for key in links[name]["addresses"]:
                    found |= {key, key.partition("/")[0], network(key)}
        lease = side["cni"].get("subnet_env") or {}
        found |= {network(lease[key]) for key in SUBNETS if key in lease}
    return frozenset(one for one in found if one and not one.startswith("fe80:"))


def shape(change: Change, own: frozenset[str]) -> tuple[str, ...]:
    """Return the path of a change with the node's own values left open; empty: it has none."""
    if change.path[0] not in SECTIONS:
        return ()
    found = tuple(" ".join(_open(word, own) for word in part.split(" ")) for part in change.path)
    return found if found != change.path else ()


def _open(word: str, own: frozenset[str]) -> str:
    return OWN if word in own else word


def opened(value: t.Any, own: frozenset[str]) -> t.Any:
    """Return a value with the node's own left open."""
    if isinstance(value, Mapping):
        return {key: opened(one, own) for key, one in value.items()}
    return OWN if isinstance(value, str) and value in own else value


def place_of(changes: Sequence[Change]) -> str:
    """Return one place for those of several nodes: what differs is ``*``, in a key by its words."""
    places = {change.place for change in changes}
    if len(places) == 1:
        return places.pop()
    words = [[part.split(" ") for part in change.path] for change in changes]
    columns = zip(*words, strict=True)
    parts = (
        " ".join(below.common_words(column)) if len({len(one) for one in column}) == 1 else OWN
        for column in columns
    )
    return "/".join(parts)


def told(changes: Iterable[Change]) -> tuple[str, ...]:
    """Return a line that has the own value of some nodes, where they differ."""
    given = {change.node: change for change in changes}
    if len({change.path for change in given.values()}) == 1:
        return ()
    some = [f"{node} {_value(given[node], given.values())}" for node in sorted(given)[:NAMED]]
    more = f" and {len(given) - NAMED} more" if len(given) > NAMED else ""
    return (f"each node by its own values: {', '.join(some)}{more}",)


def _value(change: Change, others: Iterable[Change]) -> str:
    """Return the words of a place that are not the same on all nodes."""
    words = change.place.split(" ") if change.path[0] != "links" else change.path
    rest = [one.place.split(" ") if one.path[0] != "links" else one.path for one in others]
    shared = set.intersection(*(set(one) for one in rest))
    return " ".join(word.removeprefix("routes/") for word in words if word not in shared)
