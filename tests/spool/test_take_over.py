"""Taking files over from the PBX: whole, once, whatever happens in between."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from controller import disk
from controller.core.commands import RecordingId
from controller.core.finished import Finished
from controller.spool import JOB, NotARecording, Spool, SpoolUnreachable, Unplanned, settled
from tests.pipeline.recordings import conversation, leave, quiet, tone, wav
from tests.spool.crashing import Crash, install

OTHER_DISK = Path("/dev/shm")  # noqa: S108  # wanted: a second file system


@pytest.fixture
def far_monitor(tmp_path: Path) -> Iterator[Path]:
    """Where a PBX writes whose folder is on another file system than the spool."""
    if not OTHER_DISK.is_dir() or OTHER_DISK.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is only one file system here")
    folder = Path(tempfile.mkdtemp(dir=OTHER_DISK))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(params=["same disk", "other disk"])
def monitor(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Where the PBX writes: on the spool's file system, and on another one."""
    folder: Path = tmp_path / "monitor"
    return folder if request.param == "same disk" else request.getfixturevalue("far_monitor")


def one_call(monitor: Path, frequency: float = 400.0, recording: str = "main-1-1") -> Finished:
    return conversation(leave(monitor, recording, 1, tone(frequency, 0.5), tone(600, 0.5)), recording=recording)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.suffix == ".wav"}


def test_files_are_in_the_jobs_folder_and_gone_from_the_pbx(tmp_path: Path, monitor: Path) -> None:
    finished = one_call(monitor)
    before = contents(monitor)
    job = Spool(tmp_path / "spool").take(finished)
    assert contents(job.folder) == {
        "1.wav": before["main-1-1.1.wav"],
        "1-r.wav": before["main-1-1.1-r.wav"],
        "1-t.wav": before["main-1-1.1-t.wav"],
    }
    assert list(monitor.iterdir()) == []
    assert job.finished == finished


def test_handing_over_twice_is_once(tmp_path: Path, monitor: Path) -> None:
    finished = one_call(monitor)
    spool = Spool(tmp_path / "spool")
    first = spool.take(finished)
    before = contents(first.folder)
    assert spool.take(finished) == first
    assert contents(first.folder) == before
    assert [job.recording for job in spool.unfinished()] == ["main-1-1"]


def test_a_crash_at_any_change_to_the_disk_loses_nothing_and_doubles_nothing(tmp_path: Path, monitor: Path) -> None:
    at = 0
    while True:
        at += 1
        place = tmp_path / str(at)
        finished = one_call(monitor)
        expected = sorted(contents(monitor).values())
        with pytest.MonkeyPatch.context() as patch:
            crashes = install(patch, at)
            with contextlib.suppress(Crash):
                Spool(place).take(finished)
        if not crashes.crashed:
            break
        job = Spool(place).take(finished)
        assert sorted(contents(job.folder).values()) == expected, crashes.changes
        assert contents(monitor) == {}, crashes.changes
        assert [job.recording for job in Spool(place).unfinished()] == ["main-1-1"], crashes.changes
        assert not list(job.folder.glob(f"*{disk.PART}")), crashes.changes
    assert at > 15, "the crashes were meant to hit every step"


def test_a_crash_after_the_plan_is_mended_without_anybody_repeating_the_hand_over(
    tmp_path: Path, monitor: Path
) -> None:
    at = 0
    while True:
        at += 1
        place = tmp_path / str(at)
        finished = one_call(monitor)
        expected = sorted(contents(monitor).values())
        with pytest.MonkeyPatch.context() as patch:
            crashes = install(patch, at)
            with contextlib.suppress(Crash):
                Spool(place).take(finished)
        if not crashes.crashed:
            break
        spool = Spool(place)
        spool.tidy()
        jobs = list(spool.unfinished())
        if not jobs:
            assert sorted(contents(monitor).values()) == expected, "no plan yet, so nothing may be gone"
            continue
        spool.resume(jobs[0])
        assert sorted(contents(jobs[0].folder).values()) == expected, crashes.changes
        assert contents(monitor) == {}


def test_a_crash_while_a_job_is_forgotten_leaves_a_job_that_knows_it_is_done(tmp_path: Path) -> None:
    at = 0
    while True:
        at += 1
        spool = Spool(tmp_path / str(at))
        job = spool.take(one_call(tmp_path / "monitor"))
        (job.folder / "ledger.json").write_text('{"verify": "done"}')
        with pytest.MonkeyPatch.context() as patch:
            crashes = install(patch, at)
            with contextlib.suppress(Crash):
                spool.forget(job)
        if not crashes.crashed:
            break
        left = list(spool.unfinished())
        if left:
            assert (left[0].folder / "ledger.json").read_text() == '{"verify": "done"}'
            spool.forget(left[0])
        spool.tidy()
        assert list(spool.jobs.iterdir()) == []


def test_a_second_conversation_of_the_same_name_is_a_recording_of_its_own(tmp_path: Path, monitor: Path) -> None:
    spool = Spool(tmp_path / "spool")
    first = spool.take(one_call(monitor))
    again = one_call(monitor, frequency=900)
    expected = sorted(contents(monitor).values())
    second = spool.take(replace(again, began_at=again.began_at + 60))
    assert second.recording == "main-1-1_2"
    assert sorted(contents(second.folder).values()) == expected
    assert sorted(contents(first.folder)) == ["1-r.wav", "1-t.wav", "1.wav"]
    assert contents(monitor) == {}


def test_a_third_one_is_too(tmp_path: Path, monitor: Path) -> None:
    spool = Spool(tmp_path / "spool")
    names = [spool.take(replace(one_call(monitor, 400 + 100 * n), began_at=1000.0 + n)).recording for n in range(3)]
    assert names == ["main-1-1", "main-1-1_2", "main-1-1_3"]


def test_a_folder_that_is_not_mounted_is_no_proof_that_there_was_no_sound(tmp_path: Path) -> None:
    monitor = tmp_path / "monitor"
    finished = one_call(monitor)
    away = monitor.rename(tmp_path / "unmounted")
    spool = Spool(tmp_path / "spool")
    with pytest.raises(SpoolUnreachable):
        spool.take(finished)
    away.rename(monitor)
    job = spool.take(finished)
    assert len(contents(job.folder)) == 3


def test_a_missing_side_does_not_hold_up_the_rest(tmp_path: Path, monitor: Path) -> None:
    finished = one_call(monitor)
    (monitor / "main-1-1.1-t.wav").unlink()
    job = Spool(tmp_path / "spool").take(finished)
    assert sorted(contents(job.folder)) == ["1-r.wav", "1.wav"]


def test_a_file_that_grows_while_it_is_copied_arrives_with_its_tail(tmp_path: Path, far_monitor: Path) -> None:
    finished = one_call(far_monitor)
    source = far_monitor / "main-1-1.1-r.wav"
    grown: list[bytes] = []

    def grow(what: str) -> None:
        if what == "sync 1-r.wav.part" and not grown:
            with source.open("ab") as file:
                file.write(b"tail" * 100)
            grown.append(source.read_bytes())

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(disk, "before", grow)
        job = Spool(tmp_path / "spool").take(finished)
    assert (job.folder / "1-r.wav").read_bytes() == grown[0]
    assert contents(far_monitor) == {}


def test_what_is_written_after_a_move_still_arrives(tmp_path: Path) -> None:
    monitor = tmp_path / "monitor"
    finished = one_call(monitor)
    with (monitor / "main-1-1.1.wav").open("ab") as pbx:
        job = Spool(tmp_path / "spool").take(finished)
        pbx.write(b"tail")
    assert (job.folder / "1.wav").read_bytes().endswith(b"tail")


UNSAFE = ["", ".", "..", "../up", "a/b", "a,b", ".hidden", "-rf", "x" * 121, "a b", "a\n", "a\x00", "ä"]


@pytest.mark.parametrize("name", UNSAFE)
def test_an_unsafe_name_gets_no_folder(tmp_path: Path, name: str) -> None:
    spool = Spool(tmp_path / "spool")
    finished = replace(one_call(tmp_path / "monitor"), recording=RecordingId(name))
    with pytest.raises(NotARecording):
        spool.take(finished)
    assert list(spool.jobs.iterdir()) == []
    assert len(contents(tmp_path / "monitor")) == 3


@pytest.mark.parametrize("source", ["relative.wav", "/etc/shadow", "/etc/passwd.exe", "/a.wav\n", "/a.wav/"])
def test_what_is_no_audio_file_is_not_taken(tmp_path: Path, source: str) -> None:
    finished = one_call(tmp_path / "monitor")
    segments = (replace(finished.segments[0], mixed=source),)
    with pytest.raises(NotARecording):
        Spool(tmp_path / "spool").take(replace(finished, segments=segments))


def test_two_segments_of_one_number_are_refused(tmp_path: Path) -> None:
    finished = one_call(tmp_path / "monitor")
    with pytest.raises(NotARecording):
        Spool(tmp_path / "spool").take(replace(finished, segments=finished.segments * 2))


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b"\xff\xfe", b'{"finished": {}, "files": []}', b"{}"])
def test_a_damaged_plan_is_told_and_its_name_not_used_again(tmp_path: Path, damage: bytes) -> None:
    spool = Spool(tmp_path / "spool")
    job = spool.take(one_call(tmp_path / "monitor"))
    (job.folder / JOB).write_bytes(damage)
    with pytest.raises(Unplanned):
        spool.find(job.recording)
    assert list(spool.unfinished()) == []
    assert spool.take(one_call(tmp_path / "monitor", 900)).recording == "main-1-1_2"
    assert len(contents(job.folder)) == 3


def test_a_plan_cannot_point_out_of_its_folder(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool")
    job = spool.take(one_call(tmp_path / "monitor"))
    plan = (job.folder / JOB).read_text()
    (job.folder / JOB).write_text(plan.replace('"1.wav"', '"../../1.wav"'))
    with pytest.raises(Unplanned):
        spool.find(job.recording)


# -- waiting for the PBX ---------------------------------------------------------------------------------------


async def test_the_tail_that_the_pbx_writes_after_the_hangup_is_waited_for(tmp_path: Path) -> None:
    monitor = tmp_path / "monitor"
    sound = tone(400, 1.0)
    segment = leave(monitor, "main-1-1", 1, sound[:4000], quiet(0.5), closed=False)
    paths = [Path(segment.mixed), Path(segment.anchor), Path(segment.others)]

    async def close_late() -> None:
        await asyncio.sleep(0.2)
        for path in paths:
            path.write_bytes(wav(sound))

    async with asyncio.TaskGroup() as group:
        group.create_task(close_late())
        taken = group.create_task(Spool(tmp_path / "spool").take_over(conversation(segment)))
    job = taken.result()
    assert (job.folder / "1-r.wav").read_bytes() == wav(sound)


async def test_a_closed_file_is_not_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(wav(tone(400, 0.1)))
    began = time.monotonic()
    await settled([path, tmp_path / "never written.wav"], patience=60)
    assert time.monotonic() - began < 30, "it waited for a file that is complete"


async def test_a_closed_file_without_any_sound_is_not_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(wav(quiet(0)))
    began = time.monotonic()
    await settled([path], patience=60)
    assert time.monotonic() - began < 30


async def test_a_file_that_a_killed_pbx_left_long_ago_is_not_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(wav(tone(400, 0.1), closed=False))
    os.utime(path, (time.time() - 600, time.time() - 600))
    began = time.monotonic()
    await settled([path], patience=60)
    assert time.monotonic() - began < 30


async def test_patience_ends_with_a_file_that_never_stops_growing(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(wav(tone(400, 0.1), closed=False))
    growing = True

    async def grow() -> None:
        while growing:
            with path.open("ab") as file:
                file.write(b"more")
            await asyncio.sleep(0.05)

    async with asyncio.TaskGroup() as group:
        group.create_task(grow())
        began = time.monotonic()
        await settled([path], patience=0.5)
        growing = False
    assert time.monotonic() - began >= 0.5


async def test_a_format_without_a_header_is_complete_when_it_grows_no_more(tmp_path: Path) -> None:
    path = tmp_path / "a.ulaw"
    path.write_bytes(b"\xff" * 800)
    began = time.monotonic()
    await settled([path], patience=60)
    assert 0.4 < time.monotonic() - began < 30
