"""What of a night is worth telling somebody: what is new, worse, gone, or could not be seen.

Still open is no news; it comes in a digest once in a while. What no target took is told again.
"""

from __future__ import annotations

import typing as t
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta

from snapdiff.ledger import LEFT_OUT, NOT_ASKED
from snapdiff.life import is_hidden, last_known, latest, lives
from snapdiff.model import Severity
from snapdiff.notify import Notice
from snapdiff.safe import visible
from snapdiff.story import Sight
from snapdiff.wording import named

if t.TYPE_CHECKING:
    from collections.abc import Sequence

    from snapdiff.ledger import Entry, Night
    from snapdiff.model import Report
    from snapdiff.story import Life

PERIODS = {"daily": timedelta(days=1), "weekly": timedelta(days=7), "never": None}
QUIET = (LEFT_OUT, NOT_ASKED)  # of nodes that nobody looked for: no news
SLACK = timedelta(hours=3)  # a night may begin a little earlier than the one a week ago
MAYBE_OLD = "or older: a night before cannot be read"
# What a notice is called that tells of several: the first that it has.
ORDER = ("new", "worse", "unseen", "resolved", "digest")
TITLES = {
    "new": "new",
    "worse": "worse",
    "resolved": "resolved",
    "digest": "still open",
    "unseen": "not seen",
    "again": "seen again",
    "changed": "changed",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One thing to tell, on all nodes where it is the same."""

    what: str  # a key of TITLES
    rule: str
    path: str
    severity: str
    message: str
    nodes: tuple[str, ...]
    id: str = ""
    note: str = ""

    def as_dict(self) -> dict[str, t.Any]:
        """Return it as a row of a notice."""
        found = {name: getattr(self, name) for name in Row.__slots__ if getattr(self, name)}
        return {**found, "nodes": list(self.nodes)}


def news(
    before: Sequence[Night],
    now: Night,
    *,
    fail_on: Severity,
    changed: Report | None = None,
    digest: str = "weekly",
) -> tuple[Row, ...]:
    """Return what a night is worth telling of, after those *before* it.

    *changed* is what differs from the night before, for a cluster without a baseline: such a
    change is told once, as it is no state that lasts.
    """
    told = list(before)
    while told and not told[-1].sent:
        told.pop()
    found = [*_findings(told, now, fail_on), *_unseen(told, now)]
    if changed is not None:
        found += [
            Row(
                what="changed",
                rule=row.rule,
                path=row.path,
                severity=row.severity.word,
                message=row.message,
                nodes=row.nodes,
                id=row.id,
            )
            for row in changed.findings
            if row.severity >= fail_on
        ]
    if any(one.what != "digest" for one in found):
        return tuple(one for one in found if one.what != "digest")
    return tuple(found) if _is_due(told, now, PERIODS[digest]) else ()


def _findings(told: Sequence[Night], now: Night, fail_on: Severity) -> list[Row]:
    known = lives(told)
    blind = any(one.unreadable for one in told)
    groups: dict[tuple[str, str, str, str, str, str], list[tuple[str, str]]] = defaultdict(list)

    def put(what: str, key: str, entry: Entry, note: str = "") -> None:
        group = (what, entry.rule, entry.path, entry.severity, entry.message, note)
        groups[group].append((entry.node, key))

    for key, entry in now.findings.items():
        if entry.sight is not Sight.OPEN or Severity[entry.severity.upper()] < fail_on:
            continue
        life = known.get(key)
        state = last_known(life) if life is not None else None
        if state is not Sight.OPEN and blind and _is_hidden(key, entry, life, told):
            put("new", key, entry, MAYBE_OLD)
        elif life is None or state is None:
            put("new", key, entry)
        elif state is Sight.CLEAR:
            put("new", key, entry, "it is back")
        elif state is Sight.ACCEPTED:
            put("new", key, entry, "it was accepted until now")
        elif Severity[entry.severity.upper()] > Severity[life.severity.upper()]:
            put("worse", key, entry, f"it was {life.severity}")
        else:
            put("digest", key, entry, f"since {life.first[:10]}")
    for key, (entry, then) in latest(told).items():
        was_open = last_known(known[key]) is Sight.OPEN
        bad = Severity[entry.severity.upper()] >= fail_on
        if was_open and bad and now.sight_of(key, entry, then) is Sight.CLEAR:
            put("resolved", key, entry)
    return [
        Row(
            what=what,
            rule=rule,
            path=path,
            severity=severity,
            message=message,
            nodes=tuple(sorted(node for node, _key in members)),
            id=members[0][1],
            note=note,
        )
        for (what, rule, path, severity, message, note), members in groups.items()
    ]


def _is_hidden(key: str, entry: Entry, life: Life | None, told: Sequence[Night]) -> bool:
    sights = life.sights if life else [one.sight_of(key, entry, None) for one in told]
    return is_hidden(sights, told)


def _unseen(told: Sequence[Night], now: Night) -> list[Row]:
    """Return rows for nodes that were seen the last time and are not, and the other way round."""
    was = _away(told)
    groups: dict[tuple[str, str], list[str]] = defaultdict(list)
    for node, why in now.unseen.items():
        if node not in was and why not in QUIET:
            groups["unseen", why].append(node)
    for node in was:
        if node not in now.unseen:
            groups["again", TITLES["again"]].append(node)
    return [
        Row(what=what, rule="", path="", severity="", message=why, nodes=tuple(sorted(nodes)))
        for (what, why), nodes in groups.items()
    ]


def _away(told: Sequence[Night]) -> set[str]:
    """Return the nodes that could not be seen the last time that anybody looked for them."""
    away: set[str] = set()
    for night in (one for one in told if not one.unreadable):
        away = {node for node in away if node in night.unseen}
        away |= {node for node, why in night.unseen.items() if why not in QUIET}
    return away


def _is_due(told: Sequence[Night], now: Night, period: timedelta | None) -> bool:
    if period is None:
        return False
    last = next((one for one in reversed(told) if one.kinds), told[0] if told else None)
    if last is None:
        return True
    passed = datetime.fromisoformat(now.taken_at) - datetime.fromisoformat(last.taken_at)
    return passed >= period - SLACK


def notice_of(rows: Sequence[Row], now: Night, cluster: str, *, report: str = "") -> Notice | None:
    """Return the notice of a night; None where there is nothing to tell.

    *report* is where the whole of it is to be read.
    """
    if not rows:
        return None
    counts: dict[str, int] = defaultdict(int)
    for one in rows:
        counts[one.what] += len(one.nodes) if one.what in ("unseen", "again") else 1
    shown = [what for what in TITLES if what in counts]
    title = ", ".join(f"{counts[what]} {_of(what, counts[what])}" for what in shown)
    lines = [f"{now.taken_at}: {now.observed} of {now.expected} nodes seen"]
    for what in shown:
        lines += ["", TITLES[what]]
        for one in rows:
            if one.what == what:
                mark = f"{one.severity}  " if one.severity else ""
                note = f" ({one.note})" if one.note else ""
                text = "" if one.message == TITLES[what] else f": {one.message}"
                lines.append(visible(f"  {mark}{_where(one)}{text}{note}"))  # one line each
    if report:
        lines += ["", f"report: {report}"]
    return Notice(
        title=f"snapdiff {cluster}: {title}",
        body="\n".join(lines),
        kind=next((kind for kind in ORDER if kind in kinds_of(rows)), "new"),
        rows=tuple(one.as_dict() for one in rows),
        cluster=cluster,
        made_at=now.made_at,
    )


def kinds_of(rows: Sequence[Row]) -> tuple[str, ...]:
    """Return the kinds of notice that rows make."""
    kinds = {"again": "resolved", "changed": "new"}
    return tuple(sorted({kinds.get(one.what, one.what) for one in rows}))


def _of(what: str, count: int) -> str:
    if what in ("unseen", "again"):
        return f"{'node' if count == 1 else 'nodes'} {TITLES[what]}"
    return TITLES[what]


def _where(one: Row) -> str:
    return f"{named(one.nodes)}: {one.rule}" if one.rule else named(one.nodes)
