"""Snapshots of the pod network of Kubernetes nodes, and what drifted between two of them.

The names below are public; each is imported when it is first used, so that ``snapdiff --help`` is
quick.
"""

from __future__ import annotations

import importlib
import typing as t

if t.TYPE_CHECKING:
    from snapdiff.cluster import cluster_not_observed, cluster_of_kubectl
    from snapdiff.compare import compare_captures
    from snapdiff.daemonset import flannel_not_observed, flannel_of_kubectl
    from snapdiff.errors import ExitCode, FirstCaptureError, SnapdiffError
    from snapdiff.model import Outcome, Severity, Snapshot
    from snapdiff.report import render
    from snapdiff.snapshot import from_facts
    from snapdiff.store import Draft, Store
    from snapdiff.verdict import Policy

__version__ = "0.1.0"
__all__ = [
    "Draft",
    "ExitCode",
    "FirstCaptureError",
    "Outcome",
    "Policy",
    "Severity",
    "SnapdiffError",
    "Snapshot",
    "Store",
    "cluster_not_observed",
    "cluster_of_kubectl",
    "compare_captures",
    "flannel_not_observed",
    "flannel_of_kubectl",
    "from_facts",
    "render",
]

_HOMES = {
    "Draft": "store",
    "ExitCode": "errors",
    "FirstCaptureError": "errors",
    "Outcome": "model",
    "Policy": "verdict",
    "Severity": "model",
    "SnapdiffError": "errors",
    "Snapshot": "model",
    "Store": "store",
    "cluster_not_observed": "cluster",
    "cluster_of_kubectl": "cluster",
    "compare_captures": "compare",
    "flannel_not_observed": "daemonset",
    "flannel_of_kubectl": "daemonset",
    "from_facts": "snapshot",
    "render": "report",
}


def __getattr__(name: str) -> t.Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"snapdiff.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'snapdiff' has no attribute {name!r}")
