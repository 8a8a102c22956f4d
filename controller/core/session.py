"""The whole story of one call, top to bottom: hear an event, decide, listen to people, close the gap, hand over."""

from __future__ import annotations

import re
from types import MappingProxyType

from controller.core import (
    announcing,
    aside,
    calls,
    consent,
    failures,
    informing,
    listening,
    pauses,
    policy,
    recording,
    reminding,
    wishes,
)
from controller.core import keypad as keypads
from controller.core.altered import replace
from controller.core.calls import Call, Leg, company, is_room, talking
from controller.core.commands import (
    CallId,
    CancelTimer,
    Command,
    HandOver,
    LegId,
    RecordingId,
    SetTimer,
    Side,
    pbx_of,
)
from controller.core.decision import Decision, Mode, Options, StartPoint, Subject
from controller.core.events import (
    Done,
    Event,
    Failed,
    LegEnded,
    LegJoined,
    LegLeft,
    PolicyChanged,
    QueueLeft,
    RecorderFound,
    RecorderLost,
    TimerFired,
)
from controller.core.holding import muted
from controller.core.listening import QUIET
from controller.core.listening import refusal as refusal
from controller.core.policy import Policy
from controller.core.recording import Recording, State
from controller.core.roster import Party
from controller.core.state import Outcome, about_to_talk, marked
from controller.core.state import Session as Session
from controller.core.state import begin as begin
from controller.core.subjects import anchor, direction, is_consultation, party
from controller.core.wishes import Wish

START_DELAY = "start"

MOST_LENGTH = "max-length"

TOLD = (*announcing.TIMERS, reminding.AGAIN)

ENDINGS = (LegLeft, LegEnded, QueueLeft, Failed, RecorderLost)
"""After these there is less of a call than before (the last two tell that a leg is gone)."""


def step(session: Session, event: Event, rules: Policy, acting: bool = True) -> Outcome:
    """What this event changes, and what is to be asked for. Pure: the same input gives the same output, always.

    `acting` False: the link is down or its snapshot not complete, so listen and decide, but ask the PBX for nothing.
    """
    call = calls.update(_without_gone_leg(session, event), event)
    changed = call is not session.call
    session = replace(session, call=call) if changed else session
    if changed or session.decision is None or isinstance(event, PolicyChanged):
        session = _decided(session, rules, isinstance(event, ENDINGS))
    if isinstance(event, PolicyChanged) and session.recording is not None:
        session = replace(session, recording=recording.trying_again(session.recording))
    before = session
    session, answers = listening.asked(session, event, rules)
    session, typed = listening.typed(session, event, rules)
    typed = (*typed, *listening.switched(session, event, rules))
    session = listening.stood(session, rules)
    session, opened = informing.gated(session, event, rules)
    session, announced = informing.announced(session, event, rules, acting)
    session = _noticed(session, event)
    session, timers = _timed(session, event)
    session, lasting = _lasting(session, before.wish, event)
    want = wanted(session, rules)
    session, commands = _recorded(session, event, want, rules, acting)
    session, through = informing.let_through(session, want)
    session, failing = _failing(session, before.recording, event, rules)
    session, reminded = informing.reminded(session, before.recording, event, rules, acting)
    session, told = listening.armed(session, event, rules) if acting and rules.arms else (session, ())
    session, last = _handed_over(session)
    asked = (*answers, *typed, *opened, *announced, *timers, *lasting, *commands)
    return session, (*asked, *through, *failing, *reminded, *told, *last)


def _without_gone_leg(session: Session, event: Event) -> Call:
    """An answer which says that a leg is gone is as good as that leg's end, and often comes first: without it the
    next start would go to the very channel that just hung up."""
    if not isinstance(event, (Failed, RecorderLost)) or not event.leg_gone:
        return session.call
    if isinstance(event, Failed):
        return calls.update(session.call, LegEnded(event.call, event.at, event.command.leg, "gone"))
    carriers = [
        segment.leg
        for each in (session.recording, session.aside, *session.rest)
        if each is not None and each.id == event.recording
        for segment in each.segments
        if segment.number == event.segment
    ]
    return (
        calls.update(session.call, LegEnded(event.call, event.at, carriers[0], "gone")) if carriers else session.call
    )


def merge(session: Session, other: Session, rules: Policy) -> Session:
    """Two calls became one. One recording goes on; another one that ran is stopped and handed over with this call."""
    kept, more = session.recording, other.recording
    about = _is_about(other, session, rules)
    if about and more is not None:
        more = replace(more, consultation=True, owners=other.owners)
    elif kept is None or (more is not None and kept.settled and not more.settled):
        kept, more = more, kept
    rest = (*session.rest, *other.rest, *(each for each in (other.aside, more) if each is not None))
    merged = replace(
        session,
        call=calls.merge(session.call, other.call),
        recording=kept,
        rest=rest,
        wish=_joined(session.wish, other.wish),
        armed=MappingProxyType({**other.armed, **session.armed}),
        consent=consent.joined(session.consent, other.consent),
        # Else the mark that opened a blank would never be closed, and the rest of the file would be silent.
        keypad=keypads.joined(session.keypad, other.keypad),
        owners=session.owners if about else _union(session.owners, other.owners),
        verdict=session.verdict or other.verdict,
        handed_over=False,
    )
    return _decided(merged, rules)


def _is_about(other: Session, session: Session, rules: Policy) -> bool:
    """Whether the other call was a consultation about this one: placed by somebody with this one's party on hold, or
    later, among people of the house only, while an outside party was here."""
    if is_consultation(other.call, rules.roster) and other.call.consults == session.call.id:
        return True
    outside = [any(_is_outside(leg, rules) for leg in one.call.legs.values()) for one in (other, session)]
    return other.call.began_at > session.call.began_at and outside == [False, True]


def _is_outside(leg: Leg, rules: Policy) -> bool:
    return leg.joined_at is not None and party(leg, rules.roster) is Party.EXTERNAL


def _joined(wish: Wish, other: Wish) -> Wish:
    """What people asked for on either call; what was asked to be kept stays so."""
    first = wish if wish.record is not None or wish.paused else other
    return replace(first, keep=wish.keep or other.keep, refused=wish.refused or other.refused)


def wanted(session: Session, rules: Policy) -> State:
    """OFF, ON or PAUSED: from call, rule, wish and consent alone."""
    decision, call = session.decision, session.call
    if decision is None or decision.hidden or call.ended_at is not None or session.too_long:
        return State.OFF
    if not wishes.recording_wished(decision, session.wish) or not _begun(session, decision.options):
        return State.OFF
    if _over_for_now(call) or _forbidden(session, decision, rules):
        return State.OFF
    if announcing.holds_back(session.announcing, decision.options):
        return State.PAUSED if recording.has_begun(session.recording) else State.OFF
    return State.PAUSED if session.wish.paused or session.keypad.blanking or _muted(session) else State.ON


def _forbidden(session: Session, decision: Decision, rules: Policy) -> str:
    """Why a party's word stands against recording; asked only where anything is ever announced."""
    if not session.consent and not rules.asks:
        return ""
    way = direction(session.call, rules.roster)
    return consent.forbids(session.call, session.consent, decision.options, way, rules.roster)


def _muted(session: Session) -> bool:
    return session.decision is not None and muted(session.call, session.recording, session.decision.options.hold)


def _begun(session: Session, options: Options) -> bool:
    return (_ready(session.call, options) or about_to_talk(session)) and (options.delay <= 0 or session.delay_over)


def _ready(call: Call, options: Options) -> bool:
    talked = call.talked_at is not None
    match options.start:
        case StartPoint.BRIDGE:
            return talked
        case StartPoint.ANSWER:
            return talked or call.answered_at is not None
        case StartPoint.RING:
            return talked or call.answered_at is not None or call.rang_at is not None


def _over_for_now(call: Call) -> bool:
    """A conference with one member left, or a queue's caller whose agent has gone: nobody talks."""
    return (is_room(call.id) or call.queue_over) and call.talked_at is not None and not talking(call)


def _decided(session: Session, rules: Policy, ending: bool = False) -> Session:
    """`ending`: somebody left, or the call left its queue. That he is gone says nothing about who was there."""
    main, consultation = aside.split(session.call, rules.roster)
    apart = policy.decide(rules, consultation) if consultation is not None else None
    if apart != session.apart:
        session = replace(session, apart=apart)
    decision, old, call = policy.decide(rules, main), session.decision, session.call
    if decision == old == session.verdict:
        return session
    heard = bool(talking(call))
    if decision == old and not heard:
        return session
    if old is not None and old.mode is Mode.NEVER and not heard and (ending or call.talked_at is not None):
        # Otherwise the end of a call with an excluded number would start a recording of whoever hangs up last.
        decision = decision if decision.mode is Mode.NEVER else old
    session = replace(session, decision=decision)
    if session.recording is not None and old is not None and old.mode is not decision.mode:
        session = replace(session, recording=recording.trying_again(session.recording))
    if call.ended_at is not None or not (heard or (call.talked_at is None and not ending)):
        return session
    if decision.mode is Mode.NEVER and recording.has_begun(session.recording):
        return session  # handed on to somebody whom no rule wants: why it was recorded stays true
    return replace(session, verdict=decision)


def _noticed(session: Session, event: Event) -> Session:
    if not isinstance(event, TimerFired):
        return session
    if event.timer == START_DELAY:
        return replace(session, delay_over=True)
    if event.timer == MOST_LENGTH and session.recording is not None:
        session = marked(session, "max-length", event.at, "", "stopped at the longest allowed length")
        return replace(session, too_long=True)
    return session


def _timed(session: Session, event: Event) -> Outcome:
    """Timers of the rule: the delay after the start point, and the longest length from the first confirmed start."""
    decision = session.decision
    if decision is None or decision.mode is Mode.NEVER:
        return session, ()
    options, commands = decision.options, []
    if options.delay > 0 and not session.delayed and _ready(session.call, options):
        session = replace(session, delayed=True)
        commands.append(SetTimer(session.call.id, START_DELAY, options.delay))
    first = session.recording.segments[0].start if session.recording and session.recording.segments else None
    if isinstance(event, Done) and event.command == first and options.max_length > 0:
        commands.append(SetTimer(session.call.id, MOST_LENGTH, options.max_length))
    return session, tuple(commands)


def _lasting(session: Session, before: Wish, event: Event) -> Outcome:
    """A pause that was forgotten."""
    if session.decision is None:
        return session, ()
    wish, commands, note = pauses.step(session.call.id, before, session.wish, session.decision.options, event)
    if wish is session.wish:
        return session, commands
    return marked(replace(session, wish=wish), "key", event.at, pauses.AUTO_RESUME, note), commands


def _failing(session: Session, before: Recording | None, event: Event, rules: Policy) -> Outcome:
    """Starting was given up just now."""
    current = session.recording
    if current is None or not current.given_up or session.decision is None:
        return session, ()
    where, options = _anchor(session, current, rules), session.decision.options
    commands = failures.step(session.call.id, before, current, options, where)
    if commands:
        session = marked(session, failures.NOT_RECORDED, event.at, "", "its people are told")
    return session, commands


def _recorded(session: Session, event: Event, want: State, rules: Policy, acting: bool) -> Outcome:
    session, more = _beside(session, event, rules, acting)
    session, commands = _in_conversation(session, event, want, rules, acting)
    return session, (*commands, *more)


def _in_conversation(session: Session, event: Event, want: State, rules: Policy, acting: bool) -> Outcome:
    current = session.recording
    if current is None:
        identity = event.recording if isinstance(event, RecorderFound) else None
        if identity is None and want is not State.ON:
            return session, ()
        current = Recording(session.call.id, identity or recording_id(session.call.id))
    elif isinstance(event, RecorderFound) and not current.segments and current.asked is None:
        current = replace(current, id=event.recording)  # the dialplan has begun it, under a name of its own
    by = recording.ON_HOLD if _muted(session) and not session.wish.paused else session.wish.by
    by = announcing.BY if session.announcing.untold and not session.wish.paused else by
    current, heard = recording.hear(current, event, want, by)
    ended_at = session.call.ended_at
    if ended_at is not None:
        return replace(session, recording=_cut_short(current, ended_at)), heard
    asked: tuple[Command, ...] = ()
    if acting:
        side = session.decision.options.pause_side if session.decision else Side.BOTH
        if session.keypad.blanked or (_muted(session) and not session.wish.paused) or session.announcing.untold:
            side = Side.BOTH  # tones of one party come back as an echo from the other
        # Whom a recorder hears can change with a new arrival only, and counts from its start on.
        leg = _anchor(session, current, rules) if current.settled or isinstance(event, LegJoined) else None
        near = _company(session, leg, rules)
        current, asked = recording.close(recording.meet(current, near), want, leg, side, near)
    owners, verdict = session.owners, session.verdict
    if want is not State.OFF and session.decision is not None:
        owners, verdict = _union(owners, session.decision.owners), session.decision
    if current is not session.recording or verdict is not session.verdict or owners is not session.owners:
        session = replace(session, recording=current, owners=owners, verdict=verdict)
    return session, (*heard, *asked)


def _beside(session: Session, event: Event, rules: Policy, acting: bool) -> Outcome:
    """What is no recording of the conversation itself: a consultation within the call, and what comes to an end."""
    if isinstance(event, RecorderFound) and _is_second(session, event):
        session = replace(session, rest=(*session.rest, Recording(session.call.id, event.recording)))
    if session.aside is None and session.apart is None and not session.rest:
        return session, ()
    ended_at = session.call.ended_at
    rest, commands = _wound_down(session.rest, event, acting)
    current, more = _consulted(session, event, rules, acting)
    if current is not None and (session.apart is None or ended_at is not None):
        rest, current = (*rest, current), None
    if ended_at is not None:
        rest = tuple(_cut_short(old, ended_at) for old in rest)
    return replace(session, aside=current, rest=rest), (*commands, *more)


def _is_second(session: Session, event: RecorderFound) -> bool:
    """Whether the dialplan began a recorder while we hung, and ours is under way too: what it has is handed over."""
    current = session.recording
    if current is None or (not current.segments and current.asked is None) or aside.is_recording_id(event.recording):
        return False
    return event.recording not in {each.id for each in (current, session.aside, *session.rest) if each is not None}


def _consulted(
    session: Session, event: Event, rules: Policy, acting: bool
) -> tuple[Recording | None, tuple[Command, ...]]:
    """The consultation's recording: whatever its people's own rules want at all times is on while it goes on."""
    apart, current, call = session.apart, session.aside, session.call
    want = State.OFF
    if apart is not None and not apart.hidden and apart.mode in _AT_ALL_TIMES and call.ended_at is None:
        want = State.PAUSED if session.wish.paused else State.ON
    if current is None:
        if want is not State.ON or apart is None:
            return None, ()
        number = 1 + sum(old.consultation for old in session.rest)
        name = aside.recording_id(recording_id(call.id), number)
        current = Recording(call.id, name, consultation=True, owners=apart.owners)
    current, heard = recording.hear(current, event, want)
    if not acting or call.ended_at is not None:
        return current, heard
    consultation = aside.split(call, rules.roster)[1] if current.settled else None
    leg = anchor(consultation, rules.roster) if consultation is not None else None
    current, asked = recording.close(current, want, leg, Side.BOTH)
    return current, (*heard, *asked)


_AT_ALL_TIMES = (Mode.ALWAYS, Mode.ALWAYS_WITH_PAUSE)


def _anchor(session: Session, current: Recording, rules: Policy) -> LegId | None:
    segment = current.segment
    running = segment.leg if segment is not None and segment.ended_at is None else None
    return anchor(session.call, rules.roster, running)


def _company(session: Session, leg: LegId | None, rules: Policy) -> frozenset[LegId]:
    """Whom the recorder on this leg hears, where its PBX makes that a question."""
    call = session.call
    return company(call, leg) if leg is not None and pbx_of(call.id) in rules.renews else frozenset()


def _wound_down(
    rest: tuple[Recording, ...], event: Event, acting: bool
) -> tuple[tuple[Recording, ...], tuple[Command, ...]]:
    """Recordings of merged calls: wanted by nobody any more, in their own right."""
    if not rest:
        return rest, ()
    kept: list[Recording] = []
    commands: list[Command] = []
    for old in rest:
        stepped, asked = recording.hear(old, event, State.OFF)
        commands.extend(asked)
        if acting:
            stepped, asked = recording.close(stepped, State.OFF, None, Side.BOTH)
            commands.extend(asked)
        kept.append(stepped)
    return tuple(kept), tuple(commands)


def _cut_short(current: Recording, at: float) -> Recording:
    """The call is over and its channels with it: what recorded them has ended, asked or not, heard of or not.

    A command under way is waited for all the same: a start that succeeds late has left a file to take over.
    """
    return current if current.asked is not None else recording.ended_with_leg(current, at)


def _handed_over(session: Session) -> Outcome:
    call = session.call
    if call.ended_at is None or session.handed_over:
        return session, ()
    current = session.recording
    if any(old.asked is not None for old in (current, *session.rest) if old is not None):
        return session, ()
    session = replace(session, handed_over=True)
    pad, said = keypads.ended(session.keypad, call.ended_at)
    session, _ = listening.watched_over(replace(session, keypad=pad), call.ended_at, said)
    current = session.recording
    answers = (f"{announcing.ANSWER}{leg}" for leg in session.announcing.awaited)
    timers = tuple(
        CancelTimer(call.id, name)
        for name in (*answers, START_DELAY, MOST_LENGTH, QUIET, recording.RETRY, *pauses.TIMERS, *TOLD)
    )
    if session.decision is not None and session.decision.hidden:
        return session, timers
    rest = tuple(HandOver(call.id, old.id, "") for old in session.rest if old.segments)
    if current is None or not recording.has_begun(current):
        return session, (*timers, HandOver(call.id, None), *rest)
    return session, (*timers, HandOver(call.id, current.id, _discarded(session)), *rest)


def _discarded(session: Session) -> str:
    """Why this recording must not be kept; "" where it is kept. Its length is judged later, by the pipeline."""
    options = session.verdict.options if session.verdict else Options()
    if session.call.talked_at is None and not options.keep_unanswered:
        return "nobody answered, so nobody talked"
    if session.verdict is not None and not wishes.kept(session.verdict, session.wish):
        return "a party refused to be recorded" if session.wish.refused else "nobody asked to keep it"
    return ""


def _union(one: tuple[Subject, ...], other: tuple[Subject, ...]) -> tuple[Subject, ...]:
    new = [subject for subject in other if subject not in one]
    return (*one, *new) if new else one


def recording_id(call: CallId) -> RecordingId:
    """A name for this call's recording: made of the call's own id, so that it is the same after a restart."""
    return RecordingId(re.sub(r"[^A-Za-z0-9_-]+", "-", call).strip("-"))
