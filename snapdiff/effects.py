"""What follows from what on one node: effects are told below their cause, not beside it."""

from __future__ import annotations

import ipaddress
import typing as t
from collections import Counter
from typing import TYPE_CHECKING

from snapdiff.model import Change, Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

FORWARDING = {"net.ipv4.ip_forward": "forwarding", "net.ipv6.conf.all.forwarding": "forwarding6"}


def with_effects(changes: Iterable[Change]) -> Iterator[tuple[Change, tuple[str, ...]]]:
    """Yield each cause, or change without one, with its effects in words."""
    given = list(changes)
    below: dict[int, list[Change]] = {}
    kept = []
    causes = _Causes(given)
    for change in given:
        cause = causes.of(change)
        if cause is None:
            kept.append(change)
        else:
            below.setdefault(id(cause), []).append(change)
    for change in kept:
        yield change, tuple(_count(below.get(id(change), ())))


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
        self._mtus: dict[t.Any, Change] = {}
        self._ports: Change | None = None  # pod ports with an MTU that none had before
        self._subnets: dict[str | None, Change] = {}
        self._settings: dict[tuple[str, int, int], Change] = {}
        for one in changes:
            if one.path[0] == "links" and len(one.path) == 2:
                self._links[one.path[1], one.kind] = one
            elif one.path[0] == "links" and one.path[2] == "flags" and _turned(one):
                self._down[one.path[1]] = one
            elif one.path[0] == "links" and one.path[2] == "addresses" and one.role == "overlay":
                self._addresses[one.path[1]] = one
            elif one.path[-1] == "FLANNEL_MTU" or (
                one.role == "overlay" and one.path[2:] == ("mtu",)
            ):
                self._mtus.setdefault(one.after, one)
            elif one.role == "pod port" and one.path[-1] == "mtu":
                self._ports = one
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
        if change.role in ("pod bridge", "pod port") and change.path[-1] == "mtu":
            return self._of_mtu(change)
        if change.path[0] == "links" and len(change.path) == 3:
            return self._down.get(change.path[1]) if change.path[2] == "operstate" else None
        if change.path[:2] == ("sysctls", "net.ipv4.conf.all.forwarding"):
            return self._settings.get(("forwarding", change.before, change.after))
        if change.path[0] == "links" and change.path[2:3] == ("sysctls",):
            return self._settings.get((change.path[3], change.before, change.after))
        return None

    def _of_mtu(self, change: Change) -> Change | None:
        """Return the change of the overlay's or the lease's MTU that pods and bridge follow."""
        fresh = [one for one in _values(change.after) if one not in _values(change.before)]
        if fresh and all(one in self._mtus for one in fresh):
            return self._mtus[fresh[0]]
        ports = self._ports
        if change.role == "pod bridge" and ports is not None:
            least = min((one for one in _values(ports.after) if one is not None), default=None)
            if change.after == least:  # which is what the kernel gives a bridge
                return ports
        return None

    def _renamed(self, change: Change) -> Change | None:
        """Return the link whose end made a row lead over another one."""
        if change.path[-1] == "dev":
            return self._links.get((str(change.before), Kind.REMOVED))
        return None


def _values(value: t.Any) -> list[t.Any]:
    return value if isinstance(value, list) else [value]


def _turned(flags: Change) -> bool:
    return ("UP" in (flags.before or ())) != ("UP" in (flags.after or ()))


ONE = {"peers": "peer", "routes": "route", "neighbours": "neighbour", "links": "link"}
MANY = {"fdb": "forwarding entries", "sysctls": "settings"}


def _count(changes: Iterable[Change]) -> Iterator[str]:
    counts = Counter(
        (one.path[0], one.path[-1] if len(one.path) > 2 else "", one.kind) for one in changes
    )
    for (section, field, kind), number in sorted(counts.items()):
        what = f"{number} {MANY.get(section, section) if number > 1 else ONE.get(section, section)}"
        if field == "missing":
            yield f"with it {what} {'lost entries' if kind is Kind.ADDED else 'whole again'}"
        else:
            yield f"with it {kind}: {f'{field} of {what}' if field else what}"
