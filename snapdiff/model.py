"""The nouns: what the rooms hand to each other. Nothing here touches a file, a clock or a library.

Tables stay plain mappings by key, as the schema describes them, for they are compared as data and
there may be a million rows; what we make of them is a frozen value with a name.
"""

from __future__ import annotations

import typing as t
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

if t.TYPE_CHECKING:
    from snapdiff.story import Course, Effect, Life, Moment, MtuRow, Planned

SCHEMA = "snapdiff/snapshot/1"
# The sections of a snapshot in the order of the file. An unchanged node has the same BODY every
# night; MOVING is what moves at every gather.
HEAD = ("schema", "facts", "node", "consistent")
BODY = (
    "host",
    "not_observed",
    "links",
    "peers",
    "routes",
    "neighbours",
    "fdb",
    "rules",
    "cni",
    "cni_config",
    "ipam",
    "sysctls",
)
MOVING = (
    *("provenance", "steps", "counters", "timers"),
    *("lifetimes", "neighbour_cache", "fdb_learned", "mtimes"),
)

Section = Mapping[str, t.Any]


class Severity(IntEnum):
    """How bad a finding is; the least one that makes the exit code 1 is ``--fail-on``."""

    INFO = 0
    WARNING = 1
    ERROR = 2

    @property
    def word(self) -> str:
        """Return the name as reports and options write it."""
        return self.name.lower()


class Outcome(StrEnum):
    """What became of a node that a capture knows of."""

    OK = "ok"
    UNREACHABLE = "unreachable"
    FAILED = "failed"
    TIMED_OUT = "timed out"
    SKIPPED = "skipped"  # not asked: left out by --limit


class Kind(StrEnum):
    """The words for what happened to a value between two snapshots."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    TYPE_CHANGED = "type-changed"
    NOT_OBSERVED = "not-observed"


def covers(pattern: str, path: tuple[str, ...]) -> bool:
    """Say whether a pattern of ``not_observed`` covers a place: it is that, or above it."""
    parts = pattern.split("/", len(path) - 1)  # the last name may hold a slash
    return len(parts) <= len(path) and all(
        part in ("*", name) for part, name in zip(parts, path, strict=False)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The pod network of one node at one moment; never changed once made."""

    node: str
    sections: Mapping[str, t.Any]  # the whole document by its outer keys
    digest: str = ""  # sha256 of the body where it is known: equal ones need no look

    def __getitem__(self, section: str) -> Section:
        """Return a section as a mapping of rows by key."""
        found: Section = self.sections[section]
        return found

    @property
    def consistent(self) -> bool:
        """Say whether all tables are of one moment."""
        return bool(self.sections["consistent"])

    @property
    def facts(self) -> int:
        """Return which set of facts the collector looked at; it grows as collectors do."""
        return int(self.sections["facts"])

    @property
    def taken_at(self) -> str:
        """Return when it was made: UTC, ISO 8601."""
        return str(self["provenance"].get("taken_at", ""))

    @property
    def uptime(self) -> float | None:
        """Return the seconds since the node's boot, None where they were not observed."""
        found: float | None = self["provenance"].get("uptime")
        return found

    def why_not_observed(self, path: tuple[str, ...]) -> tuple[str, str] | None:
        """Return the pattern and reason that cover a place which is missing here.

        None: it was looked at, and is absent. A reason covers everything below its path; ``*`` in
        a pattern stands for any one name.
        """
        for pattern, reason in self["not_observed"].items():
            if covers(pattern, path):
                return pattern, str(reason)
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A row of a capture's manifest: a node that was asked for, and what became of it."""

    name: str
    outcome: Outcome
    why: str = ""
    file: str = ""
    sha256: str = ""
    body: str = ""
    groups: tuple[str, ...] = ()  # of the inventory


@dataclass(frozen=True, slots=True, kw_only=True)
class Capture:
    """The snapshots of one run over the fleet, and the nodes it missed."""

    name: str
    place: str
    cluster: str
    label: str = ""
    limit: str = ""
    started_at: str = ""
    nodes: Mapping[str, Node] = field(default_factory=dict)
    api: str = ""  # sha256 of cluster.yml; empty where nobody asked the cluster


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A place whose value differs between two snapshots of a node, good or bad."""

    node: str
    path: tuple[str, ...]
    kind: Kind
    before: t.Any = None
    after: t.Any = None
    why: str = ""  # of not-observed: the reason
    role: str | None = None  # of the link that it is about
    dev: str | None = None  # the link that a row of a table leads over

    @property
    def place(self) -> str:
        """Return the path as people write it."""
        return "/".join(self.path)


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One finding of a folded row: a node with its own values and its own evidence."""

    id: str
    node: str
    before: t.Any = None
    after: t.Any = None
    evidence: tuple[str, ...] = ()
    places: tuple[str, ...] = ()  # all that a row such as peers/* stands for on the node
    effects: tuple[Effect, ...] = ()
    file: str = ""  # where it stands, for formats that point there: the snapshot and its line
    line: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One verdict, on one node or on all nodes where it is the same."""

    id: str
    rule: str
    severity: Severity
    scope: str
    nodes: tuple[str, ...]
    path: str
    message: str
    change: Kind | None = None
    before: t.Any = None
    after: t.Any = None
    expected: t.Any = None
    peer: str | None = None
    why: str | None = None
    remedy: str | None = None
    evidence: tuple[str, ...] = ()
    stragglers: tuple[str, ...] = ()
    members: tuple[Member, ...] = ()
    keys: tuple[str, ...] = ()  # the path in its parts, for a name may hold a slash
    follows: tuple[str, ...] = ()  # ids of what is told with it: its effects, rows it stands for
    standing: str = ""  # new, open, worse, reopened; empty where no night was written down
    since: str = ""  # when a night first had it, UTC
    nights: int = 0  # that had it, this one included


@dataclass(frozen=True, slots=True, kw_only=True)
class Churn:
    """What came and went as expected, counted: pods, mostly."""

    node: str
    what: str
    before: t.Any
    after: t.Any
    added: int = 0
    removed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Undecided:
    """A place that could not be compared, and why."""

    path: str
    why: str
    side: str  # before, after, both; now, of a rule on one capture
    nodes: tuple[str, ...] = ()
    rule: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """A node that should have been seen and was not."""

    node: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """How much of the fleet an answer is about."""

    expected: int
    observed: int
    comparable: int
    missing: tuple[Missing, ...] = ()
    skipped: tuple[str, ...] = ()
    inconsistent: tuple[str, ...] = ()
    unanswered: tuple[str, ...] = ()  # why the cluster was asked, by kubectl, in vain

    @property
    def percent(self) -> float:
        """Return the share of the expected nodes that could be compared; 0 of 0 is no coverage."""
        return 100.0 * self.comparable / self.expected if self.expected else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """A link of the chain eth0 - flannel.1 - cni0 - pods, as one word before and after."""

    link: str
    role: str
    before: str | None
    after: str | None
    addresses: tuple[str, ...] = ()  # where the chain is that of one node
    overhead: int | None = None  # bytes that it takes of the hop before it; None: not known
    broken: str = ""  # what is wrong with it, in a few words


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """The chain of all nodes where it looks the same."""

    nodes: tuple[str, ...]
    hops: tuple[Hop, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """What a node's entries for one peer lack or have wrong; complete ones have no cell."""

    holder: str
    peer: str
    missing: tuple[str, ...] = ()  # route, neighbour, fdb
    stale: tuple[str, ...] = ()
    extra: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Waived:
    """A finding that the site accepts, and why."""

    finding: Finding
    reason: str
    until: str = ""  # the last day, ISO 8601; empty: for good
    ticket: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """What was compared: as it was asked for, and what that turned out to be."""

    name: str
    place: str = ""
    capture: str = ""
    label: str = ""
    limit: str = ""
    taken_at: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything that a renderer needs; what it prints is only a choice of words."""

    command: str
    cluster: str
    inputs: tuple[Input, ...]
    coverage: Coverage
    findings: tuple[Finding, ...] = ()
    churn: tuple[Churn, ...] = ()
    undecided: tuple[Undecided, ...] = ()
    chains: tuple[Chain, ...] = ()
    mesh: tuple[Cell, ...] = ()
    waived: tuple[Waived, ...] = ()
    planned: tuple[Planned, ...] = ()
    side_effects: tuple[Finding, ...] = ()  # of what was planned
    mtus: tuple[MtuRow, ...] = ()
    moments: tuple[Moment, ...] = ()  # the nights before, the oldest first
    lives: tuple[Life, ...] = ()
    courses: tuple[Course, ...] = ()
    notes: tuple[str, ...] = ()  # what the site set that does nothing
    verdict: str = ""
    exit_code: int = 0
    trusted: bool = False  # enough was seen, whatever was found and with --exit-zero too
    made_at: str = ""
