"""A report in the words of a person or a machine: one renderer a file, by its format's name."""

from __future__ import annotations

import importlib
import typing as t

if t.TYPE_CHECKING:
    from snapdiff.model import Report

FORMATS = ("text", "json", "html", "md", "csv", "junit", "sarif", "prom", "ndjson", "json-patch")
PLACED = frozenset({"csv", "sarif"})  # they say in which file and on which line a finding stands
SHARED = frozenset({"prom"})  # files that another user reads: node_exporter
COMPARING = frozenset({"json-patch"})  # they take a diff alone


class Terminal(t.NamedTuple):
    """What a renderer may know of where its text goes."""

    width: int = 100
    colour: bool = False


def render(report: Report, form: str, terminal: Terminal = Terminal()) -> str:  # noqa: B008 - frozen
    """Return the report in one of FORMATS; a renderer is imported when it is asked for."""
    module = importlib.import_module(f"snapdiff.report.as_{form.replace('-', '_')}")
    text: str = module.render(report, terminal)
    return text
