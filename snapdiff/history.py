"""One place over the captures: who had which value when, and when it changed."""

from __future__ import annotations

import json
import typing as t
from collections import defaultdict
from dataclasses import dataclass

from snapdiff.errors import SnapdiffError
from snapdiff.model import BODY, Outcome
from snapdiff.rules.of_site import places
from snapdiff.selection import names
from snapdiff.story import Course, Followers, Moment
from snapdiff.wording import word

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from snapdiff.model import Snapshot
    from snapdiff.store import Side

ABSENT = "absent"
NOT_ASKED = "not asked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A change of a value between two captures, on all nodes where it was the same."""

    moment: Moment  # the capture where it was seen first
    before: str
    after: str
    nodes: tuple[str, ...]


def course_of(
    path: str,
    keys: tuple[str, ...],
    sides: Iterable[Side],
    on: Sequence[str] = (),
    wanted: str = "",
) -> Course:
    """Return who had which value at a place, capture by capture; *on* limits the nodes.

    A node that was not seen, or a place that nobody looked at, is a word of its own, never the
    value of the capture before. Snapshots are read one at a time, equal ones of a node once.
    """
    moments: list[Moment] = []
    values: dict[str, list[str]] = {}
    last: dict[str, tuple[str, str]] = {}  # node to body digest and word
    for side in sides:
        rows = side.capture.nodes
        for name, row in sorted(rows.items()):
            if on and not any(names(one, row) for one in on):
                continue
            told = values.setdefault(name, [NOT_ASKED] * len(moments))
            known = last.get(name)
            if known is not None and row.body and known[0] == row.body:
                told.append(known[1])
                continue
            found = _word(side, name, keys)
            if row.body and keys[0] in BODY:  # what moves is not in that digest
                last[name] = (row.body, found)
            told.append(found)
        moments.append(
            Moment(
                capture=side.capture.name,
                taken_at=side.capture.started_at,
                label=side.capture.label,
                expected=sum(row.outcome is not Outcome.SKIPPED for row in rows.values()),
                observed=len(side.paths),
            )
        )
        for told in values.values():
            told.extend([NOT_ASKED] * (len(moments) - len(told)))
    groups: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for name, told in values.items():
        groups[tuple(told)].append(name)
    rows_ = [Followers(nodes=tuple(nodes), values=key) for key, nodes in groups.items()]
    rows_.sort(key=lambda one: (-len(one.nodes), one.nodes))
    return Course(path=path, moments=tuple(moments), rows=tuple(rows_), wanted=wanted)


def _word(side: Side, node: str, keys: tuple[str, ...]) -> str:
    row = side.capture.nodes[node]
    if row.outcome is Outcome.SKIPPED:
        return NOT_ASKED
    if node not in side.paths:
        return f"not seen: {row.outcome}"
    try:
        return value_in(side.snapshot(node), keys)
    except SnapdiffError as error:
        return f"not seen: {error}"


def value_in(snapshot: Snapshot, keys: tuple[str, ...]) -> str:
    """Return the values of a place in few words; several of a pattern with commas, each once."""
    found: dict[str, None] = {}
    for place in places(snapshot.sections, keys):
        reason = snapshot.why_not_observed(place.path) if place.absent else None
        if reason is not None:
            found[f"not observed: {reason[1]}"] = None
        elif place.absent:
            found[ABSENT] = None
        else:
            value = place.value
            plain = dict(value) if hasattr(value, "raw") else value
            found[word(json.loads(json.dumps(plain, default=str)))] = None
    return ", ".join(sorted(found))


def turns(course: Course) -> list[Turn]:
    """Return when the value changed, the oldest first, with the nodes that it changed on."""
    found: dict[tuple[int, str, str], list[str]] = defaultdict(list)
    for row in course.rows:
        for number in range(1, len(row.values)):
            before, after = row.values[number - 1], row.values[number]
            if before != after:
                found[number, before, after].extend(row.nodes)
    return [
        Turn(
            moment=course.moments[number],
            before=before,
            after=after,
            nodes=tuple(sorted(nodes)),
        )
        for (number, before, after), nodes in sorted(found.items())
    ]
