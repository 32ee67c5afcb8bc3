"""What the kernel, flannel and the plugins leave behind when something happens to a node.

Each act changes the facts of a healthy cluster in place, as ``clusters.cluster`` makes them. A
peer's row is what the collector makes of its route, neighbour and forwarding entry, so an act that
takes one of these leaves the row as the collector would then write it.
"""

from __future__ import annotations

import copy
import typing as t

from clusters import cluster

Facts = dict[str, t.Any]
Nodes = dict[str, Facts]
NEW_PORT = next(
    link for name, link in cluster(1)["node1"]["links"].items() if name.startswith("veth")
)
TABLES = ("routes", "peers", "neighbours", "fdb")


def number_of(name: str) -> int:
    """Return the number that names and addresses of a node are made of."""
    return int(name.removeprefix("node"))


def others(nodes: Nodes, name: str) -> t.Iterator[Facts]:
    """Yield the facts of all nodes but one."""
    return (facts for other, facts in nodes.items() if other != name)


def route(dst: str, dev: str, **more: t.Any) -> Facts:
    """Return a unicast route of the main table."""
    return {
        "family": "inet6" if ":" in dst else "inet",
        "type": "unicast",
        "dst": dst,
        "dev": dev,
        "table": "main",
        "protocol": "boot",
        "scope": "global",
        "flags": [],
        **more,
    }


def ports(node: Facts) -> list[str]:
    """Name the pod ports of a node, oldest first."""
    return sorted(name for name, link in node["links"].items() if name.startswith("veth"))


def delete_link(node: Facts, name: str) -> None:
    """Take a link away; the kernel takes its routes, neighbours and forwarding entries with it."""
    del node["links"][name]
    for table in TABLES:
        node[table] = {key: row for key, row in node[table].items() if row.get("dev") != name}


def _spare(node: Facts, row: Facts) -> None:
    """Keep the forwarding entry of a peer whose neighbour is gone: no row can have it then."""
    if "underlay" in row:
        node["fdb"][f"{row['dev']} {row['mac']} {row['underlay']}"] = {
            "dev": row["dev"],
            "mac": row["mac"],
            "dst": row["underlay"],
            "flags": ["self"],
            "state": "permanent",
        }


def lose(node: Facts, address: str, *entries: str) -> None:
    """Take entries (route, neighbour, fdb) of the peer with this VTEP address."""
    row = node["peers"][address]
    if "fdb" in entries:
        row.pop("underlay")
    if "neighbour" in entries:
        _spare(node, row)
        row.pop("mac")
        row.pop("underlay", None)
    if "route" in entries:
        row.pop("subnet")
    if {"mac", "subnet"}.isdisjoint(row):
        del node["peers"][address]
    else:
        row["missing"] = [one for one in ("neighbour", "route", "fdb") if one in entries]


def lose_all(node: Facts, *entries: str, dev: str = "flannel.1") -> None:
    """Take entries of every peer behind a link."""
    for address in [key for key, row in node["peers"].items() if row["dev"] == dev]:
        lose(node, address, *entries)


def new_mac(node: Facts, mac: str, link: str = "flannel.1") -> None:
    """Give a link another MAC."""
    node["links"][link]["mac"] = mac


def tell_peers(nodes: Nodes, name: str, address: str, **values: t.Any) -> None:
    """Have all other nodes hold something else of the peer with this VTEP address."""
    for facts in others(nodes, name):
        if address in facts["peers"]:
            facts["peers"][address].update(values)


def forget(nodes: Nodes, number: int, *, but: t.Container[str] = ()) -> None:
    """Have all nodes, less those in *but*, take away what they have of a peer."""
    for name, facts in nodes.items():
        if name not in but:
            facts["peers"].pop(f"10.244.{number}.0", None)
            facts["peers"].pop(f"fd00:10:244:{number}::", None)


def new_lease(nodes: Nodes, name: str, subnet: int) -> None:
    """Give a node another subnet: lease, overlay and peers follow, the pod bridge does not."""
    number, node = number_of(name), nodes[name]
    node["cni"]["subnet_env"]["FLANNEL_SUBNET"] = f"10.244.{subnet}.1/24"
    addresses = node["links"]["flannel.1"]["addresses"]
    addresses[f"10.244.{subnet}.0/32"] = addresses.pop(f"10.244.{number}.0/32")
    for facts in others(nodes, name):
        row = facts["peers"].pop(f"10.244.{number}.0")
        facts["peers"][f"10.244.{subnet}.0"] = {**row, "subnet": f"10.244.{subnet}.0/24"}


def new_bridge(node: Facts, old: int, new: str) -> None:
    """Make cni0 anew with another subnet, of which *new* is the first three numbers."""
    bridge = node["links"]["cni0"]
    bridge["mac"] = "0a:11:00:00:00:07"
    bridge["addresses"] = {
        f"{new}.1/24": {"family": "inet", "scope": "global", "label": "cni0"},
        **{key: row for key, row in bridge["addresses"].items() if row["family"] != "inet"},
    }
    del node["routes"][f"main 10.244.{old}.0/24 dev cni0"]
    node["routes"][f"main {new}.0/24 dev cni0"] = route(
        f"{new}.0/24", "cni0", protocol="kernel", scope="link", prefsrc=f"{new}.1"
    )


def plug(node: Facts, count: int, *, mtu: int | None = None, first: int = 0x9000) -> None:
    """Add pods: a port each, under a random name, and an address each."""
    links = node["links"]
    like = links[ports(node)[0]] if ports(node) else NEW_PORT
    lease = node["cni"]["subnet_env"]
    head = lease["FLANNEL_SUBNET"].rpartition(".")[0]
    for one in range(first, first + count):
        links[f"veth{one:08x}"] = {
            **copy.deepcopy(like),
            "ifindex": one,
            "mac": f"0e:99:00:00:{one >> 8:02x}:{one & 255:02x}",
            "mtu": mtu or lease["FLANNEL_MTU"],
        }
        node["ipam"]["cbr0"]["addresses"].append(f"{head}.{one - first + 100}")


def unplug(node: Facts, count: int | None = None) -> None:
    """Take pods away, the oldest first; without its last port the kernel sets the bridge down."""
    for name in ports(node)[:count]:
        del node["links"][name]
        node["ipam"]["cbr0"]["addresses"].pop(0)
    if not ports(node):
        no_carrier(node)


def no_carrier(node: Facts) -> None:
    """Leave the pod bridge without a port that runs."""
    node["links"]["cni0"].update(
        mtu=1500,
        operstate="DOWN",
        carrier=False,
        flags=["BROADCAST", "MULTICAST", "NO-CARRIER", "UP"],
    )
    for row in node["routes"].values():
        if row["dev"] == "cni0":
            row["flags"] = ["linkdown"]


def reboot(node: Facts, *, mark: int = 7) -> None:
    """Start a node anew: other boot id and ifindexes, cni0 and ports made anew."""
    node["host"]["boot_id"] = f"{mark:08x}-1111-4000-8000-000000000000"
    node["provenance"]["uptime"] = 900.0
    node["mtimes"] = {"/run/flannel/subnet.env": 1795300000.0 + mark}
    count = len(ports(node))
    unplug_quietly(node)
    for index, link in enumerate(node["links"].values(), start=20):
        link["ifindex"] = index
    if "cni0" in node["links"]:
        node["links"]["cni0"]["mac"] = f"0a:77:00:00:00:{mark:02x}"
    plug(node, count, first=0x7000)


def unplug_quietly(node: Facts) -> None:
    """Take all pods away, for others to come."""
    for name in ports(node):
        del node["links"][name]
    node["ipam"]["cbr0"]["addresses"] = []


def mtu(node: Facts, value: int, *links: str) -> None:
    """Set the MTU of links; ``pods`` are all pod ports and, by the kernel, their bridge."""
    for name in links:
        for one in ["cni0", *ports(node)] if name == "pods" else [name]:
            node["links"][one]["mtu"] = value


def lease_mtu(node: Facts, value: int) -> None:
    """Set FLANNEL_MTU, as a restart of flanneld does."""
    node["cni"]["subnet_env"]["FLANNEL_MTU"] = value
    node["mtimes"] = {"/run/flannel/subnet.env": 1795300000.0}


def set_forwarding(node: Facts, value: int) -> None:
    """Write ``net.ipv4.ip_forward``, which sets all links that are there."""
    node["sysctls"]["net.ipv4.ip_forward"] = value
    node["sysctls"]["net.ipv4.conf.all.forwarding"] = value
    for link in node["links"].values():
        link["sysctls"] = {**link["sysctls"], "forwarding": value}
