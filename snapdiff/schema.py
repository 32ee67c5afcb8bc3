"""Data against ``schemas/``: the only file that knows JSON Schema.

jsonschema-rs decides (some hundred times faster); jsonschema is asked only about what was refused,
for its words. Both read the same schema.
"""

from __future__ import annotations

import difflib
import json
import re
import typing as t
from functools import cache
from pathlib import Path

from snapdiff.errors import InvalidError

if t.TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import jsonschema

KEY, FEW = 80, 12  # characters of a key, and how many are listed, in a message
FOLDER = Path(__file__).parent / "schemas"


@cache
def load(kind: str) -> dict[str, t.Any]:
    """Return the schema of a *kind*, as ``snapshot``, in the version that this program writes."""
    schema: dict[str, t.Any] = json.loads((FOLDER / f"{kind}-v1.schema.json").read_text("utf-8"))
    return schema


@cache
def _decider(kind: str) -> t.Callable[[t.Any], bool]:
    import jsonschema_rs

    return jsonschema_rs.validator_for(load(kind)).is_valid


def validate(data: t.Any, kind: str) -> None:
    """Hold *data* against the schema of its *kind*.

    Raises InvalidError that names the place and what is wrong there; a version that this program
    does not know gets a word of its own.
    """
    check_version(data, kind)
    try:
        if not _decider(kind)(data):
            raise _refusal(data, kind)
    except (ValueError, RecursionError) as error:  # a set, a key that is no text, endless nesting
        raise InvalidError(f"it is no plain data: {error}") from None


@cache
def part_decider(kind: str, key: str) -> t.Callable[[t.Any], bool]:
    """Return what says whether the value of one outer key fits, or a part of its rows."""
    import jsonschema_rs

    whole = load(kind)
    part = {name: rule for name, rule in whole["properties"][key].items() if name != "required"}
    return jsonschema_rs.validator_for({"$defs": whole["$defs"], **part}).is_valid


def check_version(data: t.Any, kind: str) -> None:
    """Refuse a version of *kind* that is newer than this program, and what is no *kind* at all."""
    expected = load(kind)["properties"].get("schema", {}).get("const")
    if expected is None:
        return
    found = data.get("schema") if isinstance(data, dict) else None
    if found == expected:
        return
    family, _, version = str(found).rpartition("/")
    if family == f"snapdiff/{kind}" and version.isdigit():
        raise InvalidError(
            f"it has the form {found}, this snapdiff knows {expected}. Update snapdiff.",
            ("schema",),
        )
    raise InvalidError(f"it is no {kind}: schema is {found!r}, not {expected!r}", ("schema",))


def _refusal(data: t.Any, kind: str) -> InvalidError:
    import jsonschema

    validator = jsonschema.Draft202012Validator(load(kind))
    error = jsonschema.exceptions.best_match(validator.iter_errors(data))
    if error is None:  # the two libraries disagree: the stricter one wins
        return InvalidError("it does not fit the schema")
    path = tuple(error.absolute_path)
    if error.validator == "additionalProperties" and error.validator_value is False:
        return _unknown(error, path)
    message = error.message if len(error.message) < 200 else f"{error.message[:197]}..."
    place = "/".join(str(part) for part in path)
    return InvalidError(f"{place}: {message}" if place else message, path)


def _unknown(error: jsonschema.ValidationError, path: tuple[t.Any, ...]) -> InvalidError:
    """Return the refusal of the first key that is not known, with the one that may be meant."""
    rule: t.Any = error.schema
    known, forms = list(rule.get("properties", {})), rule.get("patternProperties", {})
    given: t.Any = error.instance
    keys = [str(one) for one in given if one not in known]
    key = next(one for one in keys if not any(re.search(form, one) for form in forms))
    close = difflib.get_close_matches(key, known, 1)
    hint = f" It takes {', '.join(known)}." if known and len(known) <= FEW else ""
    hint = f" Did you mean {close[0]}?" if close else hint
    place = "/".join(map(str, path))
    shown = key if len(key) < KEY else f"{key[:KEY]}..."
    return InvalidError(
        f"{f'{place}: ' if place else ''}there is no {shown!r}.{hint}", (*path, key)
    )


class Field(t.NamedTuple):
    """What the snapshot's schema says of one field."""

    description: str
    classes: Mapping[str, str]  # role of the link, or "default", to volatility class
    since: int  # the first set of facts that looked at it

    def volatility(self, role: str | None) -> str:
        """Return the class for a link of this *role* (None: the field is not of a link)."""
        return self.classes.get(role or "default", self.classes["default"])


@cache
def field(path: tuple[str, ...]) -> Field:
    """Return what the schema says of a place such as ``("links", "flannel.1", "mtu")``.

    A class, and since when, hold for everything below that says nothing of its own.
    """
    node = load("snapshot")
    found = Field(node["description"], {"default": "context"}, 1)
    for part in path:
        node = _follow(node, part)
        given = node.get("x-class")
        classes = {"default": given} if isinstance(given, str) else given
        found = Field(
            node.get("description", found.description),
            classes or found.classes,
            node.get("x-since", found.since),
        )
    return found


@cache
def newer(facts: int) -> tuple[str, ...]:
    """Return the places that only a later set than *facts* looked at; ``*`` is any one name."""
    return tuple(_newer(load("snapshot"), facts, ()))


def _newer(node: dict[str, t.Any], facts: int, path: tuple[str, ...]) -> Iterator[str]:
    if node.get("x-since", 1) > facts:
        yield "/".join(path)
        return
    named = tuple(node.get("properties", {}))
    others = ("*",) if isinstance(node.get("additionalProperties"), dict) else ()
    for part in (*named, *others):
        yield from _newer(_follow(node, part), facts, (*path, part))


def members(path: tuple[str, ...], *, named: bool = False) -> tuple[str, ...] | None:
    """Return the names that may stand below a place; None where any may, but for *named* ones."""
    node = load("snapshot")
    for part in path:
        node = _follow(node, part)
    names = tuple(sorted(node.get("properties", {})))
    open_ = isinstance(node.get("additionalProperties"), dict) or "items" in node
    return None if open_ and not named else names


def fits(value: t.Any, path: tuple[str, ...]) -> bool:
    """Say whether a place of a snapshot may have a value; ``*`` in *path* is any name."""
    import jsonschema_rs

    node = load("snapshot")
    for part in path:
        node = _follow(node, part)
    part_of = {"$defs": load("snapshot")["$defs"], **node}
    return bool(jsonschema_rs.validator_for(part_of).is_valid(value))


def _follow(node: dict[str, t.Any], part: str) -> dict[str, t.Any]:
    below = node.get("properties", {}).get(part)
    if below is None:
        below = node.get("additionalProperties")
    if below is None and "items" in node:
        below = node["items"]
    if not isinstance(below, dict):
        return {}
    if "$ref" in below:
        target = load("snapshot")["$defs"][below["$ref"].rpartition("/")[2]]
        return {**target, **{key: value for key, value in below.items() if key != "$ref"}}
    return below
