"""A report as rows: one for each finding and node, and one for whatever nobody could tell.

Formats of rows (csv, junit, sarif) share it, so that none of them forgets what was not seen.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass
from enum import StrEnum

from snapdiff.model import Finding, Kind, Member, Report, Severity
from snapdiff.wording import word

PLAN = "plan"  # the rule of what was planned and did not come


class Status(StrEnum):
    """What a row is; the last two are never green."""

    FINDING = "finding"
    PLANNED_MISSING = "planned missing"
    ACCEPTED = "accepted"
    SIDE_EFFECT = "side effect"
    CANNOT_SAY = "cannot say"
    NOT_SEEN = "not seen"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One thing that is said of one node; no node: of the cluster as a whole."""

    status: Status
    message: str
    rule: str = ""
    node: str = ""
    path: str = ""
    finding: Finding | None = None  # of what was found, accepted or not
    member: Member | None = None  # the node's own part of it, where it has one
    reason: str = ""  # of what is accepted: why

    @property
    def severity(self) -> Severity | None:
        """Return how bad it is; None where nobody can say."""
        return self.finding.severity if self.finding else None

    @property
    def evidence(self) -> tuple[str, ...]:
        """Return what explains it: the node's own lines, where it has any."""
        own = self.member.evidence if self.member else ()
        return own or (self.finding.evidence if self.finding else ())


def rows_of(report: Report) -> t.Iterator[Row]:
    """Yield every row of a report: what was found, what is accepted, what nobody could tell."""
    told: set[tuple[str, str]] = set()  # not observed on one side: a finding and undecided too
    for one in report.findings:
        status = Status.PLANNED_MISSING if one.rule == PLAN else Status.FINDING
        if one.change is Kind.NOT_OBSERVED:
            status = Status.CANNOT_SAY
            told.update((one.path, node) for node in one.nodes)
        yield from _of(one, status)
    for waived in report.waived:
        until = f" (until {waived.until})" if waived.until else ""
        yield from _of(waived.finding, Status.ACCEPTED, f"{waived.reason}{until}")
    for one in report.side_effects:
        yield from _of(one, Status.SIDE_EFFECT)
    yield from _unknown(report, told)


def _of(finding: Finding, status: Status, reason: str = "") -> t.Iterator[Row]:
    members = finding.members or tuple(
        Member(id=finding.id, node=node, before=finding.before, after=finding.after)
        for node in finding.nodes or ("",)
    )
    for member in members:
        yield Row(
            status=status,
            message=said(finding, member),
            rule=finding.rule,
            node=member.node,
            path=finding.path,
            finding=finding,
            member=member,
            reason=reason,
        )


def said(finding: Finding, member: Member) -> str:
    """Return what a finding says of one of its nodes: with that node's own values."""
    values = {(word(one.before), word(one.after)) for one in finding.members}
    differ = finding.change in (Kind.CHANGED, Kind.TYPE_CHANGED) and len(values) > 1
    if not differ:
        return finding.message
    return f"{finding.path} {word(member.before)} → {word(member.after)}"


def _unknown(report: Report, told: set[tuple[str, str]]) -> t.Iterator[Row]:
    status = Status.CANNOT_SAY
    for planned in report.planned:
        for lag in planned.unknown:
            text = f"planned, and nobody can say: {planned.text}: {lag.why}"
            yield Row(status=status, message=text, rule=PLAN, node=lag.node, path=planned.path)
    for one in report.undecided:
        side = "" if one.side in ("both", "now") else f" {one.side}"
        for node in one.nodes or ("",):
            if one.rule or (one.path, node) not in told:
                text = f"{one.path} could not be told{side}: {one.why}"
                yield Row(status=status, message=text, rule=one.rule, node=node, path=one.path)
    for node in report.coverage.inconsistent:
        yield Row(status=status, message="links came and went while it was read", node=node)
    for missing in report.coverage.missing:
        yield Row(status=Status.NOT_SEEN, message=missing.why, node=missing.node)
    if not report.coverage.comparable and not report.coverage.missing:
        yield Row(status=status, message=report.verdict or "no node could be looked at")
