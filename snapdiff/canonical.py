"""What of a snapshot takes part in a comparison, and in which form.

Left out is what only repeats something else (the kernel's local routes repeat the addresses) or
moves without meaning (flags that follow carrier). Pod ports have random names: they are compared as
a population, never one by one.
"""

from __future__ import annotations

import ipaddress
import json
import re
import typing as t
from collections import Counter
from functools import lru_cache

from snapdiff import roles
from snapdiff.codec import Document
from snapdiff.rows import Rows

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from snapdiff.model import Snapshot

# LOWER_UP, NO-CARRIER and DORMANT follow carrier, which operstate tells; PROMISC and ALLMULTI come
# and go with whoever listens.
RESTLESS_FLAGS = frozenset({"LOWER_UP", "NO-CARRIER", "DORMANT", "PROMISC", "ALLMULTI"})
RESTLESS_ROUTE_FLAGS = frozenset({"linkdown", "dead"})
# Of a bridge without ports the kernel makes the MTU 1500 and the state DOWN, and takes both back
# with the first port. Source: net/bridge/br_if.c, br_mtu_min(); flannel-io/flannel#959.
OF_PORTS = ("mtu", "operstate", "carrier", "flags")
# Ids hold the bridge's MAC, the others follow spanning tree.
DETAILS_THAT_MOVE = frozenset(
    [
        "topology_change",
        "topology_change_detected",
        "topology_change_ack",
        "config_pending",
        "root_port",
        "root_path_cost",
        "bridge_id",
        "root_id",
        "designated_port",
        "designated_cost",
        "id",
        "no",
    ]
)
POPULATION_FIELDS = ("mtu", "master", "flags")  # what is told of pod ports


def same(section: str, before: Snapshot, after: Snapshot) -> bool:
    """Say whether a section is the same text in both files; False where that takes a look."""
    one, two = before.sections, after.sections
    if not (isinstance(one, Document) and isinstance(two, Document)):
        return False
    return one.text(section) == two.text(section)


def differing(before: Mapping[str, t.Any], after: Mapping[str, t.Any]) -> list[str]:
    """Return the keys whose rows are not the same on both sides, sorted; unparsed where it can."""
    if isinstance(before, Rows) and isinstance(after, Rows):
        one: Mapping[str, t.Any] = before.raw
        two: Mapping[str, t.Any] = after.raw
    else:
        # as text, since to Python True is 1 and 1 is 1.0, and a type change is a change
        one = {key: json.dumps(row, sort_keys=True) for key, row in before.items()}
        two = {key: json.dumps(row, sort_keys=True) for key, row in after.items()}
    return sorted(key for key in one.keys() | two.keys() if one.get(key) != two.get(key))


def link(row: Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return a link without what moves by itself.

    The link-local IPv6 address follows the MAC (a second one does not: somebody gave it), and a
    privacy address (RFC 8981) the clock.
    """
    found = dict(row)
    own = _own_link_local(row)
    found["addresses"] = {
        key: address
        for key, address in row["addresses"].items()
        if key != own and not address.get("temporary")
    }
    if "flags" in found:
        found["flags"] = sorted(set(found["flags"]) - RESTLESS_FLAGS)
    if "vxlan" in found:  # its link is lower
        found["vxlan"] = {name: one for name, one in found["vxlan"].items() if name != "link"}
    for detail in ("bridge", "bridge_port"):
        if detail in found:
            found[detail] = {
                name: value
                for name, value in found[detail].items()
                if name not in DETAILS_THAT_MOVE
            }
    return found


def _own_link_local(row: Mapping[str, t.Any]) -> str | None:
    """Return the link-local address that the kernel made, of the MAC where there are more."""
    given: list[str] = sorted(key for key in row["addresses"] if key.startswith("fe80:"))
    if len(given) > 1 and row.get("mac"):
        derived = link_local(row["mac"])
        return next((key for key in given if key.partition("/")[0] == derived), given[0])
    return given[0] if given else None


def link_local(mac: str) -> str:
    """Return the link-local address that follows from a MAC (modified EUI-64, RFC 4291)."""
    if not re.fullmatch(r"([0-9a-f]{2}:){5}[0-9a-f]{2}", mac):
        return ""  # a tun or wireguard link has none
    parts = [int(part, 16) for part in mac.split(":")]
    data = bytes([parts[0] ^ 2, *parts[1:3], 0xFF, 0xFE, *parts[3:]])
    return str(ipaddress.IPv6Address(b"\xfe\x80" + bytes(6) + data))


def route(row: Mapping[str, t.Any]) -> dict[str, t.Any] | None:
    """Return a route without what follows carrier; None for one that the kernel derives.

    Its local table repeats the addresses, its link-local and multicast routes the links.
    """
    derived = row.get("table") == "local" or row.get("dst") in ("fe80::/64", "ff00::/8")
    if derived and row.get("protocol") == "kernel":
        return None
    found = dict(row)
    found["flags"] = sorted(set(found.get("flags", ())) - RESTLESS_ROUTE_FLAGS)
    return found


def is_pod_port(name: str, links: Mapping[str, t.Any]) -> bool:
    """Say whether *name* is the host end of a pod's link, here."""
    if name not in links:
        return False
    row = links[name]
    return _is_pod_port(name, row.get("kind"), row.get("master"))


@lru_cache(maxsize=4096)  # a node is asked about each of its links several times over
def _is_pod_port(name: str, kind: str | None, master: str | None) -> bool:
    return roles.named_role(name, {"kind": kind, "master": master}) == roles.POD_PORT


def pod_ports(snapshot: Snapshot) -> dict[str, Mapping[str, t.Any]]:
    """Return the pod ports of a node by name."""
    links = snapshot["links"]
    return {
        name: row
        for name, row in links.items()
        if _is_pod_port(name, row.get("kind"), row.get("master"))
    }


def has_ports(bridge: str, snapshot: Snapshot) -> bool:
    """Say whether any link has *bridge* as its master."""
    links = snapshot["links"]
    if isinstance(links, Rows):
        mark = b'"master":"' + bridge.encode() + b'"'
        return any(mark in row for row in links.raw.values())
    return any(row.get("master") == bridge for row in links.values())


def populations(ports: Iterable[str]) -> Counter[str]:
    """Count pod ports by what they are called together, as ``veth*``."""
    return Counter(roles.population_of(name) for name in ports)


def histogram(ports: Mapping[str, Mapping[str, t.Any]], field: str) -> Counter[t.Any]:
    """Count the values of *field* over pod ports; None stands for absent."""
    return Counter(of_port(row, field) for row in ports.values())


def of_port(row: Mapping[str, t.Any], field: str) -> t.Any:
    """Return what counts of a field of a pod port: of its flags, whether it is set up."""
    value = row.get(field)
    if field == "flags" and value is not None:
        return "up" if "UP" in value else "down"
    return value


def rebooted(before: Snapshot, after: Snapshot) -> bool:
    """Say whether the node started anew in between, as far as both boots are known."""
    one, two = before["host"].get("boot_id"), after["host"].get("boot_id")
    return one is not None and two is not None and one != two
