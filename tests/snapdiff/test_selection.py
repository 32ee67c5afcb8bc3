"""Nodes as a person names them."""

from __future__ import annotations

import pytest

from builders import node, side
from snapdiff.errors import UsageError
from snapdiff.model import Node, Outcome
from snapdiff.selection import chosen, names, only

NODES = [
    Node(name="node1", outcome=Outcome.OK, groups=("control", "nodes")),
    Node(name="node2", outcome=Outcome.OK, groups=("workers", "nodes")),
    Node(name="node10", outcome=Outcome.OK, groups=("workers-gpu", "nodes")),
    Node(name="old", outcome=Outcome.SKIPPED),
]


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["node1"], {"node1"}),
        (["node*"], {"node1", "node2", "node10"}),
        (["*1*"], {"node1", "node10"}),
        (["old", "node2"], {"old", "node2"}),
        (["group:workers"], {"node2"}),
        (["group:workers*"], {"node2", "node10"}),
        (["group:nodes", "node1"], {"node1", "node2", "node10"}),
        ([], set()),
    ],
    ids=lambda one: "-".join(sorted(one)) or "nobody",  # a set has no order of its own
)
def test_nodes_by_name_pattern_and_group(words, meant):
    assert chosen(words, NODES, "--on") == meant


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("node3", "--on node3: there is no such node or group. Did you mean node"),
        ("group:worker", "Did you mean group:workers?"),
        ("node", "Did you mean node"),
        ("node[12]", "there is no such node"),
        ("", "there is no such node"),
    ],
)
def test_a_word_that_means_nobody_is_refused(word, said):
    with pytest.raises(UsageError) as error:
        chosen(["node1", word], NODES, "--on")
    assert said in str(error.value)


def test_a_node_whose_groups_nobody_wrote_down_is_in_none():
    assert not names("group:*", NODES[3])


def test_a_side_of_some_nodes_never_asked_for_the_others(tmp_path):
    whole = side(tmp_path, [node(number) for number in (1, 2, 3)])
    part = only(whole, ("node1", "node3"), "on")
    assert sorted(part.capture.nodes) == sorted(part.paths) == ["node1", "node3"]
    assert part.capture.limit == "node1, node3"
    assert part.snapshot("node3").node == "node3"
    assert sorted(whole.capture.nodes) == ["node1", "node2", "node3"]
