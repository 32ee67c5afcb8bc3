"""A snapshot made of facts, made of a file, and made into one."""

from __future__ import annotations

import hashlib
import typing as t
from collections.abc import Mapping

from snapdiff import codec
from snapdiff.errors import InvalidError, UnreadableError
from snapdiff.model import BODY, HEAD, MOVING, SCHEMA, Snapshot
from snapdiff.schema import check_version, validate
from snapdiff.strict_yaml import LIMITS, within

KIND = "snapshot"
_END_OF_BODY = b"\n" + MOVING[0].encode() + b":"


def from_facts(facts: Mapping[str, t.Any], *, node: str, taken_at: str, via: str) -> Snapshot:
    """Return the snapshot of *node* that a collector's facts make, held against the schema.

    *taken_at* is UTC in ISO 8601; *via* says how the facts came, as ``ansible``. Raises
    InvalidError for facts that break the schema: nothing invalid is ever stored as valid.
    """
    given = {**facts, "schema": SCHEMA, "node": node}
    provenance = given.get("provenance")
    if isinstance(provenance, Mapping):
        rows = given.get(MOVING[-1])
        end = {"last_rows": len(rows)} if isinstance(rows, Mapping) else {}
        given["provenance"] = {**provenance, **end, "taken_at": taken_at, "via": via}
    unknown = sorted(given.keys() - {*HEAD, *BODY, *MOVING})
    missing = sorted({*HEAD, *BODY, *MOVING} - given.keys())
    if unknown or missing:
        raise InvalidError(
            f"node {node}: the facts are not of this snapdiff: "
            f"unknown {', '.join(unknown) or 'none'}, missing {', '.join(missing) or 'none'}. "
            "Use the collection and the package of one version."
        )
    document = {name: given[name] for name in (*HEAD, *BODY, *MOVING)}
    try:
        validate(document, KIND)
    except InvalidError as error:
        raise InvalidError(f"node {node}: not a valid snapshot: {error}", error.path) from None
    if not within(document, LIMITS):
        raise InvalidError(f"node {node}: the facts are over the limits of a file: {LIMITS}")
    return Snapshot(node=node, sections=document)


def to_text(snapshot: Snapshot) -> str:
    """Return the canonical text of a snapshot."""
    return codec.dumps(snapshot.sections)


def body_digest(data: bytes) -> str:
    """Return the sha256 of the body: a canonical file without what moves at every gather."""
    end = data.find(_END_OF_BODY)
    return hashlib.sha256(data[: end + 1] if end >= 0 else data).hexdigest()


def from_bytes(data: bytes, where: str, *, sha256: str = "", body: str = "") -> Snapshot:
    """Return the snapshot in a file's bytes; *where* is its name for messages.

    With the *sha256* that its manifest has for it the content was valid when it was written, so
    sections and rows are parsed only when they are asked for, and the digest of the *body* that the
    manifest has holds too. Without one, everything is looked at.
    """
    if sha256:
        found = hashlib.sha256(data).hexdigest()
        if found != sha256:
            raise UnreadableError(
                f"{where}: it was changed after the capture was sealed (sha256 is {found[:12]}..., "
                f"the manifest has {sha256[:12]}...). Restore it, or take the capture again."
            )
        document = codec.document(data, KIND, lambda: codec.loads(data, KIND, where))
        if document is not None:
            check_version({"schema": document.get("schema")}, KIND)
            return _snapshot(document, body or body_digest(data))
    given = codec.loads(data, KIND, where)
    last = given["provenance"].get("last_rows")
    whole = data.endswith(b"\n") and last in (None, len(given[MOVING[-1]]))
    if not whole and not sha256:
        raise UnreadableError(
            f"{where}: its end is missing: it was cut, or {MOVING[-1]} was changed by hand. Copy "
            "it again whole; if you changed it, take last_rows out of provenance."
        )
    return _snapshot(given, "")


def _snapshot(document: Mapping[str, t.Any], digest: str) -> Snapshot:
    return Snapshot(node=document["node"], sections=document, digest=digest)
