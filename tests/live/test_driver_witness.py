"""ARI beside AMI: an end that AMI lost is heard all the same, and one controller at a time acts."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace

from controller import lab
from controller.core.events import Done, Failed, LegEnded, RecorderFound, RecorderLost
from controller.lab import Asterisk, MakePhone, sounds
from controller.pbx.asterisk.ari import AriAccess, connect
from controller.pbx.asterisk.driver import AsteriskDriver
from controller.pbx.asterisk.frames import Message
from controller.pbx.asterisk.witness import ENDS
from controller.pbx.driver import PbxGone, PbxRefused
from tests.live.driving import Driving, driving, settings_of, start, stop


class Deaf(AsteriskDriver):
    """A driver whose AMI link loses every Hangup and BridgeLeave."""

    def _heard(self, message: Message) -> None:
        if message.event not in ("Hangup", "BridgeLeave"):
            super()._heard(message)


async def test_a_hangup_that_ami_lost_is_told_by_ari_after_a_while(
    asterisk: Asterisk, phone: MakePhone, carrier: MakePhone
) -> None:
    settings = replace(settings_of(asterisk), grace_seconds=0.3)
    made = Driving(Deaf(settings))
    task = asyncio.create_task(made.driver.run(made.hear, made.up))
    try:
        await made.until(lambda: (True, "") in made.links)
        await made.witnessed()
        world, bob = await carrier("carrier1"), await phone("101")
        bob.auto(sounds.tone(700), loop=True)
        call = await world.call("0205550123", caller="0301234567", say=sounds.tone(450), loop=True)
        joined = await made.talking("carrier1")
        command = start(joined.call, joined.leg)
        assert isinstance(await made.do(command), Done)
        await call.hangup()
        ended = await made.first(LegEnded, lambda event: event.leg == joined.leg)
        lost = await made.first(RecorderLost)
        assert lost.leg_gone
        assert made.events.index(lost) < made.events.index(ended)
        assert made.driver.counters.odd["channel ended without a Hangup"] >= 1
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_what_both_tell_is_told_once(asterisk: Asterisk, phone: MakePhone, carrier: MakePhone) -> None:
    async with driving(replace(settings_of(asterisk), grace_seconds=0.2)) as pbx:
        await pbx.witnessed()
        world, bob = await carrier("carrier1"), await phone("101")
        bob.auto(sounds.tone(700), loop=True)
        call = await world.call("0205550123", caller="0301234567", say=sounds.tone(450), loop=True)
        joined = await pbx.talking("carrier1")
        await call.hangup()
        await pbx.first(LegEnded, lambda event: event.leg == joined.leg)
        await asyncio.sleep(0.5)  # the witness has had its say
        ended = [event.leg for event in pbx.events if isinstance(event, LegEnded)]
        assert len(ended) == len(set(ended)) == 2
        assert pbx.driver.counters.odd == {}


async def test_a_second_controller_takes_over_and_the_first_asks_for_nothing_more(
    asterisk: Asterisk, phone: MakePhone, carrier: MakePhone
) -> None:
    async with driving(settings_of(asterisk)) as first:
        world, bob = await carrier("carrier1"), await phone("101")
        bob.auto(sounds.tone(700), loop=True)
        await world.call("0205550123", caller="0301234567", say=sounds.tone(450), loop=True)
        joined = await first.talking("carrier1")
        command = start(joined.call, joined.leg)
        await first.do(command)
        await first.witnessed()
        async with driving(settings_of(asterisk)) as second:
            await first.until(lambda: not first.links[-1][0])
            assert "another controller" in first.links[-1][1]
            refused = await first.do(stop(command))
            assert isinstance(refused, Failed)
            assert "another controller" in refused.reason
            assert (await second.first(RecorderFound)).recording == command.recording
            assert isinstance(await second.do(stop(command)), Done)
            assert first.driver.counters.reconnects == 1


async def test_recording_goes_on_without_ari_and_the_trouble_is_counted(
    asterisk: Asterisk, phone: MakePhone, carrier: MakePhone
) -> None:
    async with driving(replace(settings_of(asterisk), ari_secret="wrong")) as pbx:  # noqa: S106
        world, bob = await carrier("carrier1"), await phone("101")
        bob.auto(sounds.tone(700), loop=True)
        await world.call("0205550123", caller="0301234567", say=sounds.tone(450), loop=True)
        joined = await pbx.talking("carrier1")
        command = start(joined.call, joined.leg)
        assert isinstance(await pbx.do(command), Done)
        assert isinstance(await pbx.do(stop(command)), Done)
        assert any("401" in what for what in pbx.driver.counters.odd)


async def test_a_websocket_that_is_cut_again_and_again_while_phones_register_does_not_hurt_the_pbx() -> None:
    """With subscribeAll, Asterisk 22.10.1 crashes or goes dumb here: endpoints' news outlives the application."""
    over = asyncio.Event()

    async def registering(own: Asterisk, extension: str) -> None:
        while not over.is_set():
            async with lab.phone(own, extension):
                pass

    async with lab.Asterisk.running(lab.install()) as own:
        access = AriAccess(own.ari_url.removesuffix("/ari"), own.ari_user, own.ari_secret, "onrecord")
        phones = [asyncio.create_task(registering(own, str(extension))) for extension in range(100, 106)]
        try:
            async with asyncio.timeout(40):
                for n in range(100):
                    with suppress(PbxRefused, PbxGone):  # what the last cut left behind may refuse the next one
                        await (await connect(access, lambda _: None, events=ENDS)).close()
                    assert own.pid is not None, f"Asterisk died after {n} cuts\n{own.log_end()}"
        finally:
            over.set()
            await asyncio.wait(phones, timeout=15)
