"""Meter: how long starts take, how late the event loop is, what became of recordings. Listens, and only counts."""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field

from controller.catalogue.records import Settled
from controller.core.commands import RecordingId, Start
from controller.core.events import Done, Event
from controller.core.finished import Finished
from controller.core.session import Session

BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0)
LAG_EVERY = 0.5
MOST_OPEN = 10_000


@dataclass(slots=True)
class Histogram:
    """Seconds, in buckets as Prometheus counts them."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS) + 1))
    total: float = 0.0

    def add(self, seconds: float) -> None:
        self.counts[bisect_left(BOUNDS, seconds)] += 1
        self.total += seconds

    @property
    def number(self) -> int:
        return sum(self.counts)

    def buckets(self) -> list[tuple[str, float]]:
        """Upper bound and how many are at or below it."""
        sums, found = 0, []
        for bound, count in zip((*(str(each) for each in BOUNDS), "+Inf"), self.counts, strict=True):
            sums += count
            found.append((bound, float(sums)))
        return found


@dataclass(slots=True)
class Meter:
    """Give `heard` to the engine's watchers and `done` to the line; `run` measures the event loop."""

    latency: Histogram = field(default_factory=Histogram)
    settled: Counter[str] = field(default_factory=Counter)
    lag: float = 0.0
    _asked: dict[tuple[RecordingId, int], float] = field(default_factory=dict)

    def heard(self, session: Session, event: Event) -> None:
        """One event was taken; `session` is what it left."""
        current = session.recording
        if isinstance(event, Done) and isinstance(event.command, Start):
            asked = self._asked.pop((event.command.recording, event.command.number), None)
            if asked is not None:
                self.latency.add(max(0.0, event.at - asked))
        elif current is not None and isinstance(current.asked, Start):
            if len(self._asked) >= MOST_OPEN:
                self._asked.clear()  # starts that were never answered
            self._asked.setdefault((current.id, current.asked.number), event.at)

    def done(self, _finished: Finished, settled: Settled) -> None:
        """A recording has come to its end."""
        self.settled[settled.status.value] += 1

    async def run(self) -> None:
        """Until cancelled: how late are we woken?"""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + LAG_EVERY
            await asyncio.sleep(LAG_EVERY)
            self.lag = max(0.0, loop.time() - due)
