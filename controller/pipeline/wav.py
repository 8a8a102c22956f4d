"""WAV files, read whatever a crash made of them, and written in blocks; above 4 GiB as RF64 (EBU Tech 3306)."""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from controller import disk

Samples = NDArray[np.int16]

RIFF_MOST = 0xFFFFFFFF
PCM = 1
RATES = range(1000, 400_000)


class Unreadable(Exception):
    """This file is no recording that we can read. It is set aside, not deleted."""


@dataclass(frozen=True, slots=True)
class WavHeader:
    """Where the samples are. `repaired`: the lengths in the header were wrong, and were taken from the file's."""

    rate: int
    channels: int
    data_at: int
    data_bytes: int
    repaired: bool

    @property
    def frames(self) -> int:
        return self.data_bytes // (2 * self.channels)


def read_header(path: Path) -> WavHeader:
    """The header of a 16-bit PCM WAV, cut off or never finished as it may be. Raises Unreadable, OSError.

    Asterisk writes lengths of 0 and fills them in at close; a file of a killed PBX keeps the zeros (hazard 6).
    """
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        start = file.read(12)
        if len(start) < 12:
            if b"RIFF".startswith(start[:4]):
                return WavHeader(8000, 1, size, 0, repaired=size > 0)
            raise Unreadable("no WAV header")
        if start[:4] != b"RIFF" or start[8:] != b"WAVE":
            raise Unreadable("no WAV header")
        return _chunks(file, size)


def _chunks(file: BinaryIO, size: int) -> WavHeader:
    rate, channels, at = 8000, 1, 12
    while True:
        file.seek(at)
        head = file.read(8)
        if len(head) < 8:
            return WavHeader(rate, channels, size, 0, repaired=True)  # cut off before any sound
        name, length = struct.unpack("<4sI", head)
        if name == b"data":
            return _data(file, size, at + 8, length, rate, channels)
        if name == b"fmt ":
            form = file.read(16)
            if len(form) < 16:
                return WavHeader(rate, channels, size, 0, repaired=True)
            rate, channels = _format(form)
        at += 8 + length + (length & 1)


def _format(form: bytes) -> tuple[int, int]:
    kind, channels, rate, _, _, bits = struct.unpack("<HHIIHH", form)
    if kind != PCM or bits != 16:
        raise Unreadable(f"WAV of format {kind} with {bits} bits, not 16-bit PCM")
    if rate not in RATES or not 1 <= channels <= 2:
        raise Unreadable(f"WAV of {channels} channels at {rate} Hz")
    return rate, channels


def _data(file: BinaryIO, size: int, at: int, length: int, rate: int, channels: int) -> WavHeader:
    available = size - at
    if length == available or (length < available and _followed_well(file, size, at + length + (length & 1))):
        return WavHeader(rate, channels, at, length, repaired=False)
    return WavHeader(rate, channels, at, available, repaired=True)


def _followed_well(file: BinaryIO, size: int, at: int) -> bool:
    """Whether what is behind the sound are further chunks, and not sound that the header does not know of."""
    while at < size:
        file.seek(at)
        head = file.read(8)
        if len(head) < 8 or not head[:4].isalnum():
            return False
        at += 8 + int.from_bytes(head[4:], "little")
        at += at & 1
    return at in (size, size + 1)


def header(rate: int, channels: int, frames: int) -> bytes:
    """44 bytes, or 80 where the lengths need more than 32 bits."""
    data = frames * channels * 2
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, PCM, channels, rate, rate * channels * 2, channels * 2, 16)
    if data + 36 <= RIFF_MOST:
        return struct.pack("<4sI4s", b"RIFF", data + 36, b"WAVE") + form + struct.pack("<4sI", b"data", data)
    sizes = struct.pack("<4sIQQQI", b"ds64", 28, data + 72, data, frames, 0)
    start = struct.pack("<4sI4s", b"RF64", RIFF_MOST, b"WAVE")
    return start + sizes + form + struct.pack("<4sI", b"data", RIFF_MOST)


class WavWriter:
    """Writes a WAV whose number of frames is known beforehand, block by block, and syncs it to the disk."""

    def __init__(self, path: Path, rate: int, channels: int, frames: int) -> None:
        self.path = path
        self.channels = channels
        self.left = frames
        self._file = disk.new_file(path)
        self._file.write(header(rate, channels, frames))

    def write(self, block: Samples) -> None:
        """Shape (n, channels)."""
        if block.ndim != 2 or block.shape[1] != self.channels or len(block) > self.left:
            raise ValueError(f"a block of shape {block.shape} with {self.left} frames of {self.channels} to go")
        self._file.write(np.ascontiguousarray(block, dtype="<i2").tobytes())
        self.left -= len(block)

    def __enter__(self) -> WavWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._file:
            if kind is None:
                if self.left:
                    raise ValueError(f"{self.path.name}: {self.left} frames were never written")
                self._file.flush()
                os.fsync(self._file.fileno())
