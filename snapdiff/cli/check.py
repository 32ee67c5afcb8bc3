"""``snapdiff check``: a capture against the rules."""

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
from snapdiff.compare import check_capture
from snapdiff.plan import read_plan
from snapdiff.policy import site_of
from snapdiff.report.progress import counting
from snapdiff.report.safe import visible
from snapdiff.store import Store


@click.command("check")
@click.argument("ref", metavar="[CAPTURE]", default="@latest")
@store_options
@click.option(
    "--plan", metavar="FILE", help="Of a change that is going on: what it may break is info."
)
@click.option(
    "--new-only", is_flag=True, help="What an earlier night had too makes no exit code 1."
)
@report_options
def command(
    ref: str,
    store: str | None,
    cluster: str | None,
    plan: str | None,
    new_only: bool,
    outputs: tuple[str, ...],
    fail_on: str | None,
    min_coverage: str | None,
    strict: bool,
    exit_zero: bool,
    color: str,
) -> int:
    """Say what is wrong in CAPTURE, whatever was before: causes first, what follows below them.

    CAPTURE is what diff takes; default @latest. A rule that lacks a fact is named as one that
    cannot tell: that is never green. 'snapdiff explain RULE' says what a rule is about.
    """
    wanted = outputs_of(outputs)
    settings = settings_of(store=store, cluster=cluster, fail_on=fail_on, min_coverage=min_coverage)
    site = site_of(settings)
    with counting("checked") as progress:
        report = check_capture(
            ref,
            store=Store(settings.store),
            cluster=settings.cluster,
            policy=replace(policy_of(settings, strict=strict), new_only=new_only),
            now=datetime.now(UTC),
            site=site,
            plan=read_plan(Path(plan)) if plan else None,
            progress=progress,
        )
    for note in report.notes:
        click.echo(f"snapdiff: {visible(note)}", err=True)
    return emit(report, wanted, color, exit_zero=exit_zero)
