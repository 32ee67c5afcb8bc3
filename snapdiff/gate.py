"""The gate after a batch of a change: rest, then the plan, the rules and the cluster's own word.

What is due lies in ``REPORTS/CAPTURE-upgrade/due-N.json`` from before a batch begins, N nodes in
all, so that whoever is left when Ansible is not can hold the gate.
"""

from __future__ import annotations

import json
import shlex
import typing as t
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from snapdiff import codec, files
from snapdiff.compare import check_capture, compare_captures
from snapdiff.errors import ExitCode, SnapdiffError
from snapdiff.gathering import Wish
from snapdiff.model import Severity
from snapdiff.plan import read_plan
from snapdiff.settling import Rest, settle
from snapdiff.store import Store
from snapdiff.strict_yaml import LIMITS
from snapdiff.verdict import Policy

if t.TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from snapdiff.model import Capture, Report
    from snapdiff.policy import Site

NOBODY = "no node"
FAIL_ON = Severity.WARNING  # of the plan: what else changed, whatever a folder or a variable says
SCHEMA = "snapdiff/due/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """What is changed by now, and all that a gate asks with. Written by the role ``upgrade``."""

    file: Path  # where it is written, in the folder of the reports
    before: str  # the capture before the change
    nodes: tuple[str, ...]  # where the plan is due by now
    unfinished: tuple[str, ...]  # of these, where the change did not come to its end
    store: str
    cluster: str
    hosts: str
    plan: str
    fail_on: str
    even_if_unhealthy: bool
    min_coverage: float
    settle_within: str
    settle_pause: str
    inventories: tuple[str, ...]
    gather_options: tuple[str, ...]
    gather_variables: Mapping[str, t.Any]
    folder: str  # that relative paths in all of these are from
    gate: int | None = None  # exit code of its gate; None: it was not held yet

    @property
    def number(self) -> int:
        """Return what its reports and captures are numbered by: how many nodes are due."""
        return len(self.nodes)

    @property
    def report(self) -> Path:
        """Return the report on the plan, as JSON."""
        return self.file.parent / f"after-{self.number}.json"

    @property
    def onward(self) -> tuple[str, ...]:
        """Return how the change goes on with the nodes that it left."""
        variables = json.dumps({"snapdiff_upgrade_resume": str(self.file)})
        return (
            "To go on with the nodes that are left, the same again with one more option, of "
            "'snapdiff upgrade run' or of ansible-playbook:",
            shlex.join(["--resume", str(self.file)]),
            shlex.join(["-e", variables]),
        )

    @property
    def wish(self) -> Wish:
        """Return what is gathered at the gate."""
        variables = ("-e", json.dumps(self.gather_variables))
        return Wish(
            inventories=self.inventories,
            hosts=self.hosts,
            label=f"after-{self.number}",
            arguments=(*variables, *self.gather_options),
            folder=self.folder,
        )

    def ask_plan(self, after: str) -> list[str]:
        """Return the words that hold the capture *after* against the plan again."""
        words = ["snapdiff", "diff", self.before, after, f"--plan={self.plan}"]
        words += [f"--fail-on={FAIL_ON.word}", *self._where]
        return [*words, *(f"--so-far={node}" for node in self.nodes)]

    def ask_rules(self, after: str) -> list[str]:
        """Return the words that hold the capture *after* against the rules again."""
        words = ["snapdiff", "check", after, f"--plan={self.plan}", f"--fail-on={self.fail_on}"]
        return [*words, *self._where]

    @property
    def _where(self) -> list[str]:
        coverage = f"--min-coverage={self.min_coverage:g}"
        return [f"--store={self.store}", f"--cluster={self.cluster}", coverage]


def read_due(path: Path) -> Due:
    """Return what is due. Raises UnreadableError for a file that is not of this form."""
    document = codec.loads(files.read(path, LIMITS.size), "due", str(path))
    given: dict[str, t.Any] = {
        key: tuple(value) if isinstance(value, list) else value
        for key, value in document.items()
        if key != "schema"
    }
    return Due(file=path.absolute(), **given)


def write_due(due: Due) -> None:
    """Write it where it was, for the owner alone: options of the user may be in it."""
    document = {"schema": SCHEMA, **asdict(due)}
    del document["file"]
    if due.gate is None:
        del document["gate"]
    data = f"{json.dumps(document, indent=4, sort_keys=True)}\n".encode()
    files.write_whole(due.file, data, private=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """What was found at a gate; what could not be made is in *failed*, by name, with the reason."""

    due: Due
    mended: bool = False  # what did not come to its end was done since, somebody says
    after: str = ""
    rest: Rest | None = None
    plan: Report | None = None
    rules: Report | None = None
    failed: Mapping[str, str] = field(default_factory=dict)

    @property
    def exit_code(self) -> ExitCode:
        """Return 0 where the next batch may begin; of the others 1 wins over 3, and that over 2."""
        codes = {int(report.exit_code) for report in (self.plan, self._held) if report}
        if self.unfinished or (self.rest is not None and not self.rest.settled):
            codes.add(ExitCode.FINDINGS)
        if self.rules is not None and self.rules.coverage.unanswered:
            codes.add(ExitCode.UNTRUSTED)
        if self.failed:
            codes.add(ExitCode.UNREADABLE)
        order = (ExitCode.FINDINGS, ExitCode.UNTRUSTED, ExitCode.UNREADABLE)
        return next((one for one in order if one in codes), ExitCode.CLEAN)

    @property
    def unfinished(self) -> tuple[str, ...]:
        """Return the nodes where the change did not come to its end, and was not mended."""
        return () if self.mended else self.due.unfinished

    @property
    def _held(self) -> Report | None:
        """Return the report on the rules where it counts: not when the change began unhealthy."""
        return None if self.due.even_if_unhealthy else self.rules

    @property
    def words(self) -> tuple[str, ...]:
        """Return what came of it: one line of an open gate, else all that there is to see."""
        if self.exit_code is ExitCode.CLEAN:
            return (self._verdict("plan", self.plan),)
        mended = ["--mended"] if self.due.unfinished else []
        rest = self.rest.words[0] if self.rest else self.failed.get("rest", "")
        left = ", ".join(self.unfinished) or NOBODY
        still = "; what was begun there may still be running" if self.unfinished else ""
        nodes = ", ".join(self.due.nodes)
        return (
            f"Stopped after {nodes}; no other node was changed, and nothing is rolled back.",
            f"the change did not come to its end on: {left}{still}",
            f"rest: {rest}",
            f"plan: {self._verdict('plan', self.plan)}",
            f"rules: {self._verdict('rules', self.rules)}",
            f"kubectl: {self._kubectl}",
            "To look at:",
            *(shlex.join(ask(self.after)) for ask in self._asks),
            *([str(self.due.report.with_suffix(".html"))] if self.plan else []),
            "To hold the gate again, when that is mended:",
            shlex.join(["snapdiff", "upgrade", "gate", str(self.due.file), *mended]),
            *self.due.onward,
        )

    @property
    def _asks(self) -> tuple[Callable[[str], list[str]], ...]:
        return (self.due.ask_plan, self.due.ask_rules) if self.rest else ()

    def _verdict(self, name: str, report: Report | None) -> str:
        if report is None:
            return self.failed.get(name, "not asked")
        return f"{report.cluster}: {report.verdict}"

    @property
    def _kubectl(self) -> str:
        if self.rest is None or not self.rest.capture.api:
            return "not asked"
        if self.rules is None:
            return "nobody can tell"
        return "; ".join(self.rules.coverage.unanswered) or "it answered"


def hold(due: Due, take: Callable[[], Capture], *, site: Site, mended: bool = False) -> Gate:
    """Wait for rest by *take*, hold the last capture against plan and rules, and return all of it.

    Where none could be taken, nothing is asked: an earlier one is no answer. Nothing is raised but
    for what is a mistake of ours: what cannot be made is told.
    """
    policy = Policy(fail_on=FAIL_ON, min_coverage=due.min_coverage)
    failed: dict[str, str] = {}

    def made(name: str, make: Callable[..., t.Any], *words: t.Any, **given: t.Any) -> t.Any:
        try:
            return make(*words, **given)
        except (SnapdiffError, OSError) as error:  # of a folder or a disk, where Ansible is run
            failed[name] = str(error)
            return None

    where: dict[str, t.Any] = {"store": Store(Path(due.store)), "cluster": due.cluster}
    waiting = {"within": due.settle_within, "pause": due.settle_pause, "policy": policy}
    rest = made("rest", settle, take, **where, **waiting)
    if rest is None:
        return Gate(due=due, mended=mended, failed=failed)
    after = rest.capture.place
    given = {**where, "now": datetime.now(UTC), "site": site}
    given["plan"] = made("plan", read_plan, Path(due.plan))
    held = None
    if given["plan"] is not None:
        ways = {"policy": policy, "so_far": due.nodes}
        held = made("plan", compare_captures, due.before, after, **given, **ways)
    ways = {"policy": replace(policy, fail_on=Severity[due.fail_on.upper()])}
    broken = made("rules", check_capture, after, **given, **ways)
    return Gate(
        due=due, mended=mended, after=after, rest=rest, plan=held, rules=broken, failed=failed
    )
