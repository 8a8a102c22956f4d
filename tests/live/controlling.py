"""The core, the engine and the Asterisk driver at work on real calls: a policy in, finished conversations out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from controller.config.load import parse
from controller.control import shown
from controller.core.answers import Answer
from controller.core.commands import HandOver, Start
from controller.core.events import Asked, AskedBy, Event
from controller.core.finished import Finished
from controller.core.finishing import finish
from controller.core.recording import Mark, State
from controller.core.session import Session
from controller.engine import Engine
from controller.journal import Journal
from controller.lab import Asterisk, ears, sounds
from controller.lab.ears import Tone
from controller.pbx.asterisk.driver import AsteriskDriver
from controller.spool import settled
from hardware.keys import Key
from tests.live.driving import settings_of

ROSTER = """
[organisation]
name = "Lab"
time_zone = "UTC"
[numbers]
country = "NL"
internal = ["1.."]
[[trunk]]
name = "carrier1"
[[trunk]]
name = "carrier2"
"""


class Controlling:
    """A running controller without its back office: what it hands over is kept in `finished`.

    `renews`: recorders, for each new party (a setting of [[pbx]], which these rules do not have)."""

    def __init__(self, pbx: Asterisk, rules: str, folder: Path, renews: bool = False) -> None:
        self.finished: list[Finished] = []
        self.pbx, self.folder = pbx, folder
        self.driver = AsteriskDriver(settings_of(pbx))
        config = parse(ROSTER + rules, folder / "onrecord.toml")
        policy = replace(config.policy, renews=frozenset({"main"} if renews else ()))
        self.engine = Engine(policy, {"main": self.driver}, Journal(folder / "journal"), self._over)
        self.engine.watchers.add(lambda _session, _event: self._news.set())
        self._news = asyncio.Event()

    def use(self, rules: str) -> None:
        self.engine.use(parse(ROSTER + rules, self.folder / "onrecord.toml").policy)

    @property
    def session(self) -> Session:
        """The only live call."""
        (session,) = self.engine.sessions.values()
        return session

    async def until(self, true: Callable[[], Any], deadline: float = 10) -> None:
        async with asyncio.timeout(deadline):
            while not true():
                self._news.clear()
                await self._news.wait()

    async def recording(self, state: State = State.ON) -> Session:
        """Wait until one of the live calls is confirmed to be in this state."""

        def found() -> list[Session]:
            live = self.engine.sessions.values()
            return [each for each in live if each.recording is not None and each.recording.state is state]

        await self.until(found)
        return found()[0]

    async def over(self, count: int = 1) -> list[Finished]:
        """Wait until so many conversations were handed over and the files of all are closed."""
        await self.until(lambda: len(self.finished) >= count and not self.engine.sessions)
        for finished in self.finished:
            await settled(Path(each.mixed) for each in finished.segments)
        return self.finished

    def state(self) -> State:
        """Of the only live call's recording."""
        recording = self.session.recording
        return State.OFF if recording is None else recording.state

    def marks(self) -> tuple[Mark, ...]:
        """What happened to the only live call's recording until now."""
        recording = self.session.recording
        return () if recording is None else recording.marks

    async def press(self, key: Key, by: str = "operator test") -> Answer:
        return await self.engine.ask(Asked(self.session.call.id, self.engine._clock(), by, key))

    async def press_on_leg(self, session: Session, key: Key) -> Answer:
        leg = next(iter(session.call.legs))
        asked = Asked(session.call.id, self.engine._clock(), "a phone", key, AskedBy.LEG, leg)
        return await self.engine.ask(asked)

    def live(self) -> list[dict[str, Any]]:
        return [shown(session, self.engine.policy) for session in self.engine.sessions.values()]

    def _over(self, session: Session, handover: HandOver) -> None:
        def files(start: Start) -> tuple[str, str, str]:
            found = self.driver.files(start)
            return str(found.mixed), str(found.anchor or ""), str(found.others or "")

        self.finished.append(finish(session, handover, self.engine.policy.roster, files))
        self._news.set()


@asynccontextmanager
async def controlling(pbx: Asterisk, rules: str, folder: Path, renews: bool = False) -> AsyncIterator[Controlling]:
    """A controller on this PBX with these rules (the roster is there already)."""
    controlling = Controlling(pbx, rules, folder, renews)
    task = asyncio.create_task(controlling.engine.run())
    try:
        async with asyncio.timeout(10):
            while controlling.engine.links["main"]:
                await asyncio.sleep(0.01)
        yield controlling
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def tones(path: str) -> list[Tone]:
    """The tones in one file that a recorder wrote, of a tenth of a second or more."""
    samples, rate = sounds.read_wav(Path(path))
    return [tone for tone in ears.tones(samples, rate) if tone.seconds >= 0.1]


def pitches(path: str) -> set[int]:
    return {tone.frequency for tone in tones(path)}


def events_of(finished: Finished) -> set[str]:
    return {mark.kind for mark in finished.marks}


__all__ = ["Controlling", "Event", "controlling", "events_of", "pitches", "tones"]
