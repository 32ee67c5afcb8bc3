"""MTUs: each link of the chain must leave room for what the next one adds.

Overheads are what the kernel and flannel subtract; expectations come from the observed underlay,
never from constants such as 1450.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from snapdiff.model import Severity
from snapdiff.rules.registry import Breach, CannotTell, Result, rule

if t.TYPE_CHECKING:
    from snapdiff.rules.view import NodeView, Overlay


@dataclass(frozen=True, slots=True)
class Overhead:
    """Bytes that an encapsulation takes from the underlay's MTU."""

    asked: int  # what flannel subtracts
    least: int  # what the packets really need
    words: str


def overhead(overlay: Overlay) -> Overhead | None:
    """Return the overhead of an overlay; None for a kind that we know no figure of.

    Source: flannel pkg/backend/vxlan/device.go, wireguard/wireguard_network.go, ipip/ipip.go,
    udp/udp_network_amd64.go; Linux drivers/net/vxlan/vxlan_core.c, vxlan_headroom().
    """
    if overlay.kind == "vxlan" and overlay.family == 6:
        return Overhead(70, 70, "vxlan, IPv6")
    found = {
        "vxlan": Overhead(50, 50, "vxlan, IPv4"),
        "wireguard": Overhead(80, 60, "wireguard"),
        "ipip": Overhead(20, 20, "ipip"),
        "tun": Overhead(28, 28, "flannel udp"),
    }
    return found.get(overlay.kind)


@rule(
    "overlay-mtu-headroom",
    Severity.ERROR,
    entries=("N-01", "N-02", "N-03", "N-04"),
    remedy="ip link delete {link} on the node, then restart its flannel pod: flannel keeps a link "
    "whose MTU alone is wrong",
    explains=("lease-mtu", "overlay-mtu-small", "fleet-overlay-mtu"),
)
def overlay_mtu_headroom(view: NodeView) -> Result:
    """Hold the overlay's MTU below the underlay's by what the encapsulation adds.

    Why: a packet that fits the overlay but not the underlay is dropped, so short replies arrive and
    long ones hang. The kernel refuses to raise the overlay over it, but does not lower it when the
    underlay shrinks; flanneld takes over an existing link and does not compare its MTU.

    Source: flannel pkg/backend/vxlan/device.go, vxlanLinksIncompat(); Linux vxlan_change_mtu().
    """
    for overlay in view.flannel:
        cost, below = overhead(overlay), view.underlay_of(overlay)
        if cost is None or overlay.mtu is None:
            continue
        if below is None or below[1].get("mtu") is None:
            yield CannotTell(
                f"links/{overlay.name}/lower", "the node does not tell what carries it"
            )
            continue
        name, link = below
        limit = link["mtu"] - cost.least
        if overlay.mtu > limit:
            yield Breach(
                path=f"links/{overlay.name}/mtu",
                message=f"{overlay.name} has MTU {overlay.mtu}, over the {limit} that {name} leaves",
                seen=overlay.mtu,
                expected=limit,
                evidence=(
                    f"{name} {link['mtu']} - {cost.least} ({cost.words}) = {limit}, "
                    f"seen {overlay.mtu}",
                ),
            )


@rule(
    "lease-mtu",
    Severity.ERROR,
    entries=("N-05",),
    remedy="ip link delete {link} on the node, then restart its flannel pod and recycle its pods",
    explains=("pods-mtu-mixed", "fleet-lease-mtu", "overlay-mtu-small"),
)
def lease_mtu(view: NodeView) -> Result:
    """Hold ``FLANNEL_MTU`` equal to the MTU of the running overlay.

    Why: flanneld computes it from the underlay when it starts, and keeps an existing link as it is:
    where they differ, the underlay or the configuration changed and the link was not made anew.
    New pods get FLANNEL_MTU, and packets over the overlay's MTU are lost.

    Exempt: host-gw and clusters without a flannel overlay; the IPv6 link of a dual-stack node, which
    may be 20 lower.
    Source: flannel pkg/backend/vxlan/vxlan_network.go, MTU(); flannel-io/flannel#1775.
    """
    lease = view.lease
    mtu = lease.get("FLANNEL_MTU") if lease else None
    if mtu is None:
        return
    for overlay in view.flannel:
        if overlay.mtu is None or overlay.mtu == mtu:
            continue
        if overlay.family == 6 and any(one.family == 4 for one in view.flannel):
            continue
        yield Breach(
            path="cni/subnet_env/FLANNEL_MTU",
            message=f"new pods get MTU {mtu}, but {overlay.name} runs with {overlay.mtu}",
            seen=mtu,
            expected=overlay.mtu,
            evidence=_underlay_sum(view, overlay),
        )


def _underlay_sum(view: NodeView, overlay: Overlay) -> tuple[str, ...]:
    cost, below = overhead(overlay), view.underlay_of(overlay)
    if cost is None or below is None or below[1].get("mtu") is None:
        return ()
    name, link = below
    return (f"{name} {link['mtu']} - {cost.asked} ({cost.words}) = {link['mtu'] - cost.asked}",)
