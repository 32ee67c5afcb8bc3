"""Prove with strace that gathering changes nothing on a node: no file, no link, no process."""

from __future__ import annotations

import json
import re
import shutil

import pytest
from looks import changes, lab, run, view
from plays import BIN, command, written

pytestmark = pytest.mark.lab

# What Ansible itself needs: where it unpacks a module, the file by which Python tells that a
# folder can be written to, and what output goes to.
OWN = re.compile(r"/dev/null|/dev/tty|.*/\.ansible/tmp(/.*)?|/tmp/ansible_[^/]+(/.*)?|/tmp/\w{8}")
WRITING = re.compile(r"O_WRONLY|O_RDWR|O_CREAT|O_TRUNC|O_APPEND|O_TMPFILE")
OPENING = re.compile(r"\b(?:open|openat|openat2|creat)\(")
ALTERING = re.compile(
    r"\b(unlink|unlinkat|rename|renameat|renameat2|mkdir|mkdirat|rmdir|link|linkat|symlink"
    r"|symlinkat|chmod|fchmod|fchmodat|chown|fchown|ftruncate|lchown|fchownat|truncate|utimensat|utime|mknod|mknodat"
    r"|mount|umount2|pivot_root|chroot|setxattr|removexattr)\("
)
SENDING = re.compile(r"\b(sendto|sendmsg|write)\(\d+<(NETLINK|socket):")
CHANGING = re.compile(r"RTM_(NEW|DEL|SET)[A-Z]+")
SETTING = re.compile(r"\bioctl\(.*\b(SIOCS[A-Z]+|SIOCADD[A-Z]+|SIOCDEL[A-Z]+|SIOCBR[A-Z]+)")
# "ip -netns" mounts a sysfs, but in a mount namespace that is its own and ends with it.
ALONE = re.compile(r"\bunshare\(CLONE_NEWNS\) += 0")
MOUNTING = re.compile(r"\b(mount|umount2)\(")
PATH_OF = re.compile(r'(?:\d+<(?P<at>[^>]*)>, )?"(?P<path>(?:[^"\\]|\\.)*)"')


@pytest.fixture(scope="module")
def traced(lab_name, tmp_path_factory):
    """Return what runs a module on node1 with every Python there under strace, and the lab's name.

    It gives what the module returned, and what it and its children asked of the kernel.
    """
    if not shutil.which("strace"):
        pytest.skip("strace is missing: install strace")
    name, folder = f"{lab_name}r", tmp_path_factory.mktemp("traced")
    calls = "trace=%file,%network,ioctl,write,unshare,fchmod,fchown,ftruncate"
    python = folder / "python"
    python.write_text(
        f"#!/bin/sh\nexec strace -f -v -yy -s 500 -e {calls} -o {folder}/calls.$$"
        ' /usr/bin/python3 "$@"\n',
        "utf-8",
    )
    python.chmod(0o755)
    more = {"nodes": {"hosts": {"node1": {"ansible_python_interpreter": str(python)}}}}
    lab(name, "up", "2", "1")
    inventory = [lab(name, "inventory").strip(), str(written(folder, "more.yml", more))]

    def trace(module, *args):
        for old in folder.glob("calls.*"):
            old.unlink()
        hosts = [word for one in inventory for word in ("-i", one)]
        words = [*hosts, "node1", "-m", module, *args, "-t", str(folder / "results")]
        done = command(name, str(BIN / "ansible"), *words)
        assert done.code == 0, done.said
        result = json.loads((folder / "results" / "node1").read_text("utf-8"))
        texts = [one.read_text("utf-8", "replace") for one in folder.glob("calls.*")]
        return result, [line for text in texts for line in text.splitlines()]

    yield trace, name
    lab(name, "down")


def path_of(line):
    """Return the first path of a call, whole; of a call by file number the path of the file."""
    found = PATH_OF.search(line)
    if not found:
        return re.sub(r".*?\d<(.*?)>.*", r"\1", line)
    return found["path"] if found["path"].startswith("/") else f"{found['at']}/{found['path']}"


def breaches(lines):
    """Return the calls that changed, or tried to change, anything but what is Ansible's own."""
    found, alone = [], set()
    for line in lines:
        pid = line.split()[0]
        if ALONE.search(line):
            alone.add(pid)
        writes = (OPENING.search(line) and WRITING.search(line)) or ALTERING.search(line)
        private = pid in alone and MOUNTING.search(line)
        if writes and not private and not OWN.fullmatch(path_of(line)):
            found.append(line)
        if (SENDING.search(line) and CHANGING.search(line)) or SETTING.search(line):
            found.append(line)
    return found


def test_gathering_writes_nothing_and_sends_the_kernel_no_change(traced):
    trace, name = traced
    before = view(name)
    result, lines = trace("clusternet.snapdiff.interface_facts")
    assert "flannel.1" in result["ansible_facts"]["snapdiff"]["links"]
    assert result["ansible_facts"]["snapdiff"]["not_observed"] == {}
    assert breaches(lines) == []
    assert changes(before, view(name)) == {}


def test_the_trace_is_of_all_that_the_module_does(traced):
    lines = "\n".join(traced[0]("clusternet.snapdiff.interface_facts")[1])
    for asked in ("RTM_GETLINK", "RTM_GETADDR", "RTM_GETROUTE", "RTM_GETRULE", "RTM_GETNEIGH"):
        assert re.search(rf"\bsend(to|msg)\(.*{asked}", lines), asked
    for read in ("/run/flannel/subnet.env", "/proc/self/net/dev", "/proc/sys/net/ipv4/ip_forward"):
        assert re.search(rf'\bopenat\(.*"{read}", O_RDONLY', lines), read


@pytest.mark.parametrize(
    ("words", "call"),
    [
        ("ip link set dev lo mtu 65536", "RTM_NEWLINK"),
        ("ip route replace blackhole 203.0.113.0/24", "RTM_NEWROUTE"),
        ("bridge fdb replace 0a:00:00:00:00:99 dev flannel.1 dst 10.77.0.9", "RTM_NEWNEIGH"),
        ("sysctl -w net.ipv4.ip_forward=1", "/proc/sys/net/ipv4/ip_forward"),
        ("touch /run/flannel/subnet.env", "/run/flannel/subnet.env"),
        ("mkdir /run/snapdiff-was-here", "/run/snapdiff-was-here"),
        ("mount -t tmpfs none /mnt", "/mnt"),
    ],
)
def test_a_change_would_be_seen(traced, words, call):
    found = breaches(traced[0]("ansible.builtin.command", "-a", words)[1])
    assert [line for line in found if call in line]


def test_nothing_of_ours_stays_on_a_node(traced):
    trace, name = traced
    find = ("find", "/tmp", "-maxdepth", "1", "-name", "ansible_clusternet*")
    before = run(*find)  # the machine's, so of other tests too
    trace("clusternet.snapdiff.interface_facts")
    left = "".join(line for line in run(*find).splitlines() if line not in before)
    home = lab(name, "exec", "node1", "--", "sh", "-c", "ls ~root/.ansible/tmp 2>/dev/null; true")
    assert (left, home) == ("", "")
