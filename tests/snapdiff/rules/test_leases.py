"""The lease: inside its network, with its overlay, its routes, and addresses of pods out of it."""

from __future__ import annotations

import pytest
from nodes import breaches, portless

from clusters import cluster, report, told
from kinds import link, node, route

SAID = "it was not told"


# ---- the lease ----
def leased(kind="vxlan", **members):
    facts = node(kind)
    for key, value in members.items():
        facts["cni"]["subnet_env"][key] = value
    return facts


LEASE = {
    "inside-one-of-several": (leased(FLANNEL_NETWORK="10.0.0.0/24,10.244.0.0/16"), []),
    "the-whole": (leased(FLANNEL_NETWORK="10.244.1.0/24"), []),
    "one-bit-too-small": (
        leased(FLANNEL_NETWORK="10.244.1.0/25"),
        [("cni/subnet_env/FLANNEL_SUBNET", "error")],
    ),
    "outside": (
        leased(FLANNEL_NETWORK="100.244.0.0/16"),
        [("cni/subnet_env/FLANNEL_SUBNET", "error")],
    ),
    "ipv6-outside": (
        leased("dual-stack", FLANNEL_IPV6_NETWORK="fd99::/48"),
        [("cni/subnet_env/FLANNEL_IPV6_SUBNET", "error")],
    ),
    "no-prefix": (leased(FLANNEL_NETWORK="none"), []),
}


@pytest.mark.parametrize(("facts", "expected"), LEASE.values(), ids=LEASE)
def test_lease_subnet(facts, expected):
    assert breaches("lease-subnet", facts) == expected


def plugged(facts, **members):
    facts["cni_config"]["10-flannel.conflist"]["plugins"][0].update(members)
    return facts


MISSING_LEASE = {
    "gone": (node(cni={"subnet_env": None}), [("cni/subnet_env", "error")]),
    "host-gw-has-no-link": (node("host-gw", cni={"subnet_env": None}), []),
    "elsewhere": (plugged(node(cni={"subnet_env": None}), subnetFile="/opt/subnet.env"), []),
    "left-beside-cilium": (
        node(
            cni={"subnet_env": None},
            links={"cilium_vxlan": link(kind="vxlan", vxlan={"external": True, "port": 8473})},
        ),
        [("cni/subnet_env", "warning")],
    ),
}


@pytest.mark.parametrize(("facts", "expected"), MISSING_LEASE.values(), ids=MISSING_LEASE)
def test_lease_missing(facts, expected):
    assert breaches("lease-missing", facts) == expected


def bare(kind="vxlan", *, net_conf=True, **edits):
    """Return a node that has lost its overlay, and all that was on it."""
    facts = node(kind, **edits)
    for name in [one for one in facts["links"] if one.startswith("flannel")]:
        del facts["links"][name]
    facts["peers"] = {}
    facts["routes"] = {key: row for key, row in facts["routes"].items() if "flannel" not in key}
    if not net_conf:
        del facts["cni"]["net_conf"]
    return facts


def with_mtu(facts, mtu):
    facts["cni"]["subnet_env"]["FLANNEL_MTU"] = mtu
    return facts


def one_family(facts, name):
    del facts["links"][name]
    return facts


def numbered(facts, vni):
    facts["cni"]["net_conf"]["Backend"]["VNI"] = vni
    return facts


LOST = {
    "vxlan": (bare(), [("links/flannel.1", "error")]),
    "vxlan-4096": (numbered(bare(), 4096), [("links/flannel.4096", "error")]),
    "wireguard": (bare("wireguard"), [("links/flannel-wg", "error")]),
    "ipip": (bare("ipip"), [("links/flannel.ipip", "error")]),
    "host-gw": (bare("host-gw"), []),
    "by-the-mtu": (bare(net_conf=False), [("links/flannel.1", "error")]),
    "wireguard-by-the-mtu": (bare("wireguard", net_conf=False), [("links/flannel-wg", "error")]),
    "host-gw-by-the-mtu": (bare("host-gw", net_conf=False), []),
    "host-gw-by-its-routes": (with_mtu(bare("host-gw", net_conf=False), 1450), []),
    "no-sum-fits": (with_mtu(bare(net_conf=False), 1230), [("cni/net_conf", "?")]),
    "calico-took-over": (
        bare(net_conf=False, links={"vxlan.calico": link(kind="vxlan", lower="eth0")}),
        [],
    ),
    "ipv6-only-lost": (
        one_family(node("dual-stack"), "flannel-v6.1"),
        [("links/flannel-v6.1", "error")],
    ),
    "ipv4-only-lost": (one_family(node("dual-stack"), "flannel.1"), [("links/flannel.1", "error")]),
    "no-lease": (bare(cni={"subnet_env": None}), []),
    "routes-not-read": (
        {**bare(net_conf=False, not_observed={"routes": SAID}), "routes": {}},
        [("routes", "?")],
    ),
}


@pytest.mark.parametrize(("facts", "expected"), LOST.values(), ids=LOST)
def test_overlay_missing(facts, expected):
    assert breaches("overlay-missing", facts) == expected


def test_a_lost_overlay_explains_the_entries_that_went_with_it():
    facts = cluster()
    facts["node1"] = bare(net_conf=False)
    rows = [row for row in told(facts) if row[0].startswith(("overlay", "peer", "fleet", "lease"))]
    assert rows[0] == ("overlay-missing", "links/flannel.1", ("node1",))
    assert not [row for row in rows if row[0] == "peer-entries-missing"]


# ---- routes of the subnet ----
def hole(dst, kind="blackhole", instead_of=None, table="main", **more):
    """Return a node with a route that refuses; *instead_of* is the peer whose own it replaced."""
    row = {"type": kind, "dst": dst, "table": table, "flags": [], **more}
    facts = node(routes={f"{table} {kind} {dst}": row})
    if instead_of:
        facts["peers"][instead_of]["missing"] = ["route"]
        del facts["peers"][instead_of]["subnet"]
    return facts


def no_way(kind="vxlan", **edits):
    facts = node(kind, **edits)
    del facts["routes"]["main 10.244.1.0/24 dev cni0"]
    return facts


HOLES = {
    "own": (hole("10.244.1.0/24"), []),
    "of-an-earlier-lease": (
        hole("10.244.7.0/24"),
        [("routes/main blackhole 10.244.7.0/24", "warning")],
    ),
    "of-calico": (hole("10.244.7.0/26", protocol="bird"), []),
    "prohibit": (
        hole("10.244.7.0/24", "prohibit"),
        [("routes/main prohibit 10.244.7.0/24", "warning")],
    ),
    "unreachable": (
        hole("10.244.7.0/24", "unreachable"),
        [("routes/main unreachable 10.244.7.0/24", "warning")],
    ),
    "throw": (
        hole("10.244.7.0/24", "throw"),
        [("routes/main throw 10.244.7.0/24", "warning")],
    ),
    "throw-in-a-table-of-its-own": (hole("10.244.7.0/24", "throw", table="52"), []),
    "in-place-of-a-peer": (
        hole("10.244.2.0/24", instead_of="10.244.2.0"),
        [("routes/main blackhole 10.244.2.0/24", "error")],
    ),
    "in-place-of-two": (
        hole("10.244.2.0/23", "prohibit", instead_of="10.244.2.0"),
        [("routes/main prohibit 10.244.2.0/23", "error")],
    ),
    "outside": (hole("198.51.100.0/24"), []),
}


@pytest.mark.parametrize(("facts", "expected"), HOLES.values(), ids=HOLES)
def test_blackhole_subnet(facts, expected):
    assert breaches("blackhole-subnet", facts) == expected


@pytest.mark.parametrize("kind", ["blackhole", "prohibit", "unreachable", "throw"])
def test_what_refuses_in_place_of_a_peer_s_route_is_the_cause(kind):
    facts = cluster()
    facts["node1"] = hole("10.244.2.0/24", kind, instead_of="10.244.2.0")
    (one,) = [row for row in report(facts).findings if row.severity]
    assert (one.rule, one.nodes) == ("blackhole-subnet", ("node1",))
    assert "in place of the peer's own route via 10.244.2.0" in one.message
    assert one.remedy.startswith(f"ip route del {kind} 10.244.2.0/24 on node1, then restart")


WAYS = {
    "gone": (no_way(), [("routes/main 10.244.1.0/24 dev cni0", "warning")]),
    "linkdown": (
        node(
            routes={
                "main 10.244.1.0/24 dev cni0": route("10.244.1.0/24", "cni0", flags=["linkdown"])
            }
        ),
        [],
    ),
    "no-ports": (portless(no_way()), []),
    "not-read": (
        {**node(not_observed={"routes": SAID}), "routes": {}},
        [("routes", "?")],
    ),
}


@pytest.mark.parametrize(("facts", "expected"), WAYS.values(), ids=WAYS)
def test_pod_subnet_route(facts, expected):
    assert breaches("pod-subnet-route", facts) == expected


# ---- addresses of pods ----
def given(*addresses, kind="vxlan", name="cbr0", uptime=86400, ports=2):
    facts = node(kind, provenance={"uptime": uptime})
    facts["ipam"] = {name: {"addresses": list(addresses), "others": []}}
    for pod in range(2, ports):
        facts["links"][f"veth0001{pod:04x}"] = dict(facts["links"]["veth00010000"])
    for pod in range(ports, 2):
        del facts["links"][f"veth0001{pod:04x}"]
    return facts


def many(count):
    return [f"10.244.1.{one}" for one in range(2, 2 + count)]


IPAM = "ipam/cbr0/addresses"
SUBNETS = {
    "inside": (given("10.244.1.2", "10.244.1.254"), []),
    "one-outside": (given("10.244.1.2", "10.244.2.2"), [(IPAM, "error")]),
    "ipv6-outside": (given("fd00:10:244:9::5", kind="dual-stack"), [(IPAM, "error")]),
    "another-network": (given("10.9.9.9", name="macvlan"), []),
    "none": (given(), []),
    "nobody-looked": ({**node(not_observed={"ipam": SAID}), "ipam": {}}, [("ipam", "?")]),
}


@pytest.mark.parametrize(("facts", "expected"), SUBNETS.values(), ids=SUBNETS)
def test_ipam_subnet(facts, expected):
    assert breaches("ipam-subnet", facts) == expected


LEAKS = {
    "as-many": (given(*many(2)), [], []),
    "pods-in-the-making": (given(*many(12)), [], []),
    "leaked": (given(*many(13)), [(IPAM, "warning")], []),
    "leaked-before-the-start": (given(*many(13), uptime=599), [], []),
    "after-the-start": (given(*many(13), uptime=600), [(IPAM, "warning")], []),
    "of-many": (given(*many(80), ports=40), [], []),
    "twice-as-many": (given(*many(81), ports=40), [(IPAM, "warning")], []),
    "ports-of-no-pod": (given(*many(2), ports=13), [], [("links/veth*", "warning")]),
    "ports-in-the-making": (given(*many(2), ports=12), [], []),
    "both-families-count-once": (
        given(*many(8), *(f"fd00:10:244:1::{one}" for one in range(2, 10)), kind="dual-stack"),
        [],
        [],
    ),
}


@pytest.mark.parametrize(("facts", "leases", "ports"), LEAKS.values(), ids=LEAKS)
def test_leaks(facts, leases, ports):
    assert breaches("ipam-leak", facts) == leases
    assert breaches("pod-ports-leaked", facts) == ports


def test_leaks_need_to_know_which_ports_the_bridge_has():
    facts = node(not_observed={"links/*/master": SAID})
    for row in facts["links"].values():
        row.pop("master", None)
    for rule in ("ipam-leak", "pod-ports-leaked"):
        assert breaches(rule, facts) == [("links/*/master", "?")]
