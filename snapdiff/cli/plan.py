"""``snapdiff plan``: what a change may alter, looked at before it is made."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from snapdiff import files
from snapdiff.cli.options import (
    emit,
    outputs_of,
    policy_of,
    report_options,
    settings_of,
    store_options,
)
from snapdiff.compare import check_plan
from snapdiff.errors import UsageError
from snapdiff.paths import nearest
from snapdiff.plan import profiles, read_plan
from snapdiff.store import Store


@click.group("plan")
def command() -> None:
    """Check a plan of a change, or copy a shipped one."""


@command.command("check", short_help="Say what a plan would change, and what does not fit.")
@click.argument("plan", metavar="FILE", type=click.Path(path_type=Path))
@click.argument("ref", metavar="[CAPTURE]", default="@latest")
@store_options
@report_options
def check(
    plan: Path,
    ref: str,
    store: str | None,
    cluster: str | None,
    outputs: tuple[str, ...],
    fail_on: str | None,
    min_coverage: str | None,
    strict: bool,
    exit_zero: bool,
    color: str,
) -> int:
    """Say what FILE would change in CAPTURE, default @latest, and what of it does not fit.

    That is: places that no snapshot has, nodes that do not exist, values that are there already.
    """
    wanted = outputs_of(outputs)
    if not plan.exists() and str(plan) in profiles():
        raise UsageError(
            f"{plan}: no such file. For the shipped one: snapdiff plan copy {plan} {plan}.yml"
        )
    settings = settings_of(store=store, cluster=cluster, fail_on=fail_on, min_coverage=min_coverage)
    report = check_plan(
        ref,
        read_plan(plan),
        store=Store(settings.store),
        cluster=settings.cluster,
        policy=policy_of(settings, strict=strict),
        now=datetime.now(UTC),
    )
    return emit(report, wanted, color, exit_zero=exit_zero)


@command.command("list")
def list_() -> None:
    """List the shipped plans."""
    shipped = profiles()
    width = max(map(len, shipped), default=0)
    for name, plan in shipped.items():
        click.echo(f"{name:{width}}  {plan.title}")


@command.command("copy")
@click.argument("name")
@click.argument("target", metavar="FILE", type=click.Path(path_type=Path))
def copy(name: str, target: Path) -> None:
    """Copy the shipped plan NAME to FILE, to be made your own."""
    shipped = profiles()
    if name not in shipped:
        hint = nearest(name, shipped) or "."
        raise UsageError(f"there is no plan {name!r}{hint} There is {', '.join(shipped)}")
    if target.exists():
        raise UsageError(f"{target}: it is there already")
    files.write_whole(target, Path(shipped[name].place).read_bytes())
    click.echo(f"{target}: change its values, then run 'snapdiff plan check {target}'")
