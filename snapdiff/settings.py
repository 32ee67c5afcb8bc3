"""The defaults of a site: ``snapdiff.yml``, ``SNAPDIFF_*``, and which of them wins.

An option wins over the environment, that over the project's file (found upward from the working
folder), that over the user's, that over what is built in.
"""

from __future__ import annotations

import difflib
import typing as t
from dataclasses import dataclass
from pathlib import Path

from snapdiff import codec, files
from snapdiff.errors import UsageError
from snapdiff.model import Severity
from snapdiff.strict_yaml import LIMITS

if t.TYPE_CHECKING:
    from collections.abc import Mapping

FILE = "snapdiff.yml"
BUILT_IN = {
    "store": "snapshots",
    "cluster": "default",
    "inventory": "",
    "fail_on": "warning",
    "min_coverage": 100.0,
}
FOLDERS = ("store", "inventory")  # from the folder of the file that names them
# Several settings under one name: each has its own source, as those above.
GROUPS: dict[str, dict[str, t.Any]] = {
    "notify": {"urls": [], "urls_file": "", "exec": [], "digest": "weekly"},
    "keep": {"daily": None, "weekly": None, "last": None, "labelled": True},
}
NOTIFY_URLS = "SNAPDIFF_NOTIFY_URLS"  # white space between them: none of them has any


@dataclass(frozen=True, slots=True)
class Settings:
    """What holds for a command, and where each value came from."""

    values: Mapping[str, t.Any]
    origins: Mapping[str, str]
    folders: tuple[Path, ...] = ()  # of the files that were read: the user's, the project's

    @property
    def store(self) -> Path:
        """Return the folder of captures."""
        return Path(self.values["store"])

    @property
    def cluster(self) -> str:
        """Return the cluster that is meant."""
        return str(self.values["cluster"])

    @property
    def fail_on(self) -> Severity:
        """Return the least severity that makes the exit code 1."""
        return Severity[str(self.values["fail_on"]).upper()]

    @property
    def min_coverage(self) -> float:
        """Return the least share of nodes, in percent, for an answer that can be trusted."""
        return float(self.values["min_coverage"])

    @property
    def notify(self) -> Mapping[str, t.Any]:
        """Return who hears of a night: ``urls``, ``urls_file``, ``exec`` and ``digest``."""
        return {**GROUPS["notify"], **self.values.get("notify", {})}

    @property
    def keep(self) -> Mapping[str, t.Any]:
        """Return what prune keeps: ``daily``, ``weekly``, ``last`` (or None), ``labelled``."""
        return {**GROUPS["keep"], **self.values.get("keep", {})}


def settle(options: Mapping[str, t.Any], environment: Mapping[str, str], folder: Path) -> Settings:
    """Return the settings for *options* (None: not given), started in *folder*."""
    values: dict[str, t.Any] = dict(BUILT_IN)
    origins = dict.fromkeys(BUILT_IN, "built in")
    home = Path(
        environment.get("XDG_CONFIG_HOME") or Path(environment.get("HOME", "/")) / ".config"
    )
    project = next(
        (one / FILE for one in (folder, *folder.parents) if (one / FILE).is_file()), None
    )
    folders = []
    for path in (home / "snapdiff" / "config.yml", project):
        if path is not None and path.is_file():
            found = _read(path)
            for name in GROUPS.keys() & found.keys():
                found[name] = {**values.get(name, {}), **found[name]}
            values.update(found)
            origins.update(dict.fromkeys(found, str(path)))
            folders.append(path.parent)
    for name in BUILT_IN:
        variable = f"SNAPDIFF_{name.upper()}"
        if environment.get(variable):
            values[name], origins[name] = environment[variable], variable
        if options.get(name) is not None:
            values[name], origins[name] = options[name], "option"
    if environment.get(NOTIFY_URLS):
        words = environment[NOTIFY_URLS].split()
        values["notify"] = {**values.get("notify", {}), "urls": words, "urls_file": ""}
        origins["notify"] = NOTIFY_URLS
    _check(values, origins)
    return Settings(values, origins, tuple(folders))


def _read(path: Path) -> dict[str, t.Any]:
    data = files.read(path, LIMITS.size)
    found = codec.loads(data, "config", str(path)) if data.strip() else {}
    for name in FOLDERS:
        if name in found:
            found[name] = str((path.parent / found[name]).absolute())
    notify = found.get("notify", {})
    if "urls_file" in notify:
        notify["urls_file"] = str((path.parent / notify["urls_file"]).absolute())
    if "/" in notify.get("exec", [""])[0]:
        notify["exec"][0] = str((path.parent / notify["exec"][0]).absolute())
    return found


def _check(values: dict[str, t.Any], origins: Mapping[str, str]) -> None:
    words = [one.word for one in Severity]
    if values["fail_on"] not in words:
        close = difflib.get_close_matches(str(values["fail_on"]), words, 1)
        hint = f" Did you mean {close[0]}?" if close else ""
        raise UsageError(
            f"fail_on is {values['fail_on']!r} ({origins['fail_on']}); "
            f"it takes {', '.join(words)}.{hint}"
        )
    try:
        values["min_coverage"] = float(values["min_coverage"])
    except ValueError:
        values["min_coverage"] = -1.0
    if not 0 <= values["min_coverage"] <= 100:
        raise UsageError(f"min_coverage ({origins['min_coverage']}) takes a percentage, 0 to 100")
