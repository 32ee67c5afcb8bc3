"""Which change broke a rule: the one without which it would hold, else the rule has its own row.

A breach is put below a change by trying: the node as it is now, with that change taken back, is
held against the rule again. What is near by name only is no cause.
"""

from __future__ import annotations

import heapq
import typing as t
from collections import defaultdict
from dataclasses import dataclass, field, replace

from snapdiff import below, canonical, events, roles
from snapdiff.drift import Drift
from snapdiff.model import Change, Kind, Severity, Snapshot
from snapdiff.taken_back import taken_back

if t.TYPE_CHECKING:
    from collections.abc import Sequence

    from snapdiff.events import Asked
    from snapdiff.rules.registry import Breach

TRIED = 32  # changes of a node that are tried for a rule; 5,000 routes are no 5,000 trials
HEAD = "breaks"  # first part of the path of a breach that no change explains


def with_breaks(drifts: Sequence[Drift], old: Snapshot, new: Snapshot, asked: Asked) -> list[Drift]:
    """Return the drifts of a node with the rules that each breaks, and what no one explains.

    *asked* are the rules that are asked.
    """
    found = list(drifts)
    trial = _Trial(drifts, old, new, asked)
    broken = list(events.newly_broken(old, new, asked, pods=not drifts))
    above = {id(one): trial.cause_of(rule, one) for rule, one in broken}
    alone: dict[str, list[Breach]] = defaultdict(list)
    for rule, breach in broken:
        index = above[id(breach)]
        if index is None:  # as of a bridge that is down: its ports do not forward either
            causes = [one for one in broken if _explains(one, rule, breach, asked)]
            rows = (above[id(one)] for _rule, one in causes)
            index = next((row for row in rows if row is not None), None)
            if index is None and any(_held_before(*one, old, new, asked) for one in causes):
                continue  # the row of its cause says it
        if index is not None:
            found[index] = _with(found[index], rule, breach, asked)
        elif _held_before(rule, breach, old, new, asked):
            alone[rule].append(breach)
    return [*found, *(_row(rule, breaches, new, asked) for rule, breaches in alone.items())]


def _explains(cause: tuple[str, Breach], rule: str, breach: Breach, asked: Asked) -> bool:
    """Say whether a rule's breach follows from another one, and not the other way round."""
    name, one = cause
    explains = asked.rules[name].explains | one.explains
    back = asked.rules[rule].explains | breach.explains
    return one is not breach and rule in explains and name not in back


def _with(one: Drift, rule: str, breach: Breach, asked: Asked) -> Drift:
    """Return a drift that breaks a rule, which is no small matter."""
    small = one.severity is Severity.INFO
    return replace(
        one,
        evidence=(*one.evidence, f"{HEAD} {rule}: {breach.message}"),
        severity=asked.severity_of(rule, breach) if small else one.severity,
    )


def _row(rule: str, breaches: list[Breach], new: Snapshot, asked: Asked) -> Drift:
    """Return one row for all that a rule says of a node beside its changes."""
    first = breaches[0]
    path = below.common({one.path for one in breaches})
    rest = tuple(one.message for one in breaches[1:4])
    if len(breaches) > 4:
        rest = (*rest, f"and {len(breaches) - 4} more")
    return Drift(
        Change(
            node=new.node,
            path=(HEAD, rule, path),  # no place: nothing may take it for a change of one
            kind=Kind.CHANGED,
            after=first.seen,
        ),
        max(asked.severity_of(rule, one) for one in breaches),
        "hard",
        evidence=(*first.evidence, *rest),
        breach=first,
        why=asked.rules[rule].summary,
    )


def _held_before(rule: str, breach: Breach, old: Snapshot, new: Snapshot, asked: Asked) -> bool:
    """Say whether a rule did hold before: one that could not tell then may have been broken.

    Names of pods' links are of no meaning: what was wrong with another pod's is not new.
    """
    before = events.broken_by(rule, old, asked)
    return before is not None and _plain(breach.path, new) not in {
        _plain(path, old) for path in before
    }


def _plain(path: str, snapshot: Snapshot) -> str:
    parts = path.split("/")
    if parts[0] == "links" and canonical.is_pod_port(parts[1], snapshot["links"]):
        parts[1] = roles.population_of(parts[1]) or parts[1]
    return "/".join(parts)


@dataclass(slots=True)
class _Trial:
    """The changes of a node, each of which may be taken back to see whether a rule holds then."""

    drifts: Sequence[Drift]
    old: Snapshot
    new: Snapshot
    asked: Asked
    _nodes: dict[tuple[int, ...], Snapshot] = field(default_factory=dict)
    _broken: dict[tuple[str, tuple[int, ...]], frozenset[str] | None] = field(default_factory=dict)

    def cause_of(self, rule: str, breach: Breach) -> int | None:
        """Return which drift a breach comes of, the worst and nearest of several; None: none."""
        place = tuple(breach.path.split("/"))
        order = heapq.nsmallest(
            TRIED,
            range(len(self.drifts)),
            key=lambda index: (-self.drifts[index].severity, *self._farness(index, place, breach)),
        )
        for index in order:
            if self._mends((index,), rule, breach):
                return index
        needed = self._needed(order, rule, breach)
        if needed:
            return needed[0]
        return next((one for one in order if _is_at(self.drifts[one], place)), None)

    def _needed(self, order: list[int], rule: str, breach: Breach) -> list[int]:
        """Return the fewest drifts that mend a rule together, the nearest first."""
        if len(order) < 2 or not self._mends(tuple(sorted(order)), rule, breach):
            return []
        left = list(order)
        for index in reversed(order):
            rest = [one for one in left if one != index]
            if rest and self._mends(tuple(sorted(rest)), rule, breach):
                left = rest
        return left

    def _mends(self, back: tuple[int, ...], rule: str, breach: Breach) -> bool:
        if (rule, back) not in self._broken:
            if back not in self._nodes:
                changes = [change for index in back for change in self.drifts[index].changes]
                own = [change for change in changes if change.node == self.new.node]
                self._nodes[back] = taken_back(own, self.old, self.new)
            self._broken[rule, back] = events.broken_by(rule, self._nodes[back], self.asked)
        broken = self._broken[rule, back]
        return broken is not None and breach.path not in broken

    def _farness(
        self, index: int, place: tuple[str, ...], breach: Breach
    ) -> tuple[bool, int, bool]:
        """Return how far a place is from what changed: by its field, then by the parts not shared.

        An MTU that is too large is nearer to another link's MTU than to a MAC of its own link.
        """
        one = self.drifts[index]
        field_, shared = min(
            (place[2:3] != change.path[2:3], -_shared(change.path, place)) for change in one.changes
        )
        return field_, shared, breach.expected is None or one.change.after != breach.expected


def _is_at(one: Drift, place: tuple[str, ...]) -> bool:
    """Say whether a drift is at the very place of a breach, or at the row that it is in."""
    whole = min(len(place), 3 if place[0] in ("links", "cni") else 2)
    return any(
        _shared(change.path, place) >= min(whole, len(change.path)) > 1 for change in one.changes
    )


def _shared(one: tuple[str, ...], two: tuple[str, ...]) -> int:
    """Count the leading parts that two places have in common."""
    count = 0
    for left, right in zip(one, two, strict=False):
        if left != right:
            break
        count += 1
    return count
