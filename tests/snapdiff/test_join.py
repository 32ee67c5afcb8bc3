"""Changes that are one event told twice are told once."""

from __future__ import annotations

import pytest

from builders import GONE, address, edited, node, peer, route
from snapdiff.diff import diff


def told(before, after):
    found = diff(before, after).changes
    return [(one.place, str(one.kind), one.before, one.after) for one in found]


ETH0 = ("links", "eth0", "addresses")
CNI0_ROUTE = ("routes", "main 10.244.1.0/24 dev cni0")
MOVED_PEER = {"peers/10.244.2.0": GONE, "peers/10.244.9.0": peer(2, subnet="10.244.9.0/24")}
FDB = ("fdb", "flannel.1 0a:00:00:00:00:02 192.0.2.2")
ENTRY = {"dev": "flannel.1", "mac": "0a:00:00:00:00:02", "dst": "192.0.2.2", "state": "permanent"}
OVER = "main 10.244.2.0/24 dev flannel.1"
USUAL = route("10.244.2.0/24", "flannel.1", gateway="10.244.2.0", flags=["onlink"])

EVENTS = {
    "a-peers-lease-moved": (
        {},
        MOVED_PEER,
        [("peers/10.244.2.0/subnet", "changed", "10.244.2.0/24", "10.244.9.0/24")],
    ),
    "a-peer-was-built-anew-with-its-lease": (
        {},
        {"peers/10.244.2.0/mac": "0a:ff:00:00:00:02"},
        [("peers/10.244.2.0/mac", "changed", "0a:00:00:00:00:02", "0a:ff:00:00:00:02")],
    ),
    "a-peer-with-a-new-lease-and-a-new-mac": (
        {},
        {
            "peers/10.244.2.0": GONE,
            "peers/10.244.9.0": peer(2, subnet="10.244.9.0/24", mac="0a:ff:00:00:00:02"),
        },
        [
            ("peers/10.244.2.0/mac", "changed", "0a:00:00:00:00:02", "0a:ff:00:00:00:02"),
            ("peers/10.244.2.0/subnet", "changed", "10.244.2.0/24", "10.244.9.0/24"),
        ],
    ),
    "two-peers-that-swapped-nothing-stay-two": (
        {},
        {"peers/10.244.2.0": GONE, "peers/10.244.9.0": peer(9)},
        [
            ("peers/10.244.2.0", "removed", peer(2), None),
            ("peers/10.244.9.0", "added", None, peer(9)),
        ],
    ),
    "a-peer-that-left": (
        {},
        {"peers/10.244.2.0": GONE},
        [("peers/10.244.2.0", "removed", peer(2), None)],
    ),
    "a-lost-neighbour-leaves-the-fdb-entry-over": (
        {},
        {
            "peers/10.244.2.0": {
                "dev": "flannel.1",
                "subnet": "10.244.2.0/24",
                "missing": ["neighbour"],
            },
            FDB: ENTRY,
        },
        [("peers/10.244.2.0/missing", "added", None, ["neighbour"])],
    ),
    "a-peers-route-with-another-protocol": (
        {},
        {("routes", OVER): {**USUAL, "protocol": "static"}},
        [(f"routes/{OVER}/protocol", "changed", "boot", "static")],
    ),
    "a-peers-route-with-a-metric": (
        {},
        {("routes", f"{OVER} metric 5"): {**USUAL, "metric": 5}},
        [(f"routes/{OVER} metric 5/metric", "added", None, 5)],
    ),
    "a-peers-route-as-it-was-and-another-metric-beside-it": (
        {},
        {("routes", OVER): USUAL, ("routes", f"{OVER} metric 5"): {**USUAL, "metric": 5}},
        [(f"routes/{OVER} metric 5", "added", None, {**USUAL, "metric": 5})],
    ),
    "a-peers-route-is-flannels-again": (
        {("routes", OVER): {**USUAL, "protocol": "static"}},
        {("routes", OVER): GONE},
        [(f"routes/{OVER}/protocol", "changed", "static", "boot")],
    ),
    "a-peers-route-by-another-gateway": (
        {},
        {
            "peers/10.244.2.0/subnet": GONE,
            "peers/10.244.2.0/missing": ["route"],
            ("routes", OVER): {**USUAL, "gateway": "10.244.3.0"},
        },
        [(f"routes/{OVER}/gateway", "changed", "10.244.2.0", "10.244.3.0")],
    ),
    "a-peer-behind-another-link": (
        {},
        {
            "peers/10.244.2.0/dev": "flannel.2",
            ("neighbours", "flannel.1 10.244.2.0"): {
                "dst": "10.244.2.0",
                "dev": "flannel.1",
                "lladdr": "0a:00:00:00:00:02",
                "state": ["PERMANENT"],
            },
            FDB: ENTRY,
        },
        [("peers/10.244.2.0/dev", "changed", "flannel.1", "flannel.2")],
    ),
    "a-lost-route-alone": (
        {},
        {"peers/10.244.2.0/subnet": GONE, "peers/10.244.2.0/missing": ["route"]},
        [("peers/10.244.2.0/missing", "added", None, ["route"])],
    ),
    "a-lost-fdb-entry-alone": (
        {},
        {"peers/10.244.2.0/underlay": GONE, "peers/10.244.2.0/missing": ["fdb"]},
        [("peers/10.244.2.0/missing", "added", None, ["fdb"])],
    ),
    "only-the-fdb-entry-is-left": (
        {},
        {"peers/10.244.2.0": GONE, FDB: ENTRY},
        [("peers/10.244.2.0/missing", "added", None, ["neighbour", "route"])],
    ),
    "all-entries-came-back": (
        {"peers/10.244.2.0": GONE, FDB: ENTRY},
        {"peers/10.244.2.0": peer(2), FDB: GONE},
        [("peers/10.244.2.0/missing", "removed", ["neighbour", "route"], None)],
    ),
    "an-fdb-entry-of-nobody": (
        {},
        {("fdb", "flannel.1 0a:00:00:00:00:77 192.0.2.77"): {**ENTRY, "dst": "192.0.2.77"}},
        [
            (
                "fdb/flannel.1 0a:00:00:00:00:77 192.0.2.77",
                "added",
                None,
                {**ENTRY, "dst": "192.0.2.77"},
            )
        ],
    ),
    "an-address-was-replaced": (
        {},
        {
            (*ETH0, "192.0.2.1/24"): GONE,
            (*ETH0, "192.0.2.9/24"): address(),
            ("routes", "main 192.0.2.0/24 dev eth0", "prefsrc"): "192.0.2.9",
        },
        [("links/eth0/addresses", "changed", "192.0.2.1/24", "192.0.2.9/24")],
    ),
    "an-address-and-its-network-were-replaced": (
        {},
        {
            ("links", "cni0", "addresses", "10.244.1.1/24"): GONE,
            ("links", "cni0", "addresses", "10.244.9.1/24"): address(),
            CNI0_ROUTE: GONE,
            ("routes", "main 10.244.9.0/24 dev cni0"): route(
                "10.244.9.0/24", "cni0", protocol="kernel", prefsrc="10.244.9.1"
            ),
        },
        [("links/cni0/addresses", "changed", "10.244.1.1/24", "10.244.9.1/24")],
    ),
    "another-prefix-length-is-no-replacement": (
        {},
        {(*ETH0, "192.0.2.1/24"): GONE, (*ETH0, "192.0.2.1/25"): address()},
        [
            ("links/eth0/addresses/192.0.2.1/24", "removed", address(), None),
            ("links/eth0/addresses/192.0.2.1/25", "added", None, address()),
        ],
    ),
    "of-two-new-addresses-neither-replaced-the-old-one": (
        {},
        {
            (*ETH0, "192.0.2.1/24"): GONE,
            (*ETH0, "192.0.2.8/24"): address(),
            (*ETH0, "192.0.2.9/24"): address(),
        },
        [
            ("links/eth0/addresses/192.0.2.1/24", "removed", address(), None),
            ("links/eth0/addresses/192.0.2.8/24", "added", None, address()),
            ("links/eth0/addresses/192.0.2.9/24", "added", None, address()),
        ],
    ),
    "the-connected-route-goes-with-its-address": (
        {},
        {("links", "cni0", "addresses", "10.244.1.1/24"): GONE, CNI0_ROUTE: GONE},
        [
            (
                "links/cni0/addresses/10.244.1.1/24",
                "removed",
                address(broadcast="10.244.1.255"),
                None,
            )
        ],
    ),
    "a-route-that-somebody-set-is-told-beside-the-address": (
        {("routes", "main 10.9.0.0/16 dev cni0"): route("10.9.0.0/16", "cni0", protocol="static")},
        {
            ("links", "cni0", "addresses", "10.244.1.1/24"): GONE,
            ("routes", "main 10.9.0.0/16 dev cni0"): GONE,
        },
        [
            (
                "links/cni0/addresses/10.244.1.1/24",
                "removed",
                address(broadcast="10.244.1.255"),
                None,
            ),
            (
                "routes/main 10.9.0.0/16 dev cni0",
                "removed",
                route("10.9.0.0/16", "cni0", protocol="static"),
                None,
            ),
        ],
    ),
    "a-connected-route-without-its-address-is-told": (
        {},
        {CNI0_ROUTE: GONE},
        [
            (
                "routes/main 10.244.1.0/24 dev cni0",
                "removed",
                route(
                    "10.244.1.0/24", "cni0", protocol="kernel", scope="link", prefsrc="10.244.1.1"
                ),
                None,
            )
        ],
    ),
}


@pytest.mark.parametrize(("start", "edits", "expected"), EVENTS.values(), ids=EVENTS)
def test_an_event_is_told_once(start, edits, expected):
    before = node(edits=start)
    assert sorted(told(before, edited(before, edits)), key=str) == sorted(expected, key=str)


def test_of_a_peer_whose_entries_were_not_read_nothing_is_told():
    """A lease that moved, where the routes of that night were not read: its subnet is unknown."""
    unread = peer(2)
    del unread["subnet"]
    before = node(edits={"peers/10.244.2.0": unread, "not_observed": {"peers/*/subnet": "rc 1"}})
    after = node(edits=MOVED_PEER)
    assert told(before, after) == []
