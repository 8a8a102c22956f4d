"""Restart: what the journal says was under way when an earlier life of the controller ended, however it ended.

Nothing here is special to a crash: a stop, too, leaves live calls and running recorders behind, on purpose.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import structlog

from controller import disk
from controller.catalogue import search
from controller.catalogue.database import Catalogue
from controller.core import recall
from controller.core import session as sessions
from controller.core.commands import CallId, CancelTimer, HandOver, Pause, Resume, SetTimer, Start, Stop, pbx_of
from controller.core.events import (
    CallsMerged,
    ConsentKnown,
    Done,
    Event,
    Failed,
    LegAppeared,
    RecorderFound,
    TimerFired,
)
from controller.core.merging import merge
from controller.core.policy import Policy
from controller.core.recording import Recording
from controller.core.session import Session
from controller.journal import Entry, Journal, Outline, Place, outline, stories
from controller.pbx.driver import Driver
from controller.ram import is_written

log = structlog.get_logger("restart")

LOOK_BACK_SECONDS = 2 * 86_400.0
"""Where nobody knows how far the journal was done with: how old a call's lines may be."""
MARK_SECONDS = 30.0
MARGIN_SECONDS = 1.0
"""A call's first line may have been written a moment before it was counted as one that lives."""
MOST_NOTED = 500
FILE = "restart.json"

Files = Callable[[Start], Iterable[Path]]
"""Where the segment of this command is written."""


@dataclass(slots=True)
class Recalled:
    """`sessions`: the calls that were live, with nobody in any bridge. `over`: conversations that were handed over
    and of which the catalogue knows nothing. `answers`: to the starts that were under way, by the files that they
    left or did not. `ends`: when the last sound of a call was written. `timers`: when each is due. Unix seconds.
    `damaged`: lines of the journal that tell of nothing."""

    sessions: dict[CallId, Session] = field(default_factory=dict)
    homes: dict[CallId, CallId] = field(default_factory=dict)
    timers: dict[tuple[CallId, str], float] = field(default_factory=dict)
    over: list[tuple[Session, HandOver]] = field(default_factory=list)
    answers: list[Event] = field(default_factory=list)
    ends: dict[CallId, float] = field(default_factory=dict)
    asked_at: dict[CallId, float] = field(default_factory=dict)
    damaged: int = 0


@dataclass(slots=True)
class Bookmark:
    """Notes how far the journal is done with, so that a start reads minutes of it and not days.

    `oldest` tells when the oldest call began that is not in the catalogue yet (None: there is none). All lines of a
    call are written after the moment at which it began."""

    journal: Journal
    oldest: Callable[[], float | None]
    clock: Callable[[], float] = time.time
    _past: list[tuple[float, Place]] = field(default_factory=list)  # what its end was at which time, oldest first

    def __post_init__(self) -> None:
        self._past = _read(self.journal.folder)

    @property
    def start(self) -> Place:
        """From where on it is to be read."""
        if self._past:
            return self._past[0][1]
        first = datetime.fromtimestamp(self.clock() - LOOK_BACK_SECONDS, UTC)
        return Place(first.strftime("%Y-%m-%d"), 0)

    async def run(self) -> None:
        """Until cancelled. Where it cannot be written the next start only reads more."""
        while True:
            await asyncio.sleep(MARK_SECONDS)
            with suppress(OSError):
                await self.note()

    async def note(self) -> None:
        """Note it now. Raises OSError."""
        now, oldest = self.clock(), self.oldest()
        needed = now if oldest is None else oldest - MARGIN_SECONDS
        past = [*(each for each in self._past if each[0] <= now), (now, self.journal.end())]
        # The newest of those that are older than all that is needed, and what may be needed later.
        first = max((n for n, (at, _) in enumerate(past) if at <= needed), default=None)
        if first is None:
            if not self._past:
                return  # a call is older than all that was noted: as before
            first = 0
        self._past = past[first:] if len(past) - first < MOST_NOTED else [past[first], *past[first + 1 :: 2]]
        rows = [{"at": at, "day": place.day, "offset": place.offset} for at, place in self._past]
        await asyncio.to_thread(disk.write, self.journal.folder / FILE, json.dumps(rows).encode())


def _read(folder: Path) -> list[tuple[float, Place]]:
    try:
        rows = json.loads((folder / FILE).read_bytes())
        found = [(float(row["at"]), Place(str(row["day"]), int(row["offset"]))) for row in rows]
    except (OSError, ValueError, KeyError, TypeError):
        return []
    return sorted(found, key=lambda each: each[0])


async def recalled(
    folder: Path, catalogue: Catalogue, rules: Policy, files: Files, start: Place, complete: bool = True
) -> Recalled:
    """Read the journal in `folder` from this place on, and find what is not over or not in the catalogue. Raises
    OSError.

    `complete` False: the catalogue does not know yet what it knew, so only what is not over is looked for."""
    drawn = await asyncio.to_thread(outline, folder, start)
    if not complete:
        drawn = replace(drawn, handed={})
    wanted = await _unfinished(drawn, catalogue)
    if not wanted:
        return Recalled(damaged=drawn.damaged)
    found = await asyncio.to_thread(_told, folder, start, wanted, rules)
    found.damaged = drawn.damaged
    await asyncio.to_thread(_looked, found, files)
    # A conversation may have been handed over twice under one name, and only the catalogue tells what it has.
    recordings = [handover.recording for _, handover in found.over if handover.recording is not None]
    known = await search.known_recordings(catalogue, recordings)
    found.over = [(session, handover) for session, handover in found.over if handover.recording not in known]
    if found.sessions or found.over:
        log.info("taking up what an earlier life left", live=len(found.sessions), handed_over=len(found.over))
    return found


async def _unfinished(drawn: Outline, catalogue: Catalogue) -> set[CallId]:
    """The calls to be told of: those that were not handed over, and those whose handing over came to nothing."""
    known = await search.known_calls(catalogue, drawn.handed)
    recordings = {one for each in drawn.handed.values() for one in each}
    kept = await search.known_recordings(catalogue, recordings)
    wanted = set(drawn.open)
    wanted |= {call for call, each in drawn.handed.items() if (set(each) - kept if each else call not in known)}
    # The lines of a call that was merged into one of these are a part of its story.
    while more := {gone for gone, home in drawn.merged.items() if home in wanted} - wanted:
        wanted |= more
    return wanted


def _told(folder: Path, start: Place, wanted: set[CallId], rules: Policy) -> Recalled:
    found = Recalled()
    for entry in stories(folder, start, wanted):
        _hear(found, entry, rules)
    found.sessions = {call: recall.adrift(session) for call, session in found.sessions.items()}
    for call in list(found.asked_at):
        if call not in found.sessions:
            del found.asked_at[call]
    found.timers = {key: due for key, due in found.timers.items() if key[0] in found.sessions}
    return found


def _hear(found: Recalled, entry: Entry, rules: Policy) -> None:
    event = entry.event
    if isinstance(event, CallsMerged):
        _merge(found, event, rules)
    call = _home(found, entry.call)
    session = found.sessions.get(call)
    if session is None:
        if not isinstance(event, LegAppeared | RecorderFound | CallsMerged | ConsentKnown):
            return
        session = sessions.begin(call, entry.at)
    session = recall.step(session, event, entry.commands, entry.decision, rules)
    found.sessions[call] = session
    if isinstance(event, TimerFired):
        found.timers.pop((call, event.timer), None)
    over = False
    for command in entry.commands:
        match command:
            case SetTimer():
                found.timers[call, command.timer] = entry.at + command.seconds
            case CancelTimer():
                found.timers.pop((call, command.timer), None)
            case HandOver():
                over = True
                found.over.append((session, command))
            case Start() | Stop() | Pause() | Resume():
                found.asked_at[call] = entry.at
    if over:
        del found.sessions[call]


def _merge(found: Recalled, event: CallsMerged, rules: Policy) -> None:
    kept, gone = _home(found, event.call), _home(found, event.other)
    other = found.sessions.get(gone)
    if kept == gone or other is None:
        return
    session = found.sessions.get(kept) or sessions.begin(kept, event.at)
    found.sessions[kept] = merge(session, other, rules)
    del found.sessions[gone]
    found.homes[gone] = kept


def _home(found: Recalled, call: CallId) -> CallId:
    while call in found.homes:
        call = found.homes[call]
    return call


def written_by(drivers: Mapping[str, Driver]) -> Files:
    """Where the files of a segment are; nowhere for a PBX that is not served any more."""

    def written(start: Start) -> tuple[Path, ...]:
        driver = drivers.get(pbx_of(start.call))
        found = driver.files(start) if driver is not None else None
        paths = (found.mixed, found.anchor, found.others) if found else ()
        return tuple(path for path in paths if path is not None and is_written(path))

    return written


def _looked(found: Recalled, files: Files) -> None:
    """Look at the files of what was under way: they prove a start, and tell when a call was last heard."""
    for call, session in found.sessions.items():
        for recording in _recordings(session):
            for segment in recording.segments:
                written = _newest(files(segment.start))
                if written is not None:
                    found.ends[call] = max(found.ends.get(call, 0.0), written)
                if recording.asked == segment.start:
                    found.answers.append(_answer(segment.start, written, found.asked_at.get(call, written)))


def _answer(start: Start, written: float | None, at: float | None) -> Event:
    """The driver's own proof of a start is that the file is there."""
    if written is not None:
        return Done(start.call, min(at or written, written), start)
    return Failed(start.call, at or 0.0, start, "the controller ended before the PBX answered")


def _newest(paths: Iterable[Path]) -> float | None:
    newest = None
    for path in paths:
        with suppress(OSError):
            newest = max(newest or 0.0, path.stat().st_mtime)
    return newest


def _recordings(session: Session) -> list[Recording]:
    return [each for each in (session.recording, *session.rest) if each is not None]
