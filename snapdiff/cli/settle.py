"""``snapdiff settle``: gather until the nodes are at rest."""

from __future__ import annotations

import os
import re
import time
from dataclasses import replace
from datetime import UTC, datetime

import click

from snapdiff.cli.gather import say_coverage
from snapdiff.cli.options import policy_of, settings_of, store_options
from snapdiff.compare import compare_captures
from snapdiff.errors import ExitCode, UsageError
from snapdiff.gathering import Wish, gather
from snapdiff.model import Report, Severity
from snapdiff.report.progress import counting
from snapdiff.report.safe import visible
from snapdiff.store import Store

SPAN = re.compile(r"([0-9]{1,6})(s|m|h)?")
UNITS = {"s": 1, "m": 60, "h": 3600, None: 1}


@click.command("settle")
@click.option(
    "-i",
    "--inventory",
    "inventories",
    multiple=True,
    metavar="INVENTORY",
    help="Ansible inventory; repeatable.",
)
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
    end = time.monotonic() + seconds_of(within, "--within")
    rest = seconds_of(pause, "--pause")
    policy = replace(policy_of(settings, strict=False), grace=0.0)
    last, report = "", None
    while True:
        with counting("gathering", after=0) as progress:
            capture = gather(wish, place, settings.cluster, os.environ, progress)
        say_coverage(capture, settings.min_coverage)
        if last:
            report = compare_captures(
                last,
                capture.place,
                store=place,
                cluster=settings.cluster,
                policy=policy,
                now=datetime.now(UTC),
            )
            if _agree(report):
                click.echo(visible(f"settled: {capture.place}"))
                return ExitCode.CLEAN
        if time.monotonic() + rest >= end and last:
            break
        last = capture.place
        time.sleep(rest)
    verdict = report.verdict if report is not None else "no two captures were taken"
    click.echo(visible(f"not settled within {within}: {verdict}"), err=True)
    for row in report.findings if report is not None else ():
        click.echo(visible(f"  {row.message} on {', '.join(row.nodes[:6])}"), err=True)
    return ExitCode.FINDINGS


def _agree(report: Report) -> bool:
    moved = any(row.severity > Severity.INFO for row in report.findings)
    return not moved and not report.coverage.inconsistent and report.exit_code == 0


def seconds_of(word: str, option: str) -> int:
    """Return a time span, as 30s or 5m, in seconds. Raises UsageError for what is none."""
    found = SPAN.fullmatch(word)
    if found is None:
        raise UsageError(f"{option} {word}: it takes a time span, as 30s, 5m or 1h")
    return int(found[1]) * UNITS[found[2]]
