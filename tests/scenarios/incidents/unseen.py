"""Incidents that the facts of links, routes and settings do not show, and why."""

from __future__ import annotations

UNSEEN = {
    "I-17": "Each node is right for its own underlay; the smaller MTU is on the path between them. "
    "A diff shows the new MTUs.",
    "I-21 filtered": "A firewall drops the tunnel's packets: on nodes only counters differ.",
    "I-26 iptables": "Chains that the old CNI left are packet filters, which are not gathered.",
    "I-47": "Which Services there are is told by the API alone.",
    "I-50": "Links and routes are perfect; the forwarding rules of iptables are missing.",
}
# What was taken for an incident and is none: the scenarios without drift have them.
FALSE_ALARMS = {
    "I-16b": "overlay over an overlay",
    "I-35": "pods gone",
    "I-36": "only pods of the host's network",
    "I-42": "Cilium",
}
# All entries of the catalogue, so that none is forgotten.
CATALOGUE = (
    *("I-01", "I-02", "I-03", "I-04", "I-04b", "I-05", "I-06", "I-07", "I-08", "I-09", "I-10"),
    *("I-11", "I-12", "I-13", "I-14", "I-15", "I-16", "I-16b", "I-17", "I-18", "I-19", "I-20"),
    *("I-21", "I-22", "I-23", "I-24", "I-25", "I-26", "I-27", "I-28", "I-29", "I-30", "I-31"),
    *("I-32", "I-33", "I-34", "I-35", "I-36", "I-37", "I-38", "I-39", "I-41", "I-42", "I-43"),
    *("I-44", "I-45", "I-46", "I-47", "I-48", "I-50"),
)
