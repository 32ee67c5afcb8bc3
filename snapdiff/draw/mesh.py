"""The mesh as a matrix: who has no complete and true entries for whom.

Rows hold entries, columns are who they are for. Only pairs with something wrong are given, so a
node that is in neither has nothing wrong. Rows that are alike are one, and so are columns.
"""

from __future__ import annotations

import typing as t
from collections import defaultdict
from dataclasses import dataclass

from snapdiff.draw.glyphs import cells as cells_of
from snapdiff.draw.glyphs import folded, names, pad, plural
from snapdiff.draw.sheet import LINE, Sheet, cut, wide
from snapdiff.safe import visible

if t.TYPE_CHECKING:
    from snapdiff.model import Cell

MOST = 12  # rows, and columns, that are drawn
ENTRIES = {"route": "r", "neighbour": "n", "fdb": "f"}  # of a peer behind a vxlan
KEYS = {"key": "k", "endpoint": "e", "allowed": "a"}  # of a peer behind a wireguard link
LETTERS = {**ENTRIES, **KEYS}
LEGEND = "mesh: rows hold entries for columns; - lacks, ! has old, {}, + extra"
NAMED = 2
LABEL = 26  # cells of a name that a row has room for


@dataclass(frozen=True, slots=True)
class Matrix:
    """Holders and peers, alike ones as one, the worst first; *words* by their two numbers."""

    holders: tuple[tuple[str, ...], ...]
    peers: tuple[tuple[str, ...], ...]
    words: t.Mapping[tuple[int, int], str]

    def word(self, row: int, column: int) -> str:
        """Return what stands in a place: nothing on the diagonal, a dot where all is well."""
        own = set(self.holders[row]) == set(self.peers[column])
        return self.words.get((row, column), "" if own else "·")


def matrix(cells: tuple[Cell, ...]) -> Matrix:
    """Return pairs as a matrix in which equal rows, then equal columns, are one."""
    by_holder: dict[str, dict[str, str]] = defaultdict(dict)
    for one in cells:
        by_holder[one.holder][one.peer] = _word(one)
    rows = _alike(by_holder, lambda _peer: 1)
    by_peer: dict[str, dict[int, str]] = defaultdict(dict)
    for number, row in enumerate(rows):
        for peer, word in by_holder[row[0]].items():
            by_peer[peer][number] = word
    columns = _alike(by_peer, lambda row: len(rows[row]))
    words = {
        (row, number): word
        for number, column in enumerate(columns)
        for row, word in by_peer[column[0]].items()
    }
    return Matrix(tuple(rows), tuple(columns), words)


def _legend(drawn: Matrix) -> str:
    """Return what the signs and letters mean, of the two kinds of peers only what is drawn."""
    used = set("".join(drawn.words.values()))
    keys = KEYS if used & {*KEYS.values()} else {}
    entries = ENTRIES if used & {*ENTRIES.values()} or not keys else {}
    letters = (f"{letter} {name}" for name, letter in {**entries, **keys}.items())
    return LEGEND.format(", ".join(letters))


def _alike(
    lines: t.Mapping[str, t.Mapping[t.Any, str]], weight: t.Callable[[t.Any], int]
) -> list[tuple[str, ...]]:
    """Return names whose lines are the same together, those with the most pairs first."""
    groups: dict[frozenset[tuple[t.Any, str]], list[str]] = defaultdict(list)
    for name, line in lines.items():
        groups[frozenset(line.items())].append(name)
    found = [(sum(weight(at) for at, _word in line), some) for line, some in groups.items()]
    found.sort(key=lambda one: (-one[0] * len(one[1]), one[1]))
    return [tuple(some) for _weight, some in found]


def _word(cell: Cell) -> str:
    lacks = "".join(LETTERS[name] for name in cell.missing)
    old = "".join(LETTERS[name] for name in cell.stale)
    words = [f"-{lacks}" if lacks else "", f"!{old}" if old else "", "+" if cell.extra else ""]
    return " ".join(word for word in words if word)


def told(cells: tuple[Cell, ...]) -> str:
    """Return the mesh in one to three sentences: how many pairs have what wrong, and whose."""
    if not cells:
        return "No pair of the nodes that were seen lacks an entry or has an old one."
    lacking = sum(bool(one.missing) for one in cells)
    old = sum(bool(one.stale) for one in cells)
    extra = sum(one.extra for one in cells)
    parts = [
        f"{lacking} missing" if lacking else "",
        f"{old} old" if old else "",
        f"{extra} of no node" if extra else "",
    ]
    has = "has" if len(cells) == 1 else "have"
    kinds = ", ".join(part for part in parts if part)
    said = f"{plural(len(cells), 'pair')} of nodes {has} wrong entries: {kinds}."
    if len(cells) == 1:
        return visible(f"{said} They are held by {cells[0].holder}, for {cells[0].peer}.")
    drawn = matrix(cells)
    peers, holders = set(drawn.peers[0]), set(drawn.holders[0])
    known = sum(one.peer in peers for one in cells)
    held = sum(one.holder in holders for one in cells)
    most = f"for {names(drawn.peers[0], 3)}"
    if held > known:
        most = f"held by {names(drawn.holders[0], 3)}"
    return visible(f"{said} {max(held, known)} are {most}.")


def text(cells: tuple[Cell, ...], width: int) -> list[str]:
    """Return the matrix with as many columns as *width* has room for, at most MOST."""
    if not cells:
        return list(folded(told(cells), width))
    drawn = matrix(cells)
    heads = [_label(one) for one in drawn.peers[:MOST]]
    sides = [_label(one) for one in drawn.holders[:MOST]]
    side = min(max(map(cells_of, sides)), LABEL, max(width // 3, 6))
    shown: list[tuple[str, list[str], int]] = []
    room = width - side
    for number, head in enumerate(heads):
        words = [drawn.word(row, number) for row in range(len(sides))]
        size = max(min(cells_of(head), LABEL), *(cells_of(word) for word in words))
        size = size if shown else min(size, max(room - 2, 1))
        if room < size + 2:
            break
        room -= size + 2
        shown.append((head, words, size))
    lines = list(folded(_legend(drawn), width))
    lines.append(_line("", side, [(head, size) for head, _words, size in shown]))
    for row, label in enumerate(sides):
        lines.append(_line(label, side, [(words[row], size) for _head, words, size in shown]))
    return [*lines, *folded(_rest(drawn, len(sides), len(shown)), width)]


def _label(nodes: tuple[str, ...]) -> str:
    if len(nodes) <= NAMED:
        return names(nodes, NAMED)
    return f"{names(nodes[:1], 1)} … ×{len(nodes)}"


def _line(label: str, side: int, words: list[tuple[str, int]]) -> str:
    return "  ".join([pad(label, side), *(pad(word, size) for word, size in words)]).rstrip()


def _rest(drawn: Matrix, rows: int, columns: int) -> str:
    """Say how many nodes are not drawn, and where they are told; nothing where all are."""
    held = sum(map(len, drawn.holders[rows:]))
    peers = sum(map(len, drawn.peers[columns:]))
    if not held and not peers:
        return "nothing wrong was found on nodes seen and not named"
    told_ = [f"{held} more rows" if held else "", f"{peers} more columns" if peers else ""]
    return f"and {' and '.join(one for one in told_ if one)}; the JSON report has all"


def svg(cells: tuple[Cell, ...], key: str) -> str:
    """Return the matrix as one inline picture; *key* makes its ids its own."""
    sheet = Sheet(key, "Mesh of the nodes", told(cells))
    if not cells:
        sheet.text(10, 22, told(cells))
        return sheet.done(20 + wide(told(cells)), 36)
    drawn = matrix(cells)
    heads = [_label(one) for one in drawn.peers[:MOST]]
    sides = [_label(one) for one in drawn.holders[:MOST]]
    side = min(max(map(wide, sides)), 200)
    top = min(max(map(wide, heads)), 200) + 16
    across, high = _size(drawn, len(sides), len(heads)), 26
    for number, head in enumerate(heads):
        x = 20 + side + number * (across + 4) + across / 2 + 4
        sheet.text(x, top - 4, cut(head, top - 16), up=True)
    for row, label in enumerate(sides):
        y = top + row * (high + 4)
        sheet.text(10, y + 17, cut(label, side))
        for column in range(len(heads)):
            x = 20 + side + column * (across + 4)
            _cell(sheet, drawn, row, column, (x, y, across, high))
    return _foot(sheet, drawn, (len(sides), len(heads)), (side, across, top, high))


def _size(drawn: Matrix, rows: int, columns: int) -> float:
    shown = [word for (row, column), word in drawn.words.items() if row < rows and column < columns]
    return max(26, *(wide(word) + 16 for word in shown)) if shown else 26


def _cell(
    sheet: Sheet, drawn: Matrix, row: int, column: int, place: tuple[float, float, float, float]
) -> None:
    word = drawn.word(row, column)
    if not word:
        return
    kind = "error" if "-" in word else "warning" if "!" in word else "info"
    x, y, across, high = place
    tip = f"{names(drawn.holders[row], 10)} for {names(drawn.peers[column], 10)}"
    sheet.rect(x, y, across, high, f"box {'' if word == '·' else kind}".strip(), rx=3, tip=tip)
    if word != "·":
        sheet.rect(x + 2, y + high - 6, across - 4, 4, "wash", fill=sheet.hatch(kind))
    sheet.text(x + across / 2, y + 16, word, "soft" if word == "·" else "strong", anchor="middle")


def _foot(
    sheet: Sheet, drawn: Matrix, count: tuple[int, int], sizes: tuple[float, float, float, float]
) -> str:
    side, across, top, high = sizes
    y = top + count[0] * (high + 4) + 4
    right = 20 + side + count[1] * (across + 4)
    lines = [*folded(_legend(drawn).removeprefix("mesh: "), 64), _rest(drawn, *count)]
    for line in lines:
        y += LINE
        sheet.text(10, y, line, "soft")
        right = max(right, 20 + wide(line))
    return sheet.done(right, y + 10)
