"""On which line of a snapshot a place begins."""

from __future__ import annotations

from dataclasses import replace

import pytest

from builders import GONE, address, edited, node, route, side
from snapdiff.assess import Policy, assess_diff
from snapdiff.check import assess_check
from snapdiff.errors import UnreadableError
from snapdiff.lines import Lines, with_places
from snapdiff.model import Finding, Input, Member, Severity, Waived
from snapdiff.snapshot import to_text

CANONICAL = b"""\
schema: "snapdiff/snapshot/1"
not_observed: {}
links:
  "cni0": {"mtu":1450}
  "vet\\"h/1": {"mtu":1450}
routes:
  "main 10.244.1.0/24 dev cni0": {"gateway":"x"}
  "main default dev eth0": {"gateway":"y"}
sysctls:
  "net.ipv4.ip_forward": 1
"""
BY_HAND = b"""\
schema: snapdiff/snapshot/1
links:
  # the bridge
  cni0:
    mtu: 1450
    addresses:
      10.244.1.1/24:
        family: inet
  eth0: {mtu: 1500}
routes: {main 10.244.1.0/24 dev cni0: {gateway: x}}
"""


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("schema", 1),
        ("links", 3),
        ("links/cni0", 4),
        ("links/cni0/mtu", 4),
        ("links/cni0/bridge/stp_state", 4),
        ('links/vet"h/1/mtu', 5),
        ("links/gone/mtu", 3),
        ("routes/main 10.244.1.0/24 dev cni0", 7),
        ("routes/main 10.244.1.0/24 dev cni0/gateway", 7),
        ("routes/*", 6),
        ("sysctls/net.ipv4.ip_forward", 10),
        ("sysctls/*", 10),
        ("links/*/mtu", 3),
        ("links/cni*/mtu", 4),
        ("ipam/cbr0", 1),
        ("nodes/node1", 1),
        ("", 1),
    ],
    ids=lambda one: str(one) or "nothing",
)
def test_the_line_of_a_place_in_a_file_as_we_write_it(path, line):
    assert Lines(CANONICAL, "memory").find(path)[0] == line


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("links/cni0", 4),
        ("links/cni0/mtu", 5),
        ("links/cni0/addresses/10.244.1.1/24/family", 8),
        ("links/eth0/mtu", 9),
        ("links/eth0/qdisc", 9),
        ("routes/main 10.244.1.0/24 dev cni0/gateway", 10),
        ("sysctls/net.ipv4.ip_forward", 1),
    ],
)
def test_the_line_of_a_place_in_a_file_that_a_person_wrote(path, line):
    assert Lines(BY_HAND, "memory").find(path)[0] == line


def test_what_is_no_yaml_has_no_lines():
    with pytest.raises(UnreadableError, match="memory:2:1"):
        Lines(b"- what: [", "memory")


def test_every_row_of_a_snapshot_is_found_on_its_own_line():
    text = to_text(node(1))
    lines = Lines(text.encode(), "memory")
    rows = [
        (section, key)
        for section in ("links", "peers", "routes", "sysctls")
        for key in node(1)[section]
    ]
    assert len(rows) > 9
    for section, key in rows:
        number, depth = lines.find(f"{section}/{key}")
        assert depth == 2
        assert text.split("\n")[number - 1].startswith(f'  "{key}": ')


# ---- in a report ------------------------------------------------------------------------------


def inputs_of(*sides):
    return tuple(Input(name="x", place=one.capture.place) for one in sides)


def drift_of(tmp_path, before, after):
    sides = side(tmp_path / "a", before), side(tmp_path / "b", after)
    report = assess_diff(*sides, cluster="lab", policy=Policy())
    return sides, replace(report, inputs=inputs_of(*sides))


def told(report):
    """Return the side, the node's file and the start of the line that each finding points at."""
    return {
        row.path: [
            (one.file.split("/")[-5], one.file.split("/")[-1], text_of(one)) for one in row.members
        ]
        for row in report.findings
    }


def text_of(member):
    with open(member.file, encoding="utf-8") as file:  # noqa: PTH123 - as a reader of a report does
        return file.read().split("\n")[member.line - 1].partition(": ")[0].strip()


def test_a_change_stands_in_the_newer_capture_and_what_is_gone_in_the_older(tmp_path):
    before = [node(1), node(2)]
    after = [
        edited(
            node(1),
            {
                "links/cni0/mtu": 1400,
                "links/eth0": GONE,
                ("routes", "main 10.9.0.0/16 dev cni0"): route("10.9.0.0/16", "cni0"),
                "sysctls/net.ipv4.ip_forward": GONE,
            },
        ),
        node(2),
    ]
    _sides, report = drift_of(tmp_path, before, after)
    found = told(with_places(report))
    assert found["links/cni0/mtu"] == [("b", "node1.yml", '"cni0"')]
    assert found["links/eth0"] == [("a", "node1.yml", '"eth0"')]
    assert found["routes/main 10.9.0.0/16 dev cni0"] == [
        ("b", "node1.yml", '"main 10.9.0.0/16 dev cni0"')
    ]
    assert found["sysctls/net.ipv4.ip_forward"] == [("a", "node1.yml", '"net.ipv4.ip_forward"')]


def test_a_replaced_address_stands_where_it_is_now(tmp_path):
    after = edited(node(1), {("links", "eth0", "addresses"): {"192.0.2.77/24": address()}})
    _sides, report = drift_of(tmp_path, [node(1), node(2)], [after, node(2)])
    assert told(with_places(report))["links/eth0/addresses"] == [("b", "node1.yml", '"eth0"')]


def test_a_node_that_is_gone_stands_at_the_start_of_its_last_file(tmp_path):
    _sides, report = drift_of(tmp_path, [node(1), node(2)], [node(1)])
    (row,) = [one for one in with_places(report).findings if one.path == "nodes/node2"]
    (one,) = row.members
    assert (one.file.split("/")[-5], one.file.split("/")[-1], one.line) == ("a", "node2.yml", 1)


def test_every_finding_of_a_check_has_a_place(tmp_path):
    given = side(tmp_path, [node(1, {"links/cni0/mtu": 1400}), node(2), node(3)])
    report = assess_check(given, cluster="lab", policy=Policy())
    placed = with_places(replace(report, inputs=inputs_of(given)))
    assert {one.line > 0 for row in placed.findings for one in row.members} == {True}
    (row,) = [one for one in placed.findings if one.rule == "bridge-mtu"]
    assert text_of(row.members[0]) == '"cni0"'


def test_two_files_of_which_each_calls_the_node_otherwise_have_places_too(tmp_path):
    for name, mtu in (("one", 1450), ("two", 1400)):
        text = to_text(node(1, {"links/cni0/mtu": mtu}, name=name))
        (tmp_path / f"{name}.yml").write_text(text, "utf-8")
    row = Finding(
        id="0" * 16,
        rule="drift",
        severity=Severity.WARNING,
        scope="temporal",
        nodes=("two",),
        path="links/cni0/mtu",
        message="",
        members=(Member(id="0" * 16, node="two"),),
    )
    _sides, report = drift_of(tmp_path, [node(1)], [node(1)])
    files = tuple(Input(name="x", place=str(tmp_path / f"{one}.yml")) for one in ("one", "two"))
    report = replace(report, findings=(row,), inputs=files)
    (one,) = with_places(report).findings[0].members
    assert one.file.endswith("two.yml")
    gone = replace(report, inputs=files[:1])
    (one,) = with_places(gone).findings[0].members
    assert one.file.endswith("one.yml")


def test_what_is_accepted_and_what_follows_from_a_plan_has_places_too(tmp_path):
    edits = {"links/cni0/mtu": 1400}
    _sides, report = drift_of(tmp_path, [node(1), node(2)], [node(1, edits), node(2)])
    rows = report.findings
    waived = tuple(Waived(finding=row, reason="known") for row in rows)
    placed = with_places(replace(report, findings=(), waived=waived, side_effects=rows))
    assert placed.waived[0].finding == placed.side_effects[0]
    assert placed.side_effects[0].members[0].line > 0


def test_a_file_in_the_working_folder_is_named_from_there(tmp_path, monkeypatch):
    edits = {"links/cni0/mtu": 1400}
    _sides, report = drift_of(tmp_path, [node(1), node(2)], [node(1, edits), node(2)])
    monkeypatch.chdir(tmp_path)
    (one,) = with_places(report).findings[0].members
    assert one.file == "b/lab/20261122T020000Z/nodes/node1.yml"


@pytest.mark.parametrize("spoil", ["file", "manifest", "nowhere"])
def test_files_that_are_gone_by_now_give_no_places_and_no_error(spoil, tmp_path):
    edits = {"links/cni0/mtu": 1400}
    sides, report = drift_of(tmp_path, [node(1), node(2)], [node(1, edits), node(2)])
    for one in sides:
        if spoil == "file":
            one.paths["node1"].unlink()
        elif spoil == "manifest":
            (one.paths["node1"].parent.parent / "capture.yml").write_text("what: [")
    if spoil == "nowhere":
        report = replace(report, inputs=(Input(name="x"), Input(name="y")))
    assert with_places(report) == report
