"""A node that has one link of every kind, named as CNIs name them."""

from __future__ import annotations

import typing as t

if t.TYPE_CHECKING:
    from netns_nodes import Node

# By name, what makes the link.
LINKS = {
    "kube-ipvs0": "type dummy",
    "nodelocaldns": "type dummy",
    "bond0": "type bond mode 802.3ad miimon 100",
    "bond0.100": "link bond0 type vlan id 100",
    "tun-192020209": "type ipip remote 192.0.2.9 local 192.0.2.1",
    "flannel.ipip": "type ipip local 192.0.2.1",
    "sit9": "type sit remote 192.0.2.9 local 192.0.2.1",
    "gre9": "type gre remote 192.0.2.9 local 192.0.2.1 key 7",
    "gretap9": "type gretap remote 192.0.2.9 local 192.0.2.1",
    "ip6tnl9": "type ip6tnl remote 2001:db8::9 local 2001:db8::1",
    "ip6gre9": "type ip6gre remote 2001:db8::9 local 2001:db8::1",
    "macvlan9": "link eth0 type macvlan mode bridge",
    "ipvlan9": "link kube-ipvs0 type ipvlan mode l3",
    "cilium_geneve": "type geneve external",
    "cilium_vxlan": "type vxlan external dstport 8479",
    "vxlan.calico": "type vxlan id 4096 dev eth0 local 192.0.2.1 dstport 4789 nolearning",
    "wireguard.cali": "type wireguard",
    "vrf9": "type vrf table 9",
}

# Peers of which wg tells all that it may: another family, two networks, no keepalive, no network.
PEERS = {
    "7I7R2AYgCc7VgYE+l6ZdrWTvk3knp4+xCwHMPJsFr20=": (
        "endpoint 192.0.2.2:51820 allowed-ips 10.244.2.0/24 persistent-keepalive 25"
    ),
    "+AvINY/0s4LXOJ5rwAzbTLiUr4geh+vxIOU/UD9XVCY=": (
        "endpoint [2001:db8::3]:51821 allowed-ips 10.244.3.0/24,fd00:10:244:3::/64"
    ),
    "B3OebqUMELHlPEe9ryiL+mJ+1XoHyqD7n09aaW3bxTk=": "endpoint 192.0.2.4:51820",
}


def make(node: Node) -> None:
    """Make all of them, and what needs more than a line."""
    node.ip(*(f"link add {name} {words}" for name, words in LINKS.items()))
    node.ip("tuntap add dev flannel0 mode tun", "link set cilium_vxlan up", "link set vrf9 up")
    node.run("wg", "set", "wireguard.cali", "listen-port", "51820")
    for key, words in PEERS.items():
        node.run("wg", "set", "wireguard.cali", "peer", key, *words.split())
