import pytest

from clusters import cluster, told

PORT = "veth00020001"
HIT = [("pod-side-mtu", "links/veth*/inside/mtu", ("node2",))]
CASES = {
    "alike": ({"link": "eth0", "mtu": 1450, "carrier": True}, []),
    "inside-larger": ({"link": "eth0", "mtu": 1500, "carrier": True}, HIT),
    "inside-smaller": ({"link": "eth0", "mtu": 1400}, HIT),
    "not-looked-at": (None, []),
}


@pytest.mark.parametrize(("inside", "expected"), CASES.values(), ids=CASES)
def test_pod_side_mtu(inside, expected):
    facts = cluster(3)
    if inside is not None:
        facts["node2"]["links"][PORT]["inside"] = inside
    assert told(facts) == expected
