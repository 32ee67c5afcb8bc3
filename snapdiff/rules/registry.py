"""How a rule is written down, and where all of them are found.

A rule is a small pure function over the facts of a node, or of the fleet. It yields a
:class:`Breach` for what is wrong, and raises or yields :class:`CannotTell` where a fact that it
needs was not observed: that is never green.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import typing as t
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache

if t.TYPE_CHECKING:
    from snapdiff.model import Severity


class CannotTell(Exception):  # noqa: N818 - an answer, not an error
    """Raised, or yielded, by a rule for lack of a fact; *path* is what was not observed.

    A rule between nodes names the *nodes* that did not look.
    """

    def __init__(self, path: str, why: str, nodes: tuple[str, ...] = ()) -> None:
        super().__init__(f"{path}: {why}")
        self.path = path
        self.why = why
        self.nodes = nodes


@dataclass(frozen=True, slots=True, kw_only=True)
class Breach:
    """A place where a rule does not hold."""

    path: str
    message: str
    seen: t.Any = None
    expected: t.Any = None
    severity: Severity | None = None  # where it is not the rule's own
    remedy: str | None = None  # where it is not the rule's own
    evidence: tuple[str, ...] = ()
    nodes: tuple[str, ...] = ()  # of a fleet rule: where it is wrong
    peer: str | None = None  # of a pair: the other node
    explains: frozenset[str] = frozenset()  # rules beside those that its own rule explains
    about: frozenset[str] = field(default_factory=frozenset)  # other nodes that it is about


Result = Iterator[Breach | CannotTell]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What must hold, how bad it is where it does not, and what to do then."""

    id: str  # for good: it never gets a second meaning
    severity: Severity
    scope: str  # node, pair, fleet
    check: Callable[[t.Any], Result]
    entries: tuple[str, ...]  # the invariants of docs/rules.md that it holds, as N-01
    remedy: str
    explains: frozenset[str]  # rules whose breaches on the same nodes follow; "RULE PATH*": there

    @property
    def summary(self) -> str:
        """Return the first sentence of the docstring: what must hold."""
        return self.text.partition("\n")[0]

    @property
    def text(self) -> str:
        """Return the whole docstring: what, why, source, exemptions."""
        return (inspect.getdoc(self.check) or "").replace("``", "")  # marks of code, not text


_FOUND: dict[str, Rule] = {}
F = t.TypeVar("F", bound=Callable[..., t.Any])


def rule(
    name: str,
    severity: Severity,
    *,
    entries: tuple[str, ...],
    scope: str = "node",
    remedy: str,
    explains: tuple[str, ...] = (),
) -> Callable[[F], F]:
    """Register the function below as a rule; its docstring says what, why and from what source."""

    def register(check: F) -> F:
        if name in _FOUND:
            raise ValueError(f"two rules are called {name}")
        _FOUND[name] = Rule(
            id=name,
            severity=severity,
            scope=scope,
            check=check,
            entries=entries,
            remedy=remedy,
            explains=frozenset(explains),
        )
        return check

    return register


@cache
def shipped() -> Mapping[str, Rule]:
    """Return all rules that come with snapdiff, by id."""
    package = importlib.import_module("snapdiff.rules")
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"snapdiff.rules.{module.name}")
    return dict(sorted(_FOUND.items()))
