"""A diff as RFC 6902: applied to the snapshot before, it gives what the report says of after."""

from __future__ import annotations

import copy
import json
from dataclasses import replace

import jsonpatch
import pytest
from test_report import an_eventful_night

from builders import GONE, address, document, edit, node, peer, route, side, snapshot_of
from snapdiff.assess import Policy, assess_diff
from snapdiff.errors import UsageError
from snapdiff.model import Waived
from snapdiff.report import render
from snapdiff.story import Planned


def report_of(tmp_path, before, after):
    sides = side(tmp_path / "a", before), side(tmp_path / "b", after)
    report = assess_diff(*sides, cluster="lab", policy=Policy())
    assert report.coverage.missing == ()
    return report


def patched(report, name, before):
    """Return the document of a node with its patch applied, by another's library."""
    found = json.loads(render(report, "json-patch"))
    return jsonpatch.apply_patch(copy.deepcopy(before), found["patches"].get(name, []))


PLAIN = {
    "changed": {"links/cni0/mtu": 1400, "sysctls/net.ipv4.ip_forward": 0},
    "type-changed": {"cni/subnet_env/FLANNEL_MTU": "1450"},
    "added": {"links/dummy0": {"addresses": {}, "flags": ["UP"], "mtu": 1500, "kind": "dummy"}},
    "removed": {"sysctls/net.ipv4.ip_forward": GONE, "cni_config/10-flannel.conflist": GONE},
    "field-added": {"links/eth0/master": "bond0"},
    "field-removed": {"links/flannel.1/lower": GONE},
    "list": {"cni_config/10-flannel.conflist/plugins": [{"type": "flannel"}, {"type": "portmap"}]},
    "slash": {
        ("routes", "main 10.9.0.0/16 dev eth0"): route("10.9.0.0/16", "eth0"),
        ("routes", "main default dev eth0", "gateway"): "192.0.2.1",
    },
    "tilde": {"links/a~1b": {"addresses": {}, "flags": ["UP"], "mtu": 1500, "alias": "~1"}},
    "peer": {("peers", "10.244.2.0", "mac"): "0a:ff:00:00:00:02"},
    "address-added": {("links", "eth0", "addresses", "192.0.2.77/24"): address()},
}


@pytest.mark.parametrize("edits", PLAIN.values(), ids=PLAIN)
def test_the_snapshot_before_becomes_the_one_after(edits, tmp_path):
    before = document(1)
    after = edit(before, edits)
    others = [node(2), node(3)]
    report = report_of(tmp_path, [snapshot_of(before), *others], [snapshot_of(after), *others])
    assert patched(report, "node1", before) == after


def test_what_follows_from_a_change_is_in_the_patch_too(tmp_path):
    before = document(1, of=4)
    gone = {f"peers/10.244.{number}.0": GONE for number in (2, 3, 4)}
    after = edit(before, {"links/flannel.1": GONE, **gone})
    others = [node(number, of=4) for number in (2, 3, 4)]
    report = report_of(tmp_path, [snapshot_of(before), *others], [snapshot_of(after), *others])
    assert patched(report, "node1", before) == after


def test_several_peers_that_changed_alike_are_an_operation_each(tmp_path):
    before = document(1, of=4)
    after = edit(before, {f"peers/10.244.{number}.0/dev": "flannel.2" for number in (2, 3, 4)})
    others = [node(number, of=4) for number in (2, 3, 4)]
    report = report_of(tmp_path, [snapshot_of(before), *others], [snapshot_of(after), *others])
    assert [row.path for row in report.findings] == ["peers/*/dev"]
    assert patched(report, "node1", before) == after


def test_an_eventful_night_can_be_applied_to_every_node(tmp_path):
    before, after = an_eventful_night()
    report = report_of(tmp_path, before, after)
    given = json.loads(render(report, "json-patch"))
    assert set(given["patches"]) == {f"node{number}" for number in range(1, 8)}
    for old, new in zip(before, after, strict=False):
        found = patched(report, old.node, dict(old.sections))
        for op in given["patches"][old.node]:
            spot = jsonpatch.JsonPointer(op["path"])
            assert spot.resolve(found, None) == op.get("value")
            if op["path"] != "/links/wg0":  # its flags that follow carrier are left out
                assert spot.resolve(found, None) == spot.resolve(dict(new.sections), None)


NOT_SAID = {
    "pods": ({"links/veth00000001/mtu": 1300}, "links/veth*/mtu", "several rows told as one"),
    "unseen": ({"ipam": {}, "not_observed/ipam": "no time"}, "ipam", "nobody looked there"),
    "replaced-address": (
        {
            ("links", "eth0", "addresses", "192.0.2.1/24"): GONE,
            ("links", "eth0", "addresses", "192.0.2.9/24"): address(),
        },
        "links/eth0/addresses",
        "an address that was replaced",
    ),
    "new-lease-of-a-peer": (
        {
            ("peers", "10.244.2.0"): GONE,
            ("peers", "10.244.77.0"): peer(2, subnet="10.244.77.0/24"),
        },
        "peers/10.244.2.0/subnet",
        "its whole row is under another key",
    ),
    "route-over-another-link": (
        {
            ("routes", "main default dev eth0"): GONE,
            ("routes", "main default dev cni0"): route("default", "cni0", gateway="192.0.2.254"),
        },
        "routes/main default dev eth0/dev",
        "its whole row is under another key",
    ),
    "entries-of-a-peer": (
        {("peers", "10.244.2.0", "missing"): ["route"], ("peers", "10.244.2.0", "subnet"): GONE},
        "peers/10.244.2.0/missing",
        "told in short",
    ),
}


@pytest.mark.parametrize(("edits", "path", "why"), NOT_SAID.values(), ids=NOT_SAID)
def test_what_cannot_be_said_as_a_patch_is_listed_with_the_reason(edits, path, why, tmp_path):
    report = report_of(tmp_path, [node(1), node(2)], [node(1, edits), node(2)])
    found = json.loads(render(report, "json-patch"))
    assert found["patches"] == {}
    reasons = [one["why"] for one in found["skipped"] if one["path"] == path]
    assert any(why in reason for reason in reasons)


def test_a_node_that_came_or_went_is_no_patch(tmp_path):
    report = report_of(tmp_path, [node(1), node(2)], [node(1), node(3)])
    found = json.loads(render(report, "json-patch"))
    assert not {"node2", "node3"} & found["patches"].keys()
    paths = {one["path"] for one in found["skipped"] if "no place in a snapshot" in one["why"]}
    assert paths == {"nodes/node2", "nodes/node3"}


def test_what_was_accepted_or_follows_from_a_plan_changed_all_the_same(tmp_path):
    edits = {"links/cni0/mtu": 1400}
    report = report_of(tmp_path, [node(1), node(2)], [node(1, edits), node(2)])
    (row,) = report.findings
    done = Planned(text="sysctls/a → 1", path="sysctls/a", wanted=1, done=("node2",))
    for given in (
        replace(report, findings=(), waived=(Waived(finding=row, reason="known"),)),
        replace(report, findings=(), side_effects=(row,), planned=(done,)),
    ):
        found = json.loads(render(given, "json-patch"))
        op = {"op": "replace", "path": "/links/cni0/mtu", "value": 1400}
        assert found["patches"] == {"node1": [op]}
    words = {"nodes": ["node2"], "path": "sysctls/a", "why": "as planned: sysctls/a → 1"}
    assert words in found["skipped"]


def test_a_report_of_one_capture_is_no_patch(tmp_path):
    report = report_of(tmp_path, [node(1)], [node(1)])
    with pytest.raises(UsageError, match="'snapdiff check' has no before and after"):
        render(replace(report, command="check"), "json-patch")
