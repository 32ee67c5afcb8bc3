"""Routes to other nodes' pods, from one node's own point of view."""

from __future__ import annotations

import typing as t
from collections import defaultdict

from snapdiff.model import Severity
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
    own: dict[str, str] = {}
    for name, link in view.links.items():
        own.update((key.partition("/")[0], name) for key in link["addresses"])
    inside = spans(view.networks())
    for way in over(view, "vxlan"):
        if way.gateway is None and inside and not any(one.holds(way.span) for one in inside):
            continue  # no route to pods: what it is doing there is foreign-pod-routes' to say
        right = way.dst.partition("/")[0]
        if way.gateway != right:
            yield Breach(
                path=way.place if way.row is None else f"{way.place}/gateway",
                message=f"the route {way.words} should lead via {right}",
                seen=way.gateway,
                expected=right,
            )
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


@rule(
    "own-subnet-over-overlay",
    Severity.ERROR,
    entries=("N-71",),
    remedy="ip route del {seen} on the node, then see whose lease that subnet is",
    explains=("routes-overlap", "foreign-pod-routes"),
)
def own_subnet_over_overlay(view: NodeView) -> Result:
    """Have no route for the node's own pod subnet that leads out of the node.

    Why: packets to pods of this node then leave by it; it is left from an earlier lease, or two
    nodes have one subnet.

    Exempt: wireguard and udp, whose one route is to the network of all pods.
    Source: flannel-io/flannel#844, #805; rancher/rke2#11170.
    """
    own = spans(view.subnets())
    if not own:
        return
    over = {one.name for one in view.flannel if one.kind in ("vxlan", "ipip")}
    for way in ways(view):
        leaves = way.dev in over or (way.gateway is not None and way.span in own)
        if leaves and any(way.span.holds(one) for one in own):
            yield Breach(
                path=way.place,
                message=f"the route {way.words} takes this node's own pod subnet out of the node",
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

    Exempt: routes to this node's own pods.
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
    "foreign-pod-routes",
    Severity.WARNING,
    entries=("N-73",),
    remedy="ip route del the routes named, once it is sure that no node has those subnets",
    explains=("peer-entries-extra",),
)
def foreign_pod_routes(view: NodeView) -> Result:
    """Have all routes over flannel's overlay inside the pod network, of the size of its subnets.

    Why: flannel only adds routes when it starts, so those of an earlier network, or of subnets of
    another size, stay and take traffic to nodes that no longer have them.

    Exempt: wireguard and udp, whose one route is the network itself; a node without a lease.
    Source: flannel-io/flannel#2554, #1604.
    """
    inside = spans(view.networks())
    lengths: dict[int, int] = {one.version: one.prefixlen for one in view.subnets()}
    if not inside:
        return
    odd: dict[tuple[str, str], list[Way]] = defaultdict(list)
    for way in over(view, "vxlan", "ipip"):
        length = lengths.get(way.span.version)
        if not any(one.holds(way.span) for one in inside):
            odd[way.dev, "outside the pod network"].append(way)
        elif length is not None and way.span.length != length:
            odd[way.dev, f"not of the size /{length} of this node's own"].append(way)
    for (dev, what), found in odd.items():
        yield Breach(
            path=found[0].place if len(found) == 1 else f"routes/* dev {dev}",
            message=f"{len(found)} {'routes' if len(found) > 1 else 'route'} over {dev} {what}: "
            f"{named([one.dst for one in found])}",
            seen=sorted(one.dst for one in found),
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

    Source: flannel pkg/backend/vxlan/vxlan_network.go, handleSubnetEvents().
    """
    overlays = {one.name for one in view.overlays}
    peers = view.snapshot["peers"]
    for way in _direct(view, overlays):
        peer = peers.get(way.dst.partition("/")[0])
        if peer is None or peer["dev"] not in overlays:
            continue
        words = {"subnet": "a route", "mac": "a neighbour", "underlay": "a forwarding entry"}
        both = [word for member, word in words.items() if member in peer]
        yield Breach(
            path=way.place,
            message=f"{way.dst} is reached by {way.dev}, but {peer['dev']} has {', '.join(both)}",
            seen=way.words,
        )


def _direct(view: NodeView, overlays: set[str]) -> Iterator[Way]:
    if not any(one.kind == "vxlan" for one in view.flannel):
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
