"""YAML as strangers send it: one plain document, no tricks, every error with its place.

It goes over libyaml's events, so nothing is built before it is judged. What YAML 1.1 and 1.2 read
differently is refused or stays a string; aliases, tags, duplicate keys and outsize files are
refused.
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass, field

import yaml

from snapdiff.errors import UnreadableError

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?\Z")
# Plain words that some YAML version takes for a number, a boolean or nothing.
DOUBTFUL = re.compile(
    r"[-+]?(?:0[0-9_]+|0[xob][0-9a-fA-F_]+|[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?"
    r"|[0-9][0-9_,]*_[0-9_]*|\.[0-9][0-9_]*|[0-9][0-9_]*\.(?:[eE][-+]?[0-9]+)?|\.inf|\.Inf|\.INF"
    r"|\+[0-9].*)\Z|\.(?:nan|NaN|NAN)\Z|True\Z|TRUE\Z|False\Z|FALSE\Z|Null\Z|NULL\Z|~\Z|=\Z"
)
# Characters that some YAML version refuses or takes for a line break; a JSON string has escapes.
ODD = re.compile("[^\t\n\r -~\xa0-\u2027\u202a-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
SURROGATE = re.compile("[\ud800-\udfff]")
WORDS = {"true": True, "false": False, "null": None, "": None}


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a file may hold before it is refused."""

    size: int = 16 * 1024 * 1024  # bytes
    depth: int = 64
    nodes: int = 1_000_000
    text: int = 64 * 1024  # characters of one string


LIMITS = Limits()


@dataclass(slots=True)
class Loaded:
    """A document, and where in the file each of its places is (line and column, from 1)."""

    value: t.Any
    places: dict[tuple[str | int, ...], tuple[int, int]] = field(default_factory=dict)

    def place_of(self, path: tuple[str | int, ...]) -> tuple[int, int]:
        """Return the line and column of *path*, or of the nearest place above it."""
        while path not in self.places and path:
            path = path[:-1]
        return self.places.get(path, (1, 1))


def within(value: t.Any, limits: Limits) -> bool:
    """Say whether plain data keeps to *limits* of depth, nodes and text."""
    level, count = [value], 0
    for depth in range(limits.depth + 1):
        below: list[t.Any] = []
        for one in level:
            if depth == limits.depth and isinstance(one, (dict, list)):
                return False
            if isinstance(one, dict):
                below.extend(one.values())
                if any(len(key) > limits.text for key in one):
                    return False
            elif isinstance(one, list):
                below.extend(one)
            elif isinstance(one, str) and len(one) > limits.text:
                return False
        count += len(level)
        if count > limits.nodes:
            return False
        if not below:
            return True
        level = below
    return False


def load(data: bytes, where: str, limits: Limits = LIMITS) -> Loaded:
    """Return the one document in *data*. Raises UnreadableError with ``file:line:column``."""
    if len(data) > limits.size:
        raise UnreadableError(f"{where}: {len(data)} bytes, over the limit of {limits.size}")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        spot = _spot(data[: error.start].decode("utf-8"))
        raise UnreadableError(f"{where}:{spot}: not UTF-8: {error.reason}") from None
    if text.startswith("\ufeff"):
        raise UnreadableError(f"{where}:1:1: it starts with a byte order mark. Remove it.")
    if odd := ODD.search(text):
        raise UnreadableError(
            f"{where}:{_spot(text[: odd.start()])}: the character U+{ord(odd[0]):04X}; "
            "write it as an escape"
        )
    reader = _Reader(where, limits)
    try:
        for event in yaml.parse(text, Loader=LOADER):
            reader.take(event)
    except (yaml.YAMLError, ValueError) as error:  # the latter: "\U00110000", without libyaml
        raise UnreadableError(f"{where}:{_mark(error)}: {_problem(error)}") from None
    if not reader.documents:
        raise UnreadableError(f"{where}:1:1: it is empty")
    return Loaded(reader.root, reader.places)


def _spot(before: str) -> str:
    lines = re.split("\r\n|\r|\n", before)
    return f"{len(lines)}:{len(lines[-1]) + 1}"


def _mark(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    return f"{mark.line + 1}:{mark.column + 1}" if mark else "1:1"


def _problem(error: Exception) -> str:
    return str(getattr(error, "problem", None) or getattr(error, "reason", None) or error)


@dataclass(slots=True)
class _Level:
    """A mapping or list that is still open."""

    value: dict[str, t.Any] | list[t.Any]
    path: tuple[str | int, ...]
    key: str | None = None  # of a mapping: read, and its value is to come


class _Reader:
    def __init__(self, where: str, limits: Limits) -> None:
        self.root: t.Any = None
        self.places: dict[tuple[str | int, ...], tuple[int, int]] = {}
        self.documents = 0
        self._open: list[_Level] = []
        self._count = 0
        self._where = where
        self._limits = limits

    def take(self, event: yaml.Event) -> None:
        if isinstance(event, yaml.DocumentStartEvent):
            self.documents += 1
            if self.documents > 1:
                self._refuse(event, "a second document")
            if event.tags or event.version:
                self._refuse(event, "a directive")
        elif isinstance(event, yaml.AliasEvent):
            self._refuse(event, "an alias")
        elif isinstance(event, yaml.NodeEvent):
            self._node(event)
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            self._open.pop()

    def _node(self, event: t.Any) -> None:
        self._count += 1
        if self._count > self._limits.nodes:
            self._refuse(event, f"more than {self._limits.nodes} values")
        if event.anchor is not None:
            self._refuse(event, "an anchor")
        if event.tag is not None:
            self._refuse(event, "a tag")
        scalar = isinstance(event, yaml.ScalarEvent)
        if scalar and not event.value.isascii() and SURROGATE.search(event.value):
            self._refuse(event, "half a character")  # an escape; libyaml refuses it itself
        above = self._open[-1] if self._open else None
        if above is not None and isinstance(above.value, dict) and above.key is None:
            if not scalar:
                self._refuse(event, "a key that is no plain text")
            above.key = self._key(event, above)
            return
        path = self._path(above)
        self.places.setdefault(path, (event.start_mark.line + 1, event.start_mark.column + 1))
        if scalar:
            value = self._scalar(event)
        else:
            value = {} if isinstance(event, yaml.MappingStartEvent) else []
        self._put(above, value)
        if not scalar:
            self._open.append(_Level(value, path))
            if len(self._open) > self._limits.depth:
                self._refuse(event, f"more than {self._limits.depth} levels")

    def _path(self, above: _Level | None) -> tuple[str | int, ...]:
        if above is None:
            return ()
        if isinstance(above.value, list):
            return (*above.path, len(above.value))
        return (*above.path, t.cast("str", above.key))

    def _key(self, event: t.Any, above: _Level) -> str:
        key: str = event.value
        if key in above.value:
            self._refuse(event, f"the key {key!r} a second time")
        if key == "<<" and not event.style:
            self._refuse(event, "a merge key")
        if len(key) > self._limits.text:
            self._refuse(event, "a key that is too long")
        self.places[*above.path, key] = (event.start_mark.line + 1, event.start_mark.column + 1)
        return key

    def _put(self, above: _Level | None, value: t.Any) -> None:
        if above is None:
            self.root = value
        elif isinstance(above.value, list):
            above.value.append(value)
        else:
            above.value[t.cast("str", above.key)] = value
            above.key = None

    def _scalar(self, event: t.Any) -> t.Any:
        text: str = event.value
        if len(text) > self._limits.text:
            self._refuse(event, f"a text of over {self._limits.text} characters")
        if event.style:  # libyaml says "" of a plain scalar, PyYAML itself None
            return text
        if text in WORDS:
            return WORDS[text]
        number = NUMBER.match(text)
        if number:
            return self._number(event, text, whole=not (number[1] or number[2]))
        if DOUBTFUL.match(text):
            self._refuse(event, f"{text}, which YAML versions read differently: quote it")
        return text

    def _number(self, event: t.Any, text: str, *, whole: bool) -> int | float:
        if whole and len(text) < 21 and -(2**63) <= int(text) < 2**64:
            return int(text)
        if not whole and abs(value := float(text)) < float("inf"):
            return value
        return self._refuse(event, "a number that is too large")

    def _refuse(self, event: t.Any, what: str) -> t.NoReturn:
        mark = event.start_mark
        raise UnreadableError(
            f"{self._where}:{mark.line + 1}:{mark.column + 1}: {what}; this file may not hold that"
        )
