"""A node as it is now, less some changes: what would be if they had not been made."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping
from dataclasses import replace

from snapdiff import canonical, roles

if t.TYPE_CHECKING:
    from collections.abc import Iterable

    from snapdiff.model import Change, Snapshot

Rows = dict[str, t.Any]
RUNS = ("flags", "operstate", "carrier")  # a link that is set up or down changes all of them


def taken_back(changes: Iterable[Change], old: Snapshot, new: Snapshot) -> Snapshot:
    """Return *new* with the places of *changes* as they were in *old*.

    With an address or a link its connected routes are taken back, which are not told for
    themselves; with a route all routes to its destination.
    """
    sections: dict[str, t.Any] = {name: new.sections[name] for name in new.sections}
    for change in changes:
        head = change.path[0]
        if head not in sections or len(change.path) < 2:
            continue
        rows = dict(sections[head])
        if head == "links":
            _link(rows, change, old)
            if len(change.path) == 2 or change.path[2] == "addresses":
                sections["routes"] = _connected(sections["routes"], old, change.path[1])
        elif head == "cni" and len(change.path) > 2:
            _leaf(rows, change.path[1:], old["cni"])
        elif head == "routes":
            _routes(rows, change, old)
        else:
            if head == "peers" and change.path[1] not in rows:
                _without_its_new_self(rows, change, old)
            _row(rows, change.path[1], old[head])
        sections[head] = rows
    return replace(new, sections=sections, digest="")


def _row(rows: Rows, key: str, old: Mapping[str, t.Any]) -> None:
    if key in old:
        rows[key] = old[key]
    else:
        rows.pop(key, None)


def _leaf(rows: Rows, path: tuple[str, ...], old: t.Any) -> None:
    """Put back one value deep in a map, and none beside it."""
    key, *rest = path
    there = isinstance(old, Mapping) and key in old
    if rest and isinstance(rows.get(key), Mapping) and there and isinstance(old[key], Mapping):
        inner = dict(rows[key])
        _leaf(inner, tuple(rest), old[key])
        rows[key] = inner
    elif there:
        rows[key] = old[key]
    else:
        rows.pop(key, None)


def _link(rows: Rows, change: Change, old: Snapshot) -> None:
    name, field = change.path[1], change.path[2:3]
    if change.role == roles.POD_PORT and name.endswith("*"):
        for port in [one for one in rows if canonical.is_pod_port(one, rows)]:
            if roles.population_of(port) == name:
                _fields(rows, port, (*field,), old)
    elif not field or name not in rows or name not in old["links"]:
        _row(rows, name, old["links"])
    elif field == ("addresses",):
        _fields(rows, name, field, old)
    elif field == ("flags",):
        _fields(rows, name, RUNS, old)
    else:
        inner = dict(rows[name])
        _leaf(inner, change.path[2:], old["links"][name])
        rows[name] = inner


def _fields(rows: Rows, name: str, fields: tuple[str, ...], old: Snapshot) -> None:
    if name not in old["links"]:
        rows.pop(name)  # a new pod's
        return
    link, was = dict(rows[name]), old["links"][name]
    for field in fields:
        link.pop(field, None)
        if field in was:
            link[field] = was[field]
    rows[name] = link


def _connected(routes: Mapping[str, t.Any], old: Snapshot, dev: str) -> Rows:
    kept = {key: row for key, row in routes.items() if not _is_connected(row, dev)}
    was = {key: row for key, row in old["routes"].items() if _is_connected(row, dev)}
    return {**kept, **was}


def _is_connected(row: Mapping[str, t.Any], dev: str) -> bool:
    return row.get("dev") == dev and row.get("protocol") == "kernel"


def _routes(rows: Rows, change: Change, old: Snapshot) -> None:
    row = old["routes"].get(change.path[1]) or rows.get(change.path[1])
    if row is None:
        return
    way = (row.get("table"), row.get("dst"))
    for key in [key for key, one in rows.items() if (one.get("table"), one.get("dst")) == way]:
        _row(rows, key, old["routes"])
    _row(rows, change.path[1], old["routes"])


def _without_its_new_self(rows: Rows, change: Change, old: Snapshot) -> None:
    """Take away the peer that a peer became: it is called by another address now."""
    was = old["peers"].get(change.path[1], {})
    for key in [key for key in rows if key not in old["peers"]]:
        if any(was.get(name) and rows[key].get(name) == was[name] for name in ("mac", "underlay")):
            del rows[key]
