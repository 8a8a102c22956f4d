"""The gate and announcements in conversation, as plays: which word is said, what follows what cannot be played."""

from __future__ import annotations

from controller.core import announcing, sharing
from controller.core import session as sessions
from controller.core.commands import Alarm, CallId, Divert, Open, Start, Tell
from controller.core.consent import Entry, Standing, standing
from controller.core.events import (
    ConsentKeyed,
    ConsentKnown,
    Diverted,
    GateReached,
    LegAppeared,
    NoticePlayed,
)
from tests.core.test_session import policy
from tests.playbook import BEGAN, NOTHING, Playbook, Scene

INBOUND = 'announce_inbound = "opt-out"\nannounce_fallback = "notify"\nprompt_fallback = "ours"\n'


def play(rules: str) -> tuple[Scene, Playbook]:
    whole = f'[[rule]]\nname = "it"\ntrunk = "carrier1"\nmode = "always"\n{rules}'
    return Scene(), Playbook(policy(whole), confirming=True)


def gate(scene: Scene, leg: str, callee: bool = False) -> GateReached:
    return GateReached(scene.call, scene.at(), scene.leg(leg), callee, "" if callee else "101")


def played(scene: Scene, leg: str, whole: bool = True, notice: str = "", language: str = "") -> NoticePlayed:
    return NoticePlayed(scene.call, scene.at(), scene.leg(leg), whole, notice, language)


def word(scene: Scene, leg: str, *words: str) -> Open:
    return Open(scene.call, scene.leg(leg), *words)


def test_what_cannot_be_played_at_the_gate_gives_way_to_the_fallback_and_then_the_leg_goes_on() -> None:
    scene, story = play(INBOUND)
    story >> scene.appears("a", "carrier1", "0201234567", "0205550101") << NOTHING
    story >> gate(scene, "a") << word(scene, "a", "opt-out", "opt-out", "en")
    story >> played(scene, "a", whole=False) << word(scene, "a", "notify", "ours", "en") << Alarm
    story >> played(scene, "a") << word(scene, "a", "go")
    (entry,) = story.session.consent[scene.leg("a")]
    assert (entry.prompt, entry.how) == ("ours (en)", "at the gate, fallback")


def test_who_was_to_be_asked_and_was_only_told_instead_is_not_recorded() -> None:
    asks = INBOUND.replace("opt-out", "opt-in")
    scene, story = play(asks)
    story >> scene.appears("a", "carrier1", "0201234567", "0205550101") << NOTHING
    story >> gate(scene, "a") << word(scene, "a", "opt-in", "opt-in", "en")
    story >> played(scene, "a", whole=False) << word(scene, "a", "notify", "ours", "en") << Alarm
    story >> played(scene, "a") << word(scene, "a", "go")
    story >> scene.appears("b", "101", originating=False) >> scene.dials("a", "b", "101")
    story >> scene.answers("b") >> scene.answers("a") >> scene.joins("a")
    story >> scene.joins("b")
    story._open = [command for command in story._open if not isinstance(command, Tell)]
    story << NOTHING


def test_a_report_that_nobody_waits_for_any_more_is_answered_all_the_same() -> None:
    scene, story = play("")
    story >> scene.appears("a", "carrier1", "0201234567", "0205550101") << NOTHING
    story >> gate(scene, "a") << word(scene, "a", "go")
    story >> played(scene, "a") << word(scene, "a", "go")
    story >> ConsentKeyed(scene.call, scene.at(), scene.leg("a"), "9") << word(scene, "a", "go")
    assert not story.session.consent


def test_a_callee_gets_its_last_word_when_its_recorder_runs() -> None:
    scene, story = play('announce_outbound = "notify"\n')
    story >> scene.appears("a", "101", dialled="0301234567") << NOTHING
    story >> scene.appears("b", "carrier1", originating=False) >> scene.dials("a", "b", "0301234567")
    story >> scene.answers("b") >> gate(scene, "b", callee=True) << word(scene, "b", "notify", "recorded", "en")
    story >> played(scene, "b") << Start << word(scene, "b", "go")


def test_whoever_refuses_at_the_gate_is_sent_where_the_rule_says_or_goes_on_if_he_cannot_be() -> None:
    scene, story = play('announce_inbound = "opt-out"\nafter_refusal = "flow,s,3"\n')
    story >> scene.appears("a", "carrier1", "0201234567", "0205550101") << NOTHING
    story >> gate(scene, "a") << word(scene, "a", "opt-out", "opt-out", "en")
    story >> ConsentKeyed(scene.call, scene.at(), scene.leg("a"), "9")
    story << Divert(scene.call, scene.leg("a"), "flow", "s", 3)
    story >> Diverted(scene.call, scene.at(), scene.leg("a"), done=False) << word(scene, "a", "refused") << Alarm


def test_in_conversation_the_fallback_follows_at_once_and_the_first_is_tried_again_later() -> None:
    scene, story = play(INBOUND)
    story >> scene.appears("a", "carrier1", "0201234567", "0205550101") << NOTHING
    story >> scene.appears("b", "101", originating=False) >> scene.dials("a", "b", "101")
    story >> scene.answers("b") >> scene.answers("a") >> scene.joins("a")
    story >> scene.joins("b") << Tell
    for _ in range(announcing.MOST_TRIES - 1):
        story >> played(scene, "a", whole=False, notice="opt-out", language="en") << Alarm << Tell
        story >> played(scene, "a", whole=False, notice="ours", language="en") << NOTHING
        story >> scene.fires(announcing.AGAIN) << Tell
    story >> played(scene, "a", whole=False, notice="opt-out", language="en") << Alarm << Tell
    story >> played(scene, "a", whole=False, notice="ours", language="en") << Alarm
    assert standing(story.session.consent, scene.leg("a")) is Standing.UNINFORMED


def test_what_a_member_was_told_counts_in_his_call_and_in_the_room_and_nobody_else_hears_of_it() -> None:
    scene = Scene()
    leg, own, room, other = scene.leg("a"), scene.call, CallId("main/room:800:x"), CallId("main/2.2")
    entry = Entry(Standing.INFORMED, BEGAN, "recorded (en)", "at the gate")
    told = sessions.step(
        sessions.step(sessions.begin(own, BEGAN), LegAppeared(own, BEGAN, leg, "101"), policy(""))[0],
        ConsentKnown(own, BEGAN, leg, "informed", BEGAN, entry.prompt, entry.how),
        policy(""),
    )[0]
    assert told.consent[leg][0].standing is Standing.INFORMED
    appears = LegAppeared(room, BEGAN + 1, leg, "101")
    (known,) = sharing.brought(room, appears, [told])
    assert (known.call, known.leg, known.since, known.prompt) == (room, leg, BEGAN, "recorded (en)")
    assert not sharing.brought(other, LegAppeared(other, BEGAN, leg, "101"), [told])
    member = sessions.step(sessions.begin(room, BEGAN), known, policy(""))[0]
    member = sessions.step(member, appears, policy(""))[0]
    strange = sessions.begin(other, BEGAN)
    assert [each.call for each in sharing.learned({}, member, BEGAN, [told, member, strange])] == [own]
    again = sessions.step(member, known, policy(""))[0]
    assert again.consent is member.consent
