"""Text from nodes and files made harmless for a terminal."""

from __future__ import annotations

from snapdiff.safe import visible

__all__ = ["visible"]
