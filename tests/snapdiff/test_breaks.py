"""A rule that newly breaks stands below the change without which it would hold, or for itself."""

from __future__ import annotations

from datetime import date

import pytest

from builders import GONE, address, edited, node
from snapdiff import drift
from snapdiff.breaks import with_breaks
from snapdiff.diff import diff
from snapdiff.events import asked_of
from snapdiff.model import Severity
from snapdiff.policy import Site, Waiver
from snapdiff.rules.of_site import site_rule

LEASE_MTU = "cni/subnet_env/FLANNEL_MTU"
FILTER = "sysctls/net.ipv4.conf.all.rp_filter"
PORT = "links/veth00000001/bridge_port"


def told(edits, start=None, site=None):
    """Return the place of each row of a node with the rules that it breaks."""
    before = node(edits=start or {})
    after = edited(before, edits)
    asked = asked_of(site or Site(), date(2026, 11, 22))
    drifts = drift.judge(diff(before, after).changes, rebooted=False, now=after)
    return {
        (one.change.place, one.severity): [
            text.partition(":")[0] for text in one.evidence if text.startswith("breaks")
        ]
        for one in with_breaks(drifts, before, after, asked)
    }


TOLD = {
    "mtu-of-the-lease-beside-another-bridge-address": (
        {
            ("links", "cni0", "addresses", "10.244.1.1/24"): GONE,
            ("links", "cni0", "addresses", "10.244.200.1/24"): address(),
            LEASE_MTU: 1500,
        },
        {
            "links/cni0/addresses": ["breaks pod-bridge-address"],
            LEASE_MTU: ["breaks lease-mtu"],
        },
    ),
    "path-filter-beside-a-peer-that-lost-an-entry": (
        {"peers/10.244.2.0/underlay": GONE, "peers/10.244.2.0/missing": ["fdb"], FILTER: 1},
        {
            "peers/10.244.2.0/missing": [],
            FILTER: ["breaks rp-filter-strict"],
        },
    ),
}


@pytest.mark.parametrize(("edits", "rows"), TOLD.values(), ids=TOLD)
def test_a_rule_stands_below_the_change_that_broke_it(edits, rows):
    found = told(edits, {FILTER: 0})
    assert {place: rules for (place, _severity), rules in found.items()} == rows


def test_what_no_change_explains_stands_for_itself_as_bad_as_the_rule_has_it():
    start = {f"{PORT}/state": "forwarding"}
    found = told({f"{PORT}/state": "disabled"}, start)
    path = "breaks/pod-port-blocked/links/veth*/bridge_port/state"
    assert found == {(path, Severity.ERROR): []}


def test_a_rule_that_could_not_tell_before_is_not_newly_broken():
    unseen = {("not_observed", "links/*/bridge_port"): "it was not saved"}
    seen = {("not_observed", "links/*/bridge_port"): GONE, PORT: {"state": "disabled"}}
    assert told(seen, unseen) == {}


SITES = {
    "another-severity": (Site(severities={"pod-port-blocked": Severity.WARNING}), Severity.WARNING),
    "no-matter": (Site(severities={"pod-port-blocked": Severity.INFO}), None),
    "off": (Site(severities={"pod-port-blocked": None}), None),
    "waived": (Site(waivers=(Waiver(rule="pod-port-blocked", reason="known"),)), None),
    "waived-elsewhere": (
        Site(waivers=(Waiver(rule="pod-port-blocked", reason="known", node="other"),)),
        Severity.ERROR,
    ),
    "waived-until-yesterday": (
        Site(waivers=(Waiver(rule="pod-port-blocked", reason="known", until=date(2026, 11, 21)),)),
        Severity.ERROR,
    ),
}


@pytest.mark.parametrize(("site", "severity"), SITES.values(), ids=SITES)
def test_what_a_site_sets_of_a_rule_holds_for_what_newly_breaks(site, severity):
    found = told({f"{PORT}/state": "disabled"}, {f"{PORT}/state": "forwarding"}, site)
    assert [one for _place, one in found] == ([] if severity is None else [severity])


def test_a_rule_of_the_site_stands_below_what_broke_it_too():
    spec = {
        "id": "our-mtu",
        "severity": "error",
        "path": "links/cni0/mtu",
        "equals": 1450,
        "why": "we agreed on it",
        "remedy": "ip link set {link} mtu {expected}",
    }
    rule = site_rule(spec, "rules/ours.yml")
    found = told({"links/cni0/mtu": 1400}, {"links/cni0/mtu": 1450}, Site(rules={rule.id: rule}))
    [(_place, rules)] = found.items()
    assert "breaks our-mtu" in rules
