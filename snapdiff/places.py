"""What of a node is held against other nodes, place by place, and who has which value there.

Links are told by their role, for they may have other names elsewhere. Nodes are taken in one at a
time and let go: what stays is each value once, with the names of the nodes that have it.
"""

from __future__ import annotations

import json
import typing as t
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache

from snapdiff import canonical, roles, schema
from snapdiff.census import Census, take
from snapdiff.model import covers
from snapdiff.rules.traits import UNDERLAY, traits_of
from snapdiff.rules.view import NodeView, interface

Place = tuple[str, str]  # a link's role or another head, and the field below it
ABSENT = None
SPARED = object()  # a value that says nothing, as the MTU of a bridge without ports
SECTIONS = ("links", "cni", "cni_config", "sysctls", "host")
# What differs between nodes by its nature, though it may not change on one; lower links are told
# by the role underlay.
IDENTITIES = ("vxlan/local", "vxlan/local6", "tunnel/local", "addresses")
PEERS_OF_A_LINK = "wireguard/peers/"  # all nodes but the node itself, so never alike
TOLD_ELSEWHERE = ("lower", "vxlan/link", "addresses")
NIC = (None, "vlan", "bond", "team", "bridge")  # kinds of links that a machine has by its making


@cache
def class_of(path: tuple[str, ...], role: str | None) -> str:
    """Return the volatility class of a field; an identity is one between nodes as well."""
    if path[0] == "links" and "/".join(path[2:]).startswith(IDENTITIES):
        return "identity"
    return schema.field(path).volatility(role)


@dataclass(slots=True)
class Places:
    """The values of all nodes by place, and the nodes that have what the place is on."""

    values: dict[Place, dict[t.Any, list[str]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(list))
    )
    identities: dict[Place, dict[t.Any, list[str]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(list))
    )
    spared: dict[Place, list[str]] = field(default_factory=lambda: defaultdict(list))
    heads: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    names: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    blind: dict[tuple[tuple[str, str], ...], list[str]] = field(
        default_factory=lambda: defaultdict(list)
    )
    groups: dict[str, Mapping[str, str]] = field(default_factory=dict)

    def add(self, view: NodeView) -> None:
        """Take in a node."""
        traits = traits_of(view)
        node = view.node
        self.groups[node] = traits.groups
        unseen = tuple(sorted(view.blind.items()))
        self.blind[tuple(one for one in unseen if one[0].split("/")[0] in SECTIONS)].append(node)
        links = _links(view, traits.links)
        for head, role, name in links:
            self.heads[head].append(node)
            self.names[head].add(name)
            for path, value in _fields(view, head, name):
                self._put(head, path, ("links", "*", *path), role, value, node)
        for head, rows in _others(view):
            self.heads[head].append(node)
            for path, value in _leaves(rows):
                self._put(head, path, (*head.split("/"), *path), None, value, node)

    def _put(
        self,
        head: str,
        path: tuple[str, ...],
        schema_path: tuple[str, ...],
        role: str | None,
        value: t.Any,
        node: str,
    ) -> None:
        kind = class_of(schema_path, role)
        if kind not in ("hard", "identity"):
            return
        place = head, "/".join(path)
        if value is SPARED:
            self.spared[place].append(node)
        else:
            table = self.values if kind == "hard" else self.identities
            table[place][_key(value)].append(node)

    def where(self, head: str, sub: str) -> str:
        """Return the path of a place; a link is named where it has one name on all nodes."""
        names = self.names.get(head)
        if names is None:
            return f"{head}/{sub}" if sub else head
        start = f"links/{next(iter(names))}" if len(names) == 1 else head
        return f"{start}/{sub}" if sub else start

    def unseen(self, path: tuple[str, ...]) -> set[str]:
        """Name the nodes where nobody looked at a place."""
        return {
            node
            for patterns, nodes in self.blind.items()
            if any(covers(pattern, path) for pattern, _why in patterns)
            for node in nodes
        }

    def censuses(self) -> Iterator[tuple[str, str, Census]]:
        """Yield each place and who has which value there; absent is a value, not seen is none."""
        for head, nodes in sorted(self.heads.items()):
            blind = self.unseen(_path(head, ""))
            lacking = set(self.groups) - set(nodes) - blind
            pairs = [(node, True) for node in nodes] + [(node, ABSENT) for node in lacking]
            yield head, "", take(pairs)
        for (head, sub), held in sorted(self.values.items()):
            told = {node for nodes in held.values() for node in nodes}
            told.update(self.spared.get((head, sub), ()))
            lacking = set(self.heads[head]) - told
            if lacking:
                lacking -= self.unseen(_path(head, sub))
            found = [(node, value) for (_type, value), nodes in held.items() for node in nodes]
            yield head, sub, take([*found, *((node, ABSENT) for node in lacking)])


@dataclass(frozen=True, slots=True)
class Plain:
    """A list or map as its JSON text, so that it can be counted."""

    text: str

    @property
    def value(self) -> t.Any:
        """Return the list or map."""
        return json.loads(self.text)

    def __str__(self) -> str:
        """Return it as people read it, if it is short enough for that."""
        value = self.value
        if isinstance(value, list) and all(isinstance(one, (str, int)) for one in value):
            return ", ".join(str(one) for one in value) or "none"
        return self.text


def _key(value: t.Any) -> t.Any:
    if isinstance(value, (list, dict)):
        return Plain, Plain(json.dumps(value, sort_keys=True))
    return type(value), value


def _path(head: str, sub: str) -> tuple[str, ...]:
    is_link = head.partition("/")[0] in (UNDERLAY, "overlay", "bridge", "link")
    start = ("links", "*") if is_link else tuple(head.split("/"))
    return (*start, *sub.split("/")) if sub else start


def _links(view: NodeView, named: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """Yield each link that other nodes should have as well: its place, role and name."""
    links = view.snapshot["links"]
    for head, name in named.items():
        role = {"overlay": roles.OVERLAY, "bridge": roles.POD_BRIDGE}.get(head.partition("/")[0])
        yield head, role or roles.UNDERLAY, name
    known = set(named.values())
    for name in links:
        if name in known or name == "lo" or links[name].get("kind") not in NIC:
            continue
        if roles.named_role(name, links[name]) == roles.OTHER:
            yield f"link/{name}", roles.OTHER, name


def _fields(view: NodeView, head: str, name: str) -> Iterator[tuple[tuple[str, ...], t.Any]]:
    row = canonical.link(view.snapshot["links"][name])
    if head == UNDERLAY:
        yield ("name",), name
    idle = row.get("kind") == "bridge" and not canonical.has_ports(name, view.snapshot)
    for path, value in _leaves(row):
        if path[0] in TOLD_ELSEWHERE or "/".join(path).startswith(PEERS_OF_A_LINK):
            continue
        if "/".join(path) in TOLD_ELSEWHERE:
            continue
        yield path, SPARED if idle and path[0] in canonical.OF_PORTS else value
    if head.startswith("link/"):
        return
    for key in row["addresses"]:
        one = interface(key)
        floats = one is not None and one.network.prefixlen == one.network.max_prefixlen
        if one is not None and not (floats and head == UNDERLAY):
            yield ("addresses",), str(one.ip)


def _others(view: NodeView) -> Iterator[tuple[str, Mapping[str, t.Any]]]:
    cni = view.snapshot["cni"]
    for name in ("subnet_env", "net_conf"):
        if cni.get(name) is not None:
            yield f"cni/{name}", cni[name]
    if "cni_config" not in view.snapshot["not_observed"]:
        for name, row in view.snapshot["cni_config"].items():
            yield f"cni_config/{name}", row
    yield "sysctls", view.snapshot["sysctls"]
    yield "host", view.snapshot["host"]


def _leaves(
    rows: Mapping[str, t.Any], path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], t.Any]]:
    for key, value in rows.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, (*path, key))
        else:
            yield (*path, key), value
