"""Other CNIs, and networks that are unusual but right."""

from __future__ import annotations

import typing as t

from acts import ports, route
from calico import calico
from quiet.table import LOCAL, add_link, quiet

if t.TYPE_CHECKING:
    from incidents.table import Nodes


@quiet("overlay over an overlay", underlay=1410, given=calico)
def odd_but_right(nodes: Nodes) -> None:
    """The underlay is itself a tunnel (1410), and all is derived from it; pods churn (I-16b)."""
    node = nodes["node1"]
    name = next(name for name in node["links"] if name.startswith("cali"))
    node["links"]["cali0ffffffffff"] = node["links"].pop(name)
    for row in node["routes"].values():
        if row.get("dev") == name:
            row["dev"] = "cali0ffffffffff"


def _cilium(nodes: Nodes) -> None:
    for number, node in enumerate(nodes.values(), start=1):
        pods = ports(node)
        for gone in ("flannel.1", "cni0", *pods):
            del node["links"][gone]
        del node["routes"][f"main 10.244.{number}.0/24 dev cni0"]
        node.update(peers={}, cni={}, ipam={})
        node["cni_config"] = {
            "05-cilium.conflist": {
                "order": 0,
                "name": "cilium",
                "cniVersion": "0.3.1",
                "plugins": [{"type": "cilium-cni"}],
            }
        }
        vxlan = {"external": True, "port": 8472, "learning": False, "ttl": 0}
        add_link(node, "cilium_vxlan", "vxlan", operstate="UNKNOWN", vxlan=vxlan)
        add_link(node, "cilium_net", "veth", peer="cilium_host")
        add_link(node, "cilium_host", "veth", peer="cilium_net")
        node["links"]["cilium_host"]["addresses"] = {f"10.244.{number}.7/32": dict(LOCAL)}
        add_link(node, "lxc_health", "veth")
        add_link(node, "lxc0a1b2c3d4e5f", "veth")
        node["routes"]["main 10.244.0.0/16 dev cilium_host"] = route(
            "10.244.0.0/16", "cilium_host", metrics=[{"mtu": 1450}]
        )


@quiet("Cilium", given=_cilium)
def ciliums_pods(nodes: Nodes) -> None:
    """Cilium's pods have the underlay's MTU, for their routes have less; a pod is new (I-42)."""
    links = nodes["node1"]["links"]
    links["lxc0fffffffffff"] = links.pop("lxc0a1b2c3d4e5f")


@quiet("Calico", given=calico)
def calicos_pods(nodes: Nodes) -> None:
    """A pod of Calico goes, and its route with it."""
    node = nodes["node2"]
    name = next(name for name in node["links"] if name.startswith("cali"))
    del node["links"][name]
    node["routes"] = {key: row for key, row in node["routes"].items() if row.get("dev") != name}
