"""`onrecord check`: the invariants of docs/durability.md as a program. Changes nothing unless asked to repair."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path

from controller import disk
from controller.catalogue import records, search
from controller.catalogue.database import Catalogue
from controller.catalogue.entries import RecordingEntry, Status
from controller.core.commands import RecordingId
from controller.pipeline import adopt, story
from controller.pipeline.provisional import Provisional
from controller.pipeline.task import AUDIO_NAME, STORY_NAME
from controller.pipeline.verify import NotTheSame, decode, sha256
from controller.pipeline.wav import Unreadable, read_header
from controller.spool import JOB, MonitorName, Spool, Unplanned, monitor_name

IN_USE_SECONDS = 120.0
"""What changed so recently may be at work; a recorder that hears anything writes every 2.05 s."""
FORGOTTEN_SECONDS = 86_400.0
"""Where nobody can tell which calls are live, only what has not changed for so long is surely nobody's."""


class Depth(Enum):
    QUICK = "quick"  # files are there, with the right size
    FULL = "full"  # every file is read, hashed and decoded


class Kind(Enum):
    """What is wrong; each breaks one invariant of docs/durability.md."""

    MISSING = "missing"  # 1: in the catalogue, not in the store
    CHANGED = "changed"  # 1: not the file that was stored
    UNKNOWN = "unknown"  # 2: in the store, not in the catalogue
    LOST = "lost"  # 3: taken over, and nowhere to be found
    STUCK = "stuck"  # 3: in the spool, and could not be worked on
    UNREADABLE = "unreadable"  # 4: a job or a file in the spool that nobody can read
    LEFT_BEHIND = "left-behind"  # 5: ours, still where the PBX wrote it, and of no live call
    FOREIGN = "foreign"  # 5: in the PBX's folder, and not ours
    LEFTOVER = "leftover"  # an unfinished part of a file, from a crash


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it must be. `repaired` says what was done about it ("": nothing)."""

    kind: Kind
    where: str
    what: str
    remedy: str
    repaired: str = ""


@dataclass(frozen=True, slots=True)
class Places:
    """Where to look. `monitors`: PBX -> the folder that it writes to, as this process sees it. `live`: the recordings
    of live calls, where the running controller was asked; None: nobody could tell."""

    catalogue: Catalogue
    spool: Spool
    store: Path
    monitors: Mapping[str, Path] = field(default_factory=dict)
    live: Collection[str] | None = None
    captures: Provisional | None = None  # what nobody has asked to keep yet


Progress = Callable[[int, int], None]
"""Recordings looked at, and how many there are."""


async def check(
    places: Places, depth: Depth = Depth.QUICK, repair: bool = False, progress: Progress | None = None
) -> list[Finding]:
    """Every finding, in the order of the invariants. With `repair`, what can be mended safely is."""
    found = [finding async for finding in _kept(places, depth, progress)]
    async for row in search.recordings_with(places.catalogue, Status.WORKING, Status.FAILED):
        finding = await _unfinished(places, row)
        if finding is not None:
            found.append(finding)
    found += [finding async for finding in _unknown(places, repair)]
    found += await asyncio.to_thread(lambda: list(_in_spool(places.spool)))
    for pbx, folder in places.monitors.items():
        found += [finding async for finding in _left_behind(places, pbx, folder, repair)]
    if places.captures is not None:
        found += [finding async for finding in _unclaimed(places, places.captures, repair)]
    return found


async def _kept(places: Places, depth: Depth, progress: Progress | None) -> AsyncIterator[Finding]:
    """1. Each recording that the catalogue calls kept is in the store, as it was when it was verified."""
    number = await search.count_recordings(places.catalogue, Status.KEPT)
    n = 0
    async for row in search.recordings_with(places.catalogue, Status.KEPT):
        n += 1
        finding = await asyncio.to_thread(_stored, row, places.store, depth)
        if progress is not None:
            progress(n, number)
        if finding is not None:
            yield finding


def _stored(row: RecordingEntry, store: Path, depth: Depth) -> Finding | None:
    path = store / row.folder / AUDIO_NAME
    restore = "bring it back from a backup; the catalogue has its hash"
    try:
        size = path.stat().st_size
    except OSError as error:
        return Finding(Kind.MISSING, str(path), f"the audio of {row.id} is not there: {error.strerror}", restore)
    if size != row.size:
        return Finding(Kind.CHANGED, str(path), f"{size} bytes instead of {row.size}", restore)
    if not (path.parent / STORY_NAME).exists():
        return Finding(
            Kind.MISSING, str(path.parent / STORY_NAME), "the story beside the audio is not there", restore
        )
    if depth is Depth.QUICK:
        return None
    try:
        found = decode(path)
    except (NotTheSame, OSError) as error:
        return Finding(Kind.CHANGED, str(path), str(error), restore)
    if found.sha256 != row.sha256:
        return Finding(Kind.CHANGED, str(path), f"its SHA-256 is {found.sha256}, not {row.sha256}", restore)
    return None


async def _unfinished(places: Places, row: RecordingEntry) -> Finding | None:
    """3. Each recording that was taken over and is not settled has its job in the spool."""
    if places.spool.has(RecordingId(row.id)):
        if row.status is Status.FAILED:
            remedy = "mend what it says, then restart the controller: it tries again"
            return Finding(Kind.STUCK, str(places.spool.jobs / row.id), row.why, remedy)
        return None
    # It may have been settled between two looks.
    if await records.status_of(places.catalogue, RecordingId(row.id)) is not row.status:
        return None
    remedy = "look for its files in the store and in the PBX's folder, then run `onrecord check --repair`"
    return Finding(Kind.LOST, row.id, "taken over, and neither in the spool nor settled", remedy)


async def restock(places: Places) -> int:
    """Put every stored recording that the catalogue does not know into it, from its story; how many that were. Their
    bytes are not read: `onrecord check --full` does that."""
    return sum([bool(finding.repaired) async for finding in _unknown(places, repair=True, hashing=False)])


async def _unknown(places: Places, repair: bool, hashing: bool = True) -> AsyncIterator[Finding]:
    """2. Each folder in the store belongs to a recording that the catalogue calls kept, or to a job."""
    for folder in await asyncio.to_thread(lambda: sorted(places.store.glob("*/*/*/*"))):
        if not folder.is_dir() or places.spool.has(RecordingId(folder.name)):
            continue
        for part in sorted(folder.glob(f"*{disk.PART}")):
            yield _leftover(part, repair)
        status = await records.status_of(places.catalogue, RecordingId(folder.name))
        if status is Status.KEPT:
            continue
        finding = Finding(
            Kind.UNKNOWN,
            str(folder),
            f"stored, but {'not in' if status is None else status.value + ' in'} the catalogue",
            "`--repair` puts it into the catalogue, if its story and its hash are whole",
        )
        yield replace(finding, repaired=await _registered(places, folder, hashing)) if repair else finding


async def _registered(places: Places, folder: Path, hashing: bool) -> str:
    try:
        told = await asyncio.to_thread(story.read, folder)
        if (folder / AUDIO_NAME).stat().st_size != told.settled.size:
            return ""
        if hashing and await asyncio.to_thread(sha256, folder / AUDIO_NAME) != told.settled.sha256:
            return ""
    except (OSError, ValueError, KeyError, TypeError):
        return ""
    if told.finished.recording != folder.name:
        return ""
    await records.add_recording(places.catalogue, told.finished)
    await records.settle(places.catalogue, told.finished, told.settled)
    return "put into the catalogue again"


def _in_spool(spool: Spool) -> Iterator[Finding]:
    """4. Each job can be read."""
    for folder in sorted(spool.jobs.iterdir()):
        try:
            job = spool.find(RecordingId(folder.name))
        except Unplanned as error:
            yield Finding(Kind.UNREADABLE, str(folder), str(error), "its audio is in there: export it by hand")
            continue
        if job is None and any(path.suffix not in (".json", disk.PART) for path in folder.iterdir()):
            yield Finding(Kind.UNREADABLE, str(folder), f"no {JOB} in it", "its audio is in there: export it by hand")
    for path in sorted(spool.aside.glob("*/*")):
        remedy = "listen to it with a tool that knows its format; delete it when it is of no use"
        yield Finding(Kind.UNREADABLE, str(path), "set aside: it could not be read", remedy)


async def _left_behind(places: Places, pbx: str, folder: Path, repair: bool) -> AsyncIterator[Finding]:
    """5. Nothing of ours is left where the PBX wrote it, except for live calls."""
    try:
        files = await asyncio.to_thread(lambda: sorted(path for path in folder.iterdir() if path.is_file()))
    except OSError as error:
        remedy = "mount it, or mend [[pbx]] monitor_dir and spool_dir"
        yield Finding(Kind.FOREIGN, str(folder), f"the folder of {pbx} cannot be read: {error.strerror}", remedy)
        return
    ours: dict[str, list[tuple[MonitorName, Path]]] = {}
    for path in files:
        name = monitor_name(path)
        if name is None:
            yield Finding(
                Kind.FOREIGN, str(path), "not a recording of ours", "move it away, if nobody needs it there"
            )
        else:
            ours.setdefault(name.recording, []).append((name, path))
    for recording, found in ours.items():
        if _in_use(places, recording, [path for _, path in found]):
            continue
        remedy = "`--repair` takes it over, as a recording of an unknown call"
        findings = [Finding(Kind.LEFT_BEHIND, str(path), _described(path), remedy) for _, path in found]
        adopted = await _adopted(places, pbx, found) if repair else ""
        for finding in findings:
            yield replace(finding, repaired=adopted)


async def _unclaimed(places: Places, captures: Provisional, repair: bool) -> AsyncIterator[Finding]:
    """5. Nor is anything left of captures: in memory, or sealed."""
    for recording, paths in (await asyncio.to_thread(captures.left_behind)).items():
        if _in_use(places, recording, paths):
            continue
        kept = captures.keys.is_kept(recording)
        known = await records.status_of(places.catalogue, RecordingId(recording)) is not None
        remedy = "`--repair` destroys it: nobody asked to keep it"
        if known:
            remedy = "`--repair` deletes it"
        elif kept:
            remedy = "`--repair` takes it over, as a recording of an unknown call"
        repaired = await _settled(places, captures, recording, kept, known) if repair else ""
        for path in paths:
            what = "left of a capture whose call is over"
            yield Finding(Kind.LEFT_BEHIND, str(path), what, remedy, repaired)


async def _settled(places: Places, captures: Provisional, recording: str, kept: bool, known: bool) -> str:
    if known:
        await asyncio.to_thread(captures.forget, recording)
        return "deleted: the catalogue has its recording"
    segments = await asyncio.to_thread(captures.segments, recording)
    if not segments:
        await asyncio.to_thread(captures.forget, recording)
        return "deleted: a key to nothing"
    why = "" if kept else "nobody asked to keep it"
    finished = adopt.unheard_call(recording, segments, why)
    job = await places.spool.take_over(await captures.ended(finished, why))
    await records.add_recording(places.catalogue, job.finished)
    await asyncio.to_thread(captures.forget, recording)
    done = f"taken over as {job.recording}" if kept else "destroyed, with a receipt"
    return f"{done}: the controller works on it within a minute, or when it is next run"


def _in_use(places: Places, recording: str, paths: list[Path]) -> bool:
    if places.live is not None and recording in places.live:
        return True
    if places.spool.has(RecordingId(recording)):
        return True  # it is being taken over
    newest = 0.0
    for path in paths:
        with suppress(OSError):
            newest = max(newest, path.stat().st_mtime)
    return time.time() - newest < (IN_USE_SECONDS if places.live is not None else FORGOTTEN_SECONDS)


async def _adopted(places: Places, pbx: str, found: list[tuple[MonitorName, Path]]) -> str:
    if not await asyncio.to_thread(adopt.sounds, [path for _, path in found]):
        # A start that came to nothing leaves such files.
        for _, path in found:
            await asyncio.to_thread(disk.remove, path)
        return "deleted: there was no sound in it"
    finished = await asyncio.to_thread(adopt.unknown_call, pbx, found)
    used = await records.status_of(places.catalogue, found[0][0].recording)
    job = await places.spool.take_over(adopt.renamed(finished) if used is not None else finished)
    await records.add_recording(places.catalogue, job.finished)
    return f"taken over as {job.recording}: the controller works on it within a minute, or when it is next run"


def _described(path: Path) -> str:
    try:
        size = path.stat().st_size
        head = read_header(path) if path.suffix in (".wav", ".wav16") else None
    except Unreadable as error:
        return f"of no live call, and {error}"
    except OSError as error:
        return f"of no live call, and it cannot be read: {error.strerror}"
    if head is not None and head.repaired:
        return f"of no live call; never closed by the PBX: {head.frames / head.rate:.1f} s by its length"
    return f"of no live call; {size} bytes"


def _leftover(part: Path, repair: bool) -> Finding:
    finding = Finding(Kind.LEFTOVER, str(part), "an unfinished part of a file", "`--repair` deletes it")
    if repair and time.time() - part.stat().st_mtime > IN_USE_SECONDS:
        disk.remove(part)
        return replace(finding, repaired="deleted")
    return finding
