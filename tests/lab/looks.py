"""Read a lab from outside, through ``ip`` and its own commands, for the tests."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import typing as t
from pathlib import Path

HERE = Path(__file__).parent
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

View = dict[str, t.Any]


def run(*argv: str, check: bool = True) -> str:
    """Run *argv*; return all that it says."""
    environment = {**os.environ, "PATH": PATH}
    done = subprocess.run(argv, capture_output=True, text=True, env=environment, check=False)
    assert not (check and done.returncode), f"{argv}: {done.returncode}: {done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def lab(name: str, *argv: str, check: bool = True) -> str:
    """Run a command of the lab called *name*."""
    return run(sys.executable, str(HERE / "lab"), "--name", name, *argv, check=check)


def inside(netns: str, *argv: str) -> t.Any:
    """Return what ``ip`` or ``bridge`` prints in a namespace."""
    return json.loads(run(argv[0], "-n", netns, "-j", "-d", *argv[1:]))


def folder(name: str) -> Path:
    """Return the folder of the lab called *name*."""
    return Path(lab(name, "inventory").strip()).parent


def state(name: str) -> View:
    """Return what the lab wrote of itself."""
    known: View = json.loads((folder(name) / "state.json").read_text("utf-8"))
    return known


def view(name: str) -> View:
    """Return what matters of every node as paths with values; a MAC is called by its owner."""
    nodes = state(name)["nodes"]
    owners = {one["first_vtep_mac"]: f"vtep of {key}" for key, one in nodes.items()}
    owners.update({one["eth0_mac"]: f"eth0 of {key}" for key, one in nodes.items()})
    return {
        f"{node}/{key}": value
        for node in nodes
        for part in (_links(name, node, owners), _tables(name, node, owners), _files(name, node))
        for key, value in part.items()
    }


def _links(name: str, node: str, owners: dict[str, str]) -> View:
    links = inside(f"{name}-{node}", "ip", "addr", "show")
    seen: View = {
        "veths": [
            (one["mtu"], one.get("master")) for one in links if one["ifname"].startswith("veth")
        ]
    }
    for one in links:
        if one["ifname"].startswith("veth"):
            continue
        data = one.get("linkinfo", {}).get("info_data", {}) if "." in one["ifname"] else {}
        fields = {
            "addresses": [
                f"{at['local']}/{at['prefixlen']}"
                for at in one["addr_info"]
                if at["family"] == "inet"
            ],
            "ifindex": one["ifindex"],
            "mac": owners.get(one["address"], one["address"]),
            "mtu": one["mtu"],
            "state": f"{one['operstate']} {'up' if 'UP' in one['flags'] else 'down'}",
            **{key: data[key] for key in ("id", "port") if key in data},
        }
        seen.update({f"{one['ifname']}/{key}": value for key, value in fields.items()})
    return seen


def _tables(name: str, node: str, owners: dict[str, str]) -> View:
    """Return routes, neighbours and FDB entries of pods, each a map by destination."""
    netns = f"{name}-{node}"
    routes = [
        one
        for one in inside(netns, "ip", "-4", "route", "show")
        if one["dst"].startswith("10.244.")
    ]
    neighbours = inside(netns, "ip", "neigh", "show", "nud", "permanent")
    entries = [one for one in inside(netns, "bridge", "fdb", "show") if "dst" in one]
    return {
        **{
            f"route {one['dst']}": " ".join([one["dev"], one["protocol"], *one["flags"]])
            for one in routes
        },
        **{
            f"neigh {one['dst']}": f"{one['dev']} {owners.get(one['lladdr'], 'unknown')}"
            for one in neighbours
        },
        **{
            f"fdb {owners.get(one['mac'], 'unknown')}": " ".join(
                [one["ifname"], one["dst"], one["state"]]
            )
            for one in entries
        },
    }


def _files(name: str, node: str) -> View:
    wanted = (
        "/proc/sys/net/ipv4/ip_forward",
        "/proc/sys/kernel/random/boot_id",
        "/run/flannel/subnet.env",
    )
    forward, boot_id, _network, subnet, mtu, _masquerade, *sockets = lab(
        name, "exec", node, "--", "cat", *wanted, "/proc/net/tcp"
    ).splitlines()
    listens = any(re.search(r":0016 0{8}:0{4} 0A", one) for one in sockets)
    return {
        "ip_forward": forward,
        "boot_id": boot_id,
        "lease": f"{subnet.split('=')[1]} {mtu.split('=')[1]}",
        "sshd": "listens" if listens else "is gone",
    }


def changes(before: View, after: View) -> View:
    """Return the paths whose value differs with the new value, None for what is gone."""
    return {
        key: after.get(key)
        for key in sorted({*before, *after})
        if before.get(key) != after.get(key)
    }


def plain(data: t.Any) -> t.Any:
    """Return what ``ip -j`` printed less what no two nodes share: random names, counters."""
    text = json.dumps(data)
    own = re.search(r'"label": "cni0"', text) and re.search(r'"local": "(10\.244\.\d+)\.1"', text)
    for pattern, instead in (
        (rf"{re.escape(own.group(1))}\." if own else "$^", "10.244.own."),
        (r"10\.244\.\d+\.", "10.244.peer."),
        (r"veth[0-9a-f]{8}", "veth"),
        (r"fe80::[0-9a-f:]+(?![0-9a-f:/])", "fe80::x"),
        (r"33:33:ff(:[0-9a-f]{2}){3}", "33:33:ff:x"),
        (r"8000(\.[0-9a-f]{1,2})(:[0-9a-f]{1,2}){5}", "8000.x"),
        (
            r'"(?!00:00:00:00|ff:ff:ff:ff|33:33|01:00:5e|01:80:c2)([0-9a-f]{2}:){5}[0-9a-f]{2}"',
            '"mac"',
        ),
    ):
        text = re.sub(pattern, instead, text)
    return _less_counters(json.loads(text))


def _less_counters(data: t.Any) -> t.Any:
    # The number of processors and the driver's offloads are the machine's, not the node's.
    moving = re.compile(r"stats64|.*_timer|num_.x_queues|g[sr]o_.*|tso_.*")
    if isinstance(data, dict):
        return {
            key: _less_counters(value) for key, value in data.items() if not moving.fullmatch(key)
        }
    return [_less_counters(one) for one in data] if isinstance(data, list) else data


def as_recorded(live: t.Any, recorded: t.Any) -> t.Any:
    """Return *live* with only the keys that *recorded* has: a newer iproute2 prints more."""
    if isinstance(live, dict) and isinstance(recorded, dict):
        return {key: as_recorded(live[key], recorded[key]) for key in recorded if key in live}
    if isinstance(live, list) and isinstance(recorded, list) and len(live) == len(recorded):
        return [as_recorded(one, other) for one, other in zip(live, recorded, strict=True)]
    return live
