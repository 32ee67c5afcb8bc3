"""Selectors in, report out: what the commands and the module ``drift_info`` both do.

Each assesses what the selectors name, takes out what is accepted, says how old the rest is, and
judges it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from snapdiff.acceptance import Acceptance, read_acceptances, with_acceptances
from snapdiff.assess import Progress, assess_diff
from snapdiff.baseline import readable
from snapdiff.check import assess_check
from snapdiff.contract import Contract
from snapdiff.errors import UsageError
from snapdiff.excuse import excused
from snapdiff.followers import courses_of
from snapdiff.forecast import assess_plan
from snapdiff.ledger import Night, nights
from snapdiff.life import with_lives
from snapdiff.model import Input, Report
from snapdiff.outliers import assess_outliers
from snapdiff.policy import Site
from snapdiff.refs import select
from snapdiff.selection import chosen
from snapdiff.store import CAPTURE, Side, Store, stamp
from snapdiff.verdict import Policy, judged

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from snapdiff.plan import Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What a cluster's folder remembers: what was accepted, and the nights before a capture."""

    acceptances: tuple[Acceptance, ...] = ()
    before: tuple[Night, ...] = ()


def past_of(store: Store, cluster: str, capture: str) -> Past:
    """Return what was accepted and what nights there were before a capture of the store.

    Of loose files there are none.
    """
    if not CAPTURE.match(capture):
        return Past()
    folder = store.cluster_folder(cluster)
    return Past(acceptances=read_acceptances(folder), before=tuple(nights(folder, before=capture)))


def compare_captures(
    before: str,
    after: str,
    *,
    store: Store,
    cluster: str,
    policy: Policy,
    now: datetime,
    site: Site | None = None,
    plan: Plan | None = None,
    so_far: Sequence[str] = (),
    past: Past | None = None,
    progress: Progress | None = None,
) -> Report:
    """Return the report on what changed between two captures, each named by a selector.

    *now* is when the report is made, and what ``@yesterday`` counts from. *site* has the rules that
    are asked for what newly breaks. *so_far* names the nodes where the *plan* is due by now,
    without it all. *past* is that of the later capture, None: read it. Raises UsageError for a
    selector that names nothing, UnreadableError for a capture that cannot be read.
    """
    sides = [select(ref, store, cluster, now=now) for ref in (before, after)]
    if Path(sides[0].capture.place).resolve() == Path(sides[1].capture.place).resolve():
        raise UsageError(f"{before} and {after} are the same: {sides[0].capture.place}")
    contract = None
    if plan is not None:
        rows = {**sides[0].capture.nodes, **sides[1].capture.nodes}.values()
        contract = Contract(plan, chosen(so_far, rows, "--so-far") if so_far else None)
    report = assess_diff(
        *sides,
        cluster=sides[1].capture.cluster or cluster,
        policy=policy,
        contract=contract,
        site=site,
        today=now.date(),
        progress=progress,
    )
    refs = tuple(zip((before, after), sides, strict=True))
    if plan is not None:
        report = replace(report, courses=courses_of(plan, sides[0], sides[1], store))
    return _finished(report, refs, store=store, policy=policy, now=now, past=past)


def check_plan(
    ref: str, plan: Plan, *, store: Store, cluster: str, policy: Policy, now: datetime
) -> Report:
    """Return the report on what a plan would change in a capture, and what of it does not fit.

    What nobody looked at makes it one not to be trusted, whatever the policy says.
    """
    side = select(ref, store, cluster, now=now)
    report = assess_plan(plan, side, cluster=side.capture.cluster or cluster)
    strict = replace(policy, strict=True)
    return replace(judged(report, strict), inputs=(_input(ref, side),), made_at=stamp(now))


def check_capture(
    ref: str,
    *,
    store: Store,
    cluster: str,
    policy: Policy,
    now: datetime,
    site: Site | None = None,
    plan: Plan | None = None,
    past: Past | None = None,
    progress: Progress | None = None,
) -> Report:
    """Return the report on what in one capture, named by a selector, breaks a rule.

    What the *plan* of a change that is going on allows to be broken is info. *past* is that of the
    capture, None: read it.
    """
    side = select(ref, store, cluster, now=now)
    report = assess_check(
        side,
        cluster=side.capture.cluster or cluster,
        policy=policy,
        site=site,
        today=now.date(),
        progress=progress,
    )
    if plan is not None:
        report = excused(report, plan, (site or Site()).everything())
    return _finished(report, ((ref, side),), store=store, policy=policy, now=now, past=past)


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


def _finished(
    report: Report,
    refs: tuple[tuple[str, Side], ...],
    *,
    store: Store,
    policy: Policy,
    now: datetime,
    past: Past | None,
) -> Report:
    """Take out what is accepted, say how old the rest is, and judge it.

    Nights tell of rules, and of drift from a baseline: a change between two other captures is no
    state that lasts, and has no age.
    """
    capture = refs[-1][1].capture
    past = past or past_of(store, report.cluster, capture.name if capture.started_at else "")
    report = with_acceptances(report, past.acceptances, now.date())
    if len(refs) == 1 or (past.before and _is_baseline(refs[0][1], store, report.cluster)):
        report = with_lives(report, past.before)
    lost = tuple(one.unreadable for one in past.before if one.unreadable)
    return replace(
        judged(report, policy),
        inputs=tuple(_input(ref, side) for ref, side in refs),
        made_at=stamp(now),
        notes=(*report.notes, *lost),
    )


def _is_baseline(side: Side, store: Store, cluster: str) -> bool:
    known = readable(store.cluster_folder(cluster))[0].values()
    return side.capture.name in {one.capture for one in known}


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
