"""A plan against the capture before it: what it would change where, and what is wrong with it."""

from __future__ import annotations

import typing as t
from collections import defaultdict

from snapdiff import drift
from snapdiff.contract import NOWHERE, RULE, words_of_nobody
from snapdiff.errors import SnapdiffError
from snapdiff.fate import look, plain_of, same
from snapdiff.model import Coverage, Finding, Member, Missing, Outcome, Report, Severity
from snapdiff.paths import glob, nearest
from snapdiff.plan import ANY, Item, Plan
from snapdiff.story import Lag, Planned

if t.TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from snapdiff.model import Node, Snapshot
    from snapdiff.store import Side

LEFT_OUT = "it was left out of the capture"
Values = list[tuple[str, t.Any]]  # node and value


class Problem(t.NamedTuple):
    """What of a line does not fit a node; a warning is that there is nothing to do."""

    severity: Severity
    text: str
    value: t.Any = None


class _Line:
    """A line of the plan on its way through the nodes."""

    def __init__(self, item: Item, *, comes: bool) -> None:
        """Take a line; *comes*: its place is not there yet, another line brings it."""
        self.item = item
        self.comes = comes
        self.problems: dict[tuple[Severity, str], Values] = defaultdict(list)
        self.already: list[str] = []
        self.wrong: list[Lag] = []
        self.unseen: list[Lag] = []
        self.due: list[str] = []

    def look(self, node: str, snapshot: Snapshot) -> None:
        """Take in a node that it is for."""
        try:
            unseen, found = _problems(self.item, snapshot, comes=self.comes)
        except SnapdiffError as error:  # a row that was never looked at until now
            unseen, found = str(error), []
        for one in found:
            self.problems[one.severity, one.text].append((node, one.value))
        errors = [one for one in found if one.severity is Severity.ERROR]
        if errors:
            self.wrong.append(Lag(node=node, seen=errors[0].value, why=errors[0].text))
        elif unseen:
            self.unseen.append(Lag(node=node, why=unseen))
        elif found:
            self.already.append(node)
        elif self.comes or not self.item.is_pattern or _there(self.item, snapshot):
            self.due.append(node)

    def planned(self) -> Planned:
        """Return the line with what would become of it."""
        return Planned(
            text=self.item.text,
            path=self.item.path,
            wanted=self.item.wanted,
            done=tuple(self.already),
            missing=tuple(self.wrong),
            unknown=tuple(self.unseen),
            waiting=tuple(self.due),
        )

    def findings(self, rows: dict[str, Node], cluster: str) -> Iterator[Finding]:
        """Yield what is wrong with the line: on nodes, or with its words."""
        for (severity, text), values in self.problems.items():
            yield _finding(self.item, severity, text, values, cluster)
        words = words_of_nobody(self.item, rows.values())
        for text in words:
            yield _finding(self.item, Severity.ERROR, text, [], cluster)
        if not words and not (self.already or self.wrong or self.unseen or self.due):
            bad = self.item.verb != "remove"  # of leftovers there may be none yet
            severity = Severity.ERROR if bad else Severity.INFO
            yield _finding(self.item, severity, NOWHERE, [], cluster)


def assess_plan(plan: Plan, side: Side, *, cluster: str) -> Report:
    """Return what a plan would change on which nodes of a capture, and what does not fit it.

    A node that was not seen, or a place that was not observed, is one where nobody can say.
    """
    rows = dict(sorted(side.capture.nodes.items()))
    skipped = [name for name, row in rows.items() if row.outcome is Outcome.SKIPPED]
    lines = [_Line(item, comes=plan.brings(item)) for item in plan.items]
    missing: list[Missing] = []
    for name, row in rows.items():
        snapshot, why = (None, LEFT_OUT) if name in skipped else _snapshot(side, row)
        if snapshot is None and name not in skipped:
            missing.append(Missing(node=name, why=why))
        for line in lines:
            if line.item.is_for(row) and snapshot is not None:
                line.look(name, snapshot)
            elif line.item.is_for(row):
                line.unseen.append(Lag(node=name, why=why))
    for line in lines:
        if line.item.of_nodes:
            _of_nodes(line, list(rows))
    found = [one for line in lines for one in line.findings(rows, cluster)]
    found += _contradictions(plan, rows, cluster)
    expected = len(rows) - len(skipped)
    seen = expected - len(missing)
    return Report(
        command="plan check",
        cluster=cluster,
        inputs=(),
        coverage=Coverage(
            expected=expected,
            observed=seen,
            comparable=seen,
            missing=tuple(missing),
            skipped=tuple(skipped),
        ),
        findings=tuple(sorted(found, key=lambda one: (-one.severity, one.path))),
        planned=tuple(line.planned() for line in lines),
    )


def _snapshot(side: Side, row: Node) -> tuple[Snapshot | None, str]:
    if row.outcome is not Outcome.OK:
        return None, f"{row.outcome}: {row.why}"
    try:
        return side.snapshot(row.name), ""
    except SnapdiffError as error:
        return None, str(error)


def _there(item: Item, snapshot: Snapshot) -> bool:
    return bool(look(snapshot, item.keys)[0])


def _of_nodes(line: _Line, names: list[str]) -> None:
    """Hold a line on whole nodes against those that are asked for."""
    item = line.item
    found = [name for name in names if glob(item.keys[1]).fullmatch(name)]
    if item.verb == "remove" and (found or item.is_pattern):
        line.due.extend(found)
    elif item.verb == "add" and (item.is_pattern or not found):
        line.due.append(item.keys[1])
    else:
        already = f"it is {'not ' if item.verb == 'remove' else ''}there already"
        line.already.append(item.keys[1])
        line.problems[Severity.WARNING, already].append((item.keys[1], None))


def _problems(item: Item, snapshot: Snapshot, *, comes: bool) -> tuple[str, list[Problem]]:
    """Return why something of an item could not be seen on a node, and what of it does not fit."""
    there, unseen = look(snapshot, item.keys)
    if unseen and not there:
        return unseen, []
    found: list[Problem] = []
    if item.verb == "add":
        found += [Problem(Severity.WARNING, "it is there already")] if there else []
    elif not there:
        found += _of_absent(item, snapshot, comes=comes)
    elif item.verb == "change":
        found += _of_values(item, [plain_of(one) for one in there])
    if item.source:
        given, blind = look(snapshot, item.source)
        unseen = unseen or blind
        if not given and not blind:
            text = f"{'/'.join(item.source)}, whose value it takes, is not there"
            found.append(Problem(Severity.ERROR, text))
    return unseen, found


def _of_absent(item: Item, snapshot: Snapshot, *, comes: bool) -> list[Problem]:
    if item.verb == "remove":
        return [] if item.is_pattern else [Problem(Severity.WARNING, "it is not there already")]
    if item.is_pattern or comes:
        return []
    rows = snapshot.sections[item.keys[0]]
    row = item.keys[1] if len(item.keys) > 1 else ""
    hint = "" if row in rows else nearest(row, rows)
    return [Problem(Severity.ERROR, f"it is not there{hint}")]


def _of_values(item: Item, values: Sequence[t.Any]) -> Iterator[Problem]:
    """Yield which values are not those that the plan counts on; equal ones once."""
    told = set()
    for value in values:
        if item.new is not ANY and same(value, item.new):
            one = Problem(Severity.WARNING, f"it is {drift.word(value)} already", value)
        elif item.old is not ANY and not same(value, item.old):
            text = f"planned from {drift.word(item.old)}, there is {drift.word(value)}"
            one = Problem(Severity.ERROR, text, value)
        else:
            continue
        if one.text not in told:
            told.add(one.text)
            yield one


def _finding(item: Item, severity: Severity, text: str, found: Values, cluster: str) -> Finding:
    nodes = tuple(dict.fromkeys(node for node, _value in found))
    members = tuple(
        Member(id=drift.finding_id(cluster, RULE, item.text, text, node), node=node, after=value)
        for node, value in dict(found).items()
    )
    return Finding(
        id=drift.finding_id(cluster, RULE, item.text, text, *nodes),
        rule=RULE,
        severity=severity,
        scope="temporal",
        nodes=nodes,
        path=item.path,
        message=f"{item.path} {item.intent}: {text}",
        after=found[0][1] if found else None,
        expected=None if item.old is ANY else item.old,
        members=members,
        keys=item.keys,
    )


def _contradictions(plan: Plan, rows: dict[str, Node], cluster: str) -> list[Finding]:
    """Return a finding for each two lines that want different things of one place on one node."""
    found = []
    for number, one in enumerate(plan.items):
        for two in plan.items[number + 1 :]:
            if not _contradict(one, two):
                continue
            both = [name for name, row in rows.items() if one.is_for(row) and two.is_for(row)]
            if both or one.of_nodes:
                text = f"the plan also says {two.text}"
                nodes = [(name, None) for name in both]
                found.append(_finding(one, Severity.ERROR, text, nodes, cluster))
    return found


def _contradict(one: Item, two: Item) -> bool:
    """Say whether two lines cannot both be done where they are for the same node."""
    short, long = sorted((one, two), key=lambda item: len(item.keys))
    if not all(_meet(*pair) for pair in zip(short.keys, long.keys, strict=False)):
        return False
    if len(short.keys) < len(long.keys):
        return short.verb == "remove" and long.verb != "remove"
    if one.verb == two.verb == "change":
        wanted = [item.wanted if not item.source else item.source for item in (one, two)]
        return None not in wanted and not same(*wanted)
    return "remove" in (one.verb, two.verb) and one.verb != two.verb


def _meet(one: str, two: str) -> bool:
    """Say whether two names or patterns may mean the same."""
    return bool(glob(one).fullmatch(two) or glob(two).fullmatch(one))
