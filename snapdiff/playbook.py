"""A shipped playbook in a process of its own, with the Ansible of this Python."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import typing as t
from functools import cache
from pathlib import Path

from snapdiff.errors import UnreadableError, UsageError

if t.TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from types import FrameType

NAMES = "clusternet.snapdiff"
GRACE = 4.0  # seconds for Ansible to end after a Ctrl-C that the terminal may have sent it
DEFAULTS = {  # of Ansible, where the user's own configuration says nothing
    "ANSIBLE_PIPELINING": "1",  # half the work on the controller, and no file on the node
    "ANSIBLE_FORKS": "20",
}


def collection_root() -> Path:
    """Return the collection: the one in the wheel, or the checkout that the package lies in."""
    package = Path(__file__).resolve().parent
    for place in (package / "collection", package.parent):
        if (place / "galaxy.yml").is_file():
            return place
    raise UnreadableError(f"{package}: the collection is not beside it. Install the package again.")


@contextlib.contextmanager
def collection_tree() -> Iterator[str]:
    """Give a folder that has the collection under the name that Ansible looks it up by."""
    with tempfile.TemporaryDirectory(prefix="snapdiff-") as folder:
        place = Path(folder) / "ansible_collections" / "clusternet"
        place.mkdir(parents=True)
        (place / "snapdiff").symlink_to(collection_root(), target_is_directory=True)
        yield folder


def refuse_what_is_missing(inventories: Sequence[str]) -> None:
    """Raise UsageError where there is no Ansible, or no inventory.

    Of a file that is not there Ansible only warns, and has no hosts then.
    """
    import importlib.util

    if importlib.util.find_spec("ansible") is None:
        raise UsageError(
            "Ansible is not in this Python. Install it with "
            f"'{sys.executable} -m pip install clusternet-snapdiff[ansible]'."
        )
    for inventory in inventories:
        if "," not in inventory and not Path(inventory).expanduser().exists():
            raise UsageError(
                f"-i {inventory}: no such file or folder. "
                f"A host without a file has a comma behind it, as '{inventory},'."
            )


def command_of(
    name: str,
    inventories: Sequence[str],
    variables: Mapping[str, t.Any],
    arguments: Sequence[str] = (),
) -> list[str]:
    """Return the words that run the playbook *name*; *arguments* are for ansible-playbook."""
    # -P: what lies in the working folder is no code of ours
    words = [sys.executable, "-P", "-m", "ansible", "playbook", f"{NAMES}.{name}"]
    words += [word for one in inventories for word in ("--inventory", one)]
    return [*words, "--extra-vars", json.dumps(variables), *arguments]


class Outliving:
    """A command on our own terminal that we outlive, for there is something left to do.

    While it runs, what asks us to end (SIGTERM, SIGHUP) ends it alone; Ctrl-C reaches it by the
    terminal, and by us where it does not. Once it has ended, a terminal that is gone ends nothing
    any more, and SIGTERM does what Ctrl-C does.
    """

    def __init__(self) -> None:
        """Hear nothing yet."""
        self.asked = False  # whether somebody asked us to end while the command ran
        self._before: dict[signal.Signals, t.Any] = {}
        self._process: subprocess.Popen[bytes] | None = None
        self._ended = False
        self._early = 0
        self._by_terminal = os.isatty(0)
        self._interrupted = 0.0  # when; it may have been meant for us alone

    def __enter__(self) -> Outliving:
        for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            before = signal.getsignal(one)
            if before is not signal.SIG_IGN:  # as nohup has it
                self._before[one] = before
                signal.signal(one, self._hear)
        return self

    def __exit__(self, *_: object) -> None:
        for one, before in self._before.items():
            signal.signal(one, before)

    def run(self, command: Sequence[str], environment: Mapping[str, str]) -> int:
        """Run it; return its exit code, below zero that of the signal that killed it."""
        self._process = subprocess.Popen(command, env=environment)
        if self._early:  # before there was anybody to hear it
            self._process.send_signal(self._early)
        try:
            while True:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    return self._process.wait(GRACE / 4)
                if self._interrupted and time.monotonic() - self._interrupted > GRACE:
                    self._interrupted = 0.0
                    self._process.send_signal(signal.SIGINT)
        finally:
            self._ended = True
            if signal.SIGHUP in self._before:  # what we start from here on ignores it too
                signal.signal(signal.SIGHUP, signal.SIG_IGN)

    def _hear(self, number: int, _frame: FrameType | None) -> None:
        if self._ended:
            raise KeyboardInterrupt
        self.asked = True
        if number == signal.SIGINT and self._by_terminal:
            self._interrupted = time.monotonic()
        elif self._process is not None:
            self._process.send_signal(number)
        else:
            self._early = number


def environment_of(given: Mapping[str, str], tree: str, folder: str = "") -> dict[str, str]:
    """Return the environment for Ansible: with the collection of *tree* first where it looks.

    *folder* is what it runs in; empty: the working folder.
    """
    place = folder or str(Path.cwd())
    known = given.get("ANSIBLE_COLLECTIONS_PATH") or configured(place).collections
    return {
        **({} if _is_configured(given, place) else DEFAULTS),
        **given,
        "ANSIBLE_COLLECTIONS_PATH": os.pathsep.join(path for path in (tree, known) if path),
        "PWD": place,
    }


class Configured(t.NamedTuple):
    """What the user's configuration of Ansible says."""

    collections: str  # where it looks for them; our own variable would hide that
    asks: bool  # for a password, on the terminal


@cache
def configured(folder: str) -> Configured:
    """Return what Ansible is configured with in a folder; nothing where it cannot say."""
    words = (
        "import json, os; from ansible import constants as c; print(json.dumps("
        "[os.pathsep.join(c.COLLECTIONS_PATHS), any([c.DEFAULT_ASK_PASS, "
        "c.DEFAULT_BECOME_ASK_PASS, c.DEFAULT_ASK_VAULT_PASS])]))"
    )
    argv = [sys.executable, "-P", "-c", words]
    done = subprocess.run(argv, capture_output=True, text=True, cwd=folder, check=False)
    return Configured(*json.loads(done.stdout)) if done.returncode == 0 else Configured("", False)


def _is_configured(given: Mapping[str, str], folder: str) -> bool:
    """Say whether the user has configured Ansible: a variable would override that."""
    places = (
        given.get("ANSIBLE_CONFIG", ""),
        Path(folder, "ansible.cfg"),
        Path(given.get("HOME", "/")) / ".ansible.cfg",
        "/etc/ansible/ansible.cfg",
    )
    return any(str(place) and Path(place).is_file() for place in places)
