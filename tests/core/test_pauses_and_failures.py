"""A forgotten pause ends or is told; a call that cannot be recorded goes on, is told, or ends, as its rule says."""

from __future__ import annotations

import pytest

from controller.core import pauses
from controller.core.commands import Alarm, HandOver, Pause, Resume, SetTimer, Start, Stop, Tell
from controller.core.events import Done, PauseBroken, PolicyChanged
from hardware.keys import Key
from tests.core.test_session import rule, talking
from tests.playbook import NOTHING, Playbook, Scene


def paused(more: str) -> tuple[Scene, Playbook]:
    scene, play = Scene(), Playbook(rule("always-with-pause", more=more), confirming=True)
    talking(play, scene) >> scene.joins("b") << Start
    play >> scene.operator(Key.PAUSE) << Pause
    return scene, play


@pytest.mark.proves("B-04")
def test_a_pause_ends_by_itself_after_the_rules_time() -> None:
    scene, play = paused("auto_resume = 30\n")
    assert play.timers[pauses.AUTO_RESUME] == 30
    play >> scene.fires(pauses.AUTO_RESUME) << Resume
    assert play.session.recording is not None
    assert "ended by itself" in " ".join(mark.note for mark in play.session.recording.marks)
    assert pauses.LONG_PAUSE not in play.timers


def test_a_pause_that_somebody_ended_in_time_leaves_no_timer() -> None:
    scene, play = paused("auto_resume = 30\n")
    play >> scene.operator(Key.RESUME) << Resume
    assert not {*pauses.TIMERS} & {*play.timers}
    play >> scene.fires(pauses.AUTO_RESUME) << NOTHING  # it was under way already


def test_a_second_pause_has_its_own_full_time() -> None:
    scene, play = paused("auto_resume = 30\n")
    play >> scene.operator(Key.RESUME) << Resume
    play >> scene.operator(Key.PAUSE) << Pause
    assert play.timers[pauses.AUTO_RESUME] == 30


@pytest.mark.proves("B-04")
def test_a_long_pause_is_told_again_and_again_with_who_paused() -> None:
    scene, play = paused("long_pause = 60\n")
    for _ in range(2):
        play >> scene.fires(pauses.LONG_PAUSE) << Alarm
        alarm = play.last(Alarm)
        assert isinstance(alarm, Alarm)
        assert "paused for 60 s" in alarm.what
        assert "onrecord call resume" in alarm.remedy
        assert play.timers[pauses.LONG_PAUSE] == 60


def test_no_timers_where_the_rule_wants_none() -> None:
    _, play = paused("long_pause = 0\n")
    assert not {*pauses.TIMERS} & {*play.timers}


def test_the_end_of_the_call_ends_the_timers() -> None:
    scene, play = paused("auto_resume = 30\nlong_pause = 60\n")
    play >> scene.ends("a") << Stop
    play >> scene.ends("b") << HandOver
    assert not {*pauses.TIMERS} & {*play.timers}


@pytest.mark.proves("B-04")
def test_a_pause_with_sound_in_it_becomes_a_stop_and_an_alarm() -> None:
    scene, play = paused("")
    recording = play.session.recording
    assert recording is not None
    play >> PauseBroken(scene.call, scene.at(), recording.id, 1) << Alarm
    assert play.session.recording is not None
    play << Stop
    assert play.session.recording.unpausable


def test_sound_in_an_older_segments_pause_changes_nothing() -> None:
    scene, play = paused("")
    recording = play.session.recording
    assert recording is not None
    play >> PauseBroken(scene.call, scene.at(), recording.id, 7) << NOTHING
    play >> scene.operator(Key.RESUME) << Resume
    play >> PauseBroken(scene.call, scene.at(), recording.id, 1) << NOTHING


def refused(on_failure: str) -> tuple[Scene, Playbook]:
    """Three starts that failed."""
    scene, play = Scene(), Playbook(rule(more=f'on_failure = "{on_failure}"\n'))
    talking(play, scene) >> scene.joins("b") << Start
    for attempt in range(3):
        if attempt:
            play >> scene.fires("retry") << Start
        start = play.last(Start)
        assert isinstance(start, Start)
        play >> scene.refuses(start, "the disk is full")
    play << Alarm
    return scene, play


@pytest.mark.proves("B-02")
@pytest.mark.parametrize(("on_failure", "ending"), [("continue", None), ("notice", False), ("end", True)])
def test_a_call_that_cannot_be_recorded_goes_on_or_is_told_or_ends(on_failure: str, ending: bool | None) -> None:
    scene, play = refused(on_failure)
    if ending is None:
        play << NOTHING
    else:
        play << Tell(scene.call, scene.leg("a"), "not-recorded", ending)


def test_people_are_told_once_however_often_it_is_tried_again() -> None:
    scene, play = refused("notice")
    play << Tell
    play >> PolicyChanged(scene.call, scene.at()) << Start
    for attempt in range(3):
        if attempt:
            play >> scene.fires("retry") << Start
        start = play.last(Start)
        assert isinstance(start, Start)
        play >> scene.refuses(start, "the disk is full")
    play << Alarm
    play << NOTHING


def test_a_start_that_works_later_records_the_rest() -> None:
    scene, play = refused("notice")
    play << Tell
    play >> PolicyChanged(scene.call, scene.at()) << Start
    start = play.last(Start)
    assert isinstance(start, Start)
    play >> Done(scene.call, scene.at(), start) << NOTHING
    play >> scene.ends("a") << Stop
    stop = play.last(Stop)
    assert isinstance(stop, Stop)
    play >> scene.confirms(stop) >> scene.ends("b") << HandOver
    assert play.session.recording is not None
    assert [mark.kind for mark in play.session.recording.marks].count("not-recorded") == 1


def test_timers_are_set_for_the_call() -> None:
    scene, play = paused("auto_resume = 30\n")
    timer = next(each for each in play.asked if isinstance(each, SetTimer) and each.timer == pauses.AUTO_RESUME)
    assert timer.call == scene.call
