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

import math
import re
import typing as t
from collections.abc import Mapping

import orjson

from snapdiff import strict_yaml
from snapdiff.errors import InvalidError, UnreadableError
from snapdiff.model import Rows
from snapdiff.schema import validate

OUTER = re.compile(rb"([a-z][a-z0-9_]*):(?: (.+))?\Z")
# YAML refuses or changes these where they stand raw: DEL, C1 controls, line separators, the BOM
# and the two non-characters. orjson writes them raw.
UNSAFE = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")


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


def read_rows(data: bytes) -> dict[str, t.Any] | None:
    """Return a canonical document with its sections as rows of bytes; None where it is not one.

    Only the outline is looked at: that rows stand in order, each key once. What a row holds is
    trusted, so this is for bytes whose digest is known; all else goes through :func:`loads`.
    """
    document: dict[str, t.Any] = {}
    raw: dict[str, bytes] | None = None
    last = ""
    if not data.endswith(b"\n") or b"\r" in data:
        return None
    for line in data[:-1].split(b"\n"):
        if line.startswith(b'  "') and raw is not None:
            end = line.find(b'": ', 3)
            name = _key(line, end)
            if name is None or (raw and name <= last):
                return None
            raw[name] = (
                line[end + 3 :] if b"\\" not in line[3:end] else line[len(_quoted(line)) + 4 :]
            )
            last = name
            continue
        outer = OUTER.match(line)
        if outer is None:
            return None
        key = outer[1].decode()
        if key in document or (raw is not None and not raw):
            return None
        raw = None
        if outer[2] is None:
            raw = {}
            document[key] = Rows(raw, orjson.loads)
        else:
            try:
                document[key] = orjson.loads(outer[2])
            except orjson.JSONDecodeError:
                return None
    return document


def _quoted(line: bytes) -> bytes:
    match = re.match(rb'"(?:[^"\\]|\\.)*"', line[2:])
    return match[0] if match else b""


def _key(line: bytes, end: int) -> str | None:
    if end < 0:
        return None
    try:
        if b"\\" in line[3:end]:
            return str(orjson.loads(_quoted(line)))
        return line[3:end].decode()
    except (UnicodeDecodeError, orjson.JSONDecodeError):
        return None


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
        spot = _spot(data, where, limits, error.path)
        raise InvalidError(f"{spot}: not a valid {kind}: {error}", error.path) from None
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


def _spot(data: bytes, where: str, limits: strict_yaml.Limits, path: tuple[str | int, ...]) -> str:
    try:
        line, column = strict_yaml.load(data, where, limits).place_of(path)
    except UnreadableError:
        return where
    return f"{where}:{line}:{column}"
