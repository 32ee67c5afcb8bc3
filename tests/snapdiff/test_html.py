"""The page that people look at: what is wrong, where, what to type, and no text that does things.

``SNAPDIFF_REWRITE_GOLDEN=1 pytest tests/snapdiff/test_html.py`` writes tests/golden/html-*.txt
anew; read the difference before it is committed.
"""

from __future__ import annotations

import base64
import hashlib
import itertools
import os
import re
import time
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from pages import AFTER, BEFORE, PAGES, WHOLE, finding, finished, fleet, spoilt_reports
from test_report import HOSTILE

from builders import GOLDEN
from snapdiff.model import Coverage, Kind, Missing, Report, Severity, Undecided
from snapdiff.report import Terminal, as_html, page, render
from snapdiff.report.headline import headline, moment, places, since, state_of, where
from snapdiff.safe import visible
from snapdiff.story import Lag, Planned

FOLDER = Path(page.__file__).parent / page.FOLDER
VOID = {"area", "base", "br", "col", "hr", "img", "input", "link", "meta", "rect", "path", "circle"}
QUIET = Report(command="check", cluster="lab", inputs=(AFTER,), coverage=WHOLE, verdict="nothing")


class Read(HTMLParser):
    """The tags of a page in order, with the names of their attributes, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, ...]] = []
        self.texts: list[str] = []
        self.values: list[tuple[str, str]] = []
        self.headings: list[str] = []
        self.inside: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, *(name for name, _value in attrs)))
        self.values += [(name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.inside.append(tag)
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(f"{tag} ")

    def handle_endtag(self, tag):
        if tag in self.inside:
            while self.inside.pop() != tag:
                pass

    def handle_data(self, data):
        if "style" in self.inside or "script" in self.inside:
            return
        self.texts.append(data)
        if any(re.fullmatch("h[1-6]", one) for one in self.inside):
            self.headings[-1] += data


def page_of(name, tmp_path):
    return as_html.render(PAGES[name](tmp_path), Terminal())


def golden(name, lines):
    text = "".join(f"{line.rstrip()}\n" for line in lines)
    path = GOLDEN / f"html-{name}.txt"
    if os.environ.get("SNAPDIFF_REWRITE_GOLDEN"):
        path.write_text(text, "utf-8")
    assert text == path.read_text("utf-8")


def squeezed(text):
    return re.sub(r"\s+", " ", text).strip()


# ---- what is said, and in which order ---------------------------------------------------------


@pytest.mark.parametrize("name", [name for name in PAGES if name != "fleet"])
def test_the_headings_are_the_golden_ones(name, tmp_path):
    """They are the page in short: the answer first, then what it rests on."""
    found = Read(page_of(name, tmp_path)).headings
    golden(f"headings-{name}", (f"{'  ' * (int(one[1]) - 1)}{squeezed(one[3:])}" for one in found))
    levels = [int(one[1]) for one in found]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(two <= one + 1 for one, two in itertools.pairwise(levels))


@pytest.mark.parametrize(
    ("name", "told"),
    [
        (
            "underlay-mtu",
            [
                "New pods get MTU 8951, but flannel.1 runs with 1450, on node2",
                "Where node2 (1 of 5 nodes)",
                "What to type On node2: ip link delete flannel.1",
                "kubectl -n kube-flannel delete pod -l app=flannel --field-selector spec.nodeName=",
            ],
        ),
        (
            "underlay-mtu-diff",
            [
                "The MTU of eth0 changed from 1500 to 9001, on node2",
                "If nobody meant it, put it back: On node2: ip link set dev eth0 mtu 1500",
                "snapdiff check store/lab/20261122T020000Z",
            ],
        ),
        (
            "stale-mac",
            [
                "node2 has the VTEP MAC 02:bb:00:00:00:02, but 4 nodes hold 02:00:00:00:00:02",
                "Where node2 (1 of 5 nodes)",
                "spec.nodeName=node2",
            ],
        ),
        (
            "nobody",
            [
                "No node could be looked at",
                "Where node1 and 1 more Why unreachable: no route to host",
                "snapdiff gather --cluster lab",
            ],
        ),
        ("quiet", ["Clean Nothing wrong on 3 nodes"]),
    ],
)
def test_what_where_and_what_to_type_come_first(name, told, tmp_path):
    text = page_of(name, tmp_path)
    part = text[text.index('<section class="answer') : text.index('<section id="coverage"')]
    answer = squeezed(" ".join(Read(part).texts))
    places = [answer.find(one) for one in told]
    assert -1 not in places, answer
    assert places == sorted(places)


@pytest.mark.parametrize("name", PAGES)
def test_all_that_was_found_is_on_the_page(name, tmp_path):
    report = PAGES[name](tmp_path)
    text = squeezed("".join(Read(as_html.render(report, Terminal())).texts))
    for row in report.findings:
        for one in (headline(row), row.path, row.rule, *row.evidence, *row.nodes[:5]):
            assert squeezed(one) in text
    for one in (*report.coverage.missing, *report.undecided):
        assert one.why in text
    for one in report.waived:
        assert all(word in text for word in (one.reason, one.until, one.ticket))
    assert f"{report.exit_code}: " in text
    assert report.verdict.lower() in text.lower()


# ---- three truths -----------------------------------------------------------------------------

LOST = Coverage(expected=2, observed=1, comparable=1, missing=(Missing(node="b", why="lost"),))


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({}, "ok"),
        ({"findings": (finding(severity=Severity.INFO),)}, "ok"),
        ({"findings": (finding(severity=Severity.WARNING),)}, "warning"),
        ({"findings": (finding(severity=Severity.INFO), finding())}, "error"),
        ({"findings": (finding(),), "coverage": LOST, "exit_code": 0}, "error"),
        ({"coverage": LOST}, "unknown"),
        ({"coverage": Coverage(expected=0, observed=0, comparable=0)}, "unknown"),
        ({"coverage": replace(WHOLE, inconsistent=("a",))}, "unknown"),
        ({"undecided": (Undecided(path="x", why="y", side="now"),)}, "unknown"),
        ({"exit_code": 3}, "unknown"),
        ({"planned": (Planned(text="p", path="p", missing=(Lag(node="a"),)),)}, "warning"),
        ({"planned": (Planned(text="p", path="p", unknown=(Lag(node="a"),)),)}, "unknown"),
        ({"planned": (Planned(text="p", path="p", done=("a",)),)}, "ok"),
    ],
    ids=str,
)
def test_what_cannot_be_said_is_never_green(changes, state):
    report = replace(QUIET, **changes)
    assert state_of(report) == state
    text = as_html.render(report, Terminal())
    assert f'class="answer {state}"' in text
    assert ('class="answer ok"' in text) == (state == "ok")


# ---- words ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"change": None, "message": "new pods get 1"}, "New pods get 1"),
        ({"change": None, "message": "cni0 has 1"}, "cni0 has 1"),
        ({"change": None, "message": "worker has 1", "nodes": ("worker",)}, "worker has 1"),
        ({"keys": ("links", "eth0", "mtu"), "before": 1, "after": 2},
         "The MTU of eth0 changed from 1 to 2"),
        ({"keys": ("links", "eth0", "mtu")}, "The MTU of eth0 changed"),
        ({"keys": ("links", "cni0"), "change": Kind.REMOVED}, "The link cni0 is gone"),
        ({"keys": ("cni", "subnet_env", "FLANNEL_MTU"), "before": 1, "after": 2},
         "FLANNEL_MTU of flannel's lease changed from 1 to 2"),
        ({"keys": ("routes", "x"), "path": "routes/x", "change": Kind.ADDED}, "routes/x is new"),
    ],
    ids=str,
)  # fmt: skip
def test_a_finding_is_told_in_a_sentence(changes, words):
    assert headline(finding(**{"change": Kind.CHANGED, **changes})) == words


@pytest.mark.parametrize(
    ("nodes", "of", "heading", "words"),
    [
        ((), 5, "the cluster as a whole", "the cluster as a whole"),
        (("a",), 5, "a", "a (1 of 5 nodes)"),
        (("a", "b", "c"), 3, "a, b, c", "a, b, c (3 of 3 nodes)"),
        (("a", "b", "c", "d"), 9, "4 of 9 nodes", "a, b, c and 1 more (4 of 9 nodes)"),
        (("a", "b", "c", "d"), 4, "all 4 nodes", "all 4 nodes"),
        (("a", "b", "c", "d"), 3, "4 of 4 nodes", "a, b, c and 1 more"),  # one has gone since
    ],
)
def test_nodes_are_told_by_name_or_by_number(nodes, of, heading, words):
    row = finding(nodes=nodes)
    assert (places(row, of), where(row, of)) == (heading, words)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("2026-11-22T02:00:00Z", "22 Nov 2026, 02:00 UTC"),
        ("2026-11-22T02:00:00+02:00", "22 Nov 2026, 00:00 UTC"),
        ("2026-11-22T02:00:00", "2026-11-22T02:00:00"),
        ("9999-12-31T23:59:59-10:00", "9999-12-31T23:59:59-10:00"),
        ("tonight", "tonight"),
        ("", ""),
    ],
)
def test_times_are_told_in_utc_or_as_they_are(text, words):
    assert moment(text) == words


@pytest.mark.parametrize(
    ("command", "changes", "words"),
    [
        ("check", {}, "not known: no nights before were written down"),
        ("diff", {}, "came between 21 Nov 2026, 02:00 UTC and 22 Nov 2026, 02:00 UTC"),
        ("check", {"standing": "new", "nights": 1}, "new"),
        (
            "check",
            {"standing": "open", "since": "2026-11-20T02:00:00Z", "nights": 3},
            "open; since 20 Nov 2026, 02:00 UTC, on 3 nights",
        ),
    ],
    ids=["no-nights", "between-captures", "new", "open"],
)
def test_since_when_is_told_as_far_as_it_is_known(command, changes, words):
    report = replace(QUIET, command=command, inputs=(BEFORE, AFTER))
    assert since(finding(**changes), report) == words


# ---- nothing is loaded, and nothing that is read is run ----------------------------------------


@pytest.mark.parametrize("name", ["several", "nights"])
def test_a_page_loads_nothing_and_runs_its_own_script_alone(name, tmp_path):
    text = page_of(name, tmp_path)
    (script,) = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    found = Read(text)
    (policy,) = (value for key, value in found.values if key == "content" and "-src" in value)
    assert policy == (
        "default-src 'none'; style-src 'unsafe-inline'; "
        f"script-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"
    )
    links = {value for key, value in found.values if key in ("href", "src", "action", "srcset")}
    assert {one[:1] for one in links} == {"#"}
    assert not re.search(r"@import|url\((?!#)|@font-face", text)
    assert {name for name, _value in found.values if name.startswith("on")} == set()


def test_only_our_own_style_and_script_and_the_drawn_pictures_go_in_as_they_are():
    found = {
        f"{path.name}: {one}"
        for path in FOLDER.glob("*.j2")
        for one in re.findall(r"\{\{[^}]*\bsafe\b[^}]*\}\}|autoescape|Markup", path.read_text())
    }
    assert found == {
        "base.html.j2: {{ style|safe }}",
        "base.html.j2: {{ script|safe }}",
        "parts.html.j2: {{ one.svg|safe }}",
    }


@pytest.mark.parametrize("number", range(len(HOSTILE)))
def test_text_in_any_field_stays_text(number):
    text = HOSTILE[number]
    for report, calm in zip(spoilt_reports(text), spoilt_reports("harmless"), strict=True):
        found = Read(as_html.render(report, Terminal()))
        shown = "".join(found.texts)
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e\u200b\ufeff]", shown)
        assert visible(text).strip() in shown
        kinds = {one[0] for one in found.tags}
        assert kinds <= {one[0] for one in Read(as_html.render(calm, Terminal())).tags} | {"em"}
        assert {one[0] for one in found.tags if one[0] == "script"} == {"script"}
        assert [one[0] for one in found.tags].count("script") == 1
        names = {name for tag in found.tags for name in tag[1:]}
        assert not any(name.startswith("on") for name in names)
        links = {value for key, value in found.values if key in ("href", "src")}
        assert {one[:1] for one in links} == {"#"}


# ---- at scale ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("nodes", "rows", "size", "seconds"),
    [(500, 40, 2_000_000, 5), (5000, 100, 3_000_000, 10)],
    ids=["500", "5000"],
)
def test_a_large_fleet_makes_a_page_that_a_browser_can_hold(nodes, rows, size, seconds):
    report = fleet(nodes, rows)
    start = time.perf_counter()
    text = as_html.render(report, Terminal())
    assert time.perf_counter() - start < seconds
    assert len(text.encode()) < size
    assert f"{nodes} of {nodes + 9}" in text


def test_what_is_cut_is_counted():
    row = finding(nodes=tuple(f"n{number}" for number in range(5000)), members=())
    many = replace(QUIET, coverage=replace(WHOLE, comparable=5000), findings=(row,) * 200)
    text = squeezed(" ".join(Read(as_html.render(many, Terminal())).texts))
    assert "and 4988 more nodes" in text
    assert re.search(r"and \d+ more; the JSON report has all", text)
    assert f"{200 - as_html.CARDS} more findings stand in the table alone" in text


def test_html_is_one_of_the_formats():
    assert render(finished(QUIET, AFTER), "html").startswith("<!doctype html>")
