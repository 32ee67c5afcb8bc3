"""``snapdiff settle``: gather until the nodes are at rest."""

from __future__ import annotations

import os
import typing as t

import click

from snapdiff.cli.gather import say_coverage
from snapdiff.cli.options import inventory_option, policy_of, settings_of, store_options
from snapdiff.errors import ExitCode
from snapdiff.gathering import Wish, gather
from snapdiff.report.progress import counting
from snapdiff.report.safe import visible
from snapdiff.settling import settle
from snapdiff.store import Store

if t.TYPE_CHECKING:
    from snapdiff.model import Capture


@click.command("settle")
@inventory_option
@click.option("--hosts", default="all", metavar="PATTERN", help="Group or pattern; default all.")
@click.option("--within", default="5m", metavar="SPAN", help="Time for it all; default 5m.")
@click.option("--pause", default="5s", metavar="SPAN", help="Between two captures; default 5s.")
@click.option("--label", default="", metavar="LABEL", help="A name for each of the captures.")
@click.option(
    "--min-coverage", metavar="PERCENT", help="Fewer nodes seen are not enough; default 100."
)
@store_options
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[-- ANSIBLE_OPTION...]")
def command(
    inventories: tuple[str, ...],
    hosts: str,
    within: str,
    pause: str,
    label: str,
    min_coverage: str | None,
    store: str | None,
    cluster: str | None,
    arguments: tuple[str, ...],
) -> int:
    """Gather until two captures agree, or the time is up: then say what still moved.

    They agree when nothing but pods came and went and the same nodes were seen, enough of them. A
    SPAN is 30s, 5m or 1h. When the time is up the exit code is 1, for nodes that stay away too.
    """
    settings = settings_of(
        store=store,
        cluster=cluster,
        min_coverage=min_coverage,
        inventory=",".join(inventories) or None,
    )
    place = Store(settings.store)
    wish = Wish(
        inventories=inventories or tuple(filter(None, [settings.values["inventory"]])),
        hosts=hosts,
        label=label,
        arguments=arguments,
    )

    def take() -> Capture:
        with counting("gathering", after=0) as progress:
            capture = gather(wish, place, settings.cluster, os.environ, progress)
        say_coverage(capture, settings.min_coverage)
        return capture

    rest = settle(
        take,
        store=place,
        cluster=settings.cluster,
        policy=policy_of(settings, strict=False),
        within=within,
        pause=pause,
    )
    for line in rest.words:
        click.echo(visible(line), err=not rest.settled)
    return ExitCode.CLEAN if rest.settled else ExitCode.FINDINGS
