import pytest

from clusters import cluster, told

DOWN = ["BROADCAST", "MULTICAST"]
CASES = {
    "healthy": ({}, []),
    "pod-port": ({"veth00020001": DOWN}, [("pod-port-down", "links/veth*/flags", ("node2",))]),
    "underlay": ({"eth0": DOWN}, [("underlay-down", "links/eth0/flags", ("node2",))]),
}


@pytest.mark.parametrize(("flags", "expected"), CASES.values(), ids=CASES)
def test_a_link_that_is_set_down_is_told(flags, expected):
    facts = cluster(3)
    for name, found in flags.items():
        facts["node2"]["links"][name]["flags"] = found
    assert told(facts) == expected


def test_flags_that_nobody_told_are_not_down():
    facts = cluster(3)
    del facts["node2"]["links"]["veth00020001"]["flags"]
    assert told(facts) == []
