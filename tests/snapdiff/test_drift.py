"""Which change matters, how much, and what is one row of a report."""

from __future__ import annotations

from dataclasses import replace

import pytest

from builders import GONE, edited, link, node, peer
from snapdiff import canonical, drift
from snapdiff.diff import diff
from snapdiff.model import Change, Kind, Severity, Undecided


def judged(before, after):
    rebooted = canonical.rebooted(before, after)
    return drift.judge(diff(before, after).changes, rebooted=rebooted, now=after)


def told(before, after):
    return [
        (one.change.place, one.severity.word, list(one.evidence)) for one in judged(before, after)
    ]


def rows(*pairs, cluster="lab"):
    """Return the findings over nodes, each given as (before, after)."""
    return drift.findings([one for pair in pairs for one in judged(*pair)], [], cluster)


SEVERITIES = {
    "hard": ({"links/cni0/mtu": 1400}, [("links/cni0/mtu", "warning", [])]),
    "identity": (
        {"links/flannel.1/mac": "0a:00:00:00:00:99"},
        [("links/flannel.1/mac", "warning", [])],
    ),
    "context-alone": (
        {"links/cni0/mac": "0e:00:00:00:00:99"},
        [("links/cni0/mac", "info", [])],
    ),
    "context-beside-a-finding": (
        {"links/cni0/mtu": 1400, "links/cni0/mac": "0e:00:00:00:00:99", "links/cni0/ifindex": 44},
        [
            (
                "links/cni0/mtu",
                "warning",
                ["ifindex 4 → 44", "mac 0e:00:00:00:00:01 → 0e:00:00:00:00:99"],
            )
        ],
    ),
    "context-of-another-row-stands-alone": (
        {"links/cni0/mtu": 1400, "links/eth0/ifindex": 44},
        [("links/cni0/mtu", "warning", []), ("links/eth0/ifindex", "info", [])],
    ),
    "role-decides": (
        {"links/lo/operstate": "DOWN", "links/eth0/operstate": "DOWN"},
        [("links/eth0/operstate", "warning", []), ("links/lo/operstate", "info", [])],
    ),
    "churn-is-none": ({"ipam/cbr0": {"addresses": ["10.244.1.9"]}}, []),
    "a-reboot-alone-is-told": (
        {"host/boot_id": "boot-x"},
        [("host/boot_id", "info", [])],
    ),
    "a-reboot-drops-context": (
        {
            "host/boot_id": "boot-x",
            "links/eth0/ifindex": 9,
            "links/cni0/mac": "0e:00:00:00:00:99",
            "host/kernel": "6.2.0",
        },
        [("host/boot_id", "info", [])],
    ),
    "a-reboot-keeps-what-is-hard": (
        {"host/boot_id": "boot-x", "links/flannel.1/mtu": 1400, "links/flannel.1/ifindex": 9},
        [("links/flannel.1/mtu", "warning", []), ("host/boot_id", "info", [])],
    ),
}


@pytest.mark.parametrize(("edits", "expected"), SEVERITIES.values(), ids=SEVERITIES)
def test_the_class_of_a_field_gives_the_severity(edits, expected):
    assert told(node(), node(edits=edits)) == expected


def test_a_link_with_a_star_in_its_name_is_no_population():
    before = node(edits={"links/a*b": link("dummy", ifindex=70)})
    after = edited(before, {"links/a*b/ifindex": 71})
    assert told(before, after) == [("links/a*b/ifindex", "info", [])]


def test_one_boot_that_is_not_known_is_no_reboot():
    before = node(edits={"host/boot_id": GONE, "not_observed": {"host/boot_id": "denied"}})
    after = node(edits={"links/eth0/ifindex": 9})
    assert told(before, after) == [("links/eth0/ifindex", "info", [])]


# ---- many peers -------------------------------------------------------------------------------


def test_what_befell_many_peers_alike_is_one_row():
    before = node(of=9)
    edits = {f"peers/10.244.{n}.0/mac": "0a:ff:ff:ff:ff:ff" for n in range(2, 10)}
    gone = {f"peers/10.244.{n}.0": GONE for n in range(2, 10)}
    (row,) = rows((before, edited(before, gone)))
    names = "10.244.2.0, 10.244.3.0, 10.244.4.0, 10.244.5.0, 10.244.6.0 and 3 more"
    assert (row.path, str(row.change), row.evidence) == (
        "peers/*",
        "removed",
        (f"8 peers: {names}",),
    )
    assert len(rows((before, edited(before, edits)))) == 8, "each had another MAC before"


def test_one_peer_keeps_its_name():
    (row,) = rows((node(), node(edits={"peers/10.244.2.0": GONE})))
    assert (row.path, row.message) == (
        "peers/10.244.2.0",
        "peers/10.244.2.0 removed: subnet 10.244.2.0/24, underlay 192.0.2.2",
    )


# ---- folding over nodes -----------------------------------------------------------------------


def pair(number, edits, start=None):
    before = node(number, start)
    return before, edited(before, edits)


def test_equal_changes_of_many_nodes_are_one_row():
    found = rows(*(pair(n, {"links/cni0/mtu": 1400}) for n in (3, 1, 2)))
    assert [(one.path, one.nodes, one.before, one.after) for one in found] == [
        ("links/cni0/mtu", ("node1", "node2", "node3"), 1450, 1400)
    ]


def test_other_values_are_other_rows_the_most_nodes_first():
    found = rows(
        pair(1, {"links/cni0/mtu": 1300}),
        pair(2, {"links/cni0/mtu": 1400}),
        pair(3, {"links/cni0/mtu": 1400}),
    )
    assert [(one.nodes, one.after) for one in found] == [
        (("node2", "node3"), 1400),
        (("node1",), 1300),
    ]


def test_another_type_is_another_row():
    found = rows(pair(1, {"links/cni0/mtu": 1}), pair(2, {"links/cni0/mtu": True}))
    assert [(one.nodes, one.after, str(one.change)) for one in found] == [
        (("node1",), 1, "changed"),
        (("node2",), True, "type-changed"),
    ]


def test_an_identity_is_folded_by_its_place_alone():
    (row,) = rows(*(pair(n, {"links/flannel.1/mac": f"0a:ff:00:00:00:0{n}"}) for n in (1, 2)))
    assert (row.nodes, row.before, row.after, row.message) == (
        ("node1", "node2"),
        None,
        None,
        "links/flannel.1/mac changed",
    )
    assert [(one.node, one.before, one.after) for one in row.members] == [
        ("node1", "0a:00:00:00:00:01", "0a:ff:00:00:00:01"),
        ("node2", "0a:00:00:00:00:02", "0a:ff:00:00:00:02"),
    ]


def test_evidence_that_nodes_do_not_share_is_named_only():
    (row,) = rows(
        pair(1, {"links/cni0/mtu": 1400, "links/cni0/ifindex": 8}),
        pair(2, {"links/cni0/mtu": 1400, "links/cni0/ifindex": 9}),
    )
    assert row.evidence == ("ifindex differs from node to node",)


@pytest.mark.parametrize(
    ("notes", "told"),
    [
        (["breaks r: it is 1", "breaks r: it is 1"], ("breaks r: it is 1",)),
        (["breaks r: it is 1", None], ("breaks r: it is 1 on node1",)),
        (["breaks r: it is 1", "breaks r: it is 2"], ("breaks r, each node by its own values",)),
    ],
    ids=["on-all", "on-one", "with-other-values"],
)
def test_a_rule_that_is_broken_since_is_told_with_its_nodes(notes, told):
    drifts = [
        replace(one, evidence=(note,) if note else ())
        for number, note in enumerate(notes, 1)
        for one in judged(*pair(number, {"links/cni0/mtu": 1400}))
    ]
    (row,) = drift.findings(drifts, [], "lab")
    assert row.evidence == told


def test_rows_stand_worst_first_then_in_the_order_of_the_chain():
    after = {
        "sysctls/net.ipv4.ip_forward": 0,
        "cni/subnet_env/FLANNEL_MTU": 1400,
        "links/cni0/mtu": 1300,
        "links/eth0/ifindex": 9,
        "peers/10.244.2.0": GONE,
    }
    assert [one.path for one in rows((node(), node(edits=after)))] == [
        "links/cni0/mtu",
        "cni/subnet_env/FLANNEL_MTU",
        "peers/10.244.2.0",
        "sysctls/net.ipv4.ip_forward",
        "links/eth0/ifindex",
    ]


# ---- ids --------------------------------------------------------------------------------------


def only_id(*pairs, cluster="lab"):
    (row,) = rows(*pairs, cluster=cluster)
    return row.id


def test_an_id_is_the_same_for_every_value_and_night():
    one = only_id(pair(1, {"links/cni0/mtu": 1400}))
    assert one == only_id(pair(1, {"links/cni0/mtu": 1300}))
    assert one == only_id(pair(1, {"links/cni0/mtu": 1400}, {"links/cni0/mtu": 9000}))
    assert one == only_id(pair(1, {"links/cni0/mtu": "1400"}))


def test_an_id_is_another_for_each_place_node_and_cluster():
    edits = {"links/cni0/mtu": 1400}
    found = [
        only_id(pair(1, edits)),
        only_id(pair(2, edits)),
        only_id(pair(1, edits), cluster="prod"),
        only_id(pair(1, {"links/eth0/mtu": 1400})),
        only_id(pair(1, edits), pair(2, edits)),
        drift.finding_id("lab", "mtu", "links/cni0/mtu", "node1"),
    ]
    assert len(set(found)) == len(found)
    assert all(len(one) == 16 and int(one, 16) >= 0 for one in found)


def test_the_members_of_a_row_keep_the_ids_they_have_alone():
    edits = {"links/cni0/mtu": 1400}
    (row,) = rows(pair(1, edits), pair(2, edits))
    assert [one.id for one in row.members] == [only_id(pair(n, edits)) for n in (1, 2)]


def test_no_two_names_make_one_id_by_where_they_are_cut():
    assert drift.finding_id("a", "b", "c", "d", "e") != drift.finding_id("a", "b", "c", "d,e")
    assert drift.finding_id("lab", "r", "p", "x", "y") == drift.finding_id(
        "lab", "r", "p", "y", "x"
    )


# ---- words ------------------------------------------------------------------------------------


def test_what_one_side_saw_alone_is_a_finding_of_its_own_word():
    one = Undecided(path="routes", why="ip ended with 1", side="after", nodes=("node1",))
    (row,) = drift.findings([], [one], "lab")
    assert (row.severity, row.change, row.message) == (
        Severity.INFO,
        Kind.NOT_OBSERVED,
        "routes was not observed after: ip ended with 1",
    )
    both = Undecided(path="routes", why="ip ended with 1", side="both", nodes=("node1",))
    assert drift.findings([], [both], "lab") == []


@pytest.mark.parametrize(
    ("kind", "before", "after", "message"),
    [
        (Kind.CHANGED, 1450, 1400, "a/b 1450 → 1400"),
        (Kind.CHANGED, ["UP"], [], "a/b UP → none"),
        (Kind.TYPE_CHANGED, 1450, "1450", "a/b 1450 (int) → 1450 (str)"),
        (Kind.TYPE_CHANGED, True, 1, "a/b true (bool) → 1 (int)"),
        (Kind.TYPE_CHANGED, 1, 1.0, "a/b 1 (int) → 1.0 (float)"),
        (Kind.ADDED, None, 0, "a/b added: 0"),
        (Kind.ADDED, None, False, "a/b added: false"),
        (Kind.REMOVED, "x", None, "a/b removed: x"),
        (Kind.ADDED, None, {}, "a/b added"),
    ],
)
def test_a_change_is_told_in_few_words(kind, before, after, message):
    change = Change(node="n", path=("a", "b"), kind=kind, before=before, after=after)
    (row,) = drift.findings([drift.Drift(change, Severity.WARNING, "hard")], [], "lab")
    assert row.message == message


def test_the_peers_of_one_node_do_not_hide_those_of_another():
    gone = {"peers/10.244.2.0": GONE, "peers/10.244.3.0": GONE}
    found = rows(pair(1, gone), (node(2), node(2, {"peers/10.244.9.0": peer(9)})))
    assert [(one.path, str(one.change), one.nodes) for one in found] == [
        ("peers/*", "removed", ("node1",)),
        ("peers/10.244.9.0", "added", ("node2",)),
    ]
