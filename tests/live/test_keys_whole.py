"""Keys, lamps and the digit guard through the whole controller, from its configuration file to the stored sound."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import aiohttp
import numpy as np
import pytest

from controller import lab
from controller.app import App
from controller.catalogue.entries import CallEntry, RecordingStory, Status
from controller.catalogue.search import show
from controller.core.recording import State
from controller.lab import Asterisk, MakePhone, sounds
from controller.lab.addresses import free_port
from controller.pipeline.timeline import SLACK_SECONDS
from hardware import url_key
from hardware.keys import Key
from tests.live.test_controller import entries, only, running, sound

CALLER, CALLED = 450, 700
MAC = "001565aabbcc"
AGENT = "Yealink SIP-T46G 28.80.0.95 00:15:65:aa:bb:cc"
SECRET = "a secret of many letters"  # noqa: S105


def rules(folder: Path, web: int, hep: int, mode: str) -> str:
    (folder / "url.secret").write_text(SECRET + "\n")
    (folder / "url.secret").chmod(0o600)
    return f"""
[keys]
record_key = true
codes = {{ record = "*44", stop = "*45" }}
url_secret_file = "url.secret"
hep = "127.0.0.1:{hep}"
[web]
listen = "127.0.0.1:{web}"
[[extension]]
number = "100"
macs = "00:15:65:aa:bb:cc"
phone = "yealink"
[[rule]]
name = "hundred"
extension = "100"
mode = "{mode}"
"""


async def story(app: App, entry: CallEntry) -> RecordingStory:
    """The only recording of a call, with its segments and marks."""
    (call,) = await show(app.catalogue, only(entry).id)
    (recording,) = call.recordings
    return recording


@pytest.mark.proves("F-061", "F-064", "F-065", "F-069", "B-09", "I-8", "V-16")
async def test_key_code_and_url_all_lead_to_one_recording_of_whoever_pressed(
    asterisk: Asterisk, phone: MakePhone, tmp_path: Path
) -> None:
    web, hep = free_port("127.0.0.1"), free_port("127.0.0.1", socket.SOCK_DGRAM)
    alice, bob = await phone("100"), await phone("101")
    bob.auto(sounds.tone(CALLED), loop=True)
    async with running(tmp_path, rules(tmp_path, web, hep, "on-demand"), asterisk) as app:
        await alice.watch("rec-100")
        call = await alice.call("101", say=sounds.tone(CALLER), loop=True)

        async def until(state: State) -> None:
            def there() -> bool:
                return any(each.recording and each.recording.state is state for each in app.engine.sessions.values())

            await lab.until(there)
            await lab.until(
                lambda: alice.states["rec-100"][-1:] == ["confirmed" if state is State.ON else "terminated"]
            )
            await asyncio.sleep(0.4)

        async with asyncio.timeout(5):
            while await call.info({"Record": "on"}) != 200:
                await asyncio.sleep(0.02)
        await until(State.ON)
        await call.press("*45")
        await until(State.OFF)
        target = url_key.url(f"http://127.0.0.1:{web}/key", MAC, Key.TOGGLE, SECRET.encode())
        async with aiohttp.ClientSession() as client, client.get(target, headers={"User-Agent": AGENT}) as answer:
            assert "Recording." in await answer.text()
        await until(State.ON)
        await call.hangup()
        (entry,) = await entries(app, 1)
        recording = await story(app, entry)
    assert len(recording.segments) == 2
    keys = [mark for mark in recording.marks if mark.kind == "key"]
    assert {mark.by for mark in keys} <= {
        "extension 100 (record key)",
        "extension 100 (code)",
        f"extension 100 (url key {MAC})",
    }
    assert [mark.note for mark in keys][-2:] == ["stop", "toggle"]
    await lab.until(lambda: alice.states["rec-100"][-1:] == ["terminated"])


@pytest.mark.proves("B-05", "F-042")
async def test_a_number_that_a_caller_types_is_silent_in_the_stored_file_and_nowhere_written(
    asterisk: Asterisk, phone: MakePhone, carrier: MakePhone, tmp_path: Path
) -> None:
    """The caller's phone sends his digits as sound too: a tone that only sounds while he types."""
    web, hep = free_port("127.0.0.1"), free_port("127.0.0.1", socket.SOCK_DGRAM)
    alice, world = await phone("100"), await carrier("carrier1")
    alice.auto(sounds.tone(CALLED), loop=True)
    async with running(tmp_path, rules(tmp_path, web, hep, "always"), asterisk) as app:
        call = await world.call("0205550100", caller="0201234567", say=sounds.tone(CALLER), loop=True)
        await asyncio.sleep(1.2)
        call.say(sounds.tone(1209), loop=True)
        await call.press("5929")
        call.say(sounds.tone(CALLER), loop=True)
        await asyncio.sleep(5.5)
        await call.hangup()
        (entry,) = await entries(app, 1)
        samples, rate = sound(app, only(entry))
        marks = (await story(app, entry)).marks
        written = b"".join(path.read_bytes() for path in (tmp_path / "journal").iterdir())
    spectrum = np.abs(np.fft.rfft(samples[:, 0].astype(float)))
    at = np.fft.rfftfreq(len(samples), 1 / rate)

    def loud(pitch: int) -> float:
        return float(spectrum[abs(at - pitch) < 3].max())

    assert loud(CALLER) > 300 * loud(1209)
    blank, unblank = (next(m for m in marks if m.kind == kind) for kind in ("blank", "unblank"))
    assert blank.offset is not None
    assert unblank.offset is not None
    inside = samples[round((blank.offset - SLACK_SECONDS / 2) * rate) : round(unblank.offset * rate)]
    assert len(inside) > 0.8 * rate
    assert not inside.any()
    assert b'"digit"' not in written
    assert b"5929" not in written


@pytest.mark.proves("F-028", "I-13")
@pytest.mark.parametrize("pressed", [True, False])
async def test_what_nobody_asked_to_keep_leaves_a_receipt_and_no_sound(
    asterisk: Asterisk, phone: MakePhone, tmp_path: Path, pressed: bool
) -> None:
    web, hep = free_port("127.0.0.1"), free_port("127.0.0.1", socket.SOCK_DGRAM)
    alice, bob = await phone("100"), await phone("101")
    bob.auto(sounds.tone(CALLED), loop=True)
    before = set(asterisk.monitor_dir.rglob("*.wav"))
    async with running(tmp_path, rules(tmp_path, web, hep, "on-demand-keep"), asterisk) as app:
        call = await alice.call("101", say=sounds.tone(CALLER), loop=True)
        await lab.until(lambda: list(asterisk.memory_dir.glob("*.wav")))
        await asyncio.sleep(1)
        if pressed:
            await call.press("*44")
            await asyncio.sleep(0.3)
        await call.hangup()
        (entry,) = await entries(app, 1)
        recording = only(entry)
        left = set(asterisk.monitor_dir.rglob("*.wav")) - before
    stored = list(tmp_path.rglob("*.wav"))  # noqa: ASYNC240
    assert not left
    if pressed:
        assert recording.status is Status.KEPT
        assert len(stored) == 1
        assert recording.length > 1.0  # from the first second, not from the press
    else:
        assert (recording.status, recording.why) == (Status.DROPPED, "nobody asked to keep it")
        assert stored == []
