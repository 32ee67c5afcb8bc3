"""Offloads of overlays and underlays: what one node leaves to its links, all should."""

from __future__ import annotations

import typing as t

from snapdiff.model import Severity
from snapdiff.rules.compared import POOLS, unlike
from snapdiff.rules.registry import Result, rule

if t.TYPE_CHECKING:
    from snapdiff.rules.fleet_view import Fleet


@rule(
    "overlay-offloads-alike",
    Severity.WARNING,
    entries=("N-49", "X-18"),
    scope="fleet",
    remedy="ethtool -K {link} FEATURE on or off on {node}, as the others have it; by a udev rule "
    "or a unit, for it is lost when the link is made anew",
)
def overlay_offloads_alike(fleet: Fleet) -> Result:
    """Have checksums of what overlays send made in one place on all nodes.

    Why: kernels and cards that make a wrong checksum inside the tunnel lose packets to Services for
    up to 63 seconds each. Who turned tx-checksum-ip-generic off for that did so on the nodes that
    were seen to suffer, and it comes back on when flannel makes its link anew, or at a reboot.

    Exempt: nodes that differ in kernel or underlay just so: for information. Calico turns it off by
    itself on old kernels.
    Source: flannel-io/flannel#1279, #2152; projectcalico/calico#3145; kubernetes/kubernetes#89622.
    """
    for trait in _heads(fleet):
        whose = trait.split("/")[1]
        yield from unlike(fleet, trait, f"offloads of {whose}'s overlay that are on", pools=POOLS)


@rule(
    "underlay-offloads-alike",
    Severity.WARNING,
    entries=("X-18",),
    scope="fleet",
    remedy="see whether {link} of {node} has the driver and firmware of the others; then "
    "ethtool -K {link} FEATURE on or off",
)
def underlay_offloads_alike(fleet: Fleet) -> Result:
    """Have cards make checksums and cut tunnelled packets alike on all nodes.

    Why: a card that does what the others leave to the kernel is one that was set by hand, or has
    another driver; where it gets a tunnelled packet's checksum wrong, only its node loses packets.

    Exempt: nodes that differ in kernel or underlay just so: for information. Clusters without an
    overlay.
    Source: flannel-io/flannel#1279, #2152; kubernetes/kubernetes#89622.
    """
    if fleet.names("overlay/"):
        what = "offloads of the underlay that are on"
        yield from unlike(fleet, "underlay/offloads", what, pools=POOLS)


def _heads(fleet: Fleet) -> list[str]:
    """Return the trait of offloads of each sort of overlay that any node has."""
    heads = {"/".join(one.split("/")[:4]) for one in fleet.names("overlay/")}
    return [f"{head}/offloads" for head in sorted(heads)]
