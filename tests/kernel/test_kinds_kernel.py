"""A node with a link of every kind that CNIs use, made by a kernel that has them all."""

from __future__ import annotations

import json

import pytest

from snapdiff import roles

pytestmark = pytest.mark.kernel

# By link: kind, role, what it lies on, and a detail that the kernel tells.
LINKS = {
    "kube-ipvs0": ("dummy", "service dummy", None, None),
    "nodelocaldns": ("dummy", "service dummy", None, None),
    "bond0": ("bond", "other", None, ("bond", "mode", "802.3ad")),
    "bond0.100": ("vlan", "other", "bond0", ("vlan", "id", 100)),
    "flannel.ipip": ("ipip", "overlay", None, ("tunnel", "local", "192.0.2.1")),
    "tun-192020209": ("ipip", "other", None, ("tunnel", "remote", "192.0.2.9")),
    "sit9": ("sit", "other", None, ("tunnel", "remote", "192.0.2.9")),
    "gre9": ("gre", "other", None, ("tunnel", "ikey", "0.0.0.7")),
    "gretap9": ("gretap", "other", None, ("tunnel", "remote", "192.0.2.9")),
    "ip6tnl9": ("ip6tnl", "other", None, ("tunnel", "remote", "2001:db8::9")),
    "ip6gre9": ("ip6gre", "other", None, ("tunnel", "remote", "2001:db8::9")),
    "macvlan9": ("macvlan", "other", "eth0", ("detail", "mode", "bridge")),
    "ipvlan9": ("ipvlan", "other", "kube-ipvs0", ("detail", "mode", "l3")),
    "cilium_geneve": ("geneve", "overlay", None, ("geneve", "external", True)),
    "cilium_vxlan": ("vxlan", "overlay", None, ("vxlan", "external", True)),
    "vxlan.calico": ("vxlan", "overlay", "eth0", ("vxlan", "id", 4096)),
    "wireguard.cali": ("wireguard", "overlay", None, ("wireguard", "listen_port", 51820)),
    "flannel0": ("tun", "overlay", None, ("tun", "type", "tun")),
    "vrf9": ("vrf", "other", None, ("detail", "table", 9)),
}


@pytest.fixture(scope="module")
def node(handed):
    return json.loads((handed / "kinds" / "healthy" / "node1.json").read_text("utf-8"))


@pytest.mark.parametrize("name", LINKS)
def test_a_link_has_its_kind_its_role_and_its_details(node, name):
    kind, role, lower, detail = LINKS[name]
    row = node["links"][name]
    assert (row["kind"], row.get("lower")) == (kind, lower)
    assert roles.role_of(name, node["links"], node["routes"]) == role
    if detail:
        section, member, value = detail
        assert row[section][member] == value


def test_a_node_of_every_kind_makes_a_valid_snapshot(store):
    assert len(list(store.glob("kinds/*/nodes/node1.yml"))) == 1  # it was held against the schema
