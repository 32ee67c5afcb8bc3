"""``snapdiff accept``: findings of a report that somebody read, accepted for a while."""

from __future__ import annotations

import re
import sys
import typing as t
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import click

from snapdiff.acceptance import add_acceptances
from snapdiff.cli.options import policy_of, settings_of, store_options
from snapdiff.compare import check_capture, compare_captures
from snapdiff.errors import UsageError
from snapdiff.policy import site_of
from snapdiff.reading import Read, Reading, acceptances_of, chosen_of, read_report, still_so
from snapdiff.report.safe import visible
from snapdiff.store import Store
from snapdiff.waiver_file import add_waiver

if t.TYPE_CHECKING:
    from snapdiff.settings import Settings

SPAN = re.compile(r"([1-9][0-9]{0,3})([dw])")


@click.command("accept")
@click.argument("report", metavar="REPORT", type=click.Path(path_type=Path))
@click.option(
    "--id",
    "ids",
    multiple=True,
    metavar="ID",
    help="The id of a finding, or its beginning; repeatable.",
)
@click.option("--reason", metavar="TEXT", help="Why it is accepted.")
@click.option("--until", metavar="DAY", help="Last day, such as 2026-12-24, or a span: 14d, 6w.")
@click.option("--ticket", default="", metavar="TEXT", help="Where more is said of it.")
@click.option("--as-waiver", is_flag=True, help="Waive the rule in snapdiff.yml instead.")
@store_options
def command(
    report: Path,
    ids: tuple[str, ...],
    reason: str | None,
    until: str | None,
    ticket: str,
    as_waiver: bool,
    store: str | None,
    cluster: str | None,
) -> None:
    """Accept findings of REPORT, the JSON report that was read.

    An acceptance holds for one place on one node, and for the value that was read. Where a node
    has moved on since, nothing is written. Without --id, on a terminal, it asks which.
    """
    reading = read_report(report)
    last = _last_day(until)
    picked = chosen_of(reading, ids) if ids else _asked(reading, report)
    reason = reason or (click.prompt("Why") if sys.stdin.isatty() and not ids else "")
    if not reason:
        raise UsageError("--reason: say why; who reads it in a year will want to know")
    settings = settings_of(store=store, cluster=cluster or reading.cluster or None)
    _hold(reading, picked, settings)
    if as_waiver:
        _waive(picked, reason, last)
        return
    folder = Store(settings.store).cluster_folder(settings.cluster)
    new = acceptances_of(
        picked, reading, reason=reason, until=last, ticket=ticket, now=datetime.now(UTC)
    )
    path = add_acceptances(folder, new)
    for one in new:
        click.echo(visible(f"accepted {one.id}  {one.rule} {one.path} on {one.node}"))
    click.echo(visible(f"in {path}"))


def _last_day(word: str | None) -> date | None:
    if word is None:
        return None
    today = datetime.now(UTC).date()
    span = SPAN.fullmatch(word)
    try:
        found = (
            today + timedelta(days=int(span[1]) * (7 if span[2] == "w" else 1))
            if span
            else date.fromisoformat(word)
        )
    except ValueError:
        raise UsageError(f"--until {word}: it takes a day, as 2026-12-24, 14d or 6w") from None
    if found < today:
        raise UsageError(f"--until {word}: that day is over")
    return found


def _asked(reading: Reading, report: Path) -> list[Read]:
    """Ask on the terminal which findings are meant."""
    if not reading.found:
        raise UsageError(f"{report}: it has no finding")
    if not sys.stdin.isatty():
        raise UsageError("--id: name the findings; 'snapdiff' asks for them on a terminal only")
    for number, one in enumerate(reading.found, 1):
        click.echo(visible(f"{number:4}  {one.id}  {one.severity}  {one.node}  {one.message}"))
    words = str(click.prompt("Which (numbers, with blanks between)")).replace(",", " ").split()
    try:
        numbered = dict(enumerate(reading.found, 1))
        return [numbered[int(word)] for word in words]
    except (ValueError, KeyError):
        raise UsageError(f"{' '.join(words)}: give numbers of that list") from None


def _hold(reading: Reading, picked: list[Read], settings: Settings) -> None:
    """Refuse where the nodes are not as they were read; the newest capture tells."""
    store = Store(settings.store)
    captures = store.captures(settings.cluster)
    if not captures or not reading.inputs or not all(reading.inputs):
        raise UsageError(
            f"{store.folder}: the report is not of captures of cluster {settings.cluster!r} here"
        )
    if captures[-1].name == reading.inputs[-1]:
        return
    now = datetime.now(UTC)
    given: dict[str, t.Any] = {
        "store": store,
        "cluster": settings.cluster,
        "policy": policy_of(settings, strict=False),
        "now": now,
        "site": site_of(settings),
    }
    if reading.command == "check":
        report = check_capture("@latest", **given)
    else:
        report = compare_captures(reading.inputs[0], "@latest", **given)
    still_so(picked, report)


def _waive(picked: list[Read], reason: str, last: date | None) -> None:
    rules = sorted({one.rule for one in picked})
    for rule in rules:
        if rule in ("drift", "plan", "plan-window"):
            raise UsageError(f"--as-waiver: {rule} is no rule of check. Accept the finding itself.")
    for rule in rules:
        waiver = {"rule": rule, "reason": reason, "until": last.isoformat() if last else ""}
        path = add_waiver(Path.cwd(), waiver)
        click.echo(visible(f"waived {rule} on all nodes, in {path}"))
