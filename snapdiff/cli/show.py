"""``snapdiff show``: one snapshot, or what a capture holds, for a person."""

from __future__ import annotations

import sys
import typing as t
from datetime import UTC, datetime

import click

from snapdiff import codec, files
from snapdiff.cli.options import color_option, page, settings_of, store_options, terminal_of
from snapdiff.errors import UsageError
from snapdiff.policy import site_of
from snapdiff.refs import select
from snapdiff.report.safe import visible
from snapdiff.store import Store
from snapdiff.strict_yaml import LIMITS
from snapdiff.survey import chain_of

if t.TYPE_CHECKING:
    from snapdiff.store import Side


@click.command("show")
@click.argument("ref", metavar="[CAPTURE]", default="@latest")
@click.option("--node", metavar="NAME", help="Node to show; not needed where there is one only.")
@click.option("--yaml", "as_yaml", is_flag=True, help="Print the snapshot file itself.")
@click.option("--draw", is_flag=True, help="Draw the node's chain, with what is wrong in it.")
@color_option
@store_options
def command(
    ref: str,
    node: str | None,
    as_yaml: bool,
    draw: bool,
    color: str,
    store: str | None,
    cluster: str | None,
) -> None:
    """Print a snapshot: its chain eth0 - flannel.1 - cni0 - pods, its links, peers and routes.

    CAPTURE is what diff takes; default @latest. One of many nodes is listed, unless --node names
    one.
    """
    from snapdiff.report import as_snapshot

    settings = settings_of(store=store, cluster=cluster)
    side = select(ref, Store(settings.store), settings.cluster, now=datetime.now(UTC))
    terminal = terminal_of(color)
    if as_yaml and draw:
        raise UsageError("--yaml and --draw: a file is not drawn. Leave out one of them.")
    if node is None and len(side.capture.nodes) > 1:
        if as_yaml or draw:
            asked = "--yaml" if as_yaml else "--draw"
            raise UsageError(f"{asked}: of which node? Give --node; 'snapdiff show' lists them.")
        page(as_snapshot.render_capture(side.capture, terminal))
        return
    name = _node(side, node)
    if as_yaml:
        click.echo(_yaml(side, name), nl=False)
        return
    if draw:
        one = chain_of(side, name, site=site_of(settings), today=datetime.now(UTC).date())
        text = as_snapshot.render_drawing(side.snapshot(name), one, terminal)
    else:
        text = as_snapshot.render_snapshot(side.snapshot(name), terminal)
    page(text)


def _yaml(side: Side, node: str) -> str:
    """Return a snapshot's file, read whole; on a terminal what would move its cursor is shown."""
    path = side.paths[node]
    text = codec.dumps(codec.loads(files.read(path, LIMITS.size), "snapshot", str(path)))
    if not sys.stdout.isatty():
        return text
    return "".join(f"{visible(line)}\n" for line in text.splitlines())


def _node(side: Side, node: str | None) -> str:
    nodes = side.capture.nodes
    name = node or next(iter(nodes), "")
    if name not in nodes:
        raise UsageError(f"{side.capture.place}: no node {name!r}; there is {', '.join(nodes)}")
    if name not in side.paths:
        row = nodes[name]
        raise UsageError(f"{side.capture.place}: no snapshot of {name}: {row.outcome}: {row.why}")
    return name
