"""What stands for one night of a finding, and how a finding is called in a picture."""

from __future__ import annotations

import typing as t

from snapdiff.safe import visible
from snapdiff.story import Sight

if t.TYPE_CHECKING:
    from snapdiff.story import Life

SEVERITIES = ("error", "warning", "info")  # the worst first


class SightMark(t.NamedTuple):
    """A sign for a terminal, and the class of its box in a picture."""

    sign: str
    kind: str


MARKS = {
    Sight.OPEN: SightMark("█", "error"),
    Sight.ACCEPTED: SightMark("a", "info"),
    Sight.CLEAR: SightMark("·", "gone"),
    Sight.UNSEEN: SightMark("?", "unseen"),
}


def label_of(life: Life) -> str:
    """Return severity, place and node of a finding."""
    return visible(f"{life.severity[:1].upper()} {life.path} {life.node}".rstrip())


def rank(life: Life) -> tuple[t.Any, ...]:
    """Order lives: what is open first, the worst, the longest."""
    order = (Sight.OPEN, Sight.UNSEEN, Sight.ACCEPTED, Sight.CLEAR)
    worst = SEVERITIES.index(life.severity) if life.severity in SEVERITIES else len(SEVERITIES)
    return (order.index(life.sight), worst, -life.nights, life.path, life.node)
