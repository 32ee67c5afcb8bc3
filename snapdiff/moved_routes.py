"""A route that leads over another link now: one change, not one that went and one that came."""

from __future__ import annotations

import typing as t
from collections import defaultdict
from dataclasses import replace

from snapdiff.model import Change, Kind

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Way = tuple[t.Any, ...]


def moved(changes: Iterable[Change]) -> Iterator[Change]:
    """Yield *changes* of one node with a route that went and one to the same place made one.

    The link is part of a route's key. Only where one went and one came is it sure which became
    which; what else is new of it is told beside the link.
    """
    given = list(changes)
    ways: dict[Way, list[Change]] = defaultdict(list)
    for one in given:
        if one.path[0] == "routes" and len(one.path) == 2 and one.dev is not None:
            row = one.before or one.after
            ways[row.get("table"), row.get("dst"), row.get("family"), row.get("type")].append(one)
    pairs: dict[int, Change] = {}
    taken: set[int] = set()
    for some in ways.values():
        if sorted(one.kind for one in some) == [Kind.ADDED, Kind.REMOVED]:
            new, old = sorted(some, key=lambda one: one.kind is Kind.REMOVED)
            if old.dev != new.dev:
                pairs[id(old)] = new
                taken.add(id(new))
    for one in given:
        if id(one) in pairs:
            yield from _fields(one, pairs[id(one)])
        elif id(one) not in taken:
            yield one


def _fields(old: Change, new: Change) -> Iterator[Change]:
    for name in sorted({*old.before, *new.after}):
        before, after = old.before.get(name), new.after.get(name)
        if before == after:
            continue
        kind = Kind.CHANGED
        if name not in old.before or name not in new.after:
            kind = Kind.REMOVED if name in old.before else Kind.ADDED
        yield replace(
            old, path=(*old.path, name), kind=kind, before=before, after=after, dev=new.dev
        )
