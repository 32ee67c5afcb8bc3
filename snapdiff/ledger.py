"""What each night came to, a file a capture: ``STORE/CLUSTER/nights/CAPTURE.yml``.

A night is written once, after its reports. What a finding is now follows from all of them, so
nothing else has to be kept in step; see ``life``.
"""

from __future__ import annotations

import typing as t
from collections import defaultdict
from dataclasses import dataclass, field, replace

from snapdiff import codec, files
from snapdiff.errors import UnreadableError
from snapdiff.model import Kind, covers
from snapdiff.store import is_capture, order_of, stamp, started
from snapdiff.story import Moment, Sight
from snapdiff.strict_yaml import LIMITS

if t.TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from snapdiff.model import Capture, Finding, Report

FOLDER = "nights"
DRIFT = "drift"
LEFT_OUT = "left out on purpose"
NOT_ASKED = "not asked any more"  # of a node that an earlier night knew
BETWEEN = ("pair", "fleet")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A finding on one node on one night."""

    rule: str
    path: str
    node: str
    severity: str
    scope: str
    message: str
    sight: Sight
    peer: str = ""  # the other node of a pair, where that is known


@dataclass(frozen=True, slots=True, kw_only=True)
class Night:
    """What one capture came to; *sent* is False where a notice of it did not get through.

    Of a night whose file cannot be read nothing is known, so it looked at nothing: *unreadable*.
    """

    capture: str
    taken_at: str
    made_at: str
    expected: int
    observed: int
    label: str = ""
    kinds: tuple[str, ...] = ()  # of the notices that were sent
    sent: bool = True
    unseen: Mapping[str, str] = field(default_factory=dict)
    undecided: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # no node: on none
    blind: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # likewise, by place
    follows: Mapping[str, str] = field(default_factory=dict)
    findings: Mapping[str, Entry] = field(default_factory=dict)
    unreadable: str = ""  # why, and where; never written

    @property
    def moment(self) -> Moment:
        """Return it as a point of a story."""
        counts: dict[str, int] = defaultdict(int)
        for one in self.findings.values():
            if one.sight is Sight.OPEN:
                counts[one.severity] += 1
        return Moment(
            capture=self.capture,
            taken_at=self.taken_at,
            label=self.label,
            expected=self.expected,
            observed=self.observed,
            by_severity=dict(counts),
            accepted=sum(one.sight is Sight.ACCEPTED for one in self.findings.values()),
        )

    def sight_of(self, key: str, entry: Entry, then: Night | None) -> Sight:
        """Return what this night says of a finding that *then*, an earlier one, had last.

        Clear is only what somebody looked at: not where its node was not seen, its rule could not
        tell, its place was not compared, or, of a rule between nodes, one is away that was there.
        """
        found = self.findings.get(key)
        if found is not None:
            return found.sight
        if key in self.follows or (entry.scope == "pair" and self._is_told_otherwise(entry)):
            return Sight.OPEN
        looked = (
            self.observed
            and entry.node not in self.unseen
            and not (entry.scope in BETWEEN and self._has_lost(entry, then))
            and not _is_on(entry.node, self.undecided.get(entry.rule))
            and not self._is_blind(entry)
        )
        return Sight.CLEAR if looked else Sight.UNSEEN

    def _is_told_otherwise(self, entry: Entry) -> bool:
        """Say whether pairs are told as one finding on a node that were told one by one, or back.

        Which of the two a rule does depends on their number, so the lack of either tells nothing.
        """
        about = {entry.node, entry.peer} - {""}
        return any(
            one.rule == entry.rule
            and not (one.peer and entry.peer)
            and about & {one.node, one.peer}
            for one in self.findings.values()
        )

    def _has_lost(self, entry: Entry, then: Night | None) -> bool:
        """Say whether a node is away that the finding may have been about."""
        before = then.unseen if then is not None else {}
        away = {node for node, why in self.unseen.items() if why != NOT_ASKED} - before.keys()
        return entry.peer in away if entry.peer else bool(away)

    def _is_blind(self, entry: Entry) -> bool:
        path = tuple(entry.path.split("/"))
        return any(
            _is_on(entry.node, nodes) and covers(place, path) for place, nodes in self.blind.items()
        )


def _is_on(node: str, nodes: tuple[str, ...] | None) -> bool:
    """Say whether a node is among some; an empty list of them stands for all."""
    return nodes is not None and (not nodes or node in nodes)


def night_of(
    capture: Capture,
    check: Report,
    based: Iterable[Report] = (),
    *,
    partly: Iterable[Report] = (),
    before: Sequence[Night] = (),
    rules: Collection[str] | None = None,
    compared: bool = True,
    now: datetime,
) -> Night:
    """Return the night that a capture's reports come to: a check, and a diff for each baseline.

    *partly* are the diffs with baselines that are for some nodes alone. *rules* are those that
    were asked, None: all; *compared* is False where no baseline, or not every one, was held
    against the capture, so that the lack of a drift tells nothing.
    """
    partial = list(partly)
    diffs = [*based, *partial]
    undecided: dict[str, list[tuple[str, ...]]] = defaultdict(list)
    for one in check.undecided:
        undecided[one.rule].append(one.nodes)
    if not compared:
        undecided[DRIFT].append(())
    undecided[DRIFT].extend(filter(None, [_not_compared(diffs, partial)]))
    known = [entry for night in before for entry in night.findings.values()]
    if rules is not None:
        for rule in {entry.rule for entry in known} - {DRIFT, *rules}:
            undecided[rule].append(())
    findings, follows = _found([check, *diffs])
    unseen = _unseen(check)
    nodes = {entry.node for entry in known} | {node for night in before for node in night.unseen}
    unseen.update(dict.fromkeys(sorted(nodes - capture.nodes.keys()), NOT_ASKED))
    return Night(
        capture=capture.name,
        taken_at=capture.started_at,
        made_at=stamp(now),
        label=capture.label,
        expected=check.coverage.expected,
        observed=check.coverage.observed,
        unseen=unseen,
        undecided={rule: _all_of(lists) for rule, lists in undecided.items() if lists},
        blind=_blind([check, *diffs]),
        follows={key: cause for key, cause in follows.items() if key not in findings},
        findings={key: _with_peer(entry, capture) for key, entry in findings.items()},
    )


def _found(reports: Iterable[Report]) -> tuple[dict[str, Entry], dict[str, str]]:
    """Return the findings of reports by id, and the ids of what is told below them."""
    findings: dict[str, Entry] = {}
    follows: dict[str, str] = {}
    for report in reports:
        rows = [(row, Sight.OPEN) for row in report.findings]
        rows += [(one.finding, Sight.ACCEPTED) for one in report.waived]
        for row, sight in rows:
            if row.change is Kind.NOT_OBSERVED:
                continue  # nobody knows what is there: see blind
            entries = entries_of(row, sight)
            findings.update({k: one for k, one in entries.items() if not _is_open(findings, k)})
            follows.update(dict.fromkeys(row.follows, row.id))
    return findings, follows


def _is_open(findings: Mapping[str, Entry], key: str) -> bool:
    """Say whether a finding is open already: no second report of it makes it accepted."""
    return key in findings and findings[key].sight is Sight.OPEN


def _unseen(report: Report) -> dict[str, str]:
    coverage = report.coverage
    return {
        **{one.node: one.why for one in coverage.missing},
        **dict.fromkeys(coverage.skipped, LEFT_OUT),
    }


def _not_compared(diffs: Sequence[Report], partial: Sequence[Report]) -> tuple[str, ...]:
    """Return the nodes of which some baseline that is for them, or none at all, could tell.

    What a baseline is not for it left out: that another one looked at such a node is enough.
    """
    whole = [one for one in diffs if one not in partial]
    found = {node for one in whole for node in _unseen(one)}
    found |= {missing.node for one in partial for missing in one.coverage.missing}
    if partial and not whole:
        found |= set.intersection(*(set(one.coverage.skipped) for one in partial))
    return tuple(sorted(found))


def _blind(reports: Iterable[Report]) -> dict[str, tuple[str, ...]]:
    """Return the places that nodes did not tell; what no node is named for is about a rule."""
    found: dict[str, list[tuple[str, ...]]] = defaultdict(list)
    for report in reports:
        for one in report.undecided:
            if one.nodes and one.path != "*":
                found[one.path].append(one.nodes)
    return {path: _all_of(lists) for path, lists in found.items()}


def _all_of(lists: list[tuple[str, ...]]) -> tuple[str, ...]:
    """Join lists of nodes; an empty one stands for all, and so then does the whole."""
    return tuple(sorted({node for nodes in lists for node in nodes})) if all(lists) else ()


def _with_peer(entry: Entry, capture: Capture) -> Entry:
    """Keep a peer only where it is a node, whose absence somebody would notice."""
    return entry if entry.peer in capture.nodes else replace(entry, peer="")


def entries_of(row: Finding, sight: Sight) -> dict[str, Entry]:
    """Return a row of a report as the findings of a night, by the ids of its nodes."""
    return {
        member.id: Entry(
            rule=row.rule,
            path=row.path,
            node=member.node,
            severity=row.severity.word,
            scope=row.scope,
            message=row.message,
            sight=sight,
            peer=row.peer or "",
        )
        for member in row.members
    }


def nights(folder: Path, *, before: str = "") -> list[Night]:
    """Return the nights of a cluster's folder, the oldest first; *before* a capture, not with it.

    A file that cannot be read is a night too, one of which nothing is known. One that is not
    called by a capture is none.
    """
    found = [
        path
        for path in files.inside(folder / FOLDER)
        if path.suffix == ".yml" and is_capture(path.stem)
    ]
    found.sort(key=lambda path: order_of(path.stem))
    return [_known(path) for path in found if not before or order_of(path.stem) < order_of(before)]


def _known(path: Path) -> Night:
    """Return the night in a file. What it told is not known either: it is not told again."""
    try:
        found = _read(path)
        if found.capture == path.stem:
            return found
        why = f"{path}: it is of {found.capture}, so it is no night of {path.stem}"
    except UnreadableError as error:
        why = str(error)
    taken_at = stamp(started(path.stem))
    return Night(
        capture=path.stem,
        taken_at=taken_at,
        made_at=taken_at,
        expected=0,
        observed=0,
        unreadable=f"{why.rstrip('.')}. Nothing is known of that night. Write it again with "
        f"'snapdiff nightly {path.stem}', or take the file away.",
    )


def _read(path: Path) -> Night:
    row = codec.loads(files.read(path, LIMITS.size), "night", str(path))
    findings = {
        key: Entry(**{**one, "sight": Sight(one["sight"])}) for key, one in row["findings"].items()
    }
    plain = ("capture", "taken_at", "made_at", "label", "expected", "observed", "unseen", "follows")
    return Night(
        **{name: row[name] for name in plain if name in row},
        kinds=tuple(row["told"]["kinds"]),
        sent=row["told"]["sent"],
        undecided={rule: tuple(names) for rule, names in row["undecided"].items()},
        blind={path: tuple(names) for path, names in row.get("blind", {}).items()},
        findings=findings,
    )


def write_night(folder: Path, night: Night) -> Path:
    """Write a night down, in the place of an earlier word on the same capture; return the path."""
    plain = ("capture", "taken_at", "made_at", "label", "expected", "observed")
    document = {
        "schema": "snapdiff/night/1",
        **{name: getattr(night, name) for name in plain},
        "told": {"kinds": list(night.kinds), "sent": night.sent},
        "unseen": dict(night.unseen),
        "undecided": {rule: list(names) for rule, names in night.undecided.items()},
        "blind": {path: list(names) for path, names in night.blind.items()},
        "follows": dict(night.follows),
        "findings": {
            key: {name: value for name in Entry.__slots__ if (value := getattr(one, name)) != ""}
            for key, one in night.findings.items()
        },
    }
    files.make_folder(folder / FOLDER)
    path = folder / FOLDER / f"{night.capture}.yml"
    data = codec.dumps(document).encode()
    codec.loads(data, "night", str(path))
    files.write_whole(path, data)
    return path
