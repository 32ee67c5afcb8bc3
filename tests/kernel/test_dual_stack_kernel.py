"""A dual-stack cluster of flannel's vxlan: what only a kernel with both families shows."""

from __future__ import annotations

import json

import pytest

from spoken import checked, drifted

pytestmark = pytest.mark.kernel

THREE = "peers/fd00:10:244:3::"
FORWARDING = "sysctls/net.ipv6.conf.all.forwarding"

# What check says, alone and above info; what diff says first, and in how many findings.
INCIDENTS = {
    "v6-route-lost": (
        ("peer-entries-missing", f"{THREE}/missing", ("node1",)),
        (f"{THREE}/missing", ("node1",)),
        1,
    ),
    "v6-neighbour-stale": (
        ("peer-entries-stale", f"{THREE}/mac", ("node1",)),
        (f"{THREE}/mac", ("node1",)),
        2,  # no forwarding entry is under the new MAC
    ),
    "v6-fdb-lost": (
        ("peer-entries-missing", f"{THREE}/missing", ("node1",)),
        (f"{THREE}/missing", ("node1",)),
        1,
    ),
    "v6-mtu": (
        ("overlay-mtu-headroom", "links/flannel-v6.1/mtu", ("node2",)),
        ("links/flannel-v6.1/mtu", ("node2",)),
        1,
    ),
    "v6-forwarding-off": (
        ("ipv6-forward-off", FORWARDING, ("node2",)),
        (FORWARDING, ("node2",)),
        1,
    ),
    "v6-flapped": (
        ("overlay-address", "links/flannel-v6.1/addresses", ("node2",)),
        ("links/flannel-v6.1/addresses/fd00:10:244:2::/128", ("node2",)),
        1,
    ),
}


@pytest.fixture(scope="module")
def node1(handed):
    return json.loads((handed / "dual" / "healthy" / "node1.json").read_text("utf-8"))


def test_the_overlays_have_an_mtu_each_as_the_kernel_cuts_that_of_ipv6(node1):
    assert {name: node1["links"][name]["mtu"] for name in ("flannel.1", "flannel-v6.1")} == {
        "flannel.1": 1450,
        "flannel-v6.1": 1430,
    }


def test_the_lease_tells_both_families(node1):
    assert node1["cni"]["subnet_env"] == {
        "FLANNEL_NETWORK": "10.244.0.0/16",
        "FLANNEL_SUBNET": "10.244.1.1/24",
        "FLANNEL_IPV6_NETWORK": "fd00:10:244::/48",
        "FLANNEL_IPV6_SUBNET": "fd00:10:244:1::1/64",
        "FLANNEL_MTU": 1450,
        "FLANNEL_IPMASQ": True,
    }


def test_every_peer_is_a_whole_row_of_each_family(node1, made):
    links = {
        "flannel.1": ("10.244.{}.0", "/24", "192.0.2.{}"),
        "flannel-v6.1": ("fd00:10:244:{}::", "/64", "2001:db8::{}"),
    }
    assert node1["peers"] == {
        inner.format(number): {
            "dev": link,
            "mac": made["dual"]["nodes"][f"node{number}"]["macs"][link],
            "subnet": inner.format(number) + size,
            "underlay": outer.format(number),
        }
        for number in (2, 3)
        for link, (inner, size, outer) in links.items()
    }
    assert (node1["neighbours"], node1["fdb"]) == ({}, {})


def test_pods_have_an_address_of_each_family(node1):
    bridge = node1["links"]["cni0"]["addresses"]
    assert {"10.244.1.1/24", "fd00:10:244:1::1/64"} <= set(bridge)
    assert node1["ipam"]["cbr0"]["addresses"] == [
        *("10.244.1.2", "10.244.1.3", "fd00:10:244:1::2", "fd00:10:244:1::3")
    ]


def test_nothing_of_a_node_is_unseen(node1):
    assert (node1["not_observed"], node1["consistent"]) == ({}, True)


def test_pods_of_all_nodes_hear_each_other_while_check_says_nothing(store, made):
    assert made["dual"]["heard"]["healthy"] == [True] * 12
    assert checked(store, "dual", "healthy") == []


@pytest.mark.parametrize("moment", INCIDENTS)
def test_check_says_what_is_wrong_and_where(store, moment):
    assert checked(store, "dual", moment) == [INCIDENTS[moment][0]]


@pytest.mark.parametrize("moment", INCIDENTS)
def test_diff_says_what_changed_and_where(store, moment):
    _check, expected, count = INCIDENTS[moment]
    found = drifted(store, "dual", moment)
    assert found[0] == expected
    assert len(found) == count


def test_what_check_calls_an_error_loses_packets(made):
    lost = {name: made["dual"]["heard"][name] for name in INCIDENTS}
    assert lost.pop("v6-mtu") == []  # short packets pass
    assert set(map(tuple, lost.values())) == {(False,)}


def test_when_all_is_mended_nothing_is_left(store):
    assert checked(store, "dual", "mended") == []
    assert drifted(store, "dual", "mended") == []
