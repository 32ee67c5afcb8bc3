"""``snapdiff site``: pages over a store."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from snapdiff.cli.options import policy_of, settings_of
from snapdiff.errors import ExitCode
from snapdiff.policy import site_of
from snapdiff.report.progress import counting
from snapdiff.report.safe import visible
from snapdiff.site import Way
from snapdiff.site import build as build_pages
from snapdiff.store import Store


@click.group("site")
def command() -> None:
    """Make pages over a store, for any web server to serve."""


@command.command("build", short_help="Bring the pages up to date with the store.")
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@click.option("--store", metavar="DIR", help="Folder of captures; default snapshots.")
@click.option("--cluster", metavar="NAME", help="This cluster alone; else all of the store.")
@click.option(
    "--last",
    type=click.IntRange(min=1),
    metavar="N",
    help="Make reports of the newest N captures alone.",
)
def build(folder: Path, store: str | None, cluster: str | None, last: int | None) -> int:
    """Bring the pages in DIR up to date with the store: a list of captures, a report of each.

    All links are relative, so any web server, bucket or pages service can hand them out. Reports
    that would come out the same are not made again; nothing that snapdiff did not write is touched.
    Exit code 3: a capture could not be read; its line says why.
    """
    settings = settings_of(store=store, cluster=cluster)
    held = Store(settings.store)
    way = Way(
        policy=policy_of(settings, strict=False), site=site_of(settings), now=datetime.now(UTC)
    )
    with counting("built reports of captures:") as progress:
        built = build_pages(
            folder,
            [cluster] if cluster else held.clusters(),
            store=held,
            way=way,
            last=last or 0,
            progress=progress,
        )
    for why in built.broken:
        click.echo(f"snapdiff: {visible(why)}", err=True)
    gone = f", {built.removed} removed" if built.removed else ""
    what = f"{built.made} made, {built.kept} kept{gone}"
    click.echo(visible(f"{folder / 'index.html'}: reports of captures: {what}"))
    return int(ExitCode.UNTRUSTED if built.broken else ExitCode.CLEAN)
