"""What happened to a node between two snapshots, as far as it explains what changed."""

from __future__ import annotations

import typing as t

from snapdiff import canonical, roles
from snapdiff.model import Severity
from snapdiff.rules.registry import Breach, CannotTell, shipped
from snapdiff.rules.view import NodeView

if t.TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from snapdiff.model import Change, Snapshot

LEASE = "/run/flannel/subnet.env"


def flanneld_restarted(before: Snapshot, after: Snapshot) -> bool:
    """Say whether flanneld wrote its lease anew, which it does when it starts, without a reboot."""
    one, two = before["mtimes"].get(LEASE), after["mtimes"].get(LEASE)
    known = one is not None and two is not None
    return known and one != two and not canonical.rebooted(before, after)


def is_flannels(change: Change) -> bool:
    """Say whether a change is of what flanneld makes or writes."""
    return change.path[0] in ("cni", "peers") or change.role == roles.OVERLAY


def newly_broken(before: Snapshot, after: Snapshot) -> Iterator[tuple[str, Breach]]:
    """Yield the rules on a node that held before and do not hold now, with their breaches."""
    now = list(_broken(after, shipped()))
    held = {(name, one.path) for name, one in _broken(before, {name for name, _one in now})}
    yield from ((name, one) for name, one in now if (name, one.path) not in held)


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
