"""Any name becomes a file name inside the folder, and no two names the same one."""

from __future__ import annotations

import itertools
import os
import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import bare
from snapdiff.errors import UsageError
from snapdiff.names import LONGEST, from_file_name, to_file_name
from snapdiff.store import Draft

SAFE = re.compile(r"(?![.-])(?:[a-z0-9._~-]|%[0-9A-F]{1,2})+\Z")  # an escape may be cut
PLAIN = ["node1", "node-1.example.com", "10.0.0.1", "n_1", "0", "a.b.c"]
ODD = [
    "../../x",
    "/abs",
    "a/b",
    "a\\b",
    ".",
    "..",
    "...",
    ".hidden",
    "-rf",
    "--help",
    "a" * 300,
    "a" * 299 + "b",
    "A" * 300,
    "\u00e9" * 150,
    "\U0001f600" * 75,
    "n\nm",
    "n\rm",
    "n\tm",
    "\x1b[31mred",
    "=1+1",
    "+1",
    "@x",
    "<b>x</b>",
    "CON",
    "con",
    "NUL.txt",
    "a:b",
    "a*b?",
    'a"b',
    "a'b",
    "a|b",
    "a;id",
    "$(id)",
    "`id`",
    "\u202egpj.exe",
    "a\u200bb",
    "\ufeffa",
    "trailing.",
    "trailing..",
    "trailing ",
    " leading",
    "~root",
    "a~b",
    "\U0001f600",
    "fe80::1%eth0",
    "2001:db8::1",
    "%2e%2e",
    "%2E%2E",
    "%252e",
    "%",
    "100%",
    "{{ 7*7 }}",
    "{% raw %}",
    "${HOME}",
    "Node1",
    "NODE1",
    "nodE1",
    unicodedata.normalize("NFC", "caf\u00e9"),
    unicodedata.normalize("NFD", "caf\u00e9"),
    "stra\u00dfe",
    "strasse",
    "\u0130",
    "i\u0307",
    "\ufb01",
    "fi",
    "\u2024",
    "\uff0e\uff0e",
    "\x7f",
    "\x85",
    "\uffff",
    "node1.yml",
    "capture.yml",
]


def folded(text):
    """Return what a file system that keeps less apart may take a name for."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFKC", text).casefold())


def is_safe(text):
    return bool(SAFE.match(text)) and text[-1] not in ". " and len(text) <= LONGEST


@pytest.mark.parametrize("name", PLAIN)
def test_a_plain_name_stays_as_it_is(name):
    assert to_file_name(name) == name


@pytest.mark.parametrize("name", PLAIN + ODD, ids=ascii)
def test_a_name_stays_inside_its_folder(tmp_path, name):
    path = Draft(tmp_path / "capture").path_of(name)
    assert path.parent == tmp_path / "capture" / "nodes"
    assert os.path.normpath(path) == str(path)
    assert is_safe(to_file_name(name))
    path.parent.mkdir(parents=True)
    path.write_bytes(b"")  # a file system takes it, with its ending
    assert [one.name for one in path.parent.iterdir()] == [f"{to_file_name(name)}.yml"]


@pytest.mark.parametrize("name", PLAIN + ODD, ids=ascii)
def test_a_name_comes_back_unless_it_was_cut(name):
    text = to_file_name(name)
    if "~" in text:
        assert len(name.encode()) > LONGEST // 3
        assert len(text) <= LONGEST
    else:
        assert from_file_name(text) == name


def test_no_two_names_are_alike_also_where_case_and_composition_do_not_count():
    assert len(set(ODD)) >= 40
    pairs = itertools.combinations(PLAIN + ODD, 2)
    assert [one for one in pairs if len({folded(to_file_name(name)) for name in one}) < 2] == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Node1", "%4Eode1"),
        ("..", "%2E%2E"),
        (".a", "%2Ea"),
        ("-rf", "%2Drf"),
        ("a.", "a%2E"),
        ("a/b", "a%2Fb"),
        ("%2e", "%252e"),
        ("a~b", "a%7Eb"),
        ("\u00e9A", "%C3%A9%41"),
        ("2001:db8::1", "2001%3Adb8%3A%3A1"),
    ],
    ids=ascii,
)
def test_what_is_not_plain_is_its_bytes_in_percents(name, text):
    assert to_file_name(name) == text


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("", "one character or more"),
        ("\0", "without NUL"),
        ("a\0b", "without NUL"),
        ("\ud800", "not text"),
        ("a\udcff", "not text"),
    ],
    ids=["empty", "nul", "nul-inside", "surrogate", "byte-that-is-no-text"],
)
def test_what_is_no_name_is_refused(name, why):
    with pytest.raises(UsageError, match=why):
        to_file_name(name)


@pytest.mark.parametrize("size", [LONGEST - 1, LONGEST, LONGEST + 1, LONGEST + 2, 5_000])
def test_a_name_is_cut_only_over_the_limit(size):
    text = to_file_name("a" * size)
    assert ("~" in text) is (size > LONGEST)
    assert len(text) <= LONGEST


def test_long_names_that_differ_at_the_end_are_told_apart():
    names = [to_file_name("n" * 290 + str(number)) for number in range(100)]
    assert len(set(names)) == 100


NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=80)


@given(NAMES)
def test_any_text_is_a_safe_name_and_comes_back(name):
    text = to_file_name(name)
    assert is_safe(text)
    assert from_file_name(text) == name or "~" in text


@given(NAMES, NAMES)
def test_any_two_texts_are_told_apart(one, other):
    assert (folded(to_file_name(one)) == folded(to_file_name(other))) is (one == other)


@given(NAMES.map(lambda name: (name, name.swapcase(), unicodedata.normalize("NFD", name))))
def test_texts_that_look_alike_are_told_apart(names):
    assert len({folded(to_file_name(name)) for name in names}) == len(set(names))


def test_a_snapshot_keeps_the_true_name_inside():
    assert bare("N" * 300).node == "N" * 300
