"""How loud a side is: peak, RMS, how much of it is silent, how much is clipped. Summed up block by block."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from controller.catalogue.entries import Level
from controller.pipeline.wav import Samples

SILENCE_DB = -120.0
"""Stands for digital silence: one step of 16 bits is -90 dB."""
QUIET = 104
"""-50 dB of full scale: no speech over a telephone is as quiet, and its noise is."""
CLIPPED = 32_124
"""The loudest value of µ-law (A-law's is 32,256): what reaches it was louder."""


@dataclass(frozen=True, slots=True)
class Tally:
    """Sums over samples. Whole numbers, so that the same sound gives the same sums however it was cut into blocks."""

    samples: int = 0
    squares: int = 0
    peak: int = 0
    clipped: int = 0
    windows: int = 0  # of 20 ms
    quiet: int = 0
    zero: int = 0

    def plus(self, other: Tally) -> Tally:
        return Tally(
            self.samples + other.samples,
            self.squares + other.squares,
            max(self.peak, other.peak),
            self.clipped + other.clipped,
            self.windows + other.windows,
            self.quiet + other.quiet,
            self.zero + other.zero,
        )


def tally(samples: Samples, rate: int) -> Tally:
    """Of one block; windows are counted from its start."""
    if not len(samples):
        return Tally()
    samples = np.ascontiguousarray(samples)  # one side of two lies scattered
    size = max(1, rate // 50)
    windows = samples[: len(samples) // size * size].reshape(-1, size)
    # In 32 bits: -32768 has no positive counterpart in 16.
    lows, highs = windows.min(axis=1, initial=0).astype(np.int32), windows.max(axis=1, initial=0).astype(np.int32)
    loudest = np.maximum(-lows, highs)
    peak = max(-int(samples.min()), int(samples.max()), 0)
    return Tally(
        samples=len(samples),
        squares=_squares(samples),
        peak=peak,
        clipped=int((np.abs(samples.astype(np.int32)) >= CLIPPED).sum()) if peak >= CLIPPED else 0,
        windows=len(loudest),
        quiet=int((loudest < QUIET).sum()),
        zero=int((loudest == 0).sum()),
    )


def _squares(samples: Samples) -> int:
    """Exact: a square has at most 30 bits, and a sum of 2^23 of them the 53 bits that a float holds."""
    pieces = (samples[at : at + 2**23].astype(np.float64) for at in range(0, len(samples), 2**23))
    # Not dot(): that would start threads of its own, on the cores of the PBX.
    return sum(int(np.einsum("i,i->", piece, piece)) for piece in pieces)


def level(side: str, sums: Tally) -> Level:
    """For people to read."""
    windows, samples = max(1, sums.windows), max(1, sums.samples)
    return Level(
        side=side,
        peak=_db(sums.peak),
        rms=_db(math.sqrt(sums.squares / samples)),
        silent=round(sums.quiet / windows, 4),
        zero=round(sums.zero / windows, 4),
        clipped=round(sums.clipped / samples, 6),
    )


def _db(value: float) -> float:
    return round(20 * math.log10(value / 32768), 1) if value > 0 else SILENCE_DB
