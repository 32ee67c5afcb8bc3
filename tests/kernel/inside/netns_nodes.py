"""Nodes of one machine: a network, a mount and a UTS namespace each, and a switch between them."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import typing as t
from dataclasses import dataclass, field
from pathlib import Path

NETNS = Path("/run/netns")
UNDERLAY_MTU = 1500
SWITCH_MTU = 9000
TENTATIVE = 0x40  # IFA_F_TENTATIVE of the kernel's if_addr.h
CNI = "/usr/lib/cni"
Answer = dict[str, t.Any]


def shell(line: str, text: str = "") -> str:
    """Run a command of words without blanks; return what it printed."""
    done = subprocess.run(line.split(), input=text, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{line}: {done.stderr or done.stdout}{text}")
    return done.stdout


@dataclass(kw_only=True)
class Node:
    """A node and what it was given. The process holds its namespaces."""

    cluster: str
    number: int
    process: subprocess.Popen[str] = field(init=False, repr=False)
    key: str = ""  # the public one of its wireguard link
    private: list[str] = field(default_factory=list)  # every one that it ever had
    macs: dict[str, str] = field(default_factory=dict)  # of its overlays, by link
    pods: int = 0

    @property
    def name(self) -> str:
        """Return its name in its cluster."""
        return f"node{self.number}"

    @property
    def netns(self) -> str:
        """Return the name of its network namespace."""
        return f"{self.cluster}-{self.name}"

    @property
    def outer(self) -> dict[int, str]:
        """Return its underlay addresses by family."""
        return {4: f"192.0.2.{self.number}", 6: f"2001:db8::{self.number}"}

    @property
    def inner(self) -> dict[int, str]:
        """Return the first addresses of its pod subnets by family; an overlay has just these."""
        return {4: f"10.244.{self.number}.0", 6: f"fd00:10:244:{self.number}::"}

    @property
    def subnets(self) -> dict[int, str]:
        """Return its pod subnets by family."""
        return {4: f"{self.inner[4]}/24", 6: f"{self.inner[6]}/64"}

    def begin(self) -> None:
        """Begin to make its namespaces."""
        shell(f"ip netns add {self.netns}")
        inner = ["unshare", "--mount", "--uts", "--propagation", "slave", "--"]
        agent = [sys.executable, "-B", str(Path(__file__).with_name("agent.py"))]
        self.process = subprocess.Popen(
            ["nsenter", f"--net={NETNS / self.netns}", "--", *inner, *agent, self.name, self.netns],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def start(self) -> None:
        """Make its eth0, a port of its cluster's switch, when its namespaces are there."""
        self._answer()
        for setting in ("ipv4/ip_forward", "ipv6/conf/all/forwarding"):
            self.sysctl(setting, 1)
        for setting in ("all", "default"):
            self.sysctl(f"ipv4/conf/{setting}/rp_filter", 0)
        port = f"{self.cluster}{self.number}"
        shell(
            f"ip link add {port} mtu {SWITCH_MTU} type veth peer name eth0 mtu {UNDERLAY_MTU} "
            f"netns {self.netns}"
        )
        shell(f"ip link set {port} master {self.cluster} up")
        self.ip(
            "link set lo up",
            f"addr add {self.outer[4]}/24 dev eth0",
            f"addr add {self.outer[6]}/64 dev eth0",
            "link set eth0 up",
            "route add default via 192.0.2.254 dev eth0",
            "route add default via 2001:db8::fe dev eth0",
        )

    def ask(self, wish: Answer) -> None:
        """Have the node's own process begin something."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(wish) + "\n")
        self.process.stdin.flush()

    def _answer(self) -> Answer:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.netns} is gone")
        found: Answer = json.loads(line)
        return found

    def facts(self) -> Answer:
        """Return the facts that were asked for."""
        found: Answer = self._answer()["facts"]
        return found

    def run(self, *argv: str, text: str = "", env: dict[str, str] | None = None) -> str:
        """Run a program on the node; return what it printed."""
        self.ask({"run": argv, "text": text, "env": env or {}})
        found = self._answer()
        if found["code"]:
            raise RuntimeError(f"{self.netns}: {argv}: {found['err'] or found['out']}")
        return str(found["out"])

    def ip(self, *lines: str) -> None:
        """Run lines as commands of ``ip``, up to the first that fails."""
        self.run("ip", "-batch", "-", text="\n".join(lines) + "\n")

    def write(self, path: str, text: str) -> None:
        """Write a file of the node."""
        self.ask({"write": path, "text": text})
        self._answer()

    def sysctl(self, name: str, value: int) -> None:
        """Write a setting below ``/proc/sys/net``."""
        self.write(f"/proc/sys/net/{name}", str(value))

    def plug(self, mtu: int) -> None:
        """Add a pod with the real CNI plugin ``bridge``, as flannel's has it done."""
        self.pods += 1
        pod = f"{self.netns}-pod{self.pods}"
        shell(f"ip netns add {pod}")
        conf = {
            "cniVersion": "0.3.1",
            "name": "cbr0",
            "type": "bridge",
            "bridge": "cni0",
            "mtu": mtu,
            "isGateway": True,
            "isDefaultGateway": True,
            "hairpinMode": True,
            "ipMasq": False,  # it needs iptables, and no link or route shows it
            "ipam": {
                "type": "host-local",
                "ranges": [[{"subnet": self.subnets[one]}] for one in (4, 6)],
                "routes": [{"dst": one} for one in ("10.244.0.0/16", "fd00:10:244::/48")],
            },
        }
        env = {"CNI_COMMAND": "ADD", "CNI_CONTAINERID": f"{self.number:032x}{self.pods:032x}"}
        env |= {"CNI_NETNS": str(NETNS / pod), "CNI_IFNAME": "eth0", "CNI_PATH": CNI}
        self.run(f"{CNI}/bridge", text=json.dumps(conf), env=env)

    def hears(self, other: Node, family: int) -> bool:
        """Say whether the first pod of this node gets an answer from that of another."""
        there = {4: f"10.244.{other.number}.2", 6: f"fd00:10:244:{other.number}::2"}[family]
        words = ["ip", "netns", "exec", f"{self.netns}-pod1", "/mnt/busybox", "ping", f"-{family}"]
        done = subprocess.run(
            [*words, "-q", "-c", "1", "-W", "2", there],
            capture_output=True,
            check=False,
        )
        return done.returncode == 0

    def settled(self) -> bool:
        """Say whether no IPv6 address is being checked for a duplicate any more."""
        self.ask({"read": "/proc/self/net/if_inet6"})
        lines = self._answer()["text"].splitlines()
        return not any(int(line.split()[4], 16) & TENTATIVE for line in lines)


def underlay(cluster: str) -> None:
    """Make the switch that the nodes of a cluster are on, with their gateway."""
    shell(f"ip link add {cluster} mtu {SWITCH_MTU} type bridge")
    shell(f"ip addr add 192.0.2.254/24 dev {cluster}")
    shell(f"ip addr add 2001:db8::fe/64 dev {cluster} nodad")
    shell(f"ip link set {cluster} up")


def silence(nodes: t.Iterable[Node], what: str) -> None:
    """Let no packet pass between the nodes (``on``), or all again (``off``)."""
    for node in nodes:
        shell(f"bridge link set dev {node.cluster}{node.number} isolated {what}")


def settle(nodes: t.Iterable[Node], seconds: float = 30.0) -> None:
    """Wait until the nodes are at rest."""
    limit = time.monotonic() + seconds
    for node in nodes:
        while not node.settled():
            if time.monotonic() > limit:
                raise RuntimeError(f"{node.netns}: an address stays tentative")
            time.sleep(0.1)
