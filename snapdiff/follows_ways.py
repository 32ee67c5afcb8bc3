"""Which route, or policy rule, came or went with which rule or link."""

from __future__ import annotations

import typing as t

if t.TYPE_CHECKING:
    from snapdiff.model import Change
    from snapdiff.scene import Scene

KERNELS_TABLES = ("main", "local", "default")


def route_of_rule(change: Change, scene: Scene) -> Change | None:
    """Find the policy rule that came or went with the table that it looks up."""
    if change.path[0] != "routes" or len(change.path) != 2:
        return None
    table = (change.before or change.after).get("table")
    if table in KERNELS_TABLES:
        return None
    for one in scene.under("rules"):
        row = one.before or one.after
        if len(one.path) == 2 and one.kind is change.kind and row.get("table") == table:
            return one
    return None


def rule_of_link(change: Change, scene: Scene) -> Change | None:
    """Find the link that came or went with the routes of the table that a policy rule looks up."""
    if change.path[0] != "rules" or len(change.path) != 2:
        return None
    table = (change.before or change.after).get("table")
    if table is None or table in KERNELS_TABLES:
        return None
    for one in scene.under("routes"):
        row = one.before or one.after
        if len(one.path) == 2 and one.kind is change.kind and row.get("table") == table:
            link = scene.at("links", str(row.get("dev")))
            if link is not None and link.kind is change.kind:
                return link
    return None
