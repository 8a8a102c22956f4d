"""The whole controller on real calls: from the policy file to the stored recording, its row and its sound."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import soundfile

from controller.app import App, build
from controller.catalogue.entries import CallEntry, RecordingEntry, Status
from controller.catalogue.search import list_calls
from controller.config.load import load
from controller.control import NotRunning, ask
from controller.lab import Asterisk, MakePhone, Phone, ears, sounds
from controller.lab.home import HOME, pbx_table
from tests.live.controlling import ROSTER

CALLER, CALLED = 450, 700


@asynccontextmanager
async def running(folder: Path, rules: str, *pbxs: Asterisk, more: str = "") -> AsyncIterator[App]:
    """A controller with everything, its files in `folder`; `more`: lines for the last PBX's table."""
    names = ("main", "branch")
    tables = "".join(pbx_table(pbx, name) for pbx, name in zip(pbxs, names, strict=False))
    (folder / "onrecord.toml").write_text(ROSTER + rules + tables + more + HOME)
    app = await build(load(folder / "onrecord.toml"))
    ready = asyncio.Event()
    task = asyncio.create_task(app.run(ready.set))
    try:
        async with asyncio.timeout(10):
            await ready.wait()
            while any(app.engine.links.values()):
                await asyncio.sleep(0.02)
        yield app
    finally:
        app.stop()
        await asyncio.wait_for(task, 30)


async def entries(app: App, count: int) -> tuple[CallEntry, ...]:
    """Wait until so many calls are listed and nothing is being worked on; oldest first."""
    async with asyncio.timeout(20):
        while app.engine.sessions:
            await asyncio.sleep(0.02)
        await app.line.idle()
        while len(found := await list_calls(app.catalogue)) < count:
            await asyncio.sleep(0.05)
    return tuple(sorted(found, key=lambda entry: entry.began_at))


def only(entry: CallEntry) -> RecordingEntry:
    (recording,) = entry.recordings
    return recording


def sound(app: App, recording: RecordingEntry) -> tuple[sounds.Samples, int]:
    """The stored file: samples of both sides, and its rate."""
    (path,) = app.config.store.folder.rglob(f"{recording.id}/recording.wav")
    return soundfile.read(path, dtype="int16", always_2d=True)


async def talk(caller: Phone, called: Phone, number: str, seconds: float = 1.5, shown: str | None = None) -> None:
    called.auto(sounds.tone(CALLED), loop=True)
    call = await caller.call(number, caller=shown, say=sounds.tone(CALLER), loop=True)
    await asyncio.sleep(seconds)
    await call.hangup()


HUNDRED = '[[rule]]\nname = "hundred"\nextension = "100"\nmode = "always-with-pause"\n'


@pytest.mark.proves("F-084", "F-087", "F-045")
@pytest.mark.parametrize("way", ["in", "out"])
async def test_the_stored_file_has_the_customer_on_the_left_and_the_house_on_the_right(
    asterisk: Asterisk, phone: MakePhone, carrier: MakePhone, tmp_path: Path, way: str
) -> None:
    alice, world = await phone("100"), await carrier("carrier1")
    async with running(tmp_path, HUNDRED, asterisk) as app:
        if way == "in":
            await talk(world, alice, "0205550100", shown="0301234567")
        else:
            await talk(alice, world, "0301234567")
        (entry,) = await entries(app, 1)
        recording = only(entry)
        samples, rate = sound(app, recording)
    customer, house = (CALLER, CALLED) if way == "in" else (CALLED, CALLER)
    assert {tone.frequency for tone in ears.tones(samples[:, 0], rate) if tone.seconds > 0.1} == {customer}
    assert {tone.frequency for tone in ears.tones(samples[:, 1], rate) if tone.seconds > 0.1} == {house}
    assert recording.status is Status.KEPT
    assert abs(len(samples) / rate - 1.5) < 0.25
    assert not list(asterisk.monitor_dir.glob(f"{recording.id}.*"))


@pytest.mark.proves("F-038")
async def test_a_pause_can_be_cut_out_of_the_stored_file(
    asterisk: Asterisk, phone: MakePhone, tmp_path: Path
) -> None:
    alice, bob = await phone("100"), await phone("101")
    bob.auto(sounds.tone(CALLED), loop=True)
    async with running(tmp_path, HUNDRED + 'pause_form = "cut"\n', asterisk) as app:
        socket = app.config.control.socket
        call = await alice.call("101", say=sounds.tone(CALLER), loop=True)
        await asyncio.sleep(1)
        for do in ("pause", "resume"):
            answer = await asyncio.to_thread(ask, socket, {"do": do, "call": "100"})
            assert answer["ok"], answer
            await asyncio.sleep(1)
        await call.hangup()
        (entry,) = await entries(app, 1)
        samples, rate = sound(app, only(entry))
    assert 1.7 < len(samples) / rate < 2.3
    assert all(span.seconds < 0.3 for span in ears.silences(samples[:, 0], rate))


@pytest.mark.proves("F-034")
async def test_a_recording_below_the_least_length_is_dropped_and_says_so(
    asterisk: Asterisk, phone: MakePhone, tmp_path: Path
) -> None:
    alice, bob = await phone("100"), await phone("101")
    async with running(tmp_path, HUNDRED + "min_length = 3\n", asterisk) as app:
        await talk(alice, bob, "101", seconds=1)
        (entry,) = await entries(app, 1)
        assert not list(app.config.store.folder.rglob("*.wav"))
        assert not list(app.config.spool.folder.rglob("*.wav"))
    assert only(entry).status is not Status.KEPT
    assert "3" in only(entry).why


@pytest.mark.proves("F-082", "I-27")
@pytest.mark.parametrize("catch_all", ["", "nobody's"])
async def test_what_belongs_to_nobody_goes_to_the_catch_all_owner_or_is_discarded(
    asterisk: Asterisk, carrier: MakePhone, tmp_path: Path, catch_all: str
) -> None:
    rules = '[[extension]]\nnumber = "100"\n[[rule]]\nname = "line"\ntrunk = "carrier1"\nmode = "always"\n'
    rules += f'[ownership]\ncatch_all = "{catch_all}"\n' if catch_all else ""
    world, mobile = await carrier("carrier1"), await carrier("carrier2")
    async with running(tmp_path, rules, asterisk) as app:
        await talk(world, mobile, "0205550900", shown="0301234567")
        (entry,) = await entries(app, 1)
        stored = list(app.config.store.folder.rglob("*.wav"))
    recording = only(entry)
    assert (recording.status is Status.KEPT) is bool(catch_all)
    assert len(stored) == bool(catch_all)
    if catch_all:
        assert any(catch_all in owner for owner in recording.owners)
    else:
        assert recording.why


async def test_two_pbxs_are_served_by_one_controller(asterisk: Asterisk, tmp_path: Path) -> None:
    from controller import lab

    rules = HUNDRED
    async with (
        Asterisk.running(lab.install()) as branch,
        running(tmp_path, rules, asterisk, branch) as app,
        lab.phone(asterisk, "100") as alice,
        lab.phone(asterisk, "101") as bob,
        lab.phone(branch, "100") as anna,
        lab.phone(branch, "101") as bert,
    ):
        await asyncio.gather(talk(alice, bob, "101"), talk(anna, bert, "101"))
        found = await entries(app, 2)
    assert {entry.pbx for entry in found} == {"main", "branch"}
    assert [only(entry).status for entry in found] == [Status.KEPT] * 2


@pytest.mark.proves("F-043")
async def test_the_control_socket_refuses_with_the_rule_and_answers_nonsense_politely(
    asterisk: Asterisk, phone: MakePhone, tmp_path: Path
) -> None:
    alice, bob = await phone("100"), await phone("101")
    bob.auto(sounds.tone(CALLED), loop=True)
    async with running(tmp_path, HUNDRED, asterisk) as app:
        socket = app.config.control.socket

        async def say(request: dict[str, object]) -> dict[str, object]:
            return await asyncio.to_thread(ask, socket, request)

        call = await alice.call("101", say=sounds.tone(CALLER), loop=True)
        async with asyncio.timeout(5):
            while not any(each["state"] == "on" for each in (await say({"do": "list"}))["calls"]):  # type: ignore[attr-defined]
                await asyncio.sleep(0.05)
        refused = await say({"do": "stop", "call": "100"})
        assert not refused["ok"]
        assert "hundred" in str(refused["why"])
        for odd in ({"do": "erase"}, {"do": "pause"}, {"do": "pause", "call": "999"}, {"do": "pause", "call": ["x"]}):
            answer = await say(odd)
            assert not answer["ok"]
            assert answer["why"]
        reader, writer = await asyncio.open_unix_connection(str(socket))
        writer.write(b"\xff\x00 not json\n" + b"[" * 5000 + b"\n" + b'{"do": "status"}\n')
        assert [b'"ok": false' in await reader.readline() for _ in range(2)] == [True, True]
        assert b'"ok": true' in await reader.readline()
        writer.close()
        await call.hangup()
        await entries(app, 1)
    with pytest.raises(NotRunning, match="onrecord run"):
        ask(socket, {"do": "list"})


async def test_a_bad_policy_file_is_refused_with_its_line_and_the_old_rules_stay(
    asterisk: Asterisk, phone: MakePhone, tmp_path: Path
) -> None:
    alice, bob = await phone("100"), await phone("101")
    async with running(tmp_path, HUNDRED, asterisk) as app:
        path = app.config.path
        good = path.read_text()
        path.write_text(good.replace("always-with-pause", "allways"))
        app.reload()
        line = good[: good.index("always-with-pause")].count("\n") + 1
        assert re.search(rf"onrecord.toml:{line}\b", app.refused), app.refused
        await talk(alice, bob, "101", seconds=0.7)
        (entry,) = await entries(app, 1)
        assert only(entry).status is Status.KEPT
        path.write_text(good.replace("always-with-pause", "never"))
        async with asyncio.timeout(10):  # the file is looked at every few seconds
            while app.refused or (
                app.config.policy is app.engine.policy and "never" not in str(app.config.policy.rules)
            ):
                await asyncio.sleep(0.1)
        await talk(alice, bob, "101", seconds=0.7)
        (_, after) = await entries(app, 2)
    assert after.recordings == ()
