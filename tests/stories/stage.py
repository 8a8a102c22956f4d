"""The stage of a story: the engine on a paper PBX in virtual time, and what OnRecord did, in words."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

from controller.config.load import parse
from controller.core.commands import (
    Beep,
    CallId,
    HandOver,
    LegId,
    Pause,
    RecorderCommand,
    Resume,
    Side,
    Start,
    Stop,
    Tell,
)
from controller.core.events import Asked, AskedBy, Event, Failed, RecorderFound, RecorderLost
from controller.core.finished import Finished
from controller.core.finishing import finish
from controller.core.recording import Mark
from controller.core.session import Session
from controller.engine import Engine
from controller.journal import Journal
from controller.pbx.paper import PaperPbx
from controller.pipeline.judge import unheard
from hardware.keys import Key

OFFICE = (Path(__file__).parent / "office.toml").read_text()
STEP_SECONDS = 0.1
"""How long each line of a story takes, beside the time that it says passes."""
PROMPT_SECONDS = 2.0
"""How long a prompt is."""
VERBS: dict[type[RecorderCommand], str] = {
    Start: "starts the recorder on",
    Stop: "stops the recorder on",
    Pause: "pauses the recorder on",
    Resume: "resumes the recorder on",
}


class Pbx(PaperPbx):
    """A paper PBX by the story's clock, which notes what it was asked and how that ended."""

    def __init__(
        self,
        folder: Path,
        people: dict[LegId, str],
        clock: Callable[[], float],
        note: Callable[[CallId, str], None],
    ) -> None:
        super().__init__("main", folder)
        self.people, self._clock, self._note = people, clock, note

    async def do(self, command: RecorderCommand) -> Event:
        side = getattr(command, "side", Side.BOTH)
        what = f"{VERBS[type(command)]} {self.people[command.leg]}{'' if side is Side.BOTH else f' ({side.value})'}"
        if self.silent:
            self._note(command.call, f"{what}: no answer")
        done = await super().do(command)
        if not isinstance(done, Failed):
            self._note(command.call, what)
        elif not done.leg_gone:  # else it hung up in the same moment: nobody's fault, and nothing to read about
            self._note(command.call, f"{what}: {done.reason}")
        return replace(done, at=self._clock())

    async def tell(self, command: Tell) -> bool:
        await asyncio.sleep(PROMPT_SECONDS)
        self._note(command.call, f"lets {self.people[command.leg]} hear: {command.notice}")
        return await super().tell(command)

    async def beep(self, command: Beep) -> bool:
        who = self.people[command.leg]
        every = f"beeps on {who} every {command.every:g} s ({command.tone})"
        self._note(command.call, every if command.every else f"ends the beeps on {who}")
        return await super().beep(command)


class Stage:
    """Everything that a story's sentences act on. `said` collects what OnRecord did since it was last taken."""

    def __init__(self, folder: Path, began: float, policy: str) -> None:
        self.began, self.folder = began, folder
        self.said: list[str] = []
        self.names: dict[CallId, str] = {}  # what the story calls each call, while there is more than one
        self.people: dict[LegId, str] = {}
        self.pbx = Pbx(folder, self.people, self.clock, self.note)
        journal = Journal(folder / "journal")
        self.engine = Engine(self.read(policy), {"main": self.pbx}, journal, self._over, self.clock)
        self.engine.watchers.add(self._watch)
        self.engine.alarms.watchers.add(lambda standing: self.note(CallId(standing.about), f"alarm: {standing.what}"))
        self._decided: dict[CallId, str] = {}
        self._told: dict[CallId, str] = {}
        self._hidden = self._crowd = 0
        self._asking: set[asyncio.Task[None]] = set()

    def read(self, policy: str) -> object:
        return parse(OFFICE + policy, self.folder / "policy.toml").policy

    def clock(self) -> float:
        return self.began + asyncio.get_running_loop().time()

    def say(self, *events: Event) -> None:
        for event in events:
            self.pbx.say(event)

    async def passes(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def acted(self, act: Callable[[], Awaitable[None] | None]) -> list[str]:
        """Do one line of the story; returns what OnRecord did until it came to rest."""
        self._crowd = len(self.engine.sessions)
        waiting = act()
        if waiting is not None:
            await waiting
        await self.passes(STEP_SECONDS)
        self._settle()
        said, self.said = self.said, []
        return said

    def ask(self, call: CallId, key: Key, by: str, leg: LegId | None = None) -> None:
        """A person asks; the answer is noted when it comes."""

        async def asking() -> None:
            door = AskedBy.OPERATOR if leg is None else AskedBy.LEG
            answer = await self.engine.ask(Asked(call, self.clock(), by, key, door, leg))
            if not answer.granted:
                self.note(call, f"tells {by}: {answer.why}")
            elif answer.why:
                self.note(call, f"tells {by}: yes, {answer.why}")

        task = asyncio.get_running_loop().create_task(asking())
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)

    def crash(self, why: str) -> None:
        """The only recorder that runs dies."""
        ((recording, segment),) = self.pbx.recorders
        call = next(
            session.call.id
            for session in self.engine.sessions.values()
            if session.recording is not None and session.recording.id == recording
        )
        self.pbx.crash(recording, segment, RecorderLost(call, self.clock(), recording, segment, why))

    def reconnect(self) -> None:
        """The link is back: the snapshot tells which recorders run."""
        homes = {each.recording.id: each.call.id for each in self.engine.sessions.values() if each.recording}
        self.pbx.snapshot = [
            RecorderFound(homes[recording], self.clock(), recorder.leg, recording, segment)
            for (recording, segment), recorder in self.pbx.recorders.items()
            if recording in homes
        ]
        self.pbx.connect()

    def note(self, call: CallId, what: str) -> None:
        name = self.names.get(self.engine.home(call), "")
        several = max(self._crowd, len(self.engine.sessions)) > 1
        self.said.append(f"{name}: {what}" if name and several else what)

    # -- what OnRecord did -----------------------------------------------------------------------------------

    def _watch(self, session: Session, _event: Event) -> None:
        if session.decision is not None and not session.handed_over:
            self._decided[session.call.id] = session.decision.reason

    def _settle(self) -> None:
        """Only what a line of the story came to is told, not what was thought in between."""
        first: list[str] = []
        for call, reason in self._decided.items():
            if self._told.get(call) != reason and call in self.engine.sessions:
                self._told[call] = reason
                self.said, before = [], self.said
                self.note(call, f"decides: {reason}")
                first += self.said
                self.said = before
        self.said = first + self.said
        if self.engine.tally.hidden > self._hidden:
            self._hidden = self.engine.tally.hidden
            self.said.append("forgets the call: it is not listed")

    def _over(self, session: Session, handover: HandOver) -> None:
        finished = finish(session, handover, self.engine.policy.roster, _no_files)
        self.note(session.call.id, told(finished))


def told(finished: Finished) -> str:
    """What becomes of a conversation, in one line."""
    lost = unheard(finished, "")
    if finished.recording is None:
        return f"lists it, {finished.decision.reason}"
    began = min((each.started_at for each in finished.segments), default=finished.began_at)
    length = sum(each.ended_at - each.started_at for each in finished.segments)
    owners = ", ".join(map(str, finished.owners)) or "nobody"
    marks = ", ".join(_mark(each, began) for each in finished.marks if each.kind != "key")
    if lost is not None:
        return f"drops {length:.1f} s: {lost.why} ({marks})"
    return f"keeps {length:.1f} s for {owners} ({marks})"


def _mark(mark: Mark, began: float) -> str:
    return f"{mark.kind} {mark.at - began + 0.0001:.1f}"


def _no_files(_start: Start) -> tuple[str, str, str]:
    return "", "", ""
