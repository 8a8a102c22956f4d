"""Sealing: looks after captures that nobody has asked to keep yet, as long as their calls go on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from controller.alarms import Alarms
from controller.core import wishes
from controller.core.commands import RecordingId, Start
from controller.core.events import Event
from controller.core.session import Session
from controller.pipeline.provisional import Provisional

log = structlog.get_logger("sealing")

LOOK_SECONDS = 1.0


@dataclass(slots=True)
class Sealing:
    """`run` it, and let it hear what happens to calls. `folder` tells where a segment's files are."""

    provisional: Provisional
    alarms: Alarms
    folder: Callable[[Start], Path]
    _asked: dict[RecordingId, Path] = field(default_factory=dict)  # to be kept, and the key is not on the disk yet
    _kept: set[RecordingId] = field(default_factory=set)

    def heard(self, session: Session, event: Event) -> None:
        """Note whether somebody has asked for a capture now. For the engine's watchers: `event` is not looked at."""
        del event
        decision = session.decision
        if session.recording is None or decision is None:
            return
        for each in (session.recording, *session.rest):
            if not each.provisional or (each.id in self._kept) is not session.handed_over:
                continue
            if session.handed_over:
                self._kept.discard(each.id)
                self._asked.pop(each.id, None)
            elif wishes.kept(decision, session.wish):
                self._kept.add(each.id)
                self._asked[each.id] = self.folder(next(one.start for one in each.segments if one.start.provisional))

    async def run(self) -> None:
        """Until cancelled."""
        while self.provisional.folders:
            await self.look()
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """Once: bring keys of what is to be kept, and audio of everything, from memory to the disk."""
        where = str(self.provisional.sealed)
        try:
            for recording, folder in tuple(self._asked.items()):
                await asyncio.to_thread(self.provisional.keep, recording, folder)
                self._asked.pop(recording, None)
            await asyncio.to_thread(self.provisional.follow)
        except OSError as error:
            what = f"captures that nobody has kept yet stay in memory, which fills up: {error.strerror or error}"
            remedy = f"make {where} writable and free space on its disk; the calls and their captures go on meanwhile"
            self.alarms.on("sealing", where, what, remedy)
        else:
            self.alarms.off("sealing", where)
