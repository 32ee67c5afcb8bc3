"""Routes and policy rules that lead packets for peers into a VPN, or nowhere."""

from __future__ import annotations

import pytest

from clusters import cluster, node, report, told
from kinds import KINDS, healthy, link, route

MARK = {"fwmark": "0x80000", "fwmask": "0xff0000"}


def vpn(facts, name="tun0", kind="tun"):
    facts["links"][name] = link(
        1400,
        kind=kind,
        type="none",
        flags=["LOWER_UP", "NOARP", "POINTOPOINT", "UP"],
        operstate="UNKNOWN",
        addresses={"172.30.0.2/24": {"family": "inet", "scope": "global"}},
    )
    facts["routes"][f"main 172.30.0.0/24 dev {name}"] = route(
        "172.30.0.0/24", name, protocol="kernel"
    )


def rules(*rows):
    """Return policy rules, those of every kernel with them."""
    usual = [{"priority": 0, "table": "local"}, {"priority": 32766, "table": "main"}]
    return {
        f"inet {row['priority']} from {row.get('src', 'all')}": {
            "src": "all",
            "family": "inet",
            **row,
        }
        for row in (*usual, *rows)
    }


def led(*routes, asked=(), backend="vxlan", dev="tun0", **options):
    """Return a cluster of which node2 has these routes, as destination and what is unusual."""
    facts = cluster(3, backend=backend, **options)
    two = facts["node2"]
    vpn(two)
    for dst, more in routes:
        row = {**route(dst, dev), **more}
        name = " ".join(
            str(one)
            for one in (row["table"], dst, "dev", row["dev"], row.get("metric", ""))
            if one != ""
        )
        two["routes"][name] = row
    if asked:
        two["rules"] = rules(*asked)
    return facts


def tailscale(*routes, **options):
    """Return what tailscale makes: a table of its own, asked before main."""
    asked = (
        {"priority": 5210, "table": "main", **MARK},
        {"priority": 5250, "action": "unreachable", **MARK},
        {"priority": 5270, "table": "52"},
    )
    rows = [(dst, {"table": "52"}) for dst in ("100.100.100.100", *routes)]
    return led(*rows, asked=asked, **options)


def wg_quick(*, main_first=True):
    """Return what wg-quick makes of AllowedIPs = 0.0.0.0/0."""
    asked = [{"priority": 32765, "table": "51820", "fwmark": "0xca6c", "not": True}]
    if main_first:
        asked.append({"priority": 32764, "table": "main", "suppress_prefixlen": 0})
    return led(("default", {"table": "51820"}), asked=asked)


def own_network(prefix):
    """Return a cluster in which node2 has a network of its own inside that of the underlay."""
    facts = led((prefix, {"dev": "docker0", "protocol": "kernel"}))
    facts["node2"]["links"]["docker0"] = link(1500, kind="bridge")
    return facts


def elsewhere(*routes):
    """Return a cluster whose third node is behind the router."""
    facts = led(*routes)
    for one in ("node1", "node2"):
        facts[one]["peers"]["10.244.3.0"]["underlay"] = "203.0.113.3"
    third = facts["node3"]
    third["links"]["flannel.1"]["vxlan"]["local"] = "203.0.113.3"
    addresses = third["links"]["eth0"]["addresses"]
    addresses["203.0.113.3/24"] = addresses.pop("192.0.2.3/24")
    third["routes"]["main 203.0.113.0/24 dev eth0"] = {
        **third["routes"].pop("main 192.0.2.0/24 dev eth0"),
        "dst": "203.0.113.0/24",
    }
    return facts


VIA = {"gateway": "172.30.0.1"}
ETH1 = {"dev": "eth1", "gateway": "198.51.100.1"}
UNDERLAY, PODS = "underlay-led-away", "pods-led-away"
LED = {
    "part-of-the-network": (led(("192.0.2.0/25", VIA)), (UNDERLAY, "error")),
    "one-peer": (led(("192.0.2.3", VIA)), (UNDERLAY, "error")),
    "same-network-lower-metric": (
        led(("192.0.2.0/24", {"metric": -1})),
        (UNDERLAY, "error"),
    ),
    "refused": (led(("192.0.2.3", {"type": "blackhole"})), (UNDERLAY, "error")),
    "network-of-docker": (own_network("192.0.2.0/28"), (UNDERLAY, "error")),
    "by-another-nic": (led(("192.0.2.0/25", ETH1)), (UNDERLAY, "warning")),
    "tailscale-accepts-the-lan": (tailscale("192.0.2.0/24"), (UNDERLAY, "error")),
    "tailscale-accepts-the-pods": (tailscale("10.244.0.0/16"), (PODS, "error")),
    "half-of-a-peer-s-pods": (led(("10.244.3.0/25", {})), (PODS, "error")),
    "pods-over-wireguard-and-not": (
        led(("10.244.3.0/24", {}), backend="wireguard"),
        (PODS, "error"),
    ),
    "host-gw": (led(("192.0.2.3", VIA), backend="host-gw"), (UNDERLAY, "error")),
    "vpn-before-main": (wg_quick(main_first=False), (UNDERLAY, "error")),
    "all-but-the-network-itself": (
        elsewhere(("0.0.0.0/1", VIA), ("128.0.0.0/1", VIA)),
        (UNDERLAY, "warning"),
    ),
    "joined-sites": (elsewhere(("203.0.113.0/24", VIA)), (UNDERLAY, "info")),
}
RIGHT = {
    "all-but-the-network": led(("0.0.0.0/1", VIA), ("128.0.0.0/1", VIA)),
    "tailscale": tailscale(),
    "wg-quick": wg_quick(),
    "this-node-itself": led(("192.0.2.2", VIA)),
    "no-node-there": led(("192.0.2.64/26", VIA)),
    "own-pods": led(("10.244.2.128/25", VIA)),
    "of-another-mark": led(
        ("192.0.2.0/24", {"table": "7"}),
        asked=[{"priority": 9, "table": "7", "fwmark": "0x200", "fwmask": "0xf00"}],
    ),
    "of-a-port": led(
        ("192.0.2.0/24", {"table": "7"}),
        asked=[{"priority": 9, "table": "7", "ipproto": "tcp", "dport": 443}],
    ),
    "of-another-source": led(
        ("192.0.2.0/24", {"table": "7"}),
        asked=[{"priority": 9, "table": "7", "src": "172.30.0.2"}],
    ),
    "what-pods-send-abroad": led(
        ("default", {"table": "7"}),
        asked=[
            {"priority": 8, "table": "main", "dst": "10.244.0.0", "dstlen": 16},
            {"priority": 9, "table": "7", "src": "10.244.2.0", "srclen": 24},
        ],
    ),
    "second-nic-in-the-network": led(("192.0.2.0/24", {"dev": "eth1", "metric": -1})),
    "several-next-hops": led(("192.0.2.0/25", {"nexthops": [{"dev": "eth0"}, {"dev": "eth1"}]})),
}


def with_eth1(facts):
    facts["node2"]["links"]["eth1"] = link(1500)
    for row in facts["node2"]["routes"].values():
        if "nexthops" in row:
            row.pop("dev", None)
        if row.get("metric") == -1:  # the underlay's own route gets a metric over it
            row["metric"] = 50
            facts["node2"]["routes"]["main 192.0.2.0/24 dev eth0"]["metric"] = 100
    return facts


def found_in(facts):
    return [
        (row.rule, row.severity.word, row.nodes)
        for row in report(with_eth1(facts)).findings
        if row.rule in (UNDERLAY, PODS)
    ]


@pytest.mark.parametrize("case", LED.values(), ids=LED)
def test_what_leads_peers_away_is_told_once_on_its_node(case):
    facts, *expected = case
    assert sorted(found_in(facts)) == sorted((*one, ("node2",)) for one in expected)


@pytest.mark.parametrize("facts", RIGHT.values(), ids=RIGHT)
def test_what_leads_no_peer_away_is_not_told(facts):
    assert found_in(facts) == []
    assert [one for one in told(with_eth1(facts)) if one[0].startswith("p")] == []


@pytest.mark.parametrize("kind", KINDS)
def test_no_healthy_cluster_of_any_kind_is_led_away(kind):
    facts = healthy(kind)
    for one in facts.values():
        vpn(one)
        one["routes"]["main 0.0.0.0/1 dev tun0"] = {**route("0.0.0.0/1", "tun0"), **VIA}
    assert [one for one in told(facts) if one[0] in (UNDERLAY, PODS)] == []


def test_a_node_alone_knows_its_peers_by_its_own_entries():
    facts = {"node2": node(2, 3)}
    vpn(facts["node2"])
    facts["node2"]["routes"]["main 192.0.2.3 dev tun0"] = {**route("192.0.2.3", "tun0"), **VIA}
    (found,) = [one for one in report(facts).findings if one.rule == UNDERLAY]
    assert found.message == (
        "192.0.2.3 via 172.30.0.1 dev tun0 leads to the underlay address of 192.0.2.3, past eth0"
    )


def test_routes_that_nobody_looked_at_leave_it_open():
    facts = cluster(3)
    facts["node2"].update(routes={}, not_observed={"routes": "ip gave no answer"})
    open_ = {(one.rule, one.path) for one in report(facts).undecided}
    assert {(UNDERLAY, "routes"), (PODS, "routes")} <= open_


def test_of_policy_rules_that_nobody_looked_at_main_is_left():
    facts = led(("192.0.2.3", VIA))
    facts["node2"].update(rules={}, not_observed={"rules": "ip gave no answer"})
    assert found_in(facts) == [(UNDERLAY, "error", ("node2",))]


def test_the_rule_that_asks_for_the_table_is_named():
    (found,) = [one for one in report(tailscale("192.0.2.0/24")).findings if one.severity > 0]
    assert found.path == "routes/52 192.0.2.0/24 dev tun0"
    assert found.evidence == ("node2: inet 5270 from all asks for that table",)


@pytest.mark.parametrize("kind", ["blackhole", "prohibit", "unreachable", "throw"])
def test_a_part_of_a_peer_s_pods_that_is_refused_is_one_finding(kind):
    facts = cluster(3)
    row = {"type": kind, "dst": "10.244.3.0/25", "table": "main", "flags": []}
    facts["node2"]["routes"][f"main {kind} 10.244.3.0/25"] = row
    (one,) = [row for row in report(facts).findings if row.severity]
    assert (one.rule, one.severity.word, one.nodes) == (PODS, "error", ("node2",))
    assert one.remedy == f"ip route del {kind} 10.244.3.0/25 on node2, and see who set it"


def test_a_throw_in_a_table_before_main_leads_on_to_it():
    facts = led(
        ("10.244.3.0/24", {"table": "7"}),
        ("10.244.3.0/25", {"table": "7", "type": "throw"}),
        asked=[{"priority": 9, "table": "7"}],
    )
    assert [row.path for row in report(facts).findings if row.severity] == [
        "routes/7 10.244.3.0/24 dev tun0"
    ]
