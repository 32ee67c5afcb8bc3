"""The overlay link, what it is made of, and the tables that flannel keeps on it."""

from __future__ import annotations

import copy

from acts import delete_link, forget, lose, lose_all, new_bridge, new_lease, reboot, route
from clusters import cluster
from incidents.addresses import LEASE
from incidents.table import ALL, Nodes, incident

LOST = ("overlay-entries-lost", "peer-entries-missing")
NEW_MAC = "02:bb:00:00:00:02"


@incident("I-02", ("overlay-missing", "node2"), ("links/flannel.1", "node2"))
def lower_device_made_anew(nodes: Nodes) -> None:
    """The link below is made anew: the kernel takes flannel.1 with it, and all that led over it."""
    nodes["node2"]["links"]["eth0"]["ifindex"] = 31
    delete_link(nodes["node2"], "flannel.1")


@incident("lab overlay-gone", ("overlay-missing", "node2"), ("links/flannel.1", "node2"))
def overlay_deleted(nodes: Nodes) -> None:
    """flannel.1 is deleted; the lease stays."""
    delete_link(nodes["node2"], "flannel.1")


@incident("I-02 watcher", (LOST, "node2"), ("peers/*", "node2"))
def overlay_made_anew_and_empty(nodes: Nodes) -> None:
    """The watcher of flannel v0.27.4 makes flannel.1 anew and replays no peer."""
    nodes["node2"]["links"]["flannel.1"]["ifindex"] = 31
    nodes["node2"]["peers"] = {}


@incident("I-03 vxlan", (LOST, "node2"), ("peers/*", "node2"))
def overlay_flapped(nodes: Nodes) -> None:
    """The network is restarted, flannel.1 goes down and up: routes and neighbours are gone."""
    lose_all(nodes["node2"], "route", "neighbour")


incident("lab overlay-flapped", (LOST, "node2"), ("peers/*", "node2"))(overlay_flapped)


@incident(
    "I-03 host-gw", ("peer-entries-missing", "node2"), ("routes/", "node2"), backend="host-gw"
)
def direct_routes_lost(nodes: Nodes) -> None:
    """The underlay goes down and up: the routes via other nodes are gone, DHCP restores its own."""
    routes = nodes["node2"]["routes"]
    for key in [key for key, row in routes.items() if row["dst"].startswith("10.244.")]:
        if routes[key]["dev"] == "eth0":
            del routes[key]


@incident("I-05", ("peer-entries-stale", "node2"), ("links/flannel.1/mac", "node2"))
def udev_rewrites_the_mac(nodes: Nodes) -> None:
    """udev gives flannel.1 another MAC right after flanneld read it: no peer knows the new one."""
    nodes["node2"]["links"]["flannel.1"]["mac"] = NEW_MAC


@incident("I-04b", ("peer-entries-stale", "node2"), ("links/flannel.1/mac", "node2"))
def mac_changed_while_up(nodes: Nodes) -> None:
    """NetworkManager changes the MAC of flannel.1: its own neighbours are flushed as well."""
    nodes["node2"]["links"]["flannel.1"]["mac"] = NEW_MAC
    lose_all(nodes["node2"], "neighbour")


incident("lab vtep-mac", ("peer-entries-stale", "node2"), ("links/flannel.1/mac", "node2"))(
    mac_changed_while_up
)


@incident("I-06", ("peer-entries-stale", ("node4", "node5")), ("links/flannel.1/mac", "node2"))
def peers_keep_an_old_mac(nodes: Nodes) -> None:
    """A node starts with a new VTEP MAC, and two of its four peers do not hear of it."""
    reboot(nodes["node2"])
    nodes["node2"]["links"]["flannel.1"]["mac"] = NEW_MAC
    for name in ("node1", "node3"):
        nodes[name]["peers"]["10.244.2.0"]["mac"] = NEW_MAC


@incident("I-31", ("peer-entries-stale", "node2"), ("links/flannel-v6.1/mac", "node2"), dual=True)
def only_ipv6_is_stale(nodes: Nodes) -> None:
    """After a reboot the IPv6 VTEP has a new MAC, which no peer programs; IPv4 is as it was."""
    reboot(nodes["node2"])
    nodes["node2"]["links"]["flannel-v6.1"]["mac"] = "06:bb:00:00:00:02"


@incident(
    "I-48",
    ("peer-entries-missing", "node1"),
    ("peers/10.244.4.0/missing", "node1"),
    effects=("peer-entries-missing",),  # the other pair
    also=(("peers/10.244.5.0/missing", "node2"),),
)
def pairs_without_forwarding_entry(nodes: Nodes) -> None:
    """Two pairs of many lack a forwarding entry, while both sides reach third nodes."""
    lose(nodes["node1"], "10.244.4.0", "fdb")
    lose(nodes["node2"], "10.244.5.0", "fdb")


@incident("lab fdb-lost", ("peer-entries-missing", "node1"), ("peers/10.244.2.0/missing", "node1"))
def fdb_lost(nodes: Nodes) -> None:
    """A node loses its forwarding entry for another."""
    lose(nodes["node1"], "10.244.2.0", "fdb")


@incident(
    "lab neigh-lost", ("peer-entries-missing", "node1"), ("peers/10.244.2.0/missing", "node1")
)
def neighbour_lost(nodes: Nodes) -> None:
    """A node loses its permanent neighbour for another."""
    lose(nodes["node1"], "10.244.2.0", "neighbour")


@incident(
    "lab route-lost", ("peer-entries-missing", "node1"), ("peers/10.244.2.0/missing", "node1")
)
def route_lost(nodes: Nodes) -> None:
    """A node loses its route to another."""
    lose(nodes["node1"], "10.244.2.0", "route")


@incident(
    "I-08 node gone",
    ("peer-entries-extra", ("node1", "node3"), "warning"),
    ("nodes/node6", "node6"),
    count=6,
)
def removed_node_not_forgotten(nodes: Nodes) -> None:
    """A node is removed while flanneld is down on two others, which keep their entries for it."""
    del nodes["node6"]
    forget(nodes, 6, but=("node1", "node3"))


@incident(
    "I-08 old CIDR",
    (("foreign-pod-routes", "peer-entries-extra"), "node2", "warning"),
    (("peers/10.200.3.0", "routes/"), "node2"),
    effects=("peer-entries-extra",),
)
def routes_of_an_old_network(nodes: Nodes) -> None:
    """After a change of the network of pods a node still has a route into the old one."""
    nodes["node2"]["peers"]["10.200.3.0"] = {
        "dev": "flannel.1",
        "mac": "02:00:00:00:00:33",
        "subnet": "10.200.3.0/24",
        "underlay": "192.0.2.3",
    }


def _blackhole(subnet: str) -> dict[str, object]:
    row = route(subnet, "lo", type="blackhole")
    del row["dev"]
    return row


def _with_blackhole(nodes: Nodes) -> None:
    for number, node in enumerate(nodes.values(), start=1):
        key = f"10.244.{number}.0/24"
        node["routes"][f"main blackhole {key}"] = _blackhole(key)


@incident(
    "I-29",
    ("blackhole-subnet", "node1", "warning"),
    (LEASE, "node1"),
    given=_with_blackhole,
)
def blackhole_of_an_old_lease(nodes: Nodes) -> None:
    """A node has a new subnet, pods and all, and the blackhole route of the old one stays."""
    new_lease(nodes, "node1", 101)
    new_bridge(nodes["node1"], 1, "10.244.101")
    nodes["node1"]["ipam"]["cbr0"]["addresses"] = ["10.244.101.2", "10.244.101.3"]
    nodes["node1"]["routes"]["main blackhole 10.244.101.0/24"] = _blackhole("10.244.101.0/24")


def _to_wireguard(nodes: Nodes) -> None:
    old = copy.deepcopy(nodes)
    for name, node in cluster(5, backend="wireguard").items():
        node["links"]["flannel.1"] = old[name]["links"]["flannel.1"]
        node["peers"] = old[name]["peers"]
        nodes[name] = node


@incident(
    "I-10",
    (("routes-overlap", "overlay-idle"), ALL),
    (("links/flannel-wg", "cni/net_conf"), ALL),
)
def old_overlay_left_everywhere(nodes: Nodes) -> None:
    """All nodes go from vxlan to wireguard, and nobody deletes flannel.1: its routes still win."""
    _to_wireguard(nodes)


@incident(
    "I-10 one node",
    (("routes-overlap", "overlay-idle"), "node2"),
    (("links/flannel.1", "peers/", "routes/"), "node2"),
    backend="wireguard",
)
def old_overlay_left_on_a_node(nodes: Nodes) -> None:
    """Only one node still has flannel.1 beside flannel-wg, with routes that win."""
    old = cluster(5)["node2"]
    nodes["node2"]["links"]["flannel.1"] = old["links"]["flannel.1"]
    nodes["node2"]["peers"] = old["peers"]


@incident(
    "I-11",
    ("same-backend", "node3"),
    (("links/flannel.1", "cni/net_conf"), "node3"),
)
def another_backend_on_a_node(nodes: Nodes) -> None:
    """One node runs host-gw: it and the others ignore each other."""
    node = cluster(5, backend="host-gw")["node3"]
    for key in [key for key, row in node["routes"].items() if row.get("gateway")]:
        if node["routes"][key]["dst"].startswith("10.244."):
            del node["routes"][key]
    nodes["node3"] = node
    forget(nodes, 3)


@incident(
    "I-22",
    ("vxlan-port-conflict", "node2"),
    ("links/cilium_vxlan", "node2"),
)
def second_vxlan_on_the_port(nodes: Nodes) -> None:
    """cilium_vxlan cannot come up, for flannel.1 has the port."""
    links = nodes["node2"]["links"]
    links["cilium_vxlan"] = {
        **links["flannel.1"],
        "ifindex": 40,
        "mac": "7e:00:00:00:00:01",
        "mtu": 1500,
        "flags": ["BROADCAST", "MULTICAST"],
        "operstate": "DOWN",
        "qdisc": "noop",
        "addresses": {},
        "vxlan": {"external": True, "port": 8472, "learning": False, "ttl": 0},
    }
    del links["cilium_vxlan"]["lower"]


PORT = (("cni/net_conf/Backend/Port", "links/flannel.1/vxlan/port"), "node3")


@incident("I-21", ("same-port", "node3"), PORT)
def another_port_on_a_node(nodes: Nodes) -> None:
    """In a rolling change of the port one node is done: both directions are lost."""
    nodes["node3"]["links"]["flannel.1"]["vxlan"]["port"] = 4789
    nodes["node3"]["cni"]["net_conf"]["Backend"]["Port"] = 4789


@incident("lab other-port", ("same-port", "node3"), PORT)
def port_changed(nodes: Nodes) -> None:
    """flanneld starts with port 4789 on a node: flannel.1 is made anew."""
    another_port_on_a_node(nodes)
    nodes["node3"]["links"]["flannel.1"]["ifindex"] = 31


@incident(
    "lab other-vni",
    ("same-vni", "node3"),
    (("links/flannel", "cni/net_conf/Backend"), "node3"),
)
def vni_changed(nodes: Nodes) -> None:
    """flanneld starts with VNI 2 on a node: flannel.2 instead of flannel.1."""
    node = nodes["node3"]
    link = node["links"].pop("flannel.1")
    node["links"]["flannel.2"] = link
    link["vxlan"]["id"] = 2
    link["ifindex"] = 31
    link["addresses"]["10.244.3.0/32"]["label"] = "flannel.2"
    node["cni"]["net_conf"]["Backend"]["VNI"] = 2
    for row in node["peers"].values():
        row["dev"] = "flannel.2"


@incident(
    "I-26",
    ("leftover-link", "node2", "warning"),
    ("links/vxlan.calico", "node2"),
    also=(("cni_config/20-calico.conflist", "node2"),),
)
def leftovers_of_another_cni(nodes: Nodes) -> None:
    """A node still has vxlan.calico and its configuration, though flannel runs."""
    node = nodes["node2"]
    link = copy.deepcopy(node["links"]["flannel.1"])
    link.update(ifindex=40, mac="66:00:00:00:00:02")
    link["vxlan"].update(id=4096, port=4789)
    link["addresses"] = {"10.233.2.0/32": {"family": "inet", "scope": "global"}}
    node["links"]["vxlan.calico"] = link
    node["cni_config"]["20-calico.conflist"] = {
        "order": 1,
        "name": "k8s-pod-network",
        "cniVersion": "0.3.1",
        "plugins": [{"type": "calico"}],
    }
