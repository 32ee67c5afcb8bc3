"""The pod's side of its link against the node's, where the node let the collector look."""

from __future__ import annotations

import typing as t

from snapdiff.model import Severity
from snapdiff.rules.registry import Breach, Result, rule
from snapdiff.rules.settings import named

if t.TYPE_CHECKING:
    from snapdiff.rules.view import NodeView


@rule(
    "pod-side-mtu",
    Severity.WARNING,
    entries=("N-08",),
    remedy="recycle the pods behind the links named; find out what sets an MTU inside pods",
)
def pod_side_mtu(view: NodeView) -> Result:
    """Have both ends of a pod's link agree on the MTU.

    Why: a veth drops what is over the MTU of the end that it comes in by, so the larger end sends
    what never arrives.

    Exempt: a pod whose namespace has no name on the node, or that nobody looked into: most have
    one, and a rule that could not be decided on each node without would say nothing of the rest.
    Source: containernetworking plugins pkg/ip/link_linux.go, which makes both ends alike; Linux
    drivers/net/veth.c.
    """
    odd = sorted(
        f"{name} {row['mtu']}, inside {row['inside']['mtu']}"
        for name, row in view.ports.items()
        if row.get("mtu") is not None
        and (row.get("inside") or {}).get("mtu") not in (None, row["mtu"])
    )
    if odd:
        yield Breach(
            path="links/veth*/inside/mtu",
            message=f"{len(odd)} of {len(view.ports)} pods have another MTU inside than outside",
            seen=len(odd),
            evidence=(named(odd),),
        )
