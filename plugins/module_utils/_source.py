# Copyright (c) 2026 The snapdiff developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the collection clusternet.snapdiff: it may change at any time.

"""What a collector reads from: a node that is alive, or what somebody saved of one."""

from __future__ import annotations

import json
import typing as t

FOREVER = 4294967295  # how the kernel writes "no limit" in a 32 bit life time, in seconds


class NotObservedError(Exception):
    """Something could not be looked at; the text is the reason, fit for a person."""


class Source(t.Protocol):
    """The only way in which a collector touches the world.

    Each method raises :class:`NotObservedError` where it could not look. That is not the same as
    *absent*, which is a value: ``None``.
    """

    def run(self, command: t.Sequence[str]) -> str:
        """Return the standard output of *command*."""

    def read(self, path: str) -> str | None:
        """Return the text of a file, None where there is no such file."""

    def names(self, path: str) -> dict[str, float] | None:
        """Return the names in a folder with their mtime (seconds, UTC), None where it is absent."""


def rows_of(text: str, what: str) -> list[dict[str, t.Any]]:
    """Return the objects that ``ip -json`` or ``bridge -json`` printed.

    iproute2 prints nothing at all for an empty table in some versions, and an empty object for a
    row that its own filter left out; neither is a row.
    """
    if not text.strip():
        return []
    try:
        data = json.loads(text)
    except ValueError as error:
        raise NotObservedError(f"{what} printed what is not JSON: {error}") from None
    if not isinstance(data, list) or not all(isinstance(row, dict) for row in data):
        raise NotObservedError(f"{what} printed JSON that is not a list of objects")
    return [row for row in data if row]


def unique_key(key: str, taken: t.Container[str]) -> str:
    """Return *key*, or with a counter where it is taken: two rows of one key must both be kept."""
    if key not in taken:
        return key
    number = 2
    while f"{key} #{number}" in taken:
        number += 1
    return f"{key} #{number}"
