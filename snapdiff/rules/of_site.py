"""Rules that a site writes itself, in YAML: a place, and what its value must be.

They become the same :class:`~snapdiff.rules.registry.Rule` as those that are shipped.
"""

from __future__ import annotations

import re
import typing as t
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from snapdiff import roles
from snapdiff.errors import UsageError
from snapdiff.model import Severity
from snapdiff.paths import glob
from snapdiff.rules.registry import Breach, CannotTell, Result, Rule

if t.TYPE_CHECKING:
    from snapdiff.rules.view import NodeView

Spec = Mapping[str, t.Any]
Path = tuple[str, ...]


def _number(value: t.Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _same(value: t.Any, wanted: t.Any) -> bool:
    return bool(value == wanted) and isinstance(value, bool) == isinstance(wanted, bool)


CONDITIONS: Mapping[str, tuple[str, Callable[[t.Any, t.Any], bool]]] = {
    "equals": ("", _same),
    "one_of": ("one of ", lambda value, wanted: any(_same(value, one) for one in wanted)),
    "at_least": ("at least ", lambda value, wanted: _number(value) and value >= wanted),
    "at_most": ("at most ", lambda value, wanted: _number(value) and value <= wanted),
    "matches": ("like ", lambda value, wanted: bool(re.fullmatch(wanted, str(value)))),
}


@dataclass(frozen=True, slots=True)
class Place:
    """A place that a pattern means: there, with a value, or absent where it should end."""

    path: Path
    value: t.Any = None
    absent: bool = False


def places(value: t.Any, pattern: Path, done: Path = ()) -> Iterator[Place]:
    """Yield the places that *pattern* means in nested data.

    A name may hold slashes, as that of a route, so several parts of the pattern may be one name.
    """
    if not pattern:
        yield Place(done, value)
        return
    if isinstance(value, (list, tuple)):
        value = {str(number): one for number, one in enumerate(value)}
    found = False
    for size in range(1, len(pattern) + 1):
        name = "/".join(pattern[:size])
        if not isinstance(value, Mapping):
            break
        if "*" not in name:
            names = [name] if name in value else []
        else:
            names = [one for one in value if glob(name).fullmatch(one)]
        for one in names:
            found = True
            yield from places(value[one], pattern[size:], (*done, one))
        if found:
            break
    if not found:
        yield Place((*done, pattern[0]), absent=True)


class SiteCheck:
    """What a site's rule does with a node; it remembers whether it ever met its place."""

    def __init__(self, spec: Spec, where: str) -> None:
        """Take a rule as ``schemas/rules-v1.schema.json`` has it; *where* is its file."""
        self.spec = spec
        self.met = False
        self._path = tuple(str(spec["path"]).split("/"))
        self._wanted = {key: spec[key] for key in CONDITIONS if key in spec}
        self.__doc__ = f"{_summary(spec)}\n\nWhy: {spec['why']}\n\nSource: {where}."

    def __call__(self, view: NodeView) -> Result:
        """Yield the places of a node where the rule does not hold."""
        unseen: set[tuple[str, str]] = set()
        for place in places(view.snapshot.sections, self._path):
            if not self._has_role(view, place):
                continue
            reason = view.snapshot.why_not_observed(place.path) if place.absent else None
            if reason is not None:
                unseen.add(reason)
                continue
            if not place.absent:
                self.met = True
            yield from self._breaches(place)
        for reason in sorted(unseen):
            self.met = True  # nobody could look, which is not the rule's fault
            yield CannotTell(*reason)

    def _has_role(self, view: NodeView, place: Place) -> bool:
        role = self.spec.get("role")
        if role is None:
            return True
        name = place.path[1] if len(place.path) > 1 else ""
        links = view.links
        return name in links and roles.role_of(name, links, view.snapshot["routes"]) == role

    def _breaches(self, place: Place) -> Iterator[Breach]:
        path = "/".join(place.path)
        present = self.spec.get("present")
        if place.absent:
            self.met = self.met or present is not None
            if present:
                yield Breach(path=path, message=f"{path} is not there", expected="present")
            return
        if present is False:
            yield Breach(path=path, message=f"{path} is there", seen=place.value)
            return
        for key, wanted in self._wanted.items():
            words, holds = CONDITIONS[key]
            if not holds(place.value, wanted):
                yield Breach(
                    path=path,
                    message=f"{path} is {place.value}, not {words}{_word(wanted)}",
                    seen=place.value,
                    expected=wanted,
                )


def _word(wanted: t.Any) -> str:
    return ", ".join(map(str, wanted)) if isinstance(wanted, list) else str(wanted)


def _summary(spec: Spec) -> str:
    parts = [f"{CONDITIONS[key][0]}{_word(spec[key])}" for key in CONDITIONS if key in spec]
    if "present" in spec:
        parts.append("present" if spec["present"] else "absent")
    of_role = f" of role {spec['role']}" if "role" in spec else ""
    return f"Have {spec['path']}{of_role} {' and '.join(parts)}."


def site_rule(spec: Spec, where: str) -> Rule:
    """Return the rule that a site wrote. Raises UsageError for one that means nothing."""
    name = spec["id"]
    if not any(key in spec for key in (*CONDITIONS, "present")):
        words = ", ".join((*CONDITIONS, "present"))
        raise UsageError(f"{where}: rule {name} has no condition; it takes one or more of {words}")
    if "role" in spec and not str(spec["path"]).startswith("links/"):
        raise UsageError(f"{where}: rule {name} has a role, so its path must begin with links/")
    try:
        re.compile(str(spec.get("matches", "")))
    except re.error as error:
        raise UsageError(
            f"{where}: rule {name}: matches is no regular expression: {error}"
        ) from None
    return Rule(
        id=name,
        severity=Severity[str(spec["severity"]).upper()],
        scope="node",
        check=SiteCheck(spec, where),
        entries=(),
        remedy=spec["remedy"],
        explains=frozenset(),
    )
