"""A folder of captures: ``STORE/CLUSTER/CAPTURE/capture.yml`` and ``nodes/NODE.yml``.

A capture is added whole and never rewritten: its manifest is written last, and a capture without
one is not listed. While it is being taken, ``asked.yml`` says who was asked and ``outcomes/`` what
became of those that gave no snapshot, so it can be sealed whatever happened.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import typing as t
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from snapdiff import codec, files
from snapdiff import snapshot as snapshots
from snapdiff.errors import UnreadableError, UsageError
from snapdiff.model import Capture, Node, Outcome, Snapshot
from snapdiff.names import from_file_name, to_file_name
from snapdiff.strict_yaml import LIMITS

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

MANIFEST = "capture.yml"
ASKED = "asked.yml"
CLUSTER = "cluster.yml"
NODES = "nodes"
OUTCOMES = "outcomes"
STAMP = "%Y%m%dT%H%M%SZ"
ISO = "%Y-%m-%dT%H:%M:%SZ"
CAPTURE = re.compile(r"[0-9]{8}T[0-9]{6}Z(-[0-9]+)?\Z")


def stamp(moment: datetime) -> str:
    """Return a moment as files have it: UTC, ISO 8601, whole seconds."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def capture_of(manifest: Mapping[str, t.Any], place: Path) -> Capture:
    """Return the capture that a manifest tells of."""
    return Capture(
        name=manifest["capture"],
        place=str(place),
        cluster=manifest["cluster"],
        label=manifest.get("label", ""),
        limit=manifest.get("limit", ""),
        started_at=manifest["started_at"],
        api=manifest.get("api", {}).get("sha256", ""),
        nodes={
            name: Node(name=name, **{**row, **_read(row)})
            for name, row in manifest["nodes"].items()
        },
    )


def _read(row: Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return what of a manifest's row is no plain text."""
    return {"outcome": Outcome(row["outcome"]), "groups": tuple(row.get("groups", ()))}


def read_manifest(folder: Path) -> Capture:
    """Return the capture in a folder, held against its schema."""
    path = folder / MANIFEST
    data = files.read(path, LIMITS.size)
    return capture_of(codec.loads(data, "capture", str(path)), folder)


@dataclass(frozen=True, slots=True)
class Draft:
    """A capture that is being taken. Several processes may add to it at a time."""

    folder: Path

    def _document(self) -> dict[str, t.Any]:
        path = self.folder / ASKED
        if (self.folder / MANIFEST).exists():
            raise UsageError(f"{self.folder}: the capture is sealed. Take a new one.")
        if not path.exists():
            raise UsageError(f"{self.folder}: no capture is being taken here")
        return codec.loads(files.read(path, LIMITS.size), "asked", str(path))

    def path_of(self, node: str) -> Path:
        """Return where the snapshot of *node* goes."""
        return self.folder / NODES / f"{to_file_name(node)}.yml"

    def add(self, snapshot: Snapshot) -> Path:
        """Write the snapshot of a node; return its path."""
        self._document()
        path = self.path_of(snapshot.node)
        data = snapshots.to_text(snapshot).encode()
        if len(data) > LIMITS.size:  # it could not be read again
            raise UnreadableError(
                f"node {snapshot.node}: its snapshot has {len(data)} bytes, over {LIMITS.size}"
            )
        files.write_whole(path, data)
        return path

    def note(self, node: str, outcome: Outcome, why: str) -> None:
        """Write down what became of a node that gave no snapshot."""
        self._document()
        why = why.encode("utf-8", "backslashreplace").decode()
        document = {"schema": "snapdiff/outcome/1", "node": node, "outcome": outcome, "why": why}
        path = self.folder / OUTCOMES / f"{to_file_name(node)}.yml"
        files.write_whole(path, codec.dumps(document).encode())

    def add_cluster(self, document: Mapping[str, t.Any]) -> Path:
        """Write down the cluster's own word on its nodes; return its path."""
        self._document()
        path = self.folder / CLUSTER
        data = codec.dumps(document).encode()
        codec.loads(data, "cluster", str(path))
        files.write_whole(path, data)
        return path

    def progress(self) -> tuple[int, int]:
        """Return how many nodes have an outcome, and how many were asked."""
        asked = self._document()["nodes"]
        done = sum(1 for name in (NODES, OUTCOMES) for _ in (self.folder / name).glob("*.yml"))
        return min(done, len(asked)), len(asked)

    def seal(self, *, now: datetime, tools: Mapping[str, str]) -> Capture:
        """Write the manifest, with every node that was asked for, and return the capture."""
        asked = self._document()
        rows = {
            name: {**self._row(name, row), **({"groups": row["groups"]} if "groups" in row else {})}
            for name, row in asked["nodes"].items()
        }
        manifest = {
            "schema": "snapdiff/capture/1",
            **{key: asked[key] for key in ("capture", "cluster", "label", "started_at")},
            "sealed_at": stamp(now),
            "limit": asked["limit"],
            "tools": dict(tools),
            **self._api(),
            "nodes": rows,
        }
        text = codec.dumps(manifest).encode()
        codec.loads(text, "capture", str(self.folder / MANIFEST))
        files.write_whole(self.folder / MANIFEST, text)
        with contextlib.suppress(OSError):  # it is sealed: what is left over harms nobody
            for path in (self.folder / OUTCOMES).iterdir():  # drafts of a killed process, too
                path.unlink()
            (self.folder / OUTCOMES).rmdir()
            (self.folder / ASKED).unlink()
        return capture_of(manifest, self.folder)

    def _api(self) -> dict[str, t.Any]:
        path = self.folder / CLUSTER
        if not path.exists():
            return {}
        data = files.read(path, LIMITS.size)
        return {"api": {"file": CLUSTER, "sha256": hashlib.sha256(data).hexdigest()}}

    def _row(self, node: str, asked: Mapping[str, t.Any]) -> dict[str, t.Any]:
        path = self.path_of(node)
        if path.exists():
            data = files.read(path, LIMITS.size)
            return {
                "outcome": Outcome.OK,
                "file": f"{NODES}/{path.name}",
                "sha256": hashlib.sha256(data).hexdigest(),
                "body": snapshots.body_digest(data),
            }
        if asked.get("skipped"):
            return {"outcome": Outcome.SKIPPED, "why": asked["skipped"]}
        path = self.folder / OUTCOMES / path.name
        if path.exists():
            found = codec.loads(files.read(path, LIMITS.size), "outcome", str(path))
            return {"outcome": found["outcome"], "why": found["why"]}
        return {"outcome": Outcome.FAILED, "why": "its task left neither a snapshot nor a reason"}


@dataclass(frozen=True, slots=True)
class Store:
    """The captures of all clusters, under one folder."""

    folder: Path

    def cluster_folder(self, cluster: str) -> Path:
        """Return the folder of a cluster, which may not be there yet."""
        return self.folder / to_file_name(cluster)

    def begin(
        self,
        cluster: str,
        *,
        nodes: Iterable[str],
        now: datetime,
        label: str = "",
        limit: str = "",
        skipped: Mapping[str, str] | None = None,
        groups: Mapping[str, Iterable[str]] | None = None,
    ) -> Draft:
        """Start a capture of *nodes*; *skipped* are left out on purpose, with the reason.

        *groups* has the inventory groups of each node, where there is an inventory.
        Two that start in one second get a counter, also where two processes do.
        """
        rows: dict[str, t.Any] = {node: {} for node in nodes}
        rows.update({node: {"skipped": why} for node, why in (skipped or {}).items()})
        for node, row in rows.items():
            if groups is not None:
                row["groups"] = sorted(groups.get(node, ()))
            to_file_name(node)  # refuse a name that has no file name before anything is made
        first = now.astimezone(UTC).strftime(STAMP)
        name, number = first, 1
        while True:
            folder = self.cluster_folder(cluster) / name
            try:
                files.make_folder(folder, new=True)
                break
            except FileExistsError:
                number += 1
                name = f"{first}-{number}"
        files.make_folder(folder / NODES)
        files.make_folder(folder / OUTCOMES)
        document = {
            "schema": "snapdiff/asked/1",
            "capture": name,
            "cluster": cluster,
            "label": label,
            "limit": limit,
            "started_at": stamp(now),
            "nodes": rows,
        }
        files.write_whole(folder / ASKED, codec.dumps(document).encode())
        return Draft(folder)

    def clusters(self) -> list[str]:
        """Name the clusters that have a sealed capture."""
        names = (from_file_name(path.name) for path in files.inside(self.folder))
        return sorted(name for name in names if "\0" not in name and self.captures(name))

    def captures(self, cluster: str) -> list[Path]:
        """Return the folders of a cluster's sealed captures, the oldest first."""
        found = [
            path
            for path in files.inside(self.cluster_folder(cluster))
            if is_capture(path.name) and files.is_there(path / MANIFEST)
        ]
        return sorted(found, key=lambda path: order_of(path.name))


def is_capture(name: str) -> bool:
    """Say whether it is what a capture is called."""
    if not CAPTURE.match(name):
        return False
    try:
        started(name)
    except ValueError:
        return False  # digits, but no moment
    return True


def started(name: str) -> datetime:
    """Return when a capture began, by what it is called."""
    return datetime.strptime(name.partition("-")[0], STAMP).replace(tzinfo=UTC)


def order_of(name: str) -> tuple[str, int]:
    """Return what captures sort by: their start, and the counter of those of one second."""
    first, _, number = name.partition("-")
    return first, int(number) if number.isdigit() else 1


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a comparison: a capture, and how to get at its snapshots, one at a time."""

    capture: Capture
    paths: Mapping[str, Path]

    def snapshot(self, node: str) -> Snapshot:
        """Return a node's snapshot. Raises UnreadableError for a file that was tampered with."""
        path = self.paths[node]
        data = files.read(path, LIMITS.size)
        row = self.capture.nodes[node]
        found = snapshots.from_bytes(data, str(path), sha256=row.sha256, body=row.body)
        if found.node != row.name:
            raise UnreadableError(f"{path}: it is of node {found.node!r}, not of {row.name!r}")
        return found

    def cluster(self) -> dict[str, t.Any] | None:
        """Return the cluster's own word on its nodes, None where nobody asked."""
        if not self.capture.api:
            return None
        path = Path(self.capture.place) / CLUSTER
        data = files.read(path, LIMITS.size)
        if hashlib.sha256(data).hexdigest() != self.capture.api:
            raise UnreadableError(
                f"{path}: it was changed after the capture was sealed. Restore it."
            )
        return codec.loads(data, "cluster", str(path))


def side_of_capture(capture: Capture) -> Side:
    """Return a sealed capture as a side."""
    place = Path(capture.place)
    return Side(capture, {one.name: place / one.file for one in capture.nodes.values() if one.file})


def side_of_files(paths: Iterable[Path], place: Path) -> Side:
    """Return loose snapshot files as a side; each says itself whose it is."""
    found: dict[str, Path] = {}
    cluster = ""
    for path in paths:
        one = snapshots.from_bytes(files.read(path, LIMITS.size), str(path))
        if one.node in found:
            raise UnreadableError(f"{path}: node {one.node!r} is in {found[one.node]} already")
        found[one.node] = path
    if not found:
        raise UnreadableError(f"{place}: no capture and no snapshot in it")
    nodes = {name: Node(name=name, outcome=Outcome.OK) for name in found}
    return Side(Capture(name=place.name, place=str(place), cluster=cluster, nodes=nodes), found)
