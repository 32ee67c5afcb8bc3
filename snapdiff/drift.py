"""Which change matters, and how much: a table, and what belongs under what.

A plain change is a finding of the rule ``drift``; the volatility class of its field gives the
severity. What follows from another change (the routes of a link that is gone, the MTU that the
underlay leaves) and what only explains it (a new ifindex) is told below that change. Equal findings
of many nodes become one row, with the nodes that did not make the change where most did.
"""

from __future__ import annotations

import hashlib
import json
import typing as t
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from snapdiff import below, own, roles, schema
from snapdiff.effects import with_effects
from snapdiff.folded import fold_rows
from snapdiff.model import Change, Finding, Kind, Member, Severity, Undecided
from snapdiff.story import Effect
from snapdiff.wording import arrow
from snapdiff.wording import word as word

if t.TYPE_CHECKING:
    from snapdiff.model import Snapshot
    from snapdiff.rules.registry import Breach

RULE = "drift"
MACHINE = ("host", "machine_id")
SEVERITY: Mapping[str, Severity | None] = {
    "hard": Severity.WARNING,
    "identity": Severity.WARNING,
    "context": Severity.INFO,
    "churn": None,
    "counter": None,
}


@dataclass(frozen=True, slots=True)
class Drift:
    """A change with what we make of it, before rows are folded."""

    change: Change
    severity: Severity
    volatility: str
    evidence: tuple[str, ...] = ()
    effects: tuple[Change, ...] = ()  # what follows from it, on its node and on others
    places: tuple[str, ...] = ()  # of a row that stands for several of its node
    shape: tuple[t.Any, ...] = ()  # its place and values, less what is the node's own: see own
    breach: Breach | None = None  # of a rule that newly breaks, and that no change explains
    why: str = ""  # what that rule is about

    @property
    def changes(self) -> tuple[Change, ...]:
        """Return the change and all that follows from it."""
        return (self.change, *self.effects)


def judge(changes: Iterable[Change], *, rebooted: bool, now: Snapshot | None = None) -> list[Drift]:
    """Return what matters of one node's changes, worst first; *rebooted*: it started anew.

    A boot gives every link a new ifindex and bridges a new MAC, so context is not drift then. *now*
    is the node after the changes: it tells which link an overlay lies on, and what that leaves.
    """
    changes = list(changes)
    if not changes:
        return []
    drifts: list[Drift] = []
    context: list[Drift] = []
    parents = roles.parents(now["links"], now["routes"]) if now is not None else frozenset()
    for change in changes:
        if change.role == roles.POD_PORT:
            volatility = "hard"  # a population: a value that no pod port had before
        else:
            is_parent = change.path[0] == "links" and change.path[1] in parents
            role = roles.UNDERLAY if is_parent else change.role
            volatility = schema.field(change.path).volatility(role)
        by_the_way = _is_by_the_way(change, rebooted)
        if by_the_way:
            volatility = "context"
        severity = SEVERITY[volatility]
        if severity is None:
            continue
        found = Drift(change, severity, volatility)
        if severity is not Severity.INFO:
            drifts.append(found)
        elif not rebooted or by_the_way or change.path == ("host", "boot_id"):
            context.append(found)
    weights = {id(one.change): one for one in drifts}
    causes = [
        replace(weights[id(change)], effects=effects)
        for change, effects in with_effects((one.change for one in drifts), now)
    ]
    return _with_context(causes, context)


def _is_by_the_way(change: Change, rebooted: bool) -> bool:
    """Say whether a link that came or went means nothing: module defaults, and the first pod's.

    The CNI makes its bridge with the first pod of a node, so a boot takes it and the next pod
    brings it again; tunl0, sit0 and the like come with a kernel module, without an address. A
    wireguard key is kept under /run, so a boot makes a new one.
    """
    if rebooted and change.path[2:] == ("wireguard", "public_key"):
        return True
    if change.path[0] != "links" or len(change.path) != 2:
        return False
    if change.role == roles.POD_BRIDGE:
        return rebooted or change.kind is Kind.ADDED
    row = change.before or change.after
    idle = not row.get("addresses") and not row.get("master") and "UP" not in row.get("flags", ())
    return idle and change.role == roles.OTHER


def _with_context(drifts: list[Drift], context: list[Drift]) -> list[Drift]:
    """Show what is context beside the first finding about the same row; alone it is info."""
    first: dict[tuple[str, ...], int] = {}
    for changes in ([one.changes[:1] for one in drifts], [one.effects for one in drifts]):
        for index, some in enumerate(changes):
            for change in some:
                first.setdefault(change.path[:2], index)
    found = list(drifts)
    for one in context:
        at = first.get(one.change.path[:2])
        if at is None and one.change.path[0] == "host":
            at = first.get(MACHINE)  # another machine has another boot, kernel and name
        if at is None:
            found.append(one)
        else:
            mine = found[at].change.path[:2] == one.change.path[:2]
            place = "/".join(one.change.path[2:]) if mine else one.change.place
            text = f"{place} {arrow(one.change)}"
            found[at] = replace(found[at], evidence=(*found[at].evidence, text))
    return found


def softened(one: Drift, why: str) -> Drift:
    """Return a drift that is only info, since the node is not settled yet."""
    return replace(one, severity=Severity.INFO, evidence=(*one.evidence, f"not judged yet: {why}"))


def shaped(one: Drift, mine: frozenset[str]) -> Drift:
    """Return a drift that equals that of another node but for what is *mine*, the node's own."""
    change = one.change
    path = own.shape(change, mine)
    if not path:
        return one
    values = (own.opened(value, mine) for value in (change.before, change.after))
    return replace(one, shape=(path, *values))


def findings(
    drifts: Iterable[Drift], undecided: Iterable[Undecided], cluster: str
) -> list[Finding]:
    """Fold what is the same on many nodes into rows; worst first, then the most nodes.

    A new value of an identity field is another on every node, so there the place alone decides.
    """
    rows: dict[str, list[Drift]] = defaultdict(list)
    for one in fold_rows(drifts):
        change = one.change
        row = change.before if change.kind is Kind.REMOVED else change.after
        apart = one.volatility == "identity" or (len(change.path) == 2 and isinstance(row, Mapping))
        values = None if apart or one.breach else (change.before, change.after)
        path = change.path[:2] if one.breach else change.path  # of a rule the rule alone
        if one.shape:
            path, values = one.shape[0], None if values is None else one.shape[1:]
        key = json.dumps([path, change.kind, one.severity, values], sort_keys=True)
        rows[key].append(one)
    found = [
        (
            (not below.spreads(members), *below.rank(members[0].change)),
            _of_rule(members, cluster) if members[0].breach else _finding(members, cluster),
        )
        for members in rows.values()
    ]
    last = (True, len(below.ORDER), 0)
    found.extend((last, row) for row in _not_observed(undecided, cluster))
    found.sort(key=lambda pair: (-pair[1].severity, *pair[0], -len(pair[1].nodes), pair[1].path))
    return [row for _place, row in found]


def finding_id(cluster: str, rule: str, path: str, *nodes: str) -> str:
    """Return the id of a finding: the same every night, as no value is part of it."""
    text = json.dumps([cluster, rule, path, *sorted(nodes)])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _finding(rows: list[Drift], cluster: str) -> Finding:
    rows = sorted(rows, key=lambda one: one.change.node)
    change = rows[0].change
    members = tuple(_member(one, cluster) for one in rows)
    same = all((one.before, one.after) == (change.before, change.after) for one in members)
    nodes = tuple(one.node for one in members)
    texts = {arrow(one.change) for one in rows}
    place = own.place_of([one.change for one in rows])
    return Finding(
        id=members[0].id if len(members) == 1 else finding_id(cluster, RULE, place, *nodes),
        rule=RULE,
        severity=rows[0].severity,
        scope="temporal",
        nodes=nodes,
        path=place,
        change=change.kind,
        before=change.before if same else None,
        after=change.after if same else None,
        message=f"{place} {texts.pop() if len(texts) == 1 else change.kind}",
        why=schema.field(change.path).description,
        evidence=(*own.told(one.change for one in rows), *below.lines(rows)),
        members=members,
        keys=change.path
        if place == change.place
        else tuple(place.split("/", len(change.path) - 1)),
        follows=tuple(
            finding_id(cluster, RULE, place, node)
            for one in rows
            for place, node in sorted(_told_with(one))
        ),
    )


def _of_rule(rows: list[Drift], cluster: str) -> Finding:
    """Return the row of a rule that newly breaks, and that no change explains."""
    rows = sorted(rows, key=lambda one: one.change.node)
    name = rows[0].change.path[1]
    paths = {one.change.path[2] for one in rows}
    path = paths.pop() if len(paths) == 1 else below.common(paths)
    members = tuple(_member(one, cluster) for one in rows)
    texts = {one.breach.message for one in rows if one.breach}
    nodes = tuple(one.node for one in members)
    place = "/".join(rows[0].change.path[:2])
    whole = [one.breach for one in rows if one.breach]
    return Finding(
        id=members[0].id if len(members) == 1 else finding_id(cluster, RULE, place, *nodes),
        rule=name,
        severity=rows[0].severity,
        scope="temporal",
        nodes=nodes,
        path=path,
        message=texts.pop() if len(texts) == 1 else f"{path} breaks {name} on each by its values",
        after=whole[0].seen if len(whole) == 1 else None,
        expected=whole[0].expected if len(whole) == 1 else None,
        why=rows[0].why,
        remedy=f"snapdiff explain {name}",
        evidence=("it held before, and nothing else that changed explains it", *below.lines(rows)),
        members=members,
        keys=tuple(path.split("/")),
    )


def _told_with(one: Drift) -> set[tuple[str, str]]:
    """Return what a row tells of beside its own place: its effects, and what it stands for.

    One peer of a node is a row today and, with another one, part of ``peers/*`` tomorrow; who
    follows findings over the nights must not take that for a mended one.
    """
    near = [*one.effects, *(() if one.places else (one.change,))]
    found = {(effect.place, effect.node) for effect in one.effects}
    found |= {(place, one.change.node) for place in one.places}
    found |= {
        ("/".join((change.path[0], "*", *change.path[2:])), change.node)
        for change in near
        if change.path[0] in ("peers", "routes") and len(change.path) > 1
    }
    return found - {(one.change.place, one.change.node)}


def _member(one: Drift, cluster: str) -> Member:
    change = one.change
    return Member(
        id=finding_id(cluster, RULE, change.place, change.node),
        node=change.node,
        before=change.before,
        after=change.after,
        evidence=below.lines([one]),
        places=one.places or ((change.place,) if one.shape else ()),
        effects=tuple(_effect(effect) for effect in one.effects),
    )


def _effect(change: Change) -> Effect:
    """Return an effect with its values; a whole row is told by its place."""
    whole = isinstance(change.before, Mapping) or isinstance(change.after, Mapping)
    return Effect(
        node=change.node,
        path=change.place,
        change=change.kind,
        before=None if whole else change.before,
        after=None if whole else change.after,
    )


def _not_observed(undecided: Iterable[Undecided], cluster: str) -> list[Finding]:
    """Return findings for what one side saw and the other could not look at."""
    return [
        Finding(
            id=finding_id(cluster, RULE, one.path, *one.nodes),
            rule=RULE,
            severity=Severity.INFO,
            scope="temporal",
            nodes=one.nodes,
            path=one.path,
            change=Kind.NOT_OBSERVED,
            message=f"{one.path} was not observed {one.side}: {one.why}",
            members=tuple(
                Member(id=finding_id(cluster, RULE, one.path, node), node=node)
                for node in one.nodes
            ),
        )
        for one in undecided
        if one.side != "both"
    ]
