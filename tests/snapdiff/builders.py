"""A healthy flannel node as a snapshot, and ways to make it a little different.

A test names only what it is about: ``edited(node(), {"links/cni0/mtu": 1400})``.
"""

from __future__ import annotations

import copy
import hashlib
from datetime import UTC, datetime
from pathlib import Path

from snapdiff import snapshot as snapshots
from snapdiff.model import BODY, HEAD, MOVING, Outcome, Snapshot
from snapdiff.store import Store, side_of_capture

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures"
GOLDEN = Path(__file__).resolve().parent.parent / "golden"
NOW = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
GONE = object()  # what an edit takes away
FLAGS = ["BROADCAST", "LOWER_UP", "MULTICAST", "UP"]


def link(kind: str | None = None, **fields):
    """Return a row of ``links`` that is up and has no address."""
    found = {"addresses": {}, "flags": list(FLAGS), "operstate": "UP", "mtu": 1450, **fields}
    if kind:
        found["kind"] = kind
    return found


def address(scope: str = "global", **fields):
    return {"family": "inet", "scope": scope, **fields}


def peer(number: int, **fields):
    """Return the row that other nodes have of node *number*."""
    return {
        "dev": "flannel.1",
        "mac": f"0a:00:00:00:00:{number:02x}",
        "subnet": f"10.244.{number}.0/24",
        "underlay": f"192.0.2.{number}",
        **fields,
    }


def route(dst: str, dev: str, **fields):
    found = {"family": "inet", "type": "unicast", "table": "main", "dst": dst, "dev": dev}
    return {**found, "flags": [], "protocol": "boot", "scope": "global", **fields}


def pods(number: int, mtu: int = 1450, first: int = 1):
    """Return pod ports of cni0 by name."""
    return {
        f"veth{first + one:08x}": link("veth", master="cni0", mtu=mtu, ifindex=10 + first + one)
        for one in range(number)
    }


def document(number: int = 1, of: int = 3, name: str | None = None) -> dict:
    """Return the document of node *number* in a cluster of that many nodes."""
    subnet = f"10.244.{number}"
    return {
        "schema": "snapdiff/snapshot/1",
        "facts": 1,
        "node": name or f"node{number}",
        "consistent": True,
        "host": {"boot_id": f"boot-{number}", "hostname": f"node{number}", "kernel": "6.1.0"},
        "not_observed": {},
        "links": {
            "lo": link(flags=["LOOPBACK", "LOWER_UP", "UP"], mtu=65536, operstate="UNKNOWN"),
            "eth0": link(
                mtu=1500,
                ifindex=2,
                mac=f"02:00:00:00:00:{number:02x}",
                addresses={f"192.0.2.{number}/24": address()},
            ),
            "flannel.1": link(
                "vxlan",
                ifindex=3,
                lower="eth0",
                mac=f"0a:00:00:00:00:{number:02x}",
                operstate="UNKNOWN",
                addresses={f"{subnet}.0/32": address()},
                vxlan={"id": 1, "local": f"192.0.2.{number}", "port": 8472, "learning": False},
            ),
            "cni0": link(
                "bridge",
                ifindex=4,
                mac=f"0e:00:00:00:00:{number:02x}",
                addresses={f"{subnet}.1/24": address(broadcast=f"{subnet}.255")},
                bridge={"stp_state": 0, "bridge_id": f"8000.0e:00:00:00:00:{number:02x}"},
            ),
            **pods(2),
        },
        "peers": {f"10.244.{one}.0": peer(one) for one in range(1, of + 1) if one != number},
        "routes": {
            "main default dev eth0": route("default", "eth0", gateway="192.0.2.254"),
            "main 192.0.2.0/24 dev eth0": route(
                "192.0.2.0/24",
                "eth0",
                protocol="kernel",
                scope="link",
                prefsrc=f"192.0.2.{number}",
            ),
            f"main {subnet}.0/24 dev cni0": route(
                f"{subnet}.0/24", "cni0", protocol="kernel", scope="link", prefsrc=f"{subnet}.1"
            ),
        },
        "neighbours": {},
        "fdb": {},
        "rules": {},
        "cni": {
            "subnet_env": {
                "FLANNEL_NETWORK": "10.244.0.0/16",
                "FLANNEL_SUBNET": f"{subnet}.1/24",
                "FLANNEL_MTU": 1450,
                "FLANNEL_IPMASQ": True,
            }
        },
        "cni_config": {
            "10-flannel.conflist": {"order": 0, "name": "cbr0", "plugins": [{"type": "flannel"}]}
        },
        "ipam": {},
        "sysctls": {"net.ipv4.ip_forward": 1, "net.ipv4.conf.all.forwarding": 1},
        "provenance": {"taken_at": "2026-11-22T02:00:00Z", "via": "test"},
        **{name: {} for name in MOVING[1:]},
    }


def edit(given: dict, edits: dict) -> dict:
    """Return a copy with each place set to its value, or taken away where it is GONE.

    A place is ``links/cni0/mtu``, or a tuple where a name holds a slash.
    """
    found = copy.deepcopy(given)
    for place, value in edits.items():
        *above, last = place.split("/") if isinstance(place, str) else place
        at = found
        for part in above:
            at = at.setdefault(part, {})
        if value is GONE:
            del at[last]
        else:
            at[last] = copy.deepcopy(value)
    return found


def snapshot_of(given: dict) -> Snapshot:
    """Return a document as a snapshot that is all in memory, unchecked."""
    ordered = {name: given[name] for name in (*HEAD, *BODY, *MOVING)}
    return Snapshot(node=given["node"], sections=ordered)


def node(number: int = 1, edits: dict | None = None, *, of: int = 3, name: str | None = None):
    """Return the snapshot of a healthy node, but for *edits*."""
    return snapshot_of(edit(document(number, of, name), edits or {}))


def edited(snapshot: Snapshot, edits: dict) -> Snapshot:
    """Return a snapshot in memory with *edits*."""
    return snapshot_of(edit(dict(snapshot.sections), edits))


def filed(snapshot: Snapshot) -> Snapshot:
    """Return the snapshot as it is read from a canonical file of a sealed capture."""
    data = snapshots.to_text(snapshot).encode()
    return snapshots.from_bytes(data, "memory", sha256=hashlib.sha256(data).hexdigest())


def capture(
    store: Path, given, *, cluster="lab", label="", now=NOW, lost=None, skipped=None, api=None
):
    """Write a capture of snapshots; *lost* names nodes that gave none, and why.

    *api* is the cluster's own word.
    """
    lost = lost or {}
    names = [*(one.node for one in given), *lost]
    draft = Store(store).begin(cluster, nodes=names, now=now, label=label, skipped=skipped)
    for one in given:
        draft.add(one)
    for name, why in lost.items():
        draft.note(name, Outcome.UNREACHABLE, why)
    if api is not None:
        draft.add_cluster(api)
    return draft.seal(now=now, tools={})


def side(store: Path, given, **options):
    """Return a capture of snapshots as one side of a comparison."""
    return side_of_capture(capture(store, given, **options))


def facts(**sections) -> dict:
    """Return what a collector gives of a node with nothing on it, but for *sections*."""
    empty = {name: {} for name in (*BODY, *MOVING)}
    return {"facts": 1, "consistent": True, **empty, **sections}


def bare(node: str = "node1", **sections) -> Snapshot:
    """Return the snapshot that such facts make, held against the schema."""
    taken_at = "2026-11-22T02:00:00Z"
    return snapshots.from_facts(facts(**sections), node=node, taken_at=taken_at, via="test")
