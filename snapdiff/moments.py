"""Times as people say them: ``2026-11-22T03:00``, ``3 days ago``. The only dateparser."""

from __future__ import annotations

import re
import warnings
from datetime import datetime, timedelta

DAY = len("2026-11-22")
DAYS = {"today": 0, "yesterday": 1}
SPAN = re.compile(r"[0-9] ?[a-z]|[a-z] [0-9]|[0-9]:[0-9]", re.I)  # 3 days, may 3, 12:30


def moment_of(word: str, now: datetime, *, end_of_day: bool = False) -> datetime | None:
    """Return the moment that *word* means, with its zone; None where it means none.

    Times are local unless they have a zone; English words count back from *now*. A day alone, and
    today and yesterday, is its start, or with *end_of_day* its end.
    """
    if word in DAYS:
        day = now.astimezone().date() - timedelta(days=DAYS[word])
        word = day.isoformat()
    try:
        moment = datetime.fromisoformat(word)
        if len(word) <= DAY and end_of_day:
            moment += timedelta(days=1, microseconds=-1)  # of a wall clock: 23 hours, or 25
        return moment.astimezone() if moment.tzinfo is None else moment
    except (ValueError, OverflowError):  # the latter: year 1, or 9999, in some time zones
        return _in_words(word, now)


def _in_words(word: str, now: datetime) -> datetime | None:
    if not SPAN.search(word) and word != "now":
        return None  # it makes a date of "may", of "2" and of slips of the pen
    import dateparser

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its own parts, about dates without a year
        found: datetime | None = dateparser.parse(
            word,
            languages=["en"],
            settings={
                "RELATIVE_BASE": now.astimezone().replace(tzinfo=None),
                "PREFER_DATES_FROM": "past",
            },
        )
    try:
        return found.astimezone() if found is not None else None
    except (ValueError, OverflowError):
        return None
