"""What befell several peers, routes or policy rules of a node alike, as one row."""

from __future__ import annotations

import json
import typing as t
from collections import defaultdict
from dataclasses import replace

from snapdiff.join import as_peer
from snapdiff.wording import named

if t.TYPE_CHECKING:
    from collections.abc import Iterable

    from snapdiff.drift import Drift


def fold_rows(drifts: Iterable[Drift]) -> list[Drift]:
    """Make one of what befell several rows of a table alike: 5,000 are one event."""
    groups: dict[str, list[Drift]] = defaultdict(list)
    kept: list[Drift] = []
    for one in drifts:
        change, path = one.change, as_peer(one.change.path)
        whole = len(path) == 2
        hop = path[0] == "routes" and path[2:] == ("gateway",) and "default" not in path[1].split()
        over = path[0] == "routes" and path[2:] == ("dev",)
        if path[0] == "peers" or (path[0] in ("routes", "rules") and whole) or hop or over:
            values = None if whole or hop else (change.before, change.after)
            above = change.path[: len(change.path) - len(path) + 1]
            like = [change.node, above, path[2:], change.kind, change.dev, values]
            groups[json.dumps(like, sort_keys=True)].append(one)
        else:
            kept.append(one)
    for group in groups.values():
        kept.append(_one_row(group) if len(group) > 1 else group[0])
    return kept


def _one_row(group: list[Drift]) -> Drift:
    """Return one drift for those of several rows of a node, as bad as the worst of them."""
    first = group[0].change
    section, *rest = as_peer(first.path)
    above, whole = first.path[: -len(rest)], len(rest) == 1
    names = sorted(one.change.path[len(above)] for one in group)
    same = all(
        (one.change.before, one.change.after) == (first.before, first.after) for one in group
    )
    change = replace(
        first,
        path=(*above, "*", *rest[1:]),
        before=None if whole or not same else first.before,
        after=None if whole or not same else first.after,
        why=f"{len(names)} {section}: {named(names)}",
    )
    return replace(
        group[0],
        change=change,
        severity=max(one.severity for one in group),
        evidence=tuple(dict.fromkeys(text for one in group for text in one.evidence)),
        effects=tuple(effect for one in group for effect in one.effects),
        places=tuple(sorted(one.change.place for one in group)),
        shape=(),
    )
