"""``snapdiff baseline``: captures with a name, that others are held against."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from snapdiff.baseline import DEFAULT, drop_baseline, readable, set_baseline
from snapdiff.cli.options import settings_of, store_options
from snapdiff.errors import ExitCode
from snapdiff.refs import select
from snapdiff.report.safe import visible
from snapdiff.selection import chosen
from snapdiff.store import Store


@click.group("baseline")
def command() -> None:
    """Name a capture that others are held against, as @baseline or @baseline:NAME."""


@command.command("set", short_help="Make a capture the baseline.")
@click.argument("ref", metavar="[CAPTURE]", default="@latest")
@click.option("--name", default=DEFAULT, metavar="NAME", help=f"Default {DEFAULT!r}.")
@click.option(
    "--on",
    multiple=True,
    metavar="NODE",
    help="For these nodes alone: names, patterns with *, group:workers; repeatable.",
)
@click.option("--reason", default="", metavar="TEXT", help="Why, for whoever reads it later.")
@store_options
def set_(
    ref: str,
    name: str,
    on: tuple[str, ...],
    reason: str,
    store: str | None,
    cluster: str | None,
) -> None:
    """Make CAPTURE the baseline; default @latest.

    An earlier one of that name is no baseline any more.
    """
    settings = settings_of(store=store, cluster=cluster)
    place = Store(settings.store)
    now = datetime.now(UTC)
    side = select(ref, place, settings.cluster, now=now)
    if on:
        chosen(on, side.capture.nodes.values(), "--on")
    folder = place.cluster_folder(settings.cluster)
    found = set_baseline(side, folder, name=name, on=on, reason=reason, now=now)
    seen = f"{len(side.paths)} of {len(side.capture.nodes)} nodes"
    click.echo(visible(f"baseline {found.name}: {found.capture}, {seen}"))


@command.command("list")
@store_options
def list_(store: str | None, cluster: str | None) -> int:
    """List the baselines."""
    settings = settings_of(store=store, cluster=cluster)
    found, broken = readable(Store(settings.store).cluster_folder(settings.cluster))
    for one in found.values():
        on = f" on {', '.join(one.on)}" if one.on else ""
        reason = f"  {one.reason}" if one.reason else ""
        click.echo(visible(f"{one.name}  {one.capture}{on}  set {one.set_at}{reason}"))
    for error in broken.values():
        click.echo(f"snapdiff: {visible(str(error))}", err=True)
    if not found and not broken:
        click.echo("there is none. Set one with 'snapdiff baseline set'.")
    return int(ExitCode.UNREADABLE if broken else ExitCode.CLEAN)


@command.command("drop")
@click.argument("name")
@store_options
def drop(name: str, store: str | None, cluster: str | None) -> None:
    """Take the name away from its capture, which stays."""
    settings = settings_of(store=store, cluster=cluster)
    drop_baseline(Store(settings.store).cluster_folder(settings.cluster), name)
    click.echo(visible(f"{name} is no baseline any more"))
