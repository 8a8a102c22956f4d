"""The lab tells the truth: what its parties say is what is heard, and found in files, frame by frame."""

from __future__ import annotations

import asyncio
import time

import pytest

from controller import lab
from controller.lab import Asterisk, Audio, MakePhone, ears, sipp, sounds
from controller.lab.baresip import baresip

NUMBER = "0205550100"
"""The DDI of Alice, extension 100."""


def steady(audio: Audio) -> set[int]:
    """The tones that were heard for at least a quarter of a second."""
    return {tone.frequency for tone in ears.tones(audio.samples) if tone.seconds >= 0.25}


async def test_two_phones_hear_each_other_and_nothing_else(phone: MakePhone) -> None:
    alice, bob = await phone("100"), await phone("101")
    bob.auto(sounds.tone(700), loop=True)
    call = await alice.call("101", say=sounds.tone(450), loop=True)
    await asyncio.sleep(1)
    (answered,) = bob.calls.values()
    assert steady(call.heard()) == {700}
    assert steady(answered.heard()) == {450}
    assert (answered.caller, answered.number) == ("100", "101")


async def test_a_phone_sends_a_packet_every_20_ms_even_while_the_event_loop_is_blocked(phone: MakePhone) -> None:
    alice = await phone("100")
    call = await alice.call("900", say=sounds.noise(1, 4))
    await asyncio.sleep(0.2)
    time.sleep(1)  # noqa: ASYNC251 the point of this test
    await asyncio.sleep(0.2)
    times = call.sent().times
    assert len(times) >= 65
    # Each packet against the schedule of the first: what counts is that lateness never adds up.
    lateness = [at - times[0] - 0.02 * n for n, at in enumerate(times)]
    assert sorted(lateness)[len(lateness) // 2] < 0.005
    assert abs(lateness[-1]) < 0.02


async def test_a_recording_holds_both_parties_from_their_first_frame(asterisk: Asterisk, phone: MakePhone) -> None:
    """The recorder runs before anybody speaks; so every frame that was sent must be in its file, in order."""
    alice, bob = await phone("100"), await phone("101")
    bob.auto(sounds.noise(2, 4))
    async with asterisk.admin() as admin:
        seen = len(admin.events)
        call = await alice.call("101", say=sounds.noise(1, 4))
        channel = (await admin.event("BridgeEnter", since=seen, Exten="101"))["Channel"]
        await admin.act("MixMonitor", Channel=channel, File="both.wav", Options="r(said.wav)t(heard.wav)")
        await asyncio.sleep(2)
        await admin.act("StopMixMonitor", Channel=channel)
        await call.hangup()
    (answered,) = bob.calls.values()
    for name, sent in (("said.wav", call.sent()), ("heard.wav", answered.sent())):
        samples, rate = sounds.read_wav(asterisk.host_path(name))
        (stretch,) = [s for s in ears.locate(samples, sent.samples, rate=rate) if s.seconds > 0.1]
        assert stretch.seconds == pytest.approx(2, abs=0.1), name
        assert stretch.sent < 0.06, f"{name} misses the first {stretch.sent} s"
    mixed, rate = sounds.read_wav(asterisk.host_path("both.wav"))
    for sent in (call.sent(), answered.sent()):
        assert max(s.seconds for s in ears.locate(mixed, sent.samples, rate=rate)) > 1.8


async def test_a_muted_stretch_is_found_to_the_frame(asterisk: Asterisk, phone: MakePhone) -> None:
    alice = await phone("100")
    call = await alice.call("902", say=sounds.noise(3, 6))
    async with asterisk.admin() as admin:
        channel = await _channel(asterisk)
        await admin.act("MixMonitor", Channel=channel, File="muted.wav")
        await asyncio.sleep(0.5)
        for state in ("1", "0"):
            await admin.act("MixMonitorMute", Channel=channel, Direction="both", State=state)
            await asyncio.sleep(0.5)
        await admin.act("StopMixMonitor", Channel=channel)
    samples, rate = sounds.read_wav(asterisk.host_path("muted.wav"))
    (quiet,) = [span for span in ears.silences(samples, rate) if span.seconds > 0.1]
    before, after = [s for s in ears.locate(samples, call.sent().samples, rate=rate) if s.seconds > 0.1]
    assert quiet.seconds == pytest.approx(0.5, abs=0.06)
    assert before.end == pytest.approx(quiet.start, abs=0.021)
    assert after.start == pytest.approx(quiet.end, abs=0.021)
    # Muting keeps time: what follows lies where it would have been.
    assert after.sent - before.sent == pytest.approx(after.start - before.start, abs=0.021)


async def _channel(asterisk: Asterisk) -> str:
    """The only channel there is."""
    (line,) = (await asterisk.cli("core show channels concise")).strip().splitlines()[:1]
    return line.split("!")[0]


async def test_speech_through_the_pbx_is_recognised_without_a_wrong_word(
    phone: MakePhone, carrier: MakePhone
) -> None:
    alice, world = await phone("100"), await carrier("carrier1")
    hers, his = sounds.SENTENCES["rms"][0], sounds.SENTENCES["awb"][8]
    alice.auto(await sounds.speech(hers))
    call = await world.call(NUMBER, caller="0301234567", say=await sounds.speech(his, "awb"))
    await asyncio.sleep(3)
    (answered,) = alice.calls.values()
    assert ears.words(call.heard().samples) == hers
    assert ears.words(answered.heard().samples) == his


async def test_a_call_goes_out_by_the_carrier_that_its_prefix_names(phone: MakePhone, carrier: MakePhone) -> None:
    alice = await phone("100")
    first, second = await carrier("carrier1"), await carrier("carrier2")
    first.auto(sounds.tone(500), loop=True)
    second.auto(sounds.tone(900), loop=True)
    for number, far, tone in (("0305551234", first, 500), ("90305551234", second, 900)):
        call = await alice.call(number)
        await asyncio.sleep(0.5)
        assert steady(call.heard()) == {tone}
        assert [c.number for c in far.calls.values()] == ["0305551234"]
        await call.hangup()


async def test_keys_and_info_arrive_as_they_were_sent(phone: MakePhone) -> None:
    alice, bob = await phone("100"), await phone("101")
    bob.auto()
    call = await alice.call("101")
    await call.press("159#")
    (answered,) = bob.calls.values()
    await lab.until(lambda: len(answered.line.digits_heard) == 4)
    assert [digit for _, digit in answered.line.digits_heard] == list("159#")
    assert await call.info({"Record": "on"}) == 403  # one-touch recording is off in the lab unless a test asks for it


async def test_hold_plays_music_and_resume_gives_the_voice_back(phone: MakePhone) -> None:
    alice, bob = await phone("100"), await phone("101")
    bob.auto()
    call = await alice.call("101", say=sounds.tone(450), loop=True)
    (answered,) = bob.calls.values()
    await call.hold()
    await asyncio.sleep(0.6)
    held = answered.heard().since(time.time() - 0.4)
    await call.resume()
    await asyncio.sleep(0.6)
    back = answered.heard().since(time.time() - 0.4)
    assert 450 not in steady(held)
    assert {tone.frequency for tone in ears.tones(held.samples)} == set(sounds.MUSIC)
    assert steady(back) == {450}


async def test_a_blind_and_an_attended_transfer_bring_the_parties_together(
    phone: MakePhone, carrier: MakePhone
) -> None:
    alice, bob, carol = await phone("100"), await phone("101"), await phone("102")
    world = await carrier("carrier1")
    alice.auto()
    carol.auto(sounds.tone(900), loop=True)
    outside = await world.call(NUMBER, caller="0301234567", say=sounds.tone(450), loop=True)
    (inside,) = alice.calls.values()
    bob.auto(sounds.tone(700), loop=True)
    # Both are up a moment before they are bridged, and whoever is not bridged cannot be transferred.
    await lab.until(lambda: inside.heard().seconds > 0.1)
    assert await inside.transfer("101") == 202
    await lab.until(lambda: bool(bob.calls) and next(iter(bob.calls.values())).up)
    await asyncio.sleep(0.5)
    assert steady(outside.heard().since(time.time() - 0.4)) == {700}
    assert not inside.up
    (first,) = bob.calls.values()
    await first.hold()
    second = await bob.call("102")
    assert await first.transfer_to(second) == 202
    await second.ended()
    await asyncio.sleep(0.5)
    assert steady(outside.heard().since(time.time() - 0.4)) == {900}


async def test_sipp_and_baresip_take_part_as_real_foreign_phones(asterisk: Asterisk) -> None:
    async with baresip(asterisk, "100", say=sounds.tone(600)) as alice:
        async with sipp.calling(asterisk, "carrier1", NUMBER, say=sounds.tone(400), seconds=1.5) as caller:
            assert await caller.finished(10) == sipp.Tally(1, 0), caller.troubles()
        await alice.until("CALL_CLOSED")
        assert {t.frequency for t in ears.tones(alice.heard()) if t.seconds > 0.5} == {400}


async def test_a_storm_of_calls_by_sipp_goes_through_whole(asterisk: Asterisk) -> None:
    """In by one carrier, out by the other: 20 calls within a second."""
    async with sipp.answering(asterisk, "carrier2", say=sounds.tone(900)):
        storm = sipp.calling(asterisk, "carrier1", "0205550900", say=sounds.tone(400), seconds=2, calls=20, rate=20)
        async with storm as caller:
            assert await caller.finished(20) == sipp.Tally(20, 0), caller.troubles()


async def test_two_labs_run_side_by_side_and_a_killed_one_comes_back() -> None:
    install = lab.install()
    async with Asterisk.running(install) as one, Asterisk.running(install) as other:
        assert one.host != other.host
        async with lab.phone(one, "100") as alice, lab.phone(other, "100") as namesake:
            assert (await alice.call("901")).up
            assert (await namesake.call("901")).up
            began = time.monotonic()
            await one.kill()
            assert one.pid is None
            assert other.pid is not None
            await one.start()
            assert time.monotonic() - began < 10
        async with lab.phone(one, "100") as alice:
            assert (await alice.call("901")).up


async def test_the_controllers_own_manager_user_has_no_command_class(asterisk: Asterisk) -> None:
    session = lab.Admin.session(asterisk.host, asterisk.ami_port, asterisk.ami_user, asterisk.ami_secret)
    async with session as onrecord:
        with pytest.raises(lab.Refused, match="Permission denied"):
            await onrecord.act("Command", Command="core show version")
