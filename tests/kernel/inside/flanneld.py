"""What flanneld programs, with ``ip``, ``bridge`` and ``wg`` in place of netlink.

Source: flannel pkg/backend/wireguard/{device,wireguard_network}.go, pkg/backend/vxlan/{device,
vxlan_network}.go, pkg/subnet/subnet.go WriteSubnetFile().
"""

from __future__ import annotations

import json
import typing as t

from netns_nodes import UNDERLAY_MTU, Node

PORTS = {4: 51820, 6: 51821}
KEEPALIVE = 25  # seconds; what k3s asks for
CONFLIST = (
    '{"name":"cbr0","cniVersion":"0.3.1","plugins":[{"type":"flannel",'
    '"delegate":{"hairpinMode":true,"isDefaultGateway":true}},'
    '{"type":"portmap","capabilities":{"portMappings":true}}]}\n'
)
VXLANS = {4: "flannel.1", 6: "flannel-v6.1"}
WIREGUARDS = {4: "flannel-wg", 6: "flannel-wg-v6"}
NETWORKS = {4: "10.244.0.0/16", 6: "fd00:10:244::/48"}


def lease(node: Node, backend: dict[str, t.Any], mtu: int) -> None:
    """Write what flanneld and its manifest leave in files."""
    node.write(
        "/run/flannel/subnet.env",
        f"FLANNEL_NETWORK={NETWORKS[4]}\nFLANNEL_SUBNET=10.244.{node.number}.1/24\n"
        f"FLANNEL_IPV6_NETWORK={NETWORKS[6]}\n"
        f"FLANNEL_IPV6_SUBNET=fd00:10:244:{node.number}::1/64\n"
        f"FLANNEL_MTU={mtu}\nFLANNEL_IPMASQ=true\n",
    )
    conf = {"Network": NETWORKS[4], "EnableIPv6": True, "IPv6Network": NETWORKS[6]}
    node.write(
        "/etc/kube-flannel/net-conf.json", json.dumps({**conf, "Backend": backend}, indent=2)
    )
    node.write("/etc/cni/net.d/10-flannel.conflist", CONFLIST)


# ---- the wireguard backend ----------------------------------------------------------------------


def new_key(node: Node) -> None:
    """Draw a private key for the node; its links get it by :func:`set_key`."""
    node.private.append(node.run("wg", "genkey").strip())


def set_key(node: Node) -> None:
    """Have the links use the last key that the node was given."""
    node.write("/run/flannel/wgkey", node.private[-1])
    node.key = node.run("wg", "pubkey", text=node.private[-1]).strip()
    for link in WIREGUARDS.values():
        node.run("wg", "set", link, "private-key", "/run/flannel/wgkey")


def wireguard(node: Node) -> None:
    """Make a link a family, which share their key; pods of all nodes are behind one route each."""
    mtu = UNDERLAY_MTU - 80
    node.ip(*(f"link add {link} mtu {mtu} type wireguard" for link in WIREGUARDS.values()))
    set_key(node)
    for family, link in WIREGUARDS.items():
        node.run("wg", "set", link, "listen-port", str(PORTS[family]))
        node.ip(
            f"addr add {node.inner[family]}/{32 if family == 4 else 128} dev {link}",
            f"link set {link} up",
        )
        whole_network(node, family)
    lease(node, {"Type": "wireguard", "PersistentKeepaliveInterval": KEEPALIVE}, mtu)


def whole_network(node: Node, family: int = 4) -> None:
    """Lead all pods that are not on the node over wireguard."""
    scope = "scope link" if family == 4 else ""
    node.ip(f"route add {NETWORKS[family]} dev {WIREGUARDS[family]} {scope} proto boot")


def peer(node: Node, other: Node, family: int = 4, **given: str) -> None:
    """Set a peer as flannel does; *given* says what of it is another."""
    host = other.outer[family] if family == 4 else f"[{other.outer[family]}]"
    words = {
        "endpoint": f"{host}:{PORTS[family]}",
        "allowed-ips": other.subnets[family],
        "persistent-keepalive": str(KEEPALIVE),
        **{name.replace("_", "-"): value for name, value in given.items()},
    }
    key = words.pop("key", other.key)
    pairs = [word for pair in words.items() for word in pair]
    node.run("wg", "set", WIREGUARDS[family], "peer", key, *pairs)


def forget(node: Node, key: str) -> None:
    """Take a peer out."""
    node.run("wg", "set", WIREGUARDS[4], "peer", key, "remove")


# ---- the vxlan backend, for both families -------------------------------------------------------


def vxlan(node: Node) -> None:
    """Make flannel.1 and flannel-v6.1; both are asked for 50 less than the underlay has."""
    mtu = UNDERLAY_MTU - 50
    for family, link in VXLANS.items():
        node.macs[link] = f"{'2e' if family == 4 else '6e'}:00:00:00:00:{node.number:02x}"
        node.ip(
            f"link add {link} address {node.macs[link]} mtu {mtu} txqueuelen 0 type vxlan id 1 "
            f"dev eth0 local {node.outer[family]} dstport 8472 nolearning"
        )
        node.sysctl(f"ipv6/conf/{link}/accept_ra", 0)
        node.ip(
            f"addr add {node.inner[family]}/{32 if family == 4 else 128} dev {link}",
            f"link set {link} up",
        )
    lease(node, {"Type": "vxlan"}, mtu)


def program(node: Node, others: t.Iterable[Node], families: t.Iterable[int] = (4, 6)) -> None:
    """Write the three entries of each peer, by family."""
    pairs = [(other, one) for other in others for one in families]
    node.ip(*(neighbour(other, one, other.macs[VXLANS[one]]) for other, one in pairs))
    lines = [f"fdb replace {entry(other, one)}" for other, one in pairs]
    node.run("bridge", "-batch", "-", text="\n".join(lines) + "\n")
    node.ip(*(f"route replace {route(other, one)}" for other, one in pairs))


def neighbour(other: Node, family: int, mac: str) -> str:
    """Return the words that write which MAC the peer's overlay has."""
    there = f"{other.inner[family]} lladdr {mac} dev {VXLANS[family]}"
    return f"neigh replace {there} nud permanent"


def entry(other: Node, family: int) -> str:
    """Return the words of the peer's forwarding entry."""
    link = VXLANS[family]
    return f"{other.macs[link]} dev {link} dst {other.outer[family]} self permanent"


def route(other: Node, family: int) -> str:
    """Return the words of the route to the peer's pods."""
    gateway = f"via {other.inner[family]} dev {VXLANS[family]}"
    return f"{other.subnets[family]} {gateway} onlink"
