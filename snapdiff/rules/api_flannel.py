"""flannel's own objects in the cluster against what the nodes have: its ConfigMap, its pods.

Where the API was not asked for them, there is nothing to hold against; where it gave no answer,
nobody can tell.
"""

from __future__ import annotations

import typing as t

from snapdiff.census import take
from snapdiff.model import Severity
from snapdiff.rules.api import BACKENDS, name_in_api
from snapdiff.rules.compared import PEERS
from snapdiff.rules.registry import Breach, CannotTell, Result, rule
from snapdiff.rules.view import network

if t.TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from snapdiff.rules.fleet_view import Fleet, Member

NETWORKS = {"Network": "FLANNEL_NETWORK", "IPv6Network": "FLANNEL_IPV6_NETWORK"}
PARTS = {"flannel": "flannel", "plugin": "flannel's CNI plugin"}  # whose tags a pod tells
APART = 1  # minor versions that may lie between two nodes


def _objects(fleet: Fleet) -> Mapping[str, t.Any]:
    """Return what the API said. Raises CannotTell where it was asked in vain."""
    why = fleet.flannel.get("not_observed")
    if why:
        raise CannotTell("cluster/flannel", why)
    return fleet.flannel


@rule(
    "api-flannel-config",
    Severity.WARNING,
    entries=("X-03", "N-25"),
    scope="fleet",
    remedy="restart the flannel pod of {node}, which reads its configuration only when it starts; "
    "or put the ConfigMap back, before one restarts by itself",
)
def api_flannel_config(fleet: Fleet) -> Result:
    """Have every node run what flannel's ConfigMap says: network, backend, and its settings.

    Why: flanneld reads it when it starts and not again. A change that was never applied waits for
    the next restart of a pod, and then parts that node from the others.

    Exempt: clusters without the ConfigMap, as k3s; backends that leave no trace on the node. MTU,
    port and VNI are held by the rules on each node.
    Source: flannel main.go, getConfig(); Documentation/kube-flannel.yml.
    """
    config = _objects(fleet).get("config")
    if config is None:
        return
    for member in fleet.members.values():
        for path, seen, wanted in _unlike(member, config["net_conf"]):
            yield Breach(
                path=path,
                message=f"{member.node} has {seen}, but {config['name']} says {wanted}",
                seen=seen,
                expected=wanted,
                nodes=(member.node,),
            )


def _unlike(member: Member, conf: Mapping[str, t.Any]) -> Iterator[tuple[str, t.Any, t.Any]]:
    """Yield place, value and wanted value of what is another than the ConfigMap has it."""
    traits = member.traits.values
    for key, name in NETWORKS.items():
        path = f"cni/subnet_env/{name}"
        wanted, seen = network(str(conf.get(key))), traits.get(path)
        runs = {network(one) for one in str(seen or "").split(",")} - {None}
        if wanted is not None and runs and wanted not in runs:
            yield path, seen, str(wanted)
    backend = conf.get("Backend") or {}
    told, runs_now = backend.get("Type"), traits.get("backend")
    if told in BACKENDS and runs_now in BACKENDS and told != runs_now:
        yield "backend", runs_now, told
    own = "cni/net_conf/"
    flat = {**conf, **{f"Backend/{key}": value for key, value in backend.items()}}
    for path in sorted(one for one in traits if one.startswith(own)):
        wanted_here = flat.get(path.removeprefix(own))
        if traits[path] is not None and wanted_here is not None and traits[path] != wanted_here:
            yield path, traits[path], wanted_here


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
    """Have a flannel pod that is ready on every node of flannel's.

    Why: without flanneld nothing on a node follows the cluster: peers that come, go or are made
    anew stay unknown, and what is deleted is not made again. What is there works on meanwhile.

    Exempt: clusters where no pod is flannel's, as k3s. One that only is not ready yet, and a node
    without one, as where a taint keeps it away, are warnings.
    Source: Kubernetes DaemonSet; flannel Documentation/kube-flannel.yml.
    """
    pods = _objects(fleet).get("pods")
    if not pods:
        return
    for member in fleet.members.values():
        name = name_in_api(fleet, member)
        pod = pods.get(name or member.node)
        words, severity = "", None
        if pod is None and (name is not None or not fleet.cluster) and member.subnets:
            words, severity = f"no pod of flannel's is on {member.node}", Severity.WARNING
        elif pod is not None and not pod["ready"]:
            words = f"flannel's pod {pod['name']} on {member.node}: {pod['why']}"
            severity = None if pod["why"].isalpha() else Severity.WARNING
        if words:
            yield Breach(
                path=f"nodes/{member.node}",
                message=words,
                seen=pod["why"] if pod else "no pod",
                expected="ready",
                severity=severity,
                nodes=(member.node,),
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
        known = sorted(one for one in map(_version, told.values()) if one is not None)
        if not known:
            continue
        (major, least), (other, most) = known[0], known[-1]
        if major != other or most - least > APART:
            census = take(told.items())
            yield Breach(
                path=f"cluster/flannel/{part}",
                message=f"{what}: {census.words()}",
                seen=census.odd,
                expected=census.usual,
                nodes=census.outliers,
            )


def _version(tag: str) -> tuple[int, int] | None:
    """Return major and minor version of ``v0.28.9`` or ``v1.9.1-flannel3``."""
    major, _, rest = tag.removeprefix("v").partition(".")
    minor = rest.partition(".")[0]
    return (int(major), int(minor)) if major.isdecimal() and minor.isdecimal() else None
