"""Captures with a name: set, held against, dropped, and kept for as long as they have one."""

from __future__ import annotations

import hashlib

import pytest

from builders import GOLDEN, NOW, capture, node
from clusters import cluster, snapshots
from nights import Cluster, runner
from snapdiff.baseline import baselines, drop_baseline, place_of, set_baseline
from snapdiff.errors import UnreadableError, UsageError
from snapdiff.refs import select
from snapdiff.store import Store

NAME = "20261122T020000Z"


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    call = runner(tmp_path, monkeypatch, capsys)
    (tmp_path / "snapdiff.yml").write_text("store: .\ncluster: prod\n")
    return call


@pytest.fixture
def prod(tmp_path):
    """Return a cluster with two captures; the first had another MTU on node3."""
    found = Cluster(tmp_path)
    facts = cluster(3)
    facts["node3"]["links"]["cni0"]["mtu"] = 1400
    found.capture(facts)
    found.capture(cluster(3))
    return found


def set_(prod, ref=NAME, **options):
    side = select(ref, prod.store, "prod", now=NOW)
    return set_baseline(side, prod.folder, now=NOW, **options)


def test_the_file_is_the_golden_one(prod):
    set_(prod, name="workers", on=("node1", "group:workers"), reason="before the roll-out")
    text = (prod.folder / "baselines" / "workers.yml").read_text("utf-8")
    manifest = (prod.folder / NAME / "capture.yml").read_bytes()
    text = text.replace(hashlib.sha256(manifest).hexdigest(), "0" * 64)
    assert text == (GOLDEN / "baseline.yml").read_text("utf-8")


def test_what_is_set_is_found_by_its_name(prod):
    first = set_(prod)
    second = set_(prod, "@latest", name="Of ../ group", on=("node1",), reason="why")
    assert baselines(prod.folder) == {"Of ../ group": second, "default": first}
    assert place_of(prod.folder, "default") == (prod.folder / NAME, first)
    names = {path.name for path in (prod.folder / "baselines").iterdir()}
    assert names == {"default.yml", "%4Ff%20..%2F%20group.yml"}


def test_a_name_moves_to_another_capture(prod):
    set_(prod)
    moved = set_(prod, "@latest")
    assert baselines(prod.folder) == {"default": moved}


def test_a_name_that_is_dropped_leaves_the_capture(prod):
    set_(prod)
    drop_baseline(prod.folder, "default")
    assert baselines(prod.folder) == {}
    assert (prod.folder / NAME / "capture.yml").is_file()


def test_there_is_none_where_none_was_set(tmp_path):
    assert baselines(tmp_path / "not-there") == {}


def test_what_is_not_in_the_store_is_no_baseline(prod, tmp_path):
    other = capture(tmp_path / "elsewhere", [node(1)], cluster="prod")
    for ref in (other.place, f"{other.place}/nodes/node1.yml", f"{other.place}/nodes"):
        with pytest.raises(UsageError, match="so it cannot be a baseline"):
            set_(prod, ref)
    assert baselines(prod.folder) == {}


NONE = {
    "none at all": ([], "@baseline", "no baseline 'default'. Set one with 'snapdiff baseline set'"),
    "no default": (["workers"], "@baseline", "no baseline 'default'. There are workers."),
    "a slip": (["workers"], "@baseline:worker", "no baseline 'worker'. Did you mean workers?"),
    "another": (["a", "b"], "@baseline:xyz", "no baseline 'xyz'. There are a, b."),
}


@pytest.mark.parametrize(("there", "ref", "said"), NONE.values(), ids=NONE)
def test_a_baseline_that_is_not_there_is_told_with_those_that_are(prod, there, ref, said):
    for name in there:
        set_(prod, name=name)
    with pytest.raises(UsageError) as error:
        select(ref, prod.store, "prod", now=NOW)
    assert said in str(error.value)


def test_a_baseline_whose_capture_is_gone_is_told(prod):
    set_(prod)
    (prod.folder / NAME / "capture.yml").unlink()
    with pytest.raises(UnreadableError, match=r"it is gone\. Restore it, or set another"):
        select("@baseline", prod.store, "prod", now=NOW)


def test_a_baseline_whose_manifest_was_changed_is_told(prod):
    set_(prod)
    path = prod.folder / NAME / "capture.yml"
    path.write_text(path.read_text("utf-8").replace('label: ""', 'label: "x"'), "utf-8")
    with pytest.raises(UnreadableError, match="was changed since it became baseline 'default'"):
        select("@baseline", prod.store, "prod", now=NOW)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("baseline/1", "baseline/2", ":1:1: .*Update snapdiff"),
        ('capture: "2', 'capture: "../2', ":3:1: .*does not match"),
        ('sealed: "', 'sealed: "Z', ":4:1: .*does not match"),
    ],
)
def test_a_file_that_is_no_baseline_is_refused_with_its_place(prod, old, new, said):
    set_(prod)
    path = prod.folder / "baselines" / "default.yml"
    path.write_text(path.read_text("utf-8").replace(old, new), "utf-8")
    with pytest.raises(UnreadableError, match=f"default.yml{said}"):
        baselines(prod.folder)


# ---- held against -----------------------------------------------------------------------------


def test_a_baseline_that_cannot_be_read_costs_no_other_its_use(run, prod):
    set_(prod)
    path = prod.folder / "baselines" / "workers.yml"
    path.write_text("half a fi")
    assert run("diff", "@baseline", "@latest")[0] == 1
    code, _out, err = run("diff", "@baseline:workers", "@latest")
    assert (code, str(path) in err) == (2, True)
    code, out, err = run("baseline", "list")
    assert (code, out.split()[0], str(path) in err) == (2, "default", True)
    code, out, err = run("log")
    assert (code, "baseline default" in out, str(path) in err) == (0, True, True)
    assert run("baseline", "drop", "workers")[0] == 0
    assert run("baseline", "list")[0] == 0


def test_a_baseline_of_some_nodes_says_nothing_of_the_others(run, prod):
    set_(prod, name="workers", on=("node1", "node2"))
    code, out, _err = run("diff", "@baseline:workers", "@latest")
    assert code == 0
    assert out.startswith("prod: no drift on 2 nodes; 1 left out on purpose")
    set_(prod)
    code, out, _err = run("diff", "@baseline", "@latest")
    assert (code, "links/cni0/mtu  1400 → 1450" in out) == (1, True)


def test_a_baseline_of_some_nodes_misses_those_of_them_that_are_gone(run, prod):
    set_(prod, name="workers", on=("node1", "node2"))
    facts = {name: one for name, one in cluster(3).items() if name != "node2"}
    prod.capture(facts)
    code, out, _err = run("diff", "@baseline:workers", "@latest")
    assert (code, "node node2 is not asked for any more" in out) == (1, True)


def test_a_group_is_that_of_the_inventory_at_the_time(tmp_path):
    facts = snapshots(cluster(2))
    draft = Store(tmp_path).begin("prod", nodes=facts, now=NOW)
    for one in facts.values():
        draft.add(one)
    sealed = draft.seal(now=NOW, tools={})
    side = select(sealed.place, Store(tmp_path), "prod", now=NOW)
    folder = tmp_path / "prod"
    set_baseline(side, folder, name="workers", on=("group:workers",), now=NOW)
    with pytest.raises(UsageError, match="baseline workers: on group:workers: there is no such"):
        select("@baseline:workers", Store(tmp_path), "prod", now=NOW)


def test_retention_never_takes_a_baseline(run, tmp_path):
    prod = Cluster(tmp_path)
    prod.day = -900
    names = [prod.capture(cluster(1)) for _day in range(6)]
    set_(prod, names[0], name="old")
    assert run("prune", "--keep-last", "1", "--yes")[0] == 0
    left = sorted(path.parent.name for path in prod.folder.glob("*T*/capture.yml"))
    assert left == [names[0], *names[-2:]]
    assert select("@baseline:old", prod.store, "prod", now=NOW).capture.name == names[0]


# ---- the command ------------------------------------------------------------------------------


def test_baselines_are_set_listed_and_dropped(run, prod):
    assert run("baseline", "list") == (
        0,
        "there is none. Set one with 'snapdiff baseline set'.\n",
        "",
    )
    code, out, _err = run("baseline", "set", NAME, "--reason", "before the roll-out")
    assert (code, out) == (0, f"baseline default: {NAME}, 3 of 3 nodes\n")
    run("baseline", "set", "--name", "workers", "--on", "node1", "--on", "node2")
    code, out, _err = run("baseline", "list")
    times = {one.name: one.set_at for one in baselines(prod.folder).values()}
    assert out.splitlines() == [
        f"default  {NAME}  set {times['default']}  before the roll-out",
        f"workers  20261123T020000Z on node1, node2  set {times['workers']}",
    ]
    assert run("baseline", "drop", "workers") == (0, "workers is no baseline any more\n", "")
    code, out, err = run("baseline", "drop", "workers")
    assert (code, out) == (2, "")
    assert err.endswith("there is no baseline 'workers'. There are default.\n")


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["set", "--on", "node9"], "--on node9: there is no such node or group"),
        (["set", "--name", ""], "a name must be text of one character or more"),
        (["set", "@2001-01-01"], "the oldest is"),
        (["set", "not-there"], "no such file or folder"),
        (["drop", ""], "a name must be text"),
    ],
    ids=str,
)
def test_what_cannot_be_a_baseline_is_refused(run, prod, args, said):
    code, out, err = run("baseline", *args)
    assert (code, out) == (2, "")
    assert said in err
    assert baselines(prod.folder) == {}


def test_the_reason_of_a_baseline_moves_no_cursor(run, prod):
    set_(prod, reason="\x1b[2J all is well", name="\x1b[1mbold")
    out = run("baseline", "list")[1]
    assert "\x1b" not in out
    assert len(out.splitlines()) == 1
