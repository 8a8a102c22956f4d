"""One recorder: every cell of the table, failures, stale answers, and storms of them in any order."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.core import recording
from controller.core.commands import (
    Alarm,
    CallId,
    Command,
    LegId,
    Pause,
    RecorderCommand,
    RecordingId,
    Resume,
    SetTimer,
    Side,
    Start,
    Stop,
)
from controller.core.events import Done, Failed, RecorderFound, RecorderLost, TimerFired
from controller.core.recording import MOST_FAILURES, RETRY, Recording, State

CALL, ID, LEG = CallId("main/1.1"), RecordingId("main-1-1"), LegId("main/1.1")
NEW = Recording(CALL, ID)


def closed(current: Recording, want: State) -> tuple[Recording, tuple[Command, ...]]:
    return recording.close(current, want, LEG, Side.BOTH)


def told(current: Recording, event: object, want: State) -> tuple[Recording, tuple[Command, ...]]:
    return recording.step(current, event, want, LEG, Side.BOTH)  # type: ignore[arg-type]


def running(state: State = State.ON) -> Recording:
    current, (start,) = closed(NEW, State.ON)
    assert isinstance(start, Start)
    current, _ = recording.hear(current, Done(CALL, 1.0, start), State.ON)
    return replace(current, state=state)


@pytest.mark.parametrize(
    ("want", "state", "asked"),
    [
        (State.OFF, State.OFF, None),
        (State.OFF, State.ON, Stop),
        (State.OFF, State.PAUSED, Stop),
        (State.ON, State.OFF, Start),
        (State.ON, State.ON, None),
        (State.ON, State.PAUSED, Resume),
        (State.PAUSED, State.OFF, None),
        (State.PAUSED, State.ON, Pause),
        (State.PAUSED, State.PAUSED, None),
    ],
)
def test_the_gap_between_wanted_and_is_is_closed_by_one_command(
    want: State, state: State, asked: type[Command] | None
) -> None:
    current = NEW if state is State.OFF else running(state)
    _, commands = closed(current, want)
    assert [type(command) for command in commands] == ([asked] if asked else [])


def test_nothing_more_is_asked_while_a_command_is_under_way() -> None:
    current, _ = closed(NEW, State.ON)
    assert closed(current, State.OFF) == (current, ())


def test_a_pause_pressed_while_the_recording_was_still_starting_is_not_lost() -> None:
    current, (start,) = closed(NEW, State.ON)
    current, commands = told(current, Done(CALL, 1.0, start), State.PAUSED)  # type: ignore[arg-type]
    assert [type(command) for command in commands] == [Pause]


def test_without_a_leg_to_record_nothing_is_started() -> None:
    assert recording.close(NEW, State.ON, None, Side.BOTH) == (NEW, ())


def test_a_stale_confirmation_is_not_taken_for_a_new_one() -> None:
    current = running()
    current, (pause,) = closed(current, State.PAUSED)
    stale = replace(pause, number=1)  # type: ignore[type-var]
    after, commands = told(current, Done(CALL, 2.0, stale), State.PAUSED)  # type: ignore[arg-type]
    assert after.state is State.ON
    assert commands == ()


def test_a_stale_failure_is_not_taken_for_the_failure_of_a_new_command() -> None:
    current = running()
    current, (pause,) = closed(current, State.PAUSED)
    stale = replace(pause, number=1)  # type: ignore[type-var]
    after, commands = told(current, Failed(CALL, 2.0, stale, "late"), State.PAUSED)  # type: ignore[arg-type]
    assert (after, commands) == (current, ())


def test_a_start_that_was_given_up_and_succeeds_late_is_stopped_when_another_one_runs() -> None:
    current, (first,) = closed(NEW, State.ON)
    assert isinstance(first, Start)
    current, (timer,) = told(current, Failed(CALL, 1.0, first, "no answer"), State.ON)
    assert isinstance(timer, SetTimer)
    current, (second,) = told(current, TimerFired(CALL, 1.2, RETRY), State.ON)
    current, _ = told(current, Done(CALL, 1.3, second), State.ON)  # type: ignore[arg-type]
    current, (stop,) = told(current, Done(CALL, 9.0, first), State.ON)
    assert isinstance(stop, Stop)
    assert stop.segment == first.segment
    assert current.state is State.ON


def test_a_start_that_fails_three_times_is_given_up_with_an_alarm() -> None:
    current, commands = closed(NEW, State.ON)
    alarms = []
    for attempt in range(MOST_FAILURES):
        (start,) = [command for command in commands if isinstance(command, Start)]
        current, commands = told(current, Failed(CALL, float(attempt), start, "disk full"), State.ON)
        alarms += [command for command in commands if isinstance(command, Alarm)]
        current, commands = told(current, TimerFired(CALL, attempt + 0.5, RETRY), State.ON)
    assert current.given_up
    assert commands == ()
    assert ["disk full" in alarm.what for alarm in alarms] == [True]


def test_a_pause_that_fails_three_times_becomes_a_stop() -> None:
    current, commands = closed(running(), State.PAUSED)
    for attempt in range(MOST_FAILURES):
        (pause,) = [command for command in commands if isinstance(command, Pause)]
        current, commands = told(current, Failed(CALL, float(attempt), pause, "refused"), State.PAUSED)
        if attempt < MOST_FAILURES - 1:
            current, commands = told(current, TimerFired(CALL, attempt + 0.5, RETRY), State.PAUSED)
    assert [type(command) for command in commands] == [Alarm, Stop]


def test_a_resume_that_fails_three_times_leaves_the_recording_paused() -> None:
    current, commands = closed(running(State.PAUSED), State.ON)
    for attempt in range(MOST_FAILURES):
        resumes = [command for command in commands if isinstance(command, Resume)]
        current, commands = told(current, Failed(CALL, float(attempt), resumes[0], "refused"), State.ON)
        if attempt < MOST_FAILURES - 1:
            current, commands = told(current, TimerFired(CALL, attempt + 0.5, RETRY), State.ON)
    assert current.state is State.PAUSED
    assert [type(command) for command in commands] == [Alarm]


def test_a_recorder_that_dies_is_started_again_in_a_new_segment() -> None:
    current = running()
    current, (timer,) = told(current, RecorderLost(CALL, 2.0, ID, 1, "died"), State.ON)
    assert isinstance(timer, SetTimer)
    current, (start,) = told(current, TimerFired(CALL, 2.2, RETRY), State.ON)
    assert isinstance(start, Start)
    assert start.segment == 2
    assert [mark.kind for mark in current.marks] == ["start", "lost"]


def test_a_recorder_that_ended_with_its_leg_is_no_failure_and_goes_on_at_once_on_another_leg() -> None:
    current = running()
    other = LegId("main/1.2")
    event = RecorderLost(CALL, 2.0, ID, 1, "hangup", leg_gone=True)
    current, (start,) = recording.step(current, event, State.ON, other, Side.BOTH)
    assert isinstance(start, Start)
    assert start.leg == other
    assert current.failures == 0


@pytest.mark.parametrize("want", [State.ON, State.PAUSED])
def test_a_recorder_found_after_a_restart_is_made_to_do_what_is_wanted(want: State) -> None:
    current, commands = told(NEW, RecorderFound(CALL, 5.0, LEG, ID, 3), want)
    assert [type(command) for command in commands] == [Resume if want is State.ON else Pause]
    assert current.segments[-1].number == 3


def test_segments_of_one_recording_never_share_a_number() -> None:
    current = running()
    current, (stop,) = closed(current, State.OFF)
    current, _ = told(current, Done(CALL, 2.0, stop), State.OFF)  # type: ignore[arg-type]
    current, (start,) = closed(current, State.ON)
    assert isinstance(start, Start)
    assert start.segment == 2
    assert current.segments[0].ended_at == 2.0


class Switch:
    """A PBX in the small: answers late, twice, out of order or with a refusal, but always knows what runs."""

    def __init__(self) -> None:
        self.runs: dict[int, bool] = {}  # segment -> muted
        self.answers: list[Done | Failed] = []

    def take(self, command: RecorderCommand, refuse: bool) -> None:
        if refuse:
            self.answers.append(Failed(CALL, 0.0, command, "refused"))
            return
        match command:
            case Start():
                self.runs[command.segment] = False
            case Stop():
                self.runs.pop(command.segment, None)
            case Pause() | Resume():
                if command.segment not in self.runs:
                    self.answers.append(Failed(CALL, 0.0, command, "gone"))
                    return
                self.runs[command.segment] = isinstance(command, Pause)
        self.answers.append(Done(CALL, 0.0, command))


moves = st.lists(
    st.one_of(
        st.tuples(st.just("want"), st.sampled_from(State)),
        st.tuples(st.just("answer"), st.booleans()),
        st.tuples(st.just("again"), st.booleans()),
        st.tuples(st.just("die"), st.booleans()),
        st.tuples(st.just("refuse"), st.booleans()),
    ),
    max_size=60,
)


@settings(max_examples=600, deadline=None)
@given(moves, st.sampled_from(State))
def test_after_every_storm_the_recorder_is_where_wanted_says(storm: list[tuple[str, object]], last: State) -> None:
    switch, current, want, refuse = Switch(), NEW, State.OFF, 0
    answered: list[Done | Failed] = []

    def carry_out(commands: tuple[Command, ...]) -> None:
        nonlocal refuse
        for command in commands:
            if isinstance(command, Start | Stop | Pause | Resume):
                switch.take(command, refuse > 0)
                refuse = max(0, refuse - 1)
            elif isinstance(command, SetTimer):
                timers.append(command.timer)

    def hear(event: object) -> None:
        nonlocal current
        current, commands = told(current, event, want)
        carry_out(commands)

    timers: list[str] = []
    for move, value in [*storm, ("want", last)]:
        if move == "want":
            assert isinstance(value, State)
            want = value
            current, commands = closed(current, want)
            carry_out(commands)
        elif move == "answer" and switch.answers:
            answered.append(switch.answers.pop(0 if value else -1))
            hear(answered[-1])
        elif move == "again" and answered:
            hear(answered[-1])
        elif move == "die" and switch.runs:
            segment = max(switch.runs)
            del switch.runs[segment]
            hear(RecorderLost(CALL, 0.0, ID, segment, "died", leg_gone=bool(value)))
        elif move == "refuse":
            refuse = min(2, refuse + 1)
    refuse = 0
    for _ in range(200):  # let everything under way come to rest
        current = recording.trying_again(current)
        if switch.answers:
            hear(switch.answers.pop(0))
        elif timers:
            hear(TimerFired(CALL, 0.0, timers.pop(0)))
        else:
            current, commands = closed(current, want)
            carry_out(commands)
            if not commands:
                break
    assert current.asked is None
    if want is State.OFF:
        assert switch.runs == {}
    elif want is State.ON:
        assert list(switch.runs.values()) == [False]
    else:
        assert False not in switch.runs.values()
    assert current.state is (
        State.OFF if not switch.runs else State.PAUSED if switch.runs[max(switch.runs)] else State.ON
    )
