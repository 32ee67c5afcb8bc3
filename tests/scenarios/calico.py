"""The same cluster with Calico's vxlan in place of flannel."""

from __future__ import annotations

import copy
import typing as t

from acts import Nodes, delete_link, number_of, ports, route

LOCAL = {"family": "inet", "scope": "global"}


def calico(nodes: Nodes) -> None:
    """Turn a healthy flannel cluster into a healthy one of Calico."""
    for name, node in nodes.items():
        number = number_of(name)
        link = copy.deepcopy(node["links"]["flannel.1"])
        peers = [int(address.split(".")[2]) for address in node["peers"]]
        pods = len(ports(node))
        for gone in ("flannel.1", "cni0", *ports(node)):
            delete_link(node, gone)
        link["mac"] = f"66:00:00:00:00:{number:02x}"
        link["addresses"] = {f"10.244.{number}.0/32": {**LOCAL, "label": "vxlan.calico"}}
        link["vxlan"].update(id=4096, port=4789)
        node["links"]["vxlan.calico"] = link
        for peer in peers:
            _program(node, peer)
        for pod in range(pods):
            _plug(node, number, pod, link["mtu"])
        node["routes"][f"main blackhole 10.244.{number}.0/24"] = {
            **route(f"10.244.{number}.0/24", "", type="blackhole", protocol="bird"),
        }
        del node["routes"][f"main blackhole 10.244.{number}.0/24"]["dev"]
        node["cni"] = {}
        node["ipam"] = {}
        node["cni_config"] = {
            "10-calico.conflist": {
                "order": 0,
                "name": "k8s-pod-network",
                "cniVersion": "0.3.1",
                "plugins": [{"type": "calico"}, {"type": "portmap"}],
            }
        }


def _program(node: dict[str, t.Any], peer: int) -> None:
    node["peers"][f"10.244.{peer}.0"] = {
        "dev": "vxlan.calico",
        "mac": f"66:00:00:00:00:{peer:02x}",
        "subnet": f"10.244.{peer}.0/24",
        "underlay": f"192.0.2.{peer}",
    }
    node["routes"][f"main 10.244.{peer}.0/24 dev vxlan.calico"] = route(
        f"10.244.{peer}.0/24",
        "vxlan.calico",
        gateway=f"10.244.{peer}.0",
        protocol="80",
        flags=["onlink"],
    )


def _plug(node: dict[str, t.Any], number: int, pod: int, mtu: int) -> None:
    name = f"cali{number:05x}{pod:06x}"
    node["links"][name] = {
        **node["links"]["eth0"],
        "kind": "veth",
        "ifindex": 50 + pod,
        "mac": "ee:ee:ee:ee:ee:ee",
        "mtu": mtu,
        "addresses": {},
        "sysctls": {**node["links"]["eth0"]["sysctls"], "proxy_arp": 1},
        "peer_ifindex": 3,
        "peer_netnsid": pod,
    }
    address = f"10.244.{number}.{2 + pod}"
    node["routes"][f"main {address} dev {name}"] = route(address, name, scope="link")
