"""What a change on one node made the others do: told below it, not beside it.

A node with another lease, VTEP MAC or underlay address makes every peer swap its entries for it:
that is one event, on the node that changed.
"""

from __future__ import annotations

import ipaddress
import typing as t
from collections import defaultdict
from dataclasses import replace

from snapdiff import roles
from snapdiff.effects import network
from snapdiff.join import as_peer
from snapdiff.model import Change, Kind, Severity

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from snapdiff.drift import Drift
    from snapdiff.model import Snapshot

PEER_TABLES = ("peers", "fdb", "neighbours")
KEY = ("wireguard", "public_key")  # other after a boot, which is no more than info


def has_spread(change: Change) -> bool:
    """Say whether a change is one that other nodes have to follow."""
    return any(True for _mark in _marks(change))


def self_of(snapshot: Snapshot) -> frozenset[str]:
    """Return what peers may rightly hold of a node now: its MACs, addresses and pod subnets."""
    found: set[str] = set()
    links = snapshot["links"]
    for name in {*roles.overlays(links), *roles.underlays(links, snapshot["routes"])}:
        link = links[name]
        found |= {key.partition("/")[0] for key in link["addresses"]} | {str(link.get("mac"))}
        tunnel = link.get("vxlan") or {}
        found |= {str(tunnel.get("local")), str(tunnel.get("local6"))}
        found.add(str((link.get("wireguard") or {}).get("public_key")))
    lease = snapshot["cni"].get("subnet_env") or {}
    for key in ("FLANNEL_SUBNET", "FLANNEL_IPV6_SUBNET"):
        found.add(str(network(lease.get(key))))
    return frozenset(found - {"None"})


def fold_spread(drifts: Iterable[Drift], selves: Mapping[str, frozenset[str]]) -> list[Drift]:
    """Return the drifts of all nodes with those that followed from another node's folded under it.

    *selves* has what nodes with such a change are now: a peer that took over something else did
    not follow, and is told for itself. So is one that lost an entry.
    """
    given = list(drifts)
    owners: dict[str, list[int]] = defaultdict(list)  # several where nodes exchanged a value
    for index, one in enumerate(given):
        if one.severity > Severity.INFO or one.change.path[2:] == KEY:
            for mark in (mark for change in one.changes for mark in _marks(change)):
                owners[mark].append(index)
    effects: dict[int, list[Change]] = defaultdict(list)
    kept: list[int] = []
    for index, one in enumerate(given):
        causes = (at for mark in _of_peer(one.change) for at in owners.get(mark, ()))
        cause = next((at for at in causes if _is_of(one, given[at].change, selves)), None)
        if cause is None:
            kept.append(index)
        else:
            effects[cause].extend(one.changes)
    return [
        replace(given[index], effects=(*given[index].effects, *effects[index]))
        if index in effects
        else given[index]
        for index in kept
    ]


def _is_of(one: Drift, cause: Change, selves: Mapping[str, frozenset[str]]) -> bool:
    """Say whether what a node holds of a peer follows from that change of the peer."""
    if _is_oneself(one.change, cause, selves):
        return True
    return cause.node != one.change.node and _follows(one, selves.get(cause.node, frozenset()))


def needs_self(change: Change) -> bool:
    """Say whether what a node is now decides about a change on it."""
    return has_spread(change) or _is_lost_tunnel(change)


def _is_lost_tunnel(change: Change) -> bool:
    whole = len(as_peer(change.path)) == 2 and change.path[2:4] == ("wireguard", "peers")
    return whole and change.kind is Kind.REMOVED


def _is_oneself(change: Change, cause: Change, selves: Mapping[str, frozenset[str]]) -> bool:
    """Say whether a WireGuard peer went since it got the node's own key: nobody is its own peer."""
    mine = selves.get(change.node, frozenset())
    return _is_lost_tunnel(change) and cause.path[2:] == KEY and str(cause.after) in mine


def _follows(one: Drift, now: frozenset[str]) -> bool:
    """Say whether an entry for a peer became what the peer is now, or went with what it was."""
    change, path = one.change, as_peer(one.change.path)
    if one.severity is Severity.INFO:
        return True
    if len(path) > 2:
        return path[-1] != "missing" and all(_is_now(value, now) for value in _values(change.after))
    if change.kind is Kind.REMOVED:
        return path[1] not in now
    names = ("mac", "underlay", "subnet", "lladdr", "dst", "public_key")
    return all(str(change.after[name]) in now for name in names if name in change.after)


def _values(value: t.Any) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else [str(value)]


def _is_now(value: str, now: frozenset[str]) -> bool:
    """Say whether a value is one of a node, or an endpoint on one of its addresses."""
    return value in now or _host(value) in now


def _host(endpoint: str) -> str:
    return endpoint.rpartition(":")[0].strip("[]")


def _marks(change: Change) -> Iterator[str]:
    """Yield what other nodes know this node by, before and after the change."""
    values = [one for one in (change.before, change.after) if isinstance(one, str)]
    path = change.path
    if path[:2] == ("cni", "subnet_env") and "SUBNET" in path[-1]:
        yield from (mark for mark in map(_network_address, values) if mark)
    elif path[0] == "links" and change.role == "overlay" and path[2:] in (("mac",), ("addresses",)):
        yield from (one.partition("/")[0] for one in values)
    elif path[0] == "links" and change.role == "overlay" and len(path) == 2:
        row = change.before or change.after  # a VTEP that is gone, or new
        yield from (str(one) for one in [row.get("mac")] if one)
        yield from (key.partition("/")[0] for key in row["addresses"] if "." in key or ":" in key)
    elif path[0] == "links" and path[2:] in (("vxlan", "local"), ("vxlan", "local6"), KEY):
        yield from values
    elif path[0] == "links" and change.role == "underlay" and path[2:] == ("addresses",):
        yield from (f"endpoint {one.partition('/')[0]}" for one in values)


def _network_address(subnet: str) -> str | None:
    try:
        return str(ipaddress.ip_interface(subnet).network.network_address)
    except ValueError:
        return None


def _of_peer(change: Change) -> Iterator[str]:
    """Yield what an entry for a peer knows that peer by."""
    path = as_peer(change.path)
    if path[0] not in PEER_TABLES or len(path) < 2:
        return
    if path[0] == "peers":
        yield path[1]
    for value in (change.before, change.after):
        if isinstance(value, str):
            yield f"endpoint {_host(value)}" if path[-1] == "endpoint" else value
        elif isinstance(value, dict):
            names = ("mac", "lladdr", "dst", "public_key")
            yield from (str(value[name]) for name in names if name in value)
