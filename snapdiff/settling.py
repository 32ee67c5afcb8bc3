"""Rest: captures one after another until two agree, for what is compared sooner still moves."""

from __future__ import annotations

import re
import time
import typing as t
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from snapdiff.compare import compare_captures
from snapdiff.errors import UsageError
from snapdiff.model import Report, Severity

if t.TYPE_CHECKING:
    from collections.abc import Callable

    from snapdiff.model import Capture
    from snapdiff.store import Store
    from snapdiff.verdict import Policy

SPAN = re.compile(r"([0-9]{1,6})(s|m|h)?")
UNITS = {"s": 1, "m": 60, "h": 3600, None: 1}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rest:
    """The last capture, and the report on what changed since the one before it."""

    capture: Capture
    report: Report
    within: str

    @property
    def settled(self) -> bool:
        """Say whether the two agree: nothing but pods came and went, and enough nodes were seen."""
        report = self.report
        moved = any(row.severity > Severity.INFO for row in report.findings)
        return not moved and not report.coverage.inconsistent and report.exit_code == 0

    @property
    def words(self) -> tuple[str, ...]:
        """Return what came of it, and below that what still moved."""
        if self.settled:
            return (f"settled: {self.capture.place}",)
        rows = [f"  {row.message} on {', '.join(row.nodes[:6])}" for row in self.report.findings]
        return (f"not settled within {self.within}: {self.report.verdict}", *rows)


def settle(
    take: Callable[[], Capture],
    *,
    store: Store,
    cluster: str,
    policy: Policy,
    within: str,
    pause: str,
) -> Rest:
    """Take captures, *pause* between two, until two agree or the time is up: two at the least.

    *within* and *pause* are as 30s, 5m or 1h. Raises UsageError where they are not, and what
    *take* raises.
    """
    end = time.monotonic() + seconds_of(within, "--within")
    pause_seconds = seconds_of(pause, "--pause")
    still = replace(policy, grace=0.0)
    last = take()
    while True:
        time.sleep(pause_seconds)
        capture = take()
        report = compare_captures(
            last.place,
            capture.place,
            store=store,
            cluster=cluster,
            policy=still,
            now=datetime.now(UTC),
        )
        rest = Rest(capture=capture, report=report, within=within)
        if rest.settled or time.monotonic() + pause_seconds >= end:
            return rest
        last = capture


def seconds_of(word: str, option: str) -> int:
    """Return a time span, as 30s or 5m, in seconds. Raises UsageError for what is none."""
    found = SPAN.fullmatch(word)
    if found is None:
        raise UsageError(f"{option} {word}: it takes a time span, as 30s, 5m or 1h")
    return int(found[1]) * UNITS[found[2]]
