"""Key presses seen in copies of SIP messages that a real FreeSWITCH makes. Skipped where there is none.

FreeSWITCH has no driver yet: the calls of the engine are paper, and legs are found by asking FreeSWITCH itself.
"""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from controller.core.commands import LegId
from controller.core.events import Asked, Event
from controller.core.session import Session
from controller.lab import Call, ears, freeswitch, sounds
from controller.lab.addresses import free_port
from controller.lab.freeswitch import FreeSwitch
from controller.phones.listener import HepListener
from hardware.keys import Key
from tests.engine.test_engine import desk, talking
from tests.playbook import Scene

CALLER, CALLED = 450, 700
CODES = {"*44": Key.RECORD, "*45": Key.STOP}
RULES = '[[rule]]\nname = "it"\nextension = "100"\nmode = "on-demand"\n'

pytestmark = pytest.mark.skipif(bool(freeswitch.missing()), reason=freeswitch.missing())


@dataclass
class Seen:
    """What the listener made of it, and by which channels it found the presser."""

    listener: HepListener
    asked: list[Asked] = field(default_factory=list)
    channels: list[str] = field(default_factory=list)

    async def until(self, count: int) -> list[Key]:
        async with asyncio.timeout(5):
            while len(self.asked) < count:
                await asyncio.sleep(0.02)
        return [each.key for each in self.asked]

    async def counted(self, what: str) -> None:
        async with asyncio.timeout(5):
            while not self.listener.counts[what]:
                await asyncio.sleep(0.02)


async def channel_of(pbx: FreeSwitch, call_id: str) -> str:
    """The uuid of the channel with this SIP Call-ID; "" where there is none."""
    rows = json.loads(await pbx.api("show channels as json")).get("rows", [])
    for row in rows:
        if await pbx.api(f"uuid_getvar {row['uuid']} sip_call_id") == call_id:
            return str(row["uuid"])
    return ""


@asynccontextmanager
async def hearing(folder: Path, template: str) -> AsyncIterator[tuple[FreeSwitch, Seen, Call, Call]]:
    """100 talks to 101 on FreeSWITCH, whose copies come to a listener: 100's call, and 101's."""
    port = free_port("127.0.0.1", socket.SOCK_DGRAM)
    async with (
        freeswitch.freeswitch(port, template) as pbx,
        pbx.phone("100") as alice,
        pbx.phone("101") as bob,
        desk(folder, RULES) as made,
    ):
        scene = Scene()
        made.say(*talking(scene))
        await made.rest()
        seen = Seen(HepListener(made.engine, "127.0.0.1", port, codes=CODES))

        async def find(channel: str, sip_call: str, user: str) -> LegId | None:
            assert channel == ""
            seen.channels.append(found := await channel_of(pbx, sip_call))
            return LegId(f"main/{scene.call}a") if found and user == "100" else None

        made.paper.find = find  # type: ignore[method-assign]

        def watch(_: Session, event: Event) -> None:
            if isinstance(event, Asked):
                seen.asked.append(event)

        made.engine.watchers.add(watch)
        task = asyncio.create_task(seen.listener.run())
        try:
            bob.auto(sounds.tone(CALLED), loop=True)
            mine = await alice.call("101", say=sounds.tone(CALLER), loop=True)
            async with asyncio.timeout(5):
                while not await channel_of(pbx, mine.call_id):
                    await asyncio.sleep(0.05)  # its list of channels is written some time after the call is up
            yield pbx, seen, mine, next(iter(bob.calls.values()))
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def test_a_key_that_freeswitch_obeys_is_seen_with_the_channel_that_pressed_it(tmp_path: Path) -> None:
    async with hearing(tmp_path, "${uuid}.wav") as (pbx, seen, mine, _):
        assert await mine.info({"Record": "on"}) == 200
        assert await mine.info({"Record": "off"}) == 200
        assert await seen.until(2) == [Key.RECORD, Key.STOP]
        assert set(seen.channels) == {await channel_of(pbx, mine.call_id)}
        assert "" not in seen.channels
        assert (pbx.recordings / f"{seen.channels[0]}.wav").exists()  # its own handling knows the same channel


async def test_a_key_that_freeswitch_refuses_is_not_obeyed(tmp_path: Path) -> None:
    async with hearing(tmp_path, "") as (_, seen, mine, __):
        assert await mine.info({"Record": "on"}) == 488
        await seen.counted("a press that the PBX answered 488")
        assert not seen.asked


async def test_a_transfer_to_a_code_fails_and_is_obeyed_and_both_go_on_hearing_each_other(tmp_path: Path) -> None:
    async with hearing(tmp_path, "") as (_, seen, mine, his):
        for number, code in enumerate(("*44", "*45"), 1):
            assert await mine.transfer(code) == 202
            await seen.until(number)
            assert mine.notified[-1] == "SIP/2.0 403 Forbidden"
            heard = len(mine.heard().samples), len(his.heard().samples)
            await asyncio.sleep(0.6)
            assert mine.up
            assert his.up
            for call, start, pitch in ((mine, heard[0], CALLED), (his, heard[1], CALLER)):
                assert pitch in {tone.frequency for tone in ears.tones(call.heard().samples[start:], 8000)}
        assert [each.key for each in seen.asked] == [Key.RECORD, Key.STOP]


async def test_a_dialplan_that_hangs_up_after_its_bridge_loses_the_call_and_nothing_is_started(
    tmp_path: Path,
) -> None:
    """As FreeSWITCH's own example does (`hangup_after_bridge`): the phone is told nothing but BYE."""
    async with hearing(tmp_path, "") as (pbx, seen, mine, his):
        await pbx.api(f"uuid_setvar {await channel_of(pbx, mine.call_id)} hangup_after_bridge true")
        assert await mine.transfer("*44") == 202
        await mine.ended()
        await his.ended()
        assert mine.notified == []
        assert not seen.asked
