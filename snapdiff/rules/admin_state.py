"""Links that somebody, or something, set down."""

from __future__ import annotations

import typing as t

from snapdiff.model import Severity
from snapdiff.rules.registry import Breach, Result, rule
from snapdiff.rules.settings import named

if t.TYPE_CHECKING:
    from snapdiff.rules.view import NodeView


@rule(
    "pod-port-down",
    Severity.ERROR,
    entries=("N-43",),
    remedy="ip link set NAME up on {node} for the links named, or recycle their pods",
)
def pod_port_down(view: NodeView) -> Result:
    """Have every pod port that is on a bridge set up.

    Why: the pod behind a port that is down reaches nothing; the kernel does not set it up again.

    Exempt: ports on no bridge, which pod-port-master tells.
    Source: Linux net/bridge/br_if.c, br_add_if(); containernetworking plugins bridge.go.
    """
    on_bridge = {name: row for name, row in view.ports.items() if row.get("master")}
    down = sorted(name for name, row in on_bridge.items() if "UP" not in row.get("flags", ("UP",)))
    if down:
        yield Breach(
            path="links/veth*/flags",
            message=f"{len(down)} of {len(on_bridge)} pod ports are set down",
            seen=len(down),
            evidence=(named(down),),
        )


@rule(
    "underlay-down",
    Severity.ERROR,
    entries=("N-76",),
    remedy="ip link set {link} up on {node}",
    explains=("default-route", "underlay-connected-route"),
)
def underlay_down(view: NodeView) -> Result:
    """Have the link that carries an overlay set up.

    Why: nothing leaves the node over it, while the overlay itself still says UP: a tunnel does not
    follow its underlay.

    Source: Linux drivers/net/vxlan/vxlan_core.c, which handles only the removal of the lower link.
    """
    for overlay in view.overlays:
        lower = overlay.link.get("lower")
        link = view.links.get(str(lower))
        if link is not None and "UP" not in link.get("flags", ("UP",)):
            yield Breach(
                path=f"links/{lower}/flags",
                message=f"{lower} is set down, and {overlay.name} goes over it",
            )
            return
