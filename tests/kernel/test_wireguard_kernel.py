"""A dual-stack cluster of flannel's wireguard on a kernel's own links: three nodes, real keys."""

from __future__ import annotations

import json

import pytest

from builders import FIXTURES
from spoken import checked, drifted

pytestmark = pytest.mark.kernel

RECORDED = FIXTURES.parent / "unit" / "fixtures" / "wireguard"
OUTER = {"flannel-wg": "192.0.2.{}:51820", "flannel-wg-v6": "[2001:db8::{}]:51821"}
INNER = {"flannel-wg": "10.244.{}.0", "flannel-wg-v6": "fd00:10:244:{}::"}
SIZE = {"flannel-wg": "/24", "flannel-wg-v6": "/64"}
LINK = "links/flannel-wg/wireguard"
THREE = f"{LINK}/peers/10.244.3.0"
THREE_V6 = "links/flannel-wg-v6/wireguard/peers/fd00:10:244:3::"
STALE = "wireguard-peers-stale"

# What check says first, in how many findings, and what diff says first.
INCIDENTS = {
    "new-key": (
        (STALE, f"{THREE_V6}/public_key", ("node3",)),
        2,  # both links have the one key
        ("links/flannel-wg-v6/wireguard/public_key", ("node3",)),
    ),
    "wrong-key-held": (
        (STALE, f"{THREE}/public_key", ("node1",)),
        1,
        (f"{THREE}/public_key", ("node1",)),
    ),
    "allowed-ips-lost": (
        (STALE, f"{LINK}/peers/KEY/allowed_ips", ("node1",)),  # no address leads to it any more
        1,
        (f"{THREE}/allowed_ips", ("node1",)),
    ),
    "endpoint-wrong": (
        (STALE, f"{THREE}/endpoint", ("node1",)),
        1,
        (f"{THREE}/endpoint", ("node1",)),
    ),
    "v6-endpoint-inside": (  # the way to it is the tunnel itself
        (STALE, f"{THREE_V6}/endpoint", ("node1",)),
        1,
        (f"{THREE_V6}/endpoint", ("node1",)),
    ),
    "port-changed": (
        ("wireguard-port-alike", f"{LINK}/listen_port", ("node3",)),
        1,
        (f"{LINK}/listen_port", ("node3",)),
    ),
    "peer-lost": (("wireguard-peers-missing", THREE, ("node1",)), 1, (THREE, ("node1",))),
    "route-lost": (
        ("wireguard-route", "routes/main 10.244.0.0/16 dev flannel-wg", ("node2",)),
        1,
        ("routes/main 10.244.0.0/16 dev flannel-wg", ("node2",)),
    ),
    "v6-allowed-ips-lost": (
        (STALE, "links/flannel-wg-v6/wireguard/peers/KEY/allowed_ips", ("node1",)),
        1,
        (f"{THREE_V6}/allowed_ips", ("node1",)),
    ),
    "old-vxlan-left": (
        ("overlay-idle", "links/flannel.1", ("node2",)),
        1,
        ("links/flannel.1", ("node2",)),
    ),
}


def facts(handed, moment, node):
    return json.loads((handed / "wg" / moment / f"{node}.json").read_text("utf-8"))


@pytest.mark.parametrize("node", ["node1", "node2", "node3"])
@pytest.mark.parametrize("link", OUTER)
def test_a_link_tells_what_it_was_given(handed, made, node, link):
    found = facts(handed, "healthy", node)
    row = found["links"][link]
    keys = {name: one["public"] for name, one in made["wg"]["nodes"].items()}
    assert (row["kind"], row["mtu"]) == ("wireguard", 1420)
    assert row["wireguard"] == {
        "public_key": keys[node],
        "listen_port": 51820 if link == "flannel-wg" else 51821,
        "peers": {
            INNER[link].format(name[-1]): {
                "public_key": key,
                "endpoint": OUTER[link].format(name[-1]),
                "allowed_ips": [INNER[link].format(name[-1]) + SIZE[link]],
                "keepalive": 25,
            }
            for name, key in keys.items()
            if name != node
        },
    }
    shaken = found["timers"][link]["latest_handshakes"]
    assert set(shaken) == {key for name, key in keys.items() if name != node}


def test_no_private_key_is_in_any_facts_or_in_any_file_of_the_store(handed, store, made):
    private = {key for one in made["wg"]["nodes"].values() for key in one["private"]}
    assert len(private) == 4  # one each, and the one that node3 had for a while
    files = [path for path in (*store.rglob("*"), *handed.glob("wg/*/node*")) if path.is_file()]
    assert len(files) > 6 * len(INCIDENTS)
    leaks = [
        (path.name, key)
        for path in files
        for key in private
        if key.rstrip("=") in path.read_text("utf-8")
    ]
    assert leaks == []


def test_pods_of_all_nodes_hear_each_other_while_check_says_nothing(store, made):
    assert made["wg"]["heard"]["healthy"] == [True] * 12
    assert checked(store, "wg", "healthy") == []


@pytest.mark.parametrize("moment", INCIDENTS)
def test_check_says_what_is_wrong_and_where(store, made, moment):
    expected, count, _drift = INCIDENTS[moment]
    key = made["wg"]["nodes"]["node3"]["public"].replace("/", "_")
    rule, path, nodes = expected
    found = checked(store, "wg", moment)
    assert found[0] == (rule, path.replace("KEY", key), nodes)
    assert len(found) == count


@pytest.mark.parametrize("moment", INCIDENTS)
def test_diff_says_what_changed_and_where(store, moment):
    _check, count, expected = INCIDENTS[moment]
    found = drifted(store, "wg", moment)
    assert found[0] == expected
    assert len(found) == count


def test_what_check_calls_an_error_loses_packets(made):
    lost = {name: heard for name, heard in made["wg"]["heard"].items() if name in INCIDENTS}
    assert set(lost) == set(INCIDENTS)
    silent = {name for name, heard in lost.items() if heard == []}  # nobody hears anybody then
    assert silent == {"endpoint-wrong", "v6-endpoint-inside", "port-changed"}
    assert all(lost[name] == [False] for name in set(lost) - silent)


def test_when_all_is_mended_nothing_is_left(store):
    assert checked(store, "wg", "mended") == []
    assert drifted(store, "wg", "mended") == []


@pytest.mark.parametrize("path", sorted(RECORDED.iterdir()), ids=lambda path: path.stem)
def test_wg_prints_what_the_unit_tests_take_it_to_print(handed, path):
    """The order of peers is the kernel's; the link of the fixture has a key, this one has none."""
    now = (handed / "kinds" / "raw" / path.name).read_text("utf-8")
    expected = "(none)\n" if path.stem == "public-key" else path.read_text("utf-8")
    assert sorted(now.splitlines()) == sorted(expected.splitlines())
