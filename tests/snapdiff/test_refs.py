"""What a person may write for a capture, and what each form of it means."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from builders import bare, capture
from snapdiff.codec import dumps
from snapdiff.errors import SnapdiffError, UnreadableError, UsageError
from snapdiff.refs import select
from snapdiff.store import Store

# Around both change days of 2026 in Berlin (29 March, 25 October), and a week before NOW.
TIMES = [
    ("2026-03-28T22:30:00Z", ""),  # 28 March 23:30 local
    ("2026-03-29T00:59:00Z", ""),  # 29 March 01:59 local, the last minute before the change
    ("2026-03-29T21:59:00Z", ""),  # 29 March 23:59 local: a day of 23 hours
    ("2026-10-24T22:15:00Z", ""),  # 25 October 00:15 local: a day of 25 hours
    ("2026-10-25T00:30:00Z", ""),  # 25 October 02:30 local, the first time
    ("2026-10-25T01:30:00Z", ""),  # 25 October 02:30 local, the second time
    ("2026-10-25T22:59:00Z", ""),  # 25 October 23:59 local
    ("2026-11-20T02:00:00Z", "before"),
    ("2026-11-21T02:00:00Z", "nightly"),
    ("2026-11-21T23:30:00Z", "before"),  # 22 November 00:30 local
    ("2026-11-22T02:00:00Z", "after"),
]
NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)


def name_of(text):
    return datetime.fromisoformat(text).strftime("%Y%m%dT%H%M%SZ")


@pytest.fixture
def zone(monkeypatch):
    def set_zone(name):
        monkeypatch.setenv("TZ", name)
        time.tzset()

    yield set_zone
    monkeypatch.undo()
    time.tzset()


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    folder = tmp_path_factory.mktemp("store")
    for text, label in TIMES:
        capture(folder, [bare()], label=label, now=datetime.fromisoformat(text))
    capture(folder, [bare()], cluster="one", label="only", now=NOW)
    return Store(folder)


def chosen(ref, store, *, now=NOW):
    return select(ref, store, "lab", now=now).capture.name


@pytest.mark.parametrize(
    ("ref", "expected"),
    [
        ("@latest", "2026-11-22T02:00:00Z"),
        ("@prev", "2026-11-21T23:30:00Z"),
        ("@label:after", "2026-11-22T02:00:00Z"),
        ("@label:before", "2026-11-21T23:30:00Z"),  # the newest of two
        ("@yesterday", "2026-11-21T02:00:00Z"),
        ("@2026-11-22", "2026-11-22T02:00:00Z"),  # all of the day
        ("@2026-11-21", "2026-11-21T02:00:00Z"),
        ("@2026-11-19", "2026-10-25T22:59:00Z"),  # the newest at or before
        ("@2026-11-22T03:00", "2026-11-22T02:00:00Z"),  # to the minute, local
        ("@2026-11-22T02:59", "2026-11-21T23:30:00Z"),
        ("@2026-11-22T00:30", "2026-11-21T23:30:00Z"),
        ("@2026-11-22T00:29:59", "2026-11-21T02:00:00Z"),
        ("@2026-11-22T02:00Z", "2026-11-22T02:00:00Z"),  # to the minute, UTC
        ("@2026-11-22T01:59Z", "2026-11-21T23:30:00Z"),
        ("@2026-11-22T02:00+00:00", "2026-11-22T02:00:00Z"),
        ("@2026-11-21T21:00-05:00", "2026-11-22T02:00:00Z"),
        ("@2026-11-22 03:00", "2026-11-22T02:00:00Z"),
        ("@20261122", "2026-11-22T02:00:00Z"),
        ("@20261122T030000", "2026-11-22T02:00:00Z"),
        ("@2099-01-01", "2026-11-22T02:00:00Z"),
        ("@9999-12-31T23:59Z", "2026-11-22T02:00:00Z"),
        ("@2026-03-29", "2026-03-29T21:59:00Z"),
        ("@2026-03-28", "2026-03-28T22:30:00Z"),
        ("@2026-03-29T01:59", "2026-03-29T00:59:00Z"),
        ("@2026-10-24", "2026-03-29T21:59:00Z"),
        ("@2026-10-25", "2026-10-25T22:59:00Z"),
        ("@2026-10-25T00:15", "2026-10-24T22:15:00Z"),
        ("@2026-10-25T02:30", "2026-10-25T00:30:00Z"),  # of two such times, the first
        ("@2026-10-25T03:00", "2026-10-25T01:30:00Z"),
    ],
)
def test_a_selector_means_a_capture(zone, store, ref, expected):
    zone("Europe/Berlin")
    assert chosen(ref, store) == name_of(expected)


def test_a_time_that_the_clock_leapt_over_is_one_beside_it(zone, store):
    zone("Europe/Berlin")
    around = {name_of("2026-03-28T22:30:00Z"), name_of("2026-03-29T00:59:00Z")}
    assert chosen("@2026-03-29T02:30", store) in around


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2026-03-29T22:30:00Z", "2026-03-29T21:59:00Z"),  # 30 March 00:30, the day had 23 hours
        ("2026-03-29T20:00:00Z", "2026-03-28T22:30:00Z"),  # late on the change day itself
        ("2026-10-26T10:00:00Z", "2026-10-25T22:59:00Z"),
        ("2026-11-22T22:59:59Z", "2026-11-21T02:00:00Z"),
        ("2026-11-22T23:00:00Z", "2026-11-22T02:00:00Z"),
    ],
)
def test_yesterday_is_the_local_day_before(zone, store, now, expected):
    zone("Europe/Berlin")
    assert chosen("@yesterday", store, now=datetime.fromisoformat(now)) == name_of(expected)


def test_yesterday_begins_at_its_own_midnight_where_the_clock_changed(zone, tmp_path):
    zone("Europe/Berlin")
    capture(tmp_path, [bare()], now=datetime(2026, 10, 24, 22, 15, tzinfo=UTC))  # 25th, 00:15
    now = datetime(2026, 10, 26, 10, 0, tzinfo=UTC)
    assert chosen("@yesterday", Store(tmp_path), now=now) == "20261024T221500Z"


def test_yesterday_ends_at_midnight_where_the_clock_changed(zone, tmp_path):
    zone("Europe/Berlin")
    for hour, minute in ((21, 30), (22, 30)):  # 24th 23:30 and 25th 00:30, both summer time
        capture(tmp_path, [bare()], now=datetime(2026, 10, 24, hour, minute, tzinfo=UTC))
    now = datetime(2026, 10, 25, 12, 0, tzinfo=UTC)  # winter time by now
    assert chosen("@yesterday", Store(tmp_path), now=now) == "20261024T213000Z"


@pytest.mark.parametrize(
    ("name", "expected"),
    [("UTC", "20261122T020000Z"), ("America/New_York", "20261122T020000Z"),
     ("Pacific/Kiritimati", "20261121T020000Z")],
)  # fmt: skip
def test_a_time_without_a_zone_is_local(zone, store, name, expected):
    zone(name)
    assert chosen("@2026-11-22T02:00", store) == expected


@pytest.mark.parametrize(
    "make",
    [
        lambda folder: str(folder),
        lambda folder: str(folder / "capture.yml"),
        lambda folder: f"{folder}/",
        lambda folder: folder.name,
        lambda folder: os.path.relpath(folder),
    ],
    ids=["folder", "manifest", "slash", "name", "relative"],
)
def test_a_place_means_the_capture_there(store, make):
    folder = store.captures("lab")[3]
    found = select(make(folder), store, "lab", now=NOW)
    assert (found.capture.name, found.snapshot("node1").node) == (folder.name, "node1")


def test_a_snapshot_file_is_a_side_of_one_node(store):
    path = store.captures("lab")[0] / "nodes" / "node1.yml"
    found = select(str(path), store, "lab", now=NOW)
    assert list(found.capture.nodes) == ["node1"]
    assert found.snapshot("node1").sections == bare().sections


def test_a_folder_of_loose_snapshots_is_a_side(store, tmp_path):
    for node in ("b", "a"):
        (tmp_path / f"{node}.yml").write_text(dumps(bare(node).sections))
    assert list(select(str(tmp_path), store, "lab", now=NOW).capture.nodes) == ["a", "b"]


def test_a_file_named_as_a_capture_wins_over_the_store(store, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = store.captures("lab")[0]
    shutil.copytree(folder, tmp_path / folder.name)
    assert Path(select(folder.name, store, "lab", now=NOW).capture.place) == Path(folder.name)


REFUSALS = [
    ("@lates", "no such selector. .* Did you mean @latest"),
    ("@previous", "no such selector"),
    ("@yesterda", "Did you mean @yesterday"),
    ("@", "no such selector"),
    ("@@latest", "no such selector. .* Did you mean @latest"),
    ("@LATEST", "no such selector"),
    ("@label", "no such selector. .* Did you mean @label:NAME"),
    ("@label:befor", "no capture with the label 'befor'. Did you mean @label:before"),
    ("@label:", "no capture with the label ''"),
    ("@label:zzz", "no capture with the label 'zzz'.$"),
    ("@2026-13-01", "no such selector"),
    ("@2026-11-22T25:00", "no such selector"),
    ("@22.11.2026", "no such selector"),
    ("@0001-01-01", "no such selector|no capture for"),
    ("@2020-01-01", "no capture for @2020-01-01; the oldest is 20260328T223000Z"),
    ("latest", "no such file or folder, and no selector. Did you mean @latest"),
    ("prev", "no such file or folder, and no selector. Did you mean @prev"),
    ("yesterday", "Did you mean @yesterday"),
    ("20261122T020001Z", "no such file or folder"),
    ("../nowhere", "no such file or folder"),
    ("", "no such file or folder"),
    ("x" * 300, "File name too long"),
    ("a\0b", "no such file or folder"),
    ("-", "no such file or folder"),
]


@pytest.mark.parametrize(("ref", "why"), REFUSALS, ids=[repr(one[0])[:30] for one in REFUSALS])
def test_what_means_nothing_is_refused_with_what_there_is(zone, store, ref, why):
    zone("Europe/Berlin")
    with pytest.raises(UsageError) as caught:
        select(ref, store, "lab", now=NOW)
    assert re.search(why, str(caught.value))


@pytest.mark.parametrize("name", ["Europe/Berlin", "America/New_York", "Pacific/Kiritimati"])
@pytest.mark.parametrize("ref", ["@0001-01-01", "@9999-12-31", "@0001-01-01T00:00Z"])
def test_the_ends_of_the_calendar_are_no_crash(zone, store, ref, name):
    zone(name)
    with contextlib.suppress(UsageError):  # some zones do not reach that far
        assert chosen(ref, store) == "20261122T020000Z"


@pytest.mark.parametrize("ref", ["@latest", "@prev", "@yesterday", "@label:x", "@2026-11-22"])
def test_of_an_empty_store_every_selector_says_how_to_take_a_capture(tmp_path, ref):
    with pytest.raises(UsageError) as caught:
        select(ref, Store(tmp_path), "lab", now=NOW)
    assert str(caught.value) == (
        f"{tmp_path}: cluster 'lab' has no capture. Take one with 'snapdiff gather'."
    )


def test_a_store_that_is_not_there_is_told_as_that(tmp_path):
    with pytest.raises(UsageError) as caught:
        select("@latest", Store(tmp_path / "none"), "lab", now=NOW)
    assert str(caught.value) == (
        f"{tmp_path}/none: there is no such folder. "
        "Take a capture with 'snapdiff gather', or name another --store."
    )


def test_of_another_cluster_the_clusters_there_are_told(store):
    with pytest.raises(UsageError, match=r"cluster 'prod' has no capture.* of: lab, one\."):
        select("@latest", store, "prod", now=NOW)


def test_one_capture_has_none_before_it(store):
    with pytest.raises(UsageError, match="has one capture only, so there is no @prev"):
        select("@prev", store, "one", now=NOW)


def test_yesterday_is_not_the_day_before_that(zone, store):
    zone("UTC")
    now = datetime(2026, 11, 20, 10, tzinfo=UTC)
    with pytest.raises(UsageError, match="no capture for @yesterday"):
        select("@yesterday", store, "lab", now=now)


def test_an_empty_folder_is_no_side(store, tmp_path):
    with pytest.raises(UnreadableError, match="no capture and no snapshot in it"):
        select(str(tmp_path), store, "lab", now=NOW)


def test_a_capture_that_is_still_taken_is_not_the_latest(tmp_path):
    capture(tmp_path, [bare()])
    later = datetime(2026, 11, 22, 2, 0, tzinfo=UTC) + timedelta(hours=1)
    Store(tmp_path).begin("lab", nodes=["node1"], now=later)
    assert chosen("@latest", Store(tmp_path)) == "20261122T020000Z"
    with pytest.raises(SnapdiffError):
        chosen("20261122T030000Z", Store(tmp_path))
