"""Pages over a store, for any web server: reports of each capture, and what leads to them.

::

    DIR/index.html                        the clusters
    DIR/CLUSTER/index.html                its captures, and its findings over the nights
    DIR/CLUSTER/CAPTURE/check.html        what is wrong in a capture
    DIR/CLUSTER/CAPTURE/diff.html         what changed since the capture before
    DIR/CLUSTER/[CAPTURE/]made.json       what these were made from, and what they came to

All links are relative. A report whose inputs are as they were is not made again.
"""

from __future__ import annotations

import hashlib
import json
import typing as t
from dataclasses import asdict, dataclass, field, replace
from urllib.parse import quote

from snapdiff import files, owned
from snapdiff.acceptance import FILE as ACCEPTANCES
from snapdiff.acceptance import read_acceptances
from snapdiff.compare import check_capture, compare_captures
from snapdiff.errors import SnapdiffError, UsageError
from snapdiff.ledger import FOLDER as NIGHTS
from snapdiff.ledger import nights
from snapdiff.life import with_lives
from snapdiff.model import Coverage, Outcome, Report
from snapdiff.names import to_file_name
from snapdiff.report.as_html import page_of
from snapdiff.report.as_site import Cluster, Shown, Told, render_cluster, render_clusters, told_of
from snapdiff.report.page import form
from snapdiff.store import MANIFEST, order_of, read_manifest, stamp
from snapdiff.strict_yaml import LIMITS

if t.TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from pathlib import Path

    from snapdiff.model import Capture
    from snapdiff.policy import Site
    from snapdiff.store import Store
    from snapdiff.verdict import Policy

INDEX = "index.html"
MADE = "made.json"
PAGES = ("check.html", "diff.html")


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How captures are judged, and when the pages are made."""

    policy: Policy
    site: Site
    now: datetime

    @property
    def digest(self) -> str:
        """Return what is the same as long as the same capture gets the same report."""
        today = self.now.date()
        site = self.site
        rules = {name: getattr(one.check, "spec", name) for name, one in site.rules.items()}
        waivers = [(repr(one), one.ended(today)) for one in site.waivers]
        parts = (self.policy, sorted(site.severities.items()), waivers, sorted(rules.items()))
        return _digest(form(), *(repr(one) for one in parts))


@dataclass(slots=True)
class Built:
    """What a run did, in numbers of captures; *broken* says which could not be read, and why."""

    made: int = 0
    kept: int = 0
    removed: int = 0
    broken: list[str] = field(default_factory=list)


def build(
    folder: Path,
    clusters: Sequence[str],
    *,
    store: Store,
    way: Way,
    last: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Built:
    """Bring the pages of some clusters up to date; *last*: make reports of so many captures alone.

    Raises UsageError where nothing is there to show, or where a file stands in the way that
    snapdiff did not write.
    """
    empty = [name for name in clusters if not store.captures(name)]
    if empty or not clusters:
        where = f"cluster {empty[0]!r} has" if empty else "there is"
        raise UsageError(
            f"{store.folder}: {where} no capture. Take one with 'snapdiff gather', or name "
            "another --store."
        )
    owned.claim(folder / INDEX)
    run = _Run(store=store, way=way, last=last, built=Built(), progress=progress)
    for cluster in clusters:
        run.cluster(folder / to_file_name(cluster), cluster)
    rows = [one for path in sorted(files.inside(folder)) if (one := _cluster_in(path))]
    owned.write(folder / INDEX, render_clusters(rows, made_at=stamp(way.now)))
    return run.built


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """One run over a store."""

    store: Store
    way: Way
    last: int
    built: Built
    progress: Callable[[int, int], None] | None
    sums: dict[Path, str] = field(default_factory=dict)  # of files that many reports follow from

    def cluster(self, folder: Path, name: str) -> None:
        """Bring the pages of a cluster up to date."""
        for file in (INDEX, MADE):
            owned.claim(folder / file)
        paths = self.store.captures(name)
        rows = []
        for number, path in enumerate(paths):
            late = not self.last or number >= len(paths) - self.last
            older = paths[number - 1] if number else None
            rows.append(self._capture(folder / path.name, name, path, older, late=late))
            if self.progress:
                self.progress(number + 1, len(paths))
        self.built.removed += owned.remove(
            folder, keep={path.name for path in paths}, names=(*PAGES, MADE)
        )
        rows.reverse()
        self._index(folder, name, rows)

    def _index(self, folder: Path, name: str, rows: list[Shown]) -> None:
        story = self._story(name)
        page = render_cluster(
            name,
            rows,
            moments=story.moments,
            lives=story.lives,
            made_at=stamp(self.way.now),
        )
        owned.write(folder / INDEX, page)
        document = {
            "schema": owned.SCHEMA,
            "cluster": name,
            "captures": len(rows),
            "latest": rows[0].taken_at,
            "told": asdict(rows[0].check) if rows[0].check else None,
        }
        owned.write(folder / MADE, json.dumps(document, indent=1) + "\n")

    def _story(self, name: str) -> Report:
        """Return an empty report with the nights of a cluster and the lives of its findings."""
        nothing = Coverage(expected=0, observed=0, comparable=0)
        empty = Report(command="check", cluster=name, inputs=(), coverage=nothing)
        try:
            written = nights(self.store.cluster_folder(name))
        except SnapdiffError as error:
            self.built.broken.append(str(error))
            return empty
        self.built.broken.extend(one.unreadable for one in written if one.unreadable)
        return with_lives(empty, written)

    def _capture(
        self, folder: Path, cluster: str, path: Path, older: Path | None, *, late: bool
    ) -> Shown:
        """Make the reports of a capture where they are not as they should be; return its row."""
        for name in (*PAGES, MADE):
            owned.claim(folder / name)
        try:
            row = _row(read_manifest(path))
            made = self._inputs(path, older, self.store.cluster_folder(cluster))
            known = _known(folder, made)
            if known:
                self.built.kept += 1
            elif late:
                known = self._reports(folder, cluster, path, older, made)
                self.built.made += 1
            else:
                return replace(row, why="nobody asked for one")
            return replace(row, check=known["check"], diff=known.get("diff"))
        except SnapdiffError as error:
            self.built.broken.append(str(error))
            return Shown(capture=path.name, folder=quote(path.name), taken_at="", why=str(error))

    def _inputs(self, path: Path, older: Path | None, source: Path) -> str:
        """Return a digest of all that the reports of a capture follow from."""
        today = self.way.now.date()
        accepted = [(one.key, one.ended(today)) for one in read_acceptances(source)]
        before = [
            one for one in files.inside(source / NIGHTS) if order_of(one.stem) < order_of(path.name)
        ]
        read = [path / MANIFEST, *([older / MANIFEST] if older else []), *sorted(before)]
        if (source / ACCEPTANCES).is_file():
            read.append(source / ACCEPTANCES)
        return _digest(self.way.digest, repr(accepted), *(self._sum_of(one) for one in read))

    def _sum_of(self, path: Path) -> str:
        if path not in self.sums:
            try:
                data = files.read(path, LIMITS.size)
            except SnapdiffError as error:  # what needs the file says so itself
                data = str(error).encode("utf-8", "backslashreplace")
            self.sums[path] = hashlib.sha256(data).hexdigest()
        return self.sums[path]

    def _reports(
        self, folder: Path, cluster: str, path: Path, older: Path | None, made: str
    ) -> dict[str, Told]:
        way, store = self.way, self.store
        reports = {
            "check": check_capture(
                str(path),
                store=store,
                cluster=cluster,
                policy=way.policy,
                now=way.now,
                site=way.site,
            )
        }
        if older is not None:
            reports["diff"] = compare_captures(
                str(older),
                str(path),
                store=store,
                cluster=cluster,
                policy=way.policy,
                now=way.now,
                site=way.site,
            )
        else:  # there may be one that held against a capture which is gone
            owned.remove_file(folder / "diff.html")
        told = {name: told_of(report) for name, report in reports.items()}
        for name, report in reports.items():
            others = [("What is wrong", "check"), ("What changed", "diff")]
            links = [
                (text, f"{one}.html") for text, one in others if one in reports.keys() - {name}
            ]
            page = page_of(_public(report), links=[("All captures", f"../{INDEX}"), *links])
            owned.write(folder / f"{name}.html", page)
        document = {
            "schema": owned.SCHEMA,
            "made_from": made,
            "reports": {name: asdict(one) for name, one in told.items()},
        }
        owned.write(
            folder / MADE, json.dumps(document, indent=1) + "\n"
        )  # last: it says all is there
        return told


def _row(capture: Capture) -> Shown:
    asked = [one for one in capture.nodes.values() if one.outcome is not Outcome.SKIPPED]
    return Shown(
        capture=capture.name,
        folder=quote(capture.name),
        taken_at=capture.started_at,
        label=capture.label,
        expected=len(asked),
        observed=sum(one.outcome is Outcome.OK for one in asked),
    )


def _public(report: Report) -> Report:
    """Return a report without the paths of the controller, for it may be read by anybody."""
    inputs = tuple(replace(one, name=one.capture, place="") for one in report.inputs)
    return replace(report, inputs=inputs)


def _known(folder: Path, made: str) -> dict[str, Told]:
    """Return what the reports of a capture came to; nothing where they are to be made."""
    document = owned.document(folder / MADE)
    try:
        if document["made_from"] != made:
            return {}
        told = {name: Told(**document["reports"][name]) for name in document["reports"]}
    except (KeyError, TypeError):
        return {}
    whole = "check" in told and all((folder / f"{name}.html").is_file() for name in told)
    return told if whole else {}


def _cluster_in(folder: Path) -> Cluster | None:
    """Return what a run, this or an earlier one, wrote down of a cluster."""
    document = owned.document(folder / MADE)
    try:
        told = document["told"]
        return Cluster(
            name=str(document["cluster"]),
            folder=quote(folder.name),
            captures=int(document["captures"]),
            latest=str(document["latest"]),
            told=Told(**told) if told else None,
        )
    except (KeyError, TypeError, ValueError):
        return None


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "backslashreplace")).hexdigest()
