"""``snapdiff diff``: one capture against another."""

from __future__ import annotations

import sys
import typing as t
from dataclasses import replace
from datetime import UTC, datetime

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
@report_options
def command(
    before: str,
    after: str,
    store: str | None,
    cluster: str | None,
    grace: float,
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
    settings = settings_of(store=store, cluster=cluster, fail_on=fail_on, min_coverage=min_coverage)
    report = compare_captures(
        before,
        after,
        store=Store(settings.store),
        cluster=settings.cluster,
        policy=replace(policy_of(settings, strict=strict), grace=grace),
        now=datetime.now(UTC),
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
