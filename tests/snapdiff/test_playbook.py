"""A command on our own terminal that we outlive: who asks us to end ends it, and we go on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from datetime import timedelta

import pytest
from click.testing import CliRunner
from terminals import CTRL_C, Pty

from builders import NOW, bare, capture
from snapdiff.cli.upgrade import ASKING, _for_gathers, command
from snapdiff.gathering import Wish, gather
from snapdiff.playbook import configured, environment_of
from snapdiff.store import Store

# Runs a command that waits, then waits itself, and says what became of both.
PROGRAM = """
import json, os, sys, time
from snapdiff.playbook import Outliving

told = {}
try:
    with Outliving() as way:
        told["code"] = way.run(["sleep", sys.argv[1]], os.environ)
        told["asked"] = way.asked
        open(sys.argv[3], "w").close()
        time.sleep(float(sys.argv[2]))
        told["through"] = True
except KeyboardInterrupt:
    told["interrupted"] = True
with open(sys.argv[4], "w") as file:
    json.dump(told, file)
"""


@pytest.fixture
def running(tmp_path):
    """Give what starts the program, and what tells how it ended."""
    ended, told = tmp_path / "ended", tmp_path / "told"
    words = [sys.executable, "-c", PROGRAM]

    def start(first, then, hang_up=signal.SIG_DFL):
        def hear():  # whatever started the tests ignores
            for one in (signal.SIGINT, signal.SIGTERM):
                signal.signal(one, signal.SIG_DFL)
            signal.signal(signal.SIGHUP, hang_up)

        argv = start.words(first, then)
        return subprocess.Popen(argv, stdin=subprocess.DEVNULL, preexec_fn=hear)

    def is_over():
        deadline = time.monotonic() + 20
        while not ended.exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        assert ended.exists()

    start.words = lambda first, then: [*words, str(first), str(then), str(ended), str(told)]
    start.is_over = is_over
    start.told = lambda: json.loads(told.read_text("utf-8"))
    return start


def heard(process):
    """Wait until the program has a child, and give that to it."""
    children = f"/proc/{process.pid}/task/{process.pid}/children"
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with open(children, encoding="utf-8") as file:  # noqa: PTH123 - a file of the kernel
            if file.read().split():
                return
        time.sleep(0.02)
    raise AssertionError(f"{process.pid} has started nothing")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_what_asks_us_to_end_ends_the_command_alone(running, number):
    process = running(60, 0)
    heard(process)
    process.send_signal(number)
    assert process.wait(20) == 0
    assert running.told() == {"code": -number, "asked": True, "through": True}


def test_ctrl_c_reaches_the_command_once_by_the_terminal(running):
    with Pty(running.words(60, 0)) as terminal:
        heard(terminal.process)
        terminal.type(CTRL_C)
        assert terminal.process.wait(20) == 0
    assert running.told() == {"code": -signal.SIGINT, "asked": True, "through": True}


def test_what_interrupts_us_alone_reaches_the_command_a_little_later(running):
    """As kill -INT with our process id does, on a terminal: nobody has told the command."""
    with Pty(running.words(60, 0)) as terminal:
        heard(terminal.process)
        terminal.process.send_signal(signal.SIGINT)
        assert terminal.process.wait(20) == 0
    assert running.told() == {"code": -signal.SIGINT, "asked": True, "through": True}


def test_a_command_that_ends_by_itself_was_asked_by_nobody(running):
    process = running(0, 0)
    assert process.wait(20) == 0
    assert running.told() == {"code": 0, "asked": False, "through": True}


AFTER = {  # with the seconds that there are to be heard in
    signal.SIGHUP: (3, "through"),
    signal.SIGINT: (60, "interrupted"),
    signal.SIGTERM: (60, "interrupted"),
}


@pytest.mark.parametrize("number", AFTER)
def test_afterwards_a_terminal_that_is_gone_ends_nothing_and_the_others_do(running, number):
    then, how = AFTER[number]
    process = running(0, then)
    running.is_over()
    process.send_signal(number)
    assert process.wait(20) == 0
    assert how in running.told()


def test_what_is_ignored_stays_ignored(running):
    """As after nohup: the command has it so too."""
    process = running(3, 0, signal.SIG_IGN)
    heard(process)
    process.send_signal(signal.SIGHUP)
    assert process.wait(20) == 0
    assert running.told() == {"code": 0, "asked": False, "through": True}


GIVEN = {
    "what ssh needs": (["--become", "-u", "core"], ["--become", "-u", "core"]),
    "variables": (["-e", "a=1", "--extra-vars=b=2"], ["-e", "a=1", "--extra-vars=b=2"]),
    "tags of the change": (["-t", "mtu", "--skip-tags=x", "-v"], ["-v"]),
    "how the change is made": (["--check", "--diff", "--step", "--start-at-task", "x"], []),
}


@pytest.mark.parametrize(("given", "left"), GIVEN.values(), ids=GIVEN)
def test_the_gathers_get_the_options_that_are_not_about_the_change(given, left):
    assert _for_gathers(tuple(given)) == left


@pytest.mark.parametrize(
    "word", ["-K", "-bK", "--ask-vault-pass", "-J", "--ask-become-pass", "x@prompt", "prompt"]
)
def test_what_nobody_can_be_asked_for_after_a_batch_is_refused(word):
    done = CliRunner().invoke(command, ["run", "-i", "x,", "--", word])
    assert "nobody can be asked when the nodes are gathered after a batch" in str(done.exception)


@pytest.mark.parametrize("word", ["-v", "-b", "--become", "-e", "-C", "--vault-password-file=pw"])
def test_what_asks_for_nothing_is_not(word):
    assert not ASKING.fullmatch(word)


def test_the_collections_of_the_user_are_found_behind_ours(tmp_path):
    (tmp_path / "ansible.cfg").write_text("[defaults]\ncollections_path = ./mine\n", "utf-8")
    found = environment_of({"HOME": str(tmp_path)}, "/tree", str(tmp_path))
    assert found["ANSIBLE_COLLECTIONS_PATH"].split(":")[:2] == ["/tree", str(tmp_path / "mine")]
    given = {"HOME": str(tmp_path), "ANSIBLE_COLLECTIONS_PATH": "/other"}
    assert environment_of(given, "/tree")["ANSIBLE_COLLECTIONS_PATH"] == "/tree:/other"


def test_what_asks_by_configuration_is_known(tmp_path):
    assert not configured(str(tmp_path)).asks
    folder = tmp_path / "asking"
    folder.mkdir()
    (folder / "ansible.cfg").write_text("[privilege_escalation]\nbecome_ask_pass = true\n", "utf-8")
    assert configured(str(folder)).asks


def test_ansible_runs_in_the_folder_that_it_is_told_whatever_the_shell_said(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert environment_of({"PWD": "/elsewhere", "HOME": "/"}, "/tree")["PWD"] == str(tmp_path)


def test_a_capture_that_somebody_else_takes_meanwhile_is_not_ours(tmp_path):
    """They lie in one folder, and theirs is there first."""
    inventory = tmp_path / "hosts.yml"
    host = f"{{ansible_connection: local, ansible_python_interpreter: {sys.executable}}}"
    inventory.write_text(f"all: {{hosts: {{me: {host}}}}}\n", "utf-8")
    theirs, late = bare("other"), iter(range(1, 1000))

    def told(_done, _all):
        capture(tmp_path / "s", [theirs], cluster="lab", now=NOW + timedelta(seconds=next(late)))

    told(0, 0)
    wish = Wish(inventories=(str(inventory),))
    found = gather(wish, Store(tmp_path / "s"), "lab", dict(os.environ), told)
    assert list(found.nodes) == ["me"]
    assert next(late) > 2, "they took one while we did"
