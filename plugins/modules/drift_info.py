#!/usr/bin/python
# Copyright (c) 2026 The snapdiff developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: drift_info
short_description: Compare two captures and return the report
version_added: 0.1.0
author: [The snapdiff developers (@snapdiff)]
description:
  - Returns what C(snapdiff diff) would print. Drift is not a change that this task made, so it is never C(changed);
    say with C(failed_when) what should fail.
  - It runs on the controller and opens no connection. Use it with C(run_once).
requirements: [the Python package clusternet-snapdiff on the controller]
extends_documentation_fragment: [clusternet.snapdiff._attributes]
attributes:
  check_mode:
    support: full
    details: [This action does not modify state.]
  diff_mode:
    support: full
    details:
      - In diff mode the old and new values of the findings are returned as C(diff).
      - Ansible itself prints the C(diff) of changed tasks only, and this one is never changed.
  idempotent:
    support: full
    details: [This action does not modify state.]
  platform:
    support: full
    platforms: posix
options:
  store:
    description: Folder of captures.
    type: path
    required: true
  cluster:
    description: Name of the cluster.
    type: str
    default: default
  before:
    description: Capture to compare from; any selector of C(snapdiff diff), as V(@prev) or V(@label:before).
    type: str
    default: '@prev'
  after:
    description: Capture to compare to.
    type: str
    default: '@latest'
  fail_on:
    description: Least severity that makes RV(exit_code) 1.
    type: str
    choices: [info, warning, error]
    default: warning
  min_coverage:
    description: Least share of nodes, in percent, for a report that is to be trusted.
    type: float
    default: 100.0
  strict:
    description: Whether what could not be told makes RV(exit_code) 3.
    type: bool
    default: false
seealso:
  - module: clusternet.snapdiff.snapshot
"""
EXAMPLES = r"""
- name: Compare the newest capture with the one before
  clusternet.snapdiff.drift_info:
    store: /srv/snapshots
    cluster: prod
  register: drift
  run_once: true
  failed_when: drift.exit_code == 1
"""
RETURN = r"""
verdict:
  description: The outcome in one sentence.
  returned: success
  type: str
  sample: no drift on 3 nodes
exit_code:
  description: 0 clean, 1 findings, 3 not to be trusted.
  returned: success
  type: int
  sample: 0
drifted:
  description: Whether there is a finding of O(fail_on) or worse.
  returned: success
  type: bool
  sample: false
first:
  description: Whether there is no capture before O(after) yet, so that nothing was compared.
  returned: success
  type: bool
  sample: false
report:
  description: The report, as C(schemas/report-v1.schema.json) describes it.
  returned: success
  type: dict
  sample: {schema: snapdiff/report/1, findings: []}
text:
  description: The report for a person, by lines.
  returned: success
  type: list
  elements: str
  sample: ['prod: no drift on 3 nodes']
"""
