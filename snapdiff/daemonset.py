"""flannel's own objects in the cluster: its ConfigMap and its pods, a few named members of them.

What is not named here never gets into a capture: of an image the tag alone, of a ConfigMap
``net-conf.json`` alone.
"""

from __future__ import annotations

import typing as t
from collections.abc import Iterator, Mapping

from snapdiff.cluster import LONGEST, cluster_not_observed, last_words, listed, member
from snapdiff.collector._cni import parse_net_conf
from snapdiff.collector._source import NotObservedError
from snapdiff.errors import InvalidError, UnreadableError
from snapdiff.schema import validate

ASKED = "kubectl get configmaps,pods -o json"
KEY = "net-conf.json"
PLUGIN = "cni-plugin"  # in the name of the image that brings flannel's CNI plugin


def flannel_of_kubectl(said: str | Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return the part ``flannel`` of ``cluster.yml``: the ConfigMap and the pods in a list.

    ``config`` is None where no ConfigMap has a ``net-conf.json``, as with k3s. Raises
    UnreadableError where *said* is no list, or where it has two configurations of flannel.
    """
    items = list(listed(said, ASKED))
    found = [one for one in items if _kind(one) == "ConfigMap" and KEY in (_data(one) or {})]
    if len(found) > 1:
        names = " and ".join(_name(one) for one in found)
        raise UnreadableError(f"{ASKED}: {names} have {KEY}. Ask for the namespace of one")
    config = _config(found[0]) if found else None
    told = {"not_observed": "", "config": config, "pods": dict(sorted(dict(_pods(items)).items()))}
    try:
        validate({**cluster_not_observed(""), "flannel": told}, "cluster")
    except InvalidError as error:
        raise UnreadableError(f"{ASKED}: {error}") from None
    return told


def flannel_not_observed(why: str) -> dict[str, t.Any]:
    """Return the part ``flannel`` for a cluster that gave no answer."""
    return {"not_observed": last_words(why), "config": None, "pods": {}}


def _kind(item: t.Any) -> t.Any:
    return member(item, "kind")


def _data(item: t.Any) -> t.Any:
    found = member(item, "data")
    return found if isinstance(found, Mapping) else None


def _name(item: t.Any) -> str:
    given = member(item, "metadata")
    return f"{member(given, 'namespace') or 'default'}/{member(given, 'name')}"[:LONGEST]


def _config(item: t.Any) -> dict[str, t.Any]:
    try:
        net_conf = parse_net_conf(str(_data(item)[KEY]))
    except NotObservedError as error:
        raise UnreadableError(f"{ASKED}: {KEY} of {_name(item)}: {error}") from None
    return {"name": _name(item), "net_conf": net_conf}


def _pods(items: list[t.Any]) -> Iterator[tuple[str, dict[str, t.Any]]]:
    """Yield the node and the row of each flannel pod; of two on a node the newer one comes last."""
    pods = [one for one in items if _kind(one) == "Pod"]
    for item in sorted(pods, key=lambda one: _text(one, "metadata", "creationTimestamp")):
        spec, node = member(item, "spec"), _text(item, "spec", "nodeName")
        images = [
            _text(one, "image")
            for part in ("initContainers", "containers")
            for one in _rows(spec, part)
        ]
        tags = {
            "plugin" if PLUGIN in name else "flannel": tag
            for name, tag in map(_parted, images)
            if "flannel" in name
        }
        if node and tags and not _text(item, "metadata", "deletionTimestamp"):
            yield (
                node,
                {
                    "name": _name(item),
                    **{name: tag for name, tag in tags.items() if tag},
                    "ready": _is_ready(item),
                    "why": _why(item),
                },
            )


def _parted(image: str) -> tuple[str, str]:
    """Return the last part of an image's name, and its tag; empty where it has none."""
    name, _, tag = image.partition("@")[0].rpartition("/")[2].partition(":")
    return name, tag


def _is_ready(item: t.Any) -> bool:
    return any(
        member(one, "type") == "Ready" and member(one, "status") == "True"
        for one in _rows(member(item, "status"), "conditions")
    )


def _why(item: t.Any) -> str:
    """Return the reason why a container waits, as ``CrashLoopBackOff``, else the pod's phase."""
    if _is_ready(item):
        return ""
    status = member(item, "status")
    rows = [
        one
        for part in ("initContainerStatuses", "containerStatuses")
        for one in _rows(status, part)
    ]
    reasons = [_text(one, "state", "waiting", "reason") for one in rows]
    phase = _text(status, "phase")
    return next(filter(None, reasons), "not ready" if phase == "Running" else phase or "not ready")


def _text(given: t.Any, *path: str) -> str:
    for part in path:
        given = member(given, part)
    return given[:LONGEST] if isinstance(given, str) else ""


def _rows(given: t.Any, name: str) -> list[t.Any]:
    found = member(given, name)
    return found if isinstance(found, list) else []
