# Copyright (c) 2026 The snapdiff developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json

import pytest

from ansible_collections.clusternet.snapdiff.plugins.module_utils import _collect
from ansible_collections.clusternet.snapdiff.plugins.module_utils._collect import collect

SECTIONS = {
    "cni",
    "cni_config",
    "consistent",
    "counters",
    "facts",
    "fdb",
    "fdb_learned",
    "host",
    "ipam",
    "lifetimes",
    "links",
    "mtimes",
    "neighbour_cache",
    "neighbours",
    "not_observed",
    "peers",
    "provenance",
    "routes",
    "rules",
    "steps",
    "sysctls",
    "timers",
}
# What each command fills: all of that is not observed where it gives no answer.
FILLS = {
    _collect.ADDRESSES: {"links", "peers"},
    _collect.ROUTES: {"routes", "peers/*/subnet"},
    _collect.ROUTES_6: {"routes", "peers/*/subnet"},
    _collect.RULES: {"rules"},
    _collect.RULES_6: {"rules"},
    _collect.NEIGHBOURS: {"neighbours", "peers/*/mac", "peers/*/underlay"},
    _collect.FDB: {"fdb", "peers/*/underlay"},
    _collect.VERSION: {"host/iproute2"},
}
ENTRY = {_collect.ROUTES: "route", _collect.NEIGHBOURS: "neighbour", _collect.FDB: "fdb"}


def test_a_healthy_node_is_observed_as_a_whole(healthy):
    facts = collect(healthy)
    assert set(facts) == SECTIONS
    assert facts["not_observed"] == {}
    assert facts["consistent"] is True
    assert {name: step["state"] for name, step in facts["steps"].items()} == dict.fromkeys(
        (
            *("links", "routes", "rules", "neighbours", "fdb"),
            *("sysctls", "inside", "wireguard", "offloads", "cni"),
        ),
        "observed",
    )
    assert json.loads(json.dumps(facts)) == facts


def test_a_healthy_node_has_its_peers_and_nothing_of_them_besides(healthy):
    facts = collect(healthy)
    assert facts["peers"] == {
        "10.244.47.0": {
            "dev": "flannel.1",
            "mac": "fe:09:e6:68:a0:11",
            "subnet": "10.244.47.0/24",
            "underlay": "10.77.0.2",
        },
        "10.244.77.0": {
            "dev": "flannel.1",
            "mac": "6a:af:48:f5:21:83",
            "subnet": "10.244.77.0/24",
            "underlay": "10.77.0.3",
        },
    }
    assert (facts["neighbours"], facts["fdb"]) == ({}, {})
    assert [key for key in facts["routes"] if "flannel.1" in key and "10.244." in key] == [
        "local local 10.244.42.0 dev flannel.1"
    ]
    assert list(facts["neighbour_cache"]) == ["eth0 10.77.0.254"]


def test_the_host_is_told_by_ids_that_are_not_confidential(healthy):
    assert collect(healthy)["host"] == {
        "boot_id": "11111111-2222-4333-8444-555555555555",
        "hostname": "node1",
        "kernel": "6.1.0-44-amd64",
        "machine_id": "sha256:3695355e3de349c0c2055cebf77078e9",
        "iproute2": "6.1.0",
    }


def test_two_collections_of_an_unchanged_node_are_equal(healthy):
    def ticks():
        return 0.0

    assert collect(healthy, clock=ticks) == collect(healthy, clock=ticks)


@pytest.mark.parametrize("command", FILLS, ids=" ".join)
@pytest.mark.parametrize("printed", [None, "{", "[1]", '[{"ifname":"e'], ids=repr)
def test_what_a_command_would_have_told_is_not_observed(healthy, unseen, command, printed):
    if command == _collect.VERSION:
        printed = None
    healthy.commands[command] = printed or unseen("ip is not installed")
    facts = collect(healthy)
    assert set(facts["not_observed"]) == FILLS[command]
    reasons = set(facts["not_observed"].values())
    assert len(reasons) == 1
    assert ("printed" if printed else "ip is not installed") in reasons.pop()
    assert facts["consistent"] is True


@pytest.mark.parametrize("command", ENTRY, ids=" ".join)
def test_no_peer_lacks_what_was_not_read(healthy, unseen, command):
    healthy.commands[command] = unseen("timeout")
    facts = collect(healthy)
    assert {address: peer.get("missing") for address, peer in facts["peers"].items()} == {
        "10.244.47.0": None,
        "10.244.77.0": None,
    }


@pytest.mark.parametrize("command", ENTRY, ids=" ".join)
def test_every_peer_lacks_what_was_read_and_was_not_there(healthy, command):
    healthy.commands[command] = "[]"
    facts = collect(healthy)
    assert facts["not_observed"] == {}
    assert len(facts["peers"]) == 2
    assert all(ENTRY[command] in peer["missing"] for peer in facts["peers"].values())


@pytest.mark.parametrize(
    "row",
    [
        {"ifname": "eth0", "addr_info": [1]},
        {"ifname": "eth0", "addr_info": None},
        {"ifname": "eth0", "flags": None},
        {"ifname": "eth0", "flags": 7},
        {"ifname": "eth0", "linkinfo": []},
        {"ifname": "eth0", "linkinfo": {"info_kind": "vxlan", "info_data": [1]}},
        {"ifname": "eth0", "altnames": [1, "a"]},
        {"ifname": "eth0", "stats64": {"rx": 3}},
    ],
    ids=lambda row: json.dumps(row)[18:],
)
def test_a_value_of_an_unexpected_type_never_ends_the_collection(healthy, row):
    healthy.commands[_collect.ADDRESSES] = json.dumps([row])
    facts = collect(healthy)
    assert set(facts) == SECTIONS
    assert facts["links"].get("eth0", {}) == {} or "links" not in facts["not_observed"]


@pytest.mark.parametrize("command", [_collect.NEIGHBOURS, _collect.FDB, _collect.ROUTES])
@pytest.mark.parametrize("field", ["state", "flags", "dst", "lladdr", "mac", "gateway", "dev"])
@pytest.mark.parametrize("value", [None, 7, {}, [{}]], ids=repr)
def test_an_odd_row_of_a_table_never_ends_the_collection(healthy, command, field, value):
    rows = json.loads(healthy.commands[command])
    healthy.commands[command] = json.dumps([dict(row, **{field: value}) for row in rows])
    assert set(collect(healthy)) == SECTIONS


@pytest.mark.parametrize(
    "path",
    [
        "/proc/self/net/dev",
        "/proc/self/net/if_inet6",
        "/proc/uptime",
        "/etc/machine-id",
        "/proc/sys/net/ipv4/ip_forward",
        "/proc/sys/kernel/hostname",
    ],
)
@pytest.mark.parametrize("answer", [None, "", "nonsense"])
def test_a_file_that_is_absent_or_odd_never_ends_the_collection(healthy, unseen, path, answer):
    healthy.files[path] = answer
    assert set(collect(healthy)) == SECTIONS
    healthy.files[path] = unseen("Permission denied")
    assert set(collect(healthy)) == SECTIONS


def test_a_kernel_without_ipv6_is_not_asked_for_it_and_has_none(healthy, unseen):
    healthy.files["/proc/self/net/if_inet6"] = None
    for command in (_collect.ROUTES_6, _collect.RULES_6):
        healthy.commands[command] = unseen("Address family not supported by protocol")
    facts = collect(healthy)
    assert facts["not_observed"] == {}
    assert [command for command in healthy.ran if "-6" in command] == []
    assert {row["family"] for row in facts["rules"].values()} == {"inet"}


def test_every_setting_unread_is_said_once(healthy, unseen):
    healthy.read = lambda path: None if path.startswith("/proc/self") else _raise(unseen("saved"))
    assert collect(healthy)["not_observed"] == {
        "cni/calico": "saved",
        "cni/net_conf": "/var/lib/rancher/k3s/agent/etc/flannel/net-conf.json: saved",
        "cni/subnet_env": "saved",
        "cni_config/10-flannel.conflist": "saved",
        "host/boot_id": "saved",
        "host/hostname": "saved",
        "host/kernel": "saved",
        "host/machine_id": "saved",
        "links/*/sysctls": "saved",
        "sysctls": "saved",
    }


def _raise(error):
    raise error


# ---- links that come and go while they are read ----------------------------------------


def moving(healthy, proc_dev, seen):
    """Let ``/proc/net/dev`` name one more link, or not: *seen* has a name a reading."""
    still = ["lo", "eth0", "flannel.1", "cni0", "veth4edb239d", "vethc8c01974", "veth604d94b4"]
    names = iter(seen)
    healthy.files["/proc/self/net/dev"] = lambda: proc_dev([*still, next(names)])
    return healthy


@pytest.mark.parametrize(
    ("seen", "passes"),
    [
        (["lo", "lo"], 1),
        (["vethdead", "lo", "lo", "lo"], 2),
        (["lo", "vethnew", "lo", "lo"], 2),
        (["a", "b", "c", "d", "lo", "lo"], 3),
    ],
)
def test_links_that_come_and_go_are_read_again(healthy, proc_dev, seen, passes):
    facts = collect(moving(healthy, proc_dev, seen))
    assert facts["consistent"] is True
    assert healthy.ran.count(_collect.ADDRESSES) == passes
    assert "inconsistent" not in facts["provenance"]


def test_links_that_never_rest_mark_the_snapshot(healthy, proc_dev):
    facts = collect(moving(healthy, proc_dev, "abcdef"))
    assert facts["consistent"] is False
    assert facts["provenance"]["inconsistent"] == "came or went in each of 3 passes: e, f"
    assert healthy.ran.count(_collect.ADDRESSES) == 3


def test_a_listing_short_of_a_link_is_not_taken_for_whole(healthy):
    rows = json.loads(healthy.commands[_collect.ADDRESSES])
    healthy.commands[_collect.ADDRESSES] = json.dumps(rows[:-1])
    assert collect(healthy)["consistent"] is False


def test_without_the_second_witness_nothing_is_inconsistent(healthy, unseen):
    healthy.files["/proc/self/net/dev"] = unseen("it was not saved")
    assert collect(healthy)["consistent"] is True


def test_names_are_compared_as_the_kernel_writes_them(healthy, proc_dev):
    names = ["a-b", "a_b", "a.b", "a@b", "v\\xffz", "fifteen-bytes15", "eth0.100"]
    healthy.commands[_collect.ADDRESSES] = json.dumps([{"ifname": name} for name in names])
    healthy.files["/proc/self/net/dev"] = proc_dev(names)
    facts = collect(healthy)
    assert (facts["consistent"], sorted(facts["links"])) == (True, sorted(names))
