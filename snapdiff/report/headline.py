"""What a report comes to in words that stand alone: what is wrong, where, since when."""

from __future__ import annotations

import re
import typing as t
from datetime import UTC, datetime

from snapdiff.drift import word
from snapdiff.model import Kind, Severity

if t.TYPE_CHECKING:
    from snapdiff.model import Finding, Report

NAMED = 3  # nodes of a headline
FIELDS = {"mtu": "the MTU", "mac": "the MAC", "operstate": "the state", "master": "the master"}
KINDS = {"added": "is new", "removed": "is gone"}
STATES = ("error", "warning", "unknown", "ok")  # of a report, the worst first


def state_of(report: Report) -> str:
    """Return one of STATES; what nobody could tell is never ``ok``."""
    worst = max((row.severity for row in report.findings), default=Severity.INFO)
    if worst > Severity.INFO:
        return worst.word
    if any(one.missing for one in report.planned):
        return "warning"
    coverage = report.coverage
    unseen = coverage.missing or coverage.inconsistent or not coverage.comparable
    unsure = report.undecided or any(one.unknown for one in report.planned)
    return "unknown" if unseen or unsure or report.exit_code == 3 else "ok"


def headline(row: Finding) -> str:
    """Return what is wrong as a sentence that needs no table around it."""
    if row.change is None or row.change is Kind.NOT_OBSERVED or row.path.startswith("nodes/"):
        return _capital(row.message, row)
    parts = row.keys or tuple(row.path.split("/"))
    if parts[0] == "links" and len(parts) == 3 and parts[2] in FIELDS:
        what = f"{FIELDS[parts[2]]} of {parts[1]}"
    elif parts[0] == "links" and len(parts) == 2:
        what = f"the link {parts[1]}"
    elif parts[:2] == ("cni", "subnet_env") and len(parts) == 3:
        what = f"{parts[2]} of flannel's lease"
    else:
        what = row.path
    if row.change in (Kind.ADDED, Kind.REMOVED):
        return _capital(f"{what} {KINDS[row.change]}", row)
    if row.before is None and row.after is None:  # each node has values of its own
        return _capital(f"{what} changed", row)
    return _capital(f"{what} changed from {word(row.before)} to {word(row.after)}", row)


def _capital(text: str, row: Finding) -> str:
    """Begin a sentence with a capital, unless it begins with a name: cni0, node1, links/eth0."""
    first = text.partition(" ")[0]
    names = {*row.nodes, *row.keys, *row.path.split("/"), row.peer}
    plain = first.isascii() and first.isalpha() and first.islower() and first not in names
    return f"{text[0].upper()}{text[1:]}" if plain else text


def where(row: Finding, of: int) -> str:
    """Return the nodes of a finding in a few words, with their share of all that were looked at."""
    names, number = row.nodes, len(row.nodes)
    if not number or (number == of and of > NAMED):
        return places(row, of)
    more = f" and {number - NAMED} more" if number > NAMED else ""
    share = f" ({number} of {of} nodes)" if number <= of else ""
    return f"{', '.join(names[:NAMED])}{more}{share}"


def places(row: Finding, of: int) -> str:
    """Return the nodes of a finding for a heading: few by name, many by number."""
    number = len(row.nodes)
    if not number:
        return "the cluster as a whole"
    if number <= NAMED:
        return ", ".join(row.nodes)
    return f"all {of} nodes" if number == of else f"{number} of {max(of, number)} nodes"


def names_its_nodes(row: Finding, text: str) -> bool:
    """Say whether a sentence has the one node of a finding in it already."""
    one = row.nodes[0] if len(row.nodes) == 1 else ""
    return bool(one) and re.search(rf"(?<![\w.-]){re.escape(one)}(?![\w-])", text) is not None


def since(row: Finding, report: Report) -> str:
    """Return when a finding came, as far as the nights and the captures compared can tell."""
    if row.standing:
        nights = f"{row.nights} night" if row.nights == 1 else f"{row.nights} nights"
        words = {"new": "new", "reopened": "it was gone, and is back"}
        told = words.get(row.standing, row.standing)
        return f"{told}; since {moment(row.since)}, on {nights}" if row.since else told
    if report.command == "diff" and len(report.inputs) == 2:
        first, last = (moment(one.taken_at) or one.capture for one in report.inputs)
        if first and last:
            return f"came between {first} and {last}"
    return "not known: no nights before were written down"


def moment(text: str) -> str:
    """Return a time as people write it, ``22 Nov 2026, 02:00 UTC``; another text as it is."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return text
    if found.tzinfo is None or found.year < 1000:
        return text
    try:
        return f"{found.astimezone(UTC):%-d %b %Y, %H:%M} UTC"
    except OverflowError:
        return text
