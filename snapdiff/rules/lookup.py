"""How the kernel finds a route: policy rules in order, until a table that they name has one.

What is looked up here has no mark, as the outer packets of an overlay and what pods send. A rule
that asks for what no snapshot tells (ports, users, a VRF) counts for nothing.
"""

from __future__ import annotations

import typing as t
from collections.abc import Mapping
from dataclasses import dataclass

from snapdiff.rules.ways import Span, span

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from snapdiff.rules.view import NodeView

Row = Mapping[str, t.Any]
REFUSING = frozenset({"prohibit", "blackhole", "unreachable"})
TOLD = frozenset(
    (
        *("priority", "src", "srclen", "dst", "dstlen", "table", "fwmark", "fwmask", "iif", "oif"),
        *("action", "not", "suppress_prefixlen", "family", "protocol"),
    )
)
NUMBERS = {"254": "main", "255": "local", "253": "default"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A policy rule that some packets meet: it names a table, or refuses them."""

    key: str
    table: str
    action: str | None
    target: Span | None  # where they must go for it to count; None: anywhere
    suppress: int  # routes of this prefix length and below count for nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """Packets that are looked up: their family, where they come from, and the link that had them.

    Those that the node itself sends come in by ``lo``.
    """

    family: str
    sources: tuple[Span, ...]
    links: frozenset[str]


def steps(view: NodeView, flow: Flow) -> Iterator[Step]:
    """Yield the rules that a flow meets, in order. Raises CannotTell where nobody looked."""
    rows = [
        (key, row)
        for key, row in view.section("rules").items()
        if row.get("family", "inet") == flow.family
    ]
    for key, row in sorted(rows, key=lambda pair: int(pair[1].get("priority", 0))):
        action = row.get("action")
        table = str(row.get("table", ""))
        if not _is_met(row, flow) or (action not in REFUSING and not table):
            continue
        yield Step(
            key=key,
            table=NUMBERS.get(table, table),
            action=action,
            target=prefix_of(row, "dst"),
            suppress=int(row.get("suppress_prefixlen", -1)),
        )


def prefix_of(row: Row, side: str) -> Span | None:
    """Return the prefix that a rule asks for, None where it takes all."""
    text = row.get(side)
    if not text or text == "all":
        return None
    length = row.get(f"{side}len")
    return span(f"{text}/{length}" if length is not None else str(text))


def meet(one: Span, other: Span) -> bool:
    """Say whether two prefixes share an address."""
    return one.holds(other) or other.holds(one)


def _is_met(row: Row, flow: Flow) -> bool:
    if row.keys() - TOLD or "oif" in row:  # a packet that is forwarded has none yet
        return False
    met = _unmarked(row) and ("iif" not in row or row["iif"] in flow.links)
    source = prefix_of(row, "src")
    if met and source is not None:
        met = any(meet(source, one) for one in flow.sources)
    if row.get("not"):
        # of a prefix it takes all that the rule does not name: too much for a yes or no
        return not met and not row.keys() & {"src", "dst"} - _all(row)
    return met


def _all(row: Row) -> set[str]:
    return {side for side in ("src", "dst") if row.get(side, "all") == "all"}


def _unmarked(row: Row) -> bool:
    """Say whether packets without a mark fit: those of a mask that leaves nothing of the mark."""
    if "fwmark" not in row:
        return True
    mark, mask = (_number(row.get(name)) for name in ("fwmark", "fwmask"))
    if mark is None:
        return False
    return not mark & (0xFFFFFFFF if mask is None else mask)


def _number(value: t.Any) -> int | None:
    try:
        return int(str(value), 0)
    except ValueError:
        return None


def refuses(row: Row) -> bool:
    """Say whether a route takes packets nowhere: throw does in main, as no table comes after it."""
    kind = row.get("type")
    return kind in REFUSING or (kind == "throw" and table_of(row) == "main")


def table_of(row: Row) -> str:
    """Return the table of a route by its name."""
    found = str(row.get("table", "main"))
    return NUMBERS.get(found, found)


def devices(row: Row) -> set[str]:
    """Return the links that a route leads over, of one with several next hops all."""
    hops: Iterable[t.Any] = row.get("nexthops") or ()
    found = {str(one.get("dev")) for one in hops if isinstance(one, Mapping) and one.get("dev")}
    return found | ({str(row["dev"])} if row.get("dev") else set())
