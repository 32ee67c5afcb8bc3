"""flannel's wireguard links, as a node has them and as its peers must hold them."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from snapdiff.rules.flannel import in_use, kind_of
from snapdiff.rules.registry import CannotTell

if t.TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from snapdiff.rules.fleet_view import Row, Table
    from snapdiff.rules.view import Network, NodeView


@dataclass(frozen=True, slots=True, kw_only=True)
class Tunnel:
    """A node's own end of a wireguard link, as its peers must have it."""

    link: str
    address: str  # the first that leads to it: peers have it under that
    row: Row  # public key, endpoint as is usual, allowed addresses
    port: int | None


def tunnels_of(view: NodeView, local: Mapping[int, t.Any]) -> tuple[Tunnel, ...]:
    """Return the node's ends; *local* has its underlay address by family.

    One that nobody could look at is left out.
    """
    try:
        return tuple(_tunnels(view, local))
    except CannotTell:
        return ()


def _tunnels(view: NodeView, local: Mapping[int, t.Any]) -> Iterator[Tunnel]:
    for overlay in in_use(view):
        found = overlay.link.get("wireguard")
        if kind_of(overlay) != "wireguard" or found is None:
            continue
        families = {one.version for one in view.addresses(overlay.name)}
        subnets = [one for one in view.subnets() if one.version in families]
        if not subnets:
            continue
        outer = (6, 4) if overlay.family == 6 else (4, 6)
        host = next((str(local[one]) for one in outer if local.get(one)), None)
        port = found.get("listen_port")
        yield Tunnel(
            link=overlay.name,
            address=str(subnets[0].network_address),
            row=(found.get("public_key"), _endpoint(host, port), _allowed(subnets)),
            port=port,
        )


def _endpoint(host: str | None, port: int | None) -> str | None:
    if host is None or port is None:
        return None
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _allowed(subnets: list[Network]) -> str:
    return ", ".join(str(one) for one in subnets)


def peers_of(view: NodeView, link: str) -> Table:
    """Return the peers that a node holds on one of its links."""
    rows = view.links[link]["wireguard"]["peers"]
    return {
        name: (row["public_key"], row.get("endpoint"), ", ".join(row.get("allowed_ips", ())))
        for name, row in rows.items()
    }


def sealed(view: NodeView) -> dict[str, str]:
    """Return flannel's wireguard links of which nobody could read the keys, and why."""
    found: dict[str, str] = {}
    for overlay in view.flannel:
        if kind_of(overlay) == "wireguard":
            try:
                view.get("links", overlay.name, "wireguard")
            except CannotTell as reason:
                found[reason.path] = reason.why
    return found
