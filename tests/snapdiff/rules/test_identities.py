"""Subnets and underlay addresses that several nodes seem to have: whose fault it is."""

from __future__ import annotations

import pytest

from clusters import cluster, report

RULE = "underlay-address-unique"
GLOBAL = {"family": "inet", "scope": "global"}


def found_in(facts):
    return [
        (one.rule, one.path, one.nodes, one.message)
        for one in report(facts).findings
        if one.severity
    ]


def second(address, on="node2", **row):
    """Give a node an address beside its own on the underlay."""
    facts = cluster(4)
    facts[on]["links"]["eth0"]["addresses"][address] = {**GLOBAL, **row}
    return facts


def test_the_node_that_took_a_peer_s_address_is_accused_and_not_the_peer():
    place = "links/eth0/addresses/192.0.2.3/24"
    words = "node2 has 192.0.2.3/24 too, the underlay address of node3"
    facts = second("192.0.2.3/24")
    assert found_in(facts) == [(RULE, place, ("node2",), words)]
    (one,) = [row for row in report(facts).findings if row.severity]
    assert one.remedy.startswith("ip addr del 192.0.2.3/24 dev eth0 on node2")


QUIET = {
    "one-of-no-node": second("192.0.2.200/24"),
    "floating": second("192.0.2.3/32"),
    "on-the-way-out": second("192.0.2.3/24", deprecated=True),
    "its-own": second("192.0.2.2/25"),
}


@pytest.mark.parametrize("facts", QUIET.values(), ids=QUIET)
def test_a_second_address_that_is_no_peer_s_or_moves_is_not_told(facts):
    assert [one for one in found_in(facts) if one[0] == RULE] == []


def test_an_end_that_no_link_has_does_not_accuse_the_node_that_has_it():
    facts = cluster(4)
    facts["node2"]["links"]["flannel.1"]["vxlan"]["local"] = "192.0.2.3"
    assert {one[0] for one in found_in(facts)} == {"vxlan-attributes"}


@pytest.mark.parametrize("mask", [16, 20, 22])
def test_a_bridge_with_a_wrong_mask_claims_no_subnet_of_others(mask):
    facts = cluster(4)
    facts["node1"]["links"]["cni0"]["addresses"] = {f"10.244.1.1/{mask}": dict(GLOBAL)}
    assert [one[0::2] for one in found_in(facts)] == [("pod-bridge-address", ("node1",))]
