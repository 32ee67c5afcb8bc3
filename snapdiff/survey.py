"""A capture in, its maps out: the MTU of every hop, the mesh, and the chain of one node."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from snapdiff.check import assess_check
from snapdiff.maps import Maps
from snapdiff.model import Chain, Coverage, Input, Missing, Outcome, Report
from snapdiff.rules.fleet_view import Fleet
from snapdiff.rules.mesh import cells
from snapdiff.rules.view import look_at
from snapdiff.verdict import Policy

if t.TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

    from snapdiff.policy import Site
    from snapdiff.store import Side


def survey(
    side: Side, *, cluster: str, progress: Callable[[int, int], None] | None = None
) -> Report:
    """Return a report of nothing but ``mtus``, ``mesh`` and the coverage; no rule is asked."""
    maps, fleet = Maps(), Fleet()
    missing: list[Missing] = []
    nodes = side.capture.nodes
    config = ((side.cluster() or {}).get("flannel") or {}).get("config")
    for number, name in enumerate(sorted(nodes)):
        view = look_at(side, name, missing, config)
        if view is not None:
            maps.add(view)
            fleet.add(view)
        if progress:
            progress(number + 1, len(nodes))
    skipped = tuple(sorted(name for name, row in nodes.items() if row.outcome is Outcome.SKIPPED))
    fleet.missing = {one.node: one.why for one in missing}
    fleet.partial = bool(skipped)
    return Report(
        command="map",
        cluster=cluster,
        inputs=(
            Input(
                name=side.capture.name,
                place=side.capture.place,
                capture=side.capture.name,
                label=side.capture.label,
                limit=side.capture.limit,
                taken_at=side.capture.started_at,
            ),
        ),
        coverage=Coverage(
            expected=len(nodes) - len(skipped),
            observed=len(fleet.members),
            comparable=len(fleet.members),
            missing=tuple(missing),
            skipped=skipped,
        ),
        mtus=maps.mtus(),
        mesh=cells(fleet),
    )


def chain_of(side: Side, node: str, *, site: Site, today: date) -> Chain:
    """Return the chain of one node, with what the rules find on it by its own facts alone."""
    row, path = side.capture.nodes[node], side.paths[node]
    alone = replace(side, capture=replace(side.capture, nodes={node: row}), paths={node: path})
    found = assess_check(
        alone, cluster=side.capture.cluster, policy=Policy(), site=site, today=today
    )
    if not found.chains:
        return Chain(nodes=(node,), hops=())
    return found.chains[0]
