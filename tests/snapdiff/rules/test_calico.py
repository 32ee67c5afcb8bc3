"""Calico: the MTU that new pods get, and MACs that are made of names."""

from __future__ import annotations

import pytest

from clusters import report, told
from kinds import breaches, healthy, link, node
from snapdiff.rules.calico import made_of


def told_by_file(mtu, **edits):
    """Return a node of Calico whose agent wrote down an MTU for new pods."""
    facts = node("calico", **edits)
    facts["cni"]["calico"] = {"mtu": mtu}
    return facts


def pinned(facts, mtu):
    facts["cni_config"] = {
        "10-calico.conflist": {
            "order": 0,
            "name": "k8s",
            "plugins": [{"type": "calico", "mtu": mtu}],
        }
    }
    return facts


def unread(facts):
    del facts["cni"]["calico"]
    facts["not_observed"]["cni/calico"] = "Permission denied"
    return facts


def before_it_was_looked_at(facts):
    del facts["cni"]["calico"]
    facts["facts"] = 1
    return facts


def overlay_down(facts):
    facts["links"]["vxlan.calico"]["flags"] = ["BROADCAST", "MULTICAST"]
    return facts


def older_pods(mtu, number=1):
    return {
        f"cali{pod:011x}": link(mtu, kind="veth", peer_netnsid=pod)
        for pod in range(90, 90 + number)
    }


PODS = ("calico-pod-mtu", "calico-old-pods")
FILE = "cni/calico/mtu"
MTU = {
    "right": (told_by_file(1450), [], []),
    "smaller": (told_by_file(1400), [], [("links/cali*/mtu", "warning")]),
    "over-the-overlay": (
        told_by_file(1500),
        [(FILE, "warning")],
        [("links/cali*/mtu", "warning")],
    ),
    "no-overlay-is-up": (overlay_down(told_by_file(1500)), [], [("links/cali*/mtu", "warning")]),
    "an-old-pod": (
        told_by_file(1450, links=older_pods(1410)),
        [],
        [("links/cali*/mtu", "warning")],
    ),
    "old-pods-of-two-ages": (
        told_by_file(1450, links={**older_pods(1410), "cali0000000000a": link(1400, kind="veth")}),
        [],
        [("links/cali*/mtu", "warning"), ("links/cali*/mtu", "warning")],
    ),
    "the-plugins-file-wins": (pinned(told_by_file(1500), 1450), [], []),
    "the-plugins-file-leaves-it": (
        pinned(told_by_file(1500), 0),
        [(FILE, "warning")],
        [("links/cali*/mtu", "warning")],
    ),
    "no-file": (node("calico"), [], []),
    "another-cni": (node(), [], []),
    "not-read": (unread(told_by_file(1450)), [("cni/calico", "?")], [("cni/calico", "?")]),
    "not-looked-at-then": (
        before_it_was_looked_at(told_by_file(1450)),
        [("cni/calico", "?")],
        [("cni/calico", "?")],
    ),
}


@pytest.mark.parametrize(("facts", "new", "old"), MTU.values(), ids=MTU)
def test_pods_of_calico_fit_its_overlay(facts, new, old):
    assert [breaches(rule, facts) for rule in PODS] == [new, old]


def test_canal_has_calicos_word_without_its_overlay():
    facts = node("canal")
    facts["cni"]["calico"] = {"mtu": 1450}
    assert [breaches(rule, facts) for rule in PODS] == [[], []]


def test_a_mac_is_made_as_calico_makes_it():
    # sha1("node1") begins with f937c37e94 (sha1sum), 0x66 is f; IPv6 has -v6 behind the name
    assert made_of("node1", 4) == "66:f9:37:c3:7e:94"
    assert made_of("node1", 6) != made_of("node1", 4)


def macs(**given):
    """Return a cluster of Calico whose MACs are made of the nodes' names, but for *given*."""
    facts = healthy("calico")
    for name, row in facts.items():
        row["links"]["vxlan.calico"]["mac"] = given.get(name) or made_of(name, 4)
    return facts


def called(facts, **names):
    for name, hostname in names.items():
        facts[name]["host"]["hostname"] = hostname
    return facts


PLACE = "links/vxlan.calico/mac"
MACS = {
    "of-its-name": (macs(), [], False),
    "of-its-hostname": (
        called(macs(node2=made_of("worker-b", 4)), node2="worker-b"),
        [],
        False,
    ),
    "of-its-hostname-in-lower-case": (
        called(macs(node2=made_of("worker-b", 4)), node2="Worker-B.example.net"),
        [],
        False,
    ),
    "set-by-the-node-object": (macs(node2="02:00:00:00:00:02"), [], False),
    "of-another-node": (
        called(macs(node2=made_of("node3", 4)), node3="node3"),
        [("calico-vtep-mac", PLACE, ("node2",))],
        False,
    ),
    "of-a-name-that-nobody-has": (macs(node2=made_of("elsewhere", 4)), [], True),
}


@pytest.mark.parametrize(("facts", "expected", "open_"), MACS.values(), ids=MACS)
def test_calicos_macs_are_made_of_names(facts, expected, open_):
    assert [row for row in told(facts) if row[0] == "calico-vtep-mac"] == expected
    found = [row.path for row in report(facts).undecided if row.rule == "calico-vtep-mac"]
    assert found == ([PLACE] if open_ else [])
