"""``snapdiff diff``: one capture against another."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import click

from snapdiff.cli.options import (
    emit,
    outputs_of,
    policy_of,
    report_options,
    settings_of,
    store_options,
)
from snapdiff.compare import compare_captures
from snapdiff.errors import UsageError
from snapdiff.plan import read_plan
from snapdiff.policy import site_of
from snapdiff.report.progress import counting
from snapdiff.report.safe import visible
from snapdiff.store import Store

SIGNS = """\b
Signs:  + added   - removed   ~ changed   ! type changed   ? not observed
"""


@click.command("diff", epilog=SIGNS)
@click.argument("before", metavar="[A]", default="@prev")
@click.argument("after", metavar="[B]", default="@latest")
@store_options
@click.option(
    "--grace",
    type=click.FloatRange(min=0),
    default=30.0,
    metavar="SECONDS",
    help="So long after a reboot a node is not judged; default 30.",
)
@click.option(
    "--plan", metavar="FILE", help="What was planned; all else must have stayed as it was."
)
@click.option(
    "--so-far",
    multiple=True,
    metavar="NODE",
    help="With --plan: due on these alone: node1, 'w*' or group:workers; repeatable.",
)
@click.option(
    "--new-only", is_flag=True, help="What an earlier night had too makes no exit code 1."
)
@report_options
def command(
    before: str,
    after: str,
    store: str | None,
    cluster: str | None,
    grace: float,
    plan: str | None,
    so_far: tuple[str, ...],
    new_only: bool,
    outputs: tuple[str, ...],
    fail_on: str | None,
    min_coverage: str | None,
    strict: bool,
    exit_zero: bool,
    color: str,
) -> int:
    """Say what changed from A to B, and on which nodes; default @prev and @latest.

    A and B are @latest, @prev, @yesterday, @label:NAME, @baseline, @baseline:NAME, a time such as
    @2026-11-22T03:00 (the newest at or before it, local unless it ends in Z), the name of a
    capture, its folder, or a snapshot file.
    """
    wanted = outputs_of(outputs)
    if so_far and not plan:
        raise UsageError("--so-far says where a plan is due: name one with --plan")
    settings = settings_of(store=store, cluster=cluster, fail_on=fail_on, min_coverage=min_coverage)
    with counting("compared") as progress:
        report = compare_captures(
            before,
            after,
            store=Store(settings.store),
            cluster=settings.cluster,
            policy=replace(policy_of(settings, strict=strict), grace=grace, new_only=new_only),
            now=datetime.now(UTC),
            site=site_of(settings),
            plan=read_plan(Path(plan)) if plan else None,
            so_far=so_far,
            progress=progress,
        )
    for note in report.notes:
        click.echo(f"snapdiff: {visible(note)}", err=True)
    return emit(report, wanted, color, exit_zero=exit_zero)
