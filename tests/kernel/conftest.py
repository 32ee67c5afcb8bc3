"""Boot the virtual machine once, and lay what its clusters told into a store."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

import virtual_machine
from snapdiff.snapshot import from_facts
from snapdiff.store import Store, stamp

MAIN = virtual_machine.HERE / "inside" / "__main__.py"
NOW = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)


@pytest.fixture(scope="session")
def handed(tmp_path_factory):
    """Run the machine; return the folder that it wrote: a folder a cluster, in it one a moment."""
    out = tmp_path_factory.mktemp("kernel")
    virtual_machine.run(MAIN, out)
    return out / "handed"


@pytest.fixture(scope="session")
def made(handed):
    """Return what was made: keys, MACs, and which pods heard each other at which moment."""
    return json.loads((handed / "made.json").read_text("utf-8"))


@pytest.fixture(scope="session")
def store(handed, tmp_path_factory):
    """Return a store with a capture for each moment of each cluster, labelled as the moment."""
    root = tmp_path_factory.mktemp("store")
    now = NOW
    for moment in sorted(handed.glob("*/*/node1.json"), key=lambda path: path.stat().st_mtime_ns):
        now += timedelta(minutes=1)
        folder = moment.parent
        files = sorted(folder.iterdir())
        draft = Store(root).begin(
            folder.parent.name, nodes=[one.stem for one in files], now=now, label=folder.name
        )
        for one in files:
            facts = json.loads(one.read_text("utf-8"))
            draft.add(from_facts(facts, node=one.stem, taken_at=stamp(now), via="local"))
        draft.seal(now=now, tools={})
    return root
