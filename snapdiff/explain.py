"""A rule or a place in words: what it is, how it is judged here, and who has which value."""

from __future__ import annotations

import ast
import inspect
import json
import re
import textwrap
import typing as t
from collections import defaultdict
from functools import cache

from snapdiff import roles, schema
from snapdiff.errors import SnapdiffError
from snapdiff.paths import SLASHED, glob, split
from snapdiff.rules.of_site import SiteCheck, places
from snapdiff.rules.registry import Rule, shipped

if t.TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from snapdiff.policy import Site, Waiver
    from snapdiff.store import Side

Facts = dict[str, t.Any]
READS = ("get", "section")  # of a NodeView
GIVES = ("Breach", "CannotTell")


def severity_here(rule: Rule, site: Site) -> str:
    """Return how bad a breach is by what the site sets; ``off`` where it is not asked."""
    found = site.severities.get(rule.id, rule.severity)
    return found.word if found is not None else "off"


def rules_of(site: Site) -> dict[str, Rule]:
    """Return all rules, those that are off with them."""
    return dict(sorted({**shipped(), **site.rules}.items()))


def rule_in_words(rule: Rule, site: Site) -> Facts:
    """Return all that is known of a rule."""
    return {
        "rule": rule.id,
        "severity": rule.severity.word,
        "severity_here": severity_here(rule, site),
        "scope": rule.scope,
        "summary": rule.summary,
        "text": rule.text,
        "remedy": rule.remedy,
        "entries": list(rule.entries),
        "of_site": isinstance(rule.check, SiteCheck),
        "waivers": [_waiver(one) for one in site.waivers if one.rule == rule.id],
    }


def _waiver(one: Waiver) -> Facts:
    until = one.until.isoformat() if one.until else ""
    return {
        "rule": one.rule,
        "node": one.node,
        "path": one.path,
        "reason": one.reason,
        "until": until,
    }


def place_in_words(path: str, site: Site, side: Side | None) -> Facts:
    """Return all that is known of a place. Raises UsageError for one that no snapshot can have."""
    parts = split(path)
    found = schema.field(parts)
    text, _, source = found.description.partition("Source: ")
    of_link = parts[0] == "links" and len(parts) > 1 and "*" not in parts[1]
    role = roles.named_role(parts[1], {}) if of_link else None
    values = _values(side, parts) if side is not None else None
    if values is not None and values["role"] is not None:
        role = values["role"]
    return {
        "path": path,
        "description": text.strip(),
        "source": source.strip().removesuffix("."),
        "role": role,
        "class": found.volatility(role),
        "classes": dict(found.classes),
        "since": found.since,
        "rules": [
            {"rule": name, "severity": severity_here(one, site), "summary": one.summary}
            for name, one in rules_of(site).items()
            if any(_meets(pattern, path) for pattern in mentioned(one))
        ],
        "waivers": [
            _waiver(one) for one in site.waivers if one.path != "*" and _meets(one.path, path)
        ],
        "values": values["values"] if values is not None else None,
    }


def _values(side: Side, parts: tuple[str, ...]) -> Facts:
    """Return the values of a place by node, the most frequent first; and the role of its link."""
    found: dict[str, list[str]] = defaultdict(list)
    role = None
    for node in sorted(side.paths):
        try:
            snapshot = side.snapshot(node)
        except SnapdiffError as error:
            found[f"not read: {error}"].append(node)
            continue
        links = snapshot["links"]
        if parts[0] == "links" and len(parts) > 1 and parts[1] in links:
            role = roles.role_of(parts[1], links, snapshot["routes"])
        for place in places(snapshot.sections, parts):
            reason = snapshot.why_not_observed(place.path) if place.absent else None
            word = f"not observed: {reason[1]}" if reason else "absent" if place.absent else ""
            word = word or json.dumps(_plain(place.value), sort_keys=True)
            if node not in found[word]:
                found[word].append(node)
    rows = sorted(found.items(), key=lambda row: (-len(row[1]), row[0]))
    return {"role": role, "values": [{"value": word, "nodes": nodes} for word, nodes in rows]}


def _plain(value: t.Any) -> t.Any:
    return dict(value) if hasattr(value, "raw") else value


def _meets(pattern: str, path: str) -> bool:
    """Say whether a pattern means a place, or something below it."""
    any_name = ".*" if pattern.partition("/")[0] in SLASHED else "[^/]*"
    names = [any_name.join(map(re.escape, one.split("*"))) for one in pattern.split("**")]
    text = ".*".join(names)
    return bool(
        re.fullmatch(text, path)
        or (path.count("/") and re.match(rf"{re.escape(path)}/", pattern))
        or ("*" in path and glob(path).fullmatch(pattern))
    )


@cache
def mentioned(rule: Rule) -> frozenset[str]:
    """Return the places that a rule reads, or says something of, as patterns.

    They stand in its code: what it asks the node for, and the path of what it yields; ``*`` is any
    name, ``**`` all that is below.
    """
    sections = schema.members(()) or ()
    return frozenset(one for one in _named(rule) if one.partition("/")[0] in sections)


def tellers(path: str, site: Site) -> list[str]:
    """Name the rules that tell of a path which is no place of a snapshot, as ``nodes/node1``."""
    return [
        name
        for name, one in rules_of(site).items()
        if any(_meets(pattern, path) for pattern in _named(one) if pattern.strip("*/"))
    ]


@cache
def _named(rule: Rule) -> frozenset[str]:
    if isinstance(rule.check, SiteCheck):
        return frozenset({str(rule.check.spec["path"])})
    return frozenset(_Reader().read(inspect.unwrap(rule.check)))


class _Reader:
    """Reads the code of a rule, and of what it calls among the rules."""

    def __init__(self) -> None:
        self._seen: set[t.Any] = set()

    def read(self, function: t.Any) -> Iterator[str]:
        """Yield the places that a function, and those it calls, name."""
        self._seen.add(function)
        known = function.__globals__
        for one in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(function)))):
            if isinstance(one, ast.Call):
                yield from self._called(one, known)
            elif isinstance(one, ast.Attribute) and one.attr == "path":
                yield from self._properties(known)

    def _called(self, one: ast.Call, known: Mapping[str, t.Any]) -> Iterator[str]:
        if isinstance(one.func, ast.Attribute):
            if one.func.attr in READS and isinstance(one.func.value, ast.Name):
                below = ["**"] if one.func.attr == "section" else []
                yield "/".join([*(_pattern(part, known) for part in one.args), *below])
            return
        name = one.func.id if isinstance(one.func, ast.Name) else ""
        if name in GIVES:
            given = [word.value for word in one.keywords if word.arg == "path"] or one.args[:1]
            yield from (_pattern(part, known) for part in given)
        called = known.get(name)
        if inspect.isfunction(called) and called not in self._seen and _is_ours(called):
            yield from self.read(called)
            yield from self._properties(called.__globals__)

    def _properties(self, known: Mapping[str, t.Any]) -> Iterator[str]:
        """Yield what a property called ``path`` gives, of the classes that a rule may hold."""
        for one in known.values():
            path = getattr(one, "path", None) if inspect.isclass(one) and _is_ours(one) else None
            if isinstance(path, property) and path.fget not in self._seen:
                self._seen.add(path.fget)
                text = textwrap.dedent(inspect.getsource(t.cast("t.Any", path.fget)))
                for each in ast.walk(ast.parse(text)):
                    if isinstance(each, ast.Return) and each.value is not None:
                        yield _pattern(each.value, known)


def _is_ours(one: t.Any) -> bool:
    return str(one.__module__).startswith("snapdiff.rules.")


def _pattern(part: ast.expr, known: Mapping[str, t.Any]) -> str:
    """Return text as it stands in code, ``*`` for what is only known when it runs."""
    if isinstance(part, ast.Constant):
        return str(part.value)
    if isinstance(part, ast.Name) and isinstance(known.get(part.id), str):
        return str(known[part.id])
    if isinstance(part, ast.JoinedStr):
        return "".join(_pattern(one, known) for one in part.values)
    if isinstance(part, ast.FormattedValue):
        return _pattern(part.value, known)
    return "*"
