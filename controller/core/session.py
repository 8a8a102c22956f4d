"""The whole story of one call, top to bottom: hear an event, decide, listen to people, close the gap, hand over."""

from __future__ import annotations

from controller.core import failures, informing, listening, pauses, recorders, recording, updating
from controller.core.altered import replace
from controller.core.calls import Call
from controller.core.commands import SetTimer
from controller.core.deciding import decided
from controller.core.decision import Mode
from controller.core.events import (
    Done,
    Event,
    Failed,
    LegEnded,
    LegLeft,
    PolicyChanged,
    QueueLeft,
    RecorderLost,
    TimerFired,
)
from controller.core.handing_over import MOST_LENGTH, START_DELAY, handed_over
from controller.core.listening import refusal as refusal
from controller.core.policy import Policy
from controller.core.recording import Recording
from controller.core.state import Outcome, marked
from controller.core.state import Session as Session
from controller.core.state import begin as begin
from controller.core.wanted import ready, wanted
from controller.core.wishes import Wish

ENDINGS = (LegLeft, LegEnded, QueueLeft, Failed, RecorderLost)
"""After these there is less of a call than before (the last two tell that a leg is gone)."""


def step(session: Session, event: Event, rules: Policy, acting: bool = True) -> Outcome:
    """What this event changes, and what is to be asked for. Pure: the same input gives the same output, always.

    `acting` False: the link is down or its snapshot not complete, so listen and decide, but ask the PBX for nothing.
    """
    call = updating.update(_without_gone_leg(session, event), event)
    changed = call is not session.call
    session = replace(session, call=call) if changed else session
    if changed or session.decision is None or isinstance(event, PolicyChanged):
        session = decided(session, rules, isinstance(event, ENDINGS))
    if isinstance(event, PolicyChanged) and session.recording is not None:
        session = replace(session, recording=recording.trying_again(session.recording))
    before = session
    session, answers = listening.asked(session, event, rules)
    session, typed = listening.typed(session, event, rules)
    typed = (*typed, *listening.switched(session, event, rules))
    session = listening.stood(session, rules)
    session, opened = informing.gated(session, event, rules)
    session, announced = informing.announced(session, event, rules)
    session = _noticed(session, event)
    session, timers = _timed(session, event)
    session, lasting = _lasting(session, before.wish, event)
    want = wanted(session, rules)
    session, commands = recorders.step(session, event, want, rules, acting)
    session, telling = informing.telling(session, event, rules) if acting else (session, ())
    session, through = informing.let_through(session, want)
    session, failing = _failing(session, before.recording, event, rules)
    session, reminded = informing.reminded(session, before.recording, event, rules, acting)
    session, told = listening.armed(session, event, rules) if acting and rules.arms else (session, ())
    session, last = handed_over(session)
    asked = (*answers, *typed, *opened, *announced, *timers, *lasting, *commands)
    return session, (*asked, *telling, *through, *failing, *reminded, *told, *last)


def _without_gone_leg(session: Session, event: Event) -> Call:
    """An answer which says that a leg is gone is as good as that leg's end, and often comes first: without it the
    next start would go to the very channel that just hung up."""
    if not isinstance(event, (Failed, RecorderLost)) or not event.leg_gone:
        return session.call
    if isinstance(event, Failed):
        return updating.update(session.call, LegEnded(event.call, event.at, event.command.leg, "gone"))
    carriers = [
        segment.leg
        for each in (session.recording, session.aside, *session.rest)
        if each is not None and each.id == event.recording
        for segment in each.segments
        if segment.number == event.segment
    ]
    return (
        updating.update(session.call, LegEnded(event.call, event.at, carriers[0], "gone"))
        if carriers
        else session.call
    )


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
    if options.delay > 0 and not session.delayed and ready(session.call, options):
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
    where, options = recorders.anchor_of(session, current, rules), session.decision.options
    commands = failures.step(session.call.id, before, current, options, where)
    if commands:
        session = marked(session, failures.NOT_RECORDED, event.at, "", "its people are told")
    return session, commands
