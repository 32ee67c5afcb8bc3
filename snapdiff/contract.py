"""A plan that is held against two captures: done, missing, and what else changed."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field, replace

from snapdiff import drift
from snapdiff.errors import SnapdiffError, UsageError
from snapdiff.fate import Fate, fate_of
from snapdiff.model import Finding, Kind, Member, Severity, Undecided
from snapdiff.paths import glob
from snapdiff.plan import NODES, Item, Plan, within_words
from snapdiff.safe import for_shell
from snapdiff.selection import chosen
from snapdiff.story import Lag, Planned

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from snapdiff.drift import Drift
    from snapdiff.model import Change, Node, Snapshot

RULE = "plan"
WINDOW = "plan-window"
NOWHERE = "it is no place of any node"
ITS_KINDS = {  # which changes a line of a plan accounts for
    "add": (Kind.ADDED,),
    "remove": (Kind.REMOVED,),
    "change": (Kind.CHANGED, Kind.TYPE_CHANGED, Kind.ADDED, Kind.REMOVED),
}


@dataclass(slots=True)
class _Fates:
    """The nodes of one line of the plan, by what became of it there."""

    done: list[str] = field(default_factory=list)
    missing: list[Lag] = field(default_factory=list)
    unknown: list[Lag] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)

    def is_empty(self) -> bool:
        return not (self.done or self.missing or self.unknown or self.waiting)


class Contract:
    """A plan on its way through the nodes of two captures, one node at a time."""

    def __init__(self, plan: Plan, due: frozenset[str] | None = None) -> None:
        """Take a plan, and the nodes where it is due by now; None: wherever it is for."""
        self.plan = plan
        self._due = due
        self._fates = [_Fates() for _item in plan.items]
        self._rows: dict[str, Node] = {}
        self._own: dict[str, list[Item]] = {}  # the lines that are due on a node

    def look(self, node: Node, before: Snapshot | None, after: Snapshot) -> None:
        """Take in a node that was seen after; *before* is None where it was not there before."""
        self._rows[node.name] = node
        for item, fates in self._of(node):
            try:
                fate, lag = fate_of(item, node.name, before, after)
            except SnapdiffError as error:  # a row that was never looked at until now
                fate, lag = Fate.UNKNOWN, Lag(node=node.name, why=str(error))
            if fate is Fate.DONE:
                fates.done.append(node.name)
            elif fate is not Fate.NOTHING:
                (fates.missing if fate is Fate.MISSING else fates.unknown).append(lag)

    def miss(self, node: Node, why: str) -> None:
        """Take in a node of which nobody can say what became of the plan."""
        self._rows[node.name] = node
        for _item, fates in self._of(node):
            fates.unknown.append(Lag(node=node.name, why=why))

    def settle(self, gone: Iterable[str], come: Iterable[str], there: Iterable[str]) -> None:
        """Take in which nodes went, came, and are asked for now: the last call before answers."""
        moved, names = {"add": sorted(come), "remove": sorted(gone)}, set(there)
        for item, fates in zip(self.plan.items, self._fates, strict=True):
            if not item.of_nodes:
                continue
            found = [one for one in moved[item.verb] if glob(item.keys[1]).fullmatch(one)]
            if not item.is_pattern and not found:
                is_as_planned = (item.keys[1] in names) is (item.verb == "add")
                found = [item.keys[1]] if is_as_planned else []
            if found:
                fates.done.extend(found)
            else:
                why = "it is not asked for" if item.verb == "add" else "it is still asked for"
                fates.missing.append(Lag(node=item.keys[1], why=why))

    def sends_away(self, node: str) -> bool:
        """Say whether a node is to go: then nothing else is to be done there."""
        return _is_covered(self.plan.items, Kind.REMOVED, (NODES, node))

    def _of(self, node: Node) -> list[tuple[Item, _Fates]]:
        """Return the lines that are due on a node; note where it is for, and not due yet."""
        lines = zip(self.plan.items, self._fates, strict=True)
        found = [(item, fates) for item, fates in lines if item.is_for(node)]
        if self._due is None or node.name in self._due:
            self._own[node.name] = [item for item, _fates in found]
            return found
        for _item, fates in found:
            fates.waiting.append(node.name)
        return []

    def parted(self, drifts: Iterable[Drift]) -> tuple[list[Drift], list[Drift]]:
        """Return what nobody planned, and what follows from the plan, as info.

        What was planned is in neither list, unless something else was told below it: whatever that
        is, it follows. Of what may follow each effect has to be planned, or one that may follow.
        """
        unplanned, effects = [], []
        for one in drifts:
            rest = tuple(each for each in one.effects if not self._accounts_for(each))
            if self._accounts_for(one.change):
                if one.evidence or rest:
                    effects.append(replace(one, severity=Severity.INFO, effects=rest))
            elif all(self.plan.of_follows(each.path) for each in (one.change, *rest)):
                effects.append(replace(one, severity=Severity.INFO, effects=rest))
            else:
                unplanned.append(one)
        return unplanned, effects

    def _accounts_for(self, change: Change) -> bool:
        items = self._own.get(change.node, ())
        if _is_covered(items, change.kind, change.path):
            return True
        if change.kind is not Kind.CHANGED:
            return False
        if change.path[0] == "routes" and change.path[2:] == ("dev",):  # its key has the link
            key = change.path[1]
            other = key.replace(f" dev {change.before}", f" dev {change.after}")
            ends: list[tuple[str, ...]] = [("routes", one) for one in (key, other)]
        elif change.path[2:] == ("addresses",):
            ends = [(*change.path, str(one)) for one in (change.before, change.after)]
        else:
            return False
        went, came = ends
        parts = [_is_covered(items, Kind.REMOVED, went), _is_covered(items, Kind.ADDED, came)]
        return all(parts) or (any(parts) and self.plan.of_follows(came if parts[0] else went))

    def of_nodes(self, rows: Sequence[Finding]) -> list[Finding]:
        """Return the rows on nodes that came or went: less those planned, the others a warning."""
        return [
            replace(row, severity=max(row.severity, Severity.WARNING))
            for row in rows
            if row.change is None
            or not (
                _is_covered(self.plan.items, row.change, row.keys) or self.plan.of_follows(row.keys)
            )
        ]

    def planned(self) -> tuple[Planned, ...]:
        """Return each line of the plan with what became of it."""
        return tuple(
            Planned(
                text=item.text,
                path=item.path,
                wanted=item.wanted,
                done=tuple(fates.done),
                missing=tuple(fates.missing),
                unknown=tuple(fates.unknown),
                waiting=tuple(fates.waiting),
            )
            for item, fates in zip(self.plan.items, self._fates, strict=True)
        )

    def findings(self, cluster: str, seconds: float | None) -> list[Finding]:
        """Return a finding for each line that is missing somewhere, or that means nothing at all.

        So for too long a time: *seconds* from the capture before to the one after, None: not known.
        """
        found = []
        for item, fates in zip(self.plan.items, self._fates, strict=True):
            if fates.missing:
                found.append(self._missing(item, fates.missing, cluster))
            words = words_of_nobody(item, self._rows.values())
            for text in words:
                found.append(_empty(item, text, cluster))
            if not words and fates.is_empty():
                found.append(_empty(item, NOWHERE, cluster))
        limit = self.plan.within
        if limit is not None and seconds is not None and seconds > limit:
            found.append(_late(limit, seconds, cluster))
        return found

    def undecided(self, seconds: float | None) -> list[Undecided]:
        """Return that nobody can say how long it took, where the plan has a limit for that."""
        if self.plan.within is None or seconds is not None:
            return []
        return [Undecided(path="within", why="a loose file has no capture's time", side="both")]

    def _missing(self, item: Item, lags: list[Lag], cluster: str) -> Finding:
        nodes = tuple(one.node for one in lags)
        told = list(dict.fromkeys(told_of(one).removeprefix("it ") for one in lags))
        seen = {drift.word(one.seen) for one in lags}
        return Finding(
            id=drift.finding_id(cluster, RULE, item.text, *nodes),
            rule=RULE,
            severity=Severity.ERROR,
            scope="temporal",
            nodes=nodes,
            path=item.path,
            message=f"{item.path} {' or '.join(told[:3])}, planned {item.intent}",
            after=lags[0].seen if len(seen) == 1 else None,
            expected=item.wanted,
            why=f"The plan '{self.plan.title}' asks for it.",
            remedy=f"look with 'snapdiff show @latest --node {for_shell(nodes[0])}' why the change "
            "did not get there, make it, and gather again",
            members=tuple(
                Member(
                    id=drift.finding_id(cluster, RULE, item.text, one.node),
                    node=one.node,
                    after=one.seen,
                )
                for one in lags
            ),
            keys=item.keys,
        )


def told_of(lag: Lag) -> str:
    """Return in words what is there in place of what was planned, or why nobody can say."""
    return lag.why or f"still {drift.word(lag.seen)}"


def words_of_nobody(item: Item, rows: Iterable[Node]) -> list[str]:
    """Return a sentence for each word of ``on`` that means no node: it would be done nowhere."""
    known, found = list(rows), []
    for one in item.on:
        try:
            if one != "*" and not item.of_nodes:
                chosen([one], known, "on")
        except UsageError as error:
            found.append(str(error))
    return found


def _is_covered(items: Iterable[Item], kind: Kind, path: tuple[str, ...]) -> bool:
    return any(kind in ITS_KINDS[one.verb] and one.covers(path) for one in items)


def _empty(item: Item, text: str, cluster: str) -> Finding:
    return Finding(
        id=drift.finding_id(cluster, RULE, item.text, text),
        rule=RULE,
        severity=Severity.ERROR,
        scope="fleet",
        nodes=(),
        path=item.path,
        message=f"{item.path} planned {item.intent}: {text}",
        expected=item.wanted,
        remedy="mend that line of the plan; 'snapdiff plan check' finds it before the change",
        keys=item.keys,
    )


def _late(limit: int, seconds: float, cluster: str) -> Finding:
    return Finding(
        id=drift.finding_id(cluster, WINDOW, "within"),
        rule=WINDOW,
        severity=Severity.WARNING,
        scope="fleet",
        nodes=(),
        path="within",
        message=f"within {within_words(limit)} was planned, it took {within_words(seconds)}",
        after=int(seconds),
        expected=limit,
        why="What was seen after the window may be of somebody else's making.",
    )
