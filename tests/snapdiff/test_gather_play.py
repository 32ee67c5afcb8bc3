"""``snapdiff gather`` with the real ansible-playbook, on this machine under other names.

What plays ``kubectl`` is a program on PATH that answers as it is told.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
import yaml
from kube import kube_config, kube_pod, listed

from clusters import cluster
from snapdiff.schema import validate

SAID = {
    "kind": "List",
    "items": [
        {
            "kind": "Node",
            "metadata": {
                "name": name,
                "annotations": {
                    "flannel.alpha.coreos.com/backend-type": "vxlan",
                    "flannel.example/backend-type": "host-gw",
                    "example.com/secret": "never kept",
                },
            },
            "spec": {"podCIDR": f"10.244.{number}.0/24"},
        }
        for number, name in enumerate(cluster(2), 1)
    ],
}
FLANNEL = listed(kube_config(), kube_pod(1), kube_pod(2, waiting="CrashLoopBackOff"))
KUBECTL = """#!/bin/sh
case "$*" in
"get nodes -o json") {answer} ;;
"get configmaps,pods {options} -o json") {flannel} ;;
*) exit 64 ;;
esac
"""
ALL = "--all-namespaces --selector app=flannel"
REFUSED = "echo 'The connection to the server 10.0.0.1:6443 was refused' >&2; exit 1"


@pytest.fixture
def gather(tmp_path):
    """Gather two nodes that are this machine; the manifest and what the cluster said, or None."""
    hosts = {name: {} for name in ("node1", "node2")}
    inventory = tmp_path / "hosts.yml"
    local = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    groups = {"workers": {"hosts": hosts}, "old": {"hosts": {"node2": {}}}}
    inventory.write_text(yaml.safe_dump({"all": {"vars": local, "children": groups}}), "utf-8")

    def run(*options, answer="true", flannel="exit 65", of_flannel=ALL, more=()):
        tools = tmp_path / "bin"
        tools.mkdir()
        kubectl = tools / "kubectl"
        kubectl.write_text(
            KUBECTL.format(answer=answer, flannel=flannel, options=of_flannel), "utf-8"
        )
        kubectl.chmod(0o755)
        words = ["gather", "-i", inventory, "--store", tmp_path / "store", "--cluster", "lab"]
        done = subprocess.run(
            [sys.executable, "-m", "snapdiff", *words, *options, "--", *more],
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
            env={**os.environ, "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"},
        )
        assert done.returncode == 0, done.stderr
        (folder,) = (tmp_path / "store" / "lab").iterdir()
        told = folder / "cluster.yml"
        return (
            yaml.safe_load((folder / "capture.yml").read_text("utf-8")),
            yaml.safe_load(told.read_text("utf-8")) if told.exists() else None,
        )

    return run


def printed(objects):
    return f"cat <<'END'\n{json.dumps(objects)}\nEND\n"


ASK = ("-e", '{"snapdiff_kubectl": true}')


def test_the_manifest_has_the_inventory_groups_of_each_node(gather):
    manifest, told = gather("--limit", "node1")
    assert {name: row["groups"] for name, row in manifest["nodes"].items()} == {
        "node1": ["workers"],
        "node2": ["old", "workers"],
    }
    assert manifest["nodes"]["node2"]["outcome"] == "skipped"
    assert told is None, "nobody asked the cluster"


@pytest.mark.parametrize(
    ("options", "prefix", "backend"),
    [
        ((), "flannel.alpha.coreos.com/", "vxlan"),
        (("--kubectl-prefix", "flannel.example"), "flannel.example/", "host-gw"),
    ],
    ids=["flannels-own", "another"],
)
def test_what_kubectl_says_is_kept_and_no_more(gather, options, prefix, backend):
    _manifest, told = gather(*options, answer=printed(SAID), more=ASK)
    validate(told, "cluster")
    assert (told["prefix"], told["not_observed"]) == (prefix, "")
    assert {
        name: (row["pod_cidrs"], row["annotations"]) for name, row in told["nodes"].items()
    } == {
        "node1": (["10.244.1.0/24"], {"backend-type": backend}),
        "node2": (["10.244.2.0/24"], {"backend-type": backend}),
    }


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (REFUSED, "The connection to the server 10.0.0.1:6443 was refused"),
        ("echo no json at all", "kubectl get nodes -o json: it is no JSON"),
        ("exit 3", "kubectl ended with 3"),
    ],
    ids=["refused", "no-json", "silent"],
)
def test_why_the_cluster_gave_no_answer_is_kept(gather, answer, why):
    manifest, told = gather(answer=answer, more=ASK)
    assert told["not_observed"].startswith(why)
    assert told["nodes"] == {}
    assert manifest["api"]["file"] == "cluster.yml"


def test_a_file_of_what_it_said_stands_in_for_kubectl(gather, tmp_path):
    said = tmp_path / "nodes.json"
    said.write_text(json.dumps(SAID), "utf-8")
    _manifest, told = gather("--kubectl-nodes", said, answer="exit 99")
    assert sorted(told["nodes"]) == ["node1", "node2"]


@pytest.mark.parametrize(
    ("options", "more"),
    [(ALL, ""), ("-n kube-system -l k8s-app=canal",) * 2],
    ids=["flannels-own", "another"],
)
def test_flannels_configuration_and_pods_are_asked_for_too(gather, options, more):
    asked = {"snapdiff_kubectl": True, **({"snapdiff_kubectl_flannel": more} if more else {})}
    _manifest, told = gather(
        answer=printed(SAID),
        flannel=printed(FLANNEL),
        of_flannel=options,
        more=("-e", json.dumps(asked)),
    )
    validate(told, "cluster")
    assert told["flannel"]["config"]["net_conf"]["Network"] == "10.244.0.0/16"
    assert {name: row["why"] for name, row in told["flannel"]["pods"].items()} == {
        "node1": "",
        "node2": "CrashLoopBackOff",
    }


@pytest.mark.parametrize(
    ("flannel", "why"),
    [
        ("echo 'Error: configmaps is forbidden' >&2; exit 1", "Error: configmaps is forbidden"),
        ("echo '{}'", "kubectl get configmaps,pods -o json: it is no list of objects"),
        ("exit 3", "kubectl ended with 3"),
    ],
    ids=["forbidden", "no-list", "silent"],
)
def test_why_there_is_nothing_of_flannels_is_kept_and_the_nodes_are_too(gather, flannel, why):
    _manifest, told = gather(answer=printed(SAID), flannel=flannel, more=ASK)
    found = told["flannel"]
    assert (found["not_observed"], found["config"], found["pods"]) == (why, None, {})
    assert sorted(told["nodes"]) == ["node1", "node2"]


def test_who_may_not_ask_for_pods_need_not(gather):
    asked = json.dumps({"snapdiff_kubectl": True, "snapdiff_kubectl_flannel": ""})
    _manifest, told = gather(answer=printed(SAID), more=("-e", asked))
    assert "flannel" not in told


def test_a_file_stands_in_for_that_too(gather, tmp_path):
    words = []
    for name, objects in (("nodes", SAID), ("flannel", FLANNEL)):
        (tmp_path / name).write_text(json.dumps(objects), "utf-8")
        words += [f"--kubectl-{name}", tmp_path / name]
    _manifest, told = gather(*words, answer="exit 99")
    assert sorted(told["flannel"]["pods"]) == ["node1", "node2"]


def test_an_answer_that_does_not_fit_costs_itself_and_not_the_capture(gather, tmp_path):
    odd = json.loads(json.dumps(SAID))
    odd["items"][0]["metadata"]["annotations"]["flannel.alpha.coreos.com/x"] = "\ud800"
    _manifest, told = gather(answer=printed(odd), more=ASK)
    assert told["nodes"] == {}
    assert told["not_observed"]


def test_what_is_known_of_flannel_alone_is_kept_and_the_nodes_are_not_observed(gather, tmp_path):
    (tmp_path / "flannel").write_text(json.dumps(FLANNEL), "utf-8")
    asked = json.dumps({"snapdiff_kubectl_flannel_file": str(tmp_path / "flannel")})
    _manifest, told = gather(answer="exit 99", more=("-e", asked))
    assert sorted(told["flannel"]["pods"]) == ["node1", "node2"]
    assert told["not_observed"] == "nobody asked for the nodes"
