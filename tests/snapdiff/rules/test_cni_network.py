"""What a new pod gets its network of: a file that asks for flannel's plugin, and the lease."""

from __future__ import annotations

import pytest

from clusters import cluster, report
from kinds import breaches, healthy, node

FILE = "10-flannel.conflist"
PLACE = f"cni_config/{FILE}"
NO_JSON = {PLACE: "it is not JSON: JSONDecodeError"}
BRIDGE = {"name": "other", "plugins": [{"type": "bridge"}]}
BROKEN = {
    "healthy": (node(), []),
    "cut-off": (
        node(cni_config={FILE: {"order": 0}}, not_observed=NO_JSON),
        [(PLACE, "error")],
    ),
    "behind-one-that-is-whole": (
        node(
            cni_config={"05-first.conf": {**BRIDGE, "order": 0}, FILE: {"order": 1}},
            not_observed=NO_JSON,
        ),
        [(PLACE, "info")],
    ),
    "nobody-may-read-it": (
        node(cni_config={FILE: {"order": 0}}, not_observed={PLACE: "permission denied"}),
        [],
    ),
}
MISSING = {
    "healthy": (node(), []),
    "gone": (node(cni_config={FILE: None}), [("cni_config", "?")]),
    "another-network-in-its-place": (
        node(cni_config={FILE: {**BRIDGE, "order": 0}}),
        [(PLACE, "warning")],
    ),
    "gone-beside-another": (
        node(cni_config={FILE: None, "87-podman.conflist": {**BRIDGE, "order": 0}}),
        [("cni_config/87-podman.conflist", "warning")],
    ),
    "multus-chooses": (
        node(cni_config={FILE: {"order": 0, "plugins": [{"type": "multus"}]}}),
        [],
    ),
    "nobody-may-read-it": (
        node(cni_config={FILE: {"order": 0}}, not_observed={PLACE: "permission denied"}),
        [],
    ),
    "some-files-were-not-saved": (
        node(cni_config={FILE: None}, not_observed={"cni_config": "not saved"}),
        [("cni_config", "?")],
    ),
    "an-editor-s-backup-is-no-file-of-it": (
        node(cni_config={FILE: None, f"{FILE}.bak": {"order": 0}}),
        [("cni_config", "?")],
    ),
}
LEASE = healthy("vxlan")["node1"]["cni"]["subnet_env"]


def leased(**changes):
    """Return a node with another lease; None takes a key away."""
    lease = {key: value for key, value in {**LEASE, **changes}.items() if value is not None}
    return node(cni={"subnet_env": lease})


INCOMPLETE = {
    "healthy": (node(), []),
    "no-lease-at-all": (node(cni={"subnet_env": None}), []),
    "empty": (node(cni={"subnet_env": {}}), [("cni/subnet_env", "error")]),
    "without-subnet": (leased(FLANNEL_SUBNET=None), [("cni/subnet_env", "error")]),
    "an-mtu-without-number": (leased(FLANNEL_MTU=""), [("cni/subnet_env", "error")]),
    "ipv6-alone": (
        leased(
            FLANNEL_NETWORK=None,
            FLANNEL_SUBNET=None,
            FLANNEL_IPV6_NETWORK="fd00::/48",
            FLANNEL_IPV6_SUBNET="fd00::1/64",
        ),
        [],
    ),
}


@pytest.mark.parametrize(("facts", "expected"), BROKEN.values(), ids=BROKEN)
def test_a_file_that_a_runtime_cannot_read(facts, expected):
    assert breaches("cni-config-broken", facts) == expected


@pytest.mark.parametrize(("facts", "expected"), MISSING.values(), ids=MISSING)
def test_a_file_asks_for_the_cni_that_runs(facts, expected):
    assert breaches("cni-config-missing", facts) == expected


@pytest.mark.parametrize(("facts", "expected"), INCOMPLETE.values(), ids=INCOMPLETE)
def test_a_lease_has_what_the_plugin_asks_for(facts, expected):
    assert breaches("lease-incomplete", facts) == expected


def test_k3s_has_its_files_elsewhere():
    facts = healthy("k3s")["node1"]
    facts["cni_config"] = {}
    assert breaches("cni-config-missing", facts) == []


def test_an_empty_lease_is_one_row():
    facts = cluster(3)
    facts["node2"]["cni"]["subnet_env"] = {}
    rows = [(row.rule, row.nodes) for row in report(facts).findings if row.severity]
    assert rows == [("lease-incomplete", ("node2",))]


def test_an_editor_s_backup_is_no_other_network():
    facts = cluster(3)
    facts["node2"]["cni_config"][".10-flannel.conflist.swp"] = {"order": 0}
    assert [row.rule for row in report(facts).findings] == []
