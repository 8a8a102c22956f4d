"""The ears hear what is there, where it is, and nothing else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from controller.lab import ears, sounds
from controller.lab.ears import Span, Stretch, Tone


def test_ulaw_is_that_of_the_sound_library(tmp_path: Path) -> None:
    every = np.arange(-32768, 32768).astype(np.int16)
    path = tmp_path / "all.ulaw"
    soundfile.write(path, every, 8000, subtype="ULAW", format="RAW")
    theirs, _ = soundfile.read(path, dtype="int16", format="RAW", subtype="ULAW", samplerate=8000, channels=1)
    assert np.array_equal(sounds.from_ulaw(path.read_bytes()), theirs)
    # At a border between two codes either may be taken; ours is never further off than the library's.
    ours = sounds.through_ulaw(every)
    assert (np.abs(ours.astype(int) - every) <= np.abs(theirs.astype(int) - every)).all()


def test_silence_stays_digital_silence_through_ulaw() -> None:
    assert not sounds.through_ulaw(sounds.silence(0.1)).any()


def test_tones_are_found_to_the_frame_also_two_at_once() -> None:
    sound = np.concatenate([sounds.silence(0.1), sounds.tone(450, 0.5), sounds.silence(0.2)])
    sound[3200:6400] += sounds.tone(700, 0.4)
    assert ears.tones(sounds.through_ulaw(sound)) == [Tone(0.1, 0.6, 450), Tone(0.4, 0.8, 700)]


def test_noise_and_silence_hold_no_lasting_tone() -> None:
    for sound in (sounds.noise(1, 2), sounds.silence(1)):
        assert [tone for tone in ears.tones(sound) if tone.seconds > 0.1] == []


def test_silences_are_found() -> None:
    sound = np.concatenate([sounds.noise(1, 0.2), sounds.silence(0.1), sounds.noise(2, 0.1)])
    assert ears.silences(sound) == [Span(0.2, 0.3)]


def test_known_noise_is_located_to_the_sample_through_ulaw() -> None:
    sent = sounds.noise(5, 3)
    heard = sounds.through_ulaw(np.concatenate([sounds.silence(0.1), sent[1234 : 1234 + 8000]]))
    assert ears.locate(heard, sent) == [Stretch(0.1, 1.1, 1234 / 8000)]


def test_a_cut_shows_as_two_stretches_with_what_is_missing_between_them() -> None:
    sent = sounds.noise(5, 3)
    first, second = ears.locate(np.concatenate([sent[:4800], sent[8000:16000]]), sent)
    assert first.sent == 0
    assert first.sent_end == pytest.approx(0.6)
    assert second.start == pytest.approx(0.6)
    assert second.sent == 1.0


def test_a_voice_is_located_under_another_that_is_as_loud() -> None:
    hers, his = sounds.noise(1, 2), sounds.noise(2, 2)
    mixed = (hers.astype(np.int32) + his).clip(-32768, 32767).astype(np.int16)
    for sent in (hers, his):
        assert max(stretch.seconds for stretch in ears.locate(mixed, sent)) > 1.5
    assert ears.locate(mixed, sounds.noise(3, 2)) == []


def test_a_voice_is_not_found_where_it_was_not_sent() -> None:
    assert ears.locate(sounds.silence(1), sounds.noise(1, 1)) == []
    assert ears.locate(sounds.noise(1, 1), sounds.silence(1)) == []
    assert ears.locate(sounds.noise(1, 1), sounds.noise(1, 0.01)) == []


@pytest.mark.parametrize("voice", ["rms", "awb"])
async def test_spoken_sentences_come_out_of_the_telephone_without_a_wrong_word(voice: str) -> None:
    for sentence in sounds.SENTENCES[voice]:
        line = np.concatenate([sounds.silence(0.3), await sounds.speech(sentence, voice), sounds.silence(0.3)])
        assert ears.words(sounds.through_ulaw(line)) == sentence


async def test_two_sentences_with_a_pause_are_two_utterances() -> None:
    one, two = sounds.SENTENCES["rms"][:2]
    sound = np.concatenate([await sounds.speech(one), sounds.silence(0.8), await sounds.speech(two)])
    first, second = ears.utterances(sounds.through_ulaw(sound))
    assert (first.text, second.text) == (one, two)
    assert second.start - first.end > 0.7


@pytest.mark.parametrize(
    ("heard", "spoken", "errors"),
    [("a b c", "a b c", 0), ("a c", "a b c", 1), ("a x c", "A, b C!", 1), ("", "a b", 2), ("a b", "", 2)],
)
def test_word_errors_are_counted(heard: str, spoken: str, errors: int) -> None:
    assert ears.word_errors(heard, spoken) == errors


def test_two_channels_at_once_are_refused() -> None:
    with pytest.raises(ValueError, match="one channel"):
        ears.tones(np.zeros((100, 2), np.int16))
