"""``snapdiff diff``: one capture against another."""

from __future__ import annotations

import sys
import typing as t
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
from snapdiff.store import Store


@click.command("diff")
@click.argument("before", metavar="[A]", default="@prev")
@click.argument("after", metavar="[B]", default="@latest")
@store_options
@click.option(
    "--grace",
    type=click.FloatRange(min=0),
    default=30.0,
    show_default=True,
    metavar="SECONDS",
    help="After a reboot a node is not judged for so long.",
)
@click.option("--plan", metavar="FILE", help="What was planned; all else must have stayed.")
@click.option(
    "--so-far",
    multiple=True,
    metavar="NODE",
    help="With --plan: due on these alone, as node1, 'w*' or group:workers; repeatable.",
)
@click.option("--new-only", is_flag=True, help="What a night had before makes no exit code 1.")
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
    r"""Say what changed from A to B, and on which nodes.

    A and B are @latest, @prev, @yesterday, @label:NAME, a time as @2026-11-22T03:00 (the newest at
    or before it, local unless it ends in Z), a capture's name, a folder or a snapshot file.

    \b
    Signs:  + added   - removed   ~ changed   ! type changed   ? not observed
    """
    wanted = outputs_of(outputs)
    if so_far and not plan:
        raise UsageError("--so-far says where a plan is due: name one with --plan")
    settings = settings_of(store=store, cluster=cluster, fail_on=fail_on, min_coverage=min_coverage)
    report = compare_captures(
        before,
        after,
        store=Store(settings.store),
        cluster=settings.cluster,
        policy=replace(policy_of(settings, strict=strict), grace=grace, new_only=new_only),
        now=datetime.now(UTC),
        plan=read_plan(Path(plan)) if plan else None,
        so_far=so_far,
        progress=progress_to_stderr("compared") if sys.stderr.isatty() else None,
    )
    return emit(report, wanted, color, exit_zero=exit_zero)


def progress_to_stderr(what: str) -> t.Callable[[int, int], None]:
    """Return a callback that counts nodes on the last line of the terminal; quiet when few."""

    def show(done: int, total: int) -> None:
        if total < 200:
            return
        end = "\r" if done < total else "\r\x1b[K"
        if done % 50 == 0 or done == total:
            click.echo(f"{what} {done} of {total} nodes{end}", nl=False, err=True)

    return show
