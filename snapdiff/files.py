"""Files as a store needs them: whole or not at all, never through a link, never world-readable."""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
from typing import TYPE_CHECKING

from snapdiff.errors import UnreadableError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FILE_MODE = 0o640
SHARED_MODE = 0o644  # for what others have to read
PRIVATE_MODE = 0o600
FOLDER_MODE = 0o750


def make_folder(path: Path, *, new: bool = False) -> None:
    """Make a folder and those above it; *new*: raise FileExistsError where it is there."""
    try:
        if not path.parent.is_dir():  # mkdir(parents=True) would make it for everybody
            make_folder(path.parent)
        path.mkdir(FOLDER_MODE, exist_ok=not new)
    except FileExistsError:
        if new:
            raise
        raise UnreadableError(f"{path}: it is no folder") from None
    except OSError as error:
        raise UnreadableError(f"{path}: cannot make it: {error.strerror}") from None


def write_whole(path: Path, data: bytes, *, shared: bool = False, private: bool = False) -> None:
    """Write a file so that it is there with all of *data*, or not at all, also after a crash.

    A *shared* one can be read by everybody, whatever the umask, a *private* one by its owner. What
    is there and is no regular file, as /dev/stdout or a pipe, is written into: a rename would take
    its place.
    """
    if path.exists() and not path.is_file() and not path.is_dir():
        _write_into(path, data)
        return
    draft = path.with_name(f".{path.name[:200]}.{secrets.token_hex(4)}")
    try:
        mode = PRIVATE_MODE if private else FILE_MODE
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                if shared:
                    os.fchmod(file.fileno(), SHARED_MODE)
                os.fsync(file.fileno())
            draft.replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                draft.unlink()
            raise
        sync_folder(path.parent)
    except OSError as error:
        raise UnreadableError(f"{path}: cannot write it: {error.strerror}") from None


def _write_into(path: Path, data: bytes) -> None:
    try:
        with path.open("wb") as file:
            file.write(data)
    except OSError as error:
        raise UnreadableError(f"{path}: cannot write it: {error.strerror}") from None


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Have no other process in here, of this folder, until the end of the block."""
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise UnreadableError(f"{folder}: {error.strerror}") from None
    try:
        with contextlib.suppress(OSError):  # a file system without locks: as it was without us
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def sync_folder(path: Path) -> None:
    """Have the names in a folder survive a power cut."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def inside(folder: Path) -> list[Path]:
    """Return what is in a folder; nothing where there is none."""
    try:
        return list(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise UnreadableError(f"{folder}: {error.strerror}") from None


def is_there(path: Path) -> bool:
    """Say whether a file is there."""
    try:
        return path.is_file()
    except OSError as error:
        raise UnreadableError(f"{path}: {error.strerror}") from None


def read(path: Path, limit: int) -> bytes:
    """Return the bytes of a file of at most *limit* bytes."""
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise UnreadableError(f"{path}: {error.strerror}") from None
    if len(data) > limit:
        raise UnreadableError(f"{path}: over the limit of {limit} bytes")
    return data
