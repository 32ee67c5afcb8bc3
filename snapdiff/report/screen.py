"""A text that is drawn again and again in the same place of a terminal."""

from __future__ import annotations

import contextlib
import shutil
import signal
import sys
import typing as t

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# The second screen of a terminal: what was on the first is back when it is left. Without a cursor,
# and without wrapping, so that a line is a row.
ENTER = "\x1b[?1049h\x1b[?25l\x1b[?7l"
LEAVE = "\x1b[?7h\x1b[?25h\x1b[?1049l"
HOME, LINE_END, BELOW = "\x1b[H", "\x1b[K", "\x1b[J"


@contextlib.contextmanager
def screen() -> Iterator[Callable[[str], None]]:
    """Give what draws a text over the one before; the terminal is as it was in the end.

    To be called in the main thread: it takes SIGTERM over.
    """
    before = signal.signal(signal.SIGTERM, _terminated)
    try:
        sys.stdout.write(ENTER)
        yield _draw
    finally:
        sys.stdout.write(LEAVE)
        sys.stdout.flush()
        signal.signal(signal.SIGTERM, before)


def _terminated(number: int, _frame: object) -> t.NoReturn:
    """End as a program does that a signal ends, but by way of what leaves the screen."""
    raise SystemExit(128 + number)


def _draw(text: str) -> None:
    """Draw as many lines as there are rows; of the rest say how many there are."""
    rows = shutil.get_terminal_size().lines
    lines = text.splitlines()
    if len(lines) > rows:
        lines = [*lines[: rows - 1], f"… {len(lines) - rows + 1} more lines"]
    sys.stdout.write(HOME + f"{LINE_END}\r\n".join(lines) + LINE_END + BELOW)
    sys.stdout.flush()
