#!/usr/bin/env python3
# Copyright (c) 2026 The snapdiff developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tell node-problem-detector what a report of ``snapdiff check -o json`` says of this node.

Prints one line of at most 80 bytes and exits with 0: nothing is wrong, 1: something is,
2: cannot say. Python 3.8 or newer, the standard library alone. What is not plainly a fresh report
that saw this node is "cannot say", whatever it looks like.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import typing as t
from datetime import datetime, timedelta, timezone
from pathlib import Path

OK, PROBLEM, UNKNOWN = 0, 1, 2
UTC = timezone.utc  # noqa: UP017 - the other name is of Python 3.11
LONGEST = 80  # bytes: max_output_length of the monitor, which cuts inside a character too
SIZE = 32 * 1024 * 1024  # bytes of a report
AHEAD = timedelta(minutes=5)  # by which the clocks of two machines may differ
SEVERITIES = ("info", "warning", "error")
COMMANDS = ("check", "nightly")  # that judge a node as it is; a diff knows only what changed
# What moves a cursor, writes a line of its own or hides from the eye.
HIDDEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\ufe00-\ufe0f\ufeff\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)
AGE = re.compile(r"([0-9]{1,6})(m|h|d)\Z")
UNITS = {"m": 60, "h": 3600, "d": 86400}


class NotAReport(Exception):  # noqa: N818 - what it says is the answer, not an error
    """Raised for what is no report, or none that tells anything."""


def answer(
    data: bytes, node: str, now: datetime, max_age: timedelta, fail_on: str, strict: bool
) -> tuple[int, str]:
    """Return the exit code and what to say of *node*, from the bytes of a report."""
    try:
        report = read(data)
        age = now - taken_at(report)
        if age > max_age:
            return UNKNOWN, f"the report is too old: {in_words(age)}"
        if age < -AHEAD:
            return UNKNOWN, "the report is of a time to come: compare the clocks"
        return judge(report, node, fail_on, strict)
    except NotAReport as error:
        return UNKNOWN, str(error)


def read(data: bytes) -> dict[str, t.Any]:
    """Return the report in *data*. Raises NotAReport."""
    if len(data) > SIZE:
        raise NotAReport(f"the report is over {SIZE >> 20} MiB")
    try:
        report = json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError):
        raise NotAReport("the report is no JSON") from None
    if not isinstance(report, dict) or report.get("schema") != "snapdiff/report/1":
        raise NotAReport("the file is no report of snapdiff, version 1")
    if report.get("command") not in COMMANDS:
        raise NotAReport("the report is not of snapdiff check")
    if report.get("exit_code") not in (0, 1, 3):
        raise NotAReport("the report says that it could not be made")
    return report


def taken_at(report: dict[str, t.Any]) -> datetime:
    """Return when the nodes were looked at, or the report was made where that was earlier."""
    times = [one.get("taken_at") for one in rows(report, "inputs")] + [report.get("made_at")]
    try:
        found = [datetime.fromisoformat(text.replace("Z", "+00:00")) for text in times if text]
        return min(one.astimezone(UTC) for one in found)
    except (AttributeError, TypeError, ValueError, OverflowError):
        raise NotAReport("the report does not say when it was made") from None


def judge(report: dict[str, t.Any], node: str, fail_on: str, strict: bool) -> tuple[int, str]:
    """Return what a fresh report says of a node."""
    bad = []
    for row in rows(report, "findings"):
        if row.get("severity") not in SEVERITIES:
            raise NotAReport("the report has a finding without a severity")
        if node in names(row, "nodes") and rank(row["severity"]) >= rank(fail_on):
            bad.append(row)
    if bad:
        bad.sort(key=lambda row: -rank(row["severity"]))
        more = f" (+{len(bad) - 1} more)" if len(bad) > 1 else ""
        return PROBLEM, cut(f"{bad[0].get('rule')}: {bad[0].get('message')}", more)
    coverage = report.get("coverage")
    if not isinstance(coverage, dict):
        raise NotAReport("the report does not say which nodes were seen")
    for row in rows(coverage, "missing"):
        if row.get("node") == node:
            return UNKNOWN, cut(f"not seen: {row.get('why')}")
    if node in names(coverage, "skipped"):
        return UNKNOWN, "left out on purpose, so nobody looked"
    if node in names(coverage, "inconsistent"):
        return UNKNOWN, "its tables moved while they were read"
    blind = [row for row in rows(report, "undecided") if node in names(row, "nodes")]
    if blind and strict:
        more = f" (+{len(blind) - 1} more)" if len(blind) > 1 else ""
        what = blind[0].get("rule") or blind[0].get("path")
        return UNKNOWN, cut(f"cannot tell {what}: {blind[0].get('why')}", more)
    if node not in seen(report):
        return UNKNOWN, cut(f"the report does not name node {node}")
    of_none = any(not names(row, "nodes") for row in rows(report, "undecided"))
    return OK, "nothing wrong, as far as could be told" if blind or of_none else "nothing wrong"


def seen(report: dict[str, t.Any]) -> set[str]:
    """Return the nodes that the report names as looked at, with a finding or without."""
    found: set[str] = set()
    for table in ("findings", "mtus", "chains"):
        for row in rows(report, table):
            found.update(names(row, "nodes"))
    return found


def rank(severity: str) -> int:
    """Return how bad a severity is."""
    return SEVERITIES.index(severity)


def rows(table: dict[str, t.Any], key: str) -> list[dict[str, t.Any]]:
    """Return a list of objects of a report; none where it has no such member."""
    found = table.get(key, [])
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise NotAReport(f"the report has no list of {key}")
    return found


def names(row: dict[str, t.Any], key: str) -> list[str]:
    """Return a list of node names."""
    found = row.get(key, [])
    if not isinstance(found, list):
        raise NotAReport(f"the report has no list of {key}")
    return found


def in_words(age: timedelta) -> str:
    """Return an age as people say it."""
    hours = int(age.total_seconds() // 3600)
    return f"{hours} h" if hours < 72 else f"{hours // 24} days"


def cut(text: str, tail: str = "") -> str:
    """Return a line that is harmless and, with *tail*, fits: whole characters alone."""
    line = HIDDEN.sub("?", " ".join(text.split())).strip()
    room = LONGEST - len(tail.encode("utf-8"))
    data = line.encode("utf-8", "replace")
    if len(data) > room:
        line = data[: room - 3].decode("utf-8", "ignore") + "..."
    return line + tail


def age_of(text: str) -> timedelta:
    """Return the age that an option gives, as 26h."""
    found = AGE.match(text)
    if found is None:
        raise argparse.ArgumentTypeError("an age is a number and m, h or d, as 26h")
    return timedelta(seconds=int(found[1]) * UNITS[found[2]])


def options_of(arguments: list[str]) -> argparse.Namespace:
    """Return the options; bad ones end the program with 2, as "cannot say" does."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("report", help="what 'snapdiff check -o json=FILE' wrote")
    parser.add_argument("--node", default=os.environ.get("NODE_NAME", ""), help="or NODE_NAME")
    parser.add_argument("--max-age", type=age_of, default=age_of("26h"), help="as 26h (default)")
    parser.add_argument("--fail-on", choices=SEVERITIES, default="warning")
    parser.add_argument(
        "--undecided-ok",
        action="store_true",
        help="where a rule could not tell, the node is as good as the others say",
    )
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> tuple[int, str]:
    """Return the answer for the command line's arguments."""
    options = options_of(arguments)
    if not options.node:
        return UNKNOWN, "which node? Set NODE_NAME or --node"
    try:
        with Path(options.report).open("rb") as file:
            data = file.read(SIZE + 1)
    except OSError as error:
        return UNKNOWN, cut(f"no report: {error.strerror}")
    now = datetime.now(UTC)
    strict = not options.undecided_ok
    return answer(data, options.node, now, options.max_age, options.fail_on, strict)


if __name__ == "__main__":
    try:
        CODE, LINE = main(sys.argv[1:])
    except Exception as error:  # a traceback would end with 1, which says that the node is ill
        CODE, LINE = UNKNOWN, cut(f"check_snapdiff itself failed: {type(error).__name__}")
    sys.stdout.buffer.write(cut(LINE).encode("utf-8") + b"\n")
    sys.exit(CODE)
