"""Pods, nodes and flanneld come and go."""

from __future__ import annotations

import json
import typing as t

from acts import forget, plug, reboot, unplug, unplug_quietly
from clusters import node as healthy_node
from quiet.table import quiet

if t.TYPE_CHECKING:
    from incidents.table import Nodes


@quiet("nothing")
def nothing(nodes: Nodes) -> None:
    """Nothing has happened."""


@quiet("pods churn")
def pods_churn(nodes: Nodes) -> None:
    """Pods come on one node and go on another."""
    plug(nodes["node1"], 2)
    unplug(nodes["node2"], 1)


@quiet("roll-out", pods=8)
def roll_out(nodes: Nodes) -> None:
    """Every pod of the cluster is replaced."""
    for node in nodes.values():
        unplug_quietly(node)
        plug(node, 8)


@quiet("pods gone")
def pods_gone(nodes: Nodes) -> None:
    """A node is drained: cni0 is left without carrier, with the kernel's MTU of 1500."""
    unplug(nodes["node1"])


@quiet("first pod", pods=0)
def first_pod(nodes: Nodes) -> None:
    """The first pod of a node makes cni0."""
    like = healthy_node(1, 5)
    node = nodes["node1"]
    node["links"]["cni0"] = like["links"]["cni0"]
    node["routes"] = like["routes"]
    plug(node, 1)


@quiet("only pods of the host's network", pods=0)
def no_pod_ever(nodes: Nodes) -> None:
    """No node has a pod of its own network, so there is no cni0; a lease is renewed."""
    nodes["node1"]["mtimes"] = {"/run/flannel/subnet.env": 1795300000.0}


def half_a_subnet(nodes: Nodes) -> None:
    """Give a node half of a subnet, as all others know."""
    text = json.dumps(nodes).replace("10.244.4.0/24", "10.244.4.0/25")
    nodes.update(json.loads(text.replace("10.244.4.1/24", "10.244.4.1/25")))


@quiet("subnets of two sizes", given=half_a_subnet)
def subnets_of_two_sizes(nodes: Nodes) -> None:
    """A node's subnet is smaller than those of the others; pods come and go."""
    plug(nodes["node4"], 1)


@quiet("reboot")
def rebooted(nodes: Nodes) -> None:
    """A node is rebooted; its VTEP MAC is restored from the annotation."""
    reboot(nodes["node2"])


@quiet("rebooting")
def between_overlay_and_first_pod(nodes: Nodes) -> None:
    """A node was rebooted, flannel.1 is up, and no pod has started yet."""
    node = nodes["node2"]
    reboot(node)
    unplug_quietly(node)
    del node["links"]["cni0"]
    del node["routes"]["main 10.244.2.0/24 dev cni0"]
    node["provenance"]["uptime"] = 20.0


@quiet("all rebooted")
def all_rebooted(nodes: Nodes) -> None:
    """All nodes got a new kernel and were rebooted, one after the other."""
    for mark, node in enumerate(nodes.values()):
        reboot(node, mark=mark)
        node["host"]["kernel"] = "6.1.0-57-amd64"


@quiet("bridge anew")
def bridge_made_anew(nodes: Nodes) -> None:
    """After a reboot cni0 has another MAC and other link-local addresses."""
    node = nodes["node3"]
    node["links"]["cni0"]["addresses"]["fe80::811:ff:fe00:3/64"] = {
        "family": "inet6",
        "scope": "link",
    }
    reboot(node)


@quiet("flanneld restart")
def flanneld_restarted(nodes: Nodes) -> None:
    """flanneld is restarted: lease and peers are written again, the same."""
    nodes["node1"]["mtimes"] = {"/run/flannel/subnet.env": 1795300000.0}


@quiet("wireguard restart", backend="wireguard")
def wireguard_restarted(nodes: Nodes) -> None:
    """flanneld is restarted and makes flannel-wg anew, as it always does."""
    nodes["node1"]["links"]["flannel-wg"]["ifindex"] = 44
    nodes["node1"]["mtimes"] = {"/run/flannel/subnet.env": 1795300000.0}


@quiet("node added", count=4)
def node_added(nodes: Nodes) -> None:
    """A node joins, and all others learn of it."""
    nodes["node5"] = healthy_node(5, 5)
    for name in ("node1", "node2", "node3", "node4"):
        nodes[name]["peers"]["10.244.5.0"] = dict(healthy_node(1, 5)["peers"]["10.244.5.0"])


@quiet("node removed")
def node_removed(nodes: Nodes) -> None:
    """A node is removed, and all others forget it."""
    del nodes["node5"]
    forget(nodes, 5)


@quiet("node replaced")
def node_replaced(nodes: Nodes) -> None:
    """A node is replaced by another with its own address, MAC and subnet (F.7)."""
    del nodes["node5"]
    forget(nodes, 5)
    nodes["node6"] = healthy_node(6, 6)
    del nodes["node6"]["peers"]["10.244.5.0"]
    for name in ("node1", "node2", "node3", "node4"):
        nodes[name]["peers"]["10.244.6.0"] = dict(healthy_node(1, 6)["peers"]["10.244.6.0"])


@quiet("dual stack", dual=True)
def dual_stack(nodes: Nodes) -> None:
    """A node with both families is rebooted."""
    reboot(nodes["node1"])


@quiet("jumbo frames", underlay=9001)
def jumbo_frames(nodes: Nodes) -> None:
    """Pods churn where all MTUs are large."""
    plug(nodes["node1"], 3)


@quiet("pods gone and come")
def bridge_was_empty(nodes: Nodes) -> None:
    """cni0 was without ports, and has some again."""
    unplug(nodes["node1"])
    fresh = healthy_node(1, 5)
    nodes["node1"]["links"]["cni0"] = fresh["links"]["cni0"]
    nodes["node1"]["routes"] = fresh["routes"]
    plug(nodes["node1"], 2)
