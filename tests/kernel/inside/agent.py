"""A node's own process: it holds the node's namespaces, and does there what it is asked.

Started in fresh mount and UTS namespaces and in the node's network namespace. It reads a JSON
object a line, does it, and answers with one.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import typing as t
import uuid
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
STEP = 60.0  # seconds for one command: an emulated processor is slow

sys.path.insert(0, str(ROOT / "plugins"))
from module_utils._collect import collect  # noqa: E402  the collector, as it is sent to nodes
from module_utils._node import Node  # noqa: E402

OWN = ("/etc/cni", "/etc/kube-flannel", "/var/lib/cni")  # folders that a node has for itself
SINGLE = ("/etc/machine-id", "/proc/sys/kernel/random/boot_id")  # files likewise


def dress(name: str, netns: str) -> None:
    """Give the node its own /sys, /run and files, seen from its own namespaces alone."""
    Path("/proc/sys/kernel/hostname").write_text(name, "ascii")
    _mount("-t", "sysfs", "sysfs", "/sys")
    for folder in OWN:
        Path(folder).mkdir(parents=True, exist_ok=True)
        _mount("-t", "tmpfs", "-o", "mode=755", "own", folder)
    fresh = Path(f"/mnt/{netns}")
    fresh.mkdir()
    _mount("-t", "tmpfs", "-o", "mode=755", "own", str(fresh))
    for number, path in enumerate(SINGLE):
        own = fresh / str(number)
        own.write_text(f"{uuid.uuid4().hex if number == 0 else uuid.uuid4()}\n", "ascii")
        if number == 0:
            Path(path).touch()
        _mount("--bind", str(own), path)
    (fresh / "run" / "netns").mkdir(parents=True)
    _mount("--rbind", "/run/netns", str(fresh / "run" / "netns"))
    _mount("--rbind", str(fresh / "run"), "/run")


def _mount(*words: str) -> None:
    subprocess.run(["mount", "-n", *words], check=True)


def do(wish: dict[str, t.Any]) -> dict[str, t.Any]:
    """Run a command, write or read a file, or collect the node's facts."""
    if "run" in wish:
        done = subprocess.run(
            wish["run"],
            input=wish.get("text", ""),
            env={**os.environ, **wish.get("env", {})},
            capture_output=True,
            text=True,
            check=False,
        )
        return {"code": done.returncode, "out": done.stdout, "err": done.stderr}
    if "write" in wish:
        path = Path(wish["write"])
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(wish["text"], "utf-8")
        return {}
    if "read" in wish:
        return {"text": Path(wish["read"]).read_text("utf-8")}
    return {"facts": collect(Node(shutil.which, STEP))}


def answer(found: dict[str, t.Any]) -> None:
    """Write one line to who asked."""
    sys.stdout.write(json.dumps(found) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Answer until nobody asks any more."""
    dress(*sys.argv[1:])
    answer({})
    for line in sys.stdin:
        answer(do(json.loads(line)))


main()
