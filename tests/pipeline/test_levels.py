"""How loud a side is, in figures."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.pipeline.levels import SILENCE_DB, Tally, level, tally
from tests.pipeline.recordings import quiet, tone


def test_a_sine_has_the_level_that_mathematics_says() -> None:
    found = level("customer", tally(tone(400, 1.0, level=0.5), 8000))
    assert found.peak == pytest.approx(-6.0, abs=0.1)
    assert found.rms == pytest.approx(-9.0, abs=0.1)
    assert (found.silent, found.zero, found.clipped) == (0.0, 0.0, 0.0)


def test_digital_silence_has_a_level_that_json_can_say() -> None:
    found = level("house", tally(quiet(1.0), 8000))
    assert (found.peak, found.rms, found.silent, found.zero) == (SILENCE_DB, SILENCE_DB, 1.0, 1.0)


def test_nothing_at_all_has_a_level_too() -> None:
    assert level("house", Tally()).rms == SILENCE_DB


def test_hiss_is_silence_but_not_digital_silence() -> None:
    hiss = np.random.default_rng(1).integers(-20, 21, 8000).astype(np.int16)
    found = level("customer", tally(hiss, 8000))
    assert (found.silent, found.zero) == (1.0, 0.0)


def test_half_silent_is_half() -> None:
    assert level("customer", tally(np.concatenate([tone(400, 1), quiet(1)]), 8000)).zero == 0.5


def test_what_is_cut_off_at_the_loudest_value_is_clipped() -> None:
    loud = np.clip(tone(400, 1.0, level=0.9).astype(int) * 2, -32124, 32124).astype(np.int16)
    assert level("customer", tally(loud, 8000)).clipped > 0.5


def test_the_lowest_sample_has_a_peak() -> None:
    assert tally(np.full(160, -32768, np.int16), 8000).peak == 32768


@settings(deadline=None)
@given(st.lists(st.integers(0, 20), min_size=1, max_size=8), st.integers(0, 2**32 - 1))
def test_sums_do_not_depend_on_the_blocks(blocks: list[int], seed: int) -> None:
    samples = np.random.default_rng(seed).integers(-32768, 32768, sum(blocks) * 160).astype(np.int16)
    total, at = Tally(), 0
    for frames in blocks:
        total = total.plus(tally(samples[at : at + frames * 160], 8000))
        at += frames * 160
    assert total == tally(samples, 8000)
    assert total.squares == sum(int(value) ** 2 for value in samples)
