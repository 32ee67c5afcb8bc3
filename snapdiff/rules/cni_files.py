"""The files of ``/etc/cni/net.d``: which of them the runtime takes, and what flannel's own says."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping

from snapdiff.model import Severity
from snapdiff.rules.ipam import held
from snapdiff.rules.pod_mtu import room_of, sizes_of_pods
from snapdiff.rules.registry import Breach, CannotTell, Result, rule
from snapdiff.rules.settings import overlay_types
from snapdiff.safe import for_shell

if t.TYPE_CHECKING:
    from snapdiff.rules.view import NodeView

FOLDER = "/etc/cni/net.d"
LOADED = (".conf", ".conflist", ".json")
MULTUS = frozenset({"multus", "multus-shim"})
HARMLESS = frozenset({"loopback"})

Plugin = Mapping[str, t.Any]


def types_of(row: Mapping[str, t.Any]) -> frozenset[str]:
    """Return the types of the plugins that a file asks for."""
    return frozenset(str(one["type"]) for one in row.get("plugins", ()) if one.get("type"))


def loaded(view: NodeView) -> list[tuple[str, Mapping[str, t.Any]]]:
    """Return the files that a runtime looks at, in its order."""
    rows = view.section("cni_config")
    names = [name for name in rows if name.endswith(LOADED)]
    return [(name, rows[name]) for name in sorted(names, key=lambda name: rows[name]["order"])]


OF_OLD_NAMES = "look into /var/lib/cni/networks on {node}: leases of old names are never freed"


@rule(
    "cni-config-order",
    Severity.ERROR,
    entries=("N-55",),
    remedy="mv /etc/cni/net.d/{seen} away on the node, restart containerd (or the CRI in use), "
    "then recycle the pods that were started meanwhile",
    explains=("cni-config-extra", "cni-files-alike", "pod-mtu-over-overlay"),
)
def cni_config_order(view: NodeView) -> Result:
    """Have the CNI whose overlay runs first in ``/etc/cni/net.d``.

    Why: the runtime takes the first file that it can use. 10-containerd-net.conflist sorts before
    10-flannel.conflist, and then pods of every node get addresses of one range that no overlay has.

    Exempt: multus, which is first on purpose; a node whose files are elsewhere (none of this
    folder is of that CNI), or whose overlay tells of no CNI that we know.
    Source: flannel-io/flannel#1437; containernetworking/plugins#629.
    """
    wanted = overlay_types(view)
    if not wanted:
        return
    files = loaded(view)
    if not any(types_of(row) & wanted for _name, row in files):
        return
    for name, row in files:
        if "plugins" not in row:
            yield CannotTell(f"cni_config/{name}", "its content was not observed")
            return
        if types_of(row) & (wanted | MULTUS):
            break
        if types_of(row) and not types_of(row) <= HARMLESS:
            right = next(one for one, given in files if types_of(given) & wanted)
            yield Breach(
                path=f"cni_config/{name}",
                message=f"{name} ({', '.join(sorted(types_of(row)))}) sorts before {right}: new "
                "pods get its network",
                seen=name,
                expected=right,
            )
            return
    whole = view.snapshot.why_not_observed(("cni_config",))
    if whole is not None:
        yield CannotTell(*whole)


@rule(
    "cni-config-extra",
    Severity.INFO,
    entries=("N-55",),
    remedy="mv /etc/cni/net.d/{seen} away on the node, once it is sure that nothing uses it",
)
def cni_config_extra(view: NodeView) -> Result:
    """Have one network in ``/etc/cni/net.d``.

    Why: a second file is taken as soon as the first is away for a moment, as in an upgrade.

    Exempt: loopback; all files where multus chooses among them.
    Source: flannel-io/flannel#1437.
    """
    files = [(name, types_of(row)) for name, row in loaded(view)]
    if any(types & MULTUS for _name, types in files):
        return
    networks = [(name, types) for name, types in files if types and not types <= HARMLESS]
    wanted = overlay_types(view)
    first = next((name for name, types in networks if types & wanted), None)
    first = first or (networks[0][0] if networks else None)
    for name, types in networks:
        if name != first:
            yield Breach(
                path=f"cni_config/{name}",
                message=f"{name} ({', '.join(sorted(types))}) stands beside {first}",
                seen=name,
            )


def _flannel_plugins(view: NodeView) -> t.Iterator[tuple[str, Mapping[str, t.Any], Plugin]]:
    for name, row in loaded(view):
        for plugin in row.get("plugins", ()):
            if plugin.get("type") == "flannel":
                yield name, row, plugin


@rule(
    "cni-config-delegate",
    Severity.INFO,
    entries=("N-56",),
    remedy="set hairpinMode and isDefaultGateway to true under delegate in the ConfigMap "
    "kube-flannel-cfg, then restart the flannel pods",
)
def cni_config_delegate(view: NodeView) -> Result:
    """Have flannel's plugin ask the bridge for hairpin mode and to be the default gateway.

    Why: without hairpin a pod does not reach itself through its Service; without the gateway it
    has no way out.

    Exempt: a delegate that is no bridge.
    Source: flannel Documentation/kube-flannel.yml; k3s pkg/agent/flannel/setup_linux.go.
    """
    for name, _row, plugin in _flannel_plugins(view):
        delegate = plugin.get("delegate") or {}
        if delegate.get("type", "bridge") != "bridge":
            continue
        off = [key for key in ("hairpinMode", "isDefaultGateway") if not delegate.get(key)]
        if off:
            yield Breach(
                path=f"cni_config/{name}/plugins",
                message=f"{name} does not ask for {' and '.join(off)}",
                expected=dict.fromkeys(off, True),
            )


@rule(
    "cni-config-name",
    Severity.ERROR,
    entries=("N-56",),
    remedy="give the network its name {expected} back, in cni-conf.json of flannel's ConfigMap and "
    "on {node}, or recycle all pods of {node}",
)
def cni_config_name(view: NodeView) -> Result:
    """Have the leases of pods under the name of flannel's network.

    Why: host-local keeps a folder a network. Where the name was changed, the addresses of the
    running pods stand under the old one, and the new one gives them out a second time.

    Exempt: a node without pods, one whose plugin has a dataDir of its own. Leases outside the
    node's subnet are an info: those are never given out again, and never freed.
    Source: containernetworking plugins plugins/ipam/host-local/backend/disk/backend.go, New().
    """
    if not view.bridges or not view.ports:
        return
    networks = view.section("ipam")
    for name, row, plugin in _flannel_plugins(view):
        label = row.get("name")
        ipam = (plugin.get("delegate") or {}).get("ipam") or {}
        if not label or plugin.get("dataDir") or ipam.get("dataDir") or label in networks:
            continue
        given = [one for one in networks if networks[one].get("addresses")]
        if not given:
            continue
        subnets = view.subnets()
        own = [
            one
            for one in given
            if any(held(address, subnets) for address in networks[one]["addresses"])
        ]
        then = ": new pods may get the addresses of those that run" if own else ""
        yield Breach(
            path=f"cni_config/{name}/name",
            message=f"{name} says {label}, but leases are under {', '.join(own or given)}{then}",
            seen=label,
            expected=(own or given)[0],
            severity=None if own else Severity.INFO,
            remedy=None if own else OF_OLD_NAMES,
        )


@rule(
    "cni-config-mtu",
    Severity.INFO,
    entries=("N-57",),
    remedy="take mtu out of delegate in the ConfigMap kube-flannel-cfg, unless it is meant; then "
    "restart the flannel pods and recycle the pods",
    explains=("pod-mtu", "pod-mtu-over-overlay", "pods-mtu-mixed"),
)
def cni_config_mtu(view: NodeView) -> Result:
    """Leave the MTU of pods to the lease, or set one that the overlay takes.

    Why: mtu under delegate wins over FLANNEL_MTU, so a change of the underlay never reaches pods.
    One over the overlay's breaks each pod from its next start on: that is a warning, and an error
    where pods have it already.

    Exempt: where both are the same.
    Source: flannel-io/cni-plugin flannel_linux.go; flannel Documentation/kube-flannel.yml, whose
    flannel pod copies the file anew when it starts.
    """
    for name, _row, plugin in _flannel_plugins(view):
        mtu = (plugin.get("delegate") or {}).get("mtu")
        lease = (view.lease or {}).get("FLANNEL_MTU")
        if mtu is None or lease is None or mtu == lease:
            continue
        room = room_of(view)
        if room is not None and mtu > room[0]:
            yield _over(view, name, mtu, *room)
            continue
        yield Breach(
            path=f"cni_config/{name}/plugins",
            message=f"{name} gives pods MTU {mtu}, not the {lease} of the lease",
            seen=mtu,
            expected=lease,
        )


def _over(view: NodeView, name: str, mtu: int, room: int, link: str) -> Breach:
    """Return the breach of a file that gives new pods more than the way to other nodes takes."""
    sizes = sizes_of_pods(view)
    said = ", ".join(f"{len(names)} at {size}" for size, names in sorted(sizes.items()))
    over = any(size > room for size in sizes)
    pods = "recycle the pods that have more" if over else "running pods are right: leave them alone"
    return Breach(
        path=f"cni_config/{name}/plugins",
        message=f"{name} gives new pods MTU {mtu}, over the {room} that {link} takes",
        seen=mtu,
        expected=room,
        severity=Severity.ERROR if over else Severity.WARNING,
        remedy=f"take mtu out of delegate in {for_shell(name)} on {{node}} and, if it is there, in "
        "the ConfigMap kube-flannel-cfg, which each start of the flannel pod copies (or set it to "
        f"{{expected}}); {pods}",
        evidence=(f"{view.node}: pod ports are {said}",) if said else (),
    )
