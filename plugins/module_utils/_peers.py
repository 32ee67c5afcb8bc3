# Copyright (c) 2026 The snapdiff developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the collection clusternet.snapdiff: it may change at any time.

"""A VXLAN peer's three entries - route, neighbour, forwarding entry - folded into one row.

flannel writes for every other node: a permanent neighbour (VTEP address to VTEP MAC), a forwarding
entry (VTEP MAC to underlay address) and a route (pod subnet via VTEP address, onlink). On a healthy
cluster every node's rows plus its own (its subnet, MAC and address) are the same table, so a row
names nothing that is the holder's own.

Source: flannel pkg/backend/vxlan/vxlan_network.go, handleSubnetEvents().
"""

from __future__ import annotations

import collections
import typing as t

if t.TYPE_CHECKING:
    Row = dict[str, t.Any]
    Rows = dict[str, Row]

# A route just like this says no more than its peer's row does, so the row replaces it.
USUAL_ROUTE = {
    "type": "unicast",
    "table": "main",
    "protocol": "boot",
    "scope": "global",
    "flags": ["onlink"],
}
# IPv6 routes have these besides, always the same for a route that was added without a wish.
USUAL_ROUTE_6 = {"metric": 1024, "pref": "medium"}


def fold_peers(links: Rows, routes: Rows, neighbours: Rows, fdb: Rows) -> Rows:
    """Return the peers by VTEP address; take out of the three tables what their rows say.

    What is unlike flannel's own entries stays in its table too, so nothing is lost. A peer of
    which an entry is not there has it in ``missing``.
    """
    overlays = {
        name
        for name, link in links.items()
        if link.get("kind") == "vxlan" and not (link.get("vxlan") or {}).get("external")
    }
    peers: Rows = {}
    leading = _leading(overlays, routes)
    for key in sorted(neighbours):
        entry = neighbours[key]
        if entry.get("dev") in overlays and "lladdr" in entry and entry["dst"] not in peers:
            if entry["dev"] != leading.get(entry["dst"], entry["dev"]):
                continue  # what an earlier link left: the route behind that VTEP leads elsewhere
            peers[entry["dst"]] = {"dev": entry["dev"], "mac": entry["lladdr"]}
            if set(entry) == {"dst", "dev", "lladdr", "state"}:
                del neighbours[key]
    _fold_routes(overlays, peers, routes)
    _fold_fdb(peers, fdb)
    for peer in peers.values():
        names = {"mac": "neighbour", "subnet": "route"}
        if "mac" in peer:  # without it nobody can say which forwarding entry would be the peer's
            names["underlay"] = "fdb"
        missing = [entry for member, entry in names.items() if member not in peer]
        if missing:
            peer["missing"] = missing
    return peers


def _leading(overlays: t.Container[str], routes: Rows) -> dict[str, str]:
    """Return by VTEP address over which link the route of that peer leads."""
    found: dict[str, str] = {}
    for key in sorted(routes, key=lambda key: (_oddness(routes[key]), key)):
        route = routes[key]
        if route.get("dev") in overlays and isinstance(route.get("gateway"), str):
            found.setdefault(route["gateway"], route["dev"])
    return found


def _fold_routes(overlays: t.Container[str], peers: Rows, routes: Rows) -> None:
    # A peer's row cannot tell which of two routes alike (another table, another metric) is there.
    alike = collections.Counter(_way(route) for route in routes.values())
    for key in sorted(routes, key=lambda key: (_oddness(routes[key]), key)):
        route = routes[key]
        if route.get("dev") not in overlays or not isinstance(route.get("gateway"), str):
            continue
        if route["dev"].startswith("flannel") and not _is_of_gateway(route):
            continue  # it leads to a subnet behind another node's VTEP: it is no peer's own
        peer = peers.setdefault(route["gateway"], {"dev": route["dev"]})
        if "subnet" in peer or peer["dev"] != route["dev"]:
            continue  # a second subnet behind one VTEP (Calico's blocks): it stays a route
        peer["subnet"] = route["dst"]
        if _is_usual(route) and alike[_way(route)] == 1:
            del routes[key]


def _is_of_gateway(route: Row) -> bool:
    """Say whether a route leads to the subnet whose first address is the gateway, as flannel's."""
    return str(route.get("dst", "")).partition("/")[0] == route.get("gateway")


def _oddness(route: Row) -> tuple[bool, bool, bool]:
    """Return what sorts flannel's own route behind a gateway before a stray one."""
    return (not _is_of_gateway(route), route.get("table") != "main", not _is_usual(route))


def _way(route: Row) -> tuple[str, ...]:
    return tuple(str(route.get(name)) for name in ("dst", "gateway", "dev"))


def _is_usual(route: Row) -> bool:
    usual = dict(USUAL_ROUTE, family=route.get("family"))
    if route.get("family") == "inet6":
        usual.update(USUAL_ROUTE_6)
    rest = {name: value for name, value in route.items() if name not in ("dst", "gateway", "dev")}
    return rest == usual


def _fold_fdb(peers: Rows, fdb: Rows) -> None:
    by_mac: dict[tuple[str, str], list[str]] = {}
    for key in sorted(fdb):
        by_mac.setdefault((fdb[key]["dev"], fdb[key].get("mac", "")), []).append(key)
    used = set()
    for peer in peers.values():
        keys = by_mac.get((peer["dev"], peer.get("mac", "")), ())
        for key in keys[:1]:
            peer["underlay"] = fdb[key]["dst"]
            if [fdb[other]["dst"] for other in keys].count(fdb[key]["dst"]) > 1:
                continue  # entries that differ by port or VNI: all of them stay
            if set(fdb[key]) == {"mac", "dev", "dst", "flags", "state"} and (
                fdb[key]["flags"] == ["self"]
            ):
                used.add(key)
    for key in used:
        del fdb[key]
