"""The MTU of each hop of a node against what was expected there, and nodes alike as one.

Expectations are those of the rules, from the node's own underlay, net-conf and lease. Nodes are
taken one at a time and only what they have in common is kept, so memory does not follow the fleet.
"""

from __future__ import annotations

import typing as t
from collections import defaultdict
from dataclasses import replace

from snapdiff import roles
from snapdiff.chain import chain
from snapdiff.model import Chain, Hop, Severity
from snapdiff.rules import flannel
from snapdiff.rules.overheads import fit, overhead, wanted_of
from snapdiff.rules.pod_mtu import EMPTY_BRIDGE, limits_of, mtu_of_new_pods
from snapdiff.rules.registry import CannotTell
from snapdiff.story import MtuCell, MtuRow

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from snapdiff.chain import Link
    from snapdiff.model import Finding
    from snapdiff.rules.view import NodeView, Overlay

ANY = "*"  # the link of a cell that stands for all links that nobody looked at
CHAIN = (roles.UNDERLAY, roles.OVERLAY, roles.POD_BRIDGE, roles.POD_PORT)
MOST_CHAINS = 200  # of a report; those with something wrong come first
LEASE = ("cni", "subnet_env")
OF_LEASE = ""  # no link is called so
Expected = tuple[int | None, bool | None]  # what a hop should have, and whether what it has fits


def cells_of(view: NodeView) -> tuple[MtuCell, ...]:
    """Return a node's hops, each against what was expected; a cell ANY where some may be unseen."""
    return tuple(_cells(view))


def _cells(view: NodeView) -> Iterator[MtuCell]:
    found = chain(view.snapshot)
    for link in found:
        expected, fits = _judged(view, link)
        seen = _mtu(link)
        if None in link.mtus:
            fits = None
        yield MtuCell(link=link.name, role=link.role, mtu=seen, expected=expected, fits=fits)
    if _is_blind(view, {link.role for link in found}):
        yield MtuCell(link=ANY, role=roles.OTHER, mtu=None, expected=None, fits=None)


def _is_blind(view: NodeView, seen: set[str]) -> bool:
    """Say whether the node may have hops that nobody looked at; routes tell the underlay."""
    for pattern in view.blind:
        head, _slash, rest = pattern.partition("/")
        if head == "links" and "/" not in rest:
            return True
        if pattern == "routes" and roles.UNDERLAY not in seen:
            return True
    return False


def _mtu(link: Link) -> t.Any:
    sizes = sorted(link.mtus, key=str)
    return sizes[0] if len(sizes) == 1 else tuple(sizes)


def _judged(view: NodeView, link: Link) -> Expected:
    judge = {
        roles.OVERLAY: _overlay,
        roles.POD_BRIDGE: _bridge,
        roles.POD_PORT: _ports,
    }.get(link.role)
    if judge is None:
        return None, None  # the first hop: there is none before it
    try:
        return judge(view, link)
    except (CannotTell, TypeError, ValueError, KeyError, AttributeError):
        return None, None  # check says which rule cannot tell, and why


def _overlay(view: NodeView, link: Link) -> Expected:
    one = _overlay_of(view, link.name)
    left_behind = one is not None and one.owner == "flannel" and one not in flannel.in_use(view)
    if one is None or left_behind or one.details.get("external"):
        return None, None
    found = fit(view, one)
    if found is None:
        return None, None
    limit = found.under - found.cost.least
    if found.mtu > limit:
        return limit, False
    wanted = wanted_of(view, found)
    told = one.owner == "flannel" and flannel.kind_of(one) != "ipip"  # others may be lower, at will
    return (wanted if told or found.mtu == wanted else None), True


def _overlay_of(view: NodeView, name: str) -> Overlay | None:
    return next((one for one in view.overlays if one.name == name), None)


def _bridge(view: NodeView, link: Link) -> Expected:
    mtu = _mtu(link)
    if link.name != flannel.pod_bridge(view) or mtu is None:
        return None, None
    ports = flannel.ports_of(view, link.name)
    sizes = [view.get("links", name, "mtu") for name in ports]
    known = [one for one in sizes if one is not None]
    if not ports:  # nothing passes it
        return (mtu if mtu in (EMPTY_BRIDGE, _given(view)) else None), True
    limit = _limit(view)
    if limit is not None and mtu > limit:
        return limit, False
    return min(known, default=None), (None if limit is None else True)


def _ports(view: NodeView, link: Link) -> Expected:
    limit = _limit(view)
    most = max((one for one in link.mtus if one is not None), default=None)
    bridge = flannel.bridge_of(view)
    own = flannel.pod_ports_of(view, bridge) if bridge else {}
    if link.name == "veth*" and len(own) != sum(link.mtus.values()):
        return None, None  # some are of another bridge, for networks of their own
    given = _given(view) if own and flannel.is_there(view) else None
    if limit is None or most is None:
        return given, None
    return (given, True) if most <= limit else (min(limit, given or limit), False)


def _given(view: NodeView) -> int | None:
    """Return the MTU of new pods, None where nobody can say: what is there may fit all the same."""
    try:
        return mtu_of_new_pods(view)[0]
    except CannotTell:
        return None


def _limit(view: NodeView) -> int | None:
    """Return what pods' packets may have on the way to other nodes, None where nobody can say."""
    found = limits_of(view)
    if found:
        return min(found)
    if view.overlays or not flannel.is_there(view):
        return None
    below = roles.underlays(view.links, view.section("routes"))
    sizes = [view.get("links", name, "mtu") for name in below]
    return sizes[0] if len(sizes) == 1 else None


def wrong(cell: MtuCell) -> str:
    """Return in a few words what is wrong with a hop's MTU, nothing where nothing is known to be.

    An overlay that is smaller than it might be loses no packet, and is not wrong.
    """
    if cell.fits is False:
        return f"over the {cell.expected} that the hop before it leaves"
    if cell.expected is None or cell.mtu == cell.expected:
        return ""
    if cell.role == roles.POD_PORT:
        return f"new pods get {cell.expected}"
    if cell.role == roles.POD_BRIDGE:
        return f"the least of its ports has {cell.expected}"
    return ""


def taken(view: NodeView, link: Link) -> int | None:
    """Return the bytes that a hop takes of the hop before it, None where that is not known."""
    if link.role != roles.OVERLAY:
        return 0
    one = _overlay_of(view, link.name)
    cost = overhead(one) if one is not None and not one.details.get("external") else None
    return cost.asked if cost else None


class Maps:
    """The hops of a fleet, grouped while its nodes are read."""

    def __init__(self) -> None:
        self._cells: dict[tuple[MtuCell, ...], list[str]] = defaultdict(list)
        self._hops: dict[tuple[Hop, ...], dict[str, tuple[int, ...]]] = defaultdict(dict)

    def add(self, view: NodeView) -> None:
        """Take the hops of a node, and let the node go."""
        self._cells[cells_of(view)].append(view.node)
        links = chain(view.snapshot)
        hops = tuple(_hop(view, link) for link in links)
        counts = tuple(
            number
            for link in links
            if link.role == roles.POD_PORT
            for _mtu, number in sorted(link.mtus.items(), key=str)
        )
        self._hops[hops][view.node] = counts

    def mtus(self) -> tuple[MtuRow, ...]:
        """Return nodes with the same MTUs as one row: what is wrong first, then the rarest."""
        rows = [MtuRow(nodes=tuple(names), cells=cells) for cells, names in self._cells.items()]
        return tuple(sorted(rows, key=_oddity))

    def chains(
        self, findings: Iterable[Finding], addresses: Callable[[str], dict[str, tuple[str, ...]]]
    ) -> tuple[Chain, ...]:
        """Return the chains of a capture, those that a finding is about first.

        No hop has a *before*, for there is one moment only; pods are counted over all nodes of a
        chain. *addresses* gives those of a node's links, and is asked where a chain is of one node.
        """
        broken = _broken(findings)
        groups: dict[tuple[Hop, ...], list[tuple[str, tuple[int, ...]]]] = defaultdict(list)
        for hops, nodes in self._hops.items():
            for node, counts in nodes.items():
                words = broken.get(node, {})
                told = tuple(replace(hop, broken=_words(hop, words)) for hop in hops)
                groups[told].append((node, counts))
        ordered = sorted(
            groups.items(),
            key=lambda one: (not any(hop.broken for hop in one[0]), -len(one[1]), one[1][0]),
        )
        return tuple(_chain(hops, nodes, addresses) for hops, nodes in ordered[:MOST_CHAINS])


def _hop(view: NodeView, link: Link) -> Hop:
    """Return a hop without what differs from node to node: of ports, how many there are."""
    sizes = sorted(link.mtus, key=str)
    word = ", ".join(str(one or "?") for one in sizes)
    return Hop(link=link.name, role=link.role, before=None, after=word, overhead=taken(view, link))


def _chain(
    hops: tuple[Hop, ...],
    nodes: list[tuple[str, tuple[int, ...]]],
    addresses: Callable[[str], dict[str, tuple[str, ...]]],
) -> Chain:
    names = tuple(sorted(name for name, _counts in nodes))
    sums = iter([sum(column) for column in zip(*(one for _name, one in nodes), strict=True)])
    own = addresses(names[0]) if len(names) == 1 else {}
    found = []
    for hop in hops:
        word = hop.after
        if hop.role == roles.POD_PORT and word:
            word = ", ".join(f"{next(sums)} at {mtu}" for mtu in word.split(", "))
        found.append(replace(hop, after=word, addresses=own.get(hop.link, ())))
    return Chain(nodes=names, hops=tuple(found))


def _broken(findings: Iterable[Finding]) -> dict[str, dict[str, list[str]]]:
    """Return what findings say of links, by node; what they say of the lease is of the overlay."""
    found: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for row in findings:
        keys = row.keys or tuple(row.path.split("/"))
        if row.severity == Severity.INFO or len(keys) < 2:
            continue
        link = OF_LEASE if keys[:2] == LEASE else keys[1] if keys[0] == "links" else None
        if link is not None:
            several = ", and the like on " in row.message  # with the names of one of them
            own = row.message.removeprefix(link).removeprefix(":").strip()
            words = row.rule if several else own
            for node in row.nodes:
                found[node][link].append(words)
    return found


def _words(hop: Hop, broken: dict[str, list[str]]) -> str:
    own = [
        *broken.get(hop.link, ()),
        *(broken.get(OF_LEASE, ()) if hop.role == roles.OVERLAY else ()),
    ]
    more = f"; and {len(own) - 2} more" if len(own) > 2 else ""
    return "; ".join(own[:2]) + more


def _oddity(row: MtuRow) -> tuple[t.Any, ...]:
    cells = [cell for cell in row.cells if cell.role != roles.UNDERLAY]
    order = (
        any(cell.fits is False for cell in cells),
        any(cell.expected not in (None, cell.mtu) for cell in cells),
        any(cell.fits is None for cell in cells),
    )
    return (*(not one for one in order), len(row.nodes), row.nodes)
