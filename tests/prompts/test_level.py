"""How loud speech is: against signals whose active level is known."""

from __future__ import annotations

import numpy as np
import pytest

from controller.prompts.level import PEAK, Samples, active_level, at_level, trimmed


def talk(rate: int, level: float, seconds: float = 4, silence: float = 0) -> Samples:
    """Noise of so many dBov, with silence of so many seconds after it."""
    values = np.random.default_rng(5).standard_normal(round(rate * seconds))
    values *= 10 ** (level / 20) / np.sqrt((values**2).mean())
    return np.rint(np.concatenate([values, np.zeros(round(rate * silence))]) * 32768).astype(np.int16)


@pytest.mark.parametrize("rate", [8000, 16000])
@pytest.mark.parametrize("level", [-40, -26, -16])
def test_the_level_of_steady_sound_is_its_power(rate: int, level: float) -> None:
    assert active_level(talk(rate, level), rate) == pytest.approx(level, abs=0.3)


def test_silence_between_the_words_does_not_count() -> None:
    # Half of it silent: plain power would be 3 dB less. P.56 counts 0.2 s of hangover as speech.
    assert active_level(talk(8000, -26, 4, silence=4), 8000) == pytest.approx(-26, abs=0.5)
    assert active_level(np.zeros(8000, np.int16), 8000) == -np.inf


def test_what_is_brought_to_a_level_is_at_it_and_passes_no_peak() -> None:
    for level in (-45, -30, -12):
        made = at_level(talk(8000, level), 8000)
        assert active_level(made, 8000) == pytest.approx(-20, abs=0.3)
        assert np.abs(made.astype(int)).max() <= 32768 * 10 ** (PEAK / 20)
    spiky = talk(8000, -30)
    spiky[::400] = 20000  # a click every 50 ms, 20 dB above the rest
    bent = at_level(spiky, 8000, -12)
    assert bent[::400].min() > 25000
    assert np.abs(bent.astype(int)).max() <= 32768 * 10 ** (PEAK / 20) + 0.5
    assert not at_level(np.zeros(800, np.int16), 8000).any()


def test_silence_at_both_ends_is_cut_to_what_is_to_be_left() -> None:
    quiet = np.zeros(8000, np.int16)
    sound = np.concatenate([quiet, talk(8000, -26, 1), quiet])
    cut = trimmed(sound, 8000)
    assert len(cut) == pytest.approx(8000 * 1.15, abs=80)
    assert len(trimmed(quiet, 8000)) == 0
