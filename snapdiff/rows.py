"""Rows of a file as bytes, for a comparison that parses only what differs."""

from __future__ import annotations

import typing as t
from collections.abc import Callable, ItemsView, Iterator, Mapping, ValuesView


class Rows(Mapping[str, t.Any]):
    """A section of a canonical file: rows as bytes, each parsed when it is first asked for.

    Two snapshots are compared row by row as bytes first, so most rows are never parsed.
    """

    __slots__ = ("_parse", "_parsed", "_whole", "raw")

    def __init__(self, raw: dict[str, bytes], parse: Callable[[str, bytes], t.Any]) -> None:
        self.raw = raw
        self._parse = parse
        self._parsed: dict[str, t.Any] = {}
        self._whole: dict[str, t.Any] | None = None  # all of it in the order of the file

    def __getitem__(self, key: str) -> t.Any:
        if key not in self._parsed:
            self._parsed[key] = self._parse(key, self.raw[key])
        return self._parsed[key]

    def items(self) -> ItemsView[str, t.Any]:
        """Return all rows: many rules go through a table, each of them through all of it."""
        return self._all().items()

    def values(self) -> ValuesView[t.Any]:
        """Return all rows without their keys."""
        return self._all().values()

    def _all(self) -> dict[str, t.Any]:
        if self._whole is None:
            self._whole = {key: self[key] for key in self.raw}
        return self._whole

    def __iter__(self) -> Iterator[str]:
        return iter(self.raw)

    def __len__(self) -> int:
        return len(self.raw)

    def __contains__(self, key: object) -> bool:
        return key in self.raw
