"""What a night comes to: its reports, what it adds to the lives of findings, what to tell of it."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, replace
from pathlib import Path

from snapdiff.acceptance import read_acceptances
from snapdiff.baseline import DEFAULT, readable
from snapdiff.compare import Past, check_capture, compare_captures
from snapdiff.errors import ExitCode, SnapdiffError, UsageError
from snapdiff.ledger import Night, night_of, nights
from snapdiff.life import with_lives
from snapdiff.news import news
from snapdiff.refs import select
from snapdiff.store import is_capture, order_of

if t.TYPE_CHECKING:
    from datetime import datetime

    from snapdiff.model import Report
    from snapdiff.news import Row
    from snapdiff.policy import Site
    from snapdiff.store import Store
    from snapdiff.verdict import Policy

CHECK = "check"
SINCE_LAST = "since-last"
SINCE_BASELINE = "since-baseline"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcomes:
    """The reports of a night by name, what it is, and what of it is news."""

    reports: t.Mapping[str, Report]
    failed: t.Mapping[str, str]  # reports that could not be made, and why
    night: Night  # with the kinds of notice that were told of it until now
    rows: tuple[Row, ...]

    @property
    def exit_code(self) -> int:
        """Return the worst code of what counts: 1 over 3 over 0; a failed report is 3.

        What differs from the night before counts where there is no baseline to hold it against.
        """
        based = any(name.startswith(SINCE_BASELINE) for name in self.reports)
        codes = {
            one.exit_code
            for name, one in self.reports.items()
            if not (name == SINCE_LAST and based)
        }
        if self.failed:
            codes.add(int(ExitCode.UNTRUSTED))
        order = (ExitCode.FINDINGS, ExitCode.UNTRUSTED, ExitCode.UNREADABLE)
        return next((int(one) for one in order if one in codes), int(ExitCode.CLEAN))


def outcomes_of(
    ref: str,
    *,
    store: Store,
    cluster: str,
    policy: Policy,
    site: Site,
    now: datetime,
    digest: str,
) -> Outcomes:
    """Return what a capture comes to. It is pure but for reading: nothing is written or sent.

    A comparison that cannot be made costs no other its report. Raises UsageError or
    UnreadableError where the capture itself cannot be read.
    """
    capture = select(ref, store, cluster, now=now).capture
    folder = store.cluster_folder(cluster)
    place = Path(capture.place)
    if not is_capture(place.name) or place.parent.resolve() != folder.resolve():
        raise UsageError(f"{place}: it is no capture of {folder}, so it is no night of that")
    given: dict[str, t.Any] = {
        "store": store,
        "cluster": cluster,
        "policy": policy,
        "site": site,
        "now": now,
    }
    written = nights(folder)
    before = [one for one in written if order_of(one.capture) < order_of(capture.name)]
    given["past"] = Past(acceptances=read_acceptances(folder), before=tuple(before))  # read once
    reports = {CHECK: check_capture(capture.place, **given)}
    there, broken = readable(folder)
    failed = {_since(name): str(error) for name, error in broken.items()}
    others = {SINCE_LAST: _last(capture.name, before, store, cluster)}
    others |= {
        _since(name): f"@baseline:{name}"
        for name, one in there.items()
        if one.capture != capture.name
    }
    for name, other in others.items():
        if not other:
            continue
        try:
            reports[name] = compare_captures(other, capture.place, **given)
        except SnapdiffError as error:
            failed[name] = str(error)
    based = [one for name, one in reports.items() if name.startswith(SINCE_BASELINE)]
    partly = [
        reports[_since(name)] for name, one in there.items() if one.on and _since(name) in reports
    ]
    blind = any(name.startswith(SINCE_BASELINE) for name in failed)
    night = night_of(
        capture,
        reports[CHECK],
        [one for one in based if one not in partly],
        partly=partly,
        before=before,
        rules=site.everything(),
        compared=bool(there) and not blind,
        now=now,
    )
    earlier = next((one for one in written if one.capture == capture.name and one.sent), None)
    rows = news(
        before if earlier is None else [*before, earlier],
        night,
        fail_on=policy.fail_on,
        changed=reports.get(SINCE_LAST) if earlier is None and not based else None,
        digest=digest,
    )
    if any(one.sent for one in written if order_of(one.capture) > order_of(capture.name)):
        rows = ()  # those who heard of a later night need not hear of this one
    reports[CHECK] = with_lives(reports[CHECK], before, night)
    if earlier is not None:
        night = replace(night, kinds=earlier.kinds)
    return Outcomes(reports=reports, failed=failed, night=night, rows=rows)


def _since(baseline: str) -> str:
    """Return what the report on the changes since a baseline is called."""
    return SINCE_BASELINE if baseline == DEFAULT else f"{SINCE_BASELINE}-{baseline}"


def _last(capture: str, before: t.Sequence[Night], store: Store, cluster: str) -> str:
    """Return the capture of the last night that saw a node and was told of, or the one before."""
    there = {path.name: str(path) for path in store.captures(cluster)}
    for night in reversed(before):
        if night.observed and night.sent and night.capture in there:
            return there[night.capture]
    names = list(there)
    place = names.index(capture) if capture in names else 0
    return there[names[place - 1]] if place else ""
