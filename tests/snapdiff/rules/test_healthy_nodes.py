"""MTUs, addresses and links on nodes that have nothing wrong, and on what is only half there."""

from __future__ import annotations

import copy
import random
from pathlib import Path

import pytest
from nodes import ODD, breaches, results

from clusters import snapshots
from kinds import KINDS
from snapdiff.rules.registry import shipped
from snapdiff.rules.view import NodeView
from snapdiff.saved import Folder, Listing, nodes_in, snapshot_of

FIXTURES = Path(__file__).resolve().parent.parent.parent / "fixtures"
FILES = ("mtu", "pod_mtu", "addresses", "leases", "ipam", "links", "leftovers", "pod_links")
MINE = sorted(
    rule.id
    for rule in shipped().values()
    if rule.check.__module__.removeprefix("snapdiff.rules.") in FILES
)
MOMENT = "2026-11-22T03:00:00Z"


def _loud(facts):
    return {
        rule: found
        for rule in MINE
        if (found := [one for one in breaches(rule, facts) if one[1] not in ("info",)])
    }


@pytest.mark.parametrize("make", ODD.values(), ids=ODD)
def test_a_healthy_node_breaks_no_rule_and_leaves_none_open(make):
    assert _loud(make()) == {}


def _breaches(view):
    return [
        (name, path, word) for name in MINE for path, word in results(name, view) if word != "?"
    ]


def _recorded(*path):
    folder = FIXTURES.joinpath(*path)
    return NodeView(snapshot_of(Folder(folder), node=folder.name, taken_at=MOMENT, via="test"))


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_recorded_healthy_node_breaks_no_rule(number):
    assert _breaches(_recorded("flannel-lab", "healthy", f"node{number}")) == []


def test_an_underlay_that_grew_is_told_by_the_lease():
    assert _breaches(_recorded("flannel-lab", "underlay-mtu", "after", "node2")) == [
        ("lease-mtu", "cni/subnet_env/FLANNEL_MTU", "error"),
        ("overlay-mtu-small", "links/flannel.1/mtu", "info"),
    ]


def test_a_new_lease_is_told_by_the_bridge_that_kept_the_old_one():
    assert _breaches(_recorded("flannel-lab", "new-lease", "after", "node1")) == [
        ("pod-bridge-address", "links/cni0/addresses", "error")
    ]


@pytest.mark.parametrize("number", [2, 3])
def test_the_other_nodes_have_nothing_wrong(number):
    assert _breaches(_recorded("flannel-lab", "new-lease", "after", f"node{number}")) == []


def _seed():
    text = (FIXTURES / "ifconfig-controlplane.txt").read_text("utf-8")
    return snapshot_of(Listing(text), node="cp", taken_at=MOMENT, via="test")


def test_a_listing_of_ifconfig_breaks_no_rule():
    assert _breaches(NodeView(_seed())) == []


def test_a_listing_of_ifconfig_is_enough_to_see_an_underlay_that_shrank():
    seed = _seed()
    links = {**seed["links"], "eth0": {**seed["links"]["eth0"], "mtu": 1400}}
    spoilt = NodeView(type(seed)(node="cp", sections={**seed.sections, "links": links}))
    assert _breaches(spoilt) == [("overlay-mtu-headroom", "links/flannel.1/mtu", "error")]


def test_docker_on_the_node_of_the_listing_overlaps_its_pods():
    seed = _seed()
    docker = {"flags": ["UP"], "mtu": 1500, "addresses": {"172.17.0.1/16": {"family": "inet"}}}
    links = {**seed["links"], "docker0": docker}
    spoilt = NodeView(type(seed)(node="cp", sections={**seed.sections, "links": links}))
    assert _breaches(spoilt) == [
        ("prefix-overlap", "links/docker0/addresses/172.17.0.1/16", "error")
    ]


def test_a_catalogue_of_links_is_no_node_but_is_read():
    folder = FIXTURES / "link-kinds"
    for one in nodes_in(folder):
        view = NodeView(snapshot_of(Folder(one), node="kinds", taken_at=MOMENT, via="test"))
        assert {word for _rule, _path, word in _breaches(view)} <= {"error", "warning", "info"}


def _members(value, path=()):
    """Yield the path of everything in a section that may be left out."""
    rows = value.items() if isinstance(value, dict) else enumerate(value)
    for key, row in rows:
        yield (*path, key)
        if isinstance(row, (dict, list)):
            yield from _members(row, (*path, key))


KEEP = frozenset({"addresses", "dev", "order", "peers", "public_key"})  # required by the schema
SECTIONS = ("links", "peers", "routes", "fdb", "cni", "cni_config", "ipam", "provenance", "sysctls")


def _thinned(facts, chance):
    found = copy.deepcopy(facts)
    for _ in range(chance.randint(1, 12)):
        section = chance.choice(SECTIONS)
        paths = [path for path in _members(found[section]) if path[-1] not in KEEP]
        if not paths:
            continue
        *above, last = chance.choice(paths)
        at = found[section]
        for part in above:
            at = at[part]
        del at[last]
        if chance.random() < 0.5:
            place = "/".join(map(str, (section, *above, last)[: chance.randint(1, 3)]))
            found["not_observed"][place] = "it was left out"
    return found


@pytest.mark.parametrize("part", range(8))
def test_no_rule_raises_anything_but_that_it_cannot_tell(part):
    chance = random.Random(part)
    healthy = [*(facts for kind in KINDS.values() for facts in kind().values())]
    healthy += [make() for make in ODD.values()]
    for _ in range(250):
        facts = _thinned(chance.choice(healthy), chance)
        view = NodeView(snapshots({"node": facts})["node"])
        for name in MINE:
            results(name, view)
