"""The report as Markdown for a comment on a pull request, and the summary of a build.

All text that is not ours stands in code, where nothing in it is markup, a mention or a link. The
page keeps below what GitHub takes, and says what it left out.
"""

from __future__ import annotations

import re
import typing as t
from collections import Counter

from snapdiff.model import Finding, Kind, Report, Severity
from snapdiff.report.flat import said
from snapdiff.report.safe import visible
from snapdiff.wording import word

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from snapdiff.report import Terminal

# GitHub takes 65,536 characters; these are bytes, so there is room for a line of one's own.
LIMIT = 60_000
SHARES = {  # how far the page may be filled by the end of a section
    "not seen": 8_000,
    "findings": 30_000,
    "planned": 36_000,
    "could not be told": 42_000,
    "reasons": 50_000,
    "accepted": 54_000,
    "side effects": 57_000,
    "churn": 59_000,
}
LONGEST = 200  # characters of one text
NAMED = 8  # nodes that are named before the rest is counted
SIGNS = {
    Kind.ADDED: "+",
    Kind.REMOVED: "-",
    Kind.CHANGED: "~",
    Kind.TYPE_CHANGED: "!",
    Kind.NOT_OBSERVED: "?",
}
CODES = {0: "clean", 1: "findings", 2: "unreadable", 3: "not to be trusted"}
PLAIN = re.compile(r"[^`|\s](?:[^`|]*[^`|\s])?")  # what a code span takes as it is, in a table too
OURS = re.compile(r"[A-Za-z0-9 ,;%()–-]*(?:\.[0-9]+[A-Za-z0-9 ,;%()–-]*)*")
MARKUP = re.compile(r"[^0-9A-Za-z /\x80-\U0010ffff-]")


class _Page:
    """Lines up to a size, and a count of what had no room."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.cut: Counter[str] = Counter()
        self._size = 0

    def write(self, *lines: str) -> None:
        self.lines.extend(lines)
        self._size += sum(len(line.encode()) + 1 for line in lines)

    def section(
        self, what: str, title: str, rows: Sequence[str], *, head: Sequence[str] = (), fold: bool
    ) -> None:
        """Write a section with as many rows as its share has room for; none without rows."""
        if not rows:
            return
        top = [f"<details><summary>{title}</summary>"] if fold else [f"**{title}**"]
        self.write("", *top, "", *head)
        for number, row in enumerate(rows):
            if self._size + len(row.encode()) + 1 > SHARES[what]:
                self.cut[what] = len(rows) - number
                self.write(*(["…"] if not head else []))
                break
            self.write(row)
        self.write(*(["", "</details>"] if fold else []))


def render(report: Report, terminal: Terminal) -> str:
    """Return the report as GitHub-Flavored Markdown of at most LIMIT bytes."""
    page = _Page()
    _head(page, report)
    missing = [f"- {code(one.node)}: {code(one.why)}" for one in report.coverage.missing]
    page.section("not seen", f"Not seen ({len(missing)})", missing, fold=False)
    table = ("| | place | what | nodes |", "|---|---|---|---|")
    rows = [_row(one) for one in report.findings]
    page.section("findings", f"Findings ({len(rows)})", rows, head=table, fold=False)
    page.section("planned", "Planned", list(_planned(report)), fold=False)
    unknown = list(_unknown(report))
    page.section("could not be told", f"Could not be told ({len(unknown)})", unknown, fold=False)
    reasons = [line for one in report.findings for line in _reasons(one)]
    page.section("reasons", "Why, and what to do", reasons, fold=True)
    waived = [
        f"- {_short(one.finding)}: {code(one.reason)}"
        + (f" until {code(one.until)}" if one.until else "")
        for one in report.waived
    ]
    page.section("accepted", f"Accepted by the site ({len(waived)})", waived, fold=True)
    effects = [f"- {_short(one)}" for one in report.side_effects]
    page.section("side effects", f"Side effects of the plan ({len(effects)})", effects, fold=True)
    churn = [
        f"- {code(one.node)} {code(one.what)} {code(f'{one.before} → {one.after}')}"
        for one in report.churn
    ]
    page.section("churn", f"Pod churn, as expected ({len(churn)})", churn, fold=True)
    if page.cut:
        told = ", ".join(f"{number} of {what}" for what, number in page.cut.items())
        page.write("", f"*Left out, for the size of a comment: {told}. `-o json` has all.*")
    return "\n".join(page.lines) + "\n"


def code(text: str, longest: int = LONGEST) -> str:
    """Return text as code, in which nothing is markup: not in a table, and not to GitHub."""
    shown = visible(text)
    if len(shown) > longest:
        shown = f"{shown[: longest - 1]}…"
    if PLAIN.fullmatch(shown):
        return f"`{shown}`"
    return f"<code>{MARKUP.sub(lambda match: f'&#{ord(match[0])};', shown)}</code>"


def words(text: str) -> str:
    """Return a sentence of ours as it is; as code, should it hold anything else."""
    return text if OURS.fullmatch(text) else code(text, 2_000)


def _head(page: _Page, report: Report) -> None:
    coverage = report.coverage
    page.write(f"### {code(report.cluster)} – snapdiff {words(report.command)}", "")
    page.write(
        f"**{words(report.verdict)}**" if OURS.fullmatch(report.verdict) else words(report.verdict),
        "",
    )
    sides = ("before", "after") if len(report.inputs) == 2 else ("capture",)
    for side, one in zip(sides, report.inputs, strict=False):
        label = f" ({code(one.label)})" if one.label else ""
        limit = f", limited to {code(one.limit)}" if one.limit else ""
        page.write(f"- {side}: {code(one.capture or one.place)}{label}{limit}")
    page.write(
        f"- nodes: {coverage.comparable} of {coverage.expected} could be looked at in full",
        f"- exit code: {_code(report)}"
        + ("" if report.trusted else "; **not to be trusted as a whole**"),
    )
    for what, nodes in (
        ("left out on purpose", coverage.skipped),
        ("links came and went while read", coverage.inconsistent),
    ):
        if nodes:
            page.write(f"- {what}: {_names(nodes)}")


def _code(report: Report) -> str:
    """Return the exit code in words; 0 is not "clean" where it only lets findings pass."""
    if report.exit_code == 0 and any(one.severity > Severity.INFO for one in report.findings):
        return "0"
    return f"{report.exit_code}, {CODES.get(report.exit_code, 'a failure')}"


def _names(nodes: Sequence[str]) -> str:
    shown = ", ".join(map(code, nodes[:NAMED]))
    rest = len(nodes) - NAMED
    return f"{shown} and {rest} more" if rest > 0 else shown


def _row(one: Finding) -> str:
    sign = f"{SIGNS[one.change]} " if one.change else ""
    values = {said(one, member) for member in one.members} or {one.message}
    shown = [code(text.removeprefix(one.path).strip() or text) for text in sorted(values)[:NAMED]]
    if len(values) > NAMED:
        shown.append(f"and {len(values) - NAMED} more")
    where = _names(one.nodes)
    if one.stragglers:
        where += f"; still {code(word(one.before))} on {_names(one.stragglers)}"
    age = f", {words(one.standing)}" if one.standing else ""
    return f"| {sign}{one.severity.word}{age} | {code(one.path)} | {'; '.join(shown)} | {where} |"


def _short(one: Finding) -> str:
    return f"{one.severity.word} {code(one.rule)} {code(one.message)} on {_names(one.nodes)}"


def _reasons(one: Finding) -> Iterable[str]:
    told = [code(text) for text in one.evidence]
    told.extend([f"do: {code(one.remedy, 400)}"] if one.remedy else [])
    if told:
        yield f"- {code(one.path)} (rule {code(one.rule)})"
        yield from (f"  - {text}" for text in told)


def _planned(report: Report) -> Iterable[str]:
    for one in report.planned:
        parts = [f"done on {len(one.done)}"]
        for what, lags in (("missing on", one.missing), ("nobody can say on", one.unknown)):
            if lags:
                parts.append(f"**{what}** {_names([lag.node for lag in lags])}")
        if one.waiting:
            parts.append(f"not due yet on {len(one.waiting)}")
        yield f"- {code(one.text)}: {', '.join(parts)}"


def _unknown(report: Report) -> Iterable[str]:
    for one in report.undecided:
        side = "" if one.side in ("both", "now") else f" {one.side}"
        rule = f"{code(one.rule)}: " if one.rule else ""
        where = f", on {_names(one.nodes)}" if one.nodes else ""
        yield f"- {rule}{code(one.path)}{side}: {code(one.why)}{where}"
