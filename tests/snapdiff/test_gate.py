"""The gate after a batch: what opens it, and what is said where it stays closed."""

from __future__ import annotations

import json
import shlex
from dataclasses import fields, replace
from datetime import timedelta

import pytest

from builders import NOW, capture, edited
from clusters import cluster, snapshots
from snapdiff.cluster import cluster_not_observed
from snapdiff.errors import UnreadableError
from snapdiff.gate import Due, hold, read_due, write_due
from snapdiff.policy import Site

FIELDS = [one.name for one in fields(Due) if one.name != "gate"]
PLAN = """\
schema: snapdiff/plan/1
title: A lower MTU
changes: [{change: links/cni0/mtu, from: 1450, to: 1400}]
breaks: [bridge-mtu, bridge-mtu-alike]
"""


@pytest.fixture
def batch(tmp_path):
    """Give a change whose first batch is done, and what takes captures of the nodes then."""
    store = tmp_path / "store"
    whole = list(snapshots(cluster(3)).values())
    done = [edited(whole[0], {"links/cni0/mtu": 1400}), *whole[1:]]
    before = capture(store, whole, label="before-upgrade")
    (tmp_path / "plan.yml").write_text(PLAN, "utf-8")
    folder = tmp_path / "reports" / f"{before.name}-upgrade"
    folder.mkdir(parents=True)
    given = {
        "schema": "snapdiff/due/1",
        "before": before.place,
        "nodes": ["node1"],
        "unfinished": [],
        "store": str(store),
        "cluster": "lab",
        "hosts": "all",
        "plan": str(tmp_path / "plan.yml"),
        "fail_on": "error",
        "even_if_unhealthy": False,
        "min_coverage": 100,
        "settle_within": "0s",
        "settle_pause": "0s",
        "inventories": ["hosts.yml"],
        "gather_options": [],
        "gather_variables": {},
        "folder": "/srv/change",
    }
    (folder / "due-1.json").write_text(json.dumps(given), "utf-8")
    return Batch(store, whole, done, folder / "due-1.json")


class Batch:
    """A store, and the snapshots of the captures that are taken at the gate, one after another."""

    def __init__(self, store, whole, done, file):
        self.store, self.whole, self.done, self.file = store, whole, done, file
        self.hour, self.lost, self.api = 1, {}, None

    def take(self):
        self.hour += 1
        rows = [one for one in self.done if one.node not in self.lost]
        now = NOW + timedelta(hours=self.hour)
        given = {"label": "after-1", "now": now, "lost": self.lost, "api": self.api}
        return capture(self.store, rows, **given)

    def hold(self, *, mended=False, **changed):
        due = replace(read_due(self.file), **changed)
        return hold(due, self.take, site=Site(), mended=mended)


def test_a_gate_is_open_where_the_plan_holds_and_nothing_else_changed(batch):
    gate = batch.hold()
    assert gate.exit_code == 0, gate.words
    assert gate.words == (
        "lab: done as planned on 1 node, not due yet on 2; nothing else changed on 3 nodes",
    )
    assert gate.rest.settled


def straggler(batch):
    batch.done[0] = batch.whole[0]


def other(batch):
    batch.done[2] = edited(batch.done[2], {"sysctls/net.ipv4.ip_forward": 0})


def away(batch):
    batch.lost = {"node2": "no route to host"}


def silent(batch):
    batch.api = cluster_not_observed("refused")


def broken(batch):
    batch.done[2] = edited(batch.done[2], {"links/flannel.1/mtu": 1500})


KUBECTL = {"snapdiff_kubectl": True}
CLOSED = {
    "a straggler": (straggler, {}, 1, "missing on node1"),
    "the change failed there": (None, {"unfinished": ("node1",)}, 1, "its end on: node1"),
    "something else changed": (other, {}, 1, "1 finding on 1 of 3 nodes"),
    "a node is away": (away, {}, 1, "not settled within 0s"),
    "a rule is broken": (broken, {}, 1, "rules: lab: "),
    "kubectl gave no answer": (silent, {"gather_variables": KUBECTL}, 3, "kubectl: refused"),
    "it gave none though rules do not count": (
        silent,
        {"gather_variables": KUBECTL, "even_if_unhealthy": True},
        3,
        "the cluster was asked and gave no answer",
    ),
    "the plan is gone": (None, {"plan": "/no/plan.yml"}, 2, "plan: /no/plan.yml: "),
    "the capture before is gone": (None, {"before": "/no/capture"}, 2, "no such file or folder"),
    "no time span": (None, {"settle_within": "soon"}, 2, "rest: --within soon"),
}


@pytest.mark.parametrize(("change", "due", "code", "said"), CLOSED.values(), ids=CLOSED)
def test_a_gate_is_closed_and_says_why(batch, change, due, code, said):
    if change is not None:
        change(batch)
    gate = batch.hold(**due)
    assert gate.exit_code == code, gate.words
    assert said in "\n".join(gate.words)
    assert gate.words[0].startswith("Stopped after node1; no other node was changed")


def test_what_was_broken_before_stops_nothing_where_the_change_began_all_the_same(batch):
    broken(batch)
    assert batch.hold().rules.exit_code == 1
    batch.whole[2] = batch.done[2]
    before = capture(
        batch.store, batch.whole, label="before-upgrade", now=NOW + timedelta(minutes=1)
    )
    gate = batch.hold(before=before.place, even_if_unhealthy=True)
    assert gate.rules.exit_code == 1
    assert gate.exit_code == 0, gate.words


def test_mended_is_said_of_this_gate_and_printed_again_where_it_stays_closed(batch):
    assert batch.hold(mended=True, unfinished=("node1",)).exit_code == 0
    other(batch)
    gate = batch.hold(mended=True, unfinished=("node1",))
    assert gate.exit_code == 1
    assert "the change did not come to its end on: no node" in gate.words
    assert [line for line in gate.words if line.endswith(" --mended")]


def test_a_folder_that_is_gone_is_told_and_costs_no_words(batch):
    def take():
        raise FileNotFoundError(2, "No such file or directory", "/srv/change")

    gate = hold(read_due(batch.file), take, site=Site())
    assert gate.exit_code == 2
    assert "rest: [Errno 2] No such file or directory: '/srv/change'" in gate.words


def test_where_nothing_could_be_gathered_no_earlier_capture_is_asked(batch):
    gate = batch.hold(settle_within="soon")
    assert (gate.plan, gate.rules) == (None, None)
    assert not [line for line in gate.words if line.startswith(("snapdiff diff", "snapdiff check"))]
    assert "plan: not asked" in gate.words


def test_what_a_folder_or_a_variable_says_of_severities_opens_no_gate(batch, monkeypatch):
    monkeypatch.setenv("SNAPDIFF_FAIL_ON", "error")
    other(batch)
    gate = batch.hold()
    assert gate.plan.exit_code == 1
    assert [line for line in gate.words if "snapdiff diff" in line and "--fail-on=warning" in line]


def test_only_where_something_is_left_undone_is_mending_asked_for(batch):
    other(batch)
    assert not [line for line in batch.hold().words if "--mended" in line]
    assert [line for line in batch.hold(unfinished=("node1",)).words if "--mended" in line]


def test_what_is_written_back_is_what_was_read_and_for_the_owner_alone(batch):
    due = read_due(batch.file)
    write_due(replace(due, gate=1, unfinished=("node1",)))
    assert read_due(batch.file) == replace(due, gate=1, unfinished=("node1",))
    write_due(due)
    assert read_due(batch.file) == due
    assert batch.file.stat().st_mode & 0o777 == 0o600


def test_where_the_plan_cannot_be_read_the_rules_are_held_all_the_same(batch):
    broken(batch)
    gate = batch.hold(plan="/no/plan.yml")
    assert (gate.plan, gate.rules.exit_code, gate.exit_code) == (None, 1, 1)
    assert not [line for line in gate.words if line.endswith(".html")]


def test_what_goes_on_can_be_pasted_whatever_the_folder_is_called(tmp_path):
    folder = tmp_path / "a b'c"
    words = Due(**dict.fromkeys(FIELDS, ()) | {"file": folder / "due-1.json"}).onward
    assert shlex.split(words[1]) == ["--resume", str(folder / "due-1.json")]
    option, variables = shlex.split(words[2])
    assert (option, json.loads(variables)) == (
        "-e",
        {"snapdiff_upgrade_resume": str(folder / "due-1.json")},
    )


WRONG = {
    "no JSON": "nodes: [",
    "nobody is due": json.dumps({"schema": "snapdiff/due/1", "nodes": []}),
    "a variable of another role": json.dumps(
        {"schema": "snapdiff/due/1", "gather_variables": {"ansible_connection": "local"}}
    ),
}


@pytest.mark.parametrize("text", WRONG.values(), ids=WRONG)
def test_a_file_that_is_none_of_ours_is_refused(tmp_path, text):
    path = tmp_path / "due-1.json"
    path.write_text(text, "utf-8")
    with pytest.raises(UnreadableError, match=str(path)):
        read_due(path)
