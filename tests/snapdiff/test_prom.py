"""Metrics for the textfile collector, as promtool and a real node_exporter read them."""

from __future__ import annotations

import os
import re
import shutil
import socket
import stat
import subprocess
import time
import urllib.error
import urllib.request
from dataclasses import replace

import pytest
from prometheus_client.parser import text_string_to_metric_families
from test_formats import a_check, a_fleet, an_eventful_diff, an_upgrade, found, nobody, quiet
from test_report import HOSTILE, report_of

from builders import NOW, node
from snapdiff.cli.options import Output, emit
from snapdiff.report import render

REPORTS = {
    "eventful": an_eventful_diff,
    "check": lambda _tmp_path: a_check(),
    "upgrade": an_upgrade,
    "nobody": nobody,
    "quiet": quiet,
}
LABELS = {"cluster", "command", "rule", "severity"}


def samples(text):
    """Return the value of every sample by name and labels, without cluster and command."""
    rows = {}
    for family in text_string_to_metric_families(text):
        assert family.documentation
        assert family.type == "gauge"
        for one in family.samples:
            assert one.timestamp is None
            labels = dict(one.labels)
            assert set(labels) <= LABELS
            assert {labels.pop("cluster"), labels.pop("command")}
            rows[one.name.removeprefix("snapdiff_"), *sorted(labels.values())] = one.value
    return rows


def tool(name, package):
    """Return the path of a tool that Debian has in *package*."""
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is missing: install {package}")
    return path


def test_a_report_is_counted_by_severity_rule_and_node(tmp_path):
    assert samples(render(an_upgrade(tmp_path), "prom")) == {
        ("findings", "info"): 0,
        ("findings", "warning"): 4,
        ("findings", "error"): 1,
        ("rule_findings", "drift", "info"): 0,
        ("rule_findings", "drift", "warning"): 4,
        ("rule_findings", "drift", "error"): 0,
        ("rule_findings", "info", "plan"): 0,
        ("rule_findings", "plan", "warning"): 0,
        ("rule_findings", "error", "plan"): 1,
        ("affected_nodes", "info"): 0,
        ("affected_nodes", "warning"): 1,
        ("affected_nodes", "error"): 1,
        ("accepted_findings",): 1,
        ("planned_missing_nodes",): 1,
        ("undecided",): 2,
        ("nodes_expected",): 8,
        ("nodes_observed",): 7,
        ("nodes_compared",): 7,
        ("exit_code",): 1,
        ("trusted",): 0,
        ("last_run_timestamp_seconds",): NOW.timestamp(),
        ("last_success_timestamp_seconds",): 0,
    }


def test_there_are_zeros_for_every_severity_where_nothing_was_found(tmp_path):
    rows = samples(render(quiet(tmp_path), "prom"))
    for name in ("findings", "affected_nodes"):
        assert [rows[name, one] for one in ("info", "warning", "error")] == [0, 0, 0]
    assert rows["last_success_timestamp_seconds",] == NOW.timestamp()


def test_an_answer_that_can_be_trusted_is_a_success_whatever_it_found(tmp_path):
    report = replace(an_eventful_diff(tmp_path), trusted=True)
    assert report.exit_code == 1
    rows = samples(render(report, "prom"))
    assert rows["last_success_timestamp_seconds",] == NOW.timestamp()


def test_a_report_without_a_time_says_zero(tmp_path):
    rows = samples(render(replace(quiet(tmp_path), made_at=""), "prom"))
    assert rows["last_run_timestamp_seconds",] == 0


def test_the_number_of_series_does_not_grow_with_nodes_and_values():
    few, many = (render(a_fleet(count), "prom") for count in (3, 300))
    assert few.count("\n") == many.count("\n")


@pytest.mark.parametrize("name", REPORTS)
def test_promtool_finds_nothing_to_say(name, tmp_path):
    path = tool("promtool", "prometheus")
    text = render(REPORTS[name](tmp_path), "prom")
    done = subprocess.run([path, "check", "metrics"], input=text, text=True, capture_output=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("umask", [0o022, 0o077])
def test_the_file_can_be_read_by_another_user(umask, tmp_path):
    before = os.umask(umask)
    try:
        report = quiet(tmp_path)
        outputs = [Output("prom", tmp_path / "x.prom"), Output("json", tmp_path / "x.json")]
        assert emit(report, outputs, "never", exit_zero=False) == 0
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "x.prom").stat().st_mode) == 0o644
    assert not stat.S_IMODE((tmp_path / "x.json").stat().st_mode) & 0o007


def scraped(path, folder):
    """Return what a node_exporter serves that reads *folder* and nothing else."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [path, "--collector.disable-defaults", "--collector.textfile"]
    command += [
        f"--collector.textfile.directory={folder}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as exporter:
        try:
            for _ in range(100):
                try:
                    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
                        return answer.read().decode()
                except urllib.error.URLError:
                    time.sleep(0.1)
        finally:
            exporter.terminate()
    raise AssertionError("node_exporter gave no answer")


def test_node_exporter_takes_the_files_of_several_commands_and_clusters(tmp_path):
    path = tool("prometheus-node-exporter", "prometheus-node-exporter")
    folder = tmp_path / "textfile"
    folder.mkdir()
    reports = {name: made(tmp_path / name) for name, made in REPORTS.items()}
    for number, text in enumerate(HOSTILE):
        row = found(number, rule=text)
        reports[f"hostile{number}"] = replace(reports["quiet"], cluster=text, findings=(row,))
    given = {}
    for number, (name, report) in enumerate(reports.items()):
        report = replace(report, cluster=f"{number} {report.cluster}")
        (folder / f"{name}.prom").write_text(render(report, "prom"), "utf-8")
        given[number] = report
    text = scraped(path, folder)
    assert "node_textfile_scrape_error 0" in text
    told = {}
    for family in text_string_to_metric_families(text):
        for one in family.samples:
            if one.name == "snapdiff_exit_code":
                told[int(one.labels["cluster"].partition(" ")[0])] = one.value
    assert told == {number: report.exit_code for number, report in given.items()}
    assert len(re.findall("^node_textfile_mtime_seconds", text, re.MULTILINE)) == len(reports)


def test_a_value_of_a_label_is_one_line_with_its_quotes(tmp_path):
    report = replace(report_of(tmp_path, [node(1)], [node(1)]), cluster='a"b\\c\nd')
    assert 'cluster="a\\"b\\\\c\\\\x0ad"' in render(report, "prom")
