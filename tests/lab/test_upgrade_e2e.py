"""Change the MTU of the overlay batch by batch, by the shipped playbook over real ssh."""

from __future__ import annotations

import json
import re
import sys

import pytest
import yaml
from looks import HERE, lab
from plays import captures, play, written

from snapdiff.schema import validate

pytestmark = pytest.mark.lab

UPGRADE = "clusternet.snapdiff.cni_upgrade"
CHANGE = HERE / "change"


@pytest.fixture
def upgrade(fresh, tmp_path):
    """Give what runs the playbook, a node a batch; it returns how it ended and its reports."""
    store = tmp_path / "store"

    def run(*options, **variables):
        given = {
            "snapdiff_plan": str(CHANGE / "plan.yml"),
            "snapdiff_upgrade_tasks": str(CHANGE / "tasks.yml"),
            "snapdiff_batches": [1, 1, 1],
            "snapdiff_upgrade_settle_pause": "0s",
            "snapdiff_upgrade_settle_within": "8s",
            **variables,
        }
        done = play(fresh, UPGRADE, *options, store=store, **given)
        found = {}
        for path in sorted(store.glob("default/reports/*/after-*.json")):
            report = json.loads(path.read_text("utf-8"))
            validate(report, "report")
            assert path.with_suffix(".html").stat().st_size > 1000
            found[path.stem] = report
        return done, found

    run.store = store
    run.lab = fresh
    return run


def fates(report, what):
    """Return the nodes of each line of the plan that have this fate."""
    return [
        [one["node"] if isinstance(one, dict) else one for one in row[what]]
        for row in report["planned"]
    ]


def test_a_clean_upgrade_passes_in_three_batches(upgrade):
    done, reports = upgrade()
    assert done.code == 0, done.said
    assert list(reports) == ["after-1", "after-2", "after-3"]
    assert fates(reports["after-1"], "done") == [["node1"]] * 2
    assert fates(reports["after-1"], "waiting") == [["node2", "node3"]] * 2
    assert fates(reports["after-3"], "done") == [["node1", "node2", "node3"]] * 2
    assert [row["severity"] for row in reports["after-3"]["findings"]] == []
    assert all(one["exit_code"] == 0 for one in reports.values())


def test_a_straggler_stops_it_at_its_batch_and_is_named(upgrade):
    done, reports = upgrade(straggler="node2")
    assert done.code != 0
    assert list(reports) == ["after-1", "after-2"]
    late = reports["after-2"]
    assert fates(late, "missing") == [["node2"]] * 2
    assert fates(late, "done") == [["node1"]] * 2
    assert "missing on node2" in late["verdict"]
    assert "Stopped after node1, node2; no other node was changed" in done.said
    assert "snapdiff diff " in done.said
    assert "1360" in lab(upgrade.lab, "exec", "node3", "--", "ip", "link", "show", "flannel.1")


def test_a_batch_that_fails_half_way_has_its_report_all_the_same(upgrade):
    done, reports = upgrade(failing="node2")
    assert done.code != 0
    assert list(reports) == ["after-1", "after-2"]
    assert "the change failed on: node2" in done.said
    assert fates(reports["after-2"], "missing") == [[], ["node2"]]


WAYS_OF_CUTTING = {
    "every node of a batch": (["node1"], [1, 2], ["node1"]),
    "a node of a batch, the other goes on": (["node1"], [2, 1], ["node1", "node2"]),
    "every node of the cluster": (["node1", "node2", "node3"], [3], ["node1", "node2", "node3"]),
}


@pytest.mark.parametrize(
    ("cut_off", "batches", "due"), WAYS_OF_CUTTING.values(), ids=WAYS_OF_CUTTING
)
def test_a_batch_that_is_cut_off_half_way_has_its_report_all_the_same(
    upgrade, cut_off, batches, due
):
    lab_words = [sys.executable, str(HERE / "lab"), "--name", upgrade.lab]
    done, reports = upgrade(cut_off=cut_off, lab=lab_words, snapdiff_batches=batches)
    assert done.code != 0
    last = f"after-{len(due)}"
    assert list(reports)[-1] == last
    assert reports[last]["exit_code"] == 3
    assert fates(reports[last], "unknown") == [cut_off] * 2
    assert f"Stopped after {', '.join(due)}; no other node was changed" in done.said
    assert f"the change failed on: {', '.join(cut_off)}" in done.said
    for node in {"node1", "node2", "node3"} - set(due):
        assert "1360" in lab(upgrade.lab, "exec", node, "--", "ip", "link", "show", "flannel.1")
    for node in set(due) - set(cut_off):
        lease = lab(upgrade.lab, "exec", node, "--", "cat", "/run/flannel/subnet.env")
        assert "FLANNEL_MTU=1300" in lease


def test_a_batch_that_was_ended_before_its_gate_is_the_last_one(upgrade):
    done, reports = upgrade(ending=True)
    assert done.code != 0
    assert reports == {}
    assert "A batch before did not come to its gate; no other node was changed" in done.said
    assert "1360" in lab(upgrade.lab, "exec", "node2", "--", "ip", "link", "show", "flannel.1")


REFUSALS = {
    "a limit": (["--limit", "node1"], {}, "in snapdiff_upgrade_hosts, not with --limit"),
    "nobody to change": (
        [],
        {"snapdiff_upgrade_hosts": "nobody"},
        "names no node of the inventory",
    ),
    "no batch size": ([], {"snapdiff_batches": "some"}, "batches: 'some'"),
}


@pytest.mark.parametrize(("options", "variables", "told"), REFUSALS.values(), ids=REFUSALS)
def test_what_cannot_be_meant_is_refused_before_anything_is_changed(
    upgrade, options, variables, told
):
    done, reports = upgrade(*options, **variables)
    assert done.code != 0
    assert reports == {}
    assert told in done.said
    assert "1360" in lab(upgrade.lab, "exec", "node1", "--", "ip", "link", "show", "flannel.1")


def test_what_nobody_planned_stops_it_too(upgrade):
    done, reports = upgrade(slip=True)
    assert done.code != 0
    assert list(reports) == ["after-1"]
    paths = [row["path"] for row in reports["after-1"]["findings"] if row["severity"] != "info"]
    assert paths == ["sysctls/net.ipv4.ip_forward"]


def test_a_cluster_that_is_not_healthy_is_refused_before_anything_is_changed(upgrade):
    lab(upgrade.lab, "break", "vtep-mac")
    done, reports = upgrade()
    assert done.code != 0
    assert reports == {}
    assert "Nothing was changed: the cluster is not healthy" in done.said
    assert "1360" in lab(upgrade.lab, "exec", "node1", "--", "ip", "link", "show", "flannel.1")


def test_a_plan_that_does_not_fit_is_refused_before_anything_is_changed(upgrade, tmp_path):
    plan = yaml.safe_load((CHANGE / "plan.yml").read_text("utf-8"))
    wrong = {**plan, "changes": [{"change": "links/flannel.1/mtu", "from": 1450, "to": 1300}]}
    done, reports = upgrade(snapdiff_plan=str(written(tmp_path, "wrong.yml", wrong)))
    assert done.code != 0
    assert reports == {}
    assert re.search("planned from 1450, there is 1360", done.said)
    assert len(captures(upgrade.store)) == 1
