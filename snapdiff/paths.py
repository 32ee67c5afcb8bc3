"""A place as people write it, ``links/flannel.1/mtu``, and patterns of places and names."""

from __future__ import annotations

import difflib
import re
import typing as t
from functools import cache

from snapdiff import schema
from snapdiff.errors import UsageError

if t.TYPE_CHECKING:
    from collections.abc import Iterable

SLASHED = ("routes", "rules", "fdb", "neighbours", "addresses")  # their names may hold slashes


@cache
def glob(pattern: str) -> re.Pattern[str]:
    """Return a pattern in which ``*`` stands for any characters, and nothing else is special.

    What stands between two ``*`` is taken where it comes first, for good: no pattern is slow.
    """
    first, *rest = map(re.escape, pattern.split("*"))
    if not rest:
        return re.compile(first)
    between = "".join(f"(?>.*?{one})" for one in rest[:-1])
    return re.compile(f"{first}{between}.*{rest[-1]}", re.DOTALL)


def nearest(name: str, known: Iterable[str]) -> str:
    """Return a question for what was meant, empty where nothing is near."""
    close = difflib.get_close_matches(name, list(known), 1)
    return f". Did you mean {close[0]}?" if close else ""


def split(path: str) -> tuple[str, ...]:
    """Split a place into names, ``*`` among them. Raises UsageError for one that cannot be."""
    rest = path.split("/")
    done: tuple[str, ...] = ()
    while rest:
        names = schema.members(done)
        size = 1
        if names is None and done and done[-1] in SLASHED:
            below = schema.members((*done, "*"), named=True) or ()
            ends = [number for number, one in enumerate(rest) if number and one in below]
            size = ends[0] if ends else len(rest)
        name = "/".join(rest[:size])
        if names is not None and name not in names and name != "*":
            where = "/".join(done) or "a snapshot"
            raise UsageError(f"{path}: {where} has no {name!r}{nearest(name, names)}")
        done, rest = (*done, name), rest[size:]
    return done
