"""What must be unlike on every node: pod subnets, VTEP MACs, underlay addresses, machine ids."""

from __future__ import annotations

import typing as t
from collections import defaultdict
from dataclasses import replace

from snapdiff.census import named, say
from snapdiff.model import Severity
from snapdiff.rules.compared import PEERS, untold
from snapdiff.rules.registry import Breach, Result, rule

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from snapdiff.rules.fleet_view import Fleet
    from snapdiff.rules.traits import Claim

ROUTES = ("own-subnet-over-overlay", "overlay-route-shape", "routes-overlap", "foreign-pod-routes")


@rule(
    "pod-subnets-disjoint",
    Severity.ERROR,
    entries=("X-01",),
    scope="fleet",
    remedy="compare the podCIDRs of {node}; drain one, delete its Node object, cni0 and overlay, "
    "and let it join anew",
    explains=(*PEERS, *ROUTES),
)
def pod_subnets_disjoint(fleet: Fleet) -> Result:
    """Have pod subnets that do not overlap, by lease, by overlay address and by pod bridge.

    Why: two pods get one address, answers come from the wrong one, and each of the nodes lacks the
    other's route. It comes of a lost lease, of podCIDRs set by hand, of a subnet.env that was
    copied, or of a bridge that is left from an earlier life.

    Exempt: Weave's bridge, which has one subnet on all nodes.
    Source: flannel-io/flannel#805, #1549, #1129, #844.
    """
    claims = [
        (one.version, int(one.network_address), int(one.broadcast_address), node, (one, where))
        for node, member in fleet.members.items()
        for one, where in member.traits.claims
    ]
    for group in _overlapping(sorted(claims, key=lambda claim: claim[:4])):
        nodes = tuple(sorted(group))
        subnets = sorted({claim[0] for held in group.values() for claim in held}, key=_size)
        widest = subnets[0]
        yield Breach(
            path=f"cni/subnet_env/FLANNEL_{'IPV6_' if widest.version == 6 else ''}SUBNET",
            message=f"{named(nodes)} take the same pod subnet for their own: {widest}",
            seen=str(widest),
            nodes=nodes,
            evidence=tuple(_told(node, group[node]) for node in nodes[:6]),
            explains=_of_leases(group),
        )
    if not all(member.traits.claims for member in fleet.members.values()):
        yield from untold(fleet, "cni/subnet_env/FLANNEL_SUBNET")


def _size(one: t.Any) -> tuple[int, int]:
    return one.prefixlen, int(one.network_address)


def _of_leases(group: Mapping[str, list[Claim]]) -> frozenset[str]:
    """Return what follows where the leases themselves overlap: then no address fits its lease."""
    held = [[one for one, where in claims if where == "lease"] for claims in group.values()]
    if sum(bool(one) for one in held) > 1:
        return frozenset({"pod-bridge-address", "overlay-address"})
    return frozenset()


def _told(node: str, claims: list[Claim]) -> str:
    places: dict[str, list[str]] = defaultdict(list)
    for network, where in claims:
        places[str(network)].append(where)
    return f"{node}: {'; '.join(f'{one} ({say(found)})' for one, found in places.items())}"


Sorted = tuple[int, int, int, str, "Claim"]


def _overlapping(claims: list[Sorted]) -> Iterator[dict[str, list[Claim]]]:
    """Yield what overlaps, by node, where more than one node is in it."""
    run: list[Sorted] = []
    end = (0, -1)
    for claim in claims:
        if run and (claim[0] != end[0] or claim[1] > end[1]):
            yield from _shared(run)
            run = []
        end = (claim[0], max(claim[2], end[1]) if run else claim[2])
        run.append(claim)
    yield from _shared(run)


def _shared(run: list[Sorted]) -> Iterator[dict[str, list[Claim]]]:
    held: dict[str, list[Claim]] = defaultdict(list)
    for *_rest, node, claim in run:
        held[node].append(claim)
    if len(held) > 1:
        yield dict(held)


def _twice(fleet: Fleet, trait: str, what: str, **more: t.Any) -> Result:
    """Yield a breach for each value of a trait that several nodes have."""
    for value, nodes in fleet.census(trait).values:
        if len(nodes) > 1:
            yield Breach(
                path=fleet.place(trait, nodes[0]),
                message=f"{len(nodes)} nodes have the same {what} {value}: {named(nodes)}",
                seen=value,
                nodes=nodes,
                **more,
            )


@rule(
    "vtep-mac-unique",
    Severity.ERROR,
    entries=("X-09",),
    scope="fleet",
    remedy="on all but one of {node}: ip link delete {link}, then restart what makes it",
    explains=PEERS,
)
def vtep_mac_unique(fleet: Fleet) -> Result:
    """Have a VTEP MAC of its own on every node.

    Why: a forwarding entry is found by the MAC alone, so packets for one node go to the other. It
    comes of cloned machines, or of names that a CNI makes MACs of. flannel since v0.24.1 makes its
    link with the MAC that the node's annotation has, so the duplicate comes back until that is
    gone.

    Source: flannel pkg/backend/vxlan/vxlan.go, createVXLANDevice(), and pkg/subnet/kube/kube.go,
    GetStoredMacAddresses(); Calico felix/dataplane/linux/vxlan_mgr.go.
    """
    traits = _vtep_macs(fleet)
    for trait in traits:
        forget = _forget((trait,))
        remedy = (
            f"on all but one of {{node}}: {forget}, ip link delete {{link}}, then restart its "
            "flannel pod"
        )
        yield from _twice(fleet, trait, "VTEP MAC", remedy=remedy if forget else None)
    yield from untold(fleet, traits[0] if traits else "overlay/flannel/vxlan/4/mac")


def _vtep_macs(fleet: Fleet) -> list[str]:
    return [one for one in fleet.names("overlay/") if one.endswith("/mac")]


def _forget(traits: Iterable[str]) -> str:
    """Return how flannel is made to forget the MACs of its overlays; nothing where none is its."""
    found = [one.split("/") for one in traits]
    names = [
        f"flannel.alpha.coreos.com/backend-{'v6-' if family == '6' else ''}data-"
        for _overlay, owner, _kind, family, *_rest in found
        if owner == "flannel"
    ]
    if not names:
        return ""
    return f"first kubectl annotate node NODE {' '.join(names)} (flannel takes the MAC from there)"


@rule(
    "bridge-mac-unique",
    Severity.INFO,
    entries=("X-09",),
    scope="fleet",
    remedy="see whether {node} are clones of one machine",
)
def bridge_mac_unique(fleet: Fleet) -> Result:
    """Have a MAC of its own on the pod bridge of every node.

    Why: two bridges with one MAC do no harm, for they never meet, but they tell of a clone.

    Source: containernetworking plugins bridge.go pins the MAC that the kernel drew.
    """
    for trait in fleet.names("bridge/"):
        yield from _twice(fleet, trait, "bridge MAC")


@rule(
    "underlay-address-unique",
    Severity.ERROR,
    entries=("X-10", "X-22"),
    scope="fleet",
    remedy="give flannel on {node} the right link or address (--iface, --public-ip), restart it",
    explains=(*PEERS, "underlay-mac-unique", "underlay-name-alike"),
)
def underlay_address_unique(fleet: Fleet) -> Result:
    """Have an underlay address of its own on every node.

    Why: it is where peers send packets for the node's pods. All virtual machines that take the NAT
    link of their host have 10.0.2.15 there, and only one of them is ever reached.

    Exempt: addresses without a subnet, as floating ones are; one that no link of the node has,
    which vxlan-attributes tells. Annotations are not held against it.
    Source: flannel-io/flannel#535, kubernetes/kubernetes#17788; for IPv6 k3s-io/k3s#12538.
    """
    owners: dict[str, list[str]] = {}
    for family in (4, 6):
        trait = f"underlay/address/{family}"
        for value, nodes in fleet.census(trait).values:
            owners[str(value)] = held = [one for one in nodes if not _nowhere(fleet, one, value)]
            if len(held) > 1:
                yield Breach(
                    path=fleet.place(trait, held[0]),
                    message=f"{len(held)} nodes have the same underlay address {value}: "
                    f"{named(held)}",
                    seen=value,
                    nodes=tuple(held),
                )
    yield from _taken_as_second(fleet, owners)
    if not fleet.census("underlay/address/6").nodes:
        yield from untold(fleet, "underlay/address/4")


def _nowhere(fleet: Fleet, node: str, address: t.Any) -> bool:
    """Say whether an overlay names an address that no link of its node has."""
    lost: t.Any = fleet.members[node].traits.values.get("underlay/nowhere", ())
    return address in lost


def _taken_as_second(fleet: Fleet, owners: Mapping[str, list[str]]) -> Result:
    """Yield a breach for each node that has a peer's underlay address beside its own."""
    for name, member in fleet.members.items():
        rows: t.Any = member.traits.values.get("underlay/beside", ())
        for address in rows:
            others = [one for one in owners.get(address.partition("/")[0], ()) if one != name]
            if others:
                yield Breach(
                    path=f"{fleet.place('underlay/beside', name)}/{address}",
                    message=f"{name} has {address} too, the underlay address of {named(others)}",
                    seen=address,
                    nodes=(name,),
                    about=frozenset(others),
                    remedy="ip addr del {seen} dev {link} on {node}, and take it out of the "
                    "configuration that set it there",
                )


@rule(
    "underlay-mac-unique",
    Severity.ERROR,
    entries=("X-21",),
    scope="fleet",
    remedy="give all but one of {node} a MAC of its own, in the configuration of the machine",
    explains=("bridge-mac-unique",),
)
def underlay_mac_unique(fleet: Fleet) -> Result:
    """Have a MAC of its own on the underlay of every node of one network.

    Why: a switch sends what is for the one to the other, whoever spoke last, so both lose packets
    from time to time. It comes of a virtual machine that was cloned with its network card.

    Exempt: nodes in different networks, or in none (/32, /128); ipvlan links, which have the MAC of
    what is below them; links without a MAC.
    Source: IEEE 802.1Q, 8.7: learning of source addresses.
    """
    for mac, nodes in fleet.census("underlay/mac").values:
        if len(nodes) < 2 or not str(mac).strip("0:"):
            continue
        near: dict[str, list[str]] = defaultdict(list)
        for node in nodes:
            values = fleet.members[node].traits.values
            for family, most in ((4, "/32"), (6, "/128")):
                network = str(values.get(f"underlay/network/{family}", most))
                if not network.endswith(most):
                    near[network].append(node)
        for found in {tuple(sorted(some)) for some in near.values() if len(some) > 1}:
            yield Breach(
                path=fleet.place("underlay/mac", found[0]),
                message=f"{len(found)} nodes of one network have the same underlay MAC {mac}: "
                f"{named(found)}",
                seen=mac,
                nodes=found,
            )
    yield from untold(fleet, "underlay/mac")


@rule(
    "machine-id-unique",
    Severity.ERROR,
    entries=("X-21",),
    scope="fleet",
    remedy="on all but one of {node}: rm /etc/machine-id, systemd-machine-id-setup, reboot",
    explains=("vtep-mac-unique", "bridge-mac-unique", "underlay-mac-unique"),
)
def machine_id_unique(fleet: Fleet) -> Result:
    """Have a machine id of its own on every node.

    Why: systemd makes persistent MACs of the machine id and the link's name, so cloned machines
    have links with one MAC. flannel names the MAC of its own overlay since v0.15.1.

    Source: systemd.link(5), MACAddressPolicy; of a clone's VTEP see vtep-mac-unique.
    """
    again = "rm /etc/machine-id, systemd-machine-id-setup, reboot"
    for one in _twice(fleet, "host/machine_id", "machine id"):
        first = _forget(_macs_among(fleet, one.nodes)) if isinstance(one, Breach) else ""
        if isinstance(one, Breach) and first:
            yield replace(one, remedy=f"on all but one of {{node}}: {first}, {again}")
        else:
            yield one
    yield from untold(fleet, "host/machine_id")


def _macs_among(fleet: Fleet, nodes: tuple[str, ...]) -> list[str]:
    """Name the VTEP MACs that several of these nodes have in common."""
    return [
        trait
        for trait in _vtep_macs(fleet)
        if any(len({*having} & {*nodes}) > 1 for _mac, having in fleet.census(trait).values)
    ]
