# Copyright (c) 2026 The snapdiff developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json

import pytest

from ansible_collections.clusternet.snapdiff.plugins.module_utils._routes import (
    parse_fdb,
    parse_neighbours,
    parse_routes,
    parse_rules,
)
from ansible_collections.clusternet.snapdiff.plugins.module_utils._source import NotObservedError

BOTH = pytest.mark.parametrize(
    "parse",
    [
        lambda text: parse_routes(text, ""),
        lambda text: parse_routes("", text),
        lambda text: parse_rules(text, ""),
        parse_neighbours,
        parse_fdb,
    ],
    ids=["routes", "routes-6", "rules", "neighbours", "fdb"],
)


def text(*rows):
    return json.dumps(rows)


def route(**fields):
    row = {"type": "unicast", "dst": "10.244.2.0/24", "dev": "eth0", "table": "main", "flags": []}
    return {**row, **fields}


@BOTH
@pytest.mark.parametrize("printed", ["", " \n", "[]", "[{}]", "[{},{}]"])
def test_no_row_is_an_empty_table(parse, printed):
    assert parse(printed) in ({}, ({}, {}))


@BOTH
@pytest.mark.parametrize("printed", ["{}", "[", "[1]", "null", "x", '[{"dst":"10.', "[" * 100000])
def test_what_is_no_list_of_rows_is_not_observed(parse, printed):
    with pytest.raises(NotObservedError, match="printed"):
        parse(printed)


@pytest.mark.parametrize(
    ("fields", "key"),
    [
        ({}, "main 10.244.2.0/24 dev eth0"),
        ({"dst": "default", "gateway": "192.0.2.1"}, "main default dev eth0"),
        ({"table": "local", "type": "local"}, "local local 10.244.2.0/24 dev eth0"),
        ({"type": "blackhole", "dev": "", "metric": 5}, "main blackhole 10.244.2.0/24 metric 5"),
        ({"tos": "0x10", "metric": 100}, "main 10.244.2.0/24 dev eth0 tos 0x10 metric 100"),
        ({"table": "100"}, "100 10.244.2.0/24 dev eth0"),
    ],
)
def test_a_route_is_called_by_what_the_kernel_tells_it_apart_by(fields, key):
    assert list(parse_routes(text(route(**fields)), "")[0]) == [key]


def test_another_gateway_is_another_value_under_the_same_key():
    first, second = (
        parse_routes(text(route(gateway=gateway)), "")[0] for gateway in ("192.0.2.1", "192.0.2.2")
    )
    assert list(first) == list(second)
    assert first != second


def test_two_gateways_to_one_place_are_two_routes():
    rows = [route(gateway="192.0.2.1"), route(gateway="192.0.2.2"), route(gateway="192.0.2.2")]
    assert sorted(parse_routes(text(*rows), "")[0]) == [
        "main 10.244.2.0/24 dev eth0 via 192.0.2.1",
        "main 10.244.2.0/24 dev eth0 via 192.0.2.2",
        "main 10.244.2.0/24 dev eth0 via 192.0.2.2 #2",
    ]


def test_the_order_of_the_rows_does_not_matter():
    rows = [route(gateway=f"192.0.2.{one}") for one in range(1, 6)] + [route(metric=7)]
    assert parse_routes(text(*rows), "") == parse_routes(text(*reversed(rows)), "")


def test_a_default_route_says_of_which_family_it_is():
    default = {"dst": "default", "dev": "eth0", "table": "main"}
    routes = parse_routes(text(default), text(dict(default, metric=1024)))[0]
    assert {key: (row["family"], row["dst"]) for key, row in routes.items()} == {
        "main default dev eth0": ("inet", "default"),
        "main ::/0 dev eth0 metric 1024": ("inet6", "::/0"),
    }


def test_an_ipv6_route_that_both_listings_have_is_one_route(healthy):
    both = healthy.commands[("ip", "-4", "-json", "-details", "route", "show", "table", "all")]
    six = healthy.commands[("ip", "-6", "-json", "-details", "route", "show", "table", "all")]
    routes = parse_routes(both, six)[0]
    families = [row["family"] for row in routes.values()]
    assert (families.count("inet"), families.count("inet6")) == (13, len(json.loads(six)))


def test_what_runs_out_of_a_route_is_kept_apart():
    routes, moving = parse_routes("", text(route(dst="2001:db8::/64", expires=1799, pref="medium")))
    key = "main 2001:db8::/64 dev eth0"
    assert "expires" not in routes[key]
    assert moving == {key: {"expires": 1799}}


def test_every_route_of_a_node_with_every_kind_is_kept(kinds):
    given = json.loads(kinds["ip-j-d-route"])
    routes = parse_routes(kinds["ip-j-d-route"], "")[0]
    assert sorted((row["dst"], str(row.get("dev")), row["table"]) for row in given) == sorted(
        (row["dst"], str(row.get("dev")), row["table"]) for row in routes.values()
    )


def test_a_rule_is_called_by_its_priority_and_source(kinds):
    rules = parse_rules(kinds["ip-j-rule"], '[{"priority":0,"src":"all","table":"local"}]')
    assert sorted(rules) == [
        "inet 0 from all",
        "inet 1000 from all",
        "inet 32766 from all",
        "inet 32767 from all",
        "inet 999 from 10.244.0.0/16",
        "inet6 0 from all",
    ]
    assert rules["inet 1000 from all"] == {
        "family": "inet",
        "l3mdev": True,  # a flag, printed as null
        "priority": 1000,
        "src": "all",
    }


def test_two_rules_of_one_priority_are_both_kept():
    rows = [{"priority": 5, "src": "all", "table": name} for name in ("b", "a")]
    assert [row["table"] for row in parse_rules(text(*rows), "").values()] == ["a", "b"]
    assert parse_rules(text(*rows), "") == parse_rules(text(*reversed(rows)), "")


@pytest.mark.parametrize(
    ("state", "lasting"),
    [(["PERMANENT"], True), (["REACHABLE"], False), (["NOARP"], False), ([], False)],
)
def test_only_a_permanent_neighbour_is_configuration(state, lasting):
    row = {"dst": "10.244.2.0", "dev": "flannel.1", "lladdr": "0a:00:00:00:00:02", "state": state}
    key = "flannel.1 10.244.2.0"
    assert parse_neighbours(text(row)) == (({key: row}, {}) if lasting else ({}, {key: row}))


def test_the_marks_of_a_neighbour_are_kept():
    row = {"dst": "10.0.0.1", "dev": "eth0", "state": ["PERMANENT"], "extern_learn": None}
    found = parse_neighbours(text(row, dict(row, dst="10.0.0.2", router=None)))[0]
    assert found["eth0 10.0.0.1"]["extern_learn"] is True
    assert found["eth0 10.0.0.2"]["router"] is True


def fdb(**fields):
    row = {"mac": "0a:00:00:00:00:02", "ifname": "flannel.1", "dst": "192.0.2.2", "flags": ["self"]}
    return {**row, "state": "permanent", **fields}


def test_a_forwarding_entry_with_a_destination_is_kept_and_the_kernels_own_are_not(healthy):
    printed = healthy.commands[("bridge", "-json", "fdb", "show")]
    lasting, learned = parse_fdb(printed)
    assert sorted(lasting) == [
        "flannel.1 6a:af:48:f5:21:83 10.77.0.3",
        "flannel.1 fe:09:e6:68:a0:11 10.77.0.2",
    ]
    assert learned == {}
    assert len(json.loads(printed)) > 10


def test_a_learned_entry_is_kept_apart():
    row = fdb(state="")
    assert parse_fdb(text(row))[0] == {}
    assert list(parse_fdb(text(row))[1]) == ["flannel.1 0a:00:00:00:00:02 192.0.2.2"]


def test_two_destinations_of_one_mac_are_two_entries():
    rows = [fdb(), fdb(dst="192.0.2.3"), fdb(port=4789)]
    assert list(parse_fdb(text(*rows))[0]) == [
        "flannel.1 0a:00:00:00:00:02 192.0.2.2",
        "flannel.1 0a:00:00:00:00:02 192.0.2.3",
        "flannel.1 0a:00:00:00:00:02 192.0.2.2 #2",
    ]
