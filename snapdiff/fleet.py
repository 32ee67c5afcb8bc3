"""What is about many nodes: those that came and went, stragglers, chains that look the same."""

from __future__ import annotations

import typing as t
from collections import defaultdict
from dataclasses import replace

from snapdiff import canonical, drift
from snapdiff.chain import chain
from snapdiff.errors import SnapdiffError
from snapdiff.join import as_peer
from snapdiff.maps import CHAIN, cells_of, taken, wrong
from snapdiff.model import Chain, Finding, Hop, Kind, Member, Severity, Snapshot
from snapdiff.rules.view import NodeView
from snapdiff.spread import self_of

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from snapdiff.store import Side


def nodes_that_went(
    nodes: Iterable[str],
    before: Side,
    drifts: list[drift.Drift],
    compared: Iterable[str],
    cluster: str,
    *,
    all_seen: bool,
    heirs: frozenset[str] = frozenset(),
) -> tuple[list[Finding], set[str]]:
    """Return rows for nodes that nobody asks for any more, and the addresses they had.

    That is fine where all others forgot them too; where some did not, packets go to nobody. *heirs*
    is what nodes that came are: a peer that became one of them is forgotten as well.
    """
    forgot: dict[str, set[str]] = defaultdict(set)  # address to the nodes that had it and do not
    for one in drifts:
        change, path = one.change, as_peer(one.change.path)
        whole = path[0] in ("peers", "routes") and len(path) == 2
        if whole and change.kind is Kind.REMOVED:
            row = change.before or {}
            for address in (path[1], row.get("underlay"), row.get("gateway")):
                forgot[str(address)].add(change.node)
        elif is_heir(one, heirs):
            forgot[path[1]].add(change.node)
    rows, known = [], set()
    for node in nodes:
        addresses = _addresses(before, node)
        known |= addresses
        keepers = set(compared) - {one for address in addresses for one in forgot[address]}
        if addresses and addresses <= heirs:  # the same machine under another name
            keepers = set()
        message = f"node {node} is not asked for any more"
        if not keepers and all_seen:
            told = f"{message}; its peers have forgotten it"
        elif any(forgot[address] for address in addresses):
            names = sorted(keepers)
            more = f" and {len(names) - 5} more" if len(names) > 5 else ""
            told = f"{message}, but {', '.join(names[:5])}{more} still have entries for it"
        else:
            told = message
        severity = Severity.INFO if all_seen and not keepers else Severity.WARNING
        rows.append(_row(cluster, node, Kind.REMOVED, severity, told))
    return rows, known


def nodes_that_came(
    nodes: Iterable[str], after: Side, cluster: str
) -> tuple[list[Finding], set[str]]:
    """Return rows for nodes that were not asked for before, and the addresses they have."""
    rows, known = [], set()
    for node in nodes:
        known |= _addresses(after, node)
        rows.append(_row(cluster, node, Kind.ADDED, Severity.INFO, f"node {node} is new"))
    return rows, known


def selves_of(nodes: Iterable[str], side: Side) -> frozenset[str]:
    """Return what peers may rightly hold of these nodes: MACs, addresses, pod subnets."""
    found: set[str] = set()
    for node in nodes:
        try:
            found |= self_of(side.snapshot(node)) if node in side.paths else set()
        except SnapdiffError:
            continue
    return frozenset(found)


def is_heir(one: drift.Drift, heirs: frozenset[str]) -> bool:
    """Say whether an entry of a peer became that of a node which came: it has the old address."""
    change, path = one.change, as_peer(one.change.path)
    entry = path[0] == "peers" and path[2:] in (("mac",), ("subnet",), ("underlay",))
    return entry and change.kind is Kind.CHANGED and str(change.after) in heirs


def without_peers(
    drifts: list[drift.Drift],
    went: set[str],
    came: set[str],
    heirs: frozenset[str] = frozenset(),
) -> list[drift.Drift]:
    """Leave out peers that came or went with their node: the node's own row says it."""
    return [
        one
        for one in drifts
        if not _is_peer_of(one, Kind.REMOVED, went)
        and not _is_peer_of(one, Kind.ADDED, came)
        and not (is_heir(one, heirs) and as_peer(one.change.path)[1] in went)
    ]


def _is_peer_of(one: drift.Drift, kind: Kind, addresses: set[str]) -> bool:
    change, path = one.change, as_peer(one.change.path)
    if path[0] != "peers" or len(path) != 2 or change.kind is not kind:
        return False
    row = change.before or change.after
    return row.get("underlay") in addresses or path[1] in addresses


def _row(cluster: str, node: str, kind: Kind, severity: Severity, message: str) -> Finding:
    path = f"nodes/{node}"
    found = drift.finding_id(cluster, drift.RULE, path, node)
    return Finding(
        id=found,
        rule=drift.RULE,
        severity=severity,
        scope="temporal",
        nodes=(node,),
        path=path,
        change=kind,
        message=message,
        members=(Member(id=found, node=node),),
        keys=("nodes", node),
    )


def _addresses(side: Side, node: str) -> set[str]:
    """Return the addresses of a node, to tell its row among the peers of others."""
    if node not in side.paths:
        return set()
    try:
        links = side.snapshot(node)["links"]
    except SnapdiffError:
        return set()
    return {
        address.partition("/")[0]
        for name in links
        if name != "lo" and not canonical.is_pod_port(name, links)
        for address in links[name]["addresses"]
        if not address.startswith("fe80:")
    }


def with_stragglers(row: Finding, before: Side, after: Side, comparable: int) -> Finding:
    """Name the nodes that kept the old value, where more than half of the fleet changed it."""
    changed = row.change is Kind.CHANGED and row.before is not None
    if not changed or 2 * len(row.nodes) <= comparable:
        return row
    rest = sorted((before.paths.keys() & after.paths.keys()) - set(row.nodes))
    kept = [node for node in rest if _kept(node, row, before, after)]
    return replace(row, stragglers=tuple(kept))


def _kept(node: str, row: Finding, before: Side, after: Side) -> bool:
    try:
        return all(_value(side.snapshot(node), row.keys) == row.before for side in (before, after))
    except SnapdiffError:
        return False


def _value(snapshot: Snapshot, keys: tuple[str, ...]) -> t.Any:
    value: t.Any = snapshot.sections
    for depth, key in enumerate(keys):
        try:
            value = value[key]
        except (KeyError, TypeError):
            return None
        if depth == 1 and keys[0] == "links":
            value = canonical.link(value)  # as the row has it: without flags that come and go
    return value


def chains_of(
    nodes: Iterable[str], before: Side, after: Side, known: Mapping[str, tuple[Hop, ...]]
) -> list[Chain]:
    """Return the chains of *nodes*, what each hop was and is, equal ones as one.

    Of nodes that are not *known* they are read. What a hop takes and what is wrong with it is of
    *after*; a chain of one node has its addresses.
    """
    found: dict[tuple[Hop, ...], list[str]] = defaultdict(list)
    for node in nodes:
        hops = known.get(node) or hops_of(before.snapshot(node), after.snapshot(node))
        found[hops].append(node)
    return [
        Chain(nodes=tuple(names), hops=_with_addresses(hops, names, after))
        for hops, names in found.items()
    ]


def addresses_of(snapshot: Snapshot) -> dict[str, tuple[str, ...]]:
    """Return the addresses of each link of a node's chain, less link-local ones."""
    return {link.name: link.addresses for link in chain(snapshot)}


def _with_addresses(hops: tuple[Hop, ...], names: list[str], side: Side) -> tuple[Hop, ...]:
    if len(names) > 1:
        return hops
    own = addresses_of(side.snapshot(names[0]))
    return tuple(replace(hop, addresses=own.get(hop.link, ())) for hop in hops)


def hops_of(before: Snapshot, after: Snapshot) -> tuple[Hop, ...]:
    """Return the chain of a node, what each hop was and is."""
    old = {link.name: link for link in chain(before)}
    new = {link.name: link for link in chain(after)}
    view = NodeView(after)
    broken = {cell.link: wrong(cell) for cell in cells_of(view)}
    order = sorted(
        [*new, *(name for name in old if name not in new)],
        key=lambda name: CHAIN.index((new.get(name) or old[name]).role),
    )
    return tuple(
        Hop(
            link=name,
            role=(new.get(name) or old[name]).role,
            before=old[name].word if name in old else None,
            after=new[name].word if name in new else None,
            overhead=taken(view, new[name]) if name in new else None,
            broken=broken.get(name, ""),
        )
        for name in order
    )
