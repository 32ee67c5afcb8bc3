"""Reports of every sort, for tests of the pages that are made of them: ``PAGES[name](folder)``."""

from __future__ import annotations

import enum
import typing as t
from dataclasses import fields, is_dataclass, replace

from acts import lease_mtu, mtu
from builders import FIXTURES, NOW, side
from clusters import Held, cluster
from incidents import INCIDENTS
from snapdiff.assess import assess_diff
from snapdiff.check import assess_check
from snapdiff.model import (
    Cell,
    Chain,
    Churn,
    Coverage,
    Finding,
    Hop,
    Input,
    Kind,
    Member,
    Missing,
    Report,
    Severity,
    Undecided,
    Waived,
)
from snapdiff.saved import Folder, nodes_in, snapshot_of
from snapdiff.store import stamp
from snapdiff.story import (
    Course,
    Followers,
    Lag,
    Life,
    Moment,
    MtuCell,
    MtuRow,
    Planned,
    Sight,
    Standing,
)
from snapdiff.verdict import Policy, judged

if t.TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TIMES = tuple(f"2026-11-{day}T02:00:00Z" for day in (19, 20, 21, 22))
BEFORE, AFTER = (
    Input(name=name, place=f"store/lab/{capture}", capture=capture, taken_at=taken, label=label)
    for name, capture, taken, label in (
        ("@prev", "20261121T020000Z", TIMES[2], "before"),
        ("@latest", "20261122T020000Z", TIMES[3], ""),
    )
)
WHOLE = Coverage(expected=4, observed=4, comparable=4)


def finished(report: Report, *inputs: Input) -> Report:
    """Return a report with what the commands add to it."""
    return replace(judged(report, Policy()), inputs=inputs, made_at=stamp(NOW))


def checked(facts: dict[str, t.Any], **missing: str) -> Report:
    """Return what check says of a cluster of plain values."""
    held = t.cast("t.Any", Held(facts, **missing))
    return finished(assess_check(held, cluster="lab", policy=Policy()), AFTER)


def incident(name: str) -> Report:
    """Return what check says after an incident of tests/scenarios."""
    return checked(INCIDENTS[name].after())


def incident_diff(name: str) -> Report:
    """Return what diff says of an incident of tests/scenarios."""
    one = INCIDENTS[name]
    sides = t.cast("t.Any", (Held(one.before()), Held(one.after())))
    return finished(assess_diff(*sides, cluster="lab", policy=Policy()), BEFORE, AFTER)


def recorded(folder: Path) -> Report:
    """Return what diff says of the recorded change of an underlay's MTU."""
    lab = FIXTURES / "flannel-lab" / "underlay-mtu"
    sides = [
        side(
            folder / word,
            [
                snapshot_of(Folder(path), node=path.name, taken_at=stamp(NOW), via="test")
                for path in nodes_in(lab / word)
            ],
        )
        for word in ("before", "after")
    ]
    return finished(assess_diff(*sides, cluster="lab", policy=Policy()), BEFORE, AFTER)


def nobody() -> Report:
    """Return what check says where no node was seen."""
    return checked({}, node1="no route to host", node2="sudo: a password is required")


def finding(number: int = 1, **fields: t.Any) -> Report | t.Any:
    """Return a finding that is complete, but for *fields*."""
    nodes = fields.pop("nodes", ("node1",))
    return Finding(
        **{
            "id": f"{number:016x}",
            "rule": "lease-mtu",
            "severity": Severity.ERROR,
            "scope": "node",
            "nodes": nodes,
            "path": "cni/subnet_env/FLANNEL_MTU",
            "message": f"new pods get MTU {number}, but flannel.1 runs with 1450",
            "keys": ("cni", "subnet_env", "FLANNEL_MTU"),
            "members": tuple(
                Member(id=f"{number:08x}{place:08x}", node=node) for place, node in enumerate(nodes)
            ),
            **fields,
        }
    )


def fleet(number: int = 500, rows: int = 40) -> Report:
    """Return a check of many nodes with many findings, each on very many of them."""
    names = tuple(f"worker-{one:04d}.rack{one % 40:02d}.prod.example.net" for one in range(number))
    severities = (Severity.ERROR, Severity.WARNING, Severity.INFO)
    found = tuple(
        finding(
            one,
            nodes=names[one::2],
            severity=severities[one * 3 // rows],
            remedy="ip link delete flannel.1 on the node, then restart its flannel pod",
            evidence=tuple(f"so on {name}: it is slow" for name in names[:6]),
            members=tuple(
                Member(id=f"{one:08x}{place:08x}", node=name, after=1400 + place)
                for place, name in enumerate(names[one::2])
            ),
        )
        for one in range(rows)
    )
    report = Report(
        command="check",
        cluster="prod",
        inputs=(),
        coverage=Coverage(
            expected=number + 9,
            observed=number,
            comparable=number,
            missing=tuple(Missing(node=f"lost-{one}", why="no route to host") for one in range(9)),
            skipped=names[::7],
        ),
        findings=found,
        undecided=tuple(
            Undecided(path=f"links/eth{one}/mtu", why=f"rc {one}", side="now", nodes=names[one:])
            for one in range(30)
        ),
        churn=tuple(Churn(node=one, what="veth*", before=3, after=4, added=1) for one in names),
        mesh=tuple(Cell(holder=one, peer=names[0], missing=("route",)) for one in names[1:]),
    )
    return finished(report, AFTER)


def upgrade() -> Report:
    """Return a diff in which a plan was followed by some nodes, and not by others."""
    moments = tuple(Moment(capture=f"c{one[8:10]}", taken_at=one) for one in TIMES)
    line = Planned(
        text="links/flannel.1/mtu 1450 → 1400",
        path="links/flannel.1/mtu",
        wanted=1400,
        done=("node1", "node2"),
        missing=(Lag(node="node3", seen=1450),),
        unknown=(Lag(node="node4", why="no route to host"),),
        waiting=("node5",),
    )
    late = finding(
        1,
        nodes=("node3",),
        rule="drift",
        severity=Severity.WARNING,
        path="links/flannel.1/mtu",
        keys=("links", "flannel.1", "mtu"),
        message="links/flannel.1/mtu is still 1450, the plan wants 1400",
        after=1450,
        expected=1400,
    )
    effect = finding(
        2,
        nodes=("node1", "node2"),
        rule="drift",
        severity=Severity.INFO,
        change=Kind.CHANGED,
        path="links/cni0/mtu",
        keys=("links", "cni0", "mtu"),
        message="links/cni0/mtu 1450 → 1400",
        before=1450,
        after=1400,
    )
    course = Course(
        path="links/flannel.1/mtu",
        moments=moments,
        wanted="1400",
        rows=(
            Followers(nodes=("node1",), values=("1450", "1400", "1400", "1400")),
            Followers(nodes=("node2",), values=("1450", "1450", "1400", "1400")),
            Followers(nodes=("node3",), values=("1450", "1450", "1450", "1450")),
        ),
    )
    report = Report(
        command="diff",
        cluster="lab",
        inputs=(),
        coverage=Coverage(
            expected=4,
            observed=3,
            comparable=3,
            missing=(Missing(node="node4", why="no route to host"),),
        ),
        findings=(late,),
        planned=(line,),
        side_effects=(effect,),
        courses=(course,),
        chains=(_chain("node3", "1450"), _chain("node1", "1400")),
    )
    return finished(report, BEFORE, AFTER)


def _chain(node: str, overlay: str) -> Chain:
    hops = (
        Hop(link="eth0", role="underlay", before="1500", after="1500"),
        Hop(link="flannel.1", role="overlay", before="1450", after=overlay),
        Hop(link="cni0", role="pod bridge", before="1450", after=overlay),
    )
    return Chain(nodes=(node,), hops=hops)


def nights() -> Report:
    """Return a check with findings of four nights, one accepted, and things not told."""
    moments = tuple(
        Moment(
            capture=f"202611{one[8:10]}T020000Z",
            taken_at=one,
            expected=4,
            observed=4 - (number == 1),
            by_severity={"error": number, "warning": 1},
            accepted=1,
        )
        for number, one in enumerate(TIMES)
    )
    sights = {
        "open": (Sight.CLEAR, Sight.UNSEEN, Sight.OPEN, Sight.OPEN),
        "accepted": (Sight.ACCEPTED,) * 4,
        "clear": (Sight.OPEN, Sight.OPEN, Sight.OPEN, Sight.CLEAR),
        "unseen": (Sight.OPEN, Sight.CLEAR, Sight.OPEN, Sight.UNSEEN),
    }
    lives = tuple(
        Life(
            id=f"{number:016x}",
            rule="lease-mtu",
            path="cni/subnet_env/FLANNEL_MTU",
            node=f"node{number + 1}",
            severity="error",
            message=f"new pods get MTU {word}",
            first=TIMES[0],
            last=TIMES[3],
            sights=row,
            nights=sum(one is Sight.OPEN for one in row),
            flaps=int(number == 3),
        )
        for number, (word, row) in enumerate(sights.items())
    )
    age = {"standing": Standing.OPEN, "since": TIMES[2], "nights": 2}
    report = Report(
        command="check",
        cluster="lab",
        inputs=(),
        coverage=WHOLE,
        findings=(
            finding(1, remedy="ip link delete flannel.1 on the node", **age),
            finding(2, nodes=("node2", "node3"), severity=Severity.WARNING, standing=Standing.NEW),
        ),
        waived=(
            Waived(
                finding=finding(3, nodes=("node4",)),
                reason="no pods there until the move",
                until="2027-01-31",
                ticket="NET-7",
            ),
        ),
        undecided=(Undecided(path="sysctls", why="rc 1", side="now", rule="ip-forward-off"),),
        churn=(Churn(node="node1", what="veth*", before=3, after=4, added=1),),
        mtus=(
            MtuRow(
                nodes=("node1",),
                cells=(MtuCell(link="eth0", role="underlay", mtu=1500, expected=None, fits=None),),
            ),
        ),
        notes=("the waiver of x meets nothing. Take it away.",),
        moments=moments,
        lives=lives,
    )
    return finished(report, AFTER)


def spoilt(value: t.Any, text: str) -> t.Any:
    """Return a value with *text* in every field that is text, words of our own left alone."""
    if isinstance(value, enum.Enum) or value in ("check", "diff"):
        return value
    if isinstance(value, str):
        return text
    if isinstance(value, tuple):
        return tuple(spoilt(one, text) for one in value)
    if is_dataclass(value) and not isinstance(value, type):
        found = {one.name: spoilt(getattr(value, one.name), text) for one in fields(value)}
        if isinstance(value, Life):
            found["severity"] = value.severity  # one of three words, not text of a node
        return type(value)(**found)
    return value


def spoilt_reports(text: str) -> t.Iterator[Report]:
    """Yield reports that have a bit of all, with *text* in every field that is text."""
    for report in (nights(), upgrade()):
        yield spoilt(report, text)


def _several() -> Report:
    facts = cluster(5)
    mtu(facts["node2"], 9001, "eth0")
    lease_mtu(facts["node2"], 8951)
    mtu(facts["node3"], 1400, "cni0")
    facts["node4"]["links"]["flannel.1"]["mac"] = "02:bb:00:00:00:04"
    facts["node5"]["sysctls"]["net.ipv4.ip_forward"] = 0
    return checked(facts, node6="no route to host")


PAGES: dict[str, Callable[[Path], Report]] = {
    "underlay-mtu-recorded": recorded,
    "underlay-mtu": lambda _folder: incident("lab underlay-mtu"),
    "underlay-mtu-diff": lambda _folder: incident_diff("lab underlay-mtu"),
    "stale-mac": lambda _folder: incident("I-05"),
    "stale-mac-diff": lambda _folder: incident_diff("I-05"),
    "several": lambda _folder: _several(),
    "quiet": lambda _folder: checked(cluster(3)),
    "nobody": lambda _folder: nobody(),
    "fleet": lambda _folder: fleet(),
    "upgrade": lambda _folder: upgrade(),
    "nights": lambda _folder: nights(),
}
