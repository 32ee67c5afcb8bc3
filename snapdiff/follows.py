"""Which number follows from which on a node: what flannel, its plugins and the kernel compute.

A change follows from another only where its new value is the one that comes of that one's: an MTU
that is the underlay's less the overhead, an address that is the lease's. What does not add up
stands for itself.
"""

from __future__ import annotations

import ipaddress
import typing as t

from snapdiff import roles, schema
from snapdiff.follows_mtu import lease_mtu, overlay_mtu, pods_mtu
from snapdiff.follows_ways import route_of_rule, rule_of_link
from snapdiff.model import Change, Kind
from snapdiff.rules.flannel import KIND_OF
from snapdiff.rules.registry import CannotTell
from snapdiff.rules.view import interface, network
from snapdiff.scene import CONF, LEASE

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from snapdiff.scene import Scene

SUBNETS = ("FLANNEL_SUBNET", "FLANNEL_IPV6_SUBNET")
NETWORKS = ("FLANNEL_NETWORK", "FLANNEL_IPV6_NETWORK")
ANY_V6 = ipaddress.ip_network("::/0")
VXLAN_PORT = 8472  # of the kernel, where nobody says otherwise
STATES = ("flags", "operstate", "carrier")
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


def _of_new_family(change: Change, scene: Scene) -> Change | None:
    """Find the subnet of the IP family with which an overlay and the network of pods came."""
    for key, name in zip(SUBNETS, NETWORKS, strict=True):
        lease = scene.at(*LEASE, key)
        if lease is None or lease.kind is not change.kind or change.kind is Kind.CHANGED:
            continue
        if change.path == (*LEASE, name):
            return lease
        if change.role == roles.OVERLAY and len(change.path) == 2:
            told = interface(str(lease.before or lease.after))
            row = change.before or change.after
            given = [interface(one) for one in row["addresses"]]
            if told and any(one and one.ip == told.network.network_address for one in given):
                return lease
    return None


def _connected(change: Change, scene: Scene) -> Change | None:
    """Find the address with which a connected route came or went, and what a router told too.

    An IPv6 route does not say for which address the kernel made it; a router that gives a prefix
    gives a default route with it.
    """
    if change.path[0] != "routes" or len(change.path) != 2 or change.dev is None:
        return None
    row = change.before or change.after
    if row.get("protocol") not in ("kernel", "ra"):
        return None
    by_router = row["protocol"] == "ra" and network(str(row.get("dst"))) in (None, ANY_V6)
    for one in _addresses(scene, change.dev):
        short = len(one.path) == 3
        old = one.before if short else one.path[3] if one.kind is Kind.REMOVED else None
        new = one.after if short else one.path[3] if one.kind is Kind.ADDED else None
        given = str(new if change.kind is Kind.ADDED else old)
        if network(given) is None:
            continue
        if str(network(given)) == row.get("dst") or (by_router and ":" in given):
            return one
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


def _of_parent(change: Change, scene: Scene) -> Change | None:
    """Find the link below a VLAN or the like, which the kernel has it follow: MTU and state."""
    if change.path[0] != "links" or len(change.path) != 3 or scene.view is None:
        return None
    row = scene.view.links.get(change.path[1], {})
    name, field = str(row.get("lower")), change.path[2]
    if change.role == roles.OVERLAY or name not in scene.view.links:
        return None
    if field == "mtu":
        parent = scene.at("links", name, "mtu")
        mtu = scene.view.links[name].get("mtu")
        return parent if isinstance(mtu, int) and change.after == mtu else None
    if field not in STATES:
        return None
    return next((one for one in (scene.at("links", name, one) for one in STATES) if one), None)


def _same_address(change: Change, scene: Scene) -> Change | None:
    """Find the same address with another prefix length, which came as this one went."""
    if change.path[2:3] != ("addresses",) or len(change.path) != 4:
        return None
    if change.kind is not Kind.REMOVED:
        return None
    host = change.path[3].partition("/")[0]
    return next((one for one in _addresses(scene, change.path[1]) if _ip(one) == host), None)


def _of_limits(change: Change, scene: Scene) -> Change | None:
    """Tell the limits of the neighbour table once: they are written together, the last counts."""
    head, mark, _number = change.path[-1].partition("gc_thresh")
    if change.path[0] != "sysctls" or not mark:
        return None
    return scene.at("sysctls", f"{head}{mark}3")


def _of_moved_route(change: Change, scene: Scene) -> Change | None:
    """Find the link that a route now leads over, where the rest of it is new as well."""
    if change.path[0] != "routes" or len(change.path) != 3 or change.path[2] == "dev":
        return None
    return scene.at(*change.path[:2], "dev")


def _into_a_bridge(change: Change, scene: Scene) -> Change | None:
    """Find the link that became a port of a bridge which came with it, and has its address."""
    if change.path[0] != "links":
        return None
    if len(change.path) == 2 and change.kind is Kind.ADDED:
        ports = (one for one in scene.of_links("master") if one.after == change.path[1])
        return next((one for one in ports if one.role == roles.UNDERLAY), None)
    if len(change.path) == 4 and change.path[2] == "addresses" and change.kind is Kind.REMOVED:
        port = scene.at("links", change.path[1], "master")
        if port is not None and scene.view is not None:
            bridge = scene.view.links.get(str(port.after), {})
            return port if change.path[3] in bridge.get("addresses", {}) else None
    return None


def _off_a_gone_bridge(change: Change, scene: Scene) -> Change | None:
    """Find the bridge that went: the kernel leaves its ports on none."""
    if change.path[2:] != ("master",) or change.after is not None:
        return None
    bridge = scene.at("links", str(change.before))
    return bridge if bridge is not None and bridge.kind is Kind.REMOVED else None


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
    """Find the new MAC of a link, or its ARP off or on: the kernel forgets its neighbours then."""
    if change.path[0] != "peers" or change.path[2:] != ("missing",) or change.dev is None:
        return None
    if change.after != ["neighbour"]:
        return None
    flags = scene.at("links", change.dev, "flags")
    if flags is not None and ("NOARP" in (flags.before or ())) != ("NOARP" in (flags.after or ())):
        return flags
    return scene.at("links", change.dev, "mac")


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


def _of_machine(change: Change, scene: Scene) -> Change | None:
    """Find the other machine that a node is now: all that is a machine's own came with it."""
    found = scene.at("host", "machine_id")
    if found is None or found.kind is not Kind.CHANGED or change.path[0] == "peers":
        return None
    return found if schema.field(change.path).volatility(change.role) == "identity" else None


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
    _of_new_family,
    _connected,
    _network_of_conf,
    _local_of_lower,
    _lower_link,
    _of_parent,
    _same_address,
    _of_limits,
    _of_moved_route,
    _into_a_bridge,
    _off_a_gone_bridge,
    _gateway,
    route_of_rule,
    rule_of_link,
    _link_of_backend,
    _flushed,
    _refused,
    _of_module,
    _of_machine,  # last: what is nearer tells more
)
