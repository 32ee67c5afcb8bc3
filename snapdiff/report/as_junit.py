"""The report as JUnit XML, which build servers show: a case for each rule and node.

A failure is a finding of warning or worse, an error what could not be looked at, skipped what the
site accepts; what is only info stands in the output of a case that passes. The first case says
whether enough was seen, so a report of nobody is never green.
"""

from __future__ import annotations

import re
import typing as t
from collections import defaultdict
from xml.etree import ElementTree as ET

from snapdiff import __version__
from snapdiff.model import Report, Severity
from snapdiff.report.flat import Row, Status, rows_of
from snapdiff.report.safe import visible

if t.TYPE_CHECKING:
    from snapdiff.report import Terminal

EVERYBODY = "cluster"  # the name of a case that is about no node alone
DRIFT = "drift"  # what could not be compared is of no rule
ILLEGAL = re.compile("[\ufffe\uffff]")  # in XML 1.0, beside what visible() has written out
FAILURE, ERROR, SKIPPED, OUTPUT = "failure", "error", "skipped", "output"


def render(report: Report, terminal: Terminal) -> str:
    """Return the report as one test suite."""
    cases: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows_of(report):
        rule = row.rule or ("seen" if row.status is Status.NOT_SEEN else DRIFT)
        cases[rule, row.node or EVERYBODY].append(row)
    found = [_coverage(report)]
    found.extend(
        _case(f"{report.command}.{rule}", node, rows) for (rule, node), rows in cases.items()
    )
    counts = {
        "tests": len(found),
        "failures": sum(one.find(FAILURE) is not None for one in found),
        "errors": sum(one.find(ERROR) is not None for one in found),
    }
    name = _text(f"snapdiff {report.command} {report.cluster}")
    totals = {key: str(number) for key, number in counts.items()}
    whole = ET.Element("testsuites", {"name": name, **totals})
    suite = ET.SubElement(whole, "testsuite", {"name": name, **totals, "time": "0"})
    suite.set("skipped", str(sum(one.find(SKIPPED) is not None for one in found)))
    if report.made_at:
        suite.set("timestamp", report.made_at.removesuffix("Z"))
    suite.append(_properties(report))
    suite.extend(found)
    ET.indent(whole)
    text = ET.tostring(whole, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'


def _properties(report: Report) -> ET.Element:
    found = ET.Element("properties")
    sides = ("before", "after") if len(report.inputs) == 2 else ("capture",)
    given = {
        "snapdiff.version": __version__,
        "snapdiff.command": report.command,
        "snapdiff.cluster": report.cluster,
        "snapdiff.verdict": report.verdict,
        "snapdiff.exit_code": str(report.exit_code),
    }
    for side, one in zip(sides, report.inputs, strict=False):
        given[f"snapdiff.{side}"] = one.capture or one.place
    for name, value in given.items():
        ET.SubElement(found, "property", {"name": name, "value": _text(value)})
    return found


def _coverage(report: Report) -> ET.Element:
    """Return the case that says whether the answer can be trusted as a whole."""
    case = _named(f"{report.command}.coverage", "enough nodes were seen")
    coverage = report.coverage
    text = f"{coverage.comparable} of {coverage.expected} nodes could be looked at"
    if report.trusted:
        ET.SubElement(case, "system-out").text = text
    else:
        message = _text(report.verdict or text)
        ET.SubElement(case, ERROR, {"type": "not trusted", "message": message}).text = text
    return case


def _named(classname: str, name: str) -> ET.Element:
    return ET.Element("testcase", {"classname": _text(classname), "name": _text(name), "time": "0"})


def _case(classname: str, node: str, rows: list[Row]) -> ET.Element:
    """Return the case of a rule on a node: the worst of its rows decides, the others are told."""
    case = _named(classname, node)
    by_fate: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_fate[_fate(row)].append(row)
    fate = next(one for one in (FAILURE, ERROR, SKIPPED, OUTPUT) if one in by_fate)
    rest = [row for row in rows if _fate(row) != fate]
    if fate == OUTPUT:
        rest = rows
    else:
        first = max(by_fate[fate], key=lambda row: row.severity or Severity.INFO)
        kind = str(first.status) if first.severity is None else first.severity.word
        message = first.reason if fate == SKIPPED else first.message
        told = ET.SubElement(case, fate, {"type": kind, "message": _text(message)})
        told.text = _lines(by_fate[fate])
    if rest:
        ET.SubElement(case, "system-out").text = _lines(rest)
    return case


def _fate(row: Row) -> str:
    if row.status in (Status.CANNOT_SAY, Status.NOT_SEEN):
        return ERROR
    if row.status is Status.ACCEPTED:
        return SKIPPED
    bad = row.status is not Status.SIDE_EFFECT and (row.severity or Severity.INFO) > Severity.INFO
    return FAILURE if bad else OUTPUT


def _lines(rows: list[Row]) -> str:
    """Return rows as text: each a line, with what explains it indented below."""
    lines = []
    for row in rows:
        what = row.severity.word if row.severity is not None else str(row.status)
        lines.append(f"{what}: {row.message}")
        if row.reason:
            lines.append(f"  accepted: {row.reason}")
        if row.finding is not None:
            lines.extend(f"  {text}" for text in row.evidence)
            lines.extend([f"  do: {row.finding.remedy}"] if row.finding.remedy else [])
    return "\n".join(map(_text, lines))


def _text(text: str) -> str:
    """Return text in one line that XML can hold."""
    return ILLEGAL.sub(lambda match: f"\\u{ord(match[0]):04x}", visible(text))
