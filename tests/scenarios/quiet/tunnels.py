"""What flannel's wireguard and offloads do by themselves, and what is odd there but right."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

from acts import reboot
from clusters import key_of
from incidents.others import offloading, with_calicos_word
from incidents.tunnels import NEW, keys, tell_key
from quiet.table import quiet

if TYPE_CHECKING:
    from incidents.table import Nodes

OTHERS = ("node1", "node3", "node4", "node5")


@quiet("wg handshakes", backend="wireguard")
def handshakes(nodes: Nodes) -> None:
    """Peers shake hands every two minutes."""
    for number, node in enumerate(nodes.values(), 1):
        node["timers"]["flannel-wg"] = {"latest_handshakes": {key_of(9): 1795300000 + number}}


@quiet("wg reboot", backend="wireguard")
def new_key_after_a_boot(nodes: Nodes) -> None:
    """A node starts anew; its key was under /run, so it has another, and all peers heard of it."""
    reboot(nodes["node2"])
    keys(nodes, "node2")["public_key"] = NEW
    tell_key(nodes, NEW, *OTHERS)


@quiet("wg flanneld restart", backend="wireguard")
def made_anew_with_the_same_key(nodes: Nodes) -> None:
    """flanneld restarts: it makes its link anew each time, and the key file is still there."""
    nodes["node2"]["links"]["flannel-wg"]["ifindex"] = 44


@quiet("wg node added", backend="wireguard")
def node_added(nodes: Nodes) -> None:
    """A node joins, and all others have it as a peer."""
    from clusters import cluster

    nodes.clear()
    nodes.update(copy.deepcopy(cluster(6, backend="wireguard")))


@quiet("wg node removed", backend="wireguard")
def node_removed(nodes: Nodes) -> None:
    """A node leaves, and all others forget it."""
    del nodes["node5"]
    for node in nodes.values():
        del node["links"]["flannel-wg"]["wireguard"]["peers"]["10.244.5.0"]


def _pools(nodes: Nodes) -> None:
    offloading(nodes)
    for name in ("node4", "node5"):
        nodes[name]["host"]["kernel"] = "5.15.0-100-generic"
        nodes[name]["links"]["flannel.1"]["offloads"]["tx-checksum-ip-generic"] = False


@quiet("offloads of pools", given=_pools)
def pools_with_offloads_of_their_own(nodes: Nodes) -> None:
    """Two nodes of an older kernel have checksum offload off, as their image sets it."""
    nodes["node1"]["links"]["flannel.1"]["offloads"]["generic-receive-offload"] = True


def _migrated(nodes: Nodes) -> None:
    with_calicos_word(nodes)
    for node in nodes.values():
        number = node["host"]["hostname"].removeprefix("node")
        node["links"]["vxlan.calico"]["mac"] = f"02:00:00:00:00:0{number}"
        for peer in node["peers"].values():
            peer["mac"] = f"02:00:00:00:00:0{peer['subnet'].split('.')[2]}"


@quiet("Calico after flannel", given=_migrated)
def macs_that_calico_took_over(nodes: Nodes) -> None:
    """After a migration the node objects have flannel's MACs, which Calico then uses."""
    nodes["node1"]["provenance"]["uptime"] = 90000.0
