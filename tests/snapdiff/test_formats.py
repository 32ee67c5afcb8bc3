"""Reports as machines read them: each format read back with a reader of its own.

``SNAPDIFF_REWRITE_GOLDEN=1 pytest tests/snapdiff/test_formats.py`` writes tests/golden/format-*
anew; read the difference before it is committed.
"""

from __future__ import annotations

import csv
import html.parser
import io
import json
import os
import re
from dataclasses import replace

import pytest
from junitparser import JUnitXml
from markdown_it import MarkdownIt
from prometheus_client.parser import text_string_to_metric_families
from test_report import CONTROL, HOSTILE, an_eventful_night, poisoned, report_of

from builders import GOLDEN, NOW, node
from clusters import cluster
from clusters import report as report_of_check
from snapdiff import __version__
from snapdiff.model import Finding, Input, Kind, Member, Severity, Waived
from snapdiff.report import FORMATS, render
from snapdiff.report.safe import visible
from snapdiff.schema import validate
from snapdiff.store import stamp
from snapdiff.story import Lag, Life, Planned, Sight

MACHINES = ("md", "csv", "junit", "sarif", "prom", "ndjson", "json-patch")
OF_ONE_CAPTURE = tuple(one for one in MACHINES if one != "json-patch")


# ---- what the formats are read with -----------------------------------------------------------


class Page(html.parser.HTMLParser):
    """The elements of a page, and the text that stands in code."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.code, self._open = set(), [], 0
        rules = MarkdownIt("commonmark", {"html": True}).enable("table").enable("strikethrough")
        self.feed(rules.render(text))

    def handle_starttag(self, tag, attrs):
        assert not attrs, f"<{tag}> has {attrs}"
        self.tags.add(tag)
        if tag == "code":
            self._open += 1
            self.code.append("")

    def handle_endtag(self, tag):
        self._open -= tag == "code"

    def handle_data(self, data):
        if self._open:
            self.code[-1] += data


def strings(value):
    if isinstance(value, dict):
        for key, one in value.items():
            yield key
            yield from strings(one)
    elif isinstance(value, list):
        for one in value:
            yield from strings(one)
    elif isinstance(value, str):
        yield value


def table(text):
    """Return the rows of a CSV file by column, without the quote that guards a cell."""
    rows = list(csv.DictReader(io.StringIO(text, newline=""), strict=True))
    return [{key: one.removeprefix("'") for key, one in row.items()} for row in rows]


def of_junit(text):
    for suite in JUnitXml.fromstring(text.encode()):
        yield from (one.value for one in suite.properties())
        for case in suite:
            yield from (case.name, case.classname, case.system_out or "")
            for one in case.result:
                yield from (one.message or "", one.text or "")


def of_prom(text):
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            yield from sample.labels.values()


READERS = {
    "md": lambda text: Page(text).code,
    "csv": lambda text: [cell for row in table(text) for cell in row.values()],
    "junit": of_junit,
    "sarif": lambda text: strings(json.loads(text)),
    "prom": of_prom,
    "ndjson": lambda text: (one for line in text.splitlines() for one in strings(json.loads(line))),
    "json-patch": lambda text: strings(json.loads(text)),
}


# ---- reports ----------------------------------------------------------------------------------


def an_eventful_diff(tmp_path):
    return report_of(tmp_path, *an_eventful_night(), lost={"node8": "no route to host"})


def a_check():
    facts = cluster(4)
    for name in ("node1", "node2"):
        facts[name]["links"]["cni0"]["mtu"] = 1400
    facts["node3"]["sysctls"]["net.ipv4.ip_forward"] = 0
    facts["node4"]["ipam"] = {}
    facts["node4"]["not_observed"] = {"ipam": "no time"}
    report = report_of_check(facts, node5="no route to host")
    place = Input(name="@latest", place="snapshots/test/20261122T030000Z")
    kept, given = report.findings[0], report.findings[1:]
    waived = Waived(finding=kept, reason="no pods there", until="2027-01-31")
    return replace(report, findings=given, waived=(waived,), inputs=(place,), made_at=stamp(NOW))


def found(number, path="links/flannel.1/mtu", **fields):
    """Return a finding, on one node if nothing else is said."""
    given = {
        "id": f"{number:016x}",
        "rule": "drift",
        "severity": Severity.WARNING,
        "scope": "temporal",
        "nodes": ("node1",),
        "path": path,
        "change": Kind.CHANGED,
        "before": 1450,
        "after": 1400,
        "message": f"{path} 1450 → 1400",
        "keys": tuple(path.split("/")),
        **fields,
    }
    members = tuple(
        Member(id=given["id"], node=one, before=given["before"], after=given["after"])
        for one in given["nodes"]
    )
    return Finding(**{"members": members, **given})


def an_upgrade(tmp_path):
    """Return the report of an upgrade, after some nights: planned, late, new, worse, and gone."""
    report = an_eventful_diff(tmp_path)
    lives = [
        Life(
            id=f"{number:016x}",
            rule="drift",
            path="links/cni0/mtu",
            node=name,
            severity="warning",
            message="links/cni0/mtu 1450 → 1400",
            first="2026-11-19T02:00:00Z",
            last="2026-11-21T02:00:00Z",
            sights=sights,
            nights=3,
        )
        for number, (name, sights) in enumerate(
            {
                "gone-now": (Sight.OPEN, Sight.OPEN, Sight.CLEAR),
                "gone-for-long": (Sight.OPEN, Sight.CLEAR, Sight.CLEAR),
                "not-seen-now": (Sight.OPEN, Sight.OPEN, Sight.UNSEEN),
                "gone-unseen-once": (Sight.OPEN, Sight.UNSEEN, Sight.CLEAR),
                "still-there": (Sight.OPEN, Sight.OPEN, Sight.OPEN),
            }.items(),
            start=100,
        )
    ]
    return replace(
        report,
        findings=(
            found(1, standing="new", since="2026-11-22T02:00:00Z", nights=1),
            found(2, standing="open", since="2026-11-20T02:00:00Z", nights=3, path="links/a/mtu"),
            found(3, standing="worse", nights=2, path="links/b/mtu"),
            found(4, standing="reopened", nights=4, path="links/c/mtu"),
            found(
                5,
                rule="plan",
                severity=Severity.ERROR,
                change=None,
                nodes=("node2",),
                message="planned, but missing: links/flannel.1/mtu → 1400; still 1450",
            ),
        ),
        planned=(
            Planned(
                text="links/flannel.1/mtu → 1400",
                path="links/flannel.1/mtu",
                wanted=1400,
                done=("node1", "node3"),
                missing=(Lag(node="node2", seen=1450),),
                unknown=(Lag(node="node8", why="no route to host"),),
                waiting=("node4",),
            ),
        ),
        side_effects=(found(6, severity=Severity.INFO, path="links/cni0/mtu"),),
        waived=(Waived(finding=found(7, path="links/d/mtu"), reason="known"),),
        lives=tuple(lives),
    )


def nobody(tmp_path):
    lost = {"node1": "no route to host", "node2": "sudo: a password is required"}
    return report_of(tmp_path, [node(1), node(2)], [], lost=lost)


def nothing_asked(tmp_path):
    report = report_of(tmp_path, [node(1)], [node(1)])
    return replace(
        report,
        coverage=replace(report.coverage, expected=0, observed=0, comparable=0),
        verdict="nothing could be compared; not to be trusted as a whole",
        exit_code=3,
        trusted=False,
    )


def quiet(tmp_path):
    return report_of(tmp_path, [node(1), node(2)], [node(1), node(2)])


# ---- golden files -----------------------------------------------------------------------------

GOLDENS = {
    "eventful": (an_eventful_diff, MACHINES),
    "check": (lambda _tmp_path: a_check(), OF_ONE_CAPTURE),
    "upgrade": (an_upgrade, MACHINES),
    "nobody": (nobody, MACHINES),
    "quiet": (quiet, MACHINES),
}


@pytest.mark.parametrize(
    ("name", "form"), [(name, form) for name, row in GOLDENS.items() for form in row[1]]
)
def test_the_format_is_the_golden_one(name, form, tmp_path):
    text = render(GOLDENS[name][0](tmp_path), form)
    text = text.replace(f'"{__version__}"', '"VERSION"')
    path = GOLDEN / f"format-{name}.{form}"
    if os.environ.get("SNAPDIFF_REWRITE_GOLDEN"):
        path.write_bytes(text.encode())
    assert text.encode() == path.read_bytes()


def test_every_format_is_tried_here_or_where_it_lives():
    assert set(FORMATS) >= {*MACHINES, "text", "json"}


# ---- hostile text -----------------------------------------------------------------------------

EXACT = ("sarif", "ndjson", "json-patch")


@pytest.fixture(scope="module", params=range(len(HOSTILE)))
def hostile(request, tmp_path_factory):
    """Return a text, and a report with it wherever a node or a file can put some."""
    text = HOSTILE[request.param]
    lost = {"lost": text or "why"}
    report = report_of(tmp_path_factory.mktemp("h"), *poisoned(text), lost=lost, label=text[:50])
    return text, replace(report, cluster=text)


@pytest.mark.parametrize("form", MACHINES)
def test_text_of_a_node_is_read_back_and_controls_nothing(form, hostile):
    text, report = hostile
    raw = render(report, form)
    assert not CONTROL.search(raw.replace("\r\n", "") if form == "csv" else raw)
    assert raw.encode().decode() == raw
    shown = text if form in EXACT else visible(text)
    if form == "md" and len(shown) > 200:
        shown = f"{shown[:199]}…"
    assert shown in list(READERS[form](raw))


@pytest.mark.parametrize("form", ["csv", "junit", "sarif", "ndjson"])
def test_a_change_is_told_with_its_value(form, hostile):
    text, report = hostile
    told = [visible(one) for one in READERS[form](render(report, form))]
    change = f"cni/subnet_env/FLANNEL_NETWORK old → {visible(text)}"
    if form == "sarif":
        change = change.replace("{", "{{").replace("}", "}}").replace("](", "] (")
    assert any(change in one for one in told)


def test_markdown_of_a_node_is_text(hostile):
    _text, report = hostile
    raw = render(report, "md")
    page = Page(raw)
    assert page.tags <= {
        *("h3", "p", "strong", "em", "ul", "li", "code", "details", "summary"),
        *("table", "thead", "tbody", "tr", "th", "td"),
    }
    rows = [line for line in raw.splitlines() if line.startswith("|")]
    assert {line.count("|") for line in rows} == {5}
    outside = re.sub(r"`[^`]*`|<code>.*?</code>", "", raw)
    assert not re.search(r"[@`\\\[\]#]", outside.replace("### ", ""))


def test_no_cell_is_a_formula(hostile):
    _text, report = hostile
    text = render(report, "csv")
    rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    assert {len(row) for row in rows} == {len(rows[0])}
    for cell in (cell for row in rows for cell in row):
        assert not re.match("[-=+@\t\r\n\uff1d\uff0b\uff0d\uff20]", cell.lstrip())


@pytest.fixture(scope="module")
def harmless(tmp_path_factory):
    """Return the report of the same night without anything hostile in it."""
    calm = poisoned("harmless")
    return report_of(tmp_path_factory.mktemp("y"), *calm, lost={"lost": "harmless"}, label="label")


@pytest.mark.parametrize("form", ["ndjson", "csv", "prom"])
def test_a_node_writes_no_line_of_its_own(form, hostile, harmless):
    """As many lines as a harmless text makes, so none can be faked."""
    _text, report = hostile
    assert render(report, form).count("\n") == render(harmless, form).count("\n")


# ---- never green ------------------------------------------------------------------------------


@pytest.mark.parametrize("blind", [nobody, nothing_asked], ids=["nobody-seen", "nobody-asked"])
def test_a_report_of_nobody_is_green_in_no_format(blind, tmp_path):
    report = blind(tmp_path)
    assert not report.trusted
    assert "**not to be trusted as a whole**" in render(report, "md")
    assert {row["status"] for row in table(render(report, "csv"))} <= {"not seen", "cannot say"}
    assert table(render(report, "csv"))
    assert JUnitXml.fromstring(render(report, "junit").encode()).errors > 0
    (run,) = json.loads(render(report, "sarif"))["runs"]
    (invocation,) = run["invocations"]
    assert invocation["executionSuccessful"] is False
    assert {one["level"] for one in invocation["toolExecutionNotifications"]} == {"error"}
    assert values(report)["snapdiff_trusted"] == 0
    assert values(report)["snapdiff_last_success_timestamp_seconds"] == 0
    last = json.loads(render(report, "ndjson").splitlines()[-1])
    assert (last["type"], last["exit_code"], last["trusted"]) == ("end", 3, False)
    assert json.loads(render(report, "json-patch"))["trusted"] is False


def values(report):
    """Return the metrics that have no label but cluster and command."""
    return {
        sample.name: sample.value
        for family in text_string_to_metric_families(render(report, "prom"))
        for sample in family.samples
        if len(sample.labels) == 2
    }


def test_an_exit_code_that_is_hidden_does_not_make_it_green(tmp_path):
    report = replace(nobody(tmp_path), exit_code=0)  # as --exit-zero does
    assert values(report)["snapdiff_last_success_timestamp_seconds"] == 0
    assert JUnitXml.fromstring(render(report, "junit").encode()).errors == 3
    assert "not to be trusted" in render(report, "md")


def test_findings_that_pass_are_not_called_clean(tmp_path):
    report = replace(an_eventful_diff(tmp_path), exit_code=0, trusted=True)  # as --exit-zero does
    assert "- exit code: 0\n" in render(report, "md")
    assert "- exit code: 0, clean\n" in render(quiet(tmp_path), "md")


@pytest.mark.parametrize("trusted", [True, False])
def test_machines_read_whether_enough_was_seen(tmp_path, trusted):
    report = replace(quiet(tmp_path), trusted=trusted)
    data = json.loads(render(report, "json"))
    validate(data, "report")
    assert data["trusted"] is trusted
    last = json.loads(render(report, "ndjson").splitlines()[-1])
    assert (last["type"], last["trusted"]) == ("end", trusted)


def test_a_quiet_report_is_green_in_every_format(tmp_path):
    report = quiet(tmp_path)
    assert table(render(report, "csv")) == []
    suites = JUnitXml.fromstring(render(report, "junit").encode())
    assert (suites.tests, suites.failures, suites.errors) == (1, 0, 0)
    (run,) = json.loads(render(report, "sarif"))["runs"]
    assert (run["results"], run["invocations"][0]["executionSuccessful"]) == ([], True)
    found = values(report)
    assert found["snapdiff_last_success_timestamp_seconds"] == int(NOW.timestamp())
    assert found["snapdiff_exit_code"] == 0
    assert json.loads(render(report, "json-patch"))["patches"] == {}
    assert "**no drift on 2 nodes**" in render(report, "md")


# ---- a fleet ----------------------------------------------------------------------------------


def a_fleet(count):
    """Return a report with a finding of its own on each of *count* nodes, and as many unseen."""
    names = tuple(f"node{number}" for number in range(count))
    facts = report_of_check(cluster(3))
    rows = [
        found(number, nodes=(name,), path=f"links/eth{number}/mtu", remedy="ip link set x mtu 1")
        for number, name in enumerate(names)
    ]
    whole = found(count, nodes=names)
    missing = facts.coverage.missing
    return replace(
        facts,
        command="diff",
        findings=(whole, *rows),
        coverage=replace(
            facts.coverage, expected=count, observed=count, comparable=count, missing=missing
        ),
        made_at=stamp(NOW),
    )


BOUNDS = {  # bytes
    "md": 60_000,
    "csv": 600_000,
    "junit": 700_000,
    "sarif": 3_000_000,
    "prom": 6_000,
    "ndjson": 2_000_000,
    "json-patch": 600_000,
}


@pytest.mark.parametrize("form", MACHINES)
def test_a_thousand_nodes_keep_to_a_size(form):
    text = render(a_fleet(1000), form)
    assert len(text.encode()) <= BOUNDS[form]


def test_markdown_says_how_much_it_left_out():
    report = a_fleet(1000)
    text = render(report, "md")
    rows = text.count("\n| ~ warning")
    left = int(re.search(r"(\d+) of findings", text)[1])
    assert rows > 100
    assert rows + left == len(report.findings)
    assert text.rstrip().endswith("`-o json` has all.*")
    assert text.count("<details>") == text.count("</details>")


def test_markdown_of_long_text_keeps_to_its_size():
    longest = "|`" * 5_000
    rows = tuple(
        found(number, path=longest, message=longest, evidence=(longest,) * 9, remedy=longest)
        for number in range(50)
    )
    report = replace(a_fleet(3), findings=rows, verdict=longest, cluster=longest)
    assert len(render(report, "md").encode()) <= 60_000
