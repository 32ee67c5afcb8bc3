"""A terminal of a given size, with a program in it: what it shows, and keys that are typed."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time

SNAPDIFF = [sys.executable, "-m", "snapdiff"]
ESCAPES = re.compile(r"\x1b(\[[0-9;?]*[A-Za-z]|[78=>])")
FRAME = re.compile(r"\x1b\[H(.*?)\x1b\[J", re.DOTALL)
CTRL_C = "\x03"
PATIENCE = 60.0  # seconds; two busy cores are slow


def _in_front(terminal):
    """Have a terminal as one's own, and hear of Ctrl-C, whatever started the tests ignores."""
    fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)
    signal.signal(signal.SIGINT, signal.default_int_handler)


class Pty:
    """A program whose standard streams are one terminal, but for those that are given."""

    def __init__(self, words, *, columns=100, rows=50, folder=None, environment=None, **streams):
        self.main, inner = pty.openpty()
        self.resize(columns, rows)
        env = {name: value for name, value in os.environ.items() if name not in OURS}
        given = {name: str(one) for name, one in (environment or {}).items()}
        self.process = subprocess.Popen(
            [str(word) for word in words],
            cwd=folder,
            env={**env, "TERM": "xterm-256color", "PYTHONUNBUFFERED": "1", **given},
            start_new_session=True,
            preexec_fn=lambda: _in_front(inner),
            **{"stdin": inner, "stdout": inner, "stderr": inner, **streams},
        )
        os.close(inner)
        self.raw, self.seen = b"", 0

    def __enter__(self):
        return self

    def __exit__(self, *_exception):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.main)

    def resize(self, columns, rows):
        """Give the terminal another size."""
        fcntl.ioctl(self.main, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, keys):
        """Press keys."""
        os.write(self.main, keys.encode())

    @property
    def shown(self):
        """Return all that was written so far, with escapes."""
        return self.raw.decode("utf-8", "replace").replace("\r\n", "\n")

    def wait_for(self, text):
        """Read until a text is there that was not there when this was asked last."""
        start, end = self.seen, time.monotonic() + PATIENCE
        while text not in bare(self.shown[start:]):
            assert time.monotonic() < end, f"no {text!r} in {self.shown[start:]!r}"
            assert self._read(0.2), f"it ended with no {text!r}: {self.shown[start:]!r}"
        self.seen = len(self.shown)
        return self.shown[start:]

    def screen(self, text):
        """Read until a text is on the second screen, which is drawn whole; return that screen."""
        end = time.monotonic() + PATIENCE
        while True:
            frames = FRAME.findall(self.shown)
            drawn = bare(frames[-1]).replace("\r", "") if frames else None
            if drawn is not None and text in drawn:
                return drawn
            assert time.monotonic() < end, f"no {text!r} in {self.shown!r}"
            assert self._read(0.2), f"it ended with no {text!r}: {self.shown!r}"

    def end(self, *, by=None):
        """Read to the end, after a signal where one is given; return the exit code."""
        if by is not None:
            self.process.send_signal(by)
        end = time.monotonic() + PATIENCE
        while self._read(0.2):
            assert time.monotonic() < end, f"it does not end: {self.shown!r}"
        return self.process.wait(PATIENCE)

    def _read(self, seconds):
        """Take what there is; false at the end of it all."""
        if not select.select([self.main], [], [], seconds)[0]:
            return self.process.poll() is None
        try:
            data = os.read(self.main, 1 << 16)
        except OSError:  # the program has closed its side
            return False
        self.raw += data
        return bool(data)


OURS = {"NO_COLOR", "PAGER", "LESS", "COLUMNS", "LINES", "FORCE_COLOR"} | {
    name for name in os.environ if name.startswith("SNAPDIFF_")
}
TERMINATE = signal.SIGTERM


def bare(text):
    """Return a text without what moves the cursor or colours."""
    return ESCAPES.sub("", text)


def run(words, **options):
    """Return how a command in a terminal ended, and all that it wrote."""
    with Pty([*SNAPDIFF, *words], **options) as terminal:
        return terminal.end(), terminal.shown
