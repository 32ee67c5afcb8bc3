"""Policy rules that refuse packets of pods or for peers, or that no longer ask main."""

from __future__ import annotations

import typing as t

from snapdiff import roles
from snapdiff.model import Severity
from snapdiff.rules.detours import FAMILIES
from snapdiff.rules.lookup import Flow, Step, meet, steps
from snapdiff.rules.registry import Breach, Result, rule
from snapdiff.rules.ways import Span, span, span_of, spans

if t.TYPE_CHECKING:
    from collections.abc import Iterator

    from snapdiff.rules.view import NodeView


@rule(
    "policy-rule-refuses",
    Severity.ERROR,
    entries=("N-65",),
    remedy="ip rule del priority PRIORITY on {node}, once it is sure that nobody meant it",
)
def policy_rule_refuses(view: NodeView) -> Result:
    """Have no policy rule that refuses packets between pods, or to the peers that carry them.

    Why: a rule of type prohibit, blackhole or unreachable that the kernel asks before main drops
    what it names, whatever the routes say.

    Exempt: rules for marked packets, ports, users or other links; rules after main has been asked;
    rules that name other networks than pods' and the underlay's, as for a cloud's metadata.
    Source: Linux net/ipv4/fib_rules.c, fib4_rule_action().
    """
    seen: set[str] = set()
    for flow, wanted in _flows(view):
        for step in steps(view, flow):
            if _is_main(step):
                break
            hit = not step.target or any(meet(step.target, one) for one in wanted)
            if step.action and hit and step.key not in seen:
                seen.add(step.key)
                row = view.section("rules")[step.key]
                yield Breach(
                    path=f"rules/{step.key}",
                    message=f"a policy rule refuses packets {_words(row)} ({step.action})",
                    seen=step.action,
                )


@rule(
    "main-rule-missing",
    Severity.ERROR,
    entries=("N-65",),
    remedy="ip rule add priority 32766 table main on {node}",
    explains=("default-route", "pod-rules-elsewhere", "policy-rules-of-cloud-setup"),
)
def main_rule_missing(view: NodeView) -> Result:
    """Have a policy rule that asks the main table.

    Why: flannel and the kernel write their routes into main; without the rule none of them is used,
    though all of them are there.

    Exempt: a node without routes to pods; a family that has no rules at all.
    Source: Linux net/ipv4/fib_rules.c, fib_default_rules_init().
    """
    gone: dict[str, None] = {}
    for flow, _wanted in _flows(view):
        found = list(steps(view, flow))
        if found and not any(one.table == "main" for one in found):
            gone[flow.family] = None
    for family in gone:
        word = "IPv6" if family == "inet6" else "IPv4"
        yield Breach(
            path=f"rules/{family} 32766 from all",
            message=f"no policy rule asks the main table for {word}, so none of its routes is used",
            expected="lookup main",
            remedy=f"ip{' -6' if family == 'inet6' else ''} rule add priority 32766 table main on "
            "{node}",
        )


def _is_main(step: Step) -> bool:
    """Say whether main is asked for whatever has a route of its own there."""
    return step.table == "main" and step.target is None


def _flows(view: NodeView) -> Iterator[tuple[Flow, list[Span]]]:
    """Yield what pods and overlays send, by family, and where to."""
    if not view.overlays and view.lease is None:
        return
    pods, own = spans(view.networks()), tuple(spans(view.subnets()))
    links = frozenset({"lo", *view.bridges})
    carriers = roles.underlays(view.links, view.section("routes"))
    below = [one for name in carriers for one in view.addresses(name)]
    for version, family in FAMILIES.items():
        inner = [one for one in own if one.version == version]
        if inner:
            networks = [one for one in (*pods, *inner) if one.version == version]
            yield Flow(family=family, sources=tuple(inner), links=links), networks
        outer = [one for one in below if one.version == version]
        sources = tuple(one for ip in outer if (one := span(str(ip.ip))) is not None)
        # a rule about somewhere in the default route's reach may be meant, one about peers is not
        near = [span_of(one.network) for one in outer]
        near += [one for one in _peers(view) if one.version == version]
        if sources:
            yield Flow(family=family, sources=sources, links=frozenset({"lo"})), near


def _peers(view: NodeView) -> Iterator[Span]:
    """Yield the underlay addresses of peers, where a rule refuses anything at all."""
    if any(row.get("action") for row in view.section("rules").values()):
        for row in view.snapshot["peers"].values():
            where = span(str(row.get("underlay", "")))
            if where is not None:
                yield where


def _words(row: t.Mapping[str, t.Any]) -> str:
    parts = [
        f"{word} {row[side]}{'/' + str(row[f'{side}len']) if f'{side}len' in row else ''}"
        for word, side in (("from", "src"), ("to", "dst"))
        if row.get(side, "all") != "all"
    ]
    if "iif" in row:
        parts.append(f"that came in by {row['iif']}")
    return " ".join(parts) or "from all to all"
