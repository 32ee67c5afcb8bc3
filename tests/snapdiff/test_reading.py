"""A report that was read, and ``snapdiff accept``: what is accepted is what is there still."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from clusters import cluster
from nights import Cluster, runner
from snapdiff import files
from snapdiff.acceptance import read_acceptances
from snapdiff.errors import UsageError
from snapdiff.reading import chosen_of, read_report, still_so

WARNING = "the reverse path filter is strict on flannel.1"


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    call = runner(tmp_path, monkeypatch, capsys)
    (tmp_path / "snapdiff.yml").write_text("store: .\ncluster: prod\nmin_coverage: 30\n")
    return call


@pytest.fixture
def prod(tmp_path):
    return Cluster(tmp_path)


def filtering(*numbers, value=1):
    """Return a cluster where a rule is broken on some nodes, and nothing follows from that."""
    facts = cluster(3)
    for number in numbers:
        facts[f"node{number}"]["links"]["flannel.1"]["sysctls"]["rp_filter"] = value
    return facts


def read(run, tmp_path, *command):
    """Have a report written, and return what a person reads in it."""
    run(*command, "-o", "json=r.json")
    return read_report(tmp_path / "r.json")


def test_a_report_is_read_a_finding_a_node(run, prod, tmp_path):
    prod.capture(filtering(1, 2))
    reading = read(run, tmp_path, "check")
    assert (reading.command, reading.cluster) == ("check", "prod")
    assert reading.inputs == ("20261122T020000Z",)
    assert [(one.node, one.rule, one.value) for one in reading.found] == [
        ("node1", "rp-filter-strict", 1),
        ("node2", "rp-filter-strict", 1),
    ]
    assert len({one.row for one in reading.found}) == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "it is no JSON report"),
        ("[]", "r.json: it is no report: schema is None"),
        ('{"schema": "snapdiff/report/2"}', "Update snapdiff"),
        ("[" * 100_000, "it is no JSON report"),
    ],
)
def test_what_is_no_report_is_refused(run, tmp_path, text, said):
    (tmp_path / "r.json").write_text(text)
    code, out, err = run("accept", "r.json", "--id", "0123456789abcdef", "--reason", "x")
    assert (code, out) == (2, "")
    assert err.startswith("snapdiff: r.json: ")
    assert said in err


def test_a_comparison_of_nodes_has_nothing_to_accept(run, prod, tmp_path):
    prod.capture(filtering(1))
    with pytest.raises(UsageError, match="a report of compare has nothing to accept"):
        read(run, tmp_path, "compare")


def test_ids_are_chosen_whole_by_their_beginning_and_by_row(run, prod, tmp_path):
    prod.capture(filtering(1, 2))
    reading = read(run, tmp_path, "check")
    one, two = reading.found
    assert chosen_of(reading, [one.id]) == [one]
    assert chosen_of(reading, [one.id[:6]]) == [one]
    assert chosen_of(reading, [one.row]) == [one, two]
    assert chosen_of(reading, [two.id, one.row]) == [two, one]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("abc", "--id abc: give 6 characters of it or more"),
        ("", "--id : give 6 characters of it or more"),
        ("000000", "--id 000000: the report has no such finding"),
        ("aaaaaa", "--id aaaaaa could be aaaaaa0000000001 or aaaaaa0000000002"),
        ("aaaaaa0000000003", "no such finding. Did you mean aaaaaa000000000"),
    ],
)
def test_an_id_that_means_none_or_several_is_refused(run, prod, tmp_path, given, said):
    prod.capture(filtering(1, 2))
    run("check", "-o", "json=r.json")
    report = json.loads((tmp_path / "r.json").read_text())
    for number, member in enumerate(report["findings"][0]["members"], 1):
        member["id"] = f"aaaaaa000000000{number}"
    (tmp_path / "r.json").write_text(json.dumps(report))
    with pytest.raises(UsageError) as error:
        chosen_of(read_report(tmp_path / "r.json"), [given])
    assert said in str(error.value)


# ---- accepted, by the command -----------------------------------------------------------------


def accept(run, *options, report="r.json", reason="known"):
    return run("accept", report, "--reason", reason, *options)


def first_id(tmp_path, number=0):
    found = read_report(tmp_path / "r.json").found
    return found[number].id


def test_what_is_accepted_is_no_reason_to_fail_on_that_node(run, prod, tmp_path):
    prod.capture(filtering(1, 2))
    assert run("check", "-o", "json=r.json")[0] == 1
    one, two = (first_id(tmp_path, number) for number in (0, 1))
    code, out, err = accept(run, "--id", one[:8], "--until", "14d", "--ticket", "NET-1")
    path = tmp_path / "prod" / "acceptances.yml"
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        f"accepted {one}  rp-filter-strict links/flannel.1/sysctls/rp_filter on node1",
        f"in {path}",
    ]
    (found,) = read_acceptances(tmp_path / "prod")
    day = (datetime.now(UTC) + timedelta(days=14)).date()
    assert (found.value, found.until, found.ticket) == (1, day.isoformat(), "NET-1")
    assert found.capture == "20261122T020000Z"
    assert run("check")[0] == 1
    accept(run, "--id", two)
    code, out, err = run("check")
    assert (code, err) == (0, "")
    assert "2 accepted by the site" in out


def test_a_drift_from_the_baseline_is_accepted(run, prod, tmp_path):
    prod.capture(cluster(3))
    run("baseline", "set")
    facts = cluster(3)
    facts["node2"]["links"]["eth1"] = facts["node2"]["links"]["eth0"] | {"addresses": {}}
    prod.capture(facts)
    assert run("diff", "@baseline", "@latest", "-o", "json=r.json")[0] == 1
    reading = read_report(tmp_path / "r.json")
    assert [(one.rule, one.path) for one in reading.found] == [("drift", "links/eth1")]
    assert accept(run, "--id", reading.found[0].id)[0] == 0
    assert run("diff", "@baseline", "@latest")[0] == 0
    facts["node2"]["links"]["eth1"] = facts["node2"]["links"]["eth1"] | {"mtu": 9000}
    prod.capture(facts)
    assert run("diff", "@baseline", "@latest")[0] == 1


def test_several_rows_told_as_one_are_accepted_as_those_rows(run, prod, tmp_path):
    def lost(*numbers):
        facts = cluster(5)
        for number in numbers:
            del facts["node1"]["peers"][f"10.244.{number}.0"]
        return facts

    prod.capture(cluster(5))
    run("baseline", "set")
    prod.capture(lost(2, 3))
    run("diff", "@baseline", "@latest", "-o", "json=r.json")
    (one,) = read_report(tmp_path / "r.json").found
    assert (one.path, one.value) == ("peers/*", ["peers/10.244.2.0", "peers/10.244.3.0"])
    assert accept(run, "--id", one.id)[0] == 0
    assert run("diff", "@baseline", "@latest")[0] == 0
    prod.capture(lost(2, 4))
    assert run("diff", "@baseline", "@latest")[0] == 1


REFUSED = [
    (["--until", "2020-01-01"], "--until 2020-01-01: that day is over"),
    (["--until", "soon"], "--until soon: it takes a day, as 2026-12-24, 14d or 6w"),
    (["--until", "0d"], "it takes a day"),
    (["--until", "2026-02-30"], "it takes a day"),
    (["--id", "0123456789ab"], "the report has no such finding"),
]


@pytest.mark.parametrize(("options", "said"), REFUSED, ids=lambda one: str(one)[:30])
def test_what_cannot_be_accepted_is_refused_and_nothing_is_written(
    run, prod, tmp_path, options, said
):
    prod.capture(filtering(1))
    run("check", "-o", "json=r.json")
    given = options if "--id" in options else [*options, "--id", first_id(tmp_path)]
    code, out, err = accept(run, *given)
    assert (code, out) == (2, "")
    assert said in err
    assert not (tmp_path / "prod" / "acceptances.yml").exists()


def test_a_reason_is_asked_for(run, prod, tmp_path):
    prod.capture(filtering(1))
    run("check", "-o", "json=r.json")
    code, _out, err = run("accept", "r.json", "--id", first_id(tmp_path))
    assert (code, "--reason: say why" in err) == (2, True)


def test_without_a_terminal_the_findings_have_to_be_named(run, prod, tmp_path, monkeypatch):
    prod.capture(filtering(1))
    run("check", "-o", "json=r.json")
    monkeypatch.setattr(sys, "stdin", (tmp_path / "snapdiff.yml").open())
    code, _out, err = accept(run)
    sys.stdin.close()
    assert (code, "on a terminal only" in err) == (2, True)


MOVED = {
    "the same still": (lambda: filtering(1), {}, None),
    "mended": (
        lambda: filtering(),
        {},
        "node1 has moved on since: rp-filter-strict at links/flannel.1/sysctls/rp_filter is no "
        "finding any more. Read a newer report.",
    ),
    "its node away": (
        lambda: {name: one for name, one in filtering(1).items() if name != "node1"},
        {"lost": {"node1": "no route"}},
        "nobody knows whether links/flannel.1/sysctls/rp_filter on node1 is still as it was read: "
        "unreachable: no route. Gather it first.",
    ),
    "its node left out": (
        lambda: {name: one for name, one in filtering(1).items() if name != "node1"},
        {"skipped": {"node1": "--limit"}},
        "is still as it was read: the node was left out on purpose. Gather it first.",
    ),
}


@pytest.mark.parametrize(("facts", "options", "said"), MOVED.values(), ids=MOVED)
def test_what_is_not_as_it_was_read_is_refused(run, prod, tmp_path, facts, options, said):
    prod.capture(filtering(1))
    run("check", "-o", "json=r.json")
    prod.capture(facts(), **options)
    code, _out, err = accept(run, "--id", first_id(tmp_path))
    assert code == (2 if said else 0)
    assert (said or "") in err
    assert (tmp_path / "prod" / "acceptances.yml").exists() is (said is None)


def test_a_value_that_moved_on_is_told_with_both(run, prod, tmp_path):
    facts = cluster(3)
    facts["node2"]["links"]["flannel.1"]["mtu"] = 1500
    prod.capture(facts)
    run("check", "-o", "json=r.json")
    facts["node2"]["links"]["flannel.1"]["mtu"] = 1600
    prod.capture(facts)
    code, _out, err = accept(run, "--id", first_id(tmp_path))
    assert (code, "links/flannel.1/mtu was 1500 when it was read, and is 1600 now" in err) == (
        2,
        True,
    )


def test_a_rule_that_cannot_tell_any_more_is_told(run, prod, tmp_path):
    prod.capture(filtering(1))
    reading = read(run, tmp_path, "check")
    facts = cluster(3)
    del facts["node1"]["links"]["flannel.1"]["sysctls"]
    facts["node1"]["not_observed"]["links/*/sysctls"] = "denied"
    prod.night(facts)
    with pytest.raises(UsageError, match="still as it was read: denied"):
        still_so(reading.found, prod.last.reports["check"])


def test_a_report_of_another_cluster_is_refused(run, prod, tmp_path):
    prod.capture(filtering(1))
    run("check", "-o", "json=r.json")
    code, _out, err = accept(run, "--id", first_id(tmp_path), "--cluster", "other")
    assert (code, "the report is not of captures of cluster 'other'" in err) == (2, True)


def test_loose_files_have_no_cluster_that_accepts_them(run, prod, tmp_path):
    prod.capture(cluster(3))
    prod.capture(filtering(1))
    one, two = sorted((tmp_path / "prod").glob("*/nodes/node1.yml"))
    assert run("diff", one, two, "-o", "json=r.json")[0] == 1
    code, _out, err = accept(run, "--id", first_id(tmp_path))
    assert (code, "the report is not of captures" in err) == (2, True)


def test_as_a_waiver_it_is_the_rule_in_snapdiff_yml(run, prod, tmp_path):
    prod.capture(filtering(1, 2))
    run("check", "-o", "json=r.json")
    code, out, _err = accept(run, "--id", first_id(tmp_path), "--as-waiver")
    assert (code, out) == (
        0,
        f"waived rp-filter-strict on all nodes, in {tmp_path / 'snapdiff.yml'}\n",
    )
    assert run("check")[0] == 0
    text = (tmp_path / "snapdiff.yml").read_text()
    assert text.endswith('waivers:\n  - {"rule": "rp-filter-strict", "reason": "known"}\n')


def test_a_drift_is_no_rule_to_waive_and_none_beside_it_is_written(run, prod, tmp_path):
    prod.capture(cluster(3))
    prod.capture(filtering(1))
    run("diff", "-o", "json=r.json")
    before = (tmp_path / "snapdiff.yml").read_text()
    code, _out, err = accept(run, "--id", first_id(tmp_path), "--as-waiver")
    assert (code, "drift is no rule of check" in err) == (2, True)
    assert (tmp_path / "snapdiff.yml").read_text() == before


# ---- on a terminal ----------------------------------------------------------------------------


def on_terminal(folder, answers, *args):
    """Run snapdiff with a terminal as standard input; return its code and what it printed."""
    ours, theirs = pty.openpty()
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "TERM": "dumb"}
    process = subprocess.Popen(
        [sys.executable, "-m", "snapdiff", *args],
        cwd=folder,
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment,
    )
    os.close(theirs)
    os.write(ours, answers.encode())
    with process:
        out, _err = process.communicate(timeout=60)
    os.close(ours)
    return process.returncode, out.decode()


@pytest.mark.parametrize(
    ("answers", "code", "nodes"),
    [
        ("2\nknown\n", 0, ["node2"]),
        ("1, 2\nknown\n", 0, ["node1", "node2"]),
        ("3\n", 2, []),
        ("0\nknown\n", 2, []),
        ("two\n", 2, []),
    ],
    ids=["one", "two", "too far", "none", "a word"],
)
def test_on_a_terminal_it_asks_which_and_why(run, prod, tmp_path, answers, code, nodes):
    prod.capture(filtering(1, 2))
    run("check", "-o", "json=r.json")
    found, out = on_terminal(tmp_path, answers, "accept", "r.json")
    assert found == code, out
    assert f"   1  {first_id(tmp_path)}  warning  node1  {WARNING}" in out
    accepted = read_acceptances(tmp_path / "prod")
    assert sorted(one.node for one in accepted) == nodes
    assert {one.reason for one in accepted} <= {"known"}


def test_two_who_accept_at_once_lose_nothing(run, prod, tmp_path):
    prod.capture(filtering(1, 2))
    one, two = read(run, tmp_path, "check").found
    words = [sys.executable, "-m", "snapdiff", "accept", "r.json", "--reason", "known", "--id"]
    with files.alone(prod.folder):
        running = [
            subprocess.Popen([*words, given.id], cwd=tmp_path, stdout=subprocess.DEVNULL)
            for given in (one, two)
        ]
        with pytest.raises(subprocess.TimeoutExpired):
            running[0].wait(1.5)
        assert read_acceptances(prod.folder) == ()
    assert [each.wait(30) for each in running] == [0, 0]
    assert {each.id for each in read_acceptances(prod.folder)} == {one.id, two.id}
