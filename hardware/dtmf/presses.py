"""From fitted triples to key presses: where each begins and ends, what joins, and what is no digit after all."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hardware.dtmf.bank import BEFORE, BLOCK, RATE
from hardware.dtmf.fits import Array, Fits
from hardware.dtmf.rules import Rules

# A triple beyond these says nothing of a digit. The digit is judged by Rules, over the mean of its triples.
WORST_OFFSET = 3.0
WORST_UNEXPLAINED = 0.42
WORST_COHERENCE = 0.8
TWIST_MARGIN_DB = 3.0
FULL = 0.75
"""A block filled so far lies wholly inside the digit; its edge is in the block beyond."""
REACH = 2
"""An edge lies at most so many blocks beyond a triple."""


class Hit(NamedTuple):
    """One triple that may belong to a digit. Times in blocks since the stream began."""

    stream: int
    key: int
    whole: bool
    """Whether the digit fills all three blocks; with an edge or a dropout in one, only pure tones make a hit."""
    start: float
    end: float
    edge_before: float
    edge_after: float
    low: float
    high: float
    twist: float
    low_db: float
    """Mean square of the low tone; with the twist it gives the high tone's."""
    unexplained: float
    third: float
    evenness: float
    coherence: float


def plausible(fits: Fits, level: float, rules: Rules) -> NDArray[np.bool_]:
    """Which fits may be part of a digit whose tones are each `level` strong (mean square) or more."""
    twist = 10 * np.log10(np.maximum(fits.power[:, 1], 1e-9) / np.maximum(fits.power[:, 0], 1e-9))
    pure = (fits.unexplained <= rules.pure) & (fits.evenness >= rules.pure_evenness)
    return np.asarray(
        (np.abs(fits.offset).max(axis=1) < WORST_OFFSET)
        & (fits.unexplained < WORST_UNEXPLAINED)
        & (fits.coherence > WORST_COHERENCE)
        & (fits.whole.all(axis=1) | pure)
        & (fits.power.min(axis=1) > level)
        & (twist > rules.twist_db[0] - TWIST_MARGIN_DB)
        & (twist < rules.twist_db[1] + TWIST_MARGIN_DB)
    )


def hits(fits: Fits, filled: Array, third: Array) -> Iterator[Hit]:
    """The fits as hits, in the same order; `filled` and `third` are theirs, from fits.py."""
    rows = np.arange(len(fits))
    first = BEFORE + fits.whole.argmax(axis=1)
    last = BEFORE + 2 - fits.whole[:, ::-1].argmax(axis=1)
    before, after = filled[rows, first - 1], filled[rows, last + 1]
    further_before, further_after = filled[rows, first - 2], filled[rows, last + 2]
    whole_before, whole_after = before > FULL, after > FULL
    block = fits.block - BEFORE
    columns = (
        fits.stream,
        fits.key,
        fits.whole.all(axis=1),
        block + first - before - np.where(whole_before, further_before, 0),
        block + last + 1 + after + np.where(whole_after, further_after, 0),
        np.where(whole_before, filled[rows, first - 3], further_before),
        np.where(whole_after, filled[rows, last + 3], further_after),
        fits.offset[:, 0],
        fits.offset[:, 1],
        10 * np.log10(fits.power[:, 1] / fits.power[:, 0]),
        10 * np.log10(fits.power[:, 0]),
        fits.unexplained,
        third,
        fits.evenness,
        fits.coherence,
    )
    return map(Hit._make, zip(*(column.tolist() for column in columns), strict=True))


@dataclass(slots=True)
class Press:
    """A key press that may still grow."""

    key: int
    start: float
    end: float
    edge_before: float
    edge_after: float = 0.0
    seen: list[Hit] = field(default_factory=list)

    @classmethod
    def at(cls, hit: Hit) -> "Press":
        return cls(hit.key, hit.start, hit.end, hit.edge_before, hit.edge_after, [hit])

    def joins(self, hit: Hit, rules: Rules) -> bool:
        """Whether the hit goes on with this press, a dropout between them or not."""
        return hit.key == self.key and (hit.start - self.end) * BLOCK / RATE < rules.pause_s

    def grow(self, hit: Hit) -> None:
        self.end, self.edge_after = hit.end, hit.edge_after
        self.seen.append(hit)

    def over(self, block: int, rules: Rules) -> bool:
        """Whether no hit that starts at `block` or later can join any more."""
        return (block - REACH - self.end) * BLOCK / RATE >= rules.pause_s

    @property
    def length_s(self) -> float:
        return (self.end - self.start) * BLOCK / RATE

    def levels_db(self) -> tuple[float, float]:
        """Mean square of the low and of the high tone, in decibels over one squared sample unit."""
        seen = self._judged()
        low = mean([hit.low_db for hit in seen])
        return low, low + mean([hit.twist for hit in seen])

    def _judged(self) -> list[Hit]:
        """Its whole triples; only a dropout can leave a digit without any."""
        return [hit for hit in self.seen if hit.whole] or self.seen

    def is_digit(self, rules: Rules) -> bool:
        """Judge it by its whole triples; without any there is a dropout, which lengthens it."""
        seen = self._judged()
        whole = seen[0].whole
        left = mean([hit.unexplained for hit in seen])
        noise = max(left, 0.0)
        return (
            self.length_s >= (rules.length_s if whole else rules.length_s + rules.dropout_s)
            and left <= rules.unexplained
            and rules.twist_db[0] <= mean([hit.twist for hit in seen]) <= rules.twist_db[1]
            and keeps_pitch([hit.low for hit in seen], noise, rules)
            and keeps_pitch([hit.high for hit in seen], noise, rules)
            and stands_alone(mean([hit.third for hit in seen]), noise, rules)
            and is_steady(seen, noise, rules)
            and (self._is_sharp(noise, rules) or is_pure(seen, noise, rules))
        )

    def _is_sharp(self, noise: float, rules: Rules) -> bool:
        return max(self.edge_before, self.edge_after) <= rules.edge + rules.edge_per_unexplained * noise


def keeps_pitch(offsets: list[float], noise: float, rules: Rules) -> bool:
    limit = rules.offset_percent - rules.offset_per_unexplained * noise
    return abs(mean(offsets)) <= limit and spread(offsets) <= rules.drift_percent


def stands_alone(third: float, noise: float, rules: Rules) -> bool:
    return noise < rules.clean or third <= rules.third * noise


def is_steady(seen: list[Hit], noise: float, rules: Rules) -> bool:
    coherence = max(hit.coherence for hit in seen)
    evenness = max(hit.evenness for hit in seen)
    return (
        coherence >= rules.coherence - rules.coherence_per_unexplained * noise
        and evenness >= rules.evenness - rules.evenness_per_unexplained * noise
    )


def is_pure(seen: list[Hit], noise: float, rules: Rules) -> bool:
    """Whether it is so clean that what sounds beyond its ends may be more of it, behind a dropout."""
    drift = max(spread([hit.low for hit in seen]), spread([hit.high for hit in seen]))
    evenness = max(hit.evenness for hit in seen)
    return noise <= rules.pure and evenness >= rules.pure_evenness and drift <= rules.pure_drift_percent


def mean(values: list[float]) -> float:
    return sum(values) / len(values)


def spread(values: list[float]) -> float:
    return max(values) - min(values)
