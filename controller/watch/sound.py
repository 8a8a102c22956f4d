"""What is in a file that is still being written: its newest stretch, read without waiting for its end."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

LINEAR = (".wav", ".wav16", ".sln", ".sln16")
"""16-bit samples, low byte first; the others are not looked into."""
HEADER = 44
BLOCK = 32_768
"""Asterisk writes a WAV in blocks of this size: 2.05 s at 8 kHz."""


@dataclass(frozen=True, slots=True)
class Heard:
    """`peak` of the newest stretch, 0 to 32768; None where it cannot be told. `size` of the whole file in bytes."""

    size: int
    peak: int | None = None


def newest(path: Path | None, known: int) -> Heard:
    """What has come since the file had `known` bytes, one block at most. A file that is not there has no bytes."""
    if path is None:
        return Heard(0)
    with suppress(OSError):
        size = path.stat().st_size
        start = max(known, size - BLOCK, HEADER)
        if size <= start or path.suffix not in LINEAR:
            return Heard(size)
        with path.open("rb") as file:
            file.seek(start + start % 2)
            data = file.read(size - start)
        samples = np.frombuffer(data[: len(data) // 2 * 2], "<i2")
        return Heard(size, int(np.abs(samples.astype(np.int32)).max(initial=0)))
    return Heard(0)
