"""The HEP listener on paper, fed with what a real Asterisk sent: whom it obeys, and what it only counts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from controller.core.commands import LegId
from controller.core.events import Asked, Event
from controller.core.session import Session
from controller.phones.listener import MOST_CALLS, MOST_OF_A_CALL, HepListener
from hardware import hep
from hardware.hep import Hep
from hardware.keys import Key
from hardware.sip_info import RecordPress, Refer, UnclearPress, read
from tests.engine.test_engine import Desk, desk, talking
from tests.hardware.packets import capture, info, raw, reply
from tests.hardware.packets import heard as sent
from tests.playbook import Scene

RULES = '[[rule]]\nname = "it"\nextension = "100"\nmode = "on-demand"\n'
ARMED = "[keys]\nrecord_key = true\n" + RULES
CODES = {"*44": Key.RECORD}


@asynccontextmanager
async def listening(folder: Path, rules: str = RULES) -> AsyncIterator[tuple[Desk, HepListener, list[Asked]]]:
    """A listener that knows whoever presses as the one leg of a live call; every Asked that came of it."""
    async with desk(folder, rules) as made:
        scene, heard = Scene(), []  # type: ignore[var-annotated]
        made.say(*talking(scene))
        await made.rest()

        def watch(_session: Session, event: Event) -> None:
            if isinstance(event, Asked):
                heard.append(event)

        made.engine.watchers.add(watch)
        leg = LegId(f"main/{scene.call}a")

        async def found(channel: str, sip_call: str, user: str) -> LegId | None:  # noqa: ARG001
            return leg

        made.paper.find = found  # type: ignore[method-assign]
        yield made, HepListener(made.engine, "127.0.0.1", 0, codes=CODES), heard


def pressers(packets: list[Hep]) -> int:
    return sum(isinstance(read(packet.payload), RecordPress | UnclearPress | Refer) for packet in packets)


async def test_a_press_that_the_pbx_took_is_obeyed(tmp_path: Path) -> None:
    async with listening(tmp_path) as (made, listener, heard):
        for packet in capture("record_on_off"):
            listener.hear(packet)
        await made.rest()
    assert [event.key for event in heard] == [Key.RECORD, Key.STOP, Key.RECORD]


async def test_a_press_that_the_pbx_refused_is_not_obeyed_and_its_reason_is_told(tmp_path: Path) -> None:
    async with listening(tmp_path, RULES.replace("on-demand", "never")) as (made, listener, heard):
        told: list[str] = []
        made.engine.refused.add(lambda _session, _asked, why: told.append(why))
        packets = capture("record_refused")
        for packet in packets:
            listener.hear(packet)
        await made.rest()
    assert pressers(packets)
    assert heard == []
    assert told
    assert all("must not be recorded" in why for why in told)
    assert listener.counts["a press that the PBX answered 403"] == len(told)


async def test_where_the_pbx_itself_passes_the_key_on_its_copy_is_not_a_second_press(tmp_path: Path) -> None:
    async with listening(tmp_path, ARMED) as (made, listener, heard):
        for packet in capture("record_on_off"):
            listener.hear(packet)
        await made.rest()
    assert heard == []
    assert listener.counts["heard by the PBX's events too"] == 3


async def test_a_key_that_nobody_answers_is_counted_when_the_phone_gave_up(tmp_path: Path) -> None:
    async with listening(tmp_path) as (made, listener, heard):
        for packet in capture("nobody_answers"):
            listener.hear(packet)
        listener._act(listener._presses.tick(10**10))
        await made.rest()
    assert heard == []
    assert listener.counts["a press that the PBX answered never"] == 1


async def test_a_transfer_to_a_code_that_fails_is_obeyed_and_one_to_a_phone_is_none_of_our_business(
    tmp_path: Path,
) -> None:
    async with listening(tmp_path) as (made, listener, heard):
        for packet in capture("transfer_to_phone"):
            listener.hear(packet)
        await made.rest()
        assert heard == []
        packets = capture("transfer_to_code")
        for packet in packets:
            listener.hear(packet)
        await made.rest()
    assert [event.key for event in heard] == [Key.RECORD] * pressers(packets)


async def test_without_the_password_nothing_is_obeyed(tmp_path: Path) -> None:
    async with listening(tmp_path) as (made, listener, heard):
        listener.password = b"another one"
        for packet in capture("record_on_off"):
            listener.hear(packet)
        await made.rest()
    assert heard == []
    assert listener.counts["refused: not our password"] == len(raw("record_on_off"))


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cut=st.integers(0, 400), flip=st.integers(0, 400), bit=st.integers(0, 255))
async def test_damaged_packets_are_counted_and_never_raise(tmp_path: Path, cut: int, flip: int, bit: int) -> None:
    async with listening(tmp_path) as (made, listener, heard):
        for packet in raw("record_on_off"):
            damaged = bytearray(packet[: max(1, len(packet) - cut)])
            damaged[flip % len(damaged)] ^= bit
            listener.hear(hep.read(bytes(damaged)))
        await made.rest()
        assert len(heard) <= 3
        assert sum(listener.counts.values()) >= 1


async def test_a_press_on_no_live_call_is_counted(tmp_path: Path) -> None:
    async with listening(tmp_path) as (made, listener, heard):

        async def nobody(channel: str, sip_call: str, user: str) -> LegId | None:  # noqa: ARG001
            return LegId("main/gone")

        made.paper.find = nobody  # type: ignore[method-assign]
        for packet in capture("record_on_off"):
            listener.hear(packet)
        await made.rest()
    assert heard == []
    assert listener.counts["a press on no live call"] == 3


async def test_two_presses_of_a_call_are_obeyed_in_their_order_however_long_it_takes_to_find_the_leg(
    tmp_path: Path,
) -> None:
    async with listening(tmp_path) as (made, listener, heard):
        known, slow = made.paper.find, [True]
        found = asyncio.Event()

        async def find(channel: str, sip_call: str, user: str) -> LegId | None:
            if slow.pop() if slow else False:
                await found.wait()  # the PBX takes its time over the first press only
            return await known(channel, sip_call, user)

        made.paper.find = find  # type: ignore[method-assign]
        for packet in capture("record_on_off"):
            listener.hear(packet)
        await made.rest()
        assert heard == []
        found.set()
        await made.rest()
    assert [event.key for event in heard] == [Key.RECORD, Key.STOP, Key.RECORD]


async def test_a_call_whose_leg_is_long_sought_holds_up_no_other_and_fills_no_memory(tmp_path: Path) -> None:
    async with listening(tmp_path) as (made, listener, heard):
        known = made.paper.find

        async def find(channel: str, sip_call: str, user: str) -> LegId | None:
            if sip_call.startswith("c1"):
                await asyncio.Event().wait()
            return await known(channel, sip_call, user)

        made.paper.find = find  # type: ignore[method-assign]
        for number in range(MOST_OF_A_CALL + 50):
            for message in (info("Record: on", number=number), reply(200, number=number)):
                listener.hear(sent(message))
        for number in range(MOST_CALLS - 2):
            for message in (info("Record: on"), reply(200)):
                listener.hear(sent(message.replace(b"c1@", b"c1%d@" % number)))
        for packet in capture("record_on_off"):
            listener.hear(packet)
        await made.rest()
        assert [event.key for event in heard] == [Key.RECORD, Key.STOP, Key.RECORD]
        assert listener.counts["refused: too many presses at once"] == 50
        for number in (1, 2):
            for message in (info("Record: on"), reply(200)):
                listener.hear(sent(message.replace(b"c1@", b"c1more%d@" % number)))
        assert listener.counts["refused: too many presses at once"] == 51
