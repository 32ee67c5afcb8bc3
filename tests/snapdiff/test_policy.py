"""What a site sets of its own: severities, waivers, rules - and what of it does nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date

import pytest

from clusters import Held, cluster
from kinds import healthy
from snapdiff.check import assess_check
from snapdiff.errors import UnreadableError, UsageError
from snapdiff.policy import site_of
from snapdiff.report import render
from snapdiff.report.as_json import to_dict
from snapdiff.rules.of_site import Place, places
from snapdiff.schema import validate
from snapdiff.settings import settle
from snapdiff.verdict import Policy

TODAY = date(2026, 11, 22)
FORWARD = "sysctls/net.ipv4.ip_forward"


def broken(*nodes):
    """Return a healthy cluster but for nodes that do not forward."""
    facts = cluster()
    for name in nodes:
        facts[name]["sysctls"]["net.ipv4.ip_forward"] = 0
    return facts


def report(tmp_path, facts, text="", **missing):
    """Check a cluster with a site's file."""
    (tmp_path / "snapdiff.yml").write_text(text, "utf-8")
    site = site_of(settle({}, {"HOME": str(tmp_path / "home")}, tmp_path))
    quiet = {"sysctls-alike": None}  # it would tell of each node that a test here spoils
    site = replace(site, severities={**quiet, **site.severities})
    side = Held(facts, **missing)
    found = assess_check(side, cluster="test", policy=Policy(), site=site, today=TODAY)
    validate(json.loads(json.dumps(to_dict(found))), "report")
    return found


def rows(found):
    return [(row.rule, row.severity.word, row.nodes) for row in found.findings if row.severity]


def accepted(found):
    return [(one.finding.rule, one.finding.nodes, one.reason) for one in found.waived]


def waiver(**members):
    given = {"rule": "ip-forward-off", "reason": "a lab", **members}
    return f"waivers: [{json.dumps(given)}]"


BOTH = ("node1", "node2")


@pytest.mark.parametrize(
    ("word", "expected", "code"),
    [
        ("", [("ip-forward-off", "error", BOTH)], 1),
        ("warning", [("ip-forward-off", "warning", BOTH)], 1),
        ("info", [], 0),
        ("off", [], 0),
    ],
)
def test_a_site_sets_how_bad_a_rule_is(tmp_path, word, expected, code):
    found = report(tmp_path, broken(*BOTH), word and f"rules: {{ip-forward-off: {word}}}")
    assert (rows(found), found.exit_code, found.notes) == (expected, code, ())


def test_a_severity_that_is_set_wins_over_that_of_one_breach(tmp_path):
    facts = cluster(1)
    facts["node1"]["sysctls"]["net.bridge.bridge-nf-call-iptables"] = (
        0  # a warning of an error rule
    )
    found = report(tmp_path, facts, "rules: {bridge-nf-call: error}")
    assert rows(found) == [("bridge-nf-call", "error", ("node1",))]


WAIVERS = {
    "all-of-it": (waiver(), [], [BOTH], 0),
    "one-node": (waiver(node="node1"), [("node2",)], [("node1",)], 1),
    "some-nodes": (waiver(node="node*"), [], [BOTH], 0),
    "its-place": (waiver(path="sysctls/*"), [], [BOTH], 0),
    "another-place": (waiver(path="links/*"), [BOTH], [], 1),
    "until-today": (waiver(until="2026-11-22"), [], [BOTH], 0),
    "until-yesterday": (waiver(until="2026-11-21"), [BOTH], [], 1),
    "another-rule": (waiver(rule="default-route"), [BOTH], [], 1),
}


@pytest.mark.parametrize(("text", "left", "waived", "code"), WAIVERS.values(), ids=WAIVERS)
def test_a_waiver_takes_what_it_names_and_nothing_else(tmp_path, text, left, waived, code):
    found = report(tmp_path, broken(*BOTH), text)
    assert [nodes for _rule, _word, nodes in rows(found)] == left
    assert accepted(found) == [("ip-forward-off", nodes, "a lab") for nodes in waived]
    assert found.exit_code == code


def test_what_follows_from_an_accepted_cause_stands_for_itself(tmp_path):
    facts = broken("node1")
    facts["node1"]["links"]["cni0"]["sysctls"]["forwarding"] = 0
    assert rows(report(tmp_path, facts)) == [("ip-forward-off", "error", ("node1",))]
    assert rows(report(tmp_path, facts, waiver())) == [("link-forward-off", "warning", ("node1",))]


def test_the_report_tells_what_is_accepted_and_until_when(tmp_path):
    found = report(tmp_path, broken("node1"), waiver(until="2027-01-31"))
    assert to_dict(found)["summary"]["waived"] == 1
    assert to_dict(found)["waived"][0]["until"] == "2027-01-31"
    text = render(found, "text")
    assert "1 accepted by the site" in text
    assert f"error ip-forward-off {FORWARD} on node1: a lab (until 2027-01-31)" in text


NOTES = {
    "unknown-rule": (
        "rules: {ip-forward-of: info}",
        ["rules: there is no rule 'ip-forward-of'. Did you mean ip-forward-off?"],
    ),
    "unknown-rule-of-a-waiver": (
        waiver(rule="wholly-else"),
        ["a waiver: there is no rule 'wholly-else'"],
    ),
    "ended": (
        waiver(until="2026-11-21"),
        ["the waiver of ip-forward-off (a lab) ended on 2026-11-21"],
    ),
    "meets-nothing": (
        waiver(node="node2", path="sysctls/*"),
        ["the waiver of ip-forward-off at sysctls/* on node2 (a lab) meets nothing. Take it away."],
    ),
    "in-use": (waiver(), []),
    "of-a-node-that-was-not-seen": (waiver(node="node9"), []),
    "of-a-rule-that-is-off": (f"rules: {{ip-forward-off: off}}\n{waiver()}", []),
}


@pytest.mark.parametrize(("text", "expected"), NOTES.values(), ids=NOTES)
def test_what_does_nothing_is_a_note(tmp_path, text, expected):
    assert list(report(tmp_path, broken("node1"), text, node9="no route").notes) == expected


def rule(**members):
    given = {"id": "ours", "severity": "warning", "why": "so it is", "remedy": "mend it", **members}
    return f"site_rules: [{json.dumps(given)}]"


ETH0 = "links/eth0/mtu"
RULES = {
    "equals": ({"path": ETH0, "equals": 1500}, []),
    "equals-not": ({"path": ETH0, "equals": 9000}, [ETH0]),
    "a-number-is-no-boolean": ({"path": FORWARD, "equals": True}, [FORWARD]),
    "one-of": ({"path": ETH0, "one_of": [1500, 9000]}, []),
    "none-of": ({"path": ETH0, "one_of": [1400, 9000]}, [ETH0]),
    "just-at-least": ({"path": ETH0, "at_least": 1500}, []),
    "one-under": ({"path": ETH0, "at_least": 1501}, [ETH0]),
    "just-at-most": ({"path": ETH0, "at_most": 1500}, []),
    "one-over": ({"path": ETH0, "at_most": 1499}, [ETH0]),
    "a-range": ({"path": ETH0, "at_least": 1400, "at_most": 1450}, [ETH0]),
    "a-word-is-no-number": (
        {"path": "links/eth0/operstate", "at_least": 1},
        ["links/eth0/operstate"],
    ),
    "matches-all-of-it": ({"path": "links/eth0/mac", "matches": "52:54:.*"}, []),
    "matches-a-part-only": ({"path": "links/eth0/mac", "matches": "52:54"}, ["links/eth0/mac"]),
    "absent-as-it-should": ({"path": "links/docker*", "present": False}, []),
    "there-though-it-should-not": ({"path": "links/cni*", "present": False}, ["links/cni0"]),
    "there-as-it-should": ({"path": "links/eth0/mtu", "present": True}, []),
    "not-there": ({"path": "links/eth9/mtu", "present": True}, ["links/eth9"]),
    "each-of-a-role": (
        {"path": "links/*/mtu", "role": "pod port", "at_most": 1400},
        ["links/veth00010000/mtu", "links/veth00010001/mtu"],
    ),
    "a-name-with-slashes": (
        {"path": "routes/main 192.0.2.0/24 dev eth0/protocol", "equals": "boot"},
        ["routes/main 192.0.2.0/24 dev eth0/protocol"],
    ),
    "slashes-and-a-star": (
        {"path": "links/eth0/addresses/*/label", "equals": "eth1"},
        ["links/eth0/addresses/192.0.2.1/24/label"],
    ),
    "a-member-of-a-list": (
        {"path": "cni_config/*/plugins/0/type", "equals": "bridge"},
        ["cni_config/10-flannel.conflist/plugins/0/type"],
    ),
}


@pytest.mark.parametrize(("members", "expected"), RULES.values(), ids=RULES)
def test_a_rule_of_the_site_s_own(tmp_path, members, expected):
    found = report(tmp_path, cluster(1), rule(**members))
    assert [row.path for row in found.findings if row.rule == "ours"] == expected
    assert found.notes == ()


def test_a_rule_of_the_site_is_told_like_any_other(tmp_path):
    members = {
        "path": "links/*/mtu",
        "role": "underlay",
        "at_least": 9000,
        "remedy": "mtu {expected} on {link}",
    }
    (row,) = report(tmp_path, cluster(1), rule(**members)).findings
    assert row.message == "links/eth0/mtu is 1500, not at least 9000"
    assert (row.remedy, row.after, row.expected) == ("mtu 9000 on eth0", 1500, 9000)
    assert row.why.startswith("Have links/*/mtu of role underlay at least 9000.\n\nWhy: so it is")


def test_a_place_that_nobody_looked_at_is_never_green(tmp_path):
    facts = cluster(1)
    del facts["node1"]["sysctls"]["net.ipv4.ip_forward"]
    facts["node1"]["not_observed"] = {FORWARD: "permission denied"}
    found = report(tmp_path, facts, rule(path=FORWARD, equals=1))
    assert ("ours", FORWARD, "permission denied") in {
        (one.rule, one.path, one.why) for one in found.undecided
    }
    assert found.notes == ()


@pytest.mark.parametrize(
    "members",
    [
        {"path": "links/eth9/mtu", "equals": 1},
        {"path": "links/*/mtu", "role": "plumbing", "equals": 1},
    ],
    ids=["no-such-place", "no-such-role"],
)
def test_a_rule_that_never_met_its_place_is_a_note(tmp_path, members):
    (note,) = report(tmp_path, cluster(1), rule(**members)).notes
    assert note.startswith(f"rule ours meets nothing: no node has {members['path']}")


def test_files_beside_the_settings_have_rules_too(tmp_path):
    (tmp_path / "rules").mkdir()
    one = {
        "id": "ours",
        "severity": "error",
        "path": ETH0,
        "equals": 9000,
        "why": "w",
        "remedy": "r",
    }
    text = json.dumps({"schema": "snapdiff/rules/1", "rules": [one]})
    (tmp_path / "rules" / "mtu.yml").write_text(text, "utf-8")
    assert rows(report(tmp_path, healthy("one-node"))) == [("ours", "error", ("node1",))]
    with pytest.raises(UsageError, match="ours is a rule of this site already"):
        report(tmp_path, healthy("one-node"), rule(path=ETH0, equals=1))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (rule(path=ETH0), "rule ours has no condition"),
        (rule(path=FORWARD, role="overlay", equals=1), "its path must begin with links/"),
        (rule(path=ETH0, matches="("), "matches is no regular expression"),
        (rule(id="lease-mtu", path=ETH0, equals=1), "lease-mtu is a rule of snapdiff's already"),
        (waiver(until="2026-02-31"), "the waiver of ip-forward-off: until: "),
    ],
    ids=["no-condition", "role", "regex", "taken", "no-such-day"],
)
def test_what_means_nothing_is_refused(tmp_path, text, says):
    with pytest.raises(UsageError, match=r"snapdiff\.yml: ") as caught:
        report(tmp_path, cluster(1), text)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    "text",
    ["rules: {default-route: never}", "waivers: [{rule: x}]", rule(path=ETH0, equal=1)],
    ids=["no-severity", "no-reason", "no-such-member"],
)
def test_what_breaks_the_schema_is_refused(tmp_path, text):
    with pytest.raises(UnreadableError, match=r"snapdiff.yml:\d+:\d+: not a valid config"):
        report(tmp_path, cluster(1), text)


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        (("a", "*"), [Place(("a", "b"), 1), Place(("a", "c/d"), 2)]),
        (("a", "c", "d"), [Place(("a", "c/d"), 2)]),
        (("a", "x"), [Place(("a", "x"), absent=True)]),
        (("a", "b", "y"), [Place(("a", "b", "y"), absent=True)]),
    ],
    ids=["star", "slash", "absent", "below-a-value"],
)
def test_places(pattern, expected):
    assert list(places({"a": {"b": 1, "c/d": 2}}, pattern)) == expected
