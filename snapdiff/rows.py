"""Rows of a file as bytes, for a comparison that parses only what differs."""

from __future__ import annotations

import typing as t
from collections.abc import Callable, Iterator, Mapping


class Rows(Mapping[str, t.Any]):
    """A section of a canonical file: rows as bytes, each parsed when it is first asked for.

    Two snapshots are compared row by row as bytes first, so most rows are never parsed.
    """

    __slots__ = ("_parse", "_parsed", "raw")

    def __init__(self, raw: dict[str, bytes], parse: Callable[[str, bytes], t.Any]) -> None:
        self.raw = raw
        self._parse = parse
        self._parsed: dict[str, t.Any] = {}

    def __getitem__(self, key: str) -> t.Any:
        if key not in self._parsed:
            self._parsed[key] = self._parse(key, self.raw[key])
        return self._parsed[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.raw)

    def __len__(self) -> int:
        return len(self.raw)

    def __contains__(self, key: object) -> bool:
        return key in self.raw
