"""Names of nodes, clusters and captures as file names, and back.

A name may be anything (``../../x``, ``Node1`` beside ``node1``, ``=1+1``), and file systems differ
in what they keep apart, so all but plain lower case is written as ``%XX`` of its UTF-8 bytes.
"""

from __future__ import annotations

import hashlib
import re
from urllib.parse import quote_from_bytes, unquote

from snapdiff.errors import UsageError

PLAIN = b"abcdefghijklmnopqrstuvwxyz0123456789-_."
LONGEST = 200  # bytes; most file systems take 255, and an ending and a temporary mark come to it
_CAPITAL = re.compile(r"(?<!%)(?<!%[0-9A-F])[A-Z~]")


def to_file_name(name: str) -> str:
    """Return a file name for *name*: no separator, no dot in front, no two names alike.

    :func:`from_file_name` gives the name back, but for one too long for a file system: that is cut
    and told apart by a digest, and its true name is inside the file.
    """
    try:
        data = name.encode("utf-8")
    except UnicodeEncodeError:
        raise UsageError(f"the name {name!r} is not text") from None
    if not data or b"\0" in data:
        raise UsageError(f"a name must be text of one character or more, without NUL: {name!r}")
    text = _CAPITAL.sub(lambda match: f"%{ord(match[0]):02X}", quote_from_bytes(data, safe=PLAIN))
    if text[0] in ".-":
        text = f"%{ord(text[0]):02X}{text[1:]}"
    if text[-1] == ".":
        text = f"{text[:-1]}%2E"
    if len(text) > LONGEST:
        digest = hashlib.sha256(data).hexdigest()[:32]
        text = f"{text[: LONGEST - 40].rstrip('%')}~{digest}"
    return text


def from_file_name(text: str) -> str:
    """Return the name that :func:`to_file_name` wrote; of one that was cut, what is left of it."""
    return unquote(text, errors="replace")
