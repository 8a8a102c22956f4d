"""Provisional captures: what nobody has asked to keep is in memory, or sealed under a key that is thrown away (B-10).

docs/durability.md has the procedure. The PBX writes into a folder in memory; `follow` moves what has grown to the
spool, sealed. In the end either `restore` makes ordinary files of it, or `shred` destroys the key and says so.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO

import structlog

from controller import disk, ram
from controller.catalogue.receipts import SHREDDED
from controller.core.finished import Finished, FinishedSegment
from controller.core.plain import from_plain, to_plain
from controller.core.recording import Mark
from controller.pipeline.keyring import ENDING as KEY
from controller.pipeline.keyring import FOLDER as KEYS
from controller.pipeline.keyring import Keyring
from controller.pipeline.sealed import CHUNK, LEFT, PAGE, KeyGone, Sealed, fingerprint
from controller.spool import MonitorName, monitor_name, settled

log = structlog.get_logger("provisional")

FOLDER, RESTORED = "sealed", "restored"
"""Below the spool's folder."""
ENDING, RECEIPT = ".sealed", ".receipt"


@dataclass(frozen=True, slots=True)
class Receipt:
    """What was destroyed. `key`: the fingerprint of its name ("": it had none, it never left the memory). `sealed`
    and `memory`: bytes of audio that were sealed, and that were only in memory. Unix seconds."""

    recording: str
    key: str
    sealed: int
    memory: int
    at: float
    why: str
    lost: bool = False  # the key was gone already: the machine was restarted meanwhile

    def __str__(self) -> str:
        if self.lost:
            how = "its key went with the machine's memory" if self.key else "it went with the machine's memory"
        else:
            how = "its key was destroyed" if self.key else "it was in memory only, and had no key yet"
        return f"{how}; {self.sealed} bytes were sealed, {self.memory} in memory: {self.why}"


@dataclass(slots=True)
class Provisional:
    """All captures of one controller. `folders` are those in memory, `spool` the spool's own.

    Everything blocks: for another thread. It may be called from several, and raises OSError."""

    folders: frozenset[Path]
    spool: Path
    chunk: int = CHUNK
    left: int = LEFT
    moved: int = 0  # bytes of audio sealed so far
    keys: Keyring = field(init=False)
    _locks: defaultdict[str, threading.Lock] = field(default_factory=lambda: defaultdict(threading.Lock))
    _receipts: dict[str, Receipt] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.keys = Keyring(self.sealed)
        if self.folders:
            disk.make_folder(self.sealed)
            disk.make_folder(self.restored)

    @property
    def sealed(self) -> Path:
        return self.spool / FOLDER

    @property
    def restored(self) -> Path:
        return self.spool / RESTORED

    # -- while it grows --------------------------------------------------------------------------------------------

    def follow(self) -> None:
        """Move what has grown since the last look. One capture that cannot be moved does not keep the others."""
        first: OSError | None = None
        for folder in self.folders:
            for path in _files(folder):
                try:
                    self._follow(path)
                except FileNotFoundError:
                    continue  # it was brought in or shredded meanwhile
                except OSError as error:
                    first = first or error
        if first is not None:
            raise first

    def _follow(self, path: Path) -> None:
        name = monitor_name(path)
        if name is None:
            return
        with self._locks[name.recording]:
            if not ram.is_written(path):
                return
            key = self.keys.make(path.parent, name.recording)
            self.moved += self._of(path).follow(path, key, self.chunk, self.left)

    def keep(self, recording: str, folder: Path) -> None:
        """Somebody asked for this recording: from here on it outlives a power cut. Safe to repeat."""
        with self._locks[recording]:
            there = any(_recording_of(path) == recording for path in _files(folder))
            if not there or self.keys.is_kept(recording):
                return
            for path in self.sealed.glob(f"{recording}.*{ENDING}"):
                disk.sync_file(path)
            self.keys.make(folder, recording)
            self.keys.keep(folder, recording)

    # -- the end ---------------------------------------------------------------------------------------------------

    def has(self, finished: Finished) -> bool:
        """Whether any of it was captured before somebody asked to keep it."""
        return any(self._is_mine(segment) for segment in finished.segments)

    def sources(self, finished: Finished) -> list[Path]:
        """Its files in memory."""
        mine = (segment for segment in finished.segments if self._is_mine(segment))
        return [Path(path) for segment in mine for path in (segment.mixed, segment.anchor, segment.others) if path]

    async def ended(self, finished: Finished, why_not: str) -> Finished:
        """The conversation as the spool is to take it over; `why_not`: why nothing of it is kept ("": it is)."""
        if not self.has(finished):
            return finished
        if why_not:
            return await asyncio.to_thread(self.shred, finished, why_not)
        await settled(self.sources(finished))
        return await asyncio.to_thread(self.restore, finished)

    def restore(self, finished: Finished) -> Finished:
        """The same with ordinary files on the disk, byte for byte what the PBX wrote; the captures stay."""
        if not self.has(finished):
            return finished
        damaged: list[str] = []
        with self._locks[_recording_of(self.sources(finished)[0])]:
            segments = tuple(self._restored(segment, damaged) for segment in finished.segments)
        at = finished.ended_at
        marks = tuple(Mark("failed", at, note=f"restored with a silent gap: {each}") for each in damaged)
        return replace(finished, segments=segments, marks=(*finished.marks, *marks))

    def shred(self, finished: Finished, why: str) -> Finished:
        """Destroy the key, then everything that it sealed; the same without those files, and with the receipt."""
        if not self.has(finished):
            return finished
        source = self.sources(finished)[0]
        recording, folder = _recording_of(source), source.parent
        with self._locks[recording]:
            receipt = self._receipt(recording, folder, why)
            self.keys.destroy(folder, recording)
            self._remove(recording, folder)
        log.info("shredded", recording=recording, receipt=str(receipt))
        segments = tuple(_bare(segment) if self._is_mine(segment) else segment for segment in finished.segments)
        mark = Mark(SHREDDED, receipt.at, by=receipt.key, note=str(receipt))
        return replace(finished, segments=segments, marks=(*finished.marks, mark))

    def forget(self, recording: str) -> None:
        """It is in the spool, or shredded and in the catalogue: nothing of it is needed here any more."""
        if not self.folders:
            return
        with self._locks[recording]:
            for folder in self.folders:
                self.keys.destroy(folder, recording)
                self._remove(recording, folder)
            for path in (*self.restored.glob(f"{recording}.*"), self.sealed / f"{recording}{RECEIPT}"):
                disk.remove(path)
            self._receipts.pop(recording, None)
        self._locks.pop(recording, None)

    def left_behind(self) -> dict[str, list[Path]]:
        """By recording, everything that is here: in memory, sealed, and keys."""
        found: dict[str, list[Path]] = {}
        for folder in sorted(self.folders):
            for path in (*_files(folder), *_files(self.sealed), *_files(folder / KEYS)):
                recording = _recording_of(path) or path.name.removesuffix(KEY)
                if recording != path.name and path not in found.get(recording, ()):
                    found.setdefault(recording, []).append(path)
        return found

    def segments(self, recording: str) -> dict[MonitorName, Path]:
        """The files of this capture as the PBX named them, in the folder in memory, whether they are there or not."""
        found = {}
        for path in self.left_behind().get(recording, ()):
            folder = path.parent if path.parent in self.folders else min(self.folders)
            name = monitor_name(Path(path.name.removesuffix(ENDING)))
            if name is not None:
                found[name] = folder / path.name.removesuffix(ENDING)
        return found

    # -- inside ----------------------------------------------------------------------------------------------------

    def _of(self, path: Path) -> Sealed:
        return Sealed(self.sealed / f"{path.name}{ENDING}")

    def _is_mine(self, segment: FinishedSegment) -> bool:
        return bool(segment.mixed) and Path(segment.mixed).parent in self.folders

    def _restored(self, segment: FinishedSegment, damaged: list[str]) -> FinishedSegment:
        if not self._is_mine(segment):
            return segment
        made = [
            str(self._whole(Path(path), damaged)) if path else ""
            for path in (segment.mixed, segment.anchor, segment.others)
        ]
        return replace(segment, mixed=made[0], anchor=made[1], others=made[2])

    def _whole(self, source: Path, damaged: list[str]) -> Path:
        """What is sealed, with the header and the end that are in memory. Where the machine was restarted there is
        only the former: as much as a recorder loses that writes to a disk."""
        target, sealed = self.restored / source.name, self._of(source)
        there = ram.is_written(source)
        if target.exists() or (not there and sealed.header() is None):
            return target
        key = self.keys.of(source.parent, _recording_of(source))
        if key is None and sealed.header() is not None:
            log.error("the key to a recording is gone: what was sealed cannot be read", file=str(sealed.path))
            damaged.append(f"{source.name}: its key is gone")
        part = target.with_name(target.name + disk.PART)
        disk.before(f"restore {target.name}")
        with disk.new_file(part) as file:
            end = 0
            with suppress(KeyGone):
                for offset, size, plain in sealed.opened(key) if key is not None else ():
                    if plain is None:
                        log.error("a sealed chunk is damaged", file=str(sealed.path), offset=offset)
                        damaged.append(f"{source.name} from byte {offset}")
                    file.seek(offset)
                    file.write(plain if plain is not None else bytes(size))
                    end = file.tell()
            if there:
                _overlay(source, file, end)
            file.flush()
            os.fsync(file.fileno())
        disk.keep(part, target)
        return target

    def _receipt(self, recording: str, folder: Path, why: str) -> Receipt:
        """On the disk before anything is destroyed, so that a crash cannot leave destruction without a receipt."""
        if recording in self._receipts:
            return self._receipts[recording]
        note = self.sealed / f"{recording}{RECEIPT}"
        with suppress(OSError, ValueError, KeyError, TypeError):
            return from_plain(Receipt, json.loads(note.read_bytes()))
        headers = [(Sealed(path), Sealed(path).header()) for path in self.sealed.glob(f"{recording}.*{ENDING}")]
        known = [(sealed, head) for sealed, head in headers if head is not None]
        key = self.keys.of(folder, recording)
        key_id = key.id if key is not None else known[0][1][0] if known else None
        sealed = sum(each.chunks(head[1]) * head[1] for each, head in known)
        memory = sum(path.stat().st_size for path in _files(folder) if _recording_of(path) == recording)
        receipt = Receipt(
            recording,
            fingerprint(key_id) if key_id is not None else "",
            sealed,
            max(0, memory - sealed),
            time.time(),
            why,
            lost=key is None and not memory,
        )
        self._receipts[recording] = receipt
        try:
            disk.write(note, json.dumps(to_plain(receipt)).encode())
        except OSError as error:
            # A full disk is no reason to keep a key: the catalogue's row is to say it all the same.
            log.error("a receipt is not on the disk yet", receipt=str(receipt), why=str(error))
        return receipt

    def _remove(self, recording: str, folder: Path) -> None:
        for path in (*_files(folder), *_files(self.sealed)):
            if _recording_of(path) == recording:
                disk.remove(path)


def _files(folder: Path) -> Iterator[Path]:
    with suppress(FileNotFoundError), os.scandir(folder) as found:
        names = sorted(entry.name for entry in found if entry.is_file(follow_symlinks=False))
        yield from (folder / name for name in names)


def _recording_of(path: Path) -> str:
    name = monitor_name(path.with_name(path.name.removesuffix(ENDING)))
    return name.recording if name is not None else ""


def _bare(segment: FinishedSegment) -> FinishedSegment:
    return replace(segment, mixed="", anchor="", others="")


def _overlay(source: Path, file: BinaryIO, end: int) -> None:
    """The header as the PBX left it, and all that was never sealed."""
    with source.open("rb") as memory:
        file.seek(0)
        file.write(memory.read(PAGE if end else -1))
        if end:
            memory.seek(end)
            file.seek(end)
            shutil.copyfileobj(memory, file, 1 << 20)
