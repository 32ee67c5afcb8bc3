"""Give the tests a lab of their own, or say why there can be none."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest
from looks import PATH, lab


def refused() -> str:
    """Say why this machine can have no lab; nothing when it can."""
    if os.geteuid():
        return "namespaces need root"
    if not shutil.which("unshare", path=PATH):
        return "unshare is missing: install util-linux"
    words = ["unshare", "--net", "--mount", "--uts", "--propagation", "slave", "true"]
    tried = subprocess.run(words, capture_output=True, text=True, check=False)
    return f"namespaces are refused: {tried.stderr.strip()}" if tried.returncode else ""


@pytest.fixture(scope="session")
def lab_name() -> str:
    """Return the beginning of the names of this run's labs."""
    why = refused()
    if why and "CI" in os.environ:
        pytest.fail(f"{why}, and in CI the lab is not to be skipped")
    if why:
        pytest.skip(why)
    return f"t{os.getpid()}"


@pytest.fixture
def fresh(lab_name):
    """Bring up a lab of three nodes with two pods each, for one test to break; its name."""
    name = f"{lab_name}f"
    lab(name, "up", "3", "2")
    yield name
    lab(name, "down")
