"""Growth: closes the loop. A reply is not sound: files must grow, both sides be heard, and pauses be silent.

Every second the files of all running recorders are looked at. One that stands still while sound arrives is dead: it
is ended and told as lost, so that the core starts another and marks the hole.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from controller.core.commands import CallId, RecordingId, Start, Stop, pbx_of
from controller.core.events import Event, PauseBroken, PolicyChanged, RecorderDoubted, RecorderLost
from controller.core.recording import Recording, State
from controller.core.session import Session
from controller.core.wanted import wanted
from controller.engine import Engine
from controller.pbx.driver import Health, SegmentFiles
from controller.pipeline.space import space
from controller.watch.sound import BLOCK, Heard, newest

log = structlog.get_logger("watch")

LOOK_SECONDS = 1.0
AGAIN_SECONDS = 15.0
"""How often a start that was given up is tried again."""
ASK_SECONDS = 1.5
"""So long before a recorder's patience is over its leg's packets are counted for the first time."""
HEALTHY_BYTES = 10 * BLOCK
"""A recorder that has written so much is well again: the next one is not left alone for longer."""
GONE_LOOKS = 2
"""A network folder may forget a name for a moment."""
AT_ONCE = 20
SILENT_SECONDS = 5.0
DEAF_SECONDS = 6.0
"""After so much silence on one side, while the other speaks, the recorder is renewed once."""
LONGEST_SECONDS = 60.0
"""The longest time that a recorder which does not grow is left alone, after it was started anew several times."""
WAV_BYTES = 16_000
BYTES = {".alaw": 8_000, ".ulaw": 8_000, ".gsm": 1_650}
"""Per second, of the formats that have fewer than a WAV."""
SPEAKING = 256
"""A peak from which on a side is certainly heard: -42 dBFS."""
ROOM_BYTES = 256 * 1024
"""With less room than this a disk counts as full."""


@dataclass(slots=True)
class Growing:
    """One running recorder, as it was seen last. Times by the loop's clock."""

    start: Start
    files: SegmentFiles
    grew_at: float
    size: int = 0
    sides: tuple[int, int] = (0, 0)  # bytes of the anchor's and the others' file
    peaks: tuple[int, int] = (0, 0)  # of each side's newest stretch
    quiet_since: tuple[float, float] = (0.0, 0.0)  # since when each side is digital silence
    packets: int | None = None
    ask_at: float = 0.0  # when its leg's packets are counted next
    gone: int = 0  # looks in a row at which the file was not there any more
    full: bool = False  # it stands still because its disk has no room
    paused_size: int = -1  # of the mixed file, when it was first seen paused; -1: it is not


@dataclass(frozen=True, slots=True)
class Look:
    """What one look at the three files of a recorder found."""

    mixed: Heard
    anchor: Heard
    others: Heard


@dataclass(slots=True)
class Growth:
    """Watches the recorders of one engine. `run` it; `tick` looks once."""

    engine: Engine
    grow_within: float = 4.0
    one_sided: float = 30.0
    clock: Callable[[], float] = time.monotonic
    restarted: int = 0
    _growing: dict[tuple[RecordingId, int], Growing] = field(default_factory=dict)
    _patience: dict[RecordingId, float] = field(default_factory=dict)
    _tried_at: dict[CallId, float] = field(default_factory=dict)
    _renewed: set[RecordingId] = field(default_factory=set)  # and nothing was heard of the silent side since

    async def run(self) -> None:
        """Until cancelled. One look never delays another call's events: files are read in another thread."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                await self.tick()
            except Exception:  # a fault here must not end the controller
                log.exception("a look at the recorders failed")

    async def tick(self) -> None:
        """Look at every running recorder once."""
        running = self._running()
        looks = await asyncio.to_thread(_look, list(running.values()))
        now = self.clock()
        judged = list(zip(running.values(), looks, strict=True))
        for start in range(0, len(judged), AT_ONCE):
            await asyncio.gather(*(self._judge(each, look, now) for each, look in judged[start : start + AT_ONCE]))
        self._try_again(now)

    # -- who runs ------------------------------------------------------------------------------------------------

    def _running(self) -> dict[tuple[RecordingId, int], Growing]:
        """The recorders that are believed to run, those that are new with a full measure of patience."""
        now, found = self.clock(), {}
        for session in self.engine.sessions.values():
            for current in _recordings(session):
                segment = current.segment
                if current.state is State.OFF or segment is None or segment.started_at is None:
                    continue
                key = (current.id, segment.number)
                known = self._growing.get(key)
                found[key] = known or self._begin(segment.start, now)
        self._growing = found
        # Also of those that are between two recorders: patience is for the recording.
        live = {each.id for session in self.engine.sessions.values() for each in _recordings(session)}
        self._patience = {each: seconds for each, seconds in self._patience.items() if each in live}
        self._renewed &= live
        self.engine.alarms.over_for("recorder", self._calls())
        self.engine.alarms.over_for("one-sided", self._calls())
        return found

    def _calls(self) -> set[str]:
        return set(self.engine.sessions)

    def _begin(self, start: Start, now: float) -> Growing:
        files = self.engine.drivers[pbx_of(start.call)].files(start)
        return Growing(start, files, now, quiet_since=(now, now))

    # -- what was seen ---------------------------------------------------------------------------------------------

    async def _judge(self, growing: Growing, look: Look, now: float) -> None:
        current = self._current(growing)
        if current is None:
            return  # it ended while we looked
        call = self.engine.home(growing.start.call)
        if growing.full and (
            look.mixed.size > growing.size or await asyncio.to_thread(_has_room, growing.files.mixed)
        ):
            # Whether it goes on by itself or not, what was said meanwhile is missing: a new file keeps the time.
            await self._lost(growing, current, f"the disk of {growing.files.mixed.parent} was full")
        elif growing.size and not look.mixed.size and await asyncio.to_thread(growing.files.mixed.parent.is_dir):
            growing.gone += 1
            if growing.gone >= GONE_LOOKS:
                await self._lost(growing, current, f"its file {growing.files.mixed.name} is gone")
        elif look.mixed.size > growing.size:
            growing.gone = 0
            growing.grew_at, growing.size = now, look.mixed.size
            growing.packets, growing.ask_at = None, 0.0
            if look.mixed.size > HEALTHY_BYTES:
                self._patience.pop(current.id, None)
            self.engine.alarms.off("recorder", call)
            self._check_pause(growing, current, look)
            self._check_sides(growing, current, look, now)
        elif now - growing.grew_at >= self._patient(growing, current) - ASK_SECONDS:
            await self._standing_still(growing, current, now)

    async def _standing_still(self, growing: Growing, current: Recording, now: float) -> None:
        """Its packets are counted twice: a little before its patience is over, and then."""
        start, over = growing.start, now - growing.grew_at >= self._patient(growing, current)
        if now < growing.ask_at or (growing.packets is not None and not over):
            return
        if not await asyncio.to_thread(growing.files.mixed.parent.is_dir):
            return  # it cannot be seen from here: that is an alarm of its own, and no proof
        health = await self.engine.drivers[pbx_of(start.call)].health(start)
        if health is None or self._current(growing) is None:
            return
        before, growing.packets = growing.packets, health.packets
        if before is not None or health.packets is None:
            # Where no sound arrives a file may stand still for as long as it likes (asterisk.md, hazard 5).
            growing.ask_at = now + SILENT_SECONDS
        if not health.running:
            await self._lost(growing, current, "MixMonitor has ended it")
        elif _moved(before, health) and over:
            why = await asyncio.to_thread(_cause, growing.files.mixed)
            growing.full = "is full" in why
            if growing.full:
                self._alarm(growing, why)  # starting it anew would not help
            else:
                await self._lost(growing, current, why)

    async def _lost(self, growing: Growing, current: Recording, why: str) -> None:
        start, call = growing.start, self.engine.home(growing.start.call)
        self.restarted += 1
        patience = self._patience.get(current.id, self.grow_within)
        self._patience[current.id] = min(2 * patience, LONGEST_SECONDS)
        if not growing.full:
            self._alarm(growing, why)
        stop = Stop(start.call, start.recording, start.segment, 0, start.leg)
        await self.engine.drivers[pbx_of(start.call)].do(stop)  # its answer is nobody's: the core asked for none
        if self._current(growing) is not None:
            self._hear(RecorderLost(call, time.time(), start.recording, start.segment, f"it did not grow: {why}"))

    def _patient(self, growing: Growing, current: Recording) -> float:
        """How long this file may stand still: Asterisk writes 32 KiB at a time, whatever the format."""
        slower = WAV_BYTES / BYTES.get(growing.files.mixed.suffix, WAV_BYTES)
        return self._patience.get(current.id, self.grow_within) * max(1.0, slower)

    def _alarm(self, growing: Growing, why: str) -> None:
        what = f"the recording of a call does not grow though it carries sound: {why}"
        call = self.engine.home(growing.start.call)
        self.engine.alarms.on("recorder", call, what, _remedy(growing.files.mixed, why))

    def _check_pause(self, growing: Growing, current: Recording, look: Look) -> None:
        """In a pause the newest block must be digital silence; the first two may hold what was said before it."""
        session = self.engine.sessions.get(self.engine.home(growing.start.call))
        decision = session.decision if session is not None else None
        if current.state is not State.PAUSED or current.asked is not None or look.mixed.peak is None:
            growing.paused_size = -1
            return
        if decision is not None and decision.options.pause_side.value != "both":
            return
        if growing.paused_size < 0:
            growing.paused_size = look.mixed.size
        elif look.mixed.size >= growing.paused_size + 2 * BLOCK and look.mixed.peak > 0:
            self._hear(PauseBroken(growing.start.call, time.time(), current.id, growing.start.segment))

    def _check_sides(self, growing: Growing, current: Recording, look: Look, now: float) -> None:
        """One side that is digital silence while the other speaks: muted, or not heard by its recorder."""
        sides = (look.anchor, look.others)
        growing.sides = (look.anchor.size, look.others.size)
        # The three files are not written at the same moment: a side without news is as it was.
        one, other = (was if side.peak is None else side.peak for side, was in zip(sides, growing.peaks, strict=True))
        peaks = growing.peaks = (one, other)
        first, second = (now if peak else at for peak, at in zip(peaks, growing.quiet_since, strict=True))
        growing.quiet_since = (first, second) if current.state is State.ON else (now, now)
        call = self.engine.home(growing.start.call)
        self._check_deafness(growing, current, now)
        for side, far, who in ((0, 1, "the recorded leg's own side"), (1, 0, "the other side")):
            if self.one_sided and now - growing.quiet_since[side] >= self.one_sided and peaks[far] >= SPEAKING:
                what = f"{who} has been digital silence for {self.one_sided:g} s while the other speaks"
                remedy = "ask the party whether he is muted; if not, hang up or transfer: his words are not recorded"
                self.engine.alarms.on("one-sided", call, what, remedy)
                return
        if min(peaks) > 0:
            self.engine.alarms.off("one-sided", call)

    def _check_deafness(self, growing: Growing, current: Recording, now: float) -> None:
        """Asterisk's recorder can go deaf to one party without any event, when his telephone or his carrier begins to
        number its packets anew (asterisk.md, hazard 1). A new recorder hears him; if not, he is silent himself."""
        call = self.engine.home(growing.start.call)
        if min(growing.peaks) >= SPEAKING:
            self._renewed.discard(current.id)
        if pbx_of(call) not in self.engine.policy.renews or current.id in self._renewed:
            return
        for side, far in ((0, 1), (1, 0)):
            if now - growing.quiet_since[side] >= DEAF_SECONDS and growing.peaks[far] >= SPEAKING:
                self._renewed.add(current.id)
                self._hear(RecorderDoubted(call, time.time(), current.id, growing.start.segment))
                return

    # -- starts that were given up -----------------------------------------------------------------------------------

    def _try_again(self, now: float) -> None:
        """What could not be started is tried again now and then: a disk gets room, a folder its rights."""
        for call, session in list(self.engine.sessions.items()):
            current = session.recording
            if current is None or not current.given_up or wanted(session, self.engine.policy) is State.OFF:
                self._tried_at.pop(call, None)
            elif now - self._tried_at.setdefault(call, now) >= AGAIN_SECONDS:
                self._tried_at[call] = now
                self._hear(PolicyChanged(call, time.time()))
        self._tried_at = {call: at for call, at in self._tried_at.items() if call in self.engine.sessions}

    def _current(self, growing: Growing) -> Recording | None:
        """The recording, if this is still its running segment."""
        session = self.engine.sessions.get(self.engine.home(growing.start.call))
        for each in _recordings(session) if session is not None else ():
            segment = each.segment
            same = segment is not None and segment.start == growing.start and segment.ended_at is None
            if same and each.state is not State.OFF:
                return each
        return None

    def _hear(self, event: Event) -> None:
        self.engine.hear(event)


def _recordings(session: Session) -> list[Recording]:
    return [each for each in (session.recording, session.aside, *session.rest) if each is not None]


def _look(running: Iterable[Growing]) -> list[Look]:
    """Blocks: for another thread."""
    found = []
    for each in running:
        anchor, others = each.sides
        files = each.files
        found.append(Look(newest(files.mixed, each.size), newest(files.anchor, anchor), newest(files.others, others)))
    return found


def _moved(before: int | None, health: Health) -> bool:
    """Whether sound arrived between two looks. Where nobody can tell, a file that stands still is believed."""
    return before is not None and health.packets is not None and health.packets > before


def _cause(file: Path) -> str:
    """Why a recorder may have stopped writing. Blocks."""
    try:
        room = space(file.parent)
    except OSError as error:
        return f"its folder {file.parent} cannot be reached ({error.strerror})"
    if room.free < ROOM_BYTES or room.names == 0:
        return f"the disk of {file.parent} is full"
    if not file.exists():
        return f"its file {file.name} is gone"
    return f"nothing is written to {file.name}; see the PBX's log"


def _has_room(file: Path) -> bool:
    """Blocks."""
    try:
        room = space(file.parent)
    except OSError:
        return False
    return room.free >= 2 * ROOM_BYTES and room.names != 0


def _remedy(file: Path, why: str) -> str:
    if "is full" in why:
        return f"free space on the disk of {file.parent}: the recorder is started anew by itself"
    if "is gone" in why or "cannot be reached" in why:
        return f"see who deletes files in {file.parent}, or mount it again: the recorder is started anew by itself"
    return "it is started anew by itself; if that does not help, see the PBX's log and the rights on its folder"
