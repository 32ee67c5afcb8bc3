"""Routes of a node that lead past its underlay or its overlays, as far as one node can tell.

Whether they lead to a peer is for a rule between nodes to say: it knows where the peers are. So
what is kept of a node is its few odd routes, never a table with all peers.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from snapdiff import roles
from snapdiff.rules import flannel
from snapdiff.rules.lookup import Flow, Step, devices, meet, refuses, steps, table_of
from snapdiff.rules.registry import CannotTell
from snapdiff.rules.ways import Span, span, spans

if t.TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from snapdiff.rules.view import NodeView

    Row = Mapping[str, t.Any]
    Rows = list[tuple[str, Row, Span]]

UNDERLAY, PODS = "underlay", "pods"
TUNNELS = frozenset(
    ("tun", "wireguard", "ipip", "sit", "gre", "ip6tnl", "ip6gre", "vti", "vti6", "xfrm", "ppp")
)
INNER = frozenset({roles.POD_BRIDGE, roles.POD_PORT, roles.PLUMBING, roles.DUMMY, roles.LOOPBACK})
FAMILIES = {4: "inet", 6: "inet6"}
ANYWHERE = ("default", "::/0")
ALL = {4: Span(4, 0, (1 << 32) - 1, 0), 6: Span(6, 0, (1 << 128) - 1, 0)}
MAIN = Step(key="", table="main", action=None, target=None, suppress=-1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Detour:
    """A route that takes packets where they should not go, if a peer is there."""

    what: str  # whose packets: to the underlay addresses of peers, or to their pods
    span: Span
    place: str
    words: str
    rule: str  # the policy rule that names its table, "" for main
    home: str  # the link that they should leave by
    deaf: bool  # no peer answers there: it refuses, or is the bridge of a container engine
    refuses: bool  # it is no way at all
    tunnel: bool
    better: tuple[Span, ...]  # what inside it goes the right way all the same
    base: tuple[Span, ...]  # where the right links lead
    near: tuple[Span, ...]  # the networks that the right links are in


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """Whose packets are looked up, and by which links they should leave."""

    what: str
    version: int
    flow: Flow
    home: frozenset[str]
    name: str
    near: tuple[Span, ...] = ()
    pods: tuple[Span, ...] = ()
    over: int = -1  # of main only what is longer than this counts


def detours_of(view: NodeView) -> tuple[Detour, ...]:
    """Return the odd routes of a node. Raises nothing: what is not told is left out."""
    found: list[Detour] = []
    for ask in (_underlay, _pods):
        try:
            for asked in ask(view):
                found.extend(_past(view, asked))
        except CannotTell:
            continue
    return tuple(found)


def _underlay(view: NodeView) -> Iterator[_Asked]:
    """Ask for the way of outer packets, which should leave by what overlays are tunnelled over."""
    pods = tuple(spans(view.networks())) if view.snapshot["cni"].get("subnet_env") else ()
    for version, names in _homes(view).items():
        home = _with_masters(view, names)
        if any(view.links[name].get("kind") == "vrf" for name in home):
            continue  # it has a table of its own
        own = [
            one for name in sorted(home) for one in view.addresses(name) if one.version == version
        ]
        yield _Asked(
            what=UNDERLAY,
            version=version,
            flow=Flow(
                family=FAMILIES[version],
                sources=tuple(one for ip in own if (one := span(str(ip.ip))) is not None),
                links=frozenset({"lo"}),
            ),
            home=home,
            name=min(names),
            near=tuple(spans(one.network for one in own)),
            pods=pods,
        )


def _pods(view: NodeView) -> Iterator[_Asked]:
    """Ask for the way to pods of other nodes: over an overlay, or directly."""
    networks, own = tuple(spans(view.networks())), tuple(spans(view.subnets()))
    overlays = {one.name for one in view.overlays}
    below = {name for names in _homes(view).values() for name in names}
    home = frozenset(overlays | _with_masters(view, below))
    wide = any(flannel.kind_of(one) in ("wireguard", "tun") for one in flannel.in_use(view))
    for version in sorted({one.version for one in own}) if networks and home else ():
        yield _Asked(
            what=PODS,
            version=version,
            flow=Flow(
                family=FAMILIES[version], sources=own, links=frozenset({"lo", *view.bridges})
            ),
            home=home,
            name=min(overlays or home),
            pods=networks,
            over=max(one.length for one in (networks if wide else own) if one.version == version),
        )


def _homes(view: NodeView) -> dict[int, set[str]]:
    """Return the links that carry the overlays, or direct routes, by IP family.

    Of another CNI only an overlay counts that names its own.
    """
    found: dict[int, set[str]] = {}
    for overlay in flannel.in_use(view) or view.overlays:
        if overlay.owner == "flannel" or overlay.link.get("lower") in view.links:
            found.setdefault(overlay.family, set()).update(flannel.carriers(view, overlay))
    if not view.overlays and view.subnets():
        names = set(roles.underlays(view.links, view.section("routes")))
        found = {one.version: set(names) for one in view.subnets()}
    for version, names in found.items():
        # the default route of a VPN makes it no underlay beside another
        found[version] = {one for one in names if not _is_tunnel(view, one)} or names
    return {version: names for version, names in found.items() if names}


def _with_masters(view: NodeView, names: set[str]) -> frozenset[str]:
    masters = {view.links[one].get("master") for one in names}
    return frozenset(names | {str(one) for one in masters if one in view.links})


def _is_tunnel(view: NodeView, name: str) -> bool:
    link = view.links.get(name, {})
    return link.get("kind") in TUNNELS or link.get("type") in ("none", "ppp")


def _past(view: NodeView, asked: _Asked) -> Iterator[Detour]:
    """Yield what leads elsewhere in the tables that the kernel asks, until main has been asked."""
    family = FAMILIES[asked.version]
    strange = {
        key
        for key, row in view.section("routes").items()
        if row.get("dev") not in asked.home  # most of them are: this comes first
        and row.get("family", "inet") == family
        and _is_odd(view, row, asked)
    }
    if not strange:
        return
    tables = _tables(view, asked, strange)
    earlier: list[Span] = []  # what goes the right way before a table is asked
    for step in _steps(view, asked.flow):
        within = step.target or ALL[asked.version]
        straight = [one for one in tables.get(step.table, ()) if one[2].length > step.suppress]
        odd = [one for one in straight if one[0] in strange]
        straight = [
            one
            for one in straight
            if devices(one[1]) & asked.home
            or (one[1].get("type") == "throw" and one[0] not in strange)
        ]
        for key, row, where in odd:
            if step.table == "main" and where.length <= asked.over:
                continue
            if not meet(where, within):
                continue
            yield _detour(view, asked, (key, row, where), step, straight, earlier, tables)
        if _is_last(step, asked):
            return
        if step.table != "main" or asked.what == UNDERLAY:
            earlier += [_narrow(one[2], within) for one in straight if meet(one[2], within)]


def _is_last(step: Step, asked: _Asked) -> bool:
    """Say whether nothing is left to ask: main has it, pods' even without its default route."""
    if step.table != "main" or (step.suppress >= 0 and asked.what != PODS):
        return False
    return step.target is None or (
        asked.what == PODS and all(step.target.holds(one) for one in asked.pods)
    )


def _detour(
    view: NodeView,
    asked: _Asked,
    row_at: tuple[str, Row, Span],
    step: Step,
    straight: Rows,
    earlier: list[Span],
    tables: Mapping[str, Rows],
) -> Detour:
    key, row, where = row_at
    span_here = _narrow(where, step.target or where)
    first = int(row.get("metric", 0))
    better = [
        one
        for _key, other, one in straight
        if meet(one, where)
        and (
            one.length > where.length
            or (one.length == where.length and int(other.get("metric", 0)) <= first)
        )
    ]
    base = (one for _key, other, one in tables.get("main", ()) if devices(other) & asked.home)
    via = f" via {row['gateway']}" if row.get("gateway") else ""
    dev = f" dev {row['dev']}" if row.get("dev") else ""
    refused = refuses(row)
    return Detour(
        what=asked.what,
        span=span_here,
        place=f"routes/{key}",
        words=f"{row['type'] + ' ' if refused else ''}{row['dst']}{via}{dev}"
        + (f" table {step.table}" if step.table != "main" else ""),
        rule=step.key if step.table != "main" else "",
        home=asked.name,
        deaf=refused or _is_engines(view, row),
        refuses=refused,
        tunnel=any(_is_tunnel(view, name) for name in devices(row)),
        better=(*better, *(one for one in earlier if meet(one, span_here))),
        base=tuple(base) if asked.what == UNDERLAY else (),
        near=asked.near,
    )


def _narrow(one: Span, other: Span) -> Span:
    return one if one.length >= other.length else other


def _steps(view: NodeView, flow: Flow) -> Iterator[Step]:
    try:
        found = [one for one in steps(view, flow) if not one.action and one.table != "local"]
    except CannotTell:  # other rules say that nobody looked at policy rules
        found = []
    return iter(found or [MAIN])


def _tables(view: NodeView, asked: _Asked, strange: set[str]) -> dict[str, Rows]:
    """Return the routes by table; to where the underlay is, those to pods say nothing."""
    found: dict[str, Rows] = {}
    family = FAMILIES[asked.version]
    for key, row in view.section("routes").items():
        if row.get("family", "inet") != family or "dead" in row.get("flags", ()):
            continue
        where = _where(row, asked.version)
        inside = asked.what == UNDERLAY and key not in strange
        if where is None or (inside and any(pod.holds(where) for pod in asked.pods)):
            continue
        found.setdefault(table_of(row), []).append((key, row, where))
    return found


def _where(row: Row, version: int) -> Span | None:
    return ALL[version] if row.get("dst") in ANYWHERE else span(str(row.get("dst")))


def _is_odd(view: NodeView, row: Row, asked: _Asked) -> bool:
    """Say whether a route leads away from the right links, or refuses.

    A link that is in a network of its own reaches what is there, be it the right one or not.
    """
    if table_of(row) == "local":
        return False
    if asked.what == PODS:
        where = _where(row, asked.version)
        if where is None or not any(meet(where, one) for one in asked.pods):
            return False
    kind = row.get("type", "unicast")
    names = devices(row)
    if refuses(row):
        return row.get("dst") not in ANYWHERE
    if kind != "unicast" or not names or names & asked.home:
        return False
    known = [name for name in names if name in view.links]
    found = {roles.named_role(name, view.links[name]) for name in known}
    if not known or found & INNER or roles.OVERLAY in found:
        return False
    tunnel = any(_is_tunnel(view, name) for name in known)
    if tunnel:
        return True
    if row.get("dst") in ANYWHERE:
        return asked.what == PODS and table_of(row) != "main"
    own = row.get("protocol") == "kernel" and not row.get("gateway")
    if asked.what == PODS:
        return not own  # prefix-overlap tells of those
    return bool(row.get("gateway") or row.get("nexthops")) or _is_engines(view, row)


def _is_engines(view: NodeView, row: Row) -> bool:
    return any(
        roles.named_role(name, view.links[name]) == roles.OTHER_BRIDGE
        for name in devices(row)
        if name in view.links
    )
