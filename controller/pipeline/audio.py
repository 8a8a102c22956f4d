"""Audio: one file that a PBX wrote, in whichever of its formats, as 16-bit samples; read in pieces, never whole."""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType

import numpy as np
import soundfile

from controller.pipeline.wav import Samples, Unreadable, read_header

BLOCK_SECONDS = 60
"""So much is in memory at a time: 1 MB per side at 8 kHz."""

LINEAR = {"sln": 8000, "sln16": 16000}
CODED = {"ulaw": "ULAW", "alaw": "ALAW", "gsm": "GSM610"}
QUIETEST = {"alaw": 8}
"""What a muted recorder leaves: 0, but A-law knows no 0 and has ±8 in its place."""


class Audio:
    """An open file: `frames` samples at `rate`. With `rate` given, what is read is brought to that rate.

    Raises Unreadable for what is no audio, OSError for what the disk says.
    """

    def __init__(self, path: Path, rate: int | None = None) -> None:
        ending = path.suffix[1:]
        self.repaired = False
        self.silence = QUIETEST.get(ending, 0)
        self._coded: _Coded | None = None
        self._at = 0
        if ending in CODED:
            self._coded = _Coded(path, CODED[ending])
            self._own_rate, self._own_frames = 8000, self._coded.frames
        elif ending in LINEAR:
            self._own_rate, self._own_frames = LINEAR[ending], path.stat().st_size // 2
        else:
            head = read_header(path)
            if head.channels != 1:
                raise Unreadable("a PBX's file with two channels")
            self.repaired, self._at = head.repaired, head.data_at
            self._own_rate, self._own_frames = head.rate, head.frames
        self.rate = rate or self._own_rate
        self.frames = -(-self._own_frames * self.rate // self._own_rate)
        self._file = path.open("rb")

    def read(self, start: int, count: int) -> Samples:
        """`count` samples from `start` on; zeros where the file has none."""
        if self.rate == self._own_rate:
            return self._read(start, count)
        # Linear is enough: it happens only where somebody changed the format in the middle of a call.
        ratio = self._own_rate / self.rate
        where = (start + np.arange(count)) * ratio
        first = int(start * ratio)
        near = self._read(first, int(count * ratio) + 3)
        between: Samples = np.rint(np.interp(where - first, np.arange(len(near)), near)).astype(np.int16)
        return between

    def _read(self, start: int, count: int) -> Samples:
        found = np.zeros(count, np.int16)
        there = max(0, min(count, self._own_frames - start))
        if there and self._coded is not None:
            block = self._coded.read(start, there)
        elif there:
            block = np.frombuffer(os.pread(self._file.fileno(), there * 2, self._at + start * 2), "<i2")
        else:
            return found
        if len(block) < there:
            raise OSError(f"{self._file.name} became shorter while it was read")
        found[:there] = block
        return found

    def close(self) -> None:
        self._file.close()
        if self._coded is not None:
            self._coded.close()

    def __enter__(self) -> Audio:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Coded:
    """A file of a coding that libsndfile knows, without a header."""

    def __init__(self, path: Path, coding: str) -> None:
        self.path, self.coding = path, coding
        self._open()
        self.frames = int(self._file.frames)

    def _open(self) -> None:
        try:
            self._file = soundfile.SoundFile(
                self.path, format="RAW", subtype=self.coding, samplerate=8000, channels=1
            )
        except soundfile.LibsndfileError as error:
            raise Unreadable(str(error)) from error
        self._at = 0

    def read(self, start: int, count: int) -> Samples:
        """Forwards in any steps; libsndfile cannot go back in GSM, where each frame builds on the one before it."""
        if start < self._at:
            self._file.close()
            self._open()
        while self._at < start:
            skipped = len(self._file.read(min(start - self._at, 8000 * BLOCK_SECONDS), dtype="int16"))
            if not skipped:
                raise OSError(f"{self.path.name} became shorter while it was read")
            self._at += skipped
        block: Samples = self._file.read(count, dtype="int16")
        self._at += len(block)
        return block

    def close(self) -> None:
        self._file.close()
