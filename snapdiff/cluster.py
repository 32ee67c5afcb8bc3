"""The cluster's own word on its nodes: ``kubectl get nodes -o json``, a few named members of it.

What is not named here never gets into a capture: labels, images, provider ids and all.
"""

from __future__ import annotations

import json
import typing as t
from collections.abc import Mapping

from snapdiff.errors import UnreadableError

SCHEMA = "snapdiff/cluster/1"
ASKED = "kubectl get nodes -o json"
PREFIX = "flannel.alpha.coreos.com/"  # flanneld --kube-annotation-prefix, there without the slash
ADDRESSES = ("InternalIP", "Hostname")
VERSIONS = {"kubelet": "kubeletVersion", "kernel": "kernelVersion", "os": "operatingSystem"}
LONGEST = 4096  # characters of a value
SIZE = 512 * 1024 * 1024  # bytes of what kubectl prints: some 20 KB a node


def cluster_of_kubectl(
    said: str | Mapping[str, t.Any], *, prefix: str = PREFIX
) -> dict[str, t.Any]:
    """Return the document of ``cluster.yml`` that ``kubectl get nodes -o json`` makes.

    *prefix* is what flannel's annotations start with, as flanneld is told it or with the slash.
    Raises UnreadableError where it is no list of nodes.
    """
    items = listed(said, ASKED)
    prefix = _whole(prefix)
    nodes = {}
    for item in items:
        name = member(member(item, "metadata"), "name")
        if not isinstance(name, str) or not name or member(item, "kind") not in ("Node", None):
            raise UnreadableError(f"{ASKED}: something in it is no node")
        nodes[name] = _node(item, prefix)
    return {"schema": SCHEMA, "prefix": prefix, "not_observed": "", "nodes": nodes}


def cluster_not_observed(why: str, *, prefix: str = PREFIX) -> dict[str, t.Any]:
    """Return the document for a cluster that gave no answer."""
    reason = last_words(why)
    return {"schema": SCHEMA, "prefix": _whole(prefix), "not_observed": reason, "nodes": {}}


def last_words(why: str) -> str:
    """Return the last line of what a command said: there kubectl says what is wrong."""
    lines = [" ".join(line.split()) for line in why.splitlines() if line.strip()]
    return lines[-1][:LONGEST] if lines else "it gave no answer"


def listed(said: str | Mapping[str, t.Any], asked: str) -> list[t.Any]:
    """Return the objects of what ``kubectl get ... -o json`` printed: a list of them, or one.

    Raises UnreadableError, with the command *asked*, where it is neither.
    """
    try:
        given = json.loads(said) if isinstance(said, str) else said
    except (ValueError, RecursionError) as error:
        raise UnreadableError(f"{asked}: it is no JSON: {error}") from None
    items = member(given, "items")
    if items is None and member(given, "kind") in ("Node", "ConfigMap", "Pod"):
        return [given]
    if not isinstance(items, list):
        raise UnreadableError(f"{asked}: it is no list of objects")
    return items


def _whole(prefix: str) -> str:
    return f"{prefix.rstrip('/')}/" if prefix.strip("/") else PREFIX


def member(given: t.Any, name: str) -> t.Any:
    """Return a member of an object, None where it has none or is none."""
    return given.get(name) if isinstance(given, Mapping) else None


def _texts(values: t.Any) -> list[str]:
    found = values if isinstance(values, list) else []
    return [one for one in found if isinstance(one, str) and 0 < len(one) <= LONGEST]


def _node(item: Mapping[str, t.Any], prefix: str) -> dict[str, t.Any]:
    spec, status = member(item, "spec"), member(item, "status")
    cidrs = _texts(member(spec, "podCIDRs")) or _texts([member(spec, "podCIDR")])
    rows = member(status, "addresses")
    given = [one for one in rows if isinstance(one, Mapping)] if isinstance(rows, list) else []
    notes = member(member(item, "metadata"), "annotations")
    notes = notes if isinstance(notes, Mapping) else {}
    info = member(status, "nodeInfo")
    versions = {name: _texts([member(info, key)]) for name, key in VERSIONS.items()}
    return {
        "pod_cidrs": cidrs,
        "addresses": {
            kind: _texts([one.get("address") for one in given if one.get("type") == kind])
            for kind in ADDRESSES
        },
        "annotations": {
            name.removeprefix(prefix): value
            for name, value in notes.items()
            if name.startswith(prefix) and _texts([value])
        },
        **{name: found[0] for name, found in versions.items() if found},
    }
