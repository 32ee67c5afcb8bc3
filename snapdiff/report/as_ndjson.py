"""The report for a log pipeline: one JSON object a line, each with its ``type``.

The members are those of ``schemas/report-v1.schema.json``. The last line is the verdict: where it
is missing, the report was cut off.
"""

from __future__ import annotations

import json
import typing as t

from snapdiff.report.as_json import to_dict

if t.TYPE_CHECKING:
    from snapdiff.model import Report
    from snapdiff.report import Terminal

# Lists of the report, and what one of their rows is called; one that is not here keeps its name.
TYPES = {
    "findings": "finding",
    "waived": "accepted",
    "planned": "planned",
    "side_effects": "side-effect",
    "undecided": "undecided",
    "churn": "churn",
    "chains": "chain",
    "mtus": "mtu",
    "mesh": "mesh",
    "moments": "moment",
    "lives": "life",
    "courses": "course",
    "notes": "note",
}
ON_EVERY_LINE = ("cluster", "command", "made_at")
HEAD = ("schema", "inputs")
END = ("verdict", "exit_code", "summary", "trusted")


def render(report: Report, terminal: Terminal) -> str:
    """Return the report line by line; all but ASCII is escaped, so a line is one line."""
    data = to_dict(report)
    same = {name: data.pop(name) for name in ON_EVERY_LINE}
    head = {name: data.pop(name) for name in HEAD}
    end = {name: data.pop(name) for name in END}
    coverage = data.pop("coverage")
    missing = coverage.pop("missing")
    rows = [{"type": "head", **head}, {"type": "coverage", **coverage}]
    rows.extend({"type": "missing", **one} for one in missing)
    for name, found in data.items():
        kind = TYPES.get(name, name)
        for one in found if isinstance(found, list) else [found]:
            rows.append({"type": kind, **(one if isinstance(one, dict) else {"text": one})})
    rows.append({"type": "end", **end})
    return "".join(f"{_line({**row, **same})}\n" for row in rows)


def _line(row: dict[str, t.Any]) -> str:
    return json.dumps(row).replace("\x7f", "\\u007f")
