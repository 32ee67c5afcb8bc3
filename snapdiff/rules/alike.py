"""What must be the same on all nodes: the outliers are told against the value that most have.

A node that did not tell its value is not counted; where it was not observed, nobody can tell.
"""

from __future__ import annotations

import typing as t

from snapdiff.model import Severity
from snapdiff.rules.compared import PEERS, POOLS, breach_of, unlike
from snapdiff.rules.registry import CannotTell, Result, rule

if t.TYPE_CHECKING:
    from collections.abc import Iterator

    from snapdiff.rules.fleet_view import Fleet

CONFIG = "flannel-config-alike"
RESTART = "put net-conf right, then ip link delete {link} on {node} and restart its flannel pod"

OF_IPV6 = (  # what a node that has no IPv6 breaks as soon as its lease has it
    "ipv6-forward-off",
    "overlay-missing links/flannel-v6.*",
    "pod-bridge-address links/*/addresses/*:*",
)
JUDGED = (  # by rules on a node: ip-forward-off, ipv6-forward-off, bridge-nf-call
    "net.ipv4.ip_forward",
    "net.ipv4.conf.all.forwarding",
    "net.ipv6.conf.all.forwarding",
    "net.bridge.bridge-nf-call-iptables",
    "net.bridge.bridge-nf-call-ip6tables",
)


def _overlays(fleet: Fleet, member: str) -> Iterator[tuple[str, str]]:
    """Yield the traits of overlays that end in *member*, and how such an overlay is called."""
    for trait in fleet.names("overlay/"):
        _role, owner, kind, rest = trait.split("/", 3)
        family, _, name = rest.partition("/")
        if name == member:
            yield trait, f"{owner}'s {kind}{' over IPv6' if family == '6' else ''}"


@rule(
    "same-pod-network",
    Severity.ERROR,
    entries=("X-02",),
    scope="fleet",
    remedy="restart the flannel pod of {node}, which writes the lease from net-conf anew; if it "
    "stays, make net-conf there and the cluster's pod CIDR agree before",
    explains=(*PEERS, CONFIG, "lease-subnet", "overlay-foreign-address", "foreign-pod-routes"),
)
def same_pod_network(fleet: Fleet) -> Result:
    """Have the same network of all pods in the lease of every node.

    Why: the network is what flannel gives subnets out of, masquerades around and, with wireguard,
    routes. A node with another one is of another cluster, or was never restarted.

    Exempt: nodes without a lease. Several networks have no order.
    Source: flannel pkg/subnet/kube/kube.go, AcquireLease(); flannel-io/flannel#1428,
    rancher/rke2#723.
    """
    for key, word in (("FLANNEL_NETWORK", ""), ("FLANNEL_IPV6_NETWORK", "IPv6 ")):
        trait = f"cni/subnet_env/{key}"
        if not word or fleet.names(trait):
            yield from unlike(fleet, trait, f"the {word}network of all pods")


@rule(
    "same-backend",
    Severity.ERROR,
    entries=("X-03",),
    scope="fleet",
    remedy="give {node} the backend of the others: same net-conf, then restart its flannel pod "
    "and delete the old overlay",
    explains=(
        *PEERS,
        CONFIG,
        "leftover-link",
        "overlay-missing-here",
        "lease-mtu-alike",
        "overlay-mtu-alike",
    ),
)
def same_backend(fleet: Fleet) -> Result:
    """Have every node run the same backend of flannel.

    Why: a node ignores peers of another backend type without a word, so the cluster falls apart
    into islands. While a switch is being rolled out this is to be expected.

    Exempt: clusters of another CNI.
    Source: flannel pkg/backend/vxlan/vxlan_network.go, handleSubnetEvents(); k3s-io/k3s#1963.
    """
    yield from unlike(fleet, "backend", "flannel's backend")


@rule(
    "same-vni",
    Severity.ERROR,
    entries=("X-03",),
    scope="fleet",
    remedy="see which VNI net-conf asks for, and restart the flannel pods of the nodes that have "
    "another; delete the link of the old VNI when 'ip route show dev' tells that no route leads "
    "over it",
    explains=(*PEERS, CONFIG, "vxlan-attributes", "leftover-link", "overlay-idle"),
)
def same_vni(fleet: Fleet) -> Result:
    """Have the overlays of all nodes use one VXLAN network identifier.

    Why: a packet with a VNI that the receiver has no device for is dropped there.

    Source: Linux drivers/net/vxlan/vxlan_core.c, vxlan_rcv(); flannel backends.md, VNI.
    """
    for trait, whose in _overlays(fleet, "vxlan/id"):
        yield from unlike(fleet, trait, f"VNI of {whose}")


@rule(
    "same-port",
    Severity.ERROR,
    entries=("X-03",),
    scope="fleet",
    remedy=RESTART,
    explains=(*PEERS, CONFIG, "vxlan-attributes"),
)
def same_port(fleet: Fleet) -> Result:
    """Have the overlays of all nodes use one UDP port.

    Why: a node sends to the port that it listens on itself. With another one both directions are
    lost, and nothing says so but counters that stay at zero.

    Source: flannel-io/flannel#423; poseidon/typhoon#466.
    """
    for trait, whose in _overlays(fleet, "vxlan/port"):
        yield from unlike(fleet, trait, f"UDP port of {whose}")


@rule(
    "same-learning",
    Severity.WARNING,
    entries=("X-03",),
    scope="fleet",
    remedy=RESTART,
    explains=(CONFIG, "vxlan-learning"),
)
def same_learning(fleet: Fleet) -> Result:
    """Have the overlays of all nodes learn MACs, or none; and use group policy, or none.

    Why: flannel writes every entry itself, so what one node learns can only be wrong. A VTEP
    without the group policy extension drops packets that carry a group, so that is an error.

    Source: flannel pkg/backend/vxlan/device.go; Linux vxlan_core.c, vxlan_rcv().
    """
    for trait, whose in _overlays(fleet, "vxlan/learning"):
        yield from unlike(fleet, trait, f"learning of {whose}")
    for trait, whose in _overlays(fleet, "vxlan/gbp"):
        yield from unlike(fleet, trait, f"group policy of {whose}", severity=Severity.ERROR)


@rule(
    CONFIG,
    Severity.WARNING,
    entries=("X-03",),
    scope="fleet",
    remedy="bring the net-conf of {node} to what the others have, then restart its flannel pod",
    explains=(),
)
def flannel_config_alike(fleet: Fleet) -> Result:
    """Have the same net-conf on all nodes.

    Why: it comes from one ConfigMap, or from the same options of each server; a node with another
    one was configured by hand, or has not heard of a change. What runs differently is told by the
    rules above: this one tells what will be so after a restart.

    Exempt: nodes without net-conf, or where nobody looked for it.
    Source: flannel Documentation/configuration.md.
    """
    for trait in fleet.names("cni/net_conf/"):
        yield from unlike(fleet, trait, trait.removeprefix("cni/net_conf/"))


@rule(
    "families-alike",
    Severity.ERROR,
    entries=("X-15",),
    scope="fleet",
    remedy="restart the flannel pod of {node}, which writes the lease anew; if it stays, give all "
    "nodes the same families: podCIDRs of the Node, EnableIPv4 and EnableIPv6 of net-conf",
    explains=(*PEERS, CONFIG, "leftover-link", "overlay-missing-here", *OF_IPV6),
)
def families_alike(fleet: Fleet) -> Result:
    """Have a lease for the same IP families on every node.

    Why: pods of a node with one family cannot reach those that another answers with the other, and
    flannel does not start where it is told of a family that the node has no subnet for.

    Exempt: nodes without a lease.
    Source: flannel-io/flannel#1671, k3s-io/k3s#8794.
    """
    yield from unlike(fleet, "families", "IP versions of the pod subnets")


@rule(
    "kernels-skew",
    Severity.INFO,
    entries=("X-16",),
    scope="fleet",
    remedy="nothing, unless something else is wrong on the same nodes",
)
def kernels_skew(fleet: Fleet) -> Result:
    """Have the kernels of all nodes within one minor version.

    Why: it explains other differences, as in how the kernel limits MTUs or names links.

    Source: Linux vxlan_core.c over its versions. flannel's own: api-flannel-versions.
    """
    census = fleet.census("host/kernel")
    versions = {_version(str(value)) for value, _nodes in census.values} - {None}
    known = sorted(one for one in versions if one is not None)
    if known and (known[0][0] != known[-1][0] or known[-1][1] - known[0][1] > 1):
        yield breach_of(fleet, "host/kernel", "kernel", census)


def _version(release: str) -> tuple[int, int] | None:
    major, _, rest = release.partition(".")
    minor = rest.partition(".")[0].partition("-")[0]
    return (int(major), int(minor)) if major.isdecimal() and minor.isdecimal() else None


@rule(
    "sysctls-alike",
    Severity.WARNING,
    entries=("X-17",),
    scope="fleet",
    remedy="sysctl -w on {node} to what the others have, and in /etc/sysctl.d",
)
def sysctls_alike(fleet: Fleet) -> Result:
    """Have the same forwarding, path filter and bridge settings on all nodes.

    Why: one node that filters or does not forward is one that some pods cannot be reached on, while
    its links look as those of the others.

    Exempt: a setting that a kernel does not have. For information: what a rule of its own judges on
    each node, and pools of two nodes or more that differ in kernel or underlay as well.
    Source: kubernetes/kops#12415, k3s-io/k3s#14022.
    """
    names = fleet.names("sysctls/")
    for trait in names:
        what = trait.removeprefix("sysctls/")
        if what in JUDGED:
            yield from unlike(fleet, trait, what, severity=Severity.INFO)
        elif any(mark in what for mark in ("rp_filter", "bridge-nf", "disable_ipv6")):
            yield from unlike(fleet, trait, what, pools=POOLS)
    unseen = fleet.unseen("sysctls") if not names and len(fleet.members) > 1 else None
    if unseen is not None:
        yield CannotTell(*unseen)


@rule(
    "cni-files-alike",
    Severity.WARNING,
    entries=("X-20",),
    scope="fleet",
    remedy="compare /etc/cni/net.d of {node} with that of another node; kubelet takes the first",
)
def cni_files_alike(fleet: Fleet) -> Result:
    """Have the same files in ``/etc/cni/net.d`` on all nodes.

    Why: the runtime takes the first file, so one more on a node may give its pods another network.

    Exempt: nodes of which not all files were saved.
    Source: flannel-io/flannel#1437, containernetworking/plugins#629.
    """
    yield from unlike(fleet, "cni_config", "files of /etc/cni/net.d")
