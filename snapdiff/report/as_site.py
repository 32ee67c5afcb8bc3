"""The pages that lead to reports: the captures of a cluster, and the clusters."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from snapdiff.model import Severity
from snapdiff.report.headline import headline, names_its_nodes, places, state_of
from snapdiff.report.page import fill
from snapdiff.report.pictures import picture_of_nights

if t.TYPE_CHECKING:
    from snapdiff.model import Report
    from snapdiff.story import Life, Moment

LISTED = 2000  # captures of a page
LIVES = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a report comes to in a line; *state* is one of ``headline.STATES``."""

    state: str
    sentence: str
    verdict: str
    counts: t.Mapping[str, int] = field(default_factory=dict)  # findings by severity


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A capture as a row; without a report *check* and *diff* are None, and *why* may say why."""

    capture: str
    folder: str  # relative to the page, as an address
    taken_at: str
    label: str = ""
    expected: int = 0
    observed: int = 0
    check: Told | None = None
    diff: Told | None = None
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """A cluster as a row; *folder* is an address."""

    name: str
    folder: str
    captures: int
    latest: str  # when its newest capture was taken
    told: Told | None = None


def told_of(report: Report) -> Told:
    """Return a report in a line."""
    state = state_of(report)
    sentence = f"{report.verdict[:1].upper()}{report.verdict[1:]}"
    first = report.findings[0] if report.findings else None
    if first is not None and first.severity > Severity.INFO:
        sentence = headline(first)
        if not names_its_nodes(first, sentence):
            sentence += f", on {places(first, report.coverage.comparable)}"
    counts = {
        one.word: sum(row.severity is one for row in report.findings) for one in reversed(Severity)
    }
    return Told(state=state, sentence=sentence, verdict=report.verdict, counts=counts)


def render_cluster(
    name: str,
    rows: t.Sequence[Shown],
    *,
    moments: tuple[Moment, ...],
    lives: t.Sequence[Life],
    made_at: str,
) -> str:
    """Return the page of a cluster; *rows* are its captures, the newest first."""
    return fill(
        "cluster.html.j2",
        cluster=name,
        rows=rows[:LISTED],
        number=len(rows),
        timeline=picture_of_nights(moments, tuple(lives)) if moments else None,
        lives=lives[:LIVES],
        more_lives=max(len(lives) - LIVES, 0),
        made_at=made_at,
    )


def render_clusters(rows: t.Sequence[Cluster], *, made_at: str) -> str:
    """Return the first page of a site."""
    return fill("clusters.html.j2", rows=rows, made_at=made_at)
