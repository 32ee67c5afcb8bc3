"""``snapdiff rules`` and ``snapdiff explain``: rules and places in words."""

from __future__ import annotations

import json
import os
import sys

import pytest

from builders import FIXTURES
from snapdiff.cli import main
from snapdiff.errors import UsageError
from snapdiff.explain import mentioned, place_in_words, rules_of
from snapdiff.policy import Site
from snapdiff.rules.registry import shipped

HEALTHY = FIXTURES / "flannel-lab" / "healthy"
OURS = """
rules: {lease-mtu: info, default-route: off}
waivers: [{rule: lease-mtu, path: cni/*, node: node2, reason: a lab, until: 2027-01-31}]
site_rules:
  - {id: jumbo, severity: warning, path: links/*/mtu, at_least: 1, why: so it is, remedy: mend it}
"""


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Run snapdiff in an empty folder, with nobody's settings: code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.startswith("SNAPDIFF_") or name == "XDG_CONFIG_HOME":
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))

    def call(*args):
        monkeypatch.setattr(sys, "argv", ["snapdiff", *map(str, args)])
        with pytest.raises(SystemExit) as done:
            main()
        out, err = capsys.readouterr()
        return done.value.code, out, err

    return call


def place(path, side=None):
    return place_in_words(path, Site(), side)


def test_all_rules_are_listed_with_their_severity_here(run, tmp_path):
    (tmp_path / "snapdiff.yml").write_text(OURS, "utf-8")
    code, out, _err = run("rules", "--output", "json")
    rows = {row["rule"]: row for row in json.loads(out)}
    assert (code, set(rows)) == (0, {*shipped(), "jumbo"})
    assert [rows["lease-mtu"][key] for key in ("severity", "severity_here")] == ["error", "info"]
    assert rows["default-route"]["severity_here"] == "off"
    assert (rows["jumbo"]["of_site"], rows["lease-mtu"]["of_site"]) == (True, False)


def test_the_list_has_a_line_a_rule(run):
    code, out, err = run("rules")
    assert (code, err) == (0, "")
    for name, one in shipped().items():
        assert any(
            line.split()[:3] == [name, one.severity.word, one.scope] for line in out.split("\n")
        )


def test_a_rule_is_explained_with_what_the_site_sets(run, tmp_path):
    (tmp_path / "snapdiff.yml").write_text(OURS, "utf-8")
    code, out, _err = run("explain", "lease-mtu")
    assert code == 0
    for text in (
        "lease-mtu  info here, error as shipped, node",
        "Why: ",
        "Exempt: ",
        "Source: flannel",
        "Remedy: ",
        "Entries: N-05",
        "Waiver: lease-mtu at cni/* on node2: a lab (until 2027-01-31)",
    ):
        assert text in out


def test_a_place_is_explained_with_its_values(run):
    run("import", HEALTHY)
    code, out, err = run("explain", "links/flannel.1/mtu")
    assert (code, err) == (0, "")
    for text in (
        "Largest packet that the link takes, in bytes.",
        "Source: ip -details address, mtu",
        "Class: hard of a link of role overlay",
        "  overlay-mtu-headroom (error): ",
        "  1360  node1, node2, node3",
    ):
        assert text in out


def test_values_that_differ_are_told_majority_first(run):
    run("import", FIXTURES / "flannel-lab" / "underlay-mtu" / "after")
    _code, out, _err = run("explain", "links/eth0/mtu", "--output", "json")
    assert json.loads(out)["values"] == [
        {"value": "1410", "nodes": ["node1", "node3"]},
        {"value": "1500", "nodes": ["node2"]},
    ]


def test_absent_and_not_observed_are_told_apart(run):
    run("import", HEALTHY)
    _code, out, _err = run("explain", "host/boot_id", "--output", "json")
    assert json.loads(out)["values"][0]["value"] == "not observed: it was not saved"
    _code, out, _err = run("explain", "links/docker0/mtu", "--output", "json")
    assert json.loads(out)["values"] == [{"value": "absent", "nodes": ["node1", "node2", "node3"]}]


@pytest.mark.parametrize(
    ("path", "role", "word"),
    [
        ("links/eth0/mac", None, "context"),
        ("links/flannel.1/mac", "overlay", "identity"),
        ("links/cni0/operstate", "pod bridge", "hard"),
        ("links/*/operstate", None, "context"),
        ("sysctls/net.ipv4.ip_forward", None, "hard"),
        ("routes/main 10.0.0.0/8 dev eth0/metric", None, "hard"),
        ("links/eth0/addresses/192.0.2.1/24/broadcast", None, "context"),
        ("counters", None, "counter"),
    ],
)
def test_the_class_is_that_of_the_role(path, role, word):
    found = place(path)
    assert (found["role"] if role else None, found["class"]) == (role, word)


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("links/flannel.1/mtuu", "links/flannel.1 has no 'mtuu'. Did you mean mtu?"),
        ("links/flannel.1/mtu/deeper", "links/flannel.1/mtu has no 'deeper'"),
        ("cni/subnet_envs", "cni has no 'subnet_envs'. Did you mean subnet_env?"),
    ],
)
def test_a_place_that_no_snapshot_has_is_refused(path, says):
    with pytest.raises(UsageError) as caught:
        place(path)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("what", "says"),
    [
        ("lease-mut", "Did you mean lease-mtu?"),
        ("lnks/eth0/mtu", "Did you mean links/eth0/mtu?"),
        ("wholly-else", "'snapdiff rules' lists the rules."),
        ("links/eth0/mtuu", "Did you mean mtu?"),
    ],
)
def test_what_is_not_known_ends_with_2_and_a_guess(run, what, says):
    code, out, err = run("explain", what)
    assert (code, out) == (2, "")
    assert says in err


@pytest.mark.parametrize(
    ("path", "rules"),
    [
        ("sysctls/net.ipv4.ip_forward", {"ip-forward-off"}),
        ("links/flannel.1/mtu", {"overlay-mtu-headroom", "lease-mtu"}),
        ("links/flannel.1/sysctls/accept_ra", {"overlay-accept-ra"}),
        ("cni/subnet_env/FLANNEL_MTU", {"lease-mtu"}),
        ("cni_config/10-flannel.conflist/plugins", {"cni-config-mtu", "cni-config-order"}),
    ],
)
def test_the_rules_that_name_a_place_are_found(path, rules):
    assert rules <= {row["rule"] for row in place(path)["rules"]}


@pytest.mark.parametrize("name", rules_of(Site()))
def test_what_a_rule_mentions_is_a_place_of_a_snapshot(name):
    for pattern in mentioned(shipped()[name]):
        if not pattern.startswith("peers/"):  # a fleet rule's own words, as peers/*/missing
            place(pattern.replace("**", "*"))


@pytest.mark.parametrize(
    ("path", "rule"),
    [
        ("cluster/flannel/pods", "api-flannel-pods"),
        ("nodes/node1", "api-nodes"),
        ("backend", "api-backend-type"),
    ],
)
def test_of_a_path_that_is_no_place_the_rules_that_tell_it_are_named(run, path, rule):
    code, out, err = run("explain", path)
    assert (code, out) == (2, "")
    assert f"{path}: no place of a snapshot, but rules tell of it" in err
    assert rule in err


def test_of_a_path_that_nobody_knows_nothing_is_named(run):
    assert "no rule, and no place of a snapshot" in run("explain", "nonsense/at/all")[2]
