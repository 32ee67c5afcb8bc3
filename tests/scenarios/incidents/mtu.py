"""MTUs along the chain: underlay, overlay, lease, pod bridge, pods."""

from __future__ import annotations

from acts import lease_mtu, mtu, ports
from calico import calico
from incidents.table import ALL, Nodes, incident


@incident(
    "I-16",
    ("overlay-mtu-small", ALL, "warning"),
    ("links/flannel.1/mtu", ALL),
    underlay=9001,
)
def overlay_ignores_jumbo_frames(nodes: Nodes) -> None:
    """flannel.1 and all behind it get 1500 on an underlay of 9001."""
    for node in nodes.values():
        mtu(node, 1500, "flannel.1", "pods")
        lease_mtu(node, 1500)


@incident(
    "I-18",
    ("lease-mtu", ALL),
    (("cni/net_conf/Backend", "cni/subnet_env/FLANNEL_MTU"), ALL),
)
def configured_mtu_without_effect(nodes: Nodes) -> None:
    """net-conf gets MTU 1400 and flannel restarts: the lease says 1350, all links keep 1450."""
    for node in nodes.values():
        node["cni"]["net_conf"]["Backend"]["MTU"] = 1400
        lease_mtu(node, 1350)


@incident("lab underlay-mtu", ("lease-mtu", "node2"), ("links/eth0/mtu", "node2"))
def underlay_raised(nodes: Nodes) -> None:
    """eth0 is raised to 9001 and flanneld restarts: the lease says 8951, all links keep 1450."""
    mtu(nodes["node2"], 9001, "eth0")
    lease_mtu(nodes["node2"], 8951)


@incident(
    "lab overlay-recreated",
    ("underlay-mtu-alike", ("node1", "node2")),
    ("links/eth0/mtu", ("node1", "node2")),
)
def underlay_raised_and_overlay_made_anew(nodes: Nodes) -> None:
    """Two nodes get eth0 at 9001 and flannel.1 anew at 8951; their pods stay at 1450."""
    for name in ("node1", "node2"):
        mtu(nodes[name], 9001, "eth0")
        mtu(nodes[name], 8951, "flannel.1")
        nodes[name]["links"]["flannel.1"]["ifindex"] = 31
        lease_mtu(nodes[name], 8951)


@incident("lab underlay-shrunk", ("overlay-mtu-headroom", "node2"), ("links/eth0/mtu", "node2"))
def underlay_shrunk(nodes: Nodes) -> None:
    """eth0 is lowered by 60 under the running overlay, which keeps its MTU."""
    mtu(nodes["node2"], 1440, "eth0")


@incident(
    "I-20",
    ("overlay-mtu-headroom", ALL),
    ("links/flannel-wg/mtu", ALL),
    backend="wireguard",
)
def wireguard_without_headroom(nodes: Nodes) -> None:
    """flannel v0.18 leaves flannel-wg at the MTU of the underlay."""
    for node in nodes.values():
        mtu(node, 1500, "flannel-wg")


@incident(
    "I-38",
    ("cni-config-mtu", ALL),
    (("cni_config/10-flannel.conflist", "links/cni0/mtu", "links/veth*/mtu"), ALL),
    effects=("pod-mtu-over-overlay",),
)
def pods_over_the_overlay(nodes: Nodes) -> None:
    """The plugin's configuration gets mtu 1500, and pods that start since are over the overlay."""
    for node in nodes.values():
        mtu(node, 1500, "pods")
        node["cni_config"]["10-flannel.conflist"]["plugins"][0]["delegate"]["mtu"] = 1500


@incident(
    "I-38 mixed",
    (("pods-mtu-mixed", "pod-mtu"), "node2", "warning"),
    (("links/cni0/mtu", "links/veth*/mtu"), "node2"),
)
def pods_of_two_generations(nodes: Nodes) -> None:
    """A pod of a node has the MTU of an earlier lease, and the bridge follows the lowest."""
    node = nodes["node2"]
    mtu(node, 1350, ports(node)[0], "cni0")


@incident("lab veth-mtu", ("pod-mtu-over-overlay", "node1"), ("links/veth*/mtu", "node1"))
def one_pod_over_the_overlay(nodes: Nodes) -> None:
    """The port of the oldest pod is raised by 90; cni0 keeps its ports' lowest."""
    mtu(nodes["node1"], 1540, ports(nodes["node1"])[0])


@incident("I-37", ("bridge-mtu", "node2", "warning"), ("links/cni0/mtu", "node2"))
def bridge_caps_the_path(nodes: Nodes) -> None:
    """cni0 has an MTU set by hand, below that of its ports."""
    mtu(nodes["node2"], 1300, "cni0")


@incident(
    "I-41",
    (("overlay-mtu-alike", "calico-overlay-mtu"), "node2"),
    ("links/vxlan.calico/mtu", "node2"),
    also=(("links/eth1", "node2"),),
    given=calico,
    underlay=9001,
)
def mtu_of_an_unrelated_nic(nodes: Nodes) -> None:
    """Calico takes the MTU of another NIC (1500), though the underlay has 9001."""
    node = nodes["node2"]
    node["links"]["eth1"] = {
        **node["links"]["eth0"],
        "ifindex": 40,
        "mac": "52:54:00:11:00:02",
        "mtu": 1500,
        "addresses": {"198.51.100.2/24": {"family": "inet", "scope": "global", "label": "eth1"}},
    }
    pods = [name for name in node["links"] if name.startswith("cali")]
    mtu(node, 1450, "vxlan.calico", *pods)


@incident(
    "I-38 Calico",
    ("pod-mtu-over-overlay", "node2"),
    ("links/cali*/mtu", "node2"),
    given=calico,
    underlay=1442,
)
def calico_pods_over_the_overlay(nodes: Nodes) -> None:
    """The manifest says 1500 for pods, where the overlay has 1392."""
    node = nodes["node2"]
    mtu(node, 1500, *(name for name in node["links"] if name.startswith("cali")))
