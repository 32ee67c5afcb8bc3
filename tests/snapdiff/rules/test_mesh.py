"""Peers' entries: what a node has of others, what it may not have been looked at, what is left."""

from __future__ import annotations

import copy

import pytest
from nodes import unseen

from clusters import cluster, node, report, told
from snapdiff.model import Severity

UNREAD = {
    "fdb": (("fdb", "peers/*/underlay"), ("underlay",)),
    "neighbours": (
        ("neighbours", "peers/*/mac", "peers/*/underlay"),
        ("mac", "underlay"),
    ),
    "routes": (("routes", "peers/*/subnet"), ("subnet",)),
}


def blind(table, name="node2", nodes=None):
    """Return a cluster on a node of which nobody read a table: its peers lack what comes of it."""
    facts = cluster(3) if nodes is None else nodes
    places, members = UNREAD[table]
    one = unseen(facts[name], *places)
    if table == "routes":
        one["routes"] = {}
    for row in one["peers"].values():
        for member in members:
            row.pop(member, None)
    return facts


def undecided(facts, rule):
    return [(one.path, one.nodes) for one in report(facts).undecided if one.rule == rule]


@pytest.mark.parametrize("table", UNREAD)
@pytest.mark.parametrize("rule", ["peer-entries-missing", "peer-entries-stale"])
def test_what_nobody_read_is_neither_missing_nor_fine(table, rule):
    facts = blind(table)
    assert told(facts) == []
    expected = [(f"peers/*/{member}", ("node2",)) for member in UNREAD[table][1]]
    assert undecided(facts, rule) == sorted(expected)


@pytest.mark.parametrize("table", UNREAD)
def test_an_overlay_of_which_nobody_read_a_table_is_not_said_to_be_whole(table):
    found = undecided(blind(table), "overlay-entries-lost")
    assert found == [(f"peers/*/{UNREAD[table][1][0]}", ("node2",))]


def test_other_members_and_other_nodes_are_held_all_the_same():
    facts = blind("fdb")
    facts["node2"]["peers"]["10.244.3.0"]["mac"] = "02:00:00:00:00:99"
    facts["node1"]["peers"]["10.244.3.0"].pop("underlay")
    facts["node1"]["peers"]["10.244.3.0"]["missing"] = ["fdb"]
    assert sorted(told(facts)) == [
        ("peer-entries-missing", "peers/10.244.3.0/missing", ("node1",)),
        ("peer-entries-stale", "peers/10.244.3.0/mac", ("node2",)),
    ]


def test_a_node_alone_has_no_peers_that_nobody_looked_at():
    assert (
        undecided({"node1": unseen(node(1, 1), "fdb", "peers/*/underlay")}, "peer-entries-missing")
        == []
    )


def host_gw():
    return cluster(3, backend="host-gw")


def test_without_an_overlay_unread_routes_are_no_lost_ones():
    facts = blind("routes", nodes=host_gw())
    assert [row for row in told(facts) if row[0].startswith("peer-entries")] == []
    assert undecided(facts, "peer-entries-missing") == [("routes", ("node2",))]


def test_without_an_overlay_the_remedy_names_none():
    facts = host_gw()
    facts["node1"]["routes"]["main 10.244.3.0/24 dev eth0"]["gateway"] = "192.0.2.2"
    (row,) = [one for one in report(facts).findings if one.severity > 0]
    assert (row.rule, row.path, row.nodes) == (
        "peer-entries-stale",
        "peers/10.244.3.0/subnet",
        ("node1",),
    )
    assert "next-hop address 192.0.2.2 of node3, which has 192.0.2.3" in row.message
    assert "flannel.1" not in row.remedy
    assert "fdb" not in row.remedy


def without_net_conf(facts):
    for one in facts.values():
        del one["cni"]["net_conf"]
    return facts


def twin(facts, name="node2"):
    """Give a node flannel.2 with all that leads over its flannel.1, and leave that beside it."""
    one = facts[name]
    old = one["links"]["flannel.1"]
    one["links"]["flannel.2"] = copy.deepcopy(old)
    one["links"]["flannel.2"].update(mac="02:00:00:00:02:02", ifindex=60)
    one["links"]["flannel.2"]["vxlan"]["id"] = 2
    for address, row in one["peers"].items():
        one["neighbours"][f"flannel.1 {address}"] = {
            "dst": address,
            "dev": "flannel.1",
            "lladdr": row["mac"],
            "state": ["PERMANENT"],
        }
        one["fdb"][f"flannel.1 {row['mac']} {row['underlay']}"] = {
            "dev": "flannel.1",
            "mac": row["mac"],
            "dst": row["underlay"],
            "flags": ["self"],
            "state": "permanent",
        }
        row["dev"] = "flannel.2"
    for other in facts.values():
        if other is not one:
            other["peers"]["10.244.2.0"]["mac"] = "02:00:00:00:02:02"
    return facts


def test_after_a_change_of_vni_the_link_without_routes_is_the_one_left():
    found = report(twin(without_net_conf(cluster(3))))
    (row,) = [one for one in found.findings if one.severity > 0]
    assert (row.rule, row.path, row.nodes) == (
        "same-vni",
        "links/flannel.2/vxlan/id",
        ("node2",),
    )
    assert any("flannel.1 is left beside flannel.2" in line for line in row.evidence)
    assert not any("flannel.2 is" in line for line in row.evidence)
    assert "link delete flannel.2" not in row.remedy


def test_a_second_flannel_without_routes_is_left_over_and_no_peer():
    facts = without_net_conf(cluster(3))
    second = copy.deepcopy(facts["node2"]["links"]["flannel.1"])
    second.update(mac="02:00:00:00:99:02", ifindex=60)
    second["vxlan"]["id"] = 2
    second["addresses"] = {"10.50.3.0/32": {"family": "inet", "scope": "global"}}
    facts["node2"]["links"]["flannel.2"] = second
    assert told(facts) == [("leftover-link", "links/flannel.2", ("node2",))]


def test_a_leftover_that_routes_lead_over_is_not_to_be_deleted():
    facts = without_net_conf(cluster(3))
    second = copy.deepcopy(facts["node2"]["links"]["flannel.1"])
    second.update(mac="02:00:00:00:99:02", ifindex=60)
    second["vxlan"]["id"] = 2
    facts["node2"]["links"]["flannel.2"] = second
    facts["node2"]["peers"]["10.244.3.0"]["dev"] = "flannel.2"
    rows = [one for one in report(facts).findings if one.rule == "leftover-link"]
    assert ["not to be deleted" in one.remedy for one in rows] == [True]


def left_of_vxlan(*, net_conf=False, entries=True):
    """Return a cluster that went over to host-gw, with flannel.1 on all of its nodes still."""
    facts, old = host_gw(), cluster(3)
    for name, one in facts.items():
        one["links"]["flannel.1"] = old[name]["links"]["flannel.1"]
        if not net_conf:
            del one["cni"]["net_conf"]
        for address, row in old[name]["peers"].items() if entries else ():
            row.pop("subnet")
            one["peers"][address] = {**row, "missing": ["route"]}
    return facts


@pytest.mark.parametrize("net_conf", [True, False], ids=["net-conf", "by-the-lease"])
@pytest.mark.parametrize("entries", [True, False], ids=["entries", "bare"])
def test_a_vxlan_that_host_gw_left_behind_is_one_row(net_conf, entries):
    found = report(left_of_vxlan(net_conf=net_conf, entries=entries)).findings
    assert [(one.rule, one.path, one.nodes, one.severity) for one in found] == [
        (
            "overlay-idle",
            "links/flannel.1",
            ("node1", "node2", "node3"),
            Severity.WARNING if entries else Severity.INFO,
        )
    ]
    assert found[0].message == "flannel.1 is left beside host-gw; no route leads over it"


def test_where_all_peers_are_reached_directly_the_vxlan_is_no_leftover():
    facts = left_of_vxlan(entries=False)
    for one in facts.values():
        one["cni"]["subnet_env"]["FLANNEL_MTU"] = 1450
        for link in one["links"].values():
            link["mtu"] = min(link["mtu"], 1450) if link.get("kind") else link["mtu"]
    assert [one.rule for one in report(facts).findings] == []


def test_gateways_that_were_rotated_are_one_finding():
    facts = cluster(5)
    one = facts["node1"]
    hops = list(one["peers"])
    for address, hop in zip(hops, hops[1:] + hops[:1], strict=True):
        subnet = one["peers"][address].pop("subnet")
        one["peers"][address]["missing"] = ["route"]
        one["routes"][f"main {subnet} dev flannel.1"] = {
            "family": "inet",
            "type": "unicast",
            "dst": subnet,
            "dev": "flannel.1",
            "gateway": hop,
            "table": "main",
            "protocol": "boot",
            "scope": "global",
            "flags": ["onlink"],
        }
    assert told(facts) == [("overlay-route-shape", "routes/* dev flannel.1", ("node1",))]
