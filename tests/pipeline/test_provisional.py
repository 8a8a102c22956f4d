"""Captures that nobody has asked to keep: sealed as they grow, whole when kept, unreadable when not (B-10)."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from controller import ram
from controller.core.commands import CallId, LegId, RecordingId
from controller.core.decision import Decision, Mode
from controller.core.finished import Finished, FinishedSegment
from controller.pipeline.provisional import SHREDDED, Provisional
from controller.pipeline.sealed import PAGE, Key, KeyGone, Sealed, fingerprint

CHUNK, LEFT = 8192, 4096
REC = RecordingId("main-7-1")


@pytest.fixture
def memory() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="onrecord-test-", dir="/dev/shm") as folder:
        yield Path(folder)


def captures(memory: Path, spool: Path) -> Provisional:
    return Provisional(frozenset({memory}), spool, CHUNK, LEFT)


def grow(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


def speech(size: int) -> bytes:
    """Bytes of which no stretch occurs twice."""
    return np.random.default_rng(7).bytes(size)


def conversation(memory: Path, discard: str = "") -> Finished:
    paths = (str(memory / f"{REC}.1{side}.wav") for side in ("", "-r", "-t"))
    segment = FinishedSegment(1, LegId("main/7.1"), 1.0, 9.0, "stopped", *paths)
    decision = Decision(Mode.ON_DEMAND_KEEP, "a rule")
    return Finished(
        CallId("main/7.1"), "main", 1.0, 9.0, decision, recording=REC, segments=(segment,), discard=discard
    )


def on_the_disk(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def occurs(data: bytes, where: bytes, step: int = 64) -> bool:
    """Whether any stretch of 16 bytes of the data can be found there."""
    return any(data[at : at + 16] in where for at in range(0, len(data) - 16, step))


def test_kept_audio_is_byte_for_byte_what_was_written_though_it_was_sealed(memory: Path, tmp_path: Path) -> None:
    mine, wrote = captures(memory, tmp_path), {}
    for side in ("", "-r", "-t"):
        path, wrote[side] = memory / f"{REC}.1{side}.wav", b""
        for n in range(23):
            piece = speech(4000 + n)[n:]
            wrote[side] += piece
            grow(path, piece)
            mine.follow()
        wrote[side] = b"the header, as it is in the end!" + wrote[side][32:]
        with path.open("r+b") as file:
            file.write(wrote[side][:32])  # Asterisk fills in the lengths at the close
    assert mine.moved > 3 * 60_000
    restored = mine.restore(conversation(memory))
    (segment,) = restored.segments
    for path, side in ((segment.mixed, ""), (segment.anchor, "-r"), (segment.others, "-t")):
        assert Path(path).read_bytes() == wrote[side], side
        assert not Path(path).is_relative_to(memory)
    mine.forget(REC)
    assert not [*memory.rglob("*.wav*"), *memory.rglob("*.key")]
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_what_was_moved_out_takes_no_memory_any_more(memory: Path, tmp_path: Path) -> None:
    mine, path, most = captures(memory, tmp_path), memory / f"{REC}.1.wav", 0
    for _ in range(400):
        grow(path, speech(4096))
        mine.follow()
        most = max(most, path.stat().st_blocks * 512)
    assert path.stat().st_size == 400 * 4096
    assert most <= PAGE + CHUNK + LEFT + 4096


def test_nothing_on_the_disk_can_be_read_without_the_key(memory: Path, tmp_path: Path) -> None:
    mine, path, data = captures(memory, tmp_path), memory / f"{REC}.1.wav", speech(100_000)
    grow(path, data)
    mine.follow()
    sealed = tmp_path / "sealed" / f"{REC}.1.wav.sealed"
    assert sealed.stat().st_size > 80_000
    assert not occurs(data, on_the_disk(tmp_path))
    assert occurs(data, path.read_bytes()), "the search finds what is there"
    key = mine.keys.of(memory, REC)
    assert key is not None
    assert key.secret not in on_the_disk(tmp_path)
    assert b"".join(plain or b"" for _, _, plain in Sealed(sealed).opened(key)) == data[: 11 * CHUNK]


def test_the_key_goes_first_and_the_receipt_names_it(memory: Path, tmp_path: Path) -> None:
    mine, path = captures(memory, tmp_path), memory / f"{REC}.1.wav"
    grow(path, speech(100_000))
    mine.follow()
    sealed, key = tmp_path / "sealed" / f"{REC}.1.wav.sealed", mine.keys.of(memory, REC)
    assert key is not None
    stolen = tmp_path / "stolen"
    shutil.copy(sealed, stolen)
    key_file = (memory / "keys" / f"{REC}.key").open("rb")  # an open file tells what became of its content
    shredded = mine.shred(conversation(memory), "nobody asked to keep it")
    assert key_file.read() not in (key.plain, b""), "it was overwritten, not only unlinked"
    assert not list(memory.glob("*.wav"))
    assert not list((memory / "keys").iterdir())
    assert not sealed.exists()
    assert mine.keys.of(memory, REC) is None
    with pytest.raises(KeyGone):
        list(Sealed(stolen).opened(Key.new()))
    (mark,) = [mark for mark in shredded.marks if mark.kind == SHREDDED]
    assert mark.by == fingerprint(key.id)
    assert "nobody asked to keep it" in mark.note
    assert [segment.mixed for segment in shredded.segments] == [""]


def test_a_receipt_is_the_same_after_a_crash_in_the_middle_of_it(memory: Path, tmp_path: Path) -> None:
    mine = captures(memory, tmp_path)
    grow(memory / f"{REC}.1.wav", speech(50_000))
    mine.follow()
    first = mine.shred(conversation(memory), "nobody asked to keep it").marks[-1]
    again = captures(memory, tmp_path).shred(conversation(memory), "nobody asked to keep it").marks[-1]
    assert again == first


def test_a_controller_that_was_killed_goes_on_with_the_same_key(memory: Path, tmp_path: Path) -> None:
    path, data = memory / f"{REC}.1.wav", speech(90_000)
    grow(path, data[:50_000])
    captures(memory, tmp_path).follow()
    sealed = tmp_path / "sealed" / f"{REC}.1.wav.sealed"
    with sealed.open("ab") as file:
        file.write(b"half a chunk, when the power of the process went")
    grow(path, data[50_000:])
    after = captures(memory, tmp_path)
    after.follow()
    assert Path(after.restore(conversation(memory)).segments[0].mixed).read_bytes() == data


def test_after_a_power_cut_what_was_asked_for_is_there_as_far_as_it_was_sealed(memory: Path, tmp_path: Path) -> None:
    mine, path, data = captures(memory, tmp_path), memory / f"{REC}.1.wav", speech(90_000)
    grow(path, data)
    mine.follow()
    mine.keep(REC, memory)
    shutil.rmtree(memory)
    memory.mkdir()
    restored = captures(memory, tmp_path).restore(conversation(memory))
    assert Path(restored.segments[0].mixed).read_bytes() == data[: 10 * CHUNK]


def test_after_a_power_cut_what_nobody_asked_for_is_gone_and_the_receipt_says_how(
    memory: Path, tmp_path: Path
) -> None:
    mine, path = captures(memory, tmp_path), memory / f"{REC}.1.wav"
    grow(path, speech(90_000))
    mine.follow()
    key = mine.keys.of(memory, REC)
    assert key is not None
    shutil.rmtree(memory)
    memory.mkdir()
    mark = captures(memory, tmp_path).shred(conversation(memory), "nobody asked to keep it").marks[-1]
    assert "its key went with the machine's memory" in mark.note
    assert mark.by == fingerprint(key.id)


def test_asking_to_keep_and_then_refusing_destroys_the_key_on_the_disk_too(memory: Path, tmp_path: Path) -> None:
    mine = captures(memory, tmp_path)
    grow(memory / f"{REC}.1.wav", speech(90_000))
    mine.follow()
    mine.keep(REC, memory)
    assert (tmp_path / "sealed" / f"{REC}.key").stat().st_mode & 0o777 == 0o600
    mine.shred(conversation(memory), "a party refused to be recorded")
    assert [path.name for path in (tmp_path / "sealed").iterdir()] == [f"{REC}.receipt"]


def test_a_damaged_chunk_is_silence_and_the_rest_is_kept(memory: Path, tmp_path: Path) -> None:
    mine, path, data = captures(memory, tmp_path), memory / f"{REC}.1.wav", speech(60_000)
    grow(path, data)
    mine.follow()
    sealed = tmp_path / "sealed" / f"{REC}.1.wav.sealed"
    with sealed.open("r+b") as file:
        file.seek(-10, os.SEEK_END)
        file.write(b"damage")
    restored = mine.restore(conversation(memory))
    broken = 5 * CHUNK  # the last whole chunk of 60,000 bytes less what is left at the end
    assert Path(restored.segments[0].mixed).read_bytes() == data[:broken] + bytes(CHUNK) + data[broken + CHUNK :]
    assert [mark.note for mark in restored.marks] == [f"restored with a silent gap: {REC}.1.wav from byte {broken}"]


def test_chunks_cannot_change_places_or_files(memory: Path, tmp_path: Path) -> None:
    mine = captures(memory, tmp_path)
    for side in ("", "-r"):
        grow(memory / f"{REC}.1{side}.wav", speech(60_000))
    mine.follow()
    key, folder = mine.keys.of(memory, REC), tmp_path / "sealed"
    assert key is not None
    one, other = (folder / f"{REC}.1{side}.wav.sealed" for side in ("", "-r"))
    one.write_bytes(other.read_bytes())
    assert {plain for _, _, plain in Sealed(one).opened(key)} == {None}


def test_a_full_disk_leaves_the_audio_in_memory_and_goes_on_when_there_is_room(memory: Path, tmp_path: Path) -> None:
    mine, path, data = captures(memory, tmp_path), memory / f"{REC}.1.wav", speech(60_000)
    grow(path, data)
    (tmp_path / "sealed").rmdir()
    (tmp_path / "sealed").write_text("in the way")
    with pytest.raises(OSError, match="sealed"):
        mine.follow()
    assert path.read_bytes() == data
    (tmp_path / "sealed").unlink()
    (tmp_path / "sealed").mkdir()
    mine.follow()
    assert Path(mine.restore(conversation(memory)).segments[0].mixed).read_bytes() == data


def test_ordinary_recordings_are_left_alone(memory: Path, tmp_path: Path) -> None:
    mine, elsewhere = captures(memory, tmp_path / "spool"), tmp_path / "monitor"
    elsewhere.mkdir()
    usual = conversation(elsewhere, "shorter than it may be")
    assert mine.shred(usual, "shorter than it may be") is usual
    assert mine.restore(usual) is usual


def test_a_place_is_no_recording_until_the_pbx_has_emptied_it(memory: Path, tmp_path: Path) -> None:
    path = memory / f"{REC}.1.wav"
    ram.make_place(path)
    assert not ram.is_written(path)
    captures(memory, tmp_path).follow()
    assert not (memory / "keys").exists()
    os.truncate(path, 0)
    assert ram.is_written(path)
    with pytest.raises(FileExistsError):
        ram.make_place(path)


def test_a_folder_on_a_disk_is_refused_by_name(memory: Path, tmp_path: Path) -> None:
    assert ram.trouble(memory) == ""
    assert "is on a disk" in ram.trouble(tmp_path)
    assert "is not there" in ram.trouble(memory / "none")
    assert ram.mount_of(memory).may_be_swapped is ("noswap" not in ram.mount_of(memory).options)


def test_an_unassigned_capture_is_nobodys_by_its_own_name(memory: Path, tmp_path: Path) -> None:
    """Another recording of the same name was in the store: the files keep the name that the PBX gave them."""
    mine = captures(memory, tmp_path)
    grow(memory / f"{REC}.1.wav", speech(60_000))
    mine.follow()
    renamed = replace(conversation(memory), recording=RecordingId(f"{REC}_2"))
    mine.shred(renamed, "nobody asked to keep it")
    assert not list(memory.glob("*.wav"))
    assert not list((memory / "keys").iterdir())
