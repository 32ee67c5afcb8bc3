"""Whether a node's routes lead to where its peers are."""

from __future__ import annotations

import typing as t
from collections import defaultdict

from snapdiff.census import named
from snapdiff.model import Severity
from snapdiff.rules.registry import Breach, CannotTell, Result, rule
from snapdiff.rules.ways import span, spans, ways

if t.TYPE_CHECKING:
    from collections.abc import Mapping

    from snapdiff.rules.fleet_view import Fleet
    from snapdiff.rules.traits import Traits
    from snapdiff.rules.view import NodeView
    from snapdiff.rules.ways import OddWays, Span


@rule(
    "next-hop-on-link",
    Severity.ERROR,
    entries=("X-13",),
    remedy="give the nodes one layer 2 network, or the backend vxlan; then restart the flannel pod",
    explains=("direct-or-overlay",),
)
def next_hop_on_link(view: NodeView) -> Result:
    """Have the next hop of every direct route to pods in a network that the node is itself in.

    Why: host-gw, and vxlan with DirectRouting, hand packets to the peer without a tunnel. A router
    in between knows no pod subnets.

    Exempt: routes over overlays, and out of the pods' network.
    Source: flannel pkg/backend/hostgw/hostgw.go, Documentation/backends.md.
    """
    inside = spans(view.networks())
    overlays = {one.name for one in view.overlays}
    ports = view.ports
    direct = [
        way
        for way in (ways(view) if inside else ())
        if way.gateway is not None
        and way.dev not in overlays
        and way.dev not in ports
        and any(one.holds(way.span) for one in inside)
    ]
    near: dict[str, list[Span]] = {}
    for way in direct:
        if way.dev not in near:
            there = view.addresses(way.dev) if way.dev in view.links else []
            near[way.dev] = spans(one.network for one in there)
        hop = span(str(way.gateway))
        if hop is not None and near[way.dev] and not any(one.holds(hop) for one in near[way.dev]):
            yield Breach(
                path=f"{way.place}/gateway",
                message=f"the route {way.words} leads via a node in another network",
                seen=way.gateway,
                expected=[str(one.network) for one in view.addresses(way.dev)],
            )


@rule(
    "foreign-pod-routes",
    Severity.WARNING,
    entries=("N-73",),
    scope="fleet",
    remedy="ip route del the routes named, once it is sure that no node has those subnets",
    explains=("peer-entries-extra",),
)
def foreign_pod_routes(fleet: Fleet) -> Result:
    """Have all routes over flannel's overlay inside the pod network, of the size of its subnets.

    Why: flannel only adds routes when it starts, so those of an earlier network, or of subnets of
    another size, stay and take traffic to nodes that no longer have them.

    Exempt: wireguard and udp, whose one route is the network itself; a node without a lease; what
    is in the lease of any node, as where subnets are of several sizes. One of another size that
    may be of a node that was not seen: cannot tell.
    Source: flannel-io/flannel#2554, #1604.
    """
    leases = {str(one) for member in fleet.members.values() for one in member.subnets}
    blind: dict[tuple[str, str], list[str]] = defaultdict(list)
    for node, member in fleet.members.items():
        for odd in member.odd:
            if odd.unseen is not None:
                blind[odd.unseen].append(node)
                continue
            places = dict(zip(odd.subnets, odd.places, strict=True))
            left = [one for one in odd.subnets if one not in leases]
            if left and odd.length is not None and not fleet.all_told("cni/subnet_env"):
                yield CannotTell(places[left[0]], "it may be of a node that was not seen", (node,))
            elif left:
                yield _foreign(node, odd, left, places)
    for (path, why), nodes in blind.items():
        yield CannotTell(path, why, tuple(nodes))


def _foreign(node: str, odd: OddWays, left: list[str], places: Mapping[str, str]) -> Breach:
    what = "outside the pod network"
    if odd.length is not None:
        what = f"not of the size /{odd.length} of this node's own"
    return Breach(
        path=places[left[0]] if len(left) == 1 else f"routes/* dev {odd.dev}",
        message=f"{len(left)} {'routes' if len(left) > 1 else 'route'} over {odd.dev} {what}: "
        f"{named(left)}",
        seen=left,
        nodes=(node,),
    )


@rule(
    "underlay-v6-reachable",
    Severity.ERROR,
    entries=("X-22",),
    scope="fleet",
    remedy="give {node} a route to the IPv6 addresses of its peers, or another address to flannel",
    explains=("peer-entries-missing",),
)
def underlay_v6_reachable(fleet: Fleet) -> Result:
    """Have a route from every node to the IPv6 underlay address of every other.

    Why: where an overlay runs over IPv6, IPv4 goes on working without it, and nothing is said.

    Exempt: nodes whose IPv6 routes were not observed.
    Source: k3s-io/k3s#12538.
    """
    for trait in fleet.names("overlay/"):
        if trait.endswith("/local6"):
            yield from _ends(fleet, trait)


def _ends(fleet: Fleet, trait: str) -> Result:
    census = fleet.census(trait)
    local = {str(value): nodes for value, nodes in census.values}
    near = {node for one, nodes in local.items() if one.startswith("fe80:") for node in nodes}
    if near:
        yield Breach(
            path=fleet.place(trait, min(near)),
            message=f"{named(near)} has a link-local address for the end of its overlay",
            nodes=tuple(sorted(near)),
        )
    lost: dict[tuple[Span, ...], set[str]] = {}
    for node in census.nodes:
        if node in near or "routes" in fleet.members[node].blind:
            continue
        covered = _ways6(fleet.members[node].traits)
        if covered not in lost:
            lost[covered] = _not_covered(covered, local)
        names = lost[covered] - near - {node}
        if names:
            yield Breach(
                path=fleet.place(trait, node),
                message=f"{node} has no IPv6 route to the underlay of {named(names)}",
                nodes=(node,),
                about=frozenset(names),
            )


def _ways6(traits: Traits) -> tuple[Span, ...]:
    own = span(str(traits.values.get("underlay/network/6", "")))
    return (*spans(traits.ways6), *((own,) if own else ()))


def _not_covered(covered: tuple[Span, ...], local: dict[str, tuple[str, ...]]) -> set[str]:
    lost: set[str] = set()
    for address, nodes in local.items():
        end = span(address)
        if end is not None and not any(one.holds(end) for one in covered):
            lost |= set(nodes)
    return lost
