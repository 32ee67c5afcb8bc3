"""The command ``snapdiff``: parse, call, print, exit.

A subcommand is a file, imported when it is asked for.
"""

from __future__ import annotations

import difflib
import importlib
import os
import sys
import traceback
import typing as t

import click

from snapdiff import __version__
from snapdiff.errors import ExitCode, SnapdiffError

COMMANDS = {  # name to what it does, so that --help imports none of them
    "accept": "Accept findings of a report that was read.",
    "baseline": "Name a capture that others are held against.",
    "check": "Hold a capture against the rules, on every node and between nodes.",
    "compare": "Say which nodes of a capture differ from the others.",
    "diff": "Say what changed between two captures, and on which nodes.",
    "explain": "Explain a rule, or a place of a snapshot and its values.",
    "gather": "Take a capture of an Ansible inventory's nodes over ssh.",
    "history": "Tell when a value changed, and on which nodes, over the captures.",
    "import": "Make snapshots of saved command output.",
    "log": "List the captures of a cluster, and what was found in them.",
    "map": "Draw the MTU of every hop, or the mesh, of all nodes of a capture.",
    "nightly": "Report on a capture: check, compare, remember, tell, tidy up.",
    "notify": "Try whether those who should hear of a night can be reached.",
    "plan": "Check a plan of a change, or copy a shipped one.",
    "prune": "Remove captures that nothing asks to keep.",
    "rules": "List what check holds a capture against.",
    "schedule": "Have a night come by itself: systemd, cron, AWX, Kubernetes.",
    "settle": "Gather until two captures agree.",
    "show": "Print a snapshot for a person.",
    "site": "Make pages over a store: its captures, and a report of each.",
    "upgrade": "Change nodes batch by batch, each batch held against a plan.",
    "watch": "Show what changes against a capture, again and again.",
}
EPILOG = """\b
Exit codes, of every command:
  0  clean                     2  bad usage, or unreadable input
  1  findings at or above      3  not to be trusted: too few nodes seen
     --fail-on                 130  interrupted

\b
On a terminal, what is longer than the screen goes through the program that
PAGER names, by default less; PAGER=cat is none.
"""


class _ReaderGoneError(Exception):
    """Nobody reads standard output any more; of a BrokenPipeError click would make exit code 0."""


class _Commands(click.Group):
    """The subcommands by name; the file of one is imported when it is run or asked for help."""

    def invoke(self, ctx: click.Context) -> t.Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise _ReaderGoneError from None

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"snapdiff.cli.{cmd_name.replace('import', 'import_')}")
        command: click.Command = module.command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = str(args[0])
        if name not in COMMANDS and not name.startswith("-"):  # click knows none of the names
            close = difflib.get_close_matches(name, COMMANDS, 1)
            hint = f" Did you mean {close[0]!r}?" if close else ""
            ctx.fail(f"No such command {name!r}.{hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(sorted(COMMANDS.items()))


@click.group(cls=_Commands, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="snapdiff")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def snapdiff(debug: bool) -> None:
    """Tell what drifted in the pod network of Kubernetes nodes: cni0, flannel.1, MTU and all."""


def main() -> None:
    """Run the command line and exit; an error is one sentence, its traceback takes ``--debug``."""
    debug = "--debug" in sys.argv[1:]
    try:
        code = snapdiff.main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        code = ExitCode.UNREADABLE
    except SnapdiffError as error:
        if debug:
            traceback.print_exc()
        click.echo(f"snapdiff: {_safe(str(error))}", err=True)
        code = error.exit_code
    except (KeyboardInterrupt, click.Abort):
        click.echo("snapdiff: interrupted", err=True)
        code = ExitCode.INTERRUPTED
    except _ReaderGoneError:  # the reader, as head(1), has gone: nobody is left to tell
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = ExitCode.UNREADABLE
    except Exception as error:
        if debug:
            raise
        click.echo(
            f"snapdiff: a mistake in snapdiff itself: {type(error).__name__}: {_safe(str(error))}. "
            "Run it with --debug and report what that shows.",
            err=True,
        )
        code = ExitCode.UNREADABLE
    sys.exit(int(code or 0))


def _safe(text: str) -> str:
    from snapdiff.report.safe import visible

    return "\n".join(visible(line) for line in text.split("\n"))
