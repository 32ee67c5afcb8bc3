"""Findings that somebody read and accepted: one place on one node, with the value that was read.

They lie in ``STORE/CLUSTER/acceptances.yml``, a line each. A waiver, in ``snapdiff.yml``, is about
a rule; an acceptance is about what was in a report, and ends when the value is another.
"""

from __future__ import annotations

import json
import typing as t
from dataclasses import asdict, dataclass, replace
from datetime import date

from snapdiff import codec, files
from snapdiff.drift import RULE as DRIFT
from snapdiff.drift import finding_id
from snapdiff.errors import UnreadableError
from snapdiff.model import Finding, Member, Report, Waived
from snapdiff.rules.registry import shipped
from snapdiff.strict_yaml import LIMITS

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

FILE = "acceptances.yml"
SCHEMA = "snapdiff/acceptances/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """A finding that is accepted; *until* is its last day, ISO 8601, empty: for good."""

    id: str
    rule: str
    node: str
    path: str
    value: t.Any
    reason: str
    capture: str
    accepted_at: str
    until: str = ""
    ticket: str = ""

    @property
    def key(self) -> str:
        """Return what its line is sorted by: what belongs to a node stands together."""
        return f"{self.node} {self.rule} {self.path} {self.id}"

    @property
    def words(self) -> str:
        """Return what tells it from others."""
        return f"the acceptance of {self.rule} at {self.path} on {self.node} ({self.reason})"

    def ended(self, today: date) -> bool:
        """Say whether it is over."""
        return bool(self.until) and date.fromisoformat(self.until) < today

    def holds_for(self, value: t.Any) -> bool:
        """Say whether a finding with this value is still the one that was read."""
        return same(self.value, value)


def same(one: t.Any, two: t.Any) -> bool:
    """Say whether two values are one as JSON has them: 1 is not true, a tuple is a list."""
    return json.dumps(one, sort_keys=True) == json.dumps(two, sort_keys=True)


def value_of(scope: str, message: str, after: t.Any, places: Sequence[str]) -> t.Any:
    """Return the value that is read in a finding on a node, for it to end with another one.

    What stands for several rows is those; what is between nodes has often no value but its words.
    """
    if places:
        return list(places) if after is None else [list(places), after]
    return message if after is None and scope == "pair" else after


def read_acceptances(folder: Path) -> tuple[Acceptance, ...]:
    """Return what is accepted in a cluster's folder; none where the file is not there.

    Raises UnreadableError for a file that is not of this form.
    """
    path = folder / FILE
    if not files.is_there(path):
        return ()
    data = files.read(path, LIMITS.size)
    document = codec.loads(data, "acceptances", str(path))
    found = {key: Acceptance(**row) for key, row in document["accepted"].items()}
    for key, one in found.items():
        try:
            one.ended(date.min)
        except ValueError as error:
            spot = codec.spot(data, str(path), ("accepted", key, "until"))
            raise UnreadableError(f"{spot}: until: {one.until}: {error}") from None
    return tuple(found.values())


def write_acceptances(folder: Path, rows: Iterable[Acceptance]) -> Path:
    """Write all that is accepted, sorted; return the path."""
    path = folder / FILE
    accepted = {one.key: _row(one) for one in rows}
    data = codec.dumps({"schema": SCHEMA, "accepted": accepted}).encode()
    codec.loads(data, "acceptances", str(path))
    files.write_whole(path, data)
    return path


def add_acceptances(folder: Path, new: Iterable[Acceptance]) -> Path:
    """Write more down, in the place of what was accepted of the same findings; return the path.

    One process at a time does so: another's acceptances are not lost.
    """
    with files.alone(folder):
        rows = {one.id: one for one in (*read_acceptances(folder), *new)}
        return write_acceptances(folder, rows.values())


def _row(one: Acceptance) -> dict[str, t.Any]:
    found = asdict(one)
    return {name: value for name, value in found.items() if value != "" or name == "value"}


def with_acceptances(report: Report, given: Iterable[Acceptance], today: date) -> Report:
    """Return the report with what is accepted taken out of its findings.

    A row that is accepted on some of its nodes stays, for the others. What is over, holds another
    value, or met nothing on a node that was seen, becomes a note.
    """
    accepted = {one.id: one for one in given}
    live = {key: one for key, one in accepted.items() if not one.ended(today)}
    left: list[Finding] = []
    waived = list(report.waived)
    for row in report.findings:
        taken: dict[tuple[str, str, str], list[Member]] = {}
        rest: list[Member] = []
        for member in row.members:
            one = live.get(member.id)
            value = value_of(row.scope, row.message, member.after, member.places)
            if one is not None and one.holds_for(value):
                taken.setdefault((one.reason, one.until, one.ticket), []).append(member)
            else:
                rest.append(member)
        for (reason, until, ticket), members in taken.items():
            part = _of_members(row, members, report.cluster)
            waived.append(Waived(finding=part, reason=reason, until=until, ticket=ticket))
        if rest or not taken:
            left.append(_of_members(row, rest, report.cluster))
    found = replace(report, findings=tuple(left), waived=tuple(waived))
    return replace(found, notes=(*report.notes, *_notes(accepted, found, today)))


def _of_members(row: Finding, members: list[Member], cluster: str) -> Finding:
    """Return a row for some of its members only."""
    if len(members) == len(row.members):
        return row
    nodes = tuple(dict.fromkeys(one.node for one in members))
    peers = (row.peer,) if row.peer else ()
    own = members[0].id if len(members) == 1 else ""
    return replace(
        row,
        id=own or finding_id(cluster, row.rule, row.path, *nodes, *peers),
        nodes=nodes,
        members=tuple(members),
    )


def _notes(accepted: Mapping[str, Acceptance], report: Report, today: date) -> list[str]:
    """Tell of what was accepted and does nothing, or nothing any more."""
    open_ = {member.id for row in report.findings for member in row.members}
    told = []
    for key, one in accepted.items():
        ended = one.ended(today)
        if key in open_:
            why = f"ended on {one.until}" if ended else "is of another value than there is now"
            told.append(f"{one.words} {why}: it is open again")
        elif _is_gone(one, report):
            why = f"ended on {one.until}, and it is gone" if ended else "meets nothing"
            told.append(f"{one.words} {why}. Take it away.")
    return told


def _is_gone(one: Acceptance, report: Report) -> bool:
    """Say whether a report would have what was accepted, were it there still.

    Never of drift: it may be held against another capture than the one that was read.
    """
    coverage = report.coverage
    unseen = {*(missing.node for missing in coverage.missing), *coverage.skipped}
    rule = shipped().get(one.rule)
    looked = one.node not in unseen and not (unseen and rule and rule.scope != "node")
    rows = [*report.findings, *(waived.finding for waived in report.waived)]
    told = {member.id for row in rows for member in row.members}
    told |= {key for row in rows for key in row.follows}
    blind = any(undecided.rule == one.rule for undecided in report.undecided)
    asked = report.command == "check" and one.rule != DRIFT
    return asked and looked and not blind and one.id not in told
