# Copyright (c) 2026 The snapdiff developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

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
}
REQUIRED_IF = [("state", "opened", ("store", "nodes")), ("state", "sealed", ("capture",))]
LEFT_OUT = "left out by --limit"


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
        asked = plain(list(task_vars.get("ansible_play_hosts_all", args["nodes"])))
        everyone = list(dict.fromkeys([*args["nodes"], *asked]))
        limit = str(task_vars.get("ansible_limit") or "")
        if self._task.check_mode:
            return {"changed": True, "capture": ""}
        draft = snapdiff.Store(Path(args["store"])).begin(
            args["cluster"],
            nodes=[node for node in everyone if node in asked],
            skipped={node: LEFT_OUT for node in everyone if node not in asked},
            now=datetime.now(UTC),
            label=args["label"],
            limit=limit,
        )
        return {"changed": True, "capture": str(draft.folder)}

    def _seal(self, args: dict[str, t.Any]) -> dict[str, t.Any]:
        if self._task.check_mode:
            return {"changed": True, "capture": args["capture"], "coverage": {}}
        capture = snapdiff.Draft(Path(args["capture"])).seal(
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
            "percent": round(100.0 * len(seen) / expected, 1) if expected else 0.0,
            "missing": missing,
            "skipped": skipped,
        }
        return {"changed": True, "capture": capture.place, "coverage": coverage}
