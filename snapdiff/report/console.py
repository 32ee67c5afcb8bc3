"""A rich console that writes into a text, never to the terminal itself."""

from __future__ import annotations

import io
import typing as t

from rich.console import Console

if t.TYPE_CHECKING:
    from snapdiff.report import Terminal


def console_of(terminal: Terminal) -> Console:
    """Return a console of the terminal's width that takes no text for markup."""
    return Console(
        file=io.StringIO(),
        width=terminal.width,
        force_terminal=terminal.colour,
        color_system="standard" if terminal.colour else None,
        highlight=False,
        emoji=False,
        markup=False,
        legacy_windows=False,
    )


def finish(console: Console) -> str:
    """Return what was printed, without blanks at the ends of lines."""
    text = t.cast("io.StringIO", console.file).getvalue()
    return "\n".join(line.rstrip() for line in text.splitlines()) + "\n"
