"""What must not be hidden: by folding, by another node, by a node that is odd or not there."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from builders import GONE, edited, node, peer, side
from clusters import cluster, told
from snapdiff.assess import assess_diff
from snapdiff.canonical import link_local
from snapdiff.check import assess_check
from snapdiff.cli.gather import say_coverage
from snapdiff.errors import UnreadableError
from snapdiff.model import Capture, Node, Outcome
from snapdiff.outliers import assess_outliers
from snapdiff.snapshot import from_facts
from snapdiff.store import read_manifest, side_of_capture
from snapdiff.verdict import Policy

DOWN = {"node1": "no route", "node2": "no route", "node3": "no route"}


@pytest.fixture
def compare(tmp_path):
    """Compare two lists of snapshots as captures, and the nodes that each lost; the report."""

    def run(before, after, *, lost=(), lost_after=()):
        sides = (
            side(tmp_path / "a", before, lost={name: DOWN[name] for name in lost}),
            side(tmp_path / "b", after, lost={name: DOWN[name] for name in lost_after}),
        )
        return assess_diff(*sides, cluster="lab", policy=Policy())

    return run


def nodes(count=3, edits=None):
    found = [node(number, of=count) for number in range(1, count + 1)]
    return [edited(one, (edits or {}).get(number, {})) for number, one in enumerate(found, 1)]


def rows(found):
    return [(row.path, row.nodes) for row in found.findings if row.severity]


def test_two_nodes_that_are_away_in_turn_are_not_held_against_each_other(compare):
    one, two = nodes(2)
    found = compare([one], [two], lost=["node2"], lost_after=["node1"])
    assert (found.coverage.expected, found.coverage.comparable, found.exit_code) == (2, 0, 3)
    assert rows(found) == []


@pytest.mark.parametrize("mac", ["", "00:00:00:00", "0a:00:00:00:00:zz", "::1"])
def test_a_link_without_a_mac_has_no_address_of_it(mac):
    assert link_local(mac) == ""


@pytest.mark.parametrize("plugin", [{"type": ["flannel"]}, {"type": "flannel", "delegate": True}])
def test_odd_facts_of_one_node_silence_nothing_of_another(plugin):
    facts = cluster(3)
    facts["node1"]["cni_config"]["10-flannel.conflist"]["plugins"] = [plugin]
    facts["node2"]["links"]["flannel.1"]["mtu"] = 1500
    assert ("overlay-mtu-headroom", "links/flannel.1/mtu", ("node2",)) in told(facts)


def test_a_node_that_says_too_much_is_not_stored(tmp_path):
    from datetime import UTC, datetime

    from snapdiff.store import Store

    facts = cluster(1)["node1"]
    row = facts["links"]["eth0"]
    for number in range(300):
        facts["links"][f"x{number}"] = {**row, "alias": "a" * 60_000}
    draft = Store(tmp_path).begin("lab", nodes=["node1"], now=datetime.now(UTC))
    with pytest.raises(UnreadableError, match="over 16777216"):
        draft.add(from_facts(facts, node="node1", taken_at="2026-11-22T03:00:00Z", via="test"))
    capture = draft.seal(now=datetime.now(UTC), tools={})
    assert capture.nodes["node1"].outcome is Outcome.FAILED


def test_a_reason_from_a_node_moves_no_cursor(capsys):
    row = Node(name="n", outcome=Outcome.FAILED, why="\x1b]0;owned\x07\x1b[2J boo")
    assert say_coverage(Capture(name="c", place="p", cluster="lab", nodes={"n": row}), 100.0) == 3
    assert "\x1b" not in capsys.readouterr().err


def test_a_reason_that_is_no_utf8_is_kept(tmp_path):
    from datetime import UTC, datetime

    from snapdiff.store import Store

    draft = Store(tmp_path).begin("lab", nodes=["node1"], now=datetime.now(UTC))
    draft.note("node1", Outcome.FAILED, "said \udcff")
    assert draft.seal(now=datetime.now(UTC), tools={}).nodes["node1"].why == "said \\udcff"


def test_a_peer_that_took_a_third_value_did_not_follow(compare):
    mac = {"links/flannel.1/mac": "0a:ff:00:00:00:01"}
    right = {"peers/10.244.1.0/mac": "0a:ff:00:00:00:01"}
    wrong = {"peers/10.244.1.0/mac": "de:ad:00:00:00:01"}
    found = compare(nodes(), nodes(edits={1: mac, 2: right, 3: wrong}))
    assert rows(found) == [
        ("links/flannel.1/mac", ("node1",)),
        ("peers/10.244.1.0/mac", ("node3",)),
    ]


def test_a_lost_entry_is_no_following(compare):
    mac = {"links/flannel.1/mac": "0a:ff:00:00:00:01"}
    lost = {"peers/10.244.1.0": {"dev": "flannel.1", "subnet": "10.244.1.0/24"}}
    lost["peers/10.244.1.0"]["missing"] = ["neighbour"]
    found = compare(nodes(), nodes(edits={1: mac, 2: lost}))
    assert ("peers/10.244.1.0/missing", ("node2",)) in rows(found)


def test_a_peer_lost_as_its_node_joins_the_inventory_is_told(compare):
    before = nodes()[:2]
    after = nodes(edits={2: {"peers/10.244.3.0": GONE}})
    assert rows(compare(before, after)) == [("peers/10.244.3.0", ("node2",))]


def test_a_pod_with_another_mtu_than_the_new_lease_is_told(compare):
    lease = {"cni/subnet_env/FLANNEL_MTU": 1400}
    ports = [name for name in node(1).sections["links"] if name.startswith("veth")]
    odd = {**lease, f"links/{ports[0]}/mtu": 9000}
    assert ("links/veth*/mtu", ("node1",)) in rows(compare(nodes(), nodes(edits={1: odd})))


def test_neighbours_that_nobody_read_are_no_drift_of_peers(compare):
    blind = node(1, of=3)
    edits = {("not_observed", path): "no answer" for path in ("neighbours",)}
    edits |= {("not_observed", f"peers/*/{name}"): "no answer" for name in ("mac", "underlay")}
    for number in (2, 3):
        row = peer(number)
        edits[f"peers/10.244.{number}.0"] = {"dev": row["dev"], "subnet": row["subnet"]}
        edits[("fdb", f"flannel.1 {row['mac']} {row['underlay']}")] = {
            "mac": row["mac"],
            "dev": "flannel.1",
            "dst": row["underlay"],
            "state": "permanent",
            "flags": ["self"],
        }
    assert rows(compare(nodes(), [edited(blind, edits), *nodes()[1:]])) == []


def test_nobody_forgot_a_node_that_nobody_looked_for(compare):
    before = nodes(2)
    found = compare(before, [], lost_after=["node2"])
    assert rows(found) == [("nodes/node1", ("node1",))]
    assert "forgotten" not in found.findings[0].message


@pytest.mark.parametrize("assess", [assess_check, assess_outliers], ids=["check", "compare"])
def test_a_row_that_a_fitting_digest_hides_costs_its_own_node_alone(assess, tmp_path):
    folder = Path(side(tmp_path, nodes(edits={2: {"links/flannel.1/mtu": 9000}})).capture.place)
    file, manifest = folder / "nodes" / "node1.yml", folder / "capture.yml"
    before = file.read_bytes()
    file.write_bytes(before.replace(b'"mtu":1450', b'"mtu":"x"', 1))
    old, new = (hashlib.sha256(one).hexdigest() for one in (before, file.read_bytes()))
    manifest.write_text(manifest.read_text("utf-8").replace(old, new), "utf-8")
    found = assess(side_of_capture(read_manifest(folder)), cluster="lab", policy=Policy())
    assert [one.node for one in found.coverage.missing] == ["node1"]
    assert "is not of type 'integer'" in found.coverage.missing[0].why
    assert any("node2" in row.nodes for row in found.findings)


BARE = dict.fromkeys(("links/flannel.1", "links/cni0", "cni/subnet_env"), GONE) | {
    "links/veth00000001": GONE,
    "links/veth00000002": GONE,
    "cni_config/10-flannel.conflist": GONE,
}


def checked(tmp_path, *snapshots):
    return assess_check(side(tmp_path, list(snapshots)), cluster="lab", policy=Policy())


def test_a_node_without_a_pod_network_is_not_called_right(tmp_path):
    report = checked(tmp_path, edited(node(1), BARE), node(2))
    rows = [(one.path, one.nodes) for one in report.undecided if "nothing of a pod" in one.why]
    assert rows == [("links", ("node1",))]


def test_a_node_where_nobody_could_look_is_not_called_bare(tmp_path):
    blind = edited(node(1), {**BARE, "not_observed/links": "rc 1"})
    found = checked(tmp_path, blind).undecided
    assert not [one for one in found if "nothing of a pod" in one.why]
