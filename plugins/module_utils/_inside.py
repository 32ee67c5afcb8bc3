# Copyright (c) 2026 The snapdiff developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the collection clusternet.snapdiff: it may change at any time.

"""The pod's side of its link: read in the pod's namespace, where that has a name on the node.

containerd and CRI-O name pods' namespaces under ``/run/netns``. Going in takes root; nothing is
changed there.
"""

from __future__ import annotations

import typing as t

from ._source import NotObservedError, rows_of

if t.TYPE_CHECKING:
    from ._source import Source

    Rows = dict[str, dict[str, t.Any]]

NAMES = ("ip", "-json", "netns", "list-id")
PORTS = ("veth", "cali", "lxc", "eni", "azv", "gke")  # how pods' links are called
ENOUGH = 2.0  # seconds for all pods of a node; the rest is then not observed


def collect_inside(
    source: Source, links: Rows, not_observed: dict[str, str], clock: t.Callable[[], float]
) -> None:
    """Give each pod port ``inside``: name, MTU (bytes) and carrier of the link at its other end."""
    ports = {
        name: row
        for name, row in links.items()
        if row.get("kind") == "veth" and "peer_netnsid" in row and name.startswith(PORTS)
    }
    if not ports:
        return
    began = clock()
    try:
        rows = rows_of(source.run(NAMES), "ip netns list-id")
    except NotObservedError as error:
        not_observed["links/*/inside"] = str(error)
        return
    names = {row.get("nsid"): row.get("name") for row in rows}
    unread: dict[str, str] = {}
    for port, row in ports.items():
        try:
            name = names.get(row["peer_netnsid"])
            if not name:
                raise NotObservedError("the pod's namespace has no name under /run/netns")
            if clock() - began > ENOUGH:
                raise NotObservedError(f"the pods took more than {ENOUGH:g} s")
            text = source.run(("ip", "-netns", str(name), "-json", "link", "show"))
            row["inside"] = _other_end(text, row.get("peer_ifindex"))
        except NotObservedError as error:
            unread[port] = str(error)
    if len(unread) == len(ports) and len(set(unread.values())) == 1:
        not_observed["links/*/inside"] = next(iter(unread.values()))  # once for all
    else:
        not_observed.update((f"links/{port}/inside", why) for port, why in unread.items())


def _other_end(text: str, ifindex: int | None) -> dict[str, t.Any]:
    for row in rows_of(text, "ip link show"):
        if row.get("ifindex") == ifindex:
            flags = row.get("flags") or ()
            found = {"link": row.get("ifname"), "mtu": row.get("mtu")}
            if "UP" in flags:
                found["carrier"] = "LOWER_UP" in flags
            return found
    raise NotObservedError("the pod's namespace has no link of that number")
