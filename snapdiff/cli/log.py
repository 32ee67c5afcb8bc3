"""``snapdiff log``: the captures of a cluster."""

from __future__ import annotations

import json
import typing as t
from collections import Counter

import click

from snapdiff.baseline import readable
from snapdiff.cli.history import captures_since
from snapdiff.cli.options import settings_of, store_options
from snapdiff.ledger import nights
from snapdiff.model import Outcome
from snapdiff.report.safe import visible
from snapdiff.store import Store

if t.TYPE_CHECKING:
    from snapdiff.ledger import Night
    from snapdiff.model import Capture

Row = dict[str, t.Any]


@click.command("log")
@click.option("--since", metavar="TIME", help="'3 days ago', yesterday or 2026-11-22T03:00.")
@store_options
@click.option(
    "-o",
    "--output",
    type=click.Choice(["text", "json"]),
    default="text",
    help="text (default) or json.",
)
def command(since: str | None, store: str | None, cluster: str | None, output: str) -> int:
    """List the captures, the newest first: nodes seen, what was found, what was told.

    What was found is known of captures that 'snapdiff nightly' reported on.
    """
    settings = settings_of(store=store, cluster=cluster)
    place = Store(settings.store)
    folder = place.cluster_folder(settings.cluster)
    names: dict[str, list[str]] = {}
    there, broken = readable(folder)
    for one in there.values():
        names.setdefault(one.capture, []).append(one.name)
    written = nights(folder)
    known = {night.capture: night for night in written if not night.unreadable}
    for why in (*map(str, broken.values()), *(one.unreadable for one in written)):
        if why:
            click.echo(f"snapdiff: {visible(why)}", err=True)
    captures, code = captures_since(place, settings.cluster, since)
    rows = [_row(one, known.get(one.name), names.get(one.name, [])) for one in reversed(captures)]
    if output == "json":
        click.echo(json.dumps(rows, indent=2))
        return code
    for row in rows:
        click.echo(visible(_line(row)))
    return code


def _row(capture: Capture, night: Night | None, baselines_: list[str]) -> Row:
    counts = Counter(one.outcome for one in capture.nodes.values())
    moment = night.moment if night is not None else None
    return {
        "capture": capture.name,
        "taken_at": capture.started_at,
        "label": capture.label,
        "baseline": baselines_,
        "expected": len(capture.nodes) - counts[Outcome.SKIPPED],
        "observed": counts[Outcome.OK],
        "skipped": counts[Outcome.SKIPPED],
        "findings": dict(moment.by_severity) if moment is not None else None,
        "accepted": moment.accepted if moment is not None else None,
        "told": list(night.kinds) if night is not None else None,
    }


def _line(row: Row) -> str:
    words = [f"{row['capture']:18}", f"{row['observed']}/{row['expected']} nodes"]
    if row["skipped"]:
        words.append(f"{row['skipped']} left out")
    if row["findings"] is not None:
        found = row["findings"]
        told = [f"{found[one]} {one}" for one in ("error", "warning", "info") if found.get(one)]
        words.append(", ".join(told) or ("clean" if row["observed"] else "nothing seen"))
    if row["accepted"]:
        words.append(f"{row['accepted']} accepted")
    if row["label"]:
        words.append(f"label {row['label']}")
    if row["baseline"]:
        words.append(f"baseline {', '.join(row['baseline'])}")
    if row["told"]:
        words.append(f"told: {', '.join(row['told'])}")
    return "  ".join(words)
