"""The limits of Q.24 and a decibel or two beyond: each row is a few hundred digits with a seed."""

import numpy as np
import pytest

from hardware.dtmf import g711
from hardware.dtmf.tones import Digit, digits
from tests.hardware.dtmf.signals import KEYS, RATE, Samples, Sent, quantised, random_keys, row

COUNT = 320
SEEDS = (1, 2)


def heard(found: list[Digit]) -> str:
    return "".join(digit.key for digit in found)


def share_right(sent: Sent, count: int = COUNT) -> float:
    """The share of digits that were heard once, rightly, where they were sent."""
    right = 0
    for seed in SEEDS:
        keys = random_keys(count, seed)
        samples, starts = row(keys, sent, seed)
        found = digits(samples)
        right += sum(
            [digit.key for digit in found if start - 0.02 < digit.start < start + sent.length] == [key]
            for key, start in zip(keys, starts, strict=True)
        )
    return right / (count * len(SEEDS))


def number_heard(sent: Sent, keys: str) -> int:
    return sum(len(digits(row(keys, sent, seed)[0])) for seed in SEEDS)


@pytest.mark.parametrize("key", KEYS)
def test_each_key_is_heard_with_its_start_and_length(key: str) -> None:
    sent = Sent(length=0.080)
    samples, starts = row(key * 20, sent, seed=3)
    found = digits(samples)
    assert heard(found) == key * 20
    for digit, start in zip(found, starts, strict=True):
        assert digit.start == pytest.approx(start, abs=0.004)
        assert digit.length == pytest.approx(0.080, abs=0.006)


@pytest.mark.parametrize("one_tone", [False, True])
@pytest.mark.parametrize("percent", [0.5, 1.0, 1.5, 1.8])
def test_forty_milliseconds_with_tones_a_little_off_are_always_heard(percent: float, one_tone: bool) -> None:
    assert share_right(Sent(length=0.040, offset=percent / 100, one_tone=one_tone)) == 1


@pytest.mark.parametrize("one_tone", [False, True])
@pytest.mark.parametrize("percent", [3.0, 3.5, 4.0, 4.5, 5.0])
@pytest.mark.parametrize("length", [0.040, 0.150])
def test_tones_too_far_off_are_never_heard(percent: float, one_tone: bool, length: float) -> None:
    assert number_heard(Sent(length, offset=percent / 100, one_tone=one_tone), random_keys(COUNT, 4)) == 0


@pytest.mark.parametrize(
    ("snr_db", "length", "at_least"),
    [(20, 0.040, 1.0), (6, 0.050, 1.0), (6, 0.040, 0.998), (5, 0.050, 0.99), (5, 0.040, 0.99)],
)
def test_digits_are_heard_through_white_noise(snr_db: float, length: float, at_least: float) -> None:
    assert share_right(Sent(length=length, snr_db=snr_db)) >= at_least


@pytest.mark.parametrize("length", [0.040, 0.045, 0.060, 0.093, 0.250, 1.0])
def test_what_lasts_forty_milliseconds_or_more_is_always_heard(length: float) -> None:
    assert share_right(Sent(length=length, pause=0.040), count=64 if length > 0.1 else COUNT) == 1


@pytest.mark.parametrize("length", [0.005, 0.010, 0.015, 0.020, 0.023])
@pytest.mark.parametrize("offset", [0.0, 0.018])
def test_what_lasts_twenty_three_milliseconds_or_less_is_never_heard(length: float, offset: float) -> None:
    assert number_heard(Sent(length=length, offset=offset), random_keys(COUNT, 5)) == 0


@pytest.mark.parametrize("hole", [0.002, 0.005, 0.010])
@pytest.mark.parametrize("length", [0.050, 0.060, 0.070, 0.080, 0.100, 0.200])
def test_a_dropout_within_a_digit_leaves_it_one_digit(hole: float, length: float) -> None:
    assert share_right(Sent(length=length, hole=hole)) == 1


@pytest.mark.parametrize("pause", [0.030, 0.035, 0.040, 0.050])
def test_a_pause_of_thirty_milliseconds_makes_two_digits_of_one_key(pause: float) -> None:
    for key in "1A*D":
        assert number_heard(Sent(length=0.060, pause=pause), key * 100) == 100 * len(SEEDS)


def test_two_keys_without_any_pause_are_two_digits() -> None:
    keys = "15" * 40
    samples, _ = row(keys, Sent(length=0.060, pause=0.0), seed=6)
    assert heard(digits(samples)) == keys


@pytest.mark.parametrize("twist_db", [-8.5, -8.0, -4.0, 0.0, 4.0, 4.5])
def test_one_group_weaker_within_the_limits_is_always_heard(twist_db: float) -> None:
    assert share_right(Sent(length=0.040, twist_db=(twist_db, twist_db))) == 1


@pytest.mark.parametrize("twist_db", [-20.0, -12.0, -10.0, 6.0, 8.0, 20.0])
def test_one_group_far_weaker_is_never_heard(twist_db: float) -> None:
    assert number_heard(Sent(twist_db=(twist_db, twist_db)), random_keys(COUNT, 7)) == 0


@pytest.mark.parametrize(("level", "share"), [(0, 1), (-3, 1), (-25, 1), (-41, 1), (-44, 0), (-55, 0)])
def test_digits_are_heard_down_to_forty_one_decibels(level: float, share: int) -> None:
    assert share_right(Sent(level_dbm0=level)) == share


def test_several_troubles_at_once_are_mostly_survived() -> None:
    sent = Sent(length=0.040, pause=0.040, offset=0.015, twist_db=(-8.0, 4.0), snr_db=10)
    assert share_right(sent) >= 0.99


@pytest.mark.parametrize("law", g711.Law)
def test_the_law_of_the_line_changes_no_verdict(law: g711.Law) -> None:
    for sent in (
        Sent(0.040, offset=0.018),
        Sent(0.040, snr_db=8),
        Sent(0.023),
        Sent(level_dbm0=-40),
        Sent(offset=0.03),
    ):
        samples, _ = row(random_keys(COUNT, 8), sent, seed=8)
        through = g711.decode(g711.encode(samples, law), law)
        assert heard(digits(through)) == heard(digits(samples))


def test_the_place_within_a_block_changes_no_verdict() -> None:
    keys = random_keys(40, 9)
    for sent, expected in ((Sent(0.040, offset=0.018), keys), (Sent(0.040, snr_db=8), keys), (Sent(0.023), "")):
        samples, _ = row(keys, sent, seed=9)
        for shift in range(80):
            shifted = np.concatenate([np.zeros(shift, np.int16), samples])
            assert heard(digits(shifted)) == expected, shift


def harmonics(pitch: float, seconds: float, rng: np.random.Generator) -> np.ndarray:
    """A vowel of sorts: gliding pitch, all overtones, two formants where the two tone groups are."""
    t = np.arange(int(seconds * RATE)) / RATE
    phase = 2 * np.pi * np.cumsum(pitch * (1 + 0.15 * np.sin(2 * np.pi * 2.5 * t + rng.uniform(0, 6)))) / RATE
    wave = np.zeros(len(t))
    for k in range(1, int(3600 / pitch)):
        formants = np.exp(-(((k * pitch - 800) / 200) ** 2)) + np.exp(-(((k * pitch - 1350) / 250) ** 2))
        wave += (0.05 + formants) * np.sin(k * phase)
    return wave * (0.6 + 0.4 * np.sin(2 * np.pi * 4 * t))


def no_digits() -> dict[str, Samples]:
    rng = np.random.default_rng(10)
    t = np.arange(20 * RATE) / RATE
    dial = np.sin(2 * np.pi * 350 * t) + np.sin(2 * np.pi * 440 * t)
    ringing = np.sin(2 * np.pi * 440 * t) + np.sin(2 * np.pi * 480 * t)
    sweep = np.sin(2 * np.pi * np.cumsum(np.linspace(300, 3400, len(t))) / RATE)
    return {
        "white noise": quantised(rng.normal(0, 3000, 60 * RATE)),
        "loud noise": quantised(rng.normal(0, 30000, 20 * RATE)),
        "silence": np.zeros(20 * RATE, np.int16),
        "faint hiss": rng.integers(-1, 2, 20 * RATE).astype(np.int16),
        "dial tone": quantised(8000 * dial),
        "ringing": quantised(8000 * ringing),
        "one tone of a pair": quantised(8000 * np.sin(2 * np.pi * 770 * t)),
        "two tones of one group": quantised(8000 * (np.sin(2 * np.pi * 697 * t) + np.sin(2 * np.pi * 852 * t))),
        "register signal of R1": quantised(8000 * (np.sin(2 * np.pi * 900 * t) + np.sin(2 * np.pi * 1300 * t))),
        "sweep": quantised(9000 * sweep),
        "square wave": quantised(9000 * np.sign(np.sin(2 * np.pi * 697 * t))),
        "vowels": quantised(
            np.concatenate([2000 * harmonics(pitch, 2.0, rng) for pitch in rng.uniform(90, 400, 60)])
        ),
        "clicks": quantised(np.where(rng.random(20 * RATE) < 0.01, rng.normal(0, 20000, 20 * RATE), 0)),
    }


NO_DIGITS = no_digits()


@pytest.mark.parametrize(("name", "samples"), list(NO_DIGITS.items()), ids=list(NO_DIGITS))
def test_what_is_no_digit_is_not_heard_as_one(name: str, samples: Samples) -> None:
    assert digits(samples) == [], name
