"""Captures with a name that others are held against: ``STORE/CLUSTER/baselines/NAME.yml``."""

from __future__ import annotations

import hashlib
import typing as t
from dataclasses import dataclass
from pathlib import Path

from snapdiff import codec, files
from snapdiff.errors import UnreadableError, UsageError
from snapdiff.names import from_file_name, to_file_name
from snapdiff.paths import nearest
from snapdiff.store import CAPTURE, MANIFEST, stamp
from snapdiff.strict_yaml import LIMITS

if t.TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from snapdiff.store import Side

FOLDER = "baselines"
DEFAULT = "default"
ANOTHER = "Restore it, or set another with 'snapdiff baseline set'."


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """A capture with a name; *on* are the nodes that it is for, as a plan names them."""

    name: str
    capture: str
    sealed: str  # sha256 of the capture's manifest
    set_at: str
    on: tuple[str, ...] = ()
    reason: str = ""


def set_baseline(
    side: Side,
    folder: Path,
    *,
    name: str = DEFAULT,
    on: tuple[str, ...] = (),
    reason: str = "",
    now: datetime,
) -> Baseline:
    """Make a sealed capture of a cluster's *folder* the baseline of that name.

    Raises UsageError for what is not a capture of that store: it could be taken away unseen.
    """
    place = Path(side.capture.place)
    if not CAPTURE.match(place.name) or place.parent.resolve() != folder.resolve():
        raise UsageError(f"{place}: it is no capture of {folder}, so it cannot be a baseline")
    found = Baseline(
        name=name,
        capture=place.name,
        sealed=_digest(place),
        set_at=stamp(now),
        on=on,
        reason=reason,
    )
    document = {
        "schema": "snapdiff/baseline/1",
        **{key: getattr(found, key) for key in ("name", "capture", "sealed")},
        **({"on": list(on)} if on else {}),
        "reason": reason,
        "set_at": found.set_at,
    }
    files.make_folder(folder / FOLDER)
    path = _path(folder, name)
    data = codec.dumps(document).encode()
    codec.loads(data, "baseline", str(path))
    files.write_whole(path, data)
    return found


def baselines(folder: Path) -> dict[str, Baseline]:
    """Return the baselines in a cluster's folder by name. Raises UnreadableError."""
    found, broken = readable(folder)
    for error in broken.values():
        raise error
    return found


def readable(folder: Path) -> tuple[dict[str, Baseline], dict[str, UnreadableError]]:
    """Return the baselines by name, and why others cannot be read: one costs no other its use."""
    found: dict[str, Baseline] = {}
    broken: dict[str, UnreadableError] = {}
    for path in sorted(files.inside(folder / FOLDER)):
        if path.suffix == ".yml" and not path.name.startswith("."):
            try:
                one = _read(path)
                found[one.name] = one
            except UnreadableError as error:
                broken[from_file_name(path.stem)] = error
    return dict(sorted(found.items())), broken


def _read(path: Path) -> Baseline:
    row = codec.loads(files.read(path, LIMITS.size), "baseline", str(path))
    given = {key: value for key, value in row.items() if key not in ("schema", "on")}
    return Baseline(**given, on=tuple(row.get("on", ())))


def place_of(folder: Path, name: str) -> tuple[Path, Baseline]:
    """Return the capture that a baseline is. Raises UsageError where there is none of that name.

    Raises UnreadableError where the capture is gone, or is not the one that was named.
    """
    there, broken = readable(folder)
    error = broken.get(from_file_name(_path(folder, name).stem))
    if error is not None and name not in there:
        raise error
    if name not in there:
        raise _none(folder, name, there)
    found = there[name]
    place = folder / found.capture
    if not (place / MANIFEST).is_file():
        raise UnreadableError(
            f"{place}: baseline {name!r} is this capture, and it is gone. {ANOTHER}"
        )
    if _digest(place) != found.sealed:
        raise UnreadableError(
            f"{place / MANIFEST}: it was changed since it became baseline {name!r}. {ANOTHER}"
        )
    return place, found


def drop_baseline(folder: Path, name: str) -> None:
    """Take a name away from its capture, which stays until retention comes to it."""
    path = _path(folder, name)
    if not path.is_file():
        raise _none(folder, name, readable(folder)[0])
    path.unlink()
    files.sync_folder(path.parent)


def _none(folder: Path, name: str, there: Mapping[str, Baseline]) -> UsageError:
    hint = nearest(name, there) or f". There are {', '.join(there)}." if there else ""
    how = hint or ". Set one with 'snapdiff baseline set'."
    return UsageError(f"{folder}: there is no baseline {name!r}{how}")


def _path(folder: Path, name: str) -> Path:
    return folder / FOLDER / f"{to_file_name(name)}.yml"


def _digest(place: Path) -> str:
    return hashlib.sha256(files.read(place / MANIFEST, LIMITS.size)).hexdigest()
