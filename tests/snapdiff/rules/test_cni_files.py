"""The files of the CNI: which of them the runtime takes, and what flannel's own says."""

from __future__ import annotations

import pytest

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


def with_delegate(**members):
    facts = node()
    facts["cni_config"]["10-flannel.conflist"]["plugins"][0]["delegate"].update(members)
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
    "leases-under-an-old-name": (
        "cni-config-name",
        node(ipam={"cbr0": None, "flannel": {"addresses": ["10.244.1.2"], "others": []}}),
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
