"""The report for a person at a terminal: the verdict first, then findings, worst first.

Text from nodes is never markup, and its control characters are shown,
not sent.
"""

from __future__ import annotations

import typing as t
from collections import Counter

from rich.console import Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from snapdiff.model import Churn, Finding, Kind, Report, Severity, Undecided, Waived
from snapdiff.report.console import console_of, finish
from snapdiff.report.drawn import print_chains, print_mesh
from snapdiff.report.planned import print_planned
from snapdiff.report.safe import visible
from snapdiff.wording import word

if t.TYPE_CHECKING:
    from rich.console import Console

    from snapdiff.report import Terminal

SIGNS = {
    Kind.ADDED: "+",
    Kind.REMOVED: "-",
    Kind.CHANGED: "~",
    Kind.TYPE_CHANGED: "!",
    Kind.NOT_OBSERVED: "?",
}
STYLES = {Severity.ERROR: "bold red", Severity.WARNING: "yellow", Severity.INFO: "cyan"}
NAMED = 6  # nodes that are named before the rest is counted


def render(report: Report, terminal: Terminal) -> str:
    """Return the report as text of the terminal's width."""
    console = console_of(terminal)
    _head(console, report)
    if report.findings:
        _findings(console, report.findings)
    if report.planned or report.side_effects:
        print_planned(console, report)
    print_chains(console, report.chains)
    if report.mesh:
        console.print()
        print_mesh(console, report.mesh)
    if report.churn:
        _churn(console, report.churn)
    _coverage(console, report)
    if report.waived:
        _waived(console, report.waived)
    if report.undecided:
        _undecided(console, report)
    return finish(console)


def _head(console: Console, report: Report) -> None:
    style = {0: "bold green", 1: "bold yellow"}.get(report.exit_code, "bold magenta")
    console.print(Text(visible(f"{report.cluster}: {report.verdict}"), style))
    sides = ("before", "after") if len(report.inputs) == 2 else ("",)
    for name, one in zip(sides, report.inputs, strict=False):
        label = f" ({one.label})" if one.label else ""
        limit = f", limited to {one.limit}" if one.limit else ""
        side = f"{name:6}  " if name else ""
        console.print(Text(visible(f"  {side}{one.capture or one.place}{label}{limit}"), "dim"))


def _names(nodes: t.Sequence[str]) -> str:
    shown = ", ".join(nodes[:NAMED])
    rest = len(nodes) - NAMED
    return f"{shown} and {rest} more" if rest > 0 else shown


def _findings(console: Console, rows: t.Sequence[Finding]) -> None:
    console.print()
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold", ratio=3)
    grid.add_column(overflow="fold", ratio=2)
    for row in rows:
        sign = SIGNS[row.change] if row.change else "*"
        what = Text(visible(row.path), "bold")
        what.append(visible(f"  {_values(row)}"), "not bold")
        evidence = [*row.evidence, *([f"do: {row.remedy}"] if row.remedy else [])]
        notes = [Padding(Text(visible(text), "dim"), (0, 0, 0, 2)) for text in evidence]
        where = Text(visible(_names(row.nodes)))
        if row.stragglers:
            kept = f"still {word(row.before)} on {_names(row.stragglers)}"
            where.append("\n").append(visible(kept), "magenta")
        if row.since:
            where.append("\n").append(_age(row), "dim")
        mark = Text(f"{sign} {row.severity.word}", STYLES[row.severity])
        grid.add_row(mark, Group(what, *notes), where)
    console.print(grid)


def _age(row: Finding) -> str:
    """Say since when a finding is known, as far as nights were written down."""
    count = f"{row.nights} nights" if row.nights > 1 else "1 night"
    again = f"{row.standing}, " if row.standing not in ("open", "new") else ""
    return f"{again}since {row.since[:10]}, {count}"


def _values(row: Finding) -> str:
    """Return old and new value, or what is said where nodes differ in theirs."""
    if row.path.startswith("nodes/") or row.change is Kind.NOT_OBSERVED:
        return row.message
    if row.change is None:  # what holds now: there is no old value to show
        return row.message.removeprefix(row.path).strip()
    same = len({(word(one.before), word(one.after)) for one in row.members}) <= 1
    if same:
        return row.message.removeprefix(row.path).strip()
    shown = [f"{one.node} {_pair(one.before, one.after)}" for one in row.members[:NAMED]]
    rest = len(row.members) - NAMED
    return "; ".join(shown) + (f"; and {rest} more" if rest > 0 else "")


def _pair(before: t.Any, after: t.Any) -> str:
    return f"{word(before)} → {word(after)}"


def _churn(console: Console, rows: t.Sequence[Churn]) -> None:
    console.print()
    shown = [
        f"{one.node} {one.what} {one.before} → {one.after} (+{one.added} -{one.removed})"
        for one in rows[: 2 * NAMED]
    ]
    rest = len(rows) - len(shown)
    text = "; ".join(shown) + (f"; and {rest} more nodes" if rest > 0 else "")
    console.print(Text(visible(f"pod churn, as expected: {text}"), "dim"))


def _coverage(console: Console, report: Report) -> None:
    coverage = report.coverage
    if coverage.missing:
        console.print()
        console.print(Text("not seen", "magenta"))
        for one in coverage.missing:
            console.print(Text(visible(f"  {one.node}: {one.why}")))
    if coverage.skipped:
        console.print(Text(visible(f"left out on purpose: {_names(coverage.skipped)}"), "dim"))
    if coverage.inconsistent:
        names = _names(coverage.inconsistent)
        console.print(Text(visible(f"links came and went while read: {names}"), "magenta"))


def _waived(console: Console, rows: t.Sequence[Waived]) -> None:
    console.print()
    console.print(Text("accepted by the site", "dim"))
    for one in rows:
        row, until = one.finding, f" (until {one.until})" if one.until else ""
        until += f" ({one.ticket})" if one.ticket else ""
        text = Text(visible(f"{row.severity.word} {row.rule} {row.path} on {_names(row.nodes)}: "))
        text.append(visible(f"{one.reason}{until}"), "dim")
        console.print(Padding(text, (0, 0, 0, 2)))


def _undecided(console: Console, report: Report) -> None:
    """Say in few words what nobody looked at, by reason; the JSON report has every path."""
    console.print()
    console.print(Text("could not be told", "magenta"))
    groups: dict[tuple[str, str, tuple[str, ...]], list[Undecided]] = {}
    for one in report.undecided:
        groups.setdefault((one.why, one.side, one.nodes), []).append(one)
    for (why, side, nodes), rows in groups.items():
        where = "" if side in ("both", "now") else f" {side}"
        if len(nodes) < report.coverage.comparable and nodes:
            where += f" on {_names(nodes)}"
        paths = _places(list(dict.fromkeys(one.path for one in rows)))
        rules = ", ".join(sorted({one.rule for one in rows if one.rule}))
        text = Text(visible(f"{rules}: " if rules else f"{paths}: "))
        text.append(visible(f"{paths}: {why}{where}" if rules else f"{why}{where}"), "dim")
        console.print(Padding(text, (0, 0, 0, 2)))


def _places(paths: t.Sequence[str]) -> str:
    counts = Counter(path.partition("/")[0] for path in paths)
    shown = [path for path in paths if counts[path.partition("/")[0]] < 3]
    more = [f"{number} of {head}" for head, number in sorted(counts.items()) if number > 2]
    return ", ".join(shown + more)
