"""``snapdiff check``: a capture against the rules."""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import click

from snapdiff.cli.diff import progress_to_stderr
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
from snapdiff.report.safe import visible
from snapdiff.store import Store


@click.command("check")
@click.argument("ref", metavar="[CAPTURE]", default="@latest")
@store_options
@click.option("--plan", metavar="FILE", help="Of a change that goes on: what it may break is info.")
@click.option("--new-only", is_flag=True, help="What a night had before makes no exit code 1.")
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
    """Say what in CAPTURE (what diff takes; default @latest) is wrong, the cause first.

    A rule that lacks a fact is named as one that cannot tell: that is never green.
    """
    wanted = outputs_of(outputs)
    settings = settings_of(store=store, cluster=cluster, fail_on=fail_on, min_coverage=min_coverage)
    site = site_of(settings)
    report = check_capture(
        ref,
        store=Store(settings.store),
        cluster=settings.cluster,
        policy=replace(policy_of(settings, strict=strict), new_only=new_only),
        now=datetime.now(UTC),
        site=site,
        plan=read_plan(Path(plan)) if plan else None,
        progress=progress_to_stderr("checked") if sys.stderr.isatty() else None,
    )
    for note in report.notes:
        click.echo(f"snapdiff: {visible(note)}", err=True)
    return emit(report, wanted, color, exit_zero=exit_zero)
