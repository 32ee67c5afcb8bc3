"""The exit codes are the same of every command: 0 clean, 1 findings, 2 unreadable, 3 not trusted.

Every command has a row here for each of them, or the reason why it can never end so.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from datetime import timedelta

import pytest

from builders import FIXTURES, NOW, capture, edited
from clusters import cluster, snapshots
from snapdiff.cli import COMMANDS, main

CLEAN, FINDINGS, UNREADABLE, USAGE, UNTRUSTED = SITUATIONS = (
    "clean",
    "findings",
    "unreadable",
    "usage",
    "untrusted",
)
CODES = {CLEAN: 0, FINDINGS: 1, UNREADABLE: 2, USAGE: 2, UNTRUSTED: 3}
LOCAL = "all: {hosts: {me: {ansible_connection: local, ansible_python_interpreter: %s}}}\n"
PLAN = """\
schema: snapdiff/plan/1
title: A lower MTU
changes: [{change: links/cni0/mtu, from: %d, to: 1400}]
"""

# The stores: each of two captures of three nodes, but for what its name says of the second.
SAME, DRIFT, LOST, BROKEN, EMPTY = "same", "drift", "lost", "broken", "empty"
FILES = {
    "report.json": '{"schema": "snapdiff/report/2"}',
    "hosts.yml": LOCAL % sys.executable,
    "ill.yml": LOCAL % "/not/there",
    "fits.yml": PLAN % 1450,
    "unfit.yml": PLAN % 9000,
    "half.yml": "title: [",
    "nothing.yml": "{schema: snapdiff/plan/1, title: Nothing, changes: []}",
}

DUE = {
    "schema": "snapdiff/due/1",
    "nodes": ["me"],
    "unfinished": [],
    "store": "s",
    "cluster": "lab",
    "hosts": "all",
    "plan": "nothing.yml",
    "fail_on": "error",
    "even_if_unhealthy": True,  # whatever machine this is
    "min_coverage": 100,
    "settle_within": "1m",
    "settle_pause": "0s",
    "inventories": ["hosts.yml"],
    "gather_options": [],
    "gather_variables": {},
}
DUES = {
    "due.json": {},
    "unfinished.json": {"unfinished": ["me"]},
    "unsaid.json": {"gather_variables": {"snapdiff_kubectl": True}},  # there is no kubectl
}

# command: situation: its words, the store.
TABLE = {
    "accept": {
        CLEAN: (["read.json", "--id", "ID", "--reason", "known"], DRIFT),
        UNREADABLE: (["report.json", "--id", "0", "--reason", "known"], DRIFT),
        USAGE: (["read.json", "--id", "0"], DRIFT),
    },
    "baseline": {
        CLEAN: (["set"], SAME),
        UNREADABLE: (["set"], BROKEN),
        USAGE: (["drop", "nonsense"], SAME),
    },
    "check": {
        CLEAN: ([], SAME),
        FINDINGS: ([], DRIFT),
        UNREADABLE: ([], BROKEN),
        USAGE: (["@lastest"], SAME),
        UNTRUSTED: ([], LOST),
    },
    "compare": {
        CLEAN: ([], SAME),
        FINDINGS: ([], DRIFT),
        UNREADABLE: ([], BROKEN),
        USAGE: (["--by", "nonsense"], SAME),
        UNTRUSTED: ([], LOST),
    },
    "diff": {
        CLEAN: ([], SAME),
        FINDINGS: ([], DRIFT),
        UNREADABLE: ([], BROKEN),
        USAGE: (["-o", "xls"], SAME),
        UNTRUSTED: ([], LOST),
    },
    "explain": {
        CLEAN: (["lease-mtu"], SAME),
        UNREADABLE: (["links/cni0/mtu"], BROKEN),
        USAGE: (["no-such-rule"], SAME),
    },
    "gather": {
        CLEAN: (["--local"], EMPTY),
        UNREADABLE: (["--local", "--kubectl-nodes", "not-there"], EMPTY),
        USAGE: ([], EMPTY),
        UNTRUSTED: (["-i", "ill.yml"], EMPTY),
    },
    "history": {
        CLEAN: (["links/cni0/mtu"], SAME),
        UNREADABLE: (["links/cni0/mtu"], BROKEN),
        USAGE: (["links/cni0/mtu", "--since", "nonsense"], SAME),
    },
    "import": {
        CLEAN: ([str(FIXTURES / "ifconfig-controlplane.txt"), "--node", "a"], EMPTY),
        UNREADABLE: (["hosts.yml", "--node", "a"], EMPTY),
        USAGE: (["-"], EMPTY),
    },
    "log": {
        CLEAN: ([], SAME),
        UNREADABLE: ([], BROKEN),
        USAGE: (["--since", "nonsense"], SAME),
    },
    "map": {
        CLEAN: ([], DRIFT),
        UNREADABLE: ([], BROKEN),
        USAGE: (["--what", "nonsense"], SAME),
    },
    "nightly": {
        CLEAN: ([], SAME),
        FINDINGS: ([], DRIFT),
        UNREADABLE: ([], BROKEN),
        USAGE: ([], EMPTY),
        UNTRUSTED: ([], LOST),
    },
    "notify": {
        CLEAN: (["test"], "told"),
        UNREADABLE: (["test"], "not-told"),
        USAGE: (["test"], SAME),
    },
    "plan": {
        CLEAN: (["check", "fits.yml"], SAME),
        FINDINGS: (["check", "unfit.yml"], SAME),
        UNREADABLE: (["check", "half.yml"], SAME),
        USAGE: (["check", "fits.yml"], EMPTY),
        UNTRUSTED: (["check", "fits.yml"], LOST),
    },
    "prune": {
        CLEAN: (["--keep-last", "1", "--yes"], SAME),
        UNREADABLE: (["--keep-last", "1", "--yes"], "ill-baseline"),
        USAGE: ([], SAME),
    },
    "rules": {
        CLEAN: ([], None),
        UNREADABLE: ([], "ill-settings"),
        USAGE: (["--nonsense"], None),
    },
    "schedule": {
        CLEAN: (["print", "--as", "cron", "-i", "hosts.yml"], SAME),
        UNREADABLE: (["print", "--as", "cron", "-i", "hosts.yml"], "ill-settings"),
        USAGE: (["print", "--as", "cron"], SAME),
    },
    "settle": {
        CLEAN: (["-i", "hosts.yml", "--pause", "0s", "--within", "1m"], EMPTY),
        FINDINGS: (["-i", "ill.yml", "--pause", "0s", "--within", "1s"], EMPTY),
        UNREADABLE: (["-i", "hosts.yml"], "ill-settings"),
        USAGE: (["-i", "hosts.yml", "--within", "soon"], EMPTY),
    },
    "show": {
        CLEAN: ([], SAME),
        UNREADABLE: ([], BROKEN),
        USAGE: (["--node", "nobody"], SAME),
    },
    "site": {
        CLEAN: (["build", "pages"], SAME),
        UNREADABLE: (["build", "hosts.yml/pages"], SAME),
        USAGE: (["build"], SAME),
        UNTRUSTED: (["build", "pages"], BROKEN),
    },
    "upgrade": {
        CLEAN: (["gate", "due.json"], EMPTY),
        FINDINGS: (["gate", "unfinished.json"], EMPTY),
        UNREADABLE: (["gate", "half.yml"], EMPTY),
        USAGE: (["run", "--tasks", "half.yml", "--command", "true"], EMPTY),
        UNTRUSTED: (["gate", "unsaid.json"], EMPTY),
    },
    "watch": {
        CLEAN: (["-i", "hosts.yml", "--times", "1"], EMPTY),
        FINDINGS: (["-i", "hosts.yml", "--times", "1"], SAME),  # all its nodes are gone
        UNREADABLE: (["--times", "1"], BROKEN),
        USAGE: (["--times", "0"], SAME),
    },
}
JUDGES_NOTHING = "it tells or writes what there is, and judges nothing"
# command: situation: why it cannot be.
NEVER = {
    "accept": {FINDINGS: JUDGES_NOTHING, UNTRUSTED: "what nobody sees now is refused as usage"},
    "baseline": {FINDINGS: JUDGES_NOTHING, UNTRUSTED: "a capture that lacks nodes may be one"},
    "explain": {FINDINGS: JUDGES_NOTHING, UNTRUSTED: "it says which nodes it knows nothing of"},
    "gather": {FINDINGS: JUDGES_NOTHING},
    "history": {FINDINGS: JUDGES_NOTHING, UNTRUSTED: "a node that was not seen is told as that"},
    "import": {FINDINGS: JUDGES_NOTHING, UNTRUSTED: "what was saved is all that is asked for"},
    "log": {FINDINGS: JUDGES_NOTHING, UNTRUSTED: "it says how many nodes were seen"},
    "map": {FINDINGS: JUDGES_NOTHING, UNTRUSTED: "a node that was not seen is drawn as that"},
    "notify": {FINDINGS: JUDGES_NOTHING, UNTRUSTED: "a target was reached or it was not"},
    "prune": {FINDINGS: JUDGES_NOTHING, UNTRUSTED: "where it cannot tell, it keeps"},
    "rules": {FINDINGS: JUDGES_NOTHING, UNTRUSTED: "it reads no capture"},
    "schedule": {FINDINGS: JUDGES_NOTHING, UNTRUSTED: "it reads no capture"},
    "settle": {UNTRUSTED: "nodes that stay away are a time that is up, which is a finding"},
    "show": {FINDINGS: JUDGES_NOTHING, UNTRUSTED: "it says which nodes were not seen"},
    "site": {FINDINGS: JUDGES_NOTHING},
    "watch": {UNTRUSTED: "as diff, whose report it ends with"},
}


def runs_ansible(command, words):
    return (command == "upgrade" or "-i" in words) and command != "schedule"


ROWS = [
    pytest.param(
        command,
        words,
        store,
        CODES[situation],
        id=f"{command}-{situation}",
        marks=[pytest.mark.slow] if runs_ansible(command, words) else [],
    )
    for command, row in TABLE.items()
    for situation, (words, store) in row.items()
    if command in COMMANDS
]


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    """Write the stores that the table names."""
    place = tmp_path_factory.mktemp("stores")
    whole = list(snapshots(cluster(3)).values())
    drifted = [edited(whole[0], {"links/cni0/mtu": 1400}), *whole[1:]]
    after = {SAME: whole, DRIFT: drifted, LOST: whole[:2], BROKEN: whole, "ill-baseline": whole}
    for name, given in after.items():
        lost = {"node3": "no route"} if name == LOST else {}
        capture(place / name, whole, label="before")
        capture(place / name, given, label="after", now=NOW + timedelta(hours=1), lost=lost)
    latest = sorted((place / BROKEN / "lab").iterdir())[-1]
    (latest / "capture.yml").write_text("what: [")
    (place / "ill-baseline" / "lab" / "baselines").mkdir()
    (place / "ill-baseline" / "lab" / "baselines" / "default.yml").write_text("what: [")
    return place


@pytest.fixture
def run(tmp_path, monkeypatch, capsys, stores):
    """Run a command on a copy of a store, in a folder with FILES: its code, and what it says."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("SNAPDIFF_")]:
        monkeypatch.delenv(name)
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)

    def call(command, words, store):
        settings = ["store: s", "cluster: lab"]
        if store in ("told", "not-told"):
            settings.append(f"notify: {{exec: ['{'true' if store == 'told' else 'false'}']}}")
        if store == "ill-settings":
            settings.append("nonsense: 1")
        if store is not None and (stores / store).is_dir() and not (tmp_path / "s").exists():
            shutil.copytree(stores / store, tmp_path / "s", symlinks=True)
        (tmp_path / "snapdiff.yml").write_text("\n".join(settings) + "\n")
        monkeypatch.setattr(sys, "argv", ["snapdiff", command, *words])
        with pytest.raises(SystemExit) as done:
            main()
        return done.value.code, *capsys.readouterr()

    return call


@pytest.mark.parametrize(("command", "words", "store", "code"), ROWS)
def test_every_command_ends_with_the_code_of_its_situation(
    run, tmp_path, command, words, store, code
):
    if command == "accept":  # of a report that was read
        run("check", ["-o", "json=read.json"], store)
        [first, *_] = json.loads((tmp_path / "read.json").read_text())["findings"]
        words = [first["id"] if word == "ID" else word for word in words]
    if (command == "watch" and store == EMPTY) or words[:1] == ["gate"]:  # against a capture
        run("gather", ["-i", "hosts.yml"], store)
        [before] = (tmp_path / "s" / "lab").glob("2*")
        made = {"before": str(before), "folder": str(tmp_path)}
        for name, more in DUES.items():
            (tmp_path / name).write_text(json.dumps({**DUE, **made, **more}))
    found, _out, err = run(command, words, store)
    assert found == code, err
    assert "Traceback" not in err
    assert "mistake in snapdiff" not in err


def test_every_command_has_a_row_or_a_reason_for_every_situation():
    told = {
        command: sorted({*TABLE.get(command, {}), *NEVER.get(command, {})}) for command in COMMANDS
    }
    assert told == dict.fromkeys(COMMANDS, sorted(SITUATIONS))


def test_no_situation_has_both_a_row_and_a_reason():
    assert [name for name in NEVER if NEVER[name].keys() & TABLE[name].keys()] == []


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_an_option_that_there_is_not_is_usage(run, command):
    assert run(command, ["--no-such-option"], SAME)[0] == 2


OURS = """\
store: s
cluster: lab
site_rules:
  - {id: ours, severity: error, path: host/hostname, equals: nobody, why: "-", remedy: "-"}
"""


@pytest.mark.slow
def test_a_gate_has_the_site_s_rules_of_the_change_wherever_somebody_stands(run, tmp_path):
    run("gather", ["-i", "hosts.yml"], EMPTY)
    [before] = (tmp_path / "s" / "lab").glob("2*")
    folder = tmp_path / "change"
    folder.mkdir()
    (folder / "snapdiff.yml").write_text(OURS)
    made = {"before": str(before), "folder": str(folder), "store": str(tmp_path / "s")}
    made |= {"plan": str(tmp_path / "nothing.yml"), "inventories": [str(tmp_path / "hosts.yml")]}
    (folder / "due-1.json").write_text(json.dumps({**DUE, **made, "even_if_unhealthy": False}))
    code, _out, err = run("upgrade", ["gate", "change/due-1.json"], EMPTY)
    assert code == 1, err
    assert '"ours"' in (folder / "check-1.json").read_text()
