"""Ports of the pod bridge, and the leases of pods."""

from __future__ import annotations

import copy

from acts import no_carrier, plug, ports
from incidents.table import Nodes, incident


@incident("I-23", ("pod-ports-leaked", "node2", "warning"), ("links/veth*", "node2"))
def ports_without_pods(nodes: Nodes) -> None:
    """Forty ports have no pod any more: their addresses are free, the links were never deleted."""
    node = nodes["node2"]
    kept = list(node["ipam"]["cbr0"]["addresses"])
    plug(node, 40)
    node["ipam"]["cbr0"]["addresses"] = kept


@incident("I-24", ("pod-port-master", "node1"), (("links/veth*/master", "links/cni0"), "node1"))
def all_ports_off_the_bridge(nodes: Nodes) -> None:
    """networkd takes the pods' ports for its own: none is on cni0, which is without carrier."""
    node = nodes["node1"]
    for name in ports(node):
        del node["links"][name]["master"], node["links"][name]["bridge_port"]
    no_carrier(node)


@incident("lab veth-detached", ("pod-port-master", "node1"), ("links/veth*/master", "node1"))
def one_port_off_the_bridge(nodes: Nodes) -> None:
    """The port of the oldest pod is taken off cni0."""
    link = nodes["node1"]["links"][ports(nodes["node1"])[0]]
    del link["master"], link["bridge_port"]


@incident(
    "pod port down",
    ("pod-port-down", "node1"),
    ("links/veth*/flags", "node1"),
)
def one_port_set_down(nodes: Nodes) -> None:
    """The port of the oldest pod is set down, and stays on its bridge."""
    link = nodes["node1"]["links"][ports(nodes["node1"])[0]]
    link.update(flags=["BROADCAST", "MULTICAST"], operstate="DOWN", carrier=False)
    link["bridge_port"] = {**link["bridge_port"], "state": "disabled"}


@incident(
    "pod port blocked",
    ("pod-port-blocked", "node1"),
    ("links/veth*/bridge_port/state", "node1", "error"),
)
def one_port_blocked(nodes: Nodes) -> None:
    """The port of the oldest pod stays up and on its bridge, and does not forward."""
    link = nodes["node1"]["links"][ports(nodes["node1"])[0]]
    link["bridge_port"] = {**link["bridge_port"], "state": "disabled"}


@incident(
    "pod ports without hairpin",
    ("pod-port-hairpin", "node1", "warning"),
    ("links/veth*/bridge_port/hairpin", "node1"),
)
def no_hairpin(nodes: Nodes) -> None:
    """Somebody turns hairpin mode off: no pod reaches itself through a service."""
    node = nodes["node1"]
    for name in ports(node):
        link = node["links"][name]
        link["bridge_port"] = {**link["bridge_port"], "hairpin": False}


@incident("I-25", ("ipam-leak", "node2", "warning"), ("ipam/cbr0", "node2"))
def leases_without_pods(nodes: Nodes) -> None:
    """Sixty addresses are given out, for two pods."""
    nodes["node2"]["ipam"]["cbr0"]["addresses"] = [f"10.244.2.{one}" for one in range(2, 62)]


@incident(
    "lab cni0-down",
    ("pod-bridge-down", "node1"),
    (("links/cni0/flags", "links/cni0/operstate"), "node1"),
)
def bridge_down(nodes: Nodes) -> None:
    """cni0 is set down: its connected route goes, its ports are disabled."""
    node = nodes["node1"]
    node["links"]["cni0"].update(flags=["BROADCAST", "MULTICAST"], operstate="DOWN", carrier=False)
    for name in ports(node):
        node["links"][name]["bridge_port"] = {
            **node["links"][name]["bridge_port"],
            "state": "disabled",
        }
    del node["routes"]["main 10.244.1.0/24 dev cni0"]


@incident("bridge gone", ("pod-port-master", "node1"), ("links/cni0", "node1"))
def bridge_deleted(nodes: Nodes) -> None:
    """Somebody deletes cni0 below running pods: their ports stay, on no bridge."""
    node = nodes["node1"]
    for name in ports(node):
        del node["links"][name]["master"], node["links"][name]["bridge_port"]
    del node["links"]["cni0"]
    node["routes"] = {key: row for key, row in node["routes"].items() if row.get("dev") != "cni0"}


@incident("ports on br0", ("pod-port-master", "node1"), (("links/br0", "links/veth*"), "node1"))
def ports_on_another_bridge(nodes: Nodes) -> None:
    """The pods' ports are moved to a bridge that was made for virtual machines."""
    node = nodes["node1"]
    for name in ports(node):
        node["links"][name]["master"] = "br0"
    node["links"]["br0"] = copy.deepcopy({**node["links"]["cni0"], "addresses": {}, "ifindex": 99})
    no_carrier(node)


@incident(
    "ARP off",
    ("arp-off", "node3", "error"),
    ("links/flannel.1/flags", "node3"),
)
def arp_off_on_the_overlay(nodes: Nodes) -> None:
    """Somebody sets ARP off on flannel.1: the kernel forgets what flannel wrote for its peers."""
    node = nodes["node3"]
    node["links"]["flannel.1"]["flags"] = ["BROADCAST", "MULTICAST", "NOARP", "UP"]
    for key in [key for key, row in node["neighbours"].items() if row["dev"] == "flannel.1"]:
        del node["neighbours"][key]
    for row in node["peers"].values():
        row.pop("mac", None)
        row["missing"] = ["neighbour"]


@incident(
    "network renamed",
    ("cni-config-name", "node1", "error"),
    ("cni_config/10-flannel.conflist/name", "node1"),
)
def network_renamed(nodes: Nodes) -> None:
    """The CNI file of one node calls the network otherwise, with pods that run."""
    nodes["node1"]["cni_config"]["10-flannel.conflist"]["name"] = "cbr1"
