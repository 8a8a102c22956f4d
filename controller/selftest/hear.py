"""Which tones are in a sound, when, and where there is nothing at all. Pure."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FRAME_SECONDS = 0.02
FLOOR = 0.02
"""Amplitude that counts, 1.0 being full scale; the tones are sent at 0.25."""

Sound = NDArray[np.int16]
Frames = NDArray[np.bool_]


def present(samples: Sound, rate: int, pitch: int) -> Frames:
    """In which frames of 20 ms this tone is; only multiples of 50 Hz do not leak into each other."""
    frames = _frames(samples, rate)
    spectrum = np.abs(np.fft.rfft(frames, axis=1)) * 2 / frames.shape[1]
    found: Frames = spectrum[:, round(pitch * FRAME_SECONDS)] >= FLOOR
    return found


def silent(samples: Sound, rate: int) -> Frames:
    """In which frames there is digital silence."""
    found: Frames = np.abs(_frames(samples, rate)).max(axis=1, initial=0) <= 1 / 32768 * 8
    return found


def others(samples: Sound, rate: int, *pitches: int) -> float:
    """Seconds in which something else than these tones is heard."""
    frames = _frames(samples, rate)
    spectrum = np.abs(np.fft.rfft(frames, axis=1)) * 2 / frames.shape[1]
    spectrum[:, :4] = 0
    for pitch in pitches:
        at = round(pitch * FRAME_SECONDS)
        spectrum[:, at - 1 : at + 2] = 0
    # A tone that begins or ends within a frame is everywhere in its spectrum: only what lasts counts.
    heard = spectrum.max(axis=1, initial=0) >= FLOOR
    return sum(length for _, length in runs(heard) if length >= 0.1)


def runs(flags: Frames) -> list[tuple[float, float]]:
    """The unbroken runs of True: start and length in seconds."""
    padded = np.concatenate([[False], flags, [False]])
    edges = np.flatnonzero(padded[1:] != padded[:-1])
    return [(a * FRAME_SECONDS, (b - a) * FRAME_SECONDS) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def longest(flags: Frames) -> tuple[float, float]:
    """The longest run: start and length in seconds; (0, 0) where there is none."""
    return max(runs(flags), key=lambda run: run[1], default=(0.0, 0.0))


def _frames(samples: Sound, rate: int) -> NDArray[np.float64]:
    size = round(rate * FRAME_SECONDS)
    return samples[: len(samples) // size * size].reshape(-1, size).astype(np.float64) / 32768
