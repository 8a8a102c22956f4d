"""Lamps, screens and the URL key on a real PBX: a phone shows what is confirmed, and is told why it was refused."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from controller import lab
from controller.core.recording import State
from controller.lab import Asterisk, Call, MakePhone, Phone, ears, sounds
from controller.phones.lamps import Lamps
from controller.phones.url_key import PATH, UrlKey
from hardware import url_key
from hardware.keys import Key
from tests.live.controlling import Controlling, controlling, pitches

CALLER, CALLED = 450, 700
SECRET = b"a secret of sixteen bytes or more"
MAC = "001565aabbcc"
AGENT = "Yealink SIP-T46G 28.80.0.95 00:15:65:aa:bb:cc"
KEYS = '[keys]\nrecord_key = true\n[[extension]]\nnumber = "100"\nmacs = "00:15:65:AA:BB:CC"\nphone = "yealink"\n'


def rule(mode: str) -> str:
    return f'{KEYS}[[rule]]\nname = "hundred"\nextension = "100"\nmode = "{mode}"\n'


@asynccontextmanager
async def watching(pbx: Asterisk, rules: str, folder: Path) -> AsyncIterator[tuple[Controlling, Lamps]]:
    async with controlling(pbx, rules, folder) as control:
        lamps = Lamps(control.engine)
        task = asyncio.create_task(lamps.run())
        try:
            yield control, lamps
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def talking(
    pbx: Asterisk, phone: MakePhone, rules: str, folder: Path
) -> AsyncIterator[tuple[Controlling, Phone, Call]]:
    """100 talks to 101, and its own BLF key watches its lamp: the controller, 100's phone, and its call."""
    alice, bob = await phone("100"), await phone("101")
    bob.auto(sounds.tone(CALLED), loop=True)
    async with watching(pbx, rules, folder) as (control, _):
        await alice.watch("rec-100")
        call = await alice.call("101", say=sounds.tone(CALLER), loop=True)
        await control.until(lambda: control.engine.sessions and control.session.call.talked_at)
        yield control, alice, call


async def shows(phone: Phone, state: str, lamp: str = "rec-100") -> None:
    """The phone's key was told this last."""
    await lab.until(lambda: phone.states[lamp][-1:] == [state])


@pytest.mark.proves("F-069", "W-30", "Y-15", "B-09")
async def test_the_lamp_follows_what_is_confirmed(asterisk: Asterisk, phone: MakePhone, tmp_path: Path) -> None:
    async with talking(asterisk, phone, rule("on-demand"), tmp_path) as (control, alice, call):
        await shows(alice, "terminated")
        await control.press(Key.RECORD)
        await shows(alice, "confirmed")
        await control.press(Key.PAUSE)
        await shows(alice, "held")
        await control.press(Key.RESUME)
        await shows(alice, "confirmed")
        await control.press(Key.STOP)
        await shows(alice, "terminated")
        await control.press(Key.RECORD)
        await shows(alice, "confirmed")
        await call.hangup()
        await shows(alice, "terminated")
        await control.over()


PAUSE, RESUME, STOP, RECORD = Key.PAUSE, Key.RESUME, Key.STOP, Key.RECORD
DARK, LIT, HELD = "terminated", "confirmed", "held"


@pytest.mark.proves("W-32")
@pytest.mark.parametrize(
    ("mode", "grants", "first", "presses"),
    [
        ("on-demand", None, DARK, [(RECORD, LIT), (PAUSE, HELD), (RESUME, LIT), (STOP, DARK)]),
        ("on-demand", ["start", "stop"], DARK, [(RECORD, DARK)]),
        ("always-with-pause", None, LIT, [(PAUSE, HELD), (RESUME, LIT)]),
        ("always-with-pause", [], DARK, []),
        ("always", None, DARK, []),
    ],
)
async def test_the_pause_key_lights_up_when_it_has_a_meaning_and_where_the_rule_grants_it(
    asterisk: Asterisk,
    phone: MakePhone,
    tmp_path: Path,
    mode: str,
    grants: list[str] | None,
    first: str,
    presses: list[tuple[Key, str]],
) -> None:
    granted = "" if grants is None else f"grants = {json.dumps(grants)}\n"
    async with talking(asterisk, phone, rule(mode) + granted, tmp_path) as (control, alice, call):
        await alice.watch("pause-100")
        await shows(alice, LIT if mode.startswith("always") else DARK)
        await shows(alice, first, "pause-100")
        for key, state in presses:
            assert (await control.press(key)).granted
            await control.recording(
                {LIT: State.ON, HELD: State.PAUSED}.get(state, State.ON if key is RECORD else State.OFF)
            )
            await shows(alice, state, "pause-100")
        await asyncio.sleep(0.3)
        ends = alice.states["pause-100"][-1]
        assert ends == (presses[-1][1] if presses else first)
        assert len(alice.states["pause-100"]) <= len(presses) + 2  # it does not flicker
        await call.hangup()
        await shows(alice, DARK, "pause-100")
        await control.over()


@pytest.mark.proves("F-069")
async def test_a_capture_that_nobody_asked_to_keep_is_no_recording_to_the_lamp(
    asterisk: Asterisk, phone: MakePhone, tmp_path: Path
) -> None:
    async with talking(asterisk, phone, rule("on-demand-keep"), tmp_path) as (control, alice, call):
        await control.recording()
        await shows(alice, "held")
        await control.press(Key.RECORD)
        await shows(alice, "confirmed")
        await call.hangup()
        await control.over()


@pytest.mark.proves("F-069")
async def test_a_lamp_that_a_dead_controller_left_lit_is_put_out_at_the_next_start(
    asterisk: Asterisk, phone: MakePhone, tmp_path: Path
) -> None:
    alice = await phone("100")
    await asterisk.cli("devstate change Custom:rec-100 INUSE")
    await alice.watch("rec-100")
    await shows(alice, "confirmed")
    async with watching(asterisk, rule("on-demand"), tmp_path):
        await shows(alice, "terminated")


@pytest.mark.proves("F-069", "F-070", "B-09")
async def test_a_yealink_screen_says_what_the_lamp_says(asterisk: Asterisk, phone: MakePhone, tmp_path: Path) -> None:
    async with talking(asterisk, phone, rule("on-demand"), tmp_path) as (control, alice, call):
        for key, text in ((Key.RECORD, b"Recording<"), (Key.PAUSE, b"Recording paused<"), (Key.STOP, b"<Message></")):
            alice.pushed.clear()
            await control.press(key)
            await lab.until(lambda text=text: any(text in body for body in alice.pushed))  # type: ignore[misc]
        await call.hangup()
        await control.over()


@asynccontextmanager
async def serving(control: Controlling) -> AsyncIterator[tuple[UrlKey, str]]:
    """The URL key's page on a free port of loopback."""
    key = UrlKey(control.engine, SECRET)
    app = web.Application()
    app.add_routes([web.get(path, handler) for path, handler in key.pages().items()])
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield key, f"http://127.0.0.1:{runner.addresses[0][1]}{PATH}"
    finally:
        await runner.cleanup()


async def press(url: str, agent: str = AGENT) -> tuple[int, str]:
    """As the phone asks: status and text."""
    async with aiohttp.ClientSession() as client, client.get(url, headers={"User-Agent": agent}) as answer:
        return answer.status, await answer.text()


@pytest.mark.proves("F-064", "B-09", "F-070", "V-16")
async def test_the_url_key_records_and_its_answer_is_the_real_outcome(
    asterisk: Asterisk, phone: MakePhone, tmp_path: Path
) -> None:
    async with (
        talking(asterisk, phone, rule("on-demand"), tmp_path) as (control, _, call),
        serving(control) as (_, at),
    ):
        on, off = (url_key.url(at, MAC, key, SECRET) for key in (Key.RECORD, Key.STOP))
        status, text = await press(on)
        assert (status, control.state()) == (200, State.ON)
        assert "<YealinkIPPhoneText>" in text
        assert "Recording." in text
        await asyncio.sleep(0.5)
        # With the call that it is about, as a phone fills it in; and a stranger's token.
        status, text = await press(off.replace("$call_id", call.call_id))
        assert (status, control.state()) == (200, State.OFF)
        assert "Not recording." in text
        status, text = await press(on.replace("token=", "token=0"))
        assert status == 200
        assert "not allowed here" in text
        assert control.state() is State.OFF
        control.use(rule("never"))
        status, text = await press(on)
        assert "Not allowed" in text
        assert "hundred" in text
        await call.hangup()
        (finished,) = await control.over()
        assert "There is no call" in (await press(on))[1]
    assert pitches(finished.segments[0].mixed) == {CALLER, CALLED}
    assert {mark.by for mark in finished.marks if mark.kind == "key"} == {f"extension 100 (url key {MAC})"}


@pytest.mark.proves("F-068")
async def test_a_dialled_code_switches_the_recording_of_all_calls_on_and_off(
    asterisk: Asterisk, phone: MakePhone, tmp_path: Path
) -> None:
    alice, bob = await phone("100"), await phone("101")
    bob.auto(sounds.tone(CALLED), loop=True)
    async with watching(asterisk, rule("on-demand"), tmp_path) as (control, _):
        await alice.watch("always-100")

        async def switched(lamp: str, pitch: int) -> None:
            dialled = await alice.call("*48")
            await dialled.ended()
            heard = ears.tones(dialled.line.heard().samples, 8000)
            assert pitch in {tone.frequency for tone in heard}
            await lab.until(lambda: alice.states["always-100"][-1:] == [lamp])

        async def recorded() -> bool:
            before = len(control.finished)
            call = await alice.call("101", say=sounds.tone(CALLER), loop=True)
            await asyncio.sleep(0.8)
            await call.hangup()
            await control.over(before + 1)
            return bool(control.finished[-1].segments)

        assert not await recorded()
        await switched("confirmed", 1400)
        control.finished.clear()
        assert await recorded()
        control.use(rule("always").replace("always", "never"))  # it does no more than the rule lets people ask for
        assert not await recorded()
        control.use(rule("on-demand"))
        await switched("terminated", 700)
        assert not await recorded()
