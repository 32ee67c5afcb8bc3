"""The canonical text: what it says, who else reads it, and what is refused on the way back."""

from __future__ import annotations

import copy
import hashlib
import io
import json
import math
import random
import re

import orjson
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from builders import FIXTURES, bare, document, edit, link
from snapdiff import snapshot as snapshots
from snapdiff import strict_yaml
from snapdiff.codec import dumps, loads, read_rows
from snapdiff.errors import InvalidError, SnapdiffError, UnreadableError
from snapdiff.model import BODY, HEAD, MOVING
from snapdiff.rows import Rows
from snapdiff.strict_yaml import Limits

REAL = sorted((FIXTURES / "snapshot-v1").glob("*.yml"))
FEW = settings(max_examples=max(15, settings.default.max_examples // 4))

# ---- snapshots of any content that the schema lets through --------------------------------------

TEXT = st.text(st.characters(codec="utf-8"), max_size=12)
LINE = st.one_of(
    TEXT.filter(bool),
    st.sampled_from(["no", "1e5", "0x10", "10:20:30:40:50:55", "2026-11-22", "~", "<<", "null"]),
    st.sampled_from(["\x7f", "\x85", "\u2028", "\ufeff", "\ufffe", "\U0001f600", 'a": {', "\\"]),
)
NAME = st.text(
    st.characters(codec="utf-8", exclude_categories=["Z", "Cc"], exclude_characters="/"),
    min_size=1,
    max_size=15,
)
WHOLE = st.integers(-(2**63), 2**64 - 1)
# Of YAML 1.1, 1e+16 is a text; no fact is that large.
FLOAT = st.floats(1e-3, 1e15) | st.just(0.0) | st.floats(-1e15, -1e-3)
VALUE = st.recursive(
    st.booleans() | WHOLE | FLOAT | TEXT,
    lambda below: st.lists(below, max_size=3) | st.dictionaries(TEXT, below, max_size=3),
    max_leaves=6,
)
LINK = st.fixed_dictionaries(
    {"addresses": st.dictionaries(LINE, st.just({"family": "inet"}), max_size=2)},
    optional={
        "mtu": st.integers(0, 2**32),
        "alias": LINE,
        "flags": st.lists(LINE, max_size=3),
        "detail": st.dictionaries(TEXT, VALUE, max_size=3),
    },
)


@st.composite
def documents(draw, moving=True):
    """Return a document with rows in the sections that take any name."""
    edits = {
        "node": draw(LINE),
        "consistent": draw(st.booleans()),
        "not_observed": draw(st.dictionaries(LINE, LINE, max_size=3)),
        "links": draw(st.dictionaries(NAME, LINK, max_size=3)),
        "rules": draw(st.dictionaries(LINE, st.dictionaries(TEXT, VALUE, max_size=2), max_size=2)),
        "sysctls": draw(st.dictionaries(LINE, WHOLE, max_size=3)),
    }
    if moving:
        edits["mtimes"] = draw(st.dictionaries(LINE, FLOAT, max_size=3))
        edits["steps"] = draw(st.dictionaries(LINE, VALUE, max_size=3))
    given = edit(dict(bare().sections), edits)
    return {name: given[name] for name in (*HEAD, *BODY, *MOVING)}


def encoded(given):
    return dumps(given).encode()


def shuffled(value, rng):
    """Return the same data with the keys of every mapping in another order."""
    if isinstance(value, dict):
        names = list(value)
        rng.shuffle(names)
        return {name: shuffled(value[name], rng) for name in names}
    return [shuffled(one, rng) for one in value] if isinstance(value, list) else value


@given(documents())
def test_what_is_written_reads_back_the_same(given):
    assert repr(loads(encoded(given), "snapshot", "memory")) == repr(sorted_below(given))


def sorted_below(given):
    """Return a document as the canonical text orders it."""
    return {name: json.loads(json.dumps(value, sort_keys=True)) for name, value in given.items()}


@given(documents())
def test_written_again_it_is_the_same_to_the_byte(given):
    text = encoded(given)
    assert encoded(loads(text, "snapshot", "memory")) == text


@given(documents())
def test_the_quick_way_and_the_strict_way_read_the_same(given):
    text = encoded(given)
    quick = {name: dict(v) if isinstance(v, Rows) else v for name, v in read_rows(text).items()}
    assert repr(quick) == repr(strict_yaml.load(text, "memory").value)


@given(documents(), st.randoms(use_true_random=False))
def test_the_order_of_keys_never_matters(given, rng):
    other = shuffled(given, rng)
    assert encoded({name: other[name] for name in given}) == encoded(given)


@FEW
@given(documents())
def test_a_parser_of_yaml_1_1_reads_the_same(given):
    assert yaml.load(dumps(given), Loader=strict_yaml.LOADER) == given


@FEW
@given(documents())
def test_a_parser_of_yaml_1_2_reads_the_same(given):
    assert YAML(typ="safe", pure=True).load(io.StringIO(dumps(given))) == given


@given(documents())
def test_every_row_is_a_line_of_json(given):
    rows = [line for line in dumps(given).split("\n") if line.startswith("  ")]
    found = [json.loads("{" + line + "}") for line in rows]
    assert found == [
        {name: section[name]}
        for section in given.values()
        if isinstance(section, dict)
        for name in sorted(section)
    ]


@given(documents(moving=False), documents())
def test_the_body_is_the_same_where_only_moving_sections_differ(given, other):
    moved = {**given, **{name: other[name] for name in MOVING}}
    first, second = encoded(given), encoded(moved)
    assert snapshots.body_digest(first) == snapshots.body_digest(second)
    assert first.partition(b"\nprovenance:")[0] == second.partition(b"\nprovenance:")[0]


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_no_bytes_raise_an_error_that_is_not_ours(data):
    for kind in ("snapshot", "capture", "config"):
        try:
            loads(data, kind, "f.yml")
        except UnreadableError as error:
            assert str(error).startswith("f.yml:")  # noqa: PT017


@pytest.mark.parametrize("path", REAL, ids=lambda path: path.stem)
def test_a_real_snapshot_reads_alike_in_every_reader(path):
    data = path.read_bytes()
    found = loads(data, "snapshot", str(path))
    assert found == strict_yaml.load(data, str(path)).value
    assert found == yaml.load(data, Loader=strict_yaml.LOADER)
    assert found == YAML(typ="safe", pure=True).load(io.BytesIO(data))
    assert encoded(found) == data


# ---- what the text looks like -------------------------------------------------------------------


def test_a_section_is_a_key_and_a_row_a_line():
    given = {
        "schema": "snapdiff/snapshot/1",
        "facts": 1,
        "links": {"eth0": {"mtu": 1500, "addresses": {}}, "cni0": {}},
        "peers": {},
        "list": [2, 1],
    }
    assert dumps(given) == (
        'schema: "snapdiff/snapshot/1"\n'
        "facts: 1\n"
        "links:\n"
        '  "cni0": {}\n'
        '  "eth0": {"addresses":{},"mtu":1500}\n'
        "peers: {}\n"
        "list: [2,1]\n"
    )


def test_rows_are_written_as_they_were_read():
    text = encoded(document())
    assert encoded(read_rows(text)) == text


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("\x7f", r'"\u007f"'),
        ("\x85", r'"\u0085"'),
        ("\x9f", r'"\u009f"'),
        ("\u2028\u2029", r'"\u2028\u2029"'),
        ("\ufeff", r'"\ufeff"'),
        ("\ufffe\uffff", r'"\ufffe\uffff"'),
        ("\x00\x1b\t\n", r'"\u0000\u001b\t\n"'),
        ("\U0001f600", '"\U0001f600"'),
        ("\u00e9\u202e", '"\u00e9\u202e"'),
        ('"\\', r'"\"\\"'),
    ],
    ids=["del", "nel", "c1", "separators", "bom", "noncharacters", "c0", "emoji", "raw", "quote"],
)
def test_what_yaml_refuses_raw_is_an_escape_and_no_pair_of_surrogates(text, written):
    given = {"a": {text: text}}
    assert dumps(given) == f"a:\n  {written}: {written}\n"
    assert strict_yaml.load(encoded(given), "memory").value == given
    assert yaml.load(dumps(given), Loader=yaml.SafeLoader) == given


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (math.nan, "not finite"),
        (math.inf, "not finite"),
        ([{"b": -math.inf}], "not finite"),
        (2**64, "64-bit"),
        (-(2**63) - 1, "64-bit"),
        ("\ud800", "surrogates"),
        ({"\ud800": 1}, "surrogates"),
        ({1: 2}, "key"),
        ({1}, "not JSON serializable"),
        (object(), "not JSON serializable"),
    ],
    ids=["nan", "inf", "inf-below", "over-64", "under-64", "surrogate", "surrogate-key", "int-key",
         "set", "object"],
)  # fmt: skip
@pytest.mark.parametrize("place", ["whole", "row", "below"])
def test_what_json_cannot_say_is_refused(value, why, place):
    given = {"whole": {"a": value}, "row": {"a": {"b": value}}, "below": {"a": {"b": [value]}}}
    with pytest.raises(InvalidError, match=f"it cannot be written: .*{why}"):
        dumps(given[place])


def test_null_is_written_where_it_is_meant():
    assert dumps({"a": {"b": [None, "null", 0.5]}}) == 'a:\n  "b": [null,"null",0.5]\n'


def test_nesting_without_end_is_refused():
    deep = "x"
    for _turn in range(400):
        deep = [deep]
    with pytest.raises(InvalidError, match="it cannot be written: Recursion limit"):
        dumps({"a": deep})


# ---- what is refused on the way back ------------------------------------------------------------

TEXT_OF_NODE = dumps(document())


@pytest.mark.parametrize(
    ("edits", "message"),
    [
        ({"links/cni0/mtu": "1450"}, "links/cni0/mtu: '1450' is not of type 'integer'"),
        ({"links/cni0/mtu": True}, "links/cni0/mtu: True is not of type 'integer'"),
        ({"links/cni0/mtu": None}, "links/cni0/mtu: None is not of type 'integer'"),
        ({"links/cni0/mtu": -1}, "links/cni0/mtu: -1 is less than the minimum of 0"),
        ({"links/cni0/speed": 1}, "links/cni0: there is no 'speed'"),
        ({"links/cni0/mac": "0A:00"}, "links/cni0/mac: '0A:00' does not match"),
        ({"consistent": "no"}, "consistent: 'no' is not of type 'boolean'"),
        ({"schema": "snapdiff/snapshot/2"}, "Update snapdiff."),
        ({"schema": "snapdiff/capture/1"}, "it is no snapshot: schema is 'snapdiff/capture/1'"),
    ],
    ids=["text", "boolean", "null", "negative", "unknown", "capital-mac", "word", "newer", "other"],
)
def test_what_breaks_the_schema_is_refused_with_its_line(edits, message):
    text = dumps(edit(document(), edits))
    place = next(iter(edits)).partition("/")
    marks = ('  "cni0"', "schema", "consistent")
    line = 1 + next(
        number
        for number, one in enumerate(text.splitlines())
        if one.startswith(marks[0] if place[0] == "links" else place[0])
    )
    with pytest.raises(InvalidError, match=re.escape(message)) as caught:
        loads(text.encode(), "snapshot", "node1.yml")
    assert re.match(rf"node1\.yml:{line}:[0-9]+: not a valid snapshot: ", str(caught.value))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"mtu":1450', '"mtu":1450,"mtu":1400'),
        ('"mtu":1450', '"mtu":&a 1450'),
        ('"mtu":1450', '"mtu":!!int 1450'),
        ("facts: 1\n", "facts: 1\nfacts: 1\n"),
        ('  "cni0": ', '  "cni0": {}\n  "cni0": '),
        ("peers:\n", "peers: {}\npeers:\n"),
        ("\nlinks:\n", "\n---\nlinks:\n"),
    ],
    ids=["key", "anchor", "tag", "outer-key", "row", "section", "document"],
)
def test_a_trick_in_canonical_text_is_refused(old, new):
    assert TEXT_OF_NODE.count(old) >= 1
    with pytest.raises(UnreadableError, match=r"^f\.yml:[0-9]+:[0-9]+: "):
        loads(TEXT_OF_NODE.replace(old, new, 1).encode(), "snapshot", "f.yml")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("facts: 1\n", "facts: 1 # by hand\n"),
        ('node: "node1"', "node: node1"),
        ('"mtu":1450', '"mtu": 1450'),
        ("\n", "\r\n"),
        ("peers:\n", "# peers\npeers:\n"),
        ("schema:", "---\nschema:"),
    ],
    ids=["comment", "unquoted", "space", "windows-lines", "comment-line", "start-mark"],
)
def test_text_edited_by_hand_reads_as_the_same_snapshot(old, new):
    edited = TEXT_OF_NODE.replace(old, new).encode()
    assert edited != TEXT_OF_NODE.encode()
    assert loads(edited, "snapshot", "f.yml") == document()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a: 1",
        "a: 1\r\n",
        "a: 1\n\n",
        " a: 1\n",
        "A: 1\n",
        "a: x\n",
        "a: [1\n",
        '  "a": 1\n',
        'a: {}\n  "b": 1\n',
        "a: 1\na: 1\n",
        "a:\nb: 1\n",
        'a:\n  "b": 1\n  "b": 1\n',
        'a:\n  "c": 1\n  "b": 1\n',
        'a:\n  "b":1\n',
        'a:\n  b: 1\n',
        'a:\n  "b\n',
        'a:\n  "\\x": 1\n',
        "# a\n",
    ],
)  # fmt: skip
def test_what_is_not_canonical_has_no_rows(text):
    assert read_rows(text.encode()) is None


def test_a_row_is_parsed_when_it_is_asked_for():
    found = read_rows(b'a:\n  "x": {broken\n  "y\\"": {": {":1}\n')
    assert list(found["a"]) == ["x", 'y"']
    assert found["a"]['y"'] == {": {": 1}
    with pytest.raises(orjson.JSONDecodeError):
        found["a"]["x"]


def test_the_limits_hold_for_canonical_text_too():
    text = encoded(bare(not_observed={"x": "y" * 30}).sections)
    assert loads(text, "snapshot", "f.yml", Limits(size=len(text), depth=3, nodes=200, text=30))
    for limits in (Limits(size=len(text) - 1), Limits(text=29), Limits(nodes=20), Limits(depth=1)):
        with pytest.raises(UnreadableError):
            loads(text, "snapshot", "f.yml", limits)


# ---- damage -------------------------------------------------------------------------------------

DAMAGED = bare(
    not_observed={"host": "it was not saved"},
    links={"cni0": link("bridge", mtu=1450, mac="0e:00:00:00:00:01")},
    sysctls={"net.ipv4.ip_forward": 1},
    mtimes={"/run/flannel/subnet.env": 1795312800.25, "/run/x": 17.5},
)


def test_a_snapshot_cut_at_any_byte_is_refused():
    whole = encoded(DAMAGED.sections)
    assert snapshots.from_bytes(whole, "f.yml").sections == DAMAGED.sections
    for end in range(len(whole)):
        with pytest.raises(UnreadableError):
            snapshots.from_bytes(whole[:end], "f.yml")


def test_an_older_snapshot_that_was_cut_lacks_only_what_is_never_compared():
    """It does not say how many rows its last section has."""
    given = dict(DAMAGED.sections)
    given["provenance"] = {
        key: one for key, one in given["provenance"].items() if key != "last_rows"
    }
    whole = encoded(given)
    last = MOVING[-1]  # of class counter; the ones above are required, so they are there whole
    cut = whole[: whole.rindex(b"\n", 0, -1) + 1]
    found = snapshots.from_bytes(cut, "f.yml").sections
    assert {**found, last: {}} == {**given, last: {}}


@pytest.mark.parametrize("path", REAL, ids=lambda path: path.stem)
def test_a_file_of_a_capture_cut_at_any_byte_is_refused(path):
    whole = path.read_bytes()
    digest = hashlib.sha256(whole).hexdigest()
    snapshots.from_bytes(whole, "f.yml", sha256=digest)
    for end in range(len(whole)):
        with pytest.raises(UnreadableError, match="changed after the capture was sealed"):
            snapshots.from_bytes(whole[:end], "f.yml", sha256=digest)


def flips(data, seed, number):
    rng = random.Random(seed)
    for _turn in range(number):
        place = rng.randrange(len(data))
        yield data[:place] + bytes([data[place] ^ 1 << rng.randrange(8)]) + data[place + 1 :]


def test_a_thousand_flipped_bits_are_noticed_or_give_a_valid_snapshot():
    noticed = 0
    for data in flips(encoded(DAMAGED.sections), 20261122, 1_000):
        try:
            found = loads(data, "snapshot", "f.yml")
        except UnreadableError:
            noticed += 1
            continue
        assert loads(encoded(found), "snapshot", "f.yml") == found
    assert noticed > 500  # a digit that became another one needs the manifest


@pytest.mark.parametrize("path", REAL, ids=lambda path: path.stem)
def test_with_the_digest_of_the_manifest_every_flipped_bit_is_noticed(path):
    whole = path.read_bytes()
    digest = hashlib.sha256(whole).hexdigest()
    for data in flips(whole, 20261122, 1_000):
        with pytest.raises(SnapdiffError, match="changed after the capture was sealed"):
            snapshots.from_bytes(data, "f.yml", sha256=digest)


def test_writing_leaves_the_document_alone():
    given = document()
    before = copy.deepcopy(given)
    dumps(given)
    assert given == before
