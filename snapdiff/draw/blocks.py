"""Boxes of a terminal, and the lines between them."""

from __future__ import annotations

from dataclasses import dataclass

from snapdiff.draw.glyphs import cells, fit, pad

MOST = 45  # cells inside a box: an IPv6 address with its prefix has 43
MARK = "✗"


@dataclass(frozen=True, slots=True)
class Block:
    """A box to be; *heavy* gives it a thick border and the mark of what is wrong.

    *label* has the two lines above and below the line that leads to the box.
    """

    title: str
    lines: tuple[str, ...]
    label: tuple[str, ...] = ()
    heavy: bool = False

    @property
    def inner(self) -> int:
        """Return how many cells its text takes, at most MOST."""
        return min(max(cells(self.head) - 2, *map(cells, self.lines)), MOST)

    @property
    def head(self) -> str:
        """Return the title as it stands in the border."""
        return f" {self.title}{f' {MARK}' if self.heavy else ''} "


def _box(block: Block, inner: int, rows: int) -> list[str]:
    """Return a box with room for *inner* cells and *rows* lines."""
    left, flat, right, side, low_left, low_right = "┏━┓┃┗┛" if block.heavy else "┌─┐│└┘"
    head = pad(block.head, min(cells(block.head), inner + 2))
    lines = [f"{left}{head}{flat * (inner + 2 - cells(head))}{right}"]
    for number in range(rows):
        words = block.lines[number] if number < len(block.lines) else ""
        lines.append(f"{side} {pad(words, inner)} {side}")
    return [*lines, f"{low_left}{flat * (inner + 2)}{low_right}"]


def across(blocks: list[Block]) -> list[str]:
    """Return the boxes side by side; the lines between them carry the labels."""
    rows = max(3, *(len(block.lines) for block in blocks))
    found = [""] * (rows + 2)
    for number, block in enumerate(blocks):
        lines = _box(block, block.inner, rows)
        if number:
            lines[2] = f"{'┨' if block.heavy else '┤'}{lines[2][1:]}"
            found = [f"{one}{two}" for one, two in zip(found, _wire(block, rows), strict=True)]
        if number + 1 < len(blocks):
            lines[2] = f"{lines[2][:-1]}{'┠' if block.heavy else '├'}"
        found = [f"{one}{two}" for one, two in zip(found, lines, strict=True)]
    return [line.rstrip() for line in found]


def _wire(block: Block, rows: int) -> list[str]:
    wide = max(2, *(cells(one) + 2 for one in block.label)) if block.label else 2
    lines = [" " * wide] * (rows + 2)
    lines[2] = "─" * wide
    for at, words in zip((1, 3), block.label, strict=False):
        lines[at] = f" {words}".ljust(wide)
    return lines


def down(stages: list[list[Block]], width: int) -> list[str]:
    """Return the boxes one below the other, as wide as the widest and never over *width*.

    Those of one stage stand side by side on a node, so no line leads from one to the next.
    """
    inner = max(min(max(block.inner for stage in stages for block in stage), width - 4), 1)
    found: list[str] = []
    for stage in stages:
        for number, block in enumerate(stage):
            lines = _box(block, inner, len(block.lines))
            beside = "beside it" if number else ""
            words = ", ".join(one for one in (beside, " ".join(block.label)) if one)
            if found and not number:
                foot = found[-1]
                found[-1] = f"{foot[:4]}{'┯' if '━' in foot else '┬'}{foot[5:]}"
            if found:
                found.append(fit(f"    {'┊' if number else '│'} {words}", width))
            found += lines
    return [line.rstrip() for line in found]
