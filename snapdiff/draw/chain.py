"""The chain of a node as the field draws it: eth0 - flannel.1 - cni0 - veth* - pods.

A chain whose hops all have no *before* is of one moment; any other shows what it was and is.
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

from snapdiff import roles
from snapdiff.draw.blocks import Block, across, down
from snapdiff.draw.glyphs import folded, names
from snapdiff.draw.sheet import LINE, Sheet, cut, wide
from snapdiff.rules.overheads import WORDS
from snapdiff.safe import visible

if t.TYPE_CHECKING:
    from snapdiff.model import Chain, Hop

ROLES = (roles.UNDERLAY, roles.OVERLAY, roles.POD_BRIDGE, roles.POD_PORT)
PODS = "pods"
ABSENT = "absent"
WRONG = "✗"
_COUNTED = re.compile(r"(\d+) at (\S+?)(?:, |\Z)")
MOST = 3  # addresses of a link that a box has room for
Pin = tuple[float, float, bool]  # where a line ends, and whether the hop there is gone
ROOM = 340  # of a box in the picture; names of links are 15 signs at most, addresses 43


@dataclass(frozen=True, slots=True)
class Box:
    """A hop as it is drawn; *label* stands on the line that leads to it."""

    name: str
    role: str
    lines: tuple[str, ...] = ()
    size: str = ""  # its MTU, as it was and is
    label: tuple[str, ...] = ()
    broken: str = ""
    changed: bool = False
    gone: bool = False


def stages(chain: Chain) -> list[list[Box]]:
    """Return the boxes from left to right; what stands side by side on a node is one list."""
    once = all(hop.before is None for hop in chain.hops)
    found = [[_box(hop, once) for hop in chain.hops if hop.role == role] for role in ROLES]
    found[-1:] = [found[-1], [_pods(hop, once) for hop in chain.hops if hop.role == ROLES[-1]]]
    return [boxes for boxes in found if boxes]


def _box(hop: Hop, once: bool) -> Box:
    now = _size(hop, hop.after)
    was = now if once else _size(hop, hop.before)
    label: tuple[str, ...] = ()
    if hop.overhead:
        label = (f"− {hop.overhead}", WORDS.get(hop.overhead, "overhead"))
    addresses = hop.addresses[:MOST]
    rest = len(hop.addresses) - MOST
    size = now if was == now else f"{was} → {now}"
    return Box(
        name=hop.link,
        role=hop.role,
        size=size,
        lines=(
            f"MTU {size}",
            *addresses,
            *((f"and {rest} more",) if rest > 0 else ()),
        ),
        label=label,
        broken=hop.broken,
        changed=was != now,
        gone=hop.after is None,
    )


def _size(hop: Hop, word: str | None) -> str:
    """Return the MTU of a hop's word; of ports, whose word counts them, their MTUs."""
    if word is None:
        return ABSENT
    counted = _COUNTED.findall(word) if hop.role == roles.POD_PORT else []
    return ", ".join(mtu for _number, mtu in counted) or word


def _pods(hop: Hop, once: bool) -> Box:
    now = _numbers(hop.after)
    was = now if once else _numbers(hop.before)
    shown = f"{was} → {now}" if was != now else now
    several = tuple(f"{number} at {mtu}" for number, mtu in _COUNTED.findall(hop.after or ""))
    return Box(
        name=f"{shown} {PODS if shown != '1' else 'pod'}",
        role=f"of {hop.link}",
        lines=several if len(several) > 1 else (),
        gone=hop.after is None,
    )


def _numbers(word: str | None) -> str:
    return str(sum(int(number) for number, _mtu in _COUNTED.findall(word or "")))


def told(chain: Chain) -> str:
    """Return the chain in one to three sentences: hops, what changed, what is wrong."""
    if not chain.hops:
        return f"No link of a pod network was seen on {names(chain.nodes, 3)}."
    boxes = [box for stage in stages(chain) for box in stage]
    said = [f"The chain of {names(chain.nodes, 3)}: {'; '.join(map(_spoken, boxes))}."]
    changed = [box.name for box in boxes if box.changed]
    if changed:
        said.append(f"Changed: {', '.join(changed)}.")
    wrong = [f"{box.name}: {box.broken}" for box in boxes if box.broken]
    if wrong:
        said.append(f"Wrong: {'; '.join(wrong)}.")
    return visible(" ".join(said))


def _spoken(box: Box) -> str:
    less = f", {box.label[0].removeprefix('− ')} less for {box.label[1]}" if box.label else ""
    if not box.size:
        return box.name
    return f"{box.name} {box.size}{less}"


def text(chain: Chain, width: int) -> list[str]:
    """Return the chain side by side where *width* has room for it, else one hop below the other.

    What is wrong with a hop stands below, with the hop's name.
    """
    if not chain.hops:
        return list(folded(told(chain), width))
    drawn = stages(chain)
    blocks = [[_block(box) for box in stage] for stage in drawn]
    lines = across([stage[0] for stage in blocks]) if all(len(one) == 1 for one in blocks) else []
    if not lines or max(map(len, lines)) > width:
        lines = down(blocks, width)
    wrong = [box for stage in drawn for box in stage if box.broken]
    lines += [""] if wrong else []
    for box in wrong:
        first, *rest = folded(f"{box.name}: {box.broken}", max(width - 2, 1))
        lines += [f"{WRONG} {first}", *(f"  {line}" for line in rest)]
    return lines


def _block(box: Box) -> Block:
    lines = tuple(map(visible, (box.role, *box.lines)))
    return Block(visible(box.name), lines, label=box.label, heavy=bool(box.broken))


def svg(chain: Chain, key: str) -> str:
    """Return the chain as one inline picture; *key* makes its ids its own."""
    sheet = Sheet(key, f"Chain of {names(chain.nodes, 3)}", told(chain))
    drawn = stages(chain)
    if not drawn:
        sheet.text(10, 22, "no link of a pod network")
        return sheet.done(220, 36)
    x, low = 10.0, 10.0
    ends: list[Pin] = []
    for stage in drawn:
        across_ = min(max(_width(box) for box in stage), ROOM)
        gap = max(28, *(max(map(wide, box.label), default=0) + 24 for box in stage)) if ends else 0
        starts: list[Pin] = []
        y = 10.0
        for box in stage:
            high = (len(box.lines) + 2) * LINE + 8
            _draw(sheet, box, x + gap, y, across_, high)
            starts.append((x + gap, y + 26, box.gone))
            _label(sheet, box, x + gap - (gap - 6) / 2, y + 26)
            y += high + 14
        _wires(sheet, ends, starts, x + 6)
        x += gap + across_
        ends = [(x, at, gone) for _left, at, gone in starts]
        low = max(low, y)
    return _legend(sheet, [box for stage in drawn for box in stage], x + 10, low)


def _width(box: Box) -> float:
    return max(wide(f"{box.name} {WRONG}"), *(wide(line) for line in (box.role, *box.lines))) + 24


def _draw(sheet: Sheet, box: Box, x: float, y: float, across_: float, high: float) -> None:
    kind = "error" if box.broken else "gone" if box.gone else "warning" if box.changed else ""
    sheet.rect(x, y, across_, high, f"box {kind}".strip(), rx=4)
    if box.broken:
        sheet.rect(x + 3, y + 3, 6, high - 6, "wash", fill=sheet.hatch("error"))
    mark = f"{WRONG} " if box.broken else ""
    sheet.text(x + 14, y + 18, cut(f"{mark}{box.name}", across_ - 20), "strong")
    sheet.text(x + 14, y + 18 + LINE, cut(box.role, across_ - 20), "soft")
    for number, line in enumerate(box.lines):
        kind = "strong" if number == 0 and box.changed else ""
        at = y + 18 + LINE * (number + 2)
        sheet.text(x + 14, at, cut(line, across_ - 20), kind)


def _label(sheet: Sheet, box: Box, x: float, y: float) -> None:
    for line, at in zip(box.label, (y - 6, y + 16), strict=False):
        sheet.text(x, at, line, "soft", anchor="middle")


def _wires(sheet: Sheet, ends: list[Pin], starts: list[Pin], bus: float) -> None:
    """Draw the lines between two stages by way of one upright at *bus*; none is whole to a gap."""
    if not ends:
        return
    high = [y for _x, y, _gone in (*ends, *starts)]
    if min(high) != max(high):
        sheet.line([(bus, min(high)), (bus, max(high))], "rail")
    for x, y, gone in (*ends, *starts):
        sheet.line([(min(x, bus), y), (max(x, bus), y)], "rail faint" if gone else "rail")


def _legend(sheet: Sheet, boxes: list[Box], across_: float, low: float) -> str:
    for box in boxes:
        for line in folded(f"{WRONG} {box.name}: {box.broken}", 100) if box.broken else ():
            sheet.text(10, low + 12, line)
            across_ = max(across_, 20 + wide(line))
            low += LINE
    return sheet.done(across_, low + 6)
