"""Hold each incident to the state it promises: all that changed, on every node, and no more."""

from __future__ import annotations

from unittest.mock import ANY

import pytest
from looks import changes, lab, view

pytestmark = pytest.mark.lab

VETH = (1360, "cni0")
GONE = None


def gone(prefix: str, *keys: str) -> dict[str, None]:
    return {f"{prefix}/{key}": GONE for key in keys}


def tables(node: str, *peers: int, value: dict[str, object] | None = None) -> dict[str, object]:
    """Return the three entries of each peer on *node*, gone; or with the given values."""
    return {
        f"{node}/{key}": value
        for peer in peers
        for key, value in {
            f"route 10.244.{peer}.0/24": GONE,
            f"neigh 10.244.{peer}.0": GONE,
            f"fdb vtep of node{peer}": GONE,
        }.items()
    }


def known(node: str, peer: int) -> dict[str, object]:
    """Return the three entries of *peer* on *node* as flannel writes them."""
    return {
        f"{node}/route 10.244.{peer}.0/24": "flannel.1 boot onlink",
        f"{node}/neigh 10.244.{peer}.0": f"flannel.1 vtep of node{peer}",
        f"{node}/fdb vtep of node{peer}": f"flannel.1 10.77.0.{peer} permanent",
    }


LINK = ("addresses", "ifindex", "mac", "mtu", "state")
VXLAN = (*LINK, "id", "port")


def recreated(node: str, subnet: str) -> dict[str, object]:
    return {
        f"{node}/eth0/mtu": 1500,
        f"{node}/flannel.1/mtu": 1450,
        f"{node}/flannel.1/ifindex": ANY,
        f"{node}/lease": f"{subnet} 1450",
    }


def moved(node: str) -> dict[str, object]:
    """Return what the peer *node* learns when node1 gets the lease 10.244.101.0/24."""
    return {
        f"{node}/route 10.244.1.0/24": GONE,
        f"{node}/neigh 10.244.1.0": GONE,
        f"{node}/route 10.244.101.0/24": "flannel.1 boot onlink",
        f"{node}/neigh 10.244.101.0": "flannel.1 vtep of node1",
    }


def whole_node(number: int) -> dict[str, object]:
    """Return every path of a node, with the values of a healthy one."""
    node = f"node{number}"
    return {
        **{f"{node}/{link}/ifindex": ANY for link in ("cni0", "eth0", "flannel.1", "lo")},
        **{f"{node}/{key}": ANY for key in ("boot_id", "cni0/mac")},
        **{
            f"{node}/eth0/{key}": value
            for key, value in zip(
                LINK, ([f"10.77.0.{number}/24"], ANY, f"eth0 of {node}", 1410, "UP up"), strict=True
            )
        },
        **{
            f"{node}/flannel.1/{key}": value
            for key, value in zip(
                VXLAN,
                ([f"10.244.{number}.0/32"], ANY, f"vtep of {node}", 1360, "UNKNOWN up", 1, 8472),
                strict=True,
            )
        },
        **{
            f"{node}/cni0/{key}": value
            for key, value in zip(
                LINK, ([f"10.244.{number}.1/24"], ANY, ANY, 1360, "UP up"), strict=True
            )
        },
        **{
            f"{node}/lo/{key}": value
            for key, value in zip(
                LINK, (["127.0.0.1/8"], ANY, "00:00:00:00:00:00", 65536, "UNKNOWN up"), strict=True
            )
        },
        f"{node}/route 10.244.{number}.0/24": "cni0 kernel",
        f"{node}/ip_forward": "1",
        f"{node}/lease": f"10.244.{number}.1/24 1360",
        f"{node}/sshd": "listens",
        f"{node}/veths": [VETH, VETH],
    }


PROMISED = {
    "underlay-mtu": {"node2/eth0/mtu": 1500, "node2/lease": "10.244.2.1/24 1450"},
    "overlay-recreated": {
        **recreated("node1", "10.244.1.1/24"),
        **recreated("node2", "10.244.2.1/24"),
    },
    "underlay-shrunk": {"node2/eth0/mtu": 1350},
    "new-lease": {
        "node1/flannel.1/addresses": ["10.244.101.0/32"],
        "node1/lease": "10.244.101.1/24 1360",
        **moved("node2"),
        **moved("node3"),
    },
    "duplicate-subnet": {
        # node1 sends what is for node2 to node3, and still has the FDB entries of both.
        **gone("node1", "route 10.244.3.0/24", "neigh 10.244.3.0"),
        "node1/neigh 10.244.2.0": "flannel.1 vtep of node3",
        **tables("node2", 3),
        **tables("node3", 2),
        "node3/route 10.244.2.0/24": "cni0 kernel",
        "node3/route 10.244.3.0/24": GONE,
        "node3/flannel.1/addresses": ["10.244.2.0/32"],
        "node3/cni0/addresses": ["10.244.2.1/24"],
        "node3/cni0/ifindex": ANY,
        "node3/cni0/mac": ANY,
        "node3/lease": "10.244.2.1/24 1360",
    },
    "fdb-lost": gone("node1", "fdb vtep of node2"),
    "neigh-lost": gone("node1", "neigh 10.244.2.0"),
    "route-lost": gone("node1", "route 10.244.2.0/24"),
    "vtep-mac": {
        "node2/flannel.1/mac": ANY,
        **gone("node2", "neigh 10.244.1.0", "neigh 10.244.3.0"),
    },
    "overlay-gone": {**gone("node2/flannel.1", *VXLAN), **tables("node2", 1, 3)},
    "overlay-no-ip": {
        "node2/flannel.1/addresses": [],
        **gone(
            "node2",
            "route 10.244.1.0/24",
            "route 10.244.3.0/24",
            "neigh 10.244.1.0",
            "neigh 10.244.3.0",
        ),
    },
    "overlay-flapped": gone(
        "node2",
        "route 10.244.1.0/24",
        "route 10.244.3.0/24",
        "neigh 10.244.1.0",
        "neigh 10.244.3.0",
    ),
    "other-vni": {
        **gone("node3/flannel.1", *VXLAN),
        **{
            f"node3/flannel.2/{key}": value
            for key, value in zip(
                VXLAN,
                (["10.244.3.0/32"], ANY, "vtep of node3", 1360, "UNKNOWN up", 2, 8472),
                strict=True,
            )
        },
        **{
            key: str(value).replace("flannel.1", "flannel.2")
            for key, value in known("node3", 1).items()
        },
        **{
            key: str(value).replace("flannel.1", "flannel.2")
            for key, value in known("node3", 2).items()
        },
    },
    "other-port": {"node3/flannel.1/ifindex": ANY, "node3/flannel.1/port": 4789},
    "cni0-two-addresses": {
        "node1/cni0/addresses": ["10.244.1.1/24", "10.244.200.1/24"],
        "node1/route 10.244.200.0/24": "cni0 kernel",
    },
    "cni0-down": {"node1/cni0/state": "DOWN down", "node1/route 10.244.1.0/24": GONE},
    "veth-detached": {"node1/veths": [(1360, None), VETH]},
    "veth-mtu": {"node1/veths": [(1450, "cni0"), VETH]},
    "ip-forward-off": {"node1/ip_forward": "0"},
    "node-unreachable": {"node3/sshd": "is gone"},
    "pods-churn": {"node1/veths": [VETH] * 4, "node2/veths": [VETH]},
    "pods-gone": {
        "node1/cni0/mtu": 1500,
        "node1/cni0/state": "DOWN up",
        "node1/route 10.244.1.0/24": "cni0 kernel linkdown",
        "node1/veths": [],
    },
    "flanneld-restart": {},
    "reboot": {
        "node2/boot_id": ANY,
        "node2/cni0/ifindex": ANY,
        "node2/cni0/mac": ANY,
        "node2/eth0/ifindex": ANY,
        "node2/flannel.1/ifindex": ANY,
    },
    "node-added": {
        **whole_node(4),
        **known("node4", 1),
        **known("node4", 2),
        **known("node4", 3),
        **known("node1", 4),
        **known("node2", 4),
        **known("node3", 4),
    },
    "node-removed": {
        **dict.fromkeys([*whole_node(3), *known("node3", 1), *known("node3", 2)], GONE),
        **tables("node1", 3),
        **tables("node2", 3),
    },
}


@pytest.mark.parametrize("incident", PROMISED)
def test_an_incident_does_what_it_promises_and_nothing_else(fresh, incident):
    before = view(fresh)
    lab(fresh, "break", incident)
    assert changes(before, view(fresh)) == PROMISED[incident]


def test_every_incident_has_a_promise(lab_name):
    assert [line.split()[0] for line in lab(lab_name, "incidents").splitlines()] == list(PROMISED)


def test_a_flanneld_restart_writes_the_lease_anew(fresh):
    def written():
        return lab(fresh, "exec", "node1", "--", "stat", "-c", "%y", "/run/flannel/subnet.env")

    before = written()
    lab(fresh, "break", "flanneld-restart")
    assert written() > before


def test_a_flanneld_restart_puts_back_what_was_lost(fresh):
    before = view(fresh)
    for incident in ("fdb-lost", "neigh-lost", "route-lost", "flanneld-restart"):
        lab(fresh, "break", incident)
    assert changes(before, view(fresh)) == {}


def test_repair_brings_the_nodes_back_to_what_they_were(fresh):
    before = view(fresh)
    for incident in (
        "underlay-mtu",
        "duplicate-subnet",
        "vtep-mac",
        "other-port",
        "node-unreachable",
        "node-added",
    ):
        lab(fresh, "break", incident)
    lab(fresh, "repair")
    lab(fresh, "settle")
    explained = [
        f"node{one}/{key}"
        for one in (1, 2, 3)
        for key in PROMISED["reboot"]
        for key in [key.split("/", 1)[1]]
    ]
    assert sorted(changes(before, view(fresh))) == sorted(explained)
