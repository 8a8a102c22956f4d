"""How loud speech is: the active speech level of ITU-T P.56, and what brings a sound to a level."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.int16]

TARGET = -20.0
"""dBov, active. Asterisk's own English prompts are at -18 to -20.5; G.711 speech is nominally at -26."""
PEAK = -1.0
"""dB of full scale that no sample passes."""
CONSTANT, HANGOVER, MARGIN = 0.03, 0.2, 15.9
"""P.56, method B: time constant and hangover in seconds, margin in dB."""
STEP = 0.005


def active_level(samples: Samples, rate: int) -> float:
    """dBov while somebody speaks (0 is a full-scale square wave); -inf where nobody does. The envelope is looked at
    every 5 ms, not at every sample as in P.56: that changes the level by less than 0.1 dB."""
    x = samples.astype(np.float64) / 32768
    power = float((x**2).sum())
    if not power:
        return -np.inf
    envelope = _envelope(np.abs(x), rate)
    hop = round(rate * STEP)
    held = _held(envelope[::hop], round(HANGOVER / STEP))
    before: tuple[float, float] | None = None
    for threshold in 2.0 ** np.arange(-15, 0):
        active = int((held >= threshold).sum()) * hop
        if not active:
            break
        level = 10 * np.log10(power / active)
        above = level - 20 * np.log10(threshold)
        if above <= MARGIN:
            if before is None:
                return float(level)
            share = (before[1] - MARGIN) / (before[1] - above)
            return float(before[0] + share * (level - before[0]))
        before = float(level), float(above)
    return before[0] if before else float(10 * np.log10(power / len(x)))


def _envelope(size: NDArray[np.float64], rate: int) -> NDArray[np.float64]:
    """Two first-order low passes in a row, as one convolution."""
    pole = np.exp(-1 / (rate * CONSTANT))
    n = np.arange(round(rate * CONSTANT * 12))
    kernel = (1 - pole) ** 2 * (n + 1) * pole**n
    length = 1 << (len(size) + len(kernel)).bit_length()
    made: NDArray[np.float64] = np.fft.irfft(np.fft.rfft(size, length) * np.fft.rfft(kernel, length), length)
    return made[: len(size)]


def _held(envelope: NDArray[np.float64], steps: int) -> NDArray[np.float64]:
    padded = np.concatenate([np.zeros(steps), envelope])
    held: NDArray[np.float64] = np.lib.stride_tricks.sliding_window_view(padded, steps + 1).max(axis=1)
    return held


def trimmed(samples: Samples, rate: int, lead: float = 0.05, tail: float = 0.1, below: float = 45.0) -> Samples:
    """Without the silence at both ends but for `lead` and `tail` seconds. Silence: `below` dB under the loudest 5 ms.
    Nothing is left of a sound that is nothing but silence."""
    hop = round(rate * STEP)
    frames = samples[: len(samples) // hop * hop].reshape(-1, hop).astype(np.float64)
    power = (frames**2).mean(axis=1)
    loud = np.flatnonzero(power > power.max(initial=0) * 10 ** (-below / 10))
    if not len(loud):
        return samples[:0]
    start, end = int(loud[0]) * hop - round(lead * rate), (int(loud[-1]) + 1) * hop + round(tail * rate)
    return samples[max(0, start) : end]


def at_level(samples: Samples, rate: int, target: float = TARGET) -> Samples:
    """Brought to `target` dBov, active; short peaks are rounded off at PEAK. Silence stays what it is."""
    level = active_level(samples, rate)
    if not np.isfinite(level):
        return samples
    loud = samples.astype(np.float64) * 10 ** ((target - level) / 20)
    return np.rint(_softly(loud, 32768 * 10 ** (PEAK / 20))).astype(np.int16)


def _softly(x: NDArray[np.float64], most: float) -> NDArray[np.float64]:
    """As it is up to 3 dB below `most`, then bent so that it never passes it."""
    knee = most / np.sqrt(2)
    over = np.maximum(np.abs(x) - knee, 0)
    bent = knee + (most - knee) * np.tanh(over / (most - knee))
    return np.where(over > 0, np.sign(x) * bent, x)
