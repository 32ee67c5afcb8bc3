import pytest

from clusters import cluster, told
from kinds import link

DOWN = ["BROADCAST", "MULTICAST"]
CASES = {
    "healthy": ({}, []),
    "pod-port": ({"veth00020001": DOWN}, [("pod-port-down", "links/veth*/flags", ("node2",))]),
    "underlay": ({"eth0": DOWN}, [("underlay-down", "links/eth0/flags", ("node2",))]),
}


@pytest.mark.parametrize(("flags", "expected"), CASES.values(), ids=CASES)
def test_a_link_that_is_set_down_is_told(flags, expected):
    facts = cluster(3)
    for name, found in flags.items():
        facts["node2"]["links"][name]["flags"] = found
    assert told(facts) == expected


def test_flags_that_nobody_told_are_not_down():
    facts = cluster(3)
    del facts["node2"]["links"]["veth00020001"]["flags"]
    assert told(facts) == []


LOST = {
    "flags": ["BROADCAST", "MULTICAST", "NO-CARRIER", "UP"],
    "operstate": "DOWN",
    "carrier": False,
}
BELOW = {"flags": ["BROADCAST", "MULTICAST", "NO-CARRIER", "UP"], "carrier": False}


def rides_on(name, backend="vxlan", **links):
    """Return a cluster whose nodes have *links*, and their overlay over one of them."""
    facts = cluster(3, backend=backend)
    for one in facts.values():
        eth0 = one["links"]["eth0"]
        for other, row in links.items():
            one["links"].setdefault(other, link(1500)).update(row)
        one["links"][name]["addresses"], eth0["addresses"] = eth0["addresses"], {}
        if backend == "vxlan":
            one["links"]["flannel.1"].update(lower=name)
            one["links"]["flannel.1"]["vxlan"]["link"] = name
        for key in [key for key in one["routes"] if key.endswith("dev eth0")]:
            row = one["routes"].pop(key)
            one["routes"][key.replace("eth0", name)] = {**row, "dev": name}
    return facts


def vlan():
    return rides_on("eth0.100", **{"eth0.100": {"kind": "vlan", "lower": "eth0"}})


def bond(backend="vxlan"):
    slave = {"master": "bond0", "port": {"state": "ACTIVE", "mii_status": "UP"}}
    return rides_on("bond0", backend, bond0={"kind": "bond"}, eth0=slave, eth1=slave)


STANDS_ON = {
    "nic": (cluster(3), {"eth0": LOST}, "links/eth0/operstate"),
    "nic-of-wireguard": (cluster(3, backend="wireguard"), {"eth0": LOST}, "links/eth0/operstate"),
    "nic-of-host-gw": (cluster(3, backend="host-gw"), {"eth0": LOST}, "links/eth0/operstate"),
    "below-a-vlan-set-down": (
        vlan(),
        {"eth0": {"flags": DOWN}, "eth0.100": {**BELOW, "operstate": "LOWERLAYERDOWN"}},
        "links/eth0/flags",
    ),
    "below-a-vlan": (vlan(), {"eth0": LOST, "eth0.100": LOST}, "links/eth0/operstate"),
    "vlan-itself": (vlan(), {"eth0.100": {"flags": DOWN}}, "links/eth0.100/flags"),
    "all-of-a-bond": (
        bond(),
        {"eth0": LOST, "eth1": LOST, "bond0": LOST},
        "links/bond0/operstate",
    ),
    "bond-set-down": (bond(), {"bond0": {"flags": DOWN}}, "links/bond0/flags"),
    "bond-of-host-gw": (bond("host-gw"), {"bond0": LOST}, "links/bond0/operstate"),
}


@pytest.mark.parametrize(("facts", "links", "place"), STANDS_ON.values(), ids=STANDS_ON)
def test_what_the_underlay_stands_on_is_told_first(facts, links, place):
    assert told(facts) == []
    for name, row in links.items():
        facts["node2"]["links"][name].update(row)
    assert told(facts) == [("underlay-down", place, ("node2",))]


LAME = {
    "no-carrier": LOST,
    "set-down": {"flags": DOWN},
    "told-by-the-bond": {"port": {"state": "BACKUP", "mii_status": "DOWN"}},
}


@pytest.mark.parametrize("row", LAME.values(), ids=LAME)
def test_a_bond_without_one_of_its_links_is_a_warning(row):
    facts = bond()
    facts["node2"]["links"]["eth1"].update(row)
    place = "links/eth1/operstate"
    assert told(facts) == [("underlay-bond-degraded", place, ("node2",))]


def test_the_other_end_of_a_veth_in_a_container_is_not_below_it():
    facts = cluster(3)
    facts["node2"]["links"]["eth0"].update(kind="veth", lower="cni0", lower_netnsid=0)
    facts["node2"]["links"]["cni0"].update(LOST)
    assert "underlay-down" not in [rule for rule, _path, _nodes in told(facts)]


ARP_OFF = ["BROADCAST", "MULTICAST", "NOARP", "UP"]
RESOLVES = {
    "overlay": ("vxlan", "flannel.1", {}, True),
    "pod-bridge": ("vxlan", "cni0", {}, True),
    "pod-port": ("vxlan", "veth00020001", {}, True),
    "underlay": ("vxlan", "eth0", {}, True),
    "underlay-of-host-gw": ("host-gw", "eth0", {}, True),
    "wireguard-by-nature": ("wireguard", "flannel-wg", {"type": "none"}, False),
    "a-dummy-that-is-no-part-of-it": ("vxlan", "dummy0", {"kind": "dummy"}, False),
}


@pytest.mark.parametrize(("backend", "name", "row", "is_told"), RESOLVES.values(), ids=RESOLVES)
def test_a_link_of_ethernet_resolves(backend, name, row, is_told):
    facts = cluster(3, backend=backend)
    facts["node2"]["links"].setdefault(name, link(1500)).update(flags=ARP_OFF, **row)
    expected = [("arp-off", f"links/{name}/flags", ("node2",))] if is_told else []
    assert [one for one in told(facts) if one[0] == "arp-off"] == expected
