"""PaperPbx: a driver without a PBX. It keeps recorders in a dictionary, refuses on request and can lose its link."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from controller.core.commands import (
    Allow,
    Beep,
    Divert,
    LegId,
    Open,
    Pause,
    RecorderCommand,
    RecordingId,
    Resume,
    Side,
    Start,
    Stop,
    Tell,
)
from controller.core.events import Done, Event, Failed, LegEnded, RecorderLost
from controller.core.finished import is_recording_id
from controller.core.lamps import Glow
from controller.pbx.driver import Counters, Health, SegmentFiles
from hardware.keys import Key

GONE = "no such channel"


@dataclass(frozen=True, slots=True)
class PaperRecorder:
    """A recorder that runs: on which leg, and whose voice it leaves out now."""

    leg: LegId
    muted: Side | None = None


class PaperPbx:
    """Implements Driver. Tests feed it with say() and read `recorders` and `asked`.

    `refusals[Start] = 2` makes the next two starts fail; `silent` makes commands hang without an answer.
    """

    def __init__(self, name: str = "paper", folder: Path = Path("/nonexistent")) -> None:
        self.name = name
        self.counters = Counters()
        self.folder = folder
        self.recorders: dict[tuple[RecordingId, int], PaperRecorder] = {}
        self.asked: list[RecorderCommand] = []
        self.refusals: dict[type[RecorderCommand], int] = {}
        self.silent = False
        self.told: list[Tell] = []
        self.packets: int | None = None
        self.allowed: dict[LegId, frozenset[Key]] = {}
        self.lamps: dict[str, Glow] = {}
        self.answered: dict[tuple[LegId, str], str] = {}
        self.beeps: dict[LegId, float] = {}
        self.opened: list[Open] = []
        self.diverted: list[Divert] = []
        self.names: dict[str, LegId] = {}
        self.pushed: list[tuple[str, str]] = []
        self.snapshot: list[Event] = []
        self._gone: set[LegId] = set()
        self._why_down = ""
        self._hear: Callable[[Event], None] = lambda _event: None
        self._up: Callable[[bool, str], None] = lambda _up, _why: None

    async def run(self, hear: Callable[[Event], None], up: Callable[[bool, str], None]) -> None:
        """Connect at once, tell the snapshot, and stay."""
        self._hear, self._up = hear, up
        self.connect()
        await asyncio.Event().wait()

    def connect(self) -> None:
        """The link is up: the snapshot first, then the word that it is complete."""
        self._why_down = ""
        for event in self.snapshot:
            self.say(event)
        self._up(True, "")

    def disconnect(self, why: str) -> None:
        """The link is lost; what runs goes on running, unheard."""
        self.counters.reconnects += 1
        self._why_down = why
        self._up(False, why)

    def say(self, event: Event) -> None:
        """Something happens on the PBX."""
        self.counters.events += 1
        lost: list[Event] = []
        if isinstance(event, LegEnded):
            self._gone.add(event.leg)
            for (recording, segment), recorder in list(self.recorders.items()):
                if recorder.leg == event.leg:
                    del self.recorders[recording, segment]
                    lost.append(
                        RecorderLost(event.call, event.at, recording, segment, "its leg ended", leg_gone=True)
                    )
        for each in (*lost, event):
            self._hear(each)

    def crash(self, recording: RecordingId, segment: int, event: RecorderLost) -> None:
        """A recorder dies on its own."""
        self.recorders.pop((recording, segment), None)
        self._hear(event)

    async def do(self, command: RecorderCommand) -> Event:
        """Carry the command out on paper."""
        self.counters.commands += 1
        self.asked.append(command)
        if self.silent:
            await asyncio.Event().wait()
        await asyncio.sleep(0)
        if self.refusals.get(type(command), 0) > 0:
            self.refusals[type(command)] -= 1
            self.counters.refused += 1
            return Failed(command.call, time.time(), command, "refused on paper")
        reason = self._carry_out(command)
        if reason:
            return Failed(command.call, time.time(), command, reason, leg_gone=reason == GONE)
        return Done(command.call, time.time(), command)

    async def allow(self, command: Allow) -> None:
        """Noted."""
        self.allowed[command.leg] = command.keys

    async def show(self, extension: str, glow: Glow, lamp: str = "rec") -> None:
        """Noted."""
        self.lamps[extension if lamp == "rec" else f"{lamp}-{extension}"] = glow

    async def open(self, command: Open) -> None:
        """Noted."""
        self.opened.append(command)

    async def divert(self, command: Divert) -> bool:
        """Noted."""
        self.diverted.append(command)
        return True

    async def answer(self, leg: LegId, name: str, value: str) -> None:
        """Noted."""
        self.answered[leg, name] = value

    async def find(self, channel: str, sip_call: str, user: str) -> LegId | None:
        """By what a test put into `names`."""
        return self.names.get(channel or sip_call or user)

    async def push(self, endpoint: str, body: str) -> None:
        """Noted."""
        self.pushed.append((endpoint, body))

    async def tell(self, command: Tell) -> bool:
        """Noted, and heard at once."""
        self.told.append(command)
        return True

    async def beep(self, command: Beep) -> bool:
        """Noted."""
        self.beeps[command.leg] = command.every
        return True

    async def health(self, start: Start) -> Health | None:
        """As it is in the dictionary; `packets` is what tests set it to."""
        return Health((start.recording, start.segment) in self.recorders, self.packets)

    def files(self, command: RecorderCommand) -> SegmentFiles:
        """Three names; nothing is written."""
        base = f"{command.recording}.{command.segment}"
        return SegmentFiles(self.folder / f"{base}.wav", self.folder / f"{base}-r.wav", self.folder / f"{base}-t.wav")

    def _carry_out(self, command: RecorderCommand) -> str:
        key = (command.recording, command.segment)
        if self._why_down:
            return f"no link: {self._why_down}"
        if not is_recording_id(command.recording):
            return "this is no name for a recording"
        if command.leg in self._gone:
            return GONE
        match command:
            case Start():
                self.recorders[key] = PaperRecorder(command.leg)
            case Stop():
                self.recorders.pop(key, None)  # one that does not run is stopped already
            case Pause() | Resume():
                if key not in self.recorders:
                    return "no such recorder"
                muted = command.side if isinstance(command, Pause) else None
                self.recorders[key] = replace(self.recorders[key], muted=muted)
        return ""
