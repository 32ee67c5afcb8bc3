# Copyright (c) 2026 The snapdiff developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the collection clusternet.snapdiff: it may change at any time.

"""The kernel settings that decide whether a node forwards between its links."""

from __future__ import annotations

import typing as t

from ._source import NotObservedError

if t.TYPE_CHECKING:
    from ._source import Source

    Rows = dict[str, dict[str, t.Any]]

OF_NODE = (
    "net/ipv4/ip_forward",
    "net/ipv4/conf/all/forwarding",
    "net/ipv4/conf/all/rp_filter",
    "net/ipv4/conf/all/src_valid_mark",
    "net/ipv4/conf/default/rp_filter",
    "net/ipv4/neigh/default/gc_thresh1",
    "net/ipv4/neigh/default/gc_thresh2",
    "net/ipv4/neigh/default/gc_thresh3",
    "net/ipv6/conf/all/forwarding",
    "net/ipv6/conf/all/disable_ipv6",
    "net/ipv6/conf/default/accept_ra",
    "net/bridge/bridge-nf-call-iptables",
    "net/bridge/bridge-nf-call-ip6tables",
    "net/bridge/bridge-nf-call-arptables",
)
OF_LINK = (
    ("forwarding", "net/ipv4/conf/{}/forwarding"),
    ("rp_filter", "net/ipv4/conf/{}/rp_filter"),
    ("proxy_arp", "net/ipv4/conf/{}/proxy_arp"),
    ("forwarding6", "net/ipv6/conf/{}/forwarding"),
    ("accept_ra", "net/ipv6/conf/{}/accept_ra"),
    ("disable_ipv6", "net/ipv6/conf/{}/disable_ipv6"),
)


def collect_sysctls(source: Source, links: Rows, not_observed: dict[str, str]) -> dict[str, int]:
    """Return the node's settings by their dotted name; give each link its own as ``sysctls``.

    A setting that this kernel does not have is absent. The kernel serves ``/proc/sys/net`` for the
    network namespace of the reader, as it does the links.
    """
    found: dict[str, int] = {}
    for path in OF_NODE:
        name = path.replace("/", ".")
        try:
            value = _number(source, path)
        except NotObservedError as error:
            not_observed[f"sysctls/{name}"] = str(error)
        else:
            if value is not None:
                found[name] = value
    unread: dict[str, dict[str, str]] = {}
    for link, row in links.items():
        row["sysctls"] = {}
        for name, path in OF_LINK:
            try:
                value = _number(source, path.format(link))
            except NotObservedError as error:
                unread.setdefault(name, {})[link] = str(error)
            else:
                if value is not None:
                    row["sysctls"][name] = value
    _note_unread(unread, links, not_observed)
    return found


def _note_unread(
    unread: dict[str, dict[str, str]], links: Rows, not_observed: dict[str, str]
) -> None:
    """Say once what holds of every link, or one by one what does not."""
    for name, reasons in unread.items():
        texts = sorted(set(reasons.values()))
        if len(reasons) == len(links) and len(texts) == 1:
            not_observed[f"links/*/sysctls/{name}"] = texts[0]
        else:
            for link, reason in reasons.items():
                not_observed[f"links/{link}/sysctls/{name}"] = reason


def _number(source: Source, path: str) -> int | None:
    text = source.read(f"/proc/sys/{path}")
    if text is None:
        return None
    try:
        return int(text)
    except ValueError:
        raise NotObservedError(f"/proc/sys/{path} holds no number") from None
