"""Wait until a lab is at rest, so that a gather sees no half of a change."""

from __future__ import annotations

import typing as t
from pathlib import Path

from . import overlay, ssh
from .namespaces import alive, wait_for
from .run import links

if t.TYPE_CHECKING:
    from .state import Lab, Node

TENTATIVE = 0x40  # IFA_F_TENTATIVE of the kernel's if_addr.h


def settle(lab: Lab) -> None:
    """Wait until every node is at rest and, before any incident, whole: with peers and sshd."""
    for node in lab.nodes.values():
        alive(node)
        _wait(lambda one: not tentative(one), node, "an address stays tentative")
        _wait(
            lambda one: all(map(told, links(one.netns).values())),
            node,
            "a link's state does not follow its carrier",
        )
        if not lab.incidents:
            _wait(
                lambda one: overlay.programmed(one, lab.peers(one)),
                node,
                "a peer is not programmed",
            )
            _wait(ssh.listening, node, "sshd does not listen")


def _wait(ready: t.Callable[[Node], bool], node: Node, failure: str) -> None:
    wait_for(lambda: ready(node), f"{node.name}: {failure}")


def tentative(node: Node) -> bool:
    """Say whether an IPv6 address of the node is still being checked for a duplicate."""
    lines = Path(f"/proc/{node.holder}/net/if_inet6").read_text("ascii").splitlines()
    return any(int(line.split()[4], 16) & TENTATIVE for line in lines)


def told(link: dict[str, t.Any]) -> bool:
    """Say whether the link's state is that of its carrier, which it may follow a second late."""
    if "UP" not in link["flags"]:
        return True
    return (link["operstate"] in ("UP", "UNKNOWN")) == ("LOWER_UP" in link["flags"])
