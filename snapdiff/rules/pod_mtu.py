"""MTUs of pods' links and of their bridge: what the lease tells, within what the overlay takes."""

from __future__ import annotations

import typing as t
from collections import defaultdict

from snapdiff import roles
from snapdiff.model import Severity
from snapdiff.rules import flannel
from snapdiff.rules.registry import Breach, CannotTell, Result, rule
from snapdiff.rules.settings import named
from snapdiff.rules.view import interface

if t.TYPE_CHECKING:
    from collections.abc import Mapping

    from snapdiff.rules.view import Link, NodeView

EMPTY_BRIDGE = (
    1500  # what the kernel gives a bridge without ports: net/bridge/br_if.c, br_mtu_min()
)
LEAST_IPV6 = 1280  # RFC 8200; Linux IPV6_MIN_MTU
RECYCLE = "recycle the pods behind {link} on {node} (kubectl drain, or delete them one by one)"


def _sizes(view: NodeView, links: Mapping[str, Link]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = defaultdict(list)
    for name in links:
        mtu = view.get("links", name, "mtu")
        if mtu is not None:
            found[mtu].append(name)
    return found


def _flannel_ports(view: NodeView) -> dict[str, Link]:
    bridge = flannel.bridge_of(view)
    return flannel.pod_ports_of(view, bridge) if bridge else {}


def sizes_of_pods(view: NodeView) -> dict[int, list[str]]:
    """Return the ports of flannel's pods by their MTU; none where nobody can tell which they are.

    For what is wrong without them, and worse with them.
    """
    try:
        return _sizes(view, _flannel_ports(view))
    except CannotTell:
        return {}


def mtu_of_new_pods(view: NodeView) -> tuple[int | None, str]:
    """Return the MTU that a new pod gets, and where that is written."""
    plug = flannel.plug_of(view)
    told = plug.delegate.get("mtu") if plug else None
    if plug and isinstance(told, int) and told > 0:
        return told, f"{plug.file}: mtu {told} under delegate"
    mtu = flannel.lease_mtu_of(view)
    return mtu, f"subnet.env: FLANNEL_MTU {mtu}"


def room_of(view: NodeView) -> tuple[int, str] | None:
    """Return the MTU that a pod may have, and the link that takes no more; None: not known."""
    limits = limits_of(view)
    if not limits:  # with host-gw pods send straight over the underlay
        names = roles.underlays(view.links, view.snapshot["routes"])
        sizes = [(view.links[name].get("mtu"), name) for name in names]
        return max(((mtu, name) for mtu, name in sizes if mtu is not None), default=None)
    return min(limits), limits[min(limits)]


@rule(
    "bridge-mtu",
    Severity.WARNING,
    entries=("N-06", "N-07"),
    remedy="ip link set {link} mtu {expected} on {node}; it stays so until {link} is made anew, "
    "so recycle the pods of the node when there is time",
)
def bridge_mtu(view: NodeView) -> Result:
    """Have the pod bridge at the least MTU of its ports.

    Why: the kernel sets it so with each port that comes or goes, until somebody sets it by hand;
    from then on it caps what pods send, or takes what a port refuses.

    Exempt: bridges of kube-router and Weave, which set it. A bridge without ports: the kernel makes
    it 1500, before its first port it has the MTU of new pods; any other is an info.
    Source: Linux net/bridge/br_if.c, br_mtu_auto_adjust(); flannel-io/flannel#959.
    """
    name = flannel.pod_bridge(view)
    if name is None:
        return
    mtu = view.get("links", name, "mtu")
    if mtu is None:
        return
    sizes = _sizes(view, flannel.ports_of(view, name))
    if sizes:
        least = min(sizes)
        if mtu != least:
            word = "less" if mtu < least else "more"
            yield Breach(
                path=f"links/{name}/mtu",
                message=f"{name} has MTU {mtu}, {word} than the least of its ports, {least}",
                seen=mtu,
                expected=least,
                evidence=(f"{named(sorted(sizes[least]))}: {least}",),
            )
        return
    given = mtu_of_new_pods(view)[0]
    if mtu not in (EMPTY_BRIDGE, given):
        yield Breach(
            path=f"links/{name}/mtu",
            message=f"{name} has no ports and MTU {mtu}, which somebody set",
            seen=mtu,
            expected=EMPTY_BRIDGE,
            severity=Severity.INFO,
        )


@rule(
    "pod-mtu",
    Severity.WARNING,
    entries=("N-08", "N-57"),
    remedy=RECYCLE,
    explains=("pods-mtu-mixed",),
)
def pod_mtu(view: NodeView) -> Result:
    """Give each pod's link the MTU of the lease.

    Why: a pod gets it when it starts and keeps it. Another one is of before a change, or set by
    hand: such a pod sends what the path no longer takes, or less than it could.

    Exempt: mtu under delegate in the plugin's file, which wins over the lease; pods that another
    CNI than flannel plugs (Canal); ports of other bridges. Where what new pods get is itself over
    the overlay's, that is what is wrong, not the pods of before: see cni-config-mtu and lease-mtu.
    Source: flannel-io/cni-plugin flannel_linux.go; containernetworking plugins plugins/main/bridge.
    """
    if not flannel.is_there(view):
        return
    ports = _flannel_ports(view)
    if not ports:
        return
    given, where = mtu_of_new_pods(view)
    if given is None:
        return
    room = room_of(view)
    if room is not None and given > room[0]:
        return  # to recycle pods towards it would break each of them
    for mtu, names in sorted(_sizes(view, ports).items()):
        if mtu == given:
            continue
        if flannel.plug_of(view) is None:
            view.section("cni_config")  # a file may have an MTU of its own
        of = roles.population_of(names[0])
        yield Breach(
            path=f"links/{of}/mtu",
            message=f"{len(names)} of {len(ports)} pod ports have MTU {mtu}, new pods get {given}",
            seen=mtu,
            expected=given,
            evidence=(f"{view.node}: {named(sorted(names))}", where),
        )


@rule(
    "pods-mtu-mixed",
    Severity.WARNING,
    entries=("N-09",),
    remedy=RECYCLE,
)
def pods_mtu_mixed(view: NodeView) -> Result:
    """Have all pods' links of a node at one MTU.

    Why: pods keep the MTU that they started with, so two MTUs are pods of before and after a
    change, and what works in one hangs in the other.

    Exempt: links of clouds' CNIs, of Antrea and of OVN-Kubernetes, where networks differ; ports of
    other bridges than the CNI's own (Multus).
    Source: projectcalico/calico#5008; flannel-io/cni-plugin flannel_linux.go.
    """
    groups: dict[str, dict[str, Link]] = defaultdict(dict)
    bridges = {*view.bridges, flannel.pod_bridge(view)} - {None}
    usual = next((link.get("mtu") for link in view.ports.values()), None)
    for name, link in view.ports.items():
        group = roles.population_of(name)
        if group in ("cali*", "lxc*") or link.get("master") in bridges:
            groups[group][name] = link
        elif group == "veth*" and "master" not in link and link.get("mtu") != usual:
            view.get("links", name, "master")
    for group, links in groups.items():
        sizes = _sizes(view, links)
        if len(sizes) > 1:
            most = max(sizes, key=lambda mtu: (len(sizes[mtu]), mtu))
            rest = sorted(name for mtu in sizes if mtu != most for name in sizes[mtu])
            yield Breach(
                path=f"links/{group}/mtu",
                message=f"pods of the node have MTUs {', '.join(map(str, sorted(sizes)))}",
                seen=", ".join(map(str, sorted(sizes))),
                expected=most,
                evidence=(f"{view.node}: not at {most} are {named(rest)}",),
            )


@rule(
    "pod-mtu-over-overlay",
    Severity.ERROR,
    entries=("N-08", "N-10"),
    remedy=RECYCLE + "; first set the MTU of new pods to {expected} where it is not yet",
    explains=("pod-mtu", "pods-mtu-mixed"),
)
def pod_mtu_over_overlay(view: NodeView) -> Result:
    """Hold the MTU of pods' links within that of the overlay.

    Why: what is longer is dropped or cut to pieces on the way to other nodes: small requests are
    answered, large answers hang.

    Exempt: Cilium, whose routes carry the MTU; host-gw and Calico without an encapsulation; the
    IPv6 vxlan, beside an IPv4 one not looked at, alone 20 more, for IPv6 tells the sender; ports of
    other bridges.
    Source: canonical/microk8s#4142; projectcalico/calico#5008; easzlab/kubeasz#1444.
    """
    limits = limits_of(view)
    if not limits:
        return
    limit = min(limits)
    over: dict[str, dict[int, list[str]]] = defaultdict(lambda: defaultdict(list))
    bridge = flannel.bridge_of(view)
    for name in view.ports:
        group = roles.population_of(name)
        mtu = view.get("links", name, "mtu")
        if group not in ("veth*", "cali*") or mtu is None or mtu <= limit:
            continue
        if group == "veth*" and view.get("links", name, "master") != bridge:
            continue
        over[group][mtu].append(name)
    for group, sizes in over.items():
        for mtu, names in sorted(sizes.items()):
            yield Breach(
                path=f"links/{group}/mtu",
                message=f"pods with MTU {mtu} send over {limits[limit]}, which takes {limit}",
                seen=mtu,
                expected=limit,
                evidence=(f"{view.node}: {named(sorted(names))}",),
            )


def limits_of(view: NodeView) -> dict[int, str]:
    """Return what the overlays that are in use take, and their names."""
    overlays = flannel.in_use(view)
    found = {}
    for one in overlays:
        mtu = view.get("links", one.name, "mtu")
        if mtu is None or (one.family == 6 and any(other.family == 4 for other in overlays)):
            continue
        spare = 20 if one.family == 6 and flannel.kind_of(one) == "vxlan" else 0
        found[mtu + spare] = one.name
    if not overlays:  # with Canal, Calico's own are not used
        for one in view.overlays:
            up = "UP" in one.link.get("flags", ()) and one.link["addresses"]
            if one.owner == "calico" and one.family == 4 and up and one.mtu is not None:
                found[one.mtu] = one.name
    return found


@rule(
    "link-mtu-range",
    Severity.WARNING,
    entries=("N-11",),
    remedy="ip link set {link} mtu {expected} on {node}; look who set it: a driver, or networkd",
)
def link_mtu_range(view: NodeView) -> Result:
    """Keep MTUs within what the driver takes, and at 1280 or more where pods have IPv6.

    Why: below 1280 the kernel turns IPv6 off on the link, and its IPv6 addresses are gone.

    Exempt: links that neither carry pods' packets nor are pods'; a driver that tells no limits (0).
    Source: Linux net/ipv6/addrconf.c, addrconf_notify(); net/core/dev.c, dev_validate_mtu().
    """
    six = _has_ipv6(view)
    seen: dict[tuple[str, int, int], list[str]] = defaultdict(list)
    below = {name for one in view.overlays for name in flannel.carriers(view, one)}
    for name, link in view.links.items():
        role = roles.named_role(name, link)
        port = role == roles.POD_PORT
        if "mtu" not in link or not (
            port or name in below or role in (roles.OVERLAY, roles.POD_BRIDGE)
        ):
            continue
        least, most = link.get("min_mtu", 0), link.get("max_mtu", 0)
        own6 = any(":" in key for key in link["addresses"])
        if (six or own6) and (port or role != roles.OVERLAY or own6):
            least = max(least, LEAST_IPV6)
        right = least if link["mtu"] < least else most if 0 < most < link["mtu"] else link["mtu"]
        if right != link["mtu"]:
            place = roles.population_of(name) if port else name
            seen[place, link["mtu"], right].append(name)
    for (place, mtu, right), names in seen.items():
        word = "below the least" if mtu < right else "over the most"
        yield Breach(
            path=f"links/{place}/mtu",
            message=f"{place} has MTU {mtu}, {word} that it may have, {right}",
            seen=mtu,
            expected=right,
            evidence=(f"{view.node}: {named(sorted(names))}",),
        )


def _has_ipv6(view: NodeView) -> bool:
    """Say whether pods have IPv6, as far as it is known."""
    try:
        found = any(one.version == 6 for one in view.subnets())
    except CannotTell:
        found = False
    return found or any(
        one is not None and one.version == 6 and not one.ip.is_link_local
        for link in view.bridges.values()
        for one in map(interface, link["addresses"])
    )
