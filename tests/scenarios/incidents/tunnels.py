"""flannel's wireguard: keys, ports and peers, of which the kernel says nothing by itself."""

from __future__ import annotations

import copy

from acts import reboot
from clusters import key_of
from incidents.table import Nodes, incident

LINK = "links/flannel-wg/wireguard"
PEERS = f"{LINK}/peers"
NEW = key_of(77)


def keys(nodes: Nodes, name: str) -> dict:
    """Return what is set on a node's wireguard link."""
    return nodes[name]["links"]["flannel-wg"]["wireguard"]


def tell_key(nodes: Nodes, key: str, *names: str) -> None:
    """Have nodes hold another key of node2."""
    for name in names:
        keys(nodes, name)["peers"]["10.244.2.0"]["public_key"] = key


@incident(
    "wg key not published",
    ("wireguard-peers-stale", "node2"),
    (f"{LINK}/public_key", "node2"),
    at=f"{PEERS}/10.244.2.0/public_key",
    backend="wireguard",
)
def new_key_that_nobody_hears_of(nodes: Nodes) -> None:
    """The key file of a node is gone, flannel makes another key, and cannot publish it."""
    keys(nodes, "node2")["public_key"] = NEW


@incident(
    "wg key not heard of",
    ("wireguard-peers-stale", ("node4", "node5")),
    None,
    at=f"{PEERS}/10.244.2.0/public_key",
    backend="wireguard",
)
def new_key_after_a_boot_that_two_miss(nodes: Nodes) -> None:
    """A node starts anew with another key, and two of its four peers do not hear of it."""
    reboot(nodes["node2"])
    keys(nodes, "node2")["public_key"] = NEW
    tell_key(nodes, NEW, "node1", "node3")


@incident(
    "wg made anew",
    ("wireguard-peers-missing", "node2"),
    (f"{PEERS}/*", "node2"),
    at=PEERS,
    backend="wireguard",
)
def made_anew_without_peers(nodes: Nodes) -> None:
    """Somebody deletes flannel-wg and makes it by hand: the key is there, no peer is."""
    nodes["node2"]["links"]["flannel-wg"]["ifindex"] = 31
    keys(nodes, "node2")["peers"] = {}


@incident(
    "wg peer lost",
    ("wireguard-peers-missing", "node1"),
    (f"{PEERS}/10.244.4.0", "node1"),
    backend="wireguard",
)
def one_peer_lost(nodes: Nodes) -> None:
    """A node lacks one of its peers."""
    del keys(nodes, "node1")["peers"]["10.244.4.0"]


@incident(
    "wg port",
    ("wireguard-port-alike", "node2"),
    (f"{LINK}/listen_port", "node2"),
    at=f"{LINK}/listen_port",
    backend="wireguard",
)
def another_port_on_one_node(nodes: Nodes) -> None:
    """One node was given another ListenPort, to which it also sends."""
    keys(nodes, "node2")["listen_port"] = 51999


@incident(
    "wg key twice",
    ("wireguard-key-unique", ("node2", "node3")),
    (f"{LINK}/public_key", "node3"),
    backend="wireguard",
)
def machine_cloned_with_its_key(nodes: Nodes) -> None:
    """A key file came with a copied disk; peers hold the node that they heard of last."""
    keys(nodes, "node3")["public_key"] = key_of(2)
    del keys(nodes, "node2")["peers"]["10.244.3.0"]  # nobody is a peer of itself
    del keys(nodes, "node3")["peers"]["10.244.2.0"]
    for name in ("node1", "node4", "node5"):
        peers = keys(nodes, name)["peers"]
        peers["10.244.3.0"]["public_key"] = key_of(2)
        del peers["10.244.2.0"]


@incident(
    "wg address moved",
    ("wireguard-peers-stale", "node5"),
    (f"{PEERS}/10.244.2.0/endpoint", "node5"),
    backend="wireguard",
)
def sent_to_another_node(nodes: Nodes) -> None:
    """Addresses of two nodes were swapped by DHCP and back; one peer still sends to the other."""
    keys(nodes, "node5")["peers"]["10.244.2.0"]["endpoint"] = "192.0.2.3:51820"


@incident(
    "wg allowed",
    ("wireguard-peers-stale", "node1"),
    (f"{PEERS}/10.244.2.0/allowed_ips", "node1"),
    backend="wireguard",
)
def not_allowed_what_it_has(nodes: Nodes) -> None:
    """Somebody gives a peer another network by hand: its pods' packets are dropped here."""
    keys(nodes, "node1")["peers"]["10.244.2.0"]["allowed_ips"] = ["10.244.2.0/25"]


@incident(
    "wg left behind",
    ("wireguard-peers-extra", "node4", "warning"),
    (f"{PEERS}/10.244.77.0", "node4"),
    backend="wireguard",
)
def peer_of_a_node_that_is_gone(nodes: Nodes) -> None:
    """A node still lets in one that was taken out of the cluster."""
    peers = keys(nodes, "node4")["peers"]
    peers["10.244.77.0"] = copy.deepcopy(peers["10.244.2.0"])
    peers["10.244.77.0"].update(
        public_key=NEW, endpoint="192.0.2.77:51820", allowed_ips=["10.244.77.0/24"]
    )
