"""A node that is another machine now, one that had another name: told once, with all of it below.

Two folders swapped, an inventory with two names exchanged, one node gathered twice: every value of
the node is that of the other one, and none of them changed.
"""

from __future__ import annotations

import typing as t
from collections import Counter, defaultdict
from dataclasses import replace

from snapdiff import roles
from snapdiff.below import BREAKS, WAS
from snapdiff.drift import MACHINE, Drift
from snapdiff.errors import SnapdiffError
from snapdiff.model import Kind, Severity

if t.TYPE_CHECKING:
    from collections.abc import Iterable

    from snapdiff.model import Change
    from snapdiff.store import Side


def with_machines(drifts: Iterable[Drift], before: Side, after: Side) -> list[Drift]:
    """Return the drifts of all nodes with those of an exchanged machine below its id."""
    given = list(drifts)
    moved = {
        one.change.node: one
        for one in given
        if one.change.path == MACHINE and one.change.kind is Kind.CHANGED
    }
    if not moved:
        return given
    was, now = _machines(before), _machines(after)
    given_to = Counter(was.values())  # machines made of one image are not told apart by it
    names = {machine: node for node, machine in was.items() if given_to[machine] == 1}
    elsewhere = {one.change.node for one in given if any(map(_is_its_address, one.changes))}
    below: dict[str, list[Drift]] = defaultdict(list)
    kept: list[Drift] = []
    for one in given:
        node = one.change.node
        known = node in elsewhere and node in moved and moved[node].change.after in names
        if known and one is not moved[node] and one.severity > Severity.INFO and not one.breach:
            below[node].append(one)
        else:
            kept.append(one)
    return [
        _with(one, below[one.change.node], names, now) if moved.get(one.change.node) is one else one
        for one in kept
    ]


def _with(one: Drift, rest: list[Drift], names: dict[str, str], now: dict[str, str]) -> Drift:
    change = one.change
    other = names.get(change.after)
    if other is None or other == change.node:
        return one
    twice = f", and {other} still is" if now.get(other) == change.after else ""
    broken = [text for each in rest for text in each.evidence if text.startswith(f"{BREAKS} ")]
    return replace(
        one,
        evidence=(f"{change.node} {WAS} {other}{twice}", *one.evidence, *broken),
        effects=(*one.effects, *(effect for each in rest for effect in each.changes)),
    )


def _is_its_address(change: Change) -> bool:
    """Say whether a node is somewhere else now: a copied machine id alone is no other machine."""
    return change.role == roles.UNDERLAY and change.path[2:3] == ("addresses",)


def _machines(side: Side) -> dict[str, str]:
    """Return the machine id of each node that has one."""
    found = {}
    for node in side.paths:
        try:
            machine = side.snapshot(node)["host"].get("machine_id")
        except SnapdiffError:
            continue
        if machine:
            found[node] = machine
    return found
