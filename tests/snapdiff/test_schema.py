"""The schemas are sound, say what every field is, and both validators read them alike."""

from __future__ import annotations

import ast
import copy
import json
import random
import re
import tomllib
from pathlib import Path

import jsonschema
import jsonschema_rs
import pytest
import yaml

import snapdiff
from builders import FIXTURES, capture, document, edit, node
from snapdiff import snapshot as snapshots
from snapdiff.errors import InvalidError
from snapdiff.model import BODY, HEAD, MOVING, SCHEMA, Outcome, Severity
from snapdiff.schema import check_version, field, load, validate
from snapdiff.settings import BUILT_IN

ROOT = Path(__file__).resolve().parent.parent.parent
FILES = sorted((ROOT / "schemas").glob("*.schema.json"))
KINDS = [path.name.removesuffix("-v1.schema.json") for path in FILES]
CLASSES = {"hard", "identity", "context", "churn", "counter"}
ROLES = {"overlay", "underlay", "pod bridge", "pod port", "service dummy", "default"}


def below(schema, place=()):
    """Return every schema in a schema, with its place."""
    yield place, schema
    for key, value in schema.items():
        if key in ("properties", "$defs"):
            for name, one in value.items():
                yield from below(one, (*place, key, name))
        elif isinstance(value, dict) and key in ("additionalProperties", "items", "then", "if"):
            yield from below(value, (*place, key))


@pytest.mark.parametrize("path", FILES, ids=KINDS)
def test_a_schema_is_valid_and_tells_its_version(path):
    schema = json.loads(path.read_text("utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    assert jsonschema_rs.meta.is_valid(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    kind, _, version = path.name.removesuffix(".schema.json").rpartition("-")
    assert schema["$id"] == f"urn:clusternet:snapdiff:{kind}:{version}"
    assert re.search(r", version 1\Z", schema["title"])
    assert schema["description"].endswith(".")


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "config"])
def test_a_document_names_its_form_and_version(kind):
    assert load(kind)["properties"]["schema"]["const"] == f"snapdiff/{kind}/1"
    assert "schema" in load(kind)["required"]


@pytest.mark.parametrize("kind", KINDS)
def test_no_object_of_ours_takes_an_unknown_member(kind):
    """Members that the kernel or a person names are described by a schema, never just let in."""
    for place, one in below(load(kind)):
        if one.get("type") == "object" and place[-1:] != ("items",) and "enum" not in one:
            assert "additionalProperties" in one, place
        assert one.get("additionalProperties") is not True, place


@pytest.mark.parametrize("kind", KINDS)
def test_every_reference_leads_somewhere_and_every_definition_is_used(kind):
    schema = load(kind)
    used = set(re.findall(r'"#/\$defs/([a-z_]+)"', json.dumps(schema)))
    assert used == set(schema.get("$defs", {}))


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "report"])
def test_every_property_is_described(kind):
    schema = load(kind)
    for place, one in below(schema):
        if place[-2:-1] == ("properties",) and "if" not in place:
            target = schema["$defs"][one["$ref"].rpartition("/")[2]] if "$ref" in one else one
            assert one.get("description", target.get("description", "")).strip(), place


# ---- the snapshot's fields ----------------------------------------------------------------------


def leaves(one=None, place=(), words=(), given=None):
    """Return every leaf of the snapshot's schema: place, schema, its words and class, inherited."""
    one = load("snapshot") if one is None else one
    if "$ref" in one:
        target = load("snapshot")["$defs"][one["$ref"].rpartition("/")[2]]
        one = {**target, **{key: value for key, value in one.items() if key != "$ref"}}
    words, given = (*words, one.get("description", "")), one.get("x-class", given)
    members = dict(one.get("properties", {}))
    if isinstance(one.get("additionalProperties"), dict):
        members["*"] = one["additionalProperties"]
    if not members:
        yield place, one, words, given
    for name, member in members.items():
        yield from leaves(member, (*place, name), words, given)


LEAVES = {"/".join(place): (one, words, given) for place, one, words, given in leaves()}
# What no command or file of a node tells: it is of the snapshot itself, or found by comparing.
OURS = {
    "schema",
    "facts",
    "node",
    "consistent",
    "not_observed/*",
    "peers/*/missing",
    "provenance/collector",
    "provenance/via",
    "provenance/inconsistent",
    "provenance/last_rows",
    "steps/*",
    "lifetimes/*",
    "mtimes/*",
    "routes/*/*",
}
UNIT = re.compile(r"\b(bytes|[Ss]econds|ms|packets|1/100 s)\b")
# Numbers that count, name or switch something, so have no unit.
PLAIN = {
    "facts",
    "provenance/last_rows",
    "sysctls/*",
    "cni_config/*/order",
    "routes/*/metric",
    "links/*/addresses/*/metric",
    *(f"links/*/{name}" for name in ("ifindex", "promiscuity", "allmulti")),
    *(f"links/*/{side}_{name}" for side in ("lower", "peer") for name in ("ifindex", "netnsid")),
    *(f"links/*/{name}" for name in ("vxlan/id", "vxlan/port", "vlan/id", "wireguard/listen_port")),
    *(
        f"links/*/bridge/{name}"
        for name in (
            "stp_state",
            "priority",
            "vlan_filtering",
            "vlan_default_pvid",
            "mcast_snooping",
            "nf_call_iptables",
            "nf_call_ip6tables",
            "nf_call_arptables",
        )
    ),
    *(
        f"links/*/sysctls/{name}"
        for name in (
            "forwarding",
            "rp_filter",
            "proxy_arp",
            "forwarding6",
            "accept_ra",
            "disable_ipv6",
        )
    ),
}


@pytest.mark.parametrize("place", LEAVES)
def test_a_field_has_a_class(place):
    given = LEAVES[place][2]
    classes = {"default": given} if isinstance(given, str) else given
    assert set(classes.values()) <= CLASSES
    assert set(classes) <= ROLES
    assert "default" in classes


@pytest.mark.parametrize("place", LEAVES)
def test_a_field_says_where_it_is_read(place):
    words = LEAVES[place][1]
    assert any("Source: " in one for one in words) is (place not in OURS)
    assert any(words[1:])


@pytest.mark.parametrize("place", LEAVES)
def test_a_number_names_its_unit_or_has_none(place):
    one, words, _given = LEAVES[place]
    if one.get("type") in ("integer", "number"):
        assert bool(UNIT.search(words[-1])) is (place not in PLAIN)


def test_the_lists_of_exceptions_hold_only_fields_that_there_are():
    assert LEAVES.keys() >= OURS
    assert LEAVES.keys() >= PLAIN


def test_the_sections_of_the_schema_are_those_of_the_file():
    assert list(load("snapshot")["properties"]) == [*HEAD, *BODY, *MOVING]
    assert load("snapshot")["required"] == [*HEAD, *BODY, *MOVING]
    assert load("snapshot")["properties"]["schema"]["const"] == SCHEMA


def test_what_moves_at_every_gather_is_never_compared():
    for place, (_one, _words, given) in LEAVES.items():
        if place.split("/")[0] in MOVING:
            assert given == "counter", place


def test_the_words_of_the_model_are_those_of_the_schemas():
    outcomes = [one.value for one in Outcome]
    assert load("capture")["$defs"]["node"]["properties"]["outcome"]["enum"] == outcomes
    assert load("outcome")["properties"]["outcome"]["enum"] == outcomes[1:]
    assert load("config")["properties"]["fail_on"]["enum"] == [one.word for one in Severity]
    assert set(BUILT_IN) <= set(load("config")["properties"])


@pytest.mark.parametrize(
    ("path", "role", "expected"),
    [
        (("links", "cni0", "mtu"), "pod bridge", "hard"),
        (("links", "flannel.1", "mac"), "overlay", "identity"),
        (("links", "veth1", "mac"), "pod port", "context"),
        (("links", "veth1"), "pod port", "churn"),
        (("links", "veth1"), None, "hard"),
        (("links", "cni0", "operstate"), "pod bridge", "hard"),
        (("links", "cni0", "operstate"), "other", "context"),
        (("links", "cni0", "bridge", "root_id"), "pod bridge", "context"),
        (("links", "eth0", "addresses", "192.0.2.1/24"), "underlay", "identity"),
        (("links", "eth0", "addresses", "192.0.2.1/24", "scope"), "underlay", "context"),
        (("sysctls", "net.ipv4.ip_forward"), None, "hard"),
        (("counters", "eth0", "rx", "bytes"), None, "counter"),
        (("ipam", "cbr0", "addresses"), None, "churn"),
        (("rules", "inet 0 from all", "table"), None, "context"),
        (("nowhere", "at", "all"), None, "context"),
    ],
    ids=lambda one: "/".join(one) if isinstance(one, tuple) else None,
)
def test_a_place_has_the_class_of_its_role(path, role, expected):
    assert field(path).volatility(role) == expected


# ---- versions -----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["snapshot", "capture", "asked", "outcome", "report"])
@pytest.mark.parametrize(
    ("found", "message"),
    [
        ("snapdiff/{}/2", "it has the form snapdiff/{0}/2, this snapdiff knows snapdiff/{0}/1."),
        ("snapdiff/{}/99", "Update snapdiff."),
        ("snapdiff/{}/x", "it is no {}: schema is 'snapdiff/{}/x', not 'snapdiff/{}/1'"),
        ("snapdiff/other/1", "it is no {}: schema is 'snapdiff/other/1'"),
        ("", "it is no {}: schema is ''"),
        (None, "it is no {}: schema is None"),
        (1, "it is no {}: schema is 1"),
    ],
    ids=["newer", "much-newer", "no-number", "other", "empty", "null", "number"],
)
def test_another_form_is_refused_with_the_word(kind, found, message):
    found = found.format(kind) if isinstance(found, str) else found
    with pytest.raises(InvalidError) as caught:
        check_version({"schema": found}, kind)
    assert message.format(kind, kind, kind) in str(caught.value)
    assert caught.value.path == ("schema",)


@pytest.mark.parametrize("data", [None, [], "x", 1, True, {}], ids=repr)
def test_what_is_no_snapshot_at_all_is_refused(data):
    with pytest.raises(InvalidError, match="it is no snapshot: schema is None"):
        validate(data, "snapshot")


@pytest.mark.parametrize("path", sorted((FIXTURES / "snapshot-v1").glob("*")), ids=lambda p: p.stem)
def test_a_snapshot_of_version_1_stays_readable(path):
    found = snapshots.from_bytes(path.read_bytes(), str(path))
    assert found.sections["schema"] == "snapdiff/snapshot/1"
    assert found.taken_at == "2026-11-22T02:00:00Z"
    assert found["links"]["cni0"]["mtu"] == 1360
    assert snapshots.to_text(found).encode() == path.read_bytes()


# ---- both validators ----------------------------------------------------------------------------

ODD = [None, True, 0, 1, -1, 1.0, 1.5, 2**70, "", "x", "1450", "ok", [], ["x"], [1], {}, {"x": 1}]


def places(value, place=()):
    yield place
    if isinstance(value, dict):
        for name, one in value.items():
            yield from places(one, (*place, name))


def spoilt(given, rng):
    """Return a document with one thing in it changed, taken away or added."""
    found = copy.deepcopy(given)
    place = rng.choice([one for one in places(given) if one])
    at = found
    for part in place[:-1]:
        at = at[part]
    what = rng.randrange(3)
    if what == 0:
        del at[place[-1]]
    elif what == 1:
        at[place[-1]] = rng.choice(ODD)
    else:
        at[rng.choice(["x", "", "mtu", "a b", "a/b", "y" * 70])] = rng.choice(ODD)
    return found


@pytest.fixture(scope="module")
def valid(tmp_path_factory):
    folder = tmp_path_factory.mktemp("store")
    made = capture(folder, [node()], lost={"node9": "gone"}, skipped={"node8": "--limit"})
    manifest = (Path(made.place) / "capture.yml").read_text("utf-8")
    return {
        "snapshot": document(),
        "capture": yaml.safe_load(manifest),
        "asked": {
            "schema": "snapdiff/asked/1",
            "capture": "20261122T020000Z",
            "cluster": "lab",
            "label": "",
            "limit": "",
            "started_at": "2026-11-22T02:00:00Z",
            "nodes": {"node1": {}, "node2": {"skipped": "--limit"}},
        },
        "outcome": {
            "schema": "snapdiff/outcome/1",
            "node": "node1",
            "outcome": "failed",
            "why": "no ip command",
        },
        "config": {"store": "x", "cluster": "lab", "fail_on": "error", "min_coverage": 99.5},
    }


@pytest.mark.parametrize("kind", ["snapshot", "capture", "asked", "outcome", "config"])
def test_both_validators_agree(valid, kind):
    slow = jsonschema.Draft202012Validator(load(kind))
    quick = jsonschema_rs.validator_for(load(kind))
    validate(valid[kind], kind)
    rng = random.Random(20261122)
    verdicts = []
    for _turn in range(400):
        one = spoilt(valid[kind], rng)
        assert slow.is_valid(one) == quick.is_valid(one), one
        verdicts.append(quick.is_valid(one))
    assert 20 < verdicts.count(False) < 400


@pytest.mark.parametrize("kind", ["snapshot", "capture", "asked", "outcome", "config"])
def test_a_refusal_names_a_place_that_is_there(valid, kind):
    rng = random.Random(20261123)
    for _turn in range(100):
        one = spoilt(valid[kind], rng)
        try:
            validate(one, kind)
        except InvalidError as error:
            at = one
            for part in error.path:
                assert part in at or part == "schema"
                at = at.get(part) if isinstance(at, dict) else at[part]


@pytest.mark.parametrize(
    ("edits", "message"),
    [
        ({"links/cni0/mtu": "1450"}, "links/cni0/mtu: '1450' is not of type 'integer'"),
        ({("links", "a b"): {"addresses": {}}}, "links: 'a b' does not match"),
        ({("links", "a/b"): {"addresses": {}}}, "links: 'a/b' does not match"),
        ({("links", "x" * 65): {"addresses": {}}}, "is too long"),
        ({("links", ""): {"addresses": {}}}, "links: ''"),
        ({"links/cni0/addresses": []}, "links/cni0/addresses: [] is not of type 'object'"),
        ({"not_observed/x": ""}, "not_observed/x: ''"),
        ({"facts": 0}, "facts: 0 is less than the minimum of 1"),
        ({"node": ""}, "node: ''"),
        ({"peers/p": {}}, "peers/p: 'dev' is a required property"),
        ({"peers/p": {"dev": "f", "missing": ["x"]}}, "peers/p/missing/0: 'x' is not one of"),
    ],
    ids=["type", "space", "slash", "long", "empty", "list", "reason", "facts", "node", "required",
         "enum"],
)  # fmt: skip
def test_a_refusal_says_what_is_wrong_where(edits, message):
    with pytest.raises(InvalidError) as caught:
        validate(edit(document(), edits), "snapshot")
    assert message in str(caught.value)


def test_a_long_value_is_cut_in_the_message():
    with pytest.raises(InvalidError) as caught:
        validate({"cluster": ["x" * 1000]}, "config")
    assert len(str(caught.value)) < 220
    assert str(caught.value).endswith("...")


def endless(depth):
    found = "x"
    for _turn in range(depth):
        found = [found]
    return found


@pytest.mark.parametrize(
    "value",
    [{1}, {1: 2}, object(), b"x", endless(5_000)],
    ids=["set", "number-key", "object", "bytes", "endless"],
)
def test_what_is_no_plain_data_is_refused(value):
    with pytest.raises(InvalidError):
        validate({"store": value}, "config")


# ---- one version for all ------------------------------------------------------------------------


def constant(path, name):
    for one in ast.parse((ROOT / path).read_text("utf-8")).body:
        if isinstance(one, ast.Assign) and one.targets[0].id == name:
            return ast.literal_eval(one.value)
    raise AssertionError(f"{path} has no {name}")


def test_the_version_is_the_same_everywhere():
    papers = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    assert {
        "galaxy.yml": yaml.safe_load((ROOT / "galaxy.yml").read_text("utf-8"))["version"],
        "pyproject.toml": papers["project"]["version"],
        "plugins": constant("plugins/plugin_utils/_package.py", "COLLECTION_VERSION"),
        "collector": constant("plugins/module_utils/_collect.py", "COLLECTOR"),
    } == dict.fromkeys(
        ["galaxy.yml", "pyproject.toml", "plugins", "collector"], snapdiff.__version__
    )
