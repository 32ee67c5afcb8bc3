"""A value, and what happened to it, in few words for one line of text."""

from __future__ import annotations

import json
import typing as t
from collections.abc import Mapping

from snapdiff.model import Kind

if t.TYPE_CHECKING:
    from collections.abc import Sequence

    from snapdiff.model import Change

# What a row that came or went is told by, beside its key.
IN_SHORT = {
    "links": ("kind", "mtu"),
    "peers": ("subnet", "underlay"),
    "routes": ("gateway", "protocol"),
    "neighbours": ("lladdr",),
    "cni_config": ("name",),
    "cni": ("FLANNEL_SUBNET", "FLANNEL_MTU"),
}
MATCHES = {  # words of ``ip rule`` for what a policy rule looks at, beside its source
    "dst": "to",
    "iif": "iif",
    "oif": "oif",
    "fwmark": "fwmark",
    "ipproto": "ipproto",
    "dport": "dport",
    "suppress_prefixlen": "suppress_prefixlength",
}
NAMED = 5  # names in a row before the rest is counted


def arrow(change: Change) -> str:
    """Return what happened to the value, as ``1410 → 1500``."""
    if change.path[0] == "peers" and change.path[-1] == "missing":
        if change.kind is Kind.REMOVED:
            return f"has its {word(change.before)} again"
        return f"now lacks {word(change.after)}"
    if change.kind in (Kind.ADDED, Kind.REMOVED):
        value = change.after if change.kind is Kind.ADDED else change.before
        if isinstance(value, Mapping) and change.path[0] == "rules" and len(change.path) == 2:
            value = _policy(value)
        elif isinstance(value, Mapping):  # the key of a row tells most of it
            names = IN_SHORT.get(change.path[0] if len(change.path) == 2 else "", ())
            value = ", ".join(f"{name} {word(value[name])}" for name in names if name in value)
        return f"{change.kind}: {word(value)}" if value not in (None, "") else str(change.kind)
    if change.kind is Kind.TYPE_CHANGED:
        old, new = type(change.before).__name__, type(change.after).__name__
        return f"{word(change.before)} ({old}) → {word(change.after)} ({new})"
    if change.before is None and change.after is None:
        return str(change.kind)  # of several places, each with values of its own
    return f"{word(change.before)} → {word(change.after)}"


def _policy(row: Mapping[str, t.Any]) -> str:
    """Return what a policy rule matches and does; its key has its priority and its source."""
    given = [name for name in MATCHES if name in row]
    length = f"/{row['dstlen']}" if "dstlen" in row and "/" not in str(row.get("dst")) else ""
    words = ["not"] if "not" in row else []
    words += [f"{MATCHES[one]} {word(row[one])}{length if one == 'dst' else ''}" for one in given]
    does = f"lookup {row['table']}" if "table" in row else ""
    return " ".join([*words, str(row.get("action") or does)]).strip()


def word(value: t.Any) -> str:
    """Return a value in few words, for one line of text."""
    if value is None:
        return "absent"
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(one, (str, int, type(None))) for one in value):
        return ", ".join(word(one) for one in value) or "none"
    if isinstance(value, Mapping):
        plain = {key: one for key, one in value.items() if not isinstance(one, (dict, list))}
        return ", ".join(f"{key} {word(one)}" for key, one in sorted(plain.items())) or "set"
    return json.dumps(value)


def named(names: Sequence[str]) -> str:
    """Return the first few names, and how many more there are."""
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more
