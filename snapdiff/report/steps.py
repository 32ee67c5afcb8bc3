"""A remedy in steps: what a person does, and what of it can be copied into a shell as it stands.

A value from a node may stand in a remedy (the name of a link may be ``$(reboot)``), so only what is
made of harmless characters throughout is offered as a command; the rest stays a sentence.
"""

from __future__ import annotations

import re
import shlex
import typing as t
from dataclasses import dataclass

from snapdiff.model import Kind
from snapdiff.safe import visible

if t.TYPE_CHECKING:
    from snapdiff.model import Finding, Report

PROGRAMS = ("bridge", "ethtool", "ip", "kubectl", "modprobe", "sysctl", "systemctl")
HARMLESS = re.compile(r"[A-Za-z0-9 _./:@=+%-]+")
PLACEHOLDER = re.compile(r"\b[A-Z]{3,}\b")  # NAME, GATEWAY: for a person to fill in
# Words that are of a sentence, not of a command: "ip route del the routes named".
PROSE = re.compile(r"\b(and|as|away|it|named|of|or|that|the|their|them|then|there|those|what)\b")
PARTS = re.compile(r"; (?:then )?|, then (?!on it)| and (?=recycle its pods)")
RESTART = re.compile(r"restart (?:(?:the|its) flannel pod|their flannel pods)\b")
RECYCLE = re.compile(r"recycle (?:its pods|the pods behind \S+ on .*)")
UNLESS = re.compile(r"(?:if|once|unless|when|where)\b")  # it may be wrong to type it at once
BUT_ONE = "all but one of"  # which one is for a person to say
NAMED = 20  # nodes of one command; a longer line is nothing to paste
CLUSTER = "the machine with kubectl"
OF_FLANNEL = "kubectl -n kube-flannel delete pod -l app=flannel --field-selector spec.nodeName="


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing to do: a sentence, a command to copy, or both; *on* are the words for where."""

    text: str = ""
    command: str = ""
    on: str = ""


def steps_of(row: Finding, report: Report) -> tuple[Step, ...]:
    """Return what to do about a finding, in order; a plain change has the way back."""
    if not row.remedy:
        return (*_way_back(row), *_next(row, report))
    if _is_odd(row, row.remedy) or BUT_ONE in row.remedy or not row.nodes:
        return (Step(text=row.remedy),)
    found = [one for text in PARTS.split(row.remedy) for one in _step(text, row.nodes)]
    if len(row.nodes) > 1 and _differs(row):
        found = [one if one.text else Step(text=f"{one.command} on {one.on}") for one in found]
    return tuple(found)


def _differs(row: Finding) -> bool:
    """Say whether the nodes of a row have values of their own, so one command does not fit all."""
    return "*" in row.path or len({str(one.after) for one in row.members}) > 1


def _is_odd(row: Finding, remedy: str) -> bool:
    """Say whether a value in the remedy could write a step of its own, as ``x; reboot`` would."""
    values = (row.after, row.expected, row.peer, *row.keys, *row.nodes)
    return any(
        str(one) in remedy and not HARMLESS.fullmatch(str(one)) for one in values if one is not None
    )


def _step(text: str, nodes: t.Sequence[str]) -> t.Iterator[Step]:
    where = re.match(r"(.*?) on (the node|" + re.escape(", ".join(nodes[:6])) + r")(?!\w)", text)
    rest = text[where.end() :].lstrip(" ,:").removeprefix("and ") if where else ""
    if where and _is_command(where[1]) and not UNLESS.match(rest):
        yield Step(command=where[1], on=_places(nodes) if where[2] == "the node" else where[2])
        yield from _step(rest, nodes)
    elif _is_command(text):
        yield Step(command=text, on=CLUSTER if text.startswith("kubectl ") else _places(nodes))
    elif RESTART.search(text):
        command = _each(nodes, f"{OF_FLANNEL}{{node}}")
        yield Step(text=text, command=command, on=_of_cluster(nodes))
    elif RECYCLE.fullmatch(text):
        command = _each(
            nodes, "kubectl drain {node} --ignore-daemonsets && kubectl uncordon {node}"
        )
        yield Step(
            text=f"{text}; a drain leaves those of DaemonSets",
            command=command,
            on=_of_cluster(nodes),
        )
    elif text:
        yield Step(text=text)


def _places(nodes: t.Sequence[str]) -> str:
    more = f" and {len(nodes) - 6} more" if len(nodes) > 6 else ""
    return f"{', '.join(nodes[:6])}{more}"


def _is_command(text: str) -> bool:
    words = text.split()
    return (
        len(words) > 1
        and words[0] in PROGRAMS
        and words[-1] != "-w"
        and not PROSE.search(text)
        and ", " not in text
        and ": " not in text
        and not PLACEHOLDER.search(text)
        and HARMLESS.fullmatch(text) is not None
    )


def _of_cluster(nodes: t.Sequence[str]) -> str:
    rest = f", for the first {NAMED} of {len(nodes)} nodes" if len(nodes) > NAMED else ""
    return f"{CLUSTER}{rest}"


def _each(nodes: t.Sequence[str], command: str) -> str:
    """Return a command with a node's name in it, or what does it for one node after the other."""
    names = [shlex.quote(visible(one)) for one in nodes[:NAMED]]
    if len(names) == 1:
        return command.format(node=names[0])
    loop = command.format(node='"$node"')
    return f"for node in {' '.join(names)}; do {loop}; done" if names else ""


def again(report: Report) -> tuple[Step, ...]:
    """Return what to do where nodes were not seen: the reason first, then another capture."""
    cluster = shlex.quote(visible(report.cluster))
    text = "Mend the reason, then gather again:"
    return (Step(text=text, command=f"snapdiff gather --cluster {cluster}", on="the controller"),)


def _way_back(row: Finding) -> t.Iterator[Step]:
    """Yield what sets a plain value to what it was, where that is one command."""
    if row.change is not Kind.CHANGED or isinstance(row.before, bool) or len(row.keys) < 2:
        return
    command = ""
    if row.keys[0] == "links" and row.keys[2:] == ("mtu",) and isinstance(row.before, int):
        command = f"ip link set dev {row.keys[1]} mtu {row.before}"
    elif row.keys[0] == "links" and row.keys[2:] == ("mac",) and row.keys[1].startswith("flannel"):
        command = f"ip link set dev {row.keys[1]} address {row.before}"
    elif row.keys[0] == "sysctls" and isinstance(row.before, (int, str)):
        command = f"sysctl -w {row.keys[1]}={row.before}"
    if command and HARMLESS.fullmatch(command):
        text = "If nobody meant it, put it back:"
        yield Step(text=text, command=command, on=_places(row.nodes))


def _next(row: Finding, report: Report) -> t.Iterator[Step]:
    """Yield the command that says what a change leaves wrong, and what to do about that."""
    if report.command != "diff" or not report.inputs:
        return
    last = report.inputs[-1]
    name = shlex.quote(visible(last.place or last.capture or last.name))  # a place names its store
    cluster = f" --cluster {shlex.quote(visible(report.cluster))}" if not last.place else ""
    text = "See what is wrong now, and what to do about it:"
    yield Step(text=text, command=f"snapdiff check {name}{cluster}", on="the controller")
