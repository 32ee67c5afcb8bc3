"""MTUs of pods and their bridge: just right, one over, one under, exempt, not observed."""

from __future__ import annotations

import pytest
from nodes import breaches

from clusters import cluster, told
from kinds import link, node

SAID = "it was not told"


# ---- the pod bridge ----
BRIDGE = {
    "as-its-ports": (1450, []),
    "more": (1451, [("links/cni0/mtu", "warning")]),
    "less": (1449, [("links/cni0/mtu", "warning")]),
}
NO_PORTS = {
    "kernel": (1500, []),
    "file": (1450, []),
    "by-hand": (1300, [("links/cni0/mtu", "info")]),
}


@pytest.mark.parametrize(("mtu", "expected"), BRIDGE.values(), ids=BRIDGE)
def test_the_bridge_has_the_least_mtu_of_its_ports(mtu, expected):
    facts = node()
    facts["links"]["cni0"]["mtu"] = mtu
    assert breaches("bridge-mtu", facts) == expected


@pytest.mark.parametrize(("mtu", "expected"), NO_PORTS.values(), ids=NO_PORTS)
def test_a_bridge_without_ports_has_the_kernel_s_mtu_or_that_of_the_file(mtu, expected):
    facts = node("no-pods", links={"cni0": link(mtu, kind="bridge", operstate="DOWN")})
    assert breaches("bridge-mtu", facts) == expected


def test_kube_router_sets_its_bridge_itself():
    facts = node("calico", links={"kube-bridge": link(1300, kind="bridge")})
    facts["links"]["veth12345678"] = link(1480, kind="veth", master="kube-bridge")
    assert breaches("bridge-mtu", facts) == []


POD_RULES = ["bridge-mtu", "pod-mtu"]


@pytest.mark.parametrize("rule", POD_RULES)
def test_ports_whose_master_was_not_told_leave_it_open(rule):
    facts = node(not_observed={"links/*/master": SAID})
    for row in facts["links"].values():
        row.pop("master", None)
    assert breaches(rule, facts) == [("links/*/master", "?")]


# ---- pods ----
def pods(*mtus, kind="vxlan", **edits):
    facts = node(kind, **edits)
    names = [one for one in facts["links"] if one.startswith(("veth", "cali", "lxc"))]
    for name, mtu in zip(names, mtus, strict=False):
        facts["links"][name]["mtu"] = mtu
    return facts


VETH = "links/veth*/mtu"
PODS = {
    "as-the-lease": (pods(1450, 1450), [], [], []),
    "one-before-a-change": (pods(1360), [(VETH, "warning")], [(VETH, "warning")], []),
    "all-before-a-change": (pods(1360, 1360), [(VETH, "warning")], [], []),
    "one-over": (pods(1451, 1451), [(VETH, "warning")], [], [(VETH, "error")]),
    "two-generations": (
        pods(1400, 1500),
        [(VETH, "warning"), (VETH, "warning")],
        [(VETH, "warning")],
        [(VETH, "error")],
    ),
    "host-gw-has-no-overlay": (pods(1600, 1600, kind="host-gw"), [(VETH, "warning")], [], []),
    "canal": (pods(1450, 1450, kind="canal"), [], [], []),
    "canal-over": (pods(1500, 1500, kind="canal"), [], [], [("links/cali*/mtu", "error")]),
    "calico-over": (pods(1500, kind="calico"), [], [], [("links/cali*/mtu", "error")]),
    "cilium": (pods(9000, kind="cilium"), [], [], []),
}


@pytest.mark.parametrize(("facts", "given", "mixed", "over"), PODS.values(), ids=PODS)
def test_mtus_of_pods(facts, given, mixed, over):
    assert breaches("pod-mtu", facts) == given
    assert breaches("pods-mtu-mixed", facts) == mixed
    assert breaches("pod-mtu-over-overlay", facts) == over


def test_one_generation_too_big_is_one_finding():
    facts = cluster(1)
    for name, row in facts["node1"]["links"].items():
        if name.startswith(("veth", "cni0")):
            row["mtu"] = 1500
    assert told(facts) == [("pod-mtu-over-overlay", VETH, ("node1",))]


def test_an_mtu_in_the_file_wins_over_the_lease():
    facts = pods(1400, 1400)
    facts["cni_config"]["10-flannel.conflist"]["plugins"][0]["delegate"]["mtu"] = 1400
    assert breaches("pod-mtu", facts) == []


TOWARDS = {  # what new pods get, by file or lease; none of it may make right pods be recycled
    "file-over-the-overlay": ("file", 1500, []),
    "lease-over-the-overlay": ("lease", 1500, []),
    "file-under-the-overlay": ("file", 1400, [(VETH, "warning")]),
    "lease-under-the-overlay": ("lease", 1400, [(VETH, "warning")]),
}


@pytest.mark.parametrize(("where", "mtu", "expected"), TOWARDS.values(), ids=TOWARDS)
def test_pods_are_never_to_be_recycled_towards_what_the_overlay_does_not_take(where, mtu, expected):
    facts = pods(1450, 1450)
    if where == "file":
        facts["cni_config"]["10-flannel.conflist"]["plugins"][0]["delegate"]["mtu"] = mtu
    else:
        facts["cni"]["subnet_env"]["FLANNEL_MTU"] = mtu
    assert breaches("pod-mtu", facts) == expected


def test_a_file_that_nobody_read_may_have_an_mtu():
    facts = pods(1400, 1400, not_observed={"cni_config": SAID})
    facts["cni_config"] = {}
    assert breaches("pod-mtu", facts) == [("cni_config", "?")]


def test_pods_all_alike_need_no_master():
    facts = node(not_observed={"links/*/master": SAID})
    for row in facts["links"].values():
        row.pop("master", None)
    assert breaches("pods-mtu-mixed", facts) == []
    assert breaches("pod-mtu-over-overlay", facts) == []
    facts["links"]["veth00010001"]["mtu"] = 1460
    assert breaches("pods-mtu-mixed", facts) == [("links/*/master", "?")]
    assert breaches("pod-mtu-over-overlay", facts) == [("links/*/master", "?")]


# ---- what a driver takes ----
def limits(name, kind="vxlan", **fields):
    facts = node(kind)
    facts["links"][name].update(fields)
    return facts


RANGE = {
    "at-the-most": (limits("eth0", max_mtu=1500), []),
    "over-the-most": (limits("eth0", max_mtu=1499), [("links/eth0/mtu", "warning")]),
    "no-limit-told": (limits("eth0", max_mtu=0), []),
    "under-the-least": (limits("eth0", min_mtu=1501), [("links/eth0/mtu", "warning")]),
    "ipv4-takes-less": (limits("cni0", mtu=1279), []),
    "ipv6-at-the-least": (limits("cni0", "dual-stack", mtu=1280), []),
    "ipv6-one-under": (limits("cni0", "dual-stack", mtu=1279), [("links/cni0/mtu", "warning")]),
    "pods-together": (limits("veth00010000", "dual-stack", mtu=1200), [(VETH, "warning")]),
}


@pytest.mark.parametrize(("facts", "expected"), RANGE.values(), ids=RANGE)
def test_mtus_are_within_what_links_take(facts, expected):
    assert breaches("link-mtu-range", facts) == expected


def test_a_link_of_nobody_s_business_may_have_any_mtu():
    facts = node(links={"sit9": link(9, kind="sit", min_mtu=1280)})
    assert breaches("link-mtu-range", facts) == []
