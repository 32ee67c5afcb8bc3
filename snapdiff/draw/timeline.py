"""The nights of a story: findings by severity with what was seen of the fleet, and each one's life.

A night on which few nodes were seen looks calm, so the coverage stands beside every bar.
"""

from __future__ import annotations

import typing as t
from collections import Counter

from snapdiff.draw.glyphs import cells, fit, folded, pad, plural
from snapdiff.draw.lives import svg_of_lives
from snapdiff.draw.marks import MARKS, SEVERITIES, label_of, rank
from snapdiff.draw.moments import whens
from snapdiff.draw.sheet import LINE, Sheet, wide
from snapdiff.safe import visible
from snapdiff.story import Sight

if t.TYPE_CHECKING:
    from snapdiff.story import Life, Moment

NIGHTS = 30  # that are drawn, the last ones
MOST = 20  # lives that are drawn, the worst ones first
COVER = 10  # cells of a bar of coverage
ACROSS = 1100  # of the picture, which a page shows without making it smaller
HIGH = 140  # of the tallest bar in the picture


def told(moments: tuple[Moment, ...], lives: tuple[Life, ...]) -> str:
    """Return the story in one to three sentences: the last night, and what it says of each."""
    if not moments:
        return "No night was written down."
    last = moments[-1]
    counts = [f"{last.by_severity.get(one, 0)} {one}" for one in SEVERITIES]
    said = [
        f"{plural(len(moments), 'night')}; on the last, {whens(moments)[-1]}, {', '.join(counts)} "
        f"with {last.observed} of {last.expected} nodes seen."
    ]
    if lives:
        sights = Counter(life.sight for life in lives)
        words = ", ".join(f"{sights[one]} {one.value}" for one in Sight if sights[one])
        said.append(f"Of {plural(len(lives), 'finding')}: {words}.")
    back = [life for life in lives if life.flaps]
    if back:
        worst = max(back, key=lambda life: life.flaps)
        said.append(f"{len(back)} came back, most often {worst.path} on {worst.node}.")
    return visible(" ".join(said))


def text(moments: tuple[Moment, ...], lives: tuple[Life, ...], width: int) -> list[str]:
    """Return a line for each night with a letter for each finding, then one for each life."""
    if not moments:
        return list(folded(told(moments, lives), width))
    shown, heads = moments[-NIGHTS:], whens(moments)[-NIGHTS:]
    head = max(map(len, heads))
    seen = [f"{one.observed}/{one.expected}" for one in shown]
    count = max(map(len, seen))
    bar = COVER if width >= 56 else 0
    room = max(width - head - count - bar - (8 if bar else 4), 4)
    each = _scale(shown, room)
    lines = []
    for one, name, words in zip(shown, heads, seen, strict=True):
        cover = f"  {_cover(one)}" if bar else ""
        lines.append(
            fit(f"{pad(name, head)}  {words:>{count}}{cover}  {_letters(one, each)}", width)
        )
    scale = f"; a letter is up to {each} findings" if each > 1 else ""
    key = f"seen/expected nodes; E error, W warning, I info, a accepted{scale}"
    before = len(moments) - len(shown)
    more = [f"{plural(before, 'night')} before not drawn"] if before else []
    lines += [line for one in (key, *more) for line in folded(one, width)]
    return [line.rstrip() for line in (*lines, *_lives(moments, lives, width))]


def _scale(moments: tuple[Moment, ...], room: int) -> int:
    """Return how many findings a letter stands for, so that the worst night fits."""
    each = 1
    while max(len(_letters(one, each)) for one in moments) > room and each < 1 << 30:
        each += max(each // 4, 1)
    return each


def _letters(moment: Moment, each: int) -> str:
    counts = [(one[0].upper(), moment.by_severity.get(one, 0)) for one in SEVERITIES]
    found = "".join(
        letter * -(-number // each) for letter, number in (*counts, ("a", moment.accepted))
    )
    if found:
        return found
    return "none" if moment.observed >= moment.expected > 0 else "none seen"


def _cover(moment: Moment) -> str:
    full = _share(moment, COVER)
    return "█" * full + "░" * (COVER - full)


def _share(moment: Moment, most: int) -> int:
    """Return coverage as a part of *most*: whole only where all was seen, 0 only where nothing."""
    if not moment.expected or not moment.observed:
        return 0
    if moment.observed >= moment.expected:
        return most
    return min(max(most * moment.observed // moment.expected, 1), most - 1)


def _lives(moments: tuple[Moment, ...], lives: tuple[Life, ...], width: int) -> list[str]:
    if not lives:
        return []
    rows = sorted(lives, key=rank)
    nights = min(len(moments), NIGHTS, max(width // 2, 1))
    room = width - nights - 2
    label = min(max(cells(label_of(life)) for life in rows[:MOST]), room)
    lines = ["", fit("findings, oldest night first", width)]
    for life in rows[:MOST]:
        marks = "".join(MARKS[one].sign for one in life.sights[-nights:])
        lines.append(f"{pad(label_of(life), label)}  {marks.rjust(nights)}")
    if len(rows) > MOST:
        lines.append(f"and {plural(len(rows) - MOST, 'more finding')}")
    key = "; ".join(f"{one.sign} {sight.value}" for sight, one in MARKS.items())
    return [*lines, *folded(key, width)]


def svg(moments: tuple[Moment, ...], lives: tuple[Life, ...], key: str) -> str:
    """Return the nights and the lives as one inline picture; *key* makes its ids its own."""
    sheet = Sheet(key, "Findings night by night", told(moments, lives))
    if not moments:
        sheet.text(10, 22, told(moments, lives))
        return sheet.done(20 + wide(told(moments, lives)), 36)
    shown, heads = moments[-NIGHTS:], whens(moments)[-NIGHTS:]
    rows = sorted(lives, key=rank)[:MOST]
    side = max([wide("seen/expected"), *(min(wide(label_of(life)), 380) for life in rows)]) + 20
    widest = max(wide(f"{one.observed}/{one.expected}") for one in shown)
    step = max(40.0, widest + 10, max(map(wide, heads)) + 10)
    room = max(int((ACROSS - side) / step), 2)
    shown, heads = shown[-room:], heads[-room:]
    xs = [side + number * step for number in range(len(shown))]
    most = max(1, *(sum(one.by_severity.values()) + one.accepted for one in shown))
    for one, head, x in zip(shown, heads, xs, strict=True):
        _night(sheet, one, x, step - 8, most)
        sheet.text(x + step / 2 - 4, HIGH + 86, head, "soft", anchor="middle")
    foot = HIGH + 30
    for at, words in ((foot, "findings"), (foot + 20, "coverage"), (foot + 37, "seen/expected")):
        sheet.text(10, at, words, "soft")
    right, y = xs[-1] + step, HIGH + 94.0
    if rows:
        y = svg_of_lives(sheet, rows, (side, step, len(shown)), y)
    before, rest = len(moments) - len(shown), len(lives) - len(rows)
    for number, words in ((before, "night"), (rest, "finding")):
        if number:
            y += LINE
            sheet.text(10, y, f"and {plural(number, f'more {words}')} not drawn", "soft")
    for line in folded("E error, W warning, I info, a accepted, each with its number", 60):
        y += LINE
        sheet.text(10, y, line, "soft")
        right = max(right, 20 + wide(line))
    return sheet.done(max(right, 250) + 10, y + 10)


def _night(sheet: Sheet, moment: Moment, x: float, across: float, most: int) -> None:
    """Draw a bar of a night from its foot up, and what was seen below it."""
    foot = HIGH + 34.0
    y = foot
    parts = [(one, one[0].upper(), moment.by_severity.get(one, 0)) for one in reversed(SEVERITIES)]
    for kind, letter, number in (("unseen", "a", moment.accepted), *parts):
        if not number:
            continue
        high = max(HIGH * number / most, 2.0)
        y -= high
        tip = f"{number} {'accepted' if letter == 'a' else kind}"
        sheet.rect(x, y, across, high, f"box {kind}", tip=tip)
        sheet.rect(x + 2, y + 1, 8, max(high - 2, 1), "wash", fill=sheet.hatch(kind))
        if high >= 15:
            sheet.text(x + 14, y + high / 2 + 4, f"{letter}{number}")
    if y == foot:
        sheet.line([(x, foot), (x + across, foot)], "rail")
    share = across * _share(moment, 100) / 100
    sheet.rect(x, foot + 6, across, 12, "box unseen")
    if share:
        sheet.rect(x, foot + 6, share, 12, "box good")
    words = f"{moment.observed}/{moment.expected}"
    strong = "strong" if moment.observed < moment.expected else ""
    sheet.text(x + across / 2, foot + 34, words, strong, anchor="middle")
