"""What flannel's configuration asks for against what a node runs: nothing here is a rule."""

from __future__ import annotations

import typing as t

from snapdiff.rules.flannel import BACKENDS
from snapdiff.rules.registry import CannotTell
from snapdiff.rules.view import network

if t.TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from snapdiff.rules.fleet_view import Member

    Unlike = Iterator[tuple[str, t.Any, t.Any]]  # place, value, wanted value

LEASE = "cni/subnet_env/"
OWN = "cni/net_conf/"
FAMILIES = {  # key of the network, its key in the lease, that of the node's subnet, switch, default
    4: ("Network", "FLANNEL_NETWORK", "FLANNEL_SUBNET", "EnableIPv4", True),
    6: ("IPv6Network", "FLANNEL_IPV6_NETWORK", "FLANNEL_IPV6_SUBNET", "EnableIPv6", False),
}
UNSEEN = ("alloc", "extension", "ipsec", "tencent-vpc", "ali-vpc", "gce", "aws-vpc")
UDP = "udp"  # what flannel takes where Backend or its Type is not there
VNI, PORT = 1, 8472  # where the ConfigMap has none
LISTEN = {"flannel-wg": ("ListenPort", 51820), "flannel-wg-v6": ("ListenPortV6", 51821)}


def unlike(member: Member, conf: Mapping[str, t.Any]) -> Unlike:
    """Yield what a node runs otherwise than net-conf has it.

    Raises CannotTell for a backend that nobody knows.
    """
    backend = conf.get("Backend") or {}
    told = str(backend.get("Type") or UDP).lower()
    if told not in (*BACKENDS, *UNSEEN):
        raise CannotTell("cluster/flannel/config", f"nobody knows the backend {told}")
    yield from _networks(member, conf)
    runs = member.traits.values.get("backend")
    if runs not in BACKENDS or told == "extension":
        pass
    elif told != runs and (told in BACKENDS or runs != "host-gw"):
        yield "backend", runs, told
    elif told == "vxlan":
        yield from _vxlan(member, backend)
    elif told == "wireguard":
        yield from _wireguard(member, backend)
    yield from _own(member, conf)


def _networks(member: Member, conf: Mapping[str, t.Any]) -> Unlike:
    traits = member.traits.values
    if not member.subnets:
        return
    for family, (key, name, subnet, switch, usual) in FAMILIES.items():
        asked = bool(conf.get(switch, usual))
        has = any(one.version == family for one in member.subnets)
        if asked != has:
            words = (f"no IPv{family}", f"IPv{family}")
            yield LEASE + subnet, words[has], words[asked]
            continue
        wanted, seen = network(str(conf.get(key))), traits.get(LEASE + name)
        runs = {network(one.strip()) for one in str(seen or "").split(",")} - {None}
        if asked and wanted is not None and runs and wanted not in runs:
            yield LEASE + name, seen, str(wanted)


def _vxlan(member: Member, backend: Mapping[str, t.Any]) -> Unlike:
    for one in member.vteps:
        if not one.link.startswith("flannel"):
            continue
        vni, port = backend.get("VNI") or VNI, backend.get("Port") or PORT
        if one.vni is not None and one.vni != vni:
            yield f"links/{one.link}/vxlan/id", one.vni, vni
        if one.port is not None and one.port != port:
            yield f"links/{one.link}/vxlan/port", one.port, port


def _wireguard(member: Member, backend: Mapping[str, t.Any]) -> Unlike:
    for one in member.tunnels:
        key, usual = LISTEN.get(one.link, ("", 0))
        port = backend.get(key) or usual
        if key and one.port is not None and one.port != port:
            yield f"links/{one.link}/wireguard/listen_port", one.port, port


def _own(member: Member, conf: Mapping[str, t.Any]) -> Unlike:
    """Yield what the node's own net-conf has otherwise."""
    flat = {**conf, **{f"Backend/{key}": one for key, one in (conf.get("Backend") or {}).items()}}
    for path, seen in sorted(member.traits.values.items()):
        wanted = flat.get(path.removeprefix(OWN)) if path.startswith(OWN) else None
        if seen is not None and wanted is not None and seen != wanted:
            yield path, seen, wanted
