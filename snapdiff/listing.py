"""Listings for people - ``ip addr`` and ``ifconfig`` - as the rows of ``ip -json address show``.

``ifconfig`` is read by jc, in this file alone; ``ip addr`` has no parser there. A listing tells
less than the JSON does: :data:`TELLS` has the fields of a link that each does tell, so that all
others are *not observed*, which is not the same as absent.
"""

from __future__ import annotations

import itertools
import json
import re
import typing as t

from snapdiff.errors import UnreadableError

if t.TYPE_CHECKING:
    from collections.abc import Callable

Row = dict[str, t.Any]

# Fields of a link in a snapshot. ifconfig prints one IPv4 address a label: a second one without
# a label of its own is invisible, so even addresses are only in part.
TELLS = {
    "ip -json address": None,  # all
    "ip address": frozenset(
        [
            "ifindex",
            "mtu",
            "qdisc",
            "operstate",
            "group",
            "txqlen",
            "flags",
            "carrier",
            "master",
            "type",
            "mac",
            "permanent_mac",
            "lower",
            "peer",
            "lower_ifindex",
            "peer_ifindex",
            "lower_netnsid",
            "peer_netnsid",
            "altnames",
            "alias",
            "addresses",
        ]
    ),
    "ifconfig": frozenset(["mtu", "txqlen", "flags", "mac"]),
}
_IP_HEAD = re.compile(r"(\d+): (\S+?)(?:@(\S+))?: <([^>]*)>(.*)\Z")
_IP_ADDRESS = re.compile(r"(inet6?) (\S+?)(?: peer (\S+?))?/(\d+)(?: (.*))?\Z")
_IFCONFIG_HEAD = re.compile(r"(\S+?):? +(?:flags=|Link encap:)")
_IFINDEX = re.compile(r"if(\d+)\Z")


def sort_of(text: str) -> str:
    """Tell which listing *text* is, a key of TELLS. Raises UnreadableError where it is none."""
    if text.lstrip().startswith("["):
        return "ip -json address"
    for line in text.splitlines():
        if _IP_HEAD.match(line):
            return "ip address"
        if _IFCONFIG_HEAD.match(line):
            return "ifconfig"
    raise UnreadableError(
        "it is no listing of links that we know. We read the output of "
        "'ip -j -d addr' (best), 'ip addr' and 'ifconfig -a'."
    )


def as_json(text: str, sort: str) -> str:
    """Return a listing as ``ip -json address show`` would have printed it, as far as it tells."""
    parsers: dict[str, Callable[[str], list[Row]]] = {"ip address": _ip, "ifconfig": _ifconfig}
    return json.dumps(parsers[sort](text)) if sort in parsers else text


def _ip(text: str) -> list[Row]:
    rows: list[Row] = []
    for number, line in enumerate(text.splitlines(), 1):
        head = _IP_HEAD.match(line)
        if head:
            rows.append(_ip_head(head))
        elif not line.strip():
            continue
        elif not rows or not line.startswith(" "):
            raise UnreadableError(f"line {number} is no line of 'ip addr': {line[:60]!r}")
        else:
            _ip_line(rows[-1], line.strip())
    return rows


def _ip_head(head: re.Match[str]) -> Row:
    row: Row = {
        "ifindex": int(head[1]),
        "ifname": head[2],
        "flags": [flag for flag in head[4].split(",") if flag],
        "addr_info": [],
    }
    other = _IFINDEX.match(head[3] or "")
    if other:
        row["link_index"] = int(other[1])
    elif head[3] and head[3] != "NONE":
        row["link"] = head[3]
    words = head[5].split()
    names = {"qlen": "txqlen", "state": "operstate", "mtu": "mtu", "qdisc": "qdisc"}
    names.update(group="group", master="master")
    for key, value in itertools.pairwise(words):
        if key in names:
            row[names[key]] = int(value) if key in ("mtu", "qlen") else value
    return row


def _ip_line(row: Row, line: str) -> None:
    words = line.split()
    address = _IP_ADDRESS.match(line)
    if address:
        row["addr_info"].append(_ip_address(address))
    elif words[0].startswith("link/"):
        row["link_type"] = words[0].removeprefix("link/")
        if len(words) > 1:
            row["address"] = words[1]
        if "permaddr" in words:
            row["permaddr"] = words[words.index("permaddr") + 1]
        if "link-netnsid" in words:
            row["link_netnsid"] = int(words[words.index("link-netnsid") + 1])
    elif words[0] == "altname":
        row.setdefault("altnames", []).append(words[1])
    elif words[0] == "alias":
        row["ifalias"] = line.removeprefix("alias ")
    elif words[0] == "valid_lft" and row["addr_info"]:
        for key, name in (
            ("valid_lft", "valid_life_time"),
            ("preferred_lft", "preferred_life_time"),
        ):
            value = words[words.index(key) + 1].removesuffix("sec") if key in words else "forever"
            if value.isdigit():
                row["addr_info"][-1][name] = int(value)


def _ip_address(found: re.Match[str]) -> Row:
    row: Row = {"family": found[1], "local": found[2], "prefixlen": int(found[4])}
    if found[3]:
        row["address"] = found[3]
    words = (found[5] or "").split()
    index = 0
    while index < len(words):
        word = words[index]
        if word in ("brd", "scope", "metric") and index + 1 < len(words):
            name = "broadcast" if word == "brd" else word
            value = words[index + 1]
            row[name] = int(value) if word == "metric" and value.isdigit() else value
            index += 1
        elif (
            index == len(words) - 1 and found[1] == "inet" and word not in ("dynamic", "deprecated")
        ):
            row["label"] = word
        else:
            row[word] = True
        index += 1
    return row


def _ifconfig(text: str) -> list[Row]:
    import jc
    import jc.exceptions

    try:
        given = t.cast("list[Row]", jc.parse("ifconfig", text, quiet=True))
    except (jc.exceptions.ParseError, ValueError, KeyError, IndexError, TypeError) as error:
        raise UnreadableError(f"it is no listing of ifconfig: {error}") from None
    heads = [head[1] for head in map(_IFCONFIG_HEAD.match, text.splitlines()) if head]
    if sorted(heads) != sorted(row["name"] for row in given):
        raise UnreadableError(
            f"it lists {len(heads)} links, of which {len(given)} could be read: not taken in part"
        )
    return [_ifconfig_link(row) for row in given]


def _ifconfig_link(given: Row) -> Row:
    flags = [flag for word in given["state"] or () for flag in word.replace(",", " ").split()]
    row: Row = {
        "ifname": given["name"],
        "flags": [flag for flag in flags if flag != "RUNNING"],
        "mtu": given["mtu"],
        "addr_info": [],
    }
    if given.get("mac_addr"):
        row["address"] = given["mac_addr"].lower()
    if given.get("txqueuelen") is not None:
        row["txqlen"] = given["txqueuelen"]
    for one in given.get("ipv4") or ():
        prefix = sum(bin(int(part)).count("1") for part in one["mask"].split("."))
        row["addr_info"].append({"family": "inet", "local": one["address"], "prefixlen": prefix})
        if one.get("broadcast") not in (None, "0.0.0.0"):
            row["addr_info"][-1]["broadcast"] = one["broadcast"]
    for one in given.get("ipv6") or ():
        scope = one.get("type") or str(one.get("scope", "")).lower()
        row["addr_info"].append(
            {"family": "inet6", "local": one["address"], "prefixlen": one["mask"], "scope": scope}
        )
    return row
