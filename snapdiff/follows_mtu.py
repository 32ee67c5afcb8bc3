"""Which MTU follows from which: underlay or net-conf, overlay, lease, pods, their bridge."""

from __future__ import annotations

import typing as t
from collections.abc import Iterator, Mapping

from snapdiff import roles
from snapdiff.model import Change, Kind
from snapdiff.rules.flannel import kind_of
from snapdiff.scene import CONF, LEASE

if t.TYPE_CHECKING:
    from snapdiff.rules.overheads import Fit
    from snapdiff.scene import Scene

OF_KEY = {"vxlan": 50, "wireguard": 80}  # what flannel takes of the key MTU of net-conf
VETH_MTU = 1500  # of the kernel, for a plugin that is told none


def overlay_mtu(change: Change, scene: Scene) -> Change | None:
    """Hold an overlay's MTU against net-conf and the underlay: theirs, less the overhead."""
    if change.role != roles.OVERLAY or change.path[2:] != ("mtu",):
        return None
    for one in scene.fits:
        if one.overlay.name == change.path[1]:
            return _of_key(one, change.after, scene) or _of_underlay(one, change.after, scene)
    return None


def _of_key(one: Fit, mtu: t.Any, scene: Scene) -> Change | None:
    key = scene.at(*CONF, "Backend", "MTU")
    less = OF_KEY.get(kind_of(one.overlay))
    if key is None or less is None or one.overlay.owner != "flannel":
        return None
    if isinstance(key.after, int) and mtu == key.after - less:
        return key
    gone = not isinstance(key.after, int)
    return key if gone and mtu == one.under - one.cost.asked else None


def _of_underlay(one: Fit, mtu: t.Any, scene: Scene) -> Change | None:
    if mtu != one.under - one.cost.asked:
        return None
    lower = scene.at("links", one.overlay.name, "lower")
    return scene.at("links", one.below, "mtu") or lower


def lease_mtu(change: Change, scene: Scene) -> Change | None:
    """Hold the lease's MTU against what flannel computes: of net-conf, backend, underlay."""
    if change.path != (*LEASE, "FLANNEL_MTU") or not isinstance(change.after, int):
        return None
    mtu = change.after
    backend = scene.at(*CONF, "Backend", "Type")
    for one in scene.in_use:
        found = _of_key(one, mtu, scene)
        if found is None and mtu == one.under - one.cost.asked:
            found = backend or _of_underlay(one, mtu, scene)
        if found is not None:
            return found
    view = scene.view
    if view is not None and not scene.in_use:
        names = roles.underlays(view.links, view.section("routes"))
        for name in names:
            if view.get("links", name, "mtu") == mtu:
                return backend or scene.at("links", name, "mtu")
    return next((one for one in _of_overlays(scene) if _mtu_in(one) == mtu), None)


def _of_overlays(scene: Scene) -> Iterator[Change]:
    """Yield the overlays that got another MTU, and those that are new."""
    yield from (one for one in scene.of_links("mtu") if one.role == roles.OVERLAY)
    whole = (one for one in scene.of_links() if one.role == roles.OVERLAY)
    yield from (one for one in whole if one.kind is Kind.ADDED)


def _mtu_in(change: Change) -> t.Any:
    return change.after.get("mtu") if isinstance(change.after, Mapping) else change.after


def pods_mtu(change: Change, scene: Scene) -> Change | None:
    """Hold new MTUs of pods against plugin, lease and overlay, and the bridge's against pods'."""
    if change.role not in (roles.POD_PORT, roles.POD_BRIDGE) or change.path[-1] != "mtu":
        return None
    old, new = _values(change.before), _values(change.after)
    fresh = [one for one in new if one not in old]
    sources: dict[t.Any, Change] = {}
    for one in scene.under("cni_config"):
        sources.update((mtu, one) for mtu in _plugins_mtus(one) if mtu not in sources)
    lease = scene.at(*LEASE, "FLANNEL_MTU")
    for one in (*([lease] if lease is not None else []), *_of_overlays(scene)):
        sources.setdefault(_mtu_in(one), one)
    if fresh and all(one in sources for one in fresh):
        return sources[fresh[0]]
    if change.role == roles.POD_BRIDGE:
        for one in scene.of_links("mtu"):
            least = min((mtu for mtu in _values(one.after) if mtu is not None), default=None)
            if one.role == roles.POD_PORT and change.after == least:
                return one  # which is what the kernel gives a bridge
    return None


def _values(value: t.Any) -> list[t.Any]:
    return value if isinstance(value, list) else [value]


def _plugins_mtus(change: Change) -> set[int]:
    """Return the MTUs that a file of the CNI gives pods now, and did not before."""
    if len(change.path) == 2 and (change.after or {}).get("order") == 0:
        return _mtus(change.after.get("plugins"))
    if change.path[2:] == ("plugins",):
        return _mtus(change.after) - _mtus(change.before)
    return set()


def _mtus(plugins: t.Any) -> set[int]:
    found = set()
    for one in plugins if isinstance(plugins, list) else []:
        given = one.get("delegate") if one.get("type") == "flannel" else one
        mtu = given.get("mtu") if isinstance(given, Mapping) else None
        if mtu is None and one.get("type") == "bridge":
            mtu = VETH_MTU
        if isinstance(mtu, int):
            found.add(mtu)
    return found
