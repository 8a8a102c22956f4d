"""What makes a voice no digit, one trait at a time: pairs of tones with a flaw that a key does not have.

Every case says which limit of Rules it holds, and is heard as soon as that limit is lifted:
no limit is there in vain.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pytest

from hardware.dtmf.rules import Q24
from hardware.dtmf.tones import digits
from tests.hardware.dtmf.signals import HIGH, LOW, ONE_DBM0, RATE, Samples, Wave, quantised

COUNT = 60
Random = np.random.Generator


@dataclass(frozen=True)
class Voice:
    """Something that sounds for a while; `at` is the time within it."""

    length: float
    rng: Random

    @property
    def at(self) -> Wave:
        return np.arange(round(self.length * RATE)) / RATE

    def pair(self, high: Wave | float = 1.0, glide: Wave | float = 0.0, phase: Wave | float = 0.0) -> Wave:
        """Two tones of a random key: the gain of the high one, and what moves both in pitch and in phase."""
        wave = np.zeros(len(self.at))
        for nominal, gain in ((self.rng.choice(LOW), 1.0), (self.rng.choice(HIGH), high)):
            turned = 2 * np.pi * np.cumsum(nominal * (1 + glide + 0 * self.at)) / RATE
            wave += gain * np.sin(turned + phase + self.rng.uniform(0, 6))
        return 0.3 * ONE_DBM0 * wave

    def noise(self, share: float) -> Wave:
        """White noise that holds this share of the energy beside a pair as above."""
        return self.rng.normal(0, 0.3 * ONE_DBM0 * np.sqrt(share / (1 - share)), len(self.at))


def swelling(voice: Voice) -> Wave:
    return np.sin(np.pi * voice.at / voice.length) ** 2 * voice.pair() + voice.noise(0.12)


def swelling_and_gliding(voice: Voice) -> Wave:
    """Without noise: only what is quite still in pitch is excused from a sharp edge."""
    way = 2 * voice.at / voice.length - 1
    return np.sin(np.pi * voice.at / voice.length) ** 2 * voice.pair(glide=0.018 * way)


def with_a_third_tone(voice: Voice) -> Wave:
    third = voice.rng.choice([310, 420, 500, 1900, 2300])
    return voice.pair() + 0.3 * ONE_DBM0 * 0.75 * np.sin(2 * np.pi * third * voice.at)


def gliding(voice: Voice) -> Wave:
    way = 2 * voice.at / voice.length - 1
    return voice.pair(glide=voice.rng.choice([-1, 1]) * 0.02 * way)


def bent(voice: Voice) -> Wave:
    """Both tones slide by 60 Hz within 40 ms: too short for drift to be seen, and right on the average."""
    return voice.pair(phase=np.pi * 1500 * (voice.at - voice.length / 2) ** 2)


def beating(voice: Voice) -> Wave:
    """One tone comes and goes, the other covers it."""
    return voice.pair(high=0.9 * np.abs(np.cos(2 * np.pi * 12.5 * voice.at + voice.rng.uniform(0, 3))))


def buried(voice: Voice) -> Wave:
    return voice.pair() + voice.noise(0.40)


def off_pitch_in_noise(voice: Voice) -> Wave:
    return voice.pair(glide=voice.rng.choice([-0.0225, 0.0225])) + voice.noise(0.18)


FLAWS: dict[str, tuple[Callable[[Voice], Wave], float, dict[str, float]]] = {
    "swelling and fading": (swelling, 0.180, {"edge": 9.0}),
    "swelling and gliding": (swelling_and_gliding, 0.180, {"pure_drift_percent": 9.0}),
    "a third tone": (with_a_third_tone, 0.090, {"third": 9.0}),
    "gliding": (gliding, 0.090, {"drift_percent": 99.0}),
    "bent": (bent, 0.040, {"coherence": 0.0}),
    "beating": (beating, 0.090, {"evenness": -9.0, "edge": 9.0}),
    "buried in noise": (buried, 0.090, {"unexplained": 0.6, "offset_per_unexplained": 0.0}),
    "off pitch and noisy": (off_pitch_in_noise, 0.090, {"offset_per_unexplained": 0.0}),
}


def line_with(flaw: Callable[[Voice], Wave], length: float) -> Samples:
    rng = np.random.default_rng(1)
    parts: list[Wave] = []
    for _ in range(COUNT):
        parts += [np.zeros(800 + rng.integers(80)), flaw(Voice(length, rng))]
    return quantised(np.concatenate([*parts, np.zeros(1600)]))


@pytest.mark.parametrize("length", [0.045, 0.090, 0.180])
def test_the_same_tones_without_a_flaw_are_heard(length: float) -> None:
    assert len(digits(line_with(Voice.pair, length))) == COUNT
    assert len(digits(line_with(lambda voice: voice.pair() + voice.noise(0.2), length))) == COUNT


@pytest.mark.parametrize("name", FLAWS)
def test_tones_with_a_flaw_are_not_heard_and_would_be_without_the_limit(name: str) -> None:
    flaw, length, lifted = FLAWS[name]
    samples = line_with(flaw, length)
    heard, without = digits(samples), digits(samples, replace(Q24, **lifted))
    assert len(heard) <= COUNT // 30
    assert len(without) >= COUNT // 3
