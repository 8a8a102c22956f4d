"""A site's own recordings: what is mended and said, and what is refused with a reason."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from controller.lab import ears
from controller.prompts.examine import examine
from controller.prompts.find import find, lacking
from controller.prompts.keep import keep
from controller.prompts.level import TARGET, Samples, active_level
from controller.prompts.manifest import SOUNDS
from controller.prompts.place import place
from controller.prompts.take import Unfit, take
from hardware.resample import Resampler

WORDS = "this call is being recorded"


def ours() -> Samples:
    samples, _ = soundfile.read(SOUNDS / "en" / "recorded.wav", dtype="int16")
    return np.asarray(samples, np.int16)


def at(rate: int) -> Samples:
    change = Resampler(8000, rate)
    return np.concatenate([change.feed(ours()[None, :])[0], change.flush()[0]])


def written(path: Path, samples: object, rate: int = 8000, subtype: str | None = None) -> Path:
    soundfile.write(path, samples, rate, subtype=subtype)
    return path


def test_a_file_that_is_right_already_is_taken_as_it_is(tmp_path: Path) -> None:
    taken = take(written(tmp_path / "a.wav", ours()))
    assert taken.mended == ()
    assert np.array_equal(taken.samples, ours())


@pytest.mark.parametrize(
    ("rate", "name"), [(44100, "a.wav"), (48000, "a.flac"), (16000, "a.ogg"), (11025, "a.wav"), (44100, "a.mp3")]
)
def test_other_rates_and_kinds_are_brought_to_8_khz_and_the_words_are_still_heard(
    tmp_path: Path, rate: int, name: str
) -> None:
    taken = take(written(tmp_path / name, at(rate), rate))
    assert taken.rate == 8000
    assert f"brought from {rate} Hz to 8000 Hz" in taken.mended
    assert ears.words(taken.samples) == WORDS


@pytest.mark.parametrize("subtype", ["PCM_24", "PCM_32", "FLOAT", "ULAW", "PCM_U8"])
def test_samples_of_other_widths_are_taken_and_the_words_are_still_heard(tmp_path: Path, subtype: str) -> None:
    taken = take(written(tmp_path / "a.wav", at(44100) / 32768, 44100, subtype))
    assert taken.level == pytest.approx(TARGET, abs=0.6)
    assert ears.words(taken.samples) == WORDS


@pytest.mark.parametrize("name", ["a.mp3", "a.flac", "a.ogg", "a.wav"])
@pytest.mark.parametrize("share", [0.02, 0.5, 0.9, 0.99])
def test_a_file_that_breaks_off_is_refused_for_it_would_say_half_of_the_words(
    tmp_path: Path, name: str, share: float
) -> None:
    file = written(tmp_path / name, at(44100), 44100)
    whole = file.read_bytes()
    assert take(file).seconds == pytest.approx(len(ours()) / 8000, abs=0.1)
    file.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(Unfit):
        take(file)


def test_a_wav_that_was_written_into_a_pipe_and_does_not_know_its_size_is_taken(tmp_path: Path) -> None:
    file = written(tmp_path / "a.wav", ours())
    data = bytearray(file.read_bytes())
    data[4:8] = b"\xff" * 4
    file.write_bytes(data)
    assert np.array_equal(take(file).samples, ours())


def test_a_recording_that_ends_in_the_middle_of_a_sound_is_doubted(tmp_path: Path) -> None:
    assert take(written(tmp_path / "a.wav", ours())).doubts == ()
    loudest = int(np.abs(ours().astype(int)).argmax())
    (doubt,) = take(written(tmp_path / "a.wav", ours()[: loudest + 80])).doubts
    assert "last word whole" in doubt


def test_stereo_is_made_one_channel_and_no_voice_is_lost_by_it(tmp_path: Path) -> None:
    voice, nothing = ours(), np.zeros(len(ours()), np.int16)
    for left, right in ((voice, voice), (voice, nothing), (nothing, voice), (voice, -voice)):
        taken = take(written(tmp_path / "a.wav", np.stack([left, right], axis=1)))
        # Nothing else is to be mended: it did not become half as loud.
        assert taken.mended == ("2 channels made one",)
        assert active_level(taken.samples, 8000) == pytest.approx(TARGET, abs=1.6)
        assert ears.words(taken.samples) == WORDS


def test_silence_at_the_ends_is_cut_and_the_level_is_brought_to_that_of_the_others(tmp_path: Path) -> None:
    quiet = np.zeros(16000, np.int16)
    taken = take(written(tmp_path / "a.wav", np.concatenate([quiet, ours() // 8, quiet])))
    assert taken.seconds == pytest.approx(len(ours()) / 8000, abs=0.1)
    assert taken.level == pytest.approx(TARGET, abs=0.5)
    assert any("silence cut" in each for each in taken.mended)
    assert any("dBov" in each for each in taken.mended)
    assert ears.words(taken.samples) == WORDS


def overloaded() -> Samples:
    return np.clip(ours().astype(np.int64) * 40, -32768, 32767).astype(np.int16)


@pytest.mark.parametrize(
    ("samples", "why"),
    [
        (np.zeros(16000, np.int16), "nothing but silence"),
        (np.zeros(0, np.int16), "header without samples"),
        (ours() // 300, "too quiet"),
        (overloaded(), "overloaded"),
        (np.tile(ours(), 40), "at most 60 s"),
        (ours()[2400:2800], "no word is so short"),
    ],
)
def test_what_cannot_be_mended_is_refused_with_the_reason(tmp_path: Path, samples: Samples, why: str) -> None:
    with pytest.raises(Unfit, match=why):
        take(written(tmp_path / "a.wav", samples))


def test_what_is_no_sound_file_is_refused_with_the_reason(tmp_path: Path) -> None:
    cases = {
        "empty.wav": b"",
        "text.wav": b"hello" * 100,
        "cut.wav": (SOUNDS / "en" / "recorded.wav").read_bytes()[:30],
    }
    for name, data in cases.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(Unfit):
            take(tmp_path / name)
    with pytest.raises(Unfit, match="0 bytes"):
        take(tmp_path / "empty.wav")
    with pytest.raises(Unfit, match="No such file"):
        take(tmp_path / "nowhere.wav")
    with pytest.raises(Unfit, match="folder"):
        take(tmp_path)
    nan = np.full(8000, np.nan, np.float32)
    with pytest.raises(Unfit, match="no numbers"):
        take(written(tmp_path / "nan.wav", nan, subtype="FLOAT"))


def test_an_own_recording_stands_for_ours_with_its_words_and_hash(tmp_path: Path) -> None:
    own = tmp_path / "prompts"
    keep(take(written(tmp_path / "a.wav", ours() // 2)), own, "de", "recorded", "Wir nehmen auf.")
    keep(take(written(tmp_path / "a.wav", ours() // 4)), own, "de", "opt-in", "Dürfen wir?")
    found, other = find("recorded", "de", own), find("refused", "de", own)
    assert found is not None
    assert other is not None
    assert (found.own, found.words, found.path) == (True, "Wir nehmen auf.", own / "de" / "recorded.wav")
    assert other.own is False
    assert found.version.startswith("recorded/de.1@")
    assert found.sha256 != getattr(find("recorded", "de"), "sha256", "")
    assert examine(["de"], own) == []


def test_a_spoilt_own_recording_is_told_and_ours_is_played_in_its_place(tmp_path: Path) -> None:
    (tmp_path / "de").mkdir()
    spoilt = {
        "recorded": b"RIFF",
        "opt-in": b"",
    }
    for name, data in spoilt.items():
        (tmp_path / "de" / f"{name}.wav").write_bytes(data)
    written(tmp_path / "de" / "paused.wav", np.stack([ours(), ours()], axis=1))
    written(tmp_path / "de" / "resumed.wav", at(44100), 44100)
    written(tmp_path / "de" / "started.wav", ours())
    whose = {
        name: getattr(find(name, "de", tmp_path), "own", None) for name in (*spoilt, "paused", "resumed", "started")
    }
    assert whose == {"recorded": False, "opt-in": False, "paused": False, "resumed": False, "started": True}
    told = {trouble.prompt: str(trouble) for trouble in examine(["de"], tmp_path)}
    assert sorted(told) == ["opt-in", "paused", "recorded", "resumed"]
    assert "2 channels" in told["paused"]
    assert "44100 Hz" in told["resumed"]


def test_a_language_of_one_s_own_is_a_language_and_what_it_lacks_is_told(tmp_path: Path) -> None:
    keep(take(written(tmp_path / "a.wav", ours())), tmp_path, "sv", "recorded", "Samtalet spelas in.")
    assert "recorded" not in lacking("sv", tmp_path)
    assert {trouble.prompt for trouble in examine(["sv"], tmp_path)} == set(lacking("sv", tmp_path))
    (nothing,) = examine(["fi"], tmp_path)
    assert (nothing.language, nothing.prompt) == ("fi", "")


@pytest.mark.parametrize(("language", "prompt"), [("../..", "recorded"), ("de", "../x"), ("de/..", "a"), ("", "a")])
def test_a_name_that_is_a_path_is_refused(tmp_path: Path, language: str, prompt: str) -> None:
    with pytest.raises(Unfit, match="must be a language"):
        keep(take(written(tmp_path / "a.wav", ours())), tmp_path / "own", language, prompt, "")


def test_placing_puts_own_and_our_prompts_and_the_beeps_and_a_second_time_nothing(tmp_path: Path) -> None:
    own, to = tmp_path / "own", tmp_path / "pbx"
    kept = keep(take(written(tmp_path / "a.wav", ours() // 2)), own, "de", "recorded", "").path
    changed = place(to, own, ["de"])
    assert (to / "de" / "recorded.wav").read_bytes() == kept.read_bytes()
    assert (to / "de" / "refused.wav").read_bytes() == (SOUNDS / "de" / "refused.wav").read_bytes()
    assert (to / "beep" / "de.wav").is_file()
    assert (to / "de" / "recorded.wav").stat().st_mode & 0o044 == 0o044
    assert len(changed) == 9 + len(list((SOUNDS / "beep").iterdir()))
    assert place(to, own, ["de"]) == []
