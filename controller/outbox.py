"""What is asked of PBXs: one thing after the other for each call and each leg, and nobody waits for another's."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, TypeVar

import structlog

from controller.core.commands import Allow, Beep, CallId, Divert, LegId, Open, RecorderCommand, Switch, Tell, pbx_of
from controller.core.events import Beeped, Diverted, Event, Failed, NoticePlayed
from controller.pbx.driver import Driver

log = structlog.get_logger("outbox")

COMMAND_SECONDS = 15.0
"""The last resort: drivers have shorter limits of their own, but a command must end even in a driver that hangs."""
OCCUPIED_SECONDS = 0.3
"""For so long after a command more are expected: calls come in bursts."""

Key = TypeVar("Key", CallId, LegId)


class Outbox:
    """Carries commands to the drivers; what became of them comes back as events.

    `hear(event)` takes what became of a recorder's command, `heard(event)` what became of what people hear, which
    may come after the end of the call. A recorder's commands are in order for each call: a slow call delays nobody
    else. What people at phones see and hear goes beside them: no recording waits for it.
    """

    def __init__(
        self,
        drivers: Mapping[str, Driver],
        hear: Callable[[Event], None],
        heard: Callable[[NoticePlayed | Beeped | Diverted], None],
        clock: Callable[[], float],
    ) -> None:
        self._drivers = drivers
        self._hear = hear
        self._heard = heard
        self._clock = clock
        self._commanded_at = 0.0
        self._recorders: dict[CallId, asyncio.Task[None]] = {}  # the last task of each
        self._keys: dict[LegId, asyncio.Task[None]] = {}
        self._beeps: dict[LegId, asyncio.Task[None]] = {}
        self._aside: set[asyncio.Task[None]] = set()

    @property
    def empty(self) -> bool:
        """Whether no recorder's command is under way."""
        return not self._recorders

    def occupied(self) -> bool:
        """Whether recorders are being started, stopped or paused: whatever can wait had better wait."""
        return not self.empty or time.monotonic() - self._commanded_at < OCCUPIED_SECONDS

    def post(self, call: CallId, command: RecorderCommand) -> None:
        """`call` is where the command's call lives now: it may have been merged into another."""
        self._commanded_at = time.monotonic()
        _in_turn(self._recorders, call, lambda: self._do(command))

    def allow(self, command: Allow) -> None:
        _in_turn(self._keys, command.leg, lambda: self._driver(command).allow(command))

    def beep(self, command: Beep) -> None:
        async def beep() -> None:
            heard = await self._driver(command).beep(command)
            if command.every > 0:
                self._heard(Beeped(command.call, self._clock(), command.leg, heard))

        _in_turn(self._beeps, command.leg, beep)

    def tell(self, command: Tell) -> None:
        async def tell() -> None:
            whole = await self._driver(command).tell(command)
            self._heard(
                NoticePlayed(command.call, self._clock(), command.leg, whole, command.notice, command.language)
            )

        self._beside(tell())  # in no order: a notice lasts for seconds

    def open(self, command: Open) -> None:
        self._beside(self._driver(command).open(command))

    def divert(self, command: Divert) -> None:
        async def divert() -> None:
            done = await self._driver(command).divert(command)
            self._heard(Diverted(command.call, self._clock(), command.leg, done))

        self._beside(divert())

    def switched(self, command: Switch) -> None:
        word = "refused" if command.why else "on" if command.on else "off"
        self._beside(self._driver(command).answer(command.leg, "ONRECORD_SWITCH", word))

    def _driver(self, command: Allow | Beep | Divert | Open | RecorderCommand | Switch | Tell) -> Driver:
        return self._drivers[pbx_of(command.call)]

    async def _do(self, command: RecorderCommand) -> None:
        try:
            async with asyncio.timeout(COMMAND_SECONDS):
                event = await self._driver(command).do(command)
        except TimeoutError:
            event = Failed(command.call, self._clock(), command, f"no answer within {COMMAND_SECONDS:g} s")
        except Exception as error:  # the world's failures are events: what gets here is a fault of the driver
            log.exception("driver failed", command=type(command).__name__, call=command.call)
            event = Failed(command.call, self._clock(), command, f"fault in the driver: {error!r}")
        self._hear(event)

    def _beside(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._aside.add(task)
        task.add_done_callback(self._aside.discard)


def _in_turn(tails: dict[Key, asyncio.Task[None]], key: Key, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Do this once all that was asked before under this key is done."""
    previous = tails.get(key)

    async def turn() -> None:
        if previous is not None and not previous.done():
            await asyncio.wait([previous])
        await work()

    task = asyncio.get_running_loop().create_task(turn())
    tails[key] = task
    task.add_done_callback(lambda done: tails.pop(key) if tails.get(key) is done else None)
