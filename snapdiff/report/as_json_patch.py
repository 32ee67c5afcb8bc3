"""A diff as RFC 6902 patches, one a node, from the snapshot before to the one after.

Only what the report has with its value can be said so. What it tells in words, or of several rows
at once, is listed under ``skipped`` with the reason.
"""

from __future__ import annotations

import json
import typing as t
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from snapdiff.errors import UsageError
from snapdiff.model import Finding, Input, Kind, Member, Report
from snapdiff.paths import split

if t.TYPE_CHECKING:
    from snapdiff.report import Terminal

SCHEMA = "snapdiff/json-patch/1"
RENAMED: dict[tuple[tuple[str, ...], tuple[str, ...]], str] = {  # what is part of a row's key
    (("peers",), ("subnet",)): "the peer has another subnet",
    (("routes",), ("dev",)): "the route leads over another link",
}
KEYED = "its whole row is under another key"
Patches = dict[str, list[dict[str, t.Any]]]
Skipped = list[dict[str, t.Any]]
Keys = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Step:
    """One change of one node; *keys* are its place in parts, none where that has no parts."""

    node: str
    keys: Keys
    place: str
    kind: Kind | None
    after: t.Any


def render(report: Report, terminal: Terminal) -> str:
    """Return the patches of all nodes. Raises UsageError for a report that compares no times."""
    if report.command != "diff":
        raise UsageError(
            f"-o json-patch: 'snapdiff {report.command}' has no before and after; "
            "use it with 'snapdiff diff'"
        )
    patches, skipped = _patches(report)
    sides = [_name(one) for one in report.inputs]
    data = {
        "schema": SCHEMA,
        "cluster": report.cluster,
        "before": sides[0] if sides else "",
        "after": sides[-1] if sides else "",
        "patches": {node: sorted(ops, key=_order) for node, ops in sorted(patches.items())},
        "skipped": skipped,
        "missing": sorted({one.node for one in report.coverage.missing}),
        "trusted": report.trusted,
    }
    return json.dumps(data, indent=2).replace("\x7f", "\\u007f") + "\n"


def _name(one: Input) -> str:
    return one.capture or one.place or one.name


def _order(op: dict[str, t.Any]) -> str:
    return str(op["path"])


def _patches(report: Report) -> tuple[Patches, Skipped]:
    steps = list(_steps(report))
    ends = {
        (one.node, one.keys[:2]): one.keys[2:]
        for one in steps
        if (one.keys[:1], one.keys[2:]) in RENAMED
    }
    ops: dict[tuple[str, Keys], dict[str, t.Any]] = {}
    reasons: dict[tuple[str, str], list[str]] = defaultdict(list)
    for one in steps:
        why = _why_not(one)
        if not why and (one.node, one.keys[:2]) in ends:
            why = f"{RENAMED[one.keys[:1], ends[one.node, one.keys[:2]]]}, so {KEYED}"
        if why:
            reasons[one.place, why].append(one.node)
        else:
            ops.setdefault((one.node, one.keys), _op(one))
    for row in _rows(report):
        for text in row.evidence:
            reasons[row.path, f"said beside it: {text}"].extend(row.nodes)
    for planned in report.planned:
        if planned.done:
            reasons[planned.path, f"as planned: {planned.text}"].extend(planned.done)
    patches: Patches = defaultdict(list)
    for (node, keys), op in ops.items():
        whole = (ops.get((node, keys[:size])) for size in range(1, len(keys)))
        if all(above is None for above in whole):  # else the row went, or came, with it
            patches[node].append(op)
    skipped = [
        {"nodes": sorted(set(nodes)), "path": path, "why": why}
        for (path, why), nodes in reasons.items()
    ]
    return patches, skipped


def _rows(report: Report) -> t.Iterator[Finding]:
    yield from report.findings
    yield from report.side_effects
    yield from (one.finding for one in report.waived)


def _steps(report: Report) -> t.Iterator[_Step]:
    """Yield what changed on each node, one place at a time: findings, and what followed."""
    for row in _rows(report):
        for one in row.members:
            for keys, place in _places(row, one):
                yield _Step(one.node, keys, place, row.change, one.after)
            for effect in one.effects:
                keys = _keys(effect.path)
                yield _Step(effect.node, keys, effect.path, effect.change, effect.after)


def _places(row: Finding, one: Member) -> t.Iterator[tuple[Keys, str]]:
    """Yield the places of a row on a node: several, where it stands for more than one."""
    if not one.places:
        yield row.keys, row.path
    for place in one.places:
        yield _keys(place), place


def _keys(place: str) -> Keys:
    """Return a place in its parts; none where they cannot be told apart."""
    try:
        return split(place)
    except UsageError:
        return ()


def _why_not(one: _Step) -> str:
    """Return why a change cannot be said as an operation; empty where it can."""
    keys = one.keys
    if one.kind is None:
        return "it is no change"
    if one.kind is Kind.NOT_OBSERVED:
        return "nobody looked there on both sides"
    if not keys or keys[0] == "nodes":
        return "it is no place in a snapshot"
    if any("*" in key for key in keys):
        return "several rows told as one"
    if keys[0] == "peers" and keys[-1] == "missing":
        return "entries of a peer that came or went are told in short"
    if keys[0] == "links" and keys[2:] == ("addresses",):
        return "an address that was replaced: the rest of its row is not in the report"
    if one.kind is not Kind.REMOVED and one.after is None:
        return "its value is not in the report"
    return ""


def _op(one: _Step) -> dict[str, t.Any]:
    pointer = "".join(f"/{key.replace('~', '~0').replace('/', '~1')}" for key in one.keys)
    if one.kind is Kind.REMOVED:
        return {"op": "remove", "path": pointer}
    verb = "add" if one.kind is Kind.ADDED else "replace"
    return {"op": verb, "path": pointer, "value": _plain(one.after)}


def _plain(value: t.Any) -> t.Any:
    """Return a value as JSON has it; rows of a file are mappings of their own."""
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, (list, tuple)) else value
