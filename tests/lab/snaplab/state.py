"""Hold what the lab knows of itself: one folder per lab, with one file of state in it."""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import ipaddress
import json
import os
import re
import secrets
import typing as t
from pathlib import Path

from .run import LabError

UNDERLAY = ipaddress.ip_network("10.77.0.0/24")
GATEWAY = "10.77.0.254"
MAX_NODES = 50  # incidents give out subnets from 100 on
MAX_PODS = 200
# No hyphen: it ends a lab's name in a namespace's name, so that no lab takes another's for its own.
NAME = re.compile(r"[a-z][a-z0-9_]{0,15}")


@dataclasses.dataclass
class Pod:
    """A pod: a network namespace that the CNI plugin plugged into ``cni0``."""

    netns: str
    container_id: str


@dataclasses.dataclass
class Node:
    """A node as flannel's lease describes it, and the process that holds its namespaces."""

    name: str
    index: int
    netns: str
    eth0_mac: str
    vtep_mac: str
    subnet: str
    first_vtep_mac: str = ""
    vni: int = 1
    port: int = 8472
    holder: int = 0
    holder_started: str = ""
    pods_made: int = 0
    pods: list[Pod] = dataclasses.field(default_factory=list)

    @property
    def address(self) -> str:
        """Return its address on the underlay."""
        return str(UNDERLAY[self.index])

    @property
    def overlay(self) -> str:
        """Return the name that flannel gives its VTEP."""
        return f"flannel.{self.vni}"

    @property
    def network_address(self) -> str:
        """Return the address of its VTEP: the pod subnet's own, as a /32."""
        return str(ipaddress.ip_network(self.subnet)[0])

    @property
    def gateway(self) -> str:
        """Return the address of ``cni0``, with the subnet's mask, as ``subnet.env`` has it."""
        subnet = ipaddress.ip_network(self.subnet)
        return f"{subnet[1]}/{subnet.prefixlen}"


@dataclasses.dataclass
class Lab:
    """A lab: its settings, its nodes, and the incidents that it went through."""

    name: str
    mtu: int = 1410
    network: str = "10.244.0.0/16"
    size: int = 0
    pods: int = 0
    nodes: dict[str, Node] = dataclasses.field(default_factory=dict)
    incidents: list[str] = dataclasses.field(default_factory=list)

    @property
    def folder(self) -> Path:
        """Return the folder that holds everything of this lab."""
        return folder_of(self.name)

    @property
    def controller(self) -> str:
        """Return the namespace of the shared bridge, where Ansible runs."""
        return f"{self.name}-ctl"

    def peers(self, node: Node) -> list[Node]:
        """Return the other nodes."""
        return [one for one in self.nodes.values() if one.name != node.name]

    def subnet(self, index: int) -> str:
        """Return the pod subnet number *index*: a /24, as flannel hands them out."""
        network = ipaddress.ip_network(self.network)
        first = int(network.network_address) + index * 256
        return f"{ipaddress.ip_address(first)}/24"

    def new_node(self, index: int) -> Node:
        """Return the node number *index* with a fresh MAC for each of its two lasting links."""
        name = f"node{index}"
        vtep = random_mac()
        return Node(
            name,
            index,
            f"{self.name}-{name}",
            random_mac(),
            vtep,
            self.subnet(index),
            first_vtep_mac=vtep,
        )

    def save(self) -> None:
        """Write the state whole, so that a crash leaves the old one."""
        fresh = self.folder / "state.json.new"
        fresh.write_text(json.dumps(dataclasses.asdict(self), indent=1), "utf-8")
        fresh.replace(self.folder / "state.json")


def random_mac() -> str:
    """Return a random MAC, locally administered and unicast, as flannel draws them."""
    first, *rest = secrets.token_bytes(6)
    return ":".join(f"{one:02x}" for one in ((first & 0xFE) | 0x02, *rest))


def folder_of(name: str) -> Path:
    """Return the folder of the lab called *name*."""
    if not NAME.fullmatch(name):
        raise LabError(
            f"'{name}' is no name for a lab. Use up to 16 small letters, digits and '_'."
        )
    root = os.environ.get("SNAPDIFF_LAB_DIR") or (
        "/run/snapdiff-lab" if os.access("/run", os.W_OK) else "/tmp/snapdiff-lab"
    )
    return Path(root).resolve() / name


def load(name: str) -> Lab:
    """Return the lab called *name* as its folder describes it."""
    path = folder_of(name) / "state.json"
    try:
        data = json.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise LabError(
            f"lab '{name}' is not up. Start it with 'lab --name {name} up N PODS'."
        ) from error
    except ValueError as error:
        raise LabError(f"{path}: {error}. Clean up with 'lab --name {name} down'.") from error
    nodes = {
        key: Node(**{**node, "pods": [Pod(**pod) for pod in node["pods"]]})
        for key, node in data.pop("nodes").items()
    }
    return Lab(**data, nodes=nodes)


@contextlib.contextmanager
def locked(name: str) -> t.Iterator[None]:
    """Keep two commands from changing one lab at once; a killed one gives the lock back."""
    path = folder_of(name) / "lock"
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", encoding="utf-8") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            # 'down' removes the folder: who waited meanwhile holds a file that nobody else sees.
            if path.exists() and path.stat().st_ino == os.fstat(handle.fileno()).st_ino:
                yield
                return
