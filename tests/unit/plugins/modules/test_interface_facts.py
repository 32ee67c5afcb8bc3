# Copyright (c) 2026 The snapdiff developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json

import pytest

from ansible_collections.clusternet.snapdiff.plugins.modules import interface_facts

testing = pytest.importorskip("ansible.module_utils.testing")  # from ansible-core 2.18 on


@pytest.fixture
def run(capfd):
    """Return what runs the module on this machine: its exit code and what it printed."""

    def main(**args):
        with testing.patch_module_args(args), pytest.raises(SystemExit) as ended:
            interface_facts.main()
        return ended.value.code, json.loads(capfd.readouterr().out)

    return main


@pytest.mark.parametrize("check", [False, True], ids=["run", "check"])
def test_the_module_returns_facts_under_one_key_and_nothing_else(run, check):
    code, printed = run(_ansible_check_mode=check)
    assert code == 0
    assert set(printed) - {"invocation"} == {"ansible_facts"}
    assert set(printed["ansible_facts"]) == {"snapdiff"}
    facts = printed["ansible_facts"]["snapdiff"]
    assert "lo" in facts["links"] or "links" in facts["not_observed"]
    assert facts["sysctls"] or "sysctls" in facts["not_observed"]


def test_a_time_limit_that_is_no_number_is_refused(run):
    code, printed = run(timeout="soon")
    assert (code, printed["failed"]) == (1, True)
    assert "timeout" in printed["msg"]


def test_a_limit_that_nothing_keeps_leaves_all_of_it_not_observed(run):
    facts = run(timeout=0.000001)[1]["ansible_facts"]["snapdiff"]
    assert facts["links"] == {}
    assert facts["not_observed"]["links"].startswith(("'ip ", "ip is not installed"))
