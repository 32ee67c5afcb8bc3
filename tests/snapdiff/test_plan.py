"""What a plan file may say, what is refused and how that is told, and the shipped plans."""

from __future__ import annotations

import copy
from datetime import timedelta

import migrations
import pytest

from builders import NOW, capture
from clusters import snapshots
from snapdiff.compare import check_plan, compare_captures
from snapdiff.errors import UnreadableError
from snapdiff.model import Node, Outcome, Severity
from snapdiff.paths import glob
from snapdiff.plan import PROFILES, profiles, read_plan, within_words
from snapdiff.store import Store
from snapdiff.verdict import Policy

HEAD = "schema: snapdiff/plan/1\ntitle: a test\nchanges:\n"


def plan_of(tmp_path, *lines, more=""):
    """Return the plan with these lines, each a flow mapping."""
    path = tmp_path / "plan.yml"
    rows = "".join(f"  - {line}\n" for line in lines)
    path.write_text(f"{HEAD if rows else HEAD.strip() + ' []'}{rows}\n{more}", "utf-8")
    return read_plan(path)


TEXTS = {
    "change": (
        "{change: links/flannel.1/mtu, from: 1450, to: 1400}",
        "links/flannel.1/mtu 1450 → 1400",
    ),
    "to-alone": ("{change: links/cni0/mtu, to: 1400}", "links/cni0/mtu → 1400"),
    "no-value": ("{change: links/cni0/mac}", "links/cni0/mac → another value"),
    "a-truth-is-no-python-word": (
        "{change: cni/subnet_env/FLANNEL_IPMASQ, to: false}",
        "cni/subnet_env/FLANNEL_IPMASQ → false",
    ),
    "value-of": (
        "{change: links/vxlan.calico/mac, to_value_of: links/flannel.1/mac}",
        "links/vxlan.calico/mac → what links/flannel.1/mac was",
    ),
    "add": ("{add: links/flannel-wg}", "add links/flannel-wg"),
    "remove-on": (
        "{remove: links/flannel.1, on: [node1, 'group:workers']}",
        "remove links/flannel.1 on node1, group:workers",
    ),
    "node": ("{add: nodes/node9}", "add nodes/node9"),
}


@pytest.mark.parametrize("name", TEXTS)
def test_a_line_reads_as_people_say_it(name, tmp_path):
    line, text = TEXTS[name]
    assert [one.text for one in plan_of(tmp_path, line).items] == [text]


REFUSED = {
    "unknown-field": (
        "{change: links/flannel.1/mtuu, to: 1}",
        "plan.yml: links/flannel.1/mtuu: links/flannel.1 has no 'mtuu'. Did you mean mtu?",
    ),
    "unknown-section": ("{remove: link/eth0}", "a snapshot has no 'link'. Did you mean links?"),
    "unknown-source": (
        "{change: links/a/mac, to_value_of: links/b/mca}",
        "links/b has no 'mca'. Did you mean mac?",
    ),
    "pattern-as-source": (
        "{change: links/a/mac, to_value_of: links/*/mac}",
        "to_value_of takes one place of a snapshot, without *",
    ),
    "text-for-a-number": (
        "{change: links/eth0/mtu, to: '1400'}",
        'links/eth0/mtu: to is "1400", which it can never be',
    ),
    "value-of-a-row": (
        "{change: links/eth0, to: up}",
        'links/eth0: to is "up", which it can never be',
    ),
    "wrong-from": (
        "{change: links/eth0/mac, from: none}",
        'links/eth0/mac: from is "none", which it can never be',
    ),
    "two-verbs": ("{add: links/a, remove: links/b}", "is valid under each of"),
    "no-verb": ("{to: 1400}", "plan.yml:4:5: not a valid plan: changes/0"),
    "value-of-what-goes": ("{remove: links/a, to: 1}", "not a valid plan: changes/0"),
    "both-values": (
        "{change: links/a/mac, to: 'a', to_value_of: links/b/mac}",
        "not a valid plan: changes/0",
    ),
    "unknown-key": ("{change: links/a/mtu, too: 1}", "there is no 'too'. Did you mean to?"),
    "nobody": ("{change: links/a/mtu, on: []}", "changes/0/on"),
    "changed-node": ("{change: nodes/node1}", "a node comes or goes"),
    "node-on-a-node": ("{add: nodes/node1, on: [node2]}", "a node comes or goes"),
    "another-tag": ("{change: !!python/object:os.system links}", "plan.yml:4"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_no_plan_can_say_is_refused_with_the_place(name, tmp_path):
    line, message = REFUSED[name]
    with pytest.raises(UnreadableError) as error:
        plan_of(tmp_path, line)
    assert message in str(error.value)
    assert str(tmp_path / "plan.yml") in str(error.value)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("within: 30", "within: 30 is not of type 'string'"),
        ("within: 0m", "does not match"),
        ("follows: [links/eth0/mtuu]", "Did you mean mtu?"),
        ("else: 1", "there is no 'else'. It takes schema, title"),
    ],
    ids=["no-unit", "no-time", "unknown-consequence", "unknown-key"],
)
def test_so_is_what_stands_beside_the_lines(more, message, tmp_path):
    with pytest.raises(UnreadableError) as error:
        plan_of(tmp_path, more=more)
    assert message in str(error.value)


def test_a_file_that_is_not_there_is_said_so(tmp_path):
    with pytest.raises(UnreadableError, match="No such file"):
        read_plan(tmp_path / "plan.yml")


@pytest.mark.parametrize(
    ("text", "seconds", "words"),
    [
        ("45s", 45, "45 s"),
        ("30m", 1800, "30 min"),
        ("90m", 5400, "1.5 h"),
        ("2h", 7200, "2 h"),
        ("1d", 86400, "1 d"),
    ],
)
def test_a_time_is_read_and_said_again(text, seconds, words, tmp_path):
    assert plan_of(tmp_path, more=f"within: {text}").within == seconds
    assert within_words(seconds) == words


DEFAULT = ("routes", "main default dev eth0")
COVERS = {
    "itself": ("change: links/cni0/mtu", ("links", "cni0", "mtu"), True),
    "another-link": ("change: links/cni0/mtu", ("links", "cni1", "mtu"), False),
    "below-a-change": ("change: links/cni0", ("links", "cni0", "mtu"), True),
    "not-above": ("change: links/cni0/mtu", ("links", "cni0"), False),
    "a-dot-is-a-dot": ("change: links/flannel.1/mtu", ("links", "flannelx1", "mtu"), False),
    "a-slash-in-a-name": (
        "change: routes/main 10.244.0.0/16 dev wg0/metric",
        ("routes", "main 10.244.0.0/16 dev wg0", "metric"),
        True,
    ),
    "a-pattern-in-such-a-name": (
        "remove: routes/main 10.244.* dev *",
        ("routes", "main 10.244.2.0/24 dev cni0"),
        True,
    ),
    "of-another-name": ("remove: routes/main 10.244.* dev *", DEFAULT, False),
    "an-address": (
        "add: links/cni0/addresses/10.1.*/24",
        ("links", "cni0", "addresses", "10.1.2.1/24"),
        True,
    ),
    "a-pattern-ends-with-its-name": ("change: links/*/mtu", ("links", "a", "vxlan", "mtu"), False),
    "a-row-of-a-table": ("remove: peers", ("peers", "10.244.1.0"), True),
    "what-comes-is-not-what-is-lost-in-it": (
        "add: peers/*",
        ("peers", "10.244.1.0", "missing"),
        False,
    ),
}


@pytest.mark.parametrize("name", COVERS)
def test_a_line_covers_its_places_and_no_others(name, tmp_path):
    line, place, covered = COVERS[name]
    verb, _, path = line.partition(": ")
    (item,) = plan_of(tmp_path, f"{{{verb}: '{path}'}}").items
    assert item.covers(place) is covered


GROUPS = Node(name="node1", outcome=Outcome.OK, groups=("workers", "rack1"))


@pytest.mark.parametrize(
    ("on", "meant"),
    [
        ("node1", True),
        ("n*", True),
        ("group:workers", True),
        ("group:rack*", True),
        ("node", False),
        ("workers", False),
        ("group:masters", False),
    ],
)
def test_a_line_is_for_the_nodes_that_it_names(on, meant, tmp_path):
    (item,) = plan_of(tmp_path, f"{{change: links/cni0/mtu, on: ['{on}']}}").items
    assert item.is_for(GROUPS) is meant


def test_no_pattern_takes_long_however_many_stars_it_has():
    assert glob("*a" * 200 + "b").fullmatch("a" * 5000) is None
    assert glob("a*" * 200).fullmatch("a" * 5000) is not None
    assert glob("*x*x").fullmatch("x") is None
    assert glob("**.1").fullmatch("flannel.1") is not None


# The shipped plans, each held against a change that went well, one that did not reach a node, and
# one where somebody did more than was planned.

LAGGING = "node2"


def held(tmp_path, name, before, after, **options):
    capture(tmp_path, snapshots(before).values(), label="before")
    capture(tmp_path, snapshots(after).values(), now=NOW + timedelta(minutes=10))
    return compare_captures(
        "@prev",
        "@latest",
        store=Store(tmp_path),
        cluster="lab",
        policy=Policy(),
        now=NOW,
        plan=profiles()[name],
        **options,
    )


def warnings(report):
    return [
        (row.rule, row.path, row.nodes) for row in report.findings if row.severity > Severity.INFO
    ]


def test_there_is_a_plan_for_each_change_that_is_documented():
    assert sorted(profiles()) == sorted(migrations.WENT_WELL)
    assert len(list(PROFILES.iterdir())) == len(profiles())


@pytest.mark.parametrize("name", sorted(migrations.WENT_WELL))
def test_a_shipped_plan_says_what_to_change_what_happens_and_what_to_look_at(name):
    text = (PROFILES / f"{name}.yml").read_text("utf-8")
    head = text.partition("schema: ")[0]
    assert "# What you change here: " in head
    assert "# What happens" in head
    assert profiles()[name].within
    assert profiles()[name].follows


@pytest.mark.parametrize("name", sorted(migrations.WENT_WELL))
def test_a_shipped_plan_fits_a_healthy_cluster(name, tmp_path):
    before, _after = migrations.before_and_after(name)
    capture(tmp_path, snapshots(before).values())
    report = check_plan(
        "@latest",
        profiles()[name],
        store=Store(tmp_path),
        cluster="lab",
        policy=Policy(),
        now=NOW,
    )
    assert (report.verdict, report.exit_code) == ("the plan fits on 3 nodes", 0)
    assert not any(one.missing or one.unknown or one.done for one in report.planned)


@pytest.mark.parametrize("name", sorted(migrations.WENT_WELL))
def test_where_it_went_well_all_is_done_and_nothing_else_is_told(name, tmp_path):
    report = held(tmp_path, name, *migrations.before_and_after(name))
    everyone = ("node1", "node2", "node3")
    assert {one.done for one in report.planned} <= {everyone}
    assert not any(one.missing or one.unknown or one.waiting for one in report.planned)
    assert (warnings(report), report.exit_code, report.trusted) == ([], 0, True)


@pytest.mark.parametrize("name", sorted(set(migrations.WENT_WELL) - {"flannel-version"}))
def test_where_a_node_was_not_reached_it_is_named_and_nobody_else(name, tmp_path):
    before, after = migrations.before_and_after(name)
    after[LAGGING] = copy.deepcopy(before[LAGGING])
    report = held(tmp_path, name, before, after)
    late = [one for one in report.planned if one.missing]
    assert late
    assert {lag.node for one in late for lag in one.missing} == {LAGGING}
    assert {(rule, nodes) for rule, _path, nodes in warnings(report)} == {("plan", (LAGGING,))}
    assert report.exit_code == 1
    assert f"missing on {LAGGING}" in report.verdict


@pytest.mark.parametrize("name", sorted(migrations.WENT_WELL))
def test_what_else_changed_stays_a_finding(name, tmp_path):
    before, after = migrations.before_and_after(name)
    after["node3"]["sysctls"]["net.ipv4.ip_forward"] = 0
    after["node3"]["sysctls"]["net.ipv4.conf.all.forwarding"] = 0
    report = held(tmp_path, name, before, after)
    assert warnings(report) == [("drift", "sysctls/net.ipv4.ip_forward", ("node3",))]
    assert report.exit_code == 1


def test_a_link_of_calico_with_a_mac_of_its_own_cuts_its_node_off(tmp_path):
    before, after = migrations.before_and_after("flannel-to-calico")
    after["node2"]["links"]["vxlan.calico"]["mac"] = "66:00:00:00:00:02"
    report = held(tmp_path, "flannel-to-calico", before, after)
    (row,) = [row for row in report.findings if row.rule == "plan"]
    assert (row.path, row.nodes) == ("links/vxlan.calico/mac", ("node2",))
    assert row.message == (
        "links/vxlan.calico/mac is 66:00:00:00:00:02, planned → what links/flannel.1/mac was"
    )


def test_a_link_of_flannel_that_kept_the_old_mtu_is_the_commonest_slip(tmp_path):
    before, after = migrations.before_and_after("underlay-mtu")
    after["node1"]["links"]["flannel.1"]["mtu"] = 1450
    report = held(tmp_path, "underlay-mtu", before, after)
    (row,) = [row for row in report.findings if row.rule == "plan"]
    assert row.message == "links/flannel.1/mtu still 1450, planned 1450 → 1350"


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("pod-cidr-change", "routes/main 10.244.*"),
        ("pod-cidr-change", "links/*/addresses/10.244.*"),
        ("vni-change", "links/flannel.1"),
        ("vxlan-to-wireguard", "links/flannel.1"),
        ("flannel-to-cilium", "links/veth*"),
    ],
)
def test_what_is_left_over_of_the_old_is_missing(name, place, tmp_path):
    before, after = migrations.before_and_after(name)
    old, new = before["node1"], after["node1"]
    new["links"] = {**old["links"], **new["links"]} if "links/" in place else new["links"]
    if place.startswith("links/*"):
        new["links"]["cni0"] = old["links"]["cni0"]
    new["routes"] = {**old["routes"], **new["routes"]}
    report = held(tmp_path, name, before, after)
    late = {one.path: one.missing for one in report.planned if one.missing}
    assert [lag.node for lag in late[place]] == ["node1"]
    assert "still there" in late[place][0].why


def in_the_middle(name):
    """Return both sides where node1 alone is through, and the others know of it."""
    before, after = migrations.before_and_after(name)
    for other in ("node2", "node3"):
        known = {
            address: row
            for address, row in after[other]["peers"].items()
            if row["underlay"] == "192.0.2.1"
        }
        after[other] = copy.deepcopy(before[other])
        del after[other]["peers"]["10.244.1.0"]
        dev = "flannel.1"
        after[other]["peers"] |= {address: {**row, "dev": dev} for address, row in known.items()}
    return before, after


@pytest.mark.parametrize("name", sorted(migrations.WENT_WELL))
def test_in_the_middle_of_a_rolling_change_the_rest_is_not_due(name, tmp_path):
    report = held(tmp_path, name, *in_the_middle(name), so_far=["node1"])
    assert {one.done for one in report.planned} <= {("node1",)}
    assert {one.waiting for one in report.planned} <= {("node2", "node3")}
    assert (warnings(report), report.exit_code) == ([], 0)
