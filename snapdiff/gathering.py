"""A capture taken by Ansible in a process of its own, with the playbook that is shipped."""

from __future__ import annotations

import contextlib
import subprocess
import tempfile
import typing as t
from dataclasses import dataclass
from pathlib import Path

from snapdiff.errors import SnapdiffError, UnreadableError, UsageError
from snapdiff.playbook import (
    collection_tree,
    command_of,
    environment_of,
    refuse_what_is_missing,
)
from snapdiff.store import ASKED, MANIFEST, Draft, Store, read_manifest

if t.TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from snapdiff.model import Capture

POINTER = "SNAPDIFF_POINTER"  # as plugins/action/capture.py has it
PAUSE = 0.2  # seconds between two looks at how far it is
SHOWN = 15  # last lines of Ansible's output that an error shows
USAGE = "ansible-playbook: error: "  # Ansible prints all of its help below that


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is to be gathered."""

    inventories: tuple[str, ...]
    hosts: str = "all"
    limit: str = ""
    label: str = ""
    kubectl_nodes: str = ""  # file with the output of 'kubectl get nodes -o json'
    kubectl_flannel: str = ""  # file with that of 'kubectl get configmaps,pods -o json'
    kubectl_prefix: str = ""  # of flannel's annotations; empty: flannel's own
    arguments: tuple[str, ...] = ()  # for ansible-playbook, as they are
    folder: str = ""  # that relative paths of these are from; empty: the working folder


def gather(
    wish: Wish,
    store: Store,
    cluster: str,
    environment: Mapping[str, str],
    progress: t.Callable[[int, int], None],
) -> Capture:
    """Take a capture and return it, sealed; *progress* hears of nodes done and asked.

    Raises UsageError where Ansible is not there, UnreadableError where it ended without a capture.
    """
    if not wish.inventories:
        raise UsageError(
            "which nodes? Give -i INVENTORY, set inventory in snapdiff.yml, or --local for this one"
        )
    refuse_what_is_missing(wish.inventories)
    with collection_tree() as tree, tempfile.TemporaryFile() as said:
        pointer = Path(tree) / "capture"
        process = subprocess.Popen(
            _command(wish, store, cluster),
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            cwd=wish.folder or None,
            env={
                **environment_of(environment, tree, wish.folder),
                "ANSIBLE_NOCOLOR": "1",
                POINTER: str(pointer),
            },
        )
        try:
            while _still(process):
                _tell(pointer, progress)
        except BaseException:
            process.terminate()
            process.wait()
            raise
        said.seek(0)
        text = said.read().decode("utf-8", "backslashreplace")
        folder = _told(pointer)
    if folder is not None and (folder / MANIFEST).is_file():
        return read_manifest(store.cluster_folder(cluster) / folder.name)  # as we call the store
    if process.returncode == 0:
        raise UsageError(f"no node was gathered: {_none(wish, text)}")
    lines = "\n  ".join(_last_words(text))
    raise UnreadableError(f"Ansible ended with {process.returncode} and no capture:\n  {lines}")


def _none(wish: Wish, text: str) -> str:
    """Say why there was no node: what Ansible could not read, else what it did not find."""
    bad = [one for one in wish.inventories if f"Unable to parse {Path(one).absolute()} " in text]
    if bad:
        where = " and ".join(bad)
        return (
            f"Ansible cannot read {where} as an inventory. "
            f"'ansible-inventory -i {bad[0]} --list' says what is wrong in it."
        )
    limit = f" and --limit {wish.limit}" if wish.limit else ""
    return (
        f"{' and '.join(wish.inventories)} has none that matches --hosts {wish.hosts}{limit}. "
        f"'ansible-inventory -i {wish.inventories[0]} --graph' lists groups and nodes."
    )


def _last_words(text: str) -> list[str]:
    """Return the last lines of Ansible; of a wrong option the one that says so, not the help."""
    lines = [line for line in text.splitlines() if line.strip()]
    return [one for one in lines if USAGE in one] or lines[-SHOWN:]


def _still(process: subprocess.Popen[bytes]) -> bool:
    try:
        process.wait(PAUSE)
    except subprocess.TimeoutExpired:
        return True
    return False


def _told(pointer: Path) -> Path | None:
    """Return the folder of the capture that this Ansible takes: others may take one as well."""
    return Path(pointer.read_text("utf-8")) if pointer.is_file() else None


def _tell(pointer: Path, progress: t.Callable[[int, int], None]) -> None:
    folder = _told(pointer)
    if folder is not None and (folder / ASKED).is_file():
        with contextlib.suppress(SnapdiffError):  # sealed just now
            progress(*Draft(folder).progress())


def _command(wish: Wish, store: Store, cluster: str) -> Sequence[str]:
    variables = {
        "snapdiff_store": str(store.folder.absolute()),
        "snapdiff_cluster": cluster,
        "snapdiff_label": wish.label,
        "snapdiff_hosts": wish.hosts,
        "snapdiff_kubectl_file": wish.kubectl_nodes,
        "snapdiff_kubectl_flannel_file": wish.kubectl_flannel,
        **({"snapdiff_kubectl_prefix": wish.kubectl_prefix} if wish.kubectl_prefix else {}),
    }
    limit = ("--limit", wish.limit) if wish.limit else ()
    return command_of("gather", wish.inventories, variables, (*limit, *wish.arguments))
