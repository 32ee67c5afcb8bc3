"""The MTU map: nodes by hops, each value against what was expected there, outliers first.

Nodes that have the same in every hop are one row already, so a fleet makes a few rows.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from snapdiff import roles
from snapdiff.draw.glyphs import cells, folded, names, pad, plural
from snapdiff.draw.sheet import LINE, Sheet, cut, wide
from snapdiff.safe import visible

if t.TYPE_CHECKING:
    from collections.abc import Sequence

    from snapdiff.story import MtuCell, MtuRow

MOST = 24  # rows that are drawn
WIDEST = 8  # columns that are drawn
NAMED = 2
ROLES = (roles.UNDERLAY, roles.OVERLAY, roles.POD_BRIDGE, roles.POD_PORT)
ANY = "*"  # the link of a cell that stands for all links that nobody looked at
LEGEND = {  # by sign; the first hop has none
    "": "no sign: the first hop, held against nothing",
    "=": "= as expected",
    "✗": "✗ more than the hop before leaves",
    "≠": "≠ other than expected, and fits",
    "≤": "≤ fits; nobody says what was expected",
    "?": "? cannot say",
    "–": "– absent",
}


@dataclass(frozen=True, slots=True)
class Mark:
    """What is said of one value: a sign, the words beside it, and the class of its box."""

    sign: str
    words: str
    kind: str

    @property
    def text(self) -> str:
        """Return sign and words."""
        return f"{self.sign} {self.words}".strip()


def mark(cell: MtuCell | None, *, blind: bool = False) -> Mark:
    """Return what a cell says; None is a hop that the nodes have not, or where *blind* may have."""
    if cell is None:
        return Mark("?", "", "unseen") if blind else Mark("–", "", "gone")
    seen = _seen(cell.mtu)
    if cell.fits is False:
        return Mark("✗", f"{seen}, not {_seen(cell.expected)}", "error")
    if cell.mtu is None:
        return Mark("?", "", "unseen")
    if cell.fits is None:
        known = cell.role == roles.UNDERLAY and cell.expected is None
        return Mark("", seen, "") if known else Mark("?", seen, "unseen")
    if cell.expected is None:
        return Mark("≤", seen, "good")
    if cell.mtu != cell.expected:
        return Mark("≠", f"{seen}, not {cell.expected}", "warning")
    return Mark("=", seen, "good")


def _seen(mtu: t.Any) -> str:
    if mtu is None:
        return "?"
    return ", ".join(map(str, mtu)) if isinstance(mtu, (tuple, list)) else str(mtu)


def columns(rows: Sequence[MtuRow]) -> list[tuple[str, str]]:
    """Return the hops that any node has, as role and link, from the underlay to the pods."""
    found = {(cell.role, cell.link) for row in rows for cell in row.cells if cell.link != ANY}
    if not found and rows:
        return [("", "links")]  # nobody looked at any, or there are none
    order = {role: number for number, role in enumerate(ROLES)}
    return sorted(found, key=lambda one: (order.get(one[0], len(order)), one[1]))


def _marks(row: MtuRow, heads: list[tuple[str, str]]) -> list[Mark]:
    by_place = {(cell.role, cell.link): cell for cell in row.cells}
    blind = any(cell.link == ANY for cell in row.cells)
    return [mark(by_place.get(head), blind=blind) for head in heads]


def _is_well(row: MtuRow) -> bool:
    return all(cell.fits is not False and mark(cell).kind in ("", "good") for cell in row.cells)


def told(rows: tuple[MtuRow, ...]) -> str:
    """Return the map in one to three sentences: how many nodes are as expected, who is not."""
    count = sum(len(row.nodes) for row in rows)
    if not count:
        return "No node was seen, so there is no MTU to tell."
    well = sum(len(row.nodes) for row in rows if _is_well(row))
    said = [f"MTU by hop on {plural(count, 'node')}: {well} with nothing but what was expected."]
    odd = [row for row in rows if not _is_well(row)]
    if odd:
        some = "; ".join(_spoken(row) for row in odd[:3])
        rest = f"; and {plural(len(odd) - 3, 'more row')}" if len(odd) > 3 else ""
        said.append(f"Not so: {some}{rest}.")
    return visible(" ".join(said))


def _spoken(row: MtuRow) -> str:
    blind = any(cell.link == ANY for cell in row.cells)
    wrong = [
        f"{cell.link} {mark(cell).text}"
        for cell in row.cells
        if cell.link != ANY and mark(cell).kind not in ("", "good")
    ]
    return f"{names(row.nodes, NAMED)}: {', '.join(wrong) or ('links ?' if blind else '')}"


def text(rows: tuple[MtuRow, ...], width: int) -> list[str]:
    """Return the map as a table where *width* has room for it, else a row below the other."""
    if not rows:
        return list(folded(told(rows), width))
    heads = columns(rows)
    table = [(row, _marks(row, heads)) for row in rows[:MOST]]
    sizes = [
        max(cells(visible(head[1])), *(cells(marks[at].text) for _row, marks in table))
        for at, head in enumerate(heads)
    ]
    label = max(len("nodes"), *(cells(_label(row)) for row, _marks_ in table))
    room = width - sum(sizes) - 2 * len(sizes)
    if room >= min(label, 16):
        lines = _table(table, heads, sizes, min(label, room))
    else:
        lines = _list(table, heads, width)
    rest = rows[MOST:]
    if rest:
        count = sum(len(row.nodes) for row in rest)
        lines.append(f"and {plural(count, 'more node')} in {plural(len(rest), 'row')}")
    return [line.rstrip() for line in (*lines, *_key(table, width))]


def _label(row: MtuRow) -> str:
    if len(row.nodes) <= NAMED:
        return names(row.nodes, NAMED)
    return f"{names(row.nodes[:NAMED], NAMED)} … ×{len(row.nodes)}"


def _table(
    table: list[tuple[MtuRow, list[Mark]]],
    heads: list[tuple[str, str]],
    sizes: list[int],
    room: int,
) -> list[str]:
    lines = [_joined("nodes", room, [head[1] for head in heads], sizes)]
    for row, marks in table:
        lines.append(_joined(_label(row), room, [one.text for one in marks], sizes))
    return lines


def _joined(label: str, room: int, words: list[str], sizes: list[int]) -> str:
    shown = [pad(one, size) for one, size in zip(words, sizes, strict=True)]
    return "  ".join((pad(label, room), *shown))


def _list(
    table: list[tuple[MtuRow, list[Mark]]], heads: list[tuple[str, str]], width: int
) -> list[str]:
    lines = []
    for row, marks in table:
        lines += list(folded(_label(row), width))
        for head, one in zip(heads, marks, strict=True):
            lines += [f"  {line}" for line in folded(f"{head[1]}  {one.text}", width - 2)]
    return lines


def _key(table: list[tuple[MtuRow, list[Mark]]], width: int) -> list[str]:
    """Return the meaning of the signs that are used."""
    used = {one.sign for _row, marks in table for one in marks}
    return list(folded("; ".join(LEGEND[one] for one in LEGEND if one in used), width))


def svg(rows: tuple[MtuRow, ...], key: str) -> str:
    """Return the map as one inline picture; *key* makes its ids its own."""
    sheet = Sheet(key, "MTU map", told(rows))
    heads = columns(rows)[:WIDEST]
    table = [(row, _marks(row, heads)) for row in rows[:MOST]]
    sizes = [
        min(max(wide(head[1]), wide(head[0]), *(wide(one[at].text) for _row, one in table)), 260)
        for at, head in enumerate(heads)
    ]
    label = min(max([wide("nodes"), *(wide(_label(row)) for row, _one in table)]), 300)
    x = 20 + label
    for head, size in zip(heads, sizes, strict=True):
        sheet.text(x + 8, 20, cut(head[1], size), "strong")
        if head[0]:
            sheet.text(x + 8, 20 + LINE, cut(head[0], size), "soft")
        x += size + 24
    y = 46.0
    for row, marks in table:
        _row(sheet, row, marks, sizes, label, y)
        y += 28
    return _foot(sheet, rows, [one for _row, marks in table for one in marks], x, y)


def _row(
    sheet: Sheet, row: MtuRow, marks: list[Mark], sizes: list[float], label: float, y: float
) -> None:
    sheet.text(10, y + 16, cut(_label(row), label))
    x = 20 + label
    for one, size in zip(marks, sizes, strict=True):
        sheet.rect(x, y, size + 16, 24, f"box {one.kind}".strip(), rx=3, tip=names(row.nodes, 20))
        if one.kind in ("error", "unseen"):
            sheet.rect(x + 2, y + 2, 5, 20, "wash", fill=sheet.hatch(one.kind))
        sheet.text(x + 10, y + 16, cut(one.text, size), "strong" if one.kind == "error" else "")
        x += size + 24


def _foot(
    sheet: Sheet, rows: tuple[MtuRow, ...], marks: list[Mark], across: float, y: float
) -> str:
    words = []
    rest, cols = rows[MOST:], len(columns(rows)) - WIDEST
    if rest:
        count = sum(len(row.nodes) for row in rest)
        words.append(f"and {plural(count, 'more node')} in {plural(len(rest), 'row')}")
    if cols > 0:
        words.append(f"and {plural(cols, 'more link')}")
    used = {one.sign for one in marks}
    for line in (*words, *(LEGEND[one] for one in LEGEND if one in used)):
        y += LINE
        sheet.text(10, y, line, "soft")
        across = max(across, 20 + wide(line))
    return sheet.done(across, y + 10)
