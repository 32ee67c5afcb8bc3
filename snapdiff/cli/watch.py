"""``snapdiff watch``: the drift against one capture, drawn again with every new one."""

from __future__ import annotations

import os
import sys
import time
import typing as t
from datetime import UTC, datetime
from pathlib import Path

import click

from snapdiff.cli.gather import gathering_bar
from snapdiff.cli.options import policy_of, settings_of, store_options, terminal_of
from snapdiff.cli.settle import seconds_of
from snapdiff.compare import compare_captures
from snapdiff.errors import UsageError
from snapdiff.gathering import Wish, gather
from snapdiff.plan import read_plan
from snapdiff.refs import select
from snapdiff.report import render
from snapdiff.report.safe import visible
from snapdiff.store import Store

if t.TYPE_CHECKING:
    from snapdiff.model import Report

LOOK = 0.5  # seconds between two looks for a capture that somebody else takes


@click.command("watch")
@click.argument("before", metavar="[CAPTURE]", default="@latest")
@click.option(
    "-i",
    "--inventory",
    "inventories",
    multiple=True,
    help="Gather these nodes; without it follow what others gather into the store.",
)
@click.option("--hosts", default="all", metavar="PATTERN", help="Group or pattern; default all.")
@click.option("--every", default="10s", show_default=True, metavar="SPAN", help="Between gathers.")
@click.option("--plan", metavar="FILE", help="What is planned; done, missing and the rest is told.")
@click.option("--times", type=click.IntRange(min=1), metavar="N", help="End after N captures.")
@click.option(
    "--color",
    type=click.Choice(["auto", "always", "never"]),
    default="auto",
    help="Default: on a terminal, unless NO_COLOR is set.",
)
@store_options
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[-- ANSIBLE_OPTION...]")
def command(
    before: str,
    inventories: tuple[str, ...],
    hosts: str,
    every: str,
    plan: str | None,
    times: int | None,
    color: str,
    store: str | None,
    cluster: str | None,
    arguments: tuple[str, ...],
) -> int:
    """Show what changes against CAPTURE (default @latest), again with each new capture.

    For the hour of an upgrade. Ends with Ctrl-C, or after --times with the last report's exit code.
    """
    settings = settings_of(store=store, cluster=cluster)
    place = Store(settings.store)
    rest = seconds_of(every, "--every")
    wanted = read_plan(Path(plan)) if plan else None
    start = Path(select(before, place, settings.cluster, now=datetime.now(UTC)).capture.place)
    wish = Wish(inventories=inventories, hosts=hosts, arguments=arguments) if inventories else None
    if wish is None and arguments:
        raise UsageError("what follows -- is for a gather: give -i INVENTORY with it")
    last, shown, report = start.name, 0, None
    while times is None or shown < times:
        if wish is not None:
            with gathering_bar() as progress:
                gather(wish, place, settings.cluster, os.environ, progress)
        newest = _next(place, settings.cluster, last)
        last = newest.name
        report = compare_captures(
            str(start),
            str(newest),
            store=place,
            cluster=settings.cluster,
            policy=policy_of(settings, strict=False),
            now=datetime.now(UTC),
            plan=wanted,
        )
        _draw(report, color)
        shown += 1
        if wish is not None and (times is None or shown < times):
            time.sleep(rest)
    return report.exit_code if report is not None else 0


def _next(store: Store, cluster: str, last: str) -> Path:
    """Return the newest capture once it is another than the last."""
    while True:
        captures = store.captures(cluster)
        if captures and captures[-1].name != last:
            return captures[-1]
        time.sleep(LOOK)


def _draw(report: Report, color: str) -> None:
    """Print the report on a clear screen; one below the other where it is no terminal."""
    if sys.stdout.isatty():
        click.clear()
    else:
        click.echo("---")
    click.echo(visible(report.made_at))
    click.echo(render(report, "text", terminal_of(color)), nl=False, color=True)
