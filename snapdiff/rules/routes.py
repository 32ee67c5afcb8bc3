"""Routes to other nodes' pods, from one node's own point of view."""

from __future__ import annotations

import typing as t
from collections import defaultdict

from snapdiff.model import Severity
from snapdiff.rules import flannel
from snapdiff.rules.pod_mtu import sizes_of_pods
from snapdiff.rules.registry import Breach, Result, rule
from snapdiff.rules.settings import named
from snapdiff.rules.ways import Way, over, span_of, spans, ways

if t.TYPE_CHECKING:
    from collections.abc import Iterator

    from snapdiff.rules.view import NodeView

RESTART = "restart the flannel pod of the node, which writes its routes anew"


@rule(
    "overlay-route-shape",
    Severity.ERROR,
    entries=("N-70",),
    remedy=RESTART,
    explains=("routes-overlap", "foreign-pod-routes"),
)
def overlay_route_shape(view: NodeView) -> Result:
    """Have each route over flannel's vxlan lead via the first address of its subnet, ``onlink``.

    Why: the peer's VTEP has that address, and the neighbour and forwarding entries are under it. A
    gateway that is an address of the node itself is one that the kernel refuses: then a bridge or
    an overlay of the node holds an address of a peer.

    Exempt: other overlays than vxlan, direct routes.
    Source: flannel pkg/backend/vxlan/vxlan_network.go, handleSubnetEvents();
    flannel-io/flannel#844.
    """
    wrong: dict[str, list[Way]] = defaultdict(list)
    own: dict[str, str] = {}
    for name, link in view.links.items():
        own.update((key.partition("/")[0], name) for key in link["addresses"])
    inside = spans(view.networks())
    for way in over(view, "vxlan"):
        if way.gateway is None and inside and not any(one.holds(way.span) for one in inside):
            continue  # no route to pods: what it is doing there is foreign-pod-routes' to say
        right = way.dst.partition("/")[0]
        if way.gateway != right:
            wrong[way.dev].append(way)
        elif way.gateway in own:
            yield Breach(
                path=way.place if way.row is None else f"{way.place}/gateway",
                message=f"the route {way.words} leads via an address of its own {own[way.gateway]}",
                seen=way.gateway,
                remedy="ip addr del {seen} from the link that has it, then restart the flannel pod",
            )
        elif way.row is not None and "onlink" not in way.row.get("flags", ()):
            yield Breach(
                path=f"{way.place}/flags",
                message=f"the route {way.words} is not onlink",
                seen=list(way.row.get("flags", ())),
                expected=["onlink"],
            )
    for dev, found in wrong.items():
        yield _via_another(view, dev, found)


def _via_another(view: NodeView, dev: str, found: list[Way]) -> Breach:
    """Return one breach for all routes over a link that lead behind another VTEP than theirs."""
    first = found[0]
    right = first.dst.partition("/")[0]
    peers = view.snapshot["peers"]
    lost = any("route" in peers.get(w.dst.partition("/")[0], {}).get("missing", ()) for w in found)
    # the one route of a peer: that it lacks its own says the same again
    explains = frozenset({"peer-entries-missing", "overlay-entries-lost"} if lost else ())
    if len(found) == 1:
        return Breach(
            path=first.place if first.row is None else f"{first.place}/gateway",
            message=f"the route {first.words} should lead via {right}",
            seen=first.gateway,
            expected=right,
            explains=explains,
        )
    return Breach(
        path=f"routes/* dev {dev}",
        message=f"{len(found)} routes over {dev} lead via another node's address, not the first of "
        f"their subnet: {named([one.dst for one in found])}",
        seen=len(found),
        expected="the first address of each subnet",
        evidence=tuple(one.words for one in found[:3]),
        explains=explains,
    )


@rule(
    "route-mtu",
    Severity.WARNING,
    entries=("N-10", "N-70"),
    remedy=RESTART + " without an MTU",
)
def route_mtu(view: NodeView) -> Result:
    """Have no route to pods with an MTU of its own below what pods have.

    Why: the link takes more, but what pods send over this route is refused from that size on, or
    cut into fragments. Connections that hear of it are slow; those that do not, hang.

    Exempt: routes of other networks; an MTU that pods' packets fit in; Calico's and Cilium's.
    Source: Linux net/ipv4/route.c, ip_dst_mtu_maybe_forward(); ip-route(8), mtu.
    """
    inside = spans(view.networks())
    sizes = sizes_of_pods(view)
    if not inside or not sizes or not flannel.is_there(view):
        return
    small: dict[int, list[Way]] = defaultdict(list)
    for way in ways(view):
        mtu = _mtu_of(way)
        if mtu and mtu < max(sizes) and any(one.holds(way.span) for one in inside):
            small[mtu].append(way)
    for mtu, found in small.items():
        one = len(found) == 1
        whose = f"the route {found[0].words} takes" if one else f"{len(found)} routes to pods take"
        yield Breach(
            path=f"{found[0].place}/metrics" if one else "routes/*/metrics",
            message=f"{whose} {mtu} bytes, and pods have MTU {max(sizes)}",
            seen=mtu,
            expected=max(sizes),
            evidence=() if one else (named([way.dst for way in found]),),
        )


def _mtu_of(way: Way) -> int:
    metrics = (way.row or {}).get("metrics", ())
    return next((one["mtu"] for one in metrics if isinstance(one.get("mtu"), int)), 0)


@rule(
    "own-subnet-over-overlay",
    Severity.ERROR,
    entries=("N-71",),
    remedy="ip route del {seen} on the node, then see whose lease that subnet is",
    explains=("routes-overlap", "foreign-pod-routes", "overlay-route-shape"),
)
def own_subnet_over_overlay(view: NodeView) -> Result:
    """Have no route for the node's own pod subnet, or a part of it, that leads out of the node.

    Why: packets to pods of this node then leave by it; it is left from an earlier lease, or two
    nodes have one subnet. One to a part is more specific than that of the pod bridge, and wins.

    Exempt: wireguard and udp, whose one route is to the network of all pods.
    Source: flannel-io/flannel#844, #805; rancher/rke2#11170.
    """
    own = spans(view.subnets())
    if not own:
        return
    over = {one.name for one in view.flannel if one.kind in ("vxlan", "ipip")}
    for way in ways(view):
        leaves = way.dev in over or (way.gateway is not None and way.span in own)
        part = way.dev in over and any(one.holds(way.span) for one in own)
        if leaves and (part or any(way.span.holds(one) for one in own)):
            which = "a part of " if part and way.span not in own else ""
            yield Breach(
                path=way.place,
                message=f"the route {way.words} takes {which}this node's own pod subnet out of the "
                "node",
                seen=way.words,
            )


@rule(
    "routes-overlap",
    Severity.ERROR,
    entries=("N-72",),
    remedy="compare 'ip route' with the leases of the cluster; delete the link of a backend that "
    "is no longer used (ip link delete), or the stale route",
)
def routes_overlap(view: NodeView) -> Result:
    """Have no two routes inside the pod network that overlap and lead different ways.

    Why: the longer prefix wins. After a change from vxlan to wireguard the old routes, one a node,
    win over the one of the new overlay, and encryption is silently not used; after a change of
    subnets a stale route takes a peer's pods to a node that is gone.

    Exempt: routes to this node's own pods; one in reserve, beside another to the same prefix with
    a lower metric.
    Source: rancher/rke2#9338; flannel-io/flannel#2554.
    """
    inside = spans(view.networks())
    if not inside:
        return
    overlays = {one.name for one in view.overlays}
    found = [
        way
        for way in ways(view)
        if (way.dev in overlays or way.gateway is not None)
        and any(one.holds(way.span) for one in inside)
    ]
    best = {way.span: way.metric for way in sorted(found, key=lambda way: way.metric, reverse=True)}
    found = [way for way in found if way.metric == best[way.span]]
    found.sort(key=lambda way: (way.span.version, way.span.first, way.span.length))
    open_: list[Way] = []
    pairs: dict[tuple[str, str], list[Way]] = {}  # the outer one, then the inner
    for way in found:
        while open_ and not open_[-1].span.holds(way.span):
            open_.pop()
        end = (way.dev, way.gateway)
        outer = next((one for one in open_ if (one.dev, one.gateway) != end), None)
        if outer is not None:
            pairs.setdefault((outer.place, way.dev), [outer]).append(way)
        open_.append(way)
    for (_place, dev), (outer, *inner) in pairs.items():
        which = named([one.dst for one in inner])
        yield Breach(
            path=outer.place,
            message=f"inside {outer.words} lie routes that lead another way, by {dev}: {which}",
            seen=outer.words,
            evidence=tuple(one.words for one in inner[:3]),
        )


@rule(
    "direct-or-overlay",
    Severity.ERROR,
    entries=("N-74",),
    remedy=RESTART,
    explains=("routes-overlap", "peer-entries-missing"),
)
def direct_or_overlay(view: NodeView) -> Result:
    """Reach each peer either directly or over the overlay, with nothing of the other left.

    Why: with DirectRouting a peer on the same network has a route via its underlay address, and no
    overlay route, neighbour or forwarding entry. Both at once are left from a node that moved.

    Exempt: a direct route of a higher metric than the overlay's, which is only in reserve; a vxlan
    that another backend left behind.
    Source: flannel pkg/backend/vxlan/vxlan_network.go, handleSubnetEvents().
    """
    overlays = {one.name for one in view.overlays}
    peers = view.snapshot["peers"]
    tunnelled = {(way.span, way.dev): way for way in ways(view) if way.dev in overlays}
    both: dict[tuple[str, str, str], list[Way]] = defaultdict(list)
    for way in _direct(view, overlays):
        peer = peers.get(way.dst.partition("/")[0])
        if peer is None or peer["dev"] not in overlays:
            continue
        other = tunnelled.get((way.span, peer["dev"]))
        if other is not None and other.metric < way.metric:
            continue  # a route in reserve: the kernel takes the one over the overlay
        words = {"subnet": "a route", "mac": "a neighbour", "underlay": "a forwarding entry"}
        has = ", ".join(word for member, word in words.items() if member in peer)
        both[way.dev, peer["dev"], has].append(way)
    for (dev, overlay, has), found in both.items():
        many = len(found) > 1
        yield Breach(
            path=f"routes/* dev {dev}" if many else found[0].place,
            message=f"{named([one.dst for one in found])} {'are' if many else 'is'} reached by "
            f"{dev}, but {overlay} has {has}{' for each' if many else ''}",
            seen=[one.words for one in found] if many else found[0].words,
        )


def _direct(view: NodeView, overlays: set[str]) -> Iterator[Way]:
    if not any(flannel.kind_of(one) == "vxlan" for one in flannel.in_use(view)):
        return
    inside = spans(view.networks())
    for way in ways(view):
        if way.gateway and way.dev not in overlays and any(one.holds(way.span) for one in inside):
            yield way


@rule(
    "wireguard-route",
    Severity.ERROR,
    entries=("N-75",),
    remedy=RESTART,
    explains=("routes-overlap",),
)
def wireguard_route(view: NodeView) -> Result:
    """Have just one route over flannel's wireguard: the network of all pods, with no gateway.

    Why: which peer gets a packet is wireguard's to say, by its allowed IPs; without the route pods
    of other nodes are not reached, and another one beside it was added by somebody else.

    Exempt: a family of which the wireguard link has no address.
    Source: flannel pkg/backend/wireguard/device.go, addRoute() and addPeer().
    """
    devices = {one.name for one in view.flannel if one.kind == "wireguard"}
    families = {one.version for name in devices for one in view.addresses(name)}
    networks = [one for one in view.networks() if one.version in families]
    if not networks:
        return
    wanted = {span_of(one): str(one) for one in networks}
    found = over(view, "wireguard")
    for where, text in wanted.items():
        if not any(way.span == where and way.gateway is None for way in found):
            name = next(iter(sorted(devices)))
            yield Breach(
                path=f"routes/main {text} dev {name}",
                message=f"there is no route {text} dev {name}",
                expected=f"{text} dev {name}",
            )
    for way in found:
        if way.span not in wanted or way.gateway is not None:
            yield Breach(
                path=way.place, message=f"the route {way.words} is not flannel's", seen=way.words
            )
