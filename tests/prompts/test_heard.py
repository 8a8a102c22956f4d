"""What an independent recogniser understood of the shipped sounds: their words, in their language."""

from __future__ import annotations

import os
from dataclasses import replace

import numpy as np
import pytest
import soundfile

from controller.lab.heard import ACCENTED, doubts, noted, row
from controller.lab.polyglot import FOLDER, Polyglot, errors
from controller.lab.sounds import Samples
from controller.prompts.manifest import SOUNDS, manifest

PAIRS = [(language, name) for language in manifest().languages for name in manifest().prompts]


def sound(language: str, name: str) -> Samples:
    return np.asarray(soundfile.read(SOUNDS / language / f"{name}.wav", dtype="int16")[0], np.int16)


@pytest.mark.proves("F-046")
def test_every_sound_was_understood_as_what_it_says_in_its_language() -> None:
    rows = noted()
    assert sorted(rows) == sorted(PAIRS)
    for (language, name), found in rows.items():
        assert found.sha256 == manifest().made[language, name].sha256, f"{language}/{name}: hear it anew"
        assert found.wrong == pytest.approx(errors(found.text, manifest().prompts[name].words[language]), abs=0.001)
        assert list(doubts(found, language, name)) == []
        assert found.language == language or language in ACCENTED


def test_what_says_something_else_is_doubted() -> None:
    rows = noted()
    swapped = rows["de", "refused"]  # one word away from "recorded"
    assert "understood as refused" in next(doubts(replace(swapped, wrong=0.2), "de", "recorded"))
    foreign = replace(rows["pt", "resumed"], language="pt", wrong=0.2)
    assert any("taken for pt" in each for each in doubts(foreign, "es", "resumed"))
    cut = replace(rows["fr", "opt-out"], text="Cet appel est enregistré. Si vous ne", wrong=0.6)
    assert any("60% of its letters" in each for each in doubts(cut, "fr", "opt-out"))


@pytest.fixture(scope="module")
def ears() -> Polyglot:
    if FOLDER not in os.environ:
        pytest.skip("make voices brings the recogniser")
    return Polyglot()


@pytest.mark.parametrize("language", manifest().languages)
def test_swapped_cut_off_and_foreign_sounds_are_found_by_ear(ears: Polyglot, language: str) -> None:
    names = list(manifest().prompts)
    for name, other in zip(names, names[1:] + names[:1], strict=True):
        assert any(doubts(row(ears, sound(language, other), language, name), language, name)), f"{other} for {name}"
    whole = sound(language, "opt-out")
    assert any(doubts(row(ears, whole[: len(whole) // 2], language, "opt-out"), language, "opt-out"))
    languages = list(manifest().languages)
    for foreign in languages:
        if foreign != language:
            found = row(ears, sound(foreign, "refused"), language, "refused")
            assert any(doubts(found, language, "refused")), f"{foreign} for {language}: {found.text}"


@pytest.mark.parametrize("language", manifest().languages)
def test_the_recogniser_still_understands_what_was_noted(ears: Polyglot, language: str) -> None:
    for name in manifest().prompts:
        assert list(doubts(row(ears, sound(language, name), language, name), language, name)) == []
