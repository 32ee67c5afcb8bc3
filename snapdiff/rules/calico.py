"""Calico: the MTU that it gives new pods, and the MACs that it makes of names."""

from __future__ import annotations

import hashlib
import typing as t

from snapdiff import roles
from snapdiff.census import named
from snapdiff.model import Severity
from snapdiff.rules.registry import Breach, CannotTell, Result, rule

if t.TYPE_CHECKING:
    from collections.abc import Iterator

    from snapdiff.rules.fleet_view import Fleet
    from snapdiff.rules.view import NodeView, Overlay

MADE = "66:"  # the first byte of a MAC that Calico makes: f, for felix
FILE = ("cni", "calico", "mtu")


def _own_overlays(view: NodeView) -> list[Overlay]:
    return [one for one in view.overlays if one.owner == "calico" and "UP" in _flags(one)]


def _flags(overlay: Overlay) -> t.Any:
    return overlay.link.get("flags", ())


def _pinned(view: NodeView) -> int | None:
    """Return the MTU that Calico's plugin is given in its file, which wins over the node's."""
    for row in view.section("cni_config").values():
        for plugin in row.get("plugins", ()):
            mtu = plugin.get("mtu")
            if plugin.get("type") == "calico" and isinstance(mtu, int) and mtu > 0:
                return mtu
    return None


@rule(
    "calico-pod-mtu",
    Severity.WARNING,
    entries=("N-12",),
    remedy="see mtuIfacePattern and mtu of the FelixConfiguration, restart calico-node on {node}, "
    "then recycle its pods",
    explains=("calico-old-pods",),
)
def calico_pod_mtu(view: NodeView) -> Result:
    """Hold the MTU that Calico gives new pods within that of its overlays.

    Why: calico-node writes it down when it starts, as the least that an encapsulation leaves. Where
    an overlay was set lower since, what new pods send is lost on it, or cut.

    Exempt: nodes without an overlay of Calico's that is up; a file of the plugin that names an MTU,
    which then counts. A smaller MTU is right, or meant.
    Source: Calico felix/dataplane/linux/int_dataplane.go, determinePodMTU(); cni-plugin
    internal/pkg/utils, MTUFromFile().
    """
    overlays = [one for one in _own_overlays(view) if not one.details.get("external")]
    if not overlays:
        return
    given = _pinned(view) or view.get(*FILE)
    sizes = {one.name: view.get("links", one.name, "mtu") for one in overlays}
    least = min((size for size in sizes.values() if size is not None), default=None)
    if given is None or least is None or given <= least:
        return
    name = next(name for name, size in sizes.items() if size == least)
    yield Breach(
        path="/".join(FILE),
        message=f"new pods get MTU {given}, over the {least} of {name}",
        seen=given,
        expected=least,
    )


@rule(
    "calico-old-pods",
    Severity.WARNING,
    entries=("N-12",),
    remedy="recycle the pods behind {link} on {node} (kubectl drain, or delete them one by one)",
    explains=("pods-mtu-mixed",),
)
def calico_old_pods(view: NodeView) -> Result:
    """Give each of Calico's pods the MTU that new ones get.

    Why: a pod keeps the MTU that it started with, also when calico-node has found another since.

    Exempt: nodes without calico-node's word; a file of the plugin that names an MTU counts instead.
    Source: projectcalico/calico#5008; Calico felix/dataplane/linux/int_dataplane.go, findHostMTU().
    """
    ports = [name for name in view.ports if roles.population_of(name) == "cali*"]
    if not ports:
        return
    given = _pinned(view) or view.get(*FILE)
    if given is None:
        return
    sizes = {name: view.get("links", name, "mtu") for name in ports}
    for mtu in sorted({size for size in sizes.values() if size not in (None, given)}):
        names = sorted(name for name, size in sizes.items() if size == mtu)
        yield Breach(
            path="links/cali*/mtu",
            message=f"{len(names)} of {len(ports)} pod ports have MTU {mtu}, new pods get {given}",
            seen=mtu,
            expected=given,
            evidence=(f"{view.node}: {named(names)}",),
        )


def made_of(name: str, family: int) -> str:
    """Return the MAC that Calico makes of a node's name for its vxlan of an IP family, 4 or 6.

    Source: Calico felix/calc/vxlan_resolver.go, vtepMACForHost().
    """
    text = f"{name}-v6" if family == 6 else name
    data = b"f" + hashlib.sha1(text.encode(), usedforsecurity=False).digest()[:5]
    return ":".join(f"{byte:02x}" for byte in data)


def _names(fleet: Fleet, node: str) -> set[str]:
    """Return what Kubernetes may call a node: as the inventory does, or the node itself."""
    hostname = str(fleet.members[node].traits.values.get("host/hostname", ""))
    found = {form for one in (node, hostname) if one for form in (one, one.lower())}
    return found | {one.partition(".")[0] for one in found}


@rule(
    "calico-vtep-mac",
    Severity.WARNING,
    entries=("N-53",),
    scope="fleet",
    remedy="ip link delete {link} on {node}, and let calico-node make it anew; nodes that are "
    "called alike need other names first",
    explains=("vtep-mac-unique", "peer-entries-stale"),
)
def calico_vtep_mac(fleet: Fleet) -> Result:
    """Have the MAC of Calico's vxlan made of the node's own name.

    Why: the other nodes do not ask, they work it out from the name. With another MAC packets for
    the node's pods are dropped there. Where two nodes have one MAC it is an error.

    Exempt: a MAC that does not begin with 66, which the node object sets (as after a migration from
    flannel). Where it is made of a name that neither inventory nor node has, nobody can tell.
    Source: Calico felix/calc/vxlan_resolver.go, vtepMACForHost().
    """
    for trait in fleet.names("overlay/calico/vxlan/"):
        if not trait.endswith("/mac"):
            continue
        family = int(trait.split("/")[3])
        made = {
            made_of(name, family): node for node in fleet.members for name in _names(fleet, node)
        }
        yield from _strange(fleet, trait, made, family)


def _strange(fleet: Fleet, trait: str, made: dict[str, str], family: int) -> Iterator[t.Any]:
    for mac, nodes in fleet.census(trait).values:
        if not str(mac).startswith(MADE):
            continue
        for node in nodes:
            if any(made_of(name, family) == mac for name in _names(fleet, node)):
                continue
            place = fleet.place(trait, node)
            if mac not in made:
                yield CannotTell(place, "it is made of a name that the node is not known by")
                continue
            yield Breach(
                path=place,
                message=f"{node} has the MAC {mac}, which the others take for that of {made[mac]}",
                severity=Severity.ERROR if len(nodes) > 1 else None,
                seen=mac,
                expected=made_of(node, family),
                nodes=(node,),
                about=frozenset({made[mac]} - {node}),
            )
