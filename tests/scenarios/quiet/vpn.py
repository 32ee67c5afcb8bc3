"""VPNs beside the cluster that take nothing of it."""

from __future__ import annotations

import typing as t

from acts import route
from quiet.table import LOCAL, add_link, quiet

if t.TYPE_CHECKING:
    from incidents.table import Nodes


def with_tailscale(nodes: Nodes) -> None:
    """Give all nodes what tailscale makes: a link, a table, and rules that ask it before main."""
    mark = {"fwmark": "0x80000", "fwmask": "0xff0000"}
    rows = (
        {"priority": 5210, "table": "main", **mark},
        {"priority": 5230, "table": "default", **mark},
        {"priority": 5250, "action": "unreachable", **mark},
        {"priority": 5270, "table": "52"},
    )
    for number, node in enumerate(nodes.values(), start=1):
        add_link(node, "tailscale0", "tun", type="none", mtu=1280, operstate="UNKNOWN")
        del node["links"]["tailscale0"]["mac"]
        node["links"]["tailscale0"]["addresses"][f"100.90.1.{number}/32"] = dict(LOCAL)
        for row in rows:
            key = f"inet {row['priority']} from all"
            node["rules"][key] = {"src": "all", "family": "inet", **row}
        node["routes"]["52 100.100.100.100 dev tailscale0"] = route(
            "100.100.100.100", "tailscale0", table="52"
        )


@quiet("tailscale", given=with_tailscale)
def tailscale(nodes: Nodes) -> None:
    """tailscale runs on all nodes for their operators."""


def _with_wg_quick(nodes: Nodes) -> None:
    """What wg-quick makes of AllowedIPs = 0.0.0.0/0: main first, but for its default route."""
    rows = (
        {"priority": 32764, "table": "main", "suppress_prefixlen": 0},
        {"priority": 32765, "table": "51820", "fwmark": "0xca6c", "not": True},
    )
    for number, node in enumerate(nodes.values(), start=1):
        add_link(node, "wg0", "wireguard", type="none", mtu=1420, operstate="UNKNOWN")
        del node["links"]["wg0"]["mac"]
        node["links"]["wg0"]["addresses"][f"10.9.0.{number}/32"] = dict(LOCAL)
        for row in rows:
            key = f"inet {row['priority']} from all"
            node["rules"][key] = {"src": "all", "family": "inet", **row}
        node["routes"]["51820 default dev wg0"] = route("default", "wg0", table="51820")


@quiet("wg-quick", given=_with_wg_quick)
def wg_quick(nodes: Nodes) -> None:
    """All that nodes send to the world goes by a VPN."""


def _with_halves(nodes: Nodes) -> None:
    for node in nodes.values():
        add_link(node, "tun0", "tun", type="none", mtu=1400, operstate="UNKNOWN")
        del node["links"]["tun0"]["mac"]
        for half in ("0.0.0.0/1", "128.0.0.0/1"):
            node["routes"][f"main {half} dev tun0"] = route(half, "tun0", gateway="172.30.0.1")


@quiet("OpenVPN", given=_with_halves)
def openvpn(nodes: Nodes) -> None:
    """The same as OpenVPN does it, with two halves of a default route."""
