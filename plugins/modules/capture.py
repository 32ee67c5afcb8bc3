#!/usr/bin/python
# Copyright (c) 2026 The snapdiff developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: capture
short_description: Open or seal a capture on the controller
version_added: 0.1.0
author: [The snapdiff developers (@snapdiff)]
description:
  - A capture is one run over the fleet. It is opened before any node is asked, and sealed with a manifest that has
    every node that was asked for and what became of it.
  - It runs on the controller and opens no connection, so it works where no node can be reached.
    Use it with C(run_once) in a play over the nodes.
requirements: [the Python package clusternet-snapdiff on the controller]
extends_documentation_fragment: [clusternet.snapdiff._attributes]
attributes:
  check_mode:
    support: full
    details: [In check mode nothing is written.]
  diff_mode:
    support: none
  idempotent:
    support: none
    details: [Every capture is a new one.]
  platform:
    support: full
    platforms: posix
options:
  state:
    description:
      - V(opened) makes the folder and writes down who is asked.
      - V(sealed) writes the manifest; from then on the capture is listed and never changed.
    type: str
    choices: [opened, sealed]
    required: true
  store:
    description: Folder of captures; for O(state=opened).
    type: path
  cluster:
    description: Name of the cluster; for O(state=opened).
    type: str
    default: default
  label:
    description: Name for the capture, as V(before), to select it by; for O(state=opened).
    type: str
    default: ''
  nodes:
    description: All nodes of the group; for O(state=opened). Those that the play leaves out are noted as skipped.
    type: list
    elements: str
  capture:
    description: Folder of the open capture; for O(state=sealed).
    type: path
  kubectl_nodes:
    description:
      - What C(kubectl get nodes -o json) printed, for C(snapdiff check) to hold the nodes against; for O(state=sealed).
      - Pod subnets, addresses, flannel's annotations and versions of kubelet and kernel are kept, and nothing else.
    type: raw
  kubectl_file:
    description: File on the controller that has it instead; for O(state=sealed).
    type: path
  kubectl_why:
    description: Why there is none, where it was asked for; for O(state=sealed).
    type: str
  kubectl_flannel:
    description:
      - What C(kubectl get configmaps,pods -o json) printed of flannel's ConfigMap and pods; for O(state=sealed). It goes with O(kubectl_nodes).
      - Kept are the named members of C(net-conf.json), the tags of flannel's images, and whether its pods are ready.
    type: raw
  kubectl_flannel_file:
    description: File on the controller that has it instead; for O(state=sealed).
    type: path
  kubectl_flannel_why:
    description: Why there is none, where it was asked for; for O(state=sealed).
    type: str
  kubectl_prefix:
    description: What the annotations of flannel start with, as C(flanneld --kube-annotation-prefix) has it; for O(state=sealed).
    type: str
    default: flannel.alpha.coreos.com
seealso:
  - module: clusternet.snapdiff.snapshot
"""
EXAMPLES = r"""
- name: Open a capture
  clusternet.snapdiff.capture:
    state: opened
    store: /srv/snapshots
    cluster: prod
    nodes: "{{ groups['nodes'] }}"
  register: snapdiff_opened
  run_once: true

- name: Seal it
  clusternet.snapdiff.capture:
    state: sealed
    capture: "{{ snapdiff_opened.capture }}"
  register: snapdiff_sealed
  run_once: true
"""
RETURN = r"""
capture:
  description: Folder of the capture.
  returned: success
  type: str
  sample: /srv/snapshots/prod/20261122T030000Z
coverage:
  description: How many nodes were asked for, seen and left out on purpose, and why the others were not seen.
  returned: O(state=sealed)
  type: dict
  sample: {expected: 3, observed: 2, percent: 66.7, missing: {node3: 'unreachable: no route to host'}, skipped: []}
"""
