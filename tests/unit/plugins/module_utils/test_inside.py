# Copyright (c) 2026 The snapdiff developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json

import pytest

from ansible_collections.clusternet.snapdiff.plugins.module_utils._inside import (
    ENOUGH,
    NAMES,
    collect_inside,
)

POD = {"kind": "veth", "peer_ifindex": 2}
SHOW = ("ip", "-netns", "pod1", "-json", "link", "show")
INSIDE = {"link": "eth0", "mtu": 1360, "carrier": True}


def collect(node, ticks=0.0, **links):
    """Return what each link has inside, and what was not observed."""
    clock = iter(float(number) * ticks for number in range(100))
    not_observed = {}
    rows = {name: dict(row) for name, row in links.items()}
    collect_inside(node, rows, not_observed, lambda: next(clock))
    return {name: row.get("inside") for name, row in rows.items()}, not_observed


def pods(*numbers):
    return {f"veth{number}": dict(POD, peer_netnsid=number) for number in numbers}


def test_a_pod_port_tells_the_mtu_at_its_other_end(healthy):
    assert collect(healthy, **pods(1, 2)) == ({"veth1": INSIDE, "veth2": INSIDE}, {})


def test_only_a_pod_port_has_an_inside(healthy):
    links = {
        "eth0": dict(POD, peer_netnsid=1),
        "veth8": {"kind": "veth", "peer": "veth9"},
        "veth9": {"kind": "bridge", "peer_netnsid": 1},
    }
    assert collect(healthy, **links) == ({"eth0": None, "veth8": None, "veth9": None}, {})
    assert healthy.ran == []


@pytest.mark.parametrize(
    ("printed", "inside"),
    [
        ({"flags": ["UP"]}, {"link": "eth0", "mtu": 1360, "carrier": False}),
        ({"flags": []}, {"link": "eth0", "mtu": 1360}),
        ({"flags": ["UP", "LOWER_UP"], "mtu": 1450}, dict(INSIDE, mtu=1450)),
    ],
    ids=json.dumps,
)
def test_the_inside_is_what_the_pods_link_shows(healthy, printed, inside):
    other = {"ifindex": 1, "ifname": "lo", "mtu": 65536}
    row = {"ifindex": 2, "ifname": "eth0", "mtu": 1360, **printed}
    healthy.commands[SHOW] = json.dumps([other, row])
    assert collect(healthy, **pods(1)) == ({"veth1": inside}, {})


@pytest.mark.parametrize(
    ("command", "answer", "reason"),
    [
        (NAMES, "[]", "the pod's namespace has no name under /run/netns"),
        (NAMES, "", "the pod's namespace has no name under /run/netns"),
        (NAMES, '[{"nsid":1}]', "the pod's namespace has no name under /run/netns"),
        (SHOW, "[]", "the pod's namespace has no link of that number"),
        (SHOW, '[{"ifindex":3}]', "the pod's namespace has no link of that number"),
    ],
)
def test_a_pod_that_was_not_found_is_not_observed(healthy, command, answer, reason):
    healthy.commands[command] = answer
    assert collect(healthy, **pods(1)) == ({"veth1": None}, {"links/*/inside": reason})


@pytest.mark.parametrize("command", [NAMES, SHOW])
def test_a_command_that_gives_no_answer_is_said_once_where_it_holds_of_all(
    healthy, unseen, command
):
    healthy.commands[command] = unseen("Operation not permitted")
    assert collect(healthy, **pods(1))[1] == {"links/*/inside": "Operation not permitted"}
    healthy.commands[command] = "{"
    assert "printed" in collect(healthy, **pods(1))[1]["links/*/inside"]


def test_one_pod_that_is_not_read_takes_no_other_with_it(healthy, unseen):
    healthy.commands[SHOW] = unseen("Operation not permitted")
    assert collect(healthy, **pods(1, 2)) == (
        {"veth1": None, "veth2": INSIDE},
        {"links/veth1/inside": "Operation not permitted"},
    )


def test_the_pods_of_a_node_do_not_take_all_of_its_time(healthy):
    found, not_observed = collect(healthy, ticks=ENOUGH, **pods(1, 2, 3))
    assert found == {"veth1": INSIDE, "veth2": None, "veth3": None}
    assert set(not_observed) == {"links/veth2/inside", "links/veth3/inside"}
    assert set(not_observed.values()) == {"the pods took more than 2 s"}
