"""The pod bridge and the pods' ports on it: there, up, forwarding, as the plugin makes them."""

from __future__ import annotations

import typing as t

from snapdiff.model import Severity
from snapdiff.rules import flannel
from snapdiff.rules.registry import Breach, CannotTell, Result, rule
from snapdiff.rules.settings import named

if t.TYPE_CHECKING:
    from snapdiff.rules.view import Link, NodeView

MANY = 800  # ports
MOST = 1024  # Linux net/bridge/br_private.h, BR_MAX_PORTS
RUNNING = frozenset({"UP", "UNKNOWN"})
ANEW = "drain {node}, ip link delete {link} on it; the next pod makes {link} anew"
ANEW_PODS = (
    "recycle the pods of {node} that are not on its host network: the plugin makes {expected} with "
    "the next pod, and each pod's link is made anew; see who deleted it"
)


@rule(
    "pod-bridge-kind",
    Severity.ERROR,
    entries=("N-42",),
    remedy="ip link delete {link} on {node}; the next pod makes it as a bridge",
    explains=("pod-bridge-address", "pod-port-master", "pod-subnet-route"),
)
def pod_bridge_kind(view: NodeView) -> Result:
    """Have a bridge under the name of the pod bridge.

    Why: the plugin takes a link of that name, and refuses one that is no bridge: no pod starts.

    Exempt: a node without the link.
    Source: containernetworking plugins plugins/main/bridge/bridge.go, ensureBridge().
    """
    name = flannel.bridge_of(view)
    if name is None or name not in view.links or not flannel.is_there(view):
        return
    kind = view.get("links", name, "kind")
    if kind != "bridge":
        yield Breach(
            path=f"links/{name}/kind",
            message=f"{name} is {f'a {kind}' if kind else 'no virtual link'}, not a bridge",
            seen=kind,
            expected="bridge",
        )


@rule(
    "pod-bridge-down",
    Severity.ERROR,
    entries=("N-42",),
    remedy="ip link set {link} up on {node}",
    explains=("pod-subnet-route", "pod-port-blocked"),
)
def pod_bridge_down(view: NodeView) -> Result:
    """Have the pod bridge up, with carrier as long as a port runs.

    Why: pods of the node have no gateway, and lose each other.

    Exempt: no carrier without a running port, and operstate UNKNOWN before the first port; no
    carrier beside a running port, or down without ports, is an info.
    Source: containernetworking plugins plugins/main/bridge/bridge.go, ensureBridge(); Linux
    br_set_state(), br_device_event(); flannel-io/flannel#959.
    """
    name = flannel.own_bridge(view)
    flags = view.get("links", name, "flags") if name else None
    if name is None or flags is None:
        return
    link = view.links[name]
    if "UP" in flags and link.get("operstate") in (*RUNNING, None):
        return
    ports = flannel.ports_of(view, name)
    if "UP" not in flags:
        yield Breach(
            path=f"links/{name}/flags",
            message=f"{name} is down, with {len(ports)} ports",
            seen=", ".join(flags) or "none",
            expected="UP",
            severity=None if ports else Severity.INFO,
        )
        return
    running = sorted(port for port, row in ports.items() if row.get("operstate") == "UP")
    if running:
        yield Breach(
            path=f"links/{name}/operstate",
            message=f"{name} has no carrier, though {named(running)} run",
            seen=link.get("operstate"),
            expected="UP",
            severity=Severity.INFO,
        )


@rule("pod-bridge-mac", Severity.WARNING, entries=("N-42",), remedy=ANEW)
def pod_bridge_mac(view: NodeView) -> Result:
    """Have a MAC of its own on the pod bridge.

    Why: the plugin pins it with the address. All zeros is a bridge that somebody else made, or
    whose address was never set; its MAC then follows its ports, and pods keep a gateway that is
    gone.

    Exempt: none; a bridge that never had a port has a MAC too.
    Source: containernetworking plugins plugins/main/bridge/bridge.go, ensureAddr(); Linux
    br_stp_recalculate_bridge_id().
    """
    name = flannel.own_bridge(view)
    mac = view.get("links", name, "mac") if name else None
    if name and mac is not None and not mac.strip("0:"):
        yield Breach(
            path=f"links/{name}/mac",
            message=f"{name} has the MAC {mac}: it is not pinned",
            seen=mac,
            expected="a MAC of its own",
        )


@rule(
    "pod-port-master",
    Severity.ERROR,
    entries=("N-43",),
    remedy="recycle the pods of these links on {node}, or ip link set NAME master {expected}; tell "
    "networkd or NetworkManager to leave veth* alone",
    explains=("ipam-leak",),
)
def pod_port_master(view: NodeView) -> Result:
    """Have every pod's veth on the pod bridge.

    Why: a pod whose link is on no bridge, or on another, reaches nothing. networkd and
    NetworkManager have taken veths off when a pattern of theirs matched. A pod bridge that is
    deleted leaves all its ports on none.

    Exempt: ports of engines' bridges (Docker, podman) and of other CNIs' ones; second links of pods
    (Multus); ports of another bridge while the pod bridge has as many as host-local gave out
    addresses; links of plugins that route (ptp), which have an address or a route; the newest link,
    which may be in the making, is a warning.
    Source: containernetworking plugins plugins/main/bridge/bridge.go, setupVeth(); moby/moby#26492;
    podman-container-tools/podman#11123.
    """
    name = flannel.bridge_of(view)
    if name is None or not flannel.is_there(view):
        return
    gone = name not in view.links
    if gone and view.lease is None:
        return
    if not gone and flannel.pod_bridge(view) is None:
        return  # that is pod-bridge-kind's to say
    loose = []
    for port, link in view.ports.items():
        if not port.startswith("veth") or link.get("kind", "veth") != "veth":
            continue
        if view.get("links", port, "master") is None and not _routed(view, port, link):
            loose.append(port)
    if gone:  # a veth that somebody else made may be on no bridge at all times
        given = flannel.given_out(view)
        pods = [one for one in loose if "peer_netnsid" in view.links[one]]
        loose = [] if given == 0 else pods if given is None else loose
    if loose:
        yield _loose(view, name, sorted(loose), gone=gone)
    elsewhere: dict[str, list[str]] = {}
    for port in flannel.moved_ports(view, name):
        elsewhere.setdefault(str(view.ports[port]["master"]), []).append(port)
    for other, found in sorted(elsewhere.items()):
        yield Breach(
            path="links/veth*/master",
            message=f"{len(found)} of {len(view.ports)} pod ports are on {other}, "
            + (f"and {name} is gone" if gone else f"not on {name}"),
            seen=other,
            expected=name,
            remedy=ANEW_PODS if gone else _back(view, name),
            evidence=(f"{view.node}: {named(sorted(found))}",),
        )


def _loose(view: NodeView, name: str, loose: list[str], *, gone: bool) -> Breach:
    """Return what is said of pods' links that are on no bridge."""
    evidence = (f"{view.node}: {named(loose)}",)
    if gone:
        many = f"{len(loose)} pod ports have" if len(loose) > 1 else "1 pod port has"
        return Breach(
            path=f"links/{name}",
            message=f"{name} is gone, {many} no bridge",
            expected=name,
            remedy=ANEW_PODS,
            evidence=evidence,
        )
    making = len(loose) == 1 and _is_newest(view, loose[0])
    return Breach(
        path="links/veth*/master",
        message=f"{len(loose)} of {len(view.ports)} pod ports are on no bridge",
        seen=len(loose),
        expected=name,
        severity=Severity.WARNING if making else None,
        remedy=_back(view, name),
        evidence=evidence,
    )


def _back(view: NodeView, name: str) -> str | None:
    """Return how links come back onto the bridge, where its other ports have hairpin mode too."""
    states = [link.get("bridge_port") or {} for link in view.ports_of(name).values()]
    asked = (plug.delegate.get("hairpinMode") if (plug := flannel.plug_of(view)) else None) is True
    if not asked and not any(one.get("hairpin") for one in states):
        return None
    return (
        "recycle the pods of these links on {node}, or ip link set NAME master {expected} and "
        "bridge link set dev NAME hairpin on; tell networkd or NetworkManager to leave veth* alone"
    )


def _routed(view: NodeView, port: str, link: Link) -> bool:
    if any(not key.startswith("fe80:") for key in link["addresses"]):
        return True
    return any(
        row.get("dev") == port and not str(row.get("dst")).startswith(("fe80:", "ff00:"))
        for row in view.section("routes").values()
    )


def _is_newest(view: NodeView, port: str) -> bool:
    numbers = [link.get("ifindex", 0) for link in view.links.values()]
    return bool(view.links[port].get("ifindex", 0) == max(numbers))


@rule(
    "pod-port-blocked",
    Severity.ERROR,
    entries=("N-43",),
    remedy="recycle the pods of these links on {node}; look into 'bridge -d link' there",
)
def pod_port_blocked(view: NodeView) -> Result:
    """Have every port of the pod bridge forward.

    Why: the bridge drops what a port sends in any other state: its pod's end is down, or somebody
    turned on spanning tree.

    Exempt: a port that is set down, which pod-port-down tells; a single port that is the node's
    newest link, which may be in the making, is a warning.
    Source: Linux net/bridge/br_stp_if.c; containernetworking plugins plugins/main/bridge/bridge.go.
    """
    name = flannel.own_bridge(view)
    if name is None:
        return
    ports = [
        port
        for port in flannel.pod_ports_of(view, name)
        if "UP" in view.links[port].get("flags", ("UP",))
    ]
    states = {port: view.get("links", port, "bridge_port", "state") for port in ports}
    bad = sorted(port for port, state in states.items() if state not in (None, "forwarding"))
    if bad:
        making = len(bad) == 1 and _is_newest(view, bad[0])
        yield Breach(
            path="links/veth*/bridge_port/state",
            message=f"{len(bad)} of {len(ports)} ports of {name} do not forward",
            seen=", ".join(sorted({str(states[port]) for port in bad})),
            expected="forwarding",
            severity=Severity.WARNING if making else None,
            evidence=(f"{view.node}: {named(bad)}",),
        )


@rule(
    "pod-port-hairpin",
    Severity.WARNING,
    entries=("N-42",),
    remedy="recycle the pods of these links on {node}, or bridge link set dev NAME hairpin on",
)
def pod_port_hairpin(view: NodeView) -> Result:
    """Have hairpin mode on the ports where the plugin's file asks for it.

    Why: without it a pod that asks a Service which leads back to itself gets no answer. The plugin
    sets it when a pod is added: pods of before a change keep theirs.

    Exempt: a file without hairpinMode; with promiscMode, which does the same on the bridge. Where
    the file was not observed and a port has no hairpin mode, cannot tell.
    Source: containernetworking plugins plugins/main/bridge/bridge.go, setupVeth(); flannel
    Documentation/kube-flannel.yml.
    """
    name = flannel.own_bridge(view)
    if name is None:
        return
    ports = flannel.pod_ports_of(view, name)
    off = sorted(p for p in ports if view.get("links", p, "bridge_port", "hairpin") is False)
    if not off:
        return
    plug = flannel.plug_of(view)
    if plug is None:
        whole = view.snapshot.why_not_observed(("cni_config",))
        if whole is not None:
            yield CannotTell(*whole)
        return
    if plug.delegate.get("hairpinMode") is True and not plug.delegate.get("promiscMode"):
        yield Breach(
            path="links/veth*/bridge_port/hairpin",
            message=f"{len(off)} of {len(ports)} ports of {name} have no hairpin mode",
            seen=False,
            expected=True,
            evidence=(f"{view.node}: {named(off)}", f"{plug.file}: hairpinMode true"),
        )


@rule(
    "pod-bridge-full",
    Severity.WARNING,
    entries=("N-45",),
    remedy="move pods off {node}; look for ports of no pod: 'bridge link' against 'crictl pods'",
)
def pod_bridge_full(view: NodeView) -> Result:
    """Keep the ports of the pod bridge well below the 1024 that the kernel takes.

    Why: with the next one no pod starts ("exchange full"); links of pods that are gone count too.

    Exempt: none.
    Source: Linux net/bridge/br_private.h, BR_MAX_PORTS; weaveworks/weave#3258; moby/moby#14718.
    """
    names = {*view.bridges, flannel.pod_bridge(view)} - {None}
    for name in sorted(map(str, names)) if len(view.links) > MANY else ():
        ports = flannel.ports_of(view, name)
        if len(ports) >= MANY:
            yield Breach(
                path=f"links/{name}",
                message=f"{name} has {len(ports)} ports, of {MOST} that it can have",
                seen=len(ports),
                expected=f"below {MANY}",
            )
