"""Who followed a plan when: its places over the captures that the store has in between."""

from __future__ import annotations

import typing as t
from pathlib import Path

from snapdiff.errors import SnapdiffError
from snapdiff.history import course_of
from snapdiff.store import Side, Store, read_manifest, side_of_capture
from snapdiff.wording import word

if t.TYPE_CHECKING:
    from snapdiff.plan import Plan
    from snapdiff.story import Course

MOMENTS = 50  # captures of a course, for one picture


def courses_of(plan: Plan, before: Side, after: Side, store: Store) -> tuple[Course, ...]:
    """Return the course of each single place that is to change; none where a side is loose files.

    Of more than MOMENTS captures those are left out that came soonest after the one before.
    """
    folders = store.captures(after.capture.cluster) if after.capture.started_at else []
    places = [path.resolve() for path in folders]
    ends = [Path(side.capture.place).resolve() for side in (before, after)]
    if not set(ends) <= set(places) or ends != sorted(ends, key=places.index):
        return ()
    first, last = map(places.index, ends)
    between = [_side(path) for path in folders[first + 1 : last][2 - MOMENTS :]]
    sides = (before, *(side for side in between if side is not None), after)
    return tuple(
        course_of(
            item.path,
            item.keys,
            sides,
            on=item.on,
            wanted="" if item.wanted is None else word(item.wanted),
        )
        for item in plan.items
        if item.verb == "change" and not item.is_pattern
    )


def _side(folder: Path) -> Side | None:
    """Return a capture; None for one that cannot be read, which is only a moment less."""
    try:
        return side_of_capture(read_manifest(folder))
    except SnapdiffError:
        return None
