"""Which captures are kept, and that a removal leaves nothing that looks whole."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import capture, node
from snapdiff import retention
from snapdiff.baseline import set_baseline
from snapdiff.cli import main
from snapdiff.errors import UnreadableError
from snapdiff.refs import select
from snapdiff.retention import GOING, Held, Keep, drafts, fates, held, protected_by_baselines
from snapdiff.store import MANIFEST, STAMP, Store

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)  # a Sunday
NIGHT = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


def one(taken_at, **more):
    return Held(name=taken_at.strftime(STAMP), taken_at=taken_at, **more)


def nights(number, **more):
    """Return one capture of each of so many nights, up to this one."""
    return [one(NIGHT - timedelta(days=day), **more) for day in reversed(range(number))]


def kept(rows, keep=Keep(), protected=(), now=NOW, zone=UTC):  # noqa: B008 - frozen
    """Return (days before this night, why) of what is kept."""
    return [
        ((NIGHT - fate.capture.taken_at).days, ", ".join(fate.why))
        for fate in fates(rows, keep, protected=protected, now=now, zone=zone)
        if fate.kept
    ]


CHOICES = {
    "the newest two, whatever is set": (nights(9), Keep(), [(1, "newest"), (0, "newest")]),
    "the last three": (
        nights(9),
        Keep(last=3),
        [(2, "last"), (1, "newest, last"), (0, "newest, last")],
    ),
    "a capture a day": (
        nights(9),
        Keep(daily=3),
        [(2, "daily"), (1, "newest, daily"), (0, "newest, daily")],
    ),
    "a capture a week, which ends on Sunday": (
        nights(16),
        Keep(weekly=3),
        [(14, "weekly"), (7, "weekly"), (1, "newest"), (0, "newest, weekly")],
    ),
    "more days than there are": (
        nights(3),
        Keep(daily=9),
        [(2, "daily"), (1, "newest, daily"), (0, "newest, daily")],
    ),
    "a labelled one": (
        [one(NIGHT - timedelta(days=40), label="before"), *nights(3)],
        Keep(),
        [(40, "label before"), (1, "newest"), (0, "newest")],
    ),
    "no labelled one": (
        [one(NIGHT - timedelta(days=40), label="before"), *nights(3)],
        Keep(labelled=False),
        [(1, "newest"), (0, "newest")],
    ),
    "one that cannot be read": (
        [one(NIGHT - timedelta(days=40), why="its manifest is unreadable"), *nights(3)],
        Keep(labelled=False),
        [(40, "its manifest is unreadable"), (1, "newest"), (0, "newest")],
    ),
    "none at all": ([], Keep(daily=3), []),
}


@pytest.mark.parametrize(("rows", "keep", "expected"), CHOICES.values(), ids=CHOICES)
def test_what_is_kept_is_told_with_its_reason(rows, keep, expected):
    assert kept(rows, keep) == expected


def test_a_baseline_is_kept():
    rows = nights(9)
    found = kept(rows, protected={rows[0].name})
    assert found == [(8, "a baseline"), (1, "newest"), (0, "newest")]


def test_a_store_that_rests_does_not_wither():
    """Days without a capture do not count, however long ago the last one was."""
    rows = nights(3)
    later = NOW + timedelta(days=900)
    assert len(kept(rows, Keep(daily=3), now=later)) == 3


def test_of_a_day_the_newest_is_kept():
    rows = [one(NIGHT - timedelta(days=5, hours=hours)) for hours in (2, 1, 0)]
    found = fates([*rows, *nights(3)], Keep(daily=4), protected=(), now=NOW, zone=UTC)
    assert [fate.kept for fate in found[:3]] == [False, False, True]


@pytest.mark.parametrize("whole", [(True, False), (False, True), (False, False), (True, True)])
def test_of_a_day_a_whole_capture_is_kept_before_one_of_a_few_nodes(whole):
    rows = [
        one(NIGHT - timedelta(days=5, hours=1 - number), whole=each)
        for number, each in enumerate(whole)
    ]
    found = fates([*rows, *nights(3)], Keep(daily=4), protected=(), now=NOW, zone=UTC)
    expected = [True, False] if whole == (True, False) else [False, True]
    assert [fate.kept for fate in found[:2]] == expected


def test_a_day_is_that_of_the_zone():
    """Of 23:30 UTC and 00:30 UTC, the first is of the same day in Berlin as the second."""
    rows = [
        one(datetime(2026, 11, 10, 23, 30, tzinfo=UTC)),
        one(datetime(2026, 11, 11, 0, 30, tzinfo=UTC)),
    ]
    rows += nights(2)
    for zone, number in ((UTC, 4), (BERLIN, 3)):
        assert len(kept(rows, Keep(daily=9), zone=zone)) == number


def test_the_day_on_which_the_clocks_change_is_one_day():
    first = datetime(2026, 10, 25, 0, 0, tzinfo=BERLIN)  # it has 25 hours
    rows = [one((first + timedelta(hours=hours)).astimezone(UTC)) for hours in (0, 12, 23)]
    rows += nights(2)
    assert len(kept(rows, Keep(daily=9), zone=BERLIN)) == 3


def test_a_capture_of_a_time_to_come_is_kept_and_counts_for_nothing():
    rows = [*nights(4), one(NOW + timedelta(days=2))]
    assert kept(rows, Keep(last=1), now=NOW) == [
        (0, "newest, last"),
        (-3, "its time is still to come, newest"),
    ]


def test_two_of_one_second_are_in_their_order():
    taken = NIGHT - timedelta(days=3)
    rows = [Held(name=f"{taken:{STAMP}}{ending}", taken_at=taken) for ending in ("-10", "-2", "")]
    found = fates(rows, Keep(), protected=(), now=NOW, zone=UTC)
    assert [fate.capture.name[len("20261119T030000Z") :] for fate in found] == ["", "-2", "-10"]
    assert [fate.kept for fate in found] == [False, True, True]


# ---- what always holds ------------------------------------------------------------------------

moments = st.integers(0, 400 * 24).map(lambda hours: NOW - timedelta(hours=hours))
stores = st.lists(
    st.builds(one, moments, label=st.sampled_from(["", "", "", "x"]), whole=st.booleans()),
    max_size=40,
    unique_by=lambda row: row.name,
)
policies = st.builds(
    Keep,
    daily=st.integers(0, 30),
    weekly=st.integers(0, 30),
    last=st.integers(0, 30),
    labelled=st.booleans(),
)
zones = st.sampled_from([UTC, BERLIN, ZoneInfo("Pacific/Apia"), ZoneInfo("America/Sao_Paulo")])


def parted(rows, keep, zone, protected=()):
    found = fates(rows, keep, protected=protected, now=NOW, zone=zone)
    return [fate.capture for fate in found if fate.kept], [
        fate.capture for fate in found if not fate.kept
    ]


@given(stores, policies, zones)
def test_every_capture_has_one_fate_and_the_newest_two_stay(rows, keep, zone):
    stay, go = parted(rows, keep, zone)
    assert sorted(row.name for row in stay + go) == sorted(row.name for row in rows)
    newest = sorted(rows, key=lambda row: row.taken_at)[-2:]
    assert all(row in stay for row in newest)


@given(stores, policies, zones)
def test_nothing_labelled_or_protected_goes(rows, keep, zone):
    protected = {row.name for row in rows[::3]}
    _stay, go = parted(rows, keep, zone, protected)
    assert not {row.name for row in go} & protected
    assert not (keep.labelled and any(row.label for row in go))


@given(stores, policies, zones)
def test_a_second_prune_removes_nothing(rows, keep, zone):
    stay, _go = parted(rows, keep, zone)
    assert parted(stay, keep, zone)[1] == []


@given(stores, policies, zones)
def test_each_of_the_last_days_and_weeks_still_has_a_capture_and_a_whole_one_if_it_had(
    rows, keep, zone
):
    stay, _go = parted(rows, keep, zone)
    for number, form in ((keep.daily, "%Y-%m-%d"), (keep.weekly, "%G-%V")):
        periods = {}
        for row in rows:
            periods.setdefault(row.taken_at.astimezone(zone).strftime(form), []).append(row)
        for period in sorted(periods)[max(len(periods) - number, 0) :]:
            left = [row for row in periods[period] if row in stay]
            assert left
            assert any(row.whole for row in left) or not any(row.whole for row in periods[period])


@given(stores, policies, zones)
def test_who_keeps_more_loses_no_capture_that_less_would_keep(rows, keep, zone):
    more = Keep(daily=keep.daily + 1, weekly=keep.weekly + 1, last=keep.last + 1, labelled=True)
    assert {row.name for row in parted(rows, keep, zone)[0]} <= {
        row.name for row in parted(rows, more, zone)[0]
    }


# ---- on a file system -------------------------------------------------------------------------


@pytest.fixture
def store(tmp_path):
    """Return a store with a capture of each of five nights; the first has a label."""
    for day in reversed(range(5)):
        label = "before" if day == 4 else ""
        capture(tmp_path / "s", [node(1)], now=NIGHT - timedelta(days=day), label=label)
    return Store(tmp_path / "s")


def names(store):
    return [path.name for path in store.captures("lab")]


def test_a_store_tells_what_there_is_to_choose_from(store):
    capture(store.folder, [], lost={"node1": "no route"}, now=NIGHT + timedelta(hours=1))
    found = held(store, "lab")
    assert [(row.label, row.whole) for row in found] == [
        ("before", True), ("", True), ("", True), ("", True), ("", True), ("", False),
    ]  # fmt: skip


def test_a_manifest_that_cannot_be_read_speaks_for_its_capture(store):
    (store.captures("lab")[1] / MANIFEST).write_text("what: [")
    assert [row.why for row in held(store, "lab")][:2] == ["", "its manifest is unreadable"]


def test_a_link_to_a_capture_elsewhere_is_not_touched(store, tmp_path):
    elsewhere = store.captures("lab")[0].rename(tmp_path / "elsewhere")
    (store.cluster_folder("lab") / names(store)[0].replace("19", "01")).symlink_to(elsewhere)
    assert held(store, "lab")[0].why == "a link to another folder"


def test_a_removed_capture_is_gone_and_the_others_are_whole(store):
    first, *rest = store.captures("lab")
    retention.remove(first)
    assert not first.exists()
    assert store.captures("lab") == rest
    for name in names(store):
        assert select(name, store, "lab", now=NOW).snapshot("node1").node == "node1"


def test_an_interrupted_removal_leaves_nothing_that_looks_whole_and_ends_with_the_next(store):
    folder = store.captures("lab")[0]
    nodes = folder / "nodes"
    (folder / MANIFEST).rename(folder / GOING)  # a crash after the first step, and after more
    for step in (lambda: None, lambda: (nodes / "node1.yml").unlink(), nodes.rmdir):
        step()
        assert folder.name not in names(store)
        [left] = drafts(store, "lab", now=NOW)
        assert (left.name, left.going) == (folder.name, True)
    retention.remove(folder)
    assert not folder.exists()


def test_a_removal_that_cannot_begin_leaves_the_capture_as_it_was(store):
    folder = store.captures("lab")[0]
    (folder / GOING).mkdir()  # so the manifest cannot get that name
    with pytest.raises(UnreadableError, match="cannot remove it"):
        retention.remove(folder)
    assert folder.name in names(store)
    assert select(folder.name, store, "lab", now=NOW).snapshot("node1").node == "node1"


def draft_of(store, age):
    """Begin a capture and leave it alone for so long."""
    folder = store.begin("lab", nodes=["node1"], now=NOW - age).folder
    moment = (NOW - age).timestamp()
    for path in [*folder.rglob("*"), folder]:
        os.utime(path, (moment, moment))
    return folder


@pytest.mark.parametrize(("age", "found"), [(47, 0), (49, 1)], ids=["47 h", "49 h"])
def test_what_was_never_sealed_is_a_draft_after_two_days(store, age, found):
    draft_of(store, timedelta(hours=age))
    assert len(drafts(store, "lab", now=NOW)) == found


def test_an_old_draft_that_is_written_into_is_being_taken(store):
    folder = draft_of(store, timedelta(days=9))
    (folder / "nodes" / "node1.yml").write_text("x")  # now, which is no long time before NOW
    assert drafts(store, "lab", now=datetime.now(UTC)) == ()


# ---- the command ------------------------------------------------------------------------------


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("SNAPDIFF_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TZ", "UTC")

    def call(*args):
        monkeypatch.setattr(sys, "argv", ["snapdiff", *args, "--store", "s", "--cluster", "lab"])
        with pytest.raises(SystemExit) as done:
            main()
        return (done.value.code, *capsys.readouterr())

    return call


TABLE = """\
lab: 5 captures, 3 to keep, 2 to remove
keep    20261118T030000Z  label before
remove  20261119T030000Z
remove  20261120T030000Z
keep    20261121T030000Z  newest
keep    20261122T030000Z  newest, last
"""


def test_a_dry_run_tells_all_and_removes_nothing(run, store):
    assert run("prune", "--keep-last", "1", "--dry-run") == (0, TABLE, "")
    assert len(names(store)) == 5


def test_a_prune_removes_what_the_dry_run_told(run, store):
    code, out, err = run("prune", "--keep-last", "1", "--yes")
    assert (code, out, err) == (0, TABLE, "2 captures removed\n")
    assert names(store) == ["20261118T030000Z", "20261121T030000Z", "20261122T030000Z"]
    assert run("prune", "--keep-last", "1", "--yes")[1].startswith("lab: 3 captures, 3 to keep")


def test_reports_go_with_their_capture_and_nights_stay(run, store):
    folder = store.cluster_folder("lab")
    names = [path.name for path in store.captures("lab")]
    for name in names:
        for place in (f"reports/{name}", f"reports/{name}-upgrade", "nights"):
            (folder / place).mkdir(parents=True, exist_ok=True)
        (folder / "reports" / name / "check.html").write_text("", "utf-8")
        (folder / "nights" / f"{name}.yml").write_text("", "utf-8")
    assert run("prune", "--keep-last", "2", "--yes")[0] == 0
    left = [path.name for path in store.captures("lab")]
    assert 2 <= len(left) < len(names)
    both = sorted([*left, *(f"{name}-upgrade" for name in left)])
    assert sorted(path.name for path in (folder / "reports").iterdir()) == both
    assert len(list((folder / "nights").iterdir())) == len(names)


def test_the_settings_say_what_to_keep_and_an_option_wins(run, store, tmp_path):
    (tmp_path / "snapdiff.yml").write_text("keep: {last: 1, labelled: false}\n")
    assert run("prune", "--dry-run")[1].startswith("lab: 5 captures, 2 to keep, 3")
    assert run("prune", "--dry-run", "--keep-last", "4")[1].startswith("lab: 5 captures, 4 to keep")
    assert run("prune", "--dry-run", "--keep-labelled")[1] == TABLE


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ([], "nothing says what to keep"),
        (["--no-keep-labelled"], "nothing says what to keep"),
        (["--keep-last", "-1"], "--keep-last"),
        (["--keep-last", "1"], "2 captures would be removed: say so with --yes"),
    ],
)
def test_a_prune_that_was_not_asked_for_plainly_removes_nothing(run, store, args, said):
    code, _out, err = run("prune", *args)
    assert (code, said in err, len(names(store))) == (2, True, 5)


def test_a_baseline_that_nobody_can_read_stops_every_removal(run, store):
    side = select(names(store)[1], store, "lab", now=NOW)
    set_baseline(side, store.cluster_folder("lab"), now=NOW)
    assert protected_by_baselines(store, "lab") == {names(store)[1]}
    assert "keep    20261119T030000Z  a baseline\n" in run("prune", "--keep-last", "1", "--yes")[1]
    (store.cluster_folder("lab") / "baselines" / "other.yml").write_text("capture: [")
    code, out, err = run("prune", "--keep-last", "1", "--yes", "--no-keep-labelled")
    assert (code, out) == (2, "")
    assert "baselines/other.yml:2:1: " in err
    assert "nothing is pruned" in err
    assert len(names(store)) == 4


def test_drafts_are_named_and_go_only_where_that_is_asked_for(run, store):
    folder = draft_of(store, timedelta(days=30))
    line = (
        "draft   20261023T120000Z  never sealed, left alone since 2026-10-23; --drafts removes it"
    )
    code, out, _err = run("prune", "--keep-last", "9", "--yes")
    assert (code, out.splitlines()[-1], folder.exists()) == (0, line, True)
    code, out, _err = run("prune", "--keep-last", "9", "--yes", "--drafts")
    assert (code, out.splitlines()[-1].startswith("remove  "), folder.exists()) == (0, True, False)
    assert len(names(store)) == 5


def test_what_an_interrupted_prune_left_goes_with_the_next(run, store):
    folder = store.captures("lab")[1]
    (folder / MANIFEST).rename(folder / GOING)
    code, out, _err = run("prune", "--keep-last", "9", "--yes")
    assert (code, folder.exists()) == (0, False)
    assert out.endswith(f"remove  {folder.name}  its removal was interrupted\n")
