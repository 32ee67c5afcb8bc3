"""What somebody read and accepted: one place on one node, for as long as the value is that one."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date

import pytest

from builders import GOLDEN
from snapdiff.acceptance import (
    Acceptance,
    read_acceptances,
    same,
    value_of,
    with_acceptances,
    write_acceptances,
)
from snapdiff.drift import finding_id
from snapdiff.errors import UnreadableError
from snapdiff.model import Coverage, Finding, Member, Missing, Report, Severity, Undecided, Waived

TODAY = date(2026, 11, 22)
PATH = "cni/subnet_env/FLANNEL_MTU"
WORDS = f"the acceptance of lease-mtu at {PATH} on node1 (known)"


def id_of(node, rule="lease-mtu"):
    return finding_id("prod", rule, PATH, node)


def accepted(node="node1", value=1500, **fields):
    rule = fields.get("rule", "lease-mtu")
    plain = {
        "id": id_of(node, rule),
        "rule": rule,
        "node": node,
        "path": PATH,
        "value": value,
        "reason": "known",
        "capture": "20261121T020000Z",
        "accepted_at": "2026-11-21T09:00:00Z",
    }
    return Acceptance(**{**plain, **fields})


def row(values, rule="lease-mtu", **fields):
    """Return a row with a member for each node of *values*."""
    members = tuple(
        Member(id=id_of(node, rule), node=node, after=one) for node, one in values.items()
    )
    plain = {
        "id": members[0].id if len(members) == 1 else finding_id("prod", rule, PATH, *values),
        "rule": rule,
        "severity": Severity.ERROR,
        "scope": "node",
        "nodes": tuple(values),
        "path": PATH,
        "message": "wrong",
        "members": members,
    }
    return Finding(**{**plain, **fields})


def report(*rows, command="check", missing=(), **fields):
    coverage = Coverage(
        expected=3,
        observed=3,
        comparable=3,
        missing=tuple(Missing(node=node, why="gone") for node in missing),
        skipped=fields.pop("skipped", ()),
    )
    return Report(
        command=command, cluster="prod", inputs=(), coverage=coverage, findings=rows, **fields
    )


def told(found):
    """Return the nodes that are left, those that are accepted, and the notes."""
    left = [node for one in found.findings for node in one.nodes]
    waived = [node for one in found.waived for node in one.finding.nodes]
    return left, waived, list(found.notes)


BROKEN = row({"node1": 1500})
CASES = {
    "the value that was read": (BROKEN, accepted(), ([], ["node1"], [])),
    "another value": (
        BROKEN,
        accepted(value=1400),
        (["node1"], [], [f"{WORDS} is of another value than there is now: it is open again"]),
    ),
    "the value as a string": (
        BROKEN,
        accepted(value="1500"),
        (["node1"], [], [f"{WORDS} is of another value than there is now: it is open again"]),
    ),
    "another node": (BROKEN, accepted("node2"), (["node1"], [], [
        f"{WORDS.replace('node1', 'node2')} meets nothing. Take it away."])),
    "on its last day": (BROKEN, accepted(until="2026-11-22"), ([], ["node1"], [])),
    "a day later": (
        BROKEN,
        accepted(until="2026-11-21"),
        (["node1"], [], [f"{WORDS} ended on 2026-11-21: it is open again"]),
    ),
    "over, and mended": (
        None,
        accepted(until="2026-11-21"),
        ([], [], [f"{WORDS} ended on 2026-11-21, and it is gone. Take it away."]),
    ),
    "mended": (None, accepted(), ([], [], [f"{WORDS} meets nothing. Take it away."])),
    "on one of two nodes": (
        row({"node1": 1500, "node2": 1500}),
        accepted(),
        (["node2"], ["node1"], []),
    ),
    "an absent value": (row({"node1": None}), accepted(value=None), ([], ["node1"], [])),
    "an absent value, and there is one": (
        BROKEN,
        accepted(value=None),
        (["node1"], [], [f"{WORDS} is of another value than there is now: it is open again"]),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("given", "one", "wanted"), CASES.values(), ids=CASES)
def test_an_acceptance_holds_for_one_place_one_node_and_one_value(given, one, wanted):
    found = with_acceptances(report(*([given] if given else [])), [one], TODAY)
    assert told(found) == wanted


QUIET = {
    "its node was not seen": {"missing": ("node1",)},
    "its node was left out": {"skipped": ("node1",)},
    "its rule could not tell": {
        "undecided": (Undecided(rule="lease-mtu", path="p", why="w", side="now"),)
    },
    "it is told below another": {"rows": [row({"node2": 1}, follows=(id_of("node1"),))]},
    "a waiver has it": {"waived": (Waived(finding=BROKEN, reason="all of them"),)},
}


@pytest.mark.parametrize("fields", QUIET.values(), ids=QUIET)
def test_what_may_be_there_still_is_not_said_to_meet_nothing(fields):
    given = dict(fields)
    rows = given.pop("rows", [])
    assert with_acceptances(report(*rows, **given), [accepted()], TODAY).notes == ()


def test_a_rule_between_nodes_meets_nothing_only_where_all_are_seen():
    one = accepted(rule="same-vni")
    assert with_acceptances(report(missing=("node3",)), [one], TODAY).notes == ()
    assert with_acceptances(report(skipped=("node3",)), [one], TODAY).notes == ()
    assert len(with_acceptances(report(), [one], TODAY).notes) == 1


def test_drift_is_never_said_to_meet_nothing_for_it_may_be_from_another_capture():
    one = accepted(rule="drift")
    for command in ("diff", "check"):
        assert with_acceptances(report(command=command), [one], TODAY).notes == ()
    open_ = report(row({"node1": 1400}, rule="drift"), command="diff")
    assert told(with_acceptances(open_, [one], TODAY))[0] == ["node1"]


def test_a_row_that_is_accepted_in_part_is_two_with_ids_of_their_own():
    given = row({"node1": 1500, "node2": 1500, "node3": 1500}, severity=Severity.WARNING)
    found = with_acceptances(report(given), [accepted()], TODAY)
    (left,) = found.findings
    (waived,) = found.waived
    assert left.id == finding_id("prod", "lease-mtu", PATH, "node2", "node3")
    assert waived.finding.id == id_of("node1")
    assert {one.severity for one in (left, waived.finding)} == {Severity.WARNING}
    assert [one.node for one in left.members] == ["node2", "node3"]


def test_a_row_of_several_reasons_is_accepted_in_as_many_parts():
    given = row({"node1": 1500, "node2": 1500})
    both = [accepted(until="2027-01-31"), accepted("node2", reason="other", ticket="NET-1")]
    found = with_acceptances(report(given), both, TODAY)
    assert found.findings == ()
    assert [(one.reason, one.until, one.ticket) for one in found.waived] == [
        ("known", "2027-01-31", ""),
        ("other", "", "NET-1"),
    ]


def test_of_two_rows_with_one_id_only_that_with_the_value_is_accepted():
    found = with_acceptances(report(BROKEN, row({"node1": 9000})), [accepted()], TODAY)
    assert ([one.members[0].after for one in found.findings], len(found.waived)) == ([9000], 1)


def test_what_nobody_accepted_stays_as_it_is():
    lone = replace(BROKEN, members=())
    assert with_acceptances(report(BROKEN, lone), [], TODAY) == report(BROKEN, lone)


@pytest.mark.parametrize(
    ("scope", "after", "places", "value"),
    [
        ("node", 1500, (), 1500),
        ("node", None, (), None),
        ("fleet", None, (), None),
        ("pair", None, (), "node1 lacks the route of 2 peers"),
        ("pair", "0a:00", (), "0a:00"),
        ("temporal", None, ("peers/a", "peers/b"), ["peers/a", "peers/b"]),
        ("temporal", "x", ("peers/a", "peers/b"), [["peers/a", "peers/b"], "x"]),
    ],
)
def test_what_has_no_value_is_read_by_its_rows_or_its_words(scope, after, places, value):
    assert value_of(scope, "node1 lacks the route of 2 peers", after, places) == value


@pytest.mark.parametrize(
    ("one", "two", "alike"),
    [
        (1, 1, True),
        (1, True, False),
        (1, "1", False),
        (["UP"], ("UP",), True),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, True),
        (None, "", False),
    ],
)
def test_values_are_held_against_each_other_as_json_has_them(one, two, alike):
    assert same(one, two) is alike


# ---- the file ---------------------------------------------------------------------------------

FULL = (
    accepted("node2", until="2026-12-06", ticket="NET-1", reason="until the move – soon"),
    accepted("node1", rule="drift", value={"mtu": 1500, "flags": ["UP"]}),
    accepted("node1", value=None),
)


def key(one):
    return one.key


def test_what_is_written_reads_back_the_same(tmp_path):
    path = write_acceptances(tmp_path, FULL)
    assert sorted(read_acceptances(tmp_path), key=key) == sorted(FULL, key=key)
    assert read_acceptances(tmp_path / "not-there") == ()
    assert path.name == "acceptances.yml"


def test_the_file_is_the_golden_one_in_whatever_order_they_came(tmp_path):
    for given in (FULL, FULL[::-1]):
        text = write_acceptances(tmp_path, given).read_text("utf-8")
        assert text == (GOLDEN / "acceptances.yml").read_text("utf-8")


def test_a_file_that_a_person_wrote_is_read(tmp_path):
    (tmp_path / "acceptances.yml").write_text(
        f"""\
schema: snapdiff/acceptances/1
accepted:
  mine: # by hand
    id: {id_of("node1")}
    rule: lease-mtu
    node: node1
    path: {PATH}
    value: 1500
    reason: known
    capture: 20261121T020000Z
    accepted_at: "2026-11-21T09:00:00Z"
    until: 2026-12-06
"""
    )
    assert read_acceptances(tmp_path) == (accepted(until="2026-12-06"),)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"2026-12-06"', '"2026-02-30"', r":5:\d+: until: 2026-02-30: day is out of range"),
        ('"2026-12-06"', '"2026-13-01"', r":5:\d+: until: 2026-13-01: month must be in 1..12"),
        ('"2026-12-06"', '"6.12.2026"', r":5:\d+: .*'6.12.2026' does not match"),
        (
            '"reason":"known","rule":"drift"',
            '"reason":"","rule":"drift"',
            r":3:\d+: .*'' should be non-empty",
        ),
        (
            '"reason":"known","rule":"drift"',
            '"rule":"drift"',
            r":3:3: .*'reason' is a required property",
        ),
        ("acceptances/1", "acceptances/2", ":1:1: .*Update snapdiff"),
    ],
)
def test_a_file_with_a_slip_of_the_pen_is_refused_with_its_place(tmp_path, old, new, said):
    path = write_acceptances(tmp_path, FULL)
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")
    with pytest.raises(UnreadableError) as error:
        read_acceptances(tmp_path)
    assert re.search(f"acceptances.yml{said}", str(error.value)), error.value
