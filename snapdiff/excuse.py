"""What a plan allows to be broken while a change goes on, told as info instead of an error."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from snapdiff.model import Severity
from snapdiff.paths import nearest

if t.TYPE_CHECKING:
    from collections.abc import Iterable

    from snapdiff.model import Report
    from snapdiff.plan import Plan


def excused(report: Report, plan: Plan, known: Iterable[str]) -> Report:
    """Return a report of check with the rules that a plan may break as info.

    *known* are all rules: a name that is none of them is noted.
    """
    rules = set(known)
    notes = [
        f"the plan may break {name!r}, which is no rule{nearest(name, rules)}"
        for name in plan.breaks
        if name not in rules
    ]
    told = f"the plan '{plan.title}' allows for it until all is done"
    rows = [
        replace(row, severity=Severity.INFO, evidence=(*row.evidence, told))
        if row.rule in plan.breaks
        else row
        for row in report.findings
    ]
    rows.sort(key=lambda row: -row.severity)
    return replace(report, findings=tuple(rows), notes=(*report.notes, *notes))
