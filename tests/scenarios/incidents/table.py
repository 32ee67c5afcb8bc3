"""How an incident is written down: what happens, and what has to be said first."""

from __future__ import annotations

import copy
import typing as t
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from clusters import cluster

Nodes = dict[str, dict[str, t.Any]]
Act = Callable[[Nodes], t.Any]
ALL = ("node1", "node2", "node3", "node4", "node5")
MOST = 3  # top-level findings that a person reads before the cause is lost among them


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A finding that has to come first; in a diff its place decides."""

    nodes: tuple[str, ...]
    rules: tuple[str, ...] = ()  # more than one where rules say the same thing
    paths: tuple[str, ...] = ()  # beginnings of places
    severity: str = "warning"

    def fits(self, finding: t.Any) -> bool:
        """Say whether a finding is this one."""
        return (
            finding.nodes == self.nodes
            and (not self.rules or finding.rule in self.rules)
            and (not self.paths or finding.path.startswith(self.paths))
            and finding.severity.name.lower() == self.severity
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """An incident: a healthy cluster, what happens to it, and what has to be said of it."""

    name: str
    what: str
    act: Act
    check: Said | None  # None: nothing in one capture is wrong
    diff: Said | None  # None: nothing that a diff calls drift
    given: Act | None = None  # makes the healthy cluster a special one
    of: Mapping[str, t.Any] = field(default_factory=dict)  # options of the cluster
    effects: tuple[str, ...] = ()  # rules whose findings may stand beside the cause
    also: tuple[tuple[str, str], ...] = ()  # what else was done, for a diff: place and node

    def before(self) -> Nodes:
        """Return the healthy cluster."""
        nodes = cluster(**{"count": 5, **self.of})
        if self.given:
            self.given(nodes)
        return nodes

    def after(self) -> Nodes:
        """Return the cluster with the incident."""
        nodes = copy.deepcopy(self.before())
        self.act(nodes)
        return nodes


INCIDENTS: dict[str, Incident] = {}


def incident(
    name: str,
    check: tuple[t.Any, ...] | None,
    diff: tuple[t.Any, ...] | None,
    *,
    given: Act | None = None,
    effects: tuple[str, ...] = (),
    also: tuple[tuple[str, str], ...] = (),
    at: str = "",
    **of: t.Any,
) -> Callable[[Act], Act]:
    """Enter a function into the table; its docstring says what happened.

    *check* is rule, nodes and, where it is no error, severity; *diff* is place and nodes. A rule or
    a place may be a tuple, of which one does; *at* is where the rule has to point. *also* is what a
    diff may say beside the cause, as it was done beside it and does not follow from it.
    """

    def enter(act: Act) -> Act:
        if name in INCIDENTS:
            raise ValueError(f"two incidents are called {name}")
        INCIDENTS[name] = Incident(
            name=name,
            what=(act.__doc__ or "").strip(),
            act=act,
            check=_said("rules", check, "error", at),
            diff=_said("paths", diff, "warning"),
            given=given,
            of=of,
            effects=effects,
            also=also,
        )
        return act

    return enter


def _said(what: str, row: tuple[t.Any, ...] | None, severity: str, at: str = "") -> Said | None:
    if row is None:
        return None
    first, nodes, *rest = row
    named = (first,) if isinstance(first, str) else first
    return Said(
        nodes=(nodes,) if isinstance(nodes, str) else nodes,
        severity=rest[0] if rest else severity,
        **{"paths": (at,) if at else (), what: named},
    )
