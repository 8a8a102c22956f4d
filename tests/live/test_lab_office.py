"""The lab's office works: queue, group, conference, park, pickup, paging, voicemail, menu, forward, click to call."""

from __future__ import annotations

import asyncio
import time

import pytest

from controller import lab
from controller.lab import Asterisk, Call, MakePhone, Phone, ears, sounds


def tones_since(call: Call, moment: float) -> set[int]:
    """What a party hears from then on, if it lasts."""
    return {tone.frequency for tone in ears.tones(call.heard().since(moment).samples) if tone.seconds >= 0.2}


async def hears(call: Call, expected: set[int]) -> None:
    """Wait until a party hears just this. Raises TimeoutError."""
    await lab.until(lambda: tones_since(call, time.time() - 0.5) == expected)


def only(phone: Phone) -> Call:
    (call,) = phone.calls.values()
    return call


async def test_a_queue_rings_its_members_and_bridges_the_first_who_answers(
    asterisk: Asterisk, phone: MakePhone, carrier: MakePhone
) -> None:
    hanna, ivan, world = await phone("110"), await phone("111"), await carrier("carrier1")
    async with asterisk.admin() as admin:
        caller = await world.call("0205550200", caller="0301234567", say=sounds.tone(450), loop=True)
        first, second = await hanna.rings(), await ivan.rings()
        await second.answer(sounds.tone(700), loop=True)
        await first.ended()
        await hears(caller, {700})
        connected = await admin.event("AgentConnect")
        assert (connected["Queue"], connected["MemberName"]) == ("sales", "Ivan")
        await caller.hangup()


@pytest.mark.parametrize(("number", "agent"), [("0205550201", "113"), ("0205550202", "114")])
async def test_an_agent_behind_a_local_channel_is_reached(
    phone: MakePhone, carrier: MakePhone, number: str, agent: str
) -> None:
    karl, world = await phone(agent), await carrier("carrier1")
    karl.auto(sounds.tone(700), loop=True)
    caller = await world.call(number, caller="0301234567")
    await hears(caller, {700})


async def test_a_ring_group_rings_two_phones_and_names_itself(
    asterisk: Asterisk, phone: MakePhone, carrier: MakePhone
) -> None:
    carol, dave, world = await phone("102"), await phone("103"), await carrier("carrier2")
    caller = await world.dial("0205550400", caller="0301234567")
    first, second = await carol.rings(), await dave.rings()
    await second.answer()
    await first.ended()
    await caller.answered()
    async with asterisk.admin() as admin:
        channel = (await asterisk.cli("core show channels concise")).splitlines()
        name = next(line.split("!")[0] for line in channel if line.startswith("PJSIP/carrier2"))
        assert (await admin.act("Getvar", Channel=name, Variable="ONRECORD_GROUP"))["Value"] == "600"


async def test_three_people_meet_in_a_conference(phone: MakePhone) -> None:
    people = [await phone(extension) for extension in ("100", "101", "102")]
    pitches = (450, 700, 900)
    calls = [
        await one.call("800", say=sounds.tone(pitch), loop=True) for one, pitch in zip(people, pitches, strict=True)
    ]
    for call, own in zip(calls, pitches, strict=True):
        await hears(call, set(pitches) - {own})


async def test_room_801_has_a_recorder_of_its_own(asterisk: Asterisk, phone: MakePhone) -> None:
    alice = await phone("100")
    async with asterisk.admin() as admin:
        await alice.call("801")
        assert (await admin.event("ConfbridgeRecord"))["Conference"] == "801"


async def test_a_parked_call_is_taken_back_from_another_phone(
    asterisk: Asterisk, phone: MakePhone, carrier: MakePhone
) -> None:
    alice, bob, world = await phone("100"), await phone("101"), await carrier("carrier1")
    alice.auto()
    outside = await world.call("0205550100", caller="0301234567", say=sounds.tone(450), loop=True)
    async with asterisk.admin() as admin:
        assert await only(alice).transfer("700") == 202
        parked = await admin.event("ParkedCall")
        taken = await bob.call(parked["ParkingSpace"])
    await hears(taken, {450})
    assert outside.up


async def test_a_ringing_phone_is_picked_up_from_another(phone: MakePhone, carrier: MakePhone) -> None:
    alice, bob, world = await phone("100"), await phone("101"), await carrier("carrier1")
    outside = await world.dial("0205550100", caller="0301234567", say=sounds.tone(450), loop=True)
    ringing = await alice.rings()
    picked = await bob.call("*8")
    await ringing.ended()
    await outside.answered()
    await hears(picked, {450})


@pytest.mark.parametrize(("code", "kind"), [("*80", "paging"), ("*82", "intercom")])
async def test_paging_and_intercom_say_what_they_are(
    asterisk: Asterisk, phone: MakePhone, code: str, kind: str
) -> None:
    alice, bob = await phone("100"), await phone("101")
    bob.auto()
    call = await alice.call(f"{code}101", say=sounds.tone(450), loop=True)
    await lab.until(lambda: bool(bob.calls) and only(bob).up)
    invite = only(bob).invite
    assert invite is not None
    assert "answer-after=0" in invite["call-info"]
    async with asterisk.admin() as admin:
        lines = (await asterisk.cli("core show channels concise")).splitlines()
        name = next(line.split("!")[0] for line in lines if line.startswith("PJSIP/100"))
        assert (await admin.act("Getvar", Channel=name, Variable="ONRECORD_KIND"))["Value"] == kind
    await hears(only(bob), {450})
    await call.hangup()


async def test_voicemail_keeps_a_message_and_says_what_it_is(asterisk: Asterisk, phone: MakePhone) -> None:
    alice = await phone("101")
    call = await alice.call("*97", say=sounds.tone(450), loop=True)
    async with asterisk.admin() as admin:
        name = (await asterisk.cli("core show channels concise")).split("!")[0]
        assert (await admin.act("Getvar", Channel=name, Variable="ONRECORD_KIND"))["Value"] == "voicemail"
    await asyncio.sleep(2.5)
    await call.hangup()
    folder = asterisk.home / "spool" / "voicemail" / "default" / "100"
    await lab.until(lambda: any(folder.glob("*/msg*.wav")))


async def test_the_menu_takes_a_digit_and_connects(asterisk: Asterisk, phone: MakePhone, carrier: MakePhone) -> None:
    alice, world = await phone("100"), await carrier("carrier1")
    alice.auto(sounds.tone(700), loop=True)
    async with asterisk.admin() as admin:
        caller = await world.call("0205550500", caller="0301234567")
        await lab.until(lambda: 1000 in tones_since(caller, 0))
        await hears(caller, set())
        await caller.press("2")
        assert (await admin.event("UserEvent", UserEvent="IvrChoice"))["Choice"] == "2"
    await hears(caller, {700})


async def test_a_forwarded_extension_rings_where_it_was_sent(phone: MakePhone) -> None:
    alice, bob, carol = await phone("100"), await phone("101"), await phone("102")
    carol.auto(sounds.tone(900), loop=True)
    await (await bob.call("*72101102")).ended()
    try:
        await hears(await alice.call("101"), {900})
        assert not bob.calls or all(call.number == "*72101102" for call in bob.calls.values())
    finally:
        await (await bob.call("*73101")).ended()


async def test_click_to_call_joins_two_phones(asterisk: Asterisk, phone: MakePhone) -> None:
    alice, bob = await phone("100"), await phone("101")
    alice.auto(sounds.tone(450), loop=True)
    bob.auto(sounds.tone(700), loop=True)
    session = lab.Admin.session(asterisk.host, asterisk.ami_port, asterisk.ami_user, asterisk.ami_secret)
    async with session as onrecord:
        await onrecord.act(
            "Originate",
            Channel="PJSIP/100",
            Context="from-phones",
            Exten="101",
            Priority="1",
            CallerID="Click <100>",
            Async="true",
        )
    await lab.until(lambda: bool(bob.calls) and only(bob).up)
    await hears(only(alice), {700})
    await hears(only(bob), {450})


async def test_feature_codes_transfer_blind_and_attended(phone: MakePhone, carrier: MakePhone) -> None:
    alice, bob, carol, world = await phone("100"), await phone("101"), await phone("102"), await carrier("carrier1")
    alice.auto()
    bob.auto(sounds.tone(700), loop=True)
    carol.auto(sounds.tone(900), loop=True)
    outside = await world.call("0205550100", caller="0301234567")
    await only(alice).press("#1")
    await asyncio.sleep(0.3)
    await only(alice).press("101")
    await hears(outside, {700})
    await only(bob).press("*2")
    await asyncio.sleep(0.3)
    await only(bob).press("102")
    await hears(only(bob), {900})
    await only(bob).hangup()
    await hears(outside, {900})
