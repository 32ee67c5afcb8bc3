"""Change the MTU of the overlay batch by batch, by the shipped playbook over real ssh."""

from __future__ import annotations

import json
import os
import re
import shlex
import sys

import pytest
import yaml
from kube import kube_config, kube_node, kube_pod, listed
from looks import HERE, lab
from plays import BIN, captures, command, play, written

from snapdiff.schema import validate

pytestmark = pytest.mark.lab

UPGRADE = "clusternet.snapdiff.cni_upgrade"
CHANGE = HERE / "change"


@pytest.fixture
def upgrade(fresh, tmp_path):
    """Give what runs the playbook, a node a batch; it returns how it ended and its reports."""
    store = tmp_path / "store"

    def run(*options, cluster="default", inventory=(), environment=None, **variables):
        given = {
            "snapdiff_plan": str(CHANGE / "plan.yml"),
            "snapdiff_upgrade_tasks": str(CHANGE / "tasks.yml"),
            "snapdiff_batches": [1, 1, 1],
            "snapdiff_upgrade_settle_pause": "0s",
            "snapdiff_upgrade_settle_within": "8s",
            **variables,
        }
        done = play(
            fresh,
            UPGRADE,
            *options,
            store=store,
            inventory=inventory,
            environment=environment,
            **given,
        )
        found = {}
        for path in sorted(store.glob(f"{cluster}/reports/*/after-*.json")):
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


def mtu_is(upgrade, mtu, *nodes):
    """Say whether the overlay of each of *nodes* has this MTU."""
    return all(
        f"mtu {mtu} " in lab(upgrade.lab, "exec", node, "--", "ip", "link", "show", "flannel.1")
        for node in nodes
    )


def test_a_clean_upgrade_passes_in_three_batches(upgrade):
    done, reports = upgrade()
    assert done.code == 0, done.said
    assert "[WARNING]" not in done.said
    assert list(reports) == ["after-1", "after-2", "after-3"]
    assert fates(reports["after-1"], "done") == [["node1"]] * 2
    assert fates(reports["after-1"], "waiting") == [["node2", "node3"]] * 2
    assert fates(reports["after-3"], "done") == [["node1", "node2", "node3"]] * 2
    assert [row["severity"] for row in reports["after-3"]["findings"]] == []
    assert all(one["exit_code"] == 0 for one in reports.values())


def test_paths_are_from_the_working_folder_and_a_strategy_of_ansible_cfg_does_not_count(upgrade):
    done, reports = upgrade(
        environment={"PWD": str(CHANGE), "ANSIBLE_STRATEGY": "free"},
        snapdiff_plan="plan.yml",
        snapdiff_upgrade_tasks="tasks.yml",
        snapdiff_upgrade_hosts=["node1", "node3"],
        snapdiff_batches="100%",
        snapdiff_upgrade_settle_within=8,
    )
    assert done.code == 0, done.said
    assert list(reports) == ["after-2"]
    assert fates(reports["after-2"], "done") == [["node1", "node3"]] * 2


def test_a_straggler_stops_it_at_its_batch_and_is_named(upgrade):
    done, reports = upgrade(straggler="node2")
    assert done.code != 0
    assert list(reports) == ["after-1", "after-2"]
    late = reports["after-2"]
    assert fates(late, "missing") == [["node2"]] * 2
    assert fates(late, "done") == [["node1"]] * 2
    assert "missing on node2" in late["verdict"]
    assert "Stopped after node1, node2; no other node was changed" in done.said
    assert mtu_is(upgrade, 1360, "node3")

    said = re.search(r'"snapdiff (diff .*)"', done.out)
    again = command(upgrade.lab, str(BIN / "snapdiff"), *shlex.split(said[1]), "--output=json")
    assert again.code == late["exit_code"]
    assert json.loads(again.out)["planned"] == late["planned"], "what is printed can be pasted"


def test_a_node_that_fails_half_way_may_end_its_batch_which_has_its_report_all_the_same(upgrade):
    done, reports = upgrade(failing="node2", snapdiff_batches=[1, 2])
    assert done.code != 0
    assert list(reports) == ["after-1", "after-3"]
    assert "did not come to its end on node2: the pod of flanneld did not come up" in done.said
    assert "did not come to its end on node3: another node ended the batch" in done.said
    assert "the change did not come to its end on: node2, node3" in done.said
    assert "is undefined" not in done.said
    assert fates(reports["after-3"], "missing") == [[], ["node2", "node3"]]


def test_what_a_handler_does_is_held_against_the_plan(upgrade):
    done, reports = upgrade(slip=True, restart=str(CHANGE / "restart"))
    assert done.code != 0
    assert "[WARNING]" not in done.said
    assert list(reports) == ["after-1"]
    paths = [row["path"] for row in reports["after-1"]["findings"] if row["severity"] != "info"]
    assert paths == ["sysctls/net.ipv4.ip_forward"]


def test_a_handler_that_fails_is_a_change_that_failed(upgrade):
    done, reports = upgrade(
        crashing="node1", restart=str(CHANGE / "restart"), snapdiff_batches=[2, 1]
    )
    assert done.code != 0
    assert list(reports) == ["after-2"]
    assert reports["after-2"]["exit_code"] == 0
    assert "the change did not come to its end on: node1" in done.said
    assert "on: node1, node2" not in done.said
    assert mtu_is(upgrade, 1360, "node3")


def test_what_groups_of_the_inventory_set_holds_at_the_gate(upgrade, tmp_path):
    groups = {
        "all": {
            "vars": {"ansible_connection": "ssh"},
            "hosts": {"localhost": {}},
            "children": {
                "nodes": {"vars": {"snapdiff_upgrade_fail_on": "info", "snapdiff_cluster": "prod"}}
            },
        }
    }
    inventory = written(tmp_path, "groups.yml", groups)
    done, reports = upgrade(cluster="prod", inventory=[inventory], snapdiff_hosts="nodes")
    assert done.code != 0
    assert list(reports) == ["after-1"]
    assert reports["after-1"]["exit_code"] == 0, "the plan holds; what it breaks half way is info"
    assert re.search("snapdiff check .*--fail-on=info .*--cluster=prod", done.said)
    assert [path.name for path in upgrade.store.iterdir()] == ["prod"]


@pytest.fixture
def kubectl(tmp_path):
    """Put a kubectl on the PATH that prints files; return the folder, and what to run with."""
    nodes = [kube_node(number) for number in (1, 2, 3)]
    for number, node in enumerate(nodes, 1):
        node["metadata"]["annotations"] = {}
        node["status"]["addresses"] = [{"type": "InternalIP", "address": f"10.77.0.{number}"}]
    answers = {
        "nodes": nodes,
        "configmaps,pods": [kube_config(), *map(kube_pod, (1, 2, 3))],
        "later": [
            kube_config(),
            *(kube_pod(number, waiting="CrashLoopBackOff") for number in (1, 2, 3)),
        ],
    }
    for name, objects in answers.items():
        (tmp_path / name).write_text(json.dumps(listed(*objects)), "utf-8")
    program = tmp_path / "kubectl"
    program.write_text(f'#!/bin/sh\ncat "{tmp_path}/$2"\n', "utf-8")
    program.chmod(0o755)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    return tmp_path, {"environment": {"PATH": path}, "snapdiff_kubectl": True}


def test_the_gate_asks_the_cluster_too(upgrade, kubectl):
    folder, given = kubectl
    later = ["mv", str(folder / "later"), str(folder / "configmaps,pods")]
    done, reports = upgrade(**given, besides=later)
    assert done.code != 0
    assert list(reports) == ["after-1"]
    assert re.search("rules: default: [0-9]+ findings? on 3 of 3 nodes", done.said)
    told = json.loads(next(upgrade.store.glob("default/reports/*/check-1.json")).read_text("utf-8"))
    assert "CrashLoopBackOff" in json.dumps(told)


def test_where_the_cluster_gives_no_answer_any_more_no_further_batch_begins(upgrade, kubectl):
    folder, given = kubectl
    done, reports = upgrade(**given, besides=["rm", str(folder / "configmaps,pods")])
    assert done.code != 0
    assert list(reports) == ["after-1"]
    assert re.search("kubectl: cat: .*configmaps,pods.*: No such file or directory", done.said)


def test_where_it_gives_none_before_nothing_is_changed(upgrade, kubectl):
    folder, given = kubectl
    (folder / "nodes").unlink()
    done, reports = upgrade(**given)
    assert done.code != 0
    assert reports == {}
    assert "Nothing was changed: kubectl was asked, and gave no answer: cat: " in done.said


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
    done, reports = upgrade(
        cut_off=cut_off,
        lab=lab_words,
        snapdiff_batches=batches,
        snapdiff_upgrade_settle_within="1s",  # it never rests
    )
    assert done.code != 0
    last = f"after-{len(due)}"
    assert list(reports)[-1] == last
    assert reports[last]["exit_code"] == 3
    assert fates(reports[last], "unknown") == [cut_off] * 2
    assert f"Stopped after {', '.join(due)}; no other node was changed" in done.said
    assert f"the change did not come to its end on: {', '.join(cut_off)}" in done.said
    assert mtu_is(upgrade, 1360, *({"node1", "node2", "node3"} - set(due)))
    for node in set(due) - set(cut_off):
        lease = lab(upgrade.lab, "exec", node, "--", "cat", "/run/flannel/subnet.env")
        assert "FLANNEL_MTU=1300" in lease


ENDS = {
    "a batch, more are to come": (
        {"ending": "batch"},
        ["A batch before did not pass its gate; no other node was changed"],
        ["node2", "node3"],
    ),
    "the only batch": (
        {"ending": "batch", "snapdiff_batches": 3},
        ["held against nothing: node1, node2, node3", "not changed: no node"],
        [],
    ),
    "the play": (
        {"ending": "play", "snapdiff_batches": [2, 1]},
        ["held against nothing: node1, node2", "not changed: node3"],
        ["node3"],
    ),
}


@pytest.mark.parametrize(("variables", "told", "spared"), ENDS.values(), ids=ENDS)
def test_what_was_ended_before_its_gate_is_the_last_batch_and_no_success(
    upgrade, variables, told, spared
):
    done, reports = upgrade(**variables)
    assert done.code != 0
    assert reports == {}
    assert [words for words in told if words not in done.said] == []
    assert mtu_is(upgrade, 1360, *spared)


REFUSALS = {
    "a limit": (["--limit", "node1"], {}, "in snapdiff_upgrade_hosts, not with --limit"),
    "tags": (["--tags", "mtu"], {}, "not with --tags or --skip-tags"),
    "tags to skip": (["--skip-tags", "mtu"], {}, "not with --tags or --skip-tags"),
    "nobody to change": (
        [],
        {"snapdiff_upgrade_hosts": "nobody"},
        "names no node of the inventory: nobody",
    ),
    "a node that is not gathered": (
        [],
        {"snapdiff_hosts": "node1,node2", "snapdiff_upgrade_hosts": ["node2", "node3"]},
        "names nodes that are not in snapdiff_hosts: node3",
    ),
    "a node that is called as a gate": (
        ["-i", "snapdiff-gate-2,"],
        {"snapdiff_hosts": "nodes"},
        "there is one already: snapdiff-gate-2",
    ),
    "no plan": ([], {"snapdiff_plan": "/no/plan.yml"}, "there is no file /no/plan.yml"),
    "no tasks": ([], {"snapdiff_upgrade_tasks": "/no/t.yml"}, "there is no file /no/t.yml"),
    "tasks that are none": (
        [],
        {"snapdiff_upgrade_tasks": str(CHANGE / "plan.yml")},
        "plan.yml is no list of tasks",
    ),
    "tasks that are no YAML": (
        [],
        {"snapdiff_upgrade_tasks": str(CHANGE / "new-overlay")},
        "from_yaml' failed: ",
    ),
    "no time": ([], {"snapdiff_upgrade_settle_within": "soon"}, "soon is no time span"),
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
    assert mtu_is(upgrade, 1360, "node1")


def test_a_cluster_that_is_not_healthy_is_refused_before_anything_is_changed(upgrade):
    lab(upgrade.lab, "break", "vtep-mac")
    done, reports = upgrade()
    assert done.code != 0
    assert reports == {}
    assert "Nothing was changed: the cluster is not healthy" in done.said
    assert mtu_is(upgrade, 1360, "node1")


def test_a_plan_that_does_not_fit_is_refused_before_anything_is_changed(upgrade, tmp_path):
    plan = yaml.safe_load((CHANGE / "plan.yml").read_text("utf-8"))
    wrong = {**plan, "changes": [{"change": "links/flannel.1/mtu", "from": 1450, "to": 1300}]}
    done, reports = upgrade(snapdiff_plan=str(written(tmp_path, "wrong.yml", wrong)))
    assert done.code != 0
    assert reports == {}
    assert re.search("planned from 1450, there is 1360", done.said)
    assert len(captures(upgrade.store)) == 1
