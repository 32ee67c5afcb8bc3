"""What of a night is told: titles and words, night after night."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nights import ACCEPTED, CLEAR, OPEN, UNSEEN, drift, found, night
from snapdiff.ledger import LEFT_OUT, NOT_ASKED
from snapdiff.life import last_known, lives
from snapdiff.model import Coverage, Finding, Report, Severity
from snapdiff.news import kinds_of, news, notice_of

AWAY = {"node3": "unreachable: no route"}
BACK = "1 node seen again"


def titles(nights, **options):
    """Return the title of each night's notice, or nothing, each after those before it."""
    told = []
    out = []
    for one in nights:
        rows = news(told, one, fail_on=options.get("fail_on", Severity.WARNING),
                    digest=options.get("digest", "weekly"))  # fmt: skip
        notice = notice_of(rows, one, "prod")
        out.append(notice.title.removeprefix("snapdiff prod: ") if notice else "")
        told.append(replace(one, kinds=kinds_of(rows)))
    return out


def days(*given):
    """Return nights from findings, or from nights where a table says more."""
    return [replace(night(day, one) if isinstance(one, dict) else one,
                    capture=night(day).capture, taken_at=night(day).taken_at)
            for day, one in enumerate(given)]  # fmt: skip


A, B = {"a": found()}, {"b": found(node="node2")}
WARNS = {"a": found(severity="warning")}
FLEET = {"a": found(scope="fleet", rule="same-vni")}

STORIES = {
    "a clean first night": ([{}], [""]),
    "a first night with findings": ([{**A, "b": drift()}], ["2 new"]),
    "still open is no news": ([A, A, A], ["1 new", "", ""]),
    "mended": ([A, {}, {}], ["1 new", "1 resolved", ""]),
    "back again": ([A, {}, A], ["1 new", "1 resolved", "1 new"]),
    "one mended, one new": ([A, {"b": drift()}], ["1 new", "1 new, 1 resolved"]),
    "worse": ([WARNS, A, A], ["1 new", "1 worse", ""]),
    "milder is no news": ([A, WARNS, {}], ["1 new", "", "1 resolved"]),
    "alike on two nodes is one row": ([{**A, **B}], ["1 new"]),
    "on one more node": ([A, {**A, **B}], ["1 new", "1 new"]),
    "accepted is no news": ([A, {"a": found(ACCEPTED)}], ["1 new", ""]),
    "accepted from the first": ([{"a": found(ACCEPTED)}, {}], ["", ""]),
    "accepted, and mended": ([A, {"a": found(ACCEPTED)}, {}], ["1 new", "", ""]),
    "accepted until now": ([A, {"a": found(ACCEPTED)}, A], ["1 new", "", "1 new"]),
    "an info is no news": ([{"a": found(severity="info")}, {}], ["", ""]),
    "an effect of another cause": (
        [A, night(0, {"b": found(path="cause")}, follows={"a": "b"}), A],
        ["1 new", "1 new", "1 resolved"],
    ),
    "its node away": (
        [{"a": found(node="node3")}, night(0, unseen=AWAY), {"a": found(node="node3")}],
        ["1 new", "1 node not seen", BACK],
    ),
    "its node away, and mended meanwhile": (
        [{"a": found(node="node3")}, night(0, unseen=AWAY), night(0, unseen=AWAY), {}],
        ["1 new", "1 node not seen", "", f"1 resolved, {BACK}"],
    ),
    "its rule could not tell": (
        [A, night(0, undecided={"lease-mtu": ()}), A, {}],
        ["1 new", "", "", "1 resolved"],
    ),
    "of the fleet, with a node away": (
        [FLEET, night(0, unseen=AWAY), FLEET, {}],
        ["1 new", "1 node not seen", BACK, "1 resolved"],
    ),
    "of the fleet, mended as the node came back": (
        [FLEET, night(0, unseen=AWAY), {}],
        ["1 new", "1 node not seen", f"1 resolved, {BACK}"],
    ),
    "drift, and the baseline went": (
        [{"a": drift()}, night(0, undecided={"drift": ()}), night(0, undecided={"drift": ()})],
        ["1 new", "", ""],
    ),
    "nobody was seen, for two nights": (
        [A, *[night(0, unseen={f"node{n}": "no route" for n in (1, 2, 3)})] * 2, A],
        ["1 new", "3 nodes not seen", "", "3 nodes seen again"],
    ),
    "a node that was away from the first": (
        [night(0, unseen=AWAY), night(0, unseen=AWAY), {}],
        ["1 node not seen", "", BACK],
    ),
    "one after the other away": (
        [{}, night(0, unseen=AWAY), night(0, unseen={**AWAY, "node2": "no route"}), {}],
        ["", "1 node not seen", "1 node not seen", "2 nodes seen again"],
    ),
    "a node that was left out is no news": (
        [{}, night(0, unseen={"node3": LEFT_OUT}), {}],
        [""] * 3,
    ),
    "away, left out, still away": (
        [night(0, unseen=AWAY), night(0, unseen={"node3": LEFT_OUT}), night(0, unseen=AWAY), {}],
        ["1 node not seen", "", "", BACK],
    ),
    "away, and asked no more": (
        [night(0, unseen=AWAY), night(0, unseen={"node3": NOT_ASKED})],
        ["1 node not seen", ""],
    ),
}


LOST = night(0, expected=0, observed=0, unreadable="half a file")
AFTER_A_LOST_NIGHT = {
    "still open": (A, A, []),
    "mended since then or before": (A, {}, ["resolved"]),
    "away": (night(0, unseen=AWAY), night(0, unseen=AWAY), []),
    "seen again": (night(0, unseen=AWAY), {}, ["again"]),
}


@pytest.mark.parametrize(
    ("before", "now", "told"), AFTER_A_LOST_NIGHT.values(), ids=AFTER_A_LOST_NIGHT
)
def test_a_night_that_cannot_be_read_stands_between(before, now, told):
    first, lost, last = days(before, LOST, now)
    rows = news([first, lost], last, fail_on=Severity.WARNING)
    assert [row.what for row in rows] == told


def test_what_may_be_of_a_night_that_cannot_be_read_is_told_as_that():
    (row,) = news(days({}, LOST), night(2, A), fail_on=Severity.WARNING)
    assert (row.what, row.note) == ("new", "or older: a night before cannot be read")
    (row,) = news(days(LOST, {}), night(2, A), fail_on=Severity.WARNING)
    assert (row.what, row.note) == ("new", "")


def test_what_a_node_says_writes_no_line_of_its_own():
    now = night(0, {"a": found(message="odd\n  error  node2: all is lost")})
    notice = notice_of(news([], now, fail_on=Severity.WARNING), now, "prod")
    assert notice.body.splitlines()[3:] == [
        r"  error  node1: lease-mtu: odd\x0a  error  node2: all is lost"
    ]


@pytest.mark.parametrize(("given", "wanted"), STORIES.values(), ids=STORIES)
def test_what_is_told_night_after_night(given, wanted):
    assert titles(days(*given)) == wanted


@pytest.mark.parametrize(
    ("period", "told"),
    [
        ("weekly", ["1 new", *[""] * 6, "1 still open", *[""] * 6, "1 still open", ""]),
        ("daily", ["1 new", *["1 still open"] * 15]),
        ("never", ["1 new", *[""] * 15]),
    ],
)
def test_what_stays_open_comes_in_a_digest(period, told):
    assert titles(days(*[A] * 16), digest=period) == told


def test_a_digest_is_of_what_is_open_and_waits_for_a_quiet_night():
    nights = days(*[A] * 7, {**A, "b": drift()}, *[{**A, "b": drift()}] * 7)
    assert titles(nights)[7] == "1 new"
    assert titles(nights)[8:] == [*[""] * 6, "2 still open"]


def test_a_night_that_begins_a_little_earlier_is_a_week_later_all_the_same():
    nights = days(A, A)
    at = [replace(nights[1], taken_at=f"2026-11-{moment}Z") for moment in (
        "28T22:59:59", "28T23:00:00", "29T02:00:00")]  # fmt: skip
    assert [titles([nights[0], one])[1] for one in at] == ["", "1 still open", "1 still open"]


def test_fail_on_decides_what_is_news():
    nights = days(WARNS, {**WARNS, "b": found(path="q")}, {})
    assert titles(nights, fail_on=Severity.ERROR) == ["", "1 new", "1 resolved"]


# ---- what did not get through -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "now", "told"),
    [
        ([(A, False)], A, "1 new"),
        ([({}, True), (A, False), (A, False)], A, "1 new"),
        ([(A, True), ({}, False)], {}, "1 resolved"),
        ([(A, True), ({}, False)], A, ""),
        ([({}, True), (A, False)], {}, ""),
        ([(A, False), (A, True)], A, ""),
    ],
    ids=["first", "twice", "mended", "mended and back", "come and gone", "told the night after"],
)
def test_what_no_target_took_is_told_again(before, now, told):
    nights = [replace(one, sent=sent) for one, (_given, sent) in
              zip(days(*(given for given, _sent in before)), before, strict=True)]  # fmt: skip
    tonight = night(3, now)
    notice = notice_of(news(nights, tonight, fail_on=Severity.WARNING), tonight, "prod")
    assert (notice.title.partition(": ")[2] if notice else "") == told


# ---- what differs from the night before, where there is no baseline ----------------------------


def changed(severity=Severity.WARNING):
    row = Finding(
        id="c",
        rule="drift",
        severity=severity,
        scope="temporal",
        nodes=("node1",),
        path="links/eth0/mtu",
        message="links/eth0/mtu 1500 → 1400",
    )
    coverage = Coverage(expected=3, observed=3, comparable=3)
    return Report(command="diff", cluster="prod", inputs=(), coverage=coverage, findings=(row,))


@pytest.mark.parametrize(
    ("severity", "told"), [(Severity.WARNING, ["changed"]), (Severity.INFO, [])]
)
def test_a_change_since_the_night_before_is_told(severity, told):
    rows = news([night(0)], night(1), fail_on=Severity.WARNING, changed=changed(severity))
    assert [one.what for one in rows] == told
    assert kinds_of(rows) == (("new",) if told else ())


# ---- the notice -------------------------------------------------------------------------------

BODY = """\
2026-11-24T02:00:00Z: 2 of 3 nodes seen

new
  error  node2: bridge-mtu: cni0 has MTU 1400
  warning  node1: drift: links/eth0/mtu moved (it is back)
  error  node1: same-port: two ports (it was accepted until now)

worse
  error  node1: lease-mtu: the lease has MTU 1500 (it was warning)

resolved
  error  node1, node2: same-vni: two VNIs

not seen
  node3: unreachable: no route

report: /srv/reports"""


def test_the_words_of_a_notice():
    port = {"rule": "same-port", "message": "two ports"}
    vni = {"rule": "same-vni", "message": "two VNIs"}
    first = night(
        0,
        {
            "a": found(severity="warning"),
            "b": drift(),
            "c": found(ACCEPTED, **port),
            "d": found(**vni),
            "e": found(node="node2", **vni),
            "f": found(path="still"),
        },
    )
    second = night(1, {key: one for key, one in first.findings.items() if key != "b"})
    third = night(
        2,
        {
            "n": found(rule="bridge-mtu", node="node2", message="cni0 has MTU 1400"),
            "b": drift(),
            "c": found(**port),
            "a": found(),
            "f": found(path="still"),
        },
        unseen=AWAY,
    )
    rows = news([first, second], third, fail_on=Severity.WARNING)
    notice = notice_of(rows, third, "prod", report="/srv/reports")
    assert notice.title == "snapdiff prod: 3 new, 1 worse, 1 resolved, 1 node not seen"
    assert notice.body == BODY
    assert (notice.kind, notice.cluster, notice.made_at) == ("new", "prod", third.made_at)
    assert notice.rows[4] == {
        "what": "resolved",
        "rule": "same-vni",
        "path": "cni/subnet_env/FLANNEL_MTU",
        "severity": "error",
        "message": "two VNIs",
        "nodes": ["node1", "node2"],
        "id": "d",
    }


@pytest.mark.parametrize(
    ("what", "kind"),
    [
        (["resolved", "unseen", "new"], "new"),
        (["resolved", "worse"], "worse"),
        (["resolved", "unseen"], "unseen"),
        (["again"], "resolved"),
        (["changed"], "new"),
        (["digest"], "digest"),
    ],
)
def test_a_notice_is_of_the_kind_that_matters_most(what, kind):
    (row,) = news([], night(0, A), fail_on=Severity.WARNING)
    notice = notice_of([replace(row, what=one) for one in what], night(0), "prod")
    assert notice.kind == kind


def test_there_is_no_notice_of_nothing():
    assert notice_of((), night(0), "prod") is None


# ---- any story --------------------------------------------------------------------------------

LETTERS = {
    "o": lambda day: night(day, {"a": found(node="node3")}),
    "a": lambda day: night(day, {"a": found(ACCEPTED, node="node3")}),
    ".": night,
    "?": lambda day: night(day, unseen=AWAY),
    "b": lambda day: night(day, undecided={"lease-mtu": ("node3",)}),
    "e": lambda day: night(day, follows={"a": "cause"}),
}
EXPECTED = {  # what is known after the nights before, and what the night says: what is told
    (None, OPEN): {"new"},
    (CLEAR, OPEN): {"new"},
    (ACCEPTED, OPEN): {"new"},
    (OPEN, CLEAR): {"resolved"},
}


@given(st.lists(st.tuples(st.sampled_from("oa.?be"), st.booleans()), max_size=20))
def test_what_is_told_follows_from_what_was_known_and_what_is_seen(spec):
    nights = [replace(LETTERS[letter](day), sent=sent) for day, (letter, sent) in enumerate(spec)]
    for number, now in enumerate(nights):
        told = nights[:number]
        while told and not told[-1].sent:
            told.pop()
        life = lives(told).get("a")
        known = last_known(life) if life else None
        letter = spec[number][0]
        sight = {"o": OPEN, "a": ACCEPTED, ".": CLEAR, "e": OPEN}.get(letter, UNSEEN)
        wanted = EXPECTED.get((known, sight), set()) if letter != "e" else set()
        rows = news(nights[:number], now, fail_on=Severity.WARNING, digest="never")
        assert {one.what for one in rows} - {"unseen", "again"} == wanted
