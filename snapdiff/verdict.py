"""What an answer comes to: one sentence and an exit code."""

from __future__ import annotations

from dataclasses import dataclass, replace

from snapdiff.errors import ExitCode
from snapdiff.model import Finding, Report, Severity

CLEAN = {  # commands that compare; others judge
    "diff": "no drift",
    "compare": "no difference",
    "plan check": "the plan fits",
}
COMPARING = ("diff", "compare")


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What makes an answer bad, or not one to trust."""

    fail_on: Severity = Severity.WARNING
    min_coverage: float = 100.0  # percent of the expected nodes
    strict: bool = False  # something that could not be told is exit code 3
    grace: float = 30.0  # seconds after boot in which a node is not judged yet
    new_only: bool = False  # what a night before had already is no reason for exit code 1


def judged(report: Report, policy: Policy) -> Report:
    """Return the report with its verdict and exit code: where 1 and 3 both hold, 1 wins."""
    bad = sum(1 for row in report.findings if _counts(row, policy))
    coverage = report.coverage
    thin = coverage.percent < policy.min_coverage or not coverage.expected
    unsure = policy.strict and bool(report.undecided or coverage.inconsistent)
    unsure = unsure or _unsure(report) or bool(coverage.unanswered)
    code = ExitCode.FINDINGS if bad else ExitCode.UNTRUSTED if thin or unsure else ExitCode.CLEAN
    return replace(
        report,
        verdict=_verdict(report, bad, thin=thin),
        exit_code=int(code),
        trusted=not (thin or unsure),
    )


def _counts(row: Finding, policy: Policy) -> bool:
    """Say whether a finding is a reason for exit code 1; one whose age nobody knows is new."""
    return row.severity >= policy.fail_on and not (policy.new_only and row.standing == "open")


def _verdict(report: Report, bad: int, *, thin: bool) -> str:
    coverage = report.coverage
    nodes = {node for row in report.findings for node in row.nodes if row.severity > Severity.INFO}
    shown = sum(1 for row in report.findings if row.severity > Severity.INFO)
    comparing = report.command in COMPARING
    clean = CLEAN.get(report.command, "nothing wrong")
    if report.planned and report.command == "diff":
        clean = "nothing else changed"
    if not coverage.comparable and not report.findings:
        parts = ["nothing could be compared" if comparing else "no node could be looked at"]
    elif shown:
        where = f" on {len(nodes)} of {_many(coverage.comparable, 'node')}" if nodes else ""
        parts = [f"{_many(shown, 'finding')}{where}"]
    elif (
        coverage.missing
        or report.undecided
        or coverage.inconsistent
        or _unsure(report)
        or coverage.unanswered
    ):
        parts = [f"{clean} on {_many(coverage.comparable, 'node')}, as far as could be told"]
    else:
        parts = [f"{clean} on {_many(coverage.comparable, 'node')}"]
    if report.planned and report.command == "diff":
        parts.insert(0, _of_plan(report))
    if coverage.missing:
        lost = len({one.node for one in coverage.missing})
        done = "compared" if comparing else "looked at"
        parts.append(f"{lost} of {_many(coverage.expected, 'node')} could not be {done}")
    if coverage.skipped:
        parts.append(f"{len(coverage.skipped)} left out on purpose")
    if coverage.inconsistent:
        parts.append(f"{len(coverage.inconsistent)} moved while they were read")
    if coverage.unanswered:
        parts.append("the cluster was asked and gave no answer")
    if report.undecided:
        parts.append(f"{_many(len(report.undecided), 'thing')} could not be decided")
    if report.waived:
        parts.append(f"{len(report.waived)} accepted by the site")
    if thin:
        parts.append("not to be trusted as a whole" if not bad else "and the rest is not known")
    return "; ".join(parts)


def _unsure(report: Report) -> bool:
    """Say whether nobody knows of a line of the plan what became of it on some node."""
    return any(one.unknown for one in report.planned)


def _of_plan(report: Report) -> str:
    """Say in a few words what became of the plan."""
    planned = report.planned
    late = sorted({lag.node for one in planned for lag in one.missing})
    unsure = sorted({lag.node for one in planned for lag in one.unknown})
    waiting = {node for one in planned for node in one.waiting}
    done = {node for one in planned for node in one.done} - {*late, *unsure}
    words = [f"done as planned on {_many(len(done), 'node')}"]
    if late:
        words.append(f"missing on {_named(late)}")
    if unsure:
        words.append(f"not known on {_named(unsure)}")
    if waiting - done - {*late, *unsure}:
        words.append(f"not due yet on {len(waiting)}")
    return ", ".join(words)


def _named(nodes: list[str]) -> str:
    more = f" and {len(nodes) - 3} more" if len(nodes) > 3 else ""
    return f"{', '.join(nodes[:3])}{more}"


def _many(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
