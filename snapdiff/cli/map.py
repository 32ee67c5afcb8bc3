"""``snapdiff map``: the MTU of every hop, or the mesh, of all nodes of a capture."""

from __future__ import annotations

import sys
from datetime import UTC, datetime

import click

from snapdiff.cli.diff import progress_to_stderr
from snapdiff.cli.options import settings_of, store_options, terminal_of
from snapdiff.refs import select
from snapdiff.store import Store
from snapdiff.survey import survey


@click.command("map")
@click.argument("ref", metavar="[CAPTURE]", default="@latest")
@click.option(
    "--what",
    type=click.Choice(["mtu", "mesh"]),
    default="mtu",
    help="The MTU of each hop, or who has no true entries for whom. Default: mtu.",
)
@click.option("--color", type=click.Choice(["auto", "always", "never"]), default="auto")
@store_options
def command(ref: str, what: str, color: str, store: str | None, cluster: str | None) -> None:
    """Draw CAPTURE (what diff takes; default @latest): nodes that are alike are one row.

    It judges nothing, so it ends with 0 where the capture can be read: see check.
    """
    from snapdiff.report.as_map import render_map

    settings = settings_of(store=store, cluster=cluster)
    side = select(ref, Store(settings.store), settings.cluster, now=datetime.now(UTC))
    report = survey(
        side,
        cluster=side.capture.cluster or settings.cluster,
        progress=progress_to_stderr("read") if sys.stderr.isatty() else None,
    )
    click.echo(render_map(report, what, terminal_of(color)), nl=False, color=True)
