"""A store as a fleet of any size would fill it, made from one real node, the same for a seed.

One night as a baseline and three after it: *quiet*, where only what moves has moved; *churn*, a
fifth of the pods replaced on every node; *drift*, cni0 and flannel.1 with another MTU on some.

The model is the raw output of a node of the lab in ``tests/fixtures``: a kernel's own rows, with
all details. Its first pod is multiplied, and every node gets names and addresses of its own.
"""

from __future__ import annotations

import os
import random
import re
import typing as t
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from snapdiff import codec, saved
from snapdiff.rows import Rows
from snapdiff.store import Store, read_manifest

ROOT = Path(__file__).resolve().parent.parent
MODEL = ROOT / "tests" / "fixtures" / "flannel-lab" / "healthy" / "node1"
CLUSTER = "fleet"
FIRST_NIGHT = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)
NIGHTS = ("before", "quiet", "churn", "drift")
CHURN = 0.2  # of the pods of every node
DRIFTING = 400  # nodes
PORT = re.compile(rb"veth[0-9a-f]{8}")
SETTINGS = {
    "accept_ra": 0,
    "disable_ipv6": 0,
    "forwarding": 1,
    "forwarding6": 1,
    "proxy_arp": 0,
    "rp_filter": 0,
}

Table = dict[str, bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How large the fleet is; *peers* are rows a node, all other nodes in a real mesh."""

    nodes: int
    pods: int = 111  # and lo, eth0, flannel.1 and cni0 make 115 links
    peers: int = 99
    seed: int = 1

    @property
    def folder(self) -> str:
        """Return a name that tells it from other plans."""
        return f"{self.nodes}-{self.pods}-{self.peers}-{self.seed}"

    def name(self, number: int) -> str:
        """Return the name of a node."""
        return f"node{number:05}"


@cache
def _model() -> tuple[dict[str, t.Any], str]:
    """Return the real node with what a gather adds to its raw output, and its first pod's port."""
    snapshot = saved.snapshot_of(
        saved.Folder(MODEL), node="node1", taken_at="2026-11-21T03:00:00Z", via="ansible"
    )
    document = dict(snapshot.sections)
    for link in document["links"].values():
        link["sysctls"] = dict(SETTINGS)
    document["not_observed"] = {}
    document["host"] = {
        "boot_id": "b0000000-0000-4000-8000-000000000000",
        "hostname": "node1",
        "iproute2": "6.1.0",
        "kernel": "6.1.0-56-amd64",
        "machine_id": "sha256:00000000000000000000000000000000",
    }
    document["sysctls"] = {
        **document["sysctls"],
        "net.bridge.bridge-nf-call-iptables": 1,
        "net.ipv4.conf.all.forwarding": 1,
        "net.ipv6.conf.all.forwarding": 1,
    }
    rows = codec.read_rows(codec.dumps(document).encode())
    if rows is None:
        raise RuntimeError(f"{MODEL}: its text is not canonical")
    return rows, min(name for name in document["links"] if name.startswith("veth"))


@cache
def _split(section: str) -> tuple[Table, Table]:
    """Return the model's rows that are of no pod, and those of its first one."""
    document, port = _model()
    own: Table = {}
    pod: Table = {}
    for key, row in document[section].raw.items():
        if port in key or port.encode() in row or _address(port) in key:
            pod[key] = row
        elif not PORT.search(key.encode() + row):
            own[key] = row
    return own, pod


@cache
def _address(port: str) -> str:
    links = _model()[0]["links"]
    addresses: list[str] = sorted(links[port]["addresses"])
    return next(key.partition("/")[0] for key in addresses if key.startswith("fe80:"))


def _own_names(number: int) -> tuple[tuple[str, str], ...]:
    """Return what is the model's own, and what a node has in its place."""
    high, low = divmod(number, 256)
    return (
        ("10.244.42.", f"10.{128 + high}.{low}."),
        ("10.244.0.0/16", "10.128.0.0/9"),
        ("10.77.0.1/24", f"10.77.{high}.{low}/16"),
        ("10.77.0.0/24", "10.77.0.0/16"),
        ("10.77.0.255", "10.77.255.255"),
        ("10.77.0.254", "10.77.255.254"),
        ('10.77.0.1"', f'10.77.{high}.{low}"'),
        ("local 10.77.0.1 ", f"local 10.77.{high}.{low} "),
        *((f":{tail}", f":{high:02x}:{low:02x}") for tail in ("dc:f1", "e2:44", "cc:14")),
        *((f":{tail}", f":{number:x}") for tail in ("dcf1", "e244", "cc14")),
        ('"node1"', f'"node{number:05}"'),
        ("b0000000-", f"b{number:07x}-"),
        ('sha256:0000"', f'sha256:{number:04x}"'),
        ("sha256:00000000", f"sha256:{number:08x}"),
    )


def _renamed(rows: Table, names: t.Iterable[tuple[str, str]]) -> Table:
    """Return rows with other names in them: as one text, which is quicker than row by row."""
    text = "\n".join(f"{key}\0{row.decode()}" for key, row in rows.items())
    for old, new in names:
        text = text.replace(old, new)
    pairs = (line.split("\0", 1) for line in text.split("\n"))
    return {key: row.encode() for key, row in pairs} if rows else {}


@dataclass(frozen=True, slots=True)
class _Pod:
    port: str
    ifindex: int

    @property
    def names(self) -> tuple[tuple[str, str], ...]:
        model = _model()[1]
        links = _model()[0]["links"]
        mac, tail = str(links[model]["mac"]), self.port[-6:]
        address = _address(model)
        return (
            (model, self.port),
            (address, f"{address[:-7]}{tail[:2]}:{tail[2:].lstrip('0') or '0'}"),
            (mac, f"{mac[:8]}:{tail[:2]}:{tail[2:4]}:{tail[4:]}"),
            (f'"ifindex":{links[model]["ifindex"]},', f'"ifindex":{self.ifindex},'),
        )


def _pods(plan: Plan, number: int, night: str) -> list[_Pod]:
    """Return the pods of a node: a night of churn has other ones in place of the first."""
    chance = random.Random(f"{plan.seed} {number}")
    names = [f"veth{chance.getrandbits(32):08x}" for _ in range(plan.pods)]
    fresh = int(CHURN * plan.pods) if night == "churn" else 0
    names[:fresh] = [f"veth{chance.getrandbits(32):08x}" for _ in range(fresh)]
    first = 5 + (plan.pods if fresh else 0)
    return [_Pod(name, index + (first if index < fresh else 5)) for index, name in enumerate(names)]


def text_of(plan: Plan, number: int, night: str) -> bytes:
    """Return the canonical snapshot of a node on a night."""
    model = _model()[0]
    pods = _pods(plan, number, night)
    names = _own_names(number)
    document: dict[str, t.Any] = {}
    for section, value in model.items():
        if not isinstance(value, Rows):
            document[section] = value
            continue
        own, of_pod = _split(section)
        rows = _renamed(own, names)
        for pod in pods if of_pod else ():
            rows.update(_renamed(of_pod, pod.names))
        document[section] = Rows(dict(sorted(rows.items())), value._parse)
    document["node"] = plan.name(number)
    document["peers"] = _peers(plan, number)
    subnet = names[0][1]
    document["ipam"] = {
        "cbr0": {"addresses": sorted(f"{subnet}{pod.ifindex}" for pod in pods), "others": ["lock"]}
    }
    moment = FIRST_NIGHT + timedelta(days=NIGHTS.index(night))
    document["provenance"] = {
        "collector": "0.1.0",
        "taken_at": moment.isoformat().replace("+00:00", "Z"),
        "uptime": 86400.0 * (1 + NIGHTS.index(night)),
        "via": "ansible",
    }
    text = codec.dumps(document)
    if night != "before":
        text = text.replace('"rx_bytes":', f'"rx_bytes":{1 + number % 9}')
    if night == "drift" and number <= DRIFTING:
        lines = text.split("\n")
        for index, line in enumerate(lines):
            if line.startswith(('  "cni0": {"addr', '  "flannel.1": {"addr')):
                lines[index] = line.replace('"mtu":1360', '"mtu":1300')
        text = "\n".join(lines)
    return text.encode()


def _peers(plan: Plan, number: int) -> dict[str, t.Any]:
    found = {}
    for step in range(1, plan.peers + 1):
        other = (number - 1 + step) % plan.nodes + 1
        if other == number:
            break
        high, low = divmod(other, 256)
        found[f"10.{128 + high}.{low}.0"] = {
            "dev": "flannel.1",
            "mac": f"fe:f7:20:be:{high:02x}:{low:02x}",
            "subnet": f"10.{128 + high}.{low}.0/24",
            "underlay": f"10.77.{high}.{low}",
        }
    return found


def make(folder: Path, plan: Plan, nights: t.Sequence[str] = NIGHTS) -> dict[str, Path]:
    """Return the captures of *nights* below *folder*, made where they are not there yet.

    They are begun and sealed by the store; only the flush to disk after each node is left out.
    """
    store = Store(folder / plan.folder)
    made = {read_manifest(path).label: path for path in store.captures(CLUSTER)}
    numbers = range(1, plan.nodes + 1)
    for night in nights:
        if night in made:
            continue
        moment = FIRST_NIGHT + timedelta(days=NIGHTS.index(night))
        draft = store.begin(CLUSTER, nodes=map(plan.name, numbers), now=moment, label=night)
        for number in numbers:
            path = draft.path_of(plan.name(number))
            if night == "drift" and number > DRIFTING and "quiet" in made:
                os.link(made["quiet"] / "nodes" / path.name, path)  # as on a quiet night
            else:
                path.write_bytes(text_of(plan, number, night))
        made[night] = Path(draft.seal(now=moment, tools={"benchmark": "1"}).place)
    return {night: made[night] for night in nights}
