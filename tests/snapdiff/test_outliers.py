"""Nodes against each other: tables, ties, groups, a reference, duplicates."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clusters import Held, cluster, node
from kinds import KINDS, healthy
from snapdiff.census import explained, take
from snapdiff.errors import UsageError
from snapdiff.outliers import assess_outliers
from snapdiff.report import Terminal, render
from snapdiff.report.as_json import to_dict
from snapdiff.schema import validate
from snapdiff.verdict import Policy

MTU = "links/flannel.1/mtu"


def compare(facts, policy=None, missing=(), groups=None, **how):
    held = Held(facts, **dict.fromkeys(missing, "no route to host"))
    nodes = held.capture.nodes
    rows = {name: replace(nodes[name], groups=own) for name, own in (groups or {}).items()}
    held.capture = replace(held.capture, nodes={**nodes, **rows})
    return assess_outliers(held, cluster="test", policy=policy or Policy(), **how)


def rows(facts, **how):
    return [(row.rule, row.path, row.nodes) for row in compare(facts, **how).findings]


def said(facts, path, **how):
    (row,) = [row for row in compare(facts, **how).findings if row.path == path]
    return row


def with_mtu(count=5, **mtu):
    facts = cluster(count)
    for name, value in mtu.items():
        facts[name]["links"]["flannel.1"]["mtu"] = value
    return facts


@pytest.mark.parametrize("kind", KINDS)
def test_a_healthy_cluster_of_any_kind_has_no_outlier(kind):
    found = compare(healthy(kind))
    assert [row.message for row in found.findings] == []
    assert found.exit_code == 0


def test_the_value_of_most_is_counted_and_the_others_are_named():
    row = said(with_mtu(node2=1400, node4=1400, node5=1380), MTU)
    assert row.message == f"{MTU} no value is that of most: 1400 on node2, node4; " + (
        "1450 on node1, node3; 1380 on node5"
    )
    row = said(with_mtu(7, node2=1400, node4=1400, node5=1380), MTU)
    assert row.message == f"{MTU} 1450 on 4 nodes; 1400 on node2, node4; 1380 on node5"
    assert (row.rule, row.nodes, row.after, row.expected) == (
        "outlier",
        ("node2", "node4", "node5"),
        None,
        1450,
    )
    assert [(one.node, one.after) for one in row.members] == [
        ("node2", 1400),
        ("node4", 1400),
        ("node5", 1380),
    ]


def test_a_tie_names_all_and_takes_no_side():
    row = said(with_mtu(2, node2=1400), MTU)
    assert row.nodes == ("node1", "node2")
    assert (row.expected, row.after) == (None, None)
    assert "no value is that of most" in row.message
    assert [(one.node, one.after) for one in row.members] == [("node1", 1450), ("node2", 1400)]


def test_a_reference_is_right_even_alone():
    row = said(with_mtu(node2=1400), MTU, ref="node2")
    assert row.nodes == ("node1", "node3", "node4", "node5")
    assert (row.expected, row.after) == (1400, 1450)
    assert row.message.startswith(f"{MTU} 1400 on node2; 1450 on node1")
    row = said(with_mtu(node2=1400), MTU, ref="node1")
    assert row.message == f"{MTU} 1450 on node1 and 3 others; 1400 on node2"


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"ref": "node9"}, "--ref node9: no such node"),
        ({"by": "colour"}, "--by colour: no such group. There are kernel"),
        ({"by": "group:nodes"}, "no inventory group has some of its nodes and not the others"),
        ({"ref": "lost"}, "--ref lost: the capture has no snapshot of it"),
    ],
)
def test_what_is_not_there_is_said(how, words):
    with pytest.raises(UsageError, match=words.replace("--", "")):
        compare(cluster(2), missing=["lost"], **how)


def pools():
    facts = cluster(6)
    for name in ("node4", "node5"):
        facts[name] = node(int(name[-1]), 6, underlay=1410)
        facts[name]["host"]["kernel"] = "5.4.0"
    return facts


def test_the_group_that_explains_the_outliers_is_named():
    assert said(pools(), MTU).evidence == ("all 2 are kernel 5.4.0, and nobody else",)
    facts = pools()
    facts["node6"]["host"]["kernel"] = "5.4.0"
    assert said(facts, MTU).evidence == ("all 2 are kernel 5.4.0, as 1 other",)


def test_a_group_of_which_few_are_outliers_explains_nothing():
    assert said(with_mtu(node2=1400), MTU).evidence == ()


def test_within_each_group_only_what_differs_there_is_told():
    assert rows(pools(), by="kernel") == []
    facts = pools()
    facts["node5"]["links"]["flannel.1"]["mtu"] = 1300
    row = said(facts, MTU, by="kernel")
    assert row.nodes == ("node4", "node5")
    assert row.message.startswith(f"{MTU} of kernel 5.4.0, no value is that of most: ")


def test_a_node_whose_group_is_not_known_is_compared_with_its_like():
    facts = with_mtu(node2=1400)
    for name in ("node2", "node3"):
        del facts[name]["host"]["kernel"]
    row = said(facts, MTU, by="kernel")
    assert row.nodes == ("node2", "node3")
    assert "of kernel not known" in row.message


def test_a_node_that_did_not_tell_is_not_counted_and_one_that_lacks_it_is():
    facts = cluster(4)
    del facts["node1"]["sysctls"]["net.ipv4.ip_forward"]
    path = "sysctls/net.ipv4.ip_forward"
    assert said(facts, path).message == f"{path} 1 on 3 nodes; absent on node1"
    facts["node1"]["not_observed"] = {path: "denied"}
    found = compare(facts)
    assert [row.path for row in found.findings] == []
    assert [(one.path, one.nodes) for one in found.undecided] == [(path, ("node1",))]
    assert "as far as could be told" in found.verdict


def test_a_node_of_which_no_link_was_seen_lacks_none():
    facts = cluster(3)
    facts["node2"]["links"] = {}
    facts["node2"]["not_observed"] = {"links": "denied"}
    assert rows(facts) == []


def test_a_link_that_a_node_lacks_or_alone_has():
    facts = cluster(3)
    del facts["node3"]["links"]["flannel.1"]
    assert said(facts, "links/flannel.1").message == (
        "links/flannel.1 there on 2 nodes; not there on node3"
    )
    facts = cluster(3)
    facts["node3"]["links"]["eth1"] = {**facts["node3"]["links"]["eth0"], "addresses": {}}
    row = said(facts, "links/eth1")
    assert (row.nodes, row.severity.word, row.after) == (("node3",), "info", True)


def test_links_of_one_role_are_compared_whatever_their_names():
    facts = cluster(3)
    links = facts["node3"]["links"]
    links["ens3"] = {**links.pop("eth0"), "mtu": 1400}
    links["flannel.1"].update(lower="ens3")
    links["flannel.1"]["vxlan"]["link"] = "ens3"
    assert rows(facts) == [
        ("outlier", "underlay/mtu", ("node3",)),
        ("outlier", "underlay/name", ("node3",)),
    ]


def test_what_is_a_nodes_own_must_be_unlike():
    facts = cluster(4)
    for name in ("node2", "node4"):
        facts[name]["links"]["flannel.1"]["mac"] = "02:00:00:00:00:99"
        facts[name]["host"]["machine_id"] = "sha256:same"
    assert rows(facts) == [
        ("duplicate", "links/flannel.1/mac", ("node2", "node4")),
        ("duplicate", "host/machine_id", ("node2", "node4")),
    ]


def test_pods_peers_and_a_bridge_without_ports_are_left_out():
    facts = cluster(3)
    facts["node2"] = node(2, 3, pods=0)
    bridge = node(2, 3)["links"]["cni0"]
    facts["node2"]["links"]["cni0"] = {**bridge, "mtu": 1500, "operstate": "DOWN"}
    facts["node3"]["peers"] = {}
    assert rows(facts) == []


def test_two_hundred_nodes_with_one_value_are_one_row():
    facts = cluster(250, pods=0)
    for name in list(facts)[50:]:
        facts[name]["links"]["flannel.1"]["mtu"] = 1400
    found = compare(facts, ref="node1")
    (row,) = found.findings
    assert len(row.nodes) == 200
    assert row.message == f"{MTU} 1450 on node1 and 49 others; 1400 on " + (
        "node100, node101, node102, node103, node104 and 195 more"
    )
    assert len(render(found, "text", Terminal(width=120, colour=False)).splitlines()) < 10


def test_one_node_is_nothing_to_compare():
    found = compare(cluster(1))
    assert [one.why for one in found.undecided] == ["one node, node1, is nothing to compare"]
    assert (found.exit_code, compare(cluster(1), policy=Policy(strict=True)).exit_code) == (0, 3)


@pytest.mark.parametrize(
    ("facts", "missing", "code"),
    [
        (cluster(3), [], 0),
        (with_mtu(3, node2=1400), [], 1),
        (cluster(3), ["node4"], 3),
        (with_mtu(3, node2=1400), ["node4"], 1),
        ({}, ["node4"], 3),
    ],
    ids=["clean", "outlier", "thin", "both", "nobody"],
)
def test_exit_codes_are_those_of_diff(facts, missing, code):
    assert compare(facts, missing=missing).exit_code == code


def test_the_report_is_as_its_schema_says():
    facts = with_mtu(4, node2=1400)
    facts["node3"]["links"]["flannel.1"]["mac"] = facts["node4"]["links"]["flannel.1"]["mac"]
    facts["node1"]["not_observed"] = {"ipam": "denied", "host/kernel": "denied"}
    data = to_dict(compare(facts))
    data["made_at"] = "2026-11-22T03:00:00Z"
    validate(data, "report")


@settings(max_examples=20, deadline=None)
@given(st.randoms(use_true_random=False))
def test_the_order_of_nodes_never_matters(chance):
    facts = pools()
    facts["node3"]["links"]["flannel.1"]["mac"] = facts["node1"]["links"]["flannel.1"]["mac"]
    facts["node6"]["sysctls"]["net.ipv4.ip_forward"] = 0
    names = list(facts)
    chance.shuffle(names)
    assert to_dict(compare({name: facts[name] for name in names})) == to_dict(compare(facts))


@given(st.dictionaries(st.sampled_from([f"n{one}" for one in range(9)]), st.integers(0, 3)))
def test_a_census_loses_nobody_and_needs_no_order(values):
    pairs = list(values.items())
    found = take(pairs)
    random.Random(1).shuffle(pairs)
    assert take(pairs) == found
    assert found.nodes == tuple(sorted(values))
    assert found.alike == (len(set(values.values())) < 2)
    usual = [node for node in found.nodes if node not in found.outliers]
    if not found.alike and not found.tie:
        assert {values[node] for node in usual} == {found.usual}
        assert 2 * len(usual) > 0


def test_true_is_not_one():
    assert not take([("a", True), ("b", 1)]).alike


def test_a_tie_is_explained_by_what_parts_the_nodes():
    groups = {f"n{one}": {"kernel": "6" if one < 2 else "5"} for one in range(4)}
    found = take([("n0", 1), ("n1", 1), ("n2", 2), ("n3", 2)])
    assert explained(found, groups) == "they differ in kernel as well"
    assert explained(take([("n0", 1), ("n1", 2)]), groups) is None


# ---- groups of the inventory -----------------------------------------------------------------

OLD_AND_NEW = {
    **{f"node{one}": ("k8s", "workers", "workers-new") for one in (1, 2, 3)},
    **{f"node{one}": ("k8s", "workers", "workers-old") for one in (4, 5)},
    "node6": ("edge", "k8s"),
}


@pytest.mark.parametrize(
    ("odd", "told"),
    [
        ({"node4": 1400, "node5": 1400}, "all 2 are in group workers-old, and nobody else"),
        ({"node4": 1400}, "node4 is in group workers-old, as 1 other"),
        ({"node6": 1400}, "node6 is in group edge, and nobody else"),
        ({"node4": 1400, "node6": 1400}, None),
    ],
    ids=["the-whole-group", "half-of-it", "out-of-another", "of-two-groups"],
)
def test_an_inventory_group_explains_its_nodes(odd, told):
    row = said(with_mtu(6, **odd), MTU, groups=OLD_AND_NEW)
    if told is None:
        assert row.evidence == ("all 2 are outside group workers-new, as 1 other",)
    else:
        assert row.evidence == (told,)


def test_a_group_that_all_are_in_explains_nothing():
    row = said(with_mtu(3, node2=1400), MTU, groups=dict.fromkeys(cluster(3), ("k8s",)))
    assert row.evidence == ()


def test_without_an_inventory_nodes_are_in_no_group_and_outside_none():
    assert said(with_mtu(3, node2=1400), MTU).evidence == ()
    with pytest.raises(UsageError, match=r"--by group: .* taken without Ansible"):
        compare(cluster(3), by="group")


def test_each_inventory_group_is_compared_alone():
    odd = with_mtu(6, node3=1400, node4=1380, node5=1380)
    found = compare(odd, groups=OLD_AND_NEW, by="group").findings
    assert [row.message for row in found] == [
        f"{MTU} of group workers-new, 1450 on 2 nodes; 1400 on node3",
        f"{MTU} of group workers, no value is that of most: "
        "1380 on node4, node5; 1450 on node1, node2; 1400 on node3",
    ]
    assert len({row.id for row in found}) == 2


def test_one_group_is_compared_alone_and_the_rest_too():
    odd = with_mtu(6, node3=1400, node4=1380, node5=1380)
    found = compare(odd, groups=OLD_AND_NEW, by="group:workers-new").findings
    assert [row.message for row in found] == [
        f"{MTU} of group workers-new, 1450 on 2 nodes; 1400 on node3",
        f"{MTU} of nodes outside group workers-new, 1380 on 2 nodes; 1450 on node6",
    ]


def test_a_group_that_is_not_there_is_a_mistake_in_usage():
    known = "kernel, underlay, underlay kind, group, group:edge, group:workers"
    with pytest.raises(UsageError, match=f"no such group. There are {known}"):
        compare(cluster(6), groups=OLD_AND_NEW, by="group:wrokers")
