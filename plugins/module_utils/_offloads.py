# Copyright (c) 2026 The snapdiff developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the collection clusternet.snapdiff: it may change at any time.

"""Offloads of overlays and of what carries them, out of ``ethtool -k``.

Its text is read, for only ethtool 6 prints features as JSON.
"""

from __future__ import annotations

import typing as t

from ._source import NotObservedError

if t.TYPE_CHECKING:
    from ._source import Source

    Rows = dict[str, dict[str, t.Any]]

OVERLAYS = ("vxlan", "wireguard", "geneve", "ipip")
MOST = 6  # links, a short command each
FEATURES = frozenset(
    (
        "rx-checksumming",
        "tx-checksum-ipv4",
        "tx-checksum-ipv6",
        "tx-checksum-ip-generic",
        "tx-udp_tnl-segmentation",
        "tx-udp_tnl-csum-segmentation",
        "tcp-segmentation-offload",
        "generic-segmentation-offload",
        "generic-receive-offload",
        "large-receive-offload",
    )
)


def command(link: str) -> tuple[str, ...]:
    """Return the command that prints the features of a link."""
    return ("ethtool", "-k", link)


def parse_features(text: str) -> dict[str, bool]:
    """Return which of the features that matter are on; raises NotObservedError where none is told."""
    found = {}
    for line in text.splitlines():
        name, colon, value = line.strip().partition(":")
        word = value.split()[:1]
        if colon and name in FEATURES and word in (["on"], ["off"]):
            found[name] = word == ["on"]
    if not found:
        raise NotObservedError("ethtool -k printed no feature")
    return found


def collect_offloads(
    source: Source, links: Rows, routes: Rows, not_observed: dict[str, str]
) -> None:
    """Give each overlay and underlay ``offloads``."""
    names = _chosen(links, routes)
    unread: dict[str, str] = {}
    for name in names[:MOST]:
        try:
            links[name]["offloads"] = parse_features(source.run(command(name)))
        except NotObservedError as error:
            unread[name] = str(error)
    for name in names[MOST:]:
        unread[name] = f"the node has more than {MOST} overlays and underlays"
    if unread and len(unread) == len(names) and len(set(unread.values())) == 1:
        not_observed["links/*/offloads"] = next(iter(unread.values()))  # once for all
    else:
        not_observed.update((f"links/{name}/offloads", why) for name, why in unread.items())


def _chosen(links: Rows, routes: Rows) -> list[str]:
    """Name the overlays, then what carries them, then the links of default routes."""
    overlays = [name for name in sorted(links) if links[name].get("kind") in OVERLAYS]
    below = [links[name].get("lower") for name in overlays]
    ways = [
        row.get("dev")
        for row in routes.values()
        if row.get("dst") in ("default", "::/0") and row.get("table", "main") == "main"
    ]
    return list(dict.fromkeys(name for name in (*overlays, *below, *ways) if name in links))
