"""What of a node is held against other nodes: each value by the role of its link, not by its name.

``overlay/flannel/4/vxlan/port`` is one trait on all nodes, also where a node's overlay is called
flannel.2. A trait that a node did not tell is not in its map, so it is not counted.
"""

from __future__ import annotations

import typing as t
from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from snapdiff import roles
from snapdiff.rules.cni_files import LOADED
from snapdiff.rules.flannel import in_use
from snapdiff.rules.registry import CannotTell
from snapdiff.rules.view import Network, NodeView, Overlay, interface, network

Pair = tuple[str, Hashable]
Claim = tuple[Network, str]  # a pod subnet that a node takes for its own, and where it says so
OWNERS = ("flannel", "calico", "cilium")  # whose overlays have one name a cluster
BRIDGES = ("cni0", "cbr0", "kube-bridge")  # Weave's bridge has one subnet on all nodes
NAMES = ("FLANNEL_NETWORK", "FLANNEL_IPV6_NETWORK")
SETTINGS = ("Network", "IPv6Network", "EnableIPv4", "EnableIPv6", "EnableNFTables")
DETAILS = ("id", "port", "learning", "gbp", "local", "local6")
# Segmentation follows checksums, so it would only say the same thing again.
CHECKSUMS = ("tx-checksum-ip-generic", "tx-checksum-ipv4", "tx-checksum-ipv6")
TUNNELS = ("tx-udp_tnl-segmentation", "tx-udp_tnl-csum-segmentation")
UNDERLAY = "underlay"
DEPTH = {"overlay": 4, "bridge": 2}  # parts of a trait that stand for the name of a link
PLACES = {  # of traits that are concluded
    "name": (),
    "network": ("addresses",),
    "address": ("addresses",),
    "beside": ("addresses",),
    "nowhere": ("addresses",),
    "families": ("cni/subnet_env",),
    "backend": ("cni/net_conf/Backend/Type",),
    "overlays": ("links",),
    "bridges": ("links",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """The values of a node by trait, its links by role, and the subnets that it claims."""

    values: Mapping[str, Hashable]
    links: Mapping[str, str]  # the head of a trait to the link it is about
    claims: tuple[Claim, ...]
    ways6: tuple[Network, ...]  # where its IPv6 routes lead, overlays left out
    groups: Mapping[str, str]  # what it has in common with others, as kernel or underlay


def traits_of(view: NodeView) -> Traits:
    """Return what other nodes are compared with. Raises nothing: what is not told is left out."""
    values: dict[str, Hashable] = {}
    links: dict[str, str] = {}
    for ask in (_lease, _settings, _host):
        _put(values, ask(view))
    _put(values, _links(view, links))
    return Traits(
        values=values,
        links=links,
        claims=tuple(dict.fromkeys(_claims(view))),
        ways6=tuple(_ways6(view)) if any(key.endswith("local6") for key in values) else (),
        groups=_groups(view, links.get(UNDERLAY)),
    )


def place_of(trait: str, links: Mapping[str, str]) -> str:
    """Return where a snapshot has a trait, ``*`` for the name of a link that is not there."""
    parts = trait.split("/")
    if parts[0] == UNDERLAY:
        return "/".join(("links", links.get(UNDERLAY, "*"), *PLACES.get(parts[1], parts[1:])))
    if parts[0] not in DEPTH:
        return PLACES.get(trait, (trait,))[0]
    depth = DEPTH[parts[0]]
    return "/".join(("links", links.get("/".join(parts[:depth]), "*"), *parts[depth:]))


def _put(values: dict[str, Hashable], pairs: Iterable[Pair]) -> None:
    try:
        values.update((name, value) for name, value in pairs if value is not None)
    except CannotTell:
        return


def _lease(view: NodeView) -> Iterator[Pair]:
    lease = view.lease or {}
    for key, value in lease.items():
        if key in NAMES:  # several networks have no order
            value = ",".join(sorted(one.strip() for one in str(value).split(",")))
        yield f"cni/subnet_env/{key}", value
    families = tuple(sorted({one.version for one in view.subnets()}))
    yield "families", families or None


def _settings(view: NodeView) -> Iterator[Pair]:
    conf = view.snapshot["cni"].get("net_conf") or {}
    for key in SETTINGS:
        yield f"cni/net_conf/{key}", conf.get(key)
    for key, value in (conf.get("Backend") or {}).items():
        yield f"cni/net_conf/Backend/{key}", value
    if "cni_config" not in view.snapshot["not_observed"]:
        names = [one for one in view.section("cni_config") if one.endswith(LOADED)]
        yield "cni_config", tuple(sorted(names))


def _host(view: NodeView) -> Iterator[Pair]:
    for key, value in view.snapshot["sysctls"].items():
        yield f"sysctls/{key}", value
    for key in ("machine_id", "kernel", "hostname"):
        yield f"host/{key}", view.snapshot["host"].get(key)


def _links(view: NodeView, links: dict[str, str]) -> Iterator[Pair]:
    overlays = [one for one in view.overlays if one.owner in OWNERS]
    used = in_use(view)
    overlays.sort(key=lambda one: one.owner == "flannel" and one not in used)  # the live one first
    yield "backend", _backend(view)
    for overlay in overlays:
        head = first = f"overlay/{overlay.owner}/{kind_of(overlay)}/{overlay.family}"
        number = 1
        while head in links:
            number += 1
            head = f"{first}#{number}"
        links[head] = overlay.name
        if head == first:  # another of its sort is compared by being there
            yield from _overlay(head, overlay)
    yield "overlays", tuple(sorted(links))
    for name, link in view.bridges.items():
        links[f"bridge/{name}"] = name
        yield f"bridge/{name}/mac", link.get("mac")
    yield "bridges", tuple(f"bridge/{name}" for name in sorted(view.bridges))
    below = _underlay(view)
    if below is not None:
        links[UNDERLAY] = below
        yield from _below(view, below, overlays)


def kind_of(overlay: Overlay) -> str:
    """Return the kind, by the name where a listing without details is all there is."""
    name = overlay.name
    marks = {"wg": "wireguard", "wireguard": "wireguard", "ipip": "ipip", "tunl0": "ipip"}
    guess = next((kind for mark, kind in marks.items() if mark in name), "vxlan")
    return overlay.kind or ("tun" if name.removeprefix("flannel").isdigit() else guess)


def _overlay(head: str, overlay: Overlay) -> Iterator[Pair]:
    yield f"{head}/mtu", overlay.mtu
    yield f"{head}/offloads", _offloads(overlay.link, CHECKSUMS)
    for member in ("public_key", "listen_port"):
        yield f"{head}/wireguard/{member}", (overlay.link.get("wireguard") or {}).get(member)
    if kind_of(overlay) == "vxlan":
        yield f"{head}/mac", overlay.link.get("mac")
        for member in DETAILS:
            yield f"{head}/vxlan/{member}", overlay.details.get(member)


def _offloads(link: Mapping[str, t.Any], features: tuple[str, ...]) -> tuple[str, ...] | None:
    """Return which of some features are on, None where nobody looked."""
    found = link.get("offloads")
    return None if found is None else tuple(one for one in features if found.get(one))


def _backend(view: NodeView) -> str | None:
    """Return what flannel runs here; of a node without an overlay what it was told, or does."""
    kinds = {kind_of(one) for one in view.flannel}
    told = view.backend("Type")
    if kinds:
        word = "wireguard" if told in ("wireguard", "extension") else told
        return str(word) if word in kinds or len(kinds) > 1 else {"tun": "udp"}.get(*kinds, *kinds)
    if told is not None or view.lease is None:
        return None if told is None else str(told)
    networks = view.networks()
    for key, row in view.snapshot["routes"].items():
        if row.get("gateway") and key.startswith("main ") and _inside(row.get("dst"), networks):
            return "host-gw"
    return None


def _inside(dst: t.Any, networks: list[Network]) -> bool:
    one = network(str(dst))
    return one is not None and any(
        one.version == other.version and one != other and one.subnet_of(other)  # type: ignore[arg-type]
        for other in networks
    )


def _underlay(view: NodeView) -> str | None:
    for overlay in view.overlays:
        lower = overlay.link.get("lower")
        if lower in view.links:
            return str(lower)
    found = roles.underlays(view.links, view.snapshot["routes"])
    return found[0] if found else None


def _below(view: NodeView, name: str, overlays: list[Overlay]) -> Iterator[Pair]:
    """Yield what the link that carries the pods' packets is, and the address that peers use."""
    yield f"{UNDERLAY}/name", name
    yield f"{UNDERLAY}/mtu", view.links[name].get("mtu")
    if view.links[name].get("kind") != "ipvlan":  # which has the MAC of the link below it
        yield f"{UNDERLAY}/mac", view.links[name].get("mac")
    yield f"{UNDERLAY}/offloads", _offloads(view.links[name], (*CHECKSUMS, *TUNNELS))
    used = {
        one.family: one.details.get("local6" if one.family == 6 else "local") for one in overlays
    }
    for key, row in sorted(view.links[name]["addresses"].items()):
        one = interface(key)
        if one is None or one.ip.is_link_local or row.get("temporary") or row.get("deprecated"):
            continue
        if one.network.prefixlen != one.network.max_prefixlen:  # such a one is a floating address
            used[one.version] = used.get(one.version) or str(one.ip)
        if str(one.ip) == used.get(one.version):
            yield f"{UNDERLAY}/network/{one.version}", str(one.network)
    for family, address in used.items():
        yield f"{UNDERLAY}/address/{family}", address
    yield f"{UNDERLAY}/beside", tuple(_beside(view.links[name], used.values()))
    held = {key.partition("/")[0] for link in view.links.values() for key in link["addresses"]}
    if view.snapshot.why_not_observed(("links", name, "addresses")) is None:
        lost = sorted(one for one in used.values() if one is not None and one not in held)
        yield f"{UNDERLAY}/nowhere", tuple(lost)


def _beside(link: Mapping[str, t.Any], used: Iterable[t.Any]) -> Iterator[str]:
    """Yield what an underlay has beside the addresses that peers use, less what moves by design."""
    for key, row in sorted(link["addresses"].items()):
        one = interface(key)
        if one is None or one.ip.is_link_local or str(one.ip) in used:
            continue
        if row.get("temporary") or row.get("deprecated"):
            continue
        if one.network.prefixlen != one.network.max_prefixlen:
            yield str(one)


def _groups(view: NodeView, below: str | None) -> dict[str, str]:
    found = {"kernel": view.snapshot["host"].get("kernel"), "underlay": below}
    if below is not None and view.snapshot.why_not_observed(("links", below, "kind")) is None:
        found["underlay kind"] = view.snapshot["links"][below].get("kind") or "physical"
    return {name: str(value) for name, value in found.items() if value is not None}


def _claims(view: NodeView) -> Iterator[Claim]:
    for ask in (_leased, _addressed):
        try:
            yield from ask(view)
        except CannotTell:
            continue


def _leased(view: NodeView) -> Iterator[Claim]:
    for one in view.subnets():
        yield one, "lease"


def _addressed(view: NodeView) -> Iterator[Claim]:
    for overlay in view.flannel:
        for address in view.addresses(overlay.name):
            if address.network.prefixlen == address.network.max_prefixlen:
                yield address.network, overlay.name
    try:
        leased = view.subnets()
    except CannotTell:
        leased = []
    for name in view.bridges.keys() & set(BRIDGES):
        for address in view.addresses(name):
            if not any(_wider(address.network, one) for one in leased):
                yield address.network, name


def _wider(one: Network, lease: Network) -> bool:
    """Say whether a bridge has its own subnet with a wrong mask, which is no claim to another's."""
    return one.version == lease.version and one != lease and one.supernet_of(lease)  # type: ignore[arg-type]


def _ways6(view: NodeView) -> Iterator[Network]:
    names = {one.name for one in view.overlays}
    for row in view.snapshot["routes"].values():
        if (
            row.get("family") == "inet6"
            and row.get("table") == "main"
            and row.get("dev") not in names
        ):
            one = network("::/0" if row.get("dst") == "default" else str(row.get("dst")))
            if one is not None and row.get("type", "unicast") == "unicast":
                yield one
