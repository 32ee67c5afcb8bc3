# Copyright (c) 2026 The snapdiff developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the collection clusternet.snapdiff: it may change at any time.

"""A node that is alive, as a source: commands without a shell, files that are only read."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import typing as t

from ._source import NotObservedError

SBIN = ("/usr/sbin", "/sbin", "/usr/local/sbin")  # not on the PATH of every user's ssh
LARGEST_FILE = 1024 * 1024  # bytes; what we read is a few hundred


class Node:
    """The node that this process runs on."""

    def __init__(self, find: t.Callable[[str], str | None], timeout: float) -> None:
        """Take how to find a tool's path, and the time limit of one command (seconds)."""
        self._find = find
        self._timeout = timeout

    def run(self, command: t.Sequence[str]) -> str:
        """Run *command* with its own path and ``LC_ALL=C``; never through a shell."""
        words = " ".join(command)
        tool = self._find(command[0])
        if not tool:
            raise NotObservedError(f"{command[0]} is not installed")
        try:
            done = subprocess.run(
                [tool, *command[1:]],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=self._timeout,
                env={"LC_ALL": "C", "PATH": os.defpath},
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise NotObservedError(f"'{words}' gave no answer in {self._timeout:g} s") from None
        except OSError as error:
            raise NotObservedError(f"'{words}' could not be run: {error.strerror}") from None
        if done.returncode != 0:
            said = done.stderr.decode("utf-8", "backslashreplace").strip().splitlines()
            reason = said[0] if said else "it said nothing"
            raise NotObservedError(f"'{words}' ended with {done.returncode}: {reason}")
        return done.stdout.decode("utf-8", "backslashreplace")

    def read(self, path: str) -> str | None:
        """Return the text of a file, None where there is none."""
        try:
            with open(path, "rb", opener=_without_waiting) as file:
                if not stat.S_ISREG(
                    os.fstat(file.fileno()).st_mode
                ):  # a pipe would keep us waiting
                    raise NotObservedError(f"{path} is no regular file")
                data = file.read(LARGEST_FILE + 1)
        except OSError as error:
            _raise_unless_absent(error, path)
            return None
        if len(data) > LARGEST_FILE:  # a part of it would look like the whole
            raise NotObservedError(f"{path} is larger than {LARGEST_FILE} bytes")
        return data.decode("utf-8", "backslashreplace")

    def names(self, path: str) -> dict[str, float] | None:
        """Return the names in a folder with their mtimes, None where there is no such folder."""
        try:
            with os.scandir(path) as entries:
                found = [(os.fsencode(entry.name), _mtime(entry)) for entry in entries]
        except OSError as error:
            _raise_unless_absent(error, path)
            return None
        return {
            name.decode("utf-8", "backslashreplace"): mtime
            for name, mtime in found
            if mtime is not None
        }


def _mtime(entry: os.DirEntry[str]) -> float | None:
    try:
        return entry.stat(follow_symlinks=False).st_mtime
    except FileNotFoundError:  # it went while we read; the folder is still there
        return None


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)


def _raise_unless_absent(error: OSError, path: str) -> None:
    # ENODEV is what /proc/sys may answer of a link that has just gone
    if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ENODEV):
        return
    raise NotObservedError(f"{path}: {error.strerror}") from None
