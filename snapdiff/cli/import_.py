"""``snapdiff import``: snapshots of what Ansible cannot reach."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from snapdiff import __version__
from snapdiff.cli.options import settings_of, store_options
from snapdiff.errors import ExitCode, UnreadableError, UsageError
from snapdiff.model import Outcome
from snapdiff.report.safe import visible
from snapdiff.saved import Folder, Listing, nodes_in, snapshot_of
from snapdiff.store import Store, stamp
from snapdiff.strict_yaml import LIMITS

if TYPE_CHECKING:
    from collections.abc import Collection

NO_LISTING = "no listing of its links was saved"


@click.command("import")
@click.argument("source")
@click.option("--node", metavar="NAME", help="Name of the node, where SOURCE is of one.")
@click.option(
    "--label", metavar="LABEL", default="", help="A name for the capture, such as before."
)
@store_options
def command(
    source: str, node: str | None, label: str, store: str | None, cluster: str | None
) -> int:
    """Make a capture of saved command output.

    SOURCE is a folder with one folder a node (files such as ip-j-d-s-addr.json and subnet.env), or
    the output of 'ip -j -d addr', 'ip addr' or 'ifconfig -a' in a file, or - for standard input.
    What was not saved is not observed. A folder with files but without a listing of links is a
    node that failed, and makes the exit code 3.
    """
    settings = settings_of(store=store, cluster=cluster)
    now = datetime.now(UTC)
    sources = _sources(source, node)
    snapshots = [
        snapshot_of(one, node=name, taken_at=stamp(now), via=f"import of {one.sort}")
        for name, one in sources.items()
    ]
    others = _others(source, sources) if node is None else []
    draft = Store(settings.store).begin(
        settings.cluster, nodes=[*sources, *others], now=now, label=label
    )
    for other in others:
        draft.note(other, Outcome.FAILED, NO_LISTING)
    for snapshot in snapshots:
        draft.add(snapshot)
    capture = draft.seal(now=datetime.now(UTC), tools={"snapdiff": __version__})
    many = f"{len(sources)} node{'s' * (len(sources) != 1)}"
    click.echo(f"{capture.place}: {many} imported", err=True)
    for other in others:
        click.echo(visible(f"  {other}: {NO_LISTING}"), err=True)
    return ExitCode.UNTRUSTED if others else ExitCode.CLEAN


def _others(source: str, sources: Collection[str]) -> list[str]:
    """Name the folders beside those of nodes that hold files, but no listing of links."""
    path = Path(source)
    if source == "-" or not path.is_dir() or path.resolve().name in sources:
        return []
    folders = (one for one in path.iterdir() if one.is_dir() and one.name not in sources)
    return sorted(one.name for one in folders if any(inner.is_file() for inner in one.iterdir()))


def _sources(source: str, node: str | None) -> dict[str, Folder | Listing]:
    path = Path(source)
    if source != "-" and path.is_dir():
        folders = nodes_in(path)
        if node and len(folders) > 1:
            raise UsageError(f"--node {node}: {source} has {len(folders)} nodes")
        return {node or one.resolve().name: Folder(one) for one in folders}
    name = node or ("" if source == "-" else path.stem)
    if not name:
        raise UsageError("standard input does not say whose it is: give --node NAME")
    data = _read(source)
    try:
        return {name: Listing(data.decode("utf-8", "backslashreplace"))}
    except UnreadableError as error:
        raise UnreadableError(f"{source}: {error}") from None


def _read(source: str) -> bytes:
    from snapdiff import files

    if source != "-":
        return files.read(Path(source), LIMITS.size)
    data = sys.stdin.buffer.read(LIMITS.size + 1)
    if len(data) > LIMITS.size:
        raise UnreadableError(f"standard input: over the limit of {LIMITS.size} bytes")
    return data
