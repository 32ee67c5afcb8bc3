"""What stands below a finding: what followed from it here and elsewhere, and what explains it.

A row of many nodes tells once what all of them share, and names the nodes of what only some have.
"""

from __future__ import annotations

import typing as t
from collections import Counter, defaultdict

from snapdiff import roles
from snapdiff.model import Change, Kind
from snapdiff.wording import arrow, named

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from snapdiff.drift import Drift

HERE = 6  # places of a row's own nodes that are told in full
ELSEWHERE = 3  # and of other nodes
ROUTES = 3  # routes that are told by name, for one of them may be the cause
WAS = "is the machine that was"  # in evidence that another node's machine is here
BREAKS = "breaks"  # what evidence starts with that names a rule
ONE = {
    "peers": "peer",
    "routes": "route",
    "neighbours": "neighbour",
    "links": "link",
    "fdb": "forwarding entry",
    "sysctls": "setting",
}
MANY = {"fdb": "forwarding entries", "sysctls": "settings"}
# As the field reads the chain: links from the underlay up, then who is reached, then settings.
ORDER = ("nodes", "links", "cni", "rules", "peers", "routes", "neighbours", "fdb", "sysctls")
ROLES = (roles.UNDERLAY, roles.OVERLAY, roles.POD_BRIDGE, roles.POD_PORT)


def rank(change: Change) -> tuple[int, int]:
    """Return where a change stands among others of its severity."""
    head = change.path[0]
    if change.path == ("host", "machine_id"):
        return -1, 0  # all else came with it
    role = ROLES.index(change.role) if change.role in ROLES else len(ROLES)
    return ORDER.index(head) if head in ORDER else len(ORDER), role


def lines(rows: Sequence[Drift]) -> tuple[str, ...]:
    """Return what is told below a row; *rows* has one drift of each of its nodes."""
    return (*_here(rows), *_shared(rows), *_elsewhere(rows), *_which(rows))


def _here(rows: Sequence[Drift]) -> Iterator[str]:
    """Yield what followed on the nodes of a row themselves."""
    nodes = [one.change.node for one in rows]
    own = {one.change.node: _own(one) for one in rows}
    places: dict[tuple[t.Any, ...], list[Change]] = defaultdict(list)
    for change in sorted((one for found in own.values() for one in found), key=_by_rank):
        if not _is_counted(change):
            places[change.path, change.kind].append(change)
    for changes in list(places.values())[:HERE]:
        words = {arrow(one) for one in changes}
        what = words.pop() if len(words) == 1 else str(changes[0].kind)
        which = {one.why for one in changes}  # of a population: the ports that have it
        if len(which) == 1 and which != {""}:
            what += f" ({which.pop()})"
        yield f"with it {changes[0].place} {what}{_on([one.node for one in changes], nodes)}"
    if len(places) > HERE:
        yield f"with it {len(places) - HERE} more places"
    yield from _counted(own, nodes)


def _own(one: Drift) -> list[Change]:
    return [effect for effect in one.effects if effect.node == one.change.node]


def _by_rank(change: Change) -> tuple[t.Any, ...]:
    return rank(change), change.path


def _is_counted(change: Change) -> bool:
    """Say whether there may be many of a kind, of which the number says more than each."""
    path = change.path
    if path[0] in ("peers", "neighbours", "fdb", "sysctls"):
        return True
    if path[0] == "routes":
        return len(path) == 2 or path[-1] == "dev"
    return path[0] == "links" and path[2:3] in (("operstate",), ("sysctls",))


def _counted(own: dict[str, list[Change]], nodes: Sequence[str]) -> Iterator[str]:
    counts: dict[tuple[str, str, Kind], dict[str, int]] = defaultdict(dict)
    routes: dict[tuple[str, str, Kind], list[list[str]]] = defaultdict(list)
    for node, changes in own.items():
        for sort in {_sort(one) for one in changes if one.path[0] == "routes"}:
            routes[sort].append(sorted(_route(one) for one in changes if _sort(one) == sort))
        found = Counter(_sort(one) for one in changes if _is_counted(one))
        for sort, number in found.items():
            counts[sort][node] = number
    for (section, field, kind), numbers in sorted(counts.items()):
        least, most = min(numbers.values()), max(numbers.values())
        how_many = str(most) if least == most else f"{least} to {most}"
        words = MANY.get(section, section) if most > 1 else ONE.get(section, section)
        what, on = f"{how_many} {words}", _on(list(numbers), nodes)
        if field == "missing":
            yield f"with it {what} {'lost entries' if kind is Kind.ADDED else 'whole again'}{on}"
        else:
            few = _few(routes[section, field, kind])
            yield f"with it {kind}: {f'{field} of {what}' if field else what}{on}{few}"


def _few(routes: list[list[str]]) -> str:
    """Return the routes themselves, where they are few, and the same on all nodes."""
    if not routes or len(routes[0]) > ROUTES or any(some != routes[0] for some in routes):
        return ""
    return f": {', '.join(routes[0])}"


def _route(change: Change) -> str:
    """Return where a route leads, and over which link; of a moved one both links."""
    if change.path[-1] == "dev" and len(change.path) > 2:
        return f"{change.path[1].partition(' dev ')[0]} dev {arrow(change)}"
    return change.path[1]


def _sort(change: Change) -> tuple[str, str, Kind]:
    return change.path[0], change.path[-1] if len(change.path) > 2 else "", change.kind


def _on(some: Sequence[str], nodes: Sequence[str]) -> str:
    """Name the nodes of a row that have something, where not all have it."""
    return "" if len(some) == len(nodes) else f" on {named(sorted(some))}"


def _shared(rows: Sequence[Drift]) -> Iterator[str]:
    """Yield all evidence of one node; of several what they share, and of the rest its name."""
    texts = [list(one.evidence) for one in rows]
    shared = [text for text in texts[0] if all(text in other for other in texts)]
    yield from shared
    words = set()
    broken: dict[str, dict[str, str]] = defaultdict(dict)  # by rule: node to its words
    for row in rows:
        for text in row.evidence:
            head, _, rule = text.partition(":")[0].partition(" ")
            if WAS in text and text not in shared:
                yield text
            elif text not in shared and head == BREAKS:
                broken[rule][row.change.node] = text
            elif text not in shared:
                words.add(head)
    for rule, told in sorted(broken.items()):
        words_of = set(told.values())
        own = f"{BREAKS} {rule}, each node by its own values"
        what = words_of.pop() if len(words_of) == 1 else own
        yield f"{what}{_on(list(told), [row.change.node for row in rows])}"
    yield from (f"{name} differs from node to node" for name in sorted(words))


def _elsewhere(rows: Sequence[Drift]) -> Iterator[str]:
    """Yield what other nodes changed since, as the nodes of a row are their peers."""
    places: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        for one in row.effects:
            if one.node != row.change.node:
                places[f"{one.place} {arrow(one)}"].append(one.node)
    told = sorted(places.items(), key=lambda pair: (-len(pair[1]), pair[0]))
    for text, nodes in told[:ELSEWHERE]:
        yield f"so on {named(sorted(nodes))}: {text}"
    if len(told) > ELSEWHERE:
        yield f"so {len(told) - ELSEWHERE} more places on other nodes"


def _which(rows: Sequence[Drift]) -> Iterator[str]:
    """Yield the names that a row stands for, where they are those of every node."""
    given = {one.change.why for one in rows}
    if len(given) > 1:
        yield "which ones differs from node to node"
    else:
        yield from (one for one in given if one)


def common(paths: Iterable[str]) -> str:
    """Return a place for several: what differs is ``*``."""
    split = [path.split("/") for path in paths]
    if len({len(parts) for parts in split}) > 1:
        return f"{split[0][0]}/*"
    return "/".join(common_words(split))


def common_words(rows: Iterable[Sequence[str]]) -> list[str]:
    """Return what several rows of words have in common: what differs is ``*``."""
    columns = zip(*rows, strict=True)
    return [column[0] if len(set(column)) == 1 else "*" for column in columns]


def spreads(rows: Iterable[Drift]) -> bool:
    """Say whether other nodes changed something since."""
    return any(effect.node != one.change.node for one in rows for effect in one.effects)
