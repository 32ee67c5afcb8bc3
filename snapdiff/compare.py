"""Two selectors in, report out: what ``snapdiff diff`` and the module ``drift_info`` both do."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from snapdiff.assess import Progress, assess_diff
from snapdiff.check import assess_check
from snapdiff.errors import UsageError
from snapdiff.model import Input, Report
from snapdiff.outliers import assess_outliers
from snapdiff.refs import select
from snapdiff.store import Side, Store, stamp

if TYPE_CHECKING:
    from datetime import datetime

    from snapdiff.policy import Site
    from snapdiff.verdict import Policy


def compare_captures(
    before: str,
    after: str,
    *,
    store: Store,
    cluster: str,
    policy: Policy,
    now: datetime,
    progress: Progress | None = None,
) -> Report:
    """Return the report on what changed between two captures, each named by a selector.

    *now* is when the report is made, and what ``@yesterday`` counts from. Raises UsageError for a
    selector that names nothing, UnreadableError for a capture that cannot be read.
    """
    sides = [select(ref, store, cluster, now=now) for ref in (before, after)]
    if Path(sides[0].capture.place).resolve() == Path(sides[1].capture.place).resolve():
        raise UsageError(f"{before} and {after} are the same: {sides[0].capture.place}")
    report = assess_diff(
        *sides, cluster=sides[1].capture.cluster or cluster, policy=policy, progress=progress
    )
    refs = zip((before, after), sides, strict=True)
    return replace(
        report, inputs=tuple(_input(ref, side) for ref, side in refs), made_at=stamp(now)
    )


def check_capture(
    ref: str,
    *,
    store: Store,
    cluster: str,
    policy: Policy,
    now: datetime,
    site: Site | None = None,
    progress: Progress | None = None,
) -> Report:
    """Return the report on what in one capture, named by a selector, breaks a rule."""
    side = select(ref, store, cluster, now=now)
    report = assess_check(
        side,
        cluster=side.capture.cluster or cluster,
        policy=policy,
        site=site,
        today=now.date(),
        progress=progress,
    )
    return replace(report, inputs=(_input(ref, side),), made_at=stamp(now))


def compare_nodes(
    ref: str,
    *,
    store: Store,
    cluster: str,
    policy: Policy,
    now: datetime,
    by: str | None = None,
    reference: str | None = None,
    progress: Progress | None = None,
) -> Report:
    """Return the report on which nodes of one capture differ from the others.

    *by* compares within groups alone, *reference* names the node that is right.
    """
    side = select(ref, store, cluster, now=now)
    report = assess_outliers(
        side,
        cluster=side.capture.cluster or cluster,
        policy=policy,
        by=by,
        ref=reference,
        progress=progress,
    )
    return replace(report, inputs=(_input(ref, side),), made_at=stamp(now))


def _input(ref: str, side: Side) -> Input:
    capture = side.capture
    return Input(
        name=ref,
        place=capture.place,
        capture=capture.name if capture.started_at else "",
        label=capture.label,
        limit=capture.limit,
        taken_at=capture.started_at,
    )
