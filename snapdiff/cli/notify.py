"""``snapdiff notify``: whether those who should hear of a night can be reached."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from snapdiff.cli.options import settings_of, store_options
from snapdiff.errors import ExitCode, UsageError
from snapdiff.notify import Notice, send, targets_of
from snapdiff.report.safe import visible
from snapdiff.store import stamp

NOBODY = """nobody is set to be told. Set it in snapdiff.yml, as
  notify:
    urls: ["mailto://mail.example.org?from=snapdiff@example.org&to=net@example.org"]
    urls_file: /etc/snapdiff/urls   # addresses with secrets, one a line
    exec: [/usr/local/bin/tell, prod]   # gets the notice as JSON on standard input
or in SNAPDIFF_NOTIFY_URLS. Addresses are those of apprise, for mail, chats and web hooks."""


@click.command("notify")
@click.argument("what", metavar="test", type=click.Choice(["test"]))
@store_options
def command(what: str, store: str | None, cluster: str | None) -> int:
    """Send a test to everybody that notify names in snapdiff.yml.

    Says of each target what became of it; exit code 2 where any failed.
    """
    settings = settings_of(store=store, cluster=cluster)
    targets = targets_of(settings)
    if not targets:
        raise UsageError(NOBODY)
    now = stamp(datetime.now(UTC))
    notice = Notice(
        title=f"snapdiff: test of {settings.cluster}",
        body=f"Sent by 'snapdiff notify {what}' at {now}. Nothing is wrong.",
        kind="test",
        cluster=settings.cluster,
        made_at=now,
    )
    found = send(notice, targets)
    for one in found:
        why = f": {one.why}" if one.why else ""
        click.echo(visible(f"{'ok    ' if one.ok else 'failed'}  {one.target}{why}"))
    return ExitCode.CLEAN if all(one.ok for one in found) else ExitCode.UNREADABLE
