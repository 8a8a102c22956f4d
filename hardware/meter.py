"""How loud a line is now: what a level meter shows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.int16]

QUIETEST_DB = -96.0
FALL_DB_S = 20.0
"""How fast the mark of the last peak sinks."""
CLIPPED = 32_124
"""The loudest value of mu-law; A-law's is 32,256."""


@dataclass(frozen=True, slots=True)
class Level:
    """Decibels below full scale. `held` is the highest peak of late, sinking; `clipped`: something was cut off."""

    rms: float = QUIETEST_DB
    peak: float = QUIETEST_DB
    held: float = QUIETEST_DB
    clipped: bool = False


class Meter:
    """One level per channel, brought up to date with each piece of sound."""

    def __init__(self, channels: int, rate: int) -> None:
        self.rate = rate
        self.levels = [Level()] * channels

    def feed(self, samples: Samples) -> list[Level]:
        """int16 (channels, n). An empty piece changes nothing."""
        if samples.shape[1]:
            sunk = FALL_DB_S * samples.shape[1] / self.rate
            self.levels = [_level(one, old, sunk) for one, old in zip(samples, self.levels, strict=True)]
        return self.levels


def _level(samples: Samples, old: Level, sunk: float) -> Level:
    wide = samples.astype(np.float64)  # the square of a sample does not fit 16 bits, nor does the size of -32768
    highest = float(np.abs(wide).max())
    peak = decibels(highest)
    return Level(decibels(float(np.sqrt(np.mean(wide**2)))), peak, max(peak, old.held - sunk), highest >= CLIPPED)


def decibels(value: float) -> float:
    """Of full scale, never below QUIETEST_DB."""
    return max(QUIETEST_DB, 20 * float(np.log10(max(value, 1e-9) / 32768)))
