"""Every rule has its line in docs/rules.md, with the severity and the entries that it has."""

from __future__ import annotations

import re

import pytest

from builders import FIXTURES
from snapdiff.rules.registry import shipped

PAGE = (FIXTURES.parent.parent / "docs" / "rules.md").read_text("utf-8")
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in PAGE.splitlines()
    if line.startswith("| `")
]
LINES = {name: row for row in ROWS for name in re.findall(r"`([a-z0-9-]+)`", row[0])}


@pytest.mark.parametrize("name", shipped())
def test_a_rule_has_its_line(name):
    rule = shipped()[name]
    _names, entries, severity, scope, text = LINES[name]
    assert re.findall(r"[NX]-[0-9]+", entries) == list(rule.entries)
    assert severity.partition(";")[0].split()[0].rstrip(",") == rule.severity.word
    assert scope == rule.scope
    assert text


def test_no_line_is_of_a_rule_that_is_gone():
    tables = [name for name, row in LINES.items() if len(row) == 5]
    assert [name for name in tables if name not in shipped()] == []
