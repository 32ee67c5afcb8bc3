"""Which breach follows from which: one cause on top, what follows from it below."""

from __future__ import annotations

import typing as t
from collections import defaultdict
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

if t.TYPE_CHECKING:
    from collections.abc import Iterable

    from snapdiff.model import Severity
    from snapdiff.rules.registry import Breach, Rule


@dataclass(slots=True)
class Told:
    """A breach as it will be told: on which nodes, how bad, and what follows from it."""

    rule: Rule
    breach: Breach
    nodes: tuple[str, ...]
    severity: Severity
    effects: list[Told] = field(default_factory=list)

    @property
    def explains(self) -> frozenset[str]:
        """Return the rules whose breaches follow from this one, some at one place alone.

        ``overlay-missing links/flannel-v6.*`` is that rule where it is about such a path.
        """
        return self.rule.explains | self.breach.explains

    def follows(self, cause: Told) -> bool:
        """Say whether *cause* explains this breach: by its rule, or by its rule at its path."""
        place = f"{self.rule.id} {self.breach.path}"
        return self.rule.id in cause.explains or any(
            fnmatchcase(place, one) for one in cause.explains if " " in one
        )

    @property
    def touched(self) -> frozenset[str]:
        """Return all nodes that it is on or about."""
        peer = {self.breach.peer} if self.breach.peer else set()
        return frozenset({*self.nodes, *peer, *self.breach.about})


def fold(told: Iterable[Told]) -> list[Told]:
    """Return the causes, each with its effects; what has no cause stands for itself.

    A rule says which rules' breaches follow from its own; they do where they share a node. Of two
    causes the one on fewer nodes is the nearer.
    """
    given = list(told)
    by_node: dict[str, list[Told]] = defaultdict(list)
    for one in given:
        if one.explains:
            for node in one.nodes:
                by_node[node].append(one)
    above: dict[int, Told] = {}
    for one in given:
        near = {
            id(cause): cause
            for node in sorted(one.touched)  # of causes that are as near, always the same one
            for cause in by_node[node]
            if cause is not one
            and one.follows(cause)
            and cause.rule.id not in one.breach.explains
            and cause.severity >= one.severity  # what is milder hides nothing that is worse
        }
        causes = sorted(near.values(), key=lambda cause: (-cause.severity, len(cause.nodes)))
        cause = next((cause for cause in causes if not _is_above(one, cause, above)), None)
        if cause is not None:
            above[id(one)] = cause
    kept = []
    for one in given:
        if id(one) not in above:
            kept.append(one)
            continue
        top = above[id(one)]
        while id(top) in above:
            top = above[id(top)]
        top.effects.append(one)
    return kept


def _is_above(one: Told, cause: Told, above: dict[int, Told]) -> bool:
    """Say whether *one* is already a cause of *cause*: nothing explains itself."""
    found: Told | None = cause
    while found is not None:
        if found is one:
            return True
        found = above.get(id(found))
    return False
