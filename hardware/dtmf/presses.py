"""From fitted triples to key presses: where each begins and ends, what joins, and what is no digit after all."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hardware.dtmf.bank import BEFORE, BLOCK, RATE
from hardware.dtmf.fits import Fits
from hardware.dtmf.rules import Rules

# A triple beyond these says nothing of a digit. The digit is judged by Rules, over the mean of its triples.
WORST_OFFSET = 3.0
WORST_UNEXPLAINED = 0.42
WORST_COHERENCE = 0.8
WORST_STEADINESS = 0.68
TWIST_MARGIN_DB = 3.0
FULL = 0.75
"""A block filled so far lies wholly inside the digit; its edge is in the block beyond."""
REACH = 2
"""An edge lies at most so many blocks beyond a triple."""


class Hit(NamedTuple):
    """One triple that may belong to a digit. Times in blocks since the stream began."""

    stream: int
    key: int
    start: float
    end: float
    edge_before: float
    edge_after: float
    low: float
    high: float
    twist: float
    unexplained: float
    third: float
    evenness: float
    coherence: float


def plausible(fits: Fits, level: float, rules: Rules) -> NDArray[np.bool_]:
    """Which fits may be part of a digit whose tones are each `level` strong (mean square) or more."""
    twist = 10 * np.log10(np.maximum(fits.power[:, 1], 1e-9) / np.maximum(fits.power[:, 0], 1e-9))
    return np.asarray(
        (np.abs(fits.offset).max(axis=1) < WORST_OFFSET)
        & (fits.unexplained < WORST_UNEXPLAINED)
        & (fits.coherence > WORST_COHERENCE)
        & (fits.steadiness > WORST_STEADINESS)
        & (fits.power.min(axis=1) > level)
        & (twist > rules.twist_db[0] - TWIST_MARGIN_DB)
        & (twist < rules.twist_db[1] + TWIST_MARGIN_DB)
    )


def hits(fits: Fits, third: NDArray[np.float64]) -> Iterator[Hit]:
    """The fits as hits, in the same order."""
    filled, first, last = fits.filled, BEFORE, BEFORE + 2
    whole_before, whole_after = filled[:, first - 1] > FULL, filled[:, last + 1] > FULL
    columns = (
        fits.stream,
        fits.key,
        fits.block - filled[:, first - 1] - np.where(whole_before, filled[:, first - 2], 0),
        fits.block + 3 + filled[:, last + 1] + np.where(whole_after, filled[:, last + 2], 0),
        np.where(whole_before, filled[:, first - 3], filled[:, first - 2]),
        np.where(whole_after, filled[:, last + 3], filled[:, last + 2]),
        fits.offset[:, 0],
        fits.offset[:, 1],
        10 * np.log10(fits.power[:, 1] / fits.power[:, 0]),
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

    def is_digit(self, rules: Rules) -> bool:
        seen, count = self.seen, len(self.seen)
        left = sum(hit.unexplained for hit in seen) / count
        noise = max(left, 0.0)
        return (
            self.length_s >= rules.length_s
            and left <= rules.unexplained
            and rules.twist_db[0] <= sum(hit.twist for hit in seen) / count <= rules.twist_db[1]
            and self._keeps_pitch([hit.low for hit in seen], noise, rules)
            and self._keeps_pitch([hit.high for hit in seen], noise, rules)
            and self._stands_alone(noise, rules)
            and self._is_switched(noise, rules)
        )

    def _keeps_pitch(self, offsets: list[float], noise: float, rules: Rules) -> bool:
        limit = rules.offset_percent - rules.offset_per_unexplained * noise
        return abs(sum(offsets)) <= limit * len(offsets) and max(offsets) - min(offsets) <= rules.drift_percent

    def _stands_alone(self, noise: float, rules: Rules) -> bool:
        third = sum(hit.third for hit in self.seen) / len(self.seen)
        return third <= (rules.clean_third if noise < rules.clean else rules.noisy_third * noise)

    def _is_switched(self, noise: float, rules: Rules) -> bool:
        """Whether the tones are steady, as of a key, and stop at once where they stop."""
        coherence = max(hit.coherence for hit in self.seen)
        evenness = max(hit.evenness for hit in self.seen)
        steady = (
            coherence >= rules.coherence - rules.coherence_per_unexplained * noise
            and evenness >= rules.evenness - rules.evenness_per_unexplained * noise
        )
        sharp = max(self.edge_before, self.edge_after) <= rules.edge + rules.edge_per_unexplained * noise
        pure = noise < rules.clean and coherence >= rules.coherence and evenness >= rules.switched_evenness
        return steady and (sharp or pure)
