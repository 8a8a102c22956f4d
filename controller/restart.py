"""Restart: what the journal says was under way when an earlier life of the controller ended, however it ended.

Nothing here is special to a crash: a stop, too, leaves live calls and running recorders behind, on purpose.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import structlog

from controller.catalogue import search
from controller.catalogue.database import Catalogue
from controller.core import recall
from controller.core import session as sessions
from controller.core.commands import CallId, CancelTimer, HandOver, Pause, Resume, SetTimer, Start, Stop
from controller.core.events import CallsMerged, Done, Event, Failed, LegAppeared, RecorderFound, TimerFired
from controller.core.policy import Policy
from controller.core.recording import Recording
from controller.core.session import Session
from controller.journal import Entry, Outline, outline, stories

log = structlog.get_logger("restart")

LOOK_BACK_SECONDS = 2 * 86_400.0
"""How old a call's last line in the journal may be for the call to be looked for on the PBX."""

Files = Callable[[Start], Iterable[Path]]
"""Where the segment of this command is written."""


@dataclass(slots=True)
class Recalled:
    """`sessions`: the calls that were live, with nobody in any bridge. `over`: conversations that were handed over
    and of which the catalogue knows nothing. `answers`: to the starts that were under way, by the files that they
    left or did not. `ends`: when the last sound of a call was written. `timers`: when each is due. Unix seconds."""

    sessions: dict[CallId, Session] = field(default_factory=dict)
    homes: dict[CallId, CallId] = field(default_factory=dict)
    timers: dict[tuple[CallId, str], float] = field(default_factory=dict)
    over: list[tuple[Session, HandOver]] = field(default_factory=list)
    answers: list[Event] = field(default_factory=list)
    ends: dict[CallId, float] = field(default_factory=dict)
    asked_at: dict[CallId, float] = field(default_factory=dict)


async def recalled(
    folder: Path, catalogue: Catalogue, rules: Policy, files: Files, now: float, complete: bool = True
) -> Recalled:
    """Read the journal in `folder` and find what is not over, or not in the catalogue. Raises OSError.

    `complete` False: the catalogue does not know yet what it knew, so only what is not over is looked for."""
    since = now - LOOK_BACK_SECONDS
    drawn = await asyncio.to_thread(outline, folder, since)
    if not complete:
        drawn = replace(drawn, handed={})
    wanted = await _unfinished(drawn, catalogue)
    if not wanted:
        return Recalled()
    found = await asyncio.to_thread(_told, folder, since, wanted, rules)
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


def _told(folder: Path, since: float, wanted: set[CallId], rules: Policy) -> Recalled:
    found = Recalled()
    for entry in stories(folder, since, wanted):
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
        if not isinstance(event, LegAppeared | RecorderFound | CallsMerged):
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
    found.sessions[kept] = sessions.merge(session, other, rules)
    del found.sessions[gone]
    found.homes[gone] = kept


def _home(found: Recalled, call: CallId) -> CallId:
    while call in found.homes:
        call = found.homes[call]
    return call


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
