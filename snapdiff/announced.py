"""What the cluster's own word says otherwise than before: versions, pod networks, flannel's config.

Nothing of it is wrong by itself, and nodes need not have it yet: the rules hold that against them.
So it is info, beside what changed on the nodes.
"""

from __future__ import annotations

import json
import typing as t
from collections import defaultdict

from snapdiff.drift import RULE, finding_id
from snapdiff.model import Finding, Kind, Member, Severity
from snapdiff.wording import word

if t.TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from snapdiff.store import Side

Word = t.Mapping[str, t.Any]
LATER = "flannel reads it when it starts"
ABOUT = {  # place: what it is
    ("flannel", "pods", "flannel"): "Tag of flannel's image. Source: kubectl get pods.",
    ("flannel", "pods", "plugin"): "Tag of its CNI plugin's image. Source: kubectl get pods.",
    ("nodes", "kubelet"): "Version of the kubelet. Source: kubectl get nodes.",
    ("nodes", "pod_cidrs"): "Pod subnets of the node. Source: kubectl get nodes.",
}  # fmt: skip
OF_CONFIG = "A member of net-conf.json in flannel's ConfigMap. Source: kubectl get configmaps."


def announced(before: Side, after: Side, cluster: str) -> list[Finding]:
    """Return a row for each value that is another one now, where both captures have the word.

    Raises UnreadableError where that was changed since.
    """
    one, two = before.cluster() or {}, after.cluster() or {}
    if not one or not two:
        return []
    seen = sorted(before.paths.keys() & after.paths.keys())
    return [*_of_nodes(one, two, seen, cluster), *_of_config(one, two, seen, cluster)]


def _of_nodes(one: Word, two: Word, seen: list[str], cluster: str) -> Iterator[Finding]:
    names = _names(two, seen)
    for place, why in ABOUT.items():
        rows: dict[str, list[tuple[str, t.Any, t.Any]]] = defaultdict(list)
        kept: dict[str, list[str]] = defaultdict(list)
        old, new = _table(one, place), _table(two, place)
        for node in sorted(old.keys() & new.keys()):
            name = names.get(node, node)
            pair = (old[node].get(place[-1]), new[node].get(place[-1]))
            if None in pair:
                continue
            if pair[0] == pair[1]:
                kept[json.dumps(pair[0])].append(name)
            else:
                rows[json.dumps(pair)].append((name, *pair))
        for found in rows.values():
            stay = kept[json.dumps(found[0][1])]
            late = stay if len(stay) < len(found) else []
            yield _row(place, found, cluster, why=why, late=late)


def _of_config(one: Word, two: Word, seen: list[str], cluster: str) -> Iterator[Finding]:
    """Yield the members that differ; each concerns all nodes."""
    old, new = (_leaves((_config(side) or {}).get("net_conf") or {}) for side in (one, two))
    if not old or not new:
        return
    for path in sorted(old.keys() | new.keys()):
        pair = (old.get(path), new.get(path))
        if pair[0] != pair[1]:
            place = ("flannel", "config", "net_conf", *path)
            rows = [(node, *pair) for node in seen]
            yield _row(place, rows, cluster, why=OF_CONFIG, evidence=(LATER,))


def _config(side: Word) -> Word | None:
    found: Word | None = (side.get("flannel") or {}).get("config")
    return found


def _table(side: Word, place: tuple[str, ...]) -> Mapping[str, Word]:
    if place[0] == "nodes":
        return t.cast("Mapping[str, Word]", side["nodes"])
    return t.cast("Mapping[str, Word]", (side.get("flannel") or {}).get("pods") or {})


def _leaves(value: Word, path: tuple[str, ...] = ()) -> dict[tuple[str, ...], t.Any]:
    found: dict[tuple[str, ...], t.Any] = {}
    for key, one in value.items():
        found |= _leaves(one, (*path, key)) if isinstance(one, dict) else {(*path, key): one}
    return found


def _names(side: Word, seen: list[str]) -> dict[str, str]:
    """Return what the inventory calls the nodes of the API that say that name of themselves."""
    told = {name: row["addresses"].get("Hostname", ()) for name, row in side["nodes"].items()}
    return {
        name: next(one for one in hosts if one in seen)
        for name, hosts in told.items()
        if name not in seen and any(one in seen for one in hosts)
    }


def _row(
    place: tuple[str, ...],
    rows: list[tuple[str, t.Any, t.Any]],
    cluster: str,
    *,
    why: str,
    late: t.Sequence[str] = (),
    evidence: tuple[str, ...] = (),
) -> Finding:
    path = "/".join(("cluster", *place))
    _node, before, after = rows[0]
    nodes = tuple(node for node, _before, _after in rows)
    kind = Kind.ADDED if before is None else Kind.REMOVED if after is None else Kind.CHANGED
    values = " → ".join(word(one) for one in (before, after) if one is not None)
    members = tuple(
        Member(id=finding_id(cluster, RULE, path, node), node=node, before=old, after=new)
        for node, old, new in rows
    )
    return Finding(
        id=members[0].id if len(members) == 1 else finding_id(cluster, RULE, path, *nodes),
        rule=RULE,
        severity=Severity.INFO,
        scope="temporal",
        nodes=nodes,
        path=path,
        change=kind,
        before=before,
        after=after,
        message=f"{path} {values}" if kind is Kind.CHANGED else f"{path} {kind}: {values}",
        why=why,
        evidence=evidence,
        stragglers=tuple(late),
        members=members,
        keys=("cluster", *place),
    )
