"""The pictures of ``snapdiff.draw`` on a console: coloured where it takes colour, else plain."""

from __future__ import annotations

import typing as t

from rich.table import Table
from rich.text import Text

from snapdiff.draw import chain, mesh, mtus
from snapdiff.report.safe import visible

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import Console

    from snapdiff.model import Cell, Chain, Hop
    from snapdiff.story import MtuRow

# Signs that have their meaning without a colour too.
WRONG = r"✗[^│┃║]*?(?=  |$| ━)|[┏┓┗┛┃━┠┨┯]+"
OTHER = r"(≠|→|─▶)( [^ ,]+(, not \d+)?)?"
UNKNOWN = r"(?<!\S)\?( \d+)?(?!\S)"
ENTRIES = r"(?<=\s)[-!][rnf]+|(?<=\s)\+(?=\s|$)"
SHOWN = 3  # chains below the findings of a check
NAMED = 6


def print_drawing(console: Console, lines: Iterable[str], *, strong: str = WRONG) -> None:
    """Print the lines of a picture; what *strong* matches stands out where there is colour."""
    for line in lines:
        text = Text(line)
        text.highlight_regex(OTHER, "yellow")
        text.highlight_regex(UNKNOWN, "magenta")
        text.highlight_regex(strong, "bold red")
        console.print(text, no_wrap=True, crop=False)


def print_chain(console: Console, one: Chain) -> None:
    """Print a chain as boxes."""
    print_drawing(console, chain.text(one, console.width))


def print_mtus(console: Console, rows: tuple[MtuRow, ...]) -> None:
    """Print the MTU map."""
    print_drawing(console, mtus.text(rows, console.width))


def print_mesh(console: Console, cells: tuple[Cell, ...]) -> None:
    """Print the matrix of the mesh."""
    print_drawing(console, mesh.text(cells, console.width), strong=ENTRIES)


def print_chains(console: Console, chains: Sequence[Chain]) -> None:
    """Print chains as a line each: those that changed, or of one moment those that are broken."""
    changed = [one for one in chains if any(hop.before is not None for hop in one.hops)]
    broken = [one for one in chains if any(hop.broken for hop in one.hops)]
    moved = any(hop.before != hop.after for one in changed for hop in one.hops)
    shown = chains if moved else broken[:SHOWN] if not changed else []
    if not shown:
        return
    console.print()
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for one in shown:
        text = Text()
        for number, hop in enumerate(one.hops):
            text.append(" – " if number else "", "dim")
            style = "bold red" if hop.broken and not moved else ""
            text.append(visible(_hop(hop, moved)), style or ("bold" if _moved(hop, moved) else ""))
        grid.add_row(Text(_names(one.nodes), "dim"), text)
    console.print(Text("MTU along the chain", "dim"))
    console.print(grid)
    if not moved and len(broken) > SHOWN:
        console.print(Text(f"and {len(broken) - SHOWN} more; the JSON report has all", "dim"))


def _moved(hop: Hop, moved: bool) -> bool:
    return moved and hop.before != hop.after


def _hop(hop: Hop, moved: bool) -> str:
    if not moved:
        return f"{hop.link} {'✗ ' if hop.broken else ''}{hop.after}"
    if hop.before == hop.after:
        return f"{hop.link} {hop.after}"
    return f"{hop.link} {hop.before or 'absent'} → {hop.after or 'absent'}"


def _names(nodes: Sequence[str]) -> str:
    shown = ", ".join(nodes[:NAMED])
    rest = len(nodes) - NAMED
    return visible(f"{shown} and {rest} more" if rest > 0 else shown)
