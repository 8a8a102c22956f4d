"""Whom and what a rule can be about, proven by ear: people on any device, lines, skill groups, VIPs, menus, pages."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

import pytest

from controller import lab
from controller.core.finished import Finished
from controller.lab import Asterisk, MakePhone, ears, sounds
from controller.lab.baresip import baresip
from tests.live.controlling import controlling, pitches
from tests.live.proving import HOUSE, Talk, at_once, phones

CALLER, CALLED, MENU = 450, 700, 1000

OFFICE = """
[ddi](+)
; What a rule asks for has to be told before the answer from which it may record.
exten => 0205550700,1,Set(ONRECORD_KIND=ivr)
 same => n,Answer()
 same => n,Playtones(1000)
 same => n,Wait(0.3)
 same => n,StopPlaytones()
 same => n,Read(CHOICE,,1,,1,5)
 same => n,Set(ONRECORD_KIND=)
 same => n,Goto(extensions,10${CHOICE},1)
exten => 0205550710,1,Set(ONRECORD_TIER=gold)
 same => n,Goto(extensions,104,1)
exten => 0205550711,1,Set(ONRECORD_TIER=bronze)
 same => n,Goto(extensions,104,1)
"""


@pytest.fixture(scope="module")
async def asterisk() -> AsyncIterator[Asterisk]:
    """One of this file's own: its dialplan has a menu, and knows good customers."""
    async with Asterisk.running(lab.install(), extra={"extensions.d/office.conf": OFFICE}) as pbx:
        yield pbx


def owners(finished: Finished) -> list[str]:
    return [str(owner) for owner in finished.owners]


SUBJECTS = """
[[extension]]
number = "100"
name = "Alice"
endpoints = ["100", "110"]
[[line]]
name = "Meeting room"
endpoints = ["102"]
[[line]]
name = "Hotline"
endpoints = ["103"]
[[rule]]
name = "Alice"
extension = "Alice"
mode = "always"
[[rule]]
name = "rooms and lines"
line = ["Meeting room", "Hotline"]
mode = "always"
"""


@pytest.mark.proves("W-1")
async def test_people_rooms_and_lines_are_recorded_only_where_a_rule_names_them_whoever_calls(
    asterisk: Asterisk, tmp_path: Path
) -> None:
    chosen = {"100": "extension 100", "102": "line Meeting room", "103": "line Hotline", "104": "", "106": ""}
    async with phones(asterisk, "105", *chosen) as made, controlling(asterisk, SUBJECTS, tmp_path) as control:
        placed = {number: Talk(made[number], "105", bool(owner)) for number, owner in chosen.items()}
        received = {number: Talk(made["105"], number, bool(owner)) for number, owner in chosen.items()}
        found = await at_once(control, [*placed.values(), *received.values()])
    for number, owner in chosen.items():
        for talk in (placed[number], received[number]):
            assert owners(found[str(talk)]) == ([owner] if owner else []), str(talk)


@pytest.mark.proves("W-1")
async def test_a_persons_app_is_recorded_like_her_desk_phone(asterisk: Asterisk, tmp_path: Path) -> None:
    async with (
        phones(asterisk, "105") as made,
        baresip(asterisk, "110", say=sounds.tone(CALLER)) as app,
        controlling(asterisk, SUBJECTS, tmp_path) as control,
    ):
        await app.dial("105")
        await asyncio.sleep(1)
        await app.hangup()
        await control.over(1)
        call = await made["105"].call("110", say=sounds.tone(HOUSE), loop=True)
        await asyncio.sleep(1)
        await call.hangup()
        finished = await control.over(2)
    for each in finished:
        assert owners(each) == ["extension 100"]
        assert pitches(each.segments[0].mixed) == {CALLER, HOUSE}


@pytest.mark.proves("V-3")
async def test_the_whole_conversation_is_recorded_from_its_first_to_its_last_second(
    asterisk: Asterisk, phone: MakePhone, tmp_path: Path
) -> None:
    alice, bob = await phone("100"), await phone("101")
    bob.auto(sounds.noise(2, 8))
    async with controlling(asterisk, SUBJECTS, tmp_path) as control:
        call = await alice.call("101", say=sounds.noise(1, 8))
        await asyncio.sleep(4)
        (answered,) = bob.calls.values()
        await call.hangup()
        (finished,) = await control.over()
    (segment,) = finished.segments
    sides = ((segment.anchor, call.sent(), answered.heard()), (segment.others, answered.sent(), call.heard()))
    for path, said, heard in sides:
        samples, rate = sounds.read_wav(Path(path))
        (kept,) = ears.locate(samples, said.samples, rate=rate)  # one stretch: nothing in between is missing
        there = ears.locate(heard.samples, said.samples)
        assert kept.sent - there[0].sent <= 0.04, "the beginning is missing"
        assert there[-1].sent_end - kept.sent_end <= 0.06, "the end is missing"
        assert kept.seconds > 3.5


@pytest.mark.proves("H-1")
async def test_all_calls_are_recorded_without_anybody_pressing_a_key(
    asterisk: Asterisk, carrier: MakePhone, tmp_path: Path
) -> None:
    world = await carrier("carrier1")
    world.auto(sounds.tone(HOUSE), loop=True)
    rules = '[[rule]]\nname = "all calls"\nextension = "*"\nmode = "always"\n'
    async with phones(asterisk, "100", "101") as made, controlling(asterisk, rules, tmp_path) as control:
        found = await at_once(
            control,
            [
                Talk(made["100"], "101", True),
                Talk(made["101"], "0301234567", True),
                Talk(world, "0205550100", True, shown="0309876543"),
            ],
        )
    _from_the_start(found.values())


@pytest.mark.proves("H-1")
async def test_only_the_chosen_skill_groups_are_recorded(
    asterisk: Asterisk, carrier: MakePhone, tmp_path: Path
) -> None:
    people = "".join(
        f'[[extension]]\nnumber = "{number}"\ngroups = {skills}\n'
        for number, skills in (("100", '["German", "billing"]'), ("101", '["German"]'), ("102", '["French"]'))
    )
    rules = people + (
        '[[rule]]\nname = "billing"\ngroup = "billing"\nmode = "always"\n'
        '[[rule]]\nname = "sales"\nqueue = "sales"\nmode = "always"\n'
    )
    world = await carrier("carrier1")
    async with (
        phones(asterisk, "100", "101", "102", "111") as made,
        controlling(asterisk, rules, tmp_path) as control,
    ):
        found = await at_once(
            control,
            [
                Talk(made["101"], "100", True),
                Talk(made["100"], "102", True),
                Talk(made["102"], "101", False),
                Talk(world, "0205550123", False, shown="0309876543"),
            ],
        )
        _from_the_start(found.values())
        queued = await at_once(control, [Talk(world, "0205550200", True, shown="0309876543")])
        _from_the_start(queued.values())
        await at_once(control, [Talk(world, "0205550300", False, shown="0309876543")])


@pytest.mark.proves("H-1")
async def test_only_good_customers_are_recorded_by_what_the_dialplan_says_or_by_their_number(
    asterisk: Asterisk, carrier: MakePhone, tmp_path: Path
) -> None:
    rules = (
        '[[rule]]\nname = "gold"\nextension = "104"\nmode = "always"\n'
        'when = { any = [{ attribute = { tier = "gold" } }, { remote = "0309999!" }] }\n'
    )
    world = await carrier("carrier1")
    async with phones(asterisk, "104"), controlling(asterisk, rules, tmp_path) as control:
        found = await at_once(
            control,
            [
                Talk(world, "0205550710", True, shown="0301111111"),
                Talk(world, "0205550711", False, shown="0301111112"),
                Talk(world, "0205550104", False, shown="0301111113"),
                Talk(world, "0205550104", True, shown="0309999001"),
            ],
        )
    _from_the_start(found.values())


def _from_the_start(calls: Iterable[Finished]) -> None:
    """Whatever was recorded was so from the start of the talk, and nobody asked for it."""
    for each in calls:
        assert all(segment.started_at - (each.talked_at or 0) < 0.2 for segment in each.segments)
        assert not [mark for mark in each.marks if mark.kind == "key"]


PAGED = '[[rule]]\nname = "hundred"\nextension = ["100", "104"]\nmode = "always"\nrecord_paging = true\n'
NOT_102 = '[[rule]]\nname = "two"\nextension = "102"\nmode = "always"\n'


@pytest.mark.proves("F-007")
@pytest.mark.parametrize("code", ["*80", "*82"])
async def test_paging_and_intercom_are_recorded_for_the_subjects_that_say_so_and_for_no_other(
    asterisk: Asterisk, tmp_path: Path, code: str
) -> None:
    async with (
        phones(asterisk, "100", "101", "102", "103") as made,
        controlling(asterisk, PAGED + NOT_102, tmp_path) as control,
    ):
        for caller, called, recorded in (("100", "101", True), ("102", "103", False)):
            call = await made[caller].call(f"{code}{called}", say=sounds.tone(CALLER), loop=True)
            await asyncio.sleep(1.2)
            before = len(control.finished)
            await call.hangup()
            await control.until(lambda seen=before: len(control.finished) > seen and not control.engine.sessions)
            new = (await control.over(len(control.finished)))[before:]
            files = [segment.mixed for each in new for segment in each.segments]
            assert len(files) == recorded, [each.decision.reason for each in new]
            if recorded:
                assert pitches(files[0]) == {CALLER, HOUSE}


MENU_RULES = {
    'start = "answer"\n': [{CALLER, MENU, CALLED}],  # the menu is part of what is recorded
    'start = "bridge"\n': [{CALLER, CALLED}],  # only people are
    'start = "answer"\nwhen = { not = { attribute = { kind = "ivr" } } }\n': [{CALLER, CALLED}],
    'start = "answer"\nwhen = { attribute = { kind = "ivr" } }\n': [{CALLER, MENU}],
}


@pytest.mark.proves("F-007")
@pytest.mark.parametrize("more", MENU_RULES)
async def test_a_menu_is_left_out_or_recorded_or_recorded_alone_as_its_number_is_set_to(
    asterisk: Asterisk, phone: MakePhone, carrier: MakePhone, tmp_path: Path, more: str
) -> None:
    alice, world = await phone("100"), await carrier("carrier1")
    alice.auto(sounds.tone(CALLED), loop=True)
    rules = f'[[rule]]\nname = "menu"\nddi = "0205550700"\nmode = "always"\n{more}'
    async with controlling(asterisk, rules, tmp_path) as control:
        call = await world.call("0205550700", caller="0301234567", say=sounds.tone(CALLER), loop=True)
        await asyncio.sleep(1)  # the menu speaks for 0.3 s
        await call.press("0")
        await control.until(lambda: control.session.call.talked_at)
        await asyncio.sleep(0.8)
        await call.hangup()
        (finished,) = await control.over()
    assert [pitches(segment.mixed) & {CALLER, MENU, CALLED} for segment in finished.segments] == MENU_RULES[more]
