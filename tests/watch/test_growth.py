"""Files that do not grow, pauses that do not hold, sides that are not heard: on paper, a second at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest

from controller.core.commands import Start
from controller.core.events import Asked, TimerFired
from controller.core.recording import State
from controller.pbx.driver import Health, SegmentFiles
from controller.watch.growth import Growth
from controller.watch.sound import BLOCK, HEADER
from hardware.keys import Key
from tests.engine.test_engine import Desk, desk, ending, talking
from tests.playbook import Scene

GROW_WITHIN, ONE_SIDED = 4.0, 30.0


class Watched:
    """A desk with one recorded call, its files, and a watch whose clock the test turns."""

    def __init__(self, at: Desk, folder: Path) -> None:
        self.at, self.folder, self.now = at, folder, 1000.0
        at.paper.folder = folder
        self.growth = Growth(at.engine, GROW_WITHIN, ONE_SIDED, clock=lambda: self.now)
        self.asked = 0
        self.arriving = True
        self.packets = 0
        paper = at.paper.health

        async def health(start: Start) -> Health | None:
            self.asked += 1
            found = await paper(start)
            return Health(found.running if found else False, self.packets)

        at.paper.health = health  # type: ignore[method-assign]

    def write(self, mixed: int = 1000, anchor: int = 1000, others: int = 1000, segment: int = 1) -> None:
        """One more block in each of the three files, as loud as that."""
        for ending_, peak in (("", mixed), ("-r", anchor), ("-t", others)):
            path = self.folder / f"main-1-1.{segment}{ending_}.wav"
            if not path.exists():
                path.write_bytes(bytes(HEADER))
            with path.open("ab") as file:
                file.write(np.full(BLOCK // 2, peak, "<i2").tobytes())

    async def seconds(self, number: int = 1) -> None:
        for _ in range(number):
            self.now += 1
            self.packets += 100 * self.arriving
            await self.growth.tick()
            await self.at.rest()

    @property
    def starts(self) -> list[int]:
        return [command.segment for command in self.at.paper.asked if isinstance(command, Start)]

    @property
    def alarms(self) -> list[str]:
        return [each.key.partition(" ")[0] for each in self.at.engine.alarms.active()]


@asynccontextmanager
async def watched(folder: Path) -> AsyncIterator[Watched]:
    monitor = folder / "monitor"
    monitor.mkdir()
    async with desk(folder) as at:
        made = Watched(at, monitor)
        at.say(*talking(Scene()))
        await at.rest()
        yield made


async def test_a_file_that_grows_is_never_asked_about(tmp_path: Path) -> None:
    async with watched(tmp_path) as here:
        for _ in range(20):
            here.write()
            await here.seconds(2)
        assert (here.asked, here.starts, here.alarms) == (0, [1], [])


@pytest.mark.proves("B-02")
async def test_a_file_that_stands_still_while_sound_arrives_is_a_dead_recorder(tmp_path: Path) -> None:
    async with watched(tmp_path) as here:
        here.write()
        await here.seconds(1)
        began = here.now
        while not here.alarms:
            await here.seconds(1)
        assert here.now - began <= GROW_WITHIN + 1
        await asyncio.sleep(0.3)
        assert here.starts == [1, 2]
        here.write(segment=2)
        await here.seconds(1)
        assert here.alarms == []


@pytest.mark.parametrize(("suffix", "after"), [(".wav", 4), (".alaw", 8), (".gsm", 38)])
async def test_a_format_with_fewer_bytes_may_stand_still_for_longer(tmp_path: Path, suffix: str, after: int) -> None:
    async with watched(tmp_path) as here:
        files = here.at.paper.files

        def named(command: Start) -> SegmentFiles:
            found = files(command)
            return SegmentFiles(
                *(path.with_suffix(suffix) for path in (found.mixed, found.anchor, found.others) if path)
            )

        here.at.paper.files = named  # type: ignore[method-assign, assignment]
        (here.folder / f"main-1-1.1{suffix}").write_bytes(b"sound")
        await here.seconds(1)
        began = here.now
        while not here.alarms:
            await here.seconds(1)
        assert after <= here.now - began <= after + 2


async def test_a_call_without_sound_is_no_fault_and_is_asked_about_seldom(tmp_path: Path) -> None:
    async with watched(tmp_path) as here:
        here.arriving = False
        here.write()
        await here.seconds(60)
        assert (here.starts, here.alarms) == ([1], [])
        assert here.asked < 15


async def test_a_file_that_vanishes_is_noticed_at_once_and_one_that_comes_back_is_left_alone(tmp_path: Path) -> None:
    async with watched(tmp_path) as here:
        here.write()
        await here.seconds(1)
        path = here.folder / "main-1-1.1.wav"
        data = path.read_bytes()
        path.unlink()
        await here.seconds(1)
        path.write_bytes(data)
        here.write()
        await here.seconds(1)
        assert here.alarms == []
        path.unlink()
        await here.seconds(2)
        (told,) = here.at.engine.alarms.active()
        assert "is gone" in told.what


async def test_a_recorder_that_dies_again_and_again_is_left_alone_for_longer_each_time(tmp_path: Path) -> None:
    async with watched(tmp_path) as here:
        for _ in range(120):
            await here.seconds(1)
            await asyncio.sleep(0.005)
            here.at.engine.hear(_retry(here))
        assert 3 <= len(here.starts) <= 8


def _retry(here: Watched) -> TimerFired:
    return TimerFired(Scene().call, here.now, "retry")


async def test_a_full_disk_is_told_and_waits_for_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    room = [False]
    monkeypatch.setattr("controller.watch.growth._cause", lambda file: f"the disk of {file.parent} is full")
    monkeypatch.setattr("controller.watch.growth._has_room", lambda _: room[0])
    async with watched(tmp_path) as here:
        here.write()
        await here.seconds(60)
        assert (here.starts, here.alarms) == ([1], ["recorder"])
        (told,) = here.at.engine.alarms.active()
        assert "is full" in told.what
        assert "free space" in told.remedy
        room[0] = True
        await here.seconds(1)
        await asyncio.sleep(0.3)
        assert here.starts == [1, 2]


async def test_a_folder_that_cannot_be_seen_from_here_proves_nothing(tmp_path: Path) -> None:
    async with watched(tmp_path) as here:
        here.at.paper.folder = here.folder / "unmounted"
        await here.seconds(30)
        assert (here.starts, here.alarms) == ([1], [])


@pytest.mark.proves("B-04")
@pytest.mark.parametrize(("peak", "state"), [(0, State.PAUSED), (700, State.OFF)])
async def test_a_pause_is_believed_only_while_the_file_is_silent(tmp_path: Path, peak: int, state: State) -> None:
    async with watched(tmp_path) as here:
        here.write()
        await here.seconds(1)
        scene = Scene()
        answer = await here.at.engine.ask(Asked(scene.call, scene.at(), "ann", Key.PAUSE))
        assert answer.state is State.PAUSED
        here.write(900)  # what was said before the pause comes out of the PBX's buffer
        await here.seconds(1)
        here.write(900)
        await here.seconds(1)
        for _ in range(4):
            here.write(peak, peak, peak)
            await here.seconds(2)
        (session,) = here.at.engine.sessions.values()
        assert session.recording is not None
        assert session.recording.state is state


@pytest.mark.proves("B-02", "F-160")
async def test_a_side_that_is_never_heard_is_told_and_one_that_is_quiet_for_a_while_is_not(tmp_path: Path) -> None:
    async with watched(tmp_path) as here:
        for _ in range(12):
            here.write(anchor=0)
            await here.seconds(2)
        assert here.alarms == []  # 24 s
        for _ in range(6):
            here.write(anchor=0)
            await here.seconds(2)
        assert here.alarms == ["one-sided"]
        here.write()
        await here.seconds(1)
        assert here.alarms == []


async def test_two_silent_sides_are_nobodys_fault(tmp_path: Path) -> None:
    async with watched(tmp_path) as here:
        for _ in range(40):
            here.write(0, 0, 0)
            await here.seconds(2)
        assert here.alarms == []


async def test_what_is_over_leaves_no_alarm_behind(tmp_path: Path) -> None:
    async with watched(tmp_path) as here:
        for _ in range(20):
            here.write(anchor=0)
            await here.seconds(2)
        assert here.alarms == ["one-sided"]
        here.at.say(*ending(Scene()))
        await here.at.rest()
        await here.seconds(1)
        assert here.alarms == []
