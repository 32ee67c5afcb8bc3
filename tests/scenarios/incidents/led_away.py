"""What leads packets past the ways of the pods: VPNs, DHCP clients, policy rules, cables."""

from __future__ import annotations

from acts import ports, route
from incidents.table import Nodes, incident
from quiet.table import LOCAL, add_link
from quiet.vpn import with_tailscale

NO_CARRIER = {
    "flags": ["BROADCAST", "MULTICAST", "NO-CARRIER", "UP"],
    "operstate": "DOWN",
    "carrier": False,
}


@incident(
    "VPN takes the underlay",
    ("underlay-led-away", "node2"),
    ("routes/52 192.0.2.0/24", "node2"),
    at="routes/52 192.0.2.0/24",
    given=with_tailscale,
)
def tailscale_accepts_the_lan(nodes: Nodes) -> None:
    """A subnet router offers the LAN of the nodes, and one node accepts it."""
    nodes["node2"]["routes"]["52 192.0.2.0/24 dev tailscale0"] = route(
        "192.0.2.0/24", "tailscale0", table="52"
    )


@incident(
    "VPN takes the pods",
    ("pods-led-away", "node2"),
    ("routes/52 10.244.0.0/16", "node2"),
    given=with_tailscale,
)
def tailscale_accepts_the_pods(nodes: Nodes) -> None:
    """The same with the network of the pods."""
    nodes["node2"]["routes"]["52 10.244.0.0/16 dev tailscale0"] = route(
        "10.244.0.0/16", "tailscale0", table="52"
    )


@incident("rule refuses", ("policy-rule-refuses", "node2"), ("rules/", "node2"))
def rule_refuses(nodes: Nodes) -> None:
    """A firewall script leaves a rule that refuses what comes off the pod bridge."""
    nodes["node2"]["rules"]["inet 50 from all"] = {
        "priority": 50,
        "src": "all",
        "iif": "cni0",
        "action": "blackhole",
        "family": "inet",
    }


@incident("no rule asks main", ("main-rule-missing", "node2"), ("rules/", "node2"))
def main_rule_deleted(nodes: Nodes) -> None:
    """A script that flushes policy rules takes the one of main too."""
    del nodes["node2"]["rules"]["inet 32766 from all"]


@incident("cable out", ("underlay-down", "node2"), ("links/eth0/operstate", "node2"))
def cable_out(nodes: Nodes) -> None:
    """The cable of the underlay is out; the node was gathered over another network."""
    nodes["node2"]["links"]["eth0"].update(NO_CARRIER)


@incident("one NIC twice", ("underlay-mac-unique", ("node2", "node3")), ("links/eth0/mac", "node3"))
def cloned_nic(nodes: Nodes) -> None:
    """A machine is made anew with the network card of another."""
    nodes["node3"]["links"]["eth0"]["mac"] = nodes["node2"]["links"]["eth0"]["mac"]


@incident(
    "DHCP on a pod port",
    ("default-route", "node2"),
    ("routes/main default", "node2", "error"),
    given=lambda nodes: [
        node["routes"]["main default dev eth0"].update(metric=100) for node in nodes.values()
    ],
)
def dhcp_on_a_port(nodes: Nodes) -> None:
    """NetworkManager runs DHCP on a pod's port, and a pod answers."""
    node = nodes["node2"]
    port = ports(node)[0]
    node["links"][port]["addresses"]["10.244.2.9/24"] = dict(LOCAL)
    node["routes"][f"main default dev {port} metric 50"] = route(
        "default", port, gateway="10.244.2.1", metric=50, protocol="dhcp"
    )


@incident("ports isolated", ("pod-port-isolated", "node2"), ("links/veth*", "node2", "error"))
def ports_isolated(nodes: Nodes) -> None:
    """Somebody hardens a node, and isolates the ports of its bridge."""
    for port in ports(nodes["node2"]):
        nodes["node2"]["links"][port]["bridge_port"]["isolated"] = True


@incident(
    "VM on the pod bridge",
    ("pod-bridge-foreign-port", "node2", "warning"),
    (("links/vnet0", "links/cni0"), "node2"),
)
def machine_on_the_bridge(nodes: Nodes) -> None:
    """A virtual machine is given the pod bridge; its link has a smaller MTU, and cni0 follows."""
    node = nodes["node2"]
    add_link(node, "vnet0", "tun", master="cni0", mtu=1280)
    node["links"]["cni0"]["mtu"] = 1280
