"""Routes and policy rules that lead packets for peers somewhere else: a VPN, nowhere."""

from __future__ import annotations

import typing as t
from bisect import bisect_left, bisect_right
from itertools import islice

from snapdiff.census import named
from snapdiff.model import Severity
from snapdiff.rules.detours import PODS, UNDERLAY
from snapdiff.rules.registry import Breach, CannotTell, Result, rule
from snapdiff.rules.ways import Span, span, span_of

if t.TYPE_CHECKING:
    from collections.abc import Iterator

    from snapdiff.rules.detours import Detour
    from snapdiff.rules.fleet_view import Fleet

HALF = 1  # 0.0.0.0/1 and 128.0.0.0/1 are how a VPN takes the default route
FEW = 16  # peers that a finding is about by name; of more it is about its own node
TABLES = 64  # of peers; in a healthy cluster they are one, and more would only repeat it
Target = tuple[int, int, Span, str]  # first and last address, the prefix, whose it is


@rule(
    "underlay-led-away",
    Severity.ERROR,
    entries=("N-76",),
    scope="fleet",
    remedy="ip route del {seen} on {node}, and keep the VPN from setting it again (as with "
    "tailscale set --accept-routes=false)",
)
def underlay_led_away(fleet: Fleet) -> Result:
    """Reach the underlay addresses of all peers by the link that the overlay is tunnelled over.

    Why: outer packets are routed by the main table, and by what policy rules ask before it, with no
    regard to the link that the overlay names. A longer prefix of a VPN takes all of them.

    Exempt: a link that is itself in that network; peers that the underlay has no route to anyway;
    rules for marked packets. Peers in networks beyond the underlay's own that a route was made for
    are an info, for nodes of several sites may be joined by a VPN; a route by another link that is
    no tunnel is a warning.
    Source: Linux drivers/net/vxlan/vxlan_core.c, vxlan_xmit_one(); tailscale/tailscale#1227.
    """
    yield from _led_away(fleet, UNDERLAY, "the underlay address of")


@rule(
    "pods-led-away",
    Severity.ERROR,
    entries=("N-65", "N-72"),
    scope="fleet",
    remedy="ip route del {seen} on {node}, and keep the VPN from setting it again (as with "
    "tailscale set --accept-routes=false)",
    explains=("pod-rules-elsewhere", "routes-overlap"),
)
def pods_led_away(fleet: Fleet) -> Result:
    """Reach the pods of all other nodes over the overlay, or directly by the underlay.

    Why: flannel writes routes to pods into main. A table that a policy rule asks before it, or a
    longer prefix in main, takes their packets past the overlay.

    Exempt: links of pods; what a network of a link itself takes, which prefix-overlap tells; rules
    for marked packets.
    Source: Linux net/ipv4/fib_rules.c; tailscale/tailscale#1227.
    """
    yield from _led_away(fleet, PODS, "pods of")


def _led_away(fleet: Fleet, what: str, whose: str) -> Result:
    blind = {
        one.blind["routes"]
        for one in fleet.members.values()
        if one.subnets and "routes" in one.blind
    }
    for why in sorted(blind):
        yield CannotTell("routes", why)
    for name, member in fleet.members.items():
        pods = {one.place for one in member.detours if one.what == PODS}
        for detour in member.detours:
            if detour.what != what:
                continue
            near, far = _hit(fleet, name, detour)
            hit = near or far
            if not hit:
                continue
            whom = named(hit) if len(hit) <= FEW else f"{len(hit)} peers"
            yield Breach(
                path=detour.place,
                message=f"{detour.words} leads to {whose} {whom}, past {detour.home}",
                seen=detour.words,
                nodes=(name,),
                about=frozenset(one for one in hit[:FEW] if one in fleet.members),
                severity=_severity(detour, bool(near)),
                explains=frozenset({"pods-led-away"})
                if what == UNDERLAY and detour.place in pods
                else frozenset({f"blackhole-subnet {detour.place}"} if detour.refuses else ()),
                remedy="ip route del {seen} on {node}, and see who set it"
                if detour.refuses
                else None,
                evidence=(f"{name}: {detour.rule} asks for that table",) if detour.rule else (),
            )


def _severity(detour: Detour, near: bool) -> Severity | None:
    if detour.deaf or (near and detour.tunnel):
        return None
    if detour.what == PODS or near:
        return Severity.WARNING if not detour.tunnel else None
    whole = detour.tunnel and detour.span.length <= HALF
    return Severity.WARNING if whole else Severity.INFO


def _hit(fleet: Fleet, name: str, detour: Detour) -> tuple[list[str], list[str]]:
    """Return whom a route leads away: peers in the underlay's own networks, then all others."""
    # a VPN that is on all nodes is the same route on each of them
    known: dict[Detour, tuple[list[str], list[str]]] = fleet.once("led-away", dict)
    if detour not in known:
        known[detour] = _led(fleet, detour)
    own = {name, *fleet.members[name].addresses}
    near, far = known[detour]
    return [one for one in near if one not in own], [one for one in far if one not in own]


def _led(fleet: Fleet, detour: Detour) -> tuple[list[str], list[str]]:
    targets, firsts = fleet.once(f"led-away/{detour.what}", lambda: _targets(fleet, detour.what))[
        detour.span.version
    ]
    low = bisect_left(firsts, detour.span.first)
    if low and targets[low - 1][1] >= detour.span.first:
        low -= 1  # a subnet that the route is only a part of
    near: dict[str, None] = {}
    far: dict[str, None] = {}
    for _first, _last, where, owner in targets[low : bisect_right(firsts, detour.span.last)]:
        if any(one.holds(where) for one in detour.better):
            continue
        if detour.what == UNDERLAY:
            if not any(one.holds(where) for one in detour.base):
                continue
            is_near = any(one.holds(where) for one in detour.near)
        else:
            is_near = True
        (near if is_near else far)[owner] = None
    return list(near), list(far)


def _targets(fleet: Fleet, what: str) -> dict[int, tuple[list[Target], list[int]]]:
    """Return where the peers of the fleet are, sorted, by IP family: nodes, and peers not seen."""
    found = {where: owner for where, owner in _not_seen(fleet, what) if where is not None}
    found.update((where, owner) for where, owner in _seen(fleet, what) if where is not None)
    sides: dict[int, tuple[list[Target], list[int]]] = {}
    for version in (4, 6):
        rows = sorted(
            (one.first, one.last, one, owner)
            for one, owner in found.items()
            if one.version == version
        )
        sides[version] = rows, [row[0] for row in rows]
    return sides


def _seen(fleet: Fleet, what: str) -> Iterator[tuple[Span | None, str]]:
    for name, member in fleet.members.items():
        if what == PODS:
            yield from ((span_of(one), name) for one in member.subnets)
            continue
        for family in (4, 6):
            address = member.traits.values.get(f"underlay/address/{family}")
            yield (span(str(address)) if address else None), name


def _not_seen(fleet: Fleet, what: str) -> Iterator[tuple[Span | None, str]]:
    digests = {one for member in fleet.members.values() for one in member.tables.values()}
    for digest in islice(sorted(digests), TABLES):
        for row in fleet.tables[digest].values():
            text = row[0] if what == PODS else row[2]
            yield (span(text) if text else None), str(text)
