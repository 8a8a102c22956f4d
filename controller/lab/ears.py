"""What is in a recording, by ear: tones, known noise, silence, words. For tests and the demo, not for the product."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import soxr
from numpy.typing import NDArray

from controller.lab.sounds import Samples

if TYPE_CHECKING:
    from pocketsphinx import Decoder

FRAME_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Span:
    """From `start` to `end`, in seconds of the recording; whole frames of 20 ms."""

    start: float
    end: float

    @property
    def seconds(self) -> float:
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class Tone(Span):
    """A tone that was heard without a break."""

    frequency: int


@dataclass(frozen=True, slots=True)
class Stretch(Span):
    """A stretch of the recording that is a stretch of what was sent, beginning `sent` seconds into it."""

    sent: float

    @property
    def sent_end(self) -> float:
        return self.sent + self.seconds


def tones(samples: Samples, rate: int = 8000, *, floor: float = 0.01) -> list[Tone]:
    """Every tone of at least `floor` (1.0 is full scale), also several at once, in order of start.

    In 20 ms only multiples of 50 Hz are told apart without leaking into each other: let parties use such.
    A frame's tone counts if it holds at least a tenth of the frame's power, so that speech and noise give none
    for long; ask for spans of some length.
    """
    frames = _frames(samples, rate)
    spectrum = np.abs(np.fft.rfft(frames, axis=1)) * 2 / frames.shape[1]
    spectrum[:, :2] = 0  # below 100 Hz lies no tone of ours, but hum and offset
    power = spectrum**2 / 2
    share = power / np.maximum((frames**2).mean(axis=1, keepdims=True), 1e-12)
    present = (spectrum >= floor) & (share >= 0.1)
    found = [
        Tone(span.start, span.end, round(int(bin_) / FRAME_SECONDS))
        for bin_ in np.flatnonzero(present.any(axis=0))
        for span in _runs(present[:, bin_])
    ]
    return sorted(found, key=lambda tone: (tone.start, tone.frequency))


def silences(samples: Samples, rate: int = 8000, *, floor: float = 0.0) -> list[Span]:
    """Where no sample of a frame is louder than `floor`; 0 asks for digital silence (µ-law's, too, is exact)."""
    return _runs(np.abs(_frames(samples, rate)).max(axis=1, initial=0) <= floor)


def loudness(samples: Samples) -> float:
    """Root mean square; 1.0 is full scale."""
    return float(np.sqrt(np.mean((samples / 32768) ** 2))) if len(samples) else 0.0


def locate(samples: Samples, sent: Samples, *, rate: int = 8000, least: float = 0.5) -> list[Stretch]:
    """Which part of `sent` (known noise) each 20 ms of a recording is: unbroken stretches, in order.

    `least` is the normalised correlation that counts: 1 for the same sound, 0.7 where an equally loud other
    party is mixed in, 0.4 for the best of unrelated noise.
    """
    frames = _frames(samples, rate)
    size = frames.shape[1]
    search = _Search(sent.astype(np.float64) / 32768, size)
    stretches: list[Stretch] = []
    before: int | None = None
    for n, frame in enumerate(frames):
        offset = search.find(frame, None if before is None else before + size, least)
        if offset is not None:
            start, end, at = n * size / rate, (n + 1) * size / rate, offset / rate
            if before is not None and offset == before + size:
                start, at = stretches[-1].start, stretches.pop().sent
            stretches.append(Stretch(start, end, at))
        before = offset
    return stretches


@dataclass(frozen=True, slots=True)
class Utterance(Span):
    """Something said between two pauses, as the recogniser heard it."""

    text: str


def utterances(samples: Samples, rate: int = 8000, *, pause: float = 0.35, floor: float = 0.01) -> list[Utterance]:
    """What was said, one entry between pauses; by an offline recogniser of US English, 5 times real time."""
    found = [_recognised(samples, rate, span) for span in _spoken(samples, rate, pause, floor)]
    return [utterance for utterance in found if utterance.text]


def words(samples: Samples, rate: int = 8000) -> str:
    """All the words that the recogniser heard, in lower case."""
    return " ".join(utterance.text for utterance in utterances(samples, rate))


def _spoken(samples: Samples, rate: int, pause: float, floor: float) -> list[Span]:
    """The stretches with sound in them; shorter pauses belong to the speech, and a margin is kept on both sides."""
    loud = _runs(np.abs(_frames(samples, rate)).max(axis=1, initial=0) > floor)
    joined: list[Span] = []
    for span in loud:
        if joined and span.start - joined[-1].end < pause:
            joined[-1] = Span(joined[-1].start, span.end)
        else:
            joined.append(span)
    return [Span(span.start, span.end) for span in joined if span.seconds >= 0.1]


def _recognised(samples: Samples, rate: int, span: Span) -> Utterance:
    decoder = _decoder()
    cut = samples[round(span.start * rate) : round(span.end * rate)]
    # The recogniser wants a little quiet around what it hears.
    quiet = np.zeros(rate // 5, np.int16)
    cut = np.concatenate([quiet, cut, quiet])
    wide = cut if rate == 16000 else soxr.resample(cut.astype(np.float32) / 32768, rate, 16000) * 32767
    decoder.start_utt()
    decoder.process_raw(np.asarray(wide, np.int16).tobytes(), full_utt=True)
    decoder.end_utt()
    heard = decoder.hyp()
    return Utterance(span.start, span.end, str(heard.hypstr) if heard is not None else "")


def word_errors(heard: str, spoken: str) -> int:
    """Words to insert, delete or replace to get from one to the other."""
    left, right = _plain(heard), _plain(spoken)
    row = list(range(len(right) + 1))
    for n, word in enumerate(left, 1):
        diagonal, row[0] = row[0], n
        for m, other in enumerate(right, 1):
            diagonal, row[m] = row[m], min(row[m] + 1, row[m - 1] + 1, diagonal + (word != other))
    return row[-1]


@functools.cache
def _decoder() -> Decoder:
    # Imported late: only who asks for words needs the recogniser and its 27 MB of language model.
    from pocketsphinx import Decoder

    # cmn=batch: each utterance is heard by itself, whatever was heard before.
    return Decoder(samprate=16000, loglevel="FATAL", cmn="batch")


def _plain(text: str) -> list[str]:
    return "".join(c for c in text.lower() if c.isalnum() or c in " '").split()


def _frames(samples: Samples, rate: int) -> NDArray[np.float64]:
    """Whole frames of 20 ms, shape (n, rate / 50), 1.0 is full scale."""
    if samples.ndim != 1:
        raise ValueError(f"one channel at a time: got shape {samples.shape}")
    size = round(rate * FRAME_SECONDS)
    return samples[: len(samples) // size * size].reshape(-1, size).astype(np.float64) / 32768


def _runs(flags: Iterable[bool] | NDArray[np.bool_]) -> list[Span]:
    """The unbroken runs of True, in seconds."""
    padded = np.concatenate([[False], np.asarray(flags, bool), [False]])
    edges = np.flatnonzero(padded[1:] != padded[:-1])
    pairs = zip(edges[::2], edges[1::2], strict=True)
    return [Span(round(int(a) * FRAME_SECONDS, 6), round(int(b) * FRAME_SECONDS, 6)) for a, b in pairs]


class _Search:
    """Finds frames in what was sent; the expected place first, because nearly all frames follow on the last."""

    def __init__(self, sent: NDArray[np.float64], size: int) -> None:
        self.sent, self.size = sent, size
        self.length = 1 << max(1, (len(sent) + size - 1).bit_length())
        self.spectrum = np.fft.rfft(sent, self.length)
        squares = np.concatenate([[0.0], np.cumsum(sent**2)])
        self.norms = np.sqrt(np.maximum(squares[size:] - squares[:-size], 0)) if len(sent) >= size else np.zeros(0)

    def find(self, frame: NDArray[np.float64], expected: int | None, least: float) -> int | None:
        norm = float(np.sqrt((frame**2).sum()))
        if norm < 1e-3 or not len(self.norms):
            return None
        if expected is not None and expected < len(self.norms):
            there = self.sent[expected : expected + self.size]
            if float(frame @ there) >= least * norm * max(float(self.norms[expected]), 1e-3):
                return expected
        match = np.fft.irfft(self.spectrum * np.conj(np.fft.rfft(frame, self.length)), self.length)
        similar = match[: len(self.norms)] / (norm * np.maximum(self.norms, 1e-3))
        best = int(np.argmax(similar))
        return best if similar[best] >= least else None
