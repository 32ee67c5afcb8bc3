"""The life of a finding, made of the nights: since when, how often, gone, back again."""

from __future__ import annotations

import itertools
import typing as t
from dataclasses import replace

from snapdiff.ledger import entries_of
from snapdiff.model import Finding, Report, Severity
from snapdiff.story import Life, Sight, Standing

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from snapdiff.ledger import Entry, Night

SHOWN_NIGHTS = 30  # of a report; ``snapdiff log`` has all
SHOWN_LIVES = 500
THERE = (Sight.OPEN, Sight.ACCEPTED)
NOT_KNOWN = ""  # for a standing


def lives(nights: Sequence[Night]) -> dict[str, Life]:
    """Return the life of every finding that any of the nights had, by id."""
    return {key: _life(key, nights) for key in latest(nights)}


def latest(nights: Iterable[Night]) -> dict[str, tuple[Entry, Night]]:
    """Return every finding that any of the nights had, as it was last, and on which night."""
    return {key: (entry, night) for night in nights for key, entry in night.findings.items()}


def _sights(key: str, nights: Sequence[Night]) -> Iterator[Sight]:
    """Yield what each night says of a finding; those before it was found could look, or not."""
    entry = next(night.findings[key] for night in nights if key in night.findings)
    then: Night | None = None
    for night in nights:
        if key in night.findings:
            entry, then = night.findings[key], night
        yield night.sight_of(key, entry, then)


def _life(key: str, nights: Sequence[Night]) -> Life:
    sights = tuple(_sights(key, nights))
    entry = next(night.findings[key] for night in reversed(nights) if key in night.findings)
    there = [number for number, one in enumerate(sights) if one in THERE]
    known = [one for one in sights[there[0] :] if one is not Sight.UNSEEN]
    flaps = sum(one is Sight.CLEAR and two in THERE for one, two in itertools.pairwise(known))
    return Life(
        id=key,
        rule=entry.rule,
        path=entry.path,
        node=entry.node,
        severity=entry.severity,
        message=entry.message,
        first=nights[there[0]].taken_at,
        last=nights[there[-1]].taken_at,
        sights=sights,
        nights=len(there),
        flaps=flaps,
    )


def last_known(life: Life) -> Sight | None:
    """Return what the last night that could look says; None where none could."""
    return next((one for one in reversed(life.sights) if one is not Sight.UNSEEN), None)


def is_hidden(sights: Sequence[Sight], nights: Sequence[Night]) -> bool:
    """Say whether a night that cannot be read may have the last word on a finding."""
    for sight, night in zip(reversed(sights), reversed(nights), strict=True):
        if night.unreadable:
            return True
        if sight is not Sight.UNSEEN:
            return False
    return False


def with_lives(report: Report, before: Sequence[Night], now: Night | None = None) -> Report:
    """Return the report with what each finding is against the nights *before* it.

    *now* is the night of this very report, where one is made: it ends the story that is shown.
    """
    if not before and now is None:
        return report
    known = lives(before)
    findings = tuple(_standing(row, known, before, Sight.OPEN) for row in report.findings)
    waived = tuple(
        replace(one, finding=_standing(one.finding, known, before, Sight.ACCEPTED))
        for one in report.waived
    )
    story = [*before, *([now] if now is not None else [])][-SHOWN_NIGHTS:]
    told = sorted(lives(story).values(), key=_weight)[:SHOWN_LIVES]
    return replace(
        report,
        findings=findings,
        waived=waived,
        moments=tuple(one.moment for one in story),
        lives=tuple(told),
    )


def _weight(life: Life) -> tuple[int, int, str, str]:
    """Sort what is open before what is gone, the worst and then the oldest first."""
    order = (Sight.OPEN, Sight.UNSEEN, Sight.ACCEPTED, Sight.CLEAR)
    return (
        order.index(life.sight),
        -Severity[life.severity.upper()],
        life.first,
        f"{life.rule} {life.path} {life.node}",
    )


def _standing(
    row: Finding, known: Mapping[str, Life], before: Sequence[Night], sight: Sight
) -> Finding:
    """Return a row with its age; it is as old as its oldest node, and as new as its newest.

    What may be of a night that cannot be read is called neither new nor old.
    """
    found = {key: (known.get(key), entry) for key, entry in entries_of(row, sight).items()}
    old = [life for life, _entry in found.values() if life is not None]
    blind = any(one.unreadable for one in before)
    standings: set[Standing | str] = set()
    for key, (life, entry) in found.items():
        standing = _of_life(life, row.severity, sight)
        if blind and standing in (Standing.NEW, Standing.REOPENED):
            sights = life.sights if life else [one.sight_of(key, entry, None) for one in before]
            standing = NOT_KNOWN if is_hidden(sights, before) else standing
        standings.add(standing)
    order = (Standing.NEW, NOT_KNOWN, Standing.WORSE, Standing.REOPENED, Standing.OPEN)
    return replace(
        row,
        standing=next((one for one in order if one in standings), Standing.NEW),
        since=min((one.first for one in old), default=""),
        nights=1 + max((one.nights for one in old), default=0),
    )


def _of_life(life: Life | None, severity: Severity, sight: Sight) -> Standing | str:
    if life is None:
        return Standing.NEW
    last = last_known(life)
    if last is Sight.CLEAR or (last is Sight.ACCEPTED and sight is Sight.OPEN):
        return Standing.REOPENED
    if severity > Severity[life.severity.upper()]:
        return Standing.WORSE
    return Standing.OPEN
