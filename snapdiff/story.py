"""The nouns of what goes on over time: what was planned, what became of a finding, who followed.

Like those of ``model`` they hold nothing but values; times are UTC in ISO 8601.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field
from enum import StrEnum

if t.TYPE_CHECKING:
    from collections.abc import Mapping

    from snapdiff.model import Kind


class Standing(StrEnum):
    """What a finding is on a night, after the nights before it."""

    NEW = "new"
    OPEN = "open"
    WORSE = "worse"  # of a worse severity than the night before
    REOPENED = "reopened"  # it was gone, or accepted, and is back


class Sight(StrEnum):
    """What one night says of one finding."""

    OPEN = "open"
    ACCEPTED = "accepted"
    CLEAR = "clear"
    UNSEEN = "unseen"  # nobody looked at its node, or its rule could not tell: not clear


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """One capture of a story, and what was found in it."""

    capture: str
    taken_at: str
    label: str = ""
    expected: int = 0
    observed: int = 0
    by_severity: Mapping[str, int] = field(default_factory=dict)  # error, warning, info: findings
    accepted: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """One finding over the nights of a story; *sights* has a word for each of its moments."""

    id: str
    rule: str
    path: str
    node: str
    severity: str
    message: str
    first: str
    last: str  # when it was seen last
    sights: tuple[Sight, ...]
    nights: int = 0  # on which it was there
    flaps: int = 0  # how often it came back

    @property
    def sight(self) -> Sight:
        """Return what the last night says."""
        return self.sights[-1]


# How a word of a course begins where nobody looked, or could.
UNSEEN = ("not seen", "not observed", "not asked", "unseen", "?")


def was_seen(word: str) -> bool:
    """Say whether a word of a course is a value; "absent" is one, for somebody looked."""
    return bool(word) and not word.startswith(UNSEEN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Followers:
    """Nodes whose value took the same course; one word a moment."""

    nodes: tuple[str, ...]
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """One place over several captures: which nodes had which value when."""

    path: str
    moments: tuple[Moment, ...]
    rows: tuple[Followers, ...]
    wanted: str = ""  # the value that a plan asks for; empty where nobody does


@dataclass(frozen=True, slots=True, kw_only=True)
class Lag:
    """A node where a planned change did not happen, or nobody can say; *seen* is what is there."""

    node: str
    seen: t.Any = None
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """One line of a plan, and what became of it."""

    text: str  # as people write it: links/flannel.1/mtu 1450 → 1400
    path: str
    wanted: t.Any = None  # the value, or None where a row goes or any value will do
    done: tuple[str, ...] = ()
    missing: tuple[Lag, ...] = ()  # stragglers
    unknown: tuple[Lag, ...] = ()  # nobody looked there
    waiting: tuple[str, ...] = ()  # not due yet


@dataclass(frozen=True, slots=True, kw_only=True)
class MtuCell:
    """The MTU of one hop in bytes, against what the hop before it leaves."""

    link: str
    role: str
    mtu: t.Any  # None: absent; several of pod ports: a tuple
    expected: int | None  # None: nobody can say
    fits: bool | None  # None: cannot say


@dataclass(frozen=True, slots=True, kw_only=True)
class MtuRow:
    """Nodes whose hops have the same MTUs, outliers first in a report."""

    nodes: tuple[str, ...]
    cells: tuple[MtuCell, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """A change that follows from another one, on its node or on a peer; whole rows by place."""

    node: str
    path: str
    change: Kind
    before: t.Any = None
    after: t.Any = None
