"""Break a lab in the ways that clusters break: a table of incidents, each a function."""

from __future__ import annotations

import dataclasses
import typing as t

from . import cluster, files, overlay, pods, ssh
from .namespaces import enter
from .run import LabError, bridge, ip, links, run
from .state import Lab, Node, random_mac

Apply = t.Callable[[Lab, Node], None]


@dataclasses.dataclass(frozen=True)
class Incident:
    """An incident: what it does, and to which nodes when none is named.

    Those are numbers from 1; in a smaller lab it is the last node. None at all: it makes one.
    """

    name: str
    summary: str
    default: tuple[int, ...]
    apply: Apply
    peers: bool = False  # needs a second node


LAST = 1000
INCIDENTS: dict[str, Incident] = {}


def incident(name: str, *default: int, peers: bool = False) -> t.Callable[[Apply], Apply]:
    """Enter a function into the table; the first line of its docstring is the summary."""

    def enter_it(apply: Apply) -> Apply:
        summary = (apply.__doc__ or "").strip().splitlines()[0]
        INCIDENTS[name] = Incident(name, summary, default, apply, peers)
        return apply

    return enter_it


def strike(lab: Lab, name: str, wanted: t.Sequence[str]) -> list[str]:
    """Do the incident to the nodes *wanted*, or to its default ones; return their names."""
    if name not in INCIDENTS:
        raise LabError(f"no incident '{name}'. 'lab incidents' lists them.")
    chosen = INCIDENTS[name]
    here = list(lab.nodes)
    unknown = [one for one in wanted if one not in lab.nodes]
    if unknown:
        raise LabError(f"no node '{unknown[0]}' in lab '{lab.name}'. It has {', '.join(here)}.")
    if wanted and not chosen.default:
        raise LabError(f"{name} takes no node.")
    if chosen.peers and len(here) < 2:
        raise LabError(f"{name} needs a lab of two nodes or more.")
    targets = list(wanted) or [
        here[one] for one in sorted({min(one, len(here)) - 1 for one in chosen.default})
    ]
    for target in targets or here[:1]:
        chosen.apply(lab, lab.nodes[target])
    struck = targets or [one for one in lab.nodes if one not in here]
    lab.incidents.append(f"{name}: {', '.join(struck)}")
    return struck


def default_of(one: Incident) -> str:
    """Return the nodes that an incident takes by default, in words."""
    return (
        ", ".join("the last" if number == LAST else f"node{number}" for number in one.default)
        or "a new one"
    )


def raised(lab: Lab) -> int:
    """Return the underlay's MTU after an incident that raises it."""
    return 1500 if lab.mtu < 1500 else 9001


def set_underlay_mtu(lab: Lab, node: Node, mtu: int) -> None:
    """Set eth0's MTU; no overlay follows it."""
    ssh.drop_connections(lab, [node])
    ip(node.netns, f"link set eth0 mtu {mtu}")


def next_peer(lab: Lab, node: Node) -> Node:
    """Return the node after *node*, which an entry that gets lost belongs to."""
    here = list(lab.nodes.values())
    return here[(here.index(node) + 1) % len(here)]


def first_veth(node: Node) -> str:
    """Return the host end of the node's oldest pod."""
    if not node.pods:
        raise LabError(f"{node.name} has no pod. Name another node, or start the lab with pods.")
    return pods.veth(node, node.pods[0])


@incident("underlay-mtu", 2)
def underlay_mtu(lab: Lab, node: Node) -> None:
    """Raise eth0 (1410 to 1500), restart flanneld: the lease says 1450, all links stay at 1360."""
    set_underlay_mtu(lab, node, raised(lab))
    overlay.start_flanneld(lab, node)


@incident("overlay-recreated", 1, 2)
def overlay_recreated(lab: Lab, node: Node) -> None:
    """Raise eth0 (1410 to 1500), re-create flannel.1 (1360 to 1450); cni0 and veths stay at 1360.

    The VTEP has its MAC again, every peer is programmed again, FLANNEL_MTU is 1450. Nodes that are
    not named are the stragglers.
    """
    set_underlay_mtu(lab, node, raised(lab))
    ip(node.netns, f"link del {node.overlay}")
    overlay.start_flanneld(lab, node)


@incident("underlay-shrunk", 2)
def underlay_shrunk(lab: Lab, node: Node) -> None:
    """Lower eth0 by 60 under the running overlay, which keeps its MTU and no longer fits."""
    set_underlay_mtu(lab, node, links(node.netns)["eth0"]["mtu"] - 60)


@incident("new-lease", 1)
def new_lease(lab: Lab, node: Node) -> None:
    """Give flannel.1, the lease and the peers a new subnet; cni0 and its pods keep the old one."""
    for peer in lab.peers(node):
        overlay.unprogram(peer, node)
    taken = {one.subnet for one in lab.nodes.values()}
    node.subnet = next(
        one for one in map(lab.subnet, range(100 + node.index, 256)) if one not in taken
    )
    overlay.start_flanneld(lab, node)
    for peer in lab.peers(node):
        overlay.program(peer, [node])


@incident("duplicate-subnet", 3, peers=True)
def duplicate_subnet(lab: Lab, node: Node) -> None:
    """Give the node, pods and all, the subnet of the one before it: the others send only to it.

    Of each other these two keep nothing: the kernel refuses a route whose gateway is local.
    """
    here = list(lab.nodes.values())
    victim = here[here.index(node) - 1]
    count = len(node.pods)
    for peer in lab.peers(node):
        overlay.unprogram(peer, node)
    overlay.unprogram(node, victim)
    pods.unplug(node, node.pods)
    if "cni0" in links(node.netns):
        ip(node.netns, "link del cni0")
    node.subnet = victim.subnet
    overlay.start_flanneld(lab, node)
    pods.plug(lab, node, count)
    for peer in lab.peers(node):
        overlay.program(peer, [node])


@incident("fdb-lost", 1, peers=True)
def fdb_lost(lab: Lab, node: Node) -> None:
    """Lose the FDB entry of the next node."""
    bridge(node.netns, f"fdb del {overlay.fdb(node, next_peer(lab, node))}")


@incident("neigh-lost", 1, peers=True)
def neigh_lost(lab: Lab, node: Node) -> None:
    """Lose the permanent neighbour of the next node."""
    ip(node.netns, f"neigh del {overlay.neighbour(node, next_peer(lab, node))}")


@incident("route-lost", 1, peers=True)
def route_lost(lab: Lab, node: Node) -> None:
    """Lose the route to the next node."""
    ip(node.netns, f"route del {overlay.route(node, next_peer(lab, node))}")


@incident("vtep-mac", 2)
def vtep_mac(lab: Lab, node: Node) -> None:
    """Change the MAC of flannel.1: the peers keep the old one, its own neighbours are flushed."""
    ip(node.netns, f"link set {node.overlay} address {random_mac()}")


@incident("overlay-gone", 2)
def overlay_gone(lab: Lab, node: Node) -> None:
    """Delete flannel.1: routes, neighbours and FDB entries go with it, the lease stays."""
    ip(node.netns, f"link del {node.overlay}")


@incident("overlay-no-ip", 2)
def overlay_no_ip(lab: Lab, node: Node) -> None:
    """Take the address from flannel.1: routes and neighbours go with it, the FDB stays."""
    ip(node.netns, f"addr del {node.network_address}/32 dev {node.overlay}")


@incident("overlay-flapped", 2)
def overlay_flapped(lab: Lab, node: Node) -> None:
    """Set flannel.1 down and up: routes and neighbours are gone, FDB and address stay."""
    ip(node.netns, f"link set {node.overlay} down", f"link set {node.overlay} up")


@incident("other-vni", 3)
def other_vni(lab: Lab, node: Node) -> None:
    """Start flanneld with VNI 2 on the node: flannel.2 instead of flannel.1, the rest the same."""
    ip(node.netns, f"link del {node.overlay}")
    node.vni = 2
    files.write_net_conf(lab, node)
    overlay.start_flanneld(lab, node)


@incident("other-port", 3)
def other_port(lab: Lab, node: Node) -> None:
    """Start flanneld with port 4789: flannel.1 is re-created; the others stay at 8472."""
    node.port = 4789
    files.write_net_conf(lab, node)
    overlay.start_flanneld(lab, node)


@incident("cni0-two-addresses", 1)
def cni0_two_addresses(lab: Lab, node: Node) -> None:
    """Add a second IPv4 address to cni0, out of a subnet that no node has."""
    second = lab.subnet(200).replace(".0/", ".1/")
    ip(node.netns, f"addr add {second} brd + dev cni0")


@incident("cni0-down", 1)
def cni0_down(lab: Lab, node: Node) -> None:
    """Set cni0 down: its connected route goes, its ports are disabled."""
    ip(node.netns, "link set cni0 down")


@incident("veth-detached", 1)
def veth_detached(lab: Lab, node: Node) -> None:
    """Take the veth of the node's oldest pod off cni0."""
    ip(node.netns, f"link set {first_veth(node)} nomaster")


@incident("veth-mtu", 1)
def veth_mtu(lab: Lab, node: Node) -> None:
    """Raise the veth of the oldest pod 90 over the overlay; cni0 keeps its ports' lowest MTU."""
    mtu = links(node.netns)[node.overlay]["mtu"] + 90
    ip(node.netns, f"link set {first_veth(node)} mtu {mtu}")


@incident("ip-forward-off", 1)
def ip_forward_off(lab: Lab, node: Node) -> None:
    """Set net.ipv4.ip_forward to 0."""
    run([*enter(node, "net"), "sysctl", "-q", "-w", "net.ipv4.ip_forward=0"])


@incident("node-unreachable", 3)
def node_unreachable(lab: Lab, node: Node) -> None:
    """Stop the node's sshd: connections are refused, the network of the node is as it was."""
    ssh.stop(lab, node)


@incident("pods-churn", 1, 2)
def pods_churn(lab: Lab, node: Node) -> None:
    """Add two pods on the first of the nodes, remove the oldest on every other: no drift."""
    if node is next(iter(lab.nodes.values())):
        pods.plug(lab, node, 2)
    else:
        pods.unplug(node, node.pods[:1])


@incident("pods-gone", 1)
def pods_gone(lab: Lab, node: Node) -> None:
    """Remove every pod of the node: cni0 is left without carrier, with the kernel's MTU of 1500."""
    pods.unplug(node, node.pods)


@incident("flanneld-restart", 1)
def flanneld_restart(lab: Lab, node: Node) -> None:
    """Restart flanneld: the lease and every peer are written again, the same: no drift."""
    overlay.start_flanneld(lab, node)


@incident("reboot", 2)
def reboot(lab: Lab, node: Node) -> None:
    """Reboot: other boot id, ifindexes, cni0 MAC, veths; same subnet and other MACs: no drift."""
    cluster.reboot(lab, node, len(node.pods), links(node.netns)["eth0"]["mtu"])


@incident("node-added")
def node_added(lab: Lab, node: Node) -> None:
    """Add a node after the last one, known to all others."""
    cluster.add_node(lab, max(one.index for one in lab.nodes.values()) + 1)


@incident("node-removed", LAST, peers=True)
def node_removed(lab: Lab, node: Node) -> None:
    """Remove the last node: the others forget it, and the inventory too."""
    cluster.remove_node(lab, node)
