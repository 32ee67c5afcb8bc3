"""Two snapshots in, what differs out: nothing silently equal, nothing told twice."""

from __future__ import annotations

import itertools
import json
import random
import re

import deepdiff
import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import GONE, address, edited, filed, link, node, pods, route, snapshot_of
from snapdiff import canonical, drift
from snapdiff import diff as diff_module
from snapdiff.diff import Difference, diff, values
from snapdiff.model import BODY, Churn, Kind, Undecided
from snapdiff.schema import part_decider


def told(before, after):
    """Return all changes as (place, word, old, new)."""
    found = diff(before, after).changes
    return [(one.place, str(one.kind), one.before, one.after) for one in found]


# ---- every pair of types ----------------------------------------------------------------------

ABSENT, UNSEEN = "<absent>", "<unseen>"
MATRIX = [
    None, ABSENT, UNSEEN, True, False, 0, 1, 1.0, "1", "1450", 1450, "", [], {}, [1], ["1"],
]  # fmt: skip
PLACE = "links/dummy9/detail/y"


def holding(value, reader):
    edits = {"links/dummy9": link("dummy", detail={"other": 1})}
    if value is UNSEEN:
        edits["not_observed"] = {PLACE: "no time"}
    elif value is not ABSENT:
        edits[PLACE] = value
    return reader(node(edits=edits))


def expected_words(before, after):
    """Return what the documentation says of a pair, in its own words."""
    if UNSEEN in (before, after):
        return ["not-observed"] if before is not after else []
    if before is ABSENT or after is ABSENT:
        return [] if before is after else ["added" if before is ABSENT else "removed"]
    if type(before) is type(after):
        return [] if before == after else ["changed"]
    return ["type-changed"]


def same(one):
    return one


@pytest.mark.parametrize("reader", [same, filed], ids=["in-memory", "from-file"])
@pytest.mark.parametrize("before", MATRIX, ids=repr)
@pytest.mark.parametrize("after", MATRIX, ids=repr)
def test_each_pair_of_types_has_its_word(before, after, reader):
    found = diff(holding(before, reader), holding(after, reader))
    words = [str(one.kind) for one in found.changes]
    rows = drift.findings([], found.undecided, "lab")
    assert words + [str(one.change) for one in rows] == expected_words(before, after)
    assert [one.place for one in found.changes] == [PLACE] * len(words)
    both = [one for one in found.undecided if one.side == "both"]
    assert len(both) == (before is UNSEEN and after is UNSEEN)


ITEMS = [one for one in MATRIX if one not in (ABSENT, UNSEEN)]  # a list has no such item


@pytest.mark.parametrize("before", ITEMS, ids=repr)
@pytest.mark.parametrize("after", ITEMS, ids=repr)
def test_each_pair_of_types_inside_a_list_is_a_changed_list(before, after):
    one, two = ({"k": [{"item": [value]}, value]} for value in (before, after))
    word = [] if json.dumps(before) == json.dumps(after) else [(("k",), Kind.CHANGED)]
    assert [(place, kind) for place, kind, _old, _new in values(one, two)] == word


# ---- deepdiff ---------------------------------------------------------------------------------


def test_all_that_deepdiff_can_say_of_what_it_is_given_has_a_word():
    assert diff_module.WHOLE == {
        "values_changed": Kind.CHANGED,
        "type_changes": Kind.TYPE_CHANGED,
        "dictionary_item_added": Kind.ADDED,
        "dictionary_item_removed": Kind.REMOVED,
    }


def test_a_category_without_a_word_is_a_mistake_and_not_equal(monkeypatch):
    monkeypatch.setattr(deepdiff, "DeepDiff", lambda *_args, **_named: {"novelty": []})
    with pytest.raises(KeyError, match="novelty"):
        list(values({"a": 1}, {"a": 2}))


@pytest.mark.parametrize("name", ["__x", "__class__", "a.b", "a']['b", 'q"q', "", "é", "root"])
def test_a_name_of_any_form_is_compared(name):
    assert list(values({name: 1}, {name: 2})) == [((name,), Kind.CHANGED, 1, 2)]


def test_a_lost_duplicate_in_a_list_is_seen():
    found = list(values({"f": ["b1", "b2", "b1"]}, {"f": ["b1", "b2"]}))
    assert found == [(("f",), Kind.CHANGED, ["b1", "b2", "b1"], ["b1", "b2"])]


def test_one_value_of_a_map_of_one_is_named_and_not_the_map():
    assert list(values({"a": {"b": 1}}, {"a": {"b": 2}})) == [(("a", "b"), Kind.CHANGED, 1, 2)]


# ---- by name, never by likeness ---------------------------------------------------------------


def test_reordered_links_stay_who_they_are():
    links = node().sections["links"]
    after = {name: links[name] for name in reversed(links)}
    after["cni0"] = {**after["cni0"], "mtu": 1400, "operstate": "DOWN"}
    after["flannel.1"] = {**after["flannel.1"], "operstate": "UP"}
    assert told(node(), edited(node(), {"links": after})) == [
        ("links/cni0/mtu", "changed", 1450, 1400),
        ("links/cni0/operstate", "changed", "UP", "DOWN"),
        ("links/flannel.1/operstate", "changed", "UNKNOWN", "UP"),
    ]


def test_names_that_differ_in_one_mark_are_two_links():
    before = node(edits={"links/cal-a": link(mtu=1400), "links/cal_a": link(mtu=1450)})
    after = edited(before, {"links/cal_a/mtu": 1400})
    assert told(before, after) == [("links/cal_a/mtu", "changed", 1450, 1400)]


def test_the_mtu_of_the_pod_bridge_is_named_though_all_pods_are_new():
    new = {**pods(2, mtu=1400, first=0x900)}
    before = node()
    links = {k: v for k, v in before.sections["links"].items() if not k.startswith("veth")}
    after = edited(before, {"links": {**links, **new}, "links/cni0/mtu": 1400})
    assert told(before, after) == [
        ("links/cni0/mtu", "changed", 1450, 1400),
        ("links/veth*/mtu", "changed", 1450, 1400),
    ]
    assert diff(before, after).churn == (
        Churn(node="node1", what="veth*", before=2, after=2, added=2, removed=2),
    )


# ---- pods are a population --------------------------------------------------------------------

DOWN = ["BROADCAST", "MULTICAST"]
ONE_MORE = pods(1, first=3)["veth00000003"]


@pytest.mark.parametrize(
    ("edits", "changes", "churn"),
    [
        ({"links/veth00000009": pods(1, first=9)["veth00000009"]}, [], [(2, 3, 1, 0)]),
        ({"links/veth00000001": GONE}, [], [(2, 1, 0, 1)]),
        ({"links/veth00000001": GONE, "links/veth00000002": GONE}, [], [(2, 0, 0, 2)]),
        ({"links/veth00000001/ifindex": 99, "links/veth00000001/mac": "02:00:00:00:00:99"}, [], []),
        (
            {"links/veth00000002/mtu": 1500},
            [("links/veth*/mtu", "changed", 1450, [1450, 1500])],
            [],
        ),
        (
            {"links/veth00000002/master": GONE},
            [("links/veth*/master", "changed", "cni0", ["cni0", None])],
            [],
        ),
        (
            {"links/veth00000002/flags": DOWN},
            [("links/veth*/flags", "changed", "up", ["down", "up"])],
            [],
        ),
        ({"links/veth00000002/flags": ["BROADCAST", "MULTICAST", "UP"]}, [], []),
    ],
    ids=[
        "one-more",
        "one-less",
        "none-left",
        "new-number",
        "another-mtu",
        "lost-its-bridge",
        "set-down",
        "lost-its-carrier",
    ],
)
def test_pods_are_compared_as_a_population(edits, changes, churn):
    after = edited(node(), edits)
    assert told(node(), after) == changes
    found = diff(node(), after).churn
    assert [(one.before, one.after, one.added, one.removed) for one in found] == churn


def test_one_more_pod_port_set_down_is_told_where_one_was_down_already():
    before = edited(node(), {"links/veth00000001/flags": DOWN, "links/veth00000003": ONE_MORE})
    again = edited(before, {"links/veth00000001/mac": "02:00:00:00:00:99"})
    assert told(before, again) == []
    after = edited(before, {"links/veth00000002/flags": DOWN})
    assert told(before, after) == [("links/veth*/flags", "changed", "1 down", "2 down")]


def test_a_pods_own_route_is_no_drift():
    key = "main 10.244.1.9 dev cali00000000001"
    edits = {
        "links/cali00000000001": link("veth"),
        ("routes", key): route("10.244.1.9", "cali00000000001", scope="link"),
    }
    assert told(node(), node(edits=edits)) == []


# ---- what moves by itself ---------------------------------------------------------------------

RESTLESS = {
    "carrier-flags": {"links/eth0/flags": ["BROADCAST", "MULTICAST", "UP"]},
    "a-listener": {"links/eth0/flags": ["BROADCAST", "LOWER_UP", "MULTICAST", "PROMISC", "UP"]},
    "link-local": {("links", "eth0", "addresses", "fe80::1/64"): address("link")},
    "privacy-address": {("links", "eth0", "addresses", "2001:db8::7/64"): address(temporary=True)},
    "bridge-id": {"links/cni0/bridge/bridge_id": "8000.ff"},
    "route-linkdown": {("routes", "main default dev eth0", "flags"): ["linkdown"]},
    "local-table": {
        ("routes", "local local 10.1.1.1 dev eth0"): route(
            "10.1.1.1", "eth0", table="local", type="local", protocol="kernel"
        )
    },
    "multicast-route": {
        ("routes", "main ff00::/8 dev eth0"): route("ff00::/8", "eth0", protocol="kernel")
    },
    "counters": {"counters/eth0": {"rx_bytes": 7}},
    "timers": {"timers/cni0": {"gc_timer": 1.5}},
    "neighbour-cache": {("neighbour_cache", "eth0 192.0.2.9"): {"state": ["STALE"]}},
    "taken-at": {"provenance/taken_at": "2027-01-01T00:00:00Z"},
    "mtimes": {"mtimes/subnet.env": 5.0},
    "inconsistent": {"consistent": False},
}


@pytest.mark.parametrize("edits", RESTLESS.values(), ids=RESTLESS)
@pytest.mark.parametrize("reader", [same, filed], ids=["in-memory", "from-file"])
def test_what_moves_by_itself_is_no_change(edits, reader):
    assert diff(reader(node()), reader(node(edits=edits))) == Difference()


@pytest.mark.parametrize(
    ("edits", "expected"),
    [
        ({"mtu": 1500, "operstate": "DOWN", "flags": ["BROADCAST", "NO-CARRIER", "UP"]}, []),
        (
            {"mtu": 1500, "operstate": "DOWN", "flags": ["BROADCAST", "MULTICAST"]},
            ["links/cni0/flags", "links/cni0/mtu", "links/cni0/operstate"],
        ),
    ],
    ids=["the-kernel-did", "somebody-did"],
)
def test_a_bridge_that_lost_its_ports_is_told_only_where_somebody_put_it_down(edits, expected):
    flags = ["BROADCAST", "UP"] if not expected else ["BROADCAST", "MULTICAST", "UP"]
    before = node(edits={"links/cni0/flags": flags})
    gone = {"links/veth00000001": GONE, "links/veth00000002": GONE}
    after = edited(before, {**gone, **{f"links/cni0/{name}": one for name, one in edits.items()}})
    assert sorted(place for place, *_rest in told(before, after)) == expected


# ---- what was not looked at -------------------------------------------------------------------


@pytest.mark.parametrize("blind", ["before", "after"])
def test_a_section_that_one_side_could_not_see_is_undecided_and_no_loss(blind):
    unseen = node(edits={"routes": {}, "not_observed/routes": "ip ended with 1"})
    pair = (unseen, node()) if blind == "before" else (node(), unseen)
    assert diff(*pair) == Difference(
        undecided=(Undecided(path="routes", why="ip ended with 1", side=blind, nodes=("node1",)),)
    )


def test_links_that_were_not_seen_are_no_pods_that_went():
    unseen = node(edits={"links": {}, "not_observed/links": "ip ended with 1"})
    found = diff(node(), unseen)
    assert (found.changes, found.churn) == ((), ())


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("links/eth0/vlan", "links/eth0/vlan"),
        ("links/*/vlan", "links/eth0/vlan"),
        ("links/eth0", "links/eth0/vlan"),
        ("links", "links/eth0/vlan"),
    ],
)
def test_a_reason_covers_all_that_is_missing_below_it(pattern, path):
    before = node(edits={"not_observed": {pattern: "no time"}})
    after = edited(before, {path: {"id": 5}, "not_observed": {}})
    assert diff(before, after) == Difference(
        undecided=(Undecided(path=pattern, why="no time", side="before", nodes=("node1",)),)
    )


def test_what_both_saw_is_compared_whatever_is_not_observed_beside_it():
    before = node(edits={"not_observed/links": "half of it"})
    assert told(before, edited(before, {"links/eth0/mtu": 1400})) == [
        ("links/eth0/mtu", "changed", 1500, 1400)
    ]


def test_a_field_that_the_older_collector_did_not_know_is_not_observed(monkeypatch):
    known = diff_module.schema.field

    def younger(path):
        found = known(path)
        return found._replace(since=2) if path[-1:] == ("alias",) else found

    monkeypatch.setattr(diff_module.schema, "field", younger)
    after = node(edits={"links/eth0/alias": "uplink", "facts": 2})
    why = "the collector of that time did not look at it"
    row = Undecided(path="links/eth0/alias", why=why, side="before", nodes=("node1",))
    assert diff(node(), after) == Difference(undecided=(row,))
    both = edited(node(), {"facts": 2})
    assert told(both, after) == [("links/eth0/alias", "added", None, "uplink")]


# ---- against a differ of another make ---------------------------------------------------------

POOL = {
    "links/cni0/mtu": [1450, 1400, "1450", True, 1450.0, GONE],
    "links/eth0/operstate": ["UP", "DOWN", GONE],
    "links/flannel.1/vxlan/id": [1, 2, "1", True],
    "links/flannel.1/vxlan": [GONE, {}, {"id": 1}],
    "links/dummy7": [GONE, link("dummy", ifindex=70), link("dummy", detail={"__k": [1, {"a": 1}]})],
    "links/dummy7/detail": [{"__k": [1, {"a": True}]}, {"z": {"y": {"x": 0}}}, []],
    "links/eth0/altnames": [["a", "b"], ["b", "a"], ["a"], [], GONE],
    "routes/main default dev eth0/gateway": ["192.0.2.254", "192.0.2.1", GONE],
    "routes/main default dev eth0/metric": [1, 1.0, True, GONE],
    "neighbours/eth0 192.0.2.7": [GONE, {"lladdr": "02:00:00:00:00:07"}, {}],
    "rules/inet 0 from all": [GONE, {"table": "local"}, {"table": "main"}],
    "cni/subnet_env/FLANNEL_MTU": [1450, 1400, "1450", GONE],
    "cni_config/10-flannel.conflist/plugins": [[{"type": "flannel"}], [{"type": "bridge"}], []],
    "ipam/cbr0": [GONE, {"addresses": ["10.244.1.5"]}, {"addresses": []}],
    "sysctls/net.ipv4.ip_forward": [1, 0, True, GONE],
    "host/boot_id": ["boot-1", "boot-2", GONE],
}


def fits(snapshot, section):
    """Say whether a section is one that a file may hold: what is not is refused, not compared."""
    return part_decider("snapshot", section)(snapshot.sections[section])


def shaken(rng, base=None):
    """Return a node with some of POOL's values, some of them not looked at."""
    found = base or node(edits={"links/dummy7": link("dummy")})
    for place, choices in POOL.items():
        if rng.random() < 0.4:
            value = rng.choice(choices)
            parts = place.split("/", 2 if place.startswith(("routes", "neighbours")) else -1)
            try:
                changed = edited(found, {tuple(parts): value})
            except (KeyError, TypeError):  # taken away already, or its place is
                continue
            if not fits(changed, parts[0]):
                continue
            found = changed
            if value is GONE and rng.random() < 0.5:
                pattern = "/".join(["links", "*", *parts[2:]] if parts[0] == "links" else parts)
                found = edited(found, {("not_observed", pattern): "no time"})
    if "detail" in found.sections["links"].get("dummy7", {}):
        found = edited(found, {"links/dummy7/kind": "dummy", "links/dummy7/addresses": {}})
    elif "dummy7" in found.sections["links"]:
        found = edited(found, {"links/dummy7/addresses": {}})
    return found


def brute(before, after, path=()):
    """Compare value by value; knows nothing of deepdiff, roles or rows."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted({*before, *after}):
            place = (*path, key)
            if key not in before:
                yield place, "added", None, after[key]
            elif key not in after:
                yield place, "removed", before[key], None
            else:
                yield from brute(before[key], after[key], place)
    elif type(before) is not type(after):
        yield path, "type-changed", before, after
    elif json.dumps(before, sort_keys=True) != json.dumps(after, sort_keys=True):
        yield path, "changed", before, after


def plain(snapshot):
    """Return what of POOL's nodes is compared, each by a filter of its own."""
    found = {name: dict(snapshot.sections[name]) for name in BODY if name != "not_observed"}
    found["links"] = {
        name: {
            field: {k: v for k, v in value.items() if k != "bridge_id"}
            if field == "bridge"
            else [flag for flag in value if flag != "LOWER_UP"]
            if field == "flags"
            else value
            for field, value in row.items()
        }
        for name, row in found["links"].items()
        if not name.startswith("veth")
    }
    return found


def seen_by(snapshot, path):
    place = "/".join(path)
    for pattern in snapshot.sections["not_observed"]:
        if re.match(re.escape(pattern).replace(r"\*", "[^/]+") + "(/|$)", place):
            return False
    return True


def brute_told(before, after):
    for path, word, old, new in brute(plain(before), plain(after)):
        if word == "added" and not seen_by(before, path):
            continue
        if word == "removed" and not seen_by(after, path):
            continue
        if any(
            path[0] in side.sections["not_observed"] and not side.sections[path[0]]
            for side in (before, after)
        ):
            continue
        yield "/".join(path), word, old, new


def by_text(rows):
    return sorted(json.dumps(row, sort_keys=True) for row in rows)


@pytest.mark.parametrize("reader", [same, filed], ids=["in-memory", "from-file"])
def test_another_differ_says_the_same_of_a_thousand_random_pairs(reader):
    rng = random.Random(20261122)
    some = 0
    for _number in range(500):
        before, after = shaken(rng), shaken(rng)
        rows = by_text(brute_told(before, after))
        assert by_text(told(reader(before), reader(after))) == rows
        some += len(rows)
    assert some > 2000


# ---- properties -------------------------------------------------------------------------------

nodes = st.integers(0, 2**32).map(lambda seed: shaken(random.Random(seed)))


@given(nodes)
def test_nothing_differs_from_itself(one):
    assert told(one, one) == []
    assert diff(filed(one), filed(one)).changes == ()


@given(nodes, nodes)
def test_nothing_is_told_just_where_nothing_differs(one, two):
    equal = by_text([plain(one)]) == by_text([plain(two)])
    found = diff(one, two)
    assert equal <= (not found.changes)
    if not found.undecided:
        assert (not found.changes) == equal


@given(nodes, nodes)
def test_the_way_back_is_the_mirror(one, two):
    mirror = {"added": "removed", "removed": "added"}
    back = [(place, mirror.get(word, word), new, old) for place, word, old, new in told(two, one)]
    assert by_text(told(one, two)) == by_text(back)


@given(nodes, nodes, st.randoms(use_true_random=False))
def test_the_order_of_the_input_never_matters(one, two, rng):
    assert told(shuffled(one, rng), shuffled(two, rng)) == told(one, two)


def shuffled(snapshot, rng):
    sections = {}
    for name, rows in snapshot.sections.items():
        if isinstance(rows, dict):
            keys = list(rows)
            rng.shuffle(keys)
            sections[name] = {key: rows[key] for key in keys}
        else:
            sections[name] = rows
    return snapshot_of(sections)


@given(nodes, nodes)
def test_another_name_for_the_node_changes_none_of_its_drift(one, two):
    renamed = [edited(side, {"node": "elsewhere"}) for side in (one, two)]
    assert told(*renamed) == told(one, two)


@given(nodes, nodes)
def test_a_file_tells_what_memory_does(one, two):
    assert told(filed(one), filed(two)) == told(one, two)


def test_changes_come_in_the_order_of_the_file():
    edits = {"sysctls/net.ipv4.ip_forward": 0, "links/eth0/mtu": 1400, "host/kernel": "6.2.0"}
    places = [place for place, *_rest in told(node(), node(edits=edits))]
    assert places == ["host/kernel", "links/eth0/mtu", "sysctls/net.ipv4.ip_forward"]


def test_equal_bodies_need_no_look(monkeypatch):
    one, two = filed(node()), filed(node(edits={"provenance/taken_at": "2027-01-01T00:00:00Z"}))
    assert one.digest == two.digest
    monkeypatch.setattr(canonical, "differing", None)
    assert diff(one, two) == Difference()


def test_all_pairs_of_a_small_pool_are_told_both_ways():
    rng = random.Random(7)
    pool = [shaken(rng) for _number in range(12)]
    for one, two in itertools.combinations(pool, 2):
        assert bool(told(one, two)) == bool(told(two, one))
