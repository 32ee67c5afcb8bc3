"""Which link and which address a node tunnels from."""

from __future__ import annotations

import copy

from acts import number_of, others, reboot, route, tell_peers
from calico import calico
from incidents.table import ALL, Nodes, incident

NAT = "10.0.2.15"


def _with_two_nics(nodes: Nodes) -> None:
    """Give each node the NAT interface of its hypervisor, and let flannel use the other."""
    for name, node in nodes.items():
        number = number_of(name)
        links, routes = node["links"], node["routes"]
        links["eth1"] = copy.deepcopy(links["eth0"])
        links["eth1"]["ifindex"] = 40
        links["eth1"]["addresses"][f"192.0.2.{number}/24"]["label"] = "eth1"
        links["eth0"]["mac"] = f"52:54:00:22:00:{number:02x}"
        links["eth0"]["addresses"] = {
            f"{NAT}/24": {"family": "inet", "scope": "global", "label": "eth0", "dynamic": True}
        }
        links["flannel.1"].update(lower="eth1")
        links["flannel.1"]["vxlan"]["link"] = "eth1"
        routes["main 192.0.2.0/24 dev eth1"] = {
            **routes.pop("main 192.0.2.0/24 dev eth0"),
            "dev": "eth1",
        }
        routes["main 10.0.2.0/24 dev eth0"] = route(
            "10.0.2.0/24", "eth0", protocol="kernel", scope="link", prefsrc=NAT
        )
        routes["main default dev eth0"].update(gateway="10.0.2.2", protocol="dhcp")


@incident(
    "I-04",
    ("underlay-address-unique", ALL),
    (("links/flannel.1/vxlan", "links/flannel.1/lower"), ALL),
    given=_with_two_nics,
)
def nat_interface_taken(nodes: Nodes) -> None:
    """flannel starts without --iface and takes the NAT interface: 10.0.2.15 on every node."""
    for name, node in nodes.items():
        node["links"]["flannel.1"].update(lower="eth0", ifindex=41)
        node["links"]["flannel.1"]["vxlan"].update(link="eth0", local=NAT)
        tell_peers(nodes, name, f"10.244.{number_of(name)}.0", underlay=NAT)


@incident(
    "I-04 one node",
    ("underlay-name-alike", "node3", "warning"),
    (("links/flannel.1/vxlan", "links/flannel.1/lower"), "node3"),
)
def management_nic_taken(nodes: Nodes) -> None:
    """One node tunnels over its management interface."""
    node = nodes["node3"]
    node["links"]["eth1"] = {
        **node["links"]["eth0"],
        "ifindex": 40,
        "mac": "52:54:00:11:00:03",
        "addresses": {"198.51.100.3/24": {"family": "inet", "scope": "global", "label": "eth1"}},
    }
    node["routes"]["main 198.51.100.0/24 dev eth1"] = route(
        "198.51.100.0/24", "eth1", protocol="kernel", scope="link", prefsrc="198.51.100.3"
    )
    node["links"]["flannel.1"].update(lower="eth1", ifindex=41)
    node["links"]["flannel.1"]["vxlan"].update(link="eth1", local="198.51.100.3")
    tell_peers(nodes, "node3", "10.244.3.0", underlay="198.51.100.3")


def _readdress(nodes: Nodes) -> None:
    node = nodes["node2"]
    addresses = node["links"]["eth0"]["addresses"]
    addresses["192.0.2.77/24"] = addresses.pop("192.0.2.2/24")
    node["routes"]["main 192.0.2.0/24 dev eth0"]["prefsrc"] = "192.0.2.77"


@incident("I-32", ("vxlan-attributes", "node2"), ("links/eth0/addresses", "node2"))
def address_of_the_underlay_changed(nodes: Nodes) -> None:
    """DHCP gives a node another address; flannel.1 still sends from the old one."""
    _readdress(nodes)


@incident(
    "I-32 peers",
    ("peer-entries-stale", "node2"),
    (("links/eth0/addresses", "links/flannel.1/vxlan/local"), "node2"),
)
def peers_keep_the_old_address(nodes: Nodes) -> None:
    """The node has been rebooted since and tunnels from its new address; no peer knows that."""
    reboot(nodes["node2"])
    _readdress(nodes)
    nodes["node2"]["links"]["flannel.1"]["vxlan"]["local"] = "192.0.2.77"


def _with_dns_cache(nodes: Nodes) -> None:
    calico(nodes)
    for node in nodes.values():
        node["links"]["nodelocaldns"] = {
            **node["links"]["eth0"],
            "kind": "dummy",
            "ifindex": 45,
            "mac": "3a:00:00:00:00:01",
            "flags": ["BROADCAST", "NOARP"],
            "operstate": "DOWN",
            "addresses": {"10.96.0.10/32": {"family": "inet", "scope": "global"}},
        }


@incident(
    "I-39",
    ("underlay-address-unique", ALL),
    ("links/vxlan.calico/vxlan/local", ALL),
    given=_with_dns_cache,
)
def address_of_the_dns_cache_taken(nodes: Nodes) -> None:
    """Calico finds 10.96.0.10 of nodelocaldns and tunnels from it, on every node."""
    for name, node in nodes.items():
        node["links"]["vxlan.calico"]["vxlan"]["local"] = "10.96.0.10"
        for facts in others(nodes, name):
            facts["peers"][f"10.244.{number_of(name)}.0"]["underlay"] = "10.96.0.10"
