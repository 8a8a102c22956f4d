"""Beeps: on which legs they hang so that those hear them who are to, in the file or not; and when they are anew."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

import pytest

from controller.core import beeping
from controller.core.beeping import IDLE, Beeping
from controller.core.calls import Call
from controller.core.commands import Beep, CallId, LegId, Reach, RecordingId, Start
from controller.core.decision import Audience, Options
from controller.core.events import Beeped, TimerFired
from controller.core.recording import Recording, Segment, State
from controller.core.roster import Roster
from tests.core.situations import inbound, policy, talk

FAR, NEAR = LegId("main/a"), LegId("main/b")
ROSTER: Roster = policy("").roster


def recording(call: Call, own: LegId = FAR, state: State = State.ON) -> Recording:
    identity = RecordingId("r")
    return Recording(call.id, identity, state, segments=(Segment(1, own, Start(call.id, identity, 1, 1, own), 1.0),))


def asked(call: Call, to: Audience, in_file: bool, own: LegId = FAR) -> dict[LegId, Reach]:
    options = Options(beep=15, beep_to=to, beep_in_file=in_file)
    _, commands = beeping.step(IDLE, recording(call, own), call, options, ROSTER)
    return {one.leg: one.reach for one in commands if isinstance(one, Beep)}


@pytest.mark.parametrize(
    ("to", "in_file", "legs"),
    [
        (Audience.BOTH, False, {FAR: Reach.ALL}),
        (Audience.BOTH, True, {NEAR: Reach.ALL}),
        (Audience.FAR, False, {FAR: Reach.ALONE}),
        (Audience.FAR, True, {NEAR: Reach.OTHERS}),
        (Audience.NEAR, False, {NEAR: Reach.ALONE}),
        (Audience.NEAR, True, {NEAR: Reach.ALONE}),  # in no file, as the reference says
    ],
)
def test_each_choice_of_who_hears_it_and_whether_the_file_has_its_leg(
    to: Audience, in_file: bool, legs: dict[LegId, Reach]
) -> None:
    assert asked(inbound(), to, in_file) == legs


def test_between_our_own_phones_both_are_near_and_nobody_far() -> None:
    inside = talk("100", "101")
    assert asked(inside, Audience.NEAR, False) == {FAR: Reach.ALL}
    assert asked(inside, Audience.FAR, False) == {}


def test_another_cadence_takes_the_place_of_the_old_one_on_the_same_leg() -> None:
    call, options = inbound(), Options(beep=15.5, beep_tone="1400/500")
    state, _ = beeping.step(IDLE, recording(call), call, options, ROSTER)
    same, none = beeping.step(state, recording(call), call, options, ROSTER)
    assert (same, none) == (state, ())
    _, again = beeping.step(state, recording(call), call, replace(options, beep=15.08, beep_tone="1400/80"), ROSTER)
    assert again == (Beep(call.id, FAR, 15.08, "1400/80"),)
    assert beeping.note(state, Beeped(call.id, 1.0, FAR)) == "beeps: 1400/500 every 15.5 s"


def test_nobody_hears_another_cadence_while_people_hang_up() -> None:
    call, options = inbound(), Options(beep=15.5)
    state, _ = beeping.step(IDLE, recording(call), call, options, ROSTER)
    alone = replace(call, legs={FAR: call.legs[FAR]})
    assert beeping.step(state, recording(alone), alone, replace(options, beep=60.5), ROSTER) == (state, ())


def test_a_pause_ends_them_and_what_could_not_be_had_waits_for_its_time() -> None:
    call, options = inbound(), Options(beep=15)
    state, _ = beeping.step(IDLE, recording(call), call, options, ROSTER)
    _, over = beeping.step(state, recording(call, state=State.PAUSED), call, options, ROSTER)
    assert over == (Beep(call.id, FAR, 0.0),)
    failed = beeping.hear(state, Beeped(call.id, 1.0, FAR, heard=False))
    assert failed == Beeping(MappingProxyType({}), waiting=True)
    waiting, none = beeping.step(failed, recording(call), call, options, ROSTER)
    assert none == ()
    due = beeping.hear(waiting, TimerFired(CallId("main/1.1"), 6.0, beeping.AGAIN))
    _, again = beeping.step(due, recording(call), call, options, ROSTER)
    assert again == (Beep(call.id, FAR, 15, "1400/500"),)


def test_whom_nobody_is_recorded_with_hears_none() -> None:
    call = inbound()
    ended = replace(call, legs={**call.legs, FAR: replace(call.legs[FAR], ended_at=9.0, bridge=None)})
    options = Options(beep=15)
    assert beeping.step(IDLE, recording(call), ended, options, ROSTER)[1] == ()
