"""What the commands say of a moment, as a person gets it: through the command line."""

from __future__ import annotations

import contextlib
import io
import json

from snapdiff.cli import snapdiff as command_line

LOUD = ("warning", "error")


def findings(store, cluster, *words):
    """Return (rule or change, place, nodes) of what ``check`` or ``diff`` has to say aloud."""
    place = ["--store", str(store), "--cluster", cluster]
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        code = command_line.main(
            [words[0], *place, *words[1:], "-o", "json"], standalone_mode=False
        )
    report = json.loads(said.getvalue())
    rows = [row for row in report["findings"] if row["severity"] in LOUD]
    assert code == (1 if rows else 0)
    return [(row["rule"], row["path"], tuple(row["nodes"])) for row in rows]


def checked(store, cluster, moment):
    """Return what ``check`` says of a moment."""
    return findings(store, cluster, "check", f"@label:{moment}")


def drifted(store, cluster, moment):
    """Return the place and the nodes of each change since the cluster was healthy."""
    found = findings(store, cluster, "diff", "@label:healthy", f"@label:{moment}")
    return [(path, nodes) for _rule, path, nodes in found]
