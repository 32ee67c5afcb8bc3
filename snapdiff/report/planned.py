"""What was planned and what became of it, for a person at a terminal."""

from __future__ import annotations

import typing as t

from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from snapdiff.contract import told_of
from snapdiff.report.safe import visible
from snapdiff.wording import named

if t.TYPE_CHECKING:
    from rich.console import Console

    from snapdiff.model import Report
    from snapdiff.story import Lag

STYLES = {
    "done": "green",
    "already": "green",
    "missing": "bold red",
    "does not fit": "bold red",
    "cannot say": "magenta",
    "not due": "dim",
}
AFTER = ("missing", "cannot say", "done", "not due")  # the words for the lists of a line
BEFORE = ("does not fit", "cannot say", "already", "would do")  # and of a plan that is checked


def print_planned(console: Console, report: Report) -> None:
    """Print a line for each fate of each line of the plan, then what came with it."""
    if report.planned:
        _print_lines(console, report)
    if report.side_effects:
        console.print()
        console.print(Text("what came with it", "dim"))
        for row in report.side_effects:
            told = Text(visible(f"{row.message} on {named(row.nodes)}"))
            console.print(Padding(told, (0, 0, 0, 2)))
            for text in row.evidence:
                console.print(Padding(Text(visible(text), "dim"), (0, 0, 0, 4)))


def _print_lines(console: Console, report: Report) -> None:
    console.print()
    console.print(Text("planned", "dim"))
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold", ratio=3)
    grid.add_column(overflow="fold", ratio=2)
    words = BEFORE if report.command == "plan check" else AFTER
    unseen = {one.node for one in report.coverage.missing}  # the reasons stand there, once
    for one in report.planned:
        lists = (
            _lags(one.missing),
            _lags(one.unknown, unseen),
            named(one.done),
            named(one.waiting),
        )
        told = [(word, nodes) for word, nodes in zip(words, lists, strict=True) if nodes]
        for number, (word, nodes) in enumerate(told or [("nowhere", "")]):
            mark = Text(f"  {word}", STYLES.get(word, ""))
            grid.add_row(mark, Text("" if number else visible(one.text)), Text(visible(nodes)))
    console.print(grid)


def _lags(lags: t.Sequence[Lag], unseen: t.Collection[str] = ()) -> str:
    """Name the nodes with what is there instead, those alike together."""
    groups: dict[str, list[str]] = {}
    for one in lags:
        told = "not seen" if one.node in unseen else told_of(one)
        groups.setdefault(told, []).append(one.node)
    return "; ".join(
        f"{named(nodes)}{f': {told}' if told else ''}" for told, nodes in groups.items()
    )
