"""A waiver written into ``snapdiff.yml``, whose comments and order stay as a person wrote them."""

from __future__ import annotations

import json
import re
import typing as t

from snapdiff import codec, files
from snapdiff.errors import UnreadableError, UsageError
from snapdiff.settings import FILE
from snapdiff.strict_yaml import LIMITS

if t.TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

HEAD = re.compile(r"^waivers:[ ]*(#.*)?$", re.MULTILINE)
EMPTY = re.compile(r"^waivers:[ ]*\[[ ]*\](?=[ ]*(#.*)?$)", re.MULTILINE)
ITEM = re.compile(r"(?:[ ]*(?:#.*)?\r?\n)*([ ]*)- ")  # the first, below blank lines and comments


def add_waiver(folder: Path, waiver: Mapping[str, str]) -> Path:
    """Add a waiver to the site's file in *folder*, or above it, as the first; return its path.

    Raises UsageError where the file has its waivers in a form that no line can be added to; the
    file is as it was then.
    """
    path = next(
        (one / FILE for one in (folder, *folder.parents) if (one / FILE).is_file()), folder / FILE
    )
    data = files.read(path, LIMITS.size) if path.is_file() else b""
    before = codec.loads(data, "config", str(path)) if data.strip() else {}
    row = {key: value for key, value in waiver.items() if value}
    line = json.dumps(row)
    new = _with(data.decode(), line).encode()
    try:
        after = codec.loads(new, "config", str(path))
    except UnreadableError:
        after = {}
    rows = after.get("waivers", [])
    if rows[:1] != [row] or {**after, "waivers": rows[1:]} != {"waivers": [], **before}:
        raise UsageError(f"{path}: its waivers cannot be added to. Add this to them: {line}")
    files.write_whole(path, new)
    return path


def _with(text: str, line: str) -> str:
    text = EMPTY.sub("waivers:", text)
    head = HEAD.search(text)
    if head is None:
        start = text if not text or text.endswith("\n") else f"{text}\n"
        return f"{start}waivers:\n  - {line}\n"
    item = ITEM.match(text, head.end() + 1)
    indent = item[1] if item else "  "
    return f"{text[: head.end()]}\n{indent}- {line}{text[head.end() :]}"
