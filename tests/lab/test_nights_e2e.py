"""Seven nights of a cluster, by the shipped playbook over real ssh, and who is told what."""

from __future__ import annotations

import json
import re
import stat
from datetime import UTC, datetime, timedelta

import pytest
from looks import lab
from plays import BIN, command, play, written

pytestmark = pytest.mark.lab

NIGHTLY = "clusternet.snapdiff.nightly"
YESTERDAY = (datetime.now(UTC) - timedelta(days=1)).date().isoformat()


class Site:
    """A folder with a snapdiff.yml, a store, and a hook that writes down what it is told."""

    def __init__(self, lab_name, folder):
        self.lab, self.folder, self.store = lab_name, folder, folder / "store"
        self.heard = folder / "heard"
        self.heard.mkdir()
        hook = folder / "hook"
        hook.write_text(f"#!/bin/sh\ncat > {self.heard}/$(date +%s%N).json\n", "utf-8")
        hook.chmod(hook.stat().st_mode | stat.S_IXUSR)
        written(folder, "snapdiff.yml", {"notify": {"exec": [str(hook)]}})

    def night(self, **variables):
        """Let a night pass; return how the playbook ended, and the titles that were told."""
        before = set(self.heard.iterdir())
        done = play(
            self.lab, NIGHTLY, store=self.store, snapdiff_folder=str(self.folder), **variables
        )
        fresh = sorted(set(self.heard.iterdir()) - before)
        return done, [json.loads(path.read_text("utf-8"))["title"] for path in fresh]

    def snapdiff(self, *words):
        return command(self.lab, str(BIN / "snapdiff"), *words, "--store", str(self.store))


@pytest.fixture
def site(fresh, tmp_path):
    return Site(fresh, tmp_path)


def titles_of(told):
    return [one.removeprefix("snapdiff default: ") for one in told]


def test_seven_nights_tell_what_a_person_would_want_to_hear(site, tmp_path):
    # 1. clean
    done, told = site.night()
    assert (done.code, told) == (0, [])
    assert site.snapdiff("baseline", "set").code == 0
    # 2. something breaks: told once
    lab(site.lab, "break", "ip-forward-off")
    done, told = site.night()
    assert done.code == 0, done.said  # findings are told, not a failed play
    assert titles_of(told) == ["2 new"]  # the rule that is broken, and the drift from the baseline
    # 3. still broken: no news
    assert titles_of(site.night()[1]) == []
    # 4. accepted, from the reports that were read: no news
    folder = sorted((site.store / "default" / "reports").iterdir())[-1]
    for name in ("check", "since-baseline"):
        report = json.loads((folder / f"{name}.json").read_text("utf-8"))
        ids = [row["id"] for row in report["findings"] if row["severity"] != "info"]
        assert len(ids) == 1
        words = ["--id", ids[0], "--reason", "known", "--until", "1d"]
        accepted = site.snapdiff("accept", str(folder / f"{name}.json"), *words)
        assert accepted.code == 0, accepted.said
    done, told = site.night()
    assert (done.code, told) == (0, [])
    # 5. all nodes down: told once, and nothing is called resolved
    lab(site.lab, "break", "node-unreachable", "node1", "node2", "node3")
    done, told = site.night()
    assert done.code != 0  # the report is not to be trusted
    assert titles_of(told) == ["3 nodes not seen"]
    # 6. the acceptances are over, and the nodes are back
    path = site.store / "default" / "acceptances.yml"
    text = re.sub(r'"until":"[0-9-]+"', f'"until":"{YESTERDAY}"', path.read_text("utf-8"))
    path.write_text(text, "utf-8")
    lab(site.lab, "repair")
    lab(site.lab, "break", "ip-forward-off")
    done, told = site.night()
    assert titles_of(told) == ["2 new, 3 nodes seen again"]
    # 7. repaired
    lab(site.lab, "repair")
    done, told = site.night()
    assert (done.code, titles_of(told)) == (0, ["2 resolved"])

    log = site.snapdiff("log").out.splitlines()
    shown = [re.sub(r"^\S+ +", "", line) for line in reversed(log)]
    assert [line.split("  ")[0] for line in shown] == ["3/3 nodes"] * 4 + ["0/3 nodes"] + [
        "3/3 nodes"
    ] * 2
    assert "baseline default" in shown[0]
    assert "nothing seen" in shown[4]
    assert shown[6].endswith("told: resolved")
    history = site.snapdiff("history", "sysctls/net.ipv4.ip_forward").out
    turns = re.findall(r"  (\S+|not seen: \S+) → (\S+|not seen: \S+)  on (.*)", history)
    assert ("1", "0", "node1") in turns
    assert turns[-1] == ("0", "1", "node1")


def test_a_night_when_no_node_answers_still_makes_its_report(site):
    lab(site.lab, "break", "node-unreachable", "node1", "node2", "node3")
    done, told = site.night()
    assert done.code != 0
    assert titles_of(told) == ["3 nodes not seen"]
    (folder,) = (site.store / "default" / "reports").iterdir()
    for end in ("html", "json", "txt", "md"):
        assert (folder / f"check.{end}").stat().st_size > 0
    report = json.loads((folder / "check.json").read_text("utf-8"))
    assert report["exit_code"] == 3


def test_a_second_run_for_the_same_night_tells_nothing_twice(site):
    lab(site.lab, "break", "vtep-mac")
    _done, told = site.night()
    assert len(told) == 1
    again = site.snapdiff("nightly")
    assert again.code == 1
    assert len(list(site.heard.iterdir())) == 1
