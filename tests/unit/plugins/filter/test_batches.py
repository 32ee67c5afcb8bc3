# Copyright (c) 2026 The snapdiff developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import types

import pytest
from ansible.errors import AnsibleFilterError
from ansible.executor.playbook_executor import PlaybookExecutor

from ansible_collections.clusternet.snapdiff.plugins.filter.batches import batches

NODES = [f"node{number}" for number in range(1, 11)]
SIZES = {
    "a number": 3,
    "a number as text": "3",
    "one, then all by quarters": [1, "25%"],
    "the defaults": [1, "25%", "100%"],
    "less than a node is a node": "1%",
    "nought is all that are left": [2, 0],
    "more than there are": 40,
}


def as_serial(nodes, sizes):
    """Part *nodes* as Ansible's own executor does."""
    play = types.SimpleNamespace(
        hosts="all", order=None, serial=sizes if isinstance(sizes, list) else [sizes]
    )
    inventory = types.SimpleNamespace(get_hosts=lambda hosts, order: list(nodes))
    executor = types.SimpleNamespace(_inventory=inventory)
    return PlaybookExecutor._get_serialized_batches(executor, play)


@pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES)
@pytest.mark.parametrize("count", [0, 1, 2, 3, 10])
def test_nodes_are_parted_as_serial_does(sizes, count):
    assert batches(NODES[:count], sizes) == as_serial(NODES[:count], sizes)


@pytest.mark.parametrize("sizes", ["some", "x%", [], None, [1, {}]], ids=repr)
def test_what_is_no_size_is_an_error_with_its_name(sizes):
    with pytest.raises(AnsibleFilterError, match="batches: "):
        batches(NODES, sizes)
