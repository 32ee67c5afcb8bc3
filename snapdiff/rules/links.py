"""State and attributes of the overlays: up, as flannel makes them, with entries for all peers."""

from __future__ import annotations

import typing as t

from snapdiff.model import Severity
from snapdiff.rules import flannel
from snapdiff.rules.addresses import RESTART
from snapdiff.rules.registry import Breach, CannotTell, Result, rule

if t.TYPE_CHECKING:
    from collections.abc import Iterator

    from snapdiff.rules.view import NodeView, Overlay

PORT = 8472  # what the kernel's vxlan takes where net-conf has none: module parameter udp_port
MADE_ANEW = "ip link delete {link} on {node}, then " + RESTART


def vxlans(view: NodeView) -> Iterator[Overlay]:
    """Yield flannel's vxlan links that are in use."""
    for one in flannel.in_use(view):
        if flannel.kind_of(one) == "vxlan" and not one.details.get("external"):
            yield one


@rule(
    "overlay-down",
    Severity.ERROR,
    entries=("N-40",),
    remedy="ip link set {link} up on {node}, then " + RESTART + ": routes and neighbours are gone",
    explains=(
        "overlay-address",
        "overlay-entries-lost",
        "overlay-flapped",
        "peer-entries-extra",
        "peer-entries-missing",
        "wireguard-route",
    ),
)
def overlay_down(view: NodeView) -> Result:
    """Have flannel's overlay up.

    Why: the node is cut off from pods elsewhere. flanneld may have ended between making the link
    and setting it up, another vxlan may hold its port, or somebody set it down; with that its
    routes and neighbours are gone, and up again they do not come back.

    Exempt: operstate UNKNOWN, which is all that vxlan, wireguard and tun tell; what an earlier
    backend left.
    Source: flannel pkg/backend/vxlan/device.go, Configure(); Linux neigh_ifdown();
    flannel-io/flannel#878.
    """
    for overlay in flannel.in_use(view):
        flags = view.get("links", overlay.name, "flags")
        state = overlay.link.get("operstate")
        if flags is None:
            continue
        if "UP" not in flags:
            yield Breach(
                path=f"links/{overlay.name}/flags",
                message=f"{overlay.name} is down",
                seen=", ".join(flags) or "none",
                expected="UP",
            )
        elif "LOWER_UP" not in flags and state not in (None, "UNKNOWN", "UP"):
            yield Breach(
                path=f"links/{overlay.name}/operstate",
                message=f"{overlay.name} is up, but has no carrier",
                seen=state,
                expected="UNKNOWN",
            )


OF_THE_LOWER = frozenset(  # of a vxlan on another link than its address: that is no underlay
    {"underlay-name-alike", "underlay-mtu-alike", "overlay-mtu-small", "overlay-mtu-headroom"}
)


@rule(
    "vxlan-attributes",
    Severity.ERROR,
    entries=("N-41",),
    remedy=MADE_ANEW,
    explains=(
        "overlay-down",
        "peer-entries-missing",
        "peer-entries-stale",
        "same-port",
        "same-vni",
    ),
)
def vxlan_attributes(view: NodeView) -> Result:
    """Have flannel's vxlan with the VNI of its name, net-conf's port, and an address of the node.

    Why: with another VNI or port no peer hears it; without a local address that the node has, the
    kernel sends nothing, as after a new address from DHCP.

    Exempt: the port where net-conf is not on the node; where nobody looked and it is not 8472,
    cannot tell. Windows nodes make all use VNI 4096 and port 4789, which net-conf then has.
    Source: flannel pkg/backend/vxlan/device.go, vxlan.go; Linux vxlan_core.c, udp_port.
    """
    for overlay in vxlans(view):
        place = ("links", overlay.name, "vxlan")
        details = view.get(*place)
        if details is None:
            continue
        number = overlay.name.rpartition(".")[2]
        vni = view.get(*place, "id")
        if vni is not None and str(vni) != number:
            yield _attribute(overlay, "id", vni, number, f"VNI {vni} is not that of its name")
        port = view.get(*place, "port")
        try:
            right = _port(view, port)
        except CannotTell as reason:
            yield reason
        else:
            if port is not None and port != right:
                yield _attribute(overlay, "port", port, right, f"UDP port {port} is not {right}")
        if view.get(*place, "link") is None and overlay.link.get("lower_ifindex") is None:
            yield _attribute(overlay, "link", None, "the underlay", "no link carries it")
        yield from _local(view, overlay)


def _attribute(overlay: Overlay, member: str, seen: t.Any, right: t.Any, words: str) -> Breach:
    return Breach(
        path=f"links/{overlay.name}/vxlan/{member}",
        message=f"{overlay.name}: {words}",
        seen=seen,
        expected=right,
    )


def _port(view: NodeView, port: int | None) -> int | None:
    """Return the port that net-conf has; the one that is there where nobody has a net-conf."""
    told = view.backend("Port")
    if isinstance(told, int) and told > 0:
        return told
    if view.snapshot["cni"].get("net_conf") is not None:
        return PORT
    if view.net_conf:  # the ConfigMap's, which api-flannel-config holds the node against
        return port
    if port != PORT:
        view.get("cni", "net_conf")
    return port


def _local(view: NodeView, overlay: Overlay) -> Result:
    member = "local6" if overlay.family == 6 else "local"
    local = view.get("links", overlay.name, "vxlan", member)
    if local is None:
        return
    below = overlay.link.get("lower")
    holders = [
        name
        for name, link in view.links.items()
        if any(key.partition(" ")[0].partition("/")[0] == local for key in link["addresses"])
    ]
    if below in holders or below is None:  # that no link carries it is told already
        return
    flannel.all_addresses(view, str(below))
    words = f"its address {local} is on {holders[0]}" if holders else f"no link has its {local}"
    found = _attribute(overlay, member, local, f"an address of {below}", words)
    if holders:
        yield Breach(
            path=found.path,
            message=f"{found.message}, not on {below}",
            seen=local,
            expected=found.expected,
            severity=Severity.WARNING,
            explains=OF_THE_LOWER,
        )
    else:
        yield found


@rule("vxlan-learning", Severity.WARNING, entries=("N-41",), remedy=MADE_ANEW)
def vxlan_learning(view: NodeView) -> Result:
    """Have flannel's vxlan learn MACs only where net-conf says so.

    Why: flannel writes every entry itself; a learned one may win over it and then age.

    Exempt: a node without net-conf; where nobody looked for it, cannot tell.
    Source: flannel pkg/backend/vxlan/vxlan.go, key Learning.
    """
    for overlay in vxlans(view):
        seen = view.get("links", overlay.name, "vxlan", "learning")
        if seen is None or (not seen and not view.asked("Learning")):
            continue
        conf = view.net_conf or view.get("cni", "net_conf")
        if conf is not None and bool(seen) != (right := bool(view.asked("Learning"))):
            words = "it learns MACs" if seen else "it does not learn MACs"
            yield _attribute(overlay, "learning", seen, right, words)


@rule(
    "overlay-mac",
    Severity.WARNING,
    entries=("N-46",),
    remedy="look who sets MACs on {node} (udev MACAddressPolicy, NetworkManager), then "
    + MADE_ANEW,
)
def overlay_mac(view: NodeView) -> Result:
    """Have a locally administered unicast MAC on flannel's vxlan and on the pod bridge.

    Why: flannel and the kernel pick such a one at random. Another was set by a tool, and peers may
    still hold the one before; on the bridge it is that of a link which does not belong there.

    Exempt: links without MAC, as WireGuard's; all zeros on a bridge, which pod-bridge-mac tells.
    Source: flannel pkg/mac/mac.go; flannel-io/flannel#1155, #1330.
    """
    names = [one.name for one in vxlans(view)]
    bridge = flannel.pod_bridge(view)
    if bridge is not None and flannel.is_there(view):
        names.append(bridge)
    for name in names:
        mac = view.get("links", name, "mac")
        if mac is None or not mac.strip("0:"):
            continue
        if int(mac[:2], 16) & 0b11 != 0b10:
            yield Breach(
                path=f"links/{name}/mac",
                message=f"{name} has the MAC {mac}, which is no locally administered unicast one",
                seen=mac,
                expected="x2, x6, xa or xe as its first byte",
            )


@rule(
    "overlay-entries-lost",
    Severity.ERROR,
    entries=("N-23",),
    remedy=RESTART + "; it writes the entries of all peers again",
    explains=("peer-entries-missing",),
)
def overlay_entries_lost(view: NodeView) -> Result:
    """Have the entries of all peers whole: none that all of them lack.

    Why: flannel wrote them once and does not look again. A link whose MAC was changed has lost its
    neighbours alone, and its routes lead nowhere.

    Exempt: a node without peers; peers that lack an entry one by one, which the rules between nodes
    tell; direct routing, which needs none.
    Source: flannel pkg/backend/vxlan/vxlan_network.go, handleSubnetEvents(); Linux neigh_ifdown(),
    neigh_changeaddr(), vxlan_stop(); flannel-io/flannel#1330.
    """
    for overlay in vxlans(view):
        peers = view.section("peers")
        keys = [key for key, row in peers.items() if row["dev"] == overlay.name]
        rows = [peers[key] for key in keys]
        for entry in ("route", "neighbour", "fdb") if rows else ():
            if all(entry in row.get("missing", ()) for row in rows):
                yield Breach(
                    path="peers/*/missing",
                    message=f"all {len(rows)} peers of {overlay.name} lack the {entry}",
                    seen=len(rows),
                    expected=entry,
                )
        for member in ("subnet", "mac", "underlay"):  # a table may not have been read
            view.get("peers", keys[0] if keys else "*", member)


@rule(
    "overlay-flapped",
    Severity.WARNING,
    entries=("N-23",),
    remedy=RESTART + "; it writes the entries of all peers again",
)
def overlay_flapped(view: NodeView) -> Result:
    """Have routes and neighbours where there are forwarding entries.

    Why: forwarding entries alone are the mark of a link that was set down and up again: the kernel
    dropped its routes and neighbours, and flannel does not write them anew.

    Exempt: a node that knows a peer. It is a warning, for flannel leaves the forwarding entry of an
    old MAC, and a cluster may have shrunk to one node.
    Source: Linux neigh_ifdown(), vxlan_stop(); flannel pkg/backend/vxlan/vxlan_network.go,
    handleSubnetEvents().
    """
    for overlay in vxlans(view):
        rows = view.section("peers").values()
        spare = {row.get("dst") for row in view.snapshot["fdb"].values() if _is_of(row, overlay)}
        if spare and not any(row["dev"] == overlay.name for row in rows):
            for table in ("routes", "neighbours"):
                view.section(table)
            if any(_is_of(row, overlay) for row in view.snapshot["neighbours"].values()):
                continue
            yield Breach(
                path="peers",
                message=f"{overlay.name} has forwarding entries for {len(spare)} nodes, but no "
                "routes and no neighbours",
                seen=len(spare),
                expected="route, neighbour",
            )


def _is_of(row: t.Mapping[str, t.Any], overlay: Overlay) -> bool:
    return row.get("dev") == overlay.name and row.get("dst") is not None
