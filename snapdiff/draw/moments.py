"""Moments of a story as a picture names them."""

from __future__ import annotations

import typing as t

from snapdiff.draw.glyphs import fit

if t.TYPE_CHECKING:
    from collections.abc import Sequence

    from snapdiff.story import Moment

LONGEST = 16


def whens(moments: Sequence[Moment]) -> list[str]:
    """Return month and day of each moment, UTC, with the time where a day has several.

    A moment without a time is called by its label or its capture.
    """
    days = [one.taken_at[:10] for one in moments if one.taken_at]
    size = 10 if len(set(days)) == len(days) else 16
    return [
        fit(one.taken_at[5:size].replace("T", " ") or one.label or one.capture, LONGEST)
        for one in moments
    ]
