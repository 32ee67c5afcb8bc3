# Copyright (c) 2026 The snapdiff developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.clusternet.snapdiff.plugins.module_utils._wireguard import (
    MOST,
    collect_wireguard,
    command,
)

LINK = "flannel-wg"
NODE2, NODE3, LOST = (
    "7I7R2AYgCc7VgYE+l6ZdrWTvk3knp4+xCwHMPJsFr20=",
    "+AvINY/0s4LXOJ5rwAzbTLiUr4geh+vxIOU/UD9XVCY=",
    "B3OebqUMELHlPEe9ryiL+mJ+1XoHyqD7n09aaW3bxTk=",
)


def collect(node, *names):
    """Return what each link has, the timers, and what was not observed."""
    links = {name: {"kind": "wireguard"} for name in names or (LINK,)}
    timers, not_observed = {}, {}
    collect_wireguard(node, links, timers, not_observed)
    return {name: row.get("wireguard") for name, row in links.items()}, timers, not_observed


def test_a_link_tells_its_key_its_port_and_its_peers(tunnel):
    assert collect(tunnel) == (
        {
            LINK: {
                "public_key": "A7x/cI9MGUab1VC+iBMktLTsv8gCAJTIzkmviKmuTAU=",
                "listen_port": 51820,
                "peers": {
                    "10.244.2.0": {
                        "public_key": NODE2,
                        "endpoint": "192.0.2.2:51820",
                        "allowed_ips": ["10.244.2.0/24"],
                        "keepalive": 25,
                    },
                    "10.244.3.0": {
                        "public_key": NODE3,
                        "endpoint": "[2001:db8::3]:51821",
                        "allowed_ips": ["10.244.3.0/24", "fd00:10:244:3::/64"],
                    },
                    LOST: {"public_key": LOST, "endpoint": "192.0.2.4:51820"},
                },
            }
        },
        {},
        {},
    )


def test_no_command_that_prints_a_secret_is_run(tunnel):
    collect(tunnel)
    assert {what for _wg, _show, _link, what in tunnel.ran} == {
        "public-key",
        "listen-port",
        "fwmark",
        "endpoints",
        "allowed-ips",
        "persistent-keepalive",
        "latest-handshakes",
    }


def test_the_last_handshakes_are_apart_for_they_move(tunnel):
    tunnel.commands[command(LINK, "latest-handshakes")] = f"{NODE2}\t1795300000\n{NODE3}\t0\n"
    assert collect(tunnel)[1] == {LINK: {"latest_handshakes": {NODE2: 1795300000}}}


@pytest.mark.parametrize(
    ("what", "printed", "member", "value"),
    [
        ("fwmark", "0xca6c\n", "fwmark", "0xca6c"),
        ("public-key", "(none)\n", "public_key", None),
        ("endpoints", "", "peers", {}),
    ],
    ids=["a-mark", "no-key-yet", "no-peers"],
)
def test_what_else_a_link_may_tell(tunnel, what, printed, member, value):
    tunnel.commands[command(LINK, what)] = printed
    assert collect(tunnel)[0][LINK].get(member) == value


def test_a_key_with_a_slash_makes_no_place_of_two_names(tunnel):
    key = "+AvINY/0s4LXOJ5rwAzbTLiUr4geh+vxIOU/UD9XVCY="
    tunnel.commands[command(LINK, "allowed-ips")] = f"{key}\t(none)\n"
    assert "+AvINY_0s4LXOJ5rwAzbTLiUr4geh+vxIOU_UD9XVCY=" in collect(tunnel)[0][LINK]["peers"]


def test_a_peer_that_went_while_we_read_is_left_out(tunnel):
    tunnel.commands[command(LINK, "endpoints")] = f"{NODE2}\t192.0.2.2:51820\n"
    assert list(collect(tunnel)[0][LINK]["peers"]) == ["10.244.2.0"]


def test_a_peer_that_was_not_heard_from_has_no_endpoint(tunnel):
    tunnel.commands[command(LINK, "endpoints")] = f"{NODE2}\t(none)\n"
    assert "endpoint" not in collect(tunnel)[0][LINK]["peers"]["10.244.2.0"]


@pytest.mark.parametrize("what", ["public-key", "endpoints", "latest-handshakes"])
def test_without_leave_a_link_is_not_observed(tunnel, unseen, what):
    why = "Unable to access interface: Operation not permitted"
    tunnel.commands[command(LINK, what)] = unseen(why)
    assert collect(tunnel) == ({LINK: None}, {}, {f"links/{LINK}/wireguard": why})


@pytest.mark.parametrize(
    ("what", "printed"),
    [
        ("listen-port", "soon\n"),
        ("endpoints", "a key alone\n"),
        ("allowed-ips", f"{NODE2}\tanywhere\n"),
        ("persistent-keepalive", f"{NODE2}\toften\n"),
    ],
    ids=["port", "endpoints", "networks", "keepalive"],
)
def test_what_nobody_can_read_is_not_observed(tunnel, what, printed):
    tunnel.commands[command(LINK, what)] = printed
    found, _timers, not_observed = collect(tunnel)
    assert found == {LINK: None}
    assert what in not_observed[f"links/{LINK}/wireguard"]


def test_other_links_are_not_asked(tunnel):
    links = {"eth0": {}, "flannel.1": {"kind": "vxlan"}, "wg0": {"kind": "tun"}}
    collect_wireguard(tunnel, links, {}, {})
    assert tunnel.ran == []


def test_the_number_of_commands_is_bounded(tunnel):
    names = [f"wg{number}" for number in range(MOST + 2)]
    found, _timers, not_observed = collect(tunnel, *names)
    assert len({link for _wg, _show, link, _what in tunnel.ran}) == MOST
    assert found == dict.fromkeys(names)
    assert not_observed["links/wg5/wireguard"] == "the node has more than 4 wireguard links"
