"""A capture is there whole or not at all, whatever happens while it is being taken."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
import store_child
import yaml

from builders import FIXTURES, NOW, bare, capture, side
from snapdiff import files
from snapdiff import store as stores
from snapdiff.codec import dumps
from snapdiff.errors import InvalidError, SnapdiffError, UnreadableError, UsageError
from snapdiff.model import Node, Outcome
from snapdiff.store import MANIFEST, Store, read_manifest, side_of_capture, side_of_files

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
TEXT = FIXTURES / "snapshot-v1" / "node1-healthy.yml"
NODES = ("node1", "node2")


def child(*arguments, prefix=()):
    """Return what a process of its own prints; see store_child.py."""
    command = [*prefix, sys.executable, str(HERE / "store_child.py"), *map(str, arguments)]
    done = subprocess.run(
        command,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def listing(folder):
    """Return all that is in a folder, with the bytes of files."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }


def all_read(store, cluster="lab"):
    """Return the names of the captures that are listed, each read to the last byte."""
    names = []
    for folder in Store(store).captures(cluster):
        one = side_of_capture(read_manifest(folder))
        for node in one.paths:
            assert dict(one.snapshot(node)["links"]) is not None
        names.append(one.capture.name)
    return names


# ---- what is written ----------------------------------------------------------------------------


def test_a_sealed_capture_is_a_manifest_and_a_file_a_node(tmp_path):
    found = capture(
        tmp_path,
        [bare("node1"), bare("Node1")],
        label="before",
        lost={"node3": "no route"},
        skipped={"node4": "--limit"},
    )
    folder = tmp_path / "lab" / "20261122T020000Z"
    assert sorted(listing(tmp_path)) == [
        "lab",
        "lab/20261122T020000Z",
        "lab/20261122T020000Z/capture.yml",
        "lab/20261122T020000Z/nodes",
        "lab/20261122T020000Z/nodes/%4Eode1.yml",
        "lab/20261122T020000Z/nodes/node1.yml",
    ]
    assert read_manifest(folder) == found
    assert (found.name, found.cluster, found.label) == ("20261122T020000Z", "lab", "before")
    assert {name: (one.outcome, one.why, one.file) for name, one in found.nodes.items()} == {
        "node1": (Outcome.OK, "", "nodes/node1.yml"),
        "Node1": (Outcome.OK, "", "nodes/%4Eode1.yml"),
        "node3": (Outcome.UNREACHABLE, "no route", ""),
        "node4": (Outcome.SKIPPED, "--limit", ""),
    }
    assert (folder / "nodes" / "node1.yml").read_text("utf-8") == dumps(bare("node1").sections)


def test_every_node_ends_in_one_outcome(tmp_path):
    names = ["ok", "gone", "broke", "slow", "silent", "left-out"]
    draft = Store(tmp_path).begin("lab", nodes=names[:5], now=NOW, skipped={"left-out": "--limit"})
    assert draft.progress() == (0, 6)
    draft.add(bare("ok"))
    draft.note("gone", Outcome.UNREACHABLE, "no route to host")
    draft.note("broke", Outcome.FAILED, "no ip command")
    draft.note("slow", Outcome.TIMED_OUT, "30 s")
    assert draft.progress() == (4, 6)
    found = draft.seal(now=NOW, tools={})
    assert [(one.name, one.outcome, one.why) for one in found.nodes.values()] == [
        ("broke", Outcome.FAILED, "no ip command"),
        ("gone", Outcome.UNREACHABLE, "no route to host"),
        ("left-out", Outcome.SKIPPED, "--limit"),
        ("ok", Outcome.OK, ""),
        ("silent", Outcome.FAILED, "its task left neither a snapshot nor a reason"),
        ("slow", Outcome.TIMED_OUT, "30 s"),
    ]
    assert read_manifest(draft.folder) == found


def test_inventory_groups_are_kept_where_somebody_looked(tmp_path):
    groups = {"node1": ("workers", "edge"), "node2": ()}
    draft = Store(tmp_path).begin(
        "lab", nodes=["node1"], now=NOW, skipped={"node2": "--limit"}, groups=groups
    )
    sealed = draft.seal(now=NOW, tools={})
    assert read_manifest(draft.folder).nodes == sealed.nodes
    assert sealed.nodes["node1"].groups == ("edge", "workers")
    written = yaml.safe_load((draft.folder / MANIFEST).read_text("utf-8"))
    assert [row["groups"] for row in written["nodes"].values()] == [["edge", "workers"], []]

    draft = Store(tmp_path).begin("lab", nodes=["node1"], now=NOW)
    assert draft.seal(now=NOW, tools={}).nodes["node1"].groups == ()
    assert "groups" not in (draft.folder / MANIFEST).read_text("utf-8")


def test_a_snapshot_wins_over_a_reason(tmp_path):
    draft = Store(tmp_path).begin("lab", nodes=["node1"], now=NOW)
    draft.note("node1", Outcome.FAILED, "first try")
    draft.add(bare())
    assert draft.seal(now=NOW, tools={}).nodes["node1"].outcome is Outcome.OK


def test_without_a_manifest_a_capture_is_not_listed(tmp_path):
    store = Store(tmp_path)
    assert (store.clusters(), store.captures("lab")) == ([], [])
    draft = store.begin("lab", nodes=["node1"], now=NOW)
    draft.add(bare())
    assert (store.clusters(), store.captures("lab")) == ([], [])
    draft.seal(now=NOW, tools={})
    assert (store.clusters(), store.captures("lab")) == (["lab"], [draft.folder])


def test_only_folders_named_as_captures_are_listed(tmp_path):
    capture(tmp_path, [bare()])
    folder = tmp_path / "lab" / "20261122T020000Z"
    for name in ("backup", "20261122T020000Z.bak", "20261122T020000Z-x", "~tmp"):
        shutil.copytree(folder, tmp_path / "lab" / name)
    assert Store(tmp_path).captures("lab") == [folder]


@pytest.mark.parametrize("name", ["%FF", "%00", "Foo", "lost+found", ".git"])
def test_a_strange_folder_in_the_store_is_passed_over(tmp_path, name):
    capture(tmp_path, [bare()])
    (tmp_path / name / "20261122T020000Z").mkdir(parents=True)
    assert Store(tmp_path).clusters() == ["lab"]


def test_a_capture_tells_where_it_is_from(tmp_path):
    for cluster in ("b/../c", "A", "a"):
        capture(tmp_path, [bare()], cluster=cluster)
    assert Store(tmp_path).clusters() == ["A", "a", "b/../c"]
    assert {path.parent for path in tmp_path.rglob("capture.yml")} == {
        tmp_path / name / "20261122T020000Z" for name in ("%41", "a", "b%2F..%2Fc")
    }


def test_a_second_capture_in_one_second_gets_a_counter_and_order_is_kept(tmp_path):
    names = [capture(tmp_path, [bare()]).name for _turn in range(11)]
    assert names == ["20261122T020000Z", *(f"20261122T020000Z-{n}" for n in range(2, 12))]
    later = capture(tmp_path, [bare()], now=NOW + timedelta(seconds=1)).name
    assert [path.name for path in Store(tmp_path).captures("lab")] == [*names, later]


def test_a_capture_is_named_in_utc(tmp_path):
    local = datetime(2026, 11, 22, 3, 0, tzinfo=timezone(timedelta(hours=1)))
    found = capture(tmp_path, [bare()], now=local)
    assert (found.name, found.started_at) == ("20261122T020000Z", "2026-11-22T02:00:00Z")


def test_twenty_processes_in_one_second_take_twenty_captures(tmp_path):
    assert child("raced", tmp_path, TEXT, 20) == "20\n"
    names = all_read(tmp_path)
    assert names == ["20261123T020000Z", *(f"20261123T020000Z-{n}" for n in range(2, 21))]
    assert list(tmp_path.rglob("asked.yml")) == []


# ---- refusals -----------------------------------------------------------------------------------


def test_a_sealed_capture_takes_no_more(tmp_path):
    draft = Store(tmp_path).begin("lab", nodes=["node1"], now=NOW)
    draft.seal(now=NOW, tools={})
    before = listing(tmp_path)
    for work in (
        lambda: draft.add(bare()),
        lambda: draft.note("node1", Outcome.FAILED, "late"),
        lambda: draft.seal(now=NOW, tools={}),
        draft.progress,
    ):
        with pytest.raises(UsageError, match="the capture is sealed"):
            work()
    assert listing(tmp_path) == before


def test_a_capture_is_sealed_though_what_is_left_over_cannot_be_cleared(tmp_path):
    draft = Store(tmp_path).begin("lab", nodes=["node1"], now=NOW)
    (draft.folder / "outcomes" / "strange").mkdir()
    assert draft.seal(now=NOW, tools={}) == read_manifest(draft.folder)
    assert Store(tmp_path).captures("lab") == [draft.folder]


def test_nothing_is_added_where_no_capture_is_being_taken(tmp_path):
    with pytest.raises(UsageError, match="no capture is being taken here"):
        stores.Draft(tmp_path).add(bare())
    assert listing(tmp_path) == {}


@pytest.mark.parametrize("names", [[""], ["node1", "a\0b"], ["\udcff"]], ids=ascii)
def test_a_name_that_no_file_can_have_is_refused_before_anything_is_made(tmp_path, names):
    with pytest.raises(UsageError):
        Store(tmp_path).begin("lab", nodes=names, now=NOW)
    with pytest.raises(UsageError):
        Store(tmp_path).begin("lab", nodes=[], skipped={names[-1]: "x"}, now=NOW)
    assert listing(tmp_path) == {}


def test_a_cluster_without_a_name_is_refused(tmp_path):
    with pytest.raises(UsageError):
        Store(tmp_path).begin("", nodes=["node1"], now=NOW)


@pytest.mark.parametrize("place", ["store", "store/lab"])
def test_a_file_where_a_folder_should_be_is_named(tmp_path, place):
    path = tmp_path / place
    path.parent.mkdir(exist_ok=True)
    path.write_text("x")
    with pytest.raises(UnreadableError, match=r"no folder|cannot make it"):
        Store(tmp_path / "store").begin("lab", nodes=["node1"], now=NOW)


def test_a_file_changed_after_sealing_is_named(tmp_path):
    one = side(tmp_path, [bare(sysctls={"net.ipv4.ip_forward": 1})])
    path = one.paths["node1"]
    path.write_text(path.read_text().replace('ip_forward": 1', 'ip_forward": 0'))
    with pytest.raises(UnreadableError) as caught:
        one.snapshot("node1")
    assert str(caught.value).startswith(f"{path}: it was changed after the capture was sealed")


def test_a_file_lost_after_sealing_is_named(tmp_path):
    one = side(tmp_path, [bare()])
    one.paths["node1"].unlink()
    with pytest.raises(UnreadableError, match=r"nodes/node1\.yml: No such file"):
        one.snapshot("node1")


def test_the_snapshot_of_another_node_in_its_place_is_named(tmp_path):
    draft = Store(tmp_path).begin("lab", nodes=NODES, now=NOW)
    for node in NODES:
        draft.add(bare(node))
    draft.path_of("node2").write_bytes(draft.path_of("node1").read_bytes())
    one = side_of_capture(draft.seal(now=NOW, tools={}))
    assert one.snapshot("node1").node == "node1"
    with pytest.raises(UnreadableError, match="it is of node 'node1', not of 'node2'"):
        one.snapshot("node2")


def test_two_files_swapped_after_sealing_are_named(tmp_path):
    one = side(tmp_path, [bare(node) for node in NODES])
    first, second = (one.paths[node].read_bytes() for node in NODES)
    one.paths["node1"].write_bytes(second)
    one.paths["node2"].write_bytes(first)
    for node in NODES:
        with pytest.raises(UnreadableError, match="changed after the capture was sealed"):
            one.snapshot(node)


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("snapdiff/capture/1", "snapdiff/capture/2", "Update snapdiff"),
        ("nodes/node1.yml", "nodes/../../x.yml", "does not match"),
        ("nodes/node1.yml", "/etc/passwd", "does not match"),
        ('"outcome":"ok"', '"outcome":"fine"', "'fine' is not one of"),
        ('"body":', '"boby":', "there is no 'boby'. Did you mean body|required"),
    ],
    ids=["newer", "out-of-the-store", "absolute", "outcome", "misspelt"],
)
def test_a_manifest_that_breaks_its_schema_is_refused(tmp_path, old, new, why):
    folder = Path(capture(tmp_path, [bare()]).place)
    text = (folder / "capture.yml").read_text()
    assert old in text
    (folder / "capture.yml").write_text(text.replace(old, new))
    with pytest.raises(InvalidError, match=rf"capture\.yml:[0-9]+:[0-9]+: .*({why})"):
        read_manifest(folder)


def test_a_file_over_the_limit_is_refused(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"x" * 10)
    assert files.read(path, 11) == files.read(path, 10) == b"x" * 10
    with pytest.raises(UnreadableError, match="x: over the limit of 9 bytes"):
        files.read(path, 9)


@pytest.mark.parametrize("name", ["missing", ".", "x" * 300], ids=["missing", "folder", "long"])
def test_a_file_that_cannot_be_read_is_named(tmp_path, name):
    with pytest.raises(UnreadableError, match=r": .+"):
        files.read(tmp_path / name, 9)


# ---- loose files --------------------------------------------------------------------------------


def test_loose_files_say_themselves_whose_they_are(tmp_path):
    for number, node in enumerate(NODES):
        (tmp_path / f"{number}.yml").write_text(dumps(bare(node).sections))
    found = side_of_files(sorted(tmp_path.glob("*.yml")), tmp_path)
    assert found.capture.nodes == {one: Node(name=one, outcome=Outcome.OK) for one in NODES}
    assert found.snapshot("node2").node == "node2"


def test_two_loose_files_of_one_node_are_refused(tmp_path):
    for number in (1, 2):
        (tmp_path / f"{number}.yml").write_text(dumps(bare().sections))
    with pytest.raises(UnreadableError, match=r"2\.yml: node 'node1' is in .*1\.yml already"):
        side_of_files(sorted(tmp_path.glob("*.yml")), tmp_path)


def test_no_files_are_no_side(tmp_path):
    with pytest.raises(UnreadableError, match="no capture and no snapshot in it"):
        side_of_files([], tmp_path)


# ---- kills and full disks -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    """Return a folder of stores, one for every step that a process was killed at."""
    folder = tmp_path_factory.mktemp("killed")
    steps, status = map(int, child("killed", folder, TEXT).split())
    assert status == 0
    assert steps >= 40
    assert len(list(folder.iterdir())) == steps + 1
    shutil.rmtree(folder / str(steps + 1))  # the one that nobody killed
    return folder


@pytest.fixture
def wrecks(killed, tmp_path):
    return sorted(Path(shutil.copytree(killed, tmp_path / "stores", symlinks=True)).iterdir())


def test_a_kill_at_any_step_loses_nothing_and_lists_no_half_capture(wrecks):
    seen = set()
    for store in wrecks:
        names = all_read(store)
        assert names in (["20261122T020000Z"], ["20261122T020000Z", "20261123T020000Z"])
        seen.add(len(names))
    assert seen == {1, 2}  # killed before the manifest, and after


def test_after_a_kill_at_any_step_the_next_run_works(wrecks):
    for store in wrecks:
        names = all_read(store)
        store_child.take(store, TEXT)
        assert all_read(store)[: len(names)] == names
        assert len(all_read(store)) == len(names) + 1


def test_a_capture_whose_process_was_killed_can_be_sealed_by_another(wrecks):
    sealed = 0
    for store in wrecks:
        folder = store / "lab" / "20261123T020000Z"
        if (folder / "asked.yml").is_file() and not (folder / "capture.yml").exists():
            found = stores.Draft(folder).seal(now=NOW, tools={})
            assert set(found.nodes) == {"node1", "node2", "node3"}
            assert not (folder / "asked.yml").exists()
            assert not (folder / "outcomes").exists()  # nor a draft that was left in it
            assert all_read(store) == ["20261122T020000Z", "20261123T020000Z"]
            sealed += 1
    assert sealed > 20


ERRORS = [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EIO, errno.EMFILE]


def failing(monkeypatch, number, error):
    """Have the *number*-th step that changes the disk end in *error*."""
    left = [number]

    def step():
        left[0] -= 1
        if left[0] == 0:
            raise OSError(error, os.strerror(error))

    def wrap(name):
        real = getattr(os, name)

        def wrapped(*args, **options):
            step()
            found = real(*args, **options)
            return store_child.Torn(found, step) if name == "fdopen" else found

        monkeypatch.setattr(os, name, wrapped)

    for name in ("open", "fdopen", "fsync", "mkdir", "replace"):
        wrap(name)
    return left


@pytest.mark.parametrize("error", ERRORS, ids=errno.errorcode.get)
def test_an_error_at_any_step_is_one_of_ours_and_leaves_nothing_partial(tmp_path, error):
    capture(tmp_path, [bare()])
    for number in range(1, 200):
        with pytest.MonkeyPatch.context() as patch:
            left = failing(patch, number, error)
            try:
                store_child.take(tmp_path, TEXT)
            except SnapdiffError as caught:
                assert os.strerror(error) in str(caught)  # noqa: PT017
            else:
                assert left[0] > 0
                break
        names = all_read(tmp_path)
        assert names[0] == "20261122T020000Z"
        assert list(tmp_path.rglob(".*")) == []  # no draft
    assert number > 35


def test_a_limit_on_the_size_of_files_is_an_error_of_ours_and_leaves_nothing_partial(tmp_path):
    size = TEXT.stat().st_size
    error, *left = child("starved", tmp_path, TEXT, size - 1).splitlines()
    assert error.endswith("nodes/node1.yml: cannot write it: File too large")
    assert [line.split()[0] for line in left] == [
        "lab",
        "lab/20261123T020000Z",
        "lab/20261123T020000Z/asked.yml",
        "lab/20261123T020000Z/nodes",
        "lab/20261123T020000Z/outcomes",
    ]
    assert Store(tmp_path).captures("lab") == []


def mounted(tmp_path, options, then, *arguments):
    """Return what the child prints on a file system of its own, in a private mount namespace."""
    place = tmp_path / "disk"
    place.mkdir()
    script = f'mount -t tmpfs -o {options} none "$0" && {then} && exec "$@"'
    try:
        subprocess.run(["unshare", "--mount", "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("needs the right to make a mount namespace")
    prefix = ("unshare", "--mount", "sh", "-c", script, str(place))
    return child(arguments[0], place / "store", TEXT, *arguments[1:], prefix=prefix)


def test_a_full_disk_is_an_error_of_ours_and_leaves_nothing_partial(tmp_path):
    error, *left = mounted(tmp_path, "size=24k", "true", "tell").splitlines()
    assert error.endswith("cannot write it: No space left on device")
    assert [line for line in left if "/." in line or "capture.yml" in line] == []


def test_a_disk_to_read_only_is_an_error_of_ours(tmp_path):
    then = 'mount -o remount,ro "$0"'
    assert mounted(tmp_path, "size=1m", then, "tell") == (
        f"{tmp_path}/disk/store: cannot make it: Read-only file system\n"
    )


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_folder_of_somebody_else_is_an_error_of_ours(tmp_path):
    store = tmp_path / "store"
    (store / "lab").mkdir(parents=True)
    assert child("nobody", store, TEXT) == (
        f"{store}/lab/20261123T020000Z: cannot make it: Permission denied\n"
        f"{store}/lab: Permission denied\n"
        f"{store}: Permission denied\n"
    )


# ---- links and modes ----------------------------------------------------------------------------


@pytest.fixture
def outside(tmp_path):
    path = tmp_path / "outside.txt"
    path.write_text("untouched")
    return path


@pytest.mark.parametrize("target", ["file", "nothing"])
@pytest.mark.parametrize("name", ["nodes/node1.yml", "outcomes/node2.yml", "capture.yml"])
def test_a_link_planted_at_the_final_place_is_not_followed(tmp_path, outside, name, target):
    draft = Store(tmp_path / "store").begin("lab", nodes=NODES, now=NOW)
    if target == "nothing":
        outside.unlink()
    (draft.folder / name).symlink_to(outside)
    if name == "capture.yml" and target == "file":
        with pytest.raises(UsageError, match="sealed"):
            draft.add(bare())
    else:
        draft.add(bare())
        draft.note("node2", Outcome.FAILED, "x")
        draft.seal(now=NOW, tools={})
        assert all_read(tmp_path / "store") == ["20261122T020000Z"]
        assert not (draft.folder / name).is_symlink()
    assert not outside.exists() if target == "nothing" else outside.read_text() == "untouched"


@pytest.mark.parametrize("target", ["file", "nothing"])
def test_a_link_planted_at_the_draft_is_not_followed(tmp_path, outside, monkeypatch, target):
    monkeypatch.setattr("secrets.token_hex", lambda _size: "0" * 8)  # or it could not be guessed
    if target == "nothing":
        outside.unlink()
    (tmp_path / ".x.yml.00000000").symlink_to(outside)
    with pytest.raises(UnreadableError, match=r"x\.yml: cannot write it: File exists"):
        files.write_whole(tmp_path / "x.yml", b"data")
    assert not outside.exists() if target == "nothing" else outside.read_text() == "untouched"


def test_a_link_in_place_of_the_new_capture_is_not_followed(tmp_path):
    outside = tmp_path / "elsewhere"
    outside.mkdir()
    (tmp_path / "store" / "lab").mkdir(parents=True)
    (tmp_path / "store" / "lab" / "20261122T020000Z").symlink_to(outside)
    assert capture(tmp_path / "store", [bare()]).name == "20261122T020000Z-2"
    assert listing(outside) == {}


@pytest.fixture
def umask():
    before = os.umask(0o022)
    yield os.umask
    os.umask(before)


@pytest.mark.parametrize(
    ("mask", "folder", "file"),
    [(0o000, 0o750, 0o640), (0o022, 0o750, 0o640), (0o077, 0o700, 0o600)],
    ids=["umask-000", "umask-022", "umask-077"],
)
def test_nothing_is_for_everybody_whatever_the_umask(tmp_path, umask, mask, folder, file):
    umask(mask)
    top = tmp_path / "a"
    draft = Store(top / "b" / "c").begin("lab", nodes=[*NODES, "node3"], now=NOW)
    draft.add(bare())
    draft.note("node2", Outcome.FAILED, "x")
    half = [top, *top.rglob("*")]
    modes = {(path.is_dir(), path.stat().st_mode & 0o7777) for path in half}
    draft.seal(now=NOW, tools={})
    modes |= {(path.is_dir(), path.stat().st_mode & 0o7777) for path in [top, *top.rglob("*")]}
    assert modes == {(True, folder), (False, file)}


def test_a_whole_file_takes_the_place_of_the_old_one_at_once(tmp_path, monkeypatch):
    path = tmp_path / "x.yml"
    files.write_whole(path, b"old")
    seen = []
    real = os.fsync
    monkeypatch.setattr(os, "fsync", lambda handle: (seen.append(path.read_bytes()), real(handle)))
    files.write_whole(path, b"new")
    assert seen == [b"old", b"new"]  # the data is on disk before the name, then the name
    assert sorted(tmp_path.iterdir()) == [path]


def test_the_manifest_is_the_last_thing_written(tmp_path, monkeypatch):
    order = []
    real = os.replace

    def replace(old, new):
        order.append(Path(new).name)
        real(old, new)

    monkeypatch.setattr(os, "replace", replace)
    store_child.take(tmp_path, TEXT)
    assert order == ["asked.yml", "node1.yml", "node2.yml", "node3.yml", "capture.yml"]


@pytest.mark.parametrize(
    "number",
    [1, 3, 4, 5, 6, 7],
    ids=["open", "write", "sync", "rename", "open-folder", "sync-folder"],
)
def test_a_write_that_fails_leaves_no_file_open(tmp_path, monkeypatch, number):
    def opened():
        return {
            str(path.readlink()) for path in Path("/proc/self/fd").iterdir() if path.is_symlink()
        }

    with monkeypatch.context() as patch:
        failing(patch, number, errno.EIO)
        with pytest.raises(UnreadableError, match="cannot write it: Input/output error"):
            files.write_whole(tmp_path / "x", b"y")
    assert [one for one in opened() if str(tmp_path) in one] == []
    assert set(listing(tmp_path)) <= {"x"}  # there only where its folder could not be synced


def test_a_moment_is_utc_and_whole_seconds():
    assert stores.stamp(datetime(2026, 11, 22, 2, 0, 0, 999, tzinfo=UTC)) == "2026-11-22T02:00:00Z"
