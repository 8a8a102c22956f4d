"""What the lab's parties say: tones, known noise, speech; and µ-law by table (audioop is gone in Python 3.13)."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

RATE = 8000
"""Samples per second of everything here: narrow-band telephony, G.711."""

Samples = NDArray[np.int16]


def tone(frequency: float, seconds: float = 1.0, level: float = 0.3) -> Samples:
    """A sine. Loop it without a click by choosing a whole number of periods (any whole frequency at 1 s does)."""
    t = np.arange(round(seconds * RATE)) / RATE
    return (np.sin(2 * np.pi * frequency * t) * level * 32767).astype(np.int16)


def silence(seconds: float = 1.0) -> Samples:
    return np.zeros(round(seconds * RATE), np.int16)


def noise(seed: int, seconds: float, level: float = 0.2) -> Samples:
    """Known white noise: any 20 ms of it can be found again in a recording, to the sample (`ears.locate`)."""
    values = np.random.default_rng(seed).standard_normal(round(seconds * RATE))
    return np.clip(values * level * 32767 / 3, -32767, 32767).astype(np.int16)


MUSIC = (1250, 1350)


def music(seconds: float = 8.0) -> Samples:
    """What is heard on hold: two notes (MUSIC) that take turns every 0.1 s. No party of the lab should use them."""
    bar = np.concatenate([tone(note, 0.1, 0.1) for note in MUSIC])
    return np.tile(bar, round(seconds / 0.2))


def write_wav(path: Path, samples: Samples, rate: int = RATE) -> None:
    soundfile.write(path, samples, rate, subtype="PCM_16", format="WAV")


def read_wav(path: Path) -> tuple[Samples, int]:
    """All samples (mono: shape (n,), else (n, channels)) and the rate."""
    samples, rate = soundfile.read(path, dtype="int16")
    return samples, int(rate)


# -- µ-law, ITU-T G.711 ------------------------------------------------------------------------------------------


def _expand() -> Samples:
    code = ~np.arange(256, dtype=np.uint8)
    exponent = (code >> 4) & 7
    magnitude = ((((code & 15).astype(np.int32) << 3) + 0x84) << exponent) - 0x84
    return np.where(code & 0x80, -magnitude, magnitude).astype(np.int16)


EXPANDED = _expand()


def _compress() -> NDArray[np.uint8]:
    """For each of the 65,536 values (index: the value as unsigned) the nearest code."""
    order = np.argsort(EXPANDED, kind="stable")
    levels = EXPANDED[order].astype(np.int32)
    values = np.arange(65536, dtype=np.uint16).view(np.int16).astype(np.int32)
    edges = (levels[1:] + levels[:-1] + 1) // 2
    return order[np.searchsorted(edges, values, side="right")].astype(np.uint8)


COMPRESSED = _compress()


def to_ulaw(samples: Samples) -> bytes:
    return COMPRESSED[np.ascontiguousarray(samples, np.int16).view(np.uint16)].tobytes()


def from_ulaw(data: bytes) -> Samples:
    samples: Samples = EXPANDED[np.frombuffer(data, np.uint8)]
    return samples


def through_ulaw(samples: Samples) -> Samples:
    """What is left of a signal after one trip over the telephone."""
    return from_ulaw(to_ulaw(samples))


# -- speech ------------------------------------------------------------------------------------------------------


SENTENCES = {
    "rms": (
        "good morning how can i help you",
        "i would like to order two tickets to london",
        "my credit card number is one two three four",
        "my number is five five five one two three four",
        "i bought a new house last year",
        "i want to speak to the manager",
        "your account has been closed",
        "what is the price of the red car",
        "what time does the store open",
        "we are open from nine to five",
        "can you tell me the price of the blue car",
        "my name is john and i live in boston",
        "let me transfer you to the sales department",
        "this call may be recorded for training purposes",
        "how much does it cost",
        "please hold the line",
        "we will call you back tomorrow",
    ),
    "awb": (
        "please send me the bill",
        "the customer is very happy",
        "i would like to buy a new car",
        "please cancel my order",
        "do you agree to be recorded",
        "yes i agree",
        "the train leaves at seven in the morning",
        "i will call you again on friday",
        "i want to cancel the contract",
        "we have twenty people in the office",
        "i will send you the contract on monday",
        "please sign the contract and send it back",
        "this call may be recorded for training purposes",
    ),
}
"""Voice -> what it can say so that `ears.words` hears every word: no error in 12 trials each (4 shifts of the
sample grid, 3 levels), through 8 kHz µ-law. Other sentences may be heard wrong."""

_said: dict[tuple[str, str], Samples] = {}


async def speech(text: str, voice: str = "rms", level: float = 0.7) -> Samples:
    """`text` spoken by a flite voice (rms and awb are understood best), at 8 kHz, its peak at `level`."""
    if (text, voice) not in _said:
        _said[text, voice] = await _flite(text, voice)
    narrow = _said[text, voice]
    return (narrow.astype(np.float64) * level).astype(np.int16)


async def _flite(text: str, voice: str) -> Samples:
    """At full level, resampled to 8 kHz."""
    with tempfile.TemporaryDirectory() as folder:
        wav = Path(folder) / "speech.wav"
        process = await asyncio.create_subprocess_exec("flite", "-voice", voice, "-t", text, "-o", str(wav))
        if await process.wait():
            raise RuntimeError(f"flite could not say {text!r}")
        samples, rate = read_wav(wav)
    narrow = soxr.resample(samples.astype(np.float32) / 32768, rate, RATE)
    full: Samples = (narrow / np.abs(narrow).max() * 32767).astype(np.int16)
    return full
