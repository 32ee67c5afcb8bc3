"""The chain eth0 - flannel.1 - cni0 - pods, as the field draws it."""

from __future__ import annotations

import pytest

from builders import FIXTURES, GONE, link, node
from snapdiff.chain import chain
from snapdiff.saved import Listing, snapshot_of

SEED = FIXTURES / "ifconfig-controlplane.txt"
TOLD = {"addresses", "mtu", "txqlen", "flags", "mac"}


def words(snapshot):
    return [(one.name, one.role, one.word) for one in chain(snapshot)]


HEALTHY = [
    ("eth0", "underlay", "1500"),
    ("flannel.1", "overlay", "1450"),
    ("cni0", "pod bridge", "1450"),
    ("veth*", "pod port", "2 at 1450"),
]


@pytest.mark.parametrize(
    ("edits", "expected"),
    [
        ({}, HEALTHY),
        (
            {"links/veth00000002/mtu": 1400},
            [*HEALTHY[:3], ("veth*", "pod port", "1 at 1400, 1 at 1450")],
        ),
        (
            {"links/veth00000002/mtu": GONE},
            [*HEALTHY[:3], ("veth*", "pod port", "1 at 1450, 1 at ?")],
        ),
        ({"links/cni0/mtu": GONE}, [*HEALTHY[:2], ("cni0", "pod bridge", "?"), HEALTHY[3]]),
        ({"links/flannel.1": GONE}, [HEALTHY[0], *HEALTHY[2:]]),
        (
            {"links/cali00000000001": link("veth", mtu=1480)},
            [*HEALTHY[:3], ("cali*", "pod port", "1 at 1480"), HEALTHY[3]],
        ),
        ({"links": {}}, []),
    ],
    ids=["healthy", "two-mtus", "pod-mtu-unknown", "mtu-unknown", "no-overlay", "two-cnis", "none"],
)
def test_the_chain(edits, expected):
    assert words(node(edits=edits)) == expected


def test_the_listing_that_all_began_with():
    listing = Listing(SEED.read_text("utf-8"))
    found = snapshot_of(listing, node="control", taken_at="2026-11-22T02:00:00Z", via="test")
    assert words(found) == [
        ("eth0", "underlay", "1410"),
        ("flannel.1", "overlay", "1360"),
        ("cni0", "pod bridge", "1360"),
        ("veth*", "pod port", "2 at 1360"),
    ]
    assert [one.addresses for one in chain(found)] == [
        ("192.168.117.46/32",),
        ("172.17.0.0/32",),
        ("172.17.0.1/24",),
        (),
    ]
