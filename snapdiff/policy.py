"""The severities, the waivers and the rules that a site sets for itself.

What is set and does nothing - an unknown rule, a waiver that is over or met nothing - is a note:
the reader hears of it, and no exit code changes.
"""

from __future__ import annotations

import functools
import typing as t
from dataclasses import dataclass, field, replace
from datetime import date

from snapdiff import codec, files
from snapdiff.errors import UsageError
from snapdiff.model import Severity
from snapdiff.paths import glob, nearest
from snapdiff.rules.of_site import SiteCheck, site_rule
from snapdiff.rules.registry import Breach, Rule, shipped
from snapdiff.strict_yaml import LIMITS

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from snapdiff.causes import Told
    from snapdiff.settings import Settings

FOLDER = "rules"  # beside snapdiff.yml


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiver:
    """Findings that a site accepts, and why; until a day, that day included."""

    rule: str
    reason: str
    node: str = "*"
    path: str = "*"
    until: date | None = None

    def ended(self, today: date) -> bool:
        """Say whether it is over."""
        return self.until is not None and self.until < today

    def meets(self, rule: str, path: str) -> bool:
        """Say whether it is about a rule and a place, on some node."""
        return rule == self.rule and bool(glob(self.path).fullmatch(path))

    def on(self, node: str) -> bool:
        """Say whether it is about a node."""
        return bool(glob(self.node).fullmatch(node))

    @property
    def words(self) -> str:
        """Return what tells it from others."""
        node = "" if self.node == "*" else f" on {self.node}"
        path = "" if self.path == "*" else f" at {self.path}"
        return f"the waiver of {self.rule}{path}{node} ({self.reason})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What a site sets of its own."""

    severities: Mapping[str, Severity | None] = field(default_factory=dict)  # None: off
    waivers: tuple[Waiver, ...] = ()
    rules: Mapping[str, Rule] = field(default_factory=dict)

    def everything(self) -> dict[str, Rule]:
        """Return all rules, shipped and the site's, with the severities that hold here."""
        return {
            name: self._set(one)
            for name, one in sorted({**shipped(), **self.rules}.items())
            if self.severities.get(name, one.severity) is not None
        }

    def _set(self, one: Rule) -> Rule:
        severity = self.severities.get(one.id)
        if severity is None:
            return one

        @functools.wraps(one.check)
        def check(subject: t.Any) -> t.Any:
            for found in one.check(subject):
                yield replace(found, severity=None) if isinstance(found, Breach) else found

        check.__doc__ = one.check.__doc__
        return replace(one, severity=severity, check=check)

    def unknown(self) -> list[str]:
        """Tell of names of rules that mean nothing, with the nearest that does."""
        known = {**shipped(), **self.rules}
        given = [("rules", name) for name in self.severities]
        given += [("a waiver", one.rule) for one in self.waivers]
        return [
            f"{where}: there is no rule {name!r}{nearest(name, known)}"
            for where, name in dict.fromkeys(given)
            if name not in known
        ]


def site_of(settings: Settings) -> Site:
    """Return what the files that *settings* came from set, and ``rules/*.yml`` beside them.

    Raises UsageError or UnreadableError for a rule or a waiver that means nothing.
    """
    given = settings.values
    specs = [(spec, settings.origins["site_rules"]) for spec in given.get("site_rules", ())]
    for folder in settings.folders:
        specs += _of_folder(folder / FOLDER)
    found: dict[str, Rule] = {}
    for spec, where in specs:
        one = site_rule(spec, where)
        if one.id in found or one.id in shipped():
            whose = "a rule of this site" if one.id in found else "a rule of snapdiff's"
            raise UsageError(f"{where}: {one.id} is {whose} already. Give it another id.")
        found[one.id] = one
    return Site(
        severities={
            name: None if word == "off" else Severity[word.upper()]
            for name, word in given.get("rules", {}).items()
        },
        waivers=tuple(_waiver(row, settings) for row in given.get("waivers", ())),
        rules=found,
    )


def _of_folder(folder: Path) -> list[tuple[Mapping[str, t.Any], str]]:
    if not folder.is_dir():
        return []
    return [
        (spec, str(path))
        for path in sorted(folder.glob("*.yml"))
        for spec in codec.loads(files.read(path, LIMITS.size), "rules", str(path))["rules"]
    ]


def _waiver(row: Mapping[str, t.Any], settings: Settings) -> Waiver:
    try:
        until = date.fromisoformat(row["until"]) if "until" in row else None
    except ValueError as error:
        where = settings.origins["waivers"]
        raise UsageError(f"{where}: the waiver of {row['rule']}: until: {error}") from None
    return Waiver(**{**row, "until": until})


def accept(
    told: Iterable[Told], waivers: Iterable[Waiver], today: date
) -> tuple[list[Told], dict[Waiver, list[Told]]]:
    """Return what is left, and what is accepted by which waiver.

    It is asked before effects are put under their causes: who accepts a cause has said nothing of
    what else may be wrong there.
    """
    live = [one for one in waivers if not one.ended(today)]
    left: list[Told] = []
    accepted: dict[Waiver, list[Told]] = {}
    for one in told:
        nodes = one.nodes
        for waiver in live:
            if not waiver.meets(one.rule.id, one.breach.path):
                continue
            on = tuple(node for node in nodes if waiver.on(node))
            if on:
                accepted.setdefault(waiver, []).append(replace(one, nodes=on, effects=[]))
                nodes = tuple(node for node in nodes if node not in on)
        if nodes:
            left.append(one if nodes == one.nodes else replace(one, nodes=nodes))
    return left, accepted


def notes(
    site: Site, used: Iterable[Waiver], today: date, *, unseen: Iterable[str], open_: Iterable[str]
) -> list[str]:
    """Tell of what a site set that did nothing.

    *unseen* are nodes that nobody looked at, and *open_* rules that could not tell: a waiver that
    met nothing may be about these.
    """
    found = site.unknown()
    known, undecided, hidden = site.everything(), set(open_), list(unseen)
    idle = set(site.waivers) - set(used)
    for one in site.waivers:
        if one.rule not in known or one not in idle:
            continue
        if one.ended(today):
            found.append(f"{one.words} ended on {one.until}")
        elif one.rule not in undecided and not any(map(one.on, hidden)):
            found.append(f"{one.words} meets nothing. Take it away.")
    for rule in site.rules.values():
        check = rule.check
        if rule.id in known and isinstance(check, SiteCheck) and not check.met:
            path = check.spec["path"]
            found.append(f"rule {rule.id} meets nothing: no node has {path}{_of_role(check)}")
    return found


def _of_role(check: SiteCheck) -> str:
    return f" of role {check.spec['role']}" if "role" in check.spec else ""
