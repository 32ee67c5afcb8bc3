"""``snapdiff prune``: room in a store, by rule."""

from __future__ import annotations

import sys
import typing as t
from datetime import UTC, datetime

import click

from snapdiff import retention
from snapdiff.cli.options import settings_of, store_options
from snapdiff.errors import ExitCode, UsageError
from snapdiff.report.safe import visible
from snapdiff.retention import Draft, Fate, Keep
from snapdiff.store import Store

if t.TYPE_CHECKING:
    from snapdiff.settings import Settings

NUMBER = click.IntRange(min=0)
NOTHING_SET = (
    "nothing says what to keep. Give --keep-daily, --keep-weekly or --keep-last, "
    "or set it in snapdiff.yml, as 'keep: {daily: 30, weekly: 52}'."
)


@click.command("prune")
@click.option("--keep-daily", type=NUMBER, metavar="N", help="Keep one capture of each of N days.")
@click.option("--keep-weekly", type=NUMBER, metavar="N", help="Keep one of each of N weeks.")
@click.option("--keep-last", type=NUMBER, metavar="N", help="Keep the newest N.")
@click.option(
    "--keep-labelled/--no-keep-labelled", default=None, help="Keep those with a label; the default."
)
@click.option("--drafts", is_flag=True, help="Also remove what was never finished, after two days.")
@click.option("--dry-run", is_flag=True, help="Only say what would be removed.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@store_options
def command(
    keep_daily: int | None,
    keep_weekly: int | None,
    keep_last: int | None,
    keep_labelled: bool | None,
    drafts: bool,
    dry_run: bool,
    yes: bool,
    store: str | None,
    cluster: str | None,
) -> int:
    """Remove captures of a cluster that nothing asks to keep.

    The newest two stay always, and so does every capture that is a baseline. The reports on a
    capture go with it, the nights stay: they are the lives of findings. A day or a week (of
    the local time) that has no capture is not counted.
    """
    settings = settings_of(store=store, cluster=cluster)
    keep = _keep(settings, keep_daily, keep_weekly, keep_last, keep_labelled)
    place = Store(settings.store)
    rows, left = _plan(place, settings.cluster, keep)
    for line in _told(settings.cluster, rows, left, drafts=drafts):
        click.echo(visible(line))
    going = _going(rows, left, drafts=drafts)
    if dry_run or not going:
        return ExitCode.CLEAN
    _agreed(len(going), yes=yes)
    again = _going(*_plan(place, settings.cluster, keep), drafts=drafts)  # it may have been hours
    gone = [name for name in going if name in again]
    folder = place.cluster_folder(settings.cluster)
    for name in gone:
        retention.remove(folder / name)
        retention.remove_reports(folder, name)
    click.echo(f"{_many(len(gone))} removed", err=True)
    return ExitCode.CLEAN


def _keep(
    settings: Settings,
    daily: int | None,
    weekly: int | None,
    last: int | None,
    labelled: bool | None,
) -> Keep:
    given = {"daily": daily, "weekly": weekly, "last": last}
    asked = {name: settings.keep[name] if one is None else one for name, one in given.items()}
    if all(one is None for one in asked.values()):
        raise UsageError(NOTHING_SET)
    return Keep(
        **{name: one or 0 for name, one in asked.items()},
        labelled=settings.keep["labelled"] if labelled is None else labelled,
    )


def _plan(store: Store, cluster: str, keep: Keep) -> tuple[tuple[Fate, ...], tuple[Draft, ...]]:
    now = datetime.now(UTC)
    rows = retention.fates(
        retention.held(store, cluster),
        keep,
        protected=retention.protected_by_baselines(store, cluster),
        now=now,
    )
    return rows, retention.drafts(store, cluster, now=now)


def _going(rows: t.Iterable[Fate], left: t.Iterable[Draft], *, drafts: bool) -> list[str]:
    names = [one.capture.name for one in rows if not one.kept]
    return names + [one.name for one in left if drafts or one.going]


def _told(
    cluster: str, rows: t.Sequence[Fate], left: t.Sequence[Draft], *, drafts: bool
) -> t.Iterator[str]:
    kept = sum(one.kept for one in rows)
    yield f"{cluster}: {_many(len(rows))}, {kept} to keep, {len(rows) - kept} to remove"
    for one in rows:
        word = "keep  " if one.kept else "remove"
        yield f"{word}  {one.capture.name}  {', '.join(one.why)}".rstrip()
    for draft in left:
        if draft.going:
            yield f"remove  {draft.name}  its removal was interrupted"
        else:
            word, how = ("remove", "") if drafts else ("draft ", "; --drafts removes it")
            yield f"{word}  {draft.name}  never sealed, left alone since {draft.touched_at:%F}{how}"


def _agreed(number: int, *, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError(f"{_many(number)} would be removed: say so with --yes, or use --dry-run")
    click.confirm(f"Remove {_many(number)}?", abort=True, err=True)


def _many(number: int) -> str:
    return f"{number} capture{'' if number == 1 else 's'}"
