# Copyright (c) 2026 The snapdiff developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the collection clusternet.snapdiff: it may change at any time.

"""Keys and peers of wireguard links, by the subcommands of ``wg show`` that tell no secret.

``wg show LINK dump`` and ``private-key`` print the private key, ``preshared-keys`` the shared ones:
none of them is ever run.
"""

from __future__ import annotations

import ipaddress
import typing as t

from ._source import NotObservedError, unique_key

if t.TYPE_CHECKING:
    from ._source import Source

    Row = dict[str, t.Any]
    Rows = dict[str, Row]

MOST = 4  # links, of seven short commands each; flannel makes two at most
NONE = "(none)"


def command(link: str, what: str) -> tuple[str, ...]:
    """Return the command that prints one thing of a link, as ``endpoints``."""
    return ("wg", "show", link, what)


def collect_wireguard(
    source: Source, links: Rows, timers: Rows, not_observed: dict[str, str]
) -> None:
    """Give each wireguard link its ``wireguard``; handshakes (seconds, UTC) go to *timers*."""
    unread: dict[str, str] = {}
    names = sorted(name for name, row in links.items() if row.get("kind") == "wireguard")
    for number, name in enumerate(names):
        try:
            if number >= MOST:
                raise NotObservedError(f"the node has more than {MOST} wireguard links")
            found, shaken = _link(source, name)
        except NotObservedError as error:
            unread[name] = str(error)
        else:
            links[name]["wireguard"] = found
            if shaken:
                timers.setdefault(name, {})["latest_handshakes"] = shaken
    for name, why in unread.items():
        not_observed[f"links/{name}/wireguard"] = why


def _link(source: Source, name: str) -> tuple[Row, Row]:
    """Return what is set on a link, and when each of its peers last shook hands."""
    found: Row = {}
    key = source.run(command(name, "public-key")).strip()
    if key and key != NONE:
        found["public_key"] = key
    port = source.run(command(name, "listen-port")).strip()
    if not port.isdigit():
        raise NotObservedError(f"wg show {name} listen-port printed no number")
    found["listen_port"] = int(port)
    mark = source.run(command(name, "fwmark")).strip()
    if mark and mark != "off":
        found["fwmark"] = mark
    peers: Rows = {key: {"public_key": key} for key in _column(source, name, "endpoints")}
    for member, what, read in (
        ("endpoint", "endpoints", str),
        ("allowed_ips", "allowed-ips", _networks),
        ("keepalive", "persistent-keepalive", int),
    ):
        for key, text in _column(source, name, what).items():
            if key in peers and text not in (NONE, "off"):
                try:
                    peers[key][member] = read(text)
                except ValueError:
                    raise NotObservedError(f"wg show {name} {what} printed {text!r}") from None
    found["peers"] = _by_address(peers)
    shaken = _column(source, name, "latest-handshakes")
    return found, {key: int(at) for key, at in shaken.items() if at.isdigit() and int(at)}


def _column(source: Source, link: str, what: str) -> dict[str, str]:
    """Return what ``wg show`` prints of each peer, by its public key."""
    found = {}
    for line in source.run(command(link, what)).splitlines():
        key, tab, value = line.partition("\t")
        if not tab or not value:
            raise NotObservedError(f"wg show {link} {what} printed a line of an unknown shape")
        found[key] = value
    return found


def _networks(text: str) -> list[str]:
    return [str(one) for one in sorted(map(_network, text.split()), key=_order)]


def _network(text: str) -> t.Any:
    return ipaddress.ip_network(text, strict=False)


def _order(one: t.Any) -> tuple[int, int, int]:
    return one.version, int(one.network_address), one.prefixlen


def _by_address(peers: Rows) -> Rows:
    """Return peers by the first address that leads to them, as peers of a vxlan are.

    flannel gives a peer the pod subnet of its node, so a node with a new key is a changed row. One
    that no address leads to is under its key, without the slashes that a path must not have.
    """
    found: Rows = {}
    for key in sorted(peers):
        allowed = peers[key].get("allowed_ips")
        name = allowed[0].partition("/")[0] if allowed else key.replace("/", "_")
        found[unique_key(name, found)] = peers[key]
    return found
