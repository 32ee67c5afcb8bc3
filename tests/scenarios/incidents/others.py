"""What is told by ethtool, by Calico's own files, and by the default route of each family."""

from __future__ import annotations

from acts import mtu
from calico import calico
from incidents.table import Nodes, incident
from snapdiff.rules.calico import made_of

ON = {
    "tx-checksum-ip-generic": True,
    "tx-checksum-ipv4": False,
    "tcp-segmentation-offload": True,
    "generic-segmentation-offload": True,
}


def offloading(nodes: Nodes) -> None:
    """Give all overlays and underlays the same offloads."""
    for node in nodes.values():
        for link in ("eth0", "flannel.1"):
            node["links"][link]["offloads"] = dict(ON)


def with_calicos_word(nodes: Nodes) -> None:
    """Turn the cluster into one of Calico, with the file and the MACs that it makes."""
    calico(nodes)
    for name, node in nodes.items():
        node["cni"] = {"calico": {"mtu": node["links"]["vxlan.calico"]["mtu"]}}
        node["links"]["vxlan.calico"]["mac"] = made_of(name, 4)
        for peer in node["peers"].values():
            peer["mac"] = made_of(f"node{peer['subnet'].split('.')[2]}", 4)


@incident(
    "I-07",
    ("overlay-offloads-alike", "node2", "warning"),
    ("links/flannel.1/offloads/tx-checksum-ip-generic", "node2"),
    at="links/flannel.1/offloads",
    given=offloading,
)
def checksums_turned_off_on_one(nodes: Nodes) -> None:
    """Services time out; somebody turns checksum offload off where it was seen, and only there."""
    nodes["node2"]["links"]["flannel.1"]["offloads"].update(
        {"tx-checksum-ip-generic": False, "tcp-segmentation-offload": False}
    )


def _all_off(nodes: Nodes) -> None:
    offloading(nodes)
    for node in nodes.values():
        node["links"]["flannel.1"]["offloads"]["tx-checksum-ip-generic"] = False


@incident(
    "I-07 came back",
    ("overlay-offloads-alike", "node3", "warning"),
    ("links/flannel.1/offloads/tx-checksum-ip-generic", "node3"),
    at="links/flannel.1/offloads",
    given=_all_off,
)
def checksums_on_again_with_a_new_link(nodes: Nodes) -> None:
    """flannel makes its link anew on a node, and what was turned off there is on again."""
    nodes["node3"]["links"]["flannel.1"]["ifindex"] = 31
    nodes["node3"]["links"]["flannel.1"]["offloads"]["tx-checksum-ip-generic"] = True


@incident(
    "I-38 file",
    ("calico-pod-mtu", "node2", "warning"),
    ("cni/calico/mtu", "node2"),
    given=with_calicos_word,
    effects=("calico-old-pods",),
)
def new_pods_of_calico_too_large(nodes: Nodes) -> None:
    """calico-node on a node took the MTU of another link: new pods will send what is lost."""
    nodes["node2"]["cni"]["calico"]["mtu"] = 8950


@incident(
    "Calico old pods",
    (("calico-old-pods", "pods-mtu-mixed"), "node2", "warning"),
    ("links/cali*/mtu", "node2"),
    given=with_calicos_word,
    effects=("pods-mtu-mixed",),
)
def a_pod_of_before_the_change(nodes: Nodes) -> None:
    """A pod of Calico was set lower by hand, where new ones get more."""
    names = [name for name in nodes["node2"]["links"] if name.startswith("cali")]
    mtu(nodes["node2"], 1300, names[0])


@incident(
    "Calico same name",
    ("calico-vtep-mac", "node2"),
    ("links/vxlan.calico/mac", "node2"),
    given=with_calicos_word,
)
def mac_of_another_nodes_name(nodes: Nodes) -> None:
    """calico-node of a node runs under the name of another: its vxlan has that one's MAC."""
    nodes["node2"]["links"]["vxlan.calico"]["mac"] = made_of("node3", 4)


@incident(
    "IPv6 default route",
    ("default-route", "node2"),
    ("routes/main ::/0 dev eth0 metric 1024", "node2"),
    at="routes/main ::/0",
    dual=True,
)
def only_ipv6_has_no_default_route(nodes: Nodes) -> None:
    """A router no longer advertises: IPv4 is as it was, IPv6 has no way out."""
    del nodes["node2"]["routes"]["main ::/0 dev eth0 metric 1024"]
