"""A route that leads over another link is one change, wherever that is sure."""

from __future__ import annotations

import pytest

from builders import GONE, edited, node, route
from snapdiff.diff import diff

DEFAULT = "main default dev eth0"
POD = "main 10.9.0.0/16 dev eth0"

MOVED = {
    "another-link": (
        {},
        {
            ("routes", DEFAULT): GONE,
            ("routes", "main default dev cni0"): route("default", "cni0", gateway="192.0.2.254"),
        },
        [(f"routes/{DEFAULT}/dev", "changed", "eth0", "cni0")],
    ),
    "another-link-and-next-hop": (
        {},
        {
            ("routes", DEFAULT): GONE,
            ("routes", "main default dev cni0"): route("default", "cni0", gateway="10.244.1.9"),
        },
        [
            (f"routes/{DEFAULT}/dev", "changed", "eth0", "cni0"),
            (f"routes/{DEFAULT}/gateway", "changed", "192.0.2.254", "10.244.1.9"),
        ],
    ),
    "a-second-one": (
        {},
        {("routes", "main default dev cni0"): route("default", "cni0")},
        [("routes/main default dev cni0", "added", None, route("default", "cni0"))],
    ),
    "which-of-two-nobody-knows": (
        {},
        {
            ("routes", DEFAULT): GONE,
            ("routes", "main default dev cni0"): route("default", "cni0"),
            ("routes", "main default dev flannel.1"): route("default", "flannel.1"),
        },
        [
            ("routes/main default dev cni0", "added", None, route("default", "cni0")),
            (f"routes/{DEFAULT}", "removed", route("default", "eth0", gateway="192.0.2.254"), None),
            ("routes/main default dev flannel.1", "added", None, route("default", "flannel.1")),
        ],
    ),
    "another-table": (
        {("routes", POD): route("10.9.0.0/16", "eth0")},
        {
            ("routes", POD): GONE,
            ("routes", "100 10.9.0.0/16 dev cni0"): route("10.9.0.0/16", "cni0", table="100"),
        },
        [
            (
                "routes/100 10.9.0.0/16 dev cni0",
                "added",
                None,
                route("10.9.0.0/16", "cni0", table="100"),
            ),
            (f"routes/{POD}", "removed", route("10.9.0.0/16", "eth0"), None),
        ],
    ),
}


@pytest.mark.parametrize(("start", "edits", "rows"), MOVED.values(), ids=MOVED)
def test_a_route_that_leads_over_another_link_is_one_change(start, edits, rows):
    before = node(edits=start)
    found = diff(before, edited(before, edits)).changes
    told = [(one.place, str(one.kind), one.before, one.after) for one in found]
    assert sorted(told, key=str) == sorted(rows, key=str)
