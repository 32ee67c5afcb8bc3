"""Clusters before and after the changes that the shipped plans are about, each gone well."""

from __future__ import annotations

import copy
import json
import typing as t

import kinds
from clusters import Facts, cluster

Nodes = dict[str, Facts]


def numbered(nodes: Nodes) -> t.Iterator[tuple[int, Facts]]:
    yield from enumerate(nodes.values(), 1)


def mtus(facts: Facts, pod: int, **links: int) -> None:
    """Set the MTU of pods, their bridge and the lease, and of links by name with _ for . and -."""
    for name, row in facts["links"].items():
        if name.startswith("veth") or name == "cni0":
            row["mtu"] = pod
        row["mtu"] = links.get(name.replace(".", "_").replace("-", "_"), row["mtu"])
    facts["cni"]["subnet_env"]["FLANNEL_MTU"] = pod


def flannel_version(nodes: Nodes) -> Nodes:
    for _number, facts in numbered(nodes):
        facts["cni"]["net_conf"]["EnableNFTables"] = False
        facts["cni_config"]["10-flannel.conflist"]["cniVersion"] = "1.0.0"
    return nodes


def port_change(nodes: Nodes) -> Nodes:
    for _number, facts in numbered(nodes):
        facts["links"]["flannel.1"]["vxlan"]["port"] = 4789
        facts["links"]["flannel.1"]["ifindex"] = 33
        facts["cni"]["net_conf"]["Backend"]["Port"] = 4789
    return nodes


def vni_change(nodes: Nodes) -> Nodes:
    for number, facts in numbered(nodes):
        link = facts["links"].pop("flannel.1")
        link.update(ifindex=33, mac=f"02:00:00:00:10:{number:02x}")
        link["vxlan"]["id"] = 4096
        facts["links"]["flannel.4096"] = link
        for address, peer in facts["peers"].items():
            peer.update(dev="flannel.4096", mac=f"02:00:00:00:10:{int(address.split('.')[2]):02x}")
        facts["cni"]["net_conf"]["Backend"]["VNI"] = 4096
    return nodes


def underlay_mtu(nodes: Nodes) -> Nodes:
    for _number, facts in numbered(nodes):
        mtus(facts, 1350, eth0=1400, flannel_1=1350)
    return nodes


def other_backend(backend: str) -> t.Callable[[Nodes], Nodes]:
    def made(nodes: Nodes) -> Nodes:
        return cluster(len(nodes), backend=backend)

    return made


def renumbered(nodes: Nodes, old: str, new: str) -> Nodes:
    """Return nodes with one network for another, wherever it is written."""
    found: Nodes = json.loads(json.dumps(nodes).replace(old, new))
    return found


def pod_cidr_change(nodes: Nodes) -> Nodes:
    return renumbered(nodes, "10.244.", "10.100.")


def flannel_to_calico(nodes: Nodes) -> Nodes:
    after = renumbered(kinds.calico(), "10.42.", "10.244.")
    for name, facts in after.items():
        old, new = nodes[name]["links"]["flannel.1"], facts["links"]["vxlan.calico"]
        new.update(mac=old["mac"], mtu=old["mtu"])
        new["vxlan"].update(id=old["vxlan"]["id"], port=old["vxlan"]["port"])
        for peer in facts["peers"].values():
            peer["mac"] = peer["mac"].replace("66:", "02:")
        facts["cni"] = copy.deepcopy(nodes[name]["cni"])
    return after


def flannel_to_cilium(_nodes: Nodes) -> Nodes:
    return kinds.cilium()


WENT_WELL: dict[str, t.Callable[[Nodes], Nodes]] = {
    "flannel-to-calico": flannel_to_calico,
    "flannel-to-cilium": flannel_to_cilium,
    "flannel-version": flannel_version,
    "pod-cidr-change": pod_cidr_change,
    "port-change": port_change,
    "underlay-mtu": underlay_mtu,
    "vni-change": vni_change,
    "vxlan-to-host-gw": other_backend("host-gw"),
    "vxlan-to-wireguard": other_backend("wireguard"),
}


def before_and_after(name: str) -> tuple[Nodes, Nodes]:
    """Return a healthy cluster, and what the change of a shipped plan makes of it."""
    before = cluster()
    return before, WENT_WELL[name](copy.deepcopy(before))
