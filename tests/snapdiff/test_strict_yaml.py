"""What hostile and odd YAML means: the documented value, or a refusal with its place."""

from __future__ import annotations

import re
import time

import pytest
import yaml

from snapdiff import strict_yaml
from snapdiff.errors import UnreadableError
from snapdiff.strict_yaml import LIMITS, Limits, load, within

LOADERS = [
    pytest.param(strict_yaml.LOADER, id="libyaml"),
    pytest.param(yaml.SafeLoader, id="pure"),  # where PyYAML was built without libyaml
]

# A name of the case, the text, and what it means.
MEANINGS = [
    ("empty-document", b"---\n", None),
    ("null", b"a: null", {"a": None}),
    ("nothing", b"a:", {"a": None}),
    ("only-a-comment-after", b"a: # c", {"a": None}),
    ("true", b"a: true", {"a": True}),
    ("false", b"a: false", {"a": False}),
    ("no", b"a: no", {"a": "no"}),
    ("off", b"a: off", {"a": "off"}),
    ("on", b"a: on", {"a": "on"}),
    ("yes", b"a: Yes", {"a": "Yes"}),
    ("y", b"a: y", {"a": "y"}),
    ("n", b"a: N", {"a": "N"}),
    ("key-on", b"on: 1", {"on": 1}),
    ("key-no", b"no: 1", {"no": 1}),
    ("key-null", b"null: 1", {"null": 1}),
    ("key-tilde", b"~: 1", {"~": 1}),
    ("key-number", b"1: x", {"1": "x"}),
    ("key-date", b"2026-11-22: x", {"2026-11-22": "x"}),
    ("key-quoted-merge", b'"<<": {a: 1}', {"<<": {"a": 1}}),
    ("mixed-case-true", b"a: tRUE", {"a": "tRUE"}),
    ("quoted-true", b'a: "true"', {"a": "true"}),
    ("quoted-null", b"a: 'null'", {"a": "null"}),
    ("quoted-nothing", b"a: ''", {"a": ""}),
    ("quoted-number", b'a: "1450"', {"a": "1450"}),
    ("quoted-mac", b'a: "10:20:30:40:50:55"', {"a": "10:20:30:40:50:55"}),
    ("quoted-octal", b"a: '0777'", {"a": "0777"}),
    ("plain-mac", b"a: 52:54:00:ab:cd:ef", {"a": "52:54:00:ab:cd:ef"}),
    ("plain-ipv6", b"a: fe80::1/64", {"a": "fe80::1/64"}),
    ("plain-ipv4", b"a: 10.244.0.1/24", {"a": "10.244.0.1/24"}),
    ("nan-word", b"a: nan", {"a": "nan"}),
    ("inf-word", b"a: inf", {"a": "inf"}),
    ("infinity-of-json5", b"a: Infinity", {"a": "Infinity"}),
    ("date", b"a: 2026-11-22", {"a": "2026-11-22"}),
    ("timestamp", b"a: 2026-11-22T02:00:00Z", {"a": "2026-11-22T02:00:00Z"}),
    ("timestamp-with-space", b"a: 2026-11-22 02:00:00", {"a": "2026-11-22 02:00:00"}),
    ("zero", b"a: 0", {"a": 0}),
    ("minus-zero", b"a: -0", {"a": 0}),
    ("minus-zero-float", b"a: -0.0", {"a": -0.0}),
    ("float", b"a: 1450.0", {"a": 1450.0}),
    ("exponent-of-json", b"a: 1e5", {"a": 100000.0}),
    ("exponent-with-sign", b"a: 1.5E+3", {"a": 1500.0}),
    ("underflow", b"a: 1e-400", {"a": 0.0}),
    ("largest-unsigned", b"a: 18446744073709551615", {"a": 2**64 - 1}),
    ("least-signed", b"a: -9223372036854775808", {"a": -(2**63)}),
    ("two-minus", b"a: --1", {"a": "--1"}),
    ("version", b"a: 1.2.3", {"a": "1.2.3"}),
    ("thousands-comma", b"a: 1,000", {"a": "1,000"}),
    ("arabic-digit", "a: \u0661".encode(), {"a": "\u0661"}),
    ("fullwidth-digit", "a: \uff11".encode(), {"a": "\uff11"}),
    ("no-break-space", "a: 1\u00a0".encode(), {"a": "1\u00a0"}),
    ("emoji-raw", "a: \U0001f600".encode(), {"a": "\U0001f600"}),
    ("emoji-escaped", b'a: "\\U0001F600"', {"a": "\U0001f600"}),
    ("escaped-del", b'a: "\\u007f"', {"a": "\x7f"}),
    ("escaped-nel", b'a: "\\u0085"', {"a": "\x85"}),
    ("escaped-line-separator", b'a: "\\u2028"', {"a": "\u2028"}),
    ("escaped-bom", b'a: "\\ufeff"', {"a": "\ufeff"}),
    ("escaped-noncharacter", b'a: "\\ufffe"', {"a": "\ufffe"}),
    ("escaped-nul", b'a: "\\u0000"', {"a": "\x00"}),
    ("escaped-slash", b'a: "\\/"', {"a": "/"}),
    ("markup", b"a: <b>x</b>", {"a": "<b>x</b>"}),
    ("template", b'a: "{{ 7*7 }}"', {"a": "{{ 7*7 }}"}),
    ("formula", b'a: "=1+1"', {"a": "=1+1"}),
    ("python-tag-as-text", b'a: "!!python/object:os.system"', {"a": "!!python/object:os.system"}),
    ("alias-as-text", b'a: "*x"', {"a": "*x"}),
    ("windows-lines", b"a: 1\r\nb: 2\r\n", {"a": 1, "b": 2}),
    ("old-mac-lines", b"a: 1\rb: 2", {"a": 1, "b": 2}),
    ("no-last-newline", b"a: 1", {"a": 1}),
    ("start-and-end-marks", b"---\na: 1\n...\n", {"a": 1}),
    ("comments", b"# c\na: 1 # d\n# e\n", {"a": 1}),
    ("hash-in-a-word", b"a: b#c", {"a": "b#c"}),
    ("literal-block", b"a: |\n  x\n  y\n", {"a": "x\ny\n"}),
    ("folded-block", b"a: >-\n  x\n  y\n", {"a": "x y"}),
    ("block-that-looks-like-null", b"a: |-\n  null\n", {"a": "null"}),
    ("json", b'{"a":{"b":[1,true,null]}}', {"a": {"b": [1, True, None]}}),
    ("list", b"- 1\n- x\n", [1, "x"]),
    ("list-with-last-comma", b"a: [1,2,]", {"a": [1, 2]}),
    ("word", b"x", "x"),
    ("number", b"5", 5),
    ("no-space-after-colon", b"a:b", "a:b"),
    ("flow-no-space", b"{a:1}", {"a:1": None}),
    ("pair-in-a-list", b"[a: 1]", [{"a": 1}]),
    ("explicit-key", b"? a\n: 1", {"a": 1}),
]


@pytest.mark.parametrize(
    ("data", "meaning"), [one[1:] for one in MEANINGS], ids=[one[0] for one in MEANINGS]
)
@pytest.mark.parametrize("loader", LOADERS)
def test_odd_text_has_its_documented_meaning(monkeypatch, loader, data, meaning):
    monkeypatch.setattr(strict_yaml, "LOADER", loader)
    assert repr(load(data, "f.yml").value) == repr(meaning)  # repr tells 1, 1.0 and True apart


DOUBTFUL = "which YAML versions read differently: quote it"
SECOND = "a second time"
# A name of the case, the text, the place (line and column), and a word of the reason.
REFUSALS = [
    ("nothing", b"", "1:1", "empty"),
    ("only-a-comment", b"# x\n", "1:1", "empty"),
    ("bom", b"\xef\xbb\xbfa: 1", "1:1", "byte order mark"),
    ("utf-16-le", "a: 1".encode("utf-16"), "1:1", "not UTF-8"),
    ("utf-16-be", b"\xfe\xff\x00a", "1:1", "not UTF-8"),
    ("utf-32", "a: 1".encode("utf-32"), "1:1", "not UTF-8"),
    ("utf-16-without-mark", "a: 1".encode("utf-16-le"), "1:2", "U+0000"),
    ("latin-1", b"a: 1\nb: caf\xe9", "2:7", "not UTF-8"),
    ("lone-surrogate-bytes", b"a: \xed\xa0\x80", "1:4", "not UTF-8"),
    ("overlong-slash", b"a: \xc0\xaf", "1:4", "not UTF-8"),
    ("cut-in-a-letter", b"a: 1\nb: \xc3", "2:4", "not UTF-8"),
    ("nul", b"a: 1\nb: x\x00", "2:5", "U+0000"),
    ("escape-code", b"a: \x1b[31m", "1:4", "U+001B"),
    ("backspace", b"a: x\x08", "1:5", "U+0008"),
    ("form-feed", b"a: 1\n\x0cb: 2", "2:1", "U+000C"),
    ("del", b"a: 1\nb: 'x\x7f'", "2:6", "U+007F"),
    ("c1", "a: '\x9b'".encode(), "1:5", "U+009B"),
    ("nel-in-quotes", "a: 'x\x85y'".encode(), "1:6", "U+0085"),
    ("line-separator", "a: \u2028b".encode(), "1:4", "U+2028"),
    ("paragraph-separator", "a: 'x\u2029y'".encode(), "1:6", "U+2029"),
    ("bom-inside", "a: \ufeffx".encode(), "1:4", "U+FEFF"),
    ("noncharacter", "a: \ufffe".encode(), "1:4", "U+FFFE"),
    ("place-after-windows-lines", b"a: 1\r\nb: \x00", "2:4", "U+0000"),
    ("surrogate-pair", b'a: "\\ud83d\\ude00"', "1:7", ""),
    ("lone-surrogate-escape", b'a: "\\ud800"', "1:7", ""),
    ("beyond-unicode", b'a: "\\U00110000"', "1:7", ""),
    ("unknown-escape", b'a: "\\q"', "1:5", ""),
    ("alias", b"a: *b", "1:4", "an alias"),
    ("alias-as-key", b"*b : 1", "1:1", "an alias"),
    ("alias-in-a-row", b'l:\n  "x": {"a":*b}', "2:13", "an alias"),
    ("anchor", b"a: &b 1", "1:4", "an anchor"),
    ("anchor-of-the-root", b"&r\na: 1", "1:1", "an anchor"),
    ("anchor-of-a-list", b"a: &b [1]", "1:4", "an anchor"),
    ("anchor-of-a-key", b"&k a: 1", "1:1", "an anchor"),
    ("bomb", b"a: &a [x,x]\nb: &b [*a,*a]\nc: [*b,*b]", "1:4", "an anchor"),
    ("endless", b"&a [*a]", "1:1", "an anchor"),
    ("merge", b"<<: {a: 1}", "1:1", "a merge key"),
    ("merge-below", b"a:\n  <<: {b: 1}", "2:3", "a merge key"),
    ("second-key", b"a: 1\na: 2", "2:1", SECOND),
    ("second-key-same-value", b"a: 1\na: 1", "2:1", SECOND),
    ("second-key-other-quotes", b"a: {b: 1, 'b': 2}", "1:11", SECOND),
    ("second-key-below", b"a:\n  b: 1\n  b: 2", "3:3", SECOND),
    ("second-key-in-a-row", b'l:\n  "cni0": {"mtu":1450,"mtu":1400}', "2:23", SECOND),
    ("second-key-deep-in-a-row", b'l:\n  "c": {"v":{"id":1,"id":2}}', "2:21", SECOND),
    ("second-key-by-an-escape", b'l:\n  "c": {"mtu":1,"\\u006dtu":2}', "2:17", SECOND),
    ("second-row", b'l:\n  "c": {}\n  "c": {}', "3:3", SECOND),
    ("second-key-in-a-list", b"- {a: 1, a: 2}", "1:10", SECOND),
    ("python-object", b"a: !!python/object/apply:os.system [id]", "1:4", "a tag"),
    ("python-name", b"a: !!python/name:os.system", "1:4", "a tag"),
    ("python-tuple", b"a: !!python/tuple [1]", "1:4", "a tag"),
    ("vault", b"a: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n", "1:4", "a tag"),
    ("unsafe", b"a: !unsafe '{{ x }}'", "1:4", "a tag"),
    ("str-tag", b"a: !!str 1", "1:4", "a tag"),
    ("binary", b"a: !!binary aGk=", "1:4", "a tag"),
    ("set", b"!!set {a, b}", "1:1", "a tag"),
    ("omap", b"!!omap [a: 1]", "1:1", "a tag"),
    ("plain-tag", b"a: ! 1", "1:4", "a tag"),
    ("verbatim-tag", b"a: !<tag:x> 1", "1:4", "a tag"),
    ("tag-of-a-key", b"!!str a: 1", "1:1", "a tag"),
    ("yaml-directive", b"%YAML 1.1\n---\na: 1", "1:1", "a directive"),
    ("tag-directive", b"%TAG ! tag:x:\n---\na: 1", "1:1", "a directive"),
    ("two-documents", b"a: 1\n---\nb: 2", "2:1", "a second document"),
    ("empty-second-document", b"a: 1\n---\n", "2:1", "a second document"),
    ("text-after-the-end", b"a: 1\n...\nb: 2", "3:1", ""),
    ("tab-for-indent", b"a:\n\tb: 1", "2:1", ""),
    ("tab-first", b"\ta: 1", "1:1", ""),
    ("mapping-as-key", b"? {a: 1}\n: 2", "1:3", "a key that is no plain text"),
    ("list-as-key", b"[1]: 2", "1:1", "a key that is no plain text"),
    ("two-colons", b"a: b: c", "1:5", ""),
    ("open-list", b"a: [1, 2", None, ""),
    ("open-mapping", b'a: {"b": 1', None, ""),
    ("open-quote", b"a: 'b", None, ""),
    ("at", b"@a: 1", "1:1", ""),
    ("backtick", b"`a", "1:1", ""),
    ("percent", b"a: %x", "1:4", ""),
    ("lone-comma", b"a: [,]", "1:5", ""),
    ("bad-indent", b"a: 1\n b: 2", None, ""),
    ("base-60", b"a: 1:20", "1:4", DOUBTFUL),
    ("base-60-mac", b"a: 10:20:30:40:50:55", "1:4", DOUBTFUL),
    ("base-60-mac-with-zeros", b"a: 52:54:00:12:34:56", "1:4", DOUBTFUL),
    ("base-60-negative", b"a: -1:20", "1:4", DOUBTFUL),
    ("base-60-float", b"a: 1:20.5", "1:4", DOUBTFUL),
    ("octal-1.1", b"a: 0777", "1:4", DOUBTFUL),
    ("octal-that-is-none", b"a: 08", "1:4", DOUBTFUL),
    ("octal-1.2", b"a: 0o17", "1:4", DOUBTFUL),
    ("hexadecimal", b"a: 0x1F", "1:4", DOUBTFUL),
    ("binary-number", b"a: 0b11", "1:4", DOUBTFUL),
    ("underscores", b"a: 1_000", "1:4", DOUBTFUL),
    ("plus", b"a: +5", "1:4", DOUBTFUL),
    ("dot-first", b"a: .5", "1:4", DOUBTFUL),
    ("dot-last", b"a: 5.", "1:4", DOUBTFUL),
    ("inf", b"a: .inf", "1:4", DOUBTFUL),
    ("minus-inf", b"a: -.INF", "1:4", DOUBTFUL),
    ("nan", b"a: .nan", "1:4", DOUBTFUL),
    ("nan-capital", b"a: .NaN", "1:4", DOUBTFUL),
    ("capital-true", b"a: True", "1:4", DOUBTFUL),
    ("capitals-true", b"a: TRUE", "1:4", DOUBTFUL),
    ("capital-false", b"a: False", "1:4", DOUBTFUL),
    ("capital-null", b"a: Null", "1:4", DOUBTFUL),
    ("capitals-null", b"a: NULL", "1:4", DOUBTFUL),
    ("tilde", b"a: ~", "1:4", DOUBTFUL),
    ("equals", b"a: =", "1:4", DOUBTFUL),
    ("infinite-by-size", b"a: 1e400", "1:4", "too large"),
    ("minus-infinite-by-size", b"a: -1e400", "1:4", "too large"),
    ("veth-id-as-number", b"a: 12e45678", "1:4", "too large"),
    ("over-64-bits", b"a: 18446744073709551616", "1:4", "too large"),
    ("under-64-bits", b"a: -9223372036854775809", "1:4", "too large"),
    ("huge", b"a: " + b"9" * 60_000, "1:4", "too large"),
    ("deep-lists", b"[" * 65, "1:65", "more than 64 levels"),
    ("deep-lists-10000", b"[" * 10_000, "1:65", "more than 64 levels"),
    ("deep-lists-100000", b"[" * 100_000, "1:65", "more than 64 levels"),
    ("deep-mappings-100000", b'{"a":' * 100_000, "1:321", "more than 64 levels"),
    ("deep-dashes-100000", b"- " * 100_000, "1:129", "more than 64 levels"),
    ("deep-keys-100000", b"? " * 100_000, "1:3", "no plain text"),
]


@pytest.mark.parametrize(
    ("data", "place", "reason"),
    [one[1:] for one in REFUSALS],
    ids=[one[0] for one in REFUSALS],
)
def test_odd_text_is_refused_with_its_place(data, place, reason):
    started = time.perf_counter()
    with pytest.raises(UnreadableError) as caught:
        load(data, "f.yml")
    message = str(caught.value)
    found = re.match(r"f\.yml:([0-9]+:[0-9]+): (.+)\Z", message, re.DOTALL)
    assert found, message
    assert place in (None, found[1]), message
    assert reason in found[2]
    assert time.perf_counter() - started < 2


@pytest.mark.parametrize("data", [one[1] for one in REFUSALS], ids=[one[0] for one in REFUSALS])
def test_what_is_refused_with_libyaml_is_refused_without(monkeypatch, data):
    monkeypatch.setattr(strict_yaml, "LOADER", yaml.SafeLoader)
    with pytest.raises(UnreadableError, match=r"^f\.yml:[0-9]+:[0-9]+: "):
        load(data, "f.yml")


def test_a_hundred_and_twenty_odd_texts_are_in_the_tables():
    assert len(MEANINGS) + len(REFUSALS) >= 120
    assert len({one[1] for one in MEANINGS + REFUSALS}) == len(MEANINGS) + len(REFUSALS)


SMALL = Limits(size=200, depth=4, nodes=10, text=20)


def nested(depth):
    return b"[" * depth + b"]" * depth


LIMIT_CASES = [
    # what is limited, a text of that much, the limit, the words of the refusal
    ("size", lambda n: b"a: 1".ljust(n), SMALL.size, "bytes, over the limit of 200"),
    ("depth", nested, SMALL.depth, "more than 4 levels"),
    # a list and what is in it, or a mapping and its keys and values
    ("nodes", lambda n: b"[" + b"1," * (n - 1) + b"]", SMALL.nodes, "more than 10 values"),
    ("text", lambda n: b"a: " + b"x" * n, SMALL.text, "a text of over 20 characters"),
    ("quoted-text", lambda n: b"a: '%s'" % (b"x" * n), SMALL.text, "a text of over 20"),
    ("key", lambda n: b"x" * n + b": 1", SMALL.text, "a key that is too long"),
]


@pytest.mark.parametrize(
    ("make", "limit", "words"),
    [one[1:] for one in LIMIT_CASES],
    ids=[one[0] for one in LIMIT_CASES],
)
def test_a_limit_is_inclusive_and_one_more_is_refused(make, limit, words):
    load(make(limit - 1), "f.yml", SMALL)
    load(make(limit), "f.yml", SMALL)
    with pytest.raises(UnreadableError, match=words):
        load(make(limit + 1), "f.yml", SMALL)


def test_the_limits_that_hold_are_the_documented_ones():
    assert Limits(size=16 * 2**20, depth=64, nodes=1_000_000, text=64 * 2**10) == LIMITS
    load(nested(64), "f.yml")
    with pytest.raises(UnreadableError, match="more than 64 levels"):
        load(nested(65), "f.yml")
    load(b"a: " + b"x" * 65_536, "f.yml")
    with pytest.raises(UnreadableError, match="over 65536 characters"):
        load(b"a: " + b"x" * 65_537, "f.yml")
    with pytest.raises(UnreadableError, match="over the limit of 16777216"):
        load(b"#" * (LIMITS.size + 1), "f.yml")


@pytest.mark.parametrize(
    ("value", "fits"),
    [
        ({"a": {"b": [1]}}, True),
        ({"a": {"b": {"c": [1]}}}, True),
        ({"a": {"b": {"c": [[]]}}}, False),
        ([1] * 9, True),
        ([1] * 10, False),
        ("x" * 20, True),
        ("x" * 21, False),
        ({"x" * 20: 1}, True),
        ({"x" * 21: 1}, False),
        (None, True),
    ],
    ids=["depth-3", "depth-4", "depth-5", "10-values", "11-values", "text", "text+1", "key",
         "key+1", "null"],
)  # fmt: skip
def test_plain_data_is_held_to_the_same_limits(value, fits):
    assert within(value, SMALL) is fits


def test_a_place_is_that_of_the_nearest_thing_above():
    found = load(b"a:\n  b: [1, {c: 2}]\n", "f.yml")
    assert [
        found.place_of(path)
        for path in [("a",), ("a", "b"), ("a", "b", 1, "c"), ("a", "b", 1, "z", "y"), ("q",)]
    ] == [(1, 1), (2, 3), (2, 11), (2, 10), (1, 1)]
