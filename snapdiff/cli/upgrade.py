"""``snapdiff upgrade``: a change in batches, each held against a plan before the next one."""

from __future__ import annotations

import contextlib
import os
import re
import typing as t
from dataclasses import replace
from pathlib import Path

import click

from snapdiff import files
from snapdiff.cli.options import (
    Output,
    emit,
    inventory_option,
    settings_of,
    store_options,
    terminal_of,
)
from snapdiff.errors import ExitCode, UnreadableError, UsageError
from snapdiff.gate import Due, Gate, hold, read_due, write_due
from snapdiff.gathering import gather
from snapdiff.playbook import (
    Outliving,
    collection_tree,
    command_of,
    configured,
    environment_of,
    refuse_what_is_missing,
)
from snapdiff.policy import site_of
from snapdiff.report import render
from snapdiff.report.progress import counting
from snapdiff.report.safe import visible
from snapdiff.settings import settle
from snapdiff.store import Store

if t.TYPE_CHECKING:
    from snapdiff.model import Capture

PLAYBOOK = "cni_upgrade"
# Options of ansible-playbook that are about the change's tasks: the gathers after a batch get the
# others. Those of the first line take a word.
OF_TASKS = frozenset(("-t", "--tags", "--skip-tags", "--start-at-task"))
DRY = frozenset(("-C", "--check", "--list-hosts", "--list-tags", "--list-tasks", "--syntax-check"))
OF_RUN = DRY | {"-D", "--diff", "--step"}
DRY_TOO = re.compile(r"-[bvD]*C[bvCD]*")
ASKING = re.compile(r"-[bvCD]*[kKJ]|--ask-.*|.*@prompt.*|(--vault-id=)?prompt(_ask_vault_pass)?")
there = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group("upgrade")
def command() -> None:
    """Change nodes batch by batch, each batch held against a plan."""


@command.command("run", short_help="Make a change in batches.")
@inventory_option
@click.option("--plan", type=there, metavar="FILE", help="What the change may do.")
@click.option("--tasks", type=there, metavar="FILE", help="Ansible tasks that change a node; or")
@click.option("--command", "words", metavar="WORDS", help="a command that does, without a shell.")
@click.option("--hosts", metavar="PATTERN", help="All nodes of the cluster; default all.")
@click.option("--on", metavar="PATTERN", help="Those of them to change; default all of them.")
@click.option(
    "--batches",
    metavar="SIZES",
    help="How many at a time, the last size again and again; default 1,25%,100%.",
)
@click.option("--even-if-unhealthy", is_flag=True, help="Though rules are broken before.")
@click.option("--within", metavar="SPAN", help="Time to come to rest after a batch; default 5m.")
@click.option("--pause", metavar="SPAN", help="Between two captures while they do; default 5s.")
@click.option(
    "--fail-on", metavar="SEVERITY", help="Of a broken rule, for the change to stop; default error."
)
@click.option(
    "--min-coverage", metavar="PERCENT", help="Fewer nodes seen stop the change; default 100."
)
@click.option(
    "--resume",
    type=there,
    metavar="FILE",
    help="Go on where that was stopped whose due-N.json this is, with the nodes that it left.",
)
@click.option("--reports", metavar="DIR", help="Of this change; default STORE/CLUSTER/reports.")
@store_options
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[-- ANSIBLE_OPTION...]")
def run(
    inventories: tuple[str, ...],
    plan: Path | None,
    tasks: Path | None,
    words: str | None,
    hosts: str | None,
    on: str | None,
    batches: str | None,
    even_if_unhealthy: bool,
    within: str | None,
    pause: str | None,
    fail_on: str | None,
    min_coverage: str | None,
    resume: Path | None,
    reports: str | None,
    store: str | None,
    cluster: str | None,
    arguments: tuple[str, ...],
) -> int:
    """Gather, check, and change nodes by --tasks or --command, batch by batch, over ssh.

    After each batch the cluster is gathered until it rests, and held against --plan and the rules;
    where one does not hold, no further batch begins. Nothing is rolled back. Where Ansible ends
    before the gate of a batch, whatever ended it, the gate is held all the same.

    What follows -- goes to ansible-playbook, such as --become or -e snapdiff_kubectl=true, and to
    the gathers too. What no option says, the variables of the inventory may.
    """
    asking = [word for word in arguments if ASKING.fullmatch(word)]
    if not asking and configured(str(Path.cwd())).asks:
        asking = ["ask_pass of Ansible's configuration"]
    if asking:
        raise UsageError(
            f"{asking[0]}: nobody can be asked when the nodes are gathered after a batch. Give "
            "--become-password-file, --connection-password-file or --vault-password-file"
        )
    if tasks is not None and words is not None:
        raise UsageError("what is to be done on a node? Give --tasks FILE or --command, not both")
    settings = settings_of(
        store=store,
        cluster=cluster,
        min_coverage=min_coverage,
        fail_on=fail_on,
        inventory=",".join(inventories) or None,
    )
    inventories = inventories or tuple(filter(None, [settings.values["inventory"]]))
    if not inventories:
        raise UsageError("which nodes? Give -i INVENTORY, or set inventory in snapdiff.yml")
    refuse_what_is_missing(inventories)
    earlier = read_due(resume) if resume else None
    said = {name for name, origin in settings.origins.items() if origin != "built in"}
    given = {
        "snapdiff_store": str(settings.store.absolute()) if "store" in said else None,
        "snapdiff_cluster": settings.cluster if "cluster" in said else None,
        "snapdiff_upgrade_min_coverage": settings.min_coverage if "min_coverage" in said else None,
        "snapdiff_plan": str(plan.absolute()) if plan else None,
        "snapdiff_hosts": hosts,
        "snapdiff_upgrade_tasks": str(tasks.absolute()) if tasks else None,
        "snapdiff_upgrade_command": words,
        "snapdiff_upgrade_hosts": on,
        "snapdiff_batches": [_size(one) for one in batches.split(",")] if batches else None,
        "snapdiff_upgrade_even_if_unhealthy": even_if_unhealthy or None,
        "snapdiff_upgrade_settle_within": within,
        "snapdiff_upgrade_settle_pause": pause,
        "snapdiff_upgrade_fail_on": fail_on,
        "snapdiff_upgrade_reports": str(Path(reports).absolute()) if reports else None,
        "snapdiff_gather_options": _for_gathers(arguments) or None,
    }
    variables = {name: value for name, value in given.items() if value is not None}
    if earlier is not None:
        known = {name: getattr(earlier, name) for name in ("store", "cluster", "hosts", "plan")}
        variables = {f"snapdiff_{name}": value for name, value in known.items()} | variables
        variables["snapdiff_upgrade_resume"] = str(earlier.file)
    with Outliving() as way, collection_tree() as tree:
        pointer = Path(tree) / "due"
        variables["snapdiff_upgrade_pointer"] = str(pointer)
        code = way.run(
            command_of(PLAYBOOK, inventories, variables, arguments),
            environment_of(os.environ, tree),
        )
        if code == 0 and any(one in DRY or DRY_TOO.fullmatch(one) for one in arguments):
            return ExitCode.CLEAN
        worst = _after(code, pointer)
    return ExitCode.INTERRUPTED if way.asked and worst else worst


def _after(code: int, pointer: Path) -> int:
    """Hold the gate that Ansible did not come to; return what the change comes to."""
    if not pointer.exists():
        if code == 0:
            _say("Ansible ended, but no batch has begun: nothing was changed.")
        return ExitCode.UNREADABLE
    due = read_due(Path(pointer.read_text("utf-8")))
    if due.gate is None:
        _say(f"Ansible ended with {code} before the gate, which is held now: {due.file}")
        due = _held(due.file)
    if code != 0 and due.gate == ExitCode.CLEAN:
        for line in ("The gate is open, but Ansible ended before it said so.", *due.onward):
            _say(line)
        return ExitCode.FINDINGS
    return due.gate or ExitCode.CLEAN


@command.command("gate", short_help="Hold what was changed by now against the plan, again.")
@click.argument("file", metavar="FILE", type=there)
@click.option("--mended", is_flag=True, help="What did not come to its end was done by hand since.")
@click.option("--only-read", is_flag=True, help="Only see whether FILE is one.")
def gate(file: Path, mended: bool, only_read: bool) -> int:
    """Hold the gate of a batch, as 'upgrade run' and the playbook cni_upgrade do.

    FILE is a due-N.json in the folder of the change's reports, the last one as a rule. It says
    which inventories are gathered, and with which options of Ansible: take it from nobody else.
    Exit code 0 is an open gate.
    """
    if only_read:
        read_due(file)
        return ExitCode.CLEAN
    return _held(file, mended=mended).gate or ExitCode.CLEAN


def _size(word: str) -> int | str:
    word = word.strip()
    return int(word) if word.isdecimal() else word


def _for_gathers(arguments: tuple[str, ...]) -> list[str]:
    """Return the options of ansible-playbook that the gathers after each batch get too."""
    left, found = list(arguments), []
    while left:
        word = left.pop(0)
        name = word.partition("=")[0]
        if name in OF_TASKS:
            del left[: "=" not in word]
        elif name not in OF_RUN:
            found.append(word)
    return found


def _held(file: Path, *, mended: bool = False) -> Due:
    """Hold a gate, write its reports, say what came of it, and return it with its exit code.

    One process at a time does so: a gate of an Ansible that was killed may still be running. The
    terminal may be gone by now, so what is said comes last, and in no pager.
    """
    with files.alone(file.parent):
        due = read_due(file)
        store = Store(Path(due.store))
        # The rules of the site are those of the change, not of where somebody stands now.
        settings = settle({}, os.environ, Path(due.folder))

        def take() -> Capture:
            with counting("gathering", after=0) as progress:
                return gather(due.wish, store, due.cluster, os.environ, progress)

        found = hold(due, take, site=site_of(settings), mended=mended)
        trouble = _written(found)
        left = () if found.exit_code is ExitCode.CLEAN else due.unfinished
        now = replace(due, gate=int(found.exit_code), unfinished=left)
        if read_due(file) != due:
            trouble = UnreadableError(f"{file}: it was written anew meanwhile. Hold it again.")
        elif trouble is None:
            write_due(now)
    with contextlib.suppress(OSError):
        if found.plan is not None:
            text = render(found.plan, "text", terminal_of("auto"))
            click.echo(text, nl=False, color=True)
    for line in found.words:
        _say(line)
    if trouble is not None:
        raise trouble
    return now


def _written(found: Gate) -> UnreadableError | None:
    """Write the reports; return why that failed: it costs nobody what there is to say."""
    due = found.due
    rules = due.file.parent / f"check-{due.number}.json"
    try:
        for report, place in ((found.rules, rules), (found.plan, due.report)):
            if report is not None:
                ways = [Output("html", place.with_suffix(".html")), Output("json", place)]
                emit(report, ways, "never", exit_zero=False)
    except UnreadableError as error:
        return error
    return None


def _say(line: str) -> None:
    with contextlib.suppress(OSError):
        click.echo(visible(line), err=True)
