"""Objects of a cluster in the form of the Kubernetes API, with more in them than we keep."""

from __future__ import annotations

import json
import typing as t

from snapdiff.cluster import PREFIX

Object = dict[str, t.Any]
UNKEPT = (  # of nodeInfo
    *("architecture", "bootID", "containerRuntimeVersion", "kubeProxyVersion", "machineID"),
    *("operatingSystem", "osImage", "systemUUID"),
)
LABELS = {"tier": "node", "app": "flannel"}
FLANNEL = "ghcr.io/flannel-io/flannel:v0.28.9"
PLUGIN = "ghcr.io/flannel-io/flannel-cni-plugin:v1.9.1-flannel3"
NET_CONF = {"Network": "10.244.0.0/16", "EnableNFTables": False, "Backend": {"Type": "vxlan"}}


def kube_node(number, *, dual=False, backend="vxlan", **annotations):
    """Return a Node object in the shape of the API, more in it than we keep."""
    cidrs = [f"10.244.{number}.0/24"] + ([f"fd00:10:244:{number}::/64"] if dual else [])
    mac = {4: f"02:00:00:00:00:{number:02x}", 6: f"06:00:00:00:00:{number:02x}"}
    notes = {
        f"{PREFIX}backend-type": backend,
        f"{PREFIX}backend-data": json.dumps({"VNI": 1, "VtepMAC": mac[4]}),
        f"{PREFIX}kube-subnet-manager": "true",
        f"{PREFIX}public-ip": f"192.0.2.{number}",
        "node.alpha.kubernetes.io/ttl": "0",
        "secret.example/token": "not to be kept",
    }
    if dual:
        notes[f"{PREFIX}backend-v6-data"] = json.dumps({"VNI": 1, "VtepMAC": mac[6]})
        notes[f"{PREFIX}public-ipv6"] = f"2001:db8::{number:x}"
    for key, value in annotations.items():
        name = f"{PREFIX}{key.replace('_', '-')}"
        notes.pop(name, None)
        if value is not None:
            notes[name] = value
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": f"node{number}", "annotations": notes, "labels": {"zone": "a"}},
        "spec": {"podCIDR": cidrs[0], "podCIDRs": cidrs, "providerID": "aws:///i-0"},
        "status": {
            "addresses": [
                {"type": "InternalIP", "address": f"192.0.2.{number}"},
                {"type": "ExternalIP", "address": "203.0.113.9"},
                {"type": "Hostname", "address": f"node{number}"},
            ],
            "nodeInfo": {
                **dict.fromkeys(UNKEPT, "x"),
                "kubeletVersion": "v1.34.1",
                "kernelVersion": "6.1.0",
            },
            "images": [{"names": ["registry.example/secret"]}],
        },
    }


def listed(*nodes):
    return {"apiVersion": "v1", "kind": "List", "items": list(nodes)}


def kube_config(net_conf: t.Any = NET_CONF, *, namespace: str = "kube-flannel") -> Object:
    """Return flannel's ConfigMap; *net_conf* may be a text that is no JSON."""
    text = net_conf if isinstance(net_conf, str) else json.dumps(net_conf)
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "kube-flannel-cfg", "namespace": namespace, "labels": LABELS},
        "data": {"net-conf.json": text, "cni-conf.json": '{"secret": "not to be kept"}'},
    }


def backend(**settings: t.Any) -> Object:
    """Return the ConfigMap with settings of its backend."""
    return kube_config({**NET_CONF, "Backend": {"Type": "vxlan", **settings}})


def kube_pod(
    number: int,
    *,
    flannel: str = FLANNEL,
    plugin: str = PLUGIN,
    waiting: str = "",
    ended: str = "",
    ready: bool = True,
    phase: str = "Running",
    **metadata: t.Any,
) -> Object:
    """Return the flannel pod of a node; its container waits for *waiting*, or *ended* so."""
    ready = ready and not waiting and not ended and phase == "Running"
    state: Object = {"waiting": {"reason": waiting}} if waiting else {"running": {}}
    if ended:
        state = {"terminated": {"reason": ended, "exitCode": 1}}
    init = [{"name": "install-cni-plugin", "image": plugin}] if plugin else []
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": f"kube-flannel-ds-{number:05d}",
            "namespace": "kube-flannel",
            "labels": LABELS,
            "creationTimestamp": "2026-11-20T03:00:00Z",
            **metadata,
        },
        "spec": {
            "nodeName": f"node{number}",
            "initContainers": [*init, {"name": "install-cni", "image": flannel}],
            "containers": [
                {
                    "name": "kube-flannel",
                    "image": flannel,
                    "env": [{"name": "SECRET", "value": "not to be kept"}],
                }
            ],
        },
        "status": {
            "phase": phase,
            "conditions": [{"type": "Ready", "status": "True" if ready else "False"}],
            "containerStatuses": [
                {
                    "name": "kube-flannel",
                    "image": flannel,
                    "imageID": "",
                    "ready": ready,
                    "restartCount": 0,
                    "state": state,
                }
            ][: phase != "Pending"],
        },
    }
