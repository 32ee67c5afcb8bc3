"""Which capture a person means: ``@latest``, ``@label:before``, ``@2026-11-22T03:00``, a path."""

from __future__ import annotations

import difflib
from datetime import datetime, timedelta
from pathlib import Path

from snapdiff.baseline import DEFAULT, place_of
from snapdiff.errors import FirstCaptureError, UsageError
from snapdiff.moments import moment_of
from snapdiff.selection import only
from snapdiff.store import (
    CAPTURE,
    MANIFEST,
    Side,
    Store,
    read_manifest,
    side_of_capture,
    side_of_files,
    started,
)

WORDS = (
    "@latest",
    "@prev",
    "@yesterday",
    "@baseline",
    "@baseline:NAME",
    "@label:NAME",
    "@2026-11-22T03:00",
    "'@3 days ago'",
)


def select(ref: str, store: Store, cluster: str, *, now: datetime) -> Side:
    """Return what *ref* names. Raises UsageError that says what there is instead.

    Times are local unless they end in Z, and mean the newest capture at or before them.
    """
    if ref.partition(":")[0] == "@baseline":
        return _baseline(ref, store, cluster)
    if ref.startswith("@"):
        return side_of_capture(read_manifest(_selected(ref[1:], store, cluster, now)))
    try:
        side = _placed(ref, store, cluster)
    except OSError as error:  # as for a name that no file can have
        raise UsageError(f"{ref}: {error.strerror}") from None
    if side is not None:
        return side
    close = difflib.get_close_matches(f"@{ref}", WORDS, 1)
    hint = f" Did you mean {close[0]}?" if close else ""
    raise UsageError(f"{ref}: no such file or folder, and no selector.{hint}")


def _baseline(ref: str, store: Store, cluster: str) -> Side:
    name = ref.partition(":")[2] or DEFAULT
    place, found = place_of(store.cluster_folder(cluster), name)
    side = _capture(place)
    return only(side, found.on, f"baseline {name}: on") if found.on else side


def _placed(ref: str, store: Store, cluster: str) -> Side | None:
    path = Path(ref)
    if CAPTURE.match(ref) and not path.exists():
        path = store.cluster_folder(cluster) / ref
    if path.is_file():
        return side_of_files([path], path) if path.name != MANIFEST else _capture(path.parent)
    if not ref or not path.is_dir():  # Path("") is the working folder
        return None
    if (path / MANIFEST).is_file():
        return _capture(path)
    return side_of_files(sorted(path.glob("*.yml")), path)


def _capture(folder: Path) -> Side:
    return side_of_capture(read_manifest(folder))


def _selected(word: str, store: Store, cluster: str, now: datetime) -> Path:
    captures = store.captures(cluster)
    where = f"{store.folder}: cluster {cluster!r}"
    if not store.folder.is_dir():
        raise UsageError(
            f"{store.folder}: there is no such folder. "
            "Take a capture with 'snapdiff gather', or name another --store."
        )
    if not captures:
        others = ", ".join(store.clusters())
        hint = f" There are captures of: {others}." if others else ""
        raise UsageError(f"{where} has no capture. Take one with 'snapdiff gather'.{hint}")
    if word == "latest":
        return captures[-1]
    if word == "prev":
        if len(captures) < 2:
            raise FirstCaptureError(
                f"{where} has one capture only, so there is no @prev. Take another."
            )
        return captures[-2]
    if word.startswith("label:"):
        return _labelled(word.removeprefix("label:"), captures, where)
    return _at(word, captures, where, now)


def _labelled(label: str, captures: list[Path], where: str) -> Path:
    labels = []
    for path in reversed(captures):
        found = read_manifest(path).label
        if label and found == label:
            return path
        labels.append(found)
    close = difflib.get_close_matches(label, [one for one in labels if one], 1)
    hint = f" Did you mean @label:{close[0]}?" if close else ""
    raise UsageError(f"{where} has no capture with the label {label!r}.{hint}")


def _at(word: str, captures: list[Path], where: str, now: datetime) -> Path:
    earliest = None
    if word == "yesterday":
        today = now.astimezone().replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
        latest = today.astimezone() - timedelta(microseconds=1)
        earliest = (today - timedelta(days=1)).astimezone()  # local: it may be 23 or 25 hours
    else:
        latest = _moment(word, now)
    found = [path for path in captures if started(path.name) <= latest]
    if found and (earliest is None or started(found[-1].name) >= earliest):
        return found[-1]
    raise UsageError(
        f"{where} has no capture for @{word}; the oldest is {captures[0].name}, "
        f"the newest {captures[-1].name}"
    )


def _moment(word: str, now: datetime) -> datetime:
    found = moment_of(word, now, end_of_day=True)
    if found is None:
        close = difflib.get_close_matches(f"@{word}", WORDS, 1)
        hint = f" Did you mean {close[0]}?" if close else ""
        raise UsageError(
            f"@{word}: no such selector. There are {', '.join(WORDS)}, a folder and a file.{hint}"
        )
    return found
