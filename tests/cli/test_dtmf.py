"""`onrecord dtmf`: real files of many kinds, and what is no sound."""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from controller.cli import main
from hardware.dtmf.g711 import Law, encode
from hardware.resample import Resampler
from tests.hardware.dtmf.signals import Samples, Sent, row

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def onrecord(capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*words: str | Path) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main([str(word) for word in words])
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return run


def both_sides() -> Samples:
    """Samples and channels: 1234# on the left from 0.5 s on, quieter *99 on the right from 1 s on."""
    left, _ = row("1234#", Sent(0.08, 0.08), 1)
    right, _ = row("*99", Sent(0.08, 0.08, level_dbm0=-20, twist_db=(-4, -4)), 2)
    both = np.zeros((max(len(left), len(right)) + 8000, 2), np.int16)
    both[4000 : 4000 + len(left), 0] = left
    both[8000 : 8000 + len(right), 1] = right
    return both


def at_rate(samples: Samples, rate: int) -> Samples:
    change = Resampler(8000, rate, 2)
    whole = np.concatenate([change.feed(np.ascontiguousarray(samples.T)), change.flush()], axis=1)
    return np.ascontiguousarray(whole.T)


def heard(run: Run, *words: str | Path) -> Any:
    code, out, _ = run("dtmf", *words, "--json")
    assert code == 0
    return json.loads(out)


@pytest.mark.parametrize(
    ("name", "rate", "subtype"),
    [
        ("8.wav", 8000, "PCM_16"),
        ("law.wav", 8000, "ULAW"),
        ("16.wav", 16000, "PCM_24"),
        ("float.wav", 44100, "FLOAT"),
        ("22.flac", 22050, "PCM_16"),
        ("48.ogg", 48000, "VORBIS"),
        ("opus.ogg", 48000, "OPUS"),
        ("44.mp3", 44100, "MPEG_LAYER_III"),
        ("odd.wav", 7999, "PCM_16"),
    ],
)
def test_whatever_the_file_is_both_sides_digits_come_with_time_length_and_level(
    name: str, rate: int, subtype: str, tmp_path: Path, onrecord: Run
) -> None:
    samples = both_sides()
    sound = at_rate(samples, rate) / 32768 if rate != 7999 else samples / 32768
    soundfile.write(tmp_path / name, sound, rate, subtype=subtype)
    [file] = heard(onrecord, tmp_path / name)
    assert file["dialled"] == ["1234#", "*99"]
    assert file["seconds"] == pytest.approx(len(samples) / 8000, abs=0.1)
    first = file["digits"][0]
    assert (first["digit"], first["channel"], first["side"]) == ("1", 1, "left")
    assert first["start"] == pytest.approx(0.55, abs=0.005)
    assert first["length"] == pytest.approx(0.08, abs=0.006)
    quiet = [digit for digit in file["digits"] if digit["channel"] == 2]
    assert {digit["side"] for digit in quiet} == {"right"}
    for digit in quiet:
        assert digit["low_dbm0"] == pytest.approx(-20, abs=0.7)
        assert digit["high_dbm0"] == pytest.approx(-24, abs=0.7)


@pytest.mark.parametrize(("ending", "law"), [("alaw", Law.A), ("ulaw", Law.MU), ("al", Law.A), ("ul", Law.MU)])
def test_bare_g711_is_known_by_its_ending(ending: str, law: Law, tmp_path: Path, onrecord: Run) -> None:
    path = tmp_path / f"raw.{ending}"
    encode(both_sides()[:, 0].copy(), law).tofile(path)
    assert heard(onrecord, path)[0]["dialled"] == ["1234#"]


@pytest.mark.parametrize(("word", "law"), [("a", Law.A), ("U", Law.MU)])
def test_bare_g711_of_any_name_is_read_where_its_law_is_told(
    word: str, law: Law, tmp_path: Path, onrecord: Run
) -> None:
    path = tmp_path / "capture.bin"
    encode(both_sides()[:, 0].copy(), law).tofile(path)
    assert heard(onrecord, path, "--law", word)[0]["dialled"] == ["1234#"]
    code, _, err = onrecord("dtmf", path)
    assert code == 1
    assert "--law" in err


def test_what_a_pbx_leaves_bare_or_when_it_is_killed_is_read(tmp_path: Path, onrecord: Run) -> None:
    samples = both_sides()
    samples[:, 0].tofile(tmp_path / "one.sln")
    soundfile.write(tmp_path / "one.gsm", samples[:, 0], 8000, format="RAW", subtype="GSM610")
    soundfile.write(tmp_path / "killed.wav", samples, 8000)
    with (tmp_path / "killed.wav").open("r+b") as file:  # Asterisk fills the lengths in when it closes the file
        file.seek(4)
        file.write(bytes(4))
        file.seek(40)
        file.write(bytes(4))
    files = heard(onrecord, tmp_path / "one.sln", tmp_path / "one.gsm", tmp_path / "killed.wav")
    assert [file["dialled"] for file in files] == [["1234#"], ["1234#"], ["1234#", "*99"]]
    assert files[2]["seconds"] == pytest.approx(len(samples) / 8000, abs=0.001)


def test_a_file_longer_than_one_piece_has_the_same_digits_as_its_parts(tmp_path: Path, onrecord: Run) -> None:
    silence = np.zeros((8000 * 400, 2), np.int16)  # a piece has 131 s
    soundfile.write(tmp_path / "long.wav", np.concatenate([both_sides(), silence, both_sides()]), 8000)
    [file] = heard(onrecord, tmp_path / "long.wav")
    assert file["dialled"] == ["1234#" * 2, "*99" * 2]
    late = 400 + len(both_sides()) / 8000
    assert file["digits"][8]["start"] == pytest.approx(file["digits"][0]["start"] + late, abs=0.002)


def test_masked_digits_are_counted_and_timed_but_never_told(tmp_path: Path, onrecord: Run) -> None:
    samples = both_sides()
    soundfile.write(tmp_path / "card.wav", samples, 8000)
    [plain], [masked] = heard(onrecord, tmp_path / "card.wav"), heard(onrecord, tmp_path / "card.wav", "--mask")
    assert masked["dialled"] == ["•••••", "•••"]
    assert [one["start"] for one in masked["digits"]] == [one["start"] for one in plain["digits"]]
    for form in ("--json", "--csv"):
        _, out, err = onrecord("dtmf", tmp_path / "card.wav", "--mask", form)
        assert "•" in out
        assert "#" not in out + err
        assert "*" not in out + err
    _, table, _ = onrecord("dtmf", tmp_path / "card.wav", "--mask")
    assert "#" not in table
    assert "*" not in table


def test_csv_has_a_line_per_digit_and_the_table_names_the_sides(tmp_path: Path, onrecord: Run) -> None:
    soundfile.write(tmp_path / "two.wav", both_sides(), 8000)
    _, out, _ = onrecord("dtmf", tmp_path / "two.wav", "--csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert "".join(one["digit"] for one in rows if one["side"] == "left") == "1234#"
    assert float(rows[0]["start"]) == pytest.approx(0.55, abs=0.005)
    _, table, _ = onrecord("dtmf", tmp_path / "two.wav")
    assert "left: 1234#" in table
    assert "right: *99" in table


def test_a_file_that_cannot_be_read_is_named_and_the_others_are_heard_all_the_same(
    tmp_path: Path, onrecord: Run
) -> None:
    (tmp_path / "junk.wav").write_bytes(b"no sound at all" * 40)
    (tmp_path / "empty.wav").write_bytes(b"")
    soundfile.write(tmp_path / "good.wav", both_sides(), 8000)
    files = [tmp_path / name for name in ("junk.wav", "gone.wav", "empty.wav", "good.wav")]
    code, out, err = onrecord("dtmf", *files, "--json")
    assert code == 1
    assert [file["dialled"] for file in json.loads(out)] == [["1234#", "*99"]]
    for name in ("junk.wav", "gone.wav", "empty.wav"):
        assert name in err
    assert "No such file" in err
    assert "3 of 4" in err


def test_silence_is_well_and_wrong_use_is_not(tmp_path: Path, onrecord: Run) -> None:
    soundfile.write(tmp_path / "quiet.wav", np.zeros(8000, np.int16), 8000)
    assert onrecord("dtmf", tmp_path / "quiet.wav")[0] == 0
    assert onrecord("dtmf")[0] == 2
    assert onrecord("dtmf", tmp_path / "quiet.wav", "--law", "z")[0] == 2
    assert onrecord("dtmf", tmp_path / "quiet.wav", "--csv", "--json")[0] == 2


def test_a_file_cut_off_in_the_middle_gives_what_is_left_of_it(tmp_path: Path, onrecord: Run) -> None:
    soundfile.write(tmp_path / "whole.wav", both_sides(), 8000)
    data = (tmp_path / "whole.wav").read_bytes()
    (tmp_path / "cut.wav").write_bytes(data[: 44 + 4 * 8000])  # the first second: before 4 and #
    assert heard(onrecord, tmp_path / "cut.wav")[0]["dialled"][0] == "123"


def test_names_with_brackets_or_formulas_do_no_harm(
    tmp_path: Path, onrecord: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    soundfile.write(tmp_path / "two.wav", both_sides(), 8000)
    monkeypatch.chdir(tmp_path)
    for name in ("[red]x[b].wav", "=cmd.wav"):
        shutil.copy("two.wav", name)
    _, table, _ = onrecord("dtmf", "[red]x[b].wav")
    assert "[red]x[b].wav" in table
    _, out, _ = onrecord("dtmf", "=cmd.wav", "--csv")
    assert not any(line.startswith("=") for line in out.splitlines())
