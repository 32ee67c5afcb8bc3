"""What encapsulations take from the MTU of the link below: an overlay beside its underlay.

The figures are what the kernel and flannel subtract; nothing here is a rule.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from snapdiff.rules.flannel import carriers, kind_of
from snapdiff.rules.registry import CannotTell

if t.TYPE_CHECKING:
    from snapdiff.rules.view import NodeView, Overlay


@dataclass(frozen=True, slots=True)
class Overhead:
    """Bytes that an encapsulation takes from the underlay's MTU."""

    asked: int  # what is left off when nobody says otherwise
    least: int  # what the packets really need
    words: str


FOUR = {  # over IPv4, by the kind of the overlay's link
    "vxlan": Overhead(50, 50, "vxlan, IPv4"),
    "wireguard": Overhead(80, 60, "wireguard"),
    "ipip": Overhead(20, 20, "ipip"),
    "tun": Overhead(28, 28, "flannel udp"),
}
SIX = {"vxlan": Overhead(70, 70, "vxlan, IPv6"), "wireguard": Overhead(80, 80, "wireguard")}
WORDS = {one.asked: one.words for one in (*FOUR.values(), *SIX.values())}  # by bytes


def overhead(overlay: Overlay) -> Overhead | None:
    """Return the overhead of an overlay; None for a kind that we know no figure of.

    Source: flannel pkg/backend/vxlan/device.go, wireguard/wireguard_network.go, ipip/ipip.go,
    udp/udp_network_amd64.go; Linux drivers/net/vxlan/vxlan_core.c, vxlan_headroom().
    """
    return (SIX if overlay.family == 6 else FOUR).get(kind_of(overlay))


@dataclass(frozen=True, slots=True)
class Fit:
    """An overlay's MTU beside that of the link below it."""

    overlay: Overlay
    mtu: int
    below: str
    under: int
    cost: Overhead

    @property
    def path(self) -> str:
        """Return the place of the overlay's MTU."""
        return f"links/{self.overlay.name}/mtu"

    def sum(self, less: int) -> tuple[str, ...]:
        """Return the sum as a line of evidence."""
        return (
            f"{self.below} {self.under} - {less} ({self.cost.words}) = {self.under - less}, "
            f"seen {self.mtu}",
        )


def fit(view: NodeView, overlay: Overlay) -> Fit | None:
    """Return both MTUs. Raises CannotTell where one of them, or what is below, is not known."""
    cost = overhead(overlay)
    mtu = view.get("links", overlay.name, "mtu")
    if cost is None or mtu is None:
        return None
    below = carriers(view, overlay)
    if len(below) != 1:
        several = f"it may be any of {', '.join(below)}"
        why = several if below else "the node does not tell what carries it"
        raise CannotTell(f"links/{overlay.name}/lower", why)
    under = view.get("links", below[0], "mtu")
    if under is None:
        raise CannotTell(f"links/{below[0]}/mtu", "the link has none")
    return Fit(overlay, mtu, below[0], under, cost)


def fits(view: NodeView, overlays: t.Iterable[Overlay]) -> t.Iterator[Fit | CannotTell]:
    """Yield what is known of each overlay, or why it is not."""
    for overlay in overlays:
        try:
            found = fit(view, overlay)
        except CannotTell as reason:
            yield reason
        else:
            if found is not None:
                yield found


def wanted_of(view: NodeView, one: Fit) -> int:
    """Return the MTU that flannel would give the overlay if it were made now.

    The key MTU of net-conf is that of the outer packet; flannel subtracts 50 of it for IPv6 too,
    and the kernel lowers what does not fit.
    """
    key = view.asked("MTU")
    most = one.under - one.cost.asked
    if not isinstance(key, int) or key <= 0 or kind_of(one.overlay) not in ("vxlan", "wireguard"):
        return most
    return min(most, key - {"vxlan": 50, "wireguard": 80}[kind_of(one.overlay)])
