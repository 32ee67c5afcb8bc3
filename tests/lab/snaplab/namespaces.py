"""Make, enter, list and delete namespaces, and end the processes that live in them."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
import typing as t
from pathlib import Path

from .run import PATH, LabError, run

if t.TYPE_CHECKING:
    from .state import Node

NETNS = Path("/run/netns")


def add(names: t.Iterable[str]) -> None:
    """Make network namespaces that outlive every process."""
    run(["ip", "-batch", "-"], "".join(f"netns add {one}\n" for one in names))


def delete(names: t.Iterable[str]) -> None:
    """Delete those of *names* that there are, and with each the links in it."""
    there = [one for one in names if (NETNS / one).exists()]
    if there:
        run(["ip", "-force", "-batch", "-"], "".join(f"netns del {one}\n" for one in there))


def of_lab(name: str) -> list[str]:
    """Return the network namespaces of the lab called *name*, which may have no state left."""
    mine = re.compile(re.escape(name) + r"-(ctl|node\d+|pod-node\d+-\d+)")
    there = [one.name for one in NETNS.iterdir()] if NETNS.is_dir() else []
    return sorted(one for one in there if mine.fullmatch(one))


def hold(node: Node) -> None:
    """Start the process that holds the node's mount and UTS namespaces; note it in *node*.

    Propagation is slave: the node's mounts stay in it, and it sees the pods that come later.
    """
    inner = ["unshare", "--mount", "--uts", "--propagation", "slave", "--", "sleep", "infinity"]
    holder = subprocess.Popen(
        ["nsenter", f"--net={NETNS / node.netns}", "--", *inner],
        env={"PATH": PATH},
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # a Ctrl-C in the caller's terminal is not meant for the nodes
    )
    node.holder, node.holder_started = holder.pid, started(holder.pid)
    # Each of the three becomes the next by exec, so the pid stays; the last one has its namespaces.
    wait_for(lambda: _comm(holder.pid) == "sleep", f"{node.name}: its namespaces could not be made")
    # The holder outlives this command and is init's to reap, not ours.
    holder.returncode = 0


def enter(node: Node, *kinds: str) -> list[str]:
    """Return the words that run a command in the node's namespaces (all three, or only *kinds*)."""
    alive(node)
    chosen = kinds or ("mount", "uts", "net")
    return ["nsenter", f"--target={node.holder}", *(f"--{kind}" for kind in chosen), "--"]


def inside(node: Node, path: str) -> Path:
    """Return *path* as the node sees it, for reading and writing from outside."""
    alive(node)
    return Path(f"/proc/{node.holder}/root{path}")


def alive(node: Node) -> None:
    """Fail unless the node's holder is the process that was started for it."""
    if not node.holder or started(node.holder) != node.holder_started:
        raise LabError(
            f"{node.name} is dead: the process that holds its namespaces is gone. Run 'lab down'."
        )


def started(pid: int) -> str:
    """Return when *pid* started, which no later process of its number shares; '' if it ended."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text("ascii", "replace")
    except OSError:
        return ""
    fields = stat.rpartition(")")[2].split()
    return "" if fields[0] in "ZX" else fields[19]


def processes(names: t.Iterable[str]) -> list[int]:
    """Return the processes in the namespaces *names*, less the caller and what it runs under."""
    inodes = set()
    for one in names:
        try:
            inodes.add((NETNS / one).stat().st_ino)
        except FileNotFoundError:
            continue
    spared = _lineage()
    return [pid for pid in _pids() if pid not in spared and _netns_of(pid) in inodes]


def kill(pids: t.Iterable[int]) -> None:
    """End *pids* at once and wait until they are gone."""
    left = {pid: started(pid) for pid in pids}
    for pid in left:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    wait_for(
        lambda: not any(began and started(pid) == began for pid, began in left.items()),
        f"processes {sorted(left)} do not end",
    )


def wait_for(ready: t.Callable[[], bool], failure: str, seconds: float = 10.0) -> None:
    """Wait until *ready* says so; fail with *failure* after *seconds*."""
    limit = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > limit:
            raise LabError(failure)
        time.sleep(0.01)


def _pids() -> list[int]:
    return [int(one.name) for one in Path("/proc").iterdir() if one.name.isdigit()]


def _netns_of(pid: int) -> int:
    try:
        return Path(f"/proc/{pid}/ns/net").stat().st_ino
    except OSError:
        return 0


def _comm(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text("utf-8").strip()
    except OSError:
        return ""


def _lineage() -> set[int]:
    found, pid = set(), os.getpid()
    while pid > 0 and pid not in found:
        found.add(pid)
        try:
            stat = Path(f"/proc/{pid}/stat").read_text("ascii", "replace")
        except OSError:
            break
        pid = int(stat.rpartition(")")[2].split()[1])
    return found
