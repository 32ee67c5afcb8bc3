"""Pages over a store: what is made, what is made again, and what is left alone."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path
from urllib.parse import unquote

import pytest

from builders import NOW, capture, edited
from clusters import cluster, snapshots
from snapdiff import owned, site
from snapdiff.cli import main
from snapdiff.compare import check_capture
from snapdiff.errors import UsageError
from snapdiff.ledger import night_of, write_night
from snapdiff.policy import Site, Waiver
from snapdiff.site import Way, build
from snapdiff.store import Store, read_manifest
from snapdiff.verdict import Policy

WIDE = {"links/flannel.1/mtu": 1500}
LATER = NOW + timedelta(days=9)
HEALTHY = list(snapshots(cluster(3)).values())
SPOILT = [edited(HEALTHY[0], WIDE), *HEALTHY[1:]]


def way(**changes):
    return Way(**{"policy": Policy(), "site": Site(), "now": LATER, **changes})


@pytest.fixture
def store(tmp_path):
    """Return a store with three captures of one cluster; the last two have a finding."""
    folder = tmp_path / "store"
    for day, given in enumerate([HEALTHY, SPOILT, SPOILT]):
        capture(folder, given, cluster="lab", now=NOW + timedelta(days=day), label=f"day {day}")
    return Store(folder)


@pytest.fixture
def web(tmp_path):
    return tmp_path / "web"


def run(web, store, **options):
    changes = {name: options.pop(name) for name in ("policy", "site", "now") if name in options}
    clusters = options.pop("clusters", None) or store.clusters()
    built = build(web, clusters, store=store, way=way(**changes), **options)
    return built.made, built.kept, built.removed


def files_in(web):
    return sorted(str(path.relative_to(web)) for path in web.rglob("*") if path.is_file())


def written_at(web):
    return {path: path.stat().st_mtime_ns for path in web.rglob("*/check.html")}


def test_each_capture_has_its_reports_and_each_cluster_its_list(web, store):
    assert run(web, store) == (3, 0, 0)
    names = ["20261122T020000Z", "20261123T020000Z", "20261124T020000Z"]
    assert files_in(web) == [
        "index.html",
        f"lab/{names[0]}/check.html",
        f"lab/{names[0]}/made.json",
        *(f"lab/{name}/{page}" for name in names[1:] for page in sorted((*site.PAGES, site.MADE))),
        "lab/index.html",
        "lab/made.json",
    ]
    index = (web / "lab/index.html").read_text()
    assert [index.index(name) for name in reversed(names)] == sorted(map(index.index, names))
    assert all(f"day {day}" in index for day in range(3))
    assert "3 of 3" in index


def test_links_are_relative_and_lead_somewhere(web, store):
    capture(store.folder, HEALTHY, cluster="Prod EU/<b>%41", now=NOW)
    run(web, store)
    followed = 0
    for path in web.rglob("*.html"):
        for link in re.findall(r'href="([^"#]+)"', path.read_text()):
            assert not re.match(r"[a-z]+:|/", link)
            assert (path.parent / unquote(link)).resolve().is_file(), f"{path}: {link}"
            assert (path.parent / unquote(link)).resolve().is_relative_to(web.resolve())
            followed += 1
    assert followed > 10
    assert "Prod EU/&lt;b&gt;%41" in (web / "index.html").read_text()


def test_a_site_tells_no_path_of_the_controller(web, store, tmp_path):
    run(web, store)
    for path in web.rglob("*"):
        assert path.is_dir() or str(tmp_path) not in path.read_text()


def test_everybody_may_read_it(web, store):
    run(web, store)
    modes = {path.stat().st_mode & 0o777 for path in web.rglob("*") if path.is_file()}
    folders = {path.stat().st_mode & 0o777 for path in (web, web / "lab")}
    assert (modes, folders) == ({0o644}, {0o755})


# ---- what is made again -----------------------------------------------------------------------


def test_a_report_whose_inputs_are_the_same_is_not_made_again(web, store):
    run(web, store)
    before = written_at(web)
    assert run(web, store, now=LATER + timedelta(days=1)) == (0, 3, 0)
    assert written_at(web) == before


def other_label(store, web):
    capture(store.folder, HEALTHY, cluster="lab", now=NOW + timedelta(days=5))


def lost_page(store, web):
    (web / "lab/20261123T020000Z/diff.html").unlink()


def torn_note(store, web):
    (web / "lab/20261123T020000Z/made.json").write_text('{"schema": "snapdiff/site/1", ')


def a_night(store, web):
    path = store.captures("lab")[0]
    report = check_capture(str(path), store=store, cluster="lab", policy=Policy(), now=NOW)
    write_night(store.cluster_folder("lab"), night_of(read_manifest(path), report, now=NOW))


WAIVER = Waiver(rule="overlay-mtu-headroom", reason="meant", until=LATER.date())


@pytest.mark.parametrize(
    ("act", "changes", "done"),
    [
        (None, {}, (0, 3, 0)),
        (other_label, {}, (1, 3, 0)),
        (lost_page, {}, (1, 2, 0)),
        (a_night, {}, (2, 1, 0)),  # those after it
        (None, {"policy": Policy(min_coverage=50.0)}, (3, 0, 0)),
        (None, {"site": Site(waivers=(WAIVER,))}, (3, 0, 0)),
    ],
    ids=["nothing", "a-new-capture", "a-page-is-lost", "a-night", "other-policy", "a-waiver"],
)
def test_what_changed_is_made_again_and_nothing_else(act, changes, done, web, store):
    run(web, store)
    if act:
        act(store, web)
    assert run(web, store, **changes) == done


def test_a_waiver_that_ends_makes_reports_anew(web, store):
    rules = Site(waivers=(WAIVER,))
    run(web, store, site=rules)
    assert run(web, store, site=rules) == (0, 3, 0)
    assert run(web, store, site=rules, now=LATER + timedelta(days=1)) == (3, 0, 0)


def test_another_form_of_pages_makes_reports_anew(web, store, monkeypatch):
    run(web, store)
    monkeypatch.setattr(site, "form", lambda: "another version")
    assert run(web, store) == (3, 0, 0)


def test_reports_of_the_newest_alone_leave_the_rest_listed(web, store):
    assert run(web, store, last=1) == (1, 0, 0)
    index = (web / "lab/index.html").read_text()
    assert index.count("no report") == 2
    assert run(web, store) == (2, 1, 0)


# ---- what is ours, and what is not ------------------------------------------------------------


@pytest.mark.parametrize(
    "place", ["index.html", "lab/index.html", "lab/made.json", "lab/20261123T020000Z/check.html"]
)
def test_a_file_of_somebody_else_is_never_replaced(place, web, store):
    path = web / place
    path.parent.mkdir(parents=True)
    path.write_text("mine")
    with pytest.raises(UsageError, match=f"{place}: snapdiff did not write this file"):
        run(web, store)
    assert path.read_text() == "mine"


def test_a_link_in_the_way_is_not_followed(web, store, tmp_path):
    (web / "lab").mkdir(parents=True)
    (web / "lab/index.html").symlink_to(tmp_path / "other")
    with pytest.raises(UsageError, match="did not write"):
        run(web, store)
    assert not (tmp_path / "other").exists()


def test_pages_of_a_capture_that_is_gone_go_too_and_nothing_else(web, store):
    run(web, store)
    for name in ("20261122T020000Z", "20261123T020000Z"):
        path = store.cluster_folder("lab") / name
        path.rename(store.folder / f"gone-{name}")
    (web / "lab/20261122T020000Z/notes.txt").write_text("mine")
    (web / "lab/other").mkdir()
    (web / "lab/other/check.html").write_text("mine")
    assert run(web, store)[2] == 2
    assert files_in(web / "lab") == [
        "20261122T020000Z/notes.txt",
        "20261124T020000Z/check.html",
        "20261124T020000Z/made.json",
        "index.html",
        "made.json",
        "other/check.html",
    ]


@pytest.mark.parametrize("clusters", [[], ["lab", "nosuch"]])
def test_a_store_without_captures_takes_nothing_away(clusters, web, store, tmp_path):
    run(web, store)
    before = files_in(web)
    with pytest.raises(UsageError, match="no capture"):
        build(web, clusters, store=Store(tmp_path / "empty"), way=way())
    assert files_in(web) == before


def test_another_cluster_built_alone_stays_on_the_first_page(web, store):
    capture(store.folder, HEALTHY, cluster="prod", now=NOW)
    run(web, store, clusters=["lab"])
    run(web, store, clusters=["prod"])
    first = (web / "index.html").read_text()
    assert 'href="lab/index.html"' in first
    assert 'href="prod/index.html"' in first


@pytest.mark.parametrize(
    "text", ["", "[]", "null", "{", '{"schema": "snapdiff/site/1"}', '{"schema": "other"}', "\0"]
)
def test_a_note_that_is_torn_is_no_note(text, tmp_path):
    path = tmp_path / "made.json"
    path.write_text(text)
    assert owned.document(path) in ({}, {"schema": owned.SCHEMA})
    assert site._known(tmp_path, "x") == {}
    assert site._cluster_in(tmp_path) is None


# ---- what cannot be told ----------------------------------------------------------------------


def test_a_capture_that_cannot_be_read_is_listed_and_not_green(web, store, monkeypatch, capsys):
    path = store.captures("lab")[2] / "capture.yml"
    path.write_text("schema: no\n")
    monkeypatch.setattr(
        "sys.argv", ["snapdiff", "site", "build", str(web), "--store", str(store.folder)]
    )
    with pytest.raises(SystemExit) as done:
        main()
    assert done.value.code == 3
    out, err = capsys.readouterr()
    assert "2 made, 0 kept" in out
    assert "capture.yml" in err
    index = (web / "lab/index.html").read_text()
    assert 'class="answer unknown"' in index
    assert "no report" in index


def test_nodes_that_were_not_seen_are_counted_and_not_green(web, tmp_path):
    store = Store(tmp_path / "store")
    capture(store.folder, HEALTHY[:2], cluster="lab", now=NOW, lost={"node3": "no route to host"})
    run(web, store)
    index = (web / "lab/index.html").read_text()
    assert "2 of 3" in index
    assert 'class="answer unknown"' in index
    assert 'class="answer ok"' not in index


def test_the_nights_and_the_lives_of_findings_are_shown(web, store):
    for path in store.captures("lab"):
        report = check_capture(str(path), store=store, cluster="lab", policy=Policy(), now=NOW)
        write_night(store.cluster_folder("lab"), night_of(read_manifest(path), report, now=NOW))
    run(web, store)
    index = (web / "lab/index.html").read_text()
    assert "Findings over the nights" in index
    assert "overlay-mtu-headroom" in index


def test_the_command_says_what_it_did(web, store, monkeypatch, capsys):
    monkeypatch.setattr(
        "sys.argv", ["snapdiff", "site", "build", str(web), "--store", str(store.folder)]
    )
    for told in ("3 made, 0 kept", "0 made, 3 kept"):
        with pytest.raises(SystemExit) as done:
            main()
        assert done.value.code == 0
        assert capsys.readouterr().out == f"{web / 'index.html'}: reports of captures: {told}\n"
    note = json.loads((Path(web) / "lab/made.json").read_text())
    assert (note["cluster"], note["captures"]) == ("lab", 3)
