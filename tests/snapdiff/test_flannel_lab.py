"""Three nodes with the real flanneld: of each event just the rows that a person would write."""

from __future__ import annotations

import json

import pytest
from deepdiff import DeepDiff

from builders import FIXTURES, side
from snapdiff.assess import Policy, assess_diff
from snapdiff.model import Churn
from snapdiff.saved import Folder, nodes_in, snapshot_of

LAB = FIXTURES / "flannel-lab"


def nodes(folder):
    return [
        snapshot_of(Folder(path), node=path.name, taken_at="2026-11-22T02:00:00Z", via="test")
        for path in nodes_in(folder)
    ]


def report_of(tmp_path, before, after):
    sides = side(tmp_path / "a", nodes(LAB / before)), side(tmp_path / "b", nodes(LAB / after))
    return assess_diff(*sides, cluster="lab", policy=Policy())


def rows(report):
    return [(row.path, row.before, row.after, row.nodes) for row in report.findings]


def test_a_healthy_cluster_has_no_drift_to_itself(tmp_path):
    report = report_of(tmp_path, "healthy", "healthy")
    assert (rows(report), report.churn, report.exit_code) == ([], (), 0)


def test_pods_that_come_and_go_are_no_drift(tmp_path):
    report = report_of(tmp_path, "pods-churn/before", "pods-churn/after")
    assert rows(report) == []
    assert report.churn == (
        Churn(node="node1", what="veth*", before=3, after=5, added=2, removed=0),
        Churn(node="node2", what="veth*", before=3, after=2, added=0, removed=1),
    )
    assert (report.exit_code, report.chains) == (0, ())


def test_a_larger_underlay_leaves_configured_and_running_mtu_apart(tmp_path):
    report = report_of(tmp_path, "underlay-mtu/before", "underlay-mtu/after")
    assert rows(report) == [
        ("links/eth0/mtu", 1410, 1500, ("node2",)),
    ]
    lease = "with it cni/subnet_env/FLANNEL_MTU 1360 → 1450"
    assert report.findings[0].evidence[0] == lease
    assert [[(hop.link, hop.before, hop.after) for hop in one.hops] for one in report.chains] == [
        [
            ("eth0", "1410", "1500"),
            ("flannel.1", "1360", "1360"),
            ("cni0", "1360", "1360"),
            ("veth*", "3 at 1360", "3 at 1360"),
        ]
    ]
    assert (report.churn, report.exit_code) == ((), 1)


def test_a_new_lease_is_told_on_its_node_with_what_its_peers_did(tmp_path):
    report = report_of(tmp_path, "new-lease/before", "new-lease/after")
    assert rows(report) == [
        ("cni/subnet_env/FLANNEL_SUBNET", "10.244.43.1/24", "10.244.49.1/24", ("node1",)),
    ]
    peers = "peers/10.244.43.0/subnet 10.244.43.0/24 → 10.244.49.0/24"
    assert f"so on node2, node3: {peers}" in report.findings[0].evidence
    overlay = "with it links/flannel.1/addresses 10.244.43.0/32 → 10.244.49.0/32"
    assert overlay in report.findings[0].evidence
    assert (report.churn, report.exit_code) == ((), 1)


def test_the_three_nodes_stand_in_for_each_other_in_any_order(tmp_path):
    one, two = nodes(LAB / "new-lease/before"), nodes(LAB / "new-lease/after")
    straight = assess_diff(
        side(tmp_path / "a", one), side(tmp_path / "b", two), cluster="lab", policy=Policy()
    )
    mixed = assess_diff(
        side(tmp_path / "c", one[::-1]), side(tmp_path / "d", two[1:] + two[:1]),
        cluster="lab", policy=Policy(),
    )  # fmt: skip
    assert straight.findings == mixed.findings


# ---- why all this is not one call of a library ------------------------------------------------


@pytest.mark.parametrize(("event", "least", "ours"), [("pods-churn", 24, 0), ("new-lease", 12, 1)])
def test_a_diff_of_the_raw_output_tells_dozens(event, least, ours, tmp_path):
    """DeepDiff over the same tables, keyed by name, counters left out, order ignored."""

    def raw(path):
        links = json.loads((path / "ip-j-d-s-addr.json").read_text("utf-8"))
        found = {"links": {one["ifname"]: one for one in links}}
        for one in links:
            one.pop("stats64", None)
        for name in ("ip-j-d-route.json", "ip-j-neigh.json", "bridge-j-fdb.json"):
            found[name] = json.loads((path / name).read_text("utf-8"))
        return found

    told = 0
    for name in ("node1", "node2", "node3"):
        one, two = (raw(LAB / event / when / name) for when in ("before", "after"))
        told += sum(len(rows) for rows in DeepDiff(one, two, ignore_order=True).values())
    report = report_of(tmp_path, f"{event}/before", f"{event}/after")
    assert (told >= least, len(report.findings)) == (True, ours)


def test_a_diff_that_ignores_order_takes_one_link_for_another():
    """Why links are kept by name and never as a list: the pod bridge is told as renamed."""
    before = [
        {"ifname": "cni0", "mtu": 1450, "operstate": "UP"},
        {"ifname": "flannel.1", "mtu": 1450, "operstate": "UNKNOWN"},
    ]
    after = [
        {"ifname": "flannel.1", "mtu": 1450, "operstate": "UP"},
        {"ifname": "cni0", "mtu": 1400, "operstate": "UNKNOWN"},
    ]
    told = DeepDiff(before, after, ignore_order=True)
    pairs = [(one["old_value"], one["new_value"]) for one in told["values_changed"].values()]
    assert sorted((old["ifname"], new["ifname"]) for old, new in pairs) == [
        ("cni0", "flannel.1"),
        ("flannel.1", "cni0"),
    ]
