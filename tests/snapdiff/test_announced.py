"""What the cluster says of itself otherwise than before is told as that, and is no drift."""

from __future__ import annotations

import copy
import json

import pytest
from kube import NET_CONF, kube_config, kube_node, kube_pod, listed

from builders import side
from clusters import cluster, snapshots
from snapdiff.assess import assess_diff
from snapdiff.cluster import cluster_not_observed, cluster_of_kubectl
from snapdiff.daemonset import flannel_of_kubectl
from snapdiff.report import Terminal, render
from snapdiff.verdict import Policy

WHOLE = list(snapshots(cluster(3)).values())
NEW = "ghcr.io/flannel-io/flannel:v0.29.0"
TAG, CONF = "cluster/flannel/pods/flannel", "cluster/flannel/config/net_conf"


def said(*pods, config=None, nodes=(1, 2, 3)):
    """Return the document of cluster.yml; what is not given is as in a healthy cluster."""
    document = cluster_of_kubectl(json.dumps(listed(*map(kube_node, nodes))))
    objects = [config or kube_config(), *(pods or map(kube_pod, (1, 2, 3)))]
    return {**document, "flannel": flannel_of_kubectl(json.dumps(listed(*objects)))}


def renamed(document, old, new):
    """Return a word in which the API calls a node otherwise than the inventory does."""
    found = copy.deepcopy(document)
    found["nodes"][new] = found["nodes"].pop(old)
    found["flannel"]["pods"][new] = found["flannel"]["pods"].pop(old)
    return found


def newer(*numbers):
    return [kube_pod(n, flannel=NEW) if n in numbers else kube_pod(n) for n in (1, 2, 3)]


def backend(**settings):
    return kube_config({**NET_CONF, "Backend": {"Type": "vxlan", **settings}})


def kubelet(version):
    found = copy.deepcopy(said())
    found["nodes"]["node2"]["kubelet"] = version
    return found


SAME = said()
TABLE = {
    "the same": (SAME, SAME, []),
    "another flannel on all": (
        SAME,
        said(*newer(1, 2, 3)),
        [(TAG, "v0.28.9", "v0.29.0", ("node1", "node2", "node3"), ())],
    ),
    "another flannel, but for one": (
        SAME,
        said(*newer(1, 3)),
        [(TAG, "v0.28.9", "v0.29.0", ("node1", "node3"), ("node2",))],
    ),
    "another flannel on one": (
        SAME,
        said(*newer(2)),
        [(TAG, "v0.28.9", "v0.29.0", ("node2",), ())],
    ),
    "the API has another name for a node": (
        renamed(SAME, "node2", "node2.example"),
        renamed(said(*newer(2)), "node2", "node2.example"),
        [(TAG, "v0.28.9", "v0.29.0", ("node2",), ())],
    ),
    "an MTU in the configuration": (
        SAME,
        said(config=backend(MTU=1400)),
        [(f"{CONF}/Backend/MTU", None, 1400, ("node1", "node2", "node3"), ())],
    ),
    "another backend": (
        said(config=backend(Port=8472)),
        said(config=kube_config({**NET_CONF, "Backend": {"Type": "host-gw"}})),
        [
            (f"{CONF}/Backend/Port", 8472, None, ("node1", "node2", "node3"), ()),
            (f"{CONF}/Backend/Type", "vxlan", "host-gw", ("node1", "node2", "node3"), ()),
        ],
    ),
    "another kubelet": (
        SAME,
        kubelet("v1.35.0"),
        [("cluster/nodes/kubelet", "v1.34.1", "v1.35.0", ("node2",), ())],
    ),
    "a pod that is gone is the rules' to tell": (SAME, said(kube_pod(1), kube_pod(2)), []),
    "a configuration that nobody can read": (SAME, said(config=kube_config("{")), []),
    "asked once only": (None, said(*newer(1)), []),
    "asked in vain": (SAME, cluster_not_observed("refused"), []),
}


def compared(tmp_path, before, after):
    sides = [side(tmp_path / str(n), WHOLE, api=one) for n, one in enumerate((before, after))]
    return assess_diff(*sides, cluster="lab", policy=Policy())


@pytest.mark.parametrize(("before", "after", "rows"), TABLE.values(), ids=TABLE)
def test_what_is_announced(tmp_path, before, after, rows):
    report = compared(tmp_path, before, after)
    found = [(r.path, r.before, r.after, r.nodes, r.stragglers) for r in report.findings]
    assert found == rows
    assert {row.severity.word for row in report.findings} <= {"info"}
    assert report.exit_code == 0
    assert report.undecided == ()


def test_what_it_looks_like(tmp_path):
    report = compared(tmp_path, SAME, said(*newer(1, 3), config=backend(MTU=1400)))
    text = render(report, "text", Terminal())
    assert f"{TAG}  v0.28.9 → v0.29.0" in text
    assert "still v0.28.9 on node2" in text
    assert f"{CONF}/Backend/MTU  added: 1400" in text


def test_a_word_that_was_changed_since_costs_no_report(tmp_path):
    sides = [side(tmp_path / str(n), WHOLE, api=SAME) for n in (0, 1)]
    path = next((tmp_path / "1").rglob("cluster.yml"))
    path.write_text(path.read_text("utf-8").replace("v0.28.9", "v0.29.0"), "utf-8")
    report = assess_diff(*sides, cluster="lab", policy=Policy())
    assert report.coverage.comparable == 3
    assert [one.path for one in report.undecided] == ["cluster"]
    assert "changed after the capture was sealed" in report.undecided[0].why
