"""Which change matters, and how much: a table, and what belongs under what.

A plain change is a finding of the rule ``drift``; the volatility class of its field gives the
severity. What follows from another change on the same node (the routes of a link that is gone) and
what only explains it (a new ifindex) becomes evidence of that change. Equal findings of many nodes
become one row, with the nodes that did not make the change where most did.
"""

from __future__ import annotations

import hashlib
import json
import typing as t
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from snapdiff import schema
from snapdiff.model import Change, Finding, Kind, Member, Severity, Undecided

RULE = "drift"
SEVERITY: Mapping[str, Severity | None] = {
    "hard": Severity.WARNING,
    "identity": Severity.WARNING,
    "context": Severity.INFO,
    "churn": None,
    "counter": None,
}
TABLES = ("peers", "routes", "neighbours", "fdb")  # what goes and comes with a link


@dataclass(frozen=True, slots=True)
class Drift:
    """A change with what we make of it, before rows are folded."""

    change: Change
    severity: Severity
    volatility: str
    evidence: tuple[str, ...] = ()


def judge(changes: Iterable[Change], *, rebooted: bool) -> list[Drift]:
    """Return what matters of one node's changes, worst first; *rebooted*: it started anew.

    A boot gives every link a new ifindex and bridges a new MAC, so context is not drift then.
    """
    drifts: list[Drift] = []
    context: list[Drift] = []
    for change in changes:
        if change.path[0] == "links" and change.path[1:2] and "*" in change.path[1]:
            volatility = "hard"  # a population: a value that no pod port had before
        else:
            volatility = schema.field(change.path).volatility(change.role)
        severity = SEVERITY[volatility]
        if severity is None:
            continue
        found = Drift(change, severity, volatility)
        if severity is not Severity.INFO:
            drifts.append(found)
        elif not rebooted or change.path == ("host", "boot_id"):
            context.append(found)
    return _with_context(_with_effects(drifts), context)


def _with_effects(drifts: list[Drift]) -> list[Drift]:
    """Fold rows that came or went with their link under the link."""
    links = {
        (one.change.path[1], one.change.kind): index
        for index, one in enumerate(drifts)
        if one.change.path[0] == "links"
        and len(one.change.path) == 2
        and one.change.kind in (Kind.ADDED, Kind.REMOVED)
    }
    kept: list[Drift] = []
    below: dict[int, list[Change]] = defaultdict(list)
    for one in drifts:
        row = one.change.before or one.change.after
        dev = row.get("dev") if isinstance(row, Mapping) else None
        index = links.get((dev, one.change.kind)) if dev else None
        if index is not None and one.change.path[0] in TABLES and len(one.change.path) == 2:
            below[index].append(one.change)
        else:
            kept.append(one)
    found = []
    for one in kept:
        changes = below.get(drifts.index(one), []) if below else []
        found.append(replace(one, evidence=tuple(_count(changes))) if changes else one)
    return found


def _count(changes: list[Change]) -> list[str]:
    counts: dict[tuple[str, str], int] = defaultdict(int)
    for change in changes:
        counts[change.path[0], change.kind] += 1
    return [f"with it {kind}: {number} of {table}" for (table, kind), number in counts.items()]


def _with_context(drifts: list[Drift], context: list[Drift]) -> list[Drift]:
    """Show what is context beside the first finding about the same row; alone it is info."""
    first = {one.change.path[:2]: index for index, one in reversed(list(enumerate(drifts)))}
    found = list(drifts)
    for one in context:
        index = first.get(one.change.path[:2])
        if index is None:
            found.append(one)
        else:
            change = one.change
            text = f"{'/'.join(change.path[2:])} {_arrow(change)}"
            found[index] = replace(found[index], evidence=(*found[index].evidence, text))
    return found


def findings(
    drifts: Iterable[Drift], undecided: Iterable[Undecided], cluster: str
) -> list[Finding]:
    """Fold what is the same on many nodes into rows; worst first, then the most nodes.

    A new value of an identity field is another on every node, so there the place alone decides.
    """
    rows: dict[str, list[Drift]] = defaultdict(list)
    for one in drifts:
        change = one.change
        values = None if one.volatility == "identity" else (change.before, change.after)
        key = json.dumps([change.path, change.kind, one.severity, values], sort_keys=True)
        rows[key].append(one)
    found = [_finding(members, cluster) for members in rows.values()]
    found.extend(_not_observed(undecided, cluster))
    return sorted(found, key=lambda row: (-row.severity, _rank(row.path), -len(row.nodes), row.path))


def _rank(path: str) -> int:
    """Order as the field reads the chain: links first, then who is reached, then settings."""
    order = ("nodes", "links", "cni", "peers", "routes", "neighbours", "fdb", "rules", "sysctls")
    head = path.partition("/")[0]
    return order.index(head) if head in order else len(order)


def finding_id(cluster: str, rule: str, path: str, *nodes: str) -> str:
    """Return the id of a finding: the same every night, as no value is part of it."""
    text = json.dumps([cluster, rule, path, *sorted(nodes)])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _finding(rows: list[Drift], cluster: str) -> Finding:
    change = rows[0].change
    members = tuple(
        Member(
            id=finding_id(cluster, RULE, change.place, one.change.node),
            node=one.change.node,
            before=one.change.before,
            after=one.change.after,
        )
        for one in sorted(rows, key=lambda one: one.change.node)
    )
    same = all((one.before, one.after) == (change.before, change.after) for one in members)
    nodes = tuple(one.node for one in members)
    evidence = sorted({text for one in rows for text in one.evidence}) if len(rows) < 9 else ()
    return Finding(
        id=members[0].id if len(members) == 1 else finding_id(cluster, RULE, change.place, *nodes),
        rule=RULE,
        severity=rows[0].severity,
        scope="temporal",
        nodes=nodes,
        path=change.place,
        change=change.kind,
        before=change.before if same else None,
        after=change.after if same else None,
        message=f"{change.place} {_arrow(change)}" if same else f"{change.place} {change.kind}",
        why=schema.field(change.path).description,
        evidence=tuple(evidence) + ((change.why,) if change.why else ()),
        members=members,
        keys=change.path,
    )


def _not_observed(undecided: Iterable[Undecided], cluster: str) -> list[Finding]:
    """What one side saw and the other could not look at is a finding, if only to be known."""
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


def _arrow(change: Change) -> str:
    if change.kind is Kind.ADDED:
        return f"added: {word(change.after)}"
    if change.kind is Kind.REMOVED:
        return f"removed: {word(change.before)}"
    if change.kind is Kind.TYPE_CHANGED:
        old, new = type(change.before).__name__, type(change.after).__name__
        return f"{word(change.before)} ({old}) → {word(change.after)} ({new})"
    return f"{word(change.before)} → {word(change.after)}"


def word(value: t.Any) -> str:
    """Return a value in few words, for one line of text."""
    if value is None:
        return "absent"
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(one, (str, int, type(None))) for one in value):
        return ", ".join(word(one) for one in value) or "none"
    if isinstance(value, Mapping) and {"kind", "mtu"} & value.keys():
        return f"{value.get('kind', value.get('type', 'link'))} with MTU {value.get('mtu', '?')}"
    if isinstance(value, Mapping):
        plain = {key: one for key, one in value.items() if not isinstance(one, (dict, list))}
        return ", ".join(f"{key} {word(one)}" for key, one in sorted(plain.items())) or "set"
    return json.dumps(value)
