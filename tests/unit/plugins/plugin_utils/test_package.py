# Copyright (c) 2026 The snapdiff developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import sys

import pytest
import yaml
from ansible.errors import AnsibleActionFail
from ansible.template import trust_as_template

from ansible_collections.clusternet.snapdiff.plugins.plugin_utils import _package


class OtherVersion:
    __version__ = "9.9.9"


class SameVersion:
    __version__ = _package.COLLECTION_VERSION


def refused(monkeypatch, error, package):
    monkeypatch.setattr(_package, "IMPORT_ERROR", error)
    monkeypatch.setattr(_package, "snapdiff", package, raising=False)
    with pytest.raises(AnsibleActionFail) as caught:
        _package.require_package()
    return str(caught.value)


def test_without_the_package_the_word_is_how_to_install_it(monkeypatch):
    said = refused(monkeypatch, ImportError("No module named 'snapdiff'"), None)
    command = f"{sys.executable} -m pip install clusternet-snapdiff=={_package.COLLECTION_VERSION}"
    assert command in said
    assert "needs the snapdiff package" in said


def test_a_package_of_another_version_is_refused(monkeypatch):
    said = refused(monkeypatch, None, OtherVersion)
    assert f"snapdiff {_package.COLLECTION_VERSION} needs the package of its own version" in said
    assert "not 9.9.9" in said


def test_the_package_of_the_same_version_will_do(monkeypatch):
    monkeypatch.setattr(_package, "IMPORT_ERROR", None)
    monkeypatch.setattr(_package, "snapdiff", SameVersion, raising=False)
    _package.require_package()


TAGGED = trust_as_template("{{ lookup('pipe', 'touch /tmp/x') }}")


@pytest.mark.parametrize(
    "value",
    [TAGGED, [TAGGED], {"a": TAGGED}, {TAGGED: None}, {"a": [{"b": (TAGGED, 1, 1.5, True, None)}]}],
)
def test_no_tag_of_ansible_gets_through(value):
    def types(data):
        yield type(data)
        if isinstance(data, dict):
            data = [*data, *data.values()]
        for child in data if isinstance(data, list) else ():
            yield from types(child)

    found = _package.plain(value)
    assert set(types(found)) <= {str, list, dict, int, float, bool, type(None)}
    assert str(TAGGED) in yaml.safe_load(yaml.safe_dump([str(found)]))[0].replace("\\'", "'")


def test_plain_values_stay_what_they_are():
    given = {"a": [1, 1.5, "x", True, None, {"b": []}], "é": "\x00"}
    assert _package.plain(given) == given
