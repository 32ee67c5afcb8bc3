"""A snapshot is made of facts or of a file, and nothing invalid is ever one."""

from __future__ import annotations

import hashlib

import pytest

from builders import bare, document, facts, filed, node
from snapdiff.codec import dumps
from snapdiff.errors import (
    ExitCode,
    InvalidError,
    SnapdiffError,
    UnreadableError,
    UsageError,
)
from snapdiff.model import BODY, HEAD, MOVING, Coverage, Severity
from snapdiff.rows import Rows
from snapdiff.snapshot import body_digest, from_bytes, from_facts, to_text


def made(given):
    return from_facts(given, node="node1", taken_at="2026-11-22T02:00:00Z", via="ansible")


def test_facts_become_a_document_in_the_order_of_the_file():
    found = made(facts(provenance={"collector": "0.1.0"}))
    assert list(found.sections) == [*HEAD, *BODY, *MOVING]
    assert found.node == found.sections["node"] == "node1"
    assert found["provenance"] == {
        "collector": "0.1.0",
        "last_rows": 0,
        "taken_at": "2026-11-22T02:00:00Z",
        "via": "ansible",
    }
    assert (found.consistent, found.facts, found.digest) == (True, 1, "")


def test_making_a_snapshot_leaves_the_facts_alone():
    given = facts(provenance={"collector": "0.1.0"})
    made(given)
    assert given == facts(provenance={"collector": "0.1.0"})


def test_a_node_cannot_say_that_it_is_another():
    assert made({**facts(), "node": "node2", "schema": "x"}).node == "node1"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({**facts(), "extra": 1}, "unknown extra, missing none"),
        ({k: v for k, v in facts().items() if k != "links"}, "unknown none, missing links"),
        ({}, "missing cni, cni_config, consistent"),
        (facts(provenance=None), "not a valid snapshot: provenance: None is not of type"),
        (facts(links=[]), "not a valid snapshot: links: [] is not of type 'object'"),
        (facts(links={"eth0": {}}), "not a valid snapshot: links/eth0: 'addresses' is a required"),
        (facts(sysctls={"x": float("nan")}), "not a valid snapshot"),
        (facts(sysctls={1: 2}), "not a valid snapshot: it is no plain data"),
        (facts(not_observed={"x": "y" * 70_000}), "over the limits of a file"),
        (facts(not_observed={"x" * 70_000: "y"}), "over the limits of a file"),
    ],
    ids=["unknown", "missing", "none", "null", "list", "row", "nan", "number-key", "long", "key"],
)
def test_facts_that_are_no_snapshot_are_refused_with_the_node(given, message):
    with pytest.raises(InvalidError) as caught:
        made(given)
    assert str(caught.value).startswith("node node1: ")
    assert message in str(caught.value)


def test_facts_that_nest_without_end_are_refused():
    deep = {}
    for _turn in range(70):
        deep = {"x": deep}
    with pytest.raises(InvalidError, match="over the limits of a file"):
        made(facts(rules={"r": deep}))


def test_half_a_character_is_never_written():
    with pytest.raises(InvalidError, match="it cannot be written"):
        to_text(made(facts(not_observed={"x": "a\udcff"})))


def test_a_file_with_the_digest_of_its_manifest_is_read_row_by_row():
    found = filed(node())
    assert isinstance(found["links"], Rows)
    assert {name: dict(v) if isinstance(v, Rows) else v for name, v in found.sections.items()} == (
        document()
    )
    assert found.digest == body_digest(to_text(node()).encode())


def test_a_file_without_a_digest_is_looked_at_all_over():
    data = to_text(node()).encode()
    found = from_bytes(data, "node1.yml")
    assert (found.sections, found.digest) == (document(), "")
    with pytest.raises(InvalidError, match=r"node1\.yml:[0-9]+:[0-9]+: not a valid snapshot"):
        from_bytes(data.replace(b'"mtu":1450', b'"mtu":"x"'), "node1.yml")


def test_a_file_that_is_not_canonical_is_held_against_the_schema_with_a_digest_too():
    data = to_text(node()).replace('"mtu":1450', '"mtu": "x"', 1).replace("\n", "\r\n").encode()
    with pytest.raises(InvalidError, match="is not of type 'integer'"):
        from_bytes(data, "node1.yml", sha256=hashlib.sha256(data).hexdigest())


def test_a_newer_file_is_refused_with_a_digest_too():
    data = to_text(node()).replace("snapshot/1", "snapshot/2", 1).encode()
    with pytest.raises(InvalidError, match="Update snapdiff"):
        from_bytes(data, "node1.yml", sha256=hashlib.sha256(data).hexdigest())


def test_another_digest_is_named():
    with pytest.raises(UnreadableError) as caught:
        from_bytes(b"x\n", "node1.yml", sha256="0" * 64)
    assert str(caught.value) == (
        "node1.yml: it was changed after the capture was sealed (sha256 is 73cb3858a687..., the "
        "manifest has 000000000000...). Restore it, or take the capture again."
    )


@pytest.mark.parametrize("section", BODY)
def test_the_digest_of_the_body_tells_a_change_of_the_body(section):
    changed = {**bare().sections, section: {"x": {}}}
    assert body_digest(dumps(changed).encode()) != body_digest(dumps(bare().sections).encode())


@pytest.mark.parametrize("section", MOVING)
def test_the_digest_of_the_body_is_blind_to_what_moves(section):
    changed = {**bare().sections, section: {"x": 1}}
    assert body_digest(dumps(changed).encode()) == body_digest(dumps(bare().sections).encode())


# ---- the nouns ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (("host",), ("host", "a")),
        (("host", "kernel"), ("host", "a")),
        (("links", "cni0", "mtu"), ("links/*/mtu", "b")),
        (("links", "cni0", "mtu", "x"), ("links/*/mtu", "b")),
        (("links", "cni0"), None),
        (("links", "cni0", "mac"), None),
        (("links",), None),
        (("cni_config", "a/b"), ("cni_config/a/b", "c")),
        (("cni_config", "a"), None),
        (("peers", "p"), None),
    ],
    ids=lambda one: "/".join(one) if one and isinstance(one[0], str) else None,
)
def test_a_reason_covers_all_below_its_path(path, expected):
    unseen = {"host": "a", "links/*/mtu": "b", "cni_config/a/b": "c"}
    assert bare(not_observed=unseen).why_not_observed(path) == expected


def test_rows_are_a_mapping():
    rows = Rows({"a": b"1", "b": b"2"}, lambda _key, raw: int(raw))
    assert (list(rows), len(rows), "a" in rows, "c" in rows, rows["b"]) == (
        ["a", "b"],
        2,
        True,
        False,
        2,
    )
    assert rows == {"a": 1, "b": 2}
    assert rows.get("c") is None


def test_a_severity_has_an_order_and_a_word():
    assert [one.word for one in sorted(Severity)] == ["info", "warning", "error"]


@pytest.mark.parametrize(
    ("expected", "comparable", "percent"), [(3, 3, 100.0), (4, 1, 25.0), (3, 0, 0.0), (0, 0, 0.0)]
)
def test_coverage_is_the_share_of_the_expected(expected, comparable, percent):
    found = Coverage(expected=expected, observed=comparable, comparable=comparable)
    assert found.percent == percent


# ---- the errors ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (SnapdiffError, ExitCode.UNREADABLE),
        (UsageError, ExitCode.UNREADABLE),
        (UnreadableError, ExitCode.UNREADABLE),
        (InvalidError, ExitCode.UNREADABLE),
    ],
)
def test_an_error_knows_the_exit_code(error, code):
    assert issubclass(error, SnapdiffError)
    assert error("x").exit_code is code


def test_the_exit_codes_are_the_documented_ones():
    assert {one.name: one.value for one in ExitCode} == {
        "CLEAN": 0,
        "FINDINGS": 1,
        "UNREADABLE": 2,
        "UNTRUSTED": 3,
        "INTERRUPTED": 130,
    }
