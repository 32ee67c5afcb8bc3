"""Findings as rows for a person: what is wrong on a line, what it comes to as a tree below it.

Names of nodes stand in one column as long as they fit there; else they are told below.
"""

from __future__ import annotations

import difflib
import re
import typing as t

from rich.cells import cell_len
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from snapdiff.model import Finding, Kind, Severity
from snapdiff.report.console import node_names
from snapdiff.report.safe import visible
from snapdiff.wording import word

if t.TYPE_CHECKING:
    from rich.console import Console

SIGNS = {
    Kind.ADDED: "+",
    Kind.REMOVED: "-",
    Kind.CHANGED: "~",
    Kind.TYPE_CHANGED: "!",
    Kind.NOT_OBSERVED: "?",
}
STYLES = {Severity.ERROR: "bold red", Severity.WARNING: "yellow", Severity.INFO: "cyan"}
TAILS = {Kind.ADDED: "green", Kind.REMOVED: "red", Kind.NOT_OBSERVED: "magenta"}
NAMED = 6  # nodes whose values are told one by one
GAP = 2
LEAST = 24  # cells for nodes in their column
ALIGNED = 72  # cells; a longer line has its nodes right behind it, or it would push all others
TOKENS = 400  # of a value; in a longer one nobody looks for the part that differs
TOKEN = re.compile(r"[^\W_]+|.")
HEADS = {"breaks": "yellow", "do:": "bold", "so": "", "with": "", "still": "magenta"}


def print_findings(console: Console, rows: t.Sequence[Finding]) -> None:
    """Print a row a finding, in the order given."""
    marks = [f"{SIGNS[row.change] if row.change else '*'} {row.severity.word}" for row in rows]
    room = console.width - max(map(len, marks), default=0) - GAP
    heads = [_head(row, room) for row in rows]
    limit = min(ALIGNED, room - GAP - LEAST)
    column = max((one.cell_len for one, _ in heads if one.cell_len <= limit), default=0)
    grid = Table.grid(padding=(0, GAP))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for row, mark, (head, below) in zip(rows, marks, heads, strict=True):
        notes = [*below, *_notes(row)]
        beside = _beside(head, row.nodes, column, room)
        if not beside and row.nodes:
            notes.insert(0, Text(visible(f"on {node_names(row.nodes)}")))
        head.append(beside, "not bold")
        if row.change is None and not row.message.startswith(row.path):
            head.append("\n").append(visible(row.message), "not bold")
        tree = Tree(head, guide_style="dim")
        for note in notes:
            tree.add(note)
        grid.add_row(Text(mark, STYLES[row.severity]), tree)
    console.print(grid)


def _beside(head: Text, nodes: t.Sequence[str], column: int, room: int) -> str:
    """Return the nodes with blanks before them, empty where they do not fit behind the line."""
    for start in (max(column, head.cell_len), head.cell_len):
        where = visible(node_names(nodes, room - start - GAP))
        if where and start + GAP + cell_len(where) <= room:
            return " " * (start - head.cell_len + GAP) + where
    return ""


def _head(row: Finding, room: int) -> tuple[Text, list[Text]]:
    """Return the line of a finding, and its values where they need lines of their own."""
    place = Text(visible(row.path), "bold")
    pairs = _pairs(row)
    if row.change is None and not row.message.startswith(row.path):
        return place.append(visible(f"  {row.rule}"), "not bold dim"), []
    if not pairs:
        told = _told(row)
        if place.cell_len + GAP + told.cell_len <= room:
            return place.append("  ").append(told), []
        return place, [told]
    line = place.copy().append("  ")
    for number, (name, old, new) in enumerate(pairs):
        line.append("; " if number else "", "not bold")
        line.append(visible(f"{name} ") if name else "", "not bold")
        for part in _marked(old, new):
            line.append(part)
    rest = len(row.members) - len(pairs)
    if pairs[0][0] and rest > 0:
        line.append(f"; and {rest} more", "not bold")
    if line.cell_len <= room:
        return line, []
    if pairs[0][0]:
        return place.append("  each node by its own values", "not bold"), _each(pairs, rest)
    one, _arrow, two = _marked(*pairs[0][1:])
    return place, [Text("- ", "red").append(one), Text("+ ", "green").append(two)]


def _each(pairs: t.Sequence[tuple[str, str, str]], rest: int) -> list[Text]:
    lines = []
    for name, old, new in pairs:
        lines.append(Text.assemble(visible(f"{name} "), *_marked(old, new)))
    return lines + ([Text(f"and {rest} more")] if rest > 0 else [])


def _pairs(row: Finding) -> list[tuple[str, str, str]]:
    """Return node, old and new value of a change; one without a node where all have the same."""
    if row.path.startswith("nodes/") or row.change not in (Kind.CHANGED, Kind.TYPE_CHANGED):
        return []
    values = {(word(one.before), word(one.after)) for one in row.members}
    if len(values) > 1:
        some = row.members[:NAMED]
        return [(one.node, word(one.before), word(one.after)) for one in some]
    told = row.message.removeprefix(row.path).strip()
    cut = told.find(" → ", len(word(row.before)))
    if not told.startswith(word(row.before)) or cut < 0:
        return []  # told in other words, as "now lacks fdb"
    return [("", told[:cut], told[cut + len(" → ") :])]


def _told(row: Finding) -> Text:
    """Return what happened where there is no pair of values."""
    if row.path.startswith("nodes/"):
        return Text(visible(row.message), "not bold")
    told = row.message.removeprefix(row.path).strip()
    return Text(visible(told), f"not bold {TAILS.get(row.change, '') if row.change else ''}")


def _marked(old: str, new: str) -> tuple[Text, Text, Text]:
    """Return the old value, an arrow and the new one; what differs in long ones stands out."""
    parts = [TOKEN.findall(visible(one)) for one in (old, new)]
    texts = Text(), Text()
    whole = any(len(one) < 3 or len(one) > TOKENS for one in parts)
    before, after = ([], []) if whole else parts
    matcher = difflib.SequenceMatcher(a=before, b=after, autojunk=False)
    same = [set[int](), set[int]()]
    for block in matcher.get_matching_blocks():
        same[0].update(range(block.a, block.a + block.size))
        same[1].update(range(block.b, block.b + block.size))
    for text, tokens, kept, colour in zip(texts, parts, same, ("red", "green"), strict=True):
        for number, token in enumerate(tokens):
            text.append(token, f"not bold {colour}" if number in kept else f"bold {colour}")
    return texts[0], Text(" → ", "not bold dim"), texts[1]


def _notes(row: Finding) -> list[Text]:
    """Return what stands below a finding: who lags, what follows, what to do, since when."""
    notes = []
    if row.stragglers:
        kept = f"still {word(row.before)} on {node_names(row.stragglers)}"
        notes.append(Text(visible(kept), "magenta"))
    for told in [*row.evidence, *([f"do: {row.remedy}"] if row.remedy else [])]:
        text = Text(visible(told))
        first = text.plain.partition(" ")[0]
        text.stylize(HEADS.get(first, ""), 0, len(first))
        notes.append(text)
    if row.since:
        notes.append(Text(_age(row), "dim"))
    return notes


def _age(row: Finding) -> str:
    """Say since when a finding is known, as far as nights were written down."""
    count = f"{row.nights} nights" if row.nights > 1 else "1 night"
    again = f"{row.standing}, " if row.standing not in ("open", "new") else ""
    return visible(f"{again}since {row.since[:10]}, {count}")
