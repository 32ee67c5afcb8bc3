"""``snapdiff upgrade run``: a batch has its report whatever ended Ansible before its gate."""

from __future__ import annotations

import json
import re
import shlex
import sys

import pytest
from looks import HERE, folder, lab
from plays import BIN, command

from snapdiff.schema import validate

pytestmark = pytest.mark.lab

CHANGE = HERE / "change"
DONE = "done as planned on 1 node"


@pytest.fixture
def upgrade(fresh, tmp_path):
    """Give what runs the command, a node a batch; it returns how it ended and its reports."""
    store = tmp_path / "store"

    def run(*options, tasks=CHANGE / "tasks.yml", **variables):
        words = ["upgrade", "run", "-i", str(folder(fresh) / "inventory.yml")]
        words += ["--plan", str(CHANGE / "plan.yml"), "--tasks", str(tasks)]
        words += ["--batches", "1,1,1", "--pause", "0s", "--within", "8s", "--store", str(store)]
        given = [word for key in variables for word in ("-e", json.dumps({key: variables[key]}))]
        done = command(fresh, str(BIN / "snapdiff"), *words, *options, "--", *given)
        found = {}
        for path in sorted(store.glob("default/reports/*/after-*.json")):
            report = json.loads(path.read_text("utf-8"))
            validate(report, "report")
            assert path.with_suffix(".html").stat().st_size > 1000
            found[path.stem] = report
        return done, found

    run.lab, run.store = fresh, store
    return run


def last(store):
    """Return what the last batch of the change began with."""
    return sorted(store.glob("default/reports/*/due-*.json"))[-1]


def mtu(lab_name, node):
    """Return the MTU of a node's overlay."""
    said = lab(lab_name, "exec", node, "--", "cat", "/sys/class/net/flannel.1/mtu")
    return int(said)


def test_a_clean_change_is_exit_code_0_and_says_what_ansible_does_as_it_does_it(upgrade):
    done, reports = upgrade("--on", "node1,node3", "--batches", "100%")
    assert done.code == 0, done.said
    assert list(reports) == ["after-2"]
    assert "TASK [clusternet.snapdiff.upgrade : Make the overlay anew]" in done.said
    assert [mtu(upgrade.lab, node) for node in ("node1", "node2", "node3")] == [1300, 1360, 1300]


NOT_PARSED = {
    "no YAML": "- name: Restart\n  ansible.builtin.command: [\n",
    "no such module": "- name: Restart\n  clusternet.nothing.restart:\n",
}


@pytest.mark.parametrize("text", NOT_PARSED.values(), ids=NOT_PARSED)
def test_what_ansible_cannot_parse_half_way_costs_no_report(upgrade, tmp_path, text):
    further = tmp_path / "further.yml"
    further.write_text(text, "utf-8")
    done, reports = upgrade(further=str(further))
    assert done.code == 1, done.said
    assert "before the gate, which is held now" in done.said
    assert list(reports) == ["after-1", "after-2"]
    states = {row["path"]: row for row in reports["after-2"]["planned"]}
    assert states["links/flannel.1/mtu"]["done"] == ["node1", "node2"]
    assert states["cni/subnet_env/FLANNEL_MTU"]["missing"][0]["node"] == "node2"
    assert "Stopped after node1, node2; no other node was changed" in done.said
    assert "the change did not come to its end on: node2; what was begun there" in done.said
    assert mtu(upgrade.lab, "node3") == 1360

    again = re.search(r"snapdiff (upgrade gate \S+)", done.err)
    held = command(upgrade.lab, str(BIN / "snapdiff"), *shlex.split(again[1]))
    assert held.code == 1
    assert "the change did not come to its end on: node2; what was begun there" in held.said


def test_a_change_that_was_stopped_goes_on_with_the_nodes_that_it_left(upgrade):
    upgrade(straggler="node2")
    due = last(upgrade.store)
    done, reports = upgrade("--resume", str(due))
    assert done.code == 2
    assert "No other node was changed: the gate is still closed" in done.said
    assert list(reports) == ["after-1", "after-2"]
    assert mtu(upgrade.lab, "node3") == 1360

    done, _reports = upgrade("--resume", str(due), "--cluster", "other")
    assert done.code == 2
    assert "is of a change with cluster default, and this has other" in done.said

    given = (CHANGE / "new-overlay").read_text("utf-8")
    lab(upgrade.lab, "exec", "node2", "--", "bash", "-c", given, "new", "1300")
    lease = "s/FLANNEL_MTU=.*/FLANNEL_MTU=1300/"
    lab(upgrade.lab, "exec", "node2", "--", "sed", "-i", lease, "/run/flannel/subnet.env")
    done, reports = upgrade("--resume", str(due))
    assert done.code == 0, done.said
    assert list(reports) == ["after-1", "after-2", "after-3"]
    assert upgrade("--resume", str(due))[0].said.count("a later batch has begun, so give ") > 0
    assert "done as planned on 3 nodes" in reports["after-3"]["verdict"]
    assert len(list(upgrade.store.glob("default/reports/*-upgrade"))) == 1

    done, _reports = upgrade("--resume", str(last(upgrade.store)))
    assert done.code == 2
    assert "No node is left to change, and the gate is open: node1, node2, node3" in done.said


def test_a_node_where_the_change_did_not_come_to_its_end_is_not_forgotten(upgrade):
    """The plan sees all that it names there, but the change is not through."""
    given = {"crashing": "node1", "restart": str(CHANGE / "restart")}
    upgrade("--batches", "1", **given)
    due = last(upgrade.store)
    done, _reports = upgrade("--resume", str(due))
    assert done.code == 2
    assert "the change did not come to its end on: node1" in done.said
    assert mtu(upgrade.lab, "node2") == 1360

    held = command(upgrade.lab, str(BIN / "snapdiff"), "upgrade", "gate", str(due), "--mended")
    assert held.code == 0, held.said
    done, reports = upgrade("--resume", str(due), "--batches", "2")
    assert done.code == 0, done.said
    assert list(reports) == ["after-1", "after-3"]


def test_where_a_gate_could_not_be_held_nothing_is_changed(upgrade):
    done, reports = upgrade("--batches", "3", "--reports", "/dev/null/x")
    assert done.code == 2, done.said
    assert reports == {}
    assert "Not a directory" in done.said
    assert [mtu(upgrade.lab, node) for node in ("node1", "node2", "node3")] == [1360] * 3


# Signal to whom, and the exit code: who kills Ansible alone has interrupted nothing of ours.
ENDS = {
    "Ansible is killed": ("KILL", ["ansible"], 1),
    "the terminal is gone": ("HUP", ["snapdiff"], 130),
}


@pytest.mark.parametrize(("signal", "whom", "code"), ENDS.values(), ids=ENDS)
def test_whatever_ends_ansible_half_way_the_gate_is_held(upgrade, signal, whom, code):
    besides = [sys.executable, str(CHANGE / "end.py"), signal, *whom]
    done, reports = upgrade(besides=besides)
    assert done.code == code, done.said
    assert list(reports) == ["after-1"]
    assert "did not come to its end on: node1" in done.said
    assert DONE in reports["after-1"]["verdict"]
    assert mtu(upgrade.lab, "node2") == 1360


def test_what_is_refused_before_anything_is_changed_is_exit_code_2(upgrade):
    lab(upgrade.lab, "break", "vtep-mac")
    done, reports = upgrade()
    assert done.code == 2
    assert reports == {}
    assert "Nothing was changed: the cluster is not healthy" in done.said


def test_a_gate_that_is_closed_is_exit_code_1_and_is_not_held_twice(upgrade):
    done, reports = upgrade(straggler="node1")
    assert done.code == 1
    assert list(reports) == ["after-1"]
    assert "Stopped after node1;" in done.said
    assert "held now" not in done.said
