"""Bring a lab up and down, and add, remove and reboot its nodes."""

from __future__ import annotations

import ipaddress
import os
import shutil
import typing as t
from concurrent.futures import ThreadPoolExecutor

from . import files, namespaces, overlay, pods, ssh
from .run import PATH, LabError, ip, links, run
from .settle import settle
from .state import GATEWAY, MAX_NODES, MAX_PODS, UNDERLAY, Lab, Node, folder_of, load

TOOLS = {
    "ip": "iproute2",
    "bridge": "iproute2",
    "nsenter": "util-linux",
    "unshare": "util-linux",
    "mount": "mount",
}
TOOLS.update(
    {
        "sysctl": "procps",
        "sshd": "openssh-server",
        "ssh": "openssh-client",
        "ssh-keygen": "openssh-client",
    }
)
# Above every MTU that an incident gives eth0, so that only eth0's own decides.
SWITCH_MTU = 9216
# IPv6 needs 1280 on the overlay; the switch passes all that an incident may raise eth0 to.
MIN_MTU, MAX_MTU = 1280 + overlay.OVERHEAD, 9001

One = t.TypeVar("One")


def check(lab: Lab) -> None:
    """Fail, before anything is made, where a program is missing or *lab* asks too much."""
    if os.geteuid():
        raise LabError("namespaces and mounts need root. Run it with sudo.")
    missing = sorted({name for tool, name in TOOLS.items() if not shutil.which(tool, path=PATH)})
    if missing:
        raise LabError(f"programs are missing. Install {' '.join(missing)}.")
    pods.plugins()
    if not (1 <= lab.size <= MAX_NODES and 0 <= lab.pods <= MAX_PODS):
        raise LabError(
            f"{lab.size} nodes, {lab.pods} pods each."
            f" Use 1 to {MAX_NODES} nodes, 0 to {MAX_PODS} pods."
        )
    if ipaddress.ip_network(lab.network).prefixlen > 16:
        raise LabError(f"{lab.network} is too small for the nodes and the incidents. Use a /16.")
    if not MIN_MTU <= lab.mtu <= MAX_MTU:
        raise LabError(f"MTU {lab.mtu}. Use {MIN_MTU} to {MAX_MTU}.")


def each(work: t.Callable[[One], object], things: t.Iterable[One]) -> None:
    """Do *work* for all *things* at a time; raise the first failure when all have ended."""
    with ThreadPoolExecutor(max_workers=8) as pool:
        for done in [pool.submit(work, one) for one in things]:
            done.result()


def up(lab: Lab) -> None:
    """Bring up *lab* with the size and the pods that it names; take all back when that fails."""
    if namespaces.of_lab(lab.name) or (lab.folder / "state.json").exists():
        raise LabError(
            f"lab '{lab.name}' is up, or crashed. Run 'lab --name {lab.name} down' first."
        )
    try:
        _up(lab)
    except BaseException:  # a Ctrl-C too
        down(lab.name)
        raise


def _up(lab: Lab) -> None:
    fresh = [lab.new_node(index) for index in range(1, lab.size + 1)]
    lab.nodes = {one.name: one for one in fresh}
    lab.save()
    # Before any holder: the first makes /run/netns a shared mount, which the nodes' then follow.
    namespaces.add([lab.controller])
    ip(
        lab.controller,
        "link set lo up",
        f"link add underlay mtu {SWITCH_MTU} type bridge",
        f"addr add {GATEWAY}/{UNDERLAY.prefixlen} dev underlay",
        "link set underlay up",
    )
    ssh.make_keys(lab)
    each(lambda node: boot(lab, node, lab.pods, lab.mtu), fresh)
    ssh.write_inventory(lab)
    lab.save()
    settle(lab)


def boot(lab: Lab, node: Node, count: int, mtu: int) -> None:
    """Make the node from nothing: namespaces, files, eth0, flannel, *count* pods, sshd."""
    namespaces.add([node.netns, *pods.names(lab, node, count)])
    namespaces.hold(node)
    files.mount(lab, node)
    files.write_identity(node)
    # accept_dad: no address is tentative for its first second. Later, nothing tells it from one
    # that was checked.
    run(
        [
            *namespaces.enter(node, "uts", "net"),
            "sysctl",
            "-q",
            "-w",
            f"kernel.hostname={node.name}",
            "net.ipv4.ip_forward=1",
            "net.ipv4.conf.all.rp_filter=0",
            "net.ipv4.conf.default.rp_filter=0",
            "net.ipv6.conf.default.accept_dad=0",
        ]
    )
    _bring_links(lab, node, count, mtu)


def _bring_links(lab: Lab, node: Node, count: int, mtu: int) -> None:
    """Make the links in the order of a boot: eth0, the VTEP, then the first pod makes cni0."""
    port = f"port{node.index}"
    ip(
        lab.controller,
        f"link add {port} index {node.index + 2} mtu {SWITCH_MTU} type veth"
        f" peer name eth0 mtu {mtu} address {node.eth0_mac} netns {node.netns}",
        f"link set {port} master underlay up",
    )
    ip(
        node.netns,
        "link set lo up",
        f"addr add {node.address}/{UNDERLAY.prefixlen} dev eth0",
        "link set eth0 up",
        f"route add default via {GATEWAY} dev eth0",
    )
    files.write_net_conf(lab, node)
    overlay.start_flanneld(lab, node)
    pods.plug(lab, node, count)
    ssh.start(lab, node)


def reboot(lab: Lab, node: Node, count: int, mtu: int) -> None:
    """Reboot the node: new boot id, new links; eth0 and the VTEP keep the MAC that they had."""
    ssh.stop(lab, node)
    pods.unplug(node, node.pods)
    there = links(node.netns)
    # With eth0 go the VTEP on it and the switch's port, before ip returns.
    ip(node.netns, *(f"link del {one}" for one in ("cni0", "eth0") if one in there))
    files.new_boot_id(node)
    run([*namespaces.enter(node, "net"), "sysctl", "-q", "-w", "net.ipv4.ip_forward=1"])
    _bring_links(lab, node, count, mtu)


def add_node(lab: Lab, index: int) -> Node:
    """Add the node number *index* with the pods that the others got, and tell them of it."""
    node = lab.new_node(index)
    lab.nodes[node.name] = node
    lab.save()
    boot(lab, node, lab.pods, lab.mtu)
    each(lambda peer: overlay.program(peer, [node]), lab.peers(node))
    ssh.write_inventory(lab)
    return node


def remove_node(lab: Lab, node: Node) -> None:
    """Take the node out of the cluster: the others forget it, and nothing of it stays."""
    ssh.drop_connections(lab, [node])
    each(lambda peer: overlay.unprogram(peer, node), lab.peers(node))
    _destroy([node.netns, *(one.netns for one in node.pods)])
    del lab.nodes[node.name]
    ssh.write_inventory(lab)


def repair(lab: Lab) -> None:
    """Reboot every node into what ``up`` gave it; added nodes go, removed ones come back new.

    By a reboot: its boot id explains to a reader why every ifindex and cni0's MAC changed.
    """
    for node in [one for one in lab.nodes.values() if one.index > lab.size]:
        remove_node(lab, node)
    for node in lab.nodes.values():
        node.subnet, node.vni, node.port = lab.subnet(node.index), 1, 8472
        node.vtep_mac = node.first_vtep_mac
    each(lambda node: reboot(lab, node, lab.pods, lab.mtu), lab.nodes.values())
    lab.incidents.clear()
    for index in range(1, lab.size + 1):
        if f"node{index}" not in lab.nodes:
            add_node(lab, index)
    lab.nodes = dict(sorted(lab.nodes.items(), key=lambda item: item[1].index))
    ssh.write_inventory(lab)


def down(name: str) -> None:
    """Take away all of the lab called *name* that is left. Doing it again does no harm."""
    try:
        lab: Lab | None = load(name)
    except LabError:
        lab = None
    if lab:
        ssh.drop_connections(lab, lab.nodes.values())
        # A holder whose namespace has lost its name is not found by that; its start time tells
        # it from a stranger with its number.
        namespaces.kill(
            one.holder
            for one in lab.nodes.values()
            if one.holder and namespaces.started(one.holder) == one.holder_started
        )
    # Again, as a program that a killed 'up' had just started may add one meanwhile.
    while there := namespaces.of_lab(name):
        _destroy(there)
    shutil.rmtree(folder_of(name), ignore_errors=True)


def _destroy(netns: list[str]) -> None:
    namespaces.kill(namespaces.processes(netns))
    namespaces.delete(netns)
