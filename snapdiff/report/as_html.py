"""The report as one page: the cause, where it is and what to type first, then all the rest.

The page has everything in it and loads nothing; it can be read with scripts off and on paper.
"""

from __future__ import annotations

import typing as t
from collections import defaultdict
from dataclasses import dataclass

from snapdiff.drift import word
from snapdiff.model import Severity
from snapdiff.report.headline import headline, names_its_nodes, places, since, state_of, where
from snapdiff.report.page import fill
from snapdiff.report.pictures import Picture, pictures_of
from snapdiff.report.steps import Step, again, steps_of

if t.TYPE_CHECKING:
    from snapdiff.model import Finding, Member, Report, Undecided
    from snapdiff.report import Terminal
    from snapdiff.story import Planned

CARDS = 150  # findings that are told in full
ROWS = 1000  # of a table
OPEN = 12  # names that stand open; more are folded away
NAMES = 900_000  # characters of names in a page, so that it stays under 2 MB
MARKUP = 16  # characters that a name takes beside its own
AT_MOST = 1500  # names in one list
MEMBERS = 200  # values by node of one finding
AT_LEAST = 20
EFFECTS = ("so ", "with it ", "and ", "breaks ")  # what evidence of a consequence begins with
HEADS = {"ok": "Clean", "unknown": "Not all is known", "warning": "Warning", "error": "Error"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """A list of names: those that stand open, those folded away, and how many were cut."""

    open: tuple[str, ...]
    folded: tuple[str, ...]
    more: int

    @property
    def number(self) -> int:
        """Return how many there are in all."""
        return len(self.open) + len(self.folded) + self.more


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One finding with all that is told of it; *anchor* is its place in the page."""

    anchor: str
    row: Finding
    title: str
    where: str
    nodes: Names
    stragglers: Names
    pairs: tuple[tuple[str, str], ...]  # what was before, is seen, was expected
    members: tuple[Member, ...]  # nodes with values of their own
    more_members: int
    since: str
    effects: tuple[str, ...]
    evidence: tuple[str, ...]
    steps: tuple[Step, ...]
    why: tuple[str, ...]  # paragraphs
    picture: Picture | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsaid:
    """Things that could not be told for one reason."""

    why: str
    side: str
    nodes: Names
    paths: Names
    rules: tuple[str, ...]


def render(report: Report, terminal: Terminal) -> str:
    """Return the page."""
    return page_of(report)


def page_of(report: Report, links: t.Sequence[tuple[str, str]] = ()) -> str:
    """Return the page, with *links* to others by word and relative address."""
    pictures = pictures_of(report)
    most = _most(report)
    cards = tuple(
        _card(row, report, f"finding-{number + 1}", pictures.beside.get(number), most)
        for number, row in enumerate(report.findings[:CARDS])
    )
    state = state_of(report)
    first = cards[0] if cards and state in ("error", "warning") else None
    if first and first.row.severity is Severity.INFO:  # stragglers of a plan, and no finding
        first = None
    return fill(
        "report.html.j2",
        report=report,
        links=links,
        state=state,
        head=HEADS[state],
        first=first,
        title=_title(report, first),
        again=again(report) if state == "unknown" and report.coverage.missing else (),
        cards=cards,
        rows=tuple(report.findings[:ROWS]),
        standing=any(row.standing for row in report.findings),
        pictures=pictures,
        missing=tuple(report.coverage.missing[:ROWS]),
        skipped=names(report.coverage.skipped, most),
        inconsistent=names(report.coverage.inconsistent, most),
        planned=tuple(_planned(one, most) for one in report.planned[:ROWS]),
        effects=tuple(
            _card(row, report, f"effect-{number + 1}", None, most)
            for number, row in enumerate(report.side_effects[:CARDS])
        ),
        waived=tuple((one, names(one.finding.nodes, most)) for one in report.waived[:ROWS]),
        unsaid=_unsaid(report.undecided, most),
        churn=tuple(report.churn[:ROWS]),
        lives=tuple(report.lives[:ROWS]),
        word=word,
        where=where,
        Severity=Severity,
        sides=("before", "after") if len(report.inputs) == 2 else ("",) * len(report.inputs),
    )


def _title(report: Report, first: Card | None) -> str:
    """Return the one sentence that is the page's heading."""
    if first is None:
        late = [one for one in report.planned if one.missing]
        if late:
            return f"Planned, and not done on {where_late(late)}: {late[0].text}"
        return f"{report.verdict[:1].upper()}{report.verdict[1:]}"
    if names_its_nodes(first.row, first.title):
        return first.title
    return f"{first.title}, on {places(first.row, report.coverage.comparable)}"


def where_late(late: t.Sequence[Planned]) -> str:
    """Name the stragglers of a plan's first line that has some."""
    shown = [one.node for one in late[0].missing]
    more = f" and {len(shown) - 3} more" if len(shown) > 3 else ""
    return f"{', '.join(shown[:3])}{more}"


def _most(report: Report) -> int:
    """Return how many names a list may have, for all lists together to stay within NAMES."""
    lists = 4 * len(report.findings[:CARDS]) + len(report.waived) + 4 * len(report.planned)
    lists += 2 * min(len(report.undecided), 300) + 3
    given = [name for row in report.findings[:CARDS] for name in row.nodes[:AT_LEAST]]
    longest = max(map(len, given), default=0)
    return max(AT_LEAST, min(AT_MOST, NAMES // (lists * (longest + MARKUP))))


def names(given: t.Sequence[str], most: int) -> Names:
    """Return a list of names cut to *most*; the first ones stand open."""
    return Names(
        open=tuple(given[:OPEN]),
        folded=tuple(given[OPEN:most]),
        more=max(len(given) - max(most, OPEN), 0),
    )


def _card(row: Finding, report: Report, anchor: str, picture: Picture | None, most: int) -> Card:
    own = len({(word(one.before), word(one.after)) for one in row.members}) > 1
    members = row.members if own else ()
    most_members = min(most, MEMBERS)
    effects = [one for one in row.evidence if one.startswith(EFFECTS)]
    return Card(
        anchor=anchor,
        row=row,
        title=headline(row),
        where=where(row, report.coverage.comparable),
        nodes=names(row.nodes, most),
        stragglers=names(row.stragglers, most),
        pairs=tuple(_pairs(row, own=own)),
        members=members[:most_members],
        more_members=max(len(members) - most_members, 0),
        since=since(row, report),
        effects=tuple(sorted(effects, key=lambda one: not one.startswith("breaks "))),
        evidence=tuple(one for one in row.evidence if one not in effects),
        steps=steps_of(row, report),
        why=tuple(" ".join(text.split()) for text in (row.why or "").split("\n\n") if text),
        picture=picture,
    )


def _pairs(row: Finding, *, own: bool) -> t.Iterator[tuple[str, str]]:
    if row.change is not None and row.after is None and row.before is None:
        return
    if row.change is not None:
        yield "Before", word(row.before)
        yield "After", word(row.after)
    elif row.after is not None and not own:
        yield "Seen", word(row.after)
    if row.expected is not None and not own:
        yield "Expected", word(row.expected)


def _planned(one: Planned, most: int) -> dict[str, t.Any]:
    return {
        "line": one,
        "done": names(one.done, most),
        "waiting": names(one.waiting, most),
        "missing": one.missing[:most],
        "unknown": one.unknown[:most],
        "more_missing": max(len(one.missing) - most, 0),
        "more_unknown": max(len(one.unknown) - most, 0),
    }


def _unsaid(rows: t.Sequence[Undecided], most: int) -> tuple[Unsaid, ...]:
    groups: dict[tuple[str, str, tuple[str, ...]], list[Undecided]] = defaultdict(list)
    for one in rows:
        groups[one.why, one.side, one.nodes].append(one)
    return tuple(
        Unsaid(
            why=why,
            side="" if side in ("both", "now") else side,
            nodes=names(nodes, most),
            paths=names(list(dict.fromkeys(one.path for one in some)), most),
            rules=tuple(sorted({one.rule for one in some if one.rule})),
        )
        for (why, side, nodes), some in groups.items()
    )
