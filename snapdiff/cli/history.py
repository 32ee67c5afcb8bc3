"""``snapdiff history``: one place over the captures."""

from __future__ import annotations

import json
import typing as t
from dataclasses import asdict
from datetime import UTC, datetime

import click

from snapdiff.cli.options import settings_of, store_options
from snapdiff.errors import ExitCode, SnapdiffError, UnreadableError, UsageError
from snapdiff.history import course_of, turns
from snapdiff.moments import moment_of
from snapdiff.paths import split
from snapdiff.report.safe import visible
from snapdiff.selection import chosen
from snapdiff.store import Store, read_manifest, side_of_capture, started
from snapdiff.story import was_seen
from snapdiff.wording import named

if t.TYPE_CHECKING:
    from pathlib import Path

    from snapdiff.model import Capture
    from snapdiff.story import Course


@click.command("history")
@click.argument("path", metavar="PATH")
@click.option(
    "--node", "nodes", multiple=True, metavar="NODE", help="Of this node alone; repeatable."
)
@click.option("--since", metavar="TIME", help="'3 days ago', yesterday or 2026-11-22T03:00.")
@store_options
@click.option(
    "-o",
    "--output",
    type=click.Choice(["text", "json"]),
    default="text",
    help="text (default) or json.",
)
def command(
    path: str,
    nodes: tuple[str, ...],
    since: str | None,
    store: str | None,
    cluster: str | None,
    output: str,
) -> int:
    """Tell when the value at PATH changed, such as links/flannel.1/mtu, and on which nodes.

    A node that was not seen in a capture is told as that, not as unchanged.
    """
    keys = split(path)
    settings = settings_of(store=store, cluster=cluster)
    captures, code = captures_since(Store(settings.store), settings.cluster, since)
    sides = [side_of_capture(one) for one in captures]
    if nodes:
        rows = {row.name: row for side in sides for row in side.capture.nodes.values()}
        chosen(nodes, rows.values(), "--node")
    course = course_of(path, keys, sides, nodes)
    if output == "json":
        click.echo(json.dumps(asdict(course), indent=2))
        return code
    for line in _lines(course):
        click.echo(visible(line))
    return code


def captures_since(store: Store, cluster: str, since: str | None) -> tuple[list[Capture], ExitCode]:
    """Return the captures from a time on, the oldest first, and how a listing of them ends.

    One that nobody can read is told on standard error and costs itself, not the others. Raises
    UsageError where there is none.
    """
    found, code = [], ExitCode.CLEAN
    for path in _since(store, cluster, since):
        try:
            found.append(read_manifest(path))
        except SnapdiffError as error:
            click.echo(f"snapdiff: {visible(str(error))}", err=True)
            code = ExitCode.UNREADABLE
    if not found:
        raise UnreadableError(f"{store.folder}: cluster {cluster!r}: no capture can be read")
    return found, code


def _since(store: Store, cluster: str, since: str | None) -> list[Path]:
    found = store.captures(cluster)
    if not found:
        raise UsageError(f"{store.folder}: cluster {cluster!r} has no capture")
    if since is None:
        return found
    word = since.removeprefix("@")
    moment = moment_of(word, datetime.now(UTC))
    if moment is None:
        raise UsageError(f"--since {since}: it takes '3 days ago', yesterday or 2026-11-22T03:00")
    kept = [one for one in found if started(one.name) >= moment]
    if not kept:
        raise UsageError(f"--since {since}: the newest capture is {found[-1].name}")
    return kept


def _lines(course: Course) -> t.Iterator[str]:
    first, last = course.moments[0], course.moments[-1]
    yield f"{course.path} over {len(course.moments)} captures, {first.taken_at} to {last.taken_at}"
    start: dict[str, list[str]] = {}
    for row in course.rows:
        start.setdefault(row.values[0], []).extend(row.nodes)
    for value, nodes in sorted(start.items(), key=lambda one: -len(one[1])):
        yield f"  {first.taken_at}  {value}  on {_nodes(nodes)}"
    for turn in turns(course):
        label = f" ({turn.moment.label})" if turn.moment.label else ""
        yield (
            f"  {turn.moment.taken_at}  {turn.before} → {turn.after}  "
            f"on {_nodes(turn.nodes)}{label}"
        )
    if not turns(course):
        seen = [was_seen(row.values[0]) for row in course.rows]
        if all(seen):
            yield "  it never changed"
        elif any(seen):
            yield "  it never changed where it was seen"


def _nodes(nodes: t.Sequence[str]) -> str:
    return named(sorted(nodes))
