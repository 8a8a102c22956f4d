"""Codes typed during a call, and digits that are nobody's business: who may command, what is heard and written."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from controller import lab
from controller.core.events import DigitPressed
from controller.core.recording import State
from controller.lab import Asterisk, Call, sounds
from controller.pbx.asterisk import telephones
from controller.pbx.asterisk.telephones import codes_file
from hardware.keys import Key
from hardware.sequences import book
from tests.live.controlling import Controlling, controlling, pitches, tones

CALLER, CALLED = 450, 700
CODES = {"*44": Key.RECORD, "*45": Key.STOP, "*46": Key.PAUSE, "*47": Key.RESUME}
KEYS = '[keys]\ncodes = { record = "*44", stop = "*45", pause = "*46", resume = "*47" }\n'


def rule(mode: str, *more: str) -> str:
    return "\n".join([KEYS, '[[rule]]\nname = "hundred"\nextension = "100"', f'mode = "{mode}"', *more]) + "\n"


@pytest.fixture(scope="module")
async def coded() -> AsyncIterator[Asterisk]:
    """A PBX with the codes' own file."""
    extra = {"onrecord_codes.conf": codes_file([book(CODES)])}
    async with Asterisk.running(lab.install(), extra=extra) as pbx:
        yield pbx


@asynccontextmanager
async def talking(pbx: Asterisk, rules: str, folder: Path) -> AsyncIterator[tuple[Controlling, Call, Call]]:
    """The outside world talks to 100: the controller, 100's call, and the caller's."""
    async with (
        lab.phone(pbx, "100") as alice,
        lab.carrier(pbx, "carrier1") as world,
        controlling(pbx, rules, folder) as control,
    ):
        theirs = await world.dial("0205550100", caller="0201234567", say=sounds.tone(CALLER), loop=True)
        ours = await alice.rings()
        await armed(pbx, "100")  # nobody answers sooner: the PBX takes the codes up when the talk begins
        await ours.answer(sounds.tone(CALLED), loop=True)
        await theirs.answered()
        await control.until(lambda: control.engine.sessions and control.session.call.talked_at)
        yield control, ours, theirs


async def armed(pbx: Asterisk, whose: str) -> None:
    """Wait until the PBX has been told that codes may be typed on the only channel of this phone."""
    async with pbx.admin() as admin, asyncio.timeout(10):
        while True:
            names = [line.partition("!")[0] for line in (await pbx.cli("core show channels concise")).splitlines()]
            (channel,) = [name for name in names if name.startswith(f"PJSIP/{whose}-")]
            if (
                telephones.CODES
                in (await admin.act("Getvar", Channel=channel, Variable=telephones.FEATURES))["Value"]
            ):
                return
            await asyncio.sleep(0.02)


@pytest.mark.proves("F-065", "F-066", "V-9", "W-37", "Y-15")
async def test_a_code_commands_if_our_own_side_types_it_and_not_if_the_other_one_does(
    coded: Asterisk, tmp_path: Path
) -> None:
    async with talking(coded, rule("on-demand", "dtmf_guard = false"), tmp_path) as (control, ours, theirs):
        await theirs.press("*44")
        await asyncio.sleep(0.5)
        assert control.session.recording is None
        await ours.press("*44")
        await control.recording()
        await asyncio.sleep(0.5)
        await theirs.press("*45")
        await asyncio.sleep(0.5)
        assert control.state() is State.ON
        await ours.press("*46")
        await control.recording(State.PAUSED)
        await ours.press("*47")
        await control.recording(State.ON)
        await ours.press("*45")
        await control.recording(State.OFF)
        heard_there, heard_here = (
            "".join(digit for _, digit in line.digits_heard) for line in (theirs.line, ours.line)
        )
        await theirs.hangup()
        (finished,) = await control.over()
    assert pitches(finished.segments[0].mixed) >= {CALLER, CALLED}
    assert {mark.by for mark in finished.marks if mark.kind == "key"} == {"extension 100 (code)"}
    assert heard_there == ""  # our codes were kept from the other side
    assert heard_here == "*44*45"  # theirs are only digits, and pass


@pytest.mark.proves("F-042", "B-05")
async def test_a_number_that_the_caller_types_is_neither_heard_nor_written(coded: Asterisk, tmp_path: Path) -> None:
    async with talking(coded, rule("always"), tmp_path) as (control, _, theirs):
        await control.recording()
        digits: list[DigitPressed] = []
        control.engine.watchers.add(
            lambda _, event: digits.append(event) if isinstance(event, DigitPressed) else None
        )
        await asyncio.sleep(1)
        await theirs.press("4929")
        await control.recording(State.PAUSED)
        await theirs.press("123")
        await control.recording()  # quiet for a while
        await asyncio.sleep(1)
        await theirs.hangup()
        (finished,) = await control.over()
    assert [event.digit for event in digits] == list("4929123")
    blank, unblank = (next(m for m in finished.marks if m.kind == kind) for kind in ("blank", "unblank"))
    assert blank.at < digits[0].at - digits[0].length
    assert unblank.at > digits[-1].at
    (segment,) = finished.segments
    for path in (segment.anchor, segment.others):
        before, after = tones(path)[0], tones(path)[-1]
        assert after.start - before.end > unblank.at - digits[2].at - 0.5
    journal = "".join(path.read_text() for path in (tmp_path / "journal").iterdir())
    lines = [line for line in journal.splitlines() if "DigitPressed" in line]
    assert len(lines) == 7
    assert not any('"digit"' in line for line in lines)
    assert "4929" not in journal


@pytest.mark.proves("B-05")
async def test_where_the_rule_wants_to_hear_digits_nothing_is_silenced(coded: Asterisk, tmp_path: Path) -> None:
    async with talking(coded, rule("always", "dtmf_guard = false"), tmp_path) as (control, _, theirs):
        await control.recording()
        await theirs.press("4929123")
        await asyncio.sleep(0.3)
        assert control.state() is State.ON
        await theirs.hangup()
        (finished,) = await control.over()
    assert not [mark for mark in finished.marks if mark.kind in ("blank", "pause")]


@pytest.mark.proves("F-065")
async def test_a_code_by_sip_info_commands_too_and_an_outsiders_letter_does_not(
    coded: Asterisk, tmp_path: Path
) -> None:
    async def info(call: Call, digits: str) -> None:
        for digit in digits:
            body = f"Signal={digit}\r\nDuration=100\r\n".encode()
            assert await call.info({"Content-Type": "application/dtmf-relay"}, body) == 200
            await asyncio.sleep(0.25)

    async with talking(coded, rule("on-demand", "dtmf_guard = false"), tmp_path) as (control, ours, theirs):
        await info(theirs, "A*44")  # to the PBX an A by INFO looks like the Record key's own
        await asyncio.sleep(0.5)
        assert control.session.recording is None
        await info(ours, "*44")
        await control.recording()
        await theirs.hangup()
        (finished,) = await control.over()
    assert {mark.by for mark in finished.marks if mark.kind == "key"} <= {"extension 100 (code)"}


@pytest.mark.proves("F-065")
async def test_digits_faster_than_the_standard_are_obeyed_or_do_nothing_and_never_something_else(
    coded: Asterisk, tmp_path: Path
) -> None:
    """RFC 4733 events of 20 ms without a pause, six times: the standard wants 40 ms and 40 ms."""
    async with talking(coded, rule("on-demand", "dtmf_guard = false"), tmp_path) as (control, ours, theirs):
        heard: list[DigitPressed] = []
        control.engine.watchers.add(lambda _, event: heard.append(event) if isinstance(event, DigitPressed) else None)
        ours.line.dial("*44" * 6, milliseconds=20)
        async with asyncio.timeout(5):
            while ours.line.dialling:
                await asyncio.sleep(0.02)
        await asyncio.sleep(1.2)  # until the PBX and we have forgotten what was begun
        assert {event.digit for event in heard} <= {"*", "4"}  # the PBX loses some of them
        await ours.press("*44")
        await control.recording()
        await theirs.hangup()
        (finished,) = await control.over()
    assert len(finished.segments) == 1  # started once, whatever was made of the fast ones
