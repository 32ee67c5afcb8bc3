"""SARIF 2.1.0, held against what the standard says of each object that we write.

FORM below is taken by hand from the standard's text (OASIS, SARIF 2.1.0, sections 3.13 to 3.58): of
each object the properties that it may have here, those that it must have, and the words that a
value may be. Anything else is an error.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote, urlparse

import jsonschema
import pytest
from test_formats import a_check, an_eventful_diff, an_upgrade, found, nobody, nothing_asked, quiet
from test_report import HOSTILE, poisoned, report_of

from builders import FIXTURES, node, side
from snapdiff.assess import Policy, assess_diff
from snapdiff.lines import with_places
from snapdiff.model import Input, Member, Severity
from snapdiff.report import render


def thing(required=(), **properties):
    """Return the form of an object that has these properties and no others."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


def many(form):
    return {"type": "array", "items": form}


TEXT = {"type": "string", "minLength": 1}
MESSAGE = thing(["text"], text=TEXT)  # 3.11, 3.12
BAG = {"type": "object"}  # 3.8
INDEX = {"type": "integer", "minimum": 0}
LEVEL = {"enum": ["none", "note", "warning", "error"]}  # 3.27.10, 3.58.6
RULE = thing(  # 3.49
    ["id"],
    id=TEXT,
    shortDescription=MESSAGE,
    fullDescription=MESSAGE,
    help=MESSAGE,
    defaultConfiguration=thing(level=LEVEL),  # 3.50
)
ARTIFACT = thing(["uri"], uri=TEXT, uriBaseId={"const": "%SRCROOT%"})  # 3.4
LOCATION = thing(  # 3.28
    logicalLocations=many(thing(fullyQualifiedName=TEXT, kind=TEXT)),  # 3.33
    physicalLocation=thing(  # 3.29, 3.30
        ["artifactLocation"],
        artifactLocation=ARTIFACT,
        region=thing(["startLine"], startLine={"type": "integer", "minimum": 1}),
    ),
)
NOTE = thing(  # 3.58
    ["message"],
    descriptor=thing(["id"], id={"enum": ["not-seen", "cannot-say"]}),
    associatedRule=thing(["id"], id=TEXT),
    level=LEVEL,
    message=MESSAGE,
)
RESULT = thing(  # 3.27
    ["message", "ruleId", "locations", "partialFingerprints", "suppressions"],
    ruleId=TEXT,
    ruleIndex=INDEX,
    kind={"enum": ["pass", "open", "informational", "notApplicable", "review", "fail"]},
    level=LEVEL,
    message=MESSAGE,
    locations=many(LOCATION),
    partialFingerprints={"type": "object", "additionalProperties": TEXT},
    suppressions=many(  # 3.35
        thing(
            ["kind"],
            kind={"enum": ["inSource", "external"]},
            status={"enum": ["accepted", "underReview", "rejected"]},
            justification={"type": "string"},
        )
    ),
    baselineState={"enum": ["new", "unchanged", "updated", "absent"]},
    properties=BAG,
)
RUN = thing(  # 3.14
    ["tool", "results", "invocations"],
    tool=thing(  # 3.18, 3.19
        ["driver"],
        driver=thing(
            ["name"],
            name={"const": "snapdiff"},
            version=TEXT,
            semanticVersion={"type": "string", "pattern": r"^\d+\.\d+\.\d+"},
            rules=many(RULE),
            notifications=many(RULE),
        ),
    ),
    automationDetails=thing(id=TEXT),  # 3.17
    invocations=many(  # 3.20
        thing(
            ["executionSuccessful"],
            executionSuccessful={"type": "boolean"},
            exitCode={"type": "integer"},
            exitCodeDescription={"type": "string"},
            endTimeUtc={"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$"},
            toolExecutionNotifications=many(NOTE),
        )
    ),
    columnKind={"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
    results=many(RESULT),
    properties=BAG,
)
FORM = thing(  # 3.13
    ["version", "runs"],
    **{"$schema": TEXT, "version": {"const": "2.1.0"}, "runs": {**many(RUN), "minItems": 1}},
)


def run_of(report):
    """Return the one run of a report, held against the standard."""
    log = json.loads(render(report, "sarif"))
    jsonschema.validate(log, FORM, cls=jsonschema.Draft202012Validator)
    (run,) = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    ids = [rule["id"] for rule in rules]
    assert len(set(ids)) == len(ids)
    assert set(ids) >= {
        one["associatedRule"]["id"]
        for one in run["invocations"][0]["toolExecutionNotifications"]
        if "associatedRule" in one
    }
    for one in run["results"]:
        assert ids[one["ruleIndex"]] == one["ruleId"]
        assert one.get("kind", "fail") == "fail" or one["level"] == "none"  # 3.27.10
        for text in (one["message"]["text"], *(rule["fullDescription"]["text"] for rule in rules)):
            assert not re.search(r"(?<!\{)(\{\{)*\{(?!\{)", text)  # 3.11.5: placeholders
            assert "](" not in text  # 3.11.6: links
    return run


REPORTS = {
    "eventful": an_eventful_diff,
    "check": lambda _tmp_path: a_check(),
    "upgrade": an_upgrade,
    "nobody": nobody,
    "nobody-asked": nothing_asked,
    "quiet": quiet,
}


@pytest.mark.parametrize("name", REPORTS)
def test_a_report_has_the_form_of_the_standard(name, tmp_path):
    run_of(REPORTS[name](tmp_path))


@pytest.mark.parametrize("number", range(len(HOSTILE)))
def test_hostile_text_leaves_the_form_and_is_neither_link_nor_placeholder(number, tmp_path):
    text = HOSTILE[number]
    report = report_of(tmp_path, *poisoned(text), lost={"lost": text or "why"})
    lines = tuple(Member(id=f"{1:016x}", node=text, file=f"a b/{text}.yml", line=7) for _ in "x")
    row = found(1, message=f"[x](y) {{0}} {text}", members=lines, remedy=text)
    run = run_of(replace(report, cluster=text, findings=(*report.findings, row)))
    uri = run["results"][-1]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert uri.isascii()
    assert not re.search(r"[\s<>\"{}|\\^`]", uri)
    assert unquote(uri) == f"a b/{text}.yml"


def test_a_result_is_told_for_each_node_with_its_own_values(tmp_path):
    run = run_of(an_eventful_diff(tmp_path))
    rows = [row for row in run["results"] if row["properties"]["place"] == "links/cni0/mtu"]
    assert [(row["properties"]["node"], row["properties"]["after"]) for row in rows] == [
        ("node1", 1400),
        ("node2", 1400),
    ]
    assert len({row["partialFingerprints"]["snapdiffFinding/v1"] for row in rows}) == 2
    assert {row["level"] for row in rows} == {"warning"}
    assert rows[0]["message"]["text"].startswith("node1: links/cni0/mtu 1450 → 1400. ")
    assert ". breaks bridge-mtu: cni0 has MTU 1400" in rows[0]["message"]["text"]


def test_a_rule_says_what_it_is_about_and_where_to_read_more():
    run = run_of(a_check())
    rules = {rule["id"]: rule for rule in run["tool"]["driver"]["rules"]}
    rule = rules["bridge-mtu"]
    assert rule["shortDescription"]["text"] == rule["fullDescription"]["text"].partition("\n")[0]
    assert rule["help"]["text"].endswith("More: snapdiff explain bridge-mtu")
    assert rule["defaultConfiguration"] == {"level": "warning"}
    assert rules["ip-forward-off"]["defaultConfiguration"] == {"level": "error"}
    assert rules["ipam-leak"]["fullDescription"]["text"].count("\n") > 1  # it could not tell


def test_a_rule_of_the_site_says_what_the_site_says(tmp_path):
    row = found(1, rule="storage-net", severity=Severity.ERROR, why="jumbo frames")
    run = run_of(replace(quiet(tmp_path), findings=(row,)))
    (rule,) = run["tool"]["driver"]["rules"]
    assert rule["help"] == {"text": "jumbo frames"}
    assert rule["defaultConfiguration"] == {"level": "error"}


def test_what_nobody_could_tell_is_a_notification_and_no_result(tmp_path):
    run = run_of(an_eventful_diff(tmp_path))
    (invocation,) = run["invocations"]
    assert [
        (one["descriptor"]["id"], one["level"], one["message"]["text"])
        for one in invocation["toolExecutionNotifications"]
    ] == [
        ("not-seen", "error", "node8: not seen: after: unreachable: no route to host"),
        ("cannot-say", "warning", "node3: ipam could not be told after: no time"),
        ("cannot-say", "warning", "node7: routes could not be told after: rc 1"),
        ("cannot-say", "warning", "node6: links came and went while it was read"),
    ]
    assert not {"ipam", "routes"} & {row["properties"]["place"] for row in run["results"]}
    assert (invocation["exitCode"], invocation["executionSuccessful"]) == (1, False)


def test_a_result_is_new_unchanged_updated_or_absent_as_the_nights_say(tmp_path):
    run = run_of(an_upgrade(tmp_path))
    states = {
        (row["properties"]["node"], row["properties"]["place"]): row.get("baselineState")
        for row in run["results"]
    }
    assert states == {
        ("node1", "links/flannel.1/mtu"): "new",
        ("node1", "links/a/mtu"): "unchanged",
        ("node1", "links/b/mtu"): "updated",
        ("node1", "links/c/mtu"): "new",
        ("node1", "links/cni0/mtu"): None,
        ("node1", "links/d/mtu"): None,
        ("node2", "links/flannel.1/mtu"): None,
        ("gone-now", "links/cni0/mtu"): "absent",
        ("gone-unseen-once", "links/cni0/mtu"): "absent",
    }
    absent = [row for row in run["results"] if row.get("baselineState") == "absent"]
    assert {(row["kind"], row["level"]) for row in absent} == {("pass", "none")}


def test_what_is_accepted_or_follows_from_the_plan_is_suppressed(tmp_path):
    run = run_of(an_upgrade(tmp_path))
    told = {
        row["properties"]["place"]: row["suppressions"][0]["justification"]
        for row in run["results"]
        if row["suppressions"]
    }
    assert told == {
        "links/d/mtu": "known",
        "links/cni0/mtu": "it follows from what was planned",
    }
    assert all(isinstance(row["suppressions"], list) for row in run["results"])  # 3.27.23


def test_a_result_points_at_the_line_of_the_snapshot(tmp_path, monkeypatch):
    edits = {"links/cni0/mtu": 1400}
    sides = (
        side(tmp_path / "a b", [node(1), node(2)]),
        side(tmp_path / "b", [node(1, edits), node(2)]),
    )
    report = assess_diff(*sides, cluster="lab", policy=Policy())
    report = replace(report, inputs=tuple(Input(name="", place=one.capture.place) for one in sides))
    monkeypatch.chdir(tmp_path)
    (row,) = run_of(with_places(report))["results"]
    place = row["locations"][0]["physicalLocation"]
    assert place["artifactLocation"] == {
        "uri": "b/lab/20261122T020000Z/nodes/node1.yml",
        "uriBaseId": "%SRCROOT%",
    }
    text = (tmp_path / place["artifactLocation"]["uri"]).read_text("utf-8")
    assert text.split("\n")[place["region"]["startLine"] - 1].startswith('  "cni0": ')
    monkeypatch.chdir(FIXTURES)
    (row,) = run_of(with_places(report))["results"]
    whole = row["locations"][0]["physicalLocation"]["artifactLocation"]
    assert "uriBaseId" not in whole
    assert Path(unquote(urlparse(whole["uri"]).path)).is_file()


def test_a_message_shows_what_hides(tmp_path):
    row = found(1, message="a\u202eb\nc")
    run = run_of(replace(quiet(tmp_path), findings=(row,)))
    assert run["results"][0]["message"]["text"] == r"node1: a\u202eb\x0ac"
