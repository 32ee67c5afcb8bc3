"""The report for a spreadsheet: RFC 4180, a row for each finding and node.

A cell that a spreadsheet would take for a formula begins with ``'``, as does one that begins with
``'`` itself: whoever takes one off has the text again.
"""

from __future__ import annotations

import csv
import io
import json
import re
import typing as t

from snapdiff.report.flat import Row, rows_of
from snapdiff.report.safe import visible

if t.TYPE_CHECKING:
    from snapdiff.model import Report
    from snapdiff.report import Terminal

COLUMNS = (
    "status", "severity", "rule", "node", "peer", "path", "change", "before", "after", "expected",
    "message", "reason", "remedy", "standing", "since", "nights", "file", "line", "id", "cluster",
    "command", "made_at",
)  # fmt: skip
# What begins a formula, in full width too, also behind blanks; visible() has written out tabs and
# line ends.
FORMULA = re.compile("'|\\s*[-=+@\uff0d\uff1d\uff0b\uff20]")


def render(report: Report, terminal: Terminal) -> str:
    """Return the report as CSV with a header row; lines end in CR LF, as the RFC has it."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    same = {"cluster": report.cluster, "command": report.command, "made_at": report.made_at}
    for row in rows_of(report):
        found = {**_cells(row), **same}
        writer.writerow([_cell(found.get(name)) for name in COLUMNS])
    return text.getvalue()


def _cells(row: Row) -> dict[str, t.Any]:
    cells = {
        "status": str(row.status),
        "rule": row.rule,
        "node": row.node,
        "path": row.path,
        "message": row.message,
        "reason": row.reason,
    }
    if row.finding is None or row.member is None:
        return cells
    one, member = row.finding, row.member
    return cells | {
        "severity": one.severity.word,
        "peer": one.peer,
        "change": str(one.change) if one.change else None,
        "before": member.before,
        "after": member.after,
        "expected": one.expected,
        "remedy": one.remedy,
        "standing": one.standing,
        "since": one.since,
        "nights": one.nights or None,
        "file": member.file,
        "line": member.line or None,
        "id": member.id,
    }


def _cell(value: t.Any) -> str:
    """Return a value as text in one line: absent is empty, what is no text is JSON."""
    if value is None:
        return ""
    plain = isinstance(value, str)
    text = visible(value if plain else json.dumps(value, sort_keys=True, default=dict))
    return f"'{text}" if FORMULA.match(text) else text
