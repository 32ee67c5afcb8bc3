"""Gather a lab's nodes with real Ansible over real ssh, also when much of it does not work."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys

import pytest
import yaml
from looks import PATH, lab, run
from plays import (
    BIN,
    DRIFT,
    GATHER,
    ROOT,
    captures,
    command,
    manifest,
    outcomes,
    play,
    snapshot,
    written,
)

from snapdiff import codec
from snapdiff.schema import validate

pytestmark = pytest.mark.lab

REFUSED = "10.77.0.254"  # the controller's own address: no sshd is there
NODES = ("node1", "node2", "node3")
OK = dict.fromkeys(NODES, "ok")


@pytest.fixture(scope="module")
def nodes(lab_name):
    """Bring up a lab that each test leaves as it found it; its name."""
    name = f"{lab_name}g"
    lab(name, "up", "3", "2")
    yield name
    lab(name, "down")


@pytest.fixture
def store(tmp_path):
    return tmp_path / "store"


@contextlib.contextmanager
def instead_of_ip(lab_name, node, path):
    """Let *path* be the ``ip`` of one node, and of no other."""
    ip = run("readlink", "-f", "/usr/sbin/ip").strip()
    lab(lab_name, "exec", node, "--", "mount", "--bind", str(path), ip)
    try:
        yield
    finally:
        lab(lab_name, "exec", node, "--", "umount", ip)


def hosts(tmp_path, **rows):
    """Write an inventory of more hosts; the lab's own variables hold for them too."""
    return written(tmp_path, "more.yml", {"nodes": {"hosts": rows}})


def assert_valid(capture):
    """Hold all files of a sealed capture against their schemas."""
    sealed = codec.loads((capture / "capture.yml").read_bytes(), "capture", "capture.yml")
    seen = {row["file"] for row in sealed["nodes"].values() if row["outcome"] == "ok"}
    files = {str(path.relative_to(capture)) for path in capture.rglob("*") if path.is_file()}
    assert files == {"capture.yml", *seen}
    for file in seen:
        validate(yaml.safe_load((capture / file).read_text("utf-8")), "snapshot")


# ---- all is well ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def two(nodes, tmp_path_factory):
    """Gather twice, with pipelining off and on; the store, and how each ended."""
    folder = tmp_path_factory.mktemp("two")
    ways = ({"ANSIBLE_PIPELINING": "0"}, {"ANSIBLE_PIPELINING": "1"})
    return folder, [play(nodes, GATHER, store=folder, environment=one) for one in ways]


def test_a_gather_leaves_a_sealed_capture_of_every_node(two):
    store, done = two
    assert [one.code for one in done] == [0, 0], done[0].said
    assert len(captures(store)) == 2
    for capture in captures(store):
        assert_valid(capture)
    assert outcomes(store) == OK
    assert f"3 of 3 nodes are in {captures(store)[-1]}" in done[-1].said


def test_unchanged_nodes_have_the_same_body_pipelined_or_not(two):
    first, second = (
        yaml.safe_load((one / "capture.yml").read_text("utf-8"))["nodes"]
        for one in captures(two[0])
    )
    assert {name: row["body"] for name, row in first.items()} == {
        name: row["body"] for name, row in second.items()
    }
    assert len({row["body"] for row in first.values()}) == 3


def test_a_node_is_observed_as_a_whole(two):
    for node in NODES:
        seen = snapshot(two[0], node)
        assert (seen["node"], seen["host"]["hostname"]) == (node, node)
        assert (seen["not_observed"], seen["consistent"]) == ({}, True)
        assert [len(peer) for peer in seen["peers"].values()] == [4, 4]
        assert seen["provenance"]["via"] == "ansible"


# ---- not all is well -----------------------------------------------------------------------------


def test_each_node_ends_in_one_outcome_with_its_reason(nodes, tmp_path, store):
    more = hosts(
        tmp_path,
        refused={"ansible_host": REFUSED},
        stranger={
            "ansible_host": "10.77.0.2",
            "ansible_user": "nosuchuser",
            "ansible_ssh_common_args": "{{ hostvars.node1.ansible_ssh_common_args }} -S none",
        },
        snakeless={"ansible_host": "10.77.0.2", "ansible_python_interpreter": "/nonexistent"},
        powerless={
            "ansible_host": "10.77.0.2",
            "ansible_become": True,
            "ansible_become_method": "su",
            "ansible_become_user": "nosuchuser",
        },
        powerful={
            "ansible_host": "10.77.0.2",
            "ansible_become": True,
            "ansible_become_method": "su",
        },
    )
    done = play(nodes, GATHER, "--forks", "8", store=store, inventory=[more])
    assert done.code == 2
    assert "4 of 8 nodes were seen, which is under 100 %" in done.said
    assert outcomes(store) == {
        **OK,
        "powerful": "ok",
        "powerless": "failed",
        "refused": "unreachable",
        "snakeless": "failed",
        "stranger": "unreachable",
    }
    why = {name: row.get("why", "") for name, row in manifest(store)["nodes"].items()}
    assert "Connection refused" in why["refused"]
    assert "Permission denied" in why["stranger"]
    assert "/nonexistent" in why["snakeless"]
    assert "become user" in why["powerless"]
    assert_valid(captures(store)[-1])


@pytest.mark.parametrize(
    ("least", "code"), [(100, 2), (75.1, 2), (75, 0), (0, 0)], ids=lambda one: str(one)
)
def test_the_coverage_that_was_asked_for_decides(nodes, tmp_path, store, least, code):
    more = hosts(tmp_path, refused={"ansible_host": REFUSED})
    done = play(nodes, GATHER, store=store, inventory=[more], snapdiff_min_coverage=least)
    assert done.code == code, done.said
    assert outcomes(store) == {**OK, "refused": "unreachable"}


def test_a_capture_is_sealed_when_no_node_is_reached(nodes, tmp_path, store):
    more = written(
        tmp_path,
        "more.yml",
        {"ghosts": {"hosts": {one: {"ansible_host": REFUSED} for one in ("ghost1", "ghost2")}}},
    )
    done = play(nodes, GATHER, store=store, inventory=[more], snapdiff_hosts="ghosts")
    assert done.code != 0
    assert "0 of 2 nodes were seen" in done.said
    assert outcomes(store) == {"ghost1": "unreachable", "ghost2": "unreachable"}
    assert_valid(captures(store)[-1])


def test_a_node_whose_sshd_stops_is_unreachable(nodes, store):
    lab(nodes, "break", "node-unreachable")
    try:
        done = play(nodes, GATHER, store=store)
    finally:
        lab(nodes, "repair")
    assert (done.code, outcomes(store)) == (2, {**OK, "node3": "unreachable"})


@pytest.fixture
def slow(tmp_path):
    script = tmp_path / "ip"
    script.write_text("#!/bin/sh\nexec sleep 30\n", "utf-8")
    script.chmod(0o755)
    return script


def test_a_node_that_takes_too_long_is_timed_out(nodes, store, slow):
    with instead_of_ip(nodes, "node2", slow):
        done = play(nodes, GATHER, store=store, snapdiff_node_timeout=2)
    assert (done.code, outcomes(store)) == (2, {**OK, "node2": "timed out"})
    assert "2 of 3 nodes were seen" in done.said
    assert_valid(captures(store)[-1])


def test_a_command_that_takes_too_long_is_not_observed(nodes, store, slow):
    with instead_of_ip(nodes, "node2", slow):
        done = play(nodes, GATHER, store=store, snapdiff_timeout=0.2)
    assert (done.code, outcomes(store)) == (0, OK), done.said
    seen = snapshot(store, "node2")["not_observed"]
    assert "gave no answer in 0.2 s" in seen["links"]
    assert {path.split("/")[0] for path in seen} == {
        *("links", "peers", "routes", "rules", "neighbours", "host")
    }
    assert_valid(captures(store)[-1])


def test_a_node_without_ip_is_stored_with_what_it_does_tell(nodes, store):
    with instead_of_ip(nodes, "node2", "/dev/null"):
        done = play(nodes, GATHER, store=store)
    assert (done.code, outcomes(store)) == (0, OK), done.said
    seen = snapshot(store, "node2")
    assert set(seen["not_observed"].values()) == {"ip is not installed"}
    assert (seen["links"], "links" in seen["not_observed"]) == ({}, True)
    assert seen["cni"]["subnet_env"]["FLANNEL_MTU"] == 1360
    assert snapshot(store, "node1")["not_observed"] == {}
    assert_valid(captures(store)[-1])


# ---- Ansible's own switches ----------------------------------------------------------------------


def test_what_a_limit_leaves_out_is_skipped_and_no_failure(nodes, store):
    done = play(nodes, GATHER, "--limit", "node1", store=store)
    assert done.code == 0, done.said
    assert outcomes(store) == {"node1": "ok", "node2": "skipped", "node3": "skipped"}
    assert manifest(store)["limit"] == "node1"
    assert_valid(captures(store)[-1])


def test_check_mode_reads_the_nodes_and_writes_nothing(nodes, store):
    done = play(nodes, GATHER, "--check", store=store)
    assert done.code == 0, done.said
    assert not store.exists()
    assert "unreachable=0 failed=0" in done.said


def kept(tmp_path, name, value):
    """Return a task that keeps a value of the play for the test to see."""
    return {
        "ansible.builtin.copy": {
            "content": f"{{{{ {value} | to_json }}}}",
            "dest": str(tmp_path / name),
        },
        "delegate_to": "localhost",
        "connection": "local",
        "vars": {"ansible_python_interpreter": sys.executable},
        "check_mode": False,
        "no_log": True,
        "run_once": True,
    }


def tasks_of(store, **of_snapshot):
    """Return the tasks of a gather by hand."""
    return [
        {
            "clusternet.snapdiff.capture": {
                "state": "opened",
                "store": str(store),
                "label": "{{ said }}",
                "nodes": "{{ groups.nodes }}",
            },
            "register": "opened",
            "run_once": True,
        },
        {
            "clusternet.snapdiff.snapshot": {"capture": "{{ opened.capture }}"},
            "register": "taken",
            **of_snapshot,
        },
        {
            "clusternet.snapdiff.capture": {
                "state": "sealed",
                "capture": "{{ opened.capture }}",
            },
            "register": "sealed",
            "run_once": True,
        },
    ]


def a_play(tmp_path, tasks, **words):
    book = {"hosts": "nodes", "gather_facts": False, "vars": {"said": "a: b"}, **words}
    return written(tmp_path, "book.yml", [{**book, "tasks": tasks}])


def test_a_registered_result_stays_small_and_no_fact_stays_in_memory(nodes, tmp_path, store):
    tasks = [
        *tasks_of(store),
        kept(tmp_path, "taken", "taken"),
        kept(tmp_path, "facts", "hostvars.node2.ansible_facts"),
        kept(tmp_path, "sealed", "sealed"),
    ]
    done = play(nodes, a_play(tmp_path, tasks))
    assert done.code == 0, done.said
    taken = json.loads((tmp_path / "taken").read_text("utf-8"))
    assert {key: taken[key] for key in ("changed", "failed", "not_observed")} == {
        "changed": True,
        "failed": False,
        "not_observed": 0,
    }
    assert len(json.dumps(taken)) < 1000
    assert "snapdiff" not in json.loads((tmp_path / "facts").read_text("utf-8"))
    assert json.loads((tmp_path / "sealed").read_text("utf-8"))["coverage"] == {
        "expected": 3,
        "observed": 3,
        "percent": 100.0,
        "missing": {},
        "skipped": [],
    }
    assert manifest(store)["label"] == "a: b"  # a variable, so Ansible had tagged it


@pytest.mark.parametrize(
    "words",
    [
        {"no_log": True},
        {"become": True, "become_method": "ansible.builtin.su"},
        {"throttle": 1},
        {"loop": [1, 2]},
        {"args": {"node": "{{ inventory_hostname }}"}},
        {"environment": {"PATH": "/nonexistent", "LC_ALL": "de_DE.UTF-8"}},
        {"diff": True},
        {"timeout": 60},
        {"module_defaults": {"group/clusternet.snapdiff.snapdiff": {"timeout": 5}}},
    ],
    ids=lambda words: next(iter(words)),
)
def test_a_snapshot_is_taken_whatever_else_is_said_of_the_task(nodes, tmp_path, store, words):
    done = play(nodes, a_play(tmp_path, tasks_of(store, **words)))
    assert done.code == 0, done.said
    assert outcomes(store) == OK
    assert all(snapshot(store, node)["not_observed"] == {} for node in NODES)


def test_what_must_not_be_logged_is_not(nodes, tmp_path, store):
    done = play(nodes, a_play(tmp_path, tasks_of(store, no_log=True)), "-vvv")
    assert (done.code, outcomes(store)) == (0, OK)
    assert "flannel.1" not in done.out


def test_of_nodes_taken_one_by_one_each_batch_is_a_capture_and_counts_no_other_as_seen(
    nodes, tmp_path, store
):
    tasks = [{"ansible.builtin.include_role": {"name": "clusternet.snapdiff.gather"}}]
    done = play(nodes, a_play(tmp_path, tasks, serial=1), store=store)
    assert done.code == 0, done.said
    sealed = [yaml.safe_load((one / "capture.yml").read_text("utf-8")) for one in captures(store)]
    assert sorted(
        [name for name, row in one["nodes"].items() if row["outcome"] == "ok"] for one in sealed
    ) == [["node1"], ["node2"], ["node3"]]


def test_drift_is_a_diff_and_no_change(nodes, tmp_path, store):
    info = {
        "clusternet.snapdiff.drift_info": {"store": str(store)},
        "register": "found",
        "run_once": True,
    }
    assert play(nodes, GATHER, store=store).code == 0
    lab(nodes, "break", "ip-forward-off")
    try:
        assert play(nodes, GATHER, store=store).code == 0
    finally:
        lab(nodes, "repair")
    book = a_play(tmp_path, [info, kept(tmp_path, "found", "found")])
    done = play(nodes, book, "--diff", "--check")
    assert done.code == 0, done.said
    found = json.loads((tmp_path / "found").read_text("utf-8"))
    assert {key: found[key] for key in ("changed", "failed", "drifted", "exit_code")} == {
        "changed": False,
        "failed": False,
        "drifted": True,
        "exit_code": 1,
    }
    assert [(one["before"], one["after"]) for one in found["diff"]] == [("1\n", "0\n")]
    assert found["diff"][0]["before_header"] == "sysctls/net.ipv4.ip_forward on node1"
    assert play(nodes, book).code == 0
    assert "diff" not in json.loads((tmp_path / "found").read_text("utf-8"))


def test_the_drift_playbook_fails_as_its_report_says(nodes, store):
    first = play(nodes, DRIFT, store=store)
    assert (first.code, "one capture only" in first.said) == (0, True), first.said
    again = play(nodes, DRIFT, store=store)
    assert (again.code, "no drift on 3 nodes" in again.said) == (0, True)
    lab(nodes, "break", "ip-forward-off")
    try:
        drifted = play(nodes, DRIFT, store=store)
        tolerated = play(nodes, DRIFT, store=store, snapdiff_fail_on="error")
    finally:
        lab(nodes, "repair")
    assert (drifted.code, tolerated.code) == (2, 0)
    assert "1 finding on 1 of 3 nodes" in drifted.said


# ---- what a node or an inventory says is text ----------------------------------------------------

NAMES = ["../../x", "=1+1", "Node1", "a b", "<b>x</b>", "%2e%2e", "-rf", "é"]


def test_a_capture_stays_in_its_store_whatever_a_node_is_called(nodes, tmp_path, store):
    more = written(
        tmp_path,
        "more.yml",
        {"nodes": {"hosts": {name: {"ansible_host": "10.77.0.1"} for name in NAMES}}},
    )
    before = {path for path in tmp_path.rglob("*") if path.is_file()}
    done = play(nodes, GATHER, store=store, inventory=[more])
    assert done.code == 0, done.said
    assert outcomes(store) == {**OK, **dict.fromkeys(NAMES, "ok")}
    capture = captures(store)[-1]
    assert_valid(capture)
    files = {path for path in tmp_path.rglob("*") if path.is_file()} - before
    assert {path.parent for path in files} == {capture, capture / "nodes"}
    assert {snapshot(store, name)["node"] for name in NAMES} == set(NAMES)


def test_text_on_a_node_is_never_run(nodes, tmp_path, store):
    marker = tmp_path / "marker"
    alias = f"{{{{ lookup('pipe', 'touch {marker}') }}}} it's \"{{% raw %}}"
    lab(nodes, "exec", "node1", "--", "ip", "link", "set", "dev", "eth0", "alias", alias)
    show = {
        "ansible.builtin.debug": {"msg": "{{ ansible_facts.snapdiff.links.eth0.alias }}"},
    }
    passed_on = {"ansible.builtin.set_fact": {"again": "{{ ansible_facts.snapdiff.links.eth0 }}"}}
    alias_kept = kept(tmp_path, "alias", "hostvars.node1.again.alias")
    tasks = [{"clusternet.snapdiff.interface_facts": {}}, show, passed_on, alias_kept]
    try:
        gathered = play(nodes, GATHER, store=store)
        shown = play(nodes, a_play(tmp_path, tasks), "--limit", "node1")
    finally:
        lab(nodes, "repair")
    assert (gathered.code, shown.code) == (0, 0), gathered.said + shown.said
    assert snapshot(store, "node1")["links"]["eth0"]["alias"] == alias
    assert json.loads((tmp_path / "alias").read_text("utf-8")) == alias
    assert not marker.exists()


def test_an_odd_name_of_a_link_hides_no_other(nodes, store):
    odd = ["a-b", "a_b", "a.b", "a@b", "q'x", 'd"x', "b\\x", "fifteen-bytes15", b"v\xffz"]
    inside = ["nsenter", f"--net=/run/netns/{nodes}-node1", "--"]
    for name in odd:
        words = [*inside, "ip", "link", "add", "name", name, "type", "bridge"]
        subprocess.run(words, check=True, env={"PATH": PATH})
    try:
        done = play(nodes, GATHER, "--limit", "node1", store=store)
    finally:
        for name in odd:
            words = [*inside, "ip", "link", "del", "dev", name]
            subprocess.run(words, check=True, env={"PATH": PATH})
    assert done.code == 0, done.said
    seen = snapshot(store, "node1")
    texts = {"v\\xffz" if isinstance(name, bytes) else name for name in odd}
    assert texts <= set(seen["links"])
    assert (seen["not_observed"], seen["consistent"]) == ({}, True)
    assert_valid(captures(store)[-1])


# ---- a busy node ---------------------------------------------------------------------------------

CHURN = """
import subprocess, time
one = "link add churn{0} type veth peer name other{0}\\nlink del churn{0}\\n"
batch = "".join(one.format(number) for number in range(5))
while True:
    subprocess.run(["ip", "-batch", "-"], input=batch, text=True, check=True)
    time.sleep(0.02)
"""


def test_a_snapshot_of_a_busy_node_is_consistent_or_says_that_it_is_not(nodes, tmp_path, store):
    role = {"name": "clusternet.snapdiff.gather"}
    tasks = [{"ansible.builtin.include_role": role, "loop": "{{ range(20) | list }}"}]
    inside = ["nsenter", f"--net=/run/netns/{nodes}-node1", "--", sys.executable, "-c", CHURN]
    churn = subprocess.Popen(inside, env={"PATH": PATH})
    try:
        done = play(nodes, a_play(tmp_path, tasks), "--limit", "node1", store=store)
        assert churn.poll() is None
    finally:
        churn.kill()
        churn.wait()
        lab(nodes, "repair")
    assert done.code == 0, done.said
    assert len(captures(store)) == 20
    for capture in captures(store):
        assert_valid(capture)
        seen = yaml.safe_load((capture / "nodes" / "node1.yml").read_text("utf-8"))
        marked = "inconsistent" in seen["provenance"]
        assert seen["consistent"] is not marked
        assert {"lo", "eth0", "flannel.1", "cni0"} <= set(seen["links"])
        assert len(seen["peers"]) == 2
        assert seen["not_observed"] == {}


# ---- the collection as it is shipped -------------------------------------------------------------


def test_the_installed_collection_gathers_under_its_full_name(nodes, tmp_path, store):
    galaxy, tree = str(BIN / "ansible-galaxy"), tmp_path / "installed"
    run(str(ROOT / ".ci" / "stage"), str(tmp_path / "stage"))
    copy = tmp_path / "stage" / "ansible_collections" / "clusternet" / "snapdiff"
    run(galaxy, "collection", "build", "--output-path", str(tmp_path), str(copy))
    (tarball,) = tmp_path.glob("*.tar.gz")
    run(galaxy, "collection", "install", str(tarball), "-p", str(tree), "--offline")
    done = play(nodes, GATHER, store=store, tree=tree)
    assert (done.code, outcomes(store)) == (0, OK), done.said
    shown = command(nodes, str(BIN / "ansible-doc"), "clusternet.snapdiff.snapshot", tree=tree)
    assert str(tree) in shown.out
