"""What people see at a real terminal: colour, width, the pager, bars, and ``snapdiff watch``."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from datetime import timedelta

import pytest
from terminals import CTRL_C, SNAPDIFF, TERMINATE, Pty, bare, run

from builders import GOLDEN, GONE, NOW, capture, node
from clusters import cluster, snapshots
from clusters import report as checked
from snapdiff.report import Terminal, render

MTU = {"links/cni0/mtu": 1400}
OLD, NEW = "\x1b[1;31m1450\x1b[0m", "\x1b[1;32m1400\x1b[0m"


def moment(store, hours, *changed, of=3, **options):
    """Write a capture in which the MTU of cni0 is another on some nodes."""
    nodes = [node(n, MTU if n in changed else {}, of=of) for n in range(1, of + 1)]
    return capture(store, nodes, now=NOW + timedelta(hours=hours), **options)


@pytest.fixture
def store(tmp_path):
    """Write a capture before and one after; the folder of the store."""
    moment(tmp_path / "store", 0, label="before")
    moment(tmp_path / "store", 1, 1)
    return tmp_path / "store"


@pytest.fixture
def at(store):
    """Name the store, as arguments of a command."""
    return ["--store", store, "--cluster", "lab"]


# ---- colour and width -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "environment", "coloured"),
    [
        ([], {}, True),
        ([], {"NO_COLOR": "1"}, False),
        ([], {"NO_COLOR": ""}, True),
        ([], {"TERM": "dumb"}, False),
        (["--color", "never"], {}, False),
        (["--color", "always"], {"NO_COLOR": "1"}, True),
        (["--color", "always"], {"TERM": "dumb"}, True),
    ],
    ids=["as-it-is", "no-color", "no-color-empty", "dumb", "never", "always", "always-dumb"],
)
def test_colour_at_a_terminal(at, options, environment, coloured):
    code, shown = run(["diff", *options, *at], environment=environment)
    assert (code, "\x1b[" in shown, OLD in shown) == (1, coloured, coloured)
    assert "~ warning  links/cni0/mtu  1450 → 1400  node1\n" in bare(shown)


def test_the_old_value_is_red_and_the_new_one_green(at):
    _code, shown = run(["diff", *at])
    assert f"{OLD}\x1b[2m → \x1b[0m{NEW}" in shown


def test_only_the_part_of_a_value_that_differs_stands_out(tmp_path):
    mac = {"links/flannel.1/mac": "0a:ff:00:00:00:01"}
    capture(tmp_path, [node(1)])
    capture(tmp_path, [node(1, mac)], now=NOW + timedelta(hours=1))
    _code, shown = run(["diff", "--store", tmp_path, "--cluster", "lab"])
    strong = re.findall(r"\x1b\[1;3([12])m([^\x1b]+)", shown)
    assert strong == [("1", "00"), ("2", "ff")]


@pytest.mark.parametrize(
    ("columns", "environment", "width"),
    [(80, {}, 80), (200, {}, 200), (200, {"COLUMNS": 60}, 60), (10, {}, 40)],
    ids=["80", "200", "columns-wins", "never-under-40"],
)
def test_a_report_is_as_wide_as_the_terminal(at, columns, environment, width):
    _code, shown = run(["diff", *at], columns=columns, environment=environment)
    lines = bare(shown).splitlines()
    piped = subprocess.run([*SNAPDIFF, "diff", *map(str, at)], capture_output=True, check=False)
    assert max(map(len, lines)) <= width
    if width >= 100:  # nothing wraps, so it is what a pipe gets
        assert bare(shown) == piped.stdout.decode()


def a_fleet():
    """Return nodes whose MTUs changed on some, causes with what follows from them."""
    facts = cluster(12)
    for number in range(1, 12):
        facts[f"node{number}"]["links"]["eth0"]["mtu"] = 1400
    for number in range(1, 9):
        facts[f"node{number}"]["links"]["flannel.1"]["mtu"] = 1350
        facts[f"node{number}"]["cni"]["subnet_env"]["FLANNEL_MTU"] = 1350
    del facts["node5"]["peers"]["10.244.6.0"]
    return facts


@pytest.mark.parametrize("width", [80, 120, 200])
def test_a_check_of_a_fleet_is_the_golden_one(width):
    text = render(checked(a_fleet()), "text", Terminal(width=width))
    path = GOLDEN / f"report-check-fleet-{width}.txt"
    if os.environ.get("SNAPDIFF_REWRITE_GOLDEN"):
        path.write_text(text, "utf-8")
    assert text == path.read_text("utf-8")
    assert max(map(len, text.splitlines())) <= width


def test_two_looks_at_one_capture_say_the_same(tmp_path):
    """Whatever order the sets of a process have."""
    capture(tmp_path, snapshots(a_fleet()).values())
    words = [*SNAPDIFF, "check", "--store", str(tmp_path), "--cluster", "lab"]
    said = {
        subprocess.run(
            words, capture_output=True, check=False, env={**os.environ, "PYTHONHASHSEED": seed}
        ).stdout
        for seed in ("1", "4", "6")
    }
    assert len(said) == 1


# ---- the pager --------------------------------------------------------------------------------

PAGER = """#!/bin/sh
echo "LESS=$LESS" > {folder}/asked
tee {folder}/paged
"""


@pytest.fixture
def pager(tmp_path):
    """Make a program that shows what it is given, and keeps it; the folder that it is in."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("less", "mine"):
        (folder / name).write_text(PAGER.format(folder=folder), "utf-8")
        (folder / name).chmod(0o755)
    return folder


@pytest.mark.parametrize(
    ("rows", "environment", "paged"),
    [
        (5, {}, True),
        (50, {}, False),
        (5, {"PAGER": "mine"}, True),
        (5, {"PAGER": "mine -x"}, True),
        (5, {"PAGER": "cat"}, False),
        (5, {"PAGER": ""}, False),
        (5, {"PAGER": "/no/such/program"}, False),
        (5, {"TERM": "dumb"}, False),
    ],
    ids=["less", "it-fits", "own", "own-with-option", "cat", "none", "not-there", "dumb"],
)
def test_a_report_that_is_longer_than_the_terminal_goes_through_a_pager(
    at, pager, rows, environment, paged
):
    path = f"{pager}{os.pathsep}{os.environ['PATH']}"
    code, shown = run(["diff", *at], rows=rows, environment={"PATH": path, **environment})
    assert code == 1
    assert bare(shown).count("links/cni0/mtu") == 1
    assert (pager / "paged").exists() is paged
    if paged:
        # on a busy machine the bar of what goes on was there before it
        assert shown.endswith((pager / "paged").read_text("utf-8"))
        assert OLD in shown


@pytest.mark.parametrize(
    ("less", "asked", "coloured"),
    [(None, "-FRX", True), ("-R", "-R", True), ("-S", "-S", False)],
    ids=["ours", "takes-colour", "takes-none"],
)
def test_less_gets_colour_where_it_can_show_it(at, pager, less, asked, coloured):
    environment = {"PATH": f"{pager}{os.pathsep}{os.environ['PATH']}"}
    environment |= {} if less is None else {"LESS": less}
    _code, shown = run(["diff", *at], rows=5, environment=environment)
    assert (pager / "asked").read_text() == f"LESS={asked}\n"
    assert (OLD in shown) is coloured


def test_a_pager_that_is_left_early_changes_no_exit_code(at):
    code, shown = run(["diff", *at], rows=5, environment={"PAGER": "head -n 1"})
    assert code == 1
    assert bare(shown).splitlines() == ["lab: 1 finding on 1 of 3 nodes"]


def test_a_pipe_has_no_pager_and_no_colour(at, pager):
    with Pty(
        [*SNAPDIFF, "diff", *at], rows=5, environment={"PAGER": "mine"}, stdout=subprocess.PIPE
    ) as terminal:
        piped = terminal.process.stdout.read().decode()
        terminal.process.stdout.close()
        assert (terminal.end(), terminal.shown) == (1, "")
    assert "\x1b" not in piped
    assert not (pager / "paged").exists()


# ---- how far it is ----------------------------------------------------------------------------

WORK = """
import sys, time
from snapdiff.report.progress import counting
print("starts", flush=True)
with counting("counted", after={after}) as progress:
    for done in range(11):
        progress(done, 10)
        time.sleep(0.12)
        {then}
print("the report")
"""


def work(after=0, then="pass", **options):
    return Pty([sys.executable, "-c", WORK.format(after=after, then=then)], **options)


def last_line(shown):
    """Return what is left on the line that the bar was on, with a cursor to be seen."""
    assert shown.count("\x1b[?25l") == shown.count("\x1b[?25h")
    return shown


def test_a_bar_is_drawn_and_gone_when_the_work_ends():
    with work() as terminal:
        assert terminal.end() == 0
        shown = last_line(terminal.shown)
    assert "counted" in shown
    assert "5/10" in bare(shown)
    bar, _, rest = shown.rpartition("\x1b[2K")
    assert "10/10" in bare(bar)
    assert bare(rest).strip() == "the report"


def test_what_is_done_soon_has_no_bar():
    with work(after=60) as terminal:
        assert terminal.end() == 0
        assert terminal.shown == "starts\nthe report\n"


def test_a_bar_is_on_standard_error_alone():
    with work(stdout=subprocess.PIPE) as terminal:
        piped = terminal.process.stdout.read()
        terminal.process.stdout.close()
        assert terminal.end() == 0
        assert piped == b"starts\nthe report\n"
        assert "10/10" in bare(terminal.shown)


@pytest.mark.parametrize(
    "options",
    [{"stderr": subprocess.DEVNULL}, {"environment": {"TERM": "dumb"}}],
    ids=["piped", "dumb"],
)
def test_no_bar_where_nobody_could_see_it(options):
    with work(**options) as terminal:
        assert terminal.end() == 0
        assert terminal.shown == "starts\nthe report\n"


@pytest.mark.parametrize("then", ["raise SystemExit(2)", "if done == 2: raise OSError('no')"])
def test_a_bar_is_gone_after_an_error(then):
    with work(then=then) as terminal:
        assert terminal.end() != 0
        assert "counted" not in bare(terminal.shown.rpartition("\x1b[2K")[2])
        last_line(terminal.shown)


def test_a_bar_is_gone_after_ctrl_c():
    with work() as terminal:
        terminal.wait_for("2/10")
        terminal.type(CTRL_C)
        assert terminal.end() != 0
        assert "counted" not in bare(terminal.shown.rpartition("\x1b[2K")[2])
        last_line(terminal.shown)


LOCAL = """
all:
  hosts: {{me: {{ansible_connection: local, ansible_python_interpreter: {python}}}}}
"""


@pytest.mark.slow
def test_a_gather_says_how_far_it_is_and_then_what_it_has(tmp_path):
    (tmp_path / "hosts.yml").write_text(LOCAL.format(python=sys.executable), "utf-8")
    code, shown = run(["gather", "-i", "hosts.yml", "--store", "s"], folder=tmp_path)
    assert code == 0
    bar, _, rest = shown.rpartition("\x1b[2K")
    assert re.search("gathering .*[01]/1", bare(bar))
    assert re.fullmatch(r"s/default/[0-9TZ]+: 1 of 1 nodes", bare(rest).strip())


# ---- watch ------------------------------------------------------------------------------------

ENTER, LEAVE = "\x1b[?1049h", "\x1b[?1049l"


def watch(*words, **options):
    return Pty([*SNAPDIFF, "watch", *words], **options)


def test_watch_draws_each_new_capture_and_ends_after_so_many(at, store):
    with watch("--times", 2, *at) as terminal:
        terminal.screen("waiting for a capture after 20261122T030000Z")
        moment(store, 2, 1, 2)
        assert "node2" in terminal.screen("1 finding on")
        moment(store, 3, 1)
        terminal.screen("no drift on 3 nodes")
        assert terminal.end() == 0
        last = terminal.shown.partition(LEAVE)[2]
    assert "no drift on 3 nodes" in bare(last), "the last word stays on the first screen"
    assert terminal.shown.count(ENTER) == terminal.shown.count(LEAVE) == 1


def test_watch_ends_with_the_exit_code_of_the_last_capture(at, store):
    with watch("@label:before", "--times", 1, *at) as terminal:
        assert terminal.end() == 1


def test_watch_and_ctrl_c_leave_the_terminal_as_it_was(at):
    with watch(*at) as terminal:
        terminal.screen("waiting for a capture")
        terminal.type(CTRL_C)
        assert terminal.end() == 130
        before, after = terminal.shown.split(ENTER)[0], terminal.shown.partition(LEAVE)[2]
    assert before == ""
    assert bare(after).strip() == "snapdiff: interrupted"
    assert terminal.shown.rindex("\x1b[?25h") > terminal.shown.rindex("\x1b[?25l")


def test_watch_leaves_the_terminal_as_it_was_when_it_is_told_to_end(at):
    with watch(*at) as terminal:
        terminal.screen("waiting for a capture")
        assert terminal.end(by=TERMINATE) == 143
        assert terminal.shown.endswith(LEAVE)


def test_watch_shows_the_newest_of_captures_that_came_meanwhile(at, store):
    with watch("--times", 1, *at) as terminal:
        terminal.screen("waiting for a capture")
        os.kill(terminal.process.pid, 19)  # stopped, as one that compares a large fleet is busy
        moment(store, 2, 1, 2)
        moment(store, 3, 1, 2, 3)
        os.kill(terminal.process.pid, 18)
        terminal.screen("1 finding on 2 of 3 nodes")
        assert terminal.end() == 1
    assert "node2, node3" in bare(terminal.shown)


def test_watch_tells_a_capture_that_cannot_be_read_and_goes_on(at, store):
    with watch("@label:before", "--times", 3, *at) as terminal:
        terminal.screen("1 finding on 1 of 3 nodes")
        torn = store / "lab" / "20261122T040000Z"
        torn.mkdir()
        (torn / "capture.yml").write_text("what: [", "utf-8")
        terminal.screen("20261122T040000Z/capture.yml")
        assert "1 finding on 1 of 3 nodes" in terminal.screen("waiting"), "the last report stays"
        moment(store, 3, 2, 3)
        terminal.screen("1 finding on 2 of 3 nodes")
        assert terminal.end() == 1


def test_watch_ends_with_2_where_the_last_capture_cannot_be_read(at, store):
    torn = store / "lab" / "20261122T040000Z"
    torn.mkdir()
    (torn / "capture.yml").write_text("what: [", "utf-8")
    code, shown = run(["watch", "@label:before", "--times", 1, *at])
    assert (code, "capture.yml" in bare(shown)) == (2, True)


def test_watch_draws_no_more_lines_than_there_are_rows(at):
    with watch("@label:before", *at, rows=6) as terminal:
        shown = terminal.screen("more lines")
        terminal.type(CTRL_C)
        assert terminal.end() == 130
    assert len(shown.splitlines()) == 6


def test_watch_draws_anew_when_the_terminal_gets_another_size(at):
    with watch("@label:before", *at, columns=100) as terminal:
        terminal.screen("waiting")
        terminal.resize(44, 50)
        narrow = terminal.screen("cni0 has\n")
        terminal.type(CTRL_C)
        assert terminal.end() == 130
    assert max(map(len, narrow.splitlines()[1:])) <= 44


PLAN = """
schema: snapdiff/plan/1
title: Another MTU of cni0
changes:
  - change: links/cni0/mtu
    to: 1400
"""


def test_watch_shows_what_became_of_a_plan(at, store, tmp_path):
    (tmp_path / "plan.yml").write_text(PLAN, "utf-8")
    with watch("@label:before", "--plan", tmp_path / "plan.yml", "--times", 2, *at) as terminal:
        assert "missing" in terminal.screen("waiting")
        moment(store, 2, 1, 2, 3)
        terminal.screen("done")
        assert terminal.end() == 0
    assert "missing" not in bare(terminal.shown.partition(LEAVE)[2])


WOULD = "-i would take them"


def test_watch_into_a_pipe_is_one_report_below_the_other(at, store):
    words = [*SNAPDIFF, "watch", "@label:before", "--times", "2", *map(str, at)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        time.sleep(0.1)
        first = b"".join(process.stdout.readline() for _ in range(4))
        moment(store, 2, 1, 2)
        rest, said = process.communicate(timeout=60)
    text = (first + rest).decode()
    assert process.returncode == 1
    assert said.decode().split() == f"snapdiff: waiting for captures in {store}; {WOULD}".split()
    assert text.count("---\n") == 2
    assert "\x1b" not in text
    assert "on 2 of 3 nodes" in text.rpartition("---\n")[2]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--every", "soon"], "--every soon: it takes a time span"),
        (["--", "--become", "-v"], "give -i INVENTORY"),
        (["@label:nothing"], "nothing"),
        (["--plan", "none.yml"], "none.yml"),
        (["--times", "0"], "0 is not in the range"),
    ],
    ids=["span", "for-ansible", "no-such-capture", "no-plan", "times"],
)
def test_watch_refuses_before_it_takes_the_screen(at, words, said):
    cut = words.index("--") if "--" in words else len(words)
    code, shown = run(["watch", *words[:cut], *at, *words[cut:]])
    assert (code, said in bare(" ".join(shown.split())), ENTER in shown) == (2, True, False)


def test_a_node_cannot_draw_on_the_screen(tmp_path):
    capture(tmp_path, [node(1)], label="before")
    hostile = {"host/hostname": "\x1b[2Jall is well", "links/cni0": GONE}
    capture(tmp_path, [node(1, hostile)], now=NOW + timedelta(hours=1), label="\x1b]0;x\x07")
    code, shown = run(
        ["watch", "@label:before", "--times", 1, "--store", tmp_path, "--cluster", "lab"]
    )
    assert code == 1
    assert "\x1b[2J" not in shown
    assert "\x1b]0" not in shown
