"""Healthy nodes that look odd at first, each of them legitimate; and ways to spoil a node."""

from __future__ import annotations

import typing as t
from functools import partial

from clusters import Facts, cluster, snapshots
from kinds import KINDS, link, node, route
from snapdiff.rules.registry import CannotTell, shipped
from snapdiff.rules.view import NodeView


def results(name: str, view: NodeView) -> list[tuple[str, str]]:
    """Return path and severity of what a rule finds, cannot-tells as ``?``."""
    rule = shipped()[name]
    found: list[tuple[str, str]] = []
    try:
        for one in rule.check(view):
            if isinstance(one, CannotTell):
                found.append((one.path, "?"))
            else:
                severity = rule.severity if one.severity is None else one.severity
                found.append((one.path, severity.word))
    except CannotTell as reason:
        found.append((reason.path, "?"))
    return found


def breaches(name: str, facts: Facts) -> list[tuple[str, str]]:
    """Return what a rule finds on a node of these facts."""
    return results(name, NodeView(snapshots({"node": facts})["node"]))


def _address(**more: t.Any) -> Facts:
    return {"family": "inet", "scope": "global", **more}


def portless(facts: Facts) -> Facts:
    """Take all pods away, and leave their bridge."""
    for name in [one for one in facts["links"] if one.startswith("veth")]:
        del facts["links"][name]
    return facts


def spoilt(name: str, of: str = "vxlan", *, gone: t.Sequence[str] = (), **fields: t.Any) -> Facts:
    """Return a node of a kind with members of one link changed, and members gone."""
    facts = node(of)
    facts["links"][name].update(fields)
    for member in gone:
        del facts["links"][name][member]
    return facts


def unseen(facts: Facts, *places: str) -> Facts:
    """Say that nobody looked at these places."""
    facts["not_observed"].update(dict.fromkeys(places, "it was not told"))
    return facts


def resized(facts: Facts, mtu: int, *, under: int | None = None) -> Facts:
    """Give overlay, lease, bridge and ports one MTU, and the underlay another."""
    for name, row in facts["links"].items():
        if name.startswith(("flannel", "cni0", "veth")):
            row["mtu"] = mtu
    if under is not None:
        facts["links"]["eth0"]["mtu"] = under
    facts["cni"]["subnet_env"]["FLANNEL_MTU"] = mtu
    return facts


def _without_net_conf(facts: Facts) -> Facts:
    del facts["cni"]["net_conf"]
    return facts


def _empty_bridge() -> Facts:
    facts = node()
    for name in [one for one in facts["links"] if one.startswith("veth")]:
        del facts["links"][name]
    facts["links"]["cni0"].update(mtu=1500, operstate="DOWN", carrier=False)
    facts["links"]["cni0"]["flags"] = ["BROADCAST", "MULTICAST", "NO-CARRIER", "UP"]
    facts["ipam"]["cbr0"]["addresses"] = []
    return facts


def _new_bridge() -> Facts:
    """Before the first port: the MTU of the file, no address yet, operstate UNKNOWN."""
    facts = _empty_bridge()
    facts["links"]["cni0"].update(mtu=1450, operstate="UNKNOWN", addresses={})
    facts["links"]["cni0"]["flags"] = ["BROADCAST", "LOWER_UP", "MULTICAST", "UP"]
    del facts["routes"]["main 10.244.1.0/24 dev cni0"]
    return facts


def _docker() -> Facts:
    down = ["BROADCAST", "MULTICAST", "NO-CARRIER", "UP"]
    addresses = {"172.17.0.1/16": _address(label="docker0")}
    return node(
        links={
            "docker0": link(1500, kind="bridge", flags=down, operstate="DOWN", addresses=addresses),
            "veth1234567": link(1500, kind="veth", master="docker0"),
        }
    )


def _tunl0_and_ipvs() -> Facts:
    down = {"flags": ["BROADCAST", "NOARP"], "operstate": "DOWN"}
    return node(
        links={
            "tunl0": link(1480, kind="ipip", flags=["NOARP"], operstate="DOWN"),
            "kube-ipvs0": link(
                1500, kind="dummy", addresses={"10.96.0.1/32": _address()}, **{**down}
            ),
            "nodelocaldns": link(
                1500, kind="dummy", addresses={"169.254.20.10/32": _address()}, **{**down}
            ),
        }
    )


def _just_started() -> Facts:
    """The first pod is being plugged: its port is there, the bridge's address not yet."""
    facts = cluster(3, pods=0)["node1"]
    facts["provenance"]["uptime"] = 41.0
    facts["ipam"]["cbr0"]["addresses"] = [f"10.244.1.{one}" for one in range(2, 60)]
    return facts


def _in_a_container() -> Facts:
    """As with kind and k3d: the underlay is a veth that was moved in, its number is high."""
    facts = node()
    facts["links"]["eth0"].update(kind="veth", ifindex=35, lower_netnsid=0, peer_netnsid=0)
    return facts


def _wireguard_auto() -> Facts:
    facts = cluster(3, backend="wireguard", dual=True)["node1"]
    del facts["links"]["flannel-v6.1"]
    facts["peers"] = {}
    facts["cni"]["net_conf"]["Backend"]["Mode"] = "auto"
    six = {"family": "inet6", "scope": "global"}
    facts["links"]["flannel-wg"]["addresses"]["fd00:10:244:1::/128"] = six
    key = "main fd00:10:244::/48 dev flannel-wg metric 1024"
    facts["routes"][key] = route("fd00:10:244::/48", "flannel-wg", metric=1024)
    return facts


def _ipv6_only() -> Facts:
    """flannel subtracts 50 in the lease, the kernel 70 from the link."""
    facts = cluster(3, dual=True)["node1"]
    del facts["links"]["flannel.1"]
    del facts["links"]["cni0"]["addresses"]["10.244.1.1/24"]
    del facts["routes"]["main 10.244.1.0/24 dev cni0"]
    facts["routes"]["main fd00:10:244:1::/64 dev cni0 metric 256"] = route(
        "fd00:10:244:1::/64", "cni0", protocol="kernel", metric=256
    )
    for key in ("FLANNEL_NETWORK", "FLANNEL_SUBNET"):
        del facts["cni"]["subnet_env"][key]
    del facts["cni"]["net_conf"]["Network"]
    facts["peers"] = {key: row for key, row in facts["peers"].items() if ":" in key}
    facts["ipam"]["cbr0"]["addresses"] = ["fd00:10:244:1::2", "fd00:10:244:1::3"]
    return facts


def _ptp_beside() -> Facts:
    """Multus' second network by ptp, another on a bridge of its own."""
    own = {"10.99.0.1/32": _address()}
    return node(
        links={
            "vethaaaaaaaa": link(9000, kind="veth", peer_netnsid=0, addresses=own),
            "vethbbbbbbbb": link(1400, kind="veth", peer_netnsid=1, master="br1"),
            "br1": link(1400, kind="bridge", addresses={"10.98.0.1/24": _address()}),
        },
        cni_config={"00-multus.conf": {"order": 0, "name": "m", "plugins": [{"type": "multus"}]}},
    )


def _vlan_gateway() -> Facts:
    facts = node()
    facts["cni_config"]["10-flannel.conflist"]["plugins"][0]["delegate"]["vlan"] = 7
    cni0 = facts["links"]["cni0"]
    facts["links"]["cni0.7"] = link(kind="veth", addresses=cni0["addresses"])
    cni0["addresses"] = {}
    return facts


def _tailscale_beside() -> Facts:
    """A VPN that leads to its own addresses alone: policy rules, a table of its own, a tun."""
    facts = node()
    flags = ["LOWER_UP", "MULTICAST", "NOARP", "POINTOPOINT", "UP"]
    facts["links"]["tailscale0"] = {
        **link(1280, kind="tun", flags=flags, operstate="UNKNOWN"),
        "addresses": {"100.90.1.2/32": _address(label="tailscale0")},
    }
    mark = {"family": "inet", "src": "all", "fwmark": "0x80000", "fwmask": "0xff0000"}
    facts["rules"].update(
        {
            "inet 5210 from all": {**mark, "priority": 5210, "table": "main"},
            "inet 5230 from all": {**mark, "priority": 5230, "table": "default"},
            "inet 5250 from all": {**mark, "priority": 5250, "action": "unreachable"},
            "inet 5270 from all": {"family": "inet", "src": "all", "priority": 5270, "table": "52"},
        }
    )
    for dst in ("100.100.100.100", "100.64.0.9"):
        facts["routes"][f"52 {dst} dev tailscale0"] = route(dst, "tailscale0", table="52")
    return facts


def _own_bridge() -> Facts:
    """The file calls the bridge otherwise, and gives pods an MTU of its own."""
    facts = node()
    delegate = facts["cni_config"]["10-flannel.conflist"]["plugins"][0]["delegate"]
    delegate.update(bridge="mynet0", mtu=1400)
    facts["links"]["mynet0"] = facts["links"].pop("cni0")
    facts["links"]["mynet0"]["mtu"] = 1400
    row = facts["routes"].pop("main 10.244.1.0/24 dev cni0")
    facts["routes"]["main 10.244.1.0/24 dev mynet0"] = {**row, "dev": "mynet0"}
    for name, row in facts["links"].items():
        if name.startswith("veth"):
            row.update(master="mynet0", mtu=1400)
    return facts


def _mixed_windows() -> Facts:
    facts = node()
    facts["cni"]["net_conf"]["Backend"].update(VNI=4096, Port=4789)
    facts["links"]["flannel.4096"] = facts["links"].pop("flannel.1")
    facts["links"]["flannel.4096"]["vxlan"].update(id=4096, port=4789)
    for peer in facts["peers"].values():
        peer["dev"] = "flannel.4096"
    return facts


def _learning_on() -> Facts:
    facts = node()
    facts["cni"]["net_conf"]["Backend"]["Learning"] = True
    facts["links"]["flannel.1"]["vxlan"]["learning"] = True
    return facts


def _old_udp() -> Facts:
    """The udp backend of old had the prefix of the whole network on its link."""
    facts = resized(node(), 1472)
    facts["links"]["flannel0"] = {
        **link(1472, kind="tun", operstate="UNKNOWN"),
        "addresses": {"10.244.1.0/16": _address()},
    }
    del facts["links"]["flannel.1"]
    facts["peers"] = {}
    facts["cni"]["net_conf"]["Backend"]["Type"] = "udp"
    return facts


def _canal_blackhole() -> Facts:
    dst = {"type": "blackhole", "dst": "10.244.1.0/24", "table": "main", "flags": []}
    return node("canal", routes={"main blackhole 10.244.1.0/24": dst})


CONFIGURED = ("vxlan", "wireguard", "host-gw", "dual-stack", "no-pods", "k3s", "canal", "ipip")


def _bare_of_conf(kind: str) -> Facts:
    return _without_net_conf(node(kind))


def _over(under: int, **options: t.Any) -> Facts:
    return cluster(3, underlay=under, **options)["node1"]


ODD: dict[str, t.Callable[[], Facts]] = {
    "no-ports": _empty_bridge,
    "no-port-yet": _new_bridge,
    "docker-beside": _docker,
    "tunl0-ipvs-nodelocaldns": _tunl0_and_ipvs,
    "just-started": _just_started,
    "in-a-container": _in_a_container,
    "wireguard-auto": _wireguard_auto,
    "ipv6-only": _ipv6_only,
    "multus-ptp": _ptp_beside,
    "vlan-gateway": _vlan_gateway,
    "bridge-of-another-name": _own_bridge,
    "tailscale-beside": _tailscale_beside,
    "mixed-with-windows": _mixed_windows,
    "learning-on": _learning_on,
    "udp": _old_udp,
    "canal-blackhole": _canal_blackhole,
    **{f"{kind}-without-net-conf": partial(_bare_of_conf, kind) for kind in CONFIGURED},
    **{f"underlay-{one}": partial(_over, one) for one in (1500, 1410, 9001, 1460, 1442, 1420)},
    **{f"wireguard-{one}": partial(_over, one, backend="wireguard") for one in (1500, 1410, 9001)},
    **{f"dual-{one}": partial(_over, one, dual=True) for one in (1500, 1410, 9001)},
    **{f"kind-{kind}": partial(node, kind) for kind in KINDS},
}
