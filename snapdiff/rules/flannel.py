"""flannel on a node: which overlay is in use, which bridge its plugin makes, with what ports.

Nothing here is a rule; rules about MTUs, addresses and links ask it.
"""

from __future__ import annotations

import typing as t
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from snapdiff import roles
from snapdiff.rules.registry import CannotTell
from snapdiff.rules.view import FLANNEL
from snapdiff.rules.ways import over_links, spans, ways

if t.TYPE_CHECKING:
    from snapdiff.rules.view import Link, NodeView, Overlay

KIND_OF = {backend: kind for kind, backend in FLANNEL.items()}
BACKENDS = ("vxlan", "wireguard", "ipip", "udp", "host-gw")  # that a node tells by itself
WRAPPERS = frozenset({"multus", "multus-shim"})  # they call the CNI of another file
NONE: Mapping[str, t.Any] = {}


def kind_of(overlay: Overlay) -> str:
    """Return the kind of a link of flannel's, by its name where the kind was not observed."""
    if overlay.kind or overlay.owner != "flannel":
        return overlay.kind
    if overlay.name.startswith("flannel-wg"):
        return "wireguard"
    if overlay.name == "flannel.ipip":
        return "ipip"
    return "vxlan" if "." in overlay.name else "tun"


def lease_mtu_of(view: NodeView) -> int | None:
    """Return ``FLANNEL_MTU``, None where there is no lease or no number in it."""
    found = (view.lease or NONE).get("FLANNEL_MTU")
    return found if isinstance(found, int) else None


@lru_cache(maxsize=2)  # most rules ask
def in_use(view: NodeView) -> tuple[Overlay, ...]:
    """Return the overlays of the backend that flannel runs, without what an earlier one left.

    net-conf names the backend. Where nobody looked at it, or a node has none, it is the one whose
    MTU the lease has; where that does not tell either, all are. Of two vxlans of one family, as
    after a change of VNI, it is the one that routes to pods lead over.
    """
    found = _of_backend(view)
    if all(kind_of(one) == "vxlan" for one in found) and _is_host_gw(view, found):
        return ()
    left = _idle_twins(view, found)
    return tuple(one for one in found if one not in left)


def _idle_twins(view: NodeView, found: tuple[Overlay, ...]) -> list[Overlay]:
    """Return the vxlans that no route to pods leads over, beside one that some do."""
    left: list[Overlay] = []
    for family in (4, 6):
        twins = [one for one in found if one.family == family and kind_of(one) == "vxlan"]
        if len(twins) > 1:
            used = over_links(view)
            idle = [one for one in twins if one.name not in used]
            left.extend(idle if len(idle) < len(twins) else ())
    return left


def _is_host_gw(view: NodeView, found: tuple[Overlay, ...]) -> bool:
    """Say whether a node without net-conf runs host-gw beside the vxlan that it had before.

    All its routes to pods are direct, as they may be with DirectRouting too; but then the lease has
    the MTU of the vxlan, and with host-gw that of the link below.
    """
    if not found or view.backend("Type") is not None:
        return False
    try:
        mtu = lease_mtu_of(view)
        if mtu is None or any(one.mtu == mtu for one in found):
            return False
        below = {view.links[name].get("mtu") for one in found for name in carriers(view, one)}
        inside = spans(view.networks())
        names = {one.name for one in view.overlays}
        direct = any(
            way.gateway is not None and way.dev not in names
            for way in ways(view)
            if any(one.holds(way.span) for one in inside)
        )
    except CannotTell:
        return False
    return below == {mtu} and direct and not over_links(view) & names


def _of_backend(view: NodeView) -> tuple[Overlay, ...]:
    told = view.backend("Type")
    if told is not None:
        return tuple(one for one in view.flannel if kind_of(one) == KIND_OF.get(str(told)))
    kinds = {kind_of(one) for one in view.flannel}
    if len(kinds) < 2:
        return view.flannel
    try:
        mtu = lease_mtu_of(view)
    except CannotTell:
        return view.flannel
    fitting = {kind_of(one) for one in view.flannel if one.mtu == mtu}
    if len(fitting) != 1:
        return view.flannel
    return tuple(one for one in view.flannel if kind_of(one) in fitting)


def is_there(view: NodeView) -> bool:
    """Say whether flannel is on the node. Raises CannotTell where nobody looked for its lease."""
    return bool(view.flannel) or view.lease is not None


def carriers(view: NodeView, overlay: Overlay) -> list[str]:
    """Name the links that may carry an overlay: one where the node tells it."""
    links = view.links
    lower = overlay.link.get("lower")
    if lower in links:
        return [str(lower)]
    local = overlay.details.get("local")
    holders = [name for name in links if any(_ip(key) == local for key in links[name]["addresses"])]
    if isinstance(local, str) and len(holders) == 1:
        return holders
    return roles.underlays(links, view.snapshot["routes"])


def _ip(key: str) -> str:
    return key.partition("/")[0].partition(" ")[0]


@dataclass(frozen=True, slots=True)
class Plug:
    """What flannel's plugin is told on this node."""

    file: str
    network: str | None  # the name that host-local keeps its leases by
    plugin: Mapping[str, t.Any]

    @property
    def delegate(self) -> Mapping[str, t.Any]:
        """Return what it hands on to the bridge plugin."""
        found = self.plugin.get("delegate")
        return found if isinstance(found, Mapping) else NONE


def _plugins(view: NodeView) -> Iterator[Plug]:
    rows = view.snapshot["cni_config"]
    for name in sorted(rows, key=lambda name: rows[name]["order"]):
        for plugin in rows[name].get("plugins", ()):
            yield Plug(name, rows[name].get("name"), plugin)


def plug_of(view: NodeView) -> Plug | None:
    """Return flannel's plugin of the first file that has it, None where no file seen has.

    k3s keeps its files elsewhere, so not having one proves nothing.
    """
    return next((one for one in _plugins(view) if one.plugin.get("type") == "flannel"), None)


def bridge_of(view: NodeView) -> str | None:
    """Return the name of the bridge that flannel's plugin makes, whether it is there or not.

    None where the plugin makes another thing, or where all files are another CNI's: a bridge of
    that name is then no longer flannel's.
    """
    plug = plug_of(view)
    if plug is None:
        types = {one.plugin.get("type") for one in _plugins(view)} - {None, "loopback"}
        return None if types and not types & WRAPPERS else "cni0"
    if plug.delegate.get("type", "bridge") != "bridge":
        return None
    return str(plug.delegate.get("bridge", "cni0"))


def pod_bridge(view: NodeView) -> str | None:
    """Return flannel's pod bridge, None where there is none, or another kind of link."""
    name = bridge_of(view)
    link = view.links.get(name) if name else None
    return name if link is not None and link.get("kind", "bridge") == "bridge" else None


@lru_cache(maxsize=4)
def ports_of(view: NodeView, bridge: str) -> Mapping[str, Link]:
    """Return the ports of a bridge. Raises CannotTell where links do not tell their master."""
    for name, link in view.links.items():
        if "master" not in link:
            view.get("links", name, "master")
    return view.ports_of(bridge)


def pod_ports_of(view: NodeView, bridge: str) -> dict[str, Link]:
    """Return the ports of a bridge that are pods'. Raises CannotTell as :func:`ports_of`."""
    return {name: link for name, link in ports_of(view, bridge).items() if name in view.ports}


def given_out(view: NodeView) -> int | None:
    """Return how many pods have an address of flannel's network; None where nobody tells."""
    plug = plug_of(view)
    row = view.snapshot["ipam"].get((plug.network if plug else None) or "cbr0")
    addresses = row.get("addresses") if row else None
    if addresses is None:
        return None
    four = sum(":" not in one for one in addresses)
    return max(four, len(addresses) - four)


def moved_ports(view: NodeView, name: str) -> list[str]:
    """Name the pods' first links that are on a bridge which no CNI and no engine makes.

    Multus puts second links of pods on such bridges, so a link that shares its pod with a port of
    the pod bridge is none, and neither is any while each address given out has a port.
    """
    links = view.links
    others = {
        port: link
        for port, link in view.ports.items()
        if port.startswith("veth") and link.get("master") not in (None, name)
    }
    found = []
    on = {
        port: link
        for port, link in (view.ports_of(name) if others else {}).items()
        if port in view.ports
    }
    pods = {link.get("peer_netnsid") for link in on.values()} - {None}
    for port, link in others.items():
        bridge = str(link["master"])
        if links.get(bridge, {}).get("kind") != "bridge":
            continue
        if roles.named_role(bridge, links[bridge]) != roles.OTHER:
            continue
        first = (link.get("inside") or {}).get("link", "eth0") == "eth0"
        if first and "peer_netnsid" in link and link["peer_netnsid"] not in pods:
            found.append(port)
    if not found or plug_of(view) is None:
        return []
    leases = given_out(view)
    return found if leases is not None and leases - len(on) >= len(found) else []


def all_addresses(view: NodeView, link: str) -> None:
    """Raise CannotTell where a link may have addresses that were not observed."""
    found = view.snapshot.why_not_observed(("links", link, "addresses"))
    if found is not None:
        raise CannotTell(*found)


def own_bridge(view: NodeView) -> str | None:
    """Return the pod bridge where it is flannel's, None where there is none."""
    name = pod_bridge(view)
    return name if name is not None and is_there(view) else None
