"""Program ``flannel.1`` and its peers with ``ip``, as flanneld does by netlink."""

from __future__ import annotations

import json
import typing as t

from .files import write_lease
from .namespaces import enter
from .run import LabError, bridge, ip, ip_json, links, run

if t.TYPE_CHECKING:
    from .state import Lab, Node

OVERHEAD = 50  # outer IPv4 20, UDP 8, VXLAN 8, inner Ethernet 14


def start_flanneld(lab: Lab, node: Node) -> None:
    """Do what flanneld does at start: take over or make the VTEP, write the lease, tell the peers.

    An existing VTEP is kept when VNI, port, local address and underlay agree. Its MTU and MAC are
    not compared, so after a change of the underlay's MTU the lease and the link disagree.
    """
    there = links(node.netns)
    mtu = there["eth0"]["mtu"] - OVERHEAD
    kept = there.get(node.overlay)
    if kept and kept["linkinfo"]["info_data"]["port"] != node.port:
        ip(node.netns, f"link del {node.overlay}")
        kept = None
    if kept is None:
        _create(node, mtu)
        published = node.vtep_mac
    else:
        published = kept["address"]
    _own_address(node, kept["addr_info"] if kept else [])
    write_lease(lab, node, mtu)
    if published != node.vtep_mac:
        # The peers learn the MAC it has now. As with flannel, the old one stays in their FDB.
        node.vtep_mac = published
        for peer in lab.peers(node):
            program(peer, [node])
    program(node, lab.peers(node))


def _create(node: Node, mtu: int) -> None:
    """Make the VTEP with the MAC kept for it, as flannel restores it from the annotation."""
    # A txqueuelen of 0 is what flanneld's netlink library asks for; ip would leave it at 1000.
    ip(
        node.netns,
        f"link add {node.overlay} address {node.vtep_mac} mtu {mtu} txqueuelen 0"
        f" type vxlan id {node.vni} dev eth0 local {node.address} dstport {node.port} nolearning",
    )
    # With slashes, as the link's name has a dot.
    run([*enter(node, "net"), "sysctl", "-q", "-w", f"net/ipv6/conf/{node.overlay}/accept_ra=0"])
    ip(node.netns, f"link set {node.overlay} up")


def _own_address(node: Node, there: list[dict[str, t.Any]]) -> None:
    """Leave the VTEP with its own /32 and no other IPv4 address: a former lease's goes."""
    old = [one["local"] for one in there if one["family"] == "inet"]
    # The new one first: with the last address of a link its routes and neighbours would go.
    ip(
        node.netns,
        *(
            []
            if node.network_address in old
            else [f"addr add {node.network_address}/32 dev {node.overlay}"]
        ),
        *(f"addr del {one}/32 dev {node.overlay}" for one in old if one != node.network_address),
    )


def neighbour(node: Node, peer: Node) -> str:
    """Return the words of the node's neighbour entry for *peer*."""
    return f"{peer.network_address} lladdr {peer.vtep_mac} dev {node.overlay}"


def fdb(node: Node, peer: Node) -> str:
    """Return the words of the node's FDB entry for *peer*."""
    return f"{peer.vtep_mac} dev {node.overlay} dst {peer.address} self"


def route(node: Node, peer: Node) -> str:
    """Return the words of the node's route to *peer*."""
    return f"{peer.subnet} via {peer.network_address} dev {node.overlay} onlink"


def program(node: Node, peers: t.Iterable[Node]) -> None:
    """Write neighbour, FDB and route for each of *peers*: the three that flannel keeps for one."""
    # The kernel refuses a route to the node's own subnet; flannel then takes the others back.
    them = [one for one in peers if one.subnet != node.subnet]
    ip(node.netns, *(f"neigh replace {neighbour(node, one)} nud permanent" for one in them))
    bridge(node.netns, *(f"fdb replace {fdb(node, one)} permanent" for one in them))
    ip(node.netns, *(f"route replace {route(node, one)}" for one in them))


def unprogram(node: Node, peer: Node) -> None:
    """Remove what the node keeps for *peer*; what an incident already took is no error."""
    for argv in (
        ["ip", "-n", node.netns, "route", "del", *route(node, peer).split()],
        ["ip", "-n", node.netns, "neigh", "del", *neighbour(node, peer).split()],
        ["bridge", "-n", node.netns, "fdb", "del", *fdb(node, peer).split()],
    ):
        try:
            run(argv)
        except LabError:
            continue


def programmed(node: Node, peers: t.Iterable[Node]) -> bool:
    """Say whether all three entries for each of *peers* are there."""
    routes = {one["dst"] for one in ip_json(node.netns, "route", "show", "dev", node.overlay)}
    neighbours = {
        (one["dst"], one.get("lladdr"))
        for one in ip_json(node.netns, "neigh", "show", "dev", node.overlay, "nud", "permanent")
    }
    entries = {
        (one["mac"], one.get("dst"))
        for one in json.loads(
            run(["bridge", "-n", node.netns, "-j", "fdb", "show", "dev", node.overlay])
        )
    }
    return all(
        one.subnet in routes
        and (one.network_address, one.vtep_mac) in neighbours
        and (one.vtep_mac, one.address) in entries
        for one in peers
    )
