"""The whole way of a finished conversation, on real files and a real catalogue."""

from __future__ import annotations

import asyncio
import contextlib
import os
import stat
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from controller import disk
from controller.catalogue import records, search
from controller.catalogue.database import Catalogue, open_catalogue
from controller.catalogue.entries import CallEntry, RecordingEntry, Status
from controller.core.commands import RecordingId
from controller.core.decision import Decision, Mode, Options
from controller.core.finished import Finished
from controller.pipeline import line as lines
from controller.pipeline import obstacles
from controller.pipeline.line import Line, Step
from controller.pipeline.measure import measure
from controller.pipeline.task import AUDIO_NAME, PICTURE_NAME, STORY_NAME, Task
from controller.spool import Spool
from tests.pipeline.recordings import BEGAN, RULE, conversation, leave, quiet, read, tone
from tests.spool.crashing import Crash, Crashes, install

PATIENCE = 60.0


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


class Place:
    """Everything behind the end of a call, in one folder. Steps run in threads, so that a test can reach them."""

    def __init__(self, base: Path) -> None:
        self.base, self.monitor, self.store = base, base / "monitor", base / "store"

    @contextlib.asynccontextmanager
    async def open(self, **options: Any) -> AsyncIterator[tuple[Line, Catalogue]]:
        catalogue = await open_catalogue(self.base / "catalogue.sqlite")
        options.setdefault("make_pool", ThreadPoolExecutor)
        try:
            line = Line(Spool(self.base / "spool"), catalogue, self.store, **options)
            line.spool.tidy()
            yield line, catalogue
            await end(asyncio.create_task(line.work()))
        finally:
            await catalogue.close()

    def call(self, n: int = 1, seconds: float = 1.0, **about: Any) -> Finished:
        """A call that was recorded, with its files where the PBX left them."""
        recording = f"main-1-{n}"
        segment = leave(self.monitor, recording, 1, tone(400 + n, seconds), tone(600, seconds))
        return conversation(segment, recording=recording, call=f"main/1.{n}", **about)

    def jobs(self) -> list[str]:
        return names(self.base / "spool" / "jobs")

    def left(self) -> list[str]:
        return names(self.monitor)


async def end(work: asyncio.Task[None]) -> None:
    """As the controller ends."""
    await asyncio.sleep(0)
    work.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        async with asyncio.timeout(PATIENCE):
            await work


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


async def done(line: Line) -> None:
    async with asyncio.timeout(PATIENCE):
        await line.idle()


async def only(catalogue: Catalogue) -> RecordingEntry:
    (call,) = await search.list_calls(catalogue)
    (recording,) = call.recordings
    return recording


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.01)


async def test_a_call_becomes_a_file_a_picture_a_story_and_a_row(place: Place) -> None:
    async with place.open(make_pool=None) as (line, catalogue):
        line.finish(place.call())
        await done(line)
        kept = await only(catalogue)
    assert kept.status is Status.KEPT
    assert (kept.length, kept.rate, kept.channels) == (1.0, 8000, 2)
    assert kept.owners == ("extension 100",)
    assert [level.side for level in kept.levels] == ["customer", "house"]
    folder = place.store / kept.folder
    assert names(folder) == sorted([AUDIO_NAME, PICTURE_NAME, STORY_NAME])
    samples, _ = read(folder / AUDIO_NAME)
    assert np.array_equal(samples, np.stack([tone(401, 1), tone(600, 1)], axis=1))
    assert place.jobs() == []
    assert place.left() == []


async def test_what_is_stored_is_closed_to_strangers(place: Place) -> None:
    async with place.open() as (line, _):
        line.finish(place.call())
        await done(line)
    files = [path for path in place.store.rglob("*") if path.is_file()]
    files += list(place.base.glob("catalogue.sqlite*"))
    assert len(files) >= 4
    assert {stat.S_IMODE(path.stat().st_mode) & 0o007 for path in files} == {0}


async def test_the_same_call_handed_over_again_is_once(place: Place) -> None:
    finished = place.call()
    async with place.open() as (line, catalogue):
        for _ in range(3):
            line.finish(finished)
        await done(line)
        line.finish(finished)
        await done(line)
        assert (await only(catalogue)).status is Status.KEPT
    assert place.jobs() == []


async def test_a_name_that_the_pbx_uses_again_is_another_recording(place: Place) -> None:
    async with place.open() as (line, catalogue):
        line.finish(place.call())
        await done(line)
        line.finish(replace(place.call(seconds=2), began_at=BEGAN + 100))
        await done(line)
        found = {one.recordings[0].id: one.recordings[0].length for one in await search.list_calls(catalogue)}
    assert found == {"main-1-1": 1.0, "main-1-1_2": 2.0}
    assert place.left() == []


async def test_two_recordings_of_one_merged_call_are_under_one_call(place: Place) -> None:
    one, other = place.call(1), replace(place.call(2), call=place.call(1).call)
    async with place.open() as (line, catalogue):
        line.finish(one)
        line.finish(other)
        await done(line)
        (call,) = await search.list_calls(catalogue)
    assert sorted(recording.id for recording in call.recordings) == ["main-1-1", "main-1-2"]


# -- what is not kept ------------------------------------------------------------------------------------------


async def dropped(place: Place, finished: Finished, **options: Any) -> CallEntry:
    async with place.open(**options) as (line, catalogue):
        line.finish(finished)
        await done(line)
        (call,) = await search.list_calls(catalogue)
    assert place.jobs() == []
    assert place.left() == []
    assert list(place.store.rglob("*.wav")) == []
    return call


async def test_a_recording_in_which_nobody_talked_leaves_its_reason_and_no_audio(place: Place) -> None:
    call = await dropped(place, place.call(discard="nobody answered, so nobody talked"))
    assert not call.recorded
    assert call.why == "nobody answered, so nobody talked"
    assert call.recordings[0].status is Status.DROPPED


async def test_a_recording_below_the_least_length_is_dropped_with_the_figures(place: Place) -> None:
    call = await dropped(place, place.call(options=Options(min_length=3)))
    assert call.why == "1.0 s, shorter than the min_length of 3 s"


async def test_a_recording_of_the_least_length_is_kept(place: Place) -> None:
    async with place.open() as (line, catalogue):
        line.finish(place.call(options=Options(min_length=1)))
        await done(line)
        assert (await only(catalogue)).status is Status.KEPT


UNASSIGNED = replace(RULE, unassigned=True)


async def test_what_belongs_to_nobody_is_dropped_where_nobody_is_named_for_it(place: Place) -> None:
    call = await dropped(place, place.call(decision=UNASSIGNED))
    assert "catch_all" in call.why


async def test_what_belongs_to_nobody_goes_to_the_catch_all_owner(place: Place) -> None:
    async with place.open(catch_all="unassigned calls") as (line, catalogue):
        line.finish(place.call(decision=UNASSIGNED))
        await done(line)
        found = await only(catalogue)
    assert (found.status, found.owners) == (Status.KEPT, ("catch_all unassigned calls",))


async def test_what_belongs_to_somebody_does_not_go_to_the_catch_all_owner(place: Place) -> None:
    async with place.open(catch_all="unassigned calls") as (line, catalogue):
        line.finish(place.call())
        await done(line)
        assert (await only(catalogue)).owners == ("extension 100",)


@pytest.mark.parametrize("how", ["missing", "0 bytes", "header only"])
async def test_files_without_sound_are_told_as_empty_and_not_as_dropped(place: Place, how: str) -> None:
    finished = place.call()
    for path in place.monitor.iterdir():
        data = path.read_bytes()
        path.unlink()
        if how != "missing":
            path.write_bytes(b"" if how == "0 bytes" else data[:44])
    call = await dropped(place, finished)
    assert call.recordings[0].status is Status.EMPTY
    assert call.why.startswith("the PBX left no sound")


async def test_a_file_that_nobody_can_read_is_set_aside_and_not_deleted(place: Place) -> None:
    finished = place.call()
    broken = place.monitor / "main-1-1.1-r.wav"
    broken.write_bytes(b"neither RIFF nor anything" * 100)
    async with place.open() as (line, catalogue):
        line.finish(finished)
        await done(line)
        found = await only(catalogue)
        (story,) = await search.show(catalogue, found.id)
    assert found.status is Status.KEPT
    assert "no WAV header" in story.recordings[0].segments[0].note
    aside = place.base / "spool" / "aside" / "main-1-1" / "1-r.wav"
    assert aside.read_bytes().startswith(b"neither RIFF")
    assert place.jobs() == []


async def test_a_side_to_which_the_recorder_was_deaf_is_told(place: Place) -> None:
    segment = leave(place.monitor, "main-1-1", 1, quiet(6), tone(600, 6))
    async with place.open() as (line, catalogue):
        line.finish(conversation(segment))
        await done(line)
        (story,) = await search.show(catalogue, "main-1-1")
    assert story.recordings[0].segments[0].note == "the customer's side is digital silence throughout"


async def test_an_unsafe_name_is_refused_and_the_next_call_goes_on(place: Place) -> None:
    async with place.open() as (line, catalogue):
        line.finish(replace(place.call(1), recording=RecordingId("../../up")))
        line.finish(place.call(2))
        await done(line)
        assert (await only(catalogue)).id == "main-1-2"


# -- calls that were not recorded ------------------------------------------------------------------------------


async def test_calls_that_were_not_recorded_are_listed_with_their_reason(place: Place) -> None:
    no = Decision(Mode.NEVER, "rule lunch: never")
    async with place.open() as (line, catalogue):
        work = asyncio.create_task(line.work())
        for n in range(50):
            line.finish(conversation(recording=None, call=f"main/2.{n}", decision=no))
        await done(line)
        line.finish(conversation(recording=None, call="main/2.0", decision=no))
        await done(line)
        calls = await search.list_calls(catalogue, search.Query(recorded=False))
        await end(work)
    assert len(calls) == 50
    assert {call.why for call in calls} == {"rule lunch: never"}


async def test_a_helplines_call_leaves_no_row_even_if_it_comes_to_the_door(place: Place) -> None:
    async with place.open() as (line, catalogue):
        hidden = Decision(Mode.NEVER, "not recorded and not listed", hidden=True)
        line.finish(conversation(recording=None, decision=hidden))
        await done(line)
        assert await search.list_calls(catalogue) == ()


async def test_calls_wait_for_a_database_that_cannot_be_written(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(obstacles, "BACKOFF_SECONDS", (0.01,))
    async with place.open() as (line, catalogue):
        async with catalogue.writing() as connection:
            await connection.exec_driver_sql("ALTER TABLE calls RENAME TO gone")
        work = asyncio.create_task(line.work())
        line.finish(conversation(recording=None))
        await asyncio.sleep(0.1)
        async with catalogue.writing() as connection:
            await connection.exec_driver_sql("ALTER TABLE gone RENAME TO calls")
        async with asyncio.timeout(PATIENCE):
            while not await search.list_calls(catalogue):
                await asyncio.sleep(0.01)
        await end(work)


# -- crashes and failures --------------------------------------------------------------------------------------


def _die_around_rows(patch: pytest.MonkeyPatch, crashes: Crashes) -> None:
    """Crashes before and behind every transaction, too."""
    for name in ("add_recording", "settle"):
        real = getattr(records, name)

        async def around(*given: Any, real: Any = real, name: str = name) -> None:
            crashes.before(f"row: {name}")
            await real(*given)
            crashes.before(f"row written: {name}")

        patch.setattr(records, name, around)


@pytest.mark.parametrize("again", ["handed over again", "only started again"])
async def test_a_crash_at_any_step_ends_in_the_same_recording(tmp_path: Path, again: str) -> None:
    at = 0
    while True:
        at += 1
        place = Place(tmp_path / str(at))
        finished = place.call()
        with pytest.MonkeyPatch.context() as patch:
            crashes = install(patch, at)
            _die_around_rows(patch, crashes)
            with contextlib.suppress(Crash):
                async with place.open() as (line, _):
                    line.finish(finished)
                    await done(line)
        if not crashes.crashed:
            break
        planned = (place.base / "spool/jobs/main-1-1/job.json").exists()
        async with place.open() as (line, catalogue):
            await line.recover()
            # Before the plan is written the engine's journal is what knows of the call.
            if again == "handed over again" or not (planned or place.left() == []):
                line.finish(finished)
            await done(line)
            kept = await only(catalogue)
        assert kept.status is Status.KEPT, crashes.changes
        samples, _ = read(place.store / kept.folder / AUDIO_NAME)
        assert np.array_equal(samples, np.stack([tone(401, 1), tone(600, 1)], axis=1)), crashes.changes
        assert place.jobs() == [], crashes.changes
        assert place.left() == [], crashes.changes
        assert names(place.store / kept.folder) == sorted([AUDIO_NAME, PICTURE_NAME, STORY_NAME])
    assert at > 40, "the crashes were meant to hit every step"


async def test_a_crash_while_a_recording_is_dropped_ends_with_it_dropped(tmp_path: Path) -> None:
    at = 0
    while True:
        at += 1
        place = Place(tmp_path / str(at))
        finished = place.call(options=Options(min_length=3))
        with pytest.MonkeyPatch.context() as patch:
            crashes = install(patch, at)
            _die_around_rows(patch, crashes)
            with contextlib.suppress(Crash):
                async with place.open() as (line, _):
                    line.finish(finished)
                    await done(line)
        if not crashes.crashed:
            break
        call = await dropped(place, finished)
        assert call.recordings[0].status is Status.DROPPED, crashes.changes


async def test_a_full_disk_delays_and_loses_nothing(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(obstacles, "BACKOFF_SECONDS", (0.01,))
    refused: list[str] = []

    def full(what: str) -> None:
        if len(refused) < 25:
            refused.append(what)
            raise OSError(28, "No space left on device")

    async with place.open() as (line, catalogue):
        monkeypatch.setattr(disk, "before", full)
        line.finish(place.call())
        await done(line)
        assert (await only(catalogue)).status is Status.KEPT
    assert len(refused) == 25
    assert place.left() == []


def _faulty(task: Task) -> Any:
    if task.job.recording == "main-1-1":
        raise RuntimeError("a fault of this one's")
    return measure(task)


async def test_a_job_with_a_fault_is_left_in_the_spool_and_the_others_go_on(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(obstacles, "BACKOFF_SECONDS", (0.01,))
    with monkeypatch.context() as patch:
        patch.setattr(lines, "STEPS", (Step("measure", _faulty), *lines.STEPS[1:]))
        async with place.open(workers=1) as (line, catalogue):
            for n in (1, 2, 3):
                line.finish(place.call(n))
            await done(line)
            found = {call.recordings[0].id: call.recordings[0] for call in await search.list_calls(catalogue)}
            # It is not tried for ever, but it is where it was.
            await line.recover()
            await done(line)
    assert {name: one.status for name, one in found.items()} == {
        "main-1-1": Status.FAILED,
        "main-1-2": Status.KEPT,
        "main-1-3": Status.KEPT,
    }
    assert "a fault of this one's" in found["main-1-1"].why
    assert found["main-1-1"].owners == ("extension 100",)
    assert place.jobs() == ["main-1-1"]
    async with place.open() as (line, catalogue):
        await line.recover()
        await done(line)
        assert await records.status_of(catalogue, RecordingId("main-1-1")) is Status.KEPT
    assert place.jobs() == []


def _killed(task: Task) -> Any:
    flag = task.store.parent / "killed"
    if not flag.exists():
        flag.touch()
        os._exit(1)
    return measure(task)


async def test_a_child_that_is_killed_is_replaced_and_its_work_done_again(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(obstacles, "BACKOFF_SECONDS", (0.01,))
    monkeypatch.setattr(lines, "STEPS", (Step("measure", _killed), *lines.STEPS[1:]))
    async with place.open(make_pool=None, workers=1) as (line, catalogue):
        line.finish(place.call())
        await done(line)
        assert (await only(catalogue)).status is Status.KEPT
        assert line.faults == 1


async def test_a_stored_file_that_is_not_what_was_joined_is_made_again(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(obstacles, "BACKOFF_SECONDS", (0.01,))
    spoilt: list[Path] = []

    def spoil(_what: str) -> None:
        """The disk writes something else than it was given, once."""
        path = place.store / "2026/02/02/main-1-1" / AUDIO_NAME
        if path.exists() and not spoilt:
            data = bytearray(path.read_bytes())
            data[5000] ^= 0x40
            path.unlink()
            path.write_bytes(data)
            spoilt.append(path)

    monkeypatch.setattr(disk, "before", spoil)
    async with place.open() as (line, catalogue):
        line.finish(place.call())
        await done(line)
        kept = await only(catalogue)
        assert line.faults == 1
    assert spoilt
    samples, _ = read(place.store / kept.folder / AUDIO_NAME)
    assert np.array_equal(samples, np.stack([tone(401, 1), tone(600, 1)], axis=1))


def _patient(task: Task) -> Any:
    while not (task.store.parent / "go").exists():
        time.sleep(0.01)
    return measure(task)


async def test_the_event_loop_turns_while_a_step_is_at_work(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "STEPS", (Step("measure", _patient), *lines.STEPS[1:]))
    async with place.open(make_pool=None) as (line, catalogue):
        line.finish(place.call())
        async with asyncio.timeout(PATIENCE):
            while await records.status_of(catalogue, RecordingId("main-1-1")) is not Status.WORKING:
                await asyncio.sleep(0)
            for _ in range(1000):
                await asyncio.sleep(0)
        (place.base / "go").touch()
        await done(line)
        assert (await only(catalogue)).status is Status.KEPT


async def test_work_ends_when_it_is_told_to_and_writes_what_it_was_told_last(place: Place) -> None:
    async with place.open() as (line, catalogue):
        work = asyncio.create_task(line.work())
        await asyncio.sleep(0)
        line.finish(conversation(recording=None, call="main/9.9"))
        line.finish(place.call())
        await end(work)
        found = {call.call for call in await search.list_calls(catalogue)}
    assert found == {"main/9.9", "main/1.1"}
    assert place.left() == []


async def test_a_job_that_somebody_puts_into_the_spool_is_found(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "LOOK_SECONDS", 0.05)
    async with place.open() as (line, catalogue):
        work = asyncio.create_task(line.work())
        await asyncio.sleep(0.1)
        await asyncio.to_thread(Spool(place.base / "spool").take, place.call())
        async with asyncio.timeout(PATIENCE):
            while await records.status_of(catalogue, RecordingId("main-1-1")) is not Status.KEPT:
                await asyncio.sleep(0.02)
        await until(lambda: place.jobs() == [])
        await end(work)


async def test_a_recording_waits_while_calls_need_the_machine(place: Place) -> None:
    async with place.open() as (line, catalogue):
        line.occupied = lambda: True
        line.finish(place.call())
        await asyncio.sleep(0.3)
        assert place.jobs() == []
        assert place.left() == ["main-1-1.1-r.wav", "main-1-1.1-t.wav", "main-1-1.1.wav"]
        line.occupied = lambda: False
        await done(line)
        assert (await only(catalogue)).status is Status.KEPT


async def test_calls_without_end_hold_a_recording_up_for_a_limited_time(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "PATIENCE_SECONDS", 0.2)
    async with place.open() as (line, catalogue):
        line.occupied = lambda: True
        began = time.monotonic()
        line.finish(place.call())
        await done(line)
        assert time.monotonic() - began >= 0.2
        assert (await only(catalogue)).status is Status.KEPT


async def test_the_controllers_end_does_not_wait_for_calls(place: Place) -> None:
    """What was handed over must be taken over before the end, however busy the PBX is."""
    async with place.open() as (line, _):
        line.occupied = lambda: True
        line.finish(place.call())
        await asyncio.sleep(0.1)
        assert place.jobs() == []
        began = time.monotonic()
    assert time.monotonic() - began < lines.PATIENCE_SECONDS / 2
    assert place.jobs() == ["main-1-1"]
    assert place.left() == []
