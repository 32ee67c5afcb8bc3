"""Reports as people and machines read them, and what a node cannot do to either.

``SNAPDIFF_REWRITE_GOLDEN=1 pytest tests/snapdiff/test_report.py`` writes tests/golden/report-*.txt
anew; read the difference before it is committed.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import replace

import pytest

from builders import FIXTURES, GOLDEN, GONE, NOW, edited, link, node, peer, side, snapshot_of
from clusters import snapshots
from kinds import healthy
from snapdiff.assess import Policy, assess_diff
from snapdiff.errors import UsageError
from snapdiff.model import Input
from snapdiff.names import to_file_name
from snapdiff.report import Terminal, as_snapshot, render
from snapdiff.report.safe import visible
from snapdiff.saved import Folder, nodes_in
from snapdiff.saved import snapshot_of as snapshot_of_saved
from snapdiff.schema import validate
from snapdiff.store import stamp

LAB = FIXTURES / "flannel-lab"
INPUTS = (
    Input(name="@prev", place="store/lab/a", capture="20261121T020000Z", label="before"),
    Input(name="@latest", place="store/lab/b", capture="20261122T020000Z", limit="workers"),
)


def report_of(tmp_path, before, after, *, cluster="lab", **new):
    sides = side(tmp_path / "a", before), side(tmp_path / "b", after, **new)
    report = assess_diff(*sides, cluster=cluster, policy=Policy())
    return replace(report, inputs=INPUTS, made_at=stamp(NOW))


def lab(folder):
    return [
        snapshot_of_saved(Folder(path), node=path.name, taken_at=stamp(NOW), via="test")
        for path in nodes_in(LAB / folder)
    ]


def an_eventful_night():
    """Return both sides of a night on which a bit of all happened."""
    before = [node(n, of=8) for n in range(1, 9)]
    edits = {
        1: {"links/cni0/mtu": 1400, "links/cni0/ifindex": 44, "links/veth00000001": GONE},
        2: {"links/cni0/mtu": 1400, "links/cni0/ifindex": 55},
        3: {"cni/subnet_env/FLANNEL_MTU": "1450", "not_observed/ipam": "no time"},
        4: {"links/flannel.1": GONE, **{f"peers/10.244.{n}.0": GONE for n in (1, 2, 3, 5)}},
        5: {"links/flannel.1/mac": "0a:ff:00:00:00:05", "sysctls/net.ipv4.ip_forward": 0},
        6: {"host/boot_id": "boot-x", "links/eth0/ifindex": 9, "consistent": False},
        7: {"links/wg0": link("wireguard", mtu=1420), "routes": {}, "not_observed/routes": "rc 1"},
    }
    return before, [node(n, edits.get(n), of=8) for n in range(1, 8)]


NIGHTS = {
    "eventful": lambda: (*an_eventful_night(), {"lost": {"node8": "no route to host"}}),
    "quiet": lambda: ([node(1), node(2)], [node(1), node(2)], {}),
    "fleet-wide": lambda: (
        [node(n, of=9) for n in range(1, 10)],
        [node(n, {"links/eth0/mtu": 1400} if n < 9 else {}, of=9) for n in range(1, 10)],
        {},
    ),
    "nobody": lambda: (
        [node(1), node(2)],
        [],
        {"lost": {"node1": "no route to host", "node2": "sudo: a password is required"}},
    ),
    "lab-pods-churn": lambda: (lab("pods-churn/before"), lab("pods-churn/after"), {}),
    "lab-underlay-mtu": lambda: (lab("underlay-mtu/before"), lab("underlay-mtu/after"), {}),
    "lab-new-lease": lambda: (lab("new-lease/before"), lab("new-lease/after"), {}),
}


@pytest.mark.parametrize("width", [60, 100, 160])
@pytest.mark.parametrize("night", NIGHTS)
def test_the_text_is_the_golden_one(night, width, tmp_path):
    before, after, new = NIGHTS[night]()
    text = render(report_of(tmp_path, before, after, **new), "text", Terminal(width=width))
    path = GOLDEN / f"report-{night}-{width}.txt"
    if os.environ.get("SNAPDIFF_REWRITE_GOLDEN"):
        path.write_text(text, "utf-8")
    assert text == path.read_text("utf-8")
    assert max(map(len, text.splitlines())) <= width


@pytest.mark.parametrize("night", NIGHTS)
def test_the_json_fits_its_schema(night, tmp_path):
    before, after, new = NIGHTS[night]()
    report = report_of(tmp_path, before, after, **new)
    data = json.loads(render(report, "json"))
    validate(data, "report")
    assert data["exit_code"] == report.exit_code
    assert data["summary"]["findings"] == len(data["findings"]) == len(report.findings)
    assert sum(data["summary"]["by_severity"].values()) == len(data["findings"])
    assert [row["id"] for row in data["findings"]] == [row.id for row in report.findings]


def test_every_number_of_the_json_is_told_in_the_text_too(tmp_path):
    before, after, new = NIGHTS["eventful"]()
    report = report_of(tmp_path, before, after, **new)
    text = re.sub(r"\s+", "", render(report, "text", Terminal(width=300)))
    for row in report.findings:
        assert re.sub(r"\s+", "", row.path) in text
    for name in ("node8", "noroutetohost", "limitedtoworkers", "podchurn"):
        assert name in text


def test_colour_is_only_where_it_is_asked_for(tmp_path):
    report = report_of(tmp_path, *an_eventful_night())
    plain = render(report, "text", Terminal(width=100))
    coloured = render(report, "text", Terminal(width=100, colour=True))
    assert "\x1b" not in plain
    bare = re.sub(r"\x1b\[[0-9;]*m", "", coloured)
    assert [line.rstrip() for line in bare.splitlines()] == plain.splitlines()


def test_no_meaning_is_in_the_colour_alone(tmp_path):
    text = render(report_of(tmp_path, *an_eventful_night()), "text", Terminal(width=160))
    assert {line[:9].strip() for line in text.splitlines() if line[:1] in "~+-!?"} >= {
        "~ warning",
        "! warning",
        "- warning",
        "+ warning",
    }


# ---- hostile text -----------------------------------------------------------------------------

HOSTILE = [
    "<script>alert(1)</script>", "<b>x</b>", "<img src=x onerror=y>", "javascript:alert(1)",
    "&lt;b&gt;", "&#x3c;", "]]>", "<!--", "--><x>", "\"quoted\"", "'quoted'", "`id`", "$(id)",
    "${HOME}", "{{ 7*7 }}", "{% raw %}", "{{ lookup('pipe','id') }}", "#{1}", "%s%n", "%0a", "%00",
    "[bold red]x[/]", "[/]", "[link=http://x]y[/link]", ":smile:", "a|b", "a||b", "**bold**",
    "# heading", "![x](y)", "@everyone", "::error::owned", "::set-output name=a::b", "##[error]x",
    "\n::error file=a::x", "=cmd|' /C calc'!A0", "+1+1", "-1+1", "@SUM(1)", "a,b;c", "\x1b[31mred",
    "\x1b[2J\x1b[H", "\x1b]0;title\x07", "\x1b]8;;http://x\x1b\\y\x1b]8;;\x1b\\",
    "\x1b]52;c;aGk=\x07", "\x9b31m", "\x90q\x9c", "a\rno drift", "a\nlab: no drift", "a\tb",
    "a\x08\x08b", "a\x00b", "\x7f\x7f", "\u202eevil\u202c", "\u2066x\u2069", "a\u200bb", "\ufeffa",
    "a\u2028b", "a\x85b", "\U000e0041", "\ufe0f", "a\u00adb", "e\u0301", "漢字", "🧨", " lead",
    "trail ", "", "../../x", "C:\\x", "..", "a" * 400,
]  # fmt: skip


LINK_NAME = re.compile(r"[^/ \t-\r]{1,64}")  # no kernel takes another, so no snapshot does


def poisoned(text):
    """Return both sides of a night where *text* stands wherever a node can put some."""
    name = text or "empty"
    before = [
        edited(
            node(n, of=3),
            {
                "host/hostname": "old",
                "links/eth0/operstate": "UP",
                "links/dummy1": link("dummy", detail={"y": "old"}),
                "rules": {"r": {"table": "old"}},
                "cni/subnet_env/FLANNEL_NETWORK": "old",
                "cni/subnet_env/FLANNEL_IPV6_NETWORK": "fd00::/48",  # with it an empty one will do
            },
        )
        for n in (1, 2)
    ]
    after = [
        edited(
            one,
            {
                "host/hostname": text,
                "links/eth0/operstate": text,
                "links/eth0/alias": text,
                ("links", name if LINK_NAME.fullmatch(name) else "odd"): link(
                    text, mtu=1400, lower=text
                ),
                "links/dummy1/detail": {"y": text, name: [text]},
                ("peers", f"p{text}"): peer(9, subnet=text, underlay=text),
                ("routes", f"main {text}"): {"dst": text, "gateway": text, "dev": "eth0"},
                ("rules", "r"): {"table": text},
                ("neighbours", f"eth0 {text}"): {"lladdr": text},
                "cni/subnet_env/FLANNEL_NETWORK": text,
                ("cni_config", name): {"order": 0, "name": text, "plugins": [{"type": text}]},
                ("not_observed", f"ipam/{text}"): text or "why",
                "consistent": False,
                "provenance/inconsistent": text,
            },
        )
        for one in before
    ]
    return before, after


CONTROL = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff"
    "\ufe00-\ufe0f\U000e0000-\U000e007f]"
)


def test_there_are_sixty_of_them():
    assert len(set(HOSTILE)) >= 60


def strings(value):
    if isinstance(value, dict):
        for key, one in value.items():
            yield key
            yield from strings(one)
    elif isinstance(value, list):
        for one in value:
            yield from strings(one)
    elif isinstance(value, str):
        yield value


@pytest.mark.parametrize("number", range(len(HOSTILE)))
def test_text_of_a_node_moves_no_cursor_and_is_read_back_the_same(number, tmp_path):
    text = HOSTILE[number]
    report = report_of(
        tmp_path, *poisoned(text), lost={"lost": text or "why"}, label=text[:50], cluster="lab"
    )
    for colour in (False, True):
        shown = render(report, "text", Terminal(width=100, colour=colour))
        assert not CONTROL.search(re.sub(r"\x1b\[[0-9;]*m", "", shown) if colour else shown)
    if not text.isspace():
        wide = render(report, "text", Terminal(width=5000))
        assert visible(text).strip() in wide
    raw = render(report, "json")
    assert raw.isascii()
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", raw)
    data = json.loads(raw)
    validate(data, "report")
    told = list(strings(data))
    assert text in told
    assert f"cni/subnet_env/FLANNEL_NETWORK old → {text}" in told


@pytest.mark.parametrize("number", range(len(HOSTILE)))
def test_no_line_is_written_by_a_node(number, tmp_path):
    """As many rows as a harmless text makes, so none can be faked: at a width where none wraps."""
    report = report_of(tmp_path / "x", *poisoned(HOSTILE[number]))
    rows = render(report, "text", Terminal(width=9000)).splitlines()
    calm = report_of(tmp_path / "y", *poisoned("harmless"))
    assert len(rows) == len(render(calm, "text", Terminal(width=9000)).splitlines())


@pytest.mark.parametrize("number", range(len(HOSTILE)))
def test_a_snapshot_is_shown_without_control_bytes(number, tmp_path):
    after = poisoned(HOSTILE[number])[1][0]
    named = snapshot_of({**after.sections, "node": HOSTILE[number] or "n"})
    assert not CONTROL.search(as_snapshot.render_snapshot(named, Terminal(width=80)))
    try:
        to_file_name(named.node)
    except UsageError:
        return  # it can be no node's name
    capture = side(tmp_path, [named], label=HOSTILE[number][:50]).capture
    assert not CONTROL.search(as_snapshot.render_capture(capture, Terminal(width=80)))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x1bb", "a\\x1bb"),
        ("a\rb", "a\\x0db"),
        ("a\nb", "a\\x0ab"),
        ("a\u202eb", "a\\u202eb"),
        ("a\U000e0041b", "a\\ue0041b"),
        ("\ud800", "\\ud800"),
        ("é漢🧨 → –", "é漢🧨 → –"),
    ],
)
def test_what_hides_is_shown_as_an_escape(text, shown):
    assert visible(text) == shown


def test_the_wireguard_peers_of_a_node_are_shown():
    shown = as_snapshot.render_snapshot(
        snapshots(healthy("wireguard"))["node1"], Terminal(width=200)
    )
    at = shown.splitlines().index("wireguard peers of flannel-wg, port 51820")
    rows = shown.splitlines()[at + 1 : at + 3]
    assert [row.split()[0] for row in rows] == ["10.244.2.0", "10.244.3.0"]
    assert "192.0.2.2:51820" in rows[0]
