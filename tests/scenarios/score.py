"""Score check, diff and other tools on all scenarios: ``make score``.

Prints what each incident came to, then every tool beside the others; build/score.json has all of
it. How it is measured: docs/score.md.
"""

from __future__ import annotations

import fnmatch
import json
import os
import statistics
import subprocess
import sys
import typing as t
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path[:0] = [str(ROOT), str(HERE), str(HERE.parent / "snapdiff")]

from clusters import Held  # noqa: E402 - found by the line above
from incidents import INCIDENTS, MOST, UNSEEN, Incident, Said  # noqa: E402
from quiet import QUIET  # noqa: E402
from snapdiff import __version__  # noqa: E402
from snapdiff.assess import assess_diff  # noqa: E402
from snapdiff.check import assess_check  # noqa: E402
from snapdiff.model import Severity  # noqa: E402
from snapdiff.verdict import Policy  # noqa: E402

BUILD = ROOT / "build"
PEERS = BUILD / "peers" / "bin" / "python"
# What moves by itself on every node: nobody would feed it to a general tool.
MOVING = (
    *("provenance", "steps", "counters", "timers", "lifetimes"),
    *("neighbour_cache", "fdb_learned", "mtimes"),
)
Place = list[str]
Row = dict[str, t.Any]


def ours(one: Incident) -> dict[str, list[t.Any]]:
    """Return the findings of warning or above of both commands."""
    before, after = Held(one.before()), Held(one.after())
    reports = {
        "snapdiff check": assess_check(after, cluster="test", policy=Policy()),
        "snapdiff diff": assess_diff(before, after, cluster="test", policy=Policy()),
    }
    return {
        name: [row for row in report.findings if row.severity > Severity.INFO]
        for name, report in reports.items()
    }


def judged(said: Said | None, lines: list[t.Any], near: t.Any, exact: t.Any) -> Row:
    """Return what the lines of an answer come to, held against what had to be said."""
    if said is None:
        return {"lines": len(lines), "asked": False}
    hits = [bool(near(one)) for one in lines]
    first = bool(lines) and bool(exact(lines[0]))
    return {
        "asked": True,
        "found": any(hits),
        "first": first,
        "answered": first and len(lines) <= MOST,
        "precision": round(sum(hits) / len(lines), 3) if lines else 0.0,
        "lines": len(lines),
    }


def of_ours(command: str, one: Incident, found: list[t.Any]) -> Row:
    """Judge findings of check or diff; declared effects of the cause count as right."""
    said = one.check if command == "snapdiff check" else one.diff

    def near(finding: t.Any) -> bool:
        assert said is not None
        if finding.rule in one.effects:
            return True
        if any(finding.path == path and node in finding.nodes for path, node in one.also):
            return True
        named = finding.rule in said.rules if said.rules else finding.path.startswith(said.paths)
        return named and bool(set(finding.nodes) & set(said.nodes))

    row = judged(said, found, near, said.fits if said else None)
    return {**row, "said": [[one.rule, one.path, list(one.nodes)] for one in found[: MOST + 1]]}


def leads(place: Place, path: str) -> bool:
    """Say whether a place of another tool is where an expected path leads; a whole row does."""
    wanted = path.rstrip("/").split("/")
    if wanted[0] in ("peers", "routes"):
        wanted = wanted[:2]
    if place[:1] == ["text"]:  # a changed line, and the lines that are shown around it
        names, field = wanted[1:2], wanted[-1]
        around = all(any(name.strip("*") in line for line in place[2:]) for name in names)
        return around and field.strip("*") in (place[1] if len(wanted) > 2 else str(place[1:]))
    for index, part in enumerate(wanted):
        if index >= len(place):
            return index >= 2 or part == "*"
        last = index == len(wanted) - 1
        if not fnmatch.fnmatchcase(place[index], f"{part}*" if last else part):
            return False
    return True


def of_peer(one: Incident, places: list[Place] | None) -> Row:
    """Judge the places that another tool names; None: it gave up."""
    if places is None:
        return {**judged(one.diff, [], None, None), "gave_up": True}

    def near(place: Place) -> bool:
        assert one.diff is not None
        if place[0] == "nodes":
            return any(path.startswith(f"nodes/{place[1]}") for path in one.diff.paths)
        inside = place[0] in one.diff.nodes
        return inside and any(leads(place[1:], path) for path in one.diff.paths)

    return judged(one.diff, places, near, near)


def peers() -> dict[str, t.Any]:
    """Return what other tools say of all scenarios; nothing where they are not installed."""
    if not PEERS.exists():
        return {}
    tables = (INCIDENTS, QUIET)
    feed = {
        one.name: {"before": _fed(one.before()), "after": _fed(one.after())}
        for table in tables
        for one in table.values()
    }
    question, answer = BUILD / "score-question.json", BUILD / "score-answer.json"
    question.write_text(json.dumps(feed), "utf-8")
    answer.unlink(missing_ok=True)
    command = [PEERS, HERE / "peer_tools.py", question, answer]
    fixed = {**os.environ, "PYTHONHASHSEED": "0"}  # the order of some answers hangs on it
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=fixed)
    if done.returncode or not answer.exists():
        sys.stderr.write(f"the other tools could not be asked:\n{done.stderr[-2000:]}\n")
        return {}
    found: dict[str, t.Any] = json.loads(answer.read_text("utf-8"))
    return found


def _fed(nodes: dict[str, Row]) -> dict[str, Row]:
    return {
        name: {key: value for key, value in facts.items() if key not in MOVING}
        for name, facts in nodes.items()
    }


def totals(rows: dict[str, Row], quiet: dict[str, int | None]) -> Row:
    """Return what a tool's rows come to."""
    asked = [row for row in rows.values() if row["asked"]]
    given_up = sum(bool(row.get("gave_up")) for row in asked)
    given_up += sum(lines is None for lines in quiet.values())
    counts = [row["lines"] for row in asked if not row.get("gave_up")]
    loud = [lines for lines in quiet.values() if lines]
    return {
        "asked": len(asked),
        "found": sum(row["found"] for row in asked),
        "first": sum(row["first"] for row in asked),
        "answered": sum(row["answered"] for row in asked),
        "precision": round(statistics.mean(row["precision"] for row in asked), 2),
        "median": statistics.median(counts) if counts else 0,
        "most": max(counts, default=0),
        "silent": sum(lines == 0 for lines in quiet.values()),
        "quiet": len(quiet),
        "noise": sum(loud),
        "gave_up": given_up,
    }


def main() -> int:
    """Score all, print the tables, write the file."""
    scores: dict[str, Row] = {}
    rows: dict[str, dict[str, Row]] = {"snapdiff check": {}, "snapdiff diff": {}}
    noise: dict[str, dict[str, int | None]] = {"snapdiff check": {}, "snapdiff diff": {}}
    for one in INCIDENTS.values():
        for command, found in ours(one).items():
            rows[command][one.name] = of_ours(command, one, found)
    for one in QUIET.values():
        for command, found in ours(one).items():
            noise[command][one.name] = len(found)
    for command, found_rows in rows.items():
        scores[command] = {
            "version": __version__,
            "totals": totals(found_rows, noise[command]),
            "incidents": found_rows,
            "quiet": noise[command],
        }
    for name, answer in peers().items():
        if "runs" not in answer:
            scores[name] = {"version": None, "why": answer["why"]}
            continue
        runs = answer["runs"]
        judged_rows = {one.name: of_peer(one, runs[one.name]) for one in INCIDENTS.values()}
        quiet = {name: None if runs[name] is None else len(runs[name]) for name in QUIET}
        scores[name] = {
            "version": answer["version"],
            "seconds": answer["seconds"],
            "why": answer["why"],
            "totals": totals(judged_rows, quiet),
            "incidents": judged_rows,
            "quiet": quiet,
        }
    _print(scores)
    BUILD.mkdir(exist_ok=True)
    file = BUILD / "score.json"
    file.write_text(json.dumps({"score": 1, "unseen": UNSEEN, "tools": scores}, indent=1), "utf-8")
    sys.stdout.write(f"\nAll of it: {file.relative_to(ROOT)}\n")
    return 0


def _print(scores: dict[str, Row]) -> None:
    say = sys.stdout.write
    heads = "   ".join(f"{one:>5} {'lines':>5} {'prec':>5}" for one in ("check", "diff"))
    say(f"{'incident':22} {heads}\n")
    for name in INCIDENTS:
        cells = []
        for command in ("snapdiff check", "snapdiff diff"):
            row = scores[command]["incidents"][name]
            if not row["asked"]:
                cells.append(f"{'-':>5} {row['lines']:5} {'-':>5}")
                continue
            steps = (("answered", "ok"), ("first", "long"), ("found", "late"))
            word = next((text for key, text in steps if row[key]), "no")
            cells.append(f"{word:>5} {row['lines']:5} {row['precision']:5.2f}")
        say(f"{name:22} {cells[0]}   {cells[1]}\n")
    say(f"\nok: the cause first, in {MOST} lines or fewer; long: first, in more; ")
    say("late: below others; no: not at all\n\n")
    words = ("found", "first", f"≤{MOST}")
    say(f"{'tool':28} {'version':9} " + " ".join(f"{word:>7}" for word in words))
    say(f" {'prec':>5} {'median':>6} {'most':>5} {'silent':>7} {'noise':>6} {'gave up':>7}\n")
    for name, score in scores.items():
        if "totals" not in score:
            say(f"{name:28} {score['why']}\n")
            continue
        sums = score["totals"]
        asked = sums["asked"]
        say(
            f"{name:28} {score['version']:9} "
            + " ".join(f"{sums[key]:3}/{asked:<3}" for key in ("found", "first", "answered"))
            + f" {sums['precision']:5.2f} {sums['median']:6.0f} {sums['most']:5}"
            + f" {sums['silent']:3}/{sums['quiet']:<3} {sums['noise']:6} {sums['gave_up']:7}\n"
        )


if __name__ == "__main__":
    raise SystemExit(main())
