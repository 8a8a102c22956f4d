"""A WAV file that grows, can be mended behind its end, and is whole at every moment, whoever is killed."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.int16]

HEADER = 44
MOST_BYTES = 0xFFFFFFFF - HEADER
MODE = 0o640
"""What people said is nobody's business but the owner's and the group's."""


class Take:
    """16-bit PCM of `channels` at `rate`. The header is true after every call. Raises FileExistsError, OSError."""

    def __init__(self, path: Path, channels: int, rate: int = 8000) -> None:
        self.path, self.channels, self.rate = path, channels, rate
        self.frames = 0
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, MODE)
        self._head()

    @property
    def left(self) -> int:
        """So many more frames fit into a WAV."""
        return MOST_BYTES // self._width - self.frames

    @property
    def _width(self) -> int:
        return 2 * self.channels

    def append(self, samples: Samples) -> None:
        """More sound, (channels, n), behind what there is."""
        self.frames += self._put(self.frames, samples)
        self._head()

    def overwrite(self, at: int, samples: Samples) -> None:
        """Put this in place of what there is from frame `at` on; what would lie outside is left out."""
        samples = samples[:, max(0, -at) : max(0, self.frames - at)]
        self._put(max(0, at), samples)

    def cut(self, frames: int) -> None:
        """Forget what lies behind so many frames."""
        self.frames = max(0, min(self.frames, frames))
        os.ftruncate(self._file, HEADER + self.frames * self._width)
        self._head()

    def close(self) -> None:
        """Nothing more comes; it is on the disk when this returns. Closing twice does no harm."""
        if self._file >= 0:
            os.fsync(self._file)
            os.close(self._file)
            self._file = -1

    def _put(self, at: int, samples: Samples) -> int:
        data = memoryview(np.ascontiguousarray(samples.T, dtype="<i2").tobytes())
        place = HEADER + at * self._width
        while data:  # a full disk or a signal writes a part
            done = os.pwrite(self._file, data, place)
            data, place = data[done:], place + done
        return int(samples.shape[1])

    def _head(self) -> None:
        size = self.frames * self._width
        form = struct.pack("<HHIIHH", 1, self.channels, self.rate, self.rate * self._width, self._width, 16)
        head = struct.pack("<4sI8sI16s4sI", b"RIFF", size + 36, b"WAVEfmt ", 16, form, b"data", size)
        os.pwrite(self._file, head, 0)
