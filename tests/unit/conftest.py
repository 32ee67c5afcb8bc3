# Copyright (c) 2026 The snapdiff developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes that were recorded, as the collector's port to the world. Runs on Python 3.8 too."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ansible_collections.clusternet.snapdiff.plugins.module_utils import (
    _cni,
    _collect,
    _offloads,
    _wireguard,
)
from ansible_collections.clusternet.snapdiff.plugins.module_utils._source import NotObservedError

FIXTURES = Path(__file__).resolve().parent / "fixtures"
CONFLIST = f"{_cni.CNI_CONFIG}/10-flannel.conflist"
RULES = '[{"priority":0,"src":"all","table":"local"},{"priority":32766,"src":"all","table":"main"}]'
SYSCTLS = {
    "net/ipv4/ip_forward": 1,
    "net/ipv4/conf/all/rp_filter": 0,
    "net/ipv4/conf/eth0/rp_filter": 2,
    "net/ipv6/conf/all/disable_ipv6": 0,
    "net/ipv6/conf/eth0/accept_ra": 1,
}


class Saved:
    """A node as commands, files and folders with what each answers; an exception is raised."""

    def __init__(self, commands, files, folders):
        self.commands, self.files, self.folders = commands, files, folders
        self.ran = []

    def run(self, command):
        self.ran.append(command)
        if command not in self.commands:
            raise NotObservedError(f"{command} was not recorded")
        return self._answer(self.commands, command)

    def read(self, path):
        return self._answer(self.files, path)

    def names(self, path):
        return self._answer(self.folders, path)

    @staticmethod
    def _answer(answers, question):
        answer = answers.get(question)
        if isinstance(answer, Exception):
            raise answer
        return answer() if callable(answer) else answer


def proc_net_dev(names):
    head = "Inter-|   Receive  |  Transmit\n face |bytes    packets|bytes    packets\n"
    return head + "".join(f"{name:>6}: 1 2 3 4\n" for name in names)


def text_of(*parts):
    return FIXTURES.joinpath(*parts).read_text("utf-8")


def recorded(folder, devices):
    return Saved(
        commands={
            _collect.ADDRESSES: text_of(folder, "ip-j-d-s-addr.json"),
            _collect.ROUTES: text_of(folder, "ip-j-d-route.json"),
            _collect.ROUTES_6: "",
            _collect.RULES: RULES,
            _collect.RULES_6: RULES,
            _collect.NEIGHBOURS: text_of(folder, "ip-j-neigh.json"),
            _collect.FDB: text_of(folder, "bridge-j-fdb.json"),
            _collect.VERSION: "ip utility, iproute2-6.1.0, libbpf 1.1.2\n",
        },
        files={
            "/proc/self/net/dev": proc_net_dev(devices),
            "/proc/self/net/if_inet6": "",
            "/proc/sys/kernel/random/boot_id": "11111111-2222-4333-8444-555555555555\n",
            "/proc/sys/kernel/hostname": "node1\n",
            "/proc/sys/kernel/osrelease": "6.1.0-44-amd64\n",
            "/proc/uptime": "4711.08 9000.00\n",
            "/etc/machine-id": "0123456789abcdef0123456789abcdef\n",
            **{f"/proc/sys/{path}": f"{value}\n" for path, value in SYSCTLS.items()},
        },
        folders={},
    )


@pytest.fixture
def healthy():
    """Return node1 of a recorded flannel cluster of three."""
    pods = ("veth4edb239d", "vethc8c01974", "veth604d94b4")
    node = recorded("healthy", ("lo", "eth0", "flannel.1", "cni0", *pods))
    node.commands[_collect.ROUTES_6] = text_of("healthy", "ip-6-j-d-route.json")
    node.files[_cni.SUBNET_ENV] = text_of("healthy", "subnet.env")
    node.files[CONFLIST] = text_of("healthy", "10-flannel.conflist")
    ids = [{"nsid": number, "name": f"pod{number}"} for number in (1, 2, 3)]
    node.commands[("ip", "-json", "netns", "list-id")] = json.dumps(ids)
    for number in (1, 2, 3):
        show = ("ip", "-netns", f"pod{number}", "-json", "link", "show")
        node.commands[show] = '[{"ifindex":2,"ifname":"eth0","mtu":1360,"flags":["UP","LOWER_UP"]}]'
    for link in ("flannel.1", "eth0"):
        node.commands[_offloads.command(link)] = text_of("healthy", f"ethtool-k-{link}.txt")
    node.folders[_cni.CNI_CONFIG] = {"10-flannel.conflist": 1780000000.0}
    node.folders[_cni.IPAM] = {"cbr0": 1780000000.0}
    node.folders[f"{_cni.IPAM}/cbr0"] = dict.fromkeys(
        ("10.244.42.2", "10.244.42.3", "last_reserved_ip.0", "lock"), 1780000000.0
    )
    return node


@pytest.fixture
def tunnel():
    """Return a node whose flannel-wg has three peers, of which one has lost its addresses.

    Recorded from wireguard-tools 1.0.20210914 on Linux 6.1, which tests/kernel holds it against.
    """
    folder = FIXTURES / "wireguard"
    return Saved(
        commands={
            _wireguard.command("flannel-wg", path.stem): path.read_text("utf-8")
            for path in folder.iterdir()
        },
        files={},
        folders={},
    )


@pytest.fixture
def dual():
    """Return the text of each command on a node of a dual-stack vxlan cluster, on Linux 6.1."""
    return {
        path.stem: path.read_text("utf-8") for path in FIXTURES.joinpath("dual-stack").iterdir()
    }


@pytest.fixture
def kinds():
    """Return the text of each command on a node with every kind of link that CNIs use."""
    return {
        path.stem: path.read_text("utf-8") for path in FIXTURES.joinpath("link-kinds").iterdir()
    }


@pytest.fixture
def proc_dev():
    """Return what writes ``/proc/net/dev`` of links by name."""
    return proc_net_dev


@pytest.fixture
def unseen():
    """Return the error that says why something could not be looked at."""
    return NotObservedError
