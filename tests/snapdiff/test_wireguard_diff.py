"""flannel's wireguard between two nights, and between nodes: keys, peers, what an update brings."""

from __future__ import annotations

import copy

import pytest

from clusters import Held, cluster, key_of
from snapdiff import schema
from snapdiff.assess import assess_diff
from snapdiff.model import Cell
from snapdiff.outliers import assess_outliers
from snapdiff.verdict import Policy

PEERS = "links/flannel-wg/wireguard/peers"
NEW = key_of(77)


def tunnels(count=5):
    return cluster(count, backend="wireguard")


def keys(facts, name):
    return facts[name]["links"]["flannel-wg"]["wireguard"]


def peers(facts, but=()):
    """Yield the peers of all nodes but some, by node."""
    return {name: keys(facts, name)["peers"] for name in facts if name not in but}


def changed(act, before=None):
    """Return the report of what an act did to a healthy cluster."""
    before = before or tunnels()
    after = copy.deepcopy(before)
    act(after)
    return assess_diff(Held(before), Held(after), cluster="test", policy=Policy())


def told(report):
    return [(row.severity.word, row.path, row.nodes) for row in report.findings]


def lines(report):
    return [text for row in report.findings for text in row.evidence]


def new_key(facts):
    """node2 has another key, and all others heard of it."""
    keys(facts, "node2")["public_key"] = NEW
    for rows in peers(facts, but=("node2",)).values():
        rows["10.244.2.0"]["public_key"] = NEW


def test_a_new_key_is_one_event_with_what_peers_made_of_it_below():
    report = changed(new_key)
    assert told(report) == [("warning", "links/flannel-wg/wireguard/public_key", ("node2",))]
    assert lines(report) == [
        f"so on node1, node3, node4, node5: {PEERS}/10.244.2.0/public_key {key_of(2)} → {NEW}"
    ]


def test_a_new_key_after_a_boot_is_no_warning():
    def act(facts):
        new_key(facts)
        facts["node2"]["host"]["boot_id"] = "another"

    assert {severity for severity, _path, _nodes in told(changed(act))} == {"info"}


def test_a_copied_key_is_one_event_and_nobody_is_a_peer_of_itself():
    def act(facts):
        keys(facts, "node3")["public_key"] = key_of(2)
        del keys(facts, "node2")["peers"]["10.244.3.0"]
        del keys(facts, "node3")["peers"]["10.244.2.0"]

    report = changed(act)
    assert told(report) == [("warning", "links/flannel-wg/wireguard/public_key", ("node3",))]
    assert len(report.findings[0].members[0].effects) == 2


def test_a_peer_that_is_lost_beside_a_copied_key_is_told_for_itself():
    def act(facts):
        keys(facts, "node3")["public_key"] = key_of(2)
        del keys(facts, "node4")["peers"]["10.244.3.0"]

    assert sorted(path for _severity, path, _nodes in told(changed(act))) == [
        f"{PEERS}/10.244.3.0",
        "links/flannel-wg/wireguard/public_key",
    ]


def test_a_peer_that_kept_the_old_key_is_not_told_by_a_diff_but_one_that_took_a_third_is():
    def act(facts):
        new_key(facts)
        keys(facts, "node5")["peers"]["10.244.2.0"]["public_key"] = key_of(88)

    assert ("warning", f"{PEERS}/10.244.2.0/public_key", ("node5",)) in told(changed(act))


def new_lease(facts):
    """node2 has another pod subnet; all others have it under its new address, with its key."""
    facts["node2"]["cni"]["subnet_env"]["FLANNEL_SUBNET"] = "10.244.102.1/24"
    for rows in peers(facts, but=("node2",)).values():
        rows["10.244.102.0"] = {**rows.pop("10.244.2.0"), "allowed_ips": ["10.244.102.0/24"]}


def test_a_node_with_a_new_lease_is_the_same_peer_for_it_has_the_same_key():
    report = changed(new_lease)
    assert told(report)[0] == ("warning", "cni/subnet_env/FLANNEL_SUBNET", ("node2",))
    assert (
        f"so on node1, node3, node4, node5: {PEERS}/10.244.2.0/allowed_ips "
        "10.244.2.0/24 → 10.244.102.0/24"
    ) in lines(report)
    assert not [row for row in told(report) if row[1].startswith(PEERS)]


def new_address(facts):
    addresses = facts["node2"]["links"]["eth0"]["addresses"]
    addresses["192.0.2.99/24"] = addresses.pop("192.0.2.2/24")
    for rows in peers(facts, but=("node2",)).values():
        rows["10.244.2.0"]["endpoint"] = "192.0.2.99:51820"


def test_a_new_underlay_address_is_one_event_with_the_endpoints_below():
    report = changed(new_address)
    assert told(report)[0] == ("warning", "links/eth0/addresses", ("node2",))
    assert (
        f"so on node1, node3, node4, node5: {PEERS}/10.244.2.0/endpoint "
        "192.0.2.2:51820 → 192.0.2.99:51820"
    ) in lines(report)
    assert not [row for row in told(report) if row[1].startswith(PEERS)]


def all_peers_gone(facts):
    keys(facts, "node2")["peers"] = {}


def other_keepalive(facts):
    for row in keys(facts, "node2")["peers"].values():
        row["keepalive"] = 25


@pytest.mark.parametrize(
    ("act", "path"),
    [(all_peers_gone, f"{PEERS}/*"), (other_keepalive, f"{PEERS}/*/keepalive")],
    ids=["gone", "one-setting"],
)
def test_what_befell_all_peers_of_a_node_is_one_row(act, path):
    report = changed(act)
    assert told(report) == [("warning", path, ("node2",))]
    assert "4 peers: 10.244.1.0, 10.244.3.0, 10.244.4.0, 10.244.5.0" in lines(report)


def test_a_node_that_left_and_is_forgotten_is_info():
    def act(facts):
        del facts["node5"]
        for rows in peers(facts).values():
            del rows["10.244.5.0"]

    assert told(changed(act)) == [("info", "nodes/node5", ("node5",))]


def test_a_node_that_left_and_that_some_still_let_in_is_a_warning():
    def act(facts):
        del facts["node5"]
        for rows in peers(facts, but=("node1",)).values():
            del rows["10.244.5.0"]

    report = changed(act)
    assert told(report) == [("warning", "nodes/node5", ("node5",))]
    assert "node1 still have entries for it" in report.findings[0].message


def older(facts):
    """Make of the facts what a collector gave that did not look at keys and offloads."""
    for row in facts.values():
        row["facts"] = 1
        for link in row["links"].values():
            link.pop("wireguard", None)
            link.pop("offloads", None)
    return facts


def test_an_update_that_looks_at_keys_and_offloads_is_no_drift():
    def act(facts):
        for name, row in tunnels().items():
            facts[name] = row
            row["links"]["eth0"]["offloads"] = {"tx-checksum-ip-generic": True}
            row["cni"]["calico"] = {"mtu": 1450}

    report = changed(act, before=older(tunnels()))
    assert {severity for severity, _path, _nodes in told(report)} == {"info"}
    assert {row.path for row in report.findings} == {
        "cni/calico",
        "links/eth0/offloads",
        "links/flannel-wg/wireguard",
    }
    assert {row.side for row in report.undecided} == {"before"}


def test_what_a_later_collector_looks_at_is_known_by_place():
    assert schema.newer(1) == ("links/*/wireguard", "links/*/offloads", "cni/calico")
    assert schema.newer(2) == ()


def compared(facts):
    report = assess_outliers(Held(facts), cluster="test", policy=Policy())
    return [(row.path, row.nodes) for row in report.findings]


def test_nodes_are_not_held_against_each_other_by_the_peers_they_have():
    assert compared(tunnels()) == []


def test_two_nodes_of_one_key_are_told():
    facts = tunnels()
    keys(facts, "node3")["public_key"] = key_of(2)
    assert compared(facts) == [("links/flannel-wg/wireguard/public_key", ("node2", "node3"))]


def test_a_port_of_its_own_is_an_outlier():
    facts = tunnels()
    keys(facts, "node3")["listen_port"] = 51999
    assert compared(facts) == [("links/flannel-wg/wireguard/listen_port", ("node3",))]


def test_the_matrix_says_what_its_letters_mean():
    from snapdiff.draw.mesh import text

    vxlan = Cell(holder="node1", peer="node2", missing=("route",))
    tunnel = Cell(holder="node1", peer="node3", stale=("key", "endpoint"))
    assert [text(cells, 120)[0].split("has old, ")[1] for cells in ((vxlan,), (tunnel,))] == [
        "r route, n neighbour, f fdb, + extra",
        "k key, e endpoint, a allowed, + extra",
    ]
    assert "!ke" in "\n".join(text((vxlan, tunnel), 120))
