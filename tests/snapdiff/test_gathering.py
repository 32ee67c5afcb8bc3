"""A gather that comes to nothing says why, and one says what stays newer than itself."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from builders import bare, capture
from nights import runner

GOOD = "nodes: {hosts: {node1: {ansible_connection: local}}}\n"

NOTHING = [
    (None, [], "-i hosts.yml: no such file or folder. A host without a file has a comma behind it"),
    ("nodes: [", [], "Ansible cannot read hosts.yml as an inventory. 'ansible-inventory -i"),
    (GOOD, ["--hosts", "workers"], "hosts.yml has none that matches --hosts workers. 'ansible-"),
    (GOOD, ["--", "--forks", "many"], "capture:\n  ansible-playbook: error: argument -f/--forks"),
]


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    return runner(tmp_path, monkeypatch, capsys)


@pytest.mark.parametrize(
    ("text", "options", "said"),
    NOTHING,
    ids=["no-file", "no-inventory", "no-such-group", "no-such-option"],
)
def test_a_gather_of_no_node_says_why(run, tmp_path, text, options, said):
    if text is not None:
        (tmp_path / "hosts.yml").write_text(text, "utf-8")
    code, out, err = run("gather", "-i", "hosts.yml", "--store", "snapshots", *options)
    assert (code, out) == (2, "")
    assert said in err
    assert len(err.splitlines()) < 4
    assert not (tmp_path / "snapshots").exists()


@pytest.mark.parametrize(("year", "later"), [(2001, False), (2999, True)], ids=["past", "to-come"])
def test_a_capture_of_a_time_to_come_is_told_for_it_stays_the_latest(run, tmp_path, year, later):
    when = datetime(year, 11, 22, 2, 0, tzinfo=UTC)
    capture(tmp_path / "snapshots", [bare()], cluster="prod", now=when)
    code, out, err = run("gather", "--local", "--store", "snapshots", "--cluster", "prod")
    assert (code, out) == (0, "")
    warned = f"capture {year}1122T020000Z is of a time that is still to come, so it stays @latest"
    assert (warned in err) == later
    assert "1 of 1 nodes" in err
