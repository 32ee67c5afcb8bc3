"""Ports of the pod bridge that are no pod's, that have addresses, or are shut off."""

from __future__ import annotations

import pytest
from nodes import breaches, spoilt, unseen

from clusters import cluster as healthy_cluster
from clusters import told
from kinds import KINDS, healthy, link, node, route

PORT = "veth00010000"


def with_port(name, **row):
    return node(links={name: link(**{"mtu": 1450, "master": "cni0", **row})})


def with_overlay():
    return spoilt("flannel.1", master="cni0")


def with_underlay():
    """As in a container, where the NIC is a veth too."""
    return spoilt("eth0", kind="veth", master="cni0")


FOREIGN = {
    "nic": (with_port("eth1"), [("links/eth1/master", "error")]),
    "bond": (with_port("bond0", kind="bond"), [("links/bond0/master", "error")]),
    "overlay": (with_overlay(), [("links/flannel.1/master", "error")]),
    "underlay": (with_underlay(), [("links/eth0/master", "error")]),
    "virtual-machine": (with_port("vnet0", kind="tun"), [("links/vnet0/master", "warning")]),
    "dummy-that-keeps-it-up": (with_port("hold0", kind="dummy"), []),
    "vlan-of-the-plugin": (with_port("cni0.7", kind="veth"), []),
    "of-another-bridge": (with_port("vnet0", kind="tun", master="virbr0"), []),
    "kind-not-told": (unseen(with_port("vnet0"), "links/*/kind"), [("links/*/kind", "?")]),
}


@pytest.mark.parametrize(("facts", "expected"), FOREIGN.values(), ids=FOREIGN)
def test_pod_bridge_foreign_port(facts, expected):
    assert breaches("pod-bridge-foreign-port", facts) == expected


def test_a_port_that_holds_the_mtu_down_is_the_cause_of_it():
    facts = healthy_cluster(3)
    links = facts["node2"]["links"]
    links["vnet0"] = link(1280, kind="tun", master="cni0")
    links["cni0"]["mtu"] = 1280
    assert told(facts) == [("pod-bridge-foreign-port", "links/vnet0/master", ("node2",))]


ADDRESS = {"family": "inet", "scope": "global"}


def on_port(key, **more):
    return spoilt(PORT, addresses={key: ADDRESS}, **more)


AT = "links/veth*/addresses"
ADDRESSES = {
    "dhcp": (on_port("10.244.1.9/24"), [(AT, "warning")]),
    "zeroconf": (on_port("169.254.7.7/16"), [(AT, "warning")]),
    "ipv6": (on_port("2001:db8::9/64"), [(AT, "warning")]),
    "link-local": (on_port("fe80::1/64"), []),
    "of-a-plugin-that-routes": (on_port("10.244.1.1/32", master=None), []),
}


@pytest.mark.parametrize(("facts", "expected"), ADDRESSES.values(), ids=ADDRESSES)
def test_pod_port_address(facts, expected):
    if facts["links"][PORT]["master"] is None:
        del facts["links"][PORT]["master"]
    assert breaches("pod-port-address", facts) == expected


def dhcp_on_port(metric):
    facts = healthy_cluster(3)
    two = facts["node2"]
    two["routes"]["main default dev eth0"]["metric"] = 100
    key = f"main default dev veth00020000 metric {metric}"
    two["routes"][key] = route("default", "veth00020000", gateway="10.244.2.1", metric=metric)
    two["links"]["veth00020000"]["addresses"]["10.244.2.9/24"] = ADDRESS
    return facts, f"routes/{key}"


def test_a_default_route_over_a_port_comes_before_its_address():
    facts, place = dhcp_on_port(50)
    assert told(facts) == [("default-route", place, ("node2",))]


def test_a_default_route_over_a_port_that_is_not_used_is_a_warning():
    facts, place = dhcp_on_port(700)
    assert breaches("default-route", facts["node2"]) == [(place, "warning")]


def ports(facts=None, of=2, **state):
    facts = facts or node()
    names = [name for name in facts["links"] if name.startswith("veth")]
    for name in names[:of]:
        facts["links"][name]["bridge_port"].update(state)
    return facts


def with_option():
    facts = node()
    delegate = facts["cni_config"]["10-flannel.conflist"]["plugins"][0]["delegate"]
    delegate["portIsolation"] = True
    return facts


def without_file():
    facts = node()
    facts["cni_config"] = {}
    facts["not_observed"]["cni_config"] = "Permission denied"
    return facts


ISOLATED = "links/veth*/bridge_port/isolated"
SHUT = {
    "all-isolated": ("pod-port-isolated", ports(isolated=True), [(ISOLATED, "error")]),
    "one-isolated": ("pod-port-isolated", ports(of=1, isolated=True), [(ISOLATED, "warning")]),
    "asked-for": ("pod-port-isolated", ports(with_option(), isolated=True), []),
    "file-not-seen": (
        "pod-port-isolated",
        ports(without_file(), isolated=True),
        [("cni_config", "?")],
    ),
    "neither-learns-nor-gets": (
        "pod-port-deaf",
        ports(learning=False, flood=False),
        [("links/veth*/bridge_port/learning", "error")],
    ),
    "no-broadcasts": (
        "pod-port-deaf",
        ports(bcast_flood=False),
        [("links/veth*/bridge_port/bcast_flood", "error")],
    ),
    "no-learning": (
        "pod-port-deaf",
        ports(learning=False),
        [("links/veth*/bridge_port/learning", "warning")],
    ),
    "as-the-kernel-has-it": (
        "pod-port-deaf",
        ports(learning=True, flood=True, bcast_flood=True),
        [],
    ),
}


@pytest.mark.parametrize(("rule", "facts", "expected"), SHUT.values(), ids=SHUT)
def test_ports_that_are_shut_off(rule, facts, expected):
    assert breaches(rule, facts) == expected


RULES = ("pod-bridge-foreign-port", "pod-port-address", "pod-port-deaf", "pod-port-isolated")


@pytest.mark.parametrize("kind", KINDS)
def test_the_ports_of_a_healthy_node_of_any_kind_are_as_they_should_be(kind):
    for facts in healthy(kind).values():
        assert [found for rule in RULES for found in breaches(rule, facts)] == []
