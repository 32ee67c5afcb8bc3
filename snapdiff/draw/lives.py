"""The lives of findings as bars of a picture, below the nights they are of."""

from __future__ import annotations

import typing as t

from snapdiff.draw.marks import MARKS, label_of
from snapdiff.draw.sheet import LINE, Sheet, cut, wide

if t.TYPE_CHECKING:
    from collections.abc import Sequence

    from snapdiff.story import Life

ROW = 22


def svg_of_lives(
    sheet: Sheet, lives: Sequence[Life], place: tuple[float, float, int], y: float
) -> float:
    """Draw a row for each life from *y* down and return where the last one ends.

    *place* has where the first night starts, how wide a night is, and how many are drawn.
    """
    side, step, nights = place
    for life in lives:
        y += ROW
        sheet.text(10, y + 13, cut(label_of(life), side - 20))
        shown = life.sights[-nights:]
        x = side + (nights - len(shown)) * step
        for sight in shown:
            kind = MARKS[sight].kind
            sheet.rect(x, y, step - 8, ROW - 6, f"box {kind}", tip=sight.value)
            if kind in ("error", "unseen"):
                sheet.rect(x + 2, y + 2, 8, ROW - 10, "wash", fill=sheet.hatch(kind))
            if kind != "error":
                sheet.text(x + step / 2 - 4, y + 12, MARKS[sight].sign, anchor="middle")
            x += step
    y += ROW + 6
    x = 10.0
    for sight, mark in MARKS.items():
        sheet.rect(x, y, 26, ROW - 6, f"box {mark.kind}")
        if mark.kind in ("error", "unseen"):
            sheet.rect(x + 2, y + 2, 8, ROW - 10, "wash", fill=sheet.hatch(mark.kind))
        if mark.kind != "error":
            sheet.text(x + 17, y + 12, mark.sign, anchor="middle")
        sheet.text(x + 32, y + 13, sight.value, "soft")
        x += 48 + wide(sight.value)
    return y + LINE
