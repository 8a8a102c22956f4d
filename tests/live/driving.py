"""The Asterisk driver at work on the private PBX: commands in, events out, and the files it left."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import numpy as np

from controller.core.commands import CallId, LegId, Pause, RecorderCommand, RecordingId, Resume, Side, Start, Stop
from controller.core.events import Event, LegAppeared, LegJoined
from controller.lab import Asterisk, ears, sounds
from controller.lab.sounds import Samples
from controller.pbx.asterisk.driver import AsteriskDriver
from controller.pbx.asterisk.settings import AsteriskSettings

E = TypeVar("E", bound=Event)
NUMBERS = itertools.count(1)


def settings_of(pbx: Asterisk, name: str = "main") -> AsteriskSettings:
    """How a controller reaches this PBX: least rights, and no sight of anything but the monitor folder."""
    return AsteriskSettings(
        name=name,
        host=pbx.host,
        ami_port=pbx.ami_port,
        ami_user=pbx.ami_user,
        ami_secret=pbx.ami_secret,
        ari_url=pbx.ari_url,
        ari_user=pbx.ari_user,
        ari_secret=pbx.ari_secret,
        monitor_dir=pbx.pbx_path(pbx.monitor_dir),
        spool_dir=pbx.monitor_dir,
        provisional_dir=pbx.memory_path,
        provisional_folder=pbx.memory_dir,
        ping_seconds=1.0,
        prompts_dir=pbx.pbx_path(pbx.home / "prompts"),
    )


class Driving:
    """A connected driver, and every event that it told."""

    def __init__(self, driver: AsteriskDriver) -> None:
        self.driver = driver
        self.events: list[Event] = []
        self.links: list[tuple[bool, str]] = []
        self._news = asyncio.Condition()

    def hear(self, event: Event) -> None:
        self.events.append(event)
        asyncio.get_running_loop().create_task(self._tell())

    def up(self, up: bool, why: str) -> None:
        self.links.append((up, why))
        asyncio.get_running_loop().create_task(self._tell())

    async def until(self, true: Callable[[], bool], deadline: float = 10) -> None:
        async with asyncio.timeout(deadline), self._news:
            while not true():
                await self._news.wait()

    async def first(
        self, kind: type[E], fits: Callable[[E], bool] = lambda _: True, since: int = 0, deadline: float = 10
    ) -> E:
        """The first event of this kind from index `since` on that fits, awaited."""

        def found() -> list[E]:
            return [event for event in self.events[since:] if isinstance(event, kind) and fits(event)]

        await self.until(lambda: bool(found()), deadline)
        return found()[0]

    async def talking(self, endpoint: str, since: int = 0) -> LegJoined:
        """When this phone's or trunk's leg has met another one: its own LegJoined."""

        def met() -> list[LegJoined]:
            new = self.events[since:]
            legs = {event.leg for event in new if isinstance(event, LegAppeared) and event.endpoint == endpoint}
            joined = [event for event in new if isinstance(event, LegJoined)]
            bridges = [event.bridge for event in {event.leg: event for event in joined}.values()]
            return [event for event in joined if event.leg in legs and bridges.count(event.bridge) > 1]

        await self.until(lambda: bool(met()))
        return met()[-1]

    async def witnessed(self) -> None:
        """Wait until ARI is connected as well."""
        witness = self.driver.witness
        assert witness is not None
        async with asyncio.timeout(5):
            while not witness.link.counters.connects:
                await asyncio.sleep(0.01)

    async def do(self, command: RecorderCommand) -> Event:
        return await self.driver.do(command)

    async def _tell(self) -> None:
        async with self._news:
            self._news.notify_all()


@asynccontextmanager
async def driving(settings: AsteriskSettings) -> AsyncIterator[Driving]:
    """A driver with its snapshot taken; everything it started is cancelled at the end, as in a crash."""
    driving = Driving(AsteriskDriver(settings))
    task = asyncio.create_task(driving.driver.run(driving.hear, driving.up))
    try:
        await driving.until(lambda: (True, "") in driving.links)
        yield driving
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def start(call: CallId, leg: LegId, recording: str = "", segment: int = 1) -> Start:
    """A new recording on this leg, with a name that nobody used before."""
    return Start(call, RecordingId(recording or f"rec-{next(NUMBERS)}"), segment, next(NUMBERS), leg)


def stop(of: Start) -> Stop:
    return Stop(of.call, of.recording, of.segment, next(NUMBERS), of.leg)


def pause(of: Start, side: Side = Side.BOTH) -> Pause:
    return Pause(of.call, of.recording, of.segment, next(NUMBERS), of.leg, side)


def resume(of: Start, side: Side = Side.BOTH) -> Resume:
    return Resume(of.call, of.recording, of.segment, next(NUMBERS), of.leg, side)


def elsewhere(settings: AsteriskSettings, folder: str) -> AsteriskSettings:
    """The same PBX, writing into a folder below its own."""
    return replace(settings, monitor_dir=f"{settings.monitor_dir}/{folder}", spool_dir=settings.spool_dir / folder)


async def closed(path: Path, deadline: float = 2) -> None:
    """Wait until Asterisk has closed a WAV after a hangup: its header has no size before that (hazard 6)."""
    async with asyncio.timeout(deadline):
        while int.from_bytes(path.read_bytes()[40:44], "little") == 0:  # noqa: ASYNC240 no event tells
            await asyncio.sleep(0.005)


def samples(path: Path | None) -> Samples:
    assert path is not None
    found, rate = sounds.read_wav(path)
    assert rate == sounds.RATE
    return found


def tones(path: Path | None, least: float = 0.3) -> set[int]:
    """The tones that lasted, in Hz."""
    return {tone.frequency for tone in ears.tones(samples(path)) if tone.seconds >= least}


def seconds_of(path: Path | None, frequency: int) -> float:
    """How long a tone was heard, all in all."""
    return sum(tone.seconds for tone in ears.tones(samples(path)) if tone.frequency == frequency)


def zeros(path: Path | None) -> float:
    """How many seconds are digital silence."""
    return float(np.sum([span.seconds for span in ears.silences(samples(path))]))
