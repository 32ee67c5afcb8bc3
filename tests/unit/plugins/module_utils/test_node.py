# Copyright (c) 2026 The snapdiff developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import stat
import time
from pathlib import Path

import pytest

from ansible_collections.clusternet.snapdiff.plugins.module_utils import _node
from ansible_collections.clusternet.snapdiff.plugins.module_utils._node import Node
from ansible_collections.clusternet.snapdiff.plugins.module_utils._source import NotObservedError


@pytest.fixture
def tool(tmp_path):
    """Return what makes a node with one tool, ``ip``, that is the given shell script."""

    def make(script, timeout=5.0):
        path = tmp_path / "ip"
        path.write_text(f"#!/bin/sh\n{script}\n", "utf-8")
        path.chmod(0o755)
        return Node({"ip": str(path)}.get, timeout)

    return make


def reason(node, *command):
    with pytest.raises(NotObservedError) as caught:
        node.run(command)
    return str(caught.value)


def test_a_command_gives_what_it_printed(tool):
    assert tool('echo "[$1|$2]"').run(("ip", "-json", "a b")) == "[-json|a b]\n"


def test_no_shell_sees_the_words(tool, tmp_path):
    words = ("ip", "; touch x", "$(touch x)", "`touch x`", "{{ 1 }}", "*")
    printed = tool('printf "%s\\n" "$@"').run(words)
    assert printed.splitlines() == list(words[1:])
    assert [path.name for path in tmp_path.iterdir()] == ["ip"]


def test_a_command_has_no_environment_but_path_and_locale(tool, monkeypatch):
    monkeypatch.setenv("LD_PRELOAD_TEST", "1")
    monkeypatch.setenv("LANG", "de_DE.UTF-8")
    printed = tool("/usr/bin/env").run(("ip",)).splitlines()
    assert sorted(line for line in printed if not line.startswith(("PWD=", "SHLVL=", "_="))) == [
        "LC_ALL=C",
        f"PATH={os.defpath}",
    ]


def test_a_command_that_asks_gets_no_answer(tool):
    assert tool("cat; echo end").run(("ip",)) == "end\n"


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("exit 1", "'ip -6 route' ended with 1: it said nothing"),
        ("echo no IPv6 >&2; echo more >&2; exit 2", "'ip -6 route' ended with 2: no IPv6"),
        ("echo '[]'; exit 255", "'ip -6 route' ended with 255: it said nothing"),
        ("printf '\\377\\n' >&2; exit 1", "'ip -6 route' ended with 1: \\xff"),
        ("kill -9 $$", "'ip -6 route' ended with -9: it said nothing"),
    ],
)
def test_a_command_that_fails_is_no_observation(tool, script, said):
    assert reason(tool(script), "ip", "-6", "route") == said


def test_a_warning_alone_is_no_failure(tool):
    assert tool("echo warning >&2; echo '[]'").run(("ip",)) == "[]\n"


def test_a_command_that_hangs_is_ended_in_time(tool):
    began = time.monotonic()
    assert reason(tool("exec sleep 30", timeout=0.2), "ip") == "'ip' gave no answer in 0.2 s"
    assert time.monotonic() - began < 5


def test_a_tool_that_is_not_there_or_no_program_is_named(tool, tmp_path):
    assert reason(tool("true"), "bridge", "fdb") == "bridge is not installed"
    node = tool("true")
    (tmp_path / "ip").chmod(0o644)
    assert reason(node, "ip") == "'ip' could not be run: Permission denied"
    (tmp_path / "ip").write_text("", "utf-8")
    (tmp_path / "ip").chmod(0o755)
    assert reason(node, "ip") == "'ip' could not be run: Exec format error"
    (tmp_path / "ip").unlink()
    assert reason(node, "ip") == "'ip' could not be run: No such file or directory"


def test_bytes_that_are_no_utf8_are_shown(tool):
    assert tool("printf 'v\\377z'").run(("ip",)) == "v\\xffz"


@pytest.fixture
def node():
    return Node({}.get, 1.0)


def test_a_file_is_read_whole_or_not_at_all(node, tmp_path, monkeypatch):
    monkeypatch.setattr(_node, "LARGEST_FILE", 4)
    (tmp_path / "file").write_bytes(b"a\xffb\n")
    assert node.read(str(tmp_path / "file")) == "a\\xffb\n"
    (tmp_path / "file").write_bytes(b"abcde")
    with pytest.raises(NotObservedError, match="is larger than 4 bytes"):
        node.read(str(tmp_path / "file"))


def test_what_is_not_there_is_absent(node, tmp_path):
    (tmp_path / "file").write_text("", "utf-8")
    for path in ("none", "file/under", "none/none"):
        assert node.read(str(tmp_path / path)) is None
        assert node.names(str(tmp_path / path)) is None
    (tmp_path / "dangling").symlink_to("nowhere")
    assert node.read(str(tmp_path / "dangling")) is None


def test_what_is_there_but_something_else_is_not_observed(node, tmp_path):
    with pytest.raises(NotObservedError, match="Is a directory"):
        node.read(str(tmp_path))
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(NotObservedError, match="symbolic links"):
        node.read(str(tmp_path / "loop"))


def test_a_pipe_is_not_waited_for(node, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(NotObservedError, match="no regular file"):
        node.read(str(tmp_path / "pipe"))


def test_what_may_not_be_read_is_not_observed(node, tmp_path, monkeypatch):
    def refuse(path, *dummy, **more):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("builtins.open", refuse)
    with pytest.raises(NotObservedError, match="/file: Permission denied"):
        node.read(str(tmp_path / "file"))
    monkeypatch.undo()
    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(NotObservedError, match="Permission denied"):
        node.names(str(tmp_path))


def test_a_folder_tells_its_names_with_their_time(node, tmp_path):
    (tmp_path / "10-a.conf").write_text("", "utf-8")
    os.utime(str(tmp_path / "10-a.conf"), (1, 1780000000.5))
    (tmp_path / "dangling").symlink_to("nowhere")
    os.close(os.open(os.fsencode(str(tmp_path)) + b"/v\xffz", os.O_CREAT))
    found = node.names(str(tmp_path))
    assert sorted(found) == ["10-a.conf", "dangling", "v\\xffz"]
    assert found["10-a.conf"] == 1780000000.5


def test_a_name_that_goes_while_a_folder_is_read_takes_no_other_with_it(
    node, tmp_path, monkeypatch
):
    for name in ("10.244.1.2", "10.244.1.3"):
        (tmp_path / name).write_text("", "utf-8")
    scandir = os.scandir

    class Racing:
        """A folder in which a pod's address is given back between the two system calls."""

        def __init__(self, path):
            self._entries = scandir(path)

        def __enter__(self):
            return (self._gone(entry) for entry in self._entries)

        def __exit__(self, *dummy):
            self._entries.close()

        @staticmethod
        def _gone(entry):
            if entry.name == "10.244.1.3":
                Path(entry.path).unlink()
            return entry

    monkeypatch.setattr(os, "scandir", Racing)
    assert list(node.names(str(tmp_path))) == ["10.244.1.2"]


def test_reading_changes_nothing(node, tmp_path):
    (tmp_path / "file").write_text("x", "utf-8")
    (tmp_path / "file").chmod(0o400)
    before = (tmp_path / "file").stat()
    node.read(str(tmp_path / "file"))
    node.names(str(tmp_path))
    after = (tmp_path / "file").stat()
    assert (before.st_mtime_ns, before.st_ctime_ns) == (after.st_mtime_ns, after.st_ctime_ns)
    assert stat.S_IMODE(after.st_mode) == 0o400
