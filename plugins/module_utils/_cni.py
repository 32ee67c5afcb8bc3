# Copyright (c) 2026 The snapdiff developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the collection clusternet.snapdiff: it may change at any time.

"""The CNI's own word: what flannel and the plugins were told, from the files of the node.

Only the members named here leave the node. ``/etc/cni/net.d`` also holds kubeconfigs and tokens,
and a flannel configuration may hold a WireGuard key.
"""

from __future__ import annotations

import ipaddress
import json
import typing as t

from ._source import NotObservedError

if t.TYPE_CHECKING:
    from ._source import Source

    Row = dict[str, t.Any]
    Rows = dict[str, Row]

SUBNET_ENV = "/run/flannel/subnet.env"
NET_CONF = (
    "/etc/kube-flannel/net-conf.json",
    "/var/lib/rancher/k3s/agent/etc/flannel/net-conf.json",
)
CNI_CONFIG = "/etc/cni/net.d"
IPAM = "/var/lib/cni/networks"
CALICO_MTU = "/var/lib/calico/mtu"
CONFIG_NAMES = (".conf", ".conflist", ".json")  # what libcni loads

NET_CONF_MEMBERS = ("Network", "IPv6Network", "EnableIPv4", "EnableIPv6", "EnableNFTables")
BACKEND_MEMBERS = (
    "Type",
    "VNI",
    "Port",
    "MTU",
    "DirectRouting",
    "GBP",
    "Learning",
    "MacPrefix",
    "Mode",
    "ListenPort",
    "ListenPortV6",
    "PersistentKeepaliveInterval",
)
PLUGIN_MEMBERS = (
    "type",
    "bridge",
    "mtu",
    "isGateway",
    "isDefaultGateway",
    "forceAddress",
    "hairpinMode",
    "promiscMode",
    "ipMasq",
    "vlan",
    "preserveDefaultVlan",
    "portIsolation",
    "mode",
    "master",
    "datastore_type",
    "subnetFile",
    "dataDir",
)
IPAM_MEMBERS = ("type", "subnet", "dataDir")


def parse_env(text: str) -> Row:
    """Return the keys of flannel's ``subnet.env``; the MTU as a number (bytes), flags as booleans."""
    found: Row = {}
    for line in text.splitlines():
        key, equals, value = line.strip().partition("=")
        if not equals or not key.startswith("FLANNEL_"):
            continue
        if key.endswith("_MTU") and value.isdigit():
            found[key] = int(value)
        elif value in ("true", "false"):
            found[key] = value == "true"
        else:
            found[key] = value
    return found


def parse_net_conf(text: str) -> Row:
    """Return the named members of flannel's network configuration."""
    given = _object(text)
    found = _only(given, NET_CONF_MEMBERS)
    backend = _member(given, "Backend")
    if isinstance(backend, dict):
        found["Backend"] = _only(backend, BACKEND_MEMBERS)
    return found


def parse_cni_config(text: str) -> Row:
    """Return the named members of a CNI ``.conf`` or ``.conflist``."""
    given = _object(text)
    found = _only(given, ("name", "cniVersion"))
    plugins = given.get("plugins", [given])
    if isinstance(plugins, list):
        found["plugins"] = [_plugin(one) for one in plugins if isinstance(one, dict)]
    return found


def _plugin(given: Row) -> Row:
    found = _only(given, PLUGIN_MEMBERS)
    if isinstance(given.get("ipam"), dict):
        found["ipam"] = _only(given["ipam"], IPAM_MEMBERS)
    if isinstance(given.get("delegate"), dict):
        found["delegate"] = _plugin(given["delegate"])
    return found


def _object(text: str) -> Row:
    try:
        given = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise NotObservedError(f"it is not JSON: {type(error).__name__}") from None
    if not isinstance(given, dict):
        raise NotObservedError("it is JSON, but no object")
    return given


def _only(given: Row, members: t.Iterable[str]) -> Row:
    """Keep the named members that are plain: a nested value could carry anything."""
    found = {name: _member(given, name) for name in members}
    return {
        name: value for name, value in found.items() if isinstance(value, (str, int, float, bool))
    }


def _member(given: Row, name: str) -> t.Any:
    """Return a member as Go reads it: where none has the name, one in other letter case."""
    if name in given:
        return given[name]
    return next((given[one] for one in given if one.lower() == name.lower()), None)


def collect_cni(source: Source, not_observed: dict[str, str]) -> dict[str, Rows]:
    """Return the sections ``cni``, ``cni_config``, ``ipam`` and ``mtimes`` (seconds, UTC)."""
    found: dict[str, Rows] = {"cni": {}, "cni_config": {}, "ipam": {}, "mtimes": {}}
    try:
        text = source.read(SUBNET_ENV)
        if text is not None:
            found["cni"]["subnet_env"] = parse_env(text)
            _note_lease_time(source, found)
    except NotObservedError as error:
        not_observed["cni/subnet_env"] = str(error)
    for path in NET_CONF:
        try:
            text = source.read(path)
            if text is not None:
                found["cni"]["net_conf"] = dict(parse_net_conf(text), path=path)
                break
        except NotObservedError as error:
            not_observed["cni/net_conf"] = f"{path}: {error}"
    _collect_calico(source, found, not_observed)
    _collect_config(source, found, not_observed)
    _collect_ipam(source, found, not_observed)
    return found


def _note_lease_time(source: Source, found: dict[str, Rows]) -> None:
    """Note when the lease was written: flanneld writes it once, when it starts."""
    folder, dummy, name = SUBNET_ENV.rpartition("/")
    try:
        names = source.names(folder) or {}
    except NotObservedError:
        return  # the lease itself is what counts; this only helps to explain it
    if name in names:
        found["mtimes"][SUBNET_ENV] = {"mtime": names[name]}


def _collect_calico(source: Source, found: dict[str, Rows], not_observed: dict[str, str]) -> None:
    """Take the MTU (bytes) that Calico's node agent wrote down for new pods."""
    try:
        text = source.read(CALICO_MTU)
        if text is None:
            return
        if not text.strip().isdigit():
            raise NotObservedError(f"{CALICO_MTU} holds no number")
        found["cni"]["calico"] = {"mtu": int(text)}
    except NotObservedError as error:
        not_observed["cni/calico"] = str(error)


def _collect_config(source: Source, found: dict[str, Rows], not_observed: dict[str, str]) -> None:
    try:
        names = source.names(CNI_CONFIG) or {}
    except NotObservedError as error:
        not_observed["cni_config"] = str(error)
        return
    order = 0  # among those that a runtime loads: an editor's backup moves none of them
    for name in sorted(names):
        row: Row = {"order": order}
        found["cni_config"][name] = row
        found["mtimes"][f"{CNI_CONFIG}/{name}"] = {"mtime": names[name]}
        if not name.endswith(CONFIG_NAMES):
            continue
        order += 1
        try:
            text = source.read(f"{CNI_CONFIG}/{name}")
            row.update(parse_cni_config("{}" if text is None else text))
        except NotObservedError as error:
            not_observed[f"cni_config/{name}"] = str(error)


def _collect_ipam(source: Source, found: dict[str, Rows], not_observed: dict[str, str]) -> None:
    try:
        networks = sorted(source.names(IPAM) or {})
    except NotObservedError as error:
        not_observed["ipam"] = str(error)
        return
    for network in networks:
        try:
            names = source.names(f"{IPAM}/{network}") or {}
        except NotObservedError as error:
            not_observed[f"ipam/{network}"] = str(error)
            continue
        addresses = sorted(name for name in names if _is_address(name))
        others = sorted(name for name in names if not _is_address(name))
        found["ipam"][network] = {"addresses": addresses, "others": others}


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
