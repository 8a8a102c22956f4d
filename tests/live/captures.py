"""What is in memory and on the disk while a call is captured that nobody has asked to keep: for tests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from controller.lab import Asterisk
from controller.lab.sounds import Samples

HEADER = 44
STRETCH = 32
"""Bytes: sixteen samples of noise in a row are found nowhere by chance."""

CODES = '[keys]\ncodes = { record = "*44", stop = "*45", refuse = "*46", pause = "*47", resume = "*49" }\n'
KEEP = CODES + '[[rule]]\nname = "hundred"\nextension = "100"\nmode = "on-demand-keep"\n'


@dataclass(slots=True)
class Watch:
    """Reads with the PBX: `written` is every byte behind the header that a recorder has put into each file in memory,
    `plain` the places on the disk where any of it was found, `most` the most memory that any of the files took."""

    memory: Path
    disks: tuple[Path, ...]
    written: dict[str, bytearray] = field(default_factory=dict)
    plain: set[str] = field(default_factory=set)
    most: int = 0
    scanned: int = 0
    searched: set[str] = field(default_factory=set)  # files that were looked through

    def look(self) -> None:
        """Blocks."""
        with suppress(FileNotFoundError):
            for path in self.memory.glob("*.wav"):
                with suppress(FileNotFoundError), path.open("rb") as file:
                    mine = self.written.setdefault(path.name, bytearray())
                    file.seek(HEADER + len(mine))
                    mine += file.read()
                    self.most = max(self.most, path.stat().st_blocks * 512)

    def scan(self) -> None:
        """Search every file on the disk for samples that were captured. Blocks."""
        needles = [needle for mine in self.written.values() for needle in stretches(mine)]
        for folder in self.disks:
            for path in folder.rglob("*"):
                if not path.is_file() or path.is_relative_to(self.memory) or path.parent.name == "moh":
                    continue  # music on hold is captured too, and no secret
                with suppress(FileNotFoundError):
                    data = path.read_bytes()
                    self.searched.add(path.name)
                    if any(needle in each for each in (data, *sides(data)) for needle in needles):
                        self.plain.add(str(path))
        self.scanned += 1


def sides(data: bytes) -> tuple[bytes, bytes]:
    """What each side would say, if this were stereo of 16 bits: the header is as long as some samples."""
    pairs = np.frombuffer(data[: len(data) // 4 * 4], "<i2").reshape(-1, 2)
    return pairs[:, 0].tobytes(), pairs[:, 1].tobytes()


def stretches(captured: bytes | bytearray, number: int = 40) -> list[bytes]:
    """Some of it from beginning to end, silence left out."""
    step = max(STRETCH, len(captured) // number // 2 * 2)
    found = (bytes(captured[at : at + STRETCH]) for at in range(0, len(captured) - STRETCH, step))
    return [one for one in found if len(set(one)) > STRETCH // 3]


@asynccontextmanager
async def watching(pbx: Asterisk, *disks: Path, scan_every: float = 0.5) -> AsyncIterator[Watch]:
    """Look ten times a second, and scan the disks now and then, until the end."""
    watch = Watch(pbx.memory_dir, (*disks, pbx.home))

    async def go_on() -> None:
        n = 0
        while True:
            await asyncio.to_thread(watch.look)
            if n % round(scan_every / 0.1) == 0:
                await asyncio.to_thread(watch.scan)
            n += 1
            await asyncio.sleep(0.1)

    task = asyncio.create_task(go_on())
    try:
        yield watch
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def samples_of(written: bytes | bytearray) -> Samples:
    return np.frombuffer(bytes(written[: len(written) // 2 * 2]), "<i2")


def everything(folders: Iterable[Path]) -> bytes:
    """All bytes in all files. Blocks."""
    return b"".join(path.read_bytes() for folder in folders for path in sorted(folder.rglob("*")) if path.is_file())
