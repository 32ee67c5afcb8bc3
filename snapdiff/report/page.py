"""Pages that stand alone: filled from templates, escaped throughout, with nothing loaded.

What goes into a page is text, and hidden characters are shown as escapes; templates let through as
they are only our own style and script, and the pictures of ``draw``, which escapes what it draws. A
page's policy lets only our own script run, by its digest.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import typing as t
from importlib import resources

from snapdiff import __version__
from snapdiff.report.headline import moment
from snapdiff.safe import visible

if t.TYPE_CHECKING:
    from jinja2 import Environment

FOLDER = "html"  # beside this file


def fill(template: str, **values: t.Any) -> str:
    """Return a page made of a template in FOLDER and of *values*, which it must all name."""
    return _environment().get_template(template).render(**values)


@functools.cache
def form() -> str:
    """Return a digest of all that pages are made of beside their values: another, other pages."""
    from snapdiff.draw.style import CSS

    digest = hashlib.sha256(f"{__version__}\0{CSS}".encode())
    for one in sorted(resources.files(__package__).joinpath(FOLDER).iterdir(), key=str):
        digest.update(one.read_bytes())
    return digest.hexdigest()


@functools.cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    from snapdiff.draw.style import CSS

    found = Environment(
        loader=PackageLoader("snapdiff.report", FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    script = _source("page.js")
    found.filters["moment"] = moment
    found.filters["is_moment"] = lambda text: moment(text) != text
    found.globals.update(
        version=__version__,
        style=_source("page.css") + CSS,
        script=script,
        policy=_policy(script),
    )
    return found


def _shown(value: t.Any) -> t.Any:
    """Return what a template puts out: text with nothing hidden in it, None as nothing."""
    if value is None:
        return ""
    if isinstance(value, str) and not hasattr(value, "__html__"):
        return visible(value)
    return value


def _source(name: str) -> str:
    return resources.files(__package__).joinpath(FOLDER, name).read_text("utf-8")


def _policy(script: str) -> str:
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return (
        "default-src 'none'; style-src 'unsafe-inline'; "
        f"script-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"
    )
