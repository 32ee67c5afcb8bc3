"""A change is told below another one only where its number is the one that follows from that."""

from __future__ import annotations

import pytest

from builders import GONE, address, edited, link, node, route
from snapdiff import below, drift
from snapdiff.diff import diff

LEASE_MTU = "cni/subnet_env/FLANNEL_MTU"
SUBNET = "cni/subnet_env/FLANNEL_SUBNET"
CONF = "cni/net_conf"
PORTS = ("links/veth00000001/mtu", "links/veth00000002/mtu")
RULE = {"priority": 30400, "src": "192.0.2.1", "table": "30400", "family": "inet"}
VLAN = {
    "links/eth0.100": link("vlan", mtu=1500, lower="eth0"),
    "links/eth0/operstate": "UP",
    "links/flannel.1/lower": "eth0.100",
}
OF_VPN = ("routes", "52 100.64.0.9 dev tailscale0")
OTHER = ("routes", "30400 default dev eth0")


def ip(name, key):
    return ("links", name, "addresses", key)


def told(start, edits):
    """Return what is told of a node as (place, what stands below it)."""
    before = node(edits={f"{CONF}/Network": "10.244.0.0/16", f"{CONF}/Backend": {}, **start})
    after = edited(before, edits)
    drifts = drift.judge(diff(before, after).changes, rebooted=False, now=after)
    return sorted((one.change.place, list(below.lines([one]))) for one in drifts)


FOLLOWS = {
    "overlay-of-the-underlay": (
        {},
        {"links/eth0/mtu": 1400, "links/flannel.1/mtu": 1350},
        ("links/eth0/mtu", ["with it links/flannel.1/mtu 1450 → 1350"]),
    ),
    "lease-of-the-underlay-while-the-overlay-stays": (
        {},
        {"links/eth0/mtu": 9001, LEASE_MTU: 8951},
        ("links/eth0/mtu", [f"with it {LEASE_MTU} 1450 → 8951"]),
    ),
    "all-the-way-down": (
        {},
        {
            "links/eth0/mtu": 1400,
            "links/flannel.1/mtu": 1350,
            LEASE_MTU: 1350,
            "links/cni0/mtu": 1350,
            **dict.fromkeys(PORTS, 1350),
        },
        (
            "links/eth0/mtu",
            [
                "with it links/flannel.1/mtu 1450 → 1350",
                "with it links/cni0/mtu 1450 → 1350",
                "with it links/veth*/mtu 1450 → 1350 (veth00000001, veth00000002)",
                f"with it {LEASE_MTU} 1450 → 1350",
            ],
        ),
    ),
    "lease-of-the-overlay": (
        {},
        {"links/flannel.1/mtu": 1400, LEASE_MTU: 1400},
        ("links/flannel.1/mtu", [f"with it {LEASE_MTU} 1450 → 1400"]),
    ),
    "lease-of-the-key-in-net-conf": (
        {},
        {f"{CONF}/Backend/MTU": 1400, LEASE_MTU: 1350},
        (f"{CONF}/Backend/MTU", [f"with it {LEASE_MTU} 1450 → 1350"]),
    ),
    "overlay-when-the-key-is-taken-out": (
        {f"{CONF}/Backend/MTU": 1400, "links/flannel.1/mtu": 1350, LEASE_MTU: 1350},
        {f"{CONF}/Backend/MTU": GONE, "links/flannel.1/mtu": 1450, LEASE_MTU: 1450},
        (
            f"{CONF}/Backend/MTU",
            ["with it links/flannel.1/mtu 1350 → 1450", f"with it {LEASE_MTU} 1350 → 1450"],
        ),
    ),
    "lease-of-the-underlay-of-host-gw": (
        {f"{CONF}/Backend/Type": "host-gw", "links/flannel.1": GONE, LEASE_MTU: 1500},
        {"links/eth0/mtu": 9001, LEASE_MTU: 9001},
        ("links/eth0/mtu", [f"with it {LEASE_MTU} 1500 → 9001"]),
    ),
    "addresses-of-the-lease": (
        {},
        {
            SUBNET: "10.244.9.1/24",
            ip("flannel.1", "10.244.1.0/32"): GONE,
            ip("flannel.1", "10.244.9.0/32"): address(),
            ip("cni0", "10.244.1.1/24"): GONE,
            ip("cni0", "10.244.9.1/24"): address(),
            ("routes", "main 10.244.1.0/24 dev cni0"): GONE,
        },
        (
            SUBNET,
            [
                "with it links/flannel.1/addresses 10.244.1.0/32 → 10.244.9.0/32",
                "with it links/cni0/addresses 10.244.1.1/24 → 10.244.9.1/24",
            ],
        ),
    ),
    "underlay-that-became-a-port-of-a-new-bridge": (
        {},
        {
            "links/br0": link("bridge", mtu=1500, addresses={"192.0.2.1/24": address()}),
            "links/eth0/master": "br0",
            ip("eth0", "192.0.2.1/24"): GONE,
            ("routes", "main default dev eth0"): GONE,
            ("routes", "main default dev br0"): route("default", "br0", gateway="192.0.2.254"),
            ("routes", "main 192.0.2.0/24 dev eth0"): GONE,
        },
        (
            "links/eth0/master",
            [
                "with it links/br0 added: kind bridge, mtu 1500",
                "with it links/eth0/addresses/192.0.2.1/24 removed",
                "with it changed: dev of 1 route: main default dev eth0 → br0",
            ],
        ),
    ),
    "another-prefix-length-of-the-same-address": (
        {},
        {ip("eth0", "192.0.2.1/24"): GONE, ip("eth0", "192.0.2.1/16"): address()},
        (
            "links/eth0/addresses/192.0.2.1/16",
            ["with it links/eth0/addresses/192.0.2.1/24 removed"],
        ),
    ),
    "limits-of-the-neighbour-table": (
        {f"sysctls/net.ipv4.neigh.default.gc_thresh{one}": 128 for one in (1, 2, 3)},
        {f"sysctls/net.ipv4.neigh.default.gc_thresh{one}": one for one in (1, 2, 3)},
        ("sysctls/net.ipv4.neigh.default.gc_thresh3", ["with it changed: 2 settings"]),
    ),
    "a-vlan-of-its-parent": (
        VLAN,
        {
            "links/eth0/flags": ["BROADCAST", "MULTICAST"],
            "links/eth0/operstate": "DOWN",
            "links/eth0.100/flags": ["BROADCAST", "M-DOWN", "MULTICAST", "UP"],
            "links/eth0.100/operstate": "LOWERLAYERDOWN",
        },
        (
            "links/eth0/flags",
            [
                "with it links/eth0.100/flags BROADCAST, MULTICAST, UP → "
                "BROADCAST, M-DOWN, MULTICAST, UP",
                "with it changed: operstate of 2 links",
            ],
        ),
    ),
    "mtu-of-a-vlan-and-of-what-lies-on-it": (
        VLAN,
        {"links/eth0/mtu": 1400, "links/eth0.100/mtu": 1400, "links/flannel.1/mtu": 1350},
        (
            "links/eth0/mtu",
            [
                "with it links/eth0.100/mtu 1500 → 1400",
                "with it links/flannel.1/mtu 1450 → 1350",
            ],
        ),
    ),
    "address-and-what-an-ipv6-router-told-with-it": (
        {},
        {
            ip("eth0", "2001:db8::1/64"): {"family": "inet6", "scope": "global"},
            ("routes", "main 2001:db8::/64 dev eth0"): route(
                "2001:db8::/64", "eth0", family="inet6", protocol="ra"
            ),
            ("routes", "main ::/0 dev eth0"): route(
                "::/0", "eth0", family="inet6", protocol="ra", gateway="fe80::1"
            ),
        },
        (
            "links/eth0/addresses/2001:db8::1/64",
            ["with it added: 2 routes: main 2001:db8::/64 dev eth0, main ::/0 dev eth0"],
        ),
    ),
    "overlay-and-network-of-a-new-ip-family": (
        {},
        {
            "cni/subnet_env/FLANNEL_IPV6_NETWORK": "fd00:10::/48",
            "cni/subnet_env/FLANNEL_IPV6_SUBNET": "fd00:10:0:2::1/64",
            "links/flannel-v6.1": link(
                "vxlan", lower="eth0", addresses={"fd00:10:0:2::/128": address()}
            ),
        },
        (
            "cni/subnet_env/FLANNEL_IPV6_SUBNET",
            [
                "with it links/flannel-v6.1 added: kind vxlan, mtu 1450",
                "with it cni/subnet_env/FLANNEL_IPV6_NETWORK added: fd00:10::/48",
            ],
        ),
    ),
    "network-of-net-conf": (
        {},
        {f"{CONF}/Network": "10.0.0.0/8", "cni/subnet_env/FLANNEL_NETWORK": "10.0.0.0/8"},
        (
            f"{CONF}/Network",
            ["with it cni/subnet_env/FLANNEL_NETWORK 10.244.0.0/16 → 10.0.0.0/8"],
        ),
    ),
    "tunnel-and-next-hop-of-a-new-address": (
        {},
        {
            ip("eth0", "192.0.2.1/24"): GONE,
            ip("eth0", "198.51.100.1/24"): address(),
            "links/flannel.1/vxlan/local": "198.51.100.1",
            ("routes", "main default dev eth0", "gateway"): "198.51.100.254",
            ("routes", "main 192.0.2.0/24 dev eth0"): GONE,
        },
        (
            "links/eth0/addresses",
            [
                "with it links/flannel.1/vxlan/local 192.0.2.1 → 198.51.100.1",
                "with it routes/main default dev eth0/gateway 192.0.2.254 → 198.51.100.254",
            ],
        ),
    ),
    "new-lower-link-and-its-address": (
        {},
        {
            "links/eth1": link(ifindex=9, addresses={"198.51.100.1/24": address()}),
            "links/flannel.1/lower": "eth1",
            "links/flannel.1/vxlan/local": "198.51.100.1",
        },
        (
            "links/flannel.1/lower",
            [
                "with it links/eth1 added: mtu 1450",
                "with it links/flannel.1/vxlan/local 192.0.2.1 → 198.51.100.1",
            ],
        ),
    ),
    "overlay-that-went-with-its-lower-link": (
        {},
        {
            "links/eth0": GONE,
            "links/flannel.1": GONE,
            "peers/10.244.2.0": GONE,
            "peers/10.244.3.0": GONE,
            ("routes", "main default dev eth0"): GONE,
            ("routes", "main 192.0.2.0/24 dev eth0"): GONE,
        },
        (
            "links/eth0",
            [
                "with it links/flannel.1 removed: kind vxlan, mtu 1450",
                "with it removed: 2 peers",
                "with it removed: 1 route: main default dev eth0",
            ],
        ),
    ),
    "table-of-a-policy-rule": (
        {},
        {
            ("rules", "inet 30400 from 192.0.2.1"): RULE,
            OTHER: route("default", "eth0", table="30400"),
        },
        (
            "rules/inet 30400 from 192.0.2.1",
            ["with it added: 1 route: 30400 default dev eth0"],
        ),
    ),
    "link-of-another-backend": (
        {f"{CONF}/Backend/Type": "vxlan"},
        {
            f"{CONF}/Backend/Type": "wireguard",
            "links/flannel.1": GONE,
            "links/flannel-wg": link("wireguard", mtu=1420),
            LEASE_MTU: 1420,
            "peers/10.244.2.0": GONE,
            "peers/10.244.3.0": GONE,
        },
        (
            f"{CONF}/Backend/Type",
            [
                "with it links/flannel-wg added: kind wireguard, mtu 1420",
                "with it links/flannel.1 removed: kind vxlan, mtu 1450",
                f"with it {LEASE_MTU} 1450 → 1420",
                "with it removed: 2 peers",
            ],
        ),
    ),
    "port-of-net-conf": (
        {},
        {f"{CONF}/Backend/Port": 4789, "links/flannel.1/vxlan/port": 4789},
        (f"{CONF}/Backend/Port", ["with it links/flannel.1/vxlan/port 8472 → 4789"]),
    ),
    "port-when-the-key-is-taken-out": (
        {f"{CONF}/Backend/Port": 4789, "links/flannel.1/vxlan/port": 4789},
        {f"{CONF}/Backend/Port": GONE, "links/flannel.1/vxlan/port": 8472},
        (f"{CONF}/Backend/Port", ["with it links/flannel.1/vxlan/port 4789 → 8472"]),
    ),
    "neighbours-of-a-new-mac": (
        {},
        {
            "links/flannel.1/mac": "0a:ff:00:00:00:01",
            **{
                f"peers/10.244.{one}.0": {
                    "dev": "flannel.1",
                    "subnet": f"10.244.{one}.0/24",
                    "missing": ["neighbour"],
                }
                for one in (2, 3)
            },
        },
        ("links/flannel.1/mac", ["with it 2 peers lost entries"]),
    ),
    "neighbours-of-arp-that-is-off": (
        {"links/flannel.1/flags": ["BROADCAST", "MULTICAST", "UP"]},
        {
            "links/flannel.1/flags": ["BROADCAST", "MULTICAST", "NOARP", "UP"],
            "peers/10.244.2.0": {
                "dev": "flannel.1",
                "subnet": "10.244.2.0/24",
                "missing": ["neighbour"],
            },
        },
        ("links/flannel.1/flags", ["with it 1 peer lost entries"]),
    ),
    "policy-rule-of-the-table-of-a-new-link": (
        {},
        {
            "links/tailscale0": link("tun", mtu=1280),
            OF_VPN: route("100.64.0.9", "tailscale0", table="52"),
            ("rules", "inet 5270 from all"): {**RULE, "src": "all", "table": "52"},
        },
        (
            "links/tailscale0",
            [
                "with it rules/inet 5270 from all added: lookup 52",
                "with it added: 1 route: 52 100.64.0.9 dev tailscale0",
            ],
        ),
    ),
    "settings-of-a-module": (
        {f"sysctls/net.bridge.bridge-nf-call-{one}tables": 1 for one in ("ip", "ip6")},
        {f"sysctls/net.bridge.bridge-nf-call-{one}tables": GONE for one in ("ip", "ip6")},
        ("sysctls/net.bridge.bridge-nf-call-iptables", ["with it removed: 1 setting"]),
    ),
    "bridge-whose-last-port-was-set-down": (
        {},
        {
            "links/veth00000001/flags": ["BROADCAST"],
            "links/veth00000002/flags": ["BROADCAST"],
            "links/cni0/operstate": "DOWN",
        },
        (
            "links/veth*/flags",
            ["with it changed: operstate of 1 link", "veth00000001, veth00000002"],
        ),
    ),
    "pods-of-a-plugins-mtu": (
        {},
        {
            "cni_config/10-flannel.conflist/plugins": [
                {"type": "flannel", "delegate": {"mtu": 1300}}
            ],
            PORTS[0]: 1300,
            "links/cni0/mtu": 1300,
        },
        (
            "cni_config/10-flannel.conflist/plugins",
            [
                "with it links/cni0/mtu 1450 → 1300",
                "with it links/veth*/mtu 1450 → 1300, 1450 (veth00000001)",
            ],
        ),
    ),
}


@pytest.mark.parametrize(("start", "edits", "expected"), FOLLOWS.values(), ids=FOLLOWS)
def test_what_follows_is_told_below_its_cause(start, edits, expected):
    assert told(start, edits) == [expected]


ALONE = {
    "an-overlay-beside-what-the-underlay-leaves": (
        {},
        {"links/eth0/mtu": 1400, "links/flannel.1/mtu": 1349},
    ),
    "a-lease-beside-it": ({}, {"links/eth0/mtu": 9001, LEASE_MTU: 8950}),
    "a-lease-of-another-type": ({}, {"links/eth0/mtu": 9001, LEASE_MTU: "8951"}),
    "a-bridge-of-another-lease": (
        {},
        {
            SUBNET: "10.244.9.1/24",
            ip("cni0", "10.244.1.1/24"): GONE,
            ip("cni0", "10.244.8.1/24"): address(),
        },
    ),
    "a-tunnel-from-an-address-that-nobody-has": (
        {},
        {
            ip("eth0", "192.0.2.1/24"): GONE,
            ip("eth0", "198.51.100.1/24"): address(),
            "links/flannel.1/vxlan/local": "203.0.113.9",
        },
    ),
    "a-next-hop-in-the-network-that-was": (
        {},
        {
            ip("eth0", "192.0.2.1/24"): GONE,
            ip("eth0", "198.51.100.1/24"): address(),
            ("routes", "main default dev eth0", "gateway"): "192.0.2.253",
        },
    ),
    "a-route-of-another-table": (
        {},
        {
            ("rules", "inet 30400 from 192.0.2.1"): RULE,
            ("routes", "7 default dev eth0"): route("default", "eth0", table="7"),
        },
    ),
    "another-port-than-net-conf-says": (
        {},
        {f"{CONF}/Backend/Port": 4789, "links/flannel.1/vxlan/port": 4790},
    ),
    "a-link-that-no-overlay-is-on": (
        {},
        {"links/eth1": link(ifindex=9), "links/flannel.1/lower": "eth2"},
    ),
    "a-forwarding-entry-is-not-lost-with-a-mac": (
        {},
        {
            "links/flannel.1/mac": "0a:ff:00:00:00:01",
            "peers/10.244.2.0": {
                "dev": "flannel.1",
                "mac": "0a:00:00:00:00:02",
                "subnet": "10.244.2.0/24",
                "missing": ["fdb"],
            },
        },
    ),
    "a-setting-that-went-alone": (
        {f"sysctls/net.bridge.bridge-nf-call-{one}tables": 1 for one in ("ip", "ip6")},
        {
            "sysctls/net.bridge.bridge-nf-call-ip6tables": GONE,
            "sysctls/net.bridge.bridge-nf-call-iptables": 0,
        },
    ),
}


@pytest.mark.parametrize(("start", "edits"), ALONE.values(), ids=ALONE)
def test_what_does_not_add_up_stands_for_itself(start, edits):
    found = told(start, edits)
    assert (len(found), [lines for _place, lines in found if lines]) == (2, [])


def test_effects_of_some_nodes_only_are_told_with_their_names():
    pairs = []
    for number in (1, 2, 3):
        before = node(number)
        edits = {"links/eth0/mtu": 1400}
        if number < 3:
            edits["links/flannel.1/mtu"] = 1350
        pairs.append((before, edited(before, edits)))
    drifts = [
        one
        for before, after in pairs
        for one in drift.judge(diff(before, after).changes, rebooted=False, now=after)
    ]
    (row,) = drift.findings(drifts, [], "lab")
    assert row.evidence == ("with it links/flannel.1/mtu 1450 → 1350 on node1, node2",)
    (effect,) = row.members[1].effects
    assert (effect.path, str(effect.change), effect.before, effect.after, effect.node) == (
        "links/flannel.1/mtu",
        "changed",
        1450,
        1350,
        "node2",
    )
    assert [len(one.effects) for one in row.members] == [1, 1, 0]
    alone = drift.finding_id("lab", drift.RULE, "links/flannel.1/mtu", "node2")
    assert alone in row.follows


def test_a_row_of_many_peers_names_five_and_keeps_them_all():
    before = node(of=9)
    gone = {f"peers/10.244.{n}.0": GONE for n in range(2, 10)}
    after = edited(before, gone)
    drifts = drift.judge(diff(before, after).changes, rebooted=False, now=after)
    (row,) = drift.findings(drifts, [], "lab")
    assert row.members[0].places == tuple(f"peers/10.244.{n}.0" for n in range(2, 10))


def test_policy_rules_that_came_together_are_one_row():
    before = node()
    marks = {("rules", f"inet 52{n}0 from all"): {**RULE, "fwmark": "0x80000"} for n in (1, 3)}
    after = edited(before, marks)
    drifts = drift.judge(diff(before, after).changes, rebooted=False, now=after)
    (row,) = drift.findings(drifts, [], "lab")
    assert (row.path, len(row.members[0].places)) == ("rules/*", 2)


def test_what_differs_from_node_to_node_is_kept_by_each():
    pairs = []
    for number in (1, 2):
        before = node(number)
        edits = {"links/cni0/mtu": 1400, "links/cni0/ifindex": 40 + number}
        pairs.append((before, edited(before, edits)))
    drifts = [
        one
        for before, after in pairs
        for one in drift.judge(diff(before, after).changes, rebooted=False, now=after)
    ]
    (row,) = drift.findings(drifts, [], "lab")
    assert row.evidence == ("ifindex differs from node to node",)
    assert [one.evidence for one in row.members] == [("ifindex 4 → 41",), ("ifindex 4 → 42",)]


def test_context_of_an_effect_stands_below_the_cause():
    edits = {"links/eth0/mtu": 1400, "links/flannel.1/mtu": 1350, "links/flannel.1/ifindex": 31}
    assert told({}, edits) == [
        (
            "links/eth0/mtu",
            ["with it links/flannel.1/mtu 1450 → 1350", "links/flannel.1/ifindex 3 → 31"],
        )
    ]


def test_after_a_boot_a_bridge_that_waits_for_its_first_pod_is_by_the_way():
    before = node()
    ports = {f"links/veth0000000{one}": GONE for one in (1, 2)}
    edits = {"links/cni0": GONE, ("routes", "main 10.244.1.0/24 dev cni0"): GONE, **ports}
    after = edited(before, edits)
    for rebooted, severity in ((True, "info"), (False, "warning")):
        (one,) = drift.judge(diff(before, after).changes, rebooted=rebooted, now=after)
        assert (one.change.place, one.severity.word) == ("links/cni0", severity)
