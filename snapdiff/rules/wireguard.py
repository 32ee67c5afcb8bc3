"""flannel's wireguard between nodes: keys, ports, and whom each node has as its peers."""

from __future__ import annotations

import typing as t

from snapdiff.census import named
from snapdiff.model import Severity
from snapdiff.rules.blame import blamed
from snapdiff.rules.compared import PEERS, unlike
from snapdiff.rules.registry import Breach, CannotTell, Result, rule
from snapdiff.rules.tunnel_deviations import MEMBERS, deviations

if t.TYPE_CHECKING:
    from collections.abc import Iterator

    from snapdiff.rules.blame import Group
    from snapdiff.rules.fleet_view import Fleet

MEANT = {"public_key": "public key", "endpoint": "endpoint", "allowed_ips": "allowed addresses"}
RESTART = "restart the flannel pod of {node}; compare 'wg show flannel-wg' there and on its peers"
Groups = tuple[list["Group"], list["Group"], list["Group"]]


def _grouped(fleet: Fleet, kind: str) -> Groups:
    """Return deviations of a kind by who is to blame: holders, peers, and pairs."""
    links = {one.link for member in fleet.members.values() for one in member.tunnels}
    sizes = {link: sum(link in member.keys for member in fleet.members.values()) for link in links}
    found = (one for one in deviations(fleet) if not isinstance(one, CannotTell))
    return blamed(
        (one for one in found if one.kind == kind),
        among=lambda place: (link := place.partition("/")[0], sizes[link]),
        order=MEMBERS,
        lost=kind == "missing",
    )


def _unseen(fleet: Fleet) -> Iterator[CannotTell]:
    """Yield why keys of a node could not be looked at, each reason once."""
    reasons = {pair for member in fleet.members.values() for pair in member.sealed.items()}
    for place, why in sorted(reasons):
        yield CannotTell(place, why)


@rule(
    "wireguard-peers-missing",
    Severity.ERROR,
    entries=("X-14",),
    scope="pair",
    remedy=RESTART,
)
def wireguard_peers_missing(fleet: Fleet) -> Result:
    """Have every node of flannel's wireguard hold every other node as a peer.

    Why: there is one route for all pods; who is behind it is told by the peers alone. Packets to a
    pod subnet that no peer is allowed are dropped without a word, and those from it too.

    Exempt: nodes without such a link, and of another backend.
    Source: flannel pkg/backend/wireguard/wireguard_network.go, handleSubnetEvents().
    """
    yield from _unseen(fleet)
    holders, peers, pairs = _grouped(fleet, "missing")
    for one in holders:
        link = one.first.address.partition("/")[0]
        yield Breach(
            path=f"links/{link}/wireguard/peers",
            message=f"{one.node} lacks {len(one.others)} peers: {named(one.others)}",
            nodes=(one.node,),
            about=frozenset(one.others),
        )
    for one in peers:
        yield Breach(
            path=f"links/{one.first.address}",
            message=f"{len(one.others)} nodes lack the peer {one.node}: {named(one.others)}",
            nodes=(one.node,),
            expected=one.first.expected,
            about=frozenset(one.others),
        )
    for one in pairs:
        yield Breach(
            path=f"links/{one.first.address}",
            message=f"{named(one.others)} lacks the peer {one.node}",
            nodes=one.others,
            peer=one.node,
            expected=one.first.expected,
            about=frozenset((one.node,)),
        )


@rule(
    "wireguard-peers-stale",
    Severity.ERROR,
    entries=("X-14",),
    scope="pair",
    remedy=RESTART,
    explains=("wireguard-peers-missing", "wireguard-peers-extra"),
)
def wireguard_peers_stale(fleet: Fleet) -> Result:
    """Have every node hold its peers' live public key, endpoint and pod subnets.

    Why: flannel makes a new key when it finds none, as after a reboot. Packets for an old key are
    dropped by the peer; what comes from an address that a peer is not allowed is dropped here.
    Where all nodes hold the same old value, the peer changed and nobody was told; where few do,
    they missed the news.

    Exempt: an endpoint on an address that no node has, as behind NAT: cannot tell, unless the API
    gave the public address.
    Source: flannel pkg/backend/wireguard/wireguard_network.go, handleSubnetEvents(); device.go,
    setupKeys().
    """
    yield from _unseen(fleet)
    open_ = (one for one in deviations(fleet) if isinstance(one, CannotTell))
    reasons = {(one.path, one.why) for one in open_}
    for place, why in sorted(reasons):
        yield CannotTell(place, why)
    holders, peers, pairs = _grouped(fleet, "stale")
    for one in holders:
        link = one.first.address.partition("/")[0]
        words = " and ".join(MEANT[name] for name in one.members)
        yield Breach(
            path=f"links/{link}/wireguard/peers",
            message=f"{one.node} has an old {words} of {len(one.others)} peers: "
            f"{named(one.others)}",
            nodes=(one.node,),
            about=frozenset(one.others),
        )
    for one in peers:
        yield _stale(one, nodes=(one.node,), words=f"{len(one.others)} nodes hold")
    for one in pairs:
        yield _stale(one, nodes=one.others, words=f"{named(one.others)} holds", peer=one.node)


def _stale(one: Group, *, nodes: tuple[str, ...], words: str, peer: str | None = None) -> Breach:
    first = one.first
    who = "" if peer else f": {named(one.others)}"
    return Breach(
        path=f"links/{first.address}/{first.member}",
        message=f"{one.node} has the {MEANT[first.member]} {first.expected}, but {words} "
        f"{first.seen}{who}",
        seen=first.seen,
        expected=first.expected,
        nodes=nodes,
        peer=peer,
        about=frozenset({*one.others, one.node} - set(nodes)),
        remedy=None
        if peer
        else "restart the flannel pod of {node}, so that it publishes what it has",
    )


@rule(
    "wireguard-peers-extra",
    Severity.WARNING,
    entries=("X-14", "X-12"),
    scope="pair",
    remedy="wg set flannel-wg peer KEY remove on the nodes named, once it is sure whose it was",
)
def wireguard_peers_extra(fleet: Fleet) -> Result:
    """Have no node hold a wireguard peer that no node of the cluster is.

    Why: events that flanneld missed leave peers behind. Who has the key of a node that was taken
    out of the cluster is still let in; and when the subnet is given out again, it is taken away
    from one of the two.

    Exempt: a peer that may be a node that was not seen, or not asked for: cannot tell. One that no
    address leads to any more is for information.
    Source: flannel pkg/backend/wireguard/wireguard_network.go; flannel-io/flannel#2554.
    """
    holders, peers, pairs = _grouped(fleet, "extra")
    for one in [*holders, *peers, *pairs]:
        first = one.first
        if not first.peer and (fleet.missing or fleet.partial):
            yield CannotTell(f"links/{first.address}", "it may be a node that was not seen")
            continue
        nodes = (first.holder,) if one in holders else one.others or (first.holder,)
        leads = f"; it leads to {first.peer}" if first.peer else ""
        yield Breach(
            path=f"links/{first.address}",
            message=f"{named(nodes)} still has the peer {first.seen or 'without an address'}, "
            f"which no node is{leads}",
            seen=first.seen,
            nodes=nodes,
            peer=first.peer or None,
            severity=Severity.INFO if first.seen is None else None,
            about=frozenset({first.peer} - {""}),
        )


@rule(
    "wireguard-key-unique",
    Severity.ERROR,
    entries=("X-14",),
    scope="fleet",
    remedy="on all but one of {node}: rm /run/flannel/wgkey and restart the flannel pod",
    explains=PEERS,
)
def wireguard_key_unique(fleet: Fleet) -> Result:
    """Have a public key of its own on every node's wireguard link.

    Why: peers know a node by its key, so of two with one key they hold the last that they heard of,
    and the other is cut off. It comes of machines that were cloned while flannel ran.

    Source: flannel pkg/backend/wireguard/device.go, setupKeys(), which takes the key from a file.
    """
    for trait in fleet.names("overlay/"):
        if not trait.endswith("/wireguard/public_key"):
            continue
        for value, nodes in fleet.census(trait).values:
            if len(nodes) > 1:
                yield Breach(
                    path=fleet.place(trait, nodes[0]),
                    message=f"{len(nodes)} nodes have the same public key {value}: {named(nodes)}",
                    seen=value,
                    nodes=nodes,
                )


@rule(
    "wireguard-port-alike",
    Severity.ERROR,
    entries=("X-14",),
    scope="fleet",
    remedy="put ListenPort of net-conf right, then restart the flannel pod of {node}",
    explains=(*PEERS, "flannel-config-alike"),
)
def wireguard_port_alike(fleet: Fleet) -> Result:
    """Have the wireguard links of all nodes listen on one UDP port, by family.

    Why: a node sends to the port that it listens on itself, for the port is not published. With
    another one both directions are lost.

    Source: flannel pkg/backend/wireguard/wireguard_network.go, handleSubnetEvents().
    """
    for trait in fleet.names("overlay/flannel/wireguard/"):
        if trait.endswith("/wireguard/listen_port"):
            family = " over IPv6" if trait.split("/")[3] == "6" else ""
            yield from unlike(fleet, trait, f"UDP port of flannel's wireguard{family}")
