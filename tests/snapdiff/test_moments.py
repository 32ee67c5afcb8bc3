"""Times as people say them, by the wall clock of a zone that turns its clocks."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest

from builders import NOW, capture, node
from snapdiff.errors import UsageError
from snapdiff.moments import moment_of
from snapdiff.refs import select
from snapdiff.store import Store


@pytest.fixture
def berlin(monkeypatch):
    """Be in a zone whose clocks went forward on 2026-03-29 and back on 2026-10-25."""
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def utc(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


NOON = utc("2026-11-22T12:00")  # 13:00 in Berlin

WORDS = [
    # word, its start and, as the end of a day, its end: UTC
    ("2026-11-22T03:00", "2026-11-22T02:00", None),
    ("2026-11-22T03:00Z", "2026-11-22T03:00", None),
    ("2026-11-22T03:00+05:00", "2026-11-21T22:00", None),
    ("2026-11-22 03:00", "2026-11-22T02:00", None),
    ("2026-11-22", "2026-11-21T23:00", "2026-11-22T22:59:59.999999"),
    ("today", "2026-11-21T23:00", "2026-11-22T22:59:59.999999"),
    ("yesterday", "2026-11-20T23:00", "2026-11-21T22:59:59.999999"),
    ("now", "2026-11-22T12:00", None),
    ("3 days ago", "2026-11-19T12:00", None),
    ("2 weeks ago", "2026-11-08T12:00", None),
    ("1 hour ago", "2026-11-22T11:00", None),
    ("12:30", "2026-11-22T11:30", None),
    ("14:30", "2026-11-21T13:30", None),
    ("may 3", "2026-05-02T22:00", None),
]


@pytest.mark.parametrize(("word", "start", "end"), WORDS, ids=lambda one: str(one)[:20])
def test_a_time_and_the_end_of_a_day(berlin, word, start, end):
    assert moment_of(word, NOON) == utc(start)
    assert moment_of(word, NOON, end_of_day=True) == utc(end or start)


@pytest.mark.parametrize(
    "word",
    ["", "may", "2", "12", "-1", "2026", "prev2", "label2", "monday", "3 dyas ago", "2026-02-30"],
)
def test_a_slip_of_the_pen_is_no_time(berlin, word):
    assert moment_of(word, NOON) is None


@pytest.mark.parametrize("word", ["0001-01-01", "9999-12-31", "9999-12-31T23:59"])
def test_the_ends_of_time_are_no_crash(berlin, word):
    for end_of_day in (False, True):
        found = moment_of(word, NOON, end_of_day=end_of_day)
        assert found is None or found.year in (1, 9999)


DST = [
    # now, word, UTC; the wall clock says the same, so a day has 23 or 25 hours
    ("2026-03-29T10:00", "1 day ago", "2026-03-28T11:00"),
    ("2026-03-29T10:00", "yesterday", "2026-03-27T23:00"),
    ("2026-03-30T10:00", "2026-03-29", "2026-03-28T23:00"),
    ("2026-10-25T11:00", "1 day ago", "2026-10-24T10:00"),
    ("2026-10-26T11:00", "yesterday", "2026-10-24T22:00"),
    ("2026-10-28T11:00", "3 days ago", "2026-10-25T11:00"),
]


@pytest.mark.parametrize(("now", "word", "start"), DST)
def test_days_are_those_of_the_wall_clock(berlin, now, word, start):
    assert moment_of(word, utc(now)) == utc(start)


@pytest.mark.parametrize(
    ("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-11-22", 24)]
)
def test_the_day_on_which_clocks_turn_ends_with_the_wall_clock(berlin, day, hours):
    start, end = moment_of(day, NOON), moment_of(day, NOON, end_of_day=True)
    assert end - start + timedelta(microseconds=1) == timedelta(hours=hours)


# ---- which capture that is --------------------------------------------------------------------


@pytest.fixture
def store(tmp_path):
    """Return a store with a capture at 02:00 UTC on each of five days."""
    for day in range(5):
        capture(tmp_path, [node(1)], now=NOW - timedelta(days=day))
    return Store(tmp_path)


@pytest.mark.parametrize(
    ("ref", "name"),
    [
        ("@3 days ago", "20261119T020000Z"),
        ("@1 day ago", "20261121T020000Z"),
        ("@today", "20261122T020000Z"),
        ("@yesterday", "20261121T020000Z"),
        ("@2026-11-20", "20261120T020000Z"),
        ("@2026-11-22T02:59", "20261121T020000Z"),
        ("@now", "20261122T020000Z"),
    ],
)
def test_a_selector_means_the_newest_at_or_before(berlin, store, ref, name):
    assert select(ref, store, "lab", now=NOON).capture.name == name


@pytest.mark.parametrize(
    ("ref", "said"),
    [
        ("@9 days ago", "no capture for @9 days ago; the oldest is 20261118T020000Z"),
        ("@3 dyas ago", "no such selector"),
        ("@2", "no such selector"),
    ],
)
def test_a_selector_that_means_no_capture_is_refused(berlin, store, ref, said):
    with pytest.raises(UsageError, match=said):
        select(ref, store, "lab", now=NOON)
