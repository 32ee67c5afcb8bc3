"""What became of one line of a plan on one node: done, missing, or nobody can say.

That is asked of the snapshot after, not of the list of changes: there a consequence may stand below
its cause, and a node that nobody saw has no changes at all.
"""

from __future__ import annotations

import typing as t
from collections.abc import Mapping
from enum import StrEnum

from snapdiff import schema
from snapdiff.plan import ANY, Item
from snapdiff.rules.of_site import Place, places
from snapdiff.story import Lag
from snapdiff.wording import word

if t.TYPE_CHECKING:
    from snapdiff.model import Snapshot

OLDER = "the collector of that time did not look at it"
NEW = "the node was not there before"


class Fate(StrEnum):
    """What became of a line of a plan on a node."""

    DONE = "done"
    MISSING = "missing"
    UNKNOWN = "unknown"
    NOTHING = "nothing"  # a pattern that means no place of the node


def fate_of(item: Item, node: str, before: Snapshot | None, after: Snapshot) -> tuple[Fate, Lag]:
    """Return what became of an item on a node; the lag says what there is instead, or why not.

    *before* is None for a node that came in between.
    """
    there, unseen = look(after, item.keys)
    if not there and unseen:
        return _unknown(node, unseen)
    if item.verb == "add":
        return _of(node, missing=not there, why="it is not there")
    if item.verb == "remove":
        if there:
            return Fate.MISSING, Lag(node=node, seen=plain_of(there[0]), why=_is_still(there))
        return (_unknown(node, unseen)) if unseen else (Fate.DONE, Lag(node=node))
    if not there:
        return _of_absent(item, node, before)
    return _of_values(item, node, before, there, unseen)


def _of_absent(item: Item, node: str, before: Snapshot | None) -> tuple[Fate, Lag]:
    """Judge a change of a place that is not there: of a pattern there may be nothing to do."""
    if item.is_pattern and (before is None or not look(before, item.keys)[0]):
        return Fate.NOTHING, Lag(node=node)
    return Fate.MISSING, Lag(node=node, why="it is not there")


def _of_values(
    item: Item, node: str, before: Snapshot | None, there: list[Place], unseen: str
) -> tuple[Fate, Lag]:
    """Judge a change by the values that are there now, each of which has to be the new one."""
    wanted = item.new
    if item.source:
        wanted, why = _value_before(item.source, before)
        if why:
            return _unknown(node, why)
    if wanted is not ANY:
        late = [one for one in there if not same(one.value, wanted)]
        old = _values_of(before, item.keys)[0] if late else {}
    else:
        old, blind = _values_of(before, item.keys)
        late = [one for one in there if one.path in old and same(one.value, old[one.path])]
        unseen = unseen or blind
    if late:
        return Fate.MISSING, Lag(node=node, seen=plain_of(late[0]), why=_instead(late, there, old))
    return _unknown(node, unseen) if unseen else (Fate.DONE, Lag(node=node))


def _values_of(
    snapshot: Snapshot | None, keys: tuple[str, ...]
) -> tuple[dict[tuple[str, ...], t.Any], str]:
    if snapshot is None:
        return {}, NEW
    there, unseen = look(snapshot, keys)
    return {one.path: one.value for one in there}, unseen


def _value_before(source: tuple[str, ...], before: Snapshot | None) -> tuple[t.Any, str]:
    """Return the value that a place had before, or why nobody can say."""
    place = "/".join(source)
    if before is None:
        return None, f"{place} before: {NEW}"
    given, unseen = look(before, source)
    return (given[0].value, "") if given else (None, f"{place} before: {unseen or 'not there'}")


def _of(node: str, *, missing: bool, why: str) -> tuple[Fate, Lag]:
    return (Fate.MISSING, Lag(node=node, why=why)) if missing else (Fate.DONE, Lag(node=node))


def _unknown(node: str, why: str) -> tuple[Fate, Lag]:
    return Fate.UNKNOWN, Lag(node=node, why=why)


def _is_still(there: list[Place]) -> str:
    return f"{len(there)} are still there" if len(there) > 1 else "it is still there"


def _instead(late: list[Place], there: list[Place], old: Mapping[tuple[str, ...], t.Any]) -> str:
    """Say what is there in place of the value that was planned; empty where it is the old one."""
    stayed = all(one.path in old and same(one.value, old[one.path]) for one in late)
    values = sorted({word(plain_of(one)) for one in late})
    told = f"{'still' if stayed else 'it is'} {' or '.join(values[:3])}"
    if len(there) > 1:
        return f"{len(late)} of {len(there)} {told}"
    return "" if stayed else told


def look(snapshot: Snapshot, keys: tuple[str, ...]) -> tuple[list[Place], str]:
    """Return the places of a pattern that are there, and why some, or all, could not be seen.

    No place and no reason: somebody looked, and it is absent.
    """
    there: list[Place] = []
    unseen = ""
    for one in places(snapshot.sections, keys):
        if not one.absent:
            there.append(one)
            continue
        reason = snapshot.why_not_observed(one.path)
        if reason is not None:
            unseen = unseen or reason[1]
        elif schema.field(one.path).since > snapshot.facts:
            unseen = unseen or OLDER
    return there, unseen


def plain_of(place: Place) -> t.Any:
    """Return the value of a place as plain data."""
    return dict(place.value) if isinstance(place.value, Mapping) else place.value


def same(one: t.Any, two: t.Any) -> bool:
    """Say whether two values are equal; to Python 1 is True, here it is another."""
    return bool(one == two) and isinstance(one, bool) == isinstance(two, bool)
