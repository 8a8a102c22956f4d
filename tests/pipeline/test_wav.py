"""WAV files as crashes leave them, and as we write them."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.pipeline.audio import Audio
from controller.pipeline.wav import Unreadable, WavWriter, header, read_header
from tests.pipeline.recordings import read, tone, wav

SOUND = tone(440, 0.2)


def write(folder: Path, data: bytes) -> Path:
    path = folder / "a.wav"
    path.write_bytes(data)
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("wav")


@settings(max_examples=300, deadline=None)
@given(at=st.integers(0, len(wav(SOUND))), closed=st.booleans())
def test_a_wav_cut_off_at_any_byte_gives_all_whole_samples_before_it(folder: Path, at: int, closed: bool) -> None:
    path = write(folder, wav(SOUND, closed=closed)[:at])
    whole = max(0, at - 44) // 2
    with Audio(path) as audio:
        assert audio.frames == whole
        assert np.array_equal(audio.read(0, whole), SOUND[:whole])
        # Only a header with lengths of 0 and no sound behind it agrees with the file all the same.
        assert audio.repaired == (at not in (0, 44 if not closed else len(wav(SOUND))))


@settings(deadline=None)
@given(size=st.integers(0, 2**32 - 1))
def test_a_wrong_length_in_the_header_is_taken_from_the_file(folder: Path, size: int) -> None:
    data = bytearray(wav(SOUND))
    data[40:44] = struct.pack("<I", size)
    with Audio(write(folder, bytes(data))) as audio:
        assert np.array_equal(audio.read(0, audio.frames), SOUND)
        assert audio.repaired == (size != len(SOUND) * 2)


def test_chunks_behind_the_sound_are_no_sound(folder: Path) -> None:
    data = wav(SOUND) + b"LIST" + struct.pack("<I", 4) + b"INFO"
    with Audio(write(folder, data)) as audio:
        assert audio.frames == len(SOUND)
        assert not audio.repaired


def test_an_odd_chunk_before_the_sound_is_stepped_over(folder: Path) -> None:
    plain = wav(SOUND)
    data = plain[:12] + b"junk" + struct.pack("<I", 3) + b"abc\0" + plain[12:]
    with Audio(write(folder, data)) as audio:
        assert np.array_equal(audio.read(0, audio.frames), SOUND)


@settings(max_examples=500, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=200),
        st.binary(max_size=200).map(lambda data: b"RIFF\0\0\0\0WAVE" + data),
        st.tuples(st.integers(0, 60), st.binary(min_size=1, max_size=8)).map(
            lambda change: wav(SOUND)[: change[0]] + change[1] + wav(SOUND)[change[0] + len(change[1]) :]
        ),
    )
)
def test_any_bytes_are_either_refused_or_read_within_the_file(folder: Path, data: bytes) -> None:
    path = write(folder, data)
    try:
        found = read_header(path)
    except Unreadable:
        return
    assert 0 <= found.data_at <= len(data)
    assert found.data_at + found.frames * found.channels * 2 <= len(data)


@pytest.mark.parametrize("data", [b"\0" * 44, b"\0" * 5000, b"ID3\x03" + bytes(60), b"RIFX" + bytes(60)])
def test_what_is_no_wav_is_refused(folder: Path, data: bytes) -> None:
    with pytest.raises(Unreadable):
        read_header(write(folder, data))


@pytest.mark.parametrize(("kind", "bits"), [(49, 0), (1, 8), (7, 8), (3, 32)])
def test_another_coding_is_refused_by_name(folder: Path, kind: int, bits: int) -> None:
    data = bytearray(wav(SOUND))
    data[20:22], data[34:36] = struct.pack("<H", kind), struct.pack("<H", bits)
    with pytest.raises(Unreadable, match=f"format {kind}"):
        read_header(write(folder, bytes(data)))


@pytest.mark.parametrize("coding", ["ulaw", "alaw", "gsm", "sln", "sln16"])
def test_the_formats_without_a_header_are_read_too(folder: Path, coding: str) -> None:
    path = folder / f"a.{coding}"
    rate = 16000 if coding == "sln16" else 8000
    sound = tone(440, 0.2, rate=rate)
    if coding.startswith("sln"):
        path.write_bytes(sound.tobytes())
    else:
        subtype = {"ulaw": "ULAW", "alaw": "ALAW", "gsm": "GSM610"}[coding]
        soundfile.write(path, sound, rate, subtype=subtype, format="RAW")
    with Audio(path) as audio:
        assert (audio.rate, audio.frames) == (rate, len(sound))
        found = audio.read(0, audio.frames).astype(float)
    # Three codings are lossy: GSM keeps a sine's shape, and little more.
    assert np.corrcoef(found, sound)[0, 1] > (0.9 if coding == "gsm" else 0.999)


def test_any_piece_of_a_file_is_the_same_piece_of_its_sound(folder: Path) -> None:
    with Audio(write(folder, wav(SOUND))) as audio:
        assert np.array_equal(audio.read(100, 50), SOUND[100:150])
        beyond = audio.read(len(SOUND) - 10, 30)
        assert np.array_equal(beyond[:10], SOUND[-10:])
        assert not beyond[10:].any()


def test_another_rate_is_brought_to_the_one_that_is_asked_for(folder: Path) -> None:
    with Audio(write(folder, wav(SOUND)), rate=16000) as audio:
        assert (audio.rate, audio.frames) == (16000, 2 * len(SOUND))
        whole = audio.read(0, audio.frames)
        pieces = np.concatenate([audio.read(at, 100) for at in range(0, audio.frames, 100)])
    assert np.array_equal(whole[::2], SOUND)
    assert np.array_equal(whole, pieces)


def test_what_is_written_can_be_read_by_the_letter_of_the_format(tmp_path: Path) -> None:
    both = np.stack([SOUND, SOUND[::-1]], axis=1)
    with WavWriter(tmp_path / "b.wav", 8000, 2, len(both)) as out:
        out.write(both[:700])
        out.write(both[700:])
    found, rate = read(tmp_path / "b.wav")
    assert rate == 8000
    assert np.array_equal(found, both)


def test_a_file_with_fewer_frames_than_promised_is_not_called_whole(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="never written"), WavWriter(tmp_path / "b.wav", 8000, 1, 10) as out:
        out.write(np.zeros((9, 1), np.int16))


def test_above_4_gib_another_reader_finds_every_frame(tmp_path: Path) -> None:
    frames = 2**32 // 4 + 12_345
    path = tmp_path / "long.wav"
    start = header(8000, 2, frames)
    with path.open("wb") as file:
        file.write(start)
        file.truncate(len(start) + frames * 4)  # a sparse file: it takes no room
        file.seek(-4, 2)
        file.write(struct.pack("<hh", 111, -222))
    with soundfile.SoundFile(path) as found:
        assert (found.frames, found.channels, found.samplerate) == (frames, 2, 8000)
        found.seek(frames - 1)
        assert found.read(1, dtype="int16").tolist() == [[111, -222]]


def test_below_4_gib_the_header_is_the_ordinary_one() -> None:
    assert header(8000, 2, (2**32 - 37) // 4)[:4] == b"RIFF"
    assert header(8000, 2, 2**32 // 4)[:4] == b"RF64"
