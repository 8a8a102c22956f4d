"""The timers that the core asked for: one of each name for a call."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from controller.core.commands import CallId, CancelTimer, SetTimer
from controller.core.events import TimerFired


class Timers:
    """`hear(event)` is told of each that has run down."""

    def __init__(self, hear: Callable[[TimerFired], None], clock: Callable[[], float]) -> None:
        self._hear = hear
        self._clock = clock
        self._running: dict[tuple[CallId, str], asyncio.TimerHandle] = {}

    def set(self, command: SetTimer) -> None:
        """Start it, or start it anew where it runs already."""
        self.cancel(CancelTimer(command.call, command.timer))
        key = (command.call, command.timer)

        def fire() -> None:
            self._running.pop(key, None)
            self._hear(TimerFired(command.call, self._clock(), command.timer))

        self._running[key] = asyncio.get_running_loop().call_later(command.seconds, fire)

    def cancel(self, command: CancelTimer) -> None:
        """Nothing where it does not run."""
        timer = self._running.pop((command.call, command.timer), None)
        if timer is not None:
            timer.cancel()

    def close(self) -> None:
        for timer in self._running.values():
            timer.cancel()
