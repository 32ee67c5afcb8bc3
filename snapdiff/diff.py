"""Two snapshots of a node in, what differs out: by key, never by place in a list.

deepdiff does the structural work on rows that are not equal, and stays in this file. It never sees
a list of rows: with ``ignore_order`` it would pair cni0 with flannel.1, and with its default
``threshold_to_diff_deeper`` it would hide one MTU behind one change of the whole map.
"""

from __future__ import annotations

import json
import typing as t
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from snapdiff import canonical, roles, schema
from snapdiff.join import joined
from snapdiff.model import BODY, Change, Churn, Kind, Snapshot, Undecided
from snapdiff.moved_routes import moved
from snapdiff.told_routes import told

Path = tuple[str, ...]
Row = Mapping[str, t.Any]

TABLES = ("peers", "routes", "neighbours", "fdb")  # rows that lead over a link
WHOLE = {  # deepdiff's categories and our words; one that is not here is a mistake, not "equal"
    "values_changed": Kind.CHANGED,
    "type_changes": Kind.TYPE_CHANGED,
    "dictionary_item_added": Kind.ADDED,
    "dictionary_item_removed": Kind.REMOVED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Everything between two snapshots of one node."""

    changes: tuple[Change, ...] = ()
    churn: tuple[Churn, ...] = ()
    undecided: tuple[Undecided, ...] = ()


def values(before: t.Any, after: t.Any) -> Iterator[tuple[Path, Kind, t.Any, t.Any]]:
    """Yield what differs between two plain values: place inside, word, old and new value.

    A list counts as one value: a change inside it is a change of the list.
    """
    import deepdiff

    found = deepdiff.DeepDiff(
        _flat(before),
        _flat(after),
        ignore_private_variables=False,  # else a name such as __x would never differ
        threshold_to_diff_deeper=0,
        view="tree",
        verbose_level=2,
    )
    for category in sorted(found):
        kind = WHOLE[category]  # KeyError: deepdiff has learnt a word that we do not know
        for level in found[category]:
            path = tuple(level.path(output_format="list"))
            old = None if kind is Kind.ADDED else _at(before, path)
            new = None if kind is Kind.REMOVED else _at(after, path)
            both = kind in (Kind.CHANGED, Kind.TYPE_CHANGED)
            yield path, _kind_of(old, new) if both else kind, old, new


def _flat(value: t.Any) -> t.Any:
    """Return *value* with each list as one text: to deepdiff [1] would be [True]."""
    if isinstance(value, Mapping):
        return {key: _flat(one) for key, one in value.items()}
    return f"\0{json.dumps(value, sort_keys=True)}" if isinstance(value, list) else value


def _kind_of(old: t.Any, new: t.Any) -> Kind:
    return Kind.CHANGED if type(old) is type(new) else Kind.TYPE_CHANGED


def _at(value: t.Any, path: Path) -> t.Any:
    for part in path:
        value = value[part]
    return value


def diff(before: Snapshot, after: Snapshot) -> Difference:
    """Return what differs between two snapshots of one node."""
    undecided = list(_undecided(before, after))
    if before.digest and before.digest == after.digest:
        return Difference(undecided=tuple(undecided))
    blind = {one.path for one in undecided}
    changes: list[Change] = []
    for section in BODY:
        if section == "not_observed" or canonical.same(section, before, after):
            continue
        if not _is_blind(section, before, after):
            changes.extend(_section(section, before, after))
    ports, churn = _pods(before, after) if not _is_blind("links", before, after) else ([], [])
    seen = []
    for change in (*moved(joined(changes)), *ports):
        doubt = _doubt(change, before, after)
        if doubt is None:
            seen.append(change)
        elif doubt.path not in blind:
            blind.add(doubt.path)
            undecided.append(doubt)
    return Difference(changes=tuple(seen), churn=tuple(churn), undecided=tuple(undecided))


def _is_blind(section: str, before: Snapshot, after: Snapshot) -> bool:
    """Say whether a side saw nothing of a section, so that there is nothing to compare."""
    for side in (before, after):
        unseen = side["not_observed"]
        if section in unseen and not side[section]:
            return True
        if section == "fdb" and "neighbours" in unseen:
            return True  # which entries are peers' and which are nobody's, neighbours tell
    return False


def _undecided(before: Snapshot, after: Snapshot) -> Iterator[Undecided]:
    one, two = before["not_observed"], after["not_observed"]
    for path in sorted({*one, *two}):
        side = "both" if path in one and path in two else "before" if path in one else "after"
        yield Undecided(path=path, why=two.get(path, one.get(path)), side=side, nodes=(after.node,))


def _section(section: str, before: Snapshot, after: Snapshot) -> Iterator[Change]:
    old, new = before[section], after[section]
    keys = canonical.differing(old, new)
    by_peers: tuple[dict[str, Row], dict[str, Row]] = ({}, {})
    if section == "links":
        keys = [
            key
            for key in keys
            if not canonical.is_pod_port(key, old) and not canonical.is_pod_port(key, new)
        ]
    elif section == "routes":
        keys = [key for key in keys if not _of_a_pod(old.get(key) or new[key], before, after)]
        by_peers = (told(old, before["peers"], new, keys), told(new, after["peers"], old, keys))
    for key in keys:
        one = _form(section, old[key]) if key in old else by_peers[0].get(key)
        two = _form(section, new[key]) if key in new else by_peers[1].get(key)
        if section == "links":
            one, two = _without_effects_of_ports(key, one, two, before, after)
        yield from _row(after.node, (section, key), one, two, _role(section, key, before, after))


def _form(section: str, row: t.Any) -> t.Any:
    forms: dict[str, Callable[[Row], t.Any]] = {"links": canonical.link, "routes": canonical.route}
    return forms[section](row) if section in forms else row


def _of_a_pod(route: Row, before: Snapshot, after: Snapshot) -> bool:
    dev = str(route.get("dev", ""))
    return canonical.is_pod_port(dev, before["links"]) or canonical.is_pod_port(dev, after["links"])


def _role(section: str, key: str, before: Snapshot, after: Snapshot) -> str | None:
    if section != "links":
        return None
    side = after if key in after["links"] else before
    return roles.role_of(key, side["links"], side["routes"])


def _without_effects_of_ports(
    name: str, one: Row | None, two: Row | None, before: Snapshot, after: Snapshot
) -> tuple[Row | None, Row | None]:
    """Forget of a bridge what the kernel only did since it has no ports, or has some again."""
    if one is None or two is None or two.get("kind") != "bridge":
        return one, two
    if canonical.has_ports(name, before) and canonical.has_ports(name, after):
        return one, two
    if "UP" not in two.get("flags", ()):  # somebody put it down: that is no effect of ports
        return one, two
    fields = canonical.OF_PORTS
    return (
        {key: value for key, value in one.items() if key not in fields or key == "flags"},
        {key: value for key, value in two.items() if key not in fields or key == "flags"},
    )


def _row(node: str, path: Path, one: t.Any, two: t.Any, role: str | None) -> Iterator[Change]:
    if one is None and two is None:
        return
    row = one if two is None else two
    dev = row.get("dev") if isinstance(row, Mapping) and path[0] in TABLES else None
    found: Iterable[tuple[Path, Kind, t.Any, t.Any]]
    if one is None or two is None:
        found = [((), Kind.ADDED if one is None else Kind.REMOVED, one, two)]
    else:
        found = sorted(values(one, two), key=lambda row: row[0])  # not as the rows happen to be
    for place, kind, old, new in found:
        yield Change(
            node=node,
            path=(*path, *place),
            kind=kind,
            before=old,
            after=new,
            role=role,
            dev=dev,
        )


def _doubt(change: Change, before: Snapshot, after: Snapshot) -> Undecided | None:
    """Return what nobody can tell, where a value is on one side only since the other is blind."""
    if change.kind not in (Kind.ADDED, Kind.REMOVED):
        return None
    blind, side = (before, "before") if change.kind is Kind.ADDED else (after, "after")
    found = blind.why_not_observed(change.path)
    if found is None and schema.field(change.path).since > blind.facts:
        found = (change.place, "the collector of that time did not look at it")
    if found is None:
        return None
    return Undecided(path=found[0], why=found[1], side=side, nodes=(change.node,))


def _pods(before: Snapshot, after: Snapshot) -> tuple[list[Change], list[Churn]]:
    """Compare pod ports as populations: their number, and the values that occur among them."""
    if canonical.same("links", before, after):
        return [], []
    keys = canonical.differing(before["links"], after["links"])
    ports = [key for key in keys if canonical.is_pod_port(key, before["links"])]
    if not ports and not any(canonical.is_pod_port(key, after["links"]) for key in keys):
        return [], []
    new = canonical.pod_ports(after)
    old = {name: new[name] for name in new.keys() - keys}  # the same row: parsed once for both
    old.update((name, before["links"][name]) for name in ports)
    changes: list[Change] = []
    churn: list[Churn] = []
    for group in sorted({*canonical.populations(old), *canonical.populations(new)}):
        one = {name: row for name, row in old.items() if roles.population_of(name) == group}
        two = {name: row for name, row in new.items() if roles.population_of(name) == group}
        added, removed = len(two.keys() - one.keys()), len(one.keys() - two.keys())
        if added or removed:
            churn.append(
                Churn(
                    node=after.node,
                    what=group,
                    before=len(one),
                    after=len(two),
                    added=added,
                    removed=removed,
                )
            )
        changes.extend(_values_of_pods((before, after), group, one, two))
    return changes, churn


def _values_of_pods(
    sides: tuple[Snapshot, Snapshot], group: str, one: Mapping[str, Row], two: Mapping[str, Row]
) -> Iterator[Change]:
    for field in canonical.POPULATION_FIELDS:
        if any(side.why_not_observed(("links", group, field)) for side in sides):
            continue
        old, new = canonical.histogram(one, field), canonical.histogram(two, field)
        fresh = [value for value in new if value not in old]
        before, values = _plain(old), _plain(new)
        if field == "flags" and not fresh and new["down"] > old["down"]:  # one more is cut off
            fresh, before, values = ["down"], f"{old['down']} down", f"{new['down']} down"
        if not one or not fresh:  # a first pod has nothing to differ from
            continue
        named = sorted(name for name, row in two.items() if canonical.of_port(row, field) in fresh)
        yield Change(
            node=sides[1].node,
            path=("links", group, field),
            kind=Kind.CHANGED,
            before=before,
            after=values,
            why=", ".join(named[:5]) + (f" and {len(named) - 5} more" if len(named) > 5 else ""),
            role=roles.POD_PORT,
        )


def _plain(found: Mapping[t.Any, int]) -> t.Any:
    given = sorted(found, key=lambda value: (value is None, str(value)))
    return given[0] if len(given) == 1 else given
