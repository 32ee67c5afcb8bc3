"""A report that was read, and whether it is still true: what acceptances are made from."""

from __future__ import annotations

import json
import typing as t
from dataclasses import dataclass

from snapdiff import files
from snapdiff.acceptance import Acceptance, same, value_of
from snapdiff.errors import InvalidError, UnreadableError, UsageError
from snapdiff.paths import nearest
from snapdiff.schema import validate
from snapdiff.store import stamp
from snapdiff.strict_yaml import LIMITS
from snapdiff.wording import word

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date, datetime
    from pathlib import Path

    from snapdiff.model import Report

SHORTEST = 6  # characters of an id that may stand for it


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """A finding on one node, as it stood in the report."""

    id: str
    row: str  # id of the row that folds it
    rule: str
    node: str
    path: str
    severity: str
    message: str
    value: t.Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A report as a person read it."""

    command: str
    cluster: str
    inputs: tuple[str, ...]  # names of the captures; the last is what was found in
    found: tuple[Read, ...]


def read_report(path: Path) -> Reading:
    """Return what a JSON report found. Raises UnreadableError for what is none of ours."""
    data = files.read(path, LIMITS.size)
    try:
        report = json.loads(data)
        validate(report, "report")
    except (ValueError, RecursionError) as error:
        raise UnreadableError(f"{path}: it is no JSON report ('-o json=FILE'): {error}") from None
    except InvalidError as error:
        what = str(error) if error.path == ("schema",) else f"not a valid report: {error}"
        raise InvalidError(f"{path}: {what}", error.path) from None
    if report["command"] not in ("check", "diff"):
        raise UsageError(f"{path}: a report of {report['command']} has nothing to accept")
    return Reading(
        command=report["command"],
        cluster=report.get("cluster", ""),
        inputs=tuple(one.get("capture", "") for one in report["inputs"]),
        found=tuple(one for row in report["findings"] for one in _of(row)),
    )


def _of(row: Mapping[str, t.Any]) -> Iterable[Read]:
    for member in row.get("members", ()):
        yield Read(
            id=member["id"],
            row=row["id"],
            rule=row["rule"],
            node=member["node"],
            path=row["path"],
            severity=row["severity"],
            message=row["message"],
            value=value_of(
                row["scope"], row["message"], member.get("after"), member.get("places", ())
            ),
        )


def chosen_of(reading: Reading, ids: Sequence[str]) -> list[Read]:
    """Return the findings of some ids, or beginnings of ids; a row's id means all its nodes.

    Raises UsageError for one that is not in the report, or could be several.
    """
    found: dict[str, Read] = {}
    for given in ids:
        known = {one.id for one in reading.found} | {one.row for one in reading.found}
        meant = [one for one in known if one.startswith(given)]
        if len(given) < SHORTEST:
            raise UsageError(f"--id {given}: give {SHORTEST} characters of it or more")
        if not meant:
            raise UsageError(f"--id {given}: the report has no such finding{nearest(given, known)}")
        if len(meant) > 1:
            raise UsageError(f"--id {given} could be {' or '.join(sorted(meant))}")
        found.update({one.id: one for one in reading.found if meant[0] in (one.id, one.row)})
    return list(found.values())


def still_so(picked: Iterable[Read], now: Report) -> None:
    """Refuse what is not as it was read, held against a report on what there is now.

    Raises UsageError that names the node, and both values.
    """
    rows = [*now.findings, *(one.finding for one in now.waived)]
    values = {
        member.id: value_of(row.scope, row.message, member.after, member.places)
        for row in rows
        for member in row.members
    }
    below = {key: row for row in rows for key in row.follows}
    for one in picked:
        unseen = _why_unseen(one, now)
        if one.id in values:
            if not same(values[one.id], one.value):
                raise UsageError(
                    f"{one.node} has moved on since: {one.path} was {word(one.value)} when it was "
                    f"read, and is {word(values[one.id])} now. Read a newer report."
                )
        elif one.id in below:
            raise UsageError(
                f"{one.node} has moved on since: {one.path} follows from another finding now, "
                f"{below[one.id].id}: {below[one.id].message}. Read a newer report."
            )
        elif unseen:
            raise UsageError(
                f"nobody knows whether {one.path} on {one.node} is still as it was read: {unseen}. "
                "Gather it first."
            )
        else:
            raise UsageError(
                f"{one.node} has moved on since: {one.rule} at {one.path} is no finding any more. "
                "Read a newer report."
            )


def _why_unseen(one: Read, now: Report) -> str:
    """Return why nobody could look at a finding, empty where somebody did."""
    coverage = now.coverage
    for missing in coverage.missing:
        if missing.node == one.node:
            return missing.why
    if one.node in coverage.skipped:
        return "the node was left out on purpose"
    for undecided in now.undecided:
        if undecided.rule == one.rule and (not undecided.nodes or one.node in undecided.nodes):
            return undecided.why
    return ""


def acceptances_of(
    picked: Iterable[Read],
    reading: Reading,
    *,
    reason: str,
    until: date | None,
    ticket: str,
    now: datetime,
) -> list[Acceptance]:
    """Return an acceptance for each finding that was picked."""
    return [
        Acceptance(
            id=one.id,
            rule=one.rule,
            node=one.node,
            path=one.path,
            value=one.value,
            reason=reason,
            until=until.isoformat() if until else "",
            ticket=ticket,
            capture=reading.inputs[-1],
            accepted_at=stamp(now),
        )
        for one in picked
    ]
