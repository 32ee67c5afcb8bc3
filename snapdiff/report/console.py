"""A rich console that writes into a text, never to the terminal itself."""

from __future__ import annotations

import io
import re
import typing as t

from rich.cells import cell_len
from rich.console import Console

if t.TYPE_CHECKING:
    from collections.abc import Sequence

    from snapdiff.report import Terminal

ESCAPE = re.compile(r"\x1b\[[0-9;]*m")
PADDING = re.compile(r"(?:\x1b\[[0-9;]*m| )+$")  # of a table's cells, with what colours it
NAMED = 6  # nodes that are named one by one
FIRST = 3  # of more: how many are named behind their number


def console_of(terminal: Terminal) -> Console:
    """Return a console of the terminal's width that takes no text for markup."""
    return Console(
        file=io.StringIO(),
        width=terminal.width,
        force_terminal=terminal.colour,
        color_system="standard" if terminal.colour else None,
        no_color=False,  # decided by then: --color always wins over NO_COLOR
        highlight=False,
        emoji=False,
        markup=False,
        legacy_windows=False,
    )


def finish(console: Console) -> str:
    """Return what was printed, without blanks at the ends of lines."""
    text = t.cast("io.StringIO", console.file).getvalue()
    return "\n".join(PADDING.sub(_ends, line) for line in text.splitlines()) + "\n"


def _ends(padding: re.Match[str]) -> str:
    return "".join(ESCAPE.findall(padding[0]))


def node_names(nodes: Sequence[str], room: int = 0) -> str:
    """Return nodes for one line: a few by name, many by number and the first names.

    Of many, no more are named than fit in *room* cells, where that is given.
    """
    if len(nodes) <= NAMED:
        return ", ".join(nodes)
    told = ""
    for first in range(FIRST, 0, -1):
        told = f"{len(nodes)} nodes: {', '.join(nodes[:first])} and {len(nodes) - first} more"
        if not room or cell_len(told) <= room:
            break
    return told
