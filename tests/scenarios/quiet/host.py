"""What the host, the kernel and the order of rows do by themselves."""

from __future__ import annotations

import random
import typing as t

from acts import route, unplug
from quiet.table import LOCAL, add_link, quiet

if t.TYPE_CHECKING:
    from incidents.table import Nodes


def _with_dhcp(nodes: Nodes) -> None:
    for node in nodes.values():
        for row in node["links"]["eth0"]["addresses"].values():
            row["dynamic"] = True
        node["lifetimes"] = {"eth0": {"192.0.2.1/24": {"valid": 80000, "preferred": 80000}}}


@quiet("DHCP renewed", given=_with_dhcp)
def dhcp_renewed(nodes: Nodes) -> None:
    """DHCP leases are renewed, and run shorter every second."""
    for node in nodes.values():
        node["lifetimes"] = {"eth0": {"192.0.2.1/24": {"valid": 43000, "preferred": 43000}}}


@quiet("counters")
def counters(nodes: Nodes) -> None:
    """Packets were counted."""
    for node in nodes.values():
        node["counters"] = {"eth0": {"rx": {"packets": 91000}, "tx": {"packets": 42000}}}


@quiet("other order", dual=True)
def other_order(nodes: Nodes) -> None:
    """Links, routes and addresses are printed in another order."""
    shuffle = random.Random(1)
    for node in nodes.values():
        for section in ("links", "routes", "peers", "rules"):
            rows = list(node[section].items())
            shuffle.shuffle(rows)
            node[section] = dict(rows)


@quiet("privacy addresses", dual=True)
def privacy_addresses(nodes: Nodes) -> None:
    """A temporary IPv6 address is replaced by the next (RFC 8981)."""
    for number, node in enumerate(nodes.values(), start=1):
        key = f"2001:db8::b1f4:{number:x}:9c01:7/64"
        node["links"]["eth0"]["addresses"][key] = {
            "family": "inet6",
            "scope": "global",
            "temporary": True,
        }


@quiet("tcpdump")
def tcpdump(nodes: Nodes) -> None:
    """Somebody listens on the underlay and on flannel.1."""
    for name in ("eth0", "flannel.1"):
        link = nodes["node1"]["links"][name]
        link["flags"] = sorted([*link["flags"], "PROMISC"])
        link["promiscuity"] = 1


def _with_ipvs(nodes: Nodes) -> None:
    for node in nodes.values():
        add_link(
            node,
            "kube-ipvs0",
            "dummy",
            flags=["BROADCAST", "NOARP"],
            operstate="DOWN",
            mac="3a:00:00:00:00:01",
            addresses={"10.96.0.1/32": dict(LOCAL), "10.96.0.10/32": dict(LOCAL)},
        )


@quiet("Services", given=_with_ipvs)
def services(nodes: Nodes) -> None:
    """Services come and go, and their addresses on kube-ipvs0 with them."""
    for node in nodes.values():
        addresses = node["links"]["kube-ipvs0"]["addresses"]
        addresses["10.96.77.3/32"] = addresses.pop("10.96.0.10/32")


@quiet("modules")
def modules_loaded(nodes: Nodes) -> None:
    """Modules are loaded, and with them come tunl0 and sit0, without an address."""
    node = nodes["node3"]
    bare = {"flags": ["NOARP"], "operstate": "DOWN", "qdisc": "noop", "carrier": False}
    for name, kind in (("tunl0", "ipip"), ("sit0", "sit")):
        add_link(node, name, kind, **bare, mtu=1480, type=kind)
        del node["links"][name]["mac"]


def _with_docker(nodes: Nodes) -> None:
    for node in nodes.values():
        add_link(node, "docker0", "bridge", addresses={"172.17.0.1/16": dict(LOCAL)})
        node["routes"]["main 172.17.0.0/16 dev docker0"] = route(
            "172.17.0.0/16", "docker0", protocol="kernel", scope="link", prefsrc="172.17.0.1"
        )


@quiet("docker", given=_with_docker)
def docker_beside(nodes: Nodes) -> None:
    """docker runs beside, and its last container ends."""
    for node in nodes.values():
        node["links"]["docker0"].update(operstate="DOWN", carrier=False)
        node["links"]["docker0"]["flags"] = ["BROADCAST", "MULTICAST", "NO-CARRIER", "UP"]
        node["routes"]["main 172.17.0.0/16 dev docker0"]["flags"] = ["linkdown"]


@quiet("altnames")
def altnames(nodes: Nodes) -> None:
    """udev gives the underlay another name besides its own."""
    for node in nodes.values():
        node["links"]["eth0"]["altnames"] = ["enp1s0"]


@quiet("queues")
def queues(nodes: Nodes) -> None:
    """The queueing discipline and the queue's length of the underlay are tuned."""
    for node in nodes.values():
        node["links"]["eth0"].update(qdisc="fq_codel", txqlen=2000)


@quiet("old VTEP MAC")
def entry_of_an_old_mac(nodes: Nodes) -> None:
    """A peer had another VTEP MAC before; flannel never deletes the forwarding entry (E-22)."""
    for name in ("node1", "node3", "node4", "node5"):
        nodes[name]["fdb"]["flannel.1 02:aa:00:00:00:02 192.0.2.2"] = {
            "dev": "flannel.1",
            "mac": "02:aa:00:00:00:02",
            "dst": "192.0.2.2",
            "flags": ["self"],
            "state": "permanent",
        }


@quiet("neighbours")
def neighbours_age(nodes: Nodes) -> None:
    """Neighbours of the underlay and of pods age and come back; bridges learn."""
    nodes["node1"]["neighbour_cache"] = {
        "eth0 192.0.2.2": {"dev": "eth0", "dst": "192.0.2.2", "state": ["STALE"]},
        "cni0 10.244.1.2": {"dev": "cni0", "dst": "10.244.1.2", "state": ["REACHABLE"]},
    }


@quiet("carrier lost", backend="host-gw")
def cable_out(nodes: Nodes) -> None:
    """A node without pods has routes with linkdown, and nothing is removed (H-07)."""
    unplug(nodes["node4"])
