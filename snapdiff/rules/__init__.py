"""What must hold on a node, or across the cluster, at any time: a file a subject.

A rule is found by being in this folder: :func:`snapdiff.rules.registry.shipped` imports every file.
"""
