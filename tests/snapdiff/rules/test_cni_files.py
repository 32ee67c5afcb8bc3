"""The files of the CNI: which of them the runtime takes, and what flannel's own says."""

from __future__ import annotations

import pytest

from clusters import cluster, report
from kinds import breaches, node

CONTAINERD = {"name": "containerd-net", "plugins": [{"type": "bridge"}, {"type": "portmap"}]}
ORDER = {
    "containerd-sorts-before": (
        node(cni_config={"10-containerd-net.conflist": {**CONTAINERD, "order": 0}}),
        [("cni_config/10-containerd-net.conflist", "error")],
    ),
    "sorts-after": (
        node(cni_config={"87-podman-bridge.conflist": {**CONTAINERD, "order": 5}}),
        [],
    ),
    "multus-is-first-on-purpose": (
        node(cni_config={"00-multus.conf": {"order": 0, "plugins": [{"type": "multus"}]}}),
        [],
    ),
    "loopback-is-no-network": (
        node(cni_config={"00-loopback.conf": {"order": 0, "plugins": [{"type": "loopback"}]}}),
        [],
    ),
    "flannel-s-file-is-elsewhere": (node(cni_config={"10-flannel.conflist": None}), []),
    "old-cilium-before-flannel": (
        node(cni_config={"05-cilium.conflist": {"order": 0, "plugins": [{"type": "cilium-cni"}]}}),
        [("cni_config/05-cilium.conflist", "error")],
    ),
    "a-broken-file-is-none": (node(cni_config={"00.conf": {"order": 0, "plugins": [{}]}}), []),
    "a-file-nobody-may-read": (
        node(
            cni_config={"05-secret.conflist": {"order": 0}},
            not_observed={"cni_config/05-secret.conflist": "permission denied"},
        ),
        [("cni_config/05-secret.conflist", "?")],
    ),
    "some-files-were-not-saved": (
        node(not_observed={"cni_config": "only some of its files were saved"}),
        [("cni_config", "?")],
    ),
}
for facts, _expected in ORDER.values():
    for order, key in enumerate(sorted(facts["cni_config"])):
        facts["cni_config"][key]["order"] = order


@pytest.mark.parametrize(("facts", "expected"), ORDER.values(), ids=ORDER)
def test_cni_config_order(facts, expected):
    assert breaches("cni-config-order", facts) == expected


PLUGINS = "cni_config/10-flannel.conflist/plugins"


def with_delegate(kind="vxlan", *, of=None, lease=None, pod=None, **members):
    facts = of or node(kind)
    facts["cni_config"]["10-flannel.conflist"]["plugins"][0]["delegate"].update(members)
    if lease is not None:
        facts["cni"]["subnet_env"]["FLANNEL_MTU"] = lease
    if pod is not None:
        facts["links"]["veth00010000"]["mtu"] = pod
    return facts


def masterless(facts):
    for row in facts["links"].values():
        row.pop("master", None)
    facts["not_observed"]["links/*/master"] = "it was not told"
    return facts


FILES = {
    "extra-file": (
        "cni-config-extra",
        node(cni_config={"87-podman.conflist": {**CONTAINERD, "order": 1}}),
        [("cni_config/87-podman.conflist", "info")],
    ),
    "extra-beside-multus": (
        "cni-config-extra",
        node(cni_config={"00-multus.conf": {"order": 0, "plugins": [{"type": "multus"}]}}),
        [],
    ),
    "no-hairpin": (
        "cni-config-delegate",
        with_delegate(hairpinMode=False),
        [("cni_config/10-flannel.conflist/plugins", "info")],
    ),
    "ptp-needs-no-hairpin": (
        "cni-config-delegate",
        with_delegate(type="ptp", hairpinMode=False),
        [],
    ),
    "mtu-of-its-own": (
        "cni-config-mtu",
        with_delegate(mtu=1400),
        [("cni_config/10-flannel.conflist/plugins", "info")],
    ),
    "same-mtu": ("cni-config-mtu", with_delegate(mtu=1450), []),
    "as-much-as-the-overlay-takes": (
        "cni-config-mtu",
        with_delegate(mtu=1450, lease=1400),
        [(PLUGINS, "info")],
    ),
    "over-the-overlay": ("cni-config-mtu", with_delegate(mtu=1451), [(PLUGINS, "warning")]),
    "over-the-overlay-and-a-pod-has-it": (
        "cni-config-mtu",
        with_delegate(mtu=1500, pod=1500),
        [(PLUGINS, "error")],
    ),
    "over-the-underlay-of-host-gw": (
        "cni-config-mtu",
        with_delegate("host-gw", mtu=9000),
        [(PLUGINS, "warning")],
    ),
    "over-the-overlay-and-nobody-knows-the-pods": (
        "cni-config-mtu",
        masterless(with_delegate(mtu=1500)),
        [(PLUGINS, "warning")],
    ),
    "leases-under-an-old-name": (
        "cni-config-name",
        node(ipam={"cbr0": None, "flannel": {"addresses": ["10.244.1.2"], "others": []}}),
        [("cni_config/10-flannel.conflist/name", "error")],
    ),
    "leases-of-another-subnet-under-an-old-name": (
        "cni-config-name",
        node(ipam={"cbr0": None, "flannel": {"addresses": ["10.9.9.2"], "others": []}}),
        [("cni_config/10-flannel.conflist/name", "info")],
    ),
    "no-leases-yet": (
        "cni-config-name",
        node(ipam={"cbr0": None, "flannel": {"addresses": [], "others": []}}),
        [],
    ),
    "leases-not-observed": (
        "cni-config-name",
        node(ipam={"cbr0": None}, not_observed={"ipam": "permission denied"}),
        [("ipam", "?")],
    ),
}


@pytest.mark.parametrize(("rule", "facts", "expected"), FILES.values(), ids=FILES)
def test_files_of_the_cni(rule, facts, expected):
    assert breaches(rule, facts) == expected


def test_who_gives_new_pods_too_much_is_not_told_to_recycle_those_that_are_right():
    rows = report({"node1": with_delegate(of=cluster(1)["node1"], mtu=1500)}).findings
    assert [(one.rule, one.severity.word) for one in rows] == [("cni-config-mtu", "warning")]
    assert "over the 1450 that flannel.1 takes" in rows[0].message
    assert "recycle" not in rows[0].remedy


def test_a_pod_that_has_too_much_already_is_below_the_file_that_gave_it():
    facts = with_delegate(of=cluster(1)["node1"], mtu=1500, pod=1500)
    (row,) = report({"node1": facts}).findings
    assert (row.rule, row.severity.word, len(row.follows)) == ("cni-config-mtu", "error", 2)
    assert row.remedy.endswith("recycle the pods that have more")
