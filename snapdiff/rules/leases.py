"""The lease and what follows from it: an overlay, and routes for the pods' subnet."""

from __future__ import annotations

import typing as t

from snapdiff import roles
from snapdiff.model import Severity
from snapdiff.rules import flannel
from snapdiff.rules.addresses import RESTART, inside, networks_of, overlay_for
from snapdiff.rules.lookup import refuses, table_of
from snapdiff.rules.registry import Breach, CannotTell, Result, rule
from snapdiff.rules.settings import named
from snapdiff.rules.view import network
from snapdiff.safe import for_shell

if t.TYPE_CHECKING:
    from snapdiff.rules.view import Network, NodeView

NAMES = {"vxlan": "flannel.1", "wireguard": "flannel-wg", "ipip": "flannel.ipip", "udp": "flannel0"}
SUBTRACTED = {50: "vxlan", 80: "wireguard", 20: "ipip", 28: "udp"}  # by flannel, for FLANNEL_MTU
AGENTS = frozenset({"bird", "80"})  # Calico's, which has a blackhole for each of its blocks


@rule(
    "overlay-missing",
    Severity.ERROR,
    entries=("N-26",),
    remedy=RESTART + ": it makes {link} anew, and all entries for peers",
    explains=(
        "lease-mtu-underlay",
        "pod-mtu",
        "direct-or-overlay",
        "peer-entries-missing",
        "peer-entries-extra",
        "wireguard-route",
    ),
)
def overlay_missing(view: NodeView) -> Result:
    """Have the overlay of flannel's backend wherever there is a lease.

    Why: the kernel deletes a vxlan together with the link below it, as when a VPN daemon is
    upgraded. flannel before v0.27.4 does not notice; WireGuard's link is gone while flanneld is
    stopped.

    Exempt: host-gw, alloc and extension, which have none; a node that another CNI has taken over.
    Where net-conf does not tell the backend, what FLANNEL_MTU is below the underlay's does; if not,
    cannot tell.
    Source: Linux vxlan_handle_lowerdev_unregister(); flannel-io/flannel#2247; k3s-io/k3s#12436.
    """
    used = flannel.in_use(view)
    if not used and view.lease is None:
        return
    told = view.backend("Type")
    if told is None and not used:
        told = _backend(view)
    if told in flannel.KIND_OF and not used:
        name = NAMES[str(told)]
        if told == "vxlan":
            name = f"flannel.{view.backend('VNI') or 1}"
        yield Breach(
            path=f"links/{name}",
            message=f"the lease is flannel's with backend {told}, but there is no {name}",
            expected=name,
        )
    elif any(flannel.kind_of(one) == "vxlan" for one in used):
        for subnet in view.subnets():
            if overlay_for(view, subnet.version) is None:
                name = "flannel.1" if subnet.version == 4 else "flannel-v6.1"
                yield Breach(
                    path=f"links/{name}",
                    message=f"the lease has {subnet}, but no overlay is for IPv{subnet.version}",
                    expected=name,
                )


def _backend(view: NodeView) -> str | None:
    """Return which backend the lease tells of, None where it needs no overlay."""
    if any(one.owner != "flannel" for one in view.overlays):
        return None  # another CNI runs; the lease is a leftover until the next boot
    mtu, networks = flannel.lease_mtu_of(view), networks_of(view)
    routes = view.section("routes")
    under = [view.links[name].get("mtu") for name in roles.underlays(view.links, routes)]
    for row in routes.values():
        dst = network(str(row.get("dst")))
        if row.get("gateway") and dst is not None and dst not in networks and inside(dst, networks):
            return None  # host-gw: a peer's subnet by way of the underlay
    gaps = {one - mtu for one in under if one is not None and mtu is not None}
    if 0 in gaps:
        return None
    found = next((SUBTRACTED[gap] for gap in sorted(gaps) if gap in SUBTRACTED), None)
    if found is None:
        raise CannotTell("cni/net_conf", "neither net-conf nor FLANNEL_MTU tells the backend")
    return found


@rule(
    "lease-missing",
    Severity.ERROR,
    entries=("N-26",),
    remedy=RESTART + ", which writes /run/flannel/subnet.env; never write it by hand",
)
def lease_missing(view: NodeView) -> Result:
    """Have flannel's lease wherever there is an overlay of flannel's.

    Why: the CNI plugin reads it each time a pod is added, so without it no pod starts. One written
    by hand gives the same addresses on several nodes.

    Exempt: a plugin with a subnetFile of its own; beside the overlay of another CNI, where
    flannel's is what a migration left, it is a warning.
    Source: flannel-io/cni-plugin flannel.go; kubernetes/kubernetes#70202; flannel-io/flannel#2253.
    """
    plug = flannel.plug_of(view)
    own = plug and plug.plugin.get("subnetFile")
    if not view.flannel or view.lease is not None or own not in (None, "/run/flannel/subnet.env"):
        return
    name = view.flannel[0].name
    other = next((one for one in view.overlays if one.owner != "flannel"), None)
    yield Breach(
        path="cni/subnet_env",
        message=f"there is {name}, but no /run/flannel/subnet.env"
        + (f"; it may be left from before {other.name}" if other else ""),
        severity=Severity.WARNING if other else None,
        remedy=f"ip link delete {for_shell(name)} on the node, once no pod uses it"
        if other
        else None,
    )


@rule(
    "lease-subnet",
    Severity.ERROR,
    entries=("N-25",),
    remedy="set Network in the ConfigMap kube-flannel-cfg to the cluster CIDR "
    "({expected} does not hold {seen}), then restart the flannel pods",
    explains=("overlay-foreign-address",),
)
def lease_subnet(view: NodeView) -> Result:
    """Have the node's pod subnet inside the network of all pods.

    Why: flannel routes and masquerades by the network. Pods outside it reach pods of their node,
    and elsewhere arrive under the node's address, or not at all.

    Exempt: a lease without one of the two, or without a prefix that can be read.
    Source: flannel pkg/subnet/kube/kube.go, AcquireLease(); flannel-io/flannel#1428;
    rancher/rke2#723.
    """
    lease = view.lease or {}
    for subnet in view.subnets():
        middle = "IPV6_" if subnet.version == 6 else ""
        networks = [one for one in view.networks() if one.version == subnet.version]
        if networks and not inside(subnet, networks):
            yield Breach(
                path=f"cni/subnet_env/FLANNEL_{middle}SUBNET",
                message=f"the node's subnet {subnet} is not inside {named([*map(str, networks)])}",
                seen=str(lease.get(f"FLANNEL_{middle}SUBNET")),
                expected=", ".join(map(str, networks)),
            )


@rule(
    "blackhole-subnet",
    Severity.WARNING,
    entries=("N-24",),
    remedy="ip route del {seen} on {node}",
)
def blackhole_subnet(view: NodeView) -> Result:
    """Have no blackhole route in the pod network but that of the node's own subnet.

    Why: flannel adds one for the subnet of its lease, and never takes back that of an earlier one,
    which then hides a peer that got the addresses. One of type unreachable, prohibit or throw is
    set by hand or by a firewall. In place of a peer's own route it is an error.

    Exempt: blackholes of Calico's agents, one a block; those outside the pod network; throw in
    another table than main, which only ends the search there.
    Source: flannel pkg/ip, AddBlackholeV4Route(); rancher/rke2#11170.
    """
    if not flannel.is_there(view):
        return
    own, networks = view.subnets(), networks_of(view)
    if not own:
        return
    for key, row in view.section("routes").items():
        kind = str(row.get("type"))
        if not refuses(row) or str(row.get("protocol")) in AGENTS:
            continue
        dst = network(str(row.get("dst")))
        if dst is None or dst in own or not inside(dst, networks):
            continue
        hidden = _without_route(view, dst) if table_of(row) == "main" else []
        which = {"blackhole": "a blackhole"}.get(kind, f"of type {kind}")
        peer = f", in place of the peer's own route via {hidden[0]}" if len(hidden) == 1 else ""
        peer = f", in place of the routes of {len(hidden)} peers" if len(hidden) > 1 else peer
        yield Breach(
            path=f"routes/{key}",
            message=f"{dst} is {which}"
            + (peer or f", but the node's subnet is {named([*map(str, own)])}"),
            seen=f"{kind} {dst}",
            expected=", ".join(str(one) for one in own if one.version == dst.version),
            severity=Severity.ERROR if hidden else None,
            remedy="ip route del {seen} on {node}, then restart the flannel pod there, which "
            "writes the peer's route anew; see who set it"
            if hidden
            else None,
            explains=frozenset({"peer-entries-missing", "overlay-entries-lost"})
            if hidden
            else frozenset(),
        )


def _without_route(view: NodeView, dst: Network) -> list[str]:
    """Return the peers, by their VTEPs, in a prefix that the node has entries but no route for."""
    return [
        key
        for key, row in view.snapshot["peers"].items()
        if "route" in row.get("missing", ())
        and (one := network(key)) is not None
        and inside(one, [dst])
    ]


@rule(
    "pod-subnet-route",
    Severity.WARNING,
    entries=("N-27",),
    remedy="ip route replace {expected} on {node}; the kernel made it with the address: look who "
    "took it away (networkd, NetworkManager)",
)
def pod_subnet_route(view: NodeView) -> Result:
    """Have the route of the node's pod subnet lead to the pod bridge.

    Why: without it the node sends packets for its own pods by the default route.

    Exempt: IPv6; a bridge that is not there, is down, or has no ports or no address of the subnet.
    Source: Linux fib_add_ifaddr(); kubernetes/kubernetes#67183. Not seen to be lost on its own.
    """
    bridge = flannel.pod_bridge(view)
    if bridge is None or not view.subnets():
        return
    if "UP" not in view.links[bridge].get("flags", ()) or not flannel.ports_of(view, bridge):
        return
    for address in view.addresses(bridge):
        if address.version == 6 or address.network not in view.subnets():
            continue
        routes = view.section("routes").values()
        dst = str(address.network)
        if not any(row.get("dst") == dst and row.get("dev") == bridge for row in routes):
            yield Breach(
                path=f"routes/main {dst} dev {bridge}",
                message=f"there is no route for {dst} to {bridge}, which has {address}",
                expected=f"{dst} dev {bridge} src {address.ip}",
            )
