"""Break a lab, gather it before and after, and hold ``snapdiff diff`` to what it must tell."""

from __future__ import annotations

import pytest
from looks import lab
from plays import GATHER, diff, outcomes, play

from snapdiff.schema import validate

pytestmark = pytest.mark.lab

FAST = {
    "ANSIBLE_PIPELINING": "1",
    "ANSIBLE_SSH_ARGS": "-o ControlMaster=auto -o ControlPersist=60s",
}
LEASE = ("cni/subnet_env/FLANNEL_SUBNET", "changed")
# Of each incident: path, change and nodes of every finding that is a warning or worse. What follows
# from it stands below it: see FOLLOWS.
TOLD = {
    "underlay-mtu": [("links/eth0/mtu", "changed", ["node2"])],
    "overlay-recreated": [("links/eth0/mtu", "changed", ["node1", "node2"])],
    "underlay-shrunk": [("links/eth0/mtu", "changed", ["node2"])],
    "new-lease": [(*LEASE, ["node1"])],
    "duplicate-subnet": [(*LEASE, ["node3"])],
    "fdb-lost": [("peers/10.244.2.0/missing", "added", ["node1"])],
    "neigh-lost": [("peers/10.244.2.0/missing", "added", ["node1"])],
    "route-lost": [("peers/10.244.2.0/missing", "added", ["node1"])],
    "vtep-mac": [("links/flannel.1/mac", "changed", ["node2"])],
    "overlay-gone": [("links/flannel.1", "removed", ["node2"])],
    "overlay-no-ip": [("links/flannel.1/addresses/10.244.2.0/32", "removed", ["node2"])],
    "overlay-flapped": [("peers/*/missing", "added", ["node2"])],
    "other-vni": [("cni/net_conf/Backend/VNI", "added", ["node3"])],
    "other-port": [("cni/net_conf/Backend/Port", "added", ["node3"])],
    "cni0-two-addresses": [("links/cni0/addresses/10.244.200.1/24", "added", ["node1"])],
    "cni0-down": [("links/cni0/flags", "changed", ["node1"])],
    "veth-detached": [("links/veth*/master", "changed", ["node1"])],
    "veth-mtu": [("links/veth*/mtu", "changed", ["node1"])],
    "ip-forward-off": [("sysctls/net.ipv4.ip_forward", "changed", ["node1"])],
    "node-unreachable": [],
    "pods-churn": [],
    "pods-gone": [],
    "flanneld-restart": [],
    "reboot": [],
    "node-added": [],
    "node-removed": [],
}
# What is told below it, on each of its nodes itself.
FOLLOWS = {
    "underlay-mtu": ["cni/subnet_env/FLANNEL_MTU"],
    "overlay-recreated": ["links/flannel.1/mtu", "cni/subnet_env/FLANNEL_MTU"],
    "new-lease": ["links/flannel.1/addresses"],
    "duplicate-subnet": ["links/flannel.1/addresses", "links/cni0/addresses", "peers/10.244.2.0"],
    "vtep-mac": ["peers/10.244.1.0/missing", "peers/10.244.3.0/missing"],
    "other-vni": [
        "links/flannel.1",
        "links/flannel.2",
        "peers/10.244.1.0/dev",
        "peers/10.244.2.0/dev",
    ],
    "other-port": ["links/flannel.1/vxlan/port"],
}
EXIT_CODE = {"node-unreachable": 3}  # else 1 where there is something to tell, 0 where not
RANKED = ("warning", "error")


@pytest.fixture(scope="module")
def cluster(lab_name):
    """Bring up a lab that each test repairs before it breaks it; its name."""
    name = f"{lab_name}e"
    lab(name, "up", "3", "2")
    yield name
    lab(name, "down")


@pytest.fixture
def struck(cluster, tmp_path):
    """Return what gathers the repaired lab, does an incident, gathers again and compares."""

    def strike(incident):
        lab(cluster, "repair")
        before = play(cluster, GATHER, store=tmp_path, environment=FAST)
        assert before.code == 0, before.said
        lab(cluster, "break", incident)
        after = play(cluster, GATHER, store=tmp_path, environment=FAST)
        assert after.code == (2 if incident == "node-unreachable" else 0), after.said
        code, report = diff(cluster, tmp_path)
        validate(report, "report")
        assert report["exit_code"] == code
        return code, report

    return strike


def told(report):
    return sorted(
        (row["path"], row["change"], row["nodes"])
        for row in report["findings"]
        if row["severity"] in RANKED
    )


def below(report):
    return [
        sorted(one["path"] for one in member["effects"] if one["node"] == member["node"])
        for row in report["findings"]
        if row["severity"] in RANKED
        for member in row["members"]
    ]


@pytest.mark.parametrize("incident", TOLD)
def test_of_an_incident_all_that_matters_is_told_and_no_more(struck, incident):
    code, report = struck(incident)
    assert told(report) == sorted(TOLD[incident])
    if incident in FOLLOWS:
        assert below(report) == [sorted(FOLLOWS[incident])] * len(TOLD[incident][0][2])
    assert code == EXIT_CODE.get(incident, 1 if TOLD[incident] else 0)
    special = SPECIAL.get(incident)
    if special:
        special(report)


def test_every_incident_is_held_to_something(lab_name):
    assert [line.split()[0] for line in lab(lab_name, "incidents").splitlines()] == list(TOLD)


def the_overlay_was_recreated(report):
    rows = [
        (row["path"], row["before"], row["after"], row["nodes"], row["stragglers"])
        for row in report["findings"]
    ]
    nodes, stragglers = ["node1", "node2"], ["node3"]
    assert rows == [("links/eth0/mtu", 1410, 1500, nodes, stragglers)]


def a_node_is_missing(report):
    assert report["findings"] == []
    assert "1 of 3 nodes could not be compared" in report["verdict"]
    assert "not to be trusted" in report["verdict"]


def a_node_came(report):
    rows = [(row["path"], row["change"], row["severity"]) for row in report["findings"]]
    assert rows == [("nodes/node4", "added", "info")]


def a_node_went(report):
    rows = [(row["path"], row["change"], row["severity"]) for row in report["findings"]]
    assert rows == [("nodes/node3", "removed", "info")]


def nothing_at_all(report):
    assert report["findings"] == []
    assert report["undecided"] == []


SPECIAL = {
    "overlay-recreated": the_overlay_was_recreated,
    "node-unreachable": a_node_is_missing,
    "node-added": a_node_came,
    "node-removed": a_node_went,
    "pods-churn": nothing_at_all,
    "flanneld-restart": nothing_at_all,
}


def test_the_same_incident_is_told_under_the_same_id_every_night(cluster, struck, tmp_path):
    def ids(report):
        return [row["id"] for row in report["findings"]]

    first = struck("ip-forward-off")[1]
    second = struck("ip-forward-off")[1]
    assert ids(first) == ids(second) != []
    assert set(outcomes(tmp_path).values()) == {"ok"}
