"""`onrecord prompt`: lists, takes, checks, speaks and places, with exit codes that say how it went."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
import soundfile

from controller.cli import main
from controller.prompts.level import Samples
from controller.prompts.make import digest, resampled
from controller.prompts.manifest import SOUNDS, manifest
from controller.prompts.speak import MODELS

Run = Callable[..., tuple[int, str, str]]
RECORDED = SOUNDS / "en" / "recorded.wav"


@pytest.fixture
def prompt(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("ONRECORD_CONFIG", str(tmp_path / "onrecord.toml"))

    def run(*words: str | Path) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(["prompt", *(str(word) for word in words)])
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return run


def test_the_list_has_the_words_and_whose_they_are(prompt: Run) -> None:
    code, out, _ = prompt("list", "--json")
    rows = json.loads(out)
    assert code == 0
    assert len(rows) == 72
    assert rows[0]["words"] == "This call is being recorded."
    assert prompt("list", "-l", "de")[1].count("ours") == 9


def test_a_recording_is_imported_listed_checked_and_placed(prompt: Run, tmp_path: Path) -> None:
    mine = tmp_path / "mine.wav"
    samples, _ = soundfile.read(RECORDED, dtype="int16")
    soundfile.write(mine, samples[::2], 4000)
    code, out, _ = prompt("import", mine, "-p", "recorded", "-l", "de", "--words", "Wir nehmen auf.")
    assert code == 0
    assert "brought from 4000 Hz to 8000 Hz" in out
    assert "Wir nehmen auf." in prompt("list", "-l", "de")[1]
    assert prompt("check")[0] == 0
    assert prompt("place", tmp_path / "pbx")[0] == 0
    assert (tmp_path / "pbx/de/recorded.wav").read_bytes() == (tmp_path / "prompts/de/recorded.wav").read_bytes()
    assert "nothing to change" in prompt("place", tmp_path / "pbx")[1]


def test_prompt_and_language_are_read_off_the_path_where_they_are_not_given(prompt: Run, tmp_path: Path) -> None:
    (tmp_path / "nl").mkdir()
    shutil.copy(RECORDED, tmp_path / "nl" / "opt-in.wav")
    assert prompt("import", tmp_path / "nl" / "opt-in.wav")[0] == 0
    assert (tmp_path / "prompts/nl/opt-in.wav").is_file()


def test_each_other_recording_counts_up_and_says_who_brought_it_when(
    prompt: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUDO_USER", "alice")
    samples, _ = soundfile.read(RECORDED, dtype="int16")
    versions = []
    for n, cut in enumerate((slice(None), slice(None), slice(0, 9000))):
        soundfile.write(tmp_path / f"take{n}.flac", samples[cut], 8000)
        code, out, err = prompt(
            "import", tmp_path / f"take{n}.flac", "-p", "recorded", "-l", "de", "--words", f"Satz {n}.", "--json"
        )
        assert code == 0, err
        versions.append(json.loads(out)["version"])
    # The same samples again are the same recording; others are another.
    assert versions[0] == versions[1] != versions[2]
    assert re.fullmatch(r"recorded/de\.1@[0-9a-f]{8}", versions[0])
    assert re.fullmatch(r"recorded/de\.2@[0-9a-f]{8}", versions[2])
    shown = json.loads(prompt("show", "recorded", "-l", "de", "--json")[1])
    assert (shown["words"], shown["brought"]["by"], shown["brought"]["source"]) == ("Satz 2.", "alice", "take2.flac")
    assert abs(datetime.now(UTC) - datetime.fromisoformat(shown["brought"]["at"])) < timedelta(minutes=1)
    (old,) = shown["replaced"]
    assert digest(soundfile.read(old, dtype="int16")[0])[:8] == versions[0][-8:]
    said = prompt("show", "recorded", "-l", "de")[1]
    assert "recording 2, brought on" in said
    assert "by alice from take2.flac" in said
    assert "ours, not played: Dieses Gespräch wird aufgezeichnet." in said
    assert prompt("list", "-l", "de")[1].count("your own") == 1


def test_a_recording_taken_out_is_kept_and_ours_is_played_again(prompt: Run, tmp_path: Path) -> None:
    assert prompt("import", RECORDED, "-p", "paused", "-l", "fr")[0] == 0
    mine = (tmp_path / "prompts/fr/paused.wav").read_bytes()
    code, out, _ = prompt("remove", "paused", "-l", "fr")
    assert code == 0
    assert "ours is in its place" in out
    assert (tmp_path / "prompts/replaced/fr/paused.1.wav").read_bytes() == mine
    assert "ours, spoken by kokoro" in prompt("show", "paused", "-l", "fr")[1]
    assert prompt("check")[0] == 0
    assert prompt("remove", "paused", "-l", "fr")[0] == 1
    # The next one does not take the number that evidence may cite.
    assert ".2@" in prompt("import", RECORDED, "-p", "paused", "-l", "fr")[1]


def test_a_prompt_of_ones_own_is_brought_listed_and_placed(prompt: Run, tmp_path: Path) -> None:
    assert prompt("import", RECORDED, "-p", "sales", "-l", "en")[0] == 2
    assert prompt("import", RECORDED, "-p", "sales", "-l", "en", "--new", "--words", "Sales calls.")[0] == 0
    assert "Sales calls." in prompt("list", "-l", "en")[1]
    assert prompt("place", tmp_path / "pbx")[0] == 0
    assert (tmp_path / "pbx/en/sales.wav").is_file()
    assert not (tmp_path / "pbx/de/sales.wav").exists()
    assert prompt("check")[0] == 0


def test_a_file_put_there_by_hand_is_played_and_said_to_be(prompt: Run, tmp_path: Path) -> None:
    assert prompt("import", RECORDED, "-p", "refused", "-l", "it", "--words", "Prima.")[0] == 0
    shutil.copy(SOUNDS / "en" / "opt-in.wav", tmp_path / "prompts/it/refused.wav")
    said = prompt("show", "refused", "-l", "it")[1]
    assert "put there by hand" in said
    assert "Prima." not in said
    assert prompt("import", RECORDED, "-p", "refused", "-l", "it")[0] == 0
    (kept,) = (tmp_path / "prompts/replaced/it").glob("refused.*.wav")
    assert kept.read_bytes() == (SOUNDS / "en" / "opt-in.wav").read_bytes()


def test_nothing_changes_where_it_cannot_be_noted(prompt: Run, tmp_path: Path) -> None:
    assert prompt("import", RECORDED, "-p", "recorded", "-l", "de")[0] == 0
    before = (tmp_path / "prompts/de/recorded.wav").read_bytes()
    (tmp_path / "prompts/own.toml").write_text("[[broken")
    code, _, err = prompt("import", SOUNDS / "en" / "opt-in.wav", "-p", "recorded", "-l", "de")
    assert code == 1
    assert "own.toml is spoilt" in err
    assert (tmp_path / "prompts/de/recorded.wav").read_bytes() == before
    assert prompt("remove", "recorded", "-l", "de")[0] == 1
    assert (tmp_path / "prompts/de/recorded.wav").read_bytes() == before


def test_a_prompt_is_played_on_the_sound_card(prompt: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[Path] = []
    monkeypatch.setattr("controller.cli.prompt_own.listen", lambda play, **_: heard.append(play))
    assert prompt("play", "recorded", "-l", "nl")[0] == 0
    assert heard == [SOUNDS / "nl" / "recorded.wav"]
    assert prompt("play", "recorded", "-l", "sv")[0] == 1


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("import", "nowhere.wav", "-p", "recorded", "-l", "de"), 1, "No such file"),
        (("import", __file__, "-p", "recorded", "-l", "de"), 1, "no sound file"),
        (("import", str(RECORDED), "-p", "welcome", "-l", "de"), 2, "there is no prompt 'welcome'"),
        (("import", "recorded.wav"), 2, "in which language"),
        (("import", str(RECORDED), "-l", "../.."), 1, "must be a language"),
        (("generate", "--rate", "44100"), 2, "8000 or 16000"),
        (("generate", "-l", "tlh"), 2, "no voice"),
        (("place", "/proc/nowhere"), 1, "/proc/nowhere"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(prompt: Run, words: tuple[str, ...], code: int, said: str) -> None:
    ended, _, err = prompt(*words)
    assert ended == code
    assert said in err
    assert "Traceback" not in err


def test_check_tells_a_spoilt_recording_and_a_region_that_cannot_be_meant(prompt: Run, tmp_path: Path) -> None:
    (tmp_path / "prompts/de").mkdir(parents=True)
    (tmp_path / "prompts/de/paused.wav").write_bytes(b"")
    (tmp_path / "regions.toml").write_text('[region.de]\nnotice = "ask"\nbecause = "x"\n')
    code, out, _ = prompt("check")
    assert code == 1
    assert "de/paused" in out
    assert "region.de.notice" in out


def test_a_sound_of_ours_that_was_changed_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from controller.prompts import examine, find

    shutil.copytree(SOUNDS, tmp_path / "sounds")
    shutil.copy(SOUNDS / "de/paused.wav", tmp_path / "sounds/de/resumed.wav")
    (tmp_path / "sounds/fr/opt-in.wav").unlink()
    for module in (examine, find):
        monkeypatch.setattr(module, "SOUNDS", tmp_path / "sounds")
    told = [str(trouble) for trouble in examine.examine()]
    assert len(told) == 2
    assert "de/resumed" in told[0]
    assert "not the sound that was made" in told[0]
    assert "fr/opt-in" in told[1]


@pytest.mark.skipif(MODELS not in os.environ or not shutil.which("flite"), reason="make voices brings the voices")
def test_the_sounds_come_out_the_same_when_they_are_made_anew(prompt: Run, tmp_path: Path) -> None:
    chosen = ("en", "de", "pt")  # one of each engine
    assert prompt("generate", *(f"-l{each}" for each in chosen), "--to", tmp_path / "new")[0] == 0
    assert prompt("generate", *(f"-l{each}" for each in chosen), "--rate", "16000", "--to", tmp_path / "wide")[0] == 0
    for language in chosen:
        for name in manifest().prompts:
            new, _ = soundfile.read(tmp_path / "new" / language / f"{name}.wav", dtype="int16")
            assert digest(new) == manifest().made[language, name].sha256, f"{language}/{name}"
            wide, rate = soundfile.read(tmp_path / "wide" / language / f"{name}.wav16", dtype="int16")
            assert rate == 16000
            assert alike(new, resampled(wide, 16000, 8000)) > 0.99
    assert (tmp_path / "wide/beep/de.wav16").is_file()


@pytest.mark.skipif(not shutil.which("flite"), reason="flite is not installed")
def test_the_wide_sound_of_a_prompt_says_the_same_as_the_narrow_one(prompt: Run, tmp_path: Path) -> None:
    for rate in ("8000", "16000"):
        assert prompt("generate", "-l", "en", "--rate", rate, "--to", tmp_path / rate)[0] == 0
    for name in manifest().prompts:
        narrow, _ = soundfile.read(tmp_path / "8000" / "en" / f"{name}.wav", dtype="int16")
        wide, rate_of_it = soundfile.read(tmp_path / "16000" / "en" / f"{name}.wav16", dtype="int16")
        assert rate_of_it == 16000
        assert alike(narrow, resampled(wide, 16000, 8000)) > 0.99


def alike(one: Samples, other: Samples) -> float:
    """Correlation, at the best shift of up to 30 ms: a wide sound has hiss at its ends that a narrow one has not."""
    assert abs(len(one) - len(other)) <= 480
    x, y = np.pad(one.astype(float), 240), other.astype(float)
    size = min(len(x), len(y)) - 480
    middle = x[240 : 240 + size]
    shifted = (y[start : start + size] for start in range(480))
    return max(
        float(middle @ each / np.sqrt((middle @ middle) * (each @ each))) for each in shifted if len(each) == size
    )


@pytest.mark.parametrize(
    ("language", "remedy"), [("en", "apt-get install flite"), ("de", "pip install py-nanotts"), ("fr", "make voices")]
)
def test_a_voice_that_is_not_installed_is_named_with_how_to_get_it(
    prompt: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, language: str, remedy: str
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv(MODELS, str(tmp_path))
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    code, _, err = prompt("generate", "-l", language, "--to", tmp_path / "new")
    assert code == 1
    assert remedy in err
