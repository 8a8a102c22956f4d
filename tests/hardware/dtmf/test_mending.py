"""Digits with a dropout: what makes one digit of two short tones, and what keeps other things from being one."""

from collections.abc import Callable

import numpy as np
import pytest

from hardware.dtmf.tones import digits
from tests.hardware.dtmf.signals import ONE_DBM0, RATE, Samples, Sent, Wave, quantised, random_keys, row

COUNT = 80
LEVEL = ONE_DBM0 * 10 ** (-12 / 20)


class Interrupted:
    """A digit 8 of 20 ms, nothing for 10 ms, 20 ms more; `now` runs from its beginning in seconds."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.now = np.arange(round(0.050 * RATE)) / RATE
        self.phases = rng.uniform(0, 2 * np.pi, 2)

    @property
    def second(self) -> Wave:
        """1 in the second part, 0 before."""
        return (self.now >= 0.025).astype(float)

    def gap(self, seconds: float = 0.010) -> Wave:
        return (np.abs(self.now - 0.025) >= seconds / 2).astype(float)

    def tones(self, low: Wave | float = 1.0, high: Wave | float = 1.0, jump: Wave | float = 0.0) -> Wave:
        """Of these amplitudes; `jump` in radians, added to the phase of both."""
        turns = 2 * np.pi * np.outer([852, 1336], self.now) + self.phases[:, None] + jump
        return np.asarray(LEVEL * (low * np.sin(turns[0]) + high * np.sin(turns[1])))

    def noise(self, share: float, samples: int) -> Wave:
        """Of this power over the tones'."""
        return self.rng.normal(0, LEVEL * np.sqrt(share), samples)


def line(make: Callable[[Interrupted], Wave], seed: int = 1) -> Samples:
    """COUNT of them, each at another place within the detector's blocks, silence between."""
    rng = np.random.default_rng(seed)
    parts: list[Wave] = []
    for _ in range(COUNT):
        parts += [np.zeros(800 + rng.integers(80)), make(Interrupted(rng))]
    return quantised(np.concatenate([*parts, np.zeros(1600)]))


def heard(make: Callable[[Interrupted], Wave]) -> int:
    return len(digits(line(make)))


def test_two_stretches_of_one_digit_are_one_digit_with_its_whole_length() -> None:
    found = digits(line(lambda one: one.tones() * one.gap()))
    assert [digit.key for digit in found] == ["8"] * COUNT
    assert [digit.length for digit in found] == pytest.approx([0.050] * COUNT, abs=0.004)
    assert [digit.low_dbm0 for digit in found] == pytest.approx([-12.0] * COUNT, abs=0.5)


def test_two_stretches_with_noise_of_ten_decibels_are_heard_as_well() -> None:
    noisy = line(lambda one: one.tones() * one.gap()).astype(float)
    noisy += np.random.default_rng(5).normal(0, LEVEL * np.sqrt(0.08), len(noisy))
    assert len(digits(quantised(noisy))) >= 0.9 * COUNT


FLAWS: dict[str, Callable[[Interrupted], Wave]] = {
    "out of step": lambda one: one.tones(jump=2.8 * one.second) * one.gap(),
    "another pitch": lambda one: one.tones(jump=2 * np.pi * 60 * one.now * one.second) * one.gap(),
    "another loudness": lambda one: one.tones(low=1 - 0.6 * one.second) * one.gap(),
    "a gap too long": lambda one: one.tones() * one.gap(0.016),
    "a gap that is not silent": lambda one: one.tones() * one.gap() + one.noise(0.7, len(one.now)) * (1 - one.gap()),
    "too much noise in it": lambda one: (one.tones() + one.noise(0.5, len(one.now))) * one.gap(),
    "a third tone": lambda one: (one.tones() + LEVEL * np.sin(2 * np.pi * 1750 * one.now)) * one.gap(),
    "a sound before it": lambda one: np.concatenate([one.noise(0.6, 240), one.tones() * one.gap()]),
    "a sound behind it": lambda one: np.concatenate([one.tones() * one.gap(), one.noise(0.6, 240)]),
    "two gaps": lambda one: one.tones() * (np.abs(one.now - 0.0125) >= 0.0025) * (np.abs(one.now - 0.0375) >= 0.0025),
    "twisted": lambda one: one.tones(low=0.4) * one.gap(),
    "too short": lambda one: one.tones() * one.gap() * (np.abs(one.now - 0.025) < 0.0185),
    "too quiet": lambda one: 0.02 * one.tones() * one.gap(),
}


@pytest.mark.parametrize("name", FLAWS)
def test_two_stretches_that_are_not_of_one_digit_are_none(name: str) -> None:
    # Some lie so that one stretch and a part of the other make a digit by themselves, as two taps of a key would.
    assert heard(FLAWS[name]) <= COUNT // 4


def test_dropouts_never_double_a_digit_or_make_another_of_it() -> None:
    keys = random_keys(600, 3)
    for length in (0.050, 0.055, 0.065, 0.090):
        samples, _ = row(keys, Sent(length=length, hole=0.010), 4)
        assert "".join(digit.key for digit in digits(samples)) == keys
