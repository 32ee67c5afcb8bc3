"""MTUs of overlays and in the lease: just right, one over, one under, exempt, not observed."""

from __future__ import annotations

import pytest
from nodes import breaches, resized

from clusters import cluster, report, told
from kinds import link, node

UNSEEN = {"not_observed": {"links/*/mtu": "it was not told"}}
SAID = "it was not told"
# underlay: vxlan, its IPv6, wireguard, ipip, udp
SIZES = {
    1500: (1450, 1430, 1420, 1480, 1472),
    1410: (1360, 1340, 1330, 1390, 1382),
    9001: (8951, 8931, 8921, 8981, 8973),
    1460: (1410, 1390, 1380, 1440, 1432),
    1442: (1392, 1372, 1362, 1422, 1414),
    1420: (1370, 1350, 1340, 1400, 1392),
}
KINDS = ("vxlan", "vxlan-v6", "wireguard", "ipip", "udp")
CASES = [
    pytest.param(under, kind, right, id=f"{kind}-{under}")
    for under, row in SIZES.items()
    for kind, right in zip(KINDS, row, strict=True)
]


def overlay(kind, under, mtu, *, net_conf=True, **backend):
    """Return a node with an overlay of a kind at an MTU, over an underlay at another."""
    facts = node("dual-stack" if kind == "vxlan-v6" else {"udp": "vxlan"}.get(kind, kind))
    name = {"vxlan-v6": "flannel-v6.1", "wireguard": "flannel-wg", "ipip": "flannel.ipip"}.get(
        kind, "flannel.1"
    )
    if kind == "udp":
        del facts["links"]["flannel.1"]
        name = "flannel0"
        facts["links"][name] = link(kind="tun", operstate="UNKNOWN")
        facts["cni"]["net_conf"]["Backend"]["Type"] = "udp"
    if kind == "vxlan-v6":
        facts["links"]["flannel.1"]["mtu"] = under - 50
    facts["links"]["eth0"]["mtu"] = under
    facts["links"][name]["mtu"] = mtu
    facts["cni"]["net_conf"]["Backend"].update(backend)
    if not net_conf:
        del facts["cni"]["net_conf"]
    return facts, f"links/{name}/mtu"


@pytest.mark.parametrize(("under", "kind", "right"), CASES)
def test_an_overlay_leaves_room_for_its_headers(under, kind, right):
    least = right + 20 if kind == "wireguard" else right
    assert breaches("overlay-mtu-headroom", overlay(kind, under, right)[0]) == []
    over, place = overlay(kind, under, least + 1)
    assert breaches("overlay-mtu-headroom", over) == [(place, "error")]


@pytest.mark.parametrize(("under", "kind", "right"), CASES)
def test_an_overlay_takes_what_the_underlay_leaves(under, kind, right):
    facts, place = overlay(kind, under, right - 1)
    expected = [] if kind == "ipip" else [(place, "warning")]
    assert breaches("overlay-mtu-small", facts) == expected
    assert breaches("overlay-mtu-small", overlay(kind, under, right)[0]) == []


def test_wireguard_between_its_need_and_flannel_s_figure_is_a_warning():
    for mtu, word in ((1420, None), (1421, "warning"), (1440, "warning"), (1441, "error")):
        facts, place = overlay("wireguard", 1500, mtu)
        assert breaches("overlay-mtu-headroom", facts) == ([(place, word)] if word else [])


def test_wireguard_over_ipv6_needs_all_80():
    facts = node("wireguard")
    facts["links"]["flannel-wg-v6"] = link(1421, kind="wireguard", operstate="UNKNOWN")
    assert breaches("overlay-mtu-headroom", facts) == [("links/flannel-wg-v6/mtu", "error")]


def test_an_idle_overlay_is_not_looked_at():
    facts = node("wireguard")
    facts["links"]["flannel.1"] = link(1500, kind="vxlan", lower="eth0")
    assert breaches("overlay-mtu-headroom", facts) == []
    assert breaches("lease-mtu", facts) == []


def without_routes(facts):
    facts["routes"] = {}
    facts["not_observed"]["routes"] = SAID
    return facts


def two_uplinks():
    facts = node("wireguard")
    facts["links"]["eth1"] = link(9000, addresses={"198.51.100.1/24": {"family": "inet"}})
    facts["routes"]["main default dev eth1"] = {
        **facts["routes"]["main default dev eth0"],
        "dev": "eth1",
    }
    return facts


@pytest.mark.parametrize("rule", ["overlay-mtu-headroom", "overlay-mtu-small"])
def test_of_two_links_below_nobody_can_tell_which(rule):
    assert breaches(rule, two_uplinks()) == [("links/flannel-wg/lower", "?")]


@pytest.mark.parametrize("rule", ["overlay-mtu-headroom", "overlay-mtu-small", "lease-mtu"])
def test_an_mtu_that_was_not_told_is_no_breach_and_not_green(rule):
    facts = node(**UNSEEN)
    del facts["links"]["flannel.1"]["mtu"]
    assert breaches(rule, facts) == [("links/*/mtu", "?")]
    assert rule in {one.rule for one in report({"node1": facts}).undecided}


# ---- what net-conf has ----
KEY = {  # key, MTU, what small says, what configured says
    "as-it-says": (1450, 1400, None, None),
    "one-under": (1450, 1399, "warning", None),
    "one-over": (1450, 1401, None, "warning"),
    "at-all-that-there-is": (1450, 1450, None, "warning"),
    "over-the-underlay-is-clamped": (9000, 1450, None, None),
    "zero-is-not-set": (0, 1450, None, None),
}


@pytest.mark.parametrize(("key", "mtu", "small", "configured"), KEY.values(), ids=KEY)
def test_the_key_of_net_conf_is_the_outer_mtu(key, mtu, small, configured):
    facts, place = overlay("vxlan", 1500, mtu, MTU=key)
    assert breaches("overlay-mtu-small", facts) == ([(place, small)] if small else [])
    assert breaches("overlay-mtu-configured", facts) == (
        [(place, configured)] if configured else []
    )


def test_of_ipv6_flannel_takes_50_from_the_key_too():
    """As in flannel-io/flannel#1781: 1414 gives both 1364."""
    facts, _place = overlay("vxlan-v6", 1500, 1364, MTU=1414)
    facts["links"]["flannel.1"]["mtu"] = 1364
    for rule in ("overlay-mtu-small", "overlay-mtu-configured", "overlay-mtu-headroom"):
        assert breaches(rule, facts) == []


def test_wireguard_takes_80_from_the_key():
    assert breaches("overlay-mtu-configured", overlay("wireguard", 1500, 1320, MTU=1400)[0]) == []


def test_without_net_conf_a_smaller_overlay_is_an_info():
    facts, place = overlay("vxlan", 1500, 1400, net_conf=False)
    assert breaches("overlay-mtu-small", facts) == [(place, "info")]
    alone = cluster(1)["node1"]
    del alone["cni"]["net_conf"]
    assert told({"node1": resized(alone, 1400)}) == []


# ---- the lease ----
@pytest.mark.parametrize("mtu", [1449, 1451, 1360])
def test_the_lease_has_the_mtu_of_the_overlay(mtu):
    facts = node()
    facts["cni"]["subnet_env"]["FLANNEL_MTU"] = mtu
    assert breaches("lease-mtu", facts) == [("cni/subnet_env/FLANNEL_MTU", "error")]


def test_lease_and_overlay_that_differ_explain_pods_and_overlay():
    facts = cluster(1)
    facts["node1"]["cni"]["subnet_env"]["FLANNEL_MTU"] = 1950
    facts["node1"]["links"]["eth0"]["mtu"] = 2000
    assert told(facts) == [("lease-mtu", "cni/subnet_env/FLANNEL_MTU", ("node1",))]


DELETE = "ip link delete flannel.1 on node1, then restart its flannel pod"
MENDED = {  # the lease, the overlay, the pods; what is asked to be done
    "lease-by-hand-too-large": (1500, 1450, 1450, "restart the flannel pod of node1"),
    "lease-by-hand-too-small": (1280, 1450, 1450, "restart the flannel pod of node1"),
    "and-pods-have-it-already": (
        *(1500, 1450, 1500),
        "restart the flannel pod of node1, then recycle its pods that have 1500",
    ),
    "overlay-by-hand": (1450, 1280, 1450, DELETE),
    "overlay-of-an-earlier-underlay": (1450, 1360, 1360, f"{DELETE}, then recycle its pods"),
    "both-are-wrong": (1400, 1360, 1360, f"{DELETE}, then recycle its pods"),
}


@pytest.mark.parametrize(("lease", "overlay_mtu", "pod", "remedy"), MENDED.values(), ids=MENDED)
def test_of_lease_and_overlay_that_one_is_mended_which_differs_from_the_sum(
    lease, overlay_mtu, pod, remedy
):
    facts = cluster(1)
    resized(facts["node1"], pod)
    facts["node1"]["links"]["flannel.1"]["mtu"] = overlay_mtu
    facts["node1"]["cni"]["subnet_env"]["FLANNEL_MTU"] = lease
    (row,) = (one for one in report(facts).findings if one.severity)
    assert (row.rule, row.remedy) == ("lease-mtu", remedy)


def test_an_overlay_set_by_hand_is_one_finding_in_a_fleet():
    facts = cluster(3)
    facts["node2"]["links"]["flannel.1"]["mtu"] = 1280
    assert told(facts) == [("lease-mtu", "cni/subnet_env/FLANNEL_MTU", ("node2",))]


def test_a_lease_that_nobody_read_is_not_green():
    facts = node(not_observed={"cni/subnet_env": SAID})
    del facts["cni"]["subnet_env"]
    assert breaches("lease-mtu", facts) == [("cni/subnet_env", "?")]


HOST_GW = {
    "one-over": (1501, [("cni/subnet_env/FLANNEL_MTU", "error")]),
    "equal": (1500, []),
    "one-under": (1499, [("cni/subnet_env/FLANNEL_MTU", "info")]),
}


@pytest.mark.parametrize(("mtu", "expected"), HOST_GW.values(), ids=HOST_GW)
def test_with_host_gw_the_lease_has_the_mtu_of_the_underlay(mtu, expected):
    facts = node("host-gw")
    facts["cni"]["subnet_env"]["FLANNEL_MTU"] = mtu
    assert breaches("lease-mtu-underlay", facts) == expected
    assert breaches("lease-mtu-underlay", without_routes(facts)) == [("routes", "?")]


# ---- Calico ----
CALICO = {
    "vxlan": ("vxlan.calico", "vxlan", 1450),
    "vxlan-v6": ("vxlan-v6.calico", "vxlan", 1430),
    "ipip": ("tunl0", "ipip", 1480),
    "wireguard": ("wireguard.cali", "wireguard", 1440),
    "wireguard-v6": ("wg-v6.cali", "wireguard", 1420),
}


@pytest.mark.parametrize(("name", "kind", "most"), CALICO.values(), ids=CALICO)
def test_calico_s_overlays_leave_room_for_their_headers(name, kind, most):
    for mtu, expected in (
        (most, []),
        (most - 300, []),
        (most + 1, [(f"links/{name}/mtu", "warning")]),
    ):
        facts = node("calico")
        del facts["links"]["vxlan.calico"]
        address = {"10.42.1.0/32": {"family": "inet", "scope": "global"}}
        facts["links"][name] = link(mtu, kind=kind, operstate="UNKNOWN", addresses=address)
        assert breaches("calico-overlay-mtu", facts) == expected


def test_tunl0_without_address_is_the_module_s_own():
    facts = node(links={"tunl0": link(9999, kind="ipip", flags=["NOARP"], operstate="DOWN")})
    assert breaches("calico-overlay-mtu", facts) == []
