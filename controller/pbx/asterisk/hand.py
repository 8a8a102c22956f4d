"""What is done to MixMonitor over the acting session, and the proof that it was done."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from controller import ram
from controller.core.commands import LegId, Pause, RecorderCommand, Resume, Start, Stop
from controller.core.events import Done, Event, Failed
from controller.pbx.asterisk import mixmonitor
from controller.pbx.asterisk.frames import Message
from controller.pbx.asterisk.recorders import LegGone, Recorder, Recorders
from controller.pbx.asterisk.session import Ami
from controller.pbx.asterisk.settings import AsteriskSettings
from controller.pbx.driver import PbxRefused, SegmentFiles

log = logging.getLogger(__name__)

LOOK_EVERY = 0.005
"""Seconds between looks for a new file: a local one is there within a few ms of the response."""

CLEAN_SECONDS = 0.03
"""A channel's deafness (hazard 1) is forgotten once a frame has passed with no recorder there: 25 ms were enough."""


def uniqueid_of(leg: LegId) -> str:
    """The PBX's own name for a leg: safer than the channel's name, which can change (asterisk.md "Starting")."""
    return leg.partition("/")[2]


def files_of(settings: AsteriskSettings, command: RecorderCommand) -> SegmentFiles:
    """Where the segment of this command is written, as this process sees it. Raises ValueError for an unsafe name."""
    if not mixmonitor.is_safe(command.recording):
        raise ValueError(f"recording id {command.recording!r} cannot be a file name")
    stem, extension = mixmonitor.stem(command.recording, command.segment), settings.format
    folder = settings.provisional_folder if in_memory(settings, command) else settings.spool_dir
    return SegmentFiles(
        folder / f"{stem}.{extension}", folder / f"{stem}-r.{extension}", folder / f"{stem}-t.{extension}"
    )


def in_memory(settings: AsteriskSettings, command: RecorderCommand) -> bool:
    """Whether this start writes into the folder in memory: nobody has asked to keep what it captures."""
    return isinstance(command, Start) and command.provisional and bool(settings.provisional_dir)


class Hand:
    """The acting session of one connection. Raises PbxRefused, PbxGone, LegGone, TimeoutError for what went wrong."""

    def __init__(
        self, ami: Ami, recorders: Recorders, settings: AsteriskSettings, clock: Callable[[], float]
    ) -> None:
        self._ami, self._recorders, self._settings, self._clock = ami, recorders, settings, clock
        self._stopped: dict[str, float] = {}  # channel -> when a recorder was stopped there, by the loop's clock

    async def do(self, command: RecorderCommand) -> Event:
        """Carry out one command, and wait for the proof."""
        match command:
            case Start():
                return await self._start(command)
            case Stop():
                return await self._stop(command)
            case Pause() | Resume():
                return await self._mute(command)

    async def is_running(self, recorder: Recorder) -> bool:
        """Whether this id on this channel still writes our file: ids are addresses and get used again."""
        return await self.file_of(recorder.uniqueid, recorder.id) == recorder.file

    async def file_of(self, uniqueid: str, mixmonitor_id: str) -> str:
        """The file that this id was told to write; "" where there is no such recorder (any more)."""
        try:
            said = await self._act("Getvar", uniqueid, Variable=mixmonitor.filename(mixmonitor_id))
        except PbxRefused:
            return ""
        return said.get("Value")

    async def packets(self, uniqueid: str) -> int | None:
        """RTP packets that this channel has received and sent so far; None for one without RTP."""
        total = 0
        for way in ("rxcount", "txcount"):
            try:
                said = await self._act("Getvar", uniqueid, Variable=f"CHANNEL(rtcp,{way})")
            except PbxRefused:
                return None
            value = said.get("Value")
            if not value.isdecimal():
                return None
            total += int(value)
        return total

    # -- start -------------------------------------------------------------------------------------------------

    async def _start(self, command: Start) -> Event:
        if not mixmonitor.is_safe(command.recording):
            return self._failed(command, f"recording id {command.recording!r} cannot be a file name")
        files = files_of(self._settings, command)
        if any(path.exists() for path in _all(files)):
            return self._failed(command, f"{files.mixed} exists: MixMonitor would overwrite what was recorded")
        places = _all(files) if in_memory(self._settings, command) else []
        try:
            why_not = await asyncio.to_thread(_make_places, places) if places else ""
            return self._failed(command, why_not) if why_not else await self._begin(command, files)
        finally:
            _clear_places(places)

    async def _begin(self, command: Start, files: SegmentFiles) -> Event:
        uniqueid = uniqueid_of(command.leg)
        await self._clean(uniqueid)
        started = self._recorders.expect("MixMonitorStart", uniqueid)
        hung_up = self._recorders.expect("Hangup", uniqueid)  # it can overtake the response: that is another socket
        try:
            recorder = await self._order(command, uniqueid)
            self._recorders.add(recorder)
            return await self._proof(command, recorder, files, started, hung_up)
        finally:
            self._recorders.forget(started)
            self._recorders.forget(hung_up)

    async def _clean(self, uniqueid: str) -> None:
        """Wait until a frame has passed the channel since the last stop there."""
        while True:
            now = asyncio.get_running_loop().time()
            self._stopped = {one: at for one, at in self._stopped.items() if now - at < CLEAN_SECONDS}
            if uniqueid not in self._stopped:
                return
            await asyncio.sleep(self._stopped[uniqueid] + CLEAN_SECONDS - now)

    def unhooked(self, uniqueid: str) -> None:
        """Something has just been taken off this channel: a recorder, or a snoop that beeped."""
        self._stopped[uniqueid] = asyncio.get_running_loop().time()

    async def _order(self, command: Start, uniqueid: str) -> Recorder:
        """Both actions leave in one go, the variable first: it is what finds the recorder again if we die here."""
        s = self._settings
        folder = s.provisional_dir if in_memory(s, command) else s.monitor_dir
        path = f"{folder.rstrip('/')}/{mixmonitor.stem(command.recording, command.segment)}"
        file = f"{path}.{self._settings.format}"
        noted, started = await asyncio.gather(
            self._act(
                "Setvar",
                uniqueid,
                Variable=mixmonitor.variable(command.call),
                Value=mixmonitor.stem(command.recording, command.segment),
            ),
            self._act(
                "MixMonitor",
                uniqueid,
                File=file,
                Options=mixmonitor.options(command.call, path, self._settings.format),
            ),
            return_exceptions=True,
        )
        if isinstance(started, BaseException):
            raise started
        recorder = Recorder(
            command.call,
            command.recording,
            command.segment,
            command.leg,
            uniqueid,
            started.get("MixMonitorID"),
            file,
            command.provisional,
        )
        if not mixmonitor.is_id(recorder.id):
            raise PbxRefused(f"MixMonitor started without an id ({recorder.id!r}), so it cannot be stopped or paused")
        if isinstance(noted, BaseException):
            await self._end(recorder)
            raise noted
        return recorder

    async def _proof(
        self,
        command: Start,
        recorder: Recorder,
        files: SegmentFiles,
        started: asyncio.Future[float],
        hung_up: asyncio.Future[float],
    ) -> Event:
        """Hazard 2: Success and the event come also for a file that could not be opened. The file itself is proof."""
        at = self._clock()
        try:
            async with asyncio.timeout(self._settings.proof_seconds):
                at = await asyncio.shield(started)
                await self._written(recorder, files, hung_up)
        except LegGone:
            self._recorders.remove(recorder)
            if not ram.is_written(files.mixed):
                raise
            # A very short call: what was written is evidence all the same.
        except TimeoutError:
            self._recorders.remove(recorder)
            await self._end(recorder)
            return self._failed(command, self._why_unproven(started, files))
        recorder.proven = True
        return Done(command.call, at, command)

    async def _written(self, recorder: Recorder, files: SegmentFiles, hung_up: asyncio.Future[float]) -> None:
        spool = files.mixed.parent
        if not spool.is_dir() and not spool.parent.is_dir():  # Asterisk makes a missing folder itself
            await self._listed(recorder)
            return
        wait = LOOK_EVERY
        while not all(ram.is_written(path) for path in _all(files)):
            await asyncio.sleep(wait)
            wait = min(wait * 2, 0.1)
            if hung_up.done():
                raise LegGone
        if hung_up.done():
            raise LegGone

    async def _listed(self, recorder: Recorder) -> None:
        """The spool cannot be seen from here: ask for the list of open files, where the manager user may."""
        try:
            said = await self._act("Command", None, Command=f"mixmonitor list {recorder.uniqueid}")
        except PbxRefused:
            log.warning(
                "%s: %s is not there and the manager user has no class command: whether files are written is unknown",
                self._settings.name,
                self._settings.spool_dir,
            )
            return
        if recorder.file.rpartition(".")[0] not in "\n".join(said.all("Output")):
            raise TimeoutError

    def _why_unproven(self, started: asyncio.Future[float], files: SegmentFiles) -> str:
        if not started.done():
            return "Asterisk said Success but sent no MixMonitorStart: may the manager user read class call?"
        missing = ", ".join(path.name for path in _all(files) if not ram.is_written(path))
        here, s = files.mixed.parent, self._settings
        theirs = s.monitor_dir if here == s.spool_dir else s.provisional_dir
        return (
            f"Asterisk said Success but wrote no file ({missing}): is {theirs} there, "
            f"writable by Asterisk, and the same folder as {here} here?"
        )

    # -- stop and mute -----------------------------------------------------------------------------------------

    async def _stop(self, command: Stop) -> Event:
        recorder = self._recorders.get(command.recording, command.segment)
        if recorder is None:
            return Done(command.call, self._clock(), command)  # nothing of ours by that name runs
        recorder.ending = True
        stopped = self._recorders.expect("MixMonitorStop", recorder.uniqueid)
        try:
            await self._act("StopMixMonitor", recorder.uniqueid, MixMonitorID=recorder.id)
            self._recorders.remove(recorder)
            async with asyncio.timeout(self._settings.action_seconds):
                at = await stopped
            self.unhooked(uniqueid_of(command.leg))
            return Done(command.call, at, command)
        except PbxRefused:
            if await self.is_running(recorder):
                raise
            self._recorders.remove(recorder)
            return Done(command.call, self._clock(), command)
        finally:
            recorder.ending = False
            self._recorders.forget(stopped)

    async def _mute(self, command: Pause | Resume) -> Event:
        recorder = self._recorders.get(command.recording, command.segment)
        if recorder is None:
            return self._failed(command, "its recorder does not run")
        direction, state = mixmonitor.DIRECTIONS[command.side], "1" if isinstance(command, Pause) else "0"
        muted = self._recorders.expect("MixMonitorMute", recorder.uniqueid, direction, state)
        try:
            await self._act(
                "MixMonitorMute", recorder.uniqueid, Direction=direction, State=state, MixMonitorID=recorder.id
            )
            async with asyncio.timeout(self._settings.action_seconds):
                at = await muted
            return Done(command.call, at, command)
        finally:
            self._recorders.forget(muted)

    async def _end(self, recorder: Recorder) -> None:
        """Stop one that nobody shall believe in; its event is expected, so that it is nobody's riddle."""
        stopped = self._recorders.expect("MixMonitorStop", recorder.uniqueid)
        try:
            await self._act("StopMixMonitor", recorder.uniqueid, MixMonitorID=recorder.id)
            async with asyncio.timeout(self._settings.action_seconds):
                await stopped
        except (PbxRefused, TimeoutError, LegGone) as error:
            log.info("%s: a recorder that proved nothing was not stopped: %s", self._settings.name, error)
        finally:
            self._recorders.forget(stopped)

    # -- the rest ----------------------------------------------------------------------------------------------

    async def _act(self, action: str, uniqueid: str | None, **headers: str) -> Message:
        said, _ = await self._ami.ask(
            action, ({"Channel": uniqueid} if uniqueid else {}) | headers, self._settings.action_seconds
        )
        return said

    def _failed(self, command: RecorderCommand, reason: str) -> Failed:
        return Failed(command.call, self._clock(), command, reason)


def _all(files: SegmentFiles) -> list[Path]:
    return [path for path in (files.mixed, files.anchor, files.others) if path is not None]


def _make_places(paths: list[Path]) -> str:
    """Why not; "" where they are there. Blocks. Looked at before each start: a folder that is unmounted in the middle
    of the day leaves one of the same name on the disk below it."""
    if why_not := ram.trouble(paths[0].parent):
        return why_not
    try:
        for path in paths:
            ram.make_place(path)
    except OSError as error:
        return f"{paths[0].parent}: {error.strerror or error}"
    return ""


def _clear_places(paths: list[Path]) -> None:
    """What no recorder came to fill."""
    for path in paths:
        with suppress(OSError):
            if ram.is_place(path):
                path.unlink()
