"""A whole fleet: coverage, nodes that came and went, stragglers, chains, the verdict."""

from __future__ import annotations

import pytest

from builders import GONE, address, edited, node, peer, route, side
from snapdiff.assess import Policy, assess_diff
from snapdiff.errors import ExitCode
from snapdiff.model import Churn, Missing, Severity, Undecided


@pytest.fixture
def compare(tmp_path):
    """Compare two lists of snapshots as captures; the report."""

    def run(before, after, *, old=None, new=None, cluster="lab", **policy):
        sides = (
            side(tmp_path / "a", before, **(old or {})),
            side(tmp_path / "b", after, **(new or {})),
        )
        return assess_diff(*sides, cluster=cluster, policy=Policy(**policy))

    return run


def fleet(number=3, edits=None, of=None):
    """Return healthy nodes, but for *edits*: node number to its edits."""
    edits = edits or {}
    return [node(n, edits.get(n), of=of or number) for n in range(1, number + 1)]


def rows(report):
    return [(one.path, one.severity.word, one.nodes) for one in report.findings]


MTU = {"links/cni0/mtu": 1400}


def test_a_fleet_that_did_not_change(compare):
    report = compare(fleet(), fleet())
    assert (report.findings, report.churn, report.undecided, report.chains) == ((), (), (), ())
    assert (report.verdict, report.exit_code) == ("no drift on 3 nodes", 0)


# ---- coverage ---------------------------------------------------------------------------------


def test_a_node_that_was_not_reached_is_missing_and_the_rest_is_compared(compare):
    report = compare(fleet(), fleet(2, {1: MTU}, of=3), new={"lost": {"node3": "no route"}})
    coverage = report.coverage
    assert (coverage.expected, coverage.observed, coverage.comparable) == (3, 2, 2)
    assert coverage.missing == (Missing(node="node3", why="after: unreachable: no route"),)
    assert rows(report) == [("links/cni0/mtu", "warning", ("node1",))]


@pytest.mark.parametrize(
    ("lost", "edits", "policy", "code"),
    [
        (0, {}, {}, 0),
        (1, {}, {}, 3),
        (1, {}, {"min_coverage": 66.0}, 0),
        (1, {}, {"min_coverage": 67.0}, 3),
        (3, {}, {}, 3),
        (3, {}, {"min_coverage": 0.0}, 0),
        (1, {1: MTU}, {}, 1),
        (0, {1: MTU}, {"fail_on": Severity.ERROR}, 0),
        (0, {1: {"links/cni0/ifindex": 9}}, {}, 0),
        (0, {1: {"links/cni0/ifindex": 9}}, {"fail_on": Severity.INFO}, 1),
        (0, {1: {"not_observed/ipam": "no time"}}, {}, 0),
        (0, {1: {"not_observed/ipam": "no time"}}, {"strict": True}, 3),
        (0, {1: {"not_observed/ipam": "no time", **MTU}}, {"strict": True}, 1),
        (0, {1: {"consistent": False}}, {}, 0),
        (0, {1: {"consistent": False}}, {"strict": True}, 3),
    ],
)
def test_the_exit_code(compare, lost, edits, policy, code):
    names = {f"node{3 - number}": "no route" for number in range(lost)}
    report = compare(fleet(), fleet(3 - lost, edits, of=3), new={"lost": names}, **policy)
    assert report.exit_code == ExitCode(code)


def test_of_an_empty_fleet_nothing_can_be_trusted(compare):
    report = compare([], [], min_coverage=0.0)
    assert (report.exit_code, report.verdict) == (
        3,
        "nothing could be compared; not to be trusted as a whole",
    )


def test_a_node_that_was_left_out_on_purpose_is_not_missing(compare):
    report = compare(fleet(), fleet(2, of=3), new={"skipped": {"node3": "--limit"}})
    assert (report.coverage.skipped, report.coverage.missing) == (("node3",), ())
    assert (report.exit_code, report.verdict) == (0, "no drift on 2 nodes; 1 left out on purpose")


def test_an_invalid_snapshot_is_missing_and_the_rest_is_compared(tmp_path):
    sides = side(tmp_path / "a", fleet()), side(tmp_path / "b", fleet(edits={1: MTU}))
    path = sides[1].paths["node2"]
    path.write_bytes(path.read_bytes().replace(b"1450", b"1451"))
    report = assess_diff(*sides, cluster="lab", policy=Policy())
    assert [one.node for one in report.coverage.missing] == ["node2"]
    assert "changed after the capture was sealed" in report.coverage.missing[0].why
    assert rows(report) == [("links/cni0/mtu", "warning", ("node1",))]
    assert "1 of 3 nodes could not be compared" in report.verdict


def test_progress_is_told_for_every_node(tmp_path):
    sides = side(tmp_path / "a", fleet()), side(tmp_path / "b", fleet())
    seen = []
    assess_diff(
        *sides, cluster="lab", policy=Policy(), progress=lambda *numbers: seen.append(numbers)
    )
    assert seen == [(1, 3), (2, 3), (3, 3)]


# ---- nodes that came and went -----------------------------------------------------------------


def without(snapshot, number):
    return edited(snapshot, {f"peers/10.244.{number}.0": GONE})


def test_a_node_that_went_and_that_its_peers_forgot(compare):
    report = compare(fleet(), [without(one, 3) for one in fleet(2, of=3)])
    assert [(one.path, one.severity.word, one.message) for one in report.findings] == [
        (
            "nodes/node3",
            "info",
            "node node3 is not asked for any more; its peers have forgotten it",
        )
    ]
    assert report.exit_code == 0


def test_a_node_that_went_and_that_its_peers_still_know(compare):
    report = compare(fleet(), fleet(2, of=3))
    assert rows(report) == [("nodes/node3", "warning", ("node3",))]
    assert report.exit_code == 1


def test_a_peer_that_went_beside_the_node_is_told(compare):
    after = [without(one, 3) for one in fleet(2, of=4)]
    report = compare(fleet(4), [without(after[0], 4), after[1], without(fleet(4)[3], 3)])
    assert rows(report) == [
        ("peers/10.244.4.0", "warning", ("node1",)),
        ("nodes/node3", "info", ("node3",)),
    ]


def test_a_node_that_some_did_not_forget_is_told_with_their_names(compare):
    after = [without(one, 3) for one in fleet(2, of=4)]
    report = compare(fleet(4), [*after, *fleet(4)[3:]])
    assert rows(report) == [("nodes/node3", "warning", ("node3",))]
    assert "node4 still have entries for it" in report.findings[0].message


def test_a_new_node_is_told_once_and_not_by_each_of_its_peers(compare):
    report = compare(fleet(3), fleet(4))
    assert rows(report) == [("nodes/node4", "info", ("node4",))]
    assert (report.findings[0].message, report.exit_code) == ("node node4 is new", 0)


def test_a_peer_that_is_nobodys_node_is_told(compare):
    stranger = {"peers/10.244.9.0": peer(9)}
    report = compare(fleet(), fleet(edits=dict.fromkeys((1, 2, 3), stranger)))
    assert rows(report) == [("peers/10.244.9.0", "warning", ("node1", "node2", "node3"))]


def test_a_new_lease_is_told_on_its_node_with_what_its_peers_did(compare):
    own = {
        ("links", "flannel.1", "addresses", "10.244.3.0/32"): GONE,
        ("links", "flannel.1", "addresses", "10.244.9.0/32"): {"family": "inet", "scope": "global"},
        "cni/subnet_env/FLANNEL_SUBNET": "10.244.9.1/24",
    }
    theirs = {"peers/10.244.3.0": GONE, "peers/10.244.9.0": peer(3, subnet="10.244.9.0/24")}
    report = compare(fleet(), fleet(edits={1: theirs, 2: theirs, 3: own}))
    assert rows(report) == [
        ("cni/subnet_env/FLANNEL_SUBNET", "warning", ("node3",)),
    ]
    own = "with it links/flannel.1/addresses 10.244.3.0/32 → 10.244.9.0/32"
    assert own in report.findings[0].evidence
    effect = "so on node1, node2: peers/10.244.3.0/subnet 10.244.3.0/24 → 10.244.9.0/24"
    assert effect in report.findings[0].evidence


# ---- stragglers -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "stragglers"),
    [((1,), ()), ((1, 2), ()), ((1, 2, 3), ("node4",)), ((1, 2, 3, 4), ())],
    ids=["one", "half", "most", "all"],
)
def test_who_did_not_follow_is_named_only_where_most_did(compare, changed, stragglers):
    report = compare(fleet(4), fleet(4, dict.fromkeys(changed, MTU)))
    (row,) = report.findings
    assert (len(row.nodes), row.stragglers) == (len(changed), stragglers)


def test_who_had_the_new_value_already_is_no_straggler(compare):
    report = compare(fleet(4, {4: MTU}), fleet(4, dict.fromkeys((1, 2, 3, 4), MTU)))
    assert [(one.nodes, one.stragglers) for one in report.findings] == [
        (("node1", "node2", "node3"), ())
    ]


def test_who_was_not_put_down_with_most_is_a_straggler_too(compare):
    down = {"links/eth0/flags": ["BROADCAST", "MULTICAST"]}
    report = compare(fleet(4), fleet(4, dict.fromkeys((1, 2, 3), down)))
    assert [(one.path, one.stragglers) for one in report.findings] == [
        ("links/eth0/flags", ("node4",))
    ]


# ---- chains, churn, what could not be told ----------------------------------------------------


def test_the_chain_is_shown_of_nodes_whose_links_changed_and_of_stragglers(compare):
    edits = {n: {"links/eth0/mtu": 1400} for n in (1, 2, 3)}
    report = compare(fleet(4), fleet(4, edits))
    shown = {
        one.nodes: [(hop.link, hop.before, hop.after) for hop in one.hops] for one in report.chains
    }
    rest = [
        ("flannel.1", "1450", "1450"),
        ("cni0", "1450", "1450"),
        ("veth*", "2 at 1450", "2 at 1450"),
    ]
    assert shown == {
        ("node1", "node2", "node3"): [("eth0", "1500", "1400"), *rest],
        ("node4",): [("eth0", "1500", "1500"), *rest],
    }


def test_a_hop_that_went_or_came_is_in_the_chain(compare):
    report = compare(fleet(1), fleet(1, {1: {"links/flannel.1": GONE}}))
    hops = {one.link: (one.before, one.after) for one in report.chains[0].hops}
    assert hops["flannel.1"] == ("1450", None)


def test_no_chain_where_no_link_changed(compare):
    report = compare(fleet(1), fleet(1, {1: {"sysctls/net.ipv4.ip_forward": 0}}))
    assert (len(report.findings), report.chains) == (1, ())


def test_churn_is_counted_and_never_a_finding(compare):
    report = compare(fleet(2), fleet(2, {2: {"links/veth00000001": GONE}}))
    assert report.churn == (
        Churn(node="node2", what="veth*", before=2, after=1, added=0, removed=1),
    )
    assert (report.findings, report.exit_code, report.verdict) == ((), 0, "no drift on 2 nodes")


def test_what_could_not_be_told_is_one_row_for_all_nodes(compare):
    edits = {key: {"not_observed/ipam": "no time"} for key in (1, 2)}
    report = compare(fleet(2, edits), fleet(2, edits))
    nodes = ("node1", "node2")
    assert report.undecided == (Undecided(path="ipam", why="no time", side="both", nodes=nodes),)
    assert report.verdict == (
        "no drift on 2 nodes, as far as could be told; 1 thing could not be decided"
    )


def test_one_node_under_two_names_is_compared_with_itself(compare):
    report = compare([node(1)], [node(1, MTU, name="renamed")])
    assert rows(report) == [("links/cni0/mtu", "warning", ("renamed",))]
    assert (report.coverage.comparable, report.coverage.missing) == (1, ())


def test_worst_first_then_as_the_chain_goes_with_nodes_before_links(compare):
    report = compare(fleet(3), fleet(2, {1: MTU, 2: {"links/cni0/ifindex": 9}}, of=3))
    assert [one.path for one in report.findings] == [
        "nodes/node3",
        "links/cni0/mtu",
        "links/cni0/ifindex",
    ]


# ---- other machines ---------------------------------------------------------------------------


def replaced(held):
    """Return a fleet where node4 took the place and address of node3; others hold *held*."""
    new = {
        **{f"10.244.{one}.0": peer(one) for one in (1, 2)},
    }
    came = {
        ("links", "eth0", "addresses"): {"192.0.2.3/24": address()},
        ("links", "flannel.1", "vxlan", "local"): "192.0.2.3",
        "peers": new,
    }
    row = {"peers/10.244.3.0": GONE, "peers/10.244.4.0": peer(4, underlay="192.0.2.3", **held)}
    return [node(1, row), node(2, row), node(4, came, of=4)]


def test_a_node_that_made_way_for_another_with_its_address_is_no_drift(compare):
    report = compare(fleet(), replaced({}))
    assert rows(report) == [
        ("nodes/node3", "info", ("node3",)),
        ("nodes/node4", "info", ("node4",)),
    ]


def test_peers_that_hold_something_else_of_the_new_node_are_told(compare):
    report = compare(fleet(), replaced({"mac": "0a:00:00:00:00:99"}))
    assert ("peers/10.244.3.0/mac", "warning", ("node1", "node2")) in rows(report)


def machine(number, **edits):
    return {"host/machine_id": f"sha256:{number}", **edits}


def test_nodes_whose_names_were_exchanged_are_told_once_with_the_names_that_they_had(compare):
    before = [node(one, machine(one), of=3) for one in (1, 2, 3)]
    after = [node(one, machine(one), of=3, name=name) for one, name in NAMES]
    report = compare(before, after)
    assert rows(report)[0] == ("host/machine_id", "warning", ("node1", "node2"))
    assert [one for one in report.findings if one.severity > Severity.INFO][1:] == []
    told = report.findings[0].evidence
    assert "node1 is the machine that was node2" in told
    assert "node2 is the machine that was node1" in told


NAMES = ((2, "node1"), (1, "node2"), (3, "node3"))


def test_a_node_that_was_installed_anew_leads_with_its_machine(compare):
    edits = {"host/machine_id": "sha256:new", "links/eth0/mac": "02:99:00:00:00:01"}
    before = [node(1, machine(1)), node(2, machine(2)), node(3, machine(3))]
    after = [node(1, edits), node(2, machine(2)), node(3, machine(3))]
    (row,) = compare(before, after).findings
    assert (row.path, row.nodes) == ("host/machine_id", ("node1",))
    assert "with it links/eth0/mac 02:00:00:00:00:01 → 02:99:00:00:00:01" in row.evidence


# ---- what is a node's own ---------------------------------------------------------------------


def test_what_befell_all_nodes_by_their_own_values_is_one_row(compare):
    def blackhole(one):
        key = f"main blackhole 10.244.{one}.0/24"
        row = route(f"10.244.{one}.0/24", None, type="blackhole")
        return {("routes", key): {k: v for k, v in row.items() if v is not None}}

    (row,) = compare(fleet(), fleet(3, {one: blackhole(one) for one in (1, 2, 3)})).findings
    assert (row.path, row.nodes) == ("routes/main blackhole *", ("node1", "node2", "node3"))
    values = "node1 10.244.1.0/24, node2 10.244.2.0/24, node3 10.244.3.0/24"
    assert row.evidence == (f"each node by its own values: {values}",)
    places = [one.places for one in row.members]
    assert places[0] == ("routes/main blackhole 10.244.1.0/24",)


def test_routes_that_are_no_nodes_own_stay_apart(compare):
    def lost(one):
        return {("routes", f"main 10.9.{one}.0/24 dev eth0"): route(f"10.9.{one}.0/24", "eth0")}

    assert len(compare(fleet(), fleet(3, {1: lost(1), 2: lost(2)})).findings) == 2


def test_two_nodes_that_exchanged_their_subnets_are_one_row(compare):
    def swapped(number, other):
        subnet = f"10.244.{other}"
        return {
            "cni/subnet_env/FLANNEL_SUBNET": f"{subnet}.1/24",
            ("links", "flannel.1", "addresses"): {f"{subnet}.0/32": address()},
            ("links", "cni0", "addresses"): {f"{subnet}.1/24": address()},
            ("routes", f"main 10.244.{number}.0/24 dev cni0"): GONE,
            f"peers/10.244.{other}.0": GONE,
            f"peers/10.244.{number}.0": peer(other, subnet=f"10.244.{number}.0/24"),
        }

    third = {
        "peers/10.244.1.0": peer(2, subnet="10.244.1.0/24"),
        "peers/10.244.2.0": peer(1, subnet="10.244.2.0/24"),
    }
    report = compare(fleet(), fleet(3, {1: swapped(1, 2), 2: swapped(2, 1), 3: third}))
    assert rows(report) == [("cni/subnet_env/FLANNEL_SUBNET", "warning", ("node1", "node2"))]
