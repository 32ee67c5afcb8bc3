"""The cluster's own word on its nodes: what is kept of it, and what is held against it."""

from __future__ import annotations

import copy
import json

import pytest
from kube import kube_node, listed

from builders import NOW, capture, node
from clusters import Held, cluster
from kinds import healthy
from snapdiff.check import assess_check
from snapdiff.cluster import PREFIX, cluster_not_observed, cluster_of_kubectl
from snapdiff.daemonset import flannel_not_observed
from snapdiff.errors import UnreadableError
from snapdiff.store import Store, side_of_capture
from snapdiff.verdict import Policy


def told(facts, api, **missing):
    """Return what the rules of this file say: rule, path, nodes; ``?`` for what cannot be told."""
    side = Held(facts, **missing)
    side.api = api
    found = assess_check(side, cluster="test", policy=Policy())
    return [
        *((row.rule, row.path, row.nodes) for row in found.findings if row.rule.startswith("api-")),
        *(("?", one.rule, one.path) for one in found.undecided if one.rule.startswith("api-")),
    ]


def said(*nodes, **options):
    return cluster_of_kubectl(json.dumps(listed(*(nodes or map(kube_node, (1, 2, 3))))))


def with_one(**annotations):
    return said(kube_node(1, **annotations), kube_node(2), kube_node(3))


def spoiled(change, **options):
    given = [kube_node(number, **options) for number in (1, 2, 3)]
    change(given[0])
    return said(*given)


def cidrs(*values):
    return lambda one: one["spec"].update(podCIDR=values[0], podCIDRs=list(values))


def renamed(name):
    return lambda one: one["metadata"].update(name=name)


KEY = '{"PublicKey":"x"}'
RIGHT = '{"VNI":1,"VtepMAC":"02:00:00:00:00:01"}'
NO_LIST = ["", "{", "[]", "{}", '{"items": [1]}', '{"items": [{"kind": "Pod"}]}']
DUAL = [kube_node(number, dual=True) for number in (1, 2, 3)]
TABLE = {
    "healthy": ("vxlan", said(), []),
    "healthy-dual-stack": ("dual-stack", said(*DUAL), []),
    "healthy-wireguard": (
        "wireguard",
        said(*(kube_node(one, backend="wireguard", backend_data=KEY) for one in (1, 2, 3))),
        [],
    ),
    "healthy-host-gw": (
        "host-gw",
        said(*(kube_node(one, backend="host-gw", backend_data="null") for one in (1, 2, 3))),
        [],
    ),
    "calico-has-no-annotations": (
        "calico",
        spoiled(lambda one: one["metadata"].update(annotations={})),
        [],
    ),
    "nobody-asked": ("vxlan", None, []),
    "another-subnet": (
        "vxlan",
        spoiled(cidrs("10.244.9.0/24")),
        [
            ("api-pod-cidr", "cni/subnet_env/FLANNEL_SUBNET", ("node1",)),
            ("api-pod-cidr", "links/flannel.1/addresses", ("node1",)),
        ],
    ),
    "no-subnet-given": ("vxlan", spoiled(lambda one: one["spec"].clear()), []),
    "mac-rewritten": (
        "vxlan",
        with_one(backend_data='{"VNI":1,"VtepMAC":"02:ff:ff:ff:ff:01"}'),
        [("api-vtep-mac", "links/flannel.1/mac", ("node1",))],
    ),
    "the-mac-that-it-has": ("vxlan", with_one(backend_data=RIGHT), []),
    "annotation-is-no-json": ("vxlan", with_one(backend_data="{"), []),
    "mac-of-ipv6-alone": (
        "dual-stack",
        said(kube_node(1, dual=True, backend_v6_data='{"VtepMAC":"06:ff:ff:ff:ff:01"}'), *DUAL[1:]),
        [("api-vtep-mac", "links/flannel-v6.1/mac", ("node1",))],
    ),
    "address-moved": (
        "vxlan",
        with_one(public_ip="192.0.2.99"),
        [("api-public-ip", "links/*/addresses", ("node1",))],
    ),
    "address-overwritten-on-purpose": (
        "vxlan",
        with_one(public_ip="203.0.113.9", public_ip_overwrite="203.0.113.9"),
        [],
    ),
    "asked-for-another-address": (
        "vxlan",
        with_one(node_public_ip="198.51.100.1"),
        [("api-public-ip-asked", "cluster/annotations/public-ip", ("node1",))],
    ),
    "overwrite-not-applied": (
        "vxlan",
        with_one(public_ip_overwrite="203.0.113.9"),
        [("api-public-ip-asked", "cluster/annotations/public-ip", ("node1",))],
    ),
    "has-the-address-that-was-asked-for": ("vxlan", with_one(node_public_ip="192.0.2.1"), []),
    "one-address-on-two-nodes": (
        "vxlan",
        with_one(public_ip="192.0.2.2"),
        [("api-public-ip", "links/*/addresses", ("node1", "node2"))],
    ),
    "another-backend": (
        "vxlan",
        with_one(backend_type="wireguard"),
        [("api-backend-type", "backend", ("node1",))],
    ),
    "known-by-its-address": ("vxlan", spoiled(renamed("node1.example.org")), []),
}


@pytest.mark.parametrize(("kind", "api", "expected"), TABLE.values(), ids=TABLE)
def test_nodes_are_held_against_what_the_api_says(kind, api, expected):
    assert sorted(told(healthy(kind), api)) == sorted(expected)


def test_a_node_that_only_one_of_both_knows_is_told():
    assert told(cluster(2), said(kube_node(2), kube_node(3))) == [
        ("api-nodes", "nodes/node1", ("node1",)),
        ("api-nodes", "nodes/node3", ("node3",)),
    ]


def test_a_node_that_was_not_seen_is_no_finding():
    facts = cluster()
    del facts["node3"]
    assert told(facts, said(), node3="no route") == []


def test_where_the_api_gave_no_answer_nobody_can_tell():
    found = told(cluster(), cluster_not_observed("E1122 noise\n  refused by the server\n"))
    assert {one[0] for one in found} == {"?"}
    assert cluster_not_observed("noise\n refused\n")["not_observed"] == "refused"
    assert {one[1] for one in found} == {
        "api-backend-type",
        "api-nodes",
        "api-pod-cidr",
        "api-public-ip",
        "api-public-ip-asked",
        "api-vtep-mac",
    }


IN_VAIN = {
    "nodes": cluster_not_observed("noise\n refused"),
    "flannel's part": {**said(), "flannel": flannel_not_observed("Error: refused")},
}


@pytest.mark.parametrize("api", IN_VAIN.values(), ids=IN_VAIN)
def test_a_cluster_that_was_asked_in_vain_is_an_answer_not_to_be_trusted(api):
    side = Held(cluster())
    side.api = api
    found = assess_check(side, cluster="test", policy=Policy())
    assert found.findings == ()
    assert (found.exit_code, found.trusted) == (3, False)
    assert "refused" in found.coverage.unanswered[0]
    assert "the cluster was asked and gave no answer" in found.verdict


def test_only_what_is_named_is_kept():
    document = said(kube_node(1))
    assert document["nodes"]["node1"] == {
        "pod_cidrs": ["10.244.1.0/24"],
        "addresses": {"InternalIP": ["192.0.2.1"], "Hostname": ["node1"]},
        "annotations": {
            "backend-type": "vxlan",
            "backend-data": '{"VNI": 1, "VtepMAC": "02:00:00:00:00:01"}',
            "kube-subnet-manager": "true",
            "public-ip": "192.0.2.1",
        },
        "kubelet": "v1.34.1",
        "kernel": "6.1.0",
        "os": "x",
    }


def test_another_prefix_of_annotations_is_taken():
    one = kube_node(1)
    one["metadata"]["annotations"] = {"flannel.example/public-ip": "192.0.2.1"}
    found = cluster_of_kubectl(listed(one), prefix="flannel.example/")
    assert found["nodes"]["node1"]["annotations"] == {"public-ip": "192.0.2.1"}


@pytest.mark.parametrize("text", NO_LIST)
def test_what_is_no_list_of_nodes_is_refused(text):
    with pytest.raises(UnreadableError, match="kubectl get nodes -o json: "):
        cluster_of_kubectl(text)


def test_odd_members_are_left_out():
    one = kube_node(1)
    one["spec"] = {"podCIDRs": [1, None, "10.244.1.0/24"]}
    one["status"] = {"addresses": "none", "nodeInfo": []}
    one["metadata"]["annotations"] = {f"{PREFIX}public-ip": 7, f"{PREFIX}x": "y" * 5000}
    assert said(one)["nodes"]["node1"] == {
        "pod_cidrs": ["10.244.1.0/24"],
        "addresses": {"InternalIP": [], "Hostname": []},
        "annotations": {},
    }


def test_a_capture_holds_it_under_a_digest(tmp_path):
    draft = Store(tmp_path).begin("lab", nodes=["node1"], now=NOW)
    draft.add(node(1))
    draft.add_cluster(said(kube_node(1)))
    sealed = draft.seal(now=NOW, tools={})
    side = side_of_capture(sealed)
    assert side.cluster() == said(kube_node(1))
    path = draft.folder / "cluster.yml"
    path.write_bytes(path.read_bytes().replace(b"192.0.2.1", b"192.0.2.9"))
    with pytest.raises(UnreadableError, match="changed after the capture was sealed"):
        side.cluster()


def test_a_capture_without_it_has_none(tmp_path):
    assert side_of_capture(capture(tmp_path, [node(1)])).cluster() is None


def test_the_word_is_not_touched_by_holding_nodes_against_it():
    api = said()
    before = copy.deepcopy(api)
    told(cluster(), api)
    assert api == before
