"""The Asterisk driver starts, stops and names recorders on a real PBX, and tells what happens in its calls."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from controller import lab
from controller.core.commands import CallId, RecordingId
from controller.core.events import (
    AgentConnected,
    AttributeSet,
    BridgeKind,
    Done,
    Failed,
    LegAppeared,
    LegEnded,
    LegJoined,
    QueueJoined,
    QueueLeft,
    RecorderLost,
)
from controller.lab import Asterisk, Call, MakePhone, sounds
from controller.pbx.asterisk import filters
from controller.pbx.asterisk.ami import AmiAccess, connect
from tests.live.driving import (
    Driving,
    closed,
    driving,
    elsewhere,
    pause,
    resume,
    samples,
    settings_of,
    start,
    stop,
    tones,
)

CALLER, CALLEE = sounds.tone(450), sounds.tone(700)


@pytest.fixture
async def pbx(asterisk: Asterisk) -> AsyncIterator[Driving]:
    async with driving(settings_of(asterisk)) as made:
        yield made


async def talk(pbx: Driving, phone: MakePhone, carrier: MakePhone) -> tuple[Call, LegJoined]:
    """The world (450 Hz) calls Bob (700 Hz); the trunk's leg."""
    since = len(pbx.events)
    world, bob = await carrier("carrier1"), await phone("101")
    bob.auto(CALLEE, loop=True)
    call = await world.call("0205550123", caller="0301234567", say=CALLER, loop=True)
    return call, await pbx.talking("carrier1", since)


async def test_a_recorder_is_started_and_stopped_by_id_and_each_side_has_a_file(
    pbx: Driving, phone: MakePhone, carrier: MakePhone
) -> None:
    _, joined = await talk(pbx, phone, carrier)
    command = start(joined.call, joined.leg)
    assert isinstance(await pbx.do(command), Done)
    await asyncio.sleep(1.5)
    assert isinstance(await pbx.do(stop(command)), Done)
    files = pbx.driver.files(command)
    # Read at once: when Stop is confirmed the files are closed, and their headers are right.
    assert tones(files.mixed) == {450, 700}
    assert tones(files.anchor) == {450}
    assert tones(files.others) == {700}
    lengths = {len(samples(path)) for path in (files.mixed, files.anchor, files.others)}
    assert len(lengths) == 1
    assert lengths.pop() > 1.4 * sounds.RATE


async def test_the_recording_is_noted_on_its_channel_before_it_starts(
    pbx: Driving, asterisk: Asterisk, phone: MakePhone, carrier: MakePhone
) -> None:
    async with asterisk.admin() as admin:
        _, joined = await talk(pbx, phone, carrier)
        command = start(joined.call, joined.leg)
        await pbx.do(command)
        begun = await admin.event("MixMonitorStart")
        noted = await admin.event("VarSet", Variable="ONRECORD", Value=f"{command.recording}.1")
        assert admin.events.index(noted) < admin.events.index(begun)


async def test_a_start_that_would_overwrite_what_was_recorded_is_refused(
    pbx: Driving, phone: MakePhone, carrier: MakePhone
) -> None:
    _, joined = await talk(pbx, phone, carrier)
    command = start(joined.call, joined.leg)
    await pbx.do(command)
    await asyncio.sleep(0.5)
    await pbx.do(stop(command))
    length = len(samples(pbx.driver.files(command).mixed))
    again = await pbx.do(command)
    assert isinstance(again, Failed)
    assert "overwrite" in again.reason
    assert len(samples(pbx.driver.files(command).mixed)) == length


async def test_a_stop_of_what_does_not_run_is_done_already(
    pbx: Driving, phone: MakePhone, carrier: MakePhone
) -> None:
    _, joined = await talk(pbx, phone, carrier)
    command = start(joined.call, joined.leg)
    await pbx.do(command)
    assert isinstance(await pbx.do(stop(command)), Done)
    assert isinstance(await pbx.do(stop(command)), Done)


# -- hazard 3: the comma in a name ---------------------------------------------------------------------------------

HOSTILE = (
    "x,i(V),touch owned",
    "x\r\nAction: Command\r\nCommand: core stop now",
    "../../etc/passwd",
    "x;touch owned",
    "$(touch owned)",
    "x-${UNIQUEID}",
    "x)r(y",
    "",
    ".hidden",
    "-rf",
)


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_recording_id_that_could_be_more_than_a_file_name_is_refused_and_nothing_is_sent(
    pbx: Driving, asterisk: Asterisk, phone: MakePhone, carrier: MakePhone, name: str
) -> None:
    before = {path.name for path in asterisk.monitor_dir.rglob("*")}
    async with asterisk.admin() as admin:
        _, joined = await talk(pbx, phone, carrier)
        command = replace(start(joined.call, joined.leg), recording=RecordingId(name))
        refused = await pbx.do(command)
        assert isinstance(refused, Failed)
        assert "file name" in refused.reason
        # A recorder that is started now comes later in the same stream of events than anything the refused one did.
        good = start(joined.call, joined.leg)
        await pbx.do(good)
        await admin.event("MixMonitorStart")
        assert sum(event["Event"] == "MixMonitorStart" for event in admin.events) == 1
        await pbx.do(stop(good))
    assert {path.name for path in asterisk.monitor_dir.rglob("*")} - before == {
        f"{good.recording}.1{side}.wav" for side in ("", "-r", "-t")
    }
    with pytest.raises(ValueError, match="file name"):
        pbx.driver.files(command)


async def test_a_hostile_caller_reaches_no_file_name_and_no_header(
    pbx: Driving, asterisk: Asterisk, phone: MakePhone, carrier: MakePhone
) -> None:
    world, bob = await carrier("carrier1"), await phone("101")
    bob.auto(CALLEE, loop=True)
    since, before = len(pbx.events), {path.name for path in asterisk.monitor_dir.rglob("*")}
    name = "../../x,i(V),touch owned; $(reboot) ${SHELL(id)}\x1b[2J"
    await world.call("0205550123", caller="1;reboot,%0d", name=name, say=CALLER, loop=True)
    joined = await pbx.talking("carrier1", since)
    appeared = await pbx.first(LegAppeared, lambda event: event.leg == joined.leg, since)
    assert "touch owned" in appeared.name
    assert appeared.name.isprintable()
    command = start(joined.call, joined.leg)
    assert isinstance(await pbx.do(command), Done)
    await pbx.do(stop(command))
    new = {path.name for path in asterisk.monitor_dir.rglob("*")} - before
    assert new == {f"{command.recording}.1{side}.wav" for side in ("", "-r", "-t")}
    assert not list(asterisk.home.rglob("owned"))


# -- hazard 2: Success means nothing -------------------------------------------------------------------------------


async def test_a_recorder_whose_file_cannot_be_opened_is_stopped_and_told_as_failed(
    asterisk: Asterisk, phone: MakePhone, carrier: MakePhone
) -> None:
    (asterisk.monitor_dir / "blocked").write_text("a file where a folder should be")
    async with driving(elsewhere(settings_of(asterisk), "blocked")) as broken:
        broken.driver.settings.spool_dir.parent.mkdir(exist_ok=True)
        _, joined = await talk(broken, phone, carrier)
        failed = await broken.do(start(joined.call, joined.leg))
        assert isinstance(failed, Failed)
        assert not failed.leg_gone
        assert "Success" in failed.reason
        assert "writable" in failed.reason
        listed = await asterisk.cli(f"mixmonitor list {joined.leg.partition('/')[2]}")
        assert "0x" not in listed, listed


async def test_where_the_spool_cannot_be_seen_a_start_is_believed_and_said_to_be_unproven(
    asterisk: Asterisk, phone: MakePhone, carrier: MakePhone, caplog: pytest.LogCaptureFixture
) -> None:
    far = replace(settings_of(asterisk), spool_dir=asterisk.monitor_dir / "not" / "here")
    async with driving(far) as remote:
        _, joined = await talk(remote, phone, carrier)
        command = start(joined.call, joined.leg)
        assert isinstance(await remote.do(command), Done)
        assert isinstance(await remote.do(stop(command)), Done)
    assert "unknown" in caplog.text


async def test_where_the_spool_cannot_be_seen_the_list_of_open_files_is_the_proof_if_we_may_ask_for_it(
    asterisk: Asterisk, phone: MakePhone, carrier: MakePhone
) -> None:
    granted = replace(
        settings_of(asterisk),
        ari_url="",  # two drivers at once here, and only one may have the application
        spool_dir=asterisk.monitor_dir / "not" / "here",
        ami_user=asterisk.admin_user,
        ami_secret=asterisk.admin_secret,
    )
    (asterisk.monitor_dir / "blocked").write_text("a file where a folder should be")
    async with driving(granted) as good, driving(elsewhere(granted, "blocked")) as broken:
        _, joined = await talk(good, phone, carrier)
        command = start(joined.call, joined.leg)
        assert isinstance(await good.do(command), Done)
        assert isinstance(await broken.do(start(joined.call, joined.leg)), Failed)
        assert isinstance(await good.do(stop(command)), Done)


# -- hazard 8: the hangup ------------------------------------------------------------------------------------------


async def test_a_hangup_ends_the_recorder_before_it_ends_the_leg(
    pbx: Driving, phone: MakePhone, carrier: MakePhone
) -> None:
    call, joined = await talk(pbx, phone, carrier)
    command = start(joined.call, joined.leg)
    await pbx.do(command)
    await asyncio.sleep(0.5)
    await call.hangup()
    lost = await pbx.first(RecorderLost)
    ended = await pbx.first(LegEnded, lambda event: event.leg == joined.leg)
    assert (lost.call, lost.recording, lost.segment, lost.leg_gone) == (joined.call, command.recording, 1, True)
    assert pbx.events.index(lost) < pbx.events.index(ended)
    assert isinstance(await pbx.do(stop(command)), Done), "what is asked too late is so already"
    await closed(pbx.driver.files(command).mixed)
    assert tones(pbx.driver.files(command).mixed) == {450, 700}


async def test_a_start_on_a_leg_that_has_gone_fails_because_it_has_gone(
    pbx: Driving, phone: MakePhone, carrier: MakePhone
) -> None:
    call, joined = await talk(pbx, phone, carrier)
    await call.hangup()
    await pbx.first(LegEnded, lambda event: event.leg == joined.leg)
    failed = await pbx.do(start(joined.call, joined.leg))
    assert isinstance(failed, Failed)
    assert failed.leg_gone


async def test_a_call_that_ends_while_its_recorder_starts_gives_one_answer_and_then_its_end(
    pbx: Driving, phone: MakePhone, carrier: MakePhone
) -> None:
    call, joined = await talk(pbx, phone, carrier)
    command = start(joined.call, joined.leg)
    answer, _ = await asyncio.gather(pbx.do(command), call.hangup())
    assert isinstance(answer, Done) or (isinstance(answer, Failed) and answer.leg_gone)
    if isinstance(answer, Done):
        assert (await pbx.first(RecorderLost)).leg_gone


# -- calls ---------------------------------------------------------------------------------------------------------


async def test_a_queues_call_is_known_as_such_before_its_agent_meets_the_caller(
    pbx: Driving, phone: MakePhone, carrier: MakePhone
) -> None:
    world, hanna = await carrier("carrier1"), await phone("110")
    hanna.auto(CALLEE, loop=True)
    since = len(pbx.events)
    call = await world.call("0205550200", caller="0301234567", say=CALLER, loop=True)
    joined = await pbx.talking("carrier1", since)
    queued, connected = await pbx.first(QueueJoined), await pbx.first(AgentConnected)
    assert queued.queue == connected.queue == "sales"
    assert pbx.events.index(queued) < pbx.events.index(connected) < pbx.events.index(joined)
    command = start(joined.call, joined.leg)
    assert isinstance(await pbx.do(command), Done)
    await asyncio.sleep(0.5)
    await call.hangup()
    assert (await pbx.first(QueueLeft)).queue == "sales"
    await closed(pbx.driver.files(command).mixed)
    assert tones(pbx.driver.files(command).mixed) == {450, 700}


async def test_the_dialplan_tells_that_a_call_goes_to_a_ring_group(
    pbx: Driving, phone: MakePhone, carrier: MakePhone
) -> None:
    world, dave = await carrier("carrier1"), await phone("103")
    dave.auto(CALLEE, loop=True)
    since = len(pbx.events)
    await world.call("0205550400", caller="0301234567", say=CALLER, loop=True)
    joined = await pbx.talking("carrier1", since)
    told = await pbx.first(AttributeSet, lambda event: event.name == "group", since)
    assert (told.call, told.value) == (joined.call, "600")


async def test_a_conference_is_recorded_on_a_member_and_taken_over_by_another(
    pbx: Driving, phone: MakePhone, carrier: MakePhone
) -> None:
    since = len(pbx.events)
    bob, carol, world = await phone("101"), await phone("102"), await carrier("carrier1")
    first = await bob.call("800", say=sounds.tone(450), loop=True)
    await carol.call("800", say=sounds.tone(700), loop=True)
    await world.call("0205550800", caller="0301234567", say=sounds.tone(950), loop=True)
    await pbx.until(lambda: len(_members(pbx, since)) == 3)
    rooms = _members(pbx, since)
    assert {event.kind for event in rooms} == {BridgeKind.ROOM}
    assert {event.room for event in rooms} == {"800"}
    command = start(rooms[0].call, rooms[0].leg)
    own = start(CallId(rooms[0].leg), rooms[0].leg)  # his own call's recorder, on the same channel
    assert isinstance(await pbx.do(command), Done)
    assert isinstance(await pbx.do(own), Done)
    await asyncio.sleep(1.2)
    await first.hangup()
    await pbx.first(LegEnded, lambda event: event.leg == rooms[0].leg, since)
    lost = [event for event in pbx.events[since:] if isinstance(event, RecorderLost)]
    assert {(event.call, event.recording, event.leg_gone) for event in lost} == {
        (rooms[0].call, command.recording, True),
        (CallId(rooms[0].leg), own.recording, True),
    }
    second = replace(start(rooms[0].call, rooms[1].leg), recording=command.recording, segment=2)
    assert isinstance(await pbx.do(second), Done)
    await asyncio.sleep(1.2)
    assert isinstance(await pbx.do(stop(second)), Done)
    files = pbx.driver.files(command)
    await closed(files.mixed)
    assert tones(files.mixed) == {450, 700, 950}
    assert tones(files.anchor) == {450}
    assert tones(files.others) == {700, 950}
    assert tones(pbx.driver.files(second).mixed) == {700, 950}


def _members(pbx: Driving, since: int) -> list[LegJoined]:
    return [event for event in pbx.events[since:] if isinstance(event, LegJoined) and "/room:" in event.call]


async def test_two_pbxs_in_one_process_do_not_hear_each_other(
    pbx: Driving, phone: MakePhone, carrier: MakePhone
) -> None:
    async with lab.Asterisk.running(lab.install()) as other, driving(settings_of(other, "branch")) as branch:
        async with lab.phone(other, "101") as bob, lab.carrier(other, "carrier1") as world:
            bob.auto(sounds.tone(950), loop=True)
            await world.call("0205550123", caller="0307654321", say=sounds.tone(1200), loop=True)
            there = await branch.talking("carrier1")
            _, here = await talk(pbx, phone, carrier)
            one, two = start(here.call, here.leg), start(there.call, there.leg)
            assert all(isinstance(done, Done) for done in await asyncio.gather(pbx.do(one), branch.do(two)))
            await asyncio.sleep(0.8)
            await asyncio.gather(pbx.do(stop(one)), branch.do(stop(two)))
        assert tones(pbx.driver.files(one).mixed) == {450, 700}
        assert tones(branch.driver.files(two).mixed) == {950, 1200}
        assert {event.call.partition("/")[0] for event in pbx.events} == {"main"}
        assert {event.call.partition("/")[0] for event in branch.events} == {"branch"}


async def test_the_filter_for_an_older_asterisk_lets_the_same_events_through(
    asterisk: Asterisk, phone: MakePhone, carrier: MakePhone
) -> None:
    access = AmiAccess(asterisk.host, asterisk.ami_port, asterisk.ami_user, asterisk.ami_secret)
    heard: dict[str, list[str]] = {"new": [], "old": []}
    new = await connect(access, lambda message: heard["new"].append(message.event))
    old = await connect(access, lambda message: heard["old"].append(message.event))
    try:
        await new.filter(filters.criteria())
        await old.filter((("", filters.expression()),))
        new.listen()
        old.listen()
        world, dave = await carrier("carrier1"), await phone("103")
        dave.auto(CALLEE, loop=True)
        call = await world.call("0205550400", caller="0301234567", say=CALLER, loop=True)
        await call.hangup()
        async with asyncio.timeout(5):
            while heard["new"].count("Hangup") < 2:
                await asyncio.sleep(0.01)
        for one in (new, old):
            await one.action("Ping")
    finally:
        await new.close()
        await old.close()
    assert heard["old"] == heard["new"]
    assert heard["new"].count("VarSet") >= 2
    assert set(heard["new"]) < {*filters.HEARD, "VarSet"}


async def test_the_least_rights_that_a_manager_user_can_have_are_enough() -> None:
    user = "[least]\nsecret = least-of-all\nread = system,call,agent,dialplan\nwrite = system,call\n"
    async with (
        lab.Asterisk.running(lab.install(), extra={"manager.d/least.conf": user}) as asterisk,
        driving(replace(settings_of(asterisk), ami_user="least", ami_secret="least-of-all")) as pbx,  # noqa: S106
        lab.phone(asterisk, "110") as hanna,
        lab.carrier(asterisk, "carrier1") as world,
    ):
        hanna.auto(CALLEE, loop=True)
        call = await world.call("0205550200", caller="0301234567", say=CALLER, loop=True)
        joined = await pbx.talking("carrier1")
        assert (await pbx.first(AgentConnected)).queue == "sales"
        command = start(joined.call, joined.leg)
        for one in (command, pause(command), resume(command), stop(command)):
            assert isinstance(await pbx.do(one), Done)
        async with driving(replace(settings_of(asterisk), ami_user="least", ami_secret="least-of-all")) as heir:  # noqa: S106
            assert (await heir.first(AgentConnected)).queue == "sales"
        await call.hangup()
