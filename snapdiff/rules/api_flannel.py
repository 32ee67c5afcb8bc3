"""flannel's own objects in the cluster against what the nodes have: its ConfigMap, its pods.

Where the API was not asked for them, there is nothing to hold against; where it gave no answer,
or where none of them is there though the nodes run flannel, nobody can tell.
"""

from __future__ import annotations

import typing as t

from snapdiff.census import take
from snapdiff.model import Severity
from snapdiff.rules.api import name_in_api
from snapdiff.rules.compared import PEERS
from snapdiff.rules.configured import OWN, unlike
from snapdiff.rules.registry import Breach, CannotTell, Result, rule

if t.TYPE_CHECKING:
    from collections.abc import Mapping

    from snapdiff.rules.fleet_view import Fleet, Member

PARTS = {"flannel": "flannel", "plugin": "flannel's CNI plugin"}  # whose tags a pod tells
APART = 1  # minor versions that may lie between two nodes
# Why a pod is not ready that comes and goes with each rollout and reboot.
MILD = ("ContainerCreating", "Pending", "PodInitializing", "not ready")
BUILT_IN = "+k3s"  # in the version of a kubelet that has flannel in itself
HINT = "none of flannel's is in what kubectl was asked for: see snapdiff_kubectl_flannel"


def _objects(fleet: Fleet) -> Mapping[str, t.Any]:
    """Return what the API said. Raises CannotTell where it was asked in vain."""
    why = fleet.flannel.get("not_observed")
    if why:
        raise CannotTell("cluster/flannel", why)
    return fleet.flannel


def _of_flannel(fleet: Fleet) -> list[Member]:
    """Return the nodes that run flannel in a pod, as far as anybody can tell."""
    return [
        one
        for one in fleet.members.values()
        if one.subnets
        and BUILT_IN not in fleet.cluster.get(name_in_api(fleet, one) or "", {}).get("kubelet", "")
    ]


@rule(
    "api-flannel-config",
    Severity.WARNING,
    entries=("X-03", "N-25"),
    scope="fleet",
    remedy="restart the flannel pod of {node}, which reads its configuration only when it starts; "
    "or put the ConfigMap back, before one restarts by itself",
    explains=(
        *("same-port", "same-vni", "same-backend", "same-pod-network", "families-alike"),
        *("flannel-config-alike", "wireguard-port-alike", *PEERS),
    ),
)
def api_flannel_config(fleet: Fleet) -> Result:
    """Have every node run what flannel's ConfigMap says: networks, backend, VNI and ports.

    Why: flanneld reads it when it starts and not again. A change that was never applied waits for
    the next restart of a pod, and then parts that node from the others. Where some nodes run it
    and some do not, they are parted now: an error.

    Exempt: clusters without the ConfigMap, as k3s; backends that leave no trace on the node, and
    DirectRouting. The MTU is held by the rules on each node.
    Source: flannel main.go, getConfig(); pkg/subnet/config.go; pkg/backend/manager.go.
    """
    told = _objects(fleet)
    config = told.get("config")
    if told.get("config_why"):
        raise CannotTell("cluster/flannel/config", told["config_why"])
    if config is None:
        if told and _of_flannel(fleet):
            raise CannotTell("cluster/flannel/config", HINT)
        return
    found: dict[str, list[tuple[str, str, t.Any, t.Any]]] = {}
    for member in fleet.members.values():
        for path, seen, wanted in unlike(member, config["net_conf"]):
            found.setdefault(path, []).append((member.node, path, seen, wanted))
    all_of_it = len(_of_flannel(fleet))
    for rows in found.values():
        parted = len(rows) < all_of_it
        for node, path, seen, wanted in rows:
            yield Breach(
                path=path,
                message=f"{node} has {seen}, but {config['name']} says {wanted}",
                seen=seen,
                expected=wanted,
                nodes=(node,),
                severity=Severity.ERROR if parted and not path.startswith(OWN) else None,
                about=frozenset(fleet.members),
            )


@rule(
    "api-flannel-pods",
    Severity.ERROR,
    entries=("X-12",),
    scope="fleet",
    remedy="kubectl get pods --all-namespaces --selector app=flannel --output wide, then look into "
    "'kubectl describe' and 'kubectl logs --previous' of the one of {node}",
    explains=(*PEERS, "overlay-missing", "lease-missing", "overlay-down", "overlay-address"),
)
def api_flannel_pods(fleet: Fleet) -> Result:
    """Have one flannel pod, a ready one, on every node of flannel's.

    Why: without flanneld nothing on a node follows the cluster: peers that come, go or are made
    anew stay unknown, and what is deleted is not made again. What is there works on meanwhile. Two
    of them, as when an older DaemonSet was left in kube-system, undo each other's work.

    Exempt: k3s, where flannel is part of the agent. A pod that starts, a second one, and a node
    without one, as where a taint keeps it away, are warnings.
    Source: Kubernetes DaemonSet; flannel Documentation/kube-flannel.yml.
    """
    told = _objects(fleet)
    if not told:
        return
    pods, mine = told.get("pods") or {}, _of_flannel(fleet)
    if not pods and mine:
        if told.get("config") is None:
            raise CannotTell("cluster/flannel/pods", HINT)
        yield _pods("no pod", tuple(one.node for one in mine), "no pod of flannel's is there")
        return
    if fleet.cluster_why:  # nobody knows how the API calls the nodes
        raise CannotTell("cluster", fleet.cluster_why)
    for member in fleet.members.values():
        node, name = member.node, name_in_api(fleet, member)
        pod = pods.get(name)
        if pod is None and name is not None and member in mine:
            words = f"no pod of flannel's is on {node}"
            yield _pods("no pod", (node,), words, Severity.WARNING)
        elif pod is not None and not pod["ready"]:
            severity = Severity.WARNING if pod["why"] in MILD else None
            words = f"flannel's pod {pod['name']} on {node}: {pod['why']}"
            yield _pods(pod["why"], (node,), words, severity)
        elif pod is not None and pod["beside"]:
            words = f"{node} has {pod['name']} and {', '.join(pod['beside'])}"
            yield _pods("two pods", (node,), words, Severity.WARNING)


def _pods(
    seen: str, nodes: tuple[str, ...], words: str, severity: Severity | None = None
) -> Breach:
    return Breach(
        path="cluster/flannel/pods",
        message=words,
        seen=seen,
        expected="ready",
        severity=severity,
        nodes=nodes,
    )


@rule(
    "api-flannel-versions",
    Severity.INFO,
    entries=("X-16",),
    scope="fleet",
    remedy="let the rollout of flannel's DaemonSet come to its end, then "
    "kubectl get daemonsets --all-namespaces --selector app=flannel",
)
def api_flannel_versions(fleet: Fleet) -> Result:
    """Have flannel, and its CNI plugin, within one minor version on all nodes.

    Why: it explains other differences: versions keep or rewrite MACs, learn and set MTUs in their
    own ways.

    Exempt: images whose tag is no version.
    Source: tags of the images of flannel's pods.
    """
    pods = _objects(fleet).get("pods") or {}
    names = {name_in_api(fleet, one) or one.node: one.node for one in fleet.members.values()}
    for part, what in PARTS.items():
        told = {names[node]: str(pods[node][part]) for node in names if part in pods.get(node, ())}
        known = {node: tag for node, tag in told.items() if _version(tag) is not None}
        versions = sorted(one for one in map(_version, known.values()) if one is not None)
        if not versions:
            continue
        (major, least), (other, most) = versions[0], versions[-1]
        if major != other or most - least > APART:
            census = take(known.items())
            yield Breach(
                path=f"cluster/flannel/{part}",
                message=f"{what}: {census.words()}",
                seen=census.odd,
                expected=census.usual,
                nodes=census.outliers,
            )


def _version(tag: str) -> tuple[int, int] | None:
    """Return major and minor version of ``v0.28.9`` or ``v1.9.1-flannel3``."""
    major, _, rest = tag.lower().removeprefix("v").partition(".")
    minor = rest.partition(".")[0]
    return (int(major), int(minor)) if major.isdecimal() and minor.isdecimal() else None
