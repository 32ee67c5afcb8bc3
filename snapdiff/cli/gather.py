"""``snapdiff gather``: a capture without writing a playbook."""

from __future__ import annotations

import os
import platform
import shutil
import typing as t
from datetime import UTC, datetime
from pathlib import Path

import click

from snapdiff import __version__, files
from snapdiff.cli.options import inventory_option, settings_of, store_options
from snapdiff.cluster import PREFIX, SIZE, cluster_of_kubectl
from snapdiff.collector._collect import collect
from snapdiff.collector._node import Node
from snapdiff.daemonset import flannel_of_kubectl
from snapdiff.errors import ExitCode, UnreadableError, UsageError
from snapdiff.gathering import Wish, gather
from snapdiff.model import Capture, Outcome
from snapdiff.report.progress import counting
from snapdiff.report.safe import visible
from snapdiff.snapshot import from_facts
from snapdiff.store import Store, stamp, started

STEP_LIMIT = 10.0  # seconds, for one command


@click.command("gather")
@inventory_option
@click.option("--hosts", default="all", metavar="PATTERN", help="Group or pattern; default all.")
@click.option(
    "-l", "--limit", default="", metavar="PATTERN", help="Only these of them; the rest is left out."
)
@click.option(
    "--label", default="", metavar="LABEL", help="A name for the capture, such as before."
)
@click.option("--local", is_flag=True, help="Gather this machine, without Ansible.")
@click.option(
    "--kubectl-nodes",
    metavar="FILE",
    help="What 'kubectl get nodes -o json' printed; it is kept with the capture.",
)
@click.option(
    "--kubectl-flannel",
    metavar="FILE",
    help="What 'kubectl get configmaps,pods -A -l app=flannel -o json' printed, with it.",
)
@click.option(
    "--kubectl-prefix",
    metavar="PREFIX",
    help="flanneld's --kube-annotation-prefix, where it has one.",
)
@click.option(
    "--min-coverage", metavar="PERCENT", help="Fewer nodes seen make exit code 3; default 100."
)
@store_options
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[-- ANSIBLE_OPTION...]")
def command(
    inventories: tuple[str, ...],
    hosts: str,
    limit: str,
    label: str,
    local: bool,
    kubectl_nodes: str | None,
    kubectl_flannel: str | None,
    kubectl_prefix: str | None,
    min_coverage: str | None,
    store: str | None,
    cluster: str | None,
    arguments: tuple[str, ...],
) -> int:
    """Take a capture of the nodes of an Ansible inventory, over ssh.

    What follows -- goes to ansible-playbook, such as --become or --ask-become-pass. Where too few
    nodes were seen, the capture is there all the same and says why.
    """
    settings = settings_of(
        store=store,
        cluster=cluster,
        min_coverage=min_coverage,
        inventory=",".join(inventories) or None,
    )
    place = Store(settings.store)
    if kubectl_flannel and not kubectl_nodes:
        raise UsageError("--kubectl-flannel goes with --kubectl-nodes, which names the nodes")
    told = _told(kubectl_nodes, kubectl_flannel, kubectl_prefix or PREFIX)
    if local:
        if inventories or limit:
            raise UsageError("--local is this machine: it takes no inventory and no limit")
        capture = _local(place, settings.cluster, label, told)
    else:
        wish = Wish(
            inventories=inventories or tuple(filter(None, [settings.values["inventory"]])),
            hosts=hosts,
            limit=limit,
            label=label,
            kubectl_nodes=str(Path(kubectl_nodes).absolute()) if kubectl_nodes else "",
            kubectl_flannel=str(Path(kubectl_flannel).absolute()) if kubectl_flannel else "",
            kubectl_prefix=kubectl_prefix or "",
            arguments=arguments,
        )
        with counting("gathering", after=0) as progress:
            capture = gather(wish, place, settings.cluster, os.environ, progress)
    _say_later(capture, place, settings.cluster)
    return say_coverage(capture, settings.min_coverage)


def _say_later(capture: Capture, store: Store, cluster: str) -> None:
    """Say where one of a time to come stays @latest, as a clock that was wrong left it."""
    newest = store.captures(cluster)[-1].name
    if started(newest) > datetime.now(UTC):  # not just later: two gathers may overlap
        where = f"{store.folder}: capture {newest} is of a time that is still to come"
        way = f"A clock is or was wrong: name {capture.name}, or take that one away."
        click.echo(visible(f"snapdiff: {where}, so it stays @latest. {way}"), err=True)


def _told(nodes: str | None, flannel: str | None, prefix: str) -> dict[str, t.Any] | None:
    """Return what the cluster says of itself. Raises before any work is done, not after."""
    if nodes is None:
        return None
    told = _read(nodes, lambda text: cluster_of_kubectl(text, prefix=prefix))
    return told | ({"flannel": _read(flannel, flannel_of_kubectl)} if flannel else {})


def _read(path: str, take: t.Callable[[str], dict[str, t.Any]]) -> dict[str, t.Any]:
    data = files.read(Path(path), SIZE)
    try:
        return take(data.decode("utf-8", "backslashreplace"))
    except UnreadableError as error:
        raise UnreadableError(f"{path}: {error}") from None


def _local(store: Store, cluster: str, label: str, told: dict[str, t.Any] | None) -> Capture:
    node = platform.node() or "localhost"
    now = datetime.now(UTC)
    facts = collect(Node(shutil.which, STEP_LIMIT))
    snapshot = from_facts(facts, node=node, taken_at=stamp(now), via="local")
    draft = store.begin(cluster, nodes=[node], now=now, label=label)
    draft.add(snapshot)
    if told is not None:
        draft.add_cluster(told)
    return draft.seal(now=datetime.now(UTC), tools={"snapdiff": __version__})


def say_coverage(capture: Capture, min_coverage: float) -> int:
    """Say on standard error which nodes were seen; return the exit code that comes to."""
    rows = capture.nodes.values()
    asked = [one for one in rows if one.outcome is not Outcome.SKIPPED]
    seen = [one for one in asked if one.outcome is Outcome.OK]
    limit = f", limited to {capture.limit}" if capture.limit else ""
    click.echo(visible(f"{capture.place}: {len(seen)} of {len(asked)} nodes{limit}"), err=True)
    for one in asked:
        if one.outcome is not Outcome.OK:
            click.echo(visible(f"  {one.name}: {one.outcome}: {one.why}"), err=True)
    percent = 100.0 * len(seen) / len(asked) if asked else 0.0
    return ExitCode.CLEAN if asked and percent >= min_coverage else ExitCode.UNTRUSTED
