"""What follows from a change on a node is told below it, not beside it."""

from __future__ import annotations

import pytest

from builders import GONE, document, edited, node, peer, route
from snapdiff import below, canonical, drift
from snapdiff.diff import diff

PEERS = {"peers/10.244.2.0": GONE, "peers/10.244.3.0": GONE}
DOWN = {"links/flannel.1/flags": ["BROADCAST", "MULTICAST"], "links/flannel.1/operstate": "DOWN"}
DEFAULT = ("routes", "main default dev eth0")


def told(before, after):
    """Return the drift as (place, effects)."""
    rebooted = canonical.rebooted(before, after)
    drifts = drift.judge(diff(before, after).changes, rebooted=rebooted, now=after)
    return sorted((one.change.place, list(below.lines([one]))) for one in drifts)


CASES = {
    "a-link-is-gone-with-its-peers": (
        {"links/flannel.1": GONE, **PEERS},
        [("links/flannel.1", ["with it removed: 2 peers"])],
    ),
    "a-link-came-with-its-route": (
        {
            "links/wg0": document()["links"]["eth0"] | {"addresses": {}},
            ("routes", "main 10.9.0.0/16 dev wg0"): route("10.9.0.0/16", "wg0"),
        },
        [("links/wg0", ["with it added: 1 route: main 10.9.0.0/16 dev wg0"])],
    ),
    "a-link-was-put-down": (
        DOWN | PEERS,
        [
            (
                "links/flannel.1/flags",
                ["with it changed: operstate of 1 link", "with it removed: 2 peers"],
            )
        ],
    ),
    "another-links-peers-are-no-effect": (
        {"links/eth0/flags": ["BROADCAST"], "peers/10.244.2.0": GONE},
        [("links/eth0/flags", []), ("peers/10.244.2.0", [])],
    ),
    "an-mtu-is-no-cause-of-lost-peers": (
        {"links/flannel.1/mtu": 1400, "peers/10.244.2.0": GONE},
        [("links/flannel.1/mtu", []), ("peers/10.244.2.0", [])],
    ),
    "a-peer-that-came-is-no-effect-of-a-link-that-went": (
        {"links/flannel.1": GONE, "peers/10.244.9.0": peer(9), **PEERS},
        [("links/flannel.1", ["with it removed: 2 peers"]), ("peers/10.244.9.0", [])],
    ),
    "ip-forward-was-turned-off": (
        {
            "sysctls/net.ipv4.ip_forward": 0,
            "sysctls/net.ipv4.conf.all.forwarding": 0,
            "links/eth0/sysctls/forwarding": 0,
            "links/cni0/sysctls/forwarding": 0,
        },
        [
            (
                "sysctls/net.ipv4.ip_forward",
                [
                    "with it changed: forwarding of 2 links",
                    "with it changed: 1 setting",
                ],
            )
        ],
    ),
    "forwarding-of-one-link-stands-for-itself": (
        {"links/eth0/sysctls/forwarding": 0},
        [("links/eth0/sysctls/forwarding", [])],
    ),
    "the-default-route-went-with-its-link": (
        {"links/eth0": GONE, DEFAULT: GONE, ("routes", "main 192.0.2.0/24 dev eth0"): GONE},
        [("links/eth0", ["with it removed: 1 route: main default dev eth0"])],
    ),
}


@pytest.mark.parametrize(("edits", "expected"), CASES.values(), ids=CASES)
def test_effects_are_told_below_their_cause(edits, expected):
    start = {f"links/{name}/sysctls": {"forwarding": 1} for name in ("eth0", "cni0")}
    before = node(edits=start)
    assert told(before, edited(before, edits)) == expected


def test_every_change_is_told_once_as_cause_or_as_effect():
    before = node()
    after = edited(before, {**DOWN, **PEERS, "links/cni0/mtu": 1400})
    changes = diff(before, after).changes
    found = drift.judge(changes, rebooted=False, now=after)
    told = [change for one in found for change in one.changes]
    assert sorted(one.path for one in told) == sorted(one.path for one in changes)
