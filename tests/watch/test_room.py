"""Disks that fill up, folders that are missing or slow: told before it hurts, and told as over."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from controller.alarms import Alarms
from controller.pipeline.space import RAW_BYTES, Space
from controller.watch import room
from controller.watch.room import Room

GB = 2**30


class Disk:
    """A disk whose room a test sets; `wait` makes it slow."""

    def __init__(self) -> None:
        self.free, self.total, self.names, self.wait = 50 * GB, 100 * GB, 1_000_000, 0.0
        self.error: OSError | None = None

    def asked(self, folder: Path, _writing: bool) -> Space:
        time.sleep(self.wait)
        if self.error is not None:
            raise self.error
        return Space(folder, 1, self.total, self.free, self.names)


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    made = Disk()
    monkeypatch.setattr(room, "_asked", made.asked)
    monkeypatch.setattr(room, "SLOW_SECONDS", 0.1)
    return made


def watch(name: str = "monitor main", recorders: int = 0) -> tuple[Room, Alarms, Clock]:
    alarms, clock = Alarms(), Clock()
    return Room({name: Path("/somewhere")}, alarms, lambda: recorders, clock=clock), alarms, clock


def kinds(alarms: Alarms) -> list[str]:
    return [each.key.partition(" ")[0] for each in alarms.active()]


async def test_plenty_of_room_is_no_alarm(disk: Disk) -> None:
    watched, alarms, _ = watch(recorders=100)
    disk.free, disk.total = RAW_BYTES * 100 * 4000, 40 * GB
    await watched.tick()
    assert kinds(alarms) == []


@pytest.mark.proves("F-161")
async def test_the_calls_that_run_now_say_when_the_disk_will_be_full(disk: Disk) -> None:
    watched, alarms, _ = watch(recorders=500)
    disk.free = RAW_BYTES * 500 * 1800
    await watched.tick()
    (told,) = alarms.active()
    assert "30 min at the present rate" in told.what
    assert "larger disk" in told.remedy
    disk.free = disk.total = 5000 * GB
    await watched.tick()
    assert kinds(alarms) == []


@pytest.mark.proves("F-161")
async def test_a_disk_that_fills_by_whatever_means_is_foreseen(disk: Disk) -> None:
    watched, alarms, clock = watch("store")
    for _ in range(10):
        await watched.tick()
        assert kinds(alarms) == []  # a minute's growth tells nothing
        disk.free -= GB
        clock.now += 60
    await watched.tick()
    assert kinds(alarms) == ["space"]
    assert "full in 40 min" in alarms.active()[0].what


async def test_too_few_names_are_as_bad_as_too_little_room(disk: Disk) -> None:
    watched, alarms, _ = watch()
    disk.names = 500
    await watched.tick()
    assert "only 500 more files" in alarms.active()[0].what
    disk.names = 3
    await watched.tick()
    assert kinds(alarms) == ["space-full"]


async def test_a_full_disk_is_one_alarm_that_ends_when_there_is_room(disk: Disk) -> None:
    watched, alarms, _ = watch("spool")
    disk.free = 0
    for _ in range(5):
        await watched.tick()
    (told,) = alarms.active()
    assert (told.key.partition(" ")[0], told.count) == ("space-full", 5)
    disk.free = 50 * GB
    await watched.tick()
    assert kinds(alarms) == []
    assert alarms.past[-1].until is not None


async def test_a_slow_folder_is_told_once_asked_and_not_asked_again_meanwhile(disk: Disk) -> None:
    watched, alarms, _ = watch("store")
    disk.wait = 0.35
    await watched.tick()
    await watched.tick()
    assert "does not answer" in alarms.active()[0].what
    assert len(watched._asking) == 1
    disk.wait = 0.0
    for _ in range(5):
        await watched.tick()
    assert kinds(alarms) == []


@pytest.mark.parametrize(("name", "hint"), [("monitor main", "monitor_dir"), ("store", "right to write")])
async def test_a_folder_that_cannot_be_used_is_named_with_its_remedy(disk: Disk, name: str, hint: str) -> None:
    watched, alarms, _ = watch(name)
    disk.error = PermissionError(13, "Permission denied")
    await watched.tick()
    (told,) = alarms.active()
    assert "Permission denied" in told.what
    assert hint in told.remedy
    disk.error = None
    await watched.tick()
    assert kinds(alarms) == []


async def test_a_monitor_folder_that_the_pbx_has_still_to_make_is_well(tmp_path: Path) -> None:
    alarms = Alarms()
    watched = Room({"monitor main": tmp_path / "later", "monitor lost": tmp_path / "not" / "there"}, alarms)
    await watched.tick()
    assert [each.about for each in alarms.active() if each.key.startswith("monitor")] == [
        str(tmp_path / "not" / "there")
    ]
