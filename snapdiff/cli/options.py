"""Options that commands share, and what they come to."""

from __future__ import annotations

import os
import sys
import typing as t
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import click

from snapdiff.errors import UsageError
from snapdiff.files import write_whole
from snapdiff.lines import with_places
from snapdiff.report import COMPARING, FORMATS, PLACED, SHARED, Terminal, render
from snapdiff.settings import Settings, settle
from snapdiff.verdict import Policy

if t.TYPE_CHECKING:
    from snapdiff.model import Report

F = t.TypeVar("F", bound=Callable[..., t.Any])
PIPED_WIDTH = 100
JUDGING = ("check", "compare")  # commands that look at one capture


def store_options(command: F) -> F:
    """Add the options that say which captures are meant."""
    command = click.option(
        "--cluster", metavar="NAME", help="Name of the cluster; default 'default'."
    )(command)
    return click.option("--store", metavar="DIR", help="Folder of captures; default snapshots.")(
        command
    )


def inventory_option(command: F) -> F:
    """Add the option that says which inventories Ansible reads."""
    return click.option(
        "-i",
        "--inventory",
        "inventories",
        multiple=True,
        metavar="INVENTORY",
        help="Ansible inventory; repeatable.",
    )(command)


def color_option(command: F) -> F:
    """Add the option that says whether there is colour."""
    return click.option(
        "--color",
        type=click.Choice(["auto", "always", "never"]),
        default="auto",
        help="Default auto: on a terminal, unless NO_COLOR is set.",
    )(command)


def report_options(command: F) -> F:
    """Add the options of every command that makes a report."""
    for option in reversed(
        (
            click.option(
                "-o",
                "--output",
                "outputs",
                multiple=True,
                metavar="FORMAT[=FILE]",
                help=f"{', '.join(FORMATS)}; default text. Repeatable.",
            ),
            click.option(
                "--fail-on",
                metavar="SEVERITY",
                help="Least for exit code 1: info, warning or error; default warning.",
            ),
            click.option(
                "--min-coverage",
                metavar="PERCENT",
                help="Fewer nodes seen make exit code 3; default 100.",
            ),
            click.option("--strict", is_flag=True, help="What cannot be told makes exit code 3."),
            click.option("--exit-zero", is_flag=True, help="Exit code 0 whatever is reported."),
            color_option,
        )
    ):
        command = option(command)
    return command


def settings_of(**options: t.Any) -> Settings:
    """Return the settings that options, environment and files come to."""
    return settle(options, os.environ, Path.cwd())


def terminal_of(color: str) -> Terminal:
    """Return how wide standard output is, and whether it takes colour."""
    shown = sys.stdout.isatty()
    plain = bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"
    colour = color == "always" or (color == "auto" and shown and not plain)
    return Terminal(width=_columns() if shown else PIPED_WIDTH, colour=colour)


def _columns() -> int:
    import shutil

    return max(shutil.get_terminal_size((PIPED_WIDTH, 24)).columns, 40)


@dataclass(frozen=True, slots=True)
class Output:
    """Where a format goes; no path is standard output."""

    form: str
    path: Path | None


def outputs_of(words: t.Sequence[str]) -> list[Output]:
    """Return what ``-o`` asks for. Raises UsageError before any work is done, not after."""
    found = []
    for word in words or ("text",):
        form, equals, place = word.partition("=")
        if form not in FORMATS:
            raise UsageError(
                f"-o {word}: there is no format {form!r}; there is {', '.join(FORMATS)}"
            )
        context = click.get_current_context(silent=True)
        if form in COMPARING and context and context.command.name in JUDGING:
            raise UsageError(f"-o {word}: it takes a before and an after: 'snapdiff diff'")
        path = Path(place) if equals and place != "-" else None
        if equals and not place:
            raise UsageError(f"-o {word}: no file is named after '='")
        if path is not None and not path.parent.is_dir():
            raise UsageError(f"-o {word}: {path.parent} is no folder")
        found.append(Output(form, path))
    if sum(one.path is None for one in found) > 1:
        raise UsageError("-o: only one format can go to standard output")
    return found


def policy_of(settings: Settings, *, strict: bool) -> Policy:
    """Return what makes an answer bad here."""
    return Policy(fail_on=settings.fail_on, min_coverage=settings.min_coverage, strict=strict)


def emit(report: Report, outputs: t.Sequence[Output], color: str, *, exit_zero: bool) -> int:
    """Write the report in every format; return the exit code."""
    if exit_zero:
        report = replace(report, exit_code=0)
    if any(one.form in PLACED for one in outputs):
        report = with_places(report)
    for one in outputs:
        if one.path is None:
            page(render(report, one.form, terminal_of(color)))
        else:
            text = render(report, one.form, Terminal())
            write_whole(one.path, text.encode(), shared=one.form in SHARED)
    return report.exit_code


def page(text: str) -> None:
    """Print a text; on a terminal that it does not fit, through the pager that PAGER names.

    As with git, an empty PAGER, or ``cat``, is none, and ``less`` is told to take colours.
    """
    import shutil

    long = text.count("\n") >= shutil.get_terminal_size((PIPED_WIDTH, 24)).lines
    shown = sys.stdout.isatty() and sys.stdin.isatty() and os.environ.get("TERM") != "dumb"
    pager = os.environ.get("PAGER", "less").split()
    if not (long and shown and pager):
        click.echo(text, nl=False, color=True)
        return
    colour = True
    if Path(pager[0]).name == "less":
        os.environ.setdefault("LESS", "-FRX")  # -F: no page where it would fit after all
        os.environ.setdefault("LESSCHARSET", "utf-8")
        colour = "r" in os.environ["LESS"].lower() or any("r" in one.lower() for one in pager[1:])
    click.echo_via_pager(text, color=colour)
