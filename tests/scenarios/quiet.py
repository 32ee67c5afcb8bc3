"""What moves on a healthy cluster by itself: none of it is drift, and none of it breaks a rule."""

from __future__ import annotations

import copy
import random
import typing as t

from acts import forget, plug, ports, reboot, route, unplug, unplug_quietly
from calico import calico
from clusters import node as healthy_node
from incidents.table import Act, Incident, Nodes

QUIET: dict[str, Incident] = {}
LOCAL = {"family": "inet", "scope": "global"}


def quiet(name: str, *, given: Act | None = None, **of: t.Any) -> t.Callable[[Act], Act]:
    """Enter a function into the table; its docstring says what happened."""

    def enter(act: Act) -> Act:
        what = (act.__doc__ or "").strip()
        QUIET[name] = Incident(
            name=name, what=what, act=act, check=None, diff=None, given=given, of=of
        )
        return act

    return enter


def _link(node: dict[str, t.Any], name: str, kind: str, **more: t.Any) -> None:
    node["links"][name] = {
        **copy.deepcopy(node["links"]["eth0"]),
        "kind": kind,
        "ifindex": 60 + len(node["links"]),
        "mac": f"5e:00:00:00:00:{len(node['links']):02x}",
        "addresses": {},
        **more,
    }


@quiet("nothing")
def nothing(nodes: Nodes) -> None:
    """Nothing has happened."""


@quiet("pods churn")
def pods_churn(nodes: Nodes) -> None:
    """Pods come on one node and go on another."""
    plug(nodes["node1"], 2)
    unplug(nodes["node2"], 1)


@quiet("roll-out", pods=8)
def roll_out(nodes: Nodes) -> None:
    """Every pod of the cluster is replaced."""
    for node in nodes.values():
        unplug_quietly(node)
        plug(node, 8)


@quiet("pods gone")
def pods_gone(nodes: Nodes) -> None:
    """A node is drained: cni0 is left without carrier, with the kernel's MTU of 1500."""
    unplug(nodes["node1"])


@quiet("first pod", pods=0)
def first_pod(nodes: Nodes) -> None:
    """The first pod of a node makes cni0."""
    like = healthy_node(1, 5)
    node = nodes["node1"]
    node["links"]["cni0"] = like["links"]["cni0"]
    node["routes"] = like["routes"]
    plug(node, 1)


@quiet("only pods of the host's network", pods=0)
def no_pod_ever(nodes: Nodes) -> None:
    """No node has a pod of its own network, so there is no cni0; a lease is renewed."""
    nodes["node1"]["mtimes"] = {"/run/flannel/subnet.env": 1795300000.0}


@quiet("reboot")
def rebooted(nodes: Nodes) -> None:
    """A node is rebooted; its VTEP MAC is restored from the annotation."""
    reboot(nodes["node2"])


@quiet("rebooting")
def between_overlay_and_first_pod(nodes: Nodes) -> None:
    """A node was rebooted, flannel.1 is up, and no pod has started yet."""
    node = nodes["node2"]
    reboot(node)
    unplug_quietly(node)
    del node["links"]["cni0"]
    del node["routes"]["main 10.244.2.0/24 dev cni0"]
    node["provenance"]["uptime"] = 20.0


@quiet("all rebooted")
def all_rebooted(nodes: Nodes) -> None:
    """All nodes got a new kernel and were rebooted, one after the other."""
    for mark, node in enumerate(nodes.values()):
        reboot(node, mark=mark)
        node["host"]["kernel"] = "6.1.0-57-amd64"


@quiet("bridge anew")
def bridge_made_anew(nodes: Nodes) -> None:
    """After a reboot cni0 has another MAC and other link-local addresses."""
    node = nodes["node3"]
    node["links"]["cni0"]["addresses"]["fe80::811:ff:fe00:3/64"] = {
        "family": "inet6",
        "scope": "link",
    }
    reboot(node)


@quiet("flanneld restart")
def flanneld_restarted(nodes: Nodes) -> None:
    """flanneld is restarted: lease and peers are written again, the same."""
    nodes["node1"]["mtimes"] = {"/run/flannel/subnet.env": 1795300000.0}


@quiet("wireguard restart", backend="wireguard")
def wireguard_restarted(nodes: Nodes) -> None:
    """flanneld is restarted and makes flannel-wg anew, as it always does."""
    nodes["node1"]["links"]["flannel-wg"]["ifindex"] = 44
    nodes["node1"]["mtimes"] = {"/run/flannel/subnet.env": 1795300000.0}


@quiet("node added", count=4)
def node_added(nodes: Nodes) -> None:
    """A node joins, and all others learn of it."""
    nodes["node5"] = healthy_node(5, 5)
    for name in ("node1", "node2", "node3", "node4"):
        nodes[name]["peers"]["10.244.5.0"] = dict(healthy_node(1, 5)["peers"]["10.244.5.0"])


@quiet("node removed")
def node_removed(nodes: Nodes) -> None:
    """A node is removed, and all others forget it."""
    del nodes["node5"]
    forget(nodes, 5)


@quiet("node replaced")
def node_replaced(nodes: Nodes) -> None:
    """A node is replaced by another with its own address, MAC and subnet (F.7)."""
    del nodes["node5"]
    forget(nodes, 5)
    nodes["node6"] = healthy_node(6, 6)
    del nodes["node6"]["peers"]["10.244.5.0"]
    for name in ("node1", "node2", "node3", "node4"):
        nodes[name]["peers"]["10.244.6.0"] = dict(healthy_node(1, 6)["peers"]["10.244.6.0"])


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
        _link(
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
        _link(node, name, kind, **bare, mtu=1480, type=kind)
        del node["links"][name]["mac"]


def _with_docker(nodes: Nodes) -> None:
    for node in nodes.values():
        _link(node, "docker0", "bridge", addresses={"172.17.0.1/16": dict(LOCAL)})
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


@quiet("overlay over an overlay", underlay=1410, given=calico)
def odd_but_right(nodes: Nodes) -> None:
    """The underlay is itself a tunnel (1410), and all is derived from it; pods churn (I-16b)."""
    node = nodes["node1"]
    name = next(name for name in node["links"] if name.startswith("cali"))
    node["links"]["cali0ffffffffff"] = node["links"].pop(name)
    for row in node["routes"].values():
        if row.get("dev") == name:
            row["dev"] = "cali0ffffffffff"


def _cilium(nodes: Nodes) -> None:
    for number, node in enumerate(nodes.values(), start=1):
        pods = ports(node)
        for gone in ("flannel.1", "cni0", *pods):
            del node["links"][gone]
        del node["routes"][f"main 10.244.{number}.0/24 dev cni0"]
        node.update(peers={}, cni={}, ipam={})
        node["cni_config"] = {
            "05-cilium.conflist": {
                "order": 0,
                "name": "cilium",
                "cniVersion": "0.3.1",
                "plugins": [{"type": "cilium-cni"}],
            }
        }
        vxlan = {"external": True, "port": 8472, "learning": False, "ttl": 0}
        _link(node, "cilium_vxlan", "vxlan", operstate="UNKNOWN", vxlan=vxlan)
        _link(node, "cilium_net", "veth", peer="cilium_host")
        _link(node, "cilium_host", "veth", peer="cilium_net")
        node["links"]["cilium_host"]["addresses"] = {f"10.244.{number}.7/32": dict(LOCAL)}
        _link(node, "lxc_health", "veth")
        _link(node, "lxc0a1b2c3d4e5f", "veth")
        node["routes"]["main 10.244.0.0/16 dev cilium_host"] = route(
            "10.244.0.0/16", "cilium_host", metrics=[{"mtu": 1450}]
        )


@quiet("Cilium", given=_cilium)
def ciliums_pods(nodes: Nodes) -> None:
    """Cilium's pods have the MTU of the underlay, for their routes have less; a pod is new (I-42)."""
    links = nodes["node1"]["links"]
    links["lxc0fffffffffff"] = links.pop("lxc0a1b2c3d4e5f")


@quiet("Calico", given=calico)
def calicos_pods(nodes: Nodes) -> None:
    """A pod of Calico goes, and its route with it."""
    node = nodes["node2"]
    name = next(name for name in node["links"] if name.startswith("cali"))
    del node["links"][name]
    node["routes"] = {key: row for key, row in node["routes"].items() if row.get("dev") != name}


@quiet("dual stack", dual=True)
def dual_stack(nodes: Nodes) -> None:
    """A node with both families is rebooted."""
    reboot(nodes["node1"])


@quiet("jumbo frames", underlay=9001)
def jumbo_frames(nodes: Nodes) -> None:
    """Pods churn where all MTUs are large."""
    plug(nodes["node1"], 3)


@quiet("pods gone and come")
def bridge_was_empty(nodes: Nodes) -> None:
    """cni0 was without ports, and has some again."""
    unplug(nodes["node1"])
    fresh = healthy_node(1, 5)
    nodes["node1"]["links"]["cni0"] = fresh["links"]["cni0"]
    nodes["node1"]["routes"] = fresh["routes"]
    plug(nodes["node1"], 2)
