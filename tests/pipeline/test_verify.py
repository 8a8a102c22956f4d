"""The last look at a stored file before its sources are deleted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from controller.core.decision import Options, PauseForm
from controller.core.finished import Finished
from controller.core.plain import to_plain
from controller.pipeline.join import join
from controller.pipeline.store import place, store
from controller.pipeline.task import AUDIO_NAME, Task
from controller.pipeline.verify import NotTheSame, sha256, verify
from controller.spool import NotARecording
from tests.pipeline.joining import measured
from tests.pipeline.recordings import conversation, leave, tone


def stored(tmp_path: Path, finished: Finished | None = None) -> Task:
    finished = finished or conversation(leave(tmp_path / "m", "main-1-1", 1, tone(400, 1), tone(600, 1)))
    task, _ = measured(tmp_path, finished)
    task = replace(task, done={**task.done, "join": to_plain(join(task))})
    return replace(task, done={**task.done, "store": store(task)})


def audio(task: Task) -> Path:
    return task.store / task.found("store", str) / AUDIO_NAME


def test_what_was_stored_as_it_was_joined_is_verified(tmp_path: Path) -> None:
    task = stored(tmp_path)
    found = verify(task)
    assert found.sha256 == sha256(audio(task))
    assert (found.frames, found.rate, found.size) == (8000, 8000, 44 + 32_000)


@pytest.mark.parametrize("at", [44, 20_000, 32_043])
def test_a_single_changed_bit_is_found(tmp_path: Path, at: int) -> None:
    task = stored(tmp_path)
    data = bytearray(audio(task).read_bytes())
    data[at] ^= 1
    audio(task).unlink()  # the job's own copy is another name of the same file
    audio(task).write_bytes(data)
    with pytest.raises(NotTheSame):
        verify(task)


@pytest.mark.parametrize("size", [0, 43, 44, 1000, 32_000, 32_042])
def test_a_file_that_is_cut_off_is_found(tmp_path: Path, size: int) -> None:
    task = stored(tmp_path)
    data = audio(task).read_bytes()
    audio(task).unlink()
    audio(task).write_bytes(data[:size])
    with pytest.raises(NotTheSame):
        verify(task)


def test_a_join_that_lost_sound_is_found_though_the_file_is_whole(tmp_path: Path) -> None:
    finished = conversation(leave(tmp_path / "m", "main-1-1", 1, tone(400, 1), tone(600, 1)))
    task, found = measured(tmp_path, finished)
    louder = replace(found.raws[1], sums=replace(found.raws[1].sums, squares=found.raws[1].sums.squares + 1))
    wrong = replace(found, raws=(found.raws[0], louder, *found.raws[2:]))
    task = stored(tmp_path, finished)
    with pytest.raises(NotTheSame, match="channel 0"):
        verify(replace(task, done={**task.done, "measure": to_plain(wrong)}))


def test_a_join_that_lost_time_is_found_though_the_file_is_whole(tmp_path: Path) -> None:
    finished = conversation(leave(tmp_path / "m", "main-1-1", 1, tone(400, 1), tone(600, 1)))
    task, found = measured(tmp_path, finished)
    longer = replace(found, raws=tuple(replace(raw, frames=raw.frames + 160) for raw in found.raws))
    task = stored(tmp_path, finished)
    with pytest.raises(NotTheSame, match="frames"):
        verify(replace(task, done={**task.done, "measure": to_plain(longer)}))


def test_a_cut_pause_is_no_loss(tmp_path: Path) -> None:
    from tests.pipeline.test_join import pauses, with_silence

    a, b = (with_silence(tone(f, 6), (2, 4)) for f in (400, 600))
    segment = leave(tmp_path / "m", "main-1-1", 1, a, b)
    finished = conversation(segment, marks=pauses((2, 4)), options=Options(pause_form=PauseForm.CUT))
    assert verify(stored(tmp_path, finished)).frames < 5 * 8000


def test_the_folder_is_by_the_day_and_the_name_alone(tmp_path: Path) -> None:
    finished = conversation(leave(tmp_path / "m", "main-1-1", 1, tone(400, 1), tone(600, 1)))
    assert place(finished) == "2026/02/02/main-1-1"


@pytest.mark.parametrize("name", ["../../etc", "", None, "a/b", ".."])
def test_no_name_leads_out_of_the_store(name: str | None) -> None:
    with pytest.raises(NotARecording):
        place(conversation(recording=name))
