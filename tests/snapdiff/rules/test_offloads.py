"""Offloads of overlays and underlays, which should be alike."""

from __future__ import annotations

import pytest

from clusters import cluster, report, told

ON = {"tx-checksum-ip-generic": True, "tx-checksum-ipv4": False, "tcp-segmentation-offload": True}
OFF = {"tx-checksum-ip-generic": False, "tx-checksum-ipv4": False}


def offloading(count=5, **nodes):
    """Return a cluster whose nodes have offloads on overlay and underlay, but for *nodes*.

    A value of *nodes* is a link and its offloads; None: nobody looked.
    """
    facts = cluster(count)
    for name, row in facts.items():
        for link in ("eth0", "flannel.1"):
            row["links"][link]["offloads"] = dict(ON)
        for link, found in nodes.get(name, {}).items():
            if found is None:
                del row["links"][link]["offloads"]
                row["not_observed"]["links/*/offloads"] = "ethtool is not installed"
            else:
                row["links"][link]["offloads"] = found
    return facts


def pools(facts, *names):
    for name in names:
        facts[name]["host"]["kernel"] = "5.15.0"
    return facts


ALIKE = {
    "alike": (offloading(), []),
    "off-on-one": (
        offloading(node3={"flannel.1": OFF}),
        [("overlay-offloads-alike", "links/flannel.1/offloads", ("node3",))],
    ),
    "on-on-one": (
        offloading(**{f"node{one}": {"flannel.1": OFF} for one in (1, 2, 4, 5)}),
        [("overlay-offloads-alike", "links/flannel.1/offloads", ("node3",))],
    ),
    "another-card": (
        offloading(node3={"eth0": {"tx-checksum-ipv4": True, "tx-udp_tnl-segmentation": True}}),
        [("underlay-offloads-alike", "links/eth0/offloads", ("node3",))],
    ),
    "segmentation-follows": (
        offloading(node3={"flannel.1": {**ON, "tcp-segmentation-offload": False}}),
        [],
    ),
    "a-kernel-that-does-not-name-it": (
        offloading(node3={"flannel.1": {"tx-checksum-ip-generic": True}}),
        [],
    ),
    "a-pool-of-other-kernels": (
        pools(offloading(node4={"flannel.1": OFF}, node5={"flannel.1": OFF}), "node4", "node5"),
        [],
    ),
    "one-node-did-not-look": (offloading(node3={"flannel.1": None}), []),
    "nobody-has-ethtool-but-all-looked": (cluster(5), []),
}


@pytest.mark.parametrize(("facts", "expected"), ALIKE.values(), ids=ALIKE)
def test_offloads_are_alike(facts, expected):
    assert told(facts) == expected


def test_the_majority_is_told_with_what_is_on():
    (row,) = [
        one
        for one in report(offloading(node3={"flannel.1": OFF})).findings
        if one.rule == "overlay-offloads-alike"
    ]
    assert row.message == (
        "offloads of flannel's overlay that are on: tx-checksum-ip-generic on 4 nodes; "
        "none on node3"
    )
    assert (row.after, row.expected) == ([], ["tx-checksum-ip-generic"])


def test_where_nobody_could_look_nobody_calls_it_alike():
    none = {"flannel.1": None, "eth0": None}
    facts = offloading(**{f"node{one}": dict(none) for one in range(1, 6)})
    found = {(row.rule, row.path, row.why) for row in report(facts).undecided}
    why = "ethtool is not installed"
    assert found == {
        ("overlay-offloads-alike", "links/*/offloads", why),
        ("underlay-offloads-alike", "links/*/offloads", why),
    }
