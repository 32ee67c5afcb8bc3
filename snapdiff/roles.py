"""What a link is for: underlay, overlay, pod bridge, pod port ... told by name, kind and master.

The kind must fit the name where it is known; a name alone is no proof. The underlay is told by what
it does - it carries an overlay, or the default route - never by its name.

Source: the link names of flannel, the CNI bridge plugin, Calico, Cilium, Weave, Antrea,
OVN-Kubernetes, kube-router, kube-proxy and the container engines, each read in its source.
"""

from __future__ import annotations

import re
import typing as t
from collections.abc import Mapping
from functools import lru_cache

UNDERLAY = "underlay"
OVERLAY = "overlay"
POD_BRIDGE = "pod bridge"
POD_PORT = "pod port"
LOOPBACK = "loopback"
DUMMY = "service dummy"
PLUMBING = "plumbing"
OTHER_BRIDGE = "other bridge"
OTHER = "other"

_ANY: frozenset[str] = frozenset()
_TABLE: tuple[tuple[str, frozenset[str], str], ...] = (
    (r"lo", _ANY, LOOPBACK),
    (r"flannel(-v6)?\.\d+", frozenset({"vxlan"}), OVERLAY),
    (r"flannel-wg(-v6)?", frozenset({"wireguard"}), OVERLAY),
    (r"flannel\.ipip", frozenset({"ipip"}), OVERLAY),
    (r"flannel\d+", frozenset({"tun"}), OVERLAY),
    (r"vxlan(-v6)?\.calico", frozenset({"vxlan"}), OVERLAY),
    (r"(wireguard|wg-v6)\.cali", frozenset({"wireguard"}), OVERLAY),
    (r"cilium_(vxlan|geneve)", frozenset({"vxlan", "geneve"}), OVERLAY),
    (r"(cilium_wg0|antrea-wg0)", frozenset({"wireguard"}), OVERLAY),
    (r"(genev_sys_|vxlan_sys_|gre_sys)\d*|antrea-tun0", _ANY, OVERLAY),
    (r"tun-[0-9a-f]{11}", frozenset({"ipip", "ip6tnl"}), OVERLAY),
    (r"(cni0|cbr0|kube-bridge|weave)", frozenset({"bridge"}), POD_BRIDGE),
    (r"cni0\.\d+", frozenset({"veth"}), PLUMBING),
    (
        r"cilium_(host|net)|bpf(in|out)\.cali|vethwe-(bridge|datapath|pcap)",
        frozenset({"veth"}),
        PLUMBING,
    ),
    (
        r"antrea-gw0|ovn-k8s-mp\d+|br-int|br-ex|breth\S+|ovs-system|datapath",
        frozenset({"openvswitch"}),
        PLUMBING,
    ),
    (
        r"kube-ipvs0|nodelocaldns|kube-dummy-if|antrea-(egress|ingress)0",
        frozenset({"dummy"}),
        DUMMY,
    ),
    (r"cali[0-9a-f]{11}", frozenset({"veth", "netkit"}), POD_PORT),
    (r"lxc([0-9a-f]+|_health)", frozenset({"veth", "netkit"}), POD_PORT),
    (r"eni[0-9a-f]{11}|azv[0-9a-f]+|gke[0-9a-f]{11}", frozenset({"veth"}), POD_PORT),
    (r"vethwepl\S+", frozenset({"veth"}), POD_PORT),
    (r"[0-9a-f]{15}", frozenset({"veth"}), POD_PORT),
    (
        r"docker0|br-[0-9a-f]{12}|cni-podman\d+|nerdctl\d+|virbr\d+",
        frozenset({"bridge"}),
        OTHER_BRIDGE,
    ),
)
_COMPILED = tuple((re.compile(rf"(?:{name})\Z"), kinds, role) for name, kinds, role in _TABLE)
_VETH = re.compile(r"veth[0-9a-f]{8}\Z")
_ENGINE = re.compile(r"docker|br-|cni-podman|nerdctl|virbr")
_ANTREA = re.compile(r"[a-z0-9][-a-z0-9]{0,7}-[0-9a-f]{6}\Z")
# Most links of a node are pods' veths, which none of these names: one look instead of twenty.
_NAMED = re.compile(rf"(?:{'|'.join(name for name, _kinds, _role in _TABLE)})\Z")
_OVERLAY_NAMES = re.compile(
    rf"(?:{'|'.join(name for name, _kinds, role in _TABLE if role is OVERLAY)})\Z"
)

Link = Mapping[str, t.Any]


def named_role(name: str, link: Link) -> str:
    """Return what the link's own facts tell; the underlay takes :func:`role_of`."""
    if name == "tunl0" and link.get("addresses"):  # without an address it is the module's default
        return OVERLAY
    return _named_role(name, link.get("kind"), str(link.get("master", "")))


@lru_cache(maxsize=1 << 12)  # rules ask some ten times for each link of a node
def _named_role(name: str, kind: str | None, master: str) -> str:
    for pattern, kinds, role in _COMPILED if _NAMED.match(name) else ():
        if pattern.match(name) and (not kinds or kind is None or kind in kinds):
            return role
    if kind in (None, "veth"):
        if _VETH.match(name) and not _ENGINE.match(master):
            return POD_PORT
        if kind == "veth" and _ANTREA.match(name):
            return POD_PORT
    return OTHER


def overlays(links: Mapping[str, Link]) -> list[str]:
    """Name the overlay links, sorted."""
    return sorted(
        name for name in links if _may_be_overlay(name) and named_role(name, links[name]) == OVERLAY
    )


@lru_cache(maxsize=1 << 12)
def _may_be_overlay(name: str) -> bool:
    """Say so by the name alone, so that no other row has to be read for it."""
    return name == "tunl0" or _OVERLAY_NAMES.match(name) is not None


def underlays(links: Mapping[str, Link], routes: Mapping[str, Link]) -> list[str]:
    """Name the links that carry an overlay or the default route, in this order.

    Where neither is told (a listing without details), it is the link that is not of the CNI's, is
    up and has an address of global scope - if there is just one.
    """
    found: dict[str, None] = {}
    for name in overlays(links):
        lower = links[name].get("lower")
        if lower in links:
            found[str(lower)] = None
    for key in routes:
        if key.startswith(("main default dev ", "main ::/0 dev ")):
            dev = key.split(" ")[3]
            if dev in links and named_role(dev, links[dev]) == OTHER:
                found[dev] = None
    if found:
        return list(found)
    guesses = [
        name
        for name, link in links.items()
        if named_role(name, link) == OTHER
        and "UP" in link.get("flags", ())
        and any(_is_global(address) for address in link.get("addresses", {}))
    ]
    return guesses if len(guesses) == 1 else []


def _is_global(address: str) -> bool:
    return not address.startswith(("fe80:", "169.254.", "127.", "::1/"))


def role_of(name: str, links: Mapping[str, Link], routes: Mapping[str, Link]) -> str:
    """Return the role of a link among the others of its node."""
    role = named_role(name, links[name])
    if role == OTHER and name in underlays(links, routes):
        return UNDERLAY
    return role


def parents(links: Mapping[str, Link], routes: Mapping[str, Link]) -> frozenset[str]:
    """Name the links that underlays lie on, as eth0 below eth0.100: what befalls these, they have.

    The ports of a bond are none: it does without one of them.
    """
    found: set[str] = set()
    for name in underlays(links, routes):
        lower = links[name].get("lower")
        while lower in links and lower not in found:
            found.add(str(lower))
            lower = links[str(lower)].get("lower")
    return frozenset(found)


def population_of(name: str) -> str:
    """Return how the ports of a kind are called together, as ``veth*``."""
    for prefix in ("veth", "cali", "lxc", "eni", "azv", "gke"):
        if name.startswith(prefix):
            return f"{prefix}*"
    return "pod*"
