# Copyright (c) 2026 The snapdiff developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the collection clusternet.snapdiff: it may change at any time.

"""What a collector reads from: a node that is alive, or what somebody saved of one."""

from __future__ import annotations

import json
import re
import typing as t

FOREVER = 4294967295  # how the kernel writes "no limit" in a 32 bit life time, in seconds

TEXTS = ("ifname", "dst", "dev", "gateway", "lladdr", "mac")  # what rows are called by


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
        data = _loads(text)
    except (ValueError, RecursionError) as error:
        raise NotObservedError(f"{what} printed what is not JSON: {error}") from None
    if not isinstance(data, list) or not all(isinstance(row, dict) for row in data):
        raise NotObservedError(f"{what} printed JSON that is not a list of objects")
    for name in TEXTS:
        if not all(isinstance(row.get(name, ""), str) for row in data):
            raise NotObservedError(f"{what} printed a row whose {name} is no text")
    return [row for row in data if row]


def _loads(text: str) -> t.Any:
    """Read what iproute2 takes for JSON: it prints the bytes of names and aliases as they are.

    Control characters are among them, and bytes that are no UTF-8, which a source has written as
    ``\\xff``; versions before 6.2 put a backslash before an apostrophe.
    """
    try:
        return json.loads(text, strict=False)
    except ValueError:
        return json.loads(re.sub(r"\\(.)", _mend, text, flags=re.DOTALL), strict=False)


def _mend(escape: re.Match[str]) -> str:
    if escape[1] in '"\\/bfnrtu':
        return escape[0]
    return "'" if escape[1] == "'" else f"\\\\{escape[1]}"


def unique_key(key: str, taken: t.Container[str]) -> str:
    """Return *key*, or with a counter where it is taken: two rows of one key must both be kept."""
    if key not in taken:
        return key
    number = 2
    while f"{key} #{number}" in taken:
        number += 1
    return f"{key} #{number}"
