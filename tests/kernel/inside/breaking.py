"""One thing that breaks at a time, and how it is put right again.

Each is two functions of the three nodes. Where a cluster says whether packets still pass, the
pods named lose each other for as long.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

import flanneld
from flanneld import VXLANS, WIREGUARDS

if t.TYPE_CHECKING:
    from netns_nodes import Node

    Deed = t.Callable[[Node, Node, Node], object]

STRANGER = "Y2zVtLyvKOsrJxnVIgNBAS0YqMWo3rZUtDfoWe7VZh8="


@dataclass(frozen=True)
class Incident:
    """What is done to break a cluster, and to mend it."""

    breaks: Deed
    mends: Deed
    lost: tuple[int, int] | None = (1, 3)  # whose pods do not hear each other meanwhile
    family: int = 4
    # No packet passes meanwhile: wireguard takes a peer's endpoint from whatever comes in of it,
    # so a wrong one stays for as long as the peer is silent.
    silent: bool = False


def _new_key(one: Node, two: Node, three: Node) -> None:
    flanneld.new_key(three)
    flanneld.set_key(three)


def _old_key(one: Node, two: Node, three: Node) -> None:
    three.private.append(three.private[0])
    flanneld.set_key(three)


def _hold_stranger(one: Node, two: Node, three: Node) -> None:
    flanneld.forget(one, three.key)
    flanneld.peer(one, three, key=STRANGER)


def _hold_again(one: Node, two: Node, three: Node) -> None:
    flanneld.forget(one, STRANGER)
    flanneld.peer(one, three)


def _port(node: Node, number: int) -> None:
    node.run("wg", "set", WIREGUARDS[4], "listen-port", str(number))


def _switch_half(one: Node, two: Node, three: Node) -> None:
    """Leave the vxlan of an earlier backend behind, with its address and a route."""
    two.ip(
        f"link add {VXLANS[4]} mtu 1450 type vxlan id 1 dev eth0 local {two.outer[4]} "
        "dstport 8472 nolearning",
        f"addr add {two.inner[4]}/32 dev {VXLANS[4]}",
        f"link set {VXLANS[4]} up",
        f"route add {flanneld.route(three, 4)}",
    )


WIREGUARD_INCIDENTS = {
    "new-key": Incident(_new_key, _old_key),
    "wrong-key-held": Incident(_hold_stranger, _hold_again),
    "allowed-ips-lost": Incident(
        lambda one, two, three: flanneld.peer(one, three, allowed_ips=""),
        lambda one, two, three: flanneld.peer(one, three),
    ),
    "endpoint-wrong": Incident(
        lambda one, two, three: flanneld.peer(one, three, endpoint="192.0.2.2:51820"),
        lambda one, two, three: flanneld.peer(one, three),
        lost=None,
        silent=True,
    ),
    "v6-endpoint-inside": Incident(
        lambda one, two, three: flanneld.peer(one, three, 6, endpoint=f"[{three.inner[6]}]:51821"),
        lambda one, two, three: flanneld.peer(one, three, 6),
        lost=None,
        silent=True,
    ),
    "port-changed": Incident(
        lambda one, two, three: _port(three, 51999),
        lambda one, two, three: _port(three, flanneld.PORTS[4]),
        lost=None,
        silent=True,
    ),
    "peer-lost": Incident(
        lambda one, two, three: flanneld.forget(one, three.key),
        lambda one, two, three: flanneld.peer(one, three),
    ),
    "route-lost": Incident(
        lambda one, two, three: two.ip(f"route del 10.244.0.0/16 dev {WIREGUARDS[4]}"),
        lambda one, two, three: flanneld.whole_network(two),
        lost=(2, 3),
    ),
    "v6-allowed-ips-lost": Incident(
        lambda one, two, three: flanneld.peer(one, three, 6, allowed_ips=""),
        lambda one, two, three: flanneld.peer(one, three, 6),
        family=6,
    ),
    "old-vxlan-left": Incident(
        _switch_half,
        lambda one, two, three: two.ip(f"link del {VXLANS[4]}"),
        lost=(2, 3),
    ),
}


def _mtu_kept(one: Node, two: Node, three: Node) -> None:
    """Leave the IPv6 overlay with more than its underlay carries; the kernel refuses to set it."""
    two.ip("link set eth0 mtu 1520", f"link set {VXLANS[6]} mtu 1450", "link set eth0 mtu 1500")


def _fdb(what: str) -> Deed:
    def deed(one: Node, two: Node, three: Node) -> None:
        one.run("bridge", "fdb", what, *flanneld.entry(three, 6).split())

    return deed


def _flap(one: Node, two: Node, three: Node) -> None:
    two.ip(f"link set {VXLANS[6]} down", f"link set {VXLANS[6]} up")


def _after_flap(one: Node, two: Node, three: Node) -> None:
    two.ip(f"addr replace {two.inner[6]}/128 dev {VXLANS[6]}")
    flanneld.program(two, (one, three), (6,))


DUAL_INCIDENTS = {
    "v6-route-lost": Incident(
        lambda one, two, three: one.ip(f"route del {flanneld.route(three, 6)}"),
        lambda one, two, three: one.ip(f"route add {flanneld.route(three, 6)}"),
        family=6,
    ),
    "v6-neighbour-stale": Incident(
        lambda one, two, three: one.ip(flanneld.neighbour(three, 6, "6e:00:00:00:00:99")),
        lambda one, two, three: one.ip(flanneld.neighbour(three, 6, three.macs[VXLANS[6]])),
        family=6,
    ),
    "v6-fdb-lost": Incident(_fdb("del"), _fdb("replace"), family=6),
    "v6-mtu": Incident(
        _mtu_kept,
        lambda one, two, three: two.ip(f"link set {VXLANS[6]} mtu 1430"),
        lost=None,  # short packets pass
    ),
    "v6-forwarding-off": Incident(
        lambda one, two, three: two.sysctl("ipv6/conf/all/forwarding", 0),
        lambda one, two, three: two.sysctl("ipv6/conf/all/forwarding", 1),
        lost=(2, 3),
        family=6,
    ),
    "v6-flapped": Incident(_flap, _after_flap, lost=(2, 3), family=6),
}
