"""Which number follows from which on a node: what flannel, its plugins and the kernel compute.

A change follows from another only where its new value is the one that comes of that one's: an MTU
that is the underlay's less the overhead, an address that is the lease's. What does not add up
stands for itself.
"""

from __future__ import annotations

import typing as t

from snapdiff import roles
from snapdiff.follows_mtu import lease_mtu, overlay_mtu, pods_mtu
from snapdiff.model import Change, Kind
from snapdiff.rules.flannel import KIND_OF
from snapdiff.rules.registry import CannotTell
from snapdiff.rules.view import interface, network
from snapdiff.scene import CONF, LEASE

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from snapdiff.scene import Scene

SUBNETS = ("FLANNEL_SUBNET", "FLANNEL_IPV6_SUBNET")
VXLAN_PORT = 8472  # of the kernel, where nobody says otherwise
KERNELS_TABLES = ("main", "local", "default")
NF_CALL = "net.bridge.bridge-nf-call-iptables"


def cause_of(change: Change, scene: Scene) -> Change | None:
    """Return the change that the value of *change* follows from, None where there is none."""
    for rule in _RULES:
        try:
            found = rule(change, scene)
        except CannotTell:
            continue
        if found is not None and found is not change:
            return found
    return None


def _address_of_lease(change: Change, scene: Scene) -> Change | None:
    """Hold addresses against the lease: the overlay has its first, the bridge the next one."""
    if change.path[2:3] != ("addresses",) or change.role not in (roles.OVERLAY, roles.POD_BRIDGE):
        return None
    went = change.kind is Kind.REMOVED
    given = interface(str(change.after) if change.kind is Kind.CHANGED else change.path[-1])
    for key in SUBNETS:
        lease = scene.at(*LEASE, key)
        told = interface(str(lease.before if went else lease.after)) if lease is not None else None
        if told is None or given is None:
            continue
        bridge = change.role == roles.POD_BRIDGE
        if given == told if bridge else given.ip == told.network.network_address:
            return lease
    return None


def _network_of_conf(change: Change, scene: Scene) -> Change | None:
    """Hold the network of the lease against that of net-conf, which it repeats."""
    for key, name in (("FLANNEL_NETWORK", "Network"), ("FLANNEL_IPV6_NETWORK", "IPv6Network")):
        conf = scene.at(*CONF, name)
        if change.path == (*LEASE, key) and conf is not None and conf.after == change.after:
            return conf
    return None


def _local_of_lower(change: Change, scene: Scene) -> Change | None:
    """Hold the address that an overlay tunnels from against the link below, whose it is."""
    if change.path[2:] not in (("vxlan", "local"), ("vxlan", "local6")) or scene.view is None:
        return None
    moved = scene.at("links", change.path[1], "lower")
    lower = str(scene.view.get("links", change.path[1], "lower"))
    if lower not in scene.view.links:
        return None
    if str(change.after) not in {str(one.ip) for one in scene.view.addresses(lower)}:
        return None
    came = (one for one in _addresses(scene, lower) if str(change.after) == _ip(one))
    return moved or next(came, None)


def _addresses(scene: Scene, link: str) -> Iterator[Change]:
    return (one for one in scene.under("links", link, "addresses") if len(one.path) < 5)


def _ip(change: Change) -> str:
    """Return the address that came, without its prefix length; empty where one only went."""
    if change.kind is Kind.REMOVED:
        return ""
    return str(change.after if len(change.path) == 3 else change.path[3]).partition("/")[0]


def _lower_link(change: Change, scene: Scene) -> Change | None:
    """Find the lower link with which an overlay went or moved, and whose arrival moved it."""
    if change.path[0] != "links":
        return None
    if len(change.path) == 2 and change.kind is Kind.REMOVED and change.role == roles.OVERLAY:
        below = scene.at("links", str(change.before.get("lower")))
        return below if below is not None and below.kind is Kind.REMOVED else None
    if change.path[2:] == ("lower",):
        below = scene.at("links", str(change.before))
        return below if below is not None and below.kind is Kind.REMOVED else None
    if len(change.path) == 2 and change.kind is Kind.ADDED:
        moved = (one for one in scene.of_links("lower") if one.role == roles.OVERLAY)
        return next((one for one in moved if one.after == change.path[1]), None)
    return None


def _gateway(change: Change, scene: Scene) -> Change | None:
    """Hold a next hop against the link's network: where that is another, it has to be as well."""
    if change.path[0] != "routes" or change.path[2:] != ("gateway",) or change.dev is None:
        return None
    found, left = None, False
    for one in _addresses(scene, change.dev):
        short = len(one.path) == 3
        old = one.before if short else one.path[3] if one.kind is Kind.REMOVED else None
        new = one.after if short else one.path[3] if one.kind is Kind.ADDED else None
        left = left or _inside(change.before, old)
        found = one if _inside(change.after, new) else found
    return found if left else None


def _inside(address: t.Any, link: t.Any) -> bool:
    one, two = interface(str(address)), network(str(link)) if link else None
    return one is not None and two is not None and one.ip in two


def _route_of_rule(change: Change, scene: Scene) -> Change | None:
    """Find the policy rule that came or went with the table that it looks up."""
    if change.path[0] != "routes" or len(change.path) != 2:
        return None
    table = (change.before or change.after).get("table")
    if table in KERNELS_TABLES:
        return None
    for one in scene.under("rules"):
        row = one.before or one.after
        if len(one.path) == 2 and one.kind is change.kind and row.get("table") == table:
            return one
    return None


def _link_of_backend(change: Change, scene: Scene) -> Change | None:
    """Hold flannel's link against its backend: kind, and for vxlan the VNI in its name, port."""
    if change.role != roles.OVERLAY or change.path[0] != "links":
        return None
    name = change.path[1]
    came = change.kind is Kind.ADDED
    if len(change.path) == 2 and name.startswith("flannel"):
        kind = (change.before or change.after).get("kind")
        backend = scene.at(*CONF, "Backend", "Type")
        if backend is not None and KIND_OF.get(backend.after if came else backend.before) == kind:
            return backend
        vni = scene.at(*CONF, "Backend", "VNI")
        if vni is not None:
            number = (vni.after if came else vni.before) or 1
            return vni if name in (f"flannel.{number}", f"flannel-v6.{number}") else None
    port = scene.at(*CONF, "Backend", "Port")
    if change.path[2:] == ("vxlan", "port") and port is not None:
        return port if change.after == (port.after or VXLAN_PORT) else None
    return None


def _flushed(change: Change, scene: Scene) -> Change | None:
    """Find the new MAC of a link, at which the kernel forgets the neighbours behind it."""
    if change.path[0] == "peers" and change.path[2:] == ("missing",) and change.dev is not None:
        return scene.at("links", change.dev, "mac") if change.after == ["neighbour"] else None
    return None


def _refused(change: Change, scene: Scene) -> Change | None:
    """Find the node's own network in which a peer's address lies: the kernel refuses its route."""
    if change.path[0] != "peers" or change.path[2:] != ("missing",) or change.after != ["route"]:
        return None
    for one in scene.under("links"):
        if one.path[2:3] == ("addresses",) and len(one.path) < 5 and one.kind is not Kind.REMOVED:
            given = interface(str(one.after) if len(one.path) == 3 else one.path[3])
            if given is not None and str(given.network.network_address) == change.path[1]:
                return one
    return None


def _of_module(change: Change, scene: Scene) -> Change | None:
    """Tell the settings of br_netfilter once: they come and go with the module."""
    whole = change.kind in (Kind.ADDED, Kind.REMOVED)
    if change.path[0] != "sysctls" or not change.path[1].startswith("net.bridge.") or not whole:
        return None
    first = scene.at("sysctls", NF_CALL)
    return first if first is not None and first.kind is change.kind else None


_RULES: tuple[Callable[[Change, Scene], Change | None], ...] = (
    overlay_mtu,
    lease_mtu,
    pods_mtu,
    _address_of_lease,
    _network_of_conf,
    _local_of_lower,
    _lower_link,
    _gateway,
    _route_of_rule,
    _link_of_backend,
    _flushed,
    _refused,
    _of_module,
)
