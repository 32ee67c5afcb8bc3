"""Addresses of overlay and pod bridge against the lease, and pod prefixes against all others."""

from __future__ import annotations

import typing as t
from ipaddress import ip_interface

from snapdiff import canonical, roles
from snapdiff.model import Severity
from snapdiff.rules import flannel
from snapdiff.rules.registry import Breach, CannotTell, Result, rule
from snapdiff.rules.view import network

if t.TYPE_CHECKING:
    from snapdiff.rules.view import Address, Network, NodeView, Overlay

RESTART = "restart the flannel pod of {node} (with k3s: systemctl restart k3s or k3s-agent)"
SOON = 300.0  # seconds after the start in which a first pod may just be plugged


def inside(one: Network, networks: t.Iterable[Network]) -> bool:
    """Say whether a whole prefix lies in one of the networks."""
    return any(
        one.network_address in other and one.prefixlen >= other.prefixlen
        for other in networks
        if one.version == other.version
    )


def networks_of(view: NodeView) -> list[Network]:
    """Return the networks of all pods: of the lease, else of net-conf."""
    found = view.networks()
    if found:
        return found
    texts = (view.net_conf.get("Network"), view.net_conf.get("IPv6Network"))
    return [one for text in texts if text and (one := network(str(text))) is not None]


def overlay_for(view: NodeView, version: int) -> Overlay | None:
    """Return the overlay that has the address of a family: one of WireGuard's may have both."""
    overlays = flannel.in_use(view)
    own = next((one for one in overlays if one.family == version), None)
    if own is None and version == 6:
        return next((one for one in overlays if flannel.kind_of(one) == "wireguard"), None)
    return own


@rule(
    "overlay-address",
    Severity.ERROR,
    entries=("N-20", "N-26"),
    remedy=RESTART + "; if {seen} stays: ip addr del {seen} dev {link}",
    explains=(
        "overlay-foreign-address",
        "peer-entries-missing",
        "peer-entries-extra",
        "overlay-flapped",
    ),
)
def overlay_address(view: NodeView) -> Result:
    """Give the overlay one address of the pod network: the lease's subnet with ``.0``, as a /32.

    Why: it is the gateway by which other nodes reach the subnet, and the source of what the node
    sends to pods elsewhere. One of an earlier lease makes answers come from where nobody expects
    them.

    Exempt: link-local addresses; the prefix of the udp backend, which once was that of the network.
    Source: flannel pkg/backend/vxlan/device.go, configureDeviceIPv4IPv6(); pkg/ip/iface.go,
    EnsureV4AddressOnLink(); flannel-io/flannel#878, #883, #1060.
    """
    if not flannel.in_use(view):
        return
    networks = networks_of(view)
    for subnet in view.subnets():
        overlay = overlay_for(view, subnet.version)
        if overlay is None:
            continue
        right = ip_interface(f"{subnet.network_address}/{subnet.max_prefixlen}")
        own = [one for one in view.addresses(overlay.name) if one.version == subnet.version]
        loose = flannel.kind_of(overlay) == "tun"
        rest = [one for one in own if one != right and not (loose and one.ip == right.ip)]
        if len(rest) == len(own):
            yield from _no_address(view, overlay, right, rest)
            continue
        for one in rest:
            if any(one.ip in other for other in networks):
                yield Breach(
                    path=f"links/{overlay.name}/addresses/{one}",
                    message=f"{overlay.name} has {one} beside the {right} of its lease",
                    seen=str(one),
                    expected=str(right),
                )


def _no_address(view: NodeView, overlay: Overlay, right: Address, rest: list[Address]) -> Result:
    name = overlay.name
    flannel.all_addresses(view, name)
    if rest:
        seen = ", ".join(map(str, rest))
        message = f"{name} has {seen}, but the lease says {right}"
    else:
        seen, message = None, f"{name} has no IPv{right.version} address; the lease says {right}"
    yield Breach(
        path=f"links/{name}/addresses",
        message=message,
        seen=seen,
        expected=str(right),
        remedy=None if rest else RESTART,
    )


@rule(
    "overlay-foreign-address",
    Severity.WARNING,
    entries=("N-21",),
    remedy="ip addr del {seen} dev {link} on {node}, and tell who set it to leave {link} alone: "
    "dhcpcd (denyinterfaces), NetworkManager (unmanaged-devices), avahi",
    explains=("foreign-pod-routes",),
)
def overlay_foreign_address(view: NodeView) -> Result:
    """Have no address on the overlay that flannel did not give it.

    Why: a DHCP client or a link-local daemon that adopts the link gives it an address, and often a
    default route. flannel before v0.15 does not start beside one.

    Exempt: one IPv6 link-local address, which the kernel makes. Addresses of the pod network are
    held by overlay-address.
    Source: k3s-io/k3s#2599; flannel-io/flannel#1018, #1764, #1401.
    """
    overlays = flannel.in_use(view)
    if not overlays:
        return
    networks = networks_of(view)
    if not networks:
        return
    for overlay in overlays:
        rows = view.links[overlay.name]["addresses"]
        mac = str(view.links[overlay.name].get("mac", ""))
        local = sorted(
            (key for key in rows if key.startswith("fe80:")),
            key=lambda key: (
                key.partition("/")[0] != canonical.link_local(mac),
                key,
            ),
        )
        given = view.addresses(overlay.name)
        foreign = [str(one) for one in given if not any(one.ip in other for other in networks)]
        for one in [*foreign, *local[1:]]:
            yield Breach(
                path=f"links/{overlay.name}/addresses/{one}",
                message=f"{overlay.name} has {one}, which flannel did not give it",
                seen=one,
            )
        flannel.all_addresses(view, overlay.name)


@rule(
    "pod-bridge-address",
    Severity.ERROR,
    entries=("N-22",),
    remedy="drain {node}, then on it: ip link delete {link}; rm -rf /var/lib/cni/networks/cbr0; "
    "the next pod makes {link} anew with {expected}",
    explains=("ipam-subnet", "pod-subnet-route", "pod-subnets-disjoint"),
)
def pod_bridge_address(view: NodeView) -> Result:
    """Give the pod bridge the first address of the lease's subnet, and no other.

    Why: it is the pods' gateway. The bridge outlives flannel and a kubeadm reset; where the lease
    has changed since, the plugin refuses new pods ("already has an IP address different from"), and
    running ones are unreachable from other nodes.

    Exempt: no bridge, or one without ports and address; a plugin with isGateway false; on a node
    just started cannot tell, for the address is set last when the first pod is added. IPv6 alone is
    a warning.
    Source: containernetworking plugins plugins/main/bridge/bridge.go, ensureAddr(); flannel
    pkg/subnet/subnet.go, WriteSubnetFile(); flannel-io/flannel#1850; kubernetes/kubernetes#67183.
    """
    name = _gateway_of(view)
    if name is None or name not in view.links:
        return
    own = view.addresses(name)
    for version, right in sorted(_gateways(view).items()):
        given = [one for one in own if one.version == version]
        if right in given and (len(given) == 1 or version == 6):
            continue
        if right not in given:
            flannel.all_addresses(view, name)
        if not own:
            bare = _bare(view, name)
            if isinstance(bare, CannotTell):
                yield bare
            if bare is not None:
                return
        wrong = ", ".join(str(one) for one in given if one != right)
        place = f"links/{name}/addresses"
        none = "no IPv6 address" if version == 6 else "no IPv4 address" if own else "no address"
        yield Breach(
            path=place if version == 4 else f"{place}/{right}",
            message=f"{name} has {wrong or none}, but the lease says {right}"
            if right not in given
            else f"{name} has {wrong} beside the {right} of the lease",
            seen=wrong or None,
            expected=str(right),
            severity=Severity.WARNING if version == 6 else None,
            remedy=_without_drain(right, [one for one in given if one != right], right in given),
        )


def _without_drain(right: Address, wrong: list[Address], has_right: bool) -> str | None:
    """Return what mends the address under running pods; None where the lease changed below them."""
    add = f"ip addr add {{expected}}{' brd +' if right.version == 4 else ''} dev {{link}}"
    delete = "; ".join(f"ip addr del {one} dev {{link}}" for one in wrong)
    if has_right:
        return f"on {{node}}: {delete}; see who set it"
    if not wrong:
        return f"on {{node}}: {add}; see who took it away (networkd, NetworkManager)"
    if all(one.ip == right.ip for one in wrong):
        return f"on {{node}}: {add}; {delete}"
    return None


def _gateway_of(view: NodeView) -> str | None:
    """Return the link that has the pods' gateway: the bridge, or with a VLAN a link on it."""
    bridge, plug = flannel.bridge_of(view), flannel.plug_of(view)
    delegate = plug.delegate if plug else {}
    if delegate.get("isGateway") is False and not delegate.get("isDefaultGateway"):
        return None
    vlan = delegate.get("vlan")
    return f"{bridge}.{vlan}" if bridge and vlan else bridge


def _gateways(view: NodeView) -> dict[int, Address]:
    found: dict[int, Address] = {}
    for one in view.subnets():
        found[one.version] = ip_interface(f"{one.network_address + 1}/{one.prefixlen}")
    return found


def _bare(view: NodeView, name: str) -> CannotTell | bool | None:
    """Say why a bridge without any address is no breach; None where it is one."""
    bridge = flannel.bridge_of(view)
    if not bridge or not flannel.ports_of(view, bridge):
        return True
    since = view.snapshot.uptime
    if since is not None and since < SOON:
        why = f"the node started {since:.0f} s ago; its first pod may just be plugged"
        return CannotTell(f"links/{name}/addresses", why)
    return None


@rule(
    "prefix-overlap",
    Severity.ERROR,
    entries=("N-29",),
    remedy='give {link} another prefix (docker: "bip" and "default-address-pools" in '
    "/etc/docker/daemon.json), or the cluster another pod network",
)
def prefix_overlap(view: NodeView) -> Result:
    """Keep the prefixes of all other links apart from the pod network.

    Why: the more specific route wins, so packets for pods go to docker0 or into the LAN, or packets
    for other nodes into the overlay.

    Exempt: links of the CNI, loopback, addresses of Services; a link that is down. A link that is
    no underlay and no engine's bridge is a warning.
    Source: flannel-io/flannel#1387; voxpupuli/puppet-k8s#22.
    """
    known: CannotTell | None = None
    try:
        if not flannel.is_there(view):
            return
        pods = [*networks_of(view), *view.subnets()]
    except CannotTell as reason:  # what the links themselves have is less, but better than nothing
        known, pods = reason, _own_prefixes(view)
    below = {name for one in view.overlays for name in flannel.carriers(view, one)}
    below |= set(roles.underlays(view.links, view.snapshot["routes"]))
    bridge = flannel.bridge_of(view)
    for name, link in view.links.items():
        if bridge is not None and name.partition(".")[0] == bridge:
            continue
        role = roles.UNDERLAY if name in below else roles.named_role(name, link)
        if role not in (roles.UNDERLAY, roles.OTHER_BRIDGE, roles.OTHER):
            continue
        if "flags" in link and "UP" not in link["flags"]:
            continue
        for address in view.addresses(name):
            hit = next((one for one in pods if _overlap(one, address)), None)
            if hit is not None:
                yield Breach(
                    path=f"links/{name}/addresses/{address}",
                    message=f"{name} has {address}, which overlaps the pods' {hit}",
                    seen=str(address),
                    expected=f"a prefix outside {hit}",
                    severity=Severity.WARNING if role == roles.OTHER else None,
                )
    if known is not None:
        yield known


def _overlap(pods: Network, address: Address) -> bool:
    other: Network = address.network
    return other.version == pods.version and other.overlaps(pods)


def _own_prefixes(view: NodeView) -> list[Network]:
    names = [*view.bridges, *(one.name for one in view.flannel)]
    return [one.network for name in names for one in view.addresses(name)]
