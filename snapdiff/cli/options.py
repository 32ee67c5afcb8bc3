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
from snapdiff.report import FORMATS, Terminal, render
from snapdiff.settings import Settings, settle
from snapdiff.verdict import Policy

if t.TYPE_CHECKING:
    from snapdiff.model import Report

F = t.TypeVar("F", bound=Callable[..., t.Any])
PIPED_WIDTH = 100


def store_options(command: F) -> F:
    """Add the options that say which captures are meant."""
    command = click.option("--cluster", metavar="NAME", help="Cluster that is meant.")(command)
    return click.option("--store", metavar="DIR", help="Folder of captures.")(command)


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
                help=f"Repeatable; one of {', '.join(FORMATS)}.",
            ),
            click.option("--fail-on", metavar="SEVERITY", help="info, warning (default) or error."),
            click.option("--min-coverage", metavar="PERCENT", help="Of nodes; default 100."),
            click.option("--strict", is_flag=True, help="What could not be told is exit code 3."),
            click.option("--exit-zero", is_flag=True, help="Exit 0 whatever the report says."),
            click.option(
                "--color",
                type=click.Choice(["auto", "always", "never"]),
                default="auto",
                help="Default: on a terminal, unless NO_COLOR is set.",
            ),
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
    for one in outputs:
        if one.path is None:
            click.echo(render(report, one.form, terminal_of(color)), nl=False, color=True)
        else:
            write_whole(one.path, render(report, one.form, Terminal()).encode())
    return report.exit_code
