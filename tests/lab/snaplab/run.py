"""Run other programs, and say what went wrong when one fails."""

from __future__ import annotations

import json
import os
import subprocess
import typing as t

# A login of root has the sbin folders, a user's shell or a CI runner often has not.
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class LabError(Exception):
    """Say what the lab could not do, and how to put it right."""


def run(argv: t.Sequence[str], text: str = "", env: dict[str, str] | None = None) -> str:
    """Run *argv* with *text* on its standard input; return its standard output."""
    environment = {**os.environ, "PATH": PATH, "LC_ALL": "C", **(env or {})}
    try:
        # cwd is a folder that every mount namespace has.
        done = subprocess.run(
            argv, input=text, env=environment, cwd="/", capture_output=True, text=True
        )
    except OSError as error:
        raise LabError(f"{argv[0]}: {error.strerror}") from error
    if done.returncode:
        # A CNI plugin puts its error on stdout.
        said = done.stderr.strip() or done.stdout.strip()
        raise LabError(f"'{' '.join(argv)}' ended with {done.returncode}: {said}")
    return done.stdout


def ip(netns: str, *lines: str) -> None:
    """Run *lines* as ``ip`` commands in *netns*, in one process, up to the first that fails."""
    if lines:
        run(["ip", "-n", netns, "-batch", "-"], "\n".join(lines) + "\n")


def bridge(netns: str, *lines: str) -> None:
    """Run *lines* as ``bridge`` commands in *netns*, in one process, up to the first that fails."""
    if lines:
        run(["bridge", "-n", netns, "-batch", "-"], "\n".join(lines) + "\n")


def ip_json(netns: str, *words: str) -> list[dict[str, t.Any]]:
    """Return what ``ip -j -d`` prints in *netns*."""
    found: list[dict[str, t.Any]] = json.loads(run(["ip", "-n", netns, "-j", "-d", *words]) or "[]")
    return [one for one in found if one]


def links(netns: str) -> dict[str, dict[str, t.Any]]:
    """Return the links of *netns* with their addresses, by name."""
    return {one["ifname"]: one for one in ip_json(netns, "addr", "show")}
