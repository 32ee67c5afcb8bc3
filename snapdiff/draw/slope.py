"""The slope of an upgrade: a line for each group of nodes, from the old value to the one wanted.

Nodes whose value took the same course are one line; who is not where a plan wants all to be, is
marked and named.
"""

from __future__ import annotations

import typing as t
from collections import Counter

from snapdiff.draw.course import State, batches, kept_of, lines_of, moved_at, state, value_at
from snapdiff.draw.glyphs import cells, fit, folded, names, pad, plural
from snapdiff.draw.moments import whens
from snapdiff.draw.sheet import LINE, Sheet, cut, wide
from snapdiff.safe import visible

if t.TYPE_CHECKING:
    from collections.abc import Sequence

    from snapdiff.story import Course, Followers

MOST = 16  # lines that are drawn
NIGHTS = 12  # moments that the picture has room for
NAMED = 3
WORD = 18  # cells of a value
SIGNS = {State.DONE: "✓", State.LATE: "✗", State.UNSEEN: "?", State.OTHER: "·"}


def told(course: Course) -> str:
    """Return the course in one to three sentences: how many are there, who is not."""
    count: Counter[State] = Counter()
    for row in course.rows:
        count[state(row, course.wanted)] += len(row.nodes)
    every = plural(sum(count.values()), "node")
    over = plural(len(course.moments), "capture")
    if not course.wanted:
        ends = Counter[str]()
        for row in course.rows:
            ends[row.values[-1] if row.values else "?"] += len(row.nodes)
        last = ", ".join(f"{value or '?'} on {number}" for value, number in ends.most_common(4))
        return visible(f"{course.path} of {every} over {over}. At the end: {last or 'nothing'}.")
    said = [f"{course.path} of {every} over {over}: {count[State.DONE]} have {course.wanted}."]
    for which, words in ((State.LATE, "Not yet"), (State.UNSEEN, "Nobody could tell on")):
        late = [
            f"{names(row.nodes, NAMED)}{f' ({row.values[-1]})' if which is State.LATE else ''}"
            for row in course.rows
            if state(row, course.wanted) is which
        ]
        if late:
            more = f" and {len(late) - 3} more groups" if len(late) > 3 else ""
            said.append(f"{words}: {', '.join(late[:3])}{more}.".replace("on:", "on"))
    return visible(" ".join(said))


def text(course: Course, width: int) -> list[str]:
    """Return a line for each group of nodes: its values from moment to moment, changes as arrows.

    Where *width* has no room for all moments, the first and the last ones are drawn.
    """
    rows = lines_of(course)
    head = f"{course.path}, wanted {course.wanted}" if course.wanted else course.path
    lines = list(folded(head, width))
    if not rows or not course.moments:
        return [*lines, *folded(told(course), width)]
    every = range(len(course.moments))
    label = min(max(cells(_label(row, course)) for row in rows[:MOST]), max(width // 3, 8))
    size = min(max([cells(value_at(row, at)) for row in rows for at in every] or [1]), WORD)
    heads = whens(course.moments)
    size = max(size, *map(cells, heads))
    count = (width - label - 2 + 5) // (size + 5)
    if count < 2:
        return [*lines, *_list(rows[:MOST], course, width), *_notes(course, rows, 0, width)]
    kept = kept_of(len(course.moments), count)
    line = "     ".join(pad(heads[at], size) for at in kept)
    lines.append(fit(f"{' ' * label}  {line}", width))
    for row in rows[:MOST]:
        lines.append(f"{pad(_label(row, course), label)}  {_course(row, kept, size)}")
    hidden = len(course.moments) - len(kept)
    return [line.rstrip() for line in (*lines, *_notes(course, rows, hidden, width))]


def _label(row: Followers, course: Course) -> str:
    sign = SIGNS[state(row, course.wanted)]
    most = NAMED if len(row.nodes) <= NAMED else 1
    more = f" … ×{len(row.nodes)}" if len(row.nodes) > NAMED else ""
    return f"{sign} {names(row.nodes[:most], most)}{more}"


def _course(row: Followers, kept: list[int], size: int) -> str:
    found, last = "", ""
    for number, at in enumerate(kept):
        value = value_at(row, at)
        shown = fit(value, size)
        if number:
            dash = "╌" if "?" in (value, last) else "─"
            tip = "▶" if value != last and dash == "─" else dash
            room = size - cells(fit(last, size))
            found += f" {dash * (room + 2)}{tip} "
        found, last = found + shown, value
    return found


def _list(rows: list[Followers], course: Course, width: int) -> list[str]:
    lines: list[str] = []
    for row in rows:
        lines += folded(_label(row, course), width)
        values = [value_at(row, at) for at in range(len(course.moments))]
        steps = [value for at, value in enumerate(values) if not at or value != values[at - 1]]
        lines += [f"  {line}" for line in folded(" ─▶ ".join(steps), max(width - 2, 1))]
    return lines


def _notes(course: Course, rows: list[Followers], hidden: int, width: int) -> list[str]:
    found = [
        f"{when}: {plural(number, 'node')}"
        for when, number in zip(whens(course.moments), batches(course), strict=True)
        if number
    ]
    said = [f"batches  {', '.join(found)}"] if found else []
    if hidden:
        said.append(f"{plural(hidden, 'capture')} in between not drawn")
    said += _cut(rows)
    used = {state(row, course.wanted) for row in rows}
    words = {
        State.DONE: "✓ has it",
        State.LATE: "✗ straggler",
        State.UNSEEN: "? not observed",
    }
    key = "; ".join(word for one, word in words.items() if one in used)
    return [line for one in (*said, key) if one for line in folded(one, width)]


def _cut(rows: list[Followers]) -> list[str]:
    rest = rows[MOST:]
    count = sum(len(row.nodes) for row in rest)
    return [f"and {plural(count, 'more node')} on {plural(len(rest), 'line')}"] if rest else []


def svg(course: Course, key: str) -> str:
    """Return the slopes as one inline picture; *key* makes its ids its own."""
    sheet = Sheet(key, f"Course of {course.path}", told(course))
    rows = lines_of(course)[:MOST]
    kept = kept_of(len(course.moments), NIGHTS)
    if not rows or not kept:
        sheet.text(10, 22, cut(told(course), 600))
        return sheet.done(620, 36)
    wanted = visible(course.wanted)
    levels = _levels(rows, kept, wanted)
    side = min(max(wide(f"{value} wanted") for value in levels), 200)
    heads = whens(course.moments)
    step = max(90.0, max(wide(heads[at]) for at in kept) + 20)
    xs = [30 + side + number * step for number in range(len(kept))]
    low = _bands(sheet, levels, wanted, side, xs)
    _moments(sheet, [heads[at] for at in kept], _steps(course, kept), xs, low)
    right = xs[-1] + 20
    for row in rows:
        right = max(right, _row(sheet, row, course, kept, xs, levels))
    y = low + 2 * LINE + 12
    hidden = len(course.moments) - len(kept)
    more = [f"{plural(hidden, 'capture')} in between not drawn"] if hidden else []
    for line in (*more, *_cut(lines_of(course))):
        y += LINE
        sheet.text(10, y, line, "soft")
        right = max(right, 10 + wide(line))
    return sheet.done(right + 10, y + 8)


def _levels(rows: Sequence[Followers], kept: list[int], wanted: str) -> dict[str, list[Followers]]:
    """Return each value with the lines that ever have it, from the highest down.

    Who leaves a value first lies next to where it goes, so that lines cross little.
    """
    found: dict[str, list[Followers]] = {wanted: []} if wanted else {}
    falls = wanted and any(_rank(value_at(row, 0)) < _rank(wanted) for row in rows)
    never = len(rows[0].values)
    order = sorted(rows, key=lambda row: (moved_at(row) or [never])[-1], reverse=bool(falls))
    for row in order:
        for at in kept:
            value = value_at(row, at)
            lines = found.setdefault(value, [])
            if row not in lines:
                lines.append(row)
    return dict(sorted(found.items(), key=lambda one: _rank(one[0])))


def _rank(value: str) -> tuple[t.Any, ...]:
    number = value.isdigit() and value.isascii()
    return (value == "?", not number, -int(value[:15]) if number else 0, value)


def _top(levels: dict[str, list[Followers]], value: str) -> float:
    y = 14.0
    for one, lines in levels.items():
        if one == value:
            break
        y += max(len(lines), 1) * 20 + 16
    return y


def _bands(
    sheet: Sheet, levels: dict[str, list[Followers]], wanted: str, side: float, xs: list[float]
) -> float:
    low = 0.0
    for value, lines in levels.items():
        y, high = _top(levels, value), max(len(lines), 1) * 20.0
        kind = "box good" if value == wanted else "box unseen" if value == "?" else "box"
        sheet.rect(10, y, xs[-1] - 4, high, kind, rx=3)
        room = side - (wide(" wanted") if value == wanted else 0)
        more = " wanted" if value == wanted else ""
        sheet.text(16, y + 14, f"{cut(value, room)}{more}", "strong")
        low = y + high
    return low


def _steps(course: Course, kept: list[int]) -> list[int]:
    """Return the batches of the moments that are drawn, those not drawn with the next one."""
    found, last = [], -1
    every = batches(course)
    for at in kept:
        found.append(sum(every[last + 1 : at + 1]))
        last = at
    return found


def _moments(sheet: Sheet, heads: list[str], steps: list[int], xs: list[float], low: float) -> None:
    for head, number, x in zip(heads, steps, xs, strict=True):
        sheet.line([(x, 10), (x, low + 6)], "rail faint")
        sheet.text(x, low + LINE + 4, head, "soft", anchor="middle")
        if number:
            words = f"+{plural(number, 'node')}"
            sheet.text(x, low + 2 * LINE + 4, words, anchor="middle")


def _row(
    sheet: Sheet,
    row: Followers,
    course: Course,
    kept: list[int],
    xs: list[float],
    levels: dict[str, list[Followers]],
) -> float:
    """Draw one line with its marks and its name; return how far it goes to the right."""
    how = state(row, course.wanted)
    points = []
    for at, x in zip(kept, xs, strict=True):
        value = value_at(row, at)
        points.append((x, _top(levels, value) + 10 + 20 * levels[value].index(row)))
    sheet.line(points, f"rail {how}", tip=f"{_label(row, course)}: {names(row.nodes, 20)}")
    for x, y in points:
        if how is State.LATE:
            sheet.rect(x - 4, y - 4, 8, 8, f"dot {how}")
        else:
            sheet.circle(x, y, 4, f"dot {how}")
    x, y = points[-1]
    words = cut(_label(row, course), 300)
    sheet.text(x + 12, y + 4, words, "strong" if how is State.LATE else "")
    return x + 12 + wide(words)
