"""Two sides in, report out: coverage, then drift node by node, then what is the same, folded.

Nodes are read one at a time and let go, so memory does not grow with the fleet.
"""

from __future__ import annotations

import typing as t
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from snapdiff import canonical, drift, fleet
from snapdiff.diff import diff
from snapdiff.errors import ExitCode, SnapdiffError
from snapdiff.model import (
    Churn,
    Coverage,
    Finding,
    Missing,
    Outcome,
    Report,
    Severity,
    Undecided,
)
from snapdiff.spread import fold_spread

if t.TYPE_CHECKING:
    from snapdiff.store import Side

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What makes an answer bad, or not one to trust."""

    fail_on: Severity = Severity.WARNING
    min_coverage: float = 100.0  # percent of the expected nodes
    strict: bool = False  # something that could not be told is exit code 3


@dataclass(slots=True)
class _Tally:
    """What is found on the way through the nodes."""

    comparable: int = 0
    observed: int = 0
    expected: int = 0
    drifts: list[drift.Drift] = field(default_factory=list)
    churn: list[Churn] = field(default_factory=list)
    undecided: list[Undecided] = field(default_factory=list)
    missing: list[Missing] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    inconsistent: list[str] = field(default_factory=list)
    linked: set[str] = field(default_factory=set)  # nodes whose chain is worth showing


def assess_diff(
    before: Side, after: Side, *, cluster: str, policy: Policy, progress: Progress | None = None
) -> Report:
    """Return what changed from *before* to *after*, on every node that both sides know."""
    if len(before.paths) == 1 == len(after.paths) and not before.paths.keys() & after.paths.keys():
        before = _renamed(before, next(iter(after.paths)))
    tally = _Tally()
    old, new = before.capture.nodes, after.capture.nodes
    nodes = sorted(old.keys() & new.keys())
    for number, node in enumerate(nodes):
        if Outcome.SKIPPED in (old[node].outcome, new[node].outcome):
            tally.skipped.append(node)
            continue
        tally.expected += 1
        _compare(node, before, after, tally)
        if progress:
            progress(number + 1, len(nodes))
    gone, come = sorted(old.keys() - new.keys()), sorted(new.keys() - old.keys())
    rows = [
        *_nodes(gone, come, before, after, tally, cluster),
        *drift.findings(fold_spread(tally.drifts), _folded(tally.undecided), cluster),
    ]
    rows.sort(key=lambda row: -row.severity)
    rows = [fleet.with_stragglers(row, before, after, tally.comparable) for row in rows]
    linked = tally.linked | {
        node for row in rows if row.path.startswith("links/") for node in row.stragglers
    }
    report = Report(
        command="diff",
        cluster=cluster,
        inputs=(),
        coverage=Coverage(
            expected=tally.expected,
            observed=tally.observed,
            comparable=tally.comparable,
            missing=tuple(tally.missing),
            skipped=tuple(tally.skipped),
            inconsistent=tuple(tally.inconsistent),
        ),
        findings=tuple(rows),
        churn=tuple(tally.churn),
        undecided=tuple(_folded(tally.undecided)),
        chains=tuple(fleet.chains_of(sorted(linked), before, after)),
    )
    return judged(report, policy)


def _renamed(side: Side, node: str) -> Side:
    """Hold one node against another that has a different name, as a person asked to."""
    ((old, path),) = side.paths.items()
    row = side.capture.nodes[old]  # keeps its name, which its file has to have
    return replace(side, capture=replace(side.capture, nodes={node: row}), paths={node: path})


def _compare(node: str, before: Side, after: Side, tally: _Tally) -> None:
    pair = []
    for word, side in (("before", before), ("after", after)):
        row = side.capture.nodes[node]
        if row.outcome is not Outcome.OK:
            tally.missing.append(Missing(node=node, why=f"{word}: {row.outcome}: {row.why}"))
            continue
        try:
            pair.append(side.snapshot(node))
        except SnapdiffError as error:
            tally.missing.append(Missing(node=node, why=f"{word}: {error}"))
            continue
        tally.observed += side is after
    if len(pair) < 2:
        return
    old, new = pair
    tally.comparable += 1
    if not (old.consistent and new.consistent):
        tally.inconsistent.append(node)
    found = diff(old, new)
    tally.churn.extend(found.churn)
    tally.undecided.extend(found.undecided)
    drifts = drift.judge(found.changes, rebooted=canonical.rebooted(old, new))
    tally.drifts.extend(drifts)
    if any(one.change.path[0] == "links" and one.severity > Severity.INFO for one in drifts):
        tally.linked.add(node)


def _folded(undecided: Iterable[Undecided]) -> list[Undecided]:
    nodes: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for one in undecided:
        nodes[one.path, one.why, one.side].extend(one.nodes)
    return [
        Undecided(path=path, why=why, side=side, nodes=tuple(sorted(names)))
        for (path, why, side), names in sorted(nodes.items())
    ]


def _nodes(
    gone: list[str], come: list[str], before: Side, after: Side, tally: _Tally, cluster: str
) -> list[Finding]:
    """Report nodes that one side alone knows, and take what follows from them from the rest."""
    rows, known = fleet.nodes_that_went(gone, before, tally.drifts, cluster)
    more, new = fleet.nodes_that_came(come, after, cluster)
    tally.drifts = fleet.without_peers(tally.drifts, known | new)
    return [*rows, *more]


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
    comparing = report.command == "diff"
    clean = "no drift" if comparing else "nothing wrong"
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
    if thin:
        parts.append("not to be trusted as a whole" if not bad else "and the rest is not known")
    return "; ".join(parts)


def _many(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
