"""Give a node its own files: what it mounts, and what flannel writes there."""

from __future__ import annotations

import json
import typing as t
import uuid

from .namespaces import NETNS, enter, inside
from .run import run

if t.TYPE_CHECKING:
    from pathlib import Path

    from .state import Lab, Node

# Byte for byte what the flannel manifest installs, as a real node has it.
CONFLIST = (
    '{"name":"cbr0","cniVersion":"0.3.1","plugins":[{"type":"flannel",'
    '"delegate":{"hairpinMode":true,"isDefaultGateway":true}},{"type":"portmap","capabilities":{"portMappings":true}}]}\n'
)


def mount(lab: Lab, node: Node) -> None:
    """Mount the node's own /sys, /etc, /var/lib, /run and boot id, in its namespace alone."""
    base = lab.folder / "nodes" / node.name
    base.mkdir(parents=True, exist_ok=True)
    into = enter(node, "mount", "net")
    # A sysfs shows the links of the namespace that it was mounted from.
    run([*into, "mount", "-n", "-t", "sysfs", "sysfs", "/sys"])
    run([*into, "mount", "-n", "-t", "tmpfs", "-o", "mode=755", "snapdiff-lab", str(base)])
    for name in ("etc", "etc.work", "lib", "lib.work", "run"):
        inside(node, f"{base}/{name}").mkdir()
    # Layers, not bind mounts: those need folders on the machine, which is to stay untouched.
    for name, where in (("etc", "/etc"), ("lib", "/var/lib")):
        options = f"lowerdir={where},upperdir={base}/{name},workdir={base}/{name}.work"
        run([*into, "mount", "-n", "-t", "overlay", "-o", options, "overlay", where])
    inside(node, f"{base}/boot_id").write_text(f"{uuid.uuid4()}\n", "ascii")
    inside(node, f"{base}/boot_id").chmod(0o444)
    run([*into, "mount", "-n", "--bind", f"{base}/boot_id", "/proc/sys/kernel/random/boot_id"])
    _own_run(lab, node, base)


def _own_run(lab: Lab, node: Node, base: Path) -> None:
    """Give the node an empty /run that still shows the pods' namespaces and the lab's folder."""
    into = enter(node, "mount")
    fresh = f"{base}/run"
    run([*into, "mount", "-n", "-t", "tmpfs", "-o", "mode=755", "tmpfs", fresh])
    for name in ("netns", "sshd", "flannel", "lock"):
        inside(node, f"{fresh}/{name}").mkdir()
    run([*into, "mount", "-n", "--rbind", str(NETNS), f"{fresh}/netns"])
    if lab.folder.parts[:2] == ("/", "run"):
        again = f"{base}{lab.folder}"  # /run/... of the new /run, which is still at {base}/run
        inside(node, again).mkdir(parents=True)
        run([*into, "mount", "-n", "--bind", str(lab.folder), again])
    run([*into, "mount", "-n", "--move", fresh, "/run"])


def write_identity(node: Node) -> None:
    """Write what tells one node from another, and the CNI configuration that all share."""
    put(node, "/etc/machine-id", f"{uuid.uuid4().hex}\n", 0o444)
    put(node, "/etc/hostname", f"{node.name}\n")
    # No traffic leaves the lab: a question to the machine's name servers would only time out.
    put(node, "/etc/hosts", f"127.0.0.1 localhost\n{node.address} {node.name}\n")
    put(node, "/etc/resolv.conf", "")
    put(node, "/etc/cni/net.d/10-flannel.conflist", CONFLIST)
    inside(node, "/var/lib/cni").mkdir(parents=True, exist_ok=True)


def write_net_conf(lab: Lab, node: Node) -> None:
    """Write flannel's configuration, with the keys that are not at their default."""
    backend: dict[str, t.Any] = {"Type": "vxlan"}
    if node.vni != 1:
        backend["VNI"] = node.vni
    if node.port != 8472:
        backend["Port"] = node.port
    put(
        node,
        "/etc/kube-flannel/net-conf.json",
        json.dumps({"Network": lab.network, "Backend": backend}, indent=2) + "\n",
    )


def write_lease(lab: Lab, node: Node, mtu: int) -> None:
    """Write ``subnet.env`` as flanneld does: these keys, this order, 0644, never half a file."""
    put(
        node,
        "/run/flannel/subnet.env",
        f"FLANNEL_NETWORK={lab.network}\nFLANNEL_SUBNET={node.gateway}\n"
        f"FLANNEL_MTU={mtu}\nFLANNEL_IPMASQ=false\n",
    )


def read_lease(node: Node) -> dict[str, str]:
    """Read ``subnet.env`` back, as the flannel CNI plugin does for each pod."""
    lines = inside(node, "/run/flannel/subnet.env").read_text("utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)


def new_boot_id(node: Node) -> None:
    """Give the node another boot id, and empty the /run that a reboot empties."""
    # Written in place: the bind mount is of this very file.
    path = inside(node, "/proc/sys/kernel/random/boot_id")
    path.chmod(0o644)
    path.write_text(f"{uuid.uuid4()}\n", "ascii")
    path.chmod(0o444)
    inside(node, "/run/flannel/subnet.env").unlink(missing_ok=True)


def put(node: Node, path: str, text: str, mode: int = 0o644) -> None:
    """Write *text* to *path* of the node by a rename."""
    target = inside(node, path)
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = target.with_name(f".{target.name}.new")
    fresh.write_text(text, "utf-8")
    fresh.chmod(mode)
    fresh.replace(target)
