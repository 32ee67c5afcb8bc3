"""What changed on a node, place by place, and what the node is now: where causes are looked for."""

from __future__ import annotations

import typing as t
from collections import defaultdict
from functools import cached_property

from snapdiff.rules.flannel import in_use
from snapdiff.rules.overheads import Fit, fits
from snapdiff.rules.view import NodeView

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from snapdiff.model import Change, Snapshot

Path = tuple[str, ...]
LEASE = ("cni", "subnet_env")
CONF = ("cni", "net_conf")


class Scene:
    """The changes of a node by their places, and the node as it is now."""

    def __init__(self, changes: Iterable[Change], now: Snapshot | None) -> None:
        self._by_path: dict[Path, Change] = {}
        self._sections: dict[str, list[Change]] = defaultdict(list)
        for one in changes:
            self._by_path[one.path] = one
            self._sections[one.path[0]].append(one)
        self.view = NodeView(now) if now is not None else None

    def at(self, *path: str) -> Change | None:
        """Return the change of a place, None where it did not change."""
        return self._by_path.get(path)

    def under(self, *start: str) -> Iterator[Change]:
        """Yield the changes below a place."""
        size = len(start)
        return (one for one in self._sections.get(start[0], ()) if one.path[:size] == start)

    def of_links(self, *field: str) -> Iterator[Change]:
        """Yield the changes of a field of links; without one, of whole links."""
        return (one for one in self._sections.get("links", ()) if one.path[2:] == field)

    @cached_property
    def fits(self) -> tuple[Fit, ...]:
        """Return the MTUs of overlays beside those of the links below them, where both are told."""
        if self.view is None:
            return ()
        return tuple(one for one in fits(self.view, self.view.overlays) if isinstance(one, Fit))

    @cached_property
    def in_use(self) -> tuple[Fit, ...]:
        """Return those of the backend that flannel runs."""
        names = {one.name for one in in_use(self.view)} if self.view is not None else set()
        return tuple(one for one in self.fits if one.overlay.name in names)
