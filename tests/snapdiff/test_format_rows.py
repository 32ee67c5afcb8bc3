"""What the formats of rows say, and how a person asks for several formats in one run."""

from __future__ import annotations

import json
import os
import sys
from datetime import timedelta
from xml.etree import ElementTree as ET

import pytest
from junitparser import JUnitXml
from test_formats import (
    MACHINES,
    a_check,
    an_eventful_diff,
    an_upgrade,
    found,
    nobody,
    quiet,
    table,
)
from test_report import HOSTILE, poisoned, report_of

from builders import NOW, capture, node
from snapdiff.cli import main
from snapdiff.model import Severity
from snapdiff.report import render
from snapdiff.report.flat import Status, rows_of
from snapdiff.schema import validate

REPORTS = {
    "eventful": an_eventful_diff,
    "check": lambda _tmp_path: a_check(),
    "upgrade": an_upgrade,
    "nobody": nobody,
    "quiet": quiet,
}


# ---- csv --------------------------------------------------------------------------------------


def test_a_row_says_what_it_is(tmp_path):
    rows = table(render(an_upgrade(tmp_path), "csv"))
    assert [(row["status"], row["severity"], row["node"], row["path"]) for row in rows] == [
        ("finding", "warning", "node1", "links/flannel.1/mtu"),
        ("finding", "warning", "node1", "links/a/mtu"),
        ("finding", "warning", "node1", "links/b/mtu"),
        ("finding", "warning", "node1", "links/c/mtu"),
        ("planned missing", "error", "node2", "links/flannel.1/mtu"),
        ("accepted", "warning", "node1", "links/d/mtu"),
        ("side effect", "info", "node1", "links/cni0/mtu"),
        ("cannot say", "", "node8", "links/flannel.1/mtu"),
        ("cannot say", "", "node3", "ipam"),
        ("cannot say", "", "node7", "routes"),
        ("cannot say", "", "node6", ""),
        ("not seen", "", "node8", ""),
    ]
    assert {row["status"] for row in rows} == {str(one) for one in Status}


def test_a_row_of_many_nodes_is_a_row_for_each(tmp_path):
    rows = table(render(an_eventful_diff(tmp_path), "csv"))
    shown = [(row["node"], row["before"], row["after"]) for row in rows if "cni0" in row["path"]]
    assert shown == [("node1", "1450", "1400"), ("node2", "1450", "1400")]


def test_what_was_not_observed_is_one_row_not_two(tmp_path):
    report = an_eventful_diff(tmp_path)
    rows = [row for row in rows_of(report) if row.path == "ipam"]
    assert [(row.status, row.node) for row in rows] == [(Status.CANNOT_SAY, "node3")]


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        (None, ""),
        ("text", "text"),
        ("1", "1"),
        (1450, "1450"),
        (True, "true"),
        (-1, "'-1"),
        (1.5, "1.5"),
        (["a", 1], '["a", 1]'),
        ({"b": 1, "a": "x"}, '{"a": "x", "b": 1}'),
        ("=1+1", "'=1+1"),
        ("  =1+1", "'  =1+1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("+1", "'+1"),
        ("\uff1d1", "'\uff1d1"),
        ("'=1", "''=1"),
        ("\t=1", "\\x09=1"),
        ("a=1", "a=1"),
        ('a,b"c', 'a,b"c'),
    ],
    ids=repr,
)
def test_a_cell_is_plain_text_in_one_line(value, cell, tmp_path):
    report = quiet(tmp_path)
    text = render(type(report)(**{**vars_of(report), "findings": (found(1, after=value),)}), "csv")
    raw = text.split("\r\n")[1]
    (row,) = table(text)
    assert row["after"] == cell.removeprefix("'")
    assert (cell if "," not in cell and '"' not in cell else cell.replace('"', '""')) in raw


def vars_of(report):
    return {name: getattr(report, name) for name in report.__dataclass_fields__}


# ---- junit ------------------------------------------------------------------------------------

# By hand from the schema that Jenkins' xunit plugin has, junit-10.xsd: attributes (those that must
# be there with a star), and the elements inside.
FORM = {
    "testsuites": ({"name", "time", "tests", "failures", "errors"}, {"testsuite"}),
    "testsuite": (
        {"name*", "tests*", "failures*", "errors*", "time", "skipped", "timestamp"},
        {"properties", "testcase"},
    ),
    "properties": (set(), {"property"}),
    "property": ({"name*", "value*"}, set()),
    "testcase": (
        {"name*", "classname", "time"},
        {"skipped", "error", "failure", "system-out"},
    ),
    "skipped": ({"type", "message"}, set()),
    "error": ({"type", "message"}, set()),
    "failure": ({"type", "message"}, set()),
    "system-out": (set(), set()),
}


def held(text):
    """Return the root of a JUnit file that has the form."""
    root = ET.fromstring(text.encode())
    assert root.tag == "testsuites"
    for one in root.iter():
        names, inside = FORM[one.tag]
        assert set(one.attrib) <= {name.rstrip("*") for name in names}
        assert {name.rstrip("*") for name in names if name.endswith("*")} <= set(one.attrib)
        assert {child.tag for child in one} <= inside
    for case in root.iter("testcase"):
        fates = [child.tag for child in case if child.tag != "system-out"]
        assert len(fates) <= 1, "Jenkins shows one"
        assert [child.tag for child in case][: len(fates)] == fates
    (suite,) = root
    assert int(suite.attrib["tests"]) == len(suite.findall("testcase"))
    for what, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        assert int(suite.attrib[what]) == len(suite.findall(f"testcase/{tag}"))
    assert len({(one.get("classname"), one.get("name")) for one in suite.iter("testcase")}) == len(
        suite.findall("testcase")
    )
    return root


@pytest.mark.parametrize("name", REPORTS)
def test_junit_has_the_form_that_build_servers_take(name, tmp_path):
    text = render(REPORTS[name](tmp_path), "junit")
    suites = JUnitXml.fromstring(text.encode())
    root = held(text)
    assert suites.tests == int(root.attrib["tests"]) > 0


@pytest.mark.parametrize("number", range(len(HOSTILE)))
def test_hostile_text_leaves_the_form(number, tmp_path):
    text = f"{HOSTILE[number]}\ufffe\uffff"
    report = report_of(tmp_path, *poisoned(HOSTILE[number]), lost={"lost": text})
    held(render(report, "junit"))


def test_a_case_fails_errs_is_skipped_or_passes_by_its_worst_row(tmp_path):
    root = held(render(a_check(), "junit"))
    fates = {
        (case.get("classname"), case.get("name")): next(iter(case)).tag
        for case in root.iter("testcase")
    }
    assert fates == {
        ("check.coverage", "enough nodes were seen"): "error",
        ("check.bridge-mtu", "node1"): "failure",
        ("check.bridge-mtu", "node2"): "failure",
        ("check.sysctls-alike", "node3"): "system-out",
        ("check.ip-forward-off", "node3"): "skipped",
        ("check.cni-config-name", "node4"): "error",
        ("check.ipam-leak", "node4"): "error",
        ("check.ipam-subnet", "node4"): "error",
        ("check.pod-ports-leaked", "node4"): "error",
        ("check.seen", "node5"): "error",
    }


def test_a_failure_carries_the_worst_first_and_all_of_them_below(tmp_path):
    rows = (
        found(1, path="links/a/mtu", severity=Severity.INFO),
        found(2, path="links/b/mtu"),
        found(3, path="links/c/mtu", severity=Severity.ERROR, remedy="ip link set c mtu 1"),
    )
    report = quiet(tmp_path)
    root = held(render(type(report)(**{**vars_of(report), "findings": rows}), "junit"))
    (failure,) = root.iter("failure")
    assert failure.attrib == {"type": "error", "message": "links/c/mtu 1450 → 1400"}
    assert failure.text.split("\n") == [
        "warning: links/b/mtu 1450 → 1400",
        "error: links/c/mtu 1450 → 1400",
        "  do: ip link set c mtu 1",
    ]
    texts = [one.text for one in root.iter("system-out")]
    assert texts == ["2 of 2 nodes could be looked at", "info: links/a/mtu 1450 → 1400"]


# ---- ndjson -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", REPORTS)
def test_the_lines_of_ndjson_come_to_the_whole_report(name, tmp_path):
    report = REPORTS[name](tmp_path)
    whole = json.loads(render(report, "json"))
    lines = [json.loads(line) for line in render(report, "ndjson").splitlines()]
    assert [lines[0]["type"], lines[1]["type"], lines[-1]["type"]] == ["head", "coverage", "end"]
    same = {key: whole[key] for key in ("cluster", "command", "made_at")}
    assert all(same.items() <= line.items() for line in lines)
    kinds = {
        "finding": "findings", "accepted": "waived", "side-effect": "side_effects",
        "undecided": "undecided", "churn": "churn", "planned": "planned", "chain": "chains",
        "life": "lives", "mesh": "mesh",
    }  # fmt: skip
    built = {key: [] for key in kinds.values()}
    for line in lines:
        if line["type"] in kinds:
            row = {key: one for key, one in line.items() if key not in ("type", *same)}
            built[kinds[line["type"]]].append(row)
    assert built == {key: whole[key] for key in built}
    missing = [
        {"node": one["node"], "why": one["why"]} for one in lines if one["type"] == "missing"
    ]
    assert missing == whole["coverage"]["missing"]
    assert {key: lines[-1][key] for key in ("verdict", "exit_code", "summary")} == {
        key: whole[key] for key in ("verdict", "exit_code", "summary")
    }


# ---- asked for on the command line ------------------------------------------------------------


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Run snapdiff in a folder with a store of two captures: code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("SNAPDIFF_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    store = tmp_path / "snapshots"
    capture(store, [node(1), node(2)])
    later = NOW + timedelta(hours=1)
    capture(store, [node(1, {"links/cni0/mtu": 1400}), node(2)], now=later)

    def call(*args):
        monkeypatch.setattr(sys, "argv", ["snapdiff", *args, "--cluster", "lab"])
        with pytest.raises(SystemExit) as done:
            main()
        out, err = capsys.readouterr()
        return done.value.code, out, err

    return call


def test_one_run_writes_every_format(run, tmp_path):
    words = [word for form in MACHINES for word in ("-o", f"{form}=out.{form}")]
    code, out, err = run("diff", *words, "-o", "json")
    assert (code, err) == (1, "")
    report = json.loads(out)
    validate(report, "report")
    assert {path.suffix for path in tmp_path.glob("out.*")} == {f".{form}" for form in MACHINES}
    (result,) = json.loads((tmp_path / "out.sarif").read_text("utf-8"))["runs"][0]["results"]
    (row,) = table((tmp_path / "out.csv").read_bytes().decode())
    (member,) = report["findings"][0]["members"]
    file = "snapshots/lab/20261122T030000Z/nodes/node1.yml"
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == row["file"] == member["file"] == file
    assert str(place["region"]["startLine"]) == row["line"] == str(member["line"])


def test_nobody_looks_for_places_that_no_format_shows(run):
    _code, out, _err = run("diff", "-o", "json")
    (member,) = json.loads(out)["findings"][0]["members"]
    assert (member["file"], member["line"]) == ("", 0)


@pytest.mark.parametrize("form", MACHINES)
def test_a_format_goes_to_standard_output_as_it_goes_to_a_file(form, run, tmp_path):
    run("diff", "-o", f"{form}=file")
    _code, out, err = run("diff", "-o", form)
    assert err == ""
    written = (tmp_path / "file").read_bytes().decode()
    assert len(out.replace("\r", "")) == len(written.replace("\r", ""))


@pytest.mark.parametrize("command", ["check", "compare"])
def test_a_patch_of_one_capture_is_refused_before_any_work(command, run, tmp_path):
    code, out, err = run(command, "-o", "prom=x.prom", "-o", "json-patch")
    assert (code, out) == (2, "")
    assert "-o json-patch: it takes a before and an after: 'snapdiff diff'" in err
    assert not (tmp_path / "x.prom").exists()


@pytest.mark.parametrize("form", [form for form in MACHINES if form != "json-patch"])
@pytest.mark.parametrize("command", ["check", "compare"])
def test_every_other_format_is_there_for_one_capture_too(command, form, run):
    code, out, err = run(command, "-o", form)
    assert (code in (0, 1), err) == (True, "")
    assert "lab" in out
