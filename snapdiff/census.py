"""Who has which value: the usual one, those that differ, ties, and what those have in common."""

from __future__ import annotations

import typing as t
from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

NAMED = 5  # nodes that are named before the rest is counted
SHOWN = 6  # values that are told before the rest is counted
GROUP, INSIDE, OUTSIDE = "group", "yes", "no"  # of the inventory

Groups = Mapping[str, Mapping[str, str]]  # node to what it has in common with others


def many(number: int, what: str = "node") -> str:
    """Return ``1 node`` or ``3 nodes``."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def named(nodes: t.Collection[str]) -> str:
    """Return the first few names, and how many more there are."""
    shown = ", ".join(sorted(nodes)[:NAMED])
    return f"{shown} and {len(nodes) - NAMED} more" if len(nodes) > NAMED else shown


def say(value: t.Any) -> str:
    """Return a value in few words."""
    if isinstance(value, (tuple, list, frozenset)):
        return ", ".join(say(one) for one in value) or "none"
    if isinstance(value, bool):
        return str(value).lower()
    return "absent" if value is None else str(value)


@dataclass(frozen=True)
class Census:
    """The values of a place with their nodes, the most frequent first.

    Nodes that did not tell theirs are not in it.
    """

    values: tuple[tuple[t.Any, tuple[str, ...]], ...]
    reference: str = ""  # the node whose value is the first, whatever others have

    @property
    def alike(self) -> bool:
        """Say whether no two nodes differ."""
        return len(self.values) < 2

    @property
    def tie(self) -> bool:
        """Say whether no value is the most frequent one, so nobody can say who is wrong."""
        if self.alike or self.reference:
            return False
        return len(self.values[0][1]) == len(self.values[1][1])

    @property
    def usual(self) -> t.Any:
        """Return the most frequent value, None where there is none or a tie."""
        return None if self.tie or not self.values else self.values[0][0]

    @cached_property
    def nodes(self) -> tuple[str, ...]:
        """Name all nodes that have a value."""
        return tuple(sorted(node for _value, nodes in self.values for node in nodes))

    @cached_property
    def outliers(self) -> tuple[str, ...]:
        """Name the nodes that differ from the usual; where there is a tie, all of them."""
        if self.tie:
            return self.nodes
        return tuple(sorted(node for _value, nodes in self.values[1:] for node in nodes))

    @property
    def odd(self) -> t.Any:
        """Return the value of the outliers where they all have one, else None."""
        return self.values[1][0] if len(self.values) == 2 and not self.tie else None

    def words(self, tell: t.Callable[[t.Any], str] = say) -> str:
        """Return ``1500 on 38 nodes; 1410 on node7, node9``; of a tie all are named."""
        told = []
        for number, (value, nodes) in enumerate(self.values[:SHOWN]):
            where = named(nodes)
            if number == 0 and self.reference:
                rest = len(nodes) - 1
                others = many(rest, "other")
                where = f"{self.reference}{f' and {others}' if rest else ''}"
            elif number == 0 and not self.tie and len(nodes) > 1:
                where = many(len(nodes))
            told.append(f"{tell(value)} on {where}")
        rest = len(self.values) - SHOWN
        return "; ".join([*told, *([f"and {rest} more values"] if rest > 0 else [])])


def take(pairs: Iterable[tuple[str, Hashable]]) -> Census:
    """Return the census of nodes and their values; to Python True is 1, here it is another."""
    holders: dict[tuple[type, Hashable], list[str]] = defaultdict(list)
    for node, value in pairs:
        holders[type(value), value].append(node)
    found = [(value, tuple(sorted(nodes))) for (_type, value), nodes in holders.items()]
    return Census(tuple(sorted(found, key=lambda one: (-len(one[1]), say(one[0]), one[1]))))


def explained(census: Census, groups: Groups) -> str | None:
    """Name the smallest group that all outliers are of, if at least half of it are outliers.

    Of a tie it is what parts the nodes: a property whose values go with those of the place.
    """
    if census.alike:
        return None
    if census.tie:
        found = parted(census, groups)
        return f"they differ in {found} as well" if found else None
    outliers = set(census.outliers)
    sizes: dict[tuple[str, str], int] = defaultdict(int)
    inside: dict[tuple[str, str], int] = defaultdict(int)
    for node in census.nodes:
        for pair in groups.get(node, {}).items():
            sizes[pair] += 1
            inside[pair] += node in outliers
    fitting = [
        (size, pair)
        for pair, size in sizes.items()
        if inside[pair] == len(outliers) and 2 * len(outliers) >= size and size < len(census.nodes)
    ]
    if not fitting:
        return None
    size, pair = min(fitting)
    which = f"all {len(outliers)} are" if len(outliers) > 1 else f"{census.outliers[0]} is"
    others = size - len(outliers)
    end = f", as {many(others, 'other')}" if others else ", and nobody else"
    return f"{which} {_words(*pair)}{end}"


def memberships(groups: Mapping[str, Iterable[str]]) -> dict[str, dict[str, str]]:
    """Return of each node whether it is in each group of the inventory, as properties.

    A group that all nodes are in parts nothing, and is left out; so is all where no node is in any,
    since then nobody wrote groups down.
    """
    held = {node: frozenset(names) for node, names in groups.items()}
    known = {name for names in held.values() for name in names}
    parting = sorted(name for name in known if any(name not in names for names in held.values()))
    return {
        node: {f"{GROUP} {name}": INSIDE if name in names else OUTSIDE for name in parting}
        for node, names in held.items()
    }


def _words(name: str, value: str) -> str:
    """Return a property of nodes as what they are; of a group, that they are in it or not."""
    if name.startswith(f"{GROUP} "):
        return f"in {name}" if value == INSIDE else f"outside {name}"
    return f"{name} {value}"


def parted(census: Census, groups: Groups, *, names: Iterable[str] | None = None) -> str | None:
    """Name a property that tells the value of every node, if any does.

    Where each value is that of a pool of two nodes or more, the fleet is mixed on purpose.
    """
    value_of = {node: number for number, (_v, nodes) in enumerate(census.values) for node in nodes}
    wanted = (
        names if names is not None else sorted({name for one in groups.values() for name in one})
    )
    for name in wanted:
        met: dict[str | None, int] = {}
        fits = all(
            met.setdefault(groups.get(node, {}).get(name), number) == number
            for node, number in value_of.items()
        )
        if fits and None not in met and len(met) < len(value_of):
            return name
    return None


def is_pool(census: Census, groups: Groups, names: Iterable[str]) -> bool:
    """Say whether nodes differ as pools of two nodes or more do that differ in *names* as well."""
    sizes = (len(nodes) for _value, nodes in census.values)
    return all(size > 1 for size in sizes) and parted(census, groups, names=names) is not None
