"""Nodes against each other at one moment: who differs from most, and who has what is another's.

The majority need not be right: a tie is told as a tie, and a reference node may be named instead.
"""

from __future__ import annotations

import typing as t
from collections import defaultdict

from snapdiff.census import GROUP, INSIDE, OUTSIDE, Census, explained, memberships, named
from snapdiff.drift import SEVERITY, finding_id
from snapdiff.errors import UsageError
from snapdiff.model import Coverage, Finding, Member, Missing, Outcome, Report, Severity, Undecided
from snapdiff.places import Places, Plain
from snapdiff.rules.view import look_at
from snapdiff.verdict import Policy, judged

if t.TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from snapdiff.assess import Progress
    from snapdiff.store import Side

OUTLIER, DUPLICATE = "outlier", "duplicate"
GROUPS = ("kernel", "underlay", "underlay kind")
UNKNOWN = "not known"


def assess_outliers(
    side: Side,
    *,
    cluster: str,
    policy: Policy,
    by: str | None = None,
    ref: str | None = None,
    progress: Progress | None = None,
) -> Report:
    """Return which nodes of a capture differ from most, or from the node *ref*.

    *by* compares nodes that have a property in common alone: one of GROUPS, ``group`` for each
    inventory group in turn, ``group:NAME`` for the nodes in one and the rest. Raises UsageError for
    a node or a group that is not there.
    """
    nodes = side.capture.nodes
    groups = memberships({name: row.groups for name, row in nodes.items()})
    _hold_by(by, groups)
    if ref is not None and ref not in nodes:
        raise UsageError(f"--ref {ref}: no such node in the capture")
    places, missing, moved = _taken(side, progress)
    for name, own in places.groups.items():
        places.groups[name] = {**own, **groups.get(name, {})}
    if ref is not None and ref not in places.groups:
        raise UsageError(f"--ref {ref}: the capture has no snapshot of it")
    skipped = tuple(name for name, row in nodes.items() if row.outcome is Outcome.SKIPPED)
    report = Report(
        command="compare",
        cluster=cluster,
        inputs=(),
        coverage=Coverage(
            expected=len(nodes) - len(skipped),
            observed=len(places.groups),
            comparable=len(places.groups),
            missing=tuple(missing),
            skipped=tuple(sorted(skipped)),
            inconsistent=tuple(moved),
        ),
        findings=tuple(findings(places, cluster, by=by, ref=ref)),
        undecided=tuple(_undecided(places)),
    )
    return judged(report, policy)


def _hold_by(by: str | None, groups: Mapping[str, Mapping[str, str]]) -> None:
    """Refuse a property that nodes do not have."""
    known = sorted({name for one in groups.values() for name in one})
    if by is not None and by.partition(":")[0] == GROUP and not known:
        why = "no inventory group has some of its nodes and not the others"
        raise UsageError(f"--by {by}: of this capture {why}, or it was taken without Ansible.")
    wanted = _name_of(by) if by is not None else GROUP
    if wanted not in (*GROUPS, GROUP, *known):
        there = (*GROUPS, *([GROUP] if known else []), *(one.replace(" ", ":", 1) for one in known))
        raise UsageError(f"--by {by}: no such group. There are {', '.join(there)}.")


def _name_of(by: str) -> str:
    """Return the property that ``--by`` names: ``group:workers`` is kept as ``group workers``."""
    return f"{GROUP} {by.removeprefix(f'{GROUP}:')}" if by.startswith(f"{GROUP}:") else by


def _taken(side: Side, progress: Progress | None) -> tuple[Places, list[Missing], list[str]]:
    """Return the places of all nodes, those not seen, and those that moved while they were read."""
    places = Places()
    missing: list[Missing] = []
    moved = []
    nodes = side.capture.nodes
    for number, name in enumerate(sorted(nodes)):
        view = look_at(side, name, missing)
        if view is not None:
            places.add(view)
            moved += [name] if not view.snapshot.consistent else []
        if progress:
            progress(number + 1, len(nodes))
    return places, missing, moved


def findings(
    places: Places, cluster: str, *, by: str | None = None, ref: str | None = None
) -> list[Finding]:
    """Return what is not alike, and what is not unlike: duplicates first, ties last."""
    found = list(_duplicates(places, cluster))
    for head, sub, census in places.censuses():
        for group, part in _parts(census, places, by):
            found.extend(_outliers(places, head, sub, part, group, ref, cluster))
    return sorted(found, key=_rank)


def _rank(row: Finding) -> tuple[t.Any, ...]:
    order = ("links", "underlay", "overlay", "bridge", "link", "cni", "cni_config", "sysctls")
    head = row.path.partition("/")[0]
    place = order.index(head) if head in order else len(order)
    return (
        -row.severity,
        row.rule != DUPLICATE,
        row.expected is None and row.after is None,
        place,
        row.path,
        row.message,
    )


def _parts(census: Census, places: Places, by: str | None) -> Iterator[tuple[str, Census]]:
    """Yield the census of each group of nodes alone, and how the group is called."""
    if by is None:
        yield "", census
        return
    parts: dict[str, list[tuple[t.Any, tuple[str, ...]]]] = defaultdict(list)
    for value, nodes in census.values:
        inside: dict[str, list[str]] = defaultdict(list)
        for node in nodes:
            for group in _groups_of(places.groups[node], by):
                inside[group].append(node)
        for group, names in inside.items():
            parts[group].append((value, tuple(names)))
    for group, values in sorted(parts.items()):
        ranked = sorted(values, key=lambda one: (-len(one[1]), str(one[0]), one[1]))
        yield group, Census(tuple(ranked))


def _groups_of(node: Mapping[str, str], by: str) -> Iterator[str]:
    """Yield what the parts are called that a node is compared in."""
    if by == GROUP:  # in each group that it is in, or with those that are in none
        start = f"{GROUP} "
        own = [name for name, one in node.items() if name.startswith(start) and one == INSIDE]
        yield from own or [f"nodes in no {GROUP}"]
    elif by in GROUPS:
        yield f"{by} {node.get(by, UNKNOWN)}"
    else:
        name = _name_of(by)
        yield f"nodes outside {name}" if node.get(name, OUTSIDE) == OUTSIDE else name


def _outliers(
    places: Places,
    head: str,
    sub: str,
    census: Census,
    group: str,
    ref: str | None,
    cluster: str,
) -> Iterator[Finding]:
    if ref is not None:
        held = next((one for one in census.values if ref in one[1]), None)
        if held is None:  # in another group, or the reference did not tell
            return
        rest = tuple(one for one in census.values if one is not held)
        census = Census((held, *rest), reference=ref)
    if census.alike:
        return
    path = places.where(head, sub)
    reason = explained(census, places.groups)
    inside = f"of {group}, " if group else ""
    text = census.words() if sub else census.words(_there)
    tie = "no value is that of most: " if census.tie else ""
    yield _finding(
        cluster,
        OUTLIER,
        path,
        census.outliers,
        members={node: value for value, nodes in census.values for node in nodes},
        seen=_plain(census.odd),
        expected=_plain(census.usual),
        message=f"{path} {inside}{tie}{text}",
        evidence=(reason,) if reason else (),
        group=group,
        severity=_severity(head, sub),
    )


def _severity(head: str, sub: str) -> Severity:
    """Return how bad it is; a pod bridge comes with the first pod, a link of a NIC is hardware."""
    if not sub and head.partition("/")[0] in ("bridge", "link"):
        return Severity.INFO
    return SEVERITY["hard"] or Severity.WARNING


def _there(value: t.Any) -> str:
    return "there" if value else "not there"


def _plain(value: t.Any) -> t.Any:
    return value.value if isinstance(value, Plain) else value


def _duplicates(places: Places, cluster: str) -> Iterator[Finding]:
    known = set()  # an address is that of the link and the end of its overlay
    for (head, sub), held in sorted(places.identities.items()):
        for (_type, value), given in held.items():
            nodes = tuple(sorted(set(given)))
            if len(nodes) < 2 or (value, nodes) in known:
                continue
            known.add((value, nodes))
            path = places.where(head, sub)
            yield _finding(
                cluster,
                DUPLICATE,
                path,
                nodes,
                members=dict.fromkeys(nodes, value),
                seen=value,
                message=f"{path} should be another on every node: {value} on {named(nodes)}",
                severity=SEVERITY["identity"] or Severity.WARNING,
            )


def _finding(
    cluster: str,
    rule: str,
    path: str,
    nodes: tuple[str, ...],
    *,
    members: Mapping[str, t.Any],
    message: str,
    severity: Severity,
    seen: t.Any = None,
    expected: t.Any = None,
    evidence: tuple[str, ...] = (),
    group: str = "",
) -> Finding:
    marks = (group,) if group else ()
    rows = tuple(
        Member(
            id=finding_id(cluster, rule, path, node, *marks), node=node, after=_plain(members[node])
        )
        for node in nodes
    )
    one = len(nodes) == 1
    return Finding(
        id=rows[0].id if one else finding_id(cluster, rule, path, *nodes, *marks),
        rule=rule,
        severity=severity,
        scope="fleet",
        nodes=nodes,
        path=path,
        after=seen,
        expected=expected,
        message=message,
        evidence=evidence,
        members=rows,
        keys=tuple(path.split("/")),
    )


def _undecided(places: Places) -> Iterator[Undecided]:
    """Yield what was not looked at, and on which nodes: those were not counted there."""
    nodes: dict[tuple[str, str], list[str]] = defaultdict(list)
    for patterns, names in places.blind.items():
        for pattern in patterns:
            nodes[pattern].extend(names)
    for (path, why), names in sorted(nodes.items()):
        yield Undecided(path=path, why=why, side="now", nodes=tuple(sorted(names)))
    if len(places.groups) == 1:
        only = next(iter(places.groups))
        why = f"one node, {only}, is nothing to compare"
        yield Undecided(path="nodes", why=why, side="now", nodes=(only,))
