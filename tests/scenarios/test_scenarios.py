"""Hold both answers to what a person has to read first, and to silence where nothing is wrong."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest
from score import of_ours

from clusters import Held
from incidents import CATALOGUE, FALSE_ALARMS, INCIDENTS, MOST, UNSEEN, Said
from quiet import QUIET
from snapdiff.assess import assess_diff
from snapdiff.check import assess_check
from snapdiff.model import Severity
from snapdiff.rules.registry import shipped
from snapdiff.verdict import Policy

LAB = Path(__file__).resolve().parent.parent / "lab" / "snaplab" / "incidents.py"
LAB_OTHERS = {  # no drift, with the scenario that has it; or told by the coverage, not by a finding
    "pods-churn": "pods churn",
    "pods-gone": "pods gone",
    "flanneld-restart": "flanneld restart",
    "reboot": "reboot",
    "node-added": "node added",
    "node-removed": "node removed",
    "node-unreachable": None,
}


@cache
def healthy(name):
    one = {**INCIDENTS, **QUIET}[name]
    return Held(one.before())


@cache
def spoilt(name):
    one = {**INCIDENTS, **QUIET}[name]
    return Held(one.after())


def checked(side):
    return assess_check(side, cluster="test", policy=Policy())


def diffed(name):
    return assess_diff(healthy(name), spoilt(name), cluster="test", policy=Policy())


def shown(report):
    return [row for row in report.findings if row.severity > Severity.INFO]


def words(rows):
    return [(row.rule, row.path, row.nodes, row.severity.name.lower(), row.message) for row in rows]


def hold(rows, said: Said | None):
    told = words(rows)
    if said is None:
        assert told == []
        return
    assert rows, f"nothing was said; expected {said}"
    assert said.fits(rows[0]), f"{told[0]} comes first; expected {said}"
    assert len(rows) <= MOST, told


@pytest.mark.parametrize("name", INCIDENTS)
def test_the_cluster_is_healthy_before_the_incident(name):
    assert words(shown(checked(healthy(name)))) == []


@pytest.mark.parametrize("name", INCIDENTS)
def test_check_names_the_cause_of_an_incident_first(name):
    hold(shown(checked(spoilt(name))), INCIDENTS[name].check)


@pytest.mark.parametrize("name", INCIDENTS)
def test_diff_names_the_cause_of_an_incident_first(name):
    hold(shown(diffed(name)), INCIDENTS[name].diff)


@pytest.mark.parametrize("name", QUIET)
def test_check_is_silent_where_nothing_is_wrong(name):
    assert words(shown(checked(healthy(name)))) == []
    assert words(shown(checked(spoilt(name)))) == []


@pytest.mark.parametrize("name", QUIET)
def test_diff_is_silent_where_nothing_drifted(name):
    assert words(shown(diffed(name))) == []


def test_a_node_that_is_not_reached_makes_the_answer_untrusted():
    facts = INCIDENTS["I-01"].before()
    del facts["node3"]
    report = checked(Held(facts, node3="connection refused"))
    assert (words(shown(report)), report.exit_code) == ([], 3)
    assert [one.node for one in report.coverage.missing] == ["node3"]


def test_every_entry_of_the_catalogue_is_somewhere():
    names = {name.split()[0] for name in (*INCIDENTS, *UNSEEN, *FALSE_ALARMS)}
    assert sorted(set(CATALOGUE) - names) == []
    assert set(FALSE_ALARMS.values()) <= set(QUIET)


def test_every_incident_of_the_lab_is_here():
    lab = re.findall(r'^@incident\("([a-z0-9-]+)"', LAB.read_text("utf-8"), re.MULTILINE)
    known = {name.removeprefix("lab ") for name in INCIDENTS if name.startswith("lab ")}
    assert sorted(set(lab) - known) == sorted(LAB_OTHERS)
    assert {one for one in LAB_OTHERS.values() if one} <= set(QUIET)


def test_every_rule_that_is_expected_is_there():
    named = {
        rule
        for one in INCIDENTS.values()
        for rule in (*(one.check.rules if one.check else ()), *one.effects)
    }
    assert sorted(named - set(shipped())) == []


@pytest.mark.parametrize("name", INCIDENTS)
def test_no_line_is_beside_the_cause_and_what_the_incident_declares(name):
    one = INCIDENTS[name]
    found = {"snapdiff check": shown(checked(spoilt(name))), "snapdiff diff": shown(diffed(name))}
    for command, rows in found.items():
        if one.check if command == "snapdiff check" else one.diff:
            assert of_ours(command, one, rows)["precision"] == 1.0, words(rows)
