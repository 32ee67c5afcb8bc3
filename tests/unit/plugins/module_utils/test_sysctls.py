# Copyright (c) 2026 The snapdiff developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.clusternet.snapdiff.plugins.module_utils._sysctls import collect_sysctls

ROOT = "/proc/sys/net"


def collect(node, links=("eth0",)):
    rows = {name: {} for name in links}
    not_observed = {}
    return collect_sysctls(node, rows, not_observed), rows, not_observed


def test_a_setting_that_the_kernel_has_is_a_number_and_another_is_absent(healthy):
    assert collect(healthy) == (
        {
            "net.ipv4.ip_forward": 1,
            "net.ipv4.conf.all.rp_filter": 0,
            "net.ipv6.conf.all.disable_ipv6": 0,
        },
        {"eth0": {"sysctls": {"rp_filter": 2, "accept_ra": 1}}},
        {},
    )


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("x\n", f"{ROOT}/ipv4/ip_forward holds no number"),
        (None, None),
        ("", f"{ROOT}/ipv4/ip_forward holds no number"),
    ],
)
def test_a_setting_of_the_node_that_is_no_number_is_not_observed(healthy, answer, reason):
    healthy.files[f"{ROOT}/ipv4/ip_forward"] = answer
    found, dummy, not_observed = collect(healthy)
    assert "net.ipv4.ip_forward" not in found
    assert not_observed == ({"sysctls/net.ipv4.ip_forward": reason} if reason else {})


@pytest.mark.parametrize(
    ("links", "blind", "not_observed"),
    [
        (("eth0", "cni0"), ("eth0", "cni0"), {"links/*/sysctls/rp_filter": "no"}),
        (("eth0", "cni0"), ("cni0",), {"links/cni0/sysctls/rp_filter": "no"}),
        (("eth0",), ("eth0",), {"links/*/sysctls/rp_filter": "no"}),
    ],
)
def test_what_holds_of_every_link_is_said_once(healthy, unseen, links, blind, not_observed):
    for link in blind:
        healthy.files[f"{ROOT}/ipv4/conf/{link}/rp_filter"] = unseen("no")
    assert collect(healthy, links)[2] == not_observed


@pytest.mark.parametrize("name", ["a.b", "a-b", "a_b", "eth0.100", "{}", "%s", "a@b"])
def test_the_name_of_a_link_is_put_into_the_path_as_it_is(healthy, name):
    healthy.files[f"{ROOT}/ipv4/conf/{name}/forwarding"] = "1\n"
    assert collect(healthy, (name,))[1] == {name: {"sysctls": {"forwarding": 1}}}
