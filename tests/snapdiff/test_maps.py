"""The MTU map and the chains of a capture: what is expected of a hop, and nodes alike as one."""

from __future__ import annotations

import copy
import json
import os
import re
import sys
from dataclasses import replace
from datetime import timedelta

import pytest
from nodes import portless, resized, spoilt, unseen
from test_report import CONTROL, HOSTILE

from builders import GONE, NOW, capture, link, node, side
from clusters import Held, cluster, report, snapshots
from kinds import KINDS, healthy
from snapdiff.assess import assess_diff
from snapdiff.check import assess_check
from snapdiff.cli import main
from snapdiff.errors import UnreadableError
from snapdiff.maps import MOST_CHAINS, Maps, cells_of, wrong
from snapdiff.model import Cell, Chain, Finding, Missing, Severity
from snapdiff.policy import Site, Waiver
from snapdiff.report import Terminal, as_snapshot, render
from snapdiff.report.as_map import render_map
from snapdiff.rules.view import NodeView
from snapdiff.schema import validate
from snapdiff.survey import survey
from snapdiff.verdict import Policy


def view_of(facts, name="node1"):
    return NodeView(snapshots({name: facts})[name])


def cells(facts):
    """Return link, MTU, what was expected and whether it fits, of each hop of a node."""
    return [(one.link, one.mtu, one.expected, one.fits) for one in cells_of(view_of(facts))]


HEALTHY = ["eth0", "flannel.1", "cni0", "veth*"]
ETH0 = ("eth0", 1500, None, None)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (
            "vxlan",
            [
                ETH0,
                ("flannel.1", 1450, 1450, True),
                ("cni0", 1450, 1450, True),
                ("veth*", 1450, 1450, True),
            ],
        ),
        (
            "wireguard",
            [
                ETH0,
                ("flannel-wg", 1420, 1420, True),
                ("cni0", 1420, 1420, True),
                ("veth*", 1420, 1420, True),
            ],
        ),
        ("host-gw", [ETH0, ("cni0", 1500, 1500, True), ("veth*", 1500, 1500, True)]),
        (
            "dual-stack",
            [
                ETH0,
                ("flannel-v6.1", 1430, 1430, True),
                ("flannel.1", 1450, 1450, True),
                ("cni0", 1450, 1450, True),
                ("veth*", 1450, 1450, True),
            ],
        ),
        ("no-pods", [ETH0, ("flannel.1", 1450, 1450, True)]),
        ("canal", [ETH0, ("flannel.1", 1450, 1450, True), ("cali*", 1450, None, True)]),
        ("calico", [ETH0, ("vxlan.calico", 1450, 1450, True), ("cali*", 1450, None, True)]),
        ("cilium", [ETH0, ("cilium_vxlan", 1500, None, None), ("lxc*", 1500, None, None)]),
        (
            "ipip",
            [
                ETH0,
                ("flannel.ipip", 1480, 1480, True),
                ("cni0", 1480, 1480, True),
                ("veth*", 1480, 1480, True),
            ],
        ),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_what_is_expected_of_the_hops_of_a_healthy_node(kind, expected):
    assert cells(healthy(kind)["node1"]) == expected


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_wrong_with_a_healthy_node_of_any_kind(kind):
    found = [one for facts in healthy(kind).values() for one in cells_of(view_of(facts))]
    assert [wrong(one) for one in found] == [""] * len(found)
    assert [one for one in found if one.fits is False] == []


def with_backend(facts, **backend):
    facts["cni"]["net_conf"]["Backend"].update(backend)
    return facts


def with_ports_of(*sizes):
    facts = spoilt("cni0", mtu=min(sizes))
    ports = sorted(name for name in facts["links"] if name.startswith("veth"))
    for number, name in enumerate(ports):
        facts["links"][name]["mtu"] = sizes[number % len(sizes)]
    return facts


def multus():
    facts = spoilt("cni0")
    facts["links"]["br9"] = link("bridge", mtu=9000)
    facts["links"]["veth99999999"] = link("veth", master="br9", mtu=9000)
    return facts


@pytest.mark.parametrize(
    ("facts", "hop", "words"),
    [
        (
            lambda: spoilt("eth0", mtu=1400),
            ("flannel.1", 1450, 1350, False),
            "over the 1350 that the hop before it leaves",
        ),
        (lambda: resized(spoilt("eth0"), 1400), ("flannel.1", 1400, 1450, True), ""),
        (
            lambda: with_backend(spoilt("eth0"), MTU=1400),
            ("flannel.1", 1450, 1350, True),
            "",
        ),
        (lambda: spoilt("flannel.1", gone=["mtu"]), ("flannel.1", None, None, None), ""),
        (
            lambda: unseen(spoilt("eth0", gone=["mtu"]), "links/eth0/mtu"),
            ("flannel.1", 1450, None, None),
            "",
        ),
        (
            lambda: spoilt("cni0", mtu=1500),
            ("cni0", 1500, 1450, False),
            "over the 1450 that the hop before it leaves",
        ),
        (
            lambda: spoilt("cni0", mtu=1300),
            ("cni0", 1300, 1450, True),
            "the least of its ports has 1450",
        ),
        (lambda: portless(spoilt("cni0", mtu=1500)), ("cni0", 1500, 1500, True), ""),
        (lambda: portless(spoilt("cni0", mtu=1400)), ("cni0", 1400, None, True), ""),
        (
            lambda: with_ports_of(1400, 1450),
            ("veth*", (1400, 1450), 1450, True),
            "new pods get 1450",
        ),
        (
            lambda: with_ports_of(1500),
            ("veth*", 1500, 1450, False),
            "over the 1450 that the hop before it leaves",
        ),
        (multus, ("veth*", (1450, 9000), None, None), ""),
    ],
    ids=[
        "underlay-shrank",
        "overlay-smaller",
        "net-conf-leaves-less",
        "mtu-not-told",
        "underlay-not-observed",
        "bridge-too-large",
        "bridge-too-small",
        "bridge-without-ports",
        "bridge-without-ports-set-by-hand",
        "pods-of-two-sizes",
        "pods-over-all",
        "ports-of-another-bridge",
    ],
)
def test_a_hop_against_what_was_expected(facts, hop, words):
    found = {one.link: one for one in cells_of(view_of(facts()))}[hop[0]]
    assert ((found.link, found.mtu, found.expected, found.fits), wrong(found)) == (hop, words)


@pytest.mark.parametrize(
    ("facts", "links"),
    [
        (lambda: unseen(spoilt("eth0"), "links/flannel.9"), [*HEALTHY, "*"]),
        (lambda: unseen({**spoilt("eth0"), "links": {}}, "links"), ["*"]),
        (lambda: unseen(spoilt("eth0"), "links/*/inside"), HEALTHY),
    ],
    ids=["one-link", "all-links", "a-field-of-all"],
)
def test_a_hop_that_nobody_looked_for_is_not_absent(facts, links):
    assert [one.link for one in cells_of(view_of(facts()))] == links


# ---- fleets -----------------------------------------------------------------------------------


def fleet(count, edits):
    """Return facts of a healthy cluster with members of links changed, by node and link."""
    found = cluster(count)
    for name, links in edits.items():
        for one, fields in links.items():
            found[name]["links"][one].update(fields)
    return found


def test_equal_nodes_are_one_row_and_outliers_come_first():
    facts = fleet(8, {"node3": {"cni0": {"mtu": 1300}}, "node5": {"eth0": {"mtu": 1400}}})
    facts["node7"]["links"]["flannel.1"].pop("mtu")
    facts["node8"] = resized(facts["node8"], 8950, under=9000)
    assert [one.nodes for one in survey(Held(facts), cluster="test").mtus] == [
        ("node5",),  # does not fit
        ("node3",),  # fits, and is not what it should be
        ("node7",),  # cannot say
        ("node8",),  # as expected, and rare
        ("node1", "node2", "node4", "node6"),
    ]


def test_what_is_kept_of_a_fleet_does_not_grow_with_it():
    maps = Maps()
    view = view_of(cluster(2)["node1"])
    for number in range(5000):
        view.node = f"node{number}"
        maps.add(view)
    (row,) = maps.mtus()
    (one,) = maps.chains((), lambda _node: {})
    assert (len(row.nodes), len(one.nodes), one.hops[-1].after) == (5000, 5000, "10000 at 1450")


def shape(one: Chain):
    return [(hop.link, hop.before, hop.after, hop.overhead, hop.broken) for hop in one.hops]


def test_a_check_has_the_chains_that_findings_are_about_first_and_the_rest_as_one():
    facts = fleet(5, {"node2": {"eth0": {"mtu": 1400}}})
    first, *rest = report(facts).chains
    assert (first.nodes, shape(first)) == (
        ("node2",),
        [
            ("eth0", None, "1400", 0, ""),
            ("flannel.1", None, "1450", 50, "has MTU 1450, over the 1350 that eth0 leaves"),
            ("cni0", None, "1450", 0, ""),
            ("veth*", None, "2 at 1450", 0, ""),
        ],
    )
    assert [(one.nodes, shape(one)[-1]) for one in rest] == [
        (("node1", "node3", "node4", "node5"), ("veth*", None, "8 at 1450", 0, ""))
    ]


def test_addresses_are_told_where_a_chain_is_of_one_node():
    facts = fleet(3, {"node2": {"eth0": {"mtu": 1400}}})
    first, rest = report(facts).chains
    assert [hop.addresses for hop in first.hops] == [
        ("192.0.2.2/24",),
        ("10.244.2.0/32",),
        ("10.244.2.1/24",),
        (),
    ]
    assert [hop.addresses for hop in rest.hops] == [()] * 4


def test_a_lease_that_is_wrong_breaks_the_overlay_it_was_written_for():
    facts = cluster(2)
    facts["node1"]["cni"]["subnet_env"]["FLANNEL_MTU"] = 1400
    first = report(facts).chains[0]
    broken = {hop.link: hop.broken for hop in first.hops if hop.broken}
    assert broken == {"flannel.1": "new pods get MTU 1400, but flannel.1 runs with 1450"}


def test_what_the_site_accepts_breaks_no_hop():
    facts = fleet(2, {"node1": {"cni0": {"mtu": 1300}}})
    waiver = Waiver(rule="bridge-mtu", reason="until the move")
    for site, broken in ((Site(), ["cni0"]), (Site(waivers=(waiver,)), [])):
        found = assess_check(Held(facts), cluster="test", policy=Policy(), site=site)
        assert [hop.link for one in found.chains for hop in one.hops if hop.broken] == broken


def finding(message, *nodes, path="links/eth0/mtu", severity=Severity.ERROR):
    return Finding(
        id="0" * 16,
        rule="a-rule",
        severity=severity,
        scope="node",
        nodes=nodes,
        path=path,
        message=message,
        keys=tuple(path.split("/")),
    )


@pytest.mark.parametrize(
    ("findings", "words"),
    [
        ([finding("eth0 is wrong", "node1")], "is wrong"),
        ([finding("eth0: it is wrong", "node1")], "it is wrong"),
        ([finding(one, "node1") for one in ("a", "b", "c")], "a; b; and 1 more"),
        ([finding("eth0 has 1, and the like on 4 more", "node1")], "a-rule"),
        ([finding("eth0 is wrong", "node2")], ""),
        ([finding("eth0 is odd", "node1", severity=Severity.INFO)], ""),
        ([finding("eth1 is wrong", "node1", path="links/eth1/mtu")], ""),
        ([finding("no route", "node1", path="routes/main default dev eth0")], ""),
    ],
    ids=[
        "one",
        "with-a-colon",
        "several",
        "folded",
        "another-node",
        "info",
        "another-link",
        "no-link",
    ],
)
def test_the_words_of_findings_stand_at_the_hop_that_they_are_about(findings, words):
    maps = Maps()
    maps.add(view_of(cluster(1)["node1"]))
    (one,) = maps.chains(findings, lambda _node: {})
    assert one.hops[0].broken == words


def test_a_report_has_so_many_chains_at_most_and_never_loses_a_broken_one():
    maps = Maps()
    facts = cluster(1)["node1"]
    for number in range(MOST_CHAINS + 50):
        one = copy.deepcopy(facts)
        one["links"]["eth0"]["mtu"] = 2000 + number
        maps.add(view_of(one, f"node{number:03}"))
    found = maps.chains([finding("it is", "node249")], lambda _node: {})
    assert (len(found), found[0].nodes) == (MOST_CHAINS, ("node249",))


def test_the_chains_and_the_map_of_a_check_fit_the_schema():
    facts = fleet(3, {"node2": {"eth0": {"mtu": 1400}}})
    facts["node3"] = with_ports_of(1400, 1450)
    data = json.loads(render(report(facts), "json"))
    validate(data, "report")
    sizes = {tuple(one["nodes"]): one["cells"][-1]["mtu"] for one in data["mtus"]}
    assert sizes == {("node1",): 1450, ("node2",): 1450, ("node3",): [1400, 1450]}
    assert {hop["before"] for one in data["chains"] for hop in one["hops"]} == {None}


# ---- between two captures ---------------------------------------------------------------------


def test_a_changed_chain_says_what_a_hop_takes_and_what_broke(tmp_path):
    before = side(tmp_path / "a", [node(1), node(2), node(3)])
    edits = {"links/eth0/mtu": 1400}
    after = side(tmp_path / "b", [node(1, edits), node(2), node(3)])
    (one,) = assess_diff(before, after, cluster="lab", policy=Policy()).chains
    assert [(hop.link, hop.before, hop.after, hop.overhead, hop.broken) for hop in one.hops] == [
        ("eth0", "1500", "1400", 0, ""),
        ("flannel.1", "1450", "1450", 50, "over the 1350 that the hop before it leaves"),
        ("cni0", "1450", "1450", 0, ""),
        ("veth*", "2 at 1450", "2 at 1450", 0, ""),
    ]
    assert one.hops[0].addresses == ("192.0.2.1/24",)


def test_a_hop_that_is_gone_takes_nothing_that_is_known(tmp_path):
    before = side(tmp_path / "a", [node(1)])
    after = side(tmp_path / "b", [node(1, {"links/flannel.1": GONE})])
    (one,) = assess_diff(before, after, cluster="lab", policy=Policy()).chains
    gone = next(hop for hop in one.hops if hop.link == "flannel.1")
    assert (gone.before, gone.after, gone.overhead, gone.broken) == ("1450", None, None, "")


# ---- the commands -----------------------------------------------------------------------------


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Run snapdiff on a store with two captures: code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.startswith("SNAPDIFF_") or name in ("NO_COLOR", "XDG_CONFIG_HOME"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    store = tmp_path / "snapshots"
    capture(store, snapshots(cluster()).values())
    facts = fleet(3, {"node2": {"eth0": {"mtu": 1400}}})
    unseen(facts["node1"], "cni")["cni"] = {}
    del facts["node3"]
    later = NOW + timedelta(hours=1)
    lost = {"node3": "no route to host"}
    capture(store, snapshots(facts).values(), now=later, lost=lost)

    def call(*args):
        monkeypatch.setattr(sys, "argv", ["snapdiff", *map(str, args)])
        with pytest.raises(SystemExit) as done:
            main()
        out, err = capsys.readouterr()
        return done.value.code, out, err

    return call


STORE = ("--cluster", "lab")


def test_a_drawn_node_shows_its_chain_what_is_wrong_and_its_lease(run):
    code, out, err = run("show", *STORE, "--node", "node2", "--draw")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert [line[:46] for line in lines[2:7]] == [
        "┌ eth0 ────────┐             ┏ flannel.1 ✗ ━━┓",
        "│ underlay     │ − 50        ┃ overlay       ┃",
        "│ MTU 1400     ├─────────────┨ MTU 1450      ┠",
        "│ 192.0.2.2/24 │ vxlan, IPv4 ┃ 10.244.2.0/32 ┃",
        "└──────────────┘             ┗━━━━━━━━━━━━━━━┛",
    ]
    assert [line[46:] for line in lines[2:7]] == [
        "  ┌ cni0 ─────────┐  ┌ veth* ───┐  ┌ 2 pods ──┐",
        "  │ pod bridge    │  │ pod port │  │ of veth* │",
        "──┤ MTU 1450      ├──┤ MTU 1450 ├──┤          │",
        "  │ 10.244.2.1/24 │  │          │  │          │",
        "  └───────────────┘  └──────────┘  └──────────┘",
    ]
    assert lines[8:] == [
        "✗ flannel.1: has MTU 1450, over the 1350 that eth0 leaves",
        "",
        "lease  10.244.2.1/24, MTU 1450 for new pods",
    ]


def test_a_lease_that_nobody_looked_for_is_said_to_be_so(run):
    assert run("show", *STORE, "--node", "node1", "--draw")[1].splitlines()[-1] == (
        "lease not observed: it was not told"
    )


def test_the_map_of_a_capture_has_outliers_first_and_names_who_was_not_seen(run):
    code, out, err = run("map", *STORE)
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        "lab: MTU of every hop, 20261122T030000Z: 2 of 3 nodes",
        "",
        "nodes  eth0  flannel.1         cni0    veth*",
        "node2  1400  ✗ 1450, not 1350  = 1450  = 1450",
        "node1  1500  = 1450            = 1450  ≤ 1450",
        "no sign: the first hop, held against nothing; = as expected; ✗ more than the hop before "
        "leaves; ≤",
        "fits; nobody says what was expected",
        "",
        "not seen",
        "  node3: unreachable: no route to host",
    ]


def test_the_mesh_of_a_capture_shows_who_lacks_whom(run):
    code, out, _err = run("map", *STORE, "@prev", "--what", "mesh")
    assert (code, out.splitlines()[2]) == (
        0,
        "No pair of the nodes that were seen lacks an entry or has an old one.",
    )


def test_a_map_of_nobody_is_no_map(run, tmp_path):
    capture(tmp_path / "empty", [], lost={"node1": "no route"})
    code, out, _err = run("map", "--cluster", "lab", "--store", tmp_path / "empty")
    assert (code, out.splitlines()[2]) == (0, "no node was seen, so there is nothing to draw")


@pytest.mark.parametrize(
    ("args", "code", "told"),
    [
        (("show", *STORE, "--node", "node2", "--draw", "--yaml"), 2, "a file is not drawn"),
        (("show", *STORE, "--node", "node3", "--draw"), 2, "no snapshot of node3"),
        (("map", *STORE, "--what", "routes"), 2, "Invalid value for '--what'"),
        (("map", *STORE, "@label:none"), 2, "none"),
    ],
    ids=["yaml", "not-seen", "unknown-map", "no-capture"],
)
def test_what_cannot_be_drawn_is_refused(run, args, code, told):
    found, out, err = run(*args)
    assert (found, out) == (code, "")
    assert told in err


@pytest.mark.parametrize(
    ("args", "coloured"),
    [((), False), (("--color", "always"), True), (("--color", "never"), False)],
)
def test_a_map_is_plain_when_piped_unless_colour_is_asked_for(run, args, coloured):
    for command in (("map", *STORE), ("show", *STORE, "--node", "node2", "--draw")):
        assert ("\x1b[" in run(*command, *args)[1]) is coloured


@pytest.mark.parametrize("what", ["mtu", "mesh"])
@pytest.mark.parametrize("number", range(len(HOSTILE)))
def test_text_of_a_capture_moves_no_cursor_of_who_looks_at_a_map(number, what):
    text = HOSTILE[number]
    found = survey(Held(cluster(2), lost=text), cluster=text)
    (given,) = found.inputs
    found = replace(
        found,
        inputs=(replace(given, capture=text, label=text),),
        coverage=replace(found.coverage, skipped=(text,), missing=(Missing(node=text, why=text),)),
        mtus=tuple(replace(one, nodes=(text,)) for one in found.mtus),
        mesh=(Cell(holder=text, peer="node1", extra=True),),
    )
    for colour in (False, True):
        shown = render_map(found, what, Terminal(width=100, colour=colour))
        assert not CONTROL.search(re.sub(r"\x1b\[[0-9;]*m", "", shown) if colour else shown)


def test_a_drawing_is_never_wider_than_the_terminal():
    view = view_of(cluster(2, dual=True)["node1"])
    maps = Maps()
    maps.add(view)
    (one,) = maps.chains((), lambda _node: {})
    for width in (40, 60, 100, 160):
        text = as_snapshot.render_drawing(view.snapshot, one, Terminal(width=width))
        assert max(map(len, text.splitlines())) <= width


def test_a_node_that_cannot_be_read_is_missing_from_the_map_and_named():
    class Torn(Held):
        def snapshot(self, name):
            if name == "node1":
                raise UnreadableError("node1.yml: it was changed after the capture was sealed")
            return super().snapshot(name)

    found = survey(Torn(cluster(2)), cluster="test")
    assert [one.nodes for one in found.mtus] == [("node2",)]
    assert [one.node for one in found.coverage.missing] == ["node1"]
