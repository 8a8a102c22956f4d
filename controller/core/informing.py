"""Telling: what people are to hear about being recorded, at the gate and in the conversation. Pure."""

from __future__ import annotations

from controller.core import (
    announcing,
    aside,
    beeping,
    consent,
    gate,
    reminding,
    wishes,
)
from controller.core.altered import replace
from controller.core.commands import (
    Alarm,
    Command,
    LegId,
    Open,
    SetTimer,
    Stop,
)
from controller.core.consent import Entry, Standing
from controller.core.decision import AfterRefusal, Announce, Options
from controller.core.events import (
    Beeped,
    ConsentKeyed,
    ConsentKnown,
    Diverted,
    Done,
    Event,
    GateReached,
    NoticePlayed,
    TimerFired,
)
from controller.core.gate import Waiting
from controller.core.policy import Policy
from controller.core.recording import Recording, State
from controller.core.state import Outcome, Session, about_to_talk, learned, marked
from controller.core.subjects import direction

BEFORE_SECONDS = 0.05
"""How much earlier than we hear of it somebody may have been connected."""
UNHOOKED_SECONDS = 0.2
"""A PBX has let go of a recorder for good some frames after it says so; no event tells when."""


def gated(session: Session, event: Event, rules: Policy) -> Outcome:
    """What happens in our part of the dialplan: who is to hear what, what they heard, and what they said."""
    match event:
        case GateReached():
            return _told_next(session, event.leg, gate.reached(session.call, event, session.consent, rules))
        case NoticePlayed() if not event.notice:
            return _heard(session, event)
        case ConsentKeyed() if event.leg not in session.announcing.awaited:
            return _answered(session, event)
        case Diverted(done=False):
            return _stuck(session, event.leg)
        case ConsentKnown():
            return brought(session, event), ()
        case _:
            return session, ()


def brought(session: Session, event: ConsentKnown) -> Session:
    """What somebody heard or said elsewhere counts here too: nobody is told twice. A refusal is no news twice: the
    gate keeps it on the channel, for a controller that was not there."""
    if event.standing == Standing.REFUSED.value and consent.standing(session.consent, event.leg) in consent.AGAINST:
        return session
    entry = Entry(Standing(event.standing), event.since, event.prompt, event.how, Announce(event.asked))
    return session if entry in session.consent.get(event.leg, ()) else learned(session, event.leg, entry)


def _told_next(session: Session, leg: LegId, waiting: Waiting) -> Outcome:
    """The word for a leg in the gate: what it is to hear, or that it may go on. Every report of the dialplan gets
    one: where none comes it takes us for dead."""
    session = replace(session, gates=gate.awaiting(session.gates, leg, waiting))
    word = gate.word(session.call.id, leg, waiting)
    if word is not None:
        return session, (word,)
    if waiting.callee:
        return replace(session, early=leg, waiting=True), ()  # as soon as its recorder runs
    return session, (Open(session.call.id, leg, gate.GO),)


def _heard(session: Session, event: NoticePlayed) -> Outcome:
    leg, waiting = event.leg, session.gates.get(event.leg, gate.Waiting(callee=False))
    if not waiting.said:
        return _told_next(session, leg, waiting)
    first, language = waiting.said[0], waiting.options.language
    if event.whole:
        how = first.how(gate.AT_GATE)
        session = learned(session, leg, Entry(Standing.INFORMED, event.at, first.cited(language), how, first.meant))
        return _told_next(session, leg, replace(waiting, said=()))
    session, commands = _told_next(session, leg, gate.unplayed(waiting))
    return session, (*commands, announcing.unheard(session.call.id, first, language))


def _answered(session: Session, event: ConsentKeyed) -> Outcome:
    leg, waiting = event.leg, session.gates.get(event.leg, gate.Waiting(callee=False))
    if not waiting.said:
        return _told_next(session, leg, waiting)
    first, language = waiting.said[0], waiting.options.language
    said = consent.answered(first.announce, event.digit)
    how = first.how(f"key {event.digit}" if event.digit else "no key")
    session = learned(session, leg, Entry(said, event.at, first.cited(language), how, first.meant))
    waiting = replace(waiting, said=())
    if said is not Standing.REFUSED:
        return _told_next(session, leg, waiting)
    match waiting.options.after_refusal:
        case AfterRefusal.END:
            return session, (Open(session.call.id, leg, gate.END, consent.REFUSED, language),)
        case AfterRefusal.ROUTE:
            gates = gate.awaiting(session.gates, leg, waiting)
            return replace(session, gates=gates), consent.parted(session.call.id, leg, waiting.options, language)
        case AfterRefusal.GO_ON:
            return _refused(session, leg, waiting)


def _refused(session: Session, leg: LegId, waiting: Waiting) -> Outcome:
    """It goes on, unrecorded; the dialplan learns of a caller's refusal."""
    if waiting.callee:
        return _told_next(session, leg, waiting)
    return session, (Open(session.call.id, leg, gate.REFUSED),)


def _stuck(session: Session, leg: LegId) -> Outcome:
    """Whoever refused could not be sent where he is to go: his call goes on, unrecorded."""
    what = "a party that refused to be recorded could not be sent to its destination: its call goes on, unrecorded"
    alarm = Alarm(session.call.id, what, "see that the place in after_refusal is in the dialplan")
    waiting = session.gates.get(leg)
    if waiting is None or (session.call.legs[leg].joined_at is not None if leg in session.call.legs else True):
        return session, (alarm,)
    session, commands = _refused(session, leg, waiting)
    return session, (*commands, alarm)


def announced(session: Session, event: Event, rules: Policy) -> Outcome:
    """Those who talk and were not told at a gate: who they are, and what this event tells of them."""
    decision = session.decision
    if not rules.announces or decision is None or session.call.ended_at is not None:
        return session, ()
    call = aside.split(session.call, rules.roster)[0]
    way = direction(call, rules.roster)
    state, told, commands = announcing.hear(session.announcing, session.call, decision.options, way, event)
    session = replace(session, announcing=state)
    for leg, entry in told:
        session = learned(session, leg, entry)
    state = session.announcing
    wished = not decision.hidden and wishes.recording_wished(decision, session.wish) and not session.wish.refused
    soon = wished and about_to_talk(session)
    ledger = session.consent
    state = (
        announcing.look(state, call, ledger, decision.options, way, rules.roster, soon)
        if wished
        else replace(state, untold=())
    )
    return _unheard(replace(session, announcing=state), decision.options, event.at), commands


def telling(session: Session, event: Event, rules: Policy) -> Outcome:
    """Have those told who are still to be, once it is known what becomes of their recorders."""
    decision = session.decision
    if not rules.announces or decision is None or session.call.ended_at is not None or not session.announcing.untold:
        return session, ()
    call = aside.split(session.call, rules.roster)[0]
    way = direction(call, rules.roster)
    later = _later(session, decision.options, way, event)
    state, commands = announcing.tell(session.announcing, call, decision.options, way, later)
    if isinstance(event, Done) and isinstance(event.command, Stop) and later is not None:
        commands = (*commands, SetTimer(session.call.id, announcing.UNHOOKED, UNHOOKED_SECONDS))
    return (session if state is session.announcing else replace(session, announcing=state)), commands


def _later(session: Session, options: Options, way: str, event: Event) -> LegId | None:
    """The leg that cannot be told yet: its recorder will be stopped, until all agree or to be renewed, or has just
    been."""
    current = session.recording
    if current is None or current.segment is None or current.stuck:
        return None
    leg, ended = current.segment.leg, current.segment.ended_at
    if current.state is State.OFF:
        waited = isinstance(event, TimerFired) and event.timer == announcing.UNHOOKED
        return leg if ended is not None and not waited and event.at - ended < UNHOOKED_SECONDS else None
    stops = current.doubted or consent.asked_for(options, way) is Announce.OPT_IN
    return leg if stops else None


def _unheard(session: Session, options: Options, at: float) -> Session:
    """What a newcomer says before the recorder is paused for him is silenced in the finished file (F-050)."""
    state, current = session.announcing, session.recording
    if state.blanked and not state.untold:
        return marked(replace(session, announcing=replace(state, blanked=False)), "unblank", at, "", "")
    runs = current is not None and current.state is State.ON
    if not runs or state.blanked or not announcing.holds_back(state, options):
        return session
    blanked = replace(session, announcing=replace(state, blanked=True))
    return marked(blanked, "blank", at - BEFORE_SECONDS, "", "somebody who has not been told yet")


def reminded(session: Session, before: Recording | None, event: Event, rules: Policy, acting: bool) -> Outcome:
    """Notices that recording starts, stops, pauses or goes on, and beeps while it runs."""
    decision, call = session.decision, session.call
    if not rules.reminds or decision is None or session.recording is None:
        return session, ()
    beeps = beeping.hear(session.beeping, event)
    state = session.reminding
    scene = reminding.Scene(call, decision.options, session.consent, direction(call, rules.roster), rules.roster)
    commands: tuple[Command, ...] = ()
    if acting and call.ended_at is None:
        state, commands = reminding.step(state, before, session.recording, session.wish.paused, scene)
        beeps, more = beeping.step(beeps, session.recording, call, decision.options, rules.roster)
        commands = (*commands, *more)
    if isinstance(event, Beeped):
        note = beeping.note(session.beeping, event)
        session = marked(session, "beep" if event.heard else "failed", event.at, "", note)
    session = replace(session, reminding=state, beeping=beeps)
    if isinstance(event, NoticePlayed) and event.notice in reminding.NOTICES:
        # That people were told of it belongs to what is known of the recording (W-34).
        words = event.notice if event.notice == reminding.SIGNAL else f"{event.notice} ({event.language})"
        note = f"{words} to leg {event.leg}" + ("" if event.whole else " could not be played")
        session = marked(session, "notice" if event.whole else "failed", event.at, "", note)
    return session, (*commands, *beeping.retry(event))


def let_through(session: Session, want: State) -> Outcome:
    """Who waits to be bridged goes on once the recorder is confirmed, or where there is none to wait for."""
    if session.early is None or not session.waiting:
        return session, ()
    current = session.recording
    waiting = want is not State.OFF and (current is None or (current.state is State.OFF and not current.given_up))
    if waiting:
        return session, ()
    return replace(session, waiting=False), (Open(session.call.id, session.early, gate.GO),)
