"""A sheet that SVG is drawn on: escaped text, ids of its own, classes and never a colour.

Elements are made with the standard library's ElementTree, so nothing that a node says can become
markup. Text is of one size and of one width a sign, so that its place can be reckoned without a
browser.
"""

from __future__ import annotations

import re
import typing as t
from xml.etree import ElementTree as ET

from snapdiff.draw.glyphs import cells, fit
from snapdiff.safe import visible

SIZE = 12  # of text, in the units of the picture
SIGN = 7.3  # width of a sign of that size in a monospaced font, rather too much than too little
LINE = 16  # from one line of text to the next
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
HATCHES = {  # the strokes of a pattern of 6 by 6, so that no state is told by its colour alone
    "error": "M0 6L6 0M-1 1L1 -1M5 7L7 5M0 0L6 6M-1 5L1 7M5 -1L7 1",
    "warning": "M0 6L6 0M-1 1L1 -1M5 7L7 5",
    "info": "M3 2.9V3.1",
    "unseen": "M0 3H3",
}


def clean(text: str) -> str:
    """Return *text* as it may stand in XML, with all that hides made visible."""
    return _NO_XML.sub("\ufffd", visible(text))


class Sheet:
    """One picture on its way; it ends as one ``<svg>`` element.

    *key* makes the ids its own among the pictures of a page.
    """

    def __init__(self, key: str, title: str, told: str) -> None:
        self.key = re.sub(r"[^A-Za-z0-9_-]", "-", key)
        self.root = ET.Element("svg", {"class": "draw", "role": "img"})
        self.root.set("aria-labelledby", f"{self.key}-title {self.key}-desc")
        self.root.set("font-size", str(SIZE))
        ET.SubElement(self.root, "title", {"id": f"{self.key}-title"}).text = clean(title)
        ET.SubElement(self.root, "desc", {"id": f"{self.key}-desc"}).text = clean(told)
        self.defs: ET.Element | None = None

    def hatch(self, name: str) -> str:
        """Return the ``fill`` of one of HATCHES; its pattern is made when it is first asked for."""
        place = f"{self.key}-{name}"
        if self.defs is None:
            self.defs = ET.SubElement(self.root, "defs")
        if all(one.get("id") != place for one in self.defs):
            size = {"width": "6", "height": "6", "patternUnits": "userSpaceOnUse"}
            made = ET.SubElement(self.defs, "pattern", {"id": place, **size})
            ET.SubElement(made, "path", {"class": f"hatch {name}", "d": HATCHES[name]})
        return f"url(#{place})"

    def rect(self, x: float, y: float, wide: float, high: float, kind: str, **more: t.Any) -> None:
        """Draw a box; *kind* is its class. ``tip`` is what a pointer over it is told."""
        size = {"x": _n(x), "y": _n(y), "width": _n(wide), "height": _n(high)}
        self._add("rect", {"class": kind, **size}, **more)

    def line(self, points: t.Sequence[tuple[float, float]], kind: str, **more: t.Any) -> None:
        """Draw a line through *points*."""
        where = " ".join(f"{_n(x)},{_n(y)}" for x, y in points)
        self._add("polyline", {"class": kind, "points": where}, **more)

    def circle(self, x: float, y: float, radius: float, kind: str, **more: t.Any) -> None:
        """Draw a circle."""
        self._add("circle", {"class": kind, "cx": _n(x), "cy": _n(y), "r": _n(radius)}, **more)

    def text(
        self, x: float, y: float, words: str, kind: str = "", *, anchor: str = "", up: bool = False
    ) -> None:
        """Write a line of text from its foot at *x*, *y*; *up* turns it to read upwards."""
        given = {"x": _n(x), "y": _n(y)}
        if kind:
            given["class"] = kind
        if anchor:
            given["text-anchor"] = anchor
        if up:
            given["transform"] = f"rotate(-90 {_n(x)} {_n(y)})"
        ET.SubElement(self.root, "text", given).text = clean(words)

    def done(self, wide: float, high: float) -> str:
        """Return the picture of this size as text."""
        self.root.set("viewBox", f"0 0 {_n(wide)} {_n(high)}")
        self.root.set("width", _n(wide))
        self.root.set("height", _n(high))
        return ET.tostring(self.root, encoding="unicode")

    def _add(self, tag: str, given: dict[str, str], tip: str = "", **more: t.Any) -> None:
        words = {name: str(value) for name, value in more.items() if value is not None}
        made = ET.SubElement(self.root, tag, {**given, **words})
        if tip:
            ET.SubElement(made, "title").text = clean(tip)


def wide(words: str) -> float:
    """Return how wide a line of text is at most, once it is clean."""
    return cells(clean(words)) * SIGN


def cut(words: str, room: float) -> str:
    """Return *words* cut to what *room* takes."""
    return fit(clean(words), int(room / SIGN + 0.01))  # wide() may have made the room


def _n(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
