# Copyright (c) 2026 The snapdiff developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json

import pytest

from ansible_collections.clusternet.snapdiff.plugins.module_utils._links import parse_links
from ansible_collections.clusternet.snapdiff.plugins.module_utils._source import NotObservedError

EMPTY = {"links": {}, "counters": {}, "timers": {}, "lifetimes": {}}
# name: kind, member that holds its details, one of these with its value
KINDS = {
    "lo": (None, None, None, None),
    "dummy0": ("dummy", None, None, None),
    "tunl0": ("ipip", "tunnel", "proto", "any"),
    "gre0": ("gre", "tunnel", "pmtudisc", False),
    "gretap0": ("gretap", "tunnel", "remote", "any"),
    "erspan0": ("erspan", "tunnel", "erspan_ver", 1),
    "ip6tnl0": ("ip6tnl", "tunnel", "proto", "ip6ip6"),
    "sit0": ("sit", "tunnel", "prefixlen", 16),
    "bond0": ("bond", "bond", "mode", "balance-rr"),
    "ifb0": ("ifb", None, None, None),
    "ip6gre0": ("ip6gre", "tunnel", "local", "any"),
    "uplink0": ("veth", None, None, None),
    "kube-ipvs0": ("dummy", None, None, None),
    "flannel-wg": ("wireguard", None, None, None),
    "flannel.ipip": ("ipip", "tunnel", "local", "192.0.2.11"),
    "cilium_geneve": ("geneve", "geneve", "external", True),
    "cilium_vxlan": ("vxlan", "vxlan", "external", True),
    "flannel.1": ("vxlan", "vxlan", "id", 1),
    "flannel-v6.1": ("vxlan", "vxlan", "local6", "2001:db8::11"),
    "vxlan.calico": ("vxlan", "vxlan", "id", 4096),
    "eth0.100": ("vlan", "vlan", "id", 100),
    "macvlan0": ("macvlan", "detail", "mode", "bridge"),
    "ipvlan0": ("ipvlan", "detail", "mode", "l3"),
    "tun-0123456789a": ("ipip", "tunnel", "remote", "192.0.2.98"),
    "ip6tnl1": ("ip6tnl", "tunnel", "encap_limit", 4),
    "vrf-blue": ("vrf", "detail", "table", 10),
    "flannel0": ("tun", "tun", "type", "tun"),
    "cni0": ("bridge", "bridge", "priority", 32768),
    "veth0a1b2c3d": ("veth", "bridge_port", "hairpin", True),
}
MEMBERS = {"vxlan", "geneve", "bridge", "vlan", "bond", "tun", "tunnel", "detail", "bridge_port"}


def one(**fields):
    """Return what ``ip`` prints of one link."""
    return json.dumps([{"ifname": "eth0", "mtu": 1450, "flags": ["UP"], "addr_info": [], **fields}])


@pytest.mark.parametrize("name", KINDS)
def test_the_details_of_a_kind_are_in_its_member_and_no_other(kinds, name):
    kind, member, key, value = KINDS[name]
    link = parse_links(kinds["ip-j-d-s-addr"])["links"][name]
    assert link.get("kind") == kind
    assert MEMBERS & set(link) == ({member} if member else set())
    assert not member or link[member][key] == value


def test_no_link_of_the_listing_is_lost(kinds):
    given = json.loads(kinds["ip-j-d-s-addr"])
    found = parse_links(kinds["ip-j-d-s-addr"])
    assert list(found["links"]) == [row["ifname"] for row in given]
    assert {name: len(link["addresses"]) for name, link in found["links"].items()} == {
        row["ifname"]: len(row["addr_info"]) for row in given
    }


def test_a_link_says_what_it_sits_on_and_what_is_at_its_other_end(kinds):
    links = parse_links(kinds["ip-j-d-s-addr"])["links"]
    assert {name: link["lower"] for name, link in links.items() if "lower" in link} == {
        "eth0.100": "eth0",
        "flannel-v6.1": "eth0",
        "flannel.1": "eth0",
        "ipvlan0": "uplink0",
        "macvlan0": "eth0",
        "vxlan.calico": "eth0",
    }
    assert {name: link["peer"] for name, link in links.items() if "peer" in link} == {
        "eth0": "uplink0",
        "eth0p": "veth0a1b2c3d",
        "uplink0": "eth0",
        "veth0a1b2c3d": "eth0p",
    }


def test_the_peer_of_a_pod_is_told_by_its_index_and_namespace(healthy):
    text = healthy.commands[("ip", "-json", "-details", "-statistics", "address", "show")]
    link = parse_links(text)["links"]["veth4edb239d"]
    assert {key: link[key] for key in link if key.startswith("peer")} == {
        "peer_ifindex": 2,
        "peer_netnsid": 1,
    }


def test_what_counts_down_or_up_by_itself_is_no_part_of_a_link(kinds):
    found = parse_links(kinds["ip-j-d-s-addr"])
    assert found["timers"] == {
        "cni0": {
            "hello_timer": 0.0,
            "tcn_timer": 0.0,
            "topology_change_timer": 0.0,
            "gc_timer": 296.08,
        },
        "veth0a1b2c3d": {
            "hold_timer": 0.0,
            "message_age_timer": 0.0,
            "forward_delay_timer": 11.52,
        },
    }
    assert "_timer" not in json.dumps(found["links"])
    assert "rx_bytes" in found["counters"]["eth0"]
    assert "bytes" not in json.dumps(found["links"])


def test_an_alias_and_another_name_are_kept_as_they_are(kinds):
    eth0 = parse_links(kinds["ip-j-d-s-addr"])["links"]["eth0"]
    assert (eth0["alias"], eth0["altnames"]) == ('uplink to rack "7" <b>', ["enp0s1"])


@pytest.mark.parametrize("text", ["", "\n", "[]", "[{}]", "[{},{}]"])
def test_no_row_is_no_link(text):
    assert parse_links(text) == EMPTY


def test_an_empty_object_between_rows_is_no_row(kinds):
    rows = json.loads(kinds["ip-j-d-s-addr"])
    text = json.dumps([{}, *rows[:2], {}, *rows[2:]])
    assert parse_links(text) == parse_links(kinds["ip-j-d-s-addr"])


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "not json",
        "{}",
        "null",
        "1",
        '"links"',
        "[1]",
        "[[]]",
        "[null]",
        '[{"mtu":1}]',
        '[{"ifname":null}]',
        '[{"ifname":7}]',
        "[" * 100000,
        '[{"ifname":"a"',
    ],
    ids=lambda text: text[:12],
)
def test_what_is_no_list_of_links_is_not_observed(text):
    with pytest.raises(NotObservedError, match="ip address show printed"):
        parse_links(text)


def test_a_listing_that_was_cut_off_is_never_taken_for_the_whole(kinds):
    text = kinds["ip-j-d-s-addr"].rstrip()
    taken = []
    for end in range(1, len(text), 7):
        try:
            taken.append((end, parse_links(text[:end])))
        except NotObservedError:
            continue
    assert taken == []


def test_fields_that_are_missing_are_absent_and_numbers_stay_what_they_are():
    assert parse_links('[{"ifname":"eth0"}]')["links"] == {"eth0": {"flags": [], "addresses": {}}}
    assert parse_links(one(mtu="1450"))["links"]["eth0"]["mtu"] == "1450"


def test_what_we_do_not_know_is_left_out():
    link = parse_links(one(inet6_addr_gen_mode="eui64", new_thing={"a": 1}))["links"]["eth0"]
    assert link == {"mtu": 1450, "flags": ["UP"], "carrier": False, "addresses": {}}


@pytest.mark.parametrize(
    ("flags", "carrier"),
    [(["UP", "LOWER_UP"], True), (["NO-CARRIER", "UP"], False), (["BROADCAST"], None)],
)
def test_a_link_that_is_down_does_not_tell_its_carrier(flags, carrier):
    assert parse_links(one(flags=flags))["links"]["eth0"].get("carrier") is carrier


def test_a_mac_is_one_and_a_tunnels_address_is_none():
    assert parse_links(one(address="0a:00:00:00:00:01"))["links"]["eth0"]["mac"]
    for other in ("192.0.2.1", "::", "0.0.0.0", None):
        assert "mac" not in parse_links(one(address=other))["links"]["eth0"]


NAMES = [
    "a-b",
    "a_b",
    "a.b",
    "a@b",
    "a b",
    "fifteen-bytes15",
    "all",
    "default",
    "'",
    '"',
    "\\",
    "%s",
    "{}",
    "é",
    "=1+1",
    "#",
    "null",
    "1450",
]


def test_no_two_names_of_links_become_one():
    text = json.dumps([{"ifname": name} for name in NAMES])
    assert list(parse_links(text)["links"]) == NAMES


@pytest.mark.parametrize(
    ("printed", "name"),
    [
        ('"v\\xffz"', "v\\xffz"),  # a byte that is no UTF-8, as a source writes it
        ('"it\\\'s"', "it's"),  # as iproute2 before 6.2 writes an apostrophe
        ('"a\x01b"', "a\x01b"),
        ('"a\\\\xff"', "a\\xff"),
        ('"\\"\\\\\\xfe"', '"\\\\xfe'),
        ('"\\u00e9"', "é"),
    ],
)
def test_a_name_is_read_as_iproute2_prints_it(printed, name):
    text = '[{"ifname":"lo"},{"ifname":' + printed + ',"mtu":1450}]'
    assert list(parse_links(text)["links"]) == ["lo", name]
    link = parse_links('[{"ifname":"lo","ifalias":' + printed + "}]")["links"]["lo"]
    assert link["alias"] == name


def address(**fields):
    row = {"family": "inet", "local": "10.244.1.1", "prefixlen": 24, "scope": "global", **fields}
    found = parse_links(one(addr_info=[row]))
    return found["links"]["eth0"]["addresses"], found["lifetimes"]


def test_each_address_of_a_link_has_a_row():
    rows = [
        {"family": "inet", "local": "10.244.1.1", "prefixlen": 24, "scope": "global"},
        {"family": "inet", "local": "10.244.200.1", "prefixlen": 24, "scope": "global"},
        {},
        {"family": "inet6", "local": "fe80::1", "prefixlen": 64, "scope": "link"},
    ]
    assert parse_links(one(addr_info=rows))["links"]["eth0"]["addresses"] == {
        "10.244.1.1/24": {"family": "inet", "scope": "global"},
        "10.244.200.1/24": {"family": "inet", "scope": "global"},
        "fe80::1/64": {"family": "inet6", "scope": "link"},
    }


@pytest.mark.parametrize(
    ("fields", "key", "facts"),
    [
        ({}, "10.244.1.1/24", {}),
        ({"label": "eth0", "metric": 0}, "10.244.1.1/24", {"label": "eth0", "metric": 0}),
        (
            {"address": "10.9.9.9", "prefixlen": 32},
            "10.244.1.1 peer 10.9.9.9/32",
            {"peer": "10.9.9.9"},
        ),
        ({"dadfailed": True, "secondary": True}, "10.244.1.1/24", {"dadfailed": True}),
        ({"stable-privacy": True}, "10.244.1.1/24", {"stable_privacy": True}),
        ({"deprecated": False}, "10.244.1.1/24", {}),
    ],
)
def test_an_address_is_kept_under_its_prefix(fields, key, facts):
    rows, moving = address(**fields)
    assert (rows, moving) == ({key: {"family": "inet", "scope": "global", **facts}}, {})


@pytest.mark.parametrize(
    ("fields", "moving"),
    [
        ({"valid_life_time": 4294967295, "preferred_life_time": 4294967295}, {}),
        (
            {"valid_life_time": 3600, "preferred_life_time": 0},
            {"eth0 10.244.1.1/24": {"valid": 3600, "preferred": 0}},
        ),
        ({"tentative": True}, {"eth0 10.244.1.1/24": {"tentative": True}}),
    ],
)
def test_a_life_time_that_runs_out_is_kept_apart(fields, moving):
    rows, found = address(**fields)
    assert rows == {"10.244.1.1/24": {"family": "inet", "scope": "global"}}
    assert found == moving
