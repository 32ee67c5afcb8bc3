"""How far a long work is, drawn on standard error where that is a terminal; nothing elsewhere.

Nothing runs beside the work: the bar is drawn when the work says how far it is, so it writes over
no question that another program asks on the terminal in between.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
import typing as t

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.progress import Progress, TaskID

SOON = 0.5  # seconds; what is done by then needs no bar
PAUSE = 0.1  # seconds between two drawings


@contextlib.contextmanager
def counting(what: str, *, after: float = SOON) -> Iterator[Callable[[int, int], None]]:
    """Give a callback for how many are done of how many; the bar is gone when the work ends.

    *after* is how many seconds pass before it is drawn at all.
    """
    if not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        yield lambda done, total: None
        return
    line = _Line(what, time.monotonic() + after)

    def show(done: int, total: int) -> None:
        with contextlib.suppress(OSError):  # the terminal may be gone: the work goes on
            line.show(done, total)

    try:
        yield show
    finally:
        with contextlib.suppress(OSError):
            line.end()


class _Line:
    """The last line of the terminal, taken when there is something to draw."""

    def __init__(self, what: str, start: float) -> None:
        self._what = what
        self._next = start
        self._bar: Progress | None = None
        self._task: TaskID | None = None
        self._told = (-1, -1)

    def show(self, done: int, total: int) -> None:
        now = time.monotonic()
        early = now < self._next and (self._bar is None or done < total)
        if early or (done, total) == self._told:
            return
        if self._bar is None or self._task is None:
            self._bar = _bar()
            self._task = self._bar.add_task(self._what, total=total)
            self._bar.start()
        self._bar.update(self._task, completed=done, total=total, refresh=True)
        self._told, self._next = (done, total), now + PAUSE

    def end(self) -> None:
        if self._bar is not None:
            self._bar.stop()


def _bar() -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        console=Console(stderr=True, force_terminal=True),
        auto_refresh=False,
        transient=True,
        redirect_stdout=False,  # what is printed to it may be the report
        redirect_stderr=False,
    )
