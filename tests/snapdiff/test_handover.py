"""What node-problem-detector is told of a node: 0, 1 or 2, and a line of at most 80 bytes."""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from clusters import cluster, report
from snapdiff.report import render
from snapdiff.schema import validate

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "integrations" / "node-problem-detector"
SCRIPT = FOLDER / "check_snapdiff.py"
OK, PROBLEM, UNKNOWN = 0, 1, 2


def stamp(hours: float) -> str:
    """Return the moment so many hours ago."""
    return (datetime.now(UTC) - timedelta(hours=hours)).isoformat(timespec="seconds")


def finding(*nodes, severity="warning", rule="lease-mtu", message="flannel.1 has MTU 1360"):
    return {
        "id": "0123456789abcdef",
        "rule": rule,
        "severity": severity,
        "scope": "node",
        "nodes": list(nodes),
        "path": "links/flannel.1/mtu",
        "message": message,
    }


def made(age=1.0, **more):
    """Return a report of check on node1 and node2, with nothing wrong; *age* in hours."""
    coverage = {"expected": 2, "observed": 2, "comparable": 2, "missing": []}
    return {
        "schema": "snapdiff/report/1",
        "command": "check",
        "made_at": stamp(age),
        "exit_code": 0,
        "inputs": [{"name": "@latest", "taken_at": stamp(age)}],
        "coverage": {**coverage, **more.pop("coverage", {})},
        "summary": {"findings": 0, "by_severity": {}},
        "findings": [],
        "mtus": [{"nodes": ["node1", "node2"], "cells": []}],
        **more,
    }


@pytest.fixture
def ask(tmp_path):
    """Run the script on a report (bytes as they are); return its exit code and its line."""

    def call(given, *args, python=sys.executable, node="node1", **environment):
        path = tmp_path / "report.json"
        if given is not None:
            path.write_bytes(given if isinstance(given, bytes) else json.dumps(given).encode())
        words = [python, "-I", str(SCRIPT), *args, str(path)]
        done = subprocess.run(
            words,
            capture_output=True,
            check=False,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C", "NODE_NAME": node, **environment},
        )
        assert done.stderr == b""
        assert done.stdout.endswith(b"\n")
        assert done.stdout.count(b"\n") == 1
        assert len(done.stdout) <= 81
        return done.returncode, done.stdout.decode().rstrip("\n")

    return call


UNDECIDED = {
    "path": "ipam",
    "why": "no time",
    "nodes": ["node1"],
    "side": "now",
    "rule": "ipam-full",
}
ANSWERS = {
    "nothing wrong": (made(), OK, "nothing wrong"),
    "a finding here": (
        made(findings=[finding("node1")], exit_code=1),
        PROBLEM,
        "lease-mtu: flannel.1 has MTU 1360",
    ),
    "a finding elsewhere": (made(findings=[finding("node2")], exit_code=1), OK, "nothing wrong"),
    "the worst of several is told": (
        made(
            findings=[
                finding("node1", "node2"),
                finding("node1", severity="error", rule="ip-forward-off", message="it is off"),
                finding("node1", severity="info"),
            ],
            exit_code=1,
        ),
        PROBLEM,
        "ip-forward-off: it is off (+1 more)",
    ),
    "an info is no problem": (
        made(findings=[finding("node1", severity="info")]),
        OK,
        "nothing wrong",
    ),
    "what is accepted is no problem": (
        made(waived=[{"finding": finding("node1"), "reason": "known"}]),
        OK,
        "nothing wrong",
    ),
    "a node that was not seen": (
        made(
            coverage={"missing": [{"node": "node1", "why": "unreachable: no route"}]}, exit_code=3
        ),
        UNKNOWN,
        "not seen: unreachable: no route",
    ),
    "a node that was left out": (
        made(coverage={"skipped": ["node1"]}),
        UNKNOWN,
        "left out on purpose, so nobody looked",
    ),
    "a node that moved while it was read": (
        made(coverage={"inconsistent": ["node1"]}),
        UNKNOWN,
        "its tables moved while they were read",
    ),
    "a node that the report does not name": (
        made(mtus=[{"nodes": ["node2"], "cells": []}]),
        UNKNOWN,
        "the report does not name node node1",
    ),
    "a rule that could not tell": (
        made(undecided=[UNDECIDED]),
        UNKNOWN,
        "cannot tell ipam-full: no time",
    ),
    "a finding wins over what could not be told": (
        made(undecided=[UNDECIDED], findings=[finding("node1")], exit_code=1),
        PROBLEM,
        "lease-mtu: flannel.1 has MTU 1360",
    ),
    "another node could not be told": (
        made(undecided=[{**UNDECIDED, "nodes": ["node2"]}]),
        OK,
        "nothing wrong",
    ),
    "what could not be told is of no node in particular": (
        made(undecided=[{**UNDECIDED, "nodes": []}]),
        OK,
        "nothing wrong, as far as could be told",
    ),
    "too few nodes, but this one was seen": (made(exit_code=3), OK, "nothing wrong"),
    "an old report": (made(age=27), UNKNOWN, "the report is too old: 27 h"),
    "a very old report": (made(age=240), UNKNOWN, "the report is too old: 10 days"),
    "a new report on an old capture": (
        {**made(), "inputs": [{"name": "@prev", "taken_at": stamp(50)}]},
        UNKNOWN,
        "the report is too old: 50 h",
    ),
    "a report of a time to come": (
        made(age=-1),
        UNKNOWN,
        "the report is of a time to come: compare the clocks",
    ),
    "a comparison, which only knows what changed": (
        made(command="diff"),
        UNKNOWN,
        "the report is not of snapdiff check",
    ),
}


@pytest.mark.parametrize(("given", "code", "line"), ANSWERS.values(), ids=ANSWERS)
def test_what_a_report_says_of_a_node(ask, given, code, line):
    validate(given, "report")
    assert ask(given) == (code, line)


BROKEN = {
    "no file": (None, "no report: No such file or directory"),
    "an empty file": (b"", "the report is no JSON"),
    "half a file": (json.dumps(made()).encode()[:100], "the report is no JSON"),
    "no UTF-8": (b'"\xff"', "the report is no JSON"),
    "too deep": (b"[" * 200_000, "the report is no JSON"),
    "a list": (b"[]", "the file is no report of snapdiff, version 1"),
    "another version": (
        {**made(), "schema": "snapdiff/report/2"},
        "the file is no report of snapdiff, version 1",
    ),
    "one that could not be made": (
        {**made(), "exit_code": 2},
        "the report says that it could not be made",
    ),
    "no exit code": (
        {key: one for key, one in made().items() if key != "exit_code"},
        "the report says that it could not be made",
    ),
    "no time": (
        {**made(), "made_at": "", "inputs": []},
        "the report does not say when it was made",
    ),
    "a time of no shape": (
        {**made(), "made_at": "yesterday"},
        "the report does not say when it was made",
    ),
    "a time that is a number": (
        {**made(), "made_at": 5},
        "the report does not say when it was made",
    ),
    "findings that are none": (
        {**made(), "findings": "none"},
        "the report has no list of findings",
    ),
    "findings of text": ({**made(), "findings": ["x"]}, "the report has no list of findings"),
    "nodes that are no list": (
        {**made(), "findings": [{**finding(), "nodes": "node1"}]},
        "the report has no list of nodes",
    ),
    "an unknown severity": (
        {**made(), "findings": [{**finding("node1"), "severity": "fatal"}]},
        "the report has a finding without a severity",
    ),
    "no coverage": ({**made(), "coverage": None}, "the report does not say which nodes were seen"),
}


@pytest.mark.parametrize(("given", "line"), BROKEN.values(), ids=BROKEN)
def test_what_is_no_report_is_unknown_and_never_green(ask, given, line):
    assert ask(given) == (UNKNOWN, line)


def test_a_node_without_a_name_is_unknown(ask):
    assert ask(made(), node="") == (UNKNOWN, "which node? Set NODE_NAME or --node")


def test_an_option_wins_over_the_environment(ask):
    given = made(findings=[finding("node2")], exit_code=1)
    assert ask(given, "--node", "node2")[0] == PROBLEM


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (["--max-age", "30h"], OK),
        (["--max-age", "2d"], OK),
        (["--max-age", "90m"], UNKNOWN),
        (["--max-age", "26h"], UNKNOWN),
    ],
)
def test_the_age_is_the_sites_to_set(ask, args, code):
    assert ask(made(age=28), *args)[0] == code


def test_the_severity_is_the_sites_to_set(ask):
    given = made(findings=[finding("node1")], exit_code=1)
    assert ask(given, "--fail-on", "error") == (OK, "nothing wrong")
    assert (
        ask(made(findings=[finding("node1", severity="info")]), "--fail-on", "info")[0] == PROBLEM
    )


def test_what_could_not_be_told_may_be_passed_over_but_is_said(ask):
    given = made(undecided=[UNDECIDED])
    assert ask(given, "--undecided-ok") == (OK, "nothing wrong, as far as could be told")


@pytest.mark.parametrize(
    "args", [["--max-age", "soon"], ["--fail-on", "fatal"], ["--nonsense"], []]
)
def test_bad_usage_is_unknown(args):
    done = subprocess.run([sys.executable, SCRIPT, *args], capture_output=True, check=False)
    assert done.returncode == UNKNOWN


HOSTILE = {
    "long": "x" * 500,
    "long of two bytes": "é" * 500,
    "long of four bytes": "\U0001f525" * 500,
    "one before it": "x" * 68 + "\U0001f525" * 9,
    "newlines": "a\nb\r\nNode is fine\n",
    "a cursor": "\x1b[2J\x1b[H all is well",
    "right to left": "\u202eko",
    "half a character": "\ud800",
    "nothing": "",
    "blanks": "   \t  ",
    "a number": 5,
    "an object": {"a": ["b"]},
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_message_of_any_kind_is_one_harmless_line_of_80_bytes(ask, text):
    given = made(findings=[finding("node1", message=text)] * 12, exit_code=1)
    code, line = ask(given)
    assert code == PROBLEM
    assert line.startswith("lease-mtu:")
    assert line.endswith(" (+11 more)")
    assert line.isprintable()


@pytest.mark.parametrize("name", ["é" * 300, "a\nb", "\x1b[2J", "node 1", "-n"])
def test_a_node_of_any_name_is_looked_up_as_it_is(ask, name):
    given = made(findings=[finding(name)], exit_code=1)
    assert ask(given, f"--node={name}") == (PROBLEM, "lease-mtu: flannel.1 has MTU 1360")
    assert ask(made(), f"--node={name}")[0] == UNKNOWN


def real(facts, **missing):
    """Return the JSON of a real check, made now."""
    now = stamp(0)
    given = report(facts, **missing)
    inputs = tuple(replace(one, taken_at=now) for one in given.inputs)
    return json.loads(render(replace(given, made_at=now, inputs=inputs), "json"))


def test_a_real_report_is_understood(ask):
    facts = cluster(3)
    facts["node2"]["links"]["flannel.1"]["mtu"] = 1500
    given = real(facts, node4="no route")
    code, line = ask(given, node="node2")
    assert (code, "flannel.1" in line) == (PROBLEM, True)
    assert ask(given, node="node4") == (UNKNOWN, "not seen: unreachable: no route")
    assert ask(given, node="node9") == (UNKNOWN, "the report does not name node node9")


def test_a_node_of_a_real_report_without_findings_is_green(ask):
    assert ask(real(cluster(3)), "--undecided-ok", node="node1")[0] == OK


# ---- the files --------------------------------------------------------------------------------


def oldest_python():
    """Return Python 3.8 where it is here, else this one. A shim of pyenv may lead nowhere."""
    found = [shutil.which("python3.8"), *Path.home().glob(".pyenv/versions/3.8.*/bin/python3.8")]
    for one in filter(None, found):
        if subprocess.run([one, "-c", ""], capture_output=True, check=False).returncode == 0:
            return str(one)
    return sys.executable


def test_the_script_runs_by_itself_on_the_oldest_python_that_is_here(ask):
    assert os.access(SCRIPT, os.X_OK)
    assert SCRIPT.read_text("utf-8").startswith("#!/usr/bin/env python3\n")
    assert ask(made(), python=oldest_python()) == (OK, "nothing wrong")


def test_the_script_imports_the_standard_library_alone():
    tree = ast.parse(SCRIPT.read_text("utf-8"), feature_version=(3, 8))
    names = {
        name.partition(".")[0]
        for one in ast.walk(tree)
        if isinstance(one, (ast.Import, ast.ImportFrom))
        for name in ([one.module or ""] if isinstance(one, ast.ImportFrom) else
                     [each.name for each in one.names])
    }  # fmt: skip
    assert names <= set(sys.stdlib_module_names)


def test_the_monitor_is_one_that_node_problem_detector_takes():
    """What its pkg/custompluginmonitor/types/config.go validates, and what we promise it."""
    monitor = json.loads((FOLDER / "snapdiff-monitor.json").read_text("utf-8"))
    assert monitor["plugin"] == "custom"
    assert monitor["pluginConfig"]["max_output_length"] == 80
    defaults = {one["type"] for one in monitor["conditions"]}
    for rule in monitor["rules"]:
        assert rule["type"] == "permanent"  # a temporary one would make an event of every "unknown"
        assert rule["condition"] in defaults
        assert Path(rule["path"]).name == SCRIPT.name
        assert rule["timeout"] == monitor["pluginConfig"]["timeout"]
        assert rule["args"][0].startswith("--max-age=")


def test_a_word_of_the_readme_about_an_option_is_true():
    text = (FOLDER / "README.md").read_text("utf-8")
    done = subprocess.run(
        [sys.executable, SCRIPT, "--help"], capture_output=True, text=True, check=True
    )
    for option in ("--max-age", "--fail-on", "--undecided-ok", "--node"):
        assert option in text
        assert option in done.stdout
