"""Links that an earlier backend or VNI left, and routes that lead behind the wrong node."""

from __future__ import annotations

import copy

from acts import lose, others, route
from clusters import cluster
from incidents.table import ALL, Nodes, incident

NEW_MAC = "02:cc:00:00:00:02"


def _without_net_conf(nodes: Nodes) -> None:
    """As with kubeadm, where net-conf is only in flannel's pod."""
    for node in nodes.values():
        del node["cni"]["net_conf"]


@incident(
    "new VNI, one node restarted",
    ("same-vni", "node2"),
    ("links/flannel.2", "node2"),
    given=_without_net_conf,
    at="links/flannel.2/",
)
def another_vni_on_one_node(nodes: Nodes) -> None:
    """The VNI is changed and one node restarted: flannel.2 takes all over, flannel.1 stays."""
    node = nodes["node2"]
    new = copy.deepcopy(node["links"]["flannel.1"])
    new.update(mac=NEW_MAC, ifindex=60)
    new["vxlan"]["id"] = 2
    node["links"]["flannel.2"] = new
    for address, row in node["peers"].items():
        row["dev"] = "flannel.2"
        node["neighbours"][f"flannel.1 {address}"] = {
            "dst": address,
            "dev": "flannel.1",
            "lladdr": row["mac"],
            "state": ["PERMANENT"],
        }
        node["fdb"][f"flannel.1 {row['mac']} {row['underlay']}"] = {
            "dev": "flannel.1",
            "mac": row["mac"],
            "dst": row["underlay"],
            "flags": ["self"],
            "state": "permanent",
        }
    for facts in others(nodes, "node2"):
        facts["peers"]["10.244.2.0"]["mac"] = NEW_MAC


@incident(
    "vxlan left by host-gw",
    ("overlay-idle", ALL, "warning"),
    ("links/flannel.1", ALL),
    given=_without_net_conf,
    backend="host-gw",
)
def vxlan_beside_host_gw(nodes: Nodes) -> None:
    """flannel.1 is on all nodes, with the entries of all peers but their routes, for host-gw."""
    for name, old in cluster(5).items():
        node = nodes[name]
        node["links"]["flannel.1"] = old["links"]["flannel.1"]
        node["peers"] = old["peers"]
        for address in list(node["peers"]):
            lose(node, address, "route")


@incident(
    "gateways rotated",
    ("overlay-route-shape", "node1"),
    ("routes/*/gateway", "node1"),
)
def every_route_via_the_next_node(nodes: Nodes) -> None:
    """A script writes a node's routes anew, each via the VTEP of the next node."""
    node = nodes["node1"]
    hops = list(node["peers"])
    for address, hop in zip(hops, hops[1:] + hops[:1], strict=True):
        subnet = node["peers"][address]["subnet"]
        lose(node, address, "route")
        node["routes"][f"main {subnet} dev flannel.1"] = route(
            subnet, "flannel.1", gateway=hop, flags=["onlink"]
        )
