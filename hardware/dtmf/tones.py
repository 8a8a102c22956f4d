"""The in-band detector: digits with their start and length out of 8 kHz sound, live or from a file."""

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from hardware.dtmf.bank import AFTER, BLOCK, KEYS, RATE, Bank, Samples
from hardware.dtmf.broken import SETTLED, Broken, Found
from hardware.dtmf.fits import Fits, filled, fit, third_lines
from hardware.dtmf.presses import Hit, Press, hits, plausible
from hardware.dtmf.rules import Q24, Rules

AT_ONCE = 16384
"""Blocks listened to in one go, over all streams: fitting has a fixed price of its own."""
FULL_SCALE_DBM0 = 3.14
FULL_SCALE_DB = 10 * math.log10(32768**2 / 2)


@dataclass(frozen=True, slots=True, order=True)
class Digit:
    """One key press heard in a stream; times in seconds since the stream's first sample, good to about 2 ms.

    The levels of its two tones are in dBm0, where a sine that fills 16 bits is +3.14 (G.711).
    """

    start: float
    length: float
    stream: int
    key: str
    low_dbm0: float = field(default=0.0, compare=False)
    high_dbm0: float = field(default=0.0, compare=False)


class Detector:
    """Hears the digits of many streams at once.

    Feed all streams equally many samples at a time: any number, 160 (a 20 ms packet) being the natural one. What
    comes out does not depend on how the samples are cut. A digit is reported about 0.1 s after its end, once it is
    sure that it does not go on behind a dropout. Use one detector per thousand streams or so: more do not fit the
    caches.
    """

    def __init__(self, streams: int = 1, rules: Rules = Q24) -> None:
        if streams < 1:
            raise ValueError(f"streams must be at least 1, not {streams}")
        self.streams = streams
        self.rules = rules
        self._level = (32768 * 10 ** ((rules.level_dbm0 - FULL_SCALE_DBM0) / 20)) ** 2 / 2
        self._blocks = max(1, AT_ONCE // streams)
        self._begin()

    def _begin(self) -> None:
        self._bank = Bank(self.streams, self._blocks)
        self._next = 0
        self._rest: Samples = np.empty((self.streams, 0), np.int16)
        self._open: dict[int, Press] = {}
        self._broken = Broken(self._bank, self._level, self.rules)

    def feed(self, samples: Samples) -> list[Digit]:
        """Take int16 (streams, n) at 8 kHz, or (n,) for one stream; give the digits that have ended.

        Raises TypeError for another type, ValueError for another shape.
        """
        samples = checked(samples, self.streams)
        if self._rest.shape[1]:
            samples = np.concatenate([self._rest, samples], axis=1)
        count = samples.shape[1] // BLOCK
        blocks = samples[:, : count * BLOCK].reshape(self.streams, count, BLOCK)
        self._rest = samples[:, count * BLOCK :].copy()
        ended: list[Digit] = []
        for start in range(0, count, self._blocks):
            self._bank.push(blocks[:, start : start + self._blocks])
            ended += self._listen()
        return ended

    def flush(self) -> list[Digit]:
        """The streams end here: give what is still open. The next feed begins anew at time 0."""
        silence = np.zeros((self.streams, (AFTER + 1) * BLOCK), np.int16)
        ended = self.feed(silence)
        ended += [digit for stream in list(self._open) for digit in self._close(stream)]
        ended += [_mended(found) for found in self._broken.settled(self._next + SETTLED, self._open)]
        self._begin()
        return ended

    def sounding(self) -> dict[int, str]:
        """The key that is down in each stream where one is, as far as is known: it takes 50 to 70 ms."""
        return {stream: KEYS[press.key] for stream, press in self._open.items()}

    def _listen(self) -> list[Digit]:
        bank = self._bank
        stop = bank.first + bank.filled - AFTER + 1
        start, self._next = self._next, max(self._next, stop)
        if stop <= start:
            return []
        slots, streams = bank.candidates(start - bank.first, stop - bank.first, 2 * BLOCK * self._level)
        ended: list[Digit] = []
        if len(slots):
            fits = fit(bank, slots, streams)
            good = plausible(fits, self._level, self.rules)
            self._broken.look(fits, good & fits.whole.all(axis=1))
            fits = fits.only(good)
            for hit in hits(fits, filled(bank, fits), self._thirds(fits)):
                ended += self._hear(hit)
        over = [stream for stream, press in self._open.items() if press.over(stop, self.rules)]
        ended += [digit for stream in over for digit in self._close(stream)]
        return ended + [_mended(found) for found in self._broken.settled(stop, self._open)]

    def _thirds(self, fits: Fits) -> NDArray[np.float64]:
        """The third lines; where next to nothing is left for one, a value that tips no balance: spectra are dear."""
        third = self.rules.third * fits.unexplained
        noisy = fits.unexplained >= self.rules.clean / 4
        if noisy.any():
            third[noisy] = third_lines(self._bank, fits.only(noisy))
        return third

    def _hear(self, hit: Hit) -> list[Digit]:
        press = self._open.get(hit.stream)
        if press and press.joins(hit, self.rules):
            press.grow(hit)
            return []
        ended = self._close(hit.stream, hit.start) if press else []
        self._open[hit.stream] = Press.at(hit)
        return ended

    def _close(self, stream: int, until: float = math.inf) -> list[Digit]:
        """`until`: in blocks, where the next press begins."""
        press = self._open.pop(stream)
        if press.is_digit(self.rules):
            self._broken.forget(stream, press.start, press.end)
            return [_digit(stream, press.key, press.start, press.end, press.levels_db())]
        found = self._broken.refused(stream, press) if until >= press.end + 2 else None
        if found is None:
            return []
        self._broken.forget(stream, min(press.start, found.start), max(press.end, found.end))
        return [_mended(found)]


def _mended(found: Found) -> Digit:
    return _digit(found.stream, found.key, found.start, found.end, (found.low_db, found.high_db))


def _digit(stream: int, key: int, start: float, end: float, levels_db: tuple[float, float]) -> Digit:
    """Of times in blocks, and levels in decibels over one squared sample unit."""
    # To 0.1 ms: the last bits of a product depend on how many blocks are in it.
    begin, length = round(start * BLOCK / RATE, 4), round((end - start) * BLOCK / RATE, 4)
    low, high = (round(level - FULL_SCALE_DB + FULL_SCALE_DBM0, 2) for level in levels_db)
    return Digit(max(0.0, begin), length, stream, KEYS[key], low, high)


def digits(samples: Samples, rules: Rules = Q24) -> list[Digit]:
    """All digits of a whole recording, int16 (n,) or (channels, n) at 8 kHz, in order of their start."""
    channels = 1 if np.ndim(samples) < 2 else len(samples)
    detector = Detector(channels, rules)
    return sorted(detector.feed(samples) + detector.flush())


def checked(samples: Samples, streams: int) -> Samples:
    kind = getattr(samples, "dtype", type(samples).__name__)
    if kind != np.int16:
        raise TypeError(f"samples must be a numpy array of int16 at {RATE} Hz, not {kind}")
    if samples.ndim == 1 and streams == 1:
        samples = samples[None, :]
    if samples.ndim != 2 or samples.shape[0] != streams:
        raise ValueError(f"samples must have the shape ({streams}, n), not {samples.shape}")
    return samples
