"""Plug pods into ``cni0`` with the real CNI ``bridge`` plugin, as flannel's would have it done."""

from __future__ import annotations

import json
import os
import secrets
import typing as t
from pathlib import Path

from .files import put, read_lease
from .namespaces import NETNS, add, delete, enter, inside
from .run import LabError, links, run
from .state import Lab, Node, Pod

FOLDERS = ("/usr/lib/cni", "/opt/cni/bin", "/usr/libexec/cni")


def plugins() -> Path:
    """Return the folder of the CNI plugins (``SNAPDIFF_LAB_CNI`` names another)."""
    named = os.environ.get("SNAPDIFF_LAB_CNI")
    for folder in [named] if named else FOLDERS:
        if os.access(Path(folder) / "bridge", os.X_OK) and os.access(
            Path(folder) / "host-local", os.X_OK
        ):
            return Path(folder)
    raise LabError(
        "no CNI plugins 'bridge' and 'host-local'."
        " Install containernetworking-plugins, or set SNAPDIFF_LAB_CNI to their folder."
    )


def names(lab: Lab, node: Node, count: int) -> list[str]:
    """Return the namespaces of the node's next *count* pods; a number is never used twice."""
    first = node.pods_made + 1
    return [f"{lab.name}-pod-{node.name}-{number}" for number in range(first, first + count)]


def plug(lab: Lab, node: Node, count: int) -> None:
    """Add *count* pods to the node, in namespaces made here where they are not there yet."""
    wanted = names(lab, node, count)
    add(one for one in wanted if not (NETNS / one).exists())
    for netns in wanted:
        pod = Pod(netns, secrets.token_hex(32))
        node.pods_made += 1
        node.pods.append(pod)  # before it is plugged, so that a failure leaves nothing unknown
        conf = _delegate(lab, node)
        put(node, f"/var/lib/cni/flannel/{pod.container_id}", conf, 0o600)
        _call("ADD", node, pod, conf)


def unplug(node: Node, pods: t.Iterable[Pod]) -> None:
    """Remove *pods* as a runtime does: the plugin frees the address, then the namespace goes."""
    for pod in list(pods):
        kept = inside(node, f"/var/lib/cni/flannel/{pod.container_id}")
        _call("DEL", node, pod, kept.read_text("utf-8"))
        kept.unlink()
        delete([pod.netns])
        node.pods.remove(pod)


def veth(node: Node, pod: Pod) -> str:
    """Return the name of the host end of the pod's veth."""
    peer = links(pod.netns)["eth0"]["link_index"]
    found = [name for name, link in links(node.netns).items() if link["ifindex"] == peer]
    if not found:
        raise LabError(f"{node.name}: {pod.netns} has no veth")
    return found[0]


def _delegate(lab: Lab, node: Node) -> str:
    """Return what the flannel plugin hands to ``bridge``, from the lease as it is now.

    ``ipMasq`` stays off, where flannel would turn it on: it needs iptables, and no link or
    route shows it.
    """
    lease = read_lease(node)
    subnet = lease["FLANNEL_SUBNET"].replace(".1/", ".0/")
    return json.dumps(
        {
            "cniVersion": "0.3.1",
            "name": "cbr0",
            "type": "bridge",
            "bridge": "cni0",
            "mtu": int(lease["FLANNEL_MTU"]),
            "isGateway": True,
            "isDefaultGateway": True,
            "hairpinMode": True,
            "ipMasq": False,
            "ipam": {"type": "host-local", "subnet": subnet, "routes": [{"dst": lab.network}]},
        }
    )


def _call(command: str, node: Node, pod: Pod, conf: str) -> None:
    folder = plugins()
    run(
        [*enter(node), str(folder / "bridge")],
        conf,
        {
            "CNI_COMMAND": command,
            "CNI_CONTAINERID": pod.container_id,
            "CNI_NETNS": str(NETNS / pod.netns),
            "CNI_IFNAME": "eth0",
            "CNI_PATH": str(folder),
        },
    )
