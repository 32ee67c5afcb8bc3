"""``snapdiff map``: the MTU of every hop, or the mesh, of all nodes of a capture."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from snapdiff.cli.options import color_option, page, settings_of, store_options, terminal_of
from snapdiff.refs import select
from snapdiff.report.progress import counting
from snapdiff.store import Store
from snapdiff.survey import survey


@click.command("map")
@click.argument("ref", metavar="[CAPTURE]", default="@latest")
@click.option(
    "--what",
    type=click.Choice(["mtu", "mesh"]),
    default="mtu",
    help="The MTU of each hop, or who has no true entries for whom; default mtu.",
)
@color_option
@store_options
def command(ref: str, what: str, color: str, store: str | None, cluster: str | None) -> None:
    """Draw the MTU of every hop, or the mesh, of CAPTURE: nodes that are alike are one row.

    CAPTURE is what diff takes; default @latest. It judges nothing, so the exit code is 0 where the
    capture can be read: see check.
    """
    from snapdiff.report.as_map import render_map

    settings = settings_of(store=store, cluster=cluster)
    side = select(ref, Store(settings.store), settings.cluster, now=datetime.now(UTC))
    with counting("read") as progress:
        report = survey(
            side,
            cluster=side.capture.cluster or settings.cluster,
            progress=progress,
        )
    page(render_map(report, what, terminal_of(color)))
