"""Files that snapdiff wrote into a folder that may be others' too: told by what they begin with.

None that it did not write is ever replaced or removed.
"""

from __future__ import annotations

import contextlib
import json
import typing as t

from snapdiff import files
from snapdiff.errors import SnapdiffError, UsageError
from snapdiff.strict_yaml import LIMITS

if t.TYPE_CHECKING:
    from collections.abc import Container, Sequence
    from pathlib import Path

SCHEMA = "snapdiff/site/1"
MARKS = (b'<meta name="generator" content="snapdiff ', SCHEMA.encode())
HEAD = 4096  # bytes at the beginning of a file that say whose it is
FOLDER_MODE = 0o755  # a web server is another user


def is_ours(path: Path) -> bool:
    """Say whether a file is there that snapdiff wrote."""
    try:
        if path.is_symlink() or not path.is_file():
            return False
        with path.open("rb") as file:
            head = file.read(HEAD)
    except OSError:
        return False
    return any(mark in head for mark in MARKS)


def claim(path: Path) -> None:
    """Raise UsageError where something stands in the way that snapdiff did not write."""
    if (path.exists() or path.is_symlink()) and not is_ours(path):
        raise UsageError(f"{path}: snapdiff did not write this file. Name another folder.")


def write(path: Path, text: str) -> None:
    """Write a file that everybody can read, and the folders above it."""
    missing = [one for one in (path.parent, *path.parent.parents) if not one.exists()]
    try:
        for one in reversed(missing):
            one.mkdir()
            one.chmod(FOLDER_MODE)
    except OSError as error:
        raise UsageError(f"{path.parent}: cannot make it: {error.strerror}") from None
    files.write_whole(path, text.encode("utf-8", "backslashreplace"), shared=True)


def document(path: Path) -> dict[str, t.Any]:
    """Return what was written down in a file of ours; nothing where there is none that is whole."""
    try:
        found = json.loads(files.read(path, LIMITS.size))
    except (SnapdiffError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) and found.get("schema") == SCHEMA else {}


def remove_file(path: Path) -> None:
    """Remove a file, if it is ours."""
    if is_ours(path):
        path.unlink()


def remove(folder: Path, *, keep: Container[str], names: Sequence[str]) -> int:
    """Remove files of *names* from folders inside, less those to *keep*; return of how many.

    A folder is ours where the last of *names* in it is.
    """
    gone = [one for one in files.inside(folder) if one.is_dir() and one.name not in keep]
    gone = [one for one in gone if not one.is_symlink() and is_ours(one / names[-1])]
    for one in gone:
        for name in names:
            remove_file(one / name)
        with contextlib.suppress(OSError):  # somebody put files of their own there
            one.rmdir()
    return len(gone)
