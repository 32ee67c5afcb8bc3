"""What reading, writing and comparing cost, as ratios against the least that could be done.

Absolute times mean little on a machine with other work. So it is the time on the processor that
counts, subjects of one table take turns, and each is told as a multiple of the first one's median.

    python benchmarks/run.py [--nodes 200,1000,5000] [--rounds 5] [--only fleet,pair,...]
"""

from __future__ import annotations

import argparse
import gc
import hashlib
import importlib.metadata
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import typing as t
from collections.abc import Callable
from functools import partial
from pathlib import Path

import orjson
import yaml

sys.path.insert(0, str(Path(__file__).resolve().parent))
import fleet

from snapdiff import codec, schema
from snapdiff import snapshot as snapshots
from snapdiff.assess import assess_diff
from snapdiff.check import assess_check
from snapdiff.diff import diff
from snapdiff.model import BODY
from snapdiff.store import Side, read_manifest, side_of_capture
from snapdiff.verdict import Policy

FOLDER = fleet.ROOT / "build" / "bench"
RESULT = fleet.ROOT / "build" / "bench.json"
Subjects = dict[str, Callable[[], t.Any]]
Row = dict[str, t.Any]


def in_turns(
    subjects: Subjects,
    rounds: int,
    least: float = 0.0,
    clock: Callable[[], float] = time.process_time,
) -> list[Row]:
    """Time each subject once a round; short ones are repeated for *least* seconds at a time."""
    repeats = dict.fromkeys(subjects, 1)
    for name, subject in subjects.items() if least else ():
        subject()  # what is imported or compiled at the first call is not what is measured
        start = clock()
        subject()
        repeats[name] = max(1, int(least / (clock() - start)))
    taken: dict[str, list[float]] = {name: [] for name in subjects}
    for _ in range(rounds):
        for name, subject in subjects.items():
            gc.collect()
            start = clock()
            for _ in range(repeats[name]):
                subject()
            taken[name].append((clock() - start) / repeats[name])
    first = statistics.median(next(iter(taken.values())))
    return [
        {
            "subject": name,
            "ms": statistics.median(times) * 1e3,
            "min": min(times) * 1e3,
            "max": max(times) * 1e3,
            "ratio": statistics.median(times) / first,
        }
        for name, times in taken.items()
    ]


# ---- one file ------------------------------------------------------------------------------------
def one_file(rounds: int) -> dict[str, list[Row]]:
    """Compare rows of JSON in YAML with one JSON document, and with YAML and jsonschema."""
    import jsonschema
    import jsonschema_rs

    data = fleet.text_of(fleet.Plan(nodes=1000), 7, "before")
    plain = codec.loads(data, "snapshot", "node")
    text = orjson.dumps(plain, option=orjson.OPT_SORT_KEYS)
    digest = hashlib.sha256(data).hexdigest()
    body = snapshots.body_digest(data)
    definition = schema.load("snapshot")
    slow = jsonschema.Draft202012Validator(definition)
    fast = jsonschema_rs.validator_for(definition)

    def all_rows() -> None:
        for section in (codec.read_rows(data) or {}).values():
            if hasattr(section, "raw"):
                for _ in section.values():
                    pass

    def from_manifest() -> None:
        snapshots.from_bytes(data, "node", sha256=digest, body=body)

    load = in_turns(
        {
            "orjson, one document": lambda: orjson.loads(text),
            "json, one document": lambda: json.loads(text),
            "as a capture's: sha256, outline": from_manifest,
            "read_rows, no row parsed": lambda: codec.read_rows(data),
            "read_rows, all rows parsed": all_rows,
            "codec.loads: parsed, proved canonical, validated": lambda: codec.loads(
                data, "snapshot", "node"
            ),
            "PyYAML CSafeLoader": lambda: yaml.load(data, yaml.CSafeLoader),
        },
        rounds,
        0.1,
    )
    dump = in_turns(
        {
            "orjson, one document": lambda: orjson.dumps(plain, option=orjson.OPT_SORT_KEYS),
            "codec.dumps, a row a line": lambda: codec.dumps(plain).encode(),
            "PyYAML CSafeDumper": lambda: yaml.dump(plain, Dumper=yaml.CSafeDumper),
        },
        rounds,
        0.1,
    )
    check = in_turns(
        {
            "jsonschema-rs": lambda: fast.is_valid(plain),
            "jsonschema": lambda: slow.is_valid(plain),
        },
        rounds,
        0.1,
    )
    block = yaml.dump(plain, Dumper=yaml.CSafeDumper).encode()
    size = [
        {"subject": name, "bytes": len(one), "ratio": len(one) / len(text)}
        for name, one in {
            "orjson, one document": text,
            "a row a line": data,
            "block YAML": block,
        }.items()
    ]
    return {"load": load, "dump": dump, "validate": check, "size": size}


# ---- a pair --------------------------------------------------------------------------------------
def one_pair(rounds: int) -> dict[str, list[Row]]:
    """Compare our diff of a node with deepdiff on the whole documents."""
    import deepdiff

    plan = fleet.Plan(nodes=1000)
    texts = {night: fleet.text_of(plan, 7, night) for night in fleet.NIGHTS}
    plain = {night: codec.loads(text, "snapshot", night) for night, text in texts.items()}
    digests = {night: hashlib.sha256(text).hexdigest() for night, text in texts.items()}
    before = {name: plain["before"][name] for name in BODY}

    def ours(night: str) -> None:
        one, two = (
            snapshots.from_bytes(texts[name], name, sha256=digests[name])
            for name in ("before", night)
        )
        diff(one, two)

    def theirs(night: str, **options: t.Any) -> None:
        deepdiff.DeepDiff(before, {name: plain[night][name] for name in before}, **options)

    return {
        night: in_turns(
            {
                "snapdiff, from the bytes of two files": partial(ours, night),
                "deepdiff, on parsed dicts": partial(theirs, night),
                "deepdiff, ignore_order": partial(theirs, night, ignore_order=True),
            },
            rounds,
            0.05,
        )
        for night in ("quiet", "drift", "churn")
    }


# ---- a fleet -------------------------------------------------------------------------------------
def whole_fleet(sizes: t.Iterable[int], rounds: int) -> dict[str, list[Row]]:
    """Compare two nights of a fleet with reading, digesting and parsing the same files."""
    found = {}
    for size in sizes:
        captures = fleet.make(FOLDER, fleet.Plan(nodes=size))
        sides = {night: side_of_capture(read_manifest(path)) for night, path in captures.items()}
        for night in ("quiet", "churn", "drift"):
            pair = (sides["before"], sides[night])
            found[f"{size} nodes, {night}"] = in_turns(
                {
                    "read": partial(each_file, pair, len),
                    "read + sha256": partial(each_file, pair, hashlib.sha256),
                    "read + orjson": partial(each_file, pair, parse_rows),
                    "snapdiff": partial(assess_diff, *pair, cluster=fleet.CLUSTER, policy=Policy()),
                },
                rounds if size < 2000 else max(1, rounds // 2),
            )
    return found


def each_file(sides: t.Sequence[Side], use: Callable[[bytes], t.Any]) -> None:
    """Read the files of each node in turn, and do one thing with each."""
    for node in sides[0].paths:
        for side in sides:
            use(side.paths[node].read_bytes())


def parse_rows(data: bytes) -> None:
    """Parse every row, with no more Python around it than the form of the file asks for."""
    for line in data.split(b"\n"):
        if line.startswith(b'  "'):
            orjson.loads(b"{" + line + b"}")


def checks(sizes: t.Iterable[int], rounds: int) -> dict[str, list[Row]]:
    """Hold a capture with a full mesh against all rules; the floor is parsing its files."""
    found = {}
    for size in sizes:
        plan = fleet.Plan(nodes=size, peers=size - 1)
        side = side_of_capture(read_manifest(fleet.make(FOLDER, plan, ["before"])["before"]))
        rows = in_turns(
            {
                "read + orjson": partial(each_file, [side], parse_rows),
                "snapdiff": partial(assess_check, side, cluster=fleet.CLUSTER, policy=Policy()),
            },
            rounds,
        )
        for row in rows:
            row["ms a node"] = row["ms"] / size
        found[f"check of {size} nodes"] = rows
    return found


# ---- processes -----------------------------------------------------------------------------------
def memory(sizes: t.Iterable[int]) -> dict[str, list[Row]]:
    """Return the peak memory of a diff, for each size of the fleet."""
    rows: list[Row] = []
    for size in sizes:
        captures = fleet.make(FOLDER, fleet.Plan(nodes=size))
        for night in ("quiet", "churn"):
            pair = [str(captures[name]) for name in ("before", night)]
            kilobytes = run(["-m", "snapdiff", "diff", *pair, "-o", "json"])[1]
            rows.append({"subject": f"{size} nodes, {night}", "MiB": kilobytes / 1024})
    for row in rows:
        row["ratio"] = row["MiB"] / rows[0]["MiB"]
    return {"peak memory": rows}


def starts(rounds: int) -> dict[str, list[Row]]:
    """Compare the start of the command line with the start of Python."""
    plan = fleet.Plan(nodes=1000)
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder, f"{night}.yml") for night in ("before", "drift")]
        for path in files:
            path.write_bytes(fleet.text_of(plan, 7, path.stem))
        pair = [str(path) for path in files]
        words = {
            "python -c pass": ["-c", "pass"],
            "snapdiff --version": ["-m", "snapdiff", "--version"],
            "snapdiff --help": ["-m", "snapdiff", "--help"],
            "snapdiff diff of two files": ["-m", "snapdiff", "diff", *pair],
        }
        turns: Subjects = {name: partial(run, given) for name, given in words.items()}
        return {"start": in_turns(turns, 2 * rounds + 1, clock=time.perf_counter)}


def run(words: list[str]) -> tuple[int, int]:
    """Run Python with *words*; return its exit code and the most memory it had, in kB."""
    process = subprocess.Popen(
        [sys.executable, *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _pid, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, 1):
        raise RuntimeError(f"{' '.join(words)}: exit code {process.returncode}")
    return process.returncode, usage.ru_maxrss


# ---- the end -------------------------------------------------------------------------------------
def environment() -> dict[str, str]:
    """Return what the figures depend on."""
    names = ("orjson", "PyYAML", "jsonschema", "jsonschema-rs", "deepdiff")
    return {
        "python": platform.python_version(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}",
        **{name: importlib.metadata.version(name) for name in names},
        "own peak, MiB": f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f}",
    }


def say(text: str) -> None:
    """Print a line, at once: the whole takes minutes."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def show(name: str, rows: list[Row]) -> None:
    """Print one table."""
    say(f"\n{name}")
    for row in rows:
        values = "".join(
            f"{row[key]:>12.{digits}f} {key}"
            for key, digits in (("ms", 2), ("bytes", 0), ("MiB", 1), ("ms a node", 2))
            if key in row
        )
        say(f"  {row['subject']:<50}{values}   x {row['ratio']:.3g}")


def main() -> None:
    """Measure what was asked for, print it as it comes, and write all of it as JSON."""
    parser = argparse.ArgumentParser(description="Time snapdiff against the least possible.")
    parser.add_argument("--nodes", default="200,1000,5000", help="sizes of the fleet")
    parser.add_argument("--check-nodes", default="50,200", help="sizes of the fleet, full mesh")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="file,pair,fleet,check,memory,start")
    given = parser.parse_args()
    sizes = [int(one) for one in given.nodes.split(",")]
    meshes = [int(one) for one in given.check_nodes.split(",")]
    groups: dict[str, Callable[[], dict[str, list[Row]]]] = {
        "file": lambda: one_file(given.rounds),
        "pair": lambda: one_pair(given.rounds),
        "start": lambda: starts(given.rounds),
        "check": lambda: checks(meshes, given.rounds),
        "memory": lambda: memory([100, max(sizes)]),
        "fleet": lambda: whole_fleet(sizes, given.rounds),
    }
    result: dict[str, t.Any] = {}
    for group, measure in groups.items():
        if group in given.only.split(","):
            result[group] = measure()
            for name, rows in result[group].items():
                show(f"{group}: {name}", rows)
    result["environment"] = environment()
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    say(f"\n{RESULT}\n{json.dumps(result['environment'])}")


if __name__ == "__main__":
    main()
