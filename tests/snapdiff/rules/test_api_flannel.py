"""flannel's ConfigMap and pods: what is kept of them, and what is held against them."""

from __future__ import annotations

import json

import pytest
from kube import (
    FLANNEL,
    NET_CONF,
    backend,
    kube_config,
    kube_node,
    kube_pod,
    listed,
)

from clusters import Held
from kinds import healthy
from snapdiff.check import assess_check
from snapdiff.cluster import cluster_of_kubectl
from snapdiff.daemonset import flannel_not_observed, flannel_of_kubectl
from snapdiff.errors import UnreadableError
from snapdiff.schema import validate
from snapdiff.verdict import Policy

PODS = [kube_pod(number) for number in (1, 2, 3)]
OLD = "ghcr.io/flannel-io/flannel:v0.25.1"
OLD_PLUGIN = "ghcr.io/flannel-io/flannel-cni-plugin:v1.6.2-flannel1"


def said(*objects, runs="vxlan"):
    """Return the cluster's word: three nodes that run a backend, and these objects of flannel's."""
    data = {} if runs == "vxlan" else {"backend_data": "null"}
    given = [kube_node(number, backend=runs, **data) for number in (1, 2, 3)]
    nodes = cluster_of_kubectl(listed(*given))
    return {**nodes, "flannel": flannel_of_kubectl(json.dumps(listed(*objects)))}


def without_file(kind="vxlan"):
    """Return a cluster whose nodes have no net-conf, as where it is mounted into the pod alone."""
    found = healthy(kind)
    for facts in found.values():
        del facts["cni"]["net_conf"]
    return found


def report(facts, api):
    side = Held(facts)
    side.api = api
    return assess_check(side, cluster="test", policy=Policy())


def told(facts, api):
    """Return rule, severity, path, nodes, seen and expected of each finding; ``?``: cannot tell."""
    found = report(facts, api)
    return [
        *(
            (row.rule, row.severity.word, row.path, row.nodes, row.after, row.expected)
            for row in found.findings
        ),
        *(("?", one.rule, one.path) for one in found.undecided),
    ]


def lowered(facts, name, mtu):
    """Give the overlay of a node, and all that follows it, another MTU."""
    links = facts[name]["links"]
    for link in links.values():
        if link["mtu"] == 1450:
            link["mtu"] = mtu
    facts[name]["cni"]["subnet_env"]["FLANNEL_MTU"] = mtu
    return facts


def all_lowered(mtu):
    facts = without_file()
    for name in facts:
        lowered(facts, name, mtu)
    return facts


def with_port(facts, name, port):
    facts[name]["links"]["flannel.1"]["vxlan"]["port"] = port
    return facts


def k3s():
    """Return the word of a cluster where flannel is part of the agent."""
    found = said()
    for word in found["nodes"].values():
        word["kubelet"] = "v1.34.1+k3s1"
    return found


def evicted(number, **more):
    late = "2026-11-22T03:00:00Z"
    found = kube_pod(number, **{"creationTimestamp": late, "phase": "Failed", **more})
    found["status"]["reason"] = "Evicted"
    return found


def canal(number):
    """Return a pod that has Calico's node agent too, which crashes."""
    found = kube_pod(number, ready=False)
    found["spec"]["containers"].append({"name": "calico-node", "image": "calico/node:v3"})
    (mine,) = found["status"]["containerStatuses"]
    other = {**mine, "name": "calico-node", "state": {"waiting": {"reason": "CrashLoopBackOff"}}}
    found["status"]["containerStatuses"] = [{**mine, "ready": True}, other]
    return found


API_RULES = (
    *("api-backend-type", "api-nodes", "api-pod-cidr", "api-public-ip", "api-public-ip-asked"),
    "api-vtep-mac",
)
OVERLAY_MTU = "links/flannel.1/mtu"
EVERY = ("node1", "node2", "node3")
CONFIG, PODS_RULE, PODS_PATH = "api-flannel-config", "api-flannel-pods", "cluster/flannel/pods"
HELD = {
    "healthy": (without_file(), said(kube_config(), *PODS), []),
    "healthy-with-the-file-on-the-node": (healthy("vxlan"), said(kube_config(), *PODS), []),
    "nobody-asked": (without_file(), cluster_of_kubectl(listed(*map(kube_node, (1, 2, 3)))), []),
    "k3s-has-no-such-objects": (healthy("k3s"), k3s(), []),
    "objects-of-another-label": (
        without_file(),
        said(),
        [("?", CONFIG, "cluster/flannel/config"), ("?", PODS_RULE, PODS_PATH)],
    ),
    "a-daemonset-that-was-deleted": (
        without_file(),
        said(kube_config()),
        [(PODS_RULE, "error", PODS_PATH, EVERY, "no pod", "ready")],
    ),
    "two-configurations": (
        without_file(),
        said(kube_config(), kube_config(namespace="kube-system"), *PODS),
        [("?", CONFIG, "cluster/flannel/config")],
    ),
    "a-configuration-that-is-no-json": (
        without_file(),
        said(kube_config("{"), *PODS),
        [("?", CONFIG, "cluster/flannel/config")],
    ),
    "a-backend-that-nobody-knows": (
        without_file(),
        said(backend(Type="warp"), *PODS),
        [("?", CONFIG, "cluster/flannel/config")],
    ),
    "a-backend-in-capitals": (without_file(), said(backend(Type="VXLAN"), *PODS), []),
    "keys-in-small-letters": (
        without_file(),
        said(kube_config({"network": "10.244.0.0/16", "backend": {"type": "vxlan"}}), *PODS),
        [],
    ),
    "no-backend-is-udp": (
        without_file(),
        said(kube_config({"Network": "10.244.0.0/16"}), *PODS),
        [(CONFIG, "warning", "backend", EVERY, "vxlan", "udp")],
    ),
    "vni-not-applied": (
        without_file(),
        said(backend(VNI=4096), *PODS),
        [(CONFIG, "warning", "links/flannel.1/vxlan/id", EVERY, 1, 4096)],
    ),
    "listen-port-not-applied": (
        without_file("wireguard"),
        said(backend(Type="wireguard", ListenPort=51871), *PODS, runs="wireguard"),
        [(CONFIG, "warning", "links/flannel-wg/wireguard/listen_port", EVERY, 51820, 51871)],
    ),
    "ipv6-not-applied": (
        without_file(),
        said(kube_config({**NET_CONF, "EnableIPv6": True, "IPv6Network": "fd00::/48"}), *PODS),
        [(CONFIG, "warning", "cni/subnet_env/FLANNEL_IPV6_SUBNET", EVERY, "no IPv6", "IPv6")],
    ),
    "ipv6-taken-away": (
        without_file("dual-stack"),
        said(kube_config(), *PODS),
        [(CONFIG, "warning", "cni/subnet_env/FLANNEL_IPV6_SUBNET", EVERY, "IPv6", "no IPv6")],
    ),
    "a-backend-that-host-gw-does-not-run": (
        without_file("host-gw"),
        said(backend(), *PODS, runs="host-gw"),
        [(CONFIG, "warning", "backend", EVERY, "host-gw", "vxlan")],
    ),
    "a-port-that-is-applied-on-one-node": (
        with_port(without_file(), "node1", 4789),
        said(backend(Port=4789), *PODS),
        [
            (CONFIG, "error", "links/flannel.1/vxlan/port", ("node2", "node3"), 8472, 4789),
        ],
    ),
    "an-mtu-that-is-applied-on-one-node": (
        lowered(without_file(), "node1", 1350),
        said(backend(MTU=1400), *PODS),
        [("overlay-mtu-configured", "warning", OVERLAY_MTU, ("node2", "node3"), 1450, 1350)],
    ),
    "the-mtu-that-is-configured": (all_lowered(1350), said(backend(MTU=1400), *PODS), []),
    "mtu-not-applied": (
        without_file(),
        said(backend(MTU=1400), *PODS),
        [("overlay-mtu-configured", "warning", "links/flannel.1/mtu", EVERY, 1450, 1350)],
    ),
    "port-not-applied": (
        without_file(),
        said(backend(Port=4789), *PODS),
        [(CONFIG, "warning", "links/flannel.1/vxlan/port", EVERY, 8472, 4789)],
    ),
    "network-not-applied": (
        without_file(),
        said(kube_config({**NET_CONF, "Network": "10.42.0.0/16"}), *PODS),
        [
            (
                CONFIG,
                "warning",
                "cni/subnet_env/FLANNEL_NETWORK",
                EVERY,
                "10.244.0.0/16",
                "10.42.0.0/16",
            )
        ],
    ),
    "backend-not-applied": (
        without_file(),
        said(backend(Type="wireguard", MTU=1400), *PODS),
        [(CONFIG, "warning", "backend", EVERY, "vxlan", "wireguard")],
    ),
    "host-gw-not-applied": (
        without_file(),
        said(backend(Type="host-gw"), *PODS),
        [(CONFIG, "warning", "backend", EVERY, "vxlan", "host-gw")],
    ),
    "a-node-with-a-file-of-its-own": (
        healthy("vxlan"),
        said(
            kube_config({**NET_CONF, "Network": "10.244.0.0/16", "Backend": {"Type": "host-gw"}}),
            *PODS,
        ),
        [
            (CONFIG, "warning", "backend", EVERY, "vxlan", "host-gw"),
            (CONFIG, "warning", "cni/net_conf/Backend/Type", EVERY, "vxlan", "host-gw"),
        ],
    ),
    "a-pod-that-crashes": (
        without_file(),
        said(kube_config(), *PODS[:2], kube_pod(3, waiting="CrashLoopBackOff")),
        [(PODS_RULE, "error", PODS_PATH, ("node3",), "CrashLoopBackOff", "ready")],
    ),
    "pods-that-crash-are-one-row": (
        without_file(),
        said(kube_config(), *(kube_pod(one, waiting="ErrImagePull") for one in (1, 2, 3))),
        [(PODS_RULE, "error", PODS_PATH, EVERY, "ErrImagePull", "ready")],
    ),
    **{
        f"a-pod-that-starts-{reason}": (
            without_file(),
            said(kube_config(), *PODS[:2], kube_pod(3, ready=False, **more)),
            [(PODS_RULE, "warning", PODS_PATH, ("node3",), reason, "ready")],
        )
        for reason, more in {
            "not ready": {},
            "PodInitializing": {"waiting": "PodInitializing"},
            "Pending": {"phase": "Pending"},
        }.items()
    },
    "between-two-crashes": (
        without_file(),
        said(kube_config(), *PODS[:2], kube_pod(3, ended="Error")),
        [(PODS_RULE, "error", PODS_PATH, ("node3",), "Error", "ready")],
    ),
    "an-evicted-pod-counts-only-alone": (
        without_file(),
        said(kube_config(), *PODS, evicted(2), evicted(3, name="kube-flannel-ds-other"))
        | {"nodes": said()["nodes"]},
        [],
    ),
    "an-evicted-pod": (
        without_file(),
        said(kube_config(), *PODS[:2], evicted(3)),
        [(PODS_RULE, "error", PODS_PATH, ("node3",), "Evicted", "ready")],
    ),
    "two-pods-on-a-node": (
        without_file(),
        said(kube_config(), *PODS, kube_pod(3, namespace="kube-system", name="old")),
        [(PODS_RULE, "warning", PODS_PATH, ("node3",), "two pods", "ready")],
    ),
    "another-container-of-canal-crashes": (
        without_file(),
        said(kube_config(), *PODS[:2], canal(3)),
        [],
    ),
    "nobody-may-list-nodes": (
        {f"prod-{name}": facts for name, facts in without_file().items()},
        {**said(kube_config(), *PODS), "nodes": {}, "not_observed": "forbidden"},
        [("?", rule, "cluster") for rule in (*API_RULES, PODS_RULE)],
    ),
    "a-node-without-a-pod": (
        without_file(),
        said(kube_config(), *PODS[:2]),
        [(PODS_RULE, "warning", PODS_PATH, ("node3",), "no pod", "ready")],
    ),
    "a-pod-that-goes-is-none": (
        without_file(),
        said(
            kube_config(),
            *PODS[:2],
            kube_pod(3, deletionTimestamp="2026-11-22T03:00:00Z", deletionGracePeriodSeconds=30),
        ),
        [(PODS_RULE, "warning", PODS_PATH, ("node3",), "no pod", "ready")],
    ),
    "the-newer-of-two-pods-counts": (
        without_file(),
        said(
            kube_config(),
            kube_pod(3, creationTimestamp="2026-11-22T03:00:00Z"),
            *PODS[:2],
            kube_pod(3, waiting="CrashLoopBackOff", name="kube-flannel-ds-older"),
        ),
        [],
    ),
    "versions-far-apart": (
        without_file(),
        said(kube_config(), *PODS[:2], kube_pod(3, flannel=OLD)),
        [
            (
                "api-flannel-versions",
                "info",
                "cluster/flannel/flannel",
                ("node3",),
                "v0.25.1",
                "v0.28.9",
            )
        ],
    ),
    "plugins-far-apart": (
        without_file(),
        said(kube_config(), *PODS[:2], kube_pod(3, plugin=OLD_PLUGIN)),
        [
            (
                *("api-flannel-versions", "info", "cluster/flannel/plugin", ("node3",)),
                *("v1.6.2-flannel1", "v1.9.1-flannel3"),
            )
        ],
    ),
    "versions-one-apart": (
        without_file(),
        said(kube_config(), *PODS[:2], kube_pod(3, flannel=FLANNEL.replace("28", "27"))),
        [],
    ),
    "tags-that-are-no-versions": (
        without_file(),
        said(kube_config(), *PODS[:2], kube_pod(3, flannel="flannel@sha256:" + "0" * 64)),
        [],
    ),
    "no-answer": (
        without_file(),
        {**said(), "flannel": flannel_not_observed("Error: forbidden")},
        [
            ("?", CONFIG, "cluster/flannel"),
            ("?", PODS_RULE, "cluster/flannel"),
            ("?", "api-flannel-versions", "cluster/flannel"),
        ],
    ),
}


@pytest.mark.parametrize(("facts", "api", "expected"), HELD.values(), ids=HELD)
def test_nodes_are_held_against_flannels_own_objects(facts, api, expected):
    assert sorted(told(facts, api), key=str) == sorted(expected, key=str)


def test_a_small_mtu_is_a_warning_where_the_configmap_does_not_ask_for_it():
    facts = lowered(without_file(), "node2", 1400)
    rows = {row[0]: row[1] for row in told(facts, said(kube_config(), *PODS))}
    assert rows["overlay-mtu-small"] == "warning"
    rows = {row[0]: row[1] for row in told(facts, None)}
    assert rows["overlay-mtu-small"] == "info", "without it, the small one may be meant"


def test_the_sum_of_an_mtu_names_the_configmap():
    (row,) = report(without_file(), said(backend(MTU=1400), *PODS)).findings
    assert row.evidence[0] == (
        "net-conf of the ConfigMap kube-flannel/kube-flannel-cfg: MTU 1400 of the outer packet"
    )


def test_what_a_crashing_flannel_did_not_do_stands_below_it():
    facts = without_file()
    peers = facts["node3"]["peers"]
    peers.pop(next(iter(peers)))
    found = report(facts, said(kube_config(), *PODS[:2], kube_pod(3, waiting="CrashLoopBackOff")))
    assert [row.rule for row in found.findings] == [PODS_RULE]
    assert any("lacks the route" in line for line in found.findings[0].evidence)


def test_only_what_is_named_is_kept():
    found = said(kube_config(), kube_pod(1))
    validate(found, "cluster")
    assert found["flannel"] == {
        "not_observed": "",
        "config": {"name": "kube-flannel/kube-flannel-cfg", "net_conf": NET_CONF},
        "config_why": "",
        "pods": {
            "node1": {
                "name": "kube-flannel/kube-flannel-ds-00001",
                "flannel": "v0.28.9",
                "plugin": "v1.9.1-flannel3",
                "ready": True,
                "why": "",
                "beside": [],
            }
        },
    }


REFUSED = {
    "no JSON": ("{", "it is no JSON"),
    "no list": ("{}", "it is no list of objects"),
    "a network that is no text": (listed(kube_config({"Network": 5})), "flannel/config"),
}


@pytest.mark.parametrize(("objects", "words"), REFUSED.values(), ids=REFUSED)
def test_what_nobody_can_read_is_refused(objects, words):
    with pytest.raises(UnreadableError, match=f"kubectl get configmaps,pods -o json: .*{words}"):
        flannel_of_kubectl(objects)


ODD = {
    "another-configmap": {**kube_config(), "data": {"ca.crt": "x"}},
    "a-configmap-without-data": {**kube_config(), "data": None},
    "a-pod-of-others": kube_pod(1, flannel="example.org/proxy:v1", plugin=""),
    "a-pod-on-no-node": {**kube_pod(1), "spec": {"containers": [{"image": FLANNEL}]}},
    "a-pod-without-spec": {**kube_pod(1), "spec": 5},
    "no-object": 5,
}


@pytest.mark.parametrize("one", ODD.values(), ids=ODD)
def test_odd_objects_are_left_out(one):
    found = flannel_of_kubectl(listed(one))
    assert (found["not_observed"], found["config"], found["pods"]) == ("", None, {})


@pytest.mark.parametrize("version", ["1.30", "1.36"])
@pytest.mark.parametrize(
    "one",
    [kube_node(1, dual=True), kube_config(), kube_pod(1), kube_pod(2, waiting="ErrImagePull")],
    ids=lambda one: one["kind"],
)
def test_the_objects_are_what_kubernetes_own_schemas_take(one, version):
    import kubernetes_validate

    kubernetes_validate.validate(one, version, strict=True)
