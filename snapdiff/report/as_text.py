"""The report for a person at a terminal: the verdict first, then findings, worst first.

Text from nodes is never markup, and its control characters are shown,
not sent.
"""

from __future__ import annotations

import typing as t
from collections import Counter

from rich.padding import Padding
from rich.text import Text

from snapdiff.model import Severity
from snapdiff.report.console import console_of, finish, node_names
from snapdiff.report.drawn import print_chains, print_mesh
from snapdiff.report.finding_rows import print_findings
from snapdiff.report.planned import print_planned
from snapdiff.report.safe import visible

if t.TYPE_CHECKING:
    from rich.console import Console

    from snapdiff.model import Churn, Report, Undecided, Waived
    from snapdiff.report import Terminal

NAMED = 6  # nodes that are named before the rest is counted


def render(report: Report, terminal: Terminal) -> str:
    """Return the report as text of the terminal's width."""
    console = console_of(terminal)
    _head(console, report)
    if report.findings:
        console.print()
        print_findings(console, report.findings)
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
    worst = max((row.severity for row in report.findings), default=Severity.INFO)
    found = "bold red" if worst is Severity.ERROR else "bold yellow"
    style = {0: "bold green", 1: found}.get(report.exit_code, "bold magenta")
    console.print(Text(visible(f"{report.cluster}: {report.verdict}"), style))
    sides = ("before", "after") if len(report.inputs) == 2 else ("",)
    for name, one in zip(sides, report.inputs, strict=False):
        label = f" ({one.label})" if one.label else ""
        limit = f", limited to {one.limit}" if one.limit else ""
        side = f"{name:6}  " if name else ""
        console.print(Text(visible(f"  {side}{one.capture or one.place}{label}{limit}"), "dim"))


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
        console.print(Text(visible(f"left out on purpose: {node_names(coverage.skipped)}"), "dim"))
    if coverage.inconsistent:
        names = node_names(coverage.inconsistent)
        console.print(Text(visible(f"links came and went while read: {names}"), "magenta"))


def _waived(console: Console, rows: t.Sequence[Waived]) -> None:
    console.print()
    console.print(Text("accepted by the site", "dim"))
    for one in rows:
        row, until = one.finding, f" (until {one.until})" if one.until else ""
        until += f" ({one.ticket})" if one.ticket else ""
        where = node_names(row.nodes)
        text = Text(visible(f"{row.severity.word} {row.rule} {row.path} on {where}: "))
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
            where += f" on {node_names(nodes)}"
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
