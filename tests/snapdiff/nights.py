"""Nights made of plain values, and a cluster that lives through some, for tests to tell of.

``night(1, {"a": found()})`` is the night of a day with an open finding. ``Cluster(folder).night()``
takes a capture of facts, reports on it and remembers, as ``snapdiff nightly`` does.
"""

from __future__ import annotations

import os
import sys
import typing as t
from dataclasses import replace
from datetime import timedelta

import pytest

from builders import NOW, capture
from clusters import snapshots
from snapdiff.cli import main
from snapdiff.ledger import Entry, Night, write_night
from snapdiff.news import kinds_of, notice_of
from snapdiff.nightly import outcomes_of
from snapdiff.policy import Site
from snapdiff.store import STAMP, Store, stamp
from snapdiff.story import Sight
from snapdiff.verdict import Policy

if t.TYPE_CHECKING:
    from pathlib import Path

    from clusters import Facts

OPEN, ACCEPTED, CLEAR, UNSEEN = Sight.OPEN, Sight.ACCEPTED, Sight.CLEAR, Sight.UNSEEN


def found(sight: Sight = OPEN, **fields: str) -> Entry:
    """Return a finding of one night."""
    plain = {
        "rule": "lease-mtu",
        "path": "cni/subnet_env/FLANNEL_MTU",
        "node": "node1",
        "severity": "error",
        "scope": "node",
        "message": "the lease has MTU 1500",
    }
    return Entry(**{**plain, **fields}, sight=sight)


def drift(path: str = "links/eth0/mtu", sight: Sight = OPEN, **fields: str) -> Entry:
    """Return a drift from a baseline."""
    more = {"rule": "drift", "scope": "temporal", "severity": "warning", "message": f"{path} moved"}
    return found(sight, path=path, **{**more, **fields})


def night(day: int, findings: dict[str, Entry] | None = None, **fields: t.Any) -> Night:
    """Return the night of a day; all three nodes were seen but those in *unseen*."""
    moment = NOW + timedelta(days=day)
    away = fields.get("unseen", {})
    plain = {
        "capture": moment.strftime(STAMP),
        "taken_at": stamp(moment),
        "made_at": stamp(moment),
        "expected": 3,
        "observed": 3 - len(away),
    }
    return Night(**{**plain, **fields}, findings=findings or {})


def runner(folder: Path, monkeypatch: t.Any, capsys: t.Any) -> t.Callable[..., t.Any]:
    """Return what runs snapdiff in a folder, with nobody's settings: code, stdout, stderr."""
    monkeypatch.chdir(folder)
    for name in list(os.environ):
        if name.startswith("SNAPDIFF_") or name in ("NO_COLOR", "XDG_CONFIG_HOME"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(folder / "home"))

    def call(*args: t.Any) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["snapdiff", *map(str, args)])
        with pytest.raises(SystemExit) as done:
            main()
        return done.value.code, *capsys.readouterr()

    return call


class Cluster:
    """A cluster in a store that is reported on night by night."""

    def __init__(self, folder: Path, *, site: Site | None = None) -> None:
        self.store = Store(folder)
        self.folder = self.store.cluster_folder("prod")
        self.site = site or Site()
        self.day = 0
        self.last: t.Any = None  # the outcomes of the last night

    def capture(self, facts: dict[str, Facts], **options: t.Any) -> str:
        """Take a capture of the day and go to the next; return its name."""
        now = NOW + timedelta(days=self.day)
        given = list(snapshots(facts).values())
        self.day += 1
        return capture(self.store.folder, given, cluster="prod", now=now, **options).name

    def report(self, ref: str = "@latest", *, sent: bool = True) -> str:
        """Report on a capture and remember it; return the title of its notice, empty: none."""
        self.last = outcomes_of(
            ref,
            store=self.store,
            cluster="prod",
            policy=Policy(),
            site=self.site,
            now=NOW + timedelta(days=self.day - 1),
            digest="weekly",
        )
        notice = notice_of(self.last.rows, self.last.night, "prod")
        kinds = kinds_of(self.last.rows) if sent else ()
        kinds = tuple(sorted({*self.last.night.kinds, *kinds}))
        write_night(self.folder, replace(self.last.night, kinds=kinds, sent=sent or notice is None))
        return notice.title.removeprefix("snapdiff prod: ") if notice is not None else ""

    def night(self, facts: dict[str, Facts], *, sent: bool = True, **options: t.Any) -> str:
        """Take a capture and report on it."""
        self.capture(facts, **options)
        return self.report(sent=sent)
