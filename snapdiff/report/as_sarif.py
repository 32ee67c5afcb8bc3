"""The report as SARIF 2.1.0: a result for each finding and node, at its line of the snapshot.

Source: OASIS, Static Analysis Results Interchange Format (SARIF) Version 2.1.0. What nobody could
tell is no result, good or bad: it is a notification of the run, and a run that cannot be trusted
was not successful.
"""

from __future__ import annotations

import json
import typing as t
from pathlib import Path
from urllib.parse import quote

from snapdiff import __version__
from snapdiff.model import Finding, Member, Report, Severity
from snapdiff.report.flat import Row, Status, rows_of
from snapdiff.report.safe import visible
from snapdiff.rules.registry import shipped
from snapdiff.story import Life, Sight

if t.TYPE_CHECKING:
    from snapdiff.report import Terminal

SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
LEVELS = {Severity.INFO: "note", Severity.WARNING: "warning", Severity.ERROR: "error"}
STATES = {"new": "new", "open": "unchanged", "worse": "updated", "reopened": "new"}
GENERIC = {  # what is no rule of the registry; their findings have reasons of their own
    "drift": "What must not change by itself changed between two captures.",
    "outlier": "A node differs from the others.",
    "duplicate": "Nodes have the same where each should have its own.",
    "plan": "A planned change did not happen.",
}
UNSEEN = {"not-seen": "A node gave no snapshot.", "cannot-say": "A place could not be told."}
SHOWN = 6  # nodes that a notification names
Json = dict[str, t.Any]


def render(report: Report, terminal: Terminal) -> str:
    """Return the report as one run; all but ASCII is escaped."""
    rows = [row for row in rows_of(report) if row.finding and row.status is not Status.CANNOT_SAY]
    rules = _rules(report, rows)
    order = {rule["id"]: number for number, rule in enumerate(rules)}
    results = [_result(row, row.finding, row.member, order) for row in rows if row.finding]
    results.extend(_absent(life, order) for life in report.lives if _is_gone(life))
    driver = {
        "name": "snapdiff",
        "version": __version__,
        "semanticVersion": __version__,
        "rules": rules,
        "notifications": [
            {"id": name, "shortDescription": _message(text)} for name, text in UNSEEN.items()
        ],
    }
    run = {
        "tool": {"driver": driver},
        "automationDetails": {"id": visible(f"snapdiff/{report.command}/{report.cluster}/")},
        "invocations": [_invocation(report)],
        "columnKind": "unicodeCodePoints",
        "results": results,
        "properties": {"verdict": visible(report.verdict), "cluster": report.cluster},
    }
    log = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(log, indent=2, default=dict).replace("\x7f", "\\u007f") + "\n"


def _message(text: str) -> Json:
    """Return a plain text message: braces would be placeholders, and ``[x](y)`` would be a link."""
    shown = visible(text).replace("{", "{{").replace("}", "}}")
    return {"text": shown.replace("](", "] (") or "-"}


def _prose(text: str) -> Json:
    """Return what a rule says of itself, which may have several lines."""
    return {"text": "\n".join(_message(line)["text"] if line else "" for line in text.split("\n"))}


def _rules(report: Report, rows: list[Row]) -> list[Json]:
    """Return the rules that results and notifications name, each with what it is about."""
    told = {row.rule: row.finding for row in rows}
    told |= {one.rule: told.get(one.rule) for one in report.undecided if one.rule}
    told |= {one.rule: told.get(one.rule) for one in report.lives}
    return [_rule(rule, finding) for rule, finding in sorted(told.items())]


def _rule(name: str, finding: Finding | None) -> Json:
    """Return a rule as it is every night; one of the site is told by its finding alone."""
    rule = shipped().get(name)
    level = rule.severity if rule else finding.severity if finding else Severity.WARNING
    reason = rule.text if rule else (finding.why or "") if finding else ""
    text = GENERIC.get(name) or reason or f"The rule {name}."
    more = f"\n\nMore: snapdiff explain {name}" if rule else ""
    return {
        "id": name,
        "shortDescription": _message(text.partition("\n")[0]),
        "fullDescription": _prose(text),
        "help": _prose(f"{text}{more}"),
        "defaultConfiguration": {"level": LEVELS[level]},
    }


def _result(row: Row, one: Finding, member: Member | None, order: dict[str, int]) -> Json:
    told = [row.message, *row.evidence, *([f"do: {one.remedy}"] if one.remedy else [])]
    where = f"{row.node}: " if row.node else ""
    found: Json = {
        "ruleId": one.rule,
        "ruleIndex": order[one.rule],
        "kind": "fail",
        "level": LEVELS[one.severity],
        "message": _message(f"{where}{'. '.join(told)}"),
        "locations": [_location(row.node, one.path, member)],
        "partialFingerprints": {"snapdiffFinding/v1": member.id if member else one.id},
        "suppressions": _suppressions(row),
        "properties": {
            "node": row.node,
            "place": one.path,
            "change": one.change,
            "before": member.before if member else one.before,
            "after": member.after if member else one.after,
            "expected": one.expected,
        },
    }
    if one.standing in STATES:
        found["baselineState"] = STATES[one.standing]
        found["properties"] |= {"since": one.since, "nights": one.nights}
    return found


def _suppressions(row: Row) -> list[Json]:
    """Return why a result does not count; all results have the list, as the standard wants."""
    why = row.reason
    if row.status is Status.SIDE_EFFECT:
        why = "it follows from what was planned"
    elif row.status is not Status.ACCEPTED:
        return []
    return [{"kind": "external", "status": "accepted", "justification": visible(why)}]


def _location(node: str, path: str, member: Member | None) -> Json:
    place = visible(f"{node}/{path}" if node else path)
    found: Json = {"logicalLocations": [{"fullyQualifiedName": place, "kind": "member"}]}
    if member is not None and member.file:
        spot: Json = {"artifactLocation": _artifact(member.file)}
        if member.line:
            spot["region"] = {"startLine": member.line}
        found["physicalLocation"] = spot
    return found


def _artifact(file: str) -> Json:
    path = Path(file)
    if path.is_absolute():
        return {"uri": path.as_uri()}
    return {"uri": quote(file), "uriBaseId": "%SRCROOT%"}


def _is_gone(life: Life) -> bool:
    """Say whether the last night is the first that is clear of it; an unseen one is none."""
    before = [sight for sight in life.sights[:-1] if sight is not Sight.UNSEEN]
    return life.sight is Sight.CLEAR and before[-1:] in ([Sight.OPEN], [Sight.ACCEPTED])


def _absent(life: Life, order: dict[str, int]) -> Json:
    """Return the result of what was found the night before and is gone now."""
    return {
        "ruleId": life.rule,
        "ruleIndex": order[life.rule],
        "kind": "pass",
        "level": "none",
        "message": _message(f"{life.node}: gone since the night before: {life.message}"),
        "locations": [_location(life.node, life.path, None)],
        "partialFingerprints": {"snapdiffFinding/v1": life.id},
        "suppressions": [],
        "baselineState": "absent",
        "properties": {"node": life.node, "place": life.path, "since": life.first},
    }


def _invocation(report: Report) -> Json:
    told = [
        _notification("not-seen", "error", one.node, f"not seen: {one.why}")
        for one in report.coverage.missing
    ]
    for one in report.undecided:
        side = "" if one.side in ("both", "now") else f" {one.side}"
        text = f"{one.path} could not be told{side}: {one.why}"
        note = _notification("cannot-say", "warning", _named(one.nodes), text)
        told.append(note | ({"associatedRule": {"id": one.rule}} if one.rule else {}))
    for planned in report.planned:
        for lag in planned.unknown:
            text = f"nobody can say whether it was done: {planned.text}: {lag.why}"
            told.append(_notification("cannot-say", "warning", lag.node, text))
    moved = "links came and went while it was read"
    told.extend(
        _notification("cannot-say", "warning", node, moved) for node in report.coverage.inconsistent
    )
    if not report.trusted and not told:
        told.append(_notification("not-seen", "error", "", report.verdict))
    found: Json = {
        "executionSuccessful": report.trusted,
        "exitCode": report.exit_code,
        "exitCodeDescription": visible(report.verdict),
        "toolExecutionNotifications": told,
    }
    return found | ({"endTimeUtc": report.made_at} if report.made_at else {})


def _named(nodes: t.Sequence[str]) -> str:
    rest = len(nodes) - SHOWN
    return ", ".join(nodes[:SHOWN]) + (f" and {rest} more" if rest > 0 else "")


def _notification(name: str, level: str, nodes: str, text: str) -> Json:
    where = f"{nodes}: " if nodes else ""
    return {"descriptor": {"id": name}, "level": level, "message": _message(f"{where}{text}")}
