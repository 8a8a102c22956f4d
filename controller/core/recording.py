"""Recording: what the PBX confirmed, what we are waiting on, and the one step that closes the gap to what is wanted.

design.md section 1. There is no machine with phases: `wanted` is computed elsewhere, `state` is only what the PBX
confirmed, and every step ends with close(). Events may come late, twice or in any order.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from controller.core.altered import quick, replace
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
from controller.core.decision import Subject
from controller.core.events import (
    Done,
    Event,
    Failed,
    PauseBroken,
    RecorderDoubted,
    RecorderFound,
    RecorderLost,
    TimerFired,
)

MOST_FAILURES = 3
RETRY = "retry"
RETRY_SECONDS = (0.2, 1.0)
"""Pauses before the second and the third attempt: a full disk must not loop, and a busy PBX gets a moment."""


ON_HOLD = "hold"
"""By whom a recorder is paused while its leg is on hold."""
RENEWED = "somebody else was connected: a new recorder, so that he is heard for certain; what lies between is missing"


class State(Enum):
    """Both what is wanted and what is."""

    OFF = "off"
    ON = "on"
    PAUSED = "paused"


@quick
@dataclass(frozen=True, slots=True)
class Mark:
    """What happened to a recording at a time. `kind`: start, stop, pause, resume, lost, failed, max-length…"""

    kind: str
    at: float
    segment: int = 0
    by: str = ""
    note: str = ""


@quick
@dataclass(frozen=True, slots=True)
class Segment:
    """One start to stop on one leg; `started_at` None: the PBX never confirmed it."""

    number: int
    leg: LegId
    start: Start
    started_at: float | None = None
    ended_at: float | None = None
    ended_by: str = ""


@quick
@dataclass(frozen=True, slots=True)
class Recording:
    """The recorder of one conversation."""

    call: CallId
    id: RecordingId
    state: State = State.OFF
    asked: RecorderCommand | None = None
    segments: tuple[Segment, ...] = ()
    marks: tuple[Mark, ...] = ()
    numbered: int = 0  # commands given so far
    failures: int = 0  # in a row
    waiting: bool = False  # for the retry timer
    given_up: bool = False  # starting failed too often
    unpausable: bool = False  # pausing failed too often: a pause is a stop from here on
    stuck: bool = False  # stopping or resuming failed too often
    heard: frozenset[LegId] = frozenset()  # whom the anchor has heard since the newest segment began
    doubted: bool = False  # somebody else came, whom this recorder may be deaf to (see `meet`)
    consultation: bool = False  # of people of the house, about the call that waits for them
    owners: tuple[Subject, ...] = ()  # of a consultation: they are not those of the call that it is about
    renewing: State | None = None  # what it was before it was stopped to be started again

    @property
    def segment(self) -> Segment | None:
        """The newest one."""
        return self.segments[-1] if self.segments else None

    @property
    def provisional(self) -> bool:
        """Whether any of it was begun before somebody asked to keep it."""
        return any(segment.start.provisional for segment in self.segments)

    @property
    def settled(self) -> bool:
        """Nothing runs and nothing is under way."""
        return self.state is State.OFF and self.asked is None


Outcome = tuple[Recording, tuple[Command, ...]]


def step(
    recording: Recording, event: Event, wanted: State, anchor: LegId | None, side: Side, by: str = ""
) -> Outcome:
    """Hear the event, then close the gap to what is wanted. `anchor`: the leg for a start; None: there is none."""
    recording, heard = hear(recording, event, wanted, by)
    recording, asked = close(recording, wanted, anchor, side)
    return recording, (*heard, *asked)


def hear(recording: Recording, event: Event, wanted: State, by: str = "") -> Outcome:
    """What this event tells about the recorder; anything else leaves it as it is."""
    match event:
        case Done():
            if event.command == recording.asked:
                return _confirmed(replace(recording, asked=None, failures=0), event, by), ()
            return _confirmed_late(recording, event)
        case Failed() if event.command == recording.asked:
            return _failed(replace(recording, asked=None), event)
        case RecorderLost() if event.recording == recording.id:
            return _lost(recording, event)
        case RecorderDoubted() if event.recording == recording.id:
            newest = recording.segment
            doubted = newest is not None and newest.number == event.segment and recording.state is not State.OFF
            return (replace(recording, doubted=True) if doubted else recording), ()
        case RecorderFound() if event.recording == recording.id:
            return _found(recording, event, wanted)
        case PauseBroken() if event.recording == recording.id:
            return _unpaused(recording, event)
        case TimerFired() if event.timer == RETRY:
            return replace(recording, waiting=False), ()
        case _:
            return recording, ()


def meet(recording: Recording, company: frozenset[LegId]) -> Recording:
    """The anchor hears these legs now. A recorder that has heard others before is doubted, where somebody is new.

    Asterisk's recorders can go deaf to a new far party without any sign, for up to eleven minutes (asterisk.md,
    hazard 1): the numbers of his packets may be lower than those of the party before. One who comes back is no doubt.
    """
    new = company - recording.heard
    if not new or (recording.state is State.OFF and not isinstance(recording.asked, Start)):
        return recording
    return replace(recording, heard=recording.heard | new, doubted=recording.doubted or bool(recording.heard))


def close(
    recording: Recording,
    wanted: State,
    anchor: LegId | None,
    side: Side,
    company: frozenset[LegId] = frozenset(),
    provisional: bool = False,
) -> Outcome:
    """The table of design.md: at most one command, and none while one is under way. `company`: see `meet`;
    `provisional`: of a start."""
    if recording.asked is not None or recording.waiting:
        return recording, ()
    if wanted is State.PAUSED and recording.unpausable:
        wanted = State.OFF
    segment = recording.segment
    # One side of a pause goes on being recorded, and what has just been renewed must become a pause again.
    heard = State.PAUSED if side is not Side.BOTH and (recording.renewing or recording.doubted) else State.ON
    if recording.state is State.OFF or segment is None:
        if wanted not in (State.ON, heard) or anchor is None or recording.given_up:
            return recording, ()
        return _start(recording, anchor, company, provisional)
    if recording.doubted and wanted in (State.ON, heard) and not recording.stuck:
        # Muted on both sides it may be deaf for as long as it likes: it is renewed when it is to hear again.
        return _ask(replace(recording, renewing=recording.state), segment, Stop, Side.BOTH)
    match (wanted, recording.state):
        case (State.OFF, _) if not recording.stuck:
            return _ask(recording, segment, Stop, Side.BOTH)
        case (State.PAUSED, State.ON):
            return _ask(recording, segment, Pause, side)
        case (State.ON, State.PAUSED) if not recording.stuck:
            return _ask(recording, segment, Resume, side)
        case _:
            return recording, ()


def has_begun(recording: Recording | None) -> bool:
    """Whether there is anything to hear: the PBX confirmed at least one start."""
    return recording is not None and any(segment.started_at is not None for segment in recording.segments)


def trying_again(recording: Recording) -> Recording:
    """Somebody asked anew, or the rules changed: what was given up may be tried again."""
    if not (recording.given_up or recording.unpausable or recording.stuck):
        return recording
    return replace(recording, given_up=False, unpausable=False, stuck=False, failures=0)


def marked(recording: Recording, kind: str, at: float, by: str = "", note: str = "") -> Recording:
    """The recording with one more mark on its newest segment."""
    number = recording.segment.number if recording.segment else 0
    return replace(recording, marks=(*recording.marks, Mark(kind, at, number, by, note)))


def ended_with_leg(recording: Recording, at: float) -> Recording:
    """The recording after the leg that carried its recorder has gone."""
    return _over(replace(recording, asked=None), at, "its leg ended")


def _start(recording: Recording, anchor: LegId, company: frozenset[LegId], provisional: bool) -> Outcome:
    number = recording.segments[-1].number + 1 if recording.segments else 1
    command = Start(recording.call, recording.id, number, recording.numbered + 1, anchor, provisional)
    segment = Segment(number, anchor, command)
    # A start that came to nothing leaves no segment behind: its number is not used again, its place is.
    kept = tuple(old for old in recording.segments if old.started_at is not None)
    return (
        replace(
            recording,
            asked=command,
            numbered=command.number,
            segments=(*kept, segment),
            heard=company,
            doubted=False,
        ),
        (command,),
    )


def _ask(recording: Recording, segment: Segment, kind: type[Stop | Pause | Resume], side: Side) -> Outcome:
    at = (recording.call, recording.id, segment.number, recording.numbered + 1, segment.leg)
    command: RecorderCommand = Stop(*at) if issubclass(kind, Stop) else kind(*at, side)
    return replace(recording, asked=command, numbered=command.number), (command,)


def _confirmed(recording: Recording, event: Done, by: str) -> Recording:
    match event.command:
        case Start():
            recording, before = _newest(recording, started_at=event.at), recording.renewing
            recording = marked(replace(recording, state=State.ON, renewing=None), "start", event.at, by)
            return marked(recording, "resume", event.at, by) if before is State.PAUSED else recording
        case Pause():
            return marked(replace(recording, state=State.PAUSED), "pause", event.at, by)
        case Resume():
            return marked(replace(recording, state=State.ON), "resume", event.at, by)
        case Stop():
            if recording.renewing is not None:
                over = replace(_over(recording, event.at, "renewed"), renewing=recording.renewing)
                return marked(over, "renew", event.at, note=RENEWED)
            return marked(_over(recording, event.at, "stopped"), "stop", event.at, by)


def _confirmed_late(recording: Recording, event: Done) -> Outcome:
    """An answer to a command that we had given up waiting for. Only a start matters: that recorder runs."""
    command = event.command
    if not isinstance(command, Start) or command.recording != recording.id:
        return recording, ()
    known = recording.segment
    if known is not None and known.start == command:
        late = known.started_at is None and recording.asked is None
        return (_newest(replace(recording, state=State.ON), started_at=event.at) if late else recording), ()
    stop = Stop(command.call, command.recording, command.segment, recording.numbered + 1, command.leg)
    return replace(recording, numbered=stop.number), (stop,)


def _failed(recording: Recording, event: Failed) -> Outcome:
    if event.leg_gone:
        return _over(recording, event.at, "its leg ended"), ()
    recording = marked(recording, "failed", event.at, note=f"{_verb(event.command)}: {event.reason}")
    return _count_failure(recording, event.call, event.command, event.reason)


def _lost(recording: Recording, event: RecorderLost) -> Outcome:
    segment = recording.segment
    if segment is None or segment.number != event.segment or segment.ended_at is not None:
        return recording, ()
    awaited, recording = recording.asked, replace(recording, asked=None)
    if segment.started_at is None:
        # It died before its start was confirmed to us. The confirmation may yet come and must not raise the dead.
        recording = _newest(recording, started_at=event.at)
    recording = _over(recording, event.at, event.reason or "lost")
    if event.leg_gone or isinstance(awaited, Stop):
        return recording, ()
    recording = marked(recording, "lost", event.at, note=event.reason)
    return _count_failure(recording, event.call, segment.start, event.reason)


def _found(recording: Recording, event: RecorderFound, wanted: State) -> Outcome:
    """Take over a recorder that runs. Whether it is muted is unknown: assume what makes close() assert the wish."""
    assumed = State.PAUSED if wanted is State.ON else State.ON
    segment = recording.segment
    if segment is not None and segment.number == event.segment and segment.ended_at is None:
        found = replace(recording, state=assumed, asked=None)
        # It runs although nobody saw its start confirmed: that it was found is the confirmation.
        return (_newest(found, started_at=event.at) if segment.started_at is None else found), ()
    if segment is not None and segment.number >= event.segment:
        stray = Stop(recording.call, recording.id, event.segment, recording.numbered + 1, event.leg)
        return replace(recording, numbered=stray.number), (stray,)  # a newer one runs, or this one is over for us
    start = Start(recording.call, recording.id, event.segment, recording.numbered, event.leg, event.provisional)
    adopted = Segment(event.segment, event.leg, start, started_at=event.at)
    recording = replace(recording, state=assumed, asked=None, segments=(*recording.segments, adopted))
    return marked(recording, "adopted", event.at), ()


def _unpaused(recording: Recording, event: PauseBroken) -> Outcome:
    """A pause that does not hold is worse than none: somebody relies on it."""
    segment = recording.segment
    if segment is None or segment.number != event.segment or recording.state is not State.PAUSED:
        return recording, ()
    recording = marked(recording, "failed", event.at, note="pause: there is sound in the file all the same")
    alarm = Alarm(
        event.call,
        "the PBX confirmed a pause and went on recording: the recording is stopped instead",
        "what was said meanwhile is in it: listen, and delete what must not be kept; see the PBX's log",
    )
    return replace(recording, unpausable=True), (alarm,)


def _count_failure(recording: Recording, call: CallId, command: RecorderCommand, reason: str) -> Outcome:
    failures = recording.failures + 1
    if failures < MOST_FAILURES:
        timer = SetTimer(call, RETRY, RETRY_SECONDS[failures - 1])
        return replace(recording, failures=failures, waiting=True), (timer,)
    return _give_up(replace(recording, failures=0), call, command, reason)


def _give_up(recording: Recording, call: CallId, command: RecorderCommand, reason: str) -> Outcome:
    """Towards silence: a pause that cannot be had becomes a stop; a resume that fails leaves the pause."""
    match command:
        case Start():
            alarm = Alarm(
                call,
                f"recording could not be started: {reason}",
                "see that the monitor folder is there and writable by the PBX, then start it again",
            )
            return replace(recording, given_up=True), (alarm,)
        case Pause():
            alarm = Alarm(call, f"pause failed, the recording is stopped instead: {reason}", "see the PBX's log")
            return replace(recording, unpausable=True), (alarm,)
        case Resume():
            alarm = Alarm(call, f"the recording stays paused: {reason}", "stop it and start it again")
            return replace(recording, stuck=True), (alarm,)
        case Stop():
            alarm = Alarm(call, f"the recorder may still run: {reason}", "hang up, or stop it on the PBX by hand")
            return replace(recording, stuck=True), (alarm,)


def _over(recording: Recording, at: float, why: str) -> Recording:
    """The newest segment has ended; one that never began stays without an end."""
    recording = replace(recording, state=State.OFF, renewing=None)
    segment = recording.segment
    if segment is None or segment.started_at is None or segment.ended_at is not None:
        return recording
    return _newest(recording, ended_at=at, ended_by=why)


def _newest(
    recording: Recording,
    started_at: float | None = None,
    ended_at: float | None = None,
    ended_by: str = "",
) -> Recording:
    segment = recording.segments[-1]
    segment = replace(
        segment,
        started_at=segment.started_at if started_at is None else started_at,
        ended_at=segment.ended_at if ended_at is None else ended_at,
        ended_by=ended_by or segment.ended_by,
    )
    return replace(recording, segments=(*recording.segments[:-1], segment))


def _verb(command: RecorderCommand) -> str:
    return type(command).__name__.lower()
