"""Addresses of overlay and pod bridge against the lease, and other prefixes against both."""

from __future__ import annotations

import pytest
from nodes import breaches, portless

from clusters import cluster, report, told
from kinds import link, node

SAID = "it was not told"
FOUR = {"family": "inet", "scope": "global"}
SIX = {"family": "inet6", "scope": "global"}
RULES_OF_THE_LEASE = [
    "overlay-address",
    "overlay-foreign-address",
    "pod-bridge-address",
    "lease-subnet",
    "lease-missing",
    "pod-subnet-route",
    "blackhole-subnet",
    "prefix-overlap",
]


def addressed(name, *keys, kind="vxlan", **edits):
    """Return a node whose link has these addresses and no others."""
    facts = node(kind, **edits)
    rows = {key: dict(SIX if ":" in key else FOUR) for key in keys}
    facts["links"][name]["addresses"] = rows
    return facts


@pytest.mark.parametrize("rule", RULES_OF_THE_LEASE)
def test_a_lease_that_nobody_read_leaves_it_open(rule):
    facts = node(not_observed={"cni/subnet_env": SAID}, cni={"subnet_env": None})
    assert breaches(rule, facts) == [("cni/subnet_env", "?")]
    assert rule in {one.rule for one in report({"node1": facts}).undecided}


@pytest.mark.parametrize("rule", [*RULES_OF_THE_LEASE, "overlay-missing", "ipam-subnet"])
@pytest.mark.parametrize("kind", ["calico", "cilium"])
def test_where_no_flannel_is_nothing_is_open(rule, kind):
    assert breaches(rule, node(kind)) == []


# ---- the overlay ----
PLACE = "links/flannel.1/addresses"
OVERLAY = {
    "none": (addressed("flannel.1"), [(PLACE, "error")]),
    "of-an-earlier-lease": (addressed("flannel.1", "10.244.9.0/32"), [(PLACE, "error")]),
    "both": (
        addressed("flannel.1", "10.244.1.0/32", "10.244.9.0/32"),
        [(f"{PLACE}/10.244.9.0/32", "error")],
    ),
    "of-the-bridge": (addressed("flannel.1", "10.244.1.1/32"), [(PLACE, "error")]),
    "with-the-prefix-of-the-subnet": (addressed("flannel.1", "10.244.1.0/24"), [(PLACE, "error")]),
    "link-local-beside": (addressed("flannel.1", "10.244.1.0/32", "fe80::1/64"), []),
    "a-foreign-one-is-another-rule-s": (
        addressed("flannel.1", "10.244.1.0/32", "169.254.7.7/16"),
        [],
    ),
    "dual-stack-without-ipv6": (
        addressed("flannel-v6.1", kind="dual-stack"),
        [("links/flannel-v6.1/addresses", "error")],
    ),
    "dual-stack-other-ipv6": (
        addressed("flannel-v6.1", "fd00:10:244:9::/128", kind="dual-stack"),
        [("links/flannel-v6.1/addresses", "error")],
    ),
    "wireguard": (
        addressed("flannel-wg", kind="wireguard"),
        [("links/flannel-wg/addresses", "error")],
    ),
    "ipip": (
        addressed("flannel.ipip", "10.244.2.0/32", kind="ipip"),
        [("links/flannel.ipip/addresses", "error")],
    ),
    "not-all-told": (
        addressed("flannel.1", not_observed={"links/*/addresses": SAID}),
        [("links/*/addresses", "?")],
    ),
    "not-all-told-but-it-is-there": (node(not_observed={"links/*/addresses": SAID}), []),
}


@pytest.mark.parametrize(("facts", "expected"), OVERLAY.values(), ids=OVERLAY)
def test_overlay_address(facts, expected):
    assert breaches("overlay-address", facts) == expected


FOREIGN = {
    "apipa": (
        addressed("flannel.1", "10.244.1.0/32", "169.254.7.7/16"),
        [(f"{PLACE}/169.254.7.7/16", "warning")],
    ),
    "dhcp": (
        addressed("flannel.1", "10.244.1.0/32", "192.168.1.9/24"),
        [(f"{PLACE}/192.168.1.9/24", "warning")],
    ),
    "one-link-local": (addressed("flannel.1", "10.244.1.0/32", "fe80::1/64"), []),
    "two-link-local": (
        addressed("flannel.1", "10.244.1.0/32", "fe80::1/64", "fe80::2/64"),
        [(f"{PLACE}/fe80::2/64", "warning")],
    ),
    "of-the-pod-network": (addressed("flannel.1", "10.244.1.0/32", "10.244.9.0/32"), []),
    "not-all-told": (
        node(not_observed={"links/*/addresses": SAID}),
        [("links/*/addresses", "?")],
    ),
}


@pytest.mark.parametrize(("facts", "expected"), FOREIGN.values(), ids=FOREIGN)
def test_overlay_foreign_address(facts, expected):
    assert breaches("overlay-foreign-address", facts) == expected


# ---- the pod bridge ----
CNI0 = "links/cni0/addresses"


def started(facts, seconds):
    facts["provenance"]["uptime"] = seconds
    return facts


def delegated(facts, **members):
    facts["cni_config"]["10-flannel.conflist"]["plugins"][0]["delegate"] = members
    return facts


BRIDGE = {
    "of-an-earlier-lease": (addressed("cni0", "10.244.9.1/24"), [(CNI0, "error")]),
    "both": (addressed("cni0", "10.244.1.1/24", "10.244.9.1/24"), [(CNI0, "error")]),
    "the-second-of-the-subnet": (addressed("cni0", "10.244.1.2/24"), [(CNI0, "error")]),
    "another-prefix": (addressed("cni0", "10.244.1.1/25"), [(CNI0, "error")]),
    "none-with-ports": (addressed("cni0"), [(CNI0, "error")]),
    "none-without-ports": (portless(addressed("cni0")), []),
    "none-just-after-the-start": (started(addressed("cni0"), 299), [(CNI0, "?")]),
    "none-long-after-the-start": (started(addressed("cni0"), 300), [(CNI0, "error")]),
    "no-bridge": (node("no-pods"), []),
    "no-gateway-wanted": (delegated(addressed("cni0"), isGateway=False), []),
    "another-cni-s-bridge": (
        addressed(
            "cni0",
            "10.88.0.1/16",
            cni_config={"10-flannel.conflist": {"order": 0, "plugins": [{"type": "calico"}]}},
        ),
        [],
    ),
    "with-k3s-the-file-is-elsewhere": (
        addressed("cni0", "10.244.9.1/24", cni_config={"10-flannel.conflist": None}),
        [(CNI0, "error")],
    ),
    "dual-stack-without-ipv6": (
        addressed("cni0", "10.244.1.1/24", kind="dual-stack"),
        [(f"{CNI0}/fd00:10:244:1::1/64", "warning")],
    ),
    "two-ipv6": (
        addressed("cni0", "10.244.1.1/24", "fd00:10:244:1::1/64", "fd01::1/64", kind="dual-stack"),
        [],
    ),
    "not-all-told": (
        addressed("cni0", not_observed={"links/*/addresses": SAID}),
        [("links/*/addresses", "?")],
    ),
}


@pytest.mark.parametrize(("facts", "expected"), BRIDGE.values(), ids=BRIDGE)
def test_pod_bridge_address(facts, expected):
    assert breaches("pod-bridge-address", facts) == expected


MENDED = {
    "flushed": ((), "on node1: ip addr add 10.244.1.1/24 brd + dev cni0; see who took it away"),
    "a-second": (("10.244.1.1/24", "10.244.3.1/24"), "on node1: ip addr del 10.244.3.1/24 dev"),
    "a-wrong-mask": (
        ("10.244.1.1/16",),
        "on node1: ip addr add 10.244.1.1/24 brd + dev cni0; ip addr del 10.244.1.1/16 dev cni0",
    ),
    "of-an-earlier-lease": (("10.244.9.1/24",), "drain node1, then on it: ip link delete cni0"),
}


@pytest.mark.parametrize(("given", "remedy"), MENDED.values(), ids=MENDED)
def test_a_node_is_drained_only_where_its_lease_changed(given, remedy):
    facts = cluster(3)
    facts["node1"] = addressed("cni0", *given)
    (one,) = [row for row in report(facts).findings if row.severity]
    assert (one.rule, one.nodes) == ("pod-bridge-address", ("node1",))
    assert one.remedy.startswith(remedy)


def test_a_new_lease_is_one_finding_with_its_pods_below():
    facts = cluster(1)
    one = facts["node1"]
    one["cni"]["subnet_env"]["FLANNEL_SUBNET"] = "10.244.9.1/24"
    one["links"]["flannel.1"]["addresses"] = {"10.244.9.0/32": dict(FOUR)}
    assert [row for row in told(facts) if row[0] in ("pod-bridge-address", "ipam-subnet")] == [
        ("pod-bridge-address", CNI0, ("node1",))
    ]


# ---- other prefixes ----
def beside(name, key, **fields):
    return node(links={name: link(1500, addresses={key: dict(FOUR)}, **fields)})


def lan(*keys):
    return addressed("eth0", "192.0.2.1/24", *keys)


OVERLAP = {
    "docker-inside": (
        beside("docker0", "10.244.7.1/24", kind="bridge"),
        [("links/docker0/addresses/10.244.7.1/24", "error")],
    ),
    "docker-around": (
        beside("docker0", "10.0.0.1/8", kind="bridge"),
        [("links/docker0/addresses/10.0.0.1/8", "error")],
    ),
    "docker-down": (beside("docker0", "10.0.0.1/8", kind="bridge", flags=[]), []),
    "docker-apart": (beside("docker0", "10.245.0.1/16", kind="bridge"), []),
    "the-lan-is-the-pod-network": (
        lan("10.244.200.5/24"),
        [("links/eth0/addresses/10.244.200.5/24", "error")],
    ),
    "a-floating-address-apart": (lan("203.0.113.9/32"), []),
    "a-vpn": (beside("tun7", "10.244.3.7/32"), [("links/tun7/addresses/10.244.3.7/32", "warning")]),
    "services": (beside("kube-ipvs0", "10.244.0.1/32", kind="dummy"), []),
    "ipv6": (
        addressed("eth0", "2001:db8::1/64", "fd00:10:244:ff::7/64", kind="dual-stack"),
        [("links/eth0/addresses/fd00:10:244:ff::7/64", "error")],
    ),
}


@pytest.mark.parametrize(("facts", "expected"), OVERLAP.values(), ids=OVERLAP)
def test_prefix_overlap(facts, expected):
    assert breaches("prefix-overlap", facts) == expected
