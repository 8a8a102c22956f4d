"""People who wait for what becomes of their request: on the PBX, within seconds, or the reason why not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from controller.core.answers import Answer
from controller.core.commands import CallId
from controller.core.events import Asked, Event

ANSWER_SECONDS = 10.0


@dataclass(slots=True, eq=False)
class Waiting:
    """One who waits. `refused`: why his request was refused at once; "" where it was not."""

    asked: Asked
    refused: str = ""
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def outcome(self, answer: Callable[[], Answer | None]) -> Answer | None:
        """The answer, asked for again after each event of the call; None where it takes too long."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                while (found := self._look(answer)) is None:
                    await self.changed.wait()
                return found
        except TimeoutError:
            return None

    def _look(self, answer: Callable[[], Answer | None]) -> Answer | None:
        self.changed.clear()
        return answer()


class Asking:
    """All who wait."""

    def __init__(self) -> None:
        self._waiting: dict[CallId, list[Waiting]] = {}

    @contextmanager
    def waits(self, call: CallId, asked: Asked) -> Iterator[Waiting]:
        one = Waiting(asked)
        self._waiting.setdefault(call, []).append(one)
        try:
            yield one
        finally:
            self._waiting[call].remove(one)
            if not self._waiting[call]:
                del self._waiting[call]

    def refused(self, event: Event, why: str) -> None:
        """This very request is refused; of many that are alike, no other."""
        for each in self._waiting.values():
            for one in each:
                if one.asked is event:
                    one.refused = why

    def changed(self, call: CallId) -> None:
        """Something happened to this call."""
        for one in self._waiting.get(call, ()):
            one.changed.set()
