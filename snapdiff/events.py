"""What happened to a node between two snapshots, as far as it explains what changed."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from snapdiff import canonical, roles
from snapdiff.model import Severity
from snapdiff.rules.registry import Breach, CannotTell
from snapdiff.rules.view import NodeView

if t.TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from datetime import date

    from snapdiff.model import Change, Snapshot
    from snapdiff.policy import Site, Waiver
    from snapdiff.rules.registry import Rule

LEASE = "/run/flannel/subnet.env"
# Modules of rules about pods' links, addresses and ways out: what pods that come and go may break.
LEFT_BY_PODS = frozenset({"ipam-leak", "pod-ports-leaked"})
OF_PODS = frozenset({"bridge_ports", "ipam", "pod_links", "pod_mtu", "pod_side", "uplink"})


@dataclass(frozen=True, slots=True)
class Asked:
    """The rules that a diff asks of a node, as a site has them, and what the site accepts."""

    rules: Mapping[str, Rule]
    waivers: tuple[Waiver, ...]
    of_pods: frozenset[str]

    def severity_of(self, rule: str, breach: Breach) -> Severity:
        """Return how bad a breach is."""
        return self.rules[rule].severity if breach.severity is None else breach.severity

    def counts(self, node: str, rule: str, breach: Breach) -> bool:
        """Say whether a breach on a node is worth telling, and not waived there."""
        if self.severity_of(rule, breach) is Severity.INFO:
            return False
        return not any(one.meets(rule, breach.path) and one.on(node) for one in self.waivers)


def asked_of(site: Site, today: date) -> Asked:
    """Return what a diff asks where *site* holds, with the waivers that hold *today*."""
    rules = {name: one for name, one in site.everything().items() if one.scope == "node"}
    modules = {name: one.check.__module__.rpartition(".")[2] for name, one in rules.items()}
    return Asked(
        rules=rules,
        waivers=tuple(one for one in site.waivers if not one.ended(today)),
        of_pods=frozenset(name for name, module in modules.items() if module in OF_PODS),
    )


def flanneld_restarted(before: Snapshot, after: Snapshot) -> bool:
    """Say whether flanneld wrote its lease anew, which it does when it starts, without a reboot."""
    one, two = before["mtimes"].get(LEASE), after["mtimes"].get(LEASE)
    known = one is not None and two is not None
    return known and one != two and not canonical.rebooted(before, after)


def is_flannels(change: Change) -> bool:
    """Say whether a change is of what flanneld makes or writes."""
    return change.path[0] in ("cni", "peers") or change.role == roles.OVERLAY


def newly_broken(
    before: Snapshot, after: Snapshot, asked: Asked, *, pods: bool = False
) -> Iterator[tuple[str, Breach]]:
    """Yield the rules on a node that held before and do not hold now, with their breaches.

    *pods*: nothing but pods and their links came, went or changed, so rules on these are asked:
    of those that came and went what they left, of those that stayed all.
    """
    names: Collection[str] = asked.rules
    if pods:
        stayed = any(key in before["links"] for key in _differing(before, after))
        names = asked.of_pods if stayed else LEFT_BY_PODS
    now = list(_broken(after, names, asked))
    held = {(name, one.path) for name, one in _broken(before, {name for name, _one in now}, asked)}
    yield from ((name, one) for name, one in now if (name, one.path) not in held)


def _differing(before: Snapshot, after: Snapshot) -> Iterator[str]:
    """Yield the links that are on the node now and were not the same before."""
    gone = after["links"].keys()
    return (key for key in canonical.differing(before["links"], after["links"]) if key in gone)


def broken_by(rule: str, snapshot: Snapshot, asked: Asked) -> frozenset[str] | None:
    """Return the places where a rule does not hold, None where it cannot tell all."""
    view, found = NodeView(snapshot), set()
    try:
        for one in asked.rules[rule].check(view):
            if not isinstance(one, Breach):
                return None
            if asked.severity_of(rule, one) > Severity.INFO:
                found.add(one.path)
    except (CannotTell, TypeError, ValueError, KeyError, AttributeError, IndexError):
        return None
    return frozenset(found)


def _broken(
    snapshot: Snapshot, names: Collection[str], asked: Asked
) -> Iterator[tuple[str, Breach]]:
    view = NodeView(snapshot)
    for rule in asked.rules.values():
        if rule.id in names:
            try:
                for one in rule.check(view):
                    if isinstance(one, Breach) and asked.counts(snapshot.node, rule.id, one):
                        yield rule.id, one
            except (CannotTell, TypeError, ValueError, KeyError, AttributeError, IndexError):
                continue  # check says which rule cannot tell, and why
