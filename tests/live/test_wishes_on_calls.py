"""Starting, stopping, pausing and resuming real calls: by those who may, heard in the files."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from controller.core.recording import State
from controller.lab import Asterisk, Call, MakePhone, ears, sounds
from hardware.keys import Key
from tests.live.controlling import Controlling, controlling, events_of, pitches, tones

CALLER, CALLED = 450, 700


def rule(mode: str, *more: str) -> str:
    return "\n".join(['[[rule]]\nname = "hundred"\nextension = "100"', f'mode = "{mode}"', *more]) + "\n"


@asynccontextmanager
async def talking(
    asterisk: Asterisk, phone: MakePhone, rules: str, folder: Path
) -> AsyncIterator[tuple[Controlling, Call]]:
    """100 talks to 101 under these rules."""
    alice, bob = await phone("100"), await phone("101")
    bob.auto(sounds.tone(CALLED), loop=True)
    async with controlling(asterisk, rules, folder) as control:
        call = await alice.call("101", say=sounds.tone(CALLER), loop=True)
        await control.until(lambda: control.engine.sessions and control.session.call.talked_at)
        yield control, call


@pytest.mark.proves("F-026", "F-029", "F-031", "F-043", "I-8", "W-2")
async def test_on_demand_records_from_the_request_to_the_next_and_again(
    asterisk: Asterisk, phone: MakePhone, tmp_path: Path
) -> None:
    async with talking(asterisk, phone, rule("on-demand"), tmp_path) as (control, call):
        await asyncio.sleep(0.4)
        assert control.session.recording is None
        for key, state in ((Key.RECORD, State.ON), (Key.STOP, State.OFF), (Key.RECORD, State.ON)):
            answer = await control.press(key)
            assert (answer.granted, answer.state) == (True, state)
            await asyncio.sleep(0.7)
        await call.hangup()
        (finished,) = await control.over()
    assert [segment.number for segment in finished.segments] == [1, 2]
    for segment in finished.segments:
        assert pitches(segment.anchor) == {CALLER}
    lengths = [segment.ended_at - segment.started_at for segment in finished.segments]
    assert all(0.6 < length < 1.2 for length in lengths)


@pytest.mark.proves("F-030", "F-029", "V-9", "W-2", "I-8")
@pytest.mark.parametrize(
    ("mode", "key", "why"),
    [
        ("always", Key.STOP, "stop"),
        ("always", Key.PAUSE, "pause"),
        ("always-with-pause", Key.STOP, "stop"),
        ("never", Key.RECORD, "must not be recorded"),
    ],
)
async def test_what_the_rule_does_not_grant_is_refused_with_the_reason_and_changes_nothing(
    asterisk: Asterisk, phone: MakePhone, tmp_path: Path, mode: str, key: Key, why: str
) -> None:
    async with talking(asterisk, phone, rule(mode), tmp_path) as (control, call):
        if mode != "never":
            await control.recording()
        answer = await control.press(key)
        assert not answer.granted
        assert why in answer.why
        assert "hundred" in answer.why
        await asyncio.sleep(0.5)
        state = control.session.recording.state if control.session.recording else State.OFF
        assert state is (State.OFF if mode == "never" else State.ON)
        await call.hangup()
        await control.over()


@pytest.mark.proves("F-029")
@pytest.mark.parametrize(("granted", "key", "allowed"), [("start", Key.STOP, False), ("pause", Key.PAUSE, True)])
async def test_grants_are_given_one_by_one(
    asterisk: Asterisk, phone: MakePhone, tmp_path: Path, granted: str, key: Key, allowed: bool
) -> None:
    rules = rule("on-demand", f'grants = ["start", "{granted}"]')
    async with talking(asterisk, phone, rules, tmp_path) as (control, call):
        assert (await control.press(Key.RECORD)).granted
        assert (await control.press(key)).granted is allowed
        await call.hangup()
        await control.over()


@pytest.mark.proves("Y-2", "F-027", "F-037", "F-041", "F-044")
async def test_a_pause_is_silence_of_the_same_length_on_both_sides(
    asterisk: Asterisk, phone: MakePhone, tmp_path: Path
) -> None:
    async with talking(asterisk, phone, rule("always-with-pause"), tmp_path) as (control, call):
        await control.recording()
        await asyncio.sleep(1)
        assert (await control.press(Key.PAUSE)).state is State.PAUSED
        await asyncio.sleep(1)
        assert (await control.press(Key.RESUME)).state is State.ON
        await asyncio.sleep(1)
        await call.hangup()
        (finished,) = await control.over()
    (segment,) = finished.segments
    assert {"start", "pause", "resume"} <= events_of(finished)
    for path in (segment.anchor, segment.others, segment.mixed):
        before, after = tones(path)[0], tones(path)[-1]
        hole = after.start - before.end
        assert 0.85 < hole < 1.15, f"{path}: silent for {hole} s"
        samples, rate = sounds.read_wav(Path(path))
        inside = samples[int((before.end + 0.06) * rate) : int((after.start - 0.15) * rate)]
        assert not inside.any()


@pytest.mark.proves("F-039")
@pytest.mark.parametrize(("side", "silent"), [("anchor", "anchor"), ("others", "others")])
async def test_a_pause_of_one_side_leaves_the_other_in_the_file(
    asterisk: Asterisk, phone: MakePhone, tmp_path: Path, side: str, silent: str
) -> None:
    rules = rule("always-with-pause", f'pause_side = "{side}"')
    async with talking(asterisk, phone, rules, tmp_path) as (control, call):
        await control.recording()
        await asyncio.sleep(0.6)
        await control.press(Key.PAUSE)
        await asyncio.sleep(1)
        await call.hangup()
        (finished,) = await control.over()
    (segment,) = finished.segments
    for name, path in (("anchor", segment.anchor), ("others", segment.others)):
        samples, rate = sounds.read_wav(Path(path))
        quiet = ears.loudness(samples[-int(0.5 * rate) :]) < 0.001
        assert quiet is (name == silent)


@pytest.mark.proves("F-041")
async def test_a_pause_pressed_before_the_start_is_confirmed_is_kept(
    asterisk: Asterisk, phone: MakePhone, tmp_path: Path
) -> None:
    async with talking(asterisk, phone, rule("on-demand"), tmp_path) as (control, call):
        start = asyncio.create_task(control.press(Key.RECORD))
        await asyncio.sleep(0)
        answer = await control.press(Key.PAUSE)
        await start
        assert answer.state is State.PAUSED
        await asyncio.sleep(0.6)
        await call.hangup()
        (finished,) = await control.over()
    heard = sum(tone.seconds for segment in finished.segments for tone in tones(segment.mixed))
    assert heard <= 0.2


@pytest.mark.proves("F-032")
@pytest.mark.parametrize(("start", "before_the_talk"), [("ring", True), ("answer", False)])
async def test_ring_and_answer_begin_earlier_than_the_conversation(
    asterisk: Asterisk, phone: MakePhone, tmp_path: Path, start: str, before_the_talk: bool
) -> None:
    alice, bob = await phone("100"), await phone("101")
    async with controlling(asterisk, rule("always", f'start = "{start}"'), tmp_path) as control:
        call = await alice.dial("101", say=sounds.tone(CALLER), loop=True)
        ringing = await bob.rings()
        await asyncio.sleep(0.8)
        await ringing.answer(sounds.tone(CALLED), loop=True)
        await call.answered()
        await asyncio.sleep(0.8)
        await call.hangup()
        (finished,) = await control.over()
    talked = finished.talked_at or 0
    assert (finished.segments[0].started_at < talked - 0.5) is before_the_talk


HOSTILE = 'Eve,i(V),touch /tmp/x;${SHELL(id)}`id`../../"\\'


async def test_a_hostile_caller_name_reaches_no_path_no_shell_and_no_header(
    asterisk: Asterisk, phone: MakePhone, carrier: MakePhone, tmp_path: Path
) -> None:
    alice, world = await phone("100"), await carrier("carrier1")
    alice.auto(sounds.tone(CALLED), loop=True)
    before = set(asterisk.monitor_dir.rglob("*"))
    async with controlling(asterisk, rule("always"), tmp_path) as control:
        call = await world.call(
            "0205550100",
            caller="0301234567",
            name=HOSTILE.replace('"', "").replace("\\", ""),
            say=sounds.tone(CALLER),
        )
        await control.recording()
        await asyncio.sleep(0.5)
        await call.hangup()
        (finished,) = await control.over()
    new = {path.name for path in set(asterisk.monitor_dir.rglob("*")) - before}
    base = f"{finished.recording}.1"
    assert new == {f"{base}.wav", f"{base}-r.wav", f"{base}-t.wav"}
    assert "touch" in finished.parties[0].name  # kept as it came: data, never a command


async def test_two_hundred_and_more_events_of_one_call_leave_one_recording(
    asterisk: Asterisk, phone: MakePhone, tmp_path: Path
) -> None:
    async with talking(asterisk, phone, rule("on-demand"), tmp_path) as (control, call):
        for _ in range(40):
            await control.press(Key.RECORD)
            await control.press(Key.PAUSE)
            await control.press(Key.RESUME)
            await control.press(Key.STOP)
        await call.hangup()
        (finished,) = await control.over()
    assert len(finished.segments) == 40
    assert len({segment.mixed for segment in finished.segments}) == 40
    assert control.engine.tally.alarms == 0
