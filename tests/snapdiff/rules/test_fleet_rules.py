"""What must be alike, or unlike, on all nodes."""

from __future__ import annotations

import json
import random

import pytest

from builders import FIXTURES
from clusters import Held, cluster, node, report, snapshots, told
from kinds import KINDS, healthy
from snapdiff.census import memberships
from snapdiff.model import Severity
from snapdiff.rules import alike, fleet, identities, reach
from snapdiff.rules.fleet_view import Fleet
from snapdiff.rules.registry import CannotTell, shipped
from snapdiff.rules.view import NodeView
from snapdiff.saved import Folder, snapshot_of

MINE = sorted(
    name
    for name, one in shipped().items()
    if one.check.__module__ in {one.__name__ for one in (alike, fleet, identities, reach)}
)


def renamed(facts, old, new):
    return json.loads(json.dumps(facts).replace(old, new))


def fleet_of(facts):
    found = Fleet()
    for one in snapshots(facts).values():
        found.add(NodeView(one))
    return found


def breaches(rule, facts):
    """Return path, nodes and severity of each breach, cannot-tells by their path and ``?``."""
    one = shipped()[rule]
    return [
        (found.path, "?")
        if isinstance(found, CannotTell)
        else (
            found.path,
            found.nodes,
            one.severity if found.severity is None else found.severity,
        )
        for found in one.check(fleet_of(facts))
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_a_healthy_cluster_of_any_kind_breaks_no_rule_of_mine(kind):
    found = report(healthy(kind))
    assert [row.rule for row in found.findings if row.rule in MINE] == []
    assert [one.rule for one in found.undecided if one.rule in MINE] == []


def test_a_real_flannel_cluster_breaks_none_and_says_what_nobody_saved():
    folder = FIXTURES / "flannel-lab" / "healthy"
    found = Fleet()
    for path in sorted(folder.iterdir()):
        one = snapshot_of(Folder(path), node=path.name, taken_at="2026-11-22T03:00:00Z", via="test")
        found.add(NodeView(one))
    answers = [
        (name, one.path if isinstance(one, CannotTell) else one.message)
        for name in MINE
        if shipped()[name].scope == "fleet"
        for one in shipped()[name].check(found)
    ]
    assert answers == [("cni-files-alike", "cni_config"), ("machine-id-unique", "host")]


def test_nothing_is_compared_in_a_fleet_of_one():
    one = node(1, 1)
    one["sysctls"] = {}
    one["not_observed"] = {"host": "denied", "sysctls": "denied", "cni": "denied"}
    one["host"], one["cni"] = {}, {}
    between = [name for name in MINE if name not in ("next-hop-on-link", "foreign-pod-routes")]
    assert {name: breaches(name, {"node1": one}) for name in between} == {
        key: [] for key in between
    }


def duplicate_subnet():
    facts = cluster(3)
    facts["node3"] = renamed(facts["node3"], "10.244.3.", "10.244.2.")
    for name in facts:
        facts[name]["peers"] = {
            key: row for key, row in facts[name]["peers"].items() if key != "10.244.3.0"
        }
    facts["node3"]["peers"].pop("10.244.2.0")
    return facts


def other(number=3, **vxlan):
    facts = cluster(3)
    facts[f"node{number}"]["links"]["flannel.1"]["vxlan"].update(vxlan)
    return facts


def other_vni():
    facts = cluster(3)
    facts["node3"] = renamed(facts["node3"], "flannel.1", "flannel.2")
    facts["node3"]["links"]["flannel.2"]["vxlan"]["id"] = 2
    facts["node3"]["cni"]["net_conf"]["Backend"]["VNI"] = 2
    return facts


def other_underlay():
    facts = cluster(3, underlay=1410)
    facts["node2"] = node(2, 3, underlay=1500)
    return facts


def other_backend():
    facts = cluster(3)
    facts["node3"] = node(3, 3, backend="wireguard")
    return facts


def cloned_mac():
    return renamed(cluster(3), "02:00:00:00:00:03", "02:00:00:00:00:02")


def cloned_nic():
    return renamed(cluster(3), "52:54:00:00:00:03", "52:54:00:00:00:02")


def cloned_machine():
    facts = renamed(cloned_mac(), "0a:00:00:00:00:03", "0a:00:00:00:00:02")
    facts["node3"]["host"]["machine_id"] = facts["node2"]["host"]["machine_id"]
    return facts


def other_network():
    facts = cluster(3)
    facts["node3"]["cni"]["subnet_env"]["FLANNEL_NETWORK"] = "10.244.0.0/15"
    facts["node3"]["cni"]["net_conf"]["Network"] = "10.244.0.0/15"
    return facts


def one_family():
    facts = cluster(3, dual=True)
    for name in ("FLANNEL_IPV6_SUBNET", "FLANNEL_IPV6_NETWORK"):
        del facts["node3"]["cni"]["subnet_env"][name]
    return facts


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (
            duplicate_subnet(),
            ("pod-subnets-disjoint", "cni/subnet_env/FLANNEL_SUBNET", ("node2", "node3")),
        ),
        (other_vni(), ("same-vni", "links/flannel.2/vxlan/id", ("node3",))),
        (other(id=2), ("same-vni", "links/flannel.1/vxlan/id", ("node3",))),
        (other(port=4789), ("same-port", "links/flannel.1/vxlan/port", ("node3",))),
        (other(learning=True), ("same-learning", "links/flannel.1/vxlan/learning", ("node3",))),
        (other_underlay(), ("underlay-mtu-alike", "links/eth0/mtu", ("node2",))),
        (other_backend(), ("same-backend", "cni/net_conf/Backend/Type", ("node3",))),
        (cloned_mac(), ("vtep-mac-unique", "links/flannel.1/mac", ("node2", "node3"))),
        (cloned_nic(), ("underlay-mac-unique", "links/eth0/mac", ("node2", "node3"))),
        (cloned_machine(), ("machine-id-unique", "host/machine_id", ("node2", "node3"))),
        (other_network(), ("same-pod-network", "cni/subnet_env/FLANNEL_NETWORK", ("node3",))),
    ],
    ids=[
        "subnet-twice",
        "vni",
        "vni-by-hand",
        "port",
        "learning",
        "underlay-mtu",
        "backend",
        "mac-twice",
        "nic-twice",
        "clone",
        "network",
    ],
)
def test_one_event_is_one_finding_that_names_the_outlier(facts, expected):
    assert told(facts) == [expected]


def in_networks(prefix):
    """Return a cluster with one MAC twice, and node3 in a network of its own of this length."""
    facts = cloned_nic()
    facts["node3"] = renamed(facts["node3"], "192.0.2.3/24", f"203.0.113.3/{prefix}")
    return facts


def over_ipvlan():
    facts = cloned_nic()
    for one in facts.values():
        one["links"]["eth0"]["kind"] = "ipvlan"
    return facts


@pytest.mark.parametrize(
    "facts", [in_networks(24), in_networks(32), over_ipvlan()], ids=["apart", "none", "ipvlan"]
)
def test_one_mac_where_no_switch_sees_both_is_not_told(facts):
    assert breaches("underlay-mac-unique", facts) == []


def test_the_evidence_counts_the_majority_and_names_the_rest():
    facts = cluster(7)
    for name in ("node3", "node5"):
        facts[name]["cni"]["subnet_env"]["FLANNEL_MTU"] = 1430
    (one,) = shipped()["lease-mtu-alike"].check(fleet_of(facts))
    assert (one.message, one.nodes, one.seen, one.expected) == (
        "MTU for new pods: 1450 on 5 nodes; 1430 on node3, node5",
        ("node3", "node5"),
        1430,
        1450,
    )


def test_an_inventory_group_says_what_the_outliers_are():
    facts = cluster(7)
    for name in ("node3", "node5"):
        facts[name]["cni"]["subnet_env"]["FLANNEL_MTU"] = 1430
    groups = {name: ("old",) if name in ("node3", "node5") else () for name in facts}
    held = fleet_of(facts)
    held.inventory = memberships(groups)
    (one,) = shipped()["lease-mtu-alike"].check(held)
    assert "all 2 are in group old, and nobody else" in one.evidence


def test_of_two_that_differ_both_are_named_and_none_is_right():
    facts = cluster(2)
    facts["node2"]["links"]["flannel.1"]["vxlan"]["port"] = 4789
    (one,) = shipped()["same-port"].check(fleet_of(facts))
    assert (one.nodes, one.expected, one.seen) == (("node1", "node2"), None, None)
    assert "no value is that of most: 4789 on node2; 8472 on node1" in one.message


@pytest.mark.parametrize(
    ("mtu", "severity"), [(1450, None), (1400, Severity.WARNING), (1399, Severity.ERROR)]
)
def test_pods_more_than_50_apart_are_an_error(mtu, severity):
    facts = cluster(3)
    facts["node1"]["cni"]["subnet_env"]["FLANNEL_MTU"] = mtu
    found = breaches("lease-mtu-alike", facts)
    assert [row[2] for row in found] == ([] if severity is None else [severity])


def test_underlays_of_two_mtus_are_for_information_where_overlays_fit_the_smaller():
    facts = cluster(4, underlay=1500)
    for name in ("node3", "node4"):
        facts[name]["links"]["eth0"]["mtu"] = 9000
    assert breaches("underlay-mtu-alike", facts) == [
        ("links/eth0/mtu", ("node1", "node2", "node3", "node4"), Severity.INFO)
    ]


def test_what_was_not_observed_on_a_node_is_not_counted_and_not_alike():
    facts = cluster(3)
    for name in ("node1", "node2", "node3"):
        del facts[name]["links"]["flannel.1"]["vxlan"]["port"]
    facts["node3"]["not_observed"] = {"links/*/vxlan": "too old"}
    assert breaches("same-port", facts) == []  # nobody has one to compare with
    facts = cluster(3)
    del facts["node3"]["links"]["flannel.1"]["vxlan"]
    facts["node3"]["not_observed"] = {"links/*/vxlan": "too old"}
    assert breaches("same-port", facts) == [("links/*/vxlan", "?")]
    assert breaches("same-vni", facts) == [("links/*/vxlan", "?")]
    facts["node2"]["links"]["flannel.1"]["vxlan"]["port"] = 4789
    assert breaches("same-port", facts) == [
        ("links/flannel.1/vxlan/port", ("node1", "node2"), Severity.ERROR),
        ("links/*/vxlan", "?"),
    ]


def test_a_node_whose_pod_subnet_nobody_saw_may_overlap():
    facts = cluster(3)
    facts["node3"]["cni"], facts["node3"]["not_observed"] = {}, {"cni": "denied"}
    for name in ("cni0", "flannel.1"):
        facts["node3"]["links"][name]["addresses"] = {}
    assert breaches("pod-subnets-disjoint", facts) == [("cni", "?")]


@pytest.mark.parametrize(
    ("lost", "path", "nodes", "words"),
    [
        (lambda holder, peer: True, "peers/*/missing", 5, "node1 lacks the route"),
        (lambda holder, peer: peer > 2, "peers/*/missing", 3, "4 nodes lack the route"),
        (lambda holder, peer: peer == 5, "peers/10.244.5.0/missing", 1, "4 nodes lack the route"),
        (lambda holder, peer: holder == 5, "peers/*/missing", 1, "node5 lacks the route"),
    ],
    ids=["all-lost-all", "most-are-unknown-to-all", "one-is-unknown-to-all", "one-lost-all"],
)
def test_what_is_missing_all_over_a_mesh_is_one_row(lost, path, nodes, words):
    facts = cluster(5)
    for holder, one in enumerate(facts.values(), 1):
        one["peers"] = {
            key: row
            for key, row in one["peers"].items()
            if not lost(holder, int(row["subnet"].split(".")[2]))
        }
    rows = [one for one in report(facts).findings if one.rule == "peer-entries-missing"]
    assert [(one.path, len(one.nodes)) for one in rows] == [(path, nodes)]
    assert rows[0].message.startswith(words)


@pytest.mark.parametrize(
    ("rule", "section", "path"),
    [
        ("machine-id-unique", "host", "host"),
        ("sysctls-alike", "sysctls", "sysctls"),
        ("cni-files-alike", "cni_config", "cni_config"),
        ("lease-mtu-alike", "cni", "cni"),
        ("underlay-mtu-alike", "links", "links"),
        ("underlay-address-unique", "links", "links"),
        ("overlay-missing-here", "links", "links"),
    ],
)
def test_where_nobody_can_be_compared_nobody_can_tell(rule, section, path):
    facts = cluster(3)
    for name in facts:
        facts[name][section] = {}
        facts[name]["not_observed"] = {section: "denied"}
    assert breaches(rule, facts) == [(path, "?")]


def test_subnets_overlap_also_where_one_lies_in_the_other_or_only_a_bridge_is_left():
    facts = cluster(3)
    facts["node1"]["cni"]["subnet_env"]["FLANNEL_SUBNET"] = "10.244.0.1/22"
    assert breaches("pod-subnets-disjoint", facts) == [
        ("cni/subnet_env/FLANNEL_SUBNET", ("node1", "node2", "node3"), Severity.ERROR)
    ]
    facts = cluster(3)
    cni0 = facts["node1"]["links"]["cni0"]
    cni0["addresses"] = {"10.244.3.1/24": cni0["addresses"]["10.244.1.1/24"]}
    (one,) = shipped()["pod-subnets-disjoint"].check(fleet_of(facts))
    assert one.nodes == ("node1", "node3")
    assert "node1: 10.244.3.0/24 (cni0)" in one.evidence


def test_without_a_lease_the_addresses_of_overlay_and_bridge_tell():
    facts = duplicate_subnet()
    for one in facts.values():
        one["cni"], one["not_observed"] = {}, {"cni": "it was not saved"}
    assert [row[1] for row in breaches("pod-subnets-disjoint", facts)] == [("node2", "node3")]


def test_subnets_side_by_side_do_not_overlap():
    facts = cluster(3)
    facts["node1"]["cni"]["subnet_env"]["FLANNEL_SUBNET"] = "10.244.1.1/25"
    facts["node1"]["links"].pop("cni0")
    assert breaches("pod-subnets-disjoint", facts) == []


def test_a_nat_address_on_every_node_is_one_finding():
    facts = cluster(3)
    for number in (1, 2, 3):
        facts = renamed(facts, f'"192.0.2.{number}"', '"10.0.2.15"')
        facts = renamed(facts, f"192.0.2.{number}/24", "10.0.2.15/24")
    assert breaches("underlay-address-unique", facts) == [
        ("links/eth0/addresses", ("node1", "node2", "node3"), Severity.ERROR)
    ]


def test_a_floating_address_on_two_nodes_is_no_duplicate():
    facts = cluster(3, backend="host-gw")
    for name in facts:
        facts[name]["links"]["eth0"]["addresses"]["192.0.2.200/32"] = {
            "family": "inet",
            "scope": "global",
        }
    assert breaches("underlay-address-unique", facts) == []


def moved_to(facts, name, net=None):
    found = renamed(facts, '"eth0"', f'"{name}"')
    return renamed(found, "192.0.2.", net) if net else found


@pytest.mark.parametrize(
    ("number", "net", "kernel", "severity"),
    [
        (1, None, None, Severity.INFO),
        (1, "198.51.100.", None, Severity.WARNING),
        (1, "198.51.100.", "5.4.0", Severity.WARNING),
        (2, "198.51.100.", "5.4.0", Severity.INFO),
    ],
    ids=["same-network", "another-network", "one-is-no-pool", "pool"],
)
def test_another_underlay(number, net, kernel, severity):
    facts = cluster(5)
    outliers = [f"node{5 - one}" for one in range(number)]
    for name in outliers:
        facts[name] = moved_to(facts[name], "ens3", net)
        if kernel:
            facts[name]["host"]["kernel"] = kernel
    assert breaches("underlay-name-alike", facts) == [
        ("links/ens3", tuple(sorted(outliers)), severity)
    ]


def test_a_pool_with_its_own_kernel_and_nic_is_for_information():
    facts = cluster(6)
    for name in ("node5", "node6"):
        facts[name] = moved_to(facts[name], "ens3")
        facts[name]["host"]["kernel"] = "5.4.0-1-generic"
        facts[name]["sysctls"]["net.ipv4.conf.all.rp_filter"] = 2
    found = report(facts)
    assert [row.rule for row in found.findings if row.severity > 0] == []
    assert sorted(row.rule for row in found.findings if row.rule in MINE) == [
        "kernels-skew",
        "sysctls-alike",
        "underlay-name-alike",
    ]


@pytest.mark.parametrize(
    ("kernel", "skewed"),
    [("6.1.0-60-amd64", False), ("6.2.1", False), ("6.3", True), ("5.15.0", True), ("odd", False)],
)
def test_kernels_skew(kernel, skewed):
    facts = cluster(3)
    facts["node2"]["host"]["kernel"] = kernel
    assert bool(breaches("kernels-skew", facts)) is skewed


def test_one_node_that_filters_is_told_and_what_is_judged_elsewhere_is_not_told_twice():
    facts = cluster(3)
    facts["node2"]["sysctls"]["net.ipv4.conf.default.rp_filter"] = 2
    facts["node3"]["sysctls"]["net.ipv4.ip_forward"] = 0
    assert breaches("sysctls-alike", facts) == [
        ("sysctls/net.ipv4.conf.default.rp_filter", ("node2",), Severity.WARNING),
        ("sysctls/net.ipv4.ip_forward", ("node3",), Severity.INFO),
    ]


def test_a_lease_for_one_family_among_two():
    assert breaches("families-alike", one_family()) == [
        ("cni/subnet_env", ("node3",), Severity.ERROR)
    ]


def test_networks_have_no_order():
    facts = cluster(3)
    both = ("10.244.0.0/16,10.245.0.0/16", "10.245.0.0/16, 10.244.0.0/16")
    for number, name in enumerate(facts):
        facts[name]["cni"]["subnet_env"]["FLANNEL_NETWORK"] = both[number % 2]
    assert breaches("same-pod-network", facts) == []


def test_an_overlay_that_another_backend_left_on_one_node():
    facts = cluster(3, backend="wireguard")
    vxlan = node(3, 3)["links"]["flannel.1"]
    facts["node3"]["links"]["flannel.1"] = vxlan
    assert breaches("leftover-link", facts) == [("links/flannel.1", ("node3",), Severity.WARNING)]
    facts["node2"]["links"]["flannel.1"] = node(2, 3)["links"]["flannel.1"]
    assert breaches("leftover-link", facts) == []
    assert breaches("overlay-missing-here", facts) == []


def test_a_second_overlay_of_the_same_sort_is_a_leftover():
    facts = cluster(3)
    facts["node3"]["links"]["flannel.7"] = facts["node3"]["links"]["flannel.1"]
    assert breaches("leftover-link", facts) == [("links/flannel.7", ("node3",), Severity.WARNING)]


def test_a_bridge_is_a_leftover_only_where_no_lease_asks_for_it():
    facts = healthy("calico")
    assert breaches("leftover-link", facts) == []
    facts["node2"]["links"]["cni0"] = node(2, 3)["links"]["cni0"]
    assert breaches("leftover-link", facts) == [("links/cni0", ("node2",), Severity.WARNING)]
    facts = cluster(3, pods=0)
    facts["node2"] = node(2, 3)
    assert breaches("leftover-link", facts) == []


def test_a_node_that_its_cni_has_not_reached():
    facts = cluster(3)
    facts["node3"]["links"].pop("flannel.1")
    assert breaches("overlay-missing-here", facts) == []  # the node's own rules see it
    facts["node3"]["cni"] = {}
    assert breaches("overlay-missing-here", facts) == [
        ("links/flannel.1", ("node3",), Severity.WARNING)
    ]


def test_files_of_the_cni():
    facts = cluster(3)
    facts["node1"]["cni_config"]["05-other.conf"] = {"order": 0, "name": "x", "plugins": []}
    assert breaches("cni-files-alike", facts) == [("cni_config", ("node1",), Severity.WARNING)]


@pytest.mark.parametrize(
    ("gateway", "broken"),
    [("192.0.2.254", []), ("198.51.100.7", ["routes/main 10.244.2.0/24 dev eth0/gateway"])],
)
def test_the_next_hop_of_a_direct_route_is_on_the_link(gateway, broken):
    facts = cluster(3, backend="host-gw")
    facts["node1"]["routes"]["main 10.244.2.0/24 dev eth0"]["gateway"] = gateway
    view = NodeView(snapshots(facts)["node1"])
    assert [one.path for one in shipped()["next-hop-on-link"].check(view)] == broken


def test_the_underlay_of_an_ipv6_overlay_can_be_reached():
    facts = cluster(3, dual=True)
    for one in facts.values():
        del one["routes"]["main ::/0 dev eth0 metric 1024"]
    assert breaches("underlay-v6-reachable", facts) == []
    facts["node3"] = renamed(facts["node3"], "2001:db8::", "2001:db8:9::")
    found = breaches("underlay-v6-reachable", facts)
    assert [(row[0], row[1]) for row in found] == [
        ("links/flannel-v6.1/vxlan/local6", (f"node{one}",)) for one in (1, 2, 3)
    ]
    for one in facts.values():
        one["routes"]["main ::/0 dev eth0"] = {
            "family": "inet6",
            "type": "unicast",
            "dst": "::/0",
            "dev": "eth0",
            "table": "main",
            "gateway": "fe80::1",
        }
    assert breaches("underlay-v6-reachable", facts) == []


def test_a_link_local_end_reaches_nobody():
    facts = cluster(3, dual=True)
    facts["node3"]["links"]["flannel-v6.1"]["vxlan"]["local6"] = "fe80::3"
    assert breaches("underlay-v6-reachable", facts) == [
        ("links/flannel-v6.1/vxlan/local6", ("node3",), Severity.ERROR)
    ]


def test_the_order_of_nodes_never_matters():
    facts = duplicate_subnet()
    facts["node1"]["sysctls"]["net.ipv4.conf.all.rp_filter"] = 1
    names = list(facts)
    answers = set()
    for seed in range(6):
        random.Random(seed).shuffle(names)
        given = fleet_of({name: facts[name] for name in names})
        found = [
            (name, one.path, one.nodes, one.message)
            for name in MINE
            if shipped()[name].scope == "fleet"
            for one in shipped()[name].check(given)
        ]
        answers.add(json.dumps(found))
    assert len(answers) == 1


def test_a_missing_node_is_no_reason_to_be_silent():
    assert [
        row.rule
        for row in report(other(port=4789), node4="no route to host").findings
        if row.severity > 0
    ] == ["same-port"]
    assert Held(cluster(1), node2="gone").capture.nodes["node2"].why == "gone"


def test_every_rule_says_why_from_what_source_and_what_to_do():
    for name in MINE:
        one = shipped()[name]
        assert "Why: " in one.text
        assert "Source: " in one.text
        assert one.remedy
        assert {name.partition(" ")[0] for name in one.explains} <= set(shipped())


RAISED = {
    "on-one-node": ({}, "warning"),
    "where-net-conf-has-an-mtu": ({"MTU": 1500}, "info"),
}


@pytest.mark.parametrize(("backend", "severity"), RAISED.values(), ids=RAISED)
def test_an_underlay_that_was_raised_alone_is_put_back_and_not_followed(backend, severity):
    facts = cluster(3)
    for one in facts.values():
        one["cni"]["net_conf"]["Backend"].update(backend)
    facts["node2"]["links"]["eth0"]["mtu"] = 9000
    found = report(facts)
    rows = {row.rule: row for row in found.findings}
    row = rows["underlay-mtu-alike"]
    assert (row.nodes, row.severity.word) == (("node2",), severity)
    assert "overlay-mtu-small" not in rows
    if severity == "warning":
        assert row.remedy.startswith("ip link set eth0 mtu 1500 on node2")
