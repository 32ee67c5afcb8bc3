"""The life of a finding over the nights: three-valued, so what nobody saw is not mended."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nights import ACCEPTED, CLEAR, OPEN, UNSEEN, found, night
from snapdiff.life import SHOWN_NIGHTS, last_known, latest, lives, with_lives
from snapdiff.model import Coverage, Finding, Member, Report, Severity, Waived
from snapdiff.story import Standing

# A letter a night: open, accepted, clear, its node unseen, its rule blind, an effect of another.
NIGHTS = {
    "o": lambda day: night(day, {"a": found()}),
    "a": lambda day: night(day, {"a": found(ACCEPTED)}),
    ".": night,
    "?": lambda day: night(day, unseen={"node1": "no route"}),
    "b": lambda day: night(day, undecided={"lease-mtu": ("node1",)}),
    "e": lambda day: night(day, follows={"a": "cause"}),
    "w": lambda day: night(day, {"a": found(severity="warning")}),
}
SIGHTS = {"o": OPEN, "w": OPEN, "a": ACCEPTED, ".": CLEAR, "?": UNSEEN, "b": UNSEEN, "e": OPEN}


def story(letters):
    return [NIGHTS[letter](day) for day, letter in enumerate(letters)]


LIVES = [
    # nights, what is known last, how many had it, how often it came back, first and last day
    ("o", OPEN, 1, 0, 0, 0),
    ("..o", OPEN, 1, 0, 2, 2),
    ("oo", OPEN, 2, 0, 0, 1),
    ("o.", CLEAR, 1, 0, 0, 0),
    ("o.o", OPEN, 2, 1, 0, 2),
    ("o.o.o.", CLEAR, 3, 2, 0, 4),
    ("o?", OPEN, 1, 0, 0, 0),
    ("o?o", OPEN, 2, 0, 0, 2),
    ("ob.", CLEAR, 1, 0, 0, 0),
    ("o.?o", OPEN, 2, 1, 0, 3),
    ("o?.?o", OPEN, 2, 1, 0, 4),
    ("oa", ACCEPTED, 2, 0, 0, 1),
    ("oa.a", ACCEPTED, 3, 1, 0, 3),
    ("oe", OPEN, 2, 0, 0, 1),
    ("oe.", CLEAR, 2, 0, 0, 1),
    ("eo", OPEN, 2, 0, 0, 1),
    ("?o", OPEN, 1, 0, 1, 1),
]


@pytest.mark.parametrize(("letters", "known", "count", "flaps", "first", "last"), LIVES)
def test_the_life_of_a_finding(letters, known, count, flaps, first, last):
    nights = story(letters)
    life = lives(nights)["a"]
    assert life.sights == tuple(SIGHTS[letter] for letter in letters)
    assert (last_known(life), life.nights, life.flaps) == (known, count, flaps)
    assert (life.first, life.last) == (nights[first].taken_at, nights[last].taken_at)


def test_a_finding_has_the_words_of_the_last_night_that_had_it():
    nights = [*story("ow"), night(2)]
    assert lives(nights)["a"].severity == "warning"
    assert latest(nights)["a"] == (found(severity="warning"), nights[1])
    assert lives([]) == {}


@given(st.text("oa.?be", min_size=1, max_size=40).filter(lambda text: set(text) & set("oa")))
def test_the_counts_are_those_of_a_slow_and_obvious_count(letters):
    life = lives(story(letters))["a"]
    count = flaps = 0
    gone = False
    for letter in letters:
        if letter in "oae":
            flaps += gone and count > 0
            gone = False
            count += 1
        elif letter == ".":
            gone = count > 0
    assert (life.nights, life.flaps) == (count, flaps)
    known = [letter for letter in letters if letter not in "?b"]
    assert last_known(life) is SIGHTS[known[-1]]
    assert life.sights == tuple(SIGHTS[letter] for letter in letters)


# ---- what a report says of it -----------------------------------------------------------------


def report(*nodes, severity=Severity.ERROR, accepted=False):
    """Return a report with one row; the id of a node's finding is a for node1, b for node2 …"""
    members = tuple(Member(id="abc"[int(node[-1]) - 1], node=node) for node in nodes)
    row = Finding(
        id="row",
        rule="lease-mtu",
        severity=severity,
        scope="node",
        nodes=nodes,
        path="p",
        message="wrong",
        members=members,
    )
    coverage = Coverage(expected=3, observed=3, comparable=3)
    plain = Report(command="check", cluster="prod", inputs=(), coverage=coverage)
    if accepted:
        return replace(plain, waived=(Waived(finding=row, reason="known"),))
    return replace(plain, findings=(row,))


STANDINGS = [
    (".", {}, Standing.NEW, 1),
    ("o", {}, Standing.OPEN, 2),
    ("ooo", {}, Standing.OPEN, 4),
    ("o?", {}, Standing.OPEN, 2),
    ("o.", {}, Standing.REOPENED, 2),
    ("o.?", {}, Standing.REOPENED, 2),
    ("w", {}, Standing.WORSE, 2),
    ("o", {"severity": Severity.WARNING}, Standing.OPEN, 2),
    ("a", {}, Standing.REOPENED, 2),
    ("a?", {}, Standing.REOPENED, 2),
    ("a", {"accepted": True}, Standing.OPEN, 2),
    ("o", {"accepted": True}, Standing.OPEN, 2),
    ("a.", {"accepted": True}, Standing.REOPENED, 2),
]


@pytest.mark.parametrize(("letters", "options", "standing", "count"), STANDINGS)
def test_what_a_finding_is_after_the_nights_before(letters, options, standing, count):
    found_ = with_lives(report("node1", **options), story(letters))
    (row,) = [*found_.findings, *(one.finding for one in found_.waived)]
    assert (row.standing, row.nights) == (standing, count)
    assert row.since == (story(letters)[0].taken_at if letters != "." else "")


def test_a_row_is_as_new_as_its_newest_node_and_as_old_as_its_oldest():
    nights = [
        night(0, {"a": found()}),
        night(1, {"a": found(), "b": found(node="node2")}),
    ]
    for nodes, standing in [
        (("node1", "node2"), Standing.OPEN),
        (("node1", "node2", "node3"), Standing.NEW),
    ]:
        (row,) = with_lives(report(*nodes), nights).findings
        assert (row.standing, row.since, row.nights) == (standing, nights[0].taken_at, 3)


def test_without_nights_a_report_stays_as_it_is():
    assert with_lives(report("node1"), []) == report("node1")


def test_the_first_night_has_itself_as_its_story():
    now = night(0, {"a": found()})
    found_ = with_lives(report("node1"), [], now)
    assert [row.standing for row in found_.findings] == [Standing.NEW]
    assert [one.capture for one in found_.moments] == [now.capture]
    assert [one.sights for one in found_.lives] == [(OPEN,)]


def test_the_story_of_a_report_is_of_the_last_nights_but_the_age_of_all():
    nights = story("o" * 40)
    found_ = with_lives(report("node1"), nights, night(40, {"a": found()}))
    assert (found_.findings[0].nights, found_.findings[0].since) == (41, nights[0].taken_at)
    assert (len(found_.moments), len(found_.lives[0].sights)) == (SHOWN_NIGHTS, SHOWN_NIGHTS)
    assert found_.moments[-1].by_severity == {"error": 1}


def test_what_is_open_stands_before_what_is_gone_the_worst_first():
    findings = {
        "gone": found(path="1"),
        "away": found(path="2", node="node3"),
        "mild": found(path="3", severity="warning"),
        "bad": found(path="4"),
    }
    last = {name: findings[name] for name in ("mild", "bad")}
    nights = [night(0, findings), night(1, {**last, "ok": found(ACCEPTED, path="5")})]
    nights[1] = replace(nights[1], unseen={"node3": "no route"})
    told = with_lives(report("node1"), nights).lives
    assert [one.id for one in told] == ["bad", "mild", "away", "ok", "gone"]


# ---- with a night that cannot be read, an x ---------------------------------------------------

WITH_A_LOST_NIGHT = {
    "it was open before": ("ox", Standing.OPEN),
    "it was open after": ("xo", Standing.OPEN),
    "it may have come in that night": ("x", ""),
    "it was clear before, and may have come back in that night": ("o.x", ""),
    "it was accepted before, and may have been open": ("ax", ""),
    "nobody looked after": ("x?", ""),
    "it was clear after": ("x.", Standing.NEW),
    "it was clear after, and is back": ("ox.", Standing.REOPENED),
}


@pytest.mark.parametrize(
    ("letters", "standing"), WITH_A_LOST_NIGHT.values(), ids=WITH_A_LOST_NIGHT.keys()
)
def test_what_may_be_of_a_night_that_cannot_be_read_is_neither_new_nor_back(letters, standing):
    lost = {"x": lambda day: night(day, expected=0, observed=0, unreadable="half a file")}
    before = [{**NIGHTS, **lost}[letter](day) for day, letter in enumerate(letters)]
    (row,) = with_lives(report("node1"), before).findings
    assert row.standing == standing
