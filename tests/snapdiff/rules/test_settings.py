"""Kernel settings: what is healthy, and what is not."""

from __future__ import annotations

import pytest

from builders import FIXTURES
from clusters import cluster, report, told
from kinds import KINDS, breaches, healthy, link, node
from snapdiff.rules import cni_files, routes, settings, uplink
from snapdiff.rules.registry import CannotTell, shipped
from snapdiff.rules.view import NodeView
from snapdiff.saved import Folder, snapshot_of

MINE = sorted(
    name
    for name, one in shipped().items()
    if one.check.__module__ in {one.__name__ for one in (cni_files, routes, settings, uplink)}
)
V4 = "net.bridge.bridge-nf-call-iptables"
V6 = "net.bridge.bridge-nf-call-ip6tables"


def sysctls(kind="vxlan", **values):
    return node(kind, sysctls={key.replace("__", "."): value for key, value in values.items()})


def of_link(name, kind="vxlan", **values):
    facts = node(kind)
    facts["links"][name]["sysctls"].update(values)
    return facts


@pytest.mark.parametrize("name", MINE)
@pytest.mark.parametrize("kind", KINDS)
def test_a_healthy_node_of_any_kind_breaks_no_rule_and_leaves_none_open(kind, name):
    assert [
        breaches(name, facts) for facts in healthy(kind).values() if breaches(name, facts)
    ] == []


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_recorded_healthy_node_breaks_no_rule(number):
    folder = Folder(FIXTURES / "flannel-lab" / "healthy" / f"node{number}")
    view = NodeView(snapshot_of(folder, node="node", taken_at="2026-11-22T03:00:00Z", via="import"))
    found = []
    for name in MINE:
        try:
            found += [one for one in shipped()[name].check(view) if not isinstance(one, CannotTell)]
        except CannotTell:
            continue
    assert found == []


SYSCTLS = {
    "forwarding-off": (
        "ip-forward-off",
        sysctls(net__ipv4__ip_forward=0),
        [("sysctls/net.ipv4.ip_forward", "error")],
    ),
    "forwarding-off-without-pods": (
        "ip-forward-off",
        sysctls("no-pods", net__ipv4__ip_forward=0),
        [],
    ),
    "forwarding-off-on-canal": (
        "ip-forward-off",
        sysctls("canal", net__ipv4__ip_forward=0),
        [("sysctls/net.ipv4.ip_forward", "error")],
    ),
    "forwarding-not-observed": (
        "ip-forward-off",
        node(
            sysctls={"net.ipv4.ip_forward": None},
            not_observed={"sysctls/net.ipv4.ip_forward": "it was not saved"},
        ),
        [("sysctls/net.ipv4.ip_forward", "?")],
    ),
    "ipv6-forwarding-off": (
        "ipv6-forward-off",
        sysctls("dual-stack", net__ipv6__conf__all__forwarding=0),
        [("sysctls/net.ipv6.conf.all.forwarding", "error")],
    ),
    "ipv6-forwarding-off-without-ipv6": (
        "ipv6-forward-off",
        sysctls(net__ipv6__conf__all__forwarding=0),
        [],
    ),
    "one-link-does-not-forward": (
        "link-forward-off",
        of_link("cni0", forwarding=0),
        [("links/cni0/sysctls/forwarding", "warning")],
    ),
    "a-pod-s-port-need-not": ("link-forward-off", of_link("eth0", forwarding=0), []),
    "br-netfilter-not-loaded": (
        "bridge-nf-call",
        node(sysctls={V4: None, V6: None}),
        [(f"sysctls/{V4}", "error")],
    ),
    "not-loaded-on-dual-stack": (
        "bridge-nf-call",
        node("dual-stack", sysctls={V6: None}),
        [(f"sysctls/{V6}", "error")],
    ),
    "nf-call-off": ("bridge-nf-call", node(sysctls={V4: 0}), [(f"sysctls/{V4}", "warning")]),
    "nf-call-off-without-a-bridge": ("bridge-nf-call", node("canal", sysctls={V4: 0}), []),
    "accepts-ra": (
        "overlay-accept-ra",
        of_link("flannel.1", accept_ra=2),
        [("links/flannel.1/sysctls/accept_ra", "info")],
    ),
    "ra-ignored-for-it-forwards": ("overlay-accept-ra", of_link("flannel.1", accept_ra=1), []),
    "ra-taken-for-it-does-not": (
        "overlay-accept-ra",
        of_link("flannel.1", accept_ra=1, forwarding6=0),
        [("links/flannel.1/sysctls/accept_ra", "info")],
    ),
    "few-neighbours-allowed": (
        "neighbour-table-room",
        node(sysctls={"net.ipv4.neigh.default.gc_thresh3": 1}),
        [("sysctls/net.ipv4.neigh.default.gc_thresh3", "info")],
    ),
    "just-enough-allowed": (
        "neighbour-table-room",
        node(sysctls={"net.ipv4.neigh.default.gc_thresh3": 2}),
        [],
    ),
}


@pytest.mark.parametrize(("rule", "facts", "expected"), SYSCTLS.values(), ids=SYSCTLS)
def test_kernel_settings(rule, facts, expected):
    assert breaches(rule, facts) == expected


def strict_everywhere(kind="vxlan", value=1):
    return node(kind, sysctls={"net.ipv4.conf.all.rp_filter": value})


def bridged_pod():
    facts = node()
    name = next(one for one in facts["links"] if one.startswith("veth"))
    facts["links"][name]["sysctls"]["rp_filter"] = 1
    return facts


def unseen():
    facts = node()
    del facts["links"]["flannel.1"]["sysctls"]["rp_filter"]
    facts["not_observed"]["links/flannel.1/sysctls/rp_filter"] = "it was not saved"
    return facts


def cilium_loose():
    facts = node("cilium")
    facts["links"]["lxc0123456789ab"] = link(1500, kind="veth", peer_netnsid=1)
    facts["links"]["lxc0123456789ab"]["sysctls"]["rp_filter"] = 2
    return facts


STRICT = {
    "strict-for-all": (
        strict_everywhere(),
        [("sysctls/net.ipv4.conf.all.rp_filter", "warning")],
    ),
    "loose-for-all": (strict_everywhere(value=2), []),
    "strict-on-the-overlay": (
        of_link("flannel.1", rp_filter=1),
        [("links/flannel.1/sysctls/rp_filter", "warning")],
    ),
    "the-higher-wins": (
        node(
            sysctls={"net.ipv4.conf.all.rp_filter": 2},
            links={"flannel.1": of_link("flannel.1", rp_filter=1)["links"]["flannel.1"]},
        ),
        [],
    ),
    "strict-on-the-underlay": (of_link("eth0", rp_filter=1), []),
    "a-port-of-the-bridge": (bridged_pod(), []),
    "pods-of-canal-as-one": (
        strict_everywhere("canal"),
        [("sysctls/net.ipv4.conf.all.rp_filter", "warning")],
    ),
    "loose-is-too-much-for-cilium": (cilium_loose(), [("links/lxc*/sysctls/rp_filter", "error")]),
    "not-observed": (unseen(), [("links/flannel.1/sysctls/rp_filter", "?")]),
}


@pytest.mark.parametrize(("facts", "expected"), STRICT.values(), ids=STRICT)
def test_rp_filter_strict(facts, expected):
    assert breaches("rp-filter-strict", facts) == expected


def test_one_sysctl_for_all_links_is_one_finding():
    facts = cluster(5)
    facts["node2"]["sysctls"]["net.ipv4.conf.all.rp_filter"] = 1
    facts["node2"]["sysctls"]["net.ipv4.conf.default.rp_filter"] = 1
    facts["node2"]["links"]["cni0"]["sysctls"]["rp_filter"] = 1
    (row,) = (one for one in report(facts).findings if one.severity)
    assert (row.rule, row.path) == ("rp-filter-strict", "sysctls/net.ipv4.conf.all.rp_filter")
    assert row.message.endswith("strict on cni0, flannel.1")
    assert "all.rp_filter=0 net/ipv4/conf/cni0/rp_filter=0 on node2" in row.remedy


def test_what_else_is_unlike_on_the_node_does_not_follow_from_its_path_filter():
    facts = cluster(5)
    for number, row in enumerate(facts.values()):
        row["sysctls"]["net.ipv6.conf.all.disable_ipv6"] = int(number == 1)
    facts["node2"]["sysctls"]["net.ipv4.conf.all.rp_filter"] = 1
    assert [rule for rule, _path, _nodes in told(facts)] == ["rp-filter-strict", "sysctls-alike"]
