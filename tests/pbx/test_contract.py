"""The paper PBX keeps the contract of drivers, and every driver has to prove that it does."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from controller.core.commands import CallId, LegId, Start
from controller.core.events import (
    BridgeId,
    LegAnswered,
    LegAppeared,
    LegDialled,
    LegEnded,
    LegJoined,
    LegLeft,
    RecorderFound,
    RecorderLost,
)
from controller.pbx import DRIVERS
from controller.pbx.driver import Driver
from controller.pbx.paper import PaperPbx
from tests.pbx.contract import BENCHES, Bench, Contract


class Paper(Bench):
    """Plays what a PBX would tell."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.driver: PaperPbx = PaperPbx("main", folder)
        self.call = CallId("")

    async def talk(self) -> LegJoined:
        self.call, outside, inside = CallId("main/1"), LegId("main/1"), LegId("main/2")
        joined = LegJoined(self.call, time.time(), outside, BridgeId("b"))
        for event in (
            LegAppeared(self.call, time.time(), outside, "carrier1", "0301234567", dialled="0205550123"),
            LegAppeared(self.call, time.time(), inside, "101", "101", originating=False),
            LegDialled(self.call, time.time(), outside, inside, "101"),
            LegAnswered(self.call, time.time(), inside),
            LegAnswered(self.call, time.time(), outside),
            LegJoined(self.call, time.time(), inside, BridgeId("b")),
            joined,
        ):
            self.driver.say(event)
        return joined

    async def hang_up(self) -> None:
        for leg in (LegId("main/2"), LegId("main/1")):
            self.driver.say(LegLeft(self.call, time.time(), leg, BridgeId("b")))
            self.driver.say(LegEnded(self.call, time.time(), leg, "normal"))

    async def kill(self, recorder: Start) -> None:
        lost = RecorderLost(recorder.call, time.time(), recorder.recording, recorder.segment, "died")
        self.driver.crash(recorder.recording, recorder.segment, lost)

    async def cut(self) -> None:
        self.driver.disconnect("the test cut it")

    async def mend(self) -> None:
        self.driver.snapshot = [
            RecorderFound(self.call, time.time(), recorder.leg, recording, segment)
            for (recording, segment), recorder in self.driver.recorders.items()
        ]
        self.driver.connect()


class TestPaper(Contract):
    @pytest.fixture
    async def bench(self, tmp_path: Path) -> AsyncIterator[Bench]:
        made = Paper(tmp_path)
        task = asyncio.create_task(
            made.driver.run(lambda event: made.events.append(event), lambda up, why: made.links.append((up, why)))
        )
        await asyncio.sleep(0)
        yield made
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def test_every_driver_proves_itself() -> None:
    assert BENCHES.keys() == DRIVERS.keys()
    for where in BENCHES.values():
        module, _, name = where.partition(":")
        proof = getattr(importlib.import_module(module), name)
        assert issubclass(proof, Contract)
        own = {each for each in vars(proof) if each.startswith("test_")}
        assert own & set(vars(Contract)) == set(), "a driver that passes by changing the tests"


@pytest.mark.parametrize("name", sorted(DRIVERS))
def test_every_driver_has_all_that_the_engine_asks_for(name: str) -> None:
    module, _, driver = DRIVERS[name].partition(":")
    made = getattr(importlib.import_module(module), driver)
    for asked, function in inspect.getmembers(Driver, inspect.isfunction):
        if not asked.startswith("_"):
            mine = getattr(made, asked)
            assert inspect.iscoroutinefunction(mine) == inspect.iscoroutinefunction(function), asked
            assert list(inspect.signature(mine).parameters) == list(inspect.signature(function).parameters), asked
