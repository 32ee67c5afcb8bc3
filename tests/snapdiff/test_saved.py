"""What somebody saved of a node: all listings agree on what each tells, none is taken in part."""

from __future__ import annotations

import json
import shutil

import pytest

from builders import FIXTURES
from snapdiff import canonical, listing
from snapdiff.diff import diff
from snapdiff.errors import UnreadableError
from snapdiff.saved import Folder, Listing, nodes_in, snapshot_of
from snapdiff.schema import load

LAB = FIXTURES / "flannel-lab"
KINDS = FIXTURES / "link-kinds"
SEED = FIXTURES / "ifconfig-controlplane.txt"
FOLDERS = sorted(path.parent for path in LAB.rglob("ip-j-d-s-addr.json"))


def taken(source):
    return snapshot_of(source, node="n", taken_at="2026-11-22T02:00:00Z", via="test")


def read(path):
    return taken(Listing(path.read_text("utf-8")))


# ---- all forms agree --------------------------------------------------------------------------


def test_there_are_all_folders_of_the_lab():
    assert len(FOLDERS) == 21


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda one: str(one.relative_to(LAB)))
@pytest.mark.parametrize("other", ["ip-addr.txt", "ifconfig-a.txt"])
def test_a_listing_for_people_tells_what_the_json_does(folder, other):
    full, listed = taken(Folder(folder)), read(folder / other)
    assert set(full["links"]) == set(listed["links"])
    for found in (diff(full, listed), diff(listed, full)):
        assert [one for one in found.changes if one.path[0] == "links"] == []
    assert listed.consistent
    assert {one.path for one in diff(full, listed).undecided} >= {"routes", "sysctls", "peers"}


@pytest.mark.parametrize("other", ["ip-addr.txt", "ip-busybox.txt", "ifconfig-busybox.txt"])
def test_a_listing_of_every_kind_tells_what_the_json_does(other):
    full, listed = read(KINDS / "ip-j-d-s-addr.json"), read(KINDS / other)
    assert set(full["links"]) == set(listed["links"])
    for name, row in listed["links"].items():
        one, two = canonical.link(full["links"][name]), canonical.link(row)
        told = set(listing.TELLS[Listing((KINDS / other).read_text()).sort])
        for field in (told | set(two)) - {"addresses", "sysctls", "carrier"}:
            assert (name, field, one.get(field)) == (name, field, two.get(field))
        invisible = {"10.96.0.10/32"} if other.startswith("ifconfig") else set()
        assert set(one["addresses"]) - set(two["addresses"]) <= invisible
        assert set(two["addresses"]) <= set(one["addresses"])


# ---- what a listing cannot tell ---------------------------------------------------------------


def test_everything_that_ifconfig_cannot_tell_is_not_observed():
    found = read(SEED)
    told = {"addresses", "flags", "mac", "mtu", "sysctls", "txqlen"}
    for name in ("cni0", "eth0", "flannel.1", "lo", "veth1be3f8a7", "vethde42e6f9"):
        assert set(found["links"][name]) - told == set(), name
        assert told - set(found["links"][name]) <= {"txqlen"}, name
    fields = set(load("snapshot")["$defs"]["link"]["properties"])
    for field in fields - {"flags", "mac", "mtu", "txqlen"}:
        assert found.why_not_observed(("links", "cni0", field)), field
    for field in ("flags", "mac", "mtu", "txqlen"):
        assert found.why_not_observed(("links", "cni0", field)) is None, field
    for section in ("peers", "routes", "neighbours", "fdb", "rules", "ipam", "sysctls", "host"):
        assert found.why_not_observed((section, "x")), section
        assert not found[section], section


def test_the_seed_listing():
    links = read(SEED)["links"]
    assert links["cni0"] == {
        "addresses": {
            "172.17.0.1/24": {"family": "inet", "broadcast": "172.17.0.255"},
            "fe80::b87e:acff:fe17:cecc/64": {"family": "inet6", "scope": "link"},
        },
        "flags": ["BROADCAST", "MULTICAST", "UP"],
        "mac": "ba:7e:ac:17:ce:cc",
        "mtu": 1360,
        "sysctls": {},
        "txqlen": 1000,
    }
    assert {name: row["mtu"] for name, row in links.items()} == {
        "cni0": 1360,
        "eth0": 1410,
        "flannel.1": 1360,
        "lo": 65536,
        "veth1be3f8a7": 1360,
        "vethde42e6f9": 1360,
    }


def test_a_label_is_an_address_and_no_link():
    text = (
        "eth0: flags=4163<UP,BROADCAST,RUNNING,MULTICAST>  mtu 1500\n"
        "        inet 192.0.2.1  netmask 255.255.255.0  broadcast 192.0.2.255\n"
        "        ether 02:00:00:00:00:01  txqueuelen 1000  (Ethernet)\n\n"
        "eth0:1: flags=4163<UP,BROADCAST,RUNNING,MULTICAST>  mtu 1500\n"
        "        inet 192.0.2.7  netmask 255.255.255.0  broadcast 192.0.2.255\n"
        "        ether 02:00:00:00:00:01  txqueuelen 1000  (Ethernet)\n"
    )
    links = taken(Listing(text))["links"]
    assert {name: list(row["addresses"]) for name, row in links.items()} == {
        "eth0": ["192.0.2.1/24", "192.0.2.7/24"]
    }
    assert links["eth0"]["addresses"]["192.0.2.7/24"]["label"] == "eth0:1"


def test_a_point_to_point_address_has_the_key_that_ip_gives_it():
    text = (
        "wg0: flags=209<UP,POINTOPOINT,RUNNING,NOARP>  mtu 1420\n"
        "        inet 10.9.0.1  netmask 255.255.255.255  destination 10.9.0.2\n"
        "        unspec 00-00-00-00-00-00-00-00  txqueuelen 1000  (UNSPEC)\n"
    )
    assert list(taken(Listing(text))["links"]["wg0"]["addresses"]) == ["10.9.0.1 peer 10.9.0.2/32"]


def test_the_other_end_of_a_veth_is_not_taken_for_a_lower_link():
    links = read(KINDS / "ip-addr.txt")["links"]
    assert not {"lower", "peer"} & {field for row in links.values() for field in row}


# ---- what is no listing -----------------------------------------------------------------------

GARBAGE = {
    "empty": "",
    "blank": " \n\n",
    "prose": "This is no listing.\n",
    "html": "<html><body>502 Bad Gateway</body></html>\n",
    "an-error": "bash: ifconfig: command not found\n",
    "json-of-another-make": '[{"a": 1}]',
    "json-of-numbers": "[1, 2]",
    "json-cut": '[{"ifname": "eth0", "mtu": 14',
    "json-deep": "[" * 100_000,
    "json-nan": '[{"ifname": "eth0", "mtu": NaN}]',
    "ip-then-prose": "1: lo: <LOOPBACK,UP> mtu 65536 state UNKNOWN group default\nwhat\n",
    "ifconfig-then-prose": SEED.read_text("utf-8") + "what is this\n",
    "ifconfig-twice": SEED.read_text("utf-8") * 2,
    "nul": "\0\0\0\0",
    "an-object": '{"ifname": "eth0"}',
}


@pytest.mark.parametrize("text", GARBAGE.values(), ids=GARBAGE)
def test_what_is_no_listing_is_refused_with_a_sentence(text):
    with pytest.raises(UnreadableError, match=r"\w+ \w+ \w+"):
        taken(Listing(text))


CUT = [
    (LAB / "healthy/node1/ip-j-d-s-addr.json", 97),
    (LAB / "healthy/node1/ip-addr.txt", 1),
    (LAB / "healthy/node1/ifconfig-a.txt", 17),
    (KINDS / "ifconfig-busybox.txt", 211),
    (KINDS / "ip-busybox.txt", 7),
    (KINDS / "ip-addr.txt", 11),
    (SEED, 1),
]


@pytest.mark.parametrize(("path", "step"), CUT, ids=lambda one: getattr(one, "name", ""))
def test_a_listing_that_breaks_off_is_refused_or_what_it_has_is_right(path, step):
    """Where it ends between two addresses nobody can tell; half a value must never be read."""
    text = path.read_text("utf-8")
    full = taken(Listing(text))["links"]
    refused = 0
    for end in range(1, len(text.rstrip()), step):
        try:
            part = taken(Listing(text[:end]))["links"]
        except UnreadableError:
            refused += 1
            continue
        for name, row in part.items():
            whole = {**full[name], "addresses": row["addresses"]}
            assert row.items() <= whole.items(), text[max(0, end - 60) : end]
            assert row == whole or name == list(part)[-1]
            assert row["addresses"].items() <= full[name]["addresses"].items()
    assert refused > 10


# ---- folders ----------------------------------------------------------------------------------


def test_a_folder_of_folders_is_one_node_each():
    assert [path.name for path in nodes_in(LAB / "healthy")] == ["node1", "node2", "node3"]
    assert nodes_in(LAB / "healthy/node1") == [LAB / "healthy/node1"]


def test_a_folder_without_raw_output_is_refused(tmp_path):
    with pytest.raises(UnreadableError, match=r"no raw output in it\. Give a folder with"):
        nodes_in(tmp_path)


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    (tmp_path / "ip-addr.txt").write_text("what\n")
    with pytest.raises(UnreadableError, match=r"ip-addr.txt: it is no listing of links"):
        taken(Folder(tmp_path))


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda one: str(one.relative_to(LAB)))
def test_of_a_lab_folder_is_not_observed_just_what_was_not_saved(folder):
    found = taken(Folder(folder))
    assert {path.partition("/")[0] for path in found["not_observed"]} == {
        "cni", "cni_config", "host", "ipam", "links", "rules", "sysctls",
    }  # fmt: skip
    for field in ("mtu", "mac", "flags", "kind", "lower", "addresses", "vxlan"):
        assert found.why_not_observed(("links", "flannel.1", field)) is None
    assert len(found["peers"]) == 2
    assert all("missing" not in row for row in found["peers"].values())
    assert (len(found["neighbours"]), len(found["fdb"])) == (0, 0)


RECORDED = FIXTURES.parent / "unit" / "fixtures"
TUNNEL = [
    {"ifname": "eth0", "mtu": 1500, "flags": ["UP"], "addr_info": []},
    {
        "ifname": "flannel-wg",
        "mtu": 1420,
        "flags": ["UP"],
        "linkinfo": {"info_kind": "wireguard"},
        "addr_info": [],
    },
]


def saved_tunnel(folder):
    """Save a node with a wireguard link, and what wg and ethtool printed of it."""
    (folder / "ip-j-d-s-addr.json").write_text(json.dumps(TUNNEL))
    for path in (RECORDED / "wireguard").iterdir():
        shutil.copy(path, folder / f"wg-show-flannel-wg-{path.name}")
    shutil.copy(
        RECORDED / "healthy" / "ethtool-k-flannel.1.txt", folder / "ethtool-k-flannel-wg.txt"
    )
    (folder / "calico-mtu").write_text("1440\n")
    return folder


def test_what_wg_and_ethtool_printed_may_be_saved_too(tmp_path):
    found = taken(Folder(saved_tunnel(tmp_path)))
    link = found["links"]["flannel-wg"]
    assert sorted(link["wireguard"]["peers"])[:2] == ["10.244.2.0", "10.244.3.0"]
    assert link["offloads"]["tx-checksum-ip-generic"] is True
    assert found["cni"]["calico"] == {"mtu": 1440}
    unseen = set(found["not_observed"])
    assert unseen.isdisjoint({"cni/calico", "links/*/offloads", "links/flannel-wg/wireguard"})


@pytest.mark.parametrize(
    ("gone", "place"),
    [
        ("wg-show-flannel-wg-endpoints.txt", "links/flannel-wg/wireguard"),
        ("ethtool-k-flannel-wg.txt", "links/*/offloads"),
        ("calico-mtu", "cni/calico"),
    ],
)
def test_what_of_these_was_not_saved_is_not_observed(tmp_path, gone, place):
    (saved_tunnel(tmp_path) / gone).unlink()
    assert taken(Folder(tmp_path))["not_observed"][place] == "it was not saved"
