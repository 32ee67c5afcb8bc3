"""What happened to a node between two snapshots, as far as it explains what changed."""

from __future__ import annotations

import typing as t
from functools import cache

from snapdiff import canonical, roles
from snapdiff.model import Severity
from snapdiff.rules.registry import Breach, CannotTell, shipped
from snapdiff.rules.view import NodeView

if t.TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from snapdiff.model import Change, Snapshot

LEASE = "/run/flannel/subnet.env"
# Modules of rules about pods' links, addresses and ways out: what pods that come and go may break.
LEFT_BY_PODS = frozenset({"ipam-leak", "pod-ports-leaked"})
OF_PODS = frozenset({"bridge_ports", "ipam", "pod_links", "pod_mtu", "pod_side", "uplink"})


def flanneld_restarted(before: Snapshot, after: Snapshot) -> bool:
    """Say whether flanneld wrote its lease anew, which it does when it starts, without a reboot."""
    one, two = before["mtimes"].get(LEASE), after["mtimes"].get(LEASE)
    known = one is not None and two is not None
    return known and one != two and not canonical.rebooted(before, after)


def is_flannels(change: Change) -> bool:
    """Say whether a change is of what flanneld makes or writes."""
    return change.path[0] in ("cni", "peers") or change.role == roles.OVERLAY


def newly_broken(
    before: Snapshot, after: Snapshot, *, pods: bool = False
) -> Iterator[tuple[str, Breach]]:
    """Yield the rules on a node that held before and do not hold now, with their breaches.

    *pods*: nothing but pods and their links came, went or changed, so rules on these are asked:
    of those that came and went what they left, of those that stayed all.
    """
    names: Collection[str] = shipped()
    if pods:
        stayed = any(key in before["links"] for key in _differing(before, after))
        names = _of_modules(OF_PODS) if stayed else LEFT_BY_PODS
    now = list(_broken(after, names))
    held = {(name, one.path) for name, one in _broken(before, {name for name, _one in now})}
    yield from ((name, one) for name, one in now if (name, one.path) not in held)


def _differing(before: Snapshot, after: Snapshot) -> Iterator[str]:
    """Yield the links that are on the node now and were not the same before."""
    gone = after["links"].keys()
    return (key for key in canonical.differing(before["links"], after["links"]) if key in gone)


@cache
def _of_modules(modules: frozenset[str]) -> frozenset[str]:
    return frozenset(
        name
        for name, one in shipped().items()
        if one.check.__module__.rpartition(".")[2] in modules
    )


def broken_by(rule: str, snapshot: Snapshot) -> frozenset[str] | None:
    """Return the places where a rule does not hold, None where it cannot tell all."""
    view, found = NodeView(snapshot), set()
    try:
        for one in shipped()[rule].check(view):
            if not isinstance(one, Breach):
                return None
            if one.severity is not Severity.INFO:
                found.add(one.path)
    except (CannotTell, TypeError, ValueError, KeyError, AttributeError, IndexError):
        return None
    return frozenset(found)


def _broken(snapshot: Snapshot, names: Collection[str]) -> Iterator[tuple[str, Breach]]:
    view = NodeView(snapshot)
    for rule in shipped().values():
        if rule.scope == "node" and rule.id in names:
            try:
                for one in rule.check(view):
                    if isinstance(one, Breach) and one.severity is not Severity.INFO:
                        yield rule.id, one
            except (CannotTell, TypeError, ValueError, KeyError, AttributeError, IndexError):
                continue  # check says which rule cannot tell, and why
