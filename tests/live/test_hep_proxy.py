"""Key presses seen in copies of SIP messages that a real Kamailio in front of the PBX makes."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from controller import lab
from controller.core.events import Asked
from controller.core.recording import State
from controller.lab import Asterisk, Call, Phone, kamailio, sounds
from controller.lab.addresses import free_port
from controller.phones.listener import HepListener
from hardware.keys import Key
from tests.live.controlling import Controlling, controlling, pitches

CALLER, CALLED = 450, 700
PASSWORD = "lab-only"  # noqa: S105
CODES = {"*44": Key.RECORD, "*45": Key.STOP}
# Without the one-touch module the one for keep-alives answers the INFO 200 (hardware.md B.4, case 1).
MODULES = "noload = res_pjsip_one_touch_record_info.so\n"
RULES = '[[rule]]\nname = "hundred"\nextension = "100"\nmode = "on-demand"\n'

pytestmark = pytest.mark.skipif(bool(kamailio.missing()), reason=kamailio.missing())


@dataclass(frozen=True)
class Behind:
    """A PBX behind a proxy: phones talk to `proxy`, which copies to `port`."""

    pbx: Asterisk
    proxy: str
    port: int


@pytest.fixture(scope="module")
async def behind() -> AsyncIterator[Behind]:
    port = free_port("127.0.0.1", socket.SOCK_DGRAM)
    async with (
        Asterisk.running(lab.install(), extra={"modules.d/key.conf": MODULES}) as pbx,
        kamailio.proxy(pbx, port, PASSWORD) as proxy,
    ):
        yield Behind(pbx, proxy, port)


@asynccontextmanager
async def talking(behind: Behind, folder: Path) -> AsyncIterator[tuple[Controlling, HepListener, Call]]:
    """100 talks to the world, its SIP by way of the proxy: the controller, its listener, 100's call."""
    pbx = behind.pbx
    alice = Phone(pbx.phone_address("100"), behind.proxy, "100", pbx.phone_secret)
    async with lab.carrier(pbx, "carrier1") as world, controlling(pbx, RULES, folder) as control:
        world.auto(sounds.tone(CALLED), loop=True)
        listener = HepListener(control.engine, "127.0.0.1", behind.port, PASSWORD.encode(), CODES)
        task = asyncio.create_task(listener.run())
        try:
            async with asyncio.timeout(5):
                await listener.ready.wait()
            await alice.open()
            await alice.register()
            call = await alice.call("0301234567", say=sounds.tone(CALLER), loop=True)
            await control.until(lambda: control.engine.sessions and control.session.call.talked_at)
            yield control, listener, call
        finally:
            await alice.close()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def counted(listener: HepListener, what: str) -> None:
    async with asyncio.timeout(5):
        while not listener.counts[what]:
            await asyncio.sleep(0.02)


@pytest.mark.proves("V-10", "F-062", "B-09")
async def test_the_record_key_behind_a_proxy_that_copies_its_messages(behind: Behind, tmp_path: Path) -> None:
    async with talking(behind, tmp_path) as (control, _, call):
        assert call.routes  # the proxy stays in the path
        asked: list[Asked] = []
        control.engine.watchers.add(lambda _, event: asked.append(event) if isinstance(event, Asked) else None)
        assert await call.info({"Record": "on"}) == 200
        await control.recording()
        await asyncio.sleep(0.5)
        assert await call.info({"Record": "off"}) == 200
        await control.recording(State.OFF)
        await call.hangup()
        (finished,) = await control.over()
    assert pitches(finished.segments[0].mixed) == {CALLER, CALLED}
    # Each press was copied twice, on its way to the proxy and from it, and counts once.
    assert [(each.key, each.by) for each in asked] == [
        (Key.RECORD, "record key"),
        (Key.STOP, "record key"),
    ]


@pytest.mark.proves("V-13", "F-067")
async def test_transfers_to_codes_fail_at_the_pbx_or_at_the_proxy_and_are_obeyed(
    behind: Behind, tmp_path: Path
) -> None:
    async with talking(behind, tmp_path) as (control, _, call):
        assert await call.transfer("*44") == 202  # and the PBX's notice says 404
        await control.recording()
        await asyncio.sleep(0.5)
        assert control.session.call.ended_at is None
        assert await call.transfer("*45") == 404  # from the proxy
        await control.recording(State.OFF)
        assert call.up
        await call.hangup()
        (finished,) = await control.over()
    assert pitches(finished.segments[0].mixed) == {CALLER, CALLED}
    assert {mark.by for mark in finished.marks if mark.kind == "key"} == {"extension 100 (transfer to a code)"}


@pytest.mark.proves("V-10")
async def test_a_press_that_the_proxy_refuses_records_nothing(behind: Behind, tmp_path: Path) -> None:
    async with talking(behind, tmp_path) as (control, listener, call):
        assert await call.info({"Record": "on", "X-Lab": "refuse"}) == 403
        await counted(listener, "a press that the PBX answered 403")
        assert control.session.recording is None
        assert await call.info({"Record": "on"}) == 200  # the same call, once it is let through
        await control.recording()
        await call.hangup()
        await control.over()
