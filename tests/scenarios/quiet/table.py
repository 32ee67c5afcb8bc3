"""How a scenario without drift is written down."""

from __future__ import annotations

import copy
import typing as t

from incidents.table import Act, Incident

QUIET: dict[str, Incident] = {}
LOCAL = {"family": "inet", "scope": "global"}


def quiet(name: str, *, given: Act | None = None, **of: t.Any) -> t.Callable[[Act], Act]:
    """Enter a function into the table; its docstring says what happened."""

    def enter(act: Act) -> Act:
        what = (act.__doc__ or "").strip()
        QUIET[name] = Incident(
            name=name, what=what, act=act, check=None, diff=None, given=given, of=of
        )
        return act

    return enter


def add_link(node: dict[str, t.Any], name: str, kind: str, **more: t.Any) -> None:
    """Add a link that is like the underlay."""
    node["links"][name] = {
        **copy.deepcopy(node["links"]["eth0"]),
        "kind": kind,
        "ifindex": 60 + len(node["links"]),
        "mac": f"5e:{len(node['links']):02x}{node['links']['eth0']['mac'][5:]}",
        "addresses": {},
        **more,
    }
