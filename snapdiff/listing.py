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

Row = dict[str, t.Any]

_IP = (
    "ifindex mtu qdisc operstate group txqlen flags carrier master type mac permanent_mac altnames "
    "addresses"
)
_BUSYBOX = "ifindex mtu qdisc txqlen flags carrier master mac addresses"
# Fields of a link in a snapshot. Without its kind nobody can say whether "eth0@if5" names a lower
# link or the other end of a veth. ifconfig prints one IPv4 address a label: a second one without
# a label of its own is invisible, so even addresses are only in part.
TELLS = {
    "ip -json address": None,  # all
    "ip address": frozenset(_IP.split()),
    "BusyBox ip address": frozenset(_BUSYBOX.split()),
    "ifconfig": frozenset(["mtu", "txqlen", "flags", "mac"]),
}
# BusyBox prints what is left of the flags as a number, right behind the last name that it knows.
_BUSYBOX_FLAGS = {0x4: "DEBUG", 0x20: "NOTRAILERS", 0x400: "MASTER", 0x800: "SLAVE"}
_GLUED = re.compile(r"([A-Z_-]+?)_?([0-9a-f]+)\Z")
_IP_HEAD = re.compile(r"(\d+): (\S+?)(?:@(\S+))?: <([^>]*)>(.*)\Z")
_IP_ADDRESS = re.compile(r"(inet6?) (\S+?)(?: peer (\S+?))?/(\d+)(?: (.*))?\Z")
_IFCONFIG_HEAD = re.compile(r"(\S+?):? +(?:flags=|Link encap:)")
# The beginning of a line such as "link/ether 02:00:00:00:00:01 brd ff:ff:ff:ff:ff:ff".
_LINK_CUT = re.compile(
    r"\Al(i(n(k(/\S*( \S*( (b(r(d( [0-9a-f:]{0,16})?)?)?)?)?)?)?)?)?)?\Z(?<!link/none)| perm|\Aal"
)
_IF_TXQLEN = re.compile(
    r"txqueuelen (\d+)  \(.*\)|MTU:\d+ +Metric:\d+(?:.*txqueuelen:(\d+)\s)?", re.S
)
_IF_INET = re.compile(
    r"inet (?:addr:)?(\S+)(?: +P-t-P:(\S+))?(?: +Bcast:(\S+))? +(?:Mask:|netmask )(\S+)"
    r"(?: +destination (\S+))?(?: +broadcast (\S+))?"
)
_IF_INET6 = re.compile(r"inet6 (?:addr: )?(\S+?)(?:/| +prefixlen )(\d+).*?(?:Scope:(\w+)|<(\w+)>)")
_IFINDEX = re.compile(r"if(\d+)\Z")


def sort_of(text: str) -> str:
    """Tell which listing *text* is, a key of TELLS. Raises UnreadableError where it is none."""
    if text.lstrip().startswith("["):
        return "ip -json address"
    for line in text.splitlines():
        head = _IP_HEAD.match(line)
        if head:
            return "ip address" if " group " in head[5] else "BusyBox ip address"
        if _IFCONFIG_HEAD.match(line):
            return "ifconfig"
    raise UnreadableError(
        "it is no listing of links that we know. We read the output of "
        "'ip -j -d addr' (best), 'ip addr' and 'ifconfig -a'."
    )


def as_json(text: str, sort: str) -> str:
    """Return a listing as ``ip -json address show`` would have printed it, as far as it tells.

    Raises UnreadableError where it breaks off: a link is taken whole, or the listing not at all.
    """
    if sort == "ip -json address":
        return _checked(text)
    return json.dumps(_ifconfig(text) if sort == "ifconfig" else _ip(text))


def _checked(text: str) -> str:
    try:
        rows = json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise UnreadableError(f"it is no whole JSON: {error}") from None
    if not all(isinstance(row, dict) and (not row or "ifname" in row) for row in rows):
        raise UnreadableError("it is JSON, but not the output of 'ip -j -d addr'")
    return text


def _no_number(word: str) -> t.NoReturn:
    raise ValueError(f"{word} is no number")


def _ip(text: str) -> list[Row]:
    rows: list[Row] = []
    for number, line in enumerate(text.splitlines(), 1):
        try:
            _ip_next(rows, line)
        except (IndexError, ValueError):
            raise UnreadableError(f"line {number} is no line of 'ip addr': {line[:60]!r}") from None
    if rows and not text.endswith("\n") and _LINK_CUT.search(line.strip()):
        rows[-1]["open"] = True
    for row in rows:
        if row.pop("open", True):
            raise UnreadableError(f"it breaks off in {row['ifname']}: not taken in part")
    return rows


def _ip_next(rows: list[Row], line: str) -> None:
    head = _IP_HEAD.match(line)
    if head:
        rows.append(_ip_head(head))
    elif line.strip() and not line.startswith(" "):
        raise ValueError(line)
    elif line.strip():
        _ip_line(rows[-1], line.strip())


def _ip_head(head: re.Match[str]) -> Row:
    row: Row = {
        "ifindex": int(head[1]),
        "ifname": head[2],
        "flags": [flag for word in head[4].split(",") for flag in _flags(word)],
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


def _flags(word: str) -> list[str]:
    glued = _GLUED.match(word)
    if glued is None:
        return [word] if word else []
    rest = int(glued[2], 16)
    return [glued[1], *(name for bit, name in _BUSYBOX_FLAGS.items() if rest & bit)]


def _ip_line(row: Row, line: str) -> None:
    words = line.split()
    address = _IP_ADDRESS.match(line)
    if address:
        row["addr_info"].append(_ip_address(address))
        row["open"] = True  # until the line with its life time
    elif words[0].startswith("inet"):
        raise UnreadableError(f"it breaks off in {row['ifname']}: {line[:60]!r}")
    elif words[0].startswith("link/"):
        row["open"] = False
        row["link_type"] = words[0].removeprefix("link/")
        if words[0] in ("link/ether", "link/loopback", "link/infiniband") and len(words) > 1:
            row["address"] = words[1]  # of a tunnel it would be an IP address
        if "permaddr" in words:
            row["permaddr"] = words[words.index("permaddr") + 1]
        if "link-netnsid" in words:
            row["link_netnsid"] = int(words[words.index("link-netnsid") + 1])
    elif words[0] == "altname":
        row.setdefault("altnames", []).append(words[1])
    elif words[0] == "alias":
        row["ifalias"] = line.removeprefix("alias ")
    elif words[0] == "valid_lft" and row["addr_info"]:
        row["open"] = len(words) < 4
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
    blocks = _blocks(text)
    if len(blocks) != len(given):
        raise UnreadableError(
            f"it lists {len(blocks)} links, of which {len(given)} could be read: not taken in part"
        )
    rows: dict[str, Row] = {}
    for one in given:
        name = one["name"]
        row = _ifconfig_link(one, blocks.get(name, ""))
        base = name.partition(":")[0]
        if base != name and base in rows:  # a label of an address, which the kernel calls no link
            rows[base]["addr_info"].extend({**info, "label": name} for info in row["addr_info"])
        else:
            rows[name] = row
    return list(rows.values())


def _blocks(text: str) -> dict[str, str]:
    """Return the text of each link by its name."""
    blocks: dict[str, str] = {}
    name = ""
    for line in text.splitlines(keepends=True):
        head = _IFCONFIG_HEAD.match(line)
        if head:
            name = head[1]
            if name in blocks:
                raise UnreadableError(f"it lists {name} twice")
        elif line.strip() and not (name and line[0] in " \t"):
            raise UnreadableError(f"a line of it is of no link: {line.strip()[:60]!r}")
        blocks[name] = blocks.get(name, "") + line
    blocks.pop("", None)
    return blocks


def _ifconfig_link(given: Row, text: str) -> Row:
    whole = _IF_TXQLEN.search(text)
    if whole is None or (not any(whole.groups()) and ":" not in given["name"]):
        raise UnreadableError(f"it breaks off in {given['name']}: not taken in part")
    flags = [flag for word in given["state"] or () for flag in word.replace(",", " ").split()]
    row: Row = {
        "ifname": given["name"],
        "flags": [flag for flag in flags if flag != "RUNNING"],
        "mtu": given["mtu"],
        "addr_info": [_inet(*one.groups()) for one in _IF_INET.finditer(text)],
    }
    if "LOOPBACK" in flags:  # it always has this one, and ifconfig does not print it
        row["address"] = "00:00:00:00:00:00"
    elif given.get("mac_addr"):
        row["address"] = given["mac_addr"].lower()
    txqlen = int(whole[1] or whole[2] or 0)
    if txqlen:  # ip does not print it where it is 0
        row["txqlen"] = txqlen
    for one in _IF_INET6.finditer(text):
        scope = (one[3] or one[4]).lower()
        row["addr_info"].append(
            {"family": "inet6", "local": one[1], "prefixlen": int(one[2]), "scope": scope}
        )
    return row


def _inet(
    local: str,
    far: str | None,
    old_broadcast: str | None,
    mask: str,
    there: str | None,
    new: str | None,
) -> Row:
    prefix = sum(bin(int(part)).count("1") for part in mask.split("."))
    row: Row = {"family": "inet", "local": local, "prefixlen": prefix}
    if (far or there) not in (None, local):
        row["address"] = far or there
    if (old_broadcast or new) not in (None, "0.0.0.0"):
        row["broadcast"] = old_broadcast or new
    return row
