"""What a new pod gets its network of: a file that asks for flannel's plugin, and the lease."""

from __future__ import annotations

import typing as t

from snapdiff.model import Severity
from snapdiff.rules.cni_files import HARMLESS, MULTUS, loaded, types_of
from snapdiff.rules.registry import Breach, CannotTell, Result, rule
from snapdiff.rules.settings import overlay_types

if t.TYPE_CHECKING:
    from snapdiff.rules.view import NodeView

BROKEN = ("it is not JSON", "it is JSON, but no object")  # as the collector says it
NEEDED = (  # one of each is asked for; flannel's plugin refuses a lease without
    ("FLANNEL_NETWORK", "FLANNEL_IPV6_NETWORK"),
    ("FLANNEL_SUBNET", "FLANNEL_IPV6_SUBNET"),
    ("FLANNEL_MTU",),
    ("FLANNEL_IPMASQ",),
)
RESTART = "restart the flannel pod of {node}, which writes "


@rule(
    "cni-config-broken",
    Severity.ERROR,
    entries=("N-55",),
    remedy=RESTART + "/etc/cni/net.d/{seen} anew; if another wrote it, mend it by hand",
    explains=("cni-files-alike", "cni-config-order"),
)
def cni_config_broken(view: NodeView) -> Result:
    """Have no file in ``/etc/cni/net.d`` that a runtime loads and cannot read.

    Why: where the first file is no JSON, containerd takes none and the node is NotReady; CRI-O goes
    on to the next, another network.

    Exempt: files of other names, which no runtime looks at. Files behind the first are an info.
    Source: containerd go-cni opts.go, loadFromConfDir(); CNI libcni/conf.go.
    """
    for number, (name, _row) in enumerate(loaded(view)):
        why = view.snapshot["not_observed"].get(f"cni_config/{name}", "")
        if why.startswith(BROKEN):
            yield Breach(
                path=f"cni_config/{name}",
                message=f"{name}: {why}",
                seen=name,
                expected="JSON",
                severity=Severity.INFO if number else None,
            )


@rule(
    "cni-config-missing",
    Severity.WARNING,
    entries=("N-55",),
    remedy=RESTART + "its file to /etc/cni/net.d; move what else is there away",
    explains=("cni-files-alike", "cni-config-extra"),
)
def cni_config_missing(view: NodeView) -> Result:
    """Have a file in ``/etc/cni/net.d`` that asks for the CNI whose overlay runs.

    Why: new pods get the network of the first file there is, and none where there is no file: the
    node is NotReady from the next start of its runtime on.

    Exempt: k3s, whose folder is another. Where no file is of any network, the runtime may look
    elsewhere: cannot tell.
    Source: containerd go-cni opts.go; flannel Documentation/kube-flannel.yml, install-cni.
    """
    wanted = overlay_types(view)
    conf = view.snapshot["cni"].get("net_conf") or {}
    if not wanted or "/rancher/" in str(conf.get("path")):
        return
    files = loaded(view)
    if any("plugins" not in row or types_of(row) & (wanted | MULTUS) for _name, row in files):
        return
    whole = view.snapshot.why_not_observed(("cni_config",))
    if whole is not None:
        raise CannotTell(*whole)
    networks = [name for name, row in files if types_of(row) - HARMLESS]
    words = " or ".join(sorted(wanted))
    if not networks:
        yield CannotTell("cni_config", f"no file asks for {words}; the runtime may look elsewhere")
        return
    yield Breach(
        path=f"cni_config/{networks[0]}",
        message=f"no file asks for {words}: new pods get the network of {networks[0]}",
        seen=networks[0],
    )


@rule(
    "lease-incomplete",
    Severity.ERROR,
    entries=("N-26",),
    remedy=RESTART + "/run/flannel/subnet.env; never write it by hand",
    explains=(
        *("lease-mtu", "lease-mtu-alike", "lease-subnet", "same-pod-network", "families-alike"),
        *("pod-mtu", "pod-subnet-route", "pod-bridge-address", "overlay-address"),
    ),
)
def lease_incomplete(view: NodeView) -> Result:
    """Have the network, the subnet, the MTU and IPMASQ in flannel's lease.

    Why: the CNI plugin reads the lease each time a pod is added, and refuses one without them. A
    disk that was full leaves an empty file.

    Exempt: a node without a lease.
    Source: flannel-io/cni-plugin flannel.go, subnetEnv.missing().
    """
    lease = view.lease
    if lease is None:
        return
    lacking = [keys[0] for keys in NEEDED if all(lease.get(key) in (None, "") for key in keys)]
    if lacking:
        yield Breach(
            path="cni/subnet_env",
            message=f"/run/flannel/subnet.env lacks {', '.join(lacking)}: no new pod starts",
            expected=", ".join(lacking),
        )
