"""flannel's wireguard between nodes: keys, ports and peers."""

from __future__ import annotations

import pytest

from clusters import cluster, key_of, report, snapshots, told
from snapdiff.rules.fleet_view import Fleet
from snapdiff.rules.registry import shipped
from snapdiff.rules.view import NodeView

NEW = key_of(99)
PEERS = "links/flannel-wg/wireguard/peers"


def tunnels(count=5):
    return cluster(count, backend="wireguard")


def wg(facts, name):
    return facts[name]["links"]["flannel-wg"]["wireguard"]


def spoilt(act):
    """Return a healthy cluster with something done to it."""
    facts = tunnels()
    act(facts)
    return facts


def peer_gone(*holders):
    def act(facts):
        for name in holders:
            del wg(facts, name)["peers"]["10.244.2.0"]

    return act


def peer_has(*holders, **values):
    def act(facts):
        for name in holders:
            wg(facts, name)["peers"]["10.244.2.0"].update(values)

    return act


def without_peers(facts):
    wg(facts, "node2")["peers"] = {}


def new_key(facts):
    wg(facts, "node2")["public_key"] = NEW


def missed_the_news(facts):
    new_key(facts)
    for name in ("node1", "node3", "node4"):
        wg(facts, name)["peers"]["10.244.2.0"]["public_key"] = NEW


def old_keys_of_all(facts):
    for row in wg(facts, "node2")["peers"].values():
        row["public_key"] = NEW


def same_key(facts):
    wg(facts, "node3")["public_key"] = key_of(2)
    for name in ("node1", "node4", "node5"):
        wg(facts, name)["peers"]["10.244.3.0"]["public_key"] = key_of(2)
        del wg(facts, name)["peers"]["10.244.2.0"]


def other_port(facts):
    wg(facts, "node2")["listen_port"] = 51999
    for row in wg(facts, "node2")["peers"].values():
        row["endpoint"] = row["endpoint"].replace("51820", "51999")


def extra(facts, **values):
    row = {
        "public_key": NEW,
        "endpoint": "192.0.2.77:51820",
        "allowed_ips": ["10.244.77.0/24"],
        **values,
    }
    wg(facts, "node4")["peers"]["10.244.77.0"] = row


def without_addresses(facts):
    extra(facts)
    del wg(facts, "node4")["peers"]["10.244.77.0"]["allowed_ips"]


def leads_to_a_node(facts):
    extra(facts, endpoint="192.0.2.3:51820")


def old_lease(facts):
    """node2 has another lease, and node5 has not heard of it."""
    lease = facts["node2"]["cni"]["subnet_env"]
    lease["FLANNEL_SUBNET"] = "10.244.102.1/24"
    for name in ("node1", "node3", "node4"):
        peers = wg(facts, name)["peers"]
        peers["10.244.102.0"] = {**peers.pop("10.244.2.0"), "allowed_ips": ["10.244.102.0/24"]}


MISSING, STALE, EXTRA = (f"wireguard-peers-{one}" for one in ("missing", "stale", "extra"))
OTHERS = ("node1", "node3", "node4", "node5")
INCIDENTS = {
    "healthy": (lambda _facts: None, []),
    "no-peers": (without_peers, [(MISSING, PEERS, ("node2",))]),
    "one-pair": (peer_gone("node1"), [(MISSING, f"{PEERS}/10.244.2.0", ("node1",))]),
    "nobody-has-it": (peer_gone(*OTHERS), [(MISSING, f"{PEERS}/10.244.2.0", ("node2",))]),
    "new-key-not-published": (new_key, [(STALE, f"{PEERS}/10.244.2.0/public_key", ("node2",))]),
    "new-key-not-heard-of": (
        missed_the_news,
        [(STALE, f"{PEERS}/10.244.2.0/public_key", ("node5",))],
    ),
    "old-keys-of-all": (old_keys_of_all, [(STALE, PEERS, ("node2",))]),
    "address-of-another-node": (
        peer_has("node5", endpoint="192.0.2.3:51820"),
        [(STALE, f"{PEERS}/10.244.2.0/endpoint", ("node5",))],
    ),
    "another-port": (
        peer_has("node5", endpoint="192.0.2.2:51999"),
        [(STALE, f"{PEERS}/10.244.2.0/endpoint", ("node5",))],
    ),
    "its-own-address-in-the-tunnel": (
        peer_has("node5", endpoint="10.244.2.1:51820"),
        [(STALE, f"{PEERS}/10.244.2.0/endpoint", ("node5",))],
    ),
    "another-subnet": (
        peer_has("node5", allowed_ips=["10.244.20.0/24"]),
        [(STALE, f"{PEERS}/10.244.2.0/allowed_ips", ("node5",))],
    ),
    "a-subnet-too-many": (
        peer_has("node5", allowed_ips=["10.244.2.0/24", "10.244.200.0/24"]),
        [(STALE, f"{PEERS}/10.244.2.0/allowed_ips", ("node5",))],
    ),
    "one-of-nobody": (extra, [(EXTRA, f"{PEERS}/10.244.77.0", ("node4",))]),
    "one-without-addresses": (without_addresses, []),
    "one-that-leads-to-a-node": (
        leads_to_a_node,
        [(EXTRA, f"{PEERS}/10.244.77.0", ("node4",))],
    ),
    "one-key-twice": (
        same_key,
        [
            (
                "wireguard-key-unique",
                "links/flannel-wg/wireguard/public_key",
                ("node2", "node3"),
            )
        ],
    ),
    "one-port-of-its-own": (
        other_port,
        [("wireguard-port-alike", "links/flannel-wg/wireguard/listen_port", ("node2",))],
    ),
}


@pytest.mark.parametrize(("act", "expected"), INCIDENTS.values(), ids=INCIDENTS)
def test_one_event_is_one_finding_on_the_node_that_is_to_blame(act, expected):
    assert told(spoilt(act)) == expected


def test_an_old_lease_of_a_peer_is_told_under_its_old_address():
    assert [row for row in told(spoilt(old_lease)) if row[0] in (MISSING, STALE, EXTRA)] == [
        (STALE, f"{PEERS}/10.244.2.0/allowed_ips", ("node5",))
    ]


def undecided(facts, **missing):
    found = report(facts, **missing).undecided
    return sorted({(row.rule, row.path) for row in found if row.rule in (MISSING, STALE, EXTRA)})


def behind_nat(facts):
    for row in facts.values():
        for number, peer in enumerate(row["links"]["flannel-wg"]["wireguard"]["peers"].values()):
            peer["endpoint"] = f"203.0.113.{number}:51820"


def test_an_address_that_no_node_has_may_be_a_public_one():
    facts = spoilt(behind_nat)
    assert told(facts) == []
    assert undecided(facts) == [(STALE, f"{PEERS}/*/endpoint")]


def test_a_peer_of_a_node_that_was_not_seen_is_neither_right_nor_wrong():
    facts = spoilt(extra)
    assert told(facts, node6="no route to host") == []
    assert undecided(facts, node6="no route to host") == [(EXTRA, f"{PEERS}/10.244.77.0")]


def test_a_node_whose_keys_nobody_could_read_is_not_called_healthy():
    facts = tunnels()
    del facts["node3"]["links"]["flannel-wg"]["wireguard"]
    facts["node3"]["not_observed"]["links/flannel-wg/wireguard"] = "wg is not installed"
    assert told(facts) == []
    place = "links/flannel-wg/wireguard"
    assert undecided(facts) == [(MISSING, place), (STALE, place)]


def test_a_node_whose_lease_nobody_could_read_may_be_the_peer_that_no_node_is():
    facts = tunnels()
    facts["node3"]["cni"] = {}
    facts["node3"]["not_observed"]["cni"] = "Permission denied"
    assert [row for row in told(facts) if row[0] in (MISSING, STALE, EXTRA)] == []
    assert undecided(facts) == [(STALE, f"{PEERS}/10.244.3.0")]


def test_a_snapshot_of_before_keys_were_looked_at_is_not_called_healthy():
    facts = tunnels()
    for row in facts.values():
        row["facts"] = 1
        del row["links"]["flannel-wg"]["wireguard"]
    assert told(facts) == []
    assert (MISSING, "links/*/wireguard") in undecided(facts)


def test_the_matrix_has_the_pairs_that_are_wrong():
    def act(facts):
        peer_gone("node1")(facts)
        peer_has("node5", public_key=NEW)(facts)

    cells = {(one.holder, one.peer): (one.missing, one.stale) for one in report(spoilt(act)).mesh}
    assert cells == {("node1", "node2"): (("key",), ()), ("node5", "node2"): ((), ("key",))}


def test_both_families_are_looked_at_each_on_its_link():
    facts = tunnels()
    for number, row in enumerate(facts.values(), 1):
        six = f"fd00:10:244:{number}::"
        row["cni"]["subnet_env"].update(
            FLANNEL_IPV6_NETWORK="fd00:10:244::/48", FLANNEL_IPV6_SUBNET=f"{six}1/64"
        )
        link = {**row["links"]["flannel-wg"], "ifindex": 90}
        link["addresses"] = {f"{six}/128": {"family": "inet6", "scope": "global"}}
        link["wireguard"] = {
            "public_key": key_of(number),
            "listen_port": 51821,
            "peers": {
                f"fd00:10:244:{one}::": {
                    "public_key": key_of(one),
                    "endpoint": f"[2001:db8::{one}]:51821",
                    "allowed_ips": [f"fd00:10:244:{one}::/64"],
                }
                for one in range(1, 6)
                if one != number
            },
        }
        row["links"]["flannel-wg-v6"] = link
        row["links"]["eth0"]["addresses"][f"2001:db8::{number}/64"] = {
            "family": "inet6",
            "scope": "global",
        }
    mine = (MISSING, STALE, EXTRA, "wireguard-key-unique", "wireguard-port-alike")
    assert [row for row in told(facts) if row[0] in mine] == []
    facts["node2"]["links"]["flannel-wg-v6"]["wireguard"]["public_key"] = NEW
    assert [row for row in told(facts) if row[0] in mine] == [
        (STALE, "links/flannel-wg-v6/wireguard/peers/fd00:10:244:2::/public_key", ("node2",))
    ]


def test_a_message_names_both_keys():
    (row,) = [one for one in report(spoilt(new_key)).findings if one.rule == STALE]
    assert row.message == (
        f"node2 has the public key {NEW}, but 4 nodes hold {key_of(2)}: node1, node3, node4, node5"
    )
    assert row.remedy == "restart the flannel pod of node2, so that it publishes what it has"


def test_a_large_healthy_cluster_keeps_one_table():
    fleet = Fleet()
    for one in snapshots(tunnels(40)).values():
        fleet.add(NodeView(one))
    assert len({one.keys["flannel-wg"] for one in fleet.members.values()}) == 1
    assert list(shipped()[MISSING].check(fleet)) == []
