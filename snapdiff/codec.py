"""A document as text and back: the only file that knows YAML.

The canonical form is YAML with one object a line: the outer keys are plain YAML, a row below them
is a quoted key and a flow mapping that is strict JSON. So a changed line is a changed object, any
YAML 1.2 parser reads it, and so does a JSON parser, line by line::

    schema: "snapdiff/snapshot/1"
    links:
      "cni0": {"addresses":{...},"mtu":1360}

What a person has edited is read by :mod:`snapdiff.strict_yaml` instead, more slowly.
"""

from __future__ import annotations

import functools
import math
import re
import typing as t
from collections.abc import Callable, Iterator, Mapping

import orjson

from snapdiff import strict_yaml
from snapdiff.errors import InvalidError, UnreadableError
from snapdiff.rows import Rows
from snapdiff.schema import load, part_decider, validate

# An outer key with its value or the rows below it, and a row.
OUTER = re.compile(rb'([a-z][a-z0-9_]*):( .+|(?:\n  ".+)++)\n')
ROW = re.compile(rb'^  "([^"\\\n]*+(?:\\.[^"\\\n]*+)*+)": (.+)$', re.MULTILINE)
# YAML refuses or changes these where they stand raw: DEL, C1 controls, line separators, the BOM
# and the two non-characters. orjson writes them raw.
UNSAFE = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")

Span = tuple[int, int]
Whole = Callable[[], dict[str, t.Any]]


class NotCanonicalError(Exception):
    """Raised for text that we would not have written so; it never leaves this file."""


def dumps(document: Mapping[str, t.Any]) -> str:
    """Return the canonical text; the outer keys keep their order, all below is sorted.

    Raises InvalidError for what JSON cannot say: NaN, integers beyond 64 bits, lone surrogates.
    """
    lines = []
    for key, value in document.items():
        if isinstance(value, Rows):
            lines.append(f"{key}:" if value.raw else f"{key}: {{}}")
            lines.extend(f"  {_json(name)}: {row.decode()}" for name, row in value.raw.items())
        elif isinstance(value, Mapping) and value:
            lines.append(f"{key}:")
            lines.extend(f"  {_json(name)}: {_json(value[name])}" for name in _names(value))
        else:
            lines.append(f"{key}: {_json(value)}")
    return "\n".join(lines) + "\n"


def _names(section: Mapping[t.Any, t.Any]) -> list[str]:
    for name in section:
        if not isinstance(name, str):
            raise InvalidError(f"it cannot be written: the key {name!r} is no text")
    return sorted(section)


def _json(value: t.Any) -> str:
    try:
        text = orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
    except (TypeError, UnicodeEncodeError) as error:
        raise InvalidError(f"it cannot be written: {error}") from None
    if "null" in text and not _finite(value):
        raise InvalidError("it cannot be written: a number that is not finite")
    if text.isascii() and "\x7f" not in text:
        return text
    return UNSAFE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def _finite(value: t.Any) -> bool:
    """Look for what orjson writes as null."""
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, Mapping):
        return all(map(_finite, value.values()))
    return not isinstance(value, (list, tuple)) or all(map(_finite, value))


class Document(Mapping[str, t.Any]):
    """A canonical file by its outer keys; a section is split into rows when it is first asked for.

    *whole* reads all of the file in another way, should a section turn out not to be canonical.
    """

    __slots__ = ("_data", "_found", "_kind", "_spans", "_whole")

    def __init__(self, data: bytes, kind: str, spans: dict[str, Span], whole: Whole) -> None:
        self._data = data
        self._kind = kind
        self._spans = spans
        self._whole = whole
        self._found: dict[str, t.Any] = {}

    def text(self, key: str) -> bytes:
        """Return a section's bytes: where two have the same, nothing in it differs."""
        start, end = self._spans[key]
        return self._data[start:end]

    def __getitem__(self, key: str) -> t.Any:
        if key not in self._found:
            try:
                value = _section(self.text(key), functools.partial(self._row, key))
                if not isinstance(value, Rows) and not part_decider(self._kind, key)(value):
                    raise NotCanonicalError
                self._found[key] = value
            except NotCanonicalError:
                self._found = self._whole()
        return self._found[key]

    def _row(self, key: str, name: str, raw: bytes) -> t.Any:
        """Return a row that fits the schema; of one that does not, the whole file says where."""
        try:
            value = orjson.loads(raw)
            shallow = raw.count(b"{") + raw.count(b"[") <= strict_yaml.LIMITS.depth
            small = shallow or strict_yaml.within(value, strict_yaml.LIMITS)
            if small and part_decider(self._kind, key)({name: value}):
                return value
        except orjson.JSONDecodeError:
            pass
        return self._whole()[key][name]

    def __contains__(self, key: object) -> bool:
        return key in self._spans

    def __iter__(self) -> Iterator[str]:
        return iter(self._spans)

    def __len__(self) -> int:
        return len(self._spans)


def document(data: bytes, kind: str, whole: Whole) -> Document | None:
    """Return a canonical document of which only the outline was looked at; None if it is not one.

    Lines have to be outer keys, each once, and what may be rows. A row is held against the schema
    when it is asked for; one that never is may hold anything, so this is for bytes whose digest is
    known, and all else goes through :func:`loads`.
    """
    spans = _outline(data)
    schema = load(kind)
    whole_file = spans and schema["properties"].keys() >= spans.keys() >= set(schema["required"])
    return Document(data, kind, spans, whole) if spans and whole_file else None


def read_rows(data: bytes) -> dict[str, t.Any] | None:
    """Return a canonical document with its sections as rows of bytes; None where it is not one.

    That rows stand in order, each key once, is looked at, but not what a row holds.
    """
    spans = _outline(data)
    if spans is None:
        return None
    try:
        return {key: _section(data[start:end], _plain_row) for key, (start, end) in spans.items()}
    except NotCanonicalError:
        return None


def _plain_row(_name: str, raw: bytes) -> t.Any:
    return orjson.loads(raw)


def _outline(data: bytes) -> dict[str, Span] | None:
    """Return where the value of each outer key stands, in the order of the file."""
    spans: dict[str, Span] = {}
    end = 0
    while end < len(data):
        found = OUTER.match(data, end)
        if found is None:
            return None
        key, end = found[1].decode(), found.end()
        if key in spans:
            return None
        spans[key] = found.span(2)
    return spans if spans and b"\r" not in data else None


def _section(text: bytes, parse: Callable[[str, bytes], t.Any]) -> t.Any:
    """Return the value of an outer key: what stands behind it, or the rows below it."""
    try:
        if not text.startswith(b"\n"):
            return orjson.loads(text)
        pairs = ROW.findall(text)
        keys = b"\n".join([key for key, _row in pairs])
        if b"\\" in keys:
            names = [str(orjson.loads(b'"%b"' % key)) for key, _row in pairs]
        else:
            names = keys.decode().split("\n")
    except (UnicodeDecodeError, orjson.JSONDecodeError):
        raise NotCanonicalError from None
    raw = dict(zip(names, [row for _key, row in pairs], strict=False))
    if len(raw) != text.count(b"\n") or names != sorted(names):
        raise NotCanonicalError
    return Rows(raw, parse)


def loads(
    data: bytes, kind: str, where: str, limits: strict_yaml.Limits = strict_yaml.LIMITS
) -> dict[str, t.Any]:
    """Return a document that may come from anybody, held against the schema of its *kind*.

    *where* is the file's name for messages. Raises UnreadableError with ``file:line:column``.
    """
    document = _canonical(data, limits)
    try:
        if document is None:
            document = strict_yaml.load(data, where, limits).value
        validate(document, kind)
    except InvalidError as error:
        place = spot(data, where, error.path, limits)
        raise InvalidError(f"{place}: not a valid {kind}: {error}", error.path) from None
    return document


def _canonical(data: bytes, limits: strict_yaml.Limits) -> dict[str, t.Any] | None:
    """Return the document if its bytes are just what we would write, which leaves no trick."""
    if len(data) > limits.size:
        return None
    document = read_rows(data)
    if document is None:
        return None
    try:
        plain = {k: dict(v) if isinstance(v, Rows) else v for k, v in document.items()}
        if strict_yaml.within(plain, limits) and dumps(plain).encode() == data:
            return plain
    except (orjson.JSONDecodeError, InvalidError):
        pass
    return None


def spot(
    data: bytes,
    where: str,
    path: tuple[str | int, ...],
    limits: strict_yaml.Limits = strict_yaml.LIMITS,
) -> str:
    """Return ``file:line:column`` of a place in a document's text; of none, the file."""
    try:
        line, column = strict_yaml.load(data, where, limits).place_of(path)
    except UnreadableError:
        return where
    return f"{where}:{line}:{column}"
