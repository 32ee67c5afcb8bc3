"""``snapdiff rules``: what ``check`` holds a capture against."""

from __future__ import annotations

import json

import click

from snapdiff.cli.options import color_option, page, settings_of, terminal_of
from snapdiff.explain import rule_in_words, rules_of
from snapdiff.policy import site_of


@click.command("rules")
@click.option(
    "-o",
    "--output",
    type=click.Choice(["text", "json"]),
    default="text",
    help="text (default) or json.",
)
@color_option
def command(output: str, color: str) -> None:
    """List the rules, shipped and of the site: id, severity, scope, what must hold."""
    from snapdiff.report import as_explanation

    site = site_of(settings_of())
    rows = [rule_in_words(one, site) for one in rules_of(site).values()]
    if output == "json":
        click.echo(json.dumps(rows, indent=2))
    else:
        page(as_explanation.render_rules(rows, terminal_of(color)))
    for note in site.unknown():
        click.echo(f"snapdiff: {note}", err=True)
