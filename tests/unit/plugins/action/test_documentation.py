# Copyright (c) 2026 The snapdiff developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import importlib
from pathlib import Path

import pytest
import yaml

PLUGINS = Path(__file__).resolve().parents[4] / "plugins"
MODULES = sorted(path.stem for path in (PLUGINS / "modules").glob("[!_]*.py"))
ACTIONS = sorted(path.stem for path in (PLUGINS / "action").glob("[!_]*.py"))
HELD = ("type", "choices", "elements", "required", "default")


def documented(name):
    module = importlib.import_module(
        f"ansible_collections.clusternet.snapdiff.plugins.modules.{name}"
    )
    return yaml.safe_load(module.DOCUMENTATION)


def action(name):
    return importlib.import_module(f"ansible_collections.clusternet.snapdiff.plugins.action.{name}")


def test_every_action_has_a_module_that_documents_it():
    assert set(ACTIONS) <= set(MODULES)
    assert ACTIONS


@pytest.mark.parametrize("name", MODULES)
def test_every_module_says_since_when_it_is_there(name):
    assert documented(name)["version_added"]


@pytest.mark.parametrize("name", MODULES)
def test_every_module_calls_itself_by_its_file_and_says_what_it_returns(name):
    module = importlib.import_module(
        f"ansible_collections.clusternet.snapdiff.plugins.modules.{name}"
    )
    assert documented(name)["module"] == name
    assert yaml.safe_load(module.RETURN)
    assert f"clusternet.snapdiff.{name}:" in module.EXAMPLES


@pytest.mark.parametrize("name", ACTIONS)
def test_an_action_takes_what_its_module_documents(name):
    options = {
        option: {key: row[key] for key in HELD if key in row}
        for option, row in documented(name)["options"].items()
    }
    assert options == action(name).ARGUMENT_SPEC


@pytest.mark.parametrize("name", ACTIONS)
def test_an_action_does_not_run_what_check_mode_forbids(name):
    support = documented(name)["attributes"]["check_mode"]["support"]
    assert action(name).ActionModule._supports_check_mode is (support == "full")


@pytest.mark.parametrize("name", ACTIONS)
def test_only_the_snapshot_needs_a_connection(name):
    assert action(name).ActionModule._requires_connection is (name == "snapshot")
