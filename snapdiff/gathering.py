"""A capture taken by Ansible in a process of its own, with the playbook that is shipped."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import typing as t
from dataclasses import dataclass
from pathlib import Path

from snapdiff.errors import SnapdiffError, UnreadableError, UsageError
from snapdiff.store import ASKED, MANIFEST, Draft, Store, read_manifest

if t.TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from snapdiff.model import Capture

PLAYBOOK = "clusternet.snapdiff.gather"
PAUSE = 0.2  # seconds between two looks at how far it is
SHOWN = 15  # last lines of Ansible's output that an error shows
USAGE = "ansible-playbook: error: "  # Ansible prints all of its help below that
DEFAULTS = {  # of Ansible, where the user's own configuration says nothing
    "ANSIBLE_PIPELINING": "1",  # half the work on the controller, and no file on the node
    "ANSIBLE_FORKS": "20",
}


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


def collection_root() -> Path:
    """Return the collection: the one in the wheel, or the checkout that the package lies in."""
    package = Path(__file__).resolve().parent
    for place in (package / "collection", package.parent):
        if (place / "galaxy.yml").is_file():
            return place
    raise UnreadableError(f"{package}: the collection is not beside it. Install the package again.")


@contextlib.contextmanager
def _tree() -> Iterator[str]:
    """Give a folder that has the collection under the name that Ansible looks it up by."""
    with tempfile.TemporaryDirectory(prefix="snapdiff-") as folder:
        place = Path(folder) / "ansible_collections" / "clusternet"
        place.mkdir(parents=True)
        (place / "snapdiff").symlink_to(collection_root(), target_is_directory=True)
        yield folder


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
    if _ansible_is_missing():
        raise UsageError(
            "Ansible is not in this Python. Install it with "
            f"'{sys.executable} -m pip install clusternet-snapdiff[ansible]'."
        )
    for inventory in wish.inventories:
        _hold_inventory(inventory)
    before = _folders(store, cluster)
    with _tree() as tree, tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            _command(wish, store, cluster),
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            env=_environment(environment, tree),
        )
        try:
            while _still(process):
                for folder in _folders(store, cluster) - before:
                    _tell(folder, progress)
        except BaseException:
            process.terminate()
            process.wait()
            raise
        said.seek(0)
        text = said.read().decode("utf-8", "backslashreplace")
    for folder in sorted(_folders(store, cluster) - before):
        if (folder / MANIFEST).is_file():
            return read_manifest(folder)
    if process.returncode == 0:
        raise UsageError(f"no node was gathered: {_none(wish, text)}")
    lines = "\n  ".join(_last_words(text))
    raise UnreadableError(f"Ansible ended with {process.returncode} and no capture:\n  {lines}")


def _hold_inventory(inventory: str) -> None:
    """Refuse a file that is not there: Ansible only warns of it, and has no hosts then."""
    if "," not in inventory and not Path(inventory).expanduser().exists():
        raise UsageError(
            f"-i {inventory}: no such file or folder. "
            f"A host without a file has a comma behind it, as '{inventory},'."
        )


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


def _ansible_is_missing() -> bool:
    """Say whether this Python has no Ansible."""
    import importlib.util

    return importlib.util.find_spec("ansible") is None


def _still(process: subprocess.Popen[bytes]) -> bool:
    try:
        process.wait(PAUSE)
    except subprocess.TimeoutExpired:
        return True
    return False


def _folders(store: Store, cluster: str) -> set[Path]:
    folder = store.cluster_folder(cluster)
    return {one for one in folder.iterdir() if one.is_dir()} if folder.is_dir() else set()


def _tell(folder: Path, progress: t.Callable[[int, int], None]) -> None:
    if (folder / ASKED).is_file():
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
    command = [sys.executable, "-m", "ansible", "playbook", PLAYBOOK]
    for inventory in wish.inventories:
        command += ["--inventory", inventory]
    if wish.limit:
        command += ["--limit", wish.limit]
    return [*command, "--extra-vars", json.dumps(variables), *wish.arguments]


def _is_configured(given: Mapping[str, str]) -> bool:
    """Say whether the user has configured Ansible: a variable would override that."""
    places = (
        given.get("ANSIBLE_CONFIG", ""),
        "ansible.cfg",
        Path(given.get("HOME", "/")) / ".ansible.cfg",
        "/etc/ansible/ansible.cfg",
    )
    return any(str(place) and Path(place).is_file() for place in places)


def _environment(given: Mapping[str, str], tree: str) -> dict[str, str]:
    paths = [tree, given.get("ANSIBLE_COLLECTIONS_PATH", "")]
    return {
        **({} if _is_configured(given) else DEFAULTS),
        **given,
        "ANSIBLE_COLLECTIONS_PATH": os.pathsep.join(path for path in paths if path),
        "ANSIBLE_NOCOLOR": "1",
    }
