"""Real calls, recorded by policy: the right ones, no others, and each with its reason."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from controller.config.load import parse
from controller.core.finished import Finished
from controller.core.recording import State
from controller.lab import Asterisk, Call, MakePhone, Phone, sounds
from hardware.keys import Key
from tests.live.controlling import ROSTER, Controlling, controlling, pitches

CALLER, CALLED = 450, 700
ALWAYS_100 = '[[rule]]\nname = "hundred"\nextension = "100"\nmode = "always"\n'


async def talk(caller: Phone, called: Phone, number: str, seconds: float = 1.2, shown: str | None = None) -> None:
    """One whole call with a tone from either side."""
    called.auto(sounds.tone(CALLED), loop=True)
    call = await caller.call(number, caller=shown, say=sounds.tone(CALLER), loop=True)
    await asyncio.sleep(seconds)
    await call.hangup()


async def one(control: Controlling) -> Finished:
    (finished,) = await control.over()
    return finished


def both_heard(finished: Finished, anchor: int, others: int) -> None:
    """The anchor's file holds the anchor's voice alone, the other one what it heard, the mixed one both."""
    (segment,) = finished.segments
    assert pitches(segment.anchor) == {anchor}
    assert pitches(segment.others) == {others}
    assert pitches(segment.mixed) == {anchor, others}


@pytest.mark.proves("Y-1", "Y-4", "F-001", "F-024", "F-084", "F-087", "F-166", "F-169")
async def test_an_extensions_call_is_recorded_from_the_moment_it_is_established(
    asterisk: Asterisk, phone: MakePhone, tmp_path: Path
) -> None:
    alice, bob = await phone("100"), await phone("101")
    async with controlling(asterisk, ALWAYS_100, tmp_path) as control:
        await talk(alice, bob, "101")
        finished = await one(control)
    both_heard(finished, CALLER, CALLED)
    assert [str(owner) for owner in finished.owners] == ["extension 100"]
    assert finished.decision.rule == "hundred"
    assert finished.segments[0].started_at - (finished.talked_at or 0) < 0.2


@pytest.mark.proves("Y-5", "V-2")
@pytest.mark.parametrize("way", ["inside, called", "in", "out"])
async def test_all_calls_of_a_recorded_extension_are_recorded(
    asterisk: Asterisk, phone: MakePhone, carrier: MakePhone, tmp_path: Path, way: str
) -> None:
    alice, bob, world = await phone("100"), await phone("101"), await carrier("carrier1")
    async with controlling(asterisk, ALWAYS_100, tmp_path) as control:
        if way == "in":
            await talk(world, alice, "0205550100", shown="0301234567")
        elif way == "out":
            await talk(alice, world, "0301234567")
        else:
            await talk(bob, alice, "100")
        finished = await one(control)
    voice = {"in": (CALLER, CALLED), "out": (CALLED, CALLER)}.get(way, (CALLER, CALLED))
    both_heard(finished, *voice)  # the outside party's leg carries the recorder, where there is one


@pytest.mark.proves("F-013", "F-023", "F-025")
async def test_a_call_that_no_rule_wants_is_not_recorded_and_listed_with_its_reason(
    asterisk: Asterisk, phone: MakePhone, tmp_path: Path
) -> None:
    bob, carol = await phone("101"), await phone("102")
    before = set(asterisk.monitor_dir.iterdir())
    async with controlling(asterisk, ALWAYS_100, tmp_path) as control:
        await talk(bob, carol, "102")
        finished = await one(control)
    assert finished.recording is None
    assert finished.decision.reason
    assert "hundred" not in finished.decision.rule
    assert set(asterisk.monitor_dir.iterdir()) == before


@pytest.mark.proves("Y-7", "F-002")
async def test_a_trunks_calls_are_recorded_and_nothing_else(
    asterisk: Asterisk, phone: MakePhone, carrier: MakePhone, tmp_path: Path
) -> None:
    rule = '[[rule]]\nname = "first carrier"\ntrunk = "carrier1"\nmode = "always"\n'
    alice, bob = await phone("100"), await phone("101")
    first, second = await carrier("carrier1"), await carrier("carrier2")
    async with controlling(asterisk, rule, tmp_path) as control:
        await talk(first, alice, "0205550100", shown="0301234567")
        await control.over(1)
        await talk(alice, first, "0301234567")
        await control.over(2)
        await talk(second, alice, "0205550100", shown="0301234567")
        await control.over(3)
        await talk(alice, bob, "101")
        finished = await control.over(4)
    assert [each.recording is not None for each in finished] == [True, True, False, False]


@pytest.mark.proves("F-005", "V-7")
@pytest.mark.parametrize(
    ("calls", "recorded"), [("inbound", True), ("outbound", False), ("both", True), ("off", False)]
)
async def test_a_ddi_records_the_ways_that_it_is_set_to(
    asterisk: Asterisk, phone: MakePhone, carrier: MakePhone, tmp_path: Path, calls: str, recorded: bool
) -> None:
    rule = f'[[rule]]\nname = "hotline"\nddi = "0205550100"\nmode = "always"\nwhen = {{ ddi_calls = "{calls}" }}\n'
    alice, world = await phone("100"), await carrier("carrier1")
    async with controlling(asterisk, rule, tmp_path) as control:
        await talk(world, alice, "0205550100", shown="0301234567", seconds=0.8)
        finished = await one(control)
    assert (finished.recording is not None) is recorded


SALES = '[[rule]]\nname = "sales"\nqueue = "sales"\nmode = "always"\n'
AGENT = '[[rule]]\nname = "agent"\nextension = "111"\nmode = "always"\n'


@pytest.mark.proves("Y-9", "Y-10", "F-003", "F-018")
async def test_an_agent_in_two_queues_is_recorded_only_for_the_enabled_one(
    asterisk: Asterisk, phone: MakePhone, carrier: MakePhone, tmp_path: Path
) -> None:
    ivan, world = await phone("111"), await carrier("carrier1")
    async with controlling(asterisk, SALES + AGENT, tmp_path) as control:
        await talk(world, ivan, "0205550200", shown="0301234567")
        await control.over(1)
        await talk(world, ivan, "0205550300", shown="0301234567")
        sales, support = await control.over(2)
    both_heard(sales, CALLER, CALLED)
    assert [str(owner) for owner in sales.owners] == ["queue sales"]
    assert support.recording is None
    assert "support" in support.decision.reason
    assert not list(asterisk.monitor_dir.glob(f"{support.call.replace('/', '-').replace('.', '-')}*"))


@pytest.mark.proves("Y-11")
@pytest.mark.parametrize(("isolation", "recorded"), [("strict", False), ("trunk_wins", True)])
async def test_whether_a_trunk_records_in_a_queue_that_is_not_enabled_is_a_setting(
    asterisk: Asterisk, phone: MakePhone, carrier: MakePhone, tmp_path: Path, isolation: str, recorded: bool
) -> None:
    rules = (
        f'[decide]\nqueue_isolation = "{isolation}"\n[[rule]]\nname = "line"\ntrunk = "carrier1"\nmode = "always"\n'
    )
    ivan, world = await phone("111"), await carrier("carrier1")
    async with controlling(asterisk, rules, tmp_path) as control:
        await talk(world, ivan, "0205550300", shown="0301234567")
        finished = await one(control)
    assert (finished.recording is not None) is recorded


@pytest.mark.proves("Y-8", "F-004", "F-078", "F-079")
async def test_a_conference_is_recorded_with_all_members_and_no_key_switches_it(
    asterisk: Asterisk, phone: MakePhone, tmp_path: Path
) -> None:
    rule = '[[rule]]\nname = "board"\nconference = "800"\nmode = "always-with-pause"\n'
    phones = [await phone(number) for number in ("100", "101", "102")]
    async with controlling(asterisk, rule, tmp_path) as control:
        calls: list[Call] = []
        for each, pitch in zip(phones, (450, 700, 950), strict=True):
            calls.append(await each.call("800", say=sounds.tone(pitch), loop=True))
        room = await control.recording()
        await control.until(lambda: len(control.engine.sessions[room.call.id].call.in_room) == 3)
        await asyncio.sleep(1.5)
        refused = await control.press_on_leg(room, Key.PAUSE)
        assert not refused.granted
        assert "conference" in refused.why
        for call in calls:
            await call.hangup()
        await control.until(lambda: not control.engine.sessions)
        rooms = [each for each in await control.over(4) if each.room == "800" and each.recording]
    (finished,) = rooms
    assert {pitch for each in finished.segments for pitch in pitches(each.mixed)} >= {450, 700, 950}


@pytest.mark.proves("Y-10")
async def test_a_member_who_enters_a_room_that_is_not_enabled_is_not_recorded(
    asterisk: Asterisk, phone: MakePhone, tmp_path: Path
) -> None:
    alice, bob = await phone("100"), await phone("101")
    async with controlling(asterisk, ALWAYS_100, tmp_path) as control:
        calls = [await each.call("800", say=sounds.tone(450), loop=True) for each in (alice, bob)]
        await control.until(lambda: any(len(each.call.in_room) == 2 for each in control.engine.sessions.values()))
        await asyncio.sleep(0.6)
        for call in calls:
            await call.hangup()
        finished = await control.over(3)
    assert [each.recording for each in finished] == [None] * 3


@pytest.mark.proves("Y-6", "F-036")
@pytest.mark.parametrize("number", ["*82101", "*80101", "*97"])
async def test_paging_intercom_and_voicemail_are_left_out_by_default(
    asterisk: Asterisk, phone: MakePhone, tmp_path: Path, number: str
) -> None:
    alice, bob = await phone("100"), await phone("101")
    bob.auto(sounds.tone(CALLED), loop=True)
    async with controlling(asterisk, ALWAYS_100, tmp_path) as control:
        call = await alice.call(number, say=sounds.tone(CALLER), loop=True)
        await asyncio.sleep(1)
        await call.hangup()
        finished = await control.over()
    assert [each.recording for each in finished] == [None] * len(finished)


@pytest.mark.proves("F-014")
@pytest.mark.parametrize("dialled", ["0800116123", "90800116123"])
async def test_a_helpline_is_never_recorded_and_never_listed(
    asterisk: Asterisk, phone: MakePhone, carrier: MakePhone, tmp_path: Path, dialled: str
) -> None:
    alice, world = await phone("100"), await carrier("carrier2" if dialled.startswith("9") else "carrier1")
    async with controlling(asterisk, ALWAYS_100, tmp_path) as control:
        text = ROSTER.replace('internal = ["1.."]', 'internal = ["1.."]\nhelplines = ["0800116123", "90800116123"]')
        control.engine.use(parse(text + ALWAYS_100, tmp_path / "onrecord.toml").policy)
        await talk(alice, world, dialled, seconds=0.8)
        await control.until(lambda: not control.engine.sessions and control.engine.tally.hidden)
        assert control.finished == []
    control.engine.journal.close()
    written = b"".join(path.read_bytes() for path in (tmp_path / "journal").iterdir())
    assert b"116123" not in written


@pytest.mark.proves("W-13", "F-006")
async def test_a_shared_line_is_recorded_in_its_own_name_and_not_its_person(
    asterisk: Asterisk, phone: MakePhone, tmp_path: Path
) -> None:
    rules = (
        '[[line]]\nname = "front desk"\nendpoints = ["102"]\n'
        '[[rule]]\nname = "desk"\nline = "front desk"\nmode = "always"\n'
    )
    bob, desk, dave = await phone("101"), await phone("102"), await phone("103")
    async with controlling(asterisk, rules, tmp_path) as control:
        await talk(bob, desk, "102", seconds=0.8)
        await control.over(1)
        await talk(bob, dave, "103", seconds=0.8)
        line, person = await control.over(2)
    assert [str(owner) for owner in line.owners] == ["line front desk"]
    assert line.recording is not None
    assert person.recording is None


@pytest.mark.proves("F-008")
async def test_a_department_is_recorded_by_its_name(asterisk: Asterisk, phone: MakePhone, tmp_path: Path) -> None:
    rules = (
        '[[extension]]\nnumber = "102"\ndepartment = "Sales"\n[[extension]]\nnumber = "103"\n'
        '[[rule]]\nname = "department"\ndepartment = "Sales"\nmode = "always"\n'
    )
    bob, carol, dave = await phone("101"), await phone("102"), await phone("103")
    async with controlling(asterisk, rules, tmp_path) as control:
        await talk(bob, carol, "102", seconds=0.8)
        await control.over(1)
        await talk(bob, dave, "103", seconds=0.8)
        sales, other = await control.over(2)
    assert [sales.recording is not None, other.recording is not None] == [True, False]


@pytest.mark.proves("F-003")
async def test_a_ring_group_is_recorded_whoever_answers(
    asterisk: Asterisk, phone: MakePhone, carrier: MakePhone, tmp_path: Path
) -> None:
    rules = '[[rule]]\nname = "desk"\nring_group = "600"\nmode = "always"\n'
    carol, world = await phone("102"), await carrier("carrier1")
    async with controlling(asterisk, rules, tmp_path) as control:
        await talk(world, carol, "0205550400", shown="0301234567")
        finished = await one(control)
    both_heard(finished, CALLER, CALLED)
    assert [str(owner) for owner in finished.owners] == ["ring_group 600"]


@pytest.mark.proves("F-009", "I-14", "I-15", "F-010")
@pytest.mark.parametrize(
    ("when", "recorded"),
    [
        ('direction = "incoming"', [True, False, False]),
        ('direction = "outgoing"', [False, True, True]),
        ('traffic = "internal"', [False, False, True]),
        ('traffic = "external"', [True, True, False]),
    ],
)
async def test_direction_and_traffic_as_the_user_sees_them_choose_the_calls(
    asterisk: Asterisk, phone: MakePhone, carrier: MakePhone, tmp_path: Path, when: str, recorded: list[bool]
) -> None:
    alice, bob, world = await phone("100"), await phone("101"), await carrier("carrier1")
    async with controlling(asterisk, f"{ALWAYS_100}when = {{ {when} }}\n", tmp_path) as control:
        await talk(world, alice, "0205550100", shown="0301234567", seconds=0.6)
        await control.over(1)
        await talk(alice, world, "0301234567", seconds=0.6)
        await control.over(2)
        await talk(alice, bob, "101", seconds=0.6)
        finished = await control.over(3)
    assert [each.recording is not None for each in finished] == recorded


@pytest.mark.proves("F-080")
@pytest.mark.parametrize("start", ["bridge", "ring"])
async def test_a_call_that_nobody_answers_leaves_no_recording(
    asterisk: Asterisk, phone: MakePhone, tmp_path: Path, start: str
) -> None:
    alice, bob = await phone("100"), await phone("101")
    async with controlling(asterisk, f'{ALWAYS_100}start = "{start}"\n', tmp_path) as control:
        call = await alice.dial("101")
        await bob.rings()
        await asyncio.sleep(0.7)
        await call.hangup()
        finished = await one(control)
    assert finished.recording is None or finished.discard
    assert control.engine.tally.alarms == 0


@pytest.mark.proves("F-032")
async def test_the_recording_begins_so_many_seconds_after_the_start_point(
    asterisk: Asterisk, phone: MakePhone, tmp_path: Path
) -> None:
    alice, bob = await phone("100"), await phone("101")
    async with controlling(asterisk, f"{ALWAYS_100}delay = 1\n", tmp_path) as control:
        await talk(alice, bob, "101", seconds=2.2)
        finished = await one(control)
    began = finished.segments[0].started_at - (finished.talked_at or 0)
    assert 1.0 <= began < 1.3


@pytest.mark.proves("F-035")
async def test_the_longest_allowed_length_ends_the_recording_and_not_the_call(
    asterisk: Asterisk, phone: MakePhone, tmp_path: Path
) -> None:
    alice, bob = await phone("100"), await phone("101")
    async with controlling(asterisk, f"{ALWAYS_100}max_length = 1\n", tmp_path) as control:
        await talk(alice, bob, "101", seconds=2.5)
        finished = await one(control)
    (segment,) = finished.segments
    assert 0.9 < segment.ended_at - segment.started_at < 1.3
    assert "max-length" in {mark.kind for mark in finished.marks}
    assert finished.ended_at - (finished.talked_at or 0) > 2.2


@pytest.mark.proves("W-7")
async def test_switching_a_subject_off_ends_its_live_recording_and_keeps_what_was_recorded(
    asterisk: Asterisk, phone: MakePhone, tmp_path: Path
) -> None:
    alice, bob = await phone("100"), await phone("101")
    bob.auto(sounds.tone(CALLED), loop=True)
    async with controlling(asterisk, ALWAYS_100, tmp_path) as control:
        call = await alice.call("101", say=sounds.tone(CALLER), loop=True)
        await control.recording()
        await asyncio.sleep(0.5)
        control.use("")
        await control.recording(State.OFF)
        await call.hangup()
        finished = await one(control)
    both_heard(finished, CALLER, CALLED)
