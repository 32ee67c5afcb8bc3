"""The mesh as a matrix: who has no complete and true entries for whom."""

from __future__ import annotations

import typing as t
from collections import Counter

from rich.table import Table
from rich.text import Text

from snapdiff.report.safe import visible

if t.TYPE_CHECKING:
    from rich.console import Console

    from snapdiff.model import Cell

MOST = 12  # columns that fit a terminal
LETTERS = {"route": "r", "neighbour": "n", "fdb": "f"}
LEGEND = (
    "mesh: rows hold entries for columns; - lacks, ! has old, r route, n neighbour, f fdb, + extra"
)


def draw_mesh(console: Console, cells: t.Sequence[Cell]) -> None:
    """Print the rows and columns that have something wrong, the worst first."""
    holders = [name for name, _number in Counter(one.holder for one in cells).most_common()]
    peers = [name for name, _number in Counter(one.peer for one in cells).most_common()]
    found = {(one.holder, one.peer): one for one in cells}
    grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    grid.add_column("")
    for peer in peers[:MOST]:
        grid.add_column(visible(peer), overflow="fold")
    for holder in holders[:MOST]:
        words = [_word(found.get((holder, peer)), holder == peer) for peer in peers[:MOST]]
        grid.add_row(Text(visible(holder), "bold"), *words)
    console.print()
    console.print(Text(LEGEND, "dim"))
    console.print(grid)
    more = max(len(holders), len(peers)) - MOST
    if more > 0:
        console.print(Text(f"and {more} more; the JSON report has all", "dim"))


def _word(cell: Cell | None, same: bool) -> Text:
    if cell is None:
        return Text("" if same else ".", "dim")
    lacks = "".join(LETTERS[name] for name in cell.missing)
    old = "".join(LETTERS[name] for name in cell.stale)
    words = [f"-{lacks}" if lacks else "", f"!{old}" if old else "", "+" if cell.extra else ""]
    return Text(" ".join(word for word in words if word), "bold red")
