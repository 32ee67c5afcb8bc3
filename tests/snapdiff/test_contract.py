"""A plan held against two captures: what was done, what is missing, and what nobody planned."""

from __future__ import annotations

import json
import os
import re
from dataclasses import replace
from datetime import timedelta

import pytest
from test_plan import plan_of

from builders import GOLDEN, GONE, NOW, address, capture, link, node, side
from snapdiff.assess import assess_diff
from snapdiff.compare import compare_captures
from snapdiff.contract import Contract
from snapdiff.model import Input, Node, Outcome, Severity
from snapdiff.report import Terminal, render
from snapdiff.schema import validate
from snapdiff.store import Store, read_manifest, side_of_capture, stamp
from snapdiff.verdict import Policy

FLANNEL = "links/flannel.1/mtu"
TO_1400 = "{change: links/flannel.1/mtu, from: 1450, to: 1400}"
UNSEEN = {"links": {}, "not_observed/links": "ip ended with 1"}
OF_A_PATTERN = "{change: 'links/veth*/mtu', to: 1400}"
PODS = ("links/veth00000001/mtu", "links/veth00000002/mtu")
ROW = Node(name="node1", outcome=Outcome.OK)


def became(contract):
    """Return the fates of a plan's only line: done, missing, unknown, waiting."""
    (one,) = contract.planned()
    lags = [{lag.node: lag.why or f"still {lag.seen}" for lag in some} for some in (one.missing,)]
    unknown = {lag.node: lag.why for lag in one.unknown}
    return list(one.done), lags[0], unknown, list(one.waiting)


DONE = (["node1"], {}, {}, [])
NOTHING = ([], {}, {}, [])


def missing(why):
    return [], {"node1": why}, {}, []


def unknown(why):
    return [], {}, {"node1": why}, []


FATES = {
    "done": (TO_1400, {}, {FLANNEL: 1400}, DONE),
    "still-the-old-value": (TO_1400, {}, {}, missing("still 1450")),
    "a-third-value": (TO_1400, {}, {FLANNEL: 1380}, missing("it is 1380")),
    "gone": (TO_1400, {}, {"links/flannel.1": GONE}, missing("it is not there")),
    "there-already": (TO_1400, {FLANNEL: 1400}, {FLANNEL: 1400}, DONE),
    "from-another-value": (TO_1400, {FLANNEL: 1300}, {FLANNEL: 1400}, DONE),
    "nobody-looked": (TO_1400, {}, UNSEEN, unknown("ip ended with 1")),
    "nobody-looked-before": (TO_1400, UNSEEN, {FLANNEL: 1400}, DONE),
    "one-is-not-true": (
        "{change: links/flannel.1/vxlan/learning, to: true}",
        {},
        {"links/flannel.1/vxlan/learning": 1},
        missing("it is 1"),
    ),
    "any-other-value": (
        "{change: links/flannel.1/mac}",
        {},
        {"links/flannel.1/mac": "0a:00:00:00:00:99"},
        DONE,
    ),
    "the-same-value": (
        "{change: links/flannel.1/mac}",
        {},
        {},
        missing("still 0a:00:00:00:00:01"),
    ),
    "other-than-what-nobody-saw": (
        "{change: links/flannel.1/mac}",
        UNSEEN,
        {},
        unknown("ip ended with 1"),
    ),
    "other-than-nothing": (
        "{change: links/flannel.1/alias}",
        {},
        {"links/flannel.1/alias": "new"},
        DONE,
    ),
    "all-of-a-pattern": (OF_A_PATTERN, {}, dict.fromkeys(PODS, 1400), DONE),
    "some-of-a-pattern": (OF_A_PATTERN, {}, {PODS[0]: 1400}, missing("1 of 2 still 1450")),
    "other-values-of-a-pattern": (
        OF_A_PATTERN,
        {},
        {PODS[0]: 1380, PODS[1]: 1390},
        missing("2 of 2 it is 1380 or 1390"),
    ),
    "a-pattern-that-means-nothing": (
        OF_A_PATTERN,
        {"links/veth00000001": GONE, "links/veth00000002": GONE},
        {"links/veth00000001": GONE, "links/veth00000002": GONE},
        NOTHING,
    ),
    "a-pattern-of-what-came": (
        OF_A_PATTERN,
        {"links/veth00000001": GONE, "links/veth00000002": GONE},
        {},
        missing("2 of 2 it is 1450"),
    ),
    "a-pattern-that-was-seen-in-part": (
        OF_A_PATTERN,
        {},
        {
            PODS[0]: 1400,
            PODS[1]: GONE,
            "not_observed/links/veth00000002/mtu": "no",
        },
        unknown("no"),
    ),
    "value-of": (
        "{change: links/vxlan.calico/mac, to_value_of: links/flannel.1/mac}",
        {},
        {"links/vxlan.calico": link("vxlan", mac="0a:00:00:00:00:01")},
        DONE,
    ),
    "another-value-than-that": (
        "{change: links/vxlan.calico/mac, to_value_of: links/flannel.1/mac}",
        {},
        {"links/vxlan.calico": link("vxlan", mac="66:00:00:00:00:01")},
        missing("it is 66:00:00:00:00:01"),
    ),
    "value-of-what-was-not-there": (
        "{change: links/eth0/mtu, to_value_of: links/flannel.9/mtu}",
        {},
        {},
        unknown("links/flannel.9/mtu before: not there"),
    ),
    "value-of-what-nobody-saw": (
        "{change: links/eth0/mtu, to_value_of: links/flannel.1/mtu}",
        UNSEEN,
        {},
        unknown("links/flannel.1/mtu before: ip ended with 1"),
    ),
    "added": ("{add: links/wg0}", {}, {"links/wg0": link("wireguard")}, DONE),
    "not-added": ("{add: links/wg0}", {}, {}, missing("it is not there")),
    "added-where-nobody-looked": ("{add: links/wg0}", {}, UNSEEN, unknown("ip ended with 1")),
    "removed": ("{remove: links/flannel.1}", {}, {"links/flannel.1": GONE}, DONE),
    "not-removed": ("{remove: links/flannel.1}", {}, {}, missing("it is still there")),
    "removed-where-nobody-looked": (
        "{remove: links/flannel.1}",
        {},
        UNSEEN,
        unknown("ip ended with 1"),
    ),
    "some-not-removed": ("{remove: 'links/veth*'}", {}, {}, missing("2 are still there")),
    "all-of-a-table-removed": (
        "{remove: 'peers/*'}",
        {},
        {"peers/10.244.2.0": GONE, "peers/10.244.3.0": GONE},
        DONE,
    ),
    "a-route-with-slashes": (
        "{change: routes/main default dev eth0/gateway, to: 192.0.2.253}",
        {},
        {"routes/main default dev eth0/gateway": "192.0.2.253"},
        DONE,
    ),
    "a-route-by-pattern": (
        "{remove: routes/main 10.244.* dev cni0}",
        {},
        {},
        missing("it is still there"),
    ),
    "an-address": (
        "{add: links/cni0/addresses/10.100.*}",
        {},
        {("links", "cni0", "addresses", "10.100.1.1/24"): address()},
        DONE,
    ),
    "a-fact-of-a-later-collector": (
        "{change: links/wg0/wireguard/listen_port, to: 51821}",
        {},
        {"links/wg0": link("wireguard")},
        unknown("the collector of that time did not look at it"),
    ),
}


@pytest.mark.parametrize("name", FATES)
def test_what_became_of_a_line(name, tmp_path):
    line, old, new, fate = FATES[name]
    contract = Contract(plan_of(tmp_path, line))
    contract.look(ROW, node(1, _edits(old)), node(1, _edits(new)))
    assert became(contract) == fate


def _edits(edits):
    """Let a reason stand at a path that has slashes."""
    return {
        ("not_observed", place.partition("/")[2]) if _is_reason(place) else place: value
        for place, value in edits.items()
    }


def _is_reason(place):
    return isinstance(place, str) and place.startswith("not_observed/")


def test_a_node_that_came_is_held_against_the_plan_as_it_is_now(tmp_path):
    contract = Contract(plan_of(tmp_path, TO_1400, "{change: links/flannel.1/mac}"))
    contract.look(ROW, None, node(1, {FLANNEL: 1400}))
    first, second = contract.planned()
    assert first.done == ("node1",)
    assert [lag.why for lag in second.unknown] == ["the node was not there before"]


def test_where_a_line_is_not_due_yet_nothing_is_missing(tmp_path):
    contract = Contract(plan_of(tmp_path, TO_1400), due=frozenset({"node2"}))
    contract.look(ROW, node(1), node(1))
    assert became(contract) == ([], {}, {}, ["node1"])


def test_a_line_for_others_asks_nothing_of_a_node(tmp_path):
    line = "{change: links/flannel.1/mtu, to: 1400, on: ['group:workers']}"
    contract = Contract(plan_of(tmp_path, line))
    contract.look(ROW, node(1), node(1))
    contract.look(replace(ROW, name="node2", groups=("workers",)), node(2), node(2))
    assert became(contract) == ([], {"node2": "still 1450"}, {}, [])


# From here on whole reports, over the nodes of two captures.


def report_of(tmp_path, lines, *, more="", before=None, after=None, due=None, **new):
    """Return the report on three nodes, each side with its edits by number; None: no such node."""
    before, after = (
        [node(n, edits, of=3) for n in (1, 2, 3) if (edits := (given or {}).get(n, {})) is not None]
        for given in (before, after)
    )
    sides = side(tmp_path / "a", before), side(tmp_path / "b", after, **new)
    due = None if due is None else frozenset(due)
    contract = Contract(plan_of(tmp_path, *lines, more=more), due)
    return assess_diff(*sides, cluster="lab", policy=Policy(), contract=contract)


def told(report):
    """Return all findings: rule, severity, place and nodes."""
    return [(row.rule, row.severity.word, row.path, row.nodes) for row in report.findings]


def beside(report):
    """Return what is told beside the plan, less the rules that it breaks."""
    return [
        (row.path, row.nodes, [text for text in row.evidence if not text.startswith("breaks ")])
        for row in report.side_effects
    ]


ALL = {n: {FLANNEL: 1400} for n in (1, 2, 3)}
THREE = ("node1", "node2", "node3")


def test_what_was_planned_is_no_finding(tmp_path):
    line = "{change: links/flannel.1/vxlan/port, from: 8472, to: 4789}"
    after = {n: {"links/flannel.1/vxlan/port": 4789} for n in (1, 2, 3)}
    report = report_of(tmp_path, [line], after=after)
    assert (told(report), report.side_effects, report.exit_code) == ([], (), 0)
    assert report.planned[0].done == THREE
    assert report.verdict == "done as planned on 3 nodes; nothing else changed on 3 nodes"


def test_a_straggler_is_an_error_that_names_it_and_its_value(tmp_path):
    report = report_of(tmp_path, [TO_1400], after={1: {FLANNEL: 1400}, 3: {FLANNEL: 1400}})
    (row,) = report.findings
    assert told(report) == [("plan", "error", FLANNEL, ("node2",))]
    assert row.message == "links/flannel.1/mtu still 1450, planned 1450 → 1400"
    assert (row.after, row.expected, report.exit_code) == (1450, 1400, 1)
    assert report.verdict == (
        "done as planned on 2 nodes, missing on node2; 1 finding on 1 of 3 nodes"
    )


def test_what_nobody_planned_is_a_finding_as_ever(tmp_path):
    after = {**ALL, 3: {FLANNEL: 1400, "links/eth0/mtu": 9000}}
    report = report_of(tmp_path, [TO_1400], after=after)
    assert told(report) == [("drift", "warning", "links/eth0/mtu", ("node3",))]
    assert report.exit_code == 1


def test_a_wrong_value_is_told_once_as_missing(tmp_path):
    report = report_of(tmp_path, [TO_1400], after={**ALL, 2: {FLANNEL: 1380}})
    assert told(report) == [("plan", "error", FLANNEL, ("node2",))]


def test_a_change_before_its_time_is_unplanned(tmp_path):
    report = report_of(
        tmp_path, [TO_1400], after={1: {FLANNEL: 1400}, 2: {FLANNEL: 1400}}, due=["node1"]
    )
    assert told(report) == [("drift", "warning", FLANNEL, ("node2",))]
    assert report.planned[0].done == ("node1",)
    assert report.planned[0].waiting == ("node2", "node3")
    assert "not due yet on 2" in report.verdict


def test_so_is_one_on_a_node_that_it_is_not_for(tmp_path):
    line = "{change: links/flannel.1/mtu, to: 1400, on: [node1]}"
    report = report_of(tmp_path, [line], after={1: {FLANNEL: 1400}, 2: {FLANNEL: 1400}})
    assert told(report) == [("drift", "warning", FLANNEL, ("node2",))]


NEW_MAC = {"links/flannel.1/mac": "0a:00:00:00:00:99"}
LEARNT = {"peers/10.244.1.0/mac": "0a:00:00:00:00:99"}
BESIDE = {
    "a-link-made-anew": (
        [TO_1400],
        "",
        {1: {FLANNEL: 1400, "links/flannel.1/ifindex": 33}, 2: ALL[2], 3: ALL[3]},
        [(FLANNEL, THREE, ["ifindex differs from node to node"])],
    ),
    "what-a-change-brings-on-its-node": (
        ["{remove: links/flannel.1, on: [node1]}"],
        "",
        {1: {"links/flannel.1": GONE, "peers/10.244.2.0": GONE, "peers/10.244.3.0": GONE}},
        [("links/flannel.1", ("node1",), ["with it removed: 2 peers"])],
    ),
    "what-it-brings-on-others": (
        ["{change: links/flannel.1/mac, on: [node1]}"],
        "",
        {1: NEW_MAC, 2: LEARNT, 3: LEARNT},
        [
            (
                "links/flannel.1/mac",
                ("node1",),
                ["so on node2, node3: peers/10.244.1.0/mac 0a:00:00:00:00:01 → 0a:00:00:00:00:99"],
            )
        ],
    ),
    "what-is-said-to-follow": (
        [TO_1400],
        "follows: [sysctls/net.ipv4.ip_forward]",
        {**ALL, 2: {FLANNEL: 1400, "sysctls/net.ipv4.ip_forward": 0}},
        [(FLANNEL, THREE, []), ("sysctls/net.ipv4.ip_forward", ("node2",), [])],
    ),
    "also-where-the-plan-is-not-for": (
        ["{change: links/flannel.1/mtu, to: 1400, on: [node1]}"],
        "follows: [links/cni0]",
        {1: ALL[1], 3: {"links/cni0/mtu": 1400}},
        [(FLANNEL, ("node1",), []), ("links/cni0/mtu", ("node3",), [])],
    ),
    "what-is-planned-below-what-is-planned-is-not-told": (
        ["{remove: links/flannel.1, on: [node1]}", "{remove: 'peers/*', on: [node1]}"],
        "",
        {1: {"links/flannel.1": GONE, "peers/10.244.2.0": GONE, "peers/10.244.3.0": GONE}},
        [("links/flannel.1", ("node1",), [])],
    ),
}


@pytest.mark.parametrize("name", BESIDE)
def test_what_comes_with_a_planned_change_is_told_beside_it(name, tmp_path):
    lines, more, after, effects = BESIDE[name]
    report = report_of(tmp_path, lines, more=more, after=after)
    assert beside(report) == effects
    assert (told(report), report.exit_code) == ([], 0)
    assert {row.severity for row in report.side_effects} <= {Severity.INFO}


def test_a_rule_that_a_planned_change_breaks_is_told_below_it(tmp_path):
    line = "{change: links/eth0/mtu, to: 1400}"
    report = report_of(tmp_path, [line], after={n: {"links/eth0/mtu": 1400} for n in (1, 2, 3)})
    (row,) = report.side_effects
    assert [text.partition(":")[0] for text in row.evidence] == ["breaks overlay-mtu-headroom"]


def test_what_may_follow_does_not_hide_what_may_not(tmp_path):
    """The setting may change, and the link's own with it, but that was not said."""
    off = {
        "sysctls/net.ipv4.ip_forward": 0,
        "links/cni0/sysctls": {"forwarding": 0},
    }
    on = {n: {"links/cni0/sysctls": {"forwarding": 1}} for n in (1, 2, 3)}
    given = {"before": on, "after": {**on, 2: off}}
    more = "follows: [sysctls/net.ipv4.ip_forward{}]"
    strict = report_of(tmp_path / "a", [], more=more.format(""), **given)
    assert told(strict) == [("drift", "warning", "sysctls/net.ipv4.ip_forward", ("node2",))]
    both = report_of(tmp_path / "b", [], more=more.format(", links/*/sysctls/forwarding"), **given)
    assert told(both) == []
    assert [row.path for row in both.side_effects] == ["sysctls/net.ipv4.ip_forward"]


def test_an_effect_of_what_nobody_planned_stays_below_it(tmp_path):
    """The overlay's MTU was planned, but not the underlay's, which it follows."""
    after = {n: {"links/eth0/mtu": 1450, FLANNEL: 1400} for n in (1, 2, 3)}
    report = report_of(tmp_path, [TO_1400], after=after)
    assert told(report) == [("drift", "warning", "links/eth0/mtu", THREE)]
    assert report.planned[0].done == THREE


ADDRESS = "links/eth0/addresses/192.0.2.1/24"
MOVED = {
    ("links", "eth0", "addresses", "192.0.2.1/24"): GONE,
    ("links", "eth0", "addresses", "192.0.2.101/24"): address(),
}
GONE_LINE, CAME_LINE = (
    f"{{{verb}: links/eth0/addresses/192.0.2.{number}/24, on: [node1]}}"
    for verb, number in (("remove", 1), ("add", 101))
)


@pytest.mark.parametrize(
    ("lines", "more", "findings"),
    [
        ([GONE_LINE, CAME_LINE], "", []),
        ([GONE_LINE], "follows: [links/eth0/addresses]", []),
        ([GONE_LINE], "", [("drift", "warning", "links/eth0/addresses", ("node1",))]),
    ],
    ids=["both-planned", "one-planned-and-one-may-follow", "one-planned"],
)
def test_an_address_that_is_replaced_is_one_that_goes_and_one_that_comes(
    lines, more, findings, tmp_path
):
    report = report_of(tmp_path, lines, more=more, after={1: MOVED})
    assert told(report) == findings


def test_a_peer_that_lost_an_entry_is_not_one_that_was_planned_to_come(tmp_path):
    lost = {"peers/10.244.2.0/missing": ["fdb"], "peers/10.244.2.0/underlay": GONE}
    report = report_of(tmp_path, ["{add: 'peers/*'}"], after={1: lost})
    assert told(report) == [("drift", "warning", "peers/10.244.2.0/missing", ("node1",))]


UNSURE = {
    "a-node-that-gave-nothing": (
        {"lost": {"node3": "no route to host"}, "after": {**ALL, 3: None}},
        {"node3": "after: unreachable: no route to host"},
    ),
    "a-node-that-was-left-out": (
        {"skipped": {"node3": "in repair"}, "after": {**ALL, 3: None}},
        {"node3": "it was left out of a capture"},
    ),
    "a-node-that-nobody-asks-for": (
        {"after": {**ALL, 3: None}},
        {"node3": "it is not asked for any more"},
    ),
    "a-place-that-nobody-saw": ({"after": {**ALL, 3: UNSEEN}}, {"node3": "ip ended with 1"}),
}


@pytest.mark.parametrize("name", UNSURE)
def test_where_nobody_can_say_it_is_never_done(name, tmp_path):
    given, lags = UNSURE[name]
    report = report_of(tmp_path, [TO_1400], **given)
    (line,) = report.planned
    assert (line.done, line.missing) == (("node1", "node2"), ())
    assert {lag.node: lag.why for lag in line.unknown} == lags
    assert "not known on node3" in report.verdict
    assert report.trusted is False
    assert report.exit_code == (1 if name == "a-node-that-nobody-asks-for" else 3)


def test_a_missing_line_outweighs_one_that_nobody_can_tell(tmp_path):
    report = report_of(
        tmp_path, [TO_1400], after={1: ALL[1], 3: None}, lost={"node3": "no route to host"}
    )
    assert report.exit_code == 1
    assert report.verdict.startswith("done as planned on 1 node, missing on node2, not known on")


GOES = {3: None}
WITHOUT_3 = {n: {FLANNEL: 1400, "peers/10.244.3.0": GONE} for n in (1, 2)}
COMINGS = {
    "one-went": ([], "", {}, GOES, [("drift", "warning", "nodes/node3", ("node3",))]),
    "one-went-as-planned": (["{remove: nodes/node3}"], "", {}, GOES, []),
    "one-came": ([], "", GOES, {}, [("drift", "warning", "nodes/node3", ("node3",))]),
    "one-came-as-planned": (["{add: nodes/node3}"], "", GOES, {}, []),
    "one-came-of-a-pattern": (["{add: 'nodes/node*'}"], "", GOES, {}, []),
    "they-may-come": ([], "follows: ['nodes/*']", GOES, {}, []),
    "one-did-not-go": (
        ["{remove: nodes/node3}"],
        "",
        {},
        {},
        [("plan", "error", "nodes/node3", ("node3",))],
    ),
    "one-did-not-come": (
        ["{add: nodes/node9}"],
        "",
        {},
        {},
        [("plan", "error", "nodes/node9", ("node9",))],
    ),
}


@pytest.mark.parametrize("name", COMINGS)
def test_a_node_that_comes_or_goes_is_unplanned_unless_the_plan_says_so(name, tmp_path):
    lines, more, before, after, findings = COMINGS[name]
    before, after = (
        {n: {"peers/10.244.3.0": GONE} for n in (1, 2)} | given if given else given
        for given in (before, after)
    )
    report = report_of(tmp_path, lines, more=more, before=before, after=after)
    assert told(report) == findings


def test_a_node_that_is_to_go_owes_nothing_else(tmp_path):
    report = report_of(tmp_path, [TO_1400, "{remove: nodes/node3}"], after={**WITHOUT_3, 3: None})
    assert [one.done for one in report.planned] == [("node1", "node2"), ("node3",)]
    assert (told(report), report.exit_code, report.trusted) == ([], 0, True)


NOWHERE = {
    "no-such-node": ("{change: links/flannel.1/mtu, to: 1400, on: [nod1]}", "Did you mean node1?"),
    "no-such-group": (
        "{change: links/flannel.1/mtu, to: 1400, on: ['group:workers']}",
        "on group:workers: there is no such node or group",
    ),
    "no-such-place": ("{change: 'links/flanel*/mtu', to: 1400}", "is no place of any node"),
}


@pytest.mark.parametrize("name", NOWHERE)
def test_a_line_that_means_nothing_is_not_passed_over(name, tmp_path):
    line, text = NOWHERE[name]
    report = report_of(tmp_path, [line])
    (row,) = report.findings
    assert (row.rule, row.severity, row.nodes) == ("plan", Severity.ERROR, ())
    assert row.message.startswith(f"{row.path} planned → 1400")
    assert text in row.message
    assert report.exit_code == 1


@pytest.mark.parametrize(
    ("minutes", "findings"),
    [(30, []), (31, [("plan-window", "warning", "within", ())])],
    ids=["in-time", "too-late"],
)
def test_a_plan_has_its_time(minutes, findings, tmp_path):
    moment = NOW + timedelta(minutes=minutes)
    report = report_of(tmp_path, [TO_1400], more="within: 30m", after=ALL, now=moment)
    assert told(report) == findings
    if findings:
        assert report.findings[0].message == "within 30 min was planned, it took 31 min"
        assert report.verdict == "done as planned on 3 nodes; 1 finding"


def test_of_loose_files_nobody_can_say_how_long_it_took(tmp_path):
    old, new = (side(tmp_path / name, [node(1)]) for name in "ab")
    old = replace(old, capture=replace(old.capture, started_at=""))
    contract = Contract(plan_of(tmp_path, more="within: 30m"))
    report = assess_diff(old, new, cluster="lab", policy=Policy(strict=True), contract=contract)
    assert [(one.path, one.side) for one in report.undecided] == [("within", "both")]
    assert report.exit_code == 3


def test_a_plan_without_a_line_lets_nothing_change(tmp_path):
    report = report_of(tmp_path, [], after={1: {"links/eth0/mtu": 1400}})
    assert told(report) == [("drift", "warning", "links/eth0/mtu", ("node1",))]


def test_one_node_against_another_is_held_by_the_name_it_has_now(tmp_path):
    sides = side(tmp_path / "a", [node(1)]), side(tmp_path / "b", [node(2, {FLANNEL: 1400})])
    contract = Contract(plan_of(tmp_path, TO_1400))
    assess_diff(*sides, cluster="lab", policy=Policy(), contract=contract)
    assert became(contract) == (["node2"], {}, {}, [])


# The store, and what people read.


def three_captures(tmp_path):
    """Write a rolling change: before it, one node, two of three."""
    for number, label in enumerate(("before", "", "")):
        given = [node(n, ALL[n] if n <= number else {}) for n in (1, 2, 3)]
        capture(tmp_path, given, label=label, now=NOW + timedelta(minutes=10 * number))
    return Store(tmp_path)


def compared(tmp_path, *refs, **options):
    return compare_captures(
        *refs, store=Store(tmp_path), cluster="lab", policy=Policy(), now=NOW, **options
    )


def test_the_course_of_a_planned_place_is_told_over_all_captures_in_between(tmp_path):
    three_captures(tmp_path)
    plan = plan_of(tmp_path, TO_1400, OF_A_PATTERN, "{remove: links/wg0}")
    report = compared(tmp_path, "@label:before", "@latest", plan=plan)
    (course,) = report.courses
    assert (course.path, course.wanted, len(course.moments)) == (FLANNEL, "1400", 3)
    assert {one.nodes: one.values for one in course.rows} == {
        ("node1",): ("1450", "1400", "1400"),
        ("node2",): ("1450", "1450", "1400"),
        ("node3",): ("1450", "1450", "1450"),
    }


def test_loose_files_and_captures_turned_round_have_no_course(tmp_path):
    store = three_captures(tmp_path)
    plan = plan_of(tmp_path, TO_1400)
    assert compared(tmp_path, "@latest", "@label:before", plan=plan).courses == ()
    files = [path / "nodes" / "node1.yml" for path in store.captures("lab")]
    assert compared(tmp_path, str(files[0]), str(files[2]), plan=plan).courses == ()
    assert compared(tmp_path, "@label:before", "@latest").courses == ()


def test_a_capture_in_between_that_cannot_be_read_is_only_a_moment_less(tmp_path):
    store = three_captures(tmp_path)
    (store.captures("lab")[1] / "capture.yml").write_text("no manifest", "utf-8")
    report = compared(
        tmp_path,
        store.captures("lab")[0].name,
        store.captures("lab")[2].name,
        plan=plan_of(tmp_path, TO_1400),
    )
    assert len(report.courses[0].moments) == 2


def an_upgrade(tmp_path):
    """Return the report of a rolling change with a bit of everything in it."""
    lines = [
        "{change: links/eth0/mtu, from: 1500, to: 1410}",
        "{change: links/flannel.1/mtu, from: 1450, to: 1360}",
        "{change: cni/subnet_env/FLANNEL_MTU, from: 1450, to: 1360}",
        "{change: 'links/veth*/mtu', to: 1360}",
        "{add: links/wg0, on: [node9]}",
    ]
    done = {
        "links/eth0/mtu": 1410,
        "links/flannel.1/mtu": 1360,
        "links/flannel.1/ifindex": 33,
        "cni/subnet_env/FLANNEL_MTU": 1360,
        **dict.fromkeys((*PODS, "links/cni0/mtu"), 1360),
    }
    late = {**done, "links/flannel.1/mtu": 1450, "sysctls/net.ipv4.ip_forward": 0, PODS[0]: 1450}
    before = [node(n, of=5) for n in range(1, 6)]
    after = [node(n, late if n == 2 else done if n < 5 else {}, of=5) for n in (1, 2, 3, 5)]
    sides = (
        side(tmp_path / "a", before),
        side(
            tmp_path / "b",
            after,
            lost={"node4": "no route to host"},
            now=NOW + timedelta(minutes=45),
        ),
    )
    plan = plan_of(tmp_path, *lines, more="within: 30m\nfollows: [links/cni0/mtu]")
    due = frozenset({"node1", "node2", "node3", "node4"})
    report = assess_diff(*sides, cluster="lab", policy=Policy(), contract=Contract(plan, due))
    inputs = (
        Input(name="@label:before", capture="20261122T020000Z", label="before"),
        Input(name="@latest", capture="20261122T024500Z"),
    )
    return replace(report, inputs=inputs, made_at=stamp(NOW))


@pytest.mark.parametrize("width", [60, 100, 160])
def test_the_text_is_the_golden_one(width, tmp_path):
    text = render(an_upgrade(tmp_path), "text", Terminal(width=width))
    path = GOLDEN / f"plan-upgrade-{width}.txt"
    if os.environ.get("SNAPDIFF_REWRITE_GOLDEN"):
        path.write_text(text, "utf-8")
    assert text == path.read_text("utf-8")
    assert max(map(len, text.splitlines())) <= width


def test_the_json_has_the_four_lists_and_fits_its_schema(tmp_path):

    report = an_upgrade(tmp_path)
    data = json.loads(render(report, "json"))
    validate(data, "report")
    line = data["planned"][1]
    assert line["wanted"] == 1360
    assert line["done"] == ["node1", "node3"]
    assert line["missing"] == [{"node": "node2", "seen": 1450, "why": ""}]
    assert line["unknown"] == [
        {"node": "node4", "seen": None, "why": "after: unreachable: no route to host"}
    ]
    assert line["waiting"] == ["node5"]
    assert data["side_effects"]


def test_text_from_a_plan_or_a_node_moves_no_terminal(tmp_path):
    evil = "\\x1b]0;x\\x07\\x1b[2J"
    line = f'{{change: links/flannel.1/alias, to: "{evil}"}}'
    plan = plan_of(tmp_path, line, more='follows: ["links/cni0/\\x61lias"]')
    contract = Contract(replace(plan, title="\x1b[31m"))
    sides = (
        side(tmp_path / "a", [node(1)]),
        side(tmp_path / "b", [node(1, {"links/flannel.1/alias": "\x1b[31mred\x07"})]),
    )
    report = assess_diff(*sides, cluster="lab", policy=Policy(), contract=contract)
    text = render(report, "text", Terminal(width=100))
    assert report.planned[0].missing
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", text)


def test_a_quiet_node_is_read_only_where_a_line_looks(tmp_path):
    """Rows are parsed when they are asked for: a plan of one place parses one of a node."""
    capture(tmp_path / "a", [node(1)])
    (one,) = Store(tmp_path / "a").captures("lab")
    found = side_by_file(one)
    contract = Contract(plan_of(tmp_path, TO_1400))
    contract.look(ROW, found, found)
    assert list(found["links"]._parsed) == ["flannel.1"]
    assert list(found["routes"]._parsed) == []


def side_by_file(folder):
    return side_of_capture(read_manifest(folder)).snapshot("node1")
