"""Room: warns before a disk is full, and says when a folder that recordings pass through cannot be reached."""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from controller.alarms import Alarms
from controller.pipeline.space import LOW_SHARE, RAW_BYTES, Space, space

LOOK_SECONDS = 2.0
SLOW_SECONDS = 2.0
"""A folder that does not answer for so long is slow: a network file system in trouble."""
FULL_BYTES = 2 * 1024 * 1024
FULL_NAMES = 64
MEMORY_SECONDS = 6 * 3600.0
"""How far back the disk's use is looked at for the forecast."""
LEAST_SECONDS = 600.0
REMEMBER_SECONDS = 60.0
PBX_WRITES = ("monitor", "provisional")
"""Kinds of folders that the PBX writes to; the second is in memory, for what nobody has asked to keep yet."""
MONITOR_SECONDS = 3600.0
"""What the PBX writes stays where it is only as long as a call: an hour ahead is enough for that folder."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """Of one disk: what is free, and in how many seconds it is full at the present rate (None: it is not filling)."""

    space: Space
    full_in: float | None


@dataclass(slots=True)
class Room:
    """Watches the disks of `folders` (name -> path). `recorders` tells how many write to the monitor folders now.

    `written`: folders that we write to ourselves. They, and those of PBXs where they are there, are tried with a
    small file without a name: a disk that hangs still answers who only looks."""

    folders: Mapping[str, Path]
    alarms: Alarms
    recorders: Callable[[], int] = lambda: 0
    full_within: float = 86_400.0
    written: frozenset[str] = frozenset({"spool", "store", "journal", "catalogue"})
    clock: Callable[[], float] = time.monotonic
    forecasts: dict[str, Forecast] = field(default_factory=dict)
    _past: dict[str, deque[tuple[float, int]]] = field(default_factory=dict)
    _asking: dict[str, asyncio.Task[Space]] = field(default_factory=dict)

    async def run(self) -> None:
        """Until cancelled. A folder that hangs holds up only itself."""
        while True:
            await self.tick()
            await asyncio.sleep(LOOK_SECONDS)

    async def tick(self) -> None:
        """Look at every folder once."""
        await asyncio.gather(*(self._look(name, folder) for name, folder in self.folders.items()))

    async def _look(self, name: str, folder: Path) -> None:
        kind = name.partition(" ")[0]  # "monitor main" is of the kind monitor
        asking = self._asking.get(name)
        if asking is None:
            asking = asyncio.create_task(asyncio.to_thread(_asked, folder, kind in self.written))
            self._asking[name] = asking
        done, _ = await asyncio.wait([asking], timeout=SLOW_SECONDS)
        if not done:
            what = f"the folder {folder} ({name}) does not answer: what is to be written there waits"
            self.alarms.on(kind, str(folder), what, "see to the disk or the network file system that it is on")
            return
        del self._asking[name]
        try:
            found = asking.result()
        except OSError as error:
            what = f"the folder {folder} ({name}) cannot be used: {error.strerror or error}"
            self.alarms.on(kind, str(folder), what, _remedy(kind))
            return
        self.alarms.off(kind, str(folder))
        self._foresee(name, folder, found)

    def _foresee(self, name: str, folder: Path, found: Space) -> None:
        now = self.clock()
        past = self._past.setdefault(name, deque())
        if not past or now - past[-1][0] >= REMEMBER_SECONDS:
            past.append((now, found.free))
        while now - past[0][0] > MEMORY_SECONDS:
            past.popleft()
        full_in = found.free / rate if (rate := self._rate(name, past, found.free)) > 0 else None
        self.forecasts[name] = Forecast(found, full_in)
        full = found.free < FULL_BYTES or 0 <= found.names < FULL_NAMES
        self._tell_full(name, folder, full)
        within = min(self.full_within, MONITOR_SECONDS) if name.startswith("monitor") else self.full_within
        soon = full_in is not None and full_in < within
        if not full and (soon or found.free < LOW_SHARE * found.total or 0 <= found.names < 10_000):
            self.alarms.on("space", str(folder), _warning(name, folder, found, full_in), _room_remedy(name))
        else:
            self.alarms.off("space", str(folder))

    def _tell_full(self, name: str, folder: Path, full: bool) -> None:
        if not full:
            self.alarms.off("space-full", str(folder))
            return
        what = f"the disk of {folder} ({name}) is full: "
        what += "recorders cannot write" if name.startswith(PBX_WRITES) else "recordings wait where they are"
        self.alarms.on("space-full", str(folder), what, _room_remedy(name))

    def _rate(self, name: str, past: deque[tuple[float, int]], free: int) -> float:
        """Bytes per second that it fills by: what the running recorders write, elsewhere what was seen."""
        if name.startswith("monitor"):
            return float(self.recorders() * RAW_BYTES)
        began, had = past[0]
        lasted = self.clock() - began
        return (had - free) / lasted if lasted >= LEAST_SECONDS else 0.0


def _asked(folder: Path, writing: bool) -> Space:
    """Blocks. Raises OSError where it is not there, or where we cannot write though we must."""
    # The PBX makes a missing folder itself; what it stands in must be there.
    exists = folder.exists()
    os.scandir(folder if exists or writing else folder.parent).close()
    if exists or writing:
        with tempfile.TemporaryFile(dir=folder):
            pass
    return space(folder)


def _warning(name: str, folder: Path, found: Space, full_in: float | None) -> str:
    left = f"{found.free / 2**20:.0f} MB left"
    if 0 <= found.names < 10_000:
        left = f"only {found.names} more files"
    when = f", full in {_lasting(full_in)} at the present rate" if full_in is not None else ""
    return f"the disk of {folder} ({name}) fills up: {left}{when}"


def _lasting(seconds: float) -> str:
    return f"{seconds / 3600:.1f} h" if seconds >= 3600 else f"{seconds / 60:.0f} min"


def _room_remedy(name: str) -> str:
    if name.startswith("monitor"):
        return "free space there, or let the PBX write to a larger disk ([[pbx]] monitor_dir)"
    if name.startswith("provisional"):
        return "give that file system in memory more room (mount -o remount,size=…); see docs/guides/record-keys.md"
    return "free space there, or move the folder to a larger disk; nothing is lost meanwhile"


def _remedy(kind: str) -> str:
    if kind == "monitor":
        return "mount it, make it readable, or mend [[pbx]] monitor_dir and spool_dir"
    return "mount it, or give the controller's user the right to write there; what was recorded waits in the spool"
