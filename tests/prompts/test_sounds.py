"""The sounds that are shipped: all there, all as noted, all equally loud, and English ones understood by ear."""

from __future__ import annotations

import re

import numpy as np
import pytest
import soundfile

from controller.lab import ears, sounds
from controller.prompts.examine import examine, remedy
from controller.prompts.find import find, lacking
from controller.prompts.level import PEAK, TARGET, active_level
from controller.prompts.make import digest
from controller.prompts.manifest import SOUNDS, manifest

IDS = ("recorded", "opt-out", "opt-in", "refused", "cannot-record", "started", "stopped", "paused", "resumed")
LANGUAGES = ("en", "de", "fr", "es", "it", "pt", "nl", "zh")
PAIRS = [(language, name) for language in LANGUAGES for name in IDS]


def heard(language: str, name: str) -> sounds.Samples:
    samples, rate = soundfile.read(SOUNDS / language / f"{name}.wav", dtype="int16")
    assert rate == 8000
    return np.asarray(samples, np.int16)


def test_the_manifest_has_the_nine_prompts_in_eight_languages() -> None:
    told = manifest()
    assert tuple(told.prompts) == IDS
    assert told.languages == LANGUAGES
    assert all(set(prompt.words) == set(LANGUAGES) for prompt in told.prompts.values())


@pytest.mark.parametrize(("language", "name"), PAIRS)
def test_a_sound_is_what_was_noted_of_it_and_as_loud_as_all_others(language: str, name: str) -> None:
    samples, noted = heard(language, name), manifest().made[language, name]
    info = soundfile.info(SOUNDS / language / f"{name}.wav")
    assert (info.channels, info.subtype, info.format) == (1, "PCM_16", "WAV")  # what format_wav of Asterisk reads
    assert digest(samples) == noted.sha256
    assert noted.words == manifest().prompts[name].words[language]
    assert len(samples) / 8000 == pytest.approx(noted.seconds, abs=0.001)
    assert active_level(samples, 8000) == pytest.approx(TARGET, abs=0.5)
    assert np.abs(samples.astype(int)).max() <= 32768 * 10 ** (PEAK / 20)
    # It starts and ends in as much silence as was left on purpose: none of the voice is cut off.
    frames = samples[: len(samples) // 40 * 40].reshape(-1, 40).astype(float)
    power = (frames**2).mean(axis=1)
    loud = np.flatnonzero(power > power.max() * 10 ** (-45 / 10)) * 0.005
    assert 0.035 <= loud[0] <= 0.06
    assert 0.085 <= len(samples) / 8000 - loud[-1] - 0.005 <= 0.115
    # As long as such words take.
    letters = len(re.sub(r"\W", "", noted.words)) * (3 if language == "zh" else 1)
    assert 8 < letters / noted.seconds < 24


@pytest.mark.proves("F-046")
@pytest.mark.parametrize("name", IDS)
def test_an_offline_recogniser_hears_every_english_word(name: str) -> None:
    said = manifest().prompts[name].words["en"]
    assert ears.word_errors(ears.words(heard("en", name)), said) == 0


def test_no_two_prompts_sound_the_same() -> None:
    assert len({row.sha256 for row in manifest().made.values()}) == len(PAIRS)


def test_nothing_is_wrong_with_what_is_shipped() -> None:
    assert examine() == []
    assert [lacking(language) for language in LANGUAGES] == [()] * 8


def test_a_prompt_comes_in_the_nearest_language_that_there_is() -> None:
    for asked, given in {"pt-BR": "pt", "de_AT": "de", "zh": "zh", "sv": "en"}.items():
        found = find("opt-out", asked)
        assert found is not None
        assert found.language == given
        assert found.words == manifest().prompts["opt-out"].words[given]
        assert found.path.is_file()
    swedish = find("opt-out", "sv", default="fr")
    assert swedish is not None
    assert swedish.language == "fr"
    assert find("welcome", "en") is None
    assert lacking("pt-br") == IDS  # a PBX is told a path, and finds nothing there
    assert lacking("sv") == IDS


def test_a_language_without_prompts_is_told_with_the_remedy() -> None:
    assert remedy("sv", lacking("sv")) == (
        "there are no prompts in 'sv': en, de, fr, es, it, pt, nl, zh are there; "
        "your own: onrecord prompt import FILE --language sv --prompt recorded"
    )
    assert "in 'pt-br'; there are in 'pt'" in remedy("pt-br", lacking("pt-br"))
    assert "in 'sv' there is no paused, resumed;" in remedy("sv", ("paused", "resumed"))
