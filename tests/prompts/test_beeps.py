"""The beep of each region: its frequency, length and level, found again in the file."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

from controller.core.regions import Tone
from controller.prompts.beeps import beep, beeps
from controller.prompts.level import Samples
from controller.prompts.manifest import SOUNDS
from controller.prompts.region_file import regions

ROWS = regions()
CODES = [*ROWS.by_code, "default"]


def tone_of(code: str) -> Tone:
    return ROWS.by_code[code].tone if code in ROWS.by_code else ROWS.unknown.tone


def measured(samples: Samples, rate: int) -> tuple[float, float, float]:
    """Hz, seconds and dBm0, by FFT of the steady middle; a sine that fills 16 bits is +3.14 dBm0."""
    edge = round(0.005 * rate)
    middle = samples[edge:-edge].astype(float) / 32768
    window = np.hanning(len(middle))
    spectrum = np.abs(np.fft.rfft(middle * window, 1 << 18))
    top = int(spectrum.argmax())
    size = 2 * spectrum[top] / window.sum()
    # Half of its height is where it begins and ends: the edges rise to one half in their middle.
    loud = np.flatnonzero(np.abs(samples.astype(float) / 32768) > size * 0.45)
    return top * rate / (1 << 18), (loud[-1] - loud[0]) / rate, 20 * np.log10(size) + 3.14


@pytest.mark.proves("F-057")
@pytest.mark.parametrize("code", CODES)
def test_the_beep_of_a_region_has_its_frequency_its_length_and_the_level_of_talk(code: str) -> None:
    samples, rate = soundfile.read(SOUNDS / "beep" / f"{code}.wav", dtype="int16")
    frequency, seconds, level = measured(samples, rate)
    assert rate == 8000
    assert np.array_equal(samples, beep(tone_of(code)))
    assert frequency == pytest.approx(tone_of(code).frequency, rel=0.002)
    assert seconds == pytest.approx(tone_of(code).seconds, abs=0.006)
    assert level == pytest.approx(-20, abs=0.1)


@pytest.mark.parametrize("rate", [8000, 16000])
def test_a_beep_is_one_pure_tone_that_does_not_click(rate: int) -> None:
    samples = beep(Tone(1400, 0.5, 15), rate)
    assert len(samples) == rate // 2
    spectrum = np.abs(np.fft.rfft(samples / 32768.0 * np.hanning(len(samples))))
    hertz = np.fft.rfftfreq(len(samples), 1 / rate)
    away = np.abs(hertz - 1400) > 100
    assert 20 * np.log10(spectrum[away].max() / spectrum.max()) < -50
    assert abs(int(samples[0])) < 10
    assert abs(int(samples[-1])) < 10


def test_every_region_has_a_file_and_nothing_else_is_there(tmp_path) -> None:  # type: ignore[no-untyped-def]
    made = beeps(ROWS, tmp_path, 16000)
    assert sorted(made) == sorted(CODES)
    assert sorted(path.stem for path in (SOUNDS / "beep").iterdir()) == sorted(CODES)
    assert soundfile.info(made["de"]).samplerate == 16000
    assert measured(*soundfile.read(made["de"], dtype="int16"))[0] == pytest.approx(1400, rel=0.002)


def test_a_beep_that_the_rate_or_the_level_cannot_carry_is_refused() -> None:
    with pytest.raises(ValueError, match="8000 Hz"):
        beep(Tone(4000, 0.5, 15), 8000)
    with pytest.raises(ValueError, match="full scale"):
        beep(Tone(1400, 0.5, 15), 8000, level=6)


def test_published_cadences_are_told_apart() -> None:
    assert tone_of("de").seconds == 0.08  # 80 ms, not half a second
    assert tone_of("at").period == pytest.approx(15.0)
    assert tone_of("gb").period == pytest.approx(60.5)
    assert tone_of("au").frequency == 425
