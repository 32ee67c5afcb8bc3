# Copyright (c) 2026 The snapdiff developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json

import pytest

from ansible_collections.clusternet.snapdiff.plugins.module_utils import _cni
from ansible_collections.clusternet.snapdiff.plugins.module_utils._source import NotObservedError

SECRET = "s3cr3t"  # in every value that must not leave the node
FOLDER = "/etc/cni/net.d"
K3S = "/var/lib/rancher/k3s/agent/etc/flannel/net-conf.json"
BRIDGE = {
    "type": "bridge",
    "bridge": "cni0",
    "mtu": 1450,
    "hairpinMode": True,
    "ipam": {"type": "host-local", "subnet": "10.244.1.0/24", "ranges": [[SECRET]]},
}
CALICO = {
    "name": "k8s-pod-network",
    "cniVersion": "0.3.1",
    "plugins": [
        {
            "type": "calico",
            "mtu": 0,
            "datastore_type": "etcdv3",
            "etcd_key": SECRET,
            "etcd_cert": SECRET,
            "etcd_password": SECRET,
            "policy": {"type": "k8s", "k8s_auth_token": SECRET},
            "kubernetes": {"kubeconfig": SECRET},
            "ipam": {"type": "calico-ipam", "token": SECRET},
            "name": {"hidden": SECRET},
        },
        {"type": "portmap", "capabilities": {"portMappings": SECRET}, "mode": [SECRET]},
        SECRET,
    ],
    "args": SECRET,
}
NET_CONF = {
    "Network": "10.244.0.0/16",
    "EnableNFTables": False,
    "Backend": {"Type": "wireguard", "Port": 51820, "PSK": SECRET, "Extra": {"PSK": SECRET}},
    "Extra": SECRET,
}


def collect(node):
    not_observed = {}
    return _cni.collect_cni(node, not_observed), not_observed


@pytest.fixture
def full(healthy):
    """Return a node whose CNI folder holds all that a CNI may leave there."""
    files = {
        "05-bridge.conf": json.dumps(BRIDGE),
        "10-calico.conflist": json.dumps(CALICO),
        "10-flannel.conflist": healthy.files[f"{FOLDER}/10-flannel.conflist"],
        "calico-kubeconfig": f"users: [{{name: calico, user: {{token: {SECRET}}}}}]",
        "10-calico.conflist.cilium_bak": json.dumps({"etcd_key": SECRET}),
        "whereabouts.d": SECRET,
        "tls.key": f"-----BEGIN PRIVATE KEY-----\n{SECRET}",
    }
    healthy.files.update({f"{FOLDER}/{name}": text for name, text in files.items()})
    healthy.files["/etc/kube-flannel/net-conf.json"] = json.dumps(NET_CONF)
    healthy.files["/run/flannel/subnet.env"] += f"ETCD_PASSWORD={SECRET}\nFLANNELD_PSK={SECRET}\n"
    healthy.folders[FOLDER] = dict.fromkeys(files, 1780000000.5)
    return healthy


def test_no_secret_leaves_the_node(full):
    found, not_observed = collect(full)
    assert SECRET not in json.dumps([found, not_observed])
    assert not_observed == {}


def test_a_file_that_is_no_configuration_is_named_and_not_read(full):
    found, dummy = collect(full)
    assert found["cni_config"] == {
        "05-bridge.conf": {
            "order": 0,
            "plugins": [
                {
                    "type": "bridge",
                    "bridge": "cni0",
                    "mtu": 1450,
                    "hairpinMode": True,
                    "ipam": {"type": "host-local", "subnet": "10.244.1.0/24"},
                }
            ],
        },
        "10-calico.conflist": {
            "order": 1,
            "name": "k8s-pod-network",
            "cniVersion": "0.3.1",
            "plugins": [
                {
                    "type": "calico",
                    "mtu": 0,
                    "datastore_type": "etcdv3",
                    "ipam": {"type": "calico-ipam"},
                },
                {"type": "portmap"},
            ],
        },
        "10-calico.conflist.cilium_bak": {"order": 2},
        "10-flannel.conflist": {
            "order": 2,
            "name": "cbr0",
            "cniVersion": "0.3.1",
            "plugins": [
                {"type": "flannel", "delegate": {"hairpinMode": True, "isDefaultGateway": True}},
                {"type": "portmap"},
            ],
        },
        "calico-kubeconfig": {"order": 3},
        "tls.key": {"order": 3},
        "whereabouts.d": {"order": 3},
    }
    assert set(found["mtimes"]) == {f"{FOLDER}/{name}" for name in found["cni_config"]}


def test_flannels_configuration_is_what_was_named_of_it(full):
    assert collect(full)[0]["cni"] == {
        "net_conf": {
            "path": "/etc/kube-flannel/net-conf.json",
            "Network": "10.244.0.0/16",
            "EnableNFTables": False,
            "Backend": {"Type": "wireguard", "Port": 51820},
        },
        "subnet_env": {
            "FLANNEL_NETWORK": "10.244.0.0/16",
            "FLANNEL_SUBNET": "10.244.42.1/24",
            "FLANNEL_MTU": 1360,
            "FLANNEL_IPMASQ": False,
        },
    }


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", {}),
        ("\n# a comment\nnonsense\n", {}),
        ("FLANNEL_MTU=1450", {"FLANNEL_MTU": 1450}),
        ("FLANNEL_MTU=", {"FLANNEL_MTU": ""}),
        ("FLANNEL_MTU=-1", {"FLANNEL_MTU": "-1"}),
        ("  FLANNEL_IPMASQ=true  \n", {"FLANNEL_IPMASQ": True}),
        ("FLANNEL_SUBNET=a=b", {"FLANNEL_SUBNET": "a=b"}),
        ("OTHER=1\nFLANNEL_IPV6_SUBNET=fd00::/64", {"FLANNEL_IPV6_SUBNET": "fd00::/64"}),
    ],
)
def test_a_lease_is_read_line_by_line(text, found):
    assert _cni.parse_env(text) == found


@pytest.mark.parametrize("parse", [_cni.parse_net_conf, _cni.parse_cni_config])
@pytest.mark.parametrize("text", ["", "{", "[]", "null", '"x"', "1", "[" * 100000])
def test_what_is_no_json_object_is_not_observed(parse, text):
    with pytest.raises(NotObservedError, match="it is "):
        parse(text)


@pytest.mark.parametrize("plugins", [None, {}, "flannel", 1])
def test_plugins_that_are_no_list_are_none(plugins):
    text = json.dumps({"name": "x", "plugins": plugins})
    assert _cni.parse_cni_config(text) == {"name": "x"}


@pytest.mark.parametrize(
    ("path", "place", "reason"),
    [
        ("/run/flannel/subnet.env", "cni/subnet_env", "{}"),
        ("/etc/kube-flannel/net-conf.json", "cni/net_conf", "/etc/kube-flannel/net-conf.json: {}"),
        (f"{FOLDER}/10-flannel.conflist", "cni_config/10-flannel.conflist", "{}"),
    ],
)
def test_a_file_that_may_not_be_read_is_not_observed_and_one_that_is_gone_is_absent(
    healthy, unseen, path, place, reason
):
    healthy.files[path] = unseen("Permission denied")
    assert collect(healthy)[1] == {place: reason.format("Permission denied")}
    healthy.files[path] = None
    assert collect(healthy)[1] == {}


def test_a_configuration_that_was_cut_off_is_not_observed_but_its_name_is(healthy):
    healthy.files[f"{FOLDER}/10-flannel.conflist"] = '{"name": "cbr0", "plu'
    found, not_observed = collect(healthy)
    assert found["cni_config"] == {"10-flannel.conflist": {"order": 0}}
    assert not_observed == {"cni_config/10-flannel.conflist": "it is not JSON: JSONDecodeError"}


@pytest.mark.parametrize(
    ("folder", "place"),
    [
        (FOLDER, "cni_config"),
        ("/var/lib/cni/networks", "ipam"),
        ("/var/lib/cni/networks/cbr0", "ipam/cbr0"),
    ],
)
def test_a_folder_that_may_not_be_read_is_not_observed_and_one_that_is_gone_is_absent(
    healthy, unseen, folder, place
):
    healthy.folders[folder] = unseen("Permission denied")
    found, not_observed = collect(healthy)
    assert not_observed == {place: "Permission denied"}
    assert found[place.split("/")[0]] == {}
    healthy.folders[folder] = None
    assert collect(healthy)[1] == {}


def test_the_configuration_of_k3s_is_found_where_it_is(healthy):
    healthy.files[K3S] = '{"Network": "10.42.0.0/16"}'
    assert collect(healthy)[0]["cni"]["net_conf"] == {"Network": "10.42.0.0/16", "path": K3S}


def test_the_addresses_that_host_local_gave_out_are_told_from_its_own_files(healthy):
    assert collect(healthy)[0]["ipam"] == {
        "cbr0": {
            "addresses": ["10.244.42.2", "10.244.42.3"],
            "others": ["last_reserved_ip.0", "lock"],
        }
    }


def test_the_mtu_that_calico_wrote_down_is_a_number(healthy):
    healthy.files[_cni.CALICO_MTU] = "1450\n"
    assert collect(healthy)[0]["cni"]["calico"] == {"mtu": 1450}


def test_a_node_without_calico_has_none(healthy):
    found, not_observed = collect(healthy)
    assert "calico" not in found["cni"]
    assert not_observed == {}


@pytest.mark.parametrize("answer", ["", "many\n", NotObservedError("Permission denied")], ids=repr)
def test_an_mtu_of_calico_that_cannot_be_read_is_not_observed(healthy, answer):
    healthy.files[_cni.CALICO_MTU] = answer
    found, not_observed = collect(healthy)
    assert "calico" not in found["cni"]
    assert list(not_observed) == ["cni/calico"]
