"""A shipped playbook in a process of its own, with the Ansible of this Python."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import typing as t
from pathlib import Path

from snapdiff.errors import UnreadableError, UsageError

if t.TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from types import FrameType

NAMES = "clusternet.snapdiff"
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
    words = [sys.executable, "-m", "ansible", "playbook", f"{NAMES}.{name}"]
    words += [word for one in inventories for word in ("--inventory", one)]
    return [*words, "--extra-vars", json.dumps(variables), *arguments]


def attend(command: Sequence[str], environment: Mapping[str, str]) -> tuple[int, bool]:
    """Run a command on our own terminal; return its exit code, and whether somebody ended it.

    Ctrl-C reaches it by the terminal; that and what else asks us to end (SIGTERM, SIGHUP) ends it
    alone, and we go on. A negative code is that of the signal that killed it.
    """
    asked: list[int] = []
    running: list[subprocess.Popen[bytes]] = []

    def pass_on(number: int, _frame: FrameType | None) -> None:
        asked.append(number)
        for process in running if number != signal.SIGINT else ():
            process.send_signal(number)

    heard = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
    before = {one: signal.getsignal(one) for one in heard}
    heard = [one for one in heard if before[one] is not signal.SIG_IGN]  # as nohup has it
    for one in heard:
        signal.signal(one, pass_on)
    try:
        running.append(subprocess.Popen(command, env=environment))
        return running[0].wait(), bool(asked)
    finally:
        for one in heard:
            signal.signal(one, before[one])


def environment_of(given: Mapping[str, str], tree: str) -> dict[str, str]:
    """Return the environment *given* with the collection of *tree* first where Ansible looks."""
    paths = [tree, given.get("ANSIBLE_COLLECTIONS_PATH", "")]
    return {
        **({} if _is_configured(given) else DEFAULTS),
        **given,
        "ANSIBLE_COLLECTIONS_PATH": os.pathsep.join(path for path in paths if path),
    }


def _is_configured(given: Mapping[str, str]) -> bool:
    """Say whether the user has configured Ansible: a variable would override that."""
    places = (
        given.get("ANSIBLE_CONFIG", ""),
        "ansible.cfg",
        Path(given.get("HOME", "/")) / ".ansible.cfg",
        "/etc/ansible/ansible.cfg",
    )
    return any(str(place) and Path(place).is_file() for place in places)
