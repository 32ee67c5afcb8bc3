"""How nodes are compared: nothing here is a rule, rules between nodes ask it."""

from __future__ import annotations

import typing as t

from snapdiff.census import Census, explained, is_pool
from snapdiff.model import Severity
from snapdiff.rules.registry import Breach, CannotTell, Result

if t.TYPE_CHECKING:
    from collections.abc import Iterator

    from snapdiff.rules.fleet_view import Fleet

PEERS = (
    *("peer-entries-missing", "peer-entries-stale", "peer-entries-extra"),
    *("wireguard-peers-missing", "wireguard-peers-stale", "wireguard-peers-extra"),
)
POOLS = ("kernel", "underlay", "underlay kind")  # what parts a fleet that is mixed on purpose


def untold(fleet: Fleet, trait: str) -> Iterator[CannotTell]:
    """Yield what kept nodes from telling a trait: those alike say nothing of one not observed."""
    if len(fleet.members) > 1:
        unseen = fleet.unseen(trait)
        if unseen is not None:
            yield CannotTell(*unseen)


def told(fleet: Fleet, trait: str) -> Iterator[Census | CannotTell]:
    """Yield the census of a trait where nodes differ, and what kept any from being compared."""
    census = fleet.census(trait)
    if not census.alike:
        yield census
    yield from untold(fleet, trait)


def unlike(
    fleet: Fleet, trait: str, what: str, *, pools: tuple[str, ...] = (), **more: t.Any
) -> Result:
    """Yield the breach of a trait that is not the same on all nodes.

    Where nodes differ just as the pools that *pools* tell, it is for information.
    """
    for census in told(fleet, trait):
        if isinstance(census, CannotTell):
            yield census
            continue
        if pools and is_pool(census, fleet.groups, pools):
            more["severity"] = Severity.INFO
        yield breach_of(fleet, trait, what, census, **more)


def breach_of(fleet: Fleet, trait: str, what: str, census: Census, **more: t.Any) -> Breach:
    """Return the breach that a census in which nodes differ comes to."""
    reason = explained(census, fleet.groups)
    if census.tie:
        message = f"nodes differ in {what}, and no value is that of most: {census.words()}"
    else:
        message = f"{what}: {census.words()}"
    if fleet.flannel.get("config"):  # which tells who is right: a few, it may be
        more.setdefault("about", frozenset(census.nodes))
    evidence = (*more.pop("evidence", ()), *((reason,) if reason else ()))
    return Breach(
        path=fleet.place(trait, census.outliers[0]),
        message=message,
        seen=_plain(census.odd),
        expected=_plain(census.usual),
        nodes=census.outliers,
        evidence=evidence,
        **more,
    )


def _plain(value: t.Any) -> t.Any:
    return list(value) if isinstance(value, tuple) else value
