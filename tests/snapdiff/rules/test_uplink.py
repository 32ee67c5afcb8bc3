"""What overlays ride on, and policy rules that lead past it."""

from __future__ import annotations

import pytest

from kinds import breaches, node, route

DEFAULT = "main default dev eth0"
CONNECTED = "main 192.0.2.0/24 dev eth0"


def with_address(key, **row):
    facts = node(routes={CONNECTED: None})
    facts["links"]["eth0"]["addresses"] = {key: {"family": "inet", "scope": "global", **row}}
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
    "one-of-ipv6-is-enough": (
        "default-route",
        node(
            routes={DEFAULT: None, "main ::/0 dev eth0": route("::/0", "eth0", gateway="fe80::1")}
        ),
        [],
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
    "of-others": (policy(pref(999, "100", src="10.9.0.0", srclen=16)), []),
}


@pytest.mark.parametrize(("facts", "expected"), ELSEWHERE.values(), ids=ELSEWHERE)
def test_pod_rules_elsewhere(facts, expected):
    assert breaches("pod-rules-elsewhere", facts) == expected
