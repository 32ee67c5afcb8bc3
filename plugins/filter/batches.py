# Copyright (c) 2026 The snapdiff developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleFilterError
from ansible.utils.helpers import pct_to_int

DOCUMENTATION = r"""
name: batches
short_description: Part nodes into batches, as serial does
version_added: 0.1.0
author: [The snapdiff developers (@snapdiff)]
description:
  - Parts a list of nodes as the keyword C(serial) of a play would, so that a host can be put beside each batch.
  - The last size holds for all further batches. A percentage is of all nodes, and at least one node.
options:
  _input:
    type: list
    elements: str
    required: true
    description: Names of the nodes, in their order.
  sizes:
    type: raw
    required: true
    description: A number, a percentage, or a list of both, as C(serial) takes it. C(0) or less is all that are left.
"""

EXAMPLES = r"""
- name: One node, then a quarter of them at a time
  ansible.builtin.debug:
    msg: "{{ groups['workers'] | clusternet.snapdiff.batches([1, '25%']) }}"
"""

RETURN = r"""
_value:
  description: The batches, none of them empty.
  type: list
  elements: list
"""


def batches(nodes: t.Sequence[str], sizes: t.Any) -> list[list[str]]:
    """Return *nodes* in batches of *sizes*, as Ansible's own ``serial`` would part them."""
    given = sizes if isinstance(sizes, (list, tuple)) else [sizes]
    try:
        counts = [pct_to_int(one, len(nodes)) for one in given]
    except (TypeError, ValueError) as error:
        raise AnsibleFilterError(f"batches: {sizes!r}: {error}") from error
    if not counts:
        raise AnsibleFilterError(f"batches: {sizes!r} names no size of a batch")
    left, found = list(nodes), []
    while left:
        count = counts.pop(0) if len(counts) > 1 else counts[0]
        found.append(left[: count if count > 0 else None])
        left = left[len(found[-1]) :]
    return found


class FilterModule:
    """Filters of the collection."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"batches": batches}
