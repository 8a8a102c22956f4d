"""The spool: takes over finished files from the PBX, one folder per recording, safe against power cuts.

docs/durability.md has the invariants and the numbered procedure; each step here may be repeated after a crash.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from typing import Any

import structlog

from controller import disk
from controller.core.commands import RecordingId
from controller.core.finished import Finished, FinishedSegment, is_recording_id
from controller.core.plain import from_plain, to_plain

log = structlog.get_logger("spool")

JOB = "job.json"
LEDGER = "ledger.json"
SETTLE_SECONDS = 10.0
"""The longest wait for the PBX to close a file. It takes some 30 ms; a file that is open for longer is moved all the
same, and what is written to it afterwards still arrives in it."""
STALE_SECONDS = 3.0
"""A WAV that grew no more for so long and has no lengths in its header was left by a killed PBX: while it lives it
writes every 2.05 s."""
QUIET_SECONDS = 0.5
"""For formats that have no header: not growing for so long after the stop means closed."""
MOST_COPIES = 5

_FORMAT = re.compile(r"wav|wav16|sln|sln16|alaw|ulaw|gsm")
_MONITOR_NAME = re.compile(
    rf"(?P<recording>[A-Za-z0-9._-]{{1,120}})\.(?P<segment>[0-9]{{1,6}})(?P<side>-[rt])?\.(?P<format>{_FORMAT.pattern})"
)


class Sound(Enum):
    """What a file of a segment holds; the value is the ending of its name."""

    MIXED = ""
    ANCHOR = "-r"
    OTHERS = "-t"


@dataclass(frozen=True, slots=True)
class MonitorName:
    """What the name of a file that our recorder wrote says of it."""

    recording: RecordingId
    segment: int
    sound: Sound


@dataclass(frozen=True, slots=True)
class Raw:
    """One file of a segment: where the PBX wrote it, and its name in the job's folder."""

    segment: int
    sound: Sound
    name: str
    source: str


@dataclass(frozen=True, slots=True)
class Job:
    """One recording that was taken over and is being worked on, with its folder."""

    recording: RecordingId
    folder: Path
    finished: Finished
    raws: tuple[Raw, ...]

    def path(self, raw: Raw) -> Path:
        return self.folder / raw.name


class SpoolUnreachable(OSError):
    """The folder that the PBX writes to is not there: not mounted, perhaps. Try again later."""


class NotARecording(ValueError):
    """What was handed over can have no folder here: an unsafe name."""


class Unplanned(Exception):
    """There is a folder of a job, and what it says cannot be read: a damaged disk, or somebody's hand."""


class Spool:
    """The folder: `jobs/<recording>/` while it is worked on, `aside/<recording>/` for what nobody could read."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.jobs = folder / "jobs"
        self.aside = folder / "aside"
        disk.make_folder(self.jobs)
        disk.make_folder(self.aside)

    async def take_over(self, finished: Finished) -> Job:
        """Wait until the PBX has closed the files, then bring them into the job's folder. Safe to repeat.

        Raises NotARecording for an unsafe name, SpoolUnreachable and OSError for what may work later.
        """
        await settled(Path(source) for source in _sources(finished))
        return await asyncio.to_thread(self.take, finished)

    def take(self, finished: Finished) -> Job:
        """As take_over, for files that are closed. Blocks: for another thread."""
        identity = _checked(finished)
        try:
            job = self.find(identity) or self._begin(replace(finished, recording=identity))
        except Unplanned:
            return self.take(replace(finished, recording=another_name(identity)))
        self._bring(job)
        more = _unclaimed(finished, job)
        if more is None:
            return job
        return self.take(replace(more, recording=another_name(identity)))

    def find(self, recording: RecordingId) -> Job | None:
        """The job of this recording, as far as one was begun. Raises Unplanned for a job that cannot be read."""
        return _read(self.jobs / recording / JOB) if self.has(recording) else None

    def has(self, recording: RecordingId) -> bool:
        """Whether there is a job of this name, readable or not."""
        return (self.jobs / recording / JOB).exists()

    def unfinished(self, odd: dict[Path, str] | None = None) -> Iterator[Job]:
        """Every job on the disk that can be read; why the others cannot goes into `odd`, by folder."""
        for folder in sorted(self.jobs.iterdir()):
            try:
                if disk.is_there(folder / JOB):
                    yield _read(folder / JOB)
            except (Unplanned, OSError) as error:
                log.error("a job cannot be read", folder=str(folder), why=str(error))
                if odd is not None:
                    odd[folder] = str(error)

    def tidy(self) -> None:
        """Delete what a crash left of jobs just begun or all but forgotten. Only while nothing is at work."""
        for folder in sorted(self.jobs.iterdir()):
            # Before the plan nothing was brought, and behind it nothing is left but the ledger.
            with suppress(PermissionError):  # which unfinished() tells
                leftovers = (path.name == LEDGER or path.name.endswith(disk.PART) for path in folder.iterdir())
                if not disk.is_there(folder / JOB) and all(leftovers):
                    disk.remove_folder(folder)

    def resume(self, job: Job) -> None:
        """After a crash: bring what the job's plan names and is not here yet. Blocks."""
        self._bring(job)

    def forget(self, job: Job) -> None:
        """Delete the job's folder: the stored file was verified, or its audio must not be kept."""
        # The plan next to last, the ledger last: a crash leaves a job whose ledger says that all is done, or no job.
        for path in sorted(job.folder.iterdir(), key=lambda path: (path.name == LEDGER, path.name == JOB)):
            disk.remove(path)
        disk.remove_folder(job.folder)

    def set_aside(self, job: Job, raw: Raw) -> None:
        """Keep a file that nobody could read, for a person to look at."""
        folder = self.aside / job.recording
        disk.make_folder(folder)
        disk.bring(job.path(raw), folder / raw.name)

    def _begin(self, finished: Finished) -> Job:
        """Write the plan first: from here on the recording is known, whatever happens."""
        assert finished.recording is not None  # noqa: S101  # _checked
        folder = self.jobs / finished.recording
        job = Job(finished.recording, folder, finished, tuple(_plan(finished)))
        disk.make_folder(folder)
        plan = {"version": 1, "finished": to_plain(finished), "files": to_plain(job.raws)}
        disk.write(folder / JOB, json.dumps(plan, indent=1).encode())
        return job

    def _bring(self, job: Job) -> None:
        if (job.folder / LEDGER).exists():
            return  # all of it arrived, and the sources were removed: see below
        for _ in range(MOST_COPIES):
            self._bring_once(job)
            if not any(Path(raw.source).exists() for raw in job.raws):
                break  # else one grew while it was being copied to this disk
        disk.write(job.folder / LEDGER, b"{}")

    def _bring_once(self, job: Job) -> None:
        for raw in job.raws:
            if not disk.bring(Path(raw.source), job.path(raw)):
                if not Path(raw.source).parent.is_dir():
                    raise SpoolUnreachable(f"{Path(raw.source).parent} is not there")
                log.warning("the PBX left no file", recording=job.recording, file=raw.source)
        disk.sync_folder(job.folder)
        for raw in job.raws:
            disk.remove_copied(Path(raw.source), job.path(raw))


def another_name(taken: RecordingId) -> RecordingId:
    """For a second recording of the same name, after the PBX used it again for another conversation."""
    log.warning("a second recording of the same name", recording=taken)
    numbered = re.fullmatch(r"(.+)_([0-9]{1,4})", taken)
    stem, again = (numbered[1][:110], int(numbered[2]) + 1) if numbered else (taken[:110], 2)
    return RecordingId(f"{stem}_{again}")


def is_waiting(finished: Finished) -> bool:
    """Whether any of its files is still where the PBX wrote it."""
    return any(Path(source).exists() for source in _sources(finished))


def monitor_name(path: Path) -> MonitorName | None:
    """What a file in the PBX's folder is, by its name; None: not ours."""
    found = _MONITOR_NAME.fullmatch(path.name)
    if found is None or not is_recording_id(found["recording"]):
        return None
    return MonitorName(RecordingId(found["recording"]), int(found["segment"]), Sound(found["side"] or ""))


async def settled(paths: Iterable[Path], patience: float = SETTLE_SECONDS) -> None:
    """Wait until the PBX has closed these files: 30 ms after the stop or hangup, or never if it was killed."""
    waiting = {path: _Growth() for path in paths}
    deadline, pause = time.monotonic() + patience, 0.02
    while waiting and time.monotonic() < deadline:
        # Not in the event loop: a network folder that hangs must not hold up the calls.
        closed = await asyncio.to_thread(lambda: [path for path, growth in waiting.items() if growth.over(path)])
        for path in closed:
            del waiting[path]
        if waiting:
            # Ever more seldom: a PBX that was killed leaves as many files as it had calls.
            await asyncio.sleep(min(pause, max(0.0, deadline - time.monotonic())))
            pause = min(pause * 1.5, 0.5)
    if waiting:
        log.warning("taken over while it was still being written", files=[path.name for path in waiting])


class _Growth:
    """Watches one file grow."""

    def __init__(self) -> None:
        self.size = -1
        self.since = 0.0

    def over(self, path: Path) -> bool:
        """Whether the file is complete, as far as can be told now."""
        try:
            found = path.stat()
            start = b"" if path.suffix not in (".wav", ".wav16") else _head(path)
        except OSError:
            return True  # nothing there to wait for
        # Asterisk 22 fills in the RIFF length at close, after the last of the audio; until then it is 0.
        if start[:4] == b"RIFF" and int.from_bytes(start[4:8], "little") + 8 in (found.st_size, found.st_size - 1):
            return True
        now = time.monotonic()
        if found.st_size != self.size:
            # A file that was old when we first looked has not been growing for as long.
            age = max(0.0, time.time() - found.st_mtime) if self.size < 0 else 0.0
            self.size, self.since = found.st_size, now - age
        return now - self.since >= (STALE_SECONDS if start else QUIET_SECONDS)


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(8)


def _checked(finished: Finished) -> RecordingId:
    if finished.recording is None or not is_recording_id(finished.recording):
        raise NotARecording(f"{finished.recording!r} is no safe name for a recording")
    for segment in finished.segments:
        for _, source in _files(segment):
            if not source.startswith("/") or not _FORMAT.fullmatch(source.rpartition(".")[2]):
                raise NotARecording(f"{source!r} is no audio file of a PBX")
    numbers = [segment.number for segment in finished.segments]
    if len(set(numbers)) < len(numbers) or any(number < 0 for number in numbers):
        raise NotARecording(f"segments numbered {numbers}")
    return finished.recording


def _files(segment: FinishedSegment) -> list[tuple[Sound, str]]:
    each = ((Sound.MIXED, segment.mixed), (Sound.ANCHOR, segment.anchor), (Sound.OTHERS, segment.others))
    return [(sound, source) for sound, source in each if source]


def _sources(finished: Finished) -> list[str]:
    return [source for segment in finished.segments for _, source in _files(segment)]


def _plan(finished: Finished) -> Iterator[Raw]:
    for segment in finished.segments:
        for sound, source in _files(segment):
            ending = source.rpartition(".")[2]
            yield Raw(segment.number, sound, f"{segment.number}{sound.value}.{ending}", source)


def _unclaimed(finished: Finished, job: Job) -> Finished | None:
    """What of this conversation is still with the PBX although the job of its name has all it asked for."""
    if finished == job.finished:
        return None
    left = tuple(one for one in finished.segments if any(Path(source).exists() for _, source in _files(one)))
    return replace(finished, segments=left) if left else None


def _read(path: Path) -> Job:
    try:
        row: Any = json.loads(path.read_bytes())
        finished = from_plain(Finished, row["finished"])
        raws = from_plain(tuple[Raw, ...], row["files"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Unplanned(f"{path} cannot be read: {error!r}") from error
    recording = finished.recording
    if recording is None or recording != path.parent.name:
        raise Unplanned(f"{path}: the job of {recording!r} in another one's folder")
    if any("/" in raw.name or raw.name in (JOB, LEDGER) for raw in raws):
        raise Unplanned(f"{path}: a file name that is none")
    return Job(recording, path.parent, finished, raws)
