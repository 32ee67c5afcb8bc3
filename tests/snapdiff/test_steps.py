"""What a person is told to type: a command only where it can be pasted as it stands.

``SNAPDIFF_REWRITE_GOLDEN=1 pytest tests/snapdiff/test_steps.py`` writes tests/golden/html-steps.txt
anew; read the difference before it is committed.
"""

from __future__ import annotations

import os
from dataclasses import replace

import pytest
from pages import AFTER, WHOLE, finding

from builders import GOLDEN
from clusters import cluster
from clusters import report as check
from snapdiff.model import Kind, Member, Report
from snapdiff.report.steps import steps_of
from snapdiff.rules.registry import shipped

QUIET = Report(command="check", cluster="lab", inputs=(AFTER,), coverage=WHOLE, verdict="nothing")


def of_remedy(remedy, **changes):
    return steps_of(finding(nodes=("node2",), remedy=remedy, **changes), QUIET)


def test_the_remedies_of_all_rules_in_steps_are_the_golden_ones():
    words = {"link": "flannel.1", "seen": "10.244.9.0/24", "expected": "1450", "node": "node2"}
    lines = []
    for rule in shipped().values():
        lines.append(rule.id)
        remedy = rule.remedy
        for name, value in words.items():
            remedy = remedy.replace(f"{{{name}}}", value)
        for one in of_remedy(remedy, after="10.244.9.0/24", expected=1450):
            lines += [f"  {one.text}"] if one.text else []
            lines += [f"    {one.on}$ {one.command}"] if one.command else []
    text = "".join(f"{line}\n" for line in lines)
    path = GOLDEN / "html-steps.txt"
    if os.environ.get("SNAPDIFF_REWRITE_GOLDEN"):
        path.write_text(text, "utf-8")
    assert text == path.read_text("utf-8")


@pytest.mark.parametrize(
    "value",
    [
        "$(reboot)",
        "`id`",
        "a|b",
        "a&b",
        "a>b",
        "'",
        '"',
        "a\\b",
        "*",
        "~",
        "#",
        "{a,b}",
        "!x",
        "\u202eevil",
        "x; reboot",
        "x; ip link delete eth0",
        "x, then ip link delete eth0",
        "a\nb",
    ],
)
@pytest.mark.parametrize("field", ["after", "expected", "peer", "keys", "nodes"])
def test_a_value_that_a_shell_would_act_on_makes_no_command(field, value):
    given = (value,) if field in ("keys", "nodes") else value
    row = finding(remedy=f"ip link delete {value} on the node; ip link set x up", **{field: given})
    assert [one.command for one in steps_of(row, QUIET)] == [""]
    assert [one.text for one in steps_of(row, QUIET)] == [row.remedy]


def test_a_command_for_many_nodes_says_that_it_is_not_for_all():
    nodes = tuple(f"n{number}" for number in range(25))
    (step,) = steps_of(finding(nodes=nodes, remedy="restart its flannel pod"), QUIET)
    assert step.on == "the machine with kubectl, for the first 20 of 25 nodes"
    assert step.command.startswith("for node in n0 n1 n2 ")
    assert "n19; do kubectl" in step.command


@pytest.mark.parametrize(
    ("changes", "command"),
    [
        ({}, "ip route del blackhole 10.9.0.0/24"),
        ({"path": "routes/*"}, ""),
        ({"members": tuple(Member(id=one, node=one, after=one) for one in ("a", "b"))}, ""),
    ],
    ids=["alike", "places-differ", "values-differ"],
)
def test_a_command_with_the_value_of_one_node_is_not_for_all(changes, command):
    remedy = "ip route del blackhole 10.9.0.0/24 on a, b; then restart their flannel pods"
    row = finding(**{"nodes": ("a", "b"), "path": "routes/x", "remedy": remedy, **changes})
    first, last = steps_of(row, QUIET)
    assert (first.command, bool(first.text)) == (command, not command)
    assert last.command.startswith("for node in a b; do kubectl")


@pytest.mark.parametrize(
    ("last", "command"),
    [
        (AFTER, "snapdiff check store/lab/20261122T020000Z"),
        (replace(AFTER, place=""), "snapdiff check 20261122T020000Z --cluster lab"),
        (replace(AFTER, place="my store/x"), "snapdiff check 'my store/x'"),
    ],
    ids=["place", "published-without-places", "odd-place"],
)
def test_a_change_leads_to_the_check_of_the_same_capture(last, command):
    report = replace(QUIET, command="diff", inputs=(AFTER, last))
    assert steps_of(finding(rule="drift"), report)[-1].command == command


def test_a_remedy_of_no_node_is_a_sentence():
    (step,) = steps_of(finding(nodes=(), remedy="restart its flannel pod"), QUIET)
    assert (step.text, step.command) == ("restart its flannel pod", "")


def test_the_name_of_a_node_is_quoted_in_a_command():
    row = finding(nodes=("$(reboot)",), remedy="restart its flannel pod")
    assert [one.command for one in steps_of(row, QUIET)] == [
        "kubectl -n kube-flannel delete pod -l app=flannel --field-selector "
        "spec.nodeName='$(reboot)'"
    ]


@pytest.mark.parametrize(
    ("keys", "before", "command"),
    [
        (("links", "eth0", "mtu"), 1500, "ip link set dev eth0 mtu 1500"),
        (("links", "$(id)", "mtu"), 1500, None),
        (("links", "veth*", "mtu"), 1500, None),
        (("links", "eth0", "mtu"), True, None),
        (("links", "eth0", "operstate"), "UP", None),
        (("links", "flannel.1", "mac"), "02:00:00:00:00:02", "ip link set dev flannel.1 address"),
        (("links", "flannel.1", "mac"), "x;y", None),
        (("links", "eth0", "mac"), "02:00:00:00:00:02", None),
        (("sysctls", "net.ipv4.ip_forward"), 1, "sysctl -w net.ipv4.ip_forward=1"),
        (("sysctls", "net.ipv4.ip_forward"), None, None),
    ],
    ids=str,
)
def test_a_plain_change_has_a_way_back_where_one_command_is_it(keys, before, command):
    row = finding(
        rule="drift", change=Kind.CHANGED, keys=keys, path="/".join(keys), before=before, after=0
    )
    found = [one.command for one in steps_of(row, QUIET)]
    assert [one[: len(command or "")] for one in found] == ([command] if command else [])


def test_no_name_of_a_node_runs_in_the_shell_of_who_copies_a_remedy():
    facts = cluster(3)
    name = "$(reboot)"
    links = facts["node2"]["links"]
    links[name] = {**links.pop("flannel.1"), "mtu": 1500}
    links[name]["sysctls"] = {**links[name]["sysctls"], "rp_filter": 1}
    links["cni0"] = {**links["cni0"], "lower": name}
    remedies = [row.remedy for row in check(facts).findings if name in (row.remedy or "")]
    assert remedies
    assert [text for text in remedies if text.count(name) != text.count(f"'{name}'")] == []
