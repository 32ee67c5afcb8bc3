# Copyright (c) 2026 The snapdiff developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import typing as t
from datetime import UTC, datetime
from pathlib import Path

from ansible.errors import AnsibleActionFail
from ansible.module_utils.ansible_release import __version__ as core_version
from ansible.plugins.action import ActionBase

from ansible_collections.clusternet.snapdiff.plugins.plugin_utils._package import (
    plain,
    require_package,
    snapdiff,
)

ARGUMENT_SPEC = {
    "state": {"type": "str", "choices": ["opened", "sealed"], "required": True},
    "store": {"type": "path"},
    "cluster": {"type": "str", "default": "default"},
    "label": {"type": "str", "default": ""},
    "nodes": {"type": "list", "elements": "str"},
    "capture": {"type": "path"},
    "kubectl_nodes": {"type": "raw"},
    "kubectl_file": {"type": "path"},
    "kubectl_why": {"type": "str"},
    "kubectl_flannel": {"type": "raw"},
    "kubectl_flannel_file": {"type": "path"},
    "kubectl_flannel_why": {"type": "str"},
    "kubectl_prefix": {"type": "str", "default": "flannel.alpha.coreos.com"},
}
REQUIRED_IF = [("state", "opened", ("store", "nodes")), ("state", "sealed", ("capture",))]
POINTER = "SNAPDIFF_POINTER"  # a file that gets the folder of the capture
LEFT_OUT = "left out by --limit"
OTHER_BATCH = "of another batch of the play, which has a capture of its own: gather without serial"


class ActionModule(ActionBase):
    """Opens or seals a capture on the controller; needs no connection."""

    _supports_check_mode = True
    _requires_connection = False

    def run(
        self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None
    ) -> dict[str, t.Any]:
        result: dict[str, t.Any] = super().run(tmp, task_vars)
        require_package()
        dummy, tagged = self.validate_argument_spec(
            argument_spec=ARGUMENT_SPEC, required_if=REQUIRED_IF
        )
        args = plain(tagged)
        try:
            if args["state"] == "opened":
                return result | self._open(args, task_vars or {})
            return result | self._seal(args)
        except snapdiff.SnapdiffError as error:
            raise AnsibleActionFail(str(error)) from error

    def _open(self, args: dict[str, t.Any], task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        played = plain(list(task_vars.get("ansible_play_hosts_all", args["nodes"])))
        alive = set(plain(list(task_vars.get("ansible_play_hosts", played))))
        batch = set(plain(list(task_vars.get("ansible_play_batch", alive))))
        later = {node: OTHER_BATCH for node in played if node in alive - batch}
        asked = [node for node in played if node not in later]
        everyone = list(dict.fromkeys([*args["nodes"], *asked]))
        limit = str(task_vars.get("ansible_limit") or "")
        if self._task.check_mode:
            return {"changed": True, "capture": ""}
        draft = snapdiff.Store(Path(args["store"])).begin(
            args["cluster"],
            nodes=[node for node in everyone if node in asked],
            skipped={node: later.get(node, LEFT_OUT) for node in everyone if node not in asked},
            now=datetime.now(UTC),
            label=args["label"],
            limit=limit,
            groups=_groups(everyone, plain(dict(task_vars["groups"])))
            if "groups" in task_vars
            else None,
        )
        if os.environ.get(POINTER):  # of who runs the playbook, and others gather as well
            Path(os.environ[POINTER]).write_text(str(draft.folder), "utf-8")
        return {"changed": True, "capture": str(draft.folder)}

    def _seal(self, args: dict[str, t.Any]) -> dict[str, t.Any]:
        if self._task.check_mode:
            return {"changed": True, "capture": args["capture"], "coverage": {}}
        draft = snapdiff.Draft(Path(args["capture"]))
        told = _cluster(args)
        if told is not None:
            try:
                draft.add_cluster(told)
            except snapdiff.SnapdiffError as error:  # an odd answer costs itself, not the capture
                draft.add_cluster(_asked_in_vain(args, str(error)))
        capture = draft.seal(
            now=datetime.now(UTC),
            tools={"snapdiff": snapdiff.__version__, "ansible-core": core_version},
        )
        rows = list(capture.nodes.values())
        skipped = [one.name for one in rows if one.outcome is snapdiff.Outcome.SKIPPED]
        seen = [one.name for one in rows if one.outcome is snapdiff.Outcome.OK]
        expected = len(rows) - len(skipped)
        missing = {
            one.name: f"{one.outcome}: {one.why}"
            for one in rows
            if one.name not in seen and one.name not in skipped
        }
        coverage = {
            "expected": expected,
            "observed": len(seen),
            "percent": 100.0 * len(seen) / expected if expected else 0.0,
            "missing": missing,
            "skipped": skipped,
        }
        return {"changed": True, "capture": capture.place, "coverage": coverage}


def _groups(nodes: list[str], inventory: dict[str, list[str]]) -> dict[str, list[str]]:
    """Return the groups of each node, without those that Ansible makes itself."""
    found: dict[str, list[str]] = {node: [] for node in nodes}
    for group, hosts in inventory.items():
        if group not in ("all", "ungrouped"):
            for host in set(hosts) & found.keys():
                found[host].append(group)
    return found


def _cluster(args: dict[str, t.Any]) -> dict[str, t.Any] | None:
    """Return the cluster's own word, or why it gave none; None: nobody asked."""
    flannel, why = _flannel(args), args["kubectl_why"]
    try:
        said = _said(args, "kubectl_nodes", "kubectl_file")
        if said:
            told: dict[str, t.Any] = snapdiff.cluster_of_kubectl(
                said, prefix=args["kubectl_prefix"]
            )
            return told | ({"flannel": flannel} if flannel else {})
    except (OSError, snapdiff.SnapdiffError) as error:
        why = str(error)
    if not why and flannel is None:
        return None
    told = _asked_in_vain(args, why or "nobody asked for the nodes")
    return told | ({"flannel": flannel} if flannel else {})


def _flannel(args: dict[str, t.Any]) -> dict[str, t.Any] | None:
    """Return flannel's own objects, or why there was no answer; None: nobody asked."""
    why = args["kubectl_flannel_why"]
    try:
        said = _said(args, "kubectl_flannel", "kubectl_flannel_file")
        if said:
            found: dict[str, t.Any] = snapdiff.flannel_of_kubectl(said)
            return found
    except (OSError, snapdiff.SnapdiffError) as error:
        why = str(error)
    return snapdiff.flannel_not_observed(why) if why else None


def _said(args: dict[str, t.Any], text: str, file: str) -> t.Any:
    if args[file]:
        return Path(args[file]).read_text("utf-8", "backslashreplace")
    return args[text]


def _asked_in_vain(args: dict[str, t.Any], why: str) -> dict[str, t.Any]:
    found: dict[str, t.Any] = snapdiff.cluster_not_observed(why, prefix=args["kubectl_prefix"])
    return found
