"""A plan: what a change may alter, which nodes it is for, and what it may bring with it."""

from __future__ import annotations

import json
import re
import typing as t
from dataclasses import dataclass
from pathlib import Path

from snapdiff import codec, files, paths, schema
from snapdiff.errors import UnreadableError, UsageError
from snapdiff.paths import glob
from snapdiff.selection import names
from snapdiff.strict_yaml import LIMITS
from snapdiff.wording import word

if t.TYPE_CHECKING:
    from collections.abc import Mapping

    from snapdiff.model import Node

PROFILES = Path(__file__).parent / "plans"
ANY = object()  # a value that is not told: any will do
NODES = "nodes"  # no section of a snapshot: places of whole nodes begin with it
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One change of a plan; *verb* is change, add or remove."""

    verb: str
    path: str
    keys: tuple[str, ...]  # the path in its parts, for a name may hold a slash
    on: tuple[str, ...] = ("*",)
    old: t.Any = ANY
    new: t.Any = ANY
    source: tuple[str, ...] = ()  # the place whose value before is the value after

    @property
    def text(self) -> str:
        """Return it as people write it."""
        if self.verb != "change":
            return f"{self.verb} {self.path}{self._where}"
        return f"{self.path} {self.intent}"

    @property
    def intent(self) -> str:
        """Return what it wants of its place, to be said after that."""
        if self.verb != "change":
            return f"to {'come' if self.verb == 'add' else 'go'}{self._where}"
        old = "" if self.old is ANY else f"{word(self.old)} "
        new = "another value" if self.new is ANY else word(self.new)
        if self.source:
            new = f"what {'/'.join(self.source)} was"
        return f"{old}→ {new}{self._where}"

    @property
    def _where(self) -> str:
        return "" if self.on == ("*",) else f" on {', '.join(self.on)}"

    @property
    def wanted(self) -> t.Any:
        """Return the value after, None where any will do or where it is not a fixed one."""
        return None if self.new is ANY else self.new

    @property
    def is_pattern(self) -> bool:
        """Say whether it may mean several places of a node, or none."""
        return any("*" in key for key in self.keys)

    @property
    def of_nodes(self) -> bool:
        """Say whether it is about whole nodes that come or go: ``nodes/node9``."""
        return self.keys[0] == NODES

    def covers(self, place: tuple[str, ...]) -> bool:
        """Say whether a changed place is one that this is about.

        A change covers what lies below its place too; what comes or goes is the place alone, or,
        where that is a table, a row of it.
        """
        if self.verb == "change" or not _is_table(self.keys):
            deeper = self.verb == "change"
        else:
            deeper = len(place) == len(self.keys) + 1
        return lies(self.keys, place) and (deeper or len(place) == len(self.keys))

    def is_for(self, node: Node) -> bool:
        """Say whether it is to be done on a node. A node without groups is in none."""
        return not self.of_nodes and any(names(pattern, node) for pattern in self.on)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A plan as its file has it; *within* in seconds, None where no time is set."""

    title: str
    items: tuple[Item, ...]
    follows: tuple[tuple[str, ...], ...] = ()  # places in their parts
    breaks: tuple[str, ...] = ()  # rules of check that may be broken until all is done
    within: int | None = None
    place: str = ""

    def of_follows(self, place: tuple[str, ...]) -> bool:
        """Say whether a changed place is one that may change as a consequence, or below one."""
        return any(lies(one, place) for one in self.follows)

    def brings(self, item: Item) -> bool:
        """Say whether a place is not there before, since another line adds it or what it is in."""
        return any(one.verb == "add" and lies(one.keys, item.keys) for one in self.items)


def read_plan(path: Path) -> Plan:
    """Return the plan in a file.

    Raises UnreadableError for what is no plan, UsageError for a place that no snapshot can have.
    """
    data = files.read(path, LIMITS.size)
    found = codec.loads(data, "plan", str(path))
    within = found.get("within")
    try:
        return Plan(
            title=found["title"],
            items=tuple(_item(row) for row in found["changes"]),
            follows=tuple(_parts(one) for one in found.get("follows", ())),
            breaks=tuple(found.get("breaks", ())),
            within=int(within[:-1]) * SECONDS[within[-1]] if within else None,
            place=str(path),
        )
    except UsageError as error:
        raise UnreadableError(f"{path}: {error}") from None


def _item(row: Mapping[str, t.Any]) -> Item:
    verb = next(one for one in ("change", "add", "remove") if one in row)
    path, source = row[verb], row.get("to_value_of", "")
    item = Item(
        verb=verb,
        path=path,
        keys=_parts(path),
        on=tuple(row.get("on", ("*",))),
        old=row.get("from", ANY),
        new=row.get("to", ANY),
        source=_parts(source) if source else (),
    )
    if item.of_nodes and (verb == "change" or "on" in row):
        raise UsageError(f"{path}: a node comes or goes, so it takes add or remove, and no 'on'")
    if NODES in item.source or "*" in source:
        raise UsageError(f"{source}: to_value_of takes one place of a snapshot, without *")
    for name in ("from", "to"):
        if name in row and not schema.fits(row[name], item.keys):
            raise UsageError(f"{path}: {name} is {json.dumps(row[name])}, which it can never be")
    return item


def _parts(path: str) -> tuple[str, ...]:
    """Return a place in its parts. Raises UsageError for one that no snapshot can have."""
    head, _, rest = path.partition("/")
    return (NODES, rest) if head == NODES and rest else paths.split(path)


def lies(keys: tuple[str, ...], place: tuple[str, ...]) -> bool:
    """Say whether a place is one that *keys* mean, or below it."""
    return len(place) >= len(keys) and all(
        glob(key).fullmatch(name) for key, name in zip(keys, place, strict=False)
    )


def _is_table(keys: tuple[str, ...]) -> bool:
    """Say whether rows of any name may stand below a place."""
    return keys[0] != NODES and schema.members(keys) is None


def within_words(seconds: float) -> str:
    """Return a time span as people say it, in its largest whole unit: ``30 min``."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            text = f"{seconds / size:.1f}"
            return f"{re.sub(r'[.]0$', '', text)} {unit}"
    return f"{seconds:.0f} s"


def profiles() -> dict[str, Plan]:
    """Return the shipped plans by name; each is a file that a user copies and changes."""
    return {path.stem: read_plan(path) for path in sorted(PROFILES.glob("*.yml"))}
