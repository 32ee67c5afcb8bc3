"""Entries for nodes that were not seen."""

from __future__ import annotations

import pytest

from clusters import Held, cluster
from snapdiff.check import assess_check
from snapdiff.verdict import Policy

RULE = "peer-entries-alike"
AWAY = "10.244.5.0"  # the overlay address of node5


def held(change, *, away=True):
    """Return what the rule says of five nodes, one of which was not seen."""
    facts = cluster(5)
    change(facts)
    missing = {}
    if away:
        del facts["node5"]
        missing = {"node5": "no route"}
    report = assess_check(Held(facts, **missing), cluster="test", policy=Policy())
    return [
        *((row.path, row.nodes, row.severity.word) for row in report.findings if row.rule == RULE),
        *("?" for one in report.undecided if one.rule == RULE),
    ], report


def lose(*nodes):
    def change(facts):
        for name in nodes:
            del facts[name]["peers"][AWAY]

    return change


def lose_route(facts):
    facts["node1"]["peers"][AWAY]["missing"] = ["route"]
    del facts["node1"]["peers"][AWAY]["subnet"]


def old_mac(facts):
    facts["node1"]["peers"][AWAY]["mac"] = "02:ff:ff:ff:ff:05"


def blind(facts):
    facts["node1"]["peers"] = {}
    facts["node1"]["not_observed"] = {"peers": "denied"}


TABLE = {
    "all-alike": (lose(), []),
    "one-lacks-all-of-it": (lose("node1"), [(f"peers/{AWAY}/missing", ("node1",), "warning")]),
    "one-lacks-the-route": (lose_route, [(f"peers/{AWAY}/missing", ("node1",), "warning")]),
    "one-has-another-mac": (old_mac, [(f"peers/{AWAY}/mac", ("node1",), "warning")]),
    "half-of-them-lack-it": (lose("node1", "node2"), []),
    "nobody-has-it-any-more": (lose("node1", "node2", "node3", "node4"), []),
    "one-that-nobody-looked-at": (blind, []),
}


@pytest.mark.parametrize(("change", "expected"), TABLE.values(), ids=TABLE)
def test_those_are_told_that_have_other_entries_than_most(change, expected):
    assert held(change)[0] == expected


def test_where_all_were_seen_it_is_told_otherwise():
    rows, report = held(lose("node1"), away=False)
    assert rows == []
    assert [row.rule for row in report.findings] == ["peer-entries-missing"]


def test_of_a_node_that_was_not_seen_no_entry_is_drawn_as_an_extra_one():
    assert held(lose())[1].mesh == ()
