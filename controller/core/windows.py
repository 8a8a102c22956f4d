"""Times of the week, as people write them: `mon-fri 08:00-18:00`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WEEK = frozenset(range(7))
_TEXT = re.compile(r"^(?:(?P<days>[a-z,\-\s]+?)\s*)?(?:(?P<start>\d{1,2}:\d{2})\s*-\s*(?P<end>\d{1,2}:\d{2}))?$")
_DAY_MINUTES = 24 * 60


@dataclass(frozen=True, slots=True)
class Window:
    """Some days of the week (0 is Monday), and the minutes of the day from `start` up to but without `end`.

    A window with start after end runs over midnight and belongs to the day on which it began.
    """

    text: str
    days: frozenset[int]
    start: int
    end: int

    def covers(self, local: datetime) -> bool:
        """Whether this wall-clock moment is inside."""
        minute, day = local.hour * 60 + local.minute, local.weekday()
        if self.start < self.end:
            return day in self.days and self.start <= minute < self.end
        return (day in self.days and minute >= self.start) or ((day - 1) % 7 in self.days and minute < self.end)


def window(text: str) -> Window:
    """The window that this text means. Raises ValueError, saying what would be right."""
    match = _TEXT.match(text.strip().lower())
    if not match or not text.strip():
        raise ValueError(f"'{text}' is no time window: write 'mon-fri 08:00-18:00', 'sat,sun' or '22:00-06:00'")
    days = _days(match["days"], text) if match["days"] else _WEEK
    if not match["start"]:
        return Window(text, days, 0, _DAY_MINUTES)
    start, end = _minute(match["start"], text), _minute(match["end"], text)
    if start == end:
        raise ValueError(f"'{text}' begins when it ends: leave the hours out for the whole day")
    return Window(text, days, start % _DAY_MINUTES, end)


def _minute(clock: str, text: str) -> int:
    hour, _, minute = clock.partition(":")
    if int(minute) > 59 or int(hour) * 60 + int(minute) > _DAY_MINUTES:
        raise ValueError(f"'{text}': there is no time {clock}")
    return int(hour) * 60 + int(minute)


def _days(text: str, whole: str) -> frozenset[int]:
    found: set[int] = set()
    for part in text.replace(" ", "").split(","):
        first, dash, last = part.partition("-")
        if first not in DAYS or (dash and last not in DAYS):
            raise ValueError(f"'{whole}': days are {', '.join(DAYS)}, as in 'mon-fri' or 'sat,sun'")
        begin, end = DAYS.index(first), DAYS.index(last or first)
        found.update((begin + step) % 7 for step in range((end - begin) % 7 + 1))
    return frozenset(found)
