"""Where a node's wireguard peers are not what the peers are.

Tables are compared by digest first, so only nodes that differ cost anything; never N times N.
"""

from __future__ import annotations

import typing as t

from snapdiff.rules.api import name_in_api
from snapdiff.rules.deviations import Deviation
from snapdiff.rules.registry import CannotTell
from snapdiff.rules.view import network

if t.TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from snapdiff.rules.fleet_view import Fleet, Member, Table
    from snapdiff.rules.tunnels import Tunnel

    Found = Iterator[Deviation | CannotTell]

MEMBERS = ("public_key", "endpoint", "allowed_ips")  # of a row, as the snapshot calls them
WORDS = ("key", "endpoint", "allowed")  # as the matrix calls them
PUBLIC = ("public-ip", "public-ip-overwrite", "public-ipv6", "public-ipv6-overwrite")
NATTED = "no node seen has the address of an endpoint, and a public one is the API's word"


def deviations(fleet: Fleet) -> tuple[Deviation | CannotTell, ...]:
    """Return what is missing, stale or extra among the wireguard peers of all nodes.

    An address of a deviation is the place below ``links``. It is asked for once a fleet.
    """
    found: tuple[Deviation | CannotTell, ...] = fleet.once("tunnels", lambda: tuple(_found(fleet)))
    return found


def _found(fleet: Fleet) -> Found:
    holders = {one: name for name, member in fleet.members.items() for one in member.addresses}
    links = sorted({one.link for member in fleet.members.values() for one in member.tunnels})
    for link in links:
        owners = {
            one.address: (name, one)
            for name, member in fleet.members.items()
            for one in member.tunnels
            if one.link == link
        }
        told: dict[str, list[Deviation | CannotTell]] = {}
        for name, member in fleet.members.items():
            digest = member.keys.get(link)
            if digest is None:
                continue
            if digest not in told:
                table = fleet.tables[digest]
                told[digest] = [
                    *_against(table, owners, fleet, holders),
                    *_nobodys(table, link, owners, fleet, holders),
                ]
            for one in told[digest]:
                if isinstance(one, CannotTell):
                    yield one
                elif one.peer != name:
                    yield Deviation(name, *one[1:])


def _place(table: Table, address: str, tunnel: Tunnel) -> str | None:
    """Return under which name a table has a node: by its address, else by its key."""
    if address in table:
        return address
    return next((name for name, row in table.items() if row[0] == tunnel.row[0]), None)


def _against(
    table: Table,
    owners: Mapping[str, tuple[str, Tunnel]],
    fleet: Fleet,
    holders: Mapping[str, str],
) -> Found:
    for address, (peer, tunnel) in owners.items():
        if table.get(address) == tunnel.row:
            continue
        at = _place(table, address, tunnel)
        place = f"{tunnel.link}/wireguard/peers/{at or address}"
        if at is None:
            yield Deviation("", peer, place, "missing", "public_key", None, tunnel.row[0])
            continue
        for member, seen, right in zip(MEMBERS, table[at], tunnel.row, strict=True):
            if right is None or seen == right:
                continue
            if seen is None:
                yield Deviation("", peer, place, "missing", member, None, right)
            elif member != "endpoint":
                yield Deviation("", peer, place, "stale", member, seen or "none", right)
            else:
                yield from _endpoint(seen, right, peer, place, tunnel, fleet, holders)


def _endpoint(
    seen: str,
    right: str,
    peer: str,
    place: str,
    tunnel: Tunnel,
    fleet: Fleet,
    holders: Mapping[str, str],
) -> Found:
    """Yield an endpoint that is not the peer's; behind NAT it may be one that no node has."""
    host, _, port = seen.rpartition(":")
    host = host.strip("[]")
    member = fleet.members[peer]
    word = fleet.cluster.get(name_in_api(fleet, member) or "", {}).get("annotations", {})
    public = {str(word[one]) for one in PUBLIC if word.get(one)}
    right_port = port == str(tunnel.port)
    if right_port and host in member.addresses | public and not _is_inside(host, member):
        return
    if not public and right_port and host not in holders:
        yield CannotTell(f"links/{tunnel.link}/wireguard/peers/*/endpoint", NATTED)
        return
    yield Deviation("", peer, place, "stale", "endpoint", seen, right)


def _is_inside(host: str, member: Member) -> bool:
    """Say whether an address is among a node's pods: the way there is the tunnel itself.

    The kernel sends from such a one while that of an IPv6 underlay is still checked for a
    duplicate, and wireguard takes as endpoint where a packet came from.
    """
    place = network(host)
    return place is not None and any(
        place.network_address in one for one in member.subnets if one.version == place.version
    )


def _nobodys(
    table: Table,
    link: str,
    owners: Mapping[str, tuple[str, Tunnel]],
    fleet: Fleet,
    holders: Mapping[str, str],
) -> Found:
    """Yield peers that are no node's: by key, by address and by subnet."""
    keys = {tunnel.row[0] for _node, tunnel in owners.values()}
    leased = {str(one) for member in fleet.members.values() for one in member.subnets}
    for address, (key, endpoint, allowed) in table.items():
        subnets = set((allowed or "").split(", ")) - {""}
        if address in owners or key in keys or subnets & leased:
            continue
        peer = holders.get((endpoint or "").rpartition(":")[0].strip("[]"), "")
        place = f"{link}/wireguard/peers/{address}"
        if peer and _is_blind(fleet.members[peer]):
            yield CannotTell(f"links/{place}", f"{peer} did not tell its key, or its lease")
            continue
        yield Deviation("", peer, place, "extra", "allowed_ips", allowed or None, None)


def _is_blind(member: Member) -> bool:
    """Say whether nobody could look at a node's keys, or at its lease."""
    return bool(member.sealed) or any(one in member.blind for one in ("cni", "cni/subnet_env"))
