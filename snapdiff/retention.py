"""Which captures a store keeps, and the removal of the others.

The choice is a pure function; a capture that anything speaks for is kept, and where it cannot be
told what does, all are. A removal starts with one rename, of the manifest: from then on nothing
lists the capture, and what a crash leaves is told apart from one that is being taken.
"""

from __future__ import annotations

import shutil
import typing as t
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from snapdiff import files
from snapdiff.baseline import baselines
from snapdiff.errors import SnapdiffError, UnreadableError
from snapdiff.model import Outcome
from snapdiff.store import ASKED, CAPTURE, MANIFEST, order_of, read_manifest, started

if t.TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from pathlib import Path

    from snapdiff.store import Store

NEWEST = 2  # @latest and @prev
ABANDONED = timedelta(days=2)  # after which no gather goes on
REPORTS = "reports"
GOING = "capture.yml.removed"  # what a manifest is called once its capture goes


@dataclass(frozen=True, slots=True, kw_only=True)
class Keep:
    """What to keep: of so many days and weeks one capture, the newest so many, labelled ones."""

    daily: int = 0
    weekly: int = 0
    last: int = 0
    labelled: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A sealed capture, as far as it matters whether to keep it."""

    name: str
    taken_at: datetime
    label: str = ""
    whole: bool = True  # of all nodes that there are, and some of them were seen
    why: str = ""  # what alone speaks for keeping it, as that it cannot be read


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """What becomes of a capture; *why* it is kept, empty: it goes."""

    capture: Held
    why: tuple[str, ...]

    @property
    def kept(self) -> bool:
        """Say whether it stays."""
        return bool(self.why)


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A capture that was never sealed and that nobody takes any more."""

    name: str
    path: Path
    touched_at: datetime
    going: bool = False  # it was sealed, and its removal was interrupted


def fates(
    captures: Iterable[Held],
    keep: Keep,
    *,
    protected: Collection[str],
    now: datetime,
    zone: tzinfo | None = None,
) -> tuple[Fate, ...]:
    """Return what becomes of each capture, the oldest first.

    Days and weeks (from Monday) are those of *zone*, None: of this machine. A day without a
    capture does not count, so a store that rests does not wither. Of a day the newest whole
    capture is kept, or the newest where there is no whole one.
    """
    rows = sorted(captures, key=lambda one: order_of(one.name))
    said: dict[str, list[str]] = {one.name: [one.why] if one.why else [] for one in rows}
    past = [one for one in rows if one.taken_at <= now]
    for one in rows:
        if one.taken_at > now:
            said[one.name].append("its time is still to come")
        if one.label and keep.labelled:
            said[one.name].append(f"label {one.label}")
        if one.name in protected:
            said[one.name].append("a baseline")
    for one in rows[-NEWEST:]:
        said[one.name].append("newest")
    for one in past[len(past) - min(keep.last, len(past)) :]:
        said[one.name].append("last")
    for word, number, form in (("daily", keep.daily, "%Y-%m-%d"), ("weekly", keep.weekly, "%G-%V")):
        for one in _one_of_each(past, number, form, zone):
            said[one.name].append(word)
    return tuple(Fate(capture=one, why=tuple(said[one.name])) for one in rows)


def _one_of_each(rows: Sequence[Held], number: int, form: str, zone: tzinfo | None) -> list[Held]:
    """Return one capture of each of the last *number* periods that have any."""
    found: dict[str, Held] = {}
    for one in rows:
        period = one.taken_at.astimezone(zone).strftime(form)
        if period not in found or one.whole or not found[period].whole:
            found[period] = one
    return list(found.values())[max(len(found) - number, 0) :]


def held(store: Store, cluster: str) -> tuple[Held, ...]:
    """Return a cluster's sealed captures; one whose manifest cannot be read is to stay."""
    found = []
    for path in store.captures(cluster):
        taken_at = started(path.name)
        if path.is_symlink():
            found.append(Held(name=path.name, taken_at=taken_at, why="a link to another folder"))
            continue
        try:
            capture = read_manifest(path)
        except SnapdiffError:
            found.append(Held(name=path.name, taken_at=taken_at, why="its manifest is unreadable"))
            continue
        seen = any(node.outcome is Outcome.OK for node in capture.nodes.values())
        found.append(
            Held(
                name=path.name,
                taken_at=taken_at,
                label=capture.label,
                whole=seen and not capture.limit,
            )
        )
    return tuple(found)


def protected_by_baselines(store: Store, cluster: str) -> frozenset[str]:
    """Return the names of captures that baselines are.

    Raises UnreadableError for a baseline that cannot be read: nobody knows which it needs.
    """
    try:
        found = baselines(store.cluster_folder(cluster))
    except UnreadableError as error:
        raise UnreadableError(
            f"{str(error).rstrip('.')}. Until it is mended or removed, nothing is pruned."
        ) from None
    return frozenset(one.capture for one in found.values())


def drafts(store: Store, cluster: str, *, now: datetime) -> tuple[Draft, ...]:
    """Return what was never sealed and has been left alone for two days, the oldest first.

    Beside these, whatever its age, what an interrupted removal left.
    """
    found = []
    for path in files.inside(store.cluster_folder(cluster)):
        if not CAPTURE.match(path.name) or path.is_symlink() or not path.is_dir():
            continue
        if files.is_there(path / MANIFEST):
            continue
        going = files.is_there(path / GOING)
        touched = _touched(path)
        if going or now - touched > ABANDONED:
            found.append(Draft(name=path.name, path=path, touched_at=touched, going=going))
    return tuple(sorted(found, key=lambda one: one.name))


def remove(folder: Path) -> None:
    """Remove a capture or a draft of one. Raises UnreadableError where that fails half way.

    After the rename nothing lists it; the renamed manifest goes last, so what a crash leaves is
    known for what it is, and goes with the next prune.
    """
    try:
        manifest, going = folder / MANIFEST, folder / GOING
        if manifest.exists():
            manifest.replace(going)
            files.sync_folder(folder)
        for path in folder.iterdir():
            if path == going:
                continue
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
        going.unlink(missing_ok=True)
        folder.rmdir()
        files.sync_folder(folder.parent)
    except OSError as error:
        raise UnreadableError(f"{folder}: cannot remove it: {error.strerror}") from None


def remove_reports(folder: Path, capture: str) -> None:
    """Remove what ``nightly`` and the role ``upgrade`` wrote on a capture that is gone.

    A folder of reports elsewhere is not touched. Raises UnreadableError where that fails.
    """
    for path in files.inside(folder / REPORTS):
        if path.name in (capture, f"{capture}-upgrade") and not path.is_symlink():
            try:
                shutil.rmtree(path)
            except OSError as error:
                raise UnreadableError(f"{path}: cannot remove it: {error.strerror}") from None


def _touched(path: Path) -> datetime:
    """Return when something was last written into a draft."""
    try:
        places = [path, *(one for one in path.iterdir() if one.is_dir() or one.name == ASKED)]
        latest = max(one.stat().st_mtime for one in places)
    except OSError as error:
        raise UnreadableError(f"{path}: {error.strerror}") from None
    return datetime.fromtimestamp(latest, UTC)
