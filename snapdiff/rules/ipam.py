"""Addresses of pods that host-local gave out, beside the lease and the ports of the pod bridge."""

from __future__ import annotations

import ipaddress
import typing as t

from snapdiff.model import Severity
from snapdiff.rules import flannel
from snapdiff.rules.registry import Breach, Result, rule
from snapdiff.rules.settings import named

if t.TYPE_CHECKING:
    from snapdiff.rules.view import Link, Network, NodeView

SPARE = 10  # leases more than ports, or ports more than leases, that may be pods in the making
SETTLED = 600.0  # seconds after the start in which kubelet still frees what was before


@rule(
    "ipam-subnet",
    Severity.ERROR,
    entries=("N-28",),
    remedy="recycle the pods of {node} that have {seen}; then rm the files of these names in "
    "/var/lib/cni/networks on it",
)
def ipam_subnet(view: NodeView) -> Result:
    """Give pods addresses of the node's own subnet only.

    Why: no other node has a route for another. They are pods of before a new lease, or a file of
    the CNI that won over flannel's.

    Exempt: networks of other plugins (Multus), of which nothing is known here.
    Source: containernetworking plugins plugins/ipam/host-local/backend/disk/backend.go;
    flannel-io/flannel#1850.
    """
    found = _ipam(view)
    subnets = view.subnets() if found else []
    if not found or not subnets:
        return
    name, addresses = found
    bad = [one for one in addresses if not held(one, subnets)]
    if bad:
        yield Breach(
            path=f"ipam/{name}/addresses",
            message=f"{len(bad)} of {len(addresses)} addresses of {name} are outside "
            f"{named([*map(str, subnets)])}",
            seen=named(sorted(bad)),
            expected=", ".join(map(str, subnets)),
        )


@rule(
    "ipam-leak",
    Severity.WARNING,
    entries=("N-28",),
    remedy="compare the files of /var/lib/cni/networks on {node} (each starts with its sandbox) "
    "with 'crictl pods -q --no-trunc', and rm those of no sandbox",
)
def ipam_leak(view: NodeView) -> Result:
    """Have about as many leases of pods as pods.

    Why: addresses that are never freed use up the subnet, and then no pod starts.

    Exempt: pods in the making; a node just started, on which those of before are still freed.
    Source: flannel-io/flannel#2264; kubernetes/kubernetes#86944; deckhouse/deckhouse#4306.
    """
    counted = _counted(view)
    if counted is None:
        return
    name, leases, ports = counted
    if leases > 2 * ports and leases - ports > SPARE:
        yield Breach(
            path=f"ipam/{name}/addresses",
            message=f"{leases} addresses are given out, but there are {ports} pods",
            seen=leases,
            expected=ports,
        )


@rule(
    "pod-ports-leaked",
    Severity.WARNING,
    entries=("N-44",),
    remedy="on {node} compare 'bridge link' with 'crictl pods', and delete the links of no pod "
    "(ip link delete NAME)",
    explains=("pod-bridge-full",),
)
def pod_ports_leaked(view: NodeView) -> Result:
    """Have about as many ports of the pod bridge as leases of pods.

    Why: a port that outlives its pod is never deleted; a bridge takes 1024 and then no pod starts.

    Exempt: pods in the making; addresses that host-local does not keep; a node just started.
    Source: weaveworks/weave#3258; containernetworking/plugins#29; moby/moby#14718.
    """
    counted = _counted(view)
    if counted is None:
        return
    name, leases, ports = counted
    if ports > 2 * leases and ports - leases > SPARE:
        yield Breach(
            path="links/veth*",
            message=f"{ports} ports are on the pod bridge, but {name} gave out {leases}",
            seen=ports,
            expected=leases,
        )


def held(address: str, subnets: list[Network]) -> bool:
    """Say whether an address is of one of the subnets; what is none is no other's."""
    try:
        one = ipaddress.ip_address(address)
    except ValueError:
        return True
    return any(one in subnet for subnet in subnets if subnet.version == one.version)


def _ipam(view: NodeView) -> tuple[str, list[str]] | None:
    """Return the leases of flannel's network, None where it has none that host-local keeps."""
    if not flannel.is_there(view) or flannel.bridge_of(view) is None:
        return None
    plug = flannel.plug_of(view)
    name = (plug.network if plug else None) or "cbr0"  # as flannel's and k3s' own files call it
    row = view.get("ipam", name)
    found: list[str] | None = row.get("addresses") if row is not None else None
    return None if found is None else (name, found)


def _counted(view: NodeView) -> tuple[str, int, int] | None:
    """Return the network's name, its leases and its ports; None where they may not yet agree."""
    found = _ipam(view)
    since = view.snapshot.uptime
    if found is None or (since is not None and since < SETTLED):
        return None
    bridge = flannel.bridge_of(view)
    ports: dict[str, Link] = flannel.pod_ports_of(view, bridge) if bridge else {}
    four = sum(":" not in one for one in found[1])
    return found[0], max(four, len(found[1]) - four), len(ports)
