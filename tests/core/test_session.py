"""The story of one call, as a play: what happens, and what must be asked for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from controller.config.load import parse
from controller.core import session as sessions
from controller.core.commands import CallId, HandOver, Pause, RecordingId, Refuse, Resume, SetTimer, Start, Stop
from controller.core.decision import Mode
from controller.core.events import BridgeKind, PolicyChanged, RecorderFound
from controller.core.merging import merge
from controller.core.policy import Policy
from hardware.keys import Key
from tests.playbook import NOTHING, Playbook, Scene

TRUNKS = '[numbers]\ninternal = ["1.."]\n[[trunk]]\nname = "carrier1"\n'


def policy(rules: str) -> Policy:
    return parse(TRUNKS + rules, Path("onrecord.toml")).policy


def rule(mode: str = "always", subject: str = 'extension = "100"', more: str = "") -> Policy:
    return policy(f'[[rule]]\nname = "it"\n{subject}\nmode = "{mode}"\n{more}\n')


def talking(play: Playbook, scene: Scene) -> Playbook:
    """100 calls 101, who answers: up to the moment before they meet."""
    play >> scene.appears("a", "100", dialled="101") >> scene.appears("b", "101", originating=False)
    play >> scene.dials("a", "b", "101") >> scene.rings("b") >> scene.answers("b") >> scene.answers("a")
    return play >> scene.joins("a")


def test_a_call_is_recorded_from_the_moment_that_two_meet_until_one_hangs_up() -> None:
    scene, play = Scene(), Playbook(rule(), confirming=True)
    talking(play, scene) << NOTHING
    play >> scene.joins("b") << Start
    start = play.last(Start)
    assert isinstance(start, Start)
    play >> scene.loses(start, leg_gone=True) << NOTHING
    play >> scene.ends("a") >> scene.ends("b") << HandOver
    assert play.session.recording is not None
    assert play.session.recording.segments[0].ended_by == "its leg ended"


def test_nothing_is_started_on_a_leg_that_an_answer_called_gone() -> None:
    scene, play = Scene(), Playbook(rule())
    talking(play, scene) >> scene.joins("b") << Start
    start = play.last(Start)
    assert isinstance(start, Start)
    play >> scene.refuses(start, "No such channel", leg_gone=True) << NOTHING


def test_hanging_up_does_not_rewrite_what_was_decided() -> None:
    scene, play = Scene(), Playbook(rule(), confirming=True)
    talking(play, scene) >> scene.joins("b") << Start
    play >> scene.leaves("a") >> scene.leaves("b")
    play._open.clear()
    play >> scene.ends("a")
    play._open.clear()
    play >> scene.ends("b")
    verdict = play.session.verdict
    assert verdict is not None
    assert verdict.mode is Mode.ALWAYS
    assert play.last(HandOver) == HandOver(scene.call, play.session.recording.id if play.session.recording else None)


def test_a_key_without_a_grant_is_refused_and_asks_the_pbx_for_nothing() -> None:
    scene, play = Scene(), Playbook(rule(), confirming=True)
    talking(play, scene) >> scene.joins("b") << Start
    play >> scene.operator(Key.STOP) << Refuse
    play >> scene.operator(Key.PAUSE) << Refuse


def test_on_demand_starts_pauses_resumes_and_stops_as_asked() -> None:
    scene, play = Scene(), Playbook(rule("on-demand"), confirming=True)
    talking(play, scene) >> scene.joins("b") << NOTHING
    play >> scene.operator(Key.RECORD) << Start
    play >> scene.operator(Key.PAUSE) << Pause
    play >> scene.operator(Key.RECORD) << NOTHING  # it is being recorded: asking again changes nothing
    play >> scene.operator(Key.RESUME) << Resume
    play >> scene.operator(Key.STOP) << Stop


def test_the_delay_runs_from_the_start_point() -> None:
    scene, play = Scene(), Playbook(rule(more="delay = 3"), confirming=True)
    talking(play, scene) >> scene.joins("b") << NOTHING
    assert play.timers == {"start": 3.0}
    play >> scene.fires("start") << Start


def test_the_longest_length_stops_the_recording_and_it_stays_stopped() -> None:
    scene, play = Scene(), Playbook(rule(more="max_length = 60"), confirming=True)
    talking(play, scene) >> scene.joins("b") << Start
    assert any(isinstance(each, SetTimer) and each.seconds == 60 for each in play.asked)
    play >> scene.fires("max-length") << Stop
    play >> scene.operator(Key.RECORD) << NOTHING


def test_the_end_of_a_queue_call_does_not_start_the_agents_own_recording() -> None:
    scene, play = Scene(), Playbook(rule(subject='extension = "111"'), confirming=True)
    play >> scene.appears("c", "carrier1", "0301234567", "0205550300") >> scene.queues("c", "support")
    play >> scene.appears("g", "111", originating=False) >> scene.connects("c", "support")
    play >> scene.answers("g") >> scene.joins("g") >> scene.joins("c") >> scene.unqueues("c", "support") << NOTHING
    play >> scene.leaves("g") >> scene.ends("g") >> scene.ends("c") << HandOver
    assert play.last(HandOver) == HandOver(scene.call, None)


def test_a_conference_goes_on_on_another_member_when_the_first_one_leaves() -> None:
    call = "main/room:800:x"
    scene, play = Scene(call), Playbook(rule(subject='conference = "800"'), call, confirming=True)
    for leg, number in (("a", "100"), ("b", "101"), ("c", "102")):
        play >> scene.appears(leg, number) >> scene.joins(leg, "x", BridgeKind.ROOM, "800")
        play._open.clear()
    first = play.last(Start)
    assert isinstance(first, Start)
    play >> scene.loses(first, leg_gone=True) << Start
    second = play.last(Start)
    assert isinstance(second, Start)
    assert second.leg != first.leg
    assert second.segment == 2


def test_a_helpline_asks_for_nothing_and_hands_nothing_over() -> None:
    rules = parse(
        '[numbers]\nhelplines = ["116123"]\n[[rule]]\nname = "it"\nextension = "*"\nmode = "always"\n', Path("x")
    )
    scene, play = Scene(), Playbook(rules.policy, confirming=True)
    play >> scene.appears("a", "100", dialled="116123") >> scene.appears("b", "carrier", originating=False)
    play >> scene.dials("a", "b", "116123") >> scene.answers("b") >> scene.joins("a") >> scene.joins("b")
    play >> scene.ends("a") >> scene.ends("b") << NOTHING


def test_what_nobody_answered_is_handed_over_as_not_recorded() -> None:
    scene, play = Scene(), Playbook(rule(), confirming=True)
    play >> scene.appears("a", "100", dialled="101") >> scene.appears("b", "101", originating=False)
    play >> scene.rings("b") >> scene.ends("b") >> scene.ends("a") << HandOver
    assert play.last(HandOver) == HandOver(scene.call, None)


def test_a_recording_of_ringing_alone_is_discarded() -> None:
    scene, play = Scene(), Playbook(rule(more='start = "ring"'), confirming=True)
    play >> scene.appears("a", "100", dialled="101") >> scene.appears("b", "101", originating=False)
    play >> scene.rings("b") << Start
    play >> scene.ends("b")
    play._open.clear()
    play >> scene.ends("a")
    handover = play.last(HandOver)
    assert isinstance(handover, HandOver)
    assert "nobody answered" in handover.discard


def test_a_snapshot_is_listened_to_and_acted_on_only_when_it_is_complete() -> None:
    scene, rules = Scene(), rule()
    session = sessions.begin(CallId(scene.call), scene.now)
    found = RecorderFound(scene.call, scene.now, scene.leg("a"), RecordingId("main-1-1"), 1)
    events = [
        scene.appears("a", "100", dialled="101"),
        scene.appears("b", "101", originating=False),
        scene.joins("a"),
        scene.joins("b"),
        found,
    ]
    for event in events:
        session, commands = sessions.step(session, event, rules, acting=False)
        assert not any(isinstance(command, Start | Stop) for command in commands)
    session, commands = sessions.step(session, PolicyChanged(scene.call, scene.at()), rules)
    # It runs already: it is told to go on, since nobody can say whether it is muted; a second one is not started.
    assert [type(command) for command in commands] == [Resume]


def test_two_calls_that_become_one_go_on_with_one_recording_and_hand_over_both() -> None:
    rules = rule(subject='extension = "*"')
    first, second = Scene("main/1.1"), Scene("main/2.1")
    one, two = Playbook(rules, "main/1.1", confirming=True), Playbook(rules, "main/2.1", confirming=True)
    for scene, play in ((first, one), (second, two)):
        play >> scene.appears(f"a{scene.call}", "100") >> scene.appears(f"b{scene.call}", "101", originating=False)
        play >> scene.joins(f"a{scene.call}", scene.call) >> scene.joins(f"b{scene.call}", scene.call) << Start
    merged = merge(one.session, two.session, rules)
    merged, commands = sessions.step(merged, PolicyChanged(first.call, first.at(1)), rules)
    stops = [command for command in commands if isinstance(command, Stop)]
    assert [stop.recording for stop in stops] == ["main-2-1"]
    assert merged.recording is not None
    assert merged.recording.id == "main-1-1"
    for leg in merged.call.legs.values():
        scene = replace_call(first)
        event = scene.ends(leg.id.removeprefix("main/"))
        merged, commands = sessions.step(merged, event, rules)
    merged, commands = sessions.step(merged, first.confirms(stops[0]), rules)
    handed = [command.recording for command in commands if isinstance(command, HandOver)]
    assert handed == ["main-1-1", "main-2-1"]


def replace_call(scene: Scene) -> Scene:
    scene.now += 1
    return scene


def test_a_session_is_a_value_and_the_same_input_gives_the_same_output() -> None:
    scene = Scene()
    event = replace(scene.appears("a", "100", dialled="101"))
    session = sessions.begin(scene.call, scene.now)
    assert sessions.step(session, event, rule()) == sessions.step(session, event, rule())
