"""Which sounds to look at for a digit with a dropout in it, and when it is sure that one is what was found there."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hardware.dtmf.bank import AFTER, BEFORE, BLOCK, Bank, Indices
from hardware.dtmf.fits import WINDOW, Fits
from hardware.dtmf.mending import LONGEST, MARGIN, mended
from hardware.dtmf.presses import Press
from hardware.dtmf.rules import Rules

NEAR = 4
"""Blocks within which a whole triple means that there is a press, which is judged first."""
QUIET = 0.15
"""Of the loudest block around: what counts as quiet beside a digit."""
SETTLED = 7
"""Blocks after a triple when it is known whether one near it is whole, and whether a press is open there."""
PLACES = 1 << 40


@dataclass(frozen=True, slots=True)
class Found:
    """A digit with a dropout. Start and end in blocks of its stream; levels in decibels over one squared unit."""

    stream: int
    key: int
    start: float
    end: float
    low_db: float
    high_db: float


class Broken:
    """Looks where no whole triple is, and at presses that were refused: at few places, for a look is dear."""

    def __init__(self, bank: Bank, level: float, rules: Rules) -> None:
        self._bank, self._level, self._rules = bank, level, rules
        self._whole: Indices = np.zeros(0, np.intp)
        self._waiting: dict[int, list[tuple[int, Found]]] = {}

    def look(self, fits: Fits, whole: NDArray[np.bool_]) -> None:
        """At triples, of which those are `whole` that belong to a press. What is found waits."""
        places = _places(fits.stream[whole], fits.block[whole])
        self._whole = np.sort(np.concatenate([self._whole, places]))
        for row in self._worth_it(fits):
            stream, block = int(fits.stream[row]), int(fits.block[row])
            waiting = self._waiting.get(stream, [])
            if waiting and block - waiting[-1][0] <= NEAR:
                continue
            if found := self._at(stream, int(fits.key[row]), block - BEFORE, block + AFTER, block + 1.5):
                self._waiting[stream] = [*waiting, (block, found)]

    def refused(self, stream: int, press: Press) -> Found | None:
        """What the press is after all. Asked once nothing can join it any more."""
        if press.end - press.start > LONGEST:
            return None
        start, stop = math.floor(press.start) - MARGIN, math.ceil(press.end) + MARGIN
        return self._at(stream, press.key, start, stop, (press.start + press.end) / 2)

    def forget(self, stream: int, start: float, end: float) -> None:
        """A press between these blocks is a digit: what was found there is a part of it."""
        if waiting := self._waiting.get(stream):
            self._waiting[stream] = [one for one in waiting if one[1].end <= start or end <= one[1].start]

    def settled(self, stop: int, pressed: Mapping[int, Press]) -> list[Found]:
        """What was found and can become nothing else, once the triples before `stop` were heard."""
        settled: list[Found] = []
        for stream, waiting in list(self._waiting.items()):
            press, still = pressed.get(stream), []
            for block, found in waiting:
                if stop < block + SETTLED or (press and press.start < found.end):
                    still.append((block, found))
                elif not (np.abs(self._whole - _places(stream, block)) <= NEAR).any():
                    settled.append(found)
            self._waiting[stream] = still
            if not still:
                del self._waiting[stream]
        if len(self._whole) and not self._waiting:
            self._whole = self._whole[self._whole % PLACES > stop - 2 * SETTLED]
        return settled

    def _worth_it(self, fits: Fits) -> Indices:
        """Rows with quiet on both sides and no whole triple near."""
        around = (fits.block - self._bank.first)[:, None] + WINDOW
        energy = self._bank.energy[around, fits.stream[:, None]]
        quiet = QUIET * energy.max(axis=1)
        rows = np.flatnonzero((energy[:, :BEFORE].min(axis=1) < quiet) & (energy[:, -BEFORE:].min(axis=1) < quiet))
        if len(rows) and len(self._whole):
            own = _places(fits.stream[rows], fits.block[rows])
            next_one = np.minimum(np.searchsorted(self._whole, own - NEAR), len(self._whole) - 1)
            rows = rows[np.abs(self._whole[next_one] - own) > NEAR]
        return rows

    def _at(self, stream: int, key: int, start: int, stop: int, centre: float) -> Found | None:
        sound = self._bank.sound(start, stop, stream)
        if sound is None:
            return None
        found = mended(sound, int((centre - start) * BLOCK), key, self._level, self._rules)
        if found is None:
            return None
        low, high = 10 * math.log10(found.low), 10 * math.log10(found.high)
        return Found(stream, key, start + found.start / BLOCK, start + found.end / BLOCK, low, high)


def _places(stream: Indices | int, block: Indices | int) -> Indices:
    """One number for stream and block; the blocks of a stream lie side by side."""
    return np.asarray(np.asarray(stream) * PLACES + np.asarray(block), np.intp)
