"""``snapdiff schedule``: have the night come by itself."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
import sys
import typing as t
from datetime import date, timedelta
from pathlib import Path

import click

from snapdiff import files, manifests, schedule
from snapdiff.cli.options import settings_of, store_options
from snapdiff.errors import ExitCode, UnreadableError, UsageError
from snapdiff.report.safe import visible
from snapdiff.schedule import Night

F = t.TypeVar("F", bound=t.Callable[..., t.Any])
FORMS = ("systemd", "cron", "awx", "kubernetes")
SYSTEM = Path("/etc/systemd/system")
RUNNING = {"initializing", "starting", "running", "degraded", "maintenance"}
PASSED_ON = ("ANSIBLE_COLLECTIONS_PATH", "ANSIBLE_CONFIG")  # what Ansible was told where to look
UNIT_SIZE = 64 * 1024  # bytes


@click.group("schedule")
def command() -> None:
    """Have the playbook nightly run every night: gather, report, tell."""


def night_options(given: F) -> F:
    """Add the options that say what runs, and when."""
    for option in reversed(
        (
            click.option("--at", default="03:00", metavar="HH:MM", help="When; default 03:00."),
            click.option(
                "--timezone",
                default="",
                metavar="ZONE",
                help="Such as Europe/Berlin; default that of this machine.",
            ),
            click.option(
                "-i",
                "--inventory",
                "inventories",
                multiple=True,
                metavar="INVENTORY",
                help="Ansible inventory; repeatable.",
            ),
            click.option(
                "--playbook",
                default=schedule.PLAYBOOK,
                metavar="NAME|FILE",
                help=f"Default {schedule.PLAYBOOK}.",
            ),
            name_option,
            store_options,
            click.argument("arguments", nargs=-1, metavar="[-- ANSIBLE_OPTION...]"),
        )
    ):
        given = option(given)
    return given


name_option = click.option(
    "--name",
    default=schedule.NAME,
    metavar="NAME",
    help=f"Of the service and the timer; default {schedule.NAME}.",
)
user_option = click.option("--user", is_flag=True, help="In your own systemd, without root.")


@command.command("install")
@user_option
@click.option("--run-as", default="", metavar="USER", help="Whose ssh keys reach the nodes.")
@click.option("--dry-run", is_flag=True, help="Only print what would be written.")
@night_options
def install(user: bool, run_as: str, dry_run: bool, **given: t.Any) -> int:
    """Write a systemd service and a timer, and start the timer.

    The service fails where the playbook does, and findings alone are no failure. What follows --
    goes to ansible-playbook.
    """
    if user and run_as:
        raise UsageError("--run-as is for the system's systemd; with --user it is you")
    if run_as:
        with contextlib.suppress(KeyError):
            run_as = pwd.getpwnam(run_as).pw_name
        if not schedule.NAMES.match(run_as.lower().replace("_", "-")):
            raise UsageError(f"--run-as {run_as}: no name of a user")
    night = _night(**given)
    texts = _units(night, user=user, run_as=run_as)
    if dry_run:
        for path, text in texts.items():
            click.echo(visible(f"# {path}"))
            click.echo(text)
        return ExitCode.CLEAN
    for path in texts:
        if path.exists() and not _is_ours(path):
            raise UsageError(f"{path}: it is there, and not from here. Give another --name.")
    files.make_folder(Path(night.store))  # the unit may write there alone, so it has to be there
    for path, text in texts.items():
        files.make_folder(path.parent)
        files.write_whole(path, text.encode())
        click.echo(visible(f"{path}: written"), err=True)
    _systemctl(
        user,
        [["daemon-reload"], ["enable", "--now", f"{night.name}.timer"]],
        "systemd does not run here. Where it does, type:",
    )
    if user:
        click.echo("To have it run while you are logged out: loginctl enable-linger", err=True)
    return ExitCode.CLEAN


@command.command("print", short_help="Print it for systemd, cron, AWX or Kubernetes.")
@click.option("--as", "form", type=click.Choice(FORMS), required=True, help="For what it is.")
@click.option("--image", default="", metavar="IMAGE", help="For kubernetes: it has the package.")
@night_options
def print_(form: str, image: str, **given: t.Any) -> int:
    """Print the night for systemd, cron, AWX or Kubernetes, and write nothing."""
    if form == "kubernetes":
        if not image:
            raise UsageError("--as kubernetes: which --image? It has the package and ansible-core")
        night = _in_a_pod(_night(**given, zoned=True))
        click.echo(manifests.kubernetes(night, image), nl=False)
    elif form == "awx":
        night = _night(**given, zoned=True)
        click.echo(manifests.awx(night, date.today() + timedelta(days=1)), nl=False)
    elif form == "cron":
        click.echo(schedule.cron(_night(**given), _program()), nl=False)
    else:
        for path, text in _units(_night(**given), user=False, run_as="").items():
            click.echo(f"# {path.name}\n{text}")
    return ExitCode.CLEAN


@command.command("remove")
@user_option
@name_option
@click.option("--dry-run", is_flag=True, help="Only say what would be removed.")
def remove(user: bool, name: str, dry_run: bool) -> int:
    """Stop the timer and take both units away. The store stays."""
    paths = [path for path in _paths(name, user=user) if path.exists()]
    for path in paths:
        if not _is_ours(path):
            raise UsageError(f"{path}: it is not from here, so it stays")
    if not paths:
        raise UsageError(f"{_folder(user=user)}: there is no {name}.timer to remove")
    if not dry_run:
        _systemctl(user, [["disable", "--now", f"{name}.timer"]], "")
    for path in paths:
        if not dry_run:
            path.unlink()
        click.echo(visible(f"{path}: {'would be ' if dry_run else ''}removed"), err=True)
    if not dry_run:
        _systemctl(user, [["daemon-reload"]], "")
    return ExitCode.CLEAN


def _night(
    *,
    at: str,
    timezone: str,
    inventories: tuple[str, ...],
    playbook: str,
    name: str,
    store: str | None,
    cluster: str | None,
    arguments: tuple[str, ...],
    zoned: bool = False,
) -> Night:
    """Return the night that options and settings come to; *zoned*: with the zone of this machine.

    Paths are absolute in it, for it runs from nowhere.
    """
    settings = settings_of(store=store, cluster=cluster, inventory=",".join(inventories) or None)
    inventories = inventories or tuple(filter(None, [settings.values["inventory"]]))
    if not inventories:
        raise UsageError("which nodes? Give -i INVENTORY, or set inventory in snapdiff.yml")
    _check_zone(timezone)
    return schedule.checked(
        Night(
            name=name,
            at=schedule.at_of(at),
            zone=timezone or (_zone_of_machine() if zoned else ""),
            playbook=_absolute(playbook),
            inventories=tuple(map(_absolute, inventories)),
            store=str(settings.store.absolute()),
            cluster=settings.cluster,
            arguments=arguments,
            folder=str(Path.cwd()),
            environment={one: os.environ[one] for one in PASSED_ON if os.environ.get(one)},
        )
    )


def _in_a_pod(night: Night) -> Night:
    """Return the night with the paths that it has in a container."""
    from dataclasses import replace

    inside = [
        f"{manifests.CONFIG}/{Path(one).name}" if one.startswith("/") else one
        for one in night.inventories
    ]
    return replace(night, store=manifests.STORE, folder=manifests.CONFIG, inventories=tuple(inside))


def _absolute(word: str) -> str:
    """Return a path from the root; a list of hosts and the name of a playbook stay."""
    return str(Path(word).absolute()) if Path(word).exists() else word


def _check_zone(name: str) -> None:
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        _ = name and ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise UsageError(f"--timezone {name}: no such zone; it is as Europe/Berlin") from None


def _zone_of_machine() -> str:
    """Return the zone's name, empty where this machine does not tell it."""
    place = Path("/etc/localtime").resolve().parts
    name = os.environ.get("TZ", "").lstrip(":")
    if not name and "zoneinfo" in place:
        name = "/".join(place[place.index("zoneinfo") + 1 :])
    try:
        _check_zone(name)
    except UsageError:
        return ""
    return name


def _program() -> list[str]:
    """Return what runs a playbook with the Python that has the package."""
    return [sys.executable, "-m", "ansible", "playbook"]


def _folder(*, user: bool) -> Path:
    if not user:
        return SYSTEM
    home = os.environ.get("XDG_CONFIG_HOME") or Path(os.environ.get("HOME", "/")) / ".config"
    return Path(home) / "systemd" / "user"


def _paths(name: str, *, user: bool) -> list[Path]:
    if not schedule.NAMES.match(name):
        raise UsageError(f"--name {name}: a name is of a-z, 0-9 and hyphens")
    return [_folder(user=user) / f"{name}.{kind}" for kind in ("service", "timer")]


def _units(night: Night, *, user: bool, run_as: str) -> dict[Path, str]:
    service, timer = _paths(night.name, user=user)
    text = schedule.service(night, _program(), user=user, run_as=run_as)
    return {service: text, timer: schedule.timer(night)}


def _is_ours(path: Path) -> bool:
    return files.read(path, UNIT_SIZE).startswith(schedule.MARK.encode())


def _systemctl(user: bool, commands: t.Sequence[t.Sequence[str]], otherwise: str) -> None:
    """Run systemctl, or print what to type where systemd does not run."""
    systemctl = ["systemctl", *(("--user",) if user else ())]
    if not _runs(systemctl):
        if otherwise:
            lines = [" ".join(["  " + systemctl[0], *systemctl[1:], *one]) for one in commands]
            click.echo("\n".join([otherwise, *lines]), err=True)
        return
    for one in commands:
        done = subprocess.run([*systemctl, *one], capture_output=True, text=True, check=False)
        if done.returncode:
            words = " ".join([*systemctl, *one])
            raise UnreadableError(f"'{words}' ended with {done.returncode}: {done.stderr.strip()}")


def _runs(systemctl: t.Sequence[str]) -> bool:
    if shutil.which(systemctl[0]) is None:
        return False
    done = subprocess.run(
        [*systemctl, "is-system-running"], capture_output=True, text=True, check=False
    )
    return done.stdout.strip() in RUNNING
