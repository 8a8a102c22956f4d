"""The Asterisk driver keeps the contract of drivers, on a real PBX."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from controller.core.commands import Start
from controller.core.events import LegJoined
from controller.lab import Asterisk, Call, MakePhone, sounds
from tests.live.driving import Driving, driving, settings_of
from tests.pbx.contract import Bench, Contract, until


class Real(Bench):
    """Real calls, and an administrator who can do what no controller may."""

    def __init__(self, driving: Driving, asterisk: Asterisk, phone: MakePhone, carrier: MakePhone) -> None:
        super().__init__()
        self.events, self.links = driving.events, driving.links
        self.driver = driving.driver
        self._driving, self._asterisk, self._phone, self._carrier = driving, asterisk, phone, carrier
        self._call: Call | None = None

    async def talk(self) -> LegJoined:
        since = len(self.events)
        world, bob = await self._carrier("carrier1"), await self._phone("101")
        bob.auto(sounds.tone(700), loop=True)
        self._call = await world.call("0205550123", caller="0301234567", say=sounds.tone(450), loop=True)
        return await self._driving.talking("carrier1", since)

    async def hang_up(self) -> None:
        assert self._call is not None
        await self._call.hangup()

    async def kill(self, recorder: Start) -> None:
        async with self._asterisk.admin() as admin:
            await admin.act("StopMixMonitor", Channel=recorder.leg.partition("/")[2])

    async def cut(self) -> None:
        pair = self._driving.driver._pair
        assert pair is not None
        before = len(self.links)
        pair.give_up("the test cut it")
        await until(lambda: len(self.links) > before)

    async def mend(self) -> None:
        self._driving.links = self.links
        await until(lambda: self.links[-1] == (True, ""))


class TestAsterisk(Contract):
    @pytest.fixture
    async def bench(self, asterisk: Asterisk, phone: MakePhone, carrier: MakePhone) -> AsyncIterator[Bench]:
        async with driving(settings_of(asterisk)) as made:
            yield Real(made, asterisk, phone, carrier)
