"""One place over the captures: who had which value when, and when it changed."""

from __future__ import annotations

import json
import typing as t
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from snapdiff.canonical import is_pod_port
from snapdiff.errors import SnapdiffError
from snapdiff.model import BODY, Outcome
from snapdiff.roles import population_of
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
    """Return the values of a place in few words; each of a pattern with the name that it met.

    Pods' links come and go under other names, so they are told by their values, each once.
    """
    found: set[str] = set()
    for place in places(snapshot.sections, keys):
        reason = snapshot.why_not_observed(place.path) if place.absent else None
        if reason is not None:
            found.add(f"not observed: {reason[1]}")
        elif place.absent:
            found.add(ABSENT)
        else:
            name = _name(place.path, keys, snapshot)
            value = _whole(place.value)
            found.add(f"{name} {value}" if name else value)
    return ", ".join(sorted(found))


def _whole(value: t.Any) -> str:
    """Return a value with all that is in it, for two that differ must not look alike."""
    if isinstance(value, Mapping) and any(isinstance(one, (dict, list)) for one in value.values()):
        return json.dumps(dict(value), sort_keys=True)
    return word(value)


def _name(path: tuple[str, ...], keys: tuple[str, ...], snapshot: Snapshot) -> str:
    """Return what a pattern met, by the parts that may be several things; empty where none may."""
    pairs = list(zip(path, keys, strict=False)) if len(path) == len(keys) else [(path[-1], "*")]
    names = [part for part, pattern in pairs if "*" in pattern]
    if path[0] == "links" and len(path) > 1 and is_pod_port(path[1], snapshot["links"]):
        names = [population_of(one) if one == path[1] else one for one in names]
    return "/".join(one for one in names if one not in keys)


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
