"""Run in the virtual machine: build clusters, break them one thing at a time, hand out facts.

The argument is the folder to write to: a folder a cluster, in it one a moment, with the facts of
each node; ``raw``, what the tools themselves print; ``made.json``, what was made, and who heard
whom.
"""

from __future__ import annotations

import json
import sys
import time
import typing as t
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import breaking
import every_kind
import flanneld
from netns_nodes import Node, settle, silence, underlay

OUT = Path(sys.argv[1])
WIREGUARD_TELLS = (
    *("public-key", "listen-port", "fwmark", "endpoints", "allowed-ips"),
    *("persistent-keepalive", "latest-handshakes"),
)
TABLES = {
    "ip-j-d-s-addr.json": ("ip", "-json", "-details", "-statistics", "address", "show"),
    "ip-j-d-route.json": ("ip", "-4", "-json", "-details", "route", "show", "table", "all"),
    "ip-6-j-d-route.json": ("ip", "-6", "-json", "-details", "route", "show", "table", "all"),
    "ip-j-neigh.json": ("ip", "-json", "neighbour", "show"),
    "bridge-j-fdb.json": ("bridge", "-json", "fdb", "show"),
}
T = t.TypeVar("T")


def each(work: t.Callable[[T], object], things: t.Iterable[T]) -> list[t.Any]:
    """Do *work* for all things at a time; return what came of each, in their order."""
    with ThreadPoolExecutor(max_workers=6) as pool:
        return list(pool.map(work, things))


def say(text: str) -> None:
    """Write a line with the seconds since the machine's start to the console."""
    sys.stdout.write(f"{time.monotonic():6.1f} {text}\n")
    sys.stdout.flush()


def capture(nodes: list[Node], moment: str) -> None:
    """Write the facts of all nodes, which collect at a time."""
    folder = OUT / nodes[0].cluster / moment
    folder.mkdir(parents=True)
    for node in nodes:
        node.ask({"collect": True})
    for node in nodes:
        (folder / f"{node.name}.json").write_text(json.dumps(node.facts()), "utf-8")
    say(f"{nodes[0].cluster}: {moment}")


def raw(node: Node, commands: dict[str, tuple[str, ...]]) -> None:
    """Write what the tools print, by the name of a file."""
    folder = OUT / node.cluster / "raw"
    folder.mkdir()
    for name, words in commands.items():
        (folder / name).write_text(node.run(*words), "utf-8")


def start(cluster: str, count: int = 3) -> list[Node]:
    """Start nodes with nothing on them but eth0."""
    underlay(cluster)
    nodes = [Node(cluster=cluster, number=number) for number in range(1, count + 1)]
    for node in nodes:
        node.begin()
    each(Node.start, nodes)
    settle(nodes)  # from a link whose own address is tentative, the kernel sends with another one's
    return nodes


def run(nodes: list[Node], all_incidents: dict[str, breaking.Incident]) -> dict[str, t.Any]:
    """Hold a healthy moment, one for each incident, and one when all is mended."""
    settle(nodes)
    pairs = [(one, two) for one in nodes for two in nodes if one is not two]
    ways = [(*pair, family) for pair in pairs for family in (4, 6)]
    heard = {"healthy": each(lambda way: _hears_at_last(*way), ways)}
    capture(nodes, "healthy")
    for name, one in all_incidents.items():
        if one.silent:
            silence(nodes, "on")
        one.breaks(*nodes)
        settle(nodes)
        with ThreadPoolExecutor() as pool:
            asked = pool.submit(_hear, nodes, one)
            capture(nodes, name)
            heard[name] = asked.result()
        one.mends(*nodes)
        if one.silent:
            silence(nodes, "off")
    settle(nodes)
    capture(nodes, "mended")
    return {"heard": heard, "nodes": {one.name: _made(one) for one in nodes}}


def _hears_at_last(one: Node, two: Node, family: int) -> bool:
    """Ask again for a while: wireguard shakes hands anew only after five seconds."""
    return any(one.hears(two, family) for dummy in range(15))


def _hear(nodes: list[Node], one: breaking.Incident) -> list[bool]:
    """Say whether the pods hear each other that an incident should part; none where it does not."""
    if one.lost is None:
        return []
    first, last = (nodes[number - 1] for number in one.lost)
    return [first.hears(last, one.family)]


def _made(node: Node) -> dict[str, t.Any]:
    return {"public": node.key, "private": node.private, "macs": node.macs}


def _pods(node: Node, mtu: int) -> None:
    for dummy in range(2):
        node.plug(mtu)


def with_wireguard() -> dict[str, t.Any]:
    """Build and break a cluster of the wireguard backend."""
    nodes = start("wg")
    each(flanneld.new_key, nodes)
    each(flanneld.wireguard, nodes)

    def join(node: Node) -> None:
        for other in nodes:
            for family in (4, 6):
                if other is not node:
                    flanneld.peer(node, other, family)
        _pods(node, 1420)

    each(join, nodes)
    return run(nodes, breaking.WIREGUARD_INCIDENTS)


def with_two_families() -> dict[str, t.Any]:
    """Build and break a cluster of the vxlan backend with IPv4 and IPv6."""
    nodes = start("dual")
    each(flanneld.vxlan, nodes)

    def join(node: Node) -> None:
        flanneld.program(node, [other for other in nodes if other is not node])
        _pods(node, 1450)

    each(join, nodes)
    made = run(nodes, breaking.DUAL_INCIDENTS)
    raw(nodes[0], TABLES)
    return made


def with_all_kinds() -> dict[str, t.Any]:
    """Build one node with a link of every kind."""
    nodes = start("kinds", 1)
    every_kind.make(nodes[0])
    settle(nodes)
    capture(nodes, "healthy")
    tells = {f"{one}.txt": ("wg", "show", "wireguard.cali", one) for one in WIREGUARD_TELLS}
    raw(nodes[0], tells)
    return {}


def main() -> None:
    """Do all of it."""
    made = {}
    for name, build in (
        ("kinds", with_all_kinds),
        ("wg", with_wireguard),
        ("dual", with_two_families),
    ):
        made[name] = build()
        (OUT / "made.json").write_text(json.dumps(made), "utf-8")
    say("done")


main()
