"""What a night comes to: its reports, what it adds to the lives of findings, what to tell of it."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, replace

from snapdiff.baseline import DEFAULT, baselines
from snapdiff.compare import check_capture, compare_captures
from snapdiff.errors import ExitCode, SnapdiffError
from snapdiff.ledger import Night, night_of, nights
from snapdiff.life import with_lives
from snapdiff.news import kinds_of, news
from snapdiff.refs import select
from snapdiff.store import order_of

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
    night: Night  # with the kinds of notice that were told of it, or are to be
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
    given: dict[str, t.Any] = {"store": store, "cluster": cluster, "policy": policy, "now": now}
    reports = {CHECK: check_capture(capture.place, site=site, **given)}
    failed: dict[str, str] = {}
    written = nights(folder)
    before = [one for one in written if order_of(one.capture) < order_of(capture.name)]
    for name, other in _others(capture.name, before, store, cluster).items():
        try:
            reports[name] = compare_captures(other, capture.place, **given)
        except SnapdiffError as error:
            failed[name] = str(error)
    based = [one for name, one in reports.items() if name.startswith(SINCE_BASELINE)]
    blind = any(name.startswith(SINCE_BASELINE) for name in failed)
    night = night_of(
        capture,
        reports[CHECK],
        based,
        before=before,
        rules=site.everything(),
        compared=bool(baselines(folder)) and not blind,
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
    kinds = kinds_of(rows) if earlier is None else sorted({*earlier.kinds, *kinds_of(rows)})
    return Outcomes(
        reports=reports, failed=failed, night=replace(night, kinds=tuple(kinds)), rows=rows
    )


def _others(capture: str, before: t.Sequence[Night], store: Store, cluster: str) -> dict[str, str]:
    """Return what a capture is compared with, by the name of the report."""
    last = _last(capture, before, store, cluster)
    found = {SINCE_LAST: last} if last else {}
    for name, one in baselines(store.cluster_folder(cluster)).items():
        if one.capture != capture:
            ending = "" if name == DEFAULT else f"-{name}"
            found[f"{SINCE_BASELINE}{ending}"] = f"@baseline:{name}"
    return found


def _last(capture: str, before: t.Sequence[Night], store: Store, cluster: str) -> str:
    """Return the capture of the last night that saw a node and was told of, or the one before."""
    there = {path.name: str(path) for path in store.captures(cluster)}
    for night in reversed(before):
        if night.observed and night.sent and night.capture in there:
            return there[night.capture]
    names = list(there)
    place = names.index(capture) if capture in names else 0
    return there[names[place - 1]] if place else ""
