#!/usr/bin/python
# Copyright (c) 2026 The snapdiff developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: snapshot
short_description: Take the snapshot of a node into a capture on the controller
version_added: 0.1.0
author: [The snapdiff developers (@snapdiff)]
description:
  - Runs M(clusternet.snapdiff.interface_facts) on the node, holds what it returns against the schema, and writes
    it as canonical YAML into a capture that M(clusternet.snapdiff.capture) has opened. Nothing invalid is stored.
  - Where the node gives no snapshot (unreachable, failed, timed out), the reason is written into the capture
    instead, so that the capture can say so even when every node failed.
  - The facts stay out of the host's variables, so memory does not grow with the fleet.
requirements: [the Python package clusternet-snapdiff on the controller]
extends_documentation_fragment: [clusternet.snapdiff._attributes]
attributes:
  check_mode:
    support: full
    details: [In check mode the node is read and the snapshot validated, but nothing is written.]
  diff_mode:
    support: none
  idempotent:
    support: none
    details: [Every snapshot is of a new moment.]
  platform:
    support: full
    platforms: linux
options:
  capture:
    description: Folder of the open capture, as M(clusternet.snapdiff.capture) returned it.
    type: path
    required: true
  node:
    description: Name of the node; by default its inventory name.
    type: str
  timeout:
    description: Time limit of one command on the node, in seconds.
    type: float
    default: 10.0
seealso:
  - module: clusternet.snapdiff.interface_facts
  - module: clusternet.snapdiff.capture
"""
EXAMPLES = r"""
- name: Take the snapshot of every node
  clusternet.snapdiff.snapshot:
    capture: "{{ snapdiff_opened.capture }}"
  ignore_unreachable: true
  ignore_errors: true
"""
RETURN = r"""
path:
  description: Snapshot file on the controller.
  returned: success
  type: str
  sample: /srv/snapshots/prod/20261122T030000Z/nodes/node1.yml
not_observed:
  description: Number of places that could not be looked at.
  returned: success
  type: int
  sample: 0
"""
