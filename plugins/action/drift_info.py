# Copyright (c) 2026 The snapdiff developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import typing as t
from datetime import UTC, datetime
from pathlib import Path

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from ansible_collections.clusternet.snapdiff.plugins.plugin_utils._package import (
    plain,
    require_package,
    snapdiff,
)

ARGUMENT_SPEC = {
    "store": {"type": "path", "required": True},
    "cluster": {"type": "str", "default": "default"},
    "before": {"type": "str", "default": "@prev"},
    "after": {"type": "str", "default": "@latest"},
    "fail_on": {"type": "str", "choices": ["info", "warning", "error"], "default": "warning"},
    "min_coverage": {"type": "float", "default": 100.0},
    "strict": {"type": "bool", "default": False},
}


class ActionModule(ActionBase):
    """Compares two captures on the controller; changes nothing, needs no connection."""

    _supports_check_mode = True
    _requires_connection = False

    def run(
        self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None
    ) -> dict[str, t.Any]:
        result: dict[str, t.Any] = super().run(tmp, task_vars)
        require_package()
        dummy, tagged = self.validate_argument_spec(argument_spec=ARGUMENT_SPEC)
        args = plain(tagged)
        try:
            report = snapdiff.compare_captures(
                args["before"],
                args["after"],
                store=snapdiff.Store(Path(args["store"])),
                cluster=args["cluster"],
                policy=snapdiff.Policy(
                    fail_on=snapdiff.Severity[args["fail_on"].upper()],
                    min_coverage=args["min_coverage"],
                    strict=args["strict"],
                ),
                now=datetime.now(UTC),
            )
        except snapdiff.FirstCaptureError as error:
            return result | {
                "changed": False,
                "verdict": str(error),
                "exit_code": 0,
                "drifted": False,
                "first": True,
                "report": {},
                "text": [str(error)],
            }
        except snapdiff.SnapdiffError as error:
            raise AnsibleActionFail(str(error)) from error
        found = json.loads(snapdiff.render(report, "json"))
        result |= {
            "changed": False,
            "verdict": report.verdict,
            "exit_code": report.exit_code,
            "first": False,
            "drifted": report.exit_code == snapdiff.ExitCode.FINDINGS,
            "report": found,
            "text": snapdiff.render(report, "text").splitlines(),
        }
        if self._task.diff:
            result["diff"] = [_diff(row) for row in found["findings"]]
        return result


def _diff(row: dict[str, t.Any]) -> dict[str, t.Any]:
    return {
        "before_header": f"{row['path']} on {', '.join(row['nodes'])}",
        "after_header": row["message"],
        "before": f"{json.dumps(row['before'])}\n",
        "after": f"{json.dumps(row['after'])}\n",
    }
