"""State and attributes of overlays, their entries, and what was left of others."""

from __future__ import annotations

import pytest
from nodes import breaches, spoilt, unseen

from clusters import cluster, report, told
from kinds import link, node, route

PLACE = "links/flannel.1"
FOUR = {"family": "inet", "scope": "global"}


def details(kind="vxlan", name="flannel.1", *, gone=(), conf=None, **members):
    """Return a node with details of its vxlan changed; *conf* goes to net-conf, None takes it."""
    facts = node(kind)
    facts["links"][name]["vxlan"].update(members)
    for member in gone:
        del facts["links"][name]["vxlan"][member]
    if conf is None:
        del facts["cni"]["net_conf"]
    else:
        facts["cni"]["net_conf"]["Backend"].update(conf)
    return facts


# ---- overlays ----
DOWN = ["BROADCAST", "MULTICAST"]
STATE = {
    "unknown-is-healthy": (spoilt("flannel.1", operstate="UNKNOWN"), []),
    "down": (spoilt("flannel.1", flags=DOWN, operstate="DOWN"), [(f"{PLACE}/flags", "error")]),
    "no-carrier": (
        spoilt("flannel.1", flags=[*DOWN, "UP"], operstate="LOWERLAYERDOWN"),
        [(f"{PLACE}/operstate", "error")],
    ),
    "a-listing-does-not-tell-carrier": (
        spoilt("flannel.1", flags=[*DOWN, "UP"], gone=["operstate"]),
        [],
    ),
    "wireguard-down": (
        spoilt("flannel-wg", "wireguard", flags=["NOARP"]),
        [("links/flannel-wg/flags", "error")],
    ),
    "flags-not-told": (
        unseen(spoilt("flannel.1", gone=["flags"]), "links/*/flags"),
        [("links/*/flags", "?")],
    ),
    "an-idle-one-may-be-down": (
        node("wireguard", links={"flannel.1": link(kind="vxlan", flags=DOWN, operstate="DOWN")}),
        [],
    ),
    "another-cni-s": (spoilt("cilium_vxlan", "cilium", flags=DOWN), []),
}


@pytest.mark.parametrize(("facts", "expected"), STATE.values(), ids=STATE)
def test_overlay_down(facts, expected):
    assert breaches("overlay-down", facts) == expected


def test_an_overlay_that_is_down_without_address_is_one_finding():
    facts = cluster(1)
    facts["node1"]["links"]["flannel.1"].update(flags=DOWN, operstate="DOWN", addresses={})
    assert told(facts) == [("overlay-down", f"{PLACE}/flags", ("node1",))]


V = f"{PLACE}/vxlan"
ATTRIBUTES = {
    "vni": (details(id=2, conf={}), [(f"{V}/id", "error")]),
    "port-of-iana": (details(port=4789, conf={}), [(f"{V}/port", "error")]),
    "port-as-net-conf": (details(port=4789, conf={"Port": 4789}), []),
    "port-not-as-net-conf": (details(conf={"Port": 4789}), [(f"{V}/port", "error")]),
    "zero-is-the-kernel-s": (details(conf={"Port": 0}), []),
    "no-net-conf-on-the-node": (details(port=8473), []),
    "net-conf-not-looked-at": (unseen(details(port=8473), "cni/net_conf"), [("cni/net_conf", "?")]),
    "net-conf-not-needed": (unseen(details(), "cni/net_conf"), []),
    "local-of-nobody": (details(local="192.0.2.99", conf={}), [(f"{V}/local", "error")]),
    "local-of-loopback": (details(local="127.0.0.1", conf={}), [(f"{V}/local", "warning")]),
    "local6-of-nobody": (
        details("dual-stack", "flannel-v6.1", local6="2001:db8::99", conf={}),
        [("links/flannel-v6.1/vxlan/local6", "error")],
    ),
    "no-lower-link": (details(gone=["link"], conf={}), [(f"{V}/link", "error")]),
    "details-not-told": (
        unseen(spoilt("flannel.1", gone=["vxlan"]), "links/*/vxlan"),
        [("links/*/vxlan", "?")],
    ),
    "addresses-not-all-told": (
        unseen(details(local="192.0.2.99", conf={}), "links/*/addresses"),
        [("links/*/addresses", "?")],
    ),
    "calico-has-its-own": (node("calico"), []),
}


@pytest.mark.parametrize(("facts", "expected"), ATTRIBUTES.values(), ids=ATTRIBUTES)
def test_vxlan_attributes(facts, expected):
    assert breaches("vxlan-attributes", facts) == expected


LEARNING = {
    "on": (details(learning=True, conf={}), [(f"{V}/learning", "warning")]),
    "off-as-wished": (details(conf={"Learning": False}), []),
    "off-though-wished": (details(conf={"Learning": True}), [(f"{V}/learning", "warning")]),
    "no-net-conf": (details(learning=True), []),
    "net-conf-not-looked-at": (
        unseen(details(learning=True), "cni/net_conf"),
        [("cni/net_conf", "?")],
    ),
}


@pytest.mark.parametrize(("facts", "expected"), LEARNING.values(), ids=LEARNING)
def test_vxlan_learning(facts, expected):
    assert breaches("vxlan-learning", facts) == expected


MACS = {
    "universal": (spoilt("flannel.1", mac="00:16:3e:00:00:01"), [(f"{PLACE}/mac", "warning")]),
    "multicast": (spoilt("flannel.1", mac="03:00:00:00:00:01"), [(f"{PLACE}/mac", "warning")]),
    "local": (spoilt("flannel.1", mac="fe:00:00:00:00:01"), []),
    "bridge": (spoilt("cni0", mac="52:55:00:00:00:01"), []),
    "bridge-universal": (
        spoilt("cni0", mac="00:16:3e:00:00:01"),
        [("links/cni0/mac", "warning")],
    ),
    "zeros-are-another-rule-s": (spoilt("cni0", mac="00:00:00:00:00:00"), []),
    "not-told": (
        unseen(spoilt("flannel.1", gone=["mac"]), "links/flannel.1/mac"),
        [("links/flannel.1/mac", "?")],
    ),
}


@pytest.mark.parametrize(("facts", "expected"), MACS.values(), ids=MACS)
def test_overlay_mac(facts, expected):
    assert breaches("overlay-mac", facts) == expected


# ---- entries ----
def lacking(*entries, only=None):
    facts = node()
    members = {"route": "subnet", "neighbour": "mac", "fdb": "underlay"}
    for key, peer in facts["peers"].items():
        if only is None or key == only:
            for entry in entries:
                peer.pop(members[entry], None)
            peer["missing"] = list(entries)
    return facts


def flapped(**edits):
    facts = node(**edits)
    for peer in facts["peers"].values():
        row = {
            "mac": peer["mac"],
            "dev": "flannel.1",
            "dst": peer["underlay"],
            "state": "permanent",
        }
        facts["fdb"][f"flannel.1 {peer['mac']} {peer['underlay']}"] = row
    facts["peers"] = {}
    return facts


PEERS = "peers/*/missing"
ENTRIES = {
    "all-lack-the-neighbour": (lacking("neighbour"), [(PEERS, "error")]),
    "all-lack-the-route": (lacking("route"), [(PEERS, "error")]),
    "all-lack-two": (lacking("route", "fdb"), [(PEERS, "error"), (PEERS, "error")]),
    "one-lacks-the-neighbour": (lacking("neighbour", only="10.244.2.0"), []),
    "no-peers": (node("one-node"), []),
    "direct-routing": (node("direct-routing"), []),
    "routes-not-read": (
        unseen(
            {**node(), "peers": {"10.244.2.0": {"dev": "flannel.1", "mac": "02:00:00:00:00:02"}}},
            "peers/*/subnet",
        ),
        [("peers/*/subnet", "?")],
    ),
    "peers-not-known": ({**unseen(node(), "peers"), "peers": {}}, [("peers", "?")]),
}


@pytest.mark.parametrize(("facts", "expected"), ENTRIES.values(), ids=ENTRIES)
def test_overlay_entries_lost(facts, expected):
    assert breaches("overlay-entries-lost", facts) == expected


FLAPS = {
    "forwarding-entries-alone": (flapped(), [("peers", "warning")]),
    "neighbours-not-read": (unseen(flapped(), "neighbours"), [("neighbours", "?")]),
    "no-peers": (node("one-node"), []),
    "peers-not-known": ({**unseen(node(), "peers"), "peers": {}}, [("peers", "?")]),
    "one-of-an-old-mac": ({**node(), "fdb": flapped()["fdb"]}, []),
}


@pytest.mark.parametrize(("facts", "expected"), FLAPS.values(), ids=FLAPS)
def test_overlay_flapped(facts, expected):
    assert breaches("overlay-flapped", facts) == expected


def test_lost_neighbours_are_one_finding():
    facts = cluster()
    facts["node1"] = lacking("neighbour")
    assert told(facts) == [("overlay-entries-lost", PEERS, ("node1",))]


# ---- what was left ----
def with_vxlan(name, kind="vxlan", **members):
    return node(kind, links={name: link(kind="vxlan", lower="eth0", vxlan=members)})


CONFLICT = {
    "cilium-s-port": (
        with_vxlan("cilium_vxlan", external=True, port=8472),
        [(f"{PLACE}/vxlan/port", "error")],
    ),
    "calico-on-flannel-s-port": (
        with_vxlan("vxlan.calico", id=1, port=8472),
        [(f"{PLACE}/vxlan/port", "error")],
    ),
    "calico-s-own-port": (with_vxlan("vxlan.calico", id=4096, port=4789), []),
    "both-families": (node("dual-stack"), []),
    "of-nobody": (with_vxlan("vxlan7", id=7, port=8472), []),
    "not-told": (
        unseen(with_vxlan("vxlan.calico", id=1), "links/*/vxlan/port"),
        [("links/*/vxlan/port", "?")],
    ),
}


@pytest.mark.parametrize(("facts", "expected"), CONFLICT.values(), ids=CONFLICT)
def test_vxlan_port_conflict(facts, expected):
    assert breaches("vxlan-port-conflict", facts) == expected


def test_the_one_that_is_down_is_named_and_explains_why():
    facts = cluster(1)
    rows = facts["node1"]["links"]
    rows["cilium_vxlan"] = link(kind="vxlan", vxlan={"external": True, "port": 8472})
    rows["flannel.1"].update(flags=DOWN, operstate="DOWN", addresses={})
    assert told(facts) == [("vxlan-port-conflict", f"{PLACE}/vxlan/port", ("node1",))]


def switched(*, routes=True, net_conf=True, kind="wireguard", mtu=None):
    """Return a node after a switch from vxlan: its link is still there, with its address.

    The kernel's own row of the address, in the table local, is there with it.
    """
    facts = node(kind)
    old = node()
    facts["links"]["flannel.1"] = old["links"]["flannel.1"]
    facts["routes"]["local local 10.244.1.0 dev flannel.1"] = {
        **route("10.244.1.0", "flannel.1", protocol="kernel", scope="host"),
        **{"type": "local", "table": "local"},
    }
    if routes:
        facts["peers"] = old["peers"]
    if not net_conf:
        del facts["cni"]["net_conf"]
    if mtu:
        facts["cni"]["subnet_env"]["FLANNEL_MTU"] = mtu
    return facts


IDLE = {
    "with-routes": (switched(), [(PLACE, "error")]),
    "without-routes": (switched(routes=False), [(PLACE, "info")]),
    "by-the-mtu": (switched(net_conf=False), [(PLACE, "error")]),
    "nobody-can-tell-which": (switched(net_conf=False, mtu=1300), [(PLACE, "warning")]),
    "host-gw": (switched(kind="host-gw"), [(PLACE, "error")]),
    "only-one": (node("wireguard"), []),
    "routes-not-read": (
        {**unseen(switched(routes=False), "routes"), "routes": {}},
        [("routes", "?")],
    ),
}


@pytest.mark.parametrize(("facts", "expected"), IDLE.values(), ids=IDLE)
def test_overlay_idle(facts, expected):
    assert breaches("overlay-idle", facts) == expected


def tunl0(*, kind="vxlan", **more):
    rows = {"tunl0": link(1480, kind="ipip", addresses={"10.42.1.1/32": dict(FOUR)})}
    return node(kind, links=rows, **more)


TUNL0 = {
    "of-nobody": (tunl0(), [("links/tunl0/addresses", "info")]),
    "calico": (tunl0(kind="calico"), []),
    "canal": (tunl0(kind="canal"), []),
    "kube-router": (node(links={**tunl0()["links"], "kube-bridge": link(kind="bridge")}), []),
    "files-not-seen": (
        {**unseen(tunl0(), "cni_config"), "cni_config": {}},
        [("cni_config", "?")],
    ),
}


@pytest.mark.parametrize(("facts", "expected"), TUNL0.values(), ids=TUNL0)
def test_tunl0_owner(facts, expected):
    assert breaches("tunl0-owner", facts) == expected


OPEN = ["overlay-down", "vxlan-attributes", "overlay-mac"]


@pytest.mark.parametrize("rule", OPEN)
def test_links_that_nobody_read_leave_it_open(rule):
    facts = unseen(node(), "links")
    facts["links"] = {}
    assert breaches(rule, facts) == [("links", "?")]
    assert rule in {one.rule for one in report({"node1": facts}).undecided}
