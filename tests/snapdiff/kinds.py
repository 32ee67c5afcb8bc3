"""Healthy nodes of other kinds than plain flannel, made from those of :mod:`clusters`."""

from __future__ import annotations

import copy
import typing as t

from clusters import Facts, cluster

SETTINGS = {"forwarding": 1, "rp_filter": 0, "forwarding6": 1, "accept_ra": 0, "disable_ipv6": 0}


def link(mtu: int = 1450, **more: t.Any) -> Facts:
    """Return a link that is up."""
    return {
        "ifindex": 50,
        "mtu": mtu,
        "type": "ether",
        "flags": ["BROADCAST", "LOWER_UP", "MULTICAST", "UP"],
        "carrier": True,
        "operstate": "UP",
        "addresses": {},
        "sysctls": dict(SETTINGS),
        **more,
    }


def route(dst: str, dev: str, **more: t.Any) -> Facts:
    """Return a route of the main table."""
    return {
        "family": "inet6" if ":" in dst else "inet",
        "type": "unicast",
        "table": "main",
        "dst": dst,
        "dev": dev,
        "flags": [],
        "protocol": "boot",
        "scope": "global",
        **more,
    }


def _without_bridge(facts: Facts) -> None:
    for name in [name for name in facts["links"] if name == "cni0" or name.startswith("veth")]:
        del facts["links"][name]
    for key in [key for key in facts["routes"] if key.endswith("dev cni0")]:
        del facts["routes"][key]


def _without_flannel(facts: Facts) -> None:
    _without_bridge(facts)
    del facts["links"]["flannel.1"]
    facts.update(peers={}, cni={})


def k3s() -> dict[str, Facts]:
    """flannel inside k3s: net-conf and the CNI's file are k3s's own."""
    found = cluster()
    for facts in found.values():
        facts["cni"]["net_conf"]["path"] = "/var/lib/rancher/k3s/agent/etc/flannel/net-conf.json"
        facts["cni_config"]["10-flannel.conflist"]["plugins"][0]["delegate"]["forceAddress"] = True
        facts["cni_config"]["10-flannel.conflist"]["cniVersion"] = "1.0.0"
    return found


def canal() -> dict[str, Facts]:
    """flannel carries, Calico plugs: cali links, no cni0."""
    found = cluster()
    for number, facts in enumerate(found.values(), 1):
        _without_bridge(facts)
        for pod in range(2):
            name = f"cali{number:06x}{pod:05x}"
            facts["links"][name] = link(kind="veth", mac="ee:ee:ee:ee:ee:ee", peer_netnsid=pod)
            address = f"10.244.{number}.{2 + pod}"
            facts["routes"][f"main {address} dev {name}"] = route(address, name, scope="link")
        plugins = [{"type": "calico", "ipam": {"type": "host-local"}}, {"type": "portmap"}]
        facts["cni_config"] = {
            "10-canal.conflist": {"order": 0, "name": "k8s-pod-network", "plugins": plugins},
            "calico-kubeconfig": {"order": 1},
        }
        facts["ipam"] = {}
    return found


def calico() -> dict[str, Facts]:
    """Calico with vxlan, on its own VNI and port; a route a block of addresses."""
    found = cluster()
    for number, facts in enumerate(found.values(), 1):
        _without_flannel(facts)
        facts["links"]["vxlan.calico"] = link(
            kind="vxlan",
            mac=f"66:00:00:00:00:{number:02x}",
            lower="eth0",
            operstate="UNKNOWN",
            addresses={f"10.42.{number}.0/32": {"family": "inet", "scope": "global"}},
            vxlan={"id": 4096, "local": f"192.0.2.{number}", "port": 4789, "learning": False},
        )
        name = f"cali{number:011x}"
        facts["links"][name] = link(kind="veth", mac="ee:ee:ee:ee:ee:ee", peer_netnsid=0)
        facts["routes"][f"main 10.42.{number}.9 dev {name}"] = route(
            f"10.42.{number}.9", name, scope="link"
        )
        facts["routes"][f"main blackhole 10.42.{number}.0/26"] = {
            "family": "inet",
            "type": "blackhole",
            "table": "main",
            "dst": f"10.42.{number}.0/26",
            "protocol": "80",
            "flags": [],
        }
        for other in {1, 2, 3} - {number}:
            facts["peers"][f"10.42.{other}.0"] = {
                "dev": "vxlan.calico",
                "mac": f"66:00:00:00:00:{other:02x}",
                "subnet": f"10.42.{other}.0/26",
                "underlay": f"192.0.2.{other}",
            }
        facts["cni_config"] = {
            "10-calico.conflist": {
                "order": 0,
                "name": "k8s-pod-network",
                "plugins": [{"type": "calico", "datastore_type": "kubernetes"}],
            }
        }
        facts["ipam"] = {}
    return found


def cilium() -> dict[str, Facts]:
    """Cilium with its tunnel: lxc links at the underlay's MTU, routes by cilium_host."""
    found = cluster()
    for number, facts in enumerate(found.values(), 1):
        _without_flannel(facts)
        facts["links"]["cilium_vxlan"] = link(
            1500, kind="vxlan", operstate="UNKNOWN", vxlan={"external": True, "port": 8472}
        )
        address = f"10.0.{number}.1/32"
        facts["links"]["cilium_host"] = link(
            1500,
            kind="veth",
            peer="cilium_net",
            addresses={address: {"family": "inet", "scope": "global"}},
        )
        facts["links"]["cilium_net"] = link(1500, kind="veth", peer="cilium_host")
        facts["links"][f"lxc{number:012x}"] = link(1500, kind="veth", peer_netnsid=0)
        for other in {1, 2, 3} - {number}:
            facts["routes"][f"main 10.0.{other}.0/24 dev cilium_host"] = route(
                f"10.0.{other}.0/24", "cilium_host", gateway=f"10.0.{number}.1"
            )
        facts["rules"]["inet 9 from all"] = {
            "priority": 9,
            "src": "all",
            "fwmark": "0x200",
            "table": "2004",
            "family": "inet",
        }
        facts["cni_config"] = {
            "05-cilium.conflist": {
                "order": 0,
                "name": "cilium",
                "plugins": [{"type": "cilium-cni"}],
            }
        }
        facts["ipam"] = {}
        for name in ("iptables", "ip6tables"):
            facts["sysctls"].pop(f"net.bridge.bridge-nf-call-{name}")
    return found


def direct() -> dict[str, Facts]:
    """flannel's vxlan with DirectRouting, all nodes on one network: nothing over flannel.1."""
    found = cluster()
    for facts in found.values():
        facts["cni"]["net_conf"]["Backend"]["DirectRouting"] = True
        for peer in facts["peers"].values():
            facts["routes"][f"main {peer['subnet']} dev eth0"] = route(
                peer["subnet"], "eth0", gateway=peer["underlay"]
            )
        facts["peers"] = {}
    return found


def ipip() -> dict[str, Facts]:
    """flannel's ipip: a route a peer over flannel.ipip, and the module's own tunl0."""
    found = cluster()
    for number, facts in enumerate(found.values(), 1):
        del facts["links"]["flannel.1"]
        facts["links"]["flannel.ipip"] = link(
            1480,
            kind="ipip",
            operstate="UNKNOWN",
            addresses={f"10.244.{number}.0/32": {"family": "inet", "scope": "global"}},
            tunnel={"local": f"192.0.2.{number}", "remote": "any"},
        )
        facts["links"]["tunl0"] = link(1480, kind="ipip", flags=["NOARP"], operstate="DOWN")
        facts["cni"]["net_conf"]["Backend"]["Type"] = "ipip"
        facts["cni"]["subnet_env"]["FLANNEL_MTU"] = 1480
        for name in [one for one in facts["links"] if one == "cni0" or one.startswith("veth")]:
            facts["links"][name]["mtu"] = 1480
        for peer in facts["peers"].values():
            facts["routes"][f"main {peer['subnet']} dev flannel.ipip"] = route(
                peer["subnet"], "flannel.ipip", gateway=peer["underlay"], flags=["onlink"]
            )
        facts["peers"] = {}
    return found


KINDS: dict[str, t.Callable[[], dict[str, Facts]]] = {
    "vxlan": cluster,
    "wireguard": lambda: cluster(backend="wireguard"),
    "host-gw": lambda: cluster(backend="host-gw"),
    "dual-stack": lambda: cluster(dual=True),
    "no-pods": lambda: cluster(pods=0),
    "jumbo": lambda: cluster(underlay=9001),
    "one-node": lambda: cluster(1),
    "k3s": k3s,
    "canal": canal,
    "calico": calico,
    "cilium": cilium,
    "direct-routing": direct,
    "ipip": ipip,
}


def healthy(kind: str) -> dict[str, Facts]:
    """Return a healthy cluster of a kind, for a test to spoil."""
    return copy.deepcopy(KINDS[kind]())


def node(kind: str = "vxlan", **edits: dict[str, t.Any]) -> Facts:
    """Return a healthy node with sections updated; None takes a row away."""
    facts = healthy(kind)["node1"]
    for section, rows in edits.items():
        for key, row in rows.items():
            if row is None:
                del facts[section][key]
            else:
                facts[section][key] = row
    return facts


def breaches(rule: str, facts: Facts) -> list[tuple[str, str]]:
    """Return path and severity of each breach of one rule on one node, cannot-tells as ``?``."""
    from clusters import snapshots
    from snapdiff.rules.registry import CannotTell, shipped
    from snapdiff.rules.view import NodeView

    one = shipped()[rule]
    view = NodeView(snapshots({"node": facts})["node"])
    found: list[tuple[str, str]] = []
    try:
        for result in one.check(view):
            if isinstance(result, CannotTell):
                found.append((result.path, "?"))
            else:
                severity = one.severity if result.severity is None else result.severity
                found.append((result.path, severity.word))
    except CannotTell as reason:
        found.append((reason.path, "?"))
    return found
