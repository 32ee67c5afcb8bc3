"""Policy rules that refuse packets of pods or for peers, or that no longer ask main."""

from __future__ import annotations

import pytest
from nodes import breaches

from kinds import KINDS, healthy, node

LOCAL = {"priority": 0, "src": "all", "table": "local"}
MAIN = {"priority": 32766, "src": "all", "table": "main"}


def asks(*rows, kind="vxlan"):
    facts = node(kind)
    facts["rules"] = {
        f"{row.get('family', 'inet')} {row['priority']} from {row.get('src', 'all')}": {
            "src": "all",
            "family": "inet",
            **row,
        }
        for row in (LOCAL, *rows)
    }
    return facts


def refuses(**row):
    return asks({"priority": 100, "action": "prohibit", **row}, MAIN)


AT = "rules/inet 100 from all"
REFUSED = {
    "of-a-peer": (refuses(dst="10.244.3.0", dstlen=24), [(AT, "error")]),
    "of-all-pods": (refuses(dst="10.0.0.0", dstlen=8, action="blackhole"), [(AT, "error")]),
    "what-comes-off-the-bridge": (refuses(iif="cni0", action="unreachable"), [(AT, "error")]),
    "from-pods": (
        refuses(src="10.244.1.0", srclen=24),
        [("rules/inet 100 from 10.244.1.0", "error")],
    ),
    "of-the-underlay": (refuses(dst="192.0.2.0", dstlen=24), [(AT, "error")]),
    "all-without-a-mark": (refuses(fwmark="0x1", **{"not": True}), [(AT, "error")]),
    "of-a-mark": (refuses(fwmark="0x80000", fwmask="0xff0000"), []),
    "metadata": (refuses(src="10.244.0.0", srclen=16, dst="169.254.169.254"), []),
    "off-another-link": (refuses(iif="eth1"), []),
    "of-a-port": (refuses(ipproto="tcp", dport=25), []),
    "from-elsewhere": (refuses(src="198.51.100.0", srclen=24), []),
    "after-main": (asks(MAIN, {"priority": 32767, "action": "unreachable"}), []),
    "of-no-route-in-main": (
        asks(
            {"priority": 90, "table": "main", "suppress_prefixlen": 0},
            {"priority": 100, "action": "prohibit", "src": "10.244.0.0", "srclen": 16},
            MAIN,
        ),
        [],
    ),
    "in-a-cluster-without-flannel": (
        asks({"priority": 100, "action": "prohibit", "dst": "10.42.9.0", "dstlen": 24}, MAIN),
        [],
    ),
}


@pytest.mark.parametrize(("facts", "expected"), REFUSED.values(), ids=REFUSED)
def test_policy_rule_refuses(facts, expected):
    assert breaches("policy-rule-refuses", facts) == expected


def not_looked_at():
    facts = node()
    facts["rules"] = {}
    facts["not_observed"]["rules"] = "ip rule show gave no answer"
    return facts


GONE = {
    "gone": (asks(), [("rules/inet 32766 from all", "error")]),
    "for-marked-packets-alone": (
        asks({**MAIN, "fwmark": "0x1"}),
        [("rules/inet 32766 from all", "error")],
    ),
    "of-ipv6-alone": (
        asks(MAIN, {**LOCAL, "family": "inet6"}, kind="dual-stack"),
        [("rules/inet6 32766 from all", "error")],
    ),
    "by-its-number": (asks({**MAIN, "table": "254"}), []),
    "at-another-place": (asks({**MAIN, "priority": 900}), []),
    "not-looked-at": (not_looked_at(), [("rules", "?")]),
}


@pytest.mark.parametrize(("facts", "expected"), GONE.values(), ids=GONE)
def test_main_rule_missing(facts, expected):
    assert breaches("main-rule-missing", facts) == expected


@pytest.mark.parametrize("kind", KINDS)
def test_a_healthy_node_of_any_kind_is_asked_and_refused_nothing(kind):
    for facts in healthy(kind).values():
        for rule in ("policy-rule-refuses", "main-rule-missing"):
            assert breaches(rule, facts) == []
