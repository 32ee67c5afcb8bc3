"""Links that are set down, or have no carrier: pods' ports, the underlay and what carries it."""

from __future__ import annotations

import typing as t

from snapdiff import roles
from snapdiff.model import Severity
from snapdiff.rules import flannel
from snapdiff.rules.registry import Breach, Result, rule
from snapdiff.rules.settings import named

if t.TYPE_CHECKING:
    from snapdiff.rules.view import NodeView

PLUG = "look at the cable, the switch port and the driver of {link} on {node}, with ethtool {link}"
AND_ENTRIES = (
    "ip link set {link} arp on on {node}, then restart its flannel pod, which writes the "
    "neighbours of all peers again"
)


@rule(
    "pod-port-down",
    Severity.ERROR,
    entries=("N-43",),
    remedy="ip link set NAME up on {node} for the links named, or recycle their pods",
)
def pod_port_down(view: NodeView) -> Result:
    """Have every pod port that is on a bridge set up.

    Why: the pod behind a port that is down reaches nothing; the kernel does not set it up again.

    Exempt: ports on no bridge, which pod-port-master tells.
    Source: Linux net/bridge/br_if.c, br_add_if(); containernetworking plugins bridge.go.
    """
    on_bridge = {name: row for name, row in view.ports.items() if row.get("master")}
    down = sorted(name for name, row in on_bridge.items() if "UP" not in row.get("flags", ("UP",)))
    if down:
        yield Breach(
            path="links/veth*/flags",
            message=f"{len(down)} of {len(on_bridge)} pod ports are set down",
            seen=len(down),
            evidence=(named(down),),
        )


@rule(
    "arp-off",
    Severity.ERROR,
    entries=("N-40", "N-42", "N-43"),
    remedy="ip link set {link} arp on on {node}",
    explains=("overlay-entries-lost", "peer-entries-missing"),
)
def arp_off(view: NodeView) -> Result:
    """Have ARP on every link of Ethernet that pods' packets take.

    Why: without it (``ip link set LINK arp off``) the kernel asks nobody for a MAC, and sends to
    the link's own. It forgets all neighbours of the link as well, those that flannel wrote too.

    Exempt: links that have none by nature, as WireGuard's, tun and dummy ones.
    Source: Linux net/ipv4/arp.c, arp_constructor() and arp_netdev_event(); net/ipv6/ndisc.c,
    ndisc_constructor().
    """
    for name in dict.fromkeys((*_carrying(view), *_overlays(view), *_bridges(view), *view.ports)):
        link = view.links[name]
        natural = link.get("kind") == "dummy" or link.get("type", "ether") != "ether"
        if "NOARP" in link.get("flags", ()) and not natural:
            yield Breach(
                path=f"links/{name}/flags",
                message=f"{name} has ARP off: it resolves no MAC",
                seen="NOARP",
                remedy=AND_ENTRIES if name in _overlays(view) else None,
            )


def _overlays(view: NodeView) -> list[str]:
    return [one.name for one in view.overlays]


def _bridges(view: NodeView) -> list[str]:
    bridge = flannel.pod_bridge(view)
    return [bridge] if bridge else []


@rule(
    "underlay-down",
    Severity.ERROR,
    entries=("N-76",),
    remedy="ip link set {link} up on {node}",
    explains=("default-route", "underlay-bond-degraded", "underlay-connected-route"),
)
def underlay_down(view: NodeView) -> Result:
    """Have the link that carries an overlay set up, with carrier, and what it stands on too.

    Why: nothing leaves the node over it, while the overlay itself still says UP: a tunnel does not
    follow its underlay. A VLAN goes down with the link below it, and a bond with its last link.

    Exempt: a link that does not tell its carrier, as in a listing without flags.
    Source: Linux drivers/net/vxlan/vxlan_core.c, which handles only the removal of the lower link;
    net/8021q/vlan.c, vlan_device_event(); drivers/net/bonding/bond_main.c, bond_set_carrier().
    """
    for name, rider in _carrying(view).items():
        found = _broken(view, name)
        if found is None:
            continue
        where, what = found
        member = "flags" if "set down" in what else "operstate"
        by = "" if where == name else f" by {name}"
        slaves = _slaves(view, where)
        yield Breach(
            path=f"links/{where}/{member}",
            message=f"{where} {what}, and {rider} goes over it{by}",
            seen=view.links[where].get("operstate") if member == "operstate" else None,
            remedy=PLUG if member == "operstate" else None,
            evidence=tuple(f"{view.node}: {one} {_state(view, one)}" for one in sorted(slaves)),
        )


@rule(
    "underlay-bond-degraded",
    Severity.WARNING,
    entries=("N-76",),
    remedy="look at the cable, the switch port and the driver of {seen} on {node}",
)
def underlay_bond_degraded(view: NodeView) -> Result:
    """Have all links of the underlay's bond run.

    Why: nothing is lost yet, but the next failure takes the node off the pod network.

    Exempt: a bond of which no link runs, which underlay-down tells.
    Source: Linux Documentation/networking/bonding.rst.
    """
    for name in _carrying(view):
        for bond in _below(view, name):
            slaves = _slaves(view, bond)
            lame = {one: state for one in sorted(slaves) if (state := _state(view, one))}
            if lame and len(lame) < len(slaves):
                yield Breach(
                    path=f"links/{bond}/bond" if len(lame) > 1 else f"links/{min(lame)}/operstate",
                    message=f"{bond} runs on {len(slaves) - len(lame)} of {len(slaves)} links: "
                    + ", ".join(f"{one} {state}" for one, state in lame.items()),
                    seen=", ".join(lame),
                )


def _carrying(view: NodeView) -> dict[str, str]:
    """Return the links that packets for other nodes leave by, each with what goes over it."""
    found: dict[str, str] = {}
    for overlay in view.overlays:
        lower = str(overlay.link.get("lower"))
        if lower in view.links:
            found.setdefault(lower, overlay.name)
    if not found and (view.overlays or view.snapshot["cni"].get("subnet_env")):
        for name in roles.underlays(view.links, view.snapshot["routes"])[:1]:
            found[name] = "the way to other nodes"
    return found


def _below(view: NodeView, name: str) -> list[str]:
    """Return a link, what carries it, and so on: of eth0.100 eth0 too."""
    found: list[str] = []
    while name in view.links and name not in found:
        found.append(name)
        link = view.links[name]
        # a veth that was moved into a container has its other end elsewhere
        name = "" if link.get("lower_netnsid") is not None else str(link.get("lower", ""))
    return found


def _broken(view: NodeView, name: str) -> tuple[str, str] | None:
    """Return the lowest of the links below one that does not run, and how it is."""
    for one in reversed(_below(view, name)):
        state = _state(view, one)
        if state:
            slaves = _slaves(view, one)
            if slaves and "carrier" in state:
                return one, f"has no carrier: none of {named(sorted(slaves))} runs"
            return one, state
    return None


def _slaves(view: NodeView, name: str) -> list[str]:
    if view.links[name].get("kind") != "bond":
        return []
    return [one for one, link in view.links.items() if link.get("master") == name]


def _state(view: NodeView, name: str) -> str:
    """Say how a link does not run; "" where it does, or where nobody tells."""
    link = view.links[name]
    flags = link.get("flags")
    if flags is not None and "UP" not in flags:
        return "is set down"
    port = str((link.get("port") or {}).get("mii_status", "UP"))
    if link.get("carrier") is False or "NO-CARRIER" in (flags or ()):
        return "has no carrier"
    return "" if port in ("UP", "GOING_BACK") else f"is {port} for its bond"
