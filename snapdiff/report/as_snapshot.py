"""A snapshot, or what a capture holds, for a person at a terminal."""

from __future__ import annotations

import typing as t

from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from snapdiff import canonical, roles
from snapdiff.chain import chain
from snapdiff.model import Capture, Outcome, Snapshot
from snapdiff.report.console import console_of, finish
from snapdiff.report.drawn import print_chain
from snapdiff.report.safe import visible
from snapdiff.wording import word

if t.TYPE_CHECKING:
    from snapdiff.model import Chain
    from snapdiff.report import Terminal


IN_KEY = {  # what the key of a row says already
    "routes": ("dst", "table", "dev", "type", "family", "flags"),
    "rules": ("family",),
}


def render_capture(capture: Capture, terminal: Terminal) -> str:
    """Return the nodes of a capture with what became of each."""
    console = console_of(terminal)
    label = f" ({capture.label})" if capture.label else ""
    seen = sum(one.outcome is Outcome.OK for one in capture.nodes.values())
    head = f"{capture.cluster}: capture {capture.name}{label}: {seen} of {len(capture.nodes)} nodes"
    console.print(Text(visible(head), "bold"))
    if capture.limit:
        console.print(Text(visible(f"limited to {capture.limit}"), "magenta"))
    grid = Table.grid(padding=(0, 2))
    for one in capture.nodes.values():
        style = "green" if one.outcome is Outcome.OK else "magenta"
        grid.add_row(
            Text(visible(f"  {one.name}")), Text(one.outcome, style), Text(visible(one.why), "dim")
        )
    console.print(grid)
    return finish(console)


def render_snapshot(snapshot: Snapshot, terminal: Terminal) -> str:
    """Return a node's chain, links, peers, routes and settings, and what was not observed."""
    console = console_of(terminal)
    console.print(Text(visible(f"{snapshot.node}  {snapshot.taken_at}"), "bold"))
    if not snapshot.consistent:
        why = snapshot["provenance"].get("inconsistent", "")
        console.print(Text(visible(f"links came and went while it was read: {why}"), "magenta"))
    hops = [f"{one.name} {one.word}" for one in chain(snapshot)]
    console.print(Text(visible(f"chain  {' – '.join(hops) or 'no link of a pod network'}"), "bold"))
    console.print()
    console.print(_links(snapshot))
    for name in snapshot["links"]:
        if tunnel := snapshot["links"][name].get("wireguard"):
            port = tunnel.get("listen_port", "?")
            console.print()
            console.print(Text(visible(f"wireguard peers of {name}, port {port}"), "bold"))
            console.print(_table(tunnel.get("peers", {})))
    for title, section in (("peers", "peers"), ("routes", "routes"), ("rules", "rules")):
        if snapshot[section]:
            console.print(Text(f"\n{title}", "bold"))
            console.print(_rows(snapshot, section))
    told = [one for one in ("cni", "cni_config", "sysctls", "host") if snapshot[one]]
    if told:
        console.print(Text("\nCNI and settings", "bold"))
    for section in told:
        for key, row in snapshot[section].items():
            console.print(Text(visible(f"  {key}  {word(row)}")))
    if snapshot["not_observed"]:
        console.print(Text("\nnot observed", "magenta"))
        reasons: dict[str, list[str]] = {}
        for path, why in snapshot["not_observed"].items():
            reasons.setdefault(why, []).append(path)
        for why, paths in reasons.items():
            console.print(Padding(Text(visible(f"{', '.join(paths)}: {why}"), "dim"), (0, 0, 0, 2)))
    return finish(console)


def render_drawing(snapshot: Snapshot, one: Chain, terminal: Terminal) -> str:
    """Return a node's chain as boxes, with the lease that new pods get their MTU of."""
    console = console_of(terminal)
    console.print(Text(visible(f"{snapshot.node}  {snapshot.taken_at}"), "bold"))
    console.print()
    print_chain(console, one)
    lease = snapshot["cni"].get("subnet_env")
    why = snapshot.why_not_observed(("cni", "subnet_env"))
    if lease:
        told = f"lease  {lease.get('FLANNEL_SUBNET', '?')}, MTU {lease.get('FLANNEL_MTU', '?')}"
        console.print()
        console.print(Text(visible(f"{told} for new pods"), "dim"))
    elif why:
        console.print()
        console.print(Text(visible(f"lease not observed: {why[1]}"), "magenta"))
    return finish(console)


def _links(snapshot: Snapshot) -> Table:
    grid = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for title in ("link", "role", "kind", "MTU", "state", "addresses"):
        grid.add_column(title, overflow="fold", justify="right" if title == "MTU" else "left")
    links = snapshot["links"]
    for name in links:
        row = links[name]
        kind = row.get("kind", "" if "links/*/kind" not in snapshot["not_observed"] else "?")
        if row.get("master"):
            kind = f"{kind} on {row['master']}"
        grid.add_row(
            *(
                Text(visible(str(one)))
                for one in (
                    name,
                    roles.role_of(name, links, snapshot["routes"]),
                    kind,
                    row.get("mtu", "?"),
                    row.get("operstate", "?"),
                    ", ".join(row["addresses"]),
                )
            )
        )
    return grid


def _rows(snapshot: Snapshot, section: str) -> Table:
    told, rows = {}, snapshot[section]
    for key in rows:
        row = rows[key]
        if section == "routes" and canonical.route(row) is None:
            continue  # the kernel derives it from links and addresses
        told[key] = {name: row[name] for name in row if name not in IN_KEY.get(section, ())}
    return _table(told)


def _table(rows: t.Mapping[str, t.Any]) -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(overflow="fold")
    grid.add_column(overflow="fold")
    for key, row in rows.items():
        grid.add_row(Text(visible(f"  {key}")), Text(visible(word(row)), "dim"))
    return grid
