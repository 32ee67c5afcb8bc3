"""Let a test import the collection by its full name, as Ansible does."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TREE = ROOT / "build" / "tree"
LINK = TREE / "ansible_collections" / "clusternet" / "snapdiff"

LINK.parent.mkdir(parents=True, exist_ok=True)
if not LINK.is_symlink():
    with contextlib.suppress(FileExistsError):  # another worker was faster
        LINK.symlink_to(Path("..", "..", "..", ".."), target_is_directory=True)
sys.path.insert(0, str(TREE))
