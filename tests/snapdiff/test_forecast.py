"""``snapdiff plan``: what a plan would change, and what of it does not fit, before it is done."""

from __future__ import annotations

import os

import pytest
from test_cli import run as run
from test_plan import HEAD, plan_of

from builders import GOLDEN, GONE, NOW, capture, edited, link, node, side
from snapdiff.forecast import assess_plan
from snapdiff.model import Outcome
from snapdiff.plan import PROFILES, profiles
from snapdiff.report import Terminal, render
from snapdiff.store import Store, side_of_capture
from snapdiff.verdict import Policy, judged

TO_1400 = "{change: links/flannel.1/mtu, from: 1450, to: 1400}"
FLANNEL = "links/flannel.1/mtu"
UNSEEN = {"links": {}, "not_observed/links": "ip ended with 1"}


def checked(tmp_path, *lines, edits=None, without=(), **new):
    """Return the report on a plan and a capture of three nodes, with edits by number."""
    given = [node(n, (edits or {}).get(n)) for n in (1, 2, 3) if n not in without]
    found = side(tmp_path, given, **new)
    report = assess_plan(plan_of(tmp_path, *lines), found, cluster="lab")
    return judged(report, Policy())


def told(report):
    return [(row.severity.word, row.message, row.nodes) for row in report.findings]


THREE = ("node1", "node2", "node3")
PROBLEMS = {
    "it-fits": ([TO_1400], {}, []),
    "there-already": (
        [TO_1400],
        {2: {FLANNEL: 1400}},
        [("warning", f"{FLANNEL} 1450 → 1400: it is 1400 already", ("node2",))],
    ),
    "from-another-value": (
        [TO_1400],
        {2: {FLANNEL: 1380}},
        [("error", f"{FLANNEL} 1450 → 1400: planned from 1450, there is 1380", ("node2",))],
    ),
    "not-there": (
        [TO_1400],
        {2: {"links/flannel.1": GONE}},
        [("error", f"{FLANNEL} 1450 → 1400: it is not there", ("node2",))],
    ),
    "no-link-of-that-name": (
        ["{change: links/flanel.1/mtu, to: 1400}"],
        {},
        [
            (
                "error",
                "links/flanel.1/mtu → 1400: it is not there. Did you mean flannel.1?",
                THREE,
            )
        ],
    ),
    "it-comes-with-another-line": (
        ["{add: links/wg0}", "{change: links/wg0/mtu, to: 1420}"],
        {},
        [],
    ),
    "added-already": (
        ["{add: links/wg0}"],
        {3: {"links/wg0": link("wireguard")}},
        [("warning", "links/wg0 to come: it is there already", ("node3",))],
    ),
    "removed-already": (
        ["{remove: links/flannel.1}"],
        {3: {"links/flannel.1": GONE}},
        [("warning", "links/flannel.1 to go: it is not there already", ("node3",))],
    ),
    "no-leftovers-yet": (
        ["{remove: routes/main blackhole *}"],
        {},
        [("info", "routes/main blackhole * to go: it is no place of any node", ())],
    ),
    "a-pattern-that-means-nothing": (
        ["{change: 'links/flanel*/mtu', to: 1}"],
        {},
        [("error", "links/flanel*/mtu → 1: it is no place of any node", ())],
    ),
    "a-pattern-of-some-nodes": (
        ["{change: 'links/wg*/mtu', to: 1400}"],
        {2: {"links/wg0": link("wireguard")}},
        [],
    ),
    "values-of-a-pattern-once": (
        ["{change: 'links/veth*/mtu', from: 1450, to: 1400}"],
        {1: {"links/veth00000001/mtu": 1300, "links/veth00000002/mtu": 1300}},
        [
            (
                "error",
                "links/veth*/mtu 1450 → 1400: planned from 1450, there is 1300",
                ("node1",),
            )
        ],
    ),
    "no-value-to-take": (
        ["{change: links/eth0/mac, to_value_of: links/flannel.9/mac}"],
        {},
        [
            (
                "error",
                "links/eth0/mac → what links/flannel.9/mac was: "
                "links/flannel.9/mac, whose value it takes, is not there",
                THREE,
            )
        ],
    ),
    "no-such-node": (
        ["{change: links/eth0/mtu, to: 1400, on: [nod1]}"],
        {},
        [
            (
                "error",
                "links/eth0/mtu → 1400 on nod1: on nod1: there is no such node or group. "
                "Did you mean node1?",
                (),
            )
        ],
    ),
    "two-values": (
        [TO_1400, "{change: links/flannel.1/mtu, to: 1300, on: [node2]}"],
        {},
        [
            (
                "error",
                f"{FLANNEL} 1450 → 1400: the plan also says {FLANNEL} → 1300 on node2",
                ("node2",),
            )
        ],
    ),
    "two-values-of-a-pattern": (
        [TO_1400, "{change: 'links/*/mtu', to: 1400}", "{change: 'links/flan*/mtu', to: 1300}"],
        {},
        [
            (
                "error",
                f"{FLANNEL} 1450 → 1400: the plan also says links/flan*/mtu → 1300",
                THREE,
            ),
        ],
    ),
    "a-value-of-what-goes": (
        ["{remove: links/flannel.1}", TO_1400],
        {},
        [
            (
                "error",
                f"links/flannel.1 to go: the plan also says {FLANNEL} 1450 → 1400",
                THREE,
            )
        ],
    ),
    "coming-and-going": (
        ["{add: links/wg0}", "{remove: links/wg0}"],
        {1: {"links/wg0": link("wireguard")}},
        [
            ("error", "links/wg0 to come: the plan also says remove links/wg0", THREE),
            ("warning", "links/wg0 to come: it is there already", ("node1",)),
            ("warning", "links/wg0 to go: it is not there already", ("node2", "node3")),
        ],
    ),
    "the-same-on-others": (
        [
            "{change: links/flannel.1/mtu, to: 1400, on: [node1]}",
            "{change: links/flannel.1/mtu, to: 1300, on: [node2]}",
        ],
        {},
        [],
    ),
    "a-node-that-is-there": (
        ["{add: nodes/node3}"],
        {},
        [("warning", "nodes/node3 to come: it is there already", ("node3",))],
    ),
    "a-node-that-is-not-there": (
        ["{remove: nodes/node9}"],
        {},
        [("warning", "nodes/node9 to go: it is not there already", ("node9",))],
    ),
    "nodes-that-fit": (["{add: nodes/node9}", "{remove: nodes/node3}"], {}, []),
}


@pytest.mark.parametrize("name", PROBLEMS)
def test_what_does_not_fit_is_said_before_anything_is_changed(name, tmp_path):
    lines, edits, problems = PROBLEMS[name]
    report = checked(tmp_path, *lines, edits=edits)
    found = told(report)
    if name == "two-values-of-a-pattern":
        found = [row for row in found if "links/flan*" in row[1] and row[1].startswith(FLANNEL)]
    assert found == problems
    assert report.exit_code == (1 if {row[0] for row in problems} - {"info"} else 0)


def test_a_plan_says_where_it_would_do_what(tmp_path):
    report = checked(
        tmp_path,
        TO_1400,
        edits={2: {FLANNEL: 1400}, 3: {FLANNEL: 1380}},
    )
    (line,) = report.planned
    assert (line.waiting, line.done) == (("node1",), ("node2",))
    assert [(lag.node, lag.seen) for lag in line.missing] == [("node3", 1380)]


UNSURE = {
    "a-place-that-nobody-saw": ({3: UNSEEN}, {}, "ip ended with 1"),
    "a-node-that-gave-nothing": ({}, {"lost": {"node3": "timeout"}}, "unreachable: timeout"),
    "a-node-that-was-left-out": (
        {},
        {"skipped": {"node3": "in repair"}},
        "it was left out of the capture",
    ),
}


@pytest.mark.parametrize("name", UNSURE)
def test_where_nobody_can_say_the_plan_is_not_said_to_fit(name, tmp_path):
    edits, new, why = UNSURE[name]
    report = checked(tmp_path, TO_1400, edits=edits, without=[3] if new else [], **new)
    (line,) = report.planned
    assert [(lag.node, lag.why) for lag in line.unknown] == [("node3", why)]
    assert line.waiting == ("node1", "node2")
    assert (report.exit_code, report.trusted) == (3, False)
    assert "as far as could be told" in report.verdict


def test_groups_are_those_of_the_inventory(tmp_path):
    draft = Store(tmp_path).begin(
        "lab", nodes=["node1", "node2"], now=NOW, groups={"node1": ["workers"], "node2": []}
    )
    for one in (node(1), node(2)):
        draft.add(one)
    found = side_of_capture(draft.seal(now=NOW, tools={}))
    line = "{change: links/flannel.1/mtu, to: 1400, on: ['group:work*']}"
    report = assess_plan(plan_of(tmp_path, line), found, cluster="lab")
    assert [one.waiting for one in report.planned] == [("node1",)]
    assert {row.outcome for row in found.capture.nodes.values()} == {Outcome.OK}


@pytest.mark.parametrize("width", [60, 100, 160])
def test_the_text_is_the_golden_one(width, tmp_path):
    report = checked(
        tmp_path,
        TO_1400,
        "{change: links/eth0/mtu, from: 1500, to: 1410, on: ['node*', nod4]}",
        "{remove: routes/main 10.244.* dev cni0, on: [node1]}",
        "{add: links/wg0}",
        edits={1: {FLANNEL: 1380}, 2: {FLANNEL: 1400}},
        without=[3],
        lost={"node3": "no route to host"},
    )
    text = render(report, "text", Terminal(width=width))
    path = GOLDEN / f"plan-check-{width}.txt"
    if os.environ.get("SNAPDIFF_REWRITE_GOLDEN"):
        path.write_text(text, "utf-8")
    assert text == path.read_text("utf-8")
    assert max(map(len, text.splitlines())) <= width


# The command.


def test_the_shipped_plans_are_listed_by_name(run):
    code, out, _err = run("plan", "list")
    assert code == 0
    assert [line.split("  ")[0].strip() for line in out.splitlines()] == sorted(profiles())


def test_a_shipped_plan_is_copied_to_the_byte_and_never_over_another(run, tmp_path):
    code, out, _err = run("plan", "copy", "underlay-mtu", "mine.yml")
    assert (code, "snapdiff plan check mine.yml" in out) == (0, True)
    copied = (tmp_path / "mine.yml").read_text("utf-8")
    assert copied == (PROFILES / "underlay-mtu.yml").read_text("utf-8")
    code, _out, err = run("plan", "copy", "port-change", "mine.yml")
    assert (code, "mine.yml: it is there already" in err) == (2, True)
    assert (tmp_path / "mine.yml").read_text("utf-8") == copied


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["copy", "underlay-mut", "a.yml"], "Did you mean underlay-mtu?"),
        (["copy", "underlay-mtu", "no/folder/a.yml"], "no/folder/a.yml: "),
        (["check", "nowhere.yml"], "nowhere.yml: No such file"),
        (["check", "underlay-mtu"], "snapdiff plan copy underlay-mtu"),
    ],
    ids=["no-such-plan", "no-such-folder", "no-such-file", "a-shipped-one"],
)
def test_a_slip_ends_with_2_and_says_how_to_mend_it(args, message, run):
    code, out, err = run("plan", *args)
    assert (code, out) == (2, "")
    assert message in err
    assert "Traceback" not in err


def test_the_command_checks_the_latest_capture_and_diff_holds_the_plan(run, tmp_path):
    nodes = [node(n) for n in (1, 2, 3)]
    capture(tmp_path / "snapshots", nodes, cluster="lab")
    (tmp_path / "plan.yml").write_text(f"{HEAD}  - {TO_1400}\n", "utf-8")
    code, out, _err = run("plan", "check", "plan.yml", "--cluster", "lab")
    assert (code, out.splitlines()[0]) == (0, "lab: the plan fits on 3 nodes")
    after = [edited(one, {FLANNEL: 1400}) if one.node != "node2" else one for one in nodes]
    capture(tmp_path / "snapshots", after, now=NOW.replace(hour=3))
    diff = ("diff", "--cluster", "lab", "--plan", "plan.yml")
    code, out, _err = run(*diff)
    assert (code, "missing on node2" in out) == (1, True)
    code, out, _err = run(*diff, "--so-far", "node1", "--so-far", "node3")
    assert (code, "not due yet on 1" in out) == (0, True)
    code, _out, err = run(*diff, "--so-far", "node9")
    assert (code, "--so-far node9: there is no such node" in err) == (2, True)
    code, _out, err = run("diff", "--cluster", "lab", "--so-far", "node1")
    assert (code, "name one with --plan" in err) == (2, True)
