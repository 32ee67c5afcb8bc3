"""flannel on a node: which overlay is in use, which bridge its plugin makes, with what ports.

Nothing here is a rule; rules about MTUs, addresses and links ask it.
"""

from __future__ import annotations

import typing as t
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from snapdiff import roles
from snapdiff.rules.registry import CannotTell
from snapdiff.rules.view import FLANNEL

if t.TYPE_CHECKING:
    from snapdiff.rules.view import Link, NodeView, Overlay

KIND_OF = {backend: kind for kind, backend in FLANNEL.items()}
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


def in_use(view: NodeView) -> tuple[Overlay, ...]:
    """Return the overlays of the backend that flannel runs, without what an earlier one left.

    net-conf names the backend. Where nobody looked at it, or a node has none, it is the one whose
    MTU the lease has; where that does not tell either, all are.
    """
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


def ports_of(view: NodeView, bridge: str) -> dict[str, Link]:
    """Return the ports of a bridge. Raises CannotTell where links do not tell their master."""
    for name, link in view.links.items():
        if "master" not in link:
            view.get("links", name, "master")
    return view.ports_of(bridge)


def pod_ports_of(view: NodeView, bridge: str) -> dict[str, Link]:
    """Return the ports of a bridge that are pods'. Raises CannotTell as :func:`ports_of`."""
    return {name: link for name, link in ports_of(view, bridge).items() if name in view.ports}


def all_addresses(view: NodeView, link: str) -> None:
    """Raise CannotTell where a link may have addresses that were not observed."""
    found = view.snapshot.why_not_observed(("links", link, "addresses"))
    if found is not None:
        raise CannotTell(*found)
