"""A course of values as it is drawn: where each line ends, and which nodes moved when."""

from __future__ import annotations

import typing as t
from enum import StrEnum

from snapdiff.safe import visible
from snapdiff.story import was_seen

if t.TYPE_CHECKING:
    from snapdiff.story import Course, Followers


class State(StrEnum):
    """Where a line ends: the class of it in the picture."""

    LATE = "late"
    UNSEEN = "unseen"
    OTHER = "other"  # no plan says what is wanted
    DONE = "done"


SIGNS = {State.DONE: "✓", State.LATE: "✗", State.UNSEEN: "?", State.OTHER: "·"}


def state(row: Followers, wanted: str) -> State:
    """Return where a group of nodes is at the end of a course."""
    last = row.values[-1] if row.values else ""
    if not was_seen(last):
        return State.UNSEEN
    if not wanted:
        return State.OTHER
    return State.DONE if last == wanted else State.LATE


def lines_of(course: Course) -> list[Followers]:
    """Return the lines of a course: those that lag first, then in the order of their batches."""
    order = list(State)

    def rank(row: Followers) -> tuple[t.Any, ...]:
        how, moved = state(row, course.wanted), moved_at(row)
        return (order.index(how), moved[-1] if moved else 0, -len(row.nodes), row.nodes)

    return sorted(course.rows, key=rank)


def moved_at(row: Followers) -> list[int]:
    """Return the moments at which a line has another value than at the one before, both seen."""
    pairs = zip(row.values, row.values[1:], strict=False)
    return [
        at
        for at, (was, now) in enumerate(pairs, 1)
        if was != now and was_seen(was) and was_seen(now)
    ]


def batches(course: Course) -> list[int]:
    """Return how many nodes got another value at each moment, the wanted one where there is one."""
    found = [0] * len(course.moments)
    for row in course.rows:
        for at in moved_at(row):
            if at < len(found) and course.wanted in ("", row.values[at]):
                found[at] += len(row.nodes)
    return found


def kept_of(number: int, room: int) -> list[int]:
    """Return which moments are drawn: all, or the first and the last ones."""
    return list(range(number)) if number <= room else [0, *range(number - room + 1, number)]


def value_at(row: Followers, at: int) -> str:
    """Return the value of a line at a moment, ``?`` where nobody looked."""
    value = row.values[at] if at < len(row.values) else ""
    return visible(value) if was_seen(value) else "?"
