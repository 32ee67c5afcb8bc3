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

from snapdiff import roles, schema
from snapdiff.effects import with_effects
from snapdiff.model import Change, Finding, Kind, Member, Severity, Undecided

RULE = "drift"
SEVERITY: Mapping[str, Severity | None] = {
    "hard": Severity.WARNING,
    "identity": Severity.WARNING,
    "context": Severity.INFO,
    "churn": None,
    "counter": None,
}
# What a row that came or went is told by, beside its key.
IN_SHORT = {
    "links": ("kind", "mtu"),
    "peers": ("subnet", "underlay"),
    "routes": ("gateway", "protocol"),
    "neighbours": ("lladdr",),
    "cni_config": ("name",),
    "cni": ("FLANNEL_SUBNET", "FLANNEL_MTU"),
}


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
        if change.role == roles.POD_PORT:
            volatility = "hard"  # a population: a value that no pod port had before
        else:
            volatility = schema.field(change.path).volatility(change.role)
        if _is_by_the_way(change):
            volatility = "context"
        severity = SEVERITY[volatility]
        if severity is None:
            continue
        found = Drift(change, severity, volatility)
        if severity is not Severity.INFO:
            drifts.append(found)
        elif not rebooted or change.path == ("host", "boot_id"):
            context.append(found)
    weights = {id(one.change): one for one in drifts}
    causes = [
        replace(weights[id(change)], evidence=effects)
        for change, effects in with_effects(one.change for one in drifts)
    ]
    return _with_context(causes, context)


def _is_by_the_way(change: Change) -> bool:
    """Say whether a link that came or went means nothing: module defaults, and the first pod's.

    The CNI makes its bridge with the first pod of a node; tunl0, sit0 and the like come with a
    kernel module, without an address.
    """
    if change.path[0] != "links" or len(change.path) != 2:
        return False
    if change.role == roles.POD_BRIDGE:
        return change.kind is Kind.ADDED
    row = change.before or change.after
    idle = not row.get("addresses") and not row.get("master") and "UP" not in row.get("flags", ())
    return idle and change.role == roles.OTHER


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
            text = f"{'/'.join(change.path[2:])} {arrow(change)}"
            found[index] = replace(found[index], evidence=(*found[index].evidence, text))
    return found


def fold_rows(drifts: Iterable[Drift]) -> list[Drift]:
    """Make one of what befell several peers or routes of a node alike: 5,000 are one event."""
    groups: dict[str, list[Drift]] = defaultdict(list)
    kept: list[Drift] = []
    for one in drifts:
        change = one.change
        whole = len(change.path) == 2
        if change.path[0] == "peers" or (change.path[0] == "routes" and whole):
            values = None if whole else (change.before, change.after)
            like = [change.node, change.path[0], change.path[2:], change.kind, change.dev, values]
            groups[json.dumps(like, sort_keys=True)].append(one)
        else:
            kept.append(one)
    for group in groups.values():
        first = group[0].change
        if len(group) == 1:
            kept.extend(group)
            continue
        section, whole = first.path[0], len(first.path) == 2
        names = sorted(one.change.path[1] for one in group)
        more = f" and {len(names) - 5} more" if len(names) > 5 else ""
        change = replace(
            first,
            path=(section, "*", *first.path[2:]),
            before=None if whole else first.before,
            after=None if whole else first.after,
            why=f"{len(names)} {section}: {', '.join(names[:5])}{more}",
        )
        kept.append(replace(group[0], change=change))
    return kept


def softened(one: Drift, why: str) -> Drift:
    """Return a drift that is only info, since the node is not settled yet."""
    return replace(one, severity=Severity.INFO, evidence=(*one.evidence, f"not judged yet: {why}"))


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
        own = one.volatility == "identity" or (len(change.path) == 2 and isinstance(row, Mapping))
        values = None if own else (change.before, change.after)
        key = json.dumps([change.path, change.kind, one.severity, values], sort_keys=True)
        rows[key].append(one)
    found = [(_rank(members[0].change), _finding(members, cluster)) for members in rows.values()]
    found.extend(((len(ORDER), 0), row) for row in _not_observed(undecided, cluster))
    found.sort(
        key=lambda pair: (
            -pair[1].severity,
            not any(text.startswith("so on ") for text in pair[1].evidence),
            pair[0],
            -len(pair[1].nodes),
            pair[1].path,
        )
    )
    return [row for _rank, row in found]


# As the field reads the chain: links from the underlay up, then who is reached, then settings.
ORDER = ("nodes", "links", "cni", "rules", "peers", "routes", "neighbours", "fdb", "sysctls")
ROLES = (roles.UNDERLAY, roles.OVERLAY, roles.POD_BRIDGE, roles.POD_PORT)


def _rank(change: Change) -> tuple[int, int]:
    head = change.path[0]
    role = ROLES.index(change.role) if change.role in ROLES else len(ROLES)
    return ORDER.index(head) if head in ORDER else len(ORDER), role


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
    texts = {arrow(one.change) for one in rows}
    evidence = _common(rows)
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
        message=f"{change.place} {texts.pop() if len(texts) == 1 else change.kind}",
        why=schema.field(change.path).description,
        evidence=tuple(evidence),
        members=members,
        keys=change.path,
    )


def _common(rows: list[Drift]) -> list[str]:
    """Return all evidence of one node; of several what they share, and of the rest its name."""
    texts = [[*one.evidence, *([one.change.why] if one.change.why else [])] for one in rows]
    shared = [text for text in texts[0] if all(text in other for other in texts)]
    words = {text.partition(" ")[0] for other in texts for text in other if text not in shared}
    return [*shared, *(f"{name} differs from node to node" for name in sorted(words))]


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


def arrow(change: Change) -> str:
    """Return what happened to the value, as ``1410 → 1500``."""
    if change.path[0] == "peers" and change.path[-1] == "missing":
        if change.kind is Kind.REMOVED:
            return f"has its {word(change.before)} again"
        return f"now lacks {word(change.after)}"
    if change.kind in (Kind.ADDED, Kind.REMOVED):
        value = change.after if change.kind is Kind.ADDED else change.before
        if isinstance(value, Mapping):  # the key of a row tells most of it
            names = IN_SHORT.get(change.path[0] if len(change.path) == 2 else "", ())
            value = ", ".join(f"{name} {word(value[name])}" for name in names if name in value)
        return f"{change.kind}: {word(value)}" if value not in (None, "") else str(change.kind)
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
    if isinstance(value, Mapping):
        plain = {key: one for key, one in value.items() if not isinstance(one, (dict, list))}
        return ", ".join(f"{key} {word(one)}" for key, one in sorted(plain.items())) or "set"
    return json.dumps(value)
