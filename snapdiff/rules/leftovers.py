"""What an earlier backend or another CNI left: its overlay, its port, its routes."""

from __future__ import annotations

import typing as t
from collections import defaultdict

from snapdiff.model import Severity
from snapdiff.rules import flannel
from snapdiff.rules.addresses import networks_of
from snapdiff.rules.registry import Breach, Result, rule
from snapdiff.rules.ways import spans, ways

if t.TYPE_CHECKING:
    from snapdiff.rules.view import NodeView, Overlay


@rule(
    "vxlan-port-conflict",
    Severity.ERROR,
    entries=("N-51",),
    remedy="ip link delete that of the CNI which is gone ({link} or {seen}), then restart the "
    "other's pod on {node}",
    explains=("overlay-down", "overlay-address", "lease-missing", "leftover-link"),
)
def vxlan_port_conflict(view: NodeView) -> Result:
    """Have no two CNIs' vxlan links on one UDP port.

    Why: the second one cannot come up ("address already in use"), so its CNI does not start.

    Exempt: links of one CNI, as those for IPv4 and IPv6; other ports; links that no CNI makes.
    Source: cilium/cilium#2925, #3219; tkestack/tke#1279; Linux vxlan_open().
    """
    by_port: dict[int, list[Overlay]] = defaultdict(list)
    for one in view.overlays:
        if flannel.kind_of(one) == "vxlan" and (port := _port_of(view, one)) is not None:
            by_port[port].append(one)
    for port, found in by_port.items():
        if len({one.owner for one in found}) > 1:
            first, *rest = sorted(found, key=lambda one: "UP" in one.link.get("flags", ()))
            others = ", ".join(one.name for one in rest)
            yield Breach(
                path=f"links/{first.name}/vxlan/port",
                message=f"{first.name} and {others} are both on UDP port {port}",
                seen=others,
                expected="one vxlan on a port",
            )


def _port_of(view: NodeView, one: Overlay) -> int | None:
    if sum(flannel.kind_of(other) == "vxlan" for other in view.overlays) < 2:
        return None
    found: int | None = view.get("links", one.name, "vxlan", "port")
    return found


IDLE = "ip link delete {link} on {node}: nothing else will, and no route to pods leads over it"


@rule(
    "overlay-idle",
    Severity.ERROR,
    entries=("N-52",),
    remedy="ip link delete {link} on {node}: nothing else will; its routes go with it",
    explains=("routes-overlap", "leftover-link"),
)
def overlay_idle(view: NodeView) -> Result:
    """Have no route over an overlay that an earlier backend left behind.

    Why: nobody deletes the old link when the backend is switched, and its routes, one a node, are
    more specific than the new one's: pods' packets go on unencrypted, or nowhere.

    Exempt: an old link without routes is a warning while it has flannel's entries for peers, and
    an info without them, as during a migration; where net-conf, lease and routes do not tell which
    of two is old, a warning.
    Source: rancher/rke2#9338; flannel pkg/backend/vxlan/vxlan_network.go.
    """
    used = flannel.in_use(view)
    idle = [one for one in view.flannel if one not in used]
    kinds = {flannel.kind_of(one) for one in used}
    vague = len(kinds) > 1
    for one in (one for one in used if flannel.kind_of(one) == "vxlan") if vague else idle:
        count = _ways(view, one)
        now = ", ".join(other.name for other in used if other is not one)
        now = now or view.backend("Type") or "host-gw"
        words = f"{count} routes lead over it" if count else "no route leads over it"
        severity = Severity.WARNING if vague else None
        if not count:
            severity = Severity.WARNING if _has_entries(view, one) else Severity.INFO
        yield Breach(
            path=f"links/{one.name}",
            message=f"{one.name} is left beside {now}; {words}",
            seen=count,
            expected=0,
            severity=severity,
            remedy=None if count else IDLE,
        )


def _has_entries(view: NodeView, overlay: Overlay) -> bool:
    """Say whether flannel's neighbours or forwarding entries are still on a link."""
    tables = ("peers", "neighbours", "fdb")
    rows = (row for table in tables for row in view.snapshot[table].values())
    return any(row.get("dev") == overlay.name for row in rows)


def _ways(view: NodeView, overlay: Overlay) -> int:
    """Count the routes to pods over an overlay; the kernel's own, of its addresses, are none."""
    networks = spans(networks_of(view))
    found = {one.span for one in ways(view) if one.dev == overlay.name}
    return sum(any(one.holds(where) for one in networks) for where in found)


@rule(
    "tunl0-owner",
    Severity.INFO,
    entries=("N-50",),
    remedy="ip addr flush dev tunl0 on {node}, once it is sure that nothing uses it",
)
def tunl0_owner(view: NodeView) -> Result:
    """Have an address on tunl0 only where Calico or kube-router is.

    Why: the link comes with the module, without address; one with an address is what Calico left.

    Exempt: a node with Calico's pods or its plugin, with kube-router's bridge, or with MetalLB-like
    own tunnels that are not called tunl0.
    Source: flannel Documentation/backends.md; Calico felix/dataplane/linux.
    """
    rows = view.links["tunl0"]["addresses"] if "tunl0" in view.links else {}
    seen = [key for key in rows if not key.startswith("fe80:")]
    if not seen or "kube-bridge" in view.links or any(one.startswith("cali") for one in view.links):
        return
    files = view.section("cni_config").values()
    types = {plugin.get("type") for row in files for plugin in row.get("plugins", ())}
    if not types & {"calico", "kube-router", "bridge"}:
        yield Breach(
            path="links/tunl0/addresses",
            message=f"tunl0 has {', '.join(seen)}, but neither Calico nor kube-router is there",
            seen=", ".join(seen),
        )
