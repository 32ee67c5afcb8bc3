"""The report for machines, as ``schemas/report-v1.schema.json`` has it: fields are only added."""

from __future__ import annotations

import json
import typing as t
from collections import Counter
from dataclasses import asdict

from snapdiff.model import Finding, Report, Severity

if t.TYPE_CHECKING:
    from snapdiff.report import Terminal


def render(report: Report, terminal: Terminal) -> str:
    """Return the report as JSON; all but ASCII is escaped, so no terminal can be fooled."""
    return json.dumps(to_dict(report), indent=2).replace("\x7f", "\\u007f") + "\n"


def to_dict(report: Report) -> dict[str, t.Any]:
    """Return the report as plain data that its schema describes."""
    severities = Counter(row.severity for row in report.findings)
    return {
        "schema": "snapdiff/report/1",
        "command": report.command,
        "cluster": report.cluster,
        "made_at": report.made_at,
        "verdict": report.verdict,
        "exit_code": report.exit_code,
        "trusted": report.trusted,
        "inputs": [asdict(one) for one in report.inputs],
        "coverage": _plain(asdict(report.coverage)),
        "summary": {
            "findings": len(report.findings),
            "by_severity": {one.word: severities[one] for one in Severity},
            "undecided": len(report.undecided),
            "waived": len(report.waived),
        },
        "findings": [_finding(row) for row in report.findings],
        "waived": [
            {
                "finding": _finding(one.finding),
                "reason": one.reason,
                "until": one.until,
                "ticket": one.ticket,
            }
            for one in report.waived
        ],
        "planned": _rows(report.planned),
        "side_effects": [_finding(row) for row in report.side_effects],
        "notes": list(report.notes),
        "churn": _rows(report.churn),
        "undecided": _rows(report.undecided),
        "chains": _rows(report.chains),
        "mtus": _rows(report.mtus),
        "mesh": _rows(report.mesh),
        "moments": _rows(report.moments),
        "lives": _rows(report.lives),
        "courses": _rows(report.courses),
    }


def _rows(rows: t.Iterable[t.Any]) -> list[t.Any]:
    return [_plain(asdict(one)) for one in rows]


def _finding(row: Finding) -> dict[str, t.Any]:
    found: dict[str, t.Any] = _plain(asdict(row))
    found["severity"] = row.severity.word
    del found["keys"]
    return found


def _plain(value: t.Any) -> t.Any:
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    return value
