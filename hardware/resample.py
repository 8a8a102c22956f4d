"""Sound at any rate brought to another, as a stream: windowed sinc, one matrix product per few milliseconds."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.int16]
Floats = NDArray[np.float32]

ZEROS = 24
"""Zero crossings of the sinc on each side: 8 kHz comes out flat to 3.4 kHz and 80 dB down beyond 4."""
PASSED = 0.92
BETA = 8.0  # of the Kaiser window
FINEST = 480
"""The most output samples after which the pattern of positions repeats. 44,100 to 8,000 Hz needs 80."""


class Resampler:
    """Brings int16 (channels, n) from rate `source` to rate `target`, both in Hz, in pieces of any size.

    What comes out does not depend on the pieces, but for rounding. Rates that have no small common measure are taken
    as near ones that have: `stretch` is how long a second of what comes out lasted in what went in.
    """

    def __init__(self, source: int, target: int, channels: int = 1) -> None:
        if source < 1 or target < 1 or channels < 1:
            raise ValueError(f"rates and channels are positive: {source} Hz to {target} Hz, {channels} channels")
        step = Fraction(source, target).limit_denominator(FINEST)
        self.channels = channels
        self.step = step
        self.stretch = float(step * target / source)
        self._same = step == 1
        half = ZEROS / (PASSED * min(1.0, float(1 / step)))
        self._half = int(np.ceil(half))
        # Long groups share the filter's length among many outputs: at least as many inputs as the filter covers.
        rounds = max(1, -(-2 * self._half // step.numerator))
        self._in, self._out = step.numerator * rounds, step.denominator * rounds
        if not self._same:
            self._matrix = _matrix(step, self._out, self._in + 2 * self._half, self._half)
        self._begin()

    def _begin(self) -> None:
        self._rest = np.zeros((self.channels, self._half), np.float32)
        self._taken = self._given = 0

    def feed(self, samples: Samples) -> Samples:
        """The next samples; gives what can be said by now: the filter lags some milliseconds behind."""
        if samples.ndim != 2 or len(samples) != self.channels:
            raise ValueError(f"samples must have the shape ({self.channels}, n), not {samples.shape}")
        if self._same:
            return samples
        self._taken += samples.shape[1]
        self._rest = np.concatenate([self._rest, samples.astype(np.float32)], axis=1)
        groups = (self._rest.shape[1] - 2 * self._half) // self._in
        if groups <= 0:
            return np.zeros((self.channels, 0), np.int16)
        windows = np.lib.stride_tricks.sliding_window_view(self._rest, len(self._matrix), axis=1)
        made = windows[:, : groups * self._in : self._in] @ self._matrix
        self._rest = self._rest[:, groups * self._in :]
        self._given += groups * self._out
        return _whole(made.reshape(self.channels, -1))

    def flush(self) -> Samples:
        """What is still inside; the sound ends here, and the next begins anew."""
        if self._same:
            return np.zeros((self.channels, 0), np.int16)
        left = -(-self._taken * self.step.denominator // self.step.numerator) - self._given
        made = self.feed(np.zeros((self.channels, self._half + self._in), np.int16))[:, : max(0, left)]
        self._begin()
        return made


def _matrix(step: Fraction, outputs: int, inputs: int, half: int) -> Floats:
    """(inputs, outputs): what each of the inputs around a group gives to each of its outputs."""
    cutoff = PASSED * min(1.0, float(1 / step))
    away = np.arange(inputs)[:, None] - half - np.arange(outputs)[None, :] * float(step)
    inside = np.maximum(1 - (away / half) ** 2, 0)
    shape = np.sinc(cutoff * away) * np.i0(BETA * np.sqrt(inside)) * (np.abs(away) < half)
    return np.asarray(shape / shape.sum(axis=0), np.float32)


def _whole(made: Floats) -> Samples:
    return np.clip(np.rint(made), -32768, 32767).astype(np.int16)
