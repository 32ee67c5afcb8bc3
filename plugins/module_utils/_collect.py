# Copyright (c) 2026 The snapdiff developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the collection clusternet.snapdiff: it may change at any time.

"""One consistent pass over a node: everything that a snapshot is made of."""

from __future__ import annotations

import contextlib
import hashlib
import time
import typing as t

from ._cni import collect_cni
from ._inside import collect_inside
from ._links import parse_links
from ._offloads import collect_offloads
from ._peers import fold_peers
from ._routes import parse_fdb, parse_neighbours, parse_routes, parse_rules
from ._source import NotObservedError
from ._sysctls import collect_sysctls
from ._wireguard import collect_wireguard

if t.TYPE_CHECKING:
    from ._source import Source

    Facts = dict[str, t.Any]

FACTS = 2  # goes up when the collector looks at more: an older snapshot has not observed that
COLLECTOR = "0.1.0"
PASSES = 3

ADDRESSES = ("ip", "-json", "-details", "-statistics", "address", "show")
ROUTES = ("ip", "-4", "-json", "-details", "route", "show", "table", "all")
ROUTES_6 = ("ip", "-6", "-json", "-details", "route", "show", "table", "all")
RULES = ("ip", "-4", "-json", "rule", "show")
RULES_6 = ("ip", "-6", "-json", "rule", "show")
NEIGHBOURS = ("ip", "-json", "neighbour", "show")
FDB = ("bridge", "-json", "fdb", "show")
VERSION = ("ip", "-Version")
CNI_FILES = "/run/flannel; /etc/cni/net.d; /var/lib/cni/networks; /var/lib/calico/mtu"

# What each step fills: where it could not look, all of that is not observed.
STEPS: tuple[tuple[str, tuple[tuple[str, ...], ...], t.Callable[..., t.Any], tuple[str, ...]], ...]
STEPS = (
    ("links", (ADDRESSES,), parse_links, ("links",)),
    ("routes", (ROUTES, ROUTES_6), parse_routes, ("routes", "peers/*/subnet")),
    ("rules", (RULES, RULES_6), parse_rules, ("rules",)),
    (
        "neighbours",
        (NEIGHBOURS,),
        parse_neighbours,
        ("neighbours", "peers/*/mac", "peers/*/underlay"),
    ),
    ("fdb", (FDB,), parse_fdb, ("fdb", "peers/*/underlay")),
)
# A kernel without IPv6 refuses these questions; there its tables are absent, not unread.
TABLES_OF = {parse_routes: 2, parse_rules: 2}


def collect(source: Source, clock: t.Callable[[], float] = time.monotonic) -> Facts:
    """Return the sections of a snapshot, less what only the controller knows.

    Links may come and go while their tables are read. The tables are then read again, and if
    that never ends the facts say ``consistent: false``.
    """
    for dummy in range(PASSES):
        facts: Facts = {"facts": FACTS, "not_observed": {}, "steps": {}}
        before = _devices(source)
        tables = {step[0]: _step(source, facts, clock, *step[1:]) for step in STEPS}
        why = _inconsistency(tables["links"], before, _devices(source))
        if not why:
            break
    facts["consistent"] = not why
    _arrange(facts, tables)
    _settings(source, facts, clock)
    facts["host"] = _host(source, facts)
    facts["provenance"] = _provenance(source)
    if why:
        facts["provenance"]["inconsistent"] = why
    facts["not_observed"] = _condense(facts["not_observed"], facts)
    return facts


def _condense(unseen: dict[str, str], facts: Facts) -> dict[str, str]:
    """Say once why a whole section, or one member of every link, was not looked at."""
    found = dict(unseen)
    for above in ("sysctls", "host", "links/*/sysctls"):
        below = [path for path in unseen if path.startswith(above + "/")]
        some = facts.get(above) or any(row.get("sysctls") for row in facts["links"].values())
        if above == "links/*/sysctls" and any("*" not in path for path in below):
            continue
        if below and len({unseen[path] for path in below}) == 1 and not some:
            for path in below:
                del found[path]
            found[above] = unseen[below[0]]
    return found


def _step(
    source: Source,
    facts: Facts,
    clock: t.Callable[[], float],
    commands: tuple[tuple[str, ...], ...],
    parse: t.Callable[..., t.Any],
    fills: tuple[str, ...],
) -> t.Any:
    began = clock()
    if _no_ipv6(source):
        commands = tuple(command for command in commands if command[1] != "-6")
    row: Facts = {
        "source": "; ".join(" ".join(command) for command in commands),
        "state": "observed",
    }
    try:
        texts = [source.run(command) for command in commands]
        return parse(*texts, *[""] * (TABLES_OF.get(parse, 1) - len(texts)))
    except (NotObservedError, AttributeError, KeyError, TypeError) as error:
        row["state"] = "not observed"
        reason = str(error)
        if not isinstance(error, NotObservedError):  # a parser met a value of another type
            reason = f"{row['source']} printed JSON of an unknown shape: {reason}"
        for path in fills:
            facts["not_observed"][path] = reason
        return None
    finally:
        row["ms"] = round((clock() - began) * 1000, 1)
        facts["steps"][fills[0]] = row


def _no_ipv6(source: Source) -> bool:
    try:
        return source.read("/proc/self/net/if_inet6") is None
    except NotObservedError:
        return False


def _devices(source: Source) -> frozenset[str] | None:
    """Name the links as ``/proc/net/dev`` of our own namespace does: a second witness."""
    try:
        text = source.read("/proc/self/net/dev")
    except NotObservedError:
        return None
    lines = (text or "").splitlines()[2:]
    return frozenset(line.rpartition(":")[0].strip() for line in lines if ":" in line)


def _inconsistency(
    tables: t.Any, before: frozenset[str] | None, after: frozenset[str] | None
) -> str:
    if tables is None or before is None or after is None:
        return ""
    seen = frozenset(tables["links"])
    odd = (seen ^ before) | (seen ^ after)
    if not odd:
        return ""
    return f"came or went in each of {PASSES} passes: {', '.join(sorted(odd))}"


def _arrange(facts: Facts, tables: Facts) -> None:
    """Lay what the steps found into sections, what moves by itself apart from what lasts."""
    linked = tables["links"] or {}
    for section in ("links", "counters", "timers", "lifetimes"):
        facts[section] = linked.get(section, {})
    facts["routes"], expiring = tables["routes"] or ({}, {})
    facts["lifetimes"].update({f"route {key}": row for key, row in expiring.items()})
    facts["rules"] = tables["rules"] or {}
    facts["neighbours"], facts["neighbour_cache"] = tables["neighbours"] or ({}, {})
    facts["fdb"], facts["fdb_learned"] = tables["fdb"] or ({}, {})
    facts["peers"] = fold_peers(facts["links"], facts["routes"], facts["neighbours"], facts["fdb"])
    unread = {name for name in ("routes", "neighbours", "fdb") if tables[name] is None}
    if unread:
        _forget_missing(facts["peers"], unread)
    if "links" in facts["not_observed"]:  # which links are overlays decides who is a peer
        facts["not_observed"]["peers"] = facts["not_observed"]["links"]


def _forget_missing(peers: dict[str, Facts], unread: set[str]) -> None:
    """Call no entry missing in a table that was not read."""
    entries = {"routes": "route", "neighbours": "neighbour", "fdb": "fdb"}
    blind = {entries[name] for name in unread}
    for peer in peers.values():
        missing = [entry for entry in peer.pop("missing", ()) if entry not in blind]
        if missing:
            peer["missing"] = missing


def _settings(source: Source, facts: Facts, clock: t.Callable[[], float]) -> None:
    unseen = facts["not_observed"]
    with _timed(facts, clock, "sysctls", "/proc/sys/net"):
        facts["sysctls"] = collect_sysctls(source, facts["links"], unseen)
    with _timed(facts, clock, "inside", "ip netns list-id; ip -netns NAME link show"):
        collect_inside(source, facts["links"], unseen, clock)
    with _timed(facts, clock, "wireguard", "wg show LINK"):
        collect_wireguard(source, facts["links"], facts["timers"], unseen)
    with _timed(facts, clock, "offloads", "ethtool -k LINK"):
        collect_offloads(source, facts["links"], facts["routes"], unseen)
    with _timed(facts, clock, "cni", CNI_FILES):
        facts.update(collect_cni(source, unseen))


@contextlib.contextmanager
def _timed(facts: Facts, clock: t.Callable[[], float], step: str, what: str) -> t.Iterator[None]:
    """Write down what a step read, how long it took, and whether it saw all of it."""
    began, known = clock(), len(facts["not_observed"])
    yield
    blind = len(facts["not_observed"]) - known
    facts["steps"][step] = {
        "source": what,
        "state": f"{blind} places not observed" if blind else "observed",
        "ms": round((clock() - began) * 1000, 1),
    }


def _host(source: Source, facts: Facts) -> Facts:
    found: Facts = {}
    for name, path in (
        ("boot_id", "/proc/sys/kernel/random/boot_id"),
        ("hostname", "/proc/sys/kernel/hostname"),
        ("kernel", "/proc/sys/kernel/osrelease"),
        ("machine_id", "/etc/machine-id"),
    ):
        try:
            text = source.read(path)
        except NotObservedError as error:
            facts["not_observed"][f"host/{name}"] = str(error)
        else:
            if text and text.strip():
                found[name] = text.strip()
    if "machine_id" in found:  # confidential by machine-id(5): unique is all that it has to be
        digest = hashlib.sha256(b"clusternet.snapdiff " + found["machine_id"].encode("utf-8"))
        found["machine_id"] = f"sha256:{digest.hexdigest()[:32]}"
    try:
        found["iproute2"] = source.run(VERSION).strip().rpartition("iproute2-")[2].split(",")[0]
    except NotObservedError as error:
        facts["not_observed"]["host/iproute2"] = str(error)
    return found


def _provenance(source: Source) -> Facts:
    found: Facts = {"collector": COLLECTOR}
    with contextlib.suppress(NotObservedError, ValueError):
        found["uptime"] = float((source.read("/proc/uptime") or "").partition(" ")[0])
    return found
