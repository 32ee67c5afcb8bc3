# Copyright (c) 2026 The snapdiff developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t
from datetime import UTC, datetime
from pathlib import Path

from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure
from ansible.plugins.action import ActionBase

from ansible_collections.clusternet.snapdiff.plugins.plugin_utils._package import (
    plain,
    require_package,
    snapdiff,
)

ARGUMENT_SPEC = {
    "capture": {"type": "path", "required": True},
    "node": {"type": "str"},
    "timeout": {"type": "float", "default": 10.0},
}
MODULE = "clusternet.snapdiff.interface_facts"


class ActionModule(ActionBase):
    """Takes the snapshot of a node, or writes down why there is none."""

    _supports_check_mode = True

    def run(
        self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None
    ) -> dict[str, t.Any]:
        result: dict[str, t.Any] = super().run(tmp, task_vars)
        require_package()
        dummy, tagged = self.validate_argument_spec(argument_spec=ARGUMENT_SPEC)
        args = plain(tagged)
        node = args["node"] or str((task_vars or {})["inventory_hostname"])
        try:
            gathered = self._execute_module(
                MODULE, module_args={"timeout": args["timeout"]}, task_vars=task_vars
            )
            if gathered.get("failed"):
                said = gathered.get("module_stderr") or gathered.get("module_stdout") or ""
                why = f"{gathered.get('msg', 'it failed')} {said}".strip()
                self._note(args, node, snapdiff.Outcome.FAILED, why)
                return result | gathered
            return result | self._store(args, node, gathered)
        except AnsibleConnectionFailure as error:
            self._note(args, node, snapdiff.Outcome.UNREACHABLE, str(error))
            raise
        except snapdiff.SnapdiffError as error:
            self._note(args, node, snapdiff.Outcome.FAILED, str(error))
            raise AnsibleActionFail(str(error)) from error
        except BaseException as error:  # the time limit of a task is no Exception
            late = "Timeout" in type(error).__name__
            outcome = snapdiff.Outcome.TIMED_OUT if late else snapdiff.Outcome.FAILED
            self._note(args, node, outcome, str(error) or type(error).__name__)
            raise

    def _store(
        self, args: dict[str, t.Any], node: str, gathered: dict[str, t.Any]
    ) -> dict[str, t.Any]:
        """Write the snapshot; the facts stay out of the result, for they may be large."""
        snapshot = snapdiff.from_facts(
            plain(gathered["ansible_facts"]["snapdiff"]),
            node=node,
            taken_at=datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
            via="ansible",
        )
        path = ""
        if not self._task.check_mode:
            path = str(snapdiff.Draft(Path(args["capture"])).add(snapshot))
        return {
            "changed": True,
            "path": path,
            "not_observed": len(snapshot["not_observed"]),
        }

    def _note(self, args: dict[str, t.Any], node: str, outcome: snapdiff.Outcome, why: str) -> None:
        if not self._task.check_mode:
            snapdiff.Draft(Path(args["capture"])).note(node, outcome, " ".join(why.split())[:1000])
