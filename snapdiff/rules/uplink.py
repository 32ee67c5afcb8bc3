"""What overlays ride on: the default route, the underlay's network, and who overrules both."""

from __future__ import annotations

import contextlib
import typing as t
from collections.abc import Mapping, Sequence

from snapdiff import roles
from snapdiff.model import Severity
from snapdiff.rules.registry import Breach, CannotTell, Result, rule
from snapdiff.rules.ways import Span, span

if t.TYPE_CHECKING:
    from snapdiff.rules.view import Address, NodeView

ANYWHERE = ("default", "::/0", "0.0.0.0/0")
USUAL_TABLES = ("local", "main", "default", "0", "253", "254", "255")
CLOUD_TABLES = range(30200, 30500)
Row = Mapping[str, t.Any]


def _table(row: Row, table: str) -> bool:
    return str(row.get("table", "main")) == table and row.get("type", "unicast") == "unicast"


def _defaults(view: NodeView) -> list[tuple[str, Row]]:
    return [
        (key, row)
        for key, row in view.section("routes").items()
        if row.get("dst") in ANYWHERE and row.get("type", "unicast") == "unicast"
    ]


def _wanted(view: NodeView) -> set[str]:
    """Return the families that need a default route: of pods, where the underlay has them too.

    A node that does not tell one of the two has IPv4, for all that anybody can say.
    """
    pods: set[int] = {one.family for one in view.overlays}
    with contextlib.suppress(CannotTell):  # overlays tell nearly as much as the lease
        pods = {one.version for one in view.subnets()} or pods
    own: set[int] = {one.version for one in _own(view)}
    found = pods & own or own & {4} or own
    return {"inet6" if family == 6 else "inet" for family in found or {4}}


def _own(view: NodeView) -> list[Address]:
    """Return the addresses of the links that carry overlays or the default route."""
    names = roles.underlays(view.links, view.section("routes"))
    return [one for name in names for one in view.addresses(name)]


def _is_asked(view: NodeView, table: str, family: str) -> bool:
    """Say whether the node looks up its own packets in a table: in main, or as a rule says."""
    if table in ("main", "default"):
        return True
    own = [one for address in _own(view) if (one := span(str(address.ip))) is not None]
    for row in view.section("rules").values():
        leads = "l3mdev" in row or str(row.get("table")) == table
        if not leads or _family(row) != family or {"fwmark", "iif", "oif", "dst"} & row.keys():
            continue
        source = _prefix(row, "src")
        if source is None or any(source.holds(one) for one in own):
            return True
    return False


RESTORE = (
    "; it is the only one: then ip route add default via GATEWAY dev LINK, as the network's "
    "configuration has it (networkctl renew LINK, netplan apply)"
)


@rule(
    "default-route",
    Severity.ERROR,
    entries=("N-76",),
    remedy="ip route add default via GATEWAY dev LINK, as the network's configuration has it; keep "
    "DHCP clients off the links of the CNI",
)
def default_route(view: NodeView) -> Result:
    """Have a default route for each IP family, and none that leads over an overlay or a pod bridge.

    Why: flannel takes the link of the default route for its underlay, unless it is told another,
    and with dual stack that of both families. A DHCP client that took up flannel.1 gives the node a
    default route over it, which is a loop; one on a pod's port leads what leaves the node to a pod.

    Exempt: a node without overlay and without lease; a family that pods do not have, or that the
    underlay has no address of. A table that a policy rule leads the node's own packets to counts as
    main does, but not for marked ones, for those to some network, or of a link.
    Source: flannel main.go, pkg/ip/iface.go; k3s-io/k3s#2599.
    """
    if not view.overlays and view.lease is None:
        return
    found = _defaults(view)
    for family in sorted(_wanted(view)):
        tables = {
            str(row.get("table", "main"))
            for _key, row in found
            if row.get("family", "inet") == family
        }
        if not any(_is_asked(view, table, family) for table in sorted(tables)):
            word, dst = ("IPv6", "::/0") if family == "inet6" else ("IPv4", "default")
            yield Breach(
                path=f"routes/main {dst}",
                message=f"the node has no default route for {word}",
            )
    yield from _over_ports(view, found)
    inner = {*(one.name for one in view.overlays if one.owner != "other"), *view.bridges}
    for key, row in found:
        if _table(row, "main") and row.get("dev") in inner:
            yield Breach(
                path=f"routes/{key}",
                message=f"the default route leads over {row['dev']}, which rides on it",
                seen=row["dev"],
                remedy="ip route del default dev {seen} on the node, and keep DHCP off it"
                + ("" if _another(row, found, inner) else RESTORE),
            )


def _another(row: Row, found: list[tuple[str, Row]], inner: set[str]) -> bool:
    """Say whether a default route of the family is there that leads over no link of pods."""
    return any(_family(one) == _family(row) and one.get("dev") not in inner for _key, one in found)


def _over_ports(view: NodeView, found: list[tuple[str, Row]]) -> Result:
    """Yield default routes over ports of a bridge of pods; one of a higher metric is not used."""
    ports = {name for name, row in view.ports.items() if row.get("master") in view.bridges}
    least: dict[str, int] = {}
    for _key, row in found if ports else ():
        if _table(row, "main"):
            metric = int(row.get("metric", 0))
            least[_family(row)] = min(metric, least.get(_family(row), metric))
    for key, row in found if ports else ():
        if _table(row, "main") and row.get("dev") in ports:
            used = int(row.get("metric", 0)) == least[_family(row)]
            yield Breach(
                path=f"routes/{key}",
                message=f"the default route leads over {row['dev']}, the port of a pod"
                + ("" if used else "; another one is used before it"),
                seen=row["dev"],
                severity=None if used else Severity.WARNING,
                remedy="ip route del default dev {seen} on the node, and keep DHCP clients and "
                "NetworkManager off veth*" + ("" if _another(row, found, ports) else RESTORE),
                explains=frozenset({"pod-port-address"}),
            )


@rule(
    "underlay-connected-route",
    Severity.ERROR,
    entries=("N-76",),
    remedy="restart the network of the node, or add the route: ip route add NETWORK dev LINK",
    explains=("default-route",),
)
def underlay_connected_route(view: NodeView) -> Result:
    """Have the route to the underlay's own network.

    Why: outer packets to nodes of the same network go by it; the kernel makes it with the address,
    so somebody took it away.

    Exempt: addresses that have no network (/32, /128), that were added with noprefixroute, or are
    no longer to be used; a link that is down. One of the addresses of a family is enough.
    Source: Linux net/ipv4/fib_frontend.c, fib_add_ifaddr().
    """
    routes = view.section("routes")
    for name in roles.underlays(view.links, routes):
        link = view.links[name]
        if "UP" not in link.get("flags", ()):
            continue
        made: dict[int, list[Span]] = {4: [], 6: []}
        for key, row in link["addresses"].items():
            where = span(key.partition(" peer ")[0])
            if where is None or where.first == where.last or key.startswith("fe80:"):
                continue
            if not (row.get("noprefixroute") or row.get("deprecated") or " peer " in key):
                made[where.version].append(where)
        there = {
            span(str(row.get("dst")))
            for row in routes.values()
            if row.get("dev") == name
            and str(row.get("table", "main")) != "local"
            and row.get("type", "unicast") == "unicast"
        }
        for family, wanted in made.items():
            if wanted and not any(one in there for one in wanted):
                keys = [key for key in link["addresses"] if (":" in key) == (family == 6)]
                yield Breach(
                    path=f"links/{name}/addresses",
                    message=f"no route leads to the network of {name}, which has {keys[0]}",
                    seen=keys[0],
                )


@rule(
    "policy-rules-of-cloud-setup",
    Severity.ERROR,
    entries=("N-65",),
    remedy="systemctl disable --now nm-cloud-setup.service nm-cloud-setup.timer on the node, then "
    "reboot it: its rules and tables are there until then",
)
def policy_rules_of_cloud_setup(view: NodeView) -> Result:
    """Have no policy rule that takes the node's own packets to pods past the routes to pods.

    Why: nm-cloud-setup gives the node's address a table of its own that has the routes of the LAN
    alone. What the node answers to its pods is looked up there, and leaves by the gateway.

    Exempt: a rule for other addresses than the underlay's; a table that leads to the pod subnet,
    or has no default route; where main is asked first but for its default route. A rule that is
    told by its table's number alone, 30200 to 30499, is a warning.
    Source: rancher/rke2#1053; projectcalico/calico#4662; k3s-io/k3s#3791.
    """
    pods = view.subnets()
    if not pods and not view.bridges:
        return
    rules = view.section("rules")
    first = _asks_main_first(rules)
    own = {
        key.partition("/")[0]
        for name in roles.underlays(view.links, view.section("routes"))
        for key in view.links[name]["addresses"]
    }
    for key, row in rules.items():
        table = str(row.get("table", ""))
        if (
            not table
            or table in USUAL_TABLES
            or row.get("priority", 0) > first.get(_family(row), 1e9)
        ):
            continue
        wanted = [span(one) for one in map(str, pods) if (":" in one) == (_family(row) == "inet6")]
        strays = row.get("src") in own and _strays(view, table, _family(row), wanted)
        if strays or (table.isdigit() and int(table) in CLOUD_TABLES):
            yield Breach(
                path=f"rules/{key}",
                message=f"packets from {row.get('src', 'all')} are looked up in table {table}"
                + (
                    ", which has no way to this node's pods" if strays else ", as of nm-cloud-setup"
                ),
                seen=table,
                severity=None if strays else Severity.WARNING,
            )


def _family(row: Row) -> str:
    return str(row.get("family", "inet"))


def _asks_main_first(rules: Mapping[str, Row], pods: Sequence[Span | None] = ()) -> dict[str, int]:
    """Return from which priority on main was asked for all but its default route, by family.

    Or for all that goes to *pods*, where they are given.
    """
    found: dict[str, int] = {}
    for row in rules.values():
        version = 6 if _family(row) == "inet6" else 4
        wanted = [one for one in pods if one is not None and one.version == version]
        to = _prefix(row, "dst")
        whole = row.get("suppress_prefixlen") == 0 and to is None
        inside = wanted and to is not None and all(to.holds(one) for one in wanted)
        if row.get("table") != "main" or row.get("src", "all") != "all":
            continue
        if (whole or inside) and not {"fwmark", "iif", "oif"} & row.keys():
            priority = row.get("priority", 0)
            found[_family(row)] = min(priority, found.get(_family(row), priority))
    return found


def _strays(view: NodeView, table: str, family: str, wanted: list[Span | None]) -> bool:
    """Say whether a table has a default route and none to the pods of this node."""
    rows = [
        row
        for row in view.section("routes").values()
        if str(row.get("table", "main")) == table and row.get("family", "inet") == family
    ]
    spans = [span(str(row.get("dst"))) for row in rows if row.get("dst") not in ANYWHERE]
    leads = any(row.get("dst") in ANYWHERE for row in rows)
    covered = all(
        any(one is not None and pod is not None and one.holds(pod) for one in spans)
        for pod in wanted
    )
    return leads and bool(wanted) and not covered


@rule(
    "pod-rules-elsewhere",
    Severity.ERROR,
    entries=("N-65",),
    remedy="ip rule del priority PRIORITY on the node, once it is sure that nobody meant it",
)
def pod_rules_elsewhere(view: NodeView) -> Result:
    """Have no policy rule that looks up the pod network in another table than main.

    Why: flannel writes the routes to pods into main alone; a rule for pods' addresses that names
    another table takes their packets past them.

    Exempt: a table that leads into the pod network itself, as policy routing that was meant has;
    where main is asked first for all pods; marks and links of a rule are looked at by no one here,
    so a rule with one is left out.
    Source: rancher/rke2#1053; aws/amazon-vpc-cni-k8s#1600.
    """
    pods = [span(str(one)) for one in view.networks()]
    if not pods:
        return
    first = _asks_main_first(view.section("rules"), pods)
    for key, row in view.section("rules").items():
        if row.get("priority", 0) > first.get(_family(row), 1e9):
            continue
        table = str(row.get("table", ""))
        if not table or table in USUAL_TABLES or {"fwmark", "iif", "oif"} & row.keys():
            continue
        named = [one for side in ("src", "dst") if (one := _prefix(row, side)) is not None]
        hit = [one for one in named for pod in pods if pod and (pod.holds(one) or one.holds(pod))]
        if not hit or _leads_inside(view, table, pods):
            continue
        yield Breach(
            path=f"rules/{key}",
            message=f"packets of pods are looked up in table {table}, which has no way to them",
            seen=table,
        )


def _prefix(row: Row, side: str) -> Span | None:
    text = row.get(side)
    if not text or text == "all":
        return None
    length = row.get(f"{side}len")
    return span(f"{text}/{length}" if length is not None else str(text))


def _leads_inside(view: NodeView, table: str, pods: list[Span | None]) -> bool:
    for row in view.section("routes").values():
        where = span(str(row.get("dst")))
        if str(row.get("table", "main")) != table or where is None or where.length == 0:
            continue
        if any(pod is not None and (pod.holds(where) or where.holds(pod)) for pod in pods):
            return True
    return False
