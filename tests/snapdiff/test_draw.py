"""Pictures: as text at three widths, as SVG, told in a sentence, and what a node cannot do to them.

``SNAPDIFF_REWRITE_GOLDEN=1 pytest tests/snapdiff/test_draw.py`` writes tests/golden/draw-* anew;
read the difference, and look at the SVG files in a browser, before it is committed.
"""

from __future__ import annotations

import os
import re
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest
from test_report import CONTROL, HOSTILE

from builders import GOLDEN
from snapdiff.draw import chain, mesh, mtus, slope, timeline
from snapdiff.draw.glyphs import cells
from snapdiff.draw.sheet import SIGN, SIZE
from snapdiff.draw.style import CSS
from snapdiff.model import Cell, Chain, Hop
from snapdiff.safe import visible
from snapdiff.story import Course, Followers, Life, Moment, MtuCell, MtuRow, Sight

OPEN, WAIVED, CLEAR, UNSEEN = Sight.OPEN, Sight.ACCEPTED, Sight.CLEAR, Sight.UNSEEN


def hop(link, role, before, after, **more):
    return Hop(link=link, role=role, before=before, after=after, **more)


def nodes(first, last):
    return tuple(f"node{number}" for number in range(first, last + 1))


def cell(link, role, mtu, expected=None, fits=None):
    return MtuCell(link=link, role=role, mtu=mtu, expected=expected, fits=fits)


def hops(eth0, overlay, bridge, pods):
    """Return the cells of a node; each but the first is mtu, expected, fits."""
    return (
        cell("eth0", "underlay", eth0),
        cell("flannel.1", "overlay", *overlay),
        cell("cni0", "pod bridge", *bridge),
        cell("veth*", "pod port", *pods),
    )


def well(mtu):
    return (mtu, mtu, True)


def moment(day, error=0, warning=0, info=0, accepted=0, observed=3, expected=3):
    return Moment(
        capture=f"202611{day}T020000Z",
        taken_at=f"2026-11-{day}T02:00:00Z",
        expected=expected,
        observed=observed,
        by_severity={"error": error, "warning": warning, "info": info},
        accepted=accepted,
    )


def life(severity, path, node, *sights, flaps=0):
    seen = sum(one in (OPEN, WAIVED) for one in sights)
    return Life(
        id=f"{severity}-{path}-{node}",
        rule="a-rule",
        path=path,
        node=node,
        severity=severity,
        message="it is so",
        first="2026-11-19T02:00:00Z",
        last="2026-11-22T02:00:00Z",
        sights=sights,
        nights=seen,
        flaps=flaps,
    )


OVER = "has MTU 1360, over the 1300 that eth0 leaves"
BROKEN = Chain(
    nodes=("node2",),
    hops=(
        hop("eth0", "underlay", None, "1350", addresses=("192.0.2.2/24",), overhead=0),
        hop(
            "flannel.1",
            "overlay",
            None,
            "1360",
            addresses=("10.244.2.0/32",),
            overhead=50,
            broken=OVER,
        ),
        hop("cni0", "pod bridge", None, "1360", addresses=("10.244.2.1/24",), overhead=0),
        hop("veth*", "pod port", None, "2 at 1360", overhead=0),
    ),
)
CHANGED = Chain(
    nodes=("node1", "node2"),
    hops=(
        hop("eth0", "underlay", "1410", "1500", overhead=0),
        hop("flannel.1", "overlay", "1360", "1450", overhead=50),
        hop("cni0", "pod bridge", "1360", "1360", overhead=0),
        hop("veth*", "pod port", "2 at 1360", "1 at 1360, 2 at 1450", broken="new pods get 1450"),
    ),
)
DUAL = Chain(
    nodes=nodes(1, 40),
    hops=(
        hop("eth0", "underlay", "1500", "1500", overhead=0),
        hop("flannel-v6.1", "overlay", "1430", None),
        hop("flannel.1", "overlay", "1450", "1450", overhead=50),
        hop("cni0", "pod bridge", None, "1450", overhead=0),
    ),
)
MTUS = (
    MtuRow(nodes=("node7",), cells=hops(1410, (1450, 1360, False), well(1450), well(1450))),
    MtuRow(
        nodes=("node3", "node4"),
        cells=hops(1500, (1360, 1450, True), (1360, 1360, True), ((1360, 1450), 1360, False)),
    ),
    MtuRow(nodes=("node8",), cells=(cell("*", "other", None),)),
    MtuRow(
        nodes=("node9",),
        cells=(
            cell("eth0", "underlay", 1500),
            cell("cni0", "pod bridge", 1500, None, True),
            cell("veth*", "pod port", 1500, 1500, None),
        ),
    ),
    MtuRow(nodes=nodes(10, 47), cells=hops(1500, well(1450), well(1450), well(1450))),
)
ALL = ("route", "neighbour", "fdb")
MESH = (
    *(Cell(holder=name, peer="node7", missing=ALL) for name in nodes(1, 6) + nodes(8, 40)),
    Cell(holder="node3", peer="node4", stale=("fdb",)),
    Cell(holder="node3", peer="10.244.99.0", extra=True),
    Cell(holder="node7", peer="node1", missing=("route",), stale=("neighbour",)),
)
UPGRADE = Course(
    path="links/flannel.1/mtu",
    moments=tuple(moment(day) for day in (20, 21, 22, 23)),
    wanted="1400",
    rows=(
        Followers(nodes=nodes(1, 10), values=("1450", "1400", "1400", "1400")),
        Followers(nodes=nodes(11, 30), values=("1450", "1450", "1400", "1400")),
        Followers(nodes=nodes(31, 47), values=("1450", "1450", "1450", "1400")),
        Followers(nodes=("node48", "node49"), values=("1450",) * 4),
        Followers(nodes=("node50",), values=("1450", "1450", "", "")),
    ),
)
NIGHTS = (
    moment(18),
    moment(19, 3, 4, 2),
    moment(20, 3, 4, 2, observed=2),
    moment(21, 1, 2, 2, accepted=2),
    moment(22, 0, 1, 2, accepted=2),
)
LIVES = (
    life("error", "links/flannel.1/mtu", "node2", CLEAR, OPEN, OPEN, OPEN, CLEAR),
    life("warning", "cni/subnet_env/FLANNEL_MTU", "node2", CLEAR, OPEN, UNSEEN, OPEN, OPEN),
    life("warning", "links/eth0/mtu", "node3", CLEAR, OPEN, OPEN, WAIVED, WAIVED),
    life("info", "links/cni0/operstate", "node1", CLEAR, OPEN, CLEAR, OPEN, OPEN, flaps=1),
    life("error", "peers/10.244.3.0/missing", "node3", CLEAR, OPEN, OPEN, CLEAR, UNSEEN),
)
PICTURES = {  # name to the room that draws it, and what it is given
    "chain-broken": (chain, (BROKEN,)),
    "chain-changed": (chain, (CHANGED,)),
    "chain-dual": (chain, (DUAL,)),
    "mtus": (mtus, (MTUS,)),
    "mesh": (mesh, (MESH,)),
    "slope": (slope, (UPGRADE,)),
    "timeline": (timeline, (NIGHTS, LIVES)),
}
EMPTY = {
    "chain": (chain, (Chain(nodes=("node1",), hops=()),)),
    "mtus": (mtus, ((),)),
    "mesh": (mesh, ((),)),
    "slope": (slope, (Course(path="links/cni0/mtu", moments=(), rows=()),)),
    "timeline": (timeline, ((), ())),
}


def golden(name, text):
    path = GOLDEN / name
    if os.environ.get("SNAPDIFF_REWRITE_GOLDEN"):
        path.write_text(text, "utf-8")
    return path.read_text("utf-8")


def parsed(room, given, key="k"):
    return ET.fromstring(room.svg(*given, key=key))


@pytest.mark.parametrize("width", [60, 100, 160])
@pytest.mark.parametrize("name", PICTURES)
def test_the_text_is_the_golden_one(name, width):
    room, given = PICTURES[name]
    text = "".join(f"{line}\n" for line in room.text(*given, width=width))
    assert text == golden(f"draw-{name}-{width}.txt", text)


@pytest.mark.parametrize("name", PICTURES)
def test_the_svg_is_the_golden_one(name):
    """Whole files that a browser shows; they have no colours, which a page gives them."""
    room, given = PICTURES[name]
    svg = room.svg(*given, key=name)
    framed = svg.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
    assert f"{framed}\n" == golden(f"draw-{name}.svg", f"{framed}\n")


@pytest.mark.parametrize("width", [*range(20, 64, 3), 80, 120, 200])
@pytest.mark.parametrize("name", [*PICTURES, *(f"empty {one}" for one in EMPTY)])
def test_no_line_is_wider_than_it_may_be(name, width):
    room, given = EMPTY[name[6:]] if name.startswith("empty ") else PICTURES[name]
    lines = room.text(*given, width=width)
    assert lines
    assert [line for line in lines if cells(line) > width or line != line.rstrip()] == []


@pytest.mark.parametrize(
    ("name", "told"),
    [
        (
            "chain-broken",
            "The chain of node2: eth0 1350; flannel.1 1360, 50 less for vxlan, IPv4; cni0 1360; "
            f"veth* 1360; 2 pods. Wrong: flannel.1: {OVER}.",
        ),
        (
            "chain-changed",
            "The chain of node1, node2: eth0 1410 → 1500; flannel.1 1360 → 1450, 50 less for "
            "vxlan, IPv4; cni0 1360; veth* 1360 → 1360, 1450; 2 → 3 pods. Changed: eth0, "
            "flannel.1, veth*. Wrong: veth*: new pods get 1450.",
        ),
        (
            "chain-dual",
            "The chain of node1, node2, node3 and 37 more: eth0 1500; flannel-v6.1 1430 → absent; "
            "flannel.1 1450, 50 less for vxlan, IPv4; cni0 absent → 1450. Changed: flannel-v6.1, "
            "cni0.",
        ),
        (
            "mtus",
            "MTU by hop on 43 nodes: 38 with nothing but what was expected. Not so: node7: "
            "flannel.1 ✗ 1450, not 1360; node3, node4: flannel.1 ≠ 1360, not 1450, veth* ✗ 1360, "
            "1450, not 1360; node8: links ?; and 1 more row.",
        ),
        (
            "mesh",
            "42 pairs of nodes have wrong entries: 40 missing, 2 old, 1 of no node. 39 are for "
            "node7.",
        ),
        (
            "slope",
            "links/flannel.1/mtu of 50 nodes over 4 captures: 47 have 1400. Not yet: node48, "
            "node49 (1450). Nobody could tell on node50.",
        ),
        (
            "timeline",
            "5 nights; on the last, 11-22, 0 error, 1 warning, 2 info with 3 of 3 nodes seen. Of "
            "5 findings: 2 open, 1 accepted, 1 clear, 1 unseen. 1 came back, most often "
            "links/cni0/operstate on node1.",
        ),
    ],
)
def test_a_picture_is_told_in_words(name, told):
    room, given = PICTURES[name]
    assert room.told(*given) == told


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("chain", "No link of a pod network was seen on node1."),
        ("mtus", "No node was seen, so there is no MTU to tell."),
        ("mesh", "No pair of the nodes that were seen lacks an entry or has an old one."),
        ("slope", "links/cni0/mtu of 0 nodes over 0 captures. At the end: nothing."),
        ("timeline", "No night was written down."),
    ],
)
def test_where_there_is_nothing_to_draw_that_is_said(name, told):
    room, given = EMPTY[name]
    assert room.told(*given) == told
    assert parsed(room, given).findtext("desc") == told


# ---- SVG --------------------------------------------------------------------------------------

TAGS = {"svg", "title", "desc", "defs", "pattern", "path", "rect", "polyline", "circle", "text"}


@pytest.mark.parametrize("name", PICTURES)
def test_a_screen_reader_is_given_title_and_description(name):
    room, given = PICTURES[name]
    root = parsed(room, given)
    ids = {one.get("id"): one.text for one in root if one.get("id")}
    named, described = root.get("aria-labelledby").split()
    assert (root.tag, root.get("role"), ids[described]) == ("svg", "img", room.told(*given))
    assert ids[named]


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_only_shapes_and_classes(name):
    room, given = PICTURES[name]
    found = list(parsed(room, given).iter())
    assert {one.tag for one in found} <= TAGS
    names = {name for one in found for name in one.attrib}
    assert not {one for one in names if one.startswith("on") or "href" in one or one == "style"}
    assert {one.get("fill") for one in found} <= {None, *(f"url(#k-{one})" for one in HATCHED)}
    assert "stroke" not in names


HATCHED = ("error", "warning", "info", "unseen")


@pytest.mark.parametrize("name", PICTURES)
def test_ids_are_a_pictures_own(name):
    room, given = PICTURES[name]
    one, two = (
        [at.get("id") for at in parsed(room, given, key).iter() if at.get("id")]
        for key in ("one", 'two" onload="x')
    )
    assert len(set(one + two)) == len(one) + len(two)
    used = re.findall(r"url\(#([^)]*)\)", room.svg(*given, key="one"))
    assert set(used) <= set(one)
    assert all(re.fullmatch(r"[A-Za-z0-9_-]+", at) for at in one + two)


def outside(root):
    """Return the texts that stand outside of the picture, reckoned by the width of a sign."""
    _x, _y, wide, high = map(float, root.get("viewBox").split())
    found = []
    for one in root.iter("text"):
        x, y, size = float(one.get("x")), float(one.get("y")), cells(one.text or "") * SIGN
        if one.get("transform"):
            box = (x - SIZE, y - size, x + 3, y)
        elif one.get("text-anchor") == "middle":
            box = (x - size / 2, y - SIZE, x + size / 2, y + 3)
        else:
            box = (x, y - SIZE, x + size, y + 3)
        if box[0] < 0 or box[1] < 0 or box[2] > wide or box[3] > high:
            found.append((one.text, box))
    return found


@pytest.mark.parametrize("name", [*PICTURES, *(f"empty {one}" for one in EMPTY)])
def test_no_text_leaves_the_picture(name):
    room, given = EMPTY[name[6:]] if name.startswith("empty ") else PICTURES[name]
    assert outside(parsed(room, given)) == []


SOUND = replace(BROKEN, hops=tuple(replace(one, broken="") for one in BROKEN.hops))
STATES = {
    "a broken hop": (chain, (BROKEN,), (SOUND,)),
    "a changed hop": (chain, (CHANGED,), (SOUND,)),
    "an MTU that is too large": (mtus, ((MTUS[0],),), ((MTUS[4],),)),
    "an MTU that nobody saw": (mtus, ((MTUS[2],),), ((MTUS[4],),)),
    "a missing entry": (mesh, ((MESH[0],),), ((MESH[-3],),)),
    "an extra entry": (mesh, ((MESH[-2],),), ((MESH[-3],),)),
}


@pytest.mark.parametrize("what", STATES)
def test_a_state_is_a_sign_or_a_shape_before_it_is_a_colour(what):
    room, one, two = STATES[what]
    seen = [
        {at.text for at in parsed(room, given).iter("text") if len(at.text) <= 16}
        for given in (one, two)
    ]
    assert {text[:1] for text in seen[0] - seen[1]} & set("✗→≠?!+-M")
    assert seen[0] != seen[1]


def test_every_severity_of_a_night_has_its_letter_and_its_pattern():
    svg = timeline.svg((moment(20, 9, 9, 9, accepted=9),), (), key="k")
    assert re.findall(r">([EWIa])9<", svg) == ["a", "I", "W", "E"]
    used = set(re.findall(r"url\(#k-(\w+)\)", svg))
    assert used == {"error", "warning", "info", "unseen"}
    paths = [one.get("d") for one in ET.fromstring(svg).iter("path")]
    assert len(paths) == len(set(paths)) == 4


def test_a_straggler_has_a_line_and_a_mark_of_its_own():
    root = parsed(slope, (UPGRADE,))
    lines = [one.get("class") for one in root.iter("polyline") if "faint" not in one.get("class")]
    assert sorted(lines) == ["rail done"] * 3 + ["rail late", "rail unseen"]
    assert "stroke-dasharray" in CSS.partition(".rail.late")[2].partition("}")[0]
    assert len([one for one in root.iter("rect") if one.get("class") == "dot late"]) == 4
    assert [one.text for one in root.iter("text") if one.text.startswith("✗")] == [
        "✗ node48, node49"
    ]


# ---- style ------------------------------------------------------------------------------------


def test_every_class_has_its_style():
    used = {
        word
        for room, given in PICTURES.values()
        for one in parsed(room, given).iter()
        for word in one.get("class", "").split()
    }
    assert {one for one in used if not re.search(rf"\.{one}\b", CSS)} == set()


def blocks():
    """Return the colours of light, dark and print, by name."""
    found = [dict(re.findall(r"(--draw-[a-z-]+): (#\w{6});", one)) for one in CSS.split(":root")]
    return dict(zip(("light", "dark", "print"), found[1:], strict=True))


def test_light_dark_and_print_give_every_colour():
    used = set(re.findall(r"var\((--draw-[a-z-]+)\)", CSS))
    assert {name: set(colours) for name, colours in blocks().items()} == dict.fromkeys(
        blocks(), used
    )
    assert re.findall(r"@media ([^{]*) \{", CSS) == ["(prefers-color-scheme: dark)", "print"]


def contrast(one, two):
    """Return the contrast of two colours as WCAG 2.1 reckons it."""

    def light(colour):
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [x / 12.92 if x <= 0.03928 else ((x + 0.055) / 1.055) ** 2.4 for x in parts]
        return sum(a * b for a, b in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    high, low = sorted((light(one), light(two)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark", "print"])
def test_text_stands_out_on_every_box_and_borders_on_the_page(scheme):
    colours = blocks()[scheme]
    fills = [name for name in colours if name.endswith(("-fill", "-box", "-paper"))]
    for ink in ("--draw-ink", "--draw-soft"):
        assert [one for one in fills if contrast(colours[ink], colours[one]) < 4.5] == []
    for kind in ("error", "warning", "info", "good", "unseen", "line"):
        assert contrast(colours[f"--draw-{kind}"], colours["--draw-paper"]) >= 3, kind


# ---- hostile text -----------------------------------------------------------------------------


def poisoned(text):
    """Return every picture with *text* wherever a node, a site or a file can put some."""
    name = text or "empty"
    bad = Chain(
        nodes=(name, "node2"),
        hops=(
            hop(name, "underlay", text, text, addresses=(text, text, text, text), broken=text),
            hop("flannel.1", "overlay", "1450", text, overhead=50, broken=text or "x"),
            hop(name, "pod port", "1 at 1450", text),
        ),
    )
    row = MtuRow(
        nodes=(name,),
        cells=(cell(name, "underlay", 1500), cell(name, "overlay", text, 1450, False)),
    )
    night = Moment(capture=text, taken_at="", label=text, expected=1, observed=1)
    return (
        (chain, (bad,)),
        (mtus, ((row,),)),
        (mesh, ((Cell(holder=name, peer=f"peer {text}", missing=("fdb",)),),)),
        (
            slope,
            (
                Course(
                    path=text,
                    moments=(night, night),
                    wanted=text,
                    rows=(Followers(nodes=(name,), values=("1450", text)),),
                ),
            ),
        ),
        (timeline, ((night, night), (life("error", text, name, OPEN, OPEN, flaps=1),))),
    )


@pytest.mark.parametrize("number", range(len(HOSTILE)))
def test_text_of_a_node_is_neither_markup_nor_moves_a_cursor(number):
    text = HOSTILE[number]
    for room, given in poisoned(text):
        svg = room.svg(*given, key="k")
        root = ET.fromstring(svg)
        assert {one.tag for one in root.iter()} <= TAGS
        assert not CONTROL.search(svg + room.told(*given))
        assert outside(root) == []
        for width in (30, 100):
            lines = room.text(*given, width=width)
            assert not CONTROL.search("".join(lines))
            assert [line for line in lines if cells(line) > width] == []


@pytest.mark.parametrize("number", range(len(HOSTILE)))
def test_a_node_makes_no_elements(number):
    """As many as a harmless text of that length makes, so none can be faked."""

    def count(text):
        found = []
        for room, given in poisoned(text)[1:4]:
            root = parsed(room, given)
            found.append([one.tag for one in root.iter() if one.tag not in ("path", "pattern")])
        return found

    if HOSTILE[number].strip():
        assert count(HOSTILE[number]) == count("x" * cells(visible(HOSTILE[number])))


@pytest.mark.parametrize("sign", ["\ufffe", "\uffff", "\ud800"])
def test_what_xml_forbids_is_not_in_it(sign):
    one = Chain(nodes=(f"a{sign}b",), hops=(hop(f"e{sign}0", "underlay", None, "1500"),))
    assert ET.fromstring(chain.svg(one, key="k")).findtext("title").startswith("Chain of a")


# ---- fleets -----------------------------------------------------------------------------------


def many_rows(count):
    return tuple(
        MtuRow(
            nodes=(f"n{at}", f"m{at}"),
            cells=(cell("flannel.1", "overlay", at, 1450, at <= 1450),),
        )
        for at in range(1400, 1400 + count)
    )


SCALE = {
    "mtus": (mtus, (many_rows(100),), "and 152 more nodes in 76 rows"),
    "mesh": (
        mesh,
        (
            tuple(
                Cell(holder=f"h{a}", peer=f"p{b}", missing=("fdb",))
                for a in range(60)
                for b in range(60)
                if (a * b) % 61 % 3 == 1
            ),
        ),
        "more rows and",
    ),
    "slope": (
        slope,
        (
            Course(
                path="links/cni0/mtu",
                moments=tuple(moment(day) for day in range(10, 30)),
                wanted="1400",
                rows=tuple(
                    Followers(nodes=(f"n{at}", f"m{at}"), values=("1450",) * 19 + (str(at),))
                    for at in range(40)
                ),
            ),
        ),
        "and 48 more nodes on 24 lines",
    ),
    "timeline": (
        timeline,
        (
            tuple(moment(10 + at % 20, at, 1000, 2) for at in range(200)),
            tuple(life("error", f"links/veth{at}/mtu", "n", *([OPEN] * 200)) for at in range(500)),
        ),
        "170 nights before not drawn",
    ),
}


@pytest.mark.parametrize("name", SCALE)
def test_a_picture_of_a_fleet_stays_small_and_says_what_it_leaves_out(name):
    room, given, left_out = SCALE[name]
    lines = room.text(*given, width=100)
    assert len(lines) < 75
    assert left_out in "\n".join(lines)
    svg = room.svg(*given, key="k")
    assert len(svg) < 250_000
    assert outside(ET.fromstring(svg)) == []
    assert re.search(r"more|not drawn", "".join(ET.fromstring(svg).itertext()))


def test_alike_rows_and_columns_of_the_mesh_are_one():
    """Nobody has entries for a node that was made anew: 4,999 rows, told as one."""
    lost = tuple(Cell(holder=f"n{at}", peer="anew", missing=ALL) for at in range(4999))
    lines = mesh.text(lost, width=60)
    assert lines[-3:] == [
        "            anew",
        "n0 … ×4999  -rnf",
        "nothing wrong was found on nodes seen and not named",
    ]


def test_one_pair_is_told_by_its_names():
    assert mesh.told((Cell(holder="node1", peer="node2", missing=("fdb",)),)) == (
        "1 pair of nodes has wrong entries: 1 missing. They are held by node1, for node2."
    )


def test_coverage_is_whole_only_where_all_were_seen():
    nights = (moment(20, observed=4999, expected=5000), moment(21, observed=1, expected=5000))
    lines = timeline.text((*nights, moment(22, observed=0, expected=0)), (), width=80)[:3]
    bars = [re.findall(r"[█░]+", line)[0] for line in lines]
    assert bars == ["█████████░", "█░░░░░░░░░", "░░░░░░░░░░"]
    assert [line.split()[-1] for line in lines] == ["seen", "seen", "seen"]  # not: none
