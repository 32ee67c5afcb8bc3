"""A node that somebody saved: a folder of raw output, or one listing, as a collector's source.

The collector is the very same that runs on nodes. What was not saved is *not observed*.
"""

from __future__ import annotations

import json
import re
import typing as t

from snapdiff import files, listing
from snapdiff.collector import _collect, _source
from snapdiff.errors import UnreadableError
from snapdiff.schema import load
from snapdiff.snapshot import from_facts
from snapdiff.strict_yaml import LIMITS

if t.TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from snapdiff.model import Snapshot

NOT_SAVED = "it was not saved"
LISTINGS = (
    "ip-j-d-s-addr.json",
    "ip-j-d-addr.json",
    "ip-j-addr.json",
    "ip-addr.txt",
    "ifconfig-a.txt",
)
COMMANDS = {
    _collect.ROUTES: ("ip-j-d-route.json", "ip-4-j-d-route.json"),
    _collect.ROUTES_6: ("ip-6-j-d-route.json",),
    _collect.RULES: ("ip-j-rule.json",),
    _collect.RULES_6: ("ip-6-j-rule.json",),
    _collect.NEIGHBOURS: ("ip-j-neigh.json",),
    _collect.FDB: ("bridge-j-fdb.json",),
    _collect.VERSION: ("ip-V.txt",),
}
FILES = {
    "/run/flannel/subnet.env": "subnet.env",
    "/etc/kube-flannel/net-conf.json": "net-conf.json",
    "/var/lib/calico/mtu": "calico-mtu",
    "/proc/sys/kernel/random/boot_id": "boot_id",
    "/proc/sys/kernel/hostname": "hostname",
    "/proc/sys/kernel/osrelease": "uname.txt",
    "/etc/machine-id": "machine-id",
}
OF_LINKS = (("wg", "show"), ("ethtool", "-k"))  # with a file each: wg-show-flannel-wg-peers.txt
CONFIG = re.compile(r".*\.(conf|conflist)\Z")


def _text(path: Path) -> str:
    return files.read(path, LIMITS.size).decode("utf-8", "backslashreplace")


class Listing:
    """One listing of links and addresses, and nothing else."""

    def __init__(self, text: str) -> None:
        """Take the text of ``ip -j -d addr``, ``ip addr`` or ``ifconfig``."""
        self.sort = listing.sort_of(text)
        self._json = listing.as_json(text, self.sort)

    def run(self, command: Sequence[str]) -> str:
        """Answer the one command that a listing is the output of."""
        if tuple(command) == _collect.ADDRESSES:
            return self._json
        raise _source.NotObservedError(f"a listing of {self.sort} does not tell it")

    def read(self, path: str) -> str | None:
        """No file is known."""
        raise _source.NotObservedError(f"a listing of {self.sort} does not tell it")

    def names(self, path: str) -> dict[str, float] | None:
        """No folder is known."""
        raise _source.NotObservedError(f"a listing of {self.sort} does not tell it")


class Folder:
    """A folder of one node's raw output, a file a command."""

    def __init__(self, path: Path) -> None:
        """Take the folder; its files are looked at when they are asked for."""
        self._path = path
        self.sort = "ip -json address"
        self._sysctls: dict[str, str] | None = None

    def _first(self, names: Sequence[str]) -> Path | None:
        return next((self._path / name for name in names if (self._path / name).is_file()), None)

    def run(self, command: Sequence[str]) -> str:
        """Answer a command from the file that holds its output."""
        words = tuple(command)
        if words == _collect.ADDRESSES:
            path = self._first(LISTINGS)
            if path is None:
                raise UnreadableError(f"{self._path}: none of {', '.join(LISTINGS)} is in it")
            text = _text(path)
            try:
                self.sort = listing.sort_of(text)
                return listing.as_json(text, self.sort)
            except UnreadableError as error:
                raise UnreadableError(f"{path}: {error}") from None
        names = COMMANDS.get(words, ())
        if words[:2] in OF_LINKS:
            names = (f"{'-'.join(words).replace('--', '-')}.txt",)
        path = self._first(names)
        if path is None and words == _collect.ROUTES_6:
            return self._routes_6()
        if path is None:
            raise _source.NotObservedError(NOT_SAVED)
        return _text(path)

    def _routes_6(self) -> str:
        """Take the IPv6 routes out of what ``ip route show table all`` printed of both."""
        path = self._first(COMMANDS[_collect.ROUTES])
        if path is None:
            raise _source.NotObservedError(NOT_SAVED)
        rows = _source.rows_of(_text(path), path.name)
        six = [row for row in rows if ":" in str(row.get("dst", "")) or "pref" in row]
        return json.dumps(six)

    def read(self, path: str) -> str | None:
        """Answer a file of the node from its copy."""
        if path in FILES and (self._path / FILES[path]).is_file():
            return _text(self._path / FILES[path])
        head, _, name = path.rpartition("/")
        if head == "/etc/cni/net.d" and CONFIG.match(name) and (self._path / name).is_file():
            return _text(self._path / name)
        if path.startswith("/proc/sys/net/"):
            return self._sysctl(path.removeprefix("/proc/sys/"))
        raise _source.NotObservedError(NOT_SAVED)

    def _sysctl(self, path: str) -> str:
        if self._sysctls is None:
            file = self._first(("sysctl.txt",))
            lines = _text(file).splitlines() if file else []
            pairs = (line.partition("=") for line in lines)
            self._sysctls = {name.strip(): value.strip() for name, equals, value in pairs if equals}
        # sysctl(8) swaps dots and slashes: net.ipv4.conf.flannel/1.rp_filter
        name = path.translate(str.maketrans("./", "/."))
        if name not in self._sysctls:
            raise _source.NotObservedError(NOT_SAVED)
        return self._sysctls[name]

    def names(self, path: str) -> dict[str, float] | None:
        """Answer a folder of the node from the files of it that were saved."""
        if path == "/etc/cni/net.d":
            found = [one.name for one in self._path.iterdir() if CONFIG.match(one.name)]
            if found:
                return dict.fromkeys(found, 0.0)
        raise _source.NotObservedError(NOT_SAVED)


def snapshot_of(source: Folder | Listing, *, node: str, taken_at: str, via: str) -> Snapshot:
    """Return the snapshot of *node* that a saved source makes, all that it lacks marked so."""
    facts = _collect.collect(source)
    unseen: dict[str, str] = facts["not_observed"]
    tells = listing.TELLS[source.sort]
    if tells is not None:
        kept = {*tells, "addresses", "sysctls"}
        for name in load("snapshot")["$defs"]["link"]["properties"]:
            if name not in tells and name != "sysctls":
                unseen[f"links/*/{name}"] = f"{source.sort} does not tell it"
        for name, row in facts["links"].items():  # nor what the collector concluded from silence
            facts["links"][name] = {key: row[key] for key in row if key in kept}
        unseen["peers"] = f"{source.sort} does not tell which links are overlays"
    if isinstance(source, Folder) and facts["cni_config"]:
        unseen["cni_config"] = "only some of its files were saved"
        facts["mtimes"] = {}
    return from_facts(facts, node=node, taken_at=taken_at, via=via)


def nodes_in(folder: Path) -> list[Path]:
    """Return the folders of nodes in *folder*, itself where it holds the output of one node."""
    if any((folder / name).is_file() for name in LISTINGS):
        return [folder]
    found = sorted(
        path
        for path in folder.iterdir()
        if path.is_dir() and any((path / name).is_file() for name in LISTINGS)
    )
    if not found:
        raise UnreadableError(
            f"{folder}: no raw output in it. Give a folder with one folder a node, and in each a "
            f"file such as {LISTINGS[0]} (the output of 'ip -j -d -s addr')."
        )
    return found
