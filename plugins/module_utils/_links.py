# Copyright (c) 2026 The snapdiff developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the collection clusternet.snapdiff: it may change at any time.

"""Links and their addresses, out of ``ip -json -details -statistics address show``."""

from __future__ import annotations

import re
import typing as t

from ._source import FOREVER, NotObservedError, rows_of

if t.TYPE_CHECKING:
    Row = dict[str, t.Any]
    Rows = dict[str, Row]

# What the kernel tells of a link beside its name, and what we call it.
PLAIN = {
    "ifindex": "ifindex",
    "mtu": "mtu",
    "min_mtu": "min_mtu",
    "max_mtu": "max_mtu",
    "qdisc": "qdisc",
    "txqlen": "txqlen",
    "operstate": "operstate",
    "group": "group",
    "link_type": "type",
    "master": "master",
    "promiscuity": "promiscuity",
    "allmulti": "allmulti",
    "ifalias": "alias",
    "permaddr": "permanent_mac",
}
# Which member of a link row holds the details of a kind; all other kinds use "detail".
DETAILS = {
    "vxlan": "vxlan",
    "geneve": "geneve",
    "bridge": "bridge",
    "vlan": "vlan",
    "bond": "bond",
    "tun": "tun",
    "ipip": "tunnel",
    "sit": "tunnel",
    "gre": "tunnel",
    "gretap": "tunnel",
    "ip6tnl": "tunnel",
    "ip6gre": "tunnel",
    "ip6gretap": "tunnel",
    "erspan": "tunnel",
}
# These count down by themselves: they would make every snapshot differ from the last.
TIMERS = frozenset(
    (
        "hello_timer",
        "tcn_timer",
        "topology_change_timer",
        "gc_timer",
        "hold_timer",
        "message_age_timer",
        "forward_delay_timer",
    )
)
ADDRESS_MARKS = (
    "dynamic",
    "noprefixroute",
    "temporary",
    "deprecated",
    "dadfailed",
    "mngtmpaddr",
    "nodad",
    "home",
    "optimistic",
    "stable-privacy",
    "autojoin",
)
MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2})+\Z")


def parse_links(text: str) -> dict[str, Rows]:
    """Return the sections ``links``, ``counters``, ``timers`` and ``lifetimes`` of a snapshot.

    Names are kept as the kernel has them. MTUs are in bytes, life times in seconds.
    """
    found: dict[str, Rows] = {"links": {}, "counters": {}, "timers": {}, "lifetimes": {}}
    for given in rows_of(text, "ip address show"):
        name = given.get("ifname")
        if not isinstance(name, str):
            raise NotObservedError("ip address show printed a link without a name")
        row, timers = _link(given)
        row["addresses"] = {}
        for address in given.get("addr_info", ()):
            if address:  # filtered rows are printed as empty objects
                key, facts, moving = _address(address)
                row["addresses"][key] = facts
                if moving:
                    found["lifetimes"][f"{name} {key}"] = moving
        found["links"][name] = row
        if timers:
            found["timers"][name] = timers
        counters = _counters(given.get("stats64") or given.get("stats") or {})
        if counters:
            found["counters"][name] = counters
    return found


def _link(given: Row) -> tuple[Row, Row]:
    row = {ours: given[theirs] for theirs, ours in PLAIN.items() if given.get(theirs) is not None}
    flags = sorted(given.get("flags", ()))
    row["flags"] = flags
    if "UP" in flags:  # of a link that is down the kernel does not tell its carrier
        row["carrier"] = "LOWER_UP" in flags
    if MAC.match(str(given.get("address", ""))):
        row["mac"] = given["address"]
    if given.get("altnames"):
        row["altnames"] = sorted(given["altnames"])
    info = given.get("linkinfo") or {}
    kind = info.get("info_kind")
    if kind:
        row["kind"] = kind
    row.update(_other_end(given, "peer" if kind == "veth" else "lower"))
    details, timers = _details(info.get("info_data") or {})
    if kind and details:
        row[DETAILS.get(kind, "detail")] = details
        if details.get("link"):
            row["lower"] = details["link"]
    port, port_timers = _details(info.get("info_slave_data") or {})
    if port:
        slave = info.get("info_slave_kind")
        row["bridge_port" if slave == "bridge" else "port"] = port
    return row, {**timers, **port_timers}


def _other_end(given: Row, end: str) -> Row:
    """Name the link at the other end: of a veth its peer, of a VLAN the link that carries it."""
    found: Row = {}
    if given.get("link") is not None:
        found[end] = given["link"]
    if given.get("link_index"):
        found[f"{end}_ifindex"] = given["link_index"]
    if given.get("link_netnsid") is not None:
        found[f"{end}_netnsid"] = given["link_netnsid"]
    return found


def _details(given: Row) -> tuple[Row, Row]:
    details: Row = {}
    timers: Row = {}
    for key, value in given.items():
        if key in TIMERS:
            timers[key] = value
        elif key == "port_range" and isinstance(value, dict):
            details[key] = f"{value.get('low')}-{value.get('high')}"
        elif value is not None:
            details[key] = value
    return details, timers


def _address(given: Row) -> tuple[str, Row, Row]:
    """Return the key, the lasting facts and the moving facts of an address."""
    key = f"{given.get('local', '')}/{given.get('prefixlen', '')}"
    facts: Row = {"family": given.get("family"), "scope": given.get("scope")}
    if given.get("address") is not None:  # a point-to-point address; the prefix is the peer's
        key = f"{given.get('local', '')} peer {given['address']}/{given.get('prefixlen', '')}"
        facts["peer"] = given["address"]
    for name in ("label", "broadcast", "metric"):
        if given.get(name) is not None:
            facts[name] = given[name]
    for mark in ADDRESS_MARKS:
        if given.get(mark):
            facts[mark.replace("-", "_")] = True
    moving: Row = {}
    for theirs, ours in (("valid_life_time", "valid"), ("preferred_life_time", "preferred")):
        if given.get(theirs, FOREVER) != FOREVER:
            moving[ours] = given[theirs]
    if given.get("tentative"):
        moving["tentative"] = True
    return key, {name: value for name, value in facts.items() if value is not None}, moving


def _counters(stats: Row) -> Row:
    return {
        f"{way}_{name}": value
        for way in ("rx", "tx")
        for name, value in (stats.get(way) or {}).items()
    }
