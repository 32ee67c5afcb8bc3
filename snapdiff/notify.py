"""Who hears of a night: chats and mail through apprise, and a command of the site's own.

A target that fails is told of and costs no other target its notice. An address is a secret: what
is said of one names its service, at most its host.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import re
import signal
import subprocess
import threading
import typing as t
import warnings
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from snapdiff import files
from snapdiff.errors import UsageError
from snapdiff.safe import visible
from snapdiff.settings import NOTIFY_URLS

if t.TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from snapdiff.settings import Settings

LIMIT = 30.0  # seconds, for one target
LONGEST = 3000  # characters of a body that a chat gets; a command gets all of it
FILE_SIZE = 64 * 1024  # bytes of a file of addresses
WHY_SIZE = 300  # characters of what a target said
KINDS = {  # what a notice tells of, and what apprise calls that, for a colour or a sign
    "new": "warning",
    "worse": "failure",
    "resolved": "success",
    "digest": "info",
    "unseen": "warning",
    "test": "info",
}
# What stands between :// and / is the machine's name here; elsewhere it may be a token.
HOSTED = re.compile(
    r"(?:https?|jsons?|xmls?|forms?|mailtos?)://(?:[^/@]*@)?([a-z0-9.-]+(?::\d+)?)(?:[/?]|\Z)", re.I
)
# What chats take for a call to everybody, or to somebody: a name of a link may be one.
CALL = re.compile(r"(?<=@)(?=everyone|here|channel|all)|(?<=<)(?=[!@#])", re.I)
SCHEME = re.compile(r"([a-z][a-z0-9+.-]*)://", re.I)


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing to tell: a line, plain text, and the same for machines.

    *kind* is one of KINDS; a row of *rows* that is a finding has the fields of the report's.
    """

    title: str
    body: str
    kind: str
    rows: tuple[Mapping[str, t.Any], ...] = ()
    cluster: str = ""
    made_at: str = ""  # UTC

    def document(self) -> dict[str, t.Any]:
        """Return the notice as ``schemas/notice-v1.schema.json`` has it."""
        return {
            "schema": "snapdiff/notice/1",
            "kind": self.kind,
            "title": self.title,
            "body": self.body,
            "cluster": self.cluster,
            "made_at": self.made_at,
            "rows": [dict(row) for row in self.rows],
        }


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of a notice at one target; *why* it failed, without the address."""

    target: str
    ok: bool
    why: str = ""


@dataclass(frozen=True, slots=True)
class Address:
    """A target by its apprise URL. Its *repr* is without it, for tracebacks."""

    url: str

    def __repr__(self) -> str:
        return f"Address({self.shown})"

    @property
    def shown(self) -> str:
        """Return what may be said of it: the service, and the host where that is no secret."""
        scheme = SCHEME.match(self.url)
        if scheme is None:
            return "****"
        host = HOSTED.match(self.url)
        return f"{scheme[1].lower()}://{host[1] + '/' if host else ''}****"

    def deliver(self, notice: Notice, limit: float) -> str:
        """Send the notice; return why that failed, empty where it did not."""
        said: list[str] = []
        ended: list[bool] = []
        with _overheard(said):
            chat = _chat_of(self.url, said)
            if chat is None:
                return _without(self.url, said[-1] if said else "apprise knows no such address")
            thread = threading.Thread(
                target=lambda: ended.append(_through(chat, notice, said)), daemon=True
            )
            thread.start()
            thread.join(limit)
        if not ended:
            return f"no answer within {limit:g} s"
        if ended[0]:
            return ""
        return _without(self.url, said[-1] if said else "apprise gives no reason")


@dataclass(frozen=True, slots=True)
class Hook:
    """A target by a command: no shell, the notice as JSON on its standard input."""

    command: tuple[str, ...]

    @property
    def shown(self) -> str:
        """Return the program; an argument may be a secret."""
        return f"exec {self.command[0]}"

    def deliver(self, notice: Notice, limit: float) -> str:
        """Run the command; return why that failed, empty where it did not."""
        environment = {name: one for name, one in os.environ.items() if name != NOTIFY_URLS}
        try:
            process = subprocess.Popen(
                self.command,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                env=environment,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:  # the latter: a NUL in an argument
            return f"cannot run it: {getattr(error, 'strerror', None) or error}"
        document = json.dumps(notice.document()).encode()
        with process:
            try:
                _out, told = process.communicate(document, limit)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)  # with all that it started
                return f"no end within {limit:g} s, stopped"
        if process.returncode == 0:
            return ""
        last = told.decode("utf-8", "backslashreplace").strip().splitlines()[-1:]
        return ": ".join([f"it ended with {process.returncode}", *last])[:WHY_SIZE]


Target = Address | Hook


def targets_of(settings: Settings) -> tuple[Target, ...]:
    """Return who hears of a night: addresses, those of a file, a command.

    Raises UnreadableError for a file of addresses that cannot be read.
    """
    notify = settings.notify
    urls = list(notify["urls"])
    if notify["urls_file"]:
        data = files.read(Path(notify["urls_file"]), FILE_SIZE).decode("utf-8", "replace")
        lines = (line.strip() for line in data.splitlines())
        urls += [line for line in lines if line and not line.startswith("#")]
    hooks = [Hook(tuple(notify["exec"]))] if notify["exec"] else []
    return (*map(Address, dict.fromkeys(urls)), *hooks)


def send(notice: Notice, targets: Sequence[Target], limit: float = LIMIT) -> tuple[Sent, ...]:
    """Send a notice to every target, one after the other; say what became of each.

    *limit* is in seconds, for one of them.

    Raises UsageError for a kind of notice that there is not; never for a target.
    """
    if notice.kind not in KINDS:
        raise UsageError(f"a notice is one of {', '.join(KINDS)}, not {notice.kind!r}")
    found = []
    for target in targets:
        why = target.deliver(notice, limit)
        found.append(Sent(target.shown, not why, why))
    return tuple(found)


def _chat_of(url: str, said: list[str]) -> t.Any:
    """Return what sends to an address, None where apprise cannot tell what it is."""
    with warnings.catch_warnings():  # of modules that apprise imports, about themselves
        warnings.simplefilter("ignore", DeprecationWarning)
        import apprise

        asset = apprise.AppriseAsset(app_id="snapdiff", app_desc="snapdiff", async_mode=False)
        chat = apprise.Apprise(asset=asset)
        try:
            return chat if chat.add(url) else None
        except Exception as error:  # one of its hundred services: it may not cost the night
            said.append(f"{type(error).__name__}: {error}")
            return None


def _through(chat: t.Any, notice: Notice, said: list[str]) -> bool:
    try:
        return bool(
            chat.notify(
                title=_for_chat(notice.title),
                body=_cut("\n".join(map(_for_chat, notice.body.splitlines()))) or "-",
                notify_type=KINDS[notice.kind],
                body_format="text",
            )
        )
    except Exception as error:  # as above
        said.append(f"{type(error).__name__}: {error}")
        return False


class _Ear(logging.Handler):
    def __init__(self, said: list[str]) -> None:
        super().__init__(logging.WARNING)
        self._said = said

    def emit(self, record: logging.LogRecord) -> None:
        self._said.append(record.getMessage())


@contextlib.contextmanager
def _overheard(said: list[str]) -> Iterator[None]:
    """Have what apprise logs in *said* and nowhere else: it may hold the address."""
    logger, ear = logging.getLogger("apprise"), _Ear(said)
    propagate, level = logger.propagate, logger.level
    logger.addHandler(ear)
    logger.propagate = False
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.removeHandler(ear)
        logger.propagate = propagate
        logger.setLevel(level)


def _without(url: str, text: str) -> str:
    """Return what was said of an address without any part of it that may be a secret."""
    rest = SCHEME.sub("", url, count=1)
    host = HOSTED.match(url)
    parts = {url, rest, *re.split(r"[/?&=:@,;#]+", rest)}
    parts |= {unquote(one) for one in parts}
    keep = set(re.split(r"[:]", host[1])) if host else set()
    for part in sorted(parts - keep, key=len, reverse=True):
        if len(part) > 2:
            text = text.replace(part, "****")
    return _one_line(text)[:WHY_SIZE]


def _for_chat(line: str) -> str:
    """Return a line that calls nobody and hides nothing."""
    return CALL.sub(" ", visible(line))


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _cut(body: str) -> str:
    """Return a body that a chat takes, whole lines, and how many are left out."""
    if len(body) <= LONGEST:
        return body
    lines = body.splitlines()
    kept: list[str] = []
    for line in lines:
        if sum(len(one) + 1 for one in kept) + len(line) > LONGEST - 40:
            break
        kept.append(line)
    if not kept:
        return f"{lines[0][: LONGEST - 40]}…"
    return "\n".join([*kept, f"… and {len(lines) - len(kept)} more lines"])
