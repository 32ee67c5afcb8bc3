"""Follow a cluster while it changes: ``snapdiff watch`` and ``snapdiff settle`` over real ssh."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest
from looks import lab
from plays import ROOT

pytestmark = pytest.mark.lab


@pytest.fixture
def snapdiff(fresh, tmp_path):
    """Run snapdiff on the controller of a lab: its code, standard output and error."""
    inventory = lab(fresh, "inventory").strip()
    controller = [sys.executable, str(ROOT / "tests" / "lab" / "lab"), "--name", fresh]

    def run(command, *words):
        given = ["-i", inventory, "--hosts", "nodes", "--store", str(tmp_path / "store")]
        tool = [sys.executable, "-m", "snapdiff", command, *words, *given, "--cluster", "lab"]
        done = subprocess.run(
            [*controller, "controller", "--", *tool],
            capture_output=True, text=True, check=False, cwd=ROOT,
        )  # fmt: skip
        return done.returncode, done.stdout, done.stderr

    return run


def captures(tmp_path):
    return [one for one in (tmp_path / "store" / "lab").iterdir() if (one / "capture.yml").exists()]


def test_nodes_at_rest_are_settled_after_two_captures(snapdiff, tmp_path):
    code, out, err = snapdiff("settle", "--pause", "0s", "--within", "1m", "--label", "calm")
    assert (code, out.startswith("settled: ")) == (0, True), err
    assert len(captures(tmp_path)) == 2


def test_nodes_that_never_rest_are_named_when_the_time_is_up(snapdiff, fresh):
    stop = threading.Event()

    def restless():
        mtu = 1300
        while not stop.wait(0.3):
            mtu += 1
            lab(fresh, "exec", "node2", "--", "ip", "link", "set", "cni0", "mtu", str(mtu))

    moving = threading.Thread(target=restless)
    moving.start()
    try:
        code, out, err = snapdiff("settle", "--pause", "0s", "--within", "3s")
    finally:
        stop.set()
        moving.join()
    assert (code, out) == (1, ""), err
    assert "not settled within 3s: 1 finding on 1 of 3 nodes" in err
    assert "links/cni0/mtu 13" in err
    assert "on node2" in err


def test_watch_gathers_by_itself_and_tells_what_changed(snapdiff, fresh):
    assert snapdiff("gather", "--label", "before")[0] == 0
    lab(fresh, "break", "ip-forward-off")
    code, out, err = snapdiff("watch", "@label:before", "--every", "0s", "--times", "2")
    assert code == 1, err
    assert out.count("---\n") == 2
    assert out.count("~ warning  sysctls/net.ipv4.ip_forward  1 → 0  node1\n") == 2
