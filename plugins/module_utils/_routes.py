# Copyright (c) 2026 The snapdiff developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the collection clusternet.snapdiff: it may change at any time.

"""Routes, rules, neighbours and forwarding entries, each under a key that lasts."""

from __future__ import annotations

import collections
import json
import typing as t

from ._source import rows_of, unique_key

if t.TYPE_CHECKING:
    Row = dict[str, t.Any]
    Rows = dict[str, Row]

ANYWHERE = {"inet": "default", "inet6": "::/0"}


def parse_routes(text4: str, text6: str) -> tuple[Rows, Rows]:
    """Return the routes of all tables, and what of them runs out by itself (seconds).

    ``ip route show table all`` without ``-4`` prints the IPv6 routes too, and saved output often
    has both: a row of *text4* that *text6* has as well is taken once.
    """
    six = rows_of(text6, "ip -6 route show")
    known = {_text(row) for row in six}
    given = [("inet", row) for row in rows_of(text4, "ip route show") if _text(row) not in known]
    given.extend(("inet6", row) for row in six)
    shared = collections.Counter(_route_key(family, row) for family, row in given)
    routes: Rows = {}
    moving: Rows = {}
    for family, row in sorted(given, key=lambda pair: (pair[0], _text(pair[1]))):
        key = _route_key(family, row)
        if shared[key] > 1 and row.get("gateway"):
            key = f"{key} via {row['gateway']}"
        key = unique_key(key, routes)
        facts = {name: value for name, value in row.items() if value is not None}
        facts["family"] = family
        facts["dst"] = _destination(family, row)
        facts["flags"] = sorted(row.get("flags") or ())
        expires = facts.pop("expires", None)
        if expires is not None:
            moving[key] = {"expires": expires}
        routes[key] = facts
    return routes, moving


def _text(row: Row) -> str:
    return json.dumps(row, sort_keys=True)


def _destination(family: str, row: Row) -> str:
    dst = str(row.get("dst", ""))
    return ANYWHERE[family] if dst == "default" else dst


def _route_key(family: str, row: Row) -> str:
    """Return ``TABLE [TYPE] DST [dev DEV] [tos N] [metric N]``: what the kernel tells routes apart by.

    The gateway is no part of it, so that a route with another gateway is a changed route.
    """
    parts = [str(row.get("table", "main"))]
    if row.get("type", "unicast") != "unicast":
        parts.append(str(row["type"]))
    parts.append(_destination(family, row))
    for name in ("dev", "tos", "metric"):
        if row.get(name):
            parts.extend((name, str(row[name])))
    return " ".join(parts)


def parse_rules(text4: str, text6: str) -> Rows:
    """Return the policy rules, under ``FAMILY PRIORITY from SRC``."""
    rules: Rows = {}
    for family, text in (("inet", text4), ("inet6", text6)):
        for row in sorted(rows_of(text, "ip rule show"), key=_text):
            source = str(row.get("src", "all"))
            if "srclen" in row:
                source = f"{source}/{row['srclen']}"
            key = unique_key(f"{family} {row.get('priority', 0)} from {source}", rules)
            rules[key] = {name: True if value is None else value for name, value in row.items()}
            rules[key]["family"] = family
    return rules


def parse_neighbours(text: str) -> tuple[Rows, Rows]:
    """Return the permanent neighbours, and the rest: those come, age and go by themselves.

    Permanent entries are configuration (flannel writes one a peer); keys are ``DEV ADDRESS``.
    """
    lasting: Rows = {}
    cached: Rows = {}
    for row in rows_of(text, "ip neighbour show"):
        states = row.get("state") or []
        rows = lasting if "PERMANENT" in states else cached
        key = unique_key(f"{row.get('dev', '')} {row.get('dst', '')}", rows)
        # a flag, as "router" or "extern_learn", is printed as null
        rows[key] = {name: True if value is None else value for name, value in row.items()}
    return lasting, cached


def parse_fdb(text: str) -> tuple[Rows, Rows]:
    """Return the permanent forwarding entries with a ``dst``, and those that a device learned.

    Entries without ``dst`` are the kernel's own book-keeping (multicast groups, own addresses,
    ports of a bridge) and no part of a snapshot. Keys are ``DEV MAC DST``.
    """
    lasting: Rows = {}
    learned: Rows = {}
    for row in rows_of(text, "bridge fdb show"):
        if "dst" not in row:
            continue
        rows = lasting if row.get("state") == "permanent" else learned
        key = f"{row.get('ifname', '')} {row.get('mac', '')} {row['dst']}"
        facts = {name: value for name, value in row.items() if value is not None}
        facts["dev"] = facts.pop("ifname", "")
        facts["flags"] = sorted(row.get("flags") or ())
        rows[unique_key(key, rows)] = facts
    return lasting, learned
