"""A night that comes by itself: systemd units and a line of cron, each with its own quoting.

Nothing here reads a clock or a file; what it returns is text. AWX and Kubernetes: ``manifests``.
"""

from __future__ import annotations

import json
import re
import shlex
import typing as t
from dataclasses import dataclass, field
from datetime import time
from pathlib import Path

from snapdiff.errors import UsageError

if t.TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PLAYBOOK = "clusternet.snapdiff.nightly"
NAME = "snapdiff-nightly"
MARK = "# Written by 'snapdiff schedule install'; 'snapdiff schedule remove' takes it away."
AT = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])\Z")
NAMES = re.compile(r"[a-z0-9]([a-z0-9-]{0,50}[a-z0-9])?\Z")
ODD = re.compile(r"[\x00-\x1f\x7f]")  # no format of these can hold them all
CRON_LINE = 990  # characters that cron reads of a line
TEMPORARY = (Path("/tmp"), Path("/var/tmp"))  # what PrivateTmp= puts out of reach


@dataclass(frozen=True, slots=True, kw_only=True)
class Night:
    """What runs every night, when and where; *zone* is an IANA name, empty: the machine's own."""

    name: str = NAME
    at: time
    zone: str = ""
    playbook: str = PLAYBOOK
    inventories: tuple[str, ...]
    store: str
    cluster: str
    arguments: tuple[str, ...] = ()  # for ansible-playbook, as they are
    folder: str = "/"  # where snapdiff.yml is looked for from
    environment: Mapping[str, str] = field(default_factory=dict)

    def command(self, program: Sequence[str]) -> list[str]:
        """Return the words of the command that *program* begins."""
        words = [*program, self.playbook]
        for one in self.inventories:
            words += ["-i", one]
        variables = {
            "snapdiff_store": self.store,
            "snapdiff_cluster": self.cluster,
            "snapdiff_folder": self.folder,
        }
        return [*words, "-e", json.dumps(variables), *self.arguments]


def at_of(text: str) -> time:
    """Return a time of day as ``03:00``. Raises UsageError."""
    found = AT.match(text)
    if found is None:
        raise UsageError(f"--at {text}: a time of day is hours and minutes, as 03:00")
    return time(int(found[1]), int(found[2]))


def checked(night: Night) -> Night:
    """Return the night, if every format can hold it. Raises UsageError."""
    if not NAMES.match(night.name):
        raise UsageError(f"--name {night.name}: a name is of a-z, 0-9 and hyphens")
    for text in (*night.command(()), night.folder, *night.environment.values()):
        if ODD.search(text) or not text.isprintable():
            raise UsageError(f"{text!r}: no line of a schedule can hold that character")
    return night


# ---- systemd ----------------------------------------------------------------------------------


def unit_word(text: str, *, command: bool = False) -> str:
    """Return a word as a unit file has it; of a *command* a dollar is doubled too."""
    text = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{text.replace("$", "$$") if command else text}"'


def _line(folder: str) -> str:
    """Return a folder as a setting that is one path has it: no quotes, and no blank at its end."""
    return folder.replace("%", "%%")


def service(night: Night, program: Sequence[str], *, user: bool, run_as: str = "") -> str:
    """Return the text of the service; *user*: for the manager of a user, not of the system."""
    words = " ".join(unit_word(word, command=True) for word in night.command(program))
    settings = [
        f"Environment={unit_word(f'{name}={value}')}"
        for name, value in sorted(night.environment.items())
    ]
    lines = [
        MARK,
        f"# To set more or other things: systemctl {'--user ' if user else ''}"
        f"edit {night.name}.service",
        "[Unit]",
        f"Description=snapdiff of cluster {night.cluster.replace('%', '%%')}, every night",
        *(() if user else ("Wants=network-online.target", "After=network-online.target")),
        "# A night that failed is told by what you name here:",
        "# OnFailure=tell-somebody@%n.service",
        "",
        "[Service]",
        "Type=oneshot",
        *((f"User={run_as}",) if run_as else ()),
        f"WorkingDirectory={_line(night.folder.rstrip('/') + '/')}",
        *settings,
        f"CacheDirectory={night.name}",
        f'Environment="ANSIBLE_HOME=%C/{night.name}"',
        f"ExecStart={words}",
        "TimeoutStartSec=4h",
        "UMask=0027",
        "NoNewPrivileges=true",
        "LockPersonality=true",
        "RestrictRealtime=true",
        "RestrictSUIDSGID=true",
        *(_for_users() if user else _walls(night)),
    ]
    return "\n".join(lines) + "\n"


def _for_users() -> list[str]:
    return [
        "# A user's manager has walls around files only in a namespace where ssh finds its own",
        "# configuration to be nobody's, and refuses it: so there are none here.",
    ]


def _walls(night: Night) -> list[str]:
    store = Path(night.store)
    hidden = any(one in store.parents for one in TEMPORARY)
    return [
        "# Ansible would make files in a home, which is read-only here.",
        'Environment="ANSIBLE_PIPELINING=1"',
        "ProtectSystem=strict",
        "ProtectHome=read-only",
        f"ReadWritePaths={unit_word(night.store)}",
        *(() if hidden else ("PrivateTmp=true",)),
        "PrivateDevices=true",
        "ProtectKernelTunables=true",
        "ProtectKernelModules=true",
        "ProtectControlGroups=true",
        "RestrictNamespaces=true",
        "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK",
    ]


def timer(night: Night) -> str:
    """Return the text of the timer; a night that the machine slept through is made up for."""
    zone = f" {night.zone}" if night.zone else ""
    lines = [
        MARK,
        "[Unit]",
        f"Description=snapdiff, every night at {night.at:%H:%M}",
        "",
        "[Timer]",
        f"OnCalendar=*-*-* {night.at:%H:%M}:00{zone}",
        "Persistent=true",
        "RandomizedDelaySec=10min",
        "",
        "[Install]",
        "WantedBy=timers.target",
    ]
    return "\n".join(lines) + "\n"


# ---- cron -------------------------------------------------------------------------------------


def cron(night: Night, program: Sequence[str]) -> str:
    """Return a line for ``crontab -e``. Raises UsageError for one that cron would cut."""
    settings = [f"{name}={shlex.quote(value)}" for name, value in sorted(night.environment.items())]
    words = [shlex.quote(word) for word in night.command(program)]
    text = " ".join(["cd", shlex.quote(night.folder), "&&", *settings, *words])
    line = f"{night.at.minute} {night.at.hour} * * * {_for_cron(text)}"
    if len(line.encode()) > CRON_LINE:
        raise UsageError(f"the line has over {CRON_LINE} bytes, which cron refuses. Use a script.")
    zone = f"CRON_TZ={night.zone}\n" if night.zone else ""
    return f"{zone}{line}\n"


def _for_cron(text: str) -> str:
    r"""Return a shell's text with each percent sign as ``\%``, for it ends a line of cron.

    cron takes two backslashes for one that is escaped, and the sign behind them for bare: there
    the quotes, in which ``shlex.quote`` has put every backslash, are closed and opened between.
    """
    return re.sub(r"(\\?)%", lambda one: f"{one[1]}''\\%" if one[1] else "\\%", text)
