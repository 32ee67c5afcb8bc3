"""What the host's own tools do around the links: routes, rules, settings, CNI files."""

from __future__ import annotations

from acts import lose_all, new_bridge, ports, reboot, route, set_forwarding
from incidents.table import Nodes, incident


@incident("I-19", ("policy-rules-of-cloud-setup", "node2"), ("rules/", "node2"))
def cloud_setup_takes_the_answers(nodes: Nodes) -> None:
    """nm-cloud-setup gives the node's address a table of its own, without the routes to pods."""
    node = nodes["node2"]
    node["rules"]["inet 30400 from 192.0.2.2"] = {
        "priority": 30400,
        "src": "192.0.2.2",
        "table": "30400",
        "family": "inet",
        "protocol": "static",
    }
    node["routes"]["30400 default dev eth0"] = route(
        "default", "eth0", table="30400", gateway="192.0.2.254", protocol="static"
    )
    node["routes"]["30400 192.0.2.0/24 dev eth0"] = route(
        "192.0.2.0/24", "eth0", table="30400", protocol="static", scope="link"
    )


@incident(
    "I-43",
    (("overlay-entries-lost", "peer-entries-missing"), "node2"),
    ("peers/*/missing", "node2"),
)
def networkd_deletes_foreign_routes(nodes: Nodes) -> None:
    """systemd-networkd is restarted and deletes the routes that are not its own."""
    lose_all(nodes["node2"], "route")


@incident(
    "I-43 host-gw", ("peer-entries-missing", "node2"), ("routes/", "node2"), backend="host-gw"
)
def networkd_deletes_direct_routes(nodes: Nodes) -> None:
    """The same where the routes are flannel's only way to the peers."""
    routes = nodes["node2"]["routes"]
    for key in [key for key, row in routes.items() if row["protocol"] == "boot"]:
        del routes[key]


@incident(
    "I-44",
    ("rp-filter-strict", "node2", "warning"),
    ("sysctls/net.ipv4.conf.all.rp_filter", "node2"),
)
def strict_path_filter(nodes: Nodes) -> None:
    """A drop-in for sysctl turns the strict reverse path filter on."""
    nodes["node2"]["sysctls"]["net.ipv4.conf.all.rp_filter"] = 1


@incident(
    "I-45",
    ("ip-forward-off", "node5"),
    ("sysctls/net.ipv4.ip_forward", "node5"),
    effects=("sysctls-alike",),
)
def image_without_forwarding(nodes: Nodes) -> None:
    """A node comes back from a new image that does not forward; its links look as ever."""
    reboot(nodes["node5"])
    set_forwarding(nodes["node5"], 0)


@incident(
    "lab ip-forward-off",
    ("ip-forward-off", "node1"),
    ("sysctls/net.ipv4.ip_forward", "node1"),
    effects=("sysctls-alike",),
)
def forwarding_off(nodes: Nodes) -> None:
    """A reload of sysctls sets net.ipv4.ip_forward to 0."""
    set_forwarding(nodes["node1"], 0)


@incident(
    "I-46",
    ("bridge-nf-call", "node2", "warning"),
    ("sysctls/net.bridge.bridge-nf-call-iptables", "node2"),
    effects=("sysctls-alike",),
)
def iptables_not_called(nodes: Nodes) -> None:
    """iptables no longer sees what crosses the bridge."""
    nodes["node2"]["sysctls"]["net.bridge.bridge-nf-call-iptables"] = 0


@incident(
    "I-46 module",
    ("bridge-nf-call", "node2"),
    ("sysctls/net.bridge.bridge-nf-call-ip", "node2"),
    effects=("sysctls-alike",),
)
def module_not_loaded(nodes: Nodes) -> None:
    """After a reboot br_netfilter is not loaded, so the settings are not there."""
    reboot(nodes["node2"])
    for name in ("iptables", "ip6tables"):
        del nodes["node2"]["sysctls"][f"net.bridge.bridge-nf-call-{name}"]


@incident(
    "I-09",
    ("cni-config-order", "node2"),
    (("cni_config/10-containerd-net.conflist", "links/cni0/addresses"), "node2"),
    effects=("pod-bridge-address", "cni-files-alike"),
)
def containerd_wins_over_flannel(nodes: Nodes) -> None:
    """containerd brings a file that sorts first; after a reboot all pods are of its network."""
    node = nodes["node2"]
    reboot(node)
    files = node["cni_config"]
    files["10-flannel.conflist"]["order"] = 1
    files["10-containerd-net.conflist"] = {
        "order": 0,
        "name": "containerd-net",
        "cniVersion": "1.0.0",
        "plugins": [
            {"type": "bridge", "bridge": "cni0", "isGateway": True, "ipMasq": True},
            {"type": "portmap"},
        ],
    }
    new_bridge(node, 2, "10.88.0")
    node["ipam"] = {
        "containerd-net": {
            "addresses": [f"10.88.0.{2 + one}" for one in range(len(ports(node)))],
            "others": ["last_reserved_ip.0", "lock"],
        }
    }
    for name in ["cni0", *ports(node)]:
        node["links"][name]["mtu"] = 1500
