"""What a night comes to: reports, the life of findings and what is told, of real captures."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import date, timedelta

import pytest

from builders import NOW
from clusters import cluster
from nights import CLEAR, OPEN, UNSEEN, Cluster, runner
from snapdiff.acceptance import Acceptance, value_of, write_acceptances
from snapdiff.baseline import drop_baseline, set_baseline
from snapdiff.ledger import nights
from snapdiff.life import last_known, lives
from snapdiff.nightly import CHECK, SINCE_LAST
from snapdiff.policy import Site, Waiver
from snapdiff.refs import select

RULE = "overlay-mtu-headroom"
ALL_AWAY = dict.fromkeys(("node1", "node2", "node3"), "no route")


def broken(*numbers, mtu=1500):
    facts = cluster(3)
    for number in numbers or (2,):
        facts[f"node{number}"]["links"]["flannel.1"]["mtu"] = mtu
    return facts


def without(facts, *names):
    return {name: one for name, one in facts.items() if name not in names}


@pytest.fixture
def prod(tmp_path):
    return Cluster(tmp_path)


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    return runner(tmp_path, monkeypatch, capsys)


def accept_all(prod, until):
    """Accept what the reports of the last night found."""
    given = [
        Acceptance(
            id=one.id,
            rule=row.rule,
            node=one.node,
            path=row.path,
            value=value_of(row.scope, row.message, one.after, one.places),
            reason="known",
            capture=prod.last.night.capture,
            accepted_at=prod.last.night.made_at,
            until=until.isoformat(),
        )
        for report in prod.last.reports.values()
        for row in report.findings
        for one in row.members
    ]
    write_acceptances(prod.folder, given)


def set_latest(prod, name="default", **options):
    now = NOW + timedelta(days=prod.day)
    side = select("@latest", prod.store, "prod", now=now)
    set_baseline(side, prod.folder, name=name, now=now, **options)


@pytest.mark.parametrize(
    ("based", "titles"),
    [
        (
            False,
            [
                "",
                "1 new, 1 changed",
                "",
                "",
                "3 nodes not seen",
                "1 new, 3 nodes seen again",
                "1 resolved, 1 changed",
            ],
        ),
        (
            True,
            ["", "2 new", "", "", "3 nodes not seen", "2 new, 3 nodes seen again", "2 resolved"],
        ),
    ],
    ids=["without a baseline", "with a baseline"],
)
def test_seven_nights(prod, based, titles):
    told = [prod.night(cluster(3))]
    if based:
        set_latest(prod)
    told.append(prod.night(broken()))
    told.append(prod.night(broken()))
    accept_all(prod, until=date(2026, 11, 26))  # the night on which nobody is seen
    told.append(prod.night(broken()))
    told.append(prod.night({}, lost=ALL_AWAY))
    told.append(prod.night(broken()))
    notes = {row.note for row in prod.last.rows if row.what == "new"}
    told.append(prod.night(cluster(3)))
    assert told == titles
    assert notes == {"it was accepted until now"}
    assert len(nights(prod.folder)) == 7


def test_the_nights_of_a_finding_are_in_the_report_of_the_check(prod):
    prod.night(broken())
    prod.night(cluster(3))
    prod.night(without(broken(), "node2"), lost={"node2": "no route"})
    prod.night(broken())
    report = prod.last.reports[CHECK]
    (row,) = report.findings
    assert (row.rule, row.standing, row.nights) == (RULE, "reopened", 2)
    (life,) = [one for one in report.lives if one.rule == RULE]
    assert [str(one) for one in life.sights] == ["open", "clear", "unseen", "open"]
    assert (life.flaps, life.first) == (1, "2026-11-22T02:00:00Z")


# ---- the same capture again -------------------------------------------------------------------


def test_a_capture_that_is_reported_on_twice_is_told_once(prod):
    prod.night(cluster(3))
    assert prod.night(broken()) == "1 new, 1 changed"
    assert prod.report() == ""
    assert nights(prod.folder)[-1].kinds == ("new",)
    assert prod.night(broken()) == ""


def filtering():
    """Return a cluster where a rule is broken from which nothing follows."""
    facts = cluster(3)
    facts["node2"]["links"]["flannel.1"]["sysctls"]["rp_filter"] = 1
    return facts


WAIVED = Site(waivers=(Waiver(rule="rp-filter-strict", reason="known"),))


def test_what_is_new_the_second_time_alone_is_told(prod):
    prod.night(cluster(3))
    prod.site = WAIVED
    assert prod.night(filtering()) == "1 changed"
    prod.site = Site()
    assert prod.report() == "1 new"
    assert prod.report() == ""


def test_what_did_not_get_through_is_told_the_next_time(prod):
    prod.night(cluster(3))
    assert prod.night(broken(), sent=False) == "1 new, 1 changed"
    assert prod.report(sent=False) == "1 new, 1 changed"
    assert prod.night(broken()) == "1 new, 1 changed"
    assert prod.night(broken()) == ""


def test_of_an_older_capture_nobody_is_told_after_a_newer_one(prod):
    name = prod.capture(broken())
    prod.night(cluster(3))
    assert prod.report(name) == ""
    assert len(nights(prod.folder)[0].findings) == 1


# ---- nobody could look ------------------------------------------------------------------------


def open_after(prod, rule=RULE):
    """Return what is known last of a rule's findings, and what the last night says."""
    found = [one for one in lives(nights(prod.folder)).values() if one.rule == rule]
    return [(last_known(one), one.sight) for one in found]


def test_a_node_that_left_the_inventory_did_not_mend_its_finding(prod):
    prod.night(broken())
    title = prod.night(without(cluster(3), "node2"))
    assert "resolved" not in title
    assert open_after(prod) == [(OPEN, UNSEEN)]


def test_a_rule_that_was_turned_off_mended_nothing(prod):
    prod.night(broken())
    prod.site = Site(severities={RULE: None})
    assert "resolved" not in prod.night(broken())
    assert open_after(prod)[0] in [(OPEN, UNSEEN), (OPEN, OPEN)]


def first_manifest(prod):
    return prod.folder / "20261122T020000Z" / "capture.yml"


BASELINE_GOES = {
    "dropped": lambda prod: drop_baseline(prod.folder, "default"),
    "its capture is gone": lambda prod: first_manifest(prod).unlink(),
    "its manifest is another": lambda prod: first_manifest(prod).write_text(
        first_manifest(prod).read_text("utf-8").replace('label: ""', 'label: "x"'), "utf-8"
    ),
}


@pytest.mark.parametrize("goes", BASELINE_GOES.values(), ids=BASELINE_GOES)
def test_drift_is_not_mended_by_the_loss_of_its_baseline(prod, goes):
    prod.night(cluster(3))
    set_latest(prod)
    prod.night(broken())
    goes(prod)
    assert "resolved" not in prod.night(broken())
    assert open_after(prod, "drift") == [(OPEN, UNSEEN)]


def test_a_baseline_that_cannot_be_read_costs_no_other_report_but_the_exit_code(prod):
    prod.night(cluster(3))
    set_latest(prod)
    BASELINE_GOES["its capture is gone"](prod)
    prod.night(cluster(3))
    assert list(prod.last.failed) == ["since-baseline"]
    assert "and it is gone" in prod.last.failed["since-baseline"]
    assert prod.last.reports[CHECK].exit_code == 0
    assert prod.last.exit_code == 3


@pytest.mark.parametrize(
    ("what", "reports"),
    [
        ("nights/20261123T020000Z.yml", ["check", "since-baseline", "since-last"]),
        ("baselines/default.yml", ["check", "since-last"]),
        ("baselines/workers.yml", ["check", "since-baseline", "since-last"]),
    ],
)
def test_a_file_that_cannot_be_read_costs_itself_alone_and_is_named(run, prod, site, what, reports):
    prod.capture(cluster(3))
    set_latest(prod)
    prod.capture(broken())
    assert run("nightly")[0] == 1
    (prod.folder / what).write_text("half a fi")
    prod.capture(broken())
    code, out, err = run("nightly")
    assert (code, "flannel.1 has MTU 1500" in out) == (1, True)
    assert str(prod.folder / what) in err
    made = prod.folder / "reports" / "20261124T020000Z"
    assert sorted(one.stem for one in made.glob("*.json")) == reports
    *_rest, last = nights(prod.folder)
    assert (last.capture, last.unreadable) == ("20261124T020000Z", "")
    known = lives(nights(prod.folder))
    assert {(one.rule, last_known(one)) for one in known.values() if one.rule == "drift"} <= {
        ("drift", OPEN)
    }
    assert not [title for title in told_in(site) if "resolved" in title]
    for command in ("check", "diff", "log"):
        code, _out, err = run(command)
        assert (code in (0, 1), str(prod.folder / "nights") in err) == (True, "nights" in what)


def test_a_night_that_cannot_be_read_is_written_again_by_its_capture(run, prod, site):
    prod.capture(broken())
    run("nightly")
    path = prod.folder / "nights" / "20261122T020000Z.yml"
    text = path.read_text("utf-8")
    path.write_text("half a fi")
    assert run("nightly", "20261122T020000Z")[0] == 1
    assert [one.unreadable for one in nights(prod.folder)] == [""]
    assert path.read_text("utf-8").splitlines()[12:] == text.splitlines()[12:]


def test_baselines_for_some_nodes_each_find_drift_mended(prod):
    prod.night(cluster(3))
    set_latest(prod, "a", on=("node1",))
    set_latest(prod, "b", on=("node2",))
    prod.night(broken())
    prod.night(cluster(3))
    assert open_after(prod, "drift") == [(CLEAR, CLEAR)]
    prod.night(broken())
    assert {(row.rule, row.what, row.note) for row in prod.last.rows} == {
        ("drift", "new", "it is back"),
        (RULE, "new", "it is back"),
    }


def test_drift_on_a_node_that_no_baseline_is_for_any_more_is_not_mended(prod):
    prod.night(cluster(3))
    set_latest(prod)
    prod.night(broken())
    set_latest(prod, on=("node1",))
    set_latest(prod, "b", on=("node3",))
    assert "resolved" not in prod.night(broken())
    assert open_after(prod, "drift") == [(OPEN, UNSEEN)]


@pytest.mark.parametrize("away", ["node3", "node2"], ids=["another", "its own"])
def test_drift_is_mended_where_a_baseline_for_its_node_could_tell(prod, away):
    prod.night(cluster(3))
    set_latest(prod, "a", on=("node1",))
    set_latest(prod, "b", on=("node2", "node3"))
    prod.night(broken())
    prod.night(without(cluster(3), away), lost={away: "no route"})
    last = (CLEAR, CLEAR) if away == "node3" else (OPEN, UNSEEN)
    assert open_after(prod, "drift") == [last]


def test_drift_on_a_node_that_a_new_baseline_lacks_is_not_mended(prod):
    prod.night(cluster(3))
    set_latest(prod)
    prod.night(broken())
    prod.capture(without(cluster(3), "node2"), lost={"node2": "no route"})
    set_latest(prod)
    assert "resolved" not in prod.night(broken())
    assert open_after(prod, "drift") == [(OPEN, UNSEEN)]


def test_drift_at_a_place_that_nobody_reads_any_more_is_not_mended(prod):
    prod.night(cluster(3))
    set_latest(prod)
    facts = cluster(3)
    facts["node2"]["sysctls"]["net.ipv4.conf.all.rp_filter"] = 1
    prod.night(facts)
    del facts["node2"]["sysctls"]["net.ipv4.conf.all.rp_filter"]
    facts["node2"]["not_observed"]["sysctls/net.ipv4.conf.all.rp_filter"] = "denied"
    assert "resolved" not in prod.night(facts)
    assert open_after(prod, "drift") == [(OPEN, UNSEEN)]


def test_drift_that_follows_from_another_change_is_not_mended(prod):
    prod.night(cluster(3))
    set_latest(prod)
    facts = broken(2, mtu=1400)
    facts["node2"]["cni"]["subnet_env"]["FLANNEL_MTU"] = 1400
    prod.night(facts)
    facts["node2"]["links"]["eth0"]["mtu"] = 1450
    prod.night(facts)
    told = {row.path: row.what for row in prod.last.rows if row.rule == "drift"}
    assert told == {"links/eth0/mtu": "new"}


def peerless(*numbers):
    """Return a cluster whose node1 lost the entries of some peers."""
    facts = cluster(5)
    for number in numbers:
        del facts["node1"]["peers"][f"10.244.{number}.0"]
    return facts


def test_one_of_several_rows_told_as_one_is_neither_new_nor_mended(prod):
    prod.night(peerless())
    set_latest(prod)
    told = []
    for lost in [(2,), (2, 3), (2, 3, 4), (2,), ()]:
        prod.night(peerless(*lost))
        told.append({row.path: row.what for row in prod.last.rows if row.rule == "drift"})
    assert told == [
        {"peers/10.244.2.0": "new"},
        {"peers/*": "new"},
        {},
        {},
        {"peers/10.244.2.0": "resolved", "peers/*": "resolved"},
    ]


def test_a_waived_finding_lives_on_as_accepted(prod):
    prod.site = WAIVED
    prod.night(filtering())
    assert [one.sight.value for one in lives(nights(prod.folder)).values()] == ["accepted"]


# ---- which captures are compared --------------------------------------------------------------


def test_the_night_before_is_the_last_that_saw_a_node(prod):
    prod.night(cluster(3))
    prod.night({}, lost=ALL_AWAY)
    title = prod.night(broken())
    assert title == "1 new, 3 nodes seen again, 1 changed"
    assert prod.last.reports[SINCE_LAST].inputs[0].capture == "20261122T020000Z"


def test_each_baseline_has_a_report_but_that_of_itself(prod):
    prod.capture(cluster(3))
    set_latest(prod)
    prod.capture(cluster(3))
    set_latest(prod, "of workers", on=("node1", "node2"))
    assert prod.report("@latest") == ""
    assert sorted(prod.last.reports) == ["check", "since-baseline", "since-last"]
    prod.night(broken(3))
    assert sorted(prod.last.reports) == [
        "check",
        "since-baseline",
        "since-baseline-of workers",
        "since-last",
    ]
    assert prod.last.reports["since-baseline"].exit_code == 1
    assert prod.last.reports["since-baseline-of workers"].exit_code == 0


EXITS = {
    "clean": (cluster(3), {}, False, 0),
    "a broken rule": (broken(), {}, False, 1),
    "a node away": (without(cluster(3), "node3"), {"lost": {"node3": "no route"}}, False, 3),
    "changed, without a baseline": (cluster(3, underlay=1450), {}, False, 1),
    "changed, but not since the baseline": (cluster(3, underlay=1450), {}, True, 0),
}


@pytest.mark.parametrize(("facts", "options", "based", "code"), EXITS.values(), ids=EXITS)
def test_the_exit_code_is_the_worst_of_what_counts(prod, facts, options, based, code):
    prod.night(cluster(3))
    if based:
        prod.capture(facts)
        set_latest(prod)
    prod.night(facts, **options)
    assert prod.last.exit_code == code


# ---- the command ------------------------------------------------------------------------------

HOOK = "import pathlib, sys; pathlib.Path('told.json').open('a').write(sys.stdin.read() + chr(10))"


@pytest.fixture
def site(tmp_path, monkeypatch, prod):
    """Work in a folder whose snapdiff.yml names a command that is told."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    words = json.dumps([sys.executable, "-c", HOOK])
    text = f"store: {tmp_path}\ncluster: prod\nnotify:\n  exec: {words}\n"
    (tmp_path / "snapdiff.yml").write_text(text)
    return tmp_path


def told_in(folder):
    path = folder / "told.json"
    lines = path.read_text("utf-8").splitlines() if path.is_file() else []
    return [json.loads(line)["title"] for line in lines]


def test_a_night_by_the_command(run, prod, site):
    prod.capture(cluster(3))
    assert run("nightly")[0] == 0
    assert told_in(site) == []
    prod.capture(broken())
    code, out, err = run("nightly")
    assert code == 1
    assert out.startswith("prod: 1 finding on 1 of 3 nodes")
    folder = prod.folder / "reports" / "20261123T020000Z"
    assert err.splitlines() == [
        f"told exec {sys.executable}",
        "check: 1 finding on 1 of 3 nodes",
        "since-last: 1 finding on 1 of 3 nodes",
        f"reports: {folder}",
    ]
    assert sorted(path.name for path in folder.iterdir()) == [
        f"{name}.{end}" for name in ("check", "since-last") for end in ("html", "json", "md", "txt")
    ]
    assert told_in(site) == ["snapdiff prod: 1 new, 1 changed"]
    assert run("nightly")[0] == 1
    assert told_in(site) == ["snapdiff prod: 1 new, 1 changed"]


def test_of_two_that_run_at_once_one_tells(prod, site):
    prod.capture(broken())
    slow = json.dumps([sys.executable, "-c", f"{HOOK}; import time; time.sleep(1)"])
    text = f"store: {site}\ncluster: prod\nnotify:\n  exec: {slow}\n"
    (site / "snapdiff.yml").write_text(text)
    both = [
        subprocess.Popen(
            [sys.executable, "-m", "snapdiff", "nightly"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        for _number in range(2)
    ]
    said = [one.communicate()[1].decode() for one in both]
    assert [one.returncode for one in both] == [1, 1], said
    assert told_in(site) == ["snapdiff prod: 1 new"]


def test_a_night_that_tells_nobody_leaves_it_to_the_next(run, prod, site):
    prod.capture(broken())
    assert run("nightly", "--no-notify")[0] == 1
    assert told_in(site) == []
    assert nights(prod.folder)[0].sent is False
    assert run("nightly", "--exit-zero")[0] == 0
    assert told_in(site) == ["snapdiff prod: 1 new"]


def test_a_target_that_fails_is_said_and_costs_no_report(run, prod, site):
    (site / "snapdiff.yml").write_text(f"store: {site}\ncluster: prod\nnotify:\n  exec: [./no]\n")
    prod.capture(broken())
    code, _out, err = run("nightly", "--reports", "mine")
    assert code == 1
    assert "could not tell exec" in err
    assert (site / "mine" / "20261122T020000Z" / "check.json").is_file()
    assert nights(prod.folder)[0].sent is False


def test_reports_that_cannot_be_written_cost_nobody_the_notice(run, prod, site):
    prod.capture(broken())
    (site / "full").write_text("a file where a folder should be")
    code, _out, err = run("nightly", "--reports", "full")
    assert (code, "it is no folder" in err) == (2, True)
    assert told_in(site) == ["snapdiff prod: 1 new"]
    assert nights(prod.folder)[0].sent is True


def test_what_reached_nobody_is_not_said_to_be_told(run, prod, site):
    config = site / "snapdiff.yml"
    text = config.read_text("utf-8")
    prod.capture(broken())
    run("nightly", "--no-notify")
    assert nights(prod.folder)[0].kinds == ()
    config.write_text(f"store: {site}\ncluster: prod\nnotify:\n  exec: [./no]\n")
    run("nightly")
    assert nights(prod.folder)[0].kinds == ()
    config.write_text(text)
    run("nightly")
    assert nights(prod.folder)[0].kinds == ("new",)
    prod.capture(cluster(3))
    config.write_text(f"store: {site}\ncluster: prod\n")
    run("nightly")
    assert [(one.kinds, one.sent) for one in nights(prod.folder)] == [(("new",), True), ((), True)]


@pytest.mark.parametrize("what", ["a file", "a capture of another cluster"])
def test_what_is_no_capture_of_the_cluster_is_no_night_of_it(run, prod, site, what):
    name = prod.capture(cluster(3))
    path = prod.folder / name
    given = path / "nodes" / "node1.yml" if what == "a file" else path
    other = () if what == "a file" else ("--cluster", "other")
    code, _out, err = run("nightly", given, *other)
    assert (code, "it is no night of that" in err) == (2, True)
    assert not list(site.rglob("nights"))


def test_the_name_of_a_baseline_makes_no_path(run, prod, site):
    prod.capture(cluster(3))
    set_latest(prod, "../../up")
    prod.capture(cluster(3))
    assert run("nightly")[0] == 0
    names = {path.name for path in (prod.folder / "reports" / "20261123T020000Z").iterdir()}
    assert "since-baseline-..%2F..%2Fup.json" in names


def test_only_what_is_new_is_a_reason_to_fail(run, prod, site):
    prod.capture(broken())
    assert run("check", "--new-only")[0] == 1  # no night was written down yet
    run("nightly")
    prod.capture(broken())
    assert run("check")[0] == 1
    code, out, _err = run("check", "--new-only")
    assert (code, "flannel.1 has MTU 1500" in out) == (0, True)
    prod.capture(broken(2, 3))
    assert run("check", "--new-only")[0] == 1


def test_only_what_is_new_since_the_baseline_is_a_reason_to_fail(run, prod, site):
    prod.capture(cluster(3))
    set_latest(prod)
    prod.capture(broken())
    run("nightly")
    prod.capture(broken())
    given = ("diff", "@baseline", "@latest")
    assert [run(*given)[0], run(*given, "--new-only")[0]] == [1, 0]
    prod.capture(broken(2, 3))
    assert run(*given, "--new-only")[0] == 1
