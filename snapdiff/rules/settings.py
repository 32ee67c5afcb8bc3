"""Settings of the kernel that forwarding between pods rests on, and who the node asks for a pod."""

from __future__ import annotations

import typing as t

from snapdiff import roles
from snapdiff.model import Severity
from snapdiff.rules.registry import Breach, CannotTell, Result, rule
from snapdiff.safe import for_shell

if t.TYPE_CHECKING:
    from snapdiff.rules.view import NodeView

FORWARD = "net.ipv4.ip_forward"
FORWARD_6 = "net.ipv6.conf.all.forwarding"
NF_CALL = {4: "net.bridge.bridge-nf-call-iptables", 6: "net.bridge.bridge-nf-call-ip6tables"}
RP_FILTER_ALL = "net.ipv4.conf.all.rp_filter"
ANY_LINK = ("all", "default")  # one drop-in sets both: all links, and those that come
NAMED = 5
SET = "sysctl -w {name}=1 on the node, and the same line in a file of /etc/sysctl.d, sorted last"


def named(names: t.Sequence[str]) -> str:
    """Return a few names, and how many more there are."""
    rest = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {rest} more" if rest > 0 else "")


def _forwards(view: NodeView) -> list[str]:
    """Name the links that make the node a router: pod bridges, and pods' ports on no bridge."""
    loose = [name for name, link in view.ports.items() if "master" not in link]
    return [*view.bridges, *loose]


def _has_ipv6_pods(view: NodeView) -> bool:
    lease = view.lease or {}
    return bool(lease.get("FLANNEL_IPV6_SUBNET")) or any(
        one.version == 6 for name in view.bridges for one in view.addresses(name)
    )


@rule(
    "ip-forward-off",
    Severity.ERROR,
    entries=("N-60",),
    remedy=SET.format(name=FORWARD),
    explains=("link-forward-off",),
)
def ip_forward_off(view: NodeView) -> Result:
    """Forward IPv4 on a node that has pods.

    Why: cni0 and flannel.1 are joined by routing alone. The bridge plugin turns forwarding on when
    a pod is added and never looks again, so a later reload of sysctls undoes it: every link looks
    right, and no packet leaves the node.

    Exempt: a node with neither a pod bridge nor a pod's link.
    Source: containernetworking plugins pkg/ip/ipforward_linux.go; kubernetes/kops#12415.
    """
    if _forwards(view) and view.get("sysctls", FORWARD) == 0:
        yield Breach(
            path=f"sysctls/{FORWARD}",
            message=f"{FORWARD} is 0: pods cannot leave the node, nor be reached from others",
            seen=0,
            expected=1,
        )


@rule(
    "ipv6-forward-off",
    Severity.ERROR,
    entries=("N-60",),
    remedy=SET.format(name=FORWARD_6),
)
def ipv6_forward_off(view: NodeView) -> Result:
    """Forward IPv6 on a node whose pods have IPv6.

    Why: as with IPv4, pods reach other nodes by routing, and only adding a pod turns it on.

    Exempt: a node without pods, or whose lease and pod bridge have no IPv6 subnet.
    Source: containernetworking plugins pkg/ip/ipforward_linux.go.
    """
    if _forwards(view) and _has_ipv6_pods(view) and view.get("sysctls", FORWARD_6) == 0:
        yield Breach(
            path=f"sysctls/{FORWARD_6}",
            message=f"{FORWARD_6} is 0: the IPv6 of pods ends at the node",
            seen=0,
            expected=1,
        )


@rule(
    "link-forward-off",
    Severity.WARNING,
    entries=("N-60",),
    remedy="sysctl -w net/ipv4/conf/{link}/forwarding=1 on the node",
)
def link_forward_off(view: NodeView) -> Result:
    """Forward IPv4 from each pod bridge and each overlay of flannel's.

    Why: net.ipv4.ip_forward sets all links when it is written; the kernel then asks the setting of
    the link that a packet came in by, and a tool may have turned off a single one.

    Exempt: a node without pods.
    Source: Linux Documentation/networking/ip-sysctl, conf/interface/forwarding.
    """
    if not _forwards(view):
        return
    for name in (*view.bridges, *(one.name for one in view.flannel)):
        try:
            value = view.get("links", name, "sysctls", "forwarding")
        except CannotTell as reason:
            yield reason
            continue
        if value == 0:
            yield Breach(
                path=f"links/{name}/sysctls/forwarding",
                message=f"packets that come in by {name} are not forwarded",
                seen=0,
                expected=1,
            )


@rule(
    "bridge-nf-call",
    Severity.ERROR,
    entries=("N-61",),
    remedy="modprobe br_netfilter on the node, then sysctl -w net.bridge.bridge-nf-call-iptables=1 "
    "net.bridge.bridge-nf-call-ip6tables=1; both again in /etc/modules-load.d and /etc/sysctl.d",
)
def bridge_nf_call(view: NodeView) -> Result:
    """Let iptables see what crosses the pod bridge.

    Why: where it is off, a pod that asks a Service and gets an answer from a pod of its own bridge
    sees the answer come from a stranger. Where the setting is not there, br_netfilter is not
    loaded, and flanneld does not start from v0.26.0 on.

    Exempt: flannel in nftables mode, Cilium; a node without pod bridge and without flannel. Of
    ip6tables, a node whose pods have no IPv6. Off is a warning, absent an error.
    Source: flannel main.go, since v0.26.0; k3s-io/k3s#14022.
    """
    flannel = bool(view.flannel) or view.lease is not None
    if view.net_conf.get("EnableNFTables") or any(one.owner == "cilium" for one in view.overlays):
        return
    if not (flannel or view.bridges):
        return
    for family in (4, 6) if _has_ipv6_pods(view) else (4,):
        name = NF_CALL[family]
        value = view.get("sysctls", name)
        if value is None:
            yield Breach(
                path=f"sysctls/{name}",
                message=f"there is no {name}: br_netfilter is not loaded",
                expected=1,
                severity=None if flannel else Severity.WARNING,
            )
        elif value == 0 and view.bridges:
            yield Breach(
                path=f"sysctls/{name}",
                message=f"{name} is 0: iptables does not see packets between ports of a bridge",
                seen=0,
                expected=1,
                severity=Severity.WARNING,
            )


@rule(
    "rp-filter-strict",
    Severity.WARNING,
    entries=("N-62",),
    remedy="sysctl -w net.ipv4.conf.all.rp_filter=0 net/ipv4/conf/{link}/rp_filter=0 on the node "
    "(2 is loose, and enough but for Cilium), and the same in /etc/sysctl.d",
    explains=tuple(f"sysctls-alike sysctls/net.ipv4.conf.{one}.rp_filter" for one in ANY_LINK),
)
def rp_filter_strict(view: NodeView) -> Result:
    """Hold the reverse path filter off, or loose, on overlays and the links of pods.

    Why: the kernel takes the higher of the setting for all and that of the link. Strict drops what
    comes in by another link than the answer would take, as after a Service or with policy routing;
    Cilium's pods need it off, for its programs send packets past the routing table.

    Exempt: ports of a bridge, which the filter never sees. Cilium's lxc links with any value but 0
    are an error.
    Source: Linux Documentation/networking/ip-sysctl, rp_filter; intel/cri-resource-manager#707;
    katl-dev/katl#116.
    """
    general = view.get("sysctls", RP_FILTER_ALL) or 0
    by_all: dict[str, int] = {}  # what the setting for all makes strict, and the links' own
    for place, names in _filtered(view).items():
        own: dict[str, int] = {}
        for name in names:
            try:
                own[name] = view.get("links", name, "sysctls", "rp_filter") or 0
            except CannotTell as reason:
                yield CannotTell(reason.path, reason.why)
        cilium = place.startswith("lxc")
        bad = {name: max(general, value) for name, value in own.items()}
        bad = {name: value for name, value in bad.items() if value == 1 or (cilium and value)}
        if bad and (general == 1 or (cilium and general)):
            by_all[place] = max(own[name] for name in bad)
        elif bad:
            value = max(bad.values())
            word = "strict" if 1 in bad.values() else "on"
            yield Breach(
                path=f"links/{place}/sysctls/rp_filter",
                message=f"the reverse path filter is {word} on {named(sorted(bad))}",
                seen=value,
                expected=0,
                severity=Severity.ERROR if cilium else None,
                evidence=(f"all {general}, of the links {max(own[name] for name in bad)}",),
            )
    if by_all:
        yield _strict_by_all(general, by_all)


def _strict_by_all(general: int, places: dict[str, int]) -> Breach:
    """Return the one breach of the setting for all, with the links that it is in the way of."""
    too = "".join(f" net/ipv4/conf/{for_shell(one)}/rp_filter=0" for one in places if places[one])
    cilium = any(one.startswith("lxc") for one in places)
    return Breach(
        path=f"sysctls/{RP_FILTER_ALL}",
        message=f"{RP_FILTER_ALL} is {general}: the reverse path filter is "
        f"{'strict' if general == 1 else 'on'} on {named(sorted(places))}",
        seen=general,
        expected=0,
        severity=Severity.ERROR if cilium else None,
        remedy=f"sysctl -w {RP_FILTER_ALL}=0{too} on {{node}} (2 is loose, and enough but for "
        "Cilium), and the same in /etc/sysctl.d",
        evidence=tuple(f"{one} has {places[one]} of its own" for one in places if places[one]),
    )


def _filtered(view: NodeView) -> dict[str, list[str]]:
    """Return the links that the filter may harm, those of pods together as one."""
    found = {name: [name] for name in (*(one.name for one in view.overlays), *view.bridges)}
    for name, link in view.ports.items():
        if "master" not in link:
            found.setdefault(roles.population_of(name), []).append(name)
    return found


@rule(
    "overlay-accept-ra",
    Severity.INFO,
    entries=("N-63",),
    remedy="sysctl -w net/ipv6/conf/{link}/accept_ra=0 on the node",
)
def overlay_accept_ra(view: NodeView) -> Result:
    """Take no router advertisements from the overlay.

    Why: flannel turns them off when it makes the link; one that comes through would give the node
    an address and a default route over the overlay.

    Exempt: 1 on a link that forwards, for the kernel then ignores them.
    Source: flannel pkg/backend/vxlan/device.go; Linux Documentation/networking/ip-sysctl,
    accept_ra.
    """
    for overlay in view.flannel:
        if overlay.kind != "vxlan":
            continue
        name = overlay.name
        value = view.get("links", name, "sysctls", "accept_ra")
        ignored = value == 1 and view.get("links", name, "sysctls", "forwarding6") != 0
        if value and not ignored:
            yield Breach(
                path=f"links/{name}/sysctls/accept_ra",
                message=f"{name} takes router advertisements",
                seen=value,
                expected=0,
            )


@rule(
    "neighbour-table-room",
    Severity.INFO,
    entries=("N-64",),
    remedy="sysctl -w net.ipv4.neigh.default.gc_thresh3={expected} on the node",
)
def neighbour_table_room(view: NodeView) -> Result:
    """Have the kernel's limit of neighbours above the number of peers.

    Why: flannel writes a permanent neighbour for each peer. Kernels before 5.0 count them, and
    refuse a neighbour over gc_thresh3; newer ones do not count permanent ones.

    Exempt: where the limit is not known.
    Source: Linux net/core/neighbour.c, neigh_alloc().
    """
    limit = view.get("sysctls", "net.ipv4.neigh.default.gc_thresh3")
    count = sum(1 for key in view.snapshot["peers"] if ":" not in key)
    if limit is not None and count > limit:
        yield Breach(
            path="sysctls/net.ipv4.neigh.default.gc_thresh3",
            message=f"{count} peers are more neighbours than the {limit} of gc_thresh3",
            seen=limit,
            expected=2 * count,
        )


def overlay_types(view: NodeView) -> frozenset[str]:
    """Return the types of CNI plugins that fit the overlays of the node; none: nobody can say."""
    owners = {one.owner for one in view.overlays}
    found = {"calico": "calico", "cilium": "cilium-cni"}
    types = {word for owner, word in found.items() if owner in owners}
    if view.lease is not None or "flannel" in owners:
        types.add("flannel")
        if any(name.startswith("cali") for name in view.ports):
            types.add("calico")  # Canal: flannel carries, Calico plugs
    return frozenset(types)
