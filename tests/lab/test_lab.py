"""Hold the lab to its word: nodes like real ones, ssh and pods that work, nothing left behind."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from looks import HERE, as_recorded, changes, folder, inside, lab, plain, run, state, view

pytestmark = pytest.mark.lab

NODES = ("node1", "node2", "node3")
ADD = re.compile(r"already has an IP address different from")


def recorded(name: str):
    text = (HERE / "recorded" / name).read_text("utf-8")
    return json.loads(text) if name.endswith(".json") else text


@pytest.fixture(scope="module")
def healthy(lab_name):
    """Bring up a lab that no test breaks; its name."""
    name = f"{lab_name}h"
    lab(name, "up", "3", "3")
    yield name
    lab(name, "down")


def test_the_links_of_a_node_are_those_of_a_real_one(healthy):
    real, ours = (
        plain(recorded("ip-j-d-s-addr.json")),
        plain(inside(f"{healthy}-node1", "ip", "-s", "addr")),
    )
    assert as_recorded(ours, real) == real


@pytest.mark.parametrize(
    ("file", "command"),
    [
        ("ip-j-d-route.json", ("ip", "route", "show", "table", "all")),
        ("ip-j-neigh.json", ("ip", "neigh", "show", "nud", "permanent")),
        ("bridge-j-fdb.json", ("bridge", "fdb")),
    ],
)
def test_the_tables_of_a_node_are_those_of_a_real_one(healthy, file, command):
    def rows(table):
        # Learned from traffic: an entry without a state, a neighbour that is not permanent.
        lasting = [one for one in table if one.get("state") not in ("", ["REACHABLE"])]
        return sorted(
            re.sub(r"10\.244\.\d+\.", "10.244.x.", json.dumps(plain(one), sort_keys=True))
            for one in lasting
        )

    assert rows(inside(f"{healthy}-node1", *command)) == rows(recorded(file))


def test_the_files_of_a_node_are_those_of_a_real_one(healthy):
    lease = re.sub(r"10\.244\.\d+\.1/24", "10.244.1.1/24", recorded("subnet.env"))
    assert lab(healthy, "exec", "node1", "--", "cat", "/run/flannel/subnet.env") == lease
    conflist = "/etc/cni/net.d/10-flannel.conflist"
    assert lab(healthy, "exec", "node1", "--", "cat", conflist) == recorded("10-flannel.conflist")


def test_a_node_has_its_own_name_ids_and_sysfs(healthy):
    files = (
        "/proc/sys/kernel/hostname",
        "/etc/hostname",
        "/etc/machine-id",
        "/proc/sys/kernel/random/boot_id",
    )
    said = [lab(healthy, "exec", node, "--", "cat", *files).split() for node in NODES]
    assert [one[:2] for one in said] == [[node, node] for node in NODES]
    here = {Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()}
    assert len({one[2] for one in said}) == 3
    assert len({one[3] for one in said} | here) == 4
    links = lab(healthy, "exec", "node1", "--", "ls", "/sys/class/net").split()
    assert [one for one in links if not one.startswith("veth")] == [
        "cni0",
        "eth0",
        "flannel.1",
        "lo",
    ]


def test_each_pod_has_a_lease_of_the_nodes_host_local(healthy):
    files = lab(healthy, "exec", "node2", "--", "ls", "/var/lib/cni/networks/cbr0").split()
    assert files == ["10.244.2.2", "10.244.2.3", "10.244.2.4", "last_reserved_ip.0", "lock"]


def test_ssh_reaches_each_node_from_the_controller_with_the_inventorys_words(healthy):
    text = (folder(healthy) / "inventory.yml").read_text("utf-8")
    options = re.search(r'ansible_ssh_common_args: "(.*)"', text).group(1)
    key = re.search(r'ansible_ssh_private_key_file: "(.*)"', text).group(1)
    addresses = re.findall(r"ansible_host: (\S+)", text)
    ssh = ["ssh", "-F", "none", "-o", "BatchMode=yes", "-i", key, *shlex.split(options)]
    said = [
        lab(healthy, "controller", "--", *ssh, f"root@{one}", "hostname; which ip")
        for one in addresses
    ]
    assert [one.split()[0] for one in said] == list(NODES)
    assert all("sbin/ip" in one for one in said)


def test_a_pod_reaches_a_pod_of_another_node_over_the_overlay(healthy):
    nodes = state(healthy)["nodes"]
    here, there = (f"/run/netns/{nodes[one]['pods'][0]['netns']}" for one in ("node1", "node3"))
    wait = (
        "import socket; s = socket.create_server(('', 7777));"
        "print(flush=True); print(s.accept()[1][0])"
    )
    ask = "import socket; socket.create_connection(('10.244.3.2', 7777), 5)"
    server = subprocess.Popen(
        ["nsenter", f"--net={there}", "--", sys.executable, "-c", wait],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        server.stdout.readline()
        run("nsenter", f"--net={here}", "--", sys.executable, "-c", ask)
        assert server.communicate(timeout=5)[0].strip() == "10.244.1.2"
    finally:
        server.kill()


def test_the_machine_has_no_link_and_no_folder_of_the_lab(healthy):
    links = {one["ifname"] for one in json.loads(run("ip", "-j", "link"))}
    assert links.isdisjoint({"cni0", "flannel.1", "underlay", "port1", "port2", "port3"})
    mounts = Path("/proc/self/mountinfo").read_text("utf-8").splitlines()
    mine = [one.split()[4] for one in mounts if healthy in one]
    assert all(one.startswith(f"/run/netns/{healthy}-") for one in mine)


def test_up_refuses_a_lab_that_is_up(healthy):
    assert "is up, or crashed" in lab(healthy, "up", "1", "0", check=False)


def inodes(name: str) -> set[int]:
    return {one.stat().st_ino for one in Path("/run/netns").glob(f"{name}-*")}


def living_in(netns: set[int]) -> list[int]:
    found = []
    for one in Path("/proc").glob("[1-9]*"):
        try:
            if (one / "ns/net").stat().st_ino in netns:
                found.append(int(one.name))
        except OSError:
            continue  # ended meanwhile, or waits to be reaped and has no namespace any more
    return found


def left_behind(name: str, netns: set[int], at: Path) -> list[str]:
    found = [str(one) for one in Path("/run/netns").glob(f"{name}-*")] + [
        str(one) for one in (at,) if one.exists()
    ]
    found += [
        one for one in Path("/proc/self/mountinfo").read_text("utf-8").splitlines() if name in one
    ]
    return found + [f"process {one}" for one in living_in(netns)]


def links_of_the_machine() -> list[str]:
    return [one["ifname"] for one in json.loads(run("ip", "-j", "link"))]


@pytest.mark.parametrize("crash", ["none", "killed", "killed-and-no-state"])
def test_down_leaves_nothing(fresh, crash):
    netns, at, before = inodes(fresh), folder(fresh), links_of_the_machine()
    lab(fresh, "controller", "--", "true")
    assert len(netns) == 10
    if crash != "none":
        for pid in living_in(netns):
            os.kill(pid, signal.SIGKILL)
    if crash == "killed-and-no-state":
        (at / "state.json").unlink()
    lab(fresh, "down")
    assert left_behind(fresh, netns, at) == []
    assert links_of_the_machine() == before
    lab(fresh, "down")


def test_down_ends_the_connections_that_ssh_keeps_open(fresh):
    text, netns, at = (
        (folder(fresh) / "inventory.yml").read_text("utf-8"),
        inodes(fresh),
        folder(fresh),
    )
    options = re.search(r'ansible_ssh_common_args: "(.*)"', text).group(1)
    ssh = [
        "ssh",
        "-F",
        "none",
        "-i",
        f"{at}/client_key",
        "-o",
        "ControlMaster=auto",
        "-o",
        "ControlPersist=60s",
    ]
    # ssh leaves its stderr to the process that keeps the connection: nobody may wait for that.
    subprocess.run(
        [
            str(HERE / "lab"),
            "--name",
            fresh,
            "controller",
            "--",
            *ssh,
            *shlex.split(options),
            "root@10.77.0.1",
            "true",
        ],
        stderr=subprocess.DEVNULL,
        check=True,
    )
    assert [one.name for one in (at / "cp").iterdir()] == ["10.77.0.1"]
    lab(fresh, "down")
    assert left_behind(fresh, netns, at) == []


@pytest.mark.parametrize("after", [0.15, 0.3, 0.5])
def test_down_takes_away_what_an_up_left_that_was_killed_in_the_middle(lab_name, after):
    name = f"{lab_name}k"
    half = subprocess.Popen(
        [str(HERE / "lab"), "--name", name, "up", "4", "2"], stdout=subprocess.DEVNULL
    )
    time.sleep(after)
    half.kill()
    half.wait()
    netns, root = inodes(name), Path(os.environ.get("SNAPDIFF_LAB_DIR", "/run/snapdiff-lab"))
    lab(name, "down")
    assert left_behind(name, netns, root / name) == []


def test_two_labs_do_not_know_of_each_other(fresh, healthy):
    before = view(healthy)
    lab(fresh, "break", "underlay-mtu")
    lab(fresh, "break", "node-removed")
    lab(fresh, "down")
    assert changes(before, view(healthy)) == {}


def test_the_lab_can_live_in_another_folder(lab_name, tmp_path, monkeypatch):
    short = Path("/tmp") / f"{lab_name}d"
    monkeypatch.setenv("SNAPDIFF_LAB_DIR", str(short))
    name = f"{lab_name}d"
    try:
        lab(name, "up", "1", "0")
        netns = inodes(name)
        assert folder(name) == short / name
        lab(name, "down")
        assert left_behind(name, netns, short / name) == []
        monkeypatch.setenv("SNAPDIFF_LAB_DIR", str(tmp_path / ("x" * 90)))
        assert "too long for a socket's path" in lab(name, "up", "1", "0", check=False)
    finally:
        lab(name, "down")
        shutil.rmtree(short, ignore_errors=True)


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (("break", "nonsense"), "no incident 'nonsense'. 'lab incidents' lists them."),
        (("break", "reboot", "node9"), "no node 'node9' in lab"),
        (("break", "node-added", "node1"), "node-added takes no node."),
        (("exec", "node9", "--", "true"), "no node 'node9' in lab"),
        (("exec", "node1"), "no command. Put it behind '--'."),
    ],
)
def test_a_wrong_word_is_answered_with_a_right_one(healthy, argv, said):
    assert said in lab(healthy, *argv, check=False)


def test_a_name_that_could_be_part_of_another_labs_is_refused():
    assert "is no name for a lab" in lab("lab-ctl", "down", check=False)


def test_after_a_new_lease_the_next_pod_fails_as_on_a_real_node(fresh):
    lab(fresh, "break", "new-lease")
    assert ADD.search(lab(fresh, "break", "pods-churn", "node1", check=False))


def test_a_node_finds_its_own_name_without_a_name_server(healthy):
    ask = (
        "import socket, time; began = time.monotonic();"
        "print(socket.getfqdn(), time.monotonic() - began < 1)"
    )
    assert lab(healthy, "exec", "node1", "--", sys.executable, "-c", ask).split() == [
        "node1",
        "True",
    ]


def test_the_readme_has_every_incident(lab_name):
    text = (HERE / "README.md").read_text("utf-8")
    rows = [
        re.split(r"\s{2,}", line, maxsplit=2) for line in lab(lab_name, "incidents").splitlines()
    ]
    assert [row[0] for row in rows if f"| `{row[0]}` | {row[1]} | {row[2]} |" not in text] == []
