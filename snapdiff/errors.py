"""The exceptions, as a tree; each knows the exit code that it ends a command with.

::

    SnapdiffError              exit 2: what, where, how to mend
    ├── UsageError             a selector, option or setting that means nothing
    │   └── FirstCaptureError  there is no capture before, yet
    └── UnreadableError        a file that cannot be read, or is not what it should be
        └── InvalidError       it can be read, but its content breaks the schema
"""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """What a command ends with; the same of every command. An unknown code is a failure."""

    CLEAN = 0
    FINDINGS = 1  # at or above --fail-on
    UNREADABLE = 2  # bad usage, or input that cannot be read
    UNTRUSTED = 3  # coverage under --min-coverage, or undecided with --strict
    INTERRUPTED = 130


class SnapdiffError(Exception):
    """Anything that we tell a person in one sentence instead of a traceback."""

    exit_code = ExitCode.UNREADABLE


class UsageError(SnapdiffError):
    """Raised when a selector, an option or a setting means nothing here."""


class FirstCaptureError(UsageError):
    """Raised when the capture before is asked for and there is one only: nothing is wrong yet."""


class UnreadableError(SnapdiffError):
    """Raised when a file cannot be read, or is not the form that it should be."""


class InvalidError(UnreadableError):
    """Raised when data breaks its schema; *path* is the place inside the data."""

    def __init__(self, message: str, path: tuple[str | int, ...] = ()) -> None:
        super().__init__(message)
        self.path = path
