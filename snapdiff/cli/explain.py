"""``snapdiff explain``: one rule, or one place of a snapshot."""

from __future__ import annotations

import json
import typing as t
from datetime import UTC, datetime

import click

from snapdiff import schema
from snapdiff.cli.options import page, settings_of, store_options, terminal_of
from snapdiff.errors import UsageError
from snapdiff.explain import place_in_words, rule_in_words, rules_of, tellers
from snapdiff.paths import nearest
from snapdiff.policy import site_of
from snapdiff.refs import select
from snapdiff.store import Store

if t.TYPE_CHECKING:
    from snapdiff.settings import Settings
    from snapdiff.store import Side


@click.command("explain")
@click.argument("what", metavar="RULE|PATH")
@store_options
@click.option(
    "-o",
    "--output",
    type=click.Choice(["text", "json"]),
    default="text",
    help="text (default) or json.",
)
def command(what: str, store: str | None, cluster: str | None, output: str) -> None:
    """Explain a rule, such as lease-mtu, or a place, such as links/flannel.1/mtu.

    Of a place it also shows the values of all nodes in the newest capture, where there is one.
    """
    from snapdiff.report import as_explanation

    settings = settings_of(store=store, cluster=cluster)
    site = site_of(settings)
    rules = rules_of(site)
    sections = schema.members(()) or ()
    terminal = terminal_of("never")
    if what in rules:
        facts = rule_in_words(rules[what], site)
        text = as_explanation.render_rule(facts, terminal)
    elif what.partition("/")[0] in sections:
        facts = place_in_words(what, site, _newest(settings))
        text = as_explanation.render_place(facts, terminal)
    else:
        _first, slash, rest = what.partition("/")
        known = [f"{one}{slash}{rest}" for one in sections] if slash else [*rules, *sections]
        told = tellers(what, site)
        if told:
            told_by = f"rules tell of it. See 'snapdiff explain {told[0]}'"
            raise UsageError(
                f"{what}: no place of a snapshot, but {told_by}; all: {', '.join(told)}"
            )
        hint = nearest(what, known) or ". 'snapdiff rules' lists the rules."
        raise UsageError(f"{what}: no rule, and no place of a snapshot{hint}")
    if output == "json":
        click.echo(json.dumps(facts, indent=2))
    else:
        page(text)


def _newest(settings: Settings) -> Side | None:
    """Return the newest capture, None where there is none."""
    store = Store(settings.store)
    if not store.captures(settings.cluster):
        return None
    return select("@latest", store, settings.cluster, now=datetime.now(UTC))
