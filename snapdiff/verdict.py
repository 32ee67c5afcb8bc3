"""What an answer comes to: one sentence and an exit code."""

from __future__ import annotations

from dataclasses import dataclass, replace

from snapdiff.errors import ExitCode
from snapdiff.model import Report, Severity

CLEAN = {"diff": "no drift", "compare": "no difference"}  # commands that compare; others judge


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What makes an answer bad, or not one to trust."""

    fail_on: Severity = Severity.WARNING
    min_coverage: float = 100.0  # percent of the expected nodes
    strict: bool = False  # something that could not be told is exit code 3
    grace: float = 30.0  # seconds after boot in which a node is not judged yet


def judged(report: Report, policy: Policy) -> Report:
    """Return the report with its verdict and exit code: where 1 and 3 both hold, 1 wins."""
    bad = sum(1 for row in report.findings if row.severity >= policy.fail_on)
    coverage = report.coverage
    thin = coverage.percent < policy.min_coverage or not coverage.expected
    unsure = policy.strict and bool(report.undecided or coverage.inconsistent)
    code = ExitCode.FINDINGS if bad else ExitCode.UNTRUSTED if thin or unsure else ExitCode.CLEAN
    return replace(report, verdict=_verdict(report, bad, thin=thin), exit_code=int(code))


def _verdict(report: Report, bad: int, *, thin: bool) -> str:
    coverage = report.coverage
    nodes = {node for row in report.findings for node in row.nodes if row.severity > Severity.INFO}
    shown = sum(1 for row in report.findings if row.severity > Severity.INFO)
    comparing = report.command in CLEAN
    clean = CLEAN.get(report.command, "nothing wrong")
    if not coverage.comparable and not report.findings:
        parts = ["nothing could be compared" if comparing else "no node could be looked at"]
    elif shown:
        parts = [
            f"{_many(shown, 'finding')} on {len(nodes)} of {_many(coverage.comparable, 'node')}"
        ]
    elif coverage.missing or report.undecided or coverage.inconsistent:
        parts = [f"{clean} on {_many(coverage.comparable, 'node')}, as far as could be told"]
    else:
        parts = [f"{clean} on {_many(coverage.comparable, 'node')}"]
    if coverage.missing:
        lost = len({one.node for one in coverage.missing})
        done = "compared" if comparing else "looked at"
        parts.append(f"{lost} of {_many(coverage.expected, 'node')} could not be {done}")
    if coverage.skipped:
        parts.append(f"{len(coverage.skipped)} left out on purpose")
    if coverage.inconsistent:
        parts.append(f"{len(coverage.inconsistent)} moved while they were read")
    if report.undecided:
        parts.append(f"{_many(len(report.undecided), 'thing')} could not be decided")
    if report.waived:
        parts.append(f"{len(report.waived)} accepted by the site")
    if thin:
        parts.append("not to be trusted as a whole" if not bad else "and the rest is not known")
    return "; ".join(parts)


def _many(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
