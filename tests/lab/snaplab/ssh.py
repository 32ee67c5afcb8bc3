"""Let Ansible in: keys, an sshd per node, and the inventory."""

from __future__ import annotations

import json
import os
import shutil
import sys
import typing as t
from pathlib import Path

from .files import put
from .namespaces import enter, inside, kill, processes, wait_for
from .run import PATH, LabError, run

if t.TYPE_CHECKING:
    from .state import Lab, Node

HOME = "/run/root"
CONFIG = """\
ListenAddress {address}
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/client_key.pub
PidFile /run/sshd.pid
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
StrictModes no
UsePAM no
UseDNS no
PrintMotd no
MaxSessions 100
MaxStartups 100
AcceptEnv LANG LC_*
SetEnv PATH={path}
Subsystem sftp internal-sftp
"""


def make_keys(lab: Lab) -> None:
    """Make one key for every node's sshd, and one for who logs in."""
    for name in ("host_key", "client_key"):
        run(
            [
                "ssh-keygen",
                "-q",
                "-t",
                "ed25519",
                "-N",
                "",
                "-C",
                f"{lab.name} {name}",
                "-f",
                str(lab.folder / name),
            ]
        )
    (lab.folder / "cp").mkdir(mode=0o700)
    longest = (
        f"{control_path(lab)}".replace("%h", "10.77.0.200") + "." + 16 * "x"
    )  # ssh adds such an ending for a moment
    if len(longest) > 107:
        raise LabError(
            f"{lab.folder} is too long for a socket's path."
            " Set SNAPDIFF_LAB_DIR to a shorter folder."
        )


def control_path(lab: Lab) -> str:
    """Return where ssh keeps its shared connections, in ssh's own words."""
    return f"{lab.folder}/cp/%h"


def start(lab: Lab, node: Node) -> None:
    """Start the node's sshd and wait until it listens."""
    log = lab.folder / f"{node.name}.sshd.log"
    config = f"/etc/ssh/sshd_config.{lab.name}"
    text = CONFIG.format(address=node.address, folder=lab.folder, path=PATH)
    put(node, config, text)
    _own_root(node)
    binary = shutil.which("sshd", path=PATH)
    run([*enter(node), str(binary), "-f", config, "-E", str(log)])
    wait_for(lambda: listening(node), f"{node.name}: sshd does not listen; see {log}")


def stop(lab: Lab, node: Node) -> None:
    """End the node's sshd with every session, and all else that runs there but the holder."""
    drop_connections(lab, [node])
    kill(pid for pid in processes([node.netns]) if pid != node.holder)


def listening(node: Node) -> bool:
    """Say whether something listens on port 22 of the node."""
    try:
        lines = Path(f"/proc/{node.holder}/net/tcp").read_text("ascii").splitlines()[1:]
    except OSError:
        return False
    return any(line.split()[1].endswith(":0016") and line.split()[3] == "0A" for line in lines)


def drop_connections(lab: Lab, nodes: t.Iterable[Node]) -> None:
    """Close the connections that ssh keeps open to *nodes*.

    One that was opened under another MTU of eth0 keeps its segment size, and would hang in the
    middle of a file.
    """
    for node in nodes:
        socket = control_path(lab).replace("%h", node.address)
        if Path(socket).exists():
            try:
                run(["ssh", "-O", "exit", "-o", f"ControlPath={socket}", node.address])
            except LabError:
                continue  # its process was killed and left the socket behind


def write_inventory(lab: Lab) -> Path:
    """Write inventory and known hosts for the nodes there are; return the inventory's path."""
    key = (lab.folder / "host_key.pub").read_text("ascii").split()[:2]
    known = lab.folder / "known_hosts"
    known.write_text(
        "".join(f"{one.address} {' '.join(key)}\n" for one in lab.nodes.values()), "ascii"
    )
    options = f"-o UserKnownHostsFile={known} -o StrictHostKeyChecking=yes"
    options += f" -o ControlPath={control_path(lab)}"
    variables = {
        "ansible_user": "root",
        "ansible_ssh_private_key_file": str(lab.folder / "client_key"),
        "ansible_ssh_common_args": options,
        "ansible_python_interpreter": _python(),
    }
    lines = ["---", "all:", "  children:", "    nodes:", "      hosts:"]
    for node in lab.nodes.values():
        lines += [f"        {node.name}:", f"          ansible_host: {node.address}"]
    lines += [
        "      vars:",
        *(f"        {key}: {json.dumps(value)}" for key, value in variables.items()),
    ]
    path = lab.folder / "inventory.yml"
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def _python() -> str:
    """Return the Python of the nodes: never a version manager's shim, which needs its setup."""
    named = os.environ.get("SNAPDIFF_LAB_PYTHON")
    if named:
        return named
    return (
        "/usr/bin/python3"
        if os.access("/usr/bin/python3", os.X_OK)
        else os.path.realpath(sys.executable)
    )


def _own_root(node: Node) -> None:
    """Give root a home of the node's own and let it in.

    The machine's home would bring its shell's start files and one folder of Ansible's to every
    node. Where root is locked, sshd without PAM takes the '!' for a refusal.
    """
    inside(node, HOME).mkdir(mode=0o700, exist_ok=True)
    for path, field, mode in (("/etc/passwd", 5, 0o644), ("/etc/shadow", 1, 0o640)):
        lines = inside(node, path).read_text("utf-8").splitlines()
        for number, line in enumerate(lines):
            fields = line.split(":")
            if fields[0] == "root" and (field == 5 or fields[1].startswith("!")):
                fields[field] = HOME if field == 5 else "*"
                lines[number] = ":".join(fields)
        put(node, path, "\n".join(lines) + "\n", mode)
