"""The command line: exit codes, what goes to which stream, and what is refused before any work."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from datetime import timedelta

import pytest

from builders import FIXTURES, GONE, NOW, capture, node
from snapdiff import __version__
from snapdiff.cli import COMMANDS, main
from snapdiff.schema import validate

LAB = FIXTURES / "flannel-lab"
SEED = FIXTURES / "ifconfig-controlplane.txt"
REPORT = "lab: "


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Run snapdiff in an empty folder, with nobody's settings: code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.startswith("SNAPDIFF_") or name in ("NO_COLOR", "XDG_CONFIG_HOME"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))

    def call(*args, **environment):
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(sys, "argv", ["snapdiff", *map(str, args)])
        with pytest.raises(SystemExit) as done:
            main()
        out, err = capsys.readouterr()
        return done.value.code, out, err

    return call


MTU = {"links/cni0/mtu": 1400}


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    """Write a store for each situation that a table below names; the folder they are in."""
    tmp_path = tmp_path_factory.mktemp("stores")

    def two(name, before, after, **new):
        capture(tmp_path / name, before, label="before")
        capture(tmp_path / name, after, label="after", now=NOW + timedelta(hours=1), **new)

    whole = [node(n) for n in (1, 2, 3)]
    two("same", whole, whole)
    two("drift", whole, [node(1, MTU), node(2), node(3)])
    two("context", whole, [node(1, {"links/cni0/ifindex": 9}), node(2), node(3)])
    two("lost", whole, whole[:2], lost={"node3": "no route"})
    two("drift-and-lost", whole, [node(1, MTU), node(2)], lost={"node3": "no route"})
    two("unseen", whole, [node(1, {"not_observed/ipam": "no time"}), node(2), node(3)])
    two("went", whole, whole[:2])
    two("forgotten", whole, [node(n, {"peers/10.244.3.0": GONE}) for n in (1, 2)])
    capture(tmp_path / "one", whole)
    (tmp_path / "none").mkdir()
    two("tampered", whole, whole)
    path = sorted((tmp_path / "tampered" / "lab").iterdir())[-1] / "nodes" / "node1.yml"
    path.write_bytes(path.read_bytes().replace(b"1450", b"1460"))
    two("no-manifest", whole, whole)
    path = sorted((tmp_path / "no-manifest" / "lab").iterdir())[-1] / "capture.yml"
    path.write_text("what: [")
    return tmp_path


DIFFS = [
    ("same", [], 0),
    ("drift", [], 1),
    ("drift", ["--fail-on", "error"], 0),
    ("drift", ["--exit-zero"], 0),
    ("drift", ["@latest", "@prev"], 1),
    ("drift", ["@label:before", "@label:after"], 1),
    ("context", [], 0),
    ("context", ["--fail-on", "info"], 1),
    ("lost", [], 3),
    ("lost", ["--min-coverage", "60"], 0),
    ("lost", ["--exit-zero"], 0),
    ("drift-and-lost", [], 1),
    ("unseen", [], 0),
    ("unseen", ["--strict"], 3),
    ("unseen", ["--fail-on", "info"], 1),
    ("went", [], 1),
    ("forgotten", [], 0),
    ("tampered", [], 3),
]


@pytest.mark.parametrize(("store", "options", "code"), DIFFS)
@pytest.mark.parametrize("form", ["text", "json"])
def test_a_report_is_on_stdout_and_nothing_else_is(run, stores, store, options, code, form):
    args = ["diff", *options, "--store", stores / store, "--cluster", "lab", "-o", form]
    found, out, err = run(*args)
    assert (found, err) == (code, "")
    if form == "json":
        validate(json.loads(out), "report")
        assert json.loads(out)["exit_code"] == code
    else:
        assert out.startswith(REPORT)
        assert out.endswith("\n")


REFUSED = [
    (["diff"], "one", "no @prev"),
    (["diff", "@prev", "@prev"], "drift", "/lab/20261122T020000Z"),
    (["diff"], "none", "has no capture. Take one with 'snapdiff gather'"),
    (["diff"], "not-there", "no such folder. Take a capture with 'snapdiff gather'"),
    (["diff"], "no-manifest", "capture.yml:2:1: "),
    (["diff", "@lastest"], "same", "no such selector. There are @latest"),
    (["diff", "latest"], "same", "Did you mean @latest?"),
    (["diff", "@label:bfore"], "same", "Did you mean @label:before?"),
    (["diff", "@2001-01-01"], "same", "the oldest is"),
    (["diff", "--fail-on", "warn"], "same", "Did you mean warning?"),
    (["diff", "--min-coverage", "150"], "same", "takes a percentage"),
    (["diff", "--min-coverage", "most"], "same", "takes a percentage"),
    (["diff", "-o", "xls"], "same", "there is no format 'xls'"),
    (["diff", "-o", "json="], "same", "no file is named after '='"),
    (["diff", "-o", "json=not/there.json"], "same", "not is no folder"),
    (["diff", "-o", "json", "-o", "text"], "same", "only one format can go to standard output"),
    (["diff", "--color", "maybe"], "same", "--color"),
    (["diff", "a", "b", "c"], "same", "extra argument"),
    (["diff", "--no-such"], "same", "--no-such"),
    (["show", "@latest", "--node", "node9"], "same", "no node 'node9'; there is node1"),
    (["show", "@latest", "--node", "node3"], "lost", "no snapshot of node3: unreachable: no route"),
    (["show", "not-there"], "same", "not-there: no such file or folder"),
    (["show"], "none", "has no capture"),
    (["show", "--draw"], "same", "--draw: of which node? Give --node"),
    (["show", "--yaml"], "same", "--yaml: of which node? Give --node"),
    (["import", "not-there"], "same", "not-there"),
    (["import", "-o", "x"], "same", "-o"),
    (["check", "@lastest"], "same", "no such selector"),
    (["check", "-o", "xls"], "same", "there is no format 'xls'"),
]


@pytest.mark.parametrize(("args", "store", "said"), REFUSED, ids=lambda one: str(one)[:40])
def test_what_cannot_be_done_is_one_sentence_on_stderr_and_code_2(run, stores, args, store, said):
    code, out, err = run(*args, "--store", stores / store, "--cluster", "lab")
    assert (code, out) == (2, "")
    assert said in err
    assert "Traceback" not in err
    assert "mistake in snapdiff" not in err


@pytest.mark.parametrize("args", [["no-such"], ["--no-such"], ["diffs"]])
def test_an_unknown_command_is_refused(run, args):
    code, out, err = run(*args)
    assert (code, out) == (2, "")
    assert args[0] in err


@pytest.mark.parametrize(("slip", "meant"), [("chekc", "check"), ("gahter", "gather")])
def test_of_a_command_that_is_mistyped_the_nearest_is_named(run, slip, meant):
    code, _out, err = run(slip)
    assert (code, f"No such command '{slip}'. Did you mean '{meant}'?" in err) == (2, True)


def test_an_output_that_cannot_be_is_refused_before_any_work(run, tmp_path):
    code, out, err = run("diff", "-o", "xls", "--store", tmp_path / "not-there")
    assert (code, out) == (2, "")
    assert "format" in err
    assert "capture" not in err


# ---- files that are not what they should be ---------------------------------------------------

BROKEN = {
    "wrong-type": (b'"mtu":1450', b'"mtu":"1450"', r":\d+:\d+: not a valid snapshot: links/"),
    "twice": (b'"mtu":1450', b'"mtu":1450,"mtu":1400', r":\d+:\d+: "),
    "newer": (b"snapdiff/snapshot/1", b"snapdiff/snapshot/2", r":1:\d+: .*Update snapdiff"),
    "an-alias": (b"host:\n", b"host: &a\n", r":\d+:\d+: "),
    "cut": (None, None, r":\d+:\d+: "),
}


@pytest.mark.parametrize(("old", "new", "said"), BROKEN.values(), ids=BROKEN)
def test_a_file_that_is_not_valid_is_told_with_its_place(run, stores, tmp_path, old, new, said):
    given = next((stores / "one" / "lab").rglob("node1.yml")).read_bytes()
    path = tmp_path / "mine.yml"
    path.write_bytes(given.replace(old, new, 1) if old else given[:2000])
    code, out, err = run("diff", path, path)
    assert (code, out) == (2, "")
    assert re.search(f"mine.yml{said}", err), err
    assert "Traceback" not in err


def test_two_loose_files_of_one_node_are_compared(run, stores):
    files = sorted((stores / "drift" / "lab").rglob("node1.yml"))
    code, out, _err = run("diff", *files)
    assert (code, "links/cni0/mtu  1450 → 1400" in out) == (1, True)


def test_debug_shows_the_traceback(run, stores):
    code, _out, err = run("--debug", "diff", "--store", stores / "none")
    assert (code, "Traceback" in err) == (2, True)


def test_a_node_name_on_stderr_moves_no_cursor(run, stores):
    code, _out, err = run(
        "show", "--node", "\x1b[2J\nsnapdiff: all is well", "--store", stores / "same",
        "--cluster", "lab",
    )  # fmt: skip
    assert (code, "\x1b" in err, len(err.splitlines())) == (2, False, 1)


# ---- outputs ----------------------------------------------------------------------------------


def test_several_formats_go_to_several_files(run, stores, tmp_path):
    code, out, err = run(
        "diff", "-o", "json=r.json", "-o", "text=r.txt", "-o", "text",
        "--store", stores / "drift", "--cluster", "lab", "--color", "always",
    )  # fmt: skip
    assert (code, err) == (1, "")
    validate(json.loads((tmp_path / "r.json").read_text("utf-8")), "report")
    text = (tmp_path / "r.txt").read_text("utf-8")
    assert text.startswith(REPORT)
    assert "\x1b" not in text
    assert "\x1b" in out


@pytest.mark.parametrize("form", ["json=-", "json"])
def test_a_dash_is_standard_output(run, stores, form):
    code, out, _err = run("diff", "-o", form, "--store", stores / "same", "--cluster", "lab")
    assert (code, json.loads(out)["verdict"]) == (0, "no drift on 3 nodes")


def test_an_output_replaces_a_file_whole_or_leaves_it(run, stores, tmp_path):
    (tmp_path / "r.json").write_text("old")
    run("diff", "-o", "json=r.json", "--store", stores / "none")
    assert (tmp_path / "r.json").read_text() == "old"
    run("diff", "-o", "json=r.json", "--store", stores / "same", "--cluster", "lab")
    assert json.loads((tmp_path / "r.json").read_text())["exit_code"] == 0


@pytest.mark.parametrize(
    ("options", "environment", "coloured"),
    [
        ([], {}, False),
        (["--color", "always"], {}, True),
        (["--color", "always"], {"NO_COLOR": "1"}, True),
        (["--color", "never"], {}, False),
        ([], {"NO_COLOR": "1"}, False),
        ([], {"TERM": "dumb"}, False),
    ],
)
def test_colour_through_a_pipe_only_where_it_is_wanted(run, stores, options, environment, coloured):
    args = ["diff", *options, "--store", stores / "drift", "--cluster", "lab"]
    assert ("\x1b[" in run(*args, **environment)[1]) is coloured


def test_the_environment_can_say_it_all(run, stores):
    options = {"STORE": str(stores / "drift"), "CLUSTER": "lab", "FAIL_ON": "error"}
    code, out, _err = run("diff", **{f"SNAPDIFF_{name}": one for name, one in options.items()})
    assert (code, out.startswith(REPORT)) == (0, True)


# ---- show, import -----------------------------------------------------------------------------


def test_a_capture_is_listed_and_a_node_is_shown(run, stores):
    store = ["--store", stores / "lost", "--cluster", "lab"]
    code, out, err = run("show", *store)
    assert (code, err) == (0, "")
    assert [line.split()[:2] for line in out.splitlines()[1:]] == [
        ["node1", "ok"],
        ["node2", "ok"],
        ["node3", "unreachable"],
    ]
    code, out, err = run("show", "--node", "node1", *store)
    assert (code, err) == (0, "")
    assert "chain  eth0 1500 – flannel.1 1450 – cni0 1450 – veth* 2 at 1450" in out


def test_a_snapshot_is_printed_as_its_file(run, stores):
    path = next((stores / "one" / "lab").rglob("node1.yml"))
    args = ["show", "--yaml", "--node", "node1", "--store", stores / "one", "--cluster", "lab"]
    assert run(*args) == (0, path.read_text("utf-8"), "")


def test_a_lab_is_imported_and_compared(run, tmp_path):
    for when in ("before", "after"):
        code, out, err = run("import", LAB / "underlay-mtu" / when, "--label", when)
        assert (code, out) == (0, "")
        assert err.endswith(": 3 nodes imported\n")
    code, out, _err = run("diff", "@label:before", "@label:after", "-o", "json")
    assert (code, [row["path"] for row in json.loads(out)["findings"]]) == (
        1,
        ["links/eth0/mtu"],
    )


def test_a_listing_is_imported_and_shown(run):
    code, out, err = run("import", SEED, "--node", "control")
    assert (code, out, err.endswith(": 1 node imported\n")) == (0, "", True)
    code, out, _err = run("show")
    assert "chain  eth0 1410 – flannel.1 1360 – cni0 1360 – veth* 2 at 1360" in out


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["-"], "give --node NAME"),
        ([LAB / "healthy", "--node", "x"], "has 3 nodes"),
        ([LAB], "no raw output in it"),
        ([LAB / "README.md"], "it is no listing of links that we know"),
        ([SEED, "--node", ""], None),
    ],
)
def test_an_import_that_cannot_be_leaves_no_capture(run, tmp_path, args, said):
    code, out, err = run("import", *args)
    if said:
        assert (code, out) == (2, "")
        assert said in err
        assert not list((tmp_path / "snapshots").rglob("capture.yml"))


# ---- help -------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", [[], *([name] for name in sorted(COMMANDS))])
@pytest.mark.parametrize("option", ["--help", "-h"])
def test_help_is_on_stdout(run, command, option):
    code, out, err = run(*command, option)
    if not command or option == "--help":
        assert (code, err) == (0, "")
        assert out.startswith("Usage: ")
    if not command:
        assert all(name in out for name in COMMANDS)
        assert "Exit codes" in out


def test_the_version(run):
    assert run("--version") == (0, f"snapdiff, version {__version__}\n", "")


SLOW = ("deepdiff", "rich", "yaml", "jsonschema", "jsonschema_rs", "jc", "orjson", "ansible")


@pytest.mark.parametrize("args", [["--help"], ["--version"]])
def test_help_loads_no_slow_library(args):
    code = (
        "import sys; sys.argv = ['snapdiff', *sys.argv[1:]]\n"
        "import atexit; atexit.register(lambda: print(*sys.modules, file=sys.stderr))\n"
        "from snapdiff.cli import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *args], capture_output=True, text=True, check=True
    )
    loaded = {name.partition(".")[0] for name in done.stderr.split()}
    assert loaded & set(SLOW) == set()
    assert "snapdiff.store" not in done.stderr.split()


def test_a_reader_that_left_is_no_traceback_and_not_clean(stores):
    """As ``snapdiff show --yaml | head -1``, with more to say than a pipe holds."""
    reader, writer = os.pipe()
    os.close(reader)
    words = [sys.executable, "-m", "snapdiff", "show", "--yaml", "--node", "node1"]
    done = subprocess.run(
        [*words, "--cluster", "lab", "--store", str(stores / "one")],
        stdout=writer, stderr=subprocess.PIPE, check=False,
    )  # fmt: skip
    os.close(writer)
    assert (done.returncode, done.stderr) == (2, b"")


def test_it_runs_as_a_module(stores):
    done = subprocess.run(
        [sys.executable, "-m", "snapdiff", "diff", "--cluster", "lab", "--store", "drift"],
        capture_output=True, text=True, check=False, cwd=stores,
    )  # fmt: skip
    assert (done.returncode, done.stderr, done.stdout.startswith(REPORT)) == (1, "", True)
