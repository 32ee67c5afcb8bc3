"""``snapdiff nightly``: all that is to be done with a night's capture."""

from __future__ import annotations

import typing as t
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import click

from snapdiff import files
from snapdiff.cli.options import (
    Output,
    emit,
    outputs_of,
    policy_of,
    report_options,
    settings_of,
    store_options,
)
from snapdiff.errors import ExitCode, UnreadableError
from snapdiff.ledger import write_night
from snapdiff.names import to_file_name
from snapdiff.news import kinds_of, notice_of
from snapdiff.nightly import CHECK, Outcomes, outcomes_of
from snapdiff.notify import send, targets_of
from snapdiff.policy import site_of
from snapdiff.report.safe import visible
from snapdiff.retention import REPORTS
from snapdiff.store import Store

if t.TYPE_CHECKING:
    from snapdiff.ledger import Night
    from snapdiff.notify import Target

WRITTEN = {"html": "html", "json": "json", "text": "txt", "md": "md"}  # format to ending


@click.command("nightly")
@click.argument("ref", metavar="[CAPTURE]", default="@latest")
@click.option("--reports", metavar="DIR", help="Folder of reports; default STORE/CLUSTER/reports.")
@click.option("--no-notify", is_flag=True, help="Tell nobody; the next night will.")
@store_options
@report_options
def command(
    ref: str,
    reports: str | None,
    no_notify: bool,
    store: str | None,
    cluster: str | None,
    outputs: tuple[str, ...],
    fail_on: str | None,
    min_coverage: str | None,
    strict: bool,
    exit_zero: bool,
    color: str,
) -> int:
    """Check CAPTURE, compare it with the last night and with each baseline; default @latest.

    Writes the reports, remembers what was found for the life of each finding, and tells those that
    notify names in snapdiff.yml what is new, worse or resolved. -o is of the check.
    """
    wanted = outputs_of(outputs)
    settings = settings_of(store=store, cluster=cluster, fail_on=fail_on, min_coverage=min_coverage)
    targets = () if no_notify else targets_of(settings)
    place = Store(settings.store)
    cluster_folder = place.cluster_folder(settings.cluster)
    folder = Path(reports) if reports else cluster_folder / REPORTS
    with _alone(cluster_folder):  # of two at once, the second finds what the first has told
        found = outcomes_of(
            ref,
            store=place,
            cluster=settings.cluster,
            policy=policy_of(settings, strict=strict),
            site=site_of(settings),
            now=datetime.now(UTC),
            digest=settings.notify["digest"],
        )
        where = folder / found.night.capture
        trouble = _written(found, where)
        emit(found.reports[CHECK], wanted, color, exit_zero=exit_zero)
        report = "" if trouble else str(where)
        night = _told(found, settings.cluster, None if no_notify else targets, report)
        write_night(cluster_folder, night)
    for note in found.reports[CHECK].notes:
        _say(note)
    for name, one in found.reports.items():
        _say(f"{name}: {one.verdict}")
    for name, why in found.failed.items():
        _say(f"{name}: could not be made: {why}")
    if trouble is not None:
        raise trouble
    _say(f"reports: {where}")
    return int(ExitCode.CLEAN) if exit_zero else found.exit_code


def _alone(folder: Path) -> t.ContextManager[None]:
    """Have one process at a time in a cluster's folder; where it is not there, nothing is read."""
    return files.alone(folder) if folder.is_dir() else nullcontext()


def _told(found: Outcomes, cluster: str, targets: t.Sequence[Target] | None, report: str) -> Night:
    """Tell what is news, and return the night with what came of that; None: the next one tells."""
    notice = notice_of(found.rows, found.night, cluster, report=report)
    if notice is None or targets is None:
        return replace(found.night, sent=notice is None)
    told = send(notice, targets)
    for one in told:
        state = "told" if one.ok else "could not tell"
        _say(f"{state} {one.target}{f': {one.why}' if one.why else ''}")
    if not any(one.ok for one in told):  # with nobody to be told there is nothing to tell again
        return replace(found.night, sent=not targets)
    kinds = {*found.night.kinds, *kinds_of(found.rows)}
    return replace(found.night, sent=True, kinds=tuple(sorted(kinds)))


def _say(text: str) -> None:
    click.echo(visible(text), err=True)


def _written(found: Outcomes, folder: Path) -> UnreadableError | None:
    """Write every report in every format; return why that failed: it costs nobody the notice."""
    try:
        files.make_folder(folder)
        for name, report in found.reports.items():
            written = [
                Output(form, folder / f"{to_file_name(name)}.{end}")
                for form, end in WRITTEN.items()
            ]
            emit(report, written, "never", exit_zero=False)
    except UnreadableError as error:
        return error
    return None
