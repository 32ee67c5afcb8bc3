"""The report as metrics, for the textfile collector of Prometheus' node_exporter.

Labels are bounded: cluster, command, rule and severity; never a value, never the name of a node.
There are no time stamps on samples, since the collector refuses a file with any.
"""

from __future__ import annotations

import typing as t
from collections import Counter
from datetime import datetime

from snapdiff.model import Report, Severity
from snapdiff.report.safe import visible

if t.TYPE_CHECKING:
    from collections.abc import Iterable

    from snapdiff.report import Terminal

Labels = dict[str, str]
Sample = tuple[Labels, float]


def render(report: Report, terminal: Terminal) -> str:
    """Return the metrics in the text format, version 0.0.4."""
    same = {"cluster": report.cluster, "command": report.command}
    text = []
    for name, words, samples in _metrics(report):
        text.append(f"# HELP snapdiff_{name} {words}\n# TYPE snapdiff_{name} gauge\n")
        text.extend(
            f"snapdiff_{name}{{{_labels(same | labels)}}} {_number(value)}\n"
            for labels, value in samples
        )
    return "".join(text)


def _metrics(report: Report) -> Iterable[tuple[str, str, list[Sample]]]:
    coverage = report.coverage
    run = _seconds(report.made_at)
    late = {lag.node for one in report.planned for lag in one.missing}
    yield "findings", "Findings by severity, accepted ones left out.", _by_severity(report)
    yield "rule_findings", "Findings by rule and severity.", _by_rule(report)
    yield "affected_nodes", "Nodes with a finding of a severity.", _nodes(report)
    plain = [
        ("accepted_findings", "Findings that the site accepts.", len(report.waived)),
        ("planned_missing_nodes", "Nodes where a planned change did not happen.", len(late)),
        ("undecided", "Things that could not be told.", len(report.undecided)),
        ("nodes_expected", "Nodes that were asked for.", coverage.expected),
        ("nodes_observed", "Nodes that were seen.", coverage.observed),
        ("nodes_compared", "Nodes that could be looked at in full.", coverage.comparable),
        ("exit_code", "0 clean, 1 findings, 3 not to be trusted.", report.exit_code),
        ("trusted", "1 where enough was seen to trust the answer, else 0.", report.trusted),
        ("last_run_timestamp_seconds", "When the report was made.", run),
        (
            "last_success_timestamp_seconds",
            "When the report was made if it can be trusted, whatever it found; else 0.",
            run if report.trusted else 0,
        ),
    ]
    for name, words, value in plain:
        yield name, words, [({}, value)]


def _by_severity(report: Report) -> list[Sample]:
    counts = Counter(row.severity for row in report.findings)
    return [({"severity": one.word}, counts[one]) for one in Severity]


def _by_rule(report: Report) -> list[Sample]:
    """Count by rule; a rule that found anything has all severities, zeros too."""
    counts = Counter((row.rule, row.severity) for row in report.findings)
    rules = sorted({rule for rule, _severity in counts})
    return [
        ({"rule": rule, "severity": one.word}, counts[rule, one])
        for rule in rules
        for one in Severity
    ]


def _nodes(report: Report) -> list[Sample]:
    nodes: dict[Severity, set[str]] = {one: set() for one in Severity}
    for row in report.findings:
        nodes[row.severity].update(row.nodes)
    return [({"severity": one.word}, len(found)) for one, found in nodes.items()]


def _labels(labels: Labels) -> str:
    return ",".join(f'{name}="{_escape(value)}"' for name, value in sorted(labels.items()))


def _escape(value: str) -> str:
    """Return a label's value: what is hidden is written out first, so no line end is left."""
    return visible(value).replace("\\", "\\\\").replace('"', '\\"')


def _number(value: float) -> str:
    return str(int(value))


def _seconds(moment: str) -> int:
    """Return seconds since 1970; 0 where the report does not say when it was made."""
    return int(datetime.fromisoformat(moment).timestamp()) if moment else 0
