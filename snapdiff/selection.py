"""Nodes as a person names them: a name, a pattern with ``*``, a group of the inventory."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from snapdiff.errors import UsageError
from snapdiff.paths import glob, nearest
from snapdiff.store import Side

if t.TYPE_CHECKING:
    from collections.abc import Iterable

    from snapdiff.model import Node

GROUP = "group:"


def names(word: str, node: Node) -> bool:
    """Say whether a word means a node; one whose groups nobody wrote down is in none."""
    if word.startswith(GROUP):
        return any(glob(word.removeprefix(GROUP)).fullmatch(one) for one in node.groups)
    return bool(glob(word).fullmatch(node.name))


def chosen(words: Iterable[str], nodes: Iterable[Node], what: str) -> frozenset[str]:
    """Return the nodes that the words mean; *what* names the option for messages.

    Raises UsageError for a word that means none: a slip of the pen must not pass for "nobody".
    """
    everyone = list(nodes)
    found: set[str] = set()
    for word in words:
        named = {one.name for one in everyone if names(word, one)}
        if not named:
            groups = {f"{GROUP}{group}" for one in everyone for group in one.groups}
            known = [*(one.name for one in everyone), *sorted(groups)]
            raise UsageError(f"{what} {word}: there is no such node or group{nearest(word, known)}")
        found |= named
    return frozenset(found)


def only(side: Side, words: Iterable[str], what: str) -> Side:
    """Return a side of some of its nodes alone, as if the others had never been asked."""
    given = tuple(words)
    kept = chosen(given, side.capture.nodes.values(), what)
    nodes = {name: row for name, row in side.capture.nodes.items() if name in kept}
    paths = {name: path for name, path in side.paths.items() if name in kept}
    return Side(replace(side.capture, nodes=nodes, limit=", ".join(given)), paths)
