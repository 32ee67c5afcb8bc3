"""Run playbooks and ``snapdiff`` against a lab as an operator would, for the tests."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import typing as t
from pathlib import Path

import yaml
from looks import HERE, folder

ROOT = HERE.parent.parent
TREE = ROOT / "build" / "tree"
BIN = Path(sys.executable).parent
GATHER = "clusternet.snapdiff.gather"
DRIFT = "clusternet.snapdiff.drift"


@dataclasses.dataclass(frozen=True)
class Done:
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str

    @property
    def said(self) -> str:
        """All of it, without the line breaks that Ansible puts into long texts."""
        return " ".join(f"{self.out} {self.err}".split())


def _hear() -> None:
    """Hear of Ctrl-C and of a terminal that is gone, whatever started the tests ignores."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def command(lab_name: str, *argv: str, tree: Path = TREE, **environment: str) -> Done:
    """Run *argv* on the lab's controller."""
    known = {key: os.environ[key] for key in os.environ if not key.startswith("ANSIBLE_")}
    known |= {"ANSIBLE_COLLECTIONS_PATH": str(tree), "ANSIBLE_NOCOLOR": "1", **environment}
    words = [sys.executable, str(HERE / "lab"), "--name", lab_name, "controller", "--", *argv]
    done = subprocess.run(
        words, capture_output=True, text=True, env=known, check=False, preexec_fn=_hear
    )
    return Done(done.returncode, done.stdout, done.stderr)


def play(
    lab_name: str,
    book: str | Path,
    *options: str,
    store: Path | None = None,
    inventory: t.Sequence[str | Path] = (),
    tree: Path = TREE,
    environment: t.Mapping[str, str] | None = None,
    **variables: t.Any,
) -> Done:
    """Run a playbook; *variables* are given with ``-e``, *inventory* besides the lab's own."""
    if store:
        variables["snapdiff_store"] = str(store)
    hosts = [folder(lab_name) / "inventory.yml", *inventory]
    words = [word for one in hosts for word in ("-i", str(one))]
    words += [word for key in variables for word in ("-e", json.dumps({key: variables[key]}))]
    return command(
        lab_name,
        str(BIN / "ansible-playbook"),
        *words,
        *options,
        str(book),
        tree=tree,
        **(environment or {}),
    )


def written(tmp_path: Path, name: str, content: t.Any) -> Path:
    """Write a playbook or an inventory; return its path."""
    path = tmp_path / name
    path.write_text(yaml.safe_dump(content, sort_keys=False), "utf-8")
    return path


def captures(store: Path, cluster: str = "default") -> list[Path]:
    """Return the folders of the captures, the oldest first."""
    return sorted((store / cluster).glob("2*Z*"))


def manifest(store: Path, cluster: str = "default") -> dict[str, t.Any]:
    """Return what the newest capture says of itself."""
    text = (captures(store, cluster)[-1] / "capture.yml").read_text("utf-8")
    found: dict[str, t.Any] = yaml.safe_load(text)
    return found


def outcomes(store: Path) -> dict[str, str]:
    """Return what became of each node in the newest capture."""
    return {name: row["outcome"] for name, row in manifest(store)["nodes"].items()}


def snapshot(store: Path, node: str) -> dict[str, t.Any]:
    """Return the snapshot of *node* in the newest capture."""
    row = manifest(store)["nodes"][node]
    found: dict[str, t.Any] = yaml.safe_load((captures(store)[-1] / row["file"]).read_text("utf-8"))
    return found


def diff(lab_name: str, store: Path, *options: str) -> tuple[int, dict[str, t.Any]]:
    """Compare the two newest captures; return the exit code and the report."""
    words = ["diff", "--store", str(store), "-o", "json", *options]
    done = command(lab_name, str(BIN / "snapdiff"), *words)
    assert done.code in (0, 1, 3), done.said
    return done.code, json.loads(done.out)
