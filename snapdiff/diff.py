"""Two snapshots of a node in, what differs out: by key, never by place in a list.

deepdiff does the structural work on rows that are not equal, and stays in this file. It never sees
a list of rows: with ``ignore_order`` it would pair cni0 with flannel.1, and with its default
``threshold_to_diff_deeper`` it would hide one MTU behind one change of the whole map.
"""

from __future__ import annotations

import typing as t
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from snapdiff import canonical, roles, schema
from snapdiff.model import BODY, Change, Churn, Kind, Snapshot, Undecided

Path = tuple[str, ...]
Row = Mapping[str, t.Any]

WHOLE = {  # deepdiff's categories and our words; one that is not here is a mistake, not "equal"
    "values_changed": Kind.CHANGED,
    "type_changes": Kind.TYPE_CHANGED,
    "dictionary_item_added": Kind.ADDED,
    "dictionary_item_removed": Kind.REMOVED,
    "iterable_item_added": Kind.CHANGED,
    "iterable_item_removed": Kind.CHANGED,
    "iterable_item_moved": Kind.CHANGED,
    "repetition_change": Kind.CHANGED,
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
        before, after, ignore_order=False, threshold_to_diff_deeper=0, view="tree", verbose_level=2
    )
    seen: set[Path] = set()
    for category in sorted(found):
        kind = WHOLE[category]  # KeyError: deepdiff has learnt a word that we do not know
        for level in found[category]:
            path = tuple(level.path(output_format="list"))
            names = tuple(part for part in path if isinstance(part, str))
            cut = next((i for i, part in enumerate(path) if not isinstance(part, str)), None)
            if cut is None:
                old = None if kind is Kind.ADDED else level.t1
                new = None if kind is Kind.REMOVED else level.t2
                yield names, kind, old, new
                continue
            place = tuple(path[:cut])
            if place not in seen:
                seen.add(place)
                yield place, Kind.CHANGED, _at(before, place), _at(after, place)


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
        if section != "not_observed" and not _is_blind(section, before, after):
            changes.extend(_section(section, before, after))
    ports, churn = _pods(before, after) if not _is_blind("links", before, after) else ([], [])
    seen = []
    for change in (*_without_shadows(changes), *ports):
        doubt = _doubt(change, before, after)
        if doubt is None:
            seen.append(change)
        elif doubt.path not in blind:
            blind.add(doubt.path)
            undecided.append(doubt)
    return Difference(changes=tuple(seen), churn=tuple(churn), undecided=tuple(undecided))


def _is_blind(section: str, before: Snapshot, after: Snapshot) -> bool:
    """Say whether a side saw nothing of a section, so that there is nothing to compare."""
    return any(
        section in side["not_observed"] and not side[section] for side in (before, after)
    )


def _undecided(before: Snapshot, after: Snapshot) -> Iterator[Undecided]:
    one, two = before["not_observed"], after["not_observed"]
    for path in sorted({*one, *two}):
        side = "both" if path in one and path in two else "before" if path in one else "after"
        yield Undecided(
            path=path, why=two.get(path, one.get(path)), side=side, nodes=(after.node,)
        )


def _section(section: str, before: Snapshot, after: Snapshot) -> Iterator[Change]:
    old, new = before[section], after[section]
    keys = canonical.differing(old, new)
    if section == "links":
        keys = [
            key
            for key in keys
            if not canonical.is_pod_port(key, old) and not canonical.is_pod_port(key, new)
        ]
    elif section == "routes":
        keys = [key for key in keys if not _of_a_pod(old.get(key) or new[key], before, after)]
    for key in keys:
        one = _form(section, old[key]) if key in old else None
        two = _form(section, new[key]) if key in new else None
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
    if one is None or two is None:
        kind = Kind.ADDED if one is None else Kind.REMOVED
        yield Change(node=node, path=path, kind=kind, before=one, after=two, role=role)
        return
    for place, kind, old, new in values(one, two):
        yield Change(
            node=node, path=(*path, *place), kind=kind, before=old, after=new, role=role
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


def _without_shadows(changes: list[Change]) -> Iterator[Change]:
    """Pair what moved; leave out connected routes that only follow a changed address."""
    moved: set[tuple[t.Any, ...]] = set()  # (dev, address without prefix length or *, kind)
    for change in changes:
        if change.path[0] != "links":
            continue
        if _is_address(change):
            moved.add((change.path[1], change.path[3].partition("/")[0], change.kind))
        elif len(change.path) == 2:
            moved.add((change.path[1], "*", change.kind))
    yield from _paired_peers([change for change in changes if change.path[0] == "peers"])
    for change in _paired_addresses(changes):
        if change.path[0] == "routes" and len(change.path) == 2:
            row = change.before or change.after
            keys = {(row.get("dev"), row.get("prefsrc"), change.kind), (row.get("dev"), "*", change.kind)}
            if row.get("protocol") == "kernel" and keys & moved:
                continue
        if change.path[0] != "peers":
            yield change


def _is_address(change: Change) -> bool:
    return change.path[0] == "links" and len(change.path) == 4 and change.path[2] == "addresses"


def _paired_addresses(changes: list[Change]) -> Iterator[Change]:
    """Make one changed address of the only one that went and the only one that came on a link."""
    groups: dict[tuple[str, bool, str], list[Change]] = {}
    for change in changes:
        if _is_address(change):
            address, _, prefix = change.path[3].partition("/")
            groups.setdefault((change.path[1], ":" in address, prefix), []).append(change)
    pairs: dict[Path, Change] = {}
    for group in groups.values():
        if sorted(one.kind for one in group) == [Kind.ADDED, Kind.REMOVED]:
            old, new = sorted(group, key=lambda one: one.kind is Kind.ADDED)
            pairs[old.path] = replace(
                new,
                path=old.path[:3],
                kind=Kind.CHANGED,
                before=old.path[3],
                after=new.path[3],
            )
            pairs[new.path] = old
    for change in changes:
        other = pairs.get(change.path)
        if other is None:
            yield change
        elif other.kind is Kind.CHANGED:
            yield other


def _paired_peers(changes: list[Change]) -> Iterator[Change]:
    """Make one changed peer of a removed and an added one with the same MAC or underlay address.

    A node with a new lease is the same node: its VTEP MAC and its underlay address stay.
    """
    gone = [one for one in changes if one.kind is Kind.REMOVED and len(one.path) == 2]
    come = [one for one in changes if one.kind is Kind.ADDED and len(one.path) == 2]
    paired: dict[Path, Change] = {}
    for old in gone:
        for new in come:
            same = any(
                old.before.get(name) is not None and old.before.get(name) == new.after.get(name)
                for name in ("mac", "underlay")
            )
            if same and new.path not in paired and old.before.get("dev") == new.after.get("dev"):
                paired[new.path] = old
                paired[old.path] = new
                break
    for change in changes:
        other = paired.get(change.path)
        if other is None:
            yield change
        elif change.kind is Kind.REMOVED:
            yield from _row(change.node, change.path, change.before, other.after, change.role)


def _pods(before: Snapshot, after: Snapshot) -> tuple[list[Change], list[Churn]]:
    """Compare pod ports as populations: their number, and the values that occur among them."""
    keys = canonical.differing(before["links"], after["links"])
    if not any(
        canonical.is_pod_port(key, before["links"]) or canonical.is_pod_port(key, after["links"])
        for key in keys
    ):
        return [], []
    old, new = canonical.pod_ports(before), canonical.pod_ports(after)
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
        if not one or not fresh:  # a first pod has nothing to differ from
            continue
        named = sorted(name for name, row in two.items() if row.get(field) in fresh)
        yield Change(
            node=sides[1].node,
            path=("links", group, field),
            kind=Kind.CHANGED,
            before=_plain(old),
            after=_plain(new),
            why=", ".join(named[:5]) + (f" and {len(named) - 5} more" if len(named) > 5 else ""),
            role=roles.POD_PORT,
        )


def _plain(found: Mapping[t.Any, int]) -> t.Any:
    given = sorted(found, key=lambda value: (value is None, str(value)))
    return given[0] if len(given) == 1 else given
