# Copyright (c) 2026 The snapdiff developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import random

import pytest

from ansible_collections.clusternet.snapdiff.plugins.module_utils._peers import fold_peers
from ansible_collections.clusternet.snapdiff.plugins.module_utils._routes import (
    parse_fdb,
    parse_neighbours,
    parse_routes,
)

LINKS = {
    "flannel.1": {"kind": "vxlan", "vxlan": {"id": 1}},
    "flannel.2": {"kind": "vxlan", "vxlan": {"id": 2}},
    "flannel-v6.1": {"kind": "vxlan", "vxlan": {"id": 1}},
    "cilium_vxlan": {"kind": "vxlan", "vxlan": {"external": True}},
    "eth0": {"kind": "veth"},
}
ROW = {
    "dev": "flannel.1",
    "mac": "0a:00:00:00:00:02",
    "subnet": "10.244.2.0/24",
    "underlay": "192.0.2.2",
}


def neighbour(**fields):
    row = {"dst": "10.244.2.0", "dev": "flannel.1", "lladdr": "0a:00:00:00:00:02"}
    return {**row, "state": ["PERMANENT"], **fields}


def route(**fields):
    return {
        "type": "unicast",
        "dst": "10.244.2.0/24",
        "gateway": "10.244.2.0",
        "dev": "flannel.1",
        "table": "main",
        "protocol": "boot",
        "scope": "global",
        "flags": ["onlink"],
        **fields,
    }


def fdb(**fields):
    row = {"mac": "0a:00:00:00:00:02", "ifname": "flannel.1", "dst": "192.0.2.2"}
    return {**row, "flags": ["self"], "state": "permanent", **fields}


def fold(neighbours=(), routes=(), entries=(), six=()):
    """Return the peers, and what is left of routes, neighbours and forwarding entries."""
    tables = (
        parse_routes(json.dumps(routes), json.dumps(six))[0],
        parse_neighbours(json.dumps(neighbours))[0],
        parse_fdb(json.dumps(entries))[0],
    )
    peers = fold_peers(LINKS, *tables)
    return (peers, *(sorted(table) for table in tables))


def test_the_three_entries_of_a_peer_become_one_row():
    assert fold([neighbour()], [route()], [fdb()]) == ({"10.244.2.0": ROW}, [], [], [])


@pytest.mark.parametrize(
    ("given", "member", "missing"),
    [
        (([], [route()], []), {"subnet"}, ["neighbour"]),
        (([neighbour()], [], [fdb()]), {"mac", "underlay"}, ["route"]),
        (([neighbour()], [route()], []), {"mac", "subnet"}, ["fdb"]),
        (([neighbour()], [], []), {"mac"}, ["route", "fdb"]),
    ],
    ids=["neighbour-and-fdb", "route", "fdb", "route-and-fdb"],
)
def test_a_peer_says_which_of_its_entries_is_missing(given, member, missing):
    row = {key: ROW[key] for key in ROW if key == "dev" or key in member}
    assert fold(*given)[0] == {"10.244.2.0": dict(row, missing=missing)}


def test_without_its_neighbour_a_peers_forwarding_entry_stays_a_row():
    found = fold([], [route()], [fdb()])
    assert found[0]["10.244.2.0"]["missing"] == ["neighbour"]
    assert found[3] == ["flannel.1 0a:00:00:00:00:02 192.0.2.2"]


def test_a_stale_forwarding_entry_stays_a_row():
    assert fold(
        [neighbour()], [route()], [fdb(), fdb(mac="0a:00:00:00:00:09", dst="192.0.2.9")]
    ) == (
        {"10.244.2.0": ROW},
        [],
        [],
        ["flannel.1 0a:00:00:00:00:09 192.0.2.9"],
    )


def test_no_table_alone_makes_a_peer_but_a_neighbour_or_a_route():
    assert fold([], [], [fdb()]) == ({}, [], [], ["flannel.1 0a:00:00:00:00:02 192.0.2.2"])


@pytest.mark.parametrize(
    "fields",
    [
        {"metric": 5},
        {"metrics": [{"mtu": 1400}]},
        {"flags": []},
        {"flags": ["onlink", "linkdown"]},
        {"table": "100"},
        {"protocol": "static"},
        {"prefsrc": "10.244.1.1"},
        {"scope": "link"},
        {"something": "new"},
    ],
    ids=str,
)
def test_a_route_unlike_flannels_own_is_told_by_the_peer_and_stays(fields):
    peers, routes, *rest = fold([neighbour()], [route(**fields)], [fdb()])
    assert (peers, len(routes), rest) == ({"10.244.2.0": ROW}, 1, [[], []])


@pytest.mark.parametrize(
    "fields", [{"flags": ["self", "sticky"]}, {"port": 4789}, {"vni": 2}, {"via": "eth0"}], ids=str
)
def test_a_forwarding_entry_unlike_flannels_own_is_told_by_the_peer_and_stays(fields):
    peers, *tables = fold([neighbour()], [route()], [fdb(**fields)])
    assert peers == {"10.244.2.0": ROW}
    assert tables == [[], [], ["flannel.1 0a:00:00:00:00:02 192.0.2.2"]]


def test_a_neighbour_unlike_flannels_own_is_told_by_the_peer_and_stays():
    peers, *tables = fold([neighbour(extern_learn=None)], [route()], [fdb()])
    assert peers == {"10.244.2.0": ROW}
    assert tables == [[], ["flannel.1 10.244.2.0"], []]


def test_a_second_subnet_behind_one_vtep_stays_a_route():
    peers, routes, *dummy = fold([neighbour()], [route(), route(dst="10.244.9.0/26")], [fdb()])
    assert peers == {"10.244.2.0": ROW}
    assert routes == ["main 10.244.9.0/26 dev flannel.1"]


def test_of_two_routes_alike_neither_is_taken_for_the_other():
    both = fold([neighbour()], [route(), route(metric=5)], [fdb()])
    odd = fold([neighbour()], [route(metric=5)], [fdb()])
    assert both[0] == odd[0]
    assert both[1:] != odd[1:]


def test_a_stray_route_behind_a_vtep_is_not_taken_for_the_peers_own():
    stray = route(dst="10.244.1.128/25")
    assert fold([neighbour()], [stray, route()], [fdb()]) == (
        {"10.244.2.0": ROW},
        ["main 10.244.1.128/25 dev flannel.1"],
        [],
        [],
    )
    alone = fold([neighbour()], [stray], [fdb()])
    assert alone[0]["10.244.2.0"]["missing"] == ["route"]
    assert alone[1] == ["main 10.244.1.128/25 dev flannel.1"]


def test_a_vtep_of_another_cni_need_not_be_the_first_address_of_its_subnet():
    links = {"vxlan.calico": {"kind": "vxlan", "vxlan": {"id": 4096}}}
    routes = parse_routes(json.dumps([route(dst="10.244.9.0/26", dev="vxlan.calico")]), "[]")[0]
    assert fold_peers(links, routes, {}, {})["10.244.2.0"]["subnet"] == "10.244.9.0/26"


def test_of_two_links_that_know_a_peer_it_is_the_one_its_route_leads_over():
    peers, routes, neighbours, entries = fold(
        [neighbour(), neighbour(dev="flannel.2")],
        [route(dev="flannel.2")],
        [fdb(), fdb(ifname="flannel.2")],
    )
    assert peers == {"10.244.2.0": {**ROW, "dev": "flannel.2"}}
    assert (routes, neighbours) == ([], ["flannel.1 10.244.2.0"])
    assert entries == ["flannel.1 0a:00:00:00:00:02 192.0.2.2"]


def test_of_two_forwarding_entries_of_one_mac_the_second_stays():
    peers, *dummy, left = fold([neighbour()], [route()], [fdb(), fdb(dst="192.0.2.3")])
    assert peers == {"10.244.2.0": ROW}
    assert left == ["flannel.1 0a:00:00:00:00:02 192.0.2.3"]


def test_two_peers_of_one_mac_share_their_forwarding_entry():
    peers, *tables = fold([neighbour(), neighbour(dst="10.244.3.0")], [], [fdb()])
    assert {peer["underlay"] for peer in peers.values()} == {"192.0.2.2"}
    assert tables == [[], [], []]


def test_ipv6_entries_are_folded_too():
    far = {"dst": "fd00:10:244:2::", "dev": "flannel-v6.1"}
    usual = route(
        dst="fd00:10:244:2::/64", gateway=far["dst"], dev=far["dev"], metric=1024, pref="medium"
    )
    found = fold(
        [neighbour(**far)], six=[usual], entries=[fdb(ifname=far["dev"], dst="2001:db8::2")]
    )
    row = {
        "dev": "flannel-v6.1",
        "mac": "0a:00:00:00:00:02",
        "subnet": "fd00:10:244:2::/64",
        "underlay": "2001:db8::2",
    }
    assert found == ({"fd00:10:244:2::": row}, [], [], [])


@pytest.mark.parametrize("dev", ["eth0", "cilium_vxlan", "gone0"])
def test_only_a_vxlan_that_is_told_its_peers_has_peers(dev):
    given = ([neighbour(dev=dev)], [route(dev=dev)], [fdb(ifname=dev)])
    assert [len(part) for part in fold(*given)] == [0, 1, 1, 1]


def test_one_vtep_address_on_two_overlays_is_one_peer_and_a_row():
    peers, routes, neighbours, dummy = fold(
        [neighbour(), neighbour(dev="flannel-v6.1")], [route(dev="flannel-v6.1")]
    )
    assert peers["10.244.2.0"]["dev"] == "flannel-v6.1"
    assert neighbours == ["flannel.1 10.244.2.0"]
    assert routes == []


# ---- nothing is lost: peers and what is left of the tables tell all that was given ----------


def told_again(peers, routes, neighbours, fdb_rows):
    """Return the three tables that peers and tables together tell, each a sorted list of texts."""
    tables = [list(routes.values()), list(neighbours.values()), list(fdb_rows.values())]
    for address, peer in peers.items():
        implied = (
            {
                **route(dst=peer.get("subnet"), gateway=address, dev=peer["dev"]),
                "family": "inet",
            },
            neighbour(dst=address, dev=peer["dev"], lladdr=peer.get("mac")),
            {
                **fdb(mac=peer.get("mac"), dst=peer.get("underlay")),
                "dev": peer["dev"],
            },
        )
        del implied[2]["ifname"]
        names = (("dst", "gateway", "dev"), ("dst", "dev"), ("mac", "dev", "dst"))
        members = ("subnet", "mac", "underlay")
        for table, row, keys, member in zip(tables, implied, names, members):
            same = [one for one in table if all(one.get(key) == row[key] for key in keys)]
            if member in peer and not same:
                table.append(row)
    return [sorted(json.dumps(row, sort_keys=True) for row in table) for table in tables]


def some(rng, make, **choices):
    """Return rows of a table, each a random choice; no two alike, as in the kernel."""
    rows = {}
    for dummy in range(rng.randrange(7)):
        fields = {name: rng.choice(values) for name, values in choices.items()}
        row = make(**{name: value for name, value in fields.items() if value != "usual"})
        rows[json.dumps(row, sort_keys=True)] = row
    return list(rows.values())


@pytest.mark.parametrize("seed", range(300))
def test_nothing_is_lost_by_folding(seed):
    rng = random.Random(seed)
    devices = ["flannel.1", "flannel.1", "flannel-v6.1", "eth0"]
    addresses = ["10.244.2.0", "10.244.3.0", "10.244.4.0"]
    macs = ["0a:00:00:00:00:02", "0a:00:00:00:00:03"]
    near = {
        (row["dev"], row["dst"]): row
        for row in some(
            rng, neighbour, dst=addresses, dev=devices, lladdr=macs, router=["usual", "usual", None]
        )
    }
    given = (
        some(
            rng,
            route,
            dst=[f"{one}/24" for one in addresses],
            gateway=addresses,
            dev=devices,
            metric=["usual", "usual", 5],
            flags=["usual", "usual", []],
        ),
        list(near.values()),
        some(rng, fdb, mac=macs, ifname=devices, dst=["192.0.2.2", "192.0.2.3"], vni=["usual", 2]),
    )
    before = (
        parse_routes(json.dumps(given[0]), "")[0],
        parse_neighbours(json.dumps(given[1]))[0],
        parse_fdb(json.dumps(given[2]))[0],
    )
    after = [dict(table) for table in before]
    peers = fold_peers(LINKS, *after)
    assert told_again(peers, *after) == told_again({}, *before)


def test_nothing_of_a_recorded_node_is_lost(healthy):
    before = (
        parse_routes(
            healthy.commands[("ip", "-4", "-json", "-details", "route", "show", "table", "all")], ""
        )[0],
        parse_neighbours(healthy.commands[("ip", "-json", "neighbour", "show")])[0],
        parse_fdb(healthy.commands[("bridge", "-json", "fdb", "show")])[0],
    )
    after = [dict(table) for table in before]
    peers = fold_peers(LINKS, *after)
    assert [peer.get("missing") for peer in peers.values()] == [None, None]
    assert told_again(peers, *after) == told_again({}, *before)


def test_a_recorded_dual_stack_node_has_a_peer_of_each_family_and_no_more(dual):
    tables = (
        parse_routes(dual["ip-j-d-route"], dual["ip-6-j-d-route"])[0],
        parse_neighbours(dual["ip-j-neigh"])[0],
        parse_fdb(dual["bridge-j-fdb"])[0],
    )
    found = fold_peers(LINKS, *tables)
    assert found == {
        f"{start}{number}{end}": {
            "dev": dev,
            "mac": f"{mac}:00:00:00:00:0{number}",
            "subnet": f"{start}{number}{end}{size}",
            "underlay": f"{outer}{number}",
        }
        for number in (2, 3)
        for start, end, size, dev, mac, outer in (
            ("10.244.", ".0", "/24", "flannel.1", "2e", "192.0.2."),
            ("fd00:10:244:", "::", "/64", "flannel-v6.1", "6e", "2001:db8::"),
        )
    }
    # What is left of the overlays is the kernel's own: rows of their addresses.
    left = [row for table in tables for row in table.values() if row["dev"].startswith("flannel")]
    assert {row["protocol"] for row in left} == {"kernel"}
    assert {row["dst"] for row in left if not row["dst"].startswith(("fe80:", "ff00:"))} == {
        "10.244.1.0",
        "fd00:10:244:1::",
    }
