"""flannel's own objects in the cluster: its ConfigMap and its pods, a few named members of them.

What is not named here never gets into a capture: of an image the tag alone, of a ConfigMap
``net-conf.json`` alone.
"""

from __future__ import annotations

import typing as t
from collections import defaultdict
from collections.abc import Iterator, Mapping

from snapdiff.cluster import LONGEST, cluster_not_observed, last_words, listed, member
from snapdiff.collector._cni import parse_net_conf
from snapdiff.collector._source import NotObservedError
from snapdiff.errors import InvalidError, UnreadableError
from snapdiff.schema import validate

ASKED = "kubectl get configmaps,pods -o json"
KEY = "net-conf.json"
PLUGIN = "cni-plugin"  # in the name of the image that brings flannel's CNI plugin
OVER = ("Succeeded", "Failed")  # phases of a pod that runs no more
STARTS = ("ContainerCreating", "PodInitializing")


def flannel_of_kubectl(said: str | Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return the part ``flannel`` of ``cluster.yml``: the ConfigMap and the pods in a list.

    ``config`` is None where no ConfigMap has a ``net-conf.json``, as with k3s; ``config_why`` says
    why there is none where one cannot be read, or nobody knows which of several. Raises
    UnreadableError where *said* is no list.
    """
    items = listed(said, ASKED)
    config, why = _config(items)
    told = {
        "not_observed": "",
        "config": config,
        "config_why": why,
        "pods": {node: _pod(pods) for node, pods in sorted(_by_node(items).items())},
    }
    try:
        validate({**cluster_not_observed(""), "flannel": told}, "cluster")
    except InvalidError as error:
        raise UnreadableError(f"{ASKED}: {error}") from None
    return told


def flannel_not_observed(why: str) -> dict[str, t.Any]:
    """Return the part ``flannel`` for a cluster that gave no answer."""
    return {"not_observed": last_words(why), "config": None, "config_why": "", "pods": {}}


def _config(items: list[t.Any]) -> tuple[dict[str, t.Any] | None, str]:
    """Return flannel's configuration, or why nobody can tell it."""
    found = [one for one in items if _kind(one) == "ConfigMap" and KEY in (_data(one) or {})]
    if len(found) > 1:
        return None, f"{' and '.join(map(_name, found))} have {KEY}"
    try:
        for one in found:
            return {"name": _name(one), "net_conf": parse_net_conf(str(_data(one)[KEY]))}, ""
    except NotObservedError as error:
        return None, f"{KEY} of {_name(found[0])}: {error}"
    return None, ""


def _kind(item: t.Any) -> t.Any:
    return member(item, "kind")


def _data(item: t.Any) -> t.Any:
    found = member(item, "data")
    return found if isinstance(found, Mapping) else None


def _name(item: t.Any) -> str:
    given = member(item, "metadata")
    return f"{member(given, 'namespace') or 'default'}/{member(given, 'name')}"[:LONGEST]


def _by_node(items: list[t.Any]) -> dict[str, list[t.Any]]:
    """Return the pods of each node that have an image of flannel's and are not on their way out.

    The one that counts comes last: one that runs or is to run, the newest.
    """
    found: dict[str, list[t.Any]] = defaultdict(list)
    for item in items:
        node = _text(item, "spec", "nodeName")
        going = _text(item, "metadata", "deletionTimestamp")
        if _kind(item) == "Pod" and node and not going and any(_containers(item)):
            found[node].append(item)
    for pods in found.values():
        pods.sort(key=lambda one: (not _is_over(one), _text(one, "metadata", "creationTimestamp")))
    return found


def _pod(pods: list[t.Any]) -> dict[str, t.Any]:
    pod = pods[-1]
    tags = {
        "plugin" if PLUGIN in name else "flannel": tag
        for name, tag in (_parted(_text(one, "image")) for one in _containers(pod))
    }
    why = _why(pod)
    return {
        "name": _name(pod),
        **{name: tag for name, tag in tags.items() if tag},
        "ready": not why,
        "why": why,
        "beside": sorted(_name(one) for one in pods[:-1] if not _is_over(one) and not _why(one)),
    }


def _containers(item: t.Any) -> Iterator[t.Any]:
    """Yield the containers of a pod, those that run first included, whose image is flannel's."""
    for part in ("initContainers", "containers"):
        for one in _rows(member(item, "spec"), part):
            if "flannel" in _parted(_text(one, "image"))[0]:
                yield one


def _parted(image: str) -> tuple[str, str]:
    """Return the last part of an image's name, and its tag; empty where it has none."""
    name, _, tag = image.partition("@")[0].rpartition("/")[2].partition(":")
    return name, tag


def _is_over(item: t.Any) -> bool:
    return _text(item, "status", "phase") in OVER


def _why(item: t.Any) -> str:
    """Return why flannel is not ready in a pod, as ``CrashLoopBackOff``; empty where it is.

    Of a pod that has other containers too, as canal's, those of flannel's image count.
    """
    status = member(item, "status")
    phase = _text(status, "phase")
    if phase in OVER:
        return _text(status, "reason") or phase  # Evicted
    names = {_text(one, "name") for one in _containers(item)}
    mine = [
        one
        for part in ("initContainerStatuses", "containerStatuses")
        for one in _rows(status, part)
        if _text(one, "name") in names
    ]
    main = [one for one in mine if one in _rows(status, "containerStatuses")]
    if main and all(member(one, "ready") is True for one in main):
        return ""
    waiting = [_text(one, "state", "waiting", "reason") for one in mine]
    ended = [_text(one, "state", "terminated", "reason") for one in mine]
    reasons = [one for one in waiting if one not in (*STARTS, "")]
    reasons += [one for one in ended if one not in ("Completed", "")]
    reasons += [one for one in waiting if one]
    return next(iter(reasons), "Pending" if phase == "Pending" else "not ready")


def _text(given: t.Any, *path: str) -> str:
    for part in path:
        given = member(given, part)
    return given[:LONGEST] if isinstance(given, str) else ""


def _rows(given: t.Any, name: str) -> list[t.Any]:
    found = member(given, name)
    return found if isinstance(found, list) else []
