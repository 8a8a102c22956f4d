"""DTMF as a phone sends it, and as a bad line spoils it: 8 kHz test signals with a seed."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RATE = 8000
LOW = (697, 770, 852, 941)
HIGH = (1209, 1336, 1477, 1633)
KEYS = "123A456B789C*0#D"
ONE_DBM0 = 22826.0
"""Amplitude of a sine of 0 dBm0 where full scale is +3.14 dBm0."""

Wave = NDArray[np.float64]
Samples = NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class Sent:
    """How a row of digits is sent: seconds, decibels, percent. A pair of values is a range to draw from."""

    length: float = 0.050
    pause: float = 0.050
    level_dbm0: float = -10.0
    twist_db: tuple[float, float] = (0.0, 0.0)
    offset: float = 0.0
    """Both tones this much off, in fractions, each upwards or downwards by chance."""
    one_tone: bool = False
    """Only one of the two, by chance, is off."""
    snr_db: float | None = None
    """Power of both tones over white noise of 0 to 4 kHz."""
    hole: float = 0.0
    """Length of a dropout at a random place within each digit."""


def tone_pair(
    key: str, length: float, level: tuple[float, float], offset: tuple[float, float], rng: np.random.Generator
) -> Wave:
    n = np.arange(round(length * RATE))
    place = KEYS.index(key)
    wave = np.zeros(len(n))
    for nominal, dbm0, off in zip((LOW[place // 4], HIGH[place % 4]), level, offset, strict=True):
        turn = 2 * np.pi * nominal * (1 + off) / RATE
        wave += ONE_DBM0 * 10 ** (dbm0 / 20) * np.sin(turn * n + rng.uniform(0, 2 * np.pi))
    return wave


def one_digit(key: str, sent: Sent, rng: np.random.Generator) -> Wave:
    twist = rng.uniform(*sent.twist_db)
    offset = sent.offset * rng.choice([-1.0, 1.0], 2)
    if sent.one_tone:
        offset[rng.integers(2)] = 0.0
    # The stronger tone keeps the level, so that no twist overloads the line.
    level = (sent.level_dbm0 - max(twist, 0.0), sent.level_dbm0 + min(twist, 0.0))
    wave = tone_pair(key, sent.length, level, (offset[0], offset[1]), rng)
    hole = round(sent.hole * RATE)
    if hole:
        start = rng.integers(1, len(wave) - hole)
        wave[start : start + hole] = 0.0
    return wave


def row(keys: str, sent: Sent, seed: int) -> tuple[Samples, list[float]]:
    """The keys one after another with silence all around, and where each starts in seconds.

    Every pause is up to 10 ms longer than asked, so that digits meet the detector's blocks at every alignment.
    """
    rng = np.random.default_rng(seed)
    parts: list[Wave] = [np.zeros(400)]
    starts, at = [], 400
    for key in keys:
        wave = one_digit(key, sent, rng)
        if sent.snr_db is not None:
            sigma = np.sqrt(np.mean(wave**2) / 10 ** (sent.snr_db / 10))
        silence = np.zeros(round(sent.pause * RATE) + rng.integers(80))
        starts.append(at / RATE)
        noisy = np.concatenate([wave, silence])
        parts.append(noisy if sent.snr_db is None else noisy + rng.normal(0, sigma, len(noisy)))
        at += len(noisy)
    parts.append(np.zeros(1600))
    return quantised(np.concatenate(parts)), starts


def random_keys(count: int, seed: int) -> str:
    return "".join(np.random.default_rng(seed).choice(list(KEYS), count))


def quantised(wave: Wave) -> Samples:
    return np.clip(np.rint(wave), -32768, 32767).astype(np.int16)
