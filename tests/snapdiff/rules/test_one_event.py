"""What is told of one event in a fleet: its cause alone, and the remedy that ends it for good."""

from __future__ import annotations

import json

from clusters import cluster, report, told
from kinds import route

MACS = ("02:00:00:00:00:03", "02:00:00:00:00:02")  # of the VTEPs of node3 and node2


def renamed(facts, old, new):
    return json.loads(json.dumps(facts).replace(old, new))


def remedies(facts):
    return {row.rule: row.remedy for row in report(facts).findings}


def network_apart():
    facts = cluster(3)
    facts["node3"]["cni"]["subnet_env"]["FLANNEL_NETWORK"] = "10.245.0.0/16"
    return facts


def test_a_node_with_another_network_is_mended_there_and_not_for_all():
    place = "cni/subnet_env/FLANNEL_NETWORK"
    assert told(network_apart()) == [("same-pod-network", place, ("node3",))]
    assert remedies(network_apart())["same-pod-network"].startswith(
        "restart the flannel pod of node3, which"
    )


def test_a_network_that_is_wrong_on_all_nodes_is_mended_for_all():
    facts = renamed(
        cluster(3), '"FLANNEL_NETWORK": "10.244.0.0/16"', '"FLANNEL_NETWORK": "10.9.0.0/16"'
    )
    (row,) = (one for one in report(facts).findings if one.severity)
    assert (row.rule, "ConfigMap" in row.remedy) == ("lease-subnet", True)


def test_a_lease_with_ipv6_on_one_node_alone_is_one_finding():
    facts = cluster(3)
    facts["node2"]["sysctls"]["net.ipv6.conf.all.forwarding"] = 0
    facts["node2"]["cni"]["subnet_env"].update(
        FLANNEL_IPV6_NETWORK="fd00:10::/48", FLANNEL_IPV6_SUBNET="fd00:10:0:2::1/64"
    )
    (row,) = (one for one in report(facts).findings if one.severity)
    assert (row.rule, row.nodes) == ("families-alike", ("node2",))
    bare = "so on node2: cni0 has no IPv6 address, but the lease says fd00:10:0:2::1/64"
    assert bare in row.evidence


def test_an_overlay_on_another_link_than_its_address_comes_before_what_it_makes_of_the_underlay():
    facts = cluster(3, underlay=1410)
    for name, one in facts.items():
        own = {f"198.51.100.{name[-1]}/24": {"family": "inet", "scope": "global", "label": "eth1"}}
        one["routes"]["main 198.51.100.0/24 dev eth1"] = route("198.51.100.0/24", "eth1")
        one["links"]["eth1"] = {**one["links"]["eth0"], "ifindex": 9, "mtu": 1500, "addresses": own}
    assert told(facts) == []
    facts["node2"]["links"]["flannel.1"]["lower"] = "eth1"
    assert told(facts) == [("vxlan-attributes", "links/flannel.1/vxlan/local", ("node2",))]


def test_an_ipv4_overlay_that_is_missing_does_not_follow_from_an_ipv6_lease():
    facts = cluster(3)
    facts["node2"]["cni"]["subnet_env"]["FLANNEL_IPV6_SUBNET"] = "fd00:10:0:2::1/64"
    del facts["node2"]["links"]["flannel.1"]
    assert ("overlay-missing", "links/flannel.1", ("node2",)) in told(facts)


def test_flannel_is_made_to_forget_the_mac_of_a_clone_before_its_link_is_made_anew():
    said = remedies(renamed(cluster(3), *MACS))["vtep-mac-unique"]
    first, _, rest = said.partition("backend-data- ")
    assert "kubectl annotate node NODE flannel.alpha.coreos.com/" in first
    assert rest.endswith("ip link delete flannel.1, then restart its flannel pod")


def test_of_a_cloned_machine_it_is_forgotten_where_the_mac_was_cloned_as_well():
    facts = cluster(3)
    facts["node3"]["host"]["machine_id"] = facts["node2"]["host"]["machine_id"]
    assert "annotate" not in remedies(facts)["machine-id-unique"]
    said = remedies(renamed(facts, *MACS))["machine-id-unique"]
    assert said.index("backend-data-") < said.index("rm /etc/machine-id")
