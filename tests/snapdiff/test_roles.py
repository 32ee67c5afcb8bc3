"""Every row of the table of link names, and every link of a catalogue from a real kernel."""

from __future__ import annotations

import json

import pytest

from builders import FIXTURES, address, link, route
from snapdiff import roles

HEX = "0123456789a"
TABLE = [
    ("lo", None, "loopback"),
    ("flannel.1", "vxlan", "overlay"),
    ("flannel.4096", "vxlan", "overlay"),
    ("flannel-v6.1", "vxlan", "overlay"),
    ("flannel-wg", "wireguard", "overlay"),
    ("flannel-wg-v6", "wireguard", "overlay"),
    ("flannel.ipip", "ipip", "overlay"),
    ("flannel0", "tun", "overlay"),
    ("vxlan.calico", "vxlan", "overlay"),
    ("vxlan-v6.calico", "vxlan", "overlay"),
    ("wireguard.cali", "wireguard", "overlay"),
    ("wg-v6.cali", "wireguard", "overlay"),
    ("tunl0", "ipip", "other"),
    ("cilium_vxlan", "vxlan", "overlay"),
    ("cilium_geneve", "geneve", "overlay"),
    ("cilium_wg0", "wireguard", "overlay"),
    ("antrea-wg0", "wireguard", "overlay"),
    ("genev_sys_6081", "geneve", "overlay"),
    ("vxlan_sys_4789", "vxlan", "overlay"),
    ("gre_sys", "gretap", "overlay"),
    ("antrea-tun0", "openvswitch", "overlay"),
    (f"tun-{HEX}", "ipip", "overlay"),
    (f"tun-{HEX}", "ip6tnl", "overlay"),
    ("cni0", "bridge", "pod bridge"),
    ("cbr0", "bridge", "pod bridge"),
    ("kube-bridge", "bridge", "pod bridge"),
    ("weave", "bridge", "pod bridge"),
    ("cni0.100", "veth", "plumbing"),
    ("cilium_host", "veth", "plumbing"),
    ("cilium_net", "veth", "plumbing"),
    ("bpfin.cali", "veth", "plumbing"),
    ("bpfout.cali", "veth", "plumbing"),
    ("vethwe-bridge", "veth", "plumbing"),
    ("vethwe-datapath", "veth", "plumbing"),
    ("vethwe-pcap", "veth", "plumbing"),
    ("antrea-gw0", "openvswitch", "plumbing"),
    ("ovn-k8s-mp0", "openvswitch", "plumbing"),
    ("br-int", "openvswitch", "plumbing"),
    ("br-ex", "openvswitch", "plumbing"),
    ("breth0", "openvswitch", "plumbing"),
    ("ovs-system", "openvswitch", "plumbing"),
    ("datapath", "openvswitch", "plumbing"),
    ("kube-ipvs0", "dummy", "service dummy"),
    ("nodelocaldns", "dummy", "service dummy"),
    ("kube-dummy-if", "dummy", "service dummy"),
    ("antrea-egress0", "dummy", "service dummy"),
    ("antrea-ingress0", "dummy", "service dummy"),
    (f"cali{HEX}", "veth", "pod port"),
    (f"cali{HEX}", "netkit", "pod port"),
    ("lxc1a2b3c4d5e6f", "veth", "pod port"),
    ("lxc_health", "veth", "pod port"),
    (f"eni{HEX}", "veth", "pod port"),
    ("azv0123abc", "veth", "pod port"),
    (f"gke{HEX}", "veth", "pod port"),
    ("vethwepl1234567", "veth", "pod port"),
    ("veth0a1b2c3d", "veth", "pod port"),
    ("veth0a1b2c3", "veth", "other"),
    ("0123456789abcde", "veth", "pod port"),
    ("coredns-1a2b3c", "veth", "pod port"),
    ("docker0", "bridge", "other bridge"),
    ("br-0123456789ab", "bridge", "other bridge"),
    ("cni-podman0", "bridge", "other bridge"),
    ("nerdctl0", "bridge", "other bridge"),
    ("virbr0", "bridge", "other bridge"),
    ("eth0", None, "other"),
    ("bond0", "bond", "other"),
    ("tailscale0", "tun", "other"),
]


@pytest.mark.parametrize(("name", "kind", "role"), TABLE, ids=lambda one: str(one))
def test_a_name_of_its_kind_has_its_role(name, kind, role):
    assert roles.named_role(name, link(kind)) == role


PLAIN = {"cilium_wg0", "antrea-tun0", "genev_sys_6081", "vxlan_sys_4789", "gre_sys", "lo"}


@pytest.mark.parametrize(
    ("name", "role"),
    sorted({(name, role) for name, _kind, role in TABLE if role != "other" and name not in PLAIN}),
)
def test_a_name_of_another_kind_is_no_proof(name, role):
    assert roles.named_role(name, link("macvlan")) == "other"


@pytest.mark.parametrize(
    "name", ["flannel.1x", "xflannel.1", "cni0\n", "CNI0", "flannel.", "cali0123", "lo0", "br-intx"]
)
def test_a_name_is_matched_whole(name):
    assert roles.named_role(name, link()) == "other"


@pytest.mark.parametrize(
    ("master", "role"),
    [("cni0", "pod port"), (None, "pod port"), ("docker0", "other"), ("br-0123456789ab", "other")],
)
def test_whose_veth_it_is_tells_its_bridge(master, role):
    row = link("veth", **({"master": master} if master else {}))
    assert roles.named_role("veth0a1b2c3d", row) == role


def test_tunl0_is_an_overlay_once_it_has_an_address():
    row = link("ipip", addresses={"10.244.3.0/32": address()})
    assert roles.named_role("tunl0", row) == "overlay"
    assert roles.overlays({"tunl0": row, "lo": link()}) == ["tunl0"]


# ---- the underlay is told by what it does -----------------------------------------------------

UP = {"addresses": {"192.0.2.1/24": address()}}


@pytest.mark.parametrize(
    ("links", "routes", "expected"),
    [
        ({"wg0": link("wireguard"), "flannel.1": link("vxlan", lower="wg0")}, {}, ["wg0"]),
        ({"bond0.100": link("vlan")}, {"main default dev bond0.100": {}}, ["bond0.100"]),
        ({"eth0": link()}, {"main ::/0 dev eth0 metric 1024": {}}, ["eth0"]),
        (
            {"eth1": link(), "eth0": link(), "flannel.1": link("vxlan", lower="eth1")},
            {"main default dev eth0": {}},
            ["eth1", "eth0"],
        ),
        ({"flannel.1": link("vxlan", lower="gone0")}, {}, []),
        ({"cni0": link("bridge")}, {"main default dev cni0": {}}, []),
        ({"eth0": link(**UP), "cni0": link("bridge", **UP)}, {}, ["eth0"]),
        ({"eth0": link(**UP), "eth1": link(**UP)}, {}, []),
        ({"eth0": link(**UP, flags=["BROADCAST"])}, {}, []),
        ({"eth0": link(addresses={"fe80::1/64": address()})}, {}, []),
        ({"eth0": link()}, {"9 default dev eth0": {}}, []),
    ],
    ids=[
        "carries-the-overlay",
        "has-the-default-route",
        "has-the-ipv6-default-route",
        "both-the-overlays-first",
        "a-lower-link-that-is-not-there",
        "a-pod-bridge-is-none",
        "the-only-one-with-an-address",
        "one-of-two-is-a-guess",
        "down",
        "link-local-only",
        "another-table",
    ],
)
def test_the_underlay(links, routes, expected):
    rows = {key: route("default", "x", **row) for key, row in routes.items()}
    assert roles.underlays(links, rows) == expected


def test_the_role_of_an_underlay_wins_over_other_alone():
    links = {"eth0": link(), "flannel.1": link("vxlan", lower="eth0")}
    assert [roles.role_of(name, links, {}) for name in links] == ["underlay", "overlay"]


@pytest.mark.parametrize(
    ("name", "group"),
    [
        ("veth0a1b2c3d", "veth*"),
        (f"cali{HEX}", "cali*"),
        ("lxc_health", "lxc*"),
        (f"eni{HEX}", "eni*"),
        ("azv0123abc", "azv*"),
        (f"gke{HEX}", "gke*"),
        ("0123456789abcde", "pod*"),
        ("coredns-1a2b3c", "pod*"),
    ],
)
def test_pods_of_a_kind_have_one_name(name, group):
    assert roles.population_of(name) == group


# ---- a kernel with one of each kind -----------------------------------------------------------

OTHERS = (
    "dummy0 tunl0 gre0 gretap0 erspan0 ip6tnl0 sit0 bond0 ifb0 ifb1 ip6gre0 uplink0 eth0.100 "
    "macvlan0 ipvlan0 gre1 ip6tnl1 vrf-blue eth0p"
)
OVERLAYS = (
    "flannel-wg wireguard.cali flannel.ipip cilium_geneve cilium_vxlan flannel.1 flannel-v6.1 "
    "vxlan.calico tun-0123456789a flannel0"
)
KINDS = {
    **dict.fromkeys(OTHERS.split(), "other"),
    **dict.fromkeys(OVERLAYS.split(), "overlay"),
    "lo": "loopback",
    "eth0": "underlay",
    "kube-ipvs0": "service dummy",
    "nodelocaldns": "service dummy",
    "cni0": "pod bridge",
    "veth0a1b2c3d": "pod port",
}


def test_all_links_of_the_catalogue():
    from snapdiff.saved import Folder, snapshot_of

    folder = FIXTURES / "link-kinds"
    found = snapshot_of(Folder(folder), node="n", taken_at="2026-11-22T02:00:00Z", via="test")
    links, routes = found["links"], found["routes"]
    given = json.loads((folder / "ip-j-d-s-addr.json").read_text("utf-8"))
    assert list(links) == [row["ifname"] for row in given]
    assert {name: roles.role_of(name, links, routes) for name in links} == KINDS
