"""What a night is, and what it says of a finding: there, clear, or that nobody could look."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from builders import GOLDEN, NOW
from nights import ACCEPTED, CLEAR, OPEN, UNSEEN, drift, found, night
from snapdiff.ledger import LEFT_OUT, NOT_ASKED, night_of, nights, write_night
from snapdiff.model import (
    Capture,
    Coverage,
    Finding,
    Kind,
    Member,
    Missing,
    Node,
    Outcome,
    Report,
    Severity,
    Undecided,
    Waived,
)

PAIR = found(scope="pair", rule="peer-entries-stale")
FLEET = found(scope="fleet", rule="same-vni")
OTHER = found(scope="pair", rule="peer-entries-stale", node="node2", path="peers/10.244.3.0/mac")
WITH_PEER = replace(PAIR, peer="node2")
GONE3 = {"node3": "unreachable"}

SIGHTS = {
    # what the night has, the finding that an earlier one had, and what this one says of it
    "there": (night(1, {"a": found()}), found(), OPEN),
    "accepted": (night(1, {"a": found(ACCEPTED)}), found(), ACCEPTED),
    "gone, and looked for": (night(1), found(), CLEAR),
    "an effect of another": (night(1, follows={"a": "b"}), found(), OPEN),
    "its node was not seen": (night(1, unseen={"node1": "no route"}), found(), UNSEEN),
    "its node was left out": (night(1, unseen={"node1": LEFT_OUT}), found(), UNSEEN),
    "its node is asked no more": (night(1, unseen={"node1": NOT_ASKED}), found(), UNSEEN),
    "another node was not seen": (night(1, unseen=GONE3), found(), CLEAR),
    "no node was seen": (night(1, observed=0), found(), UNSEEN),
    "its rule could not tell there": (
        night(1, undecided={"lease-mtu": ("node1",)}),
        found(),
        UNSEEN,
    ),
    "its rule could not tell elsewhere": (
        night(1, undecided={"lease-mtu": ("node2",)}),
        found(),
        CLEAR,
    ),
    "its rule could tell nowhere": (night(1, undecided={"lease-mtu": ()}), found(), UNSEEN),
    "another rule could not tell": (night(1, undecided={"bridge-mtu": ()}), found(), CLEAR),
    "of the fleet, all seen": (night(1), FLEET, CLEAR),
    "of the fleet, one away": (night(1, unseen=GONE3), FLEET, UNSEEN),
    "of the fleet, one left out": (night(1, unseen={"node3": LEFT_OUT}), FLEET, UNSEEN),
    "of the fleet, one asked no more": (night(1, unseen={"node3": NOT_ASKED}), FLEET, CLEAR),
    "of a pair, the peer away": (night(1, unseen={"node2": "no route"}), WITH_PEER, UNSEEN),
    "of a pair, a third away": (night(1, unseen=GONE3), WITH_PEER, CLEAR),
    "of pairs, one away": (night(1, unseen=GONE3), PAIR, UNSEEN),
    "of pairs, told one by one now": (night(1, {"b": replace(OTHER, peer="node1")}), PAIR, OPEN),
    "of pairs, another pair is open": (night(1, {"b": replace(OTHER, peer="node3")}), PAIR, CLEAR),
    "of a pair, told with others now": (night(1, {"b": OTHER}), WITH_PEER, OPEN),
    "of a pair, another is open": (
        night(1, {"b": replace(OTHER, peer="node3")}),
        WITH_PEER,
        CLEAR,
    ),
    "drift, all compared": (night(1), drift(), CLEAR),
    "drift, no baseline any more": (night(1, undecided={"drift": ()}), drift(), UNSEEN),
    "drift, the node not compared": (night(1, undecided={"drift": ("node1",)}), drift(), UNSEEN),
    "drift, another not compared": (night(1, undecided={"drift": ("node2",)}), drift(), CLEAR),
    "drift, the place not observed": (
        night(1, blind={"links/eth0/mtu": ("node1",)}),
        drift(),
        UNSEEN,
    ),
    "drift, what is above not observed": (night(1, blind={"links": ("node1",)}), drift(), UNSEEN),
    "drift, a pattern not observed": (
        night(1, blind={"links/*/mtu": ("node1",)}),
        drift(),
        UNSEEN,
    ),
    "drift, another place not observed": (
        night(1, blind={"links/eth0/qdisc": ("node1",)}),
        drift(),
        CLEAR,
    ),
    "a rule, where nothing was compared": (night(1, undecided={"drift": ()}), found(), CLEAR),
    "a rule, its place not observed": (night(1, blind={"cni": ("node1",)}), found(), UNSEEN),
}


@pytest.mark.parametrize(("now", "entry", "sight"), SIGHTS.values(), ids=SIGHTS)
def test_clear_is_only_what_somebody_looked_at(now, entry, sight):
    assert now.sight_of("a", entry, night(0, {"a": entry})) is sight


def test_a_node_that_was_away_already_when_it_was_found_keeps_nothing_open():
    then = night(0, {"a": FLEET}, unseen=GONE3)
    assert night(1, unseen=GONE3).sight_of("a", FLEET, then) is CLEAR
    assert night(1, unseen={**GONE3, "node2": "no route"}).sight_of("a", FLEET, then) is UNSEEN


# ---- from reports -----------------------------------------------------------------------------

SEEN = Coverage(expected=2, observed=2, comparable=2)


def capture_of(*names):
    nodes = {name: Node(name=name, outcome=Outcome.OK) for name in names}
    return Capture(name="20261123T020000Z", place="p", cluster="prod", nodes=nodes, label="l")


def row(key="a", **fields):
    plain = {
        "id": key,
        "rule": "lease-mtu",
        "severity": Severity.ERROR,
        "scope": "node",
        "nodes": ("node1",),
        "path": "cni/subnet_env/FLANNEL_MTU",
        "message": "wrong",
        "members": (Member(id=key, node="node1", after=1500),),
    }
    return Finding(**{**plain, **fields})


def report(*findings, command="check", coverage=SEEN, **fields):
    return Report(
        command=command, cluster="prod", inputs=(), coverage=coverage, findings=findings, **fields
    )


def tonight(check, *based, nodes=("node1", "node2"), **options):
    return night_of(capture_of(*nodes), check, based, now=NOW, **options)


def test_a_night_has_what_was_found_on_each_node():
    waived = Waived(finding=row("b"), reason="known")
    found_ = tonight(report(row(follows=("e",)), waived=(waived,)))
    assert {key: one.sight for key, one in found_.findings.items()} == {"a": OPEN, "b": ACCEPTED}
    assert (found_.expected, found_.observed, found_.label) == (2, 2, "l")
    assert found_.follows == {"e": "a"}


def test_what_is_open_in_one_report_is_not_accepted_for_another_has_it_accepted():
    accepted = report(waived=(Waived(finding=row(), reason="known"),), command="diff")
    for pair in ([report(row()), accepted], [accepted, report(row())]):
        assert tonight(report(), *pair).findings["a"].sight is OPEN


BLIND = {
    "none was set": ({"compared": False}, (), {"drift": ()}, {}),
    "all seen": ({}, (report(command="diff"),), {}, {}),
    "a node was away at either side": (
        {},
        (
            report(
                command="diff",
                coverage=replace(SEEN, missing=(Missing(node="node2", why="before: gone"),)),
            ),
        ),
        {"drift": ("node2",)},
        {},
    ),
    "a node is not of the baseline": (
        {},
        (report(command="diff", coverage=replace(SEEN, skipped=("node2",))),),
        {"drift": ("node2",)},
        {},
    ),
    "a place was not observed": (
        {},
        (
            report(
                command="diff",
                undecided=(Undecided(path="ipam", why="denied", side="after", nodes=("node1",)),),
            ),
        ),
        {},
        {"ipam": ("node1",)},
    ),
}


@pytest.mark.parametrize(("options", "diffs", "undecided", "blind"), BLIND.values(), ids=BLIND)
def test_what_was_not_held_against_a_baseline_is_written_down(options, diffs, undecided, blind):
    found_ = tonight(report(), *diffs, **options)
    assert (found_.undecided, found_.blind) == (undecided, blind)


def test_a_place_that_was_not_observed_is_no_finding_of_the_night():
    seen = row(change=Kind.NOT_OBSERVED, severity=Severity.INFO, rule="drift")
    assert tonight(report(), report(seen, command="diff")).findings == {}


def test_a_rule_that_cannot_tell_between_nodes_can_tell_of_none():
    both = (
        Undecided(rule="lease-mtu", path="p", why="w", side="now", nodes=("node2",)),
        Undecided(rule="lease-mtu", path="q", why="w", side="now"),
        Undecided(rule="bridge-mtu", path="q", why="w", side="now", nodes=("node2", "node1")),
    )
    assert tonight(report(undecided=both)).undecided == {
        "lease-mtu": (),
        "bridge-mtu": ("node1", "node2"),
    }


def test_a_place_that_a_node_did_not_tell_one_rule_it_told_none():
    both = (
        Undecided(rule="lease-mtu", path="sysctls/x", why="w", side="now", nodes=("node2",)),
        Undecided(rule="lease-mtu", path="*", why="w", side="now", nodes=("node2",)),
        Undecided(rule="same-vni", path="links/*/vxlan", why="w", side="now"),
    )
    assert tonight(report(undecided=both)).blind == {"sysctls/x": ("node2",)}


def test_a_rule_that_is_asked_no_more_found_nothing_mended():
    before = [night(0, {"a": found(), "b": drift()})]
    assert tonight(report(), before=before, rules={"bridge-mtu"}).undecided == {"lease-mtu": ()}
    assert tonight(report(), before=before, rules={"lease-mtu"}).undecided == {}


def test_a_node_that_is_asked_no_more_is_neither_seen_nor_away():
    before = [night(0, {"a": found(node="node3")}, unseen={"node4": "no route"})]
    assert tonight(report(), before=before).unseen == {"node3": NOT_ASKED, "node4": NOT_ASKED}


def test_nodes_that_were_left_out_are_told_from_those_that_are_away():
    away = (Missing(node="node1", why="unreachable: no route"),)
    found_ = tonight(report(coverage=replace(SEEN, missing=away, skipped=("node2",))))
    assert found_.unseen == {"node1": "unreachable: no route", "node2": LEFT_OUT}


@pytest.mark.parametrize(("peer", "kept"), [("node2", "node2"), ("10.244.9.0", ""), (None, "")])
def test_a_peer_is_kept_where_it_is_a_node(peer, kept):
    assert tonight(report(row(peer=peer, scope="pair"))).findings["a"].peer == kept


# ---- the file ---------------------------------------------------------------------------------

FULL = night(
    1,
    {"a" * 16: found(), "b" * 16: found(ACCEPTED, message="\u2028 \x1b[2J \u00e9"), "c": WITH_PEER},
    label="after",
    kinds=("new",),
    sent=False,
    unseen={"node3": "unreachable: no route"},
    undecided={"lease-mtu": (), "bridge-mtu": ("node2",)},
    blind={"ipam": ("node2",)},
    follows={"d": "c"},
)


def test_what_is_written_reads_back_the_same(tmp_path):
    path = write_night(tmp_path, FULL)
    assert path == tmp_path / "nights" / "20261123T020000Z.yml"
    assert nights(tmp_path) == [FULL]


def test_a_second_word_on_a_capture_takes_the_place_of_the_first(tmp_path):
    write_night(tmp_path, FULL)
    write_night(tmp_path, replace(FULL, sent=True))
    assert [one.sent for one in nights(tmp_path)] == [True]


def test_nights_come_in_the_order_of_their_captures(tmp_path):
    names = ["20261123T020000Z-10", "20261123T020000Z", "20261122T020000Z", "20261123T020000Z-2"]
    for name in names:
        write_night(tmp_path, night(1, capture=name))
    order = [names[2], names[1], names[3], names[0]]
    assert [one.capture for one in nights(tmp_path)] == order
    assert [one.capture for one in nights(tmp_path, before=names[3])] == order[:2]
    assert [one.capture for one in nights(tmp_path, before="20270101T020000Z")] == order


def test_there_is_no_night_where_none_was_written(tmp_path):
    assert nights(tmp_path / "not-there") == []
    (tmp_path / "nights").mkdir()
    (tmp_path / "nights" / ".20261123T020000Z.yml.0badcafe").write_text("half")
    (tmp_path / "nights" / "README.md").write_text("ours")
    assert nights(tmp_path) == []


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"sight":"open"', '"sight":"clear"', ":23:.*'clear' is not one of"),
        ("night/1", "night/2", ":1:.*Update snapdiff"),
        ("observed: 2", "observed: -1", ":7:1: "),
    ],
)
def test_a_night_that_cannot_be_read_is_one_that_saw_nothing_and_is_named(tmp_path, old, new, said):
    path = write_night(tmp_path, FULL)
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")
    write_night(tmp_path, night(2))
    lost, other = nights(tmp_path)
    assert re.search(f"20261123T020000Z.yml{said}", lost.unreadable)
    assert lost.unreadable.endswith(
        ". Nothing is known of that night. Write it again with 'snapdiff nightly "
        "20261123T020000Z', or take the file away."
    )
    assert (lost.taken_at, lost.observed, lost.findings) == ("2026-11-23T02:00:00Z", 0, {})
    assert other == night(2)


def test_a_night_under_the_name_of_another_is_none(tmp_path):
    path = write_night(tmp_path, FULL)
    path.rename(path.with_name("20261124T020000Z.yml"))
    assert ["it is of 20261123T020000Z" in one.unreadable for one in nights(tmp_path)] == [True]
    path.with_name("20261124T020000Z.yml").rename(path.with_name("20261124T020000Z.old.yml"))
    assert nights(tmp_path) == []


def test_the_file_of_a_night_is_the_golden_one(tmp_path):
    path = write_night(tmp_path, FULL)
    assert path.read_text("utf-8") == (GOLDEN / "night.yml").read_text("utf-8")
