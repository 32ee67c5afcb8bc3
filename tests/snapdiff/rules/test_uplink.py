"""What overlays ride on, and policy rules that lead past it."""

from __future__ import annotations

import pytest

from clusters import cluster, report
from kinds import breaches, node, route

DEFAULT = "main default dev eth0"
DEFAULT_6 = "main ::/0 dev eth0 metric 1024"
CONNECTED = "main 192.0.2.0/24 dev eth0"


def with_address(key, **row):
    facts = node(routes={CONNECTED: None})
    facts["links"]["eth0"]["addresses"] = {key: {"family": "inet", "scope": "global", **row}}
    return facts


def in_table(**rule):
    """Return a node with its default route in table 100, and one more policy rule."""
    row = {"priority": 100, "table": "100", "family": "inet", **rule}
    row = {name: value for name, value in row.items() if value is not None}
    facts = node(routes={DEFAULT: None}, rules={f"inet 100 from {row['src']}": row})
    facts["routes"]["100 default dev eth0"] = {
        **route("default", "eth0", gateway="192.0.2.254"),
        "table": "100",
    }
    return facts


def blind_rules(facts):
    facts["rules"] = {}
    facts["not_observed"]["rules"] = "ip rule show gave no answer"
    return facts


def with_ipv6_of_its_own():
    """The node has IPv6 and its pods have not."""
    facts = node()
    facts["links"]["eth0"]["addresses"]["2001:db8::1/64"] = {"family": "inet6", "scope": "global"}
    return facts


def of_ipv6_alone(without):
    facts = node("dual-stack", routes={without: None}, links={"flannel.1": None})
    for key in ("FLANNEL_SUBNET", "FLANNEL_NETWORK"):
        del facts["cni"]["subnet_env"][key]
    return facts


def without_lease(without):
    facts = node("dual-stack", routes={without: None}, links={"flannel-v6.1": None})
    facts["cni"] = {}
    facts["not_observed"]["cni"] = "Permission denied"
    return facts


def underlay_down():
    facts = node(routes={CONNECTED: None})
    facts["links"]["eth0"]["flags"].remove("UP")
    return facts


UPLINK = {
    "no-default-route": (
        "default-route",
        node(routes={DEFAULT: None}),
        [("routes/main default", "error")],
    ),
    "one-of-ipv6-is-not-enough": (
        "default-route",
        node(
            routes={DEFAULT: None, "main ::/0 dev eth0": route("::/0", "eth0", gateway="fe80::1")}
        ),
        [("routes/main default", "error")],
    ),
    "dual-stack-has-both": ("default-route", node("dual-stack"), []),
    "dual-stack-without-ipv6": (
        "default-route",
        node("dual-stack", routes={DEFAULT_6: None}),
        [("routes/main ::/0", "error")],
    ),
    "dual-stack-without-ipv4": (
        "default-route",
        node("dual-stack", routes={DEFAULT: None}),
        [("routes/main default", "error")],
    ),
    "dual-stack-without-any": (
        "default-route",
        node("dual-stack", routes={DEFAULT: None, DEFAULT_6: None}),
        [("routes/main default", "error"), ("routes/main ::/0", "error")],
    ),
    "pods-without-ipv6": ("default-route", with_ipv6_of_its_own(), []),
    "pods-of-ipv6-alone": (
        "default-route",
        of_ipv6_alone(DEFAULT),
        [],
    ),
    "pods-of-ipv6-alone-without": (
        "default-route",
        of_ipv6_alone(DEFAULT_6),
        [("routes/main ::/0", "error")],
    ),
    "in-a-table-that-a-rule-leads-to": ("default-route", in_table(src="all"), []),
    "in-a-table-for-the-node-s-address": ("default-route", in_table(src="192.0.2.1"), []),
    "in-a-table-for-the-node-s-network": (
        "default-route",
        in_table(src="192.0.2.0", srclen=24),
        [],
    ),
    "in-a-table-for-pods": (
        "default-route",
        in_table(src="10.244.0.0", srclen=16),
        [("routes/main default", "error")],
    ),
    "in-a-table-for-one-network": (
        "default-route",
        in_table(src="all", dst="10.9.0.0", dstlen=16),
        [("routes/main default", "error")],
    ),
    "the-lease-was-not-looked-at": ("default-route", without_lease(DEFAULT_6), []),
    "the-lease-was-not-looked-at-nor-is-there-a-route": (
        "default-route",
        without_lease(DEFAULT),
        [("routes/main default", "error")],
    ),
    "in-a-table-of-a-vrf": (
        "default-route",
        in_table(src="all", l3mdev=True, table=None),
        [],
    ),
    "in-a-table-that-no-rule-leads-to": (
        "default-route",
        in_table(src="all", table="101"),
        [("routes/main default", "error")],
    ),
    "in-a-table-for-marked-packets": (
        "default-route",
        in_table(src="all", fwmark="0x1"),
        [("routes/main default", "error")],
    ),
    "in-a-table-for-what-comes-in": (
        "default-route",
        in_table(src="all", iif="eth1"),
        [("routes/main default", "error")],
    ),
    "in-a-table-of-ipv6-rules": (
        "default-route",
        in_table(src="all", family="inet6"),
        [("routes/main default", "error")],
    ),
    "in-a-table-and-rules-not-looked-at": (
        "default-route",
        blind_rules(in_table(src="all")),
        [("rules", "?")],
    ),
    "unreachable-is-none": (
        "default-route",
        node(
            routes={
                DEFAULT: None,
                "main unreachable default": {**route("default", "lo"), "type": "unreachable"},
            }
        ),
        [("routes/main default", "error")],
    ),
    "over-the-overlay": (
        "default-route",
        node(
            routes={"main default dev flannel.1": route("default", "flannel.1", gateway="10.0.0.1")}
        ),
        [("routes/main default dev flannel.1", "error")],
    ),
    "no-overlay-and-no-lease": (
        "default-route",
        node(routes={DEFAULT: None}, links={"flannel.1": None}, cni={"subnet_env": None}),
        [],
    ),
    "no-connected-route": (
        "underlay-connected-route",
        node(routes={CONNECTED: None}),
        [("links/eth0/addresses", "error")],
    ),
    "connected-with-a-metric": (
        "underlay-connected-route",
        node(
            routes={
                CONNECTED: None,
                f"{CONNECTED} metric 100": route("192.0.2.0/24", "eth0", metric=100),
            }
        ),
        [],
    ),
    "an-address-of-no-network": ("underlay-connected-route", with_address("192.0.2.1/32"), []),
    "noprefixroute": (
        "underlay-connected-route",
        with_address("192.0.2.1/24", noprefixroute=True),
        [],
    ),
    "underlay-down": ("underlay-connected-route", underlay_down(), []),
}


@pytest.mark.parametrize(("rule", "facts", "expected"), UPLINK.values(), ids=UPLINK)
def test_what_overlays_ride_on(rule, facts, expected):
    assert breaches(rule, facts) == expected


def policy(rule, *more, **routes):
    """Return a node with policy rules, and routes of table 30400."""
    rows = {f"inet {one['priority']} from {one.get('src', 'all')}": one for one in (rule, *more)}
    facts = node(rules=rows)
    for dst in routes.values():
        row = {**route(dst, "eth0", gateway="192.0.2.254"), "table": rule["table"]}
        facts["routes"][f"{rule['table']} {dst} dev eth0"] = row
    return facts


def pref(priority, table, **row):
    return {"priority": priority, "table": table, "family": "inet", "src": "all", **row}


CLOUD = pref(30400, "30400", src="192.0.2.1")
POLICY = {
    "nm-cloud-setup": (
        policy(CLOUD, lan="192.0.2.0/24", way="default"),
        [("rules/inet 30400 from 192.0.2.1", "error")],
    ),
    "any-table-that-does-so": (
        policy({**CLOUD, "table": "7"}, way="default"),
        [("rules/inet 30400 from 192.0.2.1", "error")],
    ),
    "it-leads-to-pods-too": (
        policy({**CLOUD, "table": "7"}, pods="10.244.0.0/16", way="default"),
        [],
    ),
    "main-is-asked-first": (
        policy(CLOUD, pref(30000, "main", suppress_prefixlen=0), way="default"),
        [],
    ),
    "main-is-asked-after": (
        policy(CLOUD, pref(30500, "main", suppress_prefixlen=0), way="default"),
        [("rules/inet 30400 from 192.0.2.1", "error")],
    ),
    "another-network-card": (
        policy({**CLOUD, "src": "198.51.100.7", "table": "7"}, way="default"),
        [],
    ),
    "told-by-its-number-alone": (
        policy({**CLOUD, "src": "198.51.100.7"}),
        [("rules/inet 30400 from 198.51.100.7", "warning")],
    ),
    "no-default-route-in-it": (policy({**CLOUD, "table": "7"}, lan="192.0.2.0/24"), []),
}


@pytest.mark.parametrize(("facts", "expected"), POLICY.values(), ids=POLICY)
def test_policy_rules_of_cloud_setup(facts, expected):
    assert breaches("policy-rules-of-cloud-setup", facts) == expected


PODS = pref(999, "100", src="10.244.0.0", srclen=16)
ELSEWHERE = {
    "from-pods": (policy(PODS, way="default"), [("rules/inet 999 from 10.244.0.0", "error")]),
    "to-pods": (
        policy(pref(999, "100", dst="10.244.1.0", dstlen=24)),
        [("rules/inet 999 from all", "error")],
    ),
    "to-main": (policy({**PODS, "table": "main"}), []),
    "a-table-that-knows-pods": (policy(PODS, pods="10.244.0.0/16"), []),
    "by-mark": (policy({**PODS, "fwmark": "0x1"}), []),
    "main-is-asked-first-for-pods": (
        policy(PODS, pref(900, "main", dst="10.244.0.0", dstlen=16), way="default"),
        [],
    ),
    "main-is-asked-first-for-some": (
        policy(PODS, pref(900, "main", dst="10.244.1.0", dstlen=24), way="default"),
        [("rules/inet 999 from 10.244.0.0", "error")],
    ),
    "of-others": (policy(pref(999, "100", src="10.9.0.0", srclen=16)), []),
}


@pytest.mark.parametrize(("facts", "expected"), ELSEWHERE.values(), ids=ELSEWHERE)
def test_pod_rules_elsewhere(facts, expected):
    assert breaches("pod-rules-elsewhere", facts) == expected


def test_who_is_to_delete_the_only_default_route_is_told_to_restore_one():
    key = "main default via 10.244.1.9 dev cni0"
    facts = cluster(1)
    facts["node1"]["routes"][key] = route("default", "cni0", gateway="10.244.1.9")
    (beside,) = (row for row in report(facts).findings if row.rule == "default-route")
    assert beside.remedy.startswith("ip route del default dev cni0")
    assert "ip route add" not in beside.remedy
    del facts["node1"]["routes"][DEFAULT]
    (only,) = (row for row in report(facts).findings if row.rule == "default-route")
    assert "it is the only one: then ip route add default via GATEWAY dev LINK" in only.remedy
