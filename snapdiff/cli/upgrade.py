"""``snapdiff upgrade``: a change in batches, each held against a plan before the next one."""

from __future__ import annotations

import contextlib
import os
import typing as t
from dataclasses import replace
from pathlib import Path

import click

from snapdiff import files
from snapdiff.cli.options import Output, emit, policy_of, settings_of, store_options
from snapdiff.errors import ExitCode, UnreadableError, UsageError
from snapdiff.gate import Gate, hold, read_due, written
from snapdiff.gathering import gather
from snapdiff.playbook import (
    attend,
    collection_tree,
    command_of,
    environment_of,
    refuse_what_is_missing,
)
from snapdiff.policy import site_of
from snapdiff.report.progress import counting
from snapdiff.report.safe import visible
from snapdiff.retention import REPORTS
from snapdiff.store import Store

if t.TYPE_CHECKING:
    from snapdiff.gate import Due
    from snapdiff.model import Capture
    from snapdiff.settings import Settings

PLAYBOOK = "cni_upgrade"
there = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group("upgrade")
def command() -> None:
    """Change nodes batch by batch, each batch held against a plan."""


@command.command("run", short_help="Make a change in batches.")
@click.option(
    "-i",
    "--inventory",
    "inventories",
    multiple=True,
    metavar="INVENTORY",
    help="Ansible inventory; repeatable.",
)
@click.option("--plan", required=True, type=there, metavar="FILE", help="What the change may do.")
@click.option("--tasks", type=there, metavar="FILE", help="Ansible tasks that change a node; or")
@click.option("--command", "words", metavar="WORDS", help="a command that does, without a shell.")
@click.option("--hosts", default="all", metavar="PATTERN", help="All of the cluster; default all.")
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
    help="Go on where that was stopped whose due.json this is, with the nodes that it left.",
)
@click.option("--reports", metavar="DIR", help="Of this change; default STORE/CLUSTER/reports.")
@store_options
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[-- ANSIBLE_OPTION...]")
def run(
    inventories: tuple[str, ...],
    plan: Path,
    tasks: Path | None,
    words: str | None,
    hosts: str,
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
    before the gate of a batch, whatever ended it, the gate is held all the same. What follows --
    goes to ansible-playbook, such as --become or -e snapdiff_kubectl=true.
    """
    if (tasks is None) == (words is None):
        raise UsageError(
            "what is to be done on a node? Give --tasks FILE or --command, one of them"
        )
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
    folder = _reports(settings, reports)
    given = {
        "snapdiff_store": str(settings.store.absolute()),
        "snapdiff_cluster": settings.cluster,
        "snapdiff_plan": str(plan.absolute()),
        "snapdiff_hosts": hosts,
        "snapdiff_upgrade_tasks": str(tasks.absolute()) if tasks else None,
        "snapdiff_upgrade_command": words,
        "snapdiff_upgrade_hosts": on,
        "snapdiff_batches": [_size(one) for one in batches.split(",")] if batches else None,
        "snapdiff_upgrade_even_if_unhealthy": even_if_unhealthy,
        "snapdiff_upgrade_settle_within": within,
        "snapdiff_upgrade_settle_pause": pause,
        "snapdiff_upgrade_fail_on": fail_on,
        "snapdiff_upgrade_min_coverage": settings.min_coverage,
        "snapdiff_upgrade_resume": str(resume.absolute()) if resume else None,
        "snapdiff_upgrade_reports": str(folder),
    }
    variables = {name: value for name, value in given.items() if value is not None}
    before = written(folder)
    with collection_tree() as tree:
        code, ended = attend(
            command_of(PLAYBOOK, inventories, variables, arguments),
            environment_of(os.environ, tree),
        )
    if code == 0:
        return ExitCode.CLEAN
    begun = [path for path, when in written(folder).items() if before.get(path) != when]
    worst = ExitCode.FINDINGS if begun else ExitCode.UNREADABLE
    for path in begun:
        due = read_due(path)
        if not due.report.exists():
            _say(f"Ansible ended with {code} before the gate, which is held now: Ctrl-C leaves it.")
            worst = _held(due).exit_code or worst
    return ExitCode.INTERRUPTED if ended else worst


@command.command("gate", short_help="Hold what was changed by now against the plan, again.")
@click.argument("file", metavar="FILE", type=there)
@click.option("--mended", is_flag=True, help="What did not come to its end was done by hand since.")
def gate(file: Path, mended: bool) -> int:
    """Hold the gate of a batch, as 'upgrade run' and the playbook cni_upgrade do.

    FILE is the due.json in the folder of the change's reports. It says which inventories are
    gathered, and with which options of Ansible: take it from nobody else. Exit code 0 is an open
    gate.
    """
    due = read_due(file)
    return _held(replace(due, unfinished=()) if mended else due).exit_code


def _reports(settings: Settings, given: str | None) -> Path:
    folder = Store(settings.store).cluster_folder(settings.cluster)
    return (Path(given) if given else folder / REPORTS).absolute()


def _size(word: str) -> int | str:
    word = word.strip()
    return int(word) if word.isdecimal() else word


def _held(due: Due) -> Gate:
    """Hold a gate, write its reports, then say what came of it: a terminal may be gone by now."""
    settings = settings_of(
        store=due.store, cluster=due.cluster, min_coverage=f"{due.min_coverage:g}"
    )

    def take() -> Capture:
        with counting("gathering", after=0) as progress:
            return gather(due.wish, Store(settings.store), due.cluster, os.environ, progress)

    found = hold(due, take, policy=policy_of(settings, strict=False), site=site_of(settings))
    trouble = _written(found)
    if found.plan is not None:
        emit(found.plan, [Output("text", None)], "auto", exit_zero=False)
    for line in found.words:
        _say(line)
    if trouble is not None:
        raise trouble
    return found


def _written(found: Gate) -> UnreadableError | None:
    """Write the reports; return why that failed: it costs nobody what there is to say."""
    due = found.due
    rules = due.folder / f"check-{due.number}.json"
    try:
        files.make_folder(due.folder)
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
