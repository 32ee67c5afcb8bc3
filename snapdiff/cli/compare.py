"""``snapdiff compare``: the nodes of a capture against each other."""

from __future__ import annotations

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
from snapdiff.compare import compare_nodes
from snapdiff.report.progress import counting
from snapdiff.store import Store


@click.command("compare")
@click.argument("ref", metavar="[CAPTURE]", default="@latest")
@click.option(
    "--by",
    metavar="WHAT",
    help="Compare within groups alone: kernel, underlay, 'underlay kind', group or group:NAME.",
)
@click.option("--ref", "reference", metavar="NODE", help="Take this node's values for right.")
@store_options
@report_options
def command(
    ref: str,
    by: str | None,
    reference: str | None,
    store: str | None,
    cluster: str | None,
    outputs: tuple[str, ...],
    fail_on: str | None,
    min_coverage: str | None,
    strict: bool,
    exit_zero: bool,
    color: str,
) -> int:
    """Say which nodes of CAPTURE differ from the others, and in what.

    CAPTURE is what diff takes; default @latest. What should be alike is held against the value
    that most nodes have, and what is a node's own, such as a VTEP MAC, against all others. Pods
    and peers are left out.
    """
    wanted = outputs_of(outputs)
    settings = settings_of(store=store, cluster=cluster, fail_on=fail_on, min_coverage=min_coverage)
    with counting("compared") as progress:
        report = compare_nodes(
            ref,
            store=Store(settings.store),
            cluster=settings.cluster,
            policy=policy_of(settings, strict=strict),
            now=datetime.now(UTC),
            by=by,
            reference=reference,
            progress=progress,
        )
    return emit(report, wanted, color, exit_zero=exit_zero)
