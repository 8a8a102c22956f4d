"""What the end of a call must not change: whoever leaves first or last was not the only one who was there."""

from __future__ import annotations

from pathlib import Path

from controller.config.load import parse
from controller.core.commands import HandOver, Start, Stop
from controller.core.decision import Mode
from controller.core.events import BridgeKind
from controller.core.finished import Finished
from controller.core.finishing import finish
from controller.core.policy import Policy
from tests.playbook import NOTHING, Playbook, Scene

LAB = '[numbers]\ninternal = ["1.."]\nexclude = ["0301234567"]\n[[trunk]]\nname = "carrier1"\n'


def policy(subject: str, more: str = "") -> Policy:
    return parse(f'{LAB}[[rule]]\nname = "it"\n{subject}\nmode = "always"\n{more}\n', Path("onrecord.toml")).policy


def over(play: Playbook) -> Finished:
    """What is remembered of the call, which must have ended without a recording."""
    handover = play.last(HandOver)
    assert isinstance(handover, HandOver)
    finished = finish(play.session, handover, play.policy.roster, lambda _: ("", "", ""))
    assert finished.recording is None
    return finished


def test_whoever_hangs_up_last_after_an_excluded_number_is_not_recorded() -> None:
    scene, play = Scene(), Playbook(policy('extension = "100"'))
    play >> scene.appears("w", "carrier1", "0301234567", "0205550100") >> scene.appears("a", "100", originating=False)
    play >> scene.rings("a") >> scene.answers("a") >> scene.joins("a") >> scene.joins("w")
    play >> scene.leaves("w") >> scene.ends("w") << NOTHING
    play >> scene.tells("a", "step", "survey") << NOTHING  # the dialplan goes on with the one who is left
    play >> scene.ends("a") << HandOver
    assert "excluded numbers (0301234567)" in over(play).decision.reason


def test_an_excluded_caller_who_gives_up_leaves_the_ringing_phone_unrecorded() -> None:
    scene, play = Scene(), Playbook(policy('extension = "100"', 'start = "ring"'))
    play >> scene.appears("w", "carrier1", "0301234567", "0205550100") >> scene.appears("a", "100", originating=False)
    play >> scene.rings("a") >> scene.ends("w") << NOTHING
    play >> scene.ends("a") << HandOver
    assert "excluded numbers" in over(play).decision.reason


def test_the_verdict_on_a_caller_who_gives_up_in_a_queue_is_the_queues_and_not_a_ringing_agents() -> None:
    for start in ("bridge", "ring"):
        scene, play = Scene(), Playbook(policy('extension = "111"', f'start = "{start}"'))
        play >> scene.appears("c", "carrier1", "0309876543", "0205550300") >> scene.queues("c", "support")
        play >> scene.appears("g", "111", originating=False) >> scene.rings("g") >> scene.unqueues("c", "support")
        play >> scene.ends("g") >> scene.ends("c") << HandOver
        decision = over(play).decision
        assert decision.rule == ""
        assert "queue support is not enabled" in decision.reason


def test_a_caller_whom_the_queue_sends_on_is_judged_where_he_comes_to() -> None:
    scene, play = Scene(), Playbook(policy('extension = "100"'))
    play >> scene.appears("c", "carrier1", "0309876543", "0205550300") >> scene.queues("c", "support")
    play >> scene.unqueues("c", "support") >> scene.appears("a", "100", originating=False) >> scene.rings("a")
    assert play.session.verdict is not None
    assert play.session.verdict.rule == "it"
    play >> scene.answers("a") >> scene.joins("a") >> scene.joins("c") << Start


def test_a_members_own_call_says_that_the_conference_decided() -> None:
    for subject in ('extension = "100"', 'extension = "101"'):
        scene, play = Scene(), Playbook(policy(subject, 'start = "answer"'))
        play >> scene.appears("a", "100", dialled="800") >> scene.joins("a", "r", BridgeKind.ROOM, "800")
        play >> scene.answers("a") >> scene.leaves("a", "r") << NOTHING
        play >> scene.ends("a") << HandOver
        decision = over(play).decision
        assert decision.mode is Mode.NEVER
        assert "the conference decides" in decision.reason, decision.reason


def test_a_change_of_rules_while_they_talk_still_counts() -> None:
    scene, play = Scene(), Playbook(policy('extension = "150"'))
    play >> scene.appears("a", "100", dialled="101") >> scene.appears("b", "101", originating=False)
    play >> scene.answers("b") >> scene.joins("a") >> scene.joins("b") << NOTHING
    play.policy = policy('extension = "100"')
    play >> scene.answers("a") << Start


def test_a_recorded_call_that_is_handed_on_to_somebody_unrecorded_keeps_why_it_was_recorded() -> None:
    scene, play = Scene(), Playbook(policy('extension = "100"', "min_length = 3"), confirming=True)
    play >> scene.appears("w", "carrier1", "0309876543", "0205550100") >> scene.appears("a", "100", originating=False)
    play >> scene.rings("a") >> scene.answers("a") >> scene.joins("a") >> scene.joins("w") << Start
    play >> scene.appears("b", "102", originating=False) >> scene.leaves("a")
    play >> scene.answers("b") >> scene.joins("b") << Stop
    play >> scene.ends("a") >> scene.ends("w") >> scene.ends("b") << HandOver
    verdict = play.session.verdict
    assert verdict is not None
    assert (verdict.rule, verdict.mode, verdict.options.min_length) == ("it", Mode.ALWAYS, 3)


def test_whom_the_second_conversation_is_with_counts_also_where_it_was_known_before_they_met() -> None:
    scene, play = Scene(), Playbook(policy('extension = "150"'))
    play >> scene.appears("w", "carrier1", "0309876543", "0205550100") >> scene.appears("a", "100", originating=False)
    play >> scene.answers("a") >> scene.joins("a") >> scene.joins("w") >> scene.leaves("a") >> scene.ends("a")
    play >> scene.appears("b", "102", originating=False) >> scene.leaves("w") >> scene.answers("b")
    play >> scene.joins("b", "b2") >> scene.joins("w", "b2") >> scene.ends("w") >> scene.ends("b") << HandOver
    assert "extension 102" in over(play).decision.reason
