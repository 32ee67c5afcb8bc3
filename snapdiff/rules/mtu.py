"""MTUs of overlays: each must leave room for what it adds, and be what the lease tells new pods.

Overheads are what the kernel and flannel subtract; expectations come from the observed underlay,
never from constants such as 1450.
"""

from __future__ import annotations

import typing as t

from snapdiff import roles
from snapdiff.model import Severity
from snapdiff.rules.flannel import in_use, kind_of, lease_mtu_of
from snapdiff.rules.overheads import Fit, fit, fits, wanted_of
from snapdiff.rules.pod_mtu import sizes_of_pods
from snapdiff.rules.registry import Breach, CannotTell, Result, rule
from snapdiff.safe import for_shell

if t.TYPE_CHECKING:
    from snapdiff.rules.view import NodeView, Overlay

ANEW = "ip link delete {link} on {node}, then restart its flannel pod: flannel keeps a link whose "


@rule(
    "overlay-mtu-headroom",
    Severity.ERROR,
    entries=("N-01", "N-02", "N-03", "N-04"),
    remedy=ANEW + "MTU alone is wrong",
    explains=("lease-mtu", "overlay-mtu-small", "overlay-mtu-configured", "overlay-mtu-alike"),
)
def overlay_mtu_headroom(view: NodeView) -> Result:
    """Hold the overlay's MTU below the underlay's by what the encapsulation adds.

    Why: a packet that fits the overlay but not the underlay is dropped, so short replies arrive and
    long ones hang. The kernel refuses to raise the overlay over it, but does not lower it when the
    underlay shrinks; flanneld takes over an existing link and does not compare its MTU.

    Exempt: what an earlier backend left behind. Between the 60 bytes that WireGuard needs over IPv4
    and the 80 that flannel subtracts it is a warning.
    Source: flannel pkg/backend/vxlan/device.go, vxlanLinksIncompat(); Linux vxlan_change_mtu();
    flannel-io/flannel#1620.
    """
    for one in fits(view, in_use(view)):
        if isinstance(one, CannotTell):
            yield one
            continue
        over = one.mtu > one.under - one.cost.least
        less = one.cost.least if over else one.cost.asked
        limit = one.under - less
        if one.mtu > limit:
            yield Breach(
                path=one.path,
                message=f"{one.overlay.name} has MTU {one.mtu}, over the {limit} that {one.below} "
                "leaves",
                seen=one.mtu,
                expected=limit,
                severity=None if over else Severity.WARNING,
                evidence=one.sum(less),
            )


def _outer(view: NodeView, one: Fit) -> tuple[str, ...]:
    key = view.asked("MTU")
    told = (f"{view.net_conf_name}: MTU {key} of the outer packet",) if key else ()
    return (*told, *one.sum(one.cost.asked))


@rule(
    "overlay-mtu-small",
    Severity.WARNING,
    entries=("N-01", "N-02", "N-03", "N-04"),
    remedy=ANEW + "MTU alone differs. It becomes {expected}; new pods follow, old ones keep theirs",
)
def overlay_mtu_small(view: NodeView) -> Result:
    """Give the overlay all that the underlay, or the MTU of net-conf, leaves for it.

    Why: a smaller one costs throughput, and is the mark of an underlay that grew under a link that
    flannel kept.

    Exempt: ipip, which flannel lowers and never raises. Where neither the node nor the cluster
    tells net-conf, a smaller MTU may be meant: it is an info.
    Source: flannel pkg/backend/vxlan/device.go; flannel-io/flannel#841, #1775, #1781.
    """
    told = bool(view.net_conf.get("Backend"))
    for one in fits(view, in_use(view)):
        if isinstance(one, CannotTell):
            yield one
            continue
        wanted = wanted_of(view, one)
        if one.mtu < wanted and kind_of(one.overlay) != "ipip":
            yield Breach(
                path=one.path,
                message=f"{one.overlay.name} has MTU {one.mtu}, below the {wanted} it could have",
                seen=one.mtu,
                expected=wanted,
                severity=None if told else Severity.INFO,
                evidence=_outer(view, one),
            )


@rule(
    "overlay-mtu-configured",
    Severity.WARNING,
    entries=("N-01", "N-02", "N-03"),
    remedy=ANEW + "MTU alone differs. It becomes {expected}; then recycle the pods",
    explains=("overlay-mtu-alike", "lease-mtu-alike"),
)
def overlay_mtu_configured(view: NodeView) -> Result:
    """Give the overlay no more than the MTU of net-conf leaves for it.

    Why: who sets it has a path that takes no more. The key is the MTU of the outer packet, and
    flannel does not look at it again for a link that exists.

    Exempt: a net-conf without MTU, or none, on the node and in the cluster.
    Source: flannel-io/flannel#1736, #1775, #1781.
    """
    for one in fits(view, in_use(view)):
        if isinstance(one, CannotTell):
            yield one
            continue
        wanted = wanted_of(view, one)
        if wanted < one.mtu <= one.under - one.cost.asked:
            yield Breach(
                path=one.path,
                message=f"{one.overlay.name} has MTU {one.mtu}, but net-conf leaves {wanted}",
                seen=one.mtu,
                expected=wanted,
                evidence=_outer(view, one),
            )


@rule(
    "lease-mtu",
    Severity.ERROR,
    entries=("N-05",),
    remedy="restart the flannel pod of {node}, which writes the lease; where it is the link that "
    "differs from the sum, ip link delete {link} before; then recycle the pods that have another",
    explains=(
        "bridge-mtu",
        "lease-mtu-alike",
        "overlay-mtu-alike",
        "overlay-mtu-configured",
        "overlay-mtu-small",
        "pod-mtu",
        "pod-mtu-over-overlay",
        "pods-mtu-mixed",
        "underlay-mtu-alike",
    ),
)
def lease_mtu(view: NodeView) -> Result:
    """Hold ``FLANNEL_MTU`` equal to the MTU of the running overlay.

    Why: flanneld computes it from the underlay when it starts, and keeps an existing link as it is:
    where they differ, the underlay or the configuration changed and the link was not made anew. New
    pods get FLANNEL_MTU, and packets over the overlay's MTU are lost. Where the link is what the
    underlay leaves, it is the file that somebody wrote, and a restart is all that it takes.

    Exempt: host-gw and clusters without a flannel overlay; the IPv6 vxlan, from which flannel
    subtracts 50 in the lease and the kernel 70: beside an IPv4 one it is not looked at, alone it
    may be 20 lower; what an earlier backend left behind.
    Source: flannel pkg/backend/vxlan/vxlan_network.go, MTU(); flannel-io/flannel#1775.
    """
    lease = view.lease
    mtu = lease.get("FLANNEL_MTU") if lease else None
    if mtu is None:
        return
    overlays = in_use(view)
    for overlay in overlays:
        found = view.get("links", overlay.name, "mtu")
        if found is None or found == mtu:
            continue
        if overlay.family == 6:
            if any(one.family == 4 for one in overlays):
                continue
            if kind_of(overlay) == "vxlan" and found + 20 == mtu:
                continue
        yield Breach(
            path="cni/subnet_env/FLANNEL_MTU",
            message=f"new pods get MTU {mtu}, but {overlay.name} runs with {found}",
            seen=mtu,
            expected=found,
            evidence=_underlay_sum(one := _fit(view, overlay)),
            remedy=_mended(view, overlay, mtu, wanted_of(view, one) if one else None),
        )


def _mended(view: NodeView, overlay: Overlay, lease: int, wanted: int | None) -> str:
    """Say what makes lease and overlay agree: of the two, that one which is not as *wanted*."""
    sizes = sizes_of_pods(view)
    if overlay.mtu == wanted:
        way, odd = "restart the flannel pod of {node}", lease in sizes
    else:
        link = for_shell(overlay.name)
        way = f"ip link delete {link} on {{node}}, then restart its flannel pod"
        odd = wanted is None or any(mtu != wanted for mtu in sizes)
    keep = f" that have {lease}" if overlay.mtu == wanted else ""
    return f"{way}, then recycle its pods{keep}" if odd else way


def _fit(view: NodeView, overlay: Overlay) -> Fit | None:
    try:
        return fit(view, overlay)
    except CannotTell:
        return None


def _underlay_sum(one: Fit | None) -> tuple[str, ...]:
    if one is None:
        return ()
    less = one.cost.asked
    return (f"{one.below} {one.under} - {less} ({one.cost.words}) = {one.under - less}",)


@rule(
    "lease-mtu-underlay",
    Severity.ERROR,
    entries=("N-04",),
    remedy="restart the flannel pod of {node}, which reads the MTU of the underlay when it starts; "
    "then recycle its pods",
    explains=("lease-mtu-alike", "pod-mtu"),
)
def lease_mtu_underlay(view: NodeView) -> Result:
    """Hold ``FLANNEL_MTU`` within the MTU of the underlay where flannel has no overlay.

    Why: with host-gw pods send straight over the underlay, and what is longer is lost. flanneld
    reads the underlay when it starts, and not again.

    Exempt: a node with an overlay, which lease-mtu holds. With host-gw a smaller one is an info.
    Source: flannel pkg/backend/hostgw/hostgw.go.
    """
    if in_use(view):
        return
    mtu = lease_mtu_of(view)
    if mtu is None:
        return
    names = roles.underlays(view.links, view.section("routes"))
    known = {name: view.get("links", name, "mtu") for name in names}
    sizes = {name: size for name, size in known.items() if size is not None}
    if not sizes:
        yield CannotTell("routes", "no default route tells which link is the underlay")
        return
    name = max(sizes, key=lambda name: sizes[name])
    small = view.backend("Type") == "host-gw" and mtu < min(sizes.values())
    if mtu > sizes[name] or small:
        yield Breach(
            path="cni/subnet_env/FLANNEL_MTU",
            message=f"new pods get MTU {mtu}, but {name} takes {sizes[name]}",
            seen=mtu,
            expected=sizes[name],
            severity=Severity.INFO if small else None,
        )


@rule(
    "calico-overlay-mtu",
    Severity.WARNING,
    entries=("N-12",),
    remedy="calicoctl patch felixconfiguration default: mtuIfacePattern, so that it matches the "
    "underlay alone; or vxlanMTU, ipipMTU or wireguardMTU to {expected}",
)
def calico_overlay_mtu(view: NodeView) -> Result:
    """Hold the MTU of Calico's overlays below the underlay's by what they add.

    Why: Calico takes the smallest MTU of all links that match a pattern; where the pattern misses
    the underlay, the overlay gets that of another link.

    Exempt: a smaller one, which is that of another link or set by hand; tunl0 without an address.
    Source: Calico felix/dataplane/linux/int_dataplane.go, findHostMTU(); projectcalico/calico#8674;
    canonical/microk8s#4142.
    """
    calicos = [one for one in view.overlays if one.owner == "calico" and "mtu" in one.link]
    if not any(not one.details.get("external") for one in calicos):
        return
    for one in fits(view, [one for one in calicos if not one.details.get("external")]):
        if isinstance(one, CannotTell):
            yield one
        elif one.mtu > (limit := one.under - one.cost.least):
            yield Breach(
                path=one.path,
                message=f"{one.overlay.name} has MTU {one.mtu}, over the {limit} that {one.below} "
                "leaves",
                seen=one.mtu,
                expected=limit,
                evidence=one.sum(one.cost.least),
            )
