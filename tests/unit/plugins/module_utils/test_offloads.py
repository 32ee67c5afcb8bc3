# Copyright (c) 2026 The snapdiff developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.clusternet.snapdiff.plugins.module_utils._offloads import (
    MOST,
    collect_offloads,
    command,
)

LINKS = {
    "lo": {},
    "eth0": {},
    "eth1": {},
    "flannel.1": {"kind": "vxlan", "lower": "eth0"},
    "cni0": {"kind": "bridge"},
}
DEFAULT = {"main default dev eth0": {"dst": "default", "dev": "eth0", "table": "main"}}


def collect(node, links=None, routes=None):
    """Return the offloads of each link that has some, and what was not observed."""
    rows = {name: dict(row) for name, row in (links or LINKS).items()}
    not_observed = {}
    collect_offloads(node, rows, DEFAULT if routes is None else routes, not_observed)
    return {name: row["offloads"] for name, row in rows.items() if "offloads" in row}, not_observed


def test_overlay_and_underlay_tell_the_features_that_matter(healthy):
    assert collect(healthy) == (
        {
            "flannel.1": {
                "rx-checksumming": True,
                "tx-checksum-ip-generic": True,
                "tx-checksum-ipv4": False,
                "tx-checksum-ipv6": False,
                "tx-udp_tnl-segmentation": False,
                "tx-udp_tnl-csum-segmentation": False,
                "tcp-segmentation-offload": True,
                "generic-segmentation-offload": True,
                "generic-receive-offload": True,
                "large-receive-offload": False,
            },
            "eth0": {
                "rx-checksumming": True,
                "tx-checksum-ip-generic": True,
                "tx-checksum-ipv4": False,
                "tx-checksum-ipv6": False,
                "tx-udp_tnl-segmentation": True,
                "tx-udp_tnl-csum-segmentation": True,
                "tcp-segmentation-offload": True,
                "generic-segmentation-offload": True,
                "generic-receive-offload": False,
                "large-receive-offload": False,
            },
        },
        {},
    )


def test_pods_bridges_and_links_that_carry_nothing_are_not_asked(healthy):
    collect(healthy)
    assert healthy.ran == [command("flannel.1"), command("eth0")]


def test_an_underlay_is_told_by_the_default_route_where_no_overlay_names_it(healthy):
    links = {"eth0": {}, "eth1": {}, "flannel-wg": {"kind": "wireguard"}}
    healthy.commands[command("flannel-wg")] = healthy.commands[command("flannel.1")]
    assert set(collect(healthy, links)[0]) == {"flannel-wg", "eth0"}


def test_a_node_without_ethtool_says_so_once(healthy, unseen):
    for link in ("flannel.1", "eth0"):
        healthy.commands[command(link)] = unseen("ethtool is not installed")
    assert collect(healthy) == ({}, {"links/*/offloads": "ethtool is not installed"})


def test_a_link_that_went_is_not_observed_alone(healthy, unseen):
    healthy.commands[command("flannel.1")] = unseen("netlink error: No such device")
    found, not_observed = collect(healthy)
    assert list(found) == ["eth0"]
    assert not_observed == {"links/flannel.1/offloads": "netlink error: No such device"}


@pytest.mark.parametrize(
    "printed", ["", "Features for eth0:\n", "tx-checksum-ip-generic: perhaps\n", "on\n"]
)
def test_a_text_without_a_feature_is_not_observed(healthy, printed):
    healthy.commands[command("eth0")] = printed
    assert collect(healthy)[1] == {"links/eth0/offloads": "ethtool -k printed no feature"}


@pytest.mark.parametrize("word", ["off", "off [fixed]", "off [requested on]"])
def test_off_is_off_whatever_the_reason(healthy, word):
    healthy.commands[command("eth0")] = f"Features for eth0:\n\ttx-checksum-ipv4: {word}\n"
    assert collect(healthy)[0]["eth0"] == {"tx-checksum-ipv4": False}


def test_the_number_of_commands_is_bounded(healthy):
    links = {f"vxlan{number}": {"kind": "vxlan"} for number in range(MOST + 2)}
    not_observed = collect(healthy, links, {})[1]
    assert len(healthy.ran) == MOST
    assert not_observed["links/vxlan7/offloads"] == (
        "the node has more than 6 overlays and underlays"
    )
