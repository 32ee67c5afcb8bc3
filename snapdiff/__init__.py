"""Snapshots of the pod network of Kubernetes nodes, and what drifted between two of them."""

__version__ = "0.1.0"
