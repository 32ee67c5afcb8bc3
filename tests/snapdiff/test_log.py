"""``snapdiff log``: the captures of a cluster, and what came of them."""

from __future__ import annotations

import json

import pytest

from clusters import cluster
from nights import Cluster, runner


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    call = runner(tmp_path, monkeypatch, capsys)
    (tmp_path / "snapdiff.yml").write_text("store: .\ncluster: prod\n")
    return call


@pytest.fixture
def prod(tmp_path):
    """Return a cluster with a clean night, a broken one, one that saw nobody, and a capture."""
    found = Cluster(tmp_path)
    broken = cluster(3)
    broken["node2"]["links"]["flannel.1"]["mtu"] = 1500
    found.night(cluster(3), label="before")
    found.night(broken)
    found.night({}, lost=dict.fromkeys(cluster(3), "no route"))
    some = {name: broken[name] for name in ("node1", "node2")}
    found.capture(some, skipped={"node3": "--limit"})
    return found


LINES = [
    "20261125T020000Z    2/2 nodes  1 left out",
    "20261124T020000Z    0/3 nodes  nothing seen  told: unseen",
    "20261123T020000Z    3/3 nodes  1 error  baseline mine  told: new",
    "20261122T020000Z    3/3 nodes  clean  label before",
]


def test_captures_are_listed_the_newest_first(run, prod):
    run("baseline", "set", "20261123T020000Z", "--name", "mine")
    code, out, err = run("log")
    assert (code, err) == (0, "")
    assert out.splitlines() == LINES


@pytest.mark.parametrize(
    ("since", "count"),
    [("2026-11-24", 2), ("2026-11-23T02:00:00Z", 3), ("2026-11-23T02:00:01Z", 2)],
)
def test_since_a_time(run, prod, since, count):
    assert len(run("log", "--since", since)[1].splitlines()) == count


def test_the_log_for_machines_tells_what_is_not_known_from_nothing(run, prod):
    rows = json.loads(run("log", "-o", "json")[1])
    keys = ("observed", "expected", "skipped", "findings", "accepted", "told")
    assert [[row[key] for key in keys] for row in rows] == [
        [2, 2, 1, None, None, None],
        [0, 3, 0, {}, 0, ["unseen"]],
        [3, 3, 0, {"error": 1}, 0, ["new"]],
        [3, 3, 0, {}, 0, []],
    ]
    assert [row["label"] for row in rows] == ["", "", "", "before"]


def test_a_label_moves_no_cursor(run, tmp_path):
    Cluster(tmp_path).capture(cluster(1), label="\x1b[2J\nall is well")
    out = run("log")[1]
    assert ("\x1b" in out, len(out.splitlines())) == (False, 1)


def test_a_store_without_captures_is_told(run):
    code, out, err = run("log")
    assert (code, out) == (2, "")
    assert "cluster 'prod' has no capture" in err


def test_a_capture_that_nobody_can_read_costs_itself_alone(run, prod, tmp_path):
    manifest = tmp_path / "prod" / "20261123T020000Z" / "capture.yml"
    manifest.write_bytes(manifest.read_bytes()[:40])
    code, out, err = run("log")
    assert (code, out.splitlines()) == (2, [LINES[0], LINES[1], LINES[3]])
    assert str(manifest) in err
    code, out, err = run("history", "links/flannel.1/mtu")
    assert code == 2
    assert out.startswith("links/flannel.1/mtu over 3 captures")
    assert str(manifest) in err


def test_where_no_capture_can_be_read_there_is_nothing_to_list(run, prod, tmp_path):
    for manifest in (tmp_path / "prod").glob("2*/capture.yml"):
        manifest.write_bytes(b"schema: 5")
    code, out, err = run("log")
    assert (code, out) == (2, "")
    assert "no capture can be read" in err
