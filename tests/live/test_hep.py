"""Key presses seen in copies of SIP messages, on a PBX whose features and dialplan know nothing of us."""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from controller import lab
from controller.core.decision import Mode
from controller.core.recording import State
from controller.lab import Asterisk, Call, sounds
from controller.lab.addresses import free_port
from controller.phones.listener import HepListener
from hardware import presses
from hardware.keys import Key
from tests.live.controlling import Controlling, controlling, pitches

CALLER, CALLED = 450, 700
PASSWORD = "lab-only"  # noqa: S105
CODES = {"*44": Key.RECORD, "*45": Key.STOP, "*97": Key.TOGGLE}
# Without the one-touch module the one for keep-alives answers the INFO 200 (hardware.md B.4, case 1).
MODULES = "load = res_hep.so\nload = res_hep_pjsip.so\nnoload = res_pjsip_one_touch_record_info.so\n"


@dataclass(frozen=True)
class Copying:
    """A PBX that copies its SIP messages to this port."""

    pbx: Asterisk
    port: int


@pytest.fixture(scope="module", params=["channel", "call-id"])
async def copying(request: pytest.FixtureRequest) -> AsyncIterator[Copying]:
    port = free_port("127.0.0.1", socket.SOCK_DGRAM)
    hep = (
        f"[general]\nenabled = yes\ncapture_address = 127.0.0.1:{port}\ncapture_password = {PASSWORD}\n"
        f"capture_id = 1\nuuid_type = {request.param}\n"
    )
    async with Asterisk.running(lab.install(), extra={"modules.d/hep.conf": MODULES, "hep.conf": hep}) as pbx:
        yield Copying(pbx, port)


@asynccontextmanager
async def talking(
    copying: Copying, folder: Path, mode: str = "on-demand"
) -> AsyncIterator[tuple[Controlling, HepListener, Call]]:
    """100 talks to the world: the controller, its listener, 100's call."""
    rules = f'[[rule]]\nname = "hundred"\nextension = "100"\nmode = "{mode}"\n'
    async with (
        lab.phone(copying.pbx, "100") as alice,
        lab.carrier(copying.pbx, "carrier1") as world,
        controlling(copying.pbx, rules, folder) as control,
    ):
        world.auto(sounds.tone(CALLED), loop=True)
        listener = HepListener(control.engine, "127.0.0.1", copying.port, PASSWORD.encode(), CODES)
        task = asyncio.create_task(listener.run())
        try:
            async with asyncio.timeout(5):
                await listener.ready.wait()
            call = await alice.call("0301234567", say=sounds.tone(CALLER), loop=True)
            await control.until(lambda: control.engine.sessions and control.session.call.talked_at)
            yield control, listener, call
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def counted(listener: HepListener, what: str) -> None:
    async with asyncio.timeout(5):
        while not listener.counts[what]:
            await asyncio.sleep(0.02)


@pytest.mark.proves("V-10", "F-062", "B-09")
async def test_the_record_key_works_where_the_pbx_only_copies_its_messages(copying: Copying, tmp_path: Path) -> None:
    async with talking(copying, tmp_path) as (control, _, call):
        assert await call.info({"Record": "on"}) == 200
        await control.recording()
        await asyncio.sleep(0.5)
        assert await call.info({"Record": "off"}) == 200
        await control.recording(State.OFF)
        await call.hangup()
        (finished,) = await control.over()
    assert pitches(finished.segments[0].mixed) == {CALLER, CALLED}
    assert {mark.by for mark in finished.marks if mark.kind == "key"} == {"extension 100 (record key)"}


@pytest.mark.proves("V-13", "F-067")
async def test_a_transfer_to_a_code_fails_and_is_obeyed_and_the_talk_goes_on(
    copying: Copying, tmp_path: Path
) -> None:
    async with talking(copying, tmp_path) as (control, _, call):
        assert await call.transfer("*44") == 202
        await control.recording()
        await asyncio.sleep(0.5)
        assert control.session.call.ended_at is None
        assert await call.transfer("*45") == 202
        await control.recording(State.OFF)
        await call.hangup()
        (finished,) = await control.over()
    assert pitches(finished.segments[0].mixed) == {CALLER, CALLED}
    assert {mark.by for mark in finished.marks if mark.kind == "key"} == {"extension 100 (transfer to a code)"}


@pytest.mark.proves("V-14")
async def test_a_phone_that_hangs_up_when_its_transfer_fails_loses_the_talk_and_nothing_else(
    copying: Copying, tmp_path: Path
) -> None:
    """Phones differ: those of test_a_transfer_to_a_code stay. `onrecord keys phone` tells what is known of each."""
    async with talking(copying, tmp_path) as (control, _, call):
        assert await call.transfer("*44") == 202
        await lab.until(lambda: "SIP/2.0 404" in "".join(call.notified))
        await call.hangup()
        (finished,) = await control.over()
        assert not control.engine.sessions
    assert sum(len(sounds.read_wav(Path(each.mixed))[0]) for each in finished.segments) < 8000  # nobody talks on
    assert finished.decision.mode is Mode.ON_DEMAND
    mixed = await copying.pbx.cli("core show channels count")
    assert mixed.startswith("0 active channels")


@pytest.mark.proves("V-13")
async def test_a_code_that_the_dialplan_knows_is_counted_as_the_mistake_that_it_is(
    copying: Copying, tmp_path: Path
) -> None:
    async with talking(copying, tmp_path) as (control, listener, call):
        assert await call.transfer("*97") == 202
        await counted(listener, "a transfer to a code went through")
        assert control.session.recording is None
        await copying.pbx.cli("channel request hangup all")
        await control.over()


@pytest.mark.proves("F-063")
async def test_a_header_that_is_no_command_is_counted_and_changes_nothing(copying: Copying, tmp_path: Path) -> None:
    async with talking(copying, tmp_path) as (control, listener, call):
        assert await call.info({"Record": "pause"}) == 200
        await counted(listener, "a Record header that is no command")
        assert control.session.recording is None
        await call.hangup()
        await control.over()


async def test_a_press_on_a_call_that_has_ended_does_nothing_and_is_counted(
    copying: Copying, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(presses, "PATIENCE_S", 0.5)
    async with talking(copying, tmp_path) as (control, listener, call):
        await call.hangup()
        (finished,) = await control.over()
        pressing = asyncio.create_task(call.info({"Record": "on"}))
        await counted(
            listener, "a press that the PBX answered never"
        )  # Asterisk knows the dialog no more, and is silent
        pressing.cancel()
        assert not control.engine.sessions
        assert finished.segments == ()


async def test_what_strangers_send_is_counted_and_calls_are_untouched(copying: Copying, tmp_path: Path) -> None:
    noise = random.Random(7)  # noqa: S311
    async with talking(copying, tmp_path) as (control, listener, call):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            for length in (0, 1, 5, 6, 200, 1400):
                stranger.sendto(noise.randbytes(length), ("127.0.0.1", copying.port))
                stranger.sendto(b"HEP3" + noise.randbytes(length), ("127.0.0.1", copying.port))
        reader, writer = await asyncio.open_connection("127.0.0.1", copying.port)
        writer.write(b"GET / HTTP/1.1\r\n\r\n" * 50)
        assert await asyncio.wait_for(reader.read(), 5) == b""  # hung up on
        writer.close()
        await counted(listener, "refused: not HEP")
        assert await call.info({"Record": "on"}) == 200
        await control.recording()
        await call.hangup()
        await control.over()
