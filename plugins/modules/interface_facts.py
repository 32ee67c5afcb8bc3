#!/usr/bin/python
# Copyright (c) 2026 The snapdiff developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: interface_facts
short_description: Gather the pod network of a Kubernetes node as facts
version_added: 0.1.0
author: [The snapdiff developers (@snapdiff)]
description:
  - Reads the links, addresses, routes, neighbours and forwarding entries of the node, flannel's lease and
    configuration, the CNI's files and the kernel settings that decide whether the node forwards.
  - Keys and peers of wireguard links are read with C(wg) of wireguard-tools, which needs root, and never the private
    key; offloads of overlays and of what carries them with C(ethtool). A node may lack both tools.
  - It changes nothing on the node and needs no Python library there.
  - What it could not look at is named with the reason under RV(ansible_facts.snapdiff.not_observed); what is
    missing without being named there was looked for and is absent.
  - To store and compare what it returns, see M(clusternet.snapdiff.snapshot).
requirements: [iproute2 4.18 or newer on the node]
extends_documentation_fragment: [clusternet.snapdiff._attributes]
attributes:
  check_mode:
    support: full
    details: [This action does not modify state.]
  diff_mode:
    support: N/A
    details: [This action does not modify state.]
  idempotent:
    support: full
    details: [This action does not modify state.]
  platform:
    support: full
    platforms: linux
options:
  timeout:
    description: Time limit of one command on the node, in seconds.
    type: float
    default: 10.0
seealso:
  - module: clusternet.snapdiff.snapshot
  - module: clusternet.snapdiff.drift_info
"""
EXAMPLES = r"""
- name: Gather the pod network of every node
  clusternet.snapdiff.interface_facts:

- name: Show the MTU of the overlay
  ansible.builtin.debug:
    msg: "{{ ansible_facts.snapdiff.links['flannel.1'].mtu }}"
"""
RETURN = r"""
ansible_facts:
  description: The facts that a snapshot is made of, under one key of our own.
  returned: success
  type: dict
  contains:
    snapdiff:
      description: The sections of a snapshot, as C(schemas/snapshot-v1.schema.json) describes them.
      returned: success
      type: dict
      contains:
        links:
          description: Links by name, with addresses and the details of their kind. MTUs are in bytes.
          returned: success
          type: dict
          sample: {cni0: {kind: bridge, mtu: 1450, addresses: {10.244.1.1/24: {family: inet}}}}
        peers:
          description: Other nodes by VTEP address, as this node reaches them over a vxlan.
          returned: success
          type: dict
          sample: {10.244.2.0: {dev: flannel.1, mac: '3e:b8:1d:77:97:27', subnet: 10.244.2.0/24, underlay: 192.0.2.2}}
        not_observed:
          description: Places that could not be looked at, and why.
          returned: success
          type: dict
          sample: {fdb: bridge is not installed}
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.clusternet.snapdiff.plugins.module_utils._collect import collect
from ansible_collections.clusternet.snapdiff.plugins.module_utils._node import SBIN, Node


def main() -> None:
    module = AnsibleModule(
        argument_spec={"timeout": {"type": "float", "default": 10.0}}, supports_check_mode=True
    )

    def find(tool: str) -> str | None:
        path: str | None = module.get_bin_path(tool, opt_dirs=list(SBIN))
        return path

    node = Node(find, module.params["timeout"])
    module.exit_json(ansible_facts={"snapdiff": collect(node)})


if __name__ == "__main__":
    main()
