"""Changes of a node that are one event told twice, joined into one change.

A peer with a new lease went and came; an address that was replaced too; a peer that lost an entry
shows in two tables. The kernel's connected route only repeats an address.
"""

from __future__ import annotations

import typing as t
from dataclasses import replace

from snapdiff.model import Change, Kind

if t.TYPE_CHECKING:
    from collections.abc import Iterator

Path = tuple[str, ...]
# Which entry of a peer each member of its row comes from.
ENTRIES = {"mac": "neighbour", "subnet": "route", "underlay": "fdb"}


def as_peer(path: Path) -> Path:
    """Return the place of a wireguard peer as if it were one of ``peers``; any other as it is.

    ``links/flannel-wg/wireguard/peers/10.244.2.0/endpoint`` is ``peers/10.244.2.0/endpoint``.
    """
    if path[0] == "links" and path[2:4] == ("wireguard", "peers") and len(path) > 4:
        return path[3:]
    return path


def joined(changes: list[Change]) -> Iterator[Change]:
    """Yield *changes* of one node with those that belong together made one."""
    changes = _without_left_behind(_same_keys(changes))
    moved: set[tuple[t.Any, ...]] = set()  # (dev, address without prefix length or *, kind)
    for change in changes:
        if change.path[0] != "links":
            continue
        if _is_address(change):
            moved.add((change.path[1], change.path[3].partition("/")[0], change.kind))
        elif len(change.path) == 2:
            moved.add((change.path[1], "*", change.kind))
    peers = [change for change in changes if change.path[0] == "peers"]
    peers = _without_led_astray(peers, changes)
    entries = [change for change in changes if change.path[0] == "fdb"]
    found, leftover = _of_peers(peers, entries)
    yield from found
    for change in _paired_addresses(changes):
        if change.path[0] == "routes" and len(change.path) == 2:
            row = change.before or change.after
            keys = {(change.dev, row.get("prefsrc"), change.kind), (change.dev, "*", change.kind)}
            if row.get("protocol") == "kernel" and keys & moved:
                continue
        elif change.path[0] == "routes" and change.path[2:] == ("prefsrc",):
            went = (change.dev, change.before, Kind.REMOVED)
            if went in moved and (change.dev, change.after, Kind.ADDED) in moved:
                continue
        if change.path[0] != "peers" and (change.path[0] != "fdb" or change in leftover):
            yield change


def _same_keys(changes: list[Change]) -> list[Change]:
    """Make one wireguard peer of one that went and one that came with the same public key.

    A node with a new lease keeps its key; peers are called by the address that leads to them.
    """
    rows = [one for one in changes if one.path != as_peer(one.path) and len(one.path) == 5]
    came = {(one.path[1], one.after["public_key"]): one for one in rows if one.kind is Kind.ADDED}
    pairs = [
        (one, came.pop((one.path[1], one.before["public_key"])))
        for one in rows
        if one.kind is Kind.REMOVED and (one.path[1], one.before["public_key"]) in came
    ]
    taken = {id(one) for pair in pairs for one in pair}
    found = [one for one in changes if id(one) not in taken]
    for old, new in pairs:
        found.extend(
            replace(
                old,
                path=(*old.path, name),
                kind=_kind(name, old.before, new.after),
                before=old.before.get(name),
                after=new.after.get(name),
            )
            for name in sorted({*old.before, *new.after})
            if old.before.get(name) != new.after.get(name)
        )
    return found


def _without_left_behind(changes: list[Change]) -> list[Change]:
    """Leave out the entries of a peer on the link that its route no longer leads over.

    They were there before, told by the peer's row, which is now that of the other link.
    """
    ends = {
        (one.path[1], end, kind)
        for one in changes
        if one.path[0] == "peers" and one.path[2:] == ("dev",)
        for end, kind in ((one.before, Kind.ADDED), (one.after, Kind.REMOVED))
    }
    if not ends:
        return changes
    left = [one for one in changes if one.path[0] in ("neighbours", "fdb") and len(one.path) == 2]
    macs: set[tuple[t.Any, ...]] = set()
    gone: set[int] = set()
    for one in sorted(left, key=lambda one: one.path[0], reverse=True):  # neighbours tell the MACs
        row = one.before or one.after
        if (row.get("dst"), one.dev, one.kind) in ends:
            macs.add((row.get("lladdr"), one.dev, one.kind))
            gone.add(id(one))
        elif one.path[0] == "fdb" and (row.get("mac"), one.dev, one.kind) in macs:
            gone.add(id(one))
    return [one for one in changes if id(one) not in gone]


def _without_led_astray(peers: list[Change], changes: list[Change]) -> list[Change]:
    """Leave out that a peer lost or got its route, where the route has another gateway.

    The row of the route is told; it is flannel's own as long as it leads via its peer.
    """
    astray: set[tuple[str, Kind]] = set()
    for change in changes:
        if change.path[0] == "routes" and change.path[2:] == ("gateway",):
            subnet = change.path[1].partition(" dev ")[0].rpartition(" ")[2].partition("/")[0]
            if change.before == subnet:
                astray.add((subnet, Kind.ADDED))
            elif change.after == subnet:
                astray.add((subnet, Kind.REMOVED))
    gone = {
        one.path[1]
        for one in peers
        if one.path[2:] == ("missing",)
        and (one.path[1], one.kind) in astray
        and (one.before or one.after) == ["route"]
    }
    of_route = (("missing",), ("subnet",))
    return [one for one in peers if one.path[1] not in gone or one.path[2:] not in of_route]


def _is_address(change: Change) -> bool:
    return change.path[0] == "links" and len(change.path) == 4 and change.path[2] == "addresses"


def _paired_addresses(changes: list[Change]) -> Iterator[Change]:
    """Make one changed address of the only one that went and the only one that came on a link."""
    groups: dict[tuple[str, bool, str], list[Change]] = {}
    for change in changes:
        if _is_address(change):
            address, _, prefix = change.path[3].partition("/")
            groups.setdefault((change.path[1], ":" in address, prefix), []).append(change)
    pairs: dict[Path, Change | None] = {}
    for group in groups.values():
        if sorted(one.kind for one in group) == [Kind.ADDED, Kind.REMOVED]:
            old, new = sorted(group, key=lambda one: one.kind is Kind.ADDED)
            pairs[old.path] = replace(
                new, path=old.path[:3], kind=Kind.CHANGED, before=old.path[3], after=new.path[3]
            )
            pairs[new.path] = None
    for change in changes:
        one = pairs.get(change.path, change)
        if one is not None:
            yield one


def _of_peers(peers: list[Change], entries: list[Change]) -> tuple[list[Change], list[Change]]:
    """Return the changes of peers, and the forwarding entries that are nobody's."""
    rows: dict[str, list[Change]] = {}
    for change in peers:
        rows.setdefault(change.path[1], []).append(change)
    found: list[Change] = []
    left = list(entries)
    for key, changes in _moved(rows):
        if len(changes) == 1 and len(changes[0].path) == 2:
            one = changes[0]
            entry = _entry_of(one.before or one.after, left)
            if entry is not None and entry.kind is not one.kind:
                # its forwarding entry alone is still there: the other two went, or came
                left.remove(entry)
                found.append(_missing(one, key, ["neighbour", "route"], one.kind is Kind.REMOVED))
                continue
        found.extend(_without_effects(key, changes, left))
    return found, left


def _moved(rows: dict[str, list[Change]]) -> Iterator[tuple[str, list[Change]]]:
    """Make one peer of one that went and one that came with the same MAC or underlay address.

    A node with a new lease is the same node: its VTEP MAC and its underlay address stay.
    """
    whole = {key: one[0] for key, one in rows.items() if len(one[0].path) == 2}
    gone = {key: one for key, one in whole.items() if one.kind is Kind.REMOVED}
    owners: dict[tuple[str, t.Any], str] = {}
    for key, one in whole.items():
        if one.kind is Kind.ADDED:
            for name in ("underlay", "mac"):
                owners[name, one.after.get(name)] = key
    taken: set[str] = set()
    for key in rows:
        if key in gone:
            row = gone[key].before
            matches = (owners.get((name, row.get(name))) for name in ("mac", "underlay"))
            new = next((one for one in matches if one is not None and one not in taken), None)
            if new is not None:
                taken.add(new)
                after = whole[new].after
                yield (
                    key,
                    [
                        replace(
                            gone[key],
                            path=("peers", key, name),
                            kind=_kind(name, row, after),
                            before=row.get(name),
                            after=after.get(name),
                        )
                        for name in sorted({*row, *after})
                        if row.get(name) != after.get(name)
                    ],
                )
                rows[key] = []
    for key, changes in rows.items():
        if key not in taken and changes:
            yield key, changes


def _kind(name: str, before: t.Any, after: t.Any) -> Kind:
    """Return the word for a member: on one side only, it may not have been looked at there."""
    if name in before and name in after:
        return Kind.CHANGED
    return Kind.REMOVED if name in before else Kind.ADDED


def _entry_of(row: t.Any, entries: list[Change]) -> Change | None:
    for entry in entries:
        values = entry.before or entry.after
        if (values.get("mac"), values.get("dst")) == (row.get("mac"), row.get("underlay")):
            return entry
    return None


def _missing(one: Change, key: str, entries: list[str], lost: bool) -> Change:
    return replace(
        one,
        path=("peers", key, "missing"),
        kind=Kind.ADDED if lost else Kind.REMOVED,
        before=None if lost else entries,
        after=entries if lost else None,
    )


def _without_effects(key: str, changes: list[Change], left: list[Change]) -> Iterator[Change]:
    """Leave out what a peer's row lacks only since the entry is missing that it came from."""
    by_name = {change.path[2]: change for change in changes if len(change.path) == 3}
    if "missing" not in by_name:
        yield from changes
        return
    named = by_name["missing"]
    entries = {*(named.before or ()), *(named.after or ())}
    row = {name: one.before or one.after for name, one in by_name.items() if name in ENTRIES}
    for change in changes:
        name = change.path[2] if len(change.path) == 3 else ""
        gone = change.kind in (Kind.ADDED, Kind.REMOVED) and name in ENTRIES
        if gone and (ENTRIES[name] in entries or (name == "underlay" and "neighbour" in entries)):
            continue
        yield change
    if "neighbour" in entries:
        entry = _entry_of(row, left)
        if entry is not None:
            left.remove(entry)
