"""Rules and places in words, for a person at a terminal."""

from __future__ import annotations

import textwrap
import typing as t

from rich.table import Table
from rich.text import Text

from snapdiff.report.console import console_of, finish
from snapdiff.report.safe import visible

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from snapdiff.report import Terminal

STYLES = {"error": "bold red", "warning": "yellow", "info": "cyan", "off": "dim"}
NAMED = 6  # nodes that are named before the rest is counted
Facts = t.Mapping[str, t.Any]


def render_rules(rows: Iterable[Facts], terminal: Terminal) -> str:
    """Return a line a rule: id, severity as it holds here, scope, what must hold."""
    console = console_of(terminal)
    grid = Table.grid(padding=(0, 2))
    for _column in range(3):
        grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for row in rows:
        severity = row["severity_here"]
        grid.add_row(
            Text(visible(row["rule"]), "bold"),
            Text(severity, STYLES[severity]),
            row["scope"],
            Text(visible(row["summary"])),
        )
    console.print(grid)
    return finish(console)


def render_rule(facts: Facts, terminal: Terminal) -> str:
    """Return a rule with why, source and exemptions, severity, remedy, entries and waivers."""
    here, own = facts["severity_here"], facts["severity"]
    severity = own if here == own else f"{here} here, {own} as shipped"
    entries = ", ".join(facts["entries"]) or "none"
    lines = [
        f"{facts['rule']}  {severity}, {facts['scope']}",
        "",
        *_filled(facts["text"], terminal),
        "",
        *_filled(f"Remedy: {facts['remedy']}", terminal),
        f"Entries: {entries}",
        *_waivers(facts["waivers"]),
    ]
    return "\n".join(map(visible, lines)) + "\n"


def render_place(facts: Facts, terminal: Terminal) -> str:
    """Return a place with its meaning, class, rules, waivers and its values by node."""
    lines = [facts["path"], "", *_filled(facts["description"], terminal)]
    if facts["source"]:
        lines += _filled(f"Source: {facts['source']}", terminal)
    role = f" of a link of role {facts['role']}" if facts["role"] else ""
    lines.append(f"Class: {facts['class']}{role}")
    others = [f"{name}: {word}" for name, word in facts["classes"].items()]
    if len(others) > 1:
        lines += _filled(f"Classes by role: {', '.join(others)}", terminal)
    lines += ["", "Rules:" if facts["rules"] else "Rules: none names it"]
    lines += [f"  {one['rule']} ({one['severity']}): {one['summary']}" for one in facts["rules"]]
    lines += _waivers(facts["waivers"])
    if facts["values"] is not None:
        lines += ["", "Values in the capture:"]
        lines += [f"  {one['value']}  {_names(one['nodes'])}" for one in facts["values"]]
    return "\n".join(map(visible, lines)) + "\n"


def _names(nodes: t.Sequence[str]) -> str:
    rest = len(nodes) - NAMED
    return ", ".join(nodes[:NAMED]) + (f" and {rest} more" if rest > 0 else "")


def _waivers(rows: t.Sequence[Mapping[str, str]]) -> list[str]:
    return [
        f"Waiver: {one['rule']} at {one['path']} on {one['node']}: {one['reason']}"
        + (f" (until {one['until']})" if one["until"] else "")
        for one in rows
    ]


def _filled(text: str, terminal: Terminal) -> list[str]:
    paragraphs = text.replace("\nExempt:", "\n\nExempt:").replace("\nSource:", "\n\nSource:")
    lines = []
    for one in paragraphs.split("\n\n"):
        lines += textwrap.wrap(" ".join(one.split()), terminal.width)
    return lines
