"""Who hears of a night: real web hooks, real commands, and no address in what is said of them."""

from __future__ import annotations

import http.server
import json
import logging
import os
import sys
import threading
import time

import pytest

from snapdiff.cli import main
from snapdiff.errors import UnreadableError, UsageError
from snapdiff.notify import KINDS, LONGEST, Address, Hook, Notice, send, targets_of
from snapdiff.schema import validate
from snapdiff.settings import settle

SECRET = "s3cr3t-t0ken"
NOTICE = Notice(
    title="prod: 1 new finding",
    body="lease-mtu on node1\nflannel.1 has 1360",
    kind="new",
    rows=({"id": "0123456789abcdef", "rule": "lease-mtu", "severity": "error"},),
    cluster="prod",
    made_at="2026-11-22T03:00:00Z",
)


class _Chat(http.server.BaseHTTPRequestHandler):
    """A web hook: /bad fails, /slow takes its time; what it got is in the server's *got*."""

    def do_POST(self):
        size = int(self.headers["Content-Length"])
        self.server.got.append((self.path, json.loads(self.rfile.read(size))))
        if self.path.startswith("/slow"):
            time.sleep(1.5)
        self.send_response(500 if self.path.startswith("/bad") else 200)
        self.end_headers()

    def log_message(self, *args):
        """Say nothing."""


@pytest.fixture
def chat():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Chat)
    server.got = []
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    server.url = f"json://127.0.0.1:{server.server_port}"
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def script(tmp_path):
    """Return what writes an executable of that text and says where it is."""

    def write(text, name="tell"):
        path = tmp_path / name
        path.write_text(f"#!{sys.executable}\n{text}\n")
        path.chmod(0o755)
        return str(path)

    return write


def test_a_web_hook_gets_the_notice(chat):
    assert [one.ok for one in send(NOTICE, [Address(f"{chat.url}/ok")])] == [True]
    [(path, body)] = chat.got
    assert (path, body["title"], body["message"], body["type"]) == (
        "/ok",
        "prod: 1 new finding",
        "lease-mtu on node1\nflannel.1 has 1360",
        "warning",
    )


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_of_notice_has_its_word_for_a_chat_and_keeps_to_the_schema(chat, kind):
    notice = Notice("title", "body", kind)
    validate(notice.document(), "notice")
    assert send(notice, [Address(chat.url)])[0].ok
    assert chat.got[0][1]["type"] == KINDS[kind]


def test_a_kind_that_there_is_not_is_refused():
    with pytest.raises(UsageError, match="one of new, worse"):
        send(Notice("title", "body", "gossip"), [])


def test_a_command_gets_the_whole_notice_as_json_on_its_standard_input(script, tmp_path):
    tell = script(
        "import sys, pathlib\n"
        "pathlib.Path(sys.argv[1]).write_bytes(sys.stdin.buffer.read())\n"
        "pathlib.Path(sys.argv[1] + '.args').write_text(repr(sys.argv[2:]))"
    )
    hook = Hook((tell, str(tmp_path / "got"), "a b; echo $HOME", "*"))
    assert [(one.target, one.ok) for one in send(NOTICE, [hook])] == [(f"exec {tell}", True)]
    document = json.loads((tmp_path / "got").read_text("utf-8"))
    validate(document, "notice")
    assert document == NOTICE.document()
    assert (tmp_path / "got.args").read_text() == "['a b; echo $HOME', '*']"  # no shell


def test_a_command_does_not_get_the_addresses_of_others(script, tmp_path, monkeypatch):
    monkeypatch.setenv("SNAPDIFF_NOTIFY_URLS", f"slack://{SECRET}")
    tell = script("import os, sys; sys.exit('SNAPDIFF_NOTIFY_URLS' in os.environ)")
    assert send(NOTICE, [Hook((tell,))])[0].ok


FAILING = {
    "a code": ("import sys; print('no route', file=sys.stderr); sys.exit(3)", "3: no route"),
    "a silent code": ("import sys; sys.exit(4)", "it ended with 4"),
    "a signal": ("import os; os.kill(os.getpid(), 9)", "it ended with -9"),
    "no end": ("import time; time.sleep(60)", "no end within 1 s"),
    "no end of a child": (
        "import subprocess, sys\nsubprocess.run([sys.executable, '-c', 'import time\\n"
        "time.sleep(60)'])",
        "no end within 1 s",
    ),
}


@pytest.mark.parametrize(("text", "why"), FAILING.values(), ids=FAILING)
def test_a_command_that_fails_is_told_with_what_it_said(script, text, why):
    [one] = send(NOTICE, [Hook((script(text),))], limit=1)
    assert (one.ok, why in one.why) == (False, True)


def test_a_command_that_reads_nothing_is_no_failure(script):
    body = "x" * 1_000_000  # more than a pipe holds
    assert send(Notice("t", body, "new"), [Hook((script("pass"),))])[0].ok


@pytest.mark.parametrize(
    ("command", "why"),
    [("/not/there", "No such file"), (__file__, "Permission denied"), ("/", "Permission denied")],
)
def test_a_command_that_cannot_run_is_told(command, why):
    [one] = send(NOTICE, [Hook((command,))])
    assert (one.ok, why in one.why) == (False, True)


def test_a_target_that_fails_costs_no_other_its_notice(chat, script):
    targets = [
        Address(f"{chat.url}/bad"),
        Address("json://127.0.0.1:1/nobody-listens"),
        Address(f"{chat.url}/slow"),
        Address("no-address-at-all"),
        Hook((script("import sys; sys.exit(1)"),)),
        Address(f"{chat.url}/good"),
    ]
    found = send(NOTICE, targets, limit=0.7)
    assert [one.ok for one in found] == [False, False, False, False, False, True]
    assert all(one.why for one in found[:5])
    assert found[2].why == "no answer within 0.7 s"
    assert chat.got[-1][0] == "/good"


# ---- secrets ----------------------------------------------------------------------------------

SHOWN = [
    (f"json://user:{SECRET}@127.0.0.1:1/{SECRET}?x={SECRET}", "json://127.0.0.1:1/****"),
    (f"https://hooks.example.org/services/{SECRET}", "https://hooks.example.org/****"),
    (f"mailtos://user:{SECRET}@mail.example.org?to=a@b.c", "mailtos://mail.example.org/****"),
    (f"slack://{SECRET}", "slack://****"),
    (f"tgram://{SECRET}/123", "tgram://****"),
    (f"nonsense://{SECRET}", "nonsense://****"),
    (f"{SECRET}", "****"),
    (f"json://{SECRET}:x@y@127.0.0.1:1/", "json://****"),
]


@pytest.mark.parametrize(("url", "shown"), SHOWN, ids=[shown for _url, shown in SHOWN])
def test_no_word_about_an_address_holds_its_secret(url, shown, capfd, caplog):
    caplog.set_level(logging.DEBUG)
    [one] = send(NOTICE, [Address(url)])
    assert (one.target, one.ok) == (shown, False)
    assert one.why
    told = [one.why, repr(Address(url)), *capfd.readouterr(), caplog.text]
    assert [text for text in told if SECRET in text] == []


def test_apprise_logs_as_before_afterwards(chat):
    logger = logging.getLogger("apprise")
    before = (logger.level, logger.propagate, list(logger.handlers))
    send(NOTICE, [Address(f"{chat.url}/bad")])
    assert (logger.level, logger.propagate, list(logger.handlers)) == before


# ---- text from nodes --------------------------------------------------------------------------


def test_text_from_a_node_calls_nobody_and_hides_nothing_in_a_chat(chat):
    hostile = "a\x1b[2J @everyone @here <!channel> <@U1> \u202egnp.exe"
    send(Notice(hostile, f"{hostile}\nsecond", "new"), [Address(chat.url)])
    body = chat.got[0][1]
    shown = "a\\x1b[2J @ everyone @ here < !channel> < @U1> \\u202egnp.exe"
    assert (body["title"], body["message"]) == (shown, f"{shown}\nsecond")


def test_a_body_that_is_too_long_for_a_chat_is_cut_at_a_line_and_says_so(chat, script, tmp_path):
    lines = [f"finding {number}" for number in range(1000)]
    tell = script(
        f"import sys; open({str(tmp_path / 'got')!r}, 'wb').write(sys.stdin.buffer.read())"
    )
    send(Notice("t", "\n".join(lines), "digest"), [Address(chat.url), Hook((tell,))])
    *kept, last = chat.got[0][1]["message"].split("\n")
    assert kept == lines[: len(kept)]
    assert last == f"… and {1000 - len(kept)} more lines"
    assert len(chat.got[0][1]["message"]) <= LONGEST
    assert json.loads((tmp_path / "got").read_bytes())["body"].splitlines() == lines


@pytest.mark.parametrize("body", ["", "x" * 10_000, "\n" * 10_000], ids=["empty", "line", "lines"])
def test_a_body_of_no_shape_is_sent_all_the_same(chat, body):
    assert send(Notice("t", body, "new"), [Address(chat.url)])[0].ok
    assert 0 < len(chat.got[0][1]["message"]) <= LONGEST


# ---- where targets come from ------------------------------------------------------------------


@pytest.fixture
def site(tmp_path):
    """Return what settles a snapdiff.yml of that text, with an environment."""

    def settled(text="", **environment):
        (tmp_path / "snapdiff.yml").write_text(text)
        return settle({}, {"HOME": str(tmp_path / "home"), **environment}, tmp_path)

    return settled


def test_urls_of_the_settings_of_a_file_and_the_command_are_targets(site, tmp_path):
    (tmp_path / "urls").write_text("# ours\n\n  slack://b/c/d  \njson://a\n")
    given = site("notify:\n  urls: [json://a]\n  urls_file: urls\n  exec: [bin/tell, prod]\n")
    assert targets_of(given) == (
        Address("json://a"),  # once
        Address("slack://b/c/d"),
        Hook((str(tmp_path / "bin" / "tell"), "prod")),
    )


def test_a_command_without_a_slash_is_looked_for_on_the_path(site):
    assert targets_of(site("notify: {exec: [logger]}\n")) == (Hook(("logger",)),)


def test_the_environment_wins_over_both_kinds_of_urls_and_leaves_the_command(site):
    text = "notify: {urls: [json://a], urls_file: not-there, exec: [logger]}\n"
    given = site(text, SNAPDIFF_NOTIFY_URLS=" json://b?to=x,y \n slack://c ")
    assert targets_of(given) == (
        Address("json://b?to=x,y"),
        Address("slack://c"),
        Hook(("logger",)),
    )


def test_what_the_user_sets_stays_where_the_project_sets_something_else(site, tmp_path):
    mine = tmp_path / "home" / ".config" / "snapdiff" / "config.yml"
    mine.parent.mkdir(parents=True)
    mine.write_text("notify: {urls: [json://mine], digest: never}\nkeep: {daily: 3}\n")
    given = site("notify: {digest: weekly}\nkeep: {weekly: 2}\n")
    assert (targets_of(given), given.notify["digest"]) == ((Address("json://mine"),), "weekly")
    assert given.keep == {"daily": 3, "weekly": 2, "last": None, "labelled": True}


def test_a_file_of_urls_that_is_not_there_is_an_error(site):
    with pytest.raises(UnreadableError, match="urls: No such file"):
        targets_of(site("notify: {urls_file: urls}\n"))


def test_without_settings_nobody_is_told(site):
    assert targets_of(site()) == ()
    assert site().notify["digest"] == "weekly"


# ---- the command ------------------------------------------------------------------------------


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("SNAPDIFF_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))

    def call(*args):
        monkeypatch.setattr(sys, "argv", ["snapdiff", *args])
        with pytest.raises(SystemExit) as done:
            main()
        return (done.value.code, *capsys.readouterr())

    return call


def test_notify_test_says_what_became_of_each_target(run, tmp_path, chat, script):
    tell = script("import sys; sys.exit(5)")
    (tmp_path / "snapdiff.yml").write_text(
        f"cluster: prod\nnotify:\n  urls: ['{chat.url}/{SECRET}']\n  exec: ['{tell}']\n"
    )
    code, out, err = run("notify", "test")
    assert (code, err) == (2, "")
    host = chat.url.partition("://")[2]
    assert out.splitlines() == [
        f"ok      json://{host}/****",
        f"failed  exec {tell}: it ended with 5",
    ]
    assert chat.got[0][1]["title"] == "snapdiff: test of prod"


def test_notify_test_is_clean_where_all_were_reached(run, tmp_path, chat):
    (tmp_path / "snapdiff.yml").write_text(f"notify: {{urls: ['{chat.url}']}}\n")
    assert run("notify", "test")[0] == 0


def test_notify_test_says_how_to_set_a_target_where_there_is_none(run):
    code, out, err = run("notify", "test")
    assert (code, out) == (2, "")
    assert "urls_file:" in err
    assert "SNAPDIFF_NOTIFY_URLS" in err
