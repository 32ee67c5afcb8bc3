"""A process of its own that takes captures, to be killed, starved or raced: see test_store.py.

It is started once and forks for every turn, so that a turn costs no start of Python.
"""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path

from snapdiff.errors import SnapdiffError
from snapdiff.model import Outcome
from snapdiff.snapshot import from_bytes
from snapdiff.store import Store

NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
STEPS = ("open", "fdopen", "fsync", "mkdir", "replace", "unlink", "rmdir")


def take(store: Path, text: Path, now: datetime = NOW) -> None:
    """Take a capture of three nodes, of which two answer."""
    draft = Store(store).begin("lab", nodes=["node1", "node2", "node3"], now=now)
    for node in ("node1", "node2"):
        data = text.read_text("utf-8").replace('node: "node1"', f'node: "{node}"', 1)
        draft.add(from_bytes(data.encode(), node))
    draft.note("node3", Outcome.UNREACHABLE, "no route to host")
    draft.seal(now=now, tools={"snapdiff": "test"})


class Torn:
    """A file whose write ends in the middle when its turn has come."""

    def __init__(self, file, step) -> None:
        self._file = file
        self._step = step

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._file.close()

    def write(self, data):
        self._file.write(data[: len(data) // 2])
        self._file.flush()
        self._step()
        self._file.write(data[len(data) // 2 :])

    def __getattr__(self, name):
        return getattr(self._file, name)


def kill_at(number: int) -> None:
    """Have this process kill itself at its *number*-th step that changes the disk."""
    left = number

    def step() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def wrap(name):
        real = getattr(os, name)

        def wrapped(*args, **options):
            step()
            found = real(*args, **options)
            return Torn(found, step) if name == "fdopen" else found

        setattr(os, name, wrapped)

    for name in STEPS:
        wrap(name)


def in_child(work) -> int:
    """Return the wait status of a child that does *work*."""
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        with contextlib.suppress(BaseException):
            work()
            os._exit(0)
        os._exit(70)
    return os.waitpid(pid, 0)[1]


def killed(stores: Path, text: Path) -> None:
    """Take a capture in STORES/N, killed at step N, for every N; say how many there were."""
    number = 0
    while True:
        number += 1
        store = stores / str(number)
        take(store, text, NOW.replace(day=22))

        def work(store=store, number=number):
            kill_at(number)
            take(store, text)

        status = in_child(work)
        if not os.WIFSIGNALED(status):
            print(number - 1, status)  # noqa: T201
            return


def raced(store: Path, text: Path, number: int) -> None:
    """Let as many processes take a capture in one second; say how many could."""
    ready, go = os.pipe()
    pids = []
    for _turn in range(number):
        pid = os.fork()
        if pid == 0:
            with contextlib.suppress(BaseException):
                os.close(go)
                os.read(ready, 1)  # until all are there
                take(store, text)
                os._exit(0)
            os._exit(70)
        pids.append(pid)
    os.close(go)
    print(sum(os.waitpid(pid, 0)[1] == 0 for pid in pids))  # noqa: T201


def starved(store: Path, text: Path, size: int) -> None:
    """Take a capture where no file may be longer than *size*; print the error."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    tell(store, text)


def tell(store: Path, text: Path) -> None:
    """Take a capture; print the error, and what is left in the store."""
    try:
        take(store, text)
    except SnapdiffError as error:
        print(error)  # noqa: T201
    for path in sorted(store.rglob("*")):
        print(path.relative_to(store), path.stat().st_size)  # noqa: T201


def nobody(store: Path, _text: Path) -> None:
    """Take a capture, and read, as a user who may do neither there."""
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
    for work in (
        lambda: Store(store).begin("lab", nodes=["node1"], now=NOW),
        lambda: Store(store).captures("lab"),
        lambda: Store(store).clusters(),
    ):
        try:
            work()
        except SnapdiffError as error:
            print(error)  # noqa: T201


if __name__ == "__main__":
    what, store, text, *number = sys.argv[1:]
    globals()[what](Path(store), Path(text), *map(int, number))
