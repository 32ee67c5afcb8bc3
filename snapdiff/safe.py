"""Text from nodes and files made harmless for a terminal, and for all that is drawn."""

from __future__ import annotations

import re
import shlex

# C0 and C1 controls (a newline too: a name could write lines of its own), DEL, bidi controls and
# marks, zero-width characters, line and paragraph separators, the BOM, tag characters, lone
# surrogates.
HIDDEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\ufe00-\ufe0f\ufeff\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)

# What a shell would act on; a link may be called "$(reboot)". A * stays: it is ours, as in veth*.
SHELL = re.compile("[;&|`$<>(){}'\"\\\\!#~]")


def visible(text: str) -> str:
    """Return *text* with what moves a cursor or hides from the eye written as an escape."""
    return HIDDEN.sub(lambda match: _escape(ord(match[0])), text)


def _escape(code: int) -> str:
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def for_shell(text: str) -> str:
    """Return a name for a command that a person may copy: quoted where a shell would act on it."""
    return shlex.quote(text) if SHELL.search(text) else text
