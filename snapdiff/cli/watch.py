"""``snapdiff watch``: the drift against one capture, drawn again with every new one."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import time
import typing as t
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import click

from snapdiff.cli.options import color_option, policy_of, settings_of, store_options, terminal_of
from snapdiff.compare import compare_captures
from snapdiff.errors import ExitCode, UnreadableError, UsageError
from snapdiff.gathering import Wish, gather
from snapdiff.plan import read_plan
from snapdiff.policy import site_of
from snapdiff.refs import select
from snapdiff.report import render
from snapdiff.report.progress import counting
from snapdiff.report.safe import visible
from snapdiff.report.screen import screen
from snapdiff.settling import seconds_of
from snapdiff.store import Store

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from snapdiff.model import Report
    from snapdiff.plan import Plan
    from snapdiff.settings import Settings

LOOK = 0.5  # seconds between two looks for a capture that somebody else takes


@click.command("watch")
@click.argument("before", metavar="[CAPTURE]", default="@latest")
@click.option(
    "-i",
    "--inventory",
    "inventories",
    multiple=True,
    metavar="INVENTORY",
    help="Gather these nodes; without it follow what others gather into the store. Repeatable.",
)
@click.option("--hosts", default="all", metavar="PATTERN", help="Group or pattern; default all.")
@click.option("--every", default="10s", metavar="SPAN", help="Between two gathers; default 10s.")
@click.option("--plan", metavar="FILE", help="What is planned; done, missing and the rest is told.")
@click.option("--times", type=click.IntRange(min=1), metavar="N", help="End after N captures.")
@color_option
@store_options
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[-- ANSIBLE_OPTION...]")
def command(
    before: str,
    inventories: tuple[str, ...],
    hosts: str,
    every: str,
    plan: str | None,
    times: int | None,
    color: str,
    store: str | None,
    cluster: str | None,
    arguments: tuple[str, ...],
) -> int:
    """Show what changes against CAPTURE, again with each new capture; default @latest.

    For the hour of an upgrade. A capture that cannot be read is told, and the next one is waited
    for. Ends with Ctrl-C, or after --times with the exit code of the last capture.
    """
    if before.startswith("-"):  # what follows -- begins with it, where no CAPTURE is given
        before, arguments = "@latest", (before, *arguments)
    settings = settings_of(store=store, cluster=cluster)
    place = Store(settings.store)
    rest = seconds_of(every, "--every")
    wanted = read_plan(Path(plan)) if plan else None
    if arguments and not inventories:
        raise UsageError("what follows -- is for a gather: give -i INVENTORY with it")
    start = Path(select(before, place, settings.cluster, now=datetime.now(UTC)).capture.place)
    wish = Wish(inventories=inventories, hosts=hosts, arguments=arguments)
    watch = _Watch(place, settings, start, wish if inventories else None, rest, wanted)
    with _board(color, f"{settings.cluster} against {start.name}") as board:
        if board.draw is None and not inventories:  # a screen says itself what it waits for
            click.echo(
                f"snapdiff: waiting for captures in {place.folder}; -i would take them", err=True
            )
        code = watch.run(board, times)
    if board.draw is not None:  # the second screen is gone: leave the last word on the first
        click.echo(board.text(), color=True)
    return code


@dataclass
class _Board:
    """What is to be seen: what goes on, then what was found last."""

    title: str
    color: str
    draw: Callable[[str], None] | None  # None: no terminal, so one report below the other
    report: Report | None = None
    trouble: str = ""
    now: str = ""
    size: tuple[int, int] = (0, 0)

    def text(self) -> str:
        """Return all of it in the width that the terminal has by now."""
        found = render(self.report, "text", terminal_of(self.color)) if self.report else ""
        trouble = f"{self.trouble}\n\n" if self.trouble else ""
        made = self.report.made_at if self.report else ""
        return f"{made}  {self.title}{self.now and ': '}{self.now}\n\n{trouble}{found}".strip()

    def say(self, now: str) -> None:
        """Draw what goes on, where that or the terminal's size is another than before."""
        size = shutil.get_terminal_size()
        if self.draw is not None and (now, size) != (self.now, self.size):
            self.now, self.size = now, size
            self.draw(self.text())

    def show(self, report: Report | None, trouble: str = "") -> None:
        """Take over what was found, or why nothing could be: then the last report stays."""
        self.report, self.trouble = report or self.report, trouble
        self.now, self.size = "", (0, 0)
        if self.draw is not None:
            self.draw(self.text())
        elif trouble:
            click.echo(trouble, err=True)
        else:
            click.echo(f"---\n{self.text()}", color=True)


@contextlib.contextmanager
def _board(color: str, title: str) -> Iterator[_Board]:
    if not sys.stdout.isatty() or os.environ.get("TERM") == "dumb":
        yield _Board(visible(title), color, None)
        return
    with screen() as draw:
        yield _Board(visible(title), color, draw)


@dataclass(frozen=True)
class _Watch:
    """What is held against what."""

    store: Store
    settings: Settings
    start: Path
    wish: Wish | None  # None: others gather
    rest: int  # seconds
    plan: Plan | None

    def run(self, board: _Board, times: int | None) -> int:
        """Go on for so many captures; return the exit code of the last."""
        last, shown, code = self.start, 0, int(ExitCode.CLEAN)
        while times is None or shown < times:
            if shown and self.wish is not None:
                self._rest(board)
            try:
                last = self._gathered(board, self.wish) if self.wish else self._next(board, last)
                board.say(f"comparing {last.name}")
                report = self._compared(last)
            except UnreadableError as error:
                code = int(error.exit_code)
                board.show(None, "\n".join(map(visible, str(error).splitlines())))
            else:
                code = report.exit_code
                board.show(report)
            shown += 1
        return code

    def _rest(self, board: _Board) -> None:
        end = time.monotonic() + self.rest
        while (left := end - time.monotonic()) > 0:
            board.say(f"next gather in {left:.0f} s")
            time.sleep(min(LOOK, left))

    def _gathered(self, board: _Board, wish: Wish) -> Path:
        board.say("gathering")
        place = self.store, self.settings.cluster, os.environ
        if board.draw is not None:
            told = gather(
                wish, *place, lambda done, of: board.say(f"gathering, {done} of {of} nodes")
            )
        else:
            with counting("gathering", after=0) as progress:
                told = gather(wish, *place, progress)
        return Path(told.place)

    def _next(self, board: _Board, last: Path) -> Path:
        """Return the newest capture once it is another than the last; one between is left out."""
        while True:
            captures = self.store.captures(self.settings.cluster)
            if captures and captures[-1].resolve() != last.resolve():
                return captures[-1]
            board.say(f"waiting for a capture after {last.name}")
            time.sleep(LOOK)

    def _compared(self, newest: Path) -> Report:
        """Return the report. Raises UnreadableError alone: a capture may be gone by now."""
        try:
            return compare_captures(
                str(self.start),
                str(newest),
                store=self.store,
                cluster=self.settings.cluster,
                policy=policy_of(self.settings, strict=False),
                now=datetime.now(UTC),
                site=site_of(self.settings),
                plan=self.plan,
            )
        except UsageError as error:
            raise UnreadableError(str(error)) from error
