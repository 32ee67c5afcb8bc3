"""What follows from what on one node: effects are told below their cause, not beside it."""

from __future__ import annotations

import ipaddress
import typing as t
from typing import TYPE_CHECKING

from snapdiff.follows import cause_of
from snapdiff.model import Change, Kind
from snapdiff.scene import Scene

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from snapdiff.model import Snapshot

FORWARDING = {"net.ipv4.ip_forward": "forwarding", "net.ipv6.conf.all.forwarding": "forwarding6"}


def with_effects(
    changes: Iterable[Change], now: Snapshot | None
) -> Iterator[tuple[Change, tuple[Change, ...]]]:
    """Yield each cause, or change without one, with all that follows from it, near or far.

    *now* is the node after the changes; without it what takes a look at the node stands for itself.
    """
    given = list(changes)
    causes = _Causes(given)
    scene = Scene(given, now)
    above: dict[int, Change] = {}
    for change in given:
        cause = causes.of(change) or cause_of(change, scene)
        if cause is not None and not _is_above(change, cause, above):
            above[id(change)] = cause
    below: dict[int, list[Change]] = {}
    for change in given:
        if id(change) in above:
            top = above[id(change)]
            while id(top) in above:
                top = above[id(top)]
            below.setdefault(id(top), []).append(change)
    for change in given:
        if id(change) not in above:
            yield change, tuple(below.get(id(change), ()))


def _is_above(change: Change, cause: Change, above: dict[int, Change]) -> bool:
    """Say whether *change* is already a cause of *cause*: nothing explains itself."""
    found: Change | None = cause
    while found is not None:
        if found is change:
            return True
        found = above.get(id(found))
    return False


def network(subnet: t.Any) -> str | None:
    """Return the network of an address with its prefix, None for what is no such thing."""
    try:
        return str(ipaddress.ip_interface(subnet).network)
    except ValueError:
        return None


class _Causes:
    """The changes of a node that others may follow from, by what they did."""

    def __init__(self, changes: list[Change]) -> None:
        self._links: dict[tuple[str, Kind], Change] = {}
        self._down: dict[str, Change] = {}
        self._addresses: dict[str, Change] = {}
        self._ports: Change | None = None  # pod ports that were set down
        self._subnets: dict[str | None, Change] = {}
        self._settings: dict[tuple[str, int, int], Change] = {}
        for one in changes:
            if one.path[0] == "links" and len(one.path) == 2:
                self._links[one.path[1], one.kind] = one
            elif one.role == "pod port" and one.path[2:] == ("flags",):
                self._ports = one
            elif one.path[0] == "links" and one.path[2] == "flags" and _turned(one):
                self._down[one.path[1]] = one
            elif one.path[0] == "links" and one.path[2] == "addresses" and one.role == "overlay":
                self._addresses[one.path[1]] = one
            elif one.path[-1] in ("FLANNEL_SUBNET", "FLANNEL_IPV6_SUBNET"):
                self._subnets.update({network(one.before): one, network(one.after): one})
            elif one.path[0] == "sysctls" and one.path[1] in FORWARDING:
                self._settings[FORWARDING[one.path[1]], one.before, one.after] = one

    def of(self, change: Change) -> Change | None:
        """Return what *change* follows from, None where it stands for itself."""
        if change.dev is not None:
            came = self._links.get((change.dev, change.kind))
            if came is not None and len(change.path) == 2:
                return came
            if change.kind is not Kind.CHANGED:
                return self._down.get(change.dev) or self._addresses.get(change.dev)
            return self._renamed(change)
        if change.path[0] == "routes" and len(change.path) == 2:
            row = change.before or change.after
            if row.get("type") == "blackhole":  # flannel's, for what of a subnet no pod has
                return self._subnets.get(network(row.get("dst")))
        if change.path[0] == "links" and len(change.path) == 3:
            if change.path[2] != "operstate":
                return None
            last = self._ports if change.role == "pod bridge" else None  # no port of it runs
            return self._down.get(change.path[1]) or last
        if change.path[:2] == ("sysctls", "net.ipv4.conf.all.forwarding"):
            return self._settings.get(("forwarding", change.before, change.after))
        if change.path[0] == "links" and change.path[2:3] == ("sysctls",):
            return self._settings.get((change.path[3], change.before, change.after))
        return None

    def _renamed(self, change: Change) -> Change | None:
        """Return the link whose end made a row lead over another one."""
        if change.path[-1] == "dev":
            went = self._links.get((str(change.before), Kind.REMOVED))
            return went or self._links.get((str(change.after), Kind.ADDED))
        return None


def _turned(flags: Change) -> bool:
    return ("UP" in (flags.before or ())) != ("UP" in (flags.after or ()))
