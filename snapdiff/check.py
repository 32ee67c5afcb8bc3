"""A capture in, report out: the rules on every node and between nodes, causes first.

Nodes are read one at a time; only what rules between nodes need is kept.
"""

from __future__ import annotations

import json
import typing as t
from collections import defaultdict
from datetime import date

from snapdiff.causes import Told, fold
from snapdiff.census import memberships
from snapdiff.chain import has_pod_network
from snapdiff.drift import finding_id
from snapdiff.fleet import addresses_of
from snapdiff.maps import Maps
from snapdiff.model import (
    Coverage,
    Finding,
    Member,
    Missing,
    Outcome,
    Report,
    Undecided,
    Waived,
)
from snapdiff.policy import Site, Waiver, accept, notes
from snapdiff.rules.fleet_view import Fleet
from snapdiff.rules.mesh import cells
from snapdiff.rules.registry import CannotTell, Rule
from snapdiff.rules.view import NodeView, look_at
from snapdiff.safe import for_shell
from snapdiff.verdict import Policy, judged
from snapdiff.wording import named

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from snapdiff.assess import Progress
    from snapdiff.store import Side

BARE = "nothing of a pod network is there, so no rule had anything to hold"
NAMED = 6  # effects that are told in full
TEMPLATES = ("link", "seen", "expected", "node", "peer")


def assess_check(
    side: Side,
    *,
    cluster: str,
    policy: Policy,
    site: Site | None = None,
    today: date | None = None,
    progress: Progress | None = None,
) -> Report:
    """Return what in a capture breaks a rule, on a node or between nodes.

    *site* has severities, waivers and rules of its own; *today* is what waivers end by.
    """
    site, today = site or Site(), today or date.max
    rules = site.everything()
    told: list[Told] = []
    undecided: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    missing: list[Missing] = []
    skipped: list[str] = []
    fleet, maps = Fleet(), Maps()
    told_by_api = side.cluster() or {}
    flannel = told_by_api.get("flannel") or {}
    moved = []
    nodes = side.capture.nodes
    for number, (name, row) in enumerate(sorted(nodes.items())):
        if row.outcome is Outcome.SKIPPED:
            skipped.append(name)
            continue
        view = look_at(side, name, missing, flannel.get("config"))
        if view is None:
            continue
        if not view.snapshot.consistent:
            moved.append(name)
        for one in rules.values():
            if one.scope == "node":
                _run(one, view, name, told, undecided)
        if not has_pod_network(view.snapshot):
            undecided["", "links", BARE].append(name)
        fleet.add(view)
        maps.add(view)
        if progress:
            progress(number + 1, len(nodes))
    fleet.missing = {one.node: one.why for one in missing}
    fleet.partial = bool(skipped)
    fleet.inventory = memberships({name: row.groups for name, row in nodes.items()})
    fleet.cluster = told_by_api.get("nodes", {})
    fleet.cluster_why = told_by_api.get("not_observed", "")
    fleet.flannel = flannel
    for one in rules.values():
        if one.scope != "node":
            _run(one, fleet, "", told, undecided)
    left, accepted = accept(told, site.waivers, today)
    unseen = [*fleet.missing, *skipped]
    open_ = {rule for rule, _path, _why in undecided}
    rows = tuple(findings(fold(left), cluster))
    report = Report(
        command="check",
        cluster=cluster,
        inputs=(),
        coverage=Coverage(
            expected=len(nodes) - len(skipped),
            observed=len(fleet.members),
            comparable=len(fleet.members),
            missing=tuple(missing),
            skipped=tuple(skipped),
            inconsistent=tuple(moved),
            unanswered=tuple(filter(None, [fleet.cluster_why, flannel.get("not_observed")])),
        ),
        findings=rows,
        waived=tuple(_waived(accepted, cluster)),
        notes=tuple(notes(site, accepted, today, unseen=unseen, open_=open_)),
        mesh=cells(fleet),
        mtus=maps.mtus(),
        chains=maps.chains(rows, lambda node: addresses_of(side.snapshot(node))),
        undecided=tuple(
            Undecided(rule=rule, path=path, why=why, side="now", nodes=tuple(names))
            for (rule, path, why), names in sorted(undecided.items())
        ),
    )
    return judged(report, policy)


def _waived(accepted: Mapping[Waiver, list[Told]], cluster: str) -> Iterator[Waived]:
    for waiver, told in accepted.items():
        until = waiver.until.isoformat() if waiver.until else ""
        for row in findings(told, cluster):
            yield Waived(finding=row, reason=waiver.reason, until=until)


def _run(
    rule: Rule,
    subject: NodeView | Fleet,
    node: str,
    told: list[Told],
    undecided: dict[tuple[str, str, str], list[str]],
) -> None:
    try:
        for one in rule.check(subject):
            if isinstance(one, CannotTell):
                undecided[rule.id, one.path, one.why].extend(one.nodes or filter(None, [node]))
            else:
                nodes = one.nodes or (node,)
                severity = rule.severity if one.severity is None else one.severity  # info is 0
                told.append(Told(rule, one, nodes, severity))
    except CannotTell as reason:
        undecided[rule.id, reason.path, reason.why].extend([node] if node else [])
    except (TypeError, ValueError, KeyError, AttributeError, IndexError) as error:
        # one node's odd facts must not silence what is said of the others
        why = f"the facts are not what the rule takes ({type(error).__name__}: {error})"
        undecided[rule.id, "*", why].extend([node] if node else [])


def findings(told: Iterable[Told], cluster: str) -> list[Finding]:
    """Fold what is the same on many nodes into rows, worst and most causal first.

    Where a rule is broken on several nodes, on each by values of its own (its subnet, its
    address), that is one row too: the rule is what they have in common.
    """
    rows: dict[str, list[Told]] = defaultdict(list)
    for one in told:
        breach = one.breach
        values = [breach.path, breach.peer or "", breach.seen, breach.expected]
        key = [one.rule.id, one.severity, one.rule.scope == "node", values]
        rows[json.dumps(key, default=str, sort_keys=True)].append(one)
    groups = _by_rule(rows.values())
    found = [(_finding(group, cluster), group) for group in groups]
    found.sort(
        key=lambda pair: (
            -pair[0].severity,
            -sum(len(one.effects) for one in pair[1]),
            -len(pair[1]),
            pair[0].rule,
            pair[0].path,
        )
    )
    return [row for row, _group in found]


def _by_rule(groups: Iterable[list[Told]]) -> list[list[Told]]:
    """Join groups of one rule that differ in their values, if they are of other nodes.

    Rules on a node alone, and what rules on pairs lay on one node for all others.
    """
    kept: list[list[Told]] = []
    alike: dict[tuple[str, int, bool], list[list[Told]]] = defaultdict(list)
    for group in groups:
        first = group[0]
        breach = first.breach
        if first.rule.scope == "node" or (first.rule.scope == "pair" and not breach.peer):
            alike[first.rule.id, first.severity, "*" in breach.path].append(group)
        else:
            kept.append(group)
    for some in alike.values():
        nodes = [node for group in some for one in group for node in one.nodes]
        if len(some) > 2 and len(set(nodes)) == len(nodes):
            kept.append([one for group in some for one in group])
        else:
            kept.extend(some)
    return kept


def _common_path(paths: Iterable[str]) -> str:
    """Return a place for several: what differs is ``*``."""
    split = [path.split("/") for path in paths]
    if len({len(parts) for parts in split}) > 1:
        return f"{split[0][0]}/*"
    columns = zip(*split, strict=True)
    return "/".join(column[0] if len(set(column)) == 1 else "*" for column in columns)


def _finding(group: list[Told], cluster: str) -> Finding:
    first = group[0]
    breach, rule = first.breach, first.rule
    peers = (breach.peer,) if breach.peer else ()
    members = tuple(
        Member(
            id=_id(cluster, one, node),
            node=node,
            before=None,
            after=one.breach.seen,
        )
        for one in sorted(group, key=lambda one: one.nodes)
        for node in one.nodes
    )
    nodes = tuple(dict.fromkeys(one.node for one in members))
    return Finding(
        id=members[0].id
        if len(members) == 1
        else finding_id(cluster, rule.id, breach.path, *nodes, *peers),
        rule=rule.id,
        severity=first.severity,
        scope=rule.scope,
        nodes=nodes,
        path=_common_path(one.breach.path for one in group),
        after=breach.seen,
        expected=breach.expected,
        message=_message(group),
        peer=breach.peer,
        why=rule.text,
        remedy=_remedy(first, nodes),
        evidence=(*breach.evidence, *_effects(group)),
        members=members,
        keys=tuple(breach.path.split("/")),
        follows=tuple(
            _id(cluster, effect, node)
            for one in group
            for effect in one.effects
            for node in effect.nodes
        ),
    )


def _id(cluster: str, one: Told, node: str) -> str:
    peers = (one.breach.peer,) if one.breach.peer else ()
    return finding_id(cluster, one.rule.id, one.breach.path, node, *peers)


def _message(group: list[Told]) -> str:
    texts = list(dict.fromkeys(one.breach.message for one in group))
    more = f", and the like on {len(texts) - 1} more" if len(texts) > 1 else ""
    return f"{texts[0]}{more}"


def _remedy(one: Told, nodes: tuple[str, ...]) -> str:
    """Fill the rule's remedy: the names of this breach, for a person to copy."""
    parts = one.breach.path.split("/")
    words = {
        "link": parts[1] if parts[0] == "links" and len(parts) > 1 else "flannel.1",
        "seen": one.breach.seen,
        "expected": one.breach.expected,
        "node": ", ".join(map(for_shell, nodes[:NAMED])),
        "peer": one.breach.peer or "",
    }
    text = one.breach.remedy or one.rule.remedy
    for name in TEMPLATES:  # not str.format: a value from a node may hold braces
        value = str(words[name])
        text = text.replace(f"{{{name}}}", value if name == "node" else for_shell(value))
    return text


def _effects(group: list[Told]) -> list[str]:
    """Tell what follows, once for all nodes where it is told in the same words."""
    told: dict[tuple[str, bool], list[str]] = {}
    for effect in [effect for one in group for effect in one.effects]:
        key = effect.breach.message, effect.rule.scope == "node"
        told.setdefault(key, []).extend(effect.nodes)
    lines = [
        f"so {f'on {named(list(dict.fromkeys(nodes)))}: ' if local else ''}{text}"
        for (text, local), nodes in told.items()
    ]
    rest = len(lines) - NAMED
    return lines[:NAMED] + ([f"and {rest} more that follow from it"] if rest > 0 else [])
