"""Routes to pods over an overlay, and beside one."""

from __future__ import annotations

import json

import pytest

from clusters import cluster, snapshots
from kinds import breaches, healthy, link, node, route
from snapdiff.rules.fleet_view import Fleet
from snapdiff.rules.registry import CannotTell, shipped
from snapdiff.rules.view import NodeView

PEER = "10.244.2.0"


def over(dst, gateway, dev="flannel.1", flags=("onlink",)):
    """Return a route over an overlay, by its key."""
    key = f"main {dst} dev {dev}"
    return {key: route(dst, dev, gateway=gateway, flags=list(flags))}


def hosts(dst, dev):
    """Return a route to one address."""
    return {f"main {dst} dev {dev}": route(dst, dev)}


def peer(address, subnet, **more):
    return {address: {"dev": "flannel.1", "subnet": subnet, **more}}


def holding(name, address, kind="vxlan", **edits):
    """Return a node one of whose links has one more address."""
    facts = node(kind, **edits)
    facts["links"][name]["addresses"][address] = {"family": "inet", "scope": "global"}
    return facts


SHAPES = {
    "as-flannel-writes-it": (node(routes=over("10.244.9.0/24", "10.244.9.0")), []),
    "not-onlink": (
        node(routes=over("10.244.9.0/24", "10.244.9.0", flags=())),
        [("routes/main 10.244.9.0/24 dev flannel.1/flags", "error")],
    ),
    "several-via-others-are-one-finding": (
        node(
            routes={
                **over("10.244.8.0/24", "10.244.9.0"),
                **over("10.244.9.0/24", "10.244.8.0"),
            }
        ),
        [("routes/* dev flannel.1", "error")],
    ),
    "linkdown-beside-onlink": (
        node(routes=over("10.244.9.0/24", "10.244.9.0", flags=("linkdown", "onlink"))),
        [],
    ),
    "via-the-first-host": (
        node(routes=over("10.244.9.0/24", "10.244.9.1")),
        [("routes/main 10.244.9.0/24 dev flannel.1/gateway", "error")],
    ),
    "a-peer-s-row-via-another": (
        node(peers=peer("10.244.9.7", "10.244.9.0/24")),
        [("peers/10.244.9.7/subnet", "error")],
    ),
    "via-an-address-of-its-own-bridge": (
        holding("cni0", "10.244.2.0/24"),
        [(f"peers/{PEER}/subnet", "error")],
    ),
    "no-gateway": (
        node(routes={"main 10.244.9.0/24 dev flannel.1": route("10.244.9.0/24", "flannel.1")}),
        [("routes/main 10.244.9.0/24 dev flannel.1/gateway", "error")],
    ),
    "ipv6": (
        node("dual-stack", routes=over("fd00:10:244:9::/64", "fd00:10:244:9::", "flannel-v6.1")),
        [],
    ),
    "ipv6-via-another": (
        node("dual-stack", routes=over("fd00:10:244:9::/64", "fd00:10:244:9::1", "flannel-v6.1")),
        [("routes/main fd00:10:244:9::/64 dev flannel-v6.1/gateway", "error")],
    ),
    "link-local-is-the-kernel-s": (
        node(routes={"main fe80::/64 dev flannel.1 metric 256": route("fe80::/64", "flannel.1")}),
        [],
    ),
    "an-ipv6-address-has-a-route-of-the-kernel-s": (node("dual-stack"), []),
    "one-that-somebody-added-is-not-the-kernel-s": (
        node("dual-stack", routes=hosts("fd00:10:244:9::", "flannel-v6.1")),
        [("routes/main fd00:10:244:9:: dev flannel-v6.1/gateway", "error")],
    ),
    "another-table": (
        node(
            routes={
                "7 10.9.0.0/24 dev flannel.1": {**route("10.9.0.0/24", "flannel.1"), "table": "7"}
            }
        ),
        [],
    ),
    "ipip-leads-via-the-underlay": (node("ipip"), []),
    "routes-not-observed": (
        node(
            routes=dict.fromkeys(healthy("vxlan")["node1"]["routes"]),
            not_observed={"routes": "ip: command not found"},
        ),
        [("routes", "?")],
    ),
}


@pytest.mark.parametrize(("facts", "expected"), SHAPES.values(), ids=SHAPES)
def test_overlay_route_shape(facts, expected):
    assert breaches("overlay-route-shape", facts) == expected


OWN = {
    "its-own-as-a-peer": (
        node(peers=peer("10.244.1.0", "10.244.1.0/24")),
        [("peers/10.244.1.0/subnet", "error")],
    ),
    "a-wider-one": (
        node(routes=over("10.244.0.0/20", "10.244.0.0")),
        [("routes/main 10.244.0.0/20 dev flannel.1", "error")],
    ),
    "a-part-of-it": (
        node(routes=over("10.244.1.128/25", "10.244.2.0")),
        [("routes/main 10.244.1.128/25 dev flannel.1", "error")],
    ),
    "the-next-one": (node(routes=over("10.244.0.0/24", "10.244.0.0")), []),
    "host-gw-to-another-node": (
        node(
            "host-gw",
            routes={
                "main 10.244.1.0/24 dev eth0": route("10.244.1.0/24", "eth0", gateway="192.0.2.9")
            },
        ),
        [("routes/main 10.244.1.0/24 dev eth0", "error")],
    ),
    "wireguard-s-one-route": (node("wireguard"), []),
}


@pytest.mark.parametrize(("facts", "expected"), OWN.values(), ids=OWN)
def test_own_subnet_over_overlay(facts, expected):
    assert breaches("own-subnet-over-overlay", facts) == expected


def leftover_vxlan():
    """Return a wireguard node whose vxlan was never taken away."""
    facts = node("wireguard")
    old = node()
    facts["links"]["flannel.1"] = old["links"]["flannel.1"]
    facts["peers"] = old["peers"]
    return facts


OVERLAP = {
    "old-vxlan-inside-wireguard": (
        leftover_vxlan(),
        [("routes/main 10.244.0.0/16 dev flannel-wg", "error")],
    ),
    "a-stale-wider-subnet": (
        node(routes=over("10.244.2.0/23", "10.244.2.0")),
        [("routes/main 10.244.2.0/23 dev flannel.1", "error")],
    ),
    "side-by-side": (node(routes=over("10.244.4.0/24", "10.244.4.0")), []),
    "direct-and-over-the-overlay": (
        node(
            routes={
                "main 10.244.2.0/24 dev eth0": route("10.244.2.0/24", "eth0", gateway="192.0.2.2")
            }
        ),
        [("routes/main 10.244.2.0/24 dev eth0", "error")],
    ),
    "outside-the-pod-network": (
        node(
            routes={
                "main 10.0.0.0/8 dev eth0": route("10.0.0.0/8", "eth0", gateway="192.0.2.254"),
                "main 10.1.0.0/16 dev eth0": route("10.1.0.0/16", "eth0", gateway="192.0.2.253"),
            }
        ),
        [],
    ),
    "host-gw-twice": (
        node(
            "host-gw",
            routes={
                "main 10.244.2.0/23 dev eth0": route("10.244.2.0/23", "eth0", gateway="192.0.2.9")
            },
        ),
        [("routes/main 10.244.2.0/23 dev eth0", "error")],
    ),
    "one-in-reserve": (
        node(
            routes={
                "main 10.244.2.0/24 dev eth0 metric 500": route(
                    "10.244.2.0/24", "eth0", gateway="192.0.2.254", metric=500
                )
            }
        ),
        [],
    ),
    "no-lease-nothing-known": (
        node(cni={"subnet_env": None}, routes=over("10.244.2.0/23", "10.244.2.0")),
        [],
    ),
}


@pytest.mark.parametrize(("facts", "expected"), OVERLAP.values(), ids=OVERLAP)
def test_routes_overlap(facts, expected):
    assert breaches("routes-overlap", facts) == expected


FOREIGN = {
    "of-an-earlier-network": (
        node(peers=peer("10.42.3.0", "10.42.3.0/24")),
        [("peers/10.42.3.0/subnet", "warning")],
    ),
    "of-another-size": (
        node(peers=peer("10.244.8.0", "10.244.8.0/21")),
        [("peers/10.244.8.0/subnet", "warning")],
    ),
    "many-are-one-finding": (
        node(peers={**peer("10.42.3.0", "10.42.3.0/24"), **peer("10.42.4.0", "10.42.4.0/24")}),
        [("routes/* dev flannel.1", "warning")],
    ),
    "ipv6-of-another-size": (
        node("dual-stack", routes=over("fd00:10:244:9::/72", "fd00:10:244:9::", "flannel-v6.1")),
        [("routes/main fd00:10:244:9::/72 dev flannel-v6.1", "warning")],
    ),
    "wireguard-s-own": (node("wireguard"), []),
    "static-route-of-the-site": (
        node(
            routes={"main 10.9.0.0/16 dev eth0": route("10.9.0.0/16", "eth0", gateway="192.0.2.9")}
        ),
        [],
    ),
}


@pytest.mark.parametrize(("facts", "expected"), FOREIGN.values(), ids=FOREIGN)
def test_foreign_pod_routes(facts, expected):
    found = [
        (one.path, "?" if isinstance(one, CannotTell) else "warning")
        for one in shipped()["foreign-pod-routes"].check(fleet_of({"node": facts}))
    ]
    assert found == expected


def fleet_of(nodes, **more):
    found = Fleet(**more)
    for one in snapshots(nodes).values():
        found.add(NodeView(one))
    return found


def sizes():
    """Return a cluster one node of which has half a subnet, as all others know."""
    nodes = cluster(3)
    text = json.dumps(nodes).replace("10.244.3.0/24", "10.244.3.0/25")
    return json.loads(text.replace("10.244.3.1/24", "10.244.3.1/25"))


def test_subnets_of_several_sizes_are_nobodys_mistake_if_nodes_have_them():
    assert list(shipped()["foreign-pod-routes"].check(fleet_of(sizes()))) == []


def test_a_subnet_of_another_size_may_be_of_a_node_that_was_not_seen():
    nodes = sizes()
    del nodes["node3"]
    found = shipped()["foreign-pod-routes"].check(fleet_of(nodes, missing={"node3": "no answer"}))
    assert [(one.path, one.nodes) for one in found] == [
        ("peers/10.244.3.0/subnet", (name,)) for name in ("node1", "node2")
    ]


def direct_and(**rest):
    """Return a node with a direct route to a peer, of which *rest* is left on the overlay."""
    facts = node("direct-routing")
    facts["peers"][PEER] = {"dev": "flannel.1", **rest}
    return facts


DIRECT = {
    "direct-alone": (node("direct-routing"), []),
    "overlay-alone": (node(), []),
    "both": (
        direct_and(subnet="10.244.2.0/24", mac="02:00:00:00:00:02", underlay="192.0.2.2"),
        [("routes/main 10.244.2.0/24 dev eth0", "error")],
    ),
    "a-direct-one-in-reserve": (
        node(
            routes={
                "main 10.244.2.0/24 dev eth0 metric 500": route(
                    "10.244.2.0/24", "eth0", gateway="192.0.2.2", metric=500
                )
            }
        ),
        [],
    ),
    "two-are-one-finding": (
        node("direct-routing", peers=healthy("vxlan")["node1"]["peers"]),
        [("routes/* dev eth0", "error")],
    ),
    "a-neighbour-was-left": (
        direct_and(mac="02:00:00:00:00:02", missing=["route", "fdb"]),
        [("routes/main 10.244.2.0/24 dev eth0", "error")],
    ),
}


@pytest.mark.parametrize(("facts", "expected"), DIRECT.values(), ids=DIRECT)
def test_direct_or_overlay(facts, expected):
    assert breaches("direct-or-overlay", facts) == expected


WG = "main 10.244.0.0/16 dev flannel-wg"
WIREGUARD = {
    "no-route": (node("wireguard", routes={WG: None}), [(f"routes/{WG}", "error")]),
    "one-more": (
        node("wireguard", routes=over("10.244.2.0/24", "192.0.2.2", "flannel-wg")),
        [("routes/main 10.244.2.0/24 dev flannel-wg", "error")],
    ),
    "no-wireguard": (node(), []),
}


@pytest.mark.parametrize(("facts", "expected"), WIREGUARD.values(), ids=WIREGUARD)
def test_wireguard_route(facts, expected):
    assert breaches("wireguard-route", facts) == expected


def test_a_link_of_another_owner_is_not_looked_at():
    facts = node("calico")
    facts["links"]["vxlan.other"] = link(kind="vxlan", vxlan={"id": 9})
    assert breaches("overlay-route-shape", facts) == []


def with_mtu(mtu, dst="10.244.9.0/24", kind="vxlan", dev="flannel.1", **more):
    row = route(dst, dev, gateway=dst.partition("/")[0], flags=["onlink"], **more)
    return node(kind, routes={f"main {dst} dev {dev}": {**row, "metrics": [{"mtu": mtu}]}})


METRICS = "routes/main 10.244.9.0/24 dev flannel.1/metrics"
SIZES = {
    "below-that-of-pods": (with_mtu(1200), [(METRICS, "warning")]),
    "as-pods-have-it": (with_mtu(1450), []),
    "one-below": (with_mtu(1449), [(METRICS, "warning")]),
    "of-another-network": (with_mtu(1200, dst="198.51.100.0/24"), []),
    "of-host-gw": (
        with_mtu(1200, kind="host-gw", dev="eth0"),
        [("routes/main 10.244.9.0/24 dev eth0/metrics", "warning")],
    ),
    "other-metrics": (
        node(
            routes={
                "main 10.244.9.0/24 dev flannel.1": {
                    **route("10.244.9.0/24", "flannel.1", gateway="10.244.9.0", flags=["onlink"]),
                    "metrics": [{"advmss": 1200}],
                }
            }
        ),
        [],
    ),
}


@pytest.mark.parametrize(("facts", "expected"), SIZES.values(), ids=SIZES)
def test_a_route_to_pods_takes_what_they_send(facts, expected):
    assert breaches("route-mtu", facts) == expected


def test_several_routes_of_one_size_are_one_finding():
    facts = with_mtu(1200)
    facts["routes"] |= with_mtu(1200, dst="10.244.8.0/24")["routes"]
    assert breaches("route-mtu", facts) == [("routes/*/metrics", "warning")]
