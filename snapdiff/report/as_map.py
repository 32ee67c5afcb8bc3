"""The maps of a capture for a person at a terminal."""

from __future__ import annotations

import typing as t

from rich.text import Text

from snapdiff.report.console import console_of, finish
from snapdiff.report.drawn import print_mesh, print_mtus
from snapdiff.report.safe import visible

if t.TYPE_CHECKING:
    from snapdiff.model import Report
    from snapdiff.report import Terminal

TITLES = {"mtu": "MTU of every hop", "mesh": "mesh of the nodes"}
NAMED = 6


def render_map(report: Report, what: str, terminal: Terminal) -> str:
    """Return one of TITLES, below a line that says how many nodes it is of, above those unseen."""
    console = console_of(terminal)
    coverage, (source,) = report.coverage, report.inputs
    label = f" ({source.label})" if source.label else ""
    head = f"{report.cluster}: {TITLES[what]}, {source.capture}{label}: "
    console.print(Text(visible(f"{head}{coverage.observed} of {coverage.expected} nodes"), "bold"))
    console.print()
    if not coverage.observed:
        console.print(Text("no node was seen, so there is nothing to draw", "magenta"))
    elif what == "mtu":
        print_mtus(console, report.mtus)
    else:
        print_mesh(console, report.mesh)
    if coverage.missing:
        console.print()
        console.print(Text("not seen", "magenta"))
        for one in coverage.missing:
            console.print(Text(visible(f"  {one.node}: {one.why}")))
    if coverage.skipped:
        rest = len(coverage.skipped) - NAMED
        more = f" and {rest} more" if rest > 0 else ""
        names = ", ".join(coverage.skipped[:NAMED])
        console.print(Text(visible(f"left out on purpose: {names}{more}"), "dim"))
    return finish(console)
