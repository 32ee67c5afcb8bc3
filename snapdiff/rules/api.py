"""The cluster's own word on its nodes against what the nodes have: subnet, MAC, address, backend.

Where the API was not asked, there is nothing to hold against; where it gave no answer, nobody can
tell.
"""

from __future__ import annotations

import json
import typing as t
from collections import Counter
from collections.abc import Iterator, Mapping

from snapdiff.model import Severity
from snapdiff.rules.flannel import BACKENDS
from snapdiff.rules.registry import Breach, CannotTell, Result, rule
from snapdiff.rules.view import interface, network

if t.TYPE_CHECKING:
    from snapdiff.rules.fleet_view import Fleet, Member, Vtep

Word = Mapping[str, t.Any]  # of one node
RESTART = "restart the flannel pod of {node}, which publishes what it has"
DATA = {4: "backend-data", 6: "backend-v6-data"}
PUBLIC = {4: "public-ip", 6: "public-ipv6"}


def _asked(fleet: Fleet) -> bool:
    """Say whether there is a word to hold against. Raises CannotTell where it was asked in vain."""
    if fleet.cluster_why:
        raise CannotTell("cluster", fleet.cluster_why)
    return bool(fleet.cluster)


def name_in_api(fleet: Fleet, member: Member) -> str | None:
    """Return how the API calls a node: as the inventory does, or what has one of its addresses."""
    if member.node in fleet.cluster:
        return member.node
    found = [
        name
        for name, word in fleet.cluster.items()
        if name not in fleet.members
        and (
            member.node in word["addresses"].get("Hostname", ())
            or member.addresses & set(word["addresses"].get("InternalIP", ()))
        )
    ]
    return found[0] if len(found) == 1 else None


def _pairs(fleet: Fleet) -> Iterator[tuple[Member, Word]]:
    if not _asked(fleet):
        return
    for member in fleet.members.values():
        name = name_in_api(fleet, member)
        if name is not None:
            yield member, fleet.cluster[name]


@rule(
    "api-pod-cidr",
    Severity.ERROR,
    entries=("N-26",),
    scope="fleet",
    remedy="restart the flannel pod of {node}; where the lease stays another, drain it, delete "
    "/run/flannel/subnet.env and cni0 on it, and restart flannel",
)
def api_pod_cidr(fleet: Fleet) -> Result:
    """Have each node's lease and overlay on the pod subnet that the API gave it.

    Why: the API hands a subnet out once; a node that uses another one, as after a subnet.env made
    by hand, gives out addresses of a peer.

    Exempt: a node without lease, a family that the API gave no subnet of.
    Source: flannel pkg/subnet/kube/kube.go, AcquireLease(); kubernetes/kubernetes#70202.
    """
    for member, word in _pairs(fleet):
        given = [one for one in map(network, word["pod_cidrs"]) if one is not None]
        for family in (4, 6):
            wanted = {one for one in given if one.version == family}
            lease = {one for one in member.subnets if one.version == family}
            if wanted and lease and not lease <= wanted:
                key = "FLANNEL_SUBNET" if family == 4 else "FLANNEL_IPV6_SUBNET"
                seen, right = (", ".join(sorted(map(str, one))) for one in (lease, wanted))
                yield Breach(
                    path=f"cni/subnet_env/{key}",
                    message=f"{member.node} has the lease {seen}, but the API gave it {right}",
                    seen=seen,
                    expected=right,
                    nodes=(member.node,),
                )
            for vtep in _vteps(member):
                firsts = {str(one.network_address) for one in wanted}
                if vtep.family == family and firsts and vtep.address not in firsts:
                    yield Breach(
                        path=f"links/{vtep.link}/addresses",
                        message=f"{vtep.link} of {member.node} has {vtep.address}, but the API "
                        f"gave the node {', '.join(sorted(map(str, wanted)))}",
                        seen=vtep.address,
                        expected=", ".join(sorted(firsts)),
                        nodes=(member.node,),
                    )


@rule(
    "api-vtep-mac",
    Severity.ERROR,
    entries=("N-47", "X-07"),
    scope="fleet",
    remedy=RESTART,
    explains=("peer-entries-stale",),
)
def api_vtep_mac(fleet: Fleet) -> Result:
    """Have the live MAC of each node's overlay in its annotation.

    Why: peers take it from there. Something that rewrote the MAC after flanneld had published it,
    as systemd-udevd does, cuts the node off; flanneld looks at it only when it starts.

    Exempt: annotations that hold no VtepMAC, as those of host-gw.
    Source: flannel pkg/backend/vxlan/vxlan.go; flannel-io/flannel#1155, #1795.
    """
    for member, word in _pairs(fleet):
        for vtep in _vteps(member):
            told = _data(word, vtep.family).get("VtepMAC")
            live = vtep.row[1]
            if isinstance(told, str) and live is not None and told.lower() != live.lower():
                yield Breach(
                    path=f"links/{vtep.link}/mac",
                    message=f"{vtep.link} of {member.node} has {live}, but {told} is published",
                    seen=live,
                    expected=told,
                    nodes=(member.node,),
                )


def _vteps(member: Member) -> list[Vtep]:
    """Return the ends of flannel's overlays: others take their addresses elsewhere."""
    return [one for one in member.vteps if one.link.startswith("flannel")]


def _data(word: Word, family: int) -> Mapping[str, t.Any]:
    try:
        found = json.loads(word["annotations"].get(DATA[family], "null"))
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


@rule(
    "api-public-ip",
    Severity.ERROR,
    entries=("X-10", "X-08"),
    scope="fleet",
    remedy="give flanneld --iface, or the node the annotation public-ip-overwrite, then " + RESTART,
    explains=("peer-entries-stale",),
)
def api_public_ip(fleet: Fleet) -> Result:
    """Have the published address of each node on its underlay, and on no other node.

    Why: peers send their packets there. An address that the node no longer has, or that all have as
    the 10.0.2.15 of VirtualBox, cuts it off.

    Exempt: where public-ip-overwrite says so, as behind NAT.
    Source: flannel pkg/subnet/kube/annotations.go; flannel-io/flannel#535, #1978.
    """
    pairs = list(_pairs(fleet))
    for family, key in PUBLIC.items():
        told = {
            member.node: str(word["annotations"][key])
            for member, word in pairs
            if word["annotations"].get(key) and f"{key}-overwrite" not in word["annotations"]
        }
        many = Counter(told.values())
        for member, _word in pairs:
            address = told.get(member.node)
            if address is None:
                continue
            local = next((one.row[2] for one in _vteps(member) if one.family == family), None)
            if many[address] > 1:
                yield _public(member, address, None, f"as do {many[address] - 1} other nodes")
            elif local is not None and local != address:
                yield _public(member, address, local, f"but its overlay sends from {local}")
            elif local is None and address not in member.addresses:
                yield _public(member, address, None, "which none of its links has")


@rule(
    "api-public-ip-asked",
    Severity.WARNING,
    entries=("X-10",),
    scope="fleet",
    remedy=RESTART,
)
def api_public_ip_asked(fleet: Fleet) -> Result:
    """Have each node publish the address that its annotations ask for.

    Why: flanneld reads node-public-ip and public-ip-overwrite when it starts. One that was set
    since does nothing, until a restart moves the node's tunnels to another address.

    Exempt: nodes without these annotations.
    Source: flannel pkg/subnet/kube/kube.go, AcquireLease(); Documentation/kubernetes.md.
    """
    for member, word in _pairs(fleet):
        notes = word["annotations"]
        for key in PUBLIC.values():
            asked = notes.get(f"{key}-overwrite") or notes.get(f"node-{key}")
            if asked and notes.get(key) and _address(asked) != _address(notes[key]):
                yield Breach(
                    path=f"cluster/annotations/{key}",
                    message=f"{member.node} publishes {notes[key]}, but is asked for {asked}",
                    seen=notes[key],
                    expected=asked,
                    nodes=(member.node,),
                )


def _address(text: str) -> str:
    """Return an address as flannel writes it, else the text as it is."""
    found = interface(text)
    return str(found.ip) if found is not None else text


def _public(member: Member, seen: str, right: str | None, words: str) -> Breach:
    return Breach(
        path="links/*/addresses",
        message=f"{member.node} publishes {seen}, {words}",
        seen=seen,
        expected=right,
        nodes=(member.node,),
    )


@rule(
    "api-backend-type",
    Severity.ERROR,
    entries=("X-03",),
    scope="fleet",
    remedy=RESTART,
)
def api_backend_type(fleet: Fleet) -> Result:
    """Have on each node the backend that it publishes.

    Why: peers pass over a node of another backend without a word.

    Exempt: backends that leave no trace on the node.
    Source: flannel pkg/backend/vxlan/vxlan_network.go; k3s-io/k3s#1963.
    """
    for member, word in _pairs(fleet):
        told = word["annotations"].get("backend-type")
        runs = member.traits.values.get("backend")
        if told in BACKENDS and runs in BACKENDS and told != runs:
            yield Breach(
                path="backend",
                message=f"{member.node} publishes the backend {told}, but runs {runs}",
                seen=runs,
                expected=told,
                nodes=(member.node,),
            )


@rule(
    "api-nodes",
    Severity.WARNING,
    entries=("X-12",),
    scope="fleet",
    remedy="compare the inventory with 'kubectl get nodes', and mend the one that is wrong",
)
def api_nodes(fleet: Fleet) -> Result:
    """Have the same nodes in the inventory and in the API.

    Why: a node that is not gathered is one whose drift nobody sees; one that left the cluster is
    one whose peers' entries should be gone.

    Exempt: a capture that left nodes out on purpose cannot tell what the inventory lacks. Windows
    nodes, which cannot be gathered.
    Source: kubernetes Node objects.
    """
    if not _asked(fleet):
        return
    met = {name_in_api(fleet, member) for member in fleet.members.values()}
    for node, member in fleet.members.items():
        if name_in_api(fleet, member) is None:
            yield Breach(
                path=f"nodes/{node}",
                message=f"{node} is in the inventory, but not in the API",
                seen=node,
                nodes=(node,),
            )
    for name in fleet.cluster:
        if name in met or name in fleet.missing or fleet.cluster[name].get("os") == "windows":
            continue
        if fleet.partial or fleet.missing:
            yield CannotTell(f"nodes/{name}", "it may be a node that was not seen")
            continue
        yield Breach(
            path=f"nodes/{name}",
            message=f"{name} is in the API, but not in the inventory",
            seen=name,
            nodes=(name,),
        )
