"""A healthy flannel cluster made of plain values, for tests to spoil.

``cluster(3)`` gives three nodes as ``dict[name, facts]``; change what the test is about, then
``snapshots(facts)``, or ``check(facts)`` for the findings of the rules.
"""

from __future__ import annotations

import base64
import copy
import typing as t

from snapdiff.model import Capture, Node, Outcome, Snapshot
from snapdiff.snapshot import from_facts

Facts = dict[str, t.Any]
MOMENT = "2026-11-22T03:00:00Z"
OVERHEAD = {"vxlan": 50, "wireguard": 80, "host-gw": 0}


def _address(family: str, scope: str = "global", **more: t.Any) -> Facts:
    return {"family": family, "scope": scope, **more}


def _link(ifindex: int, mtu: int, mac: str, **more: t.Any) -> Facts:
    return {
        "ifindex": ifindex,
        "mtu": mtu,
        "min_mtu": 68,
        "max_mtu": 65535,
        "mac": mac,
        "type": "ether",
        "flags": ["BROADCAST", "LOWER_UP", "MULTICAST", "UP"],
        "carrier": True,
        "operstate": "UP",
        "qdisc": "noqueue",
        "group": "default",
        "addresses": {},
        "sysctls": {
            "forwarding": 1,
            "rp_filter": 0,
            "proxy_arp": 0,
            "forwarding6": 1,
            "accept_ra": 0,
            "disable_ipv6": 0,
        },
        **more,
    }


def _route(dst: str, dev: str, **more: t.Any) -> Facts:
    return {
        "family": "inet6" if ":" in dst else "inet",
        "type": "unicast",
        "dst": dst,
        "dev": dev,
        "table": "main",
        "protocol": "kernel",
        "scope": "link",
        "flags": [],
        **more,
    }


def node(
    number: int,
    count: int,
    *,
    underlay: int = 1500,
    pods: int = 2,
    backend: str = "vxlan",
    dual: bool = False,
) -> Facts:
    """Return the facts of node *number* of *count*, healthy: flannel as its source programs it."""
    inner = underlay - OVERHEAD[backend]
    subnet = f"10.244.{number}"
    links: Facts = {
        "lo": _link(1, 65536, "00:00:00:00:00:00", type="loopback", operstate="UNKNOWN"),
        "eth0": _link(2, underlay, f"52:54:00:00:00:{number:02x}"),
    }
    links["lo"]["flags"] = ["LOOPBACK", "LOWER_UP", "UP"]
    links["lo"]["addresses"]["127.0.0.1/8"] = _address("inet", "host", label="lo")
    links["eth0"]["addresses"][f"192.0.2.{number}/24"] = _address("inet", label="eth0")
    routes: Facts = {
        "main default dev eth0": _route("default", "eth0", gateway="192.0.2.254", scope="global"),
        "main 192.0.2.0/24 dev eth0": _route("192.0.2.0/24", "eth0", prefsrc=f"192.0.2.{number}"),
    }
    peers: Facts = {}
    others = [one for one in range(1, count + 1) if one != number]
    if backend == "vxlan":
        links["flannel.1"] = _vtep(3, inner, f"02:00:00:00:00:{number:02x}", f"192.0.2.{number}")
        links["flannel.1"]["addresses"][f"{subnet}.0/32"] = _address("inet", label="flannel.1")
        for one in others:
            peers[f"10.244.{one}.0"] = {
                "dev": "flannel.1",
                "mac": f"02:00:00:00:00:{one:02x}",
                "subnet": f"10.244.{one}.0/24",
                "underlay": f"192.0.2.{one}",
            }
    elif backend == "wireguard":
        links["flannel-wg"] = _link(3, inner, "", kind="wireguard", type="none")
        links["flannel-wg"].update(flags=["LOWER_UP", "NOARP", "POINTOPOINT", "UP"])
        links["flannel-wg"]["operstate"] = "UNKNOWN"
        del links["flannel-wg"]["mac"]
        links["flannel-wg"]["addresses"][f"{subnet}.0/32"] = _address("inet", label="flannel-wg")
        links["flannel-wg"]["wireguard"] = _keys(number, others)
        routes["main 10.244.0.0/16 dev flannel-wg"] = _route("10.244.0.0/16", "flannel-wg")
    else:
        for one in others:
            routes[f"main 10.244.{one}.0/24 dev eth0"] = _route(
                f"10.244.{one}.0/24",
                "eth0",
                gateway=f"192.0.2.{one}",
                protocol="boot",
                scope="global",
            )
    lease: Facts = {
        "FLANNEL_NETWORK": "10.244.0.0/16",
        "FLANNEL_SUBNET": f"{subnet}.1/24",
        "FLANNEL_MTU": inner,
        "FLANNEL_IPMASQ": True,
    }
    if dual:
        _add_ipv6(number, others, links, peers, lease, underlay)
        routes["main ::/0 dev eth0 metric 1024"] = _route(
            "::/0", "eth0", gateway="fe80::1", protocol="ra", scope="global", metric=1024
        )
        routes["main 2001:db8::/64 dev eth0 metric 256"] = _route(
            "2001:db8::/64", "eth0", scope="global", metric=256, pref="medium"
        )
        own = f"fd00:10:244:{number}::"  # an IPv6 address has a route in main, an IPv4 one has not
        routes[f"main {own} dev flannel-v6.1 metric 256"] = _route(
            own, "flannel-v6.1", scope="global", metric=256, pref="medium"
        )
    if pods:
        links["cni0"] = _link(4, inner, f"0a:00:00:00:00:{number:02x}", kind="bridge")
        links["cni0"]["bridge"] = {"stp_state": 0, "ageing_time": 30000, "vlan_filtering": 0}
        links["cni0"]["addresses"][f"{subnet}.1/24"] = _address("inet", label="cni0")
        if dual:
            links["cni0"]["addresses"][f"fd00:10:244:{number}::1/64"] = _address("inet6")
        routes[f"main {subnet}.0/24 dev cni0"] = _route(
            f"{subnet}.0/24", "cni0", prefsrc=f"{subnet}.1"
        )
    for pod in range(pods):
        links[f"veth{number:04x}{pod:04x}"] = _link(
            5 + pod,
            inner,
            f"0e:00:00:00:{number:02x}:{pod:02x}",
            kind="veth",
            master="cni0",
            peer_ifindex=2,
            peer_netnsid=pod,
            bridge_port={"state": "forwarding", "hairpin": True, "isolated": False},
        )
    return {
        "facts": 2,
        "consistent": True,
        "host": {
            "boot_id": f"b{number:07x}-0000-4000-8000-000000000000",
            "hostname": f"node{number}",
            "kernel": "6.1.0-56-amd64",
            "machine_id": f"sha256:{number:032x}",
            "iproute2": "6.1.0",
        },
        "not_observed": {},
        "links": links,
        "peers": peers,
        "routes": routes,
        "neighbours": {},
        "fdb": {},
        "rules": {
            "inet 0 from all": {"priority": 0, "src": "all", "table": "local", "family": "inet"},
            "inet 32766 from all": {
                "priority": 32766,
                "src": "all",
                "table": "main",
                "family": "inet",
            },
        },
        "cni": {
            "subnet_env": lease,
            "net_conf": {
                "path": "/etc/kube-flannel/net-conf.json",
                "Network": "10.244.0.0/16",
                "Backend": {"Type": backend},
            },
        },
        "cni_config": {
            "10-flannel.conflist": {
                "order": 0,
                "name": "cbr0",
                "cniVersion": "0.3.1",
                "plugins": [
                    {
                        "type": "flannel",
                        "delegate": {"hairpinMode": True, "isDefaultGateway": True},
                    },
                    {"type": "portmap"},
                ],
            }
        },
        "ipam": {
            "cbr0": {
                "addresses": [f"{subnet}.{2 + pod}" for pod in range(pods)],
                "others": ["last_reserved_ip.0", "lock"],
            }
        },
        "sysctls": {
            "net.ipv4.ip_forward": 1,
            "net.ipv4.conf.all.forwarding": 1,
            "net.ipv4.conf.all.rp_filter": 0,
            "net.ipv4.conf.default.rp_filter": 0,
            "net.ipv6.conf.all.forwarding": 1,
            "net.bridge.bridge-nf-call-iptables": 1,
            "net.bridge.bridge-nf-call-ip6tables": 1,
        },
        "provenance": {"collector": "0.1.0", "uptime": 86400.0},
        "steps": {},
        "counters": {},
        "timers": {},
        "lifetimes": {},
        "neighbour_cache": {},
        "fdb_learned": {},
        "mtimes": {},
    }


def key_of(number: int) -> str:
    """Return the public key of node *number*."""
    return base64.b64encode(bytes([number]) * 32).decode()


def _keys(number: int, others: list[int]) -> Facts:
    return {
        "public_key": key_of(number),
        "listen_port": 51820,
        "peers": {
            f"10.244.{one}.0": {
                "public_key": key_of(one),
                "endpoint": f"192.0.2.{one}:51820",
                "allowed_ips": [f"10.244.{one}.0/24"],
            }
            for one in others
        },
    }


def _vtep(ifindex: int, mtu: int, mac: str, local: str) -> Facts:
    six = ":" in local
    return _link(
        ifindex,
        mtu,
        mac,
        kind="vxlan",
        operstate="UNKNOWN",
        lower="eth0",
        vxlan={
            "id": 1,
            "local6" if six else "local": local,
            "link": "eth0",
            "port": 8472,
            "learning": False,
            "ttl": 0,
            "df": "unset",
            "ageing": 300,
            "udp_csum": True,
        },
    )


def _add_ipv6(
    number: int, others: list[int], links: Facts, peers: Facts, lease: Facts, underlay: int
) -> None:
    links["eth0"]["addresses"][f"2001:db8::{number:x}/64"] = _address("inet6")
    links["flannel-v6.1"] = _vtep(
        90, underlay - 70, f"06:00:00:00:00:{number:02x}", f"2001:db8::{number:x}"
    )
    links["flannel-v6.1"]["addresses"][f"fd00:10:244:{number}::/128"] = _address("inet6")
    for one in others:
        peers[f"fd00:10:244:{one}::"] = {
            "dev": "flannel-v6.1",
            "mac": f"06:00:00:00:00:{one:02x}",
            "subnet": f"fd00:10:244:{one}::/64",
            "underlay": f"2001:db8::{one:x}",
        }
    lease["FLANNEL_IPV6_NETWORK"] = "fd00:10:244::/48"
    lease["FLANNEL_IPV6_SUBNET"] = f"fd00:10:244:{number}::1/64"


def cluster(count: int = 3, **options: t.Any) -> dict[str, Facts]:
    """Return a healthy cluster by node name; *options* are those of :func:`node`."""
    return {f"node{number}": node(number, count, **options) for number in range(1, count + 1)}


def snapshots(facts: dict[str, Facts]) -> dict[str, Snapshot]:
    """Return the snapshots that facts make, each held against the schema."""
    return {
        name: from_facts(copy.deepcopy(one), node=name, taken_at=MOMENT, via="test")
        for name, one in facts.items()
    }


class Held:
    """A capture in memory, as a side of a comparison."""

    def __init__(self, facts: dict[str, Facts], **missing: str) -> None:
        self._snapshots = snapshots(facts)
        nodes = {name: Node(name=name, outcome=Outcome.OK) for name in facts}
        nodes.update(
            {
                name: Node(name=name, outcome=Outcome.UNREACHABLE, why=why)
                for name, why in missing.items()
            }
        )
        self.capture = Capture(
            name="20261122T030000Z", place="memory", cluster="test", nodes=nodes, started_at=MOMENT
        )
        self.paths = dict.fromkeys(facts, None)

    api: dict[str, t.Any] | None = None  # the document of cluster.yml

    def cluster(self) -> dict[str, t.Any] | None:
        """Return the cluster's own word."""
        return self.api

    def snapshot(self, name: str) -> Snapshot:
        """Return a node's snapshot."""
        return self._snapshots[name]


def report(facts: dict[str, Facts], **missing: str) -> t.Any:
    """Return the report of the rules on a capture."""
    from snapdiff.check import assess_check
    from snapdiff.verdict import Policy

    return assess_check(t.cast("t.Any", Held(facts, **missing)), cluster="test", policy=Policy())


def told(facts: dict[str, Facts], **missing: str) -> list[tuple[str, str, tuple[str, ...]]]:
    """Return what the rules say: rule, path and nodes of each finding of warning or above."""
    return [
        (row.rule, row.path, row.nodes)
        for row in report(facts, **missing).findings
        if row.severity > 0
    ]
