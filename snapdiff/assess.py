"""Two sides in, report out: coverage, then drift node by node, then what is the same, folded.

Nodes are read one at a time and let go, so memory does not grow with the fleet.
"""

from __future__ import annotations

import typing as t
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from snapdiff import canonical, drift, events, fleet, own
from snapdiff.announced import announced
from snapdiff.breaks import with_breaks
from snapdiff.diff import diff
from snapdiff.errors import SnapdiffError
from snapdiff.machines import with_machines
from snapdiff.model import (
    Churn,
    Coverage,
    Finding,
    Missing,
    Outcome,
    Report,
    Severity,
    Undecided,
)
from snapdiff.policy import Site
from snapdiff.spread import fold_spread, needs_self, self_of
from snapdiff.verdict import Policy, judged

if t.TYPE_CHECKING:
    from snapdiff.contract import Contract
    from snapdiff.model import Change, Hop, Snapshot
    from snapdiff.store import Side

Progress = Callable[[int, int], None]


class _Way(t.NamedTuple):
    """How nodes are judged: not before so many seconds after a boot, and by which rules."""

    grace: float
    asked: events.Asked


@dataclass(slots=True)
class _Tally:
    """What is found on the way through the nodes."""

    compared: list[str] = field(default_factory=list)
    observed: int = 0
    expected: int = 0
    drifts: list[drift.Drift] = field(default_factory=list)
    churn: list[Churn] = field(default_factory=list)
    undecided: list[Undecided] = field(default_factory=list)
    missing: list[Missing] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    inconsistent: list[str] = field(default_factory=list)
    selves: dict[str, frozenset[str]] = field(default_factory=dict)  # of nodes that changed
    # Of nodes whose chain is worth showing: made while they are read, for reading costs most.
    linked: dict[str, tuple[Hop, ...]] = field(default_factory=dict)


def assess_diff(
    before: Side,
    after: Side,
    *,
    cluster: str,
    policy: Policy,
    contract: Contract | None = None,
    site: Site | None = None,
    today: date | None = None,
    progress: Progress | None = None,
) -> Report:
    """Return what changed from *before* to *after*, on every node that both sides know.

    With a *contract* what was planned is no finding, and what is missing of it is one. *site* has
    the rules that are asked for what newly breaks; *today* is what its waivers end by.
    """
    way = _Way(policy.grace, events.asked_of(site or Site(), today or date.max))
    lone = all(len(side.capture.nodes) == len(side.paths) == 1 for side in (before, after))
    if lone and not before.paths.keys() & after.paths.keys():
        before = _renamed(before, next(iter(after.paths)))
    tally = _Tally()
    old, new = before.capture.nodes, after.capture.nodes
    nodes = sorted(old.keys() & new.keys())
    for number, node in enumerate(nodes):
        if Outcome.SKIPPED in (old[node].outcome, new[node].outcome):
            tally.skipped.append(node)
            continue
        tally.expected += 1
        _compare(node, before, after, tally, way, contract)
        if progress:
            progress(number + 1, len(nodes))
    gone, come = sorted(old.keys() - new.keys()), sorted(new.keys() - old.keys())
    if after.capture.limit:  # who is not in a limited capture was left out, not taken away
        tally.skipped.extend(gone)
        gone = []
    if before.capture.limit:
        tally.skipped.extend(come)
        come = []
    if contract is not None:
        _settle(contract, gone, come, before, after, tally.skipped)
    rows = _nodes(gone, come, before, after, tally, cluster)
    drifts = fold_spread(with_machines(tally.drifts, before, after), tally.selves)
    effects: list[drift.Drift] = []
    if contract is not None:
        drifts, effects = contract.parted(drifts)
        seconds = _seconds(before, after)
        rows = contract.of_nodes(rows) + contract.findings(cluster, seconds)
        tally.undecided.extend(contract.undecided(seconds))
    rows += drift.findings(drifts, _folded(tally.undecided), cluster)
    rows = [fleet.with_stragglers(row, before, after, len(tally.compared)) for row in rows]
    try:
        rows += announced(before, after, cluster)
    except SnapdiffError as error:
        tally.undecided.append(Undecided(path="cluster", why=str(error), side="both"))
    rows.sort(key=lambda row: -row.severity)
    linked = tally.linked.keys() | {
        node for row in rows if row.path.startswith("links/") for node in row.stragglers
    }
    report = Report(
        command="diff",
        cluster=cluster,
        inputs=(),
        coverage=Coverage(
            expected=tally.expected,
            observed=tally.observed,
            comparable=len(tally.compared),
            missing=tuple(tally.missing),
            skipped=tuple(tally.skipped),
            inconsistent=tuple(tally.inconsistent),
        ),
        findings=tuple(rows),
        planned=contract.planned() if contract is not None else (),
        side_effects=tuple(drift.findings(effects, (), cluster)),
        churn=tuple(tally.churn),
        undecided=tuple(_folded(tally.undecided)),
        chains=tuple(fleet.chains_of(sorted(linked), before, after, tally.linked)),
    )
    return judged(report, policy)


def _renamed(side: Side, node: str) -> Side:
    """Hold one node against another that has a different name, as a person asked to."""
    ((old, path),) = side.paths.items()
    row = side.capture.nodes[old]  # keeps its name, which its file has to have
    return replace(side, capture=replace(side.capture, nodes={node: row}), paths={node: path})


def _seconds(before: Side, after: Side) -> float | None:
    """Return the time from one capture to the other, None where they are loose files."""
    moments = [side.capture.started_at for side in (before, after)]
    if not all(moments):
        return None
    one, two = map(datetime.fromisoformat, moments)
    return (two - one).total_seconds()


def _settle(
    contract: Contract,
    gone: list[str],
    come: list[str],
    before: Side,
    after: Side,
    skipped: list[str],
) -> None:
    """Hold nodes that could not be compared against the plan: it may be for them too."""
    old, new = before.capture.nodes, after.capture.nodes
    contract.settle(gone, come, there=(*new, *skipped))
    for node in skipped:
        contract.miss(new.get(node) or old[node], "it was left out of a capture")
    for node in gone:
        if not contract.sends_away(node):
            contract.miss(old[node], "it is not asked for any more")
    for node in come:
        row = new[node]
        try:
            if row.outcome is Outcome.OK:
                contract.look(row, None, after.snapshot(node))
            else:
                contract.miss(row, f"after: {row.outcome}: {row.why}")
        except SnapdiffError as error:
            contract.miss(row, f"after: {error}")


def _compare(
    node: str,
    before: Side,
    after: Side,
    tally: _Tally,
    way: _Way,
    contract: Contract | None,
) -> None:
    missed = len(tally.missing)
    pair = _looked_at(node, before, after, tally, way)
    if contract is None:
        return
    row = after.capture.nodes[node]
    if pair is None:
        contract.miss(row, "; ".join(one.why for one in tally.missing[missed:]))
    else:
        contract.look(row, *pair)


def _looked_at(
    node: str, before: Side, after: Side, tally: _Tally, way: _Way
) -> tuple[Snapshot, Snapshot] | None:
    """Return both snapshots of a node that could be compared, once what differs is taken down."""
    pair = []
    for word, side in (("before", before), ("after", after)):
        row = side.capture.nodes[node]
        if row.outcome is not Outcome.OK:
            tally.missing.append(Missing(node=node, why=f"{word}: {row.outcome}: {row.why}"))
            continue
        try:
            pair.append(side.snapshot(node))
        except SnapdiffError as error:
            tally.missing.append(Missing(node=node, why=f"{word}: {error}"))
            continue
        tally.observed += side is after
    if len(pair) < 2:
        return None
    old, new = pair
    try:
        found = diff(old, new)
        drifts = _judged(found.changes, old, new, way)
    except SnapdiffError as error:  # a row that was never looked at until now
        tally.missing.append(Missing(node=node, why=str(error)))
        return None
    tally.compared.append(node)
    if not (old.consistent and new.consistent):
        tally.inconsistent.append(node)
    tally.churn.extend(found.churn)
    tally.undecided.extend(found.undecided)
    tally.drifts.extend(drifts)
    if any(needs_self(change) for one in drifts for change in one.changes):
        tally.selves[node] = self_of(new)
    worst = [one for one in drifts if one.severity > Severity.INFO]
    if any(change.path[0] == "links" for one in worst for change in one.changes):
        tally.linked[node] = fleet.hops_of(old, new)
    return old, new


def _judged(
    changes: Iterable[Change], old: Snapshot, new: Snapshot, way: _Way
) -> list[drift.Drift]:
    """Return what matters of a node's changes; of a node that has just booted, only as info."""
    rebooted = canonical.rebooted(old, new)
    drifts = drift.judge(changes, rebooted=rebooted, now=new)
    if not (old.digest and old.digest == new.digest):  # the same facts break the same rules
        drifts = _explained(drifts, old, new, way.asked)
    up = new.uptime
    if rebooted and up is not None and up < way.grace:
        drifts = [drift.softened(one, f"up for {up:.0f} s only") for one in drifts]
    mine = own.values_of(old, new) if drifts else frozenset()
    return [drift.shaped(one, mine) for one in drifts]


def _explained(
    drifts: list[drift.Drift], old: Snapshot, new: Snapshot, asked: events.Asked
) -> list[drift.Drift]:
    """Say beside a change which rule it breaks, and that flanneld restarted where it did."""
    notes: list[list[str]] = [[] for _ in drifts]
    if events.flanneld_restarted(old, new):
        for note, one in zip(notes, drifts, strict=True):
            if any(map(events.is_flannels, one.changes)):
                note.append("flanneld restarted in between")
    noted = [
        replace(one, evidence=(*one.evidence, *note))
        for one, note in zip(drifts, notes, strict=True)
    ]
    return with_breaks(noted, old, new, asked)


def _folded(undecided: Iterable[Undecided]) -> list[Undecided]:
    nodes: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for one in undecided:
        nodes[one.path, one.why, one.side].extend(one.nodes)
    return [
        Undecided(path=path, why=why, side=side, nodes=tuple(sorted(names)))
        for (path, why, side), names in sorted(nodes.items())
    ]


def _nodes(
    gone: list[str], come: list[str], before: Side, after: Side, tally: _Tally, cluster: str
) -> list[Finding]:
    """Report nodes that one side alone knows, and take what follows from them from the rest."""
    heirs = fleet.selves_of(come, after) if gone else frozenset()
    rows, known = fleet.nodes_that_went(
        gone,
        before,
        tally.drifts,
        tally.compared,
        cluster,
        all_seen=0 < len(tally.compared) == tally.expected,
        heirs=heirs,
    )
    more, new = fleet.nodes_that_came(come, after, cluster)
    tally.drifts = fleet.without_peers(tally.drifts, went=known, came=new, heirs=heirs)
    return [*rows, *more]
