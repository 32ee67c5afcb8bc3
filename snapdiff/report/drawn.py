"""The pictures of ``snapdiff.draw`` on a console: coloured where it takes colour, else plain."""

from __future__ import annotations

import typing as t

from rich.table import Table
from rich.text import Text

from snapdiff.draw import chain, mesh, mtus
from snapdiff.report.console import node_names
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
    grid.add_column(overflow="fold", max_width=max(console.width // 3, 13))
    grid.add_column(overflow="fold")
    for one in shown:
        text = Text()
        for number, hop in enumerate(one.hops):
            text.append(" – " if number else "", "dim")
            text.append(_hop(hop, moved))
        grid.add_row(Text(visible(node_names(one.nodes)), "dim"), text)
    console.print(Text("MTU along the chain", "dim"))
    console.print(grid)
    if not moved and len(broken) > SHOWN:
        console.print(Text(f"and {len(broken) - SHOWN} more; the JSON report has all", "dim"))


def _hop(hop: Hop, moved: bool) -> Text:
    link = visible(f"{hop.link} ")
    if not moved:
        mark = "✗ " if hop.broken else ""
        return Text(visible(f"{link}{mark}{hop.after}"), "bold red" if hop.broken else "")
    if hop.before == hop.after:
        return Text(visible(f"{link}{hop.after}"))
    style = "bold green" if hop.after else "bold red"
    old, new = visible(hop.before or "absent"), visible(hop.after or "absent")
    return Text.assemble((link, "bold"), (old, "red"), (" → ", "dim"), (new, style))
