"""The routes of a node to pods, be they rows of their own or told by a peer's row.

A peer's row stands for the route that flannel writes, if it is just so; any other is among the
routes.
"""

from __future__ import annotations

import ipaddress
import typing as t
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from snapdiff.rules.registry import CannotTell

if t.TYPE_CHECKING:
    from snapdiff.rules.view import Network, NodeView

Row = Mapping[str, t.Any]


@dataclass(frozen=True, slots=True)
class Span:
    """A prefix as numbers: nodes have thousands of them, and the same ones."""

    version: int
    first: int
    last: int
    length: int

    def holds(self, other: Span) -> bool:
        """Say whether all of *other* lies in it."""
        return (
            self.version == other.version and self.first <= other.first <= other.last <= self.last
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """A unicast route of the main table to some prefix; the default route is none."""

    dst: str
    span: Span
    dev: str
    gateway: str | None
    place: str
    row: Row | None  # None: it is just as flannel writes it

    @property
    def metric(self) -> int:
        """Return what decides between routes to one prefix: the kernel takes the least."""
        if self.row is None:
            return 1024 if self.span.version == 6 else 0
        return int(self.row.get("metric") or 0)

    @property
    def words(self) -> str:
        """Return it as ``ip route`` prints it."""
        return f"{self.dst}{f' via {self.gateway}' if self.gateway else ''} dev {self.dev}"


@lru_cache(maxsize=1 << 16)
def span(text: str) -> Span | None:
    """Return a prefix or an address as numbers; None for what is neither, as ``default``."""
    try:
        found = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None
    return span_of(found)


def span_of(one: Network) -> Span:
    """Return a network as numbers."""
    return Span(one.version, int(one.network_address), int(one.broadcast_address), one.prefixlen)


@lru_cache(maxsize=2)
def ways(view: NodeView) -> tuple[Way, ...]:
    """Return the routes of the main table, those that peers stand for with them.

    Raises CannotTell where routes were not observed.
    """
    found = []
    shown = set()
    for key, row in view.section("routes").items():
        where = span(str(row.get("dst", "")))
        if row.get("table", "main") != "main" or row.get("type", "unicast") != "unicast":
            continue
        if where is None or where.length == 0 or _is_of_kernel(row, where):
            continue
        dev, gateway = str(row.get("dev", "")), row.get("gateway")
        shown.add((row["dst"], gateway, dev))
        found.append(
            Way(
                dst=row["dst"],
                span=where,
                dev=dev,
                gateway=gateway,
                place=f"routes/{key}",
                row=row,
            )
        )
    for key, row in view.snapshot["peers"].items():
        dst, dev = row.get("subnet"), row["dev"]
        where = span(dst) if dst else None
        if where is not None and (dst, key, dev) not in shown:
            place = f"peers/{key}/subnet"
            found.append(Way(dst=dst, span=where, dev=dev, gateway=key, place=place, row=None))
    return tuple(found)


def _is_of_kernel(row: Row, where: Span) -> bool:
    """Say whether a route is IPv6's own: to fe80::/64, to ff00::/8, and to an address of the link.

    The last is in the main table too, as to fd00:10:244:1:: over flannel-v6.1; IPv4 has none there.
    """
    if where.version != 6:
        return False
    own = where.length == 128 and row.get("protocol") == "kernel" and not row.get("gateway")
    return own or where.first >> 118 == 0x3FA or where.first >> 120 == 0xFF


def over_links(view: NodeView) -> set[str]:
    """Name the links that routes to pods of other nodes lead over; none where nobody can tell."""
    try:
        inside = spans(view.networks())
        return {way.dev for way in ways(view) if any(one.holds(way.span) for one in inside)}
    except CannotTell:
        return set()


def spans(networks: t.Iterable[Network]) -> list[Span]:
    """Return networks as numbers."""
    return [span_of(one) for one in networks]


@dataclass(frozen=True, slots=True, kw_only=True)
class OddWays:
    """Routes over one overlay of flannel's that its own node's lease does not account for."""

    dev: str
    length: int | None  # of the node's own subnet, where they are of another; None: outside of all
    subnets: tuple[str, ...]
    places: tuple[str, ...]
    unseen: tuple[str, str] | None = None  # nobody could look: at what, and why


def odd_ways(view: NodeView) -> tuple[OddWays, ...]:
    """Return the routes over flannel's overlays out of the pod network, or of another size.

    wireguard and udp have one route, to the network itself, and no subnets.
    """
    try:
        inside = spans(view.networks())
        lengths: dict[int, int] = {one.version: one.prefixlen for one in view.subnets()}
        found = over(view, "vxlan", "ipip") if inside else []
    except CannotTell as reason:
        return (
            OddWays(dev="", length=None, subnets=(), places=(), unseen=(reason.path, reason.why)),
        )
    odd: dict[tuple[str, int | None], list[Way]] = {}
    for way in found:
        length = lengths.get(way.span.version)
        if not any(one.holds(way.span) for one in inside):
            odd.setdefault((way.dev, None), []).append(way)
        elif length is not None and way.span.length != length:
            odd.setdefault((way.dev, length), []).append(way)
    return tuple(
        OddWays(
            dev=dev,
            length=length,
            subnets=tuple(one.dst for one in some),
            places=tuple(one.place for one in some),
        )
        for (dev, length), some in odd.items()
    )


def over(view: NodeView, *kinds: str) -> list[Way]:
    """Return the routes over flannel's overlays of these kinds."""
    names = {one.name for one in view.flannel if one.kind in kinds}
    return [one for one in ways(view) if one.dev in names] if names else []
