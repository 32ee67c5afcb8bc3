"""MTUs and links that must fit those of the other nodes."""

from __future__ import annotations

import typing as t
from collections import defaultdict

from snapdiff.census import Census, explained, is_pool, many, named
from snapdiff.model import Severity
from snapdiff.rules.compared import breach_of, told, unlike
from snapdiff.rules.registry import Breach, CannotTell, Result, rule

if t.TYPE_CHECKING:
    from collections.abc import Iterator

    from snapdiff.rules.fleet_view import Fleet

LEASE_MTU = "cni/subnet_env/FLANNEL_MTU"
LEADING = (
    "see what leads over {link} with 'ip route show dev {link}' on {node}, and who writes it: "
    "while routes do, it is not to be deleted"
)
WIDE = 50  # bytes between the least and the largest MTU, from which on large packets are lost


def _spread(census: Census) -> int:
    numbers = [value for value, _nodes in census.values if isinstance(value, int)]
    return max(numbers, default=0) - min(numbers, default=0)


def _mtu_traits(fleet: Fleet) -> list[str]:
    return [one for one in fleet.names("overlay/") if one.endswith("/mtu")]


@rule(
    "underlay-mtu-alike",
    Severity.WARNING,
    entries=("X-04",),
    scope="fleet",
    remedy="give {link} of {node} the MTU of the others, ip link delete the overlay there and "
    "restart its flannel pod; or set MTU in net-conf to the least for all",
    explains=("lease-mtu-alike", "overlay-mtu-alike", "pod-mtu"),
)
def underlay_mtu_alike(fleet: Fleet) -> Result:
    """Have underlays of one MTU, or overlays that fit the smallest of them.

    Why: flannel takes the MTU of the node's own underlay and never asks that of the path, so a node
    with a larger one sends packets that the others' links do not take. Pods whose MTUs are more
    than 50 apart make it an error.

    Exempt: nodes whose overlays have one MTU all the same, and fit, where net-conf has an MTU, or
    where no underlay is as most: for information.
    Source: flannel-io/flannel#463, #1011.
    """
    for census in told(fleet, "underlay/mtu"):
        if isinstance(census, CannotTell):
            yield census
            continue
        pods = [fleet.census(one) for one in (LEASE_MTU, *_mtu_traits(fleet))]
        more: dict[str, t.Any] = {"severity": Severity.WARNING}
        if any(_spread(one) > WIDE for one in pods):
            more["severity"] = Severity.ERROR
        elif all(one.alike for one in pods) and any(one.values for one in pods):
            more = _of_others(fleet, census)
        yield breach_of(fleet, "underlay/mtu", "MTU of the underlay", census, **more)


def _of_others(fleet: Fleet, census: Census) -> dict[str, t.Any]:
    """Return how bad other underlays are below overlays that are alike.

    What changed is the underlay. A smaller one is told by the overlay that does not fit it.
    """
    key = "cni/net_conf/Backend/MTU"
    meant = _configured(fleet) or any(key in one.traits.values for one in fleet.members.values())
    if meant or census.tie or any(value < census.usual for value, _nodes in census.values):
        return {"severity": Severity.INFO}
    return {
        "severity": Severity.WARNING,
        "explains": frozenset({"overlay-mtu-small"}),
        "remedy": "ip link set {link} mtu "
        f"{census.usual} on {{node}}, as the others have; the overlay fits that as it is. Where "
        "the new one is meant, give it to all, then make their overlays anew",
    }


def _configured(fleet: Fleet) -> bool:
    """Say whether the ConfigMap has an MTU."""
    conf = (fleet.flannel.get("config") or {}).get("net_conf") or {}
    return bool((conf.get("Backend") or {}).get("MTU"))


@rule(
    "overlay-mtu-alike",
    Severity.WARNING,
    entries=("X-05",),
    scope="fleet",
    remedy="see on {node} which MTU the underlay leaves; where the overlay has another, ip link "
    "delete {link} there, then restart its flannel pod",
    explains=("lease-mtu-alike",),
)
def overlay_mtu_alike(fleet: Fleet) -> Result:
    """Have overlays of one MTU on all nodes, each of its backend and family.

    Why: a node with a larger one sends what a node with a smaller one cannot take or pass on to its
    pods, and large UDP packets are lost even where TCP finds its size. Over 50 apart: an error.

    Source: flannel pkg/backend/vxlan/device.go, vxlanLinksIncompat(): it keeps a link as it is.
    """
    for trait in _mtu_traits(fleet):
        owner, kind, family = trait.split("/")[1:4]
        what = f"MTU of {owner}'s {kind}{' over IPv6' if family == '6' else ''}"
        yield from _mtu(fleet, trait, what)


@rule(
    "lease-mtu-alike",
    Severity.WARNING,
    entries=("X-05",),
    scope="fleet",
    remedy="see which MTU the underlay of {node} should have, then restart its flannel pod and "
    "recycle its pods",
    explains=(),
)
def lease_mtu_alike(fleet: Fleet) -> Result:
    """Have the same ``FLANNEL_MTU`` in the lease of every node: new pods get it.

    Why: as for overlays; with host-gw it is the only place that tells. Over 50 apart: an error.

    Exempt: nodes without a lease.
    Source: flannel pkg/subnet/subnet.go, WriteSubnetFile().
    """
    yield from _mtu(fleet, LEASE_MTU, "MTU for new pods")


def _mtu(fleet: Fleet, trait: str, what: str) -> Result:
    census = fleet.census(trait)
    severity = Severity.ERROR if _spread(census) > WIDE else Severity.WARNING
    if _configured(fleet):  # overlay-mtu-configured says which of them is right
        severity = Severity.WARNING
    yield from unlike(fleet, trait, what, severity=severity)


@rule(
    "underlay-name-alike",
    Severity.WARNING,
    entries=("X-11",),
    scope="fleet",
    remedy="see by which link {node} should reach its peers; name it with --iface or --iface-regex",
)
def underlay_name_alike(fleet: Fleet) -> Result:
    """Have all nodes reach their peers over the same network, by a link of one name.

    Why: flannel takes the link of the first default route, which on one node may be the management
    or NAT link.

    Exempt, that is for information: another name in the same network, and pools of two nodes or
    more that differ in kernel or kind of link as well. One name in several networks is no matter.
    Source: flannel pkg/ipmatch/match.go; flannel-io/flannel#535, projectcalico/calico#6141.
    """
    for census in told(fleet, "underlay/name"):
        if isinstance(census, CannotTell):
            yield census
            continue
        networks = [fleet.census(f"underlay/network/{family}") for family in (4, 6)]
        known = [one for one in networks if set(census.outliers) <= set(one.nodes)]
        same = any(one.alike for one in known)
        pool = is_pool(census, fleet.groups, ("kernel", "underlay kind"))
        severity = Severity.INFO if same or pool else Severity.WARNING
        where = tuple(f"networks: {one.words()}" for one in known if not one.alike)
        yield breach_of(
            fleet, "underlay/name", "underlay", census, severity=severity, evidence=where
        )


def _presence(fleet: Fleet, trait: str) -> Iterator[tuple[str, set[str], set[str]]]:
    """Yield each link role of *trait*, the nodes that have it and those that do not."""
    having: dict[str, set[str]] = defaultdict(set)
    census = fleet.census(trait)
    for roles, nodes in census.values:
        for role in roles:
            having[role] |= set(nodes)
    for role, nodes_ in sorted(having.items()):
        yield role, nodes_, set(census.nodes) - nodes_


def _has_lease(fleet: Fleet, node: str) -> bool:
    """Say whether a node has a lease, or may have one."""
    member = fleet.members[node]
    blind = any(one in member.blind for one in ("cni", "cni/subnet_env"))
    return blind or any(one.startswith("cni/subnet_env/") for one in member.traits.values)


@rule(
    "leftover-link",
    Severity.WARNING,
    entries=("X-19",),
    scope="fleet",
    remedy="ip link delete {link} on {node}, if nothing uses it",
    explains=("cni-files-alike", "cni-config-extra"),
)
def leftover_link(fleet: Fleet) -> Result:
    """Have no overlay on a few nodes that the others do not have, and no such pod bridge.

    Why: a link that another CNI, backend or VNI left behind keeps a port, routes and addresses.

    Exempt: bridges on nodes with a lease, for they come with the first pod.
    Source: kubernetes/kubernetes#39557, flannel-io/flannel#820, rancher/rke2#9338.
    """
    for trait in ("overlays", "bridges"):
        for role, having, lacking in _presence(fleet, trait):
            nodes = having
            if trait == "bridges":
                nodes = {node for node in having if not _has_lease(fleet, node)}
            if nodes and len(having) <= len(lacking):
                yield _alone(fleet, role, tuple(sorted(nodes)), having, lacking)


def _alone(
    fleet: Fleet, role: str, nodes: tuple[str, ...], having: set[str], lacking: set[str]
) -> Breach:
    names = sorted({fleet.members[node].traits.links[role] for node in nodes})
    census = Census(((False, tuple(sorted(lacking))), (True, tuple(sorted(having)))))
    reason = explained(census, fleet.groups)
    tie = "; as many have it as have not" if len(having) == len(lacking) else ""
    words = f"{', '.join(names)} is on {named(nodes)}, and not on {many(len(lacking))}{tie}"
    first, _, number = role.partition("#")
    if number:  # the others may have a link of that name, as the only one of its sort
        beside = {fleet.members[node].traits.links[first] for node in nodes}
        words = f"{', '.join(names)} is beside {', '.join(sorted(beside))} on {named(nodes)}; "
        words += f"{many(len(lacking))} have one such link{tie}"
    leading = any(names[0] in fleet.members[node].leading for node in nodes)
    return Breach(
        path=f"links/{names[0]}",
        message=words,
        nodes=nodes,
        evidence=(reason,) if reason else (),
        explains=frozenset({"overlay-idle"} if number else ()),
        remedy=LEADING if leading else None,
    )


@rule(
    "overlay-missing-here",
    Severity.WARNING,
    entries=("X-19",),
    scope="fleet",
    remedy="see why the CNI's pod does not run on {node}",
    explains=("peer-entries-missing",),
)
def overlay_missing_here(fleet: Fleet) -> Result:
    """Have the overlay that most nodes have on all of them, where no lease of flannel asks for it.

    Why: a node that its CNI has not reached looks well when it is looked at alone.

    Exempt: nodes with a lease of flannel, for there the node's own rules see it; no majority.
    Source: rancher/rke2#9338; projectcalico/calico#6920.
    """
    if not fleet.names("overlay/"):
        unseen = fleet.unseen("overlays") if len(fleet.members) > 1 else None
        if unseen is not None:
            yield CannotTell(*unseen)
    for role, having, lacking in _presence(fleet, "overlays"):
        flannel = role.startswith("overlay/flannel/")
        nodes = sorted(node for node in lacking if not (flannel and _has_lease(fleet, node)))
        if nodes and len(having) > len(lacking) and "#" not in role:
            link = fleet.members[min(having)].traits.links[role]
            yield Breach(
                path=f"links/{link}",
                message=f"{named(nodes)} has no {link}, which {many(len(having))} have",
                expected=link,
                nodes=tuple(nodes),
            )
