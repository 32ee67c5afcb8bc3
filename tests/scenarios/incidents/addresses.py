"""Addresses of the overlay and the pod bridge, and the lease they come from."""

from __future__ import annotations

from acts import (
    lose,
    lose_all,
    new_bridge,
    new_lease,
    number_of,
    others,
    ports,
    reboot,
    route,
    unplug,
)
from incidents.table import ALL, Nodes, incident

OWN = {"family": "inet", "scope": "global", "label": "flannel.1"}
LEASE = ("cni/subnet_env", "links/flannel.1/addresses")


@incident("I-01", ("pod-bridge-address", "node1"), (LEASE, "node1"), effects=("ipam-subnet",))
def cni0_of_an_old_lease(nodes: Nodes) -> None:
    """A node gets a new lease; cni0 and its pods keep the old subnet, and new pods are refused."""
    new_lease(nodes, "node1", 101)


incident("lab new-lease", ("pod-bridge-address", "node1"), (LEASE, "node1"))(cni0_of_an_old_lease)


@incident("I-12", ("pod-bridge-address", "node1"), ("links/cni0/addresses", "node1"))
def cni0_has_an_address_of_a_peer(nodes: Nodes) -> None:
    """A stale cni0 holds the subnet of a peer, so the kernel refuses the route to that peer."""
    new_bridge(nodes["node1"], 1, "10.244.2")
    lose(nodes["node1"], "10.244.2.0", "route")


@incident("I-34", ("pod-bridge-address", "node1"), ("links/cni0/addresses", "node1"))
def cni0_without_address(nodes: Nodes) -> None:
    """cni0 is up and has ports, but no address and so no connected route."""
    nodes["node1"]["links"]["cni0"]["addresses"] = {}
    del nodes["node1"]["routes"]["main 10.244.1.0/24 dev cni0"]


@incident(
    "I-33",
    (("overlay-down", "overlay-address"), "node2"),
    (("links/flannel.1/flags", "links/flannel.1/operstate", "links/flannel.1/addresses"), "node2"),
)
def overlay_down_without_address(nodes: Nodes) -> None:
    """After a reboot flannel.1 is down and bare: flanneld failed right after making it."""
    node = nodes["node2"]
    reboot(node)
    unplug(node)
    del node["links"]["cni0"]
    del node["routes"]["main 10.244.2.0/24 dev cni0"]
    node["peers"] = {}
    node["links"]["flannel.1"].update(
        flags=["BROADCAST", "MULTICAST"], operstate="DOWN", qdisc="noop", addresses={}
    )


@incident("I-14", ("overlay-address", "node2"), ("links/flannel.1/addresses", "node2"))
def overlay_with_two_addresses(nodes: Nodes) -> None:
    """The address of an expired lease is still on flannel.1, beside that of the new one."""
    nodes["node2"]["links"]["flannel.1"]["addresses"]["10.244.77.0/32"] = dict(OWN)


@incident(
    "I-13 DHCP",
    (("default-route", "overlay-foreign-address"), "node2"),
    (("links/flannel.1/addresses", "routes/main default dev flannel.1"), "node2"),
    effects=("overlay-foreign-address",),
)
def dhcp_client_adopts_the_overlay(nodes: Nodes) -> None:
    """dhcpcd gives flannel.1 an address of the LAN, and a default route over it."""
    node = nodes["node2"]
    node["links"]["flannel.1"]["addresses"]["192.0.2.150/24"] = {**OWN, "dynamic": True}
    node["routes"]["main default dev flannel.1 metric 204"] = route(
        "default", "flannel.1", gateway="192.0.2.254", protocol="dhcp", metric=204
    )
    node["routes"]["main 192.0.2.0/24 dev flannel.1 metric 204"] = route(
        "192.0.2.0/24", "flannel.1", protocol="dhcp", scope="link", metric=204
    )


@incident(
    "I-13 avahi",
    ("overlay-foreign-address", "node2", "warning"),
    ("links/flannel.1/addresses", "node2"),
)
def link_local_daemon_adopts_the_overlay(nodes: Nodes) -> None:
    """avahi-autoipd gives flannel.1 an address out of 169.254.0.0/16."""
    node = nodes["node2"]
    node["links"]["flannel.1"]["addresses"]["169.254.8.9/16"] = {**OWN, "scope": "link"}
    node["routes"]["main 169.254.0.0/16 dev flannel.1"] = route(
        "169.254.0.0/16", "flannel.1", protocol="kernel", scope="link", prefsrc="169.254.8.9"
    )


def _with_link_local(nodes: Nodes) -> None:
    for name, node in nodes.items():
        key = f"fe80::ff:fe00:{number_of(name)}/64"
        node["links"]["flannel.1"]["addresses"][key] = {"family": "inet6", "scope": "link"}


@incident(
    "I-13 fe80",
    ("overlay-foreign-address", "node2", "warning"),
    ("links/flannel.1/addresses", "node2"),
    given=_with_link_local,
    at="links/flannel.1/addresses/fe80::8d1:",
)
def second_link_local_address(nodes: Nodes) -> None:
    """A second link-local address, not made of the MAC, gets onto flannel.1."""
    addresses = nodes["node2"]["links"]["flannel.1"]["addresses"]
    addresses["fe80::8d1:7c2a:33f0:1/64"] = {"family": "inet6", "scope": "link"}


@incident("I-27 missing", ("lease-missing", "node2"), ("cni/subnet_env", "node2"))
def lease_is_gone(nodes: Nodes) -> None:
    """/run/flannel/subnet.env is not there, so no pod can start."""
    del nodes["node2"]["cni"]["subnet_env"]


@incident(
    "I-27 by hand",
    ("pod-subnets-disjoint", ("node2", "node3")),
    ("cni/subnet_env/FLANNEL_SUBNET", ("node2", "node3")),
    effects=("overlay-address", "pod-bridge-address"),
)
def lease_written_by_hand(nodes: Nodes) -> None:
    """Two nodes have the subnet.env that a forum says to write: the same subnet on both."""
    for name in ("node2", "node3"):
        nodes[name]["cni"]["subnet_env"]["FLANNEL_SUBNET"] = "10.244.0.1/24"


@incident(
    "I-28",
    ("lease-subnet", ALL),
    (("cni/subnet_env/FLANNEL_NETWORK", "cni/net_conf/Network"), ALL),
)
def network_without_the_subnets(nodes: Nodes) -> None:
    """The ConfigMap gets a network that the cluster's pod CIDR is not in; all flannelds restart."""
    for node in nodes.values():
        node["cni"]["subnet_env"]["FLANNEL_NETWORK"] = "10.245.0.0/16"
        node["cni"]["net_conf"]["Network"] = "10.245.0.0/16"


@incident(
    "I-15",
    ("pod-subnets-disjoint", ("node2", "node3")),
    (LEASE, "node3"),
)
def two_nodes_with_one_subnet(nodes: Nodes) -> None:
    """A node gets the subnet of another, pods and all; the others send only to it."""
    node = nodes["node3"]
    node["cni"]["subnet_env"]["FLANNEL_SUBNET"] = "10.244.2.1/24"
    node["links"]["flannel.1"]["addresses"] = {"10.244.2.0/32": dict(OWN)}
    new_bridge(node, 3, "10.244.2")
    node["ipam"]["cbr0"]["addresses"] = [f"10.244.2.{2 + one}" for one in range(len(ports(node)))]
    del node["peers"]["10.244.2.0"]
    del nodes["node2"]["peers"]["10.244.3.0"]
    for name in ("node1", "node4", "node5"):
        row = nodes[name]["peers"].pop("10.244.3.0")
        nodes[name]["peers"]["10.244.2.0"] = {**row, "subnet": "10.244.2.0/24"}
        nodes[name]["fdb"]["flannel.1 02:00:00:00:00:02 192.0.2.2"] = {
            "dev": "flannel.1",
            "mac": "02:00:00:00:00:02",
            "dst": "192.0.2.2",
            "flags": ["self"],
            "state": "permanent",
        }


incident("lab duplicate-subnet", ("pod-subnets-disjoint", ("node2", "node3")), (LEASE, "node3"))(
    two_nodes_with_one_subnet
)


@incident("I-30", ("prefix-overlap", ALL), ("links/eth0/addresses", ALL))
def pod_network_overlaps_the_lan(nodes: Nodes) -> None:
    """The nodes' own network lies inside that of the pods."""
    for name, node in nodes.items():
        number = number_of(name)
        eth0 = node["links"]["eth0"]["addresses"]
        eth0[f"10.244.77.{number}/24"] = eth0.pop(f"192.0.2.{number}/24")
        node["links"]["flannel.1"]["vxlan"]["local"] = f"10.244.77.{number}"
        node["routes"].pop("main 192.0.2.0/24 dev eth0")
        node["routes"]["main 10.244.77.0/24 dev eth0"] = route(
            "10.244.77.0/24",
            "eth0",
            protocol="kernel",
            scope="link",
            prefsrc=f"10.244.77.{number}",
        )
        node["routes"]["main default dev eth0"]["gateway"] = "10.244.77.254"
        for facts in others(nodes, name):
            facts["peers"][f"10.244.{number}.0"]["underlay"] = f"10.244.77.{number}"


@incident("lab overlay-no-ip", ("overlay-address", "node2"), ("links/flannel.1/addresses", "node2"))
def overlay_loses_its_address(nodes: Nodes) -> None:
    """The address of flannel.1 is taken: routes and neighbours go with it, the FDB stays."""
    nodes["node2"]["links"]["flannel.1"]["addresses"] = {}
    lose_all(nodes["node2"], "route", "neighbour")


@incident(
    "lab cni0-two-addresses", ("pod-bridge-address", "node1"), ("links/cni0/addresses", "node1")
)
def cni0_with_two_addresses(nodes: Nodes) -> None:
    """cni0 gets a second address, out of a subnet that no node has."""
    node = nodes["node1"]
    node["links"]["cni0"]["addresses"]["10.244.200.1/24"] = {**OWN, "label": "cni0"}
    node["routes"]["main 10.244.200.0/24 dev cni0"] = route(
        "10.244.200.0/24", "cni0", protocol="kernel", scope="link", prefsrc="10.244.200.1"
    )
