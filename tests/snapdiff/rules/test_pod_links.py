"""State of the pod bridge and of the ports on it."""

from __future__ import annotations

import pytest
from nodes import breaches, spoilt, unseen

from clusters import report
from kinds import link, node

DOWN = ["BROADCAST", "MULTICAST"]


# ---- the pod bridge ----
NO_CARRIER = {"flags": [*DOWN, "NO-CARRIER", "UP"], "operstate": "DOWN"}
BRIDGE = {
    "down": (spoilt("cni0", flags=DOWN, operstate="DOWN"), [("links/cni0/flags", "error")]),
    "no-carrier-but-ports": (spoilt("cni0", **NO_CARRIER), [("links/cni0/operstate", "info")]),
    "down-without-ports": (
        node("no-pods", links={"cni0": link(kind="bridge", flags=DOWN, operstate="DOWN")}),
        [("links/cni0/flags", "info")],
    ),
    "no-carrier-without-ports": (
        node("no-pods", links={"cni0": link(kind="bridge", **NO_CARRIER)}),
        [],
    ),
    "flags-not-told": (
        unseen(spoilt("cni0", gone=["flags"]), "links/*/flags"),
        [("links/*/flags", "?")],
    ),
}


@pytest.mark.parametrize(("facts", "expected"), BRIDGE.values(), ids=BRIDGE)
def test_pod_bridge_down(facts, expected):
    assert breaches("pod-bridge-down", facts) == expected


KIND = {
    "veth": (spoilt("cni0", kind="veth"), [("links/cni0/kind", "error")]),
    "none": (spoilt("cni0", gone=["kind"]), [("links/cni0/kind", "error")]),
    "not-told": (
        unseen(spoilt("cni0", gone=["kind"]), "links/*/kind"),
        [("links/*/kind", "?")],
    ),
    "not-there": (node("no-pods"), []),
    "no-flannel": (node("calico", links={"cni0": link(kind="dummy")}), []),
}


@pytest.mark.parametrize(("facts", "expected"), KIND.values(), ids=KIND)
def test_pod_bridge_kind(facts, expected):
    assert breaches("pod-bridge-kind", facts) == expected


def test_pod_bridge_mac():
    zeros = spoilt("cni0", mac="00:00:00:00:00:00")
    assert breaches("pod-bridge-mac", zeros) == [("links/cni0/mac", "warning")]
    assert breaches("pod-bridge-mac", node()) == []
    untold = unseen(spoilt("cni0", gone=["mac"]), "links/*/mac")
    assert breaches("pod-bridge-mac", untold) == [("links/*/mac", "?")]


# ---- its ports ----
FIRST, LAST = "veth00010000", "veth00010001"


def ports(*names, gone=(), port=None, flags=None, **edits):
    facts = node(**edits)
    for name in names:
        if flags is not None:
            facts["links"][name]["flags"] = flags
        facts["links"][name]["bridge_port"].update(port or {})
        for member in gone:
            del facts["links"][name][member]
    return facts


def routed(facts, name):
    row = {"dev": name, "dst": "10.244.1.2", "table": "main", "flags": []}
    facts["routes"][f"main 10.244.1.2 dev {name}"] = row
    return facts


def without_bridge(*keep, lease=True, facts=None):
    """Delete cni0: ports are left on no bridge, all but *keep* of them gone."""
    facts = facts or ports(FIRST, LAST, gone=["master"])
    for name in [one for one in (FIRST, LAST) if keep and one not in keep]:
        del facts["links"][name]
    facts["links"].pop("cni0")
    facts["routes"] = {k: row for k, row in facts["routes"].items() if row.get("dev") != "cni0"}
    if not lease:
        del facts["cni"]["subnet_env"]
    return facts


def on_br0(*names, bridge="br0", more=None, pod=None, **fields):
    """Put ports on a bridge that somebody else made; *more* is none of the CNI's."""
    facts = node(links={bridge: link(kind="bridge")})
    if more:
        facts["links"][more] = link(kind="veth", peer_netnsid=pod)
    for name in names:
        facts["links"][name].update(master=bridge, **fields)
    return facts


M = "links/veth*/master"
MASTER = {
    "one": (ports(FIRST, gone=["master"]), [(M, "error")]),
    "all": (ports(FIRST, LAST, gone=["master"]), [(M, "error")]),
    "the-newest": (ports(LAST, gone=["master"]), [(M, "warning")]),
    "ptp-with-a-route": (routed(ports(FIRST, gone=["master"]), FIRST), []),
    "another-bridge": (node(links={"vethcafecafe": link(kind="veth", master="br1")}), []),
    "docker": (node(links={"veth1234567": link(kind="veth")}), []),
    "no-bridge": (node("no-pods", links={"vethcafecafe": link(kind="veth")}), []),
    "the-bridge-is-gone": (without_bridge(), [("links/cni0", "error")]),
    "the-bridge-is-gone-in-ptp": (routed(without_bridge(FIRST), FIRST), []),
    "the-bridge-is-gone-before-a-lease": (without_bridge(lease=False), []),
    "all-on-a-bridge-of-somebody": (on_br0(FIRST, LAST), [(M, "error")]),
    "one-on-a-bridge-of-somebody": (on_br0(FIRST), [(M, "error")]),
    "on-a-bridge-of-docker": (on_br0(FIRST, bridge="docker1"), []),
    "second-links-of-multus": (on_br0("vethcafecafe", more="vethcafecafe", pod=1), []),
    "pods-of-somebody": (on_br0("vethcafecafe", more="vethcafecafe", pod=9), []),
    "the-second-link-in-its-pod": (on_br0(FIRST, inside={"link": "net1", "mtu": 1450}), []),
    "the-bridge-is-renamed": (without_bridge(facts=on_br0(FIRST, LAST)), [(M, "error")]),
    "canal": (node("canal"), []),
    "not-told": (
        unseen(ports(FIRST, LAST, gone=["master"]), "links/*/master"),
        [("links/*/master", "?")],
    ),
}


@pytest.mark.parametrize(("facts", "expected"), MASTER.values(), ids=MASTER)
def test_pod_port_master(facts, expected):
    assert breaches("pod-port-master", facts) == expected


HAIRPIN = "ip link set NAME master cni0 and bridge link set dev NAME hairpin on"
PUT_BACK = {
    "on-none": (ports(FIRST, gone=["master"]), HAIRPIN),
    "elsewhere": (on_br0(FIRST), HAIRPIN),
    "no-bridge-to-put-it-on": (without_bridge(), "recycle the pods of node1"),
}


@pytest.mark.parametrize(("facts", "remedy"), PUT_BACK.values(), ids=PUT_BACK)
def test_a_port_comes_back_as_the_plugin_makes_it(facts, remedy):
    (one,) = [row for row in report({"node1": facts}).findings if row.rule == "pod-port-master"]
    assert remedy in one.remedy


S = "links/veth*/bridge_port/state"
BLOCKED = {
    "disabled": (ports(FIRST, port={"state": "disabled"}), [(S, "error")]),
    "set-down": (ports(FIRST, flags=["BROADCAST"], port={"state": "disabled"}), []),
    "the-newest": (ports(LAST, port={"state": "disabled"}), [(S, "warning")]),
    "spanning-tree": (ports(FIRST, LAST, port={"state": "listening"}), [(S, "error")]),
    "not-told": (
        unseen(ports(FIRST, LAST, gone=["bridge_port"]), "links/*/bridge_port"),
        [("links/*/bridge_port", "?")],
    ),
}


@pytest.mark.parametrize(("facts", "expected"), BLOCKED.values(), ids=BLOCKED)
def test_pod_port_blocked(facts, expected):
    assert breaches("pod-port-blocked", facts) == expected


def flat(facts, **delegate):
    facts["cni_config"]["10-flannel.conflist"]["plugins"][0]["delegate"] = delegate
    return facts


H = "links/veth*/bridge_port/hairpin"
OFF = {"hairpin": False}
HAIRPIN = {
    "off-though-wished": (ports(FIRST, port=OFF), [(H, "warning")]),
    "off-as-wished": (flat(ports(FIRST, port=OFF)), []),
    "on-though-not-wished": (flat(node()), []),
    "the-bridge-does-it": (flat(ports(FIRST, port=OFF), hairpinMode=True, promiscMode=True), []),
    "file-elsewhere": ({**ports(FIRST, port=OFF), "cni_config": {}}, []),
    "file-not-seen": (
        {**unseen(ports(FIRST, port=OFF), "cni_config"), "cni_config": {}},
        [("cni_config", "?")],
    ),
}


@pytest.mark.parametrize(("facts", "expected"), HAIRPIN.values(), ids=HAIRPIN)
def test_pod_port_hairpin(facts, expected):
    assert breaches("pod-port-hairpin", facts) == expected


@pytest.mark.parametrize(("count", "expected"), [(799, []), (800, [("links/cni0", "warning")])])
def test_pod_bridge_full(count, expected):
    facts = node()
    facts["links"].update(
        {f"veth{one:08x}": link(kind="veth", master="cni0") for one in range(count - 2)}
    )
    assert breaches("pod-bridge-full", facts) == expected
