"""Parse the command line, call, print, exit: 0 done, 1 could not be done, 2 bad usage."""

# ruff: noqa: T201  (to print is what this file is for)

from __future__ import annotations

import argparse
import ipaddress
import os
import sys
import typing as t

from . import cluster, incidents, namespaces
from .run import PATH, LabError
from .settle import settle
from .state import Lab, load, locked


def parser() -> argparse.ArgumentParser:
    """Return the parser of every command."""
    top = argparse.ArgumentParser(
        prog="lab", description="Run a flannel cluster in namespaces of one machine."
    )
    top.add_argument(
        "--name",
        default="lab",
        help="which lab (default: lab); labs of other names run side by side",
    )
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(
        name: str, work: t.Callable[[argparse.Namespace], int], words: str
    ) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=words, description=words)
        made.set_defaults(work=work)
        return made

    one = command("up", up, "Bring a lab up, settled.")
    one.add_argument("nodes", type=int, metavar="N", help="how many nodes")
    one.add_argument("pods", type=int, metavar="PODS", help="how many pods on each")
    one.add_argument("--mtu", type=int, default=1410, help="MTU of each eth0 (default: 1410)")
    one.add_argument(
        "--pod-network",
        type=ipaddress.IPv4Network,
        default="10.244.0.0/16",
        help="a /16 (default: 10.244.0.0/16)",
    )
    command("down", down, "Take a lab away, also after a crash.")
    one = command("exec", execute, "Run a command on a node, in all its namespaces.")
    one.add_argument("node", metavar="NODE")
    one.add_argument("argv", nargs=argparse.REMAINDER, metavar="-- CMD")
    one = command(
        "controller",
        controller,
        "Run a command in the controller's network namespace, the rest as it is here.",
    )
    one.add_argument("argv", nargs=argparse.REMAINDER, metavar="-- CMD")
    one = command("break", strike, "Do an incident to nodes.")
    one.add_argument("incident", metavar="INCIDENT", help="'lab incidents' lists them")
    one.add_argument(
        "node", nargs="*", metavar="NODE", help="instead of the incident's default nodes"
    )
    command("incidents", show_incidents, "List the incidents with their default nodes.")
    command("repair", repair, "Reboot every node into what 'up' gave it.")
    command("settle", wait, "Wait until the lab is at rest.")
    command("nodes", show_nodes, "List the nodes, their addresses and pod subnets.")
    command("inventory", inventory, "Print the path of the inventory.")
    return top


def main(argv: t.Sequence[str] | None = None) -> int:
    """Run a command; return its exit code."""
    args = parser().parse_args(argv)
    try:
        return int(args.work(args))
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def up(args: argparse.Namespace) -> int:
    """Bring the lab up."""
    asked = {"mtu": args.mtu, "network": str(args.pod_network)}
    lab = Lab(args.name, size=args.nodes, pods=args.pods, **asked)
    cluster.check(lab)
    with locked(args.name):
        cluster.up(lab)
    print(f"lab '{lab.name}' is up: {len(lab.nodes)} nodes with {lab.pods} pods each")
    print(f"inventory: {lab.folder}/inventory.yml")
    return 0


def down(args: argparse.Namespace) -> int:
    """Take the lab away."""
    with locked(args.name):
        cluster.down(args.name)
    return 0


def execute(args: argparse.Namespace) -> int:
    """Become a command on a node."""
    lab = load(args.name)
    if args.node not in lab.nodes:
        raise LabError(f"no node '{args.node}' in lab '{lab.name}'. It has {', '.join(lab.nodes)}.")
    return _become(
        [*namespaces.enter(lab.nodes[args.node]), *_command(args)], {**os.environ, "PATH": PATH}
    )


def controller(args: argparse.Namespace) -> int:
    """Become a command of the controller."""
    lab = load(args.name)
    return _become(
        ["nsenter", f"--net={namespaces.NETNS / lab.controller}", "--", *_command(args)],
        dict(os.environ),
    )


def strike(args: argparse.Namespace) -> int:
    """Do an incident, and let the lab come to rest."""
    with locked(args.name):
        lab = load(args.name)
        try:
            struck = incidents.strike(lab, args.incident, args.node)
        finally:
            lab.save()
        settle(lab)
    print(f"{args.incident}: {', '.join(struck)}")
    return 0


def show_incidents(args: argparse.Namespace) -> int:
    """Print the table."""
    for one in incidents.INCIDENTS.values():
        print(f"{one.name:20} {incidents.default_of(one):14} {one.summary}")
    return 0


def repair(args: argparse.Namespace) -> int:
    """Bring every node back to what `up` gave it."""
    with locked(args.name):
        lab = load(args.name)
        try:
            cluster.repair(lab)
        finally:
            lab.save()
        settle(lab)
    return 0


def wait(args: argparse.Namespace) -> int:
    """Wait until the lab is at rest."""
    settle(load(args.name))
    return 0


def show_nodes(args: argparse.Namespace) -> int:
    """Print a line for each node, then the incidents that the lab went through."""
    lab = load(args.name)
    for one in lab.nodes.values():
        print(
            f"{one.name:8} {one.address:12} {one.subnet:16}"
            f" {one.overlay} {one.vtep_mac} {len(one.pods)} pods"
        )
    for past in lab.incidents:
        print(f"incident {past}")
    return 0


def inventory(args: argparse.Namespace) -> int:
    """Print where the inventory is."""
    print(load(args.name).folder / "inventory.yml")
    return 0


def _command(args: argparse.Namespace) -> list[str]:
    argv = list(args.argv[1:] if args.argv[:1] == ["--"] else args.argv)
    if not argv:
        raise LabError("no command. Put it behind '--'.")
    return argv


def _become(argv: list[str], env: dict[str, str]) -> int:
    """Replace this process, so that signals, exit code and terminal are the command's own."""
    try:
        os.execvpe(argv[0], argv, env)
    except OSError as error:
        raise LabError(f"{argv[0]}: {error.strerror}") from error
