"""On which line of which file a finding stands: for formats that point there."""

from __future__ import annotations

import json
import re
import typing as t
from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from snapdiff import files, strict_yaml
from snapdiff.errors import SnapdiffError
from snapdiff.refs import select
from snapdiff.store import Store

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from snapdiff.model import Finding, Report

# The two forms of a line that a canonical file has; any other makes it one that a person edited.
LINE = re.compile(r'(?:([a-z][a-z0-9_]*):(?: .*)?|  ("(?:[^"\\]|\\.)*"): .*)')
ROW = 2  # names that a row's place has: its section's, and its own
Keys = tuple[str | int, ...]
Places = dict[tuple[str, str], tuple[str, int]]  # by node and place: file and line


class Lines:
    """The lines of one snapshot file by the places that begin on them."""

    def __init__(self, data: bytes, where: str) -> None:
        """Read the lines. Raises UnreadableError where *data* is no YAML that we take."""
        self._lines: Mapping[Keys, int] = _canonical(data) or {
            keys: line for keys, (line, _column) in strict_yaml.load(data, where).places.items()
        }

    def find(self, path: str) -> tuple[int, int]:
        """Return the line of a place, or of the nearest above it, and how many names that has.

        *path* is as people write it, so a name that holds a slash is looked for as well. ``*``
        stands for a name where just one is there that it can mean.
        """
        keys: Keys = ()
        rest = path
        while rest:
            name, rest = self._next(keys, rest)
            if name is None:
                break
            keys = (*keys, name)
        return self._lines.get(keys, 1), len(keys)

    def _next(self, keys: Keys, rest: str) -> tuple[str | None, str]:
        """Return the longest name below *keys* that *rest* begins with, and what is left then."""
        parts = rest.split("/")
        for length in range(len(parts), 0, -1):
            name = "/".join(parts[:length])
            if (*keys, name) in self._lines:
                return name, "/".join(parts[length:])
        if "*" in parts[0]:
            like = re.compile(re.escape(parts[0]).replace(r"\*", ".*"), re.DOTALL)
            found = [
                one[-1]
                for one in self._lines
                if len(one) == len(keys) + 1 and one[:-1] == keys and like.fullmatch(str(one[-1]))
            ]
            if len(found) == 1:
                return str(found[0]), "/".join(parts[1:])
        return None, ""


def _canonical(data: bytes) -> dict[Keys, int] | None:
    """Return the lines of a file in canonical form: outer keys and rows; None for another."""
    found: dict[Keys, int] = {}
    section = ""
    try:
        for number, line in enumerate(data.decode().removesuffix("\n").split("\n"), 1):
            match = LINE.fullmatch(line)
            if match is None:
                return None
            if match[1]:
                section = match[1]
                found[section,] = number
            else:
                found[section, json.loads(match[2])] = number
    except ValueError:  # bytes that are no text, or a key that is no JSON
        return None
    return found


def with_places(report: Report) -> Report:
    """Return the report with file and line in every member that stands in a file it was made of.

    That is the row in the newest capture, or in the one before where it is gone now. A file that
    cannot be read any more gives no place. Paths are from the working folder where they lie in it.
    """
    rows = (*report.findings, *report.side_effects, *(one.finding for one in report.waived))
    asked: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        for one in row.members:
            asked[one.node].add(row.path)
    sides = [_files(one.place) for one in reversed(report.inputs)]
    lone = all(len(one) == 1 for one in sides)  # two files may differ in what they call the node
    found: Places = {}
    for node, places in asked.items():
        paths = [next(iter(one.values())) if lone else one.get(node) for one in sides]
        found |= _of_node(node, places, paths)
    return replace(
        report,
        findings=_placed(report.findings, found),
        side_effects=_placed(report.side_effects, found),
        waived=tuple(
            replace(one, finding=_placed([one.finding], found)[0]) for one in report.waived
        ),
    )


def _files(place: str) -> Mapping[str, Path]:
    """Return the snapshot files of an input by node."""
    if not place:
        return {}
    try:
        where = str(Path(place).absolute())  # so that it is no selector
        return select(where, Store(Path()), "", now=datetime.now(UTC)).paths
    except SnapdiffError:
        return {}


def _of_node(node: str, asked: Iterable[str], paths: Iterable[Path | None]) -> Places:
    sides = [(path, lines) for path in paths if path and (lines := _read(path))]
    found = {}
    for place in asked if sides else ():
        spots = [(path, *lines.find(place)) for path, lines in sides]
        best = max(spots, key=lambda spot: min(spot[2], ROW))  # the newest that has the row
        found[node, place] = (_shown(best[0]), best[1])
    return found


def _read(path: Path) -> Lines | None:
    try:
        return Lines(files.read(path, strict_yaml.LIMITS.size), str(path))
    except SnapdiffError:
        return None


def _shown(path: Path) -> str:
    whole = path.resolve()
    here = Path.cwd()
    return str(whole.relative_to(here) if whole.is_relative_to(here) else whole)


def _placed(rows: Iterable[Finding], found: Places) -> tuple[Finding, ...]:
    return tuple(
        replace(
            row,
            members=tuple(
                replace(one, file=found[one.node, row.path][0], line=found[one.node, row.path][1])
                if (one.node, row.path) in found
                else one
                for one in row.members
            ),
        )
        for row in rows
    )
