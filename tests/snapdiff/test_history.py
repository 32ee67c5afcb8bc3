"""One place over the captures: who had which value when; what was not seen is not unchanged."""

from __future__ import annotations

import copy
import json

import pytest

from clusters import cluster
from nights import Cluster, runner
from snapdiff.errors import SnapdiffError
from snapdiff.history import course_of, turns
from snapdiff.paths import split
from snapdiff.store import read_manifest, side_of_capture

MTU = "links/flannel.1/mtu"


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    call = runner(tmp_path, monkeypatch, capsys)
    (tmp_path / "snapdiff.yml").write_text("store: .\ncluster: prod\n")
    return call


@pytest.fixture
def prod(tmp_path):
    return Cluster(tmp_path)


def told(prod, path, on=()):
    """Return what changed at a place: the day, before, after, nodes."""
    sides = [side_of_capture(read_manifest(one)) for one in prod.store.captures("prod")]
    course = course_of(path, split(path), sides, on)
    days = [moment.capture for moment in course.moments]
    return [(days.index(one.moment.capture), one.before, one.after, one.nodes)
            for one in turns(course)]  # fmt: skip


def with_(path, value, *numbers):
    """Return a cluster with a value on some nodes; None takes it away."""
    facts = cluster(3)
    *above, last = path if isinstance(path, tuple) else path.split("/")
    for number in numbers:
        at = facts[f"node{number}"]
        for part in above:
            at = at[part]
        if value is None:
            del at[last]
        else:
            at[last] = value
    return facts


def without(facts, *names):
    return {name: one for name, one in facts.items() if name not in names}


AWAY = {"lost": {"node3": "no route"}}
SEEN = "not seen: unreachable"
STORIES = {
    "never": ([(cluster(3), {})] * 3, []),
    "on one node, and back": (
        [(cluster(3), {}), (with_(MTU, 1400, 2), {}), (cluster(3), {})],
        [(1, "1450", "1400", ("node2",)), (2, "1400", "1450", ("node2",))],
    ),
    "in waves": (
        [(cluster(3), {}), (with_(MTU, 1400, 1), {}), (with_(MTU, 1400, 1, 2, 3), {})],
        [(1, "1450", "1400", ("node1",)), (2, "1450", "1400", ("node2", "node3"))],
    ),
    "while it was away": (
        [(cluster(3), {}), (without(cluster(3), "node3"), AWAY), (with_(MTU, 1400, 3), {})],
        [(1, "1450", SEEN, ("node3",)), (2, SEEN, "1400", ("node3",))],
    ),
    "a node that is new": (
        [(without(cluster(3), "node3"), {}), (cluster(3), {})],
        [(1, "not asked", "1450", ("node3",))],
    ),
    "a node that was left out": (
        [(cluster(3), {}), (without(cluster(3), "node3"), {"skipped": {"node3": "--limit"}})],
        [(1, "1450", "not asked", ("node3",))],
    ),
    "a link that is gone": (
        [(cluster(3), {}), (with_("links/flannel.1", None, 2), {})],
        [(1, "1450", "absent", ("node2",))],
    ),
}


@pytest.mark.parametrize(("captures", "wanted"), STORIES.values(), ids=STORIES)
def test_when_a_value_changed_and_on_whom(prod, captures, wanted):
    for facts, options in captures:
        prod.capture(facts, **options)
    assert told(prod, MTU) == wanted


def test_what_nobody_looked_at_is_not_absent(prod):
    prod.capture(cluster(3))
    facts = with_("links/flannel.1/mtu", None, 2)
    facts["node2"]["not_observed"]["links/*/mtu"] = "denied"
    prod.capture(facts)
    assert told(prod, MTU) == [(1, "1450", "not observed: denied", ("node2",))]


def test_a_file_that_was_tampered_with_is_not_seen(prod):
    prod.capture(cluster(3))
    prod.capture(with_(MTU, 1400, 1))
    path = prod.store.captures("prod")[-1] / "nodes" / "node1.yml"
    path.write_bytes(path.read_bytes().replace(b"1450", b"1460"))
    ((day, before, after, nodes),) = told(prod, MTU)
    assert (day, before, nodes) == (1, "1450", ("node1",))
    assert after.startswith("not seen: ")


PLACES = [
    # a place, what is changed, and what is told
    ("links/*/mtu", "links/flannel.1/mtu", 1400, "flannel.1 1450", "flannel.1 1400"),
    ("links/fl*/mtu", "links/flannel.1/mtu", 1400, "flannel.1 1450", "flannel.1 1400"),
    ("sysctls/net.ipv4.ip_forward", "sysctls/net.ipv4.ip_forward", 0, "1", "0"),
    ("links/flannel.1/vxlan", "links/flannel.1/vxlan/port", 4789, "port 8472", "port 4789"),
    ("cni/subnet_env", "cni/subnet_env/FLANNEL_MTU", 1400, "FLANNEL_MTU 1450", "FLANNEL_MTU 1400"),
    (
        "links/eth0/addresses",
        "links/eth0/addresses",
        {"192.0.2.9/24": {"family": "inet", "scope": "global"}},
        "192.0.2.2/24",
        "192.0.2.9/24",
    ),
    (
        "links/eth0/addresses/*/label",
        ("links", "eth0", "addresses", "192.0.2.2/24", "label"),
        "x",
        "192.0.2.2/24 eth0",
        "192.0.2.2/24 x",
    ),
    (
        "routes/main default dev eth0/gateway",
        "routes/main default dev eth0/gateway",
        "192.0.2.1",
        "192.0.2.254",
        "192.0.2.1",
    ),
]


@pytest.mark.parametrize(("path", "place", "value", "before", "after"), PLACES)
def test_a_place_of_any_shape_loses_no_change(prod, path, place, value, before, after):
    prod.capture(cluster(3))
    prod.capture(with_(place, value, 2))
    ((_day, old, new, nodes),) = told(prod, path)
    assert (before in old, after in new, nodes) == (True, True, ("node2",))


def test_pods_that_come_and_go_are_no_change_but_their_mtu_is(prod):
    prod.capture(cluster(3))
    prod.capture(cluster(3, pods=4))
    assert told(prod, "links/veth*/mtu") == told(prod, "links/*/mtu") == []
    facts = cluster(3, pods=4)
    name = next(one for one in facts["node1"]["links"] if one.startswith("veth"))
    facts["node1"]["links"][name]["mtu"] = 1400
    prod.capture(facts)
    assert told(prod, "links/veth*/mtu") == [(2, "1450", "1400, 1450", ("node1",))]


def test_what_moves_at_every_gather_is_read_in_every_capture(prod):
    facts = cluster(3)
    facts["node1"]["provenance"]["uptime"] = 100.0
    prod.capture(facts)
    later = copy.deepcopy(facts)
    later["node1"]["provenance"]["uptime"] = 7.0
    prod.capture(later)
    assert told(prod, "provenance/uptime") == [(1, "100.0", "7.0", ("node1",))]


def test_nodes_of_one_course_are_one_row(prod):
    prod.capture(cluster(3))
    prod.capture(with_(MTU, 1400, 2))
    sides = [side_of_capture(read_manifest(one)) for one in prod.store.captures("prod")]
    course = course_of(MTU, split(MTU), sides)
    assert [(row.nodes, row.values) for row in course.rows] == [
        (("node1", "node3"), ("1450", "1450")),
        (("node2",), ("1450", "1400")),
    ]
    assert [(one.expected, one.observed) for one in course.moments] == [(3, 3), (3, 3)]
    assert told(prod, MTU, on=("node1", "node3")) == []


# ---- the command ------------------------------------------------------------------------------


def test_history_by_the_command(run, prod):
    prod.capture(cluster(3))
    prod.capture(with_(MTU, 1400, 1, 2), label="after")
    prod.capture(without(with_(MTU, 1400, 1, 2), "node3"), lost={"node3": "\x1b[2J"})
    code, out, err = run("history", MTU)
    assert (code, err) == (0, "")
    assert out == (
        "links/flannel.1/mtu over 3 captures, 2026-11-22T02:00:00Z to 2026-11-24T02:00:00Z\n"
        "  2026-11-22T02:00:00Z  1450  on node1, node2, node3\n"
        "  2026-11-23T02:00:00Z  1450 → 1400  on node1, node2 (after)\n"
        "  2026-11-24T02:00:00Z  1450 → not seen: unreachable  on node3\n"
    )
    out = run("history", MTU, "--node", "node1", "--since", "2026-11-23")[1]
    assert out.splitlines()[1:] == [
        "  2026-11-23T02:00:00Z  1400  on node1",
        "  it never changed",
    ]
    found = json.loads(run("history", MTU, "-o", "json")[1])
    assert [row["nodes"] for row in found["rows"]] == [["node1", "node2"], ["node3"]]


@pytest.mark.parametrize(
    ("seen", "last"),
    [
        (("node1", "node2", "node3"), "  it never changed"),
        (("node1",), "  it never changed where it was seen"),
        ((), "  2026-11-22T02:00:00Z  not seen: unreachable  on node1, node2, node3"),
    ],
    ids=["all", "some", "nobody"],
)
def test_what_nobody_saw_is_not_said_to_be_unchanged(run, prod, seen, last):
    for _day in range(2):
        facts = {name: one for name, one in cluster(3).items() if name in seen}
        prod.capture(facts, lost={name: "no route" for name in cluster(3) if name not in seen})
    assert run("history", MTU)[1].splitlines()[-1] == last


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["links/flannel.1/mtux"], "links/flannel.1 has no 'mtux'. Did you mean mtu?"),
        (["link/eth0"], "a snapshot has no 'link'. Did you mean links?"),
        ([MTU, "--node", "node9"], "--node node9: there is no such node or group"),
        ([MTU, "--since", "soon"], "--since soon: it takes '3 days ago', yesterday or"),
        ([MTU, "--since", "2030-01-01"], "the newest capture is 20261122T020000Z"),
        ([MTU, "--cluster", "other"], "cluster 'other' has no capture"),
    ],
    ids=str,
)
def test_what_has_no_history_is_refused(run, prod, args, said):
    prod.capture(cluster(3))
    code, out, err = run("history", *args)
    assert (code, out) == (2, "")
    assert said in err


def test_a_manifest_that_cannot_be_read_is_told(run, prod):
    prod.capture(cluster(3))
    (prod.store.captures("prod")[0] / "capture.yml").write_text("what: [")
    code, _out, err = run("history", MTU)
    assert (code, "capture.yml:2:1: " in err) == (2, True)
    with pytest.raises(SnapdiffError):
        told(prod, MTU)
