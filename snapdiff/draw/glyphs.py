"""Text of a drawing, measured in the cells of a terminal, and made harmless."""

from __future__ import annotations

import typing as t
import unicodedata

from snapdiff.safe import visible

if t.TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

CUT = "…"


def cells(text: str) -> int:
    """Return how many cells of a terminal *text* takes: 2 for a wide sign, 0 for a joined one."""
    return sum(_cells(sign) for sign in text)


def _cells(sign: str) -> int:
    if unicodedata.combining(sign):
        return 0
    return 2 if unicodedata.east_asian_width(sign) in "WF" else 1


def fit(text: str, width: int) -> str:
    """Return *text* made visible and cut to *width* cells, with a mark where it was cut."""
    shown = visible(text)
    if cells(shown) <= width:
        return shown
    kept, room = "", width - 1
    for sign in shown:
        room -= _cells(sign)
        if room < 0:
            break
        kept += sign
    return f"{kept}{CUT}" if width > 0 else ""


def pad(text: str, width: int) -> str:
    """Return *text* as :func:`fit` has it, with blanks up to *width* cells."""
    shown = fit(text, width)
    return shown + " " * (width - cells(shown))


def folded(text: str, width: int) -> Iterator[str]:
    """Yield *text* in lines of *width* cells, broken between words where that can be."""
    line = ""
    for word in visible(text).split(" "):
        rest = word
        joined = f"{line} {rest}" if line else rest
        if cells(joined) <= width:
            line = joined
            continue
        if line:
            yield line
        while cells(rest) > width:
            head = _head(rest, width)
            yield head
            rest = rest[len(head) :]
        line = rest
    yield line


def _head(text: str, width: int) -> str:
    room, kept = width, ""
    for sign in text:
        room -= _cells(sign)
        if room < 0:
            break
        kept += sign
    return kept or text[:1]  # a sign wider than the line: it has to go somewhere


def names(nodes: Sequence[str], most: int) -> str:
    """Return the first *most* names made visible, and how many more there are."""
    shown = ", ".join(visible(one) for one in nodes[:most])
    rest = len(nodes) - most
    return f"{shown} and {rest} more" if rest > 0 else shown


def plural(number: int, word: str) -> str:
    """Return ``1 node`` or ``2 nodes``."""
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
