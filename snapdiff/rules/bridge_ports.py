"""What is on the pod bridge: pods' links alone, as the plugin sets them, and without addresses."""

from __future__ import annotations

import typing as t

from snapdiff import roles
from snapdiff.model import Severity
from snapdiff.rules import flannel
from snapdiff.rules.registry import Breach, CannotTell, Result, rule
from snapdiff.rules.settings import named

if t.TYPE_CHECKING:
    from snapdiff.rules.view import NodeView

QUIET = frozenset({"veth", "netkit", "dummy", "ifb"})  # pods' own, and what holds a bridge up
OUTSIDE = frozenset({"", "veth", "bond", "team", "vlan", "macvlan", "ipvlan"})
RECYCLE = "recycle the pods of these links on {node}; see who changed them"


@rule(
    "pod-bridge-foreign-port",
    Severity.ERROR,
    entries=("N-42",),
    remedy="ip link set {seen} nomaster on {node}; give virtual machines a bridge of their own",
    explains=("bridge-mtu", "overlay-mac", "pod-bridge-mac", "pod-mtu", "underlay-connected-route"),
)
def pod_bridge_foreign_port(view: NodeView) -> Result:
    """Have no ports on the pod bridge but those of pods.

    Why: an overlay that is a port takes no packets of its own any more, and floods the bridge's to
    all peers; a NIC joins the pods with the network outside. The bridge has the least MTU of its
    ports, so one of a virtual machine may hold that of all pods down.

    Exempt: veths, and dummies that keep a bridge up. A tap or another virtual link is a warning.
    Source: Linux net/bridge/br_if.c, br_add_if(), br_mtu_min(); containernetworking plugins
    plugins/main/bridge/bridge.go, setupVeth().
    """
    name = flannel.own_bridge(view)
    if name is None:
        return
    overlays = {one.name for one in view.overlays}
    underlays = roles.underlays(view.links, view.snapshot["routes"])
    pods = [link.get("mtu") or 0 for link in view.ports.values() if link.get("master") == name]
    for port, link in sorted(flannel.ports_of(view, name).items()):
        if port in view.ports or roles.named_role(port, link) == roles.PLUMBING:
            continue
        kind = view.get("links", port, "kind") or ""
        if kind in QUIET and port not in underlays:
            continue
        mtu = link.get("mtu") or 0
        holds = mtu == view.links[name].get("mtu") and mtu < max(pods, default=0)
        inside = port in overlays
        what = "an overlay" if inside else f"a {kind}" if kind not in ("", "veth") else "a NIC"
        yield Breach(
            path=f"links/{port}/master",
            message=f"{port}, {what}, is a port of {name}"
            + (f" and holds its MTU at {mtu}" if holds else ""),
            seen=port,
            severity=None if inside or kind in OUTSIDE else Severity.WARNING,
            remedy="ip link set {seen} nomaster on {node}, then restart the flannel pod there"
            if inside
            else None,
        )


@rule(
    "pod-port-address",
    Severity.WARNING,
    entries=("N-43",),
    remedy="ip addr flush dev NAME "
    "scope global, and keep DHCP clients and NetworkManager off veth* on {node}",
)
def pod_port_address(view: NodeView) -> Result:
    """Have no address on the ports of the pod bridge.

    Why: a port hands all to its bridge, so nobody answers there, while the route that comes with
    the address takes packets: of 169.254.0.0/16 those for a cloud's metadata, of a lease by DHCP
    all. DHCP clients and NetworkManager do that to any link they are not told to leave.

    Exempt: IPv6 link-local addresses; links of plugins that route, which are on no bridge.
    Source: moby/moby#26492; Linux net/bridge/br_input.c, br_handle_frame().
    """
    name = flannel.own_bridge(view)
    found = {
        port: key
        for port, link in (view.ports.items() if name else ())
        if link.get("master") == name
        for key in link["addresses"]
        if not key.startswith("fe80:")
    }
    if found:
        port, address = min(found.items())
        yield Breach(
            path="links/veth*/addresses",
            message=f"{len(found)} of the ports of {name} have an address: {port} {address}",
            seen=len(found),
            expected=0,
            evidence=(f"{view.node}: {named(sorted(found))}",),
        )


@rule("pod-port-isolated", Severity.ERROR, entries=("N-43",), remedy=RECYCLE)
def pod_port_isolated(view: NodeView) -> Result:
    """Have ports of the pod bridge isolated only where the plugin's file asks for it.

    Why: the bridge hands nothing from one isolated port to another, so pods of the node lose each
    other, while all else goes on.

    Exempt: a file with portIsolation. A single isolated port, which meets no other, is a warning.
    Where the file was not observed, cannot tell.
    Source: Linux net/bridge/br_private.h, br_skb_isolated(); containernetworking plugins
    plugins/main/bridge/bridge.go, portIsolation.
    """
    name = flannel.own_bridge(view)
    if name is None:
        return
    ports = flannel.pod_ports_of(view, name)
    found = sorted(
        port for port, link in ports.items() if (link.get("bridge_port") or {}).get("isolated")
    )
    if not found:
        return
    plug = flannel.plug_of(view)
    if plug is None:
        whole = view.snapshot.why_not_observed(("cni_config",))
        if whole is not None:
            yield CannotTell(*whole)
            return
    if plug is not None and plug.delegate.get("portIsolation"):
        return
    yield Breach(
        path="links/veth*/bridge_port/isolated",
        message=f"{len(found)} of {len(ports)} ports of {name} are isolated from each other",
        seen=True,
        expected=False,
        severity=Severity.WARNING if len(found) == 1 else None,
        evidence=(f"{view.node}: {named(found)}",),
    )


@rule("pod-port-deaf", Severity.ERROR, entries=("N-43",), remedy=RECYCLE)
def pod_port_deaf(view: NodeView) -> Result:
    """Have ports of the pod bridge learn MACs, and get what is flooded.

    Why: a port that does neither gets no packet; one without broadcasts answers no ARP. The plugin
    leaves both as the kernel has them, which is on.

    Exempt: ports that learn but get no unknown unicast, and the other way round, are a warning.
    Source: Linux net/bridge/br_if.c, new_nbp(); br_forward.c, br_flood().
    """
    name = flannel.own_bridge(view)
    if name is None:
        return
    ports = flannel.pod_ports_of(view, name)
    off: dict[tuple[str, ...], list[str]] = {}
    for port, link in ports.items():
        state = link.get("bridge_port") or {}
        lost = tuple(one for one in ("learning", "flood", "bcast_flood") if state.get(one) is False)
        if lost:
            off.setdefault(lost, []).append(port)
    for lost, found in sorted(off.items()):
        deaf = "bcast_flood" in lost or len(lost) > 1
        yield Breach(
            path=f"links/veth*/bridge_port/{lost[0]}",
            message=f"{len(found)} of {len(ports)} ports of {name} are without "
            + " and ".join(lost),
            seen=False,
            expected=True,
            severity=None if deaf else Severity.WARNING,
            evidence=(f"{view.node}: {named(sorted(found))}",),
        )
