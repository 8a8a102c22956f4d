"""The detector as a stream: cuts, many streams at once, beginnings and ends, and input that is no sound."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hardware.dtmf.rules import Rules
from hardware.dtmf.tones import Detector, Digit, digits
from tests.hardware.dtmf.signals import RATE, Samples, Sent, quantised, random_keys, row, tone_pair

TICK = 160


def in_pieces(samples: Samples, cuts: list[int], streams: int = 1) -> list[Digit]:
    detector = Detector(streams)
    found: list[Digit] = []
    for piece in np.split(samples, cuts, axis=-1):
        found += detector.feed(piece)
    return sorted(found + detector.flush())


def call(seed: int, seconds: float) -> Samples:
    """A stream of a given length with a few digits: some clean, some noisy, one held, some with dropouts."""
    rng = np.random.default_rng(seed)
    kinds = [
        Sent(0.040),
        Sent(0.07, snr_db=6),
        Sent(0.9),
        Sent(0.1, hole=0.01),
        Sent(0.05, hole=0.01),
        Sent(0.06, hole=0.01, snr_db=11),
        Sent(0.04, offset=0.018),
        Sent(0.023),
    ]
    parts = [row(random_keys(2, seed + i), kinds[i], seed + i)[0] for i in rng.permutation(len(kinds))]
    whole = np.concatenate([*parts, np.zeros(int(seconds * RATE), np.int16)])
    return whole[: int(seconds * RATE)]


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 1000), data=st.data())
def test_however_the_sound_is_cut_the_same_digits_come_out(seed: int, data: st.DataObject) -> None:
    samples = call(seed, 3.5)
    sizes = data.draw(st.lists(st.integers(0, 2500), max_size=60))
    cuts = [int(cut) for cut in np.cumsum(sizes) if cut < len(samples)]
    assert in_pieces(samples, cuts) == digits(samples)


@pytest.mark.parametrize("size", [1, 7, 79, 80, 81, 160, 161, 1000])
def test_pieces_of_any_one_size_give_the_same_digits(size: int) -> None:
    samples = call(77, 4.0)
    assert in_pieces(samples, list(range(size, len(samples), size))) == digits(samples)


def test_hundreds_of_live_streams_do_not_hear_each_other() -> None:
    streams = 300
    calls = np.stack([call(seed, 2.5) for seed in range(streams)])
    calls[100:200] = np.random.default_rng(0).normal(0, 1000, (100, calls.shape[1])).astype(np.int16)
    together = in_pieces(calls, list(range(TICK, calls.shape[1], TICK)), streams)
    for stream in range(streams):
        alone = [(d.start, d.length, d.key) for d in digits(calls[stream])]
        assert [(d.start, d.length, d.key) for d in together if d.stream == stream] == alone
    assert {d.stream for d in together} == set(range(100)) | set(range(200, 300))


def test_a_file_of_two_channels_tells_which_channel_spoke() -> None:
    left, _ = row("123", Sent(), seed=1)
    right, _ = row("456", Sent(), seed=2)
    size = max(len(left), len(right))
    both = np.zeros((size, 2), np.int16)  # as sound files hold it: samples, then channels
    both[: len(left), 0], both[: len(right), 1] = left, right
    found = digits(both.T)
    assert "".join(d.key for d in found if d.stream == 0) == "123"
    assert "".join(d.key for d in found if d.stream == 1) == "456"
    assert [d.start for d in found] == sorted(d.start for d in found)


def test_a_key_held_for_a_minute_is_one_digit_of_a_minute() -> None:
    samples, starts = row("7", Sent(length=60.0), seed=3)
    (digit,) = in_pieces(samples, list(range(TICK, len(samples), TICK)))
    assert digit.key == "7"
    assert digit.start == pytest.approx(starts[0], abs=0.004)
    assert digit.length == pytest.approx(60.0, abs=0.01)


def test_a_digit_at_the_very_beginning_and_one_at_the_very_end_are_heard() -> None:
    rng = np.random.default_rng(4)
    first = tone_pair("1", 0.04, (-10, -10), (0, 0), rng)
    last = tone_pair("9", 0.04, (-10, -10), (0, 0), rng)
    found = digits(quantised(np.concatenate([first, np.zeros(1013), last])))
    assert [(d.key, round(d.start, 2)) for d in found] == [("1", 0.0), ("9", 0.17)]


@pytest.mark.parametrize("hole", [0.0, 0.010])
def test_a_live_digit_is_reported_at_most_120_ms_after_its_end(hole: float) -> None:
    detector = Detector()
    for alignment in range(0, TICK, 13):
        samples, starts = row("5", Sent(length=0.060, hole=hole), seed=alignment)
        samples = np.concatenate([np.zeros(alignment, np.int16), samples, np.zeros(TICK, np.int16)])
        end = starts[0] + alignment / RATE + 0.060
        reported = next(
            at + TICK for at in range(0, len(samples) - TICK, TICK) if detector.feed(samples[at : at + TICK])
        )
        assert reported / RATE - end < 0.12
        detector.flush()


def test_a_key_that_is_down_is_known_before_it_is_let_go() -> None:
    samples, starts = row("8", Sent(length=0.5), seed=5)
    detector = Detector()
    detector.feed(samples[: int((starts[0] + 0.12) * RATE)])
    assert detector.sounding() == {0: "8"}
    detector.feed(samples[int((starts[0] + 0.12) * RATE) :])
    assert detector.sounding() == {}


def test_after_a_flush_the_clock_begins_anew() -> None:
    detector = Detector()
    samples, _ = row("12", Sent(), seed=6)
    first = detector.feed(samples[:-37]) + detector.flush()
    assert detector.feed(samples[:-37]) + detector.flush() == first


def test_rules_of_ones_own_are_kept() -> None:
    samples, _ = row("1234", Sent(length=0.060), seed=7)
    assert len(digits(samples, Rules(length_s=0.055))) == 4
    assert digits(samples, Rules(length_s=0.070)) == []


def test_no_samples_give_no_digits() -> None:
    assert digits(np.empty(0, np.int16)) == []
    assert digits(np.empty((2, 0), np.int16)) == []
    assert Detector(3).feed(np.empty((3, 0), np.int16)) == []
    assert Detector().flush() == []


@pytest.mark.parametrize("kind", [np.float32, np.float64, np.int32, np.uint16, np.uint8, np.bool_])
def test_samples_of_another_type_are_refused_by_name(kind: type) -> None:
    with pytest.raises(TypeError, match=f"int16 at 8000 Hz, not {np.dtype(kind)}"):
        digits(np.zeros(800, kind))


@pytest.mark.parametrize("thing", [b"\x00" * 160, [0] * 160, None, "123"])
def test_what_is_no_array_is_refused(thing: object) -> None:
    with pytest.raises(TypeError, match="must be a numpy array of int16"):
        Detector().feed(thing)  # type: ignore[arg-type]


@pytest.mark.parametrize("shape", [(160,), (3, 160), (160, 2), (2, 160, 1), ()])
def test_samples_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"shape \(2, n\)"):
        Detector(2).feed(np.zeros(shape, np.int16))


def test_a_detector_of_no_streams_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        Detector(0)


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=40000))
def test_any_bytes_taken_as_sound_do_no_harm(data: bytes) -> None:
    samples = np.frombuffer(data[: len(data) // 2 * 2], np.int16)
    for digit in digits(samples):
        assert digit.length >= 0.03


def test_the_loudest_possible_sound_does_no_harm() -> None:
    for value in (-32768, 32767):
        assert digits(np.full(8000, value, np.int16)) == []
    square = np.where(np.arange(80000) % 2, 32767, -32768).astype(np.int16)
    assert digits(square) == []
